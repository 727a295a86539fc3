//! What one user takes, and what is left for the others.

use pfs_tests::bsd::pioctl::{PF_FORK, PF_LINGER, PIOCSFL};
use pfs_tests::{
    copy_program, eventually, field, kill, program, root, status_field, Client, Mount, Target, TempDir, NOBODY,
};
use std::os::unix::fs::PermissionsExt;

/// Most open seats on one process.
const SEATS: usize = 1024;

#[test]
fn so_many_seats_on_one_process_and_no_more() {
    let (mount, target, other) = (Mount::new(), Target::start("count", &[]), Target::start("count", &[]));
    let (pid, clients) = (target.pid(), [(); 3].map(|()| Client::new()));
    let open = |i: usize, name: &str| clients[i % 3].open(&mount.path(pid, name), libc::O_RDONLY);
    let seats: Vec<i32> = (0..SEATS).map(|i| open(i, "seat").unwrap_or_else(|e| panic!("{i}: {e}"))).collect();
    for name in ["seat", "wait"] {
        assert_eq!(open(0, name), Err(libc::ENOSPC), "{name}");
    }
    let status = String::from_utf8(mount.pfs(&["status"]).stdout).unwrap();
    assert!(status.lines().count() > SEATS, "all of them are shown: {status}");
    let elsewhere = clients[0].open(&mount.path(other.pid(), "seat"), libc::O_RDWR).unwrap();
    clients[0].write(elsewhere, "stop\nrun").unwrap();
    // The standing seat is no open one.
    mount.ctl(pid, "stop").unwrap();
    target.stands(16);
    mount.ctl(pid, "run").unwrap();
    target.counts(16);
    clients[0].close(seats[0]);
    eventually("there is room again", || open(0, "wait").is_ok());
    assert_eq!(open(0, "seat"), Err(libc::ENOSPC));
    // All of them at once.
    let [first, ..] = clients;
    drop(first);
    mount.ctl(pid, "stop").unwrap();
    target.stands(16);
}

