//! In whose namespaces a thread asks the kernel: files of /proc that belong to no process tell of those of the thread that reads.

use crate::procfs;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

/// A kind of namespace that one thread can enter by itself.
struct Kind {
    link: &'static CStr,
    flag: i32,
}

const KINDS: [Kind; 3] = [
    Kind { link: c"uts", flag: libc::CLONE_NEWUTS },
    Kind { link: c"ipc", flag: libc::CLONE_NEWIPC },
    Kind { link: c"net", flag: libc::CLONE_NEWNET },
];

/// One of ours: to compare with, and to come back to.
struct Own {
    inode: u64,
    door: OwnedFd,
}

fn own() -> io::Result<&'static [Own; 3]> {
    static OWN: OnceLock<[Own; 3]> = OnceLock::new();
    if let Some(own) = OWN.get() {
        return Ok(own);
    }
    let dir = procfs::openat(procfs::root(), c"thread-self/ns", libc::O_PATH | libc::O_DIRECTORY)?;
    let one = |kind: &Kind| -> io::Result<Own> {
        let inode = procfs::namespace(dir.as_fd(), kind.link)?;
        Ok(Own { inode, door: procfs::openat(dir.as_fd(), kind.link, libc::O_RDONLY)? })
    };
    let found = [one(&KINDS[0])?, one(&KINDS[1])?, one(&KINDS[2])?];
    Ok(OWN.get_or_init(|| found))
}

/// Runs `f` with this thread in the host name (UTS), IPC and network namespaces of thread `tid`. EPERM if they are not ours
/// and we may not enter them (CAP_SYS_ADMIN). Where they cannot be told, they are taken for ours: the kernel shows them to
/// everybody who is privileged enough to enter.
pub fn within<T>(tid: u32, f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let own = own()?;
    let name = CString::new(format!("{tid}/ns")).expect("digits");
    let Ok(dir) = procfs::openat(procfs::root(), &name, libc::O_PATH | libc::O_DIRECTORY) else { return f() };
    let mut inside = Inside { own, entered: [false; 3] };
    for (i, kind) in KINDS.iter().enumerate() {
        match procfs::namespace(dir.as_fd(), kind.link) {
            Ok(inode) if inode != own[i].inode => {
                enter(&procfs::openat(dir.as_fd(), kind.link, libc::O_RDONLY)?, kind.flag)?;
                inside.entered[i] = true;
            }
            _ => {}
        }
    }
    f()
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

fn enter(door: &OwnedFd, flag: i32) -> io::Result<()> {
    // SAFETY: no pointers; only the calling thread changes its namespace.
    if unsafe { libc::setns(door.as_raw_fd(), flag) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Brings the thread back, after a panic too.
struct Inside {
    own: &'static [Own; 3],
    entered: [bool; 3],
}

impl Drop for Inside {
    fn drop(&mut self) {
        for (i, kind) in KINDS.iter().enumerate().filter(|(i, _)| self.entered[*i]) {
            // Whoever may leave may come back. A thread that could not must not serve anybody else.
            if enter(&self.own[i].door, kind.flag).is_err() {
                std::process::abort();
            }
        }
    }
}
