//! `note` and `notepg` (procfs_note.c): post a signal to the process, or to its process group. No BSD ever did: EOPNOTSUPP, if the
//! release is followed strictly. Else one message is one note, as in [`crate::post`]; what is traced and stopped stays so, with the
//! signal pending. Everybody can open them then, whatever the mode says: each write is judged by the rule of kill(2), in the names of
//! who writes and of who opened the file.

use super::candebug::candebug;
use super::look::Subject;
use crate::post;
use kernel::creds::Creds;
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Handle, Node, Pending, Result};

struct Note {
    subject: Subject,
    group: bool,
}

/// The node; `group`: `notepg`.
pub fn node(subject: &Subject, group: bool) -> Arc<dyn Node> {
    Arc::new(Note { subject: subject.clone(), group })
}

impl Node for Note {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        let opener = caller.creds()?.clone();
        Ok(Arc::new(Open { subject: self.subject.clone(), group: self.group, opener }))
    }
}

struct Open {
    subject: Subject,
    group: bool,
    opener: Creds,
}

impl Open {
    fn post(&self, caller: &Caller, data: &[u8]) -> Result<usize> {
        let rules = self.subject.rules;
        let gone = |e: Errno| if matches!(e.0, libc::ENOENT | libc::ESRCH) { rules.gone() } else { e };
        self.subject.look(caller).status().map_err(gone)?;
        if rules.refuses_notes() && rules.hides_from_strangers() && !candebug(&self.subject, caller) {
            return Err(rules.lost());
        }
        if data.len() > post::NOTE_MAX {
            return Err(Errno(libc::EMSGSIZE));
        }
        if rules.refuses_notes() {
            return Err(Errno(libc::EOPNOTSUPP));
        }
        let signal = post::note(data)?;
        let to = if self.group { post::post_group } else { post::post };
        to(&self.subject.target, caller.creds()?, &self.opener, signal).map_err(gone)?;
        Ok(data.len())
    }
}

impl Handle for Open {
    fn read(&self, _caller: &Caller, _offset: u64, _size: usize, done: Pending<Vec<u8>>) {
        done.finish(Err(self.subject.rules.not_read().1));
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
