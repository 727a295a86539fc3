//! `fdinfo/`: what there is to know of each open descriptor (illumos, `prfdinfo_t` and tagged items). Nothing is opened in the
//! process, and it does not stop.
//!
//! * Items: the path; of a socket its name, its peer's name, its type and its options, which are asked of the socket itself, taken
//!   for a moment. Who may not have it learns whether it listens.
//! * `pr_peerpid` is the process that made the other end of an AF_UNIX socket, or listened there, as long as it lives, and
//!   `pr_peername` its name; -1 and empty of other sockets, of which the kernel does not keep it.
//! * `pr_fileflags` are Solaris's; of Linux's flags those are left out that it does not have.
//! * A record lock is one that the process holds through this descriptor, not one that would be in its way.

use super::about::{model_for, About};
use super::fd::{flags, info, open_descriptors, peek};
use super::links;
use super::nodes::{self, Data, Who};
use super::sockets;
use crate::right::access_mask;
use crate::target::{number, Target};
use abi::solaris::fdinfo::{Item, PrFdInfo};
use abi::solaris::numbers::{F_RDLCK, F_UNLCK, F_WRLCK};
use abi::solaris::record::chars;
use kernel::procfs;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use tree::{Attr, Caller, Entry, Errno, Handle, Keep, Node, Result};

/// Flags of open(2): Linux, Solaris (`<sys/fcntl.h>`). The two lowest bits are the same.
const FLAGS: &[(i32, i32)] = &[
    (libc::O_APPEND, 0x8),
    (libc::O_DSYNC, 0x40),
    // Linux's O_SYNC holds the bit of O_DSYNC, too.
    (libc::O_SYNC & !libc::O_DSYNC, 0x10),
    (libc::O_NONBLOCK, 0x80),
    // O_LARGEFILE, which libc does not tell to 64-bit programs.
    (0o100_000, 0x2000),
    (libc::O_NOFOLLOW, 0x2_0000),
    (libc::O_DIRECTORY, 0x100_0000),
    (libc::O_DIRECT, 0x200_0000),
];

/// `fdinfo/`.
pub struct FdInfos(pub Target);

impl Node for FdInfos {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    /// Whether the descriptor is open is seen by looking at the file.
    fn lookup(&self, _caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
        let fd = number(name.as_bytes()).ok_or(Errno(libc::ENOENT))?;
        let target = self.0.clone();
        let source = Arc::new(move |about: &About| content(about, fd));
        Ok(Arc::new(FdInfo { fd, data: Data { target, who: Who::Owner, zombies: false, source } }))
    }

    fn readdir(&self, caller: &Caller) -> Result<Vec<Entry>> {
        let entry = |fd: u32| {
            let ino = nodes::ino(&self.0, "fdinfo/n", Some(fd.into()));
            Entry { name: fd.to_string().into(), ino, kind: libc::S_IFREG }
        };
        Ok(open_descriptors(&About::new(&self.0, caller))?.into_iter().map(entry).collect())
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::EISDIR))
    }
}

/// `fdinfo/<n>`.
struct FdInfo {
    fd: u32,
    data: Data,
}

impl Node for FdInfo {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        let target = &self.data.target;
        target.enter(caller)?;
        let about = About::in_model(target, caller, model_for(target, caller));
        let size = content(&about, self.fd)?.len() as u64;
        nodes::attr(&about, nodes::ino(target, "fdinfo/n", Some(self.fd.into())), libc::S_IFREG | 0o400, size)
    }

    fn keep(&self) -> Keep {
        Keep::Never
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        let about = About::new(&self.data.target, caller);
        if flags & libc::O_ACCMODE != libc::O_RDONLY && self.data.target.shared.options.ro {
            return Err(Errno(libc::EROFS));
        }
        caller.may(&nodes::attr(&about, 0, libc::S_IFREG | 0o400, 0)?, access_mask(flags))?;
        self.data.open(caller, flags)
    }

    fn setattr(&self, caller: &Caller, set: &tree::SetAttr) -> Result<()> {
        self.data.setattr(caller, set)
    }
}

