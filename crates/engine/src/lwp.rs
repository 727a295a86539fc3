//! What a flavour with lwps asks of a process: the messages of Solaris proc(4), and the state that its files show.
//!
//! Such a flavour has one standing seat per process. Its messages act on one lwp, or through the file of the process on the one
//! that speaks for it ([`crate::process::lwps`]).

use crate::agent::Maker;
use crate::engine::{abort, called, linger, Change, Done, Giver, Pause, Scratch, Shared, Target, Ticket};
use crate::error::Refusal;
use crate::event::What;
use crate::glance::Stopped;
use crate::identity::{self, Ids};
use crate::inject::{forgets_nothing, Number};
use crate::pages;
use crate::process::lwps::Stand;
use crate::process::{signo_of, Await, Sleeps, State, Stop};
use crate::registers::fxsave_of;
use crate::seat::{Lwps, Modes, Seat, SeatId};
use crate::tracer::{absent, call_at, is_io_worker, key_of, sleeps, Key, Tracer};
use crate::watch::Area;
use abi::set::Set;
use kernel::procfs::{self, Proc};
use kernel::ptrace::{self, RegSet, SiginfoBytes, Tid};
use kernel::{ledger, machine};
use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

/// A message.
pub enum LwpOrder {
    /// Direct to stop: one lwp, or all (PCDSTOP).
    Direct,
    /// Direct to stop and wait until it stands (PCSTOP).
    Stop,
    /// Wait until it stands (PCWSTOP); after this time it is over too (PCTWSTOP).
    Await(Option<Duration>),
    /// PCRUN; None: with flags that there are not, EINVAL for one that may be run.
    Run(Option<Run>),
    /// Set the current signal, or (None) clear it (PCSSIG, PCCSIG). One that runs is stopped for a moment.
    Signal(Option<Box<SiginfoBytes>>),
    /// Send the signal: what PCSSIG does to who writes the message, who cannot be stopped in it.
    Send(Box<SiginfoBytes>),
    /// Clear the current fault: no signal comes of it (PCCFAULT).
    ClearFault,
    /// Call back when it is in an event stop, or (false) in none, or ends, without keeping the process attached for that (poll(2)).
    See(bool),
    /// Give all threads these ids (PCSCRED, PCSCREDX).
    Identify(Ids),
    /// Set the signal mask (PCSHOLD).
    Mask(u64),
    /// Take one instance of a signal out of the queues (PCUNKILL). The kernel looks into the lwp's queue first.
    Unkill(i32),
    /// Change the general registers, which have the 64-bit layout for targets of both widths (PCSREG, PCSVADDR).
    Edit(Edit),
    /// Make the agent, with the registers of the thread that makes it, changed by this (PCAGENT); done when it stands. What is
    /// to be remembered of its creator comes with it.
    Agent(Edit, Vec<u8>),
    /// Change the bytes of another register file, whose size must stay; the error is an errno (PCSFPREG, PCSXREG).
    Rewrite(RegSet, Rewrite),
    /// Change sets or modes (PCSTRACE, PCSFAULT, PCSENTRY, PCSEXIT, PCSET, PCUNSET).
    Change(Change),
    /// Set, change or remove a watched area of an address space that ends there (PCWATCH).
    Watch(Area, u64),
    /// The last writer has closed: what PR_RLC and PR_KLC say.
    LastClose,
}

/// Changes general registers.
pub type Edit = Box<dyn FnOnce(&mut libc::user_regs_struct) + Send>;

/// Changes bytes of registers.
pub type Rewrite = Box<dyn FnOnce(&mut Vec<u8>) -> Result<(), i32> + Send>;

/// What PCRUN does before the lwp runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// PRCSIG.
    pub clear_signal: bool,
    /// PRCFAULT.
    pub clear_fault: bool,
    /// PRSTEP.
    pub step: bool,
    /// PRSABORT.
    pub abort: bool,
    /// PRSTOP.
    pub stop: bool,
}

