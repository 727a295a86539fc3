//! The daemon is killed at arbitrary moments: its targets live on, none stays stopped, and nothing is half done.

use pfs_tests::{eventually, kill, state, status_field, thread_states, Client, Mount, Target};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Barrier;
use std::time::Duration;

/// So often the daemon is killed, in all tests of the same kind together.
fn kills(usual: u64) -> u64 {
    std::env::var("PFS_TEST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// Nobody is there any more to serve the mount.
fn is_over(result: &Result<usize, i32>) -> bool {
    matches!(result, Err(libc::ENOTCONN | libc::ECONNABORTED | libc::EIO))
}

fn is_free(pid: i32) -> bool {
    status_field(pid, "TracerPid") == "0" && thread_states(pid).iter().all(|t| "RS".contains(t.1))
}

fn queue(pid: i32, signal: i32, value: i32) {
    // SAFETY: a plain system call.
    let sent = unsafe { libc::sigqueue(pid, signal, libc::sigval { sival_ptr: value as usize as *mut libc::c_void }) };
    assert_eq!(sent, 0);
}

/// What one client does again and again until the daemon is gone: of which process, with which file, and what, given the
/// descriptor and the process's directory.
type Habit<'a> = (i32, &'static str, Box<dyn Fn(&Client, i32, &Path) -> Result<usize, i32> + Send + Sync + 'a>);

fn habit<'a>(target: &Target, script: &'static str) -> Habit<'a> {
    (target.pid(), "ctl", Box::new(move |client, fd, _| client.write(fd, script)))
}

/// The kills in four parts, so that none takes longer than a test may.
#[test]
fn ten_clients_lose_nothing_when_the_daemon_is_killed() {
    ten_clients_lose_nothing(0x2545_f491_4f6c_dd1d);
}

#[test]
fn ten_clients_lose_nothing_when_it_is_killed_again() {
    ten_clients_lose_nothing(0x1357_9bdf_0246_8ace);
}

#[test]
fn ten_clients_lose_nothing_at_other_moments() {
    ten_clients_lose_nothing(0x0fed_cba9_8765_4321);
}

#[test]
fn ten_clients_lose_nothing_at_yet_others() {
    ten_clients_lose_nothing(0x5a5a_1234_a5a5_4321);
}

fn ten_clients_lose_nothing(seed: u64) {
    const REAL_TIME: [i32; 2] = [38, 39];
    const SENT: u64 = 30;
    let mount = Mount::new();
    let counters = Target::start("count", &["3"]);
    let (sled, blocked, near) =
        (Target::start("sled", &[]), Target::start("sled", &["blocked"]), Target::start("sled", &[]));
    let (busy, signals, pair) =
        (Target::start("busy", &["1"]), Target::start("signals", &[]), Target::start("pair", &[]));
    let (parent, closer) = (Target::start("parent", &[]), Target::start("count", &["1"]));
    let child = parent.numbers()[0] as i32;
    let block = pair.numbers()[0];
    busy.go();
    let value = AtomicU64::new(1);
    let next = || value.fetch_add(1, Ordering::Relaxed);
    let habits: Vec<Habit> = vec![
        habit(&counters, "stop\nrun\nstop\nrun"),
        habit(&sled, "stop\nstep 5\nrun"),
        habit(&blocked, "stop\nstep 3\nstep\nrun"),
        habit(&near, "stop\nstep 1000\nrun\nattach\nrun"),
        habit(&busy, "trace in all\nstop\nrun\ntrace in none\ntrace sig all\nstop\nrun"),
        (child, "ctl", Box::new(|client, fd, _| client.write(fd, "stop\nrun"))),
        // The descriptor is not there, which takes the whole way through the target to learn.
        (closer.pid(), "ctl", Box::new(|client, fd, _| client.write(fd, "stop\nclose 99").or(client.write(fd, "run")))),
        (signals.pid(), "seat", Box::new(|client, fd, _| client.write(fd, "mode report\ntrace sig all\nstop\nrun"))),
        (
            pair.pid(),
            "regs",
            Box::new(|client, fd, dir| {
                let ctl = client.open(&dir.join("ctl"), libc::O_WRONLY)?;
                client.write(ctl, "stop")?;
                let mut regs = client.read_at(fd, 0, 216)?;
                let both = next().to_ne_bytes();
                regs[16..24].copy_from_slice(&both);
                regs[24..32].copy_from_slice(&both);
                let written = client.write_at(fd, 0, &regs);
                client.write(ctl, "run")?;
                client.close(ctl);
                written
            }),
        ),
        (pair.pid(), "mem", Box::new(|client, fd, _| client.write_at(fd, block, &[next() as u8; 1024]))),
    ];
    // They all burn the CPU, which the daemon and the clients need.
    let all = [&counters, &sled, &blocked, &near, &busy, &signals, &pair, &parent, &closer];
    let pids: Vec<i32> = all.iter().map(|t| t.pid()).chain([child]).collect();
    for pid in &pids {
        // SAFETY: a plain system call.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, *pid as u32, 19) };
    }

    let mut clients: Vec<Client> = habits.iter().map(|_| Client::new()).collect();
    let mask = status_field(blocked.pid(), "SigBlk");
    let (mut random, mut lost) = (Random(seed), 0);
    let queued = |i: usize| signals.word(128 + REAL_TIME[i] as usize);
    for round in 0..kills(1000).div_ceil(4) {
        let (before, markers) = (queued(0), queued(1));
        let start = Barrier::new(clients.len() + 1);
        std::thread::scope(|scope| {
            for (client, (pid, name, act)) in clients.iter_mut().zip(&habits) {
                let (start, dir) = (&start, mount.path(*pid, ""));
                scope.spawn(move || {
                    let fd = client.open(&dir.join(name), libc::O_RDWR).unwrap();
                    start.wait();
                    while !is_over(&act(client, fd, &dir)) {}
                    client.close(fd);
                });
            }
            start.wait();
            let pause = Duration::from_micros(random.below(6000) / SENT);
            for _ in 0..SENT {
                queue(signals.pid(), REAL_TIME[0], 0);
                std::thread::sleep(pause);
            }
            mount.kill_daemon();
        });
        queue(signals.pid(), REAL_TIME[1], 0);
        for pid in pids.iter().copied() {
            assert!(
                !"-ZX".contains(state(pid)),
                "round {round}: {pid} died: {}",
                std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default()
            );
            eventually("it is let go", || is_free(pid));
        }
        // Lower numbers are delivered first.
        eventually("the last signal has come", || queued(1) == markers + 1);
        lost += before + SENT - queued(0);
        counters.counts(16);
        for target in [&sled, &blocked, &near, &pair, &parent] {
            target.counts(0);
        }
        busy.counts(2);
        assert_eq!(status_field(blocked.pid(), "SigBlk"), mask, "round {round}");
        assert_eq!(pair.word(1), 0, "round {round}: half of the registers were written");
        let words = [128, 129, 254, 255].map(|i| pair.word(i));
        assert!(words.iter().all(|w| *w == words[0]), "round {round}: half of a block was written: {words:x?}");
        mount.again();
    }
    assert_eq!([1, 2, 3, 4].map(|i| parent.word(i)), [0; 4], "the parent was told");
    assert_eq!(lost, 0, "signals lost");
}

