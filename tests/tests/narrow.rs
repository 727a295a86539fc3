//! 32-bit programs: registers, steps, calls by their own table, and the ways in which the kernel treats them differently.

use pfs_tests::{eventually, field, kill, program, state, thread_states, Client, Mount, Target};

const EAX: usize = 6;
const ORIG_EAX: usize = 11;
const EIP: usize = 12;

fn at(regs: &[u8], i: usize) -> u32 {
    u32::from_ne_bytes(regs[4 * i..4 * i + 4].try_into().unwrap())
}

/// A stopped target, and the client that stopped it, with `ctl` and `regs` open.
fn stopped(mount: &Mount, target: &Target) -> (Client, i32, i32) {
    let client = Client::new();
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    let regs = client.open(&mount.path(target.pid(), "regs"), libc::O_RDWR).unwrap();
    client.write(ctl, "stop").unwrap();
    (client, ctl, regs)
}

#[test]
fn register_files_have_the_sizes_of_a_32_bit_process() {
    let (mount, wide, target) = (Mount::new(), Target::start("count", &[]), Target::start32("count", &[]));
    for pid in [wide.pid(), target.pid()] {
        mount.ctl(pid, "stop").unwrap();
    }
    let size = |pid: i32, name: &str| mount.read(pid, name).unwrap().len();
    assert_eq!((size(target.pid(), "regs"), size(target.pid(), "fpregs")), (68, 108));
    assert_eq!((size(wide.pid(), "regs"), size(wide.pid(), "fpregs")), (216, 512));
    for name in ["xregs", "dbregs"] {
        assert_eq!(size(target.pid(), name), size(wide.pid(), name), "{name}");
    }
    let named = String::from_utf8(mount.read(target.pid(), "regs.json").unwrap()).unwrap();
    assert!(field(&named, "eip").is_some() && field(&named, "rip").is_none(), "{named}");
    mount.ctl(target.pid(), "run").unwrap();
    target.counts(16);
}

#[test]
fn an_exec_changes_the_kind_of_registers() {
    let (mount, client) = (Mount::new(), Client::new());
    let (narrow, wide) = (program("execs", 32), program("execs", 64));
    for (first, second, sizes) in [(&narrow, &wide, [68, 216]), (&wide, &narrow, [216, 68])] {
        let target = Target::of(first, &["self", second.to_str().unwrap()], None);
        let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
        client.write(seat, "trace exec on").unwrap();
        assert_eq!(mount.read(target.pid(), "regs").unwrap().len(), sizes[0]);
        target.go();
        client.write(seat, "wait exec").unwrap();
        assert_eq!(mount.read(target.pid(), "regs").unwrap().len(), sizes[1]);
        client.write(seat, "run").unwrap();
        target.counts(0);
    }
}

#[test]
fn a_step_is_exactly_one_instruction() {
    let (mount, target) = (Mount::new(), Target::start32("sled", &[]));
    let (client, ctl, regs) = stopped(&mount, &target);
    let sled = target.numbers()[0] as u32;
    assert_eq!(client.write_at(regs, 4 * EIP as u64, &sled.to_ne_bytes()), Ok(4));
    for (steps, place) in [("step", 1), ("step 10", 11), ("step 189", 200)] {
        client.write(ctl, steps).unwrap();
        assert_eq!(at(&client.read_at(regs, 0, 68).unwrap(), EIP), sled + place, "{steps}");
    }
    client.write(ctl, "run").unwrap();
    target.counts(0);
}

