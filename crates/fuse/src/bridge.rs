//! FUSE operations on a tree.

use crate::abi::{self, fattr, fopen, init, ROOT_ID};
use crate::channel::Channel;
use crate::decode::{Op, Request};
use crate::parked::{NumberMap, Wait};
use crate::share::Place;
use crate::sweep::Sweeper;
use kernel::machine;
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use tree::{Caller, Capacity, Entry, Errno, Flavour, Handle, Keep, Node, Pending, Result, SetAttr, SetTime};
use zerocopy::IntoBytes;

const SHARDS: usize = 16;
/// Seconds a [`Keep::Name`] is believed.
const NAME_TTL: u64 = 1;
/// Longest text of a symbolic link.
const LINK_MAX: usize = 4095;
/// `FMODE_EXEC`, which the kernel leaks into the flags of an exec's open.
const FMODE_EXEC: u32 = 0x20;

/// The FUSE side of a mounted flavour.
pub(crate) struct Bridge {
    channel: Arc<Channel>,
    flavour: Arc<dyn Flavour>,
    inodes: [RwLock<NumberMap<Arc<Inode>>>; SHARDS],
    next_inode: AtomicU64,
    opens: [RwLock<NumberMap<Arc<Open>>>; SHARDS],
    next_open: AtomicU64,
    sweeper: Sweeper,
}

/// A node as the kernel knows it. Node ids are never used twice.
pub(crate) struct Inode {
    pub id: u64,
    /// The node found last: one that died is replaced by the next lookup of its name.
    node: RwLock<Arc<dyn Node>>,
    identity: u64,
    /// How often the kernel was told of it. For an inode that is in `children` of its parent: changed under that lock.
    lookups: AtomicU64,
    /// Dangling for the root and for inodes that are not in `children`.
    parent: Weak<Inode>,
    name: Box<[u8]>,
    /// What a name meant last.
    children: Mutex<HashMap<Box<[u8]>, Arc<Inode>>>,
    /// Names that were found and mean something new each time.
    fresh: Mutex<BTreeSet<Box<[u8]>>>,
}

impl Inode {
    fn new(id: u64, node: Arc<dyn Node>, parent: Weak<Inode>, name: Box<[u8]>) -> Inode {
        let identity = node.identity();
        Inode {
            id,
            node: RwLock::new(node),
            identity,
            lookups: AtomicU64::new(1),
            parent,
            name,
            children: Mutex::default(),
            fresh: Mutex::default(),
        }
    }

    fn node(&self) -> Arc<dyn Node> {
        self.node.read().clone()
    }

    /// The remembered children that can end, by name.
    pub fn mortal(&self) -> Vec<Named> {
        let children = self.children.lock();
        let mortal = children.iter().filter(|(_, child)| child.identity != 0);
        mortal.map(|(name, child)| (name.clone(), Arc::downgrade(child), child.node())).collect()
    }

    /// All names that were found in it.
    pub fn names(&self) -> Vec<Box<[u8]>> {
        let fresh = self.fresh.lock().clone();
        self.children.lock().keys().cloned().chain(fresh).collect()
    }

    /// What `name` meant last, if it means it still: as long as that node answers, for a name that may be kept.
    fn still(&self, caller: &Caller, name: &OsStr) -> Option<(Arc<dyn Node>, tree::Attr)> {
        let known = self.children.lock().get(name.as_bytes()).cloned()?.node();
        if known.keep() != Keep::Name {
            return None;
        }
        let attr = known.attr(caller).ok()?;
        Some((known, attr))
    }
}

/// A node and its name in the directory.
pub(crate) type Named = (Box<[u8]>, Weak<Inode>, Arc<dyn Node>);

enum Open {
    File { handle: Arc<dyn Handle>, _place: Place },
    Dir(Dir),
}

struct Dir {
    inode: Arc<Inode>,
    /// The entries as they were when reading began; `.` and `..` come first.
    snapshot: Mutex<Option<Vec<Entry>>>,
    /// The directory opened as a file, once somebody asks an ioctl of it.
    handle: Mutex<Option<Arc<dyn Handle>>>,
    _place: Place,
}

impl Bridge {
    pub fn new(channel: Arc<Channel>, flavour: Arc<dyn Flavour>) -> Bridge {
        let bridge = Bridge {
            channel,
            inodes: Default::default(),
            next_inode: AtomicU64::new(ROOT_ID + 1),
            opens: Default::default(),
            next_open: AtomicU64::new(1),
            sweeper: Sweeper::default(),
            flavour,
        };
        let root = Inode::new(ROOT_ID, bridge.flavour.root(), Weak::new(), Box::default());
        bridge.inode_shard(ROOT_ID).write().insert(ROOT_ID, Arc::new(root));
        bridge
    }

