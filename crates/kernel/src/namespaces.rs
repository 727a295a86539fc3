//! In whose namespaces a thread asks the kernel: some files of /proc tell of those of the thread that reads.

use crate::procfs;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

/// A kind of namespace that one thread can enter by itself; one of pids, for its children.
struct Kind {
    link: &'static CStr,
    flag: i32,
}

const KINDS: [Kind; 5] = [
    Kind { link: c"uts", flag: libc::CLONE_NEWUTS },
    Kind { link: c"ipc", flag: libc::CLONE_NEWIPC },
    Kind { link: c"net", flag: libc::CLONE_NEWNET },
    Kind { link: c"cgroup", flag: CGROUP },
    Kind { link: c"pid", flag: PID },
];

/// The host name (UTS), IPC and the network.
pub const SETTINGS: i32 = libc::CLONE_NEWUTS | libc::CLONE_NEWIPC | libc::CLONE_NEWNET;
/// Where paths of control groups begin.
pub const CGROUP: i32 = libc::CLONE_NEWCGROUP;
/// Numbers of processes.
pub const PID: i32 = libc::CLONE_NEWPID;

/// One of ours: to compare with, and to come back to.
struct Own {
    inode: u64,
    door: OwnedFd,
}

fn own() -> io::Result<&'static [Own; 5]> {
    static OWN: OnceLock<[Own; 5]> = OnceLock::new();
    if let Some(own) = OWN.get() {
        return Ok(own);
    }
    let dir = procfs::openat(procfs::root(), c"thread-self/ns", libc::O_PATH | libc::O_DIRECTORY)?;
    let one = |kind: &Kind| -> io::Result<Own> {
        let inode = procfs::namespace(dir.as_fd(), kind.link)?;
        Ok(Own { inode, door: procfs::openat(dir.as_fd(), kind.link, libc::O_RDONLY)? })
    };
    let [uts, ipc, net, cgroup, pid] = &KINDS;
    let found = [one(uts)?, one(ipc)?, one(net)?, one(cgroup)?, one(pid)?];
    Ok(OWN.get_or_init(|| found))
}

/// Brings this thread, until the answer is dropped, into those namespaces of thread `tid` that `which` names. EPERM if they are not
/// ours and we may not enter them (CAP_SYS_ADMIN). Where they cannot be told, they are taken for ours: the kernel shows them to
/// everybody who is privileged enough to enter.
pub fn enter(tid: u32, which: i32) -> io::Result<Inside> {
    let mut inside = Inside(0);
    if which == 0 {
        return Ok(inside);
    }
    let own = own()?;
    let name = CString::new(format!("{tid}/ns")).expect("digits");
    let Ok(dir) = procfs::openat(procfs::root(), &name, libc::O_PATH | libc::O_DIRECTORY) else { return Ok(inside) };
    for (kind, own) in KINDS.iter().zip(own).filter(|(kind, _)| which & kind.flag != 0) {
        match procfs::namespace(dir.as_fd(), kind.link) {
            Ok(inode) if inode != own.inode => {
                go(&procfs::openat(dir.as_fd(), kind.link, libc::O_RDONLY)?, kind.flag)?;
                inside.0 |= kind.flag;
            }
            _ => {}
        }
    }
    Ok(inside)
}

/// True if the process of this /proc directory is in our pid and user namespaces, and what it starts will be too. False if that
/// cannot be told.
pub(crate) fn numbers_are_ours(dir: BorrowedFd) -> bool {
    let same =
        |ours: &CStr, theirs: &CStr| match (procfs::namespace(procfs::root(), ours), procfs::namespace(dir, theirs)) {
            (Ok(ours), Ok(theirs)) => ours == theirs,
            _ => false,
        };
    same(c"self/ns/user", c"ns/user") && same(c"self/ns/pid", c"ns/pid") && same(c"self/ns/pid", c"ns/pid_for_children")
}

fn go(door: &OwnedFd, flag: i32) -> io::Result<()> {
    // SAFETY: no pointers; only the calling thread changes its namespace.
    if unsafe { libc::setns(door.as_raw_fd(), flag) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A thread in namespaces that are not its own; brought back when this is dropped, after a panic too.
#[must_use]
#[derive(Debug)]
pub struct Inside(i32);

impl Inside {
    /// True if the thread's children are in another pid namespace than it: it can make no threads.
    pub fn by_children(&self) -> bool {
        self.0 & PID != 0
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        for (i, kind) in KINDS.iter().enumerate().filter(|(_, kind)| self.0 & kind.flag != 0) {
            // Whoever may leave may come back. A thread that could not must not serve anybody else.
            if !own().is_ok_and(|own| go(&own[i].door, kind.flag).is_ok()) {
                std::process::abort();
            }
        }
    }
}
