//! The ioctls on `mem` (procfs_ioctl.c): stop events of the whole process, which anybody who may use its memory may ask for, wait for
//! and end. FreeBSD 3 to 12; elsewhere, and for what the kernel could not copy out to the client ([`Pioc`]), ENOTTY.
//!
//! * A stop is one of the whole process, and events are shown one at a time, in their order; in FreeBSD other threads ran on, and what
//!   happened there overwrote what was shown.
//! * Events can be asked for only of a process that no other debugger has: EBUSY.
//! * A process that waits for itself: EDEADLK.
//! * SIGKILL always ends the process, but for one that stands at S_EXIT: to that the kernel passes no signal any more.
//! * That the ids of the process change, which ends what was asked for, is seen before the next event, and whenever it is asked about.

use super::candebug::{Claim, Pass};
use super::look::Subject;
use super::opens::LastClose;
use crate::right::{send_signal, User};
use crate::target::Target;
use crate::underway::Underway;
use abi::bsd::pioctl::{Pioc, ProcfsStatus, PF_ISUGID, S_CORE, S_EXEC, S_EXIT, S_SCE, S_SCX, S_SIG};
use abi::record::Kind;
use abi::{syscall, Model};
use engine::engine::Giver;
use engine::event::What;
use engine::turns::{Shown, TurnOrder, TurnSeat};
use engine::Refusal;
use std::sync::Arc;
use tree::{Caller, Errno, Pending, Result};

/// The name under which the seats are kept that hold processes for events.
pub const SEAT: &str = "freebsd-events";

const CAP_SYS_PTRACE: u32 = 19;

type Answer = Pending<(i32, Vec<u8>)>;

/// Carries out one ioctl.
pub fn ioctl(subject: &Subject, claim: &Claim, caller: &Caller, cmd: u32, arg: u64, done: Answer) {
    if let Err(e) = begin(subject, claim, caller, cmd, arg, &done) {
        done.finish(Err(e));
    }
}

fn begin(subject: &Subject, claim: &Claim, caller: &Caller, cmd: u32, arg: u64, done: &Answer) -> Result<()> {
    let rules = subject.rules;
    let pioc = Pioc::of(cmd).filter(|_| rules.has_ioctls()).ok_or(Errno(libc::ENOTTY))?;
    let user = claim.check(caller).map_err(|e| if e == rules.gone() { rules.gone_for_ioctl() } else { e })?;
    let pass = claim.pass(caller, &user);
    let asked = Asked { subject: subject.clone(), seat: seat(subject, claim.right().giver_for(&user)), user, pass };
    let order = match pioc {
        Pioc::Wait(_) if asked.user.own => return Err(Errno(libc::EDEADLK)),
        Pioc::Wait(model) => {
            Arc::new(Wait { asked, model, underway: Underway::of(done), done: done.clone() }).begin();
            return Ok(());
        }
        Pioc::Bis => TurnOrder::Mask(u64::from(arg as u32), true),
        Pioc::Bic => TurnOrder::Mask(u64::from(arg as u32), false),
        Pioc::Sfl => {
            let flags = arg as u8;
            if flags & PF_ISUGID != 0 && asked.user.creds.effective() >> CAP_SYS_PTRACE & 1 == 0 {
                return Err(Errno(libc::EPERM));
            }
            TurnOrder::Flags(flags)
        }
        Pioc::Cont => TurnOrder::Continue(asked.post(arg as i32)),
        Pioc::Status(_) | Pioc::Gfl => TurnOrder::Look,
    };
    // Answered in a moment, though the caller be stopped meanwhile by what it asks for.
    done.shield();
    let answer = done.clone();
    let way = asked.way();
    way.turn(
        asked.seat(),
        order,
        Box::new(move |result| {
            answer.finish(match (pioc, result) {
                (Pioc::Cont, Err(e)) if e.errno == libc::EAGAIN => rules.not_stopped().map(|()| (0, Vec::new())),
                (Pioc::Status(model), Ok(shown)) => Ok((0, asked.status(&shown, model, false))),
                (Pioc::Gfl, Ok(shown)) => Ok((0, u32::from(shown.flags).to_le_bytes().to_vec())),
                (_, Ok(_)) => Ok((0, Vec::new())),
                (_, Err(refusal)) => Err(asked.told(&refusal)),
            });
        }),
    );
    Ok(())
}

/// True if the process stands on an event.
pub fn is_stopped(target: &Target) -> bool {
    let held = target.shared.engine.target(target.proc.clone()).held_now();
    held.is_some_and(|held| held.seats.iter().any(|seat| seat.flavour == SEAT && seat.holds))
}

