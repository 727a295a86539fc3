//! The table of all nodes (procfs.c): which release has which, who sees it, with what mode; and the door that they stand behind. Lookup,
//! the directory listing, attributes and open all come from a row.

use super::candebug::candebug;
use super::level::{Level, Rules};
use super::look::{stale, Look, Subject};
use super::text::{Content, Reads, Text};
use super::{etype, file, rlimit, status};
use crate::right::access_mask;
use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use tree::{Attr, Caller, Entry, Errno, Handle, Keep, Node, Result, SetAttr};
use Level::{Bsd44a, F14, F2, F4};
use Seen::{All, Debuggers, Users};

/// Inode number of the root directory.
pub const ROOT_INO: u64 = 2;
/// Inode number of `curproc`.
pub const CURPROC_INO: u64 = 3;

/// One node of a process directory.
pub struct Row {
    /// Name.
    pub name: &'static str,
    /// The releases that have it.
    pub levels: RangeInclusive<Level>,
    /// File type and permission bits (`S_IF*` | 0o7777).
    pub mode: u32,
    /// Who sees it up to FreeBSD 4, and from FreeBSD 5 on.
    pub seen: [Seen; 2],
    /// The release from which on it loses all permissions when the ids of the process have changed since its exec.
    pub private: Option<Level>,
    /// Its numbers, of which inode numbers are made: in 4.4BSD at first, in 4.4BSD then and FreeBSD up to 4, and since.
    pub numbers: [u64; 3],
    /// What it is.
    pub what: What,
}

/// Who sees a node of a process that he sees. Others find no such name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// Everybody.
    All,
    /// Everybody, of processes of users: a thread of the kernel does not have it.
    Users,
    /// Who may debug the process, which is no thread of the kernel.
    Debuggers,
}

/// What a row makes.
pub enum What {
    /// A text that is only read.
    Text(Content, Reads),
    /// Anything else: the size that stat(2) shows where a release shows any, how long the name may be remembered, and the node,
    /// whose own `attr`, `keep` and `access` are not asked.
    Node(fn(&Look) -> u64, Keep, fn(&Subject) -> Arc<dyn Node>),
}

/// All nodes, in the order of the listing in FreeBSD 4.
pub static NODES: &[Row] = &[
    //   name       levels         mode   seen to 4, since  numbers        what
    text("status", Bsd44a..=F14, 0o444, [All, All], [6, 8, 16], status::status, Reads::Parts),
    text("etype", F2..=F14, 0o444, [Users, All], [0, 12, 8], etype::etype, Reads::Start),
    text("cmdline", F4..=F14, 0o444, [All, All], [0, 13, 5], status::cmdline, Reads::Parts),
    text("rlimit", F4..=F14, 0o444, [All, All], [0, 14, 15], rlimit::rlimit, Reads::Parts),
    link("file", Bsd44a..=F14, 0o444, [Users, Users], [2, 3, 18], file::size, |s| Arc::new(file::File(s.clone()))),
];

/// The numbers of the directory itself.
const DIRECTORY: [u64; 3] = [1, 2, 4];

type Levels = RangeInclusive<Level>;
type Make = fn(&Subject) -> Arc<dyn Node>;

/// A text that is only read.
const fn text(
    name: &'static str,
    levels: Levels,
    mode: u32,
    seen: [Seen; 2],
    numbers: [u64; 3],
    content: Content,
    reads: Reads,
) -> Row {
    Row { name, levels, mode: libc::S_IFREG | mode, seen, private: None, numbers, what: What::Text(content, reads) }
}

/// A symbolic link.
const fn link(
    name: &'static str,
    levels: Levels,
    mode: u32,
    seen: [Seen; 2],
    numbers: [u64; 3],
    size: fn(&Look) -> u64,
    make: Make,
) -> Row {
    let what = What::Node(size, Keep::Name, make);
    Row { name, levels, mode: libc::S_IFLNK | mode, seen, private: None, numbers, what }
}

impl Row {
    /// True if it is there for one who is as the answers say: may he debug the process, is it a thread of the kernel.
    fn is_seen(&self, level: Level, near: impl FnOnce() -> bool, system: impl FnOnce() -> bool) -> bool {
        match self.seen[usize::from(level.is_pseudofs())] {
            All => true,
            Users => !system(),
            Debuggers => near(),
        }
    }

    fn entry(&self, subject: &Subject) -> Entry {
        let ino = subject.rules.ino(self.numbers, subject.pid());
        Entry { name: self.name.into(), ino, kind: self.mode & libc::S_IFMT }
    }
}

/// The nodes of a release, in the table's order.
pub fn of_level(level: Level) -> impl Iterator<Item = &'static Row> {
    NODES.iter().filter(move |row| row.levels.contains(&level))
}

/// Inode number of a process directory.
pub fn process_ino(rules: Rules, pid: u32) -> u64 {
    rules.ino(DIRECTORY, pid)
}

