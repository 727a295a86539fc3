//! The tables of all files, per process and per lwp: the one place where a file becomes part of the tree. Lookup, the directory
//! listing, attributes and open all come from a row.

use super::about::{model_for, About};
use super::{
    agent, argv, auxv, cred, ctl, empty, fd, fdinfo, links, lwp, lwpname, maps, object, pagedata, path, psinfo, sigact,
    space, status, stops, usage, watch, xregs,
};
use crate::right::{access_mask, Right, User};
use crate::target::Target;
use abi::solaris::record::Kind;
use abi::solaris::records::{LwpStatus, PStatus};
use abi::solaris::Model;
use kernel::machine;
use parking_lot::Mutex;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tree::{slice, Attr, Caller, Entry, Errno, Handle, Keep, Node, Pending, Result, SetAttr};

/// One file.
pub struct Row {
    /// Name.
    pub name: &'static str,
    /// File type and permission bits (`S_IF*` | 0o7777).
    pub mode: u32,
    /// Who may open it, besides what the mode says.
    pub who: Who,
    /// `st_size`, in bytes, as who asks sees it.
    pub size: fn(&About) -> Result<u64>,
    /// What is left of it when the process, or the lwp, has ended and is not yet reaped.
    pub zombie: Zombie,
    /// A number that is another when what it shows has changed; `st_mtime` is when that was seen.
    pub stamp: Option<Stamp>,
    /// How long the name may be remembered.
    pub keep: Keep,
    /// What it is.
    pub what: What,
}

/// Who may open a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// Who may control the process.
    Owner,
    /// Who sees the process.
    Anyone,
}

/// What is left of a file of a zombie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Zombie {
    /// Nothing.
    Gone,
    /// The directory entry, which leads nowhere.
    Listed,
    /// The file.
    There,
}

/// What a row makes.
pub enum What {
    /// A file whose content is made anew for each read.
    Data(fn(&About) -> Result<Vec<u8>>),
    /// Anything else. The row tells its attributes, but for the link count if the node's `attr` knows it; `keep` and `access`
    /// are not asked.
    Node(fn(&Target) -> Arc<dyn Node>),
}

use Who::{Anyone, Owner};

/// The files of `<pid>/`, in the order of the listing.
pub static PROCESS: &[Row] = &[
    file("as", 0o600, Owner, space::size, |t| Arc::new(space::As(t.clone()))),
    message("ctl", 0o200, Owner, |t| Arc::new(ctl::Ctl(t.clone()))),
    data("status", 0o400, Owner, record::<PStatus>, status::STATUS),
    data("lstatus", 0o400, Owner, status::lstatus_size, status::LSTATUS),
    data("psinfo", 0o444, Anyone, psinfo::psinfo_size, psinfo::psinfo).of_zombies(Zombie::There),
    data("lpsinfo", 0o444, Anyone, psinfo::lpsinfo_size, psinfo::lpsinfo),
    data("map", 0o400, Owner, maps::map_size, maps::map).changing(maps::stamp),
    data("rmap", 0o400, Owner, maps::map_size, maps::rmap),
    data("xmap", 0o400, Owner, maps::xmap_size, maps::xmap),
    data("cred", 0o400, Owner, cred::cred_size, cred::cred),
    data("sigact", 0o400, Owner, sigact::size, sigact::content),
    data("auxv", 0o400, Owner, auxv::size, auxv::content),
    data("usage", 0o444, Anyone, usage::usage_size, usage::usage).of_zombies(Zombie::There),
    data("lusage", 0o444, Anyone, usage::lusage_size, usage::lusage),
    file("pagedata", 0o400, Owner, pagedata::size, |t| Arc::new(pagedata::PageData(t.clone()))),
    data("watch", 0o400, Owner, watch::size, watch::WATCH),
    link("cwd", 0o500, Owner, |t| Arc::new(links::Directory { target: t.clone(), name: "cwd" })),
    link("root", 0o500, Owner, |t| Arc::new(links::Directory { target: t.clone(), name: "root" })),
    directory("fd", 0o500, Owner, fd::slots, |t| Arc::new(fd::Fds(t.clone()))),
    directory("fdinfo", 0o500, Owner, fd::slots, |t| Arc::new(fdinfo::FdInfos(t.clone()))),
    directory("object", 0o500, Owner, object::slots, |t| Arc::new(object::Objects(t.clone()))),
    directory("lwp", 0o555, Anyone, lwp::slots, |t| Arc::new(lwp::Lwps(t.clone()))),
    data("priv", 0o400, Owner, cred::privileges_size, cred::privileges),
    directory("path", 0o500, Owner, path::slots, |t| Arc::new(path::Paths(t.clone()))),
    directory("contracts", 0o500, Owner, empty::slots, |_| Arc::new(empty::Nothing)),
    data("secflags", 0o400, Owner, cred::secflags_size, cred::secflags),
    data("argv", 0o444, Anyone, argv::argv_size, argv::argv).of_zombies(Zombie::Listed),
    data("cmdline", 0o444, Anyone, nothing, argv::cmdline).of_zombies(Zombie::Listed),
    data("ldt", 0o400, Owner, nothing, empty::content),
];

