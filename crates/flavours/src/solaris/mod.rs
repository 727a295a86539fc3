//! The flavour `solaris`: the structured /proc of Solaris 2.6 and later (proc(4)), its names, modes and bytes over the processes
//! of this machine.
//!
//! * [`root`]: the root directory; processes by number, `self`
//! * [`process`], [`lwp`]: `<pid>/`, `<pid>/lwp/` and `<pid>/lwp/<lwpid>/`
//! * [`nodes`]: the tables of all files, and the door they stand behind
//! * [`agent`]: the agent lwp and `spymaster`; [`xregs`]: extended registers
//! * [`ctl`]: `ctl` and `lwpctl`, messages; [`writers`]: who has files open for writing
//! * [`setid`]: the messages about ids and privileges; [`actions`]: dispositions of signals
//! * [`status`]: `status`, `lstatus`, `lwpstatus`; [`stops`]: what the engine knows of the lwps, and poll(2)
//! * [`psinfo`], [`usage`], [`cred`], [`sigact`], [`auxv`], [`argv`], [`maps`], [`pagedata`]: records
//! * [`space`]: `as`; [`lwpname`]
//! * [`fd`], [`fdinfo`], [`object`], [`path`], [`links`]: files that the process has open or mapped, opened by [`files`]
//! * [`sockets`]: addresses of sockets; [`empty`]: what Linux has nothing of
//! * [`watch`]: watched areas
//!
//! What differs from Solaris is said at each file. And of all of them:
//!
//! * Signals, errno values and system calls have Linux's numbers, see [`abi::solaris`].
//! * What the FUSE of the kernel decides by itself: link(2) is EPERM, where making other names is ENOSYS; a directory cannot be
//!   opened for writing (EISDIR); reading one is EISDIR, not EINVAL; statvfs(2) has another name for the file system.
//! * Reads of more than 1 MiB come as several requests. They are one snapshot all the same.

pub mod actions;
pub mod agent;
pub mod argv;
pub mod auxv;
pub mod cred;
pub mod ctl;
pub mod empty;
pub mod fd;
pub mod fdinfo;
pub mod files;
pub mod links;
pub mod lwp;
pub mod lwpname;
pub mod maps;
pub mod nodes;
pub mod object;
pub mod pagedata;
pub mod path;
pub mod process;
pub mod psinfo;
pub mod root;
pub mod setid;
pub mod sigact;
pub mod sockets;
pub mod space;
pub mod status;
pub mod stops;
pub mod usage;
pub mod watch;
pub mod writers;
pub mod xregs;

use crate::{about, Options, Shared};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use tree::{Errno, Flavour, Node, Unchangeable};

/// The flavour's name, under which its standing seats are kept.
pub const NAME: &str = "solaris";

/// The flavour `solaris`.
pub struct Solaris {
    shared: Arc<Shared>,
}

/// Mounts of this flavour in this daemon. They share the standing seats, so the last of them gives those back.
static MOUNTS: AtomicUsize = AtomicUsize::new(0);

impl Solaris {
    /// Over the kernel's /proc as it is now reachable; call before mounting over it.
    pub fn new(options: Options, engine: engine::Engine) -> Solaris {
        kernel::procfs::root();
        MOUNTS.fetch_add(1, Ordering::AcqRel);
        Solaris { shared: Arc::new(Shared { options, engine }) }
    }
}

impl Flavour for Solaris {
    fn name(&self) -> &'static str {
        NAME
    }

    fn root(&self) -> Arc<dyn Node> {
        Arc::new(root::Root::new(self.shared.clone()))
    }

    fn unchangeable(&self) -> Option<Unchangeable> {
        let (create, other) = (Errno(libc::EACCES), Errno(libc::ENOSYS));
        Some(Unchangeable { create, make: other, remove: other })
    }

    fn locks(&self) -> bool {
        false
    }

    fn unmounted(&self) {
        if MOUNTS.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.engine.drop_standing(NAME);
        }
    }
}
