//! `ctl` of bsd44 and freebsd: its words, tracing by one controller, and what becomes of the process. Names are those of the list of
//! tests (tests/bsd/README.md).

use pfs_tests::bsd::pioctl::*;
use pfs_tests::bsd::{at, flavour, is_pseudofs, All};
use pfs_tests::{
    bounded, bsd_program, eventually, kill, root, set_id_program, state, Client, Mount, Target, TempDir, NOBODY,
    PATIENCE,
};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Releases that have `ctl`.
const LEVELS: [&str; 6] = ["44a", "44b", "2", "4", "5", "10"];

/// Nothing comes within this time.
const A_WHILE: Duration = Duration::from_millis(50);

/// All names, with the number of the signal.
const SIGNALS: [(&str, i32); 30] = [
    ("hup", 1),
    ("int", 2),
    ("quit", 3),
    ("ill", 4),
    ("trap", 5),
    ("abrt", 6),
    ("iot", 6),
    ("bus", 7),
    ("fpe", 8),
    ("kill", 9),
    ("usr1", 10),
    ("segv", 11),
    ("usr2", 12),
    ("pipe", 13),
    ("alrm", 14),
    ("term", 15),
    ("chld", 17),
    ("cont", 18),
    ("stop", 19),
    ("tstp", 20),
    ("ttin", 21),
    ("ttou", 22),
    ("urg", 23),
    ("xcpu", 24),
    ("xfsz", 25),
    ("vtalrm", 26),
    ("prof", 27),
    ("winch", 28),
    ("io", 29),
    ("sys", 31),
];

/// A client with `ctl` of a process open.
struct Ctl {
    client: Client,
    fd: i32,
}

impl Ctl {
    #[track_caller]
    fn of(client: Client, point: &Path, pid: i32) -> Ctl {
        let fd = client.open(&point.join(pid.to_string()).join("ctl"), libc::O_WRONLY).unwrap();
        Ctl { client, fd }
    }

    #[track_caller]
    fn new(mount: &Mount, target: &Target) -> Ctl {
        Ctl::of(Client::new(), mount.point(), target.pid())
    }

    #[track_caller]
    fn write(&self, message: &str) -> Result<(), i32> {
        self.client.write(self.fd, message).map(|n| assert_eq!(n, message.len()))
    }

    /// Writes all of these.
    #[track_caller]
    fn all(&self, messages: &[&str]) {
        messages.iter().for_each(|m| assert_eq!(self.write(m), Ok(()), "{m}"));
    }

    /// Begins a `wait` that does not end at once.
    #[track_caller]
    fn begin_wait(&self) {
        self.client.begin_write(self.fd, "wait");
        assert!(self.client.waits(A_WHILE));
    }

    /// How the wait ended.
    #[track_caller]
    fn waited(&self) -> Result<(), i32> {
        self.client.answer().map(drop)
    }
}

/// Program counter.
#[track_caller]
fn pc(mount: &Mount, pid: i32) -> u64 {
    let regs = mount.read(pid, "regs").unwrap();
    u64::from_le_bytes(regs[136..144].try_into().unwrap())
}

/// What a process that has been let go is like.
#[track_caller]
fn is_free(pid: i32) {
    let tracer = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        status.lines().find_map(|l| l.strip_prefix("TracerPid:\t")).unwrap() == "0"
    };
    eventually("nobody traces it", tracer);
}

