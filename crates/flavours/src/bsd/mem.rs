//! `mem`: the address space; the offset is the address. It is that which the process has at the moment, after an exec the new one. A page
//! that cannot be written gets a private copy, one that cannot be read is read all the same. At an unmapped address: EFAULT; a hole
//! further on makes a transfer short, or if the release is followed strictly, EFAULT.
//!
//! * Its size is 0 everywhere, in 4.4BSD's too, where it was that of the process: memory could be mapped otherwise, and stay so when the
//!   right to it is lost.
//! * What FUSE splits, transfers of more than 1 MiB, are several.

use super::candebug::Claim;
use super::ioctl;
use super::look::Subject;
use super::opens::{self, Opening};
use kernel::procfs;
use parking_lot::Mutex;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Handle, Node, Pending, Result};

/// Where the user's part of the largest address space ends.
const USER_END: u64 = 1 << 47;

/// The node.
pub struct Mem(pub Subject);

impl Node for Mem {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        let claim = Claim::open(&self.0, caller)?;
        let opening = opens::open(&self.0, caller, flags, ioctl::last_close(&self.0, &claim))?;
        Ok(Arc::new(Open { subject: self.0.clone(), claim, opening: Mutex::new(Some(opening)) }))
    }
}

struct Open {
    subject: Subject,
    claim: Claim,
    opening: Mutex<Option<Opening>>,
}

impl Open {
    /// The address space as it is now; `None` behind the end of memory.
    fn space(&self, caller: &Caller, offset: u64) -> Result<Option<OwnedFd>> {
        let (_, space) = self.claim.enter(caller)?;
        Ok(Some(space).filter(|_| offset < USER_END || !self.subject.rules.mem_ends()))
    }

    /// The answer to a transfer of which the kernel moved so much.
    fn moved(&self, asked: usize, moved: std::io::Result<usize>) -> Result<usize> {
        let rules = self.subject.rules;
        match moved {
            Err(e) if matches!(e.raw_os_error(), Some(libc::EIO | libc::EFAULT)) => Err(rules.unmapped()),
            Err(e) => Err(e.into()),
            // An address space of which nothing is left.
            Ok(0) if asked > 0 => Err(rules.gone()),
            Ok(n) if n < asked && rules.mem_is_all_or_nothing() => Err(rules.unmapped()),
            Ok(n) => Ok(n),
        }
    }

    fn read(&self, caller: &Caller, offset: u64, size: usize) -> Result<Vec<u8>> {
        let Some(space) = self.space(caller, offset)? else { return Ok(Vec::new()) };
        let mut bytes = Vec::new();
        let read = procfs::pread(space.as_fd(), offset, size).map(|read| {
            bytes = read;
            bytes.len()
        });
        self.moved(size, read)?;
        Ok(bytes)
    }

    fn write(&self, caller: &Caller, offset: u64, data: &[u8]) -> Result<usize> {
        let Some(space) = self.space(caller, offset)? else { return Ok(0) };
        self.moved(data.len(), procfs::pwrite(space.as_fd(), offset, data))
    }
}

impl Handle for Open {
    fn read(&self, caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        done.finish(self.read(caller, offset, size));
    }

    fn write(&self, caller: &Caller, offset: u64, data: &[u8], done: Pending<usize>) {
        done.finish(self.write(caller, offset, data));
    }

    fn ioctl(&self, caller: &Caller, cmd: u32, arg: u64, _data: &[u8], done: Pending<(i32, Vec<u8>)>) {
        ioctl::ioctl(&self.subject, &self.claim, caller, cmd, arg, done);
    }

    fn release(&self) {
        // Whoever has just answered a request may keep the handle for a moment longer.
        drop(self.opening.lock().take());
    }
}
