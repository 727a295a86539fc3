//! The command `pfs`: mounts, unmounts, and tells what is held.
//!
//! One daemon per user serves all mounts of that user. The command that mounts does so in its own name and in its own
//! mount namespace, and hands the open `/dev/fuse` to the daemon; the first `pfs mount` starts the daemon, and the
//! last unmount ends it.

#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod cli;
pub mod cmd;
pub mod control;
pub mod daemon;
pub mod mounts;
pub mod options;
pub mod runtime;
pub mod service;

use clap::Parser;
use std::process::ExitCode;

/// Exit code of a command that failed. (0: done; 2: the command line was wrong.)
pub const FAILED: u8 = 1;

/// Parses the command line, runs the command, and prints what went wrong.
pub fn main() -> ExitCode {
    let done = match cli::Cli::try_parse() {
        Ok(cli) => cmd::run(cli.command),
        Err(wrong) if wrong.use_stderr() => wrong.exit(),
        // --help, --version.
        Err(asked) => cmd::written(asked.print()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            kernel::say::line(format_args!("pfs: {e:#}"));
            ExitCode::from(FAILED)
        }
    }
}
