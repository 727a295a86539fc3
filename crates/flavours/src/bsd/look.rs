//! Who looks at what, under which rules.

use super::level::{Owner, Rules};
use crate::about::{About, Status};
use crate::target::Target;
use kernel::machine;
use kernel::procfs;
use tree::{Attr, Caller, Errno, Result};

/// A process as a mount shows it.
#[derive(Clone)]
pub struct Subject {
    /// The process.
    pub target: Target,
    /// The release that is shown.
    pub rules: Rules,
}

impl Subject {
    /// A look of this caller at it.
    pub fn look<'a>(&'a self, caller: &'a Caller) -> Look<'a> {
        Look { about: About::new(&self.target, caller), rules: self.rules }
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.target.proc.pid()
    }

    /// Tells it and the next owner of its number apart; never 0.
    pub fn identity(&self) -> u64 {
        self.target.proc.life().word()
    }
}

/// One look of one caller at a process.
pub struct Look<'a> {
    /// Who, and at what.
    pub about: About<'a>,
    /// The release that is shown.
    pub rules: Rules,
}

impl Look<'_> {
    /// ENOENT unless the process is there: none that has ended, reaped or not, is.
    pub fn there(&self) -> Result<()> {
        if self.about.zombie()? {
            return Err(Errno(libc::ENOENT));
        }
        Ok(())
    }

    /// The kernel's `status` of a process that is there.
    pub fn status(&self) -> Result<&Status> {
        self.there().and_then(|()| self.about.status())
    }

    /// P_SUGID: the ids have changed since the exec, or by it. The kernel then gives the process's files to root.
    pub fn is_sugid(&self) -> Result<bool> {
        let status = self.status()?;
        let [ruid, euid, suid, _] = status.ids("Uid");
        let [rgid, egid, sgid, _] = status.ids("Gid");
        let owner = procfs::fstatat(self.about.target.proc.dir(), c"stat", false).map_err(crate::about::gone)?;
        let shown = (owner.st_uid, owner.st_gid) == (euid, egid);
        Ok(!shown || (ruid, suid) != (euid, euid) || (rgid, sgid) != (egid, egid))
    }

    /// Attributes of a node of the process.
    pub fn attr(&self, ino: u64, mode: u32, nlink: u32, size: u64) -> Result<Attr> {
        self.there()?;
        let ids = self.about.ids()?;
        let (uid, gid) = match self.rules.owner() {
            Owner::Real => (ids.ruid, ids.rgid),
            Owner::Effective => (ids.euid, ids.egid),
        };
        Ok(Attr { uid, gid, ..plain_attr(ino, mode, nlink, size) })
    }
}

/// Attributes of what belongs to no process. All times are the present.
pub fn plain_attr(ino: u64, mode: u32, nlink: u32, size: u64) -> Attr {
    let now = machine::now();
    Attr {
        ino,
        mode,
        nlink,
        size,
        blocks: size.div_ceil(512),
        blksize: machine::page() as u32,
        atime: now,
        mtime: now,
        ctime: now,
        ..Attr::default()
    }
}

/// What was found once and is not there now.
pub fn stale(e: Errno) -> Errno {
    match e.0 {
        libc::ENOENT | libc::ESRCH => Errno(libc::ESTALE),
        _ => e,
    }
}
