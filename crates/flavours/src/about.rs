//! Who reads, about what, and in which data model; and what every file needs to know of a process.

use crate::target::Target;
use abi::solaris::Model;
use kernel::helper::{Carried, Found};
use kernel::machine;
use kernel::pidfd::Ids;
use kernel::procfs::{self, Stat};
use std::cell::OnceCell;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use tree::{Caller, Errno, Result};

/// One look of one caller at a process or an lwp of it.
pub struct About<'a> {
    /// What it is about.
    pub target: &'a Target,
    /// Who looks.
    pub caller: &'a Caller,
    model: OnceCell<Model>,
    status: OnceCell<Status>,
    stat: OnceCell<StatText>,
    outline: OnceCell<StatText>,
    /// The address space, if it was opened to judge who looks.
    memory: Option<Arc<OwnedFd>>,
    house: OnceCell<Option<House>>,
}

/// The thread that memory, open files and namespaces are found with.
struct House {
    tid: u32,
    dir: OwnedFd,
}

/// Files of a process that tell of all its threads, also when the first has ended.
const OF_ALL: &[&[u8]] = &[b"stat", b"status", b"io", b"comm", b"limits", b"schedstat", b"wchan"];

impl<'a> About<'a> {
    /// A look in the data model of who looks, or of the mount.
    pub fn new(target: &'a Target, caller: &'a Caller) -> About<'a> {
        About {
            target,
            caller,
            model: OnceCell::new(),
            status: OnceCell::new(),
            stat: OnceCell::new(),
            outline: OnceCell::new(),
            memory: None,
            house: OnceCell::new(),
        }
    }

    /// A look through a file that was opened in this model.
    pub fn in_model(target: &'a Target, caller: &'a Caller, model: Model) -> About<'a> {
        About { model: model.into(), ..About::new(target, caller) }
    }

    /// The same look, of whom was judged by opening this address space.
    pub fn with_memory(self, memory: Option<OwnedFd>) -> About<'a> {
        About { memory: memory.map(Arc::new), ..self }
    }

    /// The same look at an lwp of the process.
    pub fn at<'b>(&self, lwp: &'b Target) -> About<'b>
    where
        'a: 'b,
    {
        About { memory: self.memory.clone(), ..About::in_model(lwp, self.caller, self.model()) }
    }

    /// The data model of the answer.
    pub fn model(&self) -> Model {
        *self.model.get_or_init(|| model_for(self.target, self.caller))
    }

    /// The kernel's `status`, read once. ENOENT if the process, or the lwp, is gone.
    pub fn status(&self) -> Result<&Status> {
        if let Some(status) = self.status.get() {
            return Ok(status);
        }
        let status = Status(self.plain(b"status")?);
        Ok(self.status.get_or_init(|| status))
    }

    /// The kernel's `stat` in the caller's name, read once: what it hides from him, addresses and the exit status, is 0.
    pub fn stat(&self) -> Result<&StatText> {
        if let Some(stat) = self.stat.get() {
            return Ok(stat);
        }
        let stat = match self.read(b"stat") {
            // The daemon's own process: it shows others what anybody may know.
            Err(Errno(libc::EACCES | libc::EPERM)) if !procfs::hides() => return self.outline(),
            text => StatText::new(text?)?,
        };
        Ok(self.stat.get_or_init(|| stat))
    }

    /// As much of `stat` as anybody may know, read once: reading it in nobody's name takes less.
    pub fn outline(&self) -> Result<&StatText> {
        if let Some(stat) = self.stat.get().or(self.outline.get()) {
            return Ok(stat);
        }
        let text = StatText { public: true, ..StatText::new(self.plain(b"stat")?)? };
        Ok(self.outline.get_or_init(|| text))
    }

    /// True of what has ended and waits to be reaped: a process of which no lwp lives, or a single lwp. ENOENT if it is gone.
    pub fn zombie(&self) -> Result<bool> {
        let ended = matches!(self.outline()?.stat()?.state, b'Z' | b'X');
        Ok(ended && (self.target.tid.is_some() || self.of_zombie()?))
    }

    /// True if no lwp of the process lives. ENOENT if it is gone.
    pub fn of_zombie(&self) -> Result<bool> {
        let stat = self.outline()?.stat()?;
        Ok(matches!(stat.state, b'Z' | b'X') && stat.number(20).unwrap_or(0) <= 1)
    }

    /// True if the first lwp has ended; the process may live on in others.
    pub fn leader_is_dead(&self) -> Result<bool> {
        Ok(matches!(self.outline()?.stat()?.state, b'Z' | b'X'))
    }

    /// Where memory, open files and namespaces are found that are not in the directory of the process: the first thread of it has ended,
    /// and it lives on in others.
    fn house(&self) -> Option<&House> {
        let find = || {
            if self.target.tid.is_some() || !self.leader_is_dead().unwrap_or(false) {
                return None;
            }
            self.target.survivors().into_iter().find_map(|tid| {
                let path = CString::new(format!("task/{tid}")).ok()?;
                let dir = procfs::openat(self.target.proc.dir(), &path, libc::O_PATH | libc::O_DIRECTORY).ok()?;
                Some(House { tid, dir })
            })
        };
        self.house.get_or_init(find).as_ref()
    }

    /// `f` of the thread that has the memory and the open files, which is the first of a process as long as that lives.
    pub fn within<T>(&self, f: impl FnOnce(&About) -> T) -> T {
        match self.house() {
            Some(house) => f(&self.at(&Target { tid: Some(house.tid), ..self.target.clone() })),
            None => f(self),
        }
    }

    /// Path of the directory in the kernel's /proc that has the links of the process.
    pub fn kernels(&self) -> String {
        let pid = self.target.proc.pid();
        self.house().map_or(format!("/proc/{pid}"), |house| format!("/proc/{pid}/task/{}", house.tid))
    }

    /// Whose the process is. ENOENT if it is gone.
    pub fn ids(&self) -> Result<Ids> {
        self.target.proc.ids().map_err(gone)
    }

    /// So many bytes of the process's memory, or fewer.
    pub fn bytes_at(&self, address: u64, size: usize) -> Option<Vec<u8>> {
        match &self.memory {
            Some(memory) => procfs::pread(memory.as_fd(), address, size).ok(),
            None => {
                let path = self.path(b"mem").ok()?;
                let read =
                    |dir: BorrowedFd| procfs::pread(procfs::openat(dir, &path, libc::O_RDONLY)?.as_fd(), address, size);
                self.act(read).ok()
            }
        }
    }

    /// All of a file of the kernel's that shows everybody the same.
    pub fn plain(&self, name: &[u8]) -> Result<Vec<u8>> {
        let (path, dir) = (self.path(name)?, self.directory(name));
        if procfs::hides() {
            self.caller.creds()?.act_on(&self.target.proc, || Found::at(dir, &path)).map_err(gone)?;
        }
        // By ourselves in any case: ids are numbered for who opens it.
        procfs::read_at(dir, &path).map_err(gone)
    }

    /// All of a file of the kernel's, opened and read in the caller's name.
    pub fn read(&self, name: &[u8]) -> Result<Vec<u8>> {
        let (path, dir) = (self.path(name)?, self.directory(name));
        self.caller.creds()?.act_on(&self.target.proc, || procfs::read_at(dir, &path)).map_err(gone)
    }

    /// Runs `f` on the directory with the memory and the open files of the process in the caller's name; ENOENT if the process is gone.
    pub fn act<T: Carried>(&self, f: impl FnOnce(BorrowedFd) -> std::io::Result<T>) -> Result<T> {
        let (proc, dir) = (&self.target.proc, self.directory(b""));
        self.caller.creds()?.act_on(proc, || f(dir)).map_err(gone)
    }

    /// What the path of this file is relative to.
    fn directory(&self, name: &[u8]) -> BorrowedFd<'_> {
        let house = if OF_ALL.contains(&name) { None } else { self.house() };
        house.map_or(self.target.proc.dir(), |house| house.dir.as_fd())
    }

    fn path(&self, name: &[u8]) -> Result<CString> {
        self.target.path(name).ok_or(Errno(libc::ENOENT))
    }

    /// The data model of the process itself; `None` if it cannot be known: a zombie, a system process.
    pub fn target_model(&self) -> Option<Model> {
        let path = self.path(b"auxv").ok()?;
        // Only where it is not found is it asked whether the first thread lives: that takes as long.
        model_at(self.target.proc.dir(), &path).or_else(|| model_at(self.house()?.dir.as_fd(), &path))
    }

    /// EOVERFLOW for a reader whose pointers are too short for those of the process, or of the kernel if that is a system process.
    pub fn fits(&self) -> Result<()> {
        if self.model() == Model::Ilp32 && (self.target_model() == Some(Model::Lp64) || self.is_system()) {
            return Err(Errno(libc::EOVERFLOW));
        }
        Ok(())
    }

    /// The same for what tells of the address space: a system process has none, and shows everybody nothing.
    pub fn fits_space(&self) -> Result<()> {
        if self.is_system() {
            return Ok(());
        }
        self.fits()
    }

    /// True for a thread of the kernel: a system process, which has no memory and cannot be controlled.
    pub fn is_system(&self) -> bool {
        const PF_KTHREAD: u64 = 0x0020_0000;
        let flags = self.outline().ok().and_then(|s| s.stat().ok()?.number(9));
        flags.is_some_and(|f| f & PF_KTHREAD != 0)
    }

    /// When the process, or the lwp, began, in nanoseconds since boot.
    pub fn start(&self) -> Result<u64> {
        let ticks = match self.target.tid {
            None => self.target.proc.start(),
            Some(_) => self.outline()?.stat()?.start().ok_or(Errno(libc::EIO))?,
        };
        Ok(machine::ticks(ticks))
    }
}

