//! The directory of a process.

use super::look::{stale, Subject};
use super::nodes;
use std::ffi::OsStr;
use std::sync::Arc;
use tree::{Attr, Caller, Entry, Errno, Handle, Keep, Node, Result, SetAttr};

/// `<pid>/`.
pub struct Process {
    /// Whose.
    pub subject: Subject,
    /// How long the name it was found by may be remembered.
    pub keep: Keep,
}

impl Node for Process {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        self.subject.target.visible(caller)?;
        let rules = self.subject.rules;
        let (_, nlink) = rules.nlinks(nodes::of_level(rules.level).count() + 2);
        let ino = nodes::process_ino(rules, self.subject.pid());
        let look = self.subject.look(caller);
        look.attr(ino, libc::S_IFDIR | 0o555, nlink, rules.directory_size()).map_err(stale)
    }

    fn keep(&self) -> Keep {
        self.keep
    }

    fn identity(&self) -> u64 {
        self.subject.identity()
    }

    fn lookup(&self, caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
        nodes::find(&self.subject, caller, name)
    }

    fn readdir(&self, caller: &Caller) -> Result<Vec<Entry>> {
        nodes::entries(&self.subject, caller)
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::EISDIR))
    }

    fn setattr(&self, _caller: &Caller, _set: &SetAttr) -> Result<()> {
        self.subject.rules.setattr(false)
    }
}
