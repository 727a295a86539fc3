//! What the benchmarks stand on: a private daemon, the peers, processes to look at, CPUs.

use crate::figure::Side;
use anyhow::{bail, ensure, Context, Result};
use serde::Serialize;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Where client, server and target run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// All on one CPU.
    OneCpu,
    /// Wherever the kernel likes.
    Free,
}

impl Place {
    /// Both.
    pub const ALL: [Place; 2] = [Place::OneCpu, Place::Free];

    /// For the report.
    pub fn name(self) -> &'static str {
        match self {
            Place::OneCpu => "one CPU",
            Place::Free => "free",
        }
    }
}

/// Programs and rounds.
pub struct Bed {
    dir: TempDir,
    pfs: PathBuf,
    cpus: libc::cpu_set_t,
    /// Rounds of each side.
    pub rounds: usize,
}

const PEERS: [(&str, &str); 5] = [
    ("target", include_str!("../peers/target.c")),
    ("tracer", include_str!("../peers/tracer.c")),
    ("file", include_str!("../peers/file.c")),
    ("client", include_str!("../peers/client.c")),
    ("least", include_str!("../peers/least.c")),
];

impl Bed {
    /// Builds what is needed.
    pub fn new(rounds: usize) -> Result<Bed> {
        let dir = TempDir::with_prefix("pfs-bench")?;
        let fuse = Command::new("pkg-config").args(["--cflags", "--libs", "fuse3"]).output().context("pkg-config")?;
        ensure!(fuse.status.success(), "pkg-config knows no fuse3: install libfuse3-dev");
        let fuse = String::from_utf8(fuse.stdout)?;
        for (name, text) in PEERS {
            let source = dir.path().join(name).with_extension("c");
            fs::write(&source, text)?;
            let mut gcc = Command::new("gcc");
            gcc.args(["-O2", "-Wall", "-pthread", "-o"]).arg(dir.path().join(name)).arg(source);
            match name {
                "file" => drop(gcc.args(fuse.split_whitespace())),
                "client" => drop(gcc.args(["-I", concat!(env!("CARGO_MANIFEST_DIR"), "/../include/solaris")])),
                _ => {}
            }
            ensure!(gcc.status().context("gcc")?.success(), "gcc refused the peer {name}");
        }
        Ok(Bed { pfs: program()?, cpus: cpus()?, dir, rounds })
    }

