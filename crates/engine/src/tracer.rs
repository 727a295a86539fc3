//! The tracer thread: every ptrace call and every wait of the engine happens here. It drains the kernel's reports and the
//! queue of jobs, then sleeps until the bell rings; it never waits for a client or for a target.

use crate::engine::{Giver, Watch};
use crate::error::Refusal;
use crate::event::{Call, SigInfo};
use crate::exits::{Armed, Kernel};
use crate::follow::{Follow, Guard};
use crate::glance::{Glance, Stopped};
use crate::identity::changes_ids;
use crate::in_exec::{Doubts, InExec};
use crate::judge::{Judge, Verdicts};
use crate::lwp;
use crate::pages::TRAP;
use crate::process::{signo_of, Action, Await, Outcome, Process, Report, Sleeps, State, Stop, Thread, WaiterId};
use crate::published::{Entries, Published, Shown};
use crate::registers::At;
use crate::restarts::Restarts;
use crate::seat::{Check, Seat, SeatId};
use crate::share::Shares;
use crate::stream::Unheard;
use crate::trap_flag::Flags;
use crate::watcher::Watcher;
use crate::watching::{Trap, Watching};
use abi::syscall::{changes_mask, is_made_again, is_restart, stop_makes_eintr, Abi};
use kernel::creds::Creds;
use kernel::lifted::Lifted;
use kernel::procfs::Proc;
use kernel::ptrace::{self, Go, SiginfoBytes, Syscall, Tid};
use kernel::thread::Bell;
use kernel::wait::{self, Status};
use kernel::watchdog::Watchdog;
use kernel::{apart, ledger, machine, procfs, reach, thread};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Work for the tracer thread.
pub(crate) type Job = Box<dyn FnOnce(&mut Tracer) + Send>;

/// What happens when a wait is over.
type Then = Box<dyn FnOnce(&mut Tracer, Result<(), Refusal>)>;

/// A wait.
struct Waiter {
    key: Key,
    then: Then,
    deadline: Option<Instant>,
    /// The seat with which it ends though what it waits for is not the seat's.
    seat: Option<SeatId>,
    /// May who waits still? It ends with an exec that takes the process from him.
    check: Option<Check>,
}

/// How long jobs, or reports, are done one after the other before the others have their turn.
const TURN: Duration = Duration::from_millis(1);

/// True if a turn is over. It begins with the first question.
fn is_over(since: &mut Option<Instant>) -> bool {
    match since {
        None => {
            *since = Some(Instant::now());
            false
        }
        Some(since) => since.elapsed() > TURN,
    }
}

/// One life of a process: the number and the mark of [`Proc::life`].
pub(crate) type Key = (Tid, u64);

pub(crate) fn key_of(proc: &Proc) -> Key {
    let life = proc.life();
    (life.number as Tid, life.mark)
}

/// The `si_code` of the trap that a thread has reported.
fn trap_code(tid: Tid, status: Status) -> Option<i32> {
    (status == Status::Stopped(libc::SIGTRAP, 0)).then(|| ptrace::siginfo(tid).ok()).flatten().map(|i| i.si_code)
}

/// The way to the tracer thread.
#[derive(Default)]
pub(crate) struct Queue {
    jobs: Mutex<Jobs>,
    tid: AtomicI32,
    /// The tracer thread sleeps, or is about to: it needs the bell to see a job.
    asleep: AtomicBool,
    published: Published,
    pub glance: Glance,
    pub restarts: Restarts,
    seats: AtomicU64,
    /// How often a process was attached or has made an exec.
    moment: AtomicU64,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Work>,
    /// The tracer thread has taken one that it has not done yet.
    at_work: bool,
}

enum Work {
    Do(Job),
    /// Seats that were closed one after the other: what each process is to do without them is looked at once.
    Close(BTreeMap<Key, Vec<SeatId>>),
}

impl Queue {
    /// Queues a job, and rings the bell if the tracer thread sleeps and nobody has rung yet.
    pub fn push(&self, job: Job) {
        self.jobs.lock().waiting.push_back(Work::Do(job));
        self.wake();
    }

    /// Queues the close of a seat.
    pub fn close(&self, key: Key, seat: SeatId) {
        let mut jobs = self.jobs.lock();
        if !matches!(jobs.waiting.back(), Some(Work::Close(_))) {
            jobs.waiting.push_back(Work::Close(BTreeMap::new()));
        }
        if let Some(Work::Close(seats)) = jobs.waiting.back_mut() {
            seats.entry(key).or_default().push(seat);
        }
        drop(jobs);
        self.wake();
    }

    fn wake(&self) {
        if self.asleep.swap(false, Ordering::SeqCst) {
            thread::ring(self.tid.load(Ordering::Acquire));
        }
    }

    /// Sleeps until the bell rings or the time is over; not at all if there is a job.
    fn sleep(&self, timeout: Option<Duration>) -> Bell {
        self.asleep.store(true, Ordering::SeqCst);
        // Whoever queues one from here on rings.
        let bell = if self.waits() { Bell::Silence } else { thread::await_bell(timeout) };
        self.asleep.store(false, Ordering::SeqCst);
        bell
    }

    /// As long as this stays the same, no process that is attached has made an exec, and none was attached.
    pub fn moment(&self) -> u64 {
        // Who was never asked was so at moment 0.
        self.moment.load(Ordering::SeqCst) + 1
    }

    /// What is to be done when a process has ended that nobody may have attached.
    pub fn when_ended(self: &Arc<Queue>, key: Key) -> impl FnOnce(Option<i32>) + Clone + Send + 'static {
        let queue = self.clone();
        move |status| {
            let status = status.and_then(Status::decode).unwrap_or(Status::Exited(0));
            queue.push(Box::new(move |t| t.ended(key, status)));
        }
    }

    /// A name for a new seat.
    pub fn new_seat(&self) -> SeatId {
        self.seats.fetch_add(1, Ordering::Relaxed)
    }

    /// What is published of this process; None if the engine has nothing to say about it. All that was queued before has been
    /// counted: while the tracer thread is at work it has to be asked.
    pub fn shown(&self, key: Key) -> Option<Shown> {
        if self.is_idle() {
            self.published.lock().get(&key).map(|(_, shown)| shown.clone())
        } else {
            Some(Shown::Changed)
        }
    }

    /// The process of this number, if it lives and is in the engine's care.
    pub fn known(&self, pid: Tid) -> Option<Arc<Proc>> {
        let published = self.published.lock();
        let mut lives = published.range((pid, 0)..=(pid, u64::MAX)).map(|(_, (proc, _))| proc);
        lives.find(|proc| proc.alive()).cloned()
    }

    /// All that was queued has been done.
    pub fn is_idle(&self) -> bool {
        let jobs = self.jobs.lock();
        jobs.waiting.is_empty() && !jobs.at_work
    }

    pub fn waits(&self) -> bool {
        !self.jobs.lock().waiting.is_empty()
    }

    fn pop(&self) -> Option<Work> {
        let mut jobs = self.jobs.lock();
        let work = jobs.waiting.pop_front();
        jobs.at_work = work.is_some();
        work
    }
}

/// A process in the engine's care.
pub(crate) struct Entry {
    pub process: Process,
    pub proc: Arc<Proc>,
    /// It is published as it is.
    pub shown: bool,
    /// How the ends of its calls are looked for.
    pub exits: Armed,
    /// Tells of its end where the kernel does not, since it is not attached.
    end: Option<Watch>,
    /// Whose it is in [`Tracer::shares`].
    pub user: Option<u32>,
}

/// The tracer thread's state.
pub(crate) struct Tracer {
    pub queue: Arc<Queue>,
    watcher: Arc<Watcher>,
    pub shares: Shares,
    pub entries: Entries,
    pub tids: BTreeMap<Tid, Key>,
    waiters: BTreeMap<WaiterId, Waiter>,
    deadlines: BTreeSet<(Instant, WaiterId)>,
    /// Which process a client let run last, by which open seat, and when.
    pub ran: Option<(Key, Option<SeatId>, Instant)>,
    /// Until when processes linger.
    lingering: BTreeMap<Key, Instant>,
    next_waiter: WaiterId,
    watchdog: Watchdog,
    /// Reports that came in while something else was going on.
    backlog: VecDeque<(Tid, Status)>,
    /// The trap of a step is let in until the next stop.
    masks: BTreeMap<Tid, Lifted>,
    pub flags: Flags,
    /// What signals are to look like that were sent for a client, and whether they had to be let in.
    forged: BTreeMap<Tid, (SiginfoBytes, Option<Lifted>)>,
    pub injections: BTreeMap<Tid, crate::inject::Injection>,
    pub watching: Watching,
    pub kernel_exits: Kernel,
    /// A stop that was waited for, and nothing has happened since.
    pub stopped: Option<Stopped>,
    follow: Follow,
    unheard: Unheard,
    /// Signals that threads are about to get although they block them.
    unmasked: BTreeMap<Tid, Lifted>,
    /// Threads that were let go where their calls are not seen, and where they stood: as long as one has not left that, the call
    /// that it was in is no news.
    left: BTreeMap<Tid, [u64; 4]>,
    /// Those who are to be attached as soon as their exec is over.
    pub in_exec: InExec,
    pub doubts: Doubts,
    /// In whose name threads are seized: an exec then gives the process no more rights than he may see in it. None: in ours.
    pub in_name: Option<Creds>,
    judge: Judge,
    /// Reports of threads that stand behind an exec, which count as not taken until it is known who has still a right to the process;
    /// and the number by which the answer is known.
    unjudged: BTreeMap<Tid, (Status, u64)>,
    /// By children that came attached and are not wanted: who made them, and the report of that. He goes on when the child has been let
    /// go, or he would find that somebody traces it.
    makers: BTreeMap<Tid, (Tid, Status)>,
    /// When all are to be asked what they have to report.
    ask_of_all: Option<Instant>,
    next_case: u64,
    quit: bool,
}

