//! A program that execs itself again and again, each time from another thread than the first, while seats come and go: it is never
//! left standing, never said to have ended, and comes to its end.

use pfs_tests::{eventually, state, thread_states, Client, Mount, Target};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const N: u64 = 150;

/// Two seats take turns with these messages until the target ends.
fn goes_on(how: &str, messages: &[&str]) {
    let (mount, target) = (Mount::new(), Target::start("chain", &[how, &N.to_string()]));
    let (pid, over, refused) = (target.pid(), AtomicBool::new(false), AtomicU64::new(N + 1));
    let programs = target.shared(0);
    let client = |first: usize| {
        let client = Client::new();
        let seat = client.open(&mount.path(pid, "seat"), libc::O_RDWR | libc::O_NONBLOCK).unwrap();
        client.write(seat, "mode report").unwrap();
        for message in messages.iter().cycle().skip(first) {
            if over.load(Ordering::SeqCst) {
                break;
            }
            match client.write(seat, message) {
                // Perhaps of one that is about to end.
                Err(libc::ESRCH) => refused.store(programs.load(Ordering::SeqCst), Ordering::SeqCst),
                result => assert_eq!(result, Ok(message.len()), "{how}: {message}"),
            }
            while client.read(seat, 65536).is_ok_and(|lines| !lines.is_empty()) {}
        }
    };
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| client(0));
        scope.spawn(|| client(1));
        let ended = std::panic::catch_unwind(|| {
            // A first thread that has ended is a zombie, too.
            eventually("the target ends", || programs.load(Ordering::SeqCst) > N && state(pid) == 'Z')
        });
        over.store(true, Ordering::SeqCst);
        ended.map_err(|_| format!("{how}: {:?}", thread_states(pid)))
    });
    assert_eq!(ended, Ok(()));
    assert_eq!((target.word(0), target.word(1)), (N + 1, 0), "{how}");
    assert_eq!(refused.into_inner(), N + 1, "{how}: a living one was said to have ended");
    let mut target = target;
    assert_eq!(target.end().code(), Some(42));
    assert_eq!(mount.read(pid, "holders").err(), Some(libc::ENOENT));
    let held = || String::from_utf8(mount.pfs(&["status"]).stdout).unwrap();
    eventually("nothing is held", || held().contains("no process is held"));
}

#[test]
fn under_signals_that_are_traced_now_and_then() {
    for how in ["lives", "ends"] {
        goes_on(how, &["trace sig all", "trace sig none"]);
    }
}

#[test]
fn under_calls_that_are_traced_now_and_then() {
    for how in ["lives", "ends"] {
        goes_on(how, &["trace in all", "trace in none\ntrace out all", "trace out none"]);
    }
}

#[test]
fn under_ends_that_are_traced_now_and_then() {
    for how in ["lives", "ends"] {
        goes_on(how, &["trace out all", "trace out +nanosleep", "trace out none", "trace sig all", "trace sig none"]);
    }
}
