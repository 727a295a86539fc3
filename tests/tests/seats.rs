//! Seats beside each other on one process.

use pfs_tests::{eventually, field, Client, Mount, Target};

/// What a seat is told of `busy` when it asks for entries and exits of one call: the calls in their order, each once.
struct Expected {
    call: &'static str,
    pid: i32,
    seen: usize,
}

impl Expected {
    /// Checks one line, the next of its stream.
    fn next(&mut self, line: &str) {
        let (round, entry) = (self.seen / 2, self.seen % 2 == 0);
        self.seen += 1;
        let (pid, seq) = (self.pid.to_string(), self.seen.to_string());
        assert_eq!(field(line, "seq"), Some(&seq[..]), "{line}");
        assert_eq!((field(line, "pid"), field(line, "tid")), (Some(&pid[..]), Some(&pid[..])), "{line}");
        assert_eq!(field(line, "call"), Some(self.call), "{line}");
        assert_eq!(field(line, "event"), Some(if entry { "entry" } else { "exit" }), "{line}");
        if entry {
            let first = if self.call == "close" { u64::MAX - round as u64 } else { round as u64 };
            assert!(field(line, "args").unwrap().starts_with(&format!("[{first},")), "round {round}: {line}");
        } else {
            let result = if self.call == "close" { -i64::from(libc::EBADF) } else { i64::from(std::process::id()) };
            assert_eq!(field(line, "result"), Some(&result.to_string()[..]), "{line}");
        }
    }
}

const CALLS: [&str; 2] = ["getppid", "close"];

/// A client with a seat that is told of one call.
fn told_of(mount: &Mount, target: &Target, call: &str) -> (Client, i32) {
    let client = Client::new();
    let fd = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(fd, &format!("mode report\ntrace in +{call}\ntrace out +{call}")).unwrap();
    (client, fd)
}

#[test]
fn sixteen_clients_get_a_hundred_thousand_events_while_others_die() {
    const ROUNDS: usize = 3125;
    let (mount, target) = (Mount::new(), Target::start("busy", &[&ROUNDS.to_string()]));
    let clients: Vec<(Client, i32)> = (0..16).map(|i| told_of(&mount, &target, CALLS[i % 2])).collect();
    let victims: Vec<(Client, i32)> = (0..4).map(|i| told_of(&mount, &target, CALLS[i % 2])).collect();
    // One that asks for what does not happen, and one that asks for nothing.
    let other = Client::new();
    let [idle, silent] = [0, 1].map(|_| {
        let flags = libc::O_RDWR | libc::O_NONBLOCK;
        other.open(&mount.path(target.pid(), "seat"), flags).unwrap()
    });
    other.write(silent, "mode report\ntrace in +open\ntrace out +open\ntrace sig all\ntrace exec on").unwrap();
    target.go();
    let pid = target.pid();
    let all: usize = std::thread::scope(|scope| {
        for (i, (victim, fd)) in victims.into_iter().enumerate() {
            scope.spawn(move || {
                let mut expected = Expected { call: CALLS[i % 2], pid, seen: 0 };
                while expected.seen < 200 + 700 * i {
                    victim.events(fd, 1).iter().for_each(|line| expected.next(line));
                }
                match i {
                    0 | 1 => victim.kill(),
                    2 => victim.close(fd),
                    // In the middle of a read.
                    _ => {
                        victim.begin_read(fd, 100);
                        victim.kill();
                    }
                }
            });
        }
        let readers: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(i, (client, fd))| {
                scope.spawn(move || {
                    let mut expected = Expected { call: CALLS[i % 2], pid, seen: 0 };
                    while expected.seen < 2 * ROUNDS {
                        client.events(fd, 1).iter().for_each(|line| expected.next(line));
                    }
                    (expected.seen, client, fd)
                })
            })
            .collect();
        let done: Vec<(usize, Client, i32)> = readers.into_iter().map(|r| r.join().unwrap()).collect();
        // The rounds are over: whatever else was told would be there by now.
        target.counts(2);
        for (_, client, fd) in &done {
            client.begin_read(*fd, 1000);
        }
        for (_, client, _) in &done {
            assert!(client.waits(std::time::Duration::from_millis(5)), "an event too many");
        }
        done.iter().map(|(n, _, _)| n).sum()
    });
    assert_eq!(all, 100_000);
    assert_eq!(other.read(idle, 1000), Err(libc::EAGAIN));
    assert_eq!(other.read(silent, 1000), Err(libc::EAGAIN));
    assert_eq!((target.word(0), target.word(1)), (ROUNDS as u64, 0));
}

