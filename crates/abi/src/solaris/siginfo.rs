//! `siginfo_t`, and what Linux says in its own.

use super::numbers::*;
use super::record::{head, record, Array, Char, Filler, Int, Kind, Long, Ptr, Short, Timestruc, Uint};
use super::Model;

/// What is known of a signal. Which variant of [`Detail`] the bytes hold follows from the signal and the code.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Siginfo {
    /// Signal, numbered as Linux does; 0 if there is none.
    pub signo: i32,
    /// Reason, numbered as Solaris does: [`CODES_ANY`] and the lists of the signals.
    pub code: i32,
    /// An error, or 0.
    pub errno: i32,
    /// The rest.
    pub detail: Detail,
}

/// What depends on the reason of a signal.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Detail {
    /// Nothing.
    #[default]
    None,
    /// Sent by a process (a code of 0 or below).
    User(SiUser),
    /// SIGCHLD.
    Child(SiChild),
    /// SIGILL, SIGFPE, SIGSEGV, SIGBUS, SIGTRAP, SIGSYS and whatever fault there is.
    Fault(SiFault),
    /// SIGIO.
    Poll(SiPoll),
    /// Resource control.
    Resource(SiResource),
    /// SIGPROF.
    Profile(Box<SiProfile>),
}

record! {
    /// Sender of a signal.
    pub struct SiUser = "siginfo_t" {
        si_pid: Int, "Process.";
        si_pad1: Filler<Int, 1, 0>, "Zero.";
        si_uid: Uint, "Its real user.";
        si_pad2: Filler<Int, 1, 0>, "Zero.";
        si_value: Ptr, "What was sent along.";
        si_pad3: Filler<Int, 2, 1>, "Zero.";
        si_ctid, si_zoneid: Int, "Its contract; its zone.";
    }
}

record! {
    /// A child that changed its state.
    pub struct SiChild = "siginfo_t" {
        si_pid: Int, "Process.";
        si_utime: Long, "User time, in ticks of the clock.";
        si_status: Int, "Exit status or signal.";
        si_stime: Long, "System time, in ticks of the clock.";
        si_ctid, si_zoneid: Int, "Its contract; its zone.";
    }
}

record! {
    /// A fault.
    pub struct SiFault = "siginfo_t" {
        si_addr: Ptr, "Address that was used.";
        si_trapno: Int, "Trap; for a watched area 1 if the access was made; for SIGSYS the number of the call.";
        si_pc: Ptr, "Address of the instruction.";
    }
}

record! {
    /// A file that is ready.
    pub struct SiPoll = "siginfo_t" {
        si_fd: Int, "Descriptor.";
        si_band: Long, "Events, as poll(2) has them.";
    }
}

record! {
    /// A limit that was reached.
    pub struct SiResource = "siginfo_t" {
        si_entity: Int, "What is limited.";
    }
}

record! {
    /// Profiling.
    pub struct SiProfile = "siginfo_t" {
        si_faddr: Ptr, "Last address that faulted.";
        si_tstamp: Timestruc, "When.";
        si_syscall: Short, "Call it was in.";
        si_nsysarg, si_fault: Char, "Count of arguments; last fault.";
        si_sysarg: Array<Long, 8>, "Arguments.";
        si_mstate: Array<Int, 10>, "Ticks in each microstate.";
    }
}

/// Bytes before the detail.
const fn start(model: Model) -> usize {
    match model {
        Model::Lp64 => 16,
        Model::Ilp32 => 12,
    }
}

/// Reads the detail that a signal and code have.
fn detail(signo: i32, code: i32, model: Model, at: &[u8]) -> Option<Detail> {
    Some(match (signo, code) {
        (0, _) | (_, SI_NOINFO | SI_DTRACE) => Detail::None,
        (_, SI_RCTL) => Detail::Resource(SiResource::take(model, at)?),
        (_, ..=0) => Detail::User(SiUser::take(model, at)?),
        (libc::SIGCHLD, _) => Detail::Child(SiChild::take(model, at)?),
        (libc::SIGILL | libc::SIGFPE | libc::SIGSEGV | libc::SIGBUS | libc::SIGTRAP | libc::SIGSYS, _) => {
            Detail::Fault(SiFault::take(model, at)?)
        }
        (libc::SIGIO, _) => Detail::Poll(SiPoll::take(model, at)?),
        (libc::SIGPROF, _) => Detail::Profile(Box::new(SiProfile::take(model, at)?)),
        _ => Detail::None,
    })
}

impl Kind for Siginfo {
    type Value = Self;

    fn size(model: Model) -> usize {
        match model {
            Model::Lp64 => 256,
            Model::Ilp32 => 128,
        }
    }

    fn align(model: Model) -> usize {
        model.long()
    }

