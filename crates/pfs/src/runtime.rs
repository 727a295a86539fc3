//! The runtime directory: where the control socket, the locks and the log of this user's daemon are.

use anyhow::{bail, Context, Result};
use rustix::fs::{flock, FlockOperation};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Names the directory instead of the rules in [`Runtime::find`].
pub const ENV: &str = "PFS_RUNTIME_DIR";

/// Of a log larger than this a new daemon starts a new one.
const LOG_LIMIT: u64 = 1 << 20;

/// The runtime directory of a user.
#[derive(Clone, Debug)]
pub struct Runtime {
    dir: PathBuf,
}

impl Runtime {
    /// Where this user's directory is; it need not exist.
    pub fn find() -> Result<Runtime> {
        let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let uid = rustix::process::geteuid().as_raw();
        let dir = if let Some(dir) = set(ENV) {
            dir
        } else if uid == 0 {
            PathBuf::from("/run/pfs")
        } else if let Some(dir) = set("XDG_RUNTIME_DIR") {
            dir.join("pfs")
        } else {
            PathBuf::from(format!("/tmp/pfs-{uid}"))
        };
        Ok(Runtime { dir: std::path::absolute(&dir).with_context(|| format!("runtime directory {}", dir.display()))? })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("control")
    }

    /// Creates the directory if need be, and refuses one that others could tamper with.
    pub fn create(&self) -> Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.dir) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => bail!("cannot create {}: {e}: name another directory by {ENV}", self.dir.display()),
        }
        self.check()
    }

    /// Refuses a directory that is not this user's alone. ENOENT passes: nothing there, nothing to fear.
    pub fn check(&self) -> Result<()> {
        let meta = match std::fs::symlink_metadata(&self.dir) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other.with_context(|| format!("runtime directory {}", self.dir.display()))?,
        };
        let uid = rustix::process::geteuid().as_raw();
        let show = self.dir.display();
        if !meta.is_dir() {
            bail!("{show} is not a directory: remove it, or name another by {ENV}");
        }
        if meta.uid() != uid {
            bail!("{show} belongs to user {}, not to {uid}: name another directory by {ENV}", meta.uid());
        }
        if meta.permissions().mode() & 0o077 != 0 {
            // One that was named may be there for all, as /tmp is; ours has been made for us alone.
            match std::env::var_os(ENV).is_some_and(|v| !v.is_empty()) {
                true => bail!("{show} is open to other users: name another directory by {ENV}"),
                false => bail!("{show} is open to other users: chmod 700 {show}"),
            }
        }
        Ok(())
    }

    fn open(&self, name: &str) -> Result<File> {
        let path = self.dir.join(name);
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))
    }

    /// Waits for the lock under which commands look for a daemon and start one, so that two start only one.
    pub fn lock_start(&self) -> Result<File> {
        let file = self.open("start.lock")?;
        flock(&file, FlockOperation::LockExclusive).context("lock start.lock")?;
        Ok(file)
    }

    /// Takes the lock that a daemon holds while it lives, and writes the daemon's pid there if it can. With `wait`, waits for an
    /// earlier daemon to end; without, `None` says that there is one.
    pub fn lock_daemon(&self, wait: bool) -> Result<Option<File>> {
        let mut file = self.open("daemon.lock")?;
        let how = if wait { FlockOperation::LockExclusive } else { FlockOperation::NonBlockingLockExclusive };
        match flock(&file, how) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(e) => return Err(e).context("lock daemon.lock"),
        }
        // Only for messages of others: a full disk is no reason not to serve.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Some(file))
    }

    /// The pid of the daemon that holds the lock, as it wrote it down.
    pub fn daemon_pid(&self) -> Option<u32> {
        let mut text = String::new();
        File::open(self.dir.join("daemon.lock")).ok()?.take(32).read_to_string(&mut text).ok()?;
        text.trim().parse().ok()
    }

    /// The log of a daemon in the background.
    pub fn log(&self) -> Result<File> {
        let path = self.log_path();
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        if file.metadata()?.len() > LOG_LIMIT {
            file.set_len(0)?;
        }
        Ok(file)
    }

    /// Where the log is.
    pub fn log_path(&self) -> PathBuf {
        self.dir.join("daemon.log")
    }
}
