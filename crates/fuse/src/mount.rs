//! Mounting and unmounting, as root by mount(2), as an ordinary user by `fusermount3`.

use std::ffi::{CString, OsStr};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const HELPER: &str = "fusermount3";
const DEVICE: &str = "/dev/fuse";
const TYPE: &str = "fuse.pfs";

/// How to mount.
#[derive(Clone, Debug)]
pub struct MountOptions {
    /// Mount read-only.
    pub ro: bool,
    /// Let other users in.
    pub allow_other: bool,
    /// What the mount table shows as the source, `pfs-linux` for instance.
    pub source: String,
}

/// Why a mount or unmount failed. The text names the act, the directory and what to do about it.
#[derive(Debug)]
#[non_exhaustive]
pub enum MountError {
    /// The mount point does not exist.
    Missing(PathBuf),
    /// The mount point is no directory.
    NotDirectory(PathBuf),
    /// The kernel refuses this user.
    NotPermitted(PathBuf),
    /// `/dev/fuse` cannot be opened.
    NoDevice(PathBuf, io::Error),
    /// `fusermount3` is not installed.
    NoHelper(PathBuf),
    /// `fusermount3` failed; its own message.
    Helper {
        /// `mount` or `unmount`.
        act: &'static str,
        /// The mount point.
        dir: PathBuf,
        /// What it said.
        message: String,
    },
    /// A file system of ours is mounted there already.
    AlreadyMounted(PathBuf),
    /// Nothing is mounted there.
    NotMounted(PathBuf),
    /// Anything else.
    Other {
        /// `mount` or `unmount`.
        act: &'static str,
        /// The mount point.
        dir: PathBuf,
        /// What the kernel said.
        error: io::Error,
    },
}

impl fmt::Display for MountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use MountError::*;
        match self {
            Missing(dir) => {
                let dir = dir.display();
                write!(f, "cannot mount on {dir}: no such directory; create it with `mkdir -p {dir}`")
            }
            NotDirectory(dir) => {
                write!(f, "cannot mount on {}: not a directory; name a directory", dir.display())
            }
            NotPermitted(dir) => write!(
                f,
                "cannot mount or unmount {}: not permitted; run as root or as the user who owns the mount",
                dir.display()
            ),
            NoDevice(dir, e) => {
                let dir = dir.display();
                match e.raw_os_error() {
                    Some(libc::EACCES | libc::EPERM) => write!(
                        f,
                        "cannot mount on {dir}: {DEVICE} may not be opened; run as root, in a container give it the device"
                    ),
                    _ => write!(f, "cannot mount on {dir}: {DEVICE}: {e}; load the module with `modprobe fuse`"),
                }
            }
            NoHelper(dir) => {
                write!(f, "cannot mount or unmount {}: {HELPER} not found; install fuse3 or run as root", dir.display())
            }
            Helper { act, dir, message } => {
                write!(f, "cannot {act} {}: {message}; see {HELPER}(1) and /etc/fuse.conf", dir.display())
            }
            AlreadyMounted(dir) => {
                let dir = dir.display();
                write!(f, "cannot mount on {dir}: already mounted there: pfs umount {dir}")
            }
            NotMounted(dir) => {
                write!(f, "cannot unmount {}: nothing mounted there; see /proc/self/mountinfo", dir.display())
            }
            Other { act, dir, error } => {
                write!(f, "cannot {act} {}: {error}; the kernel log (dmesg) may tell more", dir.display())
            }
        }
    }
}

impl std::error::Error for MountError {}

/// Mounts on `dir` and returns the descriptor to serve. Nobody is answered until a session is started on it.
pub fn mount(dir: &Path, opts: &MountOptions) -> Result<OwnedFd, MountError> {
    if mounted(dir) {
        return Err(MountError::AlreadyMounted(dir.into()));
    }
    let other = |error| MountError::Other { act: "mount", dir: dir.into(), error };
    match std::fs::metadata(dir) {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => return Err(MountError::NotDirectory(dir.into())),
        Err(e) => {
            return Err(match e.raw_os_error() {
                Some(libc::ENOENT) => MountError::Missing(dir.into()),
                Some(libc::ENOTDIR) => MountError::NotDirectory(dir.into()),
                _ => other(e),
            })
        }
    }
    if is_root() {
        by_kernel(dir, opts)
    } else {
        by_helper(dir, opts)
    }
}

