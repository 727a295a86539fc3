//! Reader threads and the life of a mount.
//!
//! Every thread reads a request, serves it and reads again. A thread that takes the last place at the device starts
//! another one first, so a handler that blocks stops nobody. When the limit is reached, the one thread left at the
//! device only queues requests that may block, and still serves interrupts. The same is done with those of a user who keeps his
//! share of the threads: he waits for himself.
//!
//! A client waits for each answer, so for one client alone that asks often one thread is enough, if it is on the client's CPU, and
//! the others at the device would be woken for nothing. Then all threads but one stand aside, and that one moves to the client
//! (`near`); one of them looks every few milliseconds whether it is stuck. Where it cannot move, more threads are better: one of
//! them may be on a CPU that is awake.

use crate::abi::{self, op};
use crate::bridge::Bridge;
use crate::channel::Channel;
use crate::decode::{decode, is_silent, Bad, Op};
use crate::near::Near;
use crate::notify::Notifier;
use crate::parked::Parked;
use crate::share::own_user;
use kernel::thread::{last_cpu, own_cpu};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::NonNull;
use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tree::closes::Serving;
use tree::{Errno, Flavour};
use zerocopy::FromBytes;

/// Most threads at once. A read of memory that does not come, or of what hangs in the kernel otherwise, keeps one, and nothing can
/// be done about that; so it must be many before others are kept waiting.
pub const LIMIT: usize = 512;
/// Most threads at once for one user, unless he is the daemon's own.
pub const SHARE: usize = LIMIT / 4;
/// Most requests of such a user that wait for his share; to more the answer is EAGAIN.
const WAITING: usize = SHARE;
/// Most threads that stay to wait for requests.
const IDLE: usize = 4;
/// Requests of one client in a row that make it a lone one.
const LONE: u32 = 4 * LOOK;
/// Requests between two looks where the client runs.
const LOOK: u32 = 32;
/// The same by the thread that is near: it has more to lose.
const LOOK_NEAR: u32 = 8;
/// Requests of a lone client in a millisecond that keep a thread aside.
const OFTEN: u32 = 4;
/// How long a thread stands aside before it looks again, in milliseconds: at first, and at most. To look wakes a CPU, and the kernel
/// moves the client to a CPU that is awake and has nothing to do.
const ASIDE: [u32; 2] = [1, 8];
const STACK: usize = 256 << 10;
/// Room for the biggest write and its headers.
const BUFFER: usize = abi::MAX_DATA + (64 << 10);

/// A mount being served.
pub struct Session {
    core: Arc<Core>,
}

impl Session {
    /// Serves `flavour` on `fd`, a `/dev/fuse` descriptor that is mounted.
    pub fn start(fd: OwnedFd, flavour: Arc<dyn Flavour>) -> io::Result<Session> {
        let channel = Arc::new(Channel { fd, parked: Parked::default() });
        let core = Arc::new(Core {
            bridge: Bridge::new(channel.clone(), flavour),
            channel,
            pool: Pool::new(),
            stopping: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            gone: Mutex::new(false),
            on_gone: Condvar::new(),
        });
        core.spawn()?;
        Ok(Session { core })
    }

    /// Blocks until the mount is gone, all parked requests are cancelled and the flavour was told.
    pub fn wait(&self) {
        let mut gone = self.core.gone.lock();
        while !*gone {
            self.core.on_gone.wait(&mut gone);
        }
    }

    /// As [`Session::wait`], for at most `time`. True if the mount is gone.
    pub fn wait_for(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut gone = self.core.gone.lock();
        while !*gone {
            if self.core.on_gone.wait_until(&mut gone, until).timed_out() {
                break;
            }
        }
        *gone
    }

    /// Answers EINTR to every parked request; how many there were. An unmount with requests parked does not end before
    /// this, since the kernel waits for their answers.
    pub fn cancel_all(&self) -> usize {
        self.core.channel.parked.cancel_all()
    }

    /// How many reads, writes and ioctls are being served or parked now.
    pub fn parked(&self) -> usize {
        self.core.channel.parked.len()
    }

    /// True until the kernel has ended the connection, as it does when the last mount is gone.
    pub fn is_connected(&self) -> bool {
        let mut device = libc::pollfd { fd: self.core.channel.fd.as_raw_fd(), events: 0, revents: 0 };
        // SAFETY: one pollfd, which lives through the call.
        let found = unsafe { libc::poll(&mut device, 1, 0) };
        found == 0 || found > 0 && device.revents & libc::POLLERR == 0
    }

