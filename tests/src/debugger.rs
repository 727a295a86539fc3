//! A debugger that watches memory: `solaris/watch.c` on one process.

use crate::{eventually, Mount, Target, TempDir, GO, PATIENCE};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};

/// WA_EXEC.
pub const EXEC: i32 = 1;
/// WA_WRITE.
pub const WRITE: i32 = 2;
/// WA_READ.
pub const READ: i32 = 4;
/// WA_TRAPAFTER.
pub const AFTER: i32 = 8;
/// TRAP_RWATCH.
pub const READ_HIT: i32 = 3;
/// TRAP_WWATCH.
pub const WRITE_HIT: i32 = 4;
/// TRAP_XWATCH.
pub const EXEC_HIT: i32 = 5;
/// FLTTRACE, as in sys/procfs.h and sys/fault.h.
pub const FLTTRACE: i32 = 4;
/// FLTWATCH, as in sys/procfs.h and sys/fault.h.
pub const FLTWATCH: i32 = 12;
/// PR_FAULTED, as in sys/procfs.h and sys/fault.h.
pub const PR_FAULTED: i32 = 6;
/// PRCFAULT, as in sys/procfs.h and sys/fault.h.
pub const PRCFAULT: u64 = 2;
/// PRSTEP, as in sys/procfs.h and sys/fault.h.
pub const PRSTEP: u64 = 4;
/// PR_FORK, as in sys/procfs.h and sys/fault.h.
pub const PR_FORK: u64 = 0x0010_0000;
/// PR_RLC, as in sys/procfs.h and sys/fault.h.
pub const PR_RLC: u64 = 0x0020_0000;

/// `solaris/watch.c` on one process.
pub struct Debugger {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    _dir: TempDir,
}

fn client(bits: u32, dir: &TempDir) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let binary = dir.path().join("watch");
    let mut gcc = Command::new("gcc");
    gcc.args(["-O1", "-Wall", "-Werror", &format!("-m{bits}"), "-I"]).arg(root.join("include/solaris"));
    gcc.arg("-o").arg(&binary).arg(root.join("tests/solaris/watch.c"));
    assert!(gcc.status().unwrap().success());
    binary
}

impl Debugger {
    /// Of a 64-bit client.
    pub fn new(mount: &Mount, target: &Target) -> Debugger {
        Debugger::of(64, mount, target.pid())
    }

    /// Of a client of this width, on process `pid`.
    pub fn of(bits: u32, mount: &Mount, pid: i32) -> Debugger {
        Debugger::by(|_| (), bits, mount.point(), pid)
    }

    /// The same through the mount at `point`, where `change` says how the client is started.
    pub fn by(change: impl FnOnce(&mut Command), bits: u32, point: &Path, pid: i32) -> Debugger {
        let dir = TempDir::new();
        let mut command = Command::new(client(bits, &dir));
        command.arg(point).arg(pid.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).all(|line| tell.send(line).is_ok()));
        let input = child.stdin.take();
        let debugger = Debugger { child, input, lines, _dir: dir };
        assert_eq!(debugger.answer(), Ok(String::new()));
        debugger
    }

    /// The answer to an order: what it says, or the errno.
    #[track_caller]
    pub fn answer(&self) -> Result<String, i32> {
        let line = self.lines.recv_timeout(PATIENCE).expect("the client got no answer");
        match line.strip_prefix("error ") {
            Some(errno) => Err(errno.parse().unwrap()),
            None => Ok(line.strip_prefix("ok").unwrap().trim().to_string()),
        }
    }

    /// Gives an order, without waiting for the answer.
    pub fn begin(&mut self, order: &str) {
        writeln!(self.input.as_mut().unwrap(), "{order}").unwrap();
    }

    /// Gives an order.
    #[track_caller]
    pub fn tell(&mut self, order: &str) -> Result<String, i32> {
        self.begin(order);
        self.answer()
    }

    /// PCWATCH.
    #[track_caller]
    pub fn watch(&mut self, at: u64, size: u64, flags: i32) -> Result<(), i32> {
        self.tell(&format!("watch {at} {size} {flags}")).map(drop)
    }

    /// PCRUN.
    #[track_caller]
    pub fn run(&mut self, flags: u64) {
        assert_eq!(self.tell(&format!("run {flags}")), Ok(String::new()));
    }

    /// Lets so many touches pass: lwp, address, and whether it was told of behind the instruction.
    #[track_caller]
    pub fn touches(&mut self, n: usize) -> Vec<(i32, u64, bool)> {
        self.begin(&format!("tell {n}"));
        let line = || self.lines.recv_timeout(PATIENCE).expect("the client got no answer");
        let touches = (0..n).map(|_| {
            let line = line();
            let mut words = line.split(' ').map(|w| w.parse::<u64>().unwrap_or_else(|_| panic!("{line}")));
            let mut next = || words.next().unwrap();
            (next() as i32, next(), next() == 1)
        });
        let touches = touches.collect();
        assert_eq!(self.answer(), Ok(String::new()));
        touches
    }

    /// Waits for the stop; it must be this touch of a watched area.
    #[track_caller]
    pub fn hit(&mut self, code: i32, addr: u64, after: bool) {
        let stands = self.tell("wait").unwrap();
        let expected = [PR_FAULTED, FLTWATCH, libc::SIGTRAP, code].map(|n| n.to_string()).join(" ");
        assert_eq!(stands, format!("{expected} {addr} {} 1", i32::from(after)));
    }

    /// The same, and lets it go on.
    #[track_caller]
    pub fn passes(&mut self, code: i32, addr: u64, after: bool) {
        self.hit(code, addr, after);
        self.run(PRCFAULT);
    }

    /// The file `watch` says this.
    #[track_caller]
    pub fn lists(&mut self, areas: &[(u64, u64, i32)]) {
        let text: Vec<String> = areas.iter().map(|(at, size, flags)| format!("{at},{size},{flags}")).collect();
        assert_eq!(self.tell("list"), Ok(text.join(" ")));
    }

    /// Ends, and with it closes all it had open.
    pub fn leave(mut self) {
        self.input = None;
        self.child.wait().unwrap();
    }
}

impl Drop for Debugger {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells a target what to do.
pub fn begin(target: &Target, command: u64, args: [u64; 2]) {
    target.set(1, args[0]);
    target.set(2, args[1]);
    target.set(GO, command);
}

/// It has done it.
#[track_caller]
pub fn finishes(target: &Target) {
    eventually("the target has done it", || target.word(GO) == 0);
}

/// It does this and nothing stops it.
#[track_caller]
pub fn does(target: &Target, command: u64, args: [u64; 2]) {
    begin(target, command, args);
    finishes(target);
}

/// Numbers below what is asked for, by chance, the same in every run.
pub fn by_chance() -> impl FnMut(u64) -> u64 {
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    move |n| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % n
    }
}
