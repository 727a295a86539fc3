//! Calls that we make in a process (the word `close`): it must not notice them, whatever it was doing.

use pfs_tests::{eventually, kill, state, status_field, Client, Mount, Target};
use std::path::Path;

/// A stopped target, its client and ctl.
fn stopped(target: &Target, mount: &Mount) -> (Client, i32) {
    let client = Client::new();
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    client.write(ctl, "stop").unwrap();
    (client, ctl)
}

fn has_input(target: &Target) -> bool {
    std::fs::symlink_metadata(Path::new(&format!("/proc/{}/fd/0", target.pid()))).is_ok()
}

#[test]
fn an_interrupted_sleep_goes_on() {
    let (mount, target) = (Mount::new(), Target::start("sleeper", &[]));
    for round in 1..=5 {
        target.set(1, round);
        eventually("it sleeps", || target.word(2) == round && state(target.pid()) == 'S');
        mount.ctl(target.pid(), "stop").unwrap();
        let before = mount.read(target.pid(), "regs").unwrap();
        assert_eq!(mount.ctl(target.pid(), "close 999"), Err(libc::EBADF));
        assert_eq!(mount.read(target.pid(), "regs").unwrap(), before);
        mount.ctl(target.pid(), "run").unwrap();
        eventually("it has slept", || target.word(0) == round);
    }
    assert_eq!(target.word(3), 0, "a sleep was too short or failed");
}

#[test]
fn a_wait_that_a_signal_must_end_is_still_ended_by_it() {
    let (mount, target) = (Mount::new(), Target::start("waits", &["pause"]));
    eventually("it sleeps", || state(target.pid()) != 'R');
    let (client, ctl) = stopped(&target, &mount);
    assert_eq!(client.write(ctl, "close 999"), Err(libc::EBADF));
    client.write(ctl, "run").unwrap();
    target.go();
    assert!(target.line().starts_with(&format!("done -1 {} ", libc::EINTR)));
}

#[test]
fn signals_that_wait_are_delivered_behind_it() {
    let (mount, target) = (Mount::new(), Target::start("signals", &[]));
    let (client, ctl) = stopped(&target, &mount);
    for signal in [libc::SIGUSR1, libc::SIGUSR2, libc::SIGTERM] {
        kill(target.pid(), signal);
    }
    for _ in 0..5 {
        assert_eq!(client.write(ctl, "close 999"), Err(libc::EBADF));
    }
    client.write(ctl, "close 0").unwrap();
    assert!(!has_input(&target));
    for i in [10, 12, 15] {
        assert_eq!(target.word(128 + i), 0);
    }
    client.write(ctl, "run").unwrap();
    for i in [10, 12, 15] {
        eventually("each is delivered once", || target.word(128 + i) == 1);
    }
}

#[test]
fn a_sigtrap_that_waits_is_not_taken_for_ours() {
    let (mount, target) = (Mount::new(), Target::start("signals", &[]));
    let (client, ctl) = stopped(&target, &mount);
    kill(target.pid(), libc::SIGTRAP);
    client.write(ctl, "close 0").unwrap();
    assert!(!has_input(&target), "it was not made");
    client.write(ctl, "run").unwrap();
    eventually("it is delivered", || target.word(128 + 5) == 1);
}

#[test]
fn a_sigtrap_that_waits_is_not_taken_for_a_step() {
    let (mount, target) = (Mount::new(), Target::start("sled", &[]));
    let (client, ctl) = stopped(&target, &mount);
    let pc = || {
        let regs = mount.read(target.pid(), "regs").unwrap();
        u64::from_ne_bytes(regs[128..136].try_into().unwrap())
    };
    let regs = client.open(&mount.path(target.pid(), "regs"), libc::O_RDWR).unwrap();
    client.write_at(regs, 128, &target.numbers()[0].to_ne_bytes()).unwrap();
    client.write(ctl, "trace sig +trap").unwrap();
    kill(target.pid(), libc::SIGTRAP);
    // The signal comes first: the seat stands on it, and no instruction was made.
    client.write(ctl, "step").unwrap();
    assert_eq!(pc(), target.numbers()[0]);
    client.write(ctl, "wait sig\nnosig\nstep 5").unwrap();
    assert_eq!(pc(), target.numbers()[0] + 5);
    client.write(ctl, "trace sig none\nrun").unwrap();
    target.counts(0);
}