/// Starts the tracer thread.
pub(crate) fn start() -> io::Result<(Arc<Queue>, Arc<Watcher>, std::thread::JoinHandle<()>)> {
    thread::block_bell();
    thread::default_bell();
    let queue = Arc::new(Queue::default());
    let (tx, rx) = std::sync::mpsc::channel();
    let mine = queue.clone();
    let (guard, judge) = (Guard::start(), Judge::start()?);
    let watcher = Arc::new(Watcher::start()?);
    let ends = watcher.clone();
    let tracer = move || {
        mine.tid.store(thread::own_tid(), Ordering::Release);
        // Without them it works as well, on a busy machine slower.
        let _ = thread::take_short_turns();
        match Watchdog::new() {
            Ok(watchdog) => {
                let _ = tx.send(Ok(()));
                Tracer::new(mine, ends, watchdog, Follow::new(guard), judge).run();
            }
            Err(e) => {
                let _ = tx.send(Err(e));
            }
        }
    };
    let handle = apart::spawn("pfs-tracer", Box::new(tracer))?;
    rx.recv().map_err(|_| io::Error::other("the tracer thread died at its start"))??;
    Ok((queue, watcher, handle))
}

impl Tracer {
    fn new(queue: Arc<Queue>, watcher: Arc<Watcher>, watchdog: Watchdog, follow: Follow, judge: Judge) -> Tracer {
        let entries = Entries::new(queue.published.clone());
        Tracer {
            queue,
            watcher,
            shares: Shares::default(),
            entries,
            tids: BTreeMap::new(),
            waiters: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            ran: None,
            lingering: BTreeMap::new(),
            next_waiter: 1,
            watchdog,
            backlog: VecDeque::new(),
            masks: BTreeMap::new(),
            flags: Flags::default(),
            forged: BTreeMap::new(),
            unmasked: BTreeMap::new(),
            injections: BTreeMap::new(),
            watching: Watching::default(),
            kernel_exits: Kernel::default(),
            stopped: None,
            follow,
            unheard: Unheard::default(),
            left: BTreeMap::new(),
            in_exec: InExec::new(),
            doubts: Doubts::new(),
            in_name: None,
            judge,
            unjudged: BTreeMap::new(),
            makers: BTreeMap::new(),
            ask_of_all: None,
            next_case: 1,
            quit: false,
        }
    }

    fn run(&mut self) {
        let mut bell = Bell::Silence;
        loop {
            self.queue.glance.forget();
            let more = self.take_reports(bell);
            self.take_jobs();
            reach::forget();
            self.expire();
            self.attach_late();
            self.look_at_doubts();
            if more || !self.backlog.is_empty() || self.queue.waits() {
                // The reports of the kernel have their turn between the jobs.
                bell = if more { Bell::Report(0) } else { thread::await_bell(Some(Duration::ZERO)) };
                continue;
            }
            if self.quit && self.tids.is_empty() {
                return;
            }
            if let Some(stopped) = self.stopped.take() {
                self.queue.glance.keep(stopped, || lwp::view(self, stopped.key, stopped.flavour, stopped.shown()));
            }
            if let Some(report) = self.follow.look(&self.queue) {
                self.backlog.push_back(report);
                bell = Bell::Silence;
                self.asks_of_all_later();
                continue;
            }
            self.unheard.wake();
            let first = self.deadlines.first().map(|(at, _)| *at);
            let next = first.into_iter().chain(self.lingering.values().copied()).chain(self.unheard.due());
            let next = next.chain(self.late_due()).chain(self.kernel_exits.due()).chain(self.ask_of_all).min();
            bell = self.queue.sleep(next.map(|at| at.saturating_duration_since(Instant::now())));
        }
    }

    /// Does jobs, for one turn; what an answer brings waits behind those of others.
    fn take_jobs(&mut self) {
        let mut since = None;
        while let Some(work) = self.queue.pop() {
            reach::forget();
            self.follow.disturbed();
            match work {
                Work::Do(job) => job(self),
                Work::Close(seats) => seats.into_iter().for_each(|(key, seats)| self.drop_seats(key, seats)),
            }
            if is_over(&mut since) && self.queue.waits() {
                return;
            }
        }
    }

    /// Takes what the kernel has to report after this bell, for one turn. True if there may be more.
    fn take_reports(&mut self, bell: Bell) -> bool {
        while let Some((tid, status)) = self.backlog.pop_front() {
            self.take_report(tid, status);
        }
        let due = self.ask_of_all.is_some_and(|at| Instant::now() >= at);
        let hint = match bell {
            Bell::Report(hint) => hint,
            _ if due => 0,
            _ => return false,
        };
        // Asking for one thread costs the same however many there are; asking for any costs by their number.
        if self.tids.contains_key(&hint) {
            let alone = self.tids.len() == 1 && !self.brings_children(hint) && !due;
            let report = wait::poll(hint);
            if let Some((tid, status)) = report {
                self.take_report(tid, status);
            }
            // With one tracee, whatever it does next rings again. But that may be drowned by what a child does that came with it.
            if alone && report.is_some() && self.tids.len() <= 1 && self.makers.is_empty() {
                self.asks_of_all_later();
                return false;
            }
        }
        self.ask_of_all = None;
        let mut since = None;
        while let Some((tid, status)) = self.next_report() {
            let key = self.tids.get(&tid).copied();
            self.take_report(tid, status);
            if let Some(key) = key.filter(|_| since.is_some()) {
                self.take_stops(key);
            }
            if is_over(&mut since) {
                return true;
            }
        }
        false
    }

    /// One thread was asked for what it has to report: the others have their turn.
    fn asks_of_all_later(&mut self) {
        const LATER: Duration = Duration::from_millis(10);
        self.ask_of_all.get_or_insert_with(|| Instant::now() + LATER);
    }

    /// The threads of a process stop one after the other when they are asked to: taken by their ids, a report costs the same
    /// however many they are.
    fn take_stops(&mut self, key: Key) {
        const MISSES: u32 = 4;
        let asked = self.entries.get(&key).map_or(Vec::new(), |e| e.process.asked());
        let mut misses = 0;
        for tid in asked {
            match wait::poll(tid) {
                Some((tid, status)) => self.take_report(tid, status),
                None => misses += 1,
            }
            if misses == MISSES {
                return;
            }
        }
    }

    /// True if children of the thread come attached, of whom we learn by their first report.
    fn brings_children(&self, tid: Tid) -> bool {
        let entry = self.tids.get(&tid).and_then(|key| self.entries.get(key));
        entry.and_then(|e| e.process.threads.get(&tid)).is_some_and(Thread::brings_children)
    }

    fn next_report(&mut self) -> Option<(Tid, Status)> {
        self.backlog.pop_front().or_else(|| wait::poll(-1))
    }

    /// Ends everything that is held, then the thread. Threads in an uninterruptible sleep are let go by the kernel when we
    /// end, so they are waited for only until the deadline.
    pub fn shut_down(&mut self) {
        let keys: Vec<Key> = self.entries.keys().copied().collect();
        for key in keys {
            self.drop_all_seats(key);
        }
        let waiting: Vec<WaiterId> = self.waiters.keys().copied().collect();
        for id in waiting {
            self.finish_waiter(id, Err(Refusal::new(libc::EINTR, "the daemon is going down")));
        }
        self.quit = true;
        // There is no seat left that somebody could lose.
        self.backlog.extend(std::mem::take(&mut self.unjudged).into_iter().map(|(tid, (status, _))| (tid, status)));
        self.backlog.extend(std::mem::take(&mut self.makers).into_values());
        let deadline = Instant::now() + Duration::from_secs(2);
        while !self.tids.is_empty() && Instant::now() < deadline {
            match self.next_report() {
                Some((tid, status)) => self.take_report(tid, status),
                None => {
                    thread::await_bell(Some(Duration::from_millis(50)));
                }
            }
        }
        self.tids.clear();
    }

    // ---- seats and waiters -------------------------------------------------------------------------------------------

    /// The entry of a process, made if there is none.
    pub fn entry(&mut self, proc: &Arc<Proc>) -> &mut Entry {
        let key = key_of(proc);
        self.entries.entry(key, || Entry {
            process: Process::new(key.0),
            proc: proc.clone(),
            shown: false,
            exits: Armed::default(),
            end: None,
            user: None,
        })
    }

