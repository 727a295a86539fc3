//! The handle that flavours use. Every call queues a job for the tracer thread and returns; answers come through closures,
//! called in the tracer thread, which must not wait.

use crate::error::Refusal;
use crate::inject::{self, forgets_nothing, Number};
use crate::pages::Opened;
use crate::process::{Await, Process, State, Steps, Stop, WaiterId};
use crate::published::Shown;
use crate::registers::{self, At, Which};
use crate::seat::{Check, Once, Opener, Question, Seat, SeatId};
use crate::stream::Stream;
use crate::tracer::{self, absent, is_io_worker, key_of, Key, Queue, Tracer};
use crate::watcher::Watcher;
use abi::syscall::Abi;
use kernel::ledger;
use kernel::procfs::{self, InCall, Proc};
use kernel::ptrace::{self, Tid};
use kernel::reach;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// How an order ended.
pub type Done = Box<dyn FnOnce(Result<(), Refusal>) + Send>;

/// A change of what a seat asks for.
pub type Change = Box<dyn FnOnce(&mut Seat) + Send>;

/// What a seat can be told to do.
pub enum Order {
    /// Vote that the process (or one thread) stands; done when it does, or at once without `wait`.
    Stop {
        /// Only this thread.
        tid: Option<Tid>,
        /// Answer when it stands.
        wait: bool,
    },
    /// Wait until the process stands because of this seat (or by job control); `event`: only for an event with this word;
    /// `end`: until the process has ended.
    Await {
        /// One of [`crate::event::What::word`].
        event: Option<&'static str>,
        /// ETIMEDOUT after that.
        timeout: Option<Duration>,
    },
    /// Take the vote back.
    Run {
        /// Only that of this thread.
        tid: Option<Tid>,
    },
    /// Run until the next event of this kind; done when all threads stand.
    RunUntil(Once),
    /// Run one thread by this many instructions; done when it stands again.
    Step {
        /// The thread; None: the one that stands on the seat's event, else the leader.
        tid: Option<Tid>,
        /// Instructions, at least 1.
        n: u64,
    },
    /// Change the seat's sets.
    Change(Change),
    /// Give back everything that the seat holds.
    Detach,
    /// Forget the signal that stopped threads are about to get.
    ClearSignal {
        /// Only of this thread.
        tid: Option<Tid>,
    },
    /// End the system call that stopped threads are in or about to make, with EINTR.
    Abort {
        /// Only of this thread.
        tid: Option<Tid>,
    },
    /// Close a descriptor of the process.
    Close(u32),
}

/// Which seat an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seated {
    /// The flavour's standing seat on the process, made when first needed.
    Standing(&'static str),
    /// One made by [`Target::open_seat`].
    Open(SeatId),
}

/// Who gives an order: for the record, and to be asked again at each exec.
#[derive(Clone)]
pub struct Giver {
    /// For the record.
    pub opener: Opener,
    /// May he still?
    pub check: Option<Check>,
    /// [`Engine::moment`] just before he was asked last; 0 if he is to be asked whenever it matters.
    pub asked: u64,
    /// Does anybody have a file of the process open for writing? Asked of flavours that go by that.
    pub writers: Option<Question>,
    /// The thread of the process itself that gives it: it waits in its request, and cannot stand before that is answered.
    pub own: Option<Tid>,
}

impl Giver {
    /// Refuses him if the process may have made an exec since he was asked, and he may not control it any more. To be called when
    /// the process is attached: from then on execs are seen.
    pub(crate) fn judge(&self, t: &Tracer, proc: &Arc<Proc>) -> Result<(), Refusal> {
        if self.asked == t.moment() || self.check.as_ref().is_none_or(|check| check.holds(proc)) {
            return Ok(());
        }
        let pid = proc.pid() as Tid;
        let status = proc.status().unwrap_or_default();
        // On its way out it has no memory, to which nobody has a right.
        Err(if procfs::field(&status, "VmSize").is_some() { Refusal::lost(pid) } else { Refusal::gone(pid) })
    }
}

/// A way to give up on an order that waits.
#[derive(Clone)]
pub struct Ticket {
    shared: Arc<Shared>,
    waiter: Arc<Mutex<Option<u64>>>,
}

impl Ticket {
    /// The waiter that is to be ended.
    pub(crate) fn waits_as(&self, waiter: WaiterId) {
        *self.waiter.lock() = Some(waiter);
    }

    /// Ends the wait with EINTR. Votes and armed stops stay as they are.
    pub fn cancel(&self) {
        let waiter = self.waiter.clone();
        self.shared.queue.push(Box::new(move |t| {
            let id = waiter.lock().take();
            if let Some(id) = id {
                t.finish_waiter(id, Err(Refusal::new(libc::EINTR, "interrupted")));
            }
        }));
    }
}

/// One seat, as shown in `holders` and `pfs status`.
#[derive(Clone, Debug)]
pub struct SeatShown {
    /// Flavour.
    pub flavour: &'static str,
    /// Standing seat or open file.
    pub standing: bool,
    /// Who.
    pub opener: Opener,
    /// Since when.
    pub since: SystemTime,
    /// What it holds, in words.
    pub what: String,
    /// It holds the process as a whole.
    pub holds: bool,
    /// Who traces the process by it.
    pub controller: Option<u32>,
}

