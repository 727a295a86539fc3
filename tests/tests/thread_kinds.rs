//! Threads that nobody announces, threads that are the kernel's, and very many threads.

use pfs_tests::{eventually, state, status_field, thread_states, Client, Mount, Target};
use std::io::Write;

fn tracer(tid: i32) -> String {
    status_field(tid, "TracerPid")
}

#[test]
fn a_thread_that_no_tracer_is_told_of_stands_too() {
    let (mount, target, client) = (Mount::new(), Target::start("untraced", &["3"]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    // Attached before they are born, so that they come behind the look at the task directory.
    client.write(seat, "trace sig +hup").unwrap();
    target.go();
    for i in [16, 17, 18] {
        target.counts(i);
    }
    let free = thread_states(target.pid()).iter().filter(|t| tracer(t.0) == "0").count();
    assert_eq!(free, 3, "they were announced: nothing is tested");
    for _ in 0..5 {
        client.write(seat, "stop").unwrap();
        let threads = thread_states(target.pid());
        assert!(threads.len() == 4 && threads.iter().all(|t| t.1 == 't'), "{threads:?}");
        for i in [0, 16, 17, 18] {
            target.stands(i);
        }
        client.write(seat, "run").unwrap();
        for i in [0, 16, 17, 18] {
            target.counts(i);
        }
    }
}

#[test]
fn untraced_threads_that_come_and_go_escape_no_stop() {
    let (mount, target) = (Mount::new(), Target::start("untraced", &["3", "churn"]));
    target.go();
    eventually("all makers are under way", || target.word(14) == 3);
    for _ in 0..20 {
        target.counts(15);
        mount.ctl(target.pid(), "stop").unwrap();
        let (threads, born) = (thread_states(target.pid()), target.word(15));
        assert!(threads.iter().all(|t| "tZX".contains(t.1)), "{threads:?}");
        target.stands(0);
        assert_eq!(target.word(15), born, "a thread was born in a stopped process");
        mount.ctl(target.pid(), "run").unwrap();
    }
    target.counts(0);
}

#[test]
fn a_worker_of_the_kernel_is_left_alone() {
    let (mount, target) = (Mount::new(), Target::start("ring", &[]));
    if target.said == "none" {
        eprintln!("no io_uring here: nothing tested");
        return;
    }
    let worker = target.numbers()[0] as i32;
    let (solaris, client) = (mount.beside("solaris"), Client::new());
    let of_worker = |name: &str| mount.path(target.pid(), &format!("task/{worker}/{name}"));
    assert_eq!(client.read_file(&of_worker("regs")), Err(libc::EBUSY));
    let ctl = client.open(&of_worker("ctl"), libc::O_RDWR).unwrap();
    for word in ["stop", "step"] {
        assert_eq!(client.write(ctl, word), Err(libc::EBUSY), "{word}");
    }
    let lwpctl = solaris.join(format!("{}/lwp/{worker}/lwpctl", target.pid()));
    let mut lwpctl = std::fs::OpenOptions::new().write(true).open(lwpctl).unwrap();
    for (message, name) in [(1u64, "PCSTOP"), (2, "PCDSTOP"), (3, "PCWSTOP")] {
        let errno = lwpctl.write(&message.to_ne_bytes()).unwrap_err().raw_os_error();
        assert_eq!(errno, Some(libc::EBUSY), "{name}");
    }
    drop(lwpctl);
    client.close(ctl);
    eventually("nobody has the process", || tracer(target.pid()) == "0");
    for _ in 0..5 {
        mount.ctl(target.pid(), "stop").unwrap();
        assert_eq!(state(target.pid()), 't');
        assert_ne!(state(worker), 't');
        assert_eq!(tracer(worker), "0");
        target.stands(0);
        mount.ctl(target.pid(), "run").unwrap();
        target.counts(0);
    }
    assert_eq!(target.word(1), 0);
    mount.ctl(target.pid(), "stop").unwrap();
    target.go();
    mount.ctl(target.pid(), "run").unwrap();
    eventually("the read is done", || target.word(1) == 1);
    assert_eq!(target.word(2), 3);
}

#[test]
fn a_thousand_threads_stand_and_run() {
    let (mount, target) = (Mount::new(), Target::start("count", &["1000"]));
    let threads = || thread_states(target.pid());
    eventually("all threads are there", || threads().len() == 1000);
    for _ in 0..2 {
        mount.ctl(target.pid(), "stop").unwrap();
        let now = threads();
        assert!(now.len() == 1000 && now.iter().all(|t| t.1 == 't'), "some thread runs");
        target.stands(16);
        mount.ctl(target.pid(), "run").unwrap();
        assert!(threads().iter().all(|t| t.1 != 't'), "some thread still stands");
        target.counts(16);
    }
}

#[test]
fn threads_that_end_while_they_are_held_are_reaped() {
    // Each thread that ends under a trace must be reaped by the tracer before its maker can go on.
    let (mount, target, client) = (Mount::new(), Target::start("count", &["1", "storm"]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace sig all").unwrap();
    let was = target.word(15);
    eventually("threads come and go under a trace", || target.word(15) > was + 500);
    client.write(seat, "stop").unwrap();
    // A few may have ended in the way of the stop; what was reaped is no longer there.
    assert!(thread_states(target.pid()).len() < 20);
    client.write(seat, "run").unwrap();
    target.counts(15);
}