fn content(about: &About, fd: u32) -> Result<Vec<u8>> {
    let (peek, info) = (peek(about, fd)?, info(about, fd)?);
    let flags = flags(&info);
    let unknown = PrFdInfo::unknown(i32::try_from(fd).map_err(|_| Errno(libc::ENOENT))?);
    let kind = peek.mode & libc::S_IFMT;
    let device = match kind {
        libc::S_IFCHR | libc::S_IFBLK => peek.rdev,
        libc::S_IFREG | libc::S_IFDIR => (u32::MAX, u32::MAX),
        _ => (0, 0),
    };
    let position = procfs::field(&info, "pos").and_then(|f| std::str::from_utf8(f).ok()?.parse().ok());
    let seeks = !matches!(kind, libc::S_IFIFO | libc::S_IFSOCK);
    let (pr_locktype, holder) = lock(&info);
    let record = PrFdInfo {
        pr_mode: peek.mode,
        pr_ino: peek.ino,
        pr_size: peek.size as i64,
        pr_offset: position.filter(|_| seeks).unwrap_or(-1),
        pr_uid: peek.uid,
        pr_gid: peek.gid,
        pr_major: peek.dev.0,
        pr_minor: peek.dev.1,
        pr_rmajor: device.0,
        pr_rminor: device.1,
        pr_fileflags: file_flags(flags),
        pr_fdflags: i32::from(flags & libc::O_CLOEXEC != 0),
        pr_locktype,
        pr_lockpid: holder.unwrap_or(-1),
        pr_locksysid: if holder.is_some() { 0 } else { -1 },
        ..unknown
    };
    let (mut items, mut maker) = (Vec::new(), None);
    match kind {
        libc::S_IFSOCK => (items, maker) = sockets::items(about, fd, peek.ino),
        _ => items.extend(links::path(about, &format!("fd/{fd}")).ok().map(Item::Path)),
    }
    let peer = maker.and_then(|pid| Some((pid, name_of(about, pid)?)));
    let record = match peer {
        Some((pr_peerpid, name)) => PrFdInfo { pr_peerpid, pr_peername: chars(&name), ..record },
        None => record,
    };
    Ok(record.file(about.model(), &items))
}

/// The name of a process, if there is one for the caller.
fn name_of(about: &About, pid: i32) -> Option<Vec<u8>> {
    let path = CString::new(format!("{pid}/comm")).ok()?;
    let read = || procfs::read_at(procfs::root(), &path);
    let text = about.caller.creds().ok()?.act_on(&about.target.proc, read).ok()?;
    Some(text.trim_ascii_end().to_vec())
}

/// Flags of open(2) as Solaris numbers them.
fn file_flags(linux: i32) -> i32 {
    let set = FLAGS.iter().filter(|(l, _)| linux & l != 0);
    set.fold(linux & libc::O_ACCMODE, |all, (_, s)| all | s)
}

/// Type and holder of the first lock in the text of `fdinfo`: `lock: 1: POSIX ADVISORY WRITE 77 …`.
fn lock(info: &[u8]) -> (i16, Option<i32>) {
    let Some(line) = procfs::field(info, "lock") else { return (F_UNLCK, None) };
    let words: Vec<&[u8]> = line.split(|b| b.is_ascii_whitespace()).filter(|w| !w.is_empty()).collect();
    let kind = if words.contains(&&b"WRITE"[..]) { F_WRLCK } else { F_RDLCK };
    (kind, words.get(4).and_then(|w| std::str::from_utf8(w).ok()?.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_locks() {
        assert_eq!(file_flags(libc::O_RDWR | libc::O_APPEND | libc::O_NONBLOCK | libc::O_CLOEXEC | 0o100_000), 0x208a);
        assert_eq!(file_flags(libc::O_WRONLY | libc::O_SYNC), 0x51);
        let text = b"pos:\t0\nlock:\t1: FLOCK  ADVISORY  WRITE 7329 00:05:1234 0 EOF\n";
        assert_eq!(lock(text), (F_WRLCK, Some(7329)));
        assert_eq!(lock(b"lock:\n"), (F_RDLCK, None));
        assert_eq!(lock(b"pos:\t0\n"), (F_UNLCK, None));
    }
}
