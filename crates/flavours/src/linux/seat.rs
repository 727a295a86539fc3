//! `seat`: each open file is a seat of its own. Written: the words of `ctl`. Read: one line of JSON per event. Closing it gives
//! back all that it held.

use super::control::{carry_out, LastError};
use crate::right::{only_truncation, Right};
use crate::target::Target;
use engine::engine::{Seated, Watch};
use engine::stream::{Read, Stream};
use engine::SeatId;
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Handle, Node, Pending, Result, SetAttr};

/// The node.
pub struct Seat(pub Target);

impl Node for Seat {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        let right = Right::open(&self.0, caller)?;
        let way = self.0.shared.engine.target(self.0.proc.clone());
        let (id, stream, watch) = way.open_seat("linux", right.giver()).map_err(|e| Errno(e.errno))?;
        let events = Events { target: self.0.clone(), id, stream, _watch: watch };
        Ok(Arc::new(Open { events, right, error: LastError::default() }))
    }

    fn setattr(&self, _caller: &Caller, set: &SetAttr) -> Result<()> {
        only_truncation(set)
    }
}

/// The reading side of a seat; dropping it closes the seat.
pub struct Events {
    /// Whose events.
    pub target: Target,
    /// The seat.
    pub id: SeatId,
    /// Its stream.
    pub stream: Arc<Stream>,
    /// Ends the stream with the process.
    pub _watch: Option<Watch>,
}

impl Drop for Events {
    fn drop(&mut self) {
        self.target.shared.engine.target(self.target.proc.clone()).close_seat(self.id);
    }
}

impl Events {
    /// Answers with whole lines, now or when there are some.
    pub fn read(&self, caller: &Caller, size: usize, done: Pending<Vec<u8>>) {
        let way = self.target.shared.engine.target(self.target.proc.clone());
        read(self.stream.clone(), way, size, !caller.nonblock, done);
    }

    /// POLLIN when there is something to read.
    pub fn poll(&self, wake: Option<Box<dyn FnOnce() + Send>>) -> u32 {
        let readable = if self.stream.poll(wake) { libc::POLLIN | libc::POLLRDNORM } else { 0 };
        (readable | libc::POLLOUT | libc::POLLWRNORM) as u32
    }
}

fn read(stream: Arc<Stream>, way: engine::Target, size: usize, patient: bool, done: Pending<Vec<u8>>) {
    if done.is_over() {
        return;
    }
    match stream.read(size, patient) {
        Read::Bytes(bytes, room) => {
            if room {
                way.drained();
            }
            if !done.finish(Ok(bytes.clone())) {
                stream.unread(bytes);
            }
        }
        Read::Empty if patient => {
            let again = stream.clone();
            stream.when_ready(Box::new(move || read(again, way, size, patient, done)));
        }
        Read::Empty => drop(done.finish(Err(Errno(libc::EAGAIN)))),
    }
}

struct Open {
    events: Events,
    right: Right,
    error: LastError,
}

impl Handle for Open {
    fn read(&self, caller: &Caller, _offset: u64, size: usize, done: Pending<Vec<u8>>) {
        // What came before the end of the process or the loss of the right may be read to the end.
        match self.right.check(caller) {
            Err(e) if !matches!(e.0, libc::ESRCH | libc::ENOENT) && !self.events.stream.is_closed() => {
                done.finish(Err(e));
            }
            _ => self.events.read(caller, size, done),
        }
    }

    fn write(&self, caller: &Caller, _offset: u64, data: &[u8], done: Pending<usize>) {
        let seated = Seated::Open(self.events.id);
        carry_out(&self.events.target, seated, &self.right, caller, data, &self.error, done);
    }

    fn stream(&self) -> bool {
        true
    }

    fn poll(&self, _caller: &Caller, wake: Option<Box<dyn FnOnce() + Send>>) -> Result<u32> {
        Ok(self.events.poll(wake))
    }
}
