//! What one user may take of what all share. The daemon's own user may take all: to him it belongs.

use kernel::creds::Creds;
use kernel::machine;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use tree::{Errno, Result};

/// One of so many of the descriptors that the daemon can have is an open file of one user's. Some keep several: a process in another user
/// namespace has that kept, too.
const OPEN: u64 = 8;

/// The daemon's own user.
pub(crate) fn own_user() -> u32 {
    static OWN: OnceLock<u32> = OnceLock::new();
    *OWN.get_or_init(|| Creds::own().uid())
}

/// Bytes of messages that one user's writes may keep, as long as they wait.
const KEPT: u64 = 16 << 20;

/// How much each of the others has of one thing, on all mounts.
struct Taken(Mutex<BTreeMap<u32, u64>>);

static OPENED: Taken = Taken(Mutex::new(BTreeMap::new()));
static WRITTEN: Taken = Taken(Mutex::new(BTreeMap::new()));

/// Room for an open file, or for a message.
pub(crate) struct Place {
    of: &'static Taken,
    user: u32,
    size: u64,
}

impl Place {
    /// EMFILE if this user has as many files open as he may.
    pub fn of_file(user: u32) -> Result<Place> {
        Place::take(&OPENED, user, 1, machine::descriptors() / OPEN, libc::EMFILE)
    }

    /// ENOMEM if so much waits of this user already that there is no room for so many bytes.
    pub fn of_message(user: u32, bytes: usize) -> Result<Place> {
        Place::take(&WRITTEN, user, bytes as u64, KEPT, libc::ENOMEM)
    }

    fn take(of: &'static Taken, user: u32, size: u64, most: u64, errno: i32) -> Result<Place> {
        if user != own_user() {
            let mut all = of.0.lock();
            let taken = all.entry(user).or_default();
            if *taken + size > most {
                return Err(Errno(errno));
            }
            *taken += size;
        }
        Ok(Place { of, user, size })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.user == own_user() {
            return;
        }
        let mut all = self.of.0.lock();
        if let Some(taken) = all.get_mut(&self.user) {
            *taken -= self.size;
            if *taken == 0 {
                all.remove(&self.user);
            }
        }
    }
}