/// A process as a flavour with lwps sees it.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The seat's sets and modes, if it was ever told any.
    pub seat: Option<SeatView>,
    /// The lwp that speaks for the process, if the engine knows any.
    pub speaker: Option<Tid>,
    /// What was asked about, of the lwps that are attached.
    pub lwps: Vec<LwpView>,
    /// The agent, and what is remembered of its creator.
    pub agent: Option<(Tid, Vec<u8>)>,
}

/// What a seat asks for.
#[derive(Clone, Debug, Default)]
pub struct SeatView {
    /// Traced signals.
    pub signals: Set,
    /// Traced faults.
    pub faults: Set,
    /// Calls that stop on entry.
    pub entries: Set,
    /// Calls that stop on exit.
    pub exits: Set,
    /// Modes.
    pub modes: Modes,
    /// Watched areas, in rising order.
    pub areas: Vec<Area>,
}

/// One lwp.
#[derive(Clone, Debug)]
pub struct LwpView {
    /// Its id.
    pub tid: Tid,
    /// How it stands.
    pub stand: Stand,
    /// It was directed to stop (and perhaps stands by that).
    pub directed: bool,
    /// It is to run one instruction.
    pub stepping: bool,
    /// The signal it is about to get; 0 for none.
    pub signal: i32,
    /// The child of the vfork at whose end it is shown, before it waits for that.
    pub vfork: Option<Tid>,
    /// When it came to this stop: nanoseconds since boot, [`kernel::machine::since_boot`].
    pub since: u64,
    /// What only a thread that stands can be asked for.
    pub inside: Option<Box<Inside>>,
}

/// What only a thread that stands can be asked for.
#[derive(Clone, Debug)]
pub struct Inside {
    /// General registers, in the 64-bit layout for targets of both widths.
    pub regs: libc::user_regs_struct,
    /// The FXSAVE image; empty if it cannot be had.
    pub fpregs: Vec<u8>,
    /// Signal mask.
    pub mask: u64,
    /// Signals that wait for this thread itself, as far as they are queued: [`ptrace::pending`].
    pub pending: ptrace::Pending,
    /// The current signal's or fault's.
    pub siginfo: Option<Box<SiginfoBytes>>,
}

/// Which lwps a view is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// All.
    All,
    /// The one that speaks for the process.
    Speaker,
    /// This one.
    One(Tid),
}

impl Target {
    /// Carries out one message for the flavour's seat; `tid` is the lwp whose file it was written to, None for the process's.
    pub fn message(
        &self,
        flavour: &'static str,
        giver: Giver,
        tid: Option<Tid>,
        order: LwpOrder,
        done: Done,
    ) -> Ticket {
        let ticket = self.ticket();
        let message = Message {
            proc: self.proc().clone(),
            shared: self.shared().clone(),
            flavour,
            giver,
            tid,
            ticket: ticket.clone(),
            done,
        };
        self.shared().queue.push(Box::new(move |t| message.carry_out(t, order)));
        ticket
    }

    /// What is known of the lwps that are asked about. Answered in the tracer thread, or at once for a process that is in
    /// nobody's care. With `inside`, lwps in a job-control stop come out of it into one of ours for a moment, which nobody else
    /// sees, so that their registers can be had.
    pub fn view(&self, flavour: &'static str, which: Shown, inside: bool, answer: impl FnOnce(View) + Send + 'static) {
        let key = key_of(self.proc());
        let queue = &self.shared().queue;
        if queue.shown(key).is_none() {
            return answer(View::default());
        }
        if let Some(view) = queue.glance.of(key, flavour, which).filter(|_| queue.is_idle()) {
            return answer(view);
        }
        queue.glance.missed();
        let (proc, shared) = (self.proc().clone(), self.shared().clone());
        let look = Look { proc, shared, flavour, which, answer: Box::new(answer) };
        queue.push(Box::new(move |t| look.take(t, inside, Vec::new())));
    }
}

/// A view on its way.
struct Look {
    proc: Arc<Proc>,
    shared: Arc<Shared>,
    flavour: &'static str,
    which: Shown,
    answer: Box<dyn FnOnce(View) + Send>,
}

