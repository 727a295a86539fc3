//! The releases, and the one place where their differences are decided: handlers ask questions by name.

use engine::turns::TurnRules;
use tree::{Errno, Unchangeable};
use Level::*;

/// A release of the process file system, as far as its files differ from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 4.4BSD at the beginning of 1994, as in its README of 1993: 4.4BSD-Lite.
    Bsd44a,
    /// 4.4BSD from June 1994 on: 4.4BSD-Lite2.
    Bsd44b,
    /// FreeBSD 2.
    F2,
    /// FreeBSD 3 and 4: ioctls, `dbregs`, `cmdline`, `rlimit`.
    F4,
    /// FreeBSD 5 to 7: written anew over pseudofs.
    F5,
    /// FreeBSD 8 to 11: `osrel`.
    F10,
    /// FreeBSD 12: no `ctl`.
    F12,
    /// FreeBSD 13 and later: no ioctls.
    F14,
}

impl Level {
    /// All, from the oldest on.
    pub const ALL: [Level; 8] = [Bsd44a, Bsd44b, F2, F4, F5, F10, F12, F14];

    /// What it is called in the option `level=`.
    pub fn word(self) -> &'static str {
        match self {
            Bsd44a => "44a",
            Bsd44b => "44b",
            F2 => "2",
            F4 => "4",
            F5 => "5",
            F10 => "10",
            F12 => "12",
            F14 => "14",
        }
    }

    /// The level of this word.
    pub fn of_word(word: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.word() == word)
    }

    /// 4.4BSD's own: before FreeBSD.
    pub fn is_44(self) -> bool {
        self <= Bsd44b
    }

    /// Written over pseudofs: FreeBSD 5 and later.
    pub fn is_pseudofs(self) -> bool {
        self >= F5
    }
}

/// How a mount behaves: the release, and how far it is followed.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The release.
    pub level: Level,
    /// Errors and limits as the release had them, where something better is usual.
    pub strict: bool,
    /// A system call is shown in registers as it is, not where a BSD has number, result and carry.
    pub raw_syscall_regs: bool,
}

/// What a read far into a text gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sliced {
    /// The part that is there.
    Part,
    /// Nothing: all is read at once, from the start.
    AtOnce,
}

/// The order of a process directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// That of the nodes' numbers.
    ByNumber,
    /// That of the table of nodes.
    Table,
    /// The node that was declared last comes first: its numbers, downwards.
    NewestFirst,
}

/// Who is shown as the owner of a process's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Its effective user and group.
    Effective,
    /// Its real user and group.
    Real,
}

/// Whom a process lets near its memory and registers, besides whoever the kernel refuses anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// Whoever the mode bits let in.
    ModeBits,
    /// CHECKIO: all the caller's user ids are the process's real one, and its ids have not changed since the exec.
    CheckIo,
    /// p_candebug: the caller has the user ids and all groups of the process, and its ids have not changed since the exec.
    CanDebug,
}

/// What the offset means in a file of registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegsOffset {
    /// The place in the structure; EINVAL behind its end.
    Place,
    /// Nothing: every transfer begins at the start.
    Ignored,
    /// Anything but the start is the end of the file.
    StartOnly,
}

/// What follows `type` and precedes it in a line of `map`: the fields a release has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapLine {
    /// FreeBSD 2: 7 fields in columns, without the object.
    Columns,
    /// FreeBSD 3 and 4: 12 fields.
    Twelve,
    /// FreeBSD 5.1: the path too.
    WithPath,
    /// FreeBSD 9: whom the memory is charged to as well.
    Charged,
}

/// The form of the line in `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusLine {
    /// Blanks between all numbers.
    Readme,
    /// Commas within times and credentials.
    Commas,
    /// With the real ids and the host name of the jail.
    Jail,
    /// With the name of the terminal, and the name of the jail.
    TtyName,
}

/// Limits that Linux does not have, or has under another number: the rows of `rlimit` by the release that had them first.
pub const RLIMITS: [(&str, Level, &str); 15] = [
    ("cpu", F4, "Max cpu time"),
    ("fsize", F4, "Max file size"),
    ("data", F4, "Max data size"),
    ("stack", F4, "Max stack size"),
    ("core", F4, "Max core file size"),
    ("rss", F4, "Max resident set"),
    ("memlock", F4, "Max locked memory"),
    ("nproc", F4, "Max processes"),
    ("nofile", F4, "Max open files"),
    ("sbsize", F4, ""),
    ("vmem", F4, "Max address space"),
    ("npts", F10, ""),
    ("swap", F10, ""),
    ("kqueues", F12, ""),
    ("umtx", F12, ""),
];

