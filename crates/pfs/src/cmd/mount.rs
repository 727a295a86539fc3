//! `pfs mount`.

use crate::cli::Mount;
use crate::control::{connect, Answer, Conn, Gone, MountRequest, Request, Stopping, PATIENCE};
use crate::daemon::Ready;
use crate::mounts::{self, Dev};
use crate::options::{words, Options};
use crate::runtime::{self, Runtime};
use crate::service::{self, PfsService};
use ::flavours::Kind;
use anyhow::{anyhow, bail, Context, Result};
use serde::Serialize;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// A mount that does not answer for so long is unmounted again.
const ANSWER_WAIT: Duration = Duration::from_secs(20);

#[derive(Serialize)]
struct Done<'a> {
    #[serde(with = "mounts::path_json")]
    mounted: PathBuf,
    flavour: &'a str,
    dev: Dev,
    daemon: u32,
}

pub(super) fn run(args: &Mount) -> Result<()> {
    try_run(args).map_err(|e| match e.is::<fuse::MountError>() {
        // Names verb and directory itself.
        true => e,
        false => e.context(format!("mount {}", args.dir.display())),
    })
}

fn try_run(args: &Mount) -> Result<()> {
    let known = service::flavours();
    if !known.contains(&args.flavour.as_str()) {
        bail!("unknown flavour {:?}: known are {}", args.flavour, known.join(", "));
    }
    let mut options = Options::merge(&args.options);
    if let Some(kind) = ::flavours::by_name(&args.flavour) {
        known_to(kind, &options)?;
    }
    options.allow_other.get_or_insert(rustix::process::geteuid().is_root());
    let dir = place(&args.dir)?;

    let runtime = Runtime::find()?;
    runtime.create()?;
    if args.foreground {
        return foreground(args, &runtime, dir, options);
    }
    let mut tries = 0..3;
    loop {
        let (mut conn, daemon) = connect_or_start(&runtime)?;
        match mount(&mut conn, &args.flavour, &dir, options.clone()) {
            // A daemon that ends: the next one takes it.
            Err(e) if (e.is::<Stopping>() || e.is::<Gone>()) && tries.next().is_some() => conn.wait_gone()?,
            done => return announce(args, dir, done?, daemon),
        }
    }
}

/// Fails for an option that only other flavours know.
fn known_to(kind: &Kind, options: &Options) -> Result<()> {
    if options.model.is_some() && !kind.models {
        bail!("flavour {:?} has no data models: leave out -o model=", kind.name);
    }
    if kind.levels.is_empty() {
        for (given, word) in [
            (options.level.is_some(), "level="),
            (options.strict.is_some(), "strict"),
            (options.syscallregs.is_some(), "syscallregs="),
        ] {
            if given {
                bail!("flavour {:?} has no releases to choose from: leave out -o {word}", kind.name);
            }
        }
    }
    match &options.level {
        Some(word) if !kind.levels.iter().any(|level| level.word() == word) => {
            bail!("flavour {:?} has no level {word}: one of {}", kind.name, words(kind.levels))
        }
        _ => Ok(()),
    }
}

fn announce(args: &Mount, dir: PathBuf, dev: Dev, daemon: u32) -> Result<()> {
    if args.json {
        super::print_json(&Done { mounted: dir, flavour: &args.flavour, dev, daemon })?;
    }
    Ok(())
}

/// The directory to mount on, resolved. A mount whose daemon died is taken away first.
fn place(dir: &Path) -> Result<PathBuf> {
    let resolved = mounts::resolve(dir).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => anyhow!("no such directory: mkdir {}", dir.display()),
        _ => e.into(),
    })?;
    if mounts::on(&resolved)?.is_some_and(|m| m.ours()) {
        match rustix::fs::stat(&resolved) {
            Err(rustix::io::Errno::NOTCONN) => {
                mounts::unmount(&resolved, true)
                    .context("the daemon of the mount there died, and unmounting failed")?;
                let dir = dir.display();
                kernel::say::line(format_args!("pfs: mount {dir}: took away the mount of a daemon that died"));
            }
            // A user's mount without allow_other: EACCES even for root.
            _ => bail!("already mounted: pfs umount {}", dir.display()),
        }
    }
    let meta = std::fs::metadata(&resolved)?;
    if !meta.is_dir() {
        bail!("not a directory");
    }
    Ok(resolved)
}

