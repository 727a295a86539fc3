//! Files of text. What a read gives is a snapshot that was made at the last read from the start of the file, so small reads in turn
//! are parts of the same text; a BSD makes the text anew for each.

use super::candebug::Asker;
use super::level::Sliced;
use super::look::{Look, Subject};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// Most bytes of texts that all open files keep together. A text that finds no room is made anew for each read.
const KEPT_MAX: usize = 64 << 20;
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// A text that counts.
struct Kept(Vec<u8>);

impl Kept {
    fn new(text: Vec<u8>) -> std::result::Result<Kept, Vec<u8>> {
        let length = text.len();
        let room = |kept: usize| kept.checked_add(length).filter(|all| *all <= KEPT_MAX);
        match KEPT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room) {
            Ok(_) => Ok(Kept(text)),
            Err(_) => Err(text),
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        KEPT.fetch_sub(self.0.len(), Ordering::Relaxed);
    }
}

/// The text of one open file as it was at the last read from the start.
#[derive(Default)]
pub struct Snapshot(Mutex<Option<Kept>>);

impl Snapshot {
    /// The part of the text that a read gets.
    pub fn read(&self, offset: u64, size: usize, make: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        let mut kept = self.0.lock();
        if let Some(text) = kept.as_ref().filter(|_| offset != 0) {
            return Ok(slice(&text.0, offset, size).to_vec());
        }
        *kept = None;
        match Kept::new(make()?) {
            Ok(text) => Ok(slice(&kept.insert(text).0, offset, size).to_vec()),
            Err(text) => Ok(slice(&text, offset, size).to_vec()),
        }
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
        look.there().map_err(gone)?;
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
        // A text beyond all that may be kept is read all the same.
        let large = vec![7; KEPT_MAX + 1];
        assert_eq!([read(0, 2, &large), read(KEPT_MAX as u64, 9, &large)], [vec![7; 2], vec![7]]);
        drop(snapshot);
        assert_eq!(KEPT.load(Ordering::Relaxed), 0);
    }
}
