//! The structured process files of Solaris 2.6 and later (proc(4)) as data: each structure once, in both data models, and the
//! numbers that stand in them. Values in, bytes out, and back; who fills the values in is no matter of this module.
//!
//! Formats and flags are those of Solaris on x86. Three kinds of number are Linux's own, so that they mean the same as
//! everywhere else on the machine: signals, errno values, and system calls. The last are shifted by one ([`numbers::syscall_out`]),
//! because a set of Solaris has no member 0.

pub mod cred;
pub mod fdinfo;
pub mod message;
pub mod numbers;
pub mod records;
pub mod regs;
pub mod set;
pub mod siginfo;
pub mod xregs;

#[cfg(test)]
mod tests;

pub use crate::{model, record, Model};
