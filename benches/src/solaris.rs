//! The flavour `solaris`: its clients against the tools that the kernel's own interfaces have.

use crate::bed::{micros, numbers, Bed, Mount, Place, Target};
use crate::figure::Figure;
use crate::stops::{bare, turns, PEER};
use crate::Report;
use anyhow::{ensure, Context, Result};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::process::{Command, Stdio};

const PCSTOP: i64 = 1;
const PCRUN: i64 = 5;
const PCSEXIT: i64 = 15;
/// Words of a `sysset_t`.
const CALLS: usize = 8;

fn ctl(mount: &Mount, target: &Target) -> Result<File> {
    let path = mount.file(target.pid(), "ctl");
    OpenOptions::new().write(true).open(&path).with_context(|| path.display().to_string())
}

fn send(mut ctl: &File, words: &[i64]) -> Result<()> {
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_ne_bytes()).collect();
    ctl.write_all(&bytes).with_context(|| format!("message {}", words[0]))
}

/// `PCSTOP` and `PCRUN` of a process that sleeps, in one write and in two.
pub fn stop_run(bed: &Bed, report: &mut Report) -> Result<()> {
    const TURNS: usize = 500;
    for place in Place::ALL {
        bed.place(place)?;
        let (ours, theirs) = (bed.target(&["threads", "1"])?, bed.target(&["threads", "1"])?);
        let mount = bed.mount_of("solaris")?;
        let ctl = ctl(&mount, &ours)?;
        for (name, writes) in [("one write", &[&[PCSTOP, PCRUN, 0][..]][..]), ("two writes", &[&[PCSTOP], &[PCRUN, 0]])]
        {
            let turn = || {
                let whole = micros(|| writes.iter().try_for_each(|words| send(&ctl, words)))?;
                Ok((whole, whole))
            };
            let (a, b) = bed.turns(|| Ok(turns(TURNS, turn)?.0), || Ok(bare(bed, &theirs, TURNS)?.0))?;
            report
                .add(Figure::new(format!("solaris-stop-run, {name}, {}", place.name()), "µs", a, PEER, b).at_most(3.0));
        }
    }
    bed.place(Place::Free)
}

/// A client that traces `target`; it ends with it.
fn client(bed: &Bed, mount: &Mount, target: &Target, what: &[&str]) -> Result<Target> {
    let mut command = bed.peer("client");
    command.arg(mount.path()).arg(what[0]).arg(target.pid().to_string()).args(&what[1..]);
    Target::start(command)
}

/// Every entry and exit of a process's calls, against strace, which writes them to nowhere.
pub fn syscall(bed: &Bed, report: &mut Report) -> Result<()> {
    all_calls(bed, report, "solaris", "calls", "solaris-syscall")
}

/// The same read as events from a seat of the flavour linux, whose client stops nobody.
pub fn syscall_events(bed: &Bed, report: &mut Report) -> Result<()> {
    all_calls(bed, report, "linux", "events", "syscall-events")
}

fn all_calls(bed: &Bed, report: &mut Report, flavour: &str, what: &str, name: &str) -> Result<()> {
    const MADE: u64 = 5_000;
    for place in Place::ALL {
        bed.place(place)?;
        let mount = bed.mount_of(flavour)?;
        let mut target = bed.target(&["calls"])?;
        let _client = client(bed, &mount, &target, &[what])?;
        bed.place(Place::Free)?;
        let ours = || Ok(target.ask(MADE)? as f64 / MADE as f64 / 1e3);
        let strace = || {
            let mut command = Command::new("taskset");
            command.args(["-c", &bed.first_cpu().to_string(), "strace", "-o", "/dev/null"]);
            command.arg(bed.peer("target").get_program()).args(["calls", &MADE.to_string()]);
            Ok(numbers(&mut command)?[0] / MADE as f64 / 1e3)
        };
        let (a, b) = bed.turns(ours, strace)?;
        let name = format!("{name}, {}", place.name());
        report.add(Figure::new(name, "µs", a, "strace on one CPU", b).at_most(1.5));
    }
    Ok(())
}

