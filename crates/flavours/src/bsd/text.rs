//! Files of text. What a read gives is a snapshot that was made at the last read from the start of the file, so small reads in turn
//! are parts of the same text; a BSD makes the text anew for each.

use super::candebug::Asker;
use super::level::Sliced;
use super::look::{Look, Subject};
use parking_lot::Mutex;
use std::sync::Arc;
use tree::{slice, Attr, Caller, Errno, Handle, Node, Pending, Result};

/// Makes the text.
pub type Content = fn(&Look) -> Result<Vec<u8>>;

/// How much of a text a read gives, where the release is followed strictly and was like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// What there is at the offset.
    Parts,
    /// What fits, and only from the start.
    Start,
    /// All, and only from the start: EFBIG if it does not fit.
    Whole,
}

/// A file of text that nobody writes.
pub struct Text {
    /// Whose.
    pub subject: Subject,
    /// What is in it.
    pub content: Content,
    /// How it is read.
    pub reads: Reads,
    /// For who may debug the process only. Anybody can open it, and then not read.
    pub guarded: bool,
}

impl Node for Text {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        let (subject, content, reads) = (self.subject.clone(), self.content, self.reads);
        let opener = self.guarded.then(|| Asker::of(caller)).transpose()?;
        Ok(Arc::new(Open { subject, content, reads, opener, snapshot: Snapshot::default() }))
    }
}

/// The text of one open file as it was at the last read from the start.
#[derive(Default)]
pub struct Snapshot(Mutex<Option<Vec<u8>>>);

impl Snapshot {
    /// The part of the text that a read gets.
    pub fn read(&self, offset: u64, size: usize, make: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        let mut kept = self.0.lock();
        let text = match kept.take() {
            Some(text) if offset != 0 => text,
            _ => make()?,
        };
        Ok(slice(kept.insert(text), offset, size).to_vec())
    }
}

struct Open {
    subject: Subject,
    content: Content,
    reads: Reads,
    /// Who opened it, if it is guarded.
    opener: Option<Asker>,
    snapshot: Snapshot,
}

impl Open {
    fn read(&self, caller: &Caller, offset: u64, size: usize) -> Result<Vec<u8>> {
        let (look, rules) = (self.subject.look(caller), self.subject.rules);
        let gone = |e: Errno| if matches!(e.0, libc::ENOENT | libc::ESRCH) { rules.gone() } else { e };
        look.status().map_err(gone)?;
        if let Some(opener) = &self.opener {
            let own = caller.pid()? == self.subject.pid();
            Asker::of(caller)?.may_look(&look, own).and_then(|()| opener.may_look(&look, false)).map_err(gone)?;
        }
        let at_once = self.reads != Reads::Parts && rules.map_reads() == Sliced::AtOnce;
        if at_once && offset != 0 {
            return Ok(Vec::new());
        }
        let part = self.snapshot.read(offset, size, || {
            let mut text = (self.content)(&look).map_err(|e| match e.0 {
                libc::EACCES => Errno(libc::EPERM),
                _ => gone(e),
            })?;
            if at_once && self.reads == Reads::Whole && text.len() > size {
                return Err(Errno(libc::EFBIG));
            }
            text.truncate(rules.text_max());
            Ok(text)
        })?;
        Ok(part)
    }
}

impl Handle for Open {
    fn read(&self, caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        done.finish(self.read(caller, offset, size));
    }

    fn write(&self, _caller: &Caller, _offset: u64, _data: &[u8], done: Pending<usize>) {
        done.finish(Err(self.subject.rules.not_written()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_of_one_text_until_it_is_read_from_the_start() {
        let snapshot = Snapshot::default();
        let read = |offset, size, text: &[u8]| snapshot.read(offset, size, || Ok(text.to_vec())).unwrap();
        assert_eq!(read(2, 9, b"first"), b"rst");
        assert_eq!(read(0, 2, b"second"), b"se");
        assert_eq!(read(2, 2, b"third"), b"co");
        assert_eq!(read(u64::MAX, 2, b"third"), b"");
        assert_eq!(read(0, 9, b"third"), b"third");
        assert_eq!(snapshot.read(0, 1, || Err(Errno(libc::EPERM))), Err(Errno(libc::EPERM)));
        assert_eq!(read(1, 9, b"fourth"), b"ourth");
    }
}
