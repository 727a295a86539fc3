//! Signals under a trace: none is lost, those that a client drops are dropped, and every spelling is understood.

use pfs_tests::{eventually, field, kill, Client, Mount, Target};

const RT: i32 = 38;

fn queue(pid: i32, value: usize) {
    let value = libc::sigval { sival_ptr: value as *mut libc::c_void };
    // SAFETY: sigqueue takes no memory: the value is only a number here.
    let sent = unsafe { libc::sigqueue(pid, RT, value) };
    assert_eq!(sent, 0);
}

#[test]
fn a_thousand_queued_signals_arrive_in_order_under_a_trace() {
    let (mount, target, client) = (Mount::new(), Target::start("signals", &[]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace sig all").unwrap();
    for value in 0..1000 {
        queue(target.pid(), value);
    }
    eventually("all signals are handled", || target.word(0) == 1000);
    assert_eq!(target.word(1), 0, "out of order");
    let events = client.events(seat, 1000);
    assert_eq!(events.len(), 1000);
    for (i, line) in events.iter().enumerate() {
        assert_eq!(field(line, "seq"), Some(&(i + 1).to_string()[..]), "{line}");
        assert_eq!(field(line, "signal"), Some("SIGRTMIN+4"), "{line}");
        assert_eq!(field(line, "from"), Some(&std::process::id().to_string()[..]), "{line}");
    }
}

#[test]
fn nosig_drops_the_signal_and_only_that() {
    let (mount, target, client) = (Mount::new(), Target::start("signals", &[]), Client::new());
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    client.write(ctl, "trace sig +usr1").unwrap();
    kill(target.pid(), libc::SIGUSR1);
    client.write(ctl, "wait sig\nnosig\nrun").unwrap();
    kill(target.pid(), libc::SIGUSR1);
    client.write(ctl, "wait sig\nrun").unwrap();
    eventually("the second is delivered", || target.word(128 + 10) == 1);
    kill(target.pid(), libc::SIGUSR2);
    eventually("another signal is delivered", || target.word(128 + 12) == 1);
    assert_eq!(target.word(128 + 10), 1);
}

#[test]
fn a_signal_sent_to_a_stopped_process_is_delivered_after_run() {
    let (mount, target) = (Mount::new(), Target::start("signals", &[]));
    mount.ctl(target.pid(), "stop").unwrap();
    kill(target.pid(), libc::SIGUSR1);
    queue(target.pid(), 0);
    target.stands(0);
    target.stands(128 + 10);
    mount.ctl(target.pid(), "run").unwrap();
    eventually("both are delivered", || (target.word(128 + 10), target.word(0)) == (1, 1));
}

#[test]
fn a_signal_on_which_a_seat_stands_is_not_lost_when_it_closes() {
    let (mount, target, client) = (Mount::new(), Target::start("signals", &[]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "trace sig +usr1").unwrap();
    kill(target.pid(), libc::SIGUSR1);
    client.write(seat, "wait sig").unwrap();
    target.stands(128 + 10);
    client.close(seat);
    eventually("it is delivered", || target.word(128 + 10) == 1);
}

#[test]
fn every_spelling_is_understood() {
    let (mount, target) = (Mount::new(), Target::start("signals", &[]));
    let spellings = [
        ("usr1", 10),
        ("USR1", 10),
        ("sigusr1", 10),
        ("SIGUSR1", 10),
        ("10", 10),
        ("hup", 1),
        ("int", 2),
        ("quit", 3),
        ("term", 15),
        ("cont", 18),
        ("winch", 28),
        ("rtmin+2", 36),
        ("SIGRTMIN+2", 36),
        ("rtmax-1", 63),
        ("64", 64),
    ];
    for file in ["ctl", "note"] {
        for (word, number) in spellings {
            let was = target.word(128 + number);
            mount.write(target.pid(), file, word).unwrap();
            eventually(word, || target.word(128 + number) == was + 1);
        }
    }
    for (word, number) in [("interrupt", 2), ("hangup", 1), ("alarm", 14)] {
        let was = target.word(128 + number);
        mount.write(target.pid(), "note", word).unwrap();
        eventually(word, || target.word(128 + number) == was + 1);
    }
    for word in ["nosuch", "0", "65", "sig"] {
        assert_eq!(mount.write(target.pid(), "note", word), Err(libc::EINVAL), "{word}");
        assert_eq!(mount.ctl(target.pid(), word), Err(libc::EINVAL), "{word}");
    }
}

#[test]
fn kill_ends_a_process_in_every_state() {
    for state in ["run", "stop", "trace sig all", "trace in all", "attach"] {
        for (file, word) in [("ctl", "kill"), ("note", "kill"), ("ctl", "9")] {
            let (mount, mut target) = (Mount::new(), Target::start("signals", &[]));
            let _ = mount.ctl(target.pid(), state);
            mount.write(target.pid(), file, word).unwrap();
            let status = target.end();
            assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{state}, {file} {word}");
        }
    }
}
