//! What commands and the daemon say to each other: one JSON line each way at a time, over a private socket. The
//! request to mount carries the open /dev/fuse with it.

use crate::mounts::{path_json, Dev};
use crate::options::Options;
use crate::runtime::Runtime;
use crate::service::Held;
use anyhow::{anyhow, bail, Context, Result};
use kernel::peer::Peer;
use rustix::net::{
    recvmsg, sendmsg, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// Version of the protocol.
pub const VERSION: u64 = 1;

/// No line is longer than this: room for some 20,000 processes that are held.
pub const LINE_LIMIT: usize = 4 << 20;

/// A command waits this long for an answer before it says that the daemon hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What is asked of the daemon.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Request {
    /// Who are you? The daemon does not end of itself while a connection that asked this is open.
    Hello,
    /// Serve a mount; /dev/fuse comes with the line.
    Mount(MountRequest),
    /// Which session serves the mount with this device number? To be asked while it is mounted: the kernel gives the number to
    /// the next mount as soon as it is not.
    Session {
        /// The device number of the mount.
        dev: Dev,
    },
    /// A mount of this session was unmounted: if it was the last, answer when everything is given back.
    End {
        /// The session.
        session: u64,
        /// End it although files are open.
        lazy: bool,
    },
    /// What is mounted, what is held?
    Status,
    /// Unmount everything, give back everything, and end.
    Shutdown,
}

/// What to serve.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct MountRequest {
    /// The flavour's name.
    pub flavour: String,
    /// Where it is mounted, as the command saw it.
    #[serde(with = "path_json")]
    pub dir: PathBuf,
    /// Device number of the mount.
    pub dev: Dev,
    /// Mount options.
    #[serde(default)]
    pub options: Options,
}

/// What the daemon answers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "answer", rename_all = "lowercase")]
pub enum Answer {
    /// To hello.
    Hello {
        /// The daemon's process.
        pid: u32,
        /// The daemon's program version.
        version: String,
    },
    /// The mount is served.
    Mounted,
    /// To session.
    Session {
        /// Its name, which is never given twice. None if this daemon does not serve such a mount.
        session: Option<u64>,
    },
    /// To end.
    Ended {
        /// True if the session goes on, since it is mounted elsewhere.
        elsewhere: bool,
    },
    /// To status.
    Status(Report),
    /// Everything is unmounted and given back; the connection ends when the daemon has ended.
    Stopped {
        /// How many mounts there were.
        mounts: usize,
    },
    /// Nothing is done for who asks.
    Refused {
        /// Why.
        why: Refusal,
    },
    /// To mount: the daemon is about to end, and the next one will serve it.
    Stopping,
    /// The request failed.
    Error {
        /// Why.
        message: String,
    },
}

/// Why the daemon does nothing for a command.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Refusal {
    /// It has as many connections as it serves at a time.
    Busy,
    /// It has no descriptor or no memory left to see who asks.
    Short,
    /// The same number is another process or user to the command: FUSE would name the clients of its mount by numbers that
    /// mean others here.
    Elsewhere,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::Busy => f.write_str("it has too many connections: try again"),
            Refusal::Short => f.write_str(
                "it has no descriptors left to see who asks: let processes run or close files on its mounts, and try again",
            ),
            Refusal::Elsewhere => write!(
                f,
                "this command is not in its pid and user namespaces: for a daemon here name another directory by {}",
                crate::runtime::ENV
            ),
        }
    }
}

impl std::error::Error for Refusal {}

/// What `pfs status` tells.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Report {
    /// The daemon's process, if one runs.
    pub daemon: Option<u32>,
    /// The mounts.
    pub mounts: Vec<MountInfo>,
    /// The processes that are held.
    pub held: Vec<Held>,
    /// True if processes were left out to keep the answer within its limit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// A mount that is served.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct MountInfo {
    /// What was asked for.
    #[serde(flatten)]
    pub request: MountRequest,
    /// Since when, in milliseconds since the epoch.
    pub since_unix_ms: u64,
}

#[derive(Serialize)]
struct Line<'a, T> {
    v: u64,
    #[serde(flatten)]
    body: &'a T,
}

/// Why a line is not understood.
#[derive(Debug, PartialEq)]
pub enum BadLine {
    /// The other side speaks another version.
    Version(u64),
    /// Not a line of this protocol.
    Garbage(String),
}

impl std::fmt::Display for BadLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BadLine::Version(v) => write!(f, "the other side speaks version {v} of the protocol, this is {VERSION}"),
            BadLine::Garbage(why) => write!(f, "not understood: {why}"),
        }
    }
}

impl std::error::Error for BadLine {}

/// One line of the protocol, with its end.
pub fn encode<T: Serialize>(body: &T) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Line { v: VERSION, body }).context("encode")?;
    line.push(b'\n');
    if line.len() > LINE_LIMIT {
        bail!("message of {} bytes is longer than {LINE_LIMIT}", line.len());
    }
    Ok(line)
}

/// Understands one line, without its end.
pub fn decode<T: for<'de> Deserialize<'de>>(line: &[u8]) -> Result<T, BadLine> {
    let garbage = |e: serde_json::Error| BadLine::Garbage(e.to_string());
    let value: serde_json::Value = serde_json::from_slice(line).map_err(garbage)?;
    match value.get("v").and_then(serde_json::Value::as_u64) {
        Some(VERSION) => serde_json::from_value(value).map_err(garbage),
        Some(other) => Err(BadLine::Version(other)),
        None => Err(BadLine::Garbage("no version".into())),
    }
}

