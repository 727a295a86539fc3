//! Watched areas of the Solaris flavour that neither watch registers nor pages cover: each instruction is looked at before it is
//! made.

use pfs_tests::debugger::*;
use pfs_tests::paged::*;
use pfs_tests::{eventually, state, status_field, Mount, Target};
use std::collections::{BTreeMap, BTreeSet};

/// The kernel's code for the trap of a watched place.
const TRAP_HWBKPT: u64 = 4;

fn reading(bits: u32) {
    let mount = mount();
    let (target, area) = started(bits, "private");
    let mut debugger = Debugger::of(bits, &mount, target.pid());
    debugger.tell("trace").unwrap();
    debugger.watch(area + INSIDE, SIZE, READ | AFTER).unwrap();
    debugger.lists(&[(area + INSIDE, SIZE, READ | AFTER)]);
    // A narrow program takes two reads for eight bytes.
    let halves = [area + INSIDE + 8, area + INSIDE + 12];
    begin(&target, DO_READ, [INSIDE + 8, 0]);
    let told = debugger.touches(64 / bits as usize);
    let told: BTreeSet<u64> = told.into_iter().map(|(_, at, _)| at).collect();
    assert_eq!(told, halves.into_iter().take(64 / bits as usize).collect());
    finishes(&target);
    // One that reaches into it; beside it; and writing.
    begin(&target, DO_READ, [INSIDE - 4, 0]);
    debugger.passes(READ_HIT, area + INSIDE, true);
    finishes(&target);
    does(&target, DO_READ, [INSIDE - 8, 0]);
    does(&target, DO_READ, [INSIDE + SIZE, 0]);
    does(&target, DO_WRITE, [INSIDE + 8, 4]);
    // Both, told of before it happens.
    debugger.watch(area + INSIDE, SIZE, READ | WRITE).unwrap();
    begin(&target, DO_WRITE, [INSIDE + PAGE, 4]);
    debugger.hit(WRITE_HIT, area + INSIDE + PAGE, false);
    // As long as it is watched, it comes to it again.
    debugger.run(PRCFAULT);
    debugger.hit(WRITE_HIT, area + INSIDE + PAGE, false);
    debugger.watch(area + INSIDE, 0, 0).unwrap();
    debugger.run(PRCFAULT | PRSTEP);
    let stands = debugger.tell("wait").unwrap();
    assert!(stands.starts_with(&format!("{PR_FAULTED} {FLTTRACE} ")), "{stands}");
    debugger.run(PRCFAULT);
    finishes(&target);
    does(&target, DO_READ, [INSIDE + 8, 0]);
}

#[test]
fn reading_large_areas() {
    reading(64);
}

#[test]
fn reading_large_areas_in_a_narrow_program() {
    reading(32);
}

#[test]
fn private_mappings_of_files() {
    let mount = mount();
    let (target, area) = started(64, "file");
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    // Before the write, and more than registers cover.
    for flags in [WRITE, WRITE | AFTER] {
        debugger.watch(area + INSIDE, SIZE, flags).unwrap();
        for (at, size) in [(INSIDE, 1), (INSIDE + 100, 4), (INSIDE + SIZE - 8, 8)] {
            begin(&target, DO_WRITE, [at, size]);
            debugger.hit(WRITE_HIT, area + at, flags & AFTER != 0);
            if flags & AFTER == 0 {
                debugger.watch(area + INSIDE, 0, 0).unwrap();
            }
            debugger.run(PRCFAULT);
            finishes(&target);
            debugger.watch(area + INSIDE, SIZE, flags).unwrap();
        }
        does(&target, DO_WRITE, [INSIDE - 8, 8]);
        does(&target, DO_READ, [INSIDE, 8]);
    }
    // A string instruction, part by part.
    begin(&target, FILL, [INSIDE - 2, 4]);
    for at in [INSIDE, INSIDE + 1] {
        debugger.passes(WRITE_HIT, area + at, true);
    }
    finishes(&target);
    // The kernel is not looked at.
    does(&target, KERNEL_WRITES, [INSIDE, 8]);
}

#[test]
fn executing_more_than_registers_cover() {
    let mount = mount();
    let target = Target::start("watched", &[]);
    let function = target.numbers()[1];
    const CALL: u64 = 3;
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(function, 32, EXEC).unwrap();
    begin(&target, CALL, [0, 0]);
    debugger.hit(EXEC_HIT, function, false);
    debugger.watch(function, 0, 0).unwrap();
    debugger.run(PRCFAULT);
    finishes(&target);
    debugger.watch(function, 5, EXEC | AFTER).unwrap();
    begin(&target, CALL, [0, 0]);
    debugger.hit(EXEC_HIT, function, true);
    debugger.watch(function, 0, 0).unwrap();
    debugger.run(PRCFAULT);
    finishes(&target);
    does(&target, CALL, [0, 0]);
}