/// One thread, as shown in `ustat.json`.
#[derive(Clone, Debug)]
pub struct ThreadShown {
    /// Thread id.
    pub tid: Tid,
    /// `running`, `stopped`, `signal`, `entry`, `exit`, `jobstop`.
    pub state: &'static str,
    /// Signal that it will get when it runs on; 0 for none.
    pub signal: i32,
}

/// A process in the engine's care.
#[derive(Clone, Debug)]
pub struct Held {
    /// Process id.
    pub pid: Tid,
    /// Seats on it.
    pub seats: Vec<SeatShown>,
    /// Its attached threads.
    pub threads: Vec<ThreadShown>,
}

pub(crate) struct Shared {
    pub(crate) queue: Arc<Queue>,
    pub(crate) watcher: Arc<Watcher>,
    places: Places,
}

/// Most open seats on one process. What the process does, and each order, is compared with what each of them wants.
pub const MOST_SEATS: usize = 1024;

/// How many open seats there are on each process.
#[derive(Default)]
struct Places(Mutex<BTreeMap<Key, usize>>);

impl Places {
    fn take(&self, key: Key) -> Result<(), Refusal> {
        let mut all = self.0.lock();
        let taken = all.entry(key).or_default();
        if *taken == MOST_SEATS {
            return Err(Refusal::new(libc::ENOSPC, format!("{}: {MOST_SEATS} seats are open on it", key.0)));
        }
        *taken += 1;
        Ok(())
    }

    fn give_back(&self, key: Key) {
        let mut all = self.0.lock();
        if let Some(taken) = all.get_mut(&key) {
            *taken -= 1;
            if *taken == 0 {
                all.remove(&key);
            }
        }
    }
}

/// The engine. One per daemon; clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    thread: Arc<Mutex<Option<std::thread::JoinHandle<()>>>>,
}

impl Engine {
    /// Starts the tracer thread. To be called before other threads are started, since it blocks SIGCHLD and SIGUSR2 in the
    /// calling thread for them to inherit.
    pub fn start() -> io::Result<Engine> {
        let (queue, watcher, thread) = tracer::start()?;
        let shared = Shared { queue, watcher, places: Places::default() };
        Ok(Engine { shared: Arc::new(shared), thread: Arc::new(Mutex::new(Some(thread))) })
    }

    /// The way to one process.
    pub fn target(&self, proc: Arc<Proc>) -> Target {
        Target { shared: self.shared.clone(), proc }
    }

    /// The process that has this number, if some seat holds or traces it: who uses this one needs no descriptors of his own.
    pub fn known(&self, pid: u32) -> Option<Arc<Proc>> {
        self.shared.queue.known(pid as Tid)
    }

    /// As long as this stays the same, no process that is attached has made an exec, and none was attached: who had a right to a
    /// process that is attached has it still.
    pub fn moment(&self) -> u64 {
        self.shared.queue.moment()
    }

    /// All processes that some seat holds or traces.
    pub fn held(&self) -> Vec<Held> {
        let (tx, rx) = std::sync::mpsc::channel();
        self.shared.queue.push(Box::new(move |t| {
            let _ = tx.send(t.entries.values().map(show).collect());
        }));
        rx.recv().unwrap_or_default()
    }

    /// Lets every process go, losing nothing, and ends the tracer thread.
    pub fn shut_down(&self) {
        self.shared.queue.push(Box::new(Tracer::shut_down));
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }

    /// Gives back what the standing seats of a flavour hold, everywhere.
    pub fn drop_standing(&self, flavour: &'static str) {
        self.shared.queue.push(Box::new(move |t| {
            let keys: Vec<Key> = t.entries.keys().copied().collect();
            for key in keys {
                let ids: Vec<SeatId> = t.entries.get(&key).map_or(Vec::new(), |e| {
                    let mine = e.process.seats.iter().filter(|(_, s)| s.standing && s.flavour == flavour);
                    mine.map(|(id, _)| *id).collect()
                });
                t.drop_seats(key, ids);
            }
        }));
    }
}

fn show(entry: &tracer::Entry) -> Held {
    let seats = entry.process.seats.values();
    let threads = entry.process.threads.iter();
    Held {
        pid: entry.process.pid,
        seats: seats
            .map(|s| SeatShown {
                flavour: s.flavour,
                standing: s.standing,
                opener: s.opener,
                since: s.since,
                what: s.describe(),
                holds: s.hold,
                controller: s.turns.as_ref().and_then(|t| t.controller.as_ref()).map(|c| c.life.number),
            })
            .collect(),
        threads: threads
            .map(|(tid, t)| ThreadShown {
                tid: *tid,
                signal: t.owed,
                state: match &t.state {
                    State::Running => "running",
                    State::Listening | State::Stopped(Stop::Group) => "jobstop",
                    State::Stopped(Stop::Plain | Stop::Within(_)) => "stopped",
                    State::Stopped(Stop::Signal(..)) => "signal",
                    State::Stopped(Stop::Entry) => "entry",
                    State::Stopped(Stop::Exit) => "exit",
                },
            })
            .collect(),
    }
}