    /// Takes seats away; what they held is given back.
    pub fn drop_seats(&mut self, key: Key, going: impl IntoIterator<Item = SeatId>) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let going: BTreeSet<SeatId> = going.into_iter().collect();
        entry.process.dismiss_agent(|id| going.contains(&id));
        for id in &going {
            entry.process.forgive(*id);
            if let Some(stream) = entry.process.seats.remove(id).and_then(|seat| seat.stream) {
                stream.close();
            }
        }
        if entry.process.seats.is_empty() {
            entry.process.lingers = false;
            self.lingering.remove(&key);
        }
        let seat_of = |id: &WaiterId, w: &Await| w.seat().or_else(|| self.waiters.get(id)?.seat);
        let orphaned = |(id, w): (&WaiterId, &Await)| seat_of(id, w).filter(|seat| going.contains(seat)).map(|_| *id);
        let orphans: Vec<WaiterId> = entry.process.waiters.iter().filter_map(orphaned).collect();
        for id in orphans {
            self.end_wait(id, Err(Refusal::new(libc::EINTR, "the seat was closed")));
        }
        self.settle(key);
    }

    /// The same of all seats on a process.
    pub fn drop_all_seats(&mut self, key: Key) {
        let all: Vec<SeatId> = self.entries.get(&key).map_or(Vec::new(), |e| e.process.seats.keys().copied().collect());
        self.drop_seats(key, all);
    }

    /// Registers a wait. It is over when `what` is true (perhaps at once), at the time-out or when cancelled.
    pub fn wait_for(&mut self, key: Key, what: Await, timeout: Option<Duration>, then: Then) -> WaiterId {
        let id = self.next_waiter;
        self.next_waiter += 1;
        let deadline = timeout.and_then(|t| Instant::now().checked_add(t));
        self.waiters.insert(id, Waiter { key, then, deadline, seat: None, check: None });
        self.deadlines.extend(deadline.map(|at| (at, id)));
        match self.entries.get_mut(&key) {
            Some(entry) => {
                entry.process.waiters.insert(id, what);
            }
            None => self.finish_waiter(id, Err(Refusal::gone(key.0))),
        }
        id
    }

    /// The wait ends with this seat too.
    pub fn bind(&mut self, id: WaiterId, seat: SeatId) {
        if let Some(waiter) = self.waiters.get_mut(&id) {
            waiter.seat = Some(seat);
        }
    }

    /// The wait is that of who gave an order: with an exec that takes the process from him it ends.
    pub fn wait_of(&mut self, id: WaiterId, giver: &Giver) {
        if let Some(waiter) = self.waiters.get_mut(&id) {
            waiter.check = giver.check.clone();
        }
    }

    /// Ends a wait with this result.
    pub fn finish_waiter(&mut self, id: WaiterId, result: Result<(), Refusal>) {
        if let Some(key) = self.end_wait(id, result) {
            self.settle(key);
        }
    }

    /// The same; the process, which is to be settled then.
    fn end_wait(&mut self, id: WaiterId, result: Result<(), Refusal>) -> Option<Key> {
        let Waiter { key, then, .. } = self.take_waiter(id)?;
        then(self, result);
        Some(key)
    }

    fn take_waiter(&mut self, id: WaiterId) -> Option<Waiter> {
        let waiter = self.waiters.remove(&id)?;
        if let Some(at) = waiter.deadline {
            self.deadlines.remove(&(at, id));
        }
        if let Some(entry) = self.entries.get_mut(&waiter.key) {
            entry.process.waiters.remove(&id);
        }
        Some(waiter)
    }

    fn expire(&mut self) {
        self.kernel_exits.rest();
        if self.deadlines.is_empty() && self.lingering.is_empty() {
            return;
        }
        let now = Instant::now();
        let over: Vec<Key> = self.lingering.iter().filter(|(_, at)| **at <= now).map(|(key, _)| *key).collect();
        for key in over {
            self.linger(key, None);
            self.settle(key);
        }
        while let Some((at, id)) = self.deadlines.first().copied() {
            if at > now {
                break;
            }
            self.deadlines.pop_first();
            self.finish_waiter(id, Err(Refusal::new(libc::ETIMEDOUT, "the time is over")));
        }
    }

    /// Keeps the process attached for this time after the last seat lets go of it; None: no more.
    pub fn linger(&mut self, key: Key, time: Option<Duration>) {
        match time.and_then(|t| Instant::now().checked_add(t)) {
            Some(at) => drop(self.lingering.insert(key, at)),
            None => drop(self.lingering.remove(&key)),
        }
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.process.lingers = time.is_some();
        }
    }

    // ---- attaching ---------------------------------------------------------------------------------------------------

    /// Seizes every thread that is not seized yet. EBUSY: another tracer has it, or it is a kernel thread or ourselves.
    pub fn attach(&mut self, key: Key) -> Result<(), Refusal> {
        let pid = key.0;
        if apart::ours(pid as u32) {
            return Err(Refusal::new(
                libc::EBUSY,
                format!("{pid}: this is the pfs daemon itself, which cannot hold itself"),
            ));
        }
        let before = self.entries.get(&key).is_some_and(|e| !e.process.threads.is_empty());
        let seized = self.seize_all_new(key);
        if !before {
            self.pass_moment();
        }
        seized
    }

    /// A process is attached, or has made an exec: who was asked for his right before is asked again.
    fn pass_moment(&self) {
        self.queue.moment.fetch_add(1, Ordering::SeqCst);
    }

    fn seize_all_new(&mut self, key: Key) -> Result<(), Refusal> {
        let pid = key.0;
        while self.seize_new(key)? > 0 {}
        if self.entries.get(&key).is_some_and(|e| e.process.threads.is_empty()) {
            // It may have come attached, and its first report is still to be taken.
            self.inherit(pid, None);
        }
        let Some(entry) = self.entries.get(&key) else { return Err(Refusal::gone(pid)) };
        if !entry.process.threads.is_empty() {
            return Ok(());
        }
        if entry.proc.has_ended() {
            return Err(Refusal::gone(pid));
        }
        // A thread that execs becomes the first one, which is a zombie meanwhile; under its own number it is there no more.
        self.comes_late(key, pid);
        Ok(())
    }

    /// One pass over the task directory; the number of threads that it added.
    fn seize_new(&mut self, key: Key) -> Result<usize, Refusal> {
        let Some(entry) = self.entries.get(&key).filter(|_| !self.in_exec.contains_key(&key)) else { return Ok(0) };
        let proc = entry.proc.clone();
        let known = entry.process.threads.len();
        // With as many as we know, there is nothing to list.
        let gone = || if proc.has_ended() { Err(Refusal::gone(key.0)) } else { Ok(0) };
        let Ok(there) = proc.count_tasks() else { return gone() };
        if self.has_lost_first(key, there == known) || there == known {
            return Ok(0);
        }
        if known == 0 && there == 1 {
            return self.guarded(|t| t.seize_all(key, &proc, vec![proc.pid()]));
        }
        let Ok(tasks) = proc.tasks() else { return gone() };
        // An exec may be waiting until we reap a thread of the process that is ours already.
        while let Some(report) = wait::poll(-1) {
            self.backlog.push_back(report);
        }
        self.guarded(|t| t.seize_all(key, &proc, tasks))
    }

    /// Does what may meet an exec.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Tracer) -> T) -> T {
        self.watchdog.arm();
        let result = work(self);
        self.watchdog.disarm();
        result
    }

    fn seize_all(&mut self, key: Key, proc: &Proc, tasks: Vec<u32>) -> Result<usize, Refusal> {
        let alone = tasks.len() == 1;
        if !alone {
            self.doubt(key);
        }
        let mut added = 0;
        for tid in tasks.into_iter().map(|t| t as Tid) {
            let Some(entry) = self.entries.get(&key) else { return Ok(added) };
            if entry.process.threads.contains_key(&tid) || self.injections.contains_key(&tid) {
                continue;
            }
            // Threads of the usual C library have a list of robust mutexes, a kernel's worker has none.
            if !alone && !thread::has_robust_list(tid) && is_io_worker(proc, tid) {
                continue;
            }
            let passing = |e: &io::Error| matches!(e.raw_os_error(), Some(libc::ESRCH | libc::EINTR));
            let mut rounds = 0;
            let seized = loop {
                match self.seize(key, proc, tid) {
                    Err(e) if !passing(&e) => match self.explain(proc, tid, e) {
                        Ok(()) => break None,
                        // The zombie that was refused may be the thread that has exec'd by now.
                        Err(why) if why.errno == libc::EPERM && rounds < ROUNDS => rounds += 1,
                        Err(why) => return Err(why),
                    },
                    seized => break Some(seized),
                }
            };
            let Some(seized) = seized else { continue };
            match seized {
                Ok(()) => {
                    let Some(entry) = self.entries.get_mut(&key) else { return Ok(added) };
                    entry.process.attached(tid);
                    self.tids.insert(tid, key);
                    added += 1;
                }
                Err(e) if e.raw_os_error() == Some(libc::EINTR) => {
                    self.comes_late(key, tid);
                    return Ok(added + 1);
                }
                Err(_) => {}
            }
        }
        Ok(added)
    }

    /// Why a SEIZE was refused. Ok if it does not matter: the thread is dead.
    fn explain(&self, proc: &Proc, tid: Tid, e: io::Error) -> Result<(), Refusal> {
        let pid = proc.pid();
        let Some(status) = path(format!("task/{tid}/status")).and_then(|p| procfs::read_at(proc.dir(), &p).ok()) else {
            return Ok(());
        };
        let text = |name: &str| procfs::field(&status, name).map(String::from_utf8_lossy).unwrap_or_default();
        let tracer: u32 = text("TracerPid").trim().parse().unwrap_or(0);
        // TracerPid is a thread id. Ours: a thread that came with its creator, whose first report is still to be taken.
        if tracer as Tid == thread::own_tid() {
            return Ok(());
        }
        if tracer != 0 {
            let comm = path(format!("{tracer}/comm")).and_then(|p| procfs::read_at(procfs::root(), &p).ok());
            let comm = comm.map(|c| String::from_utf8_lossy(&c).trim().to_string()).unwrap_or_default();
            return Err(Refusal::new(
                libc::EBUSY,
                format!("{pid}: already traced by {comm} (pid {tracer}): detach it first"),
            ));
        }
        if text("State").trim().starts_with(['Z', 'X']) {
            return Ok(());
        }
        if tid != pid as Tid {
            // On its way out.
            return Ok(());
        }
        if procfs::field(&status, "VmSize").is_none() {
            return Err(Refusal::new(libc::EBUSY, format!("{pid}: a kernel thread cannot be held")));
        }
        Err(Refusal::os("attach to", pid as i32, &e))
    }

    /// Brings a process in line with what its seats and waiters want.
    pub fn settle(&mut self, key: Key) {
        self.settle_after(key, None);
    }

    /// The same; `reported`: the thread whose report is all that has happened.
    fn settle_after(&mut self, key: Key, mut reported: Option<Tid>) {
        loop {
            self.watch_threads(key);
            self.arm_exits(key);
            let Some(entry) = self.entries.get_mut(&key) else { return };
            let actions = match reported.take() {
                Some(tid) => entry.process.settle_after(tid),
                None => entry.process.settle(),
            };
            self.unheard.add(&mut entry.process.unheard);
            self.perform(actions);
            self.disarm_exits(key);
            self.bury_leader(key);
            let Some(entry) = self.entries.get_mut(&key) else { return };
            if entry.process.stirred {
                continue;
            }
            // Threads made with CLONE_UNTRACED are announced by nobody: look again before saying that all stand.
            if entry.process.rest_awaited() && self.seize_new(key).unwrap_or(0) > 0 {
                continue;
            }
            let Some(entry) = self.entries.get_mut(&key) else { return };
            let woken = entry.process.take_woken();
            if woken.is_empty() {
                break;
            }
            for (id, outcome) in woken {
                let result = match outcome {
                    Outcome::Done => Ok(()),
                    Outcome::Gone => Err(Refusal::gone(key.0)),
                };
                let Some(waiter) = self.take_waiter(id) else { continue };
                (waiter.then)(self, result);
            }
        }
        self.forget_idle(key);
    }

    /// A leader that has ended while other threads live on is reported by nobody until they end too: when it is the only one
    /// that has not answered, look whether it is dead. Its report, when it comes, still ends the process.
    fn bury_leader(&mut self, key: Key) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let process = &mut entry.process;
        let asked = process.threads.get(&key.0).is_some_and(|t| t.state == State::Running && t.interrupt);
        let alone = process.threads.len() < 2;
        let others = || process.threads.iter().all(|(tid, t)| *tid == key.0 || t.state != State::Running);
        if alone || !asked || !others() {
            return;
        }
        let stat = path(format!("task/{}/stat", key.0)).and_then(|p| procfs::read_at(entry.proc.dir(), &p).ok());
        if stat.as_deref().and_then(procfs::Stat::parse).is_some_and(|s| s.state == b'Z') {
            process.threads.remove(&key.0);
        }
    }

    /// The last thread that we had of a process is dead, and not its first. Where that had ended before we came, nobody will report the
    /// end of the process to us. Or a thread lives on that we did not get: one that is in an exec.
    fn lost_the_last(&mut self, key: Key, last: Status) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        if entry.proc.has_ended() {
            let status = entry.proc.wait_status().and_then(Status::decode);
            entry.process.end(status.unwrap_or(last));
        } else if entry.process.wanted() {
            self.comes_late(key, key.0);
        }
    }

    /// A process has ended, as its pidfd tells. Of one that is attached its own report tells more.
    pub fn ended(&mut self, key: Key, status: Status) {
        let told = |e: &Entry| e.process.ended.is_some() && e.process.seats.values().all(Seat::needs_no_end);
        if self.is_attached(key) || self.entries.get(&key).is_none_or(told) {
            return;
        }
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.process.end(status);
        }
        self.settle(key);
    }

    /// The light in the refrigerator: no state for a process that nobody holds.
    fn forget_idle(&mut self, key: Key) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let process = &mut entry.process;
        let agent = process.agent.as_ref().map(|a| a.seat);
        let awaited = |id| process.waiters.values().any(|w| w.seat() == Some(id));
        process.seats.retain(|id, s| {
            !s.standing || (process.ended.is_none() && (s.kept() || agent == Some(*id) || awaited(*id)))
        });
        let kept = process.seats.values().find(|s| s.standing).map(|s| s.opener.uid);
        self.shares.pass(&mut entry.user, kept);
        if process.seats.is_empty() && process.waiters.is_empty() && process.threads.is_empty() {
            self.entries.remove(&key);
            self.doubts.remove(&key);
        } else if kept.is_some() && process.threads.is_empty() && process.ended.is_none() && entry.end.is_none() {
            self.watch_end(key);
        }
    }

    /// What is kept of a process that is not attached ends with it all the same.
    fn watch_end(&mut self, key: Key) {
        let ended = self.queue.when_ended(key);
        let Some(entry) = self.entries.get_mut(&key) else { return };
        match self.watcher.watch_own(&entry.proc, Box::new(ended.clone())) {
            Ok(id) => entry.end = Some(Watch::of(self.watcher.clone(), id)),
            Err(_) if !entry.proc.alive() => ended(None),
            // Looked at again with the next order.
            Err(_) => {}
        }
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            // Every request can fail with ESRCH because the target was killed meanwhile; its death report follows.
            let _ = match action {
                Action::Interrupt(tid) => ptrace::interrupt(tid),
                Action::Resume(tid, Go::Step, signal) => {
                    self.look(tid, signal).unwrap_or_else(|| self.step(tid, signal))
                }
                Action::Resume(tid, how, signal) => {
                    if how == Go::Cont {
                        self.leaves(tid);
                    }
                    self.flags.forget(tid);
                    let how = self.follow_interrupted(tid, how, signal);
                    match self.unmasked.get(&tid) {
                        // To the first instruction of its handler.
                        Some(_) if signal != 0 => ptrace::resume(tid, Go::Step, signal),
                        _ => {
                            if let Some(lifted) = self.unmasked.remove(&tid) {
                                lifted.put_back(tid, None, &reach::Others);
                            }
                            self.resume(tid, how, signal)
                        }
                    }
                }
                Action::Watch(tid) => self.watch_exits(tid),
                Action::Forge(tid, info) => self.forge(tid, &info),
                Action::Listen(tid) => ptrace::listen(tid),
                Action::Options(tid, options) => ptrace::set_options(tid, options),
                Action::End(tid) => self.end_agent(tid),
                // Not before its mask is right again: it is let go at the next stop.
                Action::Detach(tid, signal) if signal != 0 && self.unmasked.contains_key(&tid) => {
                    ptrace::resume(tid, Go::Step, signal)
                }
                Action::Detach(tid, signal) => {
                    self.leaves(tid);
                    self.flags.forget(tid);
                    if let Some(key) = self.tids.remove(&tid).filter(|key| self.is_attached(*key)) {
                        self.doubt(key);
                        self.withdraw_exits(key);
                    }
                    ptrace::detach(tid, ledger::unwatch(tid, signal))
                }
            };
        }
    }

    /// Sends a signal that is to be delivered whatever the mask says.
    fn forge(&mut self, tid: Tid, info: &SiginfoBytes) -> io::Result<()> {
        let Some(key) = self.tids.get(&tid) else { return Ok(()) };
        let signal = 1u64 << ((signo_of(info) - 1) & 63);
        self.forged.insert(tid, (*info, Lifted::lift(tid, signal)?));
        ptrace::queue_signal(key.0, tid, info)
    }

    /// A report of a thread that was given a signal which its mask would hold back: at the first instruction of the handler, mostly.
    /// The mask is put right, and the thread goes on: true.
    fn delivered(&mut self, key: Key, tid: Tid, status: Status) -> bool {
        let Some(lifted) = self.unmasked.remove(&tid) else { return false };
        let code = trap_code(tid, status);
        let step = code.is_some_and(|code| ptrace::is_step_trap(libc::SIGTRAP, code));
        let entry = self.entries.get(&key);
        let going = entry.and_then(|e| e.process.threads.get(&tid)).map(|t| (t.go, t.interrupt));
        self.put_back(key, tid, lifted, code);
        match (going, status) {
            // The step that a client asked for.
            (Some((Go::Step, _)), _) => return false,
            (Some((go, interrupted)), _) if step => {
                ledger::owe(tid, 0);
                // The kernel has forgotten it with this stop.
                if interrupted {
                    let _ = ptrace::interrupt(tid);
                }
                let _ = self.resume(tid, go, 0);
            }
            (Some(_), _) => return false,
            // Nobody wanted it any more before this.
            (None, Status::Stopped(signal, 0)) if !step && signal & 0x80 == 0 => {
                self.tids.remove(&tid);
                let _ = ptrace::detach(tid, signal);
            }
            (None, _) => {
                self.tids.remove(&tid);
                let _ = ptrace::detach(tid, 0);
            }
        }
        true
    }

    /// A blocked SIGTRAP would be forced by the kernel, at the price of the target's disposition: unblock it for the step. A call that
    /// changes the mask is made first, without a trap.
    pub fn step(&mut self, tid: Tid, signal: i32) -> io::Result<()> {
        let regs = ptrace::user_regs(tid)?;
        if signal == 0 && mask_changes(tid, &regs) && self.goes_through_call(tid) {
            return ptrace::resume(tid, Go::Syscall, 0);
        }
        self.let_trap_in(tid)?;
        self.go_one(tid, &regs, signal)
    }

    /// A step that a seat has ordered begins with the call ahead. False if it is nobody's.
    fn goes_through_call(&mut self, tid: Tid) -> bool {
        let entry = self.tids.get(&tid).and_then(|key| self.entries.get_mut(key));
        let thread = entry.and_then(|e| e.process.threads.get_mut(&tid));
        let steps = thread.and_then(|t| Some((t.steps.as_mut()?, &mut t.go)));
        steps.map(|(steps, go)| (steps.go, *go) = (Go::Syscall, Go::Syscall)).is_some()
    }

    /// Unblocks SIGTRAP until the next stop.
    pub fn let_trap_in(&mut self, tid: Tid) -> io::Result<()> {
        self.masks.extend(Lifted::lift(tid, TRAP)?.map(|lifted| (tid, lifted)));
        Ok(())
    }

    // ---- reports -----------------------------------------------------------------------------------------------------

    fn take_report(&mut self, tid: Tid, status: Status) {
        // Killed where it stood.
        self.unjudged.remove(&tid);
        let maker = self.makers.remove(&tid);
        self.makers.retain(|_, (maker, _)| *maker != tid);
        self.take_judged(tid, status, Verdicts::default());
        if let Some((maker, status)) = maker {
            self.take_judged(maker, status, Verdicts::default());
        }
    }

    /// The same; `verdicts`: what is known of who may still control the process.
    fn take_judged(&mut self, tid: Tid, status: Status, verdicts: Verdicts) {
        let key = match self.tids.get(&tid) {
            Some(key) => *key,
            None => match self.adopt(tid, status) {
                Some(key) => key,
                None => return,
            },
        };
        let Some(mut verdicts) = self.judged(key, tid, status, verdicts) else { return };
        self.page_closed(key, tid, status);
        let carrier = matches!(status, Status::Stopped(..)) && self.take_exit(key, tid, status);
        if let Some(injection) = self.injections.get(&tid).filter(|_| carrier) {
            // The instruction is still to come.
            let _ = ptrace::resume(tid, injection.go(), 0);
            return;
        }
        if let Status::Stopped(_, libc::PTRACE_EVENT_STOP) = status {
            // The stop overtook the trap of a step, which would be taken for a signal of the program's own later.
            if ledger::is_stepping(tid) && ptrace::step_trap_pending(tid) && self.take_trap(tid, status) {
                return;
            }
        }
        // On its way out it owes nothing, and does nothing more for us.
        let dying = !matches!(status, Status::Stopped(_, event) if event != libc::PTRACE_EVENT_EXIT);
        if !dying {
            self.take_flag_back(tid);
            if let Some(lifted) = self.masks.remove(&tid) {
                self.put_back(key, tid, lifted, trap_code(tid, status));
            }
            if self.delivered(key, tid, status) {
                return;
            }
            if self.injections.contains_key(&tid) && self.injected(tid, status) {
                self.settle(key);
                return;
            }
        } else {
            self.forget_doings(tid);
        }
        // What was borrowed of it has been given back above.
        let over = |e: &Entry| e.process.ended.is_some();
        if matches!(status, Status::Stopped(..)) && self.entries.get(&key).is_none_or(over) {
            return self.let_go(tid, status);
        }
        let report = match self.watch_stop(key, tid, status) {
            Trap::Goes => return,
            Trap::Idle => Ok(Report::Trap),
            Trap::Foreign if carrier => Ok(Report::Carrier),
            Trap::Foreign => self.translate(tid, status),
        };
        // Killed while it stood there, or its child is to be let go first.
        let Ok(report) = report else { return };
        let born = self.entries.get_mut(&key).and_then(|e| e.process.first_report(tid, &report));
        let report = born.unwrap_or(report);
        if let Report::Dead(_) = report {
            self.tids.remove(&tid);
        }
        if matches!(report, Report::Trap | Report::Exit(_)) {
            self.look_inside(key, tid, &report);
        }
        let thread = self.entries.get_mut(&key).and_then(|e| e.process.threads.get_mut(&tid));
        let unseen = thread.is_some_and(|t| std::mem::take(&mut t.after_exec));
        let exec = matches!(report, Report::Exec(_));
        if exec {
            self.tids.retain(|t, k| {
                let stays = *k != key || *t == tid;
                if !stays {
                    // They ended without a report.
                    ledger::forget(*t);
                    self.unjudged.remove(t);
                }
                stays
            });
            self.reconsider_exits(key);
        }
        if unseen {
            self.reconsider_exits(key);
        }
        self.follow.reported(tid, self.tids.len());
        if self.may_have_changed(key, tid, &report) {
            self.check_ids(key);
        }
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let signal = matches!(report, Report::Signal(..));
        let dead = if let Report::Dead(status) = report { Some(status) } else { None };
        // One that listened has not left its job-control stop.
        let listened = entry.process.threads.get(&tid).is_some_and(|t| t.state == State::Listening);
        let stays = listened && matches!(report, Report::Group(_));
        entry.process.report(tid, report);
        if let Some(thread) = entry.process.threads.get_mut(&tid).filter(|_| !stays) {
            thread.since = machine::since_boot();
        }
        if signal {
            if entry.process.puts_back(tid) {
                back_onto_breakpoint(tid);
            }
            // The trap of a step is nobody's.
            ledger::owe(tid, entry.process.threads.get(&tid).filter(|t| !t.stepped).map_or(0, |t| t.owed));
        }
        if exec || unseen {
            self.pass_moment();
            self.check_openers(key, &mut verdicts);
        }
        let gone = |e: &Entry| e.process.threads.is_empty() && e.process.ended.is_none();
        if let (Some(status), true) = (dead, self.entries.get(&key).is_some_and(gone)) {
            self.lost_the_last(key, status);
        }
        self.settle_after(key, Some(tid));
    }

    /// What was being done with a thread that is dead.
    fn forget_doings(&mut self, tid: Tid) {
        self.masks.remove(&tid);
        self.flags.forget(tid);
        self.forged.remove(&tid);
        self.unmasked.remove(&tid);
        self.injection_died(tid);
    }

    /// A thread is gone without a report.
    pub fn forget_thread(&mut self, tid: Tid) {
        self.forget_doings(tid);
        self.tids.remove(&tid);
        self.unjudged.remove(&tid);
        ledger::forget(tid);
    }

    /// A thread whose calls are traced from here on may be in one already: its entry has been, its exit is to come, or is here.
    fn look_inside(&mut self, key: Key, tid: Tid, report: &Report) {
        let Some(process) = self.entries.get_mut(&key).map(|e| &mut e.process) else { return };
        if !process.seats.values().any(Seat::wants_calls) {
            return;
        }
        let in_turns = process.shows_turns();
        let Some(thread) = process.threads.get_mut(&tid) else { return };
        if *report != Report::Trap && (!in_turns || thread.call.is_some()) {
            return;
        }
        let Ok(r) = ptrace::user_regs(tid) else { return };
        if (r.orig_rax as i64) < 0 {
            return;
        }
        let left = self.left.remove(&tid);
        match (report, self.queue.restarts.slept_in(tid, &r)) {
            (Report::Trap, Some(call)) => thread.found_in(call),
            // An interrupt of a program leaves no number of a call behind.
            (Report::Trap, None)
                if in_turns && thread.go == Go::Cont && left != Some(place(&r)) && !is_put_back(tid, &r) =>
            {
                process.ended_call(tid, Call::of(&r), r.rax as i64);
            }
            (Report::Exit(_), _) => thread.call = Some(thread.exec_call(&r).unwrap_or_else(|| Call::of(&r))),
            _ => {}
        }
    }

    /// The same of threads that stand in the middle of a call whose entry was not looked for.
    pub fn look_into_stopped(&mut self, key: Key) {
        let Some(process) = self.entries.get_mut(&key).map(|e| &mut e.process) else { return };
        for (tid, thread) in process.threads.iter_mut().filter(|(_, t)| t.stopped() && t.go == Go::Cont) {
            let Ok(r) = ptrace::user_regs(*tid) else { continue };
            if let Some(call) = self.queue.restarts.slept_in(*tid, &r) {
                thread.found_in(call);
            }
        }
    }

    /// Changes what a seat asks for; the calls that threads stand in are known from then on, if it asks for calls. True if it needs the
    /// process attached now; None if there is no such seat.
    pub fn change_seat(&mut self, key: Key, seat: SeatId, change: impl FnOnce(&mut Seat)) -> Option<bool> {
        let seat = self.entries.get_mut(&key)?.process.seats.get_mut(&seat)?;
        let before = seat.wants_calls();
        change(seat);
        let (begins, armed) = (seat.wants_calls() && !before, seat.armed());
        if begins {
            self.look_into_stopped(key);
        }
        Some(armed)
    }

    /// True if the process may have other ids since its last report. Calls are too many to look behind each.
    fn may_have_changed(&self, key: Key, tid: Tid, report: &Report) -> bool {
        let thread = self.entries.get(&key).and_then(|e| e.process.threads.get(&tid));
        match report {
            Report::Entry(_) => false,
            Report::Trap if thread.is_some_and(|t| t.looked) => false,
            Report::Exit(_) => thread.and_then(|t| t.call).is_none_or(|call| changes_ids(&call)),
            _ => true,
        }
    }

    /// A thread is let go to where nothing of its calls is seen.
    pub fn leaves(&mut self, tid: Tid) {
        let entry = self.tids.get(&tid).and_then(|key| self.entries.get(key));
        if !entry.is_some_and(|e| e.process.shows_turns()) {
            return;
        }
        // Most are never asked for again, nor is their end told.
        if self.left.len() >= MOST_LEFT {
            self.left.clear();
        }
        if let Ok(r) = ptrace::user_regs(tid) {
            self.left.insert(tid, place(&r));
        }
    }

    /// Lets the pending trap of a step be reported instead of the stop that came before it: the thread runs no instruction in
    /// between. Not for a job-control stop, which would be over by that.
    fn take_trap(&mut self, tid: Tid, status: Status) -> bool {
        status == Status::Stopped(libc::SIGTRAP, libc::PTRACE_EVENT_STOP) && ptrace::get_trap(tid).is_ok()
    }

    /// A report of a thread that we never heard of: a new thread of a process of ours, or a child that is not wanted.
    fn adopt(&mut self, tid: Tid, status: Status) -> Option<Key> {
        if !matches!(status, Status::Stopped(..)) {
            return None;
        }
        let tgid = procfs::tgid_of(tid as u32).map(|t| t as Tid);
        let parent = self.entries.iter().find(|(k, e)| Some(k.0) == tgid && !e.process.threads.is_empty());
        if let Some(key) = parent.map(|(k, _)| *k) {
            self.tids.insert(tid, key);
            return Some(key);
        }
        if let Some(key) = tgid.filter(|t| *t == tid).and_then(|_| self.inherit(tid, None)) {
            return Some(key);
        }
        self.let_go(tid, status);
        None
    }

    /// A thread has stopped whose process nobody has here.
    fn let_go(&mut self, tid: Tid, status: Status) {
        self.tids.remove(&tid);
        let signal = match status {
            Status::Stopped(s, 0) if s & 0x80 == 0 => s,
            _ => 0,
        };
        let _ = ptrace::detach(tid, signal);
    }

    /// A child that has come attached begins with the sets of those seats of its parent that want that (PR_FORK), before any
    /// instruction of its own. None if it has not, or if nobody wants it. The parent is the process `of`, if it is known.
    fn inherit(&mut self, child: Tid, of: Option<Key>) -> Option<Key> {
        let proc = Arc::new(Proc::open(child as u32).ok()?);
        let status = proc.status().ok()?;
        let number = |name: &str| procfs::numbers(procfs::field(&status, name)?).first().map(|n| *n as Tid);
        if number("TracerPid") != Some(thread::own_tid()) {
            return None;
        }
        let entry = match of {
            Some(key) => self.entries.get(&key)?,
            None => {
                let parent = number("PPid")?;
                self.entries.values().find(|e| e.process.pid == parent)?
            }
        };
        let seats: Vec<_> = entry.process.seats.values().filter_map(Seat::for_child).collect();
        let maker = entry.process.maker_of(child);
        if seats.is_empty() {
            return None;
        }
        let (key, queue) = (key_of(&proc), self.queue.clone());
        let process = &mut self.entry(&proc).process;
        for seat in seats {
            // A client may have been faster than the first report, and have made one.
            let made = process.seats.values_mut().find(|s| s.standing && s.flavour == seat.flavour);
            match made {
                Some(made) => made.take_over(seat),
                None => drop(process.seats.insert(queue.new_seat(), seat)),
            }
        }
        process.born(maker);
        self.tids.insert(child, key);
        Some(key)
    }

    /// None if this report is to wait for answers that take longer: the thread stands behind an exec, and counts as one that runs.
    fn judged(&mut self, key: Key, tid: Tid, status: Status, verdicts: Verdicts) -> Option<Verdicts> {
        let entry = self.entries.get(&key);
        let Some(entry) = entry.filter(|e| is_behind_exec(&e.process, tid, status)) else { return Some(verdicts) };
        let seats = entry.process.seats.values().filter_map(|s| s.check.as_ref());
        let waiters = entry.process.waiters.keys().filter_map(|id| self.waiters.get(id)?.check.as_ref());
        let open = verdicts.open(seats.chain(waiters));
        if open.is_empty() {
            return Some(verdicts);
        }
        let (case, queue) = (self.next_case, self.queue.clone());
        self.next_case += 1;
        self.unjudged.insert(tid, (status, case));
        let take = move |t: &mut Tracer, verdicts| {
            if t.unjudged.get(&tid).is_some_and(|(_, current)| *current == case) {
                t.unjudged.remove(&tid);
                t.take_judged(tid, status, verdicts);
            }
        };
        self.judge.ask(entry.proc.clone(), open, verdicts, move |verdicts| {
            queue.push(Box::new(move |t| take(t, verdicts)));
        });
        None
    }

    /// After an exec the kernel is asked again, in each opener's name: whoever may no longer control the process loses his
    /// seat before the new program has run one instruction, and waits no longer.
    fn check_openers(&mut self, key: Key, verdicts: &mut Verdicts) {
        let Some(entry) = self.entries.get(&key) else { return };
        let mut lost_to = |check: Option<&Check>| check.is_some_and(|check| !verdicts.ask(check, &entry.proc));
        let seats = entry.process.seats.iter();
        let mut lost: Vec<SeatId> = seats.filter(|(_, s)| lost_to(s.check.as_ref())).map(|(id, _)| *id).collect();
        let waits = |id: &WaiterId| self.waiters.get(id).and_then(|w| w.check.as_ref());
        let waiters = entry.process.waiters.keys().copied();
        let bereft: Vec<WaiterId> = waiters.filter(|id| lost_to(waits(id))).collect();
        if (lost.is_empty() && bereft.is_empty()) || ptrace::user_regs(key.0).is_err() {
            // Killed while it stood there, which is why it has no memory to be opened: its end is still to be told.
            return;
        }
        if let Some(entry) = self.entries.get_mut(&key) {
            let (process, proc) = (&mut entry.process, &entry.proc);
            lost.retain(|id| !process.seats.get_mut(id).is_some_and(Seat::leave_the_end));
            lost.retain(|id| !process.exec_withdrew(*id, proc));
        }
        // Told when nothing is left of what they asked for.
        let bereft: Vec<Waiter> = bereft.into_iter().filter_map(|id| self.take_waiter(id)).collect();
        self.drop_seats(key, lost);
        for waiter in bereft {
            (waiter.then)(self, Err(Refusal::lost(key.0)));
        }
    }

    /// Kills the process as a seat has asked for (PR_KLC, the end of a controller), if whoever asked may still control it: it may have made
    /// an exec that nobody saw, or that is yet to be reported.
    pub(crate) fn kill_for(&self, key: Key, seat: SeatId) {
        let Some(entry) = self.entries.get(&key) else { return };
        let check = entry.process.seats.get(&seat).and_then(|seat| seat.check.as_ref());
        if check.is_none_or(|check| check.holds(&entry.proc)) {
            let _ = kernel::thread::tgkill(key.0, key.0, libc::SIGKILL);
        }
    }

    fn translate(&mut self, tid: Tid, status: Status) -> io::Result<Report> {
        let (signal, event) = match status {
            Status::Stopped(signal, event) => (signal, event),
            dead => return Ok(Report::Dead(dead)),
        };
        Ok(match event {
            libc::PTRACE_EVENT_STOP => {
                self.repair_eintr(tid)?;
                if signal == libc::SIGTRAP {
                    Report::Trap
                } else {
                    Report::Group(signal)
                }
            }
            libc::PTRACE_EVENT_CLONE => self.born(tid, status, ptrace::event_message(tid)? as Tid)?,
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK => {
                let child = ptrace::event_message(tid)? as Tid;
                self.begets(tid, status, child)?;
                let vfork = (event == libc::PTRACE_EVENT_VFORK).then(|| seen_from(tid, child));
                Report::Fork { child, vfork: vfork.map(i64::from) }
            }
            libc::PTRACE_EVENT_EXEC => Report::Exec(ptrace::event_message(tid)? as Tid),
            libc::PTRACE_EVENT_EXIT => Report::Ending(ptrace::event_message(tid)? as i32),
            0 if signal == libc::SIGTRAP | 0x80 => match ptrace::syscall_info(tid)? {
                (ptrace::Syscall::Entry { nr, args }, narrow) => {
                    let call = Call { nr, args, abi: if narrow { Abi::I386 } else { Abi::X86_64 } };
                    self.forbid(tid, &call)?;
                    Report::Entry(call)
                }
                // The exit of a call that a stop ended: made again at the next point where signals are looked for.
                (ptrace::Syscall::Exit { rval }, _) if rval == -i64::from(libc::EINTR) && self.repair_eintr(tid)? => {
                    ptrace::interrupt(tid)?;
                    Report::Exit(rval.min(-514))
                }
                (ptrace::Syscall::Exit { rval }, _) => Report::Exit(rval),
                (ptrace::Syscall::None, _) => Report::Other,
            },
            0 => {
                self.repair_eintr(tid)?;
                if self.forged.get(&tid).is_some_and(|(info, _)| signo_of(info) == signal) {
                    if let Some((info, lifted)) = self.forged.remove(&tid) {
                        ptrace::set_siginfo_bytes(tid, &info)?;
                        self.unmasked.extend(lifted.map(|lifted| (tid, lifted)));
                    }
                }
                let info = ptrace::siginfo(tid)?;
                // SAFETY: reading members of a union of plain integers; which are meaningful is decided by si_code.
                let (pid, uid, addr) = unsafe { (info.si_pid(), info.si_uid(), info.si_addr() as u64) };
                let sent = info.si_code <= 0;
                let info = SigInfo {
                    signo: signal,
                    code: info.si_code,
                    pid: if sent { pid } else { 0 },
                    uid: if sent { uid } else { 0 },
                    addr: if sent { 0 } else { addr },
                    fate: self.fate(tid, signal),
                };
                let fault = abi::fault::of_signal(info.signo, info.code);
                Report::Signal(info, fault.map(|f| refine(tid, f, info)))
            }
            _ => Report::Other,
        })
    }

    /// A creator's report may be taken long after the new thread's own reports, even after its death.
    fn born(&mut self, creator: Tid, status: Status, new: Tid) -> io::Result<Report> {
        let Some(key) = self.tids.get(&creator).copied() else { return Ok(Report::Other) };
        if !self.tids.contains_key(&new) {
            let Some(entry) = self.entries.get(&key) else { return Ok(Report::Other) };
            match tracer_of(&entry.proc, new) {
                // A process that tells its end by another signal than SIGCHLD.
                None => {
                    self.begets(creator, status, new)?;
                    let process = procfs::tgid_of(new as u32) == Some(new as u32);
                    return Ok(if process { Report::Fork { child: new, vfork: None } } else { Report::Other });
                }
                Some(tracer) if tracer == thread::own_tid() => drop(self.tids.insert(new, key)),
                // It has reported before its maker, and was let go since nobody needed it.
                Some(_) => return Ok(Report::Other),
            }
        }
        Ok(Report::Clone(new))
    }

    /// A child is ours, if it is to be, before its maker can tell anybody its number. If it is not to be, it is let go before: an error
    /// while that is to come, with the maker's report in [`Tracer::makers`].
    fn begets(&mut self, maker: Tid, status: Status, child: Tid) -> io::Result<()> {
        let key = self.tids.get(&maker).copied();
        let inherited =
            |key: &Key| self.entries.get(key).is_some_and(|e| e.process.seats.values().any(Seat::inherited));
        if let Some(key) = key.filter(inherited).filter(|_| !self.tids.contains_key(&child)) {
            self.inherit(child, Some(key));
        }
        if self.tids.contains_key(&child) || !wait::is_ours(child) {
            return Ok(());
        }
        self.makers.insert(child, (maker, status));
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Some calls end with EINTR after any stop although nothing happened to the program. Turning the result into
    /// ERESTARTNOHAND lets the kernel make the call again, or answer EINTR if a handler really runs. It does neither any more where
    /// it has put the thread back before its call and another stop came before it was made.
    pub fn repair_eintr(&self, tid: Tid) -> io::Result<bool> {
        const EINTR: i32 = -libc::EINTR;
        const ERESTARTNOHAND: i64 = -514;
        const TCSBRK: u32 = 0x5409;
        match ptrace::result_register(tid)? as i32 {
            EINTR => {}
            result if is_made_again(result.into()) => {
                self.queue.restarts.remember(tid, &ptrace::user_regs(tid)?);
                return Ok(false);
            }
            _ => {
                if self.queue.restarts.knows(tid) {
                    let inside = self.queue.restarts.inside(tid, &ptrace::user_regs(tid)?);
                    inside.map_or(Ok(()), |regs| ptrace::set_user_regs(tid, &regs))?;
                }
                return Ok(false);
            }
        }
        let mut regs = ptrace::user_regs(tid)?;
        if regs.rax as i32 != EINTR || (regs.orig_rax as i64) < 0 {
            return Ok(false);
        }
        // 64-bit code too can make a call of the other table.
        let gate = reach::text(tid, regs.rip.wrapping_sub(2), 2).unwrap_or_default();
        let call = match is_call(&gate, ptrace::is_narrow(&regs)) {
            Some(abi) => Call::in_table(&regs, abi),
            None => Call::of(&regs),
        };
        let nr = match (call.abi, call.nr, call.args[0] as u16) {
            // socketcall and ipc are many calls: as recvfrom the ones that wait at a socket, as semop the two of semaphores.
            (Abi::I386, 102, 3 | 5 | 9..=12 | 16..=20) => 45,
            (Abi::I386, 117, 1 | 4) => 65,
            // _newselect, as select.
            (Abi::I386, 142, _) => 23,
            (Abi::I386, nr, _) => abi::syscall::set_number(call.abi, nr),
            (Abi::X86_64, nr, _) => nr,
        };
        // tcdrain, which only waits.
        let drains = nr == libc::SYS_ioctl as u64 && call.args[1] as u32 == TCSBRK && call.args[2] != 0;
        let again = match stop_makes_eintr(nr) {
            _ if drains => true,
            None => false,
            Some([]) => true,
            Some(files) => files.iter().any(|at| waits_interruptibly(tid, call.args[*at])),
        };
        if again {
            regs.rax = ERESTARTNOHAND as u64;
            ptrace::set_user_regs(tid, &regs)?;
            self.queue.restarts.remember(tid, &regs);
        }
        Ok(again)
    }

    /// [`Queue::moment`].
    pub fn moment(&self) -> u64 {
        self.queue.moment()
    }

    /// The process of a thread.
    pub fn tid_key(&self, tid: Tid) -> Option<Key> {
        self.tids.get(&tid).copied()
    }

    /// True if the kernel reports to us what the process does, and its end.
    pub fn is_attached(&self, key: Key) -> bool {
        self.entries.get(&key).is_some_and(|e| e.process.threads.keys().any(|tid| self.tids.contains_key(tid)))
    }

    /// The stopped state of a thread, None while it runs.
    pub fn is_stopped(&self, key: Key, tid: Tid) -> bool {
        let thread = self.entries.get(&key).and_then(|e| e.process.threads.get(&tid));
        thread.is_some_and(|t| matches!(t.state, State::Stopped(_)))
    }

    /// Where a thread stands with respect to a system call.
    pub fn at(&self, key: Key, tid: Tid) -> At {
        let thread = self.entries.get(&key).and_then(|e| e.process.threads.get(&tid));
        match thread.map(|t| &t.state) {
            _ if thread.is_some_and(|t| t.result() == Some(0)) => At::Exec,
            Some(State::Stopped(Stop::Entry)) => At::Entry,
            Some(State::Stopped(Stop::Exit)) => At::Exit,
            _ => At::Outside,
        }
    }

    /// False if a thread is not job-control stopped. Of one that was let go and is about to stop again, which runs for an instant,
    /// only a stop tells.
    pub fn may_be_job_stopped(&self, key: Key, tid: Tid, proc: &Proc) -> bool {
        match self.entries.get(&key).and_then(|e| e.process.threads.get(&tid)) {
            Some(thread) => thread.state == State::Listening,
            None => {
                let stat = path(format!("task/{tid}/stat")).and_then(|p| procfs::read_at(proc.dir(), &p).ok());
                stat.as_deref().and_then(procfs::Stat::parse).is_some_and(|s| matches!(s.state, b'T' | b't' | b'R'))
            }
        }
    }

    /// True if a thread that stands does so by job control too.
    pub fn is_job_stopped(&self, key: Key, tid: Tid) -> bool {
        let thread = self.entries.get(&key).and_then(|e| e.process.threads.get(&tid));
        thread.is_some_and(|t| matches!(t.state, State::Listening | State::Stopped(Stop::Group)))
    }
}

