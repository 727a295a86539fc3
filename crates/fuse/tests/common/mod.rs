//! A toy flavour, a mount of it that is always unmounted, and clients that may block.

#![allow(dead_code, clippy::type_complexity)] // Each test binary uses its part; the types are used once.

use parking_lot::{Condvar, Mutex};
use pfs_fuse as fuse;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tree::{slice, Attr, Caller, Entry, Errno, Flavour, Handle, Keep, Node, Pending, Result, SetAttr};

pub const SMALL: &[u8] = b"hello world\n";
pub const BIG: usize = (3 << 20) + 17;
pub const MANY: usize = 5000;
/// Nothing in these tests takes this long unless it hangs.
pub const SOON: Duration = Duration::from_secs(10);

/// What the tests see of the server's side.
pub struct Shared {
    say: Mutex<Sender<String>>,
    /// Parked requests that a test may answer.
    pub reads: Mutex<Vec<Pending<Vec<u8>>>>,
    pub writes: Mutex<Vec<Pending<usize>>>,
    pub ioctls: Mutex<Vec<Pending<(i32, Vec<u8>)>>>,
    /// Writes to `sink`.
    pub sunk: Mutex<Vec<(u64, Vec<u8>)>>,
    pub set: Mutex<Vec<SetAttr>>,
    pub lookups: AtomicUsize,
    /// How often the attributes of `name` were asked for, which each lookup of it does, of a node known before too.
    pub attrs: AtomicUsize,
    pub open: AtomicUsize,
    pub unmounted: AtomicUsize,
    pub readdirs: AtomicUsize,
    pub reborn: AtomicUsize,
    /// `hang` blocks its thread while this is true.
    pub hang: Mutex<bool>,
    pub unhang: Condvar,
    pub ready: Mutex<(bool, Option<Box<dyn FnOnce() + Send>>)>,
}

impl Shared {
    fn say(&self, what: impl Into<String>) {
        let _ = self.say.lock().send(what.into());
    }
}

pub struct Toy(pub Arc<Shared>);

impl Flavour for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }
    fn root(&self) -> Arc<dyn Node> {
        Arc::new(Toynode(self.0.clone(), "".into(), 0))
    }
    fn unmounted(&self) {
        self.0.unmounted.fetch_add(1, SeqCst);
    }
}

const FILES: [&str; 16] = [
    "small",
    "big",
    "sink",
    "ctl",
    "wait",
    "panic",
    "open-panic",
    "name",
    "never",
    "fresh",
    "poll",
    "io",
    "hang",
    "eaccess",
    "badno",
    "reborn",
];

struct Toynode(Arc<Shared>, String, u64);

impl Toynode {
    fn is_dir(&self) -> bool {
        matches!(&*self.1, "" | "many" | "neverdir" | "namedir")
    }
}

impl Node for Toynode {
    fn attr(&self, _: &Caller) -> Result<Attr> {
        if self.1 == "reborn" && self.2 != self.0.reborn.load(SeqCst) as u64 {
            return Err(Errno(libc::ESTALE));
        }
        if self.1 == "name" {
            self.0.attrs.fetch_add(1, SeqCst);
        }
        let (kind, size) = match &*self.1 {
            _ if self.is_dir() => (libc::S_IFDIR | 0o555, 0),
            "link" => (libc::S_IFLNK | 0o777, 0),
            "ctl" => (libc::S_IFREG | 0o600, 4096),
            "sink" => (libc::S_IFREG | 0o600, 100),
            "big" => (libc::S_IFREG | 0o400, BIG as u64),
            _ => (libc::S_IFREG | 0o600, 0),
        };
        let ino = self.1.bytes().fold(7u64, |n, b| n.wrapping_mul(31) + u64::from(b));
        Ok(Attr { ino, mode: kind, nlink: 1, size, mtime: (5, 6), ..Attr::default() })
    }
    fn keep(&self) -> Keep {
        match &*self.1 {
            "ctl" | "fresh" => Keep::Fresh,
            "never" | "neverdir" => Keep::Never,
            _ => Keep::Name,
        }
    }
    fn identity(&self) -> u64 {
        self.2
    }
    fn lookup(&self, _: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
        self.0.lookups.fetch_add(1, SeqCst);
        let name = name.to_str().unwrap();
        let known = match &*self.1 {
            "" => FILES.contains(&name) || ["many", "neverdir", "namedir", "link"].contains(&name),
            "many" => name.starts_with("entry-"),
            "neverdir" => name == "small",
            "namedir" => name == "small",
            _ => return Err(Errno(libc::ENOTDIR)),
        };
        let identity = if name == "reborn" { self.0.reborn.load(SeqCst) as u64 } else { 0 };
        known.then(|| Arc::new(Toynode(self.0.clone(), name.into(), identity)) as _).ok_or(Errno(libc::ENOENT))
    }
    fn readdir(&self, _: &Caller) -> Result<Vec<Entry>> {
        self.0.readdirs.fetch_add(1, SeqCst);
        let entry = |name: &str| Entry { name: name.into(), ino: 9, kind: libc::S_IFREG };
        match &*self.1 {
            "many" => Ok((0..MANY).map(|i| entry(&format!("entry-{i:0width$}", width = i % 40))).collect()),
            _ => Ok(FILES.iter().map(|n| entry(n)).collect()),
        }
    }
    fn readlink(&self, _: &Caller) -> Result<Vec<u8>> {
        if self.1 == "link" {
            Ok(b"small".to_vec())
        } else {
            Err(Errno(libc::EINVAL))
        }
    }
    fn open(&self, _: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        assert!(self.1 != "open-panic", "asked to");
        if self.1 == "eaccess" {
            return Err(Errno(libc::EACCES));
        }
        self.0.open.fetch_add(1, SeqCst);
        Ok(Arc::new(Toyfile(self.0.clone(), self.1.clone())))
    }
    fn setattr(&self, _: &Caller, set: &SetAttr) -> Result<()> {
        self.0.set.lock().push(set.clone());
        Ok(())
    }
}

