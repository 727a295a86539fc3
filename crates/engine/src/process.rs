//! One process under control, as a pure state machine: reports and orders change it, [`Process::settle`] says what to do.
//!
//! The rule: *a thread runs when no seat holds it*. Everything else follows from comparing what a thread does with what the
//! seats want.

use crate::event::{Call, SigInfo, What};
use crate::seat::{Once, Seat, SeatId};
use crate::stream::Stream;
use abi::set::Set;
use abi::syscall::{is_made_again, is_restart, Abi};
use kernel::ptrace::{self, is_step_trap, Go, SiginfoBytes, Tid};
use kernel::wait::Status;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names a waiter for the life of the engine.
pub type WaiterId = u64;

/// What the shell is to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// PTRACE_INTERRUPT.
    Interrupt(Tid),
    /// Set going, delivering a signal (0: none).
    Resume(Tid, Go, i32),
    /// Send this signal to the thread, whose mask is not to hold it back.
    Forge(Tid, Box<SiginfoBytes>),
    /// Look for the ends of the calls of a thread that runs.
    Watch(Tid),
    /// Leave in its group-stop, waiting for SIGCONT.
    Listen(Tid),
    /// Stop tracing, delivering a signal (0: none).
    Detach(Tid, i32),
    /// PTRACE_SETOPTIONS.
    Options(Tid, i32),
    /// Give the agent the registers with which it ends.
    End(Tid),
}

/// A stop as the kernel reported it, with the details that the shell has read.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// A trap that we asked for, or the first stop of a new thread.
    Trap,
    /// A job-control stop by this signal.
    Group(i32),
    /// A signal is about to be delivered; the fault behind it, if any.
    Signal(SigInfo, Option<u8>),
    /// System call entry.
    Entry(Call),
    /// System call exit with its result.
    Exit(i64),
    /// The signal by which the kernel stops a thread for the end of a call (see [`Process::ended_call`]), and no other.
    Carrier,
    /// A new thread of this process.
    Clone(Tid),
    /// A new child process.
    Fork {
        /// It.
        child: Tid,
        /// Made by vfork, which will return this: the number of the child where its maker is.
        vfork: Option<i64>,
    },
    /// A new program; the thread that called exec had this id. All other threads are gone.
    Exec(Tid),
    /// The thread is on its way out, with the wait status of its process.
    Ending(i32),
    /// Some other event without meaning for us.
    Other,
    /// The thread has ended.
    Dead(Status),
}

/// What kind of stop a stopped thread is in: it decides how the thread may be set going.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// Nothing is owed.
    Plain,
    /// A job-control stop; going on means to listen for SIGCONT.
    Group,
    /// Before the delivery of a signal. `true`: it stands for the fault behind it, the signal itself is still to be reported.
    Signal(SigInfo, bool),
    /// At a system call entry.
    Entry,
    /// At a system call exit.
    Exit,
    /// Inside a call that has made a process, a thread or a new program, or in which it ends: the kernel has yet to put the result
    /// into its registers. `true`: it comes to the end of that call at once.
    Within(bool),
}

/// What a thread does.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Runs (or sleeps in the kernel).
    Running,
    /// Job-control stopped, waiting for SIGCONT.
    Listening,
    /// In a ptrace stop, ours to command.
    Stopped(Stop),
}

/// A requested run of single steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    /// For this seat.
    pub seat: SeatId,
    /// Instructions left.
    pub left: u64,
    /// How it is set going now: a call whose beginning or end is to be seen is not made in one step.
    pub go: Go,
    /// Whoever asks it to stop while it sleeps on the way, in a call, does not wait for the end of the step.
    pub sleeps: Sleeps,
}

/// Whether a thread may sleep in a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sleeps {
    /// Its instruction is no call.
    No,
    /// It makes one, or is in one.
    Yes,
    /// If its instruction makes a call. That is looked at if somebody asks the thread to stop, and not before: a look costs as much
    /// as the step.
    If {
        /// Address of the instruction.
        at: u64,
        /// It is in a code segment of 32 bits.
        narrow: bool,
    },
}

impl Steps {
    /// So many instructions, one after the other.
    pub fn of(seat: SeatId, left: u64) -> Steps {
        Steps { seat, left, go: Go::Step, sleeps: Sleeps::No }
    }
}

