//! What is mounted where, read from /proc/self/mountinfo: it never touches the file systems it tells about, so a mount
//! whose daemon died cannot hang the reader.

use anyhow::{Context, Result};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ffi::{CString, OsString};
use std::fmt;
use std::io::{Error, ErrorKind};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

/// The file system type of our mounts.
pub const FSTYPE: &str = "fuse.pfs";

/// A device number: tells one mounted file system from another, in every mount namespace.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct Dev {
    /// Major number.
    pub major: u32,
    /// Minor number.
    pub minor: u32,
}

impl Dev {
    fn parse(text: &str) -> Option<Dev> {
        let (major, minor) = text.split_once(':')?;
        Some(Dev { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }
}

impl fmt::Display for Dev {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

impl From<Dev> for String {
    fn from(dev: Dev) -> String {
        dev.to_string()
    }
}

impl TryFrom<String> for Dev {
    type Error = String;
    fn try_from(text: String) -> Result<Dev, String> {
        Dev::parse(&text).ok_or_else(|| format!("{text:?} is not a device number"))
    }
}

/// One mount.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mounted {
    /// The device number of the mounted file system.
    pub dev: Dev,
    /// Where it is mounted.
    pub dir: PathBuf,
    /// Its type, as `fuse.pfs`.
    pub fstype: String,
    /// What it says it was mounted from.
    pub source: String,
    /// The user who mounted it, of a FUSE mount.
    pub user: Option<u32>,
}

impl Mounted {
    /// Is this one of ours (of whatever user)?
    pub fn ours(&self) -> bool {
        self.fstype == FSTYPE
    }
}

/// All mounts of this namespace, in the order in which they were mounted.
pub fn all() -> Result<Vec<Mounted>> {
    // The daemon, whose own mount may cover /proc, must not ask itself.
    let table = match kernel::procfs::init() {
        Ok(()) => kernel::procfs::read_at(kernel::procfs::root(), c"self/mountinfo"),
        Err(_) => std::fs::read("/proc/self/mountinfo"),
    };
    let table = table.context("cannot read /proc/self/mountinfo")?;
    Ok(table.split(|&b| b == b'\n').filter_map(line).collect())
}

/// True if the file system with this device number is mounted in the mount namespace of any process that we may look at.
pub fn anywhere(dev: Dev) -> bool {
    let root = kernel::procfs::root();
    let pids = kernel::procfs::entries(root, c".").unwrap_or_default();
    let mut seen = BTreeSet::new();
    pids.iter().filter_map(|e| kernel::procfs::number::<u32>(&e.name)).any(|pid| {
        let read = |name: &str| CString::new(format!("{pid}/{name}")).map_err(std::io::Error::from);
        let space = read("ns/mnt").and_then(|path| kernel::procfs::readlinkat(root, &path));
        // One that has ended meanwhile, or that is not for us to see.
        let Ok(space) = space else { return false };
        if !seen.insert(space) {
            return false;
        }
        let table = read("mountinfo").and_then(|path| kernel::procfs::read_at(root, &path)).unwrap_or_default();
        table.split(|&b| b == b'\n').filter_map(line).any(|m| m.dev == dev)
    })
}

/// What the file system that is mounted on `dir` answers. None: nothing within `patience`. Asked in a thread, since a daemon
/// that hangs would keep us for ever.
pub fn probe(dir: &Path, patience: Duration) -> std::io::Result<Option<Result<(), Errno>>> {
    let (tell, told) = mpsc::channel();
    let path = dir.to_owned();
    std::thread::Builder::new()
        .name("pfs-probe".into())
        .spawn(move || tell.send(rustix::fs::stat(&path).map(drop)).is_ok())?;
    Ok(told.recv_timeout(patience).ok())
}

/// True if nobody serves the mount on `dir` any more.
pub fn is_dead(dir: &Path) -> bool {
    // ECONNABORTED: the connection was aborted by hand.
    let gone = |e| matches!(e, Errno::NOTCONN | Errno::CONNABORTED);
    matches!(probe(dir, Duration::from_secs(1)), Ok(Some(Err(e))) if gone(e))
}

/// The topmost mount on exactly this directory.
pub fn on(dir: &Path) -> Result<Option<Mounted>> {
    Ok(all()?.into_iter().rev().find(|m| m.dir == dir))
}

fn line(line: &[u8]) -> Option<Mounted> {
    // id parent major:minor root mountpoint options [tag...] - fstype source superoptions
    let mut words = line.split(|&b| b == b' ');
    let dev = Dev::parse(std::str::from_utf8(words.nth(2)?).ok()?)?;
    let dir = unescape(words.nth(1)?);
    words.find(|w| *w == b"-")?;
    let text = |w: &[u8]| String::from_utf8_lossy(&unescape(w)).into_owned();
    let fstype = text(words.next()?);
    let source = words.next().map(text).unwrap_or_default();
    let options = words.next().map(text).unwrap_or_default();
    let user = options.split(',').find_map(|o| o.strip_prefix("user_id=")?.parse().ok());
    Some(Mounted { dev, dir: PathBuf::from(OsString::from_vec(dir)), fstype, source, user })
}

fn unescape(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&b, tail)) = rest.split_first() {
        let octal =
            |d: &[u8]| d.iter().try_fold(0u32, |n, b| (b'0'..=b'7').contains(b).then(|| n * 8 + (b - b'0') as u32));
        match (b, tail.get(..3).and_then(octal)) {
            (b'\\', Some(n)) if n < 256 => {
                out.push(n as u8);
                rest = &tail[3..];
            }
            _ => {
                out.push(b);
                rest = tail;
            }
        }
    }
    out
}