#[test]
fn t21_messages() {
    let all = All::new("rw");
    let target = Target::start("siglog", &[]);
    for level in LEVELS {
        let ctl = Ctl::of(Client::new(), all.of(level), target.pid());
        let strip = is_pseudofs(level);
        for message in ["usr1", "usr1\n", "detach", "detach\n"] {
            assert_eq!(ctl.write(message), Ok(()), "{level} {message:?}");
        }
        for message in ["usr1\n\n", "usr1 \n"] {
            assert_eq!(ctl.write(message).is_ok(), strip, "{level} {message:?}");
        }
        for message in ["usr1\0x", "hup\n\0"] {
            assert_eq!(ctl.write(message).is_ok(), !strip, "{level} {message:?}");
        }
        for message in [" usr1", "USR1", "Usr1", "sigint", "SIGINT", "9", "emt", "info", "run x", "hup int", "\n", "x"]
        {
            assert_eq!(ctl.write(message), Err(libc::EOPNOTSUPP), "{level} {message:?}");
        }
        let long = if strip { "x".repeat(65) } else { "123456789".into() };
        assert_eq!(ctl.write(&long), Err(libc::EMSGSIZE), "{level}");
        for message in ["run", "step"] {
            assert_eq!(ctl.write(message), Err(libc::EBUSY), "{level} {message:?}");
        }
        let path = all.of(level).join(target.pid().to_string()).join("ctl");
        let both = ctl.client.open(&path, libc::O_RDWR).unwrap();
        let not_read = if strip { libc::EBADF } else { libc::EOPNOTSUPP };
        assert_eq!(ctl.client.read(both, 10), Err(not_read), "{level}");
        // A shell truncates first, or appends.
        let before = target.word(0);
        let script = format!("echo usr1 > {0} && echo usr2 >> {0}", path.display());
        assert!(bounded(Command::new("sh").args(["-c", &script]), PATIENCE).status.success(), "{level}");
        eventually("both came", || target.word(0) >= before + 2);
        target.set(0, 0);
    }
    for level in ["12", "14"] {
        let path = all.of(level).join(target.pid().to_string()).join("ctl");
        assert_eq!(Client::new().open(&path, libc::O_WRONLY), Err(libc::ENOENT), "{level}");
    }
}

#[test]
fn t21_every_signal() {
    for level in ["44b", "10"] {
        let (mount, mut target) = (at(level, "rw"), Target::start("siglog", &[]));
        let ctl = Ctl::new(&mount, &target);
        for (name, number) in SIGNALS.into_iter().filter(|(name, _)| !["kill", "stop"].contains(name)) {
            target.set(0, 0);
            ctl.write(name).unwrap();
            eventually(name, || target.word(0) == 1);
            assert_eq!(target.word(32), number as u64, "{level} {name}");
        }
        ctl.write("stop").unwrap();
        eventually("it stops", || state(target.pid()) == 'T');
        ctl.write("kill").unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&target.end()), Some(libc::SIGKILL));
    }
}

#[test]
fn t22_attach_run_step_detach() {
    for level in LEVELS {
        let (mount, target) = (at(level, "rw"), Target::start("sled", &[]));
        let pid = target.pid();
        let (mine, other) = (Ctl::new(&mount, &target), Ctl::new(&mount, &target));
        // Of oneself.
        let own = Ctl::of(Client::new(), mount.point(), mine.client.pid());
        assert_eq!(own.write("attach"), Ok(()));
        own.write("detach").unwrap();
        let own = mine.client.open(&mount.path(mine.client.pid(), "ctl"), libc::O_WRONLY).unwrap();
        assert_eq!(mine.client.write(own, "attach"), Err(libc::EINVAL), "{level}");
        let others = Ctl::of(Client::new(), mount.point(), mine.client.pid());
        others.all(&["attach", "wait", "run"]);
        assert_eq!(mine.client.write(own, "attach"), Err(libc::EBUSY), "{level}: of oneself, who is traced");
        others.write("detach").unwrap();
        assert_eq!(mine.client.write(own, "wait"), Err(libc::EDEADLK), "{level}");

        assert_eq!(other.write("detach"), Ok(()), "{level}: of what is not traced");
        mine.all(&["attach", "wait"]);
        target.stands(0);
        assert_eq!([mine.write("attach"), other.write("attach")], [Err(libc::EBUSY); 2], "{level}");
        assert_eq!(["run", "step", "wait"].map(|m| other.write(m)), [Err(libc::EBUSY); 3], "{level}");
        let sled = target.numbers()[0];
        while !(sled..sled + 150).contains(&pc(&mount, pid)) {
            mine.all(&["step", "wait"]);
        }
        for _ in 0..20 {
            let before = pc(&mount, pid);
            mine.all(&["step", "wait"]);
            assert_eq!(pc(&mount, pid), before + 1, "{level}");
        }
        mine.write("run").unwrap();
        target.counts(0);
        assert_eq!([mine.write("run"), mine.write("step")], [Err(libc::EBUSY); 2], "{level}");
        // Anybody may free it, and its controller is told.
        mine.begin_wait();
        other.write("detach").unwrap();
        assert_eq!(mine.waited(), Err(libc::EBUSY), "{level}");
        is_free(pid);
        target.counts(0);
        mine.all(&["attach", "wait", "detach"]);
        target.counts(0);
        is_free(pid);
    }
}

