//! Watched areas of the Solaris flavour: PCWATCH and the file `watch`, used by a program for Solaris on real processes.

use pfs_tests::debugger::*;
use pfs_tests::{eventually, kill, state, status_field, thread_states, Mount, Target};

/// Commands of `targets/watched.c`.
const DO_WRITE: u64 = 1;
const DO_READ: u64 = 2;
const CALL: u64 = 3;
const THREADS: u64 = 4;
const FOR_EVER: u64 = 5;
const FORK: u64 = 6;
const VFORK: u64 = 7;
const EXECUTE: u64 = 8;
const KERNEL_WRITES: u64 = 9;
const KERNEL_READS: u64 = 10;
const BLOCK: u64 = 11;
const UNBLOCK: u64 = 12;
const HANDLE: u64 = 13;
const IGNORE: u64 = 14;
const IGNORES: u64 = 15;
const THREAD_EXECUTES: u64 = 16;

fn mount() -> Mount {
    Mount::of("solaris", "rw")
}

fn started(bits: u32) -> (Target, u64, u64) {
    let target = if bits == 64 { Target::start("watched", &[]) } else { Target::start32("watched", &[]) };
    let said = target.numbers();
    (target, said[0], said[1])
}

fn each_width(bits: u32, client: u32) {
    let mount = mount();
    let (target, area, _) = started(bits);
    let mut debugger = Debugger::of(client, &mount, target.pid());
    debugger.tell("trace").unwrap();
    for size in [1, 2, 4, 8].into_iter().filter(|s| *s * 8 <= u64::from(bits)) {
        debugger.watch(area + 16, size, WRITE | AFTER).unwrap();
        begin(&target, DO_WRITE, [16, size]);
        debugger.passes(WRITE_HIT, area + 16, true);
        finishes(&target);
        // Its last byte.
        begin(&target, DO_WRITE, [16 + size - 1, 1]);
        debugger.passes(WRITE_HIT, area + 16, true);
        finishes(&target);
        // Its neighbours, and reading.
        does(&target, DO_WRITE, [15, 1]);
        does(&target, DO_WRITE, [16 + size, 1]);
        does(&target, DO_READ, [16, size]);
        debugger.watch(area + 16, 0, 0).unwrap();
        does(&target, DO_WRITE, [16, size]);
    }
    debugger.lists(&[]);
}

#[test]
fn writes_of_each_width() {
    each_width(64, 64);
}

#[test]
fn writes_of_each_width_in_a_narrow_program() {
    each_width(32, 64);
    each_width(32, 32);
}

#[test]
fn an_area_that_is_not_aligned() {
    let mount = mount();
    let (target, area, _) = started(64);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area + 2, 12, WRITE | AFTER).unwrap();
    // Pieces at 2, 4, 8 and 12.
    for (at, size, hit) in [(2, 1, 2), (0, 4, 2), (3, 1, 2), (4, 4, 4), (6, 4, 4), (13, 1, 12), (8, 8, 8), (0, 8, 2)] {
        begin(&target, DO_WRITE, [at, size]);
        debugger.passes(WRITE_HIT, area + hit, true);
        finishes(&target);
    }
    does(&target, DO_WRITE, [1, 1]);
    does(&target, DO_WRITE, [14, 2]);
}

#[test]
fn every_write_of_every_thread_is_told() {
    let (threads, writes) = (10, 25);
    let mount = mount();
    let (target, area, _) = started(64);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area, 4, WRITE | AFTER).unwrap();
    begin(&target, THREADS, [threads, writes]);
    debugger.tell(&format!("count {}", threads * writes)).unwrap();
    finishes(&target);
    for i in 0..threads as usize {
        assert_eq!(target.word(10 + i), writes);
    }
    // There was none besides.
    debugger.watch(area, 0, 0).unwrap();
    debugger.tell("stop").unwrap();
    assert!(debugger.tell("wait").unwrap().starts_with("1 "));
}