impl Look {
    fn take(self, t: &mut Tracer, inside: bool, mut pauses: Vec<Pause>) {
        let key = key_of(&self.proc);
        let view = view(t, key, self.flavour, self.which);
        let process = t.entries.get(&key).map(|e| &e.process).filter(|_| inside);
        let listens =
            |tid: &Tid| process.and_then(|p| p.threads.get(tid)).is_some_and(|thread| thread.state == State::Listening);
        match view.lwps.iter().map(|l| l.tid).find(listens) {
            Some(tid) => {
                let (shared, proc) = (self.shared.clone(), self.proc.clone());
                let then = move |t: &mut Tracer, result: Outcome, pause: Pause| {
                    pauses.push(pause);
                    self.take(t, result.is_ok(), pauses);
                };
                Pause::begin(t, &shared, &proc, tid, None, then);
            }
            None => {
                pauses.into_iter().for_each(|pause| pause.end(t));
                (self.answer)(view);
            }
        }
    }
}

/// What is known of the lwps that are asked about.
pub(crate) fn view(t: &Tracer, key: Key, flavour: &str, which: Shown) -> View {
    let Some(process) = t.entries.get(&key).map(|e| &e.process) else { return View::default() };
    let seat = process.seats.iter().find(|(_, s)| s.standing && s.flavour == flavour);
    let id = seat.map(|(id, _)| *id);
    let speaker = process.speaker(id);
    let wanted = |tid: Tid| match which {
        Shown::All => true,
        Shown::Speaker => Some(tid) == speaker,
        Shown::One(one) => one == tid,
    };
    let lwps = process.threads.iter().filter(|(tid, _)| wanted(**tid)).filter_map(|(tid, thread)| {
        let forged = thread.forged.as_ref();
        let stand = process.stand(id, *tid)?;
        let current = if thread.signal_is_pending() { 0 } else { thread.owed };
        let inside = (thread.stopped() && !thread.injecting).then(|| {
            let faulted = matches!(stand, Stand::Event(What::Fault(..)));
            let at_signal = matches!(thread.state, State::Stopped(Stop::Signal(..))) && thread.owed != 0;
            let mut inside =
                inside(*tid, forged.filter(|_| !faulted).map(|i| **i), at_signal && (current != 0 || faulted))?;
            if let Some(result) = thread.result() {
                inside.regs.rax = result as u64;
            }
            if let Some(call) = t.queue.restarts.slept_in(*tid, &inside.regs) {
                inside.regs.orig_rax = call.nr;
            }
            if current != thread.owed && !faulted {
                inside.pending.signals |= 1 << ((thread.owed - 1) & 63);
            }
            Some(inside)
        });
        Some(LwpView {
            tid: *tid,
            stand,
            directed: seat.is_some_and(|(_, s)| s.hold_threads.contains(tid)),
            stepping: thread.steps.is_some(),
            signal: forged.map_or(current, |i| signo_of(i)),
            vfork: thread.vfork_child(),
            since: thread.since,
            inside: inside.flatten(),
        })
    });
    View {
        speaker,
        agent: process.agent.as_ref().and_then(|a| Some((a.tid?, a.note.clone()))),
        lwps: lwps.collect(),
        seat: seat.map(|(_, s)| SeatView {
            signals: s.signals,
            faults: s.faults,
            entries: s.entries,
            exits: s.exits,
            modes: s.lwps.as_ref().map(|l| l.modes).unwrap_or_default(),
            areas: s.lwps.iter().flat_map(|l| l.areas.iter()).collect(),
        }),
    }
}

fn inside(tid: Tid, forged: Option<SiginfoBytes>, at_signal: bool) -> Option<Box<Inside>> {
    let regs = ptrace::user_regs(tid).ok()?;
    let set = fxsave_of(&regs);
    let own = || ptrace::siginfo_bytes(tid).ok().filter(|_| at_signal);
    Some(Box::new(Inside {
        regs,
        fpregs: ptrace::regs(tid, set).unwrap_or_default(),
        mask: ptrace::signal_mask(tid).unwrap_or(0),
        pending: ptrace::pending(tid),
        siginfo: forged.or_else(own).map(Box::new),
    }))
}