#[test]
fn t23_wait() {
    for level in LEVELS {
        let (mount, target) = (at(level, "rw"), Target::start("count", &["3"]));
        let ctl = Ctl::new(&mount, &target);
        ctl.begin_wait();
        kill(target.pid(), libc::SIGSTOP);
        assert_eq!(ctl.waited(), Ok(()), "{level}");
        assert_eq!(ctl.write("wait"), Ok(()), "{level}");
        kill(target.pid(), libc::SIGCONT);
        target.counts(16);
        is_free(target.pid());
        ctl.begin_wait();
        ctl.client.signal(libc::SIGINT);
        assert_eq!(ctl.waited(), Err(libc::EINTR), "{level}");
        ctl.all(&["attach", "wait", "wait"]);
        (16..19).for_each(|i| target.stands(i));
        ctl.write("run").unwrap();
        (16..19).for_each(|i| target.counts(i));
        ctl.begin_wait();
        ctl.client.signal(libc::SIGINT);
        assert_eq!(ctl.waited(), Err(libc::EINTR), "{level}");
        (16..19).for_each(|i| target.counts(i));
        // Others see it stopped by somebody else.
        let linux = mount.beside("linux");
        kill(target.pid(), libc::SIGUSR1);
        ctl.write("wait").unwrap();
        let holders = ctl.client.read_file(&linux.join(target.pid().to_string()).join("holders")).unwrap();
        let holders = String::from_utf8(holders).unwrap();
        assert!(holders.contains(flavour(level)) && holders.contains("stop(signal"), "{level}: {holders}");
        assert_eq!(
            ctl.client.write(
                ctl.client.open(&linux.join(target.pid().to_string()).join("ctl"), libc::O_WRONLY).unwrap(),
                "run"
            ),
            Err(libc::EBUSY),
            "{level}"
        );
        ctl.write("run").unwrap();
        target.counts(16);
    }
}

#[test]
fn t23_wait_for_what_ends() {
    for (level, strict, errno) in [
        ("44b", "rw", libc::ESRCH),
        ("10", "rw", libc::ESRCH),
        ("44b", "strict", libc::EINVAL),
        ("10", "strict", libc::EIO),
    ] {
        for traced in [false, true] {
            let (mount, target) = (at(level, strict), Target::start("count", &[]));
            let ctl = Ctl::new(&mount, &target);
            if traced {
                ctl.all(&["attach", "wait", "run"]);
            }
            ctl.begin_wait();
            kill(target.pid(), libc::SIGKILL);
            assert_eq!(ctl.waited(), Err(errno), "{level} {strict} {traced}");
            assert_eq!(ctl.write("wait"), Err(errno), "{level} {strict}");
        }
    }
}

#[test]
fn t24_signals_of_what_is_traced() {
    for level in LEVELS {
        let (mount, target) = (at(level, "rw"), Target::start("siglog", &[]));
        let ctl = Ctl::new(&mount, &target);
        ctl.all(&["attach", "wait", "usr1"]);
        eventually("the signal is handled", || target.word(0) == 1);
        assert_eq!((target.word(32), target.word(35)), (libc::SIGUSR1 as u64, ctl.client.pid() as u64), "{level}");
        // A signal stops before it is delivered; run drops it, a name puts another in its place.
        kill(target.pid(), libc::SIGUSR2);
        ctl.all(&["wait", "run"]);
        kill(target.pid(), libc::SIGHUP);
        ctl.all(&["wait", "term"]);
        eventually("the other signal is handled", || target.word(0) == 2);
        assert_eq!(target.word(36), libc::SIGTERM as u64, "{level}");
        // The same one is delivered as it was sent.
        kill(target.pid(), libc::SIGHUP);
        ctl.all(&["wait", "hup"]);
        eventually("the signal is handled", || target.word(0) == 3);
        assert_eq!((target.word(40), target.word(43)), (libc::SIGHUP as u64, u64::from(std::process::id())), "{level}");
        // By others' words and while it runs they are sent.
        Ctl::new(&mount, &target).write("int").unwrap();
        ctl.all(&["wait", "int"]);
        eventually("the signal is handled", || target.word(0) == 4);
        ctl.write("quit").unwrap();
        ctl.all(&["wait", "detach"]);
        is_free(target.pid());
        kill(target.pid(), libc::SIGPIPE);
        eventually("the last signal is handled", || target.word(0) == 5);
        assert_eq!(target.word(48), libc::SIGPIPE as u64, "{level}: detach drops the signal that it stood on");
    }
}

