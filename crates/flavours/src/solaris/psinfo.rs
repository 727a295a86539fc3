//! `psinfo`, `lpsinfo`, `lwpsinfo`: what ps(1) shows (proc(4), `psinfo_t`, `lwpsinfo_t`).
//!
//! Two files of the kernel's make a `psinfo`: `stat` and `cmdline`; a third tells the data model, a fourth the call that a sleeping
//! lwp is in; of several lwps each tells whether it runs, until one does. The ids come from the process's pidfd.
//!
//! * Addresses and the exit status are 0 for whoever the kernel does not tell them: `pr_argv`, `pr_envp`, `pr_wstat`.
//! * `pr_fname` is the name of the first thread, which a program can change. `pr_psargs` and `pr_argc` are the arguments as they
//!   now are; `pr_argv` and `pr_envp` are 0 if they have been written over.
//! * `pr_pctcpu` is the share of all processors since the start, not of late: the kernel keeps no decaying mean of it.
//! * `pr_state` is `SRUN` on a processor as well as for one: the kernel does not tell which. Who reads about himself is on one.
//! * `pr_pri` is 0 to 39 for ordinary classes (39 at nice -20), 100 and more in real time, which has no `pr_nice` and no
//!   `pr_oldpri`; `pr_clname` is `TS`, `RT`, or `SYS` for threads of the kernel.
//! * `pr_flag` says that microstates are accounted, also of a process that was told not to.
//! * Always 0: `pr_addr`, `pr_wchan`, `pr_stype` (what is slept on is not told), `pr_taskid`, `pr_projid`, `pr_zoneid`,
//!   `pr_poolid`, `pr_lgrp`. `pr_contract` and `pr_bindpset` are -1.

use super::about::{gone, About};
use super::status::call_of;
use super::status::{lwp_of, speaker};
use crate::target::Target;
use abi::solaris::numbers::{
    state_letter, syscall_out, NZERO, PCT_ONE, PRNODEV, SMSACCT, SONPROC, SRUN, SSLEEP, SSTOP, SSYS, SZOMB,
};
use abi::solaris::record::{chars, makedev, Timestruc};
use abi::solaris::records::{array, LwpsInfo, PsInfo};
use abi::solaris::Model;
use abi::syscall::{is_restart, Abi};
use kernel::procfs::{InCall, Stat};
use kernel::{machine, tty};
use tree::Result;

/// The flag of a thread of the kernel in field 9 of `stat`.
const PF_KTHREAD: u64 = 0x0020_0000;
/// `pr_oldpri` counts down from here: the highest `pr_pri` of a class that has a nice value, as Solaris has it.
const HIGHEST: i32 = 99;

/// `psinfo`.
pub fn psinfo(about: &About) -> Result<Vec<u8>> {
    let model = about.model();
    let (ids, bound) = (about.ids()?, bound(about));
    let text = about.stat()?;
    let stat = text.stat()?;
    let number = |n| stat.number(n).unwrap_or(0);
    let zombie = about.zombie()?;
    let threads = number(20) as i32;
    let dead_leader = i32::from(!zombie && stat.state == b'Z');
    let mut info = PsInfo {
        // It cannot be switched off.
        pr_flag: SMSACCT,
        pr_nlwp: threads - dead_leader,
        pr_nzomb: dead_leader,
        pr_pid: about.target.proc.pid() as i32,
        pr_ppid: stat.ppid().unwrap_or(0) as i32,
        pr_pgid: number(5) as i32,
        pr_sid: number(6) as i32,
        pr_uid: ids.ruid,
        pr_euid: ids.euid,
        pr_gid: ids.rgid,
        pr_egid: ids.egid,
        pr_ttydev: PRNODEV,
        pr_time: cpu_time(&stat),
        pr_ctime: Timestruc::of_nanos(machine::ticks(number(16).saturating_add(number(17)))),
        pr_contract: -1,
        ..PsInfo::default()
    };
    if zombie {
        info.pr_nlwp = 0;
        info.pr_wstat = text.private(52) as i32;
        info.pr_lwp = LwpsInfo {
            pr_state: SZOMB,
            pr_sname: state_letter(SZOMB),
            pr_bindpro: -1,
            pr_bindpset: -1,
            ..LwpsInfo::default()
        };
        return Ok(info.bytes(model));
    }
    let system = number(9) & PF_KTHREAD != 0;
    let own = about.target_model();
    info.pr_flag |= if system { SSYS } else { 0 };
    info.pr_dmodel = own.or(system.then_some(Model::Lp64)).map_or(0, Model::number);
    let memory = |at: &About| -> Result<[u64; 3]> {
        let (text, outline) = (at.stat()?, at.outline()?.stat()?);
        let number = |n| outline.number(n).unwrap_or(0);
        Ok([number(23), number(24), text.private(28)])
    };
    let [size, pages, stack] = about.within(memory)?;
    info.pr_size = size / 1024;
    info.pr_rssize = pages.saturating_mul(machine::page()) / 1024;
    info.pr_pctmem = share(pages, machine::pages());
    info.pr_pctcpu = share_of_time(&stat);
    info.pr_ttydev = tty(number(7) as u32);
    info.pr_start = start(&stat);
    info.pr_fname = chars(stat.comm);
    if system {
        info.pr_psargs = chars(stat.comm);
    } else {
        arguments(&mut info, &about.plain(b"cmdline")?, stack, own);
    }
    if model == Model::Ilp32 && own == Some(Model::Lp64) {
        (info.pr_size, info.pr_rssize, info.pr_argv, info.pr_envp) = (0, 0, 0, 0);
    }
    info.pr_lwp = representative(about, &stat, bound, threads)?;
    Ok(info.bytes(model))
}

