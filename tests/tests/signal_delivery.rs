//! What a signal handler is given under a trace is what it is given without: number, order, and all that came with the signal.

use pfs_tests::{eventually, field, kill, status_field, thread_states, Client, Mount, Target};

fn queue(pid: i32, signal: i32, value: usize) {
    let value = libc::sigval { sival_ptr: value as *mut libc::c_void };
    // SAFETY: sigqueue takes no memory: the value is only a number here.
    let sent = unsafe { libc::sigqueue(pid, signal, value) };
    assert_eq!(sent, 0);
}

/// Number, si_code, value or status, and sender of each signal that was handled.
fn log(target: &Target) -> Vec<[i64; 4]> {
    let entry = |n: usize| [0, 1, 2, 3].map(|i| target.word(32 + 4 * n + i) as i64);
    (0..target.word(0) as usize).map(entry).collect()
}

/// Sends a mixed lot of signals, the lower numbers last.
fn send_a_lot(pid: i32) {
    for (i, signal) in [50, 40, 60, 40, 34, 60, 34, 10, 12, 64].into_iter().enumerate() {
        match signal {
            0..=31 => kill(pid, signal),
            _ => queue(pid, signal, 100 + i),
        }
    }
}

const LOT: u64 = 10;

/// How a process that is held gets the lot.
fn log_without_us() -> Vec<[i64; 4]> {
    let target = Target::start("siglog", &["blocked"]);
    send_a_lot(target.pid());
    target.set(6, 1);
    eventually("all are handled", || target.word(0) == LOT);
    log(&target)
}

#[test]
fn queued_signals_come_in_the_kernels_order_after_a_stop() {
    let (mount, target) = (Mount::new(), Target::start("siglog", &[]));
    mount.ctl(target.pid(), "stop").unwrap();
    send_a_lot(target.pid());
    target.stands(0);
    mount.ctl(target.pid(), "run").unwrap();
    eventually("all are handled", || target.word(0) == LOT);
    let (with, without) = (log(&target), log_without_us());
    // The kernel's order is by number, those of one number as they were sent.
    assert!(without.windows(2).all(|w| w[0][0] <= w[1][0]), "{without:?}");
    assert_eq!(with, without);
}

#[test]
fn queued_signals_come_in_the_kernels_order_under_a_trace() {
    let without = log_without_us();
    let asks = [
        "mode report\ntrace sig all",
        "mode report\ntrace sig all\ntrace in all\ntrace out all",
        "trace sig +rtmin\nmode report",
    ];
    for ask in asks {
        let (mount, target, client) = (Mount::new(), Target::start("siglog", &["blocked"]), Client::new());
        let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
        client.write(seat, ask).unwrap();
        send_a_lot(target.pid());
        target.set(6, 1);
        eventually("all are handled", || target.word(0) == LOT);
        assert_eq!(log(&target), without, "{ask}");
    }
}

