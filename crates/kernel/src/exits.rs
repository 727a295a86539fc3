//! The ends of chosen system calls, looked for by the kernel itself: a small BPF program at the end of every call of the machine
//! stops those threads that are watched and that have just ended a call of their process's set. Everybody else's calls cost
//! the way to the program and a look into a table meanwhile, 0.2 us.
//!
//! The stop is carried by a SIGSTOP of the kernel's (`si_code` SI_KERNEL) to the one thread, which no mask holds back. It is taken
//! by the tracer and never reaches the program. What has ended is in a record beside, and the record is what counts: a SIGCONT of
//! somebody else's removes the carrier from the queue, but makes the thread stop too, and another signal may overtake it.
//!
//! Whoever sends a stop signal takes a pending SIGCONT away; the engine uses this only where nobody can miss one.
//!
//! A carrier that nobody takes stops the process. So none is sent when the tracer is at its end, which a second program sees, and
//! those that were sent are taken back, by the tracer that outlives the daemon (`ledger`) or by the kernel (`lifeline`).
//!
//! BPF needs CAP_BPF and CAP_PERFMON, an initial PID namespace and a kernel that lets us: where anything of that is missing
//! [`Exits::new`] fails, and the calls are to be traced one by one.

use crate::ledger;
use crate::lifeline::{self, Lifeline};
use crate::ptrace::Tid;
use std::collections::btree_map::{BTreeMap, Entry};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use std::time::Instant;

/// Calls of each table that can be watched: numbers below this.
pub const CALLS: usize = 512;

/// Which calls end in a stop, one bit each: of the 64-bit table and of the 32-bit one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits {
    /// Of 64-bit code (x32 too, without its bit 30).
    pub wide: [u64; CALLS / 64],
    /// Of 32-bit code.
    pub narrow: [u64; CALLS / 64],
}

impl Bits {
    /// None.
    pub const NONE: Bits = Bits { wide: [0; CALLS / 64], narrow: [0; CALLS / 64] };
}

/// A call that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its number in the table of its kind.
    pub nr: u64,
    /// Made by 32-bit code.
    pub narrow: bool,
    /// Its result.
    pub result: i64,
}

/// What the tables hold of a thread. The program writes it in the thread's own context, so nothing changes while it stands.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Record {
    /// Number and one; 0 for none.
    nr: u64,
    result: i64,
    narrow: u64,
    /// Not to be stopped, only to be recorded.
    quiet: u64,
}

/// Threads in the tables, by process and thread id, and sets, by process id. -1 before there are tables.
static THREADS: AtomicI32 = AtomicI32::new(-1);
static SETS: AtomicI32 = AtomicI32::new(-1);

/// Threads that can be watched at once.
const MOST_THREADS: u32 = 4096;
/// The key among the sets under which stands whether the tracer is at its end: nothing is sent any more then.
const OVER: Tid = 0;

/// The loaded programs, attached from the first set of a process until nobody has had one for as long as the engine likes: to attach
/// and to detach takes milliseconds.
pub struct Exits {
    /// At the end of a call.
    program: OwnedFd,
    /// At the end of a task.
    last: OwnedFd,
    sets: OwnedFd,
    _threads: OwnedFd,
    attached: Option<[OwnedFd; 2]>,
    processes: BTreeMap<Tid, Lifeline>,
    idle: Option<Instant>,
}

