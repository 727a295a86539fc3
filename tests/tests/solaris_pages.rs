//! Watched areas of the Solaris flavour that no watch register covers: larger ones, and those that are told of before the write.

use pfs_tests::debugger::*;
use pfs_tests::paged::*;
use pfs_tests::{eventually, kill, state, status_field, Mount, Target};
use std::collections::BTreeMap;

/// Descriptors of the target by what they are.
fn descriptors(pid: i32) -> Vec<String> {
    let fds = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let mut all: Vec<String> =
        fds.map(|f| std::fs::read_link(f.unwrap().path()).unwrap().to_string_lossy().into_owned()).collect();
    all.sort();
    all
}

fn each_kind(bits: u32, client: u32, kind: &str) {
    let mount = mount();
    let (target, area) = started(bits, kind);
    let before = descriptors(target.pid());
    let mut debugger = Debugger::of(client, &mount, target.pid());
    debugger.tell("trace").unwrap();
    debugger.watch(area + INSIDE, SIZE, WRITE | AFTER).unwrap();
    assert_eq!(descriptors(target.pid()), before);
    debugger.lists(&[(area + INSIDE, SIZE, WRITE | AFTER)]);
    let widest = u64::from(bits / 8);
    for (at, size) in [(INSIDE, 1), (INSIDE + 100, 4), (INSIDE + PAGE, 2), (INSIDE + SIZE - widest, widest)] {
        begin(&target, DO_WRITE, [at, size]);
        debugger.passes(WRITE_HIT, area + at, true);
        finishes(&target);
    }
    // One that reaches into it, beside it in its pages, in other pages; and reading.
    begin(&target, DO_WRITE, [INSIDE - 2, 4]);
    debugger.passes(WRITE_HIT, area + INSIDE, true);
    finishes(&target);
    for (at, size) in
        [(INSIDE - 4, 4), (INSIDE + SIZE, 4), (PAGE, 4), (0, 4), (INSIDE + SIZE + 2044, 4), (INSIDE + SIZE + 2048, 4)]
    {
        does(&target, DO_WRITE, [at, size]);
    }
    does(&target, DO_READ, [INSIDE, 4]);
    debugger.watch(area + INSIDE, 0, 0).unwrap();
    does(&target, DO_WRITE, [INSIDE, 4]);
    debugger.lists(&[]);
    assert_eq!(protectors(&mount), 0);
}

/// Descriptors by which the daemon protects pages.
fn protectors(mount: &Mount) -> usize {
    descriptors(mount.daemon()).iter().filter(|link| *link == "anon_inode:[userfaultfd]").count()
}

#[test]
fn areas_of_any_size() {
    for kind in ["private", "shared", "huge"] {
        each_kind(64, 64, kind);
    }
}

#[test]
fn areas_of_any_size_in_a_narrow_program() {
    each_kind(32, 64, "private");
    each_kind(32, 32, "shared");
}

#[test]
fn before_the_write() {
    let mount = mount();
    let (target, area) = started(64, "private");
    let at = area + INSIDE;
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(at, 8, WRITE).unwrap();
    begin(&target, DO_WRITE, [INSIDE, 8]);
    // As long as it is watched, it comes to it again.
    for flags in [PRCFAULT, PRCFAULT, PRCFAULT | PRSTEP, PRCFAULT] {
        debugger.hit(WRITE_HIT, at, false);
        debugger.run(flags);
    }
    debugger.hit(WRITE_HIT, at, false);
    assert_eq!(word_at(target.pid(), at), 0);
    // The way on: no more watched, a step, watched again.
    debugger.watch(at, 0, 0).unwrap();
    debugger.run(PRCFAULT | PRSTEP);
    let stands = debugger.tell("wait").unwrap();
    assert!(stands.starts_with(&format!("{PR_FAULTED} {FLTTRACE} ")), "{stands}");
    assert_eq!(word_at(target.pid(), at), 7);
    debugger.watch(at, 8, WRITE).unwrap();
    debugger.run(PRCFAULT);
    finishes(&target);
    begin(&target, DO_WRITE, [INSIDE + 4, 4]);
    debugger.hit(WRITE_HIT, at + 4, false);
    // Or it is told of behind it.
    debugger.watch(at, 8, WRITE | AFTER).unwrap();
    debugger.run(PRCFAULT);
    debugger.passes(WRITE_HIT, at, true);
    finishes(&target);
}

