//! `ctl` (procfs_ctl.c): tracing by one controller, who is the process that wrote `attach`. A message is one command, `attach`, `detach`,
//! `step`, `run` or `wait`, or one name of a signal; EOPNOTSUPP for any other.
//!
//! * The process that is traced stops before each signal and after an exec, before the first instruction of the new program, as a
//!   whole. `wait` tells of it; wait(2) does not, for the process stays its parent's child.
//! * `attach` on a process that is stopped by job control stops it once, not twice; `run` ends both.
//! * With the controller's end the process runs on; if the release is followed strictly, it is killed.
//! * `detach` by whoever may open the file frees the process; a `wait` of its controller ends with EBUSY then, and the daemon's log
//!   tells of it.
//! * `wait` of a process on itself is EDEADLK, and it ends with the process. It follows 4.4BSD; in FreeBSD 5 it was the wrong way round.
//! * Signals are sent by the rule of kill(2). There is no `emt` and no `info` here.
//! * A set-id program that is run while its process is traced gains no right that the controller does not have, unless another
//!   client of this daemon held the process before.

use super::candebug::{Claim, Pass};
use super::look::Subject;
use crate::right::{send_signal, User};
use crate::target::Target;
use crate::underway::Underway;
use engine::turns::{Attach, TurnOrder, TurnSeat};
use engine::Refusal;
use kernel::machine;
use kernel::procfs::Proc;
use kernel::ptrace::SiginfoBytes;
use std::io::Write;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Handle, Keep, Node, Pending, Result};

/// The node.
pub struct Ctl(pub Subject);

impl Node for Ctl {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn keep(&self) -> Keep {
        Keep::Fresh
    }

    fn open(&self, caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        let claim = Claim::open(&self.0, caller)?;
        Ok(Arc::new(Open { subject: self.0.clone(), claim }))
    }
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Attach,
    Detach,
    Step,
    Run,
    Wait,
    Signal(i32),
}

/// Names of signals: those of 4.4BSD that Linux has.
const SIGNALS: [(&str, i32); 30] = [
    ("hup", libc::SIGHUP),
    ("int", libc::SIGINT),
    ("quit", libc::SIGQUIT),
    ("ill", libc::SIGILL),
    ("trap", libc::SIGTRAP),
    ("abrt", libc::SIGABRT),
    ("iot", libc::SIGABRT),
    ("fpe", libc::SIGFPE),
    ("kill", libc::SIGKILL),
    ("bus", libc::SIGBUS),
    ("segv", libc::SIGSEGV),
    ("sys", libc::SIGSYS),
    ("pipe", libc::SIGPIPE),
    ("alrm", libc::SIGALRM),
    ("term", libc::SIGTERM),
    ("urg", libc::SIGURG),
    ("stop", libc::SIGSTOP),
    ("tstp", libc::SIGTSTP),
    ("cont", libc::SIGCONT),
    ("chld", libc::SIGCHLD),
    ("ttin", libc::SIGTTIN),
    ("ttou", libc::SIGTTOU),
    ("io", libc::SIGIO),
    ("xcpu", libc::SIGXCPU),
    ("xfsz", libc::SIGXFSZ),
    ("vtalrm", libc::SIGVTALRM),
    ("prof", libc::SIGPROF),
    ("winch", libc::SIGWINCH),
    ("usr1", libc::SIGUSR1),
    ("usr2", libc::SIGUSR2),
];

/// The command of a text. EOPNOTSUPP if there is no such command.
fn command(text: &[u8]) -> Result<Command> {
    Ok(match text {
        b"attach" => Command::Attach,
        b"detach" => Command::Detach,
        b"step" => Command::Step,
        b"run" => Command::Run,
        b"wait" => Command::Wait,
        name => {
            let signal = SIGNALS.iter().find(|(known, _)| known.as_bytes() == name);
            Command::Signal(signal.ok_or(Errno(libc::EOPNOTSUPP))?.1)
        }
    })
}

/// Who traces the process.
pub fn controller(target: &Target) -> Option<u32> {
    let held = target.shared.engine.target(target.proc.clone()).held_now()?;
    held.seats.iter().find_map(|seat| seat.controller)
}

struct Open {
    subject: Subject,
    claim: Claim,
}

