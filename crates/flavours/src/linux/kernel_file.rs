//! Anything that is the kernel's: found, looked at and opened by the kernel, in the caller's name, each time anew.

use super::comm::Comm;
use super::handle::KernelHandle;
use super::pathless;
use super::process::TaskDir;
use crate::target::{act, is_of_reader, set_times, stale, stat, Act, Target};
use crate::Shared;
use kernel::helper::Found;
use kernel::procfs;
use parking_lot::Mutex;
use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, OnceLock};
use tree::{Attr, Caller, Entry, Errno, Handle, Keep, Node, Result, SetAttr};

/// A file of the kernel's /proc: of a process or thread, or of no process.
pub struct KernelFile {
    shared: Arc<Shared>,
    target: Option<Target>,
    /// Relative to the process directory, or to the root.
    path: CString,
    /// File type (`S_IFMT` part of a mode); a name of another type is another file.
    kind: u32,
    keep: Keep,
    /// The name that was looked up last here: a link, perhaps, that is followed now.
    last: Mutex<Vec<u8>>,
    /// Times of access, modification and change when it was looked at first; see [`made_at_each_look`].
    first: OnceLock<[(i64, u32); 3]>,
}

/// Looks `path` up. ENOENT or ESRCH if it is not there.
pub fn find(
    shared: &Arc<Shared>,
    target: Option<&Target>,
    caller: &Caller,
    path: CString,
    keep: Keep,
) -> Result<KernelFile> {
    let found = act(target, caller, &path, Act::Look, |dir| Found::at(dir, &path))?;
    let kind = found.stat()?.st_mode & libc::S_IFMT;
    Ok(KernelFile {
        shared: shared.clone(),
        target: target.cloned(),
        path,
        kind,
        keep,
        last: Mutex::default(),
        first: OnceLock::new(),
    })
}

/// A name that can stand in a directory; nothing else may become part of a path.
pub fn plain(name: &OsStr) -> Result<&[u8]> {
    match name.as_bytes() {
        b"" | b"." | b".." => Err(Errno(libc::ENOENT)),
        name if name.iter().any(|b| matches!(b, b'/' | 0)) => Err(Errno(libc::ENOENT)),
        name if name.len() > 255 => Err(Errno(libc::ENAMETOOLONG)),
        name => Ok(name),
    }
}

/// The kernel's entries of the directory `path`.
pub fn entries(target: Option<&Target>, caller: &Caller, path: &CStr) -> Result<Vec<Entry>> {
    let all = act(target, caller, path, Act::Read, |dir| procfs::entries(dir, path))?;
    Ok(all.into_iter().map(|e| Entry { name: e.name, ino: e.ino, kind: e.kind }).collect())
}

/// True for what is below `net`, of which the kernel keeps no inode: it makes a new one, of new times, for each who looks. Here they
/// are those of the first look, as an open file of the kernel's keeps those that it had at its open.
fn made_at_each_look(path: &CStr) -> bool {
    path.to_bytes().split(|b| *b == b'/').rev().skip(1).any(|name| name == b"net")
}

/// How long names may be remembered that stand in the directory `path`.
fn keep_in(path: &CStr) -> Keep {
    if is_of_reader(path) {
        return Keep::Never;
    }
    match path.to_bytes().rsplit(|b| *b == b'/').next() {
        Some(b"fd" | b"fdinfo" | b"map_files" | b"task") => Keep::Never,
        _ => Keep::Name,
    }
}

impl KernelFile {
    /// An error of the file itself, or ESTALE if the file is gone.
    fn or_stale(&self, caller: &Caller, e: Errno) -> Errno {
        if !matches!(e.0, libc::ENOENT | libc::ESRCH) {
            return e;
        }
        match stat(self.target.as_ref(), caller, &self.path) {
            Err(gone) if gone.0 == libc::ESTALE => gone,
            _ => e,
        }
    }

    /// True if a failed lookup in this directory failed because the directory is gone.
    fn or_stale_dir(&self, caller: &Caller, e: Errno) -> bool {
        matches!(e.0, libc::ENOENT | libc::ESRCH) && self.attr(caller) == Err(Errno(libc::ESTALE))
    }

    fn writable(&self) -> Result<()> {
        if self.shared.options.ro {
            return Err(Errno(libc::EROFS));
        }
        Ok(())
    }

    fn is(&self, kind: u32) -> bool {
        self.kind == kind
    }

    /// The thread that `name` is in this directory; none if this is not `task`.
    fn thread(&self, name: &[u8]) -> Result<Option<Target>> {
        let tid = procfs::number(name).filter(|_| self.path.as_c_str() == c"task");
        let (Some(target), Some(tid)) = (&self.target, tid) else { return Ok(None) };
        Ok(Some(Target { tid: Some(tid), ..target.process()? }))
    }
}

