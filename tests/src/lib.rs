//! Harness of the conformance tests: a private daemon with a mount, targets written in C, and clients that can be given up on.
//!
//! Nothing here waits without a bound: a client that gets no answer in time is killed and its test fails.

#![allow(clippy::missing_panics_doc)]

pub mod bsd;
pub mod debugger;
pub mod paged;

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// How long anything may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long a whole test may take before its daemon is killed, so that nobody hangs on it.
const LIFETIME: Duration = Duration::from_secs(240);

/// User and group `nobody`.
pub const NOBODY: u32 = 65534;

/// How the runner names a run to its test processes.
const RUN_ID: &str = "NEXTEST_RUN_ID";

static NEXT: AtomicU64 = AtomicU64::new(0);

fn profile_dir() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let mut dir = exe.parent().unwrap();
    if dir.ends_with("deps") {
        dir = dir.parent().unwrap();
    }
    dir.to_owned()
}

/// Runs `f` while no other test process does.
fn alone<R>(f: impl FnOnce() -> R) -> R {
    let path = profile_dir().join("pfs-tests.lock");
    let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(path).unwrap();
    // SAFETY: flock takes no memory; the lock goes with the descriptor.
    let locked = unsafe { libc::flock(std::os::fd::AsRawFd::as_raw_fd(&file), libc::LOCK_EX) };
    assert_eq!(locked, 0, "flock");
    f()
}

/// Which run of the test runner this is.
fn run_id() -> String {
    std::env::var(RUN_ID).unwrap_or_else(|_| format!("process {}", std::process::id()))
}

/// Runs the test `name` once more, alone in a process that the command line `wrapper` starts, and asserts that it passes
/// there. True in that process, where the test goes on. False outside, where it is done; also if the wrapper itself is
/// refused here, as namespaces may be in a container.
pub fn inside(name: &str, wrapper: &[&str]) -> bool {
    const MARK: &str = "PFS_TEST_INSIDE";
    if std::env::var_os(MARK).is_some_and(|inside| inside == name) {
        return true;
    }
    let wrapped = || {
        let mut command = Command::new(wrapper[0]);
        command.args(&wrapper[1..]).stdin(Stdio::null());
        command
    };
    if !wrapped().arg("true").output().is_ok_and(|out| out.status.success()) {
        eprintln!("{wrapper:?} is refused here: nothing tested");
        return false;
    }
    pfs_binary();
    // Process ids are not unique over namespaces, and temporary directories are named by them.
    let dir = TempDir::new();
    let mut command = wrapped();
    command.arg(std::env::current_exe().unwrap()).args(["--exact", name, "--nocapture", "--test-threads=1"]);
    command.env(MARK, name).env("TMPDIR", dir.path()).env(RUN_ID, run_id());
    let out = bounded(&mut command, LIFETIME);
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && said.contains("1 passed"), "inside: {}\n{said}", out.status);
    false
}

/// True if the test runs as root; says so if not.
pub fn root() -> bool {
    // SAFETY: geteuid cannot fail.
    let is = unsafe { libc::geteuid() } == 0;
    if !is {
        eprintln!("not root: nothing tested");
    }
    is
}

/// The `pfs` command, built as it is now: once per run of the test runner.
pub fn pfs_binary() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let dir = profile_dir();
        let binary = dir.join("pfs");
        alone(|| {
            let run = run_id();
            let stamp = dir.join("pfs-tests.run");
            if fs::read_to_string(&stamp).is_ok_and(|s| s == run) && binary.exists() {
                return;
            }
            let mut build = Command::new(env!("CARGO"));
            build.args(["build", "--quiet", "--package", "pfs", "--bin", "pfs"]);
            build.arg("--manifest-path").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"));
            build.arg("--target-dir").arg(dir.parent().unwrap());
            if dir.ends_with("release") {
                build.arg("--release");
            }
            assert!(build.status().unwrap().success(), "cargo build of pfs failed");
            fs::write(stamp, run).unwrap();
        });
        binary
    })
}

/// The program made from `targets/<name>.c`; `bits` is 64 or 32.
pub fn program(name: &str, bits: u32) -> PathBuf {
    compiled("targets", name, bits, &[])
}

