//! Who has `mem` of a process open: what exclusive opens go by, and the last close. Counted over all mounts of both flavours.
//!
//! FUSE does not tell that an open is to be exclusive; the kernel shows it as long as the caller waits in open(2) or openat(2), not in
//! openat2(2) nor through an io_uring. A writer that has closed the file is in nobody's way: who finds others there waits for the
//! closes that are under way ([`tree::closes`]).

use super::ioctl;
use super::look::Subject;
use crate::exclusive::is_exclusive;
use kernel::procfs::Life;
use parking_lot::Mutex;
use std::collections::HashMap;
use tree::{closes, Caller, Errno, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Reading,
    Writing,
    /// Writing, and nobody else is to.
    Alone,
}

static OPENS: Mutex<Option<HashMap<Life, Vec<How>>>> = Mutex::new(None);

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
    let life = subject.target.proc.life();
    let in_the_way = |list: &[How]| match how {
        How::Reading => false,
        How::Writing => list.contains(&How::Alone),
        How::Alone => list.iter().any(|other| *other != How::Reading),
    };
    let others = OPENS.lock().as_ref().and_then(|all| all.get(&life)).cloned().unwrap_or_default();
    // Who is in nobody's way may keep the last close from being the last, with which events end.
    if in_the_way(&others) || (!others.is_empty() && ioctl::are_asked_for(&subject.target)) {
        closes::settle();
    }
    let mut opens = OPENS.lock();
    let list = opens.get_or_insert_default().entry(life).or_default();
    if in_the_way(list) {
        return Err(Errno(libc::EBUSY));
    }
    list.push(how);
    Ok(Opening { life, how, last })
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut opens = OPENS.lock();
        let Some(all) = opens.as_mut() else { return };
        let Some(list) = all.get_mut(&self.life) else { return };
        if let Some(at) = list.iter().position(|how| *how == self.how) {
            list.swap_remove(at);
        }
        if list.is_empty() {
            all.remove(&self.life);
            // Before anybody else can open it.
            (self.last)();
        }
    }
}