/// One process, as the engine sees it.
#[derive(Clone)]
pub struct Target {
    shared: Arc<Shared>,
    proc: Arc<Proc>,
}

impl Target {
    pub(crate) fn of(shared: Arc<Shared>, proc: Arc<Proc>) -> Target {
        Target { shared, proc }
    }

    /// The process.
    pub fn proc(&self) -> &Arc<Proc> {
        &self.proc
    }

    /// The number of the call that a sleeping thread is in, by what the kernel says of it.
    pub fn number_of(&self, tid: u32, abi: Abi, call: &InCall) -> u64 {
        self.shared.queue.restarts.number(tid as Tid, abi, call.nr, call.at)
    }

    /// Makes a seat that lives until [`Target::close_seat`], with its event stream, which ends with the process. The watch is
    /// to be kept as long as the seat; None if the process has ended. ENOSPC if there are [`MOST_SEATS`] on it.
    pub fn open_seat(&self, flavour: &'static str, giver: Giver) -> Result<OpenSeat, Refusal> {
        self.sit(Seat::new(flavour, false, giver.opener, giver.check), |_, _, _| {})
    }

    /// Seats an open file; `then` is done in the tracer thread when it sits.
    fn sit(
        &self,
        mut seat: Seat,
        then: impl FnOnce(&mut Tracer, Key, SeatId) + Send + 'static,
    ) -> Result<OpenSeat, Refusal> {
        self.shared.places.take(key_of(&self.proc))?;
        let id = self.shared.queue.new_seat();
        let stream = Stream::new();
        seat.stream = Some(stream.clone());
        let proc = self.proc.clone();
        self.job(move |t, key| {
            t.entry(&proc).process.seats.insert(id, seat);
            then(t, key, id);
        });
        Ok((id, stream, self.end_with_process()))
    }

    /// A seat that reports job-control stops, exec and the end of the process and never stops it. Without `control`, if another tracer
    /// has the process, or when the giver may not control it any more, it reports the end only.
    pub fn watch_states(&self, flavour: &'static str, giver: Giver, control: bool) -> Result<OpenSeat, Refusal> {
        let mut seat = Seat::new(flavour, false, giver.opener, giver.check.clone());
        let proc = self.proc.clone();
        (seat.report, seat.end, seat.watches_end) = (true, true, true);
        // What happens after the open is told: it must not return before the process is attached.
        let (tell, told) = std::sync::mpsc::channel();
        let seated = self.sit(seat, move |t, key, id| {
            let attached = control && t.attach(key).and_then(|()| giver.judge(t, &proc)).is_ok();
            with_seat(t, key, id, |s| (s.job, s.exec) = (attached, attached));
            t.settle(key);
            let _ = tell.send(());
        })?;
        let _ = told.recv();
        Ok(seated)
    }

    /// Gives back what an open seat holds and forgets it.
    pub fn close_seat(&self, id: SeatId) {
        let key = key_of(&self.proc);
        self.shared.queue.close(key, id);
        self.shared.places.give_back(key);
    }

    /// A reader has made room in the seat's stream: the process may go on.
    pub fn drained(&self) {
        self.job(|t, key| t.settle(key));
    }

    /// Calls back once, when the process ends; the wait status if it can be known.
    pub fn on_end(&self, callback: impl FnOnce(Option<i32>) + Send + 'static) -> io::Result<Watch> {
        let id = self.shared.watcher.watch(&self.proc, Box::new(callback))?;
        Ok(Watch::of(self.shared.watcher.clone(), id))
    }

    /// Calls back once, when this thread ends. ENOSYS where the kernel does not tell (before Linux 6.9).
    pub fn on_end_of(&self, tid: Tid, callback: impl FnOnce() + Send + 'static) -> io::Result<Watch> {
        let id = self.shared.watcher.watch_thread(&self.proc, tid, Box::new(callback)).map_err(|e| {
            if e.raw_os_error() == Some(libc::EINVAL) {
                io::Error::from_raw_os_error(libc::ENOSYS)
            } else {
                e
            }
        })?;
        Ok(Watch::of(self.shared.watcher.clone(), id))
    }

