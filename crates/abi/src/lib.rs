//! Pure data: names, numbers, sets. Bytes and words to values and back; no I/O.

#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod bsd;
pub mod fault;
pub mod model;
pub mod record;
pub mod set;
pub mod signal;
pub mod solaris;
pub mod syscall;
#[rustfmt::skip]
mod syscall_args;
#[rustfmt::skip]
mod syscall_table;
pub mod user_regs;
pub mod watch;

pub use model::Model;
