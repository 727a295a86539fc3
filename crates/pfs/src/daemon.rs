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
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A connection that says nothing for so long is closed.
const IDLE: Duration = Duration::from_secs(60);

/// So long a clean stop waits for sessions to end.
const END_WAIT: Duration = Duration::from_secs(10);

/// So soon the kernel ends a session whose last mount is gone, mostly.
const SOON: Duration = Duration::from_millis(200);

/// So long it is waited for where no other mount is to be seen.
const LATER: Duration = Duration::from_secs(2);

/// More connections at a time than this are refused.
const CONNECTIONS: usize = 64;

struct Mount {
    info: MountInfo,
    /// Unknown while the service is about to start it.
    session: Option<u64>,
    /// Why we end it; None if the kernel does, when it has been unmounted.
    cause: Option<&'static str>,
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
struct Daemon {
    service: Arc<dyn Service>,
    state: Mutex<State>,
    changed: Condvar,
}

/// A daemon that listens, and has served nobody yet.
pub struct Ready {
    daemon: Arc<Daemon>,
    listener: UnixListener,
    socket: PathBuf,
    /// Held until the process ends.
    _lock: File,
}

impl Ready {
    /// Listens on the control socket of `runtime`; `lock` is the daemon's lock.
    pub fn new(service: Arc<dyn Service>, runtime: &Runtime, lock: File) -> Result<Ready> {
        let daemon = Arc::new(Daemon { service, state: Mutex::default(), changed: Condvar::new() });
        daemon.stop_on_signals()?;

        let socket = runtime.socket();
        // We hold the lock, so nobody listens on what is there.
        match std::fs::remove_file(&socket) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(e).with_context(|| format!("cannot remove the stale {}", socket.display()));
            }
            _ => {}
        }
        let listener = UnixListener::bind(&socket).with_context(|| format!("cannot listen on {}", socket.display()))?;
        std::fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
        Ok(Ready { daemon, listener, socket, _lock: lock })
    }

    /// Serves connections on the socket, and `first`, whose other end a mount will come from. Returns when there is no mount and no
    /// connection any more, or after a clean stop by a signal or by request.
    pub fn serve(self, first: UnixStream) -> Result<()> {
        let Ready { daemon, listener, socket, _lock } = self;
        daemon.connection(first);
        let accepting = daemon.clone();
        std::thread::Builder::new().name("pfs-accept".into()).spawn(move || accepting.accept(listener))?;

        daemon.wait();
        // Who connects from here on starts the next daemon, which waits for our lock.
        let _ = std::fs::remove_file(&socket);
        Ok(())
    }
}

