//! Files of the machine that are opened anew through `fd/` and `object/`: reads and writes go on to the file, in the caller's name.

use super::about::About;
use super::maps::type_of_mount;
use super::nodes::valid;
use super::stops;
use crate::right::Right;
use crate::target::Target;
use kernel::procfs;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
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

/// Opens `file`, an O_PATH descriptor, anew in the caller's name. EACCES for a file of a FUSE file system, and for one whose mount
/// the process does not see: to open it is to ask a process that serves it, and may be to wait for it for ever. That process may
/// be this one.
pub fn reopen(about: &About, file: &OwnedFd, flags: i32) -> Result<OwnedFd> {
    let mount = procfs::peek_at(file.as_fd())?.mount;
    match type_of_mount(&about.read(b"mountinfo")?, mount) {
        Some(kind) if !kind.starts_with(b"fuse") => {}
        _ => return Err(Errno(libc::EACCES)),
    }
    let path = CString::new(format!("self/fd/{}", file.as_raw_fd())).unwrap_or_default();
    about.caller.act(|| procfs::openat(procfs::root(), &path, flags | libc::O_NONBLOCK))
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
