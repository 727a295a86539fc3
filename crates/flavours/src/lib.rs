//! The flavours: one folder each, one file a node.
//!
//! What they share: [`target`], the process or thread that a file is about, who may see it, and acting on it; [`right`], who may
//! control it; [`about`], who reads and what every file needs to know; [`mapping`], what is mapped; [`exclusive`], opens that are to
//! be the only ones; [`post`], notes; [`underway`], the order that a write waits for; [`rename`], giving a thread another name;
//! [`client_memory`], the memory of a client that waits.

#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod about;
pub mod bsd;
pub mod client_memory;
pub mod exclusive;
pub mod linux;
pub mod mapping;
pub mod post;
pub mod rename;
pub mod right;
pub mod solaris;
pub mod target;
pub mod underway;

use abi::solaris::Model;
use engine::Engine;
use kernel::machine;
use kernel::procfs::Proc;
use std::sync::Arc;
use tree::Flavour;

/// How a flavour is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// As the kernel's `hidepid`: 1 closes the directories of processes the caller may not inspect, 2 hides them, 4
    /// hides them from `gid` too. 0: neither.
    pub hidepid: u8,
    /// Members of this group see everything, as with the kernel's `gid`.
    pub gid: Option<u32>,
    /// Only processes whose effective uid this is are there.
    pub uid: Option<u32>,
    /// Nothing can be opened for writing or changed.
    pub ro: bool,
    /// The data model in which everybody is answered, for flavours of binary structures. `None`: each in its own.
    pub model: Option<Model>,
    /// The release whose files are shown, for flavours that had several. `None`: the flavour's choice.
    pub level: Option<bsd::Level>,
    /// Errors and limits as that release had them.
    pub strict: bool,
    /// Registers are shown as they are in a system call too, not where that release had number and result.
    pub raw_syscall_regs: bool,
}

/// What all nodes of one mount share.
pub struct Shared {
    /// How it is mounted.
    pub options: Options,
    /// The engine.
    pub engine: Engine,
}

impl Shared {
    /// The process that has this number, for a name that is remembered. One that is held is found however few descriptors are left,
    /// for it takes none; for others it is EMFILE before there are none.
    pub fn proc(&self, pid: u32) -> std::io::Result<Arc<Proc>> {
        if let Some(known) = self.engine.known(pid) {
            return Ok(known);
        }
        machine::spare_descriptors()?;
        Proc::open(pid).map(Arc::new)
    }
}

/// A flavour that can be mounted.
pub struct Kind {
    /// Its name, as given to `-t`.
    pub name: &'static str,
    /// True if its files are structures of C, whose form depends on the data model of who reads them (`-o model=`).
    pub models: bool,
    /// The releases that can be chosen (`-o level=`); if there are any, `strict` and `syscallregs` are known too.
    pub levels: &'static [bsd::Level],
    /// The kernel's /proc as it is now reachable, in the flavour's view; to be called before it is mounted over.
    pub make: fn(Options, Engine) -> Arc<dyn Flavour>,
}

/// All flavours.
pub static ALL: &[Kind] = &[
    Kind { name: "linux", models: false, levels: &[], make: |o, e| Arc::new(linux::Linux::new(o, e)) },
    Kind { name: "solaris", models: true, levels: &[], make: |o, e| Arc::new(solaris::Solaris::new(o, e)) },
    Kind { name: "bsd44", models: false, levels: bsd::BSD44, make: |o, e| Arc::new(bsd::Bsd::bsd44(o, e)) },
    Kind { name: "freebsd", models: false, levels: bsd::FREEBSD, make: |o, e| Arc::new(bsd::Bsd::freebsd(o, e)) },
];

/// The flavour of this name; None if there is no such flavour.
pub fn by_name(name: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| kind.name == name)
}