struct Message {
    proc: Arc<Proc>,
    shared: Arc<Shared>,
    flavour: &'static str,
    giver: Giver,
    tid: Option<Tid>,
    ticket: Ticket,
    done: Done,
}

type Outcome = Result<(), Refusal>;

fn busy(tid: Tid, why: &str) -> Refusal {
    Refusal::new(libc::EBUSY, format!("{tid}: {why}"))
}

/// Asks these lwps to stop.
fn direct(t: &mut Tracer, key: Key, seat: SeatId, tid: Option<Tid>) {
    let Some(process) = t.entries.get_mut(&key).map(|e| &mut e.process) else { return };
    for (id, thread) in process.threads.iter_mut().filter(|(id, _)| tid.is_none_or(|t| t == **id)) {
        if let Some(Sleeps::If { at, narrow }) = thread.steps.as_ref().map(|s| s.sleeps) {
            let sleeps = if call_at(*id, at, narrow).is_some() { Sleeps::Yes } else { Sleeps::No };
            thread.steps.iter_mut().for_each(|s| s.sleeps = sleeps);
        }
    }
    process.direct(seat, tid);
}

impl Message {
    fn carry_out(self, t: &mut Tracer, order: LwpOrder) {
        let key = key_of(&self.proc);
        let seat = match self.prepare(t, key, &order) {
            Ok(seat) => seat,
            Err(refusal) => {
                t.settle(key);
                return (self.done)(Err(refusal));
            }
        };
        match order {
            LwpOrder::Stop | LwpOrder::Await(_) => {
                if let LwpOrder::Stop = order {
                    direct(t, key, seat, self.tid);
                }
                let limit = if let LwpOrder::Await(limit) = order { limit } else { None };
                let Message { ticket, done, giver, .. } = self;
                let timed = limit.is_some();
                let stopped = Stopped { key, flavour: self.flavour, tid: self.tid };
                let then = move |t: &mut Tracer, result: Outcome| match result {
                    Ok(()) => {
                        t.stopped = Some(stopped);
                        done(Ok(()));
                    }
                    Err(e) if timed && e.errno == libc::ETIMEDOUT => done(Ok(())),
                    result => done(result),
                };
                let id = t.wait_for(key, Await::Lwp(seat, self.tid), limit, Box::new(then));
                t.wait_of(id, &giver);
                ticket.waits_as(id);
                t.settle(key);
            }
            LwpOrder::See(event) => {
                let Message { ticket, done, giver, .. } = self;
                let what = Await::See(seat, self.tid, event);
                let id = t.wait_for(key, what, None, Box::new(move |_, result| done(result)));
                t.wait_of(id, &giver);
                ticket.waits_as(id);
                t.settle(key);
            }
            LwpOrder::Mask(mask) => {
                self.paused(t, key, seat, move |t, tid, pause, done| {
                    let result = ptrace::set_signal_mask(tid, mask);
                    pause.end(t);
                    done(result.map_err(|e| Refusal::os("set the signal mask of", tid, &e)));
                });
            }
            LwpOrder::Identify(ids) => {
                let Message { proc, shared, ticket, giver, done, .. } = self;
                ticket.waits_as(identity::change(t, &shared, &proc, &giver, ids, done));
            }
            LwpOrder::Agent(edit, note) => {
                let Message { proc, done, .. } = self;
                Maker { proc, key, seat, edit, note, done }.make(t);
            }
            LwpOrder::Watch(area, limit) if t.lacks_pages(key, seat, area, limit).unwrap_or(false) => {
                if let Err(refusal) = t.attach(key) {
                    t.settle(key);
                    return (self.done)(Err(refusal));
                }
                let (shared, proc, giver) = (self.shared.clone(), self.proc.clone(), self.giver.clone());
                let ticket = self.ticket.clone();
                let then = move |t: &mut Tracer, result: Outcome| match result {
                    Ok(()) => self.carry_out(t, LwpOrder::Watch(area, limit)),
                    Err(refusal) => (self.done)(Err(refusal)),
                };
                ticket.waits_as(pages::prepare(t, &shared, &proc, &giver, then));
            }
            LwpOrder::Edit(new) if self.waits_for_cont(t, key, seat) => {
                self.paused(t, key, seat, move |t, tid, pause, done| {
                    let result = edit(tid, new);
                    pause.end(t);
                    done(result);
                });
            }
            LwpOrder::Rewrite(set, new) if self.waits_for_cont(t, key, seat) => {
                self.paused(t, key, seat, move |t, tid, pause, done| {
                    let result = rewrite(tid, set, new);
                    pause.end(t);
                    done(result);
                });
            }
            LwpOrder::Signal(Some(info)) if self.runs(t, key, seat) => {
                self.paused(t, key, seat, move |t, tid, pause, done| {
                    let result = set_current(t, key, tid, Some(info));
                    pause.end(t);
                    done(result);
                });
            }
            LwpOrder::Unkill(signal) => {
                let proc = self.proc.clone();
                self.paused(t, key, seat, move |t, tid, pause, done| unkill(t, &proc, tid, signal, pause, done));
            }
            order => {
                let directs = matches!(order, LwpOrder::Direct);
                let result = self.at_once(t, key, seat, order);
                if directs {
                    // Who stops himself has his answer first: a write that the stop breaks off would be made again.
                    (self.done)(result);
                    return t.settle(key);
                }
                t.settle(key);
                (self.done)(result);
            }
        }
    }

