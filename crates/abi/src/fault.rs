//! Hardware faults by the names and numbers of SVR4 (`<sys/fault.h>`), told from the signal that Linux makes of them.

/// Names of faults 1 to 12, without FLT.
pub const NAMES: [&str; 12] =
    ["ILL", "PRIV", "BPT", "TRACE", "ACCESS", "BOUNDS", "IOVF", "IZDIV", "FPE", "STACK", "PAGE", "WATCH"];

/// Illegal instruction.
pub const ILL: u8 = 1;
/// Privileged instruction.
pub const PRIV: u8 = 2;
/// Breakpoint trap.
pub const BPT: u8 = 3;
/// Trace trap (single step).
pub const TRACE: u8 = 4;
/// Memory access, such as alignment or protection.
pub const ACCESS: u8 = 5;
/// Memory bounds, an invalid address.
pub const BOUNDS: u8 = 6;
/// Integer zero divide.
pub const IZDIV: u8 = 8;
/// Floating-point exception.
pub const FPE: u8 = 9;
/// Watchpoint trap.
pub const WATCH: u8 = 12;

/// Number of a fault by name, in any case, with or without FLT.
pub fn parse(word: &str) -> Option<u8> {
    let upper = word.to_ascii_uppercase();
    let name = upper.strip_prefix("FLT").unwrap_or(&upper);
    NAMES.iter().position(|n| *n == name).map(|i| i as u8 + 1)
}

/// `FLTBPT`; the bare number for what has no name.
pub fn name(fault: u8) -> String {
    match NAMES.get((fault as usize).wrapping_sub(1)) {
        Some(n) => format!("FLT{n}"),
        None => fault.to_string(),
    }
}

/// The fault behind a signal, if the processor raised it: such a signal has a positive `si_code`
/// (linux-mechanisms.md 5.2, each case provoked there).
pub fn of_signal(signal: i32, code: i32) -> Option<u8> {
    if code <= 0 {
        return None;
    }
    match (signal, code) {
        (libc::SIGILL, _) => Some(ILL),
        (libc::SIGTRAP, 128 | 1) => Some(BPT),
        (libc::SIGTRAP, 2) => Some(TRACE),
        (libc::SIGTRAP, 4 | 6) => Some(WATCH),
        (libc::SIGSEGV, 2) => Some(ACCESS),
        (libc::SIGSEGV, _) => Some(BOUNDS),
        (libc::SIGBUS, 1) => Some(ACCESS),
        (libc::SIGBUS, _) => Some(BOUNDS),
        (libc::SIGFPE, 1) => Some(IZDIV),
        (libc::SIGFPE, _) => Some(FPE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sent_signals_are_no_faults() {
        assert_eq!(of_signal(libc::SIGSEGV, 0), None);
        assert_eq!(of_signal(libc::SIGTRAP, -6), None);
        assert_eq!(of_signal(libc::SIGTRAP, 128), Some(BPT));
        assert_eq!(of_signal(libc::SIGINT, 128), None);
        assert_eq!(parse("fltbpt"), Some(BPT));
        assert_eq!(name(BPT), "FLTBPT");
    }
}
