//! What `regs`, `fpregs` and `dbregs` share: who may, when, at which offset, and in which machine's form. A reader of 64 bits gets the
//! form of amd64. One of 32 bits gets that of i386 of a process of 32 bits, and EINVAL for any other.
//!
//! * They are those of the first thread. One that runs is stopped for a moment where a release lets its registers be read; the
//!   reader's own thread cannot be: EBUSY.
//! * Writing needs a process that is stopped, by job control or by a client of this daemon: EBUSY. What is written lies over the present
//!   values, and what may not be changed is refused as a whole: EINVAL.

use super::candebug::{Claim, Pass};
use super::level::{RegsOffset, Rules};
use super::look::Subject;
use crate::about::model_of;
use abi::bsd::{Machine, Refused};
use abi::user_regs::At;
use abi::Model;
use engine::Refusal;
use kernel::ptrace::Tid;
use parking_lot::Mutex;
use std::sync::Arc;
use tree::{slice, Attr, Caller, Errno, Handle, Node, Pending, Result};

/// How registers are told.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// In whose form.
    pub machine: Machine,
    /// Of which machine the process is.
    pub of: Machine,
    /// A system call is not shown where a BSD has it.
    pub raw: bool,
}

/// One kind of registers.
pub struct Kind {
    /// Bytes.
    pub size: fn(Machine) -> usize,
    /// Registers of a thread that stands so.
    pub read: fn(Tid, Form, At) -> std::io::Result<Vec<u8>>,
    /// Puts them into it.
    pub write: fn(Tid, Form, At, &[u8]) -> std::result::Result<(), Failure>,
    /// They can be read while the process runs.
    pub runs: fn(Rules) -> bool,
}

/// Why registers could not be written.
pub enum Failure {
    /// The release refuses it.
    Refused,
    /// The kernel does.
    Os(std::io::Error),
}

impl From<Refused> for Failure {
    fn from(_: Refused) -> Failure {
        Failure::Refused
    }
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Failure {
        Failure::Os(e)
    }
}

impl Failure {
    /// What the kernel calls EIO is a value that it does not put into a register.
    fn refusal(self, tid: Tid) -> Refusal {
        match self {
            Failure::Os(e) if e.raw_os_error() != Some(libc::EIO) => Refusal::os("write registers of", tid, &e),
            _ => Refusal::new(libc::EINVAL, format!("write registers of {tid}: these values are not for programs")),
        }
    }
}

/// A file of registers.
pub struct Registers {
    /// Whose.
    pub subject: Subject,
    /// Which.
    pub kind: &'static Kind,
}

impl Node for Registers {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        let claim = Claim::open(&self.subject, caller)?;
        let (subject, kind) = (self.subject.clone(), self.kind);
        Ok(Arc::new(Open { subject, kind, claim, reader: model_of(caller), last: Mutex::new(0) }))
    }
}

struct Open {
    subject: Subject,
    kind: &'static Kind,
    claim: Claim,
    /// The model of who opened it.
    reader: Model,
    /// Where the last transfer ended.
    last: Mutex<u64>,
}

/// The first byte of a transfer, `None` at the end of the file; `last` is where the one before ended. EINVAL behind the end.
fn start(rules: Rules, offset: u64, last: u64, size: usize) -> Result<Option<usize>> {
    let in_turn = offset == last && offset != 0;
    let offset = if in_turn && rules.regs_start_over() { 0 } else { offset };
    match rules.regs_offset() {
        RegsOffset::Place if offset > size as u64 => Err(Errno(libc::EINVAL)),
        RegsOffset::Place => Ok(Some(offset as usize).filter(|at| *at < size)),
        RegsOffset::Ignored if in_turn && offset >= size as u64 => Ok(None),
        RegsOffset::Ignored => Ok(Some(0)),
        RegsOffset::StartOnly => Ok(Some(0).filter(|_| offset == 0)),
    }
}

/// What a transfer needs to know.
struct Transfer {
    form: Form,
    start: usize,
    /// Asked once more when the thread stands.
    pass: Pass,
}

impl Open {
    /// None at the end of the file.
    fn begin(&self, caller: &Caller, offset: u64) -> Result<Option<Transfer>> {
        let rules = self.subject.rules;
        let user = self.claim.check(caller)?;
        if user.own {
            // It waits in this very request, and cannot be stopped before it is answered.
            return Err(Errno(libc::EBUSY));
        }
        let of = match self.subject.look(caller).about.target_model() {
            Some(Model::Ilp32) => Machine::I386,
            _ => Machine::Amd64,
        };
        let machine = match (self.reader, of) {
            (Model::Lp64, _) => Machine::Amd64,
            (Model::Ilp32, Machine::I386) => Machine::I386,
            (Model::Ilp32, Machine::Amd64) => return Err(Errno(libc::EINVAL)),
        };
        let start = start(rules, offset, *self.last.lock(), (self.kind.size)(machine))?;
        let Some(start) = start else { return Ok(None) };
        let form = Form { machine, of, raw: rules.raw_syscall_regs };
        Ok(Some(Transfer { form, start, pass: self.claim.pass(caller, &user) }))
    }

