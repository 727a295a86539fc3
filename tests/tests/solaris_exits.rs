//! Sets of which only ends of calls are wanted: every end is there, in the order of its thread, with the registers of an exit; other
//! calls are left alone, and so is what others do with the process meanwhile.

use pfs_tests::{eventually, field, kill, state, status_field, thread_states, Client, Mount, Target};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A client with a seat that reports and does what else is written to it.
fn reporter(mount: &Mount, pid: i32, words: &str) -> (Client, i32) {
    let client = Client::new();
    let seat = client.open(&mount.path(pid, "seat"), libc::O_RDWR).unwrap();
    client.write(seat, &format!("mode report\n{words}")).unwrap();
    (client, seat)
}

fn number(line: &str, name: &str) -> i64 {
    field(line, name).and_then(|f| f.parse().ok()).unwrap_or_else(|| panic!("{line}"))
}

/// Results by thread, of events that are all ends of `call`.
fn results(events: &[String], call: &str) -> BTreeMap<i64, Vec<i64>> {
    let mut all: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for line in events {
        assert_eq!((field(line, "event"), field(line, "call")), (Some("exit"), Some(call)), "{line}");
        all.entry(number(line, "tid")).or_default().push(number(line, "result"));
    }
    all
}

/// How often the threads of a process have left a CPU because they had to wait.
fn switches(pid: i32) -> u64 {
    let of = |tid: i32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/task/{tid}/status")).unwrap_or_default();
        text.lines()
            .find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"))
            .and_then(|n| n.trim().parse::<u64>().ok())
            .unwrap_or(0)
    };
    thread_states(pid).iter().map(|t| of(t.0)).sum()
}

/// True if the kernel lets us have what the ends of calls are looked for with.
fn kernel_looks() -> bool {
    // A table of one number for one number.
    let attr: [u32; 18] = std::array::from_fn(|i| [1, 4, 4, 1].get(i).copied().unwrap_or(0));
    // SAFETY: the attributes are as long as is said; the descriptor ends with the test.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, 0, attr.as_ptr(), size_of_val(&attr)) };
    fd >= 0
}

fn every_end_of_every_thread(target: &Target, threads: usize, n: usize) {
    let mount = Mount::new();
    let (client, seat) = reporter(&mount, target.pid(), "trace out lseek");
    target.go();
    let found = results(&client.events(seat, threads * n), "lseek");
    assert_eq!(found.len(), threads);
    for (tid, results) in found {
        assert!(results.into_iter().eq(0..n as i64), "thread {tid}");
    }
    target.counts(2);
    assert_eq!((target.word(0), target.word(1)), ((threads * n) as u64, 0));
}

#[test]
fn every_end_is_there_in_the_order_of_its_thread() {
    every_end_of_every_thread(&Target::start("ends", &["rounds", "2000", "5"]), 5, 2000);
}

#[test]
fn of_a_32_bit_process_too() {
    every_end_of_every_thread(&Target::start32("ends", &["rounds", "2000", "3"]), 3, 2000);
}

#[test]
fn other_calls_stop_nobody() {
    if !kernel_looks() {
        return eprintln!("not here");
    }
    let (mount, target) = (Mount::new(), Target::start("ends", &["rounds", "5000", "1"]));
    let (client, seat) = reporter(&mount, target.pid(), "trace out close lseek");
    client.write(seat, "trace out close").unwrap();
    target.go();
    target.counts(2);
    assert_eq!(target.word(0), 5000);
    let n = switches(target.pid());
    assert!(n < 2500, "{n} stops in 25000 calls");
}