    /// Nobody reports the death of a process that is not attached; a pidfd does.
    fn end_with_process(&self) -> Option<Watch> {
        let ended = self.shared.queue.when_ended(key_of(&self.proc));
        match self.on_end(ended.clone()) {
            Ok(watch) => Some(watch),
            Err(_) => {
                ended(None);
                None
            }
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn ticket(&self) -> Ticket {
        Ticket { shared: self.shared.clone(), waiter: Arc::default() }
    }

    fn job(&self, f: impl FnOnce(&mut Tracer, Key) + Send + 'static) {
        let key = key_of(&self.proc);
        self.shared.queue.push(Box::new(move |t| f(t, key)));
    }

    /// Gives an order to a seat.
    pub fn order(&self, seat: Seated, giver: Giver, order: Order, done: Done) -> Ticket {
        let ticket = self.ticket();
        let (proc, shared, waiter) = (self.proc.clone(), self.shared.clone(), ticket.waiter.clone());
        let obey = Obey { proc, shared, giver, waiter, done };
        self.job(move |t, key| obey.obey(t, key, seat, order));
        ticket
    }

    /// Who holds the process; None if nobody does. If something has changed since it was asked last, this waits for the answer
    /// of the tracer thread, which takes microseconds; so it is not to be called there.
    pub fn held_now(&self) -> Option<Arc<Held>> {
        match self.shared.queue.shown(key_of(&self.proc))? {
            Shown::Held(held) => Some(held),
            Shown::Changed => {
                let (tx, rx) = std::sync::mpsc::channel();
                self.job(move |t, key| {
                    let _ = tx.send(t.entries.publish(&key, show));
                });
                rx.recv().ok().flatten()
            }
        }
    }

    /// Reads a register file of a thread (None: the representative) for `giver`. A thread that runs is stopped for a moment.
    pub fn read_regs(
        &self,
        giver: Option<Giver>,
        tid: Option<Tid>,
        which: Which,
        answer: impl FnOnce(Result<Vec<u8>, Refusal>) + Send + 'static,
    ) -> Ticket {
        let read =
            move |tid: Tid, _| registers::read(tid, which).map_err(|e| Refusal::os("read registers of", tid, &e));
        self.at_rest(giver, tid, true, read, answer)
    }

    /// Calls `act` in the tracer thread while a thread (None: the representative) stands. One that runs is stopped for a moment
    /// if `running`, else that is EBUSY; a job-control stop is a stop. Without a `giver`, `act` asks for the right.
    pub fn at_rest<R: Send + 'static>(
        &self,
        giver: Option<Giver>,
        tid: Option<Tid>,
        running: bool,
        act: impl FnOnce(Tid, At) -> Result<R, Refusal> + Send + 'static,
        answer: impl FnOnce(Result<R, Refusal>) + Send + 'static,
    ) -> Ticket {
        let ticket = self.ticket();
        let (slot, proc, shared) = (ticket.waiter.clone(), self.proc.clone(), self.shared.clone());
        self.job(move |t, key| {
            let judge = |t: &Tracer| giver.as_ref().map_or(Ok(()), |giver| giver.judge(t, &proc));
            let entry = t.entry(&proc);
            let chosen = |process: &Process| tid.or_else(|| process.representative(None)).unwrap_or(key.0);
            let tid = chosen(&entry.process);
            if entry.process.ended.is_none() && t.is_stopped(key, tid) && !t.injections.contains_key(&tid) {
                answer(judge(t).and_then(|()| act(tid, t.at(key, tid))));
                return;
            }
            let busy = move || Refusal::new(libc::EBUSY, format!("{tid}: it is not stopped"));
            let refused = match running || t.may_be_job_stopped(key, tid, &proc) {
                true => t.attach(key).err(),
                false if !proc.alive() => Some(Refusal::gone(key.0)),
                false => Some(busy()),
            };
            if let Some(refusal) = refused.or_else(|| judge(t).err()) {
                t.settle(key);
                answer(Err(refusal));
                return;
            }
            // The first thread may have ended, as the attach has shown.
            let tid = t.entries.get(&key).map_or(tid, |e| chosen(&e.process));
            let then = move |t: &mut Tracer, result: Result<(), Refusal>, seat: Pause| {
                let stands = running || t.is_job_stopped(key, tid);
                let result = result.and_then(|()| if stands { act(tid, t.at(key, tid)) } else { Err(busy()) });
                seat.end(t);
                answer(result);
            };
            *slot.lock() = Some(Pause::begin(t, &shared, &proc, tid, giver.as_ref(), then));
        });
        ticket
    }

    /// Makes a thread call prctl(PR_SET_NAME). `asked` is called when it has been asked to stop (or cannot be), `done` when
    /// the call is made. A thread that waits for us must be answered in `asked`: it stands when that wait is over.
    pub fn set_name(&self, tid: Tid, name: [u8; 16], asked: Done, done: Done) {
        let (proc, shared) = (self.proc.clone(), self.shared.clone());
        self.job(move |t, key| {
            t.entry(&proc);
            // Whoever writes his own name is answered before the call is made: what would be refused then is refused now.
            if let Err(refusal) = forgets_nothing(&proc).and_then(|()| t.attach(key)) {
                t.settle(key);
                asked(Err(refusal.clone()));
                return done(Err(refusal));
            }
            let held = proc.clone();
            let then = move |t: &mut Tracer, result: Result<(), Refusal>, seat: Pause| {
                let finish = move |t: &mut Tracer, result: Result<i64, Refusal>| {
                    seat.end(t);
                    done(result.and_then(|r| called("name", tid, r)).map(drop));
                };
                match result.and_then(|()| Scratch::lend(t, &proc, tid, &name)) {
                    Ok(lent) => {
                        let nr = Number { x86_64: libc::SYS_prctl, i386: 172 };
                        let args = [libc::PR_SET_NAME as u64, lent.at, 0, 0, 0, 0];
                        lent.call(t, key, tid, nr, args, Box::new(finish));
                    }
                    Err(refusal) => finish(t, Err(refusal)),
                }
            };
            Pause::begin(t, &shared, &held, tid, None, then);
            asked(Ok(()));
        });
    }

    /// Writes into a register file of a stopped thread for `giver`; EBUSY if it is not stopped.
    pub fn write_regs(&self, giver: Giver, tid: Option<Tid>, which: Which, offset: usize, data: Vec<u8>, done: Done) {
        let proc = self.proc.clone();
        self.job(move |t, key| {
            let representative = t.entries.get(&key).and_then(|e| e.process.representative(None));
            let tid = tid.or(representative).unwrap_or(key.0);
            if !t.is_attached(key) && !proc.alive() {
                return done(Err(Refusal::gone(key.0)));
            }
            if !t.is_stopped(key, tid) || t.injections.contains_key(&tid) {
                let text = format!("write registers of {tid}: it is not stopped: write stop to ctl first");
                return done(Err(Refusal::new(libc::EBUSY, text)));
            }
            done(giver.judge(t, &proc).and_then(|()| registers::write(tid, which, offset, &data)));
        });
    }
}

/// A seat that was opened, the stream of its events, and what ends that with the process.
pub type OpenSeat = (SeatId, Arc<Stream>, Option<Watch>);

/// A watch for the end of a process; dropping it forgets it.
pub struct Watch {
    watcher: Arc<Watcher>,
    id: u64,
}

impl Watch {
    pub(crate) fn of(watcher: Arc<Watcher>, id: u64) -> Watch {
        Watch { watcher, id }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watcher.forget(self.id);
    }
}

/// A seat for a moment: it holds one thread, for something that can be done only while that stands.
pub(crate) struct Pause {
    key: Key,
    id: SeatId,
}

impl Pause {
    /// Calls back when the thread, which is attached, stands; or refuses `giver`, who was judged, because of an exec on the way, and at
    /// once (EBUSY) if he is the thread. The waiter is answered.
    pub fn begin(
        t: &mut Tracer,
        shared: &Shared,
        proc: &Arc<Proc>,
        tid: Tid,
        giver: Option<&Giver>,
        then: impl FnOnce(&mut Tracer, Result<(), Refusal>, Pause) + 'static,
    ) -> WaiterId {
        let mut seat = Seat::new("engine", false, Opener::default(), None);
        seat.hold_threads.insert(tid);
        Pause::hold(t, shared, proc, seat, Await::RestOf(tid), giver, then)
    }

