//! One piece of work in another user or pid namespace.
//!
//! Only a process of one thread can enter a user namespace, and only a new one a pid namespace. So a copy of this process is made,
//! which takes the caller's credentials, does that one thing, sends the answer and ends. Whoever is privileged there may stop it, kill
//! it or keep it from the CPU. It shares
//! nothing with us that it could leave locked or half changed, so that costs this one answer (EIO). To look into it he would have
//! to be privileged where its memory is from, which is our namespace: the copy is not dumpable.

use crate::procfs::{self, Dirent};
use crate::{apart, pidfd, thread};
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// An answer that can come from another process: as bytes, and perhaps a descriptor.
pub trait Carried: Sized {
    /// In the one process.
    fn pack(self) -> (Vec<u8>, Option<OwnedFd>);
    /// In the other. None for what is no such thing.
    fn unpack(bytes: Vec<u8>, fd: Option<OwnedFd>) -> Option<Self>;
}

/// How long the work may take: somebody may keep the helper from the CPU, and a lock may have been held when it was copied.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same for the tracer, which keeps everybody waiting.
const PATIENCE_APART: Duration = Duration::from_millis(200);
/// After how many milliseconds without an answer it is looked whether there is still somebody to give one.
const LOOK: i32 = 2;
/// Most bytes of an answer.
const MOST: usize = 32 << 20;

/// True in such a copy.
static HERE: AtomicBool = AtomicBool::new(false);

/// Runs `become_it`, then `f`, in a copy of this process.
pub(crate) fn run<T: Carried>(
    become_it: impl FnOnce() -> io::Result<()>,
    f: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let (ours, theirs) = pair()?;
    // SAFETY: plain system calls.
    let (pid, mask) = unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut mask: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        // No handler of ours is to run in the copy, whoever sends it a signal.
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut mask);
        (libc::getpid(), mask)
    };
    // By its number it would not be known in another pid namespace.
    let parent = pidfd::open(pid);
    // SAFETY: the copy uses the allocator, which fork(2) of libc leaves usable, and no lock of ours. It never returns from here.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        work(&parent, &theirs, become_it, f);
    }
    let failed = io::Error::last_os_error();
    // SAFETY: `mask` was filled by the call above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &mask, std::ptr::null_mut()) };
    if pid < 0 {
        return Err(failed);
    }
    drop(theirs);
    let (answer, fd) = Helper { pid, ended: false, _known: Known::of(pid) }.answer(ours.as_fd())?;
    T::unpack(answer, fd).ok_or_else(broken)
}

fn broken() -> io::Error {
    io::Error::from_raw_os_error(libc::EIO)
}

/// The whole life of the copy.
fn work<T: Carried>(
    parent: &io::Result<OwnedFd>,
    socket: &OwnedFd,
    become_it: impl FnOnce() -> io::Result<()>,
    f: impl FnOnce() -> io::Result<T>,
) -> ! {
    /// Also when something panics: what lies above on the stack is the original's.
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            // SAFETY: ends the process.
            unsafe { libc::_exit(0) }
        }
    }
    let _end = End;
    HERE.store(true, SeqCst);
    thread::go_home(thread::home());
    let ends_with_parent = || prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    let result = ends_with_parent()
        .and_then(|()| prctl(libc::PR_SET_DUMPABLE, 0))
        .and_then(|()| become_it())
        // Changes of credentials take the request back.
        .and_then(|()| ends_with_parent())
        .and_then(|()| match parent {
            Ok(parent) if !pidfd::wait_exit(parent, 0) => f(),
            _ => Err(broken()),
        });
    let (errno, (bytes, fd)) = match result {
        Ok(value) => (0, value.pack()),
        Err(e) => (e.raw_os_error().unwrap_or(libc::EIO), (Vec::new(), None)),
    };
    let _ = send(socket, errno, &bytes, fd);
    // SAFETY: ends the process.
    unsafe { libc::_exit(0) }
}

