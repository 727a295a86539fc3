//! Watched areas by a look at each instruction before it is made: what neither registers nor pages cover. All threads of the process
//! go step by step, some fifty microseconds each, and the traps of these steps are nobody's.
//!
//! Nothing is changed in the process, so there is nothing to undo. What the kernel touches in a call of the process's is not seen.

use crate::event::Call;
use crate::inject::forgets_nothing;
use crate::operands;
use crate::pages::{memory_of, sigtrap_waits, TRAP};
use crate::seat::Seat;
use crate::tracer::{is_call, Key, Tracer};
use crate::turns::status_mask;
use crate::watch::Hit;
use crate::watching::areas;
use kernel::ledger::{self, Regs};
use kernel::procfs::Proc;
use kernel::ptrace::{self, is_narrow, Go, Tid};
use kernel::reach;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// How a process is looked at.
pub(crate) struct Looking {
    /// Its memory.
    mem: OwnedFd,
    /// It was about to say what it does with SIGTRAP.
    decides: bool,
}

/// What a thread is to do next.
enum Next {
    /// A call.
    Call,
    /// An instruction, which touches this.
    Step(Option<Hit>),
    /// To get a trap of ours that is on its way.
    Trap,
}

impl Tracer {
    /// Has every instruction of the process looked at, or none. EBUSY for a process that ignores SIGTRAP: a step would make it forget
    /// that.
    pub fn look_at_all(&mut self, key: Key, on: bool) -> io::Result<()> {
        let Some(entry) = self.entries.get_mut(&key) else { return Ok(()) };
        entry.process.looks = false;
        let before = self.watching.looking.remove(&key);
        if !on {
            return Ok(());
        }
        forgets_nothing(&entry.proc).map_err(|e| io::Error::from_raw_os_error(e.errno))?;
        let mem = before.map_or_else(|| memory_of(entry), |l| Ok(l.mem))?;
        self.watching.looking.insert(key, Looking { mem, decides: false });
        entry.process.looks = true;
        Ok(())
    }

    /// Sets a thread of a process that is looked at going by one instruction, or to the beginning or end of a call. None: it is not
    /// looked at, or cannot be.
    pub fn look(&mut self, tid: Tid, signal: i32) -> Option<io::Result<()>> {
        let key = self.tid_key(tid)?;
        let looking = self.watching.looking.get_mut(&key)?;
        let entry = self.entries.get_mut(&key)?;
        if std::mem::take(&mut looking.decides) && forgets_nothing(&entry.proc).is_err() {
            // Watched no more, until the next PCWATCH.
            let thread = entry.process.threads.get_mut(&tid)?;
            (thread.go, thread.looked) = (Go::Cont, false);
            entry.process.stirred = true;
            let _ = self.look_at_all(key, false);
            return Some(ptrace::resume(tid, Go::Cont, signal));
        }
        let regs = ptrace::user_regs(tid).ok()?;
        let next = if signal != 0 && is_caught(&entry.proc, tid, signal) {
            Next::Step(None)
        } else if self.watching.hits.contains_key(&tid) {
            Next::Trap
        } else {
            let text = reach::read(tid, looking.mem.as_fd(), regs.rip, operands::LONGEST).unwrap_or_default();
            match Call::slept_in(&regs).is_some() || is_call(&text, is_narrow(&regs)).is_some() {
                true => Next::Call,
                false => Next::Step(areas(&entry.process).and_then(|a| a.touched(&operands::touched(&text, &regs)))),
            }
        };
        let thread = entry.process.threads.get_mut(&tid)?;
        Some(match next {
            // The step of a client makes it as any other instruction.
            Next::Call if thread.steps.is_none() => {
                looking.decides = sets_sigtrap(&regs);
                thread.go = Go::Syscall;
                ptrace::resume(tid, Go::Syscall, signal)
            }
            Next::Call | Next::Step(None) => self.step(tid, signal),
            Next::Trap => self.let_trap_in(tid).and_then(|()| ptrace::resume(tid, Go::Cont, signal)),
            Next::Step(Some(hit)) => self.touch(key, tid, hit, signal),
        })
    }

    /// The next instruction touches a watched area: the thread gets the trap of that, before or behind it.
    fn touch(&mut self, key: Key, tid: Tid, hit: Hit, signal: i32) -> io::Result<()> {
        let Some(entry) = self.entries.get(&key) else { return Ok(()) };
        let traced = |seat: &Seat| seat.faults.has(u64::from(abi::fault::WATCH));
        let blocked = ptrace::signal_mask(tid).is_ok_and(|mask| mask & TRAP != 0);
        // The one that waits stands for this touch too.
        if blocked && sigtrap_waits(&entry.proc, tid) {
            return self.step(tid, signal);
        }
        let heard = !blocked || entry.process.seats.values().any(traced);
        // Told before it by a signal that does not come, it would never be made.
        if !hit.after && heard && self.send_touch(key, tid, hit).is_ok() {
            self.let_trap_in(tid)?;
            return ptrace::resume(tid, Go::Cont, signal);
        }
        let thread = self.entries.get_mut(&key).and_then(|e| e.process.threads.get_mut(&tid));
        let Some(thread) = thread.filter(|_| ledger::arm(tid)) else { return self.step(tid, signal) };
        thread.watched = true;
        self.watching.behind.insert(tid, Hit { after: true, ..hit });
        self.step(tid, signal)
    }

    /// True if a trap that the thread is about to get is that of a step which is nobody's.
    pub fn is_of_look(&self, key: Key, tid: Tid) -> bool {
        let thread = self.entries.get(&key).and_then(|e| e.process.threads.get(&tid));
        thread.is_some_and(|t| t.looked && t.steps.is_none())
            && ledger::is_stepping(tid)
            && !self.watching.behind.contains_key(&tid)
            && ptrace::siginfo(tid).is_ok_and(|i| ptrace::is_step_trap(i.si_signo, i.si_code))
    }
}

/// True if a handler of the process will run for the signal.
fn is_caught(proc: &Proc, tid: Tid, signal: i32) -> bool {
    status_mask(proc, tid, "SigCgt") >> ((signal - 1) & 63) & 1 == 1
}

/// True if these are the registers of a call that says what is to be done with SIGTRAP.
fn sets_sigtrap(regs: &Regs) -> bool {
    // rt_sigaction; signal, sigaction and rt_sigaction of the other table.
    let (number, signal, calls): (_, _, &[u64]) =
        if is_narrow(regs) { (regs.rax, regs.rbx, &[48, 67, 174]) } else { (regs.rax, regs.rdi, &[13]) };
    calls.contains(&number) && signal as i32 == libc::SIGTRAP
}
