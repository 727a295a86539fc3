//! A daemon that runs out of descriptors says so, hangs nobody, and serves again when there are some.

use pfs_tests::{eventually, state, Client, Mount, Target};
use std::path::Path;

/// Few enough for a crowd to use them up.
const DESCRIPTORS: u64 = 64;
const CROWD: usize = 150;

fn limit(daemon: i32) -> String {
    let limits = std::fs::read_to_string(format!("/proc/{daemon}/limits")).unwrap();
    limits.lines().find(|l| l.starts_with("Max open files")).unwrap().split_whitespace().nth(4).unwrap().to_string()
}

fn numbers(dir: &Path) -> Vec<i32> {
    let entries = std::fs::read_dir(dir).unwrap();
    entries.filter_map(|e| e.unwrap().file_name().to_str()?.parse().ok()).collect()
}

fn children(pid: i32) -> Vec<i32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    text.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

/// All of a file, through a client that can be given up on.
fn text(client: &Client, path: &Path) -> Result<usize, i32> {
    let fd = client.open(path, libc::O_RDONLY)?;
    let result = client.read(fd, 4096).map(|bytes| bytes.len());
    client.close(fd);
    result
}

#[test]
fn a_listing_and_every_stat_with_few_descriptors() {
    let (crowd, mount) = (Target::start("crowd", &[&CROWD.to_string()]), Mount::with_descriptors(DESCRIPTORS));
    assert_eq!(limit(mount.daemon()), DESCRIPTORS.to_string());
    let client = Client::new();
    let pids = numbers(mount.point());
    let mine = crowd.numbers();
    assert!(pids.len() > CROWD && mine.iter().all(|pid| pids.contains(&(*pid as i32))));
    let (mut good, mut full) = (0, 0);
    for _ in 0..2 {
        for pid in &pids {
            match text(&client, &mount.path(*pid, "stat")) {
                Ok(1..) => good += 1,
                Err(libc::EMFILE) => full += 1,
                // Of the machine's own processes some end meanwhile.
                Err(libc::ENOENT | libc::ESRCH) if !mine.contains(&(*pid as u64)) => {}
                other => panic!("{pid}: {other:?}"),
            }
        }
    }
    assert!(good > 0, "{full} refused");
    eprintln!("{good} read, {full} refused");
    // Whatever became of those, later ones are served: also of processes not looked at before.
    let target = Target::start("count", &[]);
    eventually("other requests work", || text(&client, &mount.path(target.pid(), "stat")).is_ok());
    for pid in [mine[0], mine[1]] {
        eventually("requests work again", || text(&client, &mount.path(pid as i32, "stat")).is_ok());
    }
    eventually("control works again", || mount.ctl(target.pid(), "stop").is_ok());
    target.stands(16);
    // There are still few of them.
    eventually("it runs again", || mount.ctl(target.pid(), "run").is_ok());
    target.counts(16);
    assert!(numbers(mount.point()).len() > CROWD);
}

#[test]
fn open_files_use_up_the_descriptors_and_give_them_back() {
    let (crowd, mount) = (Target::start("crowd", &[&CROWD.to_string()]), Mount::with_descriptors(DESCRIPTORS));
    let (client, first) = (Client::new(), crowd.numbers()[0] as i32);
    let mem = mount.path(first, "mem");
    let (mut open, mut last) = (Vec::new(), 0);
    while open.len() <= DESCRIPTORS as usize {
        match client.open(&mem, libc::O_RDONLY) {
            Ok(fd) => open.push(fd),
            Err(e) => {
                last = e;
                break;
            }
        }
    }
    assert_eq!(last, libc::EMFILE, "after {}", open.len());
    assert!(open.len() > 10, "{}", open.len());
    // Each use asks the kernel anew, which takes a descriptor, too: it works or says what is missing.
    let read = client.read(open[0], 1);
    assert!(matches!(read, Err(libc::EFAULT | libc::EMFILE)), "{read:?}");
    let one = open.pop().unwrap();
    // Orders can be given all the same, for as many files as like.
    for _ in 0..DESCRIPTORS {
        open.push(client.open(&mount.path(first, "ctl"), libc::O_RDWR).unwrap());
    }
    for fd in open {
        client.close(fd);
    }
    // The daemon learns of a close after it has returned.
    eventually("there is room for a use", || client.read(one, 1) == Err(libc::EFAULT));
    client.close(one);
    eventually("there is room again", || {
        let fd = client.open(&mem, libc::O_RDONLY);
        fd.is_ok_and(|fd| {
            client.close(fd);
            true
        })
    });
    eventually("there is room for control", || mount.ctl(first, "stop\nrun").is_ok());
}

#[test]
fn dead_processes_cost_no_descriptors() {
    let (mount, client) = (Mount::new(), Client::new());
    let mut dead = Vec::new();
    for _ in 0..3 {
        let crowd = Target::start("crowd", &[&CROWD.to_string()]);
        let pids = children(crowd.pid());
        assert_eq!(pids.len(), CROWD);
        for pid in &pids {
            assert!(text(&client, &mount.path(*pid, "stat")).is_ok());
        }
        drop(crowd);
        eventually("all have ended", || pids.iter().all(|pid| state(*pid) == '-'));
        dead.extend(pids);
    }
    // What the daemon's descriptors of process directories are of.
    let kept = || {
        let fds = std::fs::read_dir(format!("/proc/{}/fd", mount.daemon())).unwrap();
        let links = fds.filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok());
        let pids =
            links.filter_map(|link| link.to_str()?.strip_prefix("/proc/")?.split([' ', '/']).next()?.parse().ok());
        pids.filter(|pid: &i32| dead.contains(pid)).count()
    };
    let most = kept();
    // A name that is new: a moment later all are gone through. Some may have died after the last time.
    let new = Target::start("count", &[]);
    assert!(text(&client, &mount.path(new.pid(), "stat")).is_ok());
    eventually(&format!("what was remembered of the dead is given back, of {most}"), || kept() < CROWD / 2);
}

/// Who has stopped more than there are descriptors for can let them run again, and see what is held.
#[test]
fn what_is_held_can_be_let_go_with_few_descriptors() {
    const MANY: u64 = 256;
    let (mount, crowd) = (Mount::with_descriptors(MANY), Target::start("crowd", &[&CROWD.to_string()]));
    let solaris = mount.beside("solaris");
    let client = Client::new();
    let (held, refused): (Vec<_>, Vec<_>) =
        children(crowd.pid()).into_iter().partition(|pid| match mount.ctl(*pid, "stop") {
            Err(errno) => {
                assert_eq!(errno, libc::EMFILE, "{pid}");
                false
            }
            Ok(()) => true,
        });
    assert!(held.len() > 40 && refused.len() > 10, "{} held, {} refused", held.len(), refused.len());
    let status = mount.pfs(&["status"]);
    let text = String::from_utf8(status.stdout).unwrap();
    assert!(status.status.success() && text.lines().count() > held.len(), "{text}");
    // Another mount of the same daemon, whose names nobody looked up before.
    client.open(&solaris.join(held[0].to_string()).join("ctl"), libc::O_WRONLY).unwrap();
    for pid in &held {
        assert_eq!(mount.ctl(*pid, "run"), Ok(()), "{pid}");
        assert_ne!(state(*pid), 't');
    }
    eventually("there is room for others", || mount.ctl(refused[0], "stop").is_ok());
    assert!(mount.pfs(&["shutdown"]).status.success());
}
