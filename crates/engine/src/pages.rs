//! Watched areas by pages that are protected from writing: what registers cannot cover, and what is to be told before it happens.
//!
//! A thread that writes to such a page sleeps in the kernel; asked to stop, it stands on its instruction. If that would touch a
//! watched area, the thread is sent the trap of one; else, or where the trap is to come behind it, the page is opened and the
//! thread makes one step while no other runs. All of this can be given up at any moment: what has not been done is done again
//! by the processor, and comes here again. The kernel takes the protection off with the descriptor.
//!
//! What the kernel writes in a call of the thread's cannot be stopped there: it is let through, and told at the end of the call.

use crate::engine::{Giver, Pause, Shared, Target};
use crate::error::Refusal;
use crate::inject::forgets_nothing;
use crate::operands;
use crate::process::{Await, Process, State, Steps, Stop, WaiterId};
use crate::protector;
use crate::seat::{Opener, Seat, SeatId};
use crate::tracer::{key_of, Entry, Key, Tracer};
use crate::turns::status_mask;
use crate::watch::{written, Area, Hit, PAGE};
use crate::watching::Trap;
use kernel::ledger;
use kernel::lifted::Lifted;
use kernel::procfs::{self, InCall, Proc};
use kernel::ptrace::{self, Go, Tid};
use kernel::reach;
use kernel::userfault::{Fault, Userfault};
use kernel::wait::Status;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::CString;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

/// Whose pages are open that somebody has touched who shares the memory and is no thread of ours: a child of vfork(2).
const GUEST: Tid = 0;

/// Threads that have not stopped by then cannot: they sleep in the kernel (a parent in vfork(2), for one), and come to their stop
/// before any instruction of their own.
const STUCK: Duration = Duration::from_millis(20);

/// How often is looked for a thread that has been told of: one in the kernel that is to stop does not sleep, but falls asleep again
/// and again.
const LOOKS: usize = 100;

/// Parts of watched areas that are looked at for what a call has changed in them, at most a page each.
const REMEMBERED: usize = 16;

/// A thread that is asked to stop and falls asleep as often without doing so is in the kernel: it stores a signal frame.
const PATIENCE: u32 = 4;

/// The protected pages of one process.
pub(crate) struct Pages {
    fault: Arc<Userfault>,
    shared: Arc<Shared>,
    bell: Option<u64>,
    areas: Vec<Area>,
    /// Addresses of the pages.
    covered: BTreeSet<u64>,
    /// Those that are not protected at the moment, and for whose sake.
    open: BTreeMap<u64, BTreeSet<Tid>>,
    asleep: BTreeMap<Tid, Asleep>,
    over: Option<Over>,
}

/// A thread that has written to a protected page and has not stopped since.
struct Asleep {
    /// The first byte.
    at: u64,
    /// How often it fell asleep.
    times: u32,
    /// It is in a call.
    call: Option<Call>,
}

/// What a call of the kernel's has touched so far.
#[derive(Default)]
struct Call {
    /// The first byte in the first page in which it begins in a watched area, else in the last one.
    at: Option<u64>,
    /// What stood in the watched areas of the pages up to that.
    before: Vec<(u64, Vec<u8>)>,
}

/// A thread that is to make one step with pages open while all others stand.
struct Over {
    tid: Tid,
    /// Holds all others.
    seat: SeatId,
    open: Vec<u64>,
    /// What it will have touched.
    hit: Option<Hit>,
    /// It is under way.
    steps: bool,
    /// Who comes next, with the same: threads that came to their writes meanwhile.
    next: VecDeque<(Tid, Vec<u64>, Option<Hit>)>,
}

impl Pages {
    fn new(fault: Userfault, shared: Arc<Shared>) -> Pages {
        Pages {
            fault: Arc::new(fault),
            shared,
            bell: None,
            areas: Vec::new(),
            covered: BTreeSet::new(),
            open: BTreeMap::new(),
            asleep: BTreeMap::new(),
            over: None,
        }
    }

    /// Has the tracer called when threads fall asleep.
    fn listen(&mut self, key: Key) -> io::Result<()> {
        let shared = self.shared.clone();
        let ring = move || shared.queue.push(Box::new(move |t: &mut Tracer| t.page_faults(key)));
        let again = self.bell.take();
        if let Some(id) = again {
            self.shared.watcher.forget(id);
        }
        self.bell = Some(self.shared.watcher.readable(&*self.fault, again.is_some(), Box::new(ring))?);
        Ok(())
    }

