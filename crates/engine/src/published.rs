//! What is held, for readers who need not wait for the tracer thread.
//!
//! The tracer thread keeps its entries in [`Entries`]. Whoever changes one takes it by `get_mut` or `entry`, which withdraw
//! what was published of it: nobody can forget to, and nothing stale is read once a change has been answered.

use crate::engine::Held;
use crate::tracer::{Entry, Key};
use kernel::procfs::Proc;
use parking_lot::Mutex;
use std::collections::btree_map::{self, BTreeMap};
use std::sync::Arc;

/// What is known of one process.
#[derive(Clone)]
pub(crate) enum Shown {
    /// In the engine's care and changed since it was last shown: the tracer thread has to be asked.
    Changed,
    /// As it is.
    Held(Arc<Held>),
}

/// The processes in the engine's care, for all threads.
pub(crate) type Published = Arc<Mutex<BTreeMap<Key, (Arc<Proc>, Shown)>>>;

/// The processes in the engine's care, for the tracer thread.
pub(crate) struct Entries {
    all: BTreeMap<Key, Entry>,
    published: Published,
}

impl Entries {
    pub fn new(published: Published) -> Entries {
        Entries { all: BTreeMap::new(), published }
    }

    pub fn get(&self, key: &Key) -> Option<&Entry> {
        self.all.get(key)
    }

    pub fn get_mut(&mut self, key: &Key) -> Option<&mut Entry> {
        let entry = self.all.get_mut(key)?;
        withdraw(&self.published, *key, entry);
        Some(entry)
    }

    /// The entry of a process, made if there is none.
    pub fn entry(&mut self, key: Key, make: impl FnOnce() -> Entry) -> &mut Entry {
        let entry = self.all.entry(key).or_insert_with(|| {
            let made = make();
            self.published.lock().insert(key, (made.proc.clone(), Shown::Changed));
            made
        });
        withdraw(&self.published, key, entry);
        entry
    }

    pub fn remove(&mut self, key: &Key) {
        self.published.lock().remove(key);
        self.all.remove(key);
    }

    pub fn keys(&self) -> btree_map::Keys<'_, Key, Entry> {
        self.all.keys()
    }

    pub fn values(&self) -> btree_map::Values<'_, Key, Entry> {
        self.all.values()
    }

    pub fn iter(&self) -> btree_map::Iter<'_, Key, Entry> {
        self.all.iter()
    }

    /// Publishes an entry as it is now.
    pub fn publish(&mut self, key: &Key, show: impl FnOnce(&Entry) -> Held) -> Option<Arc<Held>> {
        let entry = self.all.get_mut(key)?;
        let held = Arc::new(show(entry));
        entry.shown = true;
        self.published.lock().insert(*key, (entry.proc.clone(), Shown::Held(held.clone())));
        Some(held)
    }
}

fn withdraw(published: &Published, key: Key, entry: &mut Entry) {
    if std::mem::take(&mut entry.shown) {
        published.lock().insert(key, (entry.proc.clone(), Shown::Changed));
    }
}
