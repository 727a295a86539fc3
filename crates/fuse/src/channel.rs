//! The write side of the device: replies and notifications, from any thread.

use crate::abi::OutHeader;
use crate::parked::Parked;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use tree::Errno;
use zerocopy::IntoBytes;

/// The device and the requests that wait; all that a reply needs, so that a late answer keeps nothing else alive.
pub(crate) struct Channel {
    pub fd: OwnedFd,
    pub parked: Parked,
}

impl Channel {
    /// Answers with the concatenation of `a` and `b`. An error means that the kernel no longer knows the request.
    pub fn reply(&self, unique: u64, a: &[u8], b: &[u8]) -> io::Result<()> {
        match self.send(unique, 0, a, b) {
            // Only ENOENT says that nobody waits; after anything else the client still does.
            Err(e) if !matches!(e.raw_os_error(), Some(libc::ENOENT | libc::ENODEV)) => {
                let _ = self.send(unique, -libc::EIO, &[], &[]);
                Err(e)
            }
            sent => sent,
        }
    }

    /// Answers with an error.
    pub fn fail(&self, unique: u64, errno: Errno) {
        // The kernel refuses other numbers and would leave the client waiting.
        let errno = if (1..512).contains(&errno.0) { errno.0 } else { libc::EIO };
        let _ = self.send(unique, -errno, &[], &[]);
    }

    /// A message that answers no request.
    pub fn notify(&self, code: i32, a: &[u8], b: &[u8]) -> io::Result<()> {
        self.send(0, code, a, b)
    }

    fn send(&self, unique: u64, error: i32, a: &[u8], b: &[u8]) -> io::Result<()> {
        let len = size_of::<OutHeader>() + a.len() + b.len();
        let header = OutHeader { len: len as u32, error, unique };
        let iov = [header.as_bytes(), a, b]
            .map(|part| libc::iovec { iov_base: part.as_ptr().cast_mut().cast(), iov_len: part.len() });
        let count = if !b.is_empty() {
            3
        } else if !a.is_empty() {
            2
        } else {
            1
        };
        // SAFETY: the vectors describe live slices, which writev only reads.
        let n = unsafe { libc::writev(self.fd.as_raw_fd(), iov.as_ptr(), count) };
        if n < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}
