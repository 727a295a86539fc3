//! ptrace(2), only in its seized form, for the one tracer thread.
//!
//! Every call may fail with ESRCH at any time: the target can die in any state. Nothing here waits, except [`seize`], see
//! there.

use crate::{exits, ledger};
use std::io;

/// Process or thread id as the kernel counts it.
pub type Tid = i32;

/// Register sets, by the note type that names them in core files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegSet {
    /// General registers: `user_regs_struct`, 216 bytes (68 for a 32-bit target).
    General,
    /// Floating point: the FXSAVE image, 512 bytes (108 for a 32-bit target).
    Float,
    /// The FXSAVE image of a 32-bit target too, 512 bytes.
    Fxsave,
    /// XSAVE area; its size depends on the processor.
    Xstate,
}

impl RegSet {
    fn note(self) -> usize {
        match self {
            RegSet::General => 1,
            RegSet::Float => 2,
            RegSet::Fxsave => 0x46e6_2b7f,
            RegSet::Xstate => 0x202,
        }
    }
}

/// Bytes that hold any register set of today's processors.
pub const REGSET_MAX: usize = 16384;

fn call(request: libc::c_uint, tid: Tid, addr: usize, data: usize) -> io::Result<i64> {
    // SAFETY: callers below pass requests whose `data` is either a plain number or a pointer to memory that they own
    // and that is as large as the kernel writes.
    let r = unsafe { libc::ptrace(request, tid, addr, data) };
    if r == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(r)
    }
}

/// Attaches without stopping. Waits while the process is in an exec: EINTR then, in the tracer thread that is guarded
/// ([`crate::watchdog`]). EPERM: traced by another, a kernel thread or a zombie.
pub fn seize(tid: Tid, options: i32) -> io::Result<()> {
    call(libc::PTRACE_SEIZE, tid, 0, options as usize).map(drop)
}

/// Changes the options of a stopped tracee.
pub fn set_options(tid: Tid, options: i32) -> io::Result<()> {
    call(libc::PTRACE_SETOPTIONS, tid, 0, options as usize).map(drop)
}

/// Asks a seized thread to stop; also ends a LISTEN.
pub fn interrupt(tid: Tid) -> io::Result<()> {
    call(libc::PTRACE_INTERRUPT, tid, 0, 0).map(drop)
}

/// Lets a thread in a group-stop wait for SIGCONT without running.
pub fn listen(tid: Tid) -> io::Result<()> {
    call(libc::PTRACE_LISTEN, tid, 0, 0).map(drop)
}

/// How a stopped thread is set going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// Until the next event.
    Cont,
    /// Until the next system call entry or exit, or event.
    Syscall,
    /// One instruction.
    Step,
    /// Until the end of a call in the set of this process, or event (see [`crate::exits`]).
    Exits(Tid),
}

/// Resumes a stopped thread, delivering `signal` (0: none). The signal counts only at a signal-delivery or
/// system-call stop. ENOSPC: too many threads are watched for [`Go::Exits`].
pub fn resume(tid: Tid, how: Go, signal: i32) -> io::Result<()> {
    let request = match how {
        Go::Cont | Go::Exits(_) => libc::PTRACE_CONT,
        Go::Syscall => libc::PTRACE_SYSCALL,
        Go::Step => libc::PTRACE_SINGLESTEP,
    };
    match how {
        Go::Exits(pid) => exits::watch(pid, tid)?,
        _ => exits::unwatch(tid),
    }
    if how == Go::Step {
        ledger::steps(tid);
    }
    call(request, tid, 0, signal as usize)?;
    ledger::resumed(tid, how == Go::Step);
    Ok(())
}

/// Lets a stopped thread get the trap of its step, which is on its way: it runs no instruction before that.
pub fn get_trap(tid: Tid) -> io::Result<()> {
    exits::unwatch(tid);
    call(libc::PTRACE_CONT, tid, 0, 0)?;
    ledger::resumed(tid, true);
    Ok(())
}