impl Rules {
    /// Name of the flavour.
    pub fn flavour(self) -> &'static str {
        if self.level.is_44() {
            super::NAME_44
        } else {
            super::NAME_FREEBSD
        }
    }

    /// Inode number of a node of a process by its numbers in 4.4BSD at first, in 4.4BSD then and FreeBSD up to 4, and since. They
    /// are those of the releases, but for pids that do not fit there, and for nodes that had the number of another's.
    pub fn ino(self, [first, then, since]: [u64; 3], pid: u32) -> u64 {
        let pid = u64::from(pid);
        match self.level {
            Bsd44a if first > 8 => (1 << 40) + ((pid + 1) << 3) + first,
            Bsd44a => ((pid + 1) << 3) + first,
            Bsd44b | F2 | F4 => ((pid + 1) << 4) + then,
            _ => since * 100_000_000 + pid,
        }
    }

    /// The error for a process that has ended while a file of it was open.
    pub fn gone(self) -> Errno {
        Errno(match self.level {
            _ if !self.strict => libc::ESRCH,
            Bsd44a | Bsd44b | F2 | F4 => libc::EINVAL,
            _ => libc::EIO,
        })
    }

    /// The error for a right that was lost while a file was open.
    pub fn lost(self) -> Errno {
        Errno(if self.strict && self.level.is_pseudofs() { libc::EIO } else { libc::EPERM })
    }

    /// The error for a write to a file that is only read.
    pub fn not_written(self) -> Errno {
        Errno(if self.level.is_pseudofs() { libc::EBADF } else { libc::EOPNOTSUPP })
    }

    /// The answers to who would change the tree. FreeBSD 5 lets a name that does not exist be looked up first, which fails.
    pub fn unchangeable(self) -> Unchangeable {
        let all =
            |create, make, remove| Unchangeable { create: Errno(create), make: Errno(make), remove: Errno(remove) };
        if self.level.is_pseudofs() {
            all(libc::ENOENT, libc::EOPNOTSUPP, libc::EOPNOTSUPP)
        } else {
            all(libc::EROFS, libc::EIO, libc::EROFS)
        }
    }

    /// What to answer to a change of attributes. A truncation, with which a shell opens for `>`, is accepted everywhere, though
    /// FreeBSD 5 to 11 refused it too.
    pub fn setattr(self, truncates_only: bool) -> Result<(), Errno> {
        match self.level {
            F5 | F10 if !truncates_only => Err(Errno(libc::EOPNOTSUPP)),
            _ => Ok(()),
        }
    }

    /// True if `curproc` is the directory of whoever looks it up, not a link.
    pub fn curproc_is_directory(self) -> bool {
        self.level == Bsd44a
    }

    /// True for a node that is taken away from a process whose ids have changed, from release `since` on.
    pub fn takes_away(self, since: Option<Level>) -> bool {
        since.is_some_and(|since| self.level >= since)
    }

    /// True if `curproc` comes behind the processes in a listing.
    pub fn curproc_is_last(self) -> bool {
        self.level.is_pseudofs()
    }

    /// True if nodes are not there for who may not debug the process, in whatever listing or lookup.
    pub fn hides_from_strangers(self) -> bool {
        self.level.is_pseudofs()
    }

    /// In which order a process directory is listed.
    pub fn listing(self) -> Listing {
        match self.level {
            Bsd44a | Bsd44b | F2 => Listing::ByNumber,
            F4 => Listing::Table,
            _ => Listing::NewestFirst,
        }
    }

    /// Who owns the files.
    pub fn owner(self) -> Owner {
        if self.level.is_pseudofs() {
            Owner::Real
        } else {
            Owner::Effective
        }
    }

    /// True if root owns `mem` of a process whose ids have changed since its exec.
    pub fn changed_memory_is_roots(self) -> bool {
        self.level == F4
    }

    /// Link count of the root, and of a process directory with so many entries.
    pub fn nlinks(self, entries: usize) -> (u32, u32) {
        match self.level {
            Bsd44a => (2, 2),
            Bsd44b => (1, 2),
            F2 | F4 => (1, entries as u32),
            _ => (1, 1),
        }
    }

    /// Size of directories.
    pub fn directory_size(self) -> u64 {
        if matches!(self.level, Bsd44b | F2 | F4) {
            512
        } else {
            0
        }
    }

    /// True if register files and links show their size.
    pub fn shows_sizes(self) -> bool {
        matches!(self.level, Bsd44b | F2 | F4)
    }

    /// True if statfs(2) tells how many processes there can be, and not that there is one file.
    pub fn counts_processes(self) -> bool {
        !self.level.is_pseudofs()
    }

    /// Who may come near.
    pub fn predicate(self) -> Predicate {
        match self.level {
            Bsd44a | Bsd44b => Predicate::ModeBits,
            F2 | F4 => Predicate::CheckIo,
            _ => Predicate::CanDebug,
        }
    }

    /// True if `mem` can be opened for writing by one alone.
    pub fn has_exclusive_mem(self) -> bool {
        !self.level.is_pseudofs()
    }

    /// The form of `status`.
    pub fn status_line(self) -> StatusLine {
        match self.level {
            Bsd44a => StatusLine::Readme,
            Bsd44b | F2 => StatusLine::Commas,
            F4 | F5 => StatusLine::Jail,
            _ => StatusLine::TtyName,
        }
    }

    /// Longest command name in `status`.
    pub fn comm_max(self) -> usize {
        if self.level.is_44() {
            16
        } else {
            19
        }
    }

    /// True if bytes of a command name that would confuse a reader are written as numbers.
    pub fn escapes_comm(self) -> bool {
        self.level.is_pseudofs()
    }

    /// Most groups in `status`, the effective one among them.
    pub fn groups_max(self) -> usize {
        if self.level >= F10 {
            1024
        } else {
            16
        }
    }

    /// The rows of `rlimit`: name, and what the kernel's `limits` calls it, nothing for what Linux does not limit.
    pub fn rlimits(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        RLIMITS.into_iter().filter(move |(_, since, _)| self.level >= *since).map(|(name, _, linux)| (name, linux))
    }

    /// The form of `map`.
    pub fn map_line(self) -> MapLine {
        match self.level {
            Bsd44a | Bsd44b | F2 => MapLine::Columns,
            F4 => MapLine::Twelve,
            F5 => MapLine::WithPath,
            _ => MapLine::Charged,
        }
    }

    /// What `map` calls anonymous memory, and memory of the kernel's own.
    pub fn map_types(self) -> (&'static str, &'static str) {
        if self.level >= F14 {
            ("swap", "phys")
        } else {
            ("default", "device")
        }
    }

    /// True if a reader of 32 bits cannot have the `map` of a process of 64.
    pub fn map_is_too_wide(self) -> bool {
        self.level.is_pseudofs()
    }

    /// How `map` and `etype` are read; a `map` that does not fit into the buffer is EFBIG then.
    pub fn map_reads(self) -> Sliced {
        if self.strict && !self.level.is_pseudofs() {
            Sliced::AtOnce
        } else {
            Sliced::Part
        }
    }

    /// Most bytes of a text; the rest is cut off without a sign.
    pub fn text_max(self) -> usize {
        match self.level {
            _ if !self.strict => usize::MAX,
            F5 | F10 | F12 => 128 << 10,
            F14 => 1 << 20,
            _ => usize::MAX,
        }
    }

    /// Text of `file` where there is no path. FreeBSD 5 and later have an error, and this all the same in their manual.
    pub fn no_path(self) -> Result<&'static [u8], Errno> {
        if self.strict && self.level.is_pseudofs() {
            Err(Errno(libc::ENOENT))
        } else {
            Ok(b"unknown")
        }
    }

    /// True if a transfer of memory moves all that was asked for, or is an error.
    pub fn mem_is_all_or_nothing(self) -> bool {
        self.strict
    }

    /// The error for memory that is not there. 4.4BSD let the answer of its memory manager through.
    pub fn unmapped(self) -> Errno {
        Errno(if self.strict && self.level.is_44() { libc::EPERM } else { libc::EFAULT })
    }

    /// True if memory ends where the user's part of it ends.
    pub fn mem_ends(self) -> bool {
        self.strict && self.level.is_44()
    }

    /// True if the registers of a process that runs can be read.
    pub fn reads_running_regs(self) -> bool {
        !self.level.is_pseudofs()
    }

    /// What an offset means in a file of registers.
    pub fn regs_offset(self) -> RegsOffset {
        match self.level {
            Bsd44a | Bsd44b => RegsOffset::Place,
            F2 | F4 => RegsOffset::Ignored,
            _ => RegsOffset::StartOnly,
        }
    }

    /// True if each transfer of registers puts the offset back to 0, so that the next one in turn begins anew. Programs that read to
    /// the end never come to it.
    pub fn regs_start_over(self) -> bool {
        self.strict && !self.level.is_pseudofs()
    }
}