    /// Closes what clients left open, then tells the flavour.
    pub fn end(&self) {
        for shard in &self.opens {
            let all = std::mem::take(&mut *shard.write());
            for open in all.values() {
                let _ = catch_unwind(AssertUnwindSafe(|| open.release()));
            }
        }
        self.flavour.unmounted();
    }

    /// Serves one request. Everything is answered, now or through a parked request.
    pub fn dispatch(&self, request: &Request<'_>) {
        let h = &request.header;
        let unique = h.unique;
        let caller = Caller::new(h.pid, h.uid, h.gid);
        let result = match &request.op {
            Op::Lookup { name } => self.lookup(unique, h.nodeid, &caller, name),
            Op::Forget { nlookup } => return self.forget(h.nodeid, *nlookup),
            Op::BatchForget(all) => return all.clone().for_each(|one| self.forget(one.nodeid, one.nlookup)),
            Op::Getattr => self.getattr(unique, h.nodeid, &caller),
            Op::Setattr(arg) => self.setattr(unique, h.nodeid, &caller, arg),
            Op::Readlink => self.readlink(unique, h.nodeid, &caller),
            Op::Open { flags } => self.open(unique, h.nodeid, &caller, *flags),
            Op::Opendir { .. } => self.opendir(unique, h.nodeid, &caller),
            Op::Read(arg) => self.read(unique, caller.by(arg.flags as i32), arg),
            Op::Write(arg, data) => self.write(unique, caller.by(arg.flags as i32), arg, data),
            Op::Readdir(arg) => self.readdir(unique, &caller, arg),
            Op::Release { fh } | Op::Releasedir { fh } => {
                let open = self.open_shard(*fh).write().remove(fh);
                if let Some(open) = open {
                    open.release();
                    self.sweep(Sweeper::closed);
                }
                self.done(unique)
            }
            Op::Access { mask } => self.access(unique, h.nodeid, &caller, *mask),
            Op::Ioctl(arg, data) => self.ioctl(unique, caller, arg, data),
            Op::Poll(arg) => self.poll(unique, &caller, arg),
            Op::Statfs => {
                let Capacity { blocks, files, free_files: ffree } = self.flavour.capacity();
                let out = abi::StatfsOut {
                    bsize: 4096,
                    frsize: 4096,
                    namelen: 255,
                    blocks,
                    files,
                    ffree,
                    ..Default::default()
                };
                self.reply(unique, out.as_bytes())
            }
            Op::Flush | Op::Fsync => self.done(unique),
            Op::Init(arg) => self.init(unique, arg),
            op @ (Op::Create { .. } | Op::Make { .. } | Op::Remove { .. } | Op::Rename { .. }) => {
                Err(self.unchangeable(&caller, op))
            }
            // As the kernel's /proc, whose files have neither holes nor an end that is known.
            Op::Lseek => Err(Errno(libc::EINVAL)),
            Op::Unsupported => Err(Errno(libc::ENOSYS)),
            Op::Interrupt { .. } | Op::Destroy | Op::NotifyReply => return,
        };
        if let Err(errno) = result {
            self.channel.fail(unique, errno);
        }
    }

    fn sweep(&self, why: fn(&Sweeper, &Arc<Inode>, &Arc<Channel>)) {
        if let Ok(root) = self.inode(ROOT_ID) {
            why(&self.sweeper, &root, &self.channel);
        }
    }

    fn reply(&self, unique: u64, out: &[u8]) -> Result<()> {
        let _ = self.channel.reply(unique, out, &[]);
        Ok(())
    }

    fn done(&self, unique: u64) -> Result<()> {
        self.reply(unique, &[])
    }

    fn inode_shard(&self, id: u64) -> &RwLock<NumberMap<Arc<Inode>>> {
        &self.inodes[id as usize % SHARDS]
    }

    fn open_shard(&self, fh: u64) -> &RwLock<NumberMap<Arc<Open>>> {
        &self.opens[fh as usize % SHARDS]
    }

    fn inode(&self, id: u64) -> Result<Arc<Inode>> {
        self.inode_shard(id).read().get(&id).cloned().ok_or(Errno(libc::ESTALE))
    }