impl Exits {
    /// Loads the program and tries it on the calling thread, which is to be that of the tracer. Any error: not to be had here.
    pub fn new() -> io::Result<Exits> {
        let threads = bpf::table(8, size_of::<Record>() as u32, MOST_THREADS)?;
        let sets = bpf::table(4, size_of::<Bits>() as u32, lifeline::MOST as u32 + 1)?;
        bpf::put(sets.as_raw_fd(), &OVER, &Bits::NONE)?;
        // SAFETY: plain system calls.
        let tracer = unsafe { key(libc::getpid(), libc::gettid()) };
        let program = bpf::load(c"pfs_call_ends", &program::call_ends(threads.as_raw_fd(), sets.as_raw_fd()))?;
        let last = bpf::load(c"pfs_ends", &program::task_ends(sets.as_raw_fd(), tracer))?;
        let (attached, processes, idle) = (None, BTreeMap::new(), None);
        let mut exits = Exits { program, last, sets, _threads: threads, attached, processes, idle };
        THREADS.store(exits._threads.as_raw_fd(), Relaxed);
        SETS.store(exits.sets.as_raw_fd(), Relaxed);
        match exits.works() {
            Ok(true) => Ok(exits),
            Ok(false) => Err(io::Error::from_raw_os_error(libc::ENOTSUP)),
            Err(e) => Err(e),
        }
    }

    /// A call of our own is seen, under the ids by which we know ourselves: they are others in a PID namespace.
    fn works(&mut self) -> io::Result<bool> {
        // SAFETY: plain system calls.
        let (pid, tid) = unsafe { (libc::getpid(), libc::gettid()) };
        let mut bits = Bits::NONE;
        bits.wide[libc::SYS_getppid as usize / 64] |= 1 << (libc::SYS_getppid % 64);
        self.arm(pid, &bits)?;
        let key = key(pid, tid);
        let threads = THREADS.load(Relaxed);
        bpf::put(threads, &key, &Record { quiet: 1, ..Record::default() })?;
        // SAFETY: a plain system call.
        let parent = unsafe { libc::syscall(libc::SYS_getppid) };
        let seen = bpf::get(threads, &key);
        bpf::remove(threads, &key);
        self.disarm(pid);
        let seen: Record = seen?;
        Ok((seen.nr, seen.result, seen.narrow) == (libc::SYS_getppid as u64 + 1, parent, 0))
    }

    /// Gives process `pid` a set; the programs are attached if they are not. Its threads are watched when they are set going
    /// with [`crate::ptrace::Go::Exits`], or by [`watch`]. It has none if this fails.
    pub fn arm(&mut self, pid: Tid, bits: &Bits) -> io::Result<()> {
        let result = self.give(pid, bits);
        if result.is_err() {
            self.disarm(pid);
        }
        result
    }

    fn give(&mut self, pid: Tid, bits: &Bits) -> io::Result<()> {
        if let Entry::Vacant(new) = self.processes.entry(pid) {
            new.insert(Lifeline::new(pid)?);
        }
        self.idle = None;
        if self.attached.is_none() {
            let last = bpf::attach(c"sched_process_exit", &self.last)?;
            self.attached = Some([last, bpf::attach(c"sys_exit", &self.program)?]);
        }
        bpf::put(self.sets.as_raw_fd(), &pid, bits)
    }

    /// Others have stopped process `pid`, or let it go on: if all of us are killed, it stays stopped.
    pub fn stopped_by_others(&mut self, pid: Tid, stopped: bool) {
        if let Some(line) = self.processes.get_mut(&pid) {
            let _ = line.set(!stopped);
        }
    }

    /// Takes the set of process `pid` away.
    pub fn disarm(&mut self, pid: Tid) {
        bpf::remove(self.sets.as_raw_fd(), &pid);
        self.processes.remove(&pid);
        if self.processes.is_empty() && self.attached.is_some() {
            self.idle = Some(Instant::now());
        }
    }

    /// Since when the programs are attached though no process has a set.
    pub fn idle(&self) -> Option<Instant> {
        self.idle
    }

    /// Detaches the programs if they are idle.
    pub fn rest(&mut self) {
        if self.idle.take().is_some() {
            self.attached = None;
        }
    }
}

impl Drop for Exits {
    fn drop(&mut self) {
        THREADS.store(-1, Relaxed);
        SETS.store(-1, Relaxed);
    }
}

