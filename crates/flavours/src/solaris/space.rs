//! `as`: the address space (proc(4)); the offset is the address. Works without stopping. A read that begins at an unmapped address
//! gives nothing, one that comes to one is short; a write that begins at one is EIO, one that comes to one is short. Page
//! protections do not matter; a write to a private page makes a private copy. Of a system process: nothing to read, EIO to write.
//!
//! It is the address space that the process has at that moment: after an exec, the new one. Unlike Solaris, untouched pages of a
//! mapping without reservation read as zeros.

use super::about::{model_for, About};
use super::nodes::{right, valid};
use super::stops;
use super::writers::{self, Writing};
use crate::right::{open_mem, Right};
use crate::target::Target;
use abi::solaris::Model;
use kernel::procfs;
use parking_lot::Mutex;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Handle, Node, Pending, Result, SetAttr};

/// The node.
pub struct As(pub Target);

impl Node for As {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        let right = right(&self.0, caller)?.map(Arc::new);
        let writing = writers::open(&self.0, right.as_ref(), caller, flags)?;
        let model = model_for(&self.0, caller);
        Ok(Arc::new(Open {
            target: self.0.clone(),
            right,
            writing: Mutex::new(writing),
            model,
            mode: flags & libc::O_ACCMODE,
            seen: stops::Seen::default(),
        }))
    }

    fn setattr(&self, _caller: &Caller, _set: &SetAttr) -> Result<()> {
        Err(Errno(libc::ENOSYS))
    }
}

/// Bytes that are reserved.
pub fn size(about: &About) -> Result<u64> {
    about.within(|at| Ok(at.status()?.number("VmSize").saturating_mul(1024)))
}

struct Open {
    target: Target,
    /// None of a system process.
    right: Option<Arc<Right>>,
    writing: Mutex<Option<Writing>>,
    model: Model,
    mode: i32,
    seen: stops::Seen,
}

impl Open {
    /// The address space as it is now, `None` of a system process. Opened in the caller's name each time: one that was
    /// opened earlier may be another's by now, a vfork parent's.
    fn space(&self, caller: &Caller) -> Result<Option<OwnedFd>> {
        valid(self.right.as_deref(), caller)?;
        let about = About::in_model(&self.target, caller, self.model);
        about.fits_space()?;
        if self.right.is_none() {
            return Ok(None);
        }
        let gone = |e| super::nodes::refused(super::about::gone(e));
        open_mem(&self.target, caller.creds()?, self.mode).map(Some).map_err(gone)
    }

    fn read(&self, caller: &Caller, offset: u64, size: usize) -> Result<Vec<u8>> {
        let Some(space) = self.space(caller)? else { return Ok(Vec::new()) };
        match procfs::pread(space.as_fd(), offset, size) {
            Err(e) if e.raw_os_error() == Some(libc::EIO) => Ok(Vec::new()),
            other => Ok(other?),
        }
    }

    fn write(&self, caller: &Caller, offset: u64, data: &[u8]) -> Result<usize> {
        let Some(space) = self.space(caller)? else { return Err(Errno(libc::EIO)) };
        let way = self.target.shared.engine.target(self.target.proc.clone());
        match way.write_memory(space.as_fd(), offset, data)? {
            0 if !data.is_empty() => Err(Errno(libc::EIO)),
            n => Ok(n),
        }
    }
}

impl Handle for Open {
    fn read(&self, caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        done.finish(self.read(caller, offset, size));
    }

    fn write(&self, caller: &Caller, offset: u64, data: &[u8], done: Pending<usize>) {
        done.finish(self.write(caller, offset, data));
    }

    fn poll(&self, caller: &Caller, wake: Option<Box<dyn FnOnce() + Send>>) -> Result<u32> {
        stops::poll(&self.target, self.right.as_deref(), caller, &self.seen, wake)
    }

    fn release(&self) {
        drop(self.writing.lock().take());
    }
}
