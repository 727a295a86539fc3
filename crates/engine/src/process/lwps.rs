//! The rules of lwps (Solaris proc(4)) on one process: which one speaks for it, what stands, and what PCRUN sets going. The seat
//! of such a flavour votes thread by thread; what it keeps of them is [`crate::seat::Lwps`].

use super::{Process, Report, Sleeps, State, Steps, Stop, Thread};
use crate::event::{Call, What};
use crate::seat::{Seat, SeatId};
use abi::syscall::Abi;
use kernel::procfs::Proc;
use kernel::ptrace::{Go, Tid};
use std::collections::BTreeMap;
use std::sync::Arc;

/// si_code of int1, which leaves no byte to go back to.
const TRAP_BRKPT: i32 = 1;

/// How an lwp stands, as one seat sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Stand {
    /// It does not.
    Runs,
    /// By job control, with this signal.
    Job(i32),
    /// On an event of the seat's own.
    Event(What),
    /// Because the seat asked (PR_REQUESTED).
    Requested,
    /// For others (PR_SUSPENDED).
    Suspended,
}

impl Stand {
    /// True in what proc(4) calls an event stop.
    pub fn is_event(&self) -> bool {
        matches!(self, Stand::Event(_) | Stand::Requested)
    }
}

/// How thread `tid` stands for this seat.
pub fn stand(thread: &Thread, tid: Tid, seat: Option<&Seat>) -> Stand {
    let directed = seat.is_some_and(|s| s.hold_threads.contains(&tid));
    let event = seat.and_then(|s| s.lwps.as_ref()).and_then(|l| l.events.get(&tid));
    match (&thread.state, event) {
        _ if thread.injecting => Stand::Suspended,
        (State::Running, _) => Stand::Runs,
        (State::Listening | State::Stopped(Stop::Group), _) => Stand::Job(thread.job),
        (State::Stopped(_), Some(what)) => Stand::Event(what.clone()),
        (State::Stopped(_), None) if directed => Stand::Requested,
        (State::Stopped(_), None) if thread.aside => Stand::Runs,
        (State::Stopped(_), None) => Stand::Suspended,
    }
}

/// True at the entry of the call that ends a thread.
fn is_ending(what: &What) -> bool {
    matches!(what, What::Entry(c) if c.nr == match c.abi { Abi::X86_64 => libc::SYS_exit as u64, Abi::I386 => 1 })
}

/// True for fork, vfork and clone.
pub fn makes_process(call: &Call) -> bool {
    match call.abi {
        Abi::X86_64 => matches!(call.nr, 56..=58 | 435),
        Abi::I386 => matches!(call.nr, 2 | 120 | 190 | 435),
    }
}

/// The place of an lwp in the order in which one is looked for that speaks for the process: the lowest does.
fn class(thread: &Thread, tid: Tid, seat: Option<&Seat>) -> u8 {
    let directed = seat.is_some_and(|s| s.hold_threads.contains(&tid));
    match stand(thread, tid, seat) {
        Stand::Runs => 1,
        Stand::Job(_) if !directed => 4,
        Stand::Job(_) => 5,
        Stand::Event(what) if !is_ending(&what) => 6,
        Stand::Event(_) => 7,
        Stand::Requested => 8,
        Stand::Suspended => 10,
    }
}

fn speaker(threads: &BTreeMap<Tid, Thread>, seat: Option<&Seat>, agent: Option<Tid>) -> Option<Tid> {
    agent.filter(|tid| threads.contains_key(tid)).or_else(|| first(threads, seat))
}

fn first(threads: &BTreeMap<Tid, Thread>, seat: Option<&Seat>) -> Option<Tid> {
    threads.iter().min_by_key(|(tid, t)| class(t, **tid, seat)).map(|(tid, _)| *tid)
}

