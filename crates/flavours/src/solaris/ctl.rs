//! `ctl` and `lwpctl`: messages. Each write is carried out message by message; the first that fails ends it, with its errno, and
//! what came before it stays done.

use super::about::{gone, About, StatText};
use super::nodes::{enter, lost, right};
use super::psinfo::{class, REAL_TIME};
use super::writers::{self, Writing};
use super::{agent, setid, status, stops, watch, NAME};
use crate::client_memory::{self, waits, ClientMemory};
use crate::right::{open_mem, send_signal, Right, User};
use crate::target::Target;
use crate::underway::Underway;
use abi::set::Set;
use abi::solaris::cred::Credential;
use abi::solaris::message::{Message, Messages};
use abi::solaris::numbers::*;
use abi::solaris::records::PrIoVec;
use abi::solaris::regs::{Registers, FXSAVE};
use abi::solaris::Model;
use engine::engine::{Change, Watch};
use engine::identity::Ids;
use engine::lwp::{Edit, LwpOrder, Run};
use engine::registers;
use engine::Refusal;
use kernel::ptrace::{self, RegSet};
use kernel::{procfs, thread};
use parking_lot::Mutex;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use tree::{Attr, Caller, Errno, Handle, Node, Pending, Result, SetAttr};

/// `ctl` of a process, or `lwpctl` of an lwp.
pub struct Ctl(pub Target);

impl Node for Ctl {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        let right = right(&self.0, caller)?.map(Arc::new);
        let writing = writers::open(&self.0, right.as_ref(), caller, flags)?;
        let model = super::about::model_for(&self.0, caller);
        Ok(Arc::new(Open {
            target: self.0.clone(),
            model,
            right,
            writing: Mutex::new(writing),
            seen: Mutex::default(),
        }))
    }

    fn setattr(&self, _caller: &Caller, _set: &SetAttr) -> Result<()> {
        Err(Errno(libc::ENOSYS))
    }
}

struct Open {
    target: Target,
    model: Model,
    /// None for a system process, which nobody controls.
    right: Option<Arc<Right>>,
    writing: Mutex<Option<Writing>>,
    seen: stops::Seen,
}

impl Handle for Open {
    fn read(&self, _caller: &Caller, _offset: u64, _size: usize, done: Pending<Vec<u8>>) {
        done.finish(Err(Errno(libc::EINVAL)));
    }

    fn write(&self, caller: &Caller, _offset: u64, data: &[u8], done: Pending<usize>) {
        if let Err(e) = self.begin(caller, data, &done) {
            done.finish(Err(e));
        }
    }

    fn stream(&self) -> bool {
        true
    }

    fn poll(&self, caller: &Caller, wake: Option<Box<dyn FnOnce() + Send>>) -> Result<u32> {
        stops::poll(&self.target, self.right.as_deref(), caller, &self.seen, wake)
    }

    fn release(&self) {
        drop(self.writing.lock().take());
    }
}

impl Open {
    fn begin(&self, caller: &Caller, data: &[u8], done: &Pending<usize>) -> Result<()> {
        let about = About::in_model(&self.target, caller, self.model);
        let Some(right) = &self.right else {
            about.status()?;
            for message in Messages::new(self.model, data) {
                if message.map_err(|_| EINVAL)? != Message::Null {
                    return Err(Errno(libc::EBUSY));
                }
            }
            done.finish(Ok(data.len()));
            return Ok(());
        };
        // A zombie has no memory that anybody could have a right to: ENOENT.
        let (user, memory) = enter(right, caller).inspect_err(|e| agent::gone(&self.target, e))?;
        // Asked only by those for whom it makes a difference: it costs as much as a stop.
        let matters = |m| matches!(m, Ok(Message::SReg(_) | Message::SFpReg(_) | Message::Agent(_)));
        let target_model = match self.model {
            Model::Lp64 if !Messages::new(self.model, data).any(matters) => Model::Lp64,
            _ => about.target_model().unwrap_or(Model::Lp64),
        };
        let script = Arc::new(Script {
            target: self.target.clone(),
            right: right.clone(),
            user,
            memory: Mutex::new(Some(memory)),
            caller: caller.tid,
            model: self.model,
            narrow: self.model == Model::Ilp32 && target_model == Model::Lp64,
            target_model,
            left: Mutex::new(Messages::new(self.model, data.into())),
            underway: Underway::of(done),
            death: Mutex::default(),
            length: data.len(),
            done: done.clone(),
        });
        script.next();
        Ok(())
    }
}

