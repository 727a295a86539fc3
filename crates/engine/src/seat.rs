//! What one client holds of one process.

use crate::event::{Call, What};
use crate::stream::Stream;
use crate::turns::Turns;
use crate::watch::Areas;
use abi::set::Set;
use abi::syscall::set_number;
use kernel::creds::Creds;
use kernel::procfs::Proc;
use kernel::ptrace::Tid;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

/// Names a seat for the life of the engine.
pub type SeatId = u64;

/// Who opened a seat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opener {
    /// Process id at the time.
    pub pid: u32,
    /// uid at the time.
    pub uid: u32,
}

/// Asks something about a process.
pub type Question = Arc<dyn Fn(&Arc<Proc>) -> bool + Send + Sync>;

/// Asks something about a process in somebody's name.
pub type Permission = Arc<dyn Fn(&Arc<Proc>, &Creds) -> bool + Send + Sync>;

/// Asks the kernel whether the opener may still control the process: at each exec of the target, and of children that were born
/// under its seat.
#[derive(Clone)]
pub struct Check {
    /// In whose names: all of them must still be allowed. Where these are the same, so is the answer.
    pub names: Vec<Creds>,
    /// What is asked in one.
    pub may: Permission,
}

impl Check {
    /// True if they may.
    pub fn holds(&self, proc: &Arc<Proc>) -> bool {
        self.names.iter().all(|creds| (self.may)(proc, creds))
    }
}

/// A stop that is armed once: the next one of its kind disarms it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Once {
    /// Nothing armed.
    #[default]
    None,
    /// The next signal or fault (`startstop`).
    Note,
    /// The next system call entry or exit (`startsyscall`).
    Call,
}

/// What a flavour with lwps keeps of a process beside its sets and directives.
#[derive(Clone, Debug, Default)]
pub struct Lwps {
    /// What single threads stand on. One that stands and is not in here stands because it was asked to.
    pub events: BTreeMap<Tid, What>,
    /// Modes.
    pub modes: Modes,
    /// Watched areas.
    pub areas: Areas,
}

/// Modes of a process, the same in all flavours that have them (Solaris PCSET).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// Children begin with the same sets (PR_FORK).
    pub fork: bool,
    /// What stands runs on when nobody can write any more (PR_RLC).
    pub run_on_close: bool,
    /// The process is killed then (PR_KLC).
    pub kill_on_close: bool,
    /// The stop of one thread on an event asks no other to stop (PR_ASYNC).
    pub asynchronous: bool,
    /// At a breakpoint the program counter is put back onto it (PR_BPTADJ).
    pub adjust: bool,
    /// The rules of ptrace(2) (PR_PTRACE).
    pub ptrace: bool,
    /// Microstate accounting was switched off (PR_MSACCT), that of children too (PR_MSFORK): without effect, remembered.
    pub accounting: (bool, bool),
}

/// A seat: stop votes, event sets, and the stream of its events.
pub struct Seat {
    /// The flavour it belongs to.
    pub flavour: &'static str,
    /// True for the one seat that a flavour keeps per process, false for one that lives as long as an open file.
    pub standing: bool,
    /// Who opened it (of a standing seat: who used it last).
    pub opener: Opener,
    /// When it was made.
    pub since: SystemTime,
    /// Votes that the whole process stands.
    pub hold: bool,
    /// The one thread that this vote is not about.
    pub spared: Option<Tid>,
    /// Votes that single threads stand. Where the flavour has lwps: stop directives, pending or obeyed.
    pub hold_threads: BTreeSet<Tid>,
    /// What a flavour with lwps keeps of them; its seat votes thread by thread, never for the process.
    pub lwps: Option<Lwps>,
    /// What a seat keeps that shows its events one at a time.
    pub turns: Option<Turns>,
    /// Signals that stop.
    pub signals: Set,
    /// Faults that stop.
    pub faults: Set,
    /// System calls whose entry stops.
    pub entries: Set,
    /// System calls whose exit stops.
    pub exits: Set,
    /// fork and vfork stop.
    pub fork: bool,
    /// exec stops.
    pub exec: bool,
    /// The end of the process is reported.
    pub end: bool,
    /// Job-control stops and continuations are reported (they never stop by themselves).
    pub job: bool,
    /// A stop armed once.
    pub once: Once,
    /// Events are reported without stopping.
    pub report: bool,
    /// The event that the seat stands on, if it stands.
    pub why: Option<(Tid, What)>,
    /// Where events go; none for a standing seat.
    pub stream: Option<Arc<Stream>>,
    /// Number of the next event.
    pub seq: u64,
    /// May the opener still?
    pub check: Option<Check>,
    /// It only watches, and is told of the end by a pidfd: also if its opener may not control the process, or not any more.
    pub watches_end: bool,
    /// Who would let a process run that stands because of an exec: somebody who has yet to close.
    pub writers: Option<Question>,
}

