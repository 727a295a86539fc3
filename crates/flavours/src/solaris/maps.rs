//! `map`, `rmap`, `xmap`: the mappings (proc(4), `prmap_t`, `prxmap_t`), ascending; empty for a system process.
//!
//! * A name in `object/` is `a.out` or `<fstype>.<major>.<minor>.<inode>`; device and inode are those that the kernel's `maps`
//!   shows, which on some file systems (btrfs) are not those of stat(2).
//! * `MA_NORESERVE` and the size of huge pages are known in `xmap` only, `MA_ISM` never.
//! * `rmap` extends the stack down to its limit, or to the mapping below; other mappings are what they are.

use super::about::About;
use crate::mapping::{read, read_with_pages, Mapping};
use abi::solaris::numbers::{
    MA_ANON, MA_BREAK, MA_EXEC, MA_NORESERVE, MA_READ, MA_SHARED, MA_SHM, MA_STACK, MA_WRITE, PRNODEV,
};
use abi::solaris::record::{chars, makedev};
use abi::solaris::records::{PrMap, PrXMap};
use kernel::{machine, procfs};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use tree::{Errno, Result};

impl Mapping {
    /// `MA_*` but for the marks of heap and stack.
    pub fn flags(&self) -> i32 {
        let bits = [
            (self.read, MA_READ),
            (self.write, MA_WRITE),
            (self.exec, MA_EXEC),
            (self.shared, MA_SHARED),
            (!self.is_file(), MA_ANON),
            (self.shmid().is_some(), MA_SHM),
            (self.has_flag(b"nr"), MA_NORESERVE),
        ];
        bits.iter().filter(|(is, _)| *is).fold(0, |all, (_, bit)| all | bit)
    }

    fn marks(&self) -> i32 {
        match &self.path[..] {
            b"[heap]" => MA_BREAK,
            b"[stack]" => MA_STACK,
            _ => 0,
        }
    }

    /// System V identifier, -1 if it is none.
    pub fn pr_shmid(&self) -> i32 {
        self.shmid().unwrap_or(-1)
    }
}

/// Another number when a mapping has come, gone or changed.
pub fn stamp(about: &About) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    about.read(b"maps")?.hash(&mut hasher);
    Ok(hasher.finish())
}

/// The names of mapped files: what is asked of the machine to make them.
pub struct Names {
    exe: Vec<u8>,
    types: HashMap<(u32, u32), Vec<u8>>,
}

impl Names {
    /// In the caller's name.
    pub fn read(about: &About) -> Names {
        let exe = about.act(|dir| procfs::readlinkat(dir, c"exe")).unwrap_or_default();
        let mounts = about.read(b"mountinfo").unwrap_or_default();
        Names { exe, types: types(&mounts) }
    }

    /// True if this is the executable.
    pub fn is_exe(&self, mapping: &Mapping) -> bool {
        mapping.is_file() && mapping.path == self.exe
    }

    /// True of a file where devices are.
    fn is_device(&self, mapping: &Mapping) -> bool {
        self.types.get(&mapping.dev).is_some_and(|kind| kind == b"devtmpfs")
    }

    /// Path of the executable as the kernel has it.
    pub fn exe(&self) -> &[u8] {
        &self.exe
    }

    /// Name in `object/`, `None` if no regular file is mapped.
    pub fn of(&self, mapping: &Mapping) -> Option<Vec<u8>> {
        if self.is_exe(mapping) {
            return Some(b"a.out".to_vec());
        }
        self.long(mapping)
    }

    /// The same, but for the executable too the name that any file has.
    pub fn long(&self, mapping: &Mapping) -> Option<Vec<u8>> {
        if !mapping.is_file() || self.is_device(mapping) {
            return None;
        }
        let (major, minor) = mapping.dev;
        let kind = match self.types.get(&mapping.dev) {
            Some(kind) => &kind[..],
            None if mapping.path.starts_with(b"/memfd:") => b"tmpfs",
            // Mounted nowhere that the process sees.
            None => b"dev",
        };
        let name = [kind, format!(".{major}.{minor}.{}", mapping.ino).as_bytes()].concat();
        // It is to fit into `pr_mapname`, and into a name.
        Some(name).filter(|n| n.len() < 64 && !n.contains(&b'/'))
    }
}

/// Types of file systems by device, from `mountinfo`.
fn types(mountinfo: &[u8]) -> HashMap<(u32, u32), Vec<u8>> {
    let line = |line: &[u8]| {
        let mut words = line.split(|b| *b == b' ');
        let dev = std::str::from_utf8(words.nth(2)?).ok()?;
        let (major, minor) = dev.split_once(':')?;
        let kind = words.skip_while(|w| *w != b"-").nth(1)?;
        Some(((major.parse().ok()?, minor.parse().ok()?), kind.to_vec()))
    };
    mountinfo.split(|b| *b == b'\n').filter_map(line).collect()
}

/// Type of the file system of mount `id`, from `mountinfo`.
pub fn type_of_mount(mountinfo: &[u8], id: u64) -> Option<Vec<u8>> {
    let of = |line: &[u8]| {
        let mut words = line.split(|b| *b == b' ');
        let number: u64 = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
        (number == id).then(|| words.skip_while(|w| *w != b"-").nth(1).map(<[u8]>::to_vec))?
    };
    mountinfo.split(|b| *b == b'\n').find_map(of)
}

