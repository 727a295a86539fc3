//! What the tracer owes its tracees, kept where a signal handler can read it: `release_all` pays it when the rest of the
//! daemon was killed. Whoever is not in here is let go by the kernel, unharmed, when the tracer ends.
//!
//! Only the tracer writes, and the handler runs in the tracer itself, so the two never run at once; a row that is half
//! written can be met, which is why each field says by itself what is to be done.

use crate::lifted::Lifted;
use crate::ptrace::{self, Dispatch, Tid};
use crate::{exits, lifeline};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Threads that can be owed something at once. For one more, the kernel's own behaviour has to do.
const ROWS: usize = 4096;
/// Rows that are looked at for one thread.
const PROBES: usize = 32;

struct Row {
    tid: AtomicI32,
    /// The signal that was taken from the kernel and is to be passed on.
    owed: AtomicI32,
    /// The trap flag is set: nothing but a detach or a resumption by us takes it off.
    step: AtomicBool,
    /// Signals that are let in and to be blocked again; 0 for none.
    lifted: AtomicU64,
    /// The mask they were in.
    mask: AtomicU64,
    /// What an injected call has changed; null for nothing.
    loan: AtomicPtr<Loan>,
    /// The end of a thread that is ours and not the program's; null for one that is the program's.
    end: AtomicPtr<Regs>,
    /// Debug registers were written: the kernel leaves them as they are when the tracer goes.
    watched: AtomicBool,
    /// A trap of a watched area may be on its way to the thread, or be what it stands on.
    armed: AtomicBool,
    /// The process by which the ends of the thread's calls are looked for (see [`crate::exits`]), 0 if they are not.
    exits: AtomicI32,
    /// A carrier is in its queue, or may be.
    carrier: AtomicBool,
}

/// What an injected call has borrowed of a thread.
pub struct Loan {
    /// Registers to put back.
    pub regs: Regs,
    /// Signal mask to put back.
    pub mask: u64,
    /// Its dispatch of system calls to put back.
    pub dispatch: Option<Dispatch>,
    /// The signal that the thread was about to get.
    pub info: Option<libc::siginfo_t>,
    /// Bytes of the target's memory to put back: an open descriptor of it, address, bytes.
    pub memory: Option<(i32, u64, Lent)>,
    /// The call makes a thread that is ours: where it is sent to end, see [`ends`].
    pub born: Option<Regs>,
}

/// General registers, in the 64-bit layout.
pub type Regs = libc::user_regs_struct;

/// What stood where an injected call is lent memory.
pub type Lent = [u8; 128];

static TABLE: [Row; ROWS] = [const {
    Row {
        tid: AtomicI32::new(0),
        owed: AtomicI32::new(0),
        step: AtomicBool::new(false),
        lifted: AtomicU64::new(0),
        mask: AtomicU64::new(0),
        loan: AtomicPtr::new(std::ptr::null_mut()),
        end: AtomicPtr::new(std::ptr::null_mut()),
        watched: AtomicBool::new(false),
        armed: AtomicBool::new(false),
        exits: AtomicI32::new(0),
        carrier: AtomicBool::new(false),
    }
}; ROWS];

/// Rows that have a thread; never less, whenever it is read. Mostly there is none, and nobody to be looked for.
static USED: AtomicUsize = AtomicUsize::new(0);

/// Descriptors of watch registers and of protected pages, plus 1; 0 for none.
static EVENTS: [AtomicI32; ROWS] = [const { AtomicI32::new(0) }; ROWS];

fn probes(tid: Tid) -> impl Iterator<Item = &'static Row> {
    (0..PROBES).map(move |i| &TABLE[(tid as usize).wrapping_add(i) % ROWS])
}

fn find(tid: Tid) -> Option<&'static Row> {
    if USED.load(Relaxed) == 0 {
        return None;
    }
    probes(tid).find(|r| r.tid.load(Relaxed) == tid)
}

fn find_or_make(tid: Tid) -> Option<&'static Row> {
    find(tid).or_else(|| {
        let row = probes(tid).find(|r| r.tid.load(Relaxed) == 0)?;
        USED.fetch_add(1, Relaxed);
        row.tid.store(tid, Relaxed);
        Some(row)
    })
}

