//! Who has `mem` of a process open: what exclusive opens go by, and the last close. Counted over all mounts of both flavours.
//!
//! FUSE does not tell that an open is to be exclusive; the kernel shows it as long as the caller waits in open(2) or openat(2), not in
//! openat2(2) nor through an io_uring. Unlike 4.4BSD's, a writer that has closed the file is in nobody's way: FUSE tells of a close
//! when it has returned already, so who finds another in his way looks for a moment whether that was just going.

use super::ioctl;
use super::look::Subject;
use crate::exclusive::is_exclusive;
use parking_lot::{Condvar, Mutex};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tree::{Caller, Errno, Result};

/// Number and start time: one life of a process.
type Life = (u32, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Reading,
    Writing,
    /// Writing, and nobody else is to.
    Alone,
}

static OPENS: Mutex<Option<HashMap<Life, Vec<How>>>> = Mutex::new(None);

/// How many opens wait: each takes one of the threads that serve clients.
static WAITING: AtomicUsize = AtomicUsize::new(0);
/// Most of them; one more does not wait.
const WAITING_MAX: usize = 8;

/// Somebody has closed the file.
static CLOSED: Condvar = Condvar::new();

/// The news of a close is read from the kernel before that of an open after it, but another thread may be at work on it.
const A_MOMENT: Duration = Duration::from_millis(20);
/// The same for who is in nobody's way, and would keep the last close from being the last: where events end with that.
const AN_INSTANT: Duration = Duration::from_millis(2);

/// What is done when nobody has the file open any more; it must not wait.
pub type LastClose = Box<dyn Fn() + Send + Sync>;

/// One open file; dropping it closes it.
pub struct Opening {
    life: Life,
    how: How,
    last: LastClose,
}

/// Records an open with these flags. EBUSY if another writer is in the way, or it in the way of another.
pub fn open(subject: &Subject, caller: &Caller, flags: i32, last: LastClose) -> Result<Opening> {
    let how = match flags & libc::O_ACCMODE {
        libc::O_RDONLY => How::Reading,
        _ if subject.rules.has_exclusive_mem() && is_exclusive(caller) => How::Alone,
        _ => How::Writing,
    };
    let life = (subject.pid(), subject.target.proc.start());
    let begun = Instant::now();
    let others = OPENS.lock().as_ref().is_some_and(|all| all.contains_key(&life));
    let mut looked = !others || !ioctl::are_asked_for(&subject.target);
    let mut opens = OPENS.lock();
    loop {
        let list = opens.get_or_insert_default().entry(life).or_default();
        let in_the_way = match how {
            How::Reading => false,
            How::Writing => list.contains(&How::Alone),
            How::Alone => list.iter().any(|other| *other != How::Reading),
        };
        if !in_the_way && (looked || list.is_empty()) {
            list.push(how);
            return Ok(Opening { life, how, last });
        }
        let moment = if in_the_way { A_MOMENT } else { AN_INSTANT };
        let over = WAITING.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX
            || CLOSED.wait_until(&mut opens, begun + moment).timed_out();
        WAITING.fetch_sub(1, Ordering::Relaxed);
        if over && in_the_way {
            return Err(Errno(libc::EBUSY));
        }
        looked |= over;
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut opens = OPENS.lock();
        let Some(all) = opens.as_mut() else { return };
        let Some(list) = all.get_mut(&self.life) else { return };
        if let Some(at) = list.iter().position(|how| *how == self.how) {
            list.swap_remove(at);
        }
        CLOSED.notify_all();
        if list.is_empty() {
            all.remove(&self.life);
            // Before anybody else can open it.
            (self.last)();
        }
    }
}
