//! `holders`: who holds the process now, one line a seat.

use crate::target::Target;
use std::fmt::Write;
use std::sync::Arc;
use std::time::UNIX_EPOCH;
use tree::{Attr, Caller, Errno, Handle, Node, Result, Text};

/// The node.
pub struct Holders(pub Target);

impl Node for Holders {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, _caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        if flags & libc::O_ACCMODE != libc::O_RDONLY {
            return Err(Errno(libc::EACCES));
        }
        Ok(Arc::new(Text(text(&self.0).into_bytes())))
    }
}

/// `flavour=… kind=standing|open pid=… uid=… since=<seconds since the epoch> what=…`, a line a seat.
fn text(target: &Target) -> String {
    let mut out = String::new();
    let Some(held) = target.shared.engine.target(target.proc.clone()).held_now() else { return out };
    for s in &held.seats {
        let since = s.since.duration_since(UNIX_EPOCH).unwrap_or_default();
        let kind = if s.standing { "standing" } else { "open" };
        let _ = writeln!(
            out,
            "flavour={} kind={kind} pid={} uid={} since={}.{:03} what={}",
            s.flavour,
            s.opener.pid,
            s.opener.uid,
            since.as_secs(),
            since.subsec_millis(),
            s.what
        );
    }
    out
}