struct Toyfile(Arc<Shared>, String);

impl Handle for Toyfile {
    fn read(&self, caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        match &*self.1 {
            "big" => {
                let to = (offset + size as u64).min(BIG as u64);
                done.finish(Ok((offset.min(to)..to).map(|i| (i % 251) as u8).collect()));
            }
            "wait" => {
                let said = self.0.clone();
                done.on_cancel(move || said.say("cancelled"));
                self.0.reads.lock().push(done);
                self.0.say(format!("read {}", caller.tid));
            }
            "panic" => panic!("asked to"),
            "hang" => {
                self.0.say("hang");
                let mut hang = self.0.hang.lock();
                while *hang {
                    self.0.unhang.wait(&mut hang);
                }
                done.finish(Ok(b"free".to_vec()));
            }
            "badno" => {
                done.finish(Err(Errno(512)));
            }
            _ => {
                done.finish(Ok(slice(SMALL, offset, size).to_vec()));
            }
        }
    }
    fn write(&self, _: &Caller, offset: u64, data: &[u8], done: Pending<usize>) {
        match &*self.1 {
            "ctl" if data.starts_with(b"wait") => {
                let said = self.0.clone();
                done.on_cancel(move || said.say("cancelled"));
                self.0.writes.lock().push(done);
                self.0.say("write");
            }
            "panic" => panic!("asked to"),
            _ => {
                self.0.sunk.lock().push((offset, data.to_vec()));
                done.finish(Ok(data.len()));
            }
        }
    }
    fn stream(&self) -> bool {
        self.1 == "ctl"
    }
    fn poll(&self, _: &Caller, wake: Option<Box<dyn FnOnce() + Send>>) -> Result<u32> {
        let mut ready = self.0.ready.lock();
        if ready.0 {
            return Ok(libc::POLLIN as u32);
        }
        if let Some(wake) = wake {
            ready.1 = Some(wake);
            self.0.say("polled");
        }
        Ok(0)
    }
    fn ioctl(&self, _: &Caller, cmd: u32, arg: u64, data: &[u8], done: Pending<(i32, Vec<u8>)>) {
        if cmd == 0x7101 {
            done.finish(Ok((arg as i32, vec![])));
        } else if cmd == 0x7102 {
            self.0.ioctls.lock().push(done);
            self.0.say("ioctl");
        } else {
            done.finish(Ok((3, data.iter().map(|b| b + 1).chain([9; 99]).collect())));
        }
    }
    fn release(&self) {
        self.0.open.fetch_sub(1, SeqCst);
    }
}

/// The toy, mounted. Dropping it unmounts, whatever still waits.
pub struct Mount {
    dir: Option<tempfile::TempDir>,
    pub session: Option<fuse::Session>,
    pub toy: Arc<Shared>,
    pub heard: Receiver<String>,
}

impl Mount {
    pub fn new() -> Mount {
        Mount::open_to(false)
    }

    /// The same, for other users too if `all`.
    pub fn open_to(all: bool) -> Mount {
        let (tx, heard) = channel();
        let toy = Arc::new(Shared {
            say: Mutex::new(tx),
            reads: Mutex::default(),
            writes: Mutex::default(),
            ioctls: Mutex::default(),
            sunk: Mutex::default(),
            set: Mutex::default(),
            lookups: AtomicUsize::new(0),
            attrs: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            unmounted: AtomicUsize::new(0),
            readdirs: AtomicUsize::new(0),
            reborn: AtomicUsize::new(1),
            hang: Mutex::new(true),
            unhang: Condvar::new(),
            ready: Mutex::new((false, None)),
        });
        let dir = tempfile::tempdir().unwrap();
        let options = fuse::MountOptions { ro: false, allow_other: all, source: "pfs-toy".into() };
        let fd = fuse::mount(dir.path(), &options).unwrap_or_else(|e| panic!("these tests need a FUSE mount: {e}"));
        let session = fuse::Session::start(fd, Arc::new(Toy(toy.clone()))).unwrap();
        Mount { dir: Some(dir), session: Some(session), toy, heard }
    }

