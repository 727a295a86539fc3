//! Processes that are in an exec, which ends when we say so: the kernel attaches nobody to them before.

use pfs_tests::{
    copy_program, eventually, kill, root, state, status_field, thread_states, Client, Mount, Target, TempDir, NOBODY,
};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const A_WHILE: Duration = Duration::from_millis(50);

/// A program whose exec waits for us, as its interpreter is leased to us.
struct Gate {
    dir: TempDir,
    linker: File,
}

impl Gate {
    fn new() -> Gate {
        let dir = TempDir::new();
        let linker = dir.path().join("ld");
        copy_program(Path::new("/lib64/ld-linux-x86-64.so.2"), &linker);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("targets/suid.c");
        let option = format!("-Wl,--dynamic-linker={}", linker.display());
        let mut gcc = Command::new("gcc");
        gcc.args(["-O1", "-pthread", &option, "-o"]).arg(dir.path().join("program")).arg(source);
        assert!(gcc.status().unwrap().success());
        // SAFETY: the signal that tells of a break is of no use here.
        unsafe { libc::signal(libc::SIGIO, libc::SIG_IGN) };
        let gate = Gate { linker: File::open(&linker).unwrap(), dir };
        // Nobody may have it open, nor a child of another test that has not made its exec yet.
        eventually("the lease", || gate.lease(libc::F_WRLCK));
        gate
    }

    fn program(&self) -> PathBuf {
        self.dir.path().join("program")
    }

    fn lease(&self, kind: i32) -> bool {
        // SAFETY: no memory is involved.
        unsafe { libc::fcntl(self.linker.as_raw_fd(), libc::F_SETLEASE, kind) == 0 }
    }

    /// A process that is in an exec of the program; `how` is the leader ("self") or another thread ("thread").
    fn enter(&self, how: &str, uid: Option<u32>) -> Target {
        let target = Target::of(&pfs_tests::program("execs", 64), &[how, self.program().to_str().unwrap()], uid);
        target.go();
        eventually("the exec has begun", || {
            // SAFETY: no memory is involved.
            unsafe { libc::fcntl(self.linker.as_raw_fd(), libc::F_GETLEASE) != libc::F_WRLCK }
        });
        target
    }

    fn open(&self) {
        assert!(self.lease(libc::F_UNLCK));
    }
}

fn is_nobodys(target: &Target) {
    target.counts(0);
    eventually("it is let go", || status_field(target.pid(), "TracerPid") == "0");
    assert!(thread_states(target.pid()).iter().all(|(_, state)| *state != 't'));
    target.counts(0);
}

#[test]
fn a_stop_waits_for_the_end_of_an_exec_and_nobody_else_does() {
    let (mount, other) = (Mount::new(), Target::start("count", &[]));
    for how in ["self", "thread"] {
        let (gate, clients) = (Gate::new(), [Client::new(), Client::new(), Client::new()]);
        let target = gate.enter(how, None);
        for (client, words) in clients.iter().zip(["stop", "stop", "waitstop"]) {
            let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
            client.begin_write(ctl, words);
        }
        assert!(clients.iter().all(|client| client.waits(A_WHILE)), "{how}");
        for _ in 0..100 {
            mount.ctl(other.pid(), "stop").unwrap();
            mount.ctl(other.pid(), "run").unwrap();
        }
        assert!(!mount.read(target.pid(), "status").unwrap().is_empty());
        assert!(clients.iter().all(|client| client.waits(Duration::ZERO)), "{how}");
        gate.open();
        clients.iter().for_each(|client| assert!(client.answer().is_ok(), "{how}"));
        assert_eq!(thread_states(target.pid()), [(target.pid(), 't')], "{how}");
        target.stands(0);
        mount.ctl(target.pid(), "run").unwrap();
        is_nobodys(&target);
    }
}

#[test]
fn who_waits_for_the_end_of_an_exec_can_be_interrupted() {
    let (mount, gate, client) = (Mount::new(), Gate::new(), Client::new());
    let target = gate.enter("self", None);
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.begin_write(seat, "stop");
    assert!(client.waits(A_WHILE));
    client.signal(libc::SIGINT);
    assert_eq!(client.answer(), Err(libc::EINTR));
    client.close(seat);
    gate.open();
    is_nobodys(&target);
    assert_eq!(state(target.pid()), 'R');
}

#[test]
fn its_end_in_an_exec_is_told() {
    let mount = Mount::new();
    for how in ["self", "thread"] {
        let (gate, clients) = (Gate::new(), [Client::new(), Client::new()]);
        let mut target = gate.enter(how, None);
        let open = |client: &Client, name| client.open(&mount.path(target.pid(), name), libc::O_RDWR).unwrap();
        clients[0].begin_write(open(&clients[0], "ctl"), "stop");
        clients[1].begin_write(open(&clients[1], "seat"), "wait");
        assert!(clients.iter().all(|client| client.waits(A_WHILE)), "{how}");
        kill(target.pid(), libc::SIGKILL);
        for client in &clients {
            assert_eq!(client.answer(), Err(libc::ESRCH), "{how}");
        }
        target.end();
    }
}

