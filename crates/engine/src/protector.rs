//! Makes a process make a userfaultfd of its memory, which becomes ours.
//!
//! While all its threads stand, one of them makes the call for us; we take a copy of the descriptor, and its own is closed again. Who
//! may not call userfaultfd(2) is passed the device that makes such descriptors, by whoever of us may open it: one that told of
//! no accesses of the kernel (UFFD_USER_MODE_ONLY), as anybody may make it, would let those fail.

use crate::engine::{called, Scratch};
use crate::error::Refusal;
use crate::inject::Number;
use crate::process::{State, Stop};
use crate::tracer::{key_of, Key, Tracer};
use kernel::apart::Unfinished;
use kernel::pidfd;
use kernel::procfs::Proc;
use kernel::ptrace::{self, Tid};
use kernel::userfault::{self, Userfault};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// What is done with it.
pub(crate) type Made = Box<dyn FnOnce(&mut Tracer, Result<Userfault, Refusal>)>;

const USERFAULTFD: Number = Number { x86_64: libc::SYS_userfaultfd, i386: 374 };
const SOCKETPAIR: Number = Number { x86_64: libc::SYS_socketpair, i386: 360 };
const RECVMSG: Number = Number { x86_64: libc::SYS_recvmsg, i386: 372 };
const IOCTL: Number = Number { x86_64: libc::SYS_ioctl, i386: 54 };
const CLOSE: Number = Number { x86_64: libc::SYS_close, i386: 6 };

const FLAGS: u64 = (libc::O_CLOEXEC | libc::O_NONBLOCK) as u64;

/// One that is being made.
struct Making {
    proc: Arc<Proc>,
    key: Key,
    /// The thread that makes the calls.
    tid: Tid,
    narrow: bool,
    /// Descriptors of the process that are to be closed.
    open: Vec<i32>,
    /// Until they are.
    closed: Unfinished,
    made: Made,
}

/// Makes one in a process whose threads all stand.
pub(crate) fn make(t: &mut Tracer, proc: &Arc<Proc>, made: Made) {
    let key = key_of(proc);
    let caller = caller(t, key);
    let found = caller.and_then(|tid| {
        let regs = ptrace::user_regs(tid).map_err(|e| Refusal::os("read registers of", tid, &e))?;
        Ok((tid, ptrace::is_narrow(&regs)))
    });
    match found {
        Ok((tid, narrow)) => {
            let (open, closed) = (Vec::new(), Unfinished::begin());
            let making = Making { proc: proc.clone(), key, tid, narrow, open, closed, made };
            t.inject(key, tid, USERFAULTFD, [FLAGS, 0, 0, 0, 0, 0], None, Box::new(|t, r| making.asked(t, r)));
        }
        Err(refusal) => made(t, Err(refusal)),
    }
}

/// The thread that can make a call with the least ado.
fn caller(t: &Tracer, key: Key) -> Result<Tid, Refusal> {
    let process = &t.entries.get(&key).ok_or_else(|| Refusal::gone(key.0))?.process;
    let ado = |state: &State| match state {
        State::Stopped(Stop::Plain) => Some(0),
        State::Stopped(Stop::Signal(..)) => Some(1),
        State::Stopped(Stop::Entry) => Some(2),
        State::Stopped(Stop::Exit | Stop::Within(true)) => Some(3),
        _ => None,
    };
    let able = process.threads.iter().filter(|(_, thread)| !thread.injecting);
    let caller = able.filter_map(|(tid, thread)| Some((ado(&thread.state)?, *tid))).min();
    let text = || format!("watch memory of {}: none of its threads stands where it could make a call for us", key.0);
    caller.map(|(_, tid)| tid).ok_or_else(|| Refusal::new(libc::EBUSY, text()))
}

impl Making {
    fn asked(self, t: &mut Tracer, result: Result<i64, Refusal>) {
        match result.and_then(|r| called("make a userfaultfd in", self.tid, r)) {
            Ok(fd) => self.take(t, fd),
            Err(refusal) if matches!(refusal.errno, libc::EPERM | libc::ENOSYS) => self.pass_device(t, refusal),
            Err(refusal) => self.close(t, Err(refusal)),
        }
    }

