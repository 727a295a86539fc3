//! Memory of targets, reached for the tracer by other threads.
//!
//! A page may have to come from a file system that does not answer: whoever waits for it then cannot be ended, and everything that
//! he traces stands with him. The owner of a target decides what is mapped there, at any moment. So the tracer never touches it:
//! one of these threads does, and is given up if it does not come back in time. Each such loss costs the tracer that time, hence
//! no other is risked for a process that has one of them, and few for the processes of one user.

use crate::apart;
use crate::lifted::Words;
use crate::procfs;
use crate::ptrace::Tid;
use crate::thread::{self, is_runnable, move_to_cpu, own_cpu, own_tid, read_memory, write_memory};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicPtr, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const STACK: usize = 64 << 10;

/// How long the tracer waits: a disk has answered by then.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long he waits for a thread that waits for nothing but a CPU.
const STARVED: Duration = Duration::from_secs(10);

/// Most threads that may be lost to the processes of one user.
const MOST_OF_ONE: usize = 4;

/// Most threads that may be lost.
const MOST: usize = 64;

/// What a thread is to do; the answer is whether somebody still waited for it. The tracer has one at a time, and no lock in common with the threads: they may be gone (see
/// [`crate::apart`]).
struct Job(Box<dyn FnOnce() -> bool + Send>);

/// The one that nobody has taken yet.
static JOB: AtomicPtr<Job> = AtomicPtr::new(null_mut());

/// The thread that has taken the last one.
static TAKER: AtomicI32 = AtomicI32::new(0);

/// The thread that waits for a job.
static WAITS: AtomicI32 = AtomicI32::new(0);

/// Counts jobs, for who waits for one.
static JOBS: AtomicU32 = AtomicU32::new(0);

/// Counts threads that were given up, for who makes others.
static LOST: AtomicU32 = AtomicU32::new(0);

static STARTED: AtomicBool = AtomicBool::new(false);

/// How far a job is.
mod stage {
    pub const GIVEN: u32 = 0;
    pub const DONE: u32 = 1;
    /// Nobody waits for it any more.
    pub const GIVEN_UP: u32 = 2;
    pub const OVER: u32 = 3;
}

/// A job that was given up, and whose memory has not come.
struct Loss {
    stage: Arc<AtomicU32>,
    owner: Owner,
}

#[derive(Clone, Copy)]
struct Owner {
    pid: u32,
    uid: u32,
}

/// Known to the tracer alone.
static LOSSES: Mutex<Vec<Loss>> = Mutex::new(Vec::new());

/// Waits until the word is another than `seen`, or something else happens.
fn wait_while(word: &AtomicU32, seen: u32, time: Option<Duration>) {
    let time = time.map(|t| libc::timespec { tv_sec: t.as_secs() as i64, tv_nsec: t.subsec_nanos().into() });
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let wait = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word and the time outlive the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), wait, seen, time) };
}

fn wake_one(word: &AtomicU32) {
    // SAFETY: a plain system call, which does not touch the word.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1) };
}

/// Starts the threads, in the daemon itself: one that is lost must not keep the tracer's process.
pub(crate) fn start() -> io::Result<()> {
    if STARTED.swap(true, SeqCst) {
        return Ok(());
    }
    thread::start("pfs-hands", STACK, keep).map(drop)
}