    /// Moves this thread, and what it starts from now on.
    pub fn place(&self, place: Place) -> Result<()> {
        let mut set = self.cpus;
        if place == Place::OneCpu {
            let first = self.first_cpu();
            // SAFETY: the macros' functions write within the set they are given.
            unsafe {
                libc::CPU_ZERO(&mut set);
                libc::CPU_SET(first, &mut set);
            }
        }
        // SAFETY: the set is live and its size is told.
        let done = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) };
        ensure!(done == 0, "sched_setaffinity: {}", std::io::Error::last_os_error());
        Ok(())
    }

    /// The CPU of [`Place::OneCpu`].
    pub fn first_cpu(&self) -> usize {
        // SAFETY: reads within the set.
        (0..libc::CPU_SETSIZE as usize).find(|n| unsafe { libc::CPU_ISSET(*n, &self.cpus) }).unwrap_or(0)
    }

    /// A peer to be started.
    pub fn peer(&self, name: &str) -> Command {
        Command::new(self.dir.path().join(name))
    }

    /// A file of ours.
    pub fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.dir.path().join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// Mounts with a daemon of its own.
    pub fn mount(&self) -> Result<Mount> {
        self.mount_of("linux")
    }

    /// The same of another flavour.
    pub fn mount_of(&self, flavour: &str) -> Result<Mount> {
        let dir = TempDir::with_prefix("pfs-bench")?;
        let runtime = TempDir::with_prefix("pfs-bench")?;
        let mut command = Command::new(&self.pfs);
        command
            .args(["mount", "--foreground", "--json", "-t", flavour])
            .arg(dir.path())
            .env("PFS_RUNTIME_DIR", runtime.path().join("pfs"));
        let server = Server::start(command, dir)?;
        Ok(Mount { server, _runtime: runtime })
    }

    /// Mounts the peer of small files.
    pub fn file_server(&self, how: &str, pid: u32, text: &str) -> Result<Server> {
        let dir = TempDir::with_prefix("pfs-bench")?;
        let mut command = self.peer("file");
        command.arg(how).arg(dir.path()).args([&pid.to_string(), text]);
        Server::start(command, dir)
    }

    /// Mounts the least server that stops and runs a process.
    pub fn least_server(&self, target: &Target) -> Result<Server> {
        let dir = TempDir::with_prefix("pfs-bench")?;
        let mut command = self.peer("least");
        command.arg(dir.path()).arg(target.pid().to_string());
        Server::start(command, dir)
    }

    /// Starts a target and waits until it is ready.
    pub fn target(&self, args: &[&str]) -> Result<Target> {
        let mut command = self.peer("target");
        command.args(args);
        Target::start(command)
    }

    /// Medians of both sides, which take turns; the first round of each is not counted.
    pub fn turns(
        &self,
        mut ours: impl FnMut() -> Result<f64>,
        mut theirs: impl FnMut() -> Result<f64>,
    ) -> Result<(Side, Side)> {
        let (mut a, mut b) = (vec![], vec![]);
        ours()?;
        theirs()?;
        for _ in 0..self.rounds {
            a.push(ours()?);
            b.push(theirs()?);
        }
        Ok((Side::of(a), Side::of(b)))
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = self.place(Place::Free);
    }
}

fn cpus() -> Result<libc::cpu_set_t> {
    // SAFETY: a set of bits, for which zeros are a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is live and its size is told.
    let done = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) };
    ensure!(done == 0, "sched_getaffinity: {}", std::io::Error::last_os_error());
    Ok(set)
}

/// The program `pfs` beside ours; cargo, if we run under it, sees that it is up to date.
fn program() -> Result<PathBuf> {
    if let Some(cargo) = std::env::var_os("CARGO") {
        let built = Command::new(cargo).args(["build", "--quiet", "--release", "--package", "pfs"]).status()?;
        ensure!(built.success(), "cargo could not build pfs");
    }
    let path = std::env::current_exe()?.with_file_name("pfs");
    ensure!(path.exists(), "{}: not there: cargo build --release -p pfs", path.display());
    Ok(path)
}

/// Sends a signal to a child of ours that has not been waited for.
fn signal(child: &Child, signal: i32) {
    // SAFETY: no memory is involved; the number is that of our child as long as it was not waited for.
    unsafe { libc::kill(child.id() as i32, signal) };
}

/// Ends with us, whatever ends us.
fn spawn(command: &mut Command, with: i32) -> Result<Child> {
    let die = move || {
        // SAFETY: prctl is a system call without memory here.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, with) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: the closure makes one system call and allocates nothing.
    unsafe { command.pre_exec(die) };
    command.spawn().with_context(|| format!("start {:?}", command.get_program()))
}

/// A program that serves a mount.
pub struct Server {
    child: Child,
    _output: BufReader<ChildStdout>,
    dir: TempDir,
}

impl Server {
    fn start(mut command: Command, dir: TempDir) -> Result<Server> {
        let mut log = tempfile::tempfile()?;
        command.stderr(log.try_clone()?);
        let mut child = spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()), libc::SIGTERM)?;
        let mut output = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut line = String::new();
        let read = output.read_line(&mut line);
        let server = Server { child, _output: output, dir };
        read?;
        if line.is_empty() {
            let mut said = String::new();
            log.seek(SeekFrom::Start(0))?;
            log.read_to_string(&mut said)?;
            bail!("{:?} ended before it served: {}", command.get_program(), said.trim());
        }
        Ok(server)
    }

    /// The mount point.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The process that serves.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        signal(&self.child, libc::SIGTERM);
        let until = Instant::now() + Duration::from_secs(10);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > until {
                signal(&self.child, libc::SIGKILL);
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // Nothing is mounted there any more, unless the server died. Before the directory is removed in any case.
        let _ = Command::new("umount").args(["-q", "-l"]).arg(self.dir.path()).stderr(Stdio::null()).status();
    }
}