/// Gives up the keys of our session for an empty keyring that nobody is shown.
pub(crate) fn leave_keys() -> io::Result<()> {
    const KEY_SPEC_SESSION_KEYRING: i32 = -3;
    // SAFETY: no pointers: a keyring without a name.
    unsafe {
        check(libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, 0usize) as isize)?;
        check(libc::syscall(libc::SYS_keyctl, libc::KEYCTL_SETPERM, KEY_SPEC_SESSION_KEYRING, 0) as isize).map(drop)
    }
}

fn prctl(option: i32, value: i32) -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(option, value as libc::c_ulong, 0, 0, 0) } as isize).map(drop)
}

fn check(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    // SAFETY: two descriptors are written, which nobody else knows.
    unsafe {
        check(libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) as isize)?;
        Ok((OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])))
    }
}

/// errno, and how many bytes follow.
const HEAD: usize = 12;

/// Room for one descriptor beside the bytes of a message.
#[repr(C, align(8))]
struct Beside([u8; 24]);

fn send(socket: &OwnedFd, errno: i32, bytes: &[u8], fd: Option<OwnedFd>) -> io::Result<()> {
    let head = [&errno.to_ne_bytes()[..], &(bytes.len() as u64).to_ne_bytes()].concat();
    let mut part = libc::iovec { iov_base: head.as_ptr().cast_mut().cast(), iov_len: head.len() };
    let mut beside = Beside([0; 24]);
    // SAFETY: the message names what lives here; the control buffer has room for one descriptor, and is aligned for its header.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        (message.msg_iov, message.msg_iovlen) = (&mut part, 1);
        if let Some(fd) = &fd {
            (message.msg_control, message.msg_controllen) = (beside.0.as_mut_ptr().cast(), beside.0.len());
            let first = libc::CMSG_FIRSTHDR(&message);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(4) as _;
            std::ptr::write_unaligned(libc::CMSG_DATA(first).cast(), fd.as_raw_fd());
        }
        check(libc::sendmsg(socket.as_raw_fd(), &message, libc::MSG_NOSIGNAL))?;
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        // SAFETY: `rest` is readable for its length.
        let sent = unsafe { libc::send(socket.as_raw_fd(), rest.as_ptr().cast(), rest.len(), libc::MSG_NOSIGNAL) };
        rest = &rest[check(sent)?..];
    }
    Ok(())
}

/// What there is to be received of at most `most` bytes, put behind `all`; how many bytes that were.
fn receive(socket: BorrowedFd, all: &mut Vec<u8>, most: usize, fd: &mut Option<OwnedFd>) -> io::Result<usize> {
    all.try_reserve(most).map_err(|_| io::Error::from_raw_os_error(libc::ENOMEM))?;
    let mut beside = Beside([0; 24]);
    // SAFETY: the message names room that was reserved and a buffer that lives here. The kernel says how much it wrote, and
    // a descriptor that it gave us is nobody else's.
    unsafe {
        let mut part = libc::iovec { iov_base: all.as_mut_ptr().add(all.len()).cast(), iov_len: most };
        let mut message: libc::msghdr = std::mem::zeroed();
        (message.msg_iov, message.msg_iovlen) = (&mut part, 1);
        (message.msg_control, message.msg_controllen) = (beside.0.as_mut_ptr().cast(), beside.0.len());
        let n = check(libc::recvmsg(socket.as_raw_fd(), &mut message, libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT))?;
        all.set_len(all.len() + n);
        let first = libc::CMSG_FIRSTHDR(&message);
        if !first.is_null() && (*first).cmsg_level == libc::SOL_SOCKET && (*first).cmsg_type == libc::SCM_RIGHTS {
            *fd = Some(OwnedFd::from_raw_fd(std::ptr::read_unaligned(libc::CMSG_DATA(first).cast())));
        }
        Ok(n)
    }
}

/// The copy, as a child of ours.
struct Helper {
    pid: i32,
    /// It has been waited for.
    ended: bool,
    _known: Option<Known>,
}

/// Most helpers that are known at once: as many threads serve a mount.
const MOST_KNOWN: usize = 512;