/// Ends tracing of a stopped thread, delivering `signal` (0: none).
pub fn detach(tid: Tid, signal: i32) -> io::Result<()> {
    exits::unwatch(tid);
    call(libc::PTRACE_DETACH, tid, 0, signal as usize)?;
    ledger::forget(tid);
    Ok(())
}

/// The message of the event that the thread stands at (new tid, old tid, exit status).
pub fn event_message(tid: Tid) -> io::Result<u64> {
    let mut message: libc::c_ulong = 0;
    call(libc::PTRACE_GETEVENTMSG, tid, 0, &mut message as *mut _ as usize)?;
    Ok(message)
}

/// The signal that the thread is about to get.
pub fn siginfo(tid: Tid) -> io::Result<libc::siginfo_t> {
    // SAFETY: siginfo_t is plain data for which zero bytes are valid.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    call(libc::PTRACE_GETSIGINFO, tid, 0, &mut info as *mut _ as usize)?;
    Ok(info)
}

/// Puts back a signal that [`siginfo`] read; counts only at a signal-delivery stop.
pub fn set_siginfo(tid: Tid, info: &libc::siginfo_t) -> io::Result<()> {
    call(libc::PTRACE_SETSIGINFO, tid, 0, info as *const _ as usize).map(drop)
}

/// A `siginfo_t` as it lies in memory.
pub type SiginfoBytes = [u8; 128];

/// As [`siginfo`], in bytes.
pub fn siginfo_bytes(tid: Tid) -> io::Result<SiginfoBytes> {
    let mut info = [0u64; 16];
    call(libc::PTRACE_GETSIGINFO, tid, 0, info.as_mut_ptr() as usize)?;
    let mut bytes = [0; 128];
    for (to, from) in bytes.chunks_exact_mut(8).zip(info) {
        to.copy_from_slice(&from.to_ne_bytes());
    }
    Ok(bytes)
}

/// As [`set_siginfo`], from bytes.
pub fn set_siginfo_bytes(tid: Tid, info: &SiginfoBytes) -> io::Result<()> {
    call(libc::PTRACE_SETSIGINFO, tid, 0, info.as_ptr() as usize).map(drop)
}

