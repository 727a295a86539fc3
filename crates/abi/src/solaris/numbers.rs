//! The numbers that stand in the structures and messages (Solaris `<sys/procfs.h>` and what it draws in), by their names in C.
//! Each group is a list, too, for what wants to show or read the names.

use super::siginfo::translate;

pub use crate::fault::{
    ACCESS as FLTACCESS, BOUNDS as FLTBOUNDS, BPT as FLTBPT, FPE as FLTFPE, ILL as FLTILL, IOVF as FLTIOVF,
    IZDIV as FLTIZDIV, PRIV as FLTPRIV, STACK as FLTSTACK, TRACE as FLTTRACE, WATCH as FLTWATCH,
};

/// Recoverable page fault. No signal follows it.
pub const FLTPAGE: u8 = 11;
/// Overflow of a performance counter.
pub const FLTCPCOVF: u8 = 13;

macro_rules! numbers {
    ($( $doc:literal $list:ident: $type:ty { $($name:ident = $value:expr, $what:literal;)* } )*) => { $(
        $(
            #[doc = $what]
            pub const $name: $type = $value;
        )*

        #[doc = $doc]
        pub const $list: &[(&str, $type)] = &[$((stringify!($name), $name)),*];
    )* };
}

numbers! {
    "Data models, as `pr_dmodel` has them."
    MODELS: u8 {
        PR_MODEL_UNKNOWN = 0, "Unknown.";
        PR_MODEL_ILP32 = 1, "32-bit long and pointers.";
        PR_MODEL_LP64 = 2, "64-bit long and pointers.";
    }

    "Bits of `pr_flags` that tell the state of the lwp (to 0x400) and of the process."
    FLAGS: i32 {
        PR_STOPPED = 0x1, "Stopped, for any reason.";
        PR_ISTOP = 0x2, "Stopped on an event: the reason is one a controller asked for.";
        PR_DSTOP = 0x4, "Directed to stop. Never together with `PR_ISTOP`.";
        PR_STEP = 0x8, "Directed to make a single step.";
        PR_ASLEEP = 0x10, "In a system call, in a sleep that can be interrupted.";
        PR_PCINVAL = 0x20, "`pr_instr` does not hold.";
        PR_ASLWP = 0x40, "Obsolete.";
        PR_AGENT = 0x80, "The agent.";
        PR_DETACH = 0x100, "Nobody will join it.";
        PR_DAEMON = 0x200, "Does not keep the process alive.";
        PR_IDLE = 0x400, "Idle thread of a processor.";
        PR_ISSYS = 0x1000, "Process of the system: it cannot be controlled.";
        PR_VFORKP = 0x2000, "Parent of a vfork child that still uses its memory.";
        PR_ORPHAN = 0x4000, "In an orphaned process group.";
        PR_NOSIGCHLD = 0x8000, "Its end sends no SIGCHLD.";
        PR_WAITPID = 0x10000, "Only a wait for this very pid reaps it.";
    }

    "Bits of `pr_flags` that PCSET and PCUNSET change: modes of the process."
    MODES: i32 {
        PR_FORK = 0x0010_0000, "Children inherit the traced sets and this mode.";
        PR_RLC = 0x0020_0000, "Runs when the last writer closes.";
        PR_KLC = 0x0040_0000, "Is killed when the last writer closes.";
        PR_ASYNC = 0x0080_0000, "An event stops its lwp alone.";
        PR_MSACCT = 0x0100_0000, "Microstate accounting.";
        PR_BPTADJ = 0x0200_0000, "The pc is put back onto a breakpoint.";
        PR_PTRACE = 0x0400_0000, "Rules of ptrace(2).";
        PR_MSFORK = 0x0800_0000, "Children inherit microstate accounting.";
    }

    "Bits of `pr_flag` of `psinfo`, obsolete."
    PSINFO_FLAGS: i32 {
        SSYS = 0x1, "Process of the system.";
        SMSACCT = 0x0200_0000, "Microstate accounting.";
    }

    "Values of `pr_why`."
    WHY: i16 {
        PR_REQUESTED = 1, "Asked for by a controller; `pr_what` is 0.";
        PR_SIGNALLED = 2, "Traced signal, which is `pr_what`.";
        PR_SYSENTRY = 3, "Entry of the system call `pr_what`.";
        PR_SYSEXIT = 4, "Exit of the system call `pr_what`.";
        PR_JOBCONTROL = 5, "Job control, by the signal `pr_what`. No event stop.";
        PR_FAULTED = 6, "Traced fault, which is `pr_what`.";
        PR_SUSPENDED = 7, "Held by the process itself. No event stop.";
        PR_CHECKPOINT = 8, "The system sleeps. No event stop.";
        PR_BRAND = 9, "Reason of another system that is emulated.";
    }

    "Values of `pr_state`."
    STATES: u8 {
        SSLEEP = 1, "Asleep.";
        SRUN = 2, "Waits for a processor.";
        SZOMB = 3, "Zombie.";
        SSTOP = 4, "Stopped, for any reason.";
        SIDL = 5, "Being created.";
        SONPROC = 6, "On a processor.";
        SWAIT = 7, "Held back by a cap on processor time.";
    }

    "Values of `pr_stype`: what it sleeps on."
    SOBJ: u8 {
        SOBJ_NONE = 0, "Nothing known.";
        SOBJ_MUTEX = 1, "Mutex of the kernel.";
        SOBJ_RWLOCK = 2, "Reader/writer lock of the kernel.";
        SOBJ_CV = 3, "Condition variable.";
        SOBJ_SEMA = 4, "Semaphore.";
        SOBJ_USER = 5, "Lock of the program.";
        SOBJ_USER_PI = 6, "Lock of the program that inherits priority.";
        SOBJ_SHUTTLE = 7, "Hand-over between processes.";
    }

    "Bits of `pr_mflags`."
    MAPS: i32 {
        MA_EXEC = 0x1, "Executable.";
        MA_WRITE = 0x2, "Writable.";
        MA_READ = 0x4, "Readable.";
        MA_SHARED = 0x8, "Shared.";
        MA_BREAK = 0x10, "The heap. Not in `pagedata`.";
        MA_STACK = 0x20, "The main stack. Not in `pagedata`.";
        MA_ANON = 0x40, "No file behind it.";
        MA_ISM = 0x80, "Intimate shared memory.";
        MA_NORESERVE = 0x100, "No swap is reserved for it.";
        MA_SHM = 0x200, "System V shared memory.";
        MA_RESERVED1 = 0x400, "Readers of core files: not in the file.";
    }

    "Bits of the bytes of `pagedata`."
    PAGES: u8 {
        PG_MODIFIED = 0x1, "Written since the last read.";
        PG_REFERENCED = 0x2, "Touched since the last read.";
        PG_HWMAPPED = 0x4, "Has an address translation.";
    }

    "Bits of `pr_wflags`. Without the first three, PCWATCH removes the area."
    WATCHES: i32 {
        WA_EXEC = 0x1, "Execution.";
        WA_WRITE = 0x2, "Writing.";
        WA_READ = 0x4, "Reading.";
        WA_TRAPAFTER = 0x8, "The trap comes after the access.";
    }

    "Codes of messages to `ctl` and `lwpctl`."
    CODES: i64 {
        PCNULL = 0, "Nothing.";
        PCSTOP = 1, "Direct to stop, and wait.";
        PCDSTOP = 2, "Direct to stop.";
        PCWSTOP = 3, "Wait for a stop.";
        PCTWSTOP = 4, "Wait for a stop, for so many milliseconds.";
        PCRUN = 5, "Run, bits [`RUNS`].";
        PCCSIG = 6, "Clear the current signal.";
        PCCFAULT = 7, "Clear the current fault.";
        PCSSIG = 8, "Set the current signal.";
        PCKILL = 9, "Send a signal.";
        PCUNKILL = 10, "Take a pending signal away.";
        PCSHOLD = 11, "Set the blocked signals.";
        PCSTRACE = 12, "Set the traced signals.";
        PCSFAULT = 13, "Set the traced faults.";
        PCSENTRY = 14, "Set the calls traced on entry.";
        PCSEXIT = 15, "Set the calls traced on exit.";
        PCSET = 16, "Set modes, bits [`MODES`].";
        PCUNSET = 17, "Clear modes, bits [`MODES`].";
        PCSREG = 18, "Set the general registers.";
        PCSFPREG = 19, "Set the floating-point registers.";
        PCSXREG = 20, "Set the extended registers.";
        PCNICE = 21, "Add to the nice value.";
        PCSVADDR = 22, "Set the pc.";
        PCWATCH = 23, "Set or remove a watched area.";
        PCAGENT = 24, "Create the agent.";
        PCREAD = 25, "Copy from the target.";
        PCWRITE = 26, "Copy to the target.";
        PCSCRED = 27, "Set user and group.";
        PCSASRS = 28, "SPARC only.";
        PCSPRIV = 29, "Set the privileges.";
        PCSZONE = 30, "Set the zone.";
        PCSCREDX = 31, "Set user and group and supplementary groups.";
    }

    "Bits of the operand of PCRUN."
    RUNS: u64 {
        PRCSIG = 0x1, "Clear the current signal first.";
        PRCFAULT = 0x2, "Clear the current fault first.";
        PRSTEP = 0x4, "One instruction.";
        PRSABORT = 0x8, "The call ends with EINTR.";
        PRSTOP = 0x10, "Stop again as soon as possible.";
    }

    "Sets of privileges, in the order of `priv`."
    PRIV_SETS: usize {
        PRIV_EFFECTIVE = 0, "In force.";
        PRIV_INHERITABLE = 1, "In force after an exec.";
        PRIV_PERMITTED = 2, "May be in force.";
        PRIV_LIMIT = 3, "Most that an exec may give.";
    }

    "Types of the records behind the sets of privileges."
    PRIV_INFOS: u32 {
        PRIV_INFO_FLAGS = 4, "Flags of the process.";
    }

    "Flags of a process in `priv`."
    PRIV_FLAGS: u32 {
        PRIV_DEBUG = 0x1, "Reports what it lacks.";
        PRIV_AWARE = 0x2, "Manages its privileges itself.";
        PRIV_AWARE_INHERIT = 0x4, "The same after an exec.";
        NET_MAC_AWARE = 0x10, "Handles labels of the network.";
        NET_MAC_AWARE_INHERIT = 0x20, "The same after an exec.";
        PRIV_AWARE_RESET = 0x40, "Privileges are reset by setuid.";
        PRIV_XPOLICY = 0x80, "Has an extended policy.";
        PRIV_PFEXEC = 0x100, "Executes by profiles.";
    }

    "Values of `pr_errpriv` that are no privilege."
    PRIV_ERRORS: i32 {
        PRIV_ALL = -1, "All of them.";
        PRIV_MULTIPLE = -2, "Several.";
        PRIV_NONE = -3, "None: nothing was lacking.";
        PRIV_ALLZONE = -4, "All of the zone.";
        PRIV_GLOBAL = -5, "Being in the global zone.";
    }

    "Versions of `secflags`."
    PRSECFLAGS_VERSIONS: u32 {
        PRSECFLAGS_VERSION = 1, "The only one.";
    }

    "Numbers of security flags: n is bit `1 << n` of the words of `secflags`."
    SECFLAGS: u32 {
        PROC_SEC_ASLR = 0, "Addresses are chosen at random.";
        PROC_SEC_FORBIDNULLMAP = 1, "Nothing can be mapped at 0.";
        PROC_SEC_NOEXECSTACK = 2, "The stack is not executable.";
    }

    "Types of the records of `fdinfo`."
    FDINFO_ITEMS: u32 {
        PR_PATHNAME = 0, "Path.";
        PR_SOCKETNAME = 1, "Local address.";
        PR_PEERSOCKNAME = 2, "Address of the peer.";
        PR_SOCKOPTS_BOOL_OPTS = 3, "Options that are on, bits [`SOCKOPTS`].";
        PR_SOCKOPT_LINGER = 4, "`struct linger`.";
        PR_SOCKOPT_SNDBUF = 5, "Bytes of the send buffer.";
        PR_SOCKOPT_RCVBUF = 6, "Bytes of the receive buffer.";
        PR_SOCKOPT_IP_NEXTHOP = 7, "Next hop of IPv4.";
        PR_SOCKOPT_IPV6_NEXTHOP = 8, "Next hop of IPv6.";
        PR_SOCKOPT_TYPE = 9, "Type of the socket.";
        PR_SOCKOPT_TCP_CONGESTION = 11, "Congestion algorithm.";
        PR_SOCKFILTERS_PRIV = 14, "Socket filters.";
        PR_TYPE_END = 0xffff_ffff, "No more records.";
    }

    "Socket options that are on or off."
    SOCKOPTS: u32 {
        PR_SO_DEBUG = 1 << 0, "SO_DEBUG.";
        PR_SO_REUSEADDR = 1 << 1, "SO_REUSEADDR.";
        PR_SO_REUSEPORT = 1 << 2, "SO_REUSEPORT.";
        PR_SO_KEEPALIVE = 1 << 3, "SO_KEEPALIVE.";
        PR_SO_DONTROUTE = 1 << 4, "SO_DONTROUTE.";
        PR_SO_BROADCAST = 1 << 5, "SO_BROADCAST.";
        PR_SO_OOBINLINE = 1 << 7, "SO_OOBINLINE.";
        PR_SO_DGRAM_ERRIND = 1 << 8, "SO_DGRAM_ERRIND.";
        PR_SO_ALLZONES = 1 << 9, "SO_ALLZONES.";
        PR_SO_MAC_EXEMPT = 1 << 10, "SO_MAC_EXEMPT.";
        PR_SO_EXCLBIND = 1 << 11, "SO_EXCLBIND.";
        PR_SO_PASSIVE_CONNECT = 1 << 12, "Connected by the other side.";
        PR_SO_ACCEPTCONN = 1 << 13, "SO_ACCEPTCONN.";
        PR_UDP_NAT_T_ENDPOINT = 1 << 14, "UDP_NAT_T_ENDPOINT.";
        PR_SO_VRRP = 1 << 15, "SO_VRRP.";
        PR_SO_MAC_IMPLICIT = 1 << 16, "SO_MAC_IMPLICIT.";
    }

    "Types of sockets, which Solaris numbers unlike Linux: [`socket_type_out`]."
    SOCKET_TYPES: i32 {
        SOCK_DGRAM = 1, "Datagrams.";
        SOCK_STREAM = 2, "Bytes.";
        SOCK_RAW = 4, "Packets of the protocol below.";
        SOCK_RDM = 5, "Datagrams that arrive.";
        SOCK_SEQPACKET = 6, "Datagrams in order.";
    }

    "Types of record locks."
    LOCKS: i16 {
        F_RDLCK = 1, "For reading.";
        F_WRLCK = 2, "For writing.";
        F_UNLCK = 3, "None.";
    }

    "Values of `si_code` that any signal can have."
    CODES_ANY: i32 {
        SI_NOINFO = 32767, "Nothing is known.";
        SI_DTRACE = 2050, "From DTrace.";
        SI_RCTL = 2049, "From a resource control.";
        SI_USER = 0, "From a process, to the process.";
        SI_LWP = -1, "From a process, to the lwp.";
        SI_QUEUE = -2, "From a process, with a value.";
        SI_TIMER = -3, "From a timer.";
        SI_ASYNCIO = -4, "I/O is done.";
        SI_MESGQ = -5, "A message has come.";
    }

    "Values of `si_code` of SIGILL."
    CODES_ILL: i32 {
        ILL_ILLOPC = 1, "Opcode.";
        ILL_ILLOPN = 2, "Operand.";
        ILL_ILLADR = 3, "Addressing mode.";
        ILL_ILLTRP = 4, "Trap.";
        ILL_PRVOPC = 5, "Privileged opcode.";
        ILL_PRVREG = 6, "Privileged register.";
        ILL_COPROC = 7, "Coprocessor.";
        ILL_BADSTK = 8, "Stack.";
    }

    "Values of `si_code` of SIGFPE."
    CODES_FPE: i32 {
        FPE_INTDIV = 1, "Integer division by zero.";
        FPE_INTOVF = 2, "Integer overflow.";
        FPE_FLTDIV = 3, "Division by zero.";
        FPE_FLTOVF = 4, "Overflow.";
        FPE_FLTUND = 5, "Underflow.";
        FPE_FLTRES = 6, "Inexact result.";
        FPE_FLTINV = 7, "Invalid operation.";
        FPE_FLTSUB = 8, "Subscript out of range.";
        FPE_FLTDEN = 9, "Denormal operand.";
    }

    "Values of `si_code` of SIGSEGV."
    CODES_SEGV: i32 {
        SEGV_MAPERR = 1, "Not mapped.";
        SEGV_ACCERR = 2, "Not allowed.";
    }

    "Values of `si_code` of SIGBUS."
    CODES_BUS: i32 {
        BUS_ADRALN = 1, "Alignment.";
        BUS_ADRERR = 2, "No such address.";
        BUS_OBJERR = 3, "Error of the object behind it.";
    }

    "Values of `si_code` of SIGTRAP."
    CODES_TRAP: i32 {
        TRAP_BRKPT = 1, "Breakpoint.";
        TRAP_TRACE = 2, "Single step.";
        TRAP_RWATCH = 3, "Watched area was read.";
        TRAP_WWATCH = 4, "Watched area was written.";
        TRAP_XWATCH = 5, "Watched area was executed.";
        TRAP_DTRACE = 6, "From DTrace.";
    }

    "Values of `si_code` of SIGCHLD."
    CODES_CHLD: i32 {
        CLD_EXITED = 1, "Ended.";
        CLD_KILLED = 2, "Killed.";
        CLD_DUMPED = 3, "Killed, with a core file.";
        CLD_TRAPPED = 4, "Stopped for its tracer.";
        CLD_STOPPED = 5, "Stopped.";
        CLD_CONTINUED = 6, "Goes on.";
    }

    "Bits of `sa_flags`, which Solaris numbers unlike Linux: [`action_flags_out`]."
    ACTION_FLAGS: i32 {
        SA_ONSTACK = 0x1, "On the signal stack.";
        SA_RESETHAND = 0x2, "Once only.";
        SA_RESTART = 0x4, "Interrupted calls go on.";
        SA_SIGINFO = 0x8, "Called with siginfo.";
        SA_NODEFER = 0x10, "Not blocked meanwhile.";
        SA_NOCLDWAIT = 0x1_0000, "Children become no zombies.";
        SA_NOCLDSTOP = 0x2_0000, "No SIGCHLD for stopped children.";
    }

    "Values of `ss_flags`, the same as Linux'."
    STACK_FLAGS: i32 {
        SS_ONSTACK = 1, "The lwp runs on it.";
        SS_DISABLE = 2, "Disabled.";
    }

    "Values of `a_type`. Those up to 9 and AT_RANDOM are the same on Linux: [`auxv_type_out`]."
    AUXV: i32 {
        AT_NULL = 0, "The end.";
        AT_IGNORE = 1, "Nothing.";
        AT_EXECFD = 2, "Descriptor of the program.";
        AT_PHDR = 3, "Address of the program headers.";
        AT_PHENT = 4, "Bytes of one.";
        AT_PHNUM = 5, "Count of them.";
        AT_PAGESZ = 6, "Bytes of a page.";
        AT_BASE = 7, "Address of the interpreter.";
        AT_FLAGS = 8, "Flags.";
        AT_ENTRY = 9, "Where the program begins.";
        AT_RANDOM = 25, "Address of random bytes.";
        AT_SUN_UID = 2000, "Effective user.";
        AT_SUN_RUID = 2001, "Real user.";
        AT_SUN_GID = 2002, "Effective group.";
        AT_SUN_RGID = 2003, "Real group.";
        AT_SUN_LDELF = 2004, "ELF header of the interpreter.";
        AT_SUN_LDSHDR = 2005, "Section headers of the interpreter.";
        AT_SUN_LDNAME = 2006, "Name of the interpreter.";
        AT_SUN_LPAGESZ = 2007, "Bytes of a large page.";
        AT_SUN_PLATFORM = 2008, "Name of the platform.";
        AT_SUN_HWCAP = 2009, "Instructions there are.";
        AT_SUN_IFLUSH = 2010, "Whether the instruction cache needs flushing.";
        AT_SUN_CPU = 2011, "Name of the processor.";
        AT_SUN_EXECNAME = 2014, "Path of the program.";
        AT_SUN_MMU = 2015, "Name of the MMU.";
        AT_SUN_LDDATA = 2016, "Data of the interpreter.";
        AT_SUN_AUXFLAGS = 2017, "1 set-id, 2 verify instructions, 4 no primary link map.";
        AT_SUN_EMULATOR = 2018, "Name of an emulator.";
        AT_SUN_BRANDNAME = 2019, "Name of the emulated system.";
        AT_SUN_BRAND_AUX1 = 2020, "For the emulated system.";
        AT_SUN_BRAND_AUX2 = 2021, "For the emulated system.";
        AT_SUN_BRAND_AUX3 = 2022, "For the emulated system.";
        AT_SUN_HWCAP2 = 2023, "More instructions there are.";
        AT_SUN_BRAND_NROOT = 2024, "Root of the native system.";
        AT_SUN_BRAND_AUX4 = 2025, "For the emulated system.";
        AT_SUN_COMMPAGE = 2026, "Address of the page shared with the kernel.";
        AT_SUN_FPTYPE = 2027, "How floating-point registers are saved.";
        AT_SUN_FPSIZE = 2028, "Bytes they take.";
    }

    "Types of notes in core files, under the name CORE."
    NOTES: u32 {
        NT_PRSTATUS = 1, "Old format.";
        NT_PRFPREG = 2, "Old format.";
        NT_PRPSINFO = 3, "Old format.";
        NT_PRXREG = 4, "`prxregset_t`.";
        NT_PLATFORM = 5, "Name of the platform.";
        NT_AUXV = 6, "`auxv_t[]`.";
        NT_GWINDOWS = 7, "SPARC only.";
        NT_ASRS = 8, "SPARC only.";
        NT_LDT = 9, "`struct ssd[]`.";
        NT_PSTATUS = 10, "`pstatus_t`.";
        NT_PSINFO = 13, "`psinfo_t`.";
        NT_PRCRED = 14, "`prcred_t`.";
        NT_UTSNAME = 15, "`struct utsname`.";
        NT_LWPSTATUS = 16, "`lwpstatus_t`.";
        NT_LWPSINFO = 17, "`lwpsinfo_t`.";
        NT_PRPRIV = 18, "`prpriv_t`.";
        NT_PRPRIVINFO = 19, "What privileges there are.";
        NT_CONTENT = 20, "What the file has in it.";
        NT_ZONENAME = 21, "Name of the zone.";
        NT_FDINFO = 22, "`prfdinfo_core_t`.";
        NT_SPYMASTER = 23, "`psinfo_t` of the creator of the agent.";
        NT_SECFLAGS = 24, "`prsecflags_t`.";
        NT_LWPNAME = 25, "`prlwpname_t`.";
        NT_UPANIC = 26, "`prupanic_t`.";
    }

    "Bits of `pru_flags`."
    UPANIC_FLAGS: u32 {
        PRUPANIC_FLAG_MSG_VALID = 0x1, "There is a message.";
        PRUPANIC_FLAG_MSG_ERROR = 0x2, "It could not be read.";
        PRUPANIC_FLAG_MSG_TRUNC = 0x4, "It is cut off.";
    }

    "Values of `pr_type` of extended registers."
    XREG_TYPES: u32 {
        PR_TYPE_XSAVE = 1, "By XSAVE.";
    }

    "Values of `pri_type`: kinds of blocks of extended registers."
    XREG_BLOCKS: u32 {
        PRX_INFO_XCR = 1, "xcr0, xfd.";
        PRX_INFO_XSAVE = 2, "Legacy area and header of XSAVE.";
        PRX_INFO_YMM = 3, "Upper halves of ymm0 to ymm15.";
        PRX_INFO_OPMASK = 4, "k0 to k7.";
        PRX_INFO_ZMM = 5, "Upper halves of zmm0 to zmm15.";
        PRX_INFO_HI_ZMM = 6, "zmm16 to zmm31.";
    }
}

