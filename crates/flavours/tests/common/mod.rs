//! Real processes to compare with: callers of given credentials, and targets.
#![allow(dead_code)]

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

pub const CAP_SYS_PTRACE: u32 = 19;

/// Credentials of a process.
#[derive(Clone, Debug, Default)]
pub struct Who {
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
    /// Capability taken from the effective and permitted set.
    pub without: Option<u32>,
    /// In a new user namespace, made when the ids were taken, in which the ids are 0.
    pub own_namespace: bool,
}

impl Who {
    pub fn root() -> Who {
        Who::default()
    }
    pub fn user(uid: u32) -> Who {
        Who { uid, gid: uid, ..Who::default() }
    }

    /// Becomes this. Only system calls: it runs between fork and exec too.
    fn become_it(&self) {
        // SAFETY: plain system calls on the credentials of this process, which has one thread.
        unsafe {
            assert_eq!(libc::syscall(libc::SYS_setgroups, self.groups.len(), self.groups.as_ptr()), 0);
            assert_eq!(libc::syscall(libc::SYS_setresgid, self.gid, self.gid, self.gid), 0);
            assert_eq!(libc::syscall(libc::SYS_setresuid, self.uid, self.uid, self.uid), 0);
            if let Some(cap) = self.without {
                let mut head = [0x2008_0522u32, 0];
                let mut caps = [0u32; 6];
                assert_eq!(libc::syscall(libc::SYS_capget, head.as_mut_ptr(), caps.as_mut_ptr()), 0);
                let low = if cap < 32 { 0 } else { 3 };
                caps[low] &= !(1 << (cap % 32));
                caps[low + 1] &= !(1 << (cap % 32));
                assert_eq!(libc::syscall(libc::SYS_capset, head.as_mut_ptr(), caps.as_ptr()), 0);
            }
            if self.own_namespace {
                // Not dumpable since the ids changed, and then its files would be root's.
                libc::prctl(libc::PR_SET_DUMPABLE, 1);
                let outside = digits(self.uid);
                assert_eq!(libc::unshare(libc::CLONE_NEWUSER), 0);
                put(c"/proc/self/setgroups", b"deny");
                put(c"/proc/self/uid_map", &outside);
                put(c"/proc/self/gid_map", &outside);
            }
        }
    }
}

/// `0 <id> 1`, made without allocating.
fn digits(mut id: u32) -> [u8; 14] {
    let mut line = *b"0            1";
    for at in (2..12).rev() {
        line[at] = b'0' + (id % 10) as u8;
        id /= 10;
    }
    line
}

fn put(path: &CStr, text: &[u8]) {
    // SAFETY: `path` ends with NUL, `text` is readable for its length.
    unsafe {
        let fd = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        assert_eq!(libc::write(fd, text.as_ptr().cast(), text.len()), text.len() as isize);
        libc::close(fd);
    }
}

/// What a process tries: to open a file, and to read its first byte if it is opened for reading.
pub struct Try {
    pub path: CString,
    pub flags: i32,
    pub read: bool,
}

/// errno of the open, and of the read (0: success or not tried).
pub type Outcome = [i32; 2];

/// A process of given credentials that has tried things and now waits: a caller, or a target that is not dumpable.
pub struct Actor {
    pub pid: u32,
    pub who: Who,
    pub saw: Vec<Outcome>,
}

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

pub fn attempt(path: &CStr, flags: i32, read: bool) -> Outcome {
    // SAFETY: `path` ends with NUL, `byte` is one byte.
    unsafe {
        let fd = libc::open(path.as_ptr(), flags | libc::O_CLOEXEC | libc::O_NOCTTY | libc::O_NOFOLLOW);
        if fd < 0 {
            return [errno(), 0];
        }
        let mut byte = 0u8;
        let n = if read { libc::pread(fd, (&raw mut byte).cast(), 1, 0) } else { 0 };
        let out = [0, if n < 0 { errno() } else { 0 }];
        libc::close(fd);
        out
    }
}

