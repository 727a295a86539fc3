//! A stop is of all threads, also of those that come and go meanwhile.

use pfs_tests::{eventually, state, thread_states, Client, Mount, Target};

fn nobody_runs(threads: &str, rounds: usize, storm: bool) {
    let mount = Mount::new();
    let target = if storm { Target::start("count", &[threads, "storm"]) } else { Target::start("count", &[threads]) };
    if storm {
        target.counts(15);
    }
    for _ in 0..rounds {
        mount.ctl(target.pid(), "stop").unwrap();
        let (first, born) = (thread_states(target.pid()), target.word(15));
        // A thread that was made in the stop's way and dies in it may be a zombie; nothing may run.
        assert!(first.len() >= threads.parse().unwrap());
        assert!(first.iter().all(|(_, s)| matches!(s, 't' | 'Z' | 'X')), "{first:?}");
        target.stands(16);
        assert_eq!(thread_states(target.pid()), first);
        assert_eq!(target.word(15), born);
        mount.ctl(target.pid(), "run").unwrap();
        target.counts(16);
    }
}

#[test]
fn one_thread_stands() {
    nobody_runs("1", 10, false);
}

#[test]
fn ten_threads_stand() {
    nobody_runs("10", 10, false);
}

#[test]
fn one_thread_of_several_is_stopped_alone() {
    let (mount, target) = (Mount::new(), Target::start("count", &["3"]));
    let mut tids: Vec<i32> = thread_states(target.pid()).into_iter().map(|t| t.0).collect();
    tids.sort_unstable();
    let name = format!("task/{}/ctl", tids[2]);
    mount.write(target.pid(), &name, "stop").unwrap();
    assert_eq!(state(tids[2]), 't');
    target.stands(18);
    target.counts(16);
    target.counts(17);
    mount.write(target.pid(), &name, "run").unwrap();
    target.counts(18);
}

#[test]
fn a_hundred_threads_stand() {
    nobody_runs("100", 5, false);
}

#[test]
fn threads_that_make_threads_stand() {
    nobody_runs("10", 30, true);
}

#[test]
fn a_process_without_its_first_thread_stands() {
    let (mount, target) = (Mount::new(), Target::start("headless", &[]));
    target.counts(16);
    mount.ctl(target.pid(), "stop").unwrap();
    target.stands(16);
    assert_eq!(mount.read(target.pid(), "regs").unwrap().len(), 216);
    mount.ctl(target.pid(), "run").unwrap();
    target.counts(16);
}

/// Children whose makers nobody asked to be told of: those that come attached all the same are let go.
#[test]
fn children_that_come_attached_uncalled_for_are_free() {
    for how in ["quiet", "traced"] {
        let (mount, target, client) = (Mount::new(), Target::start("begets", &[how]), Client::new());
        let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
        for _ in 0..20 {
            for _ in 0..100 {
                client.write(seat, "stop\nrun").unwrap();
            }
            let before = target.word(0);
            eventually("it makes more", || target.word(0) > before + 10);
        }
        assert_eq!(target.word(1), 0, "{how}");
    }
}

/// Who makes a child that others are told of finds it as it would have: nobody traces it.
#[test]
fn a_child_that_is_only_told_of_can_be_traced_by_its_maker() {
    let (mount, target, client) = (Mount::new(), Target::start("begets", &["seized"]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace fork on").unwrap();
    let before = target.word(0);
    eventually("it makes more", || {
        let _ = client.read(seat, 65536);
        target.word(0) > before + 500
    });
    assert_eq!(target.word(1), 0);
}
