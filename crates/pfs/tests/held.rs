//! Processes that are held: shown by `pfs status`, and given back by every end of a mount.

mod common;

use common::Bench;
use rustix::process::Signal;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

struct Target(Child);

impl Target {
    fn start() -> Target {
        Target(Command::new("sleep").arg("1000").spawn().unwrap())
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Returns when it is stopped.
    fn stop(&self, mount: &Path) {
        std::fs::write(mount.join(self.pid().to_string()).join("ctl"), "stop").unwrap();
        assert_eq!(self.state(), 't');
    }

    fn state(&self) -> char {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        stat.rsplit(") ").next().unwrap().chars().next().unwrap()
    }

    fn is_free(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        status.contains("TracerPid:\t0\n") && matches!(self.state(), 'S' | 'R')
    }

    fn assert_free(&self) {
        assert!(self.is_free());
    }

    fn await_free(&self) {
        let until = Instant::now() + Duration::from_secs(20);
        while !self.is_free() {
            assert!(Instant::now() < until, "it is still held");
            std::thread::yield_now();
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn status_names_the_holder_and_umount_lets_go() {
    let bench = Bench::new();
    let dir = bench.dir("p");
    bench.run(&["mount", "p"]).ok();
    let target = Target::start();
    assert_eq!(bench.status()["held"].as_array().unwrap().len(), 0);
    target.stop(&dir);
    let held = bench.status()["held"].clone();
    assert_eq!(held[0]["pid"], target.pid());
    assert_eq!(held[0]["comm"], "sleep");
    let seat = &held[0]["seats"][0];
    assert_eq!(seat["flavour"], "linux");
    assert_eq!(seat["opener_pid"], std::process::id());
    assert_eq!(seat["what"], "stop");
    assert_eq!(seat["standing"], true);
    assert!(seat["since_unix_ms"].as_u64().unwrap() > 1_500_000_000_000);
    assert!(bench.run(&["status"]).ok().out().contains("sleep"));
    bench.run(&["umount", "p"]).ok();
    target.assert_free();
}

#[test]
fn shutdown_lets_go() {
    let bench = Bench::new();
    let dir = bench.dir("p");
    bench.run(&["mount", "p"]).ok();
    let target = Target::start();
    target.stop(&dir);
    bench.run(&["shutdown"]).ok();
    target.assert_free();
}

#[test]
fn sigterm_lets_go() {
    let bench = Bench::new();
    let dir = bench.dir("p");
    bench.run(&["mount", "p"]).ok();
    let target = Target::start();
    target.stop(&dir);
    let daemon = bench.daemon().unwrap();
    daemon.signal(Signal::TERM);
    daemon.wait_end();
    target.assert_free();
}

#[test]
fn a_killed_daemon_holds_nothing() {
    let bench = Bench::new();
    let dir = bench.dir("p");
    bench.run(&["mount", "p"]).ok();
    let target = Target::start();
    target.stop(&dir);
    let daemon = bench.daemon().unwrap();
    daemon.signal(Signal::KILL);
    daemon.wait_end();
    // The tracer outlives the daemon to let its targets go.
    target.await_free();
}