    fn node(&self, id: u64) -> Result<Arc<dyn Node>> {
        Ok(self.inode_shard(id).read().get(&id).ok_or(Errno(libc::ESTALE))?.node())
    }

    fn opened(&self, fh: u64) -> Result<Arc<Open>> {
        self.open_shard(fh).read().get(&fh).cloned().ok_or(Errno(libc::EBADF))
    }

    fn init(&self, unique: u64, arg: &abi::InitIn) -> Result<()> {
        if arg.major != abi::MAJOR && arg.major > abi::MAJOR {
            let out = abi::InitOut { major: abi::MAJOR, minor: abi::MINOR, ..Default::default() };
            return self.reply(unique, out.as_bytes());
        }
        if arg.major < abi::MAJOR || arg.minor < abi::MINOR_MIN {
            return Err(Errno(libc::EPROTO));
        }
        // With these two the kernel asks us for locks, and what it asks for is unsupported; without, it keeps them.
        let locks = if self.flavour.locks() { 0 } else { init::POSIX_LOCKS | init::FLOCK_LOCKS };
        let wanted =
            init::ASYNC_READ | init::BIG_WRITES | init::PARALLEL_DIROPS | init::MAX_PAGES | init::HAS_IOCTL_DIR | locks;
        let out = abi::InitOut {
            major: abi::MAJOR,
            minor: arg.minor.min(abi::MINOR),
            max_readahead: arg.max_readahead,
            flags: wanted & arg.flags,
            max_background: 64,
            congestion_threshold: 48,
            max_write: abi::MAX_DATA as u32,
            time_gran: 1,
            max_pages: abi::MAX_PAGES,
            ..Default::default()
        };
        self.reply(unique, out.as_bytes())
    }

    fn lookup(&self, unique: u64, parent: u64, caller: &Caller, name: &OsStr) -> Result<()> {
        let parent = self.inode(parent)?;
        let (node, attr) = match parent.still(caller, name) {
            Some(known) => known,
            None => self.make(&parent, caller, name)?,
        };
        let attr = wire_attr(&attr);
        let keep = node.keep();
        let id = self.enter(&parent, name, node, keep);
        let out = abi::EntryOut {
            nodeid: id,
            generation: id,
            entry_valid: if keep == Keep::Name { NAME_TTL } else { 0 },
            attr,
            ..Default::default()
        };
        if self.channel.reply(unique, out.as_bytes(), &[]).is_err() {
            self.forget(id, 1);
        }
        Ok(())
    }

    fn make(&self, parent: &Inode, caller: &Caller, name: &OsStr) -> Result<(Arc<dyn Node>, tree::Attr)> {
        let made = parent.node().lookup(caller, name).and_then(|node| {
            let attr = node.attr(caller)?;
            Ok((node, attr))
        });
        match &made {
            Ok((node, _)) if parent.id == ROOT_ID && node.identity() != 0 => self.sweep(Sweeper::found),
            Ok(_) => {}
            Err(e) => self.starves(*e),
        }
        made
    }

    fn starves(&self, e: Errno) {
        if let Errno(libc::EMFILE | libc::ENFILE) = e {
            self.sweep(Sweeper::starved);
        }
    }

    /// The node id for what a lookup found, counted once more.
    fn enter(&self, parent: &Arc<Inode>, name: &OsStr, node: Arc<dyn Node>, keep: Keep) -> u64 {
        if keep == Keep::Fresh {
            parent.fresh.lock().insert(name.as_bytes().into());
            let id = self.next_inode.fetch_add(1, Ordering::Relaxed);
            let inode = Inode::new(id, node, Weak::new(), Box::default());
            self.inode_shard(id).write().insert(id, Arc::new(inode));
            return id;
        }
        let identity = node.identity();
        // `forget` removes under the same lock: an inode found here is in the table.
        let mut children = parent.children.lock();
        let old = match children.get(name.as_bytes()) {
            Some(known) if known.identity == identity => {
                known.lookups.fetch_add(1, Ordering::Relaxed);
                let old = std::mem::replace(&mut *known.node.write(), node);
                let id = known.id;
                drop(children);
                drop(old);
                return id;
            }
            _ => {
                let id = self.next_inode.fetch_add(1, Ordering::Relaxed);
                let name: Box<[u8]> = name.as_bytes().into();
                let inode = Arc::new(Inode::new(id, node, Arc::downgrade(parent), name.clone()));
                self.inode_shard(id).write().insert(id, inode.clone());
                (id, children.insert(name, inode))
            }
        };
        drop(children);
        old.0
    }

