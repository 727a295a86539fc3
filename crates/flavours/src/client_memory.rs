//! The memory of a client that waits in a request.
//!
//! A request names its client by the number of a thread. Who is interrupted may run a set-id program by that number in the next moment,
//! or end and leave it to another. As long as its request is not answered it stands in its call and does neither: so what was opened
//! counts if the request was not answered by then. An open file of the kernel's stays with the address space it was opened for.

use crate::mapping;
use kernel::{procfs, thread};
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use tree::{Errno, Pending, Result};

const EFAULT: Errno = Errno(libc::EFAULT);

/// The address space from which a request was made, to be written.
pub struct ClientMemory {
    mem: OwnedFd,
    maps: OwnedFd,
}

impl ClientMemory {
    /// That of thread `tid`, which waits for the answer to `request`. EINTR if it waits no more.
    pub fn of<T>(tid: u32, request: &Pending<T>) -> Result<ClientMemory> {
        let open = |name: &str, flags| {
            let path = CString::new(format!("{tid}/{name}")).unwrap_or_default();
            procfs::openat(procfs::root(), &path, flags)
        };
        let opened = open("mem", libc::O_RDWR).and_then(|mem| Ok((mem, open("maps", libc::O_RDONLY)?)));
        waits(request)?;
        let (mem, maps) = opened?;
        Ok(ClientMemory { mem, maps })
    }

    /// EFAULT if the client itself could not write there: the kernel's file goes by no protection of pages.
    pub fn allows(&self, at: u64, size: u64) -> Result<()> {
        let end = at.saturating_add(size);
        let all = mapping::parse(&procfs::read_all(self.maps.as_fd())?);
        let mut there = all.iter().filter(|m| m.start < end && at < m.end);
        if there.all(|m| m.write) {
            Ok(())
        } else {
            Err(EFAULT)
        }
    }

    /// Writes; EFAULT unless all of it is there.
    pub fn write(&self, at: u64, bytes: &[u8]) -> Result<()> {
        match procfs::pwrite(self.mem.as_fd(), at, bytes).map_err(fault)? {
            n if n == bytes.len() => Ok(()),
            _ => Err(EFAULT),
        }
    }
}

/// Reads memory of thread `tid`, which waits for the answer to `request`. EFAULT unless all of it is there; EINTR if it waits no more:
/// then it may be another's.
pub fn read<T>(tid: u32, at: u64, size: usize, request: &Pending<T>) -> Result<Vec<u8>> {
    let bytes = thread::read_memory(tid as i32, at, size)?;
    waits(request)?;
    Ok(bytes)
}

fn fault(e: std::io::Error) -> Errno {
    match e.raw_os_error() {
        Some(libc::EIO) => EFAULT,
        _ => e.into(),
    }
}

/// EINTR if the request was answered, as one is whose client was interrupted: nothing more is done for it.
pub fn waits<T>(request: &Pending<T>) -> Result<()> {
    if request.is_over() {
        Err(Errno(libc::EINTR))
    } else {
        Ok(())
    }
}