#[test]
fn what_was_written_is_read_and_used() {
    let (mount, target) = (Mount::new(), Target::start32("sled", &[]));
    let (client, ctl, regs) = stopped(&mount, &target);
    let before = client.read_at(regs, 0, 68).unwrap();
    let other = target.numbers()[1] as u32;
    assert_eq!(client.write_at(regs, 4 * EAX as u64, &0x1234_5678_u32.to_ne_bytes()), Ok(4));
    assert_eq!(client.write_at(regs, 4 * EIP as u64, &other.to_ne_bytes()), Ok(4));
    let after = client.read_at(regs, 0, 68).unwrap();
    assert_eq!((at(&after, EIP), at(&after, EAX)), (other, 0x1234_5678));
    for i in (0..17).filter(|i| ![EIP, EAX, ORIG_EAX].contains(i)) {
        assert_eq!(at(&before, i), at(&after, i), "register {i}");
    }
    assert_eq!(client.write_at(regs, 68, &[0; 4]), Err(libc::EINVAL));
    client.write_at(regs, 4 * EAX as u64, &at(&before, EAX).to_ne_bytes()).unwrap();
    client.write(ctl, "run").unwrap();
    target.counts(1);
    target.stands(0);
}

#[test]
fn a_new_pc_inside_a_sleeping_call_takes_effect_exactly() {
    let (mount, target) = (Mount::new(), Target::start32("signals", &[]));
    eventually("it sleeps", || state(target.pid()) == 'S');
    let (client, ctl, regs) = stopped(&mount, &target);
    let pc = at(&client.read_at(regs, 0, 68).unwrap(), EIP);
    client.write_at(regs, 4 * EIP as u64, &pc.to_ne_bytes()).unwrap();
    // The same value is no change; another one and back is.
    client.write_at(regs, 4 * EIP as u64, &(pc + 1).to_ne_bytes()).unwrap();
    client.write_at(regs, 4 * EIP as u64, &pc.to_ne_bytes()).unwrap();
    client.write(ctl, "step").unwrap();
    let after = at(&client.read_at(regs, 0, 68).unwrap(), EIP);
    assert_ne!(after, pc - 2, "the call was restarted");
    client.write(ctl, "run").unwrap();
    mount.ctl(target.pid(), "usr1").unwrap();
    eventually("it lives", || target.word(128 + 10) == 1);
}

#[test]
fn calls_have_the_names_of_their_own_table() {
    const ROUNDS: usize = 500;
    let (mount, target) = (Mount::new(), Target::start32("busy", &[&ROUNDS.to_string()]));
    let client = Client::new();
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace in +getppid +close\ntrace out +getppid +close").unwrap();
    target.go();
    let events = client.events(seat, 4 * ROUNDS);
    assert_eq!(events.len(), 4 * ROUNDS);
    let (parent, error) = (std::process::id().to_string(), (-libc::EBADF).to_string());
    let expected = [
        ("entry", "getppid", "64", None),
        ("exit", "getppid", "64", Some(&parent[..])),
        ("entry", "close", "6", None),
        ("exit", "close", "6", Some(&error[..])),
    ];
    for (i, line) in events.iter().enumerate() {
        let (event, call, nr, result) = expected[i % 4];
        assert_eq!(field(line, "seq"), Some(&(i + 1).to_string()[..]), "{line}");
        assert_eq!((field(line, "event"), field(line, "call")), (Some(event), Some(call)), "{line}");
        assert_eq!((field(line, "nr"), field(line, "result")), (Some(nr), result), "{line}");
    }
    target.counts(2);
    assert_eq!((target.word(0), target.word(1)), (ROUNDS as u64, 0));
}