#[test]
fn the_stop_is_that_of_an_exit() {
    let (mount, target, client) = (Mount::new(), Target::start("ends", &["rounds", "20", "1"]), Client::new());
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    client.write(ctl, "trace out lseek").unwrap();
    target.go();
    let worker = thread_states(target.pid()).iter().map(|t| t.0).find(|t| *t != target.pid()).unwrap();
    let at = |regs: &[u8], i: usize| i64::from_ne_bytes(regs[8 * i..8 * i + 8].try_into().unwrap());
    let file = format!("task/{worker}/regs");
    for i in 0..20 {
        client.write(ctl, "wait out").unwrap();
        let regs = mount.read(target.pid(), &file).unwrap();
        assert_eq!((at(&regs, 15), at(&regs, 10), at(&regs, 13)), (libc::SYS_lseek, i, i));
        // A result of ours is what the program gets.
        if i % 2 == 1 {
            let fd = client.open(&mount.path(target.pid(), &file), libc::O_RDWR).unwrap();
            assert_eq!(client.write_at(fd, 80, &777i64.to_ne_bytes()), Ok(8));
            client.close(fd);
        }
        client.write(ctl, "run").unwrap();
    }
    target.counts(2);
    assert_eq!((target.word(0), target.word(1)), (20, 10));
}

#[test]
fn a_thread_can_make_a_call_for_us_there_and_be_stepped() {
    let (mount, target, client) = (Mount::new(), Target::start("ends", &["rounds", "10", "1"]), Client::new());
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    client.write(ctl, "trace out lseek").unwrap();
    target.go();
    for _ in 0..10 {
        client.write(ctl, "wait out").unwrap();
        assert_eq!(client.write(ctl, "close 99"), Err(libc::EBADF));
        client.write(ctl, "step 3").unwrap();
        client.write(ctl, "run").unwrap();
    }
    target.counts(2);
    assert_eq!((target.word(0), target.word(1)), (10, 0));
}

#[test]
fn a_call_that_waits_when_the_set_is_given_ends_in_a_stop() {
    for (name, number) in [("nanosleep", libc::SYS_clock_nanosleep), ("read", libc::SYS_read), ("poll", libc::SYS_poll)]
    {
        for before in ["", "stop\nrun\n", "stop\n"] {
            let (mount, target, client) = (Mount::new(), Target::start("calls", &[name]), Client::new());
            eventually("it sleeps", || state(target.pid()) == 'S');
            let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
            let then = if before == "stop\n" { "run" } else { "" };
            let call = if name == "nanosleep" { "clock_nanosleep" } else { name };
            // What was restarted by its own number before the set is known to nobody.
            if before == "stop\nrun\n" && name != "read" {
                continue;
            }
            client.write(ctl, &format!("{before}trace out {call}\n{then}")).unwrap();
            target.go();
            client.write(ctl, "wait out").unwrap();
            let regs = mount.read(target.pid(), "regs").unwrap();
            let nr = i64::from_ne_bytes(regs[120..128].try_into().unwrap());
            assert!(nr == number || nr == libc::SYS_restart_syscall, "{name}: {nr}");
            client.write(ctl, "run").unwrap();
            assert!(target.line().starts_with("done "));
        }
    }
}

#[test]
fn an_interrupted_sleep_ends_once() {
    let (mount, target) = (Mount::new(), Target::start("calls", &["nanosleep"]));
    eventually("it sleeps", || state(target.pid()) == 'S');
    let (client, seat) = reporter(&mount, target.pid(), "trace out clock_nanosleep");
    for _ in 0..3 {
        client.write(seat, "stop").unwrap();
        client.write(seat, "run").unwrap();
    }
    assert!(target.line().starts_with("done 0 0 "));
    let events = client.events(seat, 1);
    assert_eq!(results(&events, "clock_nanosleep").into_values().next(), Some(vec![0]));
}

#[test]
fn a_call_that_a_handler_ends_has_ended_with_eintr() {
    let (mount, target) = (Mount::new(), Target::start("ends", &["read"]));
    eventually("it sleeps", || state(target.pid()) == 'S');
    let (client, seat) = reporter(&mount, target.pid(), "trace out read lseek");
    client.write(seat, "stop").unwrap();
    client.write(seat, "run").unwrap();
    eventually("it sleeps again", || state(target.pid()) == 'S');
    kill(target.pid(), libc::SIGUSR1);
    target.counts(2);
    assert_eq!((target.word(1), target.word(4)), (0, libc::EINTR as u64));
    let events = client.events(seat, 2);
    assert_eq!((field(&events[0], "call"), number(&events[0], "result")), (Some("read"), -4), "{events:?}");
    assert_eq!((field(&events[1], "call"), number(&events[1], "result")), (Some("lseek"), 1), "{events:?}");
}