fn word_at(pid: i32, at: u64) -> u64 {
    use std::os::unix::fs::FileExt;
    let mut bytes = [0; 8];
    std::fs::File::open(format!("/proc/{pid}/mem")).unwrap().read_exact_at(&mut bytes, at).unwrap();
    u64::from_ne_bytes(bytes)
}

#[test]
fn every_write_of_every_thread_is_told_once() {
    let (threads, rounds) = (10u64, 5u64);
    let mount = mount();
    let (target, area) = started(64, "private");
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area + INSIDE, SIZE, WRITE | AFTER).unwrap();
    begin(&target, THREADS, [threads, rounds]);
    let mut told: BTreeMap<(i32, u64), u64> = BTreeMap::new();
    for (lwp, addr, after) in debugger.touches((threads * rounds * 2) as usize) {
        assert!(after);
        *told.entry((lwp, addr)).or_default() += 1;
    }
    finishes(&target);
    let mut expected = BTreeMap::new();
    for i in 0..threads {
        assert_eq!(target.word(10 + i as usize), rounds);
        let lwp = target.word(100 + i as usize) as i32;
        for at in [INSIDE, INSIDE + 2 * PAGE] {
            expected.insert((lwp, area + at + 4 * i), rounds);
            assert_eq!(word_at(target.pid(), area + at + 4 * i) as u32 as u64, rounds);
        }
        for at in [PAGE, INSIDE + 3 * PAGE] {
            assert_eq!(word_at(target.pid(), area + at + 4 * i) as u32 as u64, rounds);
        }
    }
    assert_eq!(told, expected);
    debugger.watch(area + INSIDE, 0, 0).unwrap();
    debugger.tell("stop").unwrap();
    assert!(debugger.tell("wait").unwrap().starts_with("1 "));
}

#[test]
fn a_string_instruction_comes_upon_it() {
    let mount = mount();
    let (target, area) = started(64, "private");
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area + INSIDE, 40, WRITE | AFTER).unwrap();
    begin(&target, FILL, [INSIDE - 3, 46]);
    let told = debugger.touches(40);
    let expected: Vec<(i32, u64, bool)> = (0..40).map(|i| (target.pid(), area + INSIDE + i, true)).collect();
    assert_eq!(told, expected);
    finishes(&target);
    assert_eq!(word_at(target.pid(), area + INSIDE + 35), 0x0909_0909_0909_0909);
    assert_eq!(word_at(target.pid(), area + INSIDE + 43), 0);
}

#[test]
fn what_the_kernel_writes_in_a_call() {
    let mount = mount();
    let (target, area) = started(64, "private");
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    for flags in [WRITE | AFTER, WRITE] {
        debugger.watch(area + INSIDE, SIZE, flags).unwrap();
        for _ in 0..5 {
            // The target checks that its calls have succeeded.
            begin(&target, KERNEL_WRITES, [INSIDE + 8, 8]);
            debugger.passes(WRITE_HIT, area + INSIDE + 8, true);
            finishes(&target);
            does(&target, KERNEL_WRITES, [PAGE, 8]);
        }
        does(&target, DO_READ, [INSIDE + 8, 0]);
        assert_eq!(target.word(8).to_ne_bytes(), *b"12345678");
    }
    // From beside it into it.
    begin(&target, DO_WRITE, [INSIDE, 4]);
    debugger.hit(WRITE_HIT, area + INSIDE, false);
    debugger.watch(area + INSIDE, 0, 0).unwrap();
    debugger.run(PRCFAULT);
    finishes(&target);
    debugger.watch(area + INSIDE, SIZE, WRITE).unwrap();
    begin(&target, KERNEL_WRITES, [INSIDE - 4, 8]);
    debugger.passes(WRITE_HIT, area + INSIDE, true);
    finishes(&target);
    // A signal frame is none.
    does(&target, SIGNAL_ON_IT, [0, 0]);
    assert_eq!(target.word(3), 1);
    begin(&target, DO_WRITE, [INSIDE + PAGE, 4]);
    debugger.hit(WRITE_HIT, area + INSIDE + PAGE, false);
}

