//! The tables of all files, per process and per lwp: the one place where a file becomes part of the tree. Lookup, the directory
//! listing, attributes and open all come from a row.

use super::about::{model_for, About};
use super::{ctl, lwp, status};
use crate::right::{Right, User};
use crate::target::Target;
use abi::solaris::record::Kind;
use abi::solaris::records::{LwpStatus, PStatus};
use abi::solaris::Model;
use kernel::machine;
use std::ffi::OsStr;
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
    /// Anything else. The row tells its attributes, but for the link count and the time of the last change, if the node's `attr`
    /// knows them; `keep` and `access` are not asked.
    Node(fn(&Target) -> Arc<dyn Node>),
}

use Who::{Anyone, Owner};

/// The files of `<pid>/`, in the order of the listing.
pub static PROCESS: &[Row] = &[
    message("ctl", 0o200, Owner, |t| Arc::new(ctl::Ctl(t.clone()))),
    data("status", 0o400, Owner, record::<PStatus>, status::STATUS),
    data("lstatus", 0o400, Owner, status::lstatus_size, status::LSTATUS),
    directory("lwp", 0o555, Anyone, lwp::slots, |t| Arc::new(lwp::Lwps(t.clone()))),
];

/// The files of `<pid>/lwp/<lwpid>/`, in the order of the listing.
pub static LWP: &[Row] = &[
    message("lwpctl", 0o200, Owner, |t| Arc::new(ctl::Ctl(t.clone()))),
    data("lwpstatus", 0o400, Owner, record::<LwpStatus>, status::LWPSTATUS),
];

type Size = fn(&About) -> Result<u64>;
/// Makes the content of a file.
pub type Content = fn(&About) -> Result<Vec<u8>>;
type Make = fn(&Target) -> Arc<dyn Node>;

/// A file whose content is a snapshot, made anew for each read.
const fn data(name: &'static str, mode: u32, who: Who, size: Size, content: Content) -> Row {
    row(name, libc::S_IFREG | mode, who, size, What::Data(content))
}

/// A file that is something else.
#[allow(dead_code)] // Used by rows to come.
const fn file(name: &'static str, mode: u32, who: Who, size: Size, make: Make) -> Row {
    row(name, libc::S_IFREG | mode, who, size, What::Node(make))
}

/// A directory.
const fn directory(name: &'static str, mode: u32, who: Who, size: Size, make: Make) -> Row {
    row(name, libc::S_IFDIR | mode, who, size, What::Node(make))
}

/// A symbolic link.
#[allow(dead_code)] // Used by rows to come.
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
    Row { name, mode, who, size, zombie: Zombie::Gone, keep: Keep::Name, what }
}

