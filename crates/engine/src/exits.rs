//! The ends of calls that the kernel looks for ([`kernel::exits`]), where the seats of a process want nothing else of its calls:
//! the process runs free between them. Where that is not to be had, or could be noticed, each thread stops at each call instead,
//! and clients see no difference.

use crate::event::Call;
use crate::process::Exits as Wanted;
use crate::tracer::{Key, Tracer};
use abi::syscall::{set_number, Abi};
use kernel::exits::{self, Bits, Exits, CALLS};
use kernel::ledger;
use kernel::procfs::{self, Proc};
use kernel::ptrace::{self, Go, Tid};
use kernel::wait::Status;
use std::ffi::CString;
use std::io;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long the kernel's program stays attached when no process has a set: who takes sets away and wants them again would keep the
/// tracer busy with that.
const IDLE: Duration = Duration::from_millis(500);

/// What the kernel's program is to us.
#[derive(Default)]
pub(crate) enum Kernel {
    /// Nobody has needed it.
    #[default]
    Untried,
    /// Not to be had.
    Refused,
    /// Loaded.
    Ready(Exits),
}

impl Kernel {
    fn get(&mut self) -> Option<&mut Exits> {
        if let Kernel::Untried = self {
            *self = Exits::new().map_or(Kernel::Refused, Kernel::Ready);
        }
        match self {
            Kernel::Ready(exits) => Some(exits),
            _ => None,
        }
    }

    /// When the program is to be detached, if nobody needs it until then.
    pub fn due(&self) -> Option<Instant> {
        match self {
            Kernel::Ready(exits) => exits.idle().map(|since| since + IDLE),
            _ => None,
        }
    }

    /// Detaches it if it is time.
    pub fn rest(&mut self) {
        if let (Some(due), Kernel::Ready(exits)) = (self.due(), self) {
            if due <= Instant::now() {
                exits.rest();
            }
        }
    }
}

/// How the ends of a process's calls are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Armed {
    /// The kernel may: not decided as long as no seat wants what it could do.
    may: Option<bool>,
    /// The set that it was given.
    set: Option<Wanted>,
}

const CONT: u64 = 1 << (libc::SIGCONT - 1);

/// By these a program can come to miss a SIGCONT: they end in a stop too, for another look. rt_sigaction, rt_sigtimedwait,
/// signalfd, signalfd4, and signal, sigaction, rt_sigaction, rt_sigtimedwait, signalfd, signalfd4, rt_sigtimedwait_time64.
const TELLING: (&[usize], &[usize]) = (&[13, 128, 282, 289], &[48, 67, 174, 177, 321, 327, 421]);

fn bits(wanted: &Wanted) -> Bits {
    static NARROW: OnceLock<Vec<u64>> = OnceLock::new();
    let narrow = NARROW.get_or_init(|| (0..CALLS as u64).map(|nr| set_number(Abi::I386, nr)).collect());
    let mut bits = Bits::NONE;
    let put = |to: &mut [u64], nr: usize| to[nr / 64] |= 1 << (nr % 64);
    let (own, named) = (|nr: usize| wanted.own.has(nr as u64), |nr: u64| wanted.named.has(nr));
    (0..CALLS).filter(|nr| own(*nr) || named(*nr as u64)).for_each(|nr| put(&mut bits.wide, nr));
    (0..CALLS).filter(|nr| own(*nr) || named(narrow[*nr])).for_each(|nr| put(&mut bits.narrow, nr));
    TELLING.0.iter().for_each(|nr| put(&mut bits.wide, *nr));
    TELLING.1.iter().for_each(|nr| put(&mut bits.narrow, *nr));
    bits
}

