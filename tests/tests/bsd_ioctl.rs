//! The ioctls on `mem` of freebsd, by programs in C that use them as a program for FreeBSD does. Names are those of the list of tests
//! (tests/bsd/README.md).

use pfs_tests::bsd::at;
use pfs_tests::bsd::pioctl::*;
use pfs_tests::{bounded, bsd_program, kill, root, Client, Mount, Target, TempDir, NOBODY, PATIENCE};
use std::path::Path;
use std::process::Command;

/// Runs one case of `bsd/<program>.c` at a release, as a 64-bit and as a 32-bit program.
#[track_caller]
fn holds_at(level: &str, options: &str, program: &str, case: &str, more: impl Fn(u32) -> Vec<String>) {
    for bits in [64, 32] {
        let mount = at(level, options);
        let mut command = Command::new(bsd_program(program, bits));
        command.arg(mount.point()).args([level, case]).args(more(bits));
        let out = bounded(&mut command, PATIENCE);
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{case}, level {level}, {options}, {bits} bits: {}\n{said}", out.status);
    }
}

/// The same at releases 4 and 10, with the usual rules.
#[track_caller]
fn holds(case: &str) {
    ["4", "10"].iter().for_each(|level| holds_at(level, "rw", "events", case, |_| vec![]));
}

/// The same strictly too, which the program is told.
#[track_caller]
fn holds_strictly(case: &str) {
    holds(case);
    ["4", "10"].iter().for_each(|level| holds_at(level, "strict", "events", case, |_| vec!["strictly".into()]));
}

#[test]
fn t26_elsewhere() {
    holds("elsewhere");
    ["44a", "44b", "2", "14"].iter().for_each(|level| holds_at(level, "rw", "events", "none", |_| vec![]));
}

#[test]
fn t27_numbers() {
    ["4", "5", "10", "12"].iter().for_each(|level| holds_at(level, "rw", "events", "numbers", |_| vec![]));
}

#[test]
fn t28_calls() {
    // A 32-bit program would see calls of its own table only.
    for level in ["4", "10"] {
        let mount = at(level, "rw");
        let mut command = Command::new(bsd_program("events", 64));
        let out = bounded(command.arg(mount.point()).args([level, "calls"]), PATIENCE);
        assert!(out.status.success(), "{level}: {}", String::from_utf8_lossy(&out.stderr));
    }
}

#[test]
fn t28_the_call_that_it_is_in() {
    holds("inside");
}

