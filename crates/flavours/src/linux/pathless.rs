//! What links without a path lead to: `ns/net` has the text `net:[4026531840]`, `fd/3` `socket:[123]` or `anon_inode:[eventfd]`.
//! Who follows one asks its directory for that name, which is there for him and not listed: stat(2) through the link tells which
//! namespace or socket it is.
//!
//! * It is there as long as a link of the directory has this text, for whoever may read the link.
//! * It cannot be opened: ENXIO, as the kernel says of a socket.
//! * Pipes are not there: a client's kernel would open one by itself, and wait for another end that never comes.

use super::kernel_file::entries;
use crate::target::{act, attr, stale, Act, Target};
use kernel::procfs;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Handle, Keep, Node, Result};

/// What such a link leads to.
pub struct Pathless {
    target: Target,
    /// Of the link; relative to the directory of the process.
    dir: CString,
    text: Vec<u8>,
    /// The link that had the text when it was looked for.
    link: Vec<u8>,
    /// Type that is shown (`S_IFMT` part of a mode).
    kind: u32,
}

/// True for the text of such a link, in a directory that has them. No other name in there has a colon.
pub fn names(dir: &CStr, text: &[u8]) -> bool {
    let dir = dir.to_bytes().rsplit(|b| *b == b'/').next();
    matches!(dir, Some(b"fd" | b"ns")) && text.contains(&b':')
}

/// Finds it; `likely` is the link that is looked at first. ENOENT if no link has this text.
pub fn find(target: &Target, caller: &Caller, dir: &CStr, text: &[u8], likely: &[u8]) -> Result<Pathless> {
    let mut found =
        Pathless { target: target.clone(), dir: dir.to_owned(), text: text.to_vec(), link: likely.to_vec(), kind: 0 };
    let mut attr = if likely.is_empty() { Err(Errno(libc::ENOENT)) } else { found.look(caller) };
    if attr == Err(Errno(libc::ENOENT)) {
        found.link = found.search(caller)?;
        attr = found.look(caller);
    }
    found.kind = attr?.mode & libc::S_IFMT;
    Ok(found)
}

impl Pathless {
    fn path(&self, link: &[u8]) -> Option<CString> {
        CString::new([self.dir.as_bytes(), b"/", link].concat()).ok()
    }

    /// A link with this text.
    fn search(&self, caller: &Caller) -> Result<Vec<u8>> {
        let links = entries(Some(&self.target), caller, &self.dir)?;
        act(Some(&self.target), caller, &self.dir, Act::Read, |dir| {
            let has = |link: &&[u8]| {
                self.path(link).is_some_and(|path| procfs::readlinkat(dir, &path).is_ok_and(|t| t == self.text))
            };
            let mut links = links.iter().map(|entry| &entry.name[..]);
            links.find(has).map(<[u8]>::to_vec).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))
        })
    }

    /// What the link leads to, if it has this text.
    fn look(&self, caller: &Caller) -> Result<Attr> {
        let path = self.path(&self.link).ok_or(Errno(libc::ENOENT))?;
        let none = || Errno(libc::ENOENT);
        let follow = |dir: BorrowedFd| match procfs::readlinkat(dir, &path)? == self.text {
            true => procfs::openat(dir, &path, libc::O_PATH),
            false => Err(io::Error::from_raw_os_error(libc::ENOENT)),
        };
        let file: OwnedFd = act(Some(&self.target), caller, &path, Act::Read, follow)?;
        // It may have become another meanwhile, perhaps a file on our own mount, which must not be asked.
        let opened = CString::new(format!("self/fd/{}", file.as_raw_fd())).map_err(|_| none())?;
        if procfs::readlinkat(procfs::root(), &opened)? != self.text {
            return Err(none());
        }
        let mut attr = attr(procfs::fstat(file.as_fd())?);
        match attr.mode & libc::S_IFMT {
            libc::S_IFSOCK | libc::S_IFREG => Ok(attr),
            // FUSE knows no file without a type.
            0 => {
                attr.mode |= libc::S_IFREG;
                Ok(attr)
            }
            _ => Err(none()),
        }
    }
}

impl Node for Pathless {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        self.target.visible(caller)?;
        let attr = self.look(caller).map_err(stale)?;
        match attr.mode & libc::S_IFMT == self.kind {
            true => Ok(attr),
            false => Err(Errno(libc::ESTALE)),
        }
    }

    fn keep(&self) -> Keep {
        Keep::Never
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::ENXIO))
    }
}