/// Unmounts `dir`; if it is in use, it leaves the name space now and goes away with its last user.
pub fn umount(dir: &Path) -> Result<(), MountError> {
    if !is_root() {
        return match helper("unmount", dir, &["-u".as_ref()], None) {
            Err(MountError::Helper { .. }) => helper("unmount", dir, &["-u".as_ref(), "-z".as_ref()], None),
            result => result,
        };
    }
    let path = c_path(dir, "unmount")?;
    let umount2 = |flags| {
        // SAFETY: `path` is a C string.
        match unsafe { libc::umount2(path.as_ptr(), flags) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    let result = match umount2(libc::UMOUNT_NOFOLLOW) {
        Err(e) if e.raw_os_error() == Some(libc::EBUSY) => umount2(libc::UMOUNT_NOFOLLOW | libc::MNT_DETACH),
        result => result,
    };
    result.map_err(|error| match error.raw_os_error() {
        Some(libc::EINVAL | libc::ENOENT | libc::ENOTDIR) => MountError::NotMounted(dir.into()),
        Some(libc::EPERM) => MountError::NotPermitted(dir.into()),
        _ => MountError::Other { act: "unmount", dir: dir.into(), error },
    })
}

fn is_root() -> bool {
    // SAFETY: geteuid cannot fail.
    unsafe { libc::geteuid() == 0 }
}

fn c_path(dir: &Path, act: &'static str) -> Result<CString, MountError> {
    CString::new(dir.as_os_str().as_bytes()).map_err(|e| MountError::Other { act, dir: dir.into(), error: e.into() })
}

fn by_kernel(dir: &Path, opts: &MountOptions) -> Result<OwnedFd, MountError> {
    let other = |error| MountError::Other { act: "mount", dir: dir.into(), error };
    let device: OwnedFd =
        OpenOptions::new().read(true).write(true).open(DEVICE).map_err(|e| MountError::NoDevice(dir.into(), e))?.into();
    // SAFETY: getuid and getgid cannot fail.
    let (uid, gid) = unsafe { (libc::getuid(), libc::getgid()) };
    let mut data = format!("fd={},rootmode=40000,user_id={uid},group_id={gid}", device.as_raw_fd());
    if opts.allow_other {
        data.push_str(",allow_other");
    }
    let mut flags = libc::MS_NOSUID | libc::MS_NODEV;
    if opts.ro {
        flags |= libc::MS_RDONLY;
    }
    let text = |s: &str| CString::new(s).map_err(|e| other(e.into()));
    let (source, kind, data) = (text(&opts.source)?, text(TYPE)?, text(&data)?);
    let target = c_path(dir, "mount")?;
    // SAFETY: all pointers are C strings that live through the call.
    let rc = unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, data.as_ptr().cast()) };
    if rc == 0 {
        return Ok(device);
    }
    let error = io::Error::last_os_error();
    Err(match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => MountError::NotPermitted(dir.into()),
        Some(libc::ENOENT) => MountError::Missing(dir.into()),
        Some(libc::ENOTDIR) => MountError::NotDirectory(dir.into()),
        _ => other(error),
    })
}

fn by_helper(dir: &Path, opts: &MountOptions) -> Result<OwnedFd, MountError> {
    let other = |error| MountError::Other { act: "mount", dir: dir.into(), error };
    let source = opts.source.replace('\\', "\\\\").replace(',', "\\,");
    let mut text = format!("fsname={source},subtype=pfs,nosuid,nodev");
    if opts.ro {
        text.push_str(",ro");
    }
    if opts.allow_other {
        text.push_str(",allow_other");
    }
    let (ours, theirs) = UnixStream::pair().map_err(other)?;
    helper("mount", dir, &["-o".as_ref(), text.as_ref()], Some(theirs.into()))?;
    receive(&ours).map_err(other)
}

/// Runs the helper; `socket` is where it sends the descriptor.
fn helper(act: &'static str, dir: &Path, args: &[&OsStr], socket: Option<OwnedFd>) -> Result<(), MountError> {
    let mut command = Command::new(HELPER);
    command.args(args).arg("--").arg(dir).stdout(Stdio::null()).stderr(Stdio::piped());
    match socket {
        // As its standard input the socket is inherited without more ado.
        Some(socket) => command.env("_FUSE_COMMFD", "0").stdin(socket),
        None => command.stdin(Stdio::null()),
    };
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => MountError::NoHelper(dir.into()),
        _ => MountError::Other { act, dir: dir.into(), error },
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().trim_start_matches(HELPER).trim_start_matches(": ");
    let message = if said.is_empty() { format!("{HELPER}: {}", output.status) } else { format!("{HELPER}: {said}") };
    Err(MountError::Helper { act, dir: dir.into(), message })
}

