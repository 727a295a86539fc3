//! The file-tree kit: what every flavour is made of and every front end serves.
//!
//! A [`Node`] is one file as it is found by name; a [`Handle`] is one open file. Both judge in the name of a
//! [`Caller`]. Whatever may wait ends through a [`Pending`], which the front end can cancel at any moment; no
//! request ever waits in a thread that others need.

#![deny(clippy::print_stderr, clippy::print_stdout)]

mod caller;
pub mod closes;
mod pending;
mod text;

pub use caller::Caller;
pub use pending::{Pending, WeakPending};
pub use text::{slice, Text};

use std::ffi::OsStr;
use std::sync::Arc;

/// An errno, the only error that crosses the border to a client (value as in `libc::E*`, always positive).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub i32);

impl From<std::io::Error> for Errno {
    fn from(e: std::io::Error) -> Errno {
        Errno(e.raw_os_error().unwrap_or(libc::EIO))
    }
}

/// Result of everything a node or handle does.
pub type Result<T> = std::result::Result<T, Errno>;

/// What `stat` shows of a node. Times are (seconds, nanoseconds) since the epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attr {
    /// Inode number as the client sees it.
    pub ino: u64,
    /// File type and permission bits (`S_IF*` | 0o7777).
    pub mode: u32,
    /// Link count.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// 512-byte blocks.
    pub blocks: u64,
    /// Preferred transfer size.
    pub blksize: u32,
    /// Device number of a device node.
    pub rdev: u32,
    /// Last access.
    pub atime: (i64, u32),
    /// Last modification.
    pub mtime: (i64, u32),
    /// Last status change.
    pub ctime: (i64, u32),
}

/// One directory entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Name, without a slash.
    pub name: Vec<u8>,
    /// Inode number (`d_ino`).
    pub ino: u64,
    /// File type bits (`S_IFMT` part of a mode).
    pub kind: u32,
}

/// What a set-attribute request asks for; `None` leaves the field alone.
#[derive(Clone, Debug, Default)]
pub struct SetAttr {
    /// New permission bits.
    pub mode: Option<u32>,
    /// New owner.
    pub uid: Option<u32>,
    /// New group.
    pub gid: Option<u32>,
    /// New size (truncation; what O_TRUNC asks for).
    pub size: Option<u64>,
    /// New time of the last access.
    pub atime: Option<SetTime>,
    /// New time of the last change.
    pub mtime: Option<SetTime>,
}

impl SetAttr {
    /// The times, if one of them is to be set.
    pub fn times(&self) -> Option<[Option<SetTime>; 2]> {
        (self.atime.is_some() || self.mtime.is_some()).then_some([self.atime, self.mtime])
    }
}

/// A time to be set, as utimensat(2) has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetTime {
    /// That of the call.
    Now,
    /// Seconds since the epoch, and nanoseconds.
    To(i64, u32),
}

/// How long a front end may remember what a lookup found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The name means this node as long as the node answers; a node that died says ESTALE and is looked up again. A front end
    /// may answer a lookup by asking a node that it knows for its attributes.
    Name,
    /// Look up at each use, but the same inode each time.
    Never,
    /// Look up at each use and give a fresh inode each time: for files whose writes may wait, since a waiting write
    /// holds the lock of its inode in the kernel.
    Fresh,
}

/// A file found by name.
pub trait Node: Send + Sync {
    /// Attributes, as this caller sees them.
    fn attr(&self, caller: &Caller) -> Result<Attr>;

    /// How long the name may be remembered.
    fn keep(&self) -> Keep {
        Keep::Name
    }

    /// Tells two nodes of the same name in the same directory apart (a process and the next owner of its number).
    fn identity(&self) -> u64 {
        0
    }

    /// Finds a child. ENOTDIR unless this is a directory; ENOENT if there is none.
    fn lookup(&self, _caller: &Caller, _name: &OsStr) -> Result<Arc<dyn Node>> {
        Err(Errno(libc::ENOTDIR))
    }