#[test]
fn t24_several_threads_stop_one_after_the_other() {
    // Two signals to two threads: each is shown, whichever comes first, and neither is lost.
    let (mount, target) = (at("10", "rw"), Target::start("each", &["2"]));
    let ctl = Ctl::new(&mount, &target);
    ctl.all(&["attach", "wait", "run"]);
    let tasks: Vec<i32> = std::fs::read_dir(format!("/proc/{}/task", target.pid()))
        .unwrap()
        .map(|e| e.unwrap().file_name().to_str().unwrap().parse().unwrap())
        .collect();
    assert!(tasks.len() > 1);
    for tid in &tasks {
        // SAFETY: a system call on plain numbers.
        unsafe { libc::syscall(libc::SYS_tgkill, target.pid(), *tid, libc::SIGWINCH) };
    }
    for _ in &tasks {
        ctl.all(&["wait", "run"]);
    }
    ctl.begin_wait();
    ctl.client.signal(libc::SIGINT);
    assert_eq!(ctl.waited(), Err(libc::EINTR));
}

#[test]
fn t24_ignored_signals() {
    for level in LEVELS {
        let (mount, target) = (at(level, "rw"), Target::start("siglog", &["ignored"]));
        let ctl = Ctl::new(&mount, &target);
        ctl.all(&["attach", "wait", "run"]);
        kill(target.pid(), libc::SIGUSR1);
        if is_pseudofs(level) {
            ctl.begin_wait();
            kill(target.pid(), libc::SIGTERM);
            assert_eq!(ctl.waited(), Ok(()), "{level}");
        } else {
            assert_eq!(ctl.write("wait"), Ok(()), "{level}");
        }
        ctl.write("run").unwrap();
    }
}

#[test]
fn t25_a_set_id_program_gains_nothing_while_traced() {
    if !root() {
        return;
    }
    let dir = TempDir::new();
    let suid = set_id_program(&dir, "suid");
    for level in ["44b", "4", "10"] {
        let mount = at(level, "rw");
        let target = Target::start_as(NOBODY, "execs", &["self", suid.to_str().unwrap()]);
        let ctl = Ctl::of(Client::of_user(NOBODY), mount.point(), target.pid());
        ctl.all(&["attach", "wait", "run"]);
        target.go();
        ctl.all(&["wait", "run"]);
        eventually("the program runs", || target.word(1) != 0);
        assert_eq!(target.word(1), u64::from(NOBODY) + 1, "{level}");
        ctl.write("detach").unwrap();
        target.counts(0);
    }
}

/// Whom the kernel takes for the tracer is whoever attached first. If that was somebody privileged, a set-id program gains its rights
/// though a controller without any traces it; he has lost it before its first instruction.
#[test]
fn t25_a_set_id_program_is_lost_if_the_privileged_held_it_before() {
    if !root() {
        return;
    }
    let dir = TempDir::new();
    let suid = set_id_program(&dir, "suid");
    for (level, options) in [("44b", "rw"), ("4", "rw"), ("10", "rw"), ("10", "strict")] {
        let mount = at(level, options);
        let target = Target::start_as(NOBODY, "execs", &["self", suid.to_str().unwrap()]);
        let pid = target.pid();
        let (first, linux) = (Client::new(), mount.beside("linux").join(pid.to_string()));
        let seat = first.open(&linux.join("seat"), libc::O_RDWR).unwrap();
        first.write(seat, "trace exec on").unwrap();
        let ctl = Ctl::of(Client::of_user(NOBODY), mount.point(), pid);
        let open = |name| ctl.client.open(&mount.path(pid, name), libc::O_RDWR).unwrap();
        let files = [open("mem"), open("regs"), open("fpregs")];
        ctl.all(&["attach", "wait", "run"]);
        ctl.begin_wait();
        target.go();
        // It stands before its first instruction, and only for who may.
        first.write(seat, "wait stop").unwrap();
        let lost = if options == "strict" { libc::EIO } else { libc::EPERM };
        assert_eq!(ctl.waited(), Err(lost), "{level} {options}");
        for message in ["run", "step", "wait", "attach", "detach", "kill"] {
            assert_eq!(ctl.write(message), Err(lost), "{level} {options} {message}");
        }
        for fd in files {
            assert_eq!(ctl.client.read_at(fd, 0, 8), Err(lost), "{level} {options}");
            assert_eq!(ctl.client.write_at(fd, 0, &[0; 8]), Err(lost), "{level} {options}");
        }
        let holders = String::from_utf8(first.read_file(&linux.join("holders")).unwrap()).unwrap();
        assert!(!holders.contains(flavour(level)), "{level}: {holders}");
        assert_eq!(target.word(1), 0, "{level}: not one instruction of it has run");
        first.write(seat, "run").unwrap();
        target.counts(0);
        assert_eq!(target.word(1), 1, "{level} {options}: it has its owner's rights");
    }
}