/// Sees to it that there is one thread that is not lost.
fn keep() {
    const PAUSE: Duration = Duration::from_millis(10);
    let mut made = 0;
    loop {
        let lost = LOST.load(SeqCst);
        while made <= lost {
            match thread::start("pfs-reach", STACK, serve) {
                Ok(_) => made += 1,
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
        wait_while(&LOST, lost, None);
    }
}

/// The life of a thread: job after job, until it was given up in one.
fn serve() {
    loop {
        let jobs = JOBS.load(SeqCst);
        let job = JOB.load(SeqCst);
        if job.is_null() {
            WAITS.store(own_tid(), SeqCst);
            wait_while(&JOBS, jobs, None);
            continue;
        }
        TAKER.store(own_tid(), SeqCst);
        if JOB.compare_exchange(job, null_mut(), SeqCst, SeqCst).is_err() {
            continue;
        }
        // SAFETY: it was a box, and whoever takes the pointer out is its owner.
        let Job(work) = *unsafe { Box::from_raw(job) };
        if !work() {
            return;
        }
    }
}

/// Has `work` done by a thread that may be lost; more than once if the daemon ends meanwhile. EIO if it does not come back, EBUSY
/// if that is not risked.
fn by_another<T: Send + 'static>(tid: Tid, work: impl Fn() -> io::Result<T> + Send + Sync + 'static) -> io::Result<T> {
    if !STARTED.load(SeqCst) || apart::is_alone() {
        return work();
    }
    if is_risky(tid) {
        return Err(io::Error::from_raw_os_error(libc::EBUSY));
    }
    let work = Arc::new(work);
    let stage = Arc::new(AtomicU32::new(stage::GIVEN));
    let answer = Arc::new(Mutex::new(None));
    let put = {
        let (work, stage, answer) = (work.clone(), stage.clone(), answer.clone());
        move || {
            let result = work();
            *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            let waited_for = stage.compare_exchange(stage::GIVEN, stage::DONE, SeqCst, SeqCst).is_ok();
            if !waited_for {
                stage.store(stage::OVER, SeqCst);
            }
            wake_one(&stage);
            waited_for
        }
    };
    come_here();
    JOB.store(Box::into_raw(Box::new(Job(Box::new(put)))), SeqCst);
    JOBS.fetch_add(1, SeqCst);
    wake_one(&JOBS);
    let begun = Instant::now();
    let mut end = begun + PATIENCE;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if stage.load(SeqCst) == stage::DONE {
            let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
            return answer.unwrap_or_else(|| Err(io::Error::from_raw_os_error(libc::EIO)));
        }
        if apart::is_alone() {
            // The thread has ended with the daemon.
            return work();
        }
        if !left.is_zero() {
            wait_while(&stage, stage::GIVEN, Some(left));
            continue;
        }
        let untaken = JOB.load(SeqCst);
        if (!untaken.is_null() || is_runnable(TAKER.load(SeqCst))) && begun.elapsed() < STARVED {
            end += PATIENCE;
            continue;
        }
        if !untaken.is_null() && JOB.compare_exchange(untaken, null_mut(), SeqCst, SeqCst).is_ok() {
            // SAFETY: it was a box, and whoever takes the pointer out is its owner.
            drop(unsafe { Box::from_raw(untaken) });
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        if stage.compare_exchange(stage::GIVEN, stage::GIVEN_UP, SeqCst, SeqCst).is_ok() {
            losses().push(Loss { stage, owner: owner(tid) });
            LOST.fetch_add(1, SeqCst);
            wake_one(&LOST);
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
    }
}

/// Has the thread that waits for a job do it on the tracer's CPU, who waits meanwhile: no other has to wake up for that.
fn come_here() {
    static WHERE: AtomicI64 = AtomicI64::new(-1);
    let (tid, Some(cpu)) = (WAITS.load(SeqCst), own_cpu()) else { return };
    let here = i64::from(tid) << 32 | cpu as i64;
    if tid != 0 && WHERE.swap(here, SeqCst) != here {
        let _ = move_to_cpu(tid, cpu);
    }
}

fn losses() -> std::sync::MutexGuard<'static, Vec<Loss>> {
    LOSSES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// True if a thread should not be risked for this one's process.
fn is_risky(tid: Tid) -> bool {
    let mut losses = losses();
    if losses.is_empty() {
        return false;
    }
    losses.retain(|loss| loss.stage.load(SeqCst) != stage::OVER);
    let of = owner(tid);
    let of_one = losses.iter().filter(|loss| loss.owner.uid == of.uid).count();
    losses.len() >= MOST || of_one >= MOST_OF_ONE || losses.iter().any(|loss| loss.owner.pid == of.pid)
}

fn owner(tid: Tid) -> Owner {
    let status =
        CString::new(format!("{tid}/status")).ok().and_then(|path| procfs::read_at(procfs::root(), &path).ok());
    let status = status.unwrap_or_default();
    let first = |name: &str| procfs::field(&status, name).map(procfs::numbers)?.first().copied();
    Owner { pid: first("Tgid").unwrap_or(tid as u32), uid: first("Uid").unwrap_or(0) }
}

/// Reads memory of the process of `tid` through `mem`, its file of the kernel's: as pread(2).
pub fn read(tid: Tid, mem: BorrowedFd, at: u64, size: usize) -> io::Result<Vec<u8>> {
    let mem = mem.try_clone_to_owned()?;
    by_another(tid, move || procfs::pread(mem.as_fd(), at, size))
}

/// Writes it: as pwrite(2). One that was given up may still come.
pub fn write(tid: Tid, mem: BorrowedFd, at: u64, bytes: &[u8]) -> io::Result<usize> {
    let (mem, bytes) = (mem.try_clone_to_owned()?, bytes.to_vec());
    by_another(tid, move || procfs::pwrite(mem.as_fd(), at, &bytes))
}

/// Reads a piece of program text that lies within one mapping, also where it may only be executed. What was read last is known until
/// [`forget`].
pub fn text(tid: Tid, at: u64, size: usize) -> io::Result<Vec<u8>> {
    let last = || LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = last().as_ref().filter(|text| (text.of, text.bytes.len()) == ((tid, at), size)) {
        return Ok(known.bytes.clone());
    }
    let read = by_another(tid, move || {
        read_memory(tid, at, size).or_else(|_| {
            let path = CString::new(format!("{tid}/mem"))?;
            let mem = procfs::openat(procfs::root(), &path, libc::O_RDONLY)?;
            procfs::pread(mem.as_fd(), at, size)
        })
    });
    *last() = read.as_ref().ok().map(|bytes| Text { of: (tid, at), bytes: bytes.clone() });
    read
}

/// Clears these bits of a byte that the thread could write itself.
pub fn clear(tid: Tid, at: u64, bits: u8) -> io::Result<()> {
    by_another(tid, move || match read_memory(tid, at, 1)?.first() {
        Some(byte) if byte & bits != 0 => write_memory(tid, at, &[byte & !bits]),
        _ => Ok(()),
    })
}

/// The text that was read last. Known to the tracer alone.
static LAST: Mutex<Option<Text>> = Mutex::new(None);

struct Text {
    of: (Tid, u64),
    bytes: Vec<u8>,
}

/// From here on texts may be others.
pub fn forget() {
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// The memory of a thread that stands, by words that it could write itself.
pub struct Others;

impl Words for Others {
    fn peek(&self, tid: Tid, at: u64) -> io::Result<u64> {
        let word = by_another(tid, move || read_memory(tid, at, 8))?;
        word.first_chunk()
            .map(|word| u64::from_ne_bytes(*word))
            .ok_or_else(|| io::Error::from_raw_os_error(libc::EFAULT))
    }

    fn poke(&self, tid: Tid, at: u64, word: u64) -> io::Result<()> {
        by_another(tid, move || write_memory(tid, at, &word.to_ne_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_come_back_is_given_up() {
        start().unwrap();
        let own = std::process::id() as Tid;
        assert_eq!(by_another(own, || Ok(1)).unwrap(), 1);
        let (tell, told) = std::sync::mpsc::channel::<()>();
        let told = Mutex::new(told);
        let hangs = by_another(own, move || told.lock().unwrap().recv().map_err(|_| io::ErrorKind::Other.into()));
        assert_eq!(hangs.unwrap_err().raw_os_error(), Some(libc::EIO));
        assert_eq!(by_another(own, || Ok(2)).unwrap_err().raw_os_error(), Some(libc::EBUSY));
        // Others are served.
        assert_eq!(by_another(1, || Ok(3)).unwrap(), 3);
        tell.send(()).unwrap();
        while by_another(own, || Ok(4)).is_err() {}
        assert!(losses().is_empty());
    }
}
