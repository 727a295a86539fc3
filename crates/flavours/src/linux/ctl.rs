//! `ctl`: commands on the flavour's standing seat, so that what was asked for stays when the file is closed.

use super::control::{carry_out, LastError};
use crate::right::{only_truncation, Right};
use crate::target::Target;
use engine::engine::Seated;
use std::sync::Arc;
use tree::{slice, Attr, Caller, Errno, Handle, Node, Pending, Result, SetAttr};

/// The name under which the flavour's standing seats are kept.
pub const SEATED: Seated = Seated::Standing("linux");

/// The node.
pub struct Ctl(pub Target);

impl Node for Ctl {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        let right = Right::open(&self.0, caller)?;
        Ok(Arc::new(Open { target: self.0.clone(), right, error: LastError::default() }))
    }

    /// `>` truncates first.
    fn setattr(&self, _caller: &Caller, set: &SetAttr) -> Result<()> {
        only_truncation(set)
    }
}

struct Open {
    target: Target,
    right: Right,
    error: LastError,
}

impl Handle for Open {
    /// Why the last command failed; empty if it did not.
    fn read(&self, _caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        let mut text = self.error.lock().clone();
        if !text.is_empty() {
            text.push('\n');
        }
        let part = slice(text.as_bytes(), offset, size).to_vec();
        if offset == 0 {
            // A stream has no position: the sentence is read once.
            self.error.lock().clear();
        }
        done.finish(Ok(part));
    }

    fn write(&self, caller: &Caller, _offset: u64, data: &[u8], done: Pending<usize>) {
        carry_out(&self.target, SEATED, &self.right, caller, data, &self.error, done);
    }

    fn stream(&self) -> bool {
        true
    }
}
