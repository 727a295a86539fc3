//! `fd/`: the open descriptors (proc(4)). A regular file can be opened anew, within the mode that the descriptor has unless the
//! caller is privileged; a directory is followed; anything else cannot be opened.
//!
//! * A descriptor of a directory is a symbolic link for stat(2) of Solaris's lstat; its text leads to the directory, see
//!   [`links`](super::links).
//! * A pipe, or what has no type, shows as a regular file of mode 0: the kernel would open the pipe by itself.
//! * A file of a FUSE file system shows what the kernel knows of it, and cannot be opened; see [`reopen`].

use super::about::About;
use super::files::{reopen, Opened};
use super::links::leading;
use super::nodes::{self, right};
use super::stops::Seen;
use crate::target::{number, Target};
use kernel::procfs::{self, Peek};
use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use tree::{Attr, Caller, Entry, Errno, Handle, Keep, Node, Result, SetAttr};

/// `fd/`.
pub struct Fds(pub Target);

/// `st_size` of `fd/` and `fdinfo/`.
pub fn slots(about: &About) -> Result<u64> {
    Ok((about.within(|at| Ok::<_, Errno>(at.status()?.number("FDSize")))? + 2) * 16)
}

/// The open descriptors, ascending, in the caller's name.
pub fn open_descriptors(about: &About) -> Result<Vec<u32>> {
    let all = about.act(|dir| procfs::entries(dir, c"fd"))?;
    let mut all: Vec<u32> = all.iter().filter_map(|e| number(&e.name)).collect();
    all.sort_unstable();
    Ok(all)
}

/// Attributes of the open file.
pub fn peek(about: &About, fd: u32) -> Result<Peek> {
    let path = CString::new(format!("fd/{fd}")).map_err(|_| Errno(libc::ENOENT))?;
    let file = about.act(|dir| procfs::openat(dir, &path, libc::O_PATH))?;
    Ok(procfs::peek_at(file.as_fd())?)
}

/// What the kernel says of the descriptor itself: a text of `name:` and value.
pub fn info(about: &About, fd: u32) -> Result<Vec<u8>> {
    about.read(format!("fdinfo/{fd}").as_bytes())
}

/// open(2)'s flags, from the text of `fdinfo`.
pub fn flags(info: &[u8]) -> i32 {
    let text = procfs::field(info, "flags").and_then(|f| std::str::from_utf8(f).ok());
    text.and_then(|t| i64::from_str_radix(t, 8).ok()).unwrap_or(0) as i32
}

impl Node for Fds {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn lookup(&self, caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
        let fd = number(name.as_bytes()).ok_or(Errno(libc::ENOENT))?;
        let kind = shown(peek(&About::new(&self.0, caller), fd)?.mode);
        Ok(Arc::new(Fd { target: self.0.clone(), fd, kind }))
    }

    fn readdir(&self, caller: &Caller) -> Result<Vec<Entry>> {
        let about = About::new(&self.0, caller);
        let entry = |fd: u32| {
            let kind = peek(&about, fd).map_or(0, |p| shown(p.mode));
            Entry { name: fd.to_string().into(), ino: nodes::ino(&self.0, "fd/n", Some(fd.into())), kind }
        };
        Ok(open_descriptors(&about)?.into_iter().map(entry).collect())
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::EISDIR))
    }
}

/// The type of node for a file of this mode.
fn shown(mode: u32) -> u32 {
    match mode & libc::S_IFMT {
        libc::S_IFDIR => libc::S_IFLNK,
        kind @ (libc::S_IFCHR | libc::S_IFBLK | libc::S_IFSOCK) => kind,
        _ => libc::S_IFREG,
    }
}

/// `fd/<n>`.
struct Fd {
    target: Target,
    fd: u32,
    /// Type of node. A descriptor that becomes something else is another node.
    kind: u32,
}

impl Fd {
    fn peek(&self, about: &About) -> Result<Peek> {
        about.target.enter(about.caller)?;
        let peek = peek(about, self.fd).map_err(nodes::stale)?;
        if shown(peek.mode) != self.kind {
            return Err(Errno(libc::ESTALE));
        }
        Ok(peek)
    }

