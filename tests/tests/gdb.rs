//! A real gdb beside us: on our clients, and on processes that a seat has or has had.

use pfs_tests::{bounded, eventually, state, status_field, thread_states, Client, Mount, Target, PATIENCE};
use std::process::{Command, Stdio};
use std::time::Duration;

struct Gdb {
    said: String,
    complained: String,
}

/// Attaches gdb to a process, carries out commands, and lets the process go.
fn gdb(pid: i32, commands: &[&str]) -> Gdb {
    let mut command = Command::new("gdb");
    command.args(["-nx", "-batch", "-p", &pid.to_string()]).stdin(Stdio::null());
    for one in commands {
        command.args(["-ex", one]);
    }
    // No look-up of debug information over the network.
    command.env_remove("DEBUGINFOD_URLS");
    let out = bounded(&mut command, 3 * PATIENCE);
    // Killed by `bounded`, it has no exit code.
    assert!(out.status.code().is_some(), "gdb hangs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Gdb { said: text(&out.stdout), complained: text(&out.stderr) }
}

fn nobody_waits_for_ever(pid: i32) {
    let stuck: Vec<_> = thread_states(pid).into_iter().filter(|(_, state)| *state == 'D').collect();
    assert!(stuck.is_empty(), "{stuck:?}");
}

#[test]
fn gdb_comes_and_goes_on_a_client_that_waits() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    client.begin_write(ctl, "waitstop");
    assert!(client.waits(Duration::from_millis(50)));
    eventually("it waits", || state(client.pid()) == 'S');
    let gdb = gdb(client.pid(), &["info registers rip", "bt 1"]);
    assert!(gdb.said.contains("rip "), "{}\n{}", gdb.said, gdb.complained);
    assert_eq!(status_field(client.pid(), "TracerPid"), "0");
    nobody_waits_for_ever(client.pid());
    nobody_waits_for_ever(mount.daemon());
    // The attach interrupts the write, as it does every call that is not restarted; else the client goes on waiting.
    mount.ctl(target.pid(), "stop").unwrap();
    match client.answer() {
        Err(libc::EINTR) => {}
        // It waits for a stop by its own seat, which is the standing one and so that of the stop above.
        other => assert_eq!(other, Ok((8, vec![]))),
    }
    mount.ctl(target.pid(), "run").unwrap();
    target.counts(16);
    // What is left is a client and a process as before.
    assert_eq!(client.write(ctl, "stop\nrun"), Ok(8));
    target.counts(16);
}

#[test]
fn gdb_comes_and_goes_on_a_client_that_reads_events() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace exit on").unwrap();
    client.begin_read(seat, 1000);
    assert!(client.waits(Duration::from_millis(50)));
    let gdb = gdb(client.pid(), &["info registers rip"]);
    assert!(gdb.said.contains("rip "), "{}\n{}", gdb.said, gdb.complained);
    nobody_waits_for_ever(client.pid());
    mount.ctl(target.pid(), "term").unwrap();
    let events = match client.answer() {
        Err(libc::EINTR) => client.read(seat, 1000).unwrap(),
        other => other.unwrap().1,
    };
    let line = String::from_utf8(events).unwrap();
    assert_eq!(pfs_tests::field(&line, "event"), Some("end"), "{line}");
}

#[test]
fn gdb_is_refused_where_a_seat_only_traces_and_welcome_when_it_is_closed() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &["2"]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace sig +usr2").unwrap();
    let tracer = || status_field(target.pid(), "TracerPid");
    let ours = || tracer().parse().is_ok_and(|pid| status_field(pid, "PPid") == mount.daemon().to_string());
    assert!(ours(), "{}", tracer());
    target.counts(16);
    let refused = gdb(target.pid(), &["info registers rip"]);
    assert!(refused.complained.contains("Operation not permitted"), "{}", refused.complained);
    assert!(refused.complained.contains(&format!("already traced by process {}", tracer())), "{}", refused.complained);
    assert!(!refused.said.contains("rip "), "{}", refused.said);
    assert!(ours(), "{}", tracer());
    target.counts(16);
    target.counts(17);

    client.close(seat);
    eventually("nobody traces it", || status_field(target.pid(), "TracerPid") == "0");
    let let_in = gdb(target.pid(), &["info threads", "info registers rip"]);
    assert!(let_in.said.contains("rip "), "{}\n{}", let_in.said, let_in.complained);
    eventually("nobody traces it", || status_field(target.pid(), "TracerPid") == "0");
    target.counts(16);
    target.counts(17);
    // And after gdb it is ours again.
    mount.ctl(target.pid(), "stop").unwrap();
    target.stands(16);
    mount.ctl(target.pid(), "run").unwrap();
    target.counts(16);
}

#[test]
fn while_gdb_has_a_process_its_files_can_be_read_and_control_is_refused() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    let mut command = Command::new("gdb");
    command.args(["-nx", "-quiet", "-p", &target.pid().to_string()]);
    command.env_remove("DEBUGINFOD_URLS").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut gdb = command.spawn().unwrap();
    eventually("gdb has it", || status_field(target.pid(), "TracerPid") == gdb.id().to_string());
    eventually("it stands", || state(target.pid()) == 't');
    assert_eq!(client.write(ctl, "stop"), Err(libc::EBUSY));
    let said = String::from_utf8(client.read(ctl, 1000).unwrap()).unwrap();
    assert!(said.contains(&format!("already traced by gdb (pid {})", gdb.id())), "{said}");
    for name in ["status", "maps", "ustat.json", "holders", "mem"] {
        let fd = client.open(&mount.path(target.pid(), name), libc::O_RDONLY);
        assert!(fd.is_ok(), "{name}: {fd:?}");
        client.close(fd.unwrap());
    }
    // With its input at an end gdb lets go of what it attached to, and ends.
    drop(gdb.stdin.take());
    eventually("gdb ends", || gdb.try_wait().unwrap().is_some());
    target.counts(16);
    assert_eq!(client.write(ctl, "stop"), Ok(4));
    target.stands(16);
    assert_eq!(client.write(ctl, "run"), Ok(3));
    target.counts(16);
}