/// True if nobody in the process could miss a SIGCONT that a stop signal takes out of its queue: none catches it, and some thread
/// does not block it. The first process of all gets no signals that it does not want.
fn misses_nothing(proc: &Proc) -> bool {
    let mask = |status: &[u8], name: &str| {
        let text = procfs::field(status, name).and_then(|f| std::str::from_utf8(f).ok()).unwrap_or_default();
        u64::from_str_radix(text.trim(), 16).unwrap_or(u64::MAX)
    };
    let status = proc.status().unwrap_or_default();
    if proc.pid() == 1 || mask(&status, "SigCgt") & CONT != 0 {
        return false;
    }
    let of = |tid: u32| {
        let path = CString::new(format!("task/{tid}/status")).unwrap_or_default();
        procfs::read_at(proc.dir(), &path).unwrap_or_default()
    };
    mask(&status, "SigBlk") & CONT == 0
        || proc.tasks().unwrap_or_default().into_iter().any(|tid| mask(&of(tid), "SigBlk") & CONT == 0)
}

/// True for a 32-bit process: the words of its auxiliary vector are short, so that the first two are not one small number.
fn is_narrow(proc: &Proc) -> bool {
    let auxv = proc.read_of_any("auxv").unwrap_or_default();
    auxv.first_chunk().is_some_and(|first| u64::from_ne_bytes(*first) >> 32 != 0)
}

impl Tracer {
    /// Gives the kernel the set that the seats want, if it is to look at all. To be called before threads are set going.
    pub fn arm_exits(&mut self, key: Key) {
        let ours = self.is_wholly_ours(key);
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let process = &mut entry.process;
        let wanted = process.exits().filter(|_| process.ended.is_none() && ours);
        if wanted.is_none() && entry.exits == Armed::default() {
            return;
        }
        let mut armed = entry.exits;
        armed.may = match (wanted, armed.may) {
            (None, _) => None,
            (_, Some(false)) => Some(false),
            (set, may) if may.is_some() && set == armed.set => may,
            (Some(set), _) => {
                let fit = !set.strange(is_narrow(&entry.proc)) && misses_nothing(&entry.proc);
                Some(fit && self.kernel_exits.get().is_some())
            }
        };
        if let (Some(set), Some(true)) = (wanted, armed.may) {
            if armed.set != Some(set) {
                let done = self.kernel_exits.get().map(|k| k.arm(key.0, &bits(&set)));
                // What it does while it is armed is seen; what it has done just before is looked at again.
                if matches!(done, Some(Ok(()))) && (armed.set.is_some() || misses_nothing(&entry.proc)) {
                    armed.set = Some(set);
                } else {
                    if let Some(kernel) = self.kernel_exits.get() {
                        kernel.disarm(key.0);
                    }
                    (armed.set, armed.may) = (None, Some(false));
                }
            }
        }
        if let Some(kernel) = self.kernel_exits.get().filter(|_| armed.set.is_some()) {
            kernel.stopped_by_others(key.0, process.job);
        }
        process.kernel_exits = armed.may == Some(true);
        entry.exits = armed;
    }

