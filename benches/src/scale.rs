//! `scale`: what a process costs when there are many.

use crate::bed::{micros, Bed};
use crate::figure::{Figure, Side};
use crate::Report;
use anyhow::{ensure, Result};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// Longer than a name is remembered.
const FORGOTTEN: Duration = Duration::from_millis(1100);

fn names(root: &Path) -> Result<Vec<String>> {
    let mut all = vec![];
    for entry in fs::read_dir(root)? {
        if let Ok(name) = entry?.file_name().into_string() {
            if name.starts_with(|c: char| c.is_ascii_digit()) {
                all.push(name);
            }
        }
    }
    Ok(all)
}

/// Microseconds per process.
fn list(root: &Path) -> Result<f64> {
    let mut n = 0;
    let time = micros(|| {
        n = names(root)?.len();
        Ok(())
    })?;
    Ok(time / n as f64)
}

/// Reads the file `stat` of each process; how many there were.
pub fn read_all(root: &Path) -> Result<usize> {
    let mut buffer = [0; 4096];
    let mut n = 0;
    for name in names(root)? {
        // Who ends meanwhile is not counted.
        let Ok(mut file) = File::open(root.join(name).join("stat")) else { continue };
        n += usize::from(file.read(&mut buffer).unwrap_or(0) > 0);
    }
    Ok(n)
}

fn stats(root: &Path) -> Result<f64> {
    let mut n = 0;
    let time = micros(|| {
        n = read_all(root)?;
        Ok(())
    })?;
    ensure!(n > 0, "no process was read");
    Ok(time / n as f64)
}

/// 200 and 2,000 processes that sleep.
pub fn scale(bed: &Bed, report: &mut Report) -> Result<()> {
    let mount = bed.mount()?;
    let (ours, theirs) = (mount.path(), Path::new("/proc"));
    let few = bed.target(&["sleepers", "200"])?;
    let at_few = measure(bed, report, 200, ours, theirs)?;
    let more = bed.target(&["sleepers", "1800"])?;
    let at_many = measure(bed, report, 2000, ours, theirs)?;
    drop((few, more));
    for ((name, few), (_, many)) in at_few.into_iter().zip(at_many) {
        report.add(Figure::new(format!("scale {name}, 2000 against 200"), "µs", many, "at 200", few).at_most(1.2));
    }
    Ok(())
}

fn measure(bed: &Bed, report: &mut Report, n: usize, ours: &Path, theirs: &Path) -> Result<[(&'static str, Side); 2]> {
    let (a, b) = bed.turns(|| list(ours), || list(theirs))?;
    report.add(Figure::new(format!("scale ls, {n} processes, each"), "µs", a.clone(), "/proc", b));
    let cold = || {
        std::thread::sleep(FORGOTTEN);
        stats(ours)
    };
    let (c, d) = bed.turns(cold, || stats(theirs))?;
    report.add(Figure::new(format!("scale stat, {n} processes, each"), "µs", c.clone(), "/proc", d));
    Ok([("ls", a), ("stat", c)])
}
