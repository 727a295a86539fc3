//! Signals that a thread blocks and that are let in for a moment: the trap of a step, or a signal that a client wants delivered
//! whatever the mask says.
//!
//! Only these bits are put back, so that a mask which the thread sets meanwhile stays. Begun in that moment, a handler brings a mask
//! back with its end that lies on its stack: there they are put back too. Everything here may be called in a signal handler.

use crate::ledger;
use crate::ptrace::{self, Tid};
use std::io;

/// The memory of a thread that stands, by words.
pub trait Words {
    /// Reads one.
    fn peek(&self, tid: Tid, at: u64) -> io::Result<u64>;
    /// Writes one.
    fn poke(&self, tid: Tid, at: u64, word: u64) -> io::Result<()>;
}

/// By the tracer itself, who waits for its pages for as long as that takes: for who has nobody else left.
pub struct Himself;

impl Words for Himself {
    fn peek(&self, tid: Tid, at: u64) -> io::Result<u64> {
        ptrace::peek(tid, at)
    }

    fn poke(&self, tid: Tid, at: u64, word: u64) -> io::Result<()> {
        ptrace::poke(tid, at, word)
    }
}

/// What was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifted {
    /// The mask as it was.
    pub mask: u64,
    /// The signals of it that are let in.
    pub bits: u64,
}

impl Lifted {
    /// Lets these signals in, of a thread that stands; None if it blocks none of them. The ledger knows first.
    pub fn lift(tid: Tid, bits: u64) -> io::Result<Option<Lifted>> {
        let mask = ptrace::signal_mask(tid)?;
        let lifted = Lifted { mask, bits: mask & bits };
        if lifted.bits == 0 {
            return Ok(None);
        }
        ledger::lift(tid, lifted);
        ptrace::set_signal_mask(tid, mask & !bits)?;
        Ok(Some(lifted))
    }

    /// Puts them back. `code` is the `si_code` of the trap that the thread stands on, if it stands on one; `stack` leads to its
    /// memory.
    pub fn put_back(self, tid: Tid, code: Option<i32>, stack: &impl Words) {
        // A step is told with this code at the first instruction of a handler, and nowhere else.
        if code == Some(libc::SIGTRAP) {
            let _ = self.put_in_frame(tid, stack);
        }
        if let Ok(now) = ptrace::signal_mask(tid) {
            let _ = ptrace::set_signal_mask(tid, now | self.bits);
        }
        ledger::lower(tid, self.bits);
    }

    /// Makes the mask that comes back with the end of the handler the one that was before. None if there is no such mask.
    fn put_in_frame(self, tid: Tid, stack: &impl Words) -> Option<()> {
        let regs = ptrace::user_regs(tid).ok()?;
        let word = |at: u64| stack.peek(tid, regs.rsp.wrapping_add(at)).ok();
        // The arguments of a handler with SA_SIGINFO lie in the frame, and so does what they point to.
        let with_info = || word(8).is_some_and(|w| w as u32 == (regs.rsp as u32).wrapping_add(16));
        let [low, high] = match ptrace::is_narrow(&regs) {
            true if with_info() => NARROW,
            true => PLAIN,
            false => WIDE,
        };
        // The upper half is looked at as the upper half of a word, which lies in the frame for certain.
        let (at_low, at_high) = (low, high - 4);
        let (l, h) = (word(at_low)?, word(at_high)?);
        let saved = l & LOWER | h & !LOWER;
        if saved | self.bits != self.mask || saved & self.bits != 0 {
            return None;
        }
        let put = |at: u64, word: u64| stack.poke(tid, regs.rsp.wrapping_add(at), word).ok();
        put(at_low, l & !LOWER | self.mask & LOWER)?;
        let h = word(at_high)?;
        put(at_high, h & LOWER | self.mask & !LOWER)
    }
}

const LOWER: u64 = u32::MAX as u64;

/// Where the two halves of the mask are that comes back with the end of a handler, from the stack pointer at its first instruction:
/// `uc_sigmask` of the `rt_sigframe` of x86-64; the same of a 32-bit program whose handler has SA_SIGINFO; `oldmask` and
/// `extramask` of the `sigframe` of one that has not.
const WIDE: [u64; 2] = [8 + 40 + 256, 8 + 40 + 256 + 4];
const NARROW: [u64; 2] = [16 + 128 + 20 + 88, 16 + 128 + 20 + 88 + 4];
const PLAIN: [u64; 2] = [8 + 80, 8 + 88 + 624];