#[test]
fn threads_that_were_there_before() {
    let mount = mount();
    let (target, area, _) = started(64);
    does(&target, FOR_EVER, [5, 0]);
    (10..15).for_each(|i| target.counts(i));
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    for _ in 0..3 {
        debugger.watch(area, 4, WRITE | AFTER).unwrap();
        debugger.tell("count 50").unwrap();
        debugger.watch(area, 4, 0).unwrap();
        debugger.tell("stop").unwrap();
        // What stands on a touch that has not been seen is run, too.
        while debugger.tell("run 2") == Ok(String::new()) {}
        (10..15).for_each(|i| target.counts(i));
    }
}

#[test]
fn reads_are_told_from_writes() {
    let mount = mount();
    let (target, area, _) = started(64);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area, 8, READ | AFTER).unwrap();
    for size in [1, 2, 4, 8] {
        does(&target, DO_WRITE, [0, size]);
        begin(&target, DO_READ, [0, size]);
        debugger.passes(READ_HIT, area, true);
        finishes(&target);
    }
    // The same range: other kinds.
    debugger.watch(area, 8, READ | WRITE | AFTER).unwrap();
    debugger.lists(&[(area, 8, READ | WRITE | AFTER)]);
    begin(&target, DO_WRITE, [4, 4]);
    debugger.passes(WRITE_HIT, area, true);
    finishes(&target);
    begin(&target, DO_READ, [4, 4]);
    debugger.passes(READ_HIT, area, true);
    finishes(&target);
}

fn execution(bits: u32) {
    let mount = mount();
    let (target, area, function) = started(bits);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(function, 1, EXEC).unwrap();
    begin(&target, CALL, [0, 0]);
    debugger.passes(EXEC_HIT, function, false);
    finishes(&target);
    debugger.watch(function, 1, EXEC | AFTER).unwrap();
    for _ in 0..3 {
        begin(&target, CALL, [0, 0]);
        debugger.passes(EXEC_HIT, function, true);
        finishes(&target);
    }
    // Reading and writing go on besides.
    debugger.watch(area, 4, WRITE | AFTER).unwrap();
    begin(&target, DO_WRITE, [0, 4]);
    debugger.passes(WRITE_HIT, area, true);
    finishes(&target);
}

#[test]
fn execution_is_told_before_or_after() {
    execution(64);
    execution(32);
}

#[test]
fn what_the_kernel_does_in_a_call() {
    let mount = mount();
    let (target, area, _) = started(64);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area, 8, READ | WRITE | AFTER).unwrap();
    // The target checks that its calls have succeeded.
    begin(&target, KERNEL_WRITES, [0, 8]);
    debugger.passes(WRITE_HIT, area, true);
    finishes(&target);
    begin(&target, KERNEL_READS, [0, 8]);
    debugger.passes(READ_HIT, area, true);
    finishes(&target);
}

#[test]
fn a_step_over_a_touch() {
    let mount = mount();
    let (target, area, function) = started(64);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(function, 1, EXEC).unwrap();
    // The function counts in the area's neighbourhood: `calls` is what its instructions touch.
    begin(&target, CALL, [0, 0]);
    debugger.hit(EXEC_HIT, function, false);
    debugger.watch(function, 1, 0).unwrap();
    debugger.run(PRCFAULT | PRSTEP);
    let stands = debugger.tell("wait").unwrap();
    assert!(stands.starts_with(&format!("{PR_FAULTED} {FLTTRACE} ")), "{stands}");
    debugger.watch(area, 8, WRITE | AFTER).unwrap();
    debugger.run(PRCFAULT);
    finishes(&target);
    // Step by step up to the write, which is told as such.
    debugger.tell("stop").unwrap();
    begin(&target, DO_WRITE, [0, 8]);
    let mut steps = 0;
    loop {
        debugger.run(PRCFAULT | PRSTEP);
        let stands = debugger.tell("wait").unwrap();
        steps += 1;
        if stands.starts_with(&format!("{PR_FAULTED} {FLTWATCH} ")) {
            break;
        }
        assert!(stands.starts_with(&format!("{PR_FAULTED} {FLTTRACE} ")) && steps < 20000, "{stands}");
    }
    debugger.hit(WRITE_HIT, area, true);
    debugger.run(PRCFAULT);
    finishes(&target);
}

