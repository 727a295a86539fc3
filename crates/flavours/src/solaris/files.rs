//! Files of the machine that are opened anew through `fd/` and `object/`: reads and writes go on to the file, in the caller's name.

use super::about::About;
use super::nodes::valid;
use super::stops;
use crate::right::Right;
use crate::target::Target;
use kernel::procfs;
use std::os::fd::{AsFd, OwnedFd};
use tree::{Caller, Errno, Handle, Pending, Result};

/// An open file that a process has open or mapped.
pub struct Opened {
    /// Whose.
    pub target: Target,
    /// Of who opened it.
    pub right: Option<Right>,
    /// The file, opened in his name.
    pub file: OwnedFd,
    /// Tells of the end of the process.
    pub seen: stops::Seen,
}

/// EACCES for files of a file system that a process serves: this very one may be waited for, and the wait would be ours.
pub fn served_by_kernel(kind: Option<&[u8]>) -> Result<()> {
    match kind {
        Some(kind) if kind.starts_with(b"fuse") => Err(Errno(libc::EACCES)),
        _ => Ok(()),
    }
}

impl Handle for Opened {
    fn read(&self, caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        let read = || {
            valid(self.right.as_ref(), caller)?;
            About::new(&self.target, caller).act(|_| procfs::pread(self.file.as_fd(), offset, size))
        };
        done.finish(read());
    }

    fn write(&self, caller: &Caller, offset: u64, data: &[u8], done: Pending<usize>) {
        let write = || {
            valid(self.right.as_ref(), caller)?;
            About::new(&self.target, caller).act(|_| procfs::pwrite(self.file.as_fd(), offset, data))
        };
        done.finish(write());
    }

    fn poll(&self, caller: &Caller, wake: Option<Box<dyn FnOnce() + Send>>) -> Result<u32> {
        stops::poll(&self.target, self.right.as_ref(), caller, &self.seen, wake)
    }
}