/// The files of `<pid>/lwp/<lwpid>/`, in the order of the listing.
pub static LWP: &[Row] = &[
    message("lwpctl", 0o200, Owner, |t| Arc::new(ctl::Ctl(t.clone()))),
    file("lwpname", 0o644, Owner, nothing, |t| Arc::new(lwpname::LwpName(t.clone()))),
    data("lwpstatus", 0o400, Owner, record::<LwpStatus>, status::LWPSTATUS),
    data("lwpsinfo", 0o444, Anyone, psinfo::lwpsinfo_size, psinfo::lwpsinfo).of_zombies(Zombie::There),
    data("lwpusage", 0o444, Anyone, usage::usage_size, usage::lwpusage),
    data("xregs", 0o400, Owner, xregs::size, xregs::XREGS),
    directory("templates", 0o500, Owner, empty::slots, |_| Arc::new(empty::Nothing)),
    data("spymaster", 0o400, Owner, agent::spymaster_size, agent::SPYMASTER),
];

type Size = fn(&About) -> Result<u64>;
type Stamp = fn(&About) -> Result<u64>;
/// Makes the content of a file.
pub type Content = fn(&About) -> Result<Vec<u8>>;
type Make = fn(&Target) -> Arc<dyn Node>;

/// A file whose content is a snapshot, made anew for each read.
const fn data(name: &'static str, mode: u32, who: Who, size: Size, content: Content) -> Row {
    row(name, libc::S_IFREG | mode, who, size, What::Data(content))
}

/// A file that is something else.
const fn file(name: &'static str, mode: u32, who: Who, size: Size, make: Make) -> Row {
    row(name, libc::S_IFREG | mode, who, size, What::Node(make))
}

/// A directory.
const fn directory(name: &'static str, mode: u32, who: Who, size: Size, make: Make) -> Row {
    row(name, libc::S_IFDIR | mode, who, size, What::Node(make))
}

/// A symbolic link.
const fn link(name: &'static str, mode: u32, who: Who, make: Make) -> Row {
    row(name, libc::S_IFLNK | mode, who, nothing, What::Node(make))
}

/// A file of messages, whose writes may wait. Each lookup has an inode of its own, and a size that no write goes beyond, since a
/// waiting write holds the lock of its inode, and one beyond the size holds it alone.
const fn message(name: &'static str, mode: u32, who: Who, make: Make) -> Row {
    const LONGEST: u64 = 1 << 20;
    let made = row(name, libc::S_IFREG | mode, who, |_| Ok(LONGEST), What::Node(make));
    Row { keep: Keep::Fresh, ..made }
}

const fn row(name: &'static str, mode: u32, who: Who, size: Size, what: What) -> Row {
    Row { name, mode, who, size, zombie: Zombie::Gone, stamp: None, keep: Keep::Name, what }
}

impl Row {
    /// The same file, of which something is left for a zombie.
    const fn of_zombies(self, zombie: Zombie) -> Row {
        let Row { name, mode, who, size, stamp, keep, what, .. } = self;
        Row { name, mode, who, size, zombie, stamp, keep, what }
    }

    /// The same file, which tells by its time that it has changed.
    const fn changing(self, stamp: Stamp) -> Row {
        let Row { name, mode, who, size, zombie, keep, what, .. } = self;
        Row { name, mode, who, size, zombie, stamp: Some(stamp), keep, what }
    }

    /// Directory entry.
    pub fn entry(&self, target: &Target) -> Entry {
        Entry { name: self.name.into(), ino: ino(target, self.name, None), kind: self.mode & libc::S_IFMT }
    }
}

/// Size of a file that is one structure.
fn record<R: Kind>(about: &About) -> Result<u64> {
    Ok(R::size(about.model()) as u64)
}

/// Size of what has none.
pub fn nothing(_: &About) -> Result<u64> {
    Ok(0)
}

