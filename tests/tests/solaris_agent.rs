//! The flavour `solaris`: the agent lwp, extended registers, ids and dispositions, by programs in C in both data models.

use pfs_tests::{bounded, pfs_binary, solaris_program, Mount};
use std::process::Command;
use std::time::Duration;

/// Runs one case of `solaris/<program>.c`.
#[track_caller]
fn run(mount: &Mount, program: &str, bits: u32, case: &[&str]) {
    let mut command = Command::new(solaris_program(program, bits));
    command.arg(mount.point()).args(case);
    let out = bounded(&mut command, Duration::from_secs(220));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{program} {case:?}, {bits} bits: {}\n{said}", out.status);
}

/// As a 64-bit and as a 32-bit program.
#[track_caller]
fn holds(program: &str, case: &[&str]) {
    for bits in [64, 32] {
        run(&Mount::of("solaris", "rw"), program, bits, case);
    }
}

macro_rules! cases {
    ($($program:ident: $($case:ident)*;)*) => { $(
        mod $program {
            $(
                #[test]
                fn $case() {
                    super::holds(stringify!($program), &[stringify!($case)]);
                }
            )*
        }
    )* };
}

cases! {
    agent: made calling forbidden left jobs undisturbed killed many;
    xregs: values wrong;
    ids: given refused taken_back privileges;
    actions: current all_of_them;
}

#[test]
fn wide_registers_of_a_32_bit_process() {
    let other = solaris_program("xregs", 32);
    run(&Mount::of("solaris", "rw"), "xregs", 64, &["others", other.to_str().unwrap()]);
}

/// The daemon is killed while a process has an agent: the agent disappears, and nobody else notices.
fn orphaned(how: &str) {
    for bits in [64, 32] {
        let mount = Mount::of("solaris", "rw");
        run(&mount, "agent", bits, &["orphaned", &mount.daemon().to_string(), how]);
    }
}

#[test]
fn an_agent_that_stands_ends_with_the_daemon() {
    orphaned("stands");
}

#[test]
fn an_agent_that_sleeps_ends_with_the_daemon() {
    orphaned("sleeps");
}

#[test]
fn an_agent_at_the_entry_of_a_call_ends_with_the_daemon() {
    orphaned("entry");
}

#[test]
fn agents_that_are_being_made_end_with_the_daemon() {
    for i in 0..60 {
        let mount = Mount::of("solaris", "rw");
        let bits = if i % 2 == 0 { 64 } else { 32 };
        run(&mount, "agent", bits, &["orphaned", &mount.daemon().to_string(), "often", &(i * 7).to_string()]);
    }
}

#[test]
fn an_agent_ends_with_the_file_system() {
    for how in ["stands", "runs"] {
        for bits in [64, 32] {
            let mount = Mount::of("solaris", "rw");
            let umount = pfs_binary().to_str().unwrap();
            let point = mount.point().to_str().unwrap();
            let runtime = format!("PFS_RUNTIME_DIR={}", mount.point().with_file_name("run").display());
            run(&mount, "agent", bits, &["unmounted", how, "/usr/bin/env", &runtime, umount, "umount", point]);
        }
    }
}
