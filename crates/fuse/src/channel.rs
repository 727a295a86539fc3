//! The write side of the device: replies and notifications, from any thread.

use crate::abi::OutHeader;
use crate::parked::Parked;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use tree::Errno;
use zerocopy::IntoBytes;

/// A message of no more bytes is copied together before it is sent.
const SMALL: usize = 512;

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
        if len <= SMALL {
            // In one piece: the kernel pins the pages of each piece by itself.
            let mut whole = [0; SMALL];
            let (head, rest) = whole.split_at_mut(size_of::<OutHeader>());
            head.copy_from_slice(header.as_bytes());
            rest[..a.len()].copy_from_slice(a);
            rest[a.len()..a.len() + b.len()].copy_from_slice(b);
            // SAFETY: `whole` is readable for `len` bytes.
            return sent(unsafe { libc::write(self.fd.as_raw_fd(), whole.as_ptr().cast(), len) });
        }
        let iov = [header.as_bytes(), a, b]
            .map(|part| libc::iovec { iov_base: part.as_ptr().cast_mut().cast(), iov_len: part.len() });
        let count = if b.is_empty() { 2 } else { 3 };
        // SAFETY: the vectors describe live slices, which writev only reads.
        sent(unsafe { libc::writev(self.fd.as_raw_fd(), iov.as_ptr(), count) })
    }
}

fn sent(n: isize) -> io::Result<()> {
    if n < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