#[test]
fn the_end_of_a_call_comes_before_the_signal_that_it_sends() {
    let (mount, target) = (Mount::new(), Target::start("ends", &["raise", "500"]));
    let (client, seat) = reporter(&mount, target.pid(), "trace out tgkill\ntrace sig SIGUSR1");
    target.go();
    let events = client.events(seat, 1000);
    for pair in events.chunks(2) {
        assert_eq!((field(&pair[0], "event"), number(&pair[0], "result")), (Some("exit"), 0), "{pair:?}");
        assert_eq!(
            (field(&pair[1], "event"), field(&pair[1], "signal")),
            (Some("signal"), Some("SIGUSR1")),
            "{pair:?}"
        );
    }
    target.counts(2);
    assert_eq!((target.word(0), target.word(1), target.word(3)), (500, 0, 500));
}

#[test]
fn the_end_is_seen_before_the_handler_runs() {
    let (mount, target, client) = (Mount::new(), Target::start("ends", &["raise", "20"]), Client::new());
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    client.write(ctl, "trace out tgkill").unwrap();
    target.go();
    for i in 0..20 {
        client.write(ctl, "wait out").unwrap();
        let regs = mount.read(target.pid(), "regs").unwrap();
        let at = |i: usize| i64::from_ne_bytes(regs[8 * i..8 * i + 8].try_into().unwrap());
        assert_eq!((at(15), at(10), target.word(3)), (libc::SYS_tgkill, 0, i));
        client.write(ctl, "run").unwrap();
    }
    target.counts(2);
    assert_eq!((target.word(0), target.word(1), target.word(3)), (20, 0, 20));
}

#[test]
fn job_control_by_others_goes_on_and_no_end_is_lost() {
    const N: usize = 6000;
    let (mount, target) = (Mount::new(), Target::start("ends", &["rounds", &N.to_string(), "3"]));
    let (client, seat) = reporter(&mount, target.pid(), "trace out lseek");
    target.go();
    let pid = target.pid();
    let stopper = std::thread::spawn(move || {
        for i in 0..150 {
            kill(pid, libc::SIGSTOP);
            if i % 3 == 0 {
                eventually("it stands", || thread_states(pid).iter().all(|t| "tT".contains(t.1)));
            }
            kill(pid, libc::SIGCONT);
            std::thread::sleep(Duration::from_micros(700));
        }
    });
    let found = results(&client.events(seat, 3 * N), "lseek");
    stopper.join().unwrap();
    assert_eq!(found.len(), 3);
    for (tid, results) in found {
        assert!(results.into_iter().eq(0..N as i64), "thread {tid}");
    }
    target.counts(2);
    assert_eq!((target.word(0), target.word(1)), (3 * N as u64, 0));
    client.close(seat);
    eventually("it is let go", || status_field(pid, "TracerPid") == "0");
    target.counts(2);
}

/// No SIGCONT that the program could see is lost, whenever it begins to look.
fn sees_all_continuations(how: &str, tell: bool) {
    let (mount, target) = (Mount::new(), Target::start("ends", &[how]));
    let (client, seat) = reporter(&mount, target.pid(), "trace out lseek");
    std::thread::scope(|scope| {
        scope.spawn(move || while client.read(seat, 60000).is_ok_and(|b| !b.is_empty()) {});
        target.go();
        if tell {
            target.counts(0);
            target.set(8, 1);
        }
        eventually("it looks", || target.word(8) == 2);
        for i in 0..300 {
            kill(target.pid(), libc::SIGCONT);
            eventually("it was told", || target.word(3) == i + 1);
        }
        target.counts(0);
        assert_eq!(target.word(1), 0);
        kill(target.pid(), libc::SIGKILL);
    });
}

