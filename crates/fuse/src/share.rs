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

/// How many files each of the others has open, on all mounts.
static OPENED: Mutex<BTreeMap<u32, u64>> = Mutex::new(BTreeMap::new());

/// Room for an open file.
pub(crate) struct Place {
    user: u32,
}

impl Place {
    /// EMFILE if this user has as many open as he may.
    pub fn take(user: u32) -> Result<Place> {
        if user != own_user() {
            let mut opened = OPENED.lock();
            let taken = opened.entry(user).or_default();
            if *taken >= machine::descriptors() / OPEN {
                return Err(Errno(libc::EMFILE));
            }
            *taken += 1;
        }
        Ok(Place { user })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut opened = OPENED.lock();
        if let Some(taken) = opened.get_mut(&self.user) {
            *taken -= 1;
            if *taken == 0 {
                opened.remove(&self.user);
            }
        }
    }
}