#[test]
fn t33_the_end_of_a_controller() {
    for level in LEVELS {
        for (options, dies) in [("rw", false), ("strict", true)] {
            for message in ["wait", "run"] {
                let (mount, mut target) = (at(level, options), Target::start("count", &[]));
                let ctl = Ctl::new(&mount, &target);
                ctl.all(&["attach", "wait"]);
                if message == "run" {
                    ctl.write("run").unwrap();
                }
                ctl.client.kill();
                if dies {
                    let status = target.end();
                    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGKILL), "{level}");
                } else {
                    is_free(target.pid());
                    target.counts(16);
                }
            }
        }
    }
}

#[test]
fn a_signal_outlives_its_controller() {
    let (mount, target) = (at("10", "rw"), Target::start("siglog", &[]));
    let ctl = Ctl::new(&mount, &target);
    ctl.all(&["attach", "wait", "run"]);
    kill(target.pid(), libc::SIGUSR2);
    ctl.write("wait").unwrap();
    ctl.client.kill();
    eventually("the signal is handled", || target.word(0) == 1);
    assert_eq!(target.word(32), libc::SIGUSR2 as u64);
    is_free(target.pid());
}

#[test]
fn what_is_traced_outlives_the_daemon() {
    for message in ["wait", "run"] {
        let (mount, target) = (at("10", "strict"), Target::start("siglog", &[]));
        let ctl = Ctl::new(&mount, &target);
        ctl.all(&["attach", "wait"]);
        if message == "run" {
            ctl.write("run").unwrap();
            kill(target.pid(), libc::SIGUSR1);
            ctl.write("wait").unwrap();
        }
        mount.kill_daemon();
        is_free(target.pid());
        kill(target.pid(), libc::SIGTERM);
        let expected = if message == "run" { 2 } else { 1 };
        eventually("no signal is lost", || target.word(0) == expected);
    }
}

#[test]
fn run_ends_a_job_control_stop() {
    for level in ["44b", "10"] {
        let (mount, target) = (at(level, "rw"), Target::start("siglog", &[]));
        let ctl = Ctl::new(&mount, &target);
        kill(target.pid(), libc::SIGSTOP);
        eventually("it stops", || state(target.pid()) == 'T');
        ctl.all(&["wait", "attach", "wait", "run"]);
        // Its handler of SIGCONT is not called.
        kill(target.pid(), libc::SIGUSR1);
        ctl.all(&["wait", "usr1"]);
        eventually("it runs", || target.word(0) == 1);
        assert_eq!(target.word(32), libc::SIGUSR1 as u64, "{level}");
        // Let a stop signal act, and the process go.
        ctl.write("stop").unwrap();
        ctl.all(&["wait", "stop", "wait", "detach"]);
        is_free(target.pid());
        kill(target.pid(), libc::SIGUSR2);
        eventually("it runs", || target.word(0) == 2);
    }
}

