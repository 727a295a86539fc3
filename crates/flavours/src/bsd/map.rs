//! `map`: one line a mapping, ascending, for who may look into the process.
//!
//! * The object is a token that is the same for the same file, or for memory at the same place, and never an address of the kernel;
//!   it has one reference, no shadows and no flags.
//! * Private pages are those that this process alone has mapped.
//! * `COW` is a private mapping of a file; `NC` one that cannot be written and has no page of its own yet.
//! * Charged (`CH`) is what is private and can be written, to the real user of the process.
//! * A newline in a path is written `\012`, blanks as they are. A file that was removed has no path.

use super::level::{MapLine, Rules};
use super::look::Look;
use crate::mapping::{self, Mapping};
use abi::Model;
use std::fmt::Write;
use tree::{Errno, Result};

/// What a line tells.
#[derive(Clone, Debug, Default)]
struct Line {
    start: u64,
    end: u64,
    resident: u64,
    private: u64,
    object: u32,
    prot: [bool; 3],
    cow: bool,
    needs_copy: bool,
    kind: &'static str,
    path: Option<Vec<u8>>,
    charged: Option<u32>,
}

/// The content.
pub fn map(look: &Look) -> Result<Vec<u8>> {
    let narrow = look.about.model() == Model::Ilp32;
    if narrow && look.rules.map_is_too_wide() && look.about.target_model() == Some(Model::Lp64) {
        return Err(Errno(libc::EOPNOTSUPP));
    }
    let uid = look.about.ids()?.ruid;
    let mut out = Vec::new();
    for mapping in mapping::read_with_pages(&look.about)? {
        let mut line = line(look.rules, &mapping, uid);
        if narrow {
            line.object = 0;
        }
        format(look.rules, &line, &mut out);
    }
    Ok(out)
}

fn line(rules: Rules, m: &Mapping, uid: u32) -> Line {
    let (anonymous, kernels) = rules.map_types();
    let pages = |name| m.kib(name) / 4;
    let file = m.is_file();
    let private_file = file && !m.shared;
    Line {
        start: m.start,
        end: m.end,
        resident: pages("Rss"),
        private: pages("Private_Clean") + pages("Private_Dirty"),
        object: token(m),
        prot: [m.read, m.write, m.exec],
        cow: private_file,
        needs_copy: private_file && !m.write && m.kib("Anonymous") == 0,
        kind: match &m.path[..] {
            b"[vdso]" | b"[vvar]" | b"[vvar_vclock]" => kernels,
            _ if m.has_flag(b"io") || m.has_flag(b"pf") => "device",
            _ if file => "vnode",
            _ => anonymous,
        },
        path: Some(&m.path).filter(|p| file && !p.ends_with(b" (deleted)")).cloned(),
        charged: (m.write && !m.shared).then_some(uid),
    }
}

/// Tells objects apart; never 0.
fn token(m: &Mapping) -> u32 {
    let of = if m.is_file() { [u64::from(m.dev.0) << 32 | u64::from(m.dev.1), m.ino] } else { [u64::MAX, m.start] };
    let mixed = of.iter().fold(0u64, |h, n| (h ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31));
    ((mixed >> 32) as u32).max(1)
}