    /// Protects the pages of these areas, and no others. EINVAL: memory of a kind that cannot be.
    fn cover(&mut self, proc: &Proc, areas: Vec<Area>) -> io::Result<()> {
        let wanted: BTreeSet<u64> =
            areas.iter().map(Area::pages).flat_map(|(first, behind)| (first..behind).map(|n| n * PAGE)).collect();
        let fresh: BTreeSet<u64> = wanted.difference(&self.covered).copied().collect();
        let memory = Memory::of(proc)?;
        for run in runs(&fresh) {
            for (mapping, part) in memory.parts(&run) {
                // A mapping that is registered in part becomes several, and the program can no more move it as one.
                let done = self.fault.register(mapping.start, mapping.end);
                if let Err(e) = done.and_then(|()| self.fault.protect(part.start, part.end, true)) {
                    self.expose(&fresh);
                    return Err(e);
                }
            }
        }
        let gone = self.covered.difference(&wanted).copied().collect();
        self.expose(&gone);
        for page in &gone {
            self.open.remove(page);
        }
        (self.covered, self.areas) = (wanted, areas);
        Ok(())
    }

    /// Takes the protection off.
    fn expose(&self, pages: &BTreeSet<u64>) {
        expose(&self.fault, pages);
    }

    fn open(&mut self, page: u64, tid: Tid) {
        self.open.entry(page).or_default().insert(tid);
        self.expose(&BTreeSet::from([page]));
    }

    /// Nothing is open any more for this thread.
    fn close(&mut self, tid: Tid) {
        let (fault, covered) = (&self.fault, &self.covered);
        self.open.retain(|page, tids| {
            if tids.remove(&tid) && tids.is_empty() && covered.contains(page) {
                let _ = fault.protect(*page, page + PAGE, true);
            }
            !tids.is_empty()
        });
    }

    /// Watches a page no more, until the next PCWATCH.
    fn give_up(&mut self, page: u64) {
        self.covered.remove(&page);
        self.expose(&BTreeSet::from([page]));
    }

    /// The watched parts of a page.
    fn watched(&self, page: u64) -> impl Iterator<Item = Range<u64>> + '_ {
        let parts = self.areas.iter().map(move |a| a.start.max(page)..a.end().min(page + PAGE));
        parts.filter(|part| !part.is_empty())
    }

    /// The kernel has written there in a call of the thread's, which goes on.
    fn in_call(&mut self, mem: Option<&OwnedFd>, tid: Tid, at: u64) {
        let page = at & !(PAGE - 1);
        let parts: Vec<Range<u64>> = self.watched(page).collect();
        let asleep = self.asleep.entry(tid).or_insert(Asleep { at, times: 0, call: None });
        let call = asleep.call.get_or_insert_default();
        let known = call.at.is_some_and(|at| written(&self.areas, &one(at)).is_some());
        if !known {
            call.at = Some(at);
            for part in parts.into_iter().take(REMEMBERED.saturating_sub(call.before.len())) {
                let size = (part.end - part.start) as usize;
                let bytes = mem.and_then(|m| reach::read(tid, m.as_fd(), part.start, size).ok());
                call.before.extend(bytes.map(|bytes| (part.start, bytes)));
            }
        }
        self.open(page, tid);
    }

    /// What a call has touched: where it began in a watched area, or what it has changed.
    fn touched(&self, mem: Option<&OwnedFd>, tid: Tid, call: &Call) -> Option<Hit> {
        let mut bytes: Vec<Range<u64>> = call.at.map(one).into_iter().flatten().collect();
        for (start, before) in &call.before {
            let now = mem.and_then(|m| reach::read(tid, m.as_fd(), *start, before.len()).ok()).unwrap_or_default();
            let changed = before.iter().zip(&now).position(|(before, now)| before != now);
            bytes.extend(changed.map(|n| start + n as u64..start + n as u64 + 1));
        }
        written(&self.areas, &bytes).map(|hit| Hit { after: true, ..hit })
    }
}

