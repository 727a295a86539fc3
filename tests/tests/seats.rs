//! Seats beside each other on one process.

use pfs_tests::{field, Client, Mount, Target};

#[test]
fn many_seats_see_each_event_once_and_nothing_else() {
    const SEATS: usize = 16;
    const ROUNDS: usize = 1000;
    let (mount, target) = (Mount::new(), Target::start("busy", &[&ROUNDS.to_string()]));
    let clients: Vec<Client> = (0..SEATS).map(|_| Client::new()).collect();
    // Half of them ask for one call, half for the other.
    let asked = |i: usize| if i % 2 == 0 { "getppid" } else { "close" };
    let open = |i: usize| {
        let fd = clients[i].open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
        let call = asked(i);
        clients[i].write(fd, &format!("mode report\ntrace in +{call}\ntrace out +{call}")).unwrap();
        fd
    };
    let seats: Vec<i32> = (0..SEATS).map(open).collect();
    target.go();
    std::thread::scope(|scope| {
        for (i, client) in clients.into_iter().enumerate() {
            let (asked, fd) = (["getppid", "close"][i % 2], seats[i]);
            scope.spawn(move || {
                let events = client.events(fd, 2 * ROUNDS);
                assert_eq!(events.len(), 2 * ROUNDS, "seat {i}");
                for (n, line) in events.iter().enumerate() {
                    assert_eq!(field(line, "seq"), Some(&(n + 1).to_string()[..]), "seat {i}: {line}");
                    assert_eq!(field(line, "call"), Some(asked), "seat {i}: {line}");
                    let event = if n % 2 == 0 { "entry" } else { "exit" };
                    assert_eq!(field(line, "event"), Some(event), "seat {i}: {line}");
                }
            });
        }
    });
    target.counts(2);
    assert_eq!((target.word(0), target.word(1)), (ROUNDS as u64, 0));
}

#[test]
fn the_death_of_one_client_disturbs_no_other() {
    const ROUNDS: usize = 3000;
    let (mount, target) = (Mount::new(), Target::start("busy", &[&ROUNDS.to_string()]));
    let clients: Vec<Client> = (0..6).map(|_| Client::new()).collect();
    let open = |client: &Client| {
        let fd = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
        client.write(fd, "mode report\ntrace out +getppid").unwrap();
        fd
    };
    let seats: Vec<i32> = clients.iter().map(open).collect();
    target.go();
    let mut clients = clients.into_iter().zip(seats);
    let (victim, fd) = clients.next().unwrap();
    victim.events(fd, 10);
    victim.kill();
    for (client, fd) in clients {
        let events = client.events(fd, ROUNDS);
        assert_eq!(field(events.last().unwrap(), "seq"), Some(&ROUNDS.to_string()[..]));
        assert_eq!(events.len(), ROUNDS);
    }
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
fn the_stream_ends_with_the_process() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace exit on").unwrap();
    mount.ctl(target.pid(), "term").unwrap();
    let events = client.events(seat, usize::MAX);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((field(&events[0], "event"), field(&events[0], "signal")), (Some("end"), Some("SIGTERM")));
}