/// One thread.
#[derive(Clone, Debug)]
pub struct Thread {
    /// What it does.
    pub state: State,
    /// An INTERRUPT was sent whose stop has not been seen.
    pub interrupt: bool,
    /// Signal to deliver when it is set going; 0 for none.
    pub owed: i32,
    /// How it was last set going.
    pub(crate) go: Go,
    /// The end of a call that is behind its next report.
    ended: Option<(Call, i64)>,
    /// The signal that it is about to get is still to be reported: the end of its call came first.
    signal_behind: bool,
    /// A carrier is in its queue: it will stop again, and must not be let go before.
    pub carrier: bool,
    /// Options that are in force.
    options: i32,
    /// The system call that it is in, if its entry was seen.
    pub call: Option<Call>,
    /// Its call was interrupted by a stop and will be made again by the kernel: that entry is not news.
    restarting: bool,
    /// Steps under way.
    pub steps: Option<Steps>,
    /// This seat, which asks it to stop, lets it go first: it is to stop again as soon as it was set going.
    pub again: Option<SeatId>,
    /// A signal that it is to get when it is set going, as if it had just been taken from its queue.
    pub forged: Option<Box<SiginfoBytes>>,
    /// That signal was sent: the next stop before its delivery is nobody's business.
    awaited: Option<i32>,
    /// The signal it is about to get is the trap of a step that a client ordered: nobody's but his.
    pub stepped: bool,
    /// What happened to it after what it stands on: told when that has been seen.
    later: Option<What>,
    /// It has not reported yet, and stands at the end of the call that made it.
    newborn: bool,
    /// The signal of the job-control stop that it is in.
    pub job: i32,
    /// When it came to its last stop, in nanoseconds since boot.
    pub since: u64,
    /// It stands in an exec: a step from there is told at the end of the call, before it has made one instruction.
    in_exec: bool,
    /// The end of the vfork that it is in has been told, with this child and result: the kernel's own report of it is no news.
    told: Option<(Tid, i64)>,
    /// Its process may have made an exec that nobody saw before its next report.
    pub after_exec: bool,
    /// The shell runs a call of ours in it: no action until that is over.
    pub injecting: bool,
    /// It stands for a moment because another is to make a step alone: that is nobody's business.
    pub aside: bool,
    /// A trap of a watched area may be on its way to it: it is let go only where none can come any more.
    pub watched: bool,
    /// It was last set going by a step, or to a call, because its process is looked at.
    pub looked: bool,
    /// What turns of events need to know of it.
    pub turn: turns::Turn,
}

impl Thread {
    fn running(options: i32, interrupt: bool) -> Thread {
        let state = State::Running;
        Thread {
            state,
            interrupt,
            owed: 0,
            go: Go::Cont,
            ended: None,
            signal_behind: false,
            carrier: false,
            options,
            call: None,
            restarting: false,
            steps: None,
            again: None,
            forged: None,
            awaited: None,
            later: None,
            newborn: false,
            stepped: false,
            job: 0,
            since: 0,
            in_exec: false,
            told: None,
            after_exec: false,
            injecting: false,
            aside: false,
            watched: false,
            looked: false,
            turn: turns::Turn::default(),
        }
    }

    /// True if its children come attached: by the options in force, which may be those of a seat that is gone.
    pub fn brings_children(&self) -> bool {
        self.options & (libc::PTRACE_O_TRACEFORK | libc::PTRACE_O_TRACEVFORK) != 0
    }

    /// The call that it sleeps in, and would make again, ends with EINTR instead.
    pub fn broken_off(&mut self) {
        if std::mem::take(&mut self.restarting) {
            self.later = self.call.take().map(|call| What::Exit(Some(call), -i64::from(libc::EINTR)));
        }
    }

    /// It was found in this call, which it will make again.
    pub fn found_in(&mut self, call: Call) {
        if self.call.is_none() {
            (self.call, self.restarting) = (Some(call), true);
        }
    }

    /// What the call that it stands in will return, if that is sure and not in its registers yet.
    pub fn result(&self) -> Option<i64> {
        self.told.map(|(_, result)| result).or(self.in_exec.then_some(0))
    }

    /// The child of the vfork that it stands in, whose end has been told.
    pub fn vfork_child(&self) -> Option<Tid> {
        self.told.map(|(child, _)| child)
    }

    /// The exec that it stands in: its number in the table of the new program, which may be another than that of the old one.
    pub fn exec_call(&self, r: &libc::user_regs_struct) -> Option<Call> {
        let (nr, abi) = if ptrace::is_narrow(r) { (11, Abi::I386) } else { (59, Abi::X86_64) };
        self.in_exec.then_some(Call { nr, abi, args: [0; 6] })
    }

    /// True if it is to get a signal that is not in hand yet.
    fn promised(&self) -> bool {
        self.forged.is_some() || self.is_sent()
    }

    /// True if it was sent a signal that is not in hand yet.
    fn is_sent(&self) -> bool {
        self.awaited.is_some() || self.turn.drops.is_some()
    }

    /// Where it stands here and nobody needs it: whether it may be let go, for what we have had sent to it.
    fn leave(&self, stop: &Stop) -> Leave {
        // A carrier in a job-control stop goes with the SIGCONT that ends the stop.
        let carrier = self.carrier && *stop != Stop::Group;
        match self.promised() || carrier {
            true => Leave::Later,
            false if self.watched => Leave::Asked,
            false => Leave::Now,
        }
    }

    /// True if the signal that it is to get is not current yet: it comes after the fault, or the end of a call, that it stands on.
    pub fn signal_is_pending(&self) -> bool {
        self.owed != 0 && (self.signal_behind || matches!(self.state, State::Stopped(Stop::Signal(_, true))))
    }

    /// True in a ptrace stop.
    pub fn stopped(&self) -> bool {
        matches!(self.state, State::Stopped(_))
    }
}