/// As the program makes it of what the kernel calls tgid and pid.
fn key(pid: Tid, tid: Tid) -> u64 {
    (pid as u64) << 32 | u64::from(tid as u32)
}

/// Watches a thread, which may run. Fails if there is no room for one more.
pub fn watch(pid: Tid, tid: Tid) -> io::Result<()> {
    if ledger::exits_for(tid) == Some(pid) {
        return Ok(());
    }
    if !ledger::carries(tid, pid) {
        return Err(io::Error::from_raw_os_error(libc::ENOSPC));
    }
    // In the ledger first: the carrier may come at once.
    bpf::put(THREADS.load(Relaxed), &key(pid, tid), &Record::default()).inspect_err(|_| ledger::carries_no_more(tid))
}

/// Watches a thread no longer: it stands, or is dead, and its record was taken. Async-signal-safe.
pub(crate) fn unwatch(tid: Tid) {
    if let Some(pid) = ledger::exits_for(tid) {
        bpf::remove(THREADS.load(Relaxed), &key(pid, tid));
        ledger::carries_no_more(tid);
    }
}

/// True if a carrier was sent to a watched thread, or is just being sent, and nobody has taken note. Async-signal-safe.
pub(crate) fn is_sent(pid: Tid, tid: Tid) -> bool {
    bpf::get::<u64, Record>(THREADS.load(Relaxed), &key(pid, tid)).is_ok_and(|r| r.nr != 0)
}

/// From now on no carrier is sent, but by whoever is about it. Async-signal-safe.
pub(crate) fn end() {
    let mut over = Bits::NONE;
    over.wide[0] = 1;
    let _ = bpf::put(SETS.load(Relaxed), &OVER, &over);
}

/// Whoever was about to send a carrier has sent it. Async-signal-safe.
pub(crate) fn await_senders() {
    const GLOBAL: i32 = 1;
    // SAFETY: a plain system call. Programs run with preemption off, and it waits until each CPU has been through with that.
    unsafe { libc::syscall(libc::SYS_membarrier, GLOBAL, 0, 0) };
}

/// The call that has ended, if that is why a watched thread stands, or is about to: told once. What is in its queue then is for
/// [`ledger::carrier`] to remember.
pub fn take(tid: Tid) -> Option<Ended> {
    let threads = THREADS.load(Relaxed);
    let key = key(ledger::exits_for(tid)?, tid);
    let record: Record = bpf::get(threads, &key).ok()?;
    let nr = record.nr.checked_sub(1)?;
    ledger::carrier(tid, true);
    let _ = bpf::put(threads, &key, &Record::default());
    Some(Ended { nr, narrow: record.narrow != 0, result: record.result })
}

/// The program, instruction by instruction.
mod program {
    use super::{Record, CALLS, OVER};
    use std::mem::offset_of;
    use std::os::fd::RawFd;

    /// struct bpf_insn: code, destination and source register, offset, immediate.
    #[derive(Clone, Copy)]
    #[repr(C)]
    pub struct Insn {
        code: u8,
        regs: u8,
        off: i16,
        imm: i32,
    }

    const R0: u8 = 0;
    const R1: u8 = 1;
    const R2: u8 = 2;
    const R3: u8 = 3;
    /// 6 to 9 live through calls.
    const REGS: u8 = 6;
    const RECORD: u8 = 7;
    const NR: u8 = 8;
    const CS: u8 = 9;
    const FRAME: u8 = 10;

    fn insn(code: u8, to: u8, from: u8, off: i16, imm: i32) -> Insn {
        Insn { code, regs: from << 4 | to, off, imm }
    }

    /// Byte offsets in the kernel's `struct pt_regs`.
    const ORIG_AX: i32 = 15 * 8;
    const CS_AT: i32 = 17 * 8;
    /// Code segment of 32-bit code.
    const NARROW_CS: i32 = crate::ptrace::NARROW_CS as i32;
    const X32: i32 = 1 << 30;