fn expose(fault: &Userfault, pages: &BTreeSet<u64>) {
    for run in runs(pages) {
        // There may be nothing any more.
        if fault.protect(run.start, run.end, false).is_err() {
            let _ = fault.wake(run.start, run.end);
        }
    }
}

/// Pages that we write to ourselves are open as long as this lives. Who touches them meanwhile is not told of.
pub(crate) struct Opened {
    fault: Arc<Userfault>,
    pages: BTreeSet<u64>,
}

impl Opened {
    /// Opens them, also where they have been closed again for others.
    pub fn open(&self) {
        expose(&self.fault, &self.pages);
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        for run in runs(&self.pages) {
            let _ = self.fault.protect(run.start, run.end, true);
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        if let Some(id) = self.bell {
            self.shared.watcher.forget(id);
        }
    }
}

fn one(at: u64) -> [Range<u64>; 1] {
    std::array::from_fn(|_| at..at.saturating_add(1))
}

/// Neighbours in a set of pages, together.
fn runs(pages: &BTreeSet<u64>) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for page in pages {
        match runs.last_mut() {
            Some(run) if run.end == *page => run.end += PAGE,
            _ => runs.push(*page..page + PAGE),
        }
    }
    runs
}

/// What is mapped in a process: ranges in rising order, and whether they may be memory that can be protected. Of a shared mapping
/// of a file only the kernel knows.
pub(crate) struct Memory(Vec<(Range<u64>, bool)>);

impl Memory {
    pub fn of(proc: &Proc) -> io::Result<Memory> {
        Ok(Memory::parse(&proc.read_of_any("maps")?))
    }

    fn parse(maps: &[u8]) -> Memory {
        let lines = maps.split(|b| *b == b'\n');
        Memory(lines.filter_map(|line| mapping(&String::from_utf8_lossy(line))).collect())
    }

    /// True if all of the area may be protected.
    pub fn pageable(&self, area: &Area) -> bool {
        let (first, behind) = area.pages();
        let mut at = first * PAGE;
        let below = self.0.partition_point(|(range, _)| range.end <= first * PAGE);
        for (range, able) in &self.0[below..] {
            if at >= behind * PAGE || range.start > at || !able {
                break;
            }
            at = range.end;
        }
        at >= behind * PAGE
    }

    /// The parts of a range, each with the mapping that it is of.
    fn parts<'a>(&'a self, whole: &'a Range<u64>) -> impl Iterator<Item = (&'a Range<u64>, Range<u64>)> + 'a {
        let parts = self.0.iter().map(|(range, _)| (range, range.start.max(whole.start)..range.end.min(whole.end)));
        parts.filter(|(_, part)| !part.is_empty())
    }
}

/// A line of `maps`: the range, and whether it may be protected.
fn mapping(line: &str) -> Option<(Range<u64>, bool)> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let range = hex(start)?..hex(end)?;
    let shared = words.next()?.ends_with('s');
    let file = words.nth(2)? != "0";
    let name = words.next().unwrap_or("");
    let kernels = ["[vdso]", "[vsyscall]", "[vectors]"].contains(&name) || name.starts_with("[vvar");
    let memory = ["/memfd:", "/SYSV", "/dev/zero", "/dev/shm/"].iter().any(|m| name.starts_with(m));
    Some((range, !kernels && (!file || shared || memory)))
}

/// Makes what protects pages of the process, while all its threads stand; `then` is told before they go on.
pub(crate) fn prepare(
    t: &mut Tracer,
    shared: &Arc<Shared>,
    proc: &Arc<Proc>,
    giver: &Giver,
    then: impl FnOnce(&mut Tracer, Result<(), Refusal>) + 'static,
) -> WaiterId {
    let (ours, of) = (shared.clone(), proc.clone());
    let key = key_of(proc);
    let stand = move |t: &mut Tracer, result: Result<(), Refusal>, pause: Pause| {
        let made = move |t: &mut Tracer, result: Result<Userfault, Refusal>| {
            let ready = result.and_then(|fault| {
                let mut pages = Pages::new(fault, ours);
                pages.listen(key).map_err(|e| Refusal::os("watch memory of", key.0, &e))?;
                t.watching.pages.insert(key, pages);
                Ok(())
            });
            then(t, ready);
            pause.end(t);
        };
        match result {
            Ok(()) => protector::make(t, &of, Box::new(made)),
            Err(refusal) => made(t, Err(refusal)),
        }
    };
    Pause::begin_all(t, shared, proc, Some(giver), stand)
}

