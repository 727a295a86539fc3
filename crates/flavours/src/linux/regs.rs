//! `regs`, `fpregs`, `xregs`, `dbregs`: the kernel's register sets, in its bytes; `regs.json`: the general ones by name.
//!
//! Reading a thread that runs stops it for a moment; writing one that runs is EBUSY.

use crate::right::{only_truncation, Right, User};
use crate::target::Target;
use engine::registers::{self, Which};
use engine::Refusal;
use kernel::ptrace::RegSet;
use parking_lot::Mutex;
use std::sync::Arc;
use tree::{slice, Attr, Caller, Errno, Handle, Node, Pending, Result, SetAttr};

/// General registers.
pub const GENERAL: Which = Which::Set(RegSet::General);
/// Floating point.
pub const FLOAT: Which = Which::Set(RegSet::Float);
/// XSAVE area.
pub const XSTATE: Which = Which::Set(RegSet::Xstate);
/// Debug registers.
pub const DEBUG: Which = Which::Debug;

/// A register file.
pub struct Regs {
    /// Whose.
    pub target: Target,
    /// Which.
    pub which: Which,
    /// Shown as JSON, read only.
    pub json: bool,
}

impl Node for Regs {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        if self.json && flags & libc::O_ACCMODE != libc::O_RDONLY {
            return Err(Errno(libc::EACCES));
        }
        let right = Arc::new(Right::open(&self.target, caller)?);
        let (target, which, json) = (self.target.clone(), self.which, self.json);
        Ok(Arc::new(Open { target, which, json, right, image: Arc::default() }))
    }

    fn setattr(&self, _caller: &Caller, set: &SetAttr) -> Result<()> {
        if self.json {
            return Err(Errno(libc::EPERM));
        }
        only_truncation(set)
    }
}

/// Where a read ended, and the registers as it found them.
type Snapshot = (u64, Vec<u8>);

struct Open {
    target: Target,
    which: Which,
    json: bool,
    right: Arc<Right>,
    /// What a read found and where it ended, so that one that goes on there belongs to the same moment.
    image: Arc<Mutex<Option<Snapshot>>>,
}

/// The caller's own thread waits in this very request: it cannot be stopped before it is answered.
fn own(target: &Target, caller: &Caller) -> Result<()> {
    if caller.pid()? == target.proc.pid() {
        return Err(Errno(libc::EBUSY));
    }
    Ok(())
}

fn json(image: &[u8]) -> Vec<u8> {
    let mut object = serde_json::Map::new();
    for (name, value) in registers::named(image) {
        object.insert(name.into(), format!("{value:#x}").into());
    }
    let mut text = serde_json::Value::Object(object).to_string();
    text.push('\n');
    text.into_bytes()
}

impl Open {
    fn user(&self, caller: &Caller) -> Result<User> {
        let user = self.right.user(caller)?;
        own(&self.target, caller)?;
        Ok(user)
    }
}

impl Handle for Open {
    fn read(&self, caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        let user = match self.user(caller) {
            Ok(user) => user,
            Err(e) => {
                done.finish(Err(e));
                return;
            }
        };
        if offset > 0 {
            if let Some((at, image)) = self.image.lock().as_mut().filter(|(at, _)| *at == offset) {
                let part = slice(image, offset, size).to_vec();
                *at += part.len() as u64;
                done.finish(Ok(part));
                return;
            }
        }
        let (kept, as_json, answer) = (self.image.clone(), self.json, done.clone());
        let then = move |result: std::result::Result<Vec<u8>, Refusal>| {
            let result = result.map(|image| if as_json { json(&image) } else { image });
            answer.finish(match result {
                Ok(image) => {
                    let part = slice(&image, offset, size).to_vec();
                    *kept.lock() = Some((offset + part.len() as u64, image));
                    Ok(part)
                }
                Err(refusal) => Err(Errno(refusal.errno)),
            });
        };
        let way = self.target.shared.engine.target(self.target.proc.clone());
        let ticket =
            way.read_regs(Some(self.right.giver_for(&user)), self.target.tid.map(|t| t as i32), self.which, then);
        done.on_cancel(move || ticket.cancel());
    }

    fn write(&self, caller: &Caller, offset: u64, data: &[u8], done: Pending<usize>) {
        let user = match self.user(caller) {
            Ok(user) => user,
            Err(e) => {
                done.finish(Err(e));
                return;
            }
        };
        *self.image.lock() = None;
        let Ok(offset) = usize::try_from(offset) else {
            done.finish(Err(Errno(libc::EINVAL)));
            return;
        };
        let length = data.len();
        let then = move |result: std::result::Result<(), Refusal>| {
            done.finish(result.map(|()| length).map_err(|r| Errno(r.errno)));
        };
        let way = self.target.shared.engine.target(self.target.proc.clone());
        let (giver, tid) = (self.right.giver_for(&user), self.target.tid.map(|t| t as i32));
        way.write_regs(giver, tid, self.which, offset, data.to_vec(), Box::new(then));
    }
}