    /// How many threads serve the mount now.
    pub fn threads(&self) -> usize {
        self.core.pool.threads()
    }

    /// Sends notifications to the kernel.
    pub fn notifier(&self) -> Notifier {
        Notifier(Arc::downgrade(&self.core.channel))
    }

    /// Ends the session whatever clients still hold: parked requests get EINTR, everything later ENOTCONN. The mount
    /// point stays until it is unmounted. Handlers that block get a signal (a system call may return EINTR) but are
    /// not waited for; the device stays open until they return.
    pub fn abort(self) {
        let core = self.core;
        core.stopping.store(true, SeqCst);
        core.channel.parked.close();
        // Only a request or a signal ends a read of the device. A signal that comes just before the read is lost, hence
        // the repetition.
        let signal = waker();
        let until = Instant::now() + Duration::from_secs(2);
        while core.pool.idle.load(SeqCst) > 0 && Instant::now() < until {
            for line in &core.pool.lines {
                let tid = line.tid.load(SeqCst);
                if tid != 0 {
                    // SAFETY: no memory is involved; the signal has a handler.
                    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), tid, signal) };
                }
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        core.end();
    }
}

struct Core {
    channel: Arc<Channel>,
    bridge: Bridge,
    pool: Pool,
    /// Threads leave instead of serving.
    stopping: AtomicBool,
    /// The end was begun, by the first who saw it.
    ending: AtomicBool,
    gone: Mutex<bool>,
    on_gone: Condvar,
}

struct Pool {
    /// Threads that wait at the device (or are about to), and those that stand aside.
    idle: AtomicUsize,
    /// Those that stand aside.
    aside: AtomicUsize,
    /// The thread that asked last.
    caller: AtomicU32,
    /// How often it asked in a row.
    row: AtomicU32,
    /// The thread that serves it from its CPU.
    near: Near,
    /// There is a lone client; those that stand aside wait for its end.
    lone: Mutex<bool>,
    on_more: Condvar,
    /// Slots without a thread, the next one to be used last.
    slots: Mutex<Vec<usize>>,
    /// What is known of the thread of each slot.
    lines: Box<[Line]>,
    /// Requests nobody could serve when they came. Its length is kept apart to be seen without the lock.
    queue: Mutex<VecDeque<Vec<u8>>>,
    queued: AtomicUsize,
}

/// One cache line, so that threads do not disturb each other.
#[derive(Default)]
#[repr(align(64))]
struct Line {
    /// The request the thread serves, if it is one that cannot be cancelled; 0 otherwise.
    busy: AtomicU64,
    /// The thread's id; 0 if there is none.
    tid: AtomicI32,
    /// The user whom it serves; 0 for nobody, else one more than his number.
    user: AtomicU64,
}

impl Pool {
    fn new() -> Pool {
        Pool {
            idle: AtomicUsize::new(0),
            aside: AtomicUsize::new(0),
            caller: AtomicU32::new(0),
            row: AtomicU32::new(0),
            near: Near::default(),
            lone: Mutex::new(false),
            on_more: Condvar::new(),
            slots: Mutex::new((0..LIMIT).rev().collect()),
            lines: (0..LIMIT).map(|_| Line::default()).collect(),
            queue: Mutex::default(),
            queued: AtomicUsize::new(0),
        }
    }

    /// Counts a request of `caller`. One of nobody (a close) does not count.
    fn count(&self, caller: u32) {
        if caller == 0 {
            return;
        }
        let again = self.caller.swap(caller, Relaxed) == caller;
        let row = if again { self.row.load(Relaxed).wrapping_add(1) } else { 0 };
        let look = if self.near.is_me() { LOOK_NEAR } else { LOOK };
        let stays = if row % look == look - 1 { self.comes_near(caller, row) } else { row > 0 };
        if !stays && self.near.is_me() {
            self.near.call_back();
        }
        self.row.store(if stays { row } else { 0 }, Relaxed);
    }

    /// Brings the calling thread to the CPU of a lone client. False if it is elsewhere and we cannot go there.
    fn comes_near(&self, caller: u32, row: u32) -> bool {
        let Some(cpu) = last_cpu(caller as i32) else { return false };
        own_cpu() == Some(cpu) || row < LONE || !self.near.is_guarded() || self.near.approach(cpu)
    }