/// True if what PCWSTOP waits for has come: the lwp, or the one that speaks for the process, is in an event stop. A process that
/// others hold is not waited for.
pub(super) fn stands(
    threads: &BTreeMap<Tid, Thread>,
    seat: Option<&Seat>,
    agent: Option<Tid>,
    tid: Option<Tid>,
) -> bool {
    let Some(at) = tid.or_else(|| speaker(threads, seat, agent)) else { return false };
    let how = threads.get(&at).map_or(Stand::Runs, |t| stand(t, at, seat));
    how.is_event() || (tid.is_none() && how == Stand::Suspended)
}

/// True if it is in an event stop, which poll(2) tells. None while it makes a call of ours, of which nobody is told.
pub(super) fn shows(
    threads: &BTreeMap<Tid, Thread>,
    seat: Option<&Seat>,
    agent: Option<Tid>,
    tid: Option<Tid>,
) -> Option<bool> {
    let at = tid.or_else(|| speaker(threads, seat, agent));
    match at.and_then(|at| Some((at, threads.get(&at)?))) {
        Some((_, thread)) if thread.injecting => None,
        Some((at, thread)) => Some(stand(thread, at, seat).is_event()),
        None => Some(false),
    }
}

impl Process {
    /// The lwp that speaks for the process to this seat: the agent if there is one; else one that runs if any does, then those
    /// that stand, in the order in which PCRUN lets them be seen.
    pub fn speaker(&self, seat: Option<SeatId>) -> Option<Tid> {
        let agent = self.agent.as_ref().and_then(|a| a.tid);
        speaker(&self.threads, seat.and_then(|id| self.seats.get(&id)), agent)
    }

    /// How a thread stands for the seat.
    pub fn stand(&self, seat: Option<SeatId>, tid: Tid) -> Option<Stand> {
        let seat = seat.and_then(|id| self.seats.get(&id));
        self.threads.get(&tid).map(|t| stand(t, tid, seat))
    }

    /// Directs one thread, or all, to stop for the seat.
    pub fn direct(&mut self, seat: SeatId, tid: Option<Tid>) {
        let Some(seat) = self.seats.get_mut(&seat) else { return };
        match tid {
            Some(tid) => drop(seat.hold_threads.insert(tid)),
            None => seat.hold_threads.extend(self.threads.keys()),
        }
    }

    /// The call that made this child: a thread is in it, or stands at its end.
    pub fn maker_of(&self, child: Tid) -> Option<Call> {
        let events = self.seats.values().filter_map(|s| s.lwps.as_ref()).flat_map(|l| l.events.values());
        let shown = self.seats.values().filter_map(|s| s.why.as_ref()).map(|(_, what)| what);
        let events = events.chain(shown);
        let ended = events.filter_map(|what| match what {
            What::Exit(call, result) if *result == i64::from(child) => *call,
            _ => None,
        });
        self.threads.values().filter_map(|t| t.call).chain(ended).find(makes_process)
    }

    /// A new process, whose only thread is at its first stop, made by this call.
    pub fn born(&mut self, maker: Option<Call>) {
        let (pid, options) = (self.pid, self.options());
        let thread = self.threads.entry(pid).or_insert_with(|| Thread::running(options, true));
        thread.call = maker;
        thread.newborn = true;
    }

    /// A new thread of this one. Where there are lwps it begins at the end of the call that made it, as a process does.
    pub(super) fn born_lwp(&mut self, maker: Tid, new: Tid) {
        let call = self.threads.get(&maker).and_then(|t| t.call).filter(|_| self.has_lwps());
        let options = self.options();
        self.threads.entry(new).or_insert_with(|| Thread {
            call,
            newborn: call.is_some(),
            ..Thread::running(options, true)
        });
    }

