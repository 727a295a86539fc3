//! Seats that show one event at a time: tracing by one controller, and stop events that anybody may wait for and end (the BSDs'
//! `ctl`, and the ioctls on `mem`). Both are on one process at once, each with a seat of its own.
//!
//! The process stands as long as an event is shown. What happens behind it, in a thread that was not yet standing, is shown
//! next, so that nothing is lost and all comes in order.

use crate::engine::{Giver, Shared, Target, Ticket, Watch};
use crate::error::Refusal;
use crate::event::{Fate, What};
use crate::identity::Standing;
use crate::inject::forgets_nothing;
use crate::lwp::set_current;
use crate::process::{signo_of, Await, State, Steps, Stop};
use crate::seat::{Seat, SeatId};
use crate::tracer::{key_of, Key, Tracer};
use abi::bsd::pioctl::{PF_FORK, PF_ISUGID, PF_LINGER, S_ALLSTOPS, S_CORE, S_EXEC, S_EXIT, S_SCE, S_SCX, S_SIG};
use abi::set::Set;
use kernel::creds::Creds;
use kernel::procfs::{self, Life, Proc};
use kernel::ptrace::{self, SiginfoBytes, Tid};
use kernel::{ledger, thread};
use std::collections::VecDeque;
use std::ffi::CString;
use std::sync::Arc;

/// What a seat keeps that shows its events one at a time.
#[derive(Default)]
pub struct Turns {
    /// Events behind the one that is shown.
    pub queue: VecDeque<(Tid, What)>,
    /// The events that stop (`S_EXEC` and so on), and bits without meaning.
    pub mask: u64,
    /// `PF_LINGER` and so on.
    pub flags: u8,
    /// Children are looked out for though nothing stops: from when that flag was set until the last close, which may leave it set.
    pub follows: bool,
    /// Details of a release.
    pub rules: TurnRules,
    /// Who traces.
    pub controller: Option<Controller>,
    /// The ids of the process when events were asked for: with a change nothing is asked for any more, unless a flag says otherwise.
    pub ids: Option<Standing>,
}

/// Details of a release.
#[derive(Clone, Copy, Debug, Default)]
pub struct TurnRules {
    /// A signal that the process ignores stops it too.
    pub sees_ignored: bool,
    /// A signal stops once more before it acts.
    pub twice: bool,
    /// The end of a process that is killed is shown, unless it stood.
    pub shows_kills: bool,
}

/// Who traces a process.
pub struct Controller {
    /// He.
    pub life: Life,
    /// Waits for his end.
    pub watch: Watch,
}

impl Turns {
    /// True if children begin with the same events.
    pub fn inherited(&self) -> bool {
        self.flags & PF_FORK != 0
    }

    /// What a child begins with.
    pub fn for_child(&self) -> Turns {
        let Turns { mask, flags, follows, rules, ref ids, .. } = *self;
        Turns { mask, flags, follows, rules, ids: ids.clone(), ..Turns::default() }
    }

    /// True if the process must be attached.
    pub fn armed(&self) -> bool {
        self.mask & S_ALLSTOPS != 0 || self.controller.is_some() || self.follows
    }

    /// True if events are asked for, of the process or of its children.
    pub fn asks(&self) -> bool {
        self.mask != 0 || self.follows
    }

    /// True if the ids of the process have changed by which events were asked for.
    fn outlived(&self, now: &Standing) -> bool {
        self.asks() && self.flags & PF_ISUGID == 0 && self.ids.as_ref().is_some_and(|then| now.differs(then))
    }

    /// True if this is to be remembered.
    pub fn kept(&self) -> bool {
        self.mask != 0 || self.flags != 0
    }

    /// True if this event stops.
    pub fn wants(&self, what: &What) -> bool {
        let on = |bit: u64| self.mask & bit != 0;
        match what {
            What::Signal(info) => on(S_SIG) && (info.fate != Fate::Ignored || self.rules.sees_ignored),
            // Who traces sees a signal before it is decided what becomes of it.
            What::Delivery(_) => on(S_SIG) && self.rules.twice && self.controller.is_none(),
            What::Entry(_) => on(S_SCE),
            What::Exit(..) => on(S_SCX),
            What::Exec { .. } => on(S_EXEC),
            What::Core => on(S_CORE),
            What::Ending(_) => on(S_EXIT),
            _ => false,
        }
    }

