//! What a file is about, who may see it, and acting on it in the caller's name.

use crate::Shared;
use kernel::creds::Creds;
use kernel::helper::{Carried, Found};
use kernel::namespaces;
use kernel::procfs::{self, Proc};
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Result, SetTime};

/// The process, or the thread of it, that a file is about.
#[derive(Clone)]
pub struct Target {
    /// The process.
    pub proc: Arc<Proc>,
    /// The thread, for files under `task/<tid>/`.
    pub tid: Option<u32>,
    /// The mount.
    pub shared: Arc<Shared>,
}

/// Files and directories of the daemon's own process that show nothing but what any user may know. The kernel judges by thread group
/// first, so for these and only these its answer to the daemon is right for others.
const PUBLIC: &[&[u8]] = &[
    b".",
    b"cgroup",
    b"cmdline",
    b"comm",
    b"limits",
    b"loginuid",
    b"mountinfo",
    b"mounts",
    b"oom_score",
    b"statm",
    b"status",
    b"task",
];

impl Target {
    /// Path of `name` relative to the process directory. None for a name that no file can have.
    pub fn path(&self, name: &[u8]) -> Option<CString> {
        let path = match self.tid {
            Some(tid) => [format!("task/{tid}/").as_bytes(), name].concat(),
            None => name.to_vec(),
        };
        CString::new(path).ok()
    }

    /// The process, for what acts on one. The kernel has a directory for each thread too, which shows the process of that thread
    /// and is not listed; a `Proc` of that number is not the process's. ESRCH if the thread is gone.
    pub fn process(&self) -> Result<Target> {
        let tgid = self.proc.tgid()?;
        if tgid == self.proc.pid() {
            return Ok(self.clone());
        }
        let proc = Arc::new(Proc::open(tgid)?);
        // As long as the thread is there, so is its process.
        if !self.proc.alive() {
            return Err(Errno(libc::ESRCH));
        }
        Ok(Target { proc, ..self.clone() })
    }

    /// The living threads of a process whose first has ended; none while that lives, or when all have ended. The kernel's files
    /// of memory, open files and namespaces lead nowhere then but in their directories.
    pub fn survivors(&self) -> Vec<u32> {
        let lives = |path: &CStr| {
            let text = procfs::read_at(self.proc.dir(), path).unwrap_or_default();
            procfs::Stat::parse(&text).is_some_and(|stat| !matches!(stat.state, b'Z' | b'X'))
        };
        if lives(c"stat") {
            return Vec::new();
        }
        let path = |tid: &u32| CString::new(format!("task/{tid}/stat")).unwrap_or_default();
        let tids = self.proc.tasks().unwrap_or_default();
        tids.into_iter().filter(|tid| lives(&path(tid))).collect()
    }

    /// Attributes of the directory the target's files are in, ESTALE if the target is gone.
    pub fn directory_attr(&self, caller: &Caller) -> Result<Attr> {
        self.visible(caller)?;
        let path = self.path(b".").ok_or(Errno(libc::EINVAL))?;
        stat(Some(self), caller, &path)
    }

    /// Sets the times of that directory, as far as the kernel lets the caller.
    pub fn set_times(&self, caller: &Caller, times: [Option<SetTime>; 2]) -> Result<()> {
        let path = self.path(b".").ok_or(Errno(libc::EINVAL))?;
        set_times(Some(self), caller, &path, times).map_err(stale)
    }

    /// ENOENT if the mount hides the process from the caller.
    pub fn visible(&self, caller: &Caller) -> Result<()> {
        let options = &self.shared.options;
        if let Some(uid) = options.uid {
            let status = self.proc.status().map_err(|e| stale(e.into()))?;
            let uids = procfs::numbers(procfs::field(&status, "Uid").unwrap_or_default());
            if uids.get(1) != Some(&uid) {
                return Err(Errno(libc::ENOENT));
            }
        }
        if options.hidepid >= 2 && !self.inspectable(caller) {
            return Err(Errno(libc::ENOENT));
        }
        Ok(())
    }

    /// ENOENT or EPERM if the mount closes the process's directory to the caller.
    pub fn enter(&self, caller: &Caller) -> Result<()> {
        self.visible(caller)?;
        if self.shared.options.hidepid == 1 && !self.inspectable(caller) {
            return Err(Errno(libc::EPERM));
        }
        Ok(())
    }

    fn inspectable(&self, caller: &Caller) -> bool {
        let Ok(creds) = caller.creds() else { return false };
        let options = &self.shared.options;
        let member = |gid| caller.gid == gid || creds.groups().contains(&gid);
        // The kernel's option gid= is 0 if it is not given, and does not count where who may trace decides alone.
        if options.hidepid != 4 && member(options.gid.unwrap_or(0)) {
            return true;
        }
        // Reading this link is allowed to who may inspect the process, and to nobody else.
        let seen = creds.act_on(&self.proc, || procfs::readlinkat(self.proc.dir(), c"root"));
        !seen.is_err_and(|e| matches!(e.raw_os_error(), Some(libc::EACCES | libc::EPERM)))
    }

    /// True if reading `path` needs no check of the kernel's on whose process this is.
    pub fn is_public(&self, path: &CStr) -> bool {
        self.tid.is_none() && PUBLIC.contains(&path.to_bytes())
    }
}

/// A number as a name: digits only, leading zeros do not matter.
pub fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// What is done to a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Only the name and attributes are looked at.
    Look,
    /// Permissions are asked for.
    Judge,
    /// The content is read.
    Read,
    /// Something is changed.
    Change,
}

