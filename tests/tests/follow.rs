//! The tracer near a lone thread that stops again and again: in the idle class only while that costs nobody anything.

use pfs_tests::{eventually, root, Client, Mount, Target};
use std::fs;
use std::process::{Child, Command};

/// Scheduling class of the daemon's tracer (`man 7 sched`): 0 usual, 5 idle.
fn class(mount: &Mount) -> u32 {
    let tracer = |pid: &str| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ours = stat.contains("(pfs-tracer)") && fields.get(1)?.parse() == Ok(mount.daemon());
        ours.then(|| fields.get(38).and_then(|f| f.parse().ok()))?
    };
    let pids = fs::read_dir("/proc").unwrap().filter_map(|e| e.ok()?.file_name().into_string().ok());
    pids.filter(|pid| pid.bytes().all(|b| b.is_ascii_digit())).find_map(|pid| tracer(&pid)).expect("a tracer")
}

struct Hogs(Vec<Child>);

impl Hogs {
    fn start(n: usize) -> Hogs {
        Hogs((0..n).map(|_| Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap()).collect())
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            let _ = hog.kill();
            let _ = hog.wait();
        }
    }
}

/// A target that makes calls as long as it lives, and a seat that waits for one that it never makes.
fn hot(mount: &Mount) -> (Target, Client) {
    let (target, client) = (Target::start("busy", &[&u32::MAX.to_string()]), Client::new());
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace in close_range").unwrap();
    target.go();
    target.counts(0);
    (target, client)
}

#[test]
fn the_idle_class_is_left_when_there_is_nothing_to_do() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let (target, _client) = hot(&mount);
    // Others may want the CPU in between; it is tried again then.
    eventually("it is near", || class(&mount) == 5);
    pfs_tests::kill(target.pid(), libc::SIGSTOP);
    eventually("it has nothing to do", || class(&mount) == 0);
    pfs_tests::kill(target.pid(), libc::SIGCONT);
    eventually("it is near again", || class(&mount) == 5);
    drop(target);
    eventually("there is nobody to follow", || class(&mount) == 0);
}

#[test]
fn who_is_kept_from_his_cpu_leaves_the_idle_class() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let (target, _client) = hot(&mount);
    eventually("it is near", || class(&mount) == 5);
    let hogs = Hogs::start(4 * std::thread::available_parallelism().unwrap().get());
    eventually("others want the CPU", || class(&mount) == 0);
    target.counts(0);
    drop(hogs);
    eventually("it is near again", || class(&mount) == 5);
}