    /// The flavour's seat, made when first needed; the process is attached if the message needs that.
    fn prepare(&self, t: &mut Tracer, key: Key, order: &LwpOrder) -> Result<SeatId, Refusal> {
        let entry = t.entry(&self.proc);
        let attached = !entry.process.threads.is_empty();
        if entry.process.ended.is_some() || (!attached && !entry.proc.alive()) {
            return Err(Refusal::gone(key.0));
        }
        let attaches = matches!(
            order,
            LwpOrder::Direct
                | LwpOrder::Stop
                | LwpOrder::Await(_)
                | LwpOrder::Mask(_)
                | LwpOrder::Signal(Some(_))
                | LwpOrder::Unkill(_)
                | LwpOrder::Identify(_)
        );
        // Who only looks changes nothing.
        let acts = !matches!(order, LwpOrder::See(_) | LwpOrder::LastClose);
        if acts {
            t.may_keep(key, &self.giver)?;
        }
        if attaches {
            t.attach(key)?;
        }
        if acts {
            self.giver.judge(t, &self.proc)?;
        }
        let entry = t.entry(&self.proc);
        let found = entry.process.seats.iter_mut().find(|(_, s)| s.standing && s.flavour == self.flavour);
        let id = match found {
            Some((id, seat)) => {
                // As long as it was not attached nobody has looked at execs.
                if acts && !attached && seat.check.as_ref().is_some_and(|check| !check.holds(&self.proc)) {
                    seat.clear();
                }
                if acts {
                    (seat.opener, seat.check) = (self.giver.opener, self.giver.check.clone());
                }
                *id
            }
            None => {
                let id = self.shared.queue.new_seat();
                let mut seat = Seat::new(self.flavour, true, self.giver.opener, self.giver.check.clone());
                seat.lwps = Some(Lwps::default());
                seat.writers = self.giver.writers.clone();
                entry.process.seats.insert(id, seat);
                id
            }
        };
        if let Some(tid) = self.tid {
            let known = t.entries.get(&key).is_some_and(|e| e.process.threads.contains_key(&tid));
            let path = CString::new(format!("task/{tid}")).unwrap_or_default();
            if !known && (procfs::fstatat(self.proc.dir(), &path, false).is_err() || is_io_worker(&self.proc, tid)) {
                return Err(absent(&self.proc, tid));
            }
        }
        Ok(id)
    }

