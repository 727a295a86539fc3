//! Closes under way. FUSE tells of a close when it has returned to who made it; who opens a file next may meet what is closed
//! already. The kernel hands out requests in the order in which they were made, so the news of such a close has been read before
//! that of the open, and all that is to be waited for is the thread that has it.

use kernel::thread::{self, own_tid};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Threads that serve clients.
static LINES: Mutex<Vec<Arc<Line>>> = Mutex::new(Vec::new());

/// What one is at. A cache line of its own, for it is written with every request.
#[repr(align(64))]
struct Line {
    tid: i32,
    at: AtomicU8,
}

/// Waits for a request, or has one of which nothing is known yet.
const DEVICE: u8 = 0;
/// Has a close in hand.
const CLOSE: u8 = 1;
/// Has something else, or does not read requests.
const OTHER: u8 = 2;

/// The calling thread serves clients as long as this lives.
pub struct Serving(Arc<Line>);

impl Serving {
    /// Begins; it reads no requests yet.
    pub fn begin() -> Serving {
        let line = Arc::new(Line { tid: own_tid(), at: AtomicU8::new(OTHER) });
        LINES.lock().push(line.clone());
        Serving(line)
    }

    /// To be called before a request is read.
    pub fn reads(&self) {
        self.0.at.store(DEVICE, SeqCst);
    }

    /// To be called when a request has been read, before anything else, and whenever the thread turns to something else.
    pub fn has(&self, close: bool) {
        self.0.at.store(if close { CLOSE } else { OTHER }, SeqCst);
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.has(false);
        LINES.lock().retain(|line| !Arc::ptr_eq(line, &self.0));
    }
}

/// Waits for the closes that were made before the request that the calling thread serves. False if one takes too long. Not to be
/// called while something is held that a close needs.
pub fn settle() -> bool {
    const LONG: Duration = Duration::from_secs(1);
    const PAUSE: Duration = Duration::from_micros(50);
    let until = Instant::now() + LONG;
    let mut lines = LINES.lock().clone();
    loop {
        lines.retain(|line| line.may_close());
        if lines.is_empty() {
            return true;
        }
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
}

impl Line {
    /// True if it has a close in hand, or a request of which it has not said what it is.
    fn may_close(&self) -> bool {
        match self.at.load(SeqCst) {
            CLOSE => true,
            // One that sleeps has none, unless it has just said what it is and sleeps for that.
            DEVICE => !thread::sleeps(self.tid) || self.at.load(SeqCst) == CLOSE,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn closes_are_waited_for_and_sleepers_are_not() {
        let (order, orders) = mpsc::channel::<bool>();
        let (told, tells) = mpsc::channel();
        let server = std::thread::spawn(move || {
            let serving = Serving::begin();
            serving.reads();
            told.send(()).unwrap();
            while let Ok(close) = orders.recv() {
                serving.has(close);
                told.send(()).unwrap();
            }
        });
        tells.recv().unwrap();
        assert!(settle(), "it waits for an order");
        order.send(true).unwrap();
        tells.recv().unwrap();
        assert!(!settle(), "it has a close");
        order.send(false).unwrap();
        assert!(settle());
        order.send(true).unwrap();
        drop(order);
        assert!(settle(), "it has ended");
        server.join().unwrap();
    }
}