#[test]
fn a_handler_of_sigcont_misses_none() {
    sees_all_continuations("continued", true);
}

#[test]
fn a_thread_that_takes_sigcont_misses_none() {
    sees_all_continuations("taken", false);
}

#[test]
fn children_are_left_alone_and_an_exec_is_followed() {
    let (mount, target) = (Mount::new(), Target::start("ends", &["forks", "50"]));
    let (client, seat) = reporter(&mount, target.pid(), "trace out lseek");
    target.go();
    let found = results(&client.events(seat, 50), "lseek");
    assert_eq!(found.into_values().collect::<Vec<_>>(), [(0..50).collect::<Vec<i64>>()]);
    target.counts(2);
    assert_eq!((target.word(0), target.word(1)), (50, 0));

    let target = Target::start("ends", &["exec"]);
    let (client, seat) = reporter(&mount, target.pid(), "trace out lseek execve");
    target.go();
    let events = client.events(seat, 101);
    assert_eq!((field(&events[0], "call"), number(&events[0], "result")), (Some("execve"), 0));
    let found = results(&events[1..], "lseek");
    assert_eq!(found.into_values().collect::<Vec<_>>(), [(0..100).collect::<Vec<i64>>()]);
}

#[test]
fn more_than_ends_from_now_on_and_back() {
    const N: usize = 3000;
    let (mount, target) = (Mount::new(), Target::start("ends", &["rounds", &N.to_string(), "2"]));
    let (client, seat) = reporter(&mount, target.pid(), "trace out lseek");
    let other = Client::new();
    let ctl = other.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    target.go();
    std::thread::scope(|scope| {
        let changes = scope.spawn(move || {
            for _ in 0..100 {
                for words in ["trace in accept", "stop", "run", "trace in none", "trace out close", "trace out none"] {
                    other.write(ctl, words).unwrap();
                }
            }
        });
        let found = results(&client.events(seat, 2 * N), "lseek");
        changes.join().unwrap();
        for (tid, results) in found {
            assert!(results.into_iter().eq(0..N as i64), "thread {tid}");
        }
    });
    target.counts(2);
    assert_eq!((target.word(0), target.word(1)), (2 * N as u64, 0));
}

/// So often each test kills.
fn kills() -> u64 {
    std::env::var("PFS_TEST_KILLS").ok().and_then(|n| n.parse().ok()).map_or(40, |n: u64| n.clamp(1, 100))
}

fn nobody_stays_stopped(name: &str, killed: impl Fn(&Mount, i32)) {
    let mount = Mount::new();
    let many = u64::MAX.to_string();
    let targets: Vec<Target> = (0..3).map(|_| Target::start("ends", &["rounds", &many[1..], "2"])).collect();
    let quiet =
        |pid: i32| status_field(pid, "TracerPid") == "0" && thread_states(pid).iter().all(|t| "RS".contains(t.1));
    targets.iter().for_each(Target::go);
    let mut left = 0;
    for round in 0..kills() {
        let clients: Vec<(Client, i32)> =
            targets.iter().map(|t| reporter(&mount, t.pid(), "trace out lseek")).collect();
        let tracer = status_field(targets[0].pid(), "TracerPid").parse().unwrap();
        std::thread::scope(|scope| {
            for (client, seat) in clients {
                scope.spawn(move || while client.read(seat, 60000).is_ok_and(|b| !b.is_empty()) {});
            }
            std::thread::sleep(Duration::from_micros(round * 377 % 5000));
            killed(&mount, tracer);
        });
        for target in &targets {
            let over = std::time::Instant::now() + Duration::from_secs(1);
            while !quiet(target.pid()) && std::time::Instant::now() < over {
                std::thread::yield_now();
            }
            if !quiet(target.pid()) {
                left += 1;
                kill(target.pid(), libc::SIGCONT);
            }
            eventually("it is free", || quiet(target.pid()));
            target.counts(0);
            assert_eq!(target.word(1), 0, "round {round}");
            assert!(quiet(target.pid()) && Path::new(&format!("/proc/{}", target.pid())).exists());
        }
        mount.again();
    }
    assert_eq!(left, 0, "{name}: of {} targets", 3 * kills());
}

