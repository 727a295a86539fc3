//! What went wrong in the process file systems of the BSDs, and does not here: the lessons of tests/bsd/README.md that have no test
//! of their own elsewhere.

use pfs_tests::bsd::pioctl::*;
use pfs_tests::bsd::{at, is_pseudofs, names, All, LEVELS};
use pfs_tests::{
    bounded, bsd_program, eventually, kill, root, set_id_program, state, status_field, Client, Target, TempDir, NOBODY,
    PATIENCE,
};
use std::path::Path;
use std::process::Command;

fn file(point: &Path, pid: i32, name: &str) -> std::path::PathBuf {
    point.join(pid.to_string()).join(name)
}

/// 1, 14, 23: rights are those at the time of the operation. Whoever had all files of a process open when it ran a set-id program
/// controls it no more.
#[test]
fn l01_an_exec_of_a_set_id_program_ends_control() {
    if !root() {
        return;
    }
    let dir = TempDir::new();
    let suid = set_id_program(&dir, "suid");
    for level in ["4", "10"] {
        for strict in ["rw", "strict"] {
            let lost = if strict == "strict" && level == "10" { libc::EIO } else { libc::EPERM };
            let (mount, client) = (at(level, strict), Client::of_user(NOBODY));
            let target = Target::start_as(NOBODY, "execs", &["self", suid.to_str().unwrap()]);
            let open = |name, mode| client.open(&file(mount.point(), target.pid(), name), mode).unwrap();
            let (mem, ctl, note) =
                (open("mem", libc::O_RDWR), open("ctl", libc::O_WRONLY), open("note", libc::O_WRONLY));
            assert_eq!(client.ioctl(mem, PIOCBIS, S_SIG), Ok(vec![]), "{level} {strict}");
            // One that waits is told.
            let waiter = Client::of_user(NOBODY);
            let waiting = waiter.open(&file(mount.point(), target.pid(), "ctl"), libc::O_WRONLY).unwrap();
            waiter.begin_write(waiting, "wait");
            assert!(waiter.waits(std::time::Duration::from_millis(50)));
            target.go();
            target.counts(0);
            assert_eq!(target.word(1), 1, "{level} {strict}: it has its owner's rights");
            assert_eq!(client.ioctl(mem, PIOCBIS, S_SIG), Err(lost), "{level} {strict}");
            assert_eq!(client.ioctl(mem, PIOCSTATUS, 0), Err(lost), "{level} {strict}");
            for message in ["attach", "wait", "run", "detach", "usr1", "kill"] {
                assert_eq!(client.write(ctl, message), Err(lost), "{level} {strict} {message}");
            }
            // The rule of kill(2) lets the real user signal it, but not who has only the file.
            let posted = client.write(note, "winch");
            let refused = if level == "10" { libc::EIO } else { libc::EOPNOTSUPP };
            assert_eq!(posted, if strict == "strict" { Err(refused) } else { Ok(5) }, "{level} {strict}");
            // What waited for its stop was refused at the exec.
            assert_eq!(waiter.answer().map(drop), Err(lost), "{level} {strict}");
            target.counts(0);
        }
    }
}

/// 6, 7, 10: no byte but the answer's own. Offsets cannot be given to files of messages.
#[test]
fn l07_offsets_of_messages() {
    let all = All::new("rw");
    let (target, client) = (Target::start("siglog", &[]), Client::new());
    for (level, point) in all.each() {
        for name in ["ctl", "note", "notepg"] {
            let Ok(fd) = client.open(&file(point, target.pid(), name), libc::O_WRONLY) else {
                assert!(name == "ctl" && ["12", "14"].contains(&level));
                continue;
            };
            for offset in [1, 1 << 40, i64::MAX as u64 - 8] {
                assert!(client.write_at(fd, offset, b"usr1").is_err(), "{level} {name} {offset}");
            }
        }
    }
    assert_eq!(target.word(0), 0);
}

