//! The fixed structures of the files of a process (Solaris `<sys/procfs.h>`, `<sys/signal.h>`, `<sys/auxv.h>`, `<sys/sysi86.h>`),
//! and the files that are arrays of them.
//!
//! Times are "mono" (nanoseconds of a clock that starts with the machine) or "wall" (since 1970) where a field says so;
//! the others are durations.

use super::record::{
    record, Array, Char, Chars, Dev, Filler, Int, Long, Offset, Ptr, Record, Short, Size, Timestruc, Uint, Ulong,
    Ushort, U64,
};
use super::regs::{FpRegisters, Registers};
use super::set::{FltSet, SigSet, SysSet};
use super::siginfo::Siginfo;
use super::Model;

record! {
    /// One lwp in depth: `lwpstatus`, an entry of `lstatus`, the end of `status`.
    pub struct LwpStatus = "lwpstatus_t" {
        pr_flags: Int, "Bits [`FLAGS`](super::numbers::FLAGS) and [`MODES`](super::numbers::MODES).";
        pr_lwpid: Int, "Number of the lwp.";
        pr_why, pr_what: Short, "Reason of the stop ([`WHY`](super::numbers::WHY)) and its detail: signal, call, fault; 0 if not stopped.";
        pr_cursig: Short, "Current signal, 0 if none.";
        pr_pad1: Filler<Short, 1, 1>, "Zero.";
        pr_info: Siginfo, "Of the current signal or fault.";
        pr_lwppend, pr_lwphold: SigSet, "Signals pending for the lwp; signals it blocks.";
        pr_action: SigAction, "Disposition of `pr_cursig`.";
        pr_altstack: Stack, "Alternate signal stack.";
        pr_oldcontext: Ptr, "Address of the previous ucontext, 0 if none.";
        pr_syscall: Short, "Number of the system call it is in, 0 if none.";
        pr_nsysarg: Short, "How many of `pr_sysarg` hold.";
        pr_errno: Int, "Error of the call, at its exit; 0 for success.";
        pr_sysarg: Array<Long, 8>, "Arguments of the call.";
        pr_rval1, pr_rval2: Long, "Results of the call, at its exit.";
        pr_clname: Chars<8>, "Scheduling class.";
        pr_tstamp: Timestruc, "When it stopped, mono.";
        pr_utime, pr_stime: Timestruc, "User time; system time.";
        pr_filler: Filler<Int, 3, 7>, "Zero.";
        pr_errpriv: Int, "Privilege that the call lacked, at its exit; [`PRIV_NONE`](super::numbers::PRIV_NONE) otherwise.";
        pr_ustack: Ptr, "Address of the `stack_t` that bounds the stack, 0 if none is registered.";
        pr_instr: Ulong, "The byte at the pc, unless `PR_PCINVAL` is set.";
        pr_reg: Registers, "General registers.";
        pr_fpreg: FpRegisters, "Floating-point registers.";
    }
}

record! {
    /// The process and its representative lwp in depth: `status`.
    pub struct PStatus = "pstatus_t" {
        pr_flags: Int, "The flags of `pr_lwp`.";
        pr_nlwp: Int, "Live lwps.";
        pr_pid, pr_ppid, pr_pgid, pr_sid: Int, "Process, parent, process group, session.";
        pr_aslwpid: Int, "Zero.";
        pr_agentid: Int, "The agent, 0 if there is none.";
        pr_sigpend: SigSet, "Signals pending for the process as a whole.";
        pr_brkbase: Ptr, "Start of the heap.";
        pr_brksize: Size, "Bytes of it.";
        pr_stkbase: Ptr, "Lowest address of the main stack.";
        pr_stksize: Size, "Bytes of it.";
        pr_utime, pr_stime, pr_cutime, pr_cstime: Timestruc, "User and system time of the process; the same of its reaped children.";
        pr_sigtrace: SigSet, "Traced signals.";
        pr_flttrace: FltSet, "Traced faults.";
        pr_sysentry, pr_sysexit: SysSet, "System calls traced on entry; on exit.";
        pr_dmodel: Char, "[`Model::number`] of the process.";
        pr_pad: Filler<Char, 3, 3>, "Zero.";
        pr_taskid, pr_projid: Int, "Task; project.";
        pr_nzomb: Int, "Lwps that have ended and are not yet joined.";
        pr_zoneid: Int, "Zone.";
        pr_filler: Filler<Int, 15, 15>, "Zero.";
        pr_lwp: LwpStatus, "The representative lwp.";
    }
}

