//! Waits: they end in time, by signals, with the target, and stand in nobody's way.

use pfs_tests::{eventually, field, state, Client, Mount, Target};
use std::time::Duration;

#[test]
fn a_wait_has_an_end() {
    let (mount, target) = (Mount::new(), Target::start("count", &[]));
    for wait in ["wait exit 200ms", "wait 0.1", "wait sig 100ms", "waitstop 100ms"] {
        assert_eq!(mount.ctl(target.pid(), wait), Err(libc::ETIMEDOUT), "{wait}");
    }
    target.counts(16);
}

#[test]
fn a_signal_ends_the_wait_of_a_client() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    let wait = client.open(&mount.path(target.pid(), "wait"), libc::O_RDONLY).unwrap();
    client.begin_write(ctl, "wait exit");
    assert!(client.waits(Duration::from_millis(50)));
    client.signal(libc::SIGINT);
    assert_eq!(client.answer(), Err(libc::EINTR));
    for fd in [seat, wait] {
        waits(&client, fd);
    }
    assert_eq!(client.write(ctl, "stop\nrun"), Ok(8));
}

/// A read waits, until a signal comes.
#[track_caller]
fn waits(client: &Client, fd: i32) {
    client.begin_read(fd, 1000);
    assert!(client.waits(Duration::from_millis(50)));
    client.signal(libc::SIGINT);
    assert_eq!(client.answer(), Err(libc::EINTR));
}

#[test]
fn o_nonblock_is_what_it_is_at_the_read() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    for name in ["seat", "wait"] {
        let fd = client.open(&mount.path(target.pid(), name), libc::O_RDONLY).unwrap();
        for _ in 0..2 {
            client.set_flags(fd, libc::O_NONBLOCK);
            assert_eq!(client.read(fd, 1000), Err(libc::EAGAIN), "{name}");
            client.set_flags(fd, 0);
            waits(&client, fd);
        }
        let fd = client.open(&mount.path(target.pid(), name), libc::O_RDONLY | libc::O_NONBLOCK).unwrap();
        assert_eq!(client.read(fd, 1000), Err(libc::EAGAIN), "{name}");
        client.set_flags(fd, 0);
        waits(&client, fd);
    }
}

#[test]
fn a_waiting_client_can_be_killed() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    client.begin_write(ctl, "wait exit");
    assert!(client.waits(Duration::from_millis(50)));
    client.kill();
    mount.ctl(target.pid(), "stop\nrun").unwrap();
}

#[test]
fn a_hundred_waiting_clients_block_nobody() {
    let (mount, target) = (Mount::new(), Target::start("count", &[]));
    let clients: Vec<Client> = (0..100).map(|_| Client::new()).collect();
    for client in &clients {
        let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
        client.begin_write(ctl, "wait exit");
    }
    for client in &clients {
        eventually("it waits", || state(client.pid()) == 'S');
    }
    let other = Target::start("count", &[]);
    for pid in [target.pid(), other.pid()] {
        mount.ctl(pid, "stop").unwrap();
        assert_eq!(mount.read(pid, "regs").unwrap().len(), 216);
        mount.ctl(pid, "run").unwrap();
    }
    target.counts(16);
    mount.ctl(target.pid(), "kill").unwrap();
    for client in &clients {
        assert_eq!(client.answer(), Ok((9, vec![])));
    }
}

#[test]
fn a_client_that_is_stopped_while_it_waits_loses_nothing() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace exit on").unwrap();
    client.begin_read(seat, 1000);
    assert!(client.waits(Duration::from_millis(50)));
    client.signal(libc::SIGSTOP);
    eventually("the client stands", || state(client.pid()) == 'T');
    client.signal(libc::SIGCONT);
    eventually("the client goes on", || state(client.pid()) == 'S');
    mount.ctl(target.pid(), "kill").unwrap();
    // The kernel may end the read of a FUSE file with EINTR then; nothing is lost, and the next read finds it.
    let bytes = match client.answer() {
        Err(libc::EINTR) => client.read(seat, 1000).unwrap(),
        other => other.unwrap().1,
    };
    assert_eq!(field(std::str::from_utf8(&bytes).unwrap(), "event"), Some("end"));
}

#[test]
fn the_end_of_the_target_ends_all_waits() {
    let (mount, target) = (Mount::new(), Target::start("count", &[]));
    let waits = [
        ("wait", Err(libc::ESRCH)),
        ("wait sig", Err(libc::ESRCH)),
        ("waitstop 10s", Err(libc::ESRCH)),
        ("startsyscall", Err(libc::ESRCH)),
        ("wait exit", Ok((9, vec![]))),
        ("wait exit 10s", Ok((13, vec![]))),
    ];
    let clients: Vec<Client> = waits.iter().map(|_| Client::new()).collect();
    for (client, (wait, _)) in clients.iter().zip(&waits) {
        let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
        client.begin_write(seat, wait);
        assert!(client.waits(Duration::from_millis(20)), "{wait}");
    }
    mount.ctl(target.pid(), "term").unwrap();
    for (client, (wait, answer)) in clients.iter().zip(&waits) {
        assert_eq!(client.answer(), *answer, "{wait}");
    }
}
