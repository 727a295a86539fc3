//! Who asks.

use crate::{Attr, Errno, Result, WeakPending};
use kernel::creds::Creds;
use kernel::helper::Carried;
use std::cell::OnceCell;

/// The process behind a request. Its full credentials are looked up only when a decision needs them.
pub struct Caller {
    /// Thread id in the daemon's pid namespace; 0 if the caller is not visible there.
    pub tid: u32,
    /// File-system uid.
    pub uid: u32,
    /// File-system gid.
    pub gid: u32,
    /// O_NONBLOCK of the open file by which this is asked, as it is now: EAGAIN instead of waiting.
    pub nonblock: bool,
    creds: OnceCell<Creds>,
    /// Tells whether the request has been answered, of one that the caller can give up.
    over: Option<Box<dyn Fn() -> bool>>,
}

impl Caller {
    /// A caller as a front end knows it.
    pub fn new(tid: u32, uid: u32, gid: u32) -> Caller {
        Caller { tid, uid, gid, nonblock: false, creds: OnceCell::new(), over: None }
    }

    /// The same, who asks by an open file that has these flags (open(2)'s) now.
    #[must_use]
    pub fn by(self, flags: i32) -> Caller {
        Caller { nonblock: flags & libc::O_NONBLOCK != 0, ..self }
    }

    /// The same, whose thread is the caller's until this request is answered, and may then be anybody's: see [`Caller::waits`].
    #[must_use]
    pub fn until<T: 'static>(self, request: WeakPending<T>) -> Caller {
        Caller { over: Some(Box::new(move || request.is_over())), ..self }
    }

    /// The same caller later on, whose credentials were looked up.
    pub fn known(tid: u32, creds: Creds) -> Caller {
        let caller = Caller::new(tid, creds.uid(), creds.gid());
        Caller { creds: OnceCell::from(creds), ..caller }
    }

    /// EINTR if the request has been answered, as one is whose caller was interrupted. By the number of its thread he may now run a
    /// program with other rights, or somebody else have it; so this is to be asked behind every look at the thread by which rights go. As
    /// long as he waits he is in the call.
    pub fn waits(&self) -> Result<()> {
        match &self.over {
            Some(over) if over() => Err(Errno(libc::EINTR)),
            _ => Ok(()),
        }
    }

    /// Full credentials: groups, capabilities, user namespace. EACCES if the caller cannot be seen. That the daemon is out of
    /// descriptors or memory says nothing about the caller and is told as it is.
    pub fn creds(&self) -> Result<&Creds> {
        if let Some(c) = self.creds.get() {
            return Ok(c);
        }
        let found = Creds::of(self.tid, self.uid, self.gid).map_err(|e| match e.raw_os_error() {
            Some(out @ (libc::EMFILE | libc::ENFILE | libc::ENOMEM)) => Errno(out),
            _ => Errno(libc::EACCES),
        })?;
        self.waits()?;
        Ok(self.creds.get_or_init(|| found))
    }

    /// Runs `f` in the caller's name, see [`Creds::act`]: whoever runs it has the caller's ids, groups and capabilities meanwhile, so
    /// the kernel itself judges what `f` asks of it.
    pub fn act<T: Carried>(&self, f: impl FnOnce() -> std::io::Result<T>) -> Result<T> {
        Ok(self.creds()?.act(f)?)
    }

    /// The owner, group, other rule of open(2) for a node of ours that has no counterpart in the kernel. A caller with
    /// CAP_DAC_OVERRIDE passes, but does not execute what nobody may.
    pub fn may(&self, attr: &Attr, mask: i32) -> Result<()> {
        let want = (mask & 7) as u32;
        let shift = if self.uid == attr.uid {
            6
        } else if self.gid == attr.gid {
            3
        } else {
            0
        };
        let plain = (attr.mode >> shift) & want == want;
        if plain {
            return Ok(());
        }
        let creds = self.creds()?;
        let by_group = shift == 0 && creds.groups().contains(&attr.gid) && (attr.mode >> 3) & want == want;
        let executes = want & libc::X_OK as u32 != 0 && attr.mode & libc::S_IFMT != libc::S_IFDIR;
        let nobody_may = executes && attr.mode & 0o111 == 0;
        if by_group || (creds.overrides_modes() && !nobody_may) {
            return Ok(());
        }
        Err(Errno(libc::EACCES))
    }

    /// Process id (thread group) of the caller; ENOENT if it cannot be seen.
    pub fn pid(&self) -> Result<u32> {
        kernel::procfs::tgid_of(self.tid).ok_or(Errno(libc::ENOENT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pending;

    #[test]
    fn who_has_given_up_has_no_credentials() {
        let request = Pending::new(|_: Result<()>| {});
        let caller = || Caller::new(std::process::id(), 0, 0).until(request.downgrade());
        let before = caller();
        assert!(before.creds().is_ok());
        request.cancel();
        assert_eq!(caller().creds().err(), Some(Errno(libc::EINTR)));
        // What was found while he waited is his.
        assert!(before.creds().is_ok());
        assert_eq!(before.waits(), Err(Errno(libc::EINTR)));
    }
}
