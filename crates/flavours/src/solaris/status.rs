//! `status`, `lstatus` and `lwpstatus`: how a process and its lwps stand.
//!
//! Not known on Linux, and 0: `pr_altstack`, `pr_oldcontext`, `pr_ustack`; `pr_taskid`, `pr_projid` and
//! `pr_zoneid`, of which there is one each. `pr_action` is asked for in the process ([`actions`]); if it cannot be asked, it tells
//! only whether the signal is ignored. `pr_what` of a job control stop is 0 when the process is not attached and its parent has been
//! told. Numbers of system calls are those of the process's own table, plus 1.

use super::about::{About, StatText};
use super::actions;
use super::auxv;
use super::nodes::Content;
use super::psinfo::class;
use super::stops::{view, view_inside};
use crate::target::Target;
use abi::solaris::numbers::*;
use abi::solaris::record::{chars, Timestruc};
use abi::solaris::records::{array, LwpStatus, PStatus, SigAction};
use abi::solaris::regs::{FpRegisters, Registers};
use abi::solaris::set::{Members, SigSet};
use abi::solaris::siginfo::Siginfo;
use abi::solaris::Model;
use abi::syscall::Abi;
use engine::event::{Call, What};
use engine::lwp::{Inside, LwpView, SeatView, Shown, View};
use engine::process::lwps::{makes_process, Stand};
use engine::registers::array_of;
use kernel::{machine, procfs};
use std::ffi::CString;
use tree::{Errno, Result};

/// `status`.
pub const STATUS: Content = |about| {
    about.fits()?;
    let view = view_inside(about.target, Shown::Speaker);
    Ok(process(about, &view)?.bytes(about.model()))
};

