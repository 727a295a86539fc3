//! pidfds: a process as a descriptor, which no other process can come to own.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Opens a pidfd of process `pid`. ESRCH if it is gone.
pub fn open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: a plain system call; a non-negative answer is a descriptor that nobody else owns.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

/// Opens a pidfd of one thread, which is readable when that has ended (Linux 6.9). ESRCH if it is gone.
pub fn open_thread(tid: i32) -> io::Result<OwnedFd> {
    const PIDFD_THREAD: i32 = libc::O_EXCL;
    // SAFETY: as above.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, tid, PIDFD_THREAD);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

/// Sends a signal to the process, judged by the calling thread's credentials. ESRCH after its death.
pub fn send_signal(fd: &impl AsRawFd, signal: i32) -> io::Result<()> {
    // SAFETY: a plain system call without memory arguments.
    match unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd.as_raw_fd(), signal, 0usize, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A copy of descriptor `n` of the process, for us. EBADF: it has none.
pub fn take(fd: &impl AsRawFd, n: i32) -> io::Result<OwnedFd> {
    // SAFETY: a plain system call; a non-negative answer is a descriptor that nobody else owns.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_getfd, fd.as_raw_fd(), n, 0);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

/// Inode number of a descriptor; that of a pidfd is unique for one process life since Linux 6.9.
pub fn inode(fd: &impl AsRawFd) -> io::Result<u64> {
    // SAFETY: stat is plain data.
    unsafe {
        let mut st: libc::stat = std::mem::zeroed();
        if libc::fstat(fd.as_raw_fd(), &mut st) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(st.st_ino)
    }
}

#[repr(C)]
#[derive(Default)]
struct Info {
    mask: u64,
    cgroupid: u64,
    pid: u32,
    tgid: u32,
    ppid: u32,
    ruid: u32,
    rgid: u32,
    euid: u32,
    egid: u32,
    suid: u32,
    sgid: u32,
    fsuid: u32,
    fsgid: u32,
    exit_code: i32,
}

const PID: u64 = 1 << 0;
const CREDS: u64 = 1 << 1;
const EXIT: u64 = 1 << 3;

/// PIDFD_GET_INFO: what of `mask` there is.
fn info(fd: &impl AsRawFd, mask: u64) -> io::Result<Info> {
    // _IOWR(0xFF, 11, 64 bytes)
    const GET_INFO: u64 = 0xC040_FF0B;
    const { assert!(std::mem::size_of::<Info>() == 64) };
    let mut info = Info { mask, ..Info::default() };
    // SAFETY: the structure has the size that the command names.
    match unsafe { libc::ioctl(fd.as_raw_fd(), GET_INFO, &mut info) } {
        0 => Ok(info),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whose a process or thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// The thread group.
    pub tgid: u32,
    /// Real user.
    pub ruid: u32,
    /// Effective user.
    pub euid: u32,
    /// Real group.
    pub rgid: u32,
    /// Effective group.
    pub egid: u32,
}

/// Whose it is, in our user namespace (PIDFD_GET_INFO, Linux 6.13). ESRCH if it has been waited for.
pub fn ids(fd: &impl AsRawFd) -> io::Result<Ids> {
    let info = info(fd, PID | CREDS)?;
    if info.mask & (PID | CREDS) != PID | CREDS {
        return Err(io::Error::from_raw_os_error(libc::ENOTTY));
    }
    let Info { tgid, ruid, euid, rgid, egid, .. } = info;
    Ok(Ids { tgid, ruid, euid, rgid, egid })
}

/// Wait status of a process that has ended, also of one that is no child of ours and was reaped already (PIDFD_GET_INFO,
/// Linux 6.15). None while it lives.
pub fn exit_status(fd: &impl AsRawFd) -> io::Result<Option<i32>> {
    let info = info(fd, EXIT)?;
    Ok((info.mask & EXIT != 0).then_some(info.exit_code))
}

/// Waits until the process ends; for at most `ms` milliseconds (negative: for ever). True if it has ended.
pub fn wait_exit(fd: &impl AsRawFd, ms: i32) -> bool {
    let mut p = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd that outlives the call.
    unsafe { libc::poll(&mut p, 1, ms) == 1 }
}