/// One end of a connection.
pub struct Conn {
    stream: UnixStream,
    buffer: Vec<u8>,
    fds: VecDeque<OwnedFd>,
}

impl Conn {
    /// Over this socket; a read that takes longer than `patience` fails.
    pub fn new(stream: UnixStream, patience: Duration) -> io::Result<Conn> {
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Conn { stream, buffer: Vec::new(), fds: VecDeque::new() })
    }

    /// The process at the other side.
    pub fn peer(&self) -> io::Result<Peer> {
        Peer::of(self.stream.as_fd())
    }

    /// Sends a line, with a descriptor if one is given.
    pub fn send<T: Serialize>(&mut self, body: &T, fd: Option<BorrowedFd<'_>>) -> Result<()> {
        let line = encode(body)?;
        let mut rest = &line[..];
        let mut fd = fd;
        while !rest.is_empty() {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            let fds;
            // The descriptor travels with the first byte, once.
            if let Some(fd) = fd.take() {
                fds = [fd];
                ancillary.push(SendAncillaryMessage::ScmRights(&fds));
            }
            match sendmsg(&self.stream, &[IoSlice::new(rest)], &mut ancillary, SendFlags::NOSIGNAL) {
                Ok(n) => rest = &rest[n..],
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(io::Error::from(e)).context("send"),
            }
        }
        Ok(())
    }

    /// Receives a line. `None`: the other side is gone.
    pub fn receive<T: for<'de> Deserialize<'de>>(&mut self) -> Result<Option<T>> {
        let mut seen = 0;
        loop {
            if let Some(end) = self.buffer.iter().skip(seen).position(|&b| b == b'\n').map(|at| seen + at) {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(Some(decode(&line[..end])?));
            }
            seen = self.buffer.len();
            if self.buffer.len() > LINE_LIMIT {
                return Err(BadLine::Garbage(format!("a line longer than {LINE_LIMIT} bytes")).into());
            }
            if self.more()? == 0 {
                return Ok(None);
            }
        }
    }

    fn more(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let got = loop {
            let into = &mut [IoSliceMut::new(&mut chunk)];
            match recvmsg(&self.stream, into, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                Ok(got) => break got,
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        };
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                self.fds.extend(fds);
            }
        }
        self.fds.truncate(1);
        self.buffer.extend_from_slice(&chunk[..got.bytes]);
        Ok(got.bytes)
    }

    /// The descriptor that came with the line.
    pub fn take_fd(&mut self) -> Option<OwnedFd> {
        self.fds.pop_front()
    }

    /// Asks and waits for the answer; an answer that says error is an error.
    pub fn ask(&mut self, request: &Request, fd: Option<BorrowedFd<'_>>) -> Result<Answer> {
        match self.send(request, fd).map_err(slow) {
            // Who is refused may have his answer before he has asked.
            Err(e) if !e.is::<Gone>() => return Err(e),
            _ => {}
        }
        match self.receive().map_err(slow)? {
            Some(Answer::Refused { why }) => Err(why.into()),
            Some(Answer::Stopping) => Err(Stopping.into()),
            Some(Answer::Error { message }) => Err(anyhow!(message)),
            Some(answer) => Ok(answer),
            None => Err(Gone.into()),
        }
    }

    /// Waits until the other side is gone.
    pub fn wait_gone(&mut self) -> Result<()> {
        loop {
            match self.more() {
                Ok(0) => return Ok(()),
                Ok(_) => self.buffer.clear(),
                Err(e) if e.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
                Err(e) => return Err(slow(e.into())),
            }
        }
    }

    /// Says hello: the pid of the daemon.
    pub fn hello(&mut self) -> Result<u32> {
        match self.ask(&Request::Hello, None)? {
            Answer::Hello { pid, .. } => Ok(pid),
            other => bail!("the daemon answered {other:?} to hello"),
        }
    }
}

impl AsFd for Conn {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// The daemon closed the connection instead of answering.
#[derive(Debug)]
pub struct Gone;

impl std::fmt::Display for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the daemon ended before it answered")
    }
}

impl std::error::Error for Gone {}

/// The daemon is about to end and takes no mount any more.
#[derive(Debug)]
pub struct Stopping;

impl std::fmt::Display for Stopping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the daemon is stopping: try again")
    }
}

impl std::error::Error for Stopping {}

fn slow(e: anyhow::Error) -> anyhow::Error {
    match e.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            anyhow!("the daemon did not answer within {} s", PATIENCE.as_secs())
        }
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => Gone.into(),
        _ => e,
    }
}

/// Connects to the daemon of this user. `None`: none runs.
pub fn connect(runtime: &Runtime) -> Result<Option<(Conn, u32)>> {
    runtime.check()?;
    let path = runtime.socket();
    let stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => return Ok(None),
        // A daemon that ends can leave a connection half made.
        Err(e) if e.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
        Err(e) => return Err(e).with_context(|| format!("cannot connect to {}", path.display())),
    };
    let mut conn = Conn::new(stream, PATIENCE)?;
    match conn.hello() {
        Ok(pid) => Ok(Some((conn, pid))),
        // It was just ending.
        Err(e) if e.is::<Gone>() => Ok(None),
        Err(e) if e.is::<Refusal>() => Err(e.context(format!("the daemon at {} does not answer", path.display()))),
        Err(e) => {
            let who = runtime.daemon_pid().map(|pid| format!(" (pid {pid})")).unwrap_or_default();
            Err(e.context(format!("the daemon{who} at {} cannot be used: stop it with kill", path.display())))
        }
    }
}