    // Helpers of the kernel by number.
    const LOOKUP: i32 = 1;
    const PID_TGID: i32 = 14;
    const PROBE_READ_KERNEL: i32 = 113;
    const SEND_SIGNAL_THREAD: i32 = 117;

    /// Where on the frame: ids, process id, result, a word read.
    const IDS: i16 = -8;
    const PID: i16 = -12;
    const RESULT: i16 = -24;
    const WORD: i16 = -32;

    /// A program under way; jumps to the end are filled in last.
    struct Text {
        insns: Vec<Insn>,
        leaves: Vec<usize>,
    }

    impl Text {
        fn op(&mut self, code: u8, to: u8, from: u8, off: i16, imm: i32) {
            self.insns.push(insn(code, to, from, off, imm));
        }
        /// to = from
        fn mov(&mut self, to: u8, from: u8) {
            self.op(0xbf, to, from, 0, 0);
        }
        fn mov_imm(&mut self, to: u8, imm: i32) {
            self.op(0xb7, to, 0, 0, imm);
        }
        fn add_imm(&mut self, to: u8, imm: i32) {
            self.op(0x07, to, 0, 0, imm);
        }
        /// to = *(u64 *)(from + off)
        fn load(&mut self, to: u8, from: u8, off: i16) {
            self.op(0x79, to, from, off, 0);
        }
        /// *(u64 *)(to + off) = from
        fn store(&mut self, to: u8, off: i16, from: u8) {
            self.op(0x7b, to, from, off, 0);
        }
        fn call(&mut self, helper: i32) {
            self.op(0x85, 0, 0, 0, helper);
        }
        /// to = address of frame + off
        fn frame(&mut self, to: u8, off: i16) {
            self.mov(to, FRAME);
            self.add_imm(to, off.into());
        }
        fn map(&mut self, to: u8, fd: RawFd) {
            const PSEUDO_MAP_FD: u8 = 1;
            self.op(0x18, to, PSEUDO_MAP_FD, 0, fd);
            self.op(0, 0, 0, 0, 0);
        }
        /// To the end if the two are not equal.
        fn leave_unless_same(&mut self, left: u8, right: u8) {
            self.leaves.push(self.insns.len());
            self.op(0x5d, left, right, 0, 0);
        }
        /// r0 = the address of whether the tracer is at its end
        fn over(&mut self, sets: RawFd) {
            self.mov_imm(R1, OVER);
            self.op(0x63, FRAME, R1, PID, 0);
            self.find(sets, PID);
        }
        /// The end, with the result 0.
        fn end(mut self) -> Vec<Insn> {
            let end = self.insns.len();
            for at in self.leaves {
                self.insns[at].off = (end - at - 1) as i16;
            }
            self.insns.push(insn(0xb7, R0, 0, 0, 0));
            self.insns.push(insn(0x95, 0, 0, 0, 0));
            self.insns
        }
        /// To the end if the comparison holds.
        fn leave_if(&mut self, code: u8, left: u8, right: i32) {
            self.leaves.push(self.insns.len());
            self.op(code, left, 0, 0, right);
        }
        /// r0 = the value of the key at `off` of the frame; to the end without one.
        fn find(&mut self, table: RawFd, off: i16) {
            self.map(R1, table);
            self.frame(R2, off);
            self.call(LOOKUP);
            self.leave_if(JEQ, R0, 0);
        }
        /// to = the word at `at` of the registers of the thread
        fn word(&mut self, to: u8, at: i32) {
            self.frame(R1, WORD);
            self.mov_imm(R2, 8);
            self.mov(R3, REGS);
            self.add_imm(R3, at);
            self.call(PROBE_READ_KERNEL);
            self.leave_if(JNE, R0, 0);
            self.load(to, FRAME, WORD);
        }
    }

    const JEQ: u8 = 0x15;
    const JGE: u8 = 0x35;
    const JNE: u8 = 0x55;
    const JLE: u8 = 0xb5;