impl Seat {
    /// An empty seat.
    pub fn new(flavour: &'static str, standing: bool, opener: Opener, check: Option<Check>) -> Seat {
        Seat {
            flavour,
            standing,
            opener,
            since: SystemTime::now(),
            hold: false,
            spared: None,
            hold_threads: BTreeSet::new(),
            lwps: None,
            turns: None,
            signals: Set::EMPTY,
            faults: Set::EMPTY,
            entries: Set::EMPTY,
            exits: Set::EMPTY,
            fork: false,
            exec: false,
            end: false,
            job: false,
            once: Once::None,
            report: false,
            why: None,
            stream: None,
            seq: 0,
            check,
            watches_end: false,
            writers: None,
        }
    }

    /// The opener may not control the process any more. True if the seat stays, for the end of the process alone.
    pub fn leave_the_end(&mut self) -> bool {
        if self.watches_end {
            (self.job, self.exec, self.check) = (false, false, None);
        }
        self.watches_end
    }

    /// Gives back everything that it asked for; the stream and its numbering go on.
    pub fn clear(&mut self) {
        let mut fresh = Seat::new(self.flavour, self.standing, self.opener, self.check.take());
        fresh.since = self.since;
        fresh.stream = self.stream.take();
        fresh.seq = self.seq;
        fresh.report = self.report;
        fresh.writers = self.writers.take();
        fresh.lwps = self.lwps.as_ref().map(|_| Lwps::default());
        fresh.turns = self.turns.as_ref().map(|_| Turns::default());
        *self = fresh;
    }

