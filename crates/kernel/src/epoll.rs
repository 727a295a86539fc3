//! A minimal epoll(7): one-shot readable descriptors, each with a number of its own.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// An epoll descriptor.
pub struct Epoll(OwnedFd);

impl Epoll {
    /// A new, empty one.
    pub fn new() -> io::Result<Epoll> {
        // SAFETY: a plain system call; a non-negative answer is a descriptor that nobody else owns.
        unsafe {
            let fd = libc::epoll_create1(libc::EPOLL_CLOEXEC);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(Epoll(OwnedFd::from_raw_fd(fd)))
        }
    }

    /// Reports `id` once when `fd` becomes readable. Closing `fd` removes it.
    pub fn add(&self, fd: &impl AsRawFd, id: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, id)
    }

    /// The same for one that was added before and has been reported.
    pub fn again(&self, fd: &impl AsRawFd, id: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, id)
    }

    fn control(&self, how: libc::c_int, fd: &impl AsRawFd, id: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLONESHOT) as u32, u64: id };
        // SAFETY: the event outlives the call.
        match unsafe { libc::epoll_ctl(self.0.as_raw_fd(), how, fd.as_raw_fd(), &mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Sleeps until a descriptor is readable; its number. None after a signal.
    pub fn wait(&self) -> Option<u64> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: room for one event.
        let n = unsafe { libc::epoll_wait(self.0.as_raw_fd(), &mut event, 1, -1) };
        (n == 1).then_some(event.u64)
    }
}
