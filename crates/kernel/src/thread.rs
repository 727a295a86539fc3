//! The tracer thread's bell: SIGCHLD and SIGUSR2 are blocked in every thread and taken by sigtimedwait, so no wake-up is
//! lost between looking at the queues and going to sleep.

use crate::procfs::{read_at, root, Stat};
use crate::ptrace::Tid;
use std::cell::Cell;
use std::ffi::CString;
use std::io;
use std::sync::OnceLock;
use std::time::Duration;

fn bell_set() -> libc::sigset_t {
    // SAFETY: sigset operations on a local set.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGCHLD);
        libc::sigaddset(&mut set, libc::SIGUSR2);
        set
    }
}

/// Blocks the bell's signals in the calling thread and all threads that it will start. To be called first in main.
pub fn block_bell() {
    // SAFETY: a valid set; the old one is not wanted.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &bell_set(), std::ptr::null_mut()) };
}

/// Makes sure that SIGUSR2 and SIGCHLD queue although nobody handles them (an ignored SIGCHLD would be dropped).
pub fn default_bell() {
    // SAFETY: SIG_DFL is a valid disposition for both.
    unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        libc::signal(libc::SIGUSR2, libc::SIG_DFL);
    }
}

/// Why a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bell {
    /// A tracee has something to report. The thread is the one that the signal came for, which is only a hint: others that
    /// came while it was pending are not told of.
    Report(Tid),
    /// Somebody rang.
    Ring,
    /// The time is over, or nothing at all.
    Silence,
}

/// Sleeps until the bell rings or the time is over.
pub fn await_bell(timeout: Option<Duration>) -> Bell {
    // SAFETY: siginfo is plain data; set and timespec outlive the call.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let set = bell_set();
        let spec = timeout
            .map(|t| libc::timespec { tv_sec: t.as_secs().min(1 << 40) as i64, tv_nsec: t.subsec_nanos() as i64 });
        let spec = spec.as_ref().map_or(std::ptr::null(), |s| s as *const _);
        match libc::sigtimedwait(&set, &mut info, spec) {
            libc::SIGCHLD => Bell::Report(info.si_pid()),
            libc::SIGUSR2 => Bell::Ring,
            _ => Bell::Silence,
        }
    }
}

/// Rings the bell of the only thread of process `pid`.
pub fn ring(pid: Tid) {
    // SAFETY: a plain system call.
    unsafe { libc::syscall(libc::SYS_tgkill, pid, pid, libc::SIGUSR2) };
}

/// True if the thread has told the kernel of a list of robust mutexes.
pub fn has_robust_list(tid: Tid) -> bool {
    let (mut head, mut size) = (0usize, 0usize);
    // SAFETY: both words outlive the call.
    let result = unsafe { libc::syscall(libc::SYS_get_robust_list, tid, &mut head, &mut size) };
    result == 0 && head != 0
}

/// Thread id of the calling thread.
pub fn own_tid() -> Tid {
    thread_local!(static TID: Tid = {
        // SAFETY: a plain system call.
        unsafe { libc::gettid() }
    });
    TID.with(|tid| *tid)
}

/// Moves thread `tid` (0: the calling one) to one CPU.
pub fn move_to_cpu(tid: Tid, cpu: usize) -> io::Result<()> {
    // SAFETY: CPU_SET checks nothing, so the number is bounded here.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        if cpu >= libc::CPU_SETSIZE as usize {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        libc::CPU_SET(cpu, &mut set);
        set_cpus(tid, &set)
    }
}