    /// Whose own end it is at which nothing is sent any more: `tracer`.
    pub fn task_ends(sets: RawFd, tracer: u64) -> Vec<Insn> {
        let mut t = Text { insns: Vec::new(), leaves: Vec::new() };
        t.call(PID_TGID);
        t.op(0x18, R1, 0, 0, tracer as i32);
        t.op(0, 0, 0, 0, (tracer >> 32) as i32);
        t.leave_unless_same(R0, R1);
        t.over(sets);
        t.mov_imm(R1, 1);
        t.store(R0, 0, R1);
        t.end()
    }

    /// Two arguments: the registers of the thread, and the result of its call.
    pub fn call_ends(threads: RawFd, sets: RawFd) -> Vec<Insn> {
        let mut t = Text { insns: Vec::new(), leaves: Vec::new() };
        let (nr, result) = (offset_of!(Record, nr) as i16, offset_of!(Record, result) as i16);
        let (narrow, quiet) = (offset_of!(Record, narrow) as i16, offset_of!(Record, quiet) as i16);
        t.load(REGS, R1, 0);
        t.load(R2, R1, 8);
        t.store(FRAME, RESULT, R2);
        t.call(PID_TGID);
        t.store(FRAME, IDS, R0);
        t.find(threads, IDS);
        t.mov(RECORD, R0);
        // A call that the kernel will make again (-516 to -512) has not ended.
        t.load(R1, FRAME, RESULT);
        t.add_imm(R1, 516);
        t.leave_if(JLE, R1, 4);
        t.word(NR, ORIG_AX);
        t.word(CS, CS_AT);
        // No call (-1) is beyond the end too.
        t.mov(R2, NR);
        t.op(0x57, R2, 0, 0, !X32);
        t.leave_if(JGE, R2, CALLS as i32);
        t.mov(NR, R2);
        t.load(R1, FRAME, IDS);
        t.op(0x77, R1, 0, 0, 32);
        t.op(0x63, FRAME, R1, PID, 0);
        t.find(sets, PID);
        // r1: offset of the word of the set, the one of 32-bit code behind the other.
        t.mov(R1, NR);
        t.op(0x77, R1, 0, 0, 6);
        t.op(0x67, R1, 0, 0, 3);
        t.mov_imm(R3, 0);
        t.op(JNE, CS, 0, 2, NARROW_CS);
        t.mov_imm(R3, 1);
        t.add_imm(R1, (CALLS / 8) as i32);
        t.op(0x0f, R0, R1, 0, 0);
        t.load(R2, R0, 0);
        t.mov(R1, NR);
        t.op(0x57, R1, 0, 0, 63);
        t.op(0x7f, R2, R1, 0, 0);
        t.op(0x57, R2, 0, 0, 1);
        t.leave_if(JEQ, R2, 0);
        t.store(RECORD, narrow, R3);
        t.load(R1, FRAME, RESULT);
        t.store(RECORD, result, R1);
        t.add_imm(NR, 1);
        t.store(RECORD, nr, NR);
        t.load(R1, RECORD, quiet);
        t.leave_if(JNE, R1, 0);
        t.over(sets);
        t.load(R1, R0, 0);
        t.leave_if(JNE, R1, 0);
        t.mov_imm(R1, libc::SIGSTOP);
        t.call(SEND_SIGNAL_THREAD);
        t.leave_if(JEQ, R0, 0);
        // It was not sent: nothing has happened.
        t.mov_imm(R1, 0);
        t.store(RECORD, nr, R1);
        t.end()
    }
}

/// bpf(2), as much of it as is needed.
mod bpf {
    use super::*;
    use std::ffi::CStr;

    const MAP_CREATE: i64 = 0;
    const MAP_LOOKUP: i64 = 1;
    const MAP_UPDATE: i64 = 2;
    const MAP_DELETE: i64 = 3;
    const PROG_LOAD: i64 = 5;
    const RAW_TRACEPOINT_OPEN: i64 = 17;