fn format(rules: Rules, line: &Line, out: &mut Vec<u8>) {
    let Line { start, end, resident, private, object, kind, .. } = line;
    let prot: String =
        line.prot.iter().zip("rwx".chars()).map(|(has, letter)| if *has { letter } else { '-' }).collect();
    let mut text = String::new();
    let form = rules.map_line();
    // Writing to a string does not fail.
    let _ = match form {
        MapLine::Columns => {
            let cow = if line.cow { "COW" } else { "   " };
            write!(text, "0x{start:08x} 0x{end:08x} {resident:9} {private:9} {prot} {cow} {kind}")
        }
        _ => {
            let cow = if line.cow { "COW" } else { "NCOW" };
            let needs_copy = if line.needs_copy { "NC" } else { "NNC" };
            write!(
                text,
                "0x{start:x} 0x{end:x} {resident} {private} 0x{object:x} {prot} 1 0 0x0 {cow} {needs_copy} {kind}"
            )
        }
    };
    out.extend(text.into_bytes());
    if matches!(form, MapLine::WithPath | MapLine::Charged) {
        out.push(b' ');
        let path = line.path.as_deref().unwrap_or(b"-");
        out.extend(path.iter().flat_map(|b| if *b == b'\n' { b"\\012" } else { std::slice::from_ref(b) }));
    }
    if form == MapLine::Charged {
        match line.charged {
            Some(uid) => out.extend(format!(" CH {uid}").into_bytes()),
            None => out.extend(b" NCH -1"),
        }
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::super::level::Level::{self, *};
    use super::*;

    const SMAPS: &[u8] = b"00400000-00452000 r-xp 00000000 08:02 173521      /bin/a cat\n\
        Rss: 320 kB\nPrivate_Clean: 0 kB\nAnonymous: 0 kB\nVmFlags: rd ex mr\n\
        00652000-00653000 rw-p 00052000 08:02 173521      /bin/a cat\n\
        Rss: 4 kB\nPrivate_Dirty: 4 kB\nAnonymous: 4 kB\nVmFlags: rd wr\n\
        7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]\nRss: 12 kB\nPrivate_Dirty: 12 kB\n\
        7ffffffff000-800000000000 r-xp 00000000 00:00 0 [vdso]\nRss: 4 kB\n\
        a00000000000-a00000001000 rw-s 00000000 00:06 9 /dev/x\nVmFlags: rd wr sh io pf\n\
        b00000000000-b00000001000 rw-s 00000000 00:01 9 /memfd:a\\012b (deleted)\n\
        c00000000000-c00000001000 r--s 00000000 00:01 9 /a\\012b\n";

    fn lines(level: Level) -> Vec<String> {
        let rules = Rules { level, strict: false, raw_syscall_regs: false };
        let mut out = Vec::new();
        mapping::parse(SMAPS).iter().for_each(|m| format(rules, &line(rules, m, 1001), &mut out));
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_line_of_each_release() {
        let token = |i: usize| format!("0x{:x}", token(&mapping::parse(SMAPS)[i]));
        let text = format!("0x400000 0x452000 80 0 {} r-x 1 0 0x0 COW NC vnode", token(0));
        assert_eq!(lines(F4)[0], text);
        assert_eq!(lines(F5)[0], format!("{text} /bin/a cat"));
        assert_eq!(
            [F10, F12, F14].map(|level| lines(level)[0].clone()),
            [(); 3].map(|()| format!("{text} /bin/a cat NCH -1"))
        );
        assert_eq!(lines(F2)[0], "0x00400000 0x00452000        80         0 r-x COW vnode");
        assert_eq!(
            lines(F10)[1],
            format!("0x652000 0x653000 1 1 {} rw- 1 0 0x0 COW NNC vnode /bin/a cat CH 1001", token(0))
        );
        let stack = format!("0x7ffffffde000 0x7ffffffff000 3 3 {} rw- 1 0 0x0 NCOW NNC default - CH 1001", token(2));
        assert_eq!(lines(F10)[2], stack);
        assert_eq!(lines(F14)[2], stack.replace("default", "swap"));
        assert_eq!(lines(F2)[2], "0x7ffffffde000 0x7ffffffff000         3         3 rw-     default");
    }

    #[test]
    fn kinds_and_paths() {
        let kinds = |level| lines(level).iter().map(|l| l.split(' ').nth(11).unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(kinds(F10), ["vnode", "vnode", "default", "device", "device", "vnode", "vnode"]);
        assert_eq!(kinds(F14), ["vnode", "vnode", "swap", "phys", "device", "vnode", "vnode"]);
        assert!(lines(F10)[5].ends_with(" vnode - NCH -1"), "{}", lines(F10)[5]);
        assert!(lines(F10)[6].ends_with(" NCOW NNC vnode /a\\012b NCH -1"), "{}", lines(F10)[6]);
    }
}
