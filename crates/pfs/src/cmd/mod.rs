//! The commands, one file each.

mod completions;
mod daemon;
mod man;
mod mount;
mod shutdown;
mod status;
mod umount;

use crate::cli::Command;
use anyhow::{Context, Result};
use serde::Serialize;

/// Runs a command.
pub fn run(command: Command) -> Result<()> {
    match command {
        Command::Mount(args) => mount::run(&args),
        Command::Umount(args) => umount::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Shutdown(args) => shutdown::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
        Command::Daemon => daemon::run(),
    }
}

/// Prints an answer in JSON, with the version of its form.
fn print_json(body: &impl Serialize) -> Result<()> {
    #[derive(Serialize)]
    struct Versioned<'a, T> {
        v: u64,
        #[serde(flatten)]
        body: &'a T,
    }
    print(&format!("{}\n", serde_json::to_string(&Versioned { v: crate::control::VERSION, body })?))
}

/// Prints.
fn print(text: &str) -> Result<()> {
    use std::io::Write;
    written(std::io::stdout().write_all(text.as_bytes()))
}

/// What became of an answer on standard output; a reader that went away is no error.
pub(crate) fn written(result: std::io::Result<()>) -> Result<()> {
    use std::io::Write;
    match result.and_then(|()| std::io::stdout().flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e).context("cannot write the answer"),
        _ => Ok(()),
    }
}
