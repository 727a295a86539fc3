//! `pfs umount`.

use crate::cli::Umount;
use crate::control::{connect, Answer, Conn, Gone, Refusal, Request};
use crate::mounts::{self, Dev};
use crate::runtime::Runtime;
use anyhow::{bail, Context, Result};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Serialize)]
struct Done {
    #[serde(with = "mounts::path_json")]
    unmounted: PathBuf,
    still_mounted_elsewhere: bool,
}

pub(super) fn run(args: &Umount) -> Result<()> {
    let show = args.dir.display();
    let dir = match mounts::resolve(&args.dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => bail!("umount {show}: no such directory: {}", list()),
        other => other.with_context(|| format!("umount {show}"))?,
    };
    let mount = match mounts::on(&dir)? {
        Some(mount) if mount.ours() => mount,
        Some(mount) => bail!("umount {show}: not one of our mounts, but {}: {}", mount.fstype, list()),
        None => bail!("umount {show}: not one of our mounts: {}", list()),
    };
    let session = session(mount.dev);
    unmount(&dir, args.lazy).with_context(|| format!("umount {show}"))?;
    let later = || format!("{show} is unmounted; what was held is given back later");
    let elsewhere = session.and_then(|s| still_mounted(s, args.lazy)).with_context(later)?;
    if elsewhere {
        kernel::say::line(format_args!("pfs: umount {show}: still mounted {}", place(mount.dev)));
    }
    if args.json {
        super::print_json(&Done { unmounted: dir, still_mounted_elsewhere: elsewhere })?;
    }
    Ok(())
}

/// The session of a mount, with a connection to who serves it. None: nobody does, or another user's daemon.
fn session(dev: Dev) -> Result<Option<(Conn, u64)>> {
    let (mut conn, _) = match connect(&Runtime::find()?) {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(None),
        // What it serves it mounted itself, in its own namespaces.
        Err(e) if e.downcast_ref() == Some(&Refusal::Elsewhere) => return Ok(None),
        Err(e) => return Err(e),
    };
    match conn.ask(&Request::Session { dev }, None)? {
        Answer::Session { session } => Ok(session.map(|session| (conn, session))),
        other => bail!("the daemon answered {other:?}"),
    }
}

/// Waits until all that was held is given back. True if the file system is mounted elsewhere, and goes on.
fn still_mounted(session: Option<(Conn, u64)>, lazy: bool) -> Result<bool> {
    let Some((mut conn, session)) = session else { return Ok(false) };
    match conn.ask(&Request::End { session, lazy }, None) {
        Ok(Answer::Ended { elsewhere }) => Ok(elsewhere),
        Ok(other) => bail!("the daemon answered {other:?}"),
        // It has been shut down meanwhile, and gave back everything.
        Err(e) if e.is::<Gone>() => Ok(false),
        Err(e) => Err(e),
    }
}

/// Where the file system is mounted, if that is for us to see.
fn place(dev: Dev) -> String {
    match mounts::all().unwrap_or_default().iter().find(|m| m.dev == dev) {
        Some(mount) => format!("on {0}: pfs umount {0}", mount.dir.display()),
        None => "in another mount namespace".into(),
    }
}

fn unmount(dir: &Path, lazy: bool) -> Result<()> {
    match mounts::unmount(dir, lazy) {
        Err(e) if e.kind() == std::io::ErrorKind::ResourceBusy => {
            bail!("in use: close what is open there (fuser -vm {0}), or: pfs umount --lazy {0}", dir.display())
        }
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
            bail!("not permitted: another user mounted it")
        }
        Err(e) if e.kind() == std::io::ErrorKind::InvalidInput => {
            bail!("not mounted any more: another command was faster")
        }
        other => Ok(other?),
    }
}

/// Those that whoever asks may unmount.
fn list() -> String {
    let me = rustix::process::geteuid();
    let his = |m: &&mounts::Mounted| m.ours() && (me.is_root() || m.user == Some(me.as_raw()));
    let ours: Vec<String> =
        mounts::all().unwrap_or_default().iter().filter(his).map(|m| m.dir.display().to_string()).collect();
    match ours.len() {
        0 if me.is_root() => "there are no mounts".into(),
        0 => "you have no mounts".into(),
        _ => format!("mounted are {}", ours.join(", ")),
    }
}
