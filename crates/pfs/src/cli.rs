//! The command line: the one definition from which `--help`, the manual pages and the completions come.

use crate::options::Options;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Look at, stop, trace and run processes through files
#[derive(Debug, Parser)]
#[command(name = "pfs", version, about, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Exit status: 0 done, 1 failed, 2 wrong command line.")]
#[command(after_long_help = "\
Exit status: 0 done, 1 failed, 2 wrong command line.

Files: /run/pfs (root), $XDG_RUNTIME_DIR/pfs, else /tmp/pfs-UID: the control socket and the log of the daemon.
Signals: SIGTERM, SIGINT and SIGHUP stop the daemon as pfs shutdown does; SIGUSR1 means nothing to it.
Environment: PFS_RUNTIME_DIR: another directory in their place.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Mount a process file system on a directory
    ///
    /// Returns when the mount answers. The first mount starts the daemon of this user, which ends with the last one.
    Mount(Mount),
    /// Unmount; everything that was held through this mount is given back
    ///
    /// A mount that still stands elsewhere, bound to another directory or in another mount namespace, goes on, and so does what is
    /// held through it: the command says so, and in JSON "still_mounted_elsewhere" is true.
    #[command(visible_alias = "unmount")]
    Umount(Umount),
    /// Show the mounts, and which processes are held through which of them, by whom and since when
    ///
    /// Mounts of this user whose daemon has ended, as by SIGKILL, are shown as dead: pfs umount takes them away. In JSON they are
    /// in the array "dead", with "dir" and "dev".
    Status(Status),
    /// Stop the daemon: unmount everything and give back whatever is held
    Shutdown(Shutdown),
    /// Print the completions for a shell
    Completions(Completions),
    /// Write the manual pages into a directory
    #[command(hide = true)]
    Man(Man),
    /// The daemon itself, started by `pfs mount`
    #[command(hide = true)]
    Daemon,
}

/// Arguments of `pfs mount`.
#[derive(Args, Debug)]
pub struct Mount {
    /// Which process file system to show
    #[arg(short = 't', long = "type", value_name = "FLAVOUR", default_value = "linux")]
    pub flavour: String,
    /// Mount options, separated by commas
    ///
    /// ro, rw: read only or not (rw).
    ///
    /// allow_other, no_allow_other: whether other users may enter (yes when root mounts).
    ///
    /// uid=N: show only the processes of this user.
    ///
    /// hidepid=0|1|2|4, also by name off, noaccess, invisible, ptraceable: who sees whose processes, as in proc(5).
    ///
    /// gid=N: members of this group see everything, whatever hidepid says.
    ///
    /// model=opener|lp64|ilp32: the data model of what is read, for flavours of binary structures: that of each reader's own
    /// program (opener), or one for everybody.
    ///
    /// level=L: the release whose files are shown: 44a or 44b for bsd44 (44b), 2, 4, 5, 10, 12 or 14 for freebsd (10).
    ///
    /// strict, no_strict: errors and limits as that release had them, even those that help nobody; for bsd44 and freebsd
    /// (no_strict). strict=L is level=L,strict.
    ///
    /// syscallregs=bsd|raw: what the register files of bsd44 and freebsd show of a system call that a thread stands in:
    /// number, result and carry flag where a BSD has them (bsd), or what is in the registers.
    #[arg(short = 'o', long = "options", value_name = "OPTIONS", value_parser = Options::parse)]
    pub options: Vec<Options>,
    /// Serve the mount in this process instead of in a daemon; end with the last unmount or with Ctrl-C
    #[arg(short, long)]
    pub foreground: bool,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// The directory to mount on
    pub dir: PathBuf,
}

/// Arguments of `pfs umount`.
#[derive(Args, Debug)]
pub struct Umount {
    /// Unmount even if files are open; what waits there fails with ECONNABORTED, and what is open with ENOTCONN from then on
    #[arg(short, long)]
    pub lazy: bool,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// The directory it is mounted on
    pub dir: PathBuf,
}

/// Arguments of `pfs status`.
#[derive(Args, Debug)]
pub struct Status {
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `pfs shutdown`.
#[derive(Args, Debug)]
pub struct Shutdown {
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `pfs completions`.
#[derive(Args, Debug)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Arguments of `pfs man`.
#[derive(Args, Debug)]
pub struct Man {
    /// Where the pages go
    #[arg(default_value = ".")]
    pub dir: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
