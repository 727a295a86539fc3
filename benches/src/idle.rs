//! `idle`: what the daemon costs while nobody asks anything.

use crate::bed::Bed;
use crate::figure::Figure;
use crate::{scale, Report};
use anyhow::{ensure, Context, Result};
use std::fs;
use std::time::Duration;

/// Of the daemon and of its tracer.
fn ticks(daemon: u32) -> Result<u64> {
    let tasks = fs::read_dir(format!("/proc/{daemon}/task"))?;
    let children =
        tasks.map(|task| Ok(fs::read_to_string(task?.path().join("children"))?)).collect::<Result<String>>()?;
    let tracers = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    tracers.chain([daemon]).map(ticks_of).sum()
}

fn ticks_of(pid: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(')').context("stat without a name")?;
    let field = |n: usize| rest.split_whitespace().nth(n - 3).and_then(|w| w.parse::<u64>().ok()).context("stat");
    Ok(field(14)? + field(15)?)
}

fn resident(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>()? / 1024.0)
}

/// After 2,000 processes were listed and read.
pub fn idle(bed: &Bed, report: &mut Report) -> Result<()> {
    let mount = bed.mount()?;
    let _sleepers = bed.target(&["sleepers", "2000"])?;
    ensure!(scale::read_all(mount.path())? >= 2000, "not all processes were read");
    std::thread::sleep(Duration::from_secs(2));
    let before = ticks(mount.daemon())?;
    std::thread::sleep(Duration::from_secs(10));
    let used = ticks(mount.daemon())? - before;
    report.add(Figure::alone("idle, CPU in 10 s", "ticks", used as f64, 0.0));
    report.add(Figure::alone("idle, resident memory", "MiB", resident(mount.daemon())?, 20.0));
    Ok(())
}
