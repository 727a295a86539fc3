//! Signals by name and number, as Linux on x86 numbers them.

/// Names of signals 1 to 31, without SIG.
pub const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];

/// Other names in use for the same numbers (signal(7), the BSD ctl file, Plan 9's notes).
const ALIASES: [(&str, i32); 9] = [
    ("IOT", 6),
    ("CLD", 17),
    ("POLL", 29),
    ("UNUSED", 31),
    ("INTERRUPT", 2),
    ("HANGUP", 1),
    ("ALARM", 14),
    ("RTMIN", RTMIN),
    ("RTMAX", MAX),
];

/// First real-time signal that programs may use, as glibc counts (the kernel's 32 and 33 are its own).
pub const RTMIN: i32 = 34;
/// Highest signal.
pub const MAX: i32 = 64;

/// Number of a signal: a name in any case, with or without SIG; a number from 1 to 64; `rtmin+n`, `rtmax-n`.
pub fn parse(word: &str) -> Option<i32> {
    let upper = word.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Ok(n) = upper.parse::<i32>() {
        return (1..=MAX).contains(&n).then_some(n);
    }
    if let Some(i) = NAMES.iter().position(|n| *n == name) {
        return Some(i as i32 + 1);
    }
    if let Some((_, n)) = ALIASES.iter().find(|(a, _)| *a == name) {
        return Some(*n);
    }
    let offset = |rest: &str| rest.parse::<i32>().ok().filter(|n| (0..=MAX - RTMIN).contains(n));
    if let Some(n) = name.strip_prefix("RTMIN+").and_then(offset) {
        return Some(RTMIN + n);
    }
    name.strip_prefix("RTMAX-").and_then(offset).map(|n| MAX - n)
}

/// `SIGINT`, `SIGRTMIN+3`, or the bare number for what has no name.
pub fn name(signal: i32) -> String {
    match signal {
        1..=31 => format!("SIG{}", NAMES[signal as usize - 1]),
        RTMIN => "SIGRTMIN".into(),
        n if (RTMIN..=MAX).contains(&n) => format!("SIGRTMIN+{}", signal - RTMIN),
        _ => signal.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling() {
        for (word, n) in
            [("int", 2), ("SIGINT", 2), ("SigUsr1", 10), ("9", 9), ("rtmin", 34), ("SIGRTMIN+3", 37), ("rtmax-1", 63)]
        {
            assert_eq!(parse(word), Some(n), "{word}");
        }
        for word in ["", "sig", "0", "65", "-1", "rtmin+31", "emt", "info", "kill9"] {
            assert_eq!(parse(word), None, "{word}");
        }
    }

    #[test]
    fn names_read_back() {
        for n in (1..=31).chain(RTMIN..=MAX) {
            assert_eq!(parse(&name(n)), Some(n));
        }
    }
}