#[test]
fn what_clients_write() {
    let mount = mount();
    let (target, area) = started(64, "private");
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area + INSIDE, SIZE, WRITE).unwrap();
    let write = |file: &std::path::Path, at: u64, byte: u8| {
        use std::os::unix::fs::FileExt;
        let file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
        file.write_all_at(&[byte; 3 * PAGE as usize], at).unwrap();
    };
    // From a page that is not watched on.
    write(&mount.path(target.pid(), "as"), area + PAGE - 8, 1);
    assert_eq!(word_at(target.pid(), area + PAGE - 8), 0x0101_0101_0101_0101);
    assert_eq!(word_at(target.pid(), area + 4 * PAGE - 16), 0x0101_0101_0101_0101);
    assert_eq!(word_at(target.pid(), area + 4 * PAGE - 8), 0);
    write(&mount.beside("linux").join(target.pid().to_string()).join("mem"), area + PAGE, 2);
    assert_eq!(word_at(target.pid(), area + INSIDE), 0x0202_0202_0202_0202);
    begin(&target, DO_WRITE, [INSIDE, 8]);
    debugger.hit(WRITE_HIT, area + INSIDE, false);
    debugger.watch(area + INSIDE, 0, 0).unwrap();
    debugger.run(PRCFAULT);
    finishes(&target);
}

#[test]
fn calls_of_ours_on_a_watched_stack() {
    let mount = mount();
    let (target, _) = started(64, "private");
    does(&target, STACK, [0, 0]);
    let stack = target.word(8) & !(PAGE - 1);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.tell("stop").unwrap();
    debugger.watch(stack - 2 * PAGE, 16, WRITE).unwrap();
    debugger.watch(stack - PAGE, 16, WRITE).unwrap();
    debugger.watch(stack, 16, WRITE).unwrap();
    let whole = |at: u64| (0..3 * PAGE / 8).map(move |n| at + 8 * n).map(|at| word_at(target.pid(), at));
    let before: Vec<u64> = whole(stack - 2 * PAGE).collect();
    // It is made to ask for each of them, on its stack.
    assert!(!mount.read(target.pid(), "sigact").unwrap().is_empty());
    assert!(before.iter().copied().eq(whole(stack - 2 * PAGE)));
    for page in [stack - 2 * PAGE, stack - PAGE, stack] {
        debugger.watch(page, 0, 0).unwrap();
    }
    debugger.run(0);
    does(&target, DO_WRITE, [0, 8]);
}

