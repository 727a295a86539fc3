//! A process whose first thread has ended before anybody came: the kernel lets nobody attach to that one, and shows little of the
//! process in its files.

use pfs_tests::{kill, Client, Mount, Target};

fn nothing_is_held(mount: &Mount) {
    let status = String::from_utf8(mount.pfs(&["status"]).stdout).unwrap();
    assert!(status.contains("no process is held"), "{status}");
}

#[test]
fn whoever_waits_is_told_of_its_end() {
    let mount = Mount::new();
    for before in ["", "trace sig all\n", "trace in +close\n", "trace exit on\n", "stop\nrun\n"] {
        let mut target = Target::start("headless", &[]);
        let client = Client::new();
        let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
        if !before.is_empty() {
            client.write(ctl, before).unwrap();
        }
        client.begin_write(ctl, "wait");
        assert!(client.waits(std::time::Duration::from_millis(20)), "{before:?}");
        kill(target.pid(), libc::SIGKILL);
        assert_eq!(client.answer(), Err(libc::ESRCH), "{before:?}");
        target.end();
        nothing_is_held(&mount);
    }
}

#[test]
fn each_flavour_tells_of_its_end() {
    const PCWSTOP: &str = "\x03\0\0\0\0\0\0\0";
    for (flavour, message, gone) in [("freebsd", "wait", libc::ESRCH), ("solaris", PCWSTOP, libc::ENOENT)] {
        let mount = Mount::of(flavour, "rw");
        let mut target = Target::start("headless", &[]);
        let client = Client::new();
        let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_WRONLY).unwrap();
        client.begin_write(ctl, message);
        assert!(client.waits(std::time::Duration::from_millis(20)), "{flavour}");
        kill(target.pid(), libc::SIGKILL);
        assert_eq!(client.answer(), Err(gone), "{flavour}");
        target.end();
        nothing_is_held(&mount);
    }
}

#[test]
fn its_registers_can_be_read_while_it_runs() {
    let (mount, target) = (Mount::new(), Target::start("headless", &[]));
    for (file, size) in [("regs", 216), ("fpregs", 512), ("dbregs", 64)] {
        assert_eq!(mount.read(target.pid(), file).map(|r| r.len()), Ok(size), "{file}");
    }
    target.counts(16);
    let bsd = mount.beside_as("bsd", "freebsd", "level=4");
    assert_eq!(std::fs::read(bsd.join(format!("{}/regs", target.pid()))).unwrap().len(), 176);
}

#[test]
fn a_call_is_made_in_it_and_a_filter_of_one_thread_does_not_kill_it() {
    for how in [&[][..], &["filter"]] {
        let (mount, target) = (Mount::new(), Target::start("headless", how));
        let client = Client::new();
        let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
        client.write(ctl, "stop").unwrap();
        assert_eq!(client.write(ctl, "close 999"), Err(libc::EBADF), "{how:?}");
        client.write(ctl, "run").unwrap();
        target.counts(16);
    }
}
