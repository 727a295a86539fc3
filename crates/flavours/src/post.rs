//! Posting a signal to a process, or to all of its process group that may be signalled, by the rule of kill(2).

use crate::right::send_signal;
use crate::target::Target;
use kernel::creds::Creds;
use kernel::procfs::{self, Proc};
use std::sync::Arc;
use tree::{Errno, Result};

/// Longest note (bsd.md 8).
pub const NOTE_MAX: usize = 64;

/// The signal that a note names: by any of its names, or Plan 9's `interrupt`, `hangup`, `alarm`, `kill`. EMSGSIZE for a text that
/// is too long, EINVAL for one that names none.
pub fn note(text: &[u8]) -> Result<i32> {
    if text.len() > NOTE_MAX {
        return Err(Errno(libc::EMSGSIZE));
    }
    let text = std::str::from_utf8(text).map_err(|_| Errno(libc::EINVAL))?;
    abi::signal::parse(text.trim_end()).ok_or(Errno(libc::EINVAL))
}

/// Posts it in the name of `creds`, to whom `opener` might signal too.
pub fn post(target: &Target, creds: &Creds, opener: &Creds, signal: i32) -> Result<()> {
    if opener != creds {
        opener.may_signal(&target.proc)?;
    }
    send_signal(target, creds, signal).map_err(|r| Errno(r.errno))
}

/// The same to the process group of the target. Each member is judged by itself; one that may be signalled is enough.
pub fn post_group(target: &Target, creds: &Creds, opener: &Creds, signal: i32) -> Result<()> {
    let group = |proc: &Proc| {
        let stat = procfs::read_at(proc.dir(), c"stat").unwrap_or_default();
        procfs::Stat::parse(&stat).and_then(|s| s.number(5))
    };
    let pgid = group(&target.proc).ok_or(Errno(libc::ESRCH))?;
    // Group 0 would be the daemon's own, 1 everybody's.
    if pgid <= 1 {
        return Err(Errno(libc::EPERM));
    }
    if creds.is_same() && opener.is_same() {
        return Ok(kernel::thread::kill_group(pgid as i32, signal)?);
    }
    let mut answer = Err(Errno(libc::ESRCH));
    for entry in procfs::entries(procfs::root(), c".")? {
        let pid = std::str::from_utf8(&entry.name).ok().and_then(|name| name.parse().ok());
        let Some(Ok(proc)) = pid.map(Proc::open) else { continue };
        if group(&proc) != Some(pgid) {
            continue;
        }
        let member = Target { proc: Arc::new(proc), tid: None, shared: target.shared.clone() };
        let sent = post(&member, creds, opener, signal);
        if answer.is_err() {
            answer = sent;
        }
    }
    answer
}
