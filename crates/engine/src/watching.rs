//! The watch registers of the threads: set for every thread as long as areas are watched, and what their traps mean.
//!
//! Each thread has registers and counters of its own, so that what a thread has touched is read from its counters at its trap:
//! exact also where one trap stands for several touches, and where the trap of a step has swallowed it.

use crate::error::Refusal;
use crate::inject::forgets_nothing;
use crate::looking::Looking;
use crate::pages::{Memory, Pages};
use crate::process::{Process, Thread};
use crate::seat::SeatId;
use crate::tracer::{Key, Tracer};
use crate::watch::{Access, Area, Areas, Hit, Piece, Plan};
use abi::watch::Kind;
use kernel::ledger;
use kernel::perf::{self, Watchpoint};
use kernel::ptrace::{self, Go, Tid};
use kernel::wait::Status;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io;

/// What the registers of all processes watch.
#[derive(Default)]
pub(crate) struct Watching {
    processes: BTreeMap<Key, Watched>,
    /// Protected pages.
    pub pages: BTreeMap<Key, Pages>,
    /// Processes whose instructions are looked at.
    pub looking: BTreeMap<Key, Looking>,
    /// Threads that carry out an instruction that is to be told behind it.
    pub behind: BTreeMap<Tid, Hit>,
    /// Threads that were sent a trap, and what it is to tell.
    pub hits: BTreeMap<Tid, Hit>,
}

/// What is watched in one process.
struct Watched {
    pieces: Vec<Piece>,
    threads: BTreeMap<Tid, Vec<Register>>,
}

/// One watch register of one thread.
struct Register {
    piece: Piece,
    point: Watchpoint,
    /// Touches that have been told.
    seen: u64,
}

impl Register {
    fn set(tid: Tid, piece: Piece) -> io::Result<Register> {
        let access = match piece.access {
            Access::Exec => perf::Access::Exec,
            Access::Write => perf::Access::Write,
            Access::Any => perf::Access::Any,
        };
        Watchpoint::set(tid, access, piece.at, piece.size).map(|point| Register { piece, point, seen: 0 })
    }

    /// True if it was touched since the last time.
    fn touched(&mut self) -> bool {
        let now = self.point.hits().unwrap_or(self.seen);
        std::mem::replace(&mut self.seen, now) != now
    }
}

impl Watched {
    /// Sets the thread's registers to what is watched.
    fn arm(&mut self, tid: Tid) -> io::Result<()> {
        let registers = self.threads.entry(tid).or_default();
        registers.retain(|r| self.pieces.contains(&r.piece));
        for piece in &self.pieces {
            if registers.iter().all(|r| r.piece != *piece) {
                registers.push(Register::set(tid, *piece)?);
            }
        }
        Ok(())
    }

    fn touched(&mut self, tid: Tid) -> Vec<Piece> {
        let registers = self.threads.get_mut(&tid).into_iter().flatten();
        registers.filter_map(|r| r.touched().then_some(r.piece)).collect()
    }
}

/// What becomes of a stop.
pub(crate) enum Trap {
    /// It is not about watched areas, or it is told as any signal.
    Foreign,
    /// It means nothing to anybody: the thread goes on when nobody holds it.
    Idle,
    /// The thread goes already, and will stop again.
    Goes,
}

fn refused(key: Key, errno: i32) -> Refusal {
    Refusal::os("watch memory of", key.0, &io::Error::from_raw_os_error(errno))
}

pub(crate) fn areas(process: &Process) -> Option<&Areas> {
    let lwps = process.seats.values().filter_map(|s| s.lwps.as_ref());
    lwps.map(|l| &l.areas).find(|a| !a.is_empty())
}

impl Tracer {
    /// What is watched after this change. It fails as [`Areas::change`] does.
    fn changed(&mut self, key: Key, seat: SeatId, area: Area, limit: u64) -> Result<Areas, Refusal> {
        let mut after = self.areas_of(key, seat)?.clone();
        after.change(area, limit).map_err(|errno| refused(key, errno))?;
        Ok(after)
    }

    /// How the process can be watched for this.
    fn plan(&self, key: Key, areas: &Areas) -> Plan {
        let memory = OnceCell::new();
        let of = || self.entries.get(&key).and_then(|e| Memory::of(&e.proc).ok());
        let pageable = |area: &Area| memory.get_or_init(of).as_ref().is_some_and(|m| m.pageable(area));
        areas.plan(pageable)
    }

    /// True if the change needs protected pages, and nothing is there to protect them with ([`crate::pages::prepare`]).
    pub fn lacks_pages(&mut self, key: Key, seat: SeatId, area: Area, limit: u64) -> Result<bool, Refusal> {
        if self.watching.pages.contains_key(&key) {
            return Ok(false);
        }
        let after = self.changed(key, seat, area, limit)?;
        Ok(!self.plan(key, &after).pages.is_empty())
    }

