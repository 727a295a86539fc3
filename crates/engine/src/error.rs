//! Why an order was refused: an errno for the system call, a sentence for whoever asks.

use std::fmt;
use std::io;

/// A refused order. The sentence names verb, target and, where there is one, the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// Value for the client's system call (`libc::E*`).
    pub errno: i32,
    /// The sentence, without a final stop.
    pub text: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Refusal {
    /// A refusal with `errno` and a sentence.
    pub fn new(errno: i32, text: impl Into<String>) -> Refusal {
        Refusal { errno, text: text.into() }
    }

    /// The process has ended.
    pub fn gone(pid: i32) -> Refusal {
        Refusal::new(libc::ESRCH, format!("{pid}: the process has ended"))
    }

    /// The process runs another program, and who asks may not control it any more.
    pub fn lost(pid: i32) -> Refusal {
        Refusal::new(libc::EACCES, format!("{pid}: it runs another program now, which you may not control"))
    }

    /// What a system call on behalf of `verb` said.
    pub fn os(verb: &str, pid: i32, e: &io::Error) -> Refusal {
        Refusal::new(e.raw_os_error().unwrap_or(libc::EIO), format!("{verb} {pid}: {e}"))
    }
}