#[test]
fn what_is_not_traced_is_a_signal() {
    let mount = mount();
    let (target, area, function) = started(64);
    does(&target, HANDLE, [0, 0]);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.watch(area, 4, WRITE | AFTER).unwrap();
    debugger.watch(function, 1, EXEC).unwrap();
    for i in 1..4 {
        does(&target, DO_WRITE, [0, 4]);
        assert_eq!([3, 4, 5].map(|w| target.word(w)), [2 * i - 1, 4, area]);
        does(&target, CALL, [0, 0]);
        assert_eq!([3, 4, 5].map(|w| target.word(w)), [2 * i, 4, function]);
    }
    debugger.watch(area, 0, 0).unwrap();
    does(&target, DO_WRITE, [0, 4]);
    assert_eq!(target.word(3), 6);
}

#[test]
fn an_untraced_touch_kills_who_does_not_handle_it() {
    let mount = mount();
    let (mut target, area, _) = started(64);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.watch(area, 4, WRITE | AFTER).unwrap();
    begin(&target, DO_WRITE, [0, 4]);
    let end = target.end();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&end), Some(libc::SIGTRAP));
}

#[test]
fn who_ignores_the_signal_goes_on_ignoring_it() {
    let mount = mount();
    let (target, area, function) = started(64);
    does(&target, IGNORE, [0, 0]);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.watch(area, 4, WRITE | AFTER).unwrap();
    debugger.watch(function, 1, EXEC | AFTER).unwrap();
    does(&target, DO_WRITE, [0, 4]);
    does(&target, CALL, [0, 0]);
    debugger.tell("trace").unwrap();
    begin(&target, DO_WRITE, [0, 4]);
    debugger.passes(WRITE_HIT, area, true);
    finishes(&target);
    does(&target, IGNORES, [0, 0]);
    assert_eq!(target.word(9), 1);
}

#[test]
fn a_thread_that_blocks_the_signal_is_told_of_later() {
    let mount = mount();
    let (target, area, _) = started(64);
    does(&target, BLOCK, [0, 0]);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area, 4, WRITE | AFTER).unwrap();
    does(&target, DO_WRITE, [0, 4]);
    begin(&target, UNBLOCK, [0, 0]);
    let stands = debugger.tell("wait").unwrap();
    assert!(stands.starts_with(&format!("{PR_FAULTED} {FLTWATCH} 5 {WRITE_HIT} {area} 1")), "{stands}");
    debugger.run(PRCFAULT);
    finishes(&target);
    // Or at the next stop; and its mask stays.
    does(&target, BLOCK, [0, 0]);
    does(&target, DO_WRITE, [0, 4]);
    debugger.tell("stop").unwrap();
    let stands = debugger.tell("wait").unwrap();
    assert!(stands.starts_with(&format!("{PR_FAULTED} {FLTWATCH} 5 ")), "{stands}");
    debugger.run(PRCFAULT);
    does(&target, DO_READ, [0, 4]);
    assert_eq!(status_field(target.pid(), "SigBlk"), "0000000000000010");
    // A trap that still waits when nobody watches any more is nobody's.
    does(&target, DO_WRITE, [0, 4]);
    debugger.tell(&format!("set {PR_RLC}")).unwrap();
    debugger.leave();
    eventually("it is let go", || status_field(target.pid(), "TracerPid") == "0");
    assert_eq!(status_field(target.pid(), "SigBlk"), "0000000000000010");
    assert_eq!(status_field(target.pid(), "SigPnd"), "0000000000000000");
    does(&target, UNBLOCK, [0, 0]);
    does(&target, DO_WRITE, [0, 4]);
}

