//! Calls that sleep in the kernel: whatever is done to their process, they end as they would have, at no earlier time.

use pfs_tests::{eventually, field, kill, state, Client, Mount, Target};
use std::time::Duration;

/// With a time-out of their own.
const TIMED: [&str; 31] = [
    "clock_nanosleep",
    "clock_absolute",
    "futex_absolute",
    "futex2",
    "futex_waitv",
    "ppoll",
    "select",
    "pselect",
    "epoll_pwait",
    "epoll_pwait2",
    "recvmsg",
    "recvmmsg",
    "read_socket",
    "preadv2",
    "splice_socket",
    "sendfile",
    "connect",
    "accept",
    "accept4",
    "send",
    "sendmsg",
    "io_getevents",
    "io_uring_enter",
    "mq_timedreceive",
    "read_timerfd",
    "ppoll_constant",
    "pselect_constant",
    "select_sticky",
    "int80_epoll",
    "int80_sigtimedwait",
    "int80_semtimedop",
];

/// Ended by something that happens when the test says so.
const ENDED: [&str; 19] = [
    "read_inotify",
    "read_eventfd",
    "read_tty",
    "readv_pipe",
    "write_pipe",
    "splice",
    "recv_ended",
    "connect_ended",
    "poll_ended",
    "epoll_ended",
    "futex_wake",
    "msgrcv",
    "wait4",
    "waitid",
    "pause",
    "sigsuspend",
    "flock",
    "lock",
    "open_fifo",
];

/// The time-out of the timed ones, less what a clock may be off.
const LEAST: i64 = 1490;

/// Result, errno and milliseconds.
#[track_caller]
fn done(target: &Target) -> [i64; 3] {
    let said = target.line();
    let numbers: Vec<i64> = said.split(' ').filter_map(|w| w.parse().ok()).collect();
    numbers.try_into().unwrap_or_else(|_| panic!("{said}"))
}

/// Does something to one process of each kind while it sleeps, and compares how its call ends with one that nobody touched.
fn harms_nothing(
    start: fn(&str, &[&str]) -> Target,
    target: &str,
    names: &[&str],
    timed: bool,
    touch: impl Fn(&Target),
) {
    let pairs: Vec<(&str, Target, Target)> = names
        .iter()
        .map(|name| {
            let (touched, other) = (start(target, &[name]), start(target, &[name]));
            if touched.said != "none" {
                eventually(name, || state(touched.pid()) != 'R');
                touch(&touched);
                touched.go();
                other.go();
            }
            (*name, touched, other)
        })
        .collect();
    for (name, touched, other) in pairs.iter().filter(|p| p.1.said != "none") {
        eprintln!("{name}");
        let (with, without) = (done(touched), done(other));
        assert_eq!(with[..2], without[..2], "{name}");
        assert!(!timed || with[2] >= LEAST, "{name}: {with:?}");
    }
}

fn stops_and_runs(mount: &Mount, pid: i32) {
    for _ in 0..3 {
        // One whose call ended too early is gone: what it said tells.
        for word in ["stop", "run"] {
            let done = mount.ctl(pid, word);
            assert!(matches!(done, Ok(()) | Err(libc::ESRCH | libc::ENOENT | libc::ESTALE)), "{word}: {done:?}");
        }
    }
}

#[test]
fn a_stop_and_run_is_not_felt_by_calls_with_a_time_out() {
    let mount = Mount::new();
    harms_nothing(Target::start, "waits", &TIMED, true, |t| stops_and_runs(&mount, t.pid()));
}

#[test]
fn a_stop_is_not_felt_by_who_drains_a_terminal() {
    let (mount, target) = (Mount::new(), Target::start("waits", &["tcdrain"]));
    if target.said == "none" {
        return;
    }
    for _ in 0..10 {
        stops_and_runs(&mount, target.pid());
    }
    assert_eq!(done(&target)[..2], [0, 0]);
}

#[test]
fn a_stop_and_run_is_not_felt_by_calls_that_wait_for_something() {
    let mount = Mount::new();
    harms_nothing(Target::start, "waits", &ENDED, false, |t| stops_and_runs(&mount, t.pid()));
}

#[test]
fn what_comes_while_it_is_stopped_is_there_when_it_runs() {
    let mount = Mount::new();
    let names = ENDED;
    let targets: Vec<(&str, Target)> = names.iter().map(|n| (*n, Target::start("waits", &[n]))).collect();
    let control: Vec<Target> = names.iter().map(|n| Target::start("waits", &[n])).collect();
    for (name, target) in &targets {
        eventually(name, || state(target.pid()) != 'R');
        mount.ctl(target.pid(), "stop").unwrap_or_else(|e| panic!("stop at {name}: {e}"));
        target.go();
    }
    for ((name, target), other) in targets.iter().zip(&control) {
        other.go();
        eprintln!("{name}");
        let without = done(other);
        mount.ctl(target.pid(), "run").unwrap();
        assert_eq!(done(target)[..2], without[..2], "{name}");
    }
}

#[test]
fn a_signal_that_is_ignored_is_not_felt_under_a_trace() {
    let (mount, client) = (Mount::new(), Client::new());
    let names = ["epoll_pwait", "recvmsg", "accept", "io_getevents", "clock_nanosleep", "select"];
    harms_nothing(Target::start, "waits", &names, true, |t| {
        let seat = client.open(&mount.path(t.pid(), "seat"), libc::O_RDWR).unwrap();
        client.write(seat, "mode report\ntrace sig all").unwrap();
        for _ in 0..3 {
            kill(t.pid(), libc::SIGWINCH);
            assert_eq!(field(&client.events(seat, 1)[0], "signal"), Some("SIGWINCH"));
        }
    });
}

