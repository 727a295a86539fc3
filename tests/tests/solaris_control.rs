//! The control side of the flavour `solaris`, by programs in C that use it as a program for Solaris does, in both data models.

use pfs_tests::{bounded, eventually, kill, root, solaris_program, thread_states, Mount, Target};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Runs one case of `solaris/<program>.c`, as a 64-bit and as a 32-bit program, with what `more` says of the mount.
#[track_caller]
fn holds_with(program: &str, case: &str, more: impl Fn(&Mount, u32) -> Option<PathBuf>) {
    // Each runs the other.
    let programs = [64, 32].map(|bits| (bits, solaris_program(program, bits)));
    for (bits, path) in programs {
        let mount = Mount::of("solaris", "rw");
        let mut command = Command::new(path);
        command.arg(mount.point()).arg(case).args(more(&mount, bits));
        let out = bounded(&mut command, Duration::from_secs(200));
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{program} {case}, {bits} bits: {}\n{said}", out.status);
    }
}

#[track_caller]
fn holds(program: &str, case: &str) {
    holds_with(program, case, |_, _| None);
}

macro_rules! cases {
    ($($program:ident: $($case:ident)*;)*) => { $(
        mod $program {
            $(
                #[test]
                fn $case() {
                    super::holds(stringify!($program), stringify!($case));
                }
            )*
        }
    )* };
}

cases! {
    messages: pcnull pcstop pcdstop pcwstop pcrun prcsig prcfault prstep prsabort prstop pccsig pcssig pckill pcunkill
        pcshold pcstrace pcsfault pcsentry pcsexit pcset pcsreg pcsfpreg pcsvaddr pcnice pcread_pcwrite to_oneself pcszone lwpctl
        systems;
    framing: several the_first_that_fails_ends_it what_is_no_message ways_to_write a_wait_is_broken_off usual_sequences;
    stops: a_stop_signal_stops_twice registers_in_job_control job_control_under_eyes an_ignored_signal_stops_if_traced a_blocked_signal_does_not_stop
        sigkill_never_stops a_fault_comes_before_its_signal signals_one_by_one a_sleeping_call_is_not_disturbed;
    lwps: ids_in_order a_synchronous_stop an_asynchronous_stop one_alone a_directive_is_taken_back at_its_end lwp_create
        nobody_escapes;
    opens: exclusive of_oneself stop_oneself run_on_last_close run_on_last_close_in_a_step kill_on_last_close neither
        a_writer_dies;
    forks: followed not_followed in_vfork in_vfork_alone execed exec_that_fails exits;
    polls: a_stop an_event an_end an_end_of_a_controlled_process an_lwp an_end_of_an_lwp edges;
    models: wide_and_narrow narrow_and_wide alike;
    causes: each;
    signals: each queued senders in_a_sleeping_call stepped_into_a_handler;
    truss: all_calls all_calls_asynchronously breakpoints;
}

mod setid {
    use pfs_tests::{copy_program, root, solaris_program, TempDir};
    use std::fs::{set_permissions, Permissions};
    use std::os::unix::fs::PermissionsExt;

    fn holds(case: &str) {
        if !root() {
            return;
        }
        let dir = TempDir::new();
        super::holds_with("setid", case, |_, bits| {
            let program = dir.path().join(format!("setid-{bits}"));
            copy_program(&solaris_program("setid", bits), &program);
            set_permissions(&program, Permissions::from_mode(0o4755)).unwrap();
            Some(program)
        });
    }

    #[test]
    fn stands_for_who_may() {
        holds("stands_for_who_may");
    }

    #[test]
    fn runs_when_the_dead_close() {
        holds("runs_when_the_dead_close");
    }

    #[test]
    fn nobody_writes() {
        holds("nobody_writes");
    }

    #[test]
    fn kill_on_last_close() {
        holds("kill_on_last_close");
    }

    #[test]
    fn a_long_write() {
        holds("a_long_write");
    }

    #[test]
    fn who_waits() {
        holds("who_waits");
    }

    #[test]
    fn one_may_still() {
        holds("one_may_still");
    }
}

mod beside {
    fn holds(case: &str) {
        super::holds_with("beside", case, |mount, _| Some(mount.beside("linux")));
    }

    #[test]
    fn suspended() {
        holds("suspended");
    }

    #[test]
    fn random_operations() {
        holds("random_operations");
    }
}

/// The page that it reads comes when it has been interrupted and runs another program, which might have more rights: into that nothing
/// is written.
#[test]
fn nothing_is_done_for_a_writer_who_has_given_up() {
    if !root() {
        return;
    }
    let (mount, mut hole) = (Mount::of("solaris", "rw"), Target::start("hole", &["later"]));
    let mut command = Command::new(solaris_program("given_up", 64));
    command.arg(mount.point()).arg("reads").args([hole.pid().to_string(), hole.numbers()[0].to_string()]);
    let mut writer = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    eventually("the page is asked for", || hole.word(2) == 1);
    kill(writer.id() as i32, libc::SIGUSR1);
    let mut line = String::new();
    BufReader::new(writer.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    hole.set(1, 1);
    eventually("it has come", || thread_states(mount.daemon()).iter().all(|(_, state)| *state != 'D'));
    // Whoever had waited for it has had his turn.
    for _ in 0..100 {
        mount.read(hole.pid(), "status").unwrap();
    }
    writer.stdin.take().unwrap().write_all(b"look\n").unwrap();
    assert!(writer.wait().unwrap().success());
    hole.go();
    kill(hole.pid(), libc::SIGKILL);
    hole.end();
}

/// The daemon is killed while a program works on four processes: they run on, and no signal is lost.
#[test]
fn processes_outlive_the_daemon() {
    outlive_the_daemon("in_all_work", 6);
}

/// The same while a process gets signals that it blocks, and another has its ids changed.
#[test]
fn masks_outlive_the_daemon() {
    outlive_the_daemon("in_signals_and_ids", 12);
}

/// The same while the lwps of a process are given other ids: what was begun is brought to its end.
#[test]
fn ids_are_those_of_all_lwps_when_the_daemon_is_killed() {
    outlive_the_daemon("in_ids", 24);
}

/// The same while pages of a process begin to be watched and cease to be, for which it makes descriptors for us.
#[test]
fn no_descriptor_outlives_the_daemon() {
    outlive_the_daemon("in_watching", 48);
}

fn outlive_the_daemon(case: &str, rounds: u64) {
    for (round, bits) in (0..rounds).zip([64, 32, 64].into_iter().cycle()) {
        let mount = Mount::of("solaris", "rw");
        let mut command = Command::new(solaris_program("killed", bits));
        command.arg(mount.point()).arg(case).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut client = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(client.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        // At different moments of its work.
        std::thread::sleep(Duration::from_micros(700 * round));
        mount.kill_daemon();
        let out = client.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{bits} bits: {}\n{said}", out.status);
    }
}
