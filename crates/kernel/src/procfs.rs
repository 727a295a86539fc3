//! Reading the kernel's own /proc.
//!
//! Everything goes through one descriptor of the kernel's /proc, taken once: a mount of ours may lie over the path later.
//! What is read is hostile (a process chooses its name and its links), so every parser answers `None` to nonsense.

use crate::pidfd::{self, Ids};
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;

const PROC_SUPER_MAGIC: i64 = 0x9fa0;
const PID_FS_MAGIC: i64 = 0x5049_4446;
/// `PIDFD_THREAD` of pidfd_open(2).
const PIDFD_THREAD: libc::c_int = libc::O_EXCL;

static ROOT: OnceLock<OwnedFd> = OnceLock::new();

/// Takes the descriptor that [`root`] answers with. To be called before anything of ours is mounted; EINVAL if /proc is
/// not the kernel's, or numbers processes as another pid namespace than ours does.
pub fn init() -> io::Result<()> {
    if ROOT.get().is_some() {
        return Ok(());
    }
    // SAFETY: a constant path; the result is checked.
    let fd = unsafe { libc::open(c"/proc".as_ptr(), libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC) };
    let fd = owned(fd.into())?;
    let numbers_us = |name: Vec<u8>| number(&name) == Some(std::process::id());
    if magic(fd.as_fd())? != PROC_SUPER_MAGIC || !readlinkat(fd.as_fd(), c"self").is_ok_and(numbers_us) {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let _ = ROOT.set(fd);
    Ok(())
}

/// The root directory of the kernel's /proc (O_PATH).
///
/// # Panics
/// If /proc is not the kernel's and [`init`] was not called while it was: nothing can be served then.
pub fn root() -> BorrowedFd<'static> {
    if ROOT.get().is_none() {
        init().expect("/proc must be the kernel's proc file system");
    }
    ROOT.get().expect("set by init").as_fd()
}

fn magic(fd: BorrowedFd) -> io::Result<i64> {
    // SAFETY: all-zero is a valid statfs.
    let mut buf: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: `buf` is a statfs that lives through the call.
    check(unsafe { libc::fstatfs(fd.as_raw_fd(), &mut buf) }.into())?;
    #[allow(clippy::unnecessary_cast)]
    Ok(buf.f_type as i64)
}

/// True if the kernel's /proc hides from some what it shows to others (`hidepid`), or if that is not known. It can be
/// remounted, so an answer is believed for a second, as a name is.
pub fn hides() -> bool {
    /// Second of the last look, and in the lowest bit what was found.
    static LAST: AtomicU64 = AtomicU64::new(u64::MAX);
    // SAFETY: all-zero is a valid timespec.
    let mut now: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: `now` lives through the call, which cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &mut now) };
    let second = now.tv_sec as u64;
    let last = LAST.load(Ordering::Relaxed);
    if last >> 1 == second {
        return last & 1 == 1;
    }
    let hides = look_for_hidepid().unwrap_or(true);
    LAST.store(second << 1 | u64::from(hides), Ordering::Relaxed);
    hides
}

fn look_for_hidepid() -> Option<bool> {
    // SAFETY: all-zero is a valid statx.
    let mut buf: libc::statx = unsafe { std::mem::zeroed() };
    // SAFETY: the path is constant and `buf` lives through the call.
    let done =
        unsafe { libc::statx(root().as_raw_fd(), c"".as_ptr(), libc::AT_EMPTY_PATH, libc::STATX_MNT_ID, &mut buf) };
    check(done.into()).ok().filter(|_| buf.stx_mask & libc::STATX_MNT_ID != 0)?;
    let mounts = read_at(root(), c"thread-self/mountinfo").ok()?;
    hidepid_of(&mounts, buf.stx_mnt_id)
}

/// True if mount `id` is there with an option `hidepid`, which is not shown when it is off.
fn hidepid_of(mounts: &[u8], id: u64) -> Option<bool> {
    let text = String::from_utf8_lossy(mounts);
    let line = text.lines().find(|l| l.split(' ').next().and_then(|n| n.parse().ok()) == Some(id))?;
    let options = line.split(" - ").last()?.split(' ').nth(2)?;
    Some(options.split(',').any(|o| o.starts_with("hidepid=")))
}

fn check(result: i64) -> io::Result<i64> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