/// A call that waits when S_SCX is asked for is not ended by that, whatever it waits for: its end is told when it comes, and once.
#[test]
fn t28_calls_that_wait() {
    let names = [
        ("clock_nanosleep", libc::SYS_clock_nanosleep),
        ("ppoll", libc::SYS_ppoll),
        ("epoll_pwait", libc::SYS_epoll_pwait),
        ("recvmsg", libc::SYS_recvmsg),
        ("accept", libc::SYS_accept),
        ("io_getevents", libc::SYS_io_getevents),
        ("futex_absolute", libc::SYS_futex),
        ("read_timerfd", libc::SYS_read),
        ("read_eventfd", libc::SYS_read),
        ("readv_pipe", libc::SYS_readv),
        ("msgrcv", libc::SYS_msgrcv),
        ("wait4", libc::SYS_wait4),
        ("pause", libc::SYS_pause),
        ("sigsuspend", libc::SYS_rt_sigsuspend),
    ];
    let (mount, client) = (at("10", "rw"), Client::new());
    let why = |mem, number| {
        let status = client.ioctl(mem, number, 0).unwrap();
        (u64::from(status[16]), u64::from_le_bytes(status[24..32].try_into().unwrap()))
    };
    let begin = |(name, call)| {
        let target = Target::start("waits", &[name]);
        if target.said == "none" {
            return None;
        }
        pfs_tests::eventually(name, || pfs_tests::state(target.pid()) == 'S');
        let mem = client.open(&mount.path(target.pid(), "mem"), libc::O_RDWR).unwrap();
        for _ in 0..3 {
            client.ioctl(mem, PIOCBIS, S_SCX).unwrap();
            // It has been stopped, and sleeps on.
            pfs_tests::eventually(name, || pfs_tests::state(target.pid()) == 'S');
            assert_eq!(why(mem, PIOCSTATUS), (0, 0), "{name}");
            client.ioctl(mem, PIOCBIC, S_SCX).unwrap();
        }
        client.ioctl(mem, PIOCBIS, S_SCX).unwrap();
        target.go();
        Some((name, call as u64, mem, target))
    };
    let begun: Vec<_> = names.into_iter().filter_map(begin).collect();
    for (name, call, mem, target) in &begun {
        // The handler of a signal that it waits for ends with a call of its own.
        let mut ends = vec![why(*mem, PIOCWAIT)];
        while ends.last() == Some(&(S_SCX, libc::SYS_rt_sigreturn as u64)) {
            client.ioctl(*mem, PIOCCONT, 0).unwrap();
            ends.push(why(*mem, PIOCWAIT));
        }
        // What is made again under that number, and was let go meanwhile, has no other.
        let again = Some(&(S_SCX, libc::SYS_restart_syscall as u64));
        assert!(ends.last() == Some(&(S_SCX, *call)) || ends.last() == again, "{name}: {ends:?}");
        client.ioctl(*mem, PIOCCONT, 0).unwrap();
        assert_ne!(why(*mem, PIOCWAIT), (S_SCX, *call), "{name}: once");
        client.close(*mem);
        assert!(target.line().starts_with("done "), "{name}");
    }
}

/// A call that waits is no event however often and however soon one after the other S_SCX is asked for and no more.
#[test]
fn t28_calls_that_wait_are_not_told() {
    let (mount, client) = (at("10", "rw"), Client::new());
    for name in ["readv_pipe", "accept", "pause"] {
        let target = Target::start("waits", &[name]);
        pfs_tests::eventually(name, || pfs_tests::state(target.pid()) == 'S');
        let mem = client.open(&mount.path(target.pid(), "mem"), libc::O_RDWR).unwrap();
        let mut told = Vec::new();
        for i in 0..500 {
            client.ioctl(mem, PIOCBIS, S_SCX).unwrap();
            if i % 2 == 0 {
                pfs_tests::eventually(name, || matches!(pfs_tests::state(target.pid()), 'S' | 't'));
            }
            let status = client.ioctl(mem, PIOCSTATUS, 0).unwrap();
            if status[16] != 0 {
                told.push((i, status[16], status[24]));
                client.ioctl(mem, PIOCCONT, 0).unwrap();
            }
            client.ioctl(mem, PIOCBIC, S_SCX).unwrap();
        }
        assert_eq!(told, [], "{name}");
        client.close(mem);
    }
}

