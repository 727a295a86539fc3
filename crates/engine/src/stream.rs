//! The event stream of a seat: bounded, shared by the tracer (which fills it) and the client (who reads it).

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Events that may wait to be read. A seat whose stream is full holds the process until the reader has made room: no event
/// is ever dropped and no memory is unbounded.
pub const CAPACITY: usize = 4096;

/// Time between two wake-ups of readers while events come one after the other, which is the longest that a line waits. A wake-up takes
/// longer than an event.
const PAUSE: Duration = Duration::from_millis(1);

type Wake = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Inner {
    lines: VecDeque<String>,
    /// Bytes of the first line that an earlier, short read has taken.
    taken: usize,
    closed: bool,
    was_full: bool,
    /// There are lines since the last wake-up: one is to come.
    unheard: bool,
    /// When a read took all; forgotten with the next wake-up.
    emptied: Option<Instant>,
    /// Reads that wait.
    wakes: Vec<Wake>,
    /// Who polls.
    polls: Option<Wake>,
}

impl Inner {
    /// True if a reader who is patient is to come back. Who was answered a moment ago gets what follows together, when he is woken.
    fn holds_back(&self) -> bool {
        let lately = || self.emptied.is_some_and(|at| at.elapsed() < PAUSE);
        !self.closed && (self.lines.is_empty() || (self.unheard && lately()))
    }
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

    /// Adds a line; true if it is the first after which [`Stream::wake`] is to be called.
    #[must_use]
    pub fn push(&self, line: String) -> bool {
        let mut inner = self.0.lock();
        inner.lines.push_back(line);
        if inner.lines.len() >= CAPACITY {
            inner.was_full = true;
        }
        !std::mem::replace(&mut inner.unheard, true)
    }

    /// Wakes whoever waits; nothing that is there is held back.
    pub fn wake(&self) {
        let wakes = {
            let mut inner = self.0.lock();
            (inner.unheard, inner.emptied) = (false, None);
            let polls = inner.polls.take();
            std::mem::take(&mut inner.wakes).into_iter().chain(polls)
        };
        wakes.for_each(|w| w());
    }

    /// True while no more should be added.
    pub fn is_full(&self) -> bool {
        let inner = self.0.lock();
        inner.was_full
    }

    /// True if no more lines will come.
    pub fn is_closed(&self) -> bool {
        self.0.lock().closed
    }

    /// No more lines will come.
    pub fn close(&self) {
        self.0.lock().closed = true;
        self.wake();
    }

    /// As many whole lines as fit in `size`; the first in part if it alone does not fit. Who is patient gets those of a moment
    /// together.
    pub fn read(&self, size: usize, patient: bool) -> Read {
        let mut inner = self.0.lock();
        if inner.lines.is_empty() && inner.closed {
            return Read::Bytes(Vec::new(), false);
        }
        if inner.lines.is_empty() || (patient && inner.holds_back()) {
            return Read::Empty;
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
        inner.emptied = inner.lines.is_empty().then(Instant::now);
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
        {
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
        }
        self.wake();
    }

    /// True if a read of somebody patient would not wait. Calls `wake` once when there is more, or the end, also if there is
    /// something already: who polls on edges reads all of it first. It takes the place of one that was given before.
    pub fn poll(&self, wake: Option<Wake>) -> bool {
        let mut inner = self.0.lock();
        let before = wake.and_then(|wake| inner.polls.replace(wake));
        let ready = !inner.holds_back();
        drop(inner);
        drop(before);
        ready
    }

    /// Calls `wake` once when a read may find something; at once if it does already.
    pub fn when_ready(&self, wake: Wake) {
        let mut inner = self.0.lock();
        if inner.holds_back() {
            inner.wakes.push(wake);
            return;
        }
        drop(inner);
        wake();
    }
}

/// Streams that are still to be woken.
#[derive(Default)]
pub(crate) struct Unheard {
    streams: Vec<Arc<Stream>>,
    woken: Option<Instant>,
}

impl Unheard {
    /// Adds streams; they are woken at once if nobody was lately.
    pub fn add(&mut self, streams: &mut Vec<Arc<Stream>>) {
        self.streams.append(streams);
        self.wake();
    }

