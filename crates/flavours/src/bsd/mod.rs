//! The flavours `bsd44` and `freebsd`: the process file systems of 4.4BSD and of FreeBSD, in the form of one release
//! (`-o level=`), over the processes of this machine.
//!
//! The files are named as in FreeBSD's sys/fs/procfs, where a file is called there otherwise it is said:
//!
//! * [`nodes`] (procfs.c): the table of all nodes; [`root`], [`process`]: the directories and `curproc`; [`mod@file`]
//! * [`level`]: the releases, and all that differs between them
//! * [`look`]: who looks at what; [`candebug`] (p_candebug, CHECKIO): who may come near a process
//! * [`status`]: `status` and `cmdline`; [`map`]; [`rlimit`]; [`etype`] (procfs_type.c); [`osrel`]
//! * [`mem`]; [`opens`]: who has it open
//! * [`ctl`]; [`ioctl`]: the ioctls on `mem`; [`note`]: `note` and `notepg`
//! * [`regs`], [`fpregs`], [`dbregs`]; [`registers`]: what these share
//!
//! What differs from the BSDs is said at each file. And of all of them:
//!
//! * Whoever the kernel refuses is refused, whatever a release allowed: who may open the memory of a process for writing may use
//!   its registers, memory and `osrel`, at each transfer anew, and so must whoever opened the file.
//! * What FUSE decides by itself: `.` and `..` come first in every listing; reading a directory is EISDIR.
//! * A descriptor leads to the process it was opened of, never to the next one of its number.

pub mod candebug;
pub mod ctl;
pub mod dbregs;
pub mod etype;
pub mod file;
pub mod fpregs;
pub mod ioctl;
pub mod level;
pub mod look;
pub mod map;
pub mod mem;
pub mod nodes;
pub mod note;
pub mod opens;
pub mod osrel;
pub mod process;
pub mod registers;
pub mod regs;
pub mod rlimit;
pub mod root;
pub mod status;
pub mod text;

pub use level::{Level, Rules};

use crate::{Options, Shared};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use tree::{Capacity, Flavour, Node, Unchangeable};

/// Name of the flavour of 4.4BSD, under which its standing seats are kept.
pub const NAME_44: &str = "bsd44";
/// Name of the flavour of FreeBSD, under which its standing seats are kept.
pub const NAME_FREEBSD: &str = "freebsd";

/// The releases of `bsd44`.
pub static BSD44: &[Level] = &[Level::Bsd44a, Level::Bsd44b];
/// The releases of `freebsd`.
pub static FREEBSD: &[Level] = &[Level::F2, Level::F4, Level::F5, Level::F10, Level::F12, Level::F14];

/// The flavours `bsd44` and `freebsd`.
pub struct Bsd {
    shared: Arc<Shared>,
    rules: Rules,
}

/// Mounts of each flavour in this daemon. They share the standing seats, so the last of them gives those back.
static MOUNTS: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

impl Bsd {
    /// 4.4BSD, over the kernel's /proc as it is now reachable; call before mounting over it.
    pub fn bsd44(options: Options, engine: engine::Engine) -> Bsd {
        Bsd::new(options, engine, Level::Bsd44b)
    }

    /// The same of FreeBSD.
    pub fn freebsd(options: Options, engine: engine::Engine) -> Bsd {
        Bsd::new(options, engine, Level::F10)
    }

    fn new(options: Options, engine: engine::Engine, otherwise: Level) -> Bsd {
        kernel::procfs::root();
        let Options { level, strict, raw_syscall_regs, .. } = options;
        let rules = Rules { level: level.unwrap_or(otherwise), strict, raw_syscall_regs };
        let bsd = Bsd { rules, shared: Arc::new(Shared { options, engine }) };
        bsd.mounts().fetch_add(1, Ordering::AcqRel);
        bsd
    }

    fn mounts(&self) -> &'static AtomicUsize {
        &MOUNTS[usize::from(!self.rules.level.is_44())]
    }
}

impl Flavour for Bsd {
    fn name(&self) -> &'static str {
        self.rules.flavour()
    }

    fn root(&self) -> Arc<dyn Node> {
        Arc::new(root::Root { shared: self.shared.clone(), rules: self.rules })
    }

    fn unchangeable(&self) -> Option<Unchangeable> {
        Some(self.rules.unchangeable())
    }

    fn capacity(&self) -> Capacity {
        if self.rules.counts_processes() {
            root::capacity()
        } else {
            Capacity { blocks: 1, files: 1, free_files: 0 }
        }
    }

    fn unmounted(&self) {
        if self.mounts().fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.engine.drop_standing(self.name());
            if !self.rules.level.is_44() {
                self.shared.engine.drop_standing(ioctl::SEAT);
            }
        }
    }
}