record! {
    /// One lwp in short: `lwpsinfo`, an entry of `lpsinfo`, the end of `psinfo`.
    pub struct LwpsInfo = "lwpsinfo_t" {
        pr_flag: Int, "Zero.";
        pr_lwpid: Int, "Number of the lwp.";
        pr_addr, pr_wchan: Ptr, "An opaque address; what it sleeps on.";
        pr_stype: Char, "Kind of what it sleeps on ([`SOBJ`](super::numbers::SOBJ)).";
        pr_state, pr_sname: Char, "State ([`STATES`](super::numbers::STATES)); its letter.";
        pr_nice: Char, "Nice value + 20.";
        pr_syscall: Short, "Number of the system call it is in, 0 if none.";
        pr_oldpri: Char, "Priority before SVR4, low is good.";
        pr_cpu: Char, "Use of the processor before SVR4, 0 to 99.";
        pr_pri: Int, "Priority, high is good.";
        pr_pctcpu: Ushort, "Recent share of all processors; 0x8000 is 1.";
        pr_pad: Filler<Ushort, 1, 1>, "Zero.";
        pr_start: Timestruc, "Start, wall.";
        pr_time: Timestruc, "User and system time.";
        pr_clname: Chars<8>, "Scheduling class.";
        pr_name: Chars<16>, "Name of a kernel lwp.";
        pr_onpro, pr_bindpro, pr_bindpset: Int, "Processor it last ran on; bound processor and processor set, -1 if none.";
        pr_lgrp: Int, "Home locality group.";
        pr_filler: Filler<Int, 4, 4>, "Zero.";
    }
}

record! {
    /// The process and its representative lwp in short: `psinfo`.
    pub struct PsInfo = "psinfo_t" {
        pr_flag: Int, "Obsolete bits: [`PSINFO_FLAGS`](super::numbers::PSINFO_FLAGS).";
        pr_nlwp: Int, "Live lwps; 0 for a zombie.";
        pr_pid, pr_ppid, pr_pgid, pr_sid: Int, "Process, parent, process group, session.";
        pr_uid, pr_euid, pr_gid, pr_egid: Uint, "Real and effective user and group.";
        pr_addr: Ptr, "An opaque address.";
        pr_size, pr_rssize: Size, "Size; resident size; KiB.";
        pr_pad1: Filler<Size, 1, 1>, "Zero.";
        pr_ttydev: Dev, "Controlling terminal, [`PRNODEV`](super::numbers::PRNODEV) if none.";
        pr_pctcpu, pr_pctmem: Ushort, "Recent share of all processors; share of memory; 0x8000 is 1.";
        pr_start: Timestruc, "Start, wall.";
        pr_time, pr_ctime: Timestruc, "User and system time; the same of reaped children.";
        pr_fname: Chars<16>, "Last component of the executed path, with a NUL.";
        pr_psargs: Chars<80>, "First arguments, joined by blanks, with a NUL.";
        pr_wstat: Int, "Status for wait(2) of a zombie.";
        pr_argc: Int, "Count of first arguments.";
        pr_argv, pr_envp: Ptr, "Addresses of the first argument and environment arrays.";
        pr_dmodel: Char, "[`Model::number`] of the process.";
        pr_pad2: Filler<Char, 3, 3>, "Zero.";
        pr_taskid, pr_projid: Int, "Task; project.";
        pr_nzomb: Int, "Lwps that have ended and are not yet joined.";
        pr_poolid, pr_zoneid: Int, "Resource pool; zone.";
        pr_contract: Int, "Process contract, -1 if none.";
        pr_filler: Filler<Int, 1, 1>, "Zero.";
        pr_lwp: LwpsInfo, "The representative lwp.";
    }
}

record! {
    /// Start of an array file.
    pub struct PrHeader = "prheader_t" {
        pr_nent: Long, "Entries that follow.";
        pr_entsize: Long, "Bytes from one entry to the next.";
    }
}

/// An array file (`lstatus`, `lpsinfo`, `lusage`): the header and the entries, each [`Model::stride`] bytes.
pub fn array<R: Record>(model: Model, entries: &[R]) -> Vec<u8> {
    let stride = model.stride(R::size(model));
    let mut out = PrHeader { pr_nent: entries.len() as i64, pr_entsize: stride as i64 }.bytes(model);
    for entry in entries {
        let end = out.len() + stride;
        R::put(entry, model, &mut out);
        out.resize(end, 0);
    }
    out
}