impl Row {
    /// Of two signals that are let in one after the other, the masks together are the one that was before both.
    fn lift(&self, Lifted { mask, bits }: Lifted) {
        self.mask.fetch_or(mask, Relaxed);
        self.lifted.fetch_or(bits, Relaxed);
    }

    /// True if the thread cannot be left to the kernel as it is, whatever it does.
    fn owes(&self) -> bool {
        self.owed.load(Relaxed) != 0
            || self.step.load(Relaxed)
            || self.lifted.load(Relaxed) != 0
            || !self.loan.load(Relaxed).is_null()
            || !self.end.load(Relaxed).is_null()
            || self.watched.load(Relaxed)
            || self.armed.load(Relaxed)
            || self.carrier.load(Relaxed)
    }

    fn tidy(&self) {
        if !self.owes() && self.exits.load(Relaxed) == 0 {
            self.free();
        }
    }

    fn clear(&self) {
        self.owed.store(0, Relaxed);
        self.step.store(false, Relaxed);
        self.lifted.store(0, Relaxed);
        self.mask.store(0, Relaxed);
        self.loan.store(std::ptr::null_mut(), Relaxed);
        self.end.store(std::ptr::null_mut(), Relaxed);
        self.watched.store(false, Relaxed);
        self.armed.store(false, Relaxed);
        self.exits.store(0, Relaxed);
        self.carrier.store(false, Relaxed);
        self.free();
    }

    fn free(&self) {
        if self.tid.swap(0, Relaxed) != 0 {
            USED.fetch_sub(1, Relaxed);
        }
    }
}

/// A report was taken from the kernel: if it is a signal, it is ours to pass on; if it is an end, nothing is owed any more.
pub(crate) fn taken(tid: Tid, raw: i32) {
    if !libc::WIFSTOPPED(raw) {
        forget(tid);
        return;
    }
    owe(tid, signal_of(raw));
}

/// The signal of a signal-delivery stop, 0 for any other stop.
fn signal_of(raw: i32) -> i32 {
    let signal = libc::WSTOPSIG(raw);
    if raw >> 16 == 0 && signal & 0x80 == 0 {
        signal
    } else {
        0
    }
}

/// What is to be passed on of the stop that the thread is in: this signal; 0 for nothing.
pub fn owe(tid: Tid, signal: i32) {
    if let Some(row) = if signal != 0 { find_or_make(tid) } else { find(tid) } {
        row.owed.store(signal, Relaxed);
        row.tidy();
    }
}

/// True if the thread was last set going by one instruction.
pub fn is_stepping(tid: Tid) -> bool {
    find(tid).is_some_and(|row| row.step.load(Relaxed))
}

/// A debug register of the thread is about to be written.
pub(crate) fn watches(tid: Tid) {
    if let Some(row) = find_or_make(tid) {
        row.watched.store(true, Relaxed);
    }
}

/// A watch register is about to be set for the thread, or a trap of a watched area to be made for it: until [`disarm`] it is not let go with a trap of that. False if there is
/// no room to remember it.
pub fn arm(tid: Tid) -> bool {
    let row = find_or_make(tid);
    if let Some(row) = row {
        row.armed.store(true, Relaxed);
    }
    row.is_some()
}

/// No watch register is set for the thread, and no trap of one can come any more.
pub fn disarm(tid: Tid) {
    if let Some(row) = find(tid) {
        row.armed.store(false, Relaxed);
        row.tidy();
    }
}

/// This descriptor is to be closed before the threads are let go. Where it is kept; None if there is no room.
pub(crate) fn keep_event(fd: libc::c_int) -> Option<usize> {
    let row = EVENTS.iter().position(|e| e.load(Relaxed) == 0)?;
    EVENTS[row].store(fd + 1, Relaxed);
    Some(row)
}

/// The descriptor kept there is closed.
pub(crate) fn drop_event(row: usize) {
    EVENTS[row].store(0, Relaxed);
}