/// Mounts in our own name, has the daemon serve it, and waits for the first answer.
fn mount(conn: &mut Conn, flavour: &str, dir: &Path, options: Options) -> Result<Dev> {
    let fuse = open(dir, flavour, &options)?;
    let served = serve(conn, flavour, dir, options, fuse);
    if served.is_err() {
        // Nobody will ever answer there.
        if let Err(e) = mounts::unmount(dir, true) {
            kernel::say::line(format_args!("pfs: umount {}: {e}", dir.display()));
        }
    }
    served
}

fn open(dir: &Path, flavour: &str, options: &Options) -> Result<OwnedFd> {
    let fuse_options = fuse::mount::MountOptions {
        ro: options.ro == Some(true),
        allow_other: options.allow_other == Some(true),
        source: format!("pfs-{flavour}"),
    };
    Ok(fuse::mount::mount(dir, &fuse_options)?)
}

fn serve(conn: &mut Conn, flavour: &str, dir: &Path, options: Options, fuse: OwnedFd) -> Result<Dev> {
    let mounted = mounts::on(dir)?.filter(|m| m.ours()).context("the new mount is not in /proc/self/mountinfo")?;
    let request = MountRequest { flavour: flavour.to_owned(), dir: dir.to_owned(), dev: mounted.dev, options };
    match conn.ask(&Request::Mount(request), Some(fuse.as_fd()))? {
        Answer::Mounted => {}
        other => bail!("the daemon answered {other:?}"),
    }
    // The daemon's from here on: if it ends, ours would keep the mount waiting for an answer.
    drop(fuse);
    match mounts::probe(dir, ANSWER_WAIT)? {
        Some(Ok(())) => Ok(mounted.dev),
        Some(Err(e)) => bail!("the mount answers with an error: {}", std::io::Error::from(e)),
        None => bail!("the mount does not answer"),
    }
}

/// This process is the daemon.
fn foreground(args: &Mount, runtime: &Runtime, dir: PathBuf, options: Options) -> Result<()> {
    kernel::inherited::shed();
    let start = runtime.lock_start()?;
    let Some(lock) = runtime.lock_daemon(false)? else {
        let who = runtime.daemon_pid().map(|pid| format!(" (pid {pid})")).unwrap_or_default();
        bail!("--foreground: a daemon{who} runs already: leave out --foreground, or first: pfs shutdown");
    };
    let (ours, first) = UnixStream::pair()?;
    let service = Arc::new(PfsService::new()?);
    let result = std::thread::scope(|scope| -> Result<()> {
        let asking = scope.spawn(move || -> Result<()> {
            let mut conn = Conn::new(ours, PATIENCE)?;
            let pid = conn.hello()?;
            // Only now the socket answers; who looked earlier would have started a second daemon.
            drop(start);
            let dev = mount(&mut conn, &args.flavour, &dir, options)?;
            announce(args, dir, dev, pid)
        });
        let served = Ready::new(service, runtime, lock).and_then(|daemon| daemon.serve(first));
        match asking.join() {
            Ok(asked) => served.and(asked),
            Err(_) => bail!("internal error"),
        }
    });
    result
}

/// The daemon of this user, started if there is none.
fn connect_or_start(runtime: &Runtime) -> Result<(Conn, u32)> {
    let _start = runtime.lock_start()?;
    match connect(runtime)? {
        Some(found) => Ok(found),
        None => start(runtime),
    }
}

fn start(runtime: &Runtime) -> Result<(Conn, u32)> {
    let (ours, theirs) = UnixStream::pair()?;
    keep_descriptors_from_children();
    let log = runtime.log()?;
    // The path is gone when the program was replaced meanwhile; the link is not.
    let exe = std::env::current_exe().ok().filter(|p| p.exists()).unwrap_or_else(|| "/proc/self/exe".into());
    let mut child = Command::new(exe)
        .arg0("pfs")
        .arg("daemon")
        .env(runtime::ENV, runtime.dir())
        .stdin(OwnedFd::from(theirs))
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("cannot start the daemon")?;
    let mut conn = Conn::new(ours, PATIENCE)?;
    match conn.hello() {
        Ok(pid) => Ok((conn, pid)),
        Err(e) => {
            let _ = child.kill();
            let _ = child.wait();
            let why = match e.is::<Gone>() {
                true => anyhow!("it ended at once: see {}", runtime.log_path().display()),
                false => e,
            };
            Err(why.context("cannot start the daemon"))
        }
    }
}

/// The daemon outlives us: it must not hold what our caller left open (the other end of a pipe, a lock).
fn keep_descriptors_from_children() {
    const FLAG: libc::c_uint = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: marks descriptors close-on-exec; closes none and takes no pointers.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3 as libc::c_ulong, u32::MAX as libc::c_ulong, FLAG as libc::c_ulong)
    };
}