/// The program made from `solaris/<name>.c` with the headers of Solaris; `bits` is 64 or 32.
pub fn solaris_program(name: &str, bits: u32) -> PathBuf {
    let headers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/solaris");
    compiled("solaris", name, bits, &["-Wextra".as_ref(), "-I".as_ref(), headers.as_os_str()])
}

/// The program made from `bsd/<name>.c` with the header of FreeBSD; `bits` is 64 or 32.
pub fn bsd_program(name: &str, bits: u32) -> PathBuf {
    let headers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include/bsd");
    compiled("bsd", name, bits, &["-Wextra".as_ref(), "-I".as_ref(), headers.as_os_str()])
}

fn compiled(folder: &str, name: &str, bits: u32, options: &[&OsStr]) -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let out = profile_dir().join(format!("pfs-{folder}"));
    let binary = out.join(format!("{name}-{bits}"));
    let source = sources.join(format!("{name}.c"));
    let changed = |p: &Path| fs::metadata(p).and_then(|m| m.modified()).ok();
    alone(|| {
        fs::create_dir_all(&out).unwrap();
        let headers = fs::read_dir(&sources).unwrap().map(|e| e.unwrap().path());
        let headers = headers.filter(|p| p.extension().is_some_and(|x| x == "h"));
        let newest = headers.map(|p| changed(&p)).max().unwrap_or(None).max(changed(&source));
        if changed(&binary) > newest {
            return;
        }
        let fresh = binary.with_extension("new");
        let mut gcc = Command::new("gcc");
        gcc.args(["-O1", "-Wall", "-pthread", &format!("-m{bits}")]).args(options).arg("-o").arg(&fresh).arg(&source);
        assert!(gcc.status().unwrap().success(), "gcc {}", source.display());
        fs::rename(fresh, &binary).unwrap();
    });
    binary
}

/// Copies a program. By another process: a descriptor of ours that writes to it would be inherited by what other tests start at
/// that moment, and make the copy busy.
pub fn copy_program(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("--").args([from, to]).status().unwrap().success(), "cp to {}", to.display());
}

/// A copy of a program that runs with its owner's rights.
pub fn set_id_program(dir: &TempDir, name: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.path().join(name);
    copy_program(&program(name, 64), &path);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4755)).unwrap();
    path
}

/// A directory of its own, open to all users, removed at the end.
pub struct TempDir(PathBuf);

impl TempDir {
    /// Makes one.
    #[allow(clippy::new_without_default)]
    pub fn new() -> TempDir {
        // One of a test that was killed, whose number is ours now, may lie there still.
        let dir = loop {
            let n = NEXT.fetch_add(1, Ordering::Relaxed);
            let dir = std::env::temp_dir().join(format!("pfs-test-{}-{n}", std::process::id()));
            match fs::create_dir(&dir) {
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                made => break made.map(|()| dir).unwrap(),
            }
        };
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        TempDir(dir)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A mount of the `linux` flavour, or of another, served by a daemon of its own.
pub struct Mount {
    point: PathBuf,
    flavour: &'static str,
    runtime: PathBuf,
    client: Mutex<Client>,
    _alive: Sender<()>,
    _dir: TempDir,
}

impl Mount {
    /// Mounts the `linux` flavour and starts the daemon.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Mount {
        Mount::of("linux", "rw")
    }

    /// The same of another flavour, with options.
    pub fn of(flavour: &'static str, options: &str) -> Mount {
        Mount::with(flavour, |command| {
            command.args(["-o", options]);
        })
    }

    /// The same with a daemon that can have no more than so many descriptors.
    pub fn with_descriptors(most: u64) -> Mount {
        let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
        // SAFETY: one system call between fork and exec, on plain data.
        Mount::with("linux", |command| unsafe {
            command.pre_exec(move || match libc::setrlimit(libc::RLIMIT_NOFILE, &limit) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            });
        })
    }

    /// Mounts another flavour as well, in a directory of its own that goes with this mount: where it is.
    pub fn beside(&self, flavour: &str) -> PathBuf {
        self.beside_as(flavour, flavour, "rw")
    }

    /// The same in a directory of this name, with options.
    pub fn beside_as(&self, name: &str, flavour: &str, options: &str) -> PathBuf {
        let point = self.runtime.with_file_name(name);
        fs::create_dir(&point).unwrap();
        mount(&point, flavour, &self.runtime, |command| {
            command.args(["-o", options]);
        });
        point
    }

