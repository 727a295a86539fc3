//! `lwp/`, a directory for each lwp, and that directory; the agent's is found under the name `agent` too. An lwp is a thread and its number the thread's: not counted from 1 in
//! each process. A zombie lwp is the first thread of a process that has ended before the others; other threads leave nothing
//! behind.

use super::about::About;
use super::agent;
use super::nodes::{self, LWP};
use crate::target::{number, Target};
use kernel::procfs::Life;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use tree::{Attr, Caller, Entry, Errno, Handle, Keep, Node, Result};

/// `lwp/`. Search and listing are judged at the door.
pub struct Lwps(pub Target);

/// `st_size` of `lwp/`.
pub fn slots(about: &About) -> Result<u64> {
    Ok((about.status()?.number("Threads") + 2) * 16)
}

impl Node for Lwps {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        let about = About::new(&self.0, caller);
        let attr = nodes::attr(&about, nodes::ino(&self.0, "lwp", None), libc::S_IFDIR, 0)?;
        Ok(Attr { nlink: about.status()?.number("Threads") as u32 + 2, ..attr })
    }

    fn lookup(&self, caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
        let tid = match name.as_bytes() {
            b"agent" => agent::tid(&self.0)?,
            name => number(name).ok_or(Errno(libc::ENOENT))?,
        };
        let target = Target { tid: Some(tid), ..self.0.clone() };
        let start = About::new(&target, caller).start().inspect_err(|e| agent::gone(&target, e))?;
        Ok(Arc::new(Lwp { target, start }))
    }

    fn readdir(&self, _caller: &Caller) -> Result<Vec<Entry>> {
        let mut tids = self.0.proc.tasks()?;
        tids.sort_unstable();
        let entry = |tid: u32| {
            let lwp = Target { tid: Some(tid), ..self.0.clone() };
            Entry { name: tid.to_string().into(), ino: nodes::ino(&lwp, "lwp/n", None), kind: libc::S_IFDIR }
        };
        Ok(tids.into_iter().map(entry).collect())
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::EISDIR))
    }
}

/// `lwp/<lwpid>/`.
struct Lwp {
    target: Target,
    start: u64,
}

impl Node for Lwp {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        let about = About::new(&self.target, caller);
        let (mode, size) = (libc::S_IFDIR | 0o555, nodes::directory_size(LWP));
        nodes::attr(&about, nodes::ino(&self.target, "lwp/n", None), mode, size)
    }

    fn keep(&self) -> Keep {
        Keep::Never
    }

    fn identity(&self) -> u64 {
        Life { number: self.target.tid.unwrap_or_default(), mark: self.start }.word()
    }

    fn lookup(&self, caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
        nodes::find(LWP, &self.target, caller, name)
    }

    fn readdir(&self, caller: &Caller) -> Result<Vec<Entry>> {
        self.target.enter(caller)?;
        nodes::entries(LWP, &self.target, caller)
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::EISDIR))
    }
}