#[test]
fn every_touch_of_every_thread_is_told_once() {
    let (threads, rounds) = (6u64, 4u64);
    let mount = mount();
    let (target, area) = started(64, "file");
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area + INSIDE, SIZE, READ | WRITE | AFTER).unwrap();
    begin(&target, THREADS, [threads, rounds]);
    let mut told: BTreeMap<(i32, u64), u64> = BTreeMap::new();
    // A word is written, and another is read and written.
    for (lwp, addr, after) in debugger.touches((threads * rounds * 3) as usize) {
        assert!(after);
        *told.entry((lwp, addr)).or_default() += 1;
    }
    finishes(&target);
    let mut expected = BTreeMap::new();
    for i in 0..threads {
        assert_eq!(target.word(10 + i as usize), rounds);
        let lwp = target.word(100 + i as usize) as i32;
        expected.insert((lwp, area + INSIDE + 4 * i), rounds);
        expected.insert((lwp, area + INSIDE + 2 * PAGE + 4 * i), 2 * rounds);
    }
    assert_eq!(told, expected);
}

#[test]
fn what_is_not_traced_is_a_signal() {
    let mount = mount();
    let (target, area) = started(64, "private");
    does(&target, HANDLE, [0, 0]);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.watch(area + INSIDE, SIZE, READ | AFTER).unwrap();
    for i in 1..4 {
        does(&target, DO_READ, [INSIDE + 8 * i, 0]);
        assert_eq!([target.word(3), target.word(4), target.word(5)], [i, TRAP_HWBKPT, area + INSIDE + 8 * i]);
    }
    debugger.watch(area + INSIDE, 0, 0).unwrap();
    does(&target, DO_READ, [INSIDE, 0]);
    assert_eq!(target.word(3), 3);
}

#[test]
fn who_ignores_the_trap_is_left_alone() {
    let mount = mount();
    let (target, area) = started(64, "private");
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area + INSIDE, SIZE, READ | AFTER).unwrap();
    // It is watched no more, until the next PCWATCH; and that is refused.
    does(&target, IGNORE, [0, 0]);
    does(&target, DO_READ, [INSIDE, 0]);
    assert_eq!(debugger.watch(area + INSIDE, SIZE, READ), Err(libc::EBUSY));
    does(&target, IGNORES, [0, 0]);
    assert_eq!(target.word(8), 1);
}

#[test]
fn children_and_new_programs_are_not_watched() {
    let mount = mount();
    let (target, area) = started(64, "private");
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area + INSIDE, SIZE, READ | WRITE | AFTER).unwrap();
    // The parent reads nothing of it itself.
    for what in [FORK, VFORK] {
        does(&target, what, [0, 0]);
    }
    begin(&target, EXECUTE, [0, 0]);
    target.line();
    debugger.lists(&[]);
    does(&target, DO_READ, [INSIDE, 0]);
}

#[test]
fn a_blocked_trap_is_told_and_stays_blocked() {
    let mount = mount();
    let (target, area) = started(64, "private");
    does(&target, BLOCK, [0, 0]);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area + INSIDE, SIZE, READ | AFTER).unwrap();
    begin(&target, DO_READ, [INSIDE, 0]);
    debugger.passes(READ_HIT, area + INSIDE, true);
    finishes(&target);
    debugger.watch(area + INSIDE, 0, 0).unwrap();
    debugger.tell(&format!("set {PR_RLC}")).unwrap();
    debugger.leave();
    eventually("it is let go", || status_field(target.pid(), "TracerPid") == "0");
    assert_eq!(status_field(target.pid(), "SigBlk"), "0000000000000010");
    assert_eq!(status_field(target.pid(), "SigPnd"), "0000000000000000");
    does(&target, UNBLOCK, [0, 0]);
}