#[test]
fn t28_calls_of_32_bits() {
    let mount = at("10", "rw");
    let mut command = Command::new(bsd_program("events", 32));
    let out = bounded(command.arg(mount.point()).args(["10", "calls"]), PATIENCE);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn t29_execs() {
    for level in ["4", "10"] {
        holds_at(level, "rw", "events", "execs", |bits| vec![bsd_program("nothing", bits).display().to_string()]);
    }
}

#[test]
fn t29_ends() {
    holds_strictly("ends");
}

#[test]
fn t29_cores() {
    holds_strictly("cores");
}

#[test]
fn t29_signals() {
    holds_strictly("signals");
}

#[test]
fn t30_conts() {
    holds_strictly("conts");
}

#[test]
fn t31_closes() {
    holds("closes");
}

/// Who opens the file behind the last close finds nothing of what was asked for before, though FUSE tells of a close late.
#[test]
fn t31_the_last_close_is_over_when_it_returns() {
    let (mount, target) = (at("10", "rw"), Target::start("count", &[]));
    let path = mount.path(target.pid(), "mem");
    let open = || std::fs::File::options().read(true).write(true).open(&path).unwrap();
    let ask = |mem: &std::fs::File, number: libc::Ioctl, argument: *mut u8| {
        // SAFETY: the argument is a number, or has room for the answer.
        assert_eq!(unsafe { libc::ioctl(std::os::fd::AsRawFd::as_raw_fd(mem), number, argument) }, 0);
    };
    let add = |mem: &std::fs::File| ask(mem, 0x7001, std::ptr::without_provenance_mut(0x20));
    let mask = |mem: &std::fs::File| {
        let mut status = [0; 32];
        ask(mem, 0x8020_7006, status.as_mut_ptr());
        status[8]
    };
    let mut kept = 0;
    for _ in 0..2000 {
        let mem = open();
        kept += u32::from(mask(&mem) != 0);
        add(&mem);
    }
    assert_eq!(kept, 0);
    // One that has it open is another matter.
    let (one, two) = (open(), open());
    add(&one);
    drop(one);
    assert_eq!(mask(&two), 0x20);
}

#[test]
fn t33_crashes() {
    holds("crashes");
}

#[test]
fn t32_forks() {
    holds("forks");
}

#[test]
fn waits() {
    holds("waits");
    // Who is let go at the entry of a call in which it waits for us goes on waiting: seen in one of twenty.
    let (mount, events) = (at("10", "rw"), bsd_program("events", 64));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let out = bounded(Command::new(&events).arg(mount.point()).args(["10", "waits"]), PATIENCE);
                    assert!(out.status.success(), "{}: {}", out.status, String::from_utf8_lossy(&out.stderr));
                }
            });
        }
    });
}

#[test]
fn probe() {
    holds_strictly("probe");
}

#[test]
fn polled() {
    holds("polled");
}

#[test]
fn nested() {
    holds_strictly("nested");
}

#[test]
fn flags() {
    if root() {
        ["4", "10"].iter().for_each(|level| holds_at(level, "rw", "events", "flags", |_| vec![NOBODY.to_string()]));
    }
}

