//! The agent of a process (Solaris proc(4), PCAGENT): a thread of ours in it, which a client commands. While there is one no
//! other thread runs. It ends when it makes the call that ends a thread, or is sent to make it when its seat goes away.

use super::{Action, Process, State, Stop, Thread};
use crate::agent::Ending;
use crate::seat::SeatId;
use kernel::ptrace::{Go, Tid};

/// A thread of ours.
pub struct Agent {
    /// Its id; None until it has come to its first stop.
    pub tid: Option<Tid>,
    /// The seat that has it.
    pub seat: SeatId,
    /// What its maker wants remembered of him.
    pub note: Vec<u8>,
    /// How it ends, from the moment it exists.
    pub ending: Option<Ending>,
    /// Its seat is gone.
    dismissed: bool,
    /// It is on its way to its end.
    leaving: bool,
}

impl Agent {
    /// One that is about to be made.
    pub fn new(seat: SeatId, note: Vec<u8>) -> Agent {
        Agent { tid: None, seat, note, ending: None, dismissed: false, leaving: false }
    }
}

impl Process {
    /// True if `tid` is the agent.
    pub fn is_agent(&self, tid: Tid) -> bool {
        self.agent.as_ref().is_some_and(|a| a.tid == Some(tid))
    }

    /// The call that makes the agent has made it: it comes to its first stop by itself.
    pub fn agent_born(&mut self, tid: Tid, ending: Ending) {
        let options = self.options();
        self.threads.entry(tid).or_insert_with(|| Thread::running(options, true));
        if let Some(agent) = &mut self.agent {
            agent.ending = Some(ending);
        }
    }

    /// The agent has come to its first stop: from now on its seat commands it.
    pub fn agent_stands(&mut self, tid: Tid) {
        let Some(agent) = &mut self.agent else { return };
        agent.tid = Some(tid);
        if let Some(seat) = self.seats.get_mut(&agent.seat) {
            seat.hold_threads.insert(tid);
        }
    }

    /// Seats go away; an agent of theirs ends.
    pub fn dismiss_agent(&mut self, going: impl Fn(SeatId) -> bool) {
        if let Some(agent) = self.agent.as_mut().filter(|a| going(a.seat)) {
            agent.dismissed = true;
        }
    }

    /// Sends an agent to its end that nobody commands any more. False for any other thread.
    pub(super) fn dismissing(&mut self, tid: Tid) -> bool {
        let Some(agent) = self.agent.as_mut().filter(|a| a.dismissed && a.tid == Some(tid)) else { return false };
        let Some(thread) = self.threads.get_mut(&tid) else { return true };
        match &thread.state {
            State::Stopped(stop) => {
                // A SIGSTOP is for the whole process, whichever thread takes it.
                let passed = match stop {
                    Stop::Signal(info, _) if info.signo == libc::SIGSTOP => thread.owed,
                    _ => 0,
                };
                agent.leaving = true;
                (thread.state, thread.owed, thread.forged) = (State::Running, 0, None);
                self.actions.push(Action::End(tid));
                self.actions.push(Action::Resume(tid, Go::Cont, passed));
            }
            _ if agent.leaving || thread.interrupt => {}
            _ => {
                thread.interrupt = true;
                self.actions.push(Action::Interrupt(tid));
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Report;
    use crate::seat::{Lwps, Opener, Seat};
    use kernel::wait::Status;

    const SEAT: SeatId = 7;

    /// Two threads that stand for a seat, and an agent that does.
    fn standing() -> Process {
        let mut p = Process::new(1);
        let seat = Seat::new("test", true, Opener::default(), None);
        p.seats.insert(SEAT, Seat { lwps: Some(Lwps::default()), ..seat });
        p.attached(1);
        p.attached(2);
        p.direct(SEAT, None);
        p.settle();
        p.report(1, Report::Trap);
        p.report(2, Report::Trap);
        p.agent = Some(Agent::new(SEAT, Vec::new()));
        // Nobody knows yet what it is, and nobody sets it going.
        p.report(3, Report::Trap);
        assert_eq!(p.settle(), []);
        p.agent_stands(3);
        assert_eq!(p.settle(), []);
        p
    }

    #[test]
    fn no_other_thread_runs() {
        let mut p = standing();
        assert_eq!(p.speaker(Some(SEAT)), Some(3));
        assert_eq!([None, Some(1), Some(3)].map(|tid| p.may_run(SEAT, tid)), [None, None, Some(3)]);
        if let Some(seat) = p.seats.get_mut(&SEAT) {
            seat.hold_threads.clear();
        }
        assert_eq!(p.settle(), [Action::Resume(3, Go::Syscall, 0)]);
        p.report(3, Report::Group(libc::SIGSTOP));
        assert_eq!(p.settle(), [Action::Resume(3, Go::Syscall, 0)]);
        p.report(3, Report::Dead(Status::Exited(0)));
        assert_eq!(p.settle(), [Action::Detach(1, 0), Action::Detach(2, 0)]);
    }

    #[test]
    fn it_ends_with_its_seat() {
        let mut p = standing();
        p.dismiss_agent(|seat| seat != SEAT);
        assert_eq!(p.settle(), []);
        p.dismiss_agent(|seat| seat == SEAT);
        p.seats.clear();
        let end = [Action::End(3), Action::Resume(3, Go::Cont, 0)];
        assert_eq!(p.settle(), end);
        assert_eq!(p.settle(), []);
        p.report(3, Report::Trap);
        assert_eq!(p.settle(), end);
        p.report(3, Report::Dead(Status::Exited(0)));
        assert_eq!(p.settle(), [Action::Detach(1, 0), Action::Detach(2, 0)]);
    }
}