/// How gdb goes on at a breakpoint.
const GDB: [(&str, &str); 2] = [
    ("gdb, ignored", "break hit\nignore 1 1000000000\nrun\n"),
    ("gdb, commands", "break hit\ncommands 1\nsilent\ncontinue\nend\nrun\n"),
];

/// A breakpoint that is hit and gone on from, against gdb with a count to ignore, and with commands that continue.
pub fn breakpoint(bed: &Bed, report: &mut Report) -> Result<()> {
    const HITS: u64 = 2_000;
    for place in Place::ALL {
        bed.place(place)?;
        let mount = bed.mount_of("solaris")?;
        let mut target = bed.target(&["hits"])?;
        let at = target.said.to_string();
        let _client = client(bed, &mount, &target, &["hits", &at])?;
        for (name, script) in GDB {
            let ours = || Ok(HITS as f64 * 1e9 / target.ask(HITS)? as f64);
            let gdb = || Ok(HITS as f64 * 1e9 / under_gdb(bed, script, HITS)?);
            let (a, b) = bed.turns(ours, gdb)?;
            let ok = a.median >= b.median;
            let figure = Figure::new(format!("solaris-breakpoint, {}", place.name()), "hits/s", a, name, b);
            report.add(figure.must("≥ 1", ok));
        }
    }
    bed.place(Place::Free)
}

/// Nanoseconds that the hits take.
fn under_gdb(bed: &Bed, script: &str, hits: u64) -> Result<f64> {
    let file = bed.file("gdb.script", script)?;
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-batch", "-x"]).arg(file).arg("--args").arg(bed.peer("target").get_program());
    let out =
        gdb.args(["hits", &hits.to_string()]).stdin(Stdio::null()).stderr(Stdio::null()).output().context("gdb")?;
    let text = String::from_utf8_lossy(&out.stdout);
    // What the target says is the only number that has a line of its own.
    text.lines().find_map(|l| l.trim().parse().ok()).with_context(|| format!("gdb said {text:?}"))
}

/// `psinfo` of 2,000 processes, one by one, against `ps -e`.
pub fn psinfo(bed: &Bed, report: &mut Report) -> Result<()> {
    const N: u32 = 2000;
    let mount = bed.mount_of("solaris")?;
    let _sleepers = bed.target(&["sleepers", &N.to_string()])?;
    let ours = || {
        let said = numbers(bed.peer("client").arg(mount.path()).arg("psinfo"))?;
        ensure!(said[1] >= f64::from(N), "only {} were read", said[1]);
        Ok(said[0] / 1e6)
    };
    let ps = || {
        let time = micros(|| {
            let status = Command::new("ps").arg("-e").stdout(Stdio::null()).status().context("ps")?;
            ensure!(status.success(), "ps: {status}");
            Ok(())
        })?;
        Ok(time / 1e3)
    };
    let (a, b) = bed.turns(ours, ps)?;
    report.add(Figure::new(format!("solaris-psinfo, {N} processes"), "ms", a, "ps -e", b).at_most(2.0));
    Ok(())
}

/// What the other calls of a process cost more when the ends of one are waited for.
pub fn one_exit(bed: &Bed, report: &mut Report) -> Result<()> {
    const MADE: u64 = 200_000;
    const MOST: f64 = 0.5;
    for place in Place::ALL {
        let mount = bed.mount_of("solaris")?;
        bed.place(place)?;
        let target = std::cell::RefCell::new(bed.target(&["calls"])?);
        bed.place(Place::Free)?;
        let ctl = ctl(&mount, &target.borrow())?;
        let each = |set: i64| {
            let mut words = [0; 1 + CALLS];
            (words[0], words[1]) = (PCSEXIT, set);
            send(&ctl, &words)?;
            Ok(target.borrow_mut().ask(MADE)? as f64 / MADE as f64 / 1e3)
        };
        // Member 1 is call 0: close has the bit of its number.
        let (a, b) = bed.turns(|| each(1 << libc::SYS_close), || each(0))?;
        let ok = a.median - b.median <= MOST;
        let figure = Figure::new(format!("solaris-one-exit, {}", place.name()), "µs", a, "untraced", b);
        report.add(figure.must(format!("≤ {MOST} µs more"), ok));
    }
    Ok(())
}