impl Row {
    /// The same file, of which something is left for a zombie.
    #[allow(dead_code)] // Used by rows to come.
    const fn of_zombies(self, zombie: Zombie) -> Row {
        let Row { name, mode, who, size, keep, what, .. } = self;
        Row { name, mode, who, size, zombie, keep, what }
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

/// Inode number of a node of this type: unique while the process lives. `n` tells the entries of one directory apart; outside an
/// lwp.
pub fn ino(target: &Target, name: &str, n: Option<u64>) -> u64 {
    let kind = TYPES.iter().position(|t| *t == name).unwrap_or(63) as u64;
    let slot = n.map(|n| n + 1).or(target.tid.map(u64::from)).unwrap_or(0);
    // No number of a process or thread has more than 22 bits.
    ((slot << 22 | u64::from(target.proc.pid())) << 6 | kind) + 2
}

/// Inode number of a process directory.
pub fn process_ino(pid: u32) -> u64 {
    (u64::from(pid) << 6 | 2) + 2
}

/// Tells a process or lwp and the next owner of its number apart; never 0.
pub fn identity(start: u64, number: u32) -> u64 {
    (start.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(number)).max(1)
}

/// Attributes that all nodes of a process share: the real user and group own them, and the times are that of the start. ESTALE
/// if it is gone.
pub fn attr(about: &About, ino: u64, mode: u32, size: u64) -> Result<Attr> {
    about.target.visible(about.caller)?;
    let status = about.status().map_err(stale)?;
    let began = (machine::wall(about.start().map_err(stale)?).0, 0);
    Ok(Attr {
        ino,
        mode,
        nlink: if mode & libc::S_IFMT == libc::S_IFDIR { 2 } else { 1 },
        uid: status.ids("Uid")[0],
        gid: status.ids("Gid")[0],
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
    let node = match row.what {
        What::Data(content) => Arc::new(Data { target: target.clone(), row, content }) as Arc<dyn Node>,
        What::Node(make) => make(target),
    };
    let found = Door { row, target: target.clone(), node };
    let missing = |e: Errno| if e.0 == libc::ESTALE { Errno(libc::ENOENT) } else { e };
    found.enter(&About::new(target, caller)).map_err(missing)?;
    Ok(Arc::new(found))
}

/// The directory entries for the process as it now is.
pub fn entries(rows: &'static [Row], target: &Target, caller: &Caller) -> Result<Vec<Entry>> {
    let zombie = About::new(target, caller).status().map_err(stale)?.zombie(target.tid.is_some());
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
}

impl Door {
    /// ESTALE if there is nothing behind the door any more.
    fn enter(&self, about: &About) -> Result<()> {
        self.target.enter(about.caller)?;
        let zombie = about.status().map_err(stale)?.zombie(self.target.tid.is_some());
        if zombie && self.row.zombie != Zombie::There {
            return Err(Errno(libc::ESTALE));
        }
        Ok(())
    }

    fn attr_of(&self, about: &About) -> Result<Attr> {
        self.enter(about)?;
        let size = (self.row.size)(about).map_err(stale)?;
        let own = attr(about, ino(&self.target, self.row.name, None), self.row.mode, size)?;
        Ok(own)
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
            Ok(own) => Ok(Attr { nlink: own.nlink, mtime: own.mtime, ..attr }),
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
        self.search(caller)?;
        self.node.readdir(caller)
    }

    fn readlink(&self, caller: &Caller) -> Result<Vec<u8>> {
        self.search(caller)?;
        self.node.readlink(caller)
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        let about = About::new(&self.target, caller);
        let mask = match flags & libc::O_ACCMODE {
            libc::O_RDONLY => libc::R_OK,
            libc::O_WRONLY => libc::W_OK,
            _ => libc::R_OK | libc::W_OK,
        };
        if mask & libc::W_OK != 0 {
            self.writable()?;
        }
        self.enter(&about)?;
        let plain = attr(&about, 0, self.row.mode, 0)?;
        caller.may(&plain, mask)?;
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
        caller.may(&attr(&about, 0, self.row.mode, 0)?, mask)
    }

    fn setattr(&self, caller: &Caller, set: &SetAttr) -> Result<()> {
        self.enter(&About::new(&self.target, caller))?;
        self.writable()?;
        self.node.setattr(caller, set)
    }
}

/// The right to control the process. A system process, which nobody can control, gives none to whoever could: EACCES for
/// others, as of any process.
pub fn right(target: &Target, caller: &Caller) -> Result<Option<Right>> {
    match Right::open(target, caller) {
        Ok(right) => Ok(Some(right)),
        Err(Errno(libc::EBUSY)) => Ok(None),
        Err(Errno(libc::EPERM)) => Err(Errno(libc::EACCES)),
        Err(Errno(libc::ESRCH)) => Err(Errno(libc::ENOENT)),
        Err(e) => Err(e),
    }
}

/// A file whose content is a snapshot.
struct Data {
    target: Target,
    row: &'static Row,
    content: Content,
}

impl Node for Data {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        let right = match self.row.who {
            Who::Owner => right(&self.target, caller)?,
            Who::Anyone => None,
        };
        let model = model_for(&self.target, caller);
        Ok(Arc::new(OpenData { target: self.target.clone(), row: self.row, content: self.content, model, right }))
    }

    fn setattr(&self, _caller: &Caller, _set: &SetAttr) -> Result<()> {
        Err(Errno(libc::ENOSYS))
    }
}

struct OpenData {
    target: Target,
    row: &'static Row,
    content: Content,
    model: Model,
    right: Option<Right>,
}

impl OpenData {
    fn content(&self, caller: &Caller) -> Result<Vec<u8>> {
        valid(self.right.as_ref(), caller)?;
        let about = About::in_model(&self.target, caller, self.model);
        if about.status()?.zombie(self.target.tid.is_some()) && self.row.zombie != Zombie::There {
            return Err(Errno(libc::ENOENT));
        }
        (self.content)(&about)
    }
}

/// Asks again whether the process may be looked at through an open file. EAGAIN if not any more, which tells the client to open
/// it again: the process runs another program now. ENOENT if it is gone.
pub fn valid(right: Option<&Right>, caller: &Caller) -> Result<()> {
    right.map_or(Ok(()), |right| user(right, caller).map(drop))
}

/// As [`valid`], and tells who uses the file.
pub fn user(right: &Right, caller: &Caller) -> Result<User> {
    right.user(caller).map_err(|e| match e.0 {
        libc::EACCES | libc::EPERM => Errno(libc::EAGAIN),
        libc::ESRCH => Errno(libc::ENOENT),
        _ => e,
    })
}

impl Handle for OpenData {
    fn read(&self, caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        done.finish(self.content(caller).map(|content| slice(&content, offset, size).to_vec()));
    }

    fn poll(&self, caller: &Caller, wake: Option<Box<dyn FnOnce() + Send>>) -> Result<u32> {
        poll(&self.target, self.right.as_ref(), caller, wake)
    }
}

/// poll(2) of a file that is not about events: content at once, POLLHUP of what has ended, POLLERR if the right to it is lost,
/// POLLNVAL of a system process.
pub fn poll(
    target: &Target,
    right: Option<&Right>,
    caller: &Caller,
    _wake: Option<Box<dyn FnOnce() + Send>>,
) -> Result<u32> {
    let about = About::new(target, caller);
    let bits = match about.status() {
        Err(_) => libc::POLLHUP,
        Ok(status) if status.zombie(target.tid.is_some()) => libc::POLLHUP,
        Ok(_) if valid(right, caller).is_err() => libc::POLLERR,
        Ok(_) if about.is_system() => libc::POLLNVAL,
        Ok(_) => libc::POLLIN | libc::POLLRDNORM,
    };
    Ok(bits as u32)
}
