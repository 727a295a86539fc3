//! New ids for a process (Solaris proc(4), PCSCRED, PCSCREDX). On Linux each thread has its own, and only the thread itself can
//! change them: each makes the calls for us while all stand. The kernel judges each call by what that thread may; when one is
//! refused, those made before are taken back, as far as the threads still may.

use crate::engine::{called, Done, Giver, Pause, Shared};
use crate::error::Refusal;
use crate::event;
use crate::inject::Number;
use crate::process::{State, Stop, WaiterId};
use crate::tracer::{key_of, Key, Tracer};
use abi::syscall::set_number;
use kernel::apart::Unfinished;
use kernel::procfs::{self, Proc};
use kernel::ptrace::Tid;
use kernel::reach;
use std::collections::VecDeque;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// Ids of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// Real, effective and saved user.
    pub users: [u32; 3],
    /// Real, effective and saved group.
    pub groups: [u32; 3],
    /// Supplementary groups; None: as they are.
    pub others: Option<Vec<u32>>,
}

/// By which ids a process stands: what it may do itself, and who may do something to it, goes by them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Real, effective and saved user; the same of groups; the others.
    ids: [Vec<u32>; 3],
    /// Capabilities it may have.
    permitted: u64,
}

impl Standing {
    /// That of a process as it is now.
    pub fn of(proc: &Proc) -> Option<Standing> {
        let status = proc.status().ok()?;
        let numbers = |name| procfs::field(&status, name).map(procfs::numbers);
        let first = |mut ids: Vec<u32>| {
            ids.truncate(3);
            ids
        };
        let permitted = std::str::from_utf8(procfs::field(&status, "CapPrm")?).ok()?;
        Some(Standing {
            ids: [first(numbers("Uid")?), first(numbers("Gid")?), numbers("Groups")?],
            permitted: u64::from_str_radix(permitted.trim(), 16).ok()?,
        })
    }

    /// True if it has other ids than `then`, or more capabilities: fewer are no change that anybody has to be kept from.
    pub fn differs(&self, then: &Standing) -> bool {
        self.ids != then.ids || self.permitted & !then.permitted != 0
    }
}

/// Calls that change ids or capabilities, of the 64-bit table: setuid, setgid, setreuid, setregid, setgroups, setresuid, setresgid,
/// setfsuid, setfsgid, capset.
const CHANGING: [u64; 10] = [105, 106, 113, 114, 116, 117, 119, 122, 123, 126];

/// True if this call may change by which ids its process stands.
pub fn changes_ids(call: &event::Call) -> bool {
    CHANGING.contains(&set_number(call.abi, call.nr))
}

const MMAP: Number = Number { x86_64: libc::SYS_mmap, i386: 192 };
const MUNMAP: Number = Number { x86_64: libc::SYS_munmap, i386: 91 };
const SETGROUPS: Number = Number { x86_64: libc::SYS_setgroups, i386: 206 };
const SETRESGID: Number = Number { x86_64: libc::SYS_setresgid, i386: 210 };
const SETRESUID: Number = Number { x86_64: libc::SYS_setresuid, i386: 208 };

/// A call of one thread.
struct Call {
    tid: Tid,
    nr: Number,
    args: [u64; 3],
    /// What is to be in the borrowed memory, whose address comes second among the arguments.
    list: Option<Vec<u8>>,
}

/// The calls that give `tid` these ids. The users come last, with whom the right to the other calls may go; but first where the
/// effective one is root, with whom it may come.
fn calls(tid: Tid, ids: &Ids) -> Vec<Call> {
    let plain = |nr, ids: [u32; 3]| Call { tid, nr, args: ids.map(u64::from), list: None };
    let groups = ids.others.as_ref().map(|others| Call {
        tid,
        nr: SETGROUPS,
        args: [others.len() as u64, 0, 0],
        list: Some(others.iter().flat_map(|g| g.to_ne_bytes()).collect()),
    });
    let mut all: Vec<Call> = groups.into_iter().collect();
    all.extend([plain(SETRESGID, ids.groups), plain(SETRESUID, ids.users)]);
    if ids.users[1] == 0 {
        all.reverse();
    }
    all
}

