//! One system call made by a stopped thread on our behalf, after which it stands exactly as before.
//!
//! The thread steps over a `syscall` (or `int 0x80`) instruction of its vdso with all signals blocked; registers, mask and the
//! signal it was about to get are put back at the stop behind it, where the kernel still restarts an interrupted call.
//!
//! A thread that stands at the entry of a system call makes ours in its place, and then comes to the same entry again: it is sent
//! back to the instruction, with nothing changed. That is also what is owed to it meanwhile.

use crate::agent::{self, Ending};
use crate::error::Refusal;
use crate::pages::TRAP;
use crate::process::{Await, State, Stop};
use crate::tracer::{Key, Tracer};
use kernel::apart::Unfinished;
use kernel::ledger::{self, Loan, Regs};
use kernel::lifted::Words;
use kernel::procfs::{self, Proc};
use kernel::ptrace::{self, Go, Tid};
use kernel::reach;
use kernel::wait::Status;
use std::ffi::CString;
use std::io;
use std::os::fd::AsFd;

/// What is done with the result of a call.
pub(crate) type Done = Box<dyn FnOnce(&mut Tracer, Result<i64, Refusal>)>;

/// A call under way.
pub(crate) struct Injection {
    key: Key,
    loan: Box<Loan>,
    /// Signals that no mask holds back and that came before the call: sent again behind it.
    early: Vec<i32>,
    /// The thread that the call has made.
    made: Option<Tid>,
    /// The registers at the entry of a call, where the thread is to stand again.
    entry: Option<Regs>,
    /// It is on its way back there.
    back: bool,
    /// What the call returned.
    result: io::Result<i64>,
    done: Done,
}

impl Injection {
    /// How the thread is set going again after a stop in between.
    pub fn go(&self) -> Go {
        if self.back {
            Go::Syscall
        } else {
            Go::Step
        }
    }
}

/// Memory that the call is lent besides: a descriptor of it, the address, and what stood there.
pub(crate) type Memory = (i32, u64, ledger::Lent);

/// The numbers of one call in both tables.
#[derive(Clone, Copy)]
pub(crate) struct Number {
    pub x86_64: i64,
    pub i386: i64,
}

/// A call to be made.
struct Wanted {
    nr: Number,
    args: [u64; 6],
    lent: Option<Memory>,
    /// Where the thread that it makes is sent to end.
    born: Option<Regs>,
}

const AT_SYSINFO_EHDR: u64 = 33;

/// The path of a file of one thread: those of the process lead nowhere where its first thread has ended.
fn path(tid: Tid, name: &str) -> CString {
    CString::new(format!("task/{tid}/{name}")).unwrap_or_default()
}

/// Address of a system-call instruction in the vdso of a thread.
pub(crate) fn gate(proc: &Proc, tid: Tid, narrow: bool) -> Option<u64> {
    let auxv = procfs::read_at(proc.dir(), &path(tid, "auxv")).ok()?;
    let word = if narrow { 4 } else { 8 };
    let number = |b: &[u8]| b.iter().rev().fold(0u64, |n, byte| n << 8 | u64::from(*byte));
    let vdso = auxv
        .chunks_exact(2 * word)
        .find(|pair| number(&pair[..word]) == AT_SYSINFO_EHDR)
        .map(|pair| number(&pair[word..]))?;
    let mem = procfs::openat(proc.dir(), &path(tid, "mem"), libc::O_RDONLY).ok()?;
    let image = reach::read(tid, mem.as_fd(), vdso, 8192).ok()?;
    let instruction: [u8; 2] = if narrow { [0xcd, 0x80] } else { [0x0f, 0x05] };
    let at = image.windows(2).position(|w| w == instruction)?;
    Some(vdso + at as u64)
}

/// PTRACE_O_SUSPEND_SECCOMP: a filter of the target would judge our call as its own. Needs CAP_SYS_ADMIN.
const SUSPEND_SECCOMP: i32 = 1 << 21;

/// EBUSY for a process that ignores SIGTRAP: with the trap of a step, be it ours, the kernel sets the disposition to default.
pub(crate) fn forgets_nothing(proc: &Proc) -> Result<(), Refusal> {
    let stat = procfs::read_at(proc.dir(), c"stat").unwrap_or_default();
    let mask = procfs::Stat::parse(&stat).and_then(|s| s.ignored()).unwrap_or(0);
    if mask >> (libc::SIGTRAP - 1) & 1 == 1 {
        let text =
            format!("{}: it ignores SIGTRAP, and a step or a call of ours would make it forget that", proc.pid());
        return Err(Refusal::new(libc::EBUSY, text));
    }
    Ok(())
}