/// 9: what is asked rarely is refused as well as what is asked often.
#[test]
fn l09_rare_operations() {
    let all = All::new("rw");
    for (level, point) in all.each() {
        let target = Target::start("count", &[]);
        let nodes = names(&Client::new(), &point.join(target.pid().to_string())).unwrap();
        let nodes: Vec<String> = nodes.into_iter().filter(|name| name != "file").collect();
        assert!(nodes.len() > 5);
        let mut command = Command::new(bsd_program("rare", 64));
        command.arg(point).arg(target.pid().to_string()).args(nodes);
        let out = bounded(&mut command, PATIENCE);
        assert!(out.status.success(), "{level}: {}", String::from_utf8_lossy(&out.stderr));
        target.counts(16);
        // It serves on.
        assert!(Client::new().read_file(&file(point, target.pid(), "status")).is_ok(), "{level}");
    }
}

/// 13: what a file is for decides how it can be used, for every way to open it.
#[test]
fn l13_files_of_messages_are_not_read() {
    let all = All::new("rw");
    let (target, client) = (Target::start("siglog", &[]), Client::new());
    for (level, point) in all.each() {
        for name in ["ctl", "note", "notepg"] {
            for mode in [libc::O_RDONLY, libc::O_WRONLY, libc::O_RDWR] {
                let Ok(fd) = client.open(&file(point, target.pid(), name), mode) else { continue };
                let read = client.read(fd, 10);
                let errno = match (mode, name) {
                    (libc::O_WRONLY, _) => libc::EBADF,
                    _ if is_pseudofs(level) => libc::EBADF,
                    (_, "ctl") => libc::EOPNOTSUPP,
                    _ => libc::EINVAL,
                };
                assert_eq!(read, Err(errno), "{level} {name} {mode}");
                if mode == libc::O_RDONLY {
                    assert_eq!(client.write(fd, "usr1"), Err(libc::EBADF), "{level} {name}");
                }
            }
        }
    }
    assert_eq!(target.word(0), 0);
}

/// 15: who takes a process from its controller is told of in the daemon's log; who only lets his own go is not.
#[test]
fn l15_a_release_by_others_is_logged() {
    let (mount, target) = (at("10", "rw"), Target::start("count", &[]));
    let (one, two) = (Client::new(), Client::new());
    let open = |client: &Client| client.open(&mount.path(target.pid(), "ctl"), libc::O_WRONLY).unwrap();
    let (mine, theirs) = (open(&one), open(&two));
    let log = || std::fs::read_to_string(mount.point().with_file_name("run").join("daemon.log")).unwrap();
    for message in ["attach", "detach", "detach"] {
        one.write(mine, message).unwrap();
    }
    two.write(theirs, "detach").unwrap();
    assert!(!log().contains("released"), "{}", log());
    one.write(mine, "attach").unwrap();
    two.write(theirs, "detach").unwrap();
    // SAFETY: no memory is taken.
    let uid = unsafe { libc::geteuid() };
    let line = format!(
        "process {}, traced by {}, was released by process {} of user {uid}",
        target.pid(),
        one.pid(),
        two.pid()
    );
    assert!(log().contains(&line), "{}", log());
    target.counts(16);
}

/// 20: no message is taken that is longer than any can be.
#[test]
fn l20_long_messages() {
    let all = All::new("rw");
    let (target, client) = (Target::start("siglog", &[]), Client::new());
    let long = "usr1".to_owned() + &" ".repeat(100_000);
    for level in LEVELS {
        for name in ["ctl", "note", "notepg"] {
            let Ok(fd) = client.open(&file(all.of(level), target.pid(), name), libc::O_WRONLY) else { continue };
            assert_eq!(client.write(fd, &long), Err(libc::EMSGSIZE), "{level} {name}");
        }
    }
    assert_eq!(target.word(0), 0);
}