#[test]
fn a_call_of_the_other_table_from_64_bit_code_is_named_by_that() {
    let (mount, target, client) = (Mount::new(), Target::start("gate", &[]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace in all\ntrace out +getppid").unwrap();
    target.go();
    for (i, line) in client.events(seat, 100).iter().enumerate() {
        assert_eq!(field(line, "event"), Some(["entry", "exit"][i % 2]), "{line}");
        assert_eq!((field(line, "call"), field(line, "nr")), (Some("getppid"), Some("64")), "{line}");
    }
    client.close(seat);
    target.counts(0);
    assert_eq!(target.word(1), 0);
}

#[test]
fn a_set_is_of_names_and_not_of_numbers() {
    let (mount, client) = (Mount::new(), Client::new());
    // Number of the 32-bit table, its name, a set that has the same number in the 64-bit table, one that has the same name.
    for (nr, name, number, same) in [
        (102, "socketcall", "getuid", "all"),
        (24, "getuid", "sched_yield", "getuid"),
        (20, "getpid", "writev", "getpid"),
    ] {
        let target = Target::start32("gate", &[]);
        target.set(4, nr);
        let flags = libc::O_RDWR | libc::O_NONBLOCK;
        let seat = client.open(&mount.path(target.pid(), "seat"), flags).unwrap();
        client.write(seat, &format!("mode report\ntrace in +{number}")).unwrap();
        target.go();
        eventually("it makes calls", || target.word(0) > 100);
        assert_eq!(client.read(seat, 1000), Err(libc::EAGAIN), "{name} is no {number}");
        client.write(seat, &format!("mode stop\ntrace in none\ntrace in {same}\nwait in\ndetach")).unwrap();
        let event = String::from_utf8(client.read(seat, 1000).unwrap()).unwrap();
        assert_eq!(field(&event, "call"), Some(name), "{event}");
    }
}

#[test]
fn stops_at_entry_and_exit_and_an_abort() {
    let (mount, target) = (Mount::new(), Target::start32("busy", &["10"]));
    let (client, ctl, regs) = stopped(&mount, &target);
    target.go();
    let call = || {
        let image = client.read_at(regs, 0, 68).unwrap();
        (at(&image, ORIG_EAX), at(&image, EAX) as i32)
    };
    client.write(ctl, "startsyscall").unwrap();
    assert_eq!(call(), (64, -libc::ENOSYS));
    client.write(ctl, "startsyscall").unwrap();
    assert_eq!(call(), (64, std::process::id() as i32));
    client.write(ctl, "startsyscall").unwrap();
    assert_eq!(call(), (6, -libc::ENOSYS));
    client.write(ctl, "abort\nrun").unwrap();
    target.counts(2);
    // The one close that was not made did not say EBADF.
    assert_eq!((target.word(0), target.word(1)), (10, 1));
}

#[test]
fn an_interrupted_sleep_is_one_call() {
    let (mount, target, client) = (Mount::new(), Target::start32("sleeper", &[]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace in all\ntrace out all").unwrap();
    for round in 1..=3 {
        target.set(1, round);
        eventually("it sleeps", || target.word(2) == round && state(target.pid()) == 'S');
        for _ in 0..3 {
            mount.ctl(target.pid(), "stop").unwrap();
            mount.ctl(target.pid(), "run").unwrap();
        }
    }
    eventually("it has slept", || target.word(0) == 3);
    let events = client.events(seat, 6);
    for (i, line) in events.iter().enumerate() {
        assert_eq!(field(line, "event"), Some(["entry", "exit"][i % 2]), "{events:?}");
        assert_eq!(field(line, "call"), Some("clock_nanosleep"), "{events:?}");
    }
    assert_eq!(target.word(3), 0, "a sleep was too short or failed");
}

#[test]
fn a_sleep_that_began_before_the_trace_restarts_under_another_number() {
    let (mount, target, client) = (Mount::new(), Target::start32("sleeper", &[]), Client::new());
    target.set(1, 1);
    eventually("it sleeps", || target.word(2) == 1 && state(target.pid()) == 'S');
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace in all\ntrace out all").unwrap();
    mount.ctl(target.pid(), "stop\nrun\nstop\nrun").unwrap();
    target.set(1, 2);
    eventually("it has slept", || target.word(0) == 2);
    mount.ctl(target.pid(), "kill").unwrap();
    let events = client.events(seat, usize::MAX).join("\n");
    assert!(events.contains("\"clock_nanosleep\""), "{events}");
    assert!(!events.contains("restart_syscall") && !events.contains("\"result\":-51"), "{events}");
    assert_eq!(target.word(3), 0, "a sleep was too short or failed");
}

fn calls_end_as_without(names: &[&str]) {
    let mount = Mount::new();
    for name in names {
        let (target, other) = (Target::start32("calls", &[name]), Target::start32("calls", &[name]));
        eventually(name, || state(target.pid()) != 'R');
        for _ in 0..2 {
            let _ = mount.ctl(target.pid(), "stop");
            let _ = mount.ctl(target.pid(), "run");
        }
        target.go();
        eventually(name, || state(other.pid()) != 'R');
        other.go();
        let said = |t: &Target| t.line().split(' ').filter_map(|w| w.parse().ok()).collect::<Vec<i64>>();
        assert_eq!(said(&target)[..2], said(&other)[..2], "{name}");
    }
}

#[test]
fn calls_that_block_are_not_harmed() {
    calls_end_as_without(&["nanosleep", "poll", "epoll_wait", "recv", "futex", "read", "pause", "accept"]);
}

#[test]
fn calls_of_the_32_bit_table_alone_are_not_harmed() {
    // The C library makes semtimedop_time64 and rt_sigtimedwait_time64 of these.
    calls_end_as_without(&["semop", "sigtimedwait"]);
}

#[test]
fn signals_arrive_in_order_under_a_trace() {
    let (mount, target, client) = (Mount::new(), Target::start32("signals", &[]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace sig all").unwrap();
    for value in 0..200 {
        let value = libc::sigval { sival_ptr: value as *mut libc::c_void };
        // SAFETY: sigqueue takes no memory: the value is only a number here.
        assert_eq!(unsafe { libc::sigqueue(target.pid(), 38, value) }, 0);
    }
    eventually("all signals are handled", || target.word(0) == 200);
    assert_eq!(target.word(1), 0, "out of order");
    assert_eq!(client.events(seat, 200).len(), 200);
    mount.ctl(target.pid(), "stop").unwrap();
    kill(target.pid(), libc::SIGUSR1);
    target.stands(128 + 10);
    mount.ctl(target.pid(), "run").unwrap();
    eventually("it is delivered", || target.word(128 + 10) == 1);
}

#[test]
fn a_call_of_ours_is_made_by_int_0x80_and_leaves_no_trace() {
    let (mount, target) = (Mount::new(), Target::start32("count", &[]));
    let (client, ctl, regs) = stopped(&mount, &target);
    let input = format!("/proc/{}/fd/0", target.pid());
    assert!(std::fs::symlink_metadata(&input).is_ok());
    let before = client.read_at(regs, 0, 68).unwrap();
    client.write(ctl, "close 0").unwrap();
    assert!(std::fs::symlink_metadata(&input).is_err(), "it is still open");
    assert_eq!(client.write(ctl, "close 0"), Err(libc::EBADF));
    assert_eq!(client.read_at(regs, 0, 68).unwrap(), before);
    client.write(ctl, "run").unwrap();
    target.counts(16);
}

#[test]
fn all_threads_of_a_32_bit_process_stand() {
    let (mount, target) = (Mount::new(), Target::start32("count", &["10", "storm"]));
    for _ in 0..10 {
        target.counts(15);
        mount.ctl(target.pid(), "stop").unwrap();
        let born = target.word(15);
        assert!(thread_states(target.pid()).iter().all(|t| "tZX".contains(t.1)));
        target.stands(16);
        assert_eq!(target.word(15), born);
        mount.ctl(target.pid(), "run").unwrap();
    }
    target.counts(16);
}

#[test]
fn a_debug_register_watches_an_instruction() {
    let (mount, target) = (Mount::new(), Target::start32("sled", &[]));
    let (client, ctl, regs) = stopped(&mount, &target);
    let other = target.numbers()[1];
    let dbregs = client.open(&mount.path(target.pid(), "dbregs"), libc::O_RDWR).unwrap();
    client.write_at(dbregs, 0, &other.to_ne_bytes()).unwrap();
    client.write_at(dbregs, 56, &1u64.to_ne_bytes()).unwrap();
    client.write(ctl, "trace fault +watch\nrun").unwrap();
    target.counts(0);
    target.go();
    client.write(ctl, "wait fault").unwrap();
    assert_eq!(u64::from(at(&client.read_at(regs, 0, 68).unwrap(), EIP)), other);
    assert_eq!(target.word(1), 0);
    client.write_at(dbregs, 56, &0u64.to_ne_bytes()).unwrap();
    client.write(ctl, "trace fault none\nnosig\nrun").unwrap();
    target.counts(1);
}
