//! The control side of the flavour `solaris`, by programs in C that use it as a program for Solaris does, in both data models.

use pfs_tests::{bounded, solaris_program, Mount};
use std::process::Command;
use std::time::Duration;

/// Runs one case of `solaris/<program>.c`, as a 64-bit and as a 32-bit program.
#[track_caller]
fn holds(program: &str, case: &str) {
    for bits in [64, 32] {
        let mount = Mount::of("solaris", "rw");
        let mut command = Command::new(solaris_program(program, bits));
        command.arg(mount.point()).arg(case);
        let out = bounded(&mut command, Duration::from_secs(100));
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{program} {case}, {bits} bits: {}\n{said}", out.status);
    }
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
        pcshold pcstrace pcsfault pcsentry pcsexit pcset pcsreg pcsfpreg pcsvaddr pcnice pcread_pcwrite pcszone lwpctl
        systems;
}