/// Pidfds of helpers, plus one; 0 for none.
static KNOWN: [AtomicI32; MOST_KNOWN] = [const { AtomicI32::new(0) }; MOST_KNOWN];

/// A helper that is ended with the daemon: a change of credentials takes back for a moment that the kernel does it, and it may be
/// stopped in just that.
struct Known {
    row: &'static AtomicI32,
    _fd: OwnedFd,
}

impl Known {
    fn of(pid: i32) -> Option<Known> {
        let fd = pidfd::open(pid).ok()?;
        let entry = fd.as_raw_fd() + 1;
        let row = KNOWN.iter().find(|row| row.compare_exchange(0, entry, SeqCst, SeqCst).is_ok())?;
        Some(Known { row, _fd: fd })
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        self.row.store(0, SeqCst);
    }
}

/// Ends all that are known. Async-signal-safe.
pub(crate) fn end_all() {
    for fd in KNOWN.iter().map(|row| row.load(SeqCst) - 1).filter(|fd| *fd >= 0) {
        // SAFETY: a plain system call.
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, libc::SIGKILL, 0usize, 0) };
    }
}

impl Helper {
    fn answer(mut self, socket: BorrowedFd) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
        let patience = if apart::here() { PATIENCE_APART } else { PATIENCE };
        let since = Instant::now();
        let (mut head, mut body, mut fd) = (Vec::new(), Vec::new(), None);
        let mut size = 0;
        while head.len() < HEAD || body.len() < size {
            let ready = match procfs::poll([(socket, libc::POLLIN)], if self.ended { 0 } else { LOOK }) {
                Err(e) if e.raw_os_error() == Some(libc::EINTR) => [0],
                ready => ready?,
            };
            if ready == [0] {
                if self.ended || since.elapsed() > patience {
                    return Err(broken());
                }
                self.look();
                continue;
            }
            // The end of the stream is no sign: other copies may have this socket too. Neither is it an answer.
            let (part, whole) = if head.len() < HEAD { (&mut head, HEAD) } else { (&mut body, size) };
            let left = whole - part.len();
            if receive(socket, part, left, &mut fd)? == 0 {
                return Err(broken());
            }
            if let (0, Some((errno, length))) = (size, parse(&head)) {
                if errno != 0 {
                    return Err(io::Error::from_raw_os_error(errno));
                }
                size = usize::try_from(length).ok().filter(|n| *n <= MOST).ok_or_else(broken)?;
            }
        }
        Ok((body, fd))
    }

    /// Looks whether it has been stopped, which is its end, or has ended.
    fn look(&mut self) {
        let mut raw = 0;
        // SAFETY: `raw` outlives the call; the number is our child's until it has been waited for.
        let found = unsafe {
            libc::wait4(self.pid, &mut raw, libc::__WALL | libc::WNOHANG | libc::WUNTRACED, std::ptr::null_mut())
        };
        if found == self.pid && libc::WIFSTOPPED(raw) {
            // SAFETY: as above.
            unsafe { libc::kill(self.pid, libc::SIGKILL) };
        } else if found != 0 {
            self.ended = true;
        }
    }
}

impl Drop for Helper {
    /// Killed in any case: an end of its own might be long in coming.
    fn drop(&mut self) {
        let interrupted = || io::Error::last_os_error().raw_os_error() == Some(libc::EINTR);
        // SAFETY: the number is our child's until it has been waited for.
        unsafe {
            if !self.ended {
                libc::kill(self.pid, libc::SIGKILL);
                while libc::wait4(self.pid, std::ptr::null_mut(), libc::__WALL, std::ptr::null_mut()) < 0
                    && interrupted()
                {}
            }
        }
    }
}

fn parse(head: &[u8]) -> Option<(i32, u64)> {
    let (errno, length) = head.split_first_chunk::<4>()?;
    Some((i32::from_ne_bytes(*errno), u64::from_ne_bytes(length.try_into().ok()?)))
}

