//! Who waits in poll(2) for one of the kernel's files: a change of the mounts, of a host name, a line in `kmsg`.
//!
//! Some of these files tell a change once, to whoever polls first. So what a poll of ours has seen is kept with the open file
//! until its client asks, and epoll(7) is no help: it polls when a file is added and again when it reports, and tells only the
//! second.

use super::handle::Inner;
use kernel::procfs;
use parking_lot::{Condvar, Mutex};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, OnceLock};

/// Called once when the file may have become ready.
pub type Wake = Box<dyn FnOnce() + Send>;

struct Waiting {
    file: Arc<Inner>,
    /// poll(2) bits that were not there when it began to wait, or are there no more.
    events: i16,
    wake: Wake,
}

struct Watch {
    waiting: Mutex<Vec<Waiting>>,
    /// Rings when the list has changed, or somebody waits for the end of a round.
    bell: OwnedFd,
    /// How often what a poll has seen was written down.
    rounds: Mutex<u64>,
    round: Condvar,
}

/// The one watch of this daemon, with a thread of its own; none if there cannot be one.
fn watch() -> Option<&'static Watch> {
    static WATCH: OnceLock<Option<Watch>> = OnceLock::new();
    static STARTED: OnceLock<bool> = OnceLock::new();
    let made = WATCH.get_or_init(|| Watch::new().ok());
    let watch = made.as_ref()?;
    let run = || kernel::thread::start("pfs-ready", 128 << 10, || watch.run());
    STARTED.get_or_init(|| run().is_ok()).then_some(watch)
}

/// `wake` is called when one of `events` is there; at most one waits for a file, the last.
pub fn wait(file: &Arc<Inner>, events: i16, wake: Wake) {
    let Some(watch) = watch() else { return };
    let mut waiting = watch.waiting.lock();
    waiting.retain(|w| !Arc::ptr_eq(&w.file, file));
    waiting.push(Waiting { file: file.clone(), events, wake });
    procfs::signal(watch.bell.as_fd());
}

/// A read has found nothing: who waits for the file waits for content too.
pub fn emptied(file: &Arc<Inner>, events: i16) {
    let Some(watch) = watch() else { return };
    let mut waiting = watch.waiting.lock();
    let Some(found) = waiting.iter_mut().find(|w| Arc::ptr_eq(&w.file, file)) else { return };
    found.events |= events;
    procfs::signal(watch.bell.as_fd());
}

/// Returns when what the watch has seen of the file by now is written down in it: a poll of the watch takes a change from the
/// kernel a moment before that.
pub fn settle(file: &Arc<Inner>) {
    let Some(watch) = watch() else { return };
    // Who waits is taken from the list after that.
    if watch.waiting.lock().iter().any(|w| Arc::ptr_eq(&w.file, file)) {
        let mut rounds = watch.rounds.lock();
        let now = *rounds;
        procfs::signal(watch.bell.as_fd());
        watch.round.wait_while(&mut rounds, |rounds| *rounds == now);
    }
}

/// The file is closed.
pub fn forget(file: &Arc<Inner>) {
    let Some(watch) = watch() else { return };
    watch.waiting.lock().retain(|w| !Arc::ptr_eq(&w.file, file));
    procfs::signal(watch.bell.as_fd());
}

impl Watch {
    fn new() -> io::Result<Watch> {
        let bell = procfs::event()?;
        Ok(Watch { waiting: Mutex::default(), bell, rounds: Mutex::default(), round: Condvar::new() })
    }

    fn run(&self) {
        loop {
            let files: Vec<(Arc<Inner>, i16)> =
                self.waiting.lock().iter().map(|w| (w.file.clone(), w.events)).collect();
            let mut list = vec![(self.bell.as_fd(), libc::POLLIN)];
            list.extend(files.iter().map(|(file, events)| (file.file(), *events)));
            if let Ok(ready) = procfs::poll_all(&list, -1) {
                if ready[0] != 0 {
                    procfs::unsignal(self.bell.as_fd());
                }
                for ((file, _), bits) in files.iter().zip(&ready[1..]).filter(|(_, bits)| **bits != 0) {
                    self.tell(file, *bits);
                }
            }
            *self.rounds.lock() += 1;
            self.round.notify_all();
        }
    }

    fn tell(&self, file: &Arc<Inner>, bits: i16) {
        file.has_seen(bits);
        let mut waiting = self.waiting.lock();
        let found = waiting.iter().position(|w| Arc::ptr_eq(&w.file, file));
        let woken = found.map(|at| waiting.swap_remove(at));
        drop(waiting);
        if let Some(woken) = woken {
            (woken.wake)();
        }
    }
}