    /// When somebody is to be woken.
    pub fn due(&self) -> Option<Instant> {
        self.woken.filter(|_| !self.streams.is_empty()).map(|at| at + PAUSE)
    }

    /// Wakes all if it is time.
    pub fn wake(&mut self) {
        if self.streams.is_empty() {
            return;
        }
        let now = Instant::now();
        if self.due().is_some_and(|at| at > now) {
            return;
        }
        self.woken = Some(now);
        self.streams.drain(..).for_each(|s| s.wake());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_then_parts_then_the_end() {
        let s = Stream::new();
        assert_eq!(s.read(10, false), Read::Empty);
        let _ = s.push("one\n".into());
        let _ = s.push("two\n".into());
        assert_eq!(s.read(7, false), Read::Bytes(b"one\n".to_vec(), false));
        assert_eq!(s.read(3, false), Read::Bytes(b"two".to_vec(), false));
        assert_eq!(s.read(3, false), Read::Bytes(b"\n".to_vec(), false));
        s.close();
        assert_eq!(s.read(3, false), Read::Bytes(vec![], false));
    }

    #[test]
    fn who_was_just_answered_gets_the_next_lines_together() {
        let s = Stream::new();
        assert!(s.push("one\n".into()));
        assert!(!s.push("two\n".into()), "a wake-up is to come already");
        assert_eq!(s.read(100, true), Read::Bytes(b"one\ntwo\n".to_vec(), false));
        // The time that lines wait may be over before the next look.
        let held = |line: &str| {
            let since = Instant::now();
            let _ = s.push(line.into());
            (s.read(100, true) == Read::Empty) || since.elapsed() >= PAUSE
        };
        assert!(held("three\n"));
        assert!(matches!(s.read(100, false), Read::Bytes(..) | Read::Empty));
        let _ = s.push("four\n".into());
        s.wake();
        assert!(s.poll(None));
        assert_eq!(s.read(100, true), Read::Bytes(b"four\n".to_vec(), false));
        s.close();
        assert_eq!(s.read(100, true), Read::Bytes(vec![], false));
    }

    #[test]
    fn who_polls_is_woken_for_each_piece_of_news_and_by_his_last_poll() {
        use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
        static WOKEN: AtomicUsize = AtomicUsize::new(0);
        let s = Stream::new();
        let poll = || s.poll(Some(Box::new(|| _ = WOKEN.fetch_add(1, SeqCst))));
        assert!(!poll());
        assert!(!poll());
        assert!(s.push("one\n".into()));
        s.wake();
        assert_eq!(WOKEN.load(SeqCst), 1);
        assert!(poll(), "what is there is told");
        assert!(s.push("two\n".into()));
        s.wake();
        assert_eq!(WOKEN.load(SeqCst), 2, "and what comes then");
        assert!(poll());
        s.close();
        assert_eq!(WOKEN.load(SeqCst), 3);
    }

    #[test]
    fn what_was_put_back_is_read_again() {
        let s = Stream::new();
        let _ = s.push("one\n".into());
        let _ = s.push("two\n".into());
        let Read::Bytes(b, _) = s.read(6, false) else { panic!() };
        s.unread(b);
        let Read::Bytes(b, _) = s.read(2, false) else { panic!() };
        s.unread(b);
        let mut all = Vec::new();
        while let Read::Bytes(b, _) = s.read(3, false) {
            all.extend(b);
        }
        assert_eq!(all, b"one\ntwo\n");
    }

    #[test]
    fn a_full_stream_says_when_it_has_room_again() {
        let s = Stream::new();
        for _ in 0..CAPACITY {
            let _ = s.push("x\n".into());
        }
        assert!(s.is_full());
        let mut seen = 0;
        while s.is_full() {
            match s.read(100, false) {
                Read::Bytes(b, _) => seen += b.len() / 2,
                Read::Empty => panic!("lost lines"),
            }
        }
        assert!((CAPACITY / 2..CAPACITY / 2 + 50).contains(&seen), "{seen}");
    }
}
