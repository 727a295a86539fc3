//! Processes with pages to be watched: `targets/paged.c`, and what it can be told to do.

use crate::{Mount, Target};

/// Writes there, so many bytes.
pub const DO_WRITE: u64 = 1;
/// Reads the eight bytes there.
pub const DO_READ: u64 = 2;
/// Fills so many bytes from there by a string instruction.
pub const FILL: u64 = 3;
/// So many threads make so many rounds.
pub const THREADS: u64 = 4;
/// So many threads make rounds for ever.
pub const FOR_EVER: u64 = 5;
/// A child writes to all pages.
pub const FORK: u64 = 6;
/// The same to a child that has lent them.
pub const VFORK: u64 = 7;
/// Executes itself.
pub const EXECUTE: u64 = 8;
/// Has the kernel write so many bytes there.
pub const KERNEL_WRITES: u64 = 9;
/// Unmaps so many bytes from there.
pub const UNMAP: u64 = 10;
/// Maps new memory there.
pub const MAP: u64 = 11;
/// Moves the area.
pub const MOVE: u64 = 12;
/// Counts SIGTRAP.
pub const HANDLE: u64 = 13;
/// Blocks it.
pub const BLOCK: u64 = 14;
/// Lets it in.
pub const UNBLOCK: u64 = 15;
/// Has a handler run on the area as its stack.
pub const SIGNAL_ON_IT: u64 = 16;
/// Has the kernel write into the area for ever; word 9 counts.
pub const CALL_FOR_EVER: u64 = 17;
/// Ignores SIGTRAP.
pub const IGNORE: u64 = 18;
/// Word 8: is it ignored?
pub const IGNORES: u64 = 19;
/// Word 8: where its stack is.
pub const STACK: u64 = 20;
/// Lends its memory until word 6 is set.
pub const LONG_VFORK: u64 = 21;

/// Bytes of a page.
pub const PAGE: u64 = 4096;
/// Where the watched area begins in that of the target.
pub const INSIDE: u64 = PAGE + 2048;
/// Its size.
pub const SIZE: u64 = 3 * PAGE;

/// A mount of the flavour `solaris`.
pub fn mount() -> Mount {
    Mount::of("solaris", "rw")
}

/// A target of 64 or 32 bits with pages of this kind, and where they are.
pub fn started(bits: u32, kind: &str) -> (Target, u64) {
    let target = if bits == 64 { Target::start("paged", &[kind]) } else { Target::start32("paged", &[kind]) };
    let area = target.numbers()[0];
    (target, area)
}