/// The ids that a thread has now.
fn ids_of(proc: &Proc, tid: Tid) -> Result<Ids, Refusal> {
    let path = CString::new(format!("task/{tid}/status")).unwrap_or_default();
    let status = procfs::read_at(proc.dir(), &path).map_err(|_| Refusal::gone(tid))?;
    let all = |name| procfs::numbers(procfs::field(&status, name).unwrap_or_default());
    let three = |name| all(name).first_chunk::<3>().copied().ok_or_else(|| Refusal::gone(tid));
    Ok(Ids { users: three("Uid")?, groups: three("Gid")?, others: Some(all("Groups")) })
}

/// A change under way. All threads stand.
struct Change {
    key: Key,
    pause: Pause,
    done: Done,
    /// The process's memory, for lists.
    mem: OwnedFd,
    /// Memory borrowed in the process: address and size.
    lent: Option<(u64, u64)>,
    left: VecDeque<Call>,
    /// What takes back what was done, the latest first.
    before: Vec<(Tid, Ids)>,
    /// Why it is being taken back.
    refused: Option<Refusal>,
    /// Threads that keep what they were given.
    stuck: Vec<Tid>,
    /// Meanwhile the threads have different ids.
    whole: Unfinished,
}

/// Changes the ids of all threads; `done` when they have them. EBUSY if a thread cannot be made to call, before any is changed.
/// The waiter that is answered is for [`crate::engine::Ticket`].
pub(crate) fn change(
    t: &mut Tracer,
    shared: &Shared,
    proc: &Arc<Proc>,
    giver: &Giver,
    ids: Ids,
    done: Done,
) -> WaiterId {
    let mine = proc.clone();
    let stand = move |t: &mut Tracer, result: Result<(), Refusal>, pause: Pause| match result
        .and_then(|()| prepare(t, &mine, &ids))
    {
        Ok((mem, threads)) => start(t, key_of(&mine), ids, mem, threads, pause, done),
        Err(refusal) => {
            pause.end(t);
            done(Err(refusal));
        }
    };
    Pause::begin_all(t, shared, proc, Some(giver), stand)
}

fn prepare(t: &Tracer, proc: &Proc, ids: &Ids) -> Result<(OwnedFd, Vec<(Tid, Ids)>), Refusal> {
    let key = key_of(proc);
    let process = &t.entries.get(&key).ok_or_else(|| Refusal::gone(key.0))?.process;
    let mut threads = Vec::new();
    for (tid, thread) in &process.threads {
        match thread.state {
            State::Stopped(Stop::Within(_)) if !process.passes(*tid) => return Err(unable(*tid)),
            State::Stopped(Stop::Group) | State::Listening | State::Running => return Err(unable(*tid)),
            State::Stopped(_) if thread.injecting => return Err(unable(*tid)),
            State::Stopped(_) => {}
        }
        let before = ids_of(proc, *tid)?;
        let others = ids.others.as_ref().and(before.others.clone());
        threads.push((*tid, Ids { others, ..before }));
    }
    let path = CString::new(format!("task/{}/mem", threads.first().map_or(key.0, |(tid, _)| *tid))).unwrap_or_default();
    let mem = procfs::openat(proc.dir(), &path, libc::O_RDWR)
        .map_err(|e| Refusal::os("write into the memory of", key.0, &e))?;
    Ok((mem, threads))
}

fn unable(tid: Tid) -> Refusal {
    Refusal::new(libc::EBUSY, format!("{tid}: it stands where it cannot make a call for us: run it first"))
}

