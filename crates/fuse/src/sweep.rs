//! Forgetting what has ended. The kernel keeps a name that it once looked up, and with it the node behind it and whatever that
//! holds, until somebody asks for the name again. Nobody asks for the dead; so a moment after names of things that can end
//! were found, they are gone through, and the kernel is told to forget those that answer ESTALE. Then the memory is given back that
//! nobody needs any more.

use crate::bridge::Inode;
use crate::channel::Channel;
use crate::Notifier;
use parking_lot::{Condvar, Mutex};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tree::{Caller, Errno};

/// How long after a name was found.
const PAUSE: Duration = Duration::from_secs(1);

/// Goes through the names in the root directory.
#[derive(Default)]
pub(crate) struct Sweeper(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    running: bool,
    /// When something new was found last, or something was closed.
    found: Option<Instant>,
    /// Everything is to be forgotten at once, the living too: they can be looked up again.
    all: bool,
}

impl Sweeper {
    /// A thing that can end was found in `root`.
    pub fn found(&self, root: &Arc<Inode>, channel: &Arc<Channel>) {
        self.ask(root, channel, false);
    }

    /// A file was closed, on which much may have been kept.
    pub fn closed(&self, root: &Arc<Inode>, channel: &Arc<Channel>) {
        self.ask(root, channel, false);
    }

    /// The daemon is out of descriptors: what is only remembered gives back its own.
    pub fn starved(&self, root: &Arc<Inode>, channel: &Arc<Channel>) {
        self.ask(root, channel, true);
    }

    fn ask(&self, root: &Arc<Inode>, channel: &Arc<Channel>, all: bool) {
        let mut state = self.0.state.lock();
        state.found = Some(Instant::now());
        state.all |= all;
        if all {
            self.0.wake.notify_all();
        }
        if state.running {
            return;
        }
        let (shared, root, channel) = (self.0.clone(), Arc::downgrade(root), Arc::downgrade(channel));
        // Without a thread the names stay until the next one is found.
        state.running = kernel::thread::start("pfs-sweep", 128 << 10, move || shared.work(&root, &channel)).is_ok();
    }
}

impl Shared {
    /// Until nothing new was found for a while before the last look.
    fn work(&self, root: &Weak<Inode>, channel: &Weak<Channel>) {
        loop {
            let all = {
                let mut state = self.state.lock();
                if !state.all {
                    self.wake.wait_for(&mut state, PAUSE);
                }
                std::mem::take(&mut state.all)
            };
            let began = Instant::now();
            let Some(root) = root.upgrade() else { return };
            sweep(&root, &Notifier(channel.clone()), all);
            let mut state = self.state.lock();
            if !state.all && state.found.is_none_or(|at| at + PAUSE <= began) {
                state.running = false;
                drop(state);
                kernel::heap::give_back();
                return;
            }
        }
    }
}

fn sweep(root: &Inode, notifier: &Notifier, all: bool) {
    // SAFETY: no pointers, cannot fail.
    let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
    for (name, inode, node) in root.mortal() {
        let gone = || node.attr(&Caller::new(std::process::id(), uid, gid)).err() == Some(Errno(libc::ESTALE));
        if all || gone() {
            // Our own hold on the node must not be the last one to go.
            drop(node);
            let _ = notifier.inval_entry(root.id, OsStr::from_bytes(&name));
            // Who was on his way through the directory has found something in it afterwards, by which the kernel keeps it.
            let inside = inode.upgrade().map(|inode| (inode.id, inode.names()));
            for (id, name) in inside.iter().flat_map(|(id, names)| names.iter().map(|name| (*id, name))) {
                let _ = notifier.inval_entry(id, OsStr::from_bytes(name));
            }
        }
    }
}