/// Bytes of a `psinfo`.
pub fn psinfo_size(about: &About) -> Result<u64> {
    Ok(PsInfo::size(about.model()) as u64)
}

/// `lwpsinfo`.
pub fn lwpsinfo(about: &About) -> Result<Vec<u8>> {
    Ok(of_lwp(about)?.bytes(about.model()))
}

/// Bytes of an `lwpsinfo`.
pub fn lwpsinfo_size(about: &About) -> Result<u64> {
    Ok(LwpsInfo::size(about.model()) as u64)
}

/// `lpsinfo`: zombie lwps too.
pub fn lpsinfo(about: &About) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for tid in lwps(about)? {
        let target = Target { tid: Some(tid), ..about.target.clone() };
        // One that has ended meanwhile is left out.
        if let Ok(info) = of_lwp(&About::new(&target, about.caller)) {
            all.push(info);
        }
    }
    Ok(array(about.model(), &all))
}

/// Bytes of an `lpsinfo`.
pub fn lpsinfo_size(about: &About) -> Result<u64> {
    Ok(array_size(about.model(), LwpsInfo::size(about.model()), about.status()?.number("Threads")))
}

/// Bytes of an array file of `n` entries of so many bytes.
pub fn array_size(model: Model, entry: usize, n: u64) -> u64 {
    2 * model.long() as u64 + n.saturating_mul(model.stride(entry) as u64)
}

/// Numbers of the lwps of a process, zombies too, ascending.
pub fn lwps(about: &About) -> Result<Vec<u32>> {
    let mut tids = about.target.proc.tasks().map_err(gone)?;
    tids.sort_unstable();
    Ok(tids)
}

fn of_lwp(about: &About) -> Result<LwpsInfo> {
    let bound = bound(about);
    Ok(lwp(about, &about.stat()?.stat()?, bound))
}

/// The lwp that speaks for the process, which has so many.
fn representative(about: &About, stat: &Stat, bound: i32, threads: i32) -> Result<LwpsInfo> {
    if threads <= 1 {
        return Ok(lwp(about, stat, bound));
    }
    let one = |tid| of_lwp(&About::new(&lwp_of(about.target, tid), about.caller));
    // It may have ended meanwhile.
    one(speaker(about)?).or_else(|_| one(about.target.proc.pid()))
}

/// One lwp.
fn lwp(about: &About, stat: &Stat, bound: i32) -> LwpsInfo {
    let number = |n| stat.number(n).unwrap_or(0);
    let state = match stat.state {
        // In the call that reads this.
        b'S' if stat.pid == about.caller.tid => SONPROC,
        b'R' => SRUN,
        b'T' | b't' => SSTOP,
        b'Z' | b'X' => SZOMB,
        _ => SSLEEP,
    };
    let class = class(number(41), number(9));
    let nice = signed(stat, 19);
    // Who has no nice value has no old priority.
    let (pri, nice, oldpri) = if class == REAL_TIME {
        (100 + number(40).min(99) as i32, 0, 0)
    } else {
        let pri = (39 - signed(stat, 18)).clamp(0, 39);
        (pri, (nice + NZERO).clamp(0, 39), HIGHEST - pri)
    };
    let share = share_of_time(stat);
    LwpsInfo {
        pr_lwpid: stat.pid as i32,
        pr_state: state,
        pr_sname: state_letter(state),
        pr_nice: nice as u8,
        pr_syscall: if matches!(state, SRUN | SZOMB) { 0 } else { system_call(about) },
        pr_oldpri: oldpri as u8,
        pr_cpu: ((u32::from(share) * 100 + 0x6000) >> 15).min(99) as u8,
        pr_pri: pri,
        pr_pctcpu: share,
        pr_start: Timestruc { nsec: 0, ..start(stat) },
        pr_time: cpu_time(stat),
        pr_clname: chars(class),
        pr_name: if number(9) & PF_KTHREAD != 0 { chars(stat.comm) } else { [0; 16] },
        pr_onpro: number(39) as i32,
        pr_bindpro: bound,
        pr_bindpset: -1,
        ..LwpsInfo::default()
    }
}

/// The scheduling class that has no nice value.
pub const REAL_TIME: &[u8] = b"RT";

/// Scheduling class of a policy of sched(7).
pub fn class(policy: u64, flags: u64) -> &'static [u8] {
    match policy {
        1 | 2 | 6 => REAL_TIME,
        _ if flags & PF_KTHREAD != 0 => b"SYS",
        _ => b"TS",
    }
}