    /// Gives `act` the first thread while it stands.
    fn at_rest<R: Send + 'static>(
        &self,
        running: bool,
        pass: Pass,
        act: impl FnOnce(Tid, At) -> std::result::Result<R, Refusal> + Send + 'static,
        done: &Pending<R>,
    ) {
        let (rules, answer) = (self.subject.rules, done.clone());
        let then = move |result: std::result::Result<R, Refusal>| {
            answer.finish(result.map_err(|refusal| match refusal.errno {
                libc::ESRCH => rules.gone(),
                libc::EACCES => rules.lost(),
                // Another debugger has it.
                libc::EPERM => Errno(libc::EBUSY),
                errno => Errno(errno),
            }));
        };
        let act = move |tid, at| {
            if pass.holds() {
                act(tid, at)
            } else {
                Err(Refusal::new(libc::EACCES, format!("{tid}: it runs another program now")))
            }
        };
        let way = self.subject.target.shared.engine.target(self.subject.target.proc.clone());
        let ticket = way.at_rest(None, None, running, act, then);
        done.on_cancel(move || ticket.cancel());
    }
}

/// What was begun; what was not is answered, at the end of the file with `nothing`.
fn begun<R>(begun: Result<Option<Transfer>>, nothing: R, done: &Pending<R>) -> Option<Transfer> {
    match begun {
        Ok(Some(transfer)) => return Some(transfer),
        Ok(None) => done.finish(Ok(nothing)),
        Err(e) => done.finish(Err(e)),
    };
    None
}

impl Handle for Open {
    fn read(&self, caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        let Some(Transfer { form, start, pass }) = begun(self.begin(caller, offset), Vec::new(), &done) else {
            return;
        };
        let kind = self.kind;
        let whole = (kind.size)(form.machine);
        *self.last.lock() = offset.saturating_add(size.min(whole - start) as u64);
        let act = move |tid, at| match (kind.read)(tid, form, at) {
            Ok(image) => Ok(slice(&image, start as u64, size).to_vec()),
            Err(e) => Err(Refusal::os("read registers of", tid, &e)),
        };
        self.at_rest((kind.runs)(self.subject.rules), pass, act, &done);
    }

    fn write(&self, caller: &Caller, offset: u64, data: &[u8], done: Pending<usize>) {
        let Some(Transfer { form, start, pass }) = begun(self.begin(caller, offset), 0, &done) else { return };
        let kind = self.kind;
        let length = data.len().min((kind.size)(form.machine) - start);
        *self.last.lock() = offset.saturating_add(length as u64);
        let data = data[..length].to_vec();
        let act = move |tid, at| {
            let mut image = (kind.read)(tid, form, at).map_err(|e| Refusal::os("read registers of", tid, &e))?;
            let place = image.get_mut(start..start + length).ok_or_else(|| Failure::Refused.refusal(tid))?;
            place.copy_from_slice(&data);
            (kind.write)(tid, form, at, &image).map_err(|failure| failure.refusal(tid))?;
            Ok(length)
        };
        self.at_rest(false, pass, act, &done);
    }
}

#[cfg(test)]
mod tests {
    use super::super::level::Level::{Bsd44b, F10, F4};
    use super::*;

    #[test]
    fn where_a_transfer_begins() {
        let at =
            |level, strict, offset, last| start(Rules { level, strict, raw_syscall_regs: false }, offset, last, 176);
        assert_eq!(
            [0, 136, 175, 176].map(|offset| at(Bsd44b, false, offset, 0)),
            [Ok(Some(0)), Ok(Some(136)), Ok(Some(175)), Ok(None)]
        );
        assert_eq!([177, u64::MAX].map(|offset| at(Bsd44b, false, offset, 0)), [Err(Errno(libc::EINVAL)); 2]);
        assert_eq!((at(Bsd44b, false, 176, 176), at(Bsd44b, true, 176, 176)), (Ok(None), Ok(Some(0))));
        assert_eq!([0, 136, 176, 1 << 40].map(|offset| at(F4, false, offset, 8)), [Ok(Some(0)); 4]);
        assert_eq!((at(F4, false, 176, 176), at(F4, true, 176, 176)), (Ok(None), Ok(Some(0))));
        assert_eq!([0, 1, 176].map(|offset| at(F10, true, offset, 176)), [Ok(Some(0)), Ok(None), Ok(None)]);
    }
}