impl Node for KernelFile {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        let mut attr = stat(self.target.as_ref(), caller, &self.path)?;
        if self.target.is_some() && made_at_each_look(&self.path) {
            let first = self.first.get_or_init(|| [attr.atime, attr.mtime, attr.ctime]);
            [attr.atime, attr.mtime, attr.ctime] = *first;
        }
        if attr.mode & libc::S_IFMT != self.kind {
            return Err(Errno(libc::ESTALE));
        }
        Ok(attr)
    }

    fn keep(&self) -> Keep {
        self.keep
    }

    fn lookup(&self, caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
        if !self.is(libc::S_IFDIR) {
            return Err(Errno(libc::ENOTDIR));
        }
        let name = plain(name)?;
        if let Some(target) = self.target.as_ref().filter(|_| pathless::names(&self.path, name)) {
            let likely = self.last.lock().clone();
            let found = pathless::find(target, caller, &self.path, name, &likely);
            return Ok(Arc::new(
                found.map_err(|e| if self.or_stale_dir(caller, e) { Errno(libc::ESTALE) } else { e })?,
            ));
        }
        let path = CString::new([self.path.as_bytes(), b"/", name].concat()).map_err(|_| Errno(libc::ENOENT))?;
        let keep = keep_in(&self.path);
        let found = find(&self.shared, self.target.as_ref(), caller, path, keep);
        let found = found.map_err(|e| if self.or_stale_dir(caller, e) { Errno(libc::ESTALE) } else { e })?;
        if found.is(libc::S_IFLNK) {
            *self.last.lock() = name.to_vec();
        }
        match self.thread(name)? {
            Some(thread) => Ok(Arc::new(TaskDir::new(thread)?)),
            None => Ok(Arc::new(found)),
        }
    }

    fn readdir(&self, caller: &Caller) -> Result<Vec<Entry>> {
        if !self.is(libc::S_IFDIR) {
            return Err(Errno(libc::ENOTDIR));
        }
        entries(self.target.as_ref(), caller, &self.path).map_err(|e| self.or_stale(caller, e))
    }

    fn readlink(&self, caller: &Caller) -> Result<Vec<u8>> {
        if !self.is(libc::S_IFLNK) {
            return Err(Errno(libc::EINVAL));
        }
        let path = &self.path;
        act(self.target.as_ref(), caller, path, Act::Read, |dir| procfs::readlinkat(dir, path))
            .map_err(|e| self.or_stale(caller, e))
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        let reads = flags & libc::O_ACCMODE == libc::O_RDONLY;
        if !reads {
            self.writable()?;
        }
        let what = if reads { Act::Read } else { Act::Change };
        // Who waits does so in poll(2), where he can be interrupted.
        let (path, flags) = (&self.path, flags & libc::O_ACCMODE | libc::O_NONBLOCK | libc::O_NOFOLLOW);
        let file = act(self.target.as_ref(), caller, path, what, |dir| procfs::openat(dir, path, flags))
            .map_err(|e| self.or_stale(caller, e))?;
        let kernel = KernelHandle::new(file, self.target.clone(), path.clone());
        match &self.target {
            Some(target) if !reads && target.path(b"comm").as_ref() == Some(path) => {
                let tid = target.tid.or(Some(target.proc.pid()));
                Ok(Arc::new(Comm { kernel, target: Target { tid, ..target.process()? } }))
            }
            _ => Ok(Arc::new(kernel)),
        }
    }

    fn access(&self, caller: &Caller, mask: i32) -> Result<()> {
        if mask & libc::W_OK != 0 && !self.is(libc::S_IFLNK) {
            self.writable()?;
        }
        let path = &self.path;
        act(self.target.as_ref(), caller, path, Act::Judge, |dir| procfs::accessat(dir, path, mask)).map_err(stale)
    }

    fn setattr(&self, caller: &Caller, set: &SetAttr) -> Result<()> {
        self.writable()?;
        let path = &self.path;
        if let Some(times) = set.times() {
            set_times(self.target.as_ref(), caller, path, times).map_err(|e| self.or_stale(caller, e))?;
        }
        act(self.target.as_ref(), caller, path, Act::Change, |dir| {
            if set.size.is_some() {
                truncate(self.kind)?;
                procfs::accessat(dir, path, libc::W_OK)?;
            }
            if let Some(mode) = set.mode {
                if self.is(libc::S_IFLNK) {
                    return Err(std::io::Error::from_raw_os_error(libc::EOPNOTSUPP));
                }
                procfs::chmodat(dir, path, mode)?;
            }
            if set.uid.is_some() || set.gid.is_some() {
                procfs::chownat(dir, path, set.uid, set.gid)?;
            }
            Ok(())
        })
        .map_err(|e| self.or_stale(caller, e))
    }
}

/// The files of /proc have no length to change: truncating one does nothing, if it is one that can be truncated.
fn truncate(kind: u32) -> std::io::Result<()> {
    match kind {
        libc::S_IFREG => Ok(()),
        libc::S_IFDIR => Err(std::io::Error::from_raw_os_error(libc::EISDIR)),
        _ => Err(std::io::Error::from_raw_os_error(libc::EINVAL)),
    }
}