#[test]
fn children_and_new_programs_are_not_watched() {
    for kind in ["private", "shared"] {
        let mount = mount();
        let (target, area) = started(64, kind);
        let mut debugger = Debugger::new(&mount, &target);
        debugger.tell("trace").unwrap();
        debugger.watch(area + INSIDE, SIZE, WRITE | AFTER).unwrap();
        for set in [0, PR_FORK] {
            debugger.tell(&format!("set {set}")).unwrap();
            for _ in 0..3 {
                does(&target, FORK, [0, 0]);
                does(&target, VFORK, [0, 0]);
            }
            // Watched again when the child is gone.
            for at in [INSIDE, INSIDE + PAGE] {
                begin(&target, DO_WRITE, [at, 4]);
                debugger.passes(WRITE_HIT, area + at, true);
                finishes(&target);
            }
        }
        begin(&target, EXECUTE, [0, 0]);
        let said = target.line();
        let area: u64 = said.split(' ').nth(1).unwrap().parse().unwrap();
        debugger.lists(&[]);
        assert_eq!(protectors(&mount), 0);
        does(&target, DO_WRITE, [INSIDE, 4]);
        debugger.watch(area + INSIDE, SIZE, WRITE | AFTER).unwrap();
        begin(&target, DO_WRITE, [INSIDE, 4]);
        debugger.passes(WRITE_HIT, area + INSIDE, true);
        finishes(&target);
    }
}

#[test]
fn a_thread_that_cannot_stop_holds_up_nobody() {
    let mount = mount();
    let (target, area) = started(64, "private");
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area + INSIDE, SIZE, WRITE | AFTER).unwrap();
    does(&target, LONG_VFORK, [0, 0]);
    eventually("the child runs", || target.word(10) == 1);
    for i in 0..5 {
        does(&target, DO_WRITE, [PAGE, 4]);
        target.set(11, i);
    }
    assert_eq!(target.word(12), 0);
    target.set(6, 1);
    eventually("its parent goes on", || target.word(12) == 1);
    begin(&target, DO_WRITE, [INSIDE, 4]);
    debugger.passes(WRITE_HIT, area + INSIDE, true);
    finishes(&target);
}

#[test]
fn memory_that_goes_away() {
    let mount = mount();
    let (target, area) = started(64, "private");
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area + INSIDE, SIZE, WRITE | AFTER).unwrap();
    does(&target, UNMAP, [2 * PAGE, PAGE]);
    assert_eq!(target.word(8), 0);
    // What is mapped there later is not watched, until that is asked for.
    does(&target, MAP, [2 * PAGE, PAGE]);
    does(&target, DO_WRITE, [2 * PAGE, 4]);
    begin(&target, DO_WRITE, [INSIDE, 4]);
    debugger.passes(WRITE_HIT, area + INSIDE, true);
    finishes(&target);
    debugger.watch(area + INSIDE, 0, 0).unwrap();
    debugger.watch(area + INSIDE, SIZE, WRITE | AFTER).unwrap();
    begin(&target, DO_WRITE, [2 * PAGE, 4]);
    debugger.passes(WRITE_HIT, area + 2 * PAGE, true);
    finishes(&target);
    debugger.watch(area + INSIDE, 0, 0).unwrap();
    assert_eq!(protectors(&mount), 0);
    // It is the address that is watched; and what is watched is still one mapping.
    let (target, area) = started(64, "private");
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area + INSIDE, SIZE, WRITE | AFTER).unwrap();
    does(&target, MOVE, [0, 0]);
    assert_eq!(target.word(8), area + 16 * 8 * PAGE);
    does(&target, DO_WRITE, [INSIDE, 4]);
    debugger.lists(&[(area + INSIDE, SIZE, WRITE | AFTER)]);
    debugger.watch(area + INSIDE, 0, 0).unwrap();
    does(&target, DO_WRITE, [INSIDE, 4]);
    assert_eq!(protectors(&mount), 0);
    // Nothing is there to be protected.
    debugger.watch(area + INSIDE, SIZE, WRITE | AFTER).unwrap();
    does(&target, DO_WRITE, [INSIDE, 4]);
    debugger.watch(area + INSIDE, 8, 0).unwrap();
    assert_eq!(protectors(&mount), 0);
}