/// Types of nodes in the order in which Solaris on x86 numbers them.
const TYPES: &[&str] = &[
    "/proc",
    "self",
    "<pid>",
    "as",
    "ctl",
    "status",
    "lstatus",
    "psinfo",
    "lpsinfo",
    "map",
    "rmap",
    "xmap",
    "cred",
    "sigact",
    "auxv",
    "ldt",
    "argv",
    "cmdline",
    "usage",
    "lusage",
    "pagedata",
    "watch",
    "cwd",
    "root",
    "fd",
    "fd/n",
    "fdinfo",
    "fdinfo/n",
    "object",
    "object/x",
    "lwp",
    "lwp/n",
    "lwpctl",
    "lwpname",
    "lwpstatus",
    "lwpsinfo",
    "lwpusage",
    "xregs",
    "templates",
    "templates/x",
    "spymaster",
    "priv",
    "path",
    "path/x",
    "contracts",
    "contracts/n",
    "secflags",
];

/// Inode of the root directory.
pub const ROOT_INO: u64 = 2;
/// Inode of `self`.
pub const SELF_INO: u64 = 1;

/// Inode number of a node of this type. All fit into 32 bits: programs that know no larger ones could neither look at a file nor list
/// its directory. Those of a process or an lwp itself are unique while it lives; of the entries of a directory, which `n`
/// tells apart, those of one are.
pub fn ino(target: &Target, name: &str, n: Option<u64>) -> u64 {
    let kind = TYPES.iter().position(|t| *t == name).unwrap_or(63) as u64;
    // A number that a thread has no process has, but for its first, and their types differ. It has 22 bits at most.
    let slot = u64::from(target.tid.unwrap_or(target.proc.pid()));
    let own = (slot << 6 | kind) + 2;
    match n {
        None => own,
        // Two directories seldom begin near to each other.
        Some(n) => ENTRIES + ((own.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) + n) % ((1 << 32) - ENTRIES),
    }
}

/// Inodes of directories' entries begin here, above all others.
const ENTRIES: u64 = 1 << 29;

/// Inode number of a process directory.
pub fn process_ino(pid: u32) -> u64 {
    (u64::from(pid) << 6 | 2) + 2
}

/// Attributes that all nodes of a process share: the real user and group own them, and the times are that of the start. ESTALE
/// if it is gone.
pub fn attr(about: &About, ino: u64, mode: u32, size: u64) -> Result<Attr> {
    about.target.visible(about.caller)?;
    let ids = about.ids().map_err(stale)?;
    let began = (machine::wall(about.start().map_err(stale)?).0, 0);
    Ok(Attr {
        ino,
        mode,
        nlink: if mode & libc::S_IFMT == libc::S_IFDIR { 2 } else { 1 },
        uid: ids.ruid,
        gid: ids.rgid,
        size,
        blocks: size.div_ceil(512),
        blksize: 512,
        rdev: 0,
        atime: began,
        mtime: began,
        ctime: began,
    })
}

/// What was found once and is not there now.
pub fn stale(e: Errno) -> Errno {
    match e.0 {
        libc::ENOENT | libc::ESRCH => Errno(libc::ESTALE),
        _ => e,
    }
}

/// The node of the file `name`, if there is one in `rows` for the process as it now is.
pub fn find(rows: &'static [Row], target: &Target, caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
    let row = rows.iter().find(|row| row.name == name).ok_or(Errno(libc::ENOENT))?;
    let node: Arc<dyn Node> = match row.what {
        What::Data(content) => {
            let zombies = row.zombie == Zombie::There;
            Arc::new(Data { target: target.clone(), who: row.who, zombies, source: Arc::new(content) })
        }
        What::Node(make) => make(target),
    };
    let found = Door { row, target: target.clone(), node, changed: Mutex::default() };
    let missing = |e: Errno| if e.0 == libc::ESTALE { Errno(libc::ENOENT) } else { e };
    found.enter(&About::new(target, caller)).map_err(missing)?;
    Ok(Arc::new(found))
}

/// The directory entries for the process as it now is.
pub fn entries(rows: &'static [Row], target: &Target, caller: &Caller) -> Result<Vec<Entry>> {
    let zombie = About::new(target, caller).zombie().map_err(stale)?;
    let listed = rows.iter().filter(|row| !zombie || row.zombie != Zombie::Gone);
    Ok(listed.map(|row| row.entry(target)).collect())
}

/// Number of entries of a process directory or lwp directory, `.` and `..` included; its size is 32 bytes each.
pub fn directory_size(rows: &[Row]) -> u64 {
    32 * (rows.len() as u64 + 2)
}