/// Says on which CPUs thread `tid` (0: the calling one) may run.
pub fn set_cpus(tid: Tid, set: &libc::cpu_set_t) -> io::Result<()> {
    // SAFETY: the set is a whole cpu_set_t.
    match unsafe { libc::sched_setaffinity(tid, std::mem::size_of::<libc::cpu_set_t>(), set) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The CPUs that the calling thread may use, to be given back to [`set_cpus`].
pub fn cpus() -> io::Result<libc::cpu_set_t> {
    cpus_of(0)
}

/// The CPUs that thread `tid` may use.
pub fn cpus_of(tid: Tid) -> io::Result<libc::cpu_set_t> {
    // SAFETY: the set is zeroed plain data that outlives the call.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        match libc::sched_getaffinity(tid, std::mem::size_of::<libc::cpu_set_t>(), &mut set) {
            0 => Ok(set),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// The CPU of a thread that may use no other.
pub fn only_cpu(tid: Tid) -> Option<usize> {
    let set = cpus_of(tid).ok()?;
    // SAFETY: the numbers are below the size of the set.
    unsafe {
        if libc::CPU_COUNT(&set) != 1 {
            return None;
        }
        (0..libc::CPU_SETSIZE as usize).find(|cpu| libc::CPU_ISSET(*cpu, &set))
    }
}

/// Lets others run on this CPU first.
pub fn yield_cpu() {
    // SAFETY: a plain system call.
    unsafe { libc::sched_yield() };
}

/// The CPU that thread `tid` last ran on.
pub fn last_cpu(tid: Tid) -> Option<usize> {
    // Not the file of the process, which sums up all its threads.
    let stat = read_of(tid, "stat")?;
    Stat::parse(&stat)?.number(39).map(|cpu| cpu as usize)
}

/// These CPUs without one; all of them if no other is left.
pub fn without(all: &libc::cpu_set_t, cpu: usize) -> libc::cpu_set_t {
    let mut rest = *all;
    // SAFETY: CPU_CLR checks nothing, so the number is bounded here.
    unsafe {
        if cpu < libc::CPU_SETSIZE as usize {
            libc::CPU_CLR(cpu, &mut rest);
        }
        if libc::CPU_COUNT(&rest) == 0 {
            return *all;
        }
    }
    rest
}

/// The CPU that the calling thread is on.
pub fn own_cpu() -> Option<usize> {
    // SAFETY: no pointers.
    usize::try_from(unsafe { libc::sched_getcpu() }).ok()
}

/// True if thread `tid` runs or waits for a CPU.
pub fn is_runnable(tid: Tid) -> bool {
    state(tid) == Some(b'R')
}

/// True if thread `tid` waits for something that may be long in coming.
pub fn sleeps(tid: Tid) -> bool {
    state(tid) == Some(b'S')
}

fn state(tid: Tid) -> Option<u8> {
    Some(Stat::parse(&read_of(tid, "stat")?)?.state)
}

fn read_of(tid: Tid, file: &str) -> Option<Vec<u8>> {
    let path = CString::new(format!("{tid}/task/{tid}/{file}")).ok()?;
    read_at(root(), &path).ok()
}

/// What the scheduler has given a thread so far (the file `schedstat`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// Time on a CPU.
    pub ran: Duration,
    /// Time runnable without a CPU, up to when it last got one.
    pub waited: Duration,
    /// How often it got one.
    pub times: u64,
}

impl Runs {
    /// None where the kernel does not count.
    pub fn of(tid: Tid) -> Option<Runs> {
        let bytes = read_of(tid, "schedstat")?;
        let mut numbers = std::str::from_utf8(&bytes).ok()?.split_whitespace().map(str::parse::<u64>);
        let mut next = || numbers.next()?.ok();
        Some(Runs { ran: Duration::from_nanos(next()?), waited: Duration::from_nanos(next()?), times: next()? })
    }
}

thread_local! {
    /// Where this thread might run before it went elsewhere for a while.
    static HOME: Cell<Option<libc::cpu_set_t>> = const { Cell::new(None) };
}

/// Remembers where the calling thread may run, for it is to go elsewhere for a while, perhaps in the idle class. Threads that it
/// starts by [`start`] meanwhile begin at home.
pub fn remember_home() -> io::Result<libc::cpu_set_t> {
    let home = cpus()?;
    HOME.set(Some(home));
    Ok(home)
}

/// What was remembered.
pub fn home() -> Option<libc::cpu_set_t> {
    HOME.get()
}

/// Starts a thread in the usual class, where the calling one is at home. For all that request handlers start and that lives on.
pub fn start<T: Send + 'static>(
    name: &str,
    stack: usize,
    f: impl FnOnce() -> T + Send + 'static,
) -> io::Result<std::thread::JoinHandle<T>> {
    let home = home();
    std::thread::Builder::new().name(name.into()).stack_size(stack).spawn(move || {
        go_home(home);
        f()
    })
}

/// Puts the calling thread where another one was at home, in the usual class.
pub(crate) fn go_home(home: Option<libc::cpu_set_t>) {
    if let Some(home) = home {
        let _ = set_idle_class(0, false);
        let _ = set_cpus(0, &home);
    }
}

/// True if a thread of ours that is in the idle class may leave it. Tried once, by a thread that ends with it.
pub fn can_leave_idle_class() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    let try_it = || set_idle_class(0, true).and_then(|()| set_idle_class(0, false)).is_ok();
    *CAN.get_or_init(|| std::thread::Builder::new().spawn(try_it).is_ok_and(|t| t.join().unwrap_or(false)))
}

/// Puts a thread (0: the calling one) into the scheduler's idle class (SCHED_IDLE), or back into the usual one. Back is EPERM
/// without CAP_SYS_NICE and a sufficient RLIMIT_NICE.
pub fn set_idle_class(tid: Tid, idle: bool) -> io::Result<()> {
    let class = if idle { libc::SCHED_IDLE } else { libc::SCHED_OTHER };
    set_turns(tid, |_| Some(class as u32))
}