    fn with(flavour: &'static str, change: impl FnOnce(&mut Command)) -> Mount {
        let dir = TempDir::new();
        let (point, runtime) = (dir.path().join("p"), dir.path().join("run"));
        fs::create_dir(&point).unwrap();
        let (alive, ended) = mpsc::channel::<()>();
        let locked = runtime.clone();
        std::thread::spawn(move || {
            if ended.recv_timeout(LIFETIME) == Err(mpsc::RecvTimeoutError::Timeout) {
                eprintln!("the test takes longer than {LIFETIME:?}: killing its daemon");
                kill(daemon_pid(&locked), libc::SIGKILL);
            }
        });
        // Whole before anything can fail, so that it is taken down then.
        let whole = Mount { point, flavour, runtime, client: Mutex::new(Client::new()), _alive: alive, _dir: dir };
        mount(&whole.point, flavour, &whole.runtime, change);
        whole
    }

    /// The mounted directory.
    pub fn point(&self) -> &Path {
        &self.point
    }

    /// `<mount>/<pid>/<name>`.
    pub fn path(&self, pid: i32, name: &str) -> PathBuf {
        self.point.join(pid.to_string()).join(name)
    }

    /// The daemon's process id.
    pub fn daemon(&self) -> i32 {
        daemon_pid(&self.runtime)
    }

    /// Runs the command `pfs` against this daemon.
    pub fn pfs(&self, args: &[&str]) -> Output {
        Command::new(pfs_binary()).env("PFS_RUNTIME_DIR", &self.runtime).args(args).output().unwrap()
    }

    /// Kills the daemon as an accident would; then nothing is served until [`Mount::again`].
    pub fn kill_daemon(&self) {
        kill(self.daemon(), libc::SIGKILL);
        self.daemon_ends();
    }

    /// Waits for the end of the daemon.
    pub fn daemon_ends(&self) {
        let pid = self.daemon();
        eventually("the daemon is gone", || !Path::new(&format!("/proc/{pid}")).exists() || state(pid) == 'Z');
    }

    /// Mounts again after [`Mount::kill_daemon`].
    pub fn again(&self) {
        unmount(&self.point);
        mount(&self.point, self.flavour, &self.runtime, |_| {});
    }

    /// Writes one message to `ctl` from a client that opens and closes it.
    pub fn ctl(&self, pid: i32, message: &str) -> Result<(), i32> {
        self.write(pid, "ctl", message)
    }

    /// Writes a message to a file of `<pid>/`.
    pub fn write(&self, pid: i32, name: &str, message: &str) -> Result<(), i32> {
        let client = self.client.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let fd = client.open(&self.path(pid, name), libc::O_WRONLY)?;
        let result = client.write(fd, message);
        client.close(fd);
        result.map(drop)
    }

    /// All of a file of `<pid>/`.
    pub fn read(&self, pid: i32, name: &str) -> Result<Vec<u8>, i32> {
        let client = self.client.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let fd = client.open(&self.path(pid, name), libc::O_RDONLY)?;
        let mut all = Vec::new();
        let result = loop {
            match client.read(fd, 65536) {
                Ok(part) if part.is_empty() => break Ok(all),
                Ok(part) => all.extend(part),
                Err(e) => break Err(e),
            }
        };
        client.close(fd);
        result
    }
}

fn mount(point: &Path, flavour: &str, runtime: &Path, change: impl FnOnce(&mut Command)) {
    let mut command = Command::new(pfs_binary());
    command.args(["mount", "-t", flavour]).arg(point).env("PFS_RUNTIME_DIR", runtime).stdin(Stdio::null());
    change(&mut command);
    let out = bounded(&mut command, PATIENCE);
    assert!(out.status.success(), "pfs mount: {}", String::from_utf8_lossy(&out.stderr));
}

fn unmount(point: &Path) {
    let path = std::ffi::CString::new(point.as_os_str().as_bytes()).unwrap();
    // SAFETY: a path that ends in 0.
    while unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) } == 0 {}
}

fn daemon_pid(runtime: &Path) -> i32 {
    fs::read_to_string(runtime.join("daemon.lock")).unwrap().trim().parse().unwrap()
}

