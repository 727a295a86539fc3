//! How to be near a lone thread that stops again and again: waking another CPU costs many times what a stop costs.
//!
//! If the thread may use one CPU only, we move there and let it go first instead of going to sleep. If it may use several, the
//! kernel would take it away from us at each wake-up, to a CPU that idles. It does not if it finds nobody but tasks of the idle
//! class (sched(7), SCHED_IDLE) where the thread ran last: so we move there in that class. Who has that class may wait long as
//! soon as others want the CPU; [`Guard`] takes us out of it then. Where we would not come out of it again (it takes
//! CAP_SYS_NICE or RLIMIT_NICE), we look for the next stop for a moment instead of sleeping.

use crate::tracer::Queue;
use kernel::ptrace::Tid;
use kernel::thread::{self, Runs};
use kernel::wait::{self, Status};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};
use std::sync::Arc;
use std::thread::Thread;
use std::time::{Duration, Instant};

pub(crate) struct Follow {
    last: Tid,
    /// Reports of it in a row.
    run: u32,
    /// Those since somebody asked for something.
    alone: u32,
    /// At which of them it was asked where the thread runs.
    asked: u32,
    /// Reports before that is asked again if the thread seems to have been moved away from us.
    gap: u32,
    near: Near,
    /// Where we might run before we moved.
    home: Option<libc::cpu_set_t>,
    /// Looks that have seen nothing.
    misses: u32,
    guard: Guard,
}

/// How the thread is followed.
#[derive(Clone, Copy, PartialEq)]
enum Near {
    Not,
    /// On its CPU.
    Beside(usize),
    /// Awake.
    Looking,
}

impl Follow {
    /// Reports of one thread in a row before anything is done.
    const HOT: u32 = 32;
    /// Reports after which it is asked again in any case.
    const AGAIN: u32 = 256;
    /// How often to let others run on our only CPU before going to sleep.
    const YIELDS: u32 = 3;
    /// How long to look for the next stop.
    const LOOK: Duration = Duration::from_micros(50);

    pub fn new(guard: Guard) -> Follow {
        Follow { last: 0, run: 0, alone: 0, near: Near::Not, home: None, misses: 0, asked: 0, gap: 1, guard }
    }

    /// A thread has reported; `tracees`: how many there are.
    pub fn reported(&mut self, tid: Tid, tracees: usize) {
        if tid != self.last || tracees != 1 {
            self.cool();
            self.last = tid;
            return;
        }
        self.run = self.run.saturating_add(1);
        self.alone = self.alone.saturating_add(1);
        let since = self.run.saturating_sub(self.asked);
        let lost = matches!(self.near, Near::Beside(_)) && self.misses > 0 && since >= self.gap;
        if self.run == Self::HOT || self.alone == Self::HOT || since >= Self::AGAIN || lost {
            let before = self.near;
            self.near = self.approach(tid);
            self.gap = if self.near == before { (2 * self.gap).min(Self::AGAIN) } else { 1 };
            (self.asked, self.misses) = (self.run, 0);
        }
    }

    /// Somebody asks for something, and waits for the answer on a CPU of his own choice.
    pub fn disturbed(&mut self) {
        self.alone = 0;
        if self.guard.is_called() {
            self.go_back();
            self.near = Near::Looking;
        }
    }

    fn approach(&mut self, tid: Tid) -> Near {
        if let Some(cpu) = thread::only_cpu(tid) {
            self.guard.dismiss();
            if self.move_to(cpu) {
                return Near::Beside(cpu);
            }
        } else if let Some(cpu) = thread::last_cpu(tid).filter(|_| self.alone >= Self::HOT) {
            if self.guard.call(tid) && self.move_to(cpu) {
                return Near::Beside(cpu);
            }
        }
        self.go_back();
        Near::Looking
    }

    fn move_to(&mut self, cpu: usize) -> bool {
        if self.near == Near::Beside(cpu) {
            return true;
        }
        let before = thread::cpus().ok();
        let moved = before.is_some() && thread::move_to_cpu(0, cpu).is_ok();
        if moved && self.home.is_none() {
            self.home = before;
        }
        moved
    }

    /// Waits a moment for what the thread does next.
    pub fn look(&mut self, queue: &Queue) -> Option<(Tid, Status)> {
        match self.near {
            Near::Not => None,
            Near::Beside(_) => {
                // Waking it made room for it, mostly: one that nobody asks to stop has stopped again by now.
                let at_once = if self.alone > 1 { wait::poll(self.last) } else { None };
                let found = at_once.or_else(|| {
                    let yielded = (0..Self::YIELDS).map(|_| thread::yield_cpu());
                    // Who is asked something need not ask what comes next.
                    yielded.take_while(|()| !queue.waits()).find_map(|()| wait::poll(self.last))
                });
                self.misses += u32::from(found.is_none() && !queue.waits());
                found
            }
            Near::Looking => {
                let until = Instant::now() + Self::LOOK;
                while Instant::now() < until && !queue.waits() {
                    if let Some(report) = wait::poll(self.last) {
                        self.misses = 0;
                        return Some(report);
                    }
                    thread::yield_cpu();
                }
                self.misses += 1;
                if self.misses >= 4 {
                    // It takes its time: so can we.
                    self.cool();
                }
                None
            }
        }
    }

    fn cool(&mut self) {
        self.go_back();
        (self.run, self.alone, self.asked, self.gap, self.near, self.misses) = (0, 0, 0, 1, Near::Not, 0);
    }