/// The node of this name, if the release has it and the caller sees it.
pub fn find(subject: &Subject, caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
    let row = of_level(subject.rules.level).find(|row| row.name == name).ok_or(Errno(libc::ENOENT))?;
    let node: Arc<dyn Node> = match row.what {
        What::Text(content, reads) => {
            Arc::new(Text { subject: subject.clone(), content, reads, guarded: reads == Reads::Whole })
        }
        What::Node(_, _, make) => make(subject),
    };
    let door = Door { row, subject: subject.clone(), node };
    door.enter(&subject.look(caller)).map_err(|e| if e.0 == libc::ESTALE { Errno(libc::ENOENT) } else { e })?;
    Ok(Arc::new(door))
}

/// The entries that the caller sees, in the order of the release.
pub fn entries(subject: &Subject, caller: &Caller) -> Result<Vec<Entry>> {
    subject.target.enter(caller)?;
    let look = subject.look(caller);
    look.status().map_err(stale)?;
    let level = subject.rules.level;
    let system = look.about.is_system();
    let near = level.is_pseudofs() && candebug(subject, caller);
    let mut rows: Vec<&Row> = of_level(level).filter(|row| row.is_seen(level, || near, || system)).collect();
    match level {
        Level::F4 => {}
        _ if level.is_pseudofs() => rows.sort_by_key(|row| std::cmp::Reverse(row.numbers[2])),
        _ => rows.sort_by_key(|row| row.numbers[1]),
    }
    Ok(rows.into_iter().map(|row| row.entry(subject)).collect())
}

/// What every node stands behind: whether the process is there, who sees it, who may open it.
struct Door {
    row: &'static Row,
    subject: Subject,
    node: Arc<dyn Node>,
}

impl Door {
    /// ESTALE if the process has ended, ENOENT if the caller does not see the node.
    fn enter(&self, look: &Look) -> Result<()> {
        let caller = look.about.caller;
        self.subject.target.enter(caller)?;
        look.status().map_err(stale)?;
        let near = || candebug(&self.subject, caller);
        if self.row.is_seen(look.rules.level, near, || look.about.is_system()) {
            Ok(())
        } else {
            Err(Errno(libc::ENOENT))
        }
    }

    fn attr_of(&self, look: &Look) -> Result<Attr> {
        self.enter(look)?;
        let rules = self.subject.rules;
        let size = match self.row.what {
            What::Node(size, ..) if rules.shows_sizes() => size(look),
            _ => 0,
        };
        let ino = rules.ino(self.row.numbers, self.subject.pid());
        let mut attr = look.attr(ino, self.row.mode, 1, size).map_err(stale)?;
        if self.row.private.is_some_and(|since| rules.level >= since) && look.is_sugid().map_err(stale)? {
            attr.mode &= libc::S_IFMT;
        }
        Ok(attr)
    }

    fn writable(&self) -> Result<()> {
        if self.subject.target.shared.options.ro {
            return Err(Errno(libc::EROFS));
        }
        Ok(())
    }
}

impl Node for Door {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        self.attr_of(&self.subject.look(caller))
    }

    fn keep(&self) -> Keep {
        match self.row.what {
            What::Text(..) => Keep::Name,
            What::Node(_, keep, _) => keep,
        }
    }

    fn identity(&self) -> u64 {
        self.node.identity()
    }

    fn readlink(&self, caller: &Caller) -> Result<Vec<u8>> {
        self.enter(&self.subject.look(caller))?;
        self.node.readlink(caller)
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        let mask = access_mask(flags);
        if mask & libc::W_OK != 0 {
            self.writable()?;
        }
        caller.may(&self.attr_of(&self.subject.look(caller))?, mask)?;
        self.node.open(caller, flags)
    }

    fn access(&self, caller: &Caller, mask: i32) -> Result<()> {
        if mask & libc::W_OK != 0 {
            self.writable()?;
        }
        caller.may(&self.attr_of(&self.subject.look(caller))?, mask)
    }

    fn setattr(&self, caller: &Caller, set: &SetAttr) -> Result<()> {
        self.enter(&self.subject.look(caller))?;
        self.writable()?;
        self.subject.rules.setattr(set.mode.is_none() && set.uid.is_none() && set.gid.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_are_of_one_node_each() {
        for level in Level::ALL {
            let rules = Rules { level, strict: false, raw_syscall_regs: false };
            let numbers = of_level(level).map(|row| row.numbers).chain([DIRECTORY]);
            let inos: Vec<u64> = numbers.flat_map(|n| [7, 8].map(|pid| rules.ino(n, pid))).collect();
            let different: BTreeSet<u64> = inos.iter().copied().chain([ROOT_INO, CURPROC_INO]).collect();
            assert_eq!(different.len(), inos.len() + 2, "{level:?}");
        }
    }
}