/// What every file stands behind: who sees the process, whether the file is there, who may open it.
struct Door {
    row: &'static Row,
    target: Target,
    node: Arc<dyn Node>,
    /// The last stamp that was seen, and when it was seen first.
    changed: Mutex<Option<(u64, (i64, u32))>>,
}

impl Door {
    /// ESTALE if there is nothing behind the door any more.
    fn enter(&self, about: &About) -> Result<()> {
        self.target.enter(about.caller)?;
        let there = match (self.row.zombie, self.target.tid) {
            (Zombie::There, None) => self.target.proc.alive(),
            (Zombie::There, Some(_)) => !about.of_zombie().map_err(stale)?,
            _ => !about.zombie().map_err(stale)?,
        };
        if there {
            Ok(())
        } else {
            Err(Errno(libc::ESTALE))
        }
    }

    fn attr_of(&self, about: &About) -> Result<Attr> {
        self.enter(about)?;
        let size = (self.row.size)(about).map_err(stale)?;
        let mut attr = attr(about, ino(&self.target, self.row.name, None), self.row.mode, size)?;
        if let Some(stamp) = self.row.stamp {
            attr.mtime = match stamp(about) {
                Ok(stamp) => self.changed_at(stamp),
                // It is not for him to know.
                Err(_) => machine::now(),
            };
        }
        Ok(attr)
    }

    fn changed_at(&self, stamp: u64) -> (i64, u32) {
        let mut changed = self.changed.lock();
        match *changed {
            Some((last, when)) if last == stamp => when,
            _ => changed.insert((stamp, machine::now())).1,
        }
    }

    fn writable(&self) -> Result<()> {
        if self.target.shared.options.ro {
            return Err(Errno(libc::EROFS));
        }
        Ok(())
    }

    /// A listing or a name in a directory of who may control the process.
    fn search(&self, caller: &Caller) -> Result<()> {
        self.enter(&About::new(&self.target, caller))?;
        if self.row.who == Who::Owner {
            right(&self.target, caller)?;
        }
        Ok(())
    }
}

impl Node for Door {
    fn attr(&self, caller: &Caller) -> Result<Attr> {
        let about = About::new(&self.target, caller);
        let attr = self.attr_of(&about)?;
        match self.node.attr(caller) {
            Ok(own) => Ok(Attr { nlink: own.nlink, ..attr }),
            Err(_) => Ok(attr),
        }
    }

    fn keep(&self) -> Keep {
        self.row.keep
    }

    fn identity(&self) -> u64 {
        self.node.identity()
    }

    fn lookup(&self, caller: &Caller, name: &OsStr) -> Result<Arc<dyn Node>> {
        self.search(caller)?;
        self.node.lookup(caller, name)
    }

    fn readdir(&self, caller: &Caller) -> Result<Vec<Entry>> {
        // Who opened it had the right.
        self.search(caller).map_err(lost)?;
        self.node.readdir(caller)
    }

    fn readlink(&self, caller: &Caller) -> Result<Vec<u8>> {
        self.search(caller)?;
        self.node.readlink(caller)
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        let about = About::new(&self.target, caller);
        let mask = access_mask(flags);
        if mask & libc::W_OK != 0 {
            self.writable()?;
        }
        self.enter(&about)?;
        // What everybody may needs no look at the owner.
        if self.row.mode as i32 & mask != mask {
            caller.may(&attr(&about, 0, self.row.mode, 0)?, mask)?;
        }
        if self.row.who == Who::Owner && matches!(self.row.what, What::Data(_)) {
            // Data judges for itself and keeps the right.
            return self.node.open(caller, flags);
        }
        if self.row.who == Who::Owner {
            right(&self.target, caller)?;
        }
        self.node.open(caller, flags)
    }

    fn access(&self, caller: &Caller, mask: i32) -> Result<()> {
        let about = About::new(&self.target, caller);
        self.enter(&about)?;
        if mask & libc::W_OK != 0 {
            self.writable()?;
        }
        caller.may(&attr(&about, 0, self.row.mode, 0)?, mask)?;
        // Nothing else is asked before a directory is opened.
        if self.row.mode & libc::S_IFMT == libc::S_IFDIR && mask & libc::R_OK != 0 {
            self.search(caller)?;
        }
        Ok(())
    }

    fn setattr(&self, caller: &Caller, set: &SetAttr) -> Result<()> {
        self.enter(&About::new(&self.target, caller))?;
        self.writable()?;
        if set.mode.is_some() || set.uid.is_some() || set.gid.is_some() {
            return Err(Errno(libc::ENOSYS));
        }
        self.node.setattr(caller, set)
    }
}

