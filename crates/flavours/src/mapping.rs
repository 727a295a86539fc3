//! What is mapped in a process, as the kernel's `maps` and `smaps` tell it to who may know.

use crate::about::About;
use kernel::machine;
use tree::Result;

/// One mapping, as a line of the kernel's `maps` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
    /// Readable.
    pub read: bool,
    /// Writable.
    pub write: bool,
    /// Executable.
    pub exec: bool,
    /// Shared.
    pub shared: bool,
    /// Offset in the file.
    pub offset: u64,
    /// Major and minor number of the device that the file is on.
    pub dev: (u32, u32),
    /// Inode of the file, 0 if there is none.
    pub ino: u64,
    /// Path, or what the kernel calls it; empty if it has no name.
    pub path: Vec<u8>,
    /// What `smaps` says: in KiB, by name; empty from `maps`.
    more: Vec<(Vec<u8>, u64)>,
    /// `VmFlags` of `smaps`.
    flags: Vec<u8>,
}

/// The kernel's half of the address space begins here.
const KERNEL: u64 = 1 << 63;

impl Mapping {
    /// From a line of `maps`.
    fn parse(line: &[u8]) -> Option<Mapping> {
        let mut words = line.splitn(6, |b| *b == b' ');
        let (from, to) = split(words.next()?, b'-')?;
        let perms = words.next()?;
        let offset = hex(words.next()?)?;
        let (major, minor) = split(words.next()?, b':')?;
        let ino = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
        let path = unescape(words.next().unwrap_or_default().trim_ascii_start());
        let has = |i: usize, letter| perms.get(i) == Some(&letter);
        let (start, end) = (hex(from)?, hex(to)?);
        (start < end).then_some(Mapping {
            start,
            end,
            read: has(0, b'r'),
            write: has(1, b'w'),
            exec: has(2, b'x'),
            shared: has(3, b's'),
            offset,
            dev: (hex(major)? as u32, hex(minor)? as u32),
            ino,
            path,
            ..Mapping::default()
        })
    }

    /// Memory of System V: its identifier.
    pub fn shmid(&self) -> Option<i32> {
        let system_v = self.shared && self.path.starts_with(b"/SYSV") && self.path.ends_with(b" (deleted)");
        system_v.then_some(self.ino as i32)
    }

    /// True if a file is mapped, and not memory that the kernel keeps as one.
    pub fn is_file(&self) -> bool {
        let zeros = matches!(&self.path[..], b"/dev/zero" | b"/dev/zero (deleted)");
        self.ino != 0 && self.path.starts_with(b"/") && !zeros && self.shmid().is_none()
    }

    /// True if `VmFlags` of `smaps` has these two letters.
    pub fn has_flag(&self, flag: &[u8; 2]) -> bool {
        self.flags.split(|b| *b == b' ').any(|f| f == flag)
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.end - self.start
    }

    /// What `smaps` says of it under this name, in KiB; 0 without `smaps`.
    pub fn kib(&self, name: &str) -> u64 {
        self.more.iter().find(|(n, _)| n == name.as_bytes()).map_or(0, |(_, kib)| *kib)
    }

    /// The same in pages.
    pub fn pages(&self, name: &str) -> u64 {
        self.kib(name).saturating_mul(1024) / machine::page()
    }
}

fn split(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let i = text.iter().position(|b| *b == at)?;
    Some((&text[..i], &text[i + 1..]))
}

fn hex(text: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}

/// The kernel writes a newline in a path as `\012`.
fn unescape(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, others)) = rest.split_first() {
        match rest.strip_prefix(b"\\012") {
            Some(after) => {
                out.push(b'\n');
                rest = after;
            }
            None => {
                out.push(*first);
                rest = others;
            }
        }
    }
    out
}

/// From the text of `maps` or `smaps`; lines that are neither's are left out.
pub fn parse(text: &[u8]) -> Vec<Mapping> {
    let mut all: Vec<Mapping> = Vec::new();
    for line in text.split(|b| *b == b'\n') {
        if let Some(mapping) = Mapping::parse(line) {
            all.push(mapping);
            continue;
        }
        // `Name:   12 kB` of smaps, about the last one.
        let (Some(last), Some((name, value))) = (all.last_mut(), split(line, b':')) else { continue };
        let value = value.trim_ascii();
        if name == b"VmFlags" {
            last.flags = value.to_vec();
        } else if let Some(kib) =
            value.strip_suffix(b" kB").and_then(|v| std::str::from_utf8(v).ok()?.trim().parse().ok())
        {
            last.more.push((name.to_vec(), kib));
        }
    }
    all.retain(|m| m.start < KERNEL);
    all
}

/// The mappings, ascending, in the caller's name; the kernel's vsyscall page, which is in no process's address space, is left out. None
/// for a system process.
pub fn read(about: &About) -> Result<Vec<Mapping>> {
    about.read(b"maps").map(|text| parse(&text))
}

/// The same, with what `smaps` says of them.
pub fn read_with_pages(about: &About) -> Result<Vec<Mapping>> {
    about.read(b"smaps").map(|text| parse(&text))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Lines of both files, and nonsense.
    pub(crate) const TEXT: &[u8] = b"00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/db us\\012d\n\
        Size:   328 kB\nRss:                  64 kB\nVmFlags: rd ex mr nr \n\
        7f0-8f0 rw-s 00000000 00:01 5 /SYSV0000abcd (deleted)\n\
        nonsense\n9f0-9e0 rw-p 0 0:0 0\n\
        a000-b000 rw-p 00000000 00:00 0 [heap]\n\
        ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n";

    #[test]
    fn lines_of_maps_and_smaps() {
        let all = parse(TEXT);
        assert_eq!(all.len(), 3);
        assert_eq!(all[0].path, b"/usr/bin/db us\nd");
        assert_eq!((all[0].dev, all[0].ino, all[0].offset), ((8, 2), 173_521, 0x1000));
        assert_eq!((all[0].kib("Rss"), all[0].has_flag(b"nr"), all[0].has_flag(b"wr")), (64, true, false));
        assert_eq!((all[1].shmid(), all[1].is_file()), (Some(5), false));
        for cut in 0..TEXT.len() {
            let _ = parse(&TEXT[..cut]);
        }
    }
}
