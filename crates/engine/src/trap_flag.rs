//! The trap flag of a step, where the program would get it. The kernel hides it from who reads the registers and takes it back, but
//! pushf writes it to the stack, from where it comes back later and ends the program; and from a step of popf on the kernel takes what
//! it sets itself for the program's own. To know popf it reads the instruction, in the tracer's name: where that could wait for ever,
//! there is no step.

use crate::tracer::{Entry, Tracer};
use kernel::creds::Creds;
use kernel::ledger::Regs;
use kernel::procfs::{self, Proc};
use kernel::ptrace::{self, Go, Tid};
use kernel::reach;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// The trap flag in the flags, and in their second byte.
const TF: u64 = 0x100;
const TF_OF_BYTE: u8 = 1;

/// What is known of steps.
#[derive(Default)]
pub(crate) struct Flags {
    /// Where threads stood that are stepped now and have no trap flag of their own.
    before: BTreeMap<Tid, Place>,
    /// The kernel would take the trap flag of their next step for their own.
    mistaken: BTreeSet<Tid>,
}

struct Place {
    pc: u64,
    sp: u64,
}

impl Flags {
    /// The thread goes on freely, or is gone.
    pub fn forget(&mut self, tid: Tid) {
        self.before.remove(&tid);
        self.mistaken.remove(&tid);
    }
}

/// What an instruction does with the flags.
#[derive(Debug, PartialEq)]
enum Kind {
    Push,
    Pop,
    Other,
}

/// A whole instruction.
fn kind(text: &[u8]) -> Kind {
    let prefix = |b: &u8| matches!(b, 0x40..=0x4f | 0x66);
    match text.split_last() {
        Some((0x9c, before)) if before.iter().all(prefix) => Kind::Push,
        Some((0x9d, before)) if before.iter().all(prefix) => Kind::Pop,
        _ => Kind::Other,
    }
}

/// True for a process of another user than the daemon's own. This decides about no right: it says of whom the tracer is wary.
fn is_foreign(proc: &Proc) -> bool {
    let own = Creds::own().uid();
    let uids = |status: &[u8]| procfs::field(status, "Uid").map(procfs::numbers);
    let uids = proc.status().ok().and_then(|status| uids(&status)).unwrap_or_default();
    uids.is_empty() || uids.iter().any(|uid| *uid != own)
}

/// True if the text begins with popf.
fn pops_flags(text: &[u8]) -> bool {
    (1..=text.len()).any(|length| kind(&text[..length]) == Kind::Pop)
}

impl Tracer {
    /// Sets a thread with these registers going by one instruction. It may stop before that, and is to be stepped again.
    pub fn go_one(&mut self, tid: Tid, regs: &Regs, signal: i32) -> io::Result<()> {
        if self.text_comes(tid, regs).is_err() {
            return self.leaves_step(tid, signal);
        }
        // The handler of a signal returns to the flags as they are when it is called.
        let would_mistake = || pops_flags(&reach::text(tid, regs.rip, 2).unwrap_or_default());
        if self.flags.mistaken.remove(&tid) || (signal != 0 && would_mistake()) {
            // The kernel forgets the last step when the thread goes on freely. It gets to the first instruction of a handler at most.
            return ptrace::interrupt(tid).and_then(|()| ptrace::resume(tid, Go::Cont, signal));
        }
        if regs.eflags & TF == 0 {
            self.flags.before.insert(tid, Place { pc: regs.rip, sp: regs.rsp });
        }
        ptrace::resume(tid, Go::Step, signal)
    }

    /// EIO if the instruction of a thread with these registers lies in a page that does not come: the kernel reads it to set the trap
    /// flag, and the tracer would wait there for ever. Asked where it may be meant: of processes of others than the daemon's own user.
    pub fn text_comes(&mut self, tid: Tid, regs: &Regs) -> io::Result<()> {
        /// What the kernel reads.
        const SIZE: usize = 15;
        let entry = self.tid_key(tid).and_then(|key| self.entries.get_mut(&key));
        let Some(Entry { proc, process, .. }) = entry else { return Ok(()) };
        if !*process.foreign.get_or_insert_with(|| is_foreign(proc)) {
            return Ok(());
        }
        match reach::text(tid, regs.rip, SIZE) {
            Err(e) if matches!(e.raw_os_error(), Some(libc::EIO | libc::EBUSY)) => Err(e),
            _ => Ok(()),
        }
    }

    /// A thread that cannot be stepped stands, its steps over; one that goes step by step to be watched is watched no more.
    fn leaves_step(&mut self, tid: Tid, signal: i32) -> io::Result<()> {
        let entry = self.tid_key(tid).and_then(|key| self.entries.get_mut(&key));
        let Some(thread) = entry.and_then(|e| e.process.threads.get_mut(&tid)) else { return Ok(()) };
        if thread.steps.take().is_some() {
            ptrace::interrupt(tid)?;
        }
        thread.go = Go::Cont;
        ptrace::resume(tid, Go::Cont, signal)
    }

    /// A thread that was stepped has come to a stop.
    pub fn take_flag_back(&mut self, tid: Tid) {
        let Some(Place { pc, sp }) = self.flags.before.remove(&tid) else { return };
        let Ok(regs) = ptrace::user_regs(tid) else { return };
        let length = regs.rip.wrapping_sub(pc);
        let pushed = sp.wrapping_sub(regs.rsp) as i64;
        // Without this look at the stack pointer the text of every instruction would have to be read.
        let may_be = (1..=3).contains(&length) && matches!(pushed.abs(), 2 | 4 | 8);
        let text = may_be.then(|| reach::text(tid, pc, length as usize)).and_then(io::Result::ok);
        let shows = regs.eflags & TF != 0;
        match (text.map_or(Kind::Other, |text| kind(&text)), shows) {
            // It is the program's own from here on.
            (Kind::Pop, true) => {}
            (Kind::Pop, false) => drop(self.flags.mistaken.insert(tid)),
            (Kind::Push | Kind::Other, true) => {
                let _ = ptrace::change_user_regs(tid, &regs, &Regs { eflags: regs.eflags & !TF, ..regs });
                self.flags.mistaken.insert(tid);
            }
            (Kind::Push, false) => drop(reach::clear(tid, regs.rsp.wrapping_add(1), TF_OF_BYTE)),
            (Kind::Other, false) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions() {
        for (text, expected) in [
            (&[0x9c][..], Kind::Push),
            (&[0x66, 0x9c], Kind::Push),
            (&[0x48, 0x9c], Kind::Push),
            (&[0x9d], Kind::Pop),
            (&[0x66, 0x9d], Kind::Pop),
            // push $-100; pop %rax; nothing.
            (&[0x6a, 0x9c], Kind::Other),
            (&[0x58], Kind::Other),
            (&[], Kind::Other),
        ] {
            assert_eq!(kind(text), expected, "{text:x?}");
        }
    }
}
