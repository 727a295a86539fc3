//! A process of its own that shares our memory and descriptors, for the tracer: a SIGKILL of the daemon does not reach it, so
//! there is somebody left to let the targets go.
//!
//! It is made much as vfork makes one, by a thread that sleeps in the kernel as long as the process lives and whose thread-local
//! storage it uses meanwhile. When the daemon dies, the kernel sends the process a signal; its handler pays what is owed
//! ([`crate::ledger`]) with plain system calls only, since any lock may have been held by a thread that is no more, and ends
//! the process. The descriptors close then, so clients are told after the targets have been let go.

use crate::ptrace::Tid;
use crate::{helper, ledger, lifeline, say, wait};
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::thread::JoinHandle;

const STACK: usize = 2 << 20;
const GUARD: usize = 64 << 10;

/// Sent by the kernel when the daemon ends.
const ORPHANED: c_int = libc::SIGUSR1;

static DAEMON: AtomicI32 = AtomicI32::new(0);
static APART: AtomicI32 = AtomicI32::new(0);

thread_local! {
    /// True in the process apart.
    static HERE: Cell<bool> = const { Cell::new(false) };
}

/// True for the process ids of the daemon: its own, and that of the process apart.
pub fn ours(pid: u32) -> bool {
    let pid = pid as Tid;
    let daemon = match DAEMON.load(SeqCst) {
        // SAFETY: a plain system call.
        0 => unsafe { libc::getpid() },
        known => known,
    };
    pid == daemon || (pid != 0 && pid == APART.load(SeqCst))
}

/// True in the process apart.
pub(crate) fn here() -> bool {
    HERE.get()
}

/// True in the process apart when the daemon has ended, and its threads with it.
pub(crate) fn is_alone() -> bool {
    // SAFETY: a plain system call.
    here() && unsafe { libc::getppid() } != daemon()
}

/// Thread id of the daemon's first thread, also when asked in the process apart.
fn daemon() -> Tid {
    DAEMON.load(SeqCst)
}

struct Start {
    f: Option<Box<dyn FnOnce() + Send>>,
}

/// Runs `f` in a process apart; the thread that is returned ends with it. If that process is killed, the daemon is aborted:
/// without a tracer it could only keep its clients waiting.
pub fn spawn(name: &str, f: Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>> {
    // SAFETY: a plain system call.
    DAEMON.store(unsafe { libc::getpid() }, SeqCst);
    let stack = Stack::new()?;
    crate::reach::start()?;
    std::thread::Builder::new().name(name.into()).stack_size(64 << 10).spawn(move || {
        let mut start = Start { f: Some(f) };
        let mut raw = 0i32;
        // SAFETY: the stack, `start` and `raw` outlive the process, whose end is waited for. Its thread-local storage has one
        // user at a time: this thread does nothing but wait, with no signal to interrupt it, in a call that touches errno only
        // when it fails. (Not CLONE_VFORK: a thread that waits for that counts as load.)
        let pid = unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, std::ptr::null_mut());
            let flags = libc::CLONE_VM | libc::CLONE_FILES | libc::CLONE_FS;
            let pid = libc::clone(enter, stack.top(), flags, std::ptr::from_mut(&mut start).cast());
            if pid > 0 {
                libc::syscall(libc::SYS_wait4, pid, &mut raw, libc::__WALL, 0usize);
            }
            pid
        };
        if pid < 0 {
            say::line(format_args!("pfs: cannot start the tracer: {}", io::Error::last_os_error()));
            return;
        }
        APART.store(0, SeqCst);
        if raw != 0 {
            lifeline::pull_all();
            let now = say::now();
            say::line(format_args!(
                "{now} pfs: the tracer (pid {pid}) ended with status {raw:#x}: the daemon ends too"
            ));
            std::process::abort();
        }
    })
}

/// The first function of the process apart; the answer is its exit code.
extern "C" fn enter(start: *mut c_void) -> c_int {
    // SAFETY: passed by `spawn`, which waits.
    let start = unsafe { &mut *start.cast::<Start>() };
    // SAFETY: plain system calls; the handler is async-signal-safe.
    unsafe {
        APART.store(libc::getpid(), SeqCst);
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = orphaned as extern "C" fn(c_int) as usize;
        libc::sigaction(ORPHANED, &action, std::ptr::null_mut());
        // What a terminal or a service manager sends to all processes of a group is for the daemon alone.
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut set);
        for open in [
            ORPHANED,
            libc::SIGALRM,
            libc::SIGSEGV,
            libc::SIGBUS,
            libc::SIGILL,
            libc::SIGFPE,
            libc::SIGABRT,
            libc::SIGTRAP,
            libc::SIGSYS,
        ] {
            libc::sigdelset(&mut set, open);
        }
        libc::sigprocmask(libc::SIG_SETMASK, &set, std::ptr::null_mut());
    }
    HERE.set(true);
    watch_daemon();
    let f = start.f.take();
    match catch_unwind(AssertUnwindSafe(|| f.map(|f| f()))) {
        Ok(_) => 0,
        Err(_) => 101,
    }
}

