//! `note` and `notepg`: post a signal to the process, or to all of its process group that the writer may signal. One message,
//! one note: a signal by any of its names, or Plan 9's `interrupt`, `hangup`, `alarm`, `kill`. The rule is that of kill(2).

use crate::right::{only_truncation, send_signal};
use crate::target::Target;
use kernel::creds::Creds;
use kernel::procfs::{self, Proc};
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Handle, Node, Pending, Result, SetAttr};

/// Longest note (bsd.md 8).
const NOTE_MAX: usize = 64;

/// The node.
pub struct Note {
    /// Whose.
    pub target: Target,
    /// To the whole process group.
    pub group: bool,
}

impl Node for Note {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, _caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        if flags & libc::O_ACCMODE != libc::O_WRONLY {
            return Err(Errno(libc::EACCES));
        }
        Ok(Arc::new(Open { target: self.target.clone(), group: self.group }))
    }

    fn setattr(&self, _caller: &Caller, set: &SetAttr) -> Result<()> {
        only_truncation(set)
    }
}

struct Open {
    target: Target,
    group: bool,
}

impl Open {
    fn post(&self, caller: &Caller, data: &[u8]) -> Result<usize> {
        if data.len() > NOTE_MAX {
            return Err(Errno(libc::EMSGSIZE));
        }
        let text = std::str::from_utf8(data).map_err(|_| Errno(libc::EINVAL))?;
        let signal = abi::signal::parse(text.trim_end()).ok_or(Errno(libc::EINVAL))?;
        let creds = caller.creds()?;
        if self.group {
            let stat = procfs::read_at(self.target.proc.dir(), c"stat")?;
            let pgid = procfs::Stat::parse(&stat).and_then(|s| s.number(5)).ok_or(Errno(libc::ESRCH))?;
            // Group 0 would be the daemon's own, 1 everybody's.
            if pgid <= 1 {
                return Err(Errno(libc::EPERM));
            }
            self.post_group(creds, pgid, signal)?;
        } else {
            send_signal(&self.target, creds, signal).map_err(|r| Errno(r.errno))?;
        }
        Ok(data.len())
    }
}

impl Open {
    /// Each member is judged by itself; one that may be signalled is enough.
    fn post_group(&self, creds: &Creds, pgid: u64, signal: i32) -> Result<()> {
        if creds.is_same() {
            return Ok(kernel::thread::kill_group(pgid as i32, signal)?);
        }
        let mut answer = Err(Errno(libc::ESRCH));
        for entry in procfs::entries(procfs::root(), c".")? {
            let pid = std::str::from_utf8(&entry.name).ok().and_then(|name| name.parse().ok());
            let Some(Ok(proc)) = pid.map(Proc::open) else { continue };
            let stat = procfs::read_at(proc.dir(), c"stat").unwrap_or_default();
            if procfs::Stat::parse(&stat).and_then(|s| s.number(5)) != Some(pgid) {
                continue;
            }
            let member = Target { proc: Arc::new(proc), tid: None, shared: self.target.shared.clone() };
            let sent = send_signal(&member, creds, signal).map_err(|r| Errno(r.errno));
            if answer.is_err() {
                answer = sent;
            }
        }
        answer
    }
}

impl Handle for Open {
    fn read(&self, _caller: &Caller, _offset: u64, _size: usize, done: Pending<Vec<u8>>) {
        done.finish(Err(Errno(libc::EBADF)));
    }

    fn write(&self, caller: &Caller, _offset: u64, data: &[u8], done: Pending<usize>) {
        done.finish(self.post(caller, data));
    }

    fn stream(&self) -> bool {
        true
    }
}