#[test]
fn holders_tells_what_was_answered() {
    let (mount, target) = (Mount::new(), Target::start("busy", &["1"]));
    let pid = target.pid();
    let holders = || String::from_utf8(mount.read(pid, "holders").unwrap()).unwrap();
    let client = Client::new();
    let seat = client.open(&mount.path(pid, "seat"), libc::O_RDWR).unwrap();
    for round in 0..50 {
        mount.ctl(pid, "stop").unwrap();
        for _ in 0..2 {
            assert!(holders().contains("kind=standing") && holders().contains("what=stop"), "round {round}");
        }
        client.write(seat, "trace sig +USR1").unwrap();
        assert!(holders().contains("what=sig=SIGUSR1"), "round {round}: {}", holders());
        mount.ctl(pid, "run").unwrap();
        assert!(!holders().contains("kind=standing"), "round {round}");
        client.write(seat, "trace sig -USR1").unwrap();
        assert!(holders().contains("kind=open") && holders().contains("what=nothing"), "round {round}: {}", holders());
        let other = client.open(&mount.path(pid, "seat"), libc::O_RDWR).unwrap();
        assert_eq!(holders().lines().count(), 2, "round {round}");
        client.close(other);
        pfs_tests::eventually("the seat is gone", || holders().lines().count() == 1);
    }
}

#[test]
fn the_death_of_one_client_disturbs_no_other() {
    const ROUNDS: usize = 3000;
    let (mount, target) = (Mount::new(), Target::start("busy", &[&ROUNDS.to_string()]));
    let clients: Vec<(Client, i32)> = (0..6).map(|_| told_of(&mount, &target, "getppid")).collect();
    target.go();
    let mut clients = clients.into_iter();
    // It reads a little and then no more: when its stream is full it holds the process, until it is gone.
    let (victim, fd) = clients.next().unwrap();
    victim.events(fd, 10);
    let mut rounds = u64::MAX;
    eventually("its stream is full", || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        let before = std::mem::replace(&mut rounds, target.word(0));
        rounds == before && rounds > 1000
    });
    assert!(rounds < ROUNDS as u64, "nobody was waited for");
    victim.kill();
    let pid = target.pid();
    std::thread::scope(|scope| {
        for (client, fd) in clients {
            scope.spawn(move || {
                let mut expected = Expected { call: "getppid", pid, seen: 0 };
                while expected.seen < 2 * ROUNDS {
                    client.events(fd, 1).iter().for_each(|line| expected.next(line));
                }
            });
        }
    });
    target.counts(2);
}

#[test]
fn a_closed_seat_gives_back_what_it_held() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "stop").unwrap();
    target.stands(16);
    client.close(seat);
    target.counts(16);
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "stop").unwrap();
    target.stands(16);
    client.kill();
    target.counts(16);
}

#[test]
fn a_process_runs_when_the_last_seat_lets_it() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let open = || client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    let (one, two) = (open(), open());
    client.write(one, "stop").unwrap();
    client.write(two, "stop").unwrap();
    mount.ctl(target.pid(), "stop").unwrap();
    client.write(one, "run").unwrap();
    assert_eq!(client.write(one, "run"), Err(libc::EBUSY));
    target.stands(16);
    client.write(two, "run").unwrap();
    target.stands(16);
    mount.ctl(target.pid(), "run").unwrap();
    target.counts(16);
}

#[test]
fn an_edge_is_told_for_each_event() {
    let (mount, mut target, client) = (Mount::new(), Target::start("siglog", &[]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR | libc::O_NONBLOCK).unwrap();
    let set = client.epoll(seat, libc::EPOLLIN | libc::EPOLLET);
    client.write(seat, "mode report\ntrace sig +usr1").unwrap();
    for round in 0..20 {
        mount.write(target.pid(), "note", "usr1").unwrap();
        assert_eq!(client.epoll_wait(set, 10_000), libc::EPOLLIN, "round {round}");
        let text = String::from_utf8(client.read(seat, 60_000).unwrap()).unwrap();
        assert_eq!(field(&text, "signal"), Some("SIGUSR1"), "round {round}: {text}");
        // Every other time what is there is read to the end by a read that finds nothing.
        if round % 2 == 0 {
            assert_eq!(client.read(seat, 60_000), Err(libc::EAGAIN), "round {round}");
        }
    }
    assert_eq!(client.epoll_wait(set, 20), 0, "nothing has come");
    mount.ctl(target.pid(), "kill").unwrap();
    target.end();
    assert_eq!(client.epoll_wait(set, 10_000), libc::EPOLLIN);
    assert_eq!(client.read(seat, 60_000), Ok(vec![]), "the end");
}

#[test]
fn the_stream_ends_with_the_process() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace exit on").unwrap();
    mount.ctl(target.pid(), "term").unwrap();
    let events = client.events(seat, usize::MAX);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((field(&events[0], "event"), field(&events[0], "signal")), (Some("end"), Some("SIGTERM")));
}