#[test]
fn areas_by_their_rules() {
    let mount = mount();
    let (target, area, function) = started(64);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.lists(&[]);
    debugger.watch(area + 8, 4, WRITE | AFTER).unwrap();
    debugger.watch(area, 8, WRITE | AFTER).unwrap();
    debugger.watch(function, 2, EXEC).unwrap();
    let mut all = vec![(area, 8, WRITE | AFTER), (area + 8, 4, WRITE | AFTER), (function, 2, EXEC)];
    all.sort_unstable();
    debugger.lists(&all);
    for (at, size, flags, errno) in [
        (area + 7, 1, WRITE | AFTER, libc::EINVAL),
        (area, 4, WRITE | AFTER, libc::EINVAL),
        (area, 16, 0x10, libc::EINVAL),
        (area + 32, 0, WRITE | AFTER, libc::EINVAL),
        (u64::MAX - 3, 8, WRITE | AFTER, libc::EINVAL),
        (area + 4096, 20_001 * 4096, WRITE | AFTER, libc::E2BIG),
    ] {
        assert_eq!(debugger.watch(at, size, flags), Err(errno), "{at:#x} {size} {flags}");
        debugger.lists(&all);
    }
    // What is refused has taken nothing away.
    debugger.tell("trace").unwrap();
    begin(&target, DO_WRITE, [8, 4]);
    debugger.passes(WRITE_HIT, area + 8, true);
    finishes(&target);
    for (at, _, _) in all {
        debugger.watch(at, 0, 0).unwrap();
    }
    debugger.watch(area, 0, 0).unwrap();
    // Nothing is mapped there, and nothing ever will be beyond the end.
    debugger.watch(0x1000, 8, WRITE | AFTER).unwrap();
    debugger.watch(0xffff_8000_0000_0000, 8, WRITE | AFTER).unwrap();
    debugger.lists(&[(0x1000, 8, WRITE | AFTER)]);
    does(&target, DO_WRITE, [0, 8]);
}

#[test]
fn a_narrow_client_of_a_wide_program() {
    let mount = mount();
    let (target, _, _) = started(64);
    let mut debugger = Debugger::of(32, &mount, target.pid());
    assert_eq!(debugger.watch(0x1000, 4, WRITE | AFTER), Err(libc::EOVERFLOW));
    assert_eq!(debugger.tell("list"), Err(libc::EOVERFLOW));
}

#[test]
fn children_and_new_programs_are_not_watched() {
    let mount = mount();
    let (target, area, _) = started(64);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area, 4, WRITE | AFTER).unwrap();
    // PR_FORK changes nothing about that.
    for set in [0, PR_FORK] {
        debugger.tell(&format!("set {set}")).unwrap();
        does(&target, FORK, [0, 0]);
        does(&target, VFORK, [0, 0]);
    }
    begin(&target, DO_WRITE, [0, 4]);
    debugger.passes(WRITE_HIT, area, true);
    finishes(&target);
    debugger.lists(&[(area, 4, WRITE | AFTER)]);
    for command in [EXECUTE, THREAD_EXECUTES, EXECUTE] {
        begin(&target, command, [0, 0]);
        let said = target.line();
        let area: u64 = said.split(' ').nth(1).unwrap().parse().unwrap();
        debugger.lists(&[]);
        assert_eq!(registers(&mount), 0);
        does(&target, DO_WRITE, [0, 4]);
        debugger.watch(area, 4, WRITE | AFTER).unwrap();
        begin(&target, DO_WRITE, [0, 4]);
        debugger.passes(WRITE_HIT, area, true);
        finishes(&target);
    }
}

/// Watch registers that the daemon has set.
fn registers(mount: &Mount) -> usize {
    let fds = std::fs::read_dir(format!("/proc/{}/fd", mount.daemon())).unwrap();
    let links = fds.filter_map(|f| std::fs::read_link(f.ok()?.path()).ok());
    links.filter(|link| link.to_str() == Some("anon_inode:[perf_event]")).count()
}

#[test]
fn threads_that_come_and_go() {
    let mount = mount();
    let (target, area, _) = started(64);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area, 8, READ | WRITE | AFTER).unwrap();
    assert_eq!(registers(&mount), 2);
    for _ in 0..5 {
        begin(&target, THREADS, [8, 5]);
        debugger.tell("count 40").unwrap();
        finishes(&target);
        eventually("only the registers of the first thread are set", || registers(&mount) == 2);
    }
    debugger.watch(area + 16, 8, WRITE | AFTER).unwrap();
    assert_eq!(registers(&mount), 3);
    debugger.watch(area, 8, 0).unwrap();
    assert_eq!(registers(&mount), 1);
    kill(target.pid(), libc::SIGKILL);
    eventually("no register is set", || registers(&mount) == 0);
}

