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
/// Memory access: alignment, or an error behind the mapping.
pub const ACCESS: u8 = 5;
/// Memory bounds: an address that is not mapped or not allowed.
pub const BOUNDS: u8 = 6;
/// Integer overflow trap.
pub const IOVF: u8 = 7;
/// Integer zero divide.
pub const IZDIV: u8 = 8;
/// Floating-point exception.
pub const FPE: u8 = 9;
/// Stack that cannot grow.
pub const STACK: u8 = 10;
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

/// `si_code` of what the kernel reports without a reason of its own.
pub const SI_KERNEL: i32 = 128;

/// The fault behind a SIGSEGV at an address that is not mapped: STACK if it is where the stack would have grown to.
pub fn of_address(addr: u64, sp: u64) -> u8 {
    /// What one instruction may reach below the stack pointer: `enter` takes most, 64 KiB and 32 words.
    const REACH: u64 = 65536 + 32 * 8;
    if (sp.saturating_sub(REACH)..sp.saturating_add(8)).contains(&addr) {
        STACK
    } else {
        BOUNDS
    }
}

/// The fault behind a SIGSEGV that the kernel gives no address for, from the bytes around the pc: `text[at]` is what the pc
/// points to. An overflow trap leaves the pc behind its instruction, a privileged instruction at it; what else there is (an
/// address that cannot be, `bound`) is BOUNDS.
pub fn of_instruction(text: &[u8], at: usize, narrow: bool) -> u8 {
    let (before, mut rest) = text.split_at(at.min(text.len()));
    if before.ends_with(&[0xcd, 0x04]) || (narrow && before.ends_with(&[0xce])) {
        return IOVF;
    }
    while let [prefix, after @ ..] = rest {
        let is_prefix = matches!(prefix, 0x66 | 0x67 | 0xf0 | 0xf2 | 0xf3 | 0x26 | 0x2e | 0x36 | 0x3e | 0x64 | 0x65)
            || (!narrow && prefix & 0xf0 == 0x40);
        if !is_prefix {
            break;
        }
        rest = after;
    }
    match rest {
        // hlt, cli, sti; in and out in all their forms.
        [0xf4 | 0xfa | 0xfb | 0x6c..=0x6f | 0xe4..=0xe7 | 0xec..=0xef, ..] => PRIV,
        // System tables and registers, clts, invd, wbinvd, moves to and from control and debug registers, wrmsr to rdpmc.
        [0x0f, 0x00 | 0x01 | 0x06 | 0x08 | 0x09 | 0x20..=0x23 | 0x30 | 0x32 | 0x33, ..] => PRIV,
        _ => BOUNDS,
    }
}

/// The fault behind a signal, if the processor raised it: such a signal has a positive `si_code`. What a fault is called follows
/// Solaris (trap.c), where what has no translation or forbids the access is BOUNDS, and ACCESS what a mapping cannot give.
pub fn of_signal(signal: i32, code: i32) -> Option<u8> {
    if code <= 0 {
        return None;
    }
    match (signal, code) {
        (libc::SIGILL, _) => Some(ILL),
        (libc::SIGTRAP, 128 | 1) => Some(BPT),
        (libc::SIGTRAP, 2) => Some(TRACE),
        (libc::SIGTRAP, 4 | 6) => Some(WATCH),
        (libc::SIGSEGV, _) => Some(BOUNDS),
        (libc::SIGBUS, _) => Some(ACCESS),
        (libc::SIGFPE, 1) => Some(IZDIV),
        (libc::SIGFPE, _) => Some(FPE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_tell_what_signals_do_not() {
        assert_eq!(of_instruction(&[0x90, 0x90, 0xf4], 2, false), PRIV);
        assert_eq!(of_instruction(&[0, 0, 0x66, 0xef], 2, false), PRIV);
        assert_eq!(of_instruction(&[0xcd, 4, 0x90], 2, false), IOVF);
        assert_eq!(of_instruction(&[0, 0xce, 0x90], 2, true), IOVF);
        assert_eq!(of_instruction(&[0, 0xce, 0x48, 0x8b, 0], 2, false), BOUNDS);
        assert_eq!([0, 1, 2].map(|n| of_instruction(&[0xf4, 0xf4][..n], 2, false)), [BOUNDS; 3]);
        assert_eq!([0x7000, 0x6ff8, 0x7008, 0].map(|a| of_address(a, 0x7000)), [STACK, STACK, BOUNDS, STACK]);
        assert_eq!(of_address(0, 0x7fff_0000), BOUNDS);
    }

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