/// What is gone is not there: there is no ESRCH in this file system.
pub fn gone(e: std::io::Error) -> Errno {
    match e.raw_os_error() {
        Some(libc::ESRCH) => Errno(libc::ENOENT),
        _ => e.into(),
    }
}

/// The model in which `caller` is answered: what the mount says, else that of his own program.
pub fn model_for(target: &Target, caller: &Caller) -> Model {
    target.shared.options.model.unwrap_or_else(|| model_of(caller))
}

/// The data model of the caller's own program; LP64 if that cannot be known.
pub fn model_of(caller: &Caller) -> Model {
    let path = CString::new(format!("{}/auxv", caller.tid)).unwrap_or_default();
    model_at(procfs::root(), &path).unwrap_or(Model::Lp64)
}

/// The data model of the program with this `auxv`. The class in the executable says the same, but to open that is to ask its
/// file system, which may be a process that never answers.
fn model_at(dir: BorrowedFd, path: &CStr) -> Option<Model> {
    model_in(&procfs::read_at(dir, path).ok()?)
}

/// In the form of its own model, a vector tells the size of a program header (`AT_PHENT`).
fn model_in(auxv: &[u8]) -> Option<Model> {
    const AT_PHENT: u64 = 4;
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
    let has = |model: Model, size: u64| {
        let pairs = auxv.chunks_exact(2 * model.long()).map(|pair| pair.split_at(model.long()));
        pairs.map(|(kind, value)| (word(kind), word(value))).any(|pair| pair == (AT_PHENT, size))
    };
    [(Model::Lp64, 56), (Model::Ilp32, 32)].into_iter().find(|(model, size)| has(*model, *size)).map(|(model, _)| model)
}

