//! `syscall`: what a traced system call that interests nobody costs.

use crate::bed::{numbers, Bed, Place, Target};
use crate::figure::{Figure, Side};
use crate::Report;
use anyhow::Result;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::Command;

const CALLS: u64 = 20_000;

/// A seat that waits for a call never made, against strace that shows none, both without a filter in the target. The daemon runs
/// where it likes; the target too, or on one CPU, as strace and its target always do.
pub fn syscall(bed: &Bed, report: &mut Report) -> Result<()> {
    for place in Place::ALL {
        let mount = bed.mount()?;
        bed.place(place)?;
        let mut target = bed.target(&["calls"])?;
        bed.place(Place::Free)?;
        let each = |target: &mut Target| Ok(target.ask(CALLS)? as f64 / CALLS as f64 / 1e3);
        let bare = Side::of((0..bed.rounds).map(|_| each(&mut target)).collect::<Result<_>>()?);
        let mut seat = OpenOptions::new().read(true).write(true).open(mount.file(target.pid(), "seat"))?;
        seat.write_all(b"mode report\ntrace in close")?;
        let strace = || {
            let mut command = Command::new("taskset");
            command.args(["-c", &bed.first_cpu().to_string(), "strace", "-e", "trace=none", "-o", "/dev/null"]);
            command.arg(bed.peer("target").get_program()).args(["calls", &CALLS.to_string()]);
            Ok(numbers(&mut command)?[0] / CALLS as f64 / 1e3)
        };
        let (a, b) = bed.turns(|| each(&mut target), strace)?;
        let name = format!("syscall traced (untraced {:.2} µs), target {}", bare.median, place.name());
        report.add(Figure::new(name, "µs", a, "strace on one CPU", b).at_most(1.2));
    }
    Ok(())
}