fn record(names: &Names, mapping: &Mapping) -> PrMap {
    PrMap {
        pr_vaddr: mapping.start,
        pr_size: mapping.size(),
        pr_mapname: chars(&names.of(mapping).unwrap_or_default()),
        pr_offset: mapping.offset as i64,
        pr_mflags: mapping.flags() | mapping.marks(),
        pr_pagesize: machine::page() as i32,
        pr_shmid: mapping.pr_shmid(),
        ..PrMap::default()
    }
}

fn records(about: &About, mappings: &[Mapping]) -> Vec<u8> {
    let names = Names::read(about);
    let mut out = Vec::new();
    mappings.iter().for_each(|m| record(&names, m).put(about.model(), &mut out));
    out
}

/// `map`.
pub fn map(about: &About) -> Result<Vec<u8>> {
    about.fits_space()?;
    Ok(records(about, &read(about)?))
}

/// `rmap`.
pub fn rmap(about: &About) -> Result<Vec<u8>> {
    about.fits_space()?;
    let mut all = read(about)?;
    if let Some(i) = all.iter().position(|m| m.path == b"[stack]") {
        let below = i.checked_sub(1).map_or(0, |i| all[i].end);
        let limit = stack_limit(&about.plain(b"limits")?);
        let lowest = limit.map(|bytes| all[i].end.saturating_sub(bytes) / machine::page() * machine::page());
        all[i].start = lowest.unwrap_or(all[i].start).max(below).min(all[i].start);
    }
    Ok(records(about, &all))
}

/// The soft limit in bytes; `None` if there is none.
fn stack_limit(limits: &[u8]) -> Option<u64> {
    let line = limits.split(|b| *b == b'\n').find_map(|l| l.strip_prefix(b"Max stack size"))?;
    let word = line.split(|b| *b == b' ').find(|w| !w.is_empty())?;
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// `xmap`.
pub fn xmap(about: &About) -> Result<Vec<u8>> {
    about.fits_space()?;
    let names = Names::read(about);
    let mut out = Vec::new();
    for m in read_with_pages(about)? {
        let PrMap { pr_vaddr, pr_size, pr_mapname, pr_offset, pr_mflags, pr_shmid, .. } = record(&names, &m);
        let regular = m.is_file() && !names.is_device(&m);
        let rss = m.pages("Rss");
        let page = m.kib("KernelPageSize").saturating_mul(1024).max(machine::page());
        PrXMap {
            pr_vaddr,
            pr_size,
            pr_mapname,
            pr_offset,
            pr_mflags,
            pr_pagesize: page as i32,
            pr_shmid,
            pr_dev: if regular { makedev(m.dev.0, m.dev.1) } else { PRNODEV },
            pr_ino: if regular { m.ino } else { 0 },
            pr_rss: rss,
            pr_anon: m.pages("Anonymous"),
            pr_locked: m.pages("Locked"),
            pr_hatpagesize: if rss > 0 { m.kib("MMUPageSize").saturating_mul(1024) } else { 0 },
            ..PrXMap::default()
        }
        .put(about.model(), &mut out);
    }
    Ok(out)
}

/// How many mappings there are, as far as the caller may know: 0 if he may not.
pub fn count(about: &About) -> Result<u64> {
    match read(about) {
        Ok(all) => Ok(all.len() as u64),
        Err(Errno(libc::EACCES | libc::EPERM)) => Ok(0),
        Err(e) => Err(e),
    }
}

/// Bytes of `map` and `rmap`.
pub fn map_size(about: &About) -> Result<u64> {
    Ok(count(about)? * PrMap::size(about.model()) as u64)
}

/// Bytes of `xmap`.
pub fn xmap_size(about: &About) -> Result<u64> {
    Ok(count(about)? * PrXMap::size(about.model()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::parse;
    use crate::mapping::tests::TEXT;

    #[test]
    fn flags_of_mappings() {
        let all = parse(TEXT);
        assert_eq!(all[0].flags(), MA_READ | MA_EXEC | MA_NORESERVE);
        assert_eq!(all[1].pr_shmid(), 5);
        assert_eq!(all[1].flags(), MA_READ | MA_WRITE | MA_SHARED | MA_ANON | MA_SHM);
        assert_eq!(all[2].flags() | all[2].marks(), MA_READ | MA_WRITE | MA_ANON | MA_BREAK);
    }

    #[test]
    fn names_of_objects() {
        let mounts = b"22 1 8:2 / / rw shared:1 - ext4 /dev/sda2 rw\n23 22 0:5 / /dev rw - devtmpfs none rw\n24\n";
        let names = Names { exe: b"/usr/bin/db us\nd".to_vec(), types: types(mounts) };
        let all = parse(TEXT);
        assert_eq!(names.of(&all[0]).unwrap(), b"a.out");
        assert_eq!(names.long(&all[0]).unwrap(), b"ext4.8.2.173521");
        assert_eq!(names.of(&all[1]), None);
        assert_eq!(type_of_mount(mounts, 23).unwrap(), b"devtmpfs");
        assert_eq!(type_of_mount(mounts, 24), None);
        assert_eq!(
            stack_limit(b"Max cpu time\nMax stack size             8388608              unlimited   bytes"),
            Some(8_388_608)
        );
    }
}