    fn zero() -> Self {
        Self::default()
    }

    fn put(value: &Self, model: Model, out: &mut Vec<u8>) {
        let begin = out.len();
        [value.signo, value.code, value.errno].iter().for_each(|n| Int::put(n, model, out));
        out.resize(begin + start(model), 0);
        match &value.detail {
            Detail::None => {}
            Detail::User(d) => d.put(model, out),
            Detail::Child(d) => d.put(model, out),
            Detail::Fault(d) => d.put(model, out),
            Detail::Poll(d) => d.put(model, out),
            Detail::Resource(d) => d.put(model, out),
            Detail::Profile(d) => d.put(model, out),
        }
        out.resize(begin + Self::size(model), 0);
    }

    fn take(model: Model, bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..Self::size(model))?;
        let int = |i: usize| Int::take(model, bytes.get(4 * i..)?);
        let (signo, code, errno) = (int(0)?, int(1)?, int(2)?);
        Some(Siginfo { signo, code, errno, detail: detail(signo, code, model, bytes.get(start(model)..)?)? })
    }
}

/// The pair of a table that `wanted` picks.
pub(super) fn translate<A: Copy, B: Copy>(table: &[(A, B)], wanted: impl Fn(&(A, B)) -> bool) -> Option<(A, B)> {
    table.iter().copied().find(wanted)
}

/// Codes of senders: Solaris, Linux.
const SENDERS: [(i32, i32); 6] =
    [(SI_USER, 0), (SI_LWP, -6), (SI_QUEUE, -1), (SI_TIMER, -2), (SI_ASYNCIO, -4), (SI_MESGQ, -3)];

/// Linux: reason of the kernel, not told.
const KERNEL: i32 = crate::fault::SI_KERNEL;

/// The code of Solaris for one of Linux.
fn code_out(signo: i32, linux: i32) -> i32 {
    if let Some((code, _)) = translate(&SENDERS, |(_, l)| *l == linux) {
        return code;
    }
    match (signo, linux) {
        // A program may queue a signal with any code below 0 (rt_sigqueueinfo).
        (_, ..=-1) => SI_QUEUE,
        (libc::SIGILL, 1..=8) => linux,
        (libc::SIGILL, 9) => ILL_ILLADR,
        (libc::SIGILL, _) => ILL_ILLOPC,
        (libc::SIGFPE, 1..=8) => linux,
        (libc::SIGFPE, _) => FPE_FLTINV,
        // Protection keys and shadow stacks forbid; bounds and what the kernel does not tell are bad addresses.
        (libc::SIGSEGV, 2 | 4 | 10) => SEGV_ACCERR,
        (libc::SIGSEGV, _) => SEGV_MAPERR,
        (libc::SIGBUS, 1..=3) => linux,
        (libc::SIGBUS, 4 | 5) => BUS_OBJERR,
        (libc::SIGBUS, _) => BUS_ADRERR,
        (libc::SIGTRAP, 1 | KERNEL) => TRAP_BRKPT,
        (libc::SIGTRAP, 2 | 3) => TRAP_TRACE,
        // Linux does not tell the kind of access. Whoever set the area may (crate::watch).
        (libc::SIGTRAP, 4 | 6) => TRAP_WWATCH,
        (libc::SIGCHLD | libc::SIGIO, 1..=6) => linux,
        (libc::SIGSYS, 1 | 2) => linux,
        _ => SI_NOINFO,
    }
}

/// The code of Linux for one of Solaris.
fn code_in(signo: i32, code: i32) -> i32 {
    if let Some((_, linux)) = translate(&SENDERS, |(s, _)| *s == code) {
        return linux;
    }
    match (signo, code) {
        (_, ..=-1) => -1,
        (libc::SIGFPE, FPE_FLTDEN) => FPE_FLTUND,
        (libc::SIGTRAP, TRAP_RWATCH..=TRAP_XWATCH) => 4,
        (libc::SIGILL | libc::SIGFPE, 1..=8) => code,
        (libc::SIGSEGV | libc::SIGTRAP | libc::SIGSYS, 1 | 2) => code,
        (libc::SIGBUS, 1..=3) => code,
        (libc::SIGCHLD | libc::SIGIO, 1..=6) => code,
        _ => KERNEL,
    }
}

/// Bytes of Linux's siginfo.
pub const LINUX_SIZE: usize = 128;

impl Siginfo {
    /// Bytes of the structure.
    pub fn size(model: Model) -> usize {
        <Self as Kind>::size(model)
    }

