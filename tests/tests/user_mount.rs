//! A mount of an ordinary user's: through fusermount3, with a daemon that has no privilege.
//!
//! `/dev/fuse` and `/etc/fuse.conf` are as a distribution has them, in a mount namespace of the test's own.

use pfs_tests::bsd::pioctl::*;
use pfs_tests::debugger::*;
use pfs_tests::{
    bounded, copy_program, eventually, field, inside, pfs_binary, root, solaris_program, state, status_field, Client,
    Mount, Target, TempDir, NOBODY, PATIENCE,
};
use std::os::unix::fs::{chown, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Device 10:229 for everybody, and a fuse.conf that allows nothing beyond the default. The device that makes userfaultfds, if there
/// is one, is ours: for root.
const OWN_DEVICE: &[&str] = &[
    "unshare",
    "-m",
    "--propagation",
    "private",
    "sh",
    "-c",
    "mount -t tmpfs -o mode=755 tmpfs /mnt && mknod -m 666 /mnt/fuse c 10 229 && mount --bind /mnt/fuse /dev/fuse && \
     : >/mnt/conf && { [ ! -e /etc/fuse.conf ] || mount --bind /mnt/conf /etc/fuse.conf; } && \
     { [ ! -c /dev/userfaultfd ] || { cp -a /dev/userfaultfd /mnt/ && mount --bind /mnt/userfaultfd /dev/userfaultfd; }; } && exec \"$@\"",
    "sh",
];

/// True inside, where there is something to test with.
fn ready(name: &str) -> bool {
    let helper = std::env::var_os("PATH").is_some_and(|path| {
        let mut all = std::env::split_paths(&path).map(|dir| dir.join("fusermount3"));
        // Without its set-uid bit it is of use to nobody.
        all.any(|p| p.metadata().is_ok_and(|m| m.mode() & 0o4000 != 0 && m.uid() == 0))
    });
    if !helper || !Path::new("/dev/fuse").exists() {
        eprintln!("no set-uid fusermount3 or no /dev/fuse: nothing tested");
        return false;
    }
    root() && inside(name, OWN_DEVICE)
}

/// User NOBODY with a directory of his own; his daemon ends with it.
struct User {
    home: PathBuf,
    pfs: PathBuf,
    _dir: TempDir,
}

impl User {
    fn new() -> User {
        let dir = TempDir::new();
        let (home, pfs) = (dir.path().join("home"), dir.path().join("pfs"));
        copy_program(pfs_binary(), &pfs);
        std::fs::create_dir(&home).unwrap();
        chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
        User { home, pfs, _dir: dir }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.uid(NOBODY).gid(NOBODY).current_dir(&self.home).stdin(std::process::Stdio::null());
        command.env("PFS_RUNTIME_DIR", self.home.join("run"));
        command
    }

    fn pfs(&self, args: &[&str]) -> Output {
        bounded(self.command(&self.pfs).args(args), PATIENCE)
    }

    #[track_caller]
    fn does(&self, args: &[&str]) -> String {
        let out = self.pfs(args);
        assert!(out.status.success(), "pfs {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    #[track_caller]
    fn fails(&self, args: &[&str]) -> String {
        let out = self.pfs(args);
        assert_eq!(out.status.code(), Some(1), "pfs {args:?}");
        let said = String::from_utf8(out.stderr).unwrap();
        assert!(said.starts_with("pfs: ") && said.lines().count() == 1, "{said}");
        said
    }

    fn dir(&self, name: &str) -> PathBuf {
        let dir = self.home.join(name);
        std::fs::create_dir(&dir).unwrap();
        chown(&dir, Some(NOBODY), Some(NOBODY)).unwrap();
        dir
    }

    fn daemon(&self) -> i32 {
        std::fs::read_to_string(self.home.join("run/daemon.lock")).unwrap().trim().parse().unwrap()
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if self.home.join("run").exists() {
            self.pfs(&["shutdown"]);
        }
    }
}

fn mounted(dir: &Path) -> bool {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    table.lines().any(|l| l.split(' ').nth(4) == dir.to_str() && l.contains(" - fuse.pfs "))
}

/// A user with a mount of this flavour at `p`.
fn mounted_as(flavour: &str) -> (User, PathBuf) {
    let user = User::new();
    let point = user.dir("p");
    user.does(&["mount", "-t", flavour, "p"]);
    (user, point)
}

fn ended(pid: i32) -> bool {
    matches!(state(pid), '-' | 'Z')
}

#[test]
fn a_user_sees_the_solaris_files_of_his_own_processes() {
    if !ready("a_user_sees_the_solaris_files_of_his_own_processes") {
        return;
    }
    let (user, point) = mounted_as("solaris");
    let (client, own, other) =
        (Client::of_user(NOBODY), Target::start_as(NOBODY, "shows", &["wait"]), Target::start("count", &[]));
    let read = |pid: i32, name: &str| {
        let fd = client.open(&point.join(pid.to_string()).join(name), libc::O_RDONLY)?;
        let bytes = client.read_at(fd, 0, 500_000);
        client.close(fd);
        bytes
    };
    for (name, size) in [("psinfo", 416), ("usage", 504), ("auxv", 448), ("sigact", 2368), ("cred", 32)] {
        assert_eq!(read(own.pid(), name).map(|b| b.len()), Ok(size), "{name}");
    }
    assert!(!read(own.pid(), "xmap").unwrap().is_empty());
    let space = client.open(&point.join(own.pid().to_string()).join("as"), libc::O_RDWR).unwrap();
    assert_eq!(client.read_at(space, own.numbers()[0], 4), Ok(vec![0x5a; 4]));
    client.close(space);
    // The kernel's links to mapped files are for the privileged; their paths lead to them, too.
    let listed = bounded(user.command(Path::new("ls")).arg(format!("p/{}/object", own.pid())), PATIENCE);
    let listed = String::from_utf8(listed.stdout).unwrap();
    for name in listed.lines().filter(|n| !n.starts_with("tmpfs")) {
        let head = read(own.pid(), &format!("object/{name}")).unwrap();
        assert!(!head.is_empty(), "{name}");
    }
    assert!(listed.starts_with("a.out\n") && listed.lines().count() > 2, "{listed}");
    assert_eq!(read(other.pid(), "psinfo").map(|b| b.len()), Ok(416));
    assert_eq!(read(other.pid(), "map"), Err(libc::EACCES));
    user.does(&["umount", "p"]);
}

/// Programs for Solaris, run by a user on a mount of his.
#[test]
fn a_user_controls_his_own_processes_as_on_solaris() {
    if !ready("a_user_controls_his_own_processes_as_on_solaris") {
        return;
    }
    let (user, point) = mounted_as("solaris");
    for bits in [64, 32] {
        for (name, case) in [
            ("messages", "pcstop"),
            ("messages", "pcrun"),
            ("messages", "prstep"),
            ("messages", "prsabort"),
            ("messages", "pcsreg"),
            ("messages", "pcsexit"),
            ("stops", "registers_in_job_control"),
            ("truss", "breakpoints"),
        ] {
            let program = user.home.join(format!("{name}-{bits}"));
            copy_program(&solaris_program(name, bits), &program);
            let mut command = user.command(&program);
            command.arg(&point).arg(case).env("PFS_TEST_HITS", "200");
            let out = bounded(&mut command, PATIENCE);
            let said = String::from_utf8_lossy(&out.stderr);
            assert!(out.status.success(), "{name} {case}, {bits} bits: {}\n{said}", out.status);
        }
    }
    let as_nobody = |command: &mut Command| {
        command.uid(NOBODY).gid(NOBODY);
    };
    let debugger = |pid: i32| Debugger::by(as_nobody, 64, &point, pid);
    const DO_WRITE: u64 = 1;

    // By a watch register.
    let target = Target::start_as(NOBODY, "watched", &[]);
    let area = target.numbers()[0];
    let mut one = debugger(target.pid());
    one.tell("trace").unwrap();
    one.watch(area + 16, 4, WRITE | AFTER).unwrap();
    begin(&target, DO_WRITE, [16, 4]);
    one.passes(WRITE_HIT, area + 16, true);
    finishes(&target);
    does(&target, DO_WRITE, [24, 4]);

    // By pages, if he may have a userfaultfd that tells of all.
    let target = Target::start_as(NOBODY, "paged", &["private"]);
    let area = target.numbers()[0];
    let mut pages = debugger(target.pid());
    pages.tell("trace").unwrap();
    let setting = std::fs::read_to_string("/proc/sys/vm/unprivileged_userfaultfd").unwrap();
    if setting.trim() == "0" {
        assert_eq!(pages.watch(area + 2048, 8192, WRITE), Err(libc::EPERM));
        does(&target, DO_WRITE, [2048, 4]);
    }
    let device = Path::new("/dev/userfaultfd");
    if !device.exists() {
        eprintln!("no /dev/userfaultfd: protected pages are not tested");
        return;
    }
    std::fs::set_permissions(device, std::fs::Permissions::from_mode(0o666)).unwrap();
    pages.watch(area + 2048, 8192, WRITE).unwrap();
    begin(&target, DO_WRITE, [2048 + 4096, 4]);
    pages.hit(WRITE_HIT, area + 2048 + 4096, false);
    pages.watch(area + 2048, 0, 0).unwrap();
    pages.run(PRCFAULT);
    finishes(&target);
}

#[test]
fn a_user_controls_his_own_processes_and_no_others() {
    if !ready("a_user_controls_his_own_processes_and_no_others") {
        return;
    }
    let (user, point) = mounted_as("linux");
    assert!(mounted(&point));
    let daemon = user.daemon();
    assert_eq!(status_field(daemon, "Uid").split('\t').collect::<Vec<_>>(), [NOBODY.to_string().as_str(); 4]);
    assert_eq!(status_field(daemon, "CapPrm"), "0000000000000000");

    let client = Client::of_user(NOBODY);
    let own = Target::start_as(NOBODY, "count", &["2"]);
    let others = [Target::start("count", &[]), Target::start_as(1000, "count", &[])];
    let path = |pid: i32, name: &str| point.join(pid.to_string()).join(name);
    let ctl = client.open(&path(own.pid(), "ctl"), libc::O_RDWR).unwrap();
    assert_eq!(client.write(ctl, "stop"), Ok(4));
    own.stands(16);
    own.stands(17);
    let regs = client.open(&path(own.pid(), "regs"), libc::O_RDWR).unwrap();
    let image = client.read(regs, 1000).unwrap();
    assert_eq!(image.len(), 216);
    assert_eq!(client.write_at(regs, 0, &image), Ok(216));
    assert_eq!(client.write(ctl, "nice 3\nrun"), Ok(10));
    own.counts(16);
    own.counts(17);
    assert_eq!(client.write(ctl, "nice 0"), Err(libc::EACCES));
    for other in &others {
        for name in ["ctl", "seat", "mem", "regs", "fpregs", "xregs", "dbregs"] {
            assert_eq!(client.open(&path(other.pid(), name), libc::O_RDWR), Err(libc::EACCES), "{name}");
        }
        assert_eq!(client.open(&path(other.pid(), "environ"), libc::O_RDONLY), Err(libc::EACCES));
        let note = client.open(&path(other.pid(), "note"), libc::O_WRONLY).unwrap();
        assert_eq!(client.write(note, "kill"), Err(libc::EPERM));
        for name in ["stat", "status", "cmdline", "ustat.json", "holders"] {
            let fd = client.open(&path(other.pid(), name), libc::O_RDONLY).unwrap();
            assert!(client.read(fd, 10).is_ok(), "{name}");
        }
        other.counts(16);
    }
    // The end of others' processes is nobody's secret.
    let wait = client.open(&path(others[0].pid(), "wait"), libc::O_RDONLY).unwrap();
    client.begin_read(wait, 1000);
    pfs_tests::kill(others[0].pid(), libc::SIGTERM);
    let line = String::from_utf8(client.answer().unwrap().1).unwrap();
    assert_eq!(field(&line, "event"), Some("end"), "{line}");

    // Without allow_other it is his alone: not even root is let in.
    for stranger in [Client::of_user(1000), Client::new()] {
        assert_eq!(stranger.open(&path(own.pid(), "stat"), libc::O_RDONLY), Err(libc::EACCES));
    }
    let said = user.fails(&["umount", "p"]);
    assert!(said.contains("in use") && said.contains("--lazy"), "{said}");
    client.kill();
    user.does(&["umount", "p"]);
    assert!(!mounted(&point));
    eventually("the daemon ends", || ended(daemon));
}

/// By `ctl` of either BSD: attached, stepped, run, let go.
#[test]
fn a_user_traces_his_own_processes_as_in_bsd() {
    if !ready("a_user_traces_his_own_processes_as_in_bsd") {
        return;
    }
    let user = User::new();
    let other = Target::start("count", &[]);
    for flavour in ["bsd44", "freebsd"] {
        let point = user.dir(flavour);
        user.does(&["mount", "-t", flavour, flavour]);
        let client = Client::of_user(NOBODY);
        let target = Target::start_as(NOBODY, "sled", &[]);
        let open = |pid: i32, name: &str, mode| client.open(&point.join(pid.to_string()).join(name), mode);
        let ctl = open(target.pid(), "ctl", libc::O_WRONLY).unwrap();
        let order = |word: &str| assert_eq!(client.write(ctl, word), Ok(word.len()), "{flavour} {word}");
        let regs = open(target.pid(), "regs", libc::O_RDONLY).unwrap();
        let pc = || u64::from_le_bytes(client.read_at(regs, 0, 176).unwrap()[136..144].try_into().unwrap());
        ["attach", "wait"].iter().for_each(|word| order(word));
        target.stands(0);
        let sled = target.numbers()[0];
        while !(sled..sled + 190).contains(&pc()) {
            ["step", "wait"].iter().for_each(|word| order(word));
        }
        let before = pc();
        ["step", "wait"].iter().for_each(|word| order(word));
        assert_eq!(pc(), before + 1, "{flavour}");
        order("run");
        target.counts(0);
        pfs_tests::kill(target.pid(), libc::SIGWINCH);
        ["wait", "run"].iter().for_each(|word| order(word));
        target.counts(0);
        order("detach");
        eventually("nobody traces it", || status_field(target.pid(), "TracerPid") == "0");
        assert!(open(other.pid(), "ctl", libc::O_WRONLY).is_err(), "{flavour}");
        drop(target);
        client.kill();
        user.does(&["umount", flavour]);
    }
    other.counts(16);
}

/// By the ioctls on `mem`.
#[test]
fn a_user_asks_for_events_of_his_own_processes() {
    if !ready("a_user_asks_for_events_of_his_own_processes") {
        return;
    }
    let user = User::new();
    for level in ["4", "10"] {
        let point = user.dir(level);
        user.does(&["mount", "-t", "freebsd", "-o", &format!("level={level}"), level]);
        let client = Client::of_user(NOBODY);
        let target = Target::start_as(NOBODY, "siglog", &[]);
        let mem = client.open(&point.join(target.pid().to_string()).join("mem"), libc::O_RDWR).unwrap();
        let why = |status: Vec<u8>| (u64::from(status[16]), i32::from(status[24]));
        client.ioctl(mem, PIOCBIS, S_SIG).unwrap();
        pfs_tests::kill(target.pid(), libc::SIGUSR1);
        assert_eq!(why(client.ioctl(mem, PIOCWAIT, 0).unwrap()), (S_SIG, libc::SIGUSR1), "{level}");
        assert_eq!((state(target.pid()), target.word(0)), ('t', 0), "{level}");
        client.ioctl(mem, PIOCCONT, 0).unwrap();
        eventually("the signal is handled", || target.word(0) == 1);
        // It sleeps a little, again and again.
        client.ioctl(mem, PIOCBIS, S_SCX).unwrap();
        for _ in 0..5 {
            assert_eq!(why(client.ioctl(mem, PIOCWAIT, 0).unwrap()).0, S_SCX, "{level}");
            client.ioctl(mem, PIOCCONT, 0).unwrap();
        }
        client.close(mem);
        pfs_tests::kill(target.pid(), libc::SIGUSR2);
        eventually("it runs", || target.word(0) == 2);
        client.kill();
        user.does(&["umount", level]);
    }
}

#[test]
fn the_second_mount_of_a_user_joins_his_daemon() {
    if !ready("the_second_mount_of_a_user_joins_his_daemon") {
        return;
    }
    let user = User::new();
    let (one, two) = (user.dir("one"), user.dir("two"));
    user.does(&["mount", "one"]);
    let daemon = user.daemon();
    user.does(&["mount", "-t", "linux", "two"]);
    assert_eq!(user.daemon(), daemon);
    let status = user.does(&["status", "--json"]);
    assert_eq!(status.matches("\"flavour\":\"linux\"").count(), 2, "{status}");
    assert!(status.contains(&format!("\"daemon\":{daemon}")), "{status}");
    assert!(user.fails(&["mount", "one"]).contains("already mounted"));

    let (client, target) = (Client::of_user(NOBODY), Target::start_as(NOBODY, "count", &[]));
    let ctl = |point: &Path| client.open(&point.join(target.pid().to_string()).join("ctl"), libc::O_RDWR).unwrap();
    let (first, second) = (ctl(&one), ctl(&two));
    assert_eq!(client.write(first, "stop"), Ok(4));
    target.stands(16);
    // One engine: what one mount holds is held for the other.
    assert_eq!(client.write(second, "run"), Ok(3));
    target.counts(16);
    client.close(first);
    user.does(&["umount", "one"]);
    assert!(!mounted(&one) && mounted(&two));
    assert_eq!(client.write(second, "stop"), Ok(4));
    target.stands(16);
    assert!(!ended(daemon));
    // The last mount gives back what is held, also with a file open in it.
    user.does(&["umount", "--lazy", "two"]);
    target.counts(16);
    assert!(!mounted(&two));
    assert!(client.write(second, "run").is_err());
    client.close(second);
    eventually("the daemon ends", || ended(daemon));
}

#[test]
fn a_user_is_told_what_he_may_not() {
    if !ready("a_user_is_told_what_he_may_not") {
        return;
    }
    let user = User::new();
    let point = user.dir("p");
    // fusermount3 asks for a line in /etc/fuse.conf.
    let said = user.fails(&["mount", "-o", "allow_other", "p"]);
    assert!(said.contains("user_allow_other"), "{said}");
    assert!(!mounted(&point));
    // A directory of root's.
    std::fs::create_dir(user.home.join("roots")).unwrap();
    let said = user.fails(&["mount", "roots"]);
    assert!(said.contains("roots") && said.contains("fusermount3"), "{said}");
    let others = Mount::new();
    let said = user.fails(&["umount", "p"]);
    assert!(said.contains("not") && !said.contains(others.point().to_str().unwrap()), "{said}");
    // And what was refused leaves nothing behind that a later mount would trip over.
    user.does(&["mount", "p"]);
    assert!(mounted(&point));
    user.does(&["shutdown"]);
    assert!(!mounted(&point));
}

#[test]
fn what_a_users_killed_daemon_left_is_taken_away_by_his_next_mount() {
    if !ready("what_a_users_killed_daemon_left_is_taken_away_by_his_next_mount") {
        return;
    }
    let (user, point) = mounted_as("linux");
    let (client, target) = (Client::of_user(NOBODY), Target::start_as(NOBODY, "count", &[]));
    let ctl = point.join(target.pid().to_string()).join("ctl");
    let fd = client.open(&ctl, libc::O_RDWR).unwrap();
    client.write(fd, "stop").unwrap();
    target.stands(16);
    let daemon = user.daemon();
    pfs_tests::kill(daemon, libc::SIGKILL);
    target.counts(16);
    eventually("the daemon is gone", || ended(daemon));
    assert!(client.write(fd, "stop").is_err());
    client.close(fd);
    user.does(&["mount", "p"]);
    assert_ne!(user.daemon(), daemon);
    let fd = client.open(&ctl, libc::O_RDWR).unwrap();
    assert_eq!(client.write(fd, "stop\nrun"), Ok(8));
    target.counts(16);
}