#[test]
fn nobody_stays_stopped_when_the_daemon_is_killed() {
    nobody_stays_stopped("daemon", |mount, _| mount.kill_daemon());
}

#[test]
fn nobody_stays_stopped_when_the_tracer_is_killed() {
    nobody_stays_stopped("tracer", |mount, tracer| {
        kill(tracer, libc::SIGKILL);
        mount.daemon_ends();
    });
}

#[test]
fn nobody_stays_stopped_when_both_are_killed() {
    nobody_stays_stopped("both", |mount, tracer| {
        kill(tracer, libc::SIGKILL);
        mount.kill_daemon();
    });
}

#[test]
fn nobody_stays_stopped_when_both_are_killed_the_other_way_round() {
    nobody_stays_stopped("both", |mount, tracer| {
        kill(mount.daemon(), libc::SIGKILL);
        kill(tracer, libc::SIGKILL);
        mount.daemon_ends();
    });
}

/// A reporter that looks for ends, and has told of a job-control stop by somebody else.
fn told_of_a_stop(mount: &Mount, target: &Target) -> (Client, i32) {
    let (client, seat) = reporter(mount, target.pid(), "trace out close\ntrace job on");
    target.go();
    kill(target.pid(), libc::SIGSTOP);
    assert_eq!(field(&client.events(seat, 1)[0], "event"), Some("jobstop"));
    // Done when all that the event brings about is done.
    client.write(seat, "mode report").unwrap();
    (client, seat)
}

#[test]
fn whom_others_have_stopped_stays_so_when_all_are_killed() {
    let mount = Mount::new();
    for first in [true, false] {
        let target = Target::start("ends", &["rounds", "100000000", "2"]);
        let _client = told_of_a_stop(&mount, &target);
        let tracer = status_field(target.pid(), "TracerPid").parse().unwrap();
        if first {
            kill(mount.daemon(), libc::SIGKILL);
        }
        kill(tracer, libc::SIGKILL);
        mount.daemon_ends();
        eventually("it is let go", || status_field(target.pid(), "TracerPid") == "0");
        eventually("it stands", || thread_states(target.pid()).iter().all(|t| t.1 == 'T'));
        let counted = target.word(0);
        // Whoever had woken it would have done so before the daemon was gone.
        assert_eq!((target.word(0), state(target.pid())), (counted, 'T'));
        kill(target.pid(), libc::SIGCONT);
        eventually("it goes on", || target.word(0) > counted);
        mount.again();
    }
}

#[test]
fn a_sleeper_notices_nothing_when_one_of_us_is_killed() {
    let mount = Mount::new();
    for (name, daemon) in ["epoll_wait", "semop", "recv"].into_iter().flat_map(|n| [(n, true), (n, false)]) {
        let target = Target::start("calls", &[name]);
        eventually("it sleeps", || state(target.pid()) == 'S');
        // It is watched without a stop.
        mount.ctl(target.pid(), "trace out lseek").unwrap();
        let tracer = status_field(target.pid(), "TracerPid").parse().unwrap();
        kill(if daemon { mount.daemon() } else { tracer }, libc::SIGKILL);
        mount.daemon_ends();
        eventually("it is let go", || status_field(target.pid(), "TracerPid") == "0");
        let undisturbed = Target::start("calls", &[name]);
        let said = |t: &Target| t.line().rsplit_once(' ').unwrap().0.to_string();
        assert_eq!(said(&target), said(&undisturbed), "{name}, daemon: {daemon}");
        mount.again();
    }
}

