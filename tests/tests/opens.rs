//! Every file of ours, opened in every mode by everybody, on every kind of process: one table.

use flavours::linux::own::{Row, PROCESS, THREAD};
use libc::{EACCES, EBUSY, ESRCH, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY};
use pfs_tests::{root, set_id_program, state, status_field, Client, Mount, Target, TempDir, NOBODY};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What it takes to open a file.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Rule {
    /// The right to control, in every mode.
    Control,
    /// The right to control, and only to read.
    Inspect,
    /// Nothing, and only to read.
    Show,
    /// Nothing, and only to write: the write itself is judged, by the rule of kill(2).
    Post,
}
use Rule::*;

/// The documented mode and the rule of each file; whether a thread has it too.
const FILES: &[(&str, u32, Rule, bool)] = &[
    ("ctl", 0o600, Control, true),
    ("seat", 0o600, Control, false),
    ("wait", 0o444, Show, false),
    ("note", 0o200, Post, false),
    ("notepg", 0o200, Post, false),
    ("holders", 0o444, Show, false),
    ("ustat.json", 0o444, Show, true),
    ("mem", 0o600, Control, true),
    ("regs", 0o600, Control, true),
    ("fpregs", 0o600, Control, true),
    ("xregs", 0o600, Control, true),
    ("dbregs", 0o600, Control, true),
    ("regs.json", 0o400, Inspect, true),
];

/// Open flags, and whether they read and write. O_TRUNC without writing is undefined in POSIX; Linux takes it for a write.
const MODES: &[(&str, i32, bool, bool)] = &[
    ("r", O_RDONLY, true, false),
    ("w", O_WRONLY, false, true),
    ("rw", O_RDWR, true, true),
    ("w trunc", O_WRONLY | O_TRUNC, false, true),
    ("rw trunc", O_RDWR | O_TRUNC, true, true),
];

/// Who may control which process: 0 or the errno, for its owner, another user, and root. What the kernel says of its own `mem`
/// is the same but for ESRCH of a kernel thread, which has no memory but is there.
const RIGHTS: &[(&str, [i32; 3])] = &[
    ("plain", [0, EACCES, 0]),
    // It runs a program with more rights than its user has, so it is not dumpable.
    ("set-uid", [EACCES, EACCES, 0]),
    ("kernel thread", [EACCES, EACCES, EBUSY]),
    // What has no memory any more belongs to root.
    ("zombie", [EACCES, EACCES, ESRCH]),
];

const CALLERS: [&str; 3] = ["owner", "other", "root"];

/// The table's answer: the mode of the file first, then the right.
fn expected(rule: Rule, right: i32, reads: bool, writes: bool) -> i32 {
    match rule {
        Control => right,
        Inspect if writes => EACCES,
        Inspect => right,
        Show if writes => EACCES,
        Post if reads => EACCES,
        Show | Post => 0,
    }
}

struct Targets {
    // Dropped, and so ended, with the test.
    _alive: Vec<Target>,
    _dir: TempDir,
    pids: Vec<(&'static str, i32)>,
}

fn targets() -> Targets {
    let dir = TempDir::new();
    let suid = set_id_program(&dir, "suid");
    let plain = Target::start_as(NOBODY, "count", &[]);
    let raised = Target::start_as(NOBODY, "execs", &["self", suid.to_str().unwrap()]);
    raised.go();
    raised.counts(0);
    assert_eq!(raised.word(1), 1, "it has its privilege");
    let leaves = Target::start_as(NOBODY, "leaves", &[]);
    let zombie = leaves.numbers()[0] as i32;
    assert_eq!(state(zombie), 'Z');
    let mut pids = vec![("plain", plain.pid()), ("set-uid", raised.pid()), ("zombie", zombie)];
    if status_field(2, "Name") == "kthreadd" {
        pids.push(("kernel thread", 2));
    }
    Targets { _alive: vec![plain, raised, leaves], _dir: dir, pids }
}

fn attempt(client: &Client, path: &Path, flags: i32) -> i32 {
    match client.open(path, flags) {
        Ok(fd) => {
            client.close(fd);
            0
        }
        Err(e) => e,
    }
}

fn directories(mount: &Mount, pid: i32) -> [(PathBuf, bool); 2] {
    let dir = mount.point().join(pid.to_string());
    let thread = dir.join("task").join(pid.to_string());
    [(dir, false), (thread, true)]
}

#[test]
fn the_table_knows_every_file_and_its_mode() {
    let (mount, target) = (Mount::new(), Target::start("count", &[]));
    let documented =
        |thread: bool| -> Vec<(&str, u32)> { FILES.iter().filter(|f| !thread || f.3).map(|f| (f.0, f.1)).collect() };
    let made = |rows: &'static [Row]| -> Vec<(&str, u32)> { rows.iter().map(|r| (r.name, r.mode & 0o7777)).collect() };
    assert_eq!(made(PROCESS), documented(false));
    assert_eq!(made(THREAD), documented(true));
    for (dir, thread) in directories(&mount, target.pid()) {
        let listed: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name()).collect();
        for (name, mode) in documented(thread) {
            let stat = std::fs::symlink_metadata(dir.join(name)).unwrap();
            assert_eq!(stat.mode(), libc::S_IFREG | mode, "{name}");
            assert_eq!(listed.iter().filter(|l| *l == name).count(), 1, "{name} in {}", dir.display());
        }
    }
}