/// When a thread may be let go that stands and that nobody needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leave {
    /// Nothing of ours is on its way to it.
    Now,
    /// At another stop, which is to be asked for: this one does not show whether a trap of a watched area is to come.
    Asked,
    /// At another stop, to which it comes by itself: a promised signal or a carrier is to come.
    Later,
}

/// What a waiter waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Await {
    /// All threads stand, whoever holds them.
    Rest,
    /// This thread stands.
    RestOf(Tid),
    /// The seat stands on an event of its own or on its own vote, and all threads stand; or a job-control stop.
    Stopped(SeatId),
    /// The same, on an event with this word.
    Event(SeatId, &'static str),
    /// Steps of this thread are done (or ended by an event).
    Steps(Tid),
    /// By the rules of lwps: this one, or the one that speaks for the process, stands for the seat.
    Lwp(SeatId, Option<Tid>),
    /// It is in an event stop of the seat, or (false) in none, for somebody who does not need the process attached for that.
    See(SeatId, Option<Tid>, bool),
    /// The seat shows an event.
    Turn(SeatId),
    /// The process stands, by job control or because somebody holds it.
    Halted,
    /// The process ends.
    End,
}

impl Await {
    /// The seat for which it is.
    pub fn seat(&self) -> Option<SeatId> {
        match self {
            Await::Stopped(s) | Await::Event(s, _) | Await::Lwp(s, _) | Await::See(s, ..) | Await::Turn(s) => Some(*s),
            Await::Rest | Await::RestOf(_) | Await::Steps(_) | Await::Halted | Await::End => None,
        }
    }
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What was waited for has come.
    Done,
    /// The process (or thread) ended first.
    Gone,
}

/// How the system calls of a process are to be seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Calls {
    /// Not at all.
    Unseen,
    /// The kernel looks for the ends of some.
    Ends,
    /// Each thread stops at each entry and exit.
    Stops,
}

/// Calls whose ends are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exits {
    /// By the numbers of the process's own table.
    pub own: Set,
    /// By those of the 64-bit table, for calls of the same name.
    pub named: Set,
}

impl Exits {
    /// True if a stop at their ends would be another one in a process of this kind.
    pub fn strange(&self, narrow: bool) -> bool {
        let named = ENDS_OTHERWISE.0.iter().any(|nr| self.named.has(*nr));
        let table = if narrow { ENDS_OTHERWISE.1 } else { ENDS_OTHERWISE.0 };
        named || table.iter().any(|nr| self.own.has(*nr))
    }
}

/// rt_sigreturn, execveat and sigreturn: at their end the kernel does not know them by their number. clone, fork, vfork and clone3:
/// the first stop of what they make is told as their end, if their beginning was seen. Of both tables.
const ENDS_OTHERWISE: (&[u64], &[u64]) = (&[15, 322, 56, 57, 58, 435], &[119, 173, 358, 2, 120, 190, 435]);

const BASE_OPTIONS: i32 = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_TRACEEXEC;

/// A process that somebody holds, traces or waits for.
pub struct Process {
    /// Process id.
    pub pid: Tid,
    /// Threads that are attached.
    pub threads: BTreeMap<Tid, Thread>,
    /// Seats on it.
    pub seats: BTreeMap<SeatId, Seat>,
    /// Who waits for what.
    pub waiters: BTreeMap<WaiterId, Await>,
    /// Number of execs seen.
    pub generation: u64,
    /// It is another user's than the daemon's own; None if nobody has looked since its last exec.
    pub foreign: Option<bool>,
    /// Set when the process has ended.
    pub ended: Option<Status>,
    /// A job-control stop was told of and its end was not: each thread reports both.
    pub(crate) job: bool,
    /// Kept attached although nobody needs it: somebody will in a moment.
    pub lingers: bool,
    /// What is watched in its memory is not while that is lent to a child: the end of that is to be reported.
    pub lends: bool,
    /// A thread of ours in it. While there is one, or one is made, no other thread runs.
    pub agent: Option<agent::Agent>,
    /// The kernel may look for the ends of its calls.
    pub kernel_exits: bool,
    /// Each instruction is looked at before it is made: all threads go step by step.
    pub looks: bool,
    actions: Vec<Action>,
    /// Something concerned more than the thread that reported: all are to be settled.
    pub(crate) stirred: bool,
    /// Streams whose readers are to be woken.
    pub unheard: Vec<Arc<Stream>>,
}

impl Process {
    /// Nothing attached yet.
    pub fn new(pid: Tid) -> Process {
        Process {
            pid,
            threads: BTreeMap::new(),
            seats: BTreeMap::new(),
            waiters: BTreeMap::new(),
            generation: 0,
            foreign: None,
            ended: None,
            job: false,
            lingers: false,
            lends: false,
            agent: None,
            kernel_exits: false,
            looks: false,
            actions: Vec::new(),
            stirred: false,
            unheard: Vec::new(),
        }
    }

