//! What can happen to a thread, as one line of JSON.

use abi::{fault, signal, syscall};
use kernel::ptrace::{is_narrow, Tid};
use kernel::wait::Status;
use serde::ser::{SerializeMap, Serializer};
use std::io;

/// Where a signal came from (`siginfo_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SigInfo {
    /// Signal number.
    pub signo: i32,
    /// `si_code`: positive if the kernel raised it for something that the thread did.
    pub code: i32,
    /// Sender's process id, 0 if not sent by a process.
    pub pid: i32,
    /// Sender's uid.
    pub uid: u32,
    /// Faulting address of a fault.
    pub addr: u64,
    /// What comes of it, if somebody asks.
    pub fate: Fate,
}

/// What a signal does to a process when it is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Fate {
    /// Anything else than what follows, or nobody has asked.
    #[default]
    Acts,
    /// The process ignores it.
    Ignored,
    /// It is of those that do nothing if they are not caught.
    Nothing,
    /// The process ends and leaves a core file.
    Core,
}

/// A system call that a thread is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Number in the table of `abi`.
    pub nr: u64,
    /// Table.
    pub abi: syscall::Abi,
    /// Arguments.
    pub args: [u64; 6],
}

impl Call {
    /// The call that a thread with these registers is in, or was in last.
    pub fn of(r: &libc::user_regs_struct) -> Call {
        Call::in_table(r, if is_narrow(r) { syscall::Abi::I386 } else { syscall::Abi::X86_64 })
    }

    /// The same where it is known to be a call of this table.
    pub fn in_table(r: &libc::user_regs_struct, abi: syscall::Abi) -> Call {
        let args = match abi {
            syscall::Abi::I386 => [r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp].map(|arg| arg & u64::from(u32::MAX)),
            syscall::Abi::X86_64 => [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9],
        };
        Call { nr: r.orig_rax, abi, args }
    }

    /// The call that a thread with these registers was stopped in, and that the kernel makes again when it runs.
    pub fn slept_in(r: &libc::user_regs_struct) -> Option<Call> {
        let inside = r.orig_rax as i64 >= 0 && syscall::is_made_again((r.rax as i32).into());
        inside.then(|| Call::of(r))
    }
}

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Stopped because a seat asked.
    Requested,
    /// A signal is about to be delivered.
    Signal(SigInfo),
    /// The processor raised a fault.
    Fault(u8, SigInfo),
    /// A system call begins.
    Entry(Call),
    /// A system call ends; negative errno on failure. `None`: the entry was not seen.
    Exit(Option<Call>, i64),
    /// fork or vfork made a child process.
    Fork {
        /// The child.
        child: Tid,
        /// By vfork.
        vfork: bool,
    },
    /// A new program image.
    Exec {
        /// The thread that called exec, which now has the process's id.
        from: Tid,
    },
    /// The process ended, with this wait status.
    End(Status),
    /// Job control stopped it.
    JobStop(i32),
    /// SIGCONT ended the job-control stop.
    Continued,
    /// A requested step is done.
    Stepped,
    /// A signal that has been seen is about to act.
    Delivery(i32),
    /// A core file is about to be written.
    Core,
    /// The process is about to end, with this wait status; its memory is still there.
    Ending(i32),
}

impl What {
    /// The word for it, in `waitstop`'s and the event lines' language.
    pub fn word(&self) -> &'static str {
        match self {
            What::Requested => "requested",
            What::Signal(_) => "signal",
            What::Fault(..) => "fault",
            What::Entry(_) => "entry",
            What::Exit(..) => "exit",
            What::Fork { .. } => "fork",
            What::Exec { .. } => "exec",
            What::End(_) => "end",
            What::JobStop(_) => "jobstop",
            What::Continued => "continued",
            What::Stepped => "step",
            What::Delivery(_) => "delivery",
            What::Core => "core",
            What::Ending(_) => "ending",
        }
    }

    /// One line: `{"seq":…,"event":…,"pid":…,"tid":…,"stopped":…,…}` and a newline.
    pub fn line(&self, seq: u64, pid: Tid, tid: Tid, stopped: bool) -> String {
        let mut line = Vec::with_capacity(192);
        let written = self.write(&mut line, seq, pid, tid, stopped);
        debug_assert!(written.is_ok(), "memory takes all, and the keys are text");
        line.push(b'\n');
        String::from_utf8(line).unwrap_or_default()
    }

    fn write(&self, to: impl io::Write, seq: u64, pid: Tid, tid: Tid, stopped: bool) -> serde_json::Result<()> {
        let mut json = serde_json::Serializer::new(to);
        let mut o = json.serialize_map(None)?;
        o.serialize_entry("seq", &seq)?;
        o.serialize_entry("event", self.word())?;
        o.serialize_entry("pid", &pid)?;
        o.serialize_entry("tid", &tid)?;
        o.serialize_entry("stopped", &stopped)?;
        match self {
            What::Signal(i) => {
                o.serialize_entry("signal", &signal::name(i.signo))?;
                o.serialize_entry("code", &i.code)?;
                o.serialize_entry("from", &i.pid)?;
                o.serialize_entry("uid", &i.uid)?;
            }
            What::Fault(f, i) => {
                o.serialize_entry("fault", &fault::name(*f))?;
                o.serialize_entry("signal", &signal::name(i.signo))?;
                o.serialize_entry("code", &i.code)?;
                o.serialize_entry("addr", &format_args!("{:#x}", i.addr))?;
            }
            What::Entry(c) => {
                o.serialize_entry("call", &syscall::name(c.abi, c.nr))?;
                o.serialize_entry("nr", &c.nr)?;
                o.serialize_entry("args", &c.args)?;
            }
            What::Exit(call, result) => {
                if let Some(c) = call {
                    o.serialize_entry("call", &syscall::name(c.abi, c.nr))?;
                    o.serialize_entry("nr", &c.nr)?;
                }
                o.serialize_entry("result", result)?;
            }
            What::Fork { child, vfork } => {
                o.serialize_entry("child", child)?;
                o.serialize_entry("vfork", vfork)?;
            }
            What::Exec { from } => o.serialize_entry("from", from)?,
            What::End(Status::Exited(code)) => o.serialize_entry("status", code)?,
            What::End(Status::Signaled(s, core)) => {
                o.serialize_entry("signal", &signal::name(*s))?;
                o.serialize_entry("core", core)?;
            }
            What::JobStop(s) | What::Delivery(s) => o.serialize_entry("signal", &signal::name(*s))?,
            What::Ending(status) => o.serialize_entry("status", status)?,
            What::Requested | What::Continued | What::Stepped | What::Core | What::End(Status::Stopped(..)) => {}
        }
        o.end()
    }
}
