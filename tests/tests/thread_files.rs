//! The files of `task/<tid>/`: one thread is looked at and held, the others run.

use pfs_tests::{eventually, field, state, thread_states, Client, Mount, Target};

const THREADS: usize = 4;
/// Byte offset of r12 in the general registers.
const R12: u64 = 24;

/// Four threads that count in words 16 and on, and show their r12 in words 48 and on; their ids.
fn start() -> (Target, Vec<i32>) {
    let target = Target::start("each", &[&THREADS.to_string()]);
    eventually("all threads run", || (0..THREADS).all(|i| target.word(16 + i) > 0));
    let tids = (0..THREADS).map(|i| target.word(32 + i) as i32).collect();
    (target, tids)
}

fn file(tid: i32, name: &str) -> String {
    format!("task/{tid}/{name}")
}

fn stopped(pid: i32) -> Vec<i32> {
    thread_states(pid).into_iter().filter(|(_, state)| *state == 't').map(|(tid, _)| tid).collect()
}

#[test]
fn a_stop_of_a_thread_stops_that_thread() {
    let (mount, (target, tids)) = (Mount::new(), start());
    for i in [2, 0] {
        mount.write(target.pid(), &file(tids[i], "ctl"), "stop").unwrap();
        assert_eq!(stopped(target.pid()), [tids[i]]);
        target.stands(16 + i);
        for other in (0..THREADS).filter(|other| *other != i) {
            target.counts(16 + other);
        }
        mount.write(target.pid(), &file(tids[i], "ctl"), "run").unwrap();
        target.counts(16 + i);
    }
    eventually("nobody stands", || stopped(target.pid()).is_empty());
}

#[test]
fn stops_of_a_thread_and_of_the_process_are_two_things() {
    let (mount, (target, tids)) = (Mount::new(), start());
    let ctl = |name: &str, word: &str| mount.write(target.pid(), name, word);
    let one = file(tids[1], "ctl");
    ctl(&one, "stop").unwrap();
    ctl(&file(tids[3], "ctl"), "stop").unwrap();
    target.counts(16);
    ctl(&one, "run").unwrap();
    target.counts(17);
    target.stands(19);
    ctl("ctl", "stop").unwrap();
    assert_eq!(stopped(target.pid()).len(), THREADS);
    ctl("ctl", "run").unwrap();
    for i in 0..THREADS {
        target.counts(16 + i);
    }
}

#[test]
fn registers_of_one_thread_are_read_and_written() {
    let (mount, (target, tids), client) = (Mount::new(), start(), Client::new());
    let pid = target.pid();
    let r12 = |i: usize| {
        let fd = client.open(&mount.path(pid, &file(tids[i], "regs")), libc::O_RDONLY).unwrap();
        let bytes = client.read_at(fd, R12, 8).unwrap();
        client.close(fd);
        u64::from_le_bytes(bytes.try_into().unwrap())
    };
    // Each thread has its own, also while it runs, and runs on.
    assert_eq!([0, 1, 2, 3].map(r12), [0, 1, 2, 3]);
    for i in 0..THREADS {
        target.counts(16 + i);
    }
    let regs = |i: usize| client.open(&mount.path(pid, &file(tids[i], "regs")), libc::O_RDWR).unwrap();
    let new = 0x1122_3344_5566_7788u64;
    assert_eq!(client.write_at(regs(2), R12, &new.to_le_bytes()), Err(libc::EBUSY));
    mount.write(pid, &file(tids[2], "ctl"), "stop").unwrap();
    assert_eq!(client.write_at(regs(2), R12, &new.to_le_bytes()), Ok(8));
    assert_eq!(client.write_at(regs(1), R12, &new.to_le_bytes()), Err(libc::EBUSY), "a thread that runs");
    assert_eq!([0, 1, 2, 3].map(r12), [0, 1, new, 3]);
    let json = String::from_utf8(mount.read(pid, &file(tids[2], "regs.json")).unwrap()).unwrap();
    assert_eq!(field(&json, "r12"), Some("0x1122334455667788"));
    assert_eq!(target.word(50), 2, "not yet run");
    mount.write(pid, &file(tids[2], "ctl"), "run").unwrap();
    eventually("the thread has the new value", || target.word(50) == new);
    assert_eq!([0, 1, 3].map(|i| target.word(48 + i)), [0, 1, 3]);
}

