//! Calls that threads slept in when they were stopped, and which the kernel makes again. Two things it does not tell at a later stop,
//! which were seen at the first: which call it is that goes on as restart_syscall (poll, nanosleep, futex and others with a time-out);
//! and that a thread which stands before a call was put back there, and is still inside for the program.

use crate::event::Call;
use abi::syscall::{is_restart, Abi};
use kernel::ledger::Regs;
use kernel::ptrace::Tid;
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// Most threads that are remembered.
const MOST: usize = 4096;

/// What threads will do again.
#[derive(Default)]
pub(crate) struct Restarts(Mutex<BTreeMap<Tid, Slept>>);

/// Where it called, which tells it from what it, or the next thread of its number, does later.
struct Slept {
    nr: u64,
    at: [u64; 2],
    /// The number by which it is made again, and the result that makes the kernel do it.
    again: [u64; 2],
}

impl Restarts {
    /// A thread with these registers stands in a call that will be made again.
    pub fn remember(&self, tid: Tid, r: &Regs) {
        let Call { nr, abi, .. } = Call::of(r);
        let (at, again) = ([r.rsp, r.rip], [r.orig_rax, r.rax]);
        let mut all = self.0.lock();
        if all.len() >= MOST {
            all.clear();
        }
        match all.get_mut(&tid).filter(|slept| slept.at == at && is_restart(abi, nr)) {
            Some(slept) => slept.again = again,
            None => drop(all.insert(tid, Slept { nr, at, again })),
        }
    }

    /// True if the thread was seen in a call that will be made again.
    pub fn knows(&self, tid: Tid) -> bool {
        self.0.lock().contains_key(&tid)
    }

    /// The registers of a thread as they were inside its call, if it was put back before it and has not made it yet: there a signal
    /// would no longer end it. A program that makes the same call there once more is not told from that, and need not be.
    pub fn inside(&self, tid: Tid, r: &Regs) -> Option<Regs> {
        /// Bytes of every instruction that makes a call.
        const LENGTH: u64 = 2;
        let all = self.0.lock();
        let Slept { at: [sp, pc], again: [nr, result], .. } = *all.get(&tid)?;
        let before = [r.rsp, r.rip.wrapping_add(LENGTH), r.orig_rax] == [sp, pc, nr];
        let number = r.rax == nr || is_restart(Call::of(r).abi, r.rax);
        (before && number).then_some(Regs { rip: pc, rax: result, ..*r })
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

    #[test]
    fn who_was_put_back_is_inside() {
        // SAFETY: plain integers.
        let mut r: Regs = unsafe { std::mem::zeroed() };
        let restarts = Restarts::default();
        (r.cs, r.rsp, r.rip) = (0x33, 0x1000, 0x2000);
        for (orig, result, number) in [(0, -512i64, 0), (7, -516, 219), (219, -516, 219)] {
            (r.orig_rax, r.rax) = (orig, result as u64);
            restarts.remember(5, &r);
            let put_back = Regs { rip: 0x1ffe, rax: number, ..r };
            let inside = restarts.inside(5, &put_back).unwrap();
            assert_eq!([inside.rip, inside.rax], [0x2000, result as u64], "{orig}");
            assert!(restarts.inside(6, &put_back).is_none());
            assert!(restarts.inside(5, &Regs { rip: 0x1fff, ..put_back }).is_none());
            assert!(restarts.inside(5, &Regs { rax: 1, ..put_back }).is_none());
        }
        assert_eq!(restarts.slept_in(5, &r).map(|c| c.nr), Some(7));
    }
}