/// Takes the descriptor that the helper sent.
fn receive(socket: &UnixStream) -> io::Result<OwnedFd> {
    let mut byte = 0u8;
    let mut iov = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    // u64s, for the alignment of cmsghdr.
    let mut control = [0u64; 8];
    // SAFETY: all zeros are a valid msghdr.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = &raw mut iov;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    // SAFETY: the message describes live buffers.
    if unsafe { libc::recvmsg(socket.as_raw_fd(), &mut message, libc::MSG_CMSG_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel filled in the message; CMSG_FIRSTHDR gives null or a header inside `control`, and an
    // SCM_RIGHTS header carries at least one descriptor, which is ours from now on.
    unsafe {
        let head = libc::CMSG_FIRSTHDR(&message);
        if head.is_null() || (*head).cmsg_level != libc::SOL_SOCKET || (*head).cmsg_type != libc::SCM_RIGHTS {
            return Err(io::Error::other(format!("{HELPER} sent no descriptor")));
        }
        Ok(OwnedFd::from_raw_fd(std::ptr::read_unaligned(libc::CMSG_DATA(head).cast::<i32>())))
    }
}

/// True if one of our file systems is the topmost mount on `dir`. Asks nothing of that file system: it may be dead.
fn mounted(dir: &Path) -> bool {
    let path = match (dir.parent(), dir.file_name()) {
        (Some(parent), Some(name)) => {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            parent.canonicalize().map(|p| p.join(name))
        }
        _ => dir.canonicalize(),
    };
    let (Ok(path), Ok(table)) = (path, File::open("/proc/self/mountinfo").and_then(io::read_to_string)) else {
        return false;
    };
    topmost(&table, path.as_os_str().as_bytes()) == Some(TYPE)
}

/// The type of the last mount on `path`.
fn topmost<'a>(table: &'a str, path: &[u8]) -> Option<&'a str> {
    table.lines().rev().find_map(|line| {
        let point = line.split(' ').nth(4)?;
        let kind = line.split_once(" - ")?.1.split(' ').next()?;
        (unescape(point) == path).then_some(kind)
    })
}

/// Octal escapes of the mount table.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = (*first == b'\\').then(|| tail.get(..3)).flatten();
        let code = code.and_then(|c| u8::from_str_radix(std::str::from_utf8(c).ok()?, 8).ok());
        match code {
            Some(byte) => {
                out.push(byte);
                rest = &tail[3..];
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> MountOptions {
        MountOptions { ro: false, allow_other: false, source: "pfs,test".into() }
    }

    #[test]
    fn the_topmost_mount_counts() {
        let table = "22 1 0:21 / /a\\040b rw - tmpfs tmpfs rw\n23 22 0:22 / /a\\040b rw master:1 - fuse.pfs x rw\n";
        assert_eq!(topmost(table, b"/a b"), Some("fuse.pfs"));
        assert_eq!(topmost(table, b"/a"), None);
    }

    #[test]
    fn errors_say_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("gone");
        let said = mount(&gone, &options()).unwrap_err();
        assert!(matches!(said, MountError::Missing(_)));
        assert!(said.to_string().contains("mkdir -p"), "{said}");
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(mount(&file, &options()), Err(MountError::NotDirectory(_))));
        assert!(umount(dir.path()).is_err());
    }

    #[test]
    fn mounted_by_the_helper_and_only_once() {
        let dir = tempfile::tempdir().unwrap();
        let fd = by_helper(dir.path(), &options()).unwrap_or_else(|e| panic!("this test needs {HELPER}: {e}"));
        assert!(mounted(dir.path()));
        let again = mount(dir.path(), &options());
        drop(fd);
        // A dead mount is recognised too.
        let dead = mount(dir.path(), &options());
        umount(dir.path()).unwrap();
        assert!(matches!(again, Err(MountError::AlreadyMounted(_))));
        assert!(matches!(dead, Err(MountError::AlreadyMounted(_))));
        assert!(!mounted(dir.path()));
    }
}