    /// The same when all threads stand.
    pub fn begin_all(
        t: &mut Tracer,
        shared: &Shared,
        proc: &Arc<Proc>,
        giver: Option<&Giver>,
        then: impl FnOnce(&mut Tracer, Result<(), Refusal>, Pause) + 'static,
    ) -> WaiterId {
        let mut seat = Seat::new("engine", false, Opener::default(), None);
        seat.hold = true;
        Pause::hold(t, shared, proc, seat, Await::Rest, giver, then)
    }

    fn hold(
        t: &mut Tracer,
        shared: &Shared,
        proc: &Arc<Proc>,
        seat: Seat,
        what: Await,
        giver: Option<&Giver>,
        then: impl FnOnce(&mut Tracer, Result<(), Refusal>, Pause) + 'static,
    ) -> WaiterId {
        let pause = Pause { key: key_of(proc), id: shared.queue.new_seat() };
        let (key, id) = (pause.key, pause.id);
        let worker = |tid: Tid| tid != key.0 && t.tid_key(tid).is_none() && is_io_worker(proc, tid);
        let worker = seat.hold_threads.iter().find(|tid| worker(**tid)).map(|tid| absent(proc, *tid));
        let own = giver.and_then(|giver| giver.own).filter(|own| seat.holds(*own));
        let waits_here = |own| format!("{own}: it would have to stand for that, and waits for the answer");
        let refusal = worker.or_else(|| Some(Refusal::new(libc::EBUSY, waits_here(own?))));
        if refusal.is_none() {
            t.entry(proc).process.seats.insert(id, seat);
        }
        let waiter = t.wait_for(key, what, None, Box::new(move |t, result| then(t, result, pause)));
        if let Some(refusal) = refusal {
            t.finish_waiter(waiter, Err(refusal));
            return waiter;
        }
        if let Some(giver) = giver {
            t.wait_of(waiter, giver);
        }
        t.settle(key);
        waiter
    }

    /// Lets the thread go.
    pub fn end(self, t: &mut Tracer) {
        t.drop_seats(self.key, [self.id]);
    }
}

/// What an injected call returned: a negative errno is a refusal.
pub(crate) fn called(verb: &str, tid: Tid, result: i64) -> Result<i64, Refusal> {
    match result {
        -4095..=-1 => Err(Refusal::os(verb, tid, &io::Error::from_raw_os_error(-result as i32))),
        _ => Ok(result),
    }
}

/// Bytes lent to a stopped thread below its stack pointer and the 128 bytes that its code may use there, where a signal would
/// put its frame. What stood there is put back: a small stack may have a neighbour.
pub(crate) struct Scratch {
    tid: Tid,
    mem: OwnedFd,
    /// Address.
    pub at: u64,
    before: ledger::Lent,
    /// It may be watched.
    open: Option<Opened>,
}

impl Scratch {
    /// Room for `bytes`, which are put there.
    pub fn lend(t: &Tracer, proc: &Proc, tid: Tid, bytes: &[u8]) -> Result<Scratch, Refusal> {
        Scratch::lend_with(t, proc, tid, |_| bytes.to_vec())
    }