    /// In words, for `pfs status`.
    pub fn describe(&self) -> Option<String> {
        match &self.controller {
            Some(controller) => Some(format!("traced({})", controller.life.number)),
            None => self.asks().then(|| format!("events={:#x},flags={:#x}", self.mask, self.flags)),
        }
    }
}

impl Seat {
    /// From now on these events stop.
    pub fn stop_on(&mut self, mask: u64) {
        let on = |bit| if mask & bit != 0 { Set::ALL } else { Set::EMPTY };
        (self.signals, self.entries, self.exits) = (on(S_SIG), on(S_SCE), on(S_SCX));
        self.exec = mask & S_EXEC != 0;
        if let Some(turns) = &mut self.turns {
            turns.mask = mask;
        }
    }

    /// Shows an event, or keeps it until those before it have been dealt with.
    pub fn show(&mut self, tid: Tid, what: What) {
        match &mut self.turns {
            Some(turns) if self.why.is_some() => turns.queue.push_back((tid, what)),
            _ => self.why = Some((tid, what)),
        }
    }

    /// The event that is shown has been dealt with: the next one is shown, or nothing is held any more.
    pub fn next(&mut self) {
        self.why = self.turns.as_mut().and_then(|t| t.queue.pop_front());
        self.hold = self.why.is_some();
    }

    /// Asks for nothing any more. What is shown stays so.
    pub fn ask_nothing(&mut self) {
        self.stop_on(0);
        if let Some(turns) = &mut self.turns {
            turns.follows = false;
        }
    }

    /// Asks for nothing and holds nothing any more.
    pub fn let_go(&mut self) {
        self.ask_nothing();
        if let Some(turns) = &mut self.turns {
            turns.queue.clear();
        }
        (self.hold, self.why) = (false, None);
    }

    /// These threads have ended.
    pub fn forget_turns(&mut self, gone: impl Fn(Tid) -> bool) {
        let Some(turns) = &mut self.turns else { return };
        turns.queue.retain(|(tid, _)| !gone(*tid));
        if self.why.as_ref().is_some_and(|(tid, _)| gone(*tid)) {
            self.next();
        }
    }

    /// True if it holds the process for a client.
    pub fn halts(&self) -> bool {
        self.flavour != "engine" && (self.hold || !self.hold_threads.is_empty())
    }
}

/// What a client asks.
pub enum TurnOrder {
    /// Trace the process: it stops as soon as it can.
    Attach(Attach),
    /// Wait until it stands: for this controller, or if it is not traced, for whomever.
    Await(Life),
    /// This controller lets it run, without the signal that it stands on, or with this one.
    Run(Life, Option<Box<SiginfoBytes>>),
    /// This controller lets it run one instruction.
    Step(Life),
    /// Trace it no more; it runs, without the signal that it stands on. The seat of events of this name stops on none
    /// any more; what it shows stays so.
    Release(Option<&'static str>),
    /// These events stop as well, or (false) do not any more.
    Mask(u64, bool),
    /// These are the flags.
    Flags(u8),
    /// Tell what is shown.
    Look,
    /// Tell what is shown as soon as something is.
    AwaitEvent,
    /// Show the next event, or run, after this has been done. EAGAIN if none is shown.
    Continue(Box<dyn FnOnce() -> Result<(), Refusal> + Send>),
    /// Nobody has the file open any more; whether the flags go too.
    LastClose(bool),
}

/// Who wants to trace.
pub struct Attach {
    /// The process that controls from then on.
    pub controller: Arc<Proc>,
    /// In whose name: an exec does not give the process more rights than he may see.
    pub creds: Creds,
    /// The process is killed with him. Else it runs on.
    pub kills: bool,
}

/// What a seat shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// Events that stop.
    pub mask: u64,
    /// Flags.
    pub flags: u8,
    /// The event.
    pub event: Option<What>,
}

/// How an order ended.
pub type TurnDone = Box<dyn FnOnce(Result<Shown, Refusal>) + Send>;