/// A fault's signal is looked for before all others, even if it is blocked: it comes before the end of the call.
#[test]
fn a_fault_that_waits_is_delivered_behind_it_as_it_was() {
    let mount = Mount::new();
    for (signal, code) in [(libc::SIGSEGV, 1), (libc::SIGBUS, 2), (libc::SIGSYS, 1)] {
        for words in ["close 0", "close 0\nstep 3", "close 999\nclose 0"] {
            let target = Target::start("pends", &[&signal.to_string(), &code.to_string(), "0x12340"]);
            let client = Client::new();
            let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
            client.write(seat, "trace in +getpgrp\ntrace out +rt_tgsigqueueinfo").unwrap();
            target.go();
            client.write(seat, "wait out\ntrace in none\ntrace out none").unwrap();
            for word in words.split('\n') {
                let expected = if word == "close 999" { Err(libc::EBADF) } else { Ok(word.len()) };
                assert_eq!(client.write(seat, word), expected, "{signal}: {word}");
            }
            assert!(!has_input(&target), "{signal}");
            client.write(seat, "run").unwrap();
            target.counts(0);
            assert_eq!((target.word(1), target.word(2)), (1, 0), "{signal}: {words}");
        }
    }
}

#[test]
fn job_control_that_waits_comes_behind_it() {
    let (mount, target) = (Mount::new(), Target::start("count", &[]));
    let (client, ctl) = stopped(&target, &mount);
    kill(target.pid(), libc::SIGSTOP);
    client.write(ctl, "close 0").unwrap();
    assert!(!has_input(&target));
    client.write(ctl, "run").unwrap();
    eventually("it is stopped by job control", || state(target.pid()) == 'T');
    target.stands(16);
    kill(target.pid(), libc::SIGCONT);
    target.counts(16);
}

#[test]
fn where_it_cannot_be_made_it_is_refused() {
    let (mount, target, client) = (Mount::new(), Target::start("busy", &["100"]), Client::new());
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    assert_eq!(client.write(ctl, "close 0"), Err(libc::EBUSY), "of a running process");
    client.write(ctl, "trace in +getppid").unwrap();
    target.go();
    client.write(ctl, "wait in").unwrap();
    let before = mount.read(target.pid(), "regs").unwrap();
    // In the place of the call at whose entry it stands, to which it comes again.
    assert_eq!(client.write(ctl, "close 999"), Err(libc::EBADF), "at an entry");
    assert_eq!(mount.read(target.pid(), "regs").unwrap(), before);
    client.write(ctl, "trace in none\ntrace out +getppid\nrun\nwait out").unwrap();
    assert!(has_input(&target));
    // From an exit it goes on to where a call can be made.
    assert_eq!(client.write(ctl, "close 0"), Ok(7), "at an exit");
    assert!(!has_input(&target));
    client.write(ctl, "detach").unwrap();
    target.counts(2);
    assert_eq!((target.word(0), target.word(1)), (100, 0));
}

#[test]
fn sigtrap_keeps_its_mask_and_its_handler() {
    for how in ["blocked", "handled"] {
        let (mount, target) = (Mount::new(), Target::start("fenced", &[how]));
        let fields = || ["SigBlk", "SigIgn", "SigCgt"].map(|name| status_field(target.pid(), name));
        let before = fields();
        let (client, ctl) = stopped(&target, &mount);
        client.write(ctl, "close 0\nstep 10\nrun").unwrap();
        assert!(!has_input(&target));
        target.counts(0);
        assert_eq!(fields(), before, "{how}");
        target.go();
        eventually("it has raised SIGTRAP", || target.word(2) == 1);
        assert_eq!(target.word(1), u64::from(how == "handled"), "{how}");
    }
}