    /// The structure in memory.
    pub fn bytes(&self, model: Model) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::size(model));
        self.put(model, &mut out);
        out
    }

    /// Appends the structure.
    pub fn put(&self, model: Model, out: &mut Vec<u8>) {
        <Self as Kind>::put(self, model, out);
    }

    /// Reads the structure from the start of `bytes`; `None` if they are too few.
    pub fn take(model: Model, bytes: &[u8]) -> Option<Self> {
        <Self as Kind>::take(model, bytes)
    }

    /// What Linux tells of a signal, in its siginfo of 64 bits (from PTRACE_GETSIGINFO, waitid(2), signalfd(2) and the like).
    /// `pc` is that of the lwp: Linux does not tell where a fault was, and for some faults no address either. `None` for
    /// less than 48 bytes.
    pub fn of_linux(bytes: &[u8], pc: u64) -> Option<Siginfo> {
        let int = |at: usize| Some(i32::from_le_bytes(head(bytes.get(at..)?)?));
        let long = |at: usize| Some(u64::from_le_bytes(head(bytes.get(at..)?)?));
        let (signo, errno, linux, _) = (int(0)?, int(4)?, int(8)?, long(40)?);
        let watched = crate::watch::of_trapno(int(crate::watch::TRAPNO_AT)?);
        let watched = watched.filter(|_| (signo, linux) == (libc::SIGTRAP, crate::watch::CODE));
        let code = watched.map_or(code_out(signo, linux), |(kind, _)| kind as i32);
        // Decides which detail this code has; the content is Linux's.
        let mut detail = detail(signo, code, Model::Lp64, &[0; 256])?;
        match &mut detail {
            Detail::User(d) => {
                if code != SI_TIMER {
                    (d.si_pid, d.si_uid) = (int(16)?, int(20)? as u32);
                }
                if code != SI_USER && code != SI_LWP {
                    d.si_value = long(24)?;
                }
            }
            Detail::Child(d) => {
                (d.si_pid, d.si_status) = (int(16)?, int(24)?);
                (d.si_utime, d.si_stime) = (long(32)? as i64, long(40)? as i64);
            }
            Detail::Fault(d) => {
                (d.si_addr, d.si_pc) = (if linux == KERNEL { pc } else { long(16)? }, pc);
                if signo == libc::SIGSYS {
                    d.si_trapno = int(24)?;
                }
                d.si_trapno |= i32::from(watched.is_some_and(|(_, after)| after));
            }
            Detail::Poll(d) => (d.si_fd, d.si_band) = (int(24)?, long(16)? as i64),
            Detail::None | Detail::Resource(_) | Detail::Profile(_) => {}
        }
        Some(Siginfo { signo, code, errno, detail })
    }

    /// The same for Linux, as PTRACE_SETSIGINFO takes it.
    pub fn to_linux(&self) -> [u8; LINUX_SIZE] {
        fn set(out: &mut [u8; LINUX_SIZE], at: usize, bytes: &[u8]) {
            out.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
        }
        let mut out = [0; LINUX_SIZE];
        set(&mut out, 0, &self.signo.to_le_bytes());
        set(&mut out, 4, &self.errno.to_le_bytes());
        set(&mut out, 8, &code_in(self.signo, self.code).to_le_bytes());
        match &self.detail {
            Detail::User(d) => {
                if self.code != SI_TIMER {
                    set(&mut out, 16, &d.si_pid.to_le_bytes());
                    set(&mut out, 20, &d.si_uid.to_le_bytes());
                }
                if self.code != SI_USER && self.code != SI_LWP {
                    set(&mut out, 24, &d.si_value.to_le_bytes());
                }
            }
            Detail::Child(d) => {
                set(&mut out, 16, &d.si_pid.to_le_bytes());
                set(&mut out, 24, &d.si_status.to_le_bytes());
                set(&mut out, 32, &d.si_utime.to_le_bytes());
                set(&mut out, 40, &d.si_stime.to_le_bytes());
            }
            Detail::Fault(d) => {
                set(&mut out, 16, &d.si_addr.to_le_bytes());
                if self.signo == libc::SIGSYS {
                    set(&mut out, 24, &d.si_trapno.to_le_bytes());
                }
                if let (libc::SIGTRAP, Some((kind, _))) = (self.signo, crate::watch::of_trapno(self.code)) {
                    let trapno = crate::watch::trapno(kind, d.si_trapno != 0);
                    set(&mut out, crate::watch::TRAPNO_AT, &trapno.to_le_bytes());
                }
            }
            Detail::Poll(d) => {
                set(&mut out, 16, &d.si_band.to_le_bytes());
                set(&mut out, 24, &d.si_fd.to_le_bytes());
            }
            Detail::None | Detail::Resource(_) | Detail::Profile(_) => {}
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linux(signo: i32, code: i32, fields: &[(usize, u64, usize)]) -> [u8; LINUX_SIZE] {
        let mut bytes = [0; LINUX_SIZE];
        bytes[..4].copy_from_slice(&signo.to_le_bytes());
        bytes[8..12].copy_from_slice(&code.to_le_bytes());
        for (at, value, len) in fields {
            bytes[*at..at + len].copy_from_slice(&value.to_le_bytes()[..*len]);
        }
        bytes
    }

    #[test]
    fn senders() {
        for (code, solaris) in [(0, 0), (-6, -1), (-1, -2), (-3, -5), (-4, -4), (-17, -2)] {
            let bytes = linux(10, code, &[(16, 77, 4), (20, 1000, 4), (24, 0x1_2345_6789, 8)]);
            let info = Siginfo::of_linux(&bytes, 0).unwrap();
            let value = if code == 0 || code == -6 { 0 } else { 0x1_2345_6789 };
            let sender = SiUser { si_pid: 77, si_uid: 1000, si_value: value, ..SiUser::default() };
            assert_eq!(info, Siginfo { signo: 10, code: solaris, errno: 0, detail: Detail::User(sender) });
            assert_eq!(Siginfo::of_linux(&info.to_linux(), 0).unwrap(), info);
            assert_eq!(info.bytes(Model::Ilp32)[12..24], [77u32, 1000, value as u32].map(u32::to_le_bytes).concat());
        }
        assert_eq!(Siginfo::of_linux(&linux(10, 128, &[]), 0).unwrap().code, SI_NOINFO);
        // A timer has an id and a count where others have a sender.
        let timer = Siginfo::of_linux(&linux(14, -2, &[(16, 1, 4), (20, 2, 4), (24, 3, 8)]), 0).unwrap();
        assert_eq!(timer.detail, Detail::User(SiUser { si_value: 3, ..SiUser::default() }));
        assert_eq!(timer.code, SI_TIMER);
    }

    #[test]
    fn faults() {
        for (signo, code, solaris, back) in [
            (11, 1, 1, 1),
            (11, 2, 2, 2),
            (11, 4, 2, 2),
            (11, 128, 1, 1),
            (5, 128, 1, 1),
            (5, 2, 2, 2),
            (5, 4, 4, 4),
            (8, 1, 1, 1),
            (8, 14, 7, 7),
            (4, 2, 2, 2),
            (7, 3, 3, 3),
            (7, 4, 3, 3),
            (7, 128, 2, 2),
            (31, 1, 1, 1),
        ] {
            let info = Siginfo::of_linux(&linux(signo, code, &[(16, 0x1000, 8), (24, 39, 4)]), 0x400).unwrap();
            assert_eq!((info.signo, info.code), (signo, solaris));
            let Detail::Fault(fault) = &info.detail else { panic!("{info:?}") };
            assert_eq!(fault.si_addr, if code == 128 { 0x400 } else { 0x1000 });
            assert_eq!((fault.si_pc, fault.si_trapno), (0x400, if signo == 31 { 39 } else { 0 }));
            assert_eq!(info.to_linux()[8], back);
        }
    }

    #[test]
    fn watched_areas() {
        for (code, after) in [(TRAP_RWATCH, 0), (TRAP_WWATCH, 1), (TRAP_XWATCH, 0)] {
            let bytes = linux(5, 4, &[(16, 0x1000, 8), (24, code as u64 | after << 8, 4)]);
            let info = Siginfo::of_linux(&bytes, 0x400).unwrap();
            assert_eq!(info.code, code);
            let fault = SiFault { si_addr: 0x1000, si_trapno: after as i32, si_pc: 0x400 };
            assert_eq!(info.detail, Detail::Fault(fault));
            assert_eq!(info.to_linux(), bytes);
        }
        // Of a register that the program, or a debugger, has set.
        assert_eq!(Siginfo::of_linux(&linux(5, 4, &[(24, 7, 4)]), 0).unwrap().code, TRAP_WWATCH);
    }

    #[test]
    fn children_and_files() {
        let bytes = linux(17, 2, &[(16, 9, 4), (20, 1, 4), (24, 15, 4), (32, 5, 8), (40, 6, 8)]);
        let info = Siginfo::of_linux(&bytes, 0).unwrap();
        let Detail::Child(child) = &info.detail else { panic!("{info:?}") };
        assert_eq!((child.si_pid, child.si_status, child.si_utime, child.si_stime), (9, 15, 5, 6));
        assert_eq!(Siginfo::of_linux(&info.to_linux(), 0).unwrap(), info);
        let info = Siginfo::of_linux(&linux(29, 1, &[(16, 0x41, 8), (24, 3, 4)]), 0).unwrap();
        assert_eq!(info.detail, Detail::Poll(SiPoll { si_fd: 3, si_band: 0x41 }));
        assert_eq!(Siginfo::of_linux(&info.to_linux(), 0).unwrap(), info);
        assert_eq!(Siginfo::of_linux(&[0; 47], 0), None);
    }
}