/// Runs `f` on the directory that `path` is relative to, in the caller's name.
pub fn act<T: Carried>(
    target: Option<&Target>,
    caller: &Caller,
    path: &CStr,
    what: Act,
    f: impl FnOnce(BorrowedFd) -> io::Result<T>,
) -> Result<T> {
    let dir = target.map_or(procfs::root(), |t| t.proc.dir());
    if let Some(target) = target {
        target.enter(caller)?;
    }
    let harmless = match what {
        Act::Look | Act::Judge => !path.to_bytes().contains(&b'/'),
        Act::Read => target.is_some_and(|t| t.is_public(path)),
        Act::Change => false,
    };
    if harmless && what != Act::Judge && !procfs::hides() && !(what == Act::Read && numbers_differ(path, caller)) {
        // The directory is open to all, and so is what is public: the kernel would not look at who asks.
        return Ok(f(dir)?);
    }
    let creds = caller.creds()?;
    match target {
        Some(target) if !harmless => Ok(creds.act_on(&target.proc, || f(dir))?),
        None => Ok(act_for_reader(caller.tid, creds, path, || f(dir))?),
        _ => Ok(creds.act(|| f(dir))?),
    }
}

/// True if `path` has ids in it, which the kernel numbers as the user namespace of who has opened it does.
fn numbers_differ(path: &CStr, caller: &Caller) -> bool {
    path == c"status" && caller.creds().is_ok_and(|creds| creds.is_foreign())
}

/// True for what belongs to no process and tells of the namespaces of whoever looks: the host name, limits of IPC, the network.
pub fn is_of_reader(path: &CStr) -> bool {
    let first = path.to_bytes().split(|b| *b == b'/').next();
    matches!(first, Some(b"sys" | b"sysvipc"))
}

/// What the kernel does in the pid namespace of whoever uses it.
const OF_PIDS: &[&[u8]] =
    &[b"sys/kernel/cad_pid", b"sys/kernel/ns_last_pid", b"sys/kernel/pid_max", b"sys/vm/memfd_noexec"];

/// Runs `f`, about a file that belongs to no process, in the name of thread `tid`, and in those of its namespaces that it tells of.
pub fn act_for_reader<T: Carried>(
    tid: u32,
    creds: &Creds,
    path: &CStr,
    f: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    if path == c"keys" {
        return creds.act_without_keys(f);
    }
    let settings = if is_of_reader(path) { namespaces::SETTINGS } else { 0 };
    let pids = if OF_PIDS.contains(&path.to_bytes()) { namespaces::PID } else { 0 };
    let inside = namespaces::enter(tid, settings | pids)?;
    match inside.by_children() {
        true => creds.act_in_copy(f),
        false => creds.act(f),
    }
}

/// Runs `f`, about a file of a process, in the cgroup namespace of thread `tid` where the file tells of that. What we may not enter
/// is seen as we see it.
pub fn in_cgroups_of<T>(tid: u32, path: &CStr, f: impl FnOnce() -> T) -> T {
    let name = path.to_bytes().rsplit(|b| *b == b'/').next();
    let tells = matches!(name, Some(b"cgroup" | b"cpuset" | b"mountinfo"));
    let _inside = tells.then(|| namespaces::enter(tid, namespaces::CGROUP));
    f()
}

/// Sets the times of the kernel's file, as far as the kernel lets the caller.
pub fn set_times(target: Option<&Target>, caller: &Caller, path: &CStr, times: [Option<SetTime>; 2]) -> Result<()> {
    let times = times.map(|time| match time {
        None => (0, libc::UTIME_OMIT),
        Some(SetTime::Now) => (0, libc::UTIME_NOW),
        Some(SetTime::To(seconds, nanoseconds)) => (seconds, nanoseconds.into()),
    });
    act(target, caller, path, Act::Change, |dir| procfs::utimensat(dir, path, times))
}

/// Attributes of a path; ESTALE if there is nothing any more.
pub fn stat(target: Option<&Target>, caller: &Caller, path: &CStr) -> Result<Attr> {
    if let Some(target) = target {
        target.visible(caller)?;
    }
    let found = match target {
        // The directory itself is seen even if it is closed.
        Some(target) if path == c"." => {
            let look = || Found::at(target.proc.dir(), path);
            if procfs::hides() {
                caller.act(look)
            } else {
                look().map_err(Errno::from)
            }
        }
        _ => act(target, caller, path, Act::Look, |dir| Found::at(dir, path)),
    };
    found.and_then(|found| Ok(found.stat()?)).map(attr).map_err(stale)
}

/// What was found once and is not there now.
pub fn stale(e: Errno) -> Errno {
    match e.0 {
        libc::ENOENT | libc::ESRCH => Errno(libc::ESTALE),
        _ => e,
    }
}

/// As the tree has them.
pub fn attr(s: libc::stat) -> Attr {
    Attr {
        ino: s.st_ino,
        mode: s.st_mode,
        nlink: s.st_nlink as u32,
        uid: s.st_uid,
        gid: s.st_gid,
        size: s.st_size as u64,
        blocks: s.st_blocks as u64,
        blksize: s.st_blksize as u32,
        rdev: s.st_rdev as u32,
        atime: (s.st_atime, s.st_atime_nsec as u32),
        mtime: (s.st_mtime, s.st_mtime_nsec as u32),
        ctime: (s.st_ctime, s.st_ctime_nsec as u32),
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn names_that_are_numbers() {
        let names = [&b"446"[..], b"00446", b"0", b"", b"-1", b"+1", b"1x", b"4294967296", b"99999999999999999999999"];
        assert_eq!(names.map(number), [Some(446), Some(446), Some(0), None, None, None, None, None, None]);
    }
}
