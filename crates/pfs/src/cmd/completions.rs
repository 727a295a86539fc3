//! `pfs completions`.

use crate::cli::{Cli, Completions};
use anyhow::Result;
use clap::CommandFactory;

pub(super) fn run(args: &Completions) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "pfs", &mut text);
    super::print(&String::from_utf8_lossy(&text))
}
