//! What the daemon serves: sessions of the FUSE front end over flavours.

use crate::control::MountRequest;
use crate::daemon::unix_ms;
use crate::options::{DataModel, SyscallRegs};
use ::flavours::bsd::Level;
use anyhow::{Context, Result};
use engine::Engine;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tree::{Flavour, Node};

/// A process that is held, and by whom.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Held {
    /// The process.
    pub pid: i32,
    /// Its name.
    pub comm: String,
    /// Who holds it.
    pub seats: Vec<SeatInfo>,
}

/// Who holds a process.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SeatInfo {
    /// Through which flavour.
    pub flavour: String,
    /// It stays when the file is closed; else it is an open file.
    pub standing: bool,
    /// The process that opened the file.
    pub opener_pid: i32,
    /// The user that opened it.
    pub opener_uid: u32,
    /// Since when, in milliseconds since the epoch.
    pub since_unix_ms: u64,
    /// What it does with it: stopped, traced, watched.
    pub what: String,
}

/// What the daemon needs of the floors below it.
pub trait Service: Send + Sync {
    /// The flavours that can be mounted.
    fn flavours(&self) -> Vec<&'static str>;
    /// Starts to serve a mount; `gone` is called once when the mount is gone and all that was held through it is given
    /// back, however that came.
    fn serve(&self, req: &MountRequest, fuse: OwnedFd, gone: Box<dyn FnOnce() + Send>) -> Result<u64>;
    /// Ends a session: open files fail from now on.
    fn end(&self, id: u64);
    /// True as long as the session's file system is mounted anywhere, or open: nobody else has the number of its device.
    fn is_mounted(&self, id: u64) -> bool;
    /// What is held.
    fn status(&self) -> Vec<Held>;
    /// Gives back everything.
    fn shutdown(&self);
}

/// The names of the flavours that can be mounted.
pub fn flavours() -> Vec<&'static str> {
    ::flavours::ALL.iter().map(|kind| kind.name).collect()
}

/// The real floors below.
pub struct PfsService {
    engine: Engine,
    sessions: Arc<Mutex<Sessions>>,
}

#[derive(Default)]
struct Sessions {
    last: u64,
    running: BTreeMap<u64, fuse::Session>,
}

impl PfsService {
    /// With no session yet. To be called before the first mount, which may cover /proc, and before other threads are
    /// started, which inherit the signal mask that the engine needs.
    pub fn new() -> Result<PfsService> {
        kernel::procfs::init()
            .context("/proc must be the kernel's, of our own pid namespace: mount -t proc proc /proc")?;
        let engine = Engine::start().context("cannot start the engine")?;
        Ok(PfsService { engine, sessions: Arc::default() })
    }
}

impl Service for PfsService {
    fn flavours(&self) -> Vec<&'static str> {
        flavours()
    }

    fn serve(&self, req: &MountRequest, fuse: OwnedFd, gone: Box<dyn FnOnce() + Send>) -> Result<u64> {
        let o = &req.options;
        let kind = ::flavours::by_name(&req.flavour).with_context(|| format!("unknown flavour {:?}", req.flavour))?;
        let options = ::flavours::Options {
            hidepid: o.hidepid.unwrap_or_default().number(),
            gid: o.gid,
            uid: o.uid,
            ro: o.ro.unwrap_or_default(),
            model: o.model.and_then(DataModel::forced),
            level: o.level.as_deref().and_then(Level::of_word),
            strict: o.strict.unwrap_or_default(),
            raw_syscall_regs: o.syscallregs == Some(SyscallRegs::Raw),
        };
        let inner = (kind.make)(options, self.engine.clone());
        let id = {
            let mut sessions = self.sessions.lock();
            sessions.last += 1;
            sessions.last
        };
        let sessions = self.sessions.clone();
        let engine = self.engine.clone();
        let watched = Arc::new(Watched { inner, gone: Mutex::new(Some(gone)), id, sessions, engine });
        let session = fuse::Session::start(fuse, watched.clone()).context("cannot start the session")?;
        self.sessions.lock().running.insert(id, session);
        // It may have ended before it was entered.
        if watched.gone.lock().is_none() {
            self.sessions.lock().running.remove(&id);
        }
        Ok(id)
    }

    fn end(&self, id: u64) {
        let session = self.sessions.lock().running.remove(&id);
        if let Some(session) = session {
            session.abort();
        }
    }

    fn is_mounted(&self, id: u64) -> bool {
        self.sessions.lock().running.get(&id).is_some_and(fuse::Session::is_connected)
    }

    fn status(&self) -> Vec<Held> {
        self.engine.held().iter().map(shown).collect()
    }

    fn shutdown(&self) {
        let running = std::mem::take(&mut self.sessions.lock().running);
        running.into_values().for_each(fuse::Session::abort);
        self.engine.shut_down();
    }
}

fn shown(held: &engine::Held) -> Held {
    let comm = CString::new(format!("{}/comm", held.pid))
        .map_err(Into::into)
        .and_then(|path| kernel::procfs::read_at(kernel::procfs::root(), &path))
        .unwrap_or_default();
    let seat = |seat: &engine::SeatShown| SeatInfo {
        flavour: seat.flavour.to_owned(),
        standing: seat.standing,
        opener_pid: seat.opener.pid as i32,
        opener_uid: seat.opener.uid,
        since_unix_ms: unix_ms(seat.since),
        what: seat.what.clone(),
    };
    Held {
        pid: held.pid,
        comm: String::from_utf8_lossy(comm.trim_ascii_end()).into_owned(),
        seats: held.seats.iter().map(seat).collect(),
    }
}

/// A flavour that tells when its mount is gone, after it gave back what its clients held.
struct Watched {
    inner: Arc<dyn Flavour>,
    gone: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    id: u64,
    engine: Engine,
    sessions: Arc<Mutex<Sessions>>,
}

impl Flavour for Watched {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn root(&self) -> Arc<dyn Node> {
        self.inner.root()
    }

    fn unchangeable(&self) -> Option<tree::Unchangeable> {
        self.inner.unchangeable()
    }

    fn capacity(&self) -> tree::Capacity {
        self.inner.capacity()
    }

    fn locks(&self) -> bool {
        self.inner.locks()
    }

    fn unmounted(&self) {
        self.inner.unmounted();
        // The engine does its jobs in order: with this answer those of the flavour are done.
        self.engine.held();
        let gone = self.gone.lock().take();
        let session = self.sessions.lock().running.remove(&self.id);
        drop(session);
        if let Some(gone) = gone {
            gone();
        }
    }
}
