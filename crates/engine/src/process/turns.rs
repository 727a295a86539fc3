//! Events that are shown one at a time, on one process: what else can happen to a thread on the way to a signal's effect and at the
//! end of the process.

use super::{Process, State, Stop, Thread};
use crate::event::{Fate, What};
use crate::seat::{Seat, SeatId};
use abi::bsd::pioctl::S_EXIT;
use kernel::ptrace::Tid;
use std::collections::BTreeMap;

/// What turns of events need to know of a thread.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// It was sent this signal for its effect on job control only: it is not delivered.
    pub drops: Option<i32>,
    /// The job-control stop that it is in has been ended, which it has not told yet.
    pub continued: bool,
    /// How many of the events behind its signal have been told.
    told: u8,
    /// It is on its way out.
    ending: bool,
}

impl Turn {
    /// A signal is about to be delivered: true if it is not to be.
    pub(super) fn takes(&mut self, signo: i32) -> bool {
        self.told = 0;
        self.drops.take_if(|drops| *drops == signo).is_some()
    }
}

/// True if the seat shows an event.
pub(super) fn shows(threads: &BTreeMap<Tid, Thread>, seat: &Seat) -> bool {
    seat.hold && seat.why.as_ref().is_some_and(|(tid, _)| threads.get(tid).is_some_and(Thread::stopped))
}

impl Process {
    /// True if a seat shows its events one at a time.
    pub fn shows_turns(&self) -> bool {
        self.seats.values().any(|s| s.turns.is_some())
    }

    /// True if the seat shows an event.
    pub fn shows(&self, seat: SeatId) -> bool {
        self.seats.get(&seat).is_some_and(|seat| shows(&self.threads, seat))
    }

    /// The thread on whose event the process stands, for a seat that shows one at a time.
    pub(super) fn shown(&self) -> Option<Tid> {
        let mut shown = self.seats.values().filter(|s| s.turns.is_some() && s.hold).filter_map(|s| s.why.as_ref());
        shown.find(|(tid, _)| self.threads.contains_key(tid)).map(|(tid, _)| *tid)
    }

    /// True if all threads stand, for this seat or by job control.
    pub fn stands_for(&self, seat: SeatId) -> bool {
        let holds = self.seats.get(&seat).is_some_and(|s| s.hold);
        self.at_rest() && (holds || self.threads.values().all(Thread::grouped))
    }

    /// True if all threads are job-control stopped.
    pub fn is_job_stopped(&self) -> bool {
        !self.threads.is_empty() && self.threads.values().all(Thread::grouped)
    }

    /// True if somebody wants to see the end of the process while its memory is still there.
    pub(super) fn sees_ends(&self) -> bool {
        self.seats.values().any(|s| s.turns.as_ref().is_some_and(|t| t.mask & S_EXIT != 0))
    }

    /// What comes next of a signal that nobody holds back any more, before it takes effect.
    pub(super) fn next_of_signal(&mut self, tid: Tid) -> Option<What> {
        if !self.shows_turns() {
            return None;
        }
        let thread = self.threads.get_mut(&tid)?;
        let State::Stopped(Stop::Signal(info, false)) = &thread.state else { return None };
        if thread.owed == 0 {
            return None;
        }
        let acts = !matches!(info.fate, Fate::Nothing | Fate::Ignored);
        let stages = [(acts, What::Delivery(thread.owed)), (info.fate == Fate::Core, What::Core)];
        for (comes, what) in stages.into_iter().skip(usize::from(thread.turn.told)) {
            thread.turn.told += 1;
            if comes {
                return Some(what);
            }
        }
        None
    }

    /// Whether a thread on its way out is held: only by who shows that end, or one that was killed would not die. None for a thread
    /// that is not.
    pub(super) fn holds_at_end(&self, tid: Tid) -> Option<bool> {
        let shown = |s: &Seat| s.hold && matches!(s.why, Some((t, What::Ending(_))) if t == tid);
        self.threads.get(&tid).filter(|t| t.turn.ending).map(|_| self.seats.values().any(shown))
    }

    /// A thread is on its way out. The last one takes the process with it.
    pub(super) fn ending(&mut self, tid: Tid, status: i32) {
        let Some(thread) = self.threads.get_mut(&tid) else { return };
        (thread.turn.ending, thread.turn.drops) = (true, None);
        (thread.owed, thread.forged, thread.awaited, thread.steps) = (0, None, None, None);
        let stood: Vec<SeatId> = self.seats.iter().filter(|(_, s)| s.hold).map(|(id, _)| *id).collect();
        for seat in self.seats.values_mut() {
            seat.forget_turns(|t| t == tid);
        }
        if !self.threads.values().all(|t| t.turn.ending) {
            return;
        }
        if status & 0x7f == libc::SIGKILL {
            for (id, seat) in &mut self.seats {
                if seat.turns.as_ref().is_some_and(|t| stood.contains(id) || !t.rules.shows_kills) {
                    seat.let_go();
                }
            }
        }
        self.publish(tid, What::Ending(status));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Report};
    use super::*;
    use crate::event::{Call, SigInfo};
    use crate::seat::Opener;
    use crate::turns::{TurnRules, Turns};
    use abi::bsd::pioctl::{S_ALLSTOPS, S_SIG};
    use abi::syscall::Abi;
    use kernel::ptrace::Go;