impl Open {
    fn begin(&self, caller: &Caller, data: &[u8], done: &Pending<usize>) -> Result<()> {
        let rules = self.subject.rules;
        let user = self.claim.check(caller)?;
        if data.len() > rules.command_max() {
            return Err(Errno(libc::EMSGSIZE));
        }
        let command = command(rules.trimmed(data))?;
        let writer = Arc::new(Proc::open(caller.pid()?)?);
        let life = writer.life();
        let order = match command {
            Command::Attach if user.own => {
                let traced = controller(&self.subject.target).is_some();
                return Err(Errno(if traced { libc::EBUSY } else { libc::EINVAL }));
            }
            Command::Wait if user.own => return Err(Errno(libc::EDEADLK)),
            Command::Attach => TurnOrder::Attach(Attach {
                controller: writer,
                creds: user.creds.clone(),
                kills: rules.kills_with_controller(),
            }),
            Command::Detach => TurnOrder::Release(rules.detach_ends_events().then_some(super::ioctl::SEAT)),
            Command::Step => TurnOrder::Step(life),
            Command::Run => TurnOrder::Run(life, None),
            Command::Wait => TurnOrder::Await(life),
            Command::Signal(signal) => TurnOrder::Run(life, Some(siginfo(signal, life.number, caller.uid))),
        };
        if !matches!(command, Command::Wait | Command::Attach) {
            // Answered in a moment.
            done.shield();
        }
        let freed = match controller(&self.subject.target) {
            Some(pid) if command == Command::Detach && pid != life.number => Some((pid, life.number, caller.uid)),
            _ => None,
        };
        let giver = self.claim.right().giver_for(&user);
        let (answer, size) = (self.answer(command, self.claim.pass(caller, &user), user), data.len());
        let seat = TurnSeat { name: rules.flavour(), giver, rules: rules.turns(), tied: false };
        let way = self.subject.target.shared.engine.target(self.subject.target.proc.clone());
        let (finish, pid) = (done.clone(), self.subject.pid());
        let told = move |result: std::result::Result<_, Refusal>| {
            if let (Some(by), Ok(_)) = (freed, &result) {
                log_release(pid, by);
            }
            finish.finish(answer(result.map(drop)).map(|()| size));
        };
        Underway::of(done).give(|| way.turn(seat, order, Box::new(told)));
        Ok(())
    }

    /// What is said to the client, once the engine has done its part.
    fn answer(
        &self,
        command: Command,
        pass: Pass,
        user: User,
    ) -> impl FnOnce(std::result::Result<(), Refusal>) -> Result<()> + Send + 'static {
        let (rules, target) = (self.subject.rules, self.subject.target.clone());
        move |result| {
            let result = match (command, result) {
                // Not his, or not stopped: as by kill(2).
                (Command::Signal(signal), Err(e)) if e.errno == libc::EBUSY => {
                    send_signal(&target, &user.creds, signal)
                }
                // Somebody may have taken the process from who waits meanwhile.
                (Command::Wait, result) if result.as_ref().err().is_none_or(|e| e.errno == libc::EINTR) => {
                    if target.proc.alive() && !pass.holds() {
                        return Err(rules.lost());
                    }
                    result
                }
                (_, result) => result,
            };
            result.map_err(|refusal| match refusal.errno {
                libc::ESRCH => rules.gone(),
                libc::EACCES => rules.lost(),
                errno => Errno(errno),
            })
        }
    }
}

/// Tells the log who took a process from whoever traced it: one a second, for anybody can do that to his own as often as he likes.
fn log_release(pid: u32, (controller, by, uid): (u32, u32, u32)) {
    static LAST: AtomicI64 = AtomicI64::new(i64::MIN);
    let (now, last) = (machine::now().0, LAST.load(Ordering::Relaxed));
    if now != last && LAST.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        let what = format!("process {pid}, traced by {controller}, was released by process {by} of user {uid}\n");
        let _ = std::io::stderr().write_all(what.as_bytes());
    }
}

/// As kill(2) makes it.
fn siginfo(signal: i32, pid: u32, uid: u32) -> Box<SiginfoBytes> {
    let mut info: Box<SiginfoBytes> = Box::new([0; 128]);
    for (at, word) in [(0, signal as u32), (16, pid), (20, uid)] {
        info[at..at + 4].copy_from_slice(&word.to_ne_bytes());
    }
    info
}

impl Handle for Open {
    fn read(&self, _caller: &Caller, _offset: u64, _size: usize, done: Pending<Vec<u8>>) {
        done.finish(Err(self.subject.rules.not_read().0));
    }

    fn write(&self, caller: &Caller, _offset: u64, data: &[u8], done: Pending<usize>) {
        if let Err(e) = self.begin(caller, data, &done) {
            done.finish(Err(e));
        }
    }

    fn stream(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::level::{Level, Rules};
    use super::*;

    #[test]
    fn commands() {
        let of = |level, message: &[u8]| {
            let rules = Rules { level, strict: false, raw_syscall_regs: false };
            command(rules.trimmed(message)).map_err(|e| e.0)
        };
        for level in [Level::Bsd44b, Level::F4, Level::F10] {
            assert_eq!(of(level, b"run"), Ok(Command::Run));
            assert_eq!(of(level, b"run\n"), Ok(Command::Run));
            assert_eq!([of(level, b"iot"), of(level, b"abrt")], [Ok(Command::Signal(6)); 2]);
            for bad in [&b""[..], b"\n", b" run", b"RUN", b"sigint", b"INT", b"9", b"emt", b"info", b"run x", b"runs"] {
                assert_eq!(of(level, bad), Err(libc::EOPNOTSUPP), "{bad:?}");
            }
        }
        let either = |message: &[u8]| [Level::F4, Level::F10].map(|level| of(level, message).is_ok());
        assert_eq!(either(b"run\n\n"), [false, true]);
        assert_eq!(either(b"run \t\x0b\x0c\r\n"), [false, true]);
        assert_eq!(either(b"run \t\n"), [false, true]);
        assert_eq!(either(b"run\0junk"), [true, false]);
        assert_eq!(either(b"run\n\0"), [true, false]);
    }
}