/// All modes.
pub const PR_MODES: i32 = 0x0ff0_0000;
/// The flags that a reader of ILP32 never sees.
pub const PR_LP64_FLAGS: i32 = PR_ORPHAN | PR_NOSIGCHLD | PR_WAITPID;
/// No device.
pub const PRNODEV: u64 = u64::MAX;
/// Where the items of `fdinfo` begin.
pub const PRFDINFO_ITEMS: usize = 196;
/// Nice value 0 as `pr_nice` has it.
pub const NZERO: i32 = 20;
/// 1 as a fraction of 16 bits (`pr_pctcpu`, `pr_pctmem`).
pub const PCT_ONE: u16 = 0x8000;
/// Bits of the flags register that PCSREG and PCAGENT set: C P AC Z S T D V NT and alignment check.
pub const PSL_USERMASK: u64 = 0x4_4dd5;
/// The bit of the flags register that says that a system call failed.
pub const PS_C: u64 = 1;

/// Letter of a state, as `pr_sname` has it.
pub const fn state_letter(state: u8) -> u8 {
    match state {
        SSLEEP => b'S',
        SRUN => b'R',
        SZOMB => b'Z',
        SSTOP => b'T',
        SIDL => b'I',
        SONPROC => b'O',
        SWAIT => b'W',
        _ => b'?',
    }
}