    fn writable(&self) -> Result<()> {
        if self.target.shared.options.ro {
            return Err(Errno(libc::EROFS));
        }
        Ok(())
    }

    /// Opens the file anew in the caller's name.
    fn open_anew(&self, about: &About, flags: i32) -> Result<OwnedFd> {
        about.target.enter(about.caller)?;
        let path = CString::new(format!("fd/{}", self.fd)).map_err(|_| Errno(libc::ENOENT))?;
        let file = about.act(|dir| procfs::openat(dir, &path, libc::O_PATH))?;
        // A descriptor can become another at any moment: what is looked at is what is opened.
        let peek = procfs::peek_at(file.as_fd())?;
        if peek.mode & libc::S_IFMT != libc::S_IFREG {
            return Err(Errno(libc::EACCES));
        }
        let (reads, writes) = wants(flags);
        let (may_read, may_write) = wants(self::flags(&info(about, self.fd)?));
        if (reads && !may_read || writes && !may_write) && !about.caller.creds()?.overrides_modes() {
            return Err(Errno(libc::EACCES));
        }
        reopen(about, &file, flags & (libc::O_ACCMODE | libc::O_TRUNC | libc::O_APPEND))
    }
}

fn wants(flags: i32) -> (bool, bool) {
    match flags & libc::O_ACCMODE {
        _ if flags & libc::O_PATH != 0 => (false, false),
        libc::O_RDONLY => (true, false),
        libc::O_WRONLY => (false, true),
        _ => (true, true),
    }
}

impl Node for Fd {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        let about = About::new(&self.target, caller);
        let peek = self.peek(&about)?;
        let (reads, writes) = wants(flags(&info(&about, self.fd).map_err(nodes::stale)?));
        let mask = 0o7111 | if reads { 0o444 } else { 0 } | if writes { 0o222 } else { 0 };
        let mode = match peek.mode & libc::S_IFMT {
            libc::S_IFREG | libc::S_IFDIR => peek.mode & mask,
            _ => 0,
        };
        let size = if self.kind == libc::S_IFLNK { 0 } else { peek.size };
        Ok(Attr {
            ino: nodes::ino(&self.target, "fd/n", Some(self.fd.into())),
            mode: self.kind | mode,
            nlink: if self.kind == libc::S_IFLNK { 1 } else { peek.nlink },
            size,
            ..of_file(&peek)
        })
    }

    fn keep(&self) -> Keep {
        Keep::Never
    }

    fn identity(&self) -> u64 {
        self.kind.into()
    }

    fn readlink(&self, caller: &Caller) -> Result<Vec<u8>> {
        if self.kind != libc::S_IFLNK {
            return Err(Errno(libc::EINVAL));
        }
        right(&self.target, caller)?;
        leading(&About::new(&self.target, caller), &format!("fd/{}", self.fd))
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        let right = right(&self.target, caller)?;
        if wants(flags).1 {
            self.writable()?;
        }
        let file = self.open_anew(&About::new(&self.target, caller), flags & !libc::O_TRUNC)?;
        Ok(Arc::new(Opened { target: self.target.clone(), right, file, seen: Seen::default() }))
    }

    /// O_TRUNC reaches the file.
    fn setattr(&self, caller: &Caller, set: &SetAttr) -> Result<()> {
        right(&self.target, caller)?;
        if set.size != Some(0) || set.mode.is_some() || set.uid.is_some() || set.gid.is_some() {
            return Err(Errno(libc::ENOSYS));
        }
        self.writable()?;
        self.open_anew(&About::new(&self.target, caller), libc::O_WRONLY | libc::O_TRUNC).map(drop)
    }
}

/// Owner, size and times of a file of the machine.
pub fn of_file(peek: &Peek) -> Attr {
    let [atime, mtime, ctime] = peek.times.map(|t| (t, 0));
    Attr {
        mode: peek.mode,
        nlink: peek.nlink,
        uid: peek.uid,
        gid: peek.gid,
        size: peek.size,
        blocks: peek.size.div_ceil(512),
        blksize: 512,
        rdev: libc::makedev(peek.rdev.0, peek.rdev.1) as u32,
        atime,
        mtime,
        ctime,
        ..Attr::default()
    }
}