/// The seat that an order is for.
pub struct TurnSeat {
    /// Its name.
    pub name: &'static str,
    /// Who gives the order.
    pub giver: Giver,
    /// Details of his release.
    pub rules: TurnRules,
    /// What is asked for ends when the ids of the process change.
    pub tied: bool,
}

impl Target {
    /// Carries out one order for a seat that shows one event at a time. Only what is said to wait does, so that a process may ask for
    /// itself.
    pub fn turn(&self, seat: TurnSeat, order: TurnOrder, done: TurnDone) -> Ticket {
        let ticket = self.ticket();
        let watch = match &order {
            TurnOrder::Attach(attach) => Some(self.when_gone(seat.name, attach)),
            _ => None,
        };
        let asked =
            Asked { proc: self.proc().clone(), shared: self.shared().clone(), seat, ticket: ticket.clone(), done };
        self.shared().queue.push(Box::new(move |t| asked.carry_out(t, order, watch)));
        ticket
    }

    /// The controller's end is that of his tracing.
    fn when_gone(&self, name: &'static str, attach: &Attach) -> std::io::Result<Watch> {
        let (shared, key) = (self.shared().clone(), key_of(self.proc()));
        let (life, kills) = (attach.controller.life(), attach.kills);
        let gone = move |_| {
            shared.queue.push(Box::new(move |t| {
                let Some(id) = controlled(t, key, name, life) else { return };
                if kills {
                    t.kill_for(key, id);
                }
                t.drop_seats(key, [id]);
            }));
        };
        Target::of(self.shared().clone(), attach.controller.clone()).on_end(gone)
    }
}

/// The seat of this name.
fn find(t: &Tracer, key: Key, name: &str) -> Option<SeatId> {
    let seats = &t.entries.get(&key)?.process.seats;
    seats.iter().find(|(_, s)| s.standing && s.flavour == name).map(|(id, _)| *id)
}

/// The seat of this name, if he is its controller.
fn controlled(t: &Tracer, key: Key, name: &str, by: Life) -> Option<SeatId> {
    find(t, key, name).filter(|id| controller(t, key, *id) == Some(by))
}

fn controller(t: &Tracer, key: Key, id: SeatId) -> Option<Life> {
    let seat = t.entries.get(&key)?.process.seats.get(&id)?;
    seat.turns.as_ref()?.controller.as_ref().map(|c| c.life)
}

fn with(t: &mut Tracer, key: Key, id: SeatId, change: impl FnOnce(&mut Seat)) {
    if let Some(seat) = t.entries.get_mut(&key).and_then(|e| e.process.seats.get_mut(&id)) {
        change(seat);
    }
}

fn busy(key: Key, why: &str) -> Refusal {
    Refusal::new(libc::EBUSY, format!("{}: {why}", key.0))
}

/// One order being carried out.
struct Asked {
    proc: Arc<Proc>,
    shared: Arc<Shared>,
    seat: TurnSeat,
    ticket: Ticket,
    done: TurnDone,
}

impl Asked {
    fn carry_out(self, t: &mut Tracer, order: TurnOrder, watch: Option<std::io::Result<Watch>>) {
        let key = key_of(&self.proc);
        let entry = t.entry(&self.proc);
        if entry.process.ended.is_some() || (entry.process.threads.is_empty() && !entry.proc.alive()) {
            t.settle(key);
            return (self.done)(Err(Refusal::gone(key.0)));
        }
        let closes = matches!(order, TurnOrder::LastClose(_));
        if let Err(refusal) = if closes { Ok(()) } else { self.seat.giver.judge(t, &self.proc) } {
            t.settle(key);
            return (self.done)(Err(refusal));
        }
        t.check_ids(key);
        let result = match order {
            TurnOrder::Await(by) => return self.wait(t, key, by),
            TurnOrder::AwaitEvent => return self.wait_for_event(t, key),
            TurnOrder::Attach(attach) => match self.attach(t, key, attach, watch) {
                // Who finds it stopped may let it run at once. One in an exec does not stand.
                Ok(()) if self.may_stand() && !t.in_exec.contains_key(&key) => {
                    let own = find(t, key, self.seat.name);
                    return self.wait_until(t, key, Await::Rest, own);
                }
                result => result,
            },
            TurnOrder::Run(by, signal) => self.run(t, key, by, signal),
            TurnOrder::Step(by) => self.step(t, key, by),
            TurnOrder::Release(events) => {
                self.release(t, key, events);
                Ok(())
            }
            TurnOrder::Mask(bits, add) => self.mask(t, key, bits, add),
            TurnOrder::Flags(flags) => self.flags(t, key, flags),
            TurnOrder::Look => Ok(()),
            TurnOrder::Continue(first) => self.go_on(t, key, first),
            TurnOrder::LastClose(flags_too) => {
                self.last_close(t, key, flags_too);
                Ok(())
            }
        };
        let shown = result.map(|()| shown(t, key, self.seat.name));
        // First, or what the client does next may be over before the process is asked to stop.
        t.settle(key);
        (self.done)(shown);
    }

