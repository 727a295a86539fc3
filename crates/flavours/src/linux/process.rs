//! The directory of a process, and that of a thread: the kernel's entries, then ours.

use super::kernel_file::{entries, find, plain};
use super::own::{self, Row};
use crate::target::Target;
use kernel::procfs::{self, Life};
use std::ffi::OsStr;
use std::sync::Arc;
use tree::{Attr, Caller, Entry, Errno, Handle, Keep, Node, Result, SetAttr};

/// `<pid>/` or `<pid>/task/<tid>/`. In `<tid>/`, which the kernel has for threads that lead no process, its files are those of that
/// directory and ours those of the process.
pub struct TaskDir {
    target: Target,
    life: Life,
}

impl TaskDir {
    /// ESRCH if the thread is gone.
    pub fn new(target: Target) -> Result<TaskDir> {
        let life = match target.tid {
            None => target.proc.life(),
            Some(number) => {
                let path = target.path(b"stat").ok_or(Errno(libc::EINVAL))?;
                let stat = procfs::read_at(target.proc.dir(), &path)?;
                Life { number, mark: procfs::Stat::parse(&stat).and_then(|s| s.start()).unwrap_or(0) }
            }
        };
        Ok(TaskDir { target, life })
    }

    fn rows(&self) -> &'static [Row] {
        match self.target.tid {
            None => own::PROCESS,
            Some(_) => own::THREAD,
        }
    }

    fn here(&self) -> std::ffi::CString {
        self.target.path(b".").expect("no NUL in it")
    }

    fn not_gone(&self, caller: &Caller, e: Errno) -> Errno {
        if !matches!(e.0, libc::ENOENT | libc::ESRCH) {
            return e;
        }
        match self.target.directory_attr(caller) {
            Err(Errno(libc::ESTALE)) => Errno(libc::ESTALE),
            _ => e,
        }
    }
}

impl Node for TaskDir {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        self.target.directory_attr(caller)
    }

    fn keep(&self) -> Keep {
        match self.target.tid {
            None => Keep::Name,
            Some(_) => Keep::Never,
        }
    }

    fn identity(&self) -> u64 {
        self.life.word()
    }

    fn lookup(&self, caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
        let plain = plain(name)?;
        if let Some(row) = own::find(self.rows(), name) {
            let process = self.target.process().map_err(|e| self.not_gone(caller, e))?;
            let ours = row.node(process);
            ours.attr(caller)?;
            return Ok(ours);
        }
        let path = self.target.path(plain).ok_or(Errno(libc::ENOENT))?;
        let found = find(&self.target.shared, Some(&self.target), caller, path, Keep::Name);
        Ok(Arc::new(found.map_err(|e| self.not_gone(caller, e))?))
    }

    fn readdir(&self, caller: &Caller) -> Result<Vec<Entry>> {
        let all = entries(Some(&self.target), caller, &self.here());
        let mut all = all.map_err(|e| self.not_gone(caller, e))?;
        if !self.rows().is_empty() {
            let process = self.target.process().map_err(|e| self.not_gone(caller, e))?;
            own::add(self.rows(), process.directory_attr(caller)?.ino, &mut all);
        }
        Ok(all)
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::EISDIR))
    }

    fn setattr(&self, caller: &Caller, set: &SetAttr) -> Result<()> {
        let times = set.times().ok_or(Errno(libc::EPERM))?;
        match self.target.shared.options.ro {
            true => Err(Errno(libc::EROFS)),
            false => self.target.set_times(caller, times),
        }
    }

    /// The kernel's directory is immutable, which says more than its mode.
    fn access(&self, caller: &Caller, mask: i32) -> Result<()> {
        let attr = self.attr(caller)?;
        self.target.enter(caller)?;
        match mask & libc::W_OK != 0 {
            true if self.target.shared.options.ro => Err(Errno(libc::EROFS)),
            true => Err(Errno(libc::EPERM)),
            false => caller.may(&attr, mask),
        }
    }
}
