//! Watch registers of the processor, through perf_event_open(2): one descriptor watches one piece of one thread's memory. The
//! kernel takes the watch off when the descriptor is closed, so nothing of it outlives us, and at an exec.
//!
//! An access makes the thread send itself SIGTRAP: behind the instruction that read or wrote, before the one that was to be
//! executed, at the end of the system call in which the kernel did it. If the thread blocks SIGTRAP, that comes when it no
//! longer does. The trap is told from others by [`crate::ptrace::is_watch_trap`].

use crate::ledger;
use crate::ptrace::Tid;
use std::io;

/// What is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Writing.
    Write,
    /// Reading and writing.
    Any,
    /// Execution of an instruction that begins there; covers one byte.
    Exec,
}

/// Stands in our traps (`si_perf_data`).
pub const MARK: u64 = u64::from_be_bytes(*b"pfswatch");

/// One watch on one thread, until it is dropped.
#[derive(Debug)]
pub struct Watchpoint {
    fd: libc::c_int,
    /// Where the ledger has it.
    row: usize,
}

/// `struct perf_event_attr` (uapi/linux/perf_event.h, version 7).
#[repr(C)]
struct Attr {
    kind: u32,
    size: u32,
    config: u64,
    period: u64,
    sample: u64,
    read: u64,
    flags: u64,
    wakeup: u32,
    access: u32,
    at: u64,
    length: u64,
    rest: [u64; 6],
    mark: u64,
}

impl Watchpoint {
    /// Watches `size` bytes (1, 2, 4 or 8) at `at`, a multiple of the size. The thread need not stand. ENOSPC: no register is left.
    /// ESRCH: it is gone. EACCES or EPERM: the kernel does not allow it to us (`kernel.perf_event_paranoid`). EMFILE: too many.
    pub fn set(tid: Tid, access: Access, at: u64, size: u64) -> io::Result<Watchpoint> {
        let full = || io::Error::from_raw_os_error(libc::EMFILE);
        if !ledger::arm(tid) {
            return Err(full());
        }
        let fd = open(tid, access, at, size, false).or_else(|e| match e.raw_os_error() {
            // What the kernel does in the thread's calls is not for everybody to see.
            Some(libc::EACCES | libc::EPERM) => open(tid, access, at, size, true),
            _ => Err(e),
        })?;
        let Some(row) = ledger::keep_event(fd) else {
            // SAFETY: opened above, known to nobody else.
            unsafe { libc::close(fd) };
            return Err(full());
        };
        let point = Watchpoint { fd, row };
        const ENABLE: libc::c_ulong = 0x2400;
        // SAFETY: no pointers.
        match unsafe { libc::ioctl(fd, ENABLE as _, 0) } {
            0 => Ok(point),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// How often the thread has touched it.
    pub fn hits(&self) -> io::Result<u64> {
        let mut count = 0u64;
        // SAFETY: eight bytes are ours to be written.
        match unsafe { libc::read(self.fd, (&raw mut count).cast(), 8) } {
            8 => Ok(count),
            0 => Err(io::Error::from_raw_os_error(libc::EIO)),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Watchpoint {
    fn drop(&mut self) {
        // SAFETY: ours, and closed once.
        unsafe { libc::close(self.fd) };
        ledger::drop_event(self.row);
    }
}

fn open(tid: Tid, access: Access, at: u64, size: u64, user_only: bool) -> io::Result<libc::c_int> {
    const BREAKPOINT: u32 = 5;
    const DISABLED: u64 = 1;
    const PINNED: u64 = 1 << 2;
    const EXCLUDE_KERNEL: u64 = 1 << 5;
    const EXCLUDE_HV: u64 = 1 << 6;
    const REMOVE_ON_EXEC: u64 = 1 << 36;
    const SIGTRAP: u64 = 1 << 37;
    const CLOEXEC: usize = 8;
    // Reading 1, writing 2, executing 4, which takes the length of a word.
    let (access, length) = match access {
        Access::Write => (2, size),
        Access::Any => (3, size),
        Access::Exec => (4, 8),
    };
    let user = if user_only { EXCLUDE_KERNEL } else { 0 };
    let attr = Attr {
        kind: BREAKPOINT,
        size: std::mem::size_of::<Attr>() as u32,
        config: 0,
        period: 1,
        sample: 0,
        read: 0,
        flags: DISABLED | PINNED | EXCLUDE_HV | REMOVE_ON_EXEC | SIGTRAP | user,
        wakeup: 0,
        access,
        at,
        length,
        rest: [0; 6],
        mark: MARK,
    };
    // SAFETY: the record outlives the call and says how long it is.
    let fd = unsafe { libc::syscall(libc::SYS_perf_event_open, &raw const attr, tid, -1, -1, CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(fd as libc::c_int)
}