    /// Options that every thread is to have now.
    pub fn options(&self) -> i32 {
        let fork = self.seats.values().any(Seat::follows_fork);
        let vfork = fork || self.seats.values().any(Seat::shows_vfork);
        BASE_OPTIONS
            | if fork { libc::PTRACE_O_TRACEFORK } else { 0 }
            | if vfork { libc::PTRACE_O_TRACEVFORK } else { 0 }
            | if self.lends { libc::PTRACE_O_TRACEVFORKDONE } else { 0 }
            | if self.sees_ends() { libc::PTRACE_O_TRACEEXIT } else { 0 }
    }

    /// True while somebody needs the process attached.
    pub fn wanted(&self) -> bool {
        let waits = self.waiters.values().any(|w| !matches!(w, Await::See(..)));
        let needed = self.lingers || waits || self.agent.is_some() || self.seats.values().any(Seat::armed);
        self.ended.is_none() && needed
    }

    /// A thread was seized with the present [`Process::options`].
    pub fn attached(&mut self, tid: Tid) {
        let options = self.options();
        self.threads.entry(tid).or_insert_with(|| Thread::running(options, false));
    }

    /// True if some seat keeps thread `tid` from running.
    pub fn held(&self, tid: Tid) -> bool {
        self.seats.values().any(|s| s.holds(tid))
    }

    /// True if all threads stand.
    pub fn at_rest(&self) -> bool {
        // They are asked in rising order and answer so: the last is the one to come.
        !self.threads.is_empty() && self.threads.values().rev().all(|t| t.state != State::Running)
    }

    /// The threads that have been asked to stop and have not answered.
    pub fn asked(&self) -> Vec<Tid> {
        self.threads.iter().filter(|(_, t)| t.state == State::Running && t.interrupt).map(|(tid, _)| *tid).collect()
    }

    /// A thread that speaks for the process: one that stands on an event, else the leader, else the first.
    pub fn representative(&self, seat: Option<SeatId>) -> Option<Tid> {
        let why = seat.and_then(|s| self.seats.get(&s)).and_then(|s| s.why.as_ref()).map(|w| w.0);
        why.filter(|t| self.threads.contains_key(t))
            .or_else(|| self.shown())
            .or_else(|| self.threads.contains_key(&self.pid).then_some(self.pid))
            .or_else(|| self.threads.keys().next().copied())
    }

    /// Takes in what the kernel reported about `tid`. Call [`Process::settle_after`] (or [`Process::settle`]) afterwards.
    pub fn report(&mut self, tid: Tid, report: Report) {
        // What a thread does concerns no other as long as no seat hears of it.
        self.stirred |=
            !matches!(report, Report::Trap | Report::Signal(..) | Report::Entry(_) | Report::Exit(_) | Report::Carrier);
        if let Report::Dead(status) = report {
            self.threads.remove(&tid);
            self.agent.take_if(|a| a.tid == Some(tid));
            for seat in self.seats.values_mut() {
                seat.forget(tid);
            }
            if tid == self.pid {
                self.end(status);
            }
            return;
        }
        let options = self.options();
        let (was, in_call) = {
            // A thread that nobody announced: its creator's report comes later.
            let thread = self.threads.entry(tid).or_insert_with(|| Thread::running(options, true));
            // The kernel forgets a pending INTERRUPT at whatever stop comes first.
            (thread.interrupt, thread.signal_behind) = (false, false);
            // A job-control stop that it tells of now may be the one that has been ended.
            thread.turn.continued &= matches!(report, Report::Group(_));
            let in_exec = std::mem::take(&mut thread.in_exec);
            let in_vfork = match report {
                Report::Exit(_) | Report::Other => false,
                _ => thread.told.take().is_some(),
            };
            thread.call.take_if(|_| in_vfork);
            (std::mem::replace(&mut thread.state, State::Stopped(Stop::Plain)), in_exec || in_vfork)
        };
        let behind = matches!(report, Report::Carrier | Report::Trap);
        match report {
            Report::Trap => {
                if was == State::Listening && std::mem::take(&mut self.job) {
                    self.publish(tid, What::Continued);
                }
            }
            Report::Group(signal) => {
                if self.is_agent(tid) {
                    // Job control is not for the agent.
                    return;
                }
                let kept = self.seats.values().any(|s| s.holds_stopped_job(tid));
                self.thread(tid, |t| {
                    (t.state, t.job) = (State::Stopped(Stop::Group), signal);
                    // It stands, and goes on from here by no step.
                    t.steps.take_if(|_| kept);
                });
                if !std::mem::replace(&mut self.job, true) {
                    self.publish(tid, What::JobStop(signal));
                }
            }
            // The step is still to be made.
            Report::Signal(info, _) if in_call && is_step_trap(info.signo, info.code) && self.steps(tid) => {}
            Report::Signal(info, fault) => self.signal(tid, info, fault),
            Report::Entry(call) => self.entry(tid, call),
            Report::Exit(result) => self.exit(tid, result),
            Report::Clone(new) => {
                self.stands_within(tid, true);
                self.born_lwp(tid, new);
                self.direct_newborn(tid, new);
            }
            Report::Fork { child, vfork } => {
                self.stands_within(tid, vfork.is_none());
                self.publish(tid, What::Fork { child, vfork: vfork.is_some() });
                if let Some(result) = vfork {
                    self.tell_vfork(tid, child, result);
                }
            }
            Report::Exec(from) => {
                // Whoever made the call goes on under the first one's number, in the call that he is in.
                if let Some(maker) = self.threads.remove(&from) {
                    self.threads.insert(tid, Thread { interrupt: false, ..maker });
                }
                self.stands_within(tid, true);
                self.threads.retain(|t, _| *t == tid);
                self.thread(tid, |t| t.in_exec = true);
                self.agent = None;
                self.generation += 1;
                self.foreign = None;
                for seat in self.seats.values_mut() {
                    seat.forget_all_but(tid);
                    if let Some(lwps) = &mut seat.lwps {
                        lwps.areas.clear();
                    }
                }
                self.publish(tid, What::Exec { from });
            }
            Report::Ending(status) => {
                self.stands_within(tid, false);
                self.ending(tid, status);
            }
            Report::Other => self.stands_within(tid, true),
            Report::Carrier | Report::Dead(_) => {}
        }
        let ended = self.threads.get_mut(&tid).and_then(|t| t.ended.take());
        if let Some((call, result)) = ended {
            if behind {
                self.thread(tid, |t| t.state = State::Stopped(Stop::Exit));
            }
            self.publish(tid, What::Exit(Some(call), result));
        }
    }