fn owned(result: i64) -> io::Result<OwnedFd> {
    let fd = check(result)?;
    // SAFETY: a system call just made this descriptor and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// openat(2) with O_CLOEXEC and O_NOCTTY added.
pub fn openat(dir: BorrowedFd, path: &CStr, flags: i32) -> io::Result<OwnedFd> {
    // SAFETY: `path` ends with NUL; no O_CREAT or O_TMPFILE is ever given, so no mode is read.
    let fd = unsafe {
        libc::openat(
            dir.as_raw_fd(),
            path.as_ptr(),
            (flags & !(libc::O_CREAT | libc::O_TMPFILE & !libc::O_DIRECTORY)) | libc::O_CLOEXEC | libc::O_NOCTTY,
        )
    };
    owned(fd.into())
}

/// Text of a symbolic link, at most a page as the kernel makes them.
pub fn readlinkat(dir: BorrowedFd, path: &CStr) -> io::Result<Vec<u8>> {
    let mut buf: Vec<u8> = Vec::with_capacity(8192);
    // SAFETY: `path` ends with NUL and `buf` has the room that is said.
    let n = unsafe { libc::readlinkat(dir.as_raw_fd(), path.as_ptr(), buf.as_mut_ptr().cast(), buf.capacity()) };
    let n = check(n as i64)?;
    // SAFETY: the kernel has written `n` bytes, at most the capacity.
    unsafe { buf.set_len(n as usize) };
    Ok(buf)
}

/// fstatat(2); a final symbolic link is followed only if `follow`.
pub fn fstatat(dir: BorrowedFd, path: &CStr, follow: bool) -> io::Result<libc::stat> {
    let flags = libc::AT_NO_AUTOMOUNT | if follow { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    // SAFETY: all-zero is a valid stat.
    let mut buf: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: `path` ends with NUL and `buf` lives through the call.
    check(unsafe { libc::fstatat(dir.as_raw_fd(), path.as_ptr(), &mut buf, flags) }.into())?;
    Ok(buf)
}

/// What [`peek_at`] finds: type and mode, owner, size, inode, device it is on, device it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peek {
    /// File type and permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// Inode number.
    pub ino: u64,
    /// Links.
    pub nlink: u32,
    /// Major and minor number of the device it is on.
    pub dev: (u32, u32),
    /// Major and minor number of the device it is.
    pub rdev: (u32, u32),
    /// Last access, modification and change, in seconds since the epoch.
    pub times: [i64; 3],
    /// The mount it was reached by, as mountinfo numbers them.
    pub mount: u64,
}

/// Attributes of an open file, as far as the machine knows them at this moment: no file system is asked, so this never waits for a
/// server, nor for ourselves.
pub fn peek_at(fd: BorrowedFd) -> io::Result<Peek> {
    // SAFETY: all-zero is a valid statx.
    let mut buf: libc::statx = unsafe { std::mem::zeroed() };
    let flags = libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC | libc::AT_NO_AUTOMOUNT;
    let mask = libc::STATX_BASIC_STATS | libc::STATX_MNT_ID;
    // SAFETY: the path is constant and `buf` lives through the call.
    let done = unsafe { libc::statx(fd.as_raw_fd(), c"".as_ptr(), flags, mask, &mut buf) };
    check(done.into())?;
    Ok(Peek {
        mode: buf.stx_mode.into(),
        uid: buf.stx_uid,
        gid: buf.stx_gid,
        size: buf.stx_size,
        ino: buf.stx_ino,
        nlink: buf.stx_nlink,
        dev: (buf.stx_dev_major, buf.stx_dev_minor),
        rdev: (buf.stx_rdev_major, buf.stx_rdev_minor),
        times: [buf.stx_atime.tv_sec, buf.stx_mtime.tv_sec, buf.stx_ctime.tv_sec],
        mount: buf.stx_mnt_id,
    })
}

/// fstat(2).
pub fn fstat(fd: BorrowedFd) -> io::Result<libc::stat> {
    // SAFETY: all-zero is a valid stat.
    let mut buf: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: `buf` lives through the call.
    check(unsafe { libc::fstat(fd.as_raw_fd(), &mut buf) }.into())?;
    Ok(buf)
}

/// faccessat2(2) with the effective ids of this thread, not following a final link; `mask` is R_OK, W_OK, X_OK, F_OK.
pub fn accessat(dir: BorrowedFd, path: &CStr, mask: i32) -> io::Result<()> {
    let flags = libc::AT_EACCESS | libc::AT_SYMLINK_NOFOLLOW;
    // SAFETY: `path` ends with NUL.
    check(unsafe { libc::syscall(libc::SYS_faccessat2, dir.as_raw_fd(), path.as_ptr(), mask, flags) })?;
    Ok(())
}

/// fchmodat(2), which follows a final link: not to be used on one.
pub fn chmodat(dir: BorrowedFd, path: &CStr, mode: u32) -> io::Result<()> {
    // SAFETY: `path` ends with NUL.
    check(unsafe { libc::syscall(libc::SYS_fchmodat, dir.as_raw_fd(), path.as_ptr(), mode & 0o7777) })?;
    Ok(())
}

/// fchownat(2) not following a final link; `None` leaves an id alone.
pub fn chownat(dir: BorrowedFd, path: &CStr, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    let (uid, gid) = (uid.unwrap_or(u32::MAX), gid.unwrap_or(u32::MAX));
    // SAFETY: `path` ends with NUL.
    check(unsafe { libc::fchownat(dir.as_raw_fd(), path.as_ptr(), uid, gid, libc::AT_SYMLINK_NOFOLLOW) }.into())?;
    Ok(())
}

/// utimensat(2) not following a final link: the times of the last access and the last change, as seconds and nanoseconds, which may
/// be UTIME_NOW or UTIME_OMIT.
pub fn utimensat(dir: BorrowedFd, path: &CStr, times: [(i64, i64); 2]) -> io::Result<()> {
    let times = times.map(|(tv_sec, tv_nsec)| libc::timespec { tv_sec, tv_nsec });
    // SAFETY: `path` ends with NUL, and there are two times.
    let done = unsafe { libc::utimensat(dir.as_raw_fd(), path.as_ptr(), times.as_ptr(), libc::AT_SYMLINK_NOFOLLOW) };
    check(done.into()).map(drop)
}

/// Up to `size` bytes at `offset`; a file without offsets gives its next bytes.
pub fn pread(fd: BorrowedFd, offset: u64, size: usize) -> io::Result<Vec<u8>> {
    let mut buf: Vec<u8> = Vec::new();
    buf.try_reserve_exact(size).map_err(|_| io::Error::from_raw_os_error(libc::ENOMEM))?;
    // SAFETY: `size` bytes were reserved; the kernel writes no more than that.
    let mut n = unsafe { libc::pread64(fd.as_raw_fd(), buf.as_mut_ptr().cast(), size, offset as i64) };
    if n < 0 && io::Error::last_os_error().raw_os_error() == Some(libc::ESPIPE) {
        // SAFETY: as above.
        n = unsafe { libc::read(fd.as_raw_fd(), buf.as_mut_ptr().cast(), size) };
    }
    let n = check(n as i64)?;
    // SAFETY: the kernel has written `n` bytes, at most `size`.
    unsafe { buf.set_len(n as usize) };
    Ok(buf)
}

/// Writes `data` at `offset`, or where the file wants it if it has no offsets; how many bytes were taken.
pub fn pwrite(fd: BorrowedFd, offset: u64, data: &[u8]) -> io::Result<usize> {
    // SAFETY: `data` is readable for its length.
    let mut n = unsafe { libc::pwrite64(fd.as_raw_fd(), data.as_ptr().cast(), data.len(), offset as i64) };
    if n < 0 && io::Error::last_os_error().raw_os_error() == Some(libc::ESPIPE) {
        // SAFETY: as above.
        n = unsafe { libc::write(fd.as_raw_fd(), data.as_ptr().cast(), data.len()) };
    }
    Ok(check(n as i64)? as usize)
}

/// poll(2) bits of each descriptor after at most `timeout` milliseconds (-1: for ever). EINTR is passed on.
pub fn poll<const N: usize>(fds: [(BorrowedFd, i16); N], timeout: i32) -> io::Result<[i16; N]> {
    let mut list = fds.map(|(fd, events)| libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 });
    poll_list(&mut list, timeout)?;
    Ok(list.map(|p| p.revents))
}

