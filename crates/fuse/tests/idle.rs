//! Alone in its process, so that its processor time is that of one session.

mod common;

use common::{client, Act, Mount};
use std::fs;
use std::time::Duration;

/// Nanoseconds of processor time of this process's threads so far.
fn time() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let stats = tasks.filter_map(|t| fs::read_to_string(t.ok()?.path().join("schedstat")).ok());
    stats.map(|s| s.split(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn an_idle_session_uses_no_time() {
    let m = Mount::new();
    fs::read(m.path("small")).unwrap();
    let mut c = client(&m.path("wait"), Act::Read);
    m.hear("read");
    std::thread::sleep(Duration::from_millis(50));
    let before = time();
    std::thread::sleep(Duration::from_millis(300));
    let used = time() - before;
    assert!(used < 3_000_000, "{used} ns of 300 ms");
    m.session().cancel_all();
    assert_eq!(c.exit(), libc::EINTR);
}