    /// The first stop of a process that was born under a seat, or of a new lwp, is the end of the call that made it.
    pub fn first_report(&mut self, tid: Tid, report: &Report) -> Option<Report> {
        if *report == Report::Trap && !self.threads.contains_key(&tid) {
            // Its maker has not told of it yet.
            let maker = self.threads.iter().find(|(_, t)| t.call.as_ref().is_some_and(makes_process));
            let maker = maker.map(|(tid, _)| *tid)?;
            self.born_lwp(maker, tid);
        }
        let thread = self.threads.get_mut(&tid)?;
        let first = std::mem::take(&mut thread.newborn) && *report == Report::Trap && thread.call.is_some();
        first.then_some(Report::Exit(0))
    }

    fn has_lwps(&self) -> bool {
        self.seats.values().any(|s| s.lwps.is_some() || s.turns.is_some())
    }

    /// True if the thread now stands on a breakpoint for a seat that wants the program counter on it (PR_BPTADJ).
    pub fn puts_back(&self, tid: Tid) -> bool {
        let lwps = self.seats.values().filter_map(|s| s.lwps.as_ref());
        lwps.filter(|l| l.modes.adjust)
            .any(|l| matches!(l.events.get(&tid), Some(What::Fault(abi::fault::BPT, i)) if i.code != TRAP_BRKPT))
    }

    /// A seat goes away: the trap of a step or a watched area that it ordered goes with it, or it would kill the process.
    pub fn forgive(&mut self, id: SeatId) {
        if self.seats.get(&id).is_none_or(|s| s.lwps.is_none()) {
            return;
        }
        for thread in self.threads.values_mut() {
            let State::Stopped(stop) = &mut thread.state else { continue };
            let ordered = thread.stepped || (thread.watched && super::is_watch(stop));
            if let (Stop::Signal(_, fault), true) = (stop, ordered) {
                *fault = false;
                (thread.owed, thread.stepped) = (0, false);
            }
        }
    }

    /// An exec has taken the process from the seat's opener. By the rules of lwps a traced process stands then, for whoever may
    /// control it now, and runs when those who may not have closed; if there is nobody to close, nothing is asked of it any
    /// more. False for a seat of other rules.
    pub fn exec_withdrew(&mut self, id: SeatId, proc: &Arc<Proc>) -> bool {
        let Some(seat) = self.seats.get_mut(&id) else { return false };
        let closes = seat.armed() && seat.writers.as_ref().is_some_and(|open| open(proc));
        let Some(lwps) = seat.lwps.as_mut() else { return false };
        if closes {
            (lwps.modes.run_on_close, lwps.modes.kill_on_close) = (true, false);
            self.direct(id, None);
        } else {
            seat.clear();
        }
        true
    }

    /// A new thread stops where its maker was asked to: nobody escapes a stop by making another.
    pub(super) fn direct_newborn(&mut self, maker: Tid, new: Tid) {
        for seat in self.seats.values_mut().filter(|s| s.lwps.is_some()) {
            if seat.hold_threads.contains(&maker) {
                seat.hold_threads.insert(new);
            }
        }
    }

    /// Whom PCRUN is about, if it is in an event stop of the seat's or was asked to stop. While there is an agent, that alone,
    /// and by its own name.
    pub fn may_run(&self, seat: SeatId, tid: Option<Tid>) -> Option<Tid> {
        if self.agent.as_ref().is_some_and(|a| a.tid.is_none() || a.tid != tid) {
            return None;
        }
        let at = tid.or_else(|| self.speaker(Some(seat)))?;
        let directed = self.seats.get(&seat).is_some_and(|s| s.hold_threads.contains(&at));
        (self.stand(Some(seat), at)?.is_event() || directed).then_some(at)
    }

    /// True if a thread that steps was asked to stop by who steps it, and may sleep on the way: it does not come to the end of the
    /// step by itself.
    pub(super) fn breaks_off_step(&self, tid: Tid) -> bool {
        let steps = self.threads.get(&tid).and_then(|t| t.steps.as_ref()).filter(|s| s.sleeps == Sleeps::Yes);
        let seat = steps.and_then(|s| self.seats.get(&s.seat)).filter(|s| s.lwps.is_some());
        seat.is_some_and(|s| s.hold_threads.contains(&tid))
    }