/// As [`poll`], of as many as there are; the answers in the same order.
pub fn poll_all(fds: &[(BorrowedFd, i16)], timeout: i32) -> io::Result<Vec<i16>> {
    let entry = |(fd, events): &(BorrowedFd, i16)| libc::pollfd { fd: fd.as_raw_fd(), events: *events, revents: 0 };
    let mut list: Vec<libc::pollfd> = fds.iter().map(entry).collect();
    poll_list(&mut list, timeout)?;
    Ok(list.iter().map(|p| p.revents).collect())
}

fn poll_list(list: &mut [libc::pollfd], timeout: i32) -> io::Result<()> {
    // SAFETY: `list` lives through the call and has as many entries as are told.
    check(unsafe { libc::poll(list.as_mut_ptr(), list.len() as libc::nfds_t, timeout) }.into())?;
    Ok(())
}

/// A new eventfd: readable after the first [`signal`].
pub fn event() -> io::Result<OwnedFd> {
    // SAFETY: no pointers.
    owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }.into())
}

/// Makes an eventfd readable.
pub fn signal(event: BorrowedFd) {
    let one = 1u64.to_ne_bytes();
    // SAFETY: eight readable bytes, as an eventfd wants. It fails only when it is readable already.
    let _ = unsafe { libc::write(event.as_raw_fd(), one.as_ptr().cast(), one.len()) };
}