/// One pending SIGSTOP of a thread is all there can be: that of somebody else to the very thread may be one with ours. Nothing but
/// that gets lost: no end, and nobody stays stopped.
#[test]
fn stops_of_a_single_thread_by_others() {
    const STOPS: u32 = 200;
    let (mount, target) = (Mount::new(), Target::start("ends", &["rounds", "100000000", "1"]));
    let (client, seat) = reporter(&mount, target.pid(), "trace out lseek");
    target.go();
    let pid = target.pid();
    let worker = thread_states(pid).iter().map(|t| t.0).find(|t| *t != pid).unwrap();
    std::thread::scope(|scope| {
        let stopper = scope.spawn(move || {
            let mut taken = 0;
            for _ in 0..STOPS {
                // SAFETY: a plain system call.
                unsafe { libc::syscall(libc::SYS_tgkill, pid, worker, libc::SIGSTOP) };
                let over = std::time::Instant::now() + Duration::from_millis(50);
                let stands = || thread_states(pid).iter().all(|t| "tT".contains(t.1));
                let mut stood = stands();
                while !stood && std::time::Instant::now() < over {
                    std::thread::yield_now();
                    stood = stands();
                }
                taken += u32::from(stood);
                kill(pid, libc::SIGCONT);
            }
            taken
        });
        let mut ends = 0..;
        while !stopper.is_finished() {
            let events = client.events(seat, 1);
            assert!(events.iter().all(|line| Some(number(line, "result")) == ends.next()));
        }
        let taken = stopper.join().unwrap();
        eprintln!("{taken} of {STOPS} stopped it");
        assert!(taken > STOPS / 2);
    });
    client.close(seat);
    eventually("it is let go", || status_field(pid, "TracerPid") == "0");
    eventually("it runs", || thread_states(pid).iter().all(|t| "RS".contains(t.1)));
    assert_eq!(target.word(1), 0);
}

/// Descriptors of the daemon by which a program is attached somewhere.
fn attached(mount: &Mount) -> usize {
    let fds = std::fs::read_dir(format!("/proc/{}/fd", mount.daemon())).unwrap();
    let links = fds.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
    links.filter(|l| l.to_string_lossy().contains("bpf_link")).count()
}

#[test]
fn nothing_is_attached_without_need() {
    let (mount, mut first) = (Mount::new(), Target::start("ends", &["rounds", "100000000", "2"]));
    let second = Target::start("ends", &["rounds", "100000000", "2"]);
    assert_eq!(attached(&mount), 0);
    let (client, seat) = reporter(&mount, first.pid(), "trace out close");
    let (other, its) = reporter(&mount, second.pid(), "trace out close");
    if kernel_looks() {
        eventually("the kernel looks", || attached(&mount) == 2);
    }
    kill(first.pid(), libc::SIGKILL);
    first.end();
    client.events(seat, usize::MAX);
    for words in ["trace in close", "trace in none", "trace out none\ntrace exec on", "trace out close"] {
        other.write(its, words).unwrap();
    }
    other.close(its);
    eventually("nobody looks", || attached(&mount) == 0);
}

/// A client of the flavour solaris with its `ctl` of one process.
struct Solaris {
    mount: Mount,
    point: PathBuf,
    client: Client,
    dir: PathBuf,
    ctl: i32,
}

const PCWSTOP: i64 = 3;
const PCRUN: i64 = 5;
const PCSTRACE: i64 = 12;
const PCSEXIT: i64 = 15;
const PR_SIGNALLED: u16 = 2;
const PR_SYSEXIT: u16 = 4;

impl Solaris {
    fn of(target: &Target) -> Solaris {
        let (mount, client) = (Mount::new(), Client::new());
        let point = mount.point().with_file_name("solaris");
        std::fs::create_dir(&point).unwrap();
        assert!(mount.pfs(&["mount", "-t", "solaris", point.to_str().unwrap()]).status.success());
        let dir = point.join(target.pid().to_string());
        let ctl = client.open(&dir.join("ctl"), libc::O_WRONLY).unwrap();
        Solaris { mount, point, client, dir, ctl }
    }

    fn send(&self, words: &[i64]) {
        // Each byte is that of a character.
        let bytes: String = words.iter().flat_map(|w| w.to_ne_bytes()).map(char::from).collect();
        assert_eq!(self.client.write(self.ctl, &bytes), Ok(bytes.len()));
    }