    /// True if some seat is to see the calls of the process.
    pub fn calls_are_seen(&self) -> bool {
        self.seats.values().any(Seat::wants_calls)
    }

    /// Orders one step of a thread that stands. `sleeps`: what is next; known for certain where calls are seen.
    pub fn order_step(&mut self, seat: SeatId, tid: Tid, sleeps: Sleeps) {
        let seen = self.calls_are_seen();
        let Some(thread) = self.threads.get_mut(&tid) else { return };
        let entry = thread.state == State::Stopped(Stop::Entry);
        let signalled = thread.owed != 0 || thread.forged.is_some();
        // What is at the beginning of a call makes that, and one instruction.
        let whole = entry || (sleeps == Sleeps::Yes && seen && !signalled);
        let go = if whole { Go::Syscall } else { Go::Step };
        thread.steps = Some(Steps { seat, left: 1, go, sleeps: if entry { Sleeps::Yes } else { sleeps } });
    }

    /// PRSTOP of an lwp that has a signal in hand: it would stand again before the signal acts, so it stays where it is, stopped by
    /// request. False for one that has to run to come to that stop.
    pub fn stays(&mut self, seat: SeatId, tid: Tid) -> bool {
        let Some(thread) = self.threads.get(&tid) else { return false };
        let acts = match &thread.state {
            State::Stopped(Stop::Plain | Stop::Exit | Stop::Within(_)) => thread.forged.is_some(),
            State::Stopped(Stop::Signal(..)) => thread.forged.is_some() || thread.owed != 0,
            _ => false,
        };
        let seat = self.seats.get_mut(&seat).filter(|_| acts && thread.later.is_none());
        let Some((seat, lwps)) = seat.and_then(|s| Some((&mut s.hold_threads, s.lwps.as_mut()?))) else { return false };
        lwps.events.remove(&tid);
        seat.insert(tid);
        true
    }

    /// Sets one lwp going and no other.
    pub fn run_lwp(&mut self, seat: SeatId, tid: Tid) {
        if let Some(seat) = self.seats.get_mut(&seat) {
            seat.forget(tid);
        }
    }

