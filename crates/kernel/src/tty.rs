//! Terminals: device numbers and names.

use crate::procfs;

/// Major and minor number from the coding of field 7 of `stat`; None if there is no terminal.
pub fn device(nr: u32) -> Option<(u32, u32)> {
    (nr != 0).then_some((nr >> 8 & 0xfff, nr & 0xff | nr >> 12 & 0xfff00))
}

/// Name of a terminal below /dev, by the machine's list of drivers.
pub fn name(dev: (u32, u32)) -> Option<Vec<u8>> {
    let drivers = procfs::read_at(procfs::root(), c"tty/drivers").ok()?;
    named(&drivers, dev)
}

/// A line of the list is: what it is, where it begins (`/dev/pts`, `/dev/ttyS`), major number, minor numbers (`0-63`), type. What
/// begins in a directory is a number in it.
fn named(drivers: &[u8], (major, minor): (u32, u32)) -> Option<Vec<u8>> {
    let line = |line: &[u8]| {
        let text = std::str::from_utf8(line).ok()?;
        let [_, path, of, minors, kind, ..] = text.split_whitespace().collect::<Vec<_>>()[..] else { return None };
        let (first, last) = match minors.split_once('-') {
            Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
            None => (minors.parse().ok()?, minors.parse().ok()?),
        };
        let (first, last): (u32, u32) = (first, last);
        let matches = of.parse() == Ok(major) && (first..=last).contains(&minor);
        let path = path.strip_prefix("/dev/").filter(|_| matches)?;
        Some(match path {
            "pts" => format!("pts/{}", pts(major, minor)),
            _ if first == last || kind == "system" || path == "console" => path.to_owned(),
            "tty" => format!("tty{minor}"),
            _ => format!("{path}{}", minor - first),
        })
    };
    drivers.split(|b| *b == b'\n').find_map(line).map(String::into_bytes)
}

/// Number of a pseudo terminal: its majors, from 136 on, have as many minors as each other.
fn pts(major: u32, minor: u32) -> u32 {
    const FIRST: u32 = 136;
    const EACH: u32 = 1 << 20;
    major.saturating_sub(FIRST).saturating_mul(EACH).saturating_add(minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_terminals() {
        let drivers = b"/dev/tty             /dev/tty        5       0 system:/dev/tty\n\
            /dev/console         /dev/console    5       1 system:console\n\
            serial               /dev/ttyS       4 64-111 serial\n\
            pty_slave            /dev/pts      136 0-1048575 pty:slave\n\
            unknown              /dev/tty        4 1-63 console\nnonsense\n";
        let name = |dev| named(drivers, dev).map(|n| String::from_utf8(n).unwrap());
        assert_eq!(name((136, 3)).as_deref(), Some("pts/3"));
        assert_eq!(name((4, 65)).as_deref(), Some("ttyS1"));
        assert_eq!(name((4, 2)).as_deref(), Some("tty2"));
        assert_eq!(name((5, 1)).as_deref(), Some("console"));
        assert_eq!(name((5, 0)).as_deref(), Some("tty"));
        assert_eq!([name((9, 9)), name((4, 0))], [None, None]);
        assert_eq!([device(0), device(0x8801), device(0x0010_0402)], [None, Some((136, 1)), Some((4, 0x102))]);
    }
}
