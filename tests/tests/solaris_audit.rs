//! What a program sees that knows Solaris to the byte, apart from the messages: values, times, ways to open.

use pfs_tests::{bounded, solaris_program, Mount};
use std::process::Command;
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
    other_mounts own_link writers exec_by_another abort_in_a_sleep locks silent
}
