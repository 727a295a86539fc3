//! Host names.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// The host name in a UTS namespace, by an open `ns/uts` of /proc. A thread of its own enters it, which takes CAP_SYS_ADMIN.
pub fn name_in(namespace: OwnedFd) -> io::Result<Vec<u8>> {
    let thread = std::thread::Builder::new().name("pfs-host".into()).stack_size(64 << 10).spawn(move || {
        // SAFETY: no pointers; only this thread changes its namespace, and ends.
        if unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWUTS) } != 0 {
            return Err(io::Error::last_os_error());
        }
        own_name()
    })?;
    thread.join().map_err(|_| io::Error::from_raw_os_error(libc::EIO))?
}

/// The host name that this thread sees.
fn own_name() -> io::Result<Vec<u8>> {
    // SAFETY: all-zero is a valid utsname.
    let mut names: libc::utsname = unsafe { std::mem::zeroed() };
    // SAFETY: `names` lives through the call.
    if unsafe { libc::uname(&mut names) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let bytes = names.nodename.map(|c| c as u8);
    Ok(CStr::from_bytes_until_nul(&bytes).unwrap_or_default().to_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procfs;

    #[test]
    fn our_own_name() {
        let namespace = procfs::openat(procfs::root(), c"thread-self/ns/uts", libc::O_RDONLY).unwrap();
        match name_in(namespace) {
            Ok(name) => assert_eq!(name, own_name().unwrap()),
            Err(e) => assert_eq!(e.raw_os_error(), Some(libc::EPERM)),
        }
    }
}