/// Makes the thread watch nothing, if a debug register of it was written; it must stand. The signal to pass on instead of
/// `signal`: 0 for a trap of our making.
pub fn unwatch(tid: Tid, signal: i32) -> i32 {
    let Some(row) = find(tid) else { return signal };
    let (watched, armed) = (row.watched.load(Relaxed), row.armed.load(Relaxed));
    if !watched && !armed {
        return signal;
    }
    let ours = signal == libc::SIGTRAP && ptrace::siginfo(tid).is_ok_and(|i| watch_register(&i));
    if watched {
        // The control register first: nothing watches from then on.
        for n in [7, 0, 1, 2, 3] {
            let _ = ptrace::set_debug_reg(tid, n, 0);
        }
    }
    if ours {
        0
    } else {
        signal
    }
}

/// True if a watch register made this signal, as the kernel tells it or as we have told it more exactly.
fn watch_register(info: &libc::siginfo_t) -> bool {
    const HWBKPT: i32 = 4;
    info.si_signo == libc::SIGTRAP && (info.si_code == HWBKPT || ptrace::is_watch_trap(info))
}

/// The thread is about to be stepped.
pub(crate) fn steps(tid: Tid) {
    if let Some(row) = find_or_make(tid) {
        row.step.store(true, Relaxed);
    }
}

/// The thread was set going, with the signal that was owed; `stepping`: by one instruction.
pub(crate) fn resumed(tid: Tid, stepping: bool) {
    if let Some(row) = find(tid) {
        row.owed.store(0, Relaxed);
        row.step.store(stepping, Relaxed);
        row.tidy();
    }
}

/// What the thread blocks is about to be let in.
pub(crate) fn lift(tid: Tid, what: Lifted) {
    if let Some(row) = find_or_make(tid) {
        row.lift(what);
    }
}

/// It is blocked again.
pub(crate) fn lower(tid: Tid, bits: u64) {
    if let Some(row) = find(tid) {
        if row.lifted.fetch_and(!bits, Relaxed) & !bits == 0 {
            row.mask.store(0, Relaxed);
        }
        row.tidy();
    }
}

/// A call is about to be made in the thread. The loan must stay where it is until [`repaid`].
pub fn lend(tid: Tid, loan: &Loan) {
    if let Some(row) = find_or_make(tid) {
        row.loan.store(std::ptr::from_ref(loan).cast_mut(), Relaxed);
    }
}

/// Everything that the call borrowed is back.
pub fn repaid(tid: Tid) {
    if let Some(row) = find(tid) {
        row.loan.store(std::ptr::null_mut(), Relaxed);
        row.tidy();
    }
}

/// A thread is ours and not the program's: instead of being let go it is given these registers, with which it makes the call
/// that ends a thread. They must stay where they are until [`ended`].
pub fn ends(tid: Tid, call: &Regs) {
    if let Some(row) = find_or_make(tid) {
        row.end.store(std::ptr::from_ref(call).cast_mut(), Relaxed);
    }
}

/// The registers of [`ends`] are about to go.
pub fn ended(tid: Tid) {
    if let Some(row) = find(tid) {
        row.end.store(std::ptr::null_mut(), Relaxed);
        row.tidy();
    }
}

/// The ends of the thread's calls are looked for from now on, for process `pid`. False if there is no room to remember it.
pub(crate) fn carries(tid: Tid, pid: Tid) -> bool {
    let Some(row) = find_or_make(tid) else { return false };
    row.exits.store(pid, Relaxed);
    true
}

/// They are not.
pub(crate) fn carries_no_more(tid: Tid) {
    if let Some(row) = find(tid) {
        row.exits.store(0, Relaxed);
        row.tidy();
    }
}

/// Whether a carrier is in the thread's queue, or may be.
pub fn carrier(tid: Tid, queued: bool) {
    if let Some(row) = if queued { find_or_make(tid) } else { find(tid) } {
        row.carrier.store(queued, Relaxed);
        row.tidy();
    }
}

/// The process for which the ends of the thread's calls are looked for.
pub fn exits_for(tid: Tid) -> Option<Tid> {
    find(tid).map(|row| row.exits.load(Relaxed)).filter(|pid| *pid != 0)
}

/// The thread is dead or was let go, or is not there any more.
pub fn forget(tid: Tid) {
    exits::unwatch(tid);
    if let Some(row) = find(tid) {
        row.clear();
    }
}

