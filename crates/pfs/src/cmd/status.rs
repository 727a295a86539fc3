//! `pfs status`.

use crate::cli::Status;
use crate::control::{connect, Answer, Report, Request};
use crate::daemon::now_unix_ms;
use crate::mounts::{self, Dev};
use crate::runtime::Runtime;
use anyhow::{bail, Result};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

pub(super) fn run(args: &Status) -> Result<()> {
    let report = match connect(&Runtime::find()?)? {
        None => Report::default(),
        Some((mut conn, _)) => match conn.ask(&Request::Status, None)? {
            Answer::Status(report) => report,
            other => bail!("status: the daemon answered {other:?}"),
        },
    };
    let dead = dead(&report)?;
    let shown = Shown { report, dead };
    if args.json {
        super::print_json(&shown)
    } else {
        super::print(&shown.text(now_unix_ms()))
    }
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    report: Report,
    dead: Vec<Dead>,
}

/// A mount of this user that nobody serves any more.
#[derive(Serialize)]
struct Dead {
    #[serde(with = "mounts::path_json")]
    dir: PathBuf,
    dev: Dev,
}

/// Those that no daemon serves: not ours, and none with another runtime directory either.
fn dead(report: &Report) -> Result<Vec<Dead>> {
    let all = mounts::all()?;
    let me = Some(rustix::process::geteuid().as_raw());
    let served = |dev: Dev| report.mounts.iter().any(|m| m.request.dev == dev);
    let topmost = |i: usize| !all[i + 1..].iter().any(|above| above.dir == all[i].dir);
    let unserved = all.iter().enumerate().filter(|(i, m)| m.ours() && m.user == me && !served(m.dev) && topmost(*i));
    let dead = unserved.filter(|(_, m)| mounts::is_dead(&m.dir));
    Ok(dead.map(|(_, m)| Dead { dir: m.dir.clone(), dev: m.dev }).collect())
}

impl Shown {
    fn text(&self, now: u64) -> String {
        let mut out = match (&self.report.mounts[..], &self.dead[..]) {
            ([], []) => "no mounts\n".into(),
            ([], _) => String::new(),
            _ => table(&self.report, now),
        };
        for dead in &self.dead {
            let dir = plain(&dead.dir.to_string_lossy());
            let _ = writeln!(out, "{dir} is dead, its daemon has ended: pfs umount {dir}");
        }
        out
    }
}

fn table(report: &Report, now: u64) -> String {
    let mut rows = vec![["MOUNT", "FLAVOUR", "OPTIONS", "SINCE"].map(String::from).to_vec()];
    rows.extend(report.mounts.iter().map(|m| {
        vec![
            plain(&m.request.dir.to_string_lossy()),
            m.request.flavour.clone(),
            m.request.options.to_string(),
            ago(now, m.since_unix_ms),
        ]
    }));
    let mut out = columns(&rows);
    if report.held.is_empty() {
        out.push_str("\nno process is held\n");
        return out;
    }
    let mut rows = vec![["PID", "NAME", "FLAVOUR", "KIND", "BY", "USER", "SINCE", "WHAT"].map(String::from).to_vec()];
    for held in &report.held {
        rows.extend(held.seats.iter().map(|seat| {
            vec![
                held.pid.to_string(),
                plain(&held.comm),
                seat.flavour.clone(),
                if seat.standing { "standing" } else { "open" }.into(),
                seat.opener_pid.to_string(),
                seat.opener_uid.to_string(),
                ago(now, seat.since_unix_ms),
                plain(&seat.what),
            ]
        }));
    }
    let _ = write!(out, "\n{}", columns(&rows));
    if report.truncated {
        out.push_str("(more are held than fit here)\n");
    }
    out
}

/// Names come from processes: nothing in them may drive the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn ago(now: u64, then: u64) -> String {
    let s = now.saturating_sub(then) / 1000;
    match s {
        0..60 => format!("{s} s ago"),
        60..3600 => format!("{} min ago", s / 60),
        3600..172_800 => format!("{} h ago", s / 3600),
        _ => format!("{} days ago", s / 86_400),
    }
}

fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..count).map(|i| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0)).collect();
    let mut out = String::new();
    for row in rows {
        let line: Vec<String> = row.iter().zip(&widths).map(|(cell, &w)| format!("{cell:w$}")).collect();
        out.push_str(line.join("  ").trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{Held, SeatInfo};

    #[test]
    fn nothing() {
        assert_eq!(Shown { report: Report::default(), dead: Vec::new() }.text(0), "no mounts\n");
    }

    #[test]
    fn mounts_and_held() {
        let text = r#"{"daemon":1,"mounts":[{"flavour":"linux","dir":"/p","dev":"0:44","since_unix_ms":0}],"held":[]}"#;
        let mut report: Report = serde_json::from_str(text).unwrap();
        assert_eq!(
            table(&report, 61_000),
            "MOUNT  FLAVOUR  OPTIONS  SINCE\n/p     linux    rw       1 min ago\n\nno process is held\n"
        );
        let seat = SeatInfo {
            flavour: "linux".into(),
            standing: true,
            opener_pid: 7,
            opener_uid: 0,
            since_unix_ms: 60_000,
            what: "stopped".into(),
        };
        report.held.push(Held { pid: 12, comm: "a\x1b[2J".into(), seats: vec![seat] });
        let text = table(&report, 61_000);
        assert!(
            text.ends_with(
                "PID  NAME   FLAVOUR  KIND      BY  USER  SINCE    WHAT\n\
                 12   a?[2J  linux    standing  7   0     1 s ago  stopped\n"
            ),
            "{text}"
        );
    }
}