    /// Attaches the process for who gives the order.
    fn take(&self, t: &mut Tracer, key: Key) -> Result<(), Refusal> {
        t.attach(key)?;
        self.seat.giver.judge(t, &self.proc)
    }

    /// The seat, made if there is none.
    fn seat(&self, t: &mut Tracer, key: Key) -> Result<SeatId, Refusal> {
        t.may_keep(key, &self.seat.giver)?;
        let found = find(t, key, self.seat.name);
        let id = found.unwrap_or_else(|| self.shared.queue.new_seat());
        let TurnSeat { name, ref giver, rules, .. } = self.seat;
        let seats = &mut t.entry(&self.proc).process.seats;
        let fresh = || Seat { turns: Some(Turns::default()), ..Seat::new(name, true, giver.opener, None) };
        let seat = seats.entry(id).or_insert_with(fresh);
        (seat.opener, seat.check) = (giver.opener, giver.check.clone());
        if let Some(turns) = &mut seat.turns {
            turns.rules = rules;
        }
        Ok(id)
    }

    fn attach(
        &self,
        t: &mut Tracer,
        key: Key,
        attach: Attach,
        watch: Option<std::io::Result<Watch>>,
    ) -> Result<(), Refusal> {
        let traced = |seat: &Seat| seat.turns.as_ref().is_some_and(|t| t.controller.is_some());
        if t.entry(&self.proc).process.seats.values().any(traced) {
            return Err(busy(key, "it is traced already"));
        }
        // His end would be told before this.
        let Some(Ok(watch)) = watch.filter(|_| attach.controller.alive()) else {
            return Err(Refusal::gone(attach.controller.pid() as Tid));
        };
        t.in_name = Some(attach.creds);
        let attached = self.take(t, key);
        t.in_name = None;
        attached?;
        let id = self.seat(t, key)?;
        with(t, key, id, |seat| {
            seat.stop_on(S_SIG | S_EXEC);
            seat.hold = true;
            if let Some(turns) = &mut seat.turns {
                turns.controller = Some(Controller { life: attach.controller.life(), watch });
            }
        });
        Ok(())
    }

    /// False if the process sleeps. One that stands, and was let go an instant ago, may seem to run.
    fn may_stand(&self) -> bool {
        let stat = procfs::read_at(self.proc.dir(), c"stat").ok();
        stat.as_deref().and_then(procfs::Stat::parse).is_some_and(|s| matches!(s.state, b'T' | b't' | b'R'))
    }

    fn wait(self, t: &mut Tracer, key: Key, by: Life) {
        let seats = t.entries.get(&key).map(|e| e.process.seats.iter()).into_iter().flatten();
        let traced: Vec<SeatId> = seats
            .filter(|(_, s)| s.turns.as_ref().is_some_and(|t| t.controller.is_some()))
            .map(|(id, _)| *id)
            .collect();
        let what = match traced.first() {
            None => match self.take(t, key) {
                Ok(()) => Await::Halted,
                Err(refusal) => {
                    t.settle(key);
                    return (self.done)(Err(refusal));
                }
            },
            Some(id) if controlled(t, key, self.seat.name, by) == Some(*id) => Await::Stopped(*id),
            Some(_) => return (self.done)(Err(busy(key, "another traces it"))),
        };
        self.wait_until(t, key, what, None);
    }

