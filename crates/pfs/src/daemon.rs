//! The daemon: one per user, serves all mounts of that user, and ends with the last of them.

use crate::control::{Answer, Conn, MountInfo, MountRequest, Refusal, Report, Request, LINE_LIMIT, VERSION};
use crate::mounts::{self, Dev};
use crate::runtime::Runtime;
use crate::service::{Held, Service};
use anyhow::{bail, Context, Result};
use kernel::peer::Peer;
use parking_lot::{Condvar, Mutex};
use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A connection that says nothing for so long is closed.
const IDLE: Duration = Duration::from_secs(60);

/// So long a clean stop waits for sessions to end.
const END_WAIT: Duration = Duration::from_secs(10);

/// More connections at a time than this are refused.
const CONNECTIONS: usize = 64;

struct Mount {
    info: MountInfo,
    /// Unknown while the service is about to start it.
    session: Option<u64>,
}

#[derive(Default)]
struct State {
    mounts: BTreeMap<u64, Mount>,
    last_key: u64,
    connections: usize,
    stopping: bool,
    /// The stop is complete.
    stopped: bool,
}

/// The daemon of a user.
pub struct Daemon {
    service: Arc<dyn Service>,
    state: Mutex<State>,
    changed: Condvar,
}

impl Daemon {
    /// Serves connections on the control socket of `runtime`, and `first`, whose other end a mount will come from.
    /// Returns when there is no mount and no connection any more, or after a clean stop by a signal or by request.
    /// `lock` is the daemon's lock, held until the process ends.
    pub fn run(service: Arc<dyn Service>, runtime: &Runtime, lock: &File, first: UnixStream) -> Result<()> {
        let _ = lock;
        raise_descriptor_limit();
        let daemon = Arc::new(Daemon { service, state: Mutex::default(), changed: Condvar::new() });
        daemon.stop_on_signals()?;

        let path = runtime.socket();
        // We hold the lock, so nobody listens on what is there.
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(e).with_context(|| format!("cannot remove the stale {}", path.display()));
            }
            _ => {}
        }
        let listener = UnixListener::bind(&path).with_context(|| format!("cannot listen on {}", path.display()))?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        daemon.connection(first);
        let accepting = daemon.clone();
        std::thread::Builder::new().name("pfs-accept".into()).spawn(move || accepting.accept(listener))?;

        daemon.wait();
        // Who connects from here on starts the next daemon, which waits for our lock.
        let _ = std::fs::remove_file(&path);
        Ok(())
    }

    fn wait(&self) {
        let mut state = self.state.lock();
        while !state.stopped {
            if !state.stopping && state.mounts.is_empty() && state.connections == 0 {
                state.stopping = true;
                state.stopped = true;
                drop(state);
                self.service.shutdown();
                return;
            }
            self.changed.wait(&mut state);
        }
    }

    fn stop_on_signals(self: &Arc<Daemon>) -> Result<()> {
        let (mut ours, theirs) = UnixStream::pair()?;
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
            signal_hook::low_level::pipe::register(signal, theirs.try_clone()?).context("signal handler")?;
        }
        let daemon = self.clone();
        std::thread::Builder::new().name("pfs-signals".into()).spawn(move || {
            while ours.read(&mut [0]).is_ok_and(|n| n > 0) {
                daemon.stop();
            }
        })?;
        Ok(())
    }

    fn accept(self: Arc<Daemon>, listener: UnixListener) {
        for stream in listener.incoming() {
            match stream {
                Ok(stream) => self.connection(stream),
                Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(e) => {
                    // Out of descriptors or memory: to go on at once would only burn the CPU.
                    log(format_args!("accept: {e}"));
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
        }
    }

    /// Serves a connection in a thread of its own; drops it if the daemon is about to end.
    fn connection(self: &Arc<Daemon>, stream: UnixStream) {
        {
            let mut state = self.state.lock();
            if state.stopping {
                return;
            }
            if state.connections >= CONNECTIONS {
                drop(state);
                // Fits into a socket that has sent nothing yet.
                let _ =
                    Conn::new(stream, IDLE).map(|mut conn| conn.send(&Answer::Refused { why: Refusal::Busy }, None));
                return;
            }
            state.connections += 1;
        }
        let daemon = self.clone();
        let spawned = std::thread::Builder::new().name("pfs-control".into()).spawn(move || {
            if let Err(e) = daemon.converse(stream) {
                log(format_args!("connection: {e:#}"));
            }
            daemon.disconnected();
        });
        if let Err(e) = spawned {
            log(format_args!("thread: {e}"));
            self.disconnected();
        }
    }

    fn disconnected(&self) {
        self.state.lock().connections -= 1;
        self.changed.notify_all();
    }

    fn converse(self: &Arc<Daemon>, stream: UnixStream) -> Result<()> {
        let mut conn = Conn::new(stream, IDLE)?;
        let peer = conn.peer()?;
        if peer.uid() != 0 && peer.uid() != rustix::process::geteuid().as_raw() {
            bail!("refused: another user");
        }
        if !peer.is_at_home() {
            conn.send(&Answer::Refused { why: Refusal::Elsewhere }, None)?;
            bail!("refused: other namespaces");
        }
        loop {
            let request = match conn.receive::<Request>() {
                Ok(Some(request)) => request,
                Ok(None) => return Ok(()),
                Err(e) => {
                    if e.is::<crate::control::BadLine>() {
                        let _ = conn.send(&Answer::Error { message: format!("{e:#}") }, None);
                    }
                    return Err(e);
                }
            };
            let last = request == Request::Shutdown;
            let fd = conn.take_fd();
            let answer =
                self.answer(&peer, request, fd).unwrap_or_else(|e| Answer::Error { message: format!("{e:#}") });
            conn.send(&answer, None)?;
            if last {
                // The process ends with this connection open: the other side sees the end of the process.
                std::mem::forget(conn);
                let mut state = self.state.lock();
                state.stopped = true;
                self.changed.notify_all();
                return Ok(());
            }
        }
    }

    fn answer(self: &Arc<Daemon>, peer: &Peer, request: Request, fd: Option<OwnedFd>) -> Result<Answer> {
        match request {
            Request::Hello => {
                Ok(Answer::Hello { pid: std::process::id(), version: env!("CARGO_PKG_VERSION").to_owned() })
            }
            Request::Mount(request) => {
                let fd = fd.filter(is_fuse).context("the request to mount came without /dev/fuse")?;
                // It has mounted by itself, or somebody has whose namespaces nobody knows.
                if !peer.may_mount_as_we() {
                    bail!("the request to mount came from a process without CAP_SYS_ADMIN");
                }
                self.mount(request, fd)?;
                Ok(Answer::Mounted)
            }
            Request::End { dev } => Ok(Answer::Ended { known: self.end(dev) }),
            Request::Status => Ok(Answer::Status(self.report())),
            Request::Shutdown => Ok(Answer::Stopped { mounts: self.unmount_all() }),
        }
    }

    fn mount(self: &Arc<Daemon>, request: MountRequest, fuse: OwnedFd) -> Result<()> {
        let known = self.service.flavours();
        if !known.contains(&request.flavour.as_str()) {
            bail!("unknown flavour {:?}: known are {}", request.flavour, known.join(", "));
        }
        let since_unix_ms = now_unix_ms();
        let key = {
            let mut state = self.state.lock();
            if state.stopping {
                bail!("the daemon is stopping: try again");
            }
            state.last_key += 1;
            let key = state.last_key;
            // Known before it is served: it may be gone before `serve` returns.
            let info = MountInfo { request: request.clone(), since_unix_ms };
            state.mounts.insert(key, Mount { info, session: None });
            key
        };
        let daemon = self.clone();
        let gone = Box::new(move || daemon.forget(key));
        match self.service.serve(&request, fuse, gone) {
            Ok(session) => {
                log(format_args!("{}: mounted ({})", request.dir.display(), request.flavour));
                let mut state = self.state.lock();
                if let Some(mount) = state.mounts.get_mut(&key) {
                    mount.session = Some(session);
                }
                self.changed.notify_all();
                Ok(())
            }
            Err(e) => {
                self.forget(key);
                Err(e)
            }
        }
    }

    fn forget(&self, key: u64) {
        let removed = self.state.lock().mounts.remove(&key);
        if let Some(mount) = removed {
            log(format_args!("{}: gone", mount.info.request.dir.display()));
        }
        self.changed.notify_all();
    }

    /// Ends the session of a mount and waits for it. False if there is none.
    fn end(&self, dev: Dev) -> bool {
        let deadline = Instant::now() + END_WAIT;
        let mut state = self.state.lock();
        let Some(key) = state.mounts.iter().find(|(_, m)| m.info.request.dev == dev).map(|(&key, _)| key) else {
            return false;
        };
        let mut ended = false;
        while let Some(mount) = state.mounts.get(&key) {
            match mount.session {
                Some(id) if !ended => {
                    ended = true;
                    parking_lot::MutexGuard::unlocked(&mut state, || self.service.end(id));
                }
                _ => {
                    if self.changed.wait_until(&mut state, deadline).timed_out() {
                        log(format_args!("device {dev}: the session does not end"));
                        break;
                    }
                }
            }
        }
        true
    }

    fn report(&self) -> Report {
        let mounts = self.state.lock().mounts.values().map(|m| m.info.clone()).collect();
        let mut report = Report { daemon: Some(std::process::id()), mounts, held: Vec::new(), truncated: false };
        fill(&mut report, self.service.status());
        report
    }

    /// A clean stop, as at SIGTERM.
    fn stop(&self) {
        self.unmount_all();
        self.state.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Unmounts everything and gives back everything; no request to mount is taken from here on.
    fn unmount_all(&self) -> usize {
        let mounts: Vec<MountRequest> = {
            let mut state = self.state.lock();
            state.stopping = true;
            state.mounts.values().map(|m| m.info.request.clone()).collect()
        };
        for request in &mounts {
            self.unmount(request);
            self.end(request.dev);
        }
        self.service.shutdown();
        mounts.len()
    }

    fn unmount(&self, request: &MountRequest) {
        // By device, not by path: another mount may stand there by now, and ours may have been moved or bound elsewhere.
        let all = mounts::all().unwrap_or_default();
        for mount in all.iter().rev().filter(|m| m.dev == request.dev && m.ours()) {
            if let Err(e) = mounts::unmount(&mount.dir, true) {
                log(format_args!("{}: cannot unmount: {e}", mount.dir.display()));
            }
        }
    }
}

/// Adds held processes as long as the answer stays within a line.
fn fill(report: &mut Report, held: Vec<Held>) {
    let size = |v: &dyn Fn() -> serde_json::Result<Vec<u8>>| v().map_or(0, |v| v.len() + 1);
    let mut used = size(&|| serde_json::to_vec(&report.mounts)) + 256;
    for one in held {
        used += size(&|| serde_json::to_vec(&one));
        if used > LINE_LIMIT {
            report.truncated = true;
            return;
        }
        report.held.push(one);
    }
}

/// True for the device that a mount is served by.
fn is_fuse(fd: &OwnedFd) -> bool {
    let device = rustix::fs::makedev(10, 229);
    rustix::fs::fstat(fd).is_ok_and(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFCHR && stat.st_rdev == device)
}

fn raise_descriptor_limit() {
    use rustix::process::{getrlimit, setrlimit, Resource, Rlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(e) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        log(format_args!("RLIMIT_NOFILE: {e}"));
    }
}

/// Milliseconds since the epoch, now.
pub fn now_unix_ms() -> u64 {
    unix_ms(SystemTime::now())
}

/// Milliseconds since the epoch.
pub fn unix_ms(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

fn log(what: std::fmt::Arguments<'_>) {
    eprintln!("pfs daemon {} (protocol {VERSION}): {what}", std::process::id());
}