    /// True if its stream has been closed: it has been told of the end.
    pub fn is_over(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.is_closed())
    }

    /// True if the end of the process is no news to its reader.
    pub fn needs_no_end(&self) -> bool {
        self.stream.as_ref().is_none_or(|stream| stream.is_closed())
    }

    /// True if children of the process are to come attached.
    pub fn follows_fork(&self) -> bool {
        let events = self.turns.as_ref().is_some_and(Turns::asks);
        self.fork || (self.inherited() && (self.tracing() || events))
    }

    /// True if the ends of calls are wanted that vfork may be: they are shown before the parent waits, at a report of its own. The
    /// numbers are those of both tables.
    pub fn shows_vfork(&self) -> bool {
        const MAKERS: [u64; 5] = [56, 58, 120, 190, 435];
        self.lwps.is_some() && MAKERS.iter().any(|nr| self.exits.has(*nr))
    }

    /// True if children begin with the sets of this seat.
    pub fn inherited(&self) -> bool {
        self.lwps.as_ref().is_some_and(|l| l.modes.fork) || self.turns.as_ref().is_some_and(Turns::inherited)
    }

    /// What a child begins with: the sets and the mode itself, of a seat that is inherited.
    pub fn for_child(&self) -> Option<Seat> {
        let Seat { signals, faults, entries, exits, exec, .. } = *self;
        let modes = Modes { fork: true, ..Modes::default() };
        let lwps = self.lwps.as_ref().map(|_| Lwps { modes, ..Lwps::default() });
        let turns = self.turns.as_ref().map(Turns::for_child);
        let fresh = Seat::new(self.flavour, self.standing, self.opener, self.check.clone());
        let writers = self.writers.clone();
        self.inherited().then_some(Seat { signals, faults, entries, exits, exec, lwps, turns, writers, ..fresh })
    }

    /// Takes over what a child begins with.
    pub fn take_over(&mut self, child: Seat) {
        (self.signals, self.faults) = (child.signals, child.faults);
        (self.entries, self.exits) = (child.entries, child.exits);
        (self.exec, self.turns) = (child.exec, child.turns);
        if let Some(lwps) = &mut self.lwps {
            lwps.modes.fork = true;
        }
    }

    /// A thread has ended.
    pub fn forget(&mut self, tid: Tid) {
        self.hold_threads.remove(&tid);
        if let Some(lwps) = &mut self.lwps {
            lwps.events.remove(&tid);
        }
        self.forget_turns(|t| t == tid);
    }

    /// All other threads have ended.
    pub fn forget_all_but(&mut self, tid: Tid) {
        self.hold_threads.retain(|t| *t == tid);
        if let Some(lwps) = &mut self.lwps {
            lwps.events.retain(|t, _| *t == tid);
        }
        self.forget_turns(|t| t != tid);
    }

    /// True if the seat is to be remembered, armed or not.
    pub fn kept(&self) -> bool {
        let modes = self.lwps.as_ref().is_some_and(|l| l.modes != Modes::default());
        self.armed() || modes || self.turns.as_ref().is_some_and(Turns::kept)
    }

    /// True if this seat's vote keeps thread `tid` even from the end of a job-control stop. A stop directive does not: it is
    /// obeyed when SIGCONT has come.
    pub fn holds_stopped_job(&self, tid: Tid) -> bool {
        self.lwps.is_none() && self.holds(tid)
    }

    /// True if the process must be attached for this seat.
    pub fn armed(&self) -> bool {
        self.hold
            || !self.hold_threads.is_empty()
            || self.tracing()
            || self.once != Once::None
            || self.fork
            || self.exec
            || (self.end && !self.watches_end)
            || self.job
            || self.watches()
            || self.turns.as_ref().is_some_and(Turns::armed)
    }

    fn watches(&self) -> bool {
        self.lwps.as_ref().is_some_and(|l| !l.areas.is_empty())
    }

    fn tracing(&self) -> bool {
        !self.signals.is_empty() || !self.faults.is_empty() || self.wants_calls()
    }

    /// True if threads must be run from system call to system call for this seat.
    pub fn wants_calls(&self) -> bool {
        !self.entries.is_empty() || !self.exits.is_empty() || self.once == Once::Call
    }

    /// True while the stream has no room.
    pub fn throttled(&self) -> bool {
        self.stream.as_ref().is_some_and(|s| s.is_full())
    }

    /// True if this seat's vote keeps thread `tid` from running.
    pub fn holds(&self, tid: Tid) -> bool {
        (self.hold && self.spared != Some(tid)) || self.hold_threads.contains(&tid) || self.throttled()
    }

    /// True if the seat asked for this event.
    pub fn wants(&self, what: &What) -> bool {
        if let Some(turns) = &self.turns {
            return turns.wants(what);
        }
        // Where there are lwps, a set has the numbers of the process's own table, as everything else that is said of calls.
        let number = |c: &Call| if self.lwps.is_some() { c.nr } else { set_number(c.abi, c.nr) };
        let in_set = |set: &Set, c: &Call| set.has(number(c));
        match what {
            What::Requested => false,
            What::Signal(i) => self.once == Once::Note || self.signals.has(i.signo as u64),
            What::Fault(f, _) => self.once == Once::Note || self.faults.has(*f as u64),
            What::Entry(c) => self.once == Once::Call || in_set(&self.entries, c),
            What::Exit(Some(c), _) => self.once == Once::Call || in_set(&self.exits, c),
            What::Exit(None, _) => self.once == Once::Call || self.exits == Set::ALL,
            What::Fork { .. } => self.fork,
            What::Exec { .. } => self.exec,
            What::End(_) => self.end,
            What::JobStop(_) | What::Continued => self.job,
            What::Stepped | What::Delivery(_) | What::Core | What::Ending(_) => false,
        }
    }

    /// What the seat holds, in words, for `holders` and `pfs status`.
    pub fn describe(&self) -> String {
        let mut words = Vec::new();
        if self.hold {
            words.push(match &self.why {
                Some((tid, what)) => format!("stop({} {tid})", what.word()),
                None => "stop".into(),
            });
        }
        for tid in &self.hold_threads {
            words.push(format!("stop({tid})"));
        }
        words.extend(self.turns.iter().flat_map(Turns::describe));
        let mut set = |word: &str, set: &Set, name: &dyn Fn(u64) -> String| {
            if !set.is_empty() {
                words.push(format!("{word}={}", set.show(name).replace(' ', ",")));
            }
        };
        set("sig", &self.signals, &|n| abi::signal::name(n as i32));
        set("fault", &self.faults, &|n| abi::fault::name(n as u8));
        set("in", &self.entries, &|n| abi::syscall::name(abi::syscall::Abi::X86_64, n));
        set("out", &self.exits, &|n| abi::syscall::name(abi::syscall::Abi::X86_64, n));
        if self.watches() {
            words.push("watch".into());
        }
        for (on, word) in [(self.fork, "fork"), (self.exec, "exec"), (self.end, "exit"), (self.job, "job")] {
            if on {
                words.push(word.into());
            }
        }
        match self.once {
            Once::None => {}
            Once::Note => words.push("startstop".into()),
            Once::Call => words.push("startsyscall".into()),
        }
        if words.is_empty() {
            words.push("nothing".into());
        }
        words.join(" ")
    }
}
