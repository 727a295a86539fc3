//! Who may control whom, and what cannot be controlled at all.

use libc::{ENOENT, ESRCH};
use pfs_tests::{
    eventually, field, kill, root, set_id_program, state, status_field, Client, Mount, Target, TempDir, NOBODY,
};
use std::path::Path;

#[test]
fn another_user_controls_his_own_processes_only() {
    if !root() {
        return;
    }
    let (mount, client) = (Mount::new(), Client::of_user(NOBODY));
    let (roots, own) = (Target::start("count", &[]), Target::start_as(NOBODY, "count", &[]));
    for name in ["ctl", "seat", "mem", "regs", "fpregs", "xregs", "dbregs"] {
        assert_eq!(client.open(&mount.path(roots.pid(), name), libc::O_RDWR), Err(libc::EACCES), "{name}");
        let fd = client.open(&mount.path(own.pid(), name), libc::O_RDWR);
        assert!(fd.is_ok(), "{name}: {fd:?}");
        client.close(fd.unwrap());
    }
    let ctl = client.open(&mount.path(own.pid(), "ctl"), libc::O_RDWR).unwrap();
    client.write(ctl, "stop").unwrap();
    own.stands(16);
    client.write(ctl, "run").unwrap();
    own.counts(16);
    roots.counts(16);
}

/// A process of NOBODY that is to exec a set-id program, and a client of the same user. None for who cannot make that.
fn before_a_set_id_exec() -> Option<(Mount, Client, Target, TempDir)> {
    if !root() {
        return None;
    }
    let dir = TempDir::new();
    let suid = set_id_program(&dir, "suid");
    let target = Target::start_as(NOBODY, "execs", &["self", suid.to_str().unwrap()]);
    Some((Mount::new(), Client::of_user(NOBODY), target, dir))
}

#[test]
fn a_program_with_more_rights_than_its_holder_runs_on() {
    let Some((mount, client, target, _dir)) = before_a_set_id_exec() else { return };
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "trace exec on\ntrace in all\nmode report").unwrap();
    client.write(seat, "mode stop\ntrace in none").unwrap();
    target.go();
    target.counts(0);
    assert_eq!(target.word(1), 1, "it has lost its privilege");
    eventually("nobody traces it", || status_field(target.pid(), "TracerPid") == "0");
    // What was told as long as he might is his, and then it ends.
    while !client.read(seat, 60000).unwrap().is_empty() {}
    assert!(client.write(seat, "stop").is_err());
    assert_eq!(client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR), Err(libc::EACCES));
    target.counts(0);
}

#[test]
fn who_waits_for_a_program_that_has_more_rights_now_is_told_of_its_end() {
    let Some((mount, client, target, _dir)) = before_a_set_id_exec() else { return };
    let wait = client.open(&mount.path(target.pid(), "wait"), libc::O_RDONLY).unwrap();
    target.go();
    target.counts(0);
    eventually("nobody traces it", || status_field(target.pid(), "TracerPid") == "0");
    let holders = String::from_utf8(mount.read(target.pid(), "holders").unwrap()).unwrap();
    assert!(holders.ends_with("what=exit\n"), "{holders}");
    kill(target.pid(), libc::SIGSTOP);
    eventually("it stands", || state(target.pid()) == 'T');
    kill(target.pid(), libc::SIGKILL);
    let told = client.events(wait, 3);
    let told: Vec<&str> = told.iter().filter_map(|line| field(line, "event")).collect();
    // Of the exec by which he lost it, and of no stop after that.
    assert_eq!(told, ["exec", "end"]);
}

/// What has no memory any more belongs to root. Whoever had its files open is told that it has ended, as root is, and reads the events.
#[test]
fn a_process_that_nobody_waits_for_has_ended_for_its_owner_too() {
    if !root() {
        return;
    }
    let told = [0, NOBODY].map(|uid| {
        let (mount, target) = (Mount::new(), Target::start_as(uid, "count", &[]));
        let solaris = mount.beside("solaris").join(target.pid().to_string());
        let client = Client::of_user(uid);
        let open = |path: &Path, flags| client.open(path, flags).unwrap();
        let [ctl, mem, regs, seat] =
            ["ctl", "mem", "regs", "seat"].map(|name| open(&mount.path(target.pid(), name), libc::O_RDWR));
        let lwp = format!("lwp/{}/lwpstatus", target.pid());
        let [status, space, lwp] = ["status", "as", &lwp].map(|name| open(&solaris.join(name), libc::O_RDONLY));
        let control = open(&solaris.join("ctl"), libc::O_WRONLY);
        client.write(seat, "mode report\ntrace exit on").unwrap();
        kill(target.pid(), libc::SIGKILL);
        eventually("it has ended", || state(target.pid()) == 'Z');
        let events = client.events(seat, 2);
        let events: Vec<String> = events.iter().filter_map(|e| field(e, "event")).map(str::to_string).collect();
        let read = [seat, mem, regs, status, space, lwp].map(|fd| client.read(fd, 8).map(|bytes| bytes.len()));
        let written = [(ctl, "stop"), (seat, "stop"), (control, "\0\0\0\0\0\0\0\0")];
        (events, read, written.map(|(fd, message)| client.write(fd, message)))
    });
    let (events, read, written) = &told[0];
    assert_eq!(events, &["end"]);
    assert_eq!(read, &[Ok(0), Err(ESRCH), Err(ESRCH), Err(ENOENT), Err(ENOENT), Err(ENOENT)]);
    assert_eq!(written, &[Err(ESRCH), Err(ESRCH), Err(ENOENT)]);
    assert_eq!(told[0], told[1]);
}