#[test]
fn what_is_not_traced_is_a_signal() {
    let mount = mount();
    let (target, area) = started(64, "private");
    does(&target, HANDLE, [0, 0]);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.watch(area + INSIDE, SIZE, WRITE | AFTER).unwrap();
    for i in 1..4 {
        does(&target, DO_WRITE, [INSIDE + i, 4]);
        assert_eq!([3, 4, 5].map(|w| target.word(w)), [i, 4, area + INSIDE + i]);
        does(&target, DO_WRITE, [PAGE, 4]);
    }
    // Blocked: once when it no longer is. It is not kept from what it does.
    for flags in [WRITE | AFTER, WRITE] {
        debugger.watch(area + INSIDE, SIZE, flags).unwrap();
        does(&target, BLOCK, [0, 0]);
        let before = target.word(3);
        does(&target, DO_WRITE, [INSIDE, 4]);
        does(&target, DO_WRITE, [INSIDE + 8, 4]);
        assert_eq!(target.word(3), before);
        does(&target, UNBLOCK, [0, 0]);
        assert_eq!(target.word(3), before + 1);
    }
    // Who ignores it goes on ignoring it, and doing what it does.
    does(&target, IGNORE, [0, 0]);
    does(&target, DO_WRITE, [PAGE, 4]);
    does(&target, DO_WRITE, [INSIDE + PAGE, 4]);
    does(&target, IGNORES, [0, 0]);
    assert_eq!(target.word(8), 1);
}

#[test]
fn an_untraced_write_kills_who_does_not_handle_it() {
    for flags in [WRITE, WRITE | AFTER] {
        let mount = mount();
        let (mut target, area) = started(64, "private");
        let mut debugger = Debugger::new(&mount, &target);
        debugger.watch(area + INSIDE, SIZE, flags).unwrap();
        begin(&target, DO_WRITE, [INSIDE, 4]);
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&target.end()), Some(libc::SIGTRAP));
    }
}

#[test]
fn registers_and_pages_at_once() {
    let mount = mount();
    let (target, area) = started(64, "private");
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    let all =
        [(area + PAGE, 8, READ | WRITE | AFTER), (area + PAGE + 64, 8, WRITE | AFTER), (area + INSIDE, SIZE, WRITE)];
    for (at, size, flags) in all {
        debugger.watch(at, size, flags).unwrap();
    }
    debugger.lists(&all);
    for _ in 0..3 {
        // Both in one page.
        begin(&target, DO_WRITE, [PAGE + 64, 8]);
        debugger.passes(WRITE_HIT, area + PAGE + 64, true);
        finishes(&target);
        begin(&target, DO_WRITE, [PAGE, 8]);
        debugger.passes(WRITE_HIT, area + PAGE, true);
        finishes(&target);
        begin(&target, DO_READ, [PAGE, 8]);
        debugger.passes(READ_HIT, area + PAGE, true);
        finishes(&target);
        begin(&target, DO_WRITE, [INSIDE, 8]);
        debugger.hit(WRITE_HIT, area + INSIDE, false);
        debugger.watch(area + INSIDE, 0, 0).unwrap();
        debugger.run(PRCFAULT);
        finishes(&target);
        debugger.watch(area + INSIDE, SIZE, WRITE).unwrap();
    }
}

#[test]
fn a_program_without_privilege() {
    let mount = mount();
    let target = Target::start_as(1000, "paged", &["private"]);
    let area = target.numbers()[0];
    let before = descriptors(target.pid());
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.watch(area + INSIDE, SIZE, WRITE | AFTER).unwrap();
    assert_eq!(descriptors(target.pid()), before);
    begin(&target, DO_WRITE, [INSIDE, 4]);
    debugger.passes(WRITE_HIT, area + INSIDE, true);
    finishes(&target);
    begin(&target, KERNEL_WRITES, [INSIDE, 8]);
    debugger.passes(WRITE_HIT, area + INSIDE, true);
    finishes(&target);
    does(&target, DO_WRITE, [PAGE, 4]);
}