    /// A socket, through which it is passed the device. `refusal`: why.
    fn pass_device(mut self, t: &mut Tracer, refusal: Refusal) {
        let Ok(device) = userfault::device() else { return self.close(t, Err(refusal)) };
        let lent = match Scratch::lend(t, &self.proc, self.tid, &[]) {
            Ok(lent) => lent,
            Err(refusal) => return self.close(t, Err(refusal)),
        };
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
        let args = [libc::AF_UNIX as u64, kind as u64, 0, lent.at, 0, 0];
        let (key, tid) = (self.key, self.tid);
        lent.ask(t, key, tid, SOCKETPAIR, args, move |t, result| {
            let pair = result.map(|bytes| [word(&bytes, 0), word(&bytes, 4)].map(|fd| fd as i32));
            let sent = pair.and_then(|pair| {
                self.open.extend(pair);
                let sent = self.copy(pair[0]).and_then(|ours| userfault::send(ours.as_fd(), device.as_fd()));
                sent.map(|()| pair[1]).map_err(|e| Refusal::os("pass a descriptor to", tid, &e))
            });
            match sent {
                Ok(socket) => self.receive(t, socket),
                Err(refusal) => self.close(t, Err(refusal)),
            }
        });
    }

    /// It receives the device.
    fn receive(mut self, t: &mut Tracer, socket: i32) {
        let (key, tid, narrow) = (self.key, self.tid, self.narrow);
        const CONTROL: usize = 64;
        let message = |at: u64| {
            // No name, no data, a control record for one descriptor.
            let control = at + CONTROL as u64;
            match narrow {
                true => [0, 0, 0, 0, control as u32, 16, 0].iter().flat_map(|w| w.to_ne_bytes()).collect::<Vec<_>>(),
                false => [0, 0, 0, 0, control, 24, 0].iter().flat_map(|w| w.to_ne_bytes()).collect(),
            }
        };
        let lent = match Scratch::lend_with(t, &self.proc, tid, message) {
            Ok(lent) => lent,
            Err(refusal) => return self.close(t, Err(refusal)),
        };
        let flags = libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT;
        let args = [socket as u64, lent.at, flags as u64, 0, 0, 0];
        lent.ask(t, key, tid, RECVMSG, args, move |t, result| {
            let device = result.and_then(|bytes| {
                let (length, header) = if narrow { (word(&bytes, 20), 12) } else { (word(&bytes, 40), 16) };
                let lost = || Refusal::new(libc::EMFILE, format!("{tid}: there is no room for a descriptor"));
                if (length as usize) < header + 4 {
                    return Err(lost());
                }
                Ok(word(&bytes, CONTROL + header) as i32)
            });
            match device {
                Ok(device) => {
                    self.open.push(device);
                    let args = [device as u64, userfault::NEW, FLAGS, 0, 0, 0];
                    let then = move |t: &mut Tracer, r: Result<i64, Refusal>| match r
                        .and_then(|r| called("make a userfaultfd in", tid, r))
                    {
                        Ok(fd) => self.take(t, fd),
                        Err(refusal) => self.close(t, Err(refusal)),
                    };
                    t.inject(key, tid, IOCTL, args, None, Box::new(then));
                }
                Err(refusal) => self.close(t, Err(refusal)),
            }
        });
    }

    fn take(mut self, t: &mut Tracer, fd: i64) {
        self.open.push(fd as i32);
        let ours = self.copy(fd as i32).and_then(Userfault::new);
        let ours = ours.map_err(|e| Refusal::os("take a descriptor from", self.tid, &e));
        self.close(t, ours);
    }

    /// A copy of a descriptor of the very thread that made it.
    fn copy(&self, fd: i32) -> io::Result<OwnedFd> {
        let thread = Proc::open(self.tid as u32)?;
        let pidfd = thread.pidfd()?;
        pidfd::take(&pidfd, fd)
    }

    /// Has the process close what it opened for us.
    fn close(mut self, t: &mut Tracer, result: Result<Userfault, Refusal>) {
        let Some(fd) = self.open.pop() else {
            drop(self.closed);
            return (self.made)(t, result);
        };
        let (key, tid) = (self.key, self.tid);
        // If that fails, the thread is dead, or the process has been there before us.
        let then = move |t: &mut Tracer, _: Result<i64, Refusal>| self.close(t, result);
        t.inject(key, tid, CLOSE, [fd as u64, 0, 0, 0, 0, 0], None, Box::new(then));
    }
}

/// The 32-bit word there.
fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_ne_bytes(*b))
}
