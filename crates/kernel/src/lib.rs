//! Typed wrappers over what Linux offers. Nearly all `unsafe` of the project is here.

// A line that cannot be written must not panic.
#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod apart;
pub mod creds;
pub mod epoll;
pub mod exits;
pub mod heap;
pub mod helper;
pub mod host;
pub mod inherited;
pub mod ledger;
mod lifeline;
pub mod lifted;
pub mod machine;
pub mod namespaces;
pub mod peer;
pub mod perf;
pub mod pidfd;
pub mod procfs;
pub mod ptrace;
pub mod reach;
pub mod say;
pub mod socket;
pub mod thread;
pub mod tty;
pub mod userfault;
pub mod wait;
pub mod watchdog;
pub mod xstate;