/// A write being carried out.
struct Script {
    target: Target,
    right: Arc<Right>,
    user: User,
    /// The address space that was opened to judge the writer, until an order may have let the process run another program.
    memory: Mutex<Option<OwnedFd>>,
    /// The thread that writes.
    caller: u32,
    /// The writer's.
    model: Model,
    /// The writer's pointers are too short for those of the process.
    narrow: bool,
    target_model: Model,
    /// As it was written: understood, a message takes many times the memory.
    left: Mutex<Messages<Box<[u8]>>>,
    underway: Arc<Underway>,
    /// Waits for the end of the process.
    death: Mutex<Option<Watch>>,
    length: usize,
    done: Pending<usize>,
}

/// What becomes of a message.
enum Step {
    /// It is done.
    Done,
    /// The engine does it.
    Order(LwpOrder),
    /// It is done when the process has ended.
    Death,
}

const EINVAL: Errno = Errno(libc::EINVAL);

impl Script {
    fn next(self: Arc<Self>) {
        loop {
            if self.done.is_over() {
                return;
            }
            let message = self.left.lock().next();
            let step = match message {
                None => {
                    self.done.finish(Ok(self.length));
                    return;
                }
                Some(message) => message.map_err(|_| EINVAL).and_then(|m| self.step(m)),
            };
            match step {
                Ok(Step::Done) => {}
                Ok(Step::Order(order)) => return self.give(order),
                Ok(Step::Death) => return self.await_death(),
                Err(e) => {
                    self.done.finish(Err(e));
                    return;
                }
            }
        }
    }

    fn give(self: Arc<Self>, order: LwpOrder) {
        drop(self.memory.lock().take());
        let script = self.clone();
        let answer = move |result: std::result::Result<(), Refusal>| match result {
            // It may have waited.
            Ok(()) => match script.right.again(&script.user).map_err(lost) {
                Err(e) if !script.left.lock().is_empty() => drop(script.done.finish(Err(e))),
                _ => script.next(),
            },
            Err(refusal) => drop(script.done.finish(Err(told(&refusal)))),
        };
        let way = self.target.shared.engine.target(self.target.proc.clone());
        let (giver, tid) = (writers::giver(self.right.giver_for(&self.user)), self.target.tid.map(|t| t as i32));
        self.underway.give(|| way.message(NAME, giver, tid, order, Box::new(answer)));
    }

    fn await_death(self: Arc<Self>) {
        let script = self.clone();
        let way = self.target.shared.engine.target(self.target.proc.clone());
        match way.on_end(move |_| script.bereft()) {
            Ok(watch) => *self.death.lock() = Some(watch),
            Err(_) => self.bereft(),
        }
    }

    /// The process has ended: messages that follow find nobody.
    fn bereft(self: Arc<Self>) {
        let done = if self.left.lock().is_empty() { Ok(self.length) } else { Err(Errno(libc::ENOENT)) };
        self.done.finish(done);
    }