    /// PCRUN through the file of the process, its lwp `at` speaking for it: each such PCRUN takes one event from sight, and what
    /// stands runs when all have been seen. `aborted`: the call at whose entry it stands will not be made.
    pub fn run_process(&mut self, id: SeatId, at: Tid, aborted: bool) {
        let event = self.stand(Some(id), at);
        let Some(lwps) = self.seats.get_mut(&id).and_then(|s| s.lwps.as_mut()) else { return };
        let seen = lwps.events.remove(&at);
        if matches!(event, Some(Stand::Event(_))) {
            if !aborted && seen.as_ref().is_some_and(is_ending) {
                self.run_lwp(id, at);
            }
            let next = self.speaker(Some(id)).and_then(|tid| self.stand(Some(id), tid));
            if next.is_some_and(|how| how != Stand::Requested) {
                return;
            }
        }
        let Some(seat) = self.seats.get_mut(&id) else { return };
        // The speaker may still be on its way to a stop while others stand on what nobody has seen.
        if seat.lwps.as_ref().is_some_and(|l| l.events.is_empty()) {
            seat.hold_threads.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Action;
    use super::*;
    use crate::event::SigInfo;
    use crate::seat::{Lwps, Opener};
    use kernel::ptrace::Go;

    const SEAT: SeatId = 1;

    /// A process of these threads with a seat of the flavour's.
    fn process(tids: &[Tid]) -> Process {
        let mut p = Process::new(tids[0]);
        let seat = Seat::new("solaris", true, Opener::default(), None);
        p.seats.insert(SEAT, Seat { lwps: Some(Lwps::default()), ..seat });
        tids.iter().for_each(|tid| p.attached(*tid));
        p
    }

    fn seat(p: &mut Process) -> &mut Seat {
        p.seats.get_mut(&SEAT).unwrap()
    }

    fn call(nr: i64) -> Call {
        Call { nr: nr as u64, abi: Abi::X86_64, args: [0; 6] }
    }

    fn stand(p: &Process, tid: Tid) -> Stand {
        Process::stand(p, Some(SEAT), tid).unwrap()
    }

    #[test]
    fn an_event_stops_the_others_too() {
        let mut p = process(&[10, 11]);
        seat(&mut p).signals.add(10);
        p.settle();
        p.report(10, Report::Signal(SigInfo { signo: 10, ..SigInfo::default() }, None));
        assert_eq!(p.settle(), [Action::Interrupt(11)]);
        // The one that runs speaks for the process until it stands.
        assert_eq!(p.speaker(Some(SEAT)), Some(11));
        p.report(11, Report::Trap);
        assert!(p.settle().is_empty());
        assert!(matches!(stand(&p, 10), Stand::Event(What::Signal(_))));
        assert_eq!((stand(&p, 11), p.speaker(Some(SEAT))), (Stand::Requested, Some(10)));
    }

    #[test]
    fn alone_with_pr_async() {
        let mut p = process(&[10, 11]);
        seat(&mut p).signals.add(10);
        seat(&mut p).lwps.as_mut().unwrap().modes.asynchronous = true;
        p.settle();
        p.report(10, Report::Signal(SigInfo { signo: 10, ..SigInfo::default() }, None));
        assert!(p.settle().is_empty());
        assert_eq!(stand(&p, 11), Stand::Runs);
    }

    #[test]
    fn each_run_takes_one_event_from_sight() {
        let mut p = process(&[10, 11, 12]);
        seat(&mut p).entries.add(39);
        p.settle();
        p.report(11, Report::Entry(call(39)));
        p.report(12, Report::Entry(call(39)));
        p.settle();
        p.report(10, Report::Trap);
        assert!(p.settle().is_empty());
        for tid in [11, 12] {
            assert_eq!(p.speaker(Some(SEAT)), Some(tid));
            assert_eq!(p.may_run(SEAT, None), Some(tid));
            p.run_process(SEAT, tid, false);
            let actions = p.settle();
            if tid == 11 {
                assert!(actions.is_empty());
                assert_eq!(stand(&p, 11), Stand::Requested);
            } else {
                assert_eq!(actions.len(), 3);
            }
        }
        assert_eq!(p.may_run(SEAT, None), None);
    }

    #[test]
    fn one_lwp_is_run_through_its_own_file() {
        let mut p = process(&[10, 11]);
        p.direct(SEAT, None);
        p.settle();
        p.report(10, Report::Trap);
        p.report(11, Report::Trap);
        p.settle();
        assert_eq!(p.may_run(SEAT, Some(11)), Some(11));
        p.run_lwp(SEAT, 11);
        assert_eq!(p.settle(), [Action::Resume(11, Go::Cont, 0)]);
        assert_eq!((stand(&p, 10), stand(&p, 11)), (Stand::Requested, Stand::Runs));
    }

    #[test]
    fn who_only_looks_waits_for_a_process_that_nobody_needs() {
        let mut p = process(&[10, 11]);
        p.waiters.insert(1, super::super::Await::See(SEAT, Some(11), true));
        let attached = std::mem::take(&mut p.threads);
        assert!(p.take_woken().is_empty());
        p.threads = attached;
        assert!(p.take_woken().is_empty());
        p.threads.remove(&11);
        assert_eq!(p.take_woken(), [(1, super::super::Outcome::Gone)]);
    }

    #[test]
    fn who_only_looks_sees_an_event_stop_come_and_go() {
        use super::super::{Await, Outcome};
        let mut p = process(&[10]);
        p.waiters.insert(1, Await::See(SEAT, None, true));
        p.direct(SEAT, None);
        p.settle();
        assert!(p.take_woken().is_empty());
        p.report(10, Report::Trap);
        p.settle();
        assert_eq!(p.take_woken(), [(1, Outcome::Done)]);
        p.waiters.insert(2, Await::See(SEAT, None, false));
        assert!(p.take_woken().is_empty());
        p.run_lwp(SEAT, 10);
        p.settle();
        assert_eq!(p.take_woken(), [(2, Outcome::Done)]);
    }

    #[test]
    fn a_directive_waits_for_the_end_of_job_control() {
        let mut p = process(&[10]);
        p.direct(SEAT, None);
        p.settle();
        p.report(10, Report::Group(19));
        assert_eq!(p.settle(), [Action::Listen(10)]);
        assert_eq!(stand(&p, 10), Stand::Job(19));
        assert!(p.settle().is_empty());
        p.report(10, Report::Trap);
        assert!(p.settle().is_empty());
        assert_eq!(stand(&p, 10), Stand::Requested);
    }

    #[test]
    fn others_suspend() {
        let mut p = process(&[10]);
        p.seats.insert(2, Seat { hold: true, ..Seat::new("linux", true, Opener::default(), None) });
        seat(&mut p).signals.add(2);
        p.settle();
        p.report(10, Report::Trap);
        p.settle();
        assert_eq!(stand(&p, 10), Stand::Suspended);
        assert_eq!(p.may_run(SEAT, None), None);
        p.waiters.insert(1, super::super::Await::See(SEAT, None, true));
        assert!(p.take_woken().is_empty(), "no event stop");
    }

    #[test]
    fn the_trap_of_a_step_dies_with_who_ordered_it() {
        use super::super::Steps;
        let mut p = process(&[10]);
        seat(&mut p).faults.add(u64::from(abi::fault::TRACE));
        p.direct(SEAT, None);
        p.settle();
        p.report(10, Report::Trap);
        p.settle();
        p.run_lwp(SEAT, 10);
        p.threads.get_mut(&10).unwrap().steps = Some(Steps::of(SEAT, 1));
        assert_eq!(p.settle(), [Action::Resume(10, Go::Step, 0)]);
        let trap = SigInfo { signo: libc::SIGTRAP, code: 2, ..SigInfo::default() };
        p.report(10, Report::Signal(trap, abi::fault::of_signal(libc::SIGTRAP, 2)));
        assert!(p.settle().is_empty());
        assert!(matches!(stand(&p, 10), Stand::Event(What::Fault(abi::fault::TRACE, _))));
        p.forgive(SEAT);
        seat(&mut p).clear();
        assert_eq!(p.settle(), [Action::Detach(10, 0)]);
    }

    #[test]
    fn a_promised_signal_comes_before_the_process_is_let_go() {
        let mut p = process(&[10]);
        p.direct(SEAT, None);
        p.settle();
        p.report(10, Report::Trap);
        p.settle();
        let mut info = Box::new([0; 128]);
        info[0] = 10;
        p.threads.get_mut(&10).unwrap().forged = Some(info.clone());
        seat(&mut p).clear();
        assert_eq!(p.settle(), [Action::Forge(10, info), Action::Resume(10, Go::Cont, 0)]);
        assert!(p.settle().is_empty());
        p.report(10, Report::Signal(SigInfo { signo: 10, ..SigInfo::default() }, None));
        assert_eq!(p.settle(), [Action::Detach(10, 10)]);
    }

    #[test]
    fn a_child_begins_at_the_end_of_the_call_that_made_it() {
        let mut p = process(&[10]);
        seat(&mut p).exits.add(57);
        p.born(Some(call(57)));
        assert_eq!(p.first_report(10, &Report::Trap), Some(Report::Exit(0)));
        p.report(10, Report::Exit(0));
        p.settle();
        assert!(matches!(stand(&p, 10), Stand::Event(What::Exit(Some(_), 0))));
        assert_eq!(p.first_report(10, &Report::Trap), None);
    }
}
