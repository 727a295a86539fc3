//! `rlimit`: one line a limit: name, what holds now, and the most it may be; -1 for no limit. What Linux does not limit has none; its
//! further limits are not shown.

use super::look::Look;
use kernel::procfs;
use tree::Result;

/// One limit; `None` is infinity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Limit {
    name: &'static str,
    current: Option<u64>,
    most: Option<u64>,
}

/// The content.
pub fn rlimit(look: &Look) -> Result<Vec<u8>> {
    let text = look.about.plain(b"limits")?;
    Ok(format(look.rules.rlimits().map(|(name, linux)| of(name, linux, &text))))
}

/// A limit by what the kernel's `limits` calls it.
fn of(name: &'static str, linux: &str, limits: &[u8]) -> Limit {
    let line = limits.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(linux.as_bytes()));
    let mut words =
        line.filter(|_| !linux.is_empty()).unwrap_or_default().split(|b| *b == b' ').filter(|w| !w.is_empty());
    // `unlimited` is no number.
    let mut next = || procfs::number(words.next()?);
    let (current, most) = (next(), next());
    Limit { name, current, most }
}

fn format(limits: impl Iterator<Item = Limit>) -> Vec<u8> {
    let value = |limit: Option<u64>| limit.map_or("-1".to_owned(), |n| n.to_string());
    limits.map(|l| format!("{} {} {}\n", l.name, value(l.current), value(l.most))).collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::level::{Level, Rules};
    use super::*;

    #[test]
    fn lines() {
        let limits = b"Limit                     Soft Limit           Hard Limit           Units     \n\
            Max cpu time              unlimited            unlimited            seconds   \n\
            Max stack size            8388608              unlimited            bytes     \n\
            Max open files            1024                 524288               files     \n";
        let text = |level| {
            let rules = Rules { level, strict: false, raw_syscall_regs: false };
            String::from_utf8(format(rules.rlimits().map(|(name, linux)| of(name, linux, limits)))).unwrap()
        };
        let four = "cpu -1 -1\nfsize -1 -1\ndata -1 -1\nstack 8388608 -1\ncore -1 -1\nrss -1 -1\nmemlock -1 -1\n\
            nproc -1 -1\nnofile 1024 524288\nsbsize -1 -1\nvmem -1 -1\n";
        assert_eq!(text(Level::F4), four);
        assert_eq!(text(Level::F10), format!("{four}npts -1 -1\nswap -1 -1\n"));
        assert_eq!(text(Level::F14), format!("{four}npts -1 -1\nswap -1 -1\nkqueues -1 -1\numtx -1 -1\n"));
        assert_eq!(of("x", "", b"a 1 2\n"), Limit { name: "x", ..Limit::default() });
    }
}