/// What differs in control: `ctl`, `note`, and the ioctls on `mem`.
impl Rules {
    /// Longest message to `ctl`.
    pub fn command_max(self) -> usize {
        if self.level.is_pseudofs() {
            64
        } else {
            8
        }
    }

    /// What is left of a message. At first one newline was taken from its end, and a NUL ended it; then all blanks were.
    pub fn trimmed(self, message: &[u8]) -> &[u8] {
        if self.level.is_pseudofs() {
            // What isspace(3) calls a blank.
            let end = message.iter().rposition(|b| !matches!(b, b' ' | 9..=13)).map_or(0, |last| last + 1);
            return message.get(..end).unwrap_or_default();
        }
        let text = message.split(|b| *b == 0).next().unwrap_or_default();
        text.strip_suffix(b"\n").unwrap_or(text)
    }

    /// The error for reading `ctl`, and `note`, which are only written.
    pub fn not_read(self) -> (Errno, Errno) {
        let errors =
            if self.level.is_pseudofs() { (libc::EBADF, libc::EBADF) } else { (libc::EOPNOTSUPP, libc::EINVAL) };
        (Errno(errors.0), Errno(errors.1))
    }

    /// True if notes are refused. They were in all releases.
    pub fn refuses_notes(self) -> bool {
        self.strict
    }

