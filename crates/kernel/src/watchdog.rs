//! What keeps SEIZE from waiting. It waits while the target is in an exec, which may be for ever: a file system that does not answer,
//! a lease that is not given back, a thread that we trace and whose end we have not taken. A signal does not end that, for the kernel
//! makes the call again by itself; so the handler steps over it.

use std::io;
use std::time::Duration;

/// A timer of the tracer thread.
pub struct Watchdog {
    timer: libc::timer_t,
}

/// How long a SEIZE waits at most.
const PATIENCE: Duration = Duration::from_millis(2);

/// The instruction that makes a call.
const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// Where the thread is about to make a SEIZE (again), the call has ended with EINTR instead.
extern "C" fn give_up(_: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a ucontext_t; the program counter is in text of ours, which can be read and goes on behind the two
    // bytes of any instruction.
    unsafe {
        let registers = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
        let [call, request, pc] = [libc::REG_RAX, libc::REG_RDI, libc::REG_RIP].map(|r| registers[r as usize]);
        let seizes = call == libc::SYS_ptrace && request as libc::c_uint == libc::PTRACE_SEIZE;
        if seizes && std::ptr::with_exposed_provenance::<[u8; 2]>(pc as usize).read() == SYSCALL {
            registers[libc::REG_RIP as usize] = pc + SYSCALL.len() as i64;
            registers[libc::REG_RAX as usize] = -i64::from(libc::EINTR);
        }
    }
}

impl Watchdog {
    /// For the calling thread, which must be the tracer.
    pub fn new() -> io::Result<Watchdog> {
        // SAFETY: all structures are zeroed plain data filled in before use; the handler touches nothing but its context.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = give_up as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
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

    fn set(&self, every: Duration) {
        let t = libc::timespec { tv_sec: 0, tv_nsec: every.subsec_nanos().into() };
        let spec = libc::itimerspec { it_interval: t, it_value: t };
        // SAFETY: the timer lives as long as self.
        unsafe { libc::timer_settime(self.timer, 0, &spec, std::ptr::null_mut()) };
    }

    /// From now on a [`seize`](crate::ptrace::seize) that waits ends with EINTR.
    pub fn arm(&self) {
        self.set(PATIENCE);
    }

    /// Ends that.
    pub fn disarm(&self) {
        self.set(Duration::ZERO);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // SAFETY: created in `new`, deleted once.
        unsafe { libc::timer_delete(self.timer) };
    }
}
