//! strace and pfs on one process: the kernel has one place for a tracer, and whoever comes second is told so.

use pfs_tests::bsd::pioctl::*;
use pfs_tests::{eventually, field, kill, state, status_field, Client, Mount, Target, TempDir};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// strace on a process; killed and reaped at the end.
struct Strace(Child);

impl Strace {
    fn on(pid: i32, out: &Path) -> Strace {
        let mut command = Command::new("strace");
        command.args(["-q", "-f", "-p", &pid.to_string(), "-o"]).arg(out);
        // Gone with the test, whatever becomes of that.
        let mut guarded = Command::new("timeout");
        guarded.args(["--foreground", "-s", "KILL", "60"]).arg(command.get_program()).args(command.get_args());
        let child = guarded.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let strace = Strace(child);
        eventually("strace has it", || status_field(pid, "TracerPid") != "0");
        strace
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // timeout passes SIGTERM on to strace, which lets its process go.
        kill(self.0.id() as i32, libc::SIGTERM);
        let _ = self.0.wait();
    }
}

#[test]
fn what_strace_has_is_refused_and_can_still_be_read() {
    let (mount, target, client) = (Mount::new(), Target::start("sled", &[]), Client::new());
    let out = TempDir::new();
    let strace = Strace::on(target.pid(), &out.path().join("trace"));
    let open = |name: &str, flags: i32| client.open(&mount.path(target.pid(), name), flags).unwrap();
    let (ctl, seat, mem) = (open("ctl", libc::O_RDWR), open("seat", libc::O_RDWR), open("mem", libc::O_RDWR));
    for word in ["stop", "attach", "trace sig all", "wait stop 1s", "startsyscall", "step"] {
        for fd in [ctl, seat] {
            assert_eq!(client.write(fd, word), Err(libc::EBUSY), "{word}");
        }
    }
    client.write(ctl, "stop").unwrap_err();
    let said = String::from_utf8(client.read(ctl, 1000).unwrap()).unwrap();
    assert!(said.contains("already traced by strace"), "{said}");
    for name in ["regs", "fpregs", "xregs", "dbregs", "regs.json"] {
        assert_eq!(mount.read(target.pid(), name), Err(libc::EBUSY), "{name}");
    }
    for name in ["status", "stat", "maps", "cmdline", "ustat.json"] {
        assert!(!mount.read(target.pid(), name).unwrap().is_empty(), "{name}");
    }
    // The seat is there, the file being open, and nobody holds anything by it.
    let holders = String::from_utf8(mount.read(target.pid(), "holders").unwrap()).unwrap();
    assert!(holders.lines().all(|l| l.ends_with("what=nothing")), "{holders}");
    let place = target.numbers()[0];
    assert_eq!(client.read_at(mem, place, 8).unwrap(), [0x90; 8]);
    assert_eq!(client.write_at(mem, place, &[0x90]), Ok(1));
    target.counts(0);
    drop(strace);
    eventually("strace has let it go", || status_field(target.pid(), "TracerPid") == "0");
    client.write(ctl, "stop").unwrap();
    target.stands(0);
    client.write(ctl, "run").unwrap();
    target.counts(0);
}

#[test]
fn signals_and_the_end_of_what_strace_has() {
    let (mount, mut target, client) = (Mount::new(), Target::start("signals", &[]), Client::new());
    let out = TempDir::new();
    let strace = Strace::on(target.pid(), &out.path().join("trace"));
    let wait = client.open(&mount.path(target.pid(), "wait"), libc::O_RDONLY).unwrap();
    mount.ctl(target.pid(), "usr1").unwrap();
    eventually("it is delivered", || target.word(128 + 10) == 1);
    client.begin_read(wait, 1000);
    mount.write(target.pid(), "note", "kill").unwrap();
    // Its status is not 0, not even while nobody has waited for it.
    eventually("it is a zombie", || state(target.pid()) == 'Z');
    target.end();
    let (_, bytes) = client.answer().unwrap();
    let event = String::from_utf8(bytes).unwrap();
    assert_eq!((field(&event, "event"), field(&event, "signal")), (Some("end"), Some("SIGKILL")), "{event}");
    drop(strace);
}

#[test]
fn strace_cannot_take_what_is_held() {
    let (mount, target) = (Mount::new(), Target::start("count", &[]));
    mount.ctl(target.pid(), "stop").unwrap();
    let mut strace = Command::new("timeout");
    strace.args(["-s", "KILL", "20", "strace", "-p", &target.pid().to_string()]);
    let out = strace.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success() && said.contains("Operation not permitted"), "{said}");
    assert_eq!(state(target.pid()), 't');
    mount.ctl(target.pid(), "run").unwrap();
    target.counts(16);
    // And the other way round when nobody holds it any more.
    let out = TempDir::new();
    drop(Strace::on(target.pid(), &out.path().join("trace")));
    target.counts(16);
}

#[test]
fn the_end_is_told_with_its_status_before_anybody_waited() {
    let (mount, client, target) = (Mount::new(), Client::new(), Target::start("count", &[]));
    let wait = client.open(&mount.path(target.pid(), "wait"), libc::O_RDONLY).unwrap();
    client.begin_read(wait, 1000);
    kill(target.pid(), libc::SIGTERM);
    // The test is its parent and does not wait for it yet.
    eventually("it is a zombie", || state(target.pid()) == 'Z');
    let event = String::from_utf8(client.answer().unwrap().1).unwrap();
    assert_eq!((field(&event, "event"), field(&event, "signal")), (Some("end"), Some("SIGTERM")), "{event}");
}

#[test]
fn what_strace_has_is_not_traced_as_in_bsd() {
    let (mount, target, client) = (Mount::of("freebsd", "level=10"), Target::start("sled", &[]), Client::new());
    let out = TempDir::new();
    let strace = Strace::on(target.pid(), &out.path().join("trace"));
    let open = |name: &str, flags: i32| client.open(&mount.path(target.pid(), name), flags).unwrap();
    let (ctl, mem) = (open("ctl", libc::O_WRONLY), open("mem", libc::O_RDWR));
    for word in ["attach", "wait", "run", "step"] {
        assert_eq!(client.write(ctl, word), Err(libc::EBUSY), "{word}");
    }
    assert_eq!(client.write(ctl, "detach"), Ok(6));
    let flags = || client.ioctl(mem, PIOCSTATUS, 0).unwrap()[4];
    assert_eq!(client.ioctl(mem, PIOCBIS, S_SIG), Err(libc::EBUSY));
    assert_eq!(client.ioctl(mem, PIOCWAIT, 0), Err(libc::EBUSY));
    assert_eq!(client.ioctl(mem, PIOCBIC, u64::MAX), Ok(vec![]));
    // Its children cannot be followed either; the other flags are only noted.
    assert_eq!(client.ioctl(mem, PIOCSFL, PF_LINGER), Ok(vec![]));
    assert_eq!((client.ioctl(mem, PIOCSFL, PF_FORK), flags()), (Err(libc::EBUSY), PF_LINGER as u8));
    target.counts(0);
    drop(strace);
    assert_eq!(client.ioctl(mem, PIOCSFL, PF_FORK), Ok(vec![]));
    assert_eq!((client.ioctl(mem, PIOCBIS, S_SIG), flags()), (Ok(vec![]), PF_FORK as u8));
    client.write(ctl, "attach").unwrap();
    client.write(ctl, "wait").unwrap();
}