/// Makes an eventfd unreadable again.
pub fn unsignal(event: BorrowedFd) {
    let mut count = [0u8; 8];
    // SAFETY: eight writable bytes, as an eventfd wants. It fails only when there is nothing to read.
    let _ = unsafe { libc::read(event.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
}

/// A directory entry as getdents64(2) gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dirent {
    /// Name, without a slash.
    pub name: Vec<u8>,
    /// `d_ino`.
    pub ino: u64,
    /// File type as the `S_IFMT` part of a mode; 0 if the kernel did not say.
    pub kind: u32,
}

/// All entries of the directory `path`, in the kernel's order, without `.` and `..`.
pub fn entries(dir: BorrowedFd, path: &CStr) -> io::Result<Vec<Dirent>> {
    let fd = openat(dir, path, libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW)?;
    let mut all = Vec::new();
    let mut buf = vec![0u8; 32768];
    loop {
        // SAFETY: `buf` is writable for its length.
        let n = unsafe { libc::syscall(libc::SYS_getdents64, fd.as_raw_fd(), buf.as_mut_ptr(), buf.len()) };
        match check(n) {
            Ok(0) => return Ok(all),
            Ok(n) => parse_dirents(&buf[..n as usize], &mut all),
            Err(e) if all.is_empty() => return Err(e),
            Err(_) => return Ok(all),
        }
    }
}

/// ino u64, off i64, reclen u16, type u8, name ending with NUL. Public for fuzzing only.
#[doc(hidden)]
pub fn parse_dirents(mut rest: &[u8], all: &mut Vec<Dirent>) {
    const HEAD: usize = 19;
    while rest.len() > HEAD {
        let ino = u64::from_ne_bytes(rest[..8].try_into().expect("eight bytes"));
        let len = usize::from(u16::from_ne_bytes([rest[16], rest[17]]));
        if len <= HEAD || len > rest.len() {
            return;
        }
        let name = rest[HEAD..len].split(|b| *b == 0).next().unwrap_or(&[]);
        if name != b"." && name != b".." && !name.is_empty() {
            all.push(Dirent { name: name.to_vec(), ino, kind: u32::from(rest[18]) << 12 });
        }
        rest = &rest[len..];
    }
}

/// Inode number of the namespace that the link `path` leads to. Following it would make an inode each time.
pub fn namespace(dir: BorrowedFd, path: &CStr) -> io::Result<u64> {
    let text = readlinkat(dir, path)?;
    let inode = text.rsplit(|b| *b == b'[').next().and_then(|t| number(t.strip_suffix(b"]")?));
    inode.ok_or_else(|| io::Error::from_raw_os_error(libc::EIO))
}

/// The whole content of a file that ends by itself. EFBIG for more than 256 MiB, half of which a process of 65,000 mappings can have.
pub fn read_at(dir: BorrowedFd, path: &CStr) -> io::Result<Vec<u8>> {
    const FIRST: usize = 4096;
    let fd = openat(dir, path, libc::O_RDONLY | libc::O_NOFOLLOW)?;
    let first = pread(fd.as_fd(), 0, FIRST)?;
    if first.len() < FIRST && is_one_record(path) {
        return Ok(first);
    }
    rest_of(fd.as_fd(), first)
}

/// The same of an open file.
pub fn read_all(fd: BorrowedFd) -> io::Result<Vec<u8>> {
    rest_of(fd, Vec::new())
}

fn rest_of(fd: BorrowedFd, mut all: Vec<u8>) -> io::Result<Vec<u8>> {
    const MOST: usize = 256 << 20;
    loop {
        let more = pread(fd, all.len() as u64, 65536)?;
        if more.is_empty() {
            return Ok(all);
        }
        if all.len() >= MOST {
            return Err(io::Error::from_raw_os_error(libc::EFBIG));
        }
        all.extend(more);
    }
}

/// Files of /proc that the kernel makes in one piece: what is read short of them has been read to the end.
fn is_one_record(path: &CStr) -> bool {
    let name = path.to_bytes().rsplit(|b| *b == b'/').next();
    matches!(name, Some(b"stat" | b"status" | b"auxv" | b"syscall"))
}

/// A field of a status file: the text after `name:` without surrounding blanks.
pub fn field<'a>(status: &'a [u8], name: &str) -> Option<&'a [u8]> {
    status
        .split(|b| *b == b'\n')
        .find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b":"))
        .map(|v| v.trim_ascii())
}