    /// Keeps an idle thread from the device as long as a lone client is served by another one. The first to come looks after that.
    fn stand_aside(&self) {
        let may = |aside| (aside + 1 < self.idle.load(SeqCst)).then_some(aside + 1);
        if self.row.load(Relaxed) < LONE || self.aside.fetch_update(SeqCst, SeqCst, may).is_err() {
            return;
        }
        let mut lone = self.lone.lock();
        if *lone {
            self.on_more.wait_while(&mut lone, |lone| *lone);
        } else {
            *lone = true;
            drop(lone);
            self.near.guard(|| self.look_after());
            *self.lone.lock() = false;
            self.on_more.notify_all();
        }
        self.aside.fetch_sub(1, SeqCst);
    }

    /// Looks whether the lone client is served, until it is not, or is no more.
    fn look_after(&self) {
        let [mut pause, most] = ASIDE;
        let mut row = self.row.load(Relaxed);
        loop {
            std::thread::sleep(Duration::from_millis(pause.into()));
            let now = self.row.load(Relaxed);
            // One that begins anew is another row.
            if now.checked_sub(row).is_none_or(|asked| asked < OFTEN * pause) {
                break;
            }
            row = now;
            pause = (2 * pause).min(most);
        }
        self.row.store(0, Relaxed);
    }

    fn threads(&self) -> usize {
        LIMIT - self.slots.lock().len()
    }

    fn take_slot(&self) -> Option<usize> {
        self.slots.lock().pop()
    }

    fn free_slot(&self, slot: usize) {
        self.slots.lock().push(slot);
    }

    fn is_busy_with(&self, unique: u64) -> bool {
        self.lines.iter().any(|line| line.busy.load(SeqCst) == unique)
    }

    /// Who asks. For what nobody waits for, and a close, it is the daemon.
    fn user(&self, bytes: &[u8]) -> u32 {
        let header = abi::InHeader::read_from_prefix(bytes).ok().filter(|_| may_block(bytes));
        let asked = header.filter(|(h, _)| !matches!(h.opcode, op::RELEASE | op::RELEASEDIR));
        asked.map_or_else(own_user, |(h, _)| h.uid)
    }

    /// The thread of this slot serves this user from here on. False if he has his share of the threads.
    fn serves(&self, slot: usize, user: u32) -> bool {
        let (mine, who) = (&self.lines[slot].user, u64::from(user) + 1);
        // First, so that of two who come at once not both find room for one.
        mine.store(who, SeqCst);
        let crowd = || self.lines.iter().filter(|line| line.user.load(SeqCst) == who).count();
        let crowded = user != own_user() && self.threads() > SHARE && crowd() > SHARE;
        if crowded {
            self.serves_nobody(slot);
        }
        !crowded
    }

    fn serves_nobody(&self, slot: usize) {
        self.lines[slot].user.store(0, SeqCst);
    }

    /// Has a request wait until its user has less than his share. False if too many of his do.
    fn defer(&self, bytes: &[u8]) -> bool {
        let (mut queue, asks) = (self.queue.lock(), self.user(bytes));
        if queue.iter().filter(|other| self.user(other) == asks).count() >= WAITING {
            return false;
        }
        queue.push_back(bytes.to_vec());
        self.queued.store(queue.len(), SeqCst);
        true
    }

    fn enqueue(&self, bytes: &[u8]) {
        let mut queue = self.queue.lock();
        queue.push_back(bytes.to_vec());
        self.queued.store(queue.len(), SeqCst);
    }

    fn requeue(&self, bytes: Vec<u8>) {
        let mut queue = self.queue.lock();
        queue.push_front(bytes);
        self.queued.store(queue.len(), SeqCst);
    }

    /// The first request whose user has not his share, for the thread of this slot.
    fn dequeue(&self, slot: usize) -> Option<Vec<u8>> {
        if self.queued.load(SeqCst) == 0 {
            return None;
        }
        let mut queue = self.queue.lock();
        let mut crowded = None;
        let ready = queue.iter().position(|bytes| {
            let asks = self.user(bytes);
            if crowded != Some(asks) && !self.serves(slot, asks) {
                crowded = Some(asks);
            }
            crowded != Some(asks)
        });
        let first = ready.and_then(|at| queue.remove(at));
        self.queued.store(queue.len(), SeqCst);
        first
    }

    /// Takes a request out of the queue; true if it was there.
    fn unqueue(&self, unique: u64) -> bool {
        if self.queued.load(SeqCst) == 0 {
            return false;
        }
        let mut queue = self.queue.lock();
        let at = queue.iter().position(|b| abi::InHeader::read_from_prefix(b).is_ok_and(|(h, _)| h.unique == unique));
        if let Some(at) = at {
            queue.remove(at);
        }
        self.queued.store(queue.len(), SeqCst);
        at.is_some()
    }
}

