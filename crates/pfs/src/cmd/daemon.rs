//! `pfs daemon`: what `pfs mount` starts in the background. Its standard input is the first connection.

use crate::daemon::Daemon;
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
    std::env::set_current_dir("/")?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?).context("standard input")?;
    let runtime = Runtime::find()?;
    let lock = runtime.lock_daemon(true)?.context("daemon.lock")?;
    Daemon::run(Arc::new(PfsService::new()?), &runtime, &lock, UnixStream::from(stdin))
}