/// The decimal numbers of a field, separated by blanks; what is no number is left out.
pub fn numbers(field: &[u8]) -> Vec<u32> {
    field.split(|b| b.is_ascii_whitespace()).filter_map(number).collect()
}

/// A decimal number; None for what is none.
pub fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The call that a sleeping thread is in, as its file `syscall` shows it to who may trace it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InCall {
    /// Number, in the table of the thread's program.
    pub nr: u64,
    /// Arguments.
    pub args: [u64; 6],
    /// Stack pointer and program counter.
    pub at: [u64; 2],
}

impl InCall {
    /// None for a thread that runs, or sleeps in no call.
    pub fn parse(text: &[u8]) -> Option<InCall> {
        let mut words = std::str::from_utf8(text).ok()?.split_whitespace();
        let nr = words.next()?.parse().ok()?;
        let mut told = [0; 8];
        for (to, from) in told.iter_mut().zip(words) {
            *to = u64::from_str_radix(from.strip_prefix("0x")?, 16).ok()?;
        }
        let [args @ .., sp, pc] = told;
        Some(InCall { nr, args, at: [sp, pc] })
    }
}

/// What `/proc/<pid>/stat` says, parsed from bytes: the name may hold anything, blanks, parentheses and newlines too.
#[derive(Clone, Copy, Debug)]
pub struct Stat<'a> {
    /// Process or thread id.
    pub pid: u32,
    /// Name of the thread, as it is (15 bytes at most, for kernel threads more).
    pub comm: &'a [u8],
    /// State letter, as in `R`, `S`, `T`, `t`, `Z`.
    pub state: u8,
    rest: &'a [u8],
}

impl<'a> Stat<'a> {
    /// None if this is not the content of a stat file.
    pub fn parse(bytes: &'a [u8]) -> Option<Stat<'a>> {
        let open = bytes.iter().position(|b| *b == b'(')?;
        let close = bytes.iter().rposition(|b| *b == b')')?;
        let pid = number(bytes[..open].trim_ascii())?;
        let comm = bytes.get(open + 1..close)?;
        let rest = bytes[close + 1..].trim_ascii();
        Some(Stat { pid, comm, state: *rest.first()?, rest })
    }

    /// Field `n` as proc(5) counts them, from 3 (the state) on.
    pub fn field(&self, n: usize) -> Option<&'a [u8]> {
        self.rest.split(|b| *b == b' ').nth(n.checked_sub(3)?)
    }

    /// Field `n` as an unsigned number.
    pub fn number(&self, n: usize) -> Option<u64> {
        number(self.field(n)?)
    }

    /// Parent process id.
    pub fn ppid(&self) -> Option<u32> {
        number(self.field(4)?)
    }

    /// Start time in clock ticks since boot.
    pub fn start(&self) -> Option<u64> {
        self.number(22)
    }

    /// Signals below the real-time ones that wait for the thread itself, bit n-1 for signal n. For a process, its first thread.
    pub fn pending(&self) -> Option<u64> {
        self.number(31)
    }

    /// Signals below the real-time ones that are ignored.
    pub fn ignored(&self) -> Option<u64> {
        self.number(33)
    }
}

/// Thread group of a thread, None if it is gone.
pub fn tgid_of(tid: u32) -> Option<u32> {
    let path = CString::new(format!("{tid}/status")).ok()?;
    let status = read_at(root(), &path).ok()?;
    number(field(&status, "Tgid")?)
}

/// Whose a process is, by its status file.
fn ids_in(status: &[u8]) -> io::Result<Ids> {
    let all = |name| numbers(field(status, name).unwrap_or_default());
    let ids = match (&all("Tgid")[..], &all("Uid")[..], &all("Gid")[..]) {
        (&[tgid], &[ruid, euid, ..], &[rgid, egid, ..]) => Some(Ids { tgid, ruid, euid, rgid, egid }),
        _ => None,
    };
    ids.ok_or(io::Error::from_raw_os_error(libc::EIO))
}

