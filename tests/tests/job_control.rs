//! Job control of a process that is held or traced: its parent is told what it would be told without us, and nothing else.

use pfs_tests::{eventually, field, kill, state, thread_states, Family};
use std::time::Duration;

const REST: Duration = Duration::from_millis(30);

fn family(how: &str, asked: &str) -> Family {
    let family = Family::start(how);
    family.parent.counts(0);
    if !asked.is_empty() {
        family.client.write(family.seat, asked).unwrap();
    }
    family
}

#[test]
fn a_stop_signal_on_which_a_seat_stands_has_not_happened_yet() {
    let f = family("count", "trace sig +stop");
    kill(f.child, libc::SIGSTOP);
    f.client.write(f.seat, "wait sig").unwrap();
    f.parent.stands(0);
    assert_eq!(f.told(), [0; 3]);
    f.client.write(f.seat, "run").unwrap();
    f.will_be_told([1, 0, 0]);
    f.parent.stands(0);
    kill(f.child, libc::SIGCONT);
    f.will_be_told([1, 1, 0]);
    f.parent.counts(0);
}

#[test]
fn a_dropped_stop_signal_never_happens() {
    let f = family("count", "trace sig +stop");
    kill(f.child, libc::SIGSTOP);
    f.client.write(f.seat, "wait sig\nnosig\nrun").unwrap();
    f.parent.counts(0);
    f.is_told_no_more();
    assert_eq!(f.told(), [0; 3]);
}

#[test]
fn a_stop_signal_to_a_held_process_comes_with_its_run() {
    let f = family("count", "stop");
    kill(f.child, libc::SIGSTOP);
    f.parent.stands(0);
    f.is_told_no_more();
    assert_eq!(f.told(), [0; 3]);
    f.client.write(f.seat, "run").unwrap();
    f.will_be_told([1, 0, 0]);
    f.parent.stands(0);
    eventually("it is stopped by job control alone", || state(f.child) == 'T');
    kill(f.child, libc::SIGCONT);
    f.parent.counts(0);
    f.will_be_told([1, 1, 0]);
}

#[test]
fn stop_and_continue_to_a_held_process_cancel_each_other() {
    let f = family("count", "stop");
    kill(f.child, libc::SIGSTOP);
    kill(f.child, libc::SIGCONT);
    f.client.write(f.seat, "run").unwrap();
    f.parent.counts(0);
    f.is_told_no_more();
    assert_eq!(f.told(), [0; 3]);
}

#[test]
fn continue_and_stop_to_a_held_process_leave_it_stopped() {
    let f = family("count", "stop");
    kill(f.child, libc::SIGCONT);
    kill(f.child, libc::SIGSTOP);
    f.client.write(f.seat, "run").unwrap();
    f.will_be_told([1, 0, 0]);
    f.parent.stands(0);
}

#[test]
fn the_parent_learns_of_a_continuation_on_which_a_seat_stands() {
    let f = family("count", "trace sig +cont");
    kill(f.child, libc::SIGSTOP);
    f.will_be_told([1, 0, 0]);
    kill(f.child, libc::SIGCONT);
    // The kernel continues the process when the signal is sent, not when it is delivered.
    f.will_be_told([1, 1, 0]);
    f.client.write(f.seat, "wait sig").unwrap();
    f.parent.stands(0);
    f.client.write(f.seat, "run").unwrap();
    f.parent.counts(0);
    f.is_told_no_more();
    assert_eq!(f.told(), [1, 1, 0]);
}

#[test]
fn stops_and_runs_of_a_job_stopped_process_are_nobodys_business() {
    let f = family("count", "mode report\ntrace job on\ntrace sig all");
    kill(f.child, libc::SIGSTOP);
    f.will_be_told([1, 0, 0]);
    for _ in 0..20 {
        f.mount.ctl(f.child, "stop").unwrap();
        f.mount.ctl(f.child, "run").unwrap();
    }
    f.parent.stands(0);
    f.is_told_no_more();
    assert_eq!(f.told(), [1, 0, 0]);
    kill(f.child, libc::SIGCONT);
    f.will_be_told([1, 1, 0]);
    f.parent.counts(0);
    let events = f.client.events(f.seat, 4);
    let count = |word: &str| events.iter().filter(|e| field(e, "event") == Some(word)).count();
    assert_eq!((events.len(), count("jobstop"), count("continued"), count("signal")), (4, 1, 1, 2), "{events:?}");
}

#[test]
fn a_seat_that_closes_leaves_a_job_stopped_process_so() {
    let f = family("count", "trace sig all\nmode report");
    kill(f.child, libc::SIGSTOP);
    f.will_be_told([1, 0, 0]);
    f.client.close(f.seat);
    eventually("it is stopped by job control alone", || state(f.child) == 'T');
    f.parent.stands(0);
    f.is_told_no_more();
    kill(f.child, libc::SIGCONT);
    f.will_be_told([1, 1, 0]);
    f.parent.counts(0);
}

#[test]
fn a_stop_that_comes_while_job_stopped_outlasts_the_continuation() {
    let f = family("count", "trace sig all\nmode report");
    kill(f.child, libc::SIGSTOP);
    f.will_be_told([1, 0, 0]);
    f.mount.ctl(f.child, "stop").unwrap();
    kill(f.child, libc::SIGCONT);
    f.will_be_told([1, 1, 0]);
    f.parent.stands(0);
    f.mount.ctl(f.child, "run").unwrap();
    f.parent.counts(0);
    assert_eq!(f.told(), [1, 1, 0]);
}

