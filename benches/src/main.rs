//! The benchmarks: pfs and its peer in the same run, in turns, medians of several rounds.
//!
//! A missed limit is told, not an error: times depend on the machine. `--strict` makes it one.

mod bed;
mod calls;
mod figure;
mod files;
mod idle;
mod memory;
mod scale;
mod solaris;
mod stops;

use anyhow::{Context, Result};
use bed::Bed;
use clap::Parser;
use figure::Figure;
use serde::Serialize;
use std::process::ExitCode;

/// Runs the benchmarks.
#[derive(Parser)]
struct Args {
    /// Which; all if none is named.
    #[arg(value_parser = ALL.map(|(name, _)| name))]
    names: Vec<String>,
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
    /// Exit with 1 if a limit is missed.
    #[arg(long)]
    strict: bool,
    /// Rounds of which the median is taken.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(5..))]
    rounds: u32,
}

/// One benchmark: adds its figures to the report.
type Bench = fn(&Bed, &mut Report) -> Result<()>;

const ALL: [(&str, Bench); 13] = [
    ("small-file", files::small_file),
    ("stop-run", stops::stop_run),
    ("stop-100", stops::stop_100),
    ("mem", memory::mem),
    ("syscall", calls::syscall),
    ("scale", scale::scale),
    ("idle", idle::idle),
    ("solaris-stop-run", solaris::stop_run),
    ("solaris-breakpoint", solaris::breakpoint),
    ("solaris-syscall", solaris::syscall),
    ("syscall-events", solaris::syscall_events),
    ("solaris-psinfo", solaris::psinfo),
    ("solaris-one-exit", solaris::one_exit),
];

/// What was measured, printed as it comes.
struct Report {
    lines: bool,
    figures: Vec<Figure>,
}

impl Report {
    fn add(&mut self, figure: Figure) {
        if self.lines {
            println!("{figure}");
        }
        self.figures.push(figure);
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    machine: bed::Machine,
    figures: &'a [Figure],
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(missed) if missed && args.strict => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("pfs-benches: {e:#}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<bool> {
    let machine = bed::Machine::look()?;
    if !args.json {
        println!("{machine}");
    }
    let bed = Bed::new(args.rounds as usize)?;
    let mut report = Report { lines: !args.json, figures: vec![] };
    for (name, bench) in ALL {
        if args.names.is_empty() || args.names.iter().any(|n| n == name) {
            bench(&bed, &mut report).with_context(|| name.to_string())?;
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&Whole { machine, figures: &report.figures })?);
    }
    Ok(report.figures.iter().any(|f| !f.ok))
}