    /// Where there are lwps, the end of a vfork is told before the parent waits for its child.
    fn tell_vfork(&mut self, tid: Tid, child: Tid, result: i64) {
        let Some(call) = self.threads.get(&tid).and_then(|t| t.call) else { return };
        if self.publish_to(tid, What::Exit(Some(call), result), |seat| seat.lwps.is_some()) {
            self.thread(tid, |t| t.told = Some((child, result)));
        }
    }

    fn stands_within(&mut self, tid: Tid, ends: bool) {
        self.thread(tid, |t| t.state = State::Stopped(Stop::Within(ends)));
    }

    /// True if a thread stands inside a call, or at its exit, and can go on to the end of it, where it can make another: that takes no
    /// time, and passes nothing that somebody is to be told of.
    pub fn passes(&self, tid: Tid) -> bool {
        let unseen = self.calls() == Calls::Unseen;
        match self.threads.get(&tid).map(|t| &t.state) {
            Some(State::Stopped(Stop::Exit)) => true,
            Some(State::Stopped(Stop::Within(ends))) => *ends && unseen,
            _ => false,
        }
    }

    /// The next report of this thread comes behind the end of this call.
    pub fn ended_call(&mut self, tid: Tid, call: Call, result: i64) {
        self.thread(tid, |t| t.ended = Some((call, result)));
    }

    /// The thread stands in a call that the kernel will make again, or end unseen: it is followed until its end.
    pub fn follow_call(&mut self, tid: Tid, call: Call) {
        self.thread(tid, |t| (t.call, t.restarting, t.go) = (Some(call), true, Go::Syscall));
    }

    /// True if the thread was set going by one instruction, for a client.
    fn steps(&self, tid: Tid) -> bool {
        self.threads.get(&tid).is_some_and(|t| t.go == Go::Step && t.steps.is_some())
    }

    fn thread(&mut self, tid: Tid, change: impl FnOnce(&mut Thread)) {
        if let Some(t) = self.threads.get_mut(&tid) {
            change(t);
        }
    }

    fn signal(&mut self, tid: Tid, info: SigInfo, fault: Option<u8>) {
        let Some(thread) = self.threads.get_mut(&tid) else { return };
        // The trap of a step that we made is no signal, but for a flavour that makes a fault of it.
        let stepped = is_step_trap(info.signo, info.code) && thread.go == Go::Step;
        let traced = |steps: &Steps| self.seats.get(&steps.seat).is_some_and(|s| s.lwps.is_some());
        let told = stepped && thread.steps.as_ref().is_some_and(traced);
        let fault = if told { Some(abi::fault::TRACE) } else { fault };
        thread.stepped = told;
        if told {
            thread.steps = None;
        } else if stepped {
            if let Some(steps) = &mut thread.steps {
                steps.left = steps.left.saturating_sub(1);
                if steps.left == 0 {
                    let seat = steps.seat;
                    thread.steps = None;
                    if let Some(s) = self.seats.get_mut(&seat) {
                        s.why = Some((tid, What::Stepped));
                    }
                }
            }
            return;
        }
        if thread.turn.takes(info.signo) {
            return;
        }
        if let Some(steps) = &mut thread.steps {
            // To the first instruction of the handler.
            steps.go = Go::Step;
        }
        thread.owed = info.signo;
        if thread.awaited.take_if(|signo| *signo == info.signo).is_some() {
            thread.state = State::Stopped(Stop::Signal(info, false));
            return;
        }
        thread.state = State::Stopped(Stop::Signal(info, fault.is_some()));
        if let Some((call, result)) = thread.ended.take() {
            if self.publish(tid, What::Exit(Some(call), result)) {
                return self.thread(tid, |t| t.signal_behind = true);
            }
        }
        if let Some(f) = fault {
            if self.publish(tid, What::Fault(f, info)) {
                return;
            }
        }
        self.signal_itself(tid, info);
    }