    fn forget(&self, id: u64, count: u64) {
        if id == ROOT_ID {
            return;
        }
        let Ok(inode) = self.inode(id) else { return };
        let parent = inode.parent.upgrade();
        let mut children = parent.as_ref().map(|p| p.children.lock());
        let before = inode.lookups.load(Ordering::Relaxed);
        let after = before.saturating_sub(count);
        // No other thread counts up an inode without a parent, and the kernel sends each forget once.
        inode.lookups.fetch_sub(before - after, Ordering::Relaxed);
        if after > 0 {
            return;
        }
        let memo = children.as_mut().and_then(|children| {
            let same = children.get(&inode.name).is_some_and(|known| known.id == id);
            same.then(|| children.remove(&inode.name))
        });
        let entry = self.inode_shard(id).write().remove(&id);
        // Nodes are dropped outside the locks.
        drop(children);
        drop((memo, entry));
    }

    fn getattr(&self, unique: u64, id: u64, caller: &Caller) -> Result<()> {
        let attr = self.node(id)?.attr(caller)?;
        let out = abi::AttrOut { attr: wire_attr(&attr), ..Default::default() };
        self.reply(unique, out.as_bytes())
    }

    fn setattr(&self, unique: u64, id: u64, caller: &Caller, arg: &abi::SetattrIn) -> Result<()> {
        let node = self.node(id)?;
        let has = |bit| arg.valid & bit != 0;
        let time = |bit, now, secs: u64, nsec: u32| match (has(bit), has(now)) {
            (false, _) => None,
            (true, true) => Some(SetTime::Now),
            (true, false) => Some(SetTime::To(secs as i64, nsec)),
        };
        let set = SetAttr {
            mode: has(fattr::MODE).then_some(arg.mode & 0o7777),
            uid: has(fattr::UID).then_some(arg.uid),
            gid: has(fattr::GID).then_some(arg.gid),
            size: has(fattr::SIZE).then_some(arg.size),
            atime: time(fattr::ATIME, fattr::ATIME_NOW, arg.atime, arg.atimensec),
            mtime: time(fattr::MTIME, fattr::MTIME_NOW, arg.mtime, arg.mtimensec),
        };
        node.setattr(caller, &set)?;
        let out = abi::AttrOut { attr: wire_attr(&node.attr(caller)?), ..Default::default() };
        self.reply(unique, out.as_bytes())
    }

    fn readlink(&self, unique: u64, id: u64, caller: &Caller) -> Result<()> {
        let text = self.node(id)?.readlink(caller)?;
        self.reply(unique, &text[..text.len().min(LINK_MAX)])
    }

    fn access(&self, unique: u64, id: u64, caller: &Caller, mask: u32) -> Result<()> {
        self.node(id)?.access(caller, (mask & 7) as i32)?;
        self.done(unique)
    }

    /// The answer to whoever would make, remove or rename something.
    fn unchangeable(&self, caller: &Caller, op: &Op<'_>) -> Errno {
        match (self.flavour.unchangeable(), op) {
            (Some(answers), Op::Create { .. }) => answers.create,
            (Some(answers), Op::Make { .. }) => answers.make,
            (Some(answers), _) => answers.remove,
            // As the kernel's /proc: the name does not exist and cannot be made to.
            (None, Op::Create { .. } | Op::Make { .. }) => Errno(libc::ENOENT),
            (None, Op::Rename { newdir, newname, .. }) => {
                let found = self.node(*newdir).and_then(|dir| dir.lookup(caller, newname));
                found.err().unwrap_or(Errno(libc::EPERM))
            }
            (None, _) => Errno(libc::EPERM),
        }
    }

    fn open(&self, unique: u64, id: u64, caller: &Caller, flags: u32) -> Result<()> {
        if flags & libc::O_DIRECT as u32 != 0 {
            return Err(Errno(libc::EINVAL));
        }
        let (place, node) = (Place::of_file(caller.uid)?, self.node(id)?);
        let spare = machine::spare_descriptors().map_err(Errno::from).inspect_err(|e| self.starves(*e));
        // Orders are also how things are given back.
        if node.keep() != Keep::Fresh && flags as i32 & libc::O_ACCMODE != libc::O_WRONLY {
            spare?;
        }
        let opened = node.open(caller, (flags & !FMODE_EXEC) as i32);
        let handle = opened.inspect_err(|e| self.starves(*e))?;
        let mut open_flags = fopen::DIRECT_IO | fopen::NOFLUSH | fopen::PARALLEL_DIRECT_WRITES;
        if handle.stream() {
            open_flags |= fopen::STREAM | fopen::NONSEEKABLE;
        }
        self.keep_open(unique, Open::File { handle, _place: place }, open_flags)
    }

