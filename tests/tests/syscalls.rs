//! Traced system calls: none lost, in pairs, and the kernel's own restarts unseen.

use pfs_tests::{eventually, field, state, Client, Mount, Target};

#[test]
fn entries_and_exits_come_in_pairs_and_none_is_lost() {
    const ROUNDS: usize = 2000;
    let (mount, target) = (Mount::new(), Target::start("busy", &[&ROUNDS.to_string()]));
    let client = Client::new();
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace in +getppid +close\ntrace out +getppid +close").unwrap();
    target.go();
    let events = client.events(seat, 4 * ROUNDS);
    assert_eq!(events.len(), 4 * ROUNDS);
    let expected = [("entry", "getppid"), ("exit", "getppid"), ("entry", "close"), ("exit", "close")];
    for (i, line) in events.iter().enumerate() {
        let (event, call) = expected[i % 4];
        assert_eq!(field(line, "seq"), Some(&(i + 1).to_string()[..]), "{line}");
        assert_eq!((field(line, "event"), field(line, "call")), (Some(event), Some(call)), "{line}");
        let result = [None, Some(std::process::id() as i64), None, Some(-i64::from(libc::EBADF))][i % 4];
        assert_eq!(field(line, "result").map(|r| r.parse().unwrap()), result, "{line}");
    }
    eventually("all rounds are made", || target.word(0) == ROUNDS as u64);
    assert_eq!(target.word(1), 0);
    target.counts(2);
}

#[test]
fn an_interrupted_sleep_is_one_call() {
    let (mount, target, client) = (Mount::new(), Target::start("calls", &["nanosleep"]), Client::new());
    eventually("it sleeps", || state(target.pid()) == 'S');
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace in all\ntrace out all").unwrap();
    for _ in 0..3 {
        client.write(seat, "stop").unwrap();
        client.write(seat, "run").unwrap();
    }
    assert!(target.line().starts_with("done 0 0 "));
    let events = client.events(seat, 10000).join("\n");
    assert!(!events.contains("restart_syscall") && !events.contains("\"result\":-51"), "{events}");
}

#[test]
fn startsyscall_stops_at_the_entry_and_run_ends_it() {
    let (mount, target, client) = (Mount::new(), Target::start("busy", &["10"]), Client::new());
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    client.write(ctl, "stop").unwrap();
    target.go();
    let rax = || {
        let regs = mount.read(target.pid(), "regs").unwrap();
        let at = |i: usize| u64::from_ne_bytes(regs[8 * i..8 * i + 8].try_into().unwrap());
        (at(15) as i64, at(10) as i64)
    };
    client.write(ctl, "startsyscall").unwrap();
    assert_eq!(rax(), (libc::SYS_getppid, -i64::from(libc::ENOSYS)));
    client.write(ctl, "startsyscall").unwrap();
    assert_eq!(rax(), (libc::SYS_getppid, i64::from(std::process::id())));
    client.write(ctl, "startsyscall").unwrap();
    assert_eq!(rax(), (libc::SYS_close, -i64::from(libc::ENOSYS)));
    client.write(ctl, "run").unwrap();
    target.counts(2);
    assert_eq!((target.word(0), target.word(1)), (10, 0));
}

#[test]
fn number_arguments_and_result_of_a_call_are_changed_by_its_registers() {
    let (mount, target, client) = (Mount::new(), Target::start("busy", &["10"]), Client::new());
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    let regs = client.open(&mount.path(target.pid(), "regs"), libc::O_RDWR).unwrap();
    let put = |i: u64, value: i64| assert_eq!(client.write_at(regs, 8 * i, &value.to_ne_bytes()), Ok(8));
    let rax = || i64::from_ne_bytes(client.read_at(regs, 0, 216).unwrap()[80..88].try_into().unwrap());
    let (orig_rax, rax_at, rdi) = (15, 10, 14);
    client.write(ctl, "stop").unwrap();
    target.go();
    // getppid becomes getpid: one strange result.
    client.write(ctl, "startsyscall").unwrap();
    put(orig_rax, libc::SYS_getpid);
    client.write(ctl, "startsyscall").unwrap();
    assert_eq!(rax(), i64::from(target.pid()));
    // close of no file becomes close of the input: another one.
    client.write(ctl, "startsyscall").unwrap();
    put(rdi, 0);
    client.write(ctl, "startsyscall").unwrap();
    assert_eq!(rax(), 0);
    assert!(std::fs::symlink_metadata(format!("/proc/{}/fd/0", target.pid())).is_err());
    // The result of a getppid is replaced: a third.
    client.write(ctl, "startsyscall\nstartsyscall").unwrap();
    assert_eq!(rax(), i64::from(std::process::id()));
    put(rax_at, 777);
    client.write(ctl, "run").unwrap();
    target.counts(2);
    assert_eq!((target.word(0), target.word(1)), (10, 3));
}

#[test]
fn abort_ends_a_sleeping_call_with_eintr() {
    for name in ["nanosleep", "poll", "read", "accept", "futex"] {
        let (mount, target) = (Mount::new(), Target::start("calls", &[name]));
        eventually("it sleeps", || state(target.pid()) == 'S');
        mount.ctl(target.pid(), "stop\nabort\nrun").unwrap();
        let said = target.line();
        assert!(said.starts_with(&format!("done -1 {} ", libc::EINTR)), "{name}: {said}");
    }
}

#[test]
fn abort_at_an_entry_prevents_the_call() {
    let (mount, target, client) = (Mount::new(), Target::start("busy", &["5"]), Client::new());
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    client.write(ctl, "trace in +close").unwrap();
    target.go();
    client.write(ctl, "wait in\nabort\ntrace in none\nrun").unwrap();
    target.counts(2);
    // The one call did not say EBADF.
    assert_eq!((target.word(0), target.word(1)), (5, 1));
}