/// The sequence that the README of 1993 recommends.
#[test]
fn the_debugger_of_the_readme() {
    for level in LEVELS {
        for options in ["rw", "strict"] {
            for bits in [64, 32] {
                let mount = at(level, options);
                let mut command = Command::new(bsd_program("debugger", bits));
                command.arg(mount.point()).arg(bsd_program("nothing", bits));
                let out = bounded(&mut command, PATIENCE);
                let said = String::from_utf8_lossy(&out.stderr);
                assert!(out.status.success(), "{level} {options} {bits}: {}\n{said}", out.status);
            }
        }
    }
}

#[test]
fn t39_notes() {
    let all = All::new("rw");
    for (level, point) in all.each() {
        let target = Target::start("siglog", &[]);
        let client = Client::new();
        let path = point.join(target.pid().to_string()).join("note");
        let fd = client.open(&path, libc::O_WRONLY).unwrap();
        let notes = [
            ("hup", 1),
            ("INT\n", 2),
            ("sigusr1", 10),
            ("12", 12),
            ("rtmin+3 \n", 37),
            ("interrupt", 2),
            ("alarm", 14),
        ];
        for (i, (note, number)) in notes.into_iter().enumerate() {
            assert_eq!(client.write(fd, note), Ok(note.len()), "{level} {note:?}");
            eventually(note, || target.word(0) == i as u64 + 1);
            assert_eq!(target.word(32 + 4 * i), number, "{level} {note:?}");
        }
        for bad in ["", "x", "0", "65", "emt", "info", "hup int"] {
            let result = client.write(fd, bad);
            assert_eq!(result, if bad.is_empty() { Ok(0) } else { Err(libc::EINVAL) }, "{level} {bad:?}");
        }
        assert_eq!(client.write(fd, &" ".repeat(65)), Err(libc::EMSGSIZE), "{level}");
        let both = client.open(&path, libc::O_RDWR).unwrap();
        assert_eq!(client.read(both, 9), Err(if is_pseudofs(level) { libc::EBADF } else { libc::EINVAL }), "{level}");
        kill(target.pid(), libc::SIGKILL);
        eventually("it has ended", || matches!(client.write(fd, "hup"), Err(libc::ESRCH)));
    }
}

#[test]
fn t39_notes_leave_what_is_traced_stopped() {
    let (mount, target) = (at("10", "rw"), Target::start("siglog", &[]));
    let ctl = Ctl::new(&mount, &target);
    ctl.all(&["attach", "wait"]);
    mount.write(target.pid(), "note", "usr1").unwrap();
    std::thread::sleep(A_WHILE);
    assert_eq!((state(target.pid()), target.word(0)), ('t', 0));
    ctl.all(&["run", "wait", "usr1"]);
    eventually("it is delivered", || target.word(0) == 1);
}

#[test]
fn t39_notes_to_a_group() {
    let (mount, dir) = (at("44b", "rw"), TempDir::new());
    // The other one is told when it has its trap, and by chance not before.
    let script = format!(
        "trap 'wait $!; echo told $?; exit 0' HUP; \
         (trap 'exit 7' HUP; : > {0}/ready; for i in $(seq 3000); do sleep 0.01; done) & \
         until [ -e {0}/ready ]; do sleep 0.01; done; echo hup > {1}/curproc/notepg; sleep 30",
        dir.path().display(),
        mount.point().display()
    );
    let mut command = Command::new("setsid");
    let out = bounded(command.args(["-w", "sh", "-c", &script]), PATIENCE);
    assert_eq!(String::from_utf8_lossy(&out.stdout), "told 7\n", "{out:?}");
    // As the README promises: the shell opens the file, and is told.
    let script = format!("trap 'echo told' HUP; echo hup > {}/curproc/note; :", mount.point().display());
    let out = bounded(Command::new("sh").args(["-c", &script]), PATIENCE);
    assert_eq!(String::from_utf8_lossy(&out.stdout), "told\n");
}

#[test]
fn t39_strict_notes_are_refused() {
    let all = All::new("strict");
    let target = Target::start("siglog", &[]);
    for (level, point) in all.each() {
        let client = Client::new();
        for name in ["note", "notepg"] {
            let fd = client.open(&point.join(target.pid().to_string()).join(name), libc::O_WRONLY).unwrap();
            assert_eq!(client.write(fd, "hup"), Err(libc::EOPNOTSUPP), "{level} {name}");
            assert_eq!(client.write(fd, &"x".repeat(65)), Err(libc::EMSGSIZE), "{level} {name}");
        }
    }
    assert_eq!(target.word(0), 0);
}

