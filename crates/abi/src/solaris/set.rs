//! `sigset_t`, `fltset_t` and `sysset_t`.

use super::record::{head, Kind};
use super::Model;

/// A set of numbers from 1 to 32 × `WORDS`: member n is bit n−1, counted from the lowest bit of the first 32-bit word. There
/// is no member 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Members<const WORDS: usize>(pub [u32; WORDS]);

/// `sigset_t`: signals 1 to 128.
pub type SigSet = Members<4>;
/// `fltset_t`: faults 1 to 128.
pub type FltSet = Members<4>;
/// `sysset_t`: system calls 1 to 512, see [`syscall_out`](super::numbers::syscall_out).
pub type SysSet = Members<16>;

impl<const WORDS: usize> Default for Members<WORDS> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const WORDS: usize> Members<WORDS> {
    /// No member (`premptyset`).
    pub const EMPTY: Self = Members([0; WORDS]);
    /// Every number (`prfillset`).
    pub const FULL: Self = Members([u32::MAX; WORDS]);
    /// Highest possible member.
    pub const MAX: u64 = 32 * WORDS as u64;

    fn place(n: u64) -> (usize, u32) {
        let bit = n.wrapping_sub(1);
        (usize::try_from(bit / 32).unwrap_or(usize::MAX), 1 << (bit % 32))
    }

    /// True if `n` is a member (`prismember`).
    pub fn has(&self, n: u64) -> bool {
        let (word, bit) = Self::place(n);
        self.0.get(word).is_some_and(|w| w & bit != 0)
    }

    /// Adds `n` (`praddset`); no effect on 0 and beyond the end.
    pub fn add(&mut self, n: u64) {
        let (word, bit) = Self::place(n);
        if let Some(w) = self.0.get_mut(word) {
            *w |= bit;
        }
    }

    /// Removes `n` (`prdelset`).
    pub fn remove(&mut self, n: u64) {
        let (word, bit) = Self::place(n);
        if let Some(w) = self.0.get_mut(word) {
            *w &= !bit;
        }
    }

    /// True without members.
    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    /// Members in rising order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        (1..=Self::MAX).filter(|n| self.has(*n))
    }

    /// The members 1 to 64 that a mask of Linux stands for: bit n−1 for n.
    pub fn of_bits(mask: u64) -> Self {
        let mut words = [0; WORDS];
        for (word, bits) in words.iter_mut().zip([mask as u32, (mask >> 32) as u32]) {
            *word = bits;
        }
        Members(words)
    }

    /// Members 1 to 64 as a mask of Linux.
    pub fn bits(&self) -> u64 {
        self.0.iter().take(2).rev().fold(0, |mask, word| mask << 32 | u64::from(*word))
    }
}

/// The set of the numbers given; 0 and what is beyond the end are left out.
impl<const WORDS: usize> FromIterator<u64> for Members<WORDS> {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut set = Self::EMPTY;
        numbers.into_iter().for_each(|n| set.add(n));
        set
    }
}

impl<const WORDS: usize> Kind for Members<WORDS> {
    type Value = Self;

    fn size(_: Model) -> usize {
        4 * WORDS
    }

    fn align(_: Model) -> usize {
        4
    }

    fn zero() -> Self {
        Self::EMPTY
    }

    fn put(value: &Self, _: Model, out: &mut Vec<u8>) {
        value.0.iter().for_each(|word| out.extend(word.to_le_bytes()));
    }

    fn take(_: Model, bytes: &[u8]) -> Option<Self> {
        let mut words = [0; WORDS];
        for (i, word) in words.iter_mut().enumerate() {
            *word = u32::from_le_bytes(head(bytes.get(4 * i..)?)?);
        }
        Some(Members(words))
    }
}