/// Queues a signal for one thread, with `info` but for its code: from outside only codes of rt_sigqueueinfo(2) are let through,
/// so the queue holds SI_QUEUE.
pub fn queue_signal(pid: Tid, tid: Tid, info: &SiginfoBytes) -> io::Result<()> {
    let mut info = *info;
    let signo = i32::from_ne_bytes([info[0], info[1], info[2], info[3]]);
    info[8..12].copy_from_slice(&libc::SI_QUEUE.to_ne_bytes());
    // SAFETY: the record is as large as a siginfo_t and outlives the call.
    match unsafe { libc::syscall(libc::SYS_rt_tgsigqueueinfo, pid, tid, signo, info.as_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Of a signal that the kernel made and that has no other code.
const SI_KERNEL: i32 = 128;

/// True if this is the trap of a single step: TRAP_BRKPT behind a system call, TRAP_TRACE behind any other instruction, SIGTRAP
/// itself at the first instruction of a handler. A breakpoint is SI_KERNEL.
pub fn is_step_trap(signo: i32, code: i32) -> bool {
    signo == libc::SIGTRAP && matches!(code, 1 | 2 | libc::SIGTRAP)
}

/// True if a thread stands before a signal that it blocks, as the kernel hands out those of faults when it looks for one that is let
/// in: resumed with it, the thread has it waiting again, with all that is known of it.
pub fn is_requeued(tid: Tid, signal: i32) -> bool {
    let bit = 1u64.checked_shl(signal.wrapping_sub(1) as u32).unwrap_or(0);
    signal_mask(tid).is_ok_and(|mask| mask & bit != 0)
}

/// True if this is the trap of a [`crate::perf::Watchpoint`], or of [`queue_watch_trap`].
pub fn is_watch_trap(info: &libc::siginfo_t) -> bool {
    const TRAP_PERF: i32 = 6;
    // SAFETY: a siginfo_t is 128 bytes, of which the kernel's part for these codes is more than the 32 that are looked at.
    let mark = unsafe { *(&raw const *info).cast::<u64>().add(3) };
    let code = matches!(info.si_code, TRAP_PERF | libc::SI_QUEUE);
    info.si_signo == libc::SIGTRAP && code && mark == crate::perf::MARK
}

/// Sends a thread the trap of a watched area. The ledger knows that it comes.
pub fn queue_watch_trap(pid: Tid, tid: Tid) -> io::Result<()> {
    if !ledger::arm(tid) {
        return Err(io::Error::from_raw_os_error(libc::EMFILE));
    }
    let mut info = [0; 128];
    info[..4].copy_from_slice(&libc::SIGTRAP.to_ne_bytes());
    // The place of si_value is that of si_perf_data.
    info[24..32].copy_from_slice(&crate::perf::MARK.to_ne_bytes());
    queue_signal(pid, tid, &info)
}

/// True for the `si_code` of a stop inside the kernel's work for the thread (at a system call, at an event in one), behind which
/// it may still send itself signals.
pub fn is_inside_kernel(code: i32) -> bool {
    code == libc::SIGTRAP | 0x80
        || (code & 0xff == libc::SIGTRAP && (1..libc::PTRACE_EVENT_STOP).contains(&(code >> 8)))
}

/// True if the trap of a step waits behind the stop that the thread is in. Whoever lets the thread go then, lets it die.
pub fn step_trap_pending(tid: Tid) -> bool {
    queued(tid, |i| is_step_trap(i.si_signo, i.si_code))
}

/// The same for the trap of a watched area.
pub fn watch_trap_pending(tid: Tid) -> bool {
    queued(tid, is_watch_trap)
}

/// The eight bytes of a stopped thread's memory at any address.
pub fn peek(tid: Tid, at: u64) -> io::Result<u64> {
    let mut word = 0u64;
    // By the plain system call, which stores the word where it is told.
    // SAFETY: `word` has the eight bytes that the kernel writes.
    let r = unsafe { libc::syscall(libc::SYS_ptrace, libc::PTRACE_PEEKDATA, tid, at, &raw mut word) };
    if r < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(word)
}

/// Writes eight bytes, whatever the protection of the page.
pub fn poke(tid: Tid, at: u64, word: u64) -> io::Result<()> {
    call(libc::PTRACE_POKEDATA, tid, at as usize, word as usize).map(drop)
}

/// True if this is a SIGSTOP of the kernel's own making, as [`crate::exits`] has it sent.
pub fn is_carrier(signo: i32, code: i32) -> bool {
    signo == libc::SIGSTOP && code == SI_KERNEL
}

/// True if such a one waits behind the stop that the thread is in. Whoever lets the thread go then, leaves it stopped.
pub fn carrier_pending(tid: Tid) -> bool {
    queued(tid, |i| is_carrier(i.si_signo, i.si_code))
}

/// Signals that wait in the queue of a stopped thread itself, bit n-1 for signal n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Those of the program. Of those below the real-time ones the kernel may know more than it has queued: field 31 of `stat`
    /// tells all.
    pub signals: u64,
    /// Those that we have had sent, which `stat` tells as well.
    pub ours: u64,
}

/// What waits in the queue of a stopped thread itself.
pub fn pending(tid: Tid) -> Pending {
    let mut all = Pending::default();
    queued(tid, |info| {
        let ours = is_carrier(info.si_signo, info.si_code) || is_watch_trap(info);
        let set = if ours { &mut all.ours } else { &mut all.signals };
        *set |= 1u64.checked_shl(info.si_signo.wrapping_sub(1) as u32).unwrap_or(0);
        false
    });
    all
}

/// True if `found` is, of one of the signals that wait in the queue of a stopped thread itself.
fn queued(tid: Tid, mut found: impl FnMut(&libc::siginfo_t) -> bool) -> bool {
    const PEEKSIGINFO: libc::c_uint = 0x4209;
    #[repr(C)]
    struct Args {
        offset: u64,
        flags: u32,
        count: i32,
    }
    // SAFETY: siginfo_t is plain data for which zero bytes are valid.
    let mut infos: [libc::siginfo_t; 8] = unsafe { std::mem::zeroed() };
    let mut args = Args { offset: 0, flags: 0, count: infos.len() as i32 };
    // The thread's own queue has no end that we could rely on.
    while args.offset < 4096 {
        let (from, to) = (&raw const args as usize, infos.as_mut_ptr() as usize);
        let n = call(PEEKSIGINFO, tid, from, to).map_or(0, |n| n.clamp(0, 8) as usize);
        if infos[..n].iter().any(&mut found) {
            return true;
        }
        if n < infos.len() {
            return false;
        }
        args.offset += n as u64;
    }
    false
}

/// Blocked-signal mask of a stopped thread (the saved one inside ppoll or sigsuspend).
pub fn signal_mask(tid: Tid) -> io::Result<u64> {
    let mut mask = 0u64;
    call(libc::PTRACE_GETSIGMASK, tid, 8, &mut mask as *mut _ as usize)?;
    Ok(mask)
}

/// Sets the mask that [`signal_mask`] reads.
pub fn set_signal_mask(tid: Tid, mask: u64) -> io::Result<()> {
    call(libc::PTRACE_SETSIGMASK, tid, 8, &mask as *const _ as usize).map(drop)
}

/// How the calls of a thread are handed to itself by signals (PR_SET_SYSCALL_USER_DISPATCH): mode, address of the selector, and the
/// range of code whose calls are let through, by its beginning and length.
pub type Dispatch = [u64; 4];

/// How a stopped thread has that set; None if it has not, or if the kernel is too old to say (before 6.4).
pub fn dispatch(tid: Tid) -> Option<Dispatch> {
    const GET_SYSCALL_USER_DISPATCH_CONFIG: libc::c_uint = 0x4211;
    let mut config: Dispatch = [0; 4];
    let size = size_of_val(&config);
    call(GET_SYSCALL_USER_DISPATCH_CONFIG, tid, size, config.as_mut_ptr() as usize).ok()?;
    (config[0] != 0).then_some(config)
}

/// Sets what [`dispatch`] reads; all 0 for none.
pub fn set_dispatch(tid: Tid, config: &Dispatch) -> io::Result<()> {
    const SET_SYSCALL_USER_DISPATCH_CONFIG: libc::c_uint = 0x4210;
    call(SET_SYSCALL_USER_DISPATCH_CONFIG, tid, size_of_val(config), config.as_ptr() as usize).map(drop)
}

/// Where the `struct rseq` of a stopped thread is; None if it has none.
pub fn rseq(tid: Tid) -> Option<u64> {
    const GET_RSEQ_CONFIGURATION: libc::c_uint = 0x420f;
    // Pointer u64, size u32, signature u32, flags u32, pad u32.
    let mut config = [0u64; 3];
    call(GET_RSEQ_CONFIGURATION, tid, size_of_val(&config), config.as_mut_ptr() as usize).ok()?;
    (config[0] != 0).then_some(config[0])
}

/// Reads a register set; the length is what the target's data model has.
pub fn regs(tid: Tid, set: RegSet) -> io::Result<Vec<u8>> {
    let mut buf = vec![0u8; if set == RegSet::Xstate { REGSET_MAX } else { 1024 }];
    let mut iov = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() };
    call(libc::PTRACE_GETREGSET, tid, set.note(), &mut iov as *mut _ as usize)?;
    buf.truncate(iov.iov_len);
    Ok(buf)
}

/// Writes a register set; the kernel checks the values and refuses nonsense with EINVAL or EIO.
pub fn set_regs(tid: Tid, set: RegSet, bytes: &[u8]) -> io::Result<()> {
    let mut iov = libc::iovec { iov_base: bytes.as_ptr() as *mut _, iov_len: bytes.len() };
    call(libc::PTRACE_SETREGSET, tid, set.note(), &mut iov as *mut _ as usize).map(drop)
}

/// Code segment of 32-bit programs.
pub const NARROW_CS: u64 = 0x23;

/// True if a thread with these registers runs 32-bit code.
pub fn is_narrow(regs: &libc::user_regs_struct) -> bool {
    regs.cs == NARROW_CS
}

/// General registers in the 64-bit layout, whatever the target's data model.
pub fn user_regs(tid: Tid) -> io::Result<libc::user_regs_struct> {
    // SAFETY: user_regs_struct is plain integers.
    let mut regs: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    call(libc::PTRACE_GETREGS, tid, 0, &mut regs as *mut _ as usize)?;
    Ok(regs)
}

/// Writes what [`user_regs`] reads.
pub fn set_user_regs(tid: Tid, regs: &libc::user_regs_struct) -> io::Result<()> {
    call(libc::PTRACE_SETREGS, tid, 0, regs as *const _ as usize).map(drop)
}

/// Sets all general registers or, if the kernel refuses one, none: it takes one after the other, and keeps those before that one.
/// `old` are the registers as they were.
pub fn change_user_regs(tid: Tid, old: &libc::user_regs_struct, new: &libc::user_regs_struct) -> io::Result<()> {
    set_user_regs(tid, new).inspect_err(|_| drop(set_user_regs(tid, old)))
}

const DEBUGREG: usize = std::mem::offset_of!(libc::user, u_debugreg);
const RAX: usize = std::mem::offset_of!(libc::user, regs) + std::mem::offset_of!(libc::user_regs_struct, rax);

/// The register in which a call leaves its result; takes a fraction of what all registers take.
pub fn result_register(tid: Tid) -> io::Result<u64> {
    peek_user(tid, RAX)
}

/// Debug register `n` (0 to 7).
pub fn debug_reg(tid: Tid, n: usize) -> io::Result<u64> {
    peek_user(tid, DEBUGREG + n * 8)
}

/// A word of the kernel's `struct user`.
fn peek_user(tid: Tid, offset: usize) -> io::Result<u64> {
    // The raw call stores the word at `data`; libc's wrapper would return it and hide errors.
    let mut word = 0u64;
    // SAFETY: PEEKUSER through the raw call writes 8 bytes at `data`.
    let r = unsafe {
        libc::syscall(libc::SYS_ptrace, libc::PTRACE_PEEKUSER as i64, tid as i64, offset, &mut word as *mut u64)
    };
    if r == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(word)
}

/// Writes debug register `n`; EINVAL or EIO for values that the kernel forbids (4, 5, addresses in kernel space).
pub fn set_debug_reg(tid: Tid, n: usize, value: u64) -> io::Result<()> {
    ledger::watches(tid);
    call(libc::PTRACE_POKEUSER, tid, DEBUGREG + n * 8, value as usize).map(drop)
}

/// Where a system-call stop stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syscall {
    /// Not at a system-call stop.
    None,
    /// At entry: number and six arguments.
    Entry {
        /// System call number of the target's own ABI.
        nr: u64,
        /// Arguments.
        args: [u64; 6],
    },
    /// At exit: the result; negative errno on failure.
    Exit {
        /// Return value.
        rval: i64,
    },
}

/// Asks the kernel where the thread stands, and whether in a 32-bit call. Never count stops to tell entry from exit.
pub fn syscall_info(tid: Tid) -> io::Result<(Syscall, bool)> {
    // op u8, pad, arch u32 at 4, ip at 8, sp at 16, then the union at 24 (uapi/linux/ptrace.h).
    let mut b = [0u64; 12];
    call(libc::PTRACE_GET_SYSCALL_INFO, tid, 96, b.as_mut_ptr() as usize)?;
    let narrow = (b[0] >> 32) as u32 == 0x4000_0003;
    let what = match b[0] as u8 {
        1 | 3 => Syscall::Entry { nr: b[3], args: [b[4], b[5], b[6], b[7], b[8], b[9]] },
        2 => Syscall::Exit { rval: b[3] as i64 },
        _ => Syscall::None,
    };
    Ok((what, narrow))
}
