//! A private daemon and directories for a test, taken down whatever happens.

#![allow(dead_code)]

use rustix::event::{poll, PollFd, PollFlags};
use rustix::process::{pidfd_open, Pid, PidfdFlags};
use serde_json::Value;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

pub struct Bench {
    top: TempDir,
}

impl Bench {
    pub fn new() -> Bench {
        Bench { top: TempDir::with_prefix("pfs-test-").unwrap() }
    }

    /// A new directory.
    pub fn dir(&self, name: &str) -> PathBuf {
        let dir = self.top.path().join(name);
        std::fs::create_dir(&dir).unwrap();
        dir
    }

    pub fn runtime(&self) -> PathBuf {
        self.top.path().join("run")
    }

    pub fn pfs(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pfs"));
        command.args(args).env("PFS_RUNTIME_DIR", self.runtime()).current_dir(self.top.path()).stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Done {
        Done(self.pfs(args).output().unwrap())
    }

    pub fn status(&self) -> Value {
        self.run(&["status", "--json"]).ok().json()
    }

    pub fn daemon(&self) -> Option<Process> {
        Some(Process::open(self.status()["daemon"].as_i64()? as i32))
    }

    pub fn mounted(&self, dir: &Path) -> bool {
        pfs::mounts::on(&dir.canonicalize().unwrap_or(dir.into())).unwrap().is_some()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // Not our own `shutdown` alone: the test may have broken the daemon.
        let _ = self.pfs(&["shutdown"]).output();
        let top = self.top.path().canonicalize().unwrap();
        for mount in pfs::mounts::all().unwrap().iter().rev().filter(|m| m.dir.starts_with(&top)) {
            let _ = pfs::mounts::unmount(&mount.dir, true);
        }
    }
}

/// A process that cannot be mistaken for the next of its number.
pub struct Process {
    pub pid: Pid,
    fd: OwnedFd,
}

impl Process {
    pub fn open(pid: i32) -> Process {
        let pid = Pid::from_raw(pid).unwrap();
        Process { pid, fd: pidfd_open(pid, PidfdFlags::empty()).unwrap() }
    }

    pub fn wait_end(&self) {
        let timeout = rustix::event::Timespec { tv_sec: 20, tv_nsec: 0 };
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        assert_eq!(poll(&mut fds, Some(&timeout)).unwrap(), 1, "process {:?} does not end", self.pid);
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::pidfd_send_signal(&self.fd, signal).unwrap();
    }
}

pub struct Done(pub Output);

impl Done {
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    pub fn ok(self) -> Done {
        assert_eq!(self.0.status.code(), Some(0), "{}{}", self.out(), self.err());
        self
    }

    /// Failed with this exit code, saying these words, in one line that begins with our name where it is ours.
    pub fn fails(self, code: i32, words: &[&str]) -> Done {
        let err = self.err();
        assert_eq!(self.0.status.code(), Some(code), "{}{err}", self.out());
        for word in words {
            assert!(err.contains(word), "{word:?} is missing in: {err}");
        }
        if code == 1 {
            assert!(err.starts_with("pfs: ") && err.ends_with('\n') && err.lines().count() == 1, "{err}");
        }
        self
    }

    pub fn json(&self) -> Value {
        let value: Value = serde_json::from_slice(&self.0.stdout).unwrap();
        assert_eq!(value["v"], 1);
        value
    }
}