/// Pays all that is owed and lets those threads go. Async-signal-safe; to be called in the tracer, which is to end next.
pub(crate) fn release_all() {
    for event in &EVENTS {
        let fd = event.swap(0, Relaxed) - 1;
        if fd >= 0 {
            // SAFETY: a plain system call on a descriptor of ours that nobody will use again.
            unsafe { libc::close(fd) };
        }
    }
    exits::end();
    for row in TABLE.iter().filter(|r| r.owes()) {
        pay::release(row, row.tid.load(Relaxed));
        row.clear();
    }
    // Whoever is only watched may sleep in a call that a stop would break off.
    if TABLE.iter().any(|r| r.exits.load(Relaxed) != 0) {
        exits::await_senders();
    }
    for row in &TABLE {
        let (tid, pid) = (row.tid.load(Relaxed), row.exits.load(Relaxed));
        if pid != 0 && exits::is_sent(pid, tid) {
            pay::release(row, tid);
        }
    }
    lifeline::cut_all();
}

/// Nothing in here allocates, locks or touches errno's owner: plain system calls.
mod pay {
    use super::{signal_of, Loan, Regs, Row};
    use crate::lifted::{Himself, Lifted};
    use crate::ptrace::{self, Go, Tid};
    use std::sync::atomic::Ordering::Relaxed;

    /// Looks at a thread that does not stop before it is left to the kernel: it sleeps uninterruptibly. 100 us each.
    const LOOKS: u32 = 5000;

    pub fn release(row: &Row, tid: Tid) {
        let mut owed = row.owed.load(Relaxed);
        let mut asked = false;
        row.carrier.fetch_or(row.exits.load(Relaxed) != 0, Relaxed);
        for _ in 0..LOOKS {
            let mut raw = 0;
            // SAFETY: `raw` outlives the call.
            let got = unsafe {
                libc::wait4(tid, &mut raw, libc::__WALL | libc::WNOHANG | libc::__WNOTHREAD, std::ptr::null_mut())
            };
            if got == tid {
                if !libc::WIFSTOPPED(raw) {
                    return;
                }
                owed = signal_of(raw);
            }
            let info = ptrace::siginfo(tid);
            if info.as_ref().is_ok_and(|i| row.carrier.load(Relaxed) && ptrace::is_carrier(owed, i.si_code)) {
                owed = 0;
            }
            match info {
                Ok(_) if owed == 0 && row.step.load(Relaxed) && ptrace::step_trap_pending(tid) => {
                    // It comes before anything else the thread does.
                    let _ = ptrace::resume(tid, Go::Cont, 0);
                    row.step.store(true, Relaxed);
                    continue;
                }
                Ok(_) if row.step.load(Relaxed) && lent(row) && ptrace::is_requeued(tid, owed) => {
                    // The end of the call comes behind it.
                    let _ = ptrace::resume(tid, Go::Step, owed);
                    owed = 0;
                    continue;
                }
                Ok(info) if is_to_come(row, tid, info.si_code) => {
                    let passed = if super::watch_register(&info) || lent(row) { 0 } else { owed };
                    let _ = ptrace::resume(tid, Go::Cont, passed);
                    // It stops by itself: asked again, it would stop for that first, again and again.
                    (owed, asked) = (0, true);
                    continue;
                }
                Ok(info) => return settle(row, tid, owed, Some(info.si_code)),
                Err(e) if e.raw_os_error() == Some(libc::EINVAL) && trap_to_come(row, tid, 0) => {
                    // The kernel makes the stop anew when the thread is let go.
                    let _ = ptrace::resume(tid, Go::Cont, 0);
                    asked = true;
                }
                // A job-control stop has no signal information. SIGCONT, which ends it, takes a carrier away.
                Err(e) if e.raw_os_error() == Some(libc::EINVAL) => return settle(row, tid, 0, None),
                Err(_) => {}
            }
            // It runs: what was owed has been passed on.
            owed = 0;
            if !asked && ptrace::interrupt(tid).is_err() {
                return;
            }
            asked = true;
            doze();
        }
    }

    /// True in a call of ours.
    fn lent(row: &Row) -> bool {
        !row.loan.load(Relaxed).is_null()
    }

    /// True if the thread, which stands with this `si_code`, is to stop once more before it can be let go, for what we have had sent
    /// to it: a carrier waits, or a trap of a watched area. Everything is made ready for that.
    fn is_to_come(row: &Row, tid: Tid, code: i32) -> bool {
        (row.carrier.load(Relaxed) && ptrace::carrier_pending(tid)) || trap_to_come(row, tid, code)
    }