/// The right to control the process. A system process, which nobody can control, gives none to whoever could: EACCES for
/// others, as of any process.
pub fn right(target: &Target, caller: &Caller) -> Result<Option<Right>> {
    match Right::open(target, caller) {
        Ok(right) => Ok(Some(right)),
        Err(Errno(libc::EBUSY)) => Ok(None),
        Err(e) => Err(refused(e)),
    }
}

/// No right to a process is EACCES in this file system, and no process ENOENT.
pub fn refused(e: Errno) -> Errno {
    match e.0 {
        libc::EPERM => Errno(libc::EACCES),
        libc::ESRCH => Errno(libc::ENOENT),
        _ => e,
    }
}

/// What makes the content of a file.
pub type Source = Arc<dyn Fn(&About) -> Result<Vec<u8>> + Send + Sync>;

/// A file whose content is a snapshot, made anew for each read.
pub struct Data {
    /// Whose.
    pub target: Target,
    /// Who may open it.
    pub who: Who,
    /// It is there for a zombie.
    pub zombies: bool,
    /// What is in it.
    pub source: Source,
}

impl Node for Data {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        let right = match self.who {
            Who::Owner => right(&self.target, caller)?,
            Who::Anyone => None,
        };
        let (target, source, zombies) = (self.target.clone(), self.source.clone(), self.zombies);
        let model = model_for(&target, caller);
        let (rest, seen) = (Mutex::default(), stops::Seen::default());
        Ok(Arc::new(OpenData { target, source, zombies, model, right, rest, seen }))
    }

    fn setattr(&self, _caller: &Caller, _set: &SetAttr) -> Result<()> {
        Err(Errno(libc::ENOSYS))
    }
}

struct OpenData {
    target: Target,
    source: Source,
    zombies: bool,
    /// The model of who opened it.
    model: Model,
    right: Option<Right>,
    /// The content of a read that comes in pieces, and who reads the next piece from where.
    rest: Mutex<Option<(u32, u64, Vec<u8>)>>,
    seen: stops::Seen,
}

/// A read of this size may be a piece of a larger one: no request is larger.
pub const PIECE: usize = 1 << 20;

/// Who reads so much at once wants what is behind it too: that is of the same moment, and made once.
const BULK: usize = 64 << 10;

impl OpenData {
    fn content(&self, caller: &Caller, memory: Option<OwnedFd>) -> Result<Vec<u8>> {
        let about = About::in_model(&self.target, caller, self.model).with_memory(memory);
        // Of a zombie process no lwp has a file.
        let gone = match (self.zombies, self.target.tid) {
            (false, _) => about.zombie()?,
            (true, Some(_)) => about.of_zombie()?,
            (true, None) => false,
        };
        if gone {
            return Err(Errno(libc::ENOENT));
        }
        (self.source)(&about).map_err(refused)
    }

    fn read(&self, caller: &Caller, offset: u64, size: usize) -> Result<Vec<u8>> {
        let memory = valid(self.right.as_ref(), caller)?;
        let rest = self.rest.lock().take();
        let content = match rest.filter(|(tid, next, _)| (*tid, *next) == (caller.tid, offset)) {
            Some((_, _, content)) => content,
            None => self.content(caller, memory)?,
        };
        let part = slice(&content, offset, size).to_vec();
        let next = offset.saturating_add(part.len() as u64);
        if part.len() == size && size >= BULK && next < content.len() as u64 {
            *self.rest.lock() = Some((caller.tid, next, content));
        }
        Ok(part)
    }
}

/// Asks again whether the process may be looked at through an open file. EAGAIN if not any more, which tells the client to open
/// it again: the process runs another program now. ENOENT if it is gone. The address space that was opened to ask.
pub fn valid(right: Option<&Right>, caller: &Caller) -> Result<Option<OwnedFd>> {
    right.map(|right| enter(right, caller)).transpose().map(|entered| entered.map(|(_, memory)| memory))
}

/// As [`valid`], and tells who uses the file.
pub fn enter(right: &Right, caller: &Caller) -> Result<(User, OwnedFd)> {
    right.enter(caller).map_err(lost)
}

/// A right that there was is lost by an exec: EAGAIN.
pub fn lost(e: Errno) -> Errno {
    match e.0 {
        libc::EACCES | libc::EPERM => Errno(libc::EAGAIN),
        _ => refused(e),
    }
}

impl Handle for OpenData {
    fn read(&self, caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        done.finish(self.read(caller, offset, size));
    }

    fn poll(&self, caller: &Caller, wake: Option<stops::Wake>) -> Result<u32> {
        stops::poll(&self.target, self.right.as_ref(), caller, &self.seen, wake)
    }
}