#[test]
fn all_register_files_are_there_for_each_thread() {
    let (mount, (target, tids)) = (Mount::new(), start());
    for tid in &tids {
        for (name, size) in [("regs", 216), ("fpregs", 512), ("dbregs", 64)] {
            assert_eq!(mount.read(target.pid(), &file(*tid, name)).unwrap().len(), size, "{name}");
        }
        assert!(mount.read(target.pid(), &file(*tid, "xregs")).unwrap().len() >= 576);
        let ustat = String::from_utf8(mount.read(target.pid(), &file(*tid, "ustat.json")).unwrap()).unwrap();
        // The list of threads that are held, which comes before, has the same field.
        let own = ustat.rfind("\"tid\":").unwrap();
        assert_eq!(field(&ustat[own..], "tid"), Some(&tid.to_string()[..]));
        assert_eq!(field(&ustat, "pid"), Some(&target.pid().to_string()[..]));
    }
    for i in 0..THREADS {
        target.counts(16 + i);
    }
}

#[test]
fn a_step_of_a_thread_steps_that_thread() {
    let (mount, target) = (Mount::new(), Target::start("each", &["3", "spin"]));
    eventually("the first thread runs", || target.word(16) > 0);
    let tid = target.word(32) as i32;
    let ctl = file(tid, "ctl");
    mount.write(target.pid(), &ctl, "stop").unwrap();
    let was = target.word(16);
    // A round has three instructions.
    for round in 1..=5 {
        mount.write(target.pid(), &ctl, "step 3").unwrap();
        assert_eq!(target.word(16), was + round);
        assert_eq!(stopped(target.pid()), [tid]);
    }
    target.counts(17);
    target.counts(18);
    mount.write(target.pid(), &ctl, "run").unwrap();
    target.counts(16);
}

#[test]
fn a_signal_to_a_thread_is_for_that_thread() {
    let (mount, (target, tids)) = (Mount::new(), start());
    mount.write(target.pid(), &file(tids[2], "ctl"), "stop\nusr1").unwrap();
    let pending = |tid: i32| {
        let status = std::fs::read_to_string(format!("/proc/{}/task/{tid}/status", target.pid())).unwrap();
        let field = |name: &str| status.lines().find_map(|l| l.strip_prefix(name)).unwrap().trim().to_string();
        (field("SigPnd:"), field("ShdPnd:"))
    };
    // Signal 10 is bit 9.
    assert_eq!(pending(tids[2]), ("0000000000000200".into(), "0000000000000000".into()));
    for i in [0, 1, 3] {
        assert_eq!(pending(tids[i]).0, "0000000000000000");
        target.counts(16 + i);
    }
}