    /// The fault, if any, is dealt with: now the signal.
    fn signal_itself(&mut self, tid: Tid, info: SigInfo) -> bool {
        self.thread(tid, |t| (t.state, t.signal_behind) = (State::Stopped(Stop::Signal(info, false)), false));
        self.publish(tid, What::Signal(info))
    }

    fn entry(&mut self, tid: Tid, call: Call) {
        let end = What::Exit(Some(call), 0);
        let awaited = self.seats.values().any(|s| s.wants(&end));
        let Some(thread) = self.threads.get_mut(&tid) else { return };
        thread.state = State::Stopped(Stop::Entry);
        if let Some(steps) = &mut thread.steps {
            steps.go = if awaited { Go::Syscall } else { Go::Step };
        }
        let again = thread.restarting
            && thread.call.is_some_and(|c| is_restart(call.abi, call.nr) || (c.nr == call.nr && c.args == call.args));
        if again {
            thread.restarting = false;
            return;
        }
        // A call that was interrupted and not made again has ended with EINTR, unseen.
        let lost = if thread.restarting { thread.call } else { None };
        thread.restarting = false;
        if is_restart(call.abi, call.nr) && thread.call.is_none() {
            return;
        }
        thread.call = Some(call);
        if let Some(c) = lost {
            if self.publish(tid, What::Exit(Some(c), -i64::from(libc::EINTR))) {
                self.thread(tid, |t| t.later = Some(What::Entry(call)));
                return;
            }
        }
        self.publish(tid, What::Entry(call));
    }

    fn exit(&mut self, tid: Tid, result: i64) {
        let Some(thread) = self.threads.get_mut(&tid) else { return };
        thread.state = State::Stopped(Stop::Exit);
        if thread.told.take().is_some() {
            let call = thread.call.take();
            self.publish_to(tid, What::Exit(call, result), |seat| seat.lwps.is_none());
            return;
        }
        if is_made_again(result) {
            thread.restarting = true;
            return;
        }
        let call = thread.call.take();
        thread.restarting = false;
        if let Some(steps) = &mut thread.steps {
            (steps.go, steps.sleeps) = (Go::Step, Sleeps::No);
        }
        self.publish(tid, What::Exit(call, result));
    }

    /// Tells every seat that asked; true if one of them now stands on the event.
    fn publish(&mut self, tid: Tid, what: What) -> bool {
        self.publish_to(tid, what, |_| true)
    }

    fn publish_to(&mut self, tid: Tid, what: What, whom: impl Fn(&Seat) -> bool) -> bool {
        let pid = self.pid;
        let mut held = false;
        for seat in self.seats.values_mut() {
            if !whom(seat) || !seat.wants(&what) || seat.is_over() {
                continue;
            }
            self.stirred = true;
            let stops = !seat.report && !matches!(what, What::End(_) | What::JobStop(_) | What::Continued);
            if let Some(stream) = &seat.stream {
                seat.seq += 1;
                let first = stream.push(what.line(seat.seq, pid, tid, stops));
                if stops {
                    stream.wake();
                } else if first {
                    self.unheard.push(stream.clone());
                }
            }
            if stops {
                match &mut seat.lwps {
                    Some(lwps) => {
                        lwps.events.insert(tid, what.clone());
                        seat.hold_threads.insert(tid);
                        if !lwps.modes.asynchronous {
                            seat.hold_threads.extend(self.threads.keys());
                        }
                    }
                    None => {
                        seat.hold = true;
                        seat.once = Once::None;
                        seat.show(tid, what.clone());
                    }
                }
                held = true;
            }
        }
        if held {
            // A step is over when something happened in it, and what was to come is here.
            self.thread(tid, |t| (t.steps, t.again) = (None, None));
        }
        held
    }

    /// The process has ended: tells the seats, and those that were opened since it was told last, and closes their streams.
    pub fn end(&mut self, status: Status) {
        let status = *self.ended.get_or_insert(status);
        self.publish(self.pid, What::End(status));
        self.threads.clear();
        self.agent = None;
        for seat in self.seats.values_mut() {
            if let Some(stream) = &seat.stream {
                stream.close();
            }
        }
    }

    /// Compares what every thread does with what the seats want; the answer is what to do about it.
    pub fn settle(&mut self) -> Vec<Action> {
        self.stirred = false;
        while self.ended.is_none() {
            let wanted = self.wanted();
            let options = self.options();
            let calls = self.calls();
            let tids: Vec<Tid> = self.threads.keys().copied().collect();
            for tid in tids {
                self.settle_thread(tid, wanted, options, calls);
            }
            // Something was heard of on the way, for which threads may have to stand that were let go before.
            if !std::mem::take(&mut self.stirred) {
                break;
            }
        }
        std::mem::take(&mut self.actions)
    }

    /// The same after a report of this thread, and nothing else, since the last time.
    pub fn settle_after(&mut self, tid: Tid) -> Vec<Action> {
        if self.stirred || self.ended.is_some() {
            return self.settle();
        }
        let calls = self.calls();
        self.settle_thread(tid, self.wanted(), self.options(), calls);
        if self.stirred {
            // The signal behind a fault was heard of.
            let first = std::mem::take(&mut self.actions);
            return first.into_iter().chain(self.settle()).collect();
        }
        std::mem::take(&mut self.actions)
    }

