//! The table of all nodes (procfs.c): which release has which, who sees it, with what mode; and the door that they stand behind. Lookup,
//! the directory listing, attributes and open all come from a row.

use super::candebug::candebug;
use super::level::{Level, Listing, Rules};
use super::look::{stale, Look, Subject};
use super::text::{self, Content, Reads};
use super::{ctl, dbregs, etype, file, fpregs, map, mem, note, osrel, registers, regs, rlimit, status};
use crate::right::access_mask;
use abi::bsd::Machine;
use std::cmp::Reverse;
use std::ffi::OsStr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use tree::{Attr, Caller, Entry, Errno, Handle, Keep, Node, Result, SetAttr};
use Level::{Bsd44a, F10, F14, F2, F4, F5};
use Seen::{All, Debuggers, Users};
use What::{File, Guarded, Link, Memory, Notes, Registers, Text};

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
    /// Who sees it up to FreeBSD 4, and from FreeBSD 5 on.
    pub seen: [Seen; 2],
    /// Permissions.
    pub mode: u32,
    /// The release from which on it has none when the ids of the process have changed since its exec.
    pub private: Option<Level>,
    /// Its numbers, of which inode numbers are made: in 4.4BSD at first, in 4.4BSD then and FreeBSD up to 4, and since, where all
    /// nodes of this table are there.
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
    /// The same, for who may debug the process: others can open it, and not read.
    Guarded(Content, Reads),
    /// The address space.
    Memory,
    /// Registers.
    Registers(&'static registers::Kind),
    /// Notes, to the process or to its group: who may write them each write decides, not the mode.
    Notes {
        /// To its group.
        group: bool,
    },
    /// Any other file. Its own `attr` and `access` are not asked.
    File(fn(&Subject) -> Arc<dyn Node>),
    /// A symbolic link, with the length of its text.
    Link(fn(&Subject) -> Arc<dyn Node>, fn(&Look) -> u64),
}

/// All nodes, in the order of the listing in FreeBSD 4.
pub static NODES: &[Row] = &[
    //  name, releases, seen up to FreeBSD 4 and since, mode, taken away since, numbers, what it is
    row("mem", Bsd44a..=F14, [All, Debuggers], 0o600, Some(Bsd44a), [3, 4, 11], Memory),
    row("regs", Bsd44a..=F14, [Users, Debuggers], 0o600, Some(Bsd44a), [4, 5, 14], Registers(&regs::REGS)),
    row("fpregs", Bsd44a..=F14, [Users, Debuggers], 0o600, Some(Bsd44a), [9, 6, 9], Registers(&fpregs::FPREGS)),
    row("dbregs", F4..=F14, [Users, Debuggers], 0o600, Some(F4), [0, 15, 7], Registers(&dbregs::DBREGS)),
    row("ctl", Bsd44a..=F10, [All, All], 0o200, Some(F4), [5, 7, 6], File(|s| Arc::new(ctl::Ctl(s.clone())))),
    row("status", Bsd44a..=F14, [All, All], 0o444, None, [6, 8, 16], Text(status::status, Reads::Parts)),
    row("note", Bsd44a..=F14, [All, Debuggers], 0o200, Some(F5), [7, 9, 12], Notes { group: false }),
    row("notepg", Bsd44a..=F14, [All, Debuggers], 0o200, Some(F5), [8, 10, 13], Notes { group: true }),
    row("map", F2..=F14, [Users, Users], 0o444, None, [0, 11, 10], Guarded(map::map, Reads::Whole)),
    row("etype", F2..=F14, [Users, All], 0o444, None, [0, 12, 8], Text(etype::etype, Reads::Start)),
    row("cmdline", F4..=F14, [All, All], 0o444, None, [0, 13, 5], Text(status::cmdline, Reads::Parts)),
    row("rlimit", F4..=F14, [All, All], 0o444, None, [0, 14, 15], Text(rlimit::rlimit, Reads::Parts)),
    row(
        "osrel",
        F10..=F14,
        [Debuggers, Debuggers],
        0o600,
        Some(F10),
        [0, 0, 17],
        File(|s| Arc::new(osrel::OsRel(s.clone()))),
    ),
    row(
        "file",
        Bsd44a..=F14,
        [Users, Users],
        0o444,
        None,
        [2, 3, 18],
        Link(|s| Arc::new(file::File(s.clone())), file::size),
    ),
];

/// The numbers of the directory itself.
const DIRECTORY: [u64; 3] = [1, 2, 4];

const fn row(
    name: &'static str,
    levels: RangeInclusive<Level>,
    seen: [Seen; 2],
    mode: u32,
    private: Option<Level>,
    numbers: [u64; 3],
    what: What,
) -> Row {
    Row { name, levels, seen, mode, private, numbers, what }
}

impl Row {
    /// True if it is there for one who is as the answers say: may he debug the process, is it a thread of the kernel.
    fn is_seen(&self, rules: Rules, near: impl FnOnce() -> bool, system: impl FnOnce() -> bool) -> bool {
        match self.seen[usize::from(rules.hides_from_strangers())] {
            _ if self.is_for_everybody(rules) => true,
            All => true,
            Users => !system(),
            Debuggers => near(),
        }
    }

    /// True if everybody who sees the process sees it, and can open it for writing.
    fn is_for_everybody(&self, rules: Rules) -> bool {
        matches!(self.what, Notes { .. }) && !rules.refuses_notes()
    }