    fn step(&self, message: Message) -> Result<Step> {
        if self.narrow && message.has_width_of_target() {
            return Err(Errno(libc::EOVERFLOW));
        }
        let order = |order| Ok(Step::Order(order));
        let change = |change: Change| Ok(Step::Order(LwpOrder::Change(change)));
        match message {
            Message::Null => Ok(Step::Done),
            // On oneself it does not wait.
            Message::Stop if self.user.own => order(LwpOrder::Direct),
            Message::Stop => order(LwpOrder::Stop),
            Message::DStop => order(LwpOrder::Direct),
            Message::WStop | Message::TWStop(_) if self.user.own => Err(Errno(libc::EBUSY)),
            Message::WStop => order(LwpOrder::Await(None)),
            Message::TWStop(ms) => {
                let limit = u64::try_from(ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis);
                order(LwpOrder::Await(limit))
            }
            Message::Run(flags) => order(LwpOrder::Run(run(flags))),
            Message::CSig => order(LwpOrder::Signal(None)),
            Message::CFault => order(LwpOrder::ClearFault),
            Message::SSig(info) => match info.signo {
                0 => order(LwpOrder::Signal(None)),
                libc::SIGKILL => self.kill(libc::SIGKILL),
                1..=64 if self.user.own => order(LwpOrder::Send(Box::new(info.to_linux()))),
                1..=64 => order(LwpOrder::Signal(Some(Box::new(info.to_linux())))),
                _ => Err(EINVAL),
            },
            Message::Kill(signal) => self.kill(signal_number(signal)?),
            Message::UnKill(signal) => match signal_number(signal)? {
                libc::SIGKILL => Err(EINVAL),
                signal => order(LwpOrder::Unkill(signal)),
            },
            Message::SHold(set) => order(LwpOrder::Mask(without(set.bits(), &[libc::SIGKILL, libc::SIGSTOP]))),
            Message::STrace(set) => {
                let mut signals = members(set.iter());
                signals.remove(libc::SIGKILL as u64);
                change(Box::new(move |s| s.signals = signals))
            }
            Message::SFault(set) => {
                let faults = members(set.iter());
                change(Box::new(move |s| s.faults = faults))
            }
            // Member n is the call of number n - 1.
            Message::SEntry(set) => {
                let calls = members(set.iter().map(|n| n - 1));
                change(Box::new(move |s| s.entries = calls))
            }
            Message::SExit(set) => {
                let calls = members(set.iter().map(|n| n - 1));
                change(Box::new(move |s| s.exits = calls))
            }
            Message::Set(bits) => change(modes(bits, true)?),
            Message::UnSet(bits) => change(modes(bits, false)?),
            Message::SReg(new) => order(LwpOrder::Edit(self.registers(*new))),
            Message::Agent(new) => {
                order(LwpOrder::Agent(self.registers(*new), agent::note(&self.target, &self.writer())))
            }
            Message::SXReg(new) => order(LwpOrder::Rewrite(RegSet::Xstate, super::xregs::rewrite(new))),
            Message::SFpReg(new) => {
                let model = self.target_model;
                order(LwpOrder::Rewrite(
                    RegSet::Fxsave,
                    Box::new(move |image| {
                        let old: [u8; FXSAVE] = image.as_slice().try_into().map_err(|_| libc::EINVAL)?;
                        *image = new.to_fxsave(model, &old).to_vec();
                        Ok(())
                    }),
                ))
            }
            // As PCSREG: a program of 32 bits has no more of it.
            Message::SVAddr(pc) => order(LwpOrder::Edit(Box::new(move |regs| {
                regs.rip = if ptrace::is_narrow(regs) { pc & u64::from(u32::MAX) } else { pc };
            }))),
            Message::Nice(increment) => self.nice(increment),
            Message::Read(area) => self.copy(area, false),
            Message::Write(area) => self.copy(area, true),
            Message::Watch(area) => order(watch::order(&area, self.model, self.target_model)?),
            // One zone, in which all are.
            Message::SZone(0) => Ok(Step::Done),
            Message::SZone(_) => Err(EINVAL),
            Message::SCred(new) => {
                let users = [new.pr_euid, new.pr_ruid, new.pr_suid];
                let groups = [new.pr_egid, new.pr_rgid, new.pr_sgid];
                self.identify(setid::ids(&Credential { users, groups, others: Vec::new() }, false)?)
            }
            Message::SCredX(new) => self.identify(setid::ids(&new, true)?),
            Message::SPriv(new) => {
                setid::privileges(&About::in_model(&self.target, &self.writer(), self.target_model), &new)?;
                Ok(Step::Done)
            }
        }
    }

