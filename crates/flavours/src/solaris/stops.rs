//! How a process and its lwps stand: what the engine knows, for the status files and for poll(2).

use super::about::About;
use super::nodes::valid;
use super::{writers, NAME};
use crate::right::Right;
use crate::target::Target;
use engine::engine::{Ticket, Watch};
use engine::lwp::{LwpOrder, LwpView, Shown, View};
use parking_lot::Mutex;
use std::sync::{mpsc, Arc};
use tree::{Caller, Errno, Result};

/// What the engine knows of the process, and of those lwps. It waits for the tracer thread, which takes microseconds; so it is
/// not to be called there.
pub fn view(target: &Target, which: Shown) -> View {
    look(target, which, false)
}

/// The same with the registers of lwps in a job-control stop.
pub fn view_inside(target: &Target, which: Shown) -> View {
    look(target, which, true)
}

fn look(target: &Target, which: Shown, inside: bool) -> View {
    let (tx, rx) = mpsc::channel();
    let way = target.shared.engine.target(target.proc.clone());
    way.view(NAME, which, inside, move |view| drop(tx.send(view)));
    rx.recv().unwrap_or_default()
}

/// The lwp of this file, or the one that speaks for the process.
pub fn shown(target: &Target) -> Shown {
    target.tid.map_or(Shown::Speaker, |tid| Shown::One(tid as i32))
}

/// Who waits to be told of a stop or of the end, one per open file.
#[derive(Default)]
pub struct Waiting {
    /// Taken by the first that has something to tell.
    wake: Arc<Mutex<Option<Wake>>>,
    stop: Option<Ticket>,
    /// Nobody else tells of the end of a process that is not attached.
    _end: Option<Watch>,
}

/// Called when poll(2) is to look again.
pub type Wake = Box<dyn FnOnce() + Send>;

/// The same, shared.
pub type Seen = Mutex<Waiting>;

impl Drop for Waiting {
    fn drop(&mut self) {
        // To be cancelled is no news.
        drop(self.wake.lock().take());
        if let Some(ticket) = self.stop.take() {
            ticket.cancel();
        }
    }
}

/// poll(2): content and room at once; POLLPRI (and with it what Solaris calls writable) while the process, or the lwp, is in an
/// event stop; POLLHUP of what has ended, POLLERR if the right to it is lost, POLLNVAL of a system process.
pub fn poll(target: &Target, right: Option<&Right>, caller: &Caller, seen: &Seen, wake: Option<Wake>) -> Result<u32> {
    let about = About::new(target, caller);
    let ended = |about: &About| about.zombie().unwrap_or(true);
    if ended(&about) {
        return Ok(libc::POLLHUP as u32);
    }
    let valid = valid(right, caller);
    if let Err(Errno(libc::EAGAIN)) = valid {
        return Ok(libc::POLLERR as u32);
    }
    if about.is_system() {
        // The kernel keeps POLLNVAL to itself.
        return Ok((libc::POLLNVAL | libc::POLLERR) as u32);
    }
    if valid.is_err() {
        // On its way out, its memory is gone before itself.
        return Ok(libc::POLLHUP as u32);
    }
    let ready = (libc::POLLIN | libc::POLLRDNORM) as u32;
    let event = view(target, shown(target)).lwps.iter().any(|l: &LwpView| l.stand.is_event());
    if let Some(wake) = wake {
        let way = target.shared.engine.target(target.proc.clone());
        let tid = target.tid.map(|t| t as i32);
        let wake = Arc::new(Mutex::new(Some(wake)));
        let (once, other) = (wake.clone(), wake.clone());
        let call = |once: &Mutex<Option<Wake>>| {
            let wake = once.lock().take();
            if let Some(wake) = wake {
                wake();
            }
        };
        let end = match tid {
            Some(tid) => way.on_end_of(tid, move || call(&other)),
            None => way.on_end(move |_| call(&other)),
        };
        if end.as_ref().is_err_and(|e| e.raw_os_error() == Some(libc::ESRCH)) {
            return Ok(libc::POLLHUP as u32);
        }
        // Whoever may not control the process is told of its end only.
        // From a stop he is woken when it is over: then he waits for the next one.
        let order = LwpOrder::See(!event);
        let see = |right: &Right| {
            way.message(NAME, writers::giver(right.giver()), tid, order, Box::new(move |_| call(&once)))
        };
        let before = std::mem::replace(&mut *seen.lock(), Waiting { wake, stop: right.map(see), _end: end.ok() });
        drop(before);
    }
    let stopped = if event { libc::POLLPRI | libc::POLLOUT | libc::POLLWRNORM } else { 0 };
    Ok(ready | stopped as u32)
}