/// True if the thread has a filter of system calls, which others of its process need not have; also if it is not known.
pub(crate) fn filtered(proc: &Proc, tid: Tid) -> bool {
    let status = procfs::read_at(proc.dir(), &path(tid, "status")).unwrap_or_default();
    procfs::field(&status, "Seccomp").is_none_or(|f| f.trim_ascii() != b"0")
}

/// Everything but the lent memory, whose lender knows when. It fails only if the thread is dead.
fn give_back(tid: Tid, loan: &Loan, regs: &Regs) {
    let _ = ptrace::set_user_regs(tid, regs);
    let _ = ptrace::set_signal_mask(tid, loan.mask);
    if let Some(dispatch) = &loan.dispatch {
        let _ = ptrace::set_dispatch(tid, dispatch);
    }
    if let Some(info) = &loan.info {
        let _ = ptrace::set_siginfo(tid, info);
    }
    ledger::owe(tid, loan.info.map_or(0, |i| i.si_signo));
    ledger::repaid(tid);
}

/// The registers with which a thread that stands at the entry of a call comes to it again. None for one that is not to be made
/// any more, and if the instruction is not where it must be.
fn again(proc: &Proc, tid: Tid, regs: &Regs) -> Option<Regs> {
    let instruction: [u8; 2] = if ptrace::is_narrow(regs) { [0xcd, 0x80] } else { [0x0f, 0x05] };
    let rip = regs.rip.wrapping_sub(2);
    let mem = procfs::openat(proc.dir(), &path(tid, "mem"), libc::O_RDONLY).ok()?;
    let there = reach::read(tid, mem.as_fd(), rip, 2).ok()? == instruction;
    let made = regs.orig_rax as i32 >= 0;
    (there && made).then_some(Regs { rip, rax: regs.orig_rax, orig_rax: u64::MAX, ..*regs })
}

/// The registers with which a thread goes on behind its stop. In a restartable sequence that is where it is aborted: the kernel
/// does that at the return from any stop, and would find the thread elsewhere, and forget it, at the return to a call of ours.
fn aborted(tid: Tid, regs: Regs) -> io::Result<Regs> {
    // `rseq_cs` in `struct rseq`; `start_ip`, `post_commit_offset` and `abort_ip` in `struct rseq_cs`.
    const RSEQ_CS: u64 = 8;
    let word = |at: u64| reach::Others.peek(tid, at);
    let Some(rseq) = ptrace::rseq(tid) else { return Ok(regs) };
    let section = word(rseq.wrapping_add(RSEQ_CS))?;
    if section == 0 {
        return Ok(regs);
    }
    let (start, length) = (word(section.wrapping_add(8))?, word(section.wrapping_add(16))?);
    let inside = regs.rip.wrapping_sub(start) < length;
    let rip = if inside { word(section.wrapping_add(24))? } else { regs.rip };
    Ok(Regs { rip, ..regs })
}

impl Tracer {
    /// Makes thread `tid`, which must stand, do one call. `done` gets its result (negative errno on failure).
    pub fn inject(&mut self, key: Key, tid: Tid, nr: Number, args: [u64; 6], lent: Option<Memory>, done: Done) {
        self.inject_call(key, tid, Wanted { nr, args, lent, born: None }, done);
    }

    /// Makes thread `tid` make the agent of its process, which can end with the registers `born`. `done` gets its thread id.
    pub fn inject_agent(&mut self, key: Key, tid: Tid, born: Regs, done: Done) {
        let args = [agent::FLAGS as u64, 0, 0, 0, 0, 0];
        self.inject_call(key, tid, Wanted { nr: agent::CLONE, args, lent: None, born: Some(born) }, done);
    }

    fn inject_call(&mut self, key: Key, tid: Tid, wanted: Wanted, done: Done) {
        Unfinished::goes_on();
        if self.pass_exit(key, tid) {
            let again = move |t: &mut Tracer, result: Result<(), Refusal>| match result {
                Ok(()) => t.inject_call(key, tid, wanted, done),
                Err(refusal) => done(t, Err(refusal)),
            };
            self.wait_for(key, Await::RestOf(tid), None, Box::new(again));
            return;
        }
        match self.begin(key, tid, wanted) {
            Ok((loan, entry)) => {
                let injection =
                    Injection { key, loan, early: Vec::new(), made: None, entry, back: false, result: Ok(0), done };
                self.injections.insert(tid, injection);
            }
            Err(refusal) => done(self, Err(refusal)),
        }
    }