/// The name of a number in one of the lists of this module.
pub fn name_in<T: PartialEq + Copy>(list: &[(&'static str, T)], number: T) -> Option<&'static str> {
    list.iter().find(|(_, n)| *n == number).map(|(name, _)| *name)
}

/// The number by which structures and sets call Linux's system call `nr`: one more, since 0 means none. 0 for -1, which is no
/// call.
pub const fn syscall_out(nr: u64) -> i64 {
    nr.wrapping_add(1) as i64
}

/// Linux's number of a system call that structures and sets call `number`; `None` for 0 and below.
pub fn syscall_in(number: i64) -> Option<u64> {
    u64::try_from(number).ok()?.checked_sub(1)
}

/// Flags of sigaction(2): Solaris, Linux.
const ACTIONS: [(u32, u32); 7] = [
    (SA_ONSTACK as u32, libc::SA_ONSTACK as u32),
    (SA_RESETHAND as u32, libc::SA_RESETHAND as u32),
    (SA_RESTART as u32, libc::SA_RESTART as u32),
    (SA_SIGINFO as u32, libc::SA_SIGINFO as u32),
    (SA_NODEFER as u32, libc::SA_NODEFER as u32),
    (SA_NOCLDWAIT as u32, libc::SA_NOCLDWAIT as u32),
    (SA_NOCLDSTOP as u32, libc::SA_NOCLDSTOP as u32),
];

/// `sa_flags` of Solaris for those of Linux; what has no counterpart (SA_RESTORER) is left out.
pub fn action_flags_out(linux: u64) -> i32 {
    let set = ACTIONS.iter().filter(|(_, l)| linux & u64::from(*l) != 0);
    set.fold(0, |flags, (s, _)| flags | s) as i32
}

/// `sa_flags` of Linux for those of Solaris; unknown ones are left out.
pub fn action_flags_in(flags: i32) -> u64 {
    let set = ACTIONS.iter().filter(|(s, _)| flags as u32 & s != 0);
    set.fold(0, |linux, (_, l)| linux | u64::from(*l))
}

/// What Linux's auxiliary vector has under other numbers: Solaris, Linux.
const AUXVS: [(i32, u64); 6] = [
    (AT_SUN_RUID, libc::AT_UID),
    (AT_SUN_UID, libc::AT_EUID),
    (AT_SUN_RGID, libc::AT_GID),
    (AT_SUN_GID, libc::AT_EGID),
    (AT_SUN_PLATFORM, libc::AT_PLATFORM),
    (AT_SUN_EXECNAME, libc::AT_EXECFN),
];

/// `a_type` for an entry of Linux's auxiliary vector; the number itself for what Solaris does not have, whose own numbers
/// these are not.
pub fn auxv_type_out(linux: u64) -> i32 {
    translate(&AUXVS, |(_, l)| *l == linux).map_or(linux as i32, |(s, _)| s)
}

/// Types of sockets: Solaris, Linux.
const SOCKETS: [(i32, i32); 5] = [
    (SOCK_DGRAM, libc::SOCK_DGRAM),
    (SOCK_STREAM, libc::SOCK_STREAM),
    (SOCK_RAW, libc::SOCK_RAW),
    (SOCK_RDM, libc::SOCK_RDM),
    (SOCK_SEQPACKET, libc::SOCK_SEQPACKET),
];

/// Type of a socket of Linux as Solaris numbers it; `None` for what it does not have.
pub fn socket_type_out(linux: i32) -> Option<i32> {
    translate(&SOCKETS, |(_, l)| *l == linux).map(|(s, _)| s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_calls_are_shifted() {
        assert_eq!([0, 1, 59, u64::MAX].map(syscall_out), [1, 2, 60, 0]);
        assert_eq!([1, 60, 0, -1].map(syscall_in), [Some(0), Some(59), None, None]);
    }

    #[test]
    fn action_flags_go_both_ways() {
        assert_eq!(action_flags_out(0x1400_0000), SA_RESTART);
        assert_eq!(action_flags_out(0x8000_0004), SA_RESETHAND | SA_SIGINFO);
        let all = ACTION_FLAGS.iter().fold(0, |all, (_, f)| all | f);
        assert_eq!(action_flags_in(all), 0xd800_0007);
        assert_eq!(action_flags_out(action_flags_in(-1)), all);
    }

    #[test]
    fn sockets_and_states() {
        assert_eq!([1, 2, 3, 5, 10].map(socket_type_out), [Some(2), Some(1), Some(4), Some(6), None]);
        assert_eq!([0, 9, 11, 12, 25, 31, 33].map(auxv_type_out), [0, 9, 2001, 2000, 25, 2014, 33]);
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7, 8].map(state_letter), *b"?SRZTIOW?");
        assert_eq!(name_in(WHY, 6), Some("PR_FAULTED"));
        assert_eq!(MODES.iter().fold(0, |all, (_, f)| all | f), PR_MODES);
    }
}
