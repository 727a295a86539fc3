//! What a program sees that knows Solaris to the byte, apart from the messages: values, times, ways to open.

use pfs_tests::{bounded, eventually, solaris_program, Mount};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

#[track_caller]
fn holds(case: &str) {
    for bits in [64, 32] {
        let mount = Mount::of("solaris", "rw");
        let mut command = Command::new(solaris_program("audit", bits));
        let out = bounded(command.arg(mount.point()).arg(case), Duration::from_secs(200));
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{case}, {bits} bits: {}\n{said}", out.status);
    }
}

macro_rules! cases {
    ($($case:ident)*) => { $(
        #[test]
        fn $case() {
            holds(stringify!($case));
        }
    )* };
}

cases! {
    open_files classes nice_of_some accounting changes systems heap job_control exec_arguments time_of_map zeros
    other_mounts own_link writers exec_by_another abort_in_a_sleep end_of_a_sleep locks silent
    step_into_a_sleep step_from_a_call steps_through_calls again_alone signal_at_a_fault
    without_the_first by_an_lwp_that_ended sums contraries system_process who_runs directories listings psinfo_of_several impossible_registers
}

/// A program in the way of truss makes an agent, waits for its end and goes on.
#[test]
fn a_truss_with_an_agent() {
    let mount = Mount::of("solaris", "rw");
    for _ in 0..10 {
        let mut target = Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = target.id();
        let sleeps = || {
            std::fs::read_to_string(format!("/proc/{pid}/syscall"))
                .is_ok_and(|call| call.starts_with(&format!("{} ", libc::SYS_clock_nanosleep)))
        };
        eventually("the process sleeps", sleeps);
        let mut command = Command::new(solaris_program("compile_truss", 64));
        command.arg(mount.point()).arg(pid.to_string()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut truss = command.spawn().unwrap();
        let mut out = BufReader::new(truss.stdout.take().unwrap());
        let mut told = String::new();
        while !told.contains("pid by agent") && out.read_line(&mut told).unwrap() > 0 {}
        let end = Command::new("kill").arg(pid.to_string()).status().unwrap();
        assert!(end.success());
        out.read_to_string(&mut told).unwrap();
        let mut wrong = String::new();
        truss.stderr.take().unwrap().read_to_string(&mut wrong).unwrap();
        let status = truss.wait().unwrap();
        target.kill().unwrap();
        target.wait().unwrap();
        assert!(status.success(), "{status}\n{told}{wrong}");
        assert!(told.contains(&format!("pid by agent {pid}\n")) && told.contains("signal 15 "), "{told}{wrong}");
    }
}