/// Runs a command that is killed when it takes longer than `patience`, with all that it started and that has its output.
pub fn bounded(command: &mut Command, patience: Duration) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn().unwrap();
    let pid = child.id() as i32;
    let (done, over) = mpsc::channel::<()>();
    let guard = std::thread::spawn(move || {
        if over.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout) {
            // SAFETY: kill takes no memory; the group is the command's own as long as it is not reaped.
            unsafe { libc::kill(-pid, libc::SIGKILL) };
        }
    });
    let out = child.wait_with_output().unwrap();
    drop(done);
    let _ = guard.join();
    out
}

impl Drop for Mount {
    fn drop(&mut self) {
        let mut command = Command::new(pfs_binary());
        let out = bounded(command.arg("shutdown").env("PFS_RUNTIME_DIR", &self.runtime), PATIENCE);
        if !out.status.success() {
            eprintln!("pfs shutdown: {}", String::from_utf8_lossy(&out.stderr));
            if let Ok(text) = fs::read_to_string(self.runtime.join("daemon.log")) {
                eprintln!("daemon.log: {text}");
            }
        }
        unmount(&self.point);
    }
}

/// Sends a signal to a process that the test started.
pub fn kill(pid: i32, signal: i32) {
    assert!(pid > 1);
    // SAFETY: kill takes no memory.
    unsafe { libc::kill(pid, signal) };
}

/// Waits until `f` holds.
#[track_caller]
pub fn eventually(what: &str, mut f: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !f() {
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// State letter of a process or thread; `-` if it is gone.
pub fn state(pid: i32) -> char {
    state_at(&format!("/proc/{pid}/stat"))
}

fn state_at(path: &str) -> char {
    let stat = fs::read_to_string(path).unwrap_or_default();
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('-')
}

/// State letters of all threads of a process.
pub fn thread_states(pid: i32) -> Vec<(i32, char)> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let ids = tasks.filter_map(|t| t.ok()?.file_name().to_str()?.parse().ok());
    ids.map(|tid: i32| (tid, state_at(&format!("/proc/{pid}/task/{tid}/stat")))).collect()
}

/// One field of `/proc/<pid>/status`.
pub fn status_field(pid: i32, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().trim().to_string()
}

/// The value of a field of one line of JSON without nested objects, as text.
pub fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.split_once(&format!("\"{name}\":"))?.1;
    if let Some(text) = rest.strip_prefix('"') {
        return text.split('"').next();
    }
    if rest.starts_with('[') {
        return Some(&rest[..=rest.find(']')?]);
    }
    rest.split([',', '}']).next()
}

/// The lines that a process writes, each waited for with a bound.
struct Lines(Receiver<String>);

impl Lines {
    fn of(out: impl std::io::Read + Send + 'static) -> Lines {
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines() {
                if !line.is_ok_and(|l| tell.send(l).is_ok()) {
                    return;
                }
            }
        });
        Lines(told)
    }
}

/// A page shared with a target.
struct Page {
    words: *const AtomicU64,
    file: PathBuf,
    _dir: TempDir,
}

// SAFETY: the words are atomic, and mapped as long as the page lives.
unsafe impl Send for Page {}
// SAFETY: the same.
unsafe impl Sync for Page {}

impl Page {
    fn new() -> Page {
        let dir = TempDir::new();
        let path = dir.path().join("page");
        let file = fs::OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
        file.set_len(4096).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping of a file that is as long.
        let words = unsafe { libc::mmap(std::ptr::null_mut(), 4096, access, libc::MAP_SHARED, fd, 0) };
        assert_ne!(words, libc::MAP_FAILED);
        Page { words: words as *const AtomicU64, file: path, _dir: dir }
    }

    fn word(&self, i: usize) -> &AtomicU64 {
        assert!(i < 512);
        // SAFETY: within the page.
        unsafe { &*self.words.add(i) }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: nobody can have a word any more.
        unsafe { libc::munmap(self.words as *mut libc::c_void, 4096) };
    }
}

/// Index of the word by which a target is told to go on.
pub const GO: usize = 7;

/// Index of the word in which `targets/space.c` tells the number of the process it started.
const INNER: usize = 500;

/// A process to be controlled; killed and reaped at the end.
pub struct Target {
    child: Child,
    lines: Lines,
    page: Page,
    /// What it said when it was ready, without the word `ready`.
    pub said: String,
}