#[test]
fn every_file_in_every_mode_for_everybody() {
    if !root() {
        return;
    }
    let (mount, targets) = (Mount::new(), targets());
    let callers = [Client::of_user(NOBODY), Client::of_user(1000), Client::new()];
    let (mut cells, mut wrong) = (0, Vec::new());
    for (target, pid) in &targets.pids {
        let rights = RIGHTS.iter().find(|r| r.0 == *target).unwrap().1;
        for ((caller, client), right) in CALLERS.iter().zip(&callers).zip(rights) {
            let kernels = attempt(client, Path::new(&format!("/proc/{pid}/mem")), O_RDWR);
            let same = if right == EBUSY { ESRCH } else { right };
            assert_eq!(kernels, same, "the kernel's mem of {target}, {caller}");
            for (dir, thread) in directories(&mount, *pid) {
                for (name, _, rule, _) in FILES.iter().filter(|f| !thread || f.3) {
                    for (mode, flags, reads, writes) in MODES {
                        let expect = expected(*rule, right, *reads, *writes);
                        let got = attempt(client, &dir.join(name), *flags | libc::O_NONBLOCK);
                        cells += 1;
                        if got != expect {
                            let at = if thread { "task/" } else { "" };
                            wrong.push(format!("{target}, {caller}, {at}{name}, {mode}: {got}, not {expect}"));
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
    let files = 2 * FILES.len() - FILES.iter().filter(|f| !f.3).count();
    assert_eq!(cells, targets.pids.len() * CALLERS.len() * files * MODES.len());
}

#[test]
fn truncation_without_writing_changes_nothing() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    for (dir, thread) in directories(&mount, target.pid()) {
        for (name, _, rule, _) in FILES.iter().filter(|f| !thread || f.3) {
            let before = std::fs::symlink_metadata(dir.join(name)).unwrap().len();
            let got = attempt(&client, &dir.join(name), O_RDONLY | O_TRUNC | libc::O_NONBLOCK);
            assert_eq!(got == 0, *rule == Control, "{}/{name}: {got}", dir.display());
            assert_eq!(std::fs::symlink_metadata(dir.join(name)).unwrap().len(), before);
        }
    }
    target.counts(16);
}

#[test]
fn the_root_and_its_names() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let point = mount.point();
    let life = {
        let ustat = String::from_utf8(mount.read(target.pid(), "ustat.json").unwrap()).unwrap();
        format!("{}:{}", target.pid(), pfs_tests::field(&ustat, "pidfd").unwrap())
    };
    let nofollow = libc::O_NOFOLLOW;
    let directory = libc::O_DIRECTORY;
    let table = [
        ("", O_RDONLY, 0),
        ("", O_WRONLY, libc::EISDIR),
        ("", O_RDWR, libc::EISDIR),
        ("", O_RDONLY | O_TRUNC, libc::EISDIR),
        ("self", O_RDONLY, 0),
        ("self", O_RDONLY | nofollow, libc::ELOOP),
        ("self", O_WRONLY, libc::EISDIR),
        ("self/ctl", O_RDWR, 0),
        ("thread-self", O_RDONLY, 0),
        ("thread-self", O_RDONLY | nofollow, libc::ELOOP),
        ("thread-self/ctl", O_RDWR, 0),
        (&life[..], O_RDONLY | directory, 0),
        (&life[..], O_WRONLY, libc::EISDIR),
        ("nothing", O_RDONLY, libc::ENOENT),
        ("nothing", O_WRONLY | libc::O_CREAT, libc::ENOENT),
    ];
    for (name, flags, expect) in table {
        assert_eq!(attempt(&client, &point.join(name), flags), expect, "{name} {flags:#o}");
    }
    for (name, _, rule, _) in FILES {
        for (mode, flags, reads, writes) in MODES {
            let expect = expected(*rule, 0, *reads, *writes);
            let got = attempt(&client, &point.join(&life).join(name), *flags | libc::O_NONBLOCK);
            assert_eq!(got, expect, "{life}/{name} {mode}");
        }
    }
}

/// Locks are kept by the kernel, as those of its own /proc are.
#[test]
fn files_can_be_locked() {
    use std::os::fd::AsRawFd;
    let (mount, target) = (Mount::new(), Target::start("shows", &["wait"]));
    let own = format!("/proc/{}/status", target.pid());
    for path in [own.into(), mount.path(target.pid(), "ustat.json")] {
        let open = || std::fs::OpenOptions::new().read(true).open(&path).unwrap();
        let (file, other) = (open(), open());
        let lock = libc::flock { l_type: libc::F_RDLCK as i16, l_whence: 0, l_start: 0, l_len: 0, l_pid: 0 };
        // SAFETY: descriptors of open files, and a structure that lives through the calls.
        unsafe {
            assert_eq!(libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &lock), 0, "{path:?}");
            assert_eq!(libc::flock(file.as_raw_fd(), libc::LOCK_EX), 0, "{path:?}");
            assert_eq!(libc::flock(other.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB), -1, "{path:?}");
        }
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EWOULDBLOCK));
    }
}