    const SEAT: SeatId = 1;

    /// A process of these threads with a seat that stops on these events.
    fn process(tids: &[Tid], mask: u64, rules: TurnRules) -> Process {
        let mut p = Process::new(tids[0]);
        let mut seat = Seat::new("events", true, Opener::default(), None);
        seat.turns = Some(Turns { rules, ..Turns::default() });
        seat.stop_on(mask);
        p.seats.insert(SEAT, seat);
        tids.iter().for_each(|tid| p.attached(*tid));
        p.settle();
        p
    }

    fn event(p: &Process) -> Option<(Tid, &'static str)> {
        p.shows(SEAT).then(|| p.seats[&SEAT].why.as_ref().map(|(tid, what)| (*tid, what.word()))).flatten()
    }

    fn next(p: &mut Process) -> Vec<Action> {
        p.seats.get_mut(&SEAT).unwrap().next();
        p.settle()
    }

    fn signal(signo: i32, fate: Fate) -> Report {
        Report::Signal(SigInfo { signo, fate, ..SigInfo::default() }, None)
    }

    #[test]
    fn events_come_one_after_the_other_and_none_is_lost() {
        let mut p = process(&[10, 11], S_ALLSTOPS, TurnRules::default());
        let call = Call { nr: 39, abi: Abi::X86_64, args: [0; 6] };
        p.report(11, Report::Entry(call));
        p.settle();
        p.report(10, signal(10, Fate::Acts));
        p.settle();
        assert_eq!(event(&p), Some((11, "entry")));
        // Nothing runs between them.
        assert!(next(&mut p).is_empty());
        assert_eq!(event(&p), Some((10, "signal")));
        assert_eq!(next(&mut p), [Action::Resume(10, Go::Syscall, 10), Action::Resume(11, Go::Syscall, 0)]);
        assert_eq!(event(&p), None);
    }

    /// A call that nothing breaks off ends before the stop by which its process was to be attached.
    #[test]
    fn the_call_that_a_thread_was_found_in_ends_with_an_event() {
        let mut p = process(&[10], S_ALLSTOPS, TurnRules::default());
        let call = Call { nr: 58, abi: Abi::X86_64, args: [0; 6] };
        p.ended_call(10, call, 11);
        p.report(10, Report::Trap);
        assert!(p.settle().is_empty());
        assert_eq!(p.seats[&SEAT].why, Some((10, What::Exit(Some(call), 11))));
        // Its registers are those of the end of a call.
        assert_eq!(p.threads[&10].state, State::Stopped(Stop::Exit));
        assert_eq!(next(&mut p), [Action::Resume(10, Go::Syscall, 0)]);
    }

    #[test]
    fn what_happened_to_a_thread_that_ended_is_not_shown() {
        let mut p = process(&[10, 11], S_SIG, TurnRules::default());
        p.report(11, signal(10, Fate::Acts));
        p.report(10, signal(12, Fate::Acts));
        p.settle();
        p.report(11, Report::Dead(kernel::wait::Status::Exited(0)));
        p.settle();
        assert_eq!(event(&p), Some((10, "signal")));
    }

    #[test]
    fn stages_of_a_signal() {
        let mut p = process(&[10], S_ALLSTOPS, TurnRules { twice: true, ..TurnRules::default() });
        p.report(10, signal(6, Fate::Core));
        p.settle();
        for word in ["signal", "delivery", "core"] {
            assert_eq!(event(&p), Some((10, word)));
            if word != "core" {
                assert!(next(&mut p).is_empty());
            }
        }
        assert_eq!(next(&mut p), [Action::Resume(10, Go::Syscall, 6)]);
        // Once for what does nothing; not at all for what is ignored.
        p.report(10, signal(18, Fate::Nothing));
        p.settle();
        assert_eq!(next(&mut p), [Action::Resume(10, Go::Syscall, 18)]);
        p.report(10, signal(10, Fate::Ignored));
        assert_eq!(p.settle(), [Action::Resume(10, Go::Syscall, 10)]);
    }

    #[test]
    fn the_end_is_that_of_the_last_thread_and_a_kill_is_not_held() {
        let shows_kills = TurnRules { shows_kills: true, ..TurnRules::default() };
        for (rules, status, shown) in
            [(TurnRules::default(), 3 << 8, true), (TurnRules::default(), 9, false), (shows_kills, 9, true)]
        {
            let mut p = process(&[10, 11], S_ALLSTOPS, rules);
            // Somebody else holds it, which does not keep it from ending.
            p.seats.insert(2, Seat { hold: true, ..Seat::new("linux", true, Opener::default(), None) });
            p.settle();
            p.report(11, Report::Ending(status));
            assert_eq!(p.settle().last(), Some(&Action::Resume(11, Go::Syscall, 0)));
            assert_eq!(event(&p), None);
            p.report(10, Report::Ending(status));
            let actions = p.settle();
            assert_eq!(event(&p), shown.then_some((10, "ending")), "{status}");
            assert_eq!(actions.is_empty(), shown, "{actions:?}");
        }
        // What stood when it was killed ends.
        let mut p = process(&[10], S_ALLSTOPS, shows_kills);
        p.report(10, signal(10, Fate::Acts));
        p.settle();
        p.report(10, Report::Ending(9));
        assert!(!p.settle().is_empty());
        assert_eq!(event(&p), None);
    }
}
