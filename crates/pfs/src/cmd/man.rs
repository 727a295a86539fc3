//! `pfs man`.

use crate::cli::{Cli, Man};
use anyhow::{Context, Result};
use clap::CommandFactory;

pub(super) fn run(args: &Man) -> Result<()> {
    let fail = || format!("cannot write the manual pages into {}", args.dir.display());
    std::fs::create_dir_all(&args.dir).with_context(fail)?;
    clap_mangen::generate_to(Cli::command(), &args.dir).with_context(fail)
}
