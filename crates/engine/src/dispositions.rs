//! What a process does with its signals, with handlers and masks, which no file of the kernel's shows: a thread that stands asks
//! for us (rt_sigaction).

use crate::engine::{called, Scratch, Target};
use crate::error::Refusal;
use crate::inject::Number;
use crate::process::{State, Stop};
use crate::tracer::{Key, Tracer};
use kernel::procfs::Proc;
use kernel::ptrace::{self, Tid};
use std::sync::Arc;

/// The disposition of a signal, as Linux has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disposition {
    /// Address of the handler; 0 for the default, 1 for a signal that is ignored.
    pub handler: u64,
    /// Flags (`SA_*` of Linux).
    pub flags: u64,
    /// Signals blocked meanwhile.
    pub mask: u64,
}

/// Answers with the dispositions in the order of the signals that were asked for, or None.
type Answer = Box<dyn FnOnce(Option<Vec<Disposition>>) + Send>;

const SIGACTION: Number = Number { x86_64: libc::SYS_rt_sigaction, i386: 174 };

impl Target {
    /// The dispositions of these signals, as they are now. None unless a thread stands in which the call can be made, and for
    /// a process that would be changed by it (it ignores SIGTRAP). Answered in the tracer thread.
    pub fn dispositions(&self, signals: Vec<i32>, answer: impl FnOnce(Option<Vec<Disposition>>) + Send + 'static) {
        let (proc, key) = (self.proc().clone(), crate::tracer::key_of(self.proc()));
        if self.shared().queue.shown(key).is_none() {
            return answer(None);
        }
        self.shared().queue.push(Box::new(move |t| {
            let Some(tid) = able(t, key) else { return answer(None) };
            Look { proc, key, tid, signals, found: Vec::new(), answer: Box::new(answer) }.next(t);
            t.settle(key);
        }));
    }
}

/// A thread that stands where it can make a call and be as before.
fn able(t: &Tracer, key: Key) -> Option<Tid> {
    let process = &t.entries.get(&key)?.process;
    let able = |tid: Tid, state: &State| match state {
        State::Stopped(Stop::Plain | Stop::Signal(..)) => true,
        State::Stopped(Stop::Within(_)) => process.passes(tid),
        _ => false,
    };
    process.threads.iter().find(|(tid, thread)| !thread.injecting && able(**tid, &thread.state)).map(|(tid, _)| *tid)
}

/// A look under way.
struct Look {
    proc: Arc<Proc>,
    key: Key,
    tid: Tid,
    signals: Vec<i32>,
    found: Vec<Disposition>,
    answer: Answer,
}

impl Look {
    fn next(mut self, t: &mut Tracer) {
        let Look { key, tid, .. } = self;
        let Some(signal) = self.signals.get(self.found.len()).copied() else { return (self.answer)(Some(self.found)) };
        let narrow = ptrace::user_regs(tid).is_ok_and(|r| ptrace::is_narrow(&r));
        let Ok(lent) = Scratch::lend(t, &self.proc, tid, &[]) else { return (self.answer)(None) };
        let args = [signal as u64, 0, lent.at, 8, 0, 0];
        let asked = move |t: &mut Tracer, result: Result<Vec<u8>, Refusal>| match result.map(|b| read(&b, narrow)) {
            Ok(Some(found)) => {
                self.found.push(found);
                self.next(t);
            }
            _ => (self.answer)(None),
        };
        lent.ask(t, key, tid, SIGACTION, args, asked);
    }
}

/// What the kernel wrote.
fn read(bytes: &[u8], narrow: bool) -> Option<Disposition> {
    let long = |at: usize| Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    let int = |at: usize| Some(u64::from(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?)));
    Some(if narrow {
        Disposition { handler: int(0)?, flags: int(4)?, mask: long(12)? }
    } else {
        Disposition { handler: long(0)?, flags: long(8)?, mask: long(24)? }
    })
}

impl Scratch {
    /// Makes the thread call with this memory; `done` gets what is in it then, and what stood there is put back.
    pub(crate) fn ask(
        self,
        t: &mut Tracer,
        key: Key,
        tid: Tid,
        nr: Number,
        args: [u64; 6],
        done: impl FnOnce(&mut Tracer, Result<Vec<u8>, Refusal>) + 'static,
    ) {
        let back = self.back();
        let then = move |t: &mut Tracer, result: Result<i64, Refusal>| {
            let bytes = result.and_then(|r| called("ask", tid, r)).and_then(|_| self.content(tid));
            drop(self);
            done(t, bytes);
        };
        t.inject(key, tid, nr, args, Some(back), Box::new(then));
    }
}
