//! What one user may have kept: processes with a standing seat, which stay in the engine's care with no file open.

use crate::engine::Giver;
use crate::error::Refusal;
use crate::tracer::{Key, Tracer};
use kernel::creds::Creds;
use kernel::machine;
use std::collections::BTreeMap;

/// One of so many of the descriptors that the daemon can have is one of a process kept for one user.
const OF_ALL: u64 = 8;

/// A process that is kept has three: its directory, its pidfd, and that of its threads.
const EACH: u64 = 3;

/// How many processes are kept for each user.
#[derive(Default)]
pub(crate) struct Shares(BTreeMap<u32, u64>);

impl Shares {
    /// A process that was kept for the one user is kept for the other.
    pub fn pass(&mut self, from: &mut Option<u32>, to: Option<u32>) {
        if *from == to {
            return;
        }
        if let Some(kept) = from.and_then(|user| self.0.get_mut(&user)) {
            *kept -= 1;
        }
        self.0.retain(|user, kept| *kept > 0 || Some(*user) == to);
        if let Some(user) = to {
            *self.0.entry(user).or_default() += 1;
        }
        *from = to;
    }

    /// The daemon's own user may take all: to him it belongs.
    fn is_full(&self, user: u32) -> bool {
        let kept = self.0.get(&user).copied().unwrap_or(0);
        kept >= (machine::descriptors() / OF_ALL / EACH).max(1) && user != Creds::own().uid()
    }
}

impl Tracer {
    /// EMFILE if who gives an order by which a process would be kept has as many as he may, or if the descriptors that are left
    /// are for those who let go. Of one that is kept already nothing more is taken.
    pub fn may_keep(&self, key: Key, giver: &Giver) -> Result<(), Refusal> {
        if self.entries.get(&key).is_some_and(|e| e.user.is_some()) {
            return Ok(());
        }
        let full = |why: String| Err(Refusal::new(libc::EMFILE, format!("{}: {why}: run or detach others", key.0)));
        let user = giver.opener.uid;
        if self.shares.is_full(user) {
            return full(format!("user {user} holds as many processes as one user may"));
        }
        if machine::spare_descriptors().is_err() {
            return full("the daemon has no descriptors for more processes".into());
        }
        Ok(())
    }
}