    /// Sets, changes or removes a watched area. Nothing is changed if that fails: with what [`Areas::change`] says, with EBUSY if the
    /// process protects those pages itself or ignores SIGTRAP where its instructions are to be looked at, or as the attach and
    /// perf_event_open(2) do.
    pub fn watch(&mut self, key: Key, seat: SeatId, area: Area, limit: u64) -> Result<(), Refusal> {
        let after = self.changed(key, seat, area, limit)?;
        let plan = self.plan(key, &after);
        if !after.is_empty() {
            self.attach(key)?;
            if self.in_exec.contains_key(&key) {
                return Err(Refusal::new(libc::EBUSY, format!("{}: it is in an exec: try again", key.0)));
            }
        }
        // What memory is of the kind, the kernel knows for sure.
        let before = std::mem::replace(self.areas_of(key, seat)?, after.clone());
        let fails = |e: io::Error, with: i32, next: &dyn Fn() -> Plan, t: &mut Tracer| match e.raw_os_error() {
            Some(errno) if errno == with => t.lay(key, next()),
            _ => Err(e),
        };
        let without = || after.plan(|_| false);
        let result = self.lay(key, plan).or_else(|e| fails(e, libc::EINVAL, &without, self));
        // Others use the registers.
        let result = result.or_else(|e| fails(e, libc::ENOSPC, &|| after.looked_at(), self));
        if result.is_err() {
            let plan = self.plan(key, &before);
            *self.areas_of(key, seat)? = before;
            let _ = self.lay(key, plan);
        }
        result.map_err(|e| Refusal::os("watch memory of", key.0, &e))
    }

    fn areas_of(&mut self, key: Key, seat: SeatId) -> Result<&mut Areas, Refusal> {
        let seat = self.entries.get_mut(&key).and_then(|e| e.process.seats.get_mut(&seat));
        Ok(&mut seat.and_then(|s| s.lwps.as_mut()).ok_or_else(|| Refusal::gone(key.0))?.areas)
    }

    /// Has this watched, and nothing else.
    fn lay(&mut self, key: Key, plan: Plan) -> io::Result<()> {
        self.cover(key, plan.pages)?;
        self.arm(key, plan.pieces)?;
        self.look_at_all(key, plan.looks)
    }

    /// Has all threads watch these pieces, whether they run or stand.
    fn arm(&mut self, key: Key, pieces: Vec<Piece>) -> io::Result<()> {
        let Some(entry) = self.entries.get_mut(&key) else { return Ok(()) };
        let all = &mut self.watching.processes;
        if pieces.is_empty() {
            all.remove(&key);
            return Ok(());
        }
        let watched = all.entry(key).or_insert_with(|| Watched { pieces: Vec::new(), threads: BTreeMap::new() });
        watched.pieces = pieces;
        for (tid, thread) in &mut entry.process.threads {
            arm(watched, *tid, thread)?;
        }
        Ok(())
    }

    /// Brings the registers in line with the threads and areas there are now: new threads watch too, and where nothing is watched
    /// any more no register stays set.
    pub fn watch_threads(&mut self, key: Key) {
        let process = self.entries.get(&key).map(|e| &e.process);
        let Some(process) = process.filter(|p| p.ended.is_none() && areas(p).is_some()) else {
            self.watching.processes.remove(&key);
            self.uncover(key);
            let _ = self.look_at_all(key, false);
            return;
        };
        let Some(watched) = self.watching.processes.get_mut(&key) else { return };
        if process.threads.keys().eq(watched.threads.keys()) {
            return;
        }
        let Some(entry) = self.entries.get_mut(&key) else { return };
        watched.threads.retain(|tid, _| entry.process.threads.contains_key(tid));
        for (tid, thread) in &mut entry.process.threads {
            if !watched.threads.contains_key(tid) && self.tids.contains_key(tid) {
                // Nobody waits for an answer who could be told that it failed.
                let _ = arm(watched, *tid, thread);
            }
        }
    }