    /// True if `mem` has ioctls.
    pub fn has_ioctls(self) -> bool {
        (F4..=F12).contains(&self.level)
    }

    /// Details of stops.
    pub fn turns(self) -> TurnRules {
        TurnRules { sees_ignored: self.level <= F4, twice: self.strict, shows_kills: self.level <= F4 }
    }

    /// True if who traces a process is shown as its parent, which he was.
    pub fn controller_is_parent(self) -> bool {
        self.strict
    }

    /// True if a traced process is killed when who traces it ends.
    pub fn kills_with_controller(self) -> bool {
        self.strict
    }

    /// True if from `detach` on nothing stops that the ioctls asked for. What they show stays so.
    pub fn detach_ends_events(self) -> bool {
        self.level >= F10
    }

    /// True if the last close of `mem` takes the flags back, not the events only.
    pub fn last_close_ends_flags(self) -> bool {
        self.level.is_pseudofs()
    }

    /// The error of an ioctl for a process that has ended.
    pub fn gone_for_ioctl(self) -> Errno {
        match self.gone() {
            Errno(libc::EINVAL) => Errno(libc::ENOTTY),
            gone => gone,
        }
    }

    /// What PIOCCONT says of a process that is not stopped by an event.
    pub fn not_stopped(self) -> Result<(), Errno> {
        if self.strict && !self.level.is_pseudofs() {
            Err(Errno(libc::EINVAL))
        } else {
            Ok(())
        }
    }

    /// `state` of a process that PIOCWAIT (else PIOCSTATUS) finds stopped.
    pub fn stopped_state(self, waited: bool) -> i32 {
        i32::from(waited && self.strict && !self.level.is_pseudofs())
    }

    /// True if PIOCSTATUS tells the flags.
    pub fn tells_flags(self) -> bool {
        !(self.strict && self.level.is_pseudofs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(level: Level, strict: bool) -> Rules {
        Rules { level, strict, raw_syscall_regs: false }
    }

    #[test]
    fn levels_have_words_and_an_order() {
        for pair in Level::ALL.windows(2) {
            assert!(pair[0] < pair[1]);
        }
        assert!(Level::ALL.into_iter().all(|level| Level::of_word(level.word()) == Some(level)));
        assert_eq!([Level::of_word("3"), Level::of_word("")], [None, None]);
    }

    #[test]
    fn inodes_are_those_of_the_releases() {
        let ino = |level, numbers, pid| rules(level, false).ino(numbers, pid);
        let (dir, mem, notepg) = ([1, 2, 4], [3, 4, 11], [8, 10, 13]);
        assert_eq!([0, 1, 408].map(|pid| ino(Bsd44a, dir, pid)), [9, 17, 3273]);
        assert_eq!([ino(Bsd44a, mem, 416), ino(Bsd44a, notepg, 416)], [3339, 3344]);
        assert_eq!([ino(Bsd44b, dir, 1), ino(F4, dir, 1)], [34, 34]);
        assert_eq!([ino(F10, dir, 1), ino(F10, mem, 4_194_304)], [400_000_001, 1_104_194_304]);
    }

    #[test]
    fn strict_is_the_release() {
        let errors = |level| [false, true].map(|strict| (rules(level, strict).gone().0, rules(level, strict).lost().0));
        assert_eq!(errors(F4), [(libc::ESRCH, libc::EPERM), (libc::EINVAL, libc::EPERM)]);
        assert_eq!(errors(F10), [(libc::ESRCH, libc::EPERM), (libc::EIO, libc::EIO)]);
        assert_eq!(
            [Bsd44b, F2, F4, F5, F10, F12, F14].map(|l| rules(l, false).rlimits().count()),
            [0, 0, 11, 11, 13, 15, 15]
        );
        assert_eq!(rules(F5, true).setattr(true), Ok(()));
        assert_eq!([F4, F5, F10, F12].map(|l| rules(l, true).setattr(false).is_ok()), [true, false, false, true]);
    }
}