/// True if this report is the first behind an exec.
fn is_behind_exec(process: &Process, tid: Tid, status: Status) -> bool {
    let Status::Stopped(_, event) = status else { return false };
    event == libc::PTRACE_EVENT_EXEC || process.threads.get(&tid).is_some_and(|t| t.after_exec)
}

/// The table of the call that the next instruction of a thread makes, if it is one that makes a call.
pub(crate) fn call_ahead(tid: Tid, r: &libc::user_regs_struct) -> Option<Abi> {
    call_at(tid, r.rip, ptrace::is_narrow(r))
}

/// The table of the call that the instruction at this address makes.
pub(crate) fn call_at(tid: Tid, at: u64, narrow: bool) -> Option<Abi> {
    is_call(&reach::text(tid, at, 2).ok()?, narrow)
}

/// The table of the call that this instruction makes, in a code segment of 32 bits (`narrow`) or 64.
pub(crate) fn is_call(text: &[u8], narrow: bool) -> Option<Abi> {
    match (text.first_chunk()?, narrow) {
        ([0xcd, 0x80], _) | ([0x0f, 0x34 | 0x05], true) => Some(Abi::I386),
        ([0x0f, 0x05], _) => Some(Abi::X86_64),
        _ => None,
    }
}

/// Whether what a thread that stands does next is a call, or the rest of one that it sleeps in; `now`: that is to be known for certain.
pub(crate) fn sleeps(tid: Tid, now: bool) -> Sleeps {
    match ptrace::user_regs(tid) {
        Ok(r) if Call::slept_in(&r).is_some() => Sleeps::Yes,
        Ok(r) if !now => Sleeps::If { at: r.rip, narrow: ptrace::is_narrow(&r) },
        Ok(r) if call_ahead(tid, &r).is_some() => Sleeps::Yes,
        _ => Sleeps::No,
    }
}