#[test]
fn a_seat_stands_on_each_signal_in_turn_and_nothing_is_lost() {
    let (mount, target, client) = (Mount::new(), Target::start("siglog", &["blocked"]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "trace sig all").unwrap();
    send_a_lot(target.pid());
    target.set(6, 1);
    for i in 0..LOT {
        client.write(seat, "wait sig").unwrap();
        assert!(target.word(0) <= i);
        client.write(seat, "run").unwrap();
    }
    eventually("all are handled", || target.word(0) == LOT);
    assert_eq!(log(&target), log_without_us());
}

#[test]
fn what_comes_with_a_signal_is_kept_when_a_seat_stands_on_it() {
    for close in [false, true] {
        let (mount, target, client) = (Mount::new(), Target::start("siglog", &[]), Client::new());
        let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
        client.write(seat, "trace sig +rtmin+7").unwrap();
        queue(target.pid(), 41, 12345);
        client.write(seat, "wait sig").unwrap();
        if close {
            client.close(seat);
        } else {
            client.write(seat, "run").unwrap();
        }
        eventually("it is handled", || target.word(0) == 1);
        let sender = i64::from(std::process::id());
        assert_eq!(log(&target), [[41, i64::from(libc::SI_QUEUE), 12345, sender]]);
    }
}

#[test]
fn what_comes_with_a_signal_outlives_a_call_of_ours() {
    let (mount, target, client) = (Mount::new(), Target::start("siglog", &[]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "trace sig +rtmin+7").unwrap();
    queue(target.pid(), 41, 54321);
    client.write(seat, "wait sig").unwrap();
    // While others wait behind it.
    kill(target.pid(), libc::SIGUSR2);
    queue(target.pid(), 50, 9);
    client.write(seat, "close 0\nrun").unwrap();
    eventually("all are handled", || target.word(0) == 3);
    let mut handled = log(&target);
    handled.sort_unstable();
    let sender = i64::from(std::process::id());
    let code = i64::from(libc::SI_QUEUE);
    assert_eq!(handled, [[12, 0, 0, sender], [41, code, 54321, sender], [50, code, 9, sender]]);
}

#[test]
fn timers_and_children_say_what_they_say_without_us() {
    let mount = Mount::new();
    let seen = |traced: bool| {
        let (target, client) = (Target::start("siglog", &[]), Client::new());
        let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
        if traced {
            client.write(seat, "mode report\ntrace sig all").unwrap();
        }
        target.go();
        eventually("both are handled", || target.word(0) == 2);
        let mut entries = log(&target);
        entries.sort_unstable();
        // Another child each time.
        entries[1][3] = i64::from(entries[1][3] > 0);
        entries
    };
    let without = seen(false);
    assert_eq!(without[0], [i64::from(libc::SIGALRM), i64::from(libc::SI_TIMER), 77, 0]);
    assert_eq!(without[1], [i64::from(libc::SIGCHLD), i64::from(libc::CLD_EXITED), 44, 1]);
    assert_eq!(seen(true), without);
}

#[test]
fn a_blocked_signal_is_not_told_before_it_is_let_in() {
    let (mount, target, client) = (Mount::new(), Target::start("siglog", &["blocked"]), Client::new());
    let flags = libc::O_RDWR | libc::O_NONBLOCK;
    let seat = client.open(&mount.path(target.pid(), "seat"), flags).unwrap();
    client.write(seat, "trace sig all").unwrap();
    kill(target.pid(), libc::SIGUSR1);
    queue(target.pid(), 40, 1);
    queue(target.pid(), 40, 2);
    assert_eq!(client.write(seat, "wait sig 50ms"), Err(libc::ETIMEDOUT));
    assert_eq!(client.read(seat, 1000), Err(libc::EAGAIN));
    // It stands in the lists of what is pending, also through the mount.
    let status = String::from_utf8(mount.read(target.pid(), "status").unwrap()).unwrap();
    let pending = status.lines().find_map(|l| l.strip_prefix("ShdPnd:")).unwrap().trim();
    assert_eq!(u64::from_str_radix(pending, 16).unwrap(), 1 << 9 | 1 << 39);
    client.write(seat, "stop\nrun").unwrap();
    target.set(6, 1);
    for signal in ["SIGUSR1", "SIGRTMIN+6", "SIGRTMIN+6"] {
        client.write(seat, "wait sig").unwrap();
        let event = String::from_utf8(client.read(seat, 1000).unwrap()).unwrap();
        assert_eq!(field(&event, "signal"), Some(signal), "{event}");
        client.write(seat, "run").unwrap();
    }
    eventually("all are handled", || target.word(0) == 3);
    let values: Vec<i64> = log(&target).iter().map(|e| e[2]).collect();
    assert_eq!(values[1..], [1, 2]);
}

#[test]
fn an_ignored_signal_is_told_and_stays_ignored() {
    let (mount, target, client) = (Mount::new(), Target::start("siglog", &["ignored"]), Client::new());
    let ignored = status_field(target.pid(), "SigIgn");
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "trace sig all").unwrap();
    for (signal, name) in [(libc::SIGUSR1, "SIGUSR1"), (libc::SIGHUP, "SIGHUP"), (libc::SIGTRAP, "SIGTRAP")] {
        kill(target.pid(), signal);
        client.write(seat, "wait sig\nrun").unwrap();
        assert_eq!(field(&client.events(seat, 1)[0], "signal"), Some(name));
    }
    client.close(seat);
    kill(target.pid(), libc::SIGTERM);
    eventually("another is handled", || target.word(0) == 1);
    assert_eq!(log(&target)[0][0], i64::from(libc::SIGTERM));
    assert_eq!(status_field(target.pid(), "SigIgn"), ignored);
}

#[test]
fn a_signal_to_one_thread_is_told_of_that_thread() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &["3"]), Client::new());
    let mut tids: Vec<i32> = thread_states(target.pid()).into_iter().map(|t| t.0).collect();
    tids.sort_unstable();
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace sig +winch").unwrap();
    for tid in [tids[2], tids[0], tids[1]] {
        mount.write(target.pid(), &format!("task/{tid}/ctl"), "winch").unwrap();
        let event = client.events(seat, 1).remove(0);
        assert_eq!(field(&event, "tid"), Some(&tid.to_string()[..]), "{event}");
    }
    target.counts(18);
}
