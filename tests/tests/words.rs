//! Words of `ctl` and notes, by their effect on real processes.

use pfs_tests::{eventually, kill, root, state, status_field, thread_states, Client, Mount, Target, NOBODY};

/// Field 19 of `stat`, of each thread.
fn nice_values(pid: i32) -> Vec<i32> {
    let nice = |tid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")).unwrap();
        stat.rsplit_once(") ").unwrap().1.split(' ').nth(16).unwrap().parse().unwrap()
    };
    thread_states(pid).into_iter().map(|(tid, _)| nice(tid)).collect()
}

#[test]
fn a_note_to_the_group_reaches_its_members_and_nobody_else() {
    let (mount, target) = (Mount::new(), Target::start("group", &[]));
    let [one, two, outsider] = target.numbers()[..] else { panic!("{}", target.said) };
    let counts = || [0, 1, 2, 3].map(|i| target.word(i));
    let notes = [(target.pid(), "usr1"), (one as i32, "SIGUSR1\n"), (two as i32, "10")];
    for (round, (to, note)) in (1..).zip(notes) {
        mount.write(to, "notepg", note).unwrap();
        eventually("all members have it", || counts()[..3] == [round; 3]);
    }
    // What the outsider has is this one note and none of those before it.
    mount.write(outsider as i32, "note", "usr1").unwrap();
    eventually("the outsider has it", || counts()[3] > 0);
    assert_eq!(counts(), [3, 3, 3, 1]);
    mount.write(one as i32, "note", "usr1").unwrap();
    eventually("one member has it", || counts()[1] > 3);
    assert_eq!(counts(), [3, 4, 3, 1]);
    assert_eq!(mount.write(one as i32, "notepg", "nosuch"), Err(libc::EINVAL));
    assert_eq!(mount.write(one as i32, "notepg", &"1".repeat(65)), Err(libc::EMSGSIZE));
    assert_eq!(mount.write(one as i32, "notepg", "term"), Ok(()));
    eventually("it ends the group", || matches!(state(target.pid()), '-' | 'Z'));
}

#[test]
fn a_note_follows_the_rule_of_kill() {
    if !root() {
        return;
    }
    let (mount, client) = (Mount::new(), Client::of_user(NOBODY));
    let (roots, own) = (Target::start("signals", &[]), Target::start_as(NOBODY, "signals", &[]));
    let note = |pid: i32, file: &str| {
        let fd = client.open(&mount.path(pid, file), libc::O_WRONLY).unwrap();
        let result = client.write(fd, "usr1");
        client.close(fd);
        result
    };
    assert_eq!(note(own.pid(), "note"), Ok(4));
    eventually("his own process has it", || own.word(128 + 10) == 1);
    assert_eq!(note(roots.pid(), "note"), Err(libc::EPERM), "a note to a process of root's");
    kill(roots.pid(), libc::SIGUSR2);
    eventually("a later signal is there", || roots.word(128 + 12) == 1);
    assert_eq!(roots.word(128 + 10), 0, "the note went through");
}

#[test]
fn a_note_to_the_group_goes_to_those_whom_the_writer_may_signal() {
    if !root() {
        return;
    }
    let (mount, client) = (Mount::new(), Client::of_user(NOBODY));
    let target = Target::start("group", &[&NOBODY.to_string()]);
    let [one, his, _] = target.numbers()[..] else { panic!("{}", target.said) };
    // Whosever directory it is written in: the group is the same, and one of it may be signalled.
    for (round, pid) in (1..).zip([his, one]) {
        let fd = client.open(&mount.path(pid as i32, "notepg"), libc::O_WRONLY).unwrap();
        assert_eq!(client.write(fd, "usr1"), Ok(4));
        eventually("his member has it", || target.word(2) == round);
    }
    mount.write(one as i32, "notepg", "usr1").unwrap();
    let counts = || [0, 1, 2].map(|i| target.word(i));
    eventually("root's note is there", || counts().iter().zip([1, 1, 3]).all(|(has, due)| *has >= due));
    assert_eq!(counts(), [1, 1, 3]);
    let alone = Target::start("group", &[]);
    let fd = client.open(&mount.path(alone.pid(), "notepg"), libc::O_WRONLY).unwrap();
    assert_eq!(client.write(fd, "usr1"), Err(libc::EPERM));
    mount.write(alone.pid(), "notepg", "usr1").unwrap();
    eventually("root's note is there", || alone.word(0) > 0);
    assert_eq!(alone.word(0), 1);
}

#[test]
fn a_note_leaves_a_stopped_process_stopped() {
    let (mount, target) = (Mount::new(), Target::start("signals", &[]));
    mount.ctl(target.pid(), "stop").unwrap();
    mount.write(target.pid(), "note", "usr1").unwrap();
    target.stands(128 + 10);
    assert_eq!(state(target.pid()), 't');
    mount.ctl(target.pid(), "run").unwrap();
    eventually("it is delivered", || target.word(128 + 10) == 1);
}

#[test]
fn nice_changes_every_thread() {
    let (mount, target) = (Mount::new(), Target::start("count", &["4"]));
    assert_eq!(nice_values(target.pid()), [0; 4]);
    mount.ctl(target.pid(), "nice 7").unwrap();
    assert_eq!(nice_values(target.pid()), [7; 4]);
    let (tid, _) = thread_states(target.pid())[2];
    mount.write(target.pid(), &format!("task/{tid}/ctl"), "nice 12").unwrap();
    assert_eq!(nice_values(target.pid()), [7, 7, 12, 7]);
    // It needs no stop, and a stop is no hindrance.
    mount.ctl(target.pid(), "stop\nnice 15\nrun").unwrap();
    assert_eq!(nice_values(target.pid()), [15; 4]);
    for bad in ["nice", "nice 20", "nice -21", "nice x", "nice 1 2"] {
        assert_eq!(mount.ctl(target.pid(), bad), Err(libc::EINVAL), "{bad}");
    }
    assert_eq!(nice_values(target.pid()), [15; 4]);
    if root() {
        mount.ctl(target.pid(), "nice -3").unwrap();
        assert_eq!(nice_values(target.pid()), [-3; 4]);
    }
}