    /// The same for bytes that depend on the address.
    pub fn lend_with(
        t: &Tracer,
        proc: &Proc,
        tid: Tid,
        bytes: impl FnOnce(u64) -> Vec<u8>,
    ) -> Result<Scratch, Refusal> {
        let os = |e: io::Error| Refusal::os("write into the stack of", tid, &e);
        let regs = ptrace::user_regs(tid).map_err(os)?;
        let room = std::mem::size_of::<ledger::Lent>();
        let at = regs.rsp.wrapping_sub(128 + room as u64) & !15;
        let path = CString::new(format!("task/{tid}/mem")).unwrap_or_default();
        let mem = procfs::openat(proc.dir(), &path, libc::O_RDWR).map_err(os)?;
        let before = reach::read(tid, mem.as_fd(), at, room).map_err(os)?;
        let before = ledger::Lent::try_from(before).map_err(|_| os(io::Error::from_raw_os_error(libc::EFAULT)))?;
        let open = t.opened(key_of(proc), at..at.saturating_add(room as u64));
        let lent = Scratch { tid, mem, at, before, open };
        let mut bytes = bytes(at);
        bytes.truncate(room);
        reach::write(tid, lent.mem.as_fd(), at, &bytes).map_err(os)?;
        Ok(lent)
    }

    /// What the ledger needs to put back what stood there.
    pub fn back(&self) -> inject::Memory {
        (self.mem.as_raw_fd(), self.at, self.before)
    }

    /// What is in it now.
    pub fn content(&self, tid: Tid) -> Result<Vec<u8>, Refusal> {
        let room = self.before.len();
        reach::read(tid, self.mem.as_fd(), self.at, room).map_err(|e| Refusal::os("read the stack of", tid, &e))
    }

    /// Makes the thread call with this memory, which is given back before `done` is told.
    pub fn call(self, t: &mut Tracer, key: Key, tid: Tid, nr: Number, args: [u64; 6], done: inject::Done) {
        let back = self.back();
        let then = move |t: &mut Tracer, result: Result<i64, Refusal>| {
            drop(self);
            done(t, result);
        };
        t.inject(key, tid, nr, args, Some(back), Box::new(then));
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(open) = &self.open {
            open.open();
        }
        // It fails only if the process is gone.
        let _ = reach::write(self.tid, self.mem.as_fd(), self.at, &self.before);
    }
}

/// One order being carried out.
struct Obey {
    proc: Arc<Proc>,
    shared: Arc<Shared>,
    giver: Giver,
    waiter: Arc<Mutex<Option<u64>>>,
    done: Done,
}

impl Obey {
    fn obey(self, t: &mut Tracer, key: Key, seated: Seated, order: Order) {
        if let Err(refusal) = self.prepare(t, key, seated, &order) {
            t.settle(key);
            return (self.done)(Err(refusal));
        }
        self.sit(t, seated);
        let seat = match self.seat_id(t, key, seated) {
            Some(id) => id,
            None => return (self.done)(Err(Refusal::new(libc::EBADF, "this seat was taken away"))),
        };
        match order {
            Order::Stop { tid, wait } => self.stop(t, key, seat, tid, wait),
            Order::Await { event, timeout } => {
                let what = match event {
                    None => Await::Stopped(seat),
                    Some("end") => Await::End,
                    Some(word) => Await::Event(seat, word),
                };
                self.wait(t, key, seat, what, timeout);
            }
            Order::Run { tid } => {
                if let Seated::Open(_) = seated {
                    linger(t, key, Some(seat));
                }
                self.run(t, key, seat, tid);
            }
            Order::RunUntil(once) => {
                with_seat(t, key, seat, |s| {
                    (s.once, s.hold, s.why) = (once, false, None);
                    s.hold_threads.clear();
                });
                self.wait(t, key, seat, Await::Stopped(seat), None);
            }
            Order::Step { tid, n } => self.step(t, key, seat, tid, n),
            Order::Change(change) => {
                t.change_seat(key, seat, change);
                self.finish(t, key, Ok(()));
            }
            Order::Detach => {
                with_seat(t, key, seat, Seat::clear);
                self.finish(t, key, Ok(()));
            }
            Order::ClearSignal { tid } => {
                if let Some(e) = t.entries.get_mut(&key) {
                    for (id, thread) in &mut e.process.threads {
                        if tid.is_none_or(|t| t == *id) && thread.stopped() {
                            thread.owed = 0;
                            ledger::owe(*id, 0);
                        }
                    }
                }
                self.finish(t, key, Ok(()));
            }
            Order::Abort { tid } => {
                let result = abort(t, key, tid);
                self.finish(t, key, result);
            }
            Order::Close(fd) => self.close(t, key, seat, fd),
        }
    }

