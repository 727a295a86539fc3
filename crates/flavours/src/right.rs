//! Who may control a process, whatever the flavour: the kernel's judgement, at open and at each use, and acting in the caller's
//! name.

use crate::target::Target;
use engine::engine::Giver;
use engine::seat::Check;
use engine::{Opener, Refusal};
use kernel::creds::Creds;
use kernel::procfs::Proc;
use kernel::{pidfd, procfs};
use parking_lot::Mutex;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tree::{Caller, Errno, Result, SetAttr};

/// Asks the kernel whether `creds` may control the process: who may open its memory for writing may do all that the files
/// here do.
pub fn may_control(target: &Target, creds: &Creds) -> std::io::Result<()> {
    open_mem(target, creds, libc::O_RDWR).map(drop)
}

/// Opens the address space in the name of `creds`. A process whose first thread has ended lives on in the others, and only
/// they lead to its memory: the kernel says ESRCH of that thread, or EACCES to whoever is not privileged.
pub fn open_mem(target: &Target, creds: &Creds, mode: i32) -> std::io::Result<OwnedFd> {
    let proc = &target.proc;
    let open = |path: &CStr| creds.act_on(proc, || procfs::openat(proc.dir(), path, mode));
    let path = target.path(b"mem").unwrap_or_default();
    let errno = |r: &std::io::Result<OwnedFd>| r.as_ref().err().and_then(std::io::Error::raw_os_error);
    let mut result = open(&path);
    if target.tid.is_some() || !matches!(errno(&result), Some(libc::ESRCH | libc::EACCES)) {
        return result;
    }
    let gone = |r: &std::io::Result<_>| matches!(errno(r), Some(libc::ESRCH | libc::ENOENT));
    for _ in 0..ROUNDS {
        let others = target.survivors().into_iter().filter_map(|tid| CString::new(format!("task/{tid}/mem")).ok());
        result = others.map(|path| open(&path)).find(|r| !gone(r)).unwrap_or_else(|| open(&path));
        if !gone(&result) || proc.has_ended() {
            break;
        }
    }
    result
}

/// How often to look again for a thread that has the memory, of a process whose threads come and go meanwhile: who execs takes the
/// number of the first, and may end as that at once.
const ROUNDS: u32 = 16;

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
pub struct User {
    tid: u32,
    uid: u32,
    gid: u32,
    /// Its credentials.
    pub creds: Creds,
    /// [`engine::engine::Engine::moment`] just before it was asked for its right.
    asked: u64,
    /// A thread of the target.
    pub own: bool,
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

    /// As [`Right::check`], and tells who it is.
    pub fn user(&self, caller: &Caller) -> Result<User> {
        self.enter(caller).map(|(user, _)| user)
    }

    /// As [`Right::user`], with the address space of the process, which was opened to ask.
    pub fn enter(&self, caller: &Caller) -> Result<(User, OwnedFd)> {
        let Caller { tid, uid, gid, .. } = *caller;
        let asked = self.target.shared.engine.moment();
        let last = self.user.lock().clone();
        let known = last.filter(|u| (u.tid, u.uid, u.gid) == (tid, uid, gid) && u.creds.are_still_of(tid));
        let user = match known {
            Some(user) => User { asked, ..user },
            None => {
                let own = is_own(&self.target, caller);
                User { tid, uid, gid, creds: caller.creds()?.clone(), asked, own }
            }
        };
        caller.waits()?;
        let memory = open_mem(&self.target, &user.creds, libc::O_RDWR).map_err(|e| self.lost_or_gone(e))?;
        if user.creds != self.creds {
            may_control(&self.target, &self.creds).map_err(|e| self.lost_or_gone(e))?;
        }
        *self.user.lock() = Some(user.clone());
        Ok((user, memory))
    }

    /// True if the opener had these credentials.
    pub fn is_of(&self, creds: &Creds) -> bool {
        self.creds == *creds
    }

    /// True if the opener may still control the process, be the file about a thread that has ended.
    pub fn holds(&self) -> bool {
        may_control(&Target { tid: None, ..self.target.clone() }, &self.creds).is_ok()
    }

    /// For the engine's record: the opener alone, who is asked whenever it matters.
    pub fn giver(&self) -> Giver {
        self.giver_of(vec![self.creds.clone()], 0)
    }

    /// For the engine's record: who uses the file, and the opener.
    pub fn giver_for(&self, user: &User) -> Giver {
        let others = Some(&user.creds).filter(|creds| !self.is_of(creds)).cloned();
        let own = user.own.then_some(user.tid as i32);
        Giver { own, ..self.giver_of([self.creds.clone()].into_iter().chain(others).collect(), user.asked) }
    }

    fn giver_of(&self, names: Vec<Creds>, asked: u64) -> Giver {
        let target = self.target.clone();
        let may = move |proc: &Arc<Proc>, creds: &Creds| {
            let target = Target { proc: proc.clone(), tid: None, ..target.clone() };
            may_control(&target, creds).is_ok()
        };
        let check = Check { names, may: Arc::new(may) };
        Giver { opener: self.opener, check: Some(check), asked, writers: None, own: None }
    }

    /// Asks again when something that may have taken its time was done for this user. At no cost if there was no exec.
    pub fn again(&self, user: &User) -> Result<()> {
        if self.target.shared.engine.moment() != user.asked {
            let target = Target { tid: None, ..self.target.clone() };
            may_control(&target, &user.creds).map_err(|e| self.lost_or_gone(e))?;
            may_control(&target, &self.creds).map_err(|e| self.lost_or_gone(e))?;
        }
        Ok(())
    }

    /// Of a process that is at its end, whose files are root's, the kernel says EACCES to others: but that is no loss of the right.
    fn lost_or_gone(&self, e: std::io::Error) -> Errno {
        match e.raw_os_error() {
            Some(libc::EACCES) if self.target.proc.is_ending() => Errno(libc::ESRCH),
            _ => e.into(),
        }
    }
}

/// A kernel thread has no memory to be asked about: the kernel says ESRCH of it as of a process that has ended. EBUSY tells
/// that it is there and cannot be held.
fn no_memory(target: &Target, e: std::io::Error) -> Errno {
    match e.raw_os_error() {
        Some(libc::ESRCH) if !target.proc.is_ending() => Errno(libc::EBUSY),
        _ => e.into(),
    }
}

/// True if the caller is a thread of the target.
fn is_own(target: &Target, caller: &Caller) -> bool {
    let path = CString::new(format!("task/{}", caller.tid)).unwrap_or_default();
    procfs::fstatat(target.proc.dir(), &path, false).is_ok()
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

/// What access(2) would be asked for an open with these flags.
pub fn access_mask(flags: i32) -> i32 {
    match flags & libc::O_ACCMODE {
        libc::O_RDONLY => libc::R_OK,
        libc::O_WRONLY => libc::W_OK,
        _ => libc::R_OK | libc::W_OK,
    }
}

/// EPERM for anything but a truncation, which message files accept and ignore.
pub fn only_truncation(set: &SetAttr) -> Result<()> {
    if set.mode.is_some() || set.uid.is_some() || set.gid.is_some() {
        return Err(Errno(libc::EPERM));
    }
    Ok(())
}