    /// Takes the set back when no thread is watched for it any more.
    pub fn disarm_exits(&mut self, key: Key) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let process = &entry.process;
        if entry.exits.set.is_none() || process.kernel_exits {
            return;
        }
        let unwanted = process.seats.values().all(|s| s.exits.is_empty());
        if unwanted || !process.threads.values().any(|t| matches!(t.go, Go::Exits(_))) {
            entry.exits.set = None;
            if let Some(kernel) = self.kernel_exits.get() {
                kernel.disarm(key.0);
            }
        }
    }

    /// Takes the set back at once: a thread that is not ours may soon have the number of one that is watched, by an exec, and its
    /// carrier would be taken by nobody.
    pub fn withdraw_exits(&mut self, key: Key) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        if std::mem::take(&mut entry.exits).set.is_some() {
            if let Some(kernel) = self.kernel_exits.get() {
                kernel.disarm(key.0);
            }
        }
        entry.process.kernel_exits = false;
    }

    /// The kernel shall not look for the ends of this process's calls as long as a seat wants them.
    fn refuse_exits(&mut self, key: Key) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.exits.may = Some(false);
            (entry.process.kernel_exits, entry.process.stirred) = (false, true);
        }
    }

    /// After an exec all is decided anew.
    pub fn reconsider_exits(&mut self, key: Key) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.exits.may = None;
        }
    }

    /// How a thread is really to be set going: one whose call would end unseen by the kernel stops at the ends of calls itself.
    pub fn follow_interrupted(&mut self, tid: Tid, how: Go, signal: i32) -> Go {
        let Go::Exits(_) = how else { return how };
        let Some(call) = self.interrupted(tid, signal) else { return how };
        self.change(tid, |process| process.follow_call(tid, call));
        Go::Syscall
    }

    /// Sets a thread going. One that cannot be watched for the ends of its calls stops at each of them instead.
    pub fn resume(&mut self, tid: Tid, how: Go, signal: i32) -> io::Result<()> {
        match ptrace::resume(tid, how, signal) {
            Err(e) if matches!(how, Go::Exits(_)) && e.raw_os_error() != Some(libc::ESRCH) => {
                self.too_many(tid);
                ptrace::resume(tid, Go::Syscall, signal)
            }
            result => result,
        }
    }

    /// The same for one that runs.
    pub fn watch_exits(&mut self, tid: Tid) -> io::Result<()> {
        let Some(key) = self.tid_key(tid) else { return Ok(()) };
        if exits::watch(key.0, tid).is_err() {
            self.too_many(tid);
        }
        Ok(())
    }

    fn too_many(&mut self, tid: Tid) {
        if let Some(key) = self.tid_key(tid) {
            self.refuse_exits(key);
        }
        self.change(tid, |process| {
            if let Some(thread) = process.threads.get_mut(&tid) {
                thread.go = Go::Cont;
            }
        });
    }

    fn change(&mut self, tid: Tid, change: impl FnOnce(&mut crate::process::Process)) {
        let Some(key) = self.tid_key(tid) else { return };
        if let Some(entry) = self.entries.get_mut(&key) {
            change(&mut entry.process);
        }
    }

    /// A stop: the call whose end is behind it, if any, is told to the process. True if the stop is the carrier's.
    pub fn take_exit(&mut self, key: Key, tid: Tid, status: Status) -> bool {
        let Some(entry) = self.entries.get_mut(&key) else { return false };
        let Some(thread) = entry.process.threads.get_mut(&tid) else { return false };
        if ledger::exits_for(tid).is_none() && !thread.carrier {
            return false;
        }
        let ended = exits::take(tid);
        let stopped = status == Status::Stopped(libc::SIGSTOP, 0);
        let carrier = stopped
            && (ended.is_some() || thread.carrier)
            && ptrace::siginfo(tid).is_ok_and(|i| ptrace::is_carrier(i.si_signo, i.si_code));
        if carrier {
            thread.carrier = false;
            ledger::owe(tid, 0);
        } else if ended.is_some() || thread.carrier {
            thread.carrier = ptrace::carrier_pending(tid);
        }
        ledger::carrier(tid, thread.carrier);
        let Some(ended) = ended else { return carrier };
        let call = ptrace::user_regs(tid).ok().map(|regs| Call::of(&regs));
        let Some(call) = call else { return carrier };
        let telling = if ended.narrow { TELLING.1 } else { TELLING.0 };
        if telling.contains(&(ended.nr as usize)) && !misses_nothing(&entry.proc) {
            self.refuse_exits(key);
        }
        let again = ended.result == -i64::from(libc::EINTR) && self.repair_eintr(tid).unwrap_or(false);
        if !again {
            self.change(tid, |process| process.ended_call(tid, call, ended.result));
        }
        carrier
    }

    /// The call that the thread stands in and that it will not end under its own number, or not at all: the kernel makes it again as
    /// restart_syscall, or a handler of `signal` ends it with EINTR.
    fn interrupted(&self, tid: Tid, signal: i32) -> Option<Call> {
        const ERESTART_RESTARTBLOCK: i32 = -516;
        let regs = ptrace::user_regs(tid).ok()?;
        let call = self.queue.restarts.slept_in(tid, &regs);
        call.filter(|_| signal != 0 || regs.rax as i32 == ERESTART_RESTARTBLOCK)
    }
}