    fn finish(self, t: &mut Tracer, key: Key, result: Result<(), Refusal>) {
        t.settle(key);
        (self.done)(result);
    }

    /// Attaches if the order needs it, and asks who gives it for his right.
    fn prepare(&self, t: &mut Tracer, key: Key, seated: Seated, order: &Order) -> Result<(), Refusal> {
        let entry = t.entry(&self.proc);
        let attached = !entry.process.threads.is_empty();
        // Of an attached process the kernel tells when it ends.
        if entry.process.ended.is_some() || (!attached && !entry.proc.alive()) {
            return Err(Refusal::gone(key.0));
        }
        let needs = matches!(
            order,
            Order::Stop { .. } | Order::Await { .. } | Order::RunUntil(_) | Order::Step { .. } | Order::Change(_)
        );
        if needs && matches!(seated, Seated::Standing(_)) {
            t.may_keep(key, &self.giver)?;
        }
        // Before it is said that all threads stand, it is looked whether there are more.
        if needs && !(attached && matches!(order, Order::Stop { tid: None, wait: true })) {
            t.attach(key)?;
        }
        self.giver.judge(t, &self.proc)
    }

    /// Makes the standing seat, which is now that of who gives the order.
    fn sit(&self, t: &mut Tracer, seated: Seated) {
        let Seated::Standing(flavour) = seated else { return };
        let Giver { opener, check, .. } = self.giver.clone();
        let entry = t.entry(&self.proc);
        match entry.process.seats.values_mut().find(|s| s.standing && s.flavour == flavour) {
            Some(seat) => (seat.opener, seat.check) = (opener, check),
            None => {
                let id = self.shared.queue.new_seat();
                entry.process.seats.insert(id, Seat::new(flavour, true, opener, check));
            }
        }
    }

    fn seat_id(&self, t: &Tracer, key: Key, seated: Seated) -> Option<SeatId> {
        let seats = &t.entries.get(&key)?.process.seats;
        match seated {
            Seated::Open(id) => seats.contains_key(&id).then_some(id),
            Seated::Standing(f) => seats.iter().find(|(_, s)| s.standing && s.flavour == f).map(|(id, _)| *id),
        }
    }

    fn wait(self, t: &mut Tracer, key: Key, seat: SeatId, what: Await, timeout: Option<Duration>) {
        let Obey { waiter, giver, done, .. } = self;
        let id = t.wait_for(key, what, timeout, Box::new(move |_, result| done(result)));
        t.bind(id, seat);
        t.wait_of(id, &giver);
        *waiter.lock() = Some(id);
        t.settle(key);
    }

    fn stop(self, t: &mut Tracer, key: Key, seat: SeatId, tid: Option<Tid>, wait: bool) {
        let unknown = tid.filter(|tid| !t.entries.get(&key).is_some_and(|e| e.process.threads.contains_key(tid)));
        if let Some(tid) = unknown {
            let refusal = absent(&self.proc, tid);
            return self.finish(t, key, Err(refusal));
        }
        with_seat(t, key, seat, |s| match tid {
            Some(tid) => {
                s.hold_threads.insert(tid);
            }
            None => s.hold = true,
        });
        match (wait, tid) {
            (false, _) => self.finish(t, key, Ok(())),
            (true, None) => self.wait(t, key, seat, Await::Rest, None),
            (true, Some(tid)) => self.wait(t, key, seat, Await::RestOf(tid), None),
        }
    }

    fn run(self, t: &mut Tracer, key: Key, seat: SeatId, tid: Option<Tid>) {
        let mut holds = false;
        with_seat(t, key, seat, |s| match tid {
            Some(tid) if !s.hold => holds = s.hold_threads.remove(&tid),
            Some(_) => {}
            None => {
                holds = s.hold || !s.hold_threads.is_empty();
                (s.hold, s.why) = (false, None);
                s.hold_threads.clear();
            }
        });
        let result = if holds {
            Ok(())
        } else {
            let by_others = t.entries.get(&key).is_some_and(|e| e.process.held(tid.unwrap_or(key.0)));
            let text = match (by_others, tid) {
                (true, _) => format!("run {}: it is held by another seat: see holders", key.0),
                (false, Some(tid)) => format!("run {tid}: this seat does not hold this thread alone: run the process"),
                (false, None) => format!("run {}: it is not stopped by this seat", key.0),
            };
            Err(Refusal::new(libc::EBUSY, text))
        };
        self.finish(t, key, result);
    }

