//! The root directory: a directory for each process, and `curproc`.
//!
//! The newest processes come first, as in a BSD's list of all processes; what tells their age is the number, which goes round. Threads
//! are no processes, and what has ended is none any more, reaped or not.

use super::level::Rules;
use super::look::{plain_attr, Subject};
use super::nodes;
use super::process::Process;
use crate::about::gone;
use crate::target::{number, Target};
use crate::Shared;
use kernel::procfs;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use tree::{Attr, Caller, Capacity, Entry, Errno, Handle, Keep, Node, Result};

/// The root directory.
pub struct Root {
    /// The mount.
    pub shared: Arc<Shared>,
    /// The release that is shown.
    pub rules: Rules,
}

impl Root {
    fn subject(&self, pid: u32) -> Result<Subject> {
        let proc = self.shared.proc(pid).map_err(gone)?;
        Ok(Subject { target: Target { proc, tid: None, shared: self.shared.clone() }, rules: self.rules })
    }

    fn process(&self, caller: &Caller, pid: u32) -> Result<Subject> {
        let subject = self.subject(pid)?;
        subject.target.visible(caller).map_err(|_| Errno(libc::ENOENT))?;
        subject.look(caller).there()?;
        // A number of a thread leads to a process in the kernel's /proc.
        if subject.target.proc.tgid().map_err(gone)? != pid {
            return Err(Errno(libc::ENOENT));
        }
        Ok(subject)
    }
}

/// As many files as there can be processes, and those that there are not are free.
pub fn capacity() -> Capacity {
    let most = procfs::read_at(procfs::root(), c"sys/kernel/pid_max").unwrap_or_default();
    let files = procfs::numbers(&most).first().map_or(0, |n| u64::from(*n));
    let there = procfs::entries(procfs::root(), c".").unwrap_or_default();
    let there = there.iter().filter(|e| number(&e.name).is_some()).count() as u64;
    Capacity { blocks: 1, files, free_files: files.saturating_sub(there) }
}

impl Node for Root {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        let (nlink, _) = self.rules.nlinks(0);
        Ok(plain_attr(nodes::ROOT_INO, libc::S_IFDIR | 0o555, nlink, self.rules.directory_size()))
    }

    fn lookup(&self, caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
        if name == "curproc" {
            if self.rules.curproc_is_directory() {
                let subject = self.process(caller, caller.pid()?)?;
                return Ok(Arc::new(Process { subject, keep: Keep::Never }));
            }
            return Ok(Arc::new(CurProc(self.rules)));
        }
        let pid = number(name.as_bytes()).ok_or(Errno(libc::ENOENT))?;
        Ok(Arc::new(Process { subject: self.process(caller, pid)?, keep: Keep::Name }))
    }

    fn readdir(&self, caller: &Caller) -> Result<Vec<Entry>> {
        let pids = procfs::entries(procfs::root(), c".")?.into_iter().filter_map(|e| number(&e.name));
        let mut pids: Vec<u32> = pids.collect();
        pids.sort_unstable_by(|a, b| b.cmp(a));
        let there = pids.into_iter().filter(|pid| self.process(caller, *pid).is_ok());
        let ino = |pid| nodes::process_ino(self.rules, pid);
        let entry = |name: String, ino, kind| Entry { name: name.into(), ino, kind };
        let mut all: Vec<Entry> = there.map(|pid| entry(pid.to_string(), ino(pid), libc::S_IFDIR)).collect();
        let curproc = match (self.rules.curproc_is_directory(), caller.pid()) {
            (true, Ok(pid)) => entry("curproc".into(), ino(pid), libc::S_IFDIR),
            (true, Err(_)) => return Ok(all),
            (false, _) => entry("curproc".into(), nodes::CURPROC_INO, libc::S_IFLNK),
        };
        all.insert(if self.rules.curproc_is_last() { all.len() } else { 0 }, curproc);
        Ok(all)
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::EISDIR))
    }
}

/// `curproc`: a link to the directory of who reads it.
struct CurProc(Rules);

impl CurProc {
    fn text(caller: &Caller) -> Result<Vec<u8>> {
        Ok(caller.pid()?.to_string().into_bytes())
    }
}

impl Node for CurProc {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        let size = match self.0.shows_sizes() {
            true => CurProc::text(caller).map_or(0, |text| text.len() as u64),
            false => 0,
        };
        Ok(plain_attr(nodes::CURPROC_INO, libc::S_IFLNK | 0o444, 1, size))
    }

    fn keep(&self) -> Keep {
        Keep::Never
    }

    fn readlink(&self, caller: &Caller) -> Result<Vec<u8>> {
        CurProc::text(caller)
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::ELOOP))
    }
}
