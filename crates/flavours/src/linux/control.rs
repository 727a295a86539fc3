//! What `ctl` and `seat` share: who may, and carrying out a message command by command.

use super::target::Target;
use super::words::{self, Word};
use engine::engine::{Giver, Order, Seated, Ticket};
use engine::{Opener, Refusal};
use kernel::creds::Creds;
use kernel::procfs::Proc;
use kernel::{pidfd, procfs};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tree::{Caller, Errno, Pending, Result};

/// Asks the kernel whether `creds` may control the process: who may open its memory for writing may do all that the files
/// here do.
pub fn may_control(target: &Target, creds: &Creds) -> std::io::Result<()> {
    open_mem(target, creds, libc::O_RDWR).map(drop)
}

/// Opens the address space in the name of `creds`. A process whose first thread has ended lives on in the others, and only
/// they lead to its memory.
pub fn open_mem(target: &Target, creds: &Creds, mode: i32) -> std::io::Result<OwnedFd> {
    let proc = &target.proc;
    let open = |path: &CStr| creds.act_on(proc, || procfs::openat(proc.dir(), path, mode));
    let path = target.path(b"mem").unwrap_or_default();
    match open(&path) {
        Err(e) if e.raw_os_error() == Some(libc::ESRCH) && target.tid.is_none() => {
            let tids = proc.tasks().unwrap_or_default();
            let others = tids.into_iter().filter_map(|tid| CString::new(format!("task/{tid}/mem")).ok());
            others.map(|path| open(&path)).find(|r| r.is_ok()).unwrap_or(Err(e))
        }
        result => result,
    }
}

/// One opener's right to control one process: asked at open, at each use, also of whoever uses it then, and at each exec.
pub struct Right {
    target: Target,
    opener: Opener,
    creds: Creds,
    /// Who used it last: to look at all of a caller's credentials again takes longer than a stop.
    user: Mutex<Option<User>>,
}

/// Whoever uses an open file.
#[derive(Clone)]
struct User {
    tid: u32,
    uid: u32,
    gid: u32,
    creds: Creds,
    /// A thread of the target.
    own: bool,
}

impl Right {
    /// EACCES if the caller may not control the process, EBUSY if nobody can: a kernel thread.
    pub fn open(target: &Target, caller: &Caller) -> Result<Right> {
        let creds = caller.creds()?.clone();
        may_control(target, &creds).map_err(|e| no_memory(target, e))?;
        let opener = Opener { pid: caller.pid().unwrap_or(caller.tid), uid: caller.uid };
        Ok(Right { target: target.clone(), opener, creds, user: Mutex::default() })
    }

    /// Asks again, in the names of the caller and of the opener.
    pub fn check(&self, caller: &Caller) -> Result<()> {
        self.user(caller).map(drop)
    }

    fn user(&self, caller: &Caller) -> Result<User> {
        let Caller { tid, uid, gid, .. } = *caller;
        let last = self.user.lock().clone();
        let known = last.filter(|u| (u.tid, u.uid, u.gid) == (tid, uid, gid) && u.creds.are_still_of(tid));
        let user = match known {
            Some(user) => user,
            None => User { tid, uid, gid, creds: caller.creds()?.clone(), own: is_own(&self.target, caller) },
        };
        may_control(&self.target, &user.creds)?;
        if user.creds != self.creds {
            may_control(&self.target, &self.creds)?;
        }
        *self.user.lock() = Some(user.clone());
        Ok(user)
    }

    /// For the engine's record.
    pub fn giver(&self) -> Giver {
        let (target, creds) = (self.target.clone(), self.creds.clone());
        let check = move |proc: &Arc<Proc>| {
            let target = Target { proc: proc.clone(), ..target.clone() };
            may_control(&target, &creds).is_ok()
        };
        Giver { opener: self.opener, check: Some(Arc::new(check)) }
    }
}

/// A kernel thread has no memory to be asked about: the kernel says ESRCH of it as of a process that has ended. EBUSY tells
/// that it is there and cannot be held.
fn no_memory(target: &Target, e: std::io::Error) -> Errno {
    let status = target.proc.status().unwrap_or_default();
    let state = procfs::field(&status, "State").unwrap_or_default().trim_ascii_start();
    match e.raw_os_error() {
        Some(libc::ESRCH) if !state.is_empty() && !state.starts_with(b"Z") && !state.starts_with(b"X") => {
            Errno(libc::EBUSY)
        }
        _ => e.into(),
    }
}

/// True if the caller is a thread of the target.
fn is_own(target: &Target, caller: &Caller) -> bool {
    let path = CString::new(format!("task/{}", caller.tid)).unwrap_or_default();
    procfs::fstatat(target.proc.dir(), &path, false).is_ok()
}

/// Why the last command of an open file failed, as a sentence; what a read of `ctl` returns.
pub type LastError = Arc<Mutex<String>>;

/// A message being carried out: commands in order, the first failure ends it.
struct Script {
    target: Target,
    seated: Seated,
    giver: Giver,
    creds: Creds,
    own: bool,
    left: Mutex<VecDeque<(usize, Word)>>,
    /// Number of the command under way and the way to cancel it.
    current: Mutex<(usize, Option<Ticket>)>,
    error: LastError,
    length: usize,
    done: Pending<usize>,
}

