//! Processes under control. The only code that decides whether a thread runs.
//!
//! * [`process`]: what is known of one process: its threads, the seats that hold it, who waits. A pure state machine: reports
//!   and orders in, [`process::Action`]s out; no system call in it.
//! * `tracer`: the thin shell around it: one thread that does every ptrace call and every wait.
//! * [`seat`], [`event`], [`stream`]: what a client holds of a process, what it is told, and how it reads it.
//! * `follow`: how the tracer thread stays near a lone thread that stops again and again.
//! * [`agent`]: a thread of ours in a process, for such a flavour.
//! * [`identity`]: new ids for all threads of a process. [`dispositions`]: what it does with its signals.
//! * [`watch`]: watched areas, pure; `watching`: the watch registers of the threads; `pages`: protected pages, for which
//!   `protector` makes a userfaultfd in the process, and `stores` knows what an instruction writes.
//! * [`lwp`]: the messages and views of flavours that have lwps (Solaris).
//! * [`turns`]: seats that show one event at a time: tracing by one controller, and stop events (the BSDs).
//! * `published`: what the tracer thread lets others see without asking it.
//! * [`engine`]: the handle that flavours use; its calls queue jobs for the tracer thread and never wait for it.

#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod agent;
pub mod dispositions;
pub mod engine;
pub mod error;
pub mod event;
mod exits;
mod follow;
mod glance;
pub mod identity;
mod in_exec;
mod inject;
mod judge;
mod looking;
pub mod lwp;
mod operands;
mod pages;
pub mod process;
mod protector;
mod published;
pub mod registers;
mod restarts;
pub mod seat;
mod share;
pub mod stream;
mod tracer;
mod trap_flag;
pub mod turns;
pub mod watch;
mod watcher;
mod watching;

pub use engine::{Engine, Held, SeatShown, Target};
pub use error::Refusal;
pub use seat::{Opener, SeatId};
