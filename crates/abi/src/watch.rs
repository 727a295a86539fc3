//! Traps of watched areas, as they stand in a `siginfo_t` of Linux: SIGTRAP with [`CODE`], the first watched byte that was touched
//! in `si_addr`, and in `si_trapno`, which Linux leaves 0 there, what Linux does not tell.

/// `si_code` of the trap: TRAP_HWBKPT.
pub const CODE: i32 = 4;

/// Where `si_trapno` stands in the 64-bit layout, in bytes.
pub const TRAPNO_AT: usize = 24;

/// How an area was touched. The numbers are those of `si_code` on Solaris (TRAP_RWATCH, TRAP_WWATCH, TRAP_XWATCH).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Read.
    Read = 3,
    /// Written.
    Write = 4,
    /// Executed.
    Exec = 5,
}

const AFTER: i32 = 0x100;

/// What `si_trapno` says; `after`: the instruction has been carried out.
pub fn trapno(kind: Kind, after: bool) -> i32 {
    kind as i32 | if after { AFTER } else { 0 }
}

/// What a `si_trapno` says; None if it is no such trap.
pub fn of_trapno(trapno: i32) -> Option<(Kind, bool)> {
    let kind = [Kind::Read, Kind::Write, Kind::Exec].into_iter().find(|k| *k as i32 == trapno & !AFTER)?;
    Some((kind, trapno & AFTER != 0))
}
