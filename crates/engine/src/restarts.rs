//! Calls that threads sleep in under another number. After a stop the kernel makes poll, nanosleep, futex and others with a time-out
//! again by restart_syscall, and does not say any more which they are: that was seen at the stop.

use crate::event::Call;
use abi::syscall::{is_restart, Abi};
use kernel::ledger::Regs;
use kernel::ptrace::Tid;
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// Most threads that are remembered.
const MOST: usize = 4096;

/// What a thread will do again by restart_syscall.
#[derive(Default)]
pub(crate) struct Restarts(Mutex<BTreeMap<Tid, Slept>>);

/// Where it called, which tells it from what it, or the next thread of its number, does later.
struct Slept {
    nr: u64,
    at: [u64; 2],
}

impl Restarts {
    /// A thread with these registers stands in a call that will be made again so.
    pub fn remember(&self, tid: Tid, r: &Regs) {
        let Call { nr, abi, .. } = Call::of(r);
        if is_restart(abi, nr) {
            return;
        }
        let mut all = self.0.lock();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(tid, Slept { nr, at: [r.rsp, r.rip] });
    }

    /// The number of the call that thread `tid` is in, which the kernel says is `nr`, with these stack pointer and program counter.
    pub fn number(&self, tid: Tid, abi: Abi, nr: u64, at: [u64; 2]) -> u64 {
        let known = || self.0.lock().get(&tid).filter(|slept| slept.at == at).map(|slept| slept.nr);
        if is_restart(abi, nr) {
            known().unwrap_or(nr)
        } else {
            nr
        }
    }

    /// As [`Call::slept_in`].
    pub fn slept_in(&self, tid: Tid, r: &Regs) -> Option<Call> {
        let call = Call::slept_in(r)?;
        Some(Call { nr: self.number(tid, call.abi, call.nr, [r.rsp, r.rip]), ..call })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_is_what_was_seen_there() {
        // SAFETY: plain integers.
        let mut r: Regs = unsafe { std::mem::zeroed() };
        (r.cs, r.orig_rax, r.rax, r.rsp, r.rip) = (0x33, 7, -516i64 as u64, 0x1000, 0x2000);
        let restarts = Restarts::default();
        restarts.remember(5, &r);
        r.orig_rax = 219;
        assert_eq!(restarts.slept_in(5, &r).map(|c| c.nr), Some(7));
        assert_eq!(restarts.slept_in(6, &r).map(|c| c.nr), Some(219));
        r.rsp = 0x3000;
        assert_eq!(restarts.slept_in(5, &r).map(|c| c.nr), Some(219));
    }
}
