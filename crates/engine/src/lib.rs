//! Processes under control. The only code that decides whether a thread runs.
//!
//! * [`process`]: what is known of one process: its threads, the seats that hold it, who waits. A pure state machine: reports
//!   and orders in, [`process::Action`]s out; no system call in it.
//! * `tracer`: the thin shell around it: one thread that does every ptrace call and every wait.
//! * [`seat`], [`event`], [`stream`]: what a client holds of a process, what it is told, and how it reads it.
//! * `follow`: how the tracer thread stays near a lone thread that stops again and again.
//! * [`lwp`]: the messages and views of flavours that have lwps (Solaris).
//! * `published`: what the tracer thread lets others see without asking it.
//! * [`engine`]: the handle that flavours use; its calls queue jobs for the tracer thread and never wait for it.

pub mod engine;
pub mod error;
pub mod event;
mod exits;
mod follow;
mod inject;
pub mod lwp;
pub mod process;
mod published;
pub mod registers;
pub mod seat;
pub mod stream;
mod tracer;
mod watcher;

pub use engine::{Engine, Held, SeatShown, Target};
pub use error::Refusal;
pub use seat::{Opener, SeatId};
