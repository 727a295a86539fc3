//! `stop-run` and `stop-100`: what stopping costs, against the bare ptrace loop.

use crate::bed::{micros, numbers, Bed, Mount, Place, Target};
use crate::figure::{Figure, Side};
use crate::Report;
use anyhow::{Context, Result};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

fn seat(mount: &Mount, target: &Target) -> Result<File> {
    open(&mount.file(target.pid(), "seat"))
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new().read(true).write(true).open(path).with_context(|| path.display().to_string())
}

fn say(mut seat: &File, word: &str) -> Result<()> {
    seat.write_all(word.as_bytes()).with_context(|| word.to_string())
}

/// Median microseconds of turns, of the whole turn and of its `stop`.
pub fn turns(n: usize, mut turn: impl FnMut() -> Result<(f64, f64)>) -> Result<(f64, f64)> {
    let (mut whole, mut stop) = (vec![], vec![]);
    for _ in 0..n {
        let (a, b) = turn()?;
        whole.push(a);
        stop.push(b);
    }
    Ok((Side::of(whole).median, Side::of(stop).median))
}

fn stop_and_run(seat: &File) -> Result<(f64, f64)> {
    let stop = micros(|| say(seat, "stop"))?;
    let run = micros(|| say(seat, "run"))?;
    Ok((stop + run, stop))
}

fn both_in_one(seat: &File) -> Result<(f64, f64)> {
    let whole = micros(|| say(seat, "stop\nrun"))?;
    Ok((whole, whole))
}

/// The same by nothing but ptrace.
pub fn bare(bed: &Bed, target: &Target, n: usize) -> Result<(f64, f64)> {
    let all = numbers(bed.peer("tracer").arg(target.pid().to_string()).arg(n.to_string()))?;
    Ok((all[0] / 1e3, all[1] / 1e3))
}

/// What that is called.
pub const PEER: &str = "bare ptrace";

type Turn = fn(&File) -> Result<(f64, f64)>;

/// `stop` and `run` of one thread, by an open seat and by one that is opened and closed each time; and by the least server that there
/// can be, to which no limit applies.
pub fn stop_run(bed: &Bed, report: &mut Report) -> Result<()> {
    const TURNS: usize = 500;
    const WAYS: [(&str, Turn); 2] = [("two writes", stop_and_run), ("one write", both_in_one)];
    for place in Place::ALL {
        bed.place(place)?;
        let (ours, theirs) = (bed.target(&["threads", "1"])?, bed.target(&["threads", "1"])?);
        let mount = bed.mount()?;
        let bare = || Ok(bare(bed, &theirs, TURNS)?.0);
        {
            let seat = seat(&mount, &ours)?;
            for (way, turn) in WAYS {
                let (a, b) = bed.turns(|| Ok(turns(TURNS, || turn(&seat))?.0), bare)?;
                report.add(Figure::new(format!("stop-run, {way}, {}", place.name()), "µs", a, PEER, b).at_most(3.0));
            }
        }
        let cold = || {
            let whole = micros(|| stop_and_run(&seat(&mount, &ours)?).map(drop))?;
            Ok((whole, whole))
        };
        let (a, b) = bed.turns(|| Ok(turns(TURNS, cold)?.0), bare)?;
        report.add(Figure::new(format!("stop-run with open and close, {}", place.name()), "µs", a, PEER, b));
        let least = bed.least_server(&ours)?;
        let seat = open(&least.path().join("seat"))?;
        for (way, turn) in WAYS {
            let (a, b) = bed.turns(|| Ok(turns(TURNS, || turn(&seat))?.0), bare)?;
            report.add(Figure::new(format!("stop-run by the least server, {way}, {}", place.name()), "µs", a, PEER, b));
        }
    }
    bed.place(Place::Free)
}

/// From the word until all of 100 threads stand.
pub fn stop_100(bed: &Bed, report: &mut Report) -> Result<()> {
    const TURNS: usize = 30;
    const MOST: f64 = 2000.0;
    for place in Place::ALL {
        bed.place(place)?;
        let (ours, theirs) = (bed.target(&["threads", "100"])?, bed.target(&["threads", "100"])?);
        let mount = bed.mount()?;
        let bare = || Ok(bare(bed, &theirs, TURNS)?.1);
        let mut add = |name: &str, (a, b): (Side, Side)| {
            let ok = a.median <= 2.0 * b.median && a.median <= MOST;
            let figure = Figure::new(format!("stop-100 {name}, {}", place.name()), "µs", a, PEER, b);
            report.add(figure.must("≤ 2 and ≤ 2 ms", ok));
        };
        // A new seat finds nothing attached, as the peer does.
        let new = || stop_and_run(&seat(&mount, &ours)?);
        add("by a new seat", bed.turns(|| Ok(turns(TURNS, new)?.1), bare)?);
        let open = seat(&mount, &ours)?;
        add("by an open seat", bed.turns(|| Ok(turns(TURNS, || stop_and_run(&open))?.1), bare)?);
    }
    bed.place(Place::Free)
}