/// Number of the call that an lwp is in which does not run; 0 if the caller may not know. What the kernel says of its own threads
/// means nothing.
fn system_call(about: &About) -> i16 {
    if about.is_system() {
        return 0;
    }
    // By its own number, also for the one lwp of a process.
    let call = InCall::parse(&about.read(b"syscall").unwrap_or_default());
    let restart = |nr| [Abi::X86_64, Abi::I386].into_iter().any(|abi| is_restart(abi, nr));
    let call = call.map(|c| c.nr).and_then(|nr| if restart(nr) { Some(call_of(about)?.nr) } else { Some(nr) });
    call.and_then(|nr| i16::try_from(syscall_out(nr)).ok()).unwrap_or(0)
}

/// The processor an lwp is bound to: the only one it may use, if there are others. -1: none. Asked by number, so before anything
/// that fails if the number has been given away.
fn bound(about: &About) -> i32 {
    let tid = about.target.tid.unwrap_or(about.target.proc.pid());
    let one = kernel::thread::only_cpu(tid as i32).filter(|_| machine::processors() > 1);
    one.and_then(|cpu| i32::try_from(cpu).ok()).unwrap_or(-1)
}

fn signed(stat: &Stat, n: usize) -> i32 {
    stat.field(n).and_then(|f| std::str::from_utf8(f).ok()).and_then(|f| f.parse().ok()).unwrap_or(0)
}

fn cpu_time(stat: &Stat) -> Timestruc {
    let ticks = stat.number(14).unwrap_or(0).saturating_add(stat.number(15).unwrap_or(0));
    Timestruc::of_nanos(machine::ticks(ticks))
}

fn start(stat: &Stat) -> Timestruc {
    let (sec, nsec) = machine::wall(machine::ticks(stat.start().unwrap_or(0)));
    Timestruc { sec, nsec: nsec.into() }
}

/// `part` of `whole` as a fraction of 16 bits.
fn share(part: u64, whole: u64) -> u16 {
    let one = u128::from(PCT_ONE);
    (u128::from(part) * one / u128::from(whole.max(1))).min(one) as u16
}

fn share_of_time(stat: &Stat) -> u16 {
    let used = machine::ticks(stat.number(14).unwrap_or(0).saturating_add(stat.number(15).unwrap_or(0)));
    let lived = machine::since_boot().saturating_sub(machine::ticks(stat.start().unwrap_or(0)));
    share(used, lived.saturating_mul(machine::processors()))
}

/// Device of the controlling terminal, from the coding of field 7 of `stat`.
fn tty(nr: u32) -> u64 {
    tty::device(nr).map_or(PRNODEV, |(major, minor)| makedev(major, minor))
}

/// Arguments, from the text of `cmdline`; `stack` is where the count of them stands, below the arrays.
fn arguments(info: &mut PsInfo, cmdline: &[u8], stack: u64, model: Option<Model>) {
    let whole = cmdline.strip_suffix(b"\0");
    let text: Vec<u8> = whole.unwrap_or(cmdline).iter().map(|b| if *b == 0 { b' ' } else { *b }).collect();
    info.pr_psargs = chars(&text);
    info.pr_argc = match cmdline {
        [] => 0,
        _ => whole.unwrap_or(cmdline).split(|b| *b == 0).count() as i32,
    };
    if let (Some(model), Some(_), 1..) = (model, whole, stack) {
        let word = model.long() as u64;
        info.pr_argv = stack.wrapping_add(word);
        info.pr_envp = stack.wrapping_add(word.wrapping_mul(info.pr_argc as u64 + 2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_all_kinds() {
        let of = |cmdline: &[u8], stack| {
            let mut info = PsInfo::default();
            arguments(&mut info, cmdline, stack, Some(Model::Lp64));
            let text = info.pr_psargs.split(|b| *b == 0).next().unwrap_or_default().to_vec();
            (String::from_utf8_lossy(&text).into_owned(), info.pr_argc, info.pr_argv, info.pr_envp)
        };
        assert_eq!(of(b"ls\0-l\0", 0x1000), ("ls -l".into(), 2, 0x1008, 0x1020));
        assert_eq!(of(b"ls\0-l\0", 0), ("ls -l".into(), 2, 0, 0));
        assert_eq!(of(b"renamed", 0x1000), ("renamed".into(), 1, 0, 0));
        assert_eq!(of(b"", 0x1000), (String::new(), 0, 0, 0));
        assert_eq!(of(&[b'a'; 200], 0).0.len(), 79);
        assert_eq!(of(b"x\0\0", u64::MAX).1, 2);
    }

    #[test]
    fn numbers_stay_inside() {
        assert_eq!([tty(0), tty(0x8801), tty(0x0010_0402)], [PRNODEV, makedev(136, 1), makedev(4, 0x102)]);
        assert_eq!([share(1, 2), share(5, 0), share(u64::MAX, 1), share(0, 9)], [0x4000, 0x8000, 0x8000, 0]);
    }
}
