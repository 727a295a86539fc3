//! The end of a process in every state it can be in: its parent is told once, with the right status; its seats are told and end;
//! whoever waits for it is answered, and whoever comes later is told that it is gone.

use pfs_tests::{eventually, kill, state, Client, Family, Mount, Target};
use std::time::Duration;

fn family(how: &str, asked: &str) -> Family {
    let family = Family::start(how);
    eventually("it is under way", || how == "vfork" || family.parent.word(0) > 0);
    family.client.write(family.seat, &format!("trace exit on\n{asked}")).unwrap();
    family
}

const EXIT: i32 = 33 << 8;

#[test]
fn while_it_runs() {
    for asked in ["mode report\ntrace sig all", "mode report\ntrace in all\ntrace out all", "trace sig none"] {
        family("count", asked).is_killed();
    }
    for asked in ["mode report\ntrace sig all", "trace sig none"] {
        let f = family("count", asked);
        f.parent.set(6, 1);
        f.has_ended(EXIT);
    }
    family("sleep", "mode report\ntrace sig all").is_killed();
    family("threads", "mode report\ntrace sig all").is_killed();
    let f = family("threads", "mode report\ntrace in +exit_group");
    f.parent.set(6, 1);
    f.has_ended(EXIT);
}

#[test]
fn while_a_seat_holds_it() {
    for how in ["count", "sleep", "threads", "calls"] {
        family(how, "stop").is_killed();
    }
    let f = family("count", "stop");
    f.parent.set(6, 1);
    f.parent.stands(0);
    f.client.write(f.seat, "run").unwrap();
    f.has_ended(EXIT);
    // A signal that was sent meanwhile kills it when it runs.
    let f = family("count", "stop");
    kill(f.child, libc::SIGTERM);
    f.parent.stands(0);
    f.client.write(f.seat, "run").unwrap();
    f.has_ended(libc::SIGTERM);
}

#[test]
fn at_the_entry_and_at_the_exit_of_a_call() {
    for asked in ["trace in +getppid\nwait in", "trace out +getppid\nwait out"] {
        family("calls", asked).is_killed();
    }
}

#[test]
fn at_the_call_that_ends_it() {
    for how in ["count", "threads"] {
        let f = family(how, "trace in +exit_group");
        f.parent.set(6, 1);
        f.client.write(f.seat, "wait in").unwrap();
        f.parent.stands(0);
        assert_eq!(f.parent.word(4), 0);
        f.client.write(f.seat, "run").unwrap();
        f.has_ended(EXIT);
        let f = family(how, "trace in +exit_group");
        f.parent.set(6, 1);
        f.client.write(f.seat, "wait in").unwrap();
        f.is_killed();
    }
}

#[test]
fn on_a_signal_and_on_a_fault() {
    let f = family("count", "trace sig +term");
    kill(f.child, libc::SIGTERM);
    f.client.write(f.seat, "wait sig").unwrap();
    f.is_killed();
    let f = family("count", "trace sig +term");
    kill(f.child, libc::SIGTERM);
    f.client.write(f.seat, "wait sig\nrun").unwrap();
    f.has_ended(libc::SIGTERM);
    let f = family("faults", "trace fault all");
    f.parent.go();
    f.client.write(f.seat, "wait fault").unwrap();
    f.is_killed();
    let f = family("faults", "trace fault all");
    f.parent.go();
    f.client.write(f.seat, "wait fault\nrun").unwrap();
    eventually("the parent is told of the end", || f.parent.word(4) == 1);
    // With or without a core file.
    f.has_ended(f.parent.word(5) as i32 & 0x80 | libc::SIGSEGV);
}

#[test]
fn while_job_control_has_stopped_it() {
    for how in ["count", "threads"] {
        for held in [false, true] {
            let f = family(how, "mode report\ntrace sig all");
            kill(f.child, libc::SIGSTOP);
            eventually("the parent is told of the stop", || f.parent.word(2) == 1);
            if held {
                f.mount.ctl(f.child, "stop").unwrap();
            }
            f.is_killed();
            assert_eq!((f.parent.word(2), f.parent.word(3)), (1, 0));
        }
    }
}

#[test]
fn while_it_steps() {
    let f = family("count", "stop");
    f.client.begin_write(f.seat, "step 1000000000");
    f.parent.counts(0);
    kill(f.child, libc::SIGKILL);
    assert_eq!(f.client.answer(), Err(libc::ESRCH));
    f.has_ended(libc::SIGKILL);

    let f = family("count", "stop");
    f.client.begin_write(f.seat, "step 1000000000");
    f.parent.counts(0);
    f.parent.set(6, 1);
    assert_eq!(f.client.answer(), Err(libc::ESRCH));
    f.has_ended(EXIT);
}

#[test]
fn in_an_exec() {
    for asked in ["mode report\ntrace exec on", "mode report\ntrace in all\ntrace sig all", "trace sig none"] {
        for _ in 0..5 {
            family("execs", asked).is_killed();
        }
    }
    family("execs", "trace exec on\nwait exec").is_killed();
}

#[test]
fn in_vfork() {
    let f = family("vfork", "mode report\ntrace sig all");
    eventually("it is in vfork", || f.parent.word(21) > 0 && state(f.child) == 'D');
    let ctl = f.client.open(&f.mount.path(f.child, "ctl"), libc::O_RDWR).unwrap();
    f.client.begin_write(ctl, "stop");
    assert!(f.client.waits(Duration::from_millis(20)), "it cannot stand yet");
    kill(f.child, libc::SIGKILL);
    assert_eq!(f.client.answer(), Err(libc::ESRCH));
    f.has_ended(libc::SIGKILL);
    kill(f.parent.word(21) as i32, libc::SIGKILL);
}

#[test]
fn while_a_call_of_ours_is_made_in_it() {
    let f = family("count", "stop");
    let closer = Client::new();
    let fd = closer.open(&f.mount.path(f.child, "ctl"), libc::O_RDWR).unwrap();
    closer.begin_write(fd, "close 999");
    kill(f.child, libc::SIGKILL);
    assert!(matches!(closer.answer(), Err(libc::EBADF | libc::ESRCH)));
    f.has_ended(libc::SIGKILL);
}

#[test]
fn a_zombie_is_gone_for_those_who_would_control_it() {
    let (mount, mut target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let open = |name: &str| client.open(&mount.path(target.pid(), name), libc::O_RDWR).unwrap();
    let (ctl, seat) = (open("ctl"), open("seat"));
    kill(target.pid(), libc::SIGKILL);
    // Nobody has waited for it: the test is its parent.
    eventually("it is a zombie", || state(target.pid()) == 'Z');
    assert_eq!(client.write(ctl, "stop"), Err(libc::ESRCH));
    assert_eq!(client.write(seat, "trace sig all"), Err(libc::ESRCH));
    assert_eq!(client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR), Err(libc::ESRCH));
    assert!(mount.read(target.pid(), "status").unwrap().windows(6).any(|w| w == b"zombie"));
    assert_eq!(state(target.pid()), 'Z');
    target.end();
    assert_eq!(client.write(ctl, "stop"), Err(libc::ESRCH));
}