impl Daemon {
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
        // SIGUSR1 says nothing to us; without a handler it would end the process.
        let signals = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGUSR1];
        let mut signals = signal_hook::iterator::Signals::new(signals).context("signal handler")?;
        let daemon = self.clone();
        std::thread::Builder::new().name("pfs-signals".into()).spawn(move || {
            for signal in signals.forever().filter(|s| *s != libc::SIGUSR1) {
                daemon.stop(signal_hook::low_level::signal_name(signal).unwrap_or("a signal"));
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
        let counted = Connected(self.clone());
        let spawned = std::thread::Builder::new().name("pfs-control".into()).spawn(move || {
            if let Err(e) = counted.0.converse(stream) {
                log(format_args!("connection: {e:#}"));
            }
        });
        if let Err(e) = spawned {
            log(format_args!("thread: {e}"));
        }
    }

    fn converse(self: &Arc<Daemon>, stream: UnixStream) -> Result<()> {
        let mut conn = Conn::new(stream, IDLE)?;
        let peer = match conn.peer() {
            Ok(peer) => peer,
            Err(e) => {
                conn.send(&Answer::Refused { why: Refusal::Short }, None)?;
                return Err(e).context("cannot see who asks");
            }
        };
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
                self.mount(request, fd)
            }
            Request::Session { dev } => Ok(Answer::Session { session: self.session_of(dev) }),
            Request::End { session, lazy } => Ok(Answer::Ended { elsewhere: self.unmounted(session, lazy) }),
            Request::Status => Ok(Answer::Status(self.report())),
            Request::Shutdown => Ok(Answer::Stopped { mounts: self.unmount_all("pfs shutdown") }),
        }
    }

    fn mount(self: &Arc<Daemon>, request: MountRequest, fuse: OwnedFd) -> Result<Answer> {
        let known = self.service.flavours();
        if !known.contains(&request.flavour.as_str()) {
            bail!("unknown flavour {:?}: known are {}", request.flavour, known.join(", "));
        }
        let since_unix_ms = now_unix_ms();
        let key = {
            let mut state = self.state.lock();
            if state.stopping {
                return Ok(Answer::Stopping);
            }
            state.last_key += 1;
            let key = state.last_key;
            // Known before it is served: it may be gone before `serve` returns.
            let info = MountInfo { request: request.clone(), since_unix_ms };
            state.mounts.insert(key, Mount { info, session: None, cause: None });
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
                Ok(Answer::Mounted)
            }
            Err(e) => {
                self.because(key, "cannot be served");
                self.forget(key);
                Err(e)
            }
        }
    }

    fn forget(&self, key: u64) {
        let seen = self.state.lock().mounts.get(&key).map(|m| (m.info.request.dir.clone(), m.cause));
        // Before the process may end, as it does with its last mount.
        if let Some((dir, cause)) = seen {
            log(format_args!("{}: gone: {}", dir.display(), cause.unwrap_or("unmounted")));
        }
        self.state.lock().mounts.remove(&key);
        self.changed.notify_all();
    }

    /// The session that serves the mount with this device number; of several that had it, the last.
    fn session_of(&self, dev: Dev) -> Option<u64> {
        let state = self.state.lock();
        state.mounts.iter().rev().find(|(_, m)| m.info.request.dev == dev).map(|(&key, _)| key)
    }

    /// A mount of this session was unmounted: waits for its end, if that was the last one. True if it is mounted elsewhere.
    fn unmounted(&self, key: u64, lazy: bool) -> bool {
        // The kernel ends a session with its last mount, in whatever mount namespace that was.
        if self.ends_within(key, SOON) {
            return false;
        }
        let Some(dev) = self.state.lock().mounts.get(&key).map(|m| m.info.request.dev) else { return false };
        if mounts::anywhere(dev) {
            // The number may be another's by now, but then the session has ended.
            return !self.ends_within(key, Duration::ZERO);
        }
        if lazy {
            // Only open files are left of it.
            self.because(key, "pfs umount --lazy");
            self.end(key);
            return false;
        }
        !self.ends_within(key, LATER)
    }

    fn because(&self, key: u64, cause: &'static str) {
        if let Some(mount) = self.state.lock().mounts.get_mut(&key) {
            mount.cause.get_or_insert(cause);
        }
    }

    /// True if the session has ended, or does so within `time`.
    fn ends_within(&self, key: u64, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut state = self.state.lock();
        while state.mounts.contains_key(&key) {
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                return !state.mounts.contains_key(&key);
            }
        }
        true
    }

    /// Ends a session and waits for it.
    fn end(&self, key: u64) {
        let deadline = Instant::now() + END_WAIT;
        let mut state = self.state.lock();
        let mut ended = false;
        while let Some(mount) = state.mounts.get(&key) {
            let dir = mount.info.request.dir.clone();
            match mount.session {
                Some(id) if !ended => {
                    ended = true;
                    parking_lot::MutexGuard::unlocked(&mut state, || self.service.end(id));
                }
                _ => {
                    if self.changed.wait_until(&mut state, deadline).timed_out() {
                        log(format_args!("{}: the session does not end", dir.display()));
                        break;
                    }
                }
            }
        }
    }

    fn report(&self) -> Report {
        let mounts = self.state.lock().mounts.values().map(|m| m.info.clone()).collect();
        let mut report = Report { daemon: Some(std::process::id()), mounts, held: Vec::new(), truncated: false };
        fill(&mut report, self.service.status());
        report
    }

    /// A clean stop, as at SIGTERM.
    fn stop(&self, cause: &'static str) {
        self.unmount_all(cause);
        self.state.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Unmounts everything and gives back everything; no request to mount is taken from here on.
    fn unmount_all(&self, cause: &'static str) -> usize {
        let keys: Vec<u64> = {
            let mut state = self.state.lock();
            state.stopping = true;
            state.mounts.keys().copied().collect()
        };
        for &key in &keys {
            self.because(key, cause);
            self.unmount(key);
            self.end(key);
        }
        self.service.shutdown();
        keys.len()
    }

    fn unmount(&self, key: u64) {
        let all = mounts::all().unwrap_or_default();
        // As long as the session lives, the number of the device is its own: looked at behind the table.
        let living = self.state.lock().mounts.get(&key).map(|m| (m.info.request.dev, m.session));
        let Some((dev, session)) = living else { return };
        if session.is_some_and(|id| !self.service.is_mounted(id)) {
            return;
        }
        // By device, not by path: another mount may stand there by now, and ours may have been moved or bound elsewhere.
        for mount in all.iter().rev().filter(|m| m.dev == dev && m.ours()) {
            if let Err(e) = mounts::unmount(&mount.dir, true) {
                log(format_args!("{}: cannot unmount: {e}", mount.dir.display()));
            }
        }
    }
}

/// A connection that counts, until it is dropped.
struct Connected(Arc<Daemon>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.state.lock().connections -= 1;
        self.0.changed.notify_all();
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

/// Milliseconds since the epoch, now.
pub fn now_unix_ms() -> u64 {
    unix_ms(SystemTime::now())
}

/// Milliseconds since the epoch.
pub fn unix_ms(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

fn log(what: std::fmt::Arguments<'_>) {
    let pid = std::process::id();
    kernel::say::line(format_args!("{} pfs daemon {pid} (protocol {VERSION}): {what}", kernel::say::now()));
}