impl Carried for Vec<u8> {
    fn pack(self) -> (Vec<u8>, Option<OwnedFd>) {
        (self, None)
    }

    fn unpack(bytes: Vec<u8>, _: Option<OwnedFd>) -> Option<Self> {
        Some(bytes)
    }
}

impl Carried for OwnedFd {
    fn pack(self) -> (Vec<u8>, Option<OwnedFd>) {
        (Vec::new(), Some(self))
    }

    fn unpack(_: Vec<u8>, fd: Option<OwnedFd>) -> Option<Self> {
        fd
    }
}

impl Carried for () {
    fn pack(self) -> (Vec<u8>, Option<OwnedFd>) {
        (Vec::new(), None)
    }

    fn unpack(_: Vec<u8>, _: Option<OwnedFd>) -> Option<Self> {
        Some(())
    }
}

impl Carried for u64 {
    fn pack(self) -> (Vec<u8>, Option<OwnedFd>) {
        (self.to_ne_bytes().to_vec(), None)
    }

    fn unpack(bytes: Vec<u8>, _: Option<OwnedFd>) -> Option<Self> {
        Some(u64::from_ne_bytes(bytes.try_into().ok()?))
    }
}

impl Carried for usize {
    fn pack(self) -> (Vec<u8>, Option<OwnedFd>) {
        (self as u64).pack()
    }

    fn unpack(bytes: Vec<u8>, fd: Option<OwnedFd>) -> Option<Self> {
        u64::unpack(bytes, fd)?.try_into().ok()
    }
}

/// Inode number, type, length of the name, name.
impl Carried for Vec<Dirent> {
    fn pack(self) -> (Vec<u8>, Option<OwnedFd>) {
        let mut bytes = Vec::new();
        for entry in self {
            bytes.extend(entry.ino.to_ne_bytes());
            bytes.extend(entry.kind.to_ne_bytes());
            bytes.extend((entry.name.len() as u32).to_ne_bytes());
            bytes.extend(entry.name);
        }
        (bytes, None)
    }

    fn unpack(bytes: Vec<u8>, _: Option<OwnedFd>) -> Option<Self> {
        let (mut rest, mut all) = (&bytes[..], Vec::new());
        while !rest.is_empty() {
            let (ino, more) = rest.split_first_chunk()?;
            let (kind, more) = more.split_first_chunk()?;
            let (length, more) = more.split_first_chunk()?;
            let (name, more) = more.split_at_checked(u32::from_ne_bytes(*length) as usize)?;
            all.push(Dirent { name: name.to_vec(), ino: u64::from_ne_bytes(*ino), kind: u32::from_ne_bytes(*kind) });
            rest = more;
        }
        Some(all)
    }
}

/// A file that has been found, to be looked at by us: the numbers of its owner and group are those of the user namespace of who looks.
#[allow(clippy::large_enum_variant, reason = "it lives for one call")]
pub enum Found {
    /// By ourselves, who looked at once.
    Here(libc::stat),
    /// In another process.
    There(OwnedFd),
}

impl Found {
    /// Finds it; a final symbolic link is not followed.
    pub fn at(dir: BorrowedFd, path: &CStr) -> io::Result<Found> {
        if HERE.load(SeqCst) {
            procfs::openat(dir, path, libc::O_PATH | libc::O_NOFOLLOW).map(Found::There)
        } else {
            procfs::fstatat(dir, path, false).map(Found::Here)
        }
    }

    /// Its attributes.
    pub fn stat(self) -> io::Result<libc::stat> {
        match self {
            Found::Here(stat) => Ok(stat),
            Found::There(file) => procfs::fstat(file.as_fd()),
        }
    }
}

impl Carried for Found {
    fn pack(self) -> (Vec<u8>, Option<OwnedFd>) {
        match self {
            Found::Here(_) => (Vec::new(), None),
            Found::There(file) => file.pack(),
        }
    }

    fn unpack(_: Vec<u8>, fd: Option<OwnedFd>) -> Option<Self> {
        fd.map(Found::There)
    }
}