    fn writer(&self) -> Caller {
        Caller::known(self.caller, self.user.creds.clone())
    }

    fn identify(&self, ids: Ids) -> Result<Step> {
        setid::may_set(&self.target, &self.user, self.caller, &ids)?;
        waits(&self.done)?;
        Ok(Step::Order(LwpOrder::Identify(ids)))
    }

    fn registers(&self, new: Registers) -> Edit {
        let model = self.target_model;
        Box::new(move |regs| {
            let old = registers::array_of(regs);
            registers::set_from(regs, &new.to_linux(model, &old));
        })
    }

    fn kill(&self, signal: i32) -> Result<Step> {
        send_signal(&self.target, &self.user.creds, signal).map_err(|r| told(&r))?;
        Ok(if signal == libc::SIGKILL { Step::Death } else { Step::Done })
    }

    /// Every lwp is tried; what is told is the first that went wrong.
    fn nice(&self, increment: i64) -> Result<Step> {
        let writer = self.writer();
        let has_none = |tid: u32| {
            let lwp = status::lwp_of(&self.target, tid);
            let about = About::in_model(&lwp, &writer, self.model);
            let policy = about.outline().and_then(StatText::stat).ok().and_then(|stat| stat.number(41));
            policy.is_some_and(|policy| class(policy, 0) == REAL_TIME)
        };
        let tids = self.target.proc.tasks().map_err(gone)?;
        let lwps: Vec<(u32, bool)> = tids.into_iter().map(|tid| (tid, has_none(tid))).collect();
        let one = |(tid, has_none): &(u32, bool)| {
            if *has_none {
                return Err(std::io::Error::from_raw_os_error(libc::EINVAL));
            }
            let tid = *tid as i32;
            let new = i64::from(thread::nice(tid)?).saturating_add(increment).clamp(-20, 19);
            thread::set_nice(tid, new as i32)
        };
        let change = || -> std::io::Result<()> {
            // One that has ended meanwhile is left out.
            let ended = |done: &std::io::Result<()>| matches!(done, Err(e) if e.raw_os_error() == Some(libc::ESRCH));
            let done: Vec<_> = lwps.iter().map(one).filter(|done| !ended(done)).collect();
            done.into_iter().collect()
        };
        self.user.creds.act_on(&self.target.proc, change).map_err(|e: std::io::Error| match e.raw_os_error() {
            // What setpriority(2) says to who may not raise a priority.
            Some(libc::EACCES) => Errno(libc::EPERM),
            _ => gone(e),
        })?;
        Ok(Step::Done)
    }

