//! SIGCONT for a process in which nobody of us is left to take back the stop signals that we have had sent ([`crate::exits`]).
//!
//! The kernel sends it, not we: the process is the owner of the reading end of a pipe (F_SETOWN), and is told (O_ASYNC, F_SETSIG)
//! when the writing end closes. With the last of us it does, and that before the kernel lets go of our tracees. A stop signal that
//! waits in a queue goes away by it, and one that was taken from a queue, and reported to nobody, stops the thread no more.
//!
//! The kernel closes the descriptors of the dead from the highest number to the lowest, so the writing end is the higher one.

use crate::exits;
use std::io;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

/// Processes that can have one at once.
pub(crate) const MOST: usize = 1024;

/// Descriptors, plus one; 0 for none.
struct Ends {
    reader: AtomicI32,
    writer: AtomicI32,
}

static TABLE: [Ends; MOST] = [const { Ends { reader: AtomicI32::new(0), writer: AtomicI32::new(0) } }; MOST];

/// As long as this lives, the end of all of us is a SIGCONT for a process.
pub(crate) struct Lifeline {
    row: usize,
    /// It is.
    on: bool,
}

fn control(fd: i32, command: i32, argument: i32) -> io::Result<()> {
    // SAFETY: a plain system call with a number for its argument.
    match unsafe { libc::fcntl(fd, command, argument) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Closes the descriptor that is entered here. Async-signal-safe.
fn close(entry: &AtomicI32) {
    let fd = entry.swap(0, Relaxed) - 1;
    if fd >= 0 {
        // SAFETY: a descriptor of ours that nobody else uses, and nobody after us.
        unsafe { libc::close(fd) };
    }
}

impl Lifeline {
    /// Only the tracer makes them.
    pub fn new(pid: libc::pid_t) -> io::Result<Lifeline> {
        const SETSIG: i32 = 10;
        let full = || io::Error::from_raw_os_error(libc::ENOSPC);
        let row = TABLE.iter().position(|e| e.writer.load(Relaxed) == 0).ok_or_else(full)?;
        let mut fds = [0; 2];
        // SAFETY: room for two descriptors.
        if unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) } == -1 {
            return Err(io::Error::last_os_error());
        }
        TABLE[row].reader.store(fds[0] + 1, Relaxed);
        TABLE[row].writer.store(fds[1] + 1, Relaxed);
        let mut line = Lifeline { row, on: false };
        control(fds[0], libc::F_SETOWN, pid)?;
        control(fds[0], SETSIG, libc::SIGCONT)?;
        line.set(true)?;
        Ok(line)
    }

    /// Whether there is to be a SIGCONT: not for a process that others have stopped.
    pub fn set(&mut self, on: bool) -> io::Result<()> {
        if self.on != on {
            let fd = TABLE[self.row].reader.load(Relaxed) - 1;
            control(fd, libc::F_SETFL, if on { libc::O_ASYNC } else { 0 })?;
            self.on = on;
        }
        Ok(())
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        close(&TABLE[self.row].reader);
        close(&TABLE[self.row].writer);
    }
}

/// Nobody needs the SIGCONT any more. Async-signal-safe; for the tracer, which is to end next.
pub(crate) fn cut_all() {
    TABLE.iter().for_each(|e| close(&e.reader));
}

/// The tracer is dead, killed without paying: the daemon has the SIGCONT sent now.
pub(crate) fn pull_all() {
    exits::await_senders();
    TABLE.iter().for_each(|e| close(&e.writer));
}
