//! The tables of our own files, per process and per thread: the one place where a file becomes part of the tree. From a
//! row come its directory entry, its attributes and how long its name is kept.

use super::words::MESSAGE_MAX;
use super::{ctl, holders, mem, note, regs, seat, ustat, wait};
use crate::target::Target;
use engine::registers::Which;
use std::ffi::OsStr;
use std::sync::Arc;
use tree::{Attr, Caller, Entry, Handle, Keep, Node, Result, SetAttr};

/// One file of ours.
pub struct Row {
    /// Name; if the kernel has it too, ours stands in its place.
    pub name: &'static str,
    /// File type and permission bits (`S_IF*` | 0o7777); the owner is that of the process directory.
    pub mode: u32,
    /// Size that stat shows.
    pub size: u64,
    /// How long the name may be remembered.
    pub keep: Keep,
    /// Makes the node. Its `attr` and `keep` are not asked: the row tells.
    pub make: fn(&Target) -> Arc<dyn Node>,
}

/// Our files in `<pid>/`.
pub static PROCESS: &[Row] = &[
    message("ctl", 0o600, |t| Arc::new(ctl::Ctl(t.clone()))),
    message("seat", 0o600, |t| Arc::new(seat::Seat(t.clone()))),
    message("wait", 0o444, |t| Arc::new(wait::Wait(t.clone()))),
    message("note", 0o200, |t| note(t, false)),
    message("notepg", 0o200, |t| note(t, true)),
    file("holders", 0o444, |t| Arc::new(holders::Holders(t.clone()))),
    file("ustat.json", 0o444, |t| Arc::new(ustat::Ustat(t.clone()))),
    file("mem", 0o600, |t| Arc::new(mem::Mem(t.clone()))),
    file("regs", 0o600, |t| regs(t, regs::GENERAL, false)),
    file("fpregs", 0o600, |t| regs(t, regs::FLOAT, false)),
    file("xregs", 0o600, |t| regs(t, regs::XSTATE, false)),
    file("dbregs", 0o600, |t| regs(t, regs::DEBUG, false)),
    file("regs.json", 0o400, |t| regs(t, regs::GENERAL, true)),
];

/// Our files in `<pid>/task/<tid>/`.
pub static THREAD: &[Row] = &[
    message("ctl", 0o600, |t| Arc::new(ctl::Ctl(t.clone()))),
    file("ustat.json", 0o444, |t| Arc::new(ustat::Ustat(t.clone()))),
    file("mem", 0o600, |t| Arc::new(mem::Mem(t.clone()))),
    file("regs", 0o600, |t| regs(t, regs::GENERAL, false)),
    file("fpregs", 0o600, |t| regs(t, regs::FLOAT, false)),
    file("xregs", 0o600, |t| regs(t, regs::XSTATE, false)),
    file("dbregs", 0o600, |t| regs(t, regs::DEBUG, false)),
    file("regs.json", 0o400, |t| regs(t, regs::GENERAL, true)),
];

type Make = fn(&Target) -> Arc<dyn Node>;

/// A file that is read, and perhaps written, at offsets.
const fn file(name: &'static str, mode: u32, make: Make) -> Row {
    Row { name, mode: libc::S_IFREG | mode, size: 0, keep: Keep::Name, make }
}

/// A file of messages, whose reads and writes may wait. Its size is that of the longest message: a write beyond the size would
/// take the inode's lock alone, and keep everybody else from the file.
const fn message(name: &'static str, mode: u32, make: Make) -> Row {
    Row { name, mode: libc::S_IFREG | mode, size: MESSAGE_MAX as u64, keep: Keep::Fresh, make }
}

fn note(t: &Target, group: bool) -> Arc<dyn Node> {
    Arc::new(note::Note { target: t.clone(), group })
}

fn regs(t: &Target, which: Which, json: bool) -> Arc<dyn Node> {
    Arc::new(regs::Regs { target: t.clone(), which, json })
}

