//! exec by a thread that is not the leader, and a parent in vfork.

use pfs_tests::{eventually, field, Client, Mount, Target};

#[test]
fn exec_by_another_thread_under_a_trace() {
    for _ in 0..5 {
        let (mount, target, client) =
            (Mount::new(), Target::start("execs", &["thread", "/proc/self/exe"]), Client::new());
        let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
        client.write(seat, "trace exec on").unwrap();
        target.go();
        let event = client.events(seat, 1).remove(0);
        assert_eq!(field(&event, "event"), Some("exec"), "{event}");
        assert_eq!(field(&event, "tid"), Some(&target.pid().to_string()[..]), "{event}");
        assert_ne!(field(&event, "from"), Some(&target.pid().to_string()[..]), "{event}");
        client.write(seat, "wait exec").unwrap();
        target.stands(0);
        client.write(seat, "run").unwrap();
        target.counts(0);
    }
}

#[test]
fn exec_while_another_thread_is_held() {
    let (mount, target) = (Mount::new(), Target::start("execs", &["thread", "/proc/self/exe"]));
    let mut tids: Vec<i32> = pfs_tests::thread_states(target.pid()).into_iter().map(|t| t.0).collect();
    tids.sort_unstable();
    mount.write(target.pid(), &format!("task/{}/ctl", tids[1]), "stop").unwrap();
    target.go();
    eventually("the new program runs", || target.word(0) > 0);
    mount.ctl(target.pid(), "stop").unwrap();
    target.stands(0);
    mount.ctl(target.pid(), "run").unwrap();
    target.counts(0);
}

#[test]
fn a_parent_in_vfork_stands_when_its_child_has_execed() {
    let (mount, target, client) = (Mount::new(), Target::start("execs", &["vfork"]), Client::new());
    eventually("it is in vfork", || pfs_tests::state(target.pid()) == 'D');
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    client.begin_write(ctl, "stop");
    assert!(client.waits(std::time::Duration::from_millis(100)), "it cannot stand yet");
    client.signal(libc::SIGINT);
    assert_eq!(client.answer(), Err(libc::EINTR));
    target.go();
    // The stop is still asked for.
    client.write(ctl, "waitstop").unwrap();
    target.stands(0);
    client.write(ctl, "run").unwrap();
    target.counts(0);
}