    fn wait_for_event(self, t: &mut Tracer, key: Key) {
        if let Err(refusal) = self.take(t, key) {
            t.settle(key);
            return (self.done)(Err(refusal));
        }
        match find(t, key, self.seat.name).map_or_else(|| self.seat(t, key), Ok) {
            Ok(id) => self.wait_until(t, key, Await::Turn(id), None),
            Err(refusal) => {
                t.settle(key);
                (self.done)(Err(refusal));
            }
        }
    }

    /// `own`: the seat with which the wait ends too.
    fn wait_until(self, t: &mut Tracer, key: Key, what: Await, own: Option<SeatId>) {
        let Asked { seat, ticket, done, .. } = self;
        let (name, giver) = (seat.name, seat.giver);
        let then = move |t: &mut Tracer, result: Result<(), Refusal>| {
            done(result.map(|()| shown(t, key, name)));
        };
        let id = t.wait_for(key, what, None, Box::new(then));
        t.wait_of(id, &giver);
        if let Some(own) = own {
            t.bind(id, own);
        }
        ticket.waits_as(id);
        t.settle(key);
    }

    /// The seat and the thread that speaks for the process, if it stands for this controller.
    fn mine(&self, t: &Tracer, key: Key, by: Life) -> Result<(SeatId, Tid), Refusal> {
        let id =
            controlled(t, key, self.seat.name, by).ok_or_else(|| busy(key, "you do not trace it: attach first"))?;
        let process = t.entries.get(&key).map(|e| &e.process).filter(|p| p.stands_for(id));
        let process = process.ok_or_else(|| busy(key, "it is not stopped: wait first"))?;
        Ok((id, process.representative(Some(id)).unwrap_or(key.0)))
    }

    fn run(&self, t: &mut Tracer, key: Key, by: Life, signal: Option<Box<SiginfoBytes>>) -> Result<(), Refusal> {
        let (id, tid) = self.mine(t, key, by)?;
        let shown = shown(t, key, self.seat.name).event;
        match (signal, shown) {
            // Delivered as it was sent.
            (Some(new), Some(What::Signal(info))) if info.signo == signo_of(&new) => {}
            (signal, _) => {
                drop_signal(t, key, id);
                if let Some(info) = signal {
                    self.give(t, key, tid, info)?;
                }
            }
        }
        with(t, key, id, Seat::next);
        self.end_job_stop(t, key, tid);
        Ok(())
    }

    /// The thread gets a signal as soon as it runs, or keeps it pending if it blocks it.
    fn give(&self, t: &mut Tracer, key: Key, tid: Tid, info: Box<SiginfoBytes>) -> Result<(), Refusal> {
        let signo = signo_of(&info);
        let os = |e: std::io::Error| Refusal::os("send a signal to", tid, &e);
        if self.blocked(tid) >> ((signo - 1) & 63) & 1 == 1 || signo == libc::SIGKILL {
            return ptrace::queue_signal(key.0, tid, &info).map_err(os);
        }
        let fate = t.fate(tid, signo);
        let Some(thread) = t.entries.get_mut(&key).and_then(|e| e.process.threads.get_mut(&tid)) else { return Ok(()) };
        if !thread.stopped() {
            // By job control: when that is over.
            thread.forged = Some(info);
            return Ok(());
        }
        if let State::Stopped(Stop::Signal(was, _)) = &mut thread.state {
            was.fate = fate;
        }
        set_current(t, key, tid, Some(info))
    }

    /// Signals that a thread blocks.
    fn blocked(&self, tid: Tid) -> u64 {
        status_mask(&self.proc, tid, "SigBlk")
    }

    /// Ends a job-control stop, by the one way there is, a SIGCONT, which is not delivered.
    fn end_job_stop(&self, t: &mut Tracer, key: Key, tid: Tid) {
        let unblocked = self.blocked(tid) >> (libc::SIGCONT - 1) & 1 == 0;
        let Some(process) = t.entries.get_mut(&key).map(|e| &mut e.process) else { return };
        if !process.is_job_stopped() {
            return;
        }
        process.threads.values_mut().for_each(|t| t.turn.continued = true);
        if let Some(thread) = process.threads.get_mut(&tid).filter(|_| unblocked) {
            thread.turn.drops = Some(libc::SIGCONT);
        }
        let _ = thread::tgkill(key.0, tid, libc::SIGCONT);
    }