    /// The kernel lets only programs under its own licence, or one that goes with it, read its memory. Ours are under the MIT
    /// licence as all that is here, and these few instructions may be used under the GPL as well.
    const LICENSE: &CStr = c"Dual MIT/GPL";

    /// union bpf_attr as words; what follows is zero.
    type Attr = [u64; 16];

    /// `attr` holds plain numbers, and pointers to memory of the size that the command reads or writes.
    fn call(command: i64, attr: &Attr) -> io::Result<i32> {
        // SAFETY: see above; the callers are the functions below.
        match unsafe { libc::syscall(libc::SYS_bpf, command, attr.as_ptr(), size_of::<Attr>()) } {
            -1 => Err(io::Error::last_os_error()),
            result => Ok(result as i32),
        }
    }

    fn two(low: u32, high: u32) -> u64 {
        u64::from(high) << 32 | u64::from(low)
    }

    fn open(command: i64, attr: &Attr) -> io::Result<OwnedFd> {
        let fd = call(command, attr)?;
        // SAFETY: a new descriptor that nobody else has; the kernel sets close-on-exec.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    /// A hash table that takes memory only for what is in it.
    pub fn table(key: u32, value: u32, most: u32) -> io::Result<OwnedFd> {
        const HASH: u32 = 1;
        const NO_PREALLOC: u32 = 1;
        let mut attr = [0; 16];
        (attr[0], attr[1], attr[2]) = (two(HASH, key), two(value, most), two(NO_PREALLOC, 0));
        open(MAP_CREATE, &attr)
    }

    pub fn load(name: &CStr, text: &[program::Insn]) -> io::Result<OwnedFd> {
        const RAW_TRACEPOINT: u32 = 17;
        let mut attr = [0; 16];
        attr[0] = two(RAW_TRACEPOINT, text.len() as u32);
        attr[1] = text.as_ptr() as u64;
        attr[2] = LICENSE.as_ptr() as u64;
        // The name, in bytes 48 to 63.
        for (i, byte) in name.to_bytes().iter().take(15).enumerate() {
            attr[6 + i / 8] |= u64::from(*byte) << (i % 8 * 8);
        }
        open(PROG_LOAD, &attr)
    }

    pub fn attach(name: &CStr, program: &OwnedFd) -> io::Result<OwnedFd> {
        let mut attr = [0; 16];
        (attr[0], attr[1]) = (name.as_ptr() as u64, program.as_raw_fd() as u64);
        open(RAW_TRACEPOINT_OPEN, &attr)
    }

    fn element<K, V>(table: RawFd, key: *const K, value: *const V) -> Attr {
        let mut attr = [0; 16];
        (attr[0], attr[1], attr[2]) = (table as u32 as u64, key as u64, value as u64);
        attr
    }

    /// `K` and `V` are what the table was made for.
    pub fn put<K, V>(table: RawFd, key: &K, value: &V) -> io::Result<()> {
        call(MAP_UPDATE, &element(table, key, value)).map(drop)
    }

    pub fn get<K, V: Default>(table: RawFd, key: &K) -> io::Result<V> {
        let mut value = V::default();
        call(MAP_LOOKUP, &element(table, key, &raw mut value))?;
        Ok(value)
    }

    /// Async-signal-safe.
    pub fn remove<K>(table: RawFd, key: &K) {
        let _ = call(MAP_DELETE, &element::<K, ()>(table, key, std::ptr::null()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_loads_where_it_may() {
        match Exits::new() {
            Ok(exits) => assert!(exits.processes.is_empty() && exits.idle().is_some()),
            Err(e) => assert!(matches!(e.raw_os_error(), Some(libc::EPERM | libc::ENOTSUP | libc::ENOSYS)), "{e}"),
        }
    }
}