    fn opendir(&self, unique: u64, id: u64, caller: &Caller) -> Result<()> {
        let (place, inode) = (Place::of_file(caller.uid)?, self.inode(id)?);
        inode.node().access(caller, libc::R_OK)?;
        let dir = Dir { inode, snapshot: Mutex::new(None), handle: Mutex::new(None), _place: place };
        self.keep_open(unique, Open::Dir(dir), fopen::NOFLUSH)
    }

    fn keep_open(&self, unique: u64, open: Open, open_flags: u32) -> Result<()> {
        let fh = self.next_open.fetch_add(1, Ordering::Relaxed);
        self.open_shard(fh).write().insert(fh, Arc::new(open));
        let out = abi::OpenOut { fh, open_flags, backing_id: 0 };
        if self.channel.reply(unique, out.as_bytes(), &[]).is_err() {
            let lost = self.open_shard(fh).write().remove(&fh);
            if let Some(lost) = lost {
                lost.release();
            }
        }
        Ok(())
    }

    fn read(&self, unique: u64, caller: Caller, arg: &abi::ReadIn) -> Result<()> {
        let open = self.opened(arg.fh)?;
        let Open::File { handle, .. } = &*open else { return Err(Errno(libc::EISDIR)) };
        // A read(2) of direct I/O has an owner. Without one the page cache reads, for a mapping or splice(2): nobody could be
        // interrupted who waits for that, and what was read would be shown for ever.
        if arg.read_flags & abi::READ_LOCKOWNER == 0 {
            return Err(Errno(libc::EINVAL));
        }
        let size = (arg.size as usize).min(abi::MAX_DATA);
        let channel = self.channel.clone();
        let done = Pending::new(move |answer: Result<Vec<u8>>| {
            channel.parked.remove(unique);
            match answer {
                Ok(data) => drop(channel.reply(unique, &data[..data.len().min(size)], &[])),
                Err(errno) => channel.fail(unique, errno),
            }
        });
        if self.channel.parked.insert(unique, Wait::Read(done.downgrade())) {
            handle.read(&caller.until(done.downgrade()), arg.offset, size, done);
        } else {
            done.cancel();
        }
        Ok(())
    }

    fn write(&self, unique: u64, caller: Caller, arg: &abi::WriteIn, data: &[u8]) -> Result<()> {
        let open = self.opened(arg.fh)?;
        let Open::File { handle, .. } = &*open else { return Err(Errno(libc::EISDIR)) };
        let size = data.len();
        let channel = self.channel.clone();
        // A write to what has a position is over when it returns.
        let place = handle.stream().then(|| Place::of_message(caller.uid, size)).transpose()?;
        let done = Pending::new(move |answer: Result<usize>| {
            drop(place);
            channel.parked.remove(unique);
            match answer {
                Ok(n) => {
                    let out = abi::WriteOut { size: n.min(size) as u32, padding: 0 };
                    drop(channel.reply(unique, out.as_bytes(), &[]));
                }
                Err(errno) => channel.fail(unique, errno),
            }
        });
        if self.channel.parked.insert(unique, Wait::Write(done.downgrade())) {
            handle.write(&caller.until(done.downgrade()), arg.offset, data, done);
        } else {
            done.cancel();
        }
        Ok(())
    }

    fn ioctl(&self, unique: u64, caller: Caller, arg: &abi::IoctlIn, data: &[u8]) -> Result<()> {
        let open = self.opened(arg.fh)?;
        let handle = match &*open {
            Open::File { handle, .. } => handle.clone(),
            Open::Dir(dir) => dir.handle(&caller)?,
        };
        let room = arg.out_size as usize;
        let channel = self.channel.clone();
        let done = Pending::new(move |answer: Result<(i32, Vec<u8>)>| {
            channel.parked.remove(unique);
            match answer {
                Ok((result, data)) => {
                    let out = abi::IoctlOut { result, ..Default::default() };
                    drop(channel.reply(unique, out.as_bytes(), &data[..data.len().min(room)]));
                }
                Err(errno) => channel.fail(unique, errno),
            }
        });
        if self.channel.parked.insert(unique, Wait::Ioctl(done.downgrade())) {
            handle.ioctl(&caller.until(done.downgrade()), arg.cmd, arg.arg, data, done);
        } else {
            done.cancel();
        }
        Ok(())
    }