/// True if what a thread that stands does next is a call with which its signal mask changes, for good or as long as it lasts: the trap
/// behind it comes in another mask than the one that the step began with.
fn mask_changes(tid: Tid, regs: &libc::user_regs_struct) -> bool {
    const ENOSYS: i64 = -(libc::ENOSYS as i64);
    let would = |abi: &Abi| changes_mask(*abi, regs.rax);
    // A look at the instruction costs as much as the step.
    if [Abi::X86_64, Abi::I386].iter().any(would) {
        return call_ahead(tid, regs).as_ref().is_some_and(would);
    }
    let call = Call::of(regs);
    let at_entry = || ptrace::syscall_info(tid).is_ok_and(|(at, _)| matches!(at, Syscall::Entry { .. }));
    regs.rax as i64 == ENOSYS && changes_mask(call.abi, call.nr) && at_entry()
}

/// True if a thread stands before a call only because it will make it again: a second stop found it after the kernel had put it
/// back there, and before it ran. The number of the call is left behind as after one that has ended.
fn is_put_back(tid: Tid, r: &libc::user_regs_struct) -> bool {
    let number = r.rax == r.orig_rax || is_restart(Call::of(r).abi, r.rax);
    // What the instruction leaves in rcx is where it ends.
    number && r.rip != r.rcx && call_ahead(tid, r).is_some()
}