record! {
    /// Resource usage: `usage`, `lwpusage`, an entry of `lusage`.
    pub struct PrUsage = "prusage_t" {
        pr_lwpid: Int, "Number of the lwp; 0 for a process.";
        pr_count: Int, "Lwps that are summed up here.";
        pr_tstamp, pr_create, pr_term: Timestruc, "Times of this snapshot, of the start, of the end (0 while it lives); mono.";
        pr_rtime: Timestruc, "Elapsed time, summed over lwps.";
        pr_utime, pr_stime, pr_ttime: Timestruc, "Time in user code; in system calls; in other traps.";
        pr_tftime, pr_dftime, pr_kftime: Timestruc, "Time asleep on page faults: text; data; kernel.";
        pr_ltime, pr_slptime, pr_wtime, pr_stoptime: Timestruc, "Time asleep on user locks; asleep otherwise; waiting for a processor; stopped.";
        filltime: Filler<Timestruc, 6, 6>, "Zero.";
        pr_minf, pr_majf, pr_nswap: Ulong, "Minor and major page faults; swaps.";
        pr_inblk, pr_oublk, pr_msnd, pr_mrcv: Ulong, "Blocks read and written; messages sent and received.";
        pr_sigs, pr_vctx, pr_ictx, pr_sysc, pr_ioch: Ulong, "Signals received; voluntary and involuntary switches; system calls; characters read and written.";
        filler: Filler<Ulong, 10, 10>, "Zero.";
    }
}

record! {
    /// A mapping: an entry of `map` and `rmap`.
    pub struct PrMap = "prmap_t" {
        pr_vaddr: Ptr, "Start.";
        pr_size: Size, "Bytes.";
        pr_mapname: Chars<64>, "Name in `object`; empty if no file is mapped.";
        pr_offset: Offset, "Offset in the file.";
        pr_mflags: Int, "Bits [`MAPS`](super::numbers::MAPS).";
        pr_pagesize: Int, "Bytes of a page.";
        pr_shmid: Int, "System V shared memory, -1 if it is none.";
        pr_filler: Filler<Int, 1, 1>, "Zero.";
    }
}

record! {
    /// A mapping with what is resident: an entry of `xmap`.
    pub struct PrXMap = "prxmap_t" {
        pr_vaddr: Ptr, "Start.";
        pr_size: Size, "Bytes.";
        pr_mapname: Chars<64>, "Name in `object`; empty if no file is mapped.";
        pr_offset: Offset, "Offset in the file.";
        pr_mflags: Int, "Bits [`MAPS`](super::numbers::MAPS).";
        pr_pagesize: Int, "Bytes of a page.";
        pr_shmid: Int, "System V shared memory, -1 if it is none.";
        pr_dev: Dev, "Device of the file, [`PRNODEV`](super::numbers::PRNODEV) if there is none.";
        pr_ino: U64, "Inode of the file.";
        pr_rss, pr_anon, pr_locked: Size, "Pages that are resident; resident and anonymous; locked.";
        pr_pad: Filler<Size, 1, 1>, "Zero.";
        pr_hatpagesize: U64, "Bytes of a page as the MMU has them, 0 if none is there yet.";
        pr_filler: Filler<Ulong, 7, 6>, "Zero.";
    }
}

record! {
    /// Security flags: `secflags`.
    pub struct PrSecFlags = "prsecflags_t" {
        pr_version: Uint, "[`PRSECFLAGS_VERSION`](super::numbers::PRSECFLAGS_VERSION).";
        pr_pad: Filler<Char, 4, 4>, "Zero.";
        pr_effective, pr_inherit, pr_lower, pr_upper: U64, "Flags in force; after an exec; least; most. Numbers of bits: [`SECFLAGS`](super::numbers::SECFLAGS).";
    }
}

record! {
    /// Disposition of a signal: an entry of `sigact`.
    pub struct SigAction = "sigaction" {
        sa_flags: Int, "Bits [`ACTION_FLAGS`](super::numbers::ACTION_FLAGS), see [`action_flags_out`](super::numbers::action_flags_out).";
        sa_handler: Ptr, "Address; 0 for the default, 1 to ignore.";
        sa_mask: SigSet, "Signals blocked meanwhile.";
        sa_resv: Filler<Int, 0, 2>, "Zero.";
    }
}

/// Entries of `sigact`, whatever the number of signals: the format has 74.
pub const SIGACT_ENTRIES: usize = 74;

/// The file `sigact`: signal 1 first; what `actions` does not reach to is the default.
pub fn sigact(model: Model, actions: &[SigAction]) -> Vec<u8> {
    table(model, actions, SIGACT_ENTRIES)
}

record! {
    /// A signal stack.
    pub struct Stack = "stack_t" {
        ss_sp: Ptr, "Lowest address.";
        ss_size: Size, "Bytes.";
        ss_flags: Int, "[`STACK_FLAGS`](super::numbers::STACK_FLAGS).";
    }
}

record! {
    /// An entry of `auxv`.
    pub struct Auxv = "auxv_t" {
        a_type: Int, "What it is: [`AUXV`](super::numbers::AUXV).";
        a_un: Ulong, "Its value.";
    }
}

/// Entries of `auxv`.
pub const AUXV_ENTRIES: usize = 28;