/// Carries out a message on behalf of `caller`, who has been checked. Answers when the last command is done.
pub fn carry_out(
    target: &Target,
    seated: Seated,
    right: &Right,
    caller: &Caller,
    message: &[u8],
    error: &LastError,
    done: Pending<usize>,
) {
    error.lock().clear();
    let words = match words::parse(message, target.tid.map(|t| t as i32)) {
        Ok(words) => words,
        Err(why) => {
            *error.lock() = why;
            done.finish(Err(Errno(if message.len() > words::MESSAGE_MAX { libc::EMSGSIZE } else { libc::EINVAL })));
            return;
        }
    };
    let User { creds, own, .. } = match right.user(caller) {
        Ok(user) => user,
        Err(e) => {
            let why = match e.0 {
                libc::ESRCH | libc::ENOENT => "the process has ended",
                _ => "you may not control this process",
            };
            *error.lock() = format!("{}: {why}", target.proc.pid());
            done.finish(Err(e));
            return;
        }
    };
    let script = Arc::new(Script {
        target: target.clone(),
        seated,
        giver: right.giver(),
        creds,
        own,
        left: Mutex::new(words.into()),
        current: Mutex::new((0, None)),
        error: error.clone(),
        length: message.len(),
        done: done.clone(),
    });
    let hook = Arc::downgrade(&script);
    done.on_cancel(move || {
        let Some(script) = hook.upgrade() else { return };
        let ticket = script.current.lock().1.take();
        if let Some(ticket) = ticket {
            ticket.cancel();
        }
    });
    script.next();
}

impl Script {
    fn next(self: Arc<Self>) {
        loop {
            if self.done.is_over() {
                return;
            }
            let word = self.left.lock().pop_front();
            let Some((line, word)) = word else {
                self.done.finish(Ok(self.length));
                return;
            };
            let result = match word {
                Word::Order(order) => return self.order(line, order),
                Word::Signal(signal) => self.signal(signal),
                Word::Nice(nice) => self.nice(nice),
            };
            if let Err(refusal) = result {
                return self.fail(line, &refusal);
            }
        }
    }

    fn fail(&self, line: usize, refusal: &Refusal) {
        *self.error.lock() = if line > 1 { format!("line {line}: {refusal}") } else { refusal.to_string() };
        self.done.finish(Err(Errno(refusal.errno)));
    }

    fn order(self: Arc<Self>, line: usize, mut order: Order) {
        if self.own {
            // The caller waits in this very write, so it cannot stand before it is answered.
            let pid = self.target.proc.pid();
            match &mut order {
                Order::Stop { wait, .. } => {
                    *wait = false;
                    self.done.finish(Ok(self.length));
                }
                Order::Await { .. } | Order::RunUntil(_) | Order::Step { .. } | Order::Close(_) => {
                    let text = format!("{pid}: a process cannot wait for itself");
                    return self.fail(line, &Refusal::new(libc::EDEADLK, text));
                }
                _ => {}
            }
        }
        let script = self.clone();
        let answer = Box::new(move |result: std::result::Result<(), Refusal>| match result {
            Ok(()) => script.next(),
            Err(refusal) => script.fail(line, &refusal),
        });
        let way = self.target.shared.engine.target(self.target.proc.clone());
        let ticket = way.order(self.seated, self.giver.clone(), order, answer);
        let late = {
            let mut current = self.current.lock();
            // A later command may have been started already by the tracer thread.
            if current.0 < line {
                *current = (line, Some(ticket.clone()));
            }
            self.done.is_over()
        };
        if late {
            ticket.cancel();
        }
    }

    fn signal(&self, signal: i32) -> std::result::Result<(), Refusal> {
        send_signal(&self.target, &self.creds, signal)
    }

    fn nice(&self, nice: i32) -> std::result::Result<(), Refusal> {
        let pid = self.target.proc.pid() as i32;
        let os = |e: std::io::Error| Refusal::os("set the nice value of", pid, &e);
        let tids = match self.target.tid {
            Some(tid) => vec![tid],
            None => self.target.proc.tasks().map_err(os)?,
        };
        let all = || tids.iter().try_for_each(|tid| kernel::thread::set_nice(*tid as i32, nice));
        self.creds.act_on(&self.target.proc, all).map_err(os)
    }
}

/// Posts a signal in the name of `creds`, by the rule of kill(2): to the process, or to the thread that the file is about.
pub fn send_signal(target: &Target, creds: &Creds, signal: i32) -> std::result::Result<(), Refusal> {
    let pid = target.proc.pid() as i32;
    let os = |e: std::io::Error| Refusal::os(&format!("send {} to", abi::signal::name(signal)), pid, &e);
    let fd = target.proc.pidfd().map_err(os)?;
    let post = || match target.tid {
        Some(tid) => kernel::thread::tgkill(pid, tid as i32, signal),
        None => pidfd::send_signal(&fd, signal),
    };
    creds.may_signal(&target.proc).and_then(|()| creds.act_on(&target.proc, post)).map_err(os)
}