impl Actor {
    pub fn start(who: &Who, tries: &[Try]) -> Actor {
        let mut pipe = [0; 2];
        // SAFETY: two descriptors are written.
        assert_eq!(unsafe { libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
        let mut saw = vec![[0i32; 2]; tries.len() + 1];
        // SAFETY: the child does nothing but system calls on memory made before.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0);
        if pid == 0 {
            who.become_it();
            // SAFETY: no pointers.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            for (out, one) in saw.iter_mut().zip(tries) {
                *out = attempt(&one.path, one.flags, one.read);
            }
            // SAFETY: `saw` is plain memory of this length; the process ends by being killed.
            unsafe {
                let size = std::mem::size_of_val(&saw[..]);
                let mut done = 0;
                while done < size {
                    let n = libc::write(pipe[1], saw.as_ptr().cast::<u8>().add(done).cast(), size - done);
                    if n <= 0 {
                        libc::_exit(1);
                    }
                    done += n as usize;
                }
                loop {
                    libc::pause();
                }
            }
        }
        // SAFETY: pipe2 made them; nobody else has them.
        let (mut rx, tx) = unsafe { (File::from_raw_fd(pipe[0]), File::from_raw_fd(pipe[1])) };
        drop(tx);
        let mut bytes = vec![0u8; saw.len() * 8];
        rx.read_exact(&mut bytes).expect("the actor tries everything");
        let word = |b: &[u8]| i32::from_ne_bytes(b.try_into().unwrap());
        let saw = bytes.chunks(8).take(tries.len()).map(|c| [word(&c[..4]), word(&c[4..])]).collect();
        Actor { pid: pid as u32, who: who.clone(), saw }
    }

    pub fn caller(&self) -> tree::Caller {
        tree::Caller::new(self.pid, self.who.uid, self.who.gid)
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // SAFETY: our own child, not waited for yet, so the number is still its.
        unsafe {
            libc::kill(self.pid as i32, libc::SIGKILL);
            libc::waitpid(self.pid as i32, std::ptr::null_mut(), 0);
        }
    }
}

/// A program that answers each byte, so that it is known to run.
pub struct Program(Child);

impl Program {
    pub fn start(path: &str, who: &Who) -> Program {
        let who = who.clone();
        let mut command = Command::new(path);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // SAFETY: only system calls between fork and exec.
        unsafe {
            command.pre_exec(move || {
                who.become_it();
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            })
        };
        let mut child = command.spawn().expect(path);
        child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        Program(child)
    }

    /// `cat` of these credentials: dumpable, since it was executed with them.
    pub fn cat(who: &Who) -> Program {
        Program::start("/bin/cat", who)
    }

    /// This test program with three threads more than it had, see [`helper`].
    pub fn threads() -> Program {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "helper", "--nocapture", "--test-threads=1"]).env("PFS_HELPER", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // SAFETY: one system call between fork and exec.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            })
        };
        let mut child = command.spawn().unwrap();
        let mut said = Vec::new();
        while !said.ends_with(b"READY") {
            let mut byte = [0];
            child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
            said.push(byte[0]);
        }
        Program(child)
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    pub fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}

/// The body of a test named `helper`: does nothing unless started by [`Program::threads`].
pub fn helper() {
    if std::env::var_os("PFS_HELPER").is_none() {
        return;
    }
    let (ready, told) = std::sync::mpsc::channel();
    for _ in 0..3 {
        let ready = ready.clone();
        std::thread::spawn(move || {
            ready.send(()).unwrap();
            loop {
                std::thread::park();
            }
        });
    }
    for _ in 0..3 {
        told.recv().unwrap();
    }
    let mut out = std::io::stdout();
    out.write_all(b"READY").unwrap();
    out.flush().unwrap();
    let _ = std::io::stdin().read(&mut [0]);
}

pub fn path(text: impl Into<Vec<u8>>) -> CString {
    CString::new(text).unwrap()
}
