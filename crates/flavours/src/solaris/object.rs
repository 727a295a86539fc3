//! `object/`: the executable and the mapped files (proc(4)), by the names that the maps have. They can be opened for reading by
//! whoever may read the file itself, never for writing.
//!
//! A file of a FUSE file system cannot be opened; see [`reopen`].

use super::about::{gone, About};
use super::fd::of_file;
use super::files::{reopen, Opened};
use super::links::is_path;
use super::maps::Names;
use super::nodes::{self, right};
use super::stops::Seen;
use crate::mapping::{self, Mapping};
use crate::target::Target;
use kernel::procfs::{self, Peek};
use std::collections::BTreeSet;
use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use tree::{Attr, Caller, Entry, Errno, Handle, Keep, Node, Result, SetAttr};

/// `object/`.
pub struct Objects(pub Target);

/// The mapped files by name: `a.out` first, then in the order of their addresses.
pub fn all(about: &About) -> Result<Vec<(Vec<u8>, Mapped)>> {
    let names = Names::read(about);
    if about.is_system() {
        return Ok(Vec::new());
    }
    let mappings = mapping::read(about)?;
    let at = mappings.iter().find(|m| names.is_exe(m)).cloned();
    let mut all = vec![(b"a.out".to_vec(), Mapped { path: names.exe().to_vec(), at, exe: true })];
    let mut seen = BTreeSet::new();
    for mapping in mappings {
        let Some(name) = names.of(&mapping).filter(|n| n != b"a.out") else { continue };
        if seen.insert(name.clone()) {
            all.push((name, Mapped { path: mapping.path.clone(), at: Some(mapping), exe: false }));
        }
    }
    Ok(all)
}

/// A mapped file.
pub struct Mapped {
    /// As the kernel names it.
    pub path: Vec<u8>,
    /// One of its mappings; `None` for an executable that is not mapped.
    pub at: Option<Mapping>,
    /// True for the executable.
    pub exe: bool,
}

impl Mapped {
    /// The file of this name. The executable also answers to the name that any file has.
    pub fn find(about: &About, name: &[u8]) -> Result<Mapped> {
        let names = Names::read(about);
        let is = |listed: &[u8], mapped: &Mapped| {
            let long = || mapped.at.as_ref().and_then(|m| names.long(m));
            listed == name || mapped.exe && long().as_deref() == Some(name)
        };
        let found = all(about)?.into_iter().find(|(listed, mapped)| is(listed, mapped));
        found.map(|(_, mapped)| mapped).ok_or(Errno(libc::ENOENT))
    }

    /// The file itself, not yet opened for anything. By the kernel's link to it; where that is for the privileged, or the first
    /// thread has ended and there is none, by its path, in the caller's name, if that still leads to it.
    fn reach(&self, about: &About) -> Result<OwnedFd> {
        let mapping = match &self.at {
            Some(mapping) if !self.exe => mapping,
            _ => return about.act(|dir| procfs::openat(dir, c"exe", libc::O_PATH)),
        };
        let link = CString::new(format!("map_files/{:x}-{:x}", mapping.start, mapping.end)).unwrap_or_default();
        match procfs::openat(about.target.proc.dir(), &link, libc::O_PATH) {
            Err(e) if matches!(e.raw_os_error(), Some(libc::EPERM | libc::EACCES | libc::ENOENT)) => {}
            other => return other.map_err(gone),
        }
        if !is_path(&self.path) {
            return Err(Errno(libc::EACCES));
        }
        let path = CString::new([b"root", &self.path[..]].concat()).map_err(|_| Errno(libc::ENOENT))?;
        let file = about.act(|dir| procfs::openat(dir, &path, libc::O_PATH | libc::O_NOFOLLOW))?;
        let found = procfs::peek_at(file.as_fd())?;
        if (found.dev, found.ino) != (mapping.dev, mapping.ino) {
            return Err(Errno(libc::ENOENT));
        }
        Ok(file)
    }
}

/// `st_size` of `object/`.
pub fn slots(about: &About) -> Result<u64> {
    Ok((count(about)? + 2) * 16)
}

/// How many names there are, as far as the caller may know: 0 if he may not.
pub fn count(about: &About) -> Result<u64> {
    match all(about) {
        Ok(all) => Ok(all.len() as u64),
        Err(Errno(libc::EACCES | libc::EPERM)) => Ok(0),
        Err(e) => Err(e),
    }
}

/// Inode number of the object `name` as an entry of a directory of this type.
pub fn ino(target: &Target, kind: &str, name: &[u8]) -> u64 {
    let hash = name.iter().fold(0x811c_9dc5u32, |h, b| (h ^ u32::from(*b)).wrapping_mul(0x0100_0193));
    // Above all descriptors.
    nodes::ino(target, kind, Some(1 << 31 | u64::from(hash >> 2)))
}

impl Node for Objects {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn lookup(&self, caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
        Mapped::find(&About::new(&self.0, caller), name.as_bytes())?;
        Ok(Arc::new(Object { target: self.0.clone(), name: name.as_bytes().to_vec() }))
    }

    fn readdir(&self, caller: &Caller) -> Result<Vec<Entry>> {
        let all = all(&About::new(&self.0, caller))?.into_iter();
        Ok(all.map(|(name, _)| Entry { ino: ino(&self.0, "object/x", &name), name, kind: libc::S_IFREG }).collect())
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::EISDIR))
    }
}

/// `object/<name>`.
struct Object {
    target: Target,
    name: Vec<u8>,
}

impl Object {
    fn reach(&self, about: &About) -> Result<(OwnedFd, Peek)> {
        about.target.enter(about.caller)?;
        let file = Mapped::find(about, &self.name)?.reach(about)?;
        let peek = procfs::peek_at(file.as_fd())?;
        Ok((file, peek))
    }
}

impl Node for Object {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        let (_, peek) = self.reach(&About::new(&self.target, caller)).map_err(nodes::stale)?;
        let mode = libc::S_IFREG | peek.mode & 0o7555;
        Ok(Attr { ino: ino(&self.target, "object/x", &self.name), mode, ..of_file(&peek) })
    }

    fn keep(&self) -> Keep {
        Keep::Never
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        if flags & libc::O_ACCMODE != libc::O_RDONLY {
            return Err(Errno(libc::EACCES));
        }
        let right = right(&self.target, caller)?;
        let about = About::new(&self.target, caller);
        let (file, peek) = self.reach(&about)?;
        // What was reached with our own right is the process's that the caller may look into, if he may now.
        nodes::valid(right.as_ref(), caller)?;
        if peek.mode & libc::S_IFMT != libc::S_IFREG {
            return Err(Errno(libc::EACCES));
        }
        // The permission of the file itself is the kernel's to judge, in the caller's name.
        let file = reopen(&about, &file, libc::O_RDONLY)?;
        Ok(Arc::new(Opened { target: self.target.clone(), right, file, seen: Seen::default() }))
    }

    fn setattr(&self, _caller: &Caller, _set: &SetAttr) -> Result<()> {
        Err(Errno(libc::ENOSYS))
    }
}
