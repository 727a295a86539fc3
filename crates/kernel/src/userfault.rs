//! Write protection of another process's pages through userfaultfd(2): a thread that writes sleeps until it is decided what
//! becomes of that. The kernel takes the protection off and wakes the sleepers when the descriptor is closed, so nothing of it
//! outlives us; nor does a child of the process have it, nor what is mapped there later.

use crate::ledger;
use crate::ptrace::Tid;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

/// Bytes of a page.
pub const PAGE: u64 = 4096;

/// ioctl of [`device`] that makes a descriptor for the caller's memory; its argument are the flags of open(2).
pub const NEW: u64 = 0xaa00;

/// One thread has written to a protected page, and sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Who, as its own pid namespace calls it. It may be of another process that shares the memory.
    pub tid: Tid,
    /// The first byte in the page that it would write.
    pub at: u64,
}

/// Protected pages of one process, until it is dropped.
#[derive(Debug)]
pub struct Userfault {
    fd: RawFd,
    /// Where the ledger has it.
    row: usize,
}

impl Userfault {
    /// From a descriptor (O_NONBLOCK) that a thread of the process has made. ENOSYS: the kernel has not all of it (before 6.4).
    /// EMFILE: too many.
    pub fn new(fd: OwnedFd) -> io::Result<Userfault> {
        const API: libc::c_ulong = 0xc018_aa3f;
        // Write protection, who, the exact address, shared memory, pages that nobody has touched yet.
        const FEATURES: u64 = 1 | 1 << 8 | 1 << 11 | 1 << 12 | 1 << 13;
        let mut api = [0xaa, FEATURES, 0];
        // SAFETY: the record is as large as the command says and outlives the call.
        if unsafe { libc::ioctl(fd.as_raw_fd(), API as _, api.as_mut_ptr()) } != 0 {
            let e = io::Error::last_os_error();
            return Err(match e.raw_os_error() {
                Some(libc::EINVAL) => io::Error::from_raw_os_error(libc::ENOSYS),
                _ => e,
            });
        }
        let row = ledger::keep_event(fd.as_raw_fd()).ok_or_else(|| io::Error::from_raw_os_error(libc::EMFILE))?;
        Ok(Userfault { fd: fd.into_raw_fd(), row })
    }

    /// Makes this range, whole pages, one that can be protected. Holes are passed over. EINVAL: memory of another kind (a
    /// private mapping of a file). EBUSY: the process does the same there for itself.
    pub fn register(&self, start: u64, end: u64) -> io::Result<()> {
        const REGISTER: libc::c_ulong = 0xc020_aa00;
        const WRITES: u64 = 2;
        self.ask(REGISTER, &mut [start, end - start, WRITES, 0])
    }

    /// Protects a registered range, or no more; who sleeps there goes on then, and may come back.
    pub fn protect(&self, start: u64, end: u64, on: bool) -> io::Result<()> {
        const PROTECT: libc::c_ulong = 0xc018_aa06;
        self.ask(PROTECT, &mut [start, end - start, u64::from(on)])
    }

    /// Wakes who sleeps in this range, whatever is mapped there now.
    pub fn wake(&self, start: u64, end: u64) -> io::Result<()> {
        const WAKE: libc::c_ulong = 0x8010_aa02;
        self.ask(WAKE, &mut [start, end - start])
    }

    fn ask<const N: usize>(&self, command: libc::c_ulong, record: &mut [u64; N]) -> io::Result<()> {
        loop {
            // SAFETY: the record is as large as the command says (callers above) and outlives the call.
            if unsafe { libc::ioctl(self.fd, command as _, record.as_mut_ptr()) } == 0 {
                return Ok(());
            }
            let e = io::Error::last_os_error();
            if e.kind() != io::ErrorKind::Interrupted {
                return Err(e);
            }
        }
    }

    /// The next thread that sleeps, told once for each time that it falls asleep; None if there is none.
    pub fn next(&self) -> Option<Fault> {
        const PAGEFAULT: u8 = 0x12;
        loop {
            let mut message = [0u64; 4];
            // SAFETY: the record is as large as is said.
            let got = unsafe { libc::read(self.fd, message.as_mut_ptr().cast(), 32) };
            if got != 32 {
                return None;
            }
            if message[0] as u8 == PAGEFAULT {
                return Some(Fault { tid: message[3] as Tid, at: message[2] });
            }
        }
    }
}

impl AsRawFd for Userfault {
    fn as_raw_fd(&self) -> RawFd {
        self.fd
    }
}

impl Drop for Userfault {
    fn drop(&mut self) {
        // SAFETY: ours, and closed once.
        unsafe { libc::close(self.fd) };
        ledger::drop_event(self.row);
    }
}

/// Opens the device through which a process may make a descriptor that userfaultfd(2) does not give it. Usually root's alone.
pub fn device() -> io::Result<OwnedFd> {
    // SAFETY: a plain system call; a non-negative answer is a descriptor that nobody else owns.
    unsafe {
        let fd = libc::open(c"/dev/userfaultfd".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Sends a descriptor, and no byte besides, through a socket of the kind AF_UNIX, SOCK_DGRAM.
pub fn send(socket: BorrowedFd, fd: BorrowedFd) -> io::Result<()> {
    // A header and one descriptor: 24 bytes with their padding.
    #[repr(C)]
    struct Control {
        header: libc::cmsghdr,
        fd: RawFd,
        pad: i32,
    }
    const { assert!(size_of::<Control>() == 24) };
    let mut control = Control {
        header: libc::cmsghdr { cmsg_len: 20, cmsg_level: libc::SOL_SOCKET, cmsg_type: libc::SCM_RIGHTS },
        fd: fd.as_raw_fd(),
        pad: 0,
    };
    // SAFETY: msghdr is plain data for which zero bytes are valid; the control record outlives the call.
    let sent = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = size_of::<Control>();
        libc::sendmsg(socket.as_raw_fd(), &message, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
    };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