#[test]
fn the_last_close_takes_everything_off() {
    let mount = mount();
    let (target, area, _) = started(64);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.tell(&format!("set {PR_RLC}")).unwrap();
    debugger.watch(area, 4, WRITE | AFTER).unwrap();
    begin(&target, DO_WRITE, [0, 4]);
    debugger.hit(WRITE_HIT, area, true);
    debugger.leave();
    finishes(&target);
    eventually("it is let go", || status_field(target.pid(), "TracerPid") == "0");
    does(&target, DO_WRITE, [0, 4]);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.lists(&[]);
    // Without the mode everything stays.
    debugger.watch(area, 4, WRITE | AFTER).unwrap();
    debugger.leave();
    let mut debugger = Debugger::new(&mount, &target);
    debugger.lists(&[(area, 4, WRITE | AFTER)]);
    debugger.watch(area, 4, 0).unwrap();
    does(&target, DO_WRITE, [0, 4]);
}

#[test]
fn orders_in_any_order_harm_nobody() {
    let mut one_of = by_chance();
    for round in 0..3 {
        let mount = mount();
        let (target, area, function) = started(64);
        if round == 2 {
            does(&target, BLOCK, [0, 0]);
        }
        does(&target, FOR_EVER, [4, 0]);
        let mut debugger = Debugger::new(&mount, &target);
        debugger.tell("trace").unwrap();
        debugger.tell(&format!("set {PR_RLC}")).unwrap();
        for _ in 0..150 {
            let order = match one_of(12) {
                0 | 1 => format!("watch {area} 4 {}", WRITE | AFTER),
                2 => format!("watch {area} 4 {}", READ | WRITE | AFTER),
                3 => format!("watch {area} 4 0"),
                4 => format!("watch {function} 1 {}", EXEC | AFTER),
                5 => format!("watch {function} 0 0"),
                6 => "stop".into(),
                7 => format!("run {}", PRCFAULT | PRSTEP),
                8 => "list".into(),
                _ => format!("run {PRCFAULT}"),
            };
            let result = debugger.tell(&order);
            // What runs cannot be run.
            assert!(result.is_ok() || (order.starts_with("run") && result == Err(libc::EBUSY)), "{order}: {result:?}");
        }
        debugger.leave();
        eventually("it is let go", || status_field(target.pid(), "TracerPid") == "0");
        assert_eq!(registers(&mount), 0);
        (10..14).for_each(|i| target.counts(i));
        does(&target, UNBLOCK, [0, 0]);
        does(&target, DO_WRITE, [0, 4]);
        does(&target, CALL, [0, 0]);
    }
}

/// Ends the mount while threads write without pause to a watched area, in these ways, and looks whether they still write.
fn goes_on(end: impl Fn(Mount)) {
    for round in 0..12 {
        let stopped = round >= 8;
        let mount = mount();
        let (target, area, function) = started(64);
        if round & 4 != 0 || stopped {
            does(&target, BLOCK, [0, 0]);
        }
        does(&target, FOR_EVER, [4, 0]);
        let mut debugger = Debugger::new(&mount, &target);
        debugger.tell("trace").unwrap();
        debugger.watch(function, 1, EXEC | AFTER).unwrap();
        debugger.watch(area, 4, WRITE | AFTER).unwrap();
        // Stands on a touch, or is about to.
        if round & 4 == 0 && !stopped {
            match round & 1 {
                0 => debugger.tell("count 20").map(drop).unwrap(),
                _ => drop(debugger.tell("wait").unwrap()),
            }
        }
        if round & 2 != 0 {
            debugger.begin("count 1000000");
        }
        if stopped {
            kill(target.pid(), libc::SIGSTOP);
            eventually("it is stopped", || thread_states(target.pid()).iter().all(|t| "tT".contains(t.1)));
        }
        end(mount);
        if stopped {
            eventually("it is let go", || status_field(target.pid(), "TracerPid") == "0");
            assert_eq!(state(target.pid()), 'T');
            target.stands(10);
            kill(target.pid(), libc::SIGCONT);
        }
        (10..14).for_each(|i| target.counts(i));
        does(&target, UNBLOCK, [0, 0]);
        does(&target, CALL, [0, 0]);
        does(&target, DO_WRITE, [0, 4]);
        (10..14).for_each(|i| target.counts(i));
        assert_eq!(status_field(target.pid(), "TracerPid"), "0");
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