#[test]
fn each_stop_signal_stops_as_it_does_without_a_trace() {
    for (signal, name) in [(libc::SIGTSTP, "SIGTSTP"), (libc::SIGTTIN, "SIGTTIN"), (libc::SIGTTOU, "SIGTTOU")] {
        let f = family("count", "trace job on\nmode report");
        kill(f.child, signal);
        f.will_be_told([1, 0, 0]);
        assert_eq!(f.parent.word(8), signal as u64);
        f.parent.stands(0);
        kill(f.child, libc::SIGCONT);
        f.will_be_told([1, 1, 0]);
        f.parent.counts(0);
        let events = f.client.events(f.seat, 2);
        assert_eq!((field(&events[0], "event"), field(&events[0], "signal")), (Some("jobstop"), Some(name)));
        assert_eq!(field(&events[1], "event"), Some("continued"), "{events:?}");
    }
}

#[test]
fn a_handled_tstp_and_cont_run_their_handlers_once() {
    for asked in ["mode report\ntrace sig all\ntrace job on", "mode report\ntrace in all", "trace sig +hup"] {
        let f = family("handlers", asked);
        kill(f.child, libc::SIGTSTP);
        eventually("the handler runs", || f.parent.word(10) == 1);
        f.parent.counts(0);
        assert_eq!(f.told(), [0; 3], "{asked}");
        kill(f.child, libc::SIGSTOP);
        f.will_be_told([1, 0, 0]);
        kill(f.child, libc::SIGCONT);
        eventually("the handler runs", || f.parent.word(11) == 1);
        f.will_be_told([1, 1, 0]);
        f.parent.counts(0);
        assert_eq!([10, 11].map(|i| f.parent.word(i)), [1, 1], "{asked}");
    }
}

#[test]
fn a_handled_tstp_to_a_held_process_is_handled_after_its_run() {
    let f = family("handlers", "stop");
    kill(f.child, libc::SIGTSTP);
    kill(f.child, libc::SIGCONT);
    f.parent.stands(10);
    f.client.write(f.seat, "run").unwrap();
    eventually("SIGCONT is handled", || f.parent.word(11) == 1);
    f.parent.counts(0);
    // SIGCONT takes back a stop signal that is pending, handled or not.
    assert_eq!((f.parent.word(10), f.told()), (0, [0; 3]));
}

#[test]
fn a_process_with_threads_stops_and_goes_on_as_a_whole() {
    let f = family("threads", "mode report\ntrace job on");
    for round in 1..=5 {
        kill(f.child, libc::SIGSTOP);
        f.will_be_told([round, round - 1, 0]);
        eventually("all threads stand", || thread_states(f.child).iter().all(|t| "tT".contains(t.1)));
        for i in [0, 16, 17, 18] {
            f.parent.stands(i);
        }
        kill(f.child, libc::SIGCONT);
        f.will_be_told([round, round, 0]);
        for i in [0, 16, 17, 18] {
            f.parent.counts(i);
        }
    }
    let events = f.client.events(f.seat, 10);
    let words: Vec<&str> = events.iter().map(|e| field(e, "event").unwrap()).collect();
    assert_eq!(words, ["jobstop", "continued"].repeat(5), "{events:?}");
}

#[test]
fn a_wait_for_a_stop_sees_a_job_stop() {
    let f = family("count", "");
    f.client.begin_write(f.seat, "wait stop");
    assert!(f.client.waits(REST));
    kill(f.child, libc::SIGSTOP);
    assert_eq!(f.client.answer(), Ok((9, vec![])));
    f.will_be_told([1, 0, 0]);
    kill(f.child, libc::SIGCONT);
    f.will_be_told([1, 1, 0]);
    f.parent.counts(0);
}

#[test]
fn the_wait_file_tells_what_the_parent_is_told() {
    let f = family("count", "");
    let wait = f.client.open(&f.mount.path(f.child, "wait"), libc::O_RDONLY).unwrap();
    for round in 1..=3 {
        kill(f.child, libc::SIGTSTP);
        f.will_be_told([round, round - 1, 0]);
        kill(f.child, libc::SIGCONT);
        f.will_be_told([round, round, 0]);
    }
    f.parent.set(6, 1);
    f.will_be_told([3, 3, 1]);
    let events = f.client.events(wait, usize::MAX);
    let words: Vec<&str> = events.iter().map(|e| field(e, "event").unwrap()).collect();
    let expected = ["jobstop", "continued", "jobstop", "continued", "jobstop", "continued", "end"];
    assert_eq!(words, expected, "{events:?}");
    assert_eq!(field(&events[6], "status"), Some("33"));
}

#[test]
fn a_job_stopped_process_under_a_trace_can_be_killed() {
    for hold in ["", "stop"] {
        let f = family("count", "mode report\ntrace sig all\ntrace exit on");
        kill(f.child, libc::SIGSTOP);
        f.will_be_told([1, 0, 0]);
        if !hold.is_empty() {
            f.mount.ctl(f.child, hold).unwrap();
        }
        kill(f.child, libc::SIGKILL);
        f.will_be_told([1, 0, 1]);
        assert_eq!(f.parent.word(5), libc::SIGKILL as u64);
        let events = f.client.events(f.seat, usize::MAX);
        let last = events.last().unwrap();
        assert_eq!((field(last, "event"), field(last, "signal")), (Some("end"), Some("SIGKILL")), "{events:?}");
    }
}

/// The process stands by job control then, before the step is done.
#[test]
fn a_stop_signal_ends_a_step() {
    let f = family("count", "stop");
    kill(f.child, libc::SIGSTOP);
    f.client.write(f.seat, "step 1000000").unwrap();
    f.parent.stands(0);
    f.client.write(f.seat, "run").unwrap();
    f.will_be_told([1, 0, 0]);
    kill(f.child, libc::SIGCONT);
    f.parent.counts(0);
    f.will_be_told([1, 1, 0]);
}