    /// The first member is call 0.
    fn ends_of(&self, call: i64) {
        let mut set = [0; 8];
        set[call as usize / 64] = 1 << (call % 64);
        self.send(&[&[PCSEXIT], &set[..]].concat());
    }

    fn lwpstatus(&self, tid: i32) -> i32 {
        self.client.open(&self.dir.join(format!("lwp/{tid}/lwpstatus")), libc::O_RDONLY).unwrap()
    }

    /// pr_why and pr_what of an lwpstatus_t.
    fn why(&self, status: i32) -> (u16, u16) {
        let told = self.client.read_at(status, 8, 4).unwrap();
        let [why, what] = [0, 2].map(|i| u16::from_ne_bytes([told[i], told[i + 1]]));
        (why, what)
    }
}

impl Drop for Solaris {
    fn drop(&mut self) {
        self.client.close(self.ctl);
        let gone = self.mount.pfs(&["umount", self.point.to_str().unwrap()]).status.success();
        assert!(gone || std::thread::panicking());
    }
}

#[test]
fn by_the_messages_of_solaris() {
    let target = Target::start("ends", &["rounds", "30", "1"]);
    let solaris = Solaris::of(&target);
    solaris.ends_of(libc::SYS_lseek);
    target.go();
    let worker = thread_states(target.pid()).iter().map(|t| t.0).find(|t| *t != target.pid()).unwrap();
    let status = solaris.lwpstatus(worker);
    for _ in 0..30 {
        solaris.send(&[PCWSTOP]);
        assert_eq!(solaris.why(status), (PR_SYSEXIT, libc::SYS_lseek as u16 + 1));
        solaris.send(&[PCRUN, 0]);
    }
    target.counts(2);
    assert_eq!((target.word(0), target.word(1)), (30, 0));
    solaris.client.close(status);
}

/// Where a signal has overtaken what stops the lwp, that waits in its queue, and is no business of the client's. (A process that
/// ignores SIGTRAP makes no call for us, which would take it out.)
#[test]
fn no_signal_of_ours_is_shown() {
    // pr_lwppend of an lwpstatus_t.
    const PENDING: (u64, usize) = (272, 16);
    let target = Target::start("ends", &["raise", "10", "deaf"]);
    let solaris = Solaris::of(&target);
    solaris.ends_of(libc::SYS_tgkill);
    solaris.send(&[PCSTRACE, 1 << (libc::SIGUSR1 - 1), 0]);
    target.go();
    let status = solaris.lwpstatus(target.pid());
    for _ in 0..10 {
        for event in [(PR_SYSEXIT, libc::SYS_tgkill as u16 + 1), (PR_SIGNALLED, libc::SIGUSR1 as u16)] {
            solaris.send(&[PCWSTOP]);
            assert_eq!(solaris.why(status), event);
            // Its own, as long as that has not been looked at.
            let mut pending = vec![0; PENDING.1];
            if event.0 == PR_SYSEXIT {
                pending[(libc::SIGUSR1 - 1) as usize / 8] = 1 << ((libc::SIGUSR1 - 1) % 8);
            }
            assert_eq!(solaris.client.read_at(status, PENDING.0, PENDING.1), Ok(pending));
            solaris.send(&[PCRUN, 0]);
        }
    }
    target.counts(2);
    assert_eq!((target.word(0), target.word(1), target.word(3)), (10, 0, 10));
    solaris.client.close(status);
}

#[test]
fn nothing_stays_behind_when_nobody_looks() {
    let (mount, target) = (Mount::new(), Target::start("ends", &["rounds", "100000000", "2"]));
    target.go();
    for _ in 0..100 {
        let (client, seat) = reporter(&mount, target.pid(), "trace out lseek");
        assert!(client.events(seat, 3).len() >= 3);
        client.close(seat);
        target.counts(0);
        eventually("it is let go", || status_field(target.pid(), "TracerPid") == "0");
        eventually("it runs", || thread_states(target.pid()).iter().all(|t| "RS".contains(t.1)));
    }
    assert_eq!(target.word(1), 0);
}