    fn step(&self, t: &mut Tracer, key: Key, by: Life) -> Result<(), Refusal> {
        let (id, tid) = self.mine(t, key, by)?;
        forgets_nothing(&self.proc)?;
        t.may_step(tid)?;
        let process = t.entries.get(&key).map(|e| &e.process);
        let ready = process.and_then(|p| p.threads.get(&tid)).is_some_and(|t| t.stopped() && !t.injecting);
        if !ready || process.is_some_and(|p| p.is_job_stopped()) {
            return Err(busy(key, "it is stopped by job control: run it first"));
        }
        drop_signal(t, key, id);
        with(t, key, id, |seat| (seat.hold, seat.why) = (true, None));
        if let Some(thread) = t.entries.get_mut(&key).and_then(|e| e.process.threads.get_mut(&tid)) {
            thread.steps = Some(Steps::of(id, 1));
        }
        Ok(())
    }

    fn release(&self, t: &mut Tracer, key: Key, events: Option<&'static str>) {
        let Some(id) = find(t, key, self.seat.name).filter(|id| controller(t, key, *id).is_some()) else { return };
        let waits = |e: &crate::tracer::Entry| {
            let of_it = e.process.waiters.iter().filter(|(_, w)| w.seat() == Some(id));
            of_it.map(|(waiter, _)| *waiter).collect::<Vec<_>>()
        };
        let waiters = t.entries.get(&key).map(waits).unwrap_or_default();
        let tid = t.entries.get(&key).and_then(|e| e.process.representative(Some(id))).unwrap_or(key.0);
        drop_signal(t, key, id);
        with(t, key, id, Seat::clear);
        if let Some(events) = events.and_then(|name| find(t, key, name)) {
            with(t, key, events, |seat| seat.stop_on(0));
        }
        self.end_job_stop(t, key, tid);
        for waiter in waiters {
            t.finish_waiter(waiter, Err(busy(key, "it is traced no more")));
        }
    }

    fn mask(&self, t: &mut Tracer, key: Key, bits: u64, add: bool) -> Result<(), Refusal> {
        let id = self.seat(t, key)?;
        let mut before = 0;
        let ids = Some(()).filter(|()| self.seat.tied).and_then(|()| Standing::of(&self.proc));
        let (mut armed, set) = (false, move |old: u64| if add { old | bits } else { old & !bits });
        with(t, key, id, |seat| {
            before = seat.turns.as_ref().map_or(0, |t| t.mask);
            seat.stop_on(set(before));
            if let Some(turns) = &mut seat.turns {
                turns.ids = ids;
            }
            armed = seat.armed();
        });
        if !armed {
            return Ok(());
        }
        self.take(t, key).inspect_err(|_| with(t, key, id, |seat| seat.stop_on(before)))?;
        if set(before) & !before & (S_SCE | S_SCX) != 0 {
            t.look_into_stopped(key);
        }
        Ok(())
    }

    /// With PF_FORK children are looked out for, whatever events are asked for.
    fn flags(&self, t: &mut Tracer, key: Key, flags: u8) -> Result<(), Refusal> {
        let id = self.seat(t, key)?;
        let (mut before, follows) = ((0, false), flags & PF_FORK != 0);
        let ids = Some(()).filter(|()| self.seat.tied && follows).and_then(|()| Standing::of(&self.proc));
        with(t, key, id, |seat| {
            let Some(turns) = &mut seat.turns else { return };
            before = (turns.flags, turns.follows);
            (turns.flags, turns.follows) = (flags, follows);
            turns.ids = ids.or(turns.ids.take());
        });
        if !follows {
            return Ok(());
        }
        self.take(t, key).inspect_err(|_| {
            with(t, key, id, |seat| {
                if let Some(turns) = &mut seat.turns {
                    (turns.flags, turns.follows) = before;
                }
            });
        })
    }

