//! Tells when processes end that nobody traces, and when threads sleep that have written to a protected page: one thread asleep
//! in epoll over their pidfds and userfaultfds.

use kernel::epoll::Epoll;
use kernel::pidfd;
use kernel::procfs::Proc;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

type Callback = Box<dyn FnOnce() + Send>;
type Watched = Arc<Mutex<BTreeMap<u64, Awaited>>>;

/// What is waited for.
struct Awaited {
    /// None if the descriptor is somebody else's, or the pidfd that the process has anyway.
    fd: Option<OwnedFd>,
    /// The process whose end it is to be: in an exec its pidfd may tell of one for an instant.
    proc: Option<Arc<Proc>>,
    callback: Callback,
}

impl Awaited {
    /// True if it has come. Else it is waited for again.
    fn has_come(&self, epoll: &Epoll, id: u64) -> bool {
        let Some(proc) = &self.proc else { return true };
        let again = || match &self.fd {
            Some(fd) => epoll.again(fd, id),
            None => epoll.again(&proc.pidfd()?, id),
        };
        proc.has_ended() || again().is_err()
    }
}

/// The watching thread's handle; the thread ends with the daemon.
pub struct Watcher {
    epoll: Arc<Epoll>,
    watched: Watched,
    next: AtomicU64,
}

impl Watcher {
    pub fn start() -> io::Result<Watcher> {
        let epoll = Arc::new(Epoll::new()?);
        let watched = Watched::default();
        let (e, w) = (epoll.clone(), watched.clone());
        std::thread::Builder::new().name("pfs-exits".into()).stack_size(128 << 10).spawn(move || loop {
            let Some(id) = e.wait() else { continue };
            let mut watched = w.lock();
            if watched.get(&id).is_some_and(|awaited| !awaited.has_come(&e, id)) {
                continue;
            }
            let found = watched.remove(&id);
            drop(watched);
            if let Some(awaited) = found {
                (awaited.callback)();
            }
        })?;
        Ok(Watcher { epoll, watched, next: AtomicU64::new(1) })
    }

    /// Calls `callback` once when the process ends, with the wait status if it can be known. ESRCH if it has been waited for already.
    pub fn watch(&self, proc: &Arc<Proc>, callback: Box<dyn FnOnce(Option<i32>) + Send>) -> io::Result<u64> {
        let fd = pidfd::open(proc.pid() as i32)?;
        if !proc.alive() {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        // That it has one: the status is read from it when the process has been waited for.
        proc.pidfd()?;
        let (ended, proc) = (Some(proc.clone()), proc.clone());
        self.ends(fd, ended, Box::new(move || callback(proc.wait_status())))
    }

    /// The same by the pidfd that the process has anyway, for one watch at a time: it costs no descriptor.
    pub fn watch_own(&self, proc: &Arc<Proc>, callback: Box<dyn FnOnce(Option<i32>) + Send>) -> io::Result<u64> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let fd = proc.pidfd()?;
        let mut watched = self.watched.lock();
        // It stays among those that are looked at when a watch is forgotten.
        match self.epoll.add(&fd, id) {
            Err(e) if e.raw_os_error() == Some(libc::EEXIST) => self.epoll.again(&fd, id)?,
            added => added?,
        }
        let of = proc.clone();
        let callback = Box::new(move || callback(of.wait_status()));
        watched.insert(id, Awaited { fd: None, proc: Some(proc.clone()), callback });
        Ok(id)
    }

    /// The same for one of its threads. ESRCH if it has none of that number.
    pub fn watch_thread(&self, proc: &Proc, tid: i32, callback: Callback) -> io::Result<u64> {
        let fd = pidfd::open_thread(tid)?;
        if !proc.has_thread(tid) {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        self.ends(fd, None, callback)
    }

    fn ends(&self, fd: OwnedFd, proc: Option<Arc<Proc>>, callback: Callback) -> io::Result<u64> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        // The lock is held so that the callback cannot be looked for before it is there.
        let mut watched = self.watched.lock();
        self.epoll.add(&fd, id)?;
        watched.insert(id, Awaited { fd: Some(fd), proc, callback });
        Ok(id)
    }

    /// Calls `callback` once when the descriptor, which stays its owner's, is readable. `again`: it was watched before, and that
    /// is over.
    pub fn readable(&self, fd: &impl AsRawFd, again: bool, callback: Callback) -> io::Result<u64> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut watched = self.watched.lock();
        if again {
            self.epoll.again(fd, id)?;
        } else {
            self.epoll.add(fd, id)?;
        }
        watched.insert(id, Awaited { fd: None, proc: None, callback });
        Ok(id)
    }

    /// Forgets a watch; its callback will not be called, unless that is under way.
    pub fn forget(&self, id: u64) {
        let dropped = self.watched.lock().remove(&id);
        drop(dropped);
    }
}