    /// Looks at a stop of a thread before it is told.
    pub fn watch_stop(&mut self, key: Key, tid: Tid, status: Status) -> Trap {
        let Status::Stopped(signal, event) = status else {
            self.watching.behind.remove(&tid);
            self.watching.hits.remove(&tid);
            return Trap::Foreign;
        };
        if let Some(trap) = self.page_stop(key, tid, signal, event) {
            return trap;
        }
        if (signal, event) == (libc::SIGTRAP, 0) && self.is_of_look(key, tid) {
            ledger::owe(tid, 0);
            return Trap::Idle;
        }
        let thread = self.entries.get(&key).and_then(|e| e.process.threads.get(&tid));
        if !thread.is_some_and(|t| t.watched) {
            return Trap::Foreign;
        }
        let behind = self.watching.behind.remove(&tid);
        let stop = event == libc::PTRACE_EVENT_STOP;
        let delivery = event == 0 && signal & 0x80 == 0;
        let waits = (stop || delivery) && ptrace::watch_trap_pending(tid);
        let leaves = self.entries.get(&key).is_some_and(|e| !e.process.wanted());
        // The stop overtook the trap, which belongs to what the thread did before. A job-control stop would be over by that, but
        // the kernel makes one anew when it detaches a thread of a process that is stopped.
        if waits && stop && (signal == libc::SIGTRAP || leaves) && self.take_watch_trap(tid).is_ok() {
            return Trap::Goes;
        }
        let trap = if delivery && signal == libc::SIGTRAP {
            self.watch_trap(key, tid, behind)
        } else {
            behind.map_or(Ok(()), |_| execute_again(tid)).map(|()| Trap::Foreign)
        };
        let registers = self.watching.processes.get(&key).and_then(|w| w.threads.get(&tid));
        let otherwise = self.watching.pages.contains_key(&key) || self.watching.looking.contains_key(&key);
        let unwatched = registers.is_none_or(Vec::is_empty) && !otherwise;
        if (stop || delivery) && !waits && unwatched {
            self.disarm(key, tid);
        }
        trap.unwrap_or(Trap::Foreign)
    }

    fn disarm(&mut self, key: Key, tid: Tid) {
        ledger::disarm(tid);
        if let Some(thread) = self.entries.get_mut(&key).and_then(|e| e.process.threads.get_mut(&tid)) {
            thread.watched = false;
        }
    }

    fn take_watch_trap(&mut self, tid: Tid) -> io::Result<()> {
        self.let_trap_in(tid)?;
        ptrace::resume(tid, Go::Cont, 0)
    }

    /// What the thread has touched since the last time this was asked.
    pub fn touched(&mut self, key: Key, tid: Tid) -> Vec<Piece> {
        self.watching.processes.get_mut(&key).map(|w| w.touched(tid)).unwrap_or_default()
    }

    /// A SIGTRAP is about to be delivered to the thread. `behind`: it was to execute a watched instruction first.
    fn watch_trap(&mut self, key: Key, tid: Tid, behind: Option<Hit>) -> io::Result<Trap> {
        let info = ptrace::siginfo(tid)?;
        let ours = ptrace::is_watch_trap(&info);
        let step = ptrace::is_step_trap(info.si_signo, info.si_code) && ledger::is_stepping(tid);
        let touched = self.touched(key, tid);
        if !ours && !step {
            if behind.is_some() {
                execute_again(tid)?;
            }
            return Ok(Trap::Foreign);
        }
        let sent = self.watching.hits.remove(&tid).filter(|_| ours);
        let Some(entry) = self.entries.get(&key) else { return Ok(Trap::Foreign) };
        let watches = |hit: &Hit| areas(&entry.process).is_some_and(|a| a.watches(hit));
        if let Some(hit) = sent.filter(watches) {
            tell(tid, hit, hit.after)?;
            return Ok(Trap::Foreign);
        }
        let behind = behind.filter(watches);
        let hit = areas(&entry.process).and_then(|a| a.hit(&touched));
        let executed = step && behind.is_some();
        match hit.or(behind.filter(|_| executed)) {
            None if ours => {
                ledger::owe(tid, 0);
                Ok(Trap::Idle)
            }
            None => Ok(Trap::Foreign),
            Some(hit) if hit.kind == Kind::Exec && hit.after && !executed && forgets_nothing(&entry.proc).is_ok() => {
                self.step(tid, 0)?;
                self.watching.behind.insert(tid, hit);
                Ok(Trap::Goes)
            }
            Some(hit) => {
                tell(tid, hit, hit.kind != Kind::Exec || executed)?;
                Ok(Trap::Foreign)
            }
        }
    }
}

fn arm(watched: &mut Watched, tid: Tid, thread: &mut Thread) -> io::Result<()> {
    thread.watched = true;
    match watched.arm(tid) {
        // It has ended: its report comes.
        Err(e) if e.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        result => result,
    }
}

/// Has the trap that is about to be delivered to the thread tell of this. `after`: it is done.
fn tell(tid: Tid, hit: Hit, after: bool) -> io::Result<()> {
    let mut info = ptrace::siginfo_bytes(tid)?;
    let trapno = abi::watch::trapno(hit.kind, after);
    info[8..12].copy_from_slice(&abi::watch::CODE.to_ne_bytes());
    info[16..24].copy_from_slice(&hit.addr.to_ne_bytes());
    info[24..].fill(0);
    info[abi::watch::TRAPNO_AT..][..4].copy_from_slice(&trapno.to_ne_bytes());
    ptrace::set_siginfo_bytes(tid, &info)
}

/// The processor passes over a watch for execution once, for a thread that has trapped there. This one has not gone on: it is
/// to trap again.
fn execute_again(tid: Tid) -> io::Result<()> {
    const RESUME_FLAG: u64 = 1 << 16;
    let mut regs = ptrace::user_regs(tid)?;
    regs.eflags &= !RESUME_FLAG;
    ptrace::set_user_regs(tid, &regs)
}