impl Row {
    /// Inode number of this file in the directory `dir`: above the 32 bits the kernel's /proc uses, so it is nobody
    /// else's.
    pub fn ino(&self, dir: u64) -> u64 {
        let hash = self.name.bytes().fold(0x811c_9dc5u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
        (u64::from(hash | 1) << 32) | (dir & 0xffff_ffff)
    }

    /// Attributes: the row's mode, the directory's owner and times, an inode number of its own; ESTALE if the target is gone.
    fn attr(&self, target: &Target, caller: &Caller) -> Result<Attr> {
        let dir = target.directory_attr(caller)?;
        Ok(Attr { ino: self.ino(dir.ino), mode: self.mode, nlink: 1, size: self.size, blocks: 0, ..dir })
    }

    fn entry(&self, dir: u64) -> Entry {
        Entry { name: self.name.into(), ino: self.ino(dir), kind: self.mode & libc::S_IFMT }
    }

    /// The node of this file of the target.
    pub fn node(&'static self, target: Target) -> Arc<dyn Node> {
        let node = (self.make)(&target);
        Arc::new(Own { row: self, target, node })
    }
}

/// Our file `name`, if there is one in `rows`.
pub fn find(rows: &'static [Row], name: &OsStr) -> Option<&'static Row> {
    rows.iter().find(|row| row.name == name)
}

/// Adds our files to the kernel's entries of the directory with inode number `dir`.
pub fn add(rows: &[Row], dir: u64, entries: &mut Vec<Entry>) {
    for row in rows {
        match entries.iter_mut().find(|e| e.name == row.name.as_bytes()) {
            Some(kernels) => *kernels = row.entry(dir),
            None => entries.push(row.entry(dir)),
        }
    }
}

/// A node of ours, behind the same door as the kernel's files beside it.
struct Own {
    row: &'static Row,
    target: Target,
    node: Arc<dyn Node>,
}

impl Own {
    /// The attributes tell that the target lives; ESTALE otherwise.
    fn enter(&self, caller: &Caller) -> Result<Attr> {
        self.target.enter(caller)?;
        self.row.attr(&self.target, caller)
    }

    fn writable(&self) -> Result<()> {
        if self.target.shared.options.ro {
            return Err(tree::Errno(libc::EROFS));
        }
        Ok(())
    }
}

impl Node for Own {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        self.enter(caller)
    }

    fn keep(&self) -> Keep {
        self.row.keep
    }

    fn identity(&self) -> u64 {
        self.node.identity()
    }

    fn lookup(&self, caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
        self.enter(caller)?;
        self.node.lookup(caller, name)
    }

    fn readdir(&self, caller: &Caller) -> Result<Vec<Entry>> {
        self.enter(caller)?;
        self.node.readdir(caller)
    }

    fn readlink(&self, caller: &Caller) -> Result<Vec<u8>> {
        self.enter(caller)?;
        self.node.readlink(caller)
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        self.enter(caller)?;
        if flags & libc::O_ACCMODE != libc::O_RDONLY {
            self.writable()?;
        }
        self.node.open(caller, flags)
    }

    fn access(&self, caller: &Caller, mask: i32) -> Result<()> {
        let attr = self.enter(caller)?;
        if mask & libc::W_OK != 0 {
            self.writable()?;
        }
        caller.may(&attr, mask)
    }

    fn setattr(&self, caller: &Caller, set: &SetAttr) -> Result<()> {
        self.enter(caller)?;
        self.writable()?;
        match set.times() {
            // Those of the directory.
            Some(times) => self.target.set_times(caller, times),
            None => self.node.setattr(caller, set),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Shared};
    use kernel::procfs::Proc;
    use tree::{Errno, Text};

    struct Hello;
    impl Node for Hello {
        fn attr(&self, _caller: &Caller) -> Result<Attr> {
            unreachable!("the row tells")
        }
        fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
            Ok(Arc::new(Text(b"hello".to_vec())))
        }
    }

    static ROWS: &[Row] = &[
        Row { name: "hello", mode: libc::S_IFREG | 0o600, size: 0, keep: Keep::Fresh, make: |_| Arc::new(Hello) },
        Row { name: "mem", mode: libc::S_IFREG | 0o600, size: 0, keep: Keep::Name, make: |_| Arc::new(Hello) },
    ];

    #[test]
    fn the_manual_page_has_every_file_with_its_mode() {
        let page = include_str!("../../../../docs/man/procfs-linux.5");
        for row in PROCESS {
            let of_threads = if THREAD.iter().any(|t| t.name == row.name) { " *" } else { "" };
            let line = format!("\n{}{of_threads}|{:04o}|", row.name, row.mode & 0o7777);
            assert!(page.contains(&line), "{line}");
        }
        assert!(THREAD.iter().all(|t| PROCESS.iter().any(|p| p.name == t.name)));
    }

    #[test]
    fn a_row_is_a_file() {
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let engine = engine::Engine::start().unwrap();
        let shared = Arc::new(Shared { options: Options { ro: true, ..Options::default() }, engine });
        let target = Target { proc: Arc::new(Proc::open(child.id()).unwrap()), tid: None, shared };
        let caller = Caller::new(std::process::id(), 0, 0);
        let dir = target.directory_attr(&caller).unwrap();
        let kernels = |name: &str| Entry { name: name.into(), ino: 5, kind: libc::S_IFREG };
        let mut all = vec![kernels("mem"), kernels("stat")];
        add(ROWS, dir.ino, &mut all);
        assert_eq!(all.iter().map(|e| &e.name[..]).collect::<Vec<_>>(), [&b"mem"[..], b"stat", b"hello"]);
        assert_ne!((all[0].ino, all[0].ino), (5, all[2].ino));

        let node = find(ROWS, OsStr::new("hello")).unwrap().node(target);
        let attr = node.attr(&caller).unwrap();
        assert_eq!((attr.mode, attr.uid, attr.ino), (libc::S_IFREG | 0o600, dir.uid, all[2].ino));
        assert_eq!(node.keep(), Keep::Fresh);
        assert!(node.open(&caller, libc::O_RDONLY).is_ok());
        assert_eq!(node.open(&caller, libc::O_RDWR).err(), Some(Errno(libc::EROFS)));
        assert!(find(ROWS, OsStr::new("stat")).is_none());

        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(node.attr(&caller).err(), Some(Errno(libc::ESTALE)));
        assert_eq!(node.open(&caller, libc::O_RDONLY).err(), Some(Errno(libc::ESTALE)));
    }
}