/// Who takes all descriptors that he can get leaves the others enough, and is told that it is he who has too many.
#[test]
fn one_user_has_a_share_of_the_descriptors() {
    const DESCRIPTORS: u64 = 256;
    if !root() {
        return;
    }
    let mount = Mount::with_descriptors(DESCRIPTORS);
    let users = [NOBODY, 1000].map(|uid| (Client::of_user(uid), Target::start_as(uid, "count", &[])));
    let [(greedy, his), (other, target)] = users;
    let open = |client: &Client, of: &Target, name: &str| client.open(&mount.path(of.pid(), name), libc::O_RDWR);
    let mut taken = Vec::new();
    let last = loop {
        match open(&greedy, &his, ["mem", "seat"][taken.len() % 2]) {
            Ok(fd) => taken.push(fd),
            Err(e) => break e,
        }
    };
    assert_eq!((last, taken.len() as u64), (libc::EMFILE, DESCRIPTORS / 8));
    let root = Client::new();
    for client in [&other, &root] {
        for name in ["mem", "ctl", "seat"] {
            open(client, &target, name).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
    assert_eq!(open(&greedy, &his, "ctl"), Err(libc::EMFILE));
    assert!(mount.ctl(his.pid(), "stop").is_ok());
    his.stands(16);
    greedy.close(taken[0]);
    eventually("he has room again", || open(&greedy, &his, "ctl").is_ok());
}

/// What is to be done behind a wait is kept as it was written, so much of it for each user.
#[test]
fn messages_that_wait_keep_a_share_of_the_memory() {
    const MESSAGE: usize = 1 << 20;
    const ROOM: usize = 16;
    // Of a mount, that stay; each has room for a message.
    const THREADS: usize = 4;
    if !root() {
        return;
    }
    let (mount, target) = (Mount::of("solaris", "rw"), Target::start_as(NOBODY, "count", &[]));
    let elsewhere = Target::start_as(1000, "count", &[]);
    let opened = |uid: u32, target: &Target| {
        let client = Client::of_user(uid);
        let fd = client.open(&mount.path(target.pid(), "ctl"), libc::O_WRONLY).unwrap();
        (client, fd)
    };
    // PCWSTOP and PCNULL, again and again.
    let [waits, passes] = ["\x03", "\0"].map(|first| first.to_string() + &"\0".repeat(MESSAGE - 1));
    let resident = || status_field(mount.daemon(), "VmRSS").trim_end_matches(" kB").parse::<usize>().unwrap() << 10;
    let (one, its) = opened(NOBODY, &target);
    assert_eq!(one.write(its, &passes), Ok(MESSAGE));
    let before = resident();
    let waiting: Vec<(Client, i32)> = (0..ROOM).map(|_| opened(NOBODY, &target)).collect();
    waiting.iter().for_each(|(client, fd)| client.begin_write(*fd, &waits));
    eventually("there is no more room", || one.write(its, &passes) == Err(libc::ENOMEM));
    assert_eq!(one.write(its, &passes[..MESSAGE / 2]), Err(libc::ENOMEM));
    let (other, others) = opened(1000, &elsewhere);
    assert_eq!(other.write(others, &passes), Ok(MESSAGE));
    assert_eq!(mount.write(target.pid(), "ctl", &passes), Ok(()));
    // Each thread that serves has a buffer of its own.
    let kept = resident() - before;
    assert!(kept < 5 * ROOM * MESSAGE, "{kept}");
    waiting[0].0.signal(libc::SIGINT);
    assert_eq!(waiting[0].0.answer(), Err(libc::EINTR));
    assert_eq!(one.write(its, &passes), Ok(MESSAGE));
    drop((waiting, one));
    eventually("the memory is given back", || resident() < before + 2 * THREADS * MESSAGE);
}

/// A message of the flavour `solaris` that sets modes.
fn pcset(modes: u64) -> String {
    const PCSET: u64 = 16;
    String::from_utf8([PCSET, modes].map(u64::to_ne_bytes).concat()).unwrap()
}

/// Modes by which nothing is asked of a process: it is not attached for them.
const PR_FORK: u64 = 1 << 20;
const PR_BPTADJ: u64 = 1 << 25;
const PR_PTRACE: u64 = 1 << 26;

#[test]
fn modes_of_a_process_end_with_it() {
    let mount = Mount::new();
    let (solaris, freebsd) = (mount.beside("solaris"), mount.beside("freebsd"));
    let client = Client::new();
    let held = || String::from_utf8(mount.pfs(&["status"]).stdout).unwrap();
    for mode in [PR_FORK, PR_BPTADJ, PR_PTRACE] {
        let target = Target::start("count", &[]);
        let ctl = client.open(&solaris.join(target.pid().to_string()).join("ctl"), libc::O_WRONLY).unwrap();
        assert_eq!(client.write(ctl, &pcset(mode)), Ok(16));
        client.close(ctl);
        assert!(held().contains(&format!("{} ", target.pid())), "{mode:#x}: {}", held());
        drop(target);
        eventually(&format!("mode {mode:#x} is forgotten"), || held().contains("no process is held"));
    }
    for flags in [PF_LINGER, PF_LINGER | PF_FORK] {
        let target = Target::start("count", &[]);
        let mem = client.open(&freebsd.join(target.pid().to_string()).join("mem"), libc::O_RDWR).unwrap();
        client.ioctl(mem, PIOCSFL, flags).unwrap();
        client.close(mem);
        assert!(held().contains(&format!("{} ", target.pid())), "{flags}: {}", held());
        drop(target);
        eventually(&format!("flags {flags} are forgotten"), || held().contains("no process is held"));
    }
}

/// What is kept with no file open has its share, too.
#[test]
fn one_user_keeps_so_many_processes_and_no_more() {
    const DESCRIPTORS: u64 = 256;
    const MOST: usize = DESCRIPTORS as usize / 8 / 3;
    if !root() {
        return;
    }
    let mount = Mount::with_descriptors(DESCRIPTORS);
    let solaris = mount.beside("solaris");
    let (greedy, root) = (Client::of_user(NOBODY), Client::new());
    let targets: Vec<Target> = (0..=MOST).map(|_| Target::start_as(NOBODY, "count", &[])).collect();
    let keep = |client: &Client, target: &Target, modes: u64| {
        let ctl = client.open(&solaris.join(target.pid().to_string()).join("ctl"), libc::O_WRONLY).unwrap();
        let kept = client.write(ctl, &pcset(modes)).map(drop);
        client.close(ctl);
        kept
    };
    let (last, others) = targets.split_last().unwrap();
    others.iter().for_each(|target| assert_eq!(keep(&greedy, target, PR_FORK), Ok(())));
    assert_eq!(keep(&greedy, last, PR_FORK), Err(libc::EMFILE));
    // Of those that are his he can have more.
    assert_eq!(keep(&greedy, &others[0], PR_BPTADJ), Ok(()));
    let ctl = greedy.open(&mount.path(last.pid(), "ctl"), libc::O_WRONLY).unwrap();
    assert_eq!(greedy.write(ctl, "stop"), Err(libc::EMFILE));
    assert_eq!(keep(&root, last, PR_BPTADJ), Ok(()));
    // Of one that ends there is room again.
    let other = Target::start_as(NOBODY, "count", &[]);
    assert_eq!(keep(&greedy, &other, PR_FORK), Err(libc::EMFILE));
    kill(others[0].pid(), libc::SIGKILL);
    eventually("there is room again", || keep(&greedy, &other, PR_FORK).is_ok());
}

/// Who is asked about at each exec is in a user namespace: a process of its own asks for him.
#[test]
fn execs_that_others_watch_from_a_user_namespace_keep_nobody_waiting() {
    const PROCESSES: usize = 8;
    const WATCHERS: usize = 64;
    if !root() {
        return;
    }
    let (mount, target) = (Mount::new(), Target::start("count", &[]));
    let loops: Vec<Target> = (0..PROCESSES).map(|_| Target::within("o", Some(NOBODY), "again", &[])).collect();
    let watch = |one: &Target| {
        let client = Client::within(&format!("@{}", one.inner()), Some(NOBODY));
        let open = || client.open(&mount.path(one.inner(), "seat"), libc::O_RDWR).unwrap();
        let seats: Vec<i32> = (0..WATCHERS).map(|_| open()).collect();
        client.write(seats[0], "mode report\ntrace sig +USR2").unwrap();
        one.go();
        (client, seats[WATCHERS / 2])
    };
    let clients: Vec<(Client, i32)> = loops.iter().map(watch).collect();
    for _ in 0..20 {
        mount.ctl(target.pid(), "stop").unwrap();
        mount.ctl(target.pid(), "run").unwrap();
    }
    target.counts(16);
    let (some, others) = loops.split_at(PROCESSES / 2);
    for (one, (client, seat)) in some.iter().zip(&clients) {
        one.counts(0);
        assert_eq!(client.write(*seat, "stop"), Ok(4));
        one.stands(0);
    }
    // Wherever in an exec they are.
    others.iter().for_each(|one| one.counts(0));
    mount.kill_daemon();
    loops.iter().for_each(|one| one.counts(0));
}

/// Nobody in a user namespace may control a program that he may not read.
#[test]
fn a_seat_from_within_a_user_namespace_is_lost_by_an_exec() {
    if !root() {
        return;
    }
    let (mount, dir) = (Mount::new(), TempDir::new());
    let closed = dir.path().join("closed");
    copy_program(&program("execs", 64), &closed);
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o711)).unwrap();
    let target = Target::within("o", Some(NOBODY), "execs", &["self", closed.to_str().unwrap()]);
    let pid = target.inner();
    let client = Client::within(&format!("@{pid}"), Some(NOBODY));
    let seats = [(); 3].map(|()| {
        let seat = client.open(&mount.path(pid, "seat"), libc::O_RDWR).unwrap();
        client.write(seat, "trace exec on").unwrap();
        seat
    });
    let mine = Client::new();
    let seat = mine.open(&mount.path(pid, "seat"), libc::O_RDWR).unwrap();
    mine.write(seat, "trace exec on").unwrap();
    target.go();
    let line = mine.events(seat, 1).remove(0);
    assert_eq!(field(&line, "event"), Some("exec"), "{line}");
    let holders = String::from_utf8(mount.read(pid, "holders").unwrap()).unwrap();
    assert_eq!((holders.lines().count(), holders.contains("uid=0")), (1, true), "{holders}");
    target.stands(0);
    mine.write(seat, "run").unwrap();
    target.counts(0);
    for seat in seats {
        assert_eq!(client.write(seat, "stop"), Err(libc::EACCES));
    }
}
