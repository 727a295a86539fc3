//! The frame that the kernel puts on the stack for a signal handler.

use kernel::procfs::{self, Proc};
use kernel::ptrace::{self, Tid};
use std::ffi::CString;
use std::os::fd::AsFd;

/// From the stack pointer at a handler's first instruction to the mask that its end brings back (`uc_sigmask` of the
/// `rt_sigframe` of x86-64, and of that of 32-bit programs whose handler has SA_SIGINFO).
const WIDE: u64 = 8 + 40 + 256;
const NARROW: u64 = 16 + 128 + 20 + 88;

/// Makes `mask` the one that comes back with the end of the handler at whose first instruction the thread stands. False if it
/// stands at no such place: what is on its stack there is no mask that differs by signals let through.
pub fn put_mask(proc: &Proc, tid: Tid, mask: u64) -> bool {
    let Ok(regs) = ptrace::user_regs(tid) else { return false };
    let at = regs.rsp.wrapping_add(if regs.cs == 0x23 { NARROW } else { WIDE });
    let path = CString::new(format!("task/{tid}/mem")).unwrap_or_default();
    let Ok(mem) = procfs::openat(proc.dir(), &path, libc::O_RDWR) else { return false };
    let saved =
        procfs::pread(mem.as_fd(), at, 8).ok().and_then(|b| <[u8; 8]>::try_from(b).ok()).map(u64::from_ne_bytes);
    let one_less = |saved: u64| saved & !mask == 0 && (mask & !saved).count_ones() == 1;
    saved.is_some_and(one_less) && procfs::pwrite(mem.as_fd(), at, &mask.to_ne_bytes()).is_ok_and(|n| n == 8)
}