/// Where a thread with these registers stands.
fn place(r: &libc::user_regs_struct) -> [u64; 4] {
    [r.rip, r.rsp, r.rax, r.orig_rax]
}

/// int3 leaves the program counter behind itself.
fn back_onto_breakpoint(tid: Tid) {
    if let Ok(mut regs) = ptrace::user_regs(tid) {
        regs.rip = regs.rip.wrapping_sub(1);
        let _ = ptrace::set_user_regs(tid, &regs);
    }
}

/// Most threads of which it is remembered where they were let go.
const MOST_LEFT: usize = 4096;

/// Code of a SIGSEGV for an address that is mapped and forbidden.
const SEGV_ACCERR: i32 = 2;

/// What the signal alone does not tell of a fault, from the instruction and the stack pointer.
fn refine(tid: Tid, fault: u8, info: SigInfo) -> u8 {
    if fault != abi::fault::BOUNDS || info.signo != libc::SIGSEGV {
        return fault;
    }
    let Ok(regs) = ptrace::user_regs(tid) else { return fault };
    if info.code == SEGV_ACCERR {
        return fault;
    }
    if info.code != abi::fault::SI_KERNEL {
        return abi::fault::of_address(info.addr, regs.rsp);
    }
    let before = 2;
    let from = regs.rip.wrapping_sub(before);
    // The instruction may be the last of its page.
    let text = reach::text(tid, from, 16).or_else(|_| reach::text(tid, from, 4)).unwrap_or_default();
    abi::fault::of_instruction(&text, before as usize, ptrace::is_narrow(&regs))
}