/// The absolute path without symbolic links, as mountinfo names it. Only the parent is resolved where the directory
/// itself is a mount already: asking a mount whose daemon died would fail or wait.
pub fn resolve(dir: &Path) -> std::io::Result<PathBuf> {
    if let (Some(parent), Some(name)) = (dir.parent(), dir.file_name()) {
        // "a/b/" and "a/b/." have file_name b, too; "b" has the empty parent.
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        if let Ok(parent) = parent.canonicalize() {
            let path = parent.join(name);
            if all().is_ok_and(|all| all.iter().any(|m| m.dir == path)) {
                return Ok(path);
            }
        }
    }
    dir.canonicalize().map_err(|e| match std::env::current_dir() {
        Err(gone) if gone.kind() == ErrorKind::NotFound && dir.is_relative() => {
            Error::other("the current directory has been removed: cd to another one")
        }
        _ => e,
    })
}

/// Unmounts: as root by the system call, as a user by fusermount3. `lazy`: even if files are open there.
pub fn unmount(dir: &Path, lazy: bool) -> std::io::Result<()> {
    let mut tries = 0..5;
    loop {
        match unmount_once(dir, lazy) {
            // Who only looks at it, as df(1) does, has it for a moment.
            Err(e) if e.kind() == std::io::ErrorKind::ResourceBusy && tries.next().is_some() => {
                std::thread::sleep(Duration::from_millis(20));
            }
            other => return other,
        }
    }
}

fn unmount_once(dir: &Path, lazy: bool) -> std::io::Result<()> {
    use rustix::mount::UnmountFlags;
    let flags = UnmountFlags::NOFOLLOW | if lazy { UnmountFlags::DETACH } else { UnmountFlags::empty() };
    match rustix::mount::unmount(dir, flags) {
        Err(rustix::io::Errno::PERM) => by_helper(dir, lazy),
        other => Ok(other?),
    }
}

fn by_helper(dir: &Path, lazy: bool) -> std::io::Result<()> {
    let mut command = std::process::Command::new("fusermount3");
    command.arg(if lazy { "-uz" } else { "-u" }).arg("--").arg(dir).env("LC_ALL", "C");
    let output = command.output().map_err(|e| match e.kind() {
        ErrorKind::NotFound => Error::new(e.kind(), "fusermount3 is missing: install fuse3"),
        _ => e,
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let kind = if said.contains("busy") {
        ErrorKind::ResourceBusy
    } else if said.contains("not permitted") || said.contains("not found in") {
        ErrorKind::PermissionDenied
    } else {
        ErrorKind::Other
    };
    Err(Error::new(kind, said))
}

/// Lossless text of paths in JSON: a string, or where that cannot be, the bytes.
pub mod path_json {
    use super::*;
    use serde::{Deserializer, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Text(String),
        Bytes(Vec<u8>),
    }

    /// For `#[serde(with)]`.
    pub fn serialize<S: Serializer>(path: &Path, s: S) -> Result<S::Ok, S::Error> {
        match path.to_str() {
            Some(text) => s.serialize_str(text),
            None => s.collect_seq(path.as_os_str().as_bytes()),
        }
    }

    /// For `#[serde(with)]`.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<PathBuf, D::Error> {
        Ok(match Form::deserialize(d)? {
            Form::Text(text) => PathBuf::from(text),
            Form::Bytes(bytes) => PathBuf::from(OsString::from_vec(bytes)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_line() {
        let m =
            line(b"36 35 98:0 /x /mnt/a\\040b rw,noatime master:1 - fuse.pfs linux rw,user_id=7,group_id=8").unwrap();
        assert_eq!(m.dev, Dev { major: 98, minor: 0 });
        assert_eq!(m.dir, Path::new("/mnt/a b"));
        assert!(m.ours());
        assert_eq!((&m.source[..], m.user), ("linux", Some(7)));
    }

    #[test]
    fn garbage_is_no_mount() {
        for text in ["", "1 2", "a b c d e f - g h", "36 35 98:0 / /mnt rw"] {
            assert_eq!(line(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn octal_escapes_beyond_a_byte_stay() {
        assert_eq!(unescape(b"a\\777b\\01"), b"a\\777b\\01");
    }
}