#[test]
fn steps_over_changes_of_the_mask_leave_it_as_the_program_has_made_it() {
    for how in ["set", "block", "handler", "trap", "poll"] {
        for start in [Target::start, Target::start32] {
            let (mount, target) = (Mount::new(), start("masks", &[how]));
            let client = Client::new();
            let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
            for _ in 0..20 {
                client.write(ctl, "stop\nstep 300\nrun").unwrap();
                target.counts(0);
            }
            assert_eq!(target.word(1), 0, "{how}");
        }
    }
}

/// In the middle of a call that makes a process or a new program the kernel has yet to put the result into its registers.
#[test]
fn what_a_call_is_about_to_return_is_not_taken_for_a_call_of_ours() {
    let mount = Mount::new();
    for (how, answer) in [("forks", libc::EBADF), ("vforks", libc::EBUSY)] {
        let (target, client) = (Target::start("family", &[how]), Client::new());
        let parent = target.numbers()[0] as i32;
        let seat = client.open(&mount.path(parent, "seat"), libc::O_RDWR).unwrap();
        client.write(seat, "trace fork on").unwrap();
        target.go();
        for _ in 0..3 {
            client.write(seat, "wait fork").unwrap();
            assert_eq!(client.write(seat, "close 999"), Err(answer), "{how}");
            client.write(seat, "run").unwrap();
        }
        client.close(seat);
        target.counts(0);
        assert_eq!(target.word(9), 0, "{how}: it returned something else");
    }
    let (target, client) = (Target::start("execs", &["self", "/proc/self/exe"]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "trace exec on").unwrap();
    target.go();
    client.write(seat, "wait exec").unwrap();
    assert_eq!(client.write(seat, "close 999"), Err(libc::EBADF));
    client.close(seat);
    target.counts(0);
}

#[test]
fn an_ignored_sigtrap_stays_ignored() {
    let (mount, target) = (Mount::new(), Target::start("fenced", &["ignored"]));
    let ignored = status_field(target.pid(), "SigIgn");
    let (client, ctl) = stopped(&target, &mount);
    // It may be refused, as a step is; it may not make the program forget.
    let _ = client.write(ctl, "close 0");
    assert_eq!(client.write(ctl, "step"), Err(libc::EBUSY));
    client.write(ctl, "run").unwrap();
    target.counts(0);
    assert_eq!(status_field(target.pid(), "SigIgn"), ignored);
    target.go();
    eventually("it lives on", || target.word(2) == 1);
}

#[test]
fn a_filter_of_calls_does_not_kill_for_a_call_of_ours() {
    let (mount, mut target) = (Mount::new(), Target::start("fenced", &["filter"]));
    let (client, ctl) = stopped(&target, &mount);
    client.write(ctl, "close 0").unwrap();
    assert!(!has_input(&target));
    client.write(ctl, "run").unwrap();
    target.counts(0);
    // The filter is in force again.
    target.go();
    let status = target.end();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGSYS));
}

#[test]
fn a_restartable_sequence_is_aborted_as_behind_any_stop() {
    let mount = Mount::new();
    for how in ["run", "close", "closes"] {
        let target = Target::start("rseqs", &[]);
        if target.said == "none" {
            continue;
        }
        eventually("it is inside", || target.word(1) == 1);
        let (client, ctl) = stopped(&target, &mount);
        // What it has read is not what is there any more.
        target.set(2, 100);
        if how.starts_with("close") {
            assert_eq!(client.write(ctl, "close 999"), Err(libc::EBADF));
        }
        if how == "closes" {
            client.write(ctl, "close 0").unwrap();
        }
        target.go();
        client.write(ctl, "run").unwrap();
        target.counts(0);
        assert_eq!(target.word(2), 101, "{how}");
    }
}

#[test]
fn who_has_its_calls_handed_to_itself_does_not_get_ours() {
    let (mount, target) = (Mount::new(), Target::start("dispatch", &[]));
    if target.said == "none" {
        return;
    }
    let (client, ctl) = stopped(&target, &mount);
    assert_eq!(client.write(ctl, "close 999"), Err(libc::EBADF));
    client.write(ctl, "close 0\nrun").unwrap();
    assert!(!has_input(&target));
    // Its own go the same way as before.
    target.counts(0);
    assert_eq!(target.word(1), 0);
}