    /// The call has made a thread. It is ours, and in the ledger, before its maker goes on.
    fn injection_made(&mut self, maker: Tid) {
        let Some(injection) = self.injections.get_mut(&maker) else { return };
        let (Some(born), Ok(new)) = (&injection.loan.born, ptrace::event_message(maker)) else { return };
        let (new, key) = (new as Tid, injection.key);
        let ending = Ending::of(new, born);
        injection.made = Some(new);
        self.tids.insert(new, key);
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.process.agent_born(new, ending);
        }
    }

    /// A thread that stands at the exit of a system call, or inside one, goes on to the end of the call, before its first
    /// instruction, where registers can be put back whatever has happened to them. True if it is on its way there.
    fn pass_exit(&mut self, key: Key, tid: Tid) -> bool {
        if !self.entries.get(&key).is_some_and(|e| e.process.passes(tid)) {
            return false;
        }
        self.leaves(tid);
        if ptrace::interrupt(tid).and_then(|()| ptrace::resume(tid, Go::Cont, 0)).is_err() {
            return false;
        }
        if let Some(thread) = self.entries.get_mut(&key).and_then(|e| e.process.threads.get_mut(&tid)) {
            (thread.state, thread.interrupt) = (State::Running, true);
        }
        true
    }

    fn begin(&mut self, key: Key, tid: Tid, wanted: Wanted) -> Result<(Box<Loan>, Option<Regs>), Refusal> {
        let Wanted { nr, args, lent: memory, born } = wanted;
        let os = |e: io::Error| Refusal::os("make a call in", tid, &e);
        let busy = |why: &str| Refusal::new(libc::EBUSY, format!("{tid}: {why}"));
        let entry = self.entries.get_mut(&key).ok_or_else(|| Refusal::gone(key.0))?;
        let proc = entry.proc.clone();
        let options = entry.process.options();
        forgets_nothing(&proc)?;
        let thread = entry.process.threads.get_mut(&tid).ok_or_else(|| Refusal::gone(tid))?;
        let (at_signal, at_entry) = match &thread.state {
            State::Stopped(Stop::Plain) => (false, false),
            State::Stopped(Stop::Signal(..)) => (true, false),
            State::Stopped(Stop::Entry) => (false, true),
            State::Stopped(Stop::Exit | Stop::Within(_)) => {
                return Err(busy("stands inside a system call: run it past that first"))
            }
            State::Stopped(Stop::Group) | State::Listening => return Err(busy("is stopped by job control")),
            State::Running => return Err(busy("is not stopped: write stop first")),
        };
        if thread.injecting {
            return Err(busy("is making another call for us"));
        }
        let regs = ptrace::user_regs(tid).map_err(os)?;
        let narrow = ptrace::is_narrow(&regs);
        let gate = gate(&proc, tid, narrow).ok_or_else(|| busy("has no vdso to make a call from"))?;
        let mask = ptrace::signal_mask(tid).map_err(os)?;
        let info = if at_signal { Some(ptrace::siginfo(tid).map_err(os)?) } else { None };
        let dispatch = ptrace::dispatch(tid);
        if dispatch.is_some_and(|d| ptrace::set_dispatch(tid, &d).is_err()) {
            return Err(busy("hands its system calls to itself in a way that we could not put back"));
        }

        let again = if at_entry {
            let again = again(&proc, tid, &regs)
                .ok_or_else(|| busy("stands at the entry of a call that cannot be made again"))?;
            Some(again)
        } else {
            None
        };
        let after = match again {
            Some(again) => again,
            None => aborted(tid, regs).map_err(os)?,
        };
        let mut call = regs;
        (call.rip, call.orig_rax) = (gate, u64::MAX);
        if narrow {
            call.rax = nr.i386 as u64;
            [call.rbx, call.rcx, call.rdx, call.rsi, call.rdi, call.rbp] = args;
        } else {
            call.rax = nr.x86_64 as u64;
            [call.rdi, call.rsi, call.rdx, call.r10, call.r8, call.r9] = args;
        }
        if at_entry {
            (call.rip, call.orig_rax, call.rax) = (regs.rip, call.rax, regs.rax);
        }
        self.text_comes(tid, &call).map_err(os)?;
        if filtered(&proc, tid) && ptrace::set_options(tid, options | SUSPEND_SECCOMP).is_err() {
            return Err(busy("has a filter of system calls that we may not suspend"));
        }
        let loan = Box::new(Loan { regs: after, mask, dispatch, info, memory, born });
        ledger::lend(tid, &loan);
        let direct = if dispatch.is_some() { ptrace::set_dispatch(tid, &[0; 4]) } else { Ok(()) };
        let started = direct
            .and_then(|()| ptrace::set_signal_mask(tid, !TRAP))
            .and_then(|()| ptrace::set_user_regs(tid, &call))
            .and_then(|()| ptrace::resume(tid, Go::Step, 0));
        if let Err(e) = started {
            give_back(tid, &loan, &regs);
            let _ = ptrace::set_options(tid, options);
            return Err(os(e));
        }
        if let Some(thread) = self.entries.get_mut(&key).and_then(|e| e.process.threads.get_mut(&tid)) {
            thread.injecting = true;
        }
        Ok((loan, at_entry.then_some(regs)))
    }

    /// A report of a thread in which a call is under way. True if that was its end (or a stop that belongs to it).
    pub fn injected(&mut self, tid: Tid, status: Status) -> bool {
        if let Status::Stopped(_, libc::PTRACE_EVENT_STOP) = status {
            // An INTERRUPT that was already on its way; the instruction is still to come.
            if let Some(injection) = self.injections.get(&tid) {
                let thread = self.entries.get_mut(&injection.key).and_then(|e| e.process.threads.get_mut(&tid));
                if let Some(t) = thread {
                    t.interrupt = false;
                }
                let _ = ptrace::resume(tid, injection.go(), 0);
            }
            return true;
        }
        if let Status::Stopped(_, libc::PTRACE_EVENT_CLONE) = status {
            self.injection_made(tid);
            let _ = ptrace::resume(tid, Go::Step, 0);
            return true;
        }
        if let (Status::Stopped(signal, 0), Some(injection)) = (status, self.injections.get_mut(&tid)) {
            let info = ptrace::siginfo(tid);
            if info.as_ref().is_ok_and(ptrace::is_watch_trap) {
                // Of an access before the call.
                let _ = ptrace::resume(tid, injection.go(), 0);
                return true;
            }
            if ptrace::is_requeued(tid, signal) {
                let _ = ptrace::resume(tid, injection.go(), signal);
                return true;
            }
            // SIGSTOP cannot be blocked, and SIGTRAP must not be: one that was pending is no step.
            let stepped = info.is_ok_and(|i| ptrace::is_step_trap(signal, i.si_code));
            if !stepped && (signal == libc::SIGSTOP || signal == libc::SIGTRAP) {
                injection.early.push(signal);
                let _ = ptrace::resume(tid, injection.go(), 0);
                return true;
            }
        }
        let Some(injection) = self.injections.get_mut(&tid) else { return false };
        if !injection.back {
            injection.result = ptrace::user_regs(tid).map(|r| r.rax as i64);
            injection.back = injection.entry.is_some();
            if injection.back {
                let sent = ptrace::set_user_regs(tid, &injection.loan.regs);
                let _ = sent.and_then(|()| ptrace::resume(tid, Go::Syscall, 0));
                return true;
            }
        }
        let Some(injection) = self.injections.remove(&tid) else { return false };
        // What our call has touched concerns nobody.
        self.touched(injection.key, tid);
        give_back(tid, &injection.loan, injection.entry.as_ref().unwrap_or(&injection.loan.regs));
        if let Some(entry) = self.entries.get(&injection.key) {
            let _ = ptrace::set_options(tid, entry.process.options());
        }
        if let Some(t) = self.entries.get_mut(&injection.key).and_then(|e| e.process.threads.get_mut(&tid)) {
            t.injecting = false;
        }
        for signal in injection.early {
            let _ = kernel::thread::tgkill(injection.key.0, tid, signal);
        }
        let result = injection.result.map_err(|e| Refusal::os("make a call in", tid, &e));
        let result = result.map(|result| injection.made.map_or(result, i64::from));
        (injection.done)(self, result);
        true
    }

    /// The thread died in the middle of it.
    pub fn injection_died(&mut self, tid: Tid) {
        if let Some(injection) = self.injections.remove(&tid) {
            ledger::repaid(tid);
            (injection.done)(self, Err(Refusal::gone(tid)));
        }
    }
}