/// 11, 21: nothing stays stopped for somebody who is gone: unmounted, or the daemon killed, all is let go.
#[test]
fn l21_what_lingers_is_let_go() {
    for killed in [false, true] {
        let (mount, target) = (at("10", "rw"), Target::start("siglog", &[]));
        let mut linger = Command::new(bsd_program("linger", 64));
        let out = bounded(linger.arg(mount.point()).arg(target.pid().to_string()), PATIENCE);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        assert_eq!(state(target.pid()), 't');
        if killed {
            mount.kill_daemon();
        } else {
            assert!(mount.pfs(&["umount", mount.point().to_str().unwrap()]).status.success());
        }
        // The signal that it stood on was not lost.
        eventually("it runs", || target.word(0) == 1);
        assert_eq!(target.word(32), libc::SIGCONT as u64);
    }
}

/// An exec of a set-id program ends the events that the privileged asked for too, unless they set PF_ISUGID.
#[test]
fn l23_events_do_not_survive_a_set_id_exec() {
    if !root() {
        return;
    }
    let dir = TempDir::new();
    let suid = set_id_program(&dir, "suid");
    for (program, flags, events) in [(suid.clone(), 0, 0), (suid, 2, 2), (pfs_tests::program("suid", 64), 0, 2)] {
        let (mount, client) = (at("10", "rw"), Client::new());
        let target = Target::start_as(NOBODY, "execs", &["self", program.to_str().unwrap()]);
        let mem = client.open(&file(mount.point(), target.pid(), "mem"), libc::O_RDWR).unwrap();
        client.ioctl(mem, PIOCSFL, flags).unwrap();
        client.ioctl(mem, PIOCBIS, S_SIG).unwrap();
        target.go();
        target.counts(0);
        let status = client.ioctl(mem, PIOCSTATUS, 0).unwrap();
        assert_eq!(u64::from_le_bytes(status[8..16].try_into().unwrap()), events, "{program:?} {flags}");
        assert_eq!(status[20..24], [0; 4]);
    }
}

/// So does a change of ids without an exec: it is seen before the next event, and whenever the process is asked about.
#[test]
fn l23_events_do_not_survive_a_change_of_ids() {
    if !root() {
        return;
    }
    for level in ["4", "10"] {
        for (mask, flags) in [(S_SIG, 0), (S_SIG, 2), (S_SCX | S_SIG, 0)] {
            let kept = if flags == 2 { mask } else { 0 };
            let (mount, client) = (at(level, "rw"), Client::new());
            let target = Target::start("person", &["78", "0", "later"]);
            let path = mount.path(target.pid(), "mem");
            let mem = client.open(&path, libc::O_RDWR).unwrap();
            client.ioctl(mem, PIOCSFL, flags).unwrap();
            client.ioctl(mem, PIOCBIS, mask).unwrap();
            target.go();
            eventually("its ids have changed", || {
                // It may stop at ends of calls until then.
                mask & S_SCX == 0 || client.ioctl(mem, PIOCCONT, 0).is_ok() && target.word(1) == 1
            });
            eventually("its ids have changed", || target.word(1) == 1);
            kill(target.pid(), libc::SIGCONT);
            if flags == 2 {
                target.stands(2);
            } else {
                // Or it would be one of those that are asked for below.
                let waits = |set| u64::from_str_radix(&status_field(target.pid(), set), 16).unwrap() >> 17 & 1 == 1;
                eventually("the signal is taken", || !waits("ShdPnd") && !waits("SigPnd"));
                eventually("it goes on", || state(target.pid()) == 'R');
                target.counts(2);
            }
            let status = client.ioctl(mem, PIOCSTATUS, 0).unwrap();
            assert_eq!(u64::from_le_bytes(status[8..16].try_into().unwrap()), kept, "{level} {mask} {flags}");
            assert_eq!(u64::from(status[16]), kept, "{level}: what it stands on");
            client.ioctl(mem, PIOCCONT, 0).unwrap();
            // The files are closed to its user from that moment on.
            let mode = client.stat(&path).unwrap().mode;
            assert_eq!(mode & 0o777, 0, "{level}");
            // What is asked for now is.
            client.ioctl(mem, PIOCBIS, S_SIG).unwrap();
            target.counts(2);
            kill(target.pid(), libc::SIGCONT);
            target.stands(2);
            client.ioctl(mem, PIOCCONT, 0).unwrap();
            target.counts(2);
        }
    }
}
