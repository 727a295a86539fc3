//! How one thread serves a lone client that is on another CPU: from there, since waking a CPU costs many times what a request does.
//!
//! The kernel would take the client away from us at each wake-up, to a CPU that idles, but not if it finds nobody but tasks of the
//! idle class (sched(7), SCHED_IDLE) where the client ran last. Who has that class may wait long as soon as others want the CPU, so
//! one of the threads that stand aside meanwhile takes us out of it when too little is done. Nothing is done where the class could not be
//! left again (it takes CAP_SYS_NICE or RLIMIT_NICE).

use kernel::thread;
use parking_lot::Mutex;
use std::io;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::SeqCst};

/// How long nothing is tried after somebody was kept waiting, in nanoseconds.
const REST: u64 = 1_000_000_000;

fn now() -> u64 {
    kernel::machine::since_boot()
}

/// The thread that is near its client, if one is.
#[derive(Default)]
pub struct Near {
    /// Its id, or 0.
    tid: AtomicI32,
    /// The thread that looks after it, or 0.
    guard: AtomicI32,
    /// When one was last kept from that CPU by others, in nanoseconds since the machine was started; 0: never.
    kept_waiting: AtomicU64,
    /// Where it might run before. Never locked in the idle class: who is kept from his CPU would keep others from it.
    home: Mutex<Option<libc::cpu_set_t>>,
}

impl Near {
    /// Moves the calling thread to the CPU of its client, and its guard away from there. False if the client has nobody near after
    /// that.
    pub fn approach(&self, cpu: usize) -> bool {
        let me = thread::own_tid();
        if let Some(home) = thread::home().filter(|_| self.tid.load(SeqCst) == me) {
            return self.settle_on(cpu, &home).is_ok();
        }
        if !self.is_guarded() || self.rests() || !thread::can_leave_idle_class() {
            return false;
        }
        let home = {
            let mut kept = self.home.lock();
            if self.tid.compare_exchange(0, me, SeqCst, SeqCst).is_err() {
                return true;
            }
            let Ok(home) = thread::remember_home() else {
                self.tid.store(0, SeqCst);
                return false;
            };
            *kept = Some(home);
            home
        };
        let there = self.settle_on(cpu, &home).and_then(|()| thread::set_idle_class(0, true)).is_ok();
        // The guard may have gone, and have called it back before it was there.
        let stays = there && self.is_guarded() && self.is_me();
        if !stays {
            let _ = thread::set_idle_class(0, false);
            let _kept = self.home.lock();
            let _ = thread::set_cpus(0, &home);
            let _ = self.tid.compare_exchange(me, 0, SeqCst, SeqCst);
        }
        stays
    }

    /// True if the calling thread is near its client.
    pub fn is_me(&self) -> bool {
        self.tid.load(SeqCst) == thread::own_tid()
    }

    /// If others run there, if only for an instant, the kernel takes the client away.
    fn settle_on(&self, cpu: usize, home: &libc::cpu_set_t) -> io::Result<()> {
        let guard = self.guard.load(SeqCst);
        if guard != 0 {
            let _ = thread::set_cpus(guard, &thread::without(home, cpu));
            if self.guard.load(SeqCst) != guard {
                // It has gone home meanwhile.
                let _ = thread::set_cpus(guard, home);
            }
        }
        thread::move_to_cpu(0, cpu)
    }

    /// Runs `look` in the calling thread, which looks after whoever is near meanwhile and calls it back at the end.
    pub fn guard(&self, look: impl FnOnce()) {
        let home = thread::cpus().ok();
        self.guard.store(thread::own_tid(), SeqCst);
        look();
        if thread::is_runnable(self.tid.load(SeqCst)) {
            self.kept_waiting.store(now(), SeqCst);
        }
        self.guard.store(0, SeqCst);
        self.call_back();
        if let Some(home) = home {
            let _ = thread::set_cpus(0, &home);
        }
    }

    /// True for a while after somebody was kept waiting by others on his client's CPU.
    fn rests(&self) -> bool {
        let last = self.kept_waiting.load(SeqCst);
        last != 0 && now().saturating_sub(last) < REST
    }

    /// True if somebody would look after a thread that is near.
    pub fn is_guarded(&self) -> bool {
        self.guard.load(SeqCst) != 0
    }

    /// Brings the thread back to where it might run, and into the usual class. A thread calls itself back before it ends: no other's
    /// number is taken for its own.
    pub fn call_back(&self) {
        if self.tid.load(SeqCst) == 0 {
            return;
        }
        if self.is_me() {
            let _ = thread::set_idle_class(0, false);
        }
        let home = self.home.lock();
        let tid = self.tid.swap(0, SeqCst);
        if let (Some(home), true) = (&*home, tid != 0) {
            let _ = thread::set_idle_class(tid, false);
            let _ = thread::set_cpus(tid, home);
        }
    }
}
