//! `pfs umount`.

use crate::cli::Umount;
use crate::control::{connect, Answer, Refusal, Request};
use crate::mounts;
use crate::runtime::Runtime;
use anyhow::{bail, Context, Result};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Serialize)]
struct Done {
    #[serde(with = "mounts::path_json")]
    unmounted: PathBuf,
}

pub(super) fn run(args: &Umount) -> Result<()> {
    let show = args.dir.display();
    let dir =
        mounts::resolve(&args.dir).with_context(|| format!("umount {show}: not one of our mounts: {}", list()))?;
    let mount = match mounts::on(&dir)? {
        Some(mount) if mount.ours() => mount,
        Some(mount) => bail!("umount {show}: not one of our mounts, but {}: {}", mount.fstype, list()),
        None => bail!("umount {show}: not one of our mounts: {}", list()),
    };
    unmount(&dir, args.lazy).with_context(|| format!("umount {show}"))?;
    // The kernel may end the session by itself; the daemon answers when all that was held is given back. A mount that
    // still stands elsewhere (bound, or in another mount namespace as far as we see it) goes on.
    let elsewhere = mounts::all()?.iter().any(|m| m.dev == mount.dev);
    if !elsewhere {
        let found = match connect(&Runtime::find()?) {
            // What it serves it mounted itself, in its own namespaces.
            Err(e) if e.downcast_ref() == Some(&Refusal::Elsewhere) => None,
            found => found.with_context(|| format!("{show} is unmounted; what was held is given back later"))?,
        };
        if let Some((mut conn, _)) = found {
            match conn.ask(&Request::End { dev: mount.dev }, None)? {
                // Not known: gone already, or a leftover, or another user's.
                Answer::Ended { .. } => {}
                other => bail!("umount {show}: the daemon answered {other:?}"),
            }
        }
    }
    if args.json {
        super::print_json(&Done { unmounted: dir })?;
    }
    Ok(())
}

fn unmount(dir: &Path, lazy: bool) -> Result<()> {
    match mounts::unmount(dir, lazy) {
        Err(e) if e.kind() == std::io::ErrorKind::ResourceBusy => {
            bail!("in use: close what is open there (fuser -vm {0}), or: pfs umount --lazy {0}", dir.display())
        }
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
            bail!("not permitted: another user mounted it")
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
        0 if me.is_root() => "there are none".into(),
        0 => "you have none".into(),
        _ => format!("those are {}", ours.join(", ")),
    }
}