#[test]
fn nice_is_judged_as_setpriority_is() {
    if !root() {
        return;
    }
    let (mount, client) = (Mount::new(), Client::of_user(NOBODY));
    let target = Target::start_as(NOBODY, "count", &[]);
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    assert_eq!(client.write(ctl, "nice 5"), Ok(6));
    assert_eq!(nice_values(target.pid()), [5]);
    assert_eq!(client.write(ctl, "nice 4"), Err(libc::EACCES));
    let said = String::from_utf8(client.read(ctl, 1000).unwrap()).unwrap();
    assert!(said.contains("nice"), "{said}");
    assert_eq!(nice_values(target.pid()), [5]);
}

#[test]
fn close_closes_a_descriptor_of_the_process() {
    let (mount, target, client) = (Mount::new(), Target::start("descriptor", &[]), Client::new());
    let fd = target.numbers()[0];
    let link = format!("/proc/{}/fd/{fd}", target.pid());
    target.counts(0);
    assert_eq!((target.word(1), std::fs::read_link(&link).is_ok()), (0, true));
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    let why = || String::from_utf8(client.read(ctl, 1000).unwrap()).unwrap();
    // It is the process itself that closes: it must stand.
    assert_eq!(client.write(ctl, &format!("close {fd}")), Err(libc::EBUSY));
    let said = why();
    assert!(said.contains(&format!("close {fd}")) && said.contains("stop"), "{said}");
    assert!(std::fs::read_link(&link).is_ok());
    let message = format!("stop\nclose {fd}\nrun");
    assert_eq!(client.write(ctl, &message), Ok(message.len()));
    assert!(std::fs::read_link(&link).is_err());
    eventually("the process finds it closed", || target.word(1) == libc::EBADF as u64);
    // What is not open is EBADF, and the rest of the message is not done.
    assert_eq!(client.write(ctl, &message), Err(libc::EBADF));
    let said = why();
    assert!(said.contains("line 2") && said.contains(&format!("close {fd}")), "{said}");
    target.stands(0);
    client.write(ctl, "run").unwrap();
    target.counts(0);
    eventually("nobody traces it", || status_field(target.pid(), "TracerPid") == "0");
}

#[test]
fn close_in_a_stopped_process_leaves_it_stopped() {
    let (mount, target) = (Mount::new(), Target::start("descriptor", &[]));
    let fd = target.numbers()[0];
    mount.ctl(target.pid(), "stop").unwrap();
    let before = mount.read(target.pid(), "regs").unwrap();
    mount.ctl(target.pid(), &format!("close {fd}")).unwrap();
    assert!(std::fs::read_link(format!("/proc/{}/fd/{fd}", target.pid())).is_err());
    target.stands(0);
    assert_eq!(mount.read(target.pid(), "regs").unwrap(), before);
    mount.ctl(target.pid(), "run").unwrap();
    eventually("the process finds it closed", || target.word(1) == libc::EBADF as u64);
}

#[test]
fn close_does_not_disturb_the_call_that_a_thread_is_in() {
    let (mount, target) = (Mount::new(), Target::start("descriptor", &["blocked"]));
    let fd = target.numbers()[0];
    eventually("it blocks", || state(target.pid()) == 'S');
    mount.ctl(target.pid(), &format!("stop\nclose {fd}\nrun")).unwrap();
    eventually("the process finds it closed", || target.word(1) == libc::EBADF as u64);
    assert_eq!(target.word(2), 0, "the read ended");
    target.go();
    eventually("the read ends", || target.word(2) != 0);
    assert_eq!((target.word(2), target.word(3)), (2, 0));
}

#[test]
fn hang_stops_the_next_exec_and_nohang_does_not() {
    let suid = pfs_tests::program("suid", 64);
    let (mount, target) = (Mount::new(), Target::start("execs", &["self", suid.to_str().unwrap()]));
    mount.ctl(target.pid(), "hang").unwrap();
    let exe = || std::fs::read_link(format!("/proc/{}/exe", target.pid())).unwrap();
    assert_ne!(exe(), suid);
    assert_eq!(
        status_field(target.pid(), "State").chars().next().map(|s| s == 't'),
        Some(false),
        "hang stops nothing yet"
    );
    target.go();
    mount.ctl(target.pid(), "wait exec 20s").unwrap();
    // The new program is there, and has not run one instruction of its own.
    assert_eq!((state(target.pid()), exe()), ('t', suid.canonicalize().unwrap()));
    target.stands(0);
    assert_eq!((target.word(0), target.word(1)), (0, 0));
    let holders = String::from_utf8(mount.read(target.pid(), "holders").unwrap()).unwrap();
    assert_eq!(holders.lines().count(), 1, "{holders}");
    mount.ctl(target.pid(), "nohang\nrun").unwrap();
    target.counts(0);
    eventually("nobody traces it", || status_field(target.pid(), "TracerPid") == "0");

    let target = Target::start("execs", &["self", suid.to_str().unwrap()]);
    mount.ctl(target.pid(), "hang\nnohang").unwrap();
    target.go();
    target.counts(0);
}
