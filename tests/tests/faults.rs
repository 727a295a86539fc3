//! Faults of the processor: told by their names before their signals, and delivered afterwards as they would have been.

use pfs_tests::{eventually, field, kill, Client, Mount, Target};

const SEGV: &str = "SIGSEGV";

/// Target, fault, signal, si_code.
type Case = (&'static str, &'static str, &'static str, i32);

/// The fault is told, then its signal, and the program's handler sees what it would see without us.
fn told_and_delivered(start: fn(&str, &[&str]) -> Target, cases: &[Case]) {
    let (mount, client) = (Mount::new(), Client::new());
    for (name, fault, signal, code) in cases {
        let target = start("faults", &[name]);
        let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
        client.write(seat, "mode report\ntrace fault all\ntrace sig all").unwrap();
        target.go();
        let events = client.events(seat, 2);
        let code = &code.to_string()[..];
        let seen = |i: usize, names: [&'static str; 2]| names.map(|n| field(&events[i], n).unwrap_or("").to_string());
        assert_eq!(seen(0, ["event", "fault"]), ["fault", fault], "{name}: {events:?}");
        assert_eq!(seen(1, ["event", "signal"]), ["signal", signal], "{name}: {events:?}");
        for i in 0..2 {
            assert_eq!(seen(i, ["signal", "code"]), [signal, code], "{name}: {events:?}");
        }
        target.counts(0);
        let number = [("SIGSEGV", 11), ("SIGBUS", 7), ("SIGILL", 4), ("SIGFPE", 8), ("SIGTRAP", 5)];
        let number = number.iter().find(|n| n.0 == *signal).unwrap().1;
        assert_eq!([10, 12].map(|i| target.word(i)), [number, 1], "{name}");
        assert_eq!(target.word(11).to_string(), code, "{name}");
        client.close(seat);
        target.counts(0);
    }
}

#[test]
fn memory_that_may_not_be_touched() {
    let cases = [
        ("unmapped", "FLTBOUNDS", SEGV, 1),
        ("protected", "FLTBOUNDS", SEGV, 2),
        ("executed", "FLTBOUNDS", SEGV, 2),
        ("canonical", "FLTBOUNDS", SEGV, 128),
        ("beyond", "FLTACCESS", "SIGBUS", 2),
        ("aligned", "FLTACCESS", "SIGBUS", 1),
    ];
    told_and_delivered(Target::start, &cases);
}

#[test]
fn instructions_that_cannot_be_done() {
    let cases =
        [("illegal", "FLTILL", "SIGILL", 2), ("divide", "FLTIZDIV", "SIGFPE", 1), ("float", "FLTFPE", "SIGFPE", 3)];
    told_and_delivered(Target::start, &cases);
}

#[test]
fn traps_that_the_program_makes_itself() {
    let cases = [
        ("breakpoint", "FLTBPT", "SIGTRAP", 128),
        ("breakpoint2", "FLTBPT", "SIGTRAP", 128),
        ("int1", "FLTBPT", "SIGTRAP", 1),
        ("trace", "FLTTRACE", "SIGTRAP", 2),
    ];
    told_and_delivered(Target::start, &cases);
}

#[test]
fn a_privileged_instruction() {
    told_and_delivered(Target::start, &[("privileged", "FLTPRIV", SEGV, 128)]);
}

#[test]
fn an_overflow_trap() {
    told_and_delivered(Target::start, &[("overflow", "FLTIOVF", SEGV, 128)]);
}

#[test]
fn a_stack_that_cannot_grow() {
    told_and_delivered(Target::start, &[("stack", "FLTSTACK", SEGV, 1)]);
}

#[test]
fn the_same_of_a_32_bit_program() {
    let cases = [
        ("illegal", "FLTILL", "SIGILL", 2),
        ("breakpoint", "FLTBPT", "SIGTRAP", 128),
        ("unmapped", "FLTBOUNDS", SEGV, 1),
        ("protected", "FLTBOUNDS", SEGV, 2),
        ("beyond", "FLTACCESS", "SIGBUS", 2),
        ("divide", "FLTIZDIV", "SIGFPE", 1),
        ("bound", "FLTBOUNDS", SEGV, 128),
    ];
    told_and_delivered(Target::start32, &cases);
}

#[test]
fn an_overflow_trap_of_a_32_bit_program() {
    told_and_delivered(Target::start32, &[("overflow", "FLTIOVF", SEGV, 128)]);
}

#[test]
fn a_watched_instruction_is_a_watch_fault() {
    let (mount, target, client) = (Mount::new(), Target::start("sled", &[]), Client::new());
    let open = |name: &str| client.open(&mount.path(target.pid(), name), libc::O_RDWR).unwrap();
    let (seat, dbregs) = (open("seat"), open("dbregs"));
    client.write(seat, "trace fault +watch\nstop").unwrap();
    let place = target.numbers()[0] + 100;
    client.write_at(dbregs, 0, &place.to_ne_bytes()).unwrap();
    client.write_at(dbregs, 56, &1u64.to_ne_bytes()).unwrap();
    for _ in 0..3 {
        client.write(seat, "run\nwait fault").unwrap();
        let event = client.events(seat, 1).remove(0);
        assert_eq!([field(&event, "fault"), field(&event, "code")], [Some("FLTWATCH"), Some("4")], "{event}");
        let regs = mount.read(target.pid(), "regs").unwrap();
        assert_eq!(regs[128..136], place.to_ne_bytes());
        client.write(seat, "nosig").unwrap();
    }
    client.write_at(dbregs, 56, &0u64.to_ne_bytes()).unwrap();
    client.write(seat, "run").unwrap();
    target.counts(0);
}

#[test]
fn a_signal_that_was_sent_is_no_fault() {
    let (mount, target, client) = (Mount::new(), Target::start("faults", &["sent"]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace fault all\ntrace sig all").unwrap();
    target.go();
    let event = client.events(seat, 1).remove(0);
    assert_eq!([field(&event, "event"), field(&event, "code")], [Some("signal"), Some("0")], "{event}");
    for (was, signal) in (1..).zip([libc::SIGTRAP, libc::SIGFPE, libc::SIGBUS, libc::SIGILL]) {
        // An event is told before the handler runs.
        eventually("the one before is handled", || target.word(12) == was);
        kill(target.pid(), signal);
        let event = client.events(seat, 1).remove(0);
        assert_eq!(field(&event, "event"), Some("signal"), "{event}");
        eventually("it is handled", || target.word(12) == was + 1);
        assert_eq!((target.word(10), target.word(11)), (signal as u64, 0));
    }
}

#[test]
fn a_seat_stands_on_the_fault_then_on_the_signal_then_it_is_delivered() {
    let (mount, target, client) = (Mount::new(), Target::start("faults", &["unmapped"]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "trace fault +bounds\ntrace sig +segv").unwrap();
    target.go();
    client.write(seat, "wait fault").unwrap();
    assert_eq!(target.word(12), 0);
    client.write(seat, "run\nwait sig").unwrap();
    assert_eq!(target.word(12), 0);
    client.write(seat, "run").unwrap();
    target.counts(0);
    assert_eq!([10, 11, 12].map(|i| target.word(i)), [11, 1, 1]);
    assert_eq!(client.events(seat, 2).len(), 2);
}

#[test]
fn a_fault_that_is_dropped_happens_again_and_a_breakpoint_is_passed() {
    let (mount, client) = (Mount::new(), Client::new());
    let target = Target::start("faults", &["illegal"]);
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "trace fault +ill").unwrap();
    target.go();
    // The instruction is made again each time.
    for _ in 0..5 {
        client.write(seat, "wait fault\nnosig\nrun").unwrap();
    }
    client.write(seat, "wait fault\nrun").unwrap();
    target.counts(0);
    assert_eq!(target.word(12), 1);
    assert_eq!(client.events(seat, 6).len(), 6);

    let target = Target::start("faults", &["breakpoint"]);
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "trace fault +bpt").unwrap();
    target.go();
    client.write(seat, "wait fault\nnosig\nrun").unwrap();
    target.counts(0);
    assert_eq!(target.word(12), 0, "the handler ran");
}

#[test]
fn a_fault_without_a_handler_is_told_before_it_kills() {
    for how in ["default", "blocked"] {
        for (name, signal) in [("unmapped", 11), ("illegal", 4), ("divide", 8), ("beyond", 7), ("breakpoint", 5)] {
            let (mount, mut target, client) = (Mount::new(), Target::start("faults", &[name, how]), Client::new());
            let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
            client.write(seat, "trace fault all\ntrace exit on").unwrap();
            target.go();
            client.write(seat, "wait fault\nrun").unwrap();
            let status = target.end();
            assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(signal), "{name} {how}");
            let events = client.events(seat, usize::MAX);
            let words: Vec<&str> = events.iter().map(|e| field(e, "event").unwrap()).collect();
            assert_eq!(words, ["fault", "end"], "{events:?}");
        }
    }
}

#[test]
fn a_seat_that_closes_on_a_fault_loses_nothing() {
    for name in ["unmapped", "breakpoint", "divide"] {
        let (mount, target, client) = (Mount::new(), Target::start("faults", &[name]), Client::new());
        let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
        client.write(seat, "trace fault all").unwrap();
        target.go();
        client.write(seat, "wait fault").unwrap();
        client.close(seat);
        target.counts(0);
        assert_eq!(target.word(12), 1, "{name}");
    }
}
