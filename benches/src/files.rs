//! `small-file`: what one read of a generated file costs.

use crate::bed::{micros, Bed, Place};
use crate::figure::Figure;
use crate::Report;
use anyhow::{ensure, Result};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

const TURNS: usize = 2000;

fn open_read_close(path: &Path) -> Result<f64> {
    let mut buffer = [0; 4096];
    let all = micros(|| {
        for _ in 0..TURNS {
            ensure!(File::open(path)?.read(&mut buffer)? > 0, "empty");
        }
        Ok(())
    })?;
    Ok(all / TURNS as f64)
}

fn pread(file: &File) -> Result<f64> {
    let mut buffer = [0; 4096];
    let all = micros(|| {
        for _ in 0..TURNS {
            ensure!(file.read_at(&mut buffer, 0)? > 0, "empty");
        }
        Ok(())
    })?;
    Ok(all / TURNS as f64)
}

/// `holders` of a process that is held, against the same text served by libfuse.
pub fn small_file(bed: &Bed, report: &mut Report) -> Result<()> {
    for place in Place::ALL {
        bed.place(place)?;
        let target = bed.target(&["threads", "1"])?;
        let mount = bed.mount()?;
        fs::write(mount.file(target.pid(), "ctl"), "stop")?;
        let ours = mount.file(target.pid(), "holders");
        let text = fs::read_to_string(&ours)?;
        for (how, peer, limit) in [("multi", "libfuse", true), ("single", "libfuse with one thread", false)] {
            let server = bed.file_server(how, target.pid(), &text)?;
            let theirs = server.path().join(target.pid().to_string()).join("holders");
            ensure!(fs::read_to_string(&theirs)? == text, "the peer shows another text");
            let add = |report: &mut Report, what: &str, (a, b)| {
                let figure = Figure::new(format!("small-file {what}, {}", place.name()), "µs", a, peer, b);
                report.add(if limit { figure.at_most(1.0) } else { figure });
            };
            let sides = bed.turns(|| open_read_close(&ours), || open_read_close(&theirs))?;
            add(report, "open+read+close", sides);
            let (a, b) = (File::open(&ours)?, File::open(&theirs)?);
            let sides = bed.turns(|| pread(&a), || pread(&b))?;
            add(report, "pread", sides);
        }
    }
    bed.place(Place::Free)
}