/// True if somebody has asked for events of the process.
pub fn are_asked_for(target: &Target) -> bool {
    let held = target.shared.engine.target(target.proc.clone()).held_now();
    held.is_some_and(|held| held.seats.iter().any(|seat| seat.flavour == SEAT))
}

/// What the last close of `mem` does.
pub fn last_close(subject: &Subject, claim: &Claim) -> LastClose {
    let (subject, make) = (subject.clone(), seat(subject, claim.right().giver()));
    let flags_too = subject.rules.last_close_ends_flags();
    Box::new(move || {
        let way = subject.target.shared.engine.target(subject.target.proc.clone());
        way.turn(make(), TurnOrder::LastClose(flags_too), Box::new(drop));
    })
}

type MakeSeat = Box<dyn Fn() -> TurnSeat + Send + Sync>;

fn seat(subject: &Subject, giver: Giver) -> MakeSeat {
    let rules = subject.rules.turns();
    Box::new(move || TurnSeat { name: SEAT, giver: giver.clone(), rules, tied: true })
}

/// One ioctl, and who asks.
struct Asked {
    subject: Subject,
    seat: MakeSeat,
    user: User,
    pass: Pass,
}

impl Asked {
    fn way(&self) -> engine::Target {
        self.subject.target.shared.engine.target(self.subject.target.proc.clone())
    }

    fn seat(&self) -> TurnSeat {
        (self.seat)()
    }

    /// What comes before the process goes on.
    fn post(&self, signal: i32) -> Box<dyn FnOnce() -> std::result::Result<(), Refusal> + Send> {
        let (target, creds) = (self.subject.target.clone(), self.user.creds.clone());
        Box::new(move || match signal {
            0 => Ok(()),
            1..=abi::signal::MAX => send_signal(&target, &creds, signal),
            _ => Err(Refusal::new(libc::EINVAL, format!("{signal}: there is no such signal"))),
        })
    }

    fn told(&self, refusal: &Refusal) -> Errno {
        match refusal.errno {
            libc::ESRCH => self.subject.rules.gone_for_ioctl(),
            libc::EACCES => self.subject.rules.lost(),
            errno => Errno(errno),
        }
    }

    fn status(&self, shown: &Shown, model: Model, waited: bool) -> Vec<u8> {
        let rules = self.subject.rules;
        let (why, val) = shown.event.as_ref().map_or((0, 0), why);
        let status = ProcfsStatus {
            state: if shown.event.is_some() { rules.stopped_state(waited) } else { 1 },
            flags: if rules.tells_flags() { i32::from(shown.flags) } else { 0 },
            events: shown.mask,
            why: why as i32,
            val,
        };
        let mut bytes = Vec::new();
        <ProcfsStatus as Kind>::put(&status, model, &mut bytes);
        bytes
    }
}

/// The event, and what belongs to it.
fn why(what: &What) -> (u64, u64) {
    match what {
        What::Exec { .. } => (S_EXEC, 0),
        What::Signal(info) => (S_SIG, info.signo as u64),
        What::Delivery(signal) => (S_SIG, *signal as u64),
        What::Entry(call) => (S_SCE, syscall::arguments(call.abi, call.nr) as u64),
        What::Exit(call, _) => (S_SCX, call.map_or(0, |c| c.nr)),
        What::Core => (S_CORE, 0),
        What::Ending(status) => (S_EXIT, *status as u64),
        _ => (0, 0),
    }
}

/// A PIOCWAIT.
struct Wait {
    asked: Asked,
    model: Model,
    underway: Arc<Underway<(i32, Vec<u8>)>>,
    done: Answer,
}

impl Wait {
    fn begin(self: Arc<Self>) {
        let wait = self.clone();
        let order = || {
            let told = move |result| wait.end(result);
            self.asked.way().turn(self.asked.seat(), TurnOrder::AwaitEvent, Box::new(told))
        };
        self.underway.give(order);
    }

    fn end(self: Arc<Self>, result: std::result::Result<Shown, Refusal>) {
        if self.done.is_over() {
            return;
        }
        let status = |shown: &Shown| Ok((0, self.asked.status(shown, self.model, true)));
        let answer = match result {
            // That it ends is what was waited for too.
            Err(e) if e.errno == libc::ESRCH => status(&Shown::default()),
            _ if !self.asked.pass.holds() => Err(self.asked.subject.rules.lost()),
            Ok(shown) => status(&shown),
            // An exec has ended all that was asked for, but not who may wait.
            Err(e) if e.errno == libc::EINTR => return self.begin(),
            Err(e) => Err(self.asked.told(&e)),
        };
        self.done.finish(answer);
    }
}
