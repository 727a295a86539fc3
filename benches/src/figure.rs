//! Medians, and the line that tells them.

use serde::Serialize;
use std::fmt;

/// The rounds of one side.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// Median.
    pub median: f64,
    /// Smallest and largest round.
    pub range: (f64, f64),
}

impl Side {
    /// Of at least one round.
    pub fn of(mut rounds: Vec<f64>) -> Side {
        rounds.sort_by(f64::total_cmp);
        Side { median: rounds[rounds.len() / 2], range: (rounds[0], rounds[rounds.len() - 1]) }
    }
}

/// One line of the report.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// Benchmark and case.
    pub name: String,
    /// Of both sides.
    pub unit: &'static str,
    /// What pfs is compared with.
    pub against: &'static str,
    /// Ours.
    pub pfs: Side,
    /// What it is compared with, if with anything.
    pub peer: Option<Side>,
    /// Ours divided by the peer's.
    pub ratio: Option<f64>,
    /// What must hold, in words; empty if nothing must.
    pub limit: String,
    /// It holds.
    pub ok: bool,
}

impl Figure {
    /// A comparison without a limit.
    pub fn new(name: impl Into<String>, unit: &'static str, pfs: Side, against: &'static str, peer: Side) -> Figure {
        let ratio = Some(pfs.median / peer.median);
        Figure { name: name.into(), unit, against, pfs, peer: Some(peer), ratio, limit: String::new(), ok: true }
    }

    /// A measurement of pfs alone, with an upper limit.
    pub fn alone(name: impl Into<String>, unit: &'static str, pfs: f64, most: f64) -> Figure {
        let limit = format!("≤ {most} {unit}");
        let (pfs, ok) = (Side::of(vec![pfs]), pfs <= most);
        Figure { name: name.into(), unit, against: "", pfs, peer: None, ratio: None, limit, ok }
    }

    /// Limits the ratio from above.
    pub fn at_most(mut self, ratio: f64) -> Figure {
        self.limit = format!("≤ {ratio}");
        self.ok = self.ratio.is_some_and(|r| r <= ratio);
        self
    }

    /// Sets another limit, in words and in truth.
    pub fn must(mut self, limit: impl Into<String>, ok: bool) -> Figure {
        self.limit = limit.into();
        self.ok = ok;
        self
    }
}

/// Three digits.
fn short(x: f64) -> String {
    match x.abs() {
        a if a >= 100.0 || a == 0.0 => format!("{x:.0}"),
        a if a >= 10.0 => format!("{x:.1}"),
        _ => format!("{x:.2}"),
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let side = |s: &Side| {
            let range = if s.range.0 == s.range.1 {
                String::new()
            } else {
                format!(" ({}–{})", short(s.range.0), short(s.range.1))
            };
            format!("{} {}{range}", short(s.median), self.unit)
        };
        write!(f, "{}: pfs {}", self.name, side(&self.pfs))?;
        if let (Some(peer), Some(ratio)) = (&self.peer, self.ratio) {
            write!(f, ", {} {}, ratio {ratio:.2}", self.against, side(peer))?;
        }
        match (self.limit.as_str(), self.ok) {
            ("", _) => Ok(()),
            (limit, true) => write!(f, ", must be {limit}: ok"),
            (limit, false) => write!(f, ", must be {limit}: MISSED"),
        }
    }
}