    fn step(self, t: &mut Tracer, key: Key, seat: SeatId, tid: Option<Tid>, n: u64) {
        let Some(process) = t.entries.get_mut(&key).map(|e| &mut e.process) else {
            return (self.done)(Err(Refusal::gone(key.0)));
        };
        let tid = tid.or_else(|| process.representative(Some(seat))).unwrap_or(key.0);
        let busy = |why: &str| Err(Refusal::new(libc::EBUSY, format!("step {tid}: {why}")));
        let own = process.seats.get(&seat).is_some_and(|s| s.holds(tid));
        let others = process.seats.iter().any(|(id, s)| *id != seat && s.holds(tid));
        let refused = match process.threads.get(&tid) {
            None => Some(Err(absent(&self.proc, tid))),
            Some(_) if others => Some(busy("it is held by another seat too: see holders")),
            Some(thread) if !own || !thread.stopped() => Some(busy("it is not stopped: write stop first")),
            Some(thread) if thread.injecting || thread.steps.is_some() => Some(busy("it is stepping already")),
            Some(_) => forgets_nothing(&self.proc).err().map(Err),
        };
        if let Some(refused) = refused.or_else(|| t.may_step(tid).err().map(Err)) {
            return self.finish(t, key, refused);
        }
        if let Some(thread) = t.entries.get_mut(&key).and_then(|e| e.process.threads.get_mut(&tid)) {
            thread.steps = Some(Steps::of(seat, n.max(1)));
        }
        let Obey { waiter, giver, done, .. } = self;
        let then = move |t: &mut Tracer, result: Result<(), Refusal>| {
            if result.is_err() {
                if let Some(thread) = t.entries.get_mut(&key).and_then(|e| e.process.threads.get_mut(&tid)) {
                    thread.steps = None;
                }
            }
            done(result);
        };
        // The step must be under way before anybody asks whether it is over.
        t.settle(key);
        let id = t.wait_for(key, Await::Steps(tid), None, Box::new(then));
        t.bind(id, seat);
        t.wait_of(id, &giver);
        *waiter.lock() = Some(id);
        t.settle(key);
    }

    fn close(self, t: &mut Tracer, key: Key, seat: SeatId, fd: u32) {
        let Some(process) = t.entries.get(&key).map(|e| &e.process) else {
            return (self.done)(Err(Refusal::gone(key.0)));
        };
        let Some(tid) = process.representative(Some(seat)) else {
            let text = format!("close {fd} in {}: it is not stopped: write stop first", key.0);
            return self.finish(t, key, Err(Refusal::new(libc::EBUSY, text)));
        };
        let done = self.done;
        let then = move |_: &mut Tracer, result: Result<i64, Refusal>| {
            done(result.and_then(|r| called(&format!("close {fd} in"), key.0, r)).map(drop))
        };
        t.inject(
            key,
            tid,
            Number { x86_64: libc::SYS_close, i386: 6 },
            [fd as u64, 0, 0, 0, 0, 0],
            None,
            Box::new(then),
        );
        t.settle(key);
    }
}

/// A client that stops and runs a process again and again finds it attached: after two runs within this time, the process stays
/// attached for as long after each.
const LINGER: Duration = Duration::from_millis(20);

/// A client runs a process. `seat`: the open seat by which it does, which must be the same both times; with another, the process
/// would be let go when that is closed, which takes a stop of every thread.
pub(crate) fn linger(t: &mut Tracer, key: Key, seat: Option<SeatId>) {
    let now = Instant::now();
    let before = t.ran.replace((key, seat, now));
    if before.is_some_and(|(process, by, at)| (process, by) == (key, seat) && now.duration_since(at) < LINGER) {
        t.linger(key, Some(LINGER));
    }
}

fn with_seat(t: &mut Tracer, key: Key, seat: SeatId, f: impl FnOnce(&mut Seat)) {
    if let Some(s) = t.entries.get_mut(&key).and_then(|e| e.process.seats.get_mut(&seat)) {
        f(s);
    }
}

/// Ends the call of stopped threads: one that sleeps gets EINTR instead of a restart, one at its entry is not made.
pub(crate) fn abort(t: &mut Tracer, key: Key, tid: Option<Tid>) -> Result<(), Refusal> {
    const EINTR: u64 = -(libc::EINTR as i64) as u64;
    let queue = t.queue.clone();
    let Some(process) = t.entries.get_mut(&key).map(|e| &mut e.process) else { return Err(Refusal::gone(key.0)) };
    let mut stands = false;
    let calls = process.seats.values().any(Seat::wants_calls);
    for (id, thread) in process.threads.iter_mut().filter(|(id, _)| tid.is_none_or(|t| t == **id)) {
        let State::Stopped(stop) = &thread.state else { continue };
        stands = true;
        let os = |e: io::Error| Refusal::os("abort the call of", *id, &e);
        let mut regs = ptrace::user_regs(*id).map_err(os)?;
        if *stop == Stop::Entry {
            (regs.orig_rax, regs.rax) = (u64::MAX, EINTR);
        } else if let Some(call) = queue.restarts.slept_in(*id, &regs) {
            if calls {
                // Calls may be traced only since it stands.
                thread.found_in(call);
            }
            regs.rax = EINTR;
            thread.broken_off();
        } else {
            continue;
        }
        ptrace::set_user_regs(*id, &regs).map_err(os)?;
    }
    if stands {
        Ok(())
    } else {
        Err(Refusal::new(libc::EBUSY, format!("abort {}: it is not stopped: write stop first", key.0)))
    }
}