/// A page-aligned buffer; only the pages once used take memory.
struct Buffer(NonNull<u8>);

// SAFETY: a private mapping with one owner, bound to no thread.
unsafe impl Send for Buffer {}

impl Buffer {
    fn new() -> io::Result<Buffer> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new anonymous mapping touches no memory of ours.
        let p = unsafe { libc::mmap(std::ptr::null_mut(), BUFFER, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        if p == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(p.cast()).map(Buffer).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
    }

    fn fill(&mut self, fd: &OwnedFd) -> io::Result<&[u8]> {
        // SAFETY: the buffer is BUFFER bytes long and borrowed by us alone.
        let n = unsafe { libc::read(fd.as_raw_fd(), self.0.as_ptr().cast(), BUFFER) };
        let n = usize::try_from(n).map_err(|_| io::Error::last_os_error())?;
        // SAFETY: the mapping is initialised (zeros or what was read) and n <= BUFFER.
        Ok(unsafe { std::slice::from_raw_parts(self.0.as_ptr(), n) })
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and no slice of it outlives self.
        unsafe { libc::munmap(self.0.as_ptr().cast(), BUFFER) };
    }
}

impl Core {
    /// Starts a thread, which counts as idle from now on.
    fn spawn(self: &Arc<Self>) -> io::Result<()> {
        let slot = self.pool.take_slot().ok_or(io::ErrorKind::WouldBlock)?;
        self.pool.idle.fetch_add(1, SeqCst);
        let core = self.clone();
        let undo = |e| {
            self.pool.idle.fetch_sub(1, SeqCst);
            self.pool.free_slot(slot);
            e
        };
        let buffer = Buffer::new().map_err(undo)?;
        let started = kernel::thread::start("pfs-fuse", STACK, move || {
            let _ = kernel::thread::take_short_turns();
            let tid = &core.pool.lines[slot].tid;
            // SAFETY: gettid cannot fail.
            tid.store(unsafe { libc::gettid() }, SeqCst);
            core.work(slot, buffer);
            if core.pool.near.is_me() {
                core.pool.near.call_back();
            }
            tid.store(0, SeqCst);
            core.pool.free_slot(slot);
        });
        started.map(drop).map_err(undo)
    }

    /// The life of a thread. It counts as idle whenever the outer loop begins.
    fn work(self: &Arc<Self>, slot: usize, mut buffer: Buffer) {
        let (pool, serving) = (&self.pool, Serving::begin());
        loop {
            serving.has(false);
            pool.stand_aside();
            serving.reads();
            let bytes = match buffer.fill(&self.channel.fd) {
                Ok(bytes) => {
                    serving.has(is_close(bytes));
                    bytes
                }
                Err(e) => match e.raw_os_error() {
                    // ENOENT: the request was interrupted before we had it.
                    Some(libc::EINTR | libc::EAGAIN | libc::ENOENT) if !self.stopping.load(SeqCst) => continue,
                    _ => {
                        pool.idle.fetch_sub(1, SeqCst);
                        self.end();
                        return;
                    }
                },
            };
            let others = pool.idle.fetch_sub(1, SeqCst) - 1;
            if self.stopping.load(SeqCst) {
                return;
            }
            pool.count(caller(bytes));
            if !pool.serves(slot, pool.user(bytes)) {
                if !pool.defer(bytes) {
                    self.channel.fail(unique(bytes), Errno(libc::EAGAIN));
                }
            } else if others == 0 && self.spawn().is_err() && may_block(bytes) {
                pool.serves_nobody(slot);
                pool.enqueue(bytes);
                // Whoever became idle before the request was queued did not see it; whoever comes after does.
                if pool.idle.load(SeqCst) == 0 {
                    pool.idle.fetch_add(1, SeqCst);
                    continue;
                }
            } else {
                self.serve(slot, bytes);
                pool.serves_nobody(slot);
            }
            loop {
                let before = pool.idle.fetch_add(1, SeqCst);
                serving.reads();
                if let Some(bytes) = pool.dequeue(slot) {
                    serving.has(is_close(&bytes));
                    let others = pool.idle.fetch_sub(1, SeqCst) - 1;
                    if others > 0 || self.spawn().is_ok() {
                        self.serve(slot, &bytes);
                        pool.serves_nobody(slot);
                        continue;
                    }
                    // The last one at the device stays there. Who came meanwhile may have found the queue empty.
                    pool.serves_nobody(slot);
                    pool.requeue(bytes);
                    if pool.idle.fetch_add(1, SeqCst) == 0 {
                        break;
                    }
                    pool.idle.fetch_sub(1, SeqCst);
                    continue;
                }
                if before >= IDLE {
                    pool.idle.fetch_sub(1, SeqCst);
                    return;
                }
                break;
            }
        }
    }