/// Asks the kernel to tell of the daemon's end; again after every change of credentials, which takes the request back. Nothing
/// for any thread but the process apart.
pub(crate) fn watch_daemon() {
    if !HERE.get() {
        return;
    }
    // SAFETY: plain system calls.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, ORPHANED);
        if libc::getppid() != daemon() {
            orphaned(ORPHANED);
        }
    }
}

/// Work under way in the process apart that leaves a target neither as it was nor as it is to be: its own ids, or descriptors of
/// ours in it.
static UNFINISHED: AtomicUsize = AtomicUsize::new(0);

/// Steps of such work so far.
static STEPS: AtomicUsize = AtomicUsize::new(0);

/// How long each step may take without the daemon. It may come to a lock whose owner is no more.
const GRACE: u64 = 300_000_000;

/// Such work, until it is dropped.
#[derive(Debug)]
pub struct Unfinished(());

impl Unfinished {
    /// It begins.
    pub fn begin() -> Unfinished {
        UNFINISHED.fetch_add(1, SeqCst);
        Unfinished(())
    }

    /// A step of such work, if there is any, begins.
    pub fn goes_on() {
        STEPS.fetch_add(1, SeqCst);
    }
}

impl Drop for Unfinished {
    /// If the daemon has ended meanwhile, that was the last thing to be done.
    fn drop(&mut self) {
        if UNFINISHED.fetch_sub(1, SeqCst) == 1 && is_alone() {
            orphaned(ORPHANED);
        }
    }
}

/// True if there is work to be brought to its end that goes on. Then [`ORPHANED`] comes again, a while from now.
fn has_work() -> bool {
    static SEEN: AtomicUsize = AtomicUsize::new(usize::MAX);
    static SINCE: AtomicU64 = AtomicU64::new(0);
    static ASKED: AtomicBool = AtomicBool::new(false);
    if UNFINISHED.load(SeqCst) == 0 {
        return false;
    }
    let (steps, now) = (STEPS.load(SeqCst), nanoseconds());
    // Asked again within a step: the clock decides.
    if SEEN.swap(steps, SeqCst) != steps {
        SINCE.store(now, SeqCst);
    } else if now.saturating_sub(SINCE.load(SeqCst)) >= GRACE {
        return false;
    }
    let pause = libc::timespec { tv_sec: 0, tv_nsec: GRACE as i64 };
    let when = libc::itimerspec { it_value: pause, it_interval: pause };
    // SAFETY: plain system calls, which read what lives here, and write `timer`.
    unsafe {
        let mut event: libc::sigevent = std::mem::zeroed();
        (event.sigev_notify, event.sigev_signo) = (libc::SIGEV_SIGNAL, ORPHANED);
        let mut timer: c_int = 0;
        ASKED.swap(true, SeqCst)
            || (libc::syscall(libc::SYS_timer_create, libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer) == 0
                && libc::syscall(libc::SYS_timer_settime, timer, 0, &raw const when, 0usize) == 0)
    }
}

/// Monotonic time, in a way that a signal handler may ask for it.
fn nanoseconds() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` outlives the call, which cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

extern "C" fn orphaned(_: c_int) {
    // SAFETY: plain system calls, as all that is called here.
    unsafe {
        if libc::getppid() == daemon() {
            return;
        }
        // Whoever keeps us from the CPU keeps the targets waiting.
        let usual = libc::sched_param { sched_priority: 0 };
        libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_OTHER, &usual);
        helper::end_all();
        if has_work() {
            return;
        }
        wait::take_fresh();
        ledger::release_all();
        say::line_in_handler("pfs-tracer: the daemon was killed; what it held has been let go");
        libc::_exit(0);
    }
}

/// A stack with a guard below it.
struct Stack(*mut c_void);

// SAFETY: a private mapping with one owner, bound to no thread.
unsafe impl Send for Stack {}

impl Stack {
    fn new() -> io::Result<Stack> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
        // SAFETY: a new anonymous mapping touches no memory of ours, nor does taking away the rights to its lowest part.
        unsafe {
            let p = libc::mmap(std::ptr::null_mut(), STACK, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
            if p == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            if libc::mprotect(p, GUARD, libc::PROT_NONE) != 0 {
                let e = io::Error::last_os_error();
                libc::munmap(p, STACK);
                return Err(e);
            }
            Ok(Stack(p))
        }
    }

    fn top(&self) -> *mut c_void {
        self.0.wrapping_byte_add(STACK)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours; who ran on it has ended.
        unsafe { libc::munmap(self.0, STACK) };
    }
}