    fn go_back(&mut self) {
        self.guard.dismiss();
        if let Some(cpus) = self.home.take() {
            let _ = thread::set_cpus(0, &cpus);
        }
    }
}

/// Puts the tracer thread into the idle class, and takes it out when it does not get its CPU or has nothing to do. A thread of
/// its own does that, in the usual class, and sleeps while it is not needed. Nothing here takes a lock, since who is kept from
/// his CPU may hold it.
pub(crate) struct Guard {
    post: Arc<Post>,
    thread: Option<Thread>,
}

#[derive(Default)]
struct Post {
    /// Thread id of the tracer thread; 0 as long as it has never called.
    tracer: AtomicI32,
    /// The thread that it follows.
    followed: AtomicI32,
    /// It is in the idle class.
    called: AtomicBool,
    /// It is not to go there, for now or for ever.
    refused: AtomicBool,
}

impl Guard {
    /// How often the guard looks.
    const TICK: Duration = Duration::from_millis(10);
    /// Looks in a row that see nothing done before the tracer thread is thought to have nothing to do.
    const QUIET: u32 = 10;
    /// Looks in a row that find it kept from its CPU before it leaves the idle class: one may be an instant of the machine, or of a
    /// task that comes by.
    const KEPT: u32 = 2;
    /// For how long nothing is tried after the tracer thread was kept waiting: at first, for that may have been an instant in which the
    /// machine itself stood still; and at most, if it happens soon again.
    const REST: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

    /// Nobody is guarded, and everything refused, where the idle class cannot be left again.
    pub fn start() -> Guard {
        let post = Arc::new(Post { refused: AtomicBool::new(true), ..Post::default() });
        let mine = post.clone();
        let guard = move || {
            if thread::can_leave_idle_class() {
                mine.refused.store(false, SeqCst);
                mine.stand();
            }
        };
        let started = std::thread::Builder::new().name("pfs-guard".into()).stack_size(128 << 10).spawn(guard);
        Guard { post, thread: started.ok().map(|handle| handle.thread().clone()) }
    }

    /// Puts the calling thread, the tracer's, into the idle class, in which it follows `tid`; false if that is not to be.
    fn call(&self, tid: Tid) -> bool {
        let post = &self.post;
        post.followed.store(tid, SeqCst);
        if post.called.load(SeqCst) {
            return true;
        }
        let Some(guard) = self.thread.as_ref().filter(|_| !post.refused.load(SeqCst)) else { return false };
        if thread::set_idle_class(0, true).is_err() {
            return false;
        }
        post.tracer.store(thread::own_tid(), SeqCst);
        post.called.store(true, SeqCst);
        guard.unpark();
        true
    }

    fn is_called(&self) -> bool {
        self.post.called.load(SeqCst)
    }

    /// Takes the calling thread out of the idle class.
    fn dismiss(&self) {
        if self.post.called.swap(false, SeqCst) {
            let _ = thread::set_idle_class(0, false);
        }
    }
}

/// True if the tracer thread (the first of two) waited for its CPU while the thread that it follows (the second) had it not: as long
/// as that runs, to wait is what it is there for.
fn kept_waiting(before: [Runs; 2], now: [Runs; 2]) -> bool {
    let waited = now[0].waited.saturating_sub(before[0].waited);
    let ran = now[1].ran.saturating_sub(before[1].ran);
    waited.saturating_sub(ran) > Guard::TICK / 2
}

impl Post {
    fn stand(&self) {
        let [first, most] = Guard::REST;
        let mut rest = first;
        loop {
            std::thread::park();
            let since = Instant::now();
            let (mut before, mut quiet, mut kept) = (None::<[Runs; 2]>, 0, 0);
            while self.called.load(SeqCst) {
                std::thread::park_timeout(Guard::TICK);
                let tracer = self.tracer.load(SeqCst);
                let runs = |tid| Runs::of(tid).unwrap_or_default();
                let now = [runs(tracer), runs(self.followed.load(SeqCst))];
                let waits = match before {
                    None => false,
                    Some(before) if before[0] == now[0] => {
                        quiet += 1;
                        thread::is_runnable(tracer)
                    }
                    Some(before) => {
                        quiet = 0;
                        kept_waiting(before, now)
                    }
                };
                before = Some(now);
                kept = if waits { kept + 1 } else { 0 };
                // Where the kernel does not count, nobody can guard.
                let waits = kept >= Guard::KEPT || now[0] == Runs::default();
                if waits || quiet >= Guard::QUIET {
                    self.refused.store(waits, SeqCst);
                    if self.called.swap(false, SeqCst) {
                        let _ = thread::set_idle_class(tracer, false);
                    }
                }
            }
            if since.elapsed() > most {
                rest = first;
            }
            if self.refused.load(SeqCst) {
                std::thread::sleep(rest);
                rest = (2 * rest).min(most);
                self.refused.store(false, SeqCst);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_the_one_he_follows_is_not_kept_waiting() {
        let runs =
            |ran, waited| Runs { ran: Duration::from_millis(ran), waited: Duration::from_millis(waited), times: 1 };
        let before = [runs(50, 100), runs(70, 0)];
        assert!(!kept_waiting(before, [runs(52, 107), runs(77, 0)]));
        assert!(kept_waiting(before, [runs(52, 107), runs(71, 0)]));
        // Another thread is followed now.
        assert!(kept_waiting(before, [runs(52, 107), runs(3, 0)]));
    }
}
