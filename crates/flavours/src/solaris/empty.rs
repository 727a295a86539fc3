//! What is there and empty: `contracts/` and `templates/`, since Linux has nothing of the kind, and `ldt`, whose entries only the
//! process itself can read.

use super::about::About;
use std::ffi::OsStr;
use std::sync::Arc;
use tree::{Attr, Caller, Entry, Errno, Handle, Node, Result};

/// A directory of nothing.
pub struct Nothing;

/// Its `st_size`: room for `.` and `..`.
pub fn slots(_about: &About) -> Result<u64> {
    Ok(32)
}

/// The content of an empty file.
pub fn content(_about: &About) -> Result<Vec<u8>> {
    Ok(Vec::new())
}

impl Node for Nothing {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn lookup(&self, _caller: &Caller, _name: &OsStr) -> Result<Arc<dyn Node>> {
        Err(Errno(libc::ENOENT))
    }

    fn readdir(&self, _caller: &Caller) -> Result<Vec<Entry>> {
        Ok(Vec::new())
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::EISDIR))
    }
}
