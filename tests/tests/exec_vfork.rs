//! exec by a thread that is not the leader, and a parent in vfork.

use pfs_tests::{eventually, field, kill, state, thread_states, Client, Mount, Target};

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

/// The kernel tells of a step out of an exec at the end of the call already.
#[test]
fn a_step_behind_an_exec_is_an_instruction() {
    const RIP: u64 = 16 * 8;
    let (mount, target, client) = (Mount::new(), Target::start("execs", &["thread", "/proc/self/exe"]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    let regs = client.open(&mount.path(target.pid(), "regs"), libc::O_RDONLY).unwrap();
    client.write(seat, "trace exec on").unwrap();
    target.go();
    client.write(seat, "wait exec").unwrap();
    let mut before = client.read_at(regs, RIP, 8).unwrap();
    for _ in 0..3 {
        client.write(seat, "step").unwrap();
        let now = client.read_at(regs, RIP, 8).unwrap();
        assert_ne!(now, before);
        before = now;
    }
    client.write(seat, "run").unwrap();
    target.counts(0);
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

#[test]
fn exec_by_another_thread_while_seats_hold() {
    let (mount, target, client) = (Mount::new(), Target::start("execs", &["thread", "/proc/self/exe"]), Client::new());
    let open = || client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    let (one, two) = (open(), open());
    client.write(one, "stop").unwrap();
    client.write(two, "trace exec on\nstop").unwrap();
    target.go();
    assert_eq!(thread_states(target.pid()).len(), 5);
    client.write(one, "run").unwrap();
    assert!(thread_states(target.pid()).iter().all(|t| t.1 == 't'), "the second seat holds");
    client.write(two, "run\nwait exec").unwrap();
    // One thread, under the id of the process, and the votes of before do not matter to it.
    assert_eq!(thread_states(target.pid()), [(target.pid(), 't')]);
    let event = client.events(two, 1).remove(0);
    assert_eq!(field(&event, "tid"), Some(&target.pid().to_string()[..]), "{event}");
    client.write(one, "stop").unwrap();
    client.write(two, "run").unwrap();
    target.stands(0);
    client.write(one, "run").unwrap();
    target.counts(0);
}

#[test]
fn a_storm_of_stops_meets_execs_by_other_threads() {
    // A SEIZE in the window of the exec waits for the death of the other threads, which we have to reap.
    for _ in 0..10 {
        let (mount, target) = (Mount::new(), Target::start("execs", &["thread", "/proc/self/exe"]));
        let mut tids: Vec<i32> = thread_states(target.pid()).into_iter().map(|t| t.0).collect();
        tids.sort_unstable();
        mount.write(target.pid(), &format!("task/{}/ctl", tids[2]), "stop").unwrap();
        target.go();
        let client = Client::new();
        while target.word(0) == 0 {
            let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
            let done = client.write(ctl, "stop\nrun");
            assert!(done.is_ok(), "{done:?}: {}", String::from_utf8_lossy(&client.read(ctl, 1000).unwrap()));
            client.close(ctl);
        }
        target.counts(0);
    }
}

#[test]
fn the_child_of_a_vfork_stands_and_its_parent_waits() {
    let (mount, family) = (Mount::new(), Target::start("family", &["vfork"]));
    let parent = family.numbers()[0] as i32;
    eventually("it is in vfork", || family.word(21) > 0 && state(parent) == 'D');
    let child = family.word(21) as i32;
    mount.ctl(child, "stop").unwrap();
    assert_eq!((state(child), state(parent)), ('t', 'D'));
    family.stands(20);
    family.go();
    family.stands(20);
    assert_eq!((family.word(0), state(parent)), (0, 'D'));
    mount.ctl(child, "run").unwrap();
    family.counts(0);
}

#[test]
fn a_held_child_of_a_vfork_is_killed() {
    let (mount, family) = (Mount::new(), Target::start("family", &["vfork"]));
    let parent = family.numbers()[0] as i32;
    eventually("it is in vfork", || family.word(21) > 0 && state(parent) == 'D');
    let child = family.word(21) as i32;
    mount.ctl(child, "stop").unwrap();
    kill(child, libc::SIGKILL);
    family.counts(0);
}

/// Also one that tells its end by another signal than SIGCHLD.
#[test]
fn a_child_is_told_and_is_free() {
    let mount = Mount::new();
    for (how, vfork) in [("vforks", "true"), ("forks", "false"), ("clones", "false")] {
        let (target, client) = (Target::start("family", &[how]), Client::new());
        let parent = target.numbers()[0] as i32;
        let seat = client.open(&mount.path(parent, "seat"), libc::O_RDWR).unwrap();
        client.write(seat, "trace fork on").unwrap();
        target.go();
        for _ in 0..5 {
            client.write(seat, "wait fork").unwrap();
            let event = client.events(seat, 1).remove(0);
            assert_eq!(field(&event, "vfork"), Some(vfork), "{how}: {event}");
            assert!(field(&event, "child").unwrap().parse::<i32>().unwrap() > 0, "{event}");
            target.stands(0);
            client.write(seat, "run").unwrap();
        }
        client.close(seat);
        target.counts(0);
        assert_eq!(target.word(9), 0, "{how}: a child ended in another way");
    }
}
