//! The root directory: a directory for each process, and `self`, which is not listed.

use super::about::{gone, About};
use super::nodes::{self, ROOT_INO, SELF_INO};
use super::process::Process;
use crate::target::{number, Target};
use crate::Shared;
use kernel::machine;
use kernel::procfs::{self, Proc};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
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

    fn pids(&self) -> Result<Vec<u32>> {
        let all = procfs::entries(procfs::root(), c".")?;
        Ok(all.iter().filter_map(|e| number(&e.name)).collect())
    }
}

/// Attributes of what belongs to no process: it is as old as the moment.
fn attr(ino: u64, mode: u32, nlink: u32, size: u64) -> Attr {
    let now = (machine::now().0, 0);
    Attr {
        ino,
        mode,
        nlink,
        size,
        blocks: size.div_ceil(512),
        blksize: 512,
        atime: now,
        mtime: now,
        ctime: now,
        ..Attr::default()
    }
}

impl Node for Root {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        let processes = self.pids()?.len() as u32;
        Ok(attr(ROOT_INO, libc::S_IFDIR | 0o555, processes + 2, (machine::processes_max() + 2) * 16))
    }

    fn lookup(&self, caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
        if name == "self" {
            return Ok(Arc::new(WhoAsks));
        }
        let pid = number(name.as_bytes()).ok_or(Errno(libc::ENOENT))?;
        let target = self.target(self.shared.proc(pid).map_err(gone)?);
        target.visible(caller).map_err(|_| Errno(libc::ENOENT))?;
        // A number of a thread leads to a process in the kernel's /proc.
        if About::new(&target, caller).ids()?.tgid != target.proc.pid() {
            return Err(Errno(libc::ENOENT));
        }
        Ok(Arc::new(Process(target)))
    }

    fn readdir(&self, caller: &Caller) -> Result<Vec<Entry>> {
        let hides = self.shared.options.hidepid >= 2 || self.shared.options.uid.is_some() || procfs::hides();
        let mut all = Vec::new();
        for pid in self.pids()? {
            if hides && !self.shows(caller, pid) {
                continue;
            }
            let ino = nodes::process_ino(pid);
            all.push(Entry { name: pid.to_string().into(), ino, kind: libc::S_IFDIR });
        }
        Ok(all)
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::EISDIR))
    }
}

/// `self`: a link to the directory of who reads it.
struct WhoAsks;

impl Node for WhoAsks {
    /// The real user and group own it; of a reader who cannot be seen, those he opens files with.
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        let real = caller.pid().ok().and_then(|pid| Proc::open(pid).ok()?.ids().ok());
        let (uid, gid) = real.map_or((caller.uid, caller.gid), |ids| (ids.ruid, ids.rgid));
        Ok(Attr { uid, gid, ..attr(SELF_INO, libc::S_IFLNK | 0o777, 1, 0) })
    }

    fn keep(&self) -> Keep {
        Keep::Never
    }

    fn readlink(&self, caller: &Caller) -> Result<Vec<u8>> {
        if caller.tid == 0 {
            return Err(Errno(libc::ENOENT));
        }
        Ok(caller.pid()?.to_string().into_bytes())
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::ELOOP))
    }
}