/// `lstatus`.
pub const LSTATUS: Content = |about| {
    about.fits()?;
    let view = view_inside(about.target, Shown::All);
    let flags = process_flags(about, view.seat.as_ref());
    let mut all = Vec::new();
    for tid in live(about)? {
        let one = lwp_of(about.target, tid);
        match lwp(&about.at(&one), &view, flags) {
            Ok(lwp) => all.push(lwp),
            // It has ended meanwhile.
            Err(Errno(libc::ENOENT)) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(array(about.model(), &all))
};

/// `lwpstatus`.
pub const LWPSTATUS: Content = |about| {
    about.fits()?;
    let tid = about.target.tid.ok_or(Errno(libc::ENOENT))?;
    let view = view_inside(about.target, Shown::One(tid as i32));
    Ok(lwp(about, &view, process_flags(about, view.seat.as_ref()))?.bytes(about.model()))
};

/// `st_size` of `lstatus`.
pub fn lstatus_size(about: &About) -> Result<u64> {
    let stride = about.model().stride(LwpStatus::size(about.model())) as u64;
    Ok(2 * about.model().long() as u64 + live(about)?.len() as u64 * stride)
}

/// Lwps that have not ended, in rising order.
fn live(about: &About) -> Result<Vec<u32>> {
    let mut tids = about.target.proc.tasks().map_err(super::about::gone)?;
    tids.sort_unstable();
    if tids.len() > 1 && about.leader_is_dead()? {
        // Only the first one stays when it ends before the others.
        tids.retain(|tid| *tid != about.target.proc.pid());
    }
    Ok(tids)
}

/// One lwp of the process.
pub fn lwp_of(target: &Target, tid: u32) -> Target {
    Target { tid: Some(tid), ..target.clone() }
}

fn process(about: &About, view: &View) -> Result<PStatus> {
    let status = about.status()?;
    let text = about.stat()?;
    let stat = text.stat()?;
    let number = |n: usize| stat.number(n).unwrap_or(0);
    let id = |n: usize| stat.field(n).and_then(|f| std::str::from_utf8(f).ok()?.parse().ok()).unwrap_or(0);
    let flags = process_flags(about, view.seat.as_ref());
    let mut all = live(about)?;
    let pr_lwp = loop {
        let speaker = own(about, &all).map_or_else(|| among(about, view, &all), Ok)?;
        let one = lwp_of(about.target, speaker);
        match lwp(&about.at(&one), view, flags) {
            // It has just ended: another speaks.
            Err(Errno(libc::ENOENT)) if all.len() > 1 => all.retain(|tid| *tid != speaker),
            found => break found?,
        }
    };
    let maps = about.read(b"maps").unwrap_or_default();
    let (heap, stack) = (mapping(&maps, b"[heap]"), mapping(&maps, b"[stack]"));
    // Where it begins is known also while there is none.
    let brkbase =
        about.within(|at| at.stat().ok().map(|text| text.private(47))).filter(|at| *at != 0).unwrap_or(heap.0);
    let asked = view.seat.clone().unwrap_or_default();
    Ok(PStatus {
        pr_flags: pr_lwp.pr_flags,
        pr_nlwp: all.len() as i32,
        pr_pid: about.target.proc.pid() as i32,
        pr_ppid: id(4),
        pr_pgid: id(5),
        pr_sid: id(6),
        pr_sigpend: SigSet::of_bits(status.mask("ShdPnd")),
        pr_brkbase: brkbase,
        pr_brksize: heap.0.saturating_add(heap.1).saturating_sub(brkbase),
        pr_stkbase: stack.0,
        pr_stksize: stack.1,
        pr_utime: ticks(number(14)),
        pr_stime: ticks(number(15)),
        pr_cutime: ticks(number(16)),
        pr_cstime: ticks(number(17)),
        pr_sigtrace: Members::from_iter(asked.signals.iter()),
        pr_flttrace: Members::from_iter(asked.faults.iter()),
        pr_sysentry: Members::from_iter(asked.entries.iter().map(|n| n + 1)),
        pr_sysexit: Members::from_iter(asked.exits.iter().map(|n| n + 1)),
        pr_agentid: view.agent.as_ref().map_or(0, |(tid, _)| *tid),
        pr_dmodel: about.target_model().or(about.is_system().then_some(Model::Lp64)).map_or(0, Model::number),
        pr_nzomb: i32::from(status.number("Threads") > all.len() as u64),
        pr_lwp,
        ..PStatus::default()
    })
}

/// The lwp that speaks for the process. To be asked in the tracer thread only by a thread of the process.
pub fn speaker(about: &About) -> Result<u32> {
    let all = live(about)?;
    own(about, &all).map_or_else(|| among(about, &view(about.target, Shown::Speaker), &all), Ok)
}

/// Who asks runs, so he speaks for his own process.
fn own(about: &About, all: &[u32]) -> Option<u32> {
    Some(about.caller.tid).filter(|tid| all.contains(tid))
}

/// It among these: what runs before what sleeps before what stands. Of those that stand, the engine knows.
fn among(about: &About, view: &View, all: &[u32]) -> Result<u32> {
    let known = view.speaker.map(|tid| tid as u32).filter(|tid| all.contains(tid));
    let stands = view.lwps.iter().any(|l| Some(l.tid) == view.speaker && l.stand != Stand::Runs);
    let first = all.first().copied().ok_or(Errno(libc::ENOENT))?;
    if stands || all.len() == 1 {
        return Ok(known.unwrap_or(first));
    }
    // Where thousands of lwps sleep, one of the first may speak for all.
    const LOOK: usize = 64;
    let state = |tid: &u32| {
        let one = lwp_of(about.target, *tid);
        let at = about.at(&one);
        at.outline().and_then(StatText::stat).map_or(9, |s| match s.state {
            b'R' => 1,
            b'D' => 2,
            b'S' | b'I' => 3,
            _ => 8,
        })
    };
    let mut best = (9, first);
    for tid in all.iter().take(LOOK) {
        best = best.min((state(tid), *tid));
        if best.0 <= 1 {
            break;
        }
    }
    Ok(best.1)
}

/// Start and size of the mapping of this name.
fn mapping(maps: &[u8], name: &[u8]) -> (u64, u64) {
    let line = maps.split(|b| *b == b'\n').find(|l| l.ends_with(name));
    let range = line.and_then(|l| std::str::from_utf8(l).ok()?.split_whitespace().next()?.split_once('-'));
    let hex = |t: &str| u64::from_str_radix(t, 16).unwrap_or(0);
    range.map_or((0, 0), |(from, to)| (hex(from), hex(to).saturating_sub(hex(from))))
}

fn ticks(n: u64) -> Timestruc {
    Timestruc::of_nanos(machine::ticks(n))
}

/// The lwp that `about` is about. `flags`: those of the process.
fn lwp(about: &About, view: &View, flags: i32) -> Result<LwpStatus> {
    let stat = about.outline()?.stat()?;
    let number = |n: usize| stat.number(n).unwrap_or(0);
    let tid = about.target.tid.unwrap_or(about.target.proc.pid());
    let known = view.lwps.iter().find(|l| l.tid == tid as i32);
    let mut out = LwpStatus {
        pr_flags: PR_PCINVAL | flags,
        pr_lwpid: tid as i32,
        pr_clname: chars(class(number(41), number(9))),
        pr_utime: ticks(number(14)),
        pr_stime: ticks(number(15)),
        pr_errpriv: PRIV_NONE,
        ..LwpStatus::default()
    };
    if view.agent.as_ref().is_some_and(|(agent, _)| *agent == tid as i32) {
        out.pr_flags |= PR_AGENT;
    }
    match known {
        Some(lwp) => stands(about, lwp, &mut out),
        // Not ours: by job control, or for another tracer.
        None if stat.state == b'T' => {
            (out.pr_flags, out.pr_why) = (out.pr_flags | PR_STOPPED, PR_JOBCONTROL);
            out.pr_what = job_signal(about);
        }
        None if stat.state == b't' => (out.pr_flags, out.pr_why) = (out.pr_flags | PR_STOPPED, PR_SUSPENDED),
        None => {}
    }
    match known.and_then(|lwp| lwp.inside.as_ref()) {
        // Of the signals below the real-time ones `stat` knows all, also those that there was no room to queue.
        Some(inside) => {
            let known = stat.pending().unwrap_or(0) & !inside.pending.ours;
            out.pr_lwppend = SigSet::of_bits(inside.pending.signals | known);
            out.pr_lwphold = SigSet::of_bits(inside.mask);
        }
        None => {
            let status = about.status()?;
            out.pr_lwppend = SigSet::of_bits(status.mask("SigPnd"));
            out.pr_lwphold = SigSet::of_bits(status.mask("SigBlk"));
        }
    }
    if out.pr_flags & PR_STOPPED == 0 {
        match stat.state {
            // Who reads about himself runs, and a thread of the kernel is in no call.
            b'S' if tid != about.caller.tid && !about.is_system() => asleep(about, &mut out),
            b'D' if in_vfork(about) => out.pr_flags |= PR_VFORKP,
            _ => {}
        }
    }
    if known.and_then(|lwp| lwp.vfork).is_some_and(borrows) {
        out.pr_flags |= PR_VFORKP;
    }
    if out.pr_cursig != 0 {
        let asked = actions::ask(about.target, [i32::from(out.pr_cursig)]).and_then(|all| all.first().cloned());
        out.pr_action = match asked {
            Some(action) => action,
            None => {
                let ignored = about.status()?.mask("SigIgn") >> (out.pr_cursig - 1) & 1 == 1;
                SigAction { sa_handler: if ignored { SIG_IGN } else { 0 }, ..SigAction::default() }
            }
        };
    }
    if about.model() == Model::Ilp32 {
        out.pr_flags &= !PR_LP64_FLAGS;
    }
    Ok(out)
}

/// The signal that stopped a process which is not attached. The kernel shows it as its exit status until the parent has been told,
/// and not at the lwps; 0 if nobody knows.
fn job_signal(about: &About) -> i16 {
    let process = Target { tid: None, ..about.target.clone() };
    let signal = about.at(&process).stat().map_or(0, |text| text.private(52));
    Some(signal).filter(|s| *s <= 64).map_or(0, |s| s as i16)
}

/// SIG_IGN of `sa_handler`.
const SIG_IGN: u64 = 1;

/// True of a process that was made to send its parent no SIGCHLD at its end.
fn is_silent(about: &About) -> bool {
    let process = Target { tid: None, ..about.target.clone() };
    let first = about.target.tid.is_none_or(|tid| tid == about.target.proc.pid());
    let signal = |about: &About| about.outline().ok()?.stat().ok()?.number(38);
    let signal = if first { signal(about) } else { signal(&about.at(&process)) };
    signal.is_some_and(|n| n != libc::SIGCHLD as u64)
}

fn process_flags(about: &About, seat: Option<&SeatView>) -> i32 {
    let modes = seat.map(|s| s.modes).unwrap_or_default();
    [
        (about.is_system(), PR_ISSYS),
        (is_silent(about), PR_NOSIGCHLD),
        (modes.fork, PR_FORK),
        (modes.run_on_close, PR_RLC),
        (modes.kill_on_close, PR_KLC),
        (modes.asynchronous, PR_ASYNC),
        (modes.adjust, PR_BPTADJ),
        (modes.ptrace, PR_PTRACE),
        // Remembered is what was switched off.
        (!modes.accounting.0, PR_MSACCT),
        (!modes.accounting.1, PR_MSFORK),
    ]
    .into_iter()
    .fold(0, |flags, (on, bit)| if on { flags | bit } else { flags })
}

/// The call that a sleeping lwp is in, as the kernel shows it to who may control the process.
pub fn call_of(about: &About) -> Option<Call> {
    let call = procfs::InCall::parse(&about.read(b"syscall").ok()?)?;
    let abi = if about.target_model() == Some(Model::Ilp32) { Abi::I386 } else { Abi::X86_64 };
    let tid = about.target.tid.unwrap_or(about.target.proc.pid());
    let way = about.target.shared.engine.target(about.target.proc.clone());
    Some(Call { nr: way.number_of(tid, abi, &call), args: call.args, abi })
}

fn asleep(about: &About, out: &mut LwpStatus) {
    if let Some(c) = call_of(about) {
        out.pr_flags |= PR_ASLEEP;
        call(out, c.nr, &c.args);
    }
}

/// True of an lwp that waits, and not for a signal, in a call that makes a process: for its child to be done with its memory.
fn in_vfork(about: &About) -> bool {
    call_of(about).as_ref().is_some_and(makes_process)
}

/// True of a child of vfork(2) that has made no exec and has not ended.
fn borrows(child: i32) -> bool {
    const PF_FORKNOEXEC: u64 = 0x40;
    let stat = CString::new(format!("{child}/stat")).ok().and_then(|path| procfs::read_at(procfs::root(), &path).ok());
    let stat = stat.as_deref().and_then(procfs::Stat::parse);
    stat.is_some_and(|s| !matches!(s.state, b'Z' | b'X') && s.number(9).is_some_and(|flags| flags & PF_FORKNOEXEC != 0))
}

/// Which argument of an exec is the path; `None` of another call.
fn exec_path(call: &Call) -> Option<usize> {
    match (call.abi, call.nr) {
        (Abi::X86_64, 59) | (Abi::I386, 11) => Some(0),
        (Abi::X86_64, 322) | (Abi::I386, 358) => Some(1),
        _ => None,
    }
}

/// Path, arguments and environment of an exec that has succeeded: those of the new program, which has them on its stack, that
/// begins here. The addresses of the old one mean nothing any more.
fn exec(about: &About, stack: u64, args: &mut [i64]) {
    let word = about.target_model().unwrap_or(Model::Lp64).long() as u64;
    let count = about.bytes_at(stack, 4).and_then(|b| Some(u32::from_le_bytes(b.try_into().ok()?))).unwrap_or(0);
    let argv = stack.wrapping_add(word);
    let envp = argv.wrapping_add(word.wrapping_mul(u64::from(count) + 1));
    let path = auxv::value(about, AT_SUN_EXECNAME).unwrap_or(0);
    for (to, from) in args.iter_mut().zip([path, argv, envp]) {
        *to = from as i64;
    }
}

fn call(out: &mut LwpStatus, nr: u64, args: &[u64; 6]) {
    out.pr_syscall = syscall_out(nr) as i16;
    out.pr_nsysarg = 6;
    for (to, from) in out.pr_sysarg.iter_mut().zip(args) {
        *to = *from as i64;
    }
}

/// What the engine knows of an lwp.
fn stands(about: &About, lwp: &LwpView, out: &mut LwpStatus) {
    let (flags, why, what) = match &lwp.stand {
        Stand::Runs => (if lwp.directed { PR_DSTOP } else { 0 }, 0, 0),
        Stand::Job(signal) => (PR_STOPPED | if lwp.directed { PR_DSTOP } else { 0 }, PR_JOBCONTROL, *signal as i16),
        Stand::Suspended => (PR_STOPPED, PR_SUSPENDED, 0),
        Stand::Requested => (PR_STOPPED | PR_ISTOP, PR_REQUESTED, 0),
        Stand::Event(what) => {
            let (why, detail) = event(what);
            (PR_STOPPED | PR_ISTOP, why, detail)
        }
    };
    out.pr_flags |= flags | if lwp.stepping { PR_STEP } else { 0 };
    (out.pr_why, out.pr_what) = (why, what);
    if flags & PR_STOPPED == 0 {
        return;
    }
    out.pr_cursig = lwp.signal as i16;
    out.pr_tstamp = Timestruc::of_nanos(lwp.since);
    if let Some(inside) = &lwp.inside {
        within(about, lwp, inside, out);
    }
}

fn event(what: &What) -> (i16, i16) {
    let number = |c: &Call| syscall_out(c.nr) as i16;
    match what {
        What::Signal(info) => (PR_SIGNALLED, info.signo as i16),
        What::Fault(fault, _) => (PR_FAULTED, i16::from(*fault)),
        What::Entry(call) => (PR_SYSENTRY, number(call)),
        What::Exit(call, _) => (PR_SYSEXIT, call.as_ref().map_or(0, number)),
        _ => (PR_REQUESTED, 0),
    }
}

/// What an lwp shows that stands.
fn within(about: &About, lwp: &LwpView, inside: &Inside, out: &mut LwpStatus) {
    let regs = &inside.regs;
    out.pr_reg = Registers::of_linux(&array_of(regs));
    out.pr_fpreg = FpRegisters::of_fxsave(&inside.fpregs).unwrap_or_default();
    if let Some(info) = &inside.siginfo {
        out.pr_info = Siginfo::of_linux(&info[..], regs.rip).unwrap_or_default();
    }
    if let Some(byte) = about.bytes_at(regs.rip, 1).and_then(|b| b.first().copied()) {
        out.pr_instr = u64::from(byte);
        out.pr_flags &= !PR_PCINVAL;
    }
    match &lwp.stand {
        Stand::Event(What::Entry(c)) => call(out, c.nr, &c.args),
        Stand::Event(What::Exit(made, result)) => {
            if let Some(c) = made {
                call(out, c.nr, &c.args);
            }
            if let Some(path) = made.as_ref().and_then(exec_path).filter(|_| *result == 0) {
                exec(about, regs.rsp, &mut out.pr_sysarg[path..path + 3]);
            }
            match *result {
                // The child, of whom Linux says no more than that.
                0 if made.as_ref().is_some_and(makes_process) && Some(about.target.proc.pid()) == about.target.tid => {
                    let parent = about.outline().ok().and_then(|s| s.stat().ok()?.number(4));
                    (out.pr_rval1, out.pr_rval2) = (parent.unwrap_or(0) as i64, 1);
                }
                -4095..=-1 => out.pr_errno = -*result as i32,
                value => out.pr_rval1 = value,
            }
        }
        _ => {
            if let Some(c) = Call::slept_in(regs) {
                out.pr_flags |= PR_ASLEEP;
                call(out, c.nr, &c.args);
            }
        }
    }
}
