//! `path/`: links to the paths of the root and working directory, of descriptors and of mapped files (illumos). ENOENT for what
//! has no path: a file that is unlinked, a socket, a pipe.

use super::about::About;
use super::fd::{open_descriptors, peek};
use super::links::{self, is_path};
use super::nodes;
use super::object::{self, Mapped};
use crate::target::{number, Target};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use tree::{Attr, Caller, Entry, Errno, Handle, Keep, Node, Result};

/// `path/`.
pub struct Paths(pub Target);

/// `st_size` of `path/`.
pub fn slots(about: &About) -> Result<u64> {
    let descriptors = open_descriptors(about).map_or(0, |all| all.len() as u64);
    Ok((descriptors + object::count(about)? + 4) * 16)
}

/// What a name in `path/` means.
enum Name {
    Directory(&'static str),
    Descriptor(u32),
    Object,
}

impl Name {
    fn of(name: &[u8]) -> Name {
        match (name, number(name)) {
            (b"root", _) => Name::Directory("root"),
            (b"cwd", _) => Name::Directory("cwd"),
            (_, Some(fd)) => Name::Descriptor(fd),
            _ => Name::Object,
        }
    }

    fn ino(&self, target: &Target, name: &[u8]) -> u64 {
        match self {
            Name::Directory("root") => nodes::ino(target, "path/x", Some(2)),
            Name::Directory(_) => nodes::ino(target, "path/x", Some(3)),
            Name::Descriptor(fd) => nodes::ino(target, "path/x", Some(4 + u64::from(*fd))),
            Name::Object => object::ino(target, "path/x", name),
        }
    }
}

impl Node for Paths {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn lookup(&self, caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
        let link = Link { target: self.0.clone(), name: name.as_bytes().to_vec() };
        link.exists(&About::new(&self.0, caller))?;
        Ok(Arc::new(link))
    }

    fn readdir(&self, caller: &Caller) -> Result<Vec<Entry>> {
        let about = About::new(&self.0, caller);
        let mut names: Vec<Vec<u8>> = vec![b"root".to_vec(), b"cwd".to_vec()];
        names.extend(open_descriptors(&about)?.into_iter().map(|fd| fd.to_string().into_bytes()));
        names.extend(object::all(&about)?.into_iter().map(|(name, _)| name));
        let entry = |name: Vec<u8>| Entry { ino: Name::of(&name).ino(&self.0, &name), name, kind: libc::S_IFLNK };
        Ok(names.into_iter().map(entry).collect())
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::EISDIR))
    }
}

/// `path/<name>`.
struct Link {
    target: Target,
    name: Vec<u8>,
}

impl Link {
    fn exists(&self, about: &About) -> Result<()> {
        match Name::of(&self.name) {
            Name::Directory(_) => Ok(()),
            Name::Descriptor(fd) => peek(about, fd).map(drop),
            Name::Object => Mapped::find(about, &self.name).map(drop),
        }
    }
}

impl Node for Link {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        let about = About::new(&self.target, caller);
        about.target.enter(caller)?;
        self.exists(&about).map_err(nodes::stale)?;
        nodes::attr(&about, Name::of(&self.name).ino(&self.target, &self.name), libc::S_IFLNK | 0o777, 0)
    }

    fn keep(&self) -> Keep {
        Keep::Never
    }

    fn readlink(&self, caller: &Caller) -> Result<Vec<u8>> {
        nodes::right(&self.target, caller)?;
        let about = About::new(&self.target, caller);
        match Name::of(&self.name) {
            Name::Directory(name) => links::path(&about, name),
            Name::Descriptor(fd) => links::path(&about, &format!("fd/{fd}")),
            Name::Object => {
                let path = Mapped::find(&about, &self.name)?.path;
                Some(path).filter(|p| is_path(p)).ok_or(Errno(libc::ENOENT))
            }
        }
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::ELOOP))
    }
}