/// The daemon's two processes at once, as by `kill -9` of a whole group or by a lack of memory. What the kernel lets go itself goes
/// on; of signals, those may be lost that had been collected and not passed on at that very moment.
#[test]
fn targets_outlive_the_daemon_and_its_tracer() {
    const REAL_TIME: [i32; 2] = [38, 39];
    const SENT: u64 = 30;
    let (mount, signals, mut lost) = (Mount::new(), Target::start("signals", &[]), 0);
    let queued = |i: usize| signals.word(128 + REAL_TIME[i] as usize);
    let targets = [
        (Target::start("count", &["3"]), 16, "stop\nrun\nstop\nrun\nstop"),
        (Target::start("sled", &[]), 0, "stop\nrun\nattach\nrun"),
        (Target::start("busy", &["1"]), 2, "trace in all\nstop\nrun\ntrace in none\ntrace sig all\nstop\nrun\nstop"),
    ];
    targets[2].0.go();
    let mut random = Random(0x1234_5678_9abc_def1);
    for round in 0..kills(50) {
        let clients: Vec<Client> = targets.iter().map(|_| Client::new()).collect();
        for (client, (target, _, script)) in clients.iter().zip(&targets) {
            let fd = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
            client.begin_write(fd, &[*script; 20].join("\n"));
        }
        let (watcher, before) = (Client::new(), queued(0));
        let seat = watcher.open(&mount.path(signals.pid(), "seat"), libc::O_RDWR).unwrap();
        watcher.write(seat, "mode report\ntrace sig all").unwrap();
        let pause = Duration::from_micros(random.below(20_000) / SENT);
        for _ in 0..SENT {
            queue(signals.pid(), REAL_TIME[0], 0);
            std::thread::sleep(pause);
        }
        let daemon = mount.daemon();
        let tracer = std::fs::read_dir(format!("/proc/{daemon}/task")).unwrap().find_map(|task| {
            let children = std::fs::read_to_string(task.unwrap().path().join("children")).unwrap();
            children.split_ascii_whitespace().next().map(|pid| pid.parse::<i32>().unwrap())
        });
        kill(tracer.expect("the daemon has a tracer"), libc::SIGKILL);
        mount.kill_daemon();
        for (target, word, _) in &targets {
            assert!(!"-ZX".contains(state(target.pid())), "round {round}: a target died");
            eventually("it is let go", || is_free(target.pid()));
            target.counts(*word);
        }
        queue(signals.pid(), REAL_TIME[1], 0);
        eventually("the last signal has come", || queued(1) == round + 1);
        lost += before + SENT - queued(0);
        drop((clients, watcher));
        mount.again();
    }
    eprintln!("{lost} signals lost of {}", kills(50) * SENT);
    assert!(lost <= kills(50), "more than the one that was in hand each time");
}
