//! The event stream of a seat: bounded, shared by the tracer (which fills it) and the client (who reads it).

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// Events that may wait to be read. A seat whose stream is full holds the process until the reader has made room: no event
/// is ever dropped and no memory is unbounded.
pub const CAPACITY: usize = 4096;

type Wake = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Inner {
    lines: VecDeque<String>,
    /// Bytes of the first line that an earlier, short read has taken.
    taken: usize,
    closed: bool,
    was_full: bool,
    wakes: Vec<Wake>,
}

/// A queue of lines.
#[derive(Default)]
pub struct Stream(Mutex<Inner>);

/// What a read found.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// Bytes; empty at the end of the stream (the target has ended or the seat was taken away). The flag says that a full
    /// stream has room again.
    Bytes(Vec<u8>, bool),
    /// Nothing yet.
    Empty,
}

impl Stream {
    /// A new, empty stream.
    pub fn new() -> Arc<Stream> {
        Arc::new(Stream::default())
    }

    /// Adds a line and wakes whoever waits.
    pub fn push(&self, line: String) {
        let wakes = {
            let mut inner = self.0.lock();
            inner.lines.push_back(line);
            if inner.lines.len() >= CAPACITY {
                inner.was_full = true;
            }
            std::mem::take(&mut inner.wakes)
        };
        wakes.into_iter().for_each(|w| w());
    }

    /// True while no more should be added.
    pub fn is_full(&self) -> bool {
        let inner = self.0.lock();
        inner.was_full
    }

    /// No more lines will come.
    pub fn close(&self) {
        let wakes = {
            let mut inner = self.0.lock();
            inner.closed = true;
            std::mem::take(&mut inner.wakes)
        };
        wakes.into_iter().for_each(|w| w());
    }

    /// As many whole lines as fit in `size`; the first in part if it alone does not fit.
    pub fn read(&self, size: usize) -> Read {
        let mut inner = self.0.lock();
        if inner.lines.is_empty() {
            return if inner.closed { Read::Bytes(Vec::new(), false) } else { Read::Empty };
        }
        let mut out = Vec::new();
        while let Some(line) = inner.lines.front() {
            let rest = &line.as_bytes()[inner.taken..];
            if out.len() + rest.len() <= size {
                out.extend_from_slice(rest);
                inner.lines.pop_front();
                inner.taken = 0;
            } else {
                if out.is_empty() {
                    out.extend_from_slice(&rest[..size]);
                    inner.taken += size;
                }
                break;
            }
        }
        let room = inner.was_full && inner.lines.len() <= CAPACITY / 2;
        if room {
            inner.was_full = false;
        }
        Read::Bytes(out, room)
    }

    /// Puts back what a read took that could not be handed over (its reader had given up).
    pub fn unread(&self, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let wakes = {
            let mut inner = self.0.lock();
            let mut text = String::from_utf8_lossy(&bytes).into_owned();
            if inner.taken > 0 {
                // The end of the line that was taken in part is still in front: make it whole again.
                let taken = std::mem::take(&mut inner.taken);
                if let Some(line) = inner.lines.pop_front() {
                    text.push_str(line.get(taken..).unwrap_or_default());
                }
            }
            inner.lines.push_front(text);
            std::mem::take(&mut inner.wakes)
        };
        wakes.into_iter().for_each(|w| w());
    }

    /// True if a read would not wait.
    pub fn ready(&self) -> bool {
        let inner = self.0.lock();
        !inner.lines.is_empty() || inner.closed
    }

    /// Calls `wake` once when a read may find something; at once if it does already.
    pub fn when_ready(&self, wake: Wake) {
        let mut inner = self.0.lock();
        if inner.lines.is_empty() && !inner.closed {
            inner.wakes.push(wake);
            return;
        }
        drop(inner);
        wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_then_parts_then_the_end() {
        let s = Stream::new();
        assert_eq!(s.read(10), Read::Empty);
        s.push("one\n".into());
        s.push("two\n".into());
        assert_eq!(s.read(7), Read::Bytes(b"one\n".to_vec(), false));
        assert_eq!(s.read(3), Read::Bytes(b"two".to_vec(), false));
        assert_eq!(s.read(3), Read::Bytes(b"\n".to_vec(), false));
        s.close();
        assert_eq!(s.read(3), Read::Bytes(vec![], false));
    }

    #[test]
    fn what_was_put_back_is_read_again() {
        let s = Stream::new();
        s.push("one\n".into());
        s.push("two\n".into());
        let Read::Bytes(b, _) = s.read(6) else { panic!() };
        s.unread(b);
        let Read::Bytes(b, _) = s.read(2) else { panic!() };
        s.unread(b);
        let mut all = Vec::new();
        while let Read::Bytes(b, _) = s.read(3) {
            all.extend(b);
        }
        assert_eq!(all, b"one\ntwo\n");
    }

    #[test]
    fn a_full_stream_says_when_it_has_room_again() {
        let s = Stream::new();
        for _ in 0..CAPACITY {
            s.push("x\n".into());
        }
        assert!(s.is_full());
        let mut seen = 0;
        while s.is_full() {
            match s.read(100) {
                Read::Bytes(b, _) => seen += b.len() / 2,
                Read::Empty => panic!("lost lines"),
            }
        }
        assert!((CAPACITY / 2..CAPACITY / 2 + 50).contains(&seen), "{seen}");
    }
}
