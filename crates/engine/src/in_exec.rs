//! Processes that are in an exec when somebody wants them. The kernel attaches nobody to them then, and keeps whoever tries until the
//! exec is over, which may be never: so SEIZE gives up soon ([`kernel::watchdog`]) and is tried again. Meanwhile the thread counts as
//! an attached one that runs, and who waits for it waits on, as long as he likes. An exec that nobody saw ends like one that was seen:
//! who has lost his right by it loses his seat at the next stop ([`crate::process::Thread::after_exec`]).
//!
//! As long as some threads of a process are ours and others are not, one of the others may exec. The first thread, if it is ours, is
//! gone then without a report, and who has its number now is not ours. That is looked for while it can be so.

use crate::error::Refusal;
use crate::tracer::{Key, Tracer};
use kernel::creds::Creds;
use kernel::procfs::Proc;
use kernel::ptrace::{self, Tid};
use kernel::wait::{self, Status};
use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

/// Between two attempts: at first, and, for each such process there is, at most. An attempt in vain takes two milliseconds.
const PAUSE: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(32)];

/// The processes.
pub(crate) type InExec = BTreeMap<Key, Late>;

/// One that is to be attached as soon as that is possible.
pub(crate) struct Late {
    /// The thread that counts as attached.
    tid: Tid,
    /// In whose name it is to be.
    name: Option<Creds>,
    next: Instant,
    pause: Duration,
}

/// Processes that are, or were for a moment, ours in part, and when it is looked next whether the first thread still is.
pub(crate) type Doubts = BTreeMap<Key, (Instant, Duration)>;

/// Between two looks at one that is being let go and whose first thread does not answer: at first, and at most.
const LOOKS: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];

impl Tracer {
    /// False while some threads of the process may not be ours.
    pub fn is_wholly_ours(&self, key: Key) -> bool {
        !self.in_exec.contains_key(&key) && !self.doubts.contains_key(&key)
    }

    /// Some threads of the process are ours, and others may not be.
    pub fn doubt(&mut self, key: Key) {
        self.doubts.entry(key).or_insert_with(|| (Instant::now() + LOOKS[0], LOOKS[0]));
    }

    /// True if the first thread of the process is lost, which is then attached anew if somebody wants it. `whole`: otherwise all of
    /// them are ours.
    pub fn has_lost_first(&mut self, key: Key, whole: bool) -> bool {
        if !self.doubts.contains_key(&key) {
            return false;
        }
        let counted = self.tids.get(&key.0) == Some(&key);
        if counted && !wait::is_ours(key.0) {
            self.doubts.remove(&key);
            self.lose_first(key);
            return true;
        }
        if whole {
            self.doubts.remove(&key);
        }
        false
    }

    fn lose_first(&mut self, key: Key) {
        self.forget_thread(key.0);
        let Some(process) = self.entries.get_mut(&key).map(|e| &mut e.process) else { return };
        process.threads.remove(&key.0);
        if process.wanted() {
            self.comes_late(key, key.0);
        }
    }

    /// Looks at those who are due.
    pub fn look_at_doubts(&mut self) {
        if self.doubts.is_empty() {
            return;
        }
        let now = Instant::now();
        let due: Vec<Key> = self.doubts.iter().filter(|(_, (at, _))| *at <= now).map(|(key, _)| *key).collect();
        for key in due {
            if self.has_lost_first(key, false) {
                self.settle(key);
            } else if self.tids.get(&key.0) != Some(&key) {
                self.doubts.remove(&key);
            } else if let Some((at, pause)) = self.doubts.get_mut(&key) {
                *pause = (2 * *pause).min(LOOKS[1]);
                *at = now + *pause;
            }
        }
    }

    /// Seizes one thread. EINTR while its process is in an exec.
    pub fn seize(&self, key: Key, proc: &Proc, tid: Tid) -> io::Result<()> {
        let options = self.entries.get(&key).map_or(0, |e| e.process.options());
        let seize = || {
            let seize = || ptrace::seize(tid, options);
            self.in_name.as_ref().map_or_else(seize, |name| name.act_really_on(proc, seize))
        };
        // The leader of a process in which another thread execs is a zombie one moment, and that thread the next.
        seize().or_else(|e| if e.raw_os_error() == Some(libc::EPERM) { seize() } else { Err(e) })
    }

    /// This thread cannot be seized yet.
    pub fn comes_late(&mut self, key: Key, tid: Tid) {
        self.withdraw_exits(key);
        let Some(entry) = self.entries.get_mut(&key) else { return };
        entry.process.attached(tid);
        let late = Late { tid, name: self.in_name.clone(), next: Instant::now() + PAUSE[0], pause: PAUSE[0] };
        self.in_exec.insert(key, late);
    }

    /// When the next attempt, or look, is due.
    pub fn late_due(&self) -> Option<Instant> {
        self.in_exec.values().map(|late| late.next).chain(self.doubts.values().map(|(at, _)| *at)).min()
    }

    /// Makes the attempts that are due.
    pub fn attach_late(&mut self) {
        if self.in_exec.is_empty() {
            return;
        }
        let now = Instant::now();
        let due: Vec<Key> = self.in_exec.iter().filter(|(_, late)| late.next <= now).map(|(key, _)| *key).collect();
        for key in due {
            if let Some(late) = self.in_exec.remove(&key) {
                self.attach_again(key, late);
            }
        }
    }

    fn attach_again(&mut self, key: Key, late: Late) {
        // It may have come by itself, with the exec of a thread that was ours.
        let came = self.tids.get(&late.tid) == Some(&key) && wait::is_ours(late.tid);
        let Some(process) = self.entries.get_mut(&key).map(|e| &mut e.process) else { return };
        if !came {
            process.threads.remove(&late.tid);
        }
        if !process.wanted() {
            return self.settle(key);
        }
        self.in_name = late.name;
        let result = self.attach(key);
        self.in_name = None;
        let most = PAUSE[1].saturating_mul(self.in_exec.len() as u32);
        if let Some(again) = self.in_exec.get_mut(&key) {
            again.pause = (late.pause * 2).min(most);
            again.next = Instant::now() + again.pause;
            return;
        }
        match result {
            Ok(()) => self.look_behind_exec(key),
            Err(refusal) if refusal.errno == libc::ESRCH => self.end_unseen(key),
            Err(refusal) => self.refuse(key, &refusal),
        }
        self.settle(key);
    }

    /// Whatever its threads do next, they stop at once, and it is looked who still has a right to the process.
    fn look_behind_exec(&mut self, key: Key) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        for (tid, thread) in entry.process.threads.iter_mut().filter(|(_, t)| !t.stopped()) {
            (thread.after_exec, thread.interrupt) = (true, true);
            let _ = ptrace::interrupt(*tid);
        }
    }

    /// Others have it, or whoever asked may not have it any more.
    fn refuse(&mut self, key: Key, refusal: &Refusal) {
        let waiters: Vec<_> =
            self.entries.get(&key).map_or(Vec::new(), |e| e.process.waiters.keys().copied().collect());
        for waiter in waiters {
            self.finish_waiter(waiter, Err(refusal.clone()));
        }
        self.drop_all_seats(key);
    }

    /// It has ended, which nobody has reported; in an exec, by a signal.
    fn end_unseen(&mut self, key: Key) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let status = entry.proc.wait_status().and_then(Status::decode);
        entry.process.end(status.unwrap_or(Status::Signaled(libc::SIGKILL, false)));
    }
}
