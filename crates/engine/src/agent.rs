//! Making and ending the agent of a process ([`crate::process::agent`]).
//!
//! It is made by a `clone` that a standing thread makes for us. It shares everything with the process and has no stack of its
//! own; it is given its registers at its first stop, before any instruction. From the moment it exists it stands in the ledger
//! with the registers of its end: if the daemon is killed, it makes the call that ends a thread, wherever it was, and the process
//! goes on as if it had never been. A process that filters its system calls gets no agent: that last call would be judged too,
//! and nobody could prevent it then.

use crate::engine::{called, Done, Target};
use crate::error::Refusal;
use crate::event::Call;
use crate::inject::{self, Number};
use crate::lwp::{refused, Edit};
use crate::process::agent::Agent;
use crate::process::lwps::{makes_process, Stand};
use crate::process::{Await, State, Stop};
use crate::seat::SeatId;
use crate::tracer::{call_ahead, key_of, Key, Tracer};
use abi::syscall::Abi;
use kernel::ledger::{self, Regs};
use kernel::procfs::Proc;
use kernel::ptrace::{self, Tid};
use std::io;
use std::sync::Arc;

/// The registers with which a thread of ours ends; they stand in the ledger as long as this lives.
pub struct Ending {
    tid: Tid,
    regs: Box<Regs>,
}

impl Ending {
    /// Enters them into the ledger.
    pub fn of(tid: Tid, regs: &Regs) -> Ending {
        let ending = Ending { tid, regs: Box::new(*regs) };
        ledger::ends(tid, &ending.regs);
        ending
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        ledger::ended(self.tid);
    }
}

/// What makes an agent.
pub(crate) struct Maker {
    pub proc: Arc<Proc>,
    pub key: Key,
    pub seat: SeatId,
    /// Its registers, from those of the thread that makes it.
    pub edit: Edit,
    /// What is to be remembered of who wants it.
    pub note: Vec<u8>,
    pub done: Done,
}

fn busy(pid: Tid, why: &str) -> Refusal {
    Refusal::new(libc::EBUSY, format!("{pid}: {why}"))
}

impl Maker {
    /// Makes it; `done` is told when it stands.
    pub fn make(self, t: &mut Tracer) {
        let key = self.key;
        match self.prepare(t) {
            Ok((tid, ending)) => {
                if let Some(entry) = t.entries.get_mut(&key) {
                    entry.process.agent = Some(Agent::new(self.seat, self.note.clone()));
                }
                t.inject_agent(key, tid, ending, Box::new(move |t, result| self.made(t, result)));
                t.settle(key);
            }
            Err(refusal) => {
                t.settle(key);
                (self.done)(Err(refusal));
            }
        }
    }

    /// The thread that is to make it, and how it will end.
    fn prepare(&self, t: &mut Tracer) -> Result<(Tid, Regs), Refusal> {
        let pid = self.key.0;
        if t.is_attached(self.key) {
            // Threads that nobody announced run, and are not to be overlooked.
            t.attach(self.key)?;
        }
        let process = &t.entries.get(&self.key).ok_or_else(|| Refusal::gone(pid))?.process;
        if process.agent.is_some() {
            return Err(busy(pid, "it has an agent already"));
        }
        let speaker = process.speaker(Some(self.seat)).ok_or_else(|| busy(pid, "it is not stopped: PCSTOP first"))?;
        match process.stand(Some(self.seat), speaker) {
            Some(Stand::Event(_) | Stand::Requested | Stand::Suspended) => {}
            Some(Stand::Job(_)) => return Err(busy(pid, "it is stopped by job control")),
            _ => return Err(busy(pid, "it is not stopped: PCSTOP first")),
        }
        let able = |tid: &Tid| {
            let thread = process.threads.get(tid).filter(|t| !t.injecting);
            thread.is_some_and(|t| match &t.state {
                State::Stopped(Stop::Within(_)) => process.passes(*tid),
                State::Stopped(stop) => *stop != Stop::Group,
                State::Running | State::Listening => false,
            })
        };
        if process.threads.values().any(|t| t.state == State::Stopped(Stop::Within(false))) {
            return Err(busy(pid, "it is in vfork, or ends"));
        }
        let mut makers = [speaker].into_iter().chain(process.threads.keys().copied()).filter(able).peekable();
        makers.peek().ok_or_else(|| busy(pid, "no thread of it stands where it could make a call for us"))?;
        let maker = makers.find(|tid| !inject::filtered(&self.proc, *tid));
        let maker =
            maker.ok_or_else(|| busy(pid, "it has a filter of system calls, which would judge the agent's end"))?;
        let regs = ptrace::user_regs(maker).map_err(|e| Refusal::os("read registers of", maker, &e))?;
        Ok((maker, ending(&self.proc, maker, &regs)?))
    }

    fn made(self, t: &mut Tracer, result: Result<i64, Refusal>) {
        let key = self.key;
        match result.and_then(|r| called("make an agent in", key.0, r)) {
            Ok(tid) => {
                let tid = tid as Tid;
                t.wait_for(key, Await::RestOf(tid), None, Box::new(move |t, result| self.stands(t, tid, result)));
            }
            Err(refusal) => self.failed(t, refusal),
        }
    }

