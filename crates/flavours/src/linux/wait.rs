//! `wait`: blocks until the state of the process changes and gives a line of JSON for each change: job-control stops and
//! continuations, exec, and at the end the status, also of processes that are nobody's child here. Whoever may not control
//! the process (any more), or finds it traced by another, is told of its end only.

use super::seat::Events;
use crate::right::Right;
use crate::target::Target;
use engine::engine::Giver;
use engine::Opener;
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Handle, Node, Pending, Result};

/// The node.
pub struct Wait(pub Target);

impl Node for Wait {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        if flags & libc::O_ACCMODE != libc::O_RDONLY {
            return Err(Errno(libc::EACCES));
        }
        let own = caller.pid().ok() == Some(self.0.proc.pid());
        let right = if own { None } else { Right::open(&self.0, caller).ok() };
        let opener = Opener { pid: caller.pid().unwrap_or(caller.tid), uid: caller.uid };
        let nobody = Giver { opener, check: None, asked: 0, writers: None, own: None };
        let giver = right.as_ref().map_or(nobody, Right::giver);
        let way = self.0.shared.engine.target(self.0.proc.clone());
        let (id, stream, watch) = way.watch_states("linux", giver, right.is_some()).map_err(|e| Errno(e.errno))?;
        Ok(Arc::new(Open(Events { target: self.0.clone(), id, stream, _watch: watch })))
    }
}

struct Open(Events);

impl Handle for Open {
    fn read(&self, caller: &Caller, _offset: u64, size: usize, done: Pending<Vec<u8>>) {
        self.0.read(caller, size, done);
    }

    fn stream(&self) -> bool {
        true
    }

    fn poll(&self, _caller: &Caller, wake: Option<Box<dyn FnOnce() + Send>>) -> Result<u32> {
        Ok(self.0.poll(wake) & !(libc::POLLOUT | libc::POLLWRNORM) as u32)
    }
}