impl Target {
    /// Starts `targets/<name>.c` and waits until it is ready.
    pub fn start(name: &str, args: &[&str]) -> Target {
        Target::of(&program(name, 64), args, None)
    }

    /// The same as a 32-bit program.
    pub fn start32(name: &str, args: &[&str]) -> Target {
        Target::of(&program(name, 32), args, None)
    }

    /// The same as another user.
    pub fn start_as(uid: u32, name: &str, args: &[&str]) -> Target {
        Target::of(&program(name, 64), args, Some(uid))
    }

    /// Starts any program that says `ready` in a line of its own.
    pub fn of(program: &Path, args: &[&str], uid: Option<u32>) -> Target {
        Target::launch(program, None, args, uid)
    }

    /// Starts `targets/<name>.c` in namespaces of its own; `spaces` are letters of `targets/space.c`. [`Target::pid`] is the
    /// process that made them, [`Target::inner`] the one in them.
    pub fn within(spaces: &str, uid: Option<u32>, name: &str, args: &[&str]) -> Target {
        let args: Vec<&str> = [spaces].iter().chain(args).copied().collect();
        Target::launch(&program("space", 64), Some(&program(name, 64)), &args, uid)
    }

    fn launch(program: &Path, starts: Option<&Path>, args: &[&str], uid: Option<u32>) -> Target {
        let page = Page::new();
        // A copy that every user can reach.
        let copy = |program: &Path| {
            let copy = page.file.with_file_name(program.file_name().unwrap());
            if fs::hard_link(program, &copy).is_err() {
                copy_program(program, &copy);
            }
            copy
        };
        let mut command = Command::new(copy(program));
        command.args(args).env("PFS_SHARED", &page.file).stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some(starts) = starts {
            command.env("PFS_STARTS", copy(starts));
        }
        if let Some(uid) = uid {
            command.uid(uid).gid(uid);
        }
        let mut child = command.spawn().unwrap();
        let lines = Lines::of(child.stdout.take().unwrap());
        let mut target = Target { child, lines, page, said: String::new() };
        let said = target.line();
        target.said = said.strip_prefix("ready").unwrap_or_else(|| panic!("{said}")).trim().to_string();
        target
    }

    /// Process id.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Process id, as seen from here, of the process that [`Target::within`] put into namespaces of its own.
    pub fn inner(&self) -> i32 {
        i32::try_from(self.word(INNER)).unwrap()
    }

    /// The next line it writes.
    #[track_caller]
    pub fn line(&self) -> String {
        self.lines.0.recv_timeout(PATIENCE).expect("the target says nothing")
    }

    /// A word of the shared page.
    pub fn word(&self, i: usize) -> u64 {
        self.page.word(i).load(Ordering::SeqCst)
    }

    /// The same word, for other threads too.
    pub fn shared(&self, i: usize) -> &AtomicU64 {
        self.page.word(i)
    }

    /// Sets a word of the shared page.
    pub fn set(&self, i: usize, value: u64) {
        self.page.word(i).store(value, Ordering::SeqCst);
    }

    /// Tells it to go on.
    pub fn go(&self) {
        self.set(GO, 1);
    }

    /// Waits until word `i` changes: it runs.
    #[track_caller]
    pub fn counts(&self, i: usize) {
        let was = self.word(i);
        eventually("the target counts", || self.word(i) != was);
    }

    /// Asserts that word `i` does not move for a while: it stands.
    #[track_caller]
    pub fn stands(&self, i: usize) {
        let was = self.word(i);
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(self.word(i), was, "it runs");
    }