#[test]
fn an_exec_that_nobody_saw_takes_the_process_from_its_user() {
    if !root() {
        return;
    }
    let (mount, gate, client) = (Mount::new(), Gate::new(), Client::of_user(NOBODY));
    std::fs::set_permissions(gate.program(), std::fs::Permissions::from_mode(0o4755)).unwrap();
    let target = gate.enter("self", Some(NOBODY));
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.begin_write(seat, "stop");
    assert!(client.waits(A_WHILE));
    gate.open();
    assert!(client.answer().is_err());
    is_nobodys(&target);
    assert_eq!(target.word(1), 1, "it has lost its privilege");
    assert!(client.write(seat, "stop").is_err());
}

/// PCSHOLD and PCUNKILL of solaris, which want it to stand for a moment, and PCSTRACE, which asks for something to come.
#[test]
fn nothing_is_done_for_who_has_lost_it_by_an_exec_that_nobody_saw() {
    if !root() {
        return;
    }
    let mount = Mount::of("solaris", "rw");
    let set = "\u{1}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let [holds, unkill, traces] = [
        format!("\u{b}\0\0\0\0\0\0\0{set}"),
        format!("\u{a}\0\0\0\0\0\0\0{}", &set[..8]),
        format!("\u{c}\0\0\0\0\0\0\0{set}"),
    ];
    for (message, waits) in [(holds, true), (unkill, true), (traces, false)] {
        let (gate, client) = (Gate::new(), Client::of_user(NOBODY));
        std::fs::set_permissions(gate.program(), std::fs::Permissions::from_mode(0o4755)).unwrap();
        let target = gate.enter("self", Some(NOBODY));
        let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_WRONLY).unwrap();
        client.begin_write(ctl, &message);
        if waits {
            assert!(client.waits(A_WHILE), "{message:?}");
        } else {
            assert!(client.answer().is_ok(), "{message:?}");
        }
        gate.open();
        if waits {
            assert_eq!(client.answer(), Err(libc::EAGAIN), "{message:?}");
        }
        client.close(ctl);
        is_nobodys(&target);
        assert_eq!(status_field(target.pid(), "SigBlk"), "0000000000000000", "{message:?}");
    }
}

#[test]
fn sets_are_in_force_from_the_end_of_an_exec() {
    let (mount, gate, client) = (Mount::new(), Gate::new(), Client::new());
    let target = gate.enter("self", None);
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace sig +winch").unwrap();
    gate.open();
    eventually("it is traced", || status_field(target.pid(), "TracerPid") != "0");
    kill(target.pid(), libc::SIGWINCH);
    let events = client.events(seat, 1);
    assert!(events[0].contains("WINCH"), "{events:?}");
    target.counts(0);
    client.close(seat);
    is_nobodys(&target);
}

#[test]
fn who_goes_leaves_a_process_in_exec_alone() {
    for ends in [drop, |mount: Mount| mount.kill_daemon()] {
        let (mount, gate, client) = (Mount::new(), Gate::new(), Client::new());
        let target = gate.enter("self", None);
        let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
        client.begin_write(ctl, "stop");
        assert!(client.waits(A_WHILE));
        ends(mount);
        assert!(client.answer().is_err());
        gate.open();
        is_nobodys(&target);
    }
}

/// In the other flavours: PCSTOP, PCDSTOP and PCWSTOP of solaris, attach and wait of freebsd.
#[test]
fn others_wait_for_the_end_of_an_exec_too() {
    let (solaris, bsd) = (Mount::of("solaris", ""), Mount::of("freebsd", "level=4,rw"));
    let run = "\u{5}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let ways = [
        (&solaris, "", "\u{1}\0\0\0\0\0\0\0", run),
        (&solaris, "\u{2}\0\0\0\0\0\0\0", "\u{3}\0\0\0\0\0\0\0", run),
        (&bsd, "attach", "wait", "detach"),
    ];
    for (mount, asks, waits, ends) in ways {
        let (gate, client) = (Gate::new(), Client::new());
        let target = gate.enter("self", None);
        let file = client.open(&mount.path(target.pid(), "ctl"), libc::O_WRONLY).unwrap();
        assert_eq!(client.write(file, asks), Ok(asks.len()));
        client.begin_write(file, waits);
        assert!(client.waits(A_WHILE), "{waits:?}");
        gate.open();
        assert_eq!(client.answer().map(|a| a.0), Ok(waits.len()), "{waits:?}");
        assert_eq!(state(target.pid()), 't', "{waits:?}");
        target.stands(0);
        assert_eq!(client.write(file, ends), Ok(ends.len()));
        client.close(file);
        is_nobodys(&target);
    }
}
