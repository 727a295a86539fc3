//! `note` and `notepg`: post a signal to the process, or to all of its process group that the writer may signal. One message,
//! one note: a signal by any of its names, or Plan 9's `interrupt`, `hangup`, `alarm`, `kill`. The rule is that of kill(2), for the
//! writer and for who opened the file.

use crate::post;
use crate::right::only_truncation;
use crate::target::Target;
use kernel::creds::Creds;
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Handle, Node, Pending, Result, SetAttr};

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

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        if flags & libc::O_ACCMODE != libc::O_WRONLY {
            return Err(Errno(libc::EACCES));
        }
        let opener = caller.creds()?.clone();
        Ok(Arc::new(Open { target: self.target.clone(), group: self.group, opener }))
    }

    fn setattr(&self, _caller: &Caller, set: &SetAttr) -> Result<()> {
        only_truncation(set)
    }
}

struct Open {
    target: Target,
    group: bool,
    opener: Creds,
}

impl Open {
    fn post(&self, caller: &Caller, data: &[u8]) -> Result<usize> {
        let signal = post::note(data)?;
        let to = if self.group { post::post_group } else { post::post };
        to(&self.target, caller.creds()?, &self.opener, signal)?;
        Ok(data.len())
    }
}

impl Handle for Open {
    fn read(&self, _caller: &Caller, _offset: u64, _size: usize, done: Pending<Vec<u8>>) {
        done.finish(Err(Errno(libc::EBADF)));
    }

    fn write(&self, caller: &Caller, _offset: u64, data: &[u8], done: Pending<usize>) {
        // The end of a child interrupts whoever has brought it about, before he is answered.
        done.shield();
        done.finish(self.post(caller, data));
    }

    fn stream(&self) -> bool {
        true
    }
}