/// The standing seat is that of who used it last, who may still: that helps nobody else.
#[test]
fn who_waits_at_an_exec_by_which_he_loses_the_process_does_nothing_more_to_it() {
    let Some((mount, client, target, _dir)) = before_a_set_id_exec() else { return };
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    client.begin_write(ctl, "waitstop\ntrace exec off\nrun");
    eventually("it waits", || status_field(target.pid(), "TracerPid") != "0");
    mount.ctl(target.pid(), "trace exec on").unwrap();
    target.go();
    mount.ctl(target.pid(), "waitstop").unwrap();
    assert_eq!(client.answer(), Err(libc::EACCES));
    assert_eq!(state(target.pid()), 't');
    let holders = String::from_utf8(mount.read(target.pid(), "holders").unwrap()).unwrap();
    assert!(holders.contains("exec"), "{holders}");
    mount.ctl(target.pid(), "detach").unwrap();
    target.counts(0);
}

#[test]
fn what_another_debugger_traces_is_refused_with_a_sentence() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    // This very thread is the other debugger.
    // SAFETY: PTRACE_SEIZE takes no memory.
    let seized = unsafe { libc::ptrace(libc::PTRACE_SEIZE, target.pid(), 0, 0) };
    assert_eq!(seized, 0);
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    assert_eq!(client.write(ctl, "stop"), Err(libc::EBUSY));
    let said = String::from_utf8(client.read(ctl, 1000).unwrap()).unwrap();
    assert!(said.contains("already traced by"), "{said}");
    for name in ["status", "stat", "ustat.json", "maps", "holders"] {
        assert!(mount.read(target.pid(), name).is_ok(), "{name}");
    }
    target.counts(16);
}

#[test]
fn gdb_cannot_take_what_is_held() {
    let (mount, target) = (Mount::new(), Target::start("count", &[]));
    mount.ctl(target.pid(), "stop").unwrap();
    let mut gdb = std::process::Command::new("timeout");
    gdb.args(["-s", "KILL", "20", "gdb", "-nx", "-batch", "-p", &target.pid().to_string()]);
    let out = gdb.stdin(std::process::Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("Operation not permitted"), "{said}");
    assert_eq!(state(target.pid()), 't');
    target.stands(16);
    mount.ctl(target.pid(), "run").unwrap();
    target.counts(16);
}

#[test]
fn the_daemon_does_not_hold_itself() {
    let (mount, client) = (Mount::new(), Client::new());
    if let Ok(ctl) = client.open(&mount.path(mount.daemon(), "ctl"), libc::O_RDWR) {
        assert_eq!(client.write(ctl, "stop"), Err(libc::EBUSY));
        let said = String::from_utf8(client.read(ctl, 1000).unwrap()).unwrap();
        assert!(said.contains("daemon"), "{said}");
    }
    assert!(mount.read(mount.daemon(), "status").is_ok());
}

#[test]
fn a_process_that_stops_itself_is_run_by_another() {
    let mount = Mount::new();
    let path = mount.point().join("self/ctl");
    let target = Target::start("itself", &[path.to_str().unwrap()]);
    target.go();
    eventually("it stands", || state(target.pid()) == 't');
    target.stands(0);
    mount.ctl(target.pid(), "run").unwrap();
    target.counts(0);
    assert_eq!(target.word(1), 0);
}

#[test]
fn the_files_of_a_process_die_with_it() {
    let (mount, mut target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    mount.ctl(target.pid(), "kill").unwrap();
    target.end();
    assert!(matches!(client.write(ctl, "stop"), Err(libc::ESRCH | libc::ESTALE | libc::ENOENT)));
    assert_eq!(client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR), Err(libc::ENOENT));
}

#[test]
fn a_kernel_thread_is_refused() {
    if !root() || status_field(2, "Name") != "kthreadd" {
        return;
    }
    let (mount, client) = (Mount::new(), Client::new());
    assert_eq!(client.open(&mount.path(2, "ctl"), libc::O_RDWR), Err(libc::EBUSY));
}

/// A key of root's, which he alone is shown.
struct Key(libc::c_long);

impl Key {
    const USER_SESSION: libc::c_long = -5;

    fn new(name: &std::ffi::CStr) -> Key {
        let (kind, value) = (c"user".as_ptr(), c"x".as_ptr());
        // SAFETY: strings that end in 0, and a value of one byte.
        let key = unsafe { libc::syscall(libc::SYS_add_key, kind, name.as_ptr(), value, 1usize, Key::USER_SESSION) };
        assert!(key > 0, "{}", std::io::Error::last_os_error());
        Key(key)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: no pointers.
        unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_UNLINK, self.0, Key::USER_SESSION) };
    }
}

#[test]
fn keys_are_shown_to_whom_the_kernel_shows_them() {
    if !root() || !std::path::Path::new("/proc/keys").exists() {
        return;
    }
    let (mount, name) = (Mount::new(), format!("pfs-test-{}", std::process::id()));
    let _key = Key::new(&std::ffi::CString::new(name.clone()).unwrap());
    let clients =
        [Client::new(), Client::of_user(NOBODY), Client::within("u", Some(NOBODY)), Client::within("o", None)];
    for (i, client) in clients.iter().enumerate() {
        let keys = [mount.point().join("keys"), "/proc/keys".into()]
            .map(|path| String::from_utf8(client.read_file(&path).unwrap()).unwrap());
        let [ours, kernels] = keys.each_ref().map(|text| text.lines().map(|l| l[..8].to_owned()).collect::<Vec<_>>());
        // What the reader has at hand in his own session is known to nobody else.
        assert!(ours.iter().all(|key| kernels.contains(key)), "{}instead of\n{}", keys[0], keys[1]);
        assert!(keys[0].contains(&name) == (i == 0) || keys[1].contains(&name), "{i}: {}", keys[0]);
    }
}