/// A core file that is made of what the files say is one to a debugger: of a program of 64 bits, and of one of 32 by a client of
/// either kind.
#[test]
fn gcore_writes_what_gdb_reads() {
    for (options, of, by) in [("rw", 64, 64), ("strict", 64, 64), ("rw", 32, 64), ("rw", 32, 32), ("strict", 32, 32)] {
        let start = if of == 64 { Target::start } else { Target::start32 };
        let (mount, target) = (at("4", options), start("sled", &[]));
        let pid = target.pid();
        let ctl = Ctl::new(&mount, &target);
        ctl.all(&["attach", "wait"]);
        // Strictly the file has no end.
        let file = ctl.client.open(&mount.path(pid, "regs"), libc::O_RDONLY).unwrap();
        let regs = ctl.client.read(file, 176).unwrap();
        let register = |offset: usize| u64::from_le_bytes(regs[offset..offset + 8].try_into().unwrap());
        let fpregs = ctl.client.open(&mount.path(pid, "fpregs"), libc::O_RDONLY).unwrap();
        let mxcsr = u32::from_le_bytes(ctl.client.read(fpregs, 512).unwrap()[24..28].try_into().unwrap());
        let dir = TempDir::new();
        let core = dir.path().join("core");
        let run = |bits| {
            let mut gcore = Command::new(bsd_program("gcore", bits));
            bounded(gcore.arg(mount.point()).arg(pid.to_string()).arg(&core), PATIENCE)
        };
        let out = run(by);
        assert!(out.status.success(), "{options} {of} {by}: {}", String::from_utf8_lossy(&out.stderr));
        // One of 32 bits has no place for registers of 64.
        assert_eq!(run(32).status.success(), of == 32);
        assert!(run(by).status.success());
        ctl.write("detach").unwrap();
        target.counts(0);
        let (core, sled) = (format!("core {}", core.display()), target.numbers()[0]);
        let memory = format!("x/2xg {sled}");
        // FNSAVE has no mxcsr.
        let (names, mxcsr) = match (of, by) {
            (64, _) => ("$rip, $rsp, $rbx, $r12, $mxcsr", mxcsr),
            (_, 64) => ("$eip, $esp, $ebx, $esi, $mxcsr", mxcsr),
            _ => ("$eip, $esp, $ebx, $esi, $fctrl", 0x37f),
        };
        let fourth = if of == 64 { 24 } else { 72 };
        let printf = format!("printf \"%lx %lx %lx %lx %x\\n\", {names}");
        let mut gdb = Command::new("gdb");
        gdb.args(["-nx", "-batch", "-ex", &core, "-ex", &printf, "-ex", &memory]);
        let out = bounded(&mut gdb, PATIENCE);
        let said = String::from_utf8_lossy(&out.stdout);
        let [pc, sp, bx, fourth] = [136, 160, 88, fourth].map(register);
        let shown = format!("{pc:x} {sp:x} {bx:x} {fourth:x} {mxcsr:x}");
        assert!(said.lines().any(|l| l == shown), "{options} {of} {by}: not {shown} in {said}");
        assert_eq!(said.matches("0x9090909090909090").count(), 2, "{options} {of} {by}: {said}");
    }
}