    fn poll(&self, unique: u64, caller: &Caller, arg: &abi::PollIn) -> Result<()> {
        let open = self.opened(arg.fh)?;
        let Open::File { handle, .. } = &*open else { return Err(Errno(libc::ENOSYS)) };
        let wake = (arg.flags & abi::POLL_SCHEDULE_NOTIFY != 0).then(|| {
            let notifier = crate::Notifier(Arc::downgrade(&self.channel));
            let kh = arg.kh;
            Box::new(move || drop(notifier.poll(kh))) as Box<dyn FnOnce() + Send>
        });
        let revents = handle.poll(caller, wake)?;
        self.reply(unique, abi::PollOut { revents, padding: 0 }.as_bytes())
    }

    fn readdir(&self, unique: u64, caller: &Caller, arg: &abi::ReadIn) -> Result<()> {
        let open = self.opened(arg.fh)?;
        let Open::Dir(dir) = &*open else { return Err(Errno(libc::ENOTDIR)) };
        let mut snapshot = dir.snapshot.lock();
        if arg.offset == 0 {
            *snapshot = None;
        }
        let entries = match &mut *snapshot {
            Some(entries) => entries,
            empty => empty.insert(dir.entries(caller)?),
        };
        let size = (arg.size as usize).min(abi::MAX_DATA);
        let from = usize::try_from(arg.offset).unwrap_or(usize::MAX).min(entries.len());
        let mut out = Vec::with_capacity(size.min((entries.len() - from) * 40));
        for (i, entry) in entries.iter().enumerate().skip(from) {
            let padded = entry.name.len().next_multiple_of(8);
            if out.len() + size_of::<abi::Dirent>() + padded > size {
                break;
            }
            let dirent = abi::Dirent {
                ino: entry.ino,
                off: i as u64 + 1,
                namelen: entry.name.len() as u32,
                kind: (entry.kind & libc::S_IFMT) >> 12,
            };
            out.extend_from_slice(dirent.as_bytes());
            out.extend_from_slice(&entry.name);
            out.resize(out.len() + padded - entry.name.len(), 0);
        }
        drop(snapshot);
        self.reply(unique, &out)
    }
}

impl Open {
    fn release(&self) {
        match self {
            Open::File { handle, .. } => handle.release(),
            Open::Dir(dir) => {
                let handle = dir.handle.lock().take();
                if let Some(handle) = handle {
                    handle.release();
                }
            }
        }
    }
}

impl Dir {
    fn entries(&self, caller: &Caller) -> Result<Vec<Entry>> {
        let node = self.inode.node();
        let found = node.readdir(caller)?;
        let own = node.attr(caller)?.ino;
        let above = self.inode.parent.upgrade().and_then(|p| p.node().attr(caller).ok()).map_or(own, |a| a.ino);
        let mut all = Vec::with_capacity(found.len() + 2);
        all.push(Entry { name: b".".to_vec(), ino: own, kind: libc::S_IFDIR });
        all.push(Entry { name: b"..".to_vec(), ino: above, kind: libc::S_IFDIR });
        all.extend(found);
        Ok(all)
    }

    /// The directory as an open file; ENOTTY if it cannot be opened as one.
    fn handle(&self, caller: &Caller) -> Result<Arc<dyn Handle>> {
        let mut handle = self.handle.lock();
        if let Some(handle) = &*handle {
            return Ok(handle.clone());
        }
        let flags = libc::O_RDONLY | libc::O_DIRECTORY;
        let opened = self.inode.node().open(caller, flags).map_err(|_| Errno(libc::ENOTTY))?;
        Ok(handle.insert(opened).clone())
    }
}

fn wire_attr(a: &tree::Attr) -> abi::Attr {
    abi::Attr {
        ino: a.ino,
        size: a.size,
        blocks: a.blocks,
        atime: a.atime.0 as u64,
        mtime: a.mtime.0 as u64,
        ctime: a.ctime.0 as u64,
        atimensec: a.atime.1,
        mtimensec: a.mtime.1,
        ctimensec: a.ctime.1,
        mode: a.mode,
        nlink: a.nlink,
        uid: a.uid,
        gid: a.gid,
        rdev: a.rdev,
        blksize: a.blksize,
        flags: 0,
    }
}