    /// Inode number.
    fn ino(&self, rules: Rules, pid: u32) -> u64 {
        let [first, then, declared] = self.numbers;
        // A node that a release has not has no number there: those behind it have the next lower one.
        let missing =
            NODES.iter().filter(|row| row.numbers[2] < declared && !row.levels.contains(&rules.level)).count();
        rules.ino([first, then, declared - missing as u64], pid)
    }

    fn entry(&self, subject: &Subject) -> Entry {
        let ino = self.ino(subject.rules, subject.pid());
        Entry { name: self.name.into(), ino, kind: self.kind() }
    }

    /// File type.
    fn kind(&self) -> u32 {
        match self.what {
            Link(..) => libc::S_IFLNK,
            _ => libc::S_IFREG,
        }
    }

    /// Size, in releases that show one.
    fn size(&self, look: &Look) -> u64 {
        match self.what {
            Text(..) | Guarded(..) | Memory | Notes { .. } | File(_) => 0,
            Registers(kind) => (kind.size)(Machine::Amd64) as u64,
            Link(_, size) => size(look),
        }
    }

    fn node(&self, subject: &Subject) -> Arc<dyn Node> {
        let text = |content, reads, guarded| text::Text { subject: subject.clone(), content, reads, guarded };
        match self.what {
            Text(content, reads) => Arc::new(text(content, reads, false)),
            Guarded(content, reads) => Arc::new(text(content, reads, true)),
            Memory => Arc::new(mem::Mem(subject.clone())),
            Registers(kind) => Arc::new(registers::Registers { subject: subject.clone(), kind }),
            Notes { group } => note::node(subject, group),
            File(make) | Link(make, _) => make(subject),
        }
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
    let door = Door { row, subject: subject.clone(), node: row.node(subject) };
    door.enter(&subject.look(caller)).map_err(|e| if e.0 == libc::ESTALE { Errno(libc::ENOENT) } else { e })?;
    Ok(Arc::new(door))
}

/// The entries that the caller sees, in the order of the release.
pub fn entries(subject: &Subject, caller: &Caller) -> Result<Vec<Entry>> {
    subject.target.enter(caller)?;
    let look = subject.look(caller);
    look.there().map_err(stale)?;
    let rules = subject.rules;
    let system = look.about.is_system();
    let near = rules.hides_from_strangers() && candebug(subject, caller);
    let mut rows: Vec<&Row> = of_level(rules.level).filter(|row| row.is_seen(rules, || near, || system)).collect();
    match rules.listing() {
        Listing::ByNumber => rows.sort_by_key(|row| row.numbers[1]),
        Listing::Table => {}
        Listing::NewestFirst => rows.sort_by_key(|row| Reverse(row.numbers[2])),
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
        look.there().map_err(stale)?;
        let near = || candebug(&self.subject, caller);
        if self.row.is_seen(look.rules, near, || look.about.is_system()) {
            Ok(())
        } else {
            Err(Errno(libc::ENOENT))
        }
    }

    fn attr_of(&self, look: &Look) -> Result<Attr> {
        self.enter(look)?;
        let rules = self.subject.rules;
        let size = if rules.shows_sizes() { self.row.size(look) } else { 0 };
        let ino = self.row.ino(rules, self.subject.pid());
        let mut attr = look.attr(ino, self.row.kind() | self.row.mode, 1, size).map_err(stale)?;
        if rules.takes_away(self.row.private) && !self.row.is_for_everybody(rules) && look.is_sugid().map_err(stale)? {
            attr.mode &= libc::S_IFMT;
            if matches!(self.row.what, Memory) && rules.changed_memory_is_roots() {
                attr.uid = 0;
            }
        }
        Ok(attr)
    }

    /// May the caller, as access(2) asks?
    fn may(&self, caller: &Caller, mask: i32) -> Result<()> {
        if mask & libc::W_OK != 0 {
            self.writable()?;
        }
        let by_mode = if self.row.is_for_everybody(self.subject.rules) { mask & !libc::W_OK } else { mask };
        caller.may(&self.attr_of(&self.subject.look(caller))?, by_mode)
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
        self.node.keep()
    }

    fn identity(&self) -> u64 {
        self.node.identity()
    }

    fn readlink(&self, caller: &Caller) -> Result<Vec<u8>> {
        self.enter(&self.subject.look(caller))?;
        self.node.readlink(caller)
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        self.may(caller, access_mask(flags))?;
        self.node.open(caller, flags)
    }

    fn access(&self, caller: &Caller, mask: i32) -> Result<()> {
        self.may(caller, mask)
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
            let of = |pid| of_level(level).map(move |row| row.ino(rules, pid)).chain([process_ino(rules, pid)]);
            let inos: Vec<u64> = [7, 8].into_iter().flat_map(of).collect();
            let different: BTreeSet<u64> = inos.iter().copied().chain([ROOT_INO, CURPROC_INO]).collect();
            assert_eq!(different.len(), inos.len() + 2, "{level:?}");
        }
    }

    #[test]
    fn numbers_are_those_of_the_release() {
        let number = |level, name| {
            let row = of_level(level).find(|row| row.name == name).unwrap();
            row.ino(Rules { level, strict: false, raw_syscall_regs: false }, 7) / 100_000_000
        };
        let of = |level| ["cmdline", "dbregs", "mem", "status", "file"].map(|name| number(level, name));
        assert_eq!(of(F10), [5, 7, 11, 16, 18]);
        assert_eq!(of(F5), [5, 7, 11, 16, 17], "without osrel");
        assert_eq!([of(Level::F12), of(F14)], [[5, 6, 10, 15, 17]; 2], "without ctl");
    }
}