/// The kernel's `status` of a process or thread.
pub struct Status(Vec<u8>);

impl Status {
    /// The text of a field.
    pub fn field(&self, name: &str) -> &[u8] {
        procfs::field(&self.0, name).unwrap_or_default()
    }

    /// The first number of a field, 0 if there is none.
    pub fn number(&self, name: &str) -> u64 {
        let word = self.field(name).split(|b| b.is_ascii_whitespace()).next().unwrap_or_default();
        std::str::from_utf8(word).ok().and_then(|w| w.parse().ok()).unwrap_or(0)
    }

    /// A set of 64 bits.
    pub fn mask(&self, name: &str) -> u64 {
        std::str::from_utf8(self.field(name)).ok().and_then(|w| u64::from_str_radix(w, 16).ok()).unwrap_or(0)
    }

    /// Real, effective, saved and file-system id of the field `Uid` or `Gid`.
    pub fn ids(&self, name: &str) -> [u32; 4] {
        let mut ids = [0; 4];
        for (to, from) in ids.iter_mut().zip(procfs::numbers(self.field(name))) {
            *to = from;
        }
        ids
    }

    /// The state letter.
    pub fn state(&self) -> u8 {
        self.field("State").first().copied().unwrap_or(b'?')
    }
}

/// The kernel's `stat` of a process or thread.
pub struct StatText {
    text: Vec<u8>,
    /// Only what anybody may know is to be told of it.
    public: bool,
}

impl StatText {
    fn new(text: Vec<u8>) -> Result<StatText> {
        match Stat::parse(&text) {
            Some(_) => Ok(StatText { text, public: false }),
            None => Err(Errno(libc::EIO)),
        }
    }

    /// Its fields.
    pub fn stat(&self) -> Result<Stat<'_>> {
        Stat::parse(&self.text).ok_or(Errno(libc::EIO))
    }

    /// A field that is not for everybody; 0 if it is hidden.
    pub fn private(&self, n: usize) -> u64 {
        let stat = Stat::parse(&self.text).filter(|_| !self.public);
        stat.and_then(|s| s.number(n)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_of_vectors() {
        let wide: Vec<u8> = [33u64, 0x7fff_0000_1000, 4, 56, 0, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
        let narrow: Vec<u8> =
            [32u32, 0xf7f0_0000, 33, 0xf7f0_0000, 4, 32, 0, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
        assert_eq!(
            [&wide[..], &narrow, &wide[..16], b""].map(model_in),
            [Some(Model::Lp64), Some(Model::Ilp32), None, None]
        );
        assert_eq!(model_of(&Caller::new(std::process::id(), 0, 0)), Model::Lp64);
    }
}