/// What one of both flavours stops is suspended, or stopped by somebody, to the other, and runs when both let it.
#[test]
fn what_stops_is_stopped_to_solaris_too() {
    const PCDSTOP: &str = "\x02\0\0\0\0\0\0\0";
    const PCWSTOP: &str = "\x03\0\0\0\0\0\0\0";
    const PCRUN: &str = "\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    const PR_STOPPED: u32 = 1;
    const PR_ISTOP: u32 = 2;
    const PR_REQUESTED: i16 = 1;
    const PR_SUSPENDED: i16 = 7;
    for (level, options) in [("4", "rw"), ("10", "rw"), ("10", "strict")] {
        let (mount, target) = (at(level, options), Target::start("count", &[]));
        let solaris = mount.beside("solaris").join(target.pid().to_string());
        let other = Client::new();
        let status = || {
            let bytes = other.read_file(&solaris.join(format!("lwp/{}/lwpstatus", target.pid()))).unwrap();
            let flags = u32::from_le_bytes(bytes[..4].try_into().unwrap());
            (flags & (PR_STOPPED | PR_ISTOP), i16::from_le_bytes(bytes[8..10].try_into().unwrap()))
        };
        let [requested, suspended] = [(PR_STOPPED | PR_ISTOP, PR_REQUESTED), (PR_STOPPED, PR_SUSPENDED)];
        assert_eq!(status(), (0, 0), "{level}");
        let ctl = Ctl::new(&mount, &target);
        let mem = ctl.client.open(&mount.path(target.pid(), "mem"), libc::O_RDWR).unwrap();
        let theirs = other.open(&solaris.join("ctl"), libc::O_WRONLY).unwrap();
        // Traced by ctl.
        ctl.all(&["attach", "wait"]);
        assert_eq!(status(), suspended, "{level}: by ctl");
        // Which is nothing that they could run.
        assert_eq!(other.write(theirs, PCRUN), Err(libc::EBUSY), "{level}");
        target.stands(16);
        // By both: a directive is obeyed where it stands, and ends where both have ended.
        other.write(theirs, PCDSTOP).unwrap();
        other.write(theirs, PCWSTOP).unwrap();
        assert_eq!(status(), requested, "{level}: by both");
        ctl.write("run").unwrap();
        target.stands(16);
        assert_eq!(status(), requested, "{level}");
        // Registers of what stands for somebody are there; it is not stopped for the controller.
        assert_eq!(mount.read(target.pid(), "regs").unwrap().len(), 176, "{level}");
        assert_eq!([ctl.write("run"), ctl.write("step")], [Err(libc::EBUSY); 2], "{level}");
        let shown = ctl.client.ioctl(mem, PIOCSTATUS, 0).unwrap();
        assert_eq!((shown[0], shown[16]), (1, 0), "{level}: no event");
        other.write(theirs, PCRUN).unwrap();
        target.counts(16);
        ctl.write("detach").unwrap();
        // By an event.
        ctl.client.ioctl(mem, PIOCBIS, S_SIG).unwrap();
        kill(target.pid(), libc::SIGCONT);
        eventually("it stands", || ctl.client.ioctl(mem, PIOCSTATUS, 0).unwrap()[16] == 2);
        assert_eq!(status(), suspended, "{level}: by an event");
        ctl.client.ioctl(mem, PIOCBIC, u64::MAX).unwrap();
        ctl.client.ioctl(mem, PIOCCONT, 0).unwrap();
        target.counts(16);
        // Only theirs: who waits for any stop finds it.
        ctl.begin_wait();
        other.write(theirs, PCDSTOP).unwrap();
        assert_eq!(ctl.waited(), Ok(()), "{level}");
        assert_eq!(status(), requested, "{level}");
        assert_eq!(ctl.write("run"), Err(libc::EBUSY), "{level}");
        other.write(theirs, PCRUN).unwrap();
        target.counts(16);
        is_free(target.pid());
    }
}

/// Who traces is the parent, if the release is followed strictly.
#[test]
fn the_controller_in_status() {
    for (options, shown) in [("rw", false), ("strict", true)] {
        let (mount, target) = (at("10", options), Target::start("siglog", &[]));
        let ctl = Ctl::new(&mount, &target);
        let parent = || {
            let line = String::from_utf8(mount.read(target.pid(), "status").unwrap()).unwrap();
            line.split(' ').nth(2).unwrap().parse::<i32>().unwrap()
        };
        let own = std::process::id() as i32;
        assert_eq!(parent(), own);
        ctl.all(&["attach", "wait"]);
        assert_eq!(parent(), if shown { ctl.client.pid() } else { own }, "{options}");
        ctl.write("detach").unwrap();
        assert_eq!(parent(), own, "{options}");
    }
}

/// A job-control stop that is ended is not told of once more, however late its report comes.
#[test]
fn many_debuggers_at_once() {
    let mount = at("44b", "rw");
    let (debugger, nothing) = (bsd_program("debugger", 64), bsd_program("nothing", 64));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..15 {
                    let out = bounded(Command::new(&debugger).arg(mount.point()).arg(&nothing), PATIENCE);
                    assert!(out.status.success(), "{}: {}", out.status, String::from_utf8_lossy(&out.stderr));
                }
            });
        }
    });
}