    fn at_once(&self, t: &mut Tracer, key: Key, seat: SeatId, order: LwpOrder) -> Outcome {
        match order {
            LwpOrder::Direct => {
                direct(t, key, seat, self.tid);
                Ok(())
            }
            LwpOrder::Run(run) => self.run(t, key, seat, run),
            LwpOrder::Signal(info) => set_current(t, key, self.whom(t, key, seat), info),
            LwpOrder::Send(info) => {
                let tid = self.whom(t, key, seat);
                ptrace::queue_signal(key.0, tid, &info).map_err(|e| Refusal::os("send a signal to", tid, &e))
            }
            LwpOrder::ClearFault => {
                let tid = self.whom(t, key, seat);
                clear_fault(t, key, tid);
                Ok(())
            }
            LwpOrder::Rewrite(set, new) => rewrite(self.standing(t, key, seat)?, set, new),
            LwpOrder::Edit(new) => edit(self.standing(t, key, seat)?, new),
            LwpOrder::Change(change) => {
                if t.change_seat(key, seat, change).ok_or_else(|| Refusal::gone(key.0))? {
                    t.attach(key)?;
                    self.judge_attached(t, key, seat)?;
                }
                Ok(())
            }
            LwpOrder::Watch(area, limit) => {
                t.watch(key, seat, area, limit)?;
                self.judge_attached(t, key, seat)
            }
            LwpOrder::LastClose => {
                last_close(t, key, seat);
                Ok(())
            }
            LwpOrder::Stop
            | LwpOrder::Await(_)
            | LwpOrder::See(_)
            | LwpOrder::Mask(_)
            | LwpOrder::Unkill(_)
            | LwpOrder::Identify(_)
            | LwpOrder::Agent(..) => Ok(()),
        }
    }

    /// After an order for which the process may just have been attached: nothing is asked of it for who has lost his right.
    fn judge_attached(&self, t: &mut Tracer, key: Key, seat: SeatId) -> Outcome {
        self.giver.judge(t, &self.proc).inspect_err(|_| {
            if let Some(seat) = t.entries.get_mut(&key).and_then(|e| e.process.seats.get_mut(&seat)) {
                seat.clear();
            }
        })
    }

    /// The lwp that the message is about.
    fn whom(&self, t: &Tracer, key: Key, seat: SeatId) -> Tid {
        let speaker = || t.entries.get(&key).and_then(|e| e.process.speaker(Some(seat)));
        self.tid.or_else(speaker).unwrap_or(key.0)
    }

    /// The same, if it stands because of this seat.
    fn standing(&self, t: &Tracer, key: Key, seat: SeatId) -> Result<Tid, Refusal> {
        let tid = self.whom(t, key, seat);
        let process = t.entries.get(&key).map(|e| &e.process);
        let stands = process.and_then(|p| p.stand(Some(seat), tid)).is_some_and(|s| s.is_event());
        if stands {
            Ok(tid)
        } else {
            Err(busy(tid, "it is not stopped: PCSTOP first"))
        }
    }

    /// True if the lwp is in a job-control stop and was asked to stop when that is over.
    fn waits_for_cont(&self, t: &Tracer, key: Key, seat: SeatId) -> bool {
        let tid = self.whom(t, key, seat);
        let Some(process) = t.entries.get(&key).map(|e| &e.process) else { return false };
        let directed = process.seats.get(&seat).is_some_and(|s| s.hold_threads.contains(&tid));
        directed && matches!(process.stand(Some(seat), tid), Some(Stand::Job(_)))
    }

    fn run(&self, t: &mut Tracer, key: Key, seat: SeatId, run: Option<Run>) -> Outcome {
        let process = &mut t.entries.get_mut(&key).ok_or_else(|| Refusal::gone(key.0))?.process;
        let tid = process.may_run(seat, self.tid).ok_or_else(|| {
            let why = match process.agent {
                Some(_) => "it has an agent, which alone can be run, through its own file",
                None => "it is not stopped by this flavour, nor was it asked to",
            };
            busy(self.tid.unwrap_or(key.0), why)
        })?;
        let run = run.ok_or_else(|| Refusal::new(libc::EINVAL, "no such flag of PCRUN"))?;
        if run.step {
            forgets_nothing(&self.proc)?;
            t.may_step(tid)?;
        }
        if run.clear_fault {
            clear_fault(t, key, tid);
        }
        if run.clear_signal {
            set_current(t, key, tid, None)?;
        }
        if run.abort {
            // One that has nothing to abort runs on.
            let _ = abort(t, key, Some(tid));
        }
        linger(t, key, None);
        let Some(entry) = t.entries.get_mut(&key) else { return Ok(()) };
        let process = &mut entry.process;
        if run.stop && !run.step && process.stays(seat, tid) {
            if let Some(thread) = process.threads.get_mut(&tid) {
                thread.since = machine::since_boot();
            }
            return Ok(());
        }
        let stopped = process.threads.get(&tid).is_some_and(|t| t.stopped());
        let seen = process.calls_are_seen();
        let sleeps = if run.step && stopped { sleeps(tid, seen) } else { Sleeps::No };
        if self.tid.is_some() || run.step || run.stop {
            process.run_lwp(seat, tid);
        } else {
            process.run_process(seat, tid, run.abort);
        }
        if stopped && run.step {
            process.order_step(seat, tid, sleeps);
        }
        if run.stop {
            // It is set going first, and stands again before it has run an instruction of the program's own.
            direct(t, key, seat, Some(tid));
            let thread = t.entries.get_mut(&key).and_then(|e| e.process.threads.get_mut(&tid));
            if let Some(thread) = thread.filter(|_| stopped) {
                thread.again = Some(seat);
            }
        }
        Ok(())
    }