    fn go_on(
        &self,
        t: &mut Tracer,
        key: Key,
        first: Box<dyn FnOnce() -> Result<(), Refusal> + Send>,
    ) -> Result<(), Refusal> {
        let id = find(t, key, self.seat.name);
        let id = id.filter(|id| t.entries.get(&key).is_some_and(|e| e.process.shows(*id)));
        let id = id.ok_or_else(|| Refusal::new(libc::EAGAIN, format!("{}: it shows no event", key.0)))?;
        first()?;
        with(t, key, id, Seat::next);
        Ok(())
    }

    fn last_close(&self, t: &mut Tracer, key: Key, flags_too: bool) {
        let Some(id) = find(t, key, self.seat.name) else { return };
        with(t, key, id, |seat| {
            if seat.turns.as_ref().is_some_and(|t| t.flags & PF_LINGER != 0) {
                return;
            }
            seat.let_go();
            if let Some(turns) = seat.turns.as_mut().filter(|_| flags_too) {
                turns.flags = 0;
            }
        });
    }
}

/// Drops the signal that the seat shows.
fn drop_signal(t: &mut Tracer, key: Key, id: SeatId) {
    let Some(process) = t.entries.get_mut(&key).map(|e| &mut e.process) else { return };
    let Some((tid, What::Signal(_))) = process.seats.get(&id).and_then(|s| s.why.clone()) else { return };
    let Some(thread) = process.threads.get_mut(&tid) else { return };
    if let State::Stopped(Stop::Signal(_, fault)) = &mut thread.state {
        (*fault, thread.owed) = (false, 0);
        ledger::owe(tid, 0);
    }
}

fn shown(t: &Tracer, key: Key, name: &str) -> Shown {
    let Some(id) = find(t, key, name) else { return Shown::default() };
    let Some(process) = t.entries.get(&key).map(|e| &e.process) else { return Shown::default() };
    let Some(seat) = process.seats.get(&id) else { return Shown::default() };
    let (mask, flags) = seat.turns.as_ref().map_or((0, 0), |t| (t.mask, t.flags));
    let event = seat.why.as_ref().filter(|_| process.shows(id)).map(|(_, what)| what.clone());
    Shown { mask, flags, event }
}

/// A set of signals of a thread, by the kernel's name for it.
pub(crate) fn status_mask(proc: &Proc, tid: Tid, name: &str) -> u64 {
    let path = CString::new(format!("task/{tid}/status")).unwrap_or_default();
    let status = procfs::read_at(proc.dir(), &path).unwrap_or_default();
    let text = procfs::field(&status, name).and_then(|f| std::str::from_utf8(f).ok()).unwrap_or_default();
    u64::from_str_radix(text.trim(), 16).unwrap_or(0)
}

impl Tracer {
    /// Whoever asked for events of a process with other ids asks for none any more. What is shown stays so.
    pub fn check_ids(&mut self, key: Key) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let tied = |s: &Seat| s.turns.as_ref().is_some_and(|t| t.asks() && t.ids.is_some());
        if !entry.process.seats.values().any(tied) {
            return;
        }
        let Some(now) = Standing::of(&entry.proc) else { return };
        for seat in entry.process.seats.values_mut() {
            if seat.turns.as_ref().is_some_and(|t| t.outlived(&now)) {
                seat.ask_nothing();
            }
        }
    }

    /// What comes of a signal, if there is a seat that goes by it.
    pub fn fate(&self, tid: Tid, signal: i32) -> Fate {
        let entry = self.tids.get(&tid).and_then(|key| self.entries.get(key));
        let Some(entry) = entry.filter(|e| e.process.shows_turns()) else {
            return Fate::Acts;
        };
        let has = |name| status_mask(&entry.proc, tid, name) >> ((signal - 1) & 63) & 1 == 1;
        match signal {
            _ if has("SigIgn") => Fate::Ignored,
            _ if has("SigCgt") => Fate::Acts,
            libc::SIGCHLD | libc::SIGCONT | libc::SIGURG | libc::SIGWINCH => Fate::Nothing,
            libc::SIGQUIT | libc::SIGILL | libc::SIGTRAP | libc::SIGABRT | libc::SIGFPE | libc::SIGSEGV => Fate::Core,
            libc::SIGBUS | libc::SIGSYS | libc::SIGXCPU | libc::SIGXFSZ => Fate::Core,
            _ => Fate::Acts,
        }
    }
}