    /// Waits for its end; its wait status.
    #[track_caller]
    pub fn end(&mut self) -> std::process::ExitStatus {
        let mut status = None;
        eventually("the target ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Numbers that it said when it was ready.
    pub fn numbers(&self) -> Vec<u64> {
        self.said.split(' ').filter_map(|w| w.parse().ok()).collect()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let end = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// What lstat(2) tells a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Type and permissions.
    pub mode: u32,
    /// Bytes.
    pub size: u64,
    /// Links.
    pub nlink: u64,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Preferred transfer size.
    pub blksize: u64,
    /// Blocks of 512 bytes.
    pub blocks: u64,
    /// Inode number.
    pub ino: u64,
    /// Seconds of the last change.
    pub mtime: u64,
}

/// A process that opens, reads and writes files on the test's behalf. Where it gets no answer in time it is killed, and the test
/// fails.
pub struct Client {
    target: Target,
    input: Mutex<ChildStdin>,
}

impl Client {
    /// A client with the test's own rights.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Client {
        Client::from(Target::start("client", &[]))
    }

    /// A client that is another user.
    pub fn of_user(uid: u32) -> Client {
        Client::from(Target::start_as(uid, "client", &[]))
    }

    /// A client that is a 32-bit program.
    pub fn of_32_bits() -> Client {
        Client::from(Target::start32("client", &[]))
    }

    /// A client in namespaces of its own, see [`Target::within`].
    pub fn within(spaces: &str, uid: Option<u32>) -> Client {
        Client::from(Target::within(spaces, uid, "client", &[]))
    }

    fn from(mut target: Target) -> Client {
        let input = Mutex::new(target.child.stdin.take().unwrap());
        Client { target, input }
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        match self.target.inner() {
            0 => self.target.pid(),
            inner => inner,
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: i32) {
        kill(self.pid(), signal);
    }

    /// Kills it and waits for its end.
    pub fn kill(mut self) {
        self.signal(libc::SIGKILL);
        self.target.end();
    }

    fn send(&self, line: String) {
        let mut input = self.input.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    /// Asks without waiting: [`Client::answer`] takes the result.
    pub fn begin_write(&self, fd: i32, message: &str) {
        self.send(format!("w {fd} {}", hex(message.as_bytes())));
    }

    /// Asks without waiting: [`Client::answer`] takes the result.
    pub fn begin_read(&self, fd: i32, size: usize) {
        self.send(format!("r {fd} {size}"));
    }

    /// True if no answer has come within `time`.
    pub fn waits(&self, time: Duration) -> bool {
        // An answer that did come is lost to the test, which fails then.
        self.target.lines.0.recv_timeout(time).is_err()
    }

    /// The result of what was begun: the number and the bytes, or the errno.
    #[track_caller]
    pub fn answer(&self) -> Result<(usize, Vec<u8>), i32> {
        let Ok(line) = self.target.lines.0.recv_timeout(PATIENCE) else {
            self.signal(libc::SIGKILL);
            panic!("a client got no answer");
        };
        let (number, bytes) = line.split_once(' ').unwrap();
        match number.parse::<i64>().unwrap() {
            n @ 0.. => Ok((n as usize, unhex(bytes))),
            e => Err(-e as i32),
        }
    }

    /// Opens a file: its descriptor.
    #[track_caller]
    pub fn open(&self, path: &Path, flags: i32) -> Result<i32, i32> {
        self.send(format!("o {flags} {}", hex(OsStr::new(path).as_bytes())));
        self.answer().map(|(fd, _)| fd as i32)
    }

    /// lstat(2).
    #[track_caller]
    pub fn stat(&self, path: &Path) -> Result<Stat, i32> {
        self.send(format!("s {}", hex(OsStr::new(path).as_bytes())));
        let (_, text) = self.answer()?;
        let numbers: Vec<u64> = String::from_utf8(text).unwrap().split(' ').map(|n| n.parse().unwrap()).collect();
        let [mode, size, nlink, uid, gid, blksize, blocks, ino, mtime] = numbers[..] else { panic!("{numbers:?}") };
        Ok(Stat { mode: mode as u32, size, nlink, uid: uid as u32, gid: gid as u32, blksize, blocks, ino, mtime })
    }

    /// ioctl(2) with a number as argument, or of one that answers in memory: its answer.
    #[track_caller]
    pub fn ioctl(&self, fd: i32, number: u32, argument: u64) -> Result<Vec<u8>, i32> {
        self.send(format!("i {fd} {number} {argument}"));
        self.answer().map(|(_, bytes)| bytes)
    }

    /// lseek(2) from the start.
    #[track_caller]
    pub fn seek(&self, fd: i32, offset: u64) -> Result<(), i32> {
        self.send(format!("k {fd} {offset}"));
        self.answer().map(drop)
    }

    /// readlink(2).
    #[track_caller]
    pub fn read_link(&self, path: &Path) -> Result<String, i32> {
        self.send(format!("l {}", hex(OsStr::new(path).as_bytes())));
        self.answer().map(|(_, text)| String::from_utf8(text).unwrap())
    }

    /// The entries of a directory, `.` and `..` too: name, inode number, type as in `d_type`.
    #[track_caller]
    pub fn list(&self, path: &Path) -> Result<Vec<(String, u64, u32)>, i32> {
        self.send(format!("d {}", hex(OsStr::new(path).as_bytes())));
        let (_, text) = self.answer()?;
        let entry = |line: &str| {
            let [name, ino, kind] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            (name.to_owned(), ino.parse().unwrap(), kind.parse().unwrap())
        };
        Ok(String::from_utf8(text).unwrap().lines().map(entry).collect())
    }

    /// All of a file, in large reads.
    #[track_caller]
    pub fn read_file(&self, path: &Path) -> Result<Vec<u8>, i32> {
        let fd = self.open(path, libc::O_RDONLY)?;
        let mut all = Vec::new();
        let result = loop {
            match self.read(fd, 500_000) {
                Ok(part) if part.is_empty() => break Ok(all),
                Ok(part) => all.extend(part),
                Err(e) => break Err(e),
            }
        };
        self.close(fd);
        result
    }

    /// poll(2) for so many milliseconds: the bits that are reported.
    #[track_caller]
    pub fn poll(&self, fd: i32, events: i16, timeout: i32) -> i16 {
        self.begin_poll(fd, events, timeout);
        self.answer().unwrap().0 as i16
    }

    /// Asks without waiting: [`Client::answer`] takes the result.
    pub fn begin_poll(&self, fd: i32, events: i16, timeout: i32) {
        self.send(format!("p {fd} {events} {timeout}"));
    }

    /// access(2).
    #[track_caller]
    pub fn access(&self, path: &Path, mask: i32) -> Result<(), i32> {
        self.send(format!("a {mask} {}", hex(OsStr::new(path).as_bytes())));
        self.answer().map(drop)
    }

    /// Changes the flags of an open file (fcntl(2), F_SETFL).
    #[track_caller]
    pub fn set_flags(&self, fd: i32, flags: i32) {
        self.send(format!("f {fd} {flags}"));
        self.answer().unwrap();
    }

    /// Eight bytes by way of the page cache: `s`, splice(2), `f`, sendfile(2), or `m`, a private mapping.
    #[track_caller]
    pub fn cached(&self, how: char, fd: i32, offset: u64) -> Result<Vec<u8>, i32> {
        self.send(format!("m {how} {fd} {offset}"));
        self.answer().map(|(_, bytes)| bytes)
    }

    /// An epoll(7) set of one file.
    #[track_caller]
    pub fn epoll(&self, fd: i32, events: i32) -> i32 {
        self.send(format!("e {fd} {events}"));
        self.answer().unwrap().0 as i32
    }

    /// epoll_wait(2) for so many milliseconds: the bits that are reported.
    #[track_caller]
    pub fn epoll_wait(&self, set: i32, timeout: i32) -> i32 {
        self.send(format!("E {set} {timeout}"));
        self.answer().unwrap().0 as i32
    }

    /// Closes a descriptor.
    #[track_caller]
    pub fn close(&self, fd: i32) {
        self.send(format!("c {fd}"));
        let _ = self.answer();
    }

    /// Writes a message.
    #[track_caller]
    pub fn write(&self, fd: i32, message: &str) -> Result<usize, i32> {
        self.begin_write(fd, message);
        self.answer().map(|(n, _)| n)
    }

    /// Writes at an offset.
    #[track_caller]
    pub fn write_at(&self, fd: i32, offset: u64, bytes: &[u8]) -> Result<usize, i32> {
        self.send(format!("W {fd} {offset} {}", hex(bytes)));
        self.answer().map(|(n, _)| n)
    }

    /// Reads.
    #[track_caller]
    pub fn read(&self, fd: i32, size: usize) -> Result<Vec<u8>, i32> {
        self.begin_read(fd, size);
        self.answer().map(|(_, bytes)| bytes)
    }

    /// Reads at an offset.
    #[track_caller]
    pub fn read_at(&self, fd: i32, offset: u64, size: usize) -> Result<Vec<u8>, i32> {
        self.send(format!("R {fd} {offset} {size}"));
        self.answer().map(|(_, bytes)| bytes)
    }

    /// Reads lines of events until `enough` of them; fewer if the stream ends.
    #[track_caller]
    pub fn events(&self, fd: i32, enough: usize) -> Vec<String> {
        let mut text = String::new();
        while text.matches('\n').count() < enough {
            let part = self.read(fd, 60000).unwrap();
            if part.is_empty() {
                break;
            }
            text.push_str(std::str::from_utf8(&part).unwrap());
        }
        text.lines().map(str::to_string).collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |c: u8| (c & 0xf) + 9 * (c >> 6);
    text.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// A child of `targets/family.c` with its parent, and a client with a seat on the child.
pub struct Family {
    /// Where the seat is.
    pub mount: Mount,
    /// Notes all that it is told of the child.
    pub parent: Target,
    /// Its process id.
    pub child: i32,
    /// Who has the seat.
    pub client: Client,
    /// The client's descriptor of the seat.
    pub seat: i32,
}

impl Family {
    /// Starts both; `how` is the child's part.
    pub fn start(how: &str) -> Family {
        let (mount, parent, client) = (Mount::new(), Target::start("family", &[how]), Client::new());
        let child = parent.numbers()[0] as i32;
        let seat = client.open(&mount.path(child, "seat"), libc::O_RDWR).unwrap();
        Family { mount, parent, child, client, seat }
    }

    /// Checks all that is to be true when the child has ended with this wait status.
    #[track_caller]
    pub fn has_ended(&self, status: i32) {
        eventually("the parent is told of the end", || self.parent.word(4) == 1);
        assert_eq!(self.parent.word(5), status as u64);
        let events = self.client.events(self.seat, usize::MAX);
        let ends: Vec<&String> = events.iter().filter(|e| field(e, "event") == Some("end")).collect();
        assert_eq!(ends.len(), 1, "{events:?}");
        assert_eq!(events.last(), ends.first().copied(), "{events:?}");
        match libc::WIFSIGNALED(status) {
            true => assert_eq!(field(ends[0], "signal"), Some(name(libc::WTERMSIG(status))), "{events:?}"),
            false => assert_eq!(field(ends[0], "status"), Some(&libc::WEXITSTATUS(status).to_string()[..])),
        }
        for word in ["stop", "run", "step", "trace sig all", "wait stop", "abort"] {
            assert_eq!(self.client.write(self.seat, word), Err(libc::ESRCH), "{word}");
        }
        let again = self.client.open(&self.mount.path(self.child, "ctl"), libc::O_RDWR);
        assert!(matches!(again, Err(libc::ENOENT | libc::ESRCH)), "{again:?}");
        std::thread::sleep(Duration::from_millis(10));
        assert_eq!(self.parent.word(4), 1);
    }

    /// Killed, while another client waits for the end.
    #[track_caller]
    pub fn is_killed(&self) {
        let waiter = Client::new();
        let fd = waiter.open(&self.mount.path(self.child, "seat"), libc::O_RDWR).unwrap();
        let order = "trace job on\nwait exit";
        waiter.begin_write(fd, order);
        let holders = || String::from_utf8(self.mount.read(self.child, "holders").unwrap_or_default()).unwrap();
        eventually("the waiter has begun", || holders().contains("job"));
        // Orders are carried out in turn: what is asked now is answered when the wait is entered.
        holders();
        kill(self.child, libc::SIGKILL);
        assert_eq!(waiter.answer(), Ok((order.len(), vec![])));
        self.has_ended(libc::SIGKILL);
    }

    /// Stops, continuations and ends that the parent was told of.
    pub fn told(&self) -> [u64; 3] {
        [2, 3, 4].map(|i| self.parent.word(i))
    }

    /// The parent is told of these, and of no more.
    #[track_caller]
    pub fn will_be_told(&self, what: [u64; 3]) {
        eventually(&format!("the parent is told of {what:?}"), || self.told() >= what);
        assert_eq!(self.told(), what);
    }

    /// The parent is told of nothing more in a while.
    #[track_caller]
    pub fn is_told_no_more(&self) {
        let before = self.told();
        std::thread::sleep(Duration::from_millis(30));
        assert_eq!(self.told(), before);
    }
}

fn name(signal: i32) -> &'static str {
    match signal {
        libc::SIGKILL => "SIGKILL",
        libc::SIGTERM => "SIGTERM",
        libc::SIGSEGV => "SIGSEGV",
        _ => panic!("signal {signal}"),
    }
}