    fn runs(&self, t: &Tracer, key: Key, seat: SeatId) -> bool {
        let thread = t.entries.get(&key).and_then(|e| e.process.threads.get(&self.whom(t, key, seat)));
        thread.is_some_and(|t| t.state == State::Running)
    }

    /// Does something in an lwp that has to stand for it, and sees to it that it does.
    fn paused(self, t: &mut Tracer, key: Key, seat: SeatId, act: impl FnOnce(&mut Tracer, Tid, Pause, Done) + 'static) {
        let tid = self.whom(t, key, seat);
        let Message { proc, shared, giver, ticket, done, .. } = self;
        let then = move |t: &mut Tracer, result: Outcome, pause: Pause| match result {
            Ok(()) => act(t, tid, pause, done),
            Err(refusal) => {
                pause.end(t);
                done(Err(refusal));
            }
        };
        ticket.waits_as(Pause::begin(t, &shared, &proc, tid, Some(&giver), then));
    }
}

/// Changes the general registers of a thread that stands.
fn edit(tid: Tid, edit: Edit) -> Outcome {
    let old = ptrace::user_regs(tid).map_err(|e| refused(tid, &e))?;
    let mut regs = old;
    edit(&mut regs);
    if regs.rip != old.rip {
        // Or the kernel's restart of a call would move it back.
        regs.orig_rax = u64::MAX;
    }
    ptrace::change_user_regs(tid, &old, &regs).map_err(|e| refused(tid, &e))
}

/// Why the kernel does not set registers. EINVAL for a value that one cannot have.
pub(crate) fn refused(tid: Tid, e: &std::io::Error) -> Refusal {
    match e.raw_os_error() {
        Some(libc::EIO) => Refusal::new(libc::EINVAL, format!("{tid}: a register cannot have this value")),
        _ => Refusal::os("write registers of", tid, e),
    }
}

/// Changes other registers of a thread that stands.
fn rewrite(tid: Tid, set: RegSet, rewrite: Rewrite) -> Outcome {
    let os = |e: std::io::Error| Refusal::os("write registers of", tid, &e);
    let set = if set == RegSet::Fxsave { fxsave_of(&ptrace::user_regs(tid).map_err(os)?) } else { set };
    let mut image = ptrace::regs(tid, set).map_err(os)?;
    rewrite(&mut image).map_err(|e| os(std::io::Error::from_raw_os_error(e)))?;
    ptrace::set_regs(tid, set, &image).map_err(os)
}

