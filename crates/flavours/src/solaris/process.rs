//! The directory of a process.

use super::about::About;
use super::nodes::{self, PROCESS};
use crate::target::Target;
use std::ffi::OsStr;
use std::sync::Arc;
use tree::{Attr, Caller, Entry, Errno, Handle, Node, Result};

/// `<pid>/`.
pub struct Process(pub Target);

impl Node for Process {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        let (mode, size) = (libc::S_IFDIR | 0o511, nodes::directory_size(PROCESS));
        let attr = nodes::attr(&About::new(&self.0, caller), nodes::ino(&self.0, "<pid>", None), mode, size)?;
        Ok(Attr { nlink: 5, ..attr })
    }

    fn identity(&self) -> u64 {
        self.0.proc.life().word()
    }

    fn lookup(&self, caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
        nodes::find(PROCESS, &self.0, caller, name)
    }

    fn readdir(&self, caller: &Caller) -> Result<Vec<Entry>> {
        self.0.enter(caller)?;
        nodes::entries(PROCESS, &self.0, caller)
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::EISDIR))
    }
}
