//! Stop and run, as the target, its parent and other seats see them; job control beside them.

use pfs_tests::{eventually, kill, state, Client, Mount, Target};

#[test]
fn a_stopped_process_stands_and_nobody_is_told() {
    let (mount, family) = (Mount::new(), Target::start("parent", &[]));
    let child = family.numbers()[0] as i32;
    family.counts(0);
    mount.ctl(child, "stop").unwrap();
    family.stands(0);
    assert_eq!(state(child), 't');
    mount.ctl(child, "run").unwrap();
    family.counts(0);
    assert_eq!([1, 2, 3, 4].map(|i| family.word(i)), [0; 4], "the parent was told");
}

#[test]
fn a_second_stop_changes_nothing_and_a_second_run_is_refused() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let fd = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    assert_eq!(client.write(fd, "stop"), Ok(4));
    assert_eq!(client.write(fd, "stop"), Ok(4));
    target.stands(16);
    assert_eq!(client.write(fd, "run"), Ok(3));
    target.counts(16);
    assert_eq!(client.write(fd, "run"), Err(libc::EBUSY));
    let said = String::from_utf8(client.read(fd, 1000).unwrap()).unwrap();
    assert_eq!(said, format!("run {}: it is not stopped by this seat\n", target.pid()));
    assert_eq!(client.read(fd, 1000), Ok(vec![]), "the sentence is read once");
}

#[test]
fn a_stop_survives_close() {
    let (mount, target) = (Mount::new(), Target::start("count", &[]));
    mount.ctl(target.pid(), "stop").unwrap();
    target.stands(16);
    mount.ctl(target.pid(), "run").unwrap();
    target.counts(16);
}

#[test]
fn a_stopped_process_can_be_killed() {
    let (mount, family) = (Mount::new(), Target::start("parent", &[]));
    let child = family.numbers()[0] as i32;
    mount.ctl(child, "stop").unwrap();
    kill(child, libc::SIGKILL);
    eventually("the parent is told of the death", || family.word(4) == 1);
    assert_eq!(family.word(5), libc::SIGKILL as u64);
    assert_eq!([family.word(2), family.word(3)], [0, 0]);
    assert!(mount.ctl(child, "run").is_err());
}

#[test]
fn job_control_under_a_trace_is_as_without() {
    let (mount, family, client) = (Mount::new(), Target::start("parent", &[]), Client::new());
    let child = family.numbers()[0] as i32;
    let seat = client.open(&mount.path(child, "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace sig all\ntrace job on").unwrap();
    kill(child, libc::SIGSTOP);
    eventually("the parent sees the stop", || family.word(2) == 1);
    family.stands(0);
    kill(child, libc::SIGCONT);
    eventually("the parent sees the continuation", || family.word(3) == 1);
    family.counts(0);
    assert_eq!([2, 3, 4].map(|i| family.word(i)), [1, 1, 0]);
    let words: Vec<String> =
        client.events(seat, 4).iter().map(|l| pfs_tests::field(l, "event").unwrap().to_string()).collect();
    assert_eq!(words.iter().filter(|w| *w == "jobstop").count(), 1, "{words:?}");
    assert_eq!(words.iter().filter(|w| *w == "continued").count(), 1, "{words:?}");
}

#[test]
fn a_job_stopped_process_is_stopped_and_run_leaves_it_so() {
    let (mount, family) = (Mount::new(), Target::start("parent", &[]));
    let child = family.numbers()[0] as i32;
    kill(child, libc::SIGSTOP);
    eventually("the parent sees the stop", || family.word(2) == 1);
    mount.ctl(child, "stop").unwrap();
    mount.ctl(child, "run").unwrap();
    eventually("it is job-stopped again", || state(child) == 'T');
    family.stands(0);
    kill(child, libc::SIGCONT);
    family.counts(0);
    eventually("the parent sees the continuation", || family.word(3) == 1);
    assert_eq!([2, 3, 4].map(|i| family.word(i)), [1, 1, 0]);
}

#[test]
fn sigcont_does_not_move_a_held_process() {
    let (mount, family) = (Mount::new(), Target::start("parent", &[]));
    let child = family.numbers()[0] as i32;
    kill(child, libc::SIGSTOP);
    eventually("the parent sees the stop", || family.word(2) == 1);
    mount.ctl(child, "stop").unwrap();
    kill(child, libc::SIGCONT);
    family.stands(0);
    mount.ctl(child, "run").unwrap();
    family.counts(0);
    eventually("the parent sees the continuation", || family.word(3) == 1);
    assert_eq!([2, 4].map(|i| family.word(i)), [1, 0]);
}

#[test]
fn calls_that_block_are_not_harmed() {
    let mount = Mount::new();
    // Result and errno that the program sees.
    let timed = [
        ("nanosleep", 0, 0),
        ("poll", 0, 0),
        ("epoll_wait", 0, 0),
        ("semop", -1, libc::EAGAIN),
        ("sigtimedwait", -1, libc::EAGAIN),
        ("recv", -1, libc::EAGAIN),
        ("futex", -1, libc::ETIMEDOUT),
    ];
    let ended = [("read", 1, 0), ("pause", -1, libc::EINTR), ("accept", 1, 0)];
    for (name, result, errno) in timed.into_iter().chain(ended) {
        // However slow the machine is, it is there until it is told to go.
        let target = Target::start("calls", &[name, "stays"]);
        eventually(name, || state(target.pid()) == 'S');
        mount.ctl(target.pid(), "stop").unwrap();
        mount.ctl(target.pid(), "run").unwrap();
        mount.ctl(target.pid(), "stop").unwrap();
        mount.ctl(target.pid(), "run").unwrap();
        target.go();
        let said = target.line();
        let numbers: Vec<i64> = said.split(' ').filter_map(|w| w.parse().ok()).collect();
        assert_eq!(numbers[..2], [result, i64::from(errno)], "{name}: {said}");
        if timed.iter().any(|t| t.0 == name) {
            assert!(numbers[2] >= 395, "{name}: {said}");
        }
    }
}

#[test]
fn timers_go_on_while_a_process_stands() {
    let (mount, target) = (Mount::new(), Target::start("timers", &[]));
    let timer = target.numbers()[0];
    mount.ctl(target.pid(), "stop").unwrap();
    target.go();
    let was = target.word(0);
    // The kernel shows that a timer descriptor has expired; how often it did is counted when it is read.
    let ticks = || {
        let info = std::fs::read_to_string(format!("/proc/{}/fdinfo/{timer}", target.pid())).unwrap_or_default();
        let line = info.lines().find_map(|l| l.strip_prefix("ticks:")).map(str::trim);
        line.and_then(|l| l.parse::<u64>().ok()).unwrap_or(0)
    };
    eventually("the timer expires", || ticks() >= 1);
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!((target.word(0), target.word(1)), (was, 0), "it runs");
    mount.ctl(target.pid(), "run").unwrap();
    // What expired meanwhile is there at once, and the signal of the other timer comes.
    eventually("it reads the timer", || target.word(2) >= 5);
    eventually("the alarm rings", || target.word(1) > 0);
    target.counts(0);
}