/// Sets or clears the current signal of a thread. One that runs has none, and gets the new one as if it were sent.
pub(crate) fn set_current(t: &mut Tracer, key: Key, tid: Tid, info: Option<Box<SiginfoBytes>>) -> Outcome {
    let thread = t.entries.get_mut(&key).and_then(|e| e.process.threads.get_mut(&tid));
    let signo = info.as_ref().map_or(0, |i| signo_of(i));
    let os = |e: std::io::Error| Refusal::os("set the signal of", tid, &e);
    if signo == libc::SIGKILL {
        return kernel::thread::tgkill(key.0, tid, signo).map_err(os);
    }
    match thread.filter(|t| t.stopped()) {
        None => match info {
            Some(info) => ptrace::queue_signal(key.0, tid, &info).map_err(os),
            None => Ok(()),
        },
        Some(thread) => {
            thread.forged = None;
            match (&thread.state, info) {
                // Sent, it takes what is pending of the other kind out of the queues.
                (State::Stopped(Stop::Signal(..)), Some(info)) if !thread.signal_is_pending() && moves(signo) => {
                    thread.forged = Some(info);
                    thread.owed = 0;
                }
                (State::Stopped(Stop::Signal(was, _)), Some(info)) if !thread.signal_is_pending() => {
                    ptrace::set_siginfo_bytes(tid, &info).map_err(os)?;
                    let was = *was;
                    thread.state = State::Stopped(Stop::Signal(was, false));
                    thread.owed = signo;
                }
                (_, Some(info)) => thread.forged = Some(info),
                // What follows a fault, or the end of a call, is not current yet.
                (_, None) if thread.signal_is_pending() && !thread.stepped => {}
                (_, None) => thread.owed = 0,
            }
            ledger::owe(tid, thread.owed);
            Ok(())
        }
    }
}

/// True of SIGCONT and of the signals that stop, each of which cancels the other kind.
fn moves(signo: i32) -> bool {
    matches!(signo, libc::SIGCONT | libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU)
}

/// Drops the fault that a thread stands on, and the signal behind it.
fn clear_fault(t: &mut Tracer, key: Key, tid: Tid) {
    let thread = t.entries.get_mut(&key).and_then(|e| e.process.threads.get_mut(&tid));
    let Some(thread) = thread else { return };
    if let State::Stopped(Stop::Signal(info, true)) = thread.state {
        thread.state = State::Stopped(Stop::Signal(info, false));
        thread.owed = 0;
        ledger::owe(tid, 0);
    }
}

/// A timed wait of no time in the target takes the signal out of its queues. All signals are blocked in it meanwhile, so it is
/// not delivered instead.
fn unkill(t: &mut Tracer, proc: &Arc<Proc>, tid: Tid, signal: i32, pause: Pause, done: Done) {
    let key = key_of(proc);
    let set = 1u64 << ((signal - 1) & 63);
    // Two words of time, both zero, then the set.
    let mut memory = [0; 24];
    memory[16..].copy_from_slice(&set.to_ne_bytes());
    let finish = move |t: &mut Tracer, result: Result<i64, Refusal>| {
        pause.end(t);
        done(match result.and_then(|r| called("take a signal from", tid, r)) {
            Ok(_) => Ok(()),
            // None was pending.
            Err(e) if e.errno == libc::EAGAIN => Ok(()),
            Err(e) => Err(e),
        });
    };
    match Scratch::lend(t, proc, tid, &memory) {
        Ok(lent) => {
            let nr = Number { x86_64: libc::SYS_rt_sigtimedwait, i386: 177 };
            let args = [lent.at + 16, 0, lent.at, 8, 0, 0];
            lent.call(t, key, tid, nr, args, Box::new(finish));
        }
        Err(refusal) => finish(t, Err(refusal)),
    }
}

/// Nobody can write any more: nothing, while there is an agent. With PR_RLC or PR_KLC the sets are emptied, and what stands runs, or dies,
/// if whoever asked for that may still control it.
fn last_close(t: &mut Tracer, key: Key, id: SeatId) {
    let Some(process) = t.entries.get_mut(&key).map(|e| &mut e.process) else { return };
    if process.agent.is_some() {
        return;
    }
    process.forgive(id);
    let Some(seat) = process.seats.get_mut(&id) else { return };
    let modes = seat.lwps.as_ref().map(|l| l.modes).unwrap_or_default();
    if modes.run_on_close || modes.kill_on_close {
        seat.clear();
        if let Some(lwps) = &mut seat.lwps {
            lwps.modes = Modes { run_on_close: false, kill_on_close: false, ..modes };
        }
    }
    if modes.kill_on_close {
        t.kill_for(key, id);
    }
}
