//! The root directory: the kernel's, with processes found by number, and the links that depend on who asks.

use super::kernel_file::{entries, find, plain};
use super::process::TaskDir;
use crate::target::{stat, Target};
use crate::Shared;
use kernel::procfs::Proc;
use std::ffi::{CStr, CString, OsStr};
use std::sync::Arc;
use tree::{Attr, Caller, Entry, Errno, Handle, Keep, Node, Result};

/// The root directory.
pub struct Root {
    shared: Arc<Shared>,
}

impl Root {
    /// The root of a mount.
    pub fn new(shared: Arc<Shared>) -> Root {
        Root { shared }
    }

    fn target(&self, proc: Arc<Proc>) -> Target {
        Target { proc, tid: None, shared: self.shared.clone() }
    }

    fn shows(&self, caller: &Caller, pid: u32) -> bool {
        Proc::open(pid).is_ok_and(|proc| self.target(Arc::new(proc)).visible(caller).is_ok())
    }

    fn process(&self, caller: &Caller, pid: u32) -> Result<Target> {
        let target = self.target(self.shared.proc(pid)?);
        let gone = |e: Errno| if e.0 == libc::ESTALE { Errno(libc::ENOENT) } else { e };
        target.directory_attr(caller).map_err(gone)?;
        Ok(target)
    }

    /// `<pid>:<pidfd inode>`: that life of the number or nothing. A thread has such an inode too, and is no process.
    fn life(&self, caller: &Caller, pid: u32, inode: u64) -> Result<Target> {
        let target = self.process(caller, pid)?;
        if target.proc.pidfd_inode().ok() != Some(inode) || target.proc.tgid().ok() != Some(pid) {
            return Err(Errno(libc::ENOENT));
        }
        Ok(target)
    }

    fn hides(&self) -> bool {
        self.shared.options.hidepid >= 2 || self.shared.options.uid.is_some()
    }
}

/// A number as the kernel takes one for a name: digits, no leading zero.
fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let canonical = text.len() == 1 || text.first() != Some(&b'0');
    if !digits || !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A name that means a process: its number, and the inode of its pidfd if the name has one.
fn named(name: &[u8]) -> Option<(u32, Option<u64>)> {
    match name.iter().position(|b| *b == b':') {
        Some(at) => Some((number(&name[..at])?, Some(number(&name[at + 1..])?))),
        None => Some((number(name)?, None)),
    }
}

impl Node for Root {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        stat(None, caller, c".")
    }

    fn lookup(&self, caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
        let name = plain(name)?;
        match (name, named(name)) {
            (_, Some((pid, None))) => Ok(Arc::new(TaskDir::new(self.process(caller, pid)?)?)),
            (_, Some((pid, Some(inode)))) => Ok(Arc::new(TaskDir::new(self.life(caller, pid, inode)?)?)),
            (b"self", _) => Ok(Arc::new(WhoAsks { path: c"self", thread: false })),
            (b"thread-self", _) => Ok(Arc::new(WhoAsks { path: c"thread-self", thread: true })),
            _ => {
                let path = CString::new(name).map_err(|_| Errno(libc::ENOENT))?;
                Ok(Arc::new(find(&self.shared, None, caller, path, Keep::Name)?))
            }
        }
    }

    fn readdir(&self, caller: &Caller) -> Result<Vec<Entry>> {
        let mut all = entries(None, caller, c".")?;
        if self.hides() {
            all.retain(|e| match number(&e.name) {
                Some(pid) => self.shows(caller, pid),
                None => true,
            });
        }
        Ok(all)
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::EISDIR))
    }
}

/// `self` and `thread-self`: links whose text depends on who reads them.
struct WhoAsks {
    path: &'static CStr,
    thread: bool,
}

impl Node for WhoAsks {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        stat(None, caller, self.path)
    }

    fn keep(&self) -> Keep {
        Keep::Never
    }

    fn readlink(&self, caller: &Caller) -> Result<Vec<u8>> {
        if caller.tid == 0 {
            return Err(Errno(libc::ENOENT));
        }
        let pid = caller.pid()?;
        let text = if self.thread { format!("{pid}/task/{}", caller.tid) } else { pid.to_string() };
        Ok(text.into_bytes())
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::ELOOP))
    }
}