/// A pfs mount.
pub struct Mount {
    server: Server,
    _runtime: TempDir,
}

impl Mount {
    /// A file of a process.
    pub fn file(&self, pid: u32, name: &str) -> PathBuf {
        self.server.path().join(pid.to_string()).join(name)
    }

    /// The mount point.
    pub fn path(&self) -> &Path {
        self.server.path()
    }

    /// The daemon.
    pub fn daemon(&self) -> u32 {
        self.server.pid()
    }
}

/// A process to look at.
pub struct Target {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// What it said first.
    pub said: u64,
}

impl Target {
    /// Starts a program that says a number when it is ready.
    pub fn start(mut command: Command) -> Result<Target> {
        let mut child = spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()), libc::SIGKILL)?;
        let input = child.stdin.take().context("no standard input")?;
        let output = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut target = Target { child, input, output, said: 0 };
        target.said = target.hear()?;
        Ok(target)
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn hear(&mut self) -> Result<u64> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        line.trim().parse().with_context(|| format!("the target said {line:?}"))
    }

    /// A line to it, a line from it.
    pub fn ask(&mut self, number: u64) -> Result<u64> {
        writeln!(self.input, "{number}")?;
        self.hear()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        signal(&self.child, libc::SIGKILL);
        let _ = self.child.wait();
    }
}

/// Runs a peer that prints numbers.
pub fn numbers(command: &mut Command) -> Result<Vec<f64>> {
    let out = command.stderr(Stdio::inherit()).output().with_context(|| format!("{:?}", command.get_program()))?;
    if !out.status.success() {
        bail!("{:?}: {}", command.get_program(), out.status);
    }
    let text = String::from_utf8(out.stdout)?;
    text.split_whitespace().map(|w| w.parse().with_context(|| format!("{w:?} is no number"))).collect()
}

/// Microseconds that `f` takes.
pub fn micros(f: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    f()?;
    Ok(start.elapsed().as_secs_f64() * 1e6)
}

/// The facts that figures depend on.
#[derive(Serialize)]
pub struct Machine {
    kernel: String,
    cpus: usize,
    model: String,
    virtualised: bool,
    strace: String,
    libfuse: String,
}

impl Machine {
    /// This one.
    pub fn look() -> Result<Machine> {
        let info = fs::read_to_string("/proc/cpuinfo")?;
        let field = |name: &str| {
            let line = info.lines().find(|l| l.starts_with(name));
            line.and_then(|l| l.split_once(':')).map(|(_, v)| v.trim().to_string()).unwrap_or_default()
        };
        let first = |program: &str, args: &[&str]| {
            let out = Command::new(program).args(args).output().map(|o| o.stdout).unwrap_or_default();
            let text = String::from_utf8_lossy(&out).lines().next().unwrap_or("none").to_string();
            text.rsplit(' ').next().unwrap_or_default().to_string()
        };
        Ok(Machine {
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_string(),
            cpus: std::thread::available_parallelism()?.get(),
            model: field("model name"),
            virtualised: field("flags").split(' ').any(|f| f == "hypervisor"),
            strace: first("strace", &["--version"]),
            libfuse: first("pkg-config", &["--modversion", "fuse3"]),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let kind = if self.virtualised { "virtual machine" } else { "bare metal" };
        write!(
            f,
            "Linux {}, {} CPUs ({}), {kind}, libfuse {}, strace {}",
            self.kernel, self.cpus, self.model, self.libfuse, self.strace
        )
    }
}
