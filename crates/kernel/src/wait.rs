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

/// True if the calling thread traces thread `tid`, whatever that does. Nothing is collected.
pub fn is_ours(tid: Tid) -> bool {
    let options = libc::WEXITED | libc::WSTOPPED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL | libc::__WNOTHREAD;
    // SAFETY: the record is plain data that outlives the call.
    unsafe {
        let mut unread: libc::siginfo_t = std::mem::zeroed();
        libc::waitid(libc::P_PID, tid as libc::id_t, &mut unread, options) == 0
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
