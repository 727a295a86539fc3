//! The default flavour: everything the kernel's /proc has, with the same names, bytes and errors, and files of our own
//! beside it.
//!
//! * [`root`]: the root directory; numbers, `<pid>:<pidfd inode>`, `self`, `thread-self`
//! * [`process`]: `<pid>/` and `<pid>/task/<tid>/`, the kernel's entries and ours
//! * [`own`]: the tables of our own files
//! * [`kernel_file`]: anything that is the kernel's, opened on demand in the caller's name
//! * [`pathless`]: what its links without a path lead to
//! * [`handle`]: one open file of the kernel's
//! * [`ctl`], [`seat`], [`wait`], [`holders`], [`mem`], [`regs`], [`note`], [`ustat`]: our own files
//! * [`comm`]: writing the name of oneself
//! * [`words`]: the language of `ctl` and `seat`; [`control`]: carrying out a message
//!
//! What differs from the kernel's own mount: files that show the namespaces of who opens them (`sys/net`, `sysvipc`,
//! `sys/kernel/hostname`, `keys`) show the daemon's; files that only the process itself may use (`attr/*`,
//! `timerslack_ns` of itself, `loginuid` writes) see the daemon as another process; ioctls (PROCMAP_QUERY,
//! PAGEMAP_SCAN) are ENOTTY, since they carry pointers; the daemon's own entry shows others only what is public.

pub mod comm;
pub mod control;
pub mod ctl;
pub mod handle;
pub mod holders;
pub mod kernel_file;
pub mod mem;
pub mod note;
pub mod own;
pub mod pathless;
pub mod process;
mod readiness;
pub mod regs;
pub mod root;
pub mod seat;
pub mod ustat;
pub mod wait;
pub mod words;

use crate::{Options, Shared};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use tree::{Flavour, Node};

/// The flavour `linux`.
pub struct Linux {
    shared: Arc<Shared>,
}

/// Mounts of this flavour in this daemon. They share the standing seats, so the last of them gives those back.
static MOUNTS: AtomicUsize = AtomicUsize::new(0);

impl Linux {
    /// The kernel's /proc as it is now reachable; call before mounting over it.
    pub fn new(options: Options, engine: engine::Engine) -> Linux {
        kernel::procfs::root();
        MOUNTS.fetch_add(1, Ordering::AcqRel);
        Linux { shared: Arc::new(Shared { options, engine }) }
    }
}

impl Flavour for Linux {
    fn name(&self) -> &'static str {
        "linux"
    }

    fn root(&self) -> Arc<dyn Node> {
        Arc::new(root::Root::new(self.shared.clone()))
    }

    fn unmounted(&self) {
        if MOUNTS.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.engine.drop_standing("linux");
        }
    }
}
