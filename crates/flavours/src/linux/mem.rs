//! `mem`: the address space; offset is address. Works without stopping. Page protections do not matter; a write to a private
//! page makes a private copy. Unmapped at the start: EFAULT; a hole further on: a short count; the process gone, or another
//! program in it since the open: ESRCH.

use crate::right::{only_truncation, open_mem, Right};
use crate::target::Target;
use kernel::procfs;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Handle, Node, Pending, Result, SetAttr};

/// The node.
pub struct Mem(pub Target);

impl Node for Mem {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        let right = Right::open(&self.0, caller)?;
        // The descriptor is opened in the caller's name: the kernel's check and the binding to this address space are one act.
        let file = open_mem(&self.0, caller.creds()?, flags & libc::O_ACCMODE)?;
        Ok(Arc::new(Open { way: self.0.shared.engine.target(self.0.proc.clone()), right, file }))
    }

    fn setattr(&self, _caller: &Caller, set: &SetAttr) -> Result<()> {
        only_truncation(set)
    }
}

struct Open {
    way: engine::Target,
    right: Right,
    file: OwnedFd,
}

impl Open {
    /// What the kernel says of an address nothing is mapped at, and of an address space that is gone.
    fn fault(&self, e: std::io::Error) -> Errno {
        match e.raw_os_error() {
            Some(libc::EIO) => Errno(libc::EFAULT),
            _ => e.into(),
        }
    }

    fn gone(&self, moved: usize, asked: usize) -> Result<()> {
        if moved == 0 && asked > 0 {
            return Err(Errno(libc::ESRCH));
        }
        Ok(())
    }
}

impl Handle for Open {
    fn read(&self, caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        let read = || {
            self.right.check(caller)?;
            let bytes = procfs::pread(self.file.as_fd(), offset, size).map_err(|e| self.fault(e))?;
            self.gone(bytes.len(), size)?;
            Ok(bytes)
        };
        done.finish(read());
    }

    fn write(&self, caller: &Caller, offset: u64, data: &[u8], done: Pending<usize>) {
        let write = || {
            self.right.check(caller)?;
            let n = self.way.write_memory(self.file.as_fd(), offset, data).map_err(|e| self.fault(e))?;
            self.gone(n, data.len())?;
            Ok(n)
        };
        done.finish(write());
    }
}