    /// Copies between the process and the writer's own memory.
    fn copy(&self, area: PrIoVec, write: bool) -> Result<Step> {
        const PIECE: u64 = 1 << 20;
        let top = top(self.model);
        // An address in the upper half is a negative offset.
        let (mut from, mut to, mut left) = (area.pio_base, area.pio_offset as u64 & top, area.pio_len);
        if wraps(self.model, from, left) || wraps(self.model, to, left) {
            return Err(EINVAL);
        }
        let client = if write { None } else { Some(ClientMemory::of(self.caller, &self.done)?) };
        client.as_ref().map_or(Ok(()), |client| client.allows(from, left))?;
        let mut memory = self.memory.lock();
        let mem = match &mut *memory {
            Some(mem) => mem,
            none => {
                self.right.again(&self.user).map_err(lost)?;
                none.insert(open_mem(&self.target, &self.user.creds, libc::O_RDWR).map_err(gone)?)
            }
        };
        let io = |e: std::io::Error| if e.raw_os_error() == Some(libc::ESRCH) { gone(e) } else { Errno(libc::EIO) };
        let way = self.target.shared.engine.target(self.target.proc.clone());
        // A page may take its time to come, on either side: the writer may have given up meanwhile.
        while left > 0 {
            let size = left.min(PIECE) as usize;
            if let Some(client) = &client {
                let bytes = procfs::pread(mem.as_fd(), to, size).map_err(io)?;
                if bytes.len() < size {
                    return Err(Errno(libc::EIO));
                }
                waits(&self.done)?;
                client.write(from, &bytes)?;
            } else {
                let bytes = client_memory::read(self.caller, from, size, &self.done)?;
                if way.write_memory(mem.as_fd(), to, &bytes).map_err(io)? < size {
                    return Err(Errno(libc::EIO));
                }
            }
            waits(&self.done)?;
            (from, to, left) = (from + size as u64, to + size as u64, left - size as u64);
        }
        Ok(Step::Done)
    }
}

/// What a refusal is called in this file system. EACCES is that of a right which was lost by an exec.
pub fn told(refusal: &Refusal) -> Errno {
    match refusal.errno {
        libc::ESRCH => Errno(libc::ENOENT),
        libc::EACCES => Errno(libc::EAGAIN),
        errno => Errno(errno),
    }
}

/// The last address that a word of this model can hold.
fn top(model: Model) -> u64 {
    match model {
        Model::Ilp32 => u32::MAX.into(),
        Model::Lp64 => u64::MAX,
    }
}

/// True of bytes whose end a word of this model cannot hold.
pub fn wraps(model: Model, start: u64, size: u64) -> bool {
    start.checked_add(size).is_none_or(|end| end > top(model))
}

fn signal_number(n: i64) -> Result<i32> {
    i32::try_from(n).ok().filter(|n| (1..=64).contains(n)).ok_or(EINVAL)
}

fn without(mask: u64, signals: &[i32]) -> u64 {
    signals.iter().fold(mask, |mask, s| mask & !(1 << (s - 1)))
}

fn members(numbers: impl Iterator<Item = u64>) -> Set {
    let mut set = Set::EMPTY;
    numbers.for_each(|n| set.add(n));
    set
}

/// None with flags that there are not.
fn run(flags: u64) -> Option<Run> {
    let known = PRCSIG | PRCFAULT | PRSTEP | PRSABORT | PRSTOP;
    (flags & !known == 0).then_some(Run {
        clear_signal: flags & PRCSIG != 0,
        clear_fault: flags & PRCFAULT != 0,
        step: flags & PRSTEP != 0,
        abort: flags & PRSABORT != 0,
        stop: flags & PRSTOP != 0,
    })
}

fn modes(bits: u64, on: bool) -> Result<Change> {
    if bits & !(PR_MODES as u64) != 0 {
        return Err(EINVAL);
    }
    let has = move |mode: i32| bits & mode as u64 != 0;
    Ok(Box::new(move |seat| {
        let Some(modes) = seat.lwps.as_mut().map(|l| &mut l.modes) else { return };
        let all = [
            (PR_FORK, &mut modes.fork),
            (PR_RLC, &mut modes.run_on_close),
            (PR_KLC, &mut modes.kill_on_close),
            (PR_ASYNC, &mut modes.asynchronous),
            (PR_BPTADJ, &mut modes.adjust),
            (PR_PTRACE, &mut modes.ptrace),
        ];
        for (bit, mode) in all {
            if has(bit) {
                *mode = on;
            }
        }
        // These are on in every process: what is remembered is that somebody said off.
        for (bit, off) in [(PR_MSACCT, &mut modes.accounting.0), (PR_MSFORK, &mut modes.accounting.1)] {
            if has(bit) {
                *off = !on;
            }
        }
    }))
}