/// What tells one owner of a number (a process or thread id) from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Life {
    /// The number.
    pub number: u32,
    /// Of a process, the inode of its pidfd; the start time in clock ticks where that does not tell (before Linux 6.9), and of a
    /// thread. Two may have that in common: a tick is long enough to end and to be born in.
    pub mark: u64,
}

impl Life {
    /// All of it in one word, never 0.
    pub fn word(self) -> u64 {
        (self.mark.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(self.number)).max(1)
    }
}

/// One life of a process (or of a thread that was asked for by its own number): whatever happens to the number, this
/// never reaches its next owner.
#[derive(Debug)]
pub struct Proc {
    pid: u32,
    dir: OwnedFd,
    start: u64,
    life: Life,
    tgid: OnceLock<u32>,
    pidfd: OnceLock<OwnedFd>,
    tasks: OnceLock<OwnedFd>,
}

impl Proc {
    /// The process that has this number now; ENOENT if there is none.
    pub fn open(pid: u32) -> io::Result<Proc> {
        let name = CString::new(pid.to_string()).expect("digits");
        let dir = openat(root(), &name, libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW)?;
        let stat = match read_at(dir.as_fd(), c"stat") {
            Err(e) if e.raw_os_error() == Some(libc::ESRCH) => return Err(io::Error::from_raw_os_error(libc::ENOENT)),
            other => other?,
        };
        let start = Stat::parse(&stat).and_then(|s| s.start()).ok_or(io::Error::from_raw_os_error(libc::EIO))?;
        let proc = Proc {
            pid,
            dir,
            start,
            life: Life { number: pid, mark: start },
            tgid: OnceLock::new(),
            pidfd: OnceLock::new(),
            tasks: OnceLock::new(),
        };
        match proc.pidfd_inode() {
            Ok(mark) => Ok(Proc { life: Life { number: pid, mark }, ..proc }),
            Err(e) => match e.raw_os_error() {
                Some(libc::ESRCH) => Err(io::Error::from_raw_os_error(libc::ENOENT)),
                Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM) => Err(e),
                _ => Ok(proc),
            },
        }
    }

    /// The number it was opened by.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The directory `/proc/<pid>` (O_PATH). Everything under it answers ESRCH once the process is gone.
    pub fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Start time in clock ticks since boot.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Which life of its number.
    pub fn life(&self) -> Life {
        self.life
    }

    /// True until the process has been waited for; a zombie is alive in this sense.
    pub fn alive(&self) -> bool {
        // Searching the directory asks the kernel for the task; the directory itself would answer for ever.
        fstatat(self.dir(), c".", false).map_or_else(|e| e.raw_os_error() != Some(libc::ESRCH), |_| true)
    }

    /// True if all its threads have ended, whether it has been waited for or not. In an exec of another thread its first one ends, and
    /// the pidfd may say for an instant that this is all; who has the number then lives.
    pub fn has_ended(&self) -> bool {
        match self.pidfd() {
            Ok(fd) => pidfd::wait_exit(&fd, 0) && !self.first_lives(),
            Err(_) => !self.alive(),
        }
    }

    /// True if each of its threads has ended or is about to: what has no memory any more belongs to root, and others are refused its files.
    pub fn is_ending(&self) -> bool {
        const PF_EXITING: u64 = 4;
        let ends = |path: &CStr| {
            let stat = read_at(self.dir(), path).unwrap_or_default();
            let goes = |stat: &Stat| stat.number(9).is_some_and(|flags| flags & PF_EXITING != 0);
            Stat::parse(&stat).is_none_or(|stat| matches!(stat.state, b'Z' | b'X') || goes(&stat))
        };
        let path = |tid: u32| CString::new(format!("task/{tid}/stat")).unwrap_or_default();
        ends(c"stat") && self.tasks().unwrap_or_default().into_iter().all(|tid| ends(&path(tid)))
    }

    fn first_lives(&self) -> bool {
        let stat = read_at(self.dir(), c"stat").unwrap_or_default();
        Stat::parse(&stat).is_some_and(|stat| !matches!(stat.state, b'Z' | b'X'))
    }

    /// The wait status of a process that has ended. When it has been waited for, only a pidfd has it that was asked for before.
    pub fn wait_status(&self) -> Option<i32> {
        let told = self.pidfd().ok().and_then(|fd| pidfd::exit_status(&fd).ok().flatten());
        told.or_else(|| Stat::parse(&read_at(self.dir(), c"stat").ok()?)?.number(52).map(|n| n as i32))
    }

    /// The whole of its file `name`; where its first thread has ended, and with that what the file tells, that of another one.
    pub fn read_of_any(&self, name: &str) -> io::Result<Vec<u8>> {
        let path = |text: String| CString::new(text).map_err(io::Error::from);
        let first = read_at(self.dir(), &path(name.into())?);
        if first.as_ref().is_ok_and(|text| !text.is_empty()) {
            return first;
        }
        let others = self.tasks()?.into_iter().filter_map(|tid| path(format!("task/{tid}/{name}")).ok());
        let mut texts = others.filter_map(|path| read_at(self.dir(), &path).ok());
        texts.find(|text| !text.is_empty()).map_or(first, Ok)
    }

    /// Thread group it belongs to. Its pidfd has told already that it leads one, so that of most is known.
    pub fn tgid(&self) -> io::Result<u32> {
        if let Some(tgid) = self.tgid.get() {
            return Ok(*tgid);
        }
        let tgid = self.ids()?.tgid;
        Ok(*self.tgid.get_or_init(|| tgid))
    }

    /// Whose it is now. ESRCH if it is gone.
    pub fn ids(&self) -> io::Result<Ids> {
        match self.pidfd().and_then(|fd| pidfd::ids(&fd)) {
            Err(e) if e.raw_os_error() != Some(libc::ESRCH) => ids_in(&self.status()?),
            known => known,
        }
    }

    /// A pidfd of this very process; ESRCH if it is gone.
    pub fn pidfd(&self) -> io::Result<BorrowedFd<'_>> {
        if let Some(fd) = self.pidfd.get() {
            return Ok(fd.as_fd());
        }
        // SAFETY: no pointers.
        let open = |flags: libc::c_int| owned(unsafe { libc::syscall(libc::SYS_pidfd_open, self.pid, flags) });
        let (fd, leads) = match open(0) {
            // The number of a thread that leads no process.
            Err(e) if matches!(e.raw_os_error(), Some(libc::EINVAL | libc::ENOENT)) => (open(PIDFD_THREAD)?, false),
            fd => (fd?, true),
        };
        // The number still was this process's when the pidfd was made, if the process is there afterwards.
        if !self.alive() {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        if leads {
            self.tgid.get_or_init(|| self.pid);
        }
        Ok(self.pidfd.get_or_init(|| fd).as_fd())
    }

    /// Inode number of its pidfd, unique to this life of the process until the next boot; ENOTSUP before Linux 6.9.
    pub fn pidfd_inode(&self) -> io::Result<u64> {
        let fd = self.pidfd()?;
        static UNIQUE: OnceLock<bool> = OnceLock::new();
        if !UNIQUE.get_or_init(|| magic(fd).is_ok_and(|magic| magic == PID_FS_MAGIC)) {
            return Err(io::Error::from_raw_os_error(libc::ENOTSUP));
        }
        Ok(fstat(fd)?.st_ino)
    }

    /// Inode number of its user namespace; read with the rights of this thread.
    pub fn user_ns(&self) -> io::Result<u64> {
        namespace(self.dir(), c"ns/user")
    }

    /// Content of its status file.
    pub fn status(&self) -> io::Result<Vec<u8>> {
        read_at(self.dir(), c"status")
    }

    /// How many threads it has, the dead ones counted that have yet to be waited for; ESRCH if it is gone. The first question keeps a
    /// descriptor open, by which the next ones take half of the time.
    pub fn count_tasks(&self) -> io::Result<usize> {
        let dir = match self.tasks.get() {
            Some(dir) => dir,
            None => {
                let dir = openat(self.dir(), c"task", libc::O_PATH | libc::O_DIRECTORY)?;
                self.tasks.get_or_init(|| dir)
            }
        };
        // The directory has a link for each thread beside its own two.
        let threads = fstat(dir.as_fd())?.st_nlink.saturating_sub(2);
        match usize::try_from(threads) {
            Ok(0) | Err(_) => Err(io::Error::from_raw_os_error(libc::ESRCH)),
            Ok(threads) => Ok(threads),
        }
    }

    /// Its thread ids, in the kernel's order.
    pub fn tasks(&self) -> io::Result<Vec<u32>> {
        Ok(entries(self.dir(), c"task")?.iter().filter_map(|e| number(&e.name)).collect())
    }

    /// True if it has a thread of this number.
    pub fn has_thread(&self, tid: i32) -> bool {
        CString::new(format!("task/{tid}")).is_ok_and(|path| fstatat(self.dir(), &path, false).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_threads_sleep_in() {
        let call = InCall::parse(b"257 0x3 0x7f 0x80 0x0 0x0 0x1 0x7ffc 0x7f1d\n").unwrap();
        assert_eq!((call.nr, call.args, call.at), (257, [3, 0x7f, 0x80, 0, 0, 1], [0x7ffc, 0x7f1d]));
        for none in [&b"running\n"[..], b"-1 0x7ffc 0x7f1d\n", b"", b"1 2 3\n", b"\xff"] {
            assert_eq!(InCall::parse(none), None);
        }
    }

    #[test]
    fn stat_of_a_hostile_name() {
        let mut text = b"77 (a) Z 1\n) b (x) S 12 77 77".to_vec();
        for n in 7..=52 {
            text.extend(format!(" {n}").bytes());
        }
        let stat = Stat::parse(&text).unwrap();
        assert_eq!((stat.pid, stat.comm, stat.state), (77, &b"a) Z 1\n) b (x"[..], b'S'));
        assert_eq!((stat.ppid(), stat.start(), stat.number(53)), (Some(12), Some(22), None));
        for cut in 0..text.len() {
            let _ = Stat::parse(&text[..cut]).map(|s| (s.start(), s.number(0), s.ppid()));
        }
        assert!(Stat::parse(b")(").is_none());
    }

    #[test]
    fn hidepid_is_an_option_of_our_mount() {
        let mounts = b"22 1 0:21 / /proc rw - proc proc rw\n23 22 0:22 / /hidepid= rw master:1 - proc proc rw,gid=4,hidepid=invisible\n";
        assert_eq!([22, 23, 24].map(|id| hidepid_of(mounts, id)), [Some(false), Some(true), None]);
    }

    #[test]
    fn a_namespace_is_an_inode() {
        let followed = fstatat(root(), c"thread-self/ns/user", true).unwrap().st_ino;
        assert_eq!(namespace(root(), c"thread-self/ns/user").unwrap(), followed);
        assert!(namespace(root(), c"thread-self/cwd").is_err());
    }

    #[test]
    fn dirents_stay_inside() {
        let mut one = vec![0u8; 24];
        one[0] = 7;
        one[16] = 24;
        one[18] = 4;
        one[19..22].copy_from_slice(b"abc");
        for cut in 0..one.len() {
            parse_dirents(&one[..cut], &mut Vec::new());
        }
        let mut all = Vec::new();
        parse_dirents(&one, &mut all);
        assert_eq!(all, [Dirent { name: b"abc".to_vec(), ino: 7, kind: libc::S_IFDIR }]);
    }

    #[test]
    fn status_fields() {
        let status = b"Name:\tTgid: 5\\nx\nTgid:\t12\nGroups:\t4 24 x \n";
        assert_eq!(field(status, "Tgid"), Some(&b"12"[..]));
        assert_eq!(numbers(field(status, "Groups").unwrap()), [4, 24]);
        assert_eq!(field(status, "Nothing"), None);
    }

    #[test]
    fn a_process_is_known_by_its_life() {
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let proc = Proc::open(child.id()).unwrap();
        assert!(proc.alive());
        assert_eq!(proc.tgid().unwrap(), child.id());
        assert_eq!(proc.tasks().unwrap(), [child.id()]);
        assert_eq!(proc.ids().unwrap(), ids_in(&proc.status().unwrap()).unwrap());
        let inode = proc.pidfd_inode().unwrap();
        assert_eq!(Proc::open(child.id()).unwrap().pidfd_inode().unwrap(), inode);
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(!proc.alive());
        assert_eq!(proc.status().unwrap_err().raw_os_error(), Some(libc::ESRCH));
        assert_eq!(proc.ids().unwrap_err().raw_os_error(), Some(libc::ESRCH));
        assert_eq!(Proc::open(child.id()).unwrap_err().raw_os_error(), Some(libc::ENOENT));
    }

    #[test]
    fn threads_have_pidfds_too() {
        let (ready, told) = std::sync::mpsc::channel();
        let (end, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            // SAFETY: no pointers.
            ready.send(unsafe { libc::gettid() } as u32).unwrap();
            let _ = wait.recv();
        });
        let tid = told.recv().unwrap();
        let (thread_proc, me) = (Proc::open(tid).unwrap(), Proc::open(std::process::id()).unwrap());
        assert_eq!(thread_proc.tgid().unwrap(), std::process::id());
        assert_eq!(thread_proc.ids().unwrap(), ids_in(&thread_proc.status().unwrap()).unwrap());
        assert_ne!(thread_proc.pidfd_inode().unwrap(), me.pidfd_inode().unwrap());
        assert_eq!(tgid_of(tid), Some(std::process::id()));
        drop(end);
        thread.join().unwrap();
    }
}