#[test]
fn a_signal_with_a_handler_ends_a_held_call_with_eintr() {
    let mount = Mount::new();
    for name in
        ["epoll_pwait", "recvmsg", "accept", "io_getevents", "clock_nanosleep", "select", "msgrcv", "readv_pipe"]
    {
        let target = Target::start("waits", &[name]);
        eventually(name, || state(target.pid()) != 'R');
        mount.ctl(target.pid(), "stop").unwrap();
        kill(target.pid(), libc::SIGUSR1);
        mount.ctl(target.pid(), "run").unwrap();
        let [result, errno, _] = done(&target);
        // clock_nanosleep gives back the error itself; readv is restarted by no handler of this target.
        let expected = if name == "clock_nanosleep" { -i64::from(libc::EINTR) } else { -1 };
        assert_eq!((result, errno), (expected, i64::from(libc::EINTR)), "{name}");
    }
}

#[test]
fn an_interrupted_call_is_told_once_and_no_program_saw_a_restart() {
    let (mount, client) = (Mount::new(), Client::new());
    for (name, call, result) in [
        ("clock_nanosleep", "clock_nanosleep", 0),
        ("ppoll", "ppoll", 0),
        ("pselect", "pselect6", 0),
        ("futex_absolute", "futex", -libc::ETIMEDOUT),
        ("epoll_pwait", "epoll_pwait", 0),
        ("recvmsg", "recvmsg", -libc::EAGAIN),
        ("pause", "pause", -libc::EINTR),
        ("sigsuspend", "rt_sigsuspend", -libc::EINTR),
        ("readv_pipe", "readv", 1),
    ] {
        let target = Target::start("waits", &[name]);
        eventually(name, || state(target.pid()) != 'R');
        let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
        client.write(seat, "mode report\ntrace in all\ntrace out all").unwrap();
        stops_and_runs(&mount, target.pid());
        target.go();
        done(&target);
        let events = client.events(seat, usize::MAX);
        let of = |word: &str| {
            let all = events.iter().filter(|e| field(e, "event") == Some(word) && field(e, "call") == Some(call));
            all.collect::<Vec<_>>()
        };
        let text = events.join("\n");
        assert!(!text.contains("restart_syscall"), "{name}: {text}");
        for hidden in 512..=516 {
            assert!(!text.contains(&format!("\"result\":-{hidden}")), "{name}: {text}");
        }
        // Its entry was before the trace, or is told at the first restart.
        assert!(of("entry").len() <= 1, "{name}: {text}");
        let ends: Vec<Option<&str>> =
            events.iter().filter(|e| field(e, "event") == Some("exit")).map(|e| field(e, "result")).collect();
        assert_eq!(ends.first(), Some(&Some(&result.to_string()[..])), "{name}: {text}");
    }
}

#[test]
fn a_call_whose_entry_was_told_is_told_to_end_once() {
    let (mount, target, client) = (Mount::new(), Target::start("sleeper", &[]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace in all\ntrace out all").unwrap();
    for round in 1..=5 {
        target.set(1, round);
        eventually("it sleeps", || target.word(2) == round && state(target.pid()) == 'S');
        stops_and_runs(&mount, target.pid());
    }
    eventually("it has slept", || target.word(0) == 5);
    let events = client.events(seat, 10);
    for (i, line) in events.iter().enumerate() {
        assert_eq!(field(line, "event"), Some(["entry", "exit"][i % 2]), "{events:?}");
        assert_eq!(field(line, "call"), Some("clock_nanosleep"), "{events:?}");
        let result = [None, Some("0")][i % 2];
        assert_eq!(field(line, "result"), result, "{events:?}");
    }
    assert_eq!(target.word(3), 0, "a sleep was too short or failed");
}

#[test]
fn a_client_that_is_held_while_it_waits_for_us_feels_nothing() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace sig all").unwrap();
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    for _ in 0..5 {
        client.begin_read(seat, 1000);
        assert!(client.waits(Duration::from_millis(10)));
        stops_and_runs(&mount, client.pid());
        kill(target.pid(), libc::SIGWINCH);
        let (_, bytes) = client.answer().expect("the read goes on");
        assert_eq!(field(std::str::from_utf8(&bytes).unwrap(), "signal"), Some("SIGWINCH"));
    }
    client.begin_write(ctl, "wait exit");
    assert!(client.waits(Duration::from_millis(10)));
    stops_and_runs(&mount, client.pid());
    mount.ctl(target.pid(), "kill").unwrap();
    assert_eq!(client.answer(), Ok((9, vec![])));
}

/// A stop may find a thread where the kernel had put it to make its call again, before it made it: for the program it is still inside.
#[test]
fn a_signal_that_comes_during_one_of_several_stops_ends_the_call() {
    let mount = Mount::new();
    for how in ["read", "nanosleep", "epoll"] {
        for start in [Target::start, Target::start32] {
            let (target, client) = (start("broken", &[how]), Client::new());
            let pid = target.pid();
            let seat = client.open(&mount.path(pid, "seat"), libc::O_RDWR).unwrap();
            for signals in 1..=100 {
                eventually("it sleeps", || state(pid) == 'S');
                client.write(seat, "stop\nrun\nstop").unwrap();
                kill(pid, libc::SIGUSR1);
                client.write(seat, "run\nstop\nrun").unwrap();
                eventually("the call has ended", || target.word(0) == signals);
            }
            assert_eq!((target.word(1), target.word(2)), (0, 100), "{how}");
        }
    }
}