/// True if somebody keeps the thread from running, but for whom it is to make a step and for `but`.
fn held(process: &Process, tid: Tid, but: Option<SeatId>) -> bool {
    let stepper = process.threads.get(&tid).and_then(|t| t.steps.as_ref()).map(|s| s.seat);
    let agent = process.agent.as_ref().is_some_and(|a| a.tid != Some(tid));
    let seats = process.seats.iter().filter(|(id, _)| Some(**id) != stepper && Some(**id) != but);
    agent || seats.into_iter().any(|(_, seat)| seat.holds(tid))
}

/// SIGTRAP in a set of signals.
pub(crate) const TRAP: u64 = 1 << (libc::SIGTRAP - 1);

/// True if a SIGTRAP waits for the thread or its process.
pub(crate) fn sigtrap_waits(proc: &Proc, tid: Tid) -> bool {
    ["SigPnd", "ShdPnd"].iter().any(|name| status_mask(proc, tid, name) & TRAP != 0)
}

/// The address space, to which also the threads lead that live on without the first.
pub(crate) fn memory_of(entry: &Entry) -> io::Result<OwnedFd> {
    let open = |tid: &Tid| {
        let path = CString::new(format!("task/{tid}/mem")).unwrap_or_default();
        procfs::openat(entry.proc.dir(), &path, libc::O_RDONLY)
    };
    let found = entry.process.threads.keys().map(open).find(Result::is_ok);
    found.unwrap_or_else(|| Err(io::Error::from_raw_os_error(libc::ESRCH)))
}

impl Tracer {
    /// Opens the pages of this range for ourselves. None if no page of it is protected.
    pub fn opened(&self, key: Key, range: Range<u64>) -> Option<Opened> {
        let pages = self.watching.pages.get(&key)?;
        let inside = pages.covered.range(range.start & !(PAGE - 1)..range.end.max(range.start & !(PAGE - 1)));
        let opened = Opened { fault: pages.fault.clone(), pages: inside.copied().collect() };
        opened.open();
        (!opened.pages.is_empty()).then_some(opened)
    }

    /// Puts back what a thread that stands had been let in, on its stack too if that is where it is, which may be watched.
    pub fn put_back(&self, key: Key, tid: Tid, lifted: Lifted, code: Option<i32>) {
        const FRAME: u64 = 1024;
        let frame = || ptrace::user_regs(tid).map_or(0..0, |r| r.rsp..r.rsp.saturating_add(FRAME));
        let _open = self.watching.pages.contains_key(&key).then(|| self.opened(key, frame()));
        lifted.put_back(tid, code, &reach::Others);
    }

