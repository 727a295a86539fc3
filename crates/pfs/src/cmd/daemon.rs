//! `pfs daemon`: what `pfs mount` starts in the background. Its standard input is the first connection.

use crate::control::{Answer, Conn, PATIENCE};
use crate::daemon::Ready;
use crate::runtime::Runtime;
use crate::service::PfsService;
use anyhow::{bail, Context, Result};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

pub(super) fn run() -> Result<()> {
    let stdin = std::io::stdin().as_fd().try_clone_to_owned().context("standard input")?;
    if rustix::net::sockopt::socket_type(&stdin) != Ok(rustix::net::SocketType::STREAM) {
        bail!("daemon: is started by `pfs mount`, not by hand (pfs mount --foreground serves in the foreground)");
    }
    kernel::inherited::shed();
    let _ = rustix::thread::set_name(c"pfs");
    // A session of its own: no signal of the terminal, and no end with it. Fails only for a group leader.
    let _ = rustix::process::setsid();
    let first = UnixStream::from(stdin);
    match ready() {
        Ok(daemon) => daemon.serve(first),
        Err(e) => {
            tell(first, &e);
            Err(e)
        }
    }
}

fn ready() -> Result<Ready> {
    std::env::set_current_dir("/")?;
    let null = std::fs::File::open("/dev/null").context("cannot open /dev/null")?;
    rustix::stdio::dup2_stdin(null).context("standard input")?;
    let runtime = Runtime::find()?;
    let lock = runtime.lock_daemon(true)?.context("daemon.lock")?;
    Ready::new(Arc::new(PfsService::new()?), &runtime, lock)
}

/// Answers the first request before it has come: there may be no room in the log.
fn tell(starter: UnixStream, e: &anyhow::Error) {
    let answer = Answer::Error { message: format!("{e:#}") };
    let _ = Conn::new(starter, PATIENCE).map(|mut conn| conn.send(&answer, None));
}