fn path(text: String) -> Option<std::ffi::CString> {
    std::ffi::CString::new(text).ok()
}

/// How often to try a thread that has the number of one that has just ended.
const ROUNDS: u32 = 8;

/// Who traces a thread of the process, 0 for nobody; None if it has no such thread.
fn tracer_of(proc: &Proc, tid: Tid) -> Option<Tid> {
    let status = procfs::read_at(proc.dir(), &path(format!("task/{tid}/status"))?).ok()?;
    procfs::numbers(procfs::field(&status, "TracerPid")?).first().map(|n| *n as Tid)
}

/// The number that process `child` has for the one that made it, which may be in a pid namespace.
fn seen_from(maker: Tid, child: Tid) -> Tid {
    let numbers = |tid: Tid| {
        let status = procfs::read_at(procfs::root(), &path(format!("{tid}/status"))?).ok()?;
        Some(procfs::numbers(procfs::field(&status, "NSpid")?))
    };
    let depth = numbers(maker).map_or(1, |own| own.len());
    let own = || numbers(child)?.get(depth.checked_sub(1)?).map(|n| *n as Tid);
    if depth == 1 {
        child
    } else {
        own().unwrap_or(child)
    }
}

/// Why there is nothing to be done with a thread that is not attached though its process is.
pub(crate) fn absent(proc: &Proc, tid: Tid) -> Refusal {
    if is_io_worker(proc, tid) {
        Refusal::new(libc::EBUSY, format!("{tid}: a worker of the kernel cannot be held"))
    } else {
        Refusal::gone(tid)
    }
}