fn start(t: &mut Tracer, key: Key, ids: Ids, mem: OwnedFd, threads: Vec<(Tid, Ids)>, pause: Pause, done: Done) {
    let lists = threads.iter().map(|(_, before)| before).chain([&ids]);
    let most = lists.filter_map(|ids| ids.others.as_ref()).map(Vec::len).max().unwrap_or(0);
    let first = threads.first().map_or(key.0, |(tid, _)| *tid);
    let left = threads.iter().flat_map(|(tid, _)| calls(*tid, &ids)).collect();
    let mut before = threads;
    before.reverse();
    let (stuck, whole) = (Vec::new(), Unfinished::begin());
    let mut change = Change { key, pause, done, mem, lent: None, left, before, refused: None, stuck, whole };
    if most == 0 {
        return change.next(t);
    }
    let size = (4 * most as u64).next_multiple_of(4096);
    let (rights, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // No file: -1 in 32 bits is none too.
    let args = [0, size, rights as u64, kind as u64, u64::from(u32::MAX), 0];
    let mapped = move |t: &mut Tracer, result: Result<i64, Refusal>| match result
        .and_then(|r| called("borrow memory of", first, r))
    {
        Ok(at) => {
            change.lent = Some((at as u64, size));
            change.next(t);
        }
        Err(refusal) => change.finish(t, Err(refusal)),
    };
    t.inject(key, first, MMAP, args, None, Box::new(mapped));
}

impl Change {
    fn next(mut self, t: &mut Tracer) {
        let Some(call) = self.left.pop_front() else { return self.over(t) };
        let mut args = [call.args[0], call.args[1], call.args[2], 0, 0, 0];
        if let (Some(list), Some((at, _))) = (&call.list, self.lent) {
            args[1] = at;
            if let Err(e) = reach::write(call.tid, self.mem.as_fd(), at, list) {
                return self.refuse(t, call.tid, Refusal::os("write into the memory of", call.tid, &e));
            }
        }
        let key = self.key;
        let made = move |t: &mut Tracer, result: Result<i64, Refusal>| match result
            .and_then(|r| called("change the ids of", call.tid, r))
        {
            Ok(_) => self.next(t),
            Err(refusal) => self.refuse(t, call.tid, refusal),
        };
        t.inject(key, call.tid, call.nr, args, None, Box::new(made));
    }

    /// A call was not made: all those before are taken back. One that takes back is given up for this thread.
    fn refuse(mut self, t: &mut Tracer, tid: Tid, refusal: Refusal) {
        if refusal.errno == libc::ESRCH {
            // The process is being killed.
            self.left.clear();
            self.refused.get_or_insert(refusal);
        } else if self.refused.is_some() {
            if !self.stuck.contains(&tid) {
                self.stuck.push(tid);
            }
        } else {
            self.refused = Some(refusal);
            let from = self.before.iter().position(|(of, _)| *of == tid).unwrap_or(0);
            self.left = self.before.iter().skip(from).flat_map(|(tid, ids)| calls(*tid, ids)).collect();
        }
        self.next(t);
    }

    /// All calls are made; the borrowed memory is given back.
    fn over(mut self, t: &mut Tracer) {
        let result = match self.refused.take() {
            None => Ok(()),
            Some(refusal) if self.stuck.is_empty() => Err(refusal),
            Some(refusal) => {
                let text = format!("{refusal}; threads that keep new ids: {:?}", self.stuck);
                Err(Refusal::new(refusal.errno, text))
            }
        };
        let Some((at, size)) = self.lent.take() else { return self.finish(t, result) };
        let (key, first) = (self.key, self.before.last().map_or(self.key.0, |(tid, _)| *tid));
        let back = move |t: &mut Tracer, _: Result<i64, Refusal>| self.finish(t, result);
        t.inject(key, first, MUNMAP, [at, size, 0, 0, 0, 0], None, Box::new(back));
    }

    fn finish(self, t: &mut Tracer, result: Result<(), Refusal>) {
        drop(self.whole);
        self.pause.end(t);
        (self.done)(result);
    }
}
