//! Requests that wait, by their unique number, so that an INTERRUPT finds them.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use tree::WeakPending;

/// Hash of a number that is already well spread: multiplication, no more.
#[derive(Default)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.write_u64(u64::from(*b));
        }
    }
    fn write_u64(&mut self, n: u64) {
        let x = (self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = x ^ (x >> 32);
    }
}

/// A map keyed by numbers of the kernel or our own.
pub(crate) type NumberMap<V> = HashMap<u64, V, BuildHasherDefault<NumberHasher>>;

/// A request that can be cancelled.
pub(crate) enum Wait {
    Read(WeakPending<Vec<u8>>),
    Write(WeakPending<usize>),
    Ioctl(WeakPending<(i32, Vec<u8>)>),
}

impl Wait {
    pub fn cancel(&self) {
        match self {
            Wait::Read(p) => p.cancel(),
            Wait::Write(p) => p.cancel(),
            Wait::Ioctl(p) => p.cancel(),
        }
    }
}

const SHARDS: usize = 16;

/// All requests that wait. A request is in here from before its handler is called until its answer is about to be
/// sent. No lock is held while a request is cancelled, since its answer comes back here to remove it.
#[derive(Default)]
pub(crate) struct Parked {
    shards: [Mutex<NumberMap<Wait>>; SHARDS],
    closed: AtomicBool,
}

impl Parked {
    fn shard(&self, unique: u64) -> &Mutex<NumberMap<Wait>> {
        // Uniques of the kernel go up by two.
        &self.shards[(unique >> 1) as usize % SHARDS]
    }

    /// False if the session is ending: the request must be cancelled now.
    #[must_use]
    pub fn insert(&self, unique: u64, wait: Wait) -> bool {
        let mut shard = self.shard(unique).lock();
        // Under the lock: `close` sets the mark before it empties the shards.
        if self.closed.load(Ordering::SeqCst) {
            return false;
        }
        shard.insert(unique, wait);
        true
    }

    pub fn remove(&self, unique: u64) {
        let wait = self.shard(unique).lock().remove(&unique);
        drop(wait);
    }

    /// True if the request waited.
    pub fn cancel(&self, unique: u64) -> bool {
        let wait = self.shard(unique).lock().remove(&unique);
        match wait {
            Some(wait) => {
                wait.cancel();
                true
            }
            None => false,
        }
    }

    pub fn cancel_all(&self) -> usize {
        let mut count = 0;
        for shard in &self.shards {
            let all = std::mem::take(&mut *shard.lock());
            count += all.len();
            for wait in all.values() {
                wait.cancel();
            }
        }
        count
    }

    /// Cancels all, and whatever comes later at once.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.cancel_all();
    }

    pub fn len(&self) -> usize {
        self.shards.iter().map(|s| s.lock().len()).sum()
    }
}