    /// Protects these pages of the process, and no others.
    pub fn cover(&mut self, key: Key, areas: Vec<Area>) -> io::Result<()> {
        let Some(proc) = self.entries.get(&key).map(|e| e.proc.clone()) else { return Ok(()) };
        let Some(pages) = self.watching.pages.get_mut(&key) else { return Ok(()) };
        if areas.is_empty() {
            self.uncover(key);
            return Ok(());
        }
        pages.cover(&proc, areas)?;
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.process.lends = true;
        }
        Ok(())
    }

    /// Protects nothing any more.
    pub fn uncover(&mut self, key: Key) {
        let pages = self.watching.pages.remove(&key);
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.process.lends = false;
        }
        if let Some((over, shared)) = pages.and_then(|mut p| Some((p.over.take()?, p.shared.clone()))) {
            self.let_others_go(key, &over, &shared);
        }
    }

    /// Threads have fallen asleep. Those that the kernel has to let go come last: what they let through is seen before that.
    fn page_faults(&mut self, key: Key) {
        let Some(pages) = self.watching.pages.get_mut(&key) else { return };
        let first = (0..LOOKS).find_map(|_| pages.fault.next());
        let faults: Vec<Fault> = first.into_iter().chain(std::iter::from_fn(|| pages.fault.next())).collect();
        let listens = pages.listen(key);
        let mut rest = Vec::new();
        for Fault { tid, at } in faults {
            let tid = self.asleep(key, tid).unwrap_or(GUEST);
            if !self.stops_at(key, tid, at) {
                rest.push((tid, at));
            }
        }
        for (tid, at) in rest {
            self.lets_through(key, tid, at);
        }
        if listens.is_err() {
            // Nobody would be woken any more.
            self.uncover(key);
        }
    }

    /// Who is told of by this number of its own pid namespace; None if it is no thread of the process.
    fn asleep(&self, key: Key, inner: Tid) -> Option<Tid> {
        let entry = self.entries.get(&key)?;
        let known_as = |tid: Tid| {
            let path = CString::new(format!("task/{tid}/status")).ok()?;
            let status = procfs::read_at(entry.proc.dir(), &path).ok()?;
            procfs::field(&status, "NSpid").map(procfs::numbers)?.last().map(|n| *n as Tid)
        };
        if known_as(inner) == Some(inner) {
            return Some(inner);
        }
        let tasks = entry.proc.tasks().unwrap_or_default();
        tasks.into_iter().map(|tid| tid as Tid).find(|tid| known_as(*tid) == Some(inner))
    }

    /// A thread has written to a page there, and is asked to stop. False if that would not come to its instruction.
    fn stops_at(&mut self, key: Key, tid: Tid, at: u64) -> bool {
        let ours = self.injections.contains_key(&tid);
        let (Some(entry), Some(pages)) = (self.entries.get_mut(&key), self.watching.pages.get_mut(&key)) else {
            return true;
        };
        let stepping = pages.over.as_ref().is_some_and(|o| o.steps && o.tid == tid);
        let unwatched = !pages.covered.contains(&(at & !(PAGE - 1)));
        if tid == GUEST || ours || stepping || unwatched {
            return false;
        }
        let path = CString::new(format!("task/{tid}/syscall")).unwrap_or_default();
        let text = procfs::read_at(entry.proc.dir(), &path).unwrap_or_default();
        if InCall::parse(&text).is_some() {
            return false;
        }
        let asleep = pages.asleep.entry(tid).or_insert(Asleep { at, times: 0, call: None });
        (asleep.at, asleep.times) = (at, asleep.times + 1);
        if asleep.times > PATIENCE || asleep.call.is_some() {
            return false;
        }
        let thread = entry.process.threads.get_mut(&tid);
        let asked = ptrace::interrupt(tid).is_ok();
        if let (Some(thread), true) = (thread, asked) {
            thread.interrupt = true;
        }
        asked
    }

    /// Opens the page for a thread until it stops.
    fn lets_through(&mut self, key: Key, tid: Tid, at: u64) {
        let ours = self.injections.contains_key(&tid);
        let (Some(entry), Some(pages)) = (self.entries.get_mut(&key), self.watching.pages.get_mut(&key)) else {
            return;
        };
        let page = at & !(PAGE - 1);
        let stepping = pages.over.as_ref().is_some_and(|o| o.steps && o.tid == tid);
        let frame = pages.asleep.get(&tid).is_some_and(|a| a.times > PATIENCE);
        if !pages.covered.contains(&page) {
            pages.expose(&BTreeSet::from([page]));
        } else if tid == GUEST || ours || stepping || frame {
            pages.open(page, tid);
        } else if ptrace::interrupt(tid).is_ok() {
            // It stops at the end of the call, or where it looks for signals.
            if let Some(thread) = entry.process.threads.get_mut(&tid) {
                thread.interrupt = true;
            }
            pages.in_call(memory_of(entry).ok().as_ref(), tid, at);
        } else {
            // The kernel's own, that works for the process.
            pages.open(page, GUEST);
        }
    }

    /// A thread has stopped, or is no more: what was open for it is closed.
    pub fn page_closed(&mut self, key: Key, tid: Tid, status: Status) {
        let Some(pages) = self.watching.pages.get_mut(&key) else { return };
        pages.close(tid);
        // Who is still there comes again. The end of vfork(2) is such a stop (`Process::lends`).
        pages.close(GUEST);
        if !matches!(status, Status::Stopped(..)) {
            pages.asleep.remove(&tid);
        }
        let Some(mut over) = pages.over.take_if(|o| o.tid == tid && o.steps) else { return };
        let shared = pages.shared.clone();
        let mut process = self.entries.get_mut(&key).map(|e| &mut e.process);
        if let Some(thread) = process.as_mut().and_then(|p| p.threads.get_mut(&tid)) {
            // Made or not: nothing goes on to make it when the pages are open for the next.
            thread.steps.take_if(|s| s.seat == over.seat);
        }
        match (over.next.pop_front(), process.and_then(|p| p.seats.get_mut(&over.seat))) {
            (Some((next, open, hit)), Some(seat)) => {
                // What this stop means is told first.
                let id = over.seat;
                seat.spared = None;
                pages.over = Some(Over { tid: next, open, hit, steps: false, ..over });
                shared.queue.push(Box::new(move |t: &mut Tracer| t.step_alone(key, id, true)));
            }
            _ => self.let_others_go(key, &over, &shared),
        }
    }

    fn let_others_go(&mut self, key: Key, over: &Over, shared: &Shared) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.process.seats.remove(&over.seat);
            entry.process.threads.values_mut().for_each(|thread| thread.aside = false);
        }
        shared.queue.push(Box::new(move |t: &mut Tracer| t.settle(key)));
    }

    /// Looks at a stop of a thread before it is told. None: it is not about protected pages.
    pub fn page_stop(&mut self, key: Key, tid: Tid, signal: i32, event: i32) -> Option<Trap> {
        let entry = self.entries.get_mut(&key)?;
        let pages = self.watching.pages.get_mut(&key)?;
        let asleep = pages.asleep.remove(&tid)?;
        if !entry.process.wanted() {
            return None;
        }
        let plain = event == libc::PTRACE_EVENT_STOP && signal == libc::SIGTRAP;
        let memory = memory_of(entry).ok();
        if let Some(call) = &asleep.call {
            let hit = pages.touched(memory.as_ref(), tid, call)?;
            return self.page_hit(key, tid, hit, plain);
        }
        if !plain {
            return None;
        }
        let regs = ptrace::user_regs(tid).ok()?;
        let text =
            memory.and_then(|m| reach::read(tid, m.as_fd(), regs.rip, operands::LONGEST).ok()).unwrap_or_default();
        let bytes = operands::written(&text, &regs, asleep.at);
        let hit = written(&pages.areas, &bytes);
        let seats = || entry.process.seats.values();
        let traced = seats().any(|s| s.faults.has(u64::from(abi::fault::WATCH)));
        let ignored = forgets_nothing(&entry.proc).is_err();
        // Told before it, by a signal that does not come, it would be done again and again.
        let blocked = ptrace::signal_mask(tid).is_ok_and(|mask| mask & TRAP != 0);
        let unheard = !traced && (ignored || blocked);
        let hit = hit.map(|hit| Hit { after: hit.after || unheard, ..hit });
        match hit {
            // The one that waits would come instead; it stands for this touch too.
            _ if blocked && sigtrap_waits(&entry.proc, tid) => {
                pages.open(asleep.at & !(PAGE - 1), tid);
                Some(Trap::Idle)
            }
            Some(hit) if !hit.after => self.page_hit(key, tid, hit, true),
            // A step would make it forget that it ignores the signal.
            _ if ignored => {
                pages.give_up(asleep.at & !(PAGE - 1));
                Some(Trap::Idle)
            }
            hit => {
                if !held(&entry.process, tid, pages.over.as_ref().map(|o| o.seat)) {
                    let open = bytes.iter().flat_map(|b| [b.start, b.end.saturating_sub(1)]).map(|at| at & !(PAGE - 1));
                    let open = open.filter(|page| pages.covered.contains(page)).collect();
                    match &mut pages.over {
                        Some(over) => over.next.push_back((tid, open, hit)),
                        None => self.step_over(key, tid, open, hit),
                    }
                }
                Some(Trap::Idle)
            }
        }
    }

    /// Sends the thread the trap of a touch. `now`: it goes there at once, and has run no instruction before.
    fn page_hit(&mut self, key: Key, tid: Tid, hit: Hit, now: bool) -> Option<Trap> {
        self.send_touch(key, tid, hit).ok()?;
        if !now {
            return None;
        }
        self.let_trap_in(tid).and_then(|()| ptrace::resume(tid, Go::Cont, 0)).ok()?;
        Some(Trap::Goes)
    }

    /// Puts the trap of a touch into the queue of the thread.
    pub fn send_touch(&mut self, key: Key, tid: Tid, hit: Hit) -> io::Result<()> {
        let thread = self.entries.get_mut(&key).and_then(|e| e.process.threads.get_mut(&tid));
        let Some(thread) = thread else { return Err(io::Error::from_raw_os_error(libc::ESRCH)) };
        ptrace::queue_watch_trap(key.0, tid)?;
        thread.watched = true;
        self.watching.hits.insert(tid, hit);
        Ok(())
    }

    /// Has a thread carry out its instruction when all others stand.
    fn step_over(&mut self, key: Key, tid: Tid, open: Vec<u64>, hit: Option<Hit>) {
        let (Some(entry), Some(pages)) = (self.entries.get_mut(&key), self.watching.pages.get_mut(&key)) else {
            return;
        };
        let shared = pages.shared.clone();
        let id = shared.queue.new_seat();
        let mut seat = Seat::new("engine", false, Opener::default(), None);
        seat.hold = true;
        entry.process.seats.insert(id, seat);
        entry.process.threads.values_mut().for_each(|thread| thread.aside = true);
        pages.over = Some(Over { tid, seat: id, open, hit, steps: false, next: VecDeque::new() });
        let then = move |t: &mut Tracer, result: Result<(), Refusal>| {
            t.step_alone(key, id, result.map_or_else(|e| e.errno == libc::ETIMEDOUT, |()| true));
        };
        self.wait_for(key, Await::Rest, Some(STUCK), Box::new(then));
        // This stop is told first.
        shared.queue.push(Box::new(move |t: &mut Tracer| t.settle(key)));
    }

    /// All threads stand that can (`stand`): this one goes, if nobody holds it by now.
    fn step_alone(&mut self, key: Key, seat: SeatId, stand: bool) {
        let (Some(entry), Some(pages)) = (self.entries.get_mut(&key), self.watching.pages.get_mut(&key)) else {
            return;
        };
        let Some(over) = pages.over.as_mut().filter(|o| o.seat == seat) else { return };
        let process = &mut entry.process;
        let tid = over.tid;
        let free = stand && process.wanted() && !held(process, tid, Some(seat));
        let thread = process.threads.get_mut(&tid).filter(|t| free && !t.injecting);
        let Some(thread) = thread.filter(|t| t.state == State::Stopped(Stop::Plain) && ledger::arm(tid)) else {
            if let Some(over) = pages.over.take() {
                let shared = pages.shared.clone();
                self.let_others_go(key, &over, &shared);
            }
            return;
        };
        thread.watched = true;
        thread.steps.get_or_insert(Steps::of(seat, 1));
        over.steps = true;
        let (open, hit) = (std::mem::take(&mut over.open), over.hit);
        for page in open {
            pages.open(page, tid);
        }
        if let Some(seat) = process.seats.get_mut(&seat) {
            seat.spared = Some(tid);
        }
        if let Some(hit) = hit {
            self.watching.behind.insert(tid, hit);
        }
        self.settle(key);
    }
}

impl Target {
    /// Writes to the memory of the process through `mem`, also where it is protected for watched areas. The answer of pwrite(2).
    pub fn write_memory(&self, mem: BorrowedFd, at: u64, bytes: &[u8]) -> io::Result<usize> {
        let first = procfs::pwrite(mem, at, bytes);
        let written = match &first {
            Ok(n) if *n < bytes.len() => *n,
            Err(e) if e.raw_os_error() == Some(libc::EIO) => 0,
            _ => return first,
        };
        let key = key_of(self.proc());
        if self.shared().queue.shown(key).is_none() {
            return first;
        }
        let range = at.saturating_add(written as u64)..at.saturating_add(bytes.len() as u64);
        let (tx, rx) = std::sync::mpsc::channel();
        self.shared().queue.push(Box::new(move |t| {
            let _ = tx.send(t.opened(key, range));
        }));
        match rx.recv() {
            Ok(Some(_open)) => {
                let rest = procfs::pwrite(mem, at + written as u64, bytes.get(written..).unwrap_or_default());
                rest.map(|n| written + n).or(first)
            }
            _ => first,
        }
    }
}