    /// How system calls are to be seen.
    fn calls(&self) -> Calls {
        match self.seats.values().any(Seat::wants_calls) {
            false => Calls::Unseen,
            true if self.kernel_exits => Calls::Ends,
            true => Calls::Stops,
        }
    }

    /// The calls of which only the ends are wanted, if the kernel can look for them as far as the seats are concerned.
    pub fn exits(&self) -> Option<Exits> {
        let mut exits = Exits::default();
        for seat in self.seats.values() {
            let set = if seat.lwps.is_some() { &mut exits.own } else { &mut exits.named };
            *set = *set | seat.exits;
        }
        // A SIGCONT that the carrier removes from the queue would be missed here.
        let more = |s: &Seat| !s.entries.is_empty() || s.once != Once::None || s.signals.has(libc::SIGCONT as u64);
        (exits != Exits::default() && !self.looks && !self.seats.values().any(more)).then_some(exits)
    }

    fn settle_thread(&mut self, tid: Tid, wanted: bool, options: i32, calls: Calls) {
        // Passing from one event to the next may make a seat hold the thread, hence some rounds.
        for _ in 0..5 {
            let injecting = self.threads.get(&tid).is_none_or(|t| t.injecting);
            if injecting || self.dismissing(tid) {
                return;
            }
            if let Some(thread) = self.threads.get_mut(&tid) {
                // Steps end with the seat that ordered them.
                thread.steps.take_if(|s| !self.seats.contains_key(&s.seat));
            }
            if self.breaks_off_step(tid) {
                self.thread(tid, |t| t.steps = None);
            }
            let Some(thread) = self.threads.get(&tid) else { return };
            let (steps, in_call) = (thread.steps.as_ref().map(|s| (s.seat, s.go)), thread.call.is_some());
            let (stepper, again) = (steps.map(|(seat, _)| seat), thread.again);
            let others = self.agent.as_ref().is_some_and(|a| a.tid != Some(tid));
            let lets = |id: &SeatId| Some(*id) == stepper || Some(*id) == again;
            let held = others || self.seats.iter().any(|(id, s)| !lets(id) && s.holds(tid));
            let held = self.holds_at_end(tid).unwrap_or(held);
            let kept = self.seats.values().any(|s| s.holds_stopped_job(tid));
            if let Some(what) = if held || !wanted { None } else { self.next_of_signal(tid) } {
                self.publish(tid, what);
                continue;
            }
            let calls = if self.is_agent(tid) { Calls::Stops } else { calls };
            let looks = self.looks && !self.is_agent(tid);
            let go = match calls {
                _ if steps.is_some() => steps.map_or(Go::Step, |(_, go)| go),
                _ if looks && !in_call => Go::Step,
                _ if looks => Go::Syscall,
                Calls::Stops => Go::Syscall,
                // One that was interrupted may end without the kernel's looking.
                Calls::Ends if in_call => Go::Syscall,
                Calls::Ends => Go::Exits(self.pid),
                Calls::Unseen => Go::Cont,
            };
            let Some(thread) = self.threads.get_mut(&tid) else { return };
            match &thread.state {
                State::Running | State::Listening => {
                    let listening = thread.state == State::Listening;
                    let unseen = matches!(thread.go, Go::Cont | Go::Exits(_));
                    let stale = !listening && ((go == Go::Syscall && unseen) || (looks && !thread.looked));
                    let held = if listening { kept } else { held };
                    let needs = held || (!wanted && !thread.is_sent()) || thread.options != options || stale;
                    if !listening && thread.go == Go::Cont && matches!(go, Go::Exits(_)) {
                        thread.go = go;
                        self.actions.push(Action::Watch(tid));
                    }
                    // Before its carrier came an INTERRUPT would, again and again.
                    if needs && !thread.interrupt && (listening || !thread.carrier) {
                        thread.interrupt = true;
                        self.actions.push(Action::Interrupt(tid));
                    }
                    return;
                }
                State::Stopped(stop) if !wanted && thread.leave(stop) == Leave::Asked => {
                    let owed = std::mem::take(&mut thread.owed);
                    let owed = if thread.stepped || is_watch(stop) { 0 } else { owed };
                    (thread.state, thread.go, thread.interrupt) = (State::Running, Go::Cont, true);
                    self.actions.extend([Action::Interrupt(tid), Action::Resume(tid, Go::Cont, owed)]);
                    return;
                }
                // The kernel wakes whom it lets go, and what waits in a call that ends with EINTR by that would do so: it is let go
                // at the stop that this leads to, where that is repaired.
                State::Stopped(stop @ Stop::Entry) if !wanted && thread.leave(stop) == Leave::Now => {
                    (thread.state, thread.go, thread.interrupt) = (State::Running, Go::Cont, true);
                    (thread.call, thread.restarting) = (None, false);
                    self.actions.extend([Action::Interrupt(tid), Action::Resume(tid, Go::Cont, 0)]);
                    return;
                }
                State::Stopped(stop) if !wanted && thread.leave(stop) == Leave::Now => {
                    let owed = if thread.stepped { 0 } else { thread.owed };
                    self.threads.remove(&tid);
                    self.job &= !self.threads.is_empty();
                    self.actions.push(Action::Detach(tid, owed));
                    return;
                }
                State::Stopped(Stop::Group) if kept => return,
                State::Stopped(stop) if wanted && held && *stop != Stop::Group => return,
                State::Stopped(Stop::Signal(info, fault)) if (*fault || thread.signal_behind) && thread.owed != 0 => {
                    let info = *info;
                    self.signal_itself(tid, info);
                }
                State::Stopped(_) if thread.later.is_some() => {
                    if let Some(what) = thread.later.take() {
                        self.publish(tid, what);
                    }
                }
                State::Stopped(stop) => {
                    let group = *stop == Stop::Group;
                    if thread.options != options {
                        thread.options = options;
                        self.actions.push(Action::Options(tid, options));
                    }
                    if group {
                        thread.state = State::Listening;
                        self.actions.push(Action::Listen(tid));
                    } else {
                        let owed = std::mem::take(&mut thread.owed);
                        let owed = if thread.stepped && !wanted { 0 } else { owed };
                        let unseen = matches!(go, Go::Cont | Go::Exits(_));
                        if unseen || (go == Go::Step && calls == Calls::Unseen) {
                            // Exits will not be seen from here on, so a remembered entry would grow stale.
                            thread.call = None;
                            thread.restarting = false;
                        }
                        (thread.go, thread.looked) = (go, looks);
                        thread.state = State::Running;
                        if let Some(info) = thread.forged.take() {
                            thread.awaited = Some(signo_of(&info));
                            self.actions.push(Action::Forge(tid, info));
                        }
                        if thread.again.take().is_some() {
                            thread.interrupt = true;
                            self.actions.push(Action::Interrupt(tid));
                        }
                        self.actions.push(Action::Resume(tid, go, owed));
                    }
                    return;
                }
            }
        }
    }

