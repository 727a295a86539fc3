//! What can happen to a thread, as one line of JSON.

use abi::{fault, signal, syscall};
use kernel::ptrace::{is_narrow, Tid};
use serde_json::json;

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
        let (abi, args) = match is_narrow(r) {
            true => (syscall::Abi::I386, [r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp]),
            false => (syscall::Abi::X86_64, [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9]),
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
    End(kernel::wait::Status),
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

    /// The fields beside the word.
    fn detail(&self) -> serde_json::Value {
        match self {
            What::Requested | What::Continued | What::Stepped => json!({}),
            What::Signal(i) => json!({"signal": signal::name(i.signo), "code": i.code, "from": i.pid, "uid": i.uid}),
            What::Fault(f, i) => json!({
                "fault": fault::name(*f), "signal": signal::name(i.signo), "code": i.code, "addr": format!("{:#x}", i.addr)
            }),
            What::Entry(c) => json!({"call": syscall::name(c.abi, c.nr), "nr": c.nr, "args": c.args}),
            What::Exit(Some(c), r) => json!({"call": syscall::name(c.abi, c.nr), "nr": c.nr, "result": r}),
            What::Exit(None, r) => json!({"result": r}),
            What::Fork { child, vfork } => json!({"child": child, "vfork": vfork}),
            What::Exec { from } => json!({"from": from}),
            What::End(kernel::wait::Status::Exited(code)) => json!({"status": code}),
            What::End(kernel::wait::Status::Signaled(s, core)) => json!({"signal": signal::name(*s), "core": core}),
            What::End(kernel::wait::Status::Stopped(..)) => json!({}),
            What::JobStop(s) | What::Delivery(s) => json!({"signal": signal::name(*s)}),
            What::Core => json!({}),
            What::Ending(status) => json!({"status": status}),
        }
    }

    /// One line: `{"seq":…,"event":…,"pid":…,"tid":…,"stopped":…,…}` and a newline.
    pub fn line(&self, seq: u64, pid: Tid, tid: Tid, stopped: bool) -> String {
        let mut o = serde_json::Map::new();
        o.insert("seq".into(), seq.into());
        o.insert("event".into(), self.word().into());
        o.insert("pid".into(), pid.into());
        o.insert("tid".into(), tid.into());
        o.insert("stopped".into(), stopped.into());
        if let serde_json::Value::Object(more) = self.detail() {
            o.extend(more);
        }
        let mut line = serde_json::Value::Object(o).to_string();
        line.push('\n');
        line
    }
}