#[test]
fn the_last_close_takes_everything_off() {
    let mount = mount();
    let (target, area) = started(64, "private");
    does(&target, FOR_EVER, [4, 0]);
    let mut debugger = Debugger::new(&mount, &target);
    debugger.tell("trace").unwrap();
    debugger.tell(&format!("set {PR_RLC}")).unwrap();
    debugger.watch(area + INSIDE, SIZE, WRITE).unwrap();
    debugger.tell("wait").unwrap();
    debugger.leave();
    eventually("it is let go", || status_field(target.pid(), "TracerPid") == "0");
    assert_eq!(protectors(&mount), 0);
    (10..14).for_each(|i| target.counts(i));
}

#[test]
fn orders_in_any_order_harm_nobody() {
    let mut one_of = by_chance();
    for round in 0..3 {
        let mount = mount();
        let beside = mount.beside("linux");
        let (target, area) = started(64, ["private", "shared", "private"][round]);
        does(&target, FOR_EVER, [4, 0]);
        does(&target, CALL_FOR_EVER, [0, 0]);
        let mut debugger = Debugger::new(&mount, &target);
        debugger.tell("trace").unwrap();
        debugger.tell(&format!("set {PR_RLC}")).unwrap();
        let at = area + INSIDE;
        for _ in 0..150 {
            let order = match one_of(14) {
                0 | 1 => format!("watch {at} {SIZE} {}", WRITE | AFTER),
                2 => format!("watch {at} {SIZE} {WRITE}"),
                3 => format!("watch {at} 4 0"),
                4 => format!("watch {} 16 {}", area + PAGE, WRITE | AFTER),
                5 => format!("watch {} 0 0", area + PAGE),
                6 => "stop".into(),
                7 => format!("run {}", PRCFAULT | PRSTEP),
                8 => "list".into(),
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
        assert_eq!(protectors(&mount), 0);
        (9..14).for_each(|i| target.counts(i));
        does(&target, DO_WRITE, [INSIDE, 4]);
    }
}

/// Ends the mount while threads write without pause to watched pages, in these ways, and looks whether they still write.
fn goes_on(end: impl Fn(Mount)) {
    for round in 0..8 {
        let mount = mount();
        let (target, area) = started(64, "private");
        does(&target, FOR_EVER, [4, 0]);
        does(&target, CALL_FOR_EVER, [0, 0]);
        let mut debugger = Debugger::new(&mount, &target);
        debugger.tell("trace").unwrap();
        // Beside the area, in it, or both.
        let (at, flags) = match round % 4 {
            0 => (area + INSIDE, WRITE),
            1 => (area + INSIDE, WRITE | AFTER),
            2 => (area + PAGE + 512, WRITE | AFTER),
            _ => (area + PAGE + 1024, WRITE),
        };
        let size = if round % 4 < 2 { SIZE } else { 512 };
        debugger.watch(at, size, flags).unwrap();
        match round % 4 {
            0 => drop(debugger.tell("wait").unwrap()),
            1 if round < 4 => debugger.tell("count 20").map(drop).unwrap(),
            _ => debugger.begin("count 1000000"),
        }
        end(mount);
        (9..14).for_each(|i| target.counts(i));
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

#[test]
fn a_killed_tracer_leaves_nothing_behind() {
    // What threads stand on is lost with it; nobody is there for the trap of a step that is under way (as of any step).
    for kind in ["private", "shared"] {
        let mount = mount();
        let (target, area) = started(64, kind);
        does(&target, FOR_EVER, [4, 0]);
        let mut debugger = Debugger::new(&mount, &target);
        debugger.tell("trace").unwrap();
        debugger.watch(area + INSIDE, SIZE, WRITE).unwrap();
        debugger.tell("wait").unwrap();
        let tracer: i32 = status_field(target.pid(), "TracerPid").parse().unwrap();
        kill(tracer, libc::SIGKILL);
        (10..14).for_each(|i| target.counts(i));
        eventually("it is let go", || status_field(target.pid(), "TracerPid") == "0");
    }
}