    fn stands(self, t: &mut Tracer, tid: Tid, result: Result<(), Refusal>) {
        let Maker { key, edit, done, .. } = self;
        let result = result.and_then(|()| {
            let why = |e: io::Error| refused(tid, &e);
            let mut regs = ptrace::user_regs(tid).map_err(why)?;
            edit(&mut regs);
            regs.orig_rax = u64::MAX;
            ptrace::set_signal_mask(tid, !0).and_then(|()| ptrace::set_user_regs(tid, &regs)).map_err(why)
        });
        if let Some(entry) = t.entries.get_mut(&key) {
            entry.process.agent_stands(tid);
            if result.is_err() {
                entry.process.dismiss_agent(|_| true);
            }
        }
        t.settle(key);
        done(result);
    }

    fn failed(self, t: &mut Tracer, refusal: Refusal) {
        if let Some(entry) = t.entries.get_mut(&self.key) {
            entry.process.agent = None;
        }
        t.settle(self.key);
        let limits = matches!(refusal.errno, libc::EAGAIN | libc::ENOSPC);
        let errno = if limits { libc::ENOMEM } else { refusal.errno };
        (self.done)(Err(Refusal { errno, ..refusal }));
    }
}

impl Target {
    /// Calls back when thread `tid` is not, or no more, the agent of the process, or stands. The kernel shows a thread as gone
    /// a moment before it reports its end; whoever has seen that can wait here for the moment from which on the others may be run.
    pub fn when_no_agent(&self, tid: Tid, answer: impl FnOnce() + Send + 'static) {
        let key = key_of(self.proc());
        self.shared().queue.push(Box::new(move |t| {
            let process = t.entries.get(&key).map(|e| &e.process);
            match process.filter(|p| p.is_agent(tid)).and_then(|p| p.agent.as_ref()).map(|a| a.seat) {
                Some(seat) => {
                    t.wait_for(key, Await::See(seat, Some(tid), true), None, Box::new(move |_, _| answer()));
                    t.settle(key);
                }
                None => answer(),
            }
        }));
    }
}

/// The registers of the call that ends a thread, for one that has `regs`.
fn ending(proc: &Proc, maker: Tid, regs: &Regs) -> Result<Regs, Refusal> {
    let narrow = ptrace::is_narrow(regs);
    let gate =
        inject::gate(proc, maker, narrow).ok_or_else(|| busy(proc.pid() as Tid, "has no vdso to make a call from"))?;
    let mut end = Regs { rip: gate, orig_rax: u64::MAX, ..*regs };
    if narrow {
        (end.rax, end.rbx) = (1, 0);
    } else {
        (end.rax, end.rdi) = (libc::SYS_exit as u64, 0);
    }
    Ok(end)
}

/// What makes the agent: a thread like any of the process's own, but with nothing of the C library's in it.
pub(crate) const CLONE: Number = Number { x86_64: libc::SYS_clone, i386: 120 };
/// Flags of that call.
pub(crate) const FLAGS: i32 = libc::CLONE_VM
    | libc::CLONE_FS
    | libc::CLONE_FILES
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_SYSVSEM;

/// True for a call that the agent may not make: a child would be a copy of it, an exec would end all threads but it.
fn forbidden(call: &Call) -> bool {
    let exec = match call.abi {
        Abi::X86_64 => matches!(call.nr, 59 | 322),
        Abi::I386 => matches!(call.nr, 11 | 358),
    };
    exec || makes_process(call)
}

impl Tracer {
    /// At the entry of a call: one that the agent may not make ends with ENOTSUP instead of being made.
    pub(crate) fn forbid(&self, tid: Tid, call: &Call) -> io::Result<()> {
        if !self.has_agent(tid) || !forbidden(call) {
            return Ok(());
        }
        let mut regs = ptrace::user_regs(tid)?;
        (regs.orig_rax, regs.rax) = (u64::MAX, -i64::from(libc::ENOTSUP) as u64);
        ptrace::set_user_regs(tid, &regs)
    }

    fn has_agent(&self, tid: Tid) -> bool {
        let entry = self.tids.get(&tid).and_then(|key| self.entries.get(key));
        entry.is_some_and(|e| e.process.is_agent(tid))
    }

    /// Gives the agent the registers with which it ends.
    pub(crate) fn end_agent(&self, tid: Tid) -> io::Result<()> {
        let entry = self.tids.get(&tid).and_then(|key| self.entries.get(key));
        let agent = entry.and_then(|e| e.process.agent.as_ref());
        let Some(ending) = agent.and_then(|a| a.ending.as_ref()) else { return Ok(()) };
        ptrace::set_signal_mask(tid, !0)?;
        ptrace::set_user_regs(tid, &ending.regs)
    }

    /// EIO if a thread cannot be stepped. ENOTSUP if the agent's next instruction is a call that it may not make: a step over it would
    /// not be seen at its entry.
    pub(crate) fn may_step(&mut self, tid: Tid) -> Result<(), Refusal> {
        let Ok(regs) = ptrace::user_regs(tid) else { return Ok(()) };
        let why = || format!("step {tid}: the page that its next instruction lies in does not come");
        self.text_comes(tid, &regs).map_err(|_| Refusal::new(libc::EIO, why()))?;
        if !self.has_agent(tid) {
            return Ok(());
        }
        let Some(abi) = call_ahead(tid, &regs) else { return Ok(()) };
        if forbidden(&Call { nr: regs.rax & 0xffff_ffff, args: [0; 6], abi }) {
            return Err(Refusal::new(libc::ENOTSUP, format!("{tid}: the agent may not make this call")));
        }
        Ok(())
    }
}