#[test]
fn the_number_of_a_thread_leads_to_its_process() {
    let (mount, (target, tids), client) = (Mount::new(), start(), Client::new());
    let (pid, tid) = (target.pid(), tids[1]);
    let holders = |of: i32| String::from_utf8(mount.read(of, "holders").unwrap()).unwrap();
    mount.ctl(tid, "stop").unwrap();
    assert_eq!(stopped(pid).len(), THREADS);
    assert!(holders(pid).contains("kind=standing") && holders(pid).contains("what=stop"), "{}", holders(pid));
    assert_eq!(holders(tid), holders(pid));
    mount.ctl(pid, "stop").unwrap();
    mount.ctl(pid, "run").unwrap();
    assert_eq!(mount.ctl(tid, "run"), Err(libc::EBUSY), "one seat has one vote");
    for i in 0..THREADS {
        target.counts(16 + i);
    }
    // Another thread, by way of this one.
    mount.write(tid, &file(tids[2], "ctl"), "stop").unwrap();
    assert_eq!(stopped(pid), [tids[2]]);
    assert!(holders(pid).contains(&format!("what=stop({})", tids[2])), "{}", holders(pid));
    mount.write(pid, &file(tids[2], "ctl"), "run").unwrap();
    let seat = client.open(&mount.path(tid, "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "stop").unwrap();
    assert_eq!(stopped(pid).len(), THREADS);
    assert!(holders(pid).contains("kind=open"), "{}", holders(pid));
    client.close(seat);
    eventually("nobody stands", || stopped(pid).is_empty());
    let ino = |of: i32| client.stat(&mount.path(of, "ctl")).unwrap().ino;
    let listed = client.list(&mount.point().join(tid.to_string())).unwrap();
    assert!(listed.iter().any(|(name, number, _)| name == "ctl" && *number == ino(tid)));
    assert_eq!(ino(tid), ino(pid));
    // The kernel's files stay those of the thread's number.
    for name in ["comm", "cmdline", "maps", "stat"] {
        let kernels = std::fs::read(format!("/proc/{tid}/{name}")).unwrap();
        let (ours, head) = (mount.read(tid, name).unwrap(), if name == "stat" { 12 } else { kernels.len() });
        assert_eq!(ours[..head], kernels[..head], "{name}");
    }
    assert!(mount.read(tid, "stat").unwrap().starts_with(format!("{tid} ").as_bytes()));
}

#[test]
fn a_life_is_that_of_a_process() {
    let (mount, (target, tids), client) = (Mount::new(), start(), Client::new());
    let inode = |tid: i32, flags: libc::c_long| {
        // SAFETY: no pointers but to a stat that lives through the call; the descriptor is new.
        unsafe {
            let fd = libc::syscall(libc::SYS_pidfd_open, tid, flags) as i32;
            let mut stat: libc::stat = std::mem::zeroed();
            assert_eq!((fd >= 0, libc::fstat(fd, &mut stat)), (true, 0));
            libc::close(fd);
            stat.st_ino
        }
    };
    let open = |number: i32, life: u64| {
        client.open(&mount.point().join(format!("{number}:{life}")).join("holders"), libc::O_RDONLY)
    };
    let summary = String::from_utf8(mount.read(tids[1], "ustat.json").unwrap()).unwrap();
    let life: u64 = field(&summary, "pidfd").unwrap().parse().unwrap();
    assert_eq!(life, inode(target.pid(), 0));
    assert!(open(target.pid(), life).is_ok());
    let thread = inode(tids[1], libc::O_EXCL.into());
    assert_ne!(thread, life);
    assert_eq!(open(tids[1], thread), Err(libc::ENOENT));
    assert_eq!(open(tids[1], life), Err(libc::ENOENT));
    assert_eq!(open(target.pid(), thread), Err(libc::ENOENT));
}

#[test]
fn threads_of_other_processes_are_not_there() {
    let (mount, client) = (Mount::new(), Client::new());
    let ((one, _), (_other, tids)) = (start(), start());
    for name in ["ctl", "regs", "mem", "stat"] {
        let path = mount.path(one.pid(), &file(tids[1], name));
        assert_eq!(client.open(&path, libc::O_RDONLY), Err(libc::ENOENT), "{name}");
    }
    assert_ne!(state(tids[1]), 't');
}

#[test]
fn the_files_of_a_thread_end_with_it() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &["1", "storm"]), Client::new());
    let pid = target.pid();
    let threads = || thread_states(pid).into_iter().map(|(tid, _)| tid).collect::<Vec<_>>();
    // Of the many threads that come and go, some open file is caught alive and outlives its thread.
    let mut met = 0;
    let lasting = threads();
    eventually("twenty threads have ended with their files open", || {
        let Some(tid) = threads().into_iter().find(|tid| !lasting.contains(tid)) else { return false };
        let Ok(fd) = client.open(&mount.path(pid, &file(tid, "ctl")), libc::O_RDWR) else { return false };
        eventually("the thread ends", || !threads().contains(&tid));
        // Its process lives: only what is asked of the thread itself is refused.
        let result = client.write(fd, "stop");
        assert!(matches!(result, Err(libc::ESRCH | libc::ENOENT | libc::ESTALE)), "{result:?}");
        client.close(fd);
        met += 1;
        met == 20
    });
    target.counts(16);
    assert_eq!(state(pid), 'R');
}
