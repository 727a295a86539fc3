//! Opens that are to be the only ones for writing.

use kernel::procfs::{self, InCall};
use std::ffi::CString;
use tree::Caller;

/// True if the caller, who waits in an open, asks for O_EXCL. FUSE does not pass that on; the kernel shows the arguments of the
/// call a thread sleeps in. Of openat2(2) it shows an address only, and of an io_uring nothing: not exclusive.
pub fn is_exclusive(caller: &Caller) -> bool {
    let path = CString::new(format!("{}/syscall", caller.tid)).unwrap_or_default();
    let text = procfs::read_at(procfs::root(), &path).unwrap_or_default();
    // In both tables: no number of one means another open in the other.
    let flags = match InCall::parse(&text) {
        Some(InCall { nr: 2 | 5, args, .. }) => args[1],
        Some(InCall { nr: 257 | 295, args, .. }) => args[2],
        _ => 0,
    };
    flags & libc::O_EXCL as u64 != 0
}