    pub fn dir(&self) -> &Path {
        self.dir.as_ref().unwrap().path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    pub fn session(&self) -> &fuse::Session {
        self.session.as_ref().unwrap()
    }

    /// Waits until the server says `what` (the beginning of it).
    pub fn hear(&self, what: &str) {
        let said = self.heard.recv_timeout(SOON).unwrap_or_else(|_| panic!("no '{what}' came"));
        assert!(said.starts_with(what), "{said} instead of {what}");
    }

    pub fn unhang(&self) {
        *self.toy.hang.lock() = false;
        self.toy.unhang.notify_all();
    }

    /// Runs a shell command with $M as the mount point; its standard output. Panics if it fails or hangs.
    pub fn sh(&self, script: &str) -> String {
        let mut child = Command::new("sh")
            .args(["-ec", script])
            .env("M", self.dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let until = Instant::now() + SOON;
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > until {
                let _ = child.kill();
                panic!("hangs: {script}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "{script}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.unhang();
        let dir = self.dir.take().unwrap();
        let _ = fuse::umount(dir.path());
        if let Some(session) = self.session.take() {
            let until = Instant::now() + SOON;
            loop {
                session.cancel_all();
                if session.wait_for(Duration::from_millis(20)) {
                    break;
                }
                if Instant::now() > until {
                    session.abort();
                    break;
                }
            }
        }
        // Never remove what is inside a mount.
        if std::fs::remove_dir(dir.path()).is_err() {
            let _ = dir.keep();
        }
    }
}

/// A forked client. Its body may use nothing but system calls, since other threads held locks at the fork.
pub struct Client(pub i32, bool);

pub fn fork(body: impl FnOnce() -> i32) -> Client {
    // SAFETY: the child only makes system calls and leaves by _exit.
    match unsafe { libc::fork() } {
        // SAFETY: always safe.
        0 => unsafe { libc::_exit(body()) },
        pid => {
            assert!(pid > 0);
            Client(pid, false)
        }
    }
}

pub fn errno() -> i32 {
    // SAFETY: errno of this thread.
    unsafe { *libc::__errno_location() }
}

extern "C" fn nothing(_: i32) {}

/// What a client does with a file: its exit status is the errno, or 0.
pub enum Act {
    Read,
    Write(&'static [u8]),
    Ioctl(u64),
}

/// Opens `path` and acts once, with a handler for SIGUSR1.
pub fn client(path: &Path, act: Act) -> Client {
    client_of(None, path, act)
}

/// The same as another user.
pub fn client_of(user: Option<u32>, path: &Path, act: Act) -> Client {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    fork(move || {
        let mut buf = [0u8; 100];
        // SAFETY: system calls with valid pointers.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = nothing as *const () as usize;
            libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut());
            if user.is_some_and(|user| libc::syscall(libc::SYS_setuid, user) != 0) {
                return 201;
            }
            let flags = match act {
                Act::Write(_) => libc::O_WRONLY,
                _ => libc::O_RDONLY,
            };
            let fd = libc::open(path.as_ptr(), flags);
            if fd < 0 {
                return 200;
            }
            let rc = match act {
                Act::Read => libc::read(fd, buf.as_mut_ptr().cast(), 100),
                Act::Write(data) => libc::write(fd, data.as_ptr().cast(), data.len()),
                Act::Ioctl(cmd) => libc::ioctl(fd, cmd as _, 5) as isize,
            };
            if rc < 0 {
                errno()
            } else {
                0
            }
        }
    })
}

impl Client {
    pub fn kill(&self, signal: i32) {
        // SAFETY: our own child.
        assert_eq!(unsafe { libc::kill(self.0, signal) }, 0);
    }

    /// The state letter of /proc/PID/stat.
    pub fn state(&self) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap();
        stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
    }

    /// Waits until the state is one of `wanted`.
    pub fn until_state(&self, wanted: &str) {
        let until = Instant::now() + SOON;
        while !wanted.contains(self.state()) {
            assert!(Instant::now() < until, "state {} instead of {wanted}", self.state());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Option<i32> {
        let mut status = 0;
        // SAFETY: a valid pointer; our own child.
        self.1 = unsafe { libc::waitpid(self.0, &mut status, libc::WNOHANG) } == self.0;
        self.1.then_some(libc::WEXITSTATUS(status))
    }

    /// The wait status of the client, which ends soon.
    pub fn status(&mut self) -> i32 {
        let until = Instant::now() + SOON;
        let mut status = 0;
        loop {
            // SAFETY: a valid pointer; our own child.
            let rc = unsafe { libc::waitpid(self.0, &mut status, libc::WNOHANG) };
            assert!(rc >= 0);
            if rc > 0 {
                self.1 = true;
                return status;
            }
            assert!(Instant::now() < until, "client {} hangs in state {}", self.0, self.state());
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// The exit status of the client.
    pub fn exit(&mut self) -> i32 {
        let status = self.status();
        assert!(libc::WIFEXITED(status), "status {status:#x}");
        libc::WEXITSTATUS(status)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if !self.1 {
            // SAFETY: our own child, not yet waited for.
            unsafe { libc::kill(self.0, libc::SIGKILL) };
        }
    }
}
