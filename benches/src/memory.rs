//! `mem`: how fast the memory of a process is read.

use crate::bed::{micros, Bed};
use crate::figure::Figure;
use crate::Report;
use anyhow::{ensure, Result};
use std::fs::File;
use std::os::unix::fs::FileExt;

const PIECE: usize = 1 << 20;
const PIECES: u64 = 64;

/// GB/s over the whole region.
fn read(file: &File, start: u64, buffer: &mut [u8]) -> Result<f64> {
    let time = micros(|| {
        for i in 0..PIECES {
            let n = file.read_at(buffer, start + i * PIECE as u64)?;
            ensure!(n == PIECE, "a read of {PIECE} bytes gave {n}");
        }
        Ok(())
    })?;
    Ok(PIECES as f64 * PIECE as f64 / time / 1e3)
}

/// Through the mount and through the kernel's own file.
pub fn mem(bed: &Bed, report: &mut Report) -> Result<()> {
    let target = bed.target(&["memory", &PIECES.to_string()])?;
    let mount = bed.mount()?;
    let ours = File::open(mount.file(target.pid(), "mem"))?;
    let theirs = File::open(format!("/proc/{}/mem", target.pid()))?;
    let (mut a, mut b) = (vec![0; PIECE], vec![0; PIECE]);
    for file in [&ours, &theirs] {
        file.read_exact_at(&mut a, target.said)?;
        // As peers/target.c fills it.
        ensure!(a.iter().enumerate().all(|(i, byte)| *byte == (i as u8).wrapping_mul(31)), "not what the target wrote");
    }
    let (a, b) = bed.turns(|| read(&ours, target.said, &mut a), || read(&theirs, target.said, &mut b))?;
    let ok = a.median >= 2.0 || a.median >= 0.4 * b.median;
    report.add(Figure::new("mem, preads of 1 MiB", "GB/s", a, "/proc", b).must("≥ 2 GB/s or ≥ 0.4", ok));
    Ok(())
}