    /// The same for the trap, which may also be sent only behind this stop. Not for one that is in a call of ours.
    fn trap_to_come(row: &Row, tid: Tid, code: i32) -> bool {
        const TRAP: u64 = 1 << (libc::SIGTRAP - 1);
        if !row.armed.load(Relaxed) || lent(row) {
            return false;
        }
        if ptrace::is_inside_kernel(code) {
            return ptrace::interrupt(tid).is_ok();
        }
        if !ptrace::watch_trap_pending(tid) {
            return false;
        }
        match ptrace::signal_mask(tid) {
            Ok(mask) if mask & TRAP != 0 => {
                row.lift(Lifted { mask, bits: TRAP });
                ptrace::set_signal_mask(tid, mask & !TRAP).is_ok()
            }
            Ok(_) => true,
            Err(_) => false,
        }
    }

    fn settle(row: &Row, tid: Tid, mut owed: i32, code: Option<i32>) {
        // SAFETY: they are kept in their place until it is said that they go.
        if let Some(call) = unsafe { row.end.load(Relaxed).as_ref() } {
            return end(tid, call, owed);
        }
        let ours = code.is_some_and(|code| ptrace::is_step_trap(owed, code));
        let delivery = owed != 0;
        if ours && row.step.load(Relaxed) {
            owed = 0;
        }
        // SAFETY: the lender keeps the loan in its place until it says that it is repaid.
        if let Some(loan) = unsafe { row.loan.load(Relaxed).as_ref() } {
            const CLONED: i32 = libc::SIGTRAP | libc::PTRACE_EVENT_CLONE << 8;
            if let (Some(call), Some(CLONED)) = (&loan.born, code) {
                end_newborn(tid, call);
            }
            owed = repay(loan, tid, delivery);
        }
        let lifted = Lifted { mask: row.mask.load(Relaxed), bits: row.lifted.load(Relaxed) };
        if lifted.bits != 0 {
            lifted.put_back(tid, code, &Himself);
        }
        let _ = ptrace::detach(tid, super::unwatch(tid, owed));
    }

    /// Lets a thread of ours go, with all signals blocked, to the call that ends it.
    fn end(tid: Tid, call: &Regs, owed: i32) {
        let _ = ptrace::set_user_regs(tid, call);
        let _ = ptrace::set_signal_mask(tid, !0);
        // A SIGSTOP is for the whole process; any other is for this thread.
        let _ = ptrace::detach(tid, if owed == libc::SIGSTOP { owed } else { 0 });
    }

    /// The same of a thread that was made just now by `maker`, and that comes to its first stop without being asked.
    fn end_newborn(maker: Tid, call: &Regs) {
        let Ok(tid) = ptrace::event_message(maker) else { return };
        let tid = tid as Tid;
        for _ in 0..LOOKS {
            if ptrace::siginfo(tid).is_ok() {
                return end(tid, call, 0);
            }
            doze();
        }
    }

    fn doze() {
        let pause = libc::timespec { tv_sec: 0, tv_nsec: 100_000 };
        // SAFETY: a plain system call.
        unsafe { libc::nanosleep(&pause, std::ptr::null_mut()) };
    }

    /// The signal to detach with.
    fn repay(loan: &Loan, tid: Tid, delivery: bool) -> i32 {
        let _ = ptrace::set_user_regs(tid, &loan.regs);
        let _ = ptrace::set_signal_mask(tid, loan.mask);
        if let Some(dispatch) = &loan.dispatch {
            let _ = ptrace::set_dispatch(tid, dispatch);
        }
        if let Some((fd, at, bytes)) = &loan.memory {
            // SAFETY: the bytes live through the call.
            unsafe { libc::pwrite(*fd, bytes.as_ptr().cast(), bytes.len(), *at as i64) };
        }
        match &loan.info {
            Some(info) if delivery && ptrace::set_siginfo(tid, info).is_ok() => info.si_signo,
            Some(info) => {
                // SAFETY: a plain system call.
                unsafe { libc::syscall(libc::SYS_tkill, tid, info.si_signo) };
                0
            }
            None => 0,
        }
    }
}