/// Gives the calling thread short turns of the CPU, and thereby soon: the scheduler lets whoever wakes run at once before those
/// whose turns are longer (before Linux 6.12 it makes no difference). For threads that others wait for and that do little at a time.
/// Nothing is done where somebody has chosen another class for us.
pub fn take_short_turns() -> io::Result<()> {
    set_turns(0, |class| Some(class).filter(|class| *class == libc::SCHED_OTHER as u32))
}

/// Gives a thread short turns, and the class that `class` makes of its own; nothing, where that is none.
fn set_turns(tid: Tid, class: impl FnOnce(u32) -> Option<u32>) -> io::Result<()> {
    /// The shortest turn that can be asked for, in nanoseconds.
    const TURN: u64 = 100_000;
    // SAFETY: plain integers, for which zeros are values.
    let mut attr: libc::sched_attr = unsafe { std::mem::zeroed() };
    let size = std::mem::size_of::<libc::sched_attr>();
    // SAFETY: the attributes are live and their size is told.
    let told = unsafe { libc::syscall(libc::SYS_sched_getattr, tid, &raw mut attr, size, 0) };
    if told != 0 {
        return Err(io::Error::last_os_error());
    }
    let Some(class) = class(attr.sched_policy) else { return Ok(()) };
    (attr.sched_policy, attr.sched_runtime) = (class, TURN);
    // SAFETY: the attributes are live and tell their size.
    match unsafe { libc::syscall(libc::SYS_sched_setattr, tid, &raw const attr, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Nice value of a thread (setpriority of one task).
pub fn set_nice(tid: Tid, nice: i32) -> io::Result<()> {
    // SAFETY: a plain system call.
    match unsafe { libc::setpriority(libc::PRIO_PROCESS, tid as u32, nice) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Nice value of a thread.
pub fn nice(tid: Tid) -> io::Result<i32> {
    // SAFETY: a plain system call. It tells 20 less the value, so that no answer looks like an error.
    match unsafe { libc::syscall(libc::SYS_getpriority, libc::PRIO_PROCESS, tid) } {
        -1 => Err(io::Error::last_os_error()),
        told => Ok(20 - told as i32),
    }
}

/// Reads memory of another thread. EFAULT unless all of it is there.
pub fn read_memory(tid: Tid, from: u64, size: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0u8; size];
    let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: size };
    let remote = libc::iovec { iov_base: from as *mut libc::c_void, iov_len: size };
    // SAFETY: the local part is the buffer, which outlives the call; the remote one is checked by the kernel.
    whole(unsafe { libc::process_vm_readv(tid, &local, 1, &remote, 1, 0) }, size).map(|()| bytes)
}

/// Writes memory of another thread, as it could itself. EFAULT unless all of it is there.
pub(crate) fn write_memory(tid: Tid, to: u64, bytes: &[u8]) -> io::Result<()> {
    let local = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let remote = libc::iovec { iov_base: to as *mut libc::c_void, iov_len: bytes.len() };
    // SAFETY: the local part is only read; the remote one is checked by the kernel.
    whole(unsafe { libc::process_vm_writev(tid, &local, 1, &remote, 1, 0) }, bytes.len())
}

fn whole(moved: isize, size: usize) -> io::Result<()> {
    match usize::try_from(moved) {
        Ok(moved) if moved == size => Ok(()),
        Ok(_) => Err(io::Error::from_raw_os_error(libc::EFAULT)),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

/// Sends `signal` to one thread, as tgkill does.
pub fn tgkill(pid: Tid, tid: Tid, signal: i32) -> io::Result<()> {
    // SAFETY: a plain system call.
    match unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sends `signal` to every member of process group `pgid` that the calling thread may signal.
pub fn kill_group(pgid: Tid, signal: i32) -> io::Result<()> {
    // SAFETY: a plain system call.
    match unsafe { libc::kill(-pgid, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_on_its_own_cpu() {
        let home = cpus().unwrap();
        move_to_cpu(0, own_cpu().unwrap()).unwrap();
        assert_eq!(last_cpu(own_tid()), own_cpu());
        assert_eq!(last_cpu(0), None);
        set_cpus(0, &home).unwrap();
    }

    #[test]
    fn what_a_thread_was_given() {
        let before = Runs::of(own_tid()).unwrap();
        while Runs::of(own_tid()).unwrap().ran == before.ran {}
        assert!(is_runnable(own_tid()));
        assert_eq!(Runs::of(0), None);
    }
}
