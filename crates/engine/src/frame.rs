//! The frame that the kernel puts on the stack for a signal handler.

use kernel::procfs::{self, Proc};
use kernel::ptrace::{self, Tid};
use std::ffi::CString;
use std::os::fd::AsFd;

/// Where the two halves of the mask are that comes back with the end of a handler, from the stack pointer at its first instruction:
/// `uc_sigmask` of the `rt_sigframe` of x86-64; the same of a 32-bit program whose handler has SA_SIGINFO; `oldmask` and
/// `extramask` of the `sigframe` of one that has not.
const WIDE: [u64; 2] = [8 + 40 + 256, 8 + 40 + 256 + 4];
const NARROW: [u64; 2] = [16 + 128 + 20 + 88, 16 + 128 + 20 + 88 + 4];
const PLAIN: [u64; 2] = [8 + 80, 8 + 88 + 624];

/// Bytes from the stack pointer on in which all of them lie.
pub const ROOM: u64 = 1024;

/// Makes `mask` the one that comes back with the end of the handler at whose first instruction the thread stands. False if it
/// stands at no such place: what is on its stack there is no mask that lets one signal more through.
pub fn put_mask(proc: &Proc, tid: Tid, mask: u64) -> bool {
    let Ok(regs) = ptrace::user_regs(tid) else { return false };
    let path = CString::new(format!("task/{tid}/mem")).unwrap_or_default();
    let Ok(mem) = procfs::openat(proc.dir(), &path, libc::O_RDWR) else { return false };
    let word = |at: u64| {
        let bytes = procfs::pread(mem.as_fd(), regs.rsp.wrapping_add(at), 4).ok()?;
        Some(u32::from_ne_bytes(bytes.try_into().ok()?))
    };
    // The arguments of a handler with SA_SIGINFO lie in the frame, and so does what they point to.
    let with_info = || word(8) == Some((regs.rsp as u32).wrapping_add(16));
    let [low, high] = match regs.cs {
        0x23 if with_info() => NARROW,
        0x23 => PLAIN,
        _ => WIDE,
    };
    let (Some(l), Some(h)) = (word(low), word(high)) else { return false };
    let saved = u64::from(l) | u64::from(h) << 32;
    if saved & !mask != 0 || (mask & !saved).count_ones() != 1 {
        return false;
    }
    let put = |(at, half): (u64, u32)| {
        procfs::pwrite(mem.as_fd(), regs.rsp.wrapping_add(at), &half.to_ne_bytes()).is_ok_and(|n| n == 4)
    };
    [(low, mask as u32), (high, (mask >> 32) as u32)].into_iter().all(put)
}