/// The file `auxv`: entries up to a terminating one of zeros.
pub fn auxv(model: Model, entries: &[Auxv]) -> Vec<u8> {
    table(model, entries.get(..AUXV_ENTRIES - 1).unwrap_or(entries), AUXV_ENTRIES)
}

/// A table of a fixed number of entries, filled up with zeros.
fn table<R: Record>(model: Model, entries: &[R], count: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(count * R::size(model));
    entries.iter().take(count).for_each(|e| R::put(e, model, &mut out));
    out.resize(count * R::size(model), 0);
    out
}

record! {
    /// A watched area: an entry of `watch`, operand of PCWATCH.
    pub struct PrWatch = "prwatch_t" {
        pr_vaddr: Ptr, "Start.";
        pr_size: Size, "Bytes.";
        pr_wflags: Int, "Bits [`WATCHES`](super::numbers::WATCHES).";
        pr_pad: Filler<Int, 1, 1>, "Zero.";
    }
}

record! {
    /// What to copy: operand of PCREAD and PCWRITE.
    pub struct PrIoVec = "priovec_t" {
        pio_base: Ptr, "Address in the controlling process.";
        pio_len: Size, "Bytes.";
        pio_offset: Long, "Address in the target. An address above the middle is a negative number.";
    }
}

record! {
    /// Start of `pagedata`.
    pub struct PrPageHeader = "prpageheader_t" {
        pr_tstamp: Timestruc, "When this was so, mono.";
        pr_nmap, pr_npage: Long, "Mappings that follow; pages in all of them.";
    }
}

record! {
    /// A mapping in `pagedata`.
    pub struct PrAsMap = "prasmap_t" {
        pr_vaddr: Ptr, "Start.";
        pr_npage: Size, "Pages; a byte for each follows.";
        pr_mapname: Chars<64>, "Name in `object`; empty if no file is mapped.";
        pr_offset: Offset, "Offset in the file.";
        pr_mflags: Int, "Bits [`MAPS`](super::numbers::MAPS).";
        pr_pagesize: Int, "Bytes of a page.";
        pr_shmid: Int, "System V shared memory, -1 if it is none.";
        pr_filler: Filler<Int, 1, 1>, "Zero.";
    }
}

/// The file `pagedata`: the header, then for each mapping its record, a byte for each page (bits
/// [`PAGES`](super::numbers::PAGES)) and zeros up to a multiple of 8. `pr_npage` is set from the bytes.
pub fn pagedata(model: Model, time: Timestruc, mappings: &[(PrAsMap, Vec<u8>)]) -> Vec<u8> {
    let mut out = PrPageHeader {
        pr_tstamp: time,
        pr_nmap: mappings.len() as i64,
        pr_npage: mappings.iter().map(|(_, pages)| pages.len() as i64).sum(),
    }
    .bytes(model);
    for (map, pages) in mappings {
        PrAsMap { pr_npage: pages.len() as u64, ..map.clone() }.put(model, &mut out);
        out.extend(pages);
        out.resize(out.len().next_multiple_of(8), 0);
    }
    out
}

record! {
    /// Name of an lwp in a core file. In `/proc`, `lwpname` is the name alone.
    pub struct PrLwpName = "prlwpname_t" {
        pr_lwpid: U64, "Number of the lwp.";
        pr_lwpname: Chars<32>, "Its name, with a NUL.";
    }
}

record! {
    /// A descriptor of the local descriptor table: an entry of `ldt`.
    pub struct Ssd = "ssd" {
        sel: Uint, "Selector.";
        bo: Uint, "Base.";
        ls: Uint, "Limit.";
        acc1, acc2: Uint, "Access bytes 5 and 6.";
    }
}

record! {
    /// Last words of a process, in a core file.
    pub struct PrUPanic = "prupanic_t" {
        pru_version: Uint, "1.";
        pru_flags: Uint, "Bits [`UPANIC_FLAGS`](super::numbers::UPANIC_FLAGS).";
        pru_data: Chars<1024>, "The message.";
    }
}

record! {
    /// A descriptor in a core file.
    pub struct PrFdInfoCore = "prfdinfo_core_t" {
        pr_fd: Int, "Descriptor.";
        pr_mode: Uint, "Type and permissions, as stat(2) gives them.";
        pr_uid, pr_gid: Uint, "Owner; group.";
        pr_major, pr_minor, pr_rmajor, pr_rminor: Uint, "Device it is on; device it is.";
        pr_ino: U64, "Inode.";
        pr_offset, pr_size: Offset, "File offset; size.";
        pr_fileflags, pr_fdflags: Int, "Flags it was opened with; 1 if it is closed on exec.";
        pr_path: Chars<1024>, "Path, empty if unknown.";
    }
}