/// Worker threads of io_uring are the kernel's, although they stand in the task directory: never touched.
pub(crate) fn is_io_worker(proc: &Proc, tid: Tid) -> bool {
    const PF_IO_WORKER: u64 = 0x10;
    let comm = path(format!("task/{tid}/comm"))
        .and_then(|p| procfs::openat(proc.dir(), &p, libc::O_RDONLY).ok())
        .and_then(|fd| procfs::pread(fd.as_fd(), 0, 16).ok());
    let Some(comm) = comm else { return false };
    if !comm.starts_with(b"iou-") {
        return false;
    }
    let stat = path(format!("task/{tid}/stat")).and_then(|p| procfs::read_at(proc.dir(), &p).ok()).unwrap_or_default();
    let flags = procfs::Stat::parse(&stat).and_then(|s| s.number(9)).unwrap_or(0);
    flags & PF_IO_WORKER != 0
}

/// True if descriptor `fd` of the thread is a socket or lies on a FUSE mount: there a read or write that waits is ended by a
/// stop with EINTR. Nothing here opens or walks to the file, which could be on a mount of our own.
fn waits_interruptibly(tid: Tid, fd: u64) -> bool {
    let root = procfs::root();
    let link = path(format!("{tid}/fd/{fd}")).and_then(|p| procfs::readlinkat(root.as_fd(), &p).ok());
    if link.as_deref().is_some_and(|l| l.starts_with(b"socket:")) {
        return true;
    }
    let info = path(format!("{tid}/fdinfo/{fd}")).and_then(|p| procfs::read_at(root.as_fd(), &p).ok());
    let mounts = path(format!("{tid}/mountinfo")).and_then(|p| procfs::read_at(root.as_fd(), &p).ok());
    let (Some(info), Some(mounts)) = (info, mounts) else { return false };
    let Some(id) = procfs::field(&info, "mnt_id").map(|f| String::from_utf8_lossy(f).trim().to_string()) else {
        return false;
    };
    String::from_utf8_lossy(&mounts)
        .lines()
        .filter(|l| l.split(' ').next() == Some(&id))
        .any(|l| l.split(" - ").nth(1).is_some_and(|rest| rest.starts_with("fuse")))
}