/// Everything of `mount` is run over `/proc`-like paths by the client itself.
#[track_caller]
fn runs(mount: &Mount, program: &str, bits: u32, args: &[&str]) -> String {
    let mut command = Command::new(bsd_program(program, bits));
    let out = bounded(command.arg(mount.point()).args(args), PATIENCE);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{program} {args:?}, {bits} bits: {}\n{said}", out.status);
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn t34_procctl() {
    for level in ["4", "10"] {
        for bits in [64, 32] {
            let (mount, target) = (at(level, "rw"), Target::start("siglog", &[]));
            let pid = target.pid().to_string();
            runs(&mount, "linger", bits, &[&pid]);
            assert_eq!(pfs_tests::state(target.pid()), 't');
            runs(&mount, "procctl", bits, &[&pid]);
            kill(target.pid(), libc::SIGUSR1);
            pfs_tests::eventually("it runs", || target.word(0) > 1);
            // Of one that is not stopped too.
            runs(&mount, "procctl", bits, &[&pid]);
        }
    }
}

#[test]
fn t35_truss() {
    for level in ["4", "5", "10"] {
        for bits in [64, 32] {
            let mount = at(level, "rw");
            let said = runs(&mount, "truss", bits, &[bsd_program("nothing", bits).to_str().unwrap()]);
            let lines: Vec<&str> = said.lines().collect();
            let (exit_group, brk) = if bits == 64 { (231, 12) } else { (252, 45) };
            assert_eq!(lines.first(), Some(&&format!("exec Linux ELF{bits}")[..]), "{level} {bits}: {said}");
            assert_eq!(lines.last(), Some(&"exit 0"), "{level} {bits}: {said}");
            assert!(lines.contains(&&format!("call {exit_group}")[..]), "{level} {bits}: {said}");
            assert!(lines.iter().any(|l| l.starts_with(&format!("return {brk} "))), "{level} {bits}: {said}");
            // What cannot be executed.
            let said = runs(&mount, "truss", bits, &["/nonexistent"]);
            assert_eq!(said, "exit 127\n", "{level} {bits}");
        }
    }
}

#[test]
fn an_event_is_a_stop_to_other_flavours() {
    let (mount, target) = (at("10", "rw"), Target::start("siglog", &[]));
    let linux = mount.beside("linux");
    let pid = target.pid().to_string();
    runs(&mount, "linger", 64, &[&pid]);
    let client = Client::new();
    let holders = String::from_utf8(client.read_file(&linux.join(&pid).join("holders")).unwrap()).unwrap();
    assert!(holders.contains("freebsd-events") && holders.contains("stop(signal"), "{holders}");
    let status = String::from_utf8(mount.read(target.pid(), "status").unwrap()).unwrap();
    assert!(status.contains(" stopevent "), "{status}");
    // The registers of what stands on an event can be read and written.
    assert_eq!(mount.read(target.pid(), "regs").unwrap().len(), 176);
    let fd = client.open(&linux.join(&pid).join("ctl"), libc::O_WRONLY).unwrap();
    assert_eq!(client.write(fd, "run"), Err(libc::EBUSY));
    // Unmounted, it is free.
    drop(mount);
    kill(target.pid(), libc::SIGUSR1);
    pfs_tests::eventually("it runs", || target.word(0) > 1);
}

/// The header says the same to every compiler that a program of these years may want.
#[test]
fn the_header_in_all_languages() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = TempDir::new();
    let c = ["c89", "gnu89", "c99", "c11", "c17"].map(|std| ("c", std));
    let cpp = ["c++98", "c++11", "c++17", "c++20"].map(|std| ("c++", std));
    for (language, std) in c.into_iter().chain(cpp) {
        for bits in [64, 32] {
            let binary = dir.path().join(format!("{std}-{bits}"));
            let mut command = Command::new("gcc");
            command.args([&format!("-std={std}"), "-pedantic", "-pedantic-errors", "-Wall", "-Wextra", "-Werror"]);
            command.args([&format!("-m{bits}"), "-x", language]).arg(root.join("bsd/header.c"));
            command.arg("-I").arg(root.join("../include/bsd")).arg("-o").arg(&binary);
            let out = bounded(&mut command, PATIENCE);
            assert!(out.status.success(), "{std} {bits}: {}", String::from_utf8_lossy(&out.stderr));
            let out = bounded(&mut Command::new(&binary), PATIENCE);
            assert!(out.status.success(), "{std} {bits}");
            let (size, wait, status, places) = match bits {
                64 => (32, "0x80207004", "0x80207006", [0, 4, 8, 16, 24]),
                _ => (20, "0x80147004", "0x80147006", [0, 4, 8, 12, 16]),
            };
            let mut expected = format!("size {size}\n");
            for (field, place) in ["state", "flags", "events", "why", "val"].into_iter().zip(places) {
                expected += &format!("{field} {place}\n");
            }
            expected += &format!("PIOCBIS 0x7001\nPIOCBIC 0x7002\nPIOCSFL 0x7003\nPIOCWAIT {wait}\nPIOCCONT 0x7005\n");
            expected += &format!("PIOCSTATUS {status}\nPIOCGFL 0x80047007\n");
            expected += "S_EXEC 0x1\nS_SIG 0x2\nS_SCE 0x4\nS_SCX 0x8\nS_CORE 0x10\nS_EXIT 0x20\nS_ALLSTOPS 0x3f\n";
            expected += "PF_LINGER 0x1\nPF_ISUGID 0x2\nPF_FORK 0x4\n";
            assert_eq!(String::from_utf8_lossy(&out.stdout), expected, "{std} {bits}");
        }
    }
}