#[test]
fn calls_are_traced_as_well() {
    use std::io::{BufRead, BufReader, Write};
    let mount = mount();
    let beside = mount.beside("linux");
    let (target, area) = started(64, "file");
    does(&target, CALL_FOR_EVER, [0, 0]);
    target.counts(9);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area, 64, READ).unwrap();
    let seat = beside.join(target.pid().to_string()).join("seat");
    let mut seat = std::fs::OpenOptions::new().read(true).write(true).open(seat).unwrap();
    seat.write_all(b"mode report\ntrace in +write +read\ntrace out +write +read").unwrap();
    let mut lines = BufReader::new(seat).lines();
    let mut next = || {
        let line = lines.next().unwrap().unwrap();
        let text = |key: &str| line.split(&format!("\"{key}\":\"")).nth(1)?.split('"').next().map(String::from);
        (text("event").unwrap(), text("call").unwrap_or_default())
    };
    let step = |event: &str, call: &str| (event.to_string(), call.to_string());
    // From here on both sets are in force.
    while next() != step("exit", "write") {}
    for _ in 0..100 {
        for expected in [step("entry", "read"), step("exit", "read"), step("entry", "write"), step("exit", "write")] {
            assert_eq!(next(), expected);
        }
    }
    target.counts(9);
}

#[test]
fn orders_in_any_order_harm_nobody() {
    let mut one_of = by_chance();
    for kind in ["private", "file"] {
        let mount = mount();
        let beside = mount.beside("linux");
        let (target, area) = started(64, kind);
        does(&target, FOR_EVER, [3, 0]);
        does(&target, CALL_FOR_EVER, [0, 0]);
        let mut debugger = Debugger::new(&mount, &target);
        debugger.tell("trace").unwrap();
        debugger.tell(&format!("set {PR_RLC}")).unwrap();
        let at = area + INSIDE;
        for _ in 0..150 {
            let order = match one_of(14) {
                0 | 1 => format!("watch {at} {SIZE} {}", READ | WRITE | AFTER),
                2 => format!("watch {at} {SIZE} {READ}"),
                3 => format!("watch {at} {SIZE} {}", WRITE | AFTER),
                4 => format!("watch {at} 4 0"),
                5 => format!("watch {} 16 {WRITE}", area + PAGE),
                6 => format!("watch {} 0 0", area + PAGE),
                7 => "stop".into(),
                8 => format!("run {}", PRCFAULT | PRSTEP),
                n @ (9 | 10) => {
                    // The other flavour has a word in it too.
                    let words: &[&str] = if n == 9 { &["stop"] } else { &["run"] };
                    let all = ["stop", "step", "run"];
                    for word in if one_of(2) == 0 { words } else { &all[..] } {
                        let ctl = beside.join(target.pid().to_string()).join("ctl");
                        let _ = std::fs::write(ctl, word);
                    }
                    continue;
                }
                _ => format!("run {PRCFAULT}"),
            };
            let result = debugger.tell(&order);
            // What runs cannot be run.
            assert!(result.is_ok() || (order.starts_with("run") && result == Err(libc::EBUSY)), "{order}: {result:?}");
        }
        debugger.leave();
        let _ = std::fs::write(beside.join(target.pid().to_string()).join("ctl"), "run");
        eventually("it is let go", || status_field(target.pid(), "TracerPid") == "0");
        (9..13).for_each(|i| target.counts(i));
        does(&target, DO_WRITE, [INSIDE, 4]);
    }
}

/// Ends the mount while all threads are looked at, and looks whether they still write.
fn goes_on(end: impl Fn(Mount)) {
    for round in 0..6 {
        let mount = mount();
        let (target, area) = started(64, "file");
        does(&target, FOR_EVER, [3, 0]);
        does(&target, CALL_FOR_EVER, [0, 0]);
        let mut debugger = Debugger::new(&mount, &target);
        debugger.tell("trace").unwrap();
        // What is touched now and then, or never.
        let (at, flags) = match round % 3 {
            0 => (area + INSIDE, READ | WRITE),
            1 => (area + INSIDE, READ | WRITE | AFTER),
            _ => (area + 7 * PAGE, READ),
        };
        debugger.watch(at, 512, flags).unwrap();
        match round % 3 {
            0 => drop(debugger.tell("wait").unwrap()),
            1 => debugger.begin("count 1000000"),
            _ => target.counts(10),
        }
        end(mount);
        (9..13).for_each(|i| target.counts(i));
        does(&target, DO_WRITE, [INSIDE, 4]);
        eventually("it is let go", || status_field(target.pid(), "TracerPid") == "0");
        assert!(!['t', 'T', 'Z'].contains(&state(target.pid())));
    }
}

#[test]
fn a_killed_daemon_leaves_nothing_behind() {
    goes_on(|mount| mount.kill_daemon());
}

#[test]
fn a_daemon_that_ends_leaves_nothing_behind() {
    goes_on(drop);
}