    /// Takes out the waiters whose wait is over.
    pub fn take_woken(&mut self) -> Vec<(WaiterId, Outcome)> {
        let rest = self.at_rest();
        let job = rest && self.threads.values().all(|t| t.grouped());
        let mut woken = Vec::new();
        let (threads, seats, ended) = (&self.threads, &self.seats, self.ended.is_some());
        let agent = self.agent.as_ref().and_then(|a| a.tid);
        self.waiters.retain(|id, what| {
            let own = |seat: &SeatId| seats.get(seat).filter(|s| s.hold && rest);
            let done = match what {
                Await::Rest => rest,
                Await::RestOf(tid) => threads.get(tid).is_some_and(Thread::stopped),
                Await::Stopped(seat) => own(seat).is_some() || job,
                Await::Event(seat, word) => {
                    own(seat).is_some_and(|s| s.why.as_ref().is_some_and(|w| w.1.word() == *word))
                }
                Await::Steps(tid) => threads.get(tid).is_some_and(|t| t.steps.is_none() && t.stopped()),
                Await::Lwp(seat, tid) => lwps::stands(threads, seats.get(seat), agent, *tid),
                Await::See(seat, tid, event) => lwps::shows(threads, seats.get(seat), agent, *tid) == Some(*event),
                Await::Turn(seat) => seats.get(seat).is_some_and(|s| turns::shows(threads, s)),
                Await::Halted => rest && (job || seats.values().any(Seat::halts)),
                Await::End => ended,
            };
            let gone = match what {
                Await::RestOf(tid) | Await::Steps(tid) | Await::Lwp(_, Some(tid)) => !threads.contains_key(tid),
                // Who sees does not need it attached.
                Await::See(_, Some(tid), _) => ended || (!threads.is_empty() && !threads.contains_key(tid)),
                _ => ended,
            };
            if done {
                woken.push((*id, Outcome::Done));
            } else if gone {
                woken.push((*id, Outcome::Gone));
            }
            !done && !gone
        });
        woken
    }

    /// True if [`Process::take_woken`] would find somebody who waits for all threads.
    pub fn rest_awaited(&self) -> bool {
        self.at_rest()
            && self.waiters.values().any(|w| {
                !matches!(w, Await::RestOf(_) | Await::Steps(_) | Await::Lwp(_, Some(_)) | Await::Turn(_) | Await::End)
            })
    }
}

/// True at the trap of a watched area.
fn is_watch(stop: &Stop) -> bool {
    matches!(stop, Stop::Signal(info, _) if (info.signo, info.code) == (libc::SIGTRAP, abi::watch::CODE))
}

/// The signal's number in a `siginfo_t`.
pub fn signo_of(info: &SiginfoBytes) -> i32 {
    i32::from_ne_bytes([info[0], info[1], info[2], info[3]])
}

impl Thread {
    fn grouped(&self) -> bool {
        matches!(self.state, State::Listening | State::Stopped(Stop::Group)) && !self.turn.continued
    }
}

pub mod agent;
pub mod lwps;
pub mod turns;

#[cfg(test)]
mod tests;
