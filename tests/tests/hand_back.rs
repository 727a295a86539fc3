//! A seat that ends, in whatever state the process is: nothing is lost and nothing stays behind.

use pfs_tests::{eventually, kill, state, status_field, Client, Mount, Target};

/// A target, a client and its seat.
fn seated(target: &str, args: &[&str]) -> (Mount, Target, Client, i32) {
    let (mount, target, client) = (Mount::new(), Target::start(target, args), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    (mount, target, client, seat)
}

#[test]
fn at_the_entry_of_a_call() {
    let (_mount, target, client, seat) = seated("busy", &["100"]);
    for call in ["getppid", "close"] {
        client.write(seat, &format!("trace in none\ntrace in +{call}")).unwrap();
        target.go();
        client.write(seat, "wait in\nrun").unwrap();
    }
    client.write(seat, "wait in").unwrap();
    client.close(seat);
    target.counts(2);
    assert_eq!((target.word(0), target.word(1)), (100, 0));
    eventually("nobody traces it", || status_field(target.pid(), "TracerPid") == "0");
}

#[test]
fn at_the_exit_of_a_call() {
    let (_mount, target, client, seat) = seated("busy", &["100"]);
    client.write(seat, "trace out +close").unwrap();
    target.go();
    client.write(seat, "wait out\nrun\nwait out").unwrap();
    client.kill();
    target.counts(2);
    assert_eq!((target.word(0), target.word(1)), (100, 0));
}

#[test]
fn in_the_middle_of_a_traced_sleep() {
    let (mount, target, client, seat) = seated("sleeper", &[]);
    for round in 1..=3 {
        client.write(seat, "mode report\ntrace in all\ntrace out all").unwrap();
        target.set(1, round);
        eventually("it sleeps", || target.word(2) == round && state(target.pid()) == 'S');
        match round {
            1 => client.write(seat, "detach").map(drop).unwrap(),
            2 => client.write(seat, "stop\ndetach").map(drop).unwrap(),
            _ => client.close(seat),
        }
        eventually("it has slept", || target.word(0) == round);
        assert_eq!(target.word(3), 0, "a sleep was too short or failed");
    }
    mount.ctl(target.pid(), "stop\nrun").unwrap();
}

#[test]
fn on_a_signal_with_others_behind_it() {
    let (_mount, target, client, seat) = seated("signals", &[]);
    client.write(seat, "trace sig all").unwrap();
    kill(target.pid(), libc::SIGUSR1);
    client.write(seat, "wait sig").unwrap();
    for signal in [libc::SIGUSR2, libc::SIGHUP, libc::SIGTERM] {
        kill(target.pid(), signal);
    }
    client.close(seat);
    for signal in [libc::SIGUSR1, libc::SIGUSR2, libc::SIGHUP, libc::SIGTERM] {
        eventually("each is delivered", || target.word(128 + signal as usize) == 1);
    }
}

#[test]
fn while_it_steps() {
    let (mount, target, client, seat) = seated("sled", &[]);
    client.write(seat, "stop").unwrap();
    client.begin_write(seat, "step 1000000000");
    target.counts(0);
    client.kill();
    target.counts(0);
    eventually("nobody traces it", || status_field(target.pid(), "TracerPid") == "0");
    // A trap flag that stayed would have killed it by now.
    target.counts(0);
    mount.ctl(target.pid(), "stop\nrun").unwrap();
}

#[test]
fn steps_that_are_given_up_leave_no_trap_behind() {
    let (_mount, target, client, seat) = seated("sled", &[]);
    // The trap of the last step may be on its way when the process is stopped: it is nobody's signal.
    for round in 0..300 {
        client.write(seat, "stop").unwrap();
        client.begin_write(seat, "step 1000000000");
        target.counts(0);
        client.signal(libc::SIGINT);
        assert_eq!(client.answer(), Err(libc::EINTR));
        client.write(seat, "run").unwrap();
        let was = target.word(0);
        eventually("it goes on, or is dead", || target.word(0) != was || "Z-".contains(state(target.pid())));
        assert!(!"Z-".contains(state(target.pid())), "it died of a trap in round {round}");
    }
}

#[test]
fn a_step_that_is_given_up_leaves_it_stopped() {
    let (_mount, target, client, seat) = seated("sled", &[]);
    client.write(seat, "stop").unwrap();
    client.begin_write(seat, "step 1000000000");
    target.counts(0);
    client.signal(libc::SIGINT);
    assert_eq!(client.answer(), Err(libc::EINTR));
    client.write(seat, "stop").unwrap();
    target.stands(0);
    client.write(seat, "step 3\nrun").unwrap();
    target.counts(0);
}

#[test]
fn a_step_into_a_sleep_can_be_given_up() {
    let (_mount, target, client, seat) = seated("signals", &[]);
    eventually("it sleeps", || state(target.pid()) == 'S');
    client.write(seat, "stop").unwrap();
    client.begin_write(seat, "step");
    assert!(client.waits(std::time::Duration::from_millis(50)), "the sleep is one instruction");
    client.signal(libc::SIGINT);
    assert_eq!(client.answer(), Err(libc::EINTR));
    client.write(seat, "stop").unwrap();
    kill(target.pid(), libc::SIGUSR1);
    target.stands(128 + 10);
    client.write(seat, "run").unwrap();
    eventually("it is delivered", || target.word(128 + 10) == 1);
}

/// A watch for the instruction at word 1's loop, which it comes to when told.
fn watch(mount: &Mount, target: &Target, client: &Client) {
    let dbregs = client.open(&mount.path(target.pid(), "dbregs"), libc::O_RDWR).unwrap();
    client.write_at(dbregs, 0, &target.numbers()[1].to_ne_bytes()).unwrap();
    client.write_at(dbregs, 56, &1u64.to_ne_bytes()).unwrap();
    client.close(dbregs);
}

/// Nothing is left of the watch: the process goes where it was and lives.
#[track_caller]
fn nothing_watches(mount: &Mount, target: &Target) {
    // A seat that is closed is given back when its thread stands, behind the back of who closed it.
    eventually("nobody traces it", || status_field(target.pid(), "TracerPid") == "0");
    target.counts(0);
    target.go();
    eventually("it goes on, or is dead", || target.word(1) > 0 || "Z-".contains(state(target.pid())));
    assert!(!"Z-".contains(state(target.pid())), "it died of a watch that nobody holds");
    assert!(mount.read(target.pid(), "dbregs").unwrap()[..32].iter().all(|b| *b == 0), "an address is left");
}

#[test]
fn debug_registers_of_a_seat_that_closes() {
    let (mount, target, client, seat) = seated("sled", &[]);
    client.write(seat, "trace fault +watch\nstop").unwrap();
    watch(&mount, &target, &client);
    client.write(seat, "run").unwrap();
    target.counts(0);
    client.close(seat);
    nothing_watches(&mount, &target);
}

#[test]
fn debug_registers_of_a_seat_that_closes_on_what_they_watched() {
    let (mount, target, client, seat) = seated("sled", &[]);
    client.write(seat, "trace fault +watch\nstop").unwrap();
    watch(&mount, &target, &client);
    target.go();
    client.write(seat, "run\nwait fault").unwrap();
    // The trap is of our making: delivered, it would kill a program that knows nothing of it.
    client.close(seat);
    eventually("it goes on, or is dead", || target.word(1) > 0 || "Z-".contains(state(target.pid())));
    assert!(!"Z-".contains(state(target.pid())), "it died of a watch that nobody holds");
}

#[test]
fn debug_registers_of_a_client_that_dies() {
    let (mount, target, client, seat) = seated("sled", &[]);
    client.write(seat, "stop").unwrap();
    watch(&mount, &target, &client);
    client.kill();
    nothing_watches(&mount, &target);
}

#[test]
fn debug_registers_of_the_standing_seat() {
    let (mount, target, client, _) = seated("sled", &[]);
    mount.ctl(target.pid(), "trace fault +watch\nstop").unwrap();
    watch(&mount, &target, &client);
    mount.ctl(target.pid(), "run\ndetach").unwrap();
    nothing_watches(&mount, &target);
}

#[test]
fn all_that_a_mount_held_when_it_goes() {
    let mount = Mount::new();
    let (held, entry, signal) =
        (Target::start("count", &["3"]), Target::start("busy", &["100"]), Target::start("signals", &[]));
    mount.ctl(held.pid(), "stop").unwrap();
    mount.ctl(entry.pid(), "trace in +close").unwrap();
    entry.go();
    mount.ctl(entry.pid(), "wait in").unwrap();
    mount.ctl(signal.pid(), "trace sig +usr1").unwrap();
    kill(signal.pid(), libc::SIGUSR1);
    mount.ctl(signal.pid(), "wait sig").unwrap();
    let out = mount.pfs(&["umount", mount.point().to_str().unwrap()]);
    assert!(out.status.success(), "{out:?}");
    for i in [16, 17, 18] {
        held.counts(i);
    }
    entry.counts(2);
    assert_eq!((entry.word(0), entry.word(1)), (100, 0));
    eventually("it is delivered", || signal.word(128 + 10) == 1);
    for pid in [held.pid(), entry.pid(), signal.pid()] {
        eventually("nobody traces it", || status_field(pid, "TracerPid") == "0");
    }
}