    fn serve(&self, slot: usize, bytes: &[u8]) {
        let request = match decode(bytes) {
            Ok(request) => request,
            Err(Bad::Header) => return,
            Err(Bad::Body { unique, opcode }) => {
                if !is_silent(opcode) {
                    self.channel.fail(unique, Errno(libc::EIO));
                }
                return;
            }
        };
        let unique = request.header.unique;
        let opcode = request.header.opcode;
        match request.op {
            Op::Interrupt { unique: target } => {
                let _ = catch_unwind(AssertUnwindSafe(|| self.interrupt(unique, target)));
                return;
            }
            Op::Destroy => {
                let _ = catch_unwind(AssertUnwindSafe(|| self.channel.parked.cancel_all()));
                let _ = self.channel.reply(unique, &[], &[]);
                return;
            }
            _ => {}
        }
        // Requests that can be cancelled are found among the parked ones instead.
        let busy = &self.pool.lines[slot].busy;
        let cancellable = matches!(opcode, op::READ | op::WRITE | op::IOCTL);
        if !cancellable {
            busy.store(unique, SeqCst);
        }
        if catch_unwind(AssertUnwindSafe(|| self.bridge.dispatch(&request))).is_err() && !is_silent(opcode) {
            // A second answer to one request is refused by the kernel, so this is harmless if there was one.
            self.channel.parked.remove(unique);
            self.channel.fail(unique, Errno(libc::EIO));
        }
        if !cancellable {
            busy.store(0, SeqCst);
        }
    }

    fn interrupt(&self, unique: u64, target: u64) {
        if self.channel.parked.cancel(target) || self.pool.is_busy_with(target) {
            return;
        }
        if self.pool.unqueue(target) {
            self.channel.fail(target, Errno(libc::EINTR));
            return;
        }
        // Either the answer is on its way, then the kernel drops the interrupt by itself; or the thread that read the
        // request has not come to register it, then the kernel sends the interrupt again.
        std::thread::yield_now();
        self.channel.fail(unique, Errno(libc::EAGAIN));
    }

    /// The mount is gone, or must be.
    fn end(&self) {
        if self.ending.swap(true, SeqCst) {
            return;
        }
        let _ = catch_unwind(AssertUnwindSafe(|| self.channel.parked.close()));
        let _ = catch_unwind(AssertUnwindSafe(|| self.bridge.end()));
        *self.gone.lock() = true;
        self.on_gone.notify_all();
    }
}

/// The thread that asks; 0 if it is nobody, or nobody we can see.
fn caller(bytes: &[u8]) -> u32 {
    abi::InHeader::read_from_prefix(bytes).map_or(0, |(h, _)| h.pid)
}

fn unique(bytes: &[u8]) -> u64 {
    abi::InHeader::read_from_prefix(bytes).map_or(0, |(h, _)| h.unique)
}

fn is_close(bytes: &[u8]) -> bool {
    abi::InHeader::read_from_prefix(bytes).is_ok_and(|(h, _)| h.opcode == op::RELEASE)
}

/// False for what is served at once whatever happens.
fn may_block(bytes: &[u8]) -> bool {
    abi::InHeader::read_from_prefix(bytes)
        .is_ok_and(|(h, _)| !is_silent(h.opcode) && !matches!(h.opcode, op::INIT | op::DESTROY))
}

/// A signal whose handler does nothing, so that it only ends a system call.
fn waker() -> i32 {
    extern "C" fn nothing(_: i32) {}
    let signal = libc::SIGRTMAX() - 3;
    // SAFETY: valid structures; a handler that somebody else set up is left in place.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut now);
        if now.sa_sigaction == libc::SIG_DFL || now.sa_sigaction == libc::SIG_IGN {
            now = std::mem::zeroed();
            now.sa_sigaction = nothing as *const () as usize;
            libc::sigaction(signal, &now, std::ptr::null_mut());
        }
    }
    signal
}