    /// All entries, without `.` and `..`; the front end takes one snapshot per open directory.
    fn readdir(&self, _caller: &Caller) -> Result<Vec<Entry>> {
        Err(Errno(libc::ENOTDIR))
    }

    /// Text of a symbolic link.
    fn readlink(&self, _caller: &Caller) -> Result<Vec<u8>> {
        Err(Errno(libc::EINVAL))
    }

    /// Opens the file; `flags` are open(2)'s. The front end never passes O_CREAT or O_EXCL (stripped by FUSE).
    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>>;

    /// access(2); `mask` is R_OK, W_OK, X_OK or F_OK.
    fn access(&self, caller: &Caller, mask: i32) -> Result<()> {
        let attr = self.attr(caller)?;
        caller.may(&attr, mask)
    }

    /// Changes attributes. A truncation (size) comes with every O_TRUNC open.
    fn setattr(&self, _caller: &Caller, _set: &SetAttr) -> Result<()> {
        Err(Errno(libc::EPERM))
    }
}

/// An open file.
pub trait Handle: Send + Sync {
    /// Up to `size` bytes at `offset`; an empty answer is the end of the file.
    fn read(&self, caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>);

    /// Takes `data` at `offset`; answers how many bytes were taken.
    fn write(&self, _caller: &Caller, _offset: u64, _data: &[u8], done: Pending<usize>) {
        done.finish(Err(Errno(libc::EBADF)));
    }

    /// True for message files: no seeking, reads and writes of one open file do not wait for each other.
    fn stream(&self) -> bool {
        false
    }

    /// poll(2) bits that are ready now; `wake`, if given, is to be called once when that may have changed or there is more of it,
    /// also if something is ready: epoll(7) on edges asks once for each change. The wake of the last poll stands for those before.
    fn poll(&self, _caller: &Caller, _wake: Option<Box<dyn FnOnce() + Send>>) -> Result<u32> {
        Ok((libc::POLLIN | libc::POLLOUT | libc::POLLRDNORM | libc::POLLWRNORM) as u32)
    }

    /// ioctl(2): command, raw argument word, and the bytes the kernel copied in; the answer is the return value and
    /// the bytes to copy out.
    fn ioctl(&self, _caller: &Caller, _cmd: u32, _arg: u64, _data: &[u8], done: Pending<(i32, Vec<u8>)>) {
        done.finish(Err(Errno(libc::ENOTTY)));
    }

    /// The last descriptor of this open file was closed.
    fn release(&self) {}
}

/// What is answered to who would change the tree.
#[derive(Clone, Copy, Debug)]
pub struct Unchangeable {
    /// By an open that makes a file.
    pub create: Errno,
    /// By making anything else: a directory, a link, a node.
    pub make: Errno,
    /// By removing or renaming.
    pub remove: Errno,
}

/// What statfs(2) tells of a file system, beside the size of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Blocks, none of them free.
    pub blocks: u64,
    /// Files that there can be.
    pub files: u64,
    /// How many of them there are not.
    pub free_files: u64,
}

/// A flavour as mounted: the root of its tree.
pub trait Flavour: Send + Sync {
    /// The flavour's name, as given to `-t`.
    fn name(&self) -> &'static str;
    /// The root directory.
    fn root(&self) -> Arc<dyn Node>;
    /// What is answered to who would change the tree. `None`: as the kernel's /proc answers.
    fn unchangeable(&self) -> Option<Unchangeable> {
        None
    }
    /// What statfs(2) tells. All zeros: as the kernel's /proc.
    fn capacity(&self) -> Capacity {
        Capacity::default()
    }
    /// True if files can be locked (fcntl(2), flock(2)), as those of the kernel's /proc; else that is ENOSYS.
    fn locks(&self) -> bool {
        true
    }
    /// The mount is gone: give back whatever its clients held.
    fn unmounted(&self) {}
}
