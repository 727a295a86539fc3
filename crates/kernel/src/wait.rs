//! Waiting for tracees, by thread id and with `__WNOTHREAD`, so that no other part of the process steals a report.

use crate::ledger;
use crate::ptrace::Tid;
use std::io;

/// One report of the kernel about a tracee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// exit(2) with this code.
    Exited(i32),
    /// Killed by this signal; true if it dumped core.
    Signaled(i32, bool),
    /// In a ptrace stop: the signal, and the event in the upper bits (`PTRACE_EVENT_*`, 0 if none).
    Stopped(i32, i32),
}

impl Status {
    /// Decodes a wait status; None for what is no report of a tracee (continued).
    pub fn decode(raw: i32) -> Option<Status> {
        if libc::WIFEXITED(raw) {
            Some(Status::Exited(libc::WEXITSTATUS(raw)))
        } else if libc::WIFSIGNALED(raw) {
            Some(Status::Signaled(libc::WTERMSIG(raw), libc::WCOREDUMP(raw)))
        } else if libc::WIFSTOPPED(raw) {
            Some(Status::Stopped(libc::WSTOPSIG(raw), raw >> 16))
        } else {
            None
        }
    }
}

/// One report if there is one: of `tid`, or of any tracee of this thread for -1. ECHILD counts as none.
pub fn poll(tid: Tid) -> Option<(Tid, Status)> {
    let (kind, id) = if tid > 0 { (libc::P_PID, tid as libc::id_t) } else { (libc::P_ALL, 0) };
    let options = libc::WEXITED | libc::WSTOPPED | libc::WNOHANG | libc::__WALL | libc::__WNOTHREAD;
    loop {
        fresh::forget();
        // SAFETY: the record has the size of a siginfo_t and lives for ever.
        let result = unsafe { libc::waitid(kind, id, fresh::record(), options) };
        if result == 0 {
            let (tid, raw) = fresh::report()?;
            ledger::taken(tid, raw);
            fresh::forget();
            match Status::decode(raw) {
                Some(status) => return Some((tid, status)),
                None => continue,
            }
        }
        if io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
            return None;
        }
    }
}

/// Takes into the ledger what was collected by a call that a signal handler now interrupts on its way back.
pub(crate) fn take_fresh() {
    if let Some((tid, raw)) = fresh::report() {
        ledger::taken(tid, raw);
    }
}

/// The report that was collected last. The kernel writes it down before the call returns, so that a handler that runs then
/// finds what nobody else knows any more.
mod fresh {
    use crate::ptrace::Tid;
    use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

    /// A siginfo_t; the words that are read are code 2, pid 4, status 6.
    #[repr(C, align(8))]
    struct Record([AtomicI32; 32]);

    static RECORD: Record = Record([const { AtomicI32::new(0) }; 32]);

    pub fn record() -> *mut libc::siginfo_t {
        const { assert!(size_of::<Record>() == size_of::<libc::siginfo_t>()) };
        RECORD.0.as_ptr().cast_mut().cast()
    }

    pub fn forget() {
        RECORD.0[4].store(0, Relaxed);
    }

    /// Thread id and wait status.
    pub fn report() -> Option<(Tid, i32)> {
        let [code, tid, status] = [2, 4, 6].map(|i| RECORD.0[i].load(Relaxed));
        let raw = match code {
            libc::CLD_EXITED => (status & 0xff) << 8,
            libc::CLD_KILLED => status & 0x7f,
            libc::CLD_DUMPED => status & 0x7f | 0x80,
            // The signal, and above it the event.
            _ => status << 8 | 0x7f,
        };
        (tid != 0).then_some((tid, raw))
    }
}

/// Reports collected by a signal handler while the tracer thread was inside a blocking SEIZE. Fixed size, no locks: the
/// handler runs in the tracer thread itself, so producer and consumer never run at once.
mod stash {
    use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering::Relaxed};
    pub const SIZE: usize = 1024;
    pub static LEN: AtomicUsize = AtomicUsize::new(0);
    pub static TID: [AtomicI32; SIZE] = [const { AtomicI32::new(0) }; SIZE];
    pub static RAW: [AtomicI32; SIZE] = [const { AtomicI32::new(0) }; SIZE];

    pub extern "C" fn reap(_: libc::c_int) {
        // SAFETY: wait4 and errno access are async-signal-safe; errno is put back.
        unsafe {
            let errno = *libc::__errno_location();
            let mut n = LEN.load(Relaxed);
            while n < SIZE {
                let mut raw = 0;
                let tid =
                    libc::wait4(-1, &mut raw, libc::__WALL | libc::WNOHANG | libc::__WNOTHREAD, std::ptr::null_mut());
                if tid <= 0 {
                    break;
                }
                crate::ledger::taken(tid, raw);
                TID[n].store(tid, Relaxed);
                RAW[n].store(raw, Relaxed);
                n += 1;
            }
            LEN.store(n, Relaxed);
            *libc::__errno_location() = errno;
        }
    }
}

/// The reports that the watchdog collected, oldest first; they precede whatever [`poll`] gives next.
pub fn take_stashed(out: &mut Vec<(Tid, Status)>) {
    use std::sync::atomic::Ordering::Relaxed;
    let n = stash::LEN.load(Relaxed);
    for i in 0..n {
        if let Some(status) = Status::decode(stash::RAW[i].load(Relaxed)) {
            out.push((stash::TID[i].load(Relaxed), status));
        }
    }
    stash::LEN.store(0, Relaxed);
}

/// A timer that fires a reaping handler in the tracer thread while it is inside SEIZE. Without it, SEIZE of a thread whose
/// process is in an exec that waits for our reap of another thread never returns.
pub struct Watchdog {
    timer: libc::timer_t,
}

impl Watchdog {
    /// For the calling thread, which must be the tracer.
    pub fn new() -> io::Result<Watchdog> {
        // SAFETY: all structures are zeroed plain data filled in before use; the handler is async-signal-safe.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = stash::reap as extern "C" fn(libc::c_int) as usize;
            // Not between a report and its entry in the ledger.
            libc::sigfillset(&mut action.sa_mask);
            if libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut()) != 0 {
                return Err(io::Error::last_os_error());
            }
            let mut event: libc::sigevent = std::mem::zeroed();
            event.sigev_notify = libc::SIGEV_THREAD_ID;
            event.sigev_signo = libc::SIGALRM;
            event.sigev_notify_thread_id = libc::gettid();
            let mut timer: libc::timer_t = std::mem::zeroed();
            if libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer) != 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(Watchdog { timer })
        }
    }

    fn set(&self, ns: i64) {
        let t = libc::timespec { tv_sec: 0, tv_nsec: ns };
        let spec = libc::itimerspec { it_interval: t, it_value: t };
        // SAFETY: the timer lives as long as self.
        unsafe { libc::timer_settime(self.timer, 0, &spec, std::ptr::null_mut()) };
    }

    /// From now on the handler runs every 5 ms.
    pub fn arm(&self) {
        self.set(5_000_000);
    }

    /// Ends that; what the handler collected is for [`take_stashed`].
    pub fn disarm(&self) {
        self.set(0);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // SAFETY: created in `new`, deleted once.
        unsafe { libc::timer_delete(self.timer) };
    }
}
