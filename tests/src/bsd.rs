//! Mounts of the flavours of BSD, by release.

use crate::{Client, Mount};
use std::path::{Path, PathBuf};

/// The ioctls on `mem` as a 64-bit program knows them, and events.
#[allow(missing_docs)]
pub mod pioctl {
    pub const PIOCBIS: u32 = 0x7001;
    pub const PIOCBIC: u32 = 0x7002;
    pub const PIOCSFL: u32 = 0x7003;
    pub const PIOCWAIT: u32 = 0x8020_7004;
    pub const PIOCCONT: u32 = 0x7005;
    pub const PIOCSTATUS: u32 = 0x8020_7006;
    pub const S_SIG: u64 = 2;
    pub const S_SCX: u64 = 8;
    pub const PF_LINGER: u64 = 1;
    pub const PF_FORK: u64 = 4;
}

/// All releases, from the oldest on.
pub const LEVELS: [&str; 8] = ["44a", "44b", "2", "4", "5", "10", "12", "14"];

/// The flavour that has this release.
pub fn flavour(level: &str) -> &'static str {
    if level.starts_with("44") {
        "bsd44"
    } else {
        "freebsd"
    }
}

/// True for FreeBSD 5 and later.
pub fn is_pseudofs(level: &str) -> bool {
    ["5", "10", "12", "14"].contains(&level)
}

/// Mounts one release, with further options: `strict`.
pub fn at(level: &str, more: &str) -> Mount {
    Mount::of(flavour(level), &format!("level={level},{more}"))
}

/// A mount of each release in one daemon.
pub struct All {
    /// The daemon, and a mount of the `linux` flavour.
    pub mount: Mount,
    points: Vec<(&'static str, PathBuf)>,
}

impl All {
    /// Mounts them, with further options.
    pub fn new(more: &str) -> All {
        let mount = Mount::new();
        let point = |level: &'static str| {
            let options = format!("level={level},{more}");
            (level, mount.beside_as(&format!("level{level}"), flavour(level), &options))
        };
        let points = LEVELS.into_iter().map(point).collect();
        All { mount, points }
    }

    /// Each release and where it is mounted.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        self.points.iter().map(|(level, point)| (*level, point.as_path()))
    }

    /// Where a release is mounted.
    pub fn of(&self, level: &str) -> &Path {
        self.each().find(|(l, _)| *l == level).expect("a release").1
    }
}

/// Names in a directory as a client sees them, in their order, without `.` and `..`.
#[track_caller]
pub fn names(client: &Client, directory: &Path) -> Result<Vec<String>, i32> {
    let all = client.list(directory)?;
    Ok(all.into_iter().map(|(name, ..)| name).filter(|name| name != "." && name != "..").collect())
}
