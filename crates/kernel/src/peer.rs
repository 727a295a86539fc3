//! Who is at the other end of a socket.

use crate::procfs::Proc;
use crate::{creds, namespaces, pidfd};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The process that has made the connection, or the pair of sockets.
#[derive(Debug)]
pub struct Peer {
    uid: u32,
    /// None if it cannot be seen from here, or has ended.
    proc: Option<Proc>,
}

impl Peer {
    /// That of a connected UNIX socket. EMFILE, ENFILE and ENOMEM: it cannot be looked at, wherever it is.
    pub fn of(socket: BorrowedFd) -> io::Result<Peer> {
        let mut who = libc::ucred { pid: 0, uid: 0, gid: 0 };
        option(socket, libc::SO_PEERCRED, &mut who)?;
        let proc = u32::try_from(who.pid).ok().filter(|pid| *pid != 0).map(Proc::open).transpose();
        let proc = proc.or_else(|e| if is_ours(&e) { Err(e) } else { Ok(None) })?;
        // The number was the peer's when the process was opened, if the peer lives afterwards.
        let lives = match pidfd_of(socket) {
            // Before Linux 6.5 nobody can tell.
            Err(e) if e.raw_os_error() == Some(libc::ENOPROTOOPT) => true,
            Err(e) if is_ours(&e) => return Err(e),
            fd => fd.is_ok_and(|fd| !pidfd::wait_exit(&fd, 0)),
        };
        Ok(Peer { uid: who.uid, proc: proc.filter(|_| lives) })
    }

    /// Effective user, in our user namespace.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// True if numbers of processes and users are to it, and to what it starts, what they are to us.
    pub fn is_at_home(&self) -> bool {
        self.proc.as_ref().is_some_and(|proc| namespaces::numbers_are_ours(proc.dir()))
    }

    /// True if it has the right to mount that we have. Of one that [`is_at_home`](Peer::is_at_home).
    pub fn may_mount_as_we(&self) -> bool {
        self.proc.as_ref().is_some_and(|proc| creds::mounts_as_we(proc.pid()))
    }
}

/// True for what says something about us, not about who is looked at.
fn is_ours(e: &io::Error) -> bool {
    matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM))
}

fn option<T>(socket: BorrowedFd, name: i32, value: &mut T) -> io::Result<()> {
    let mut size = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes no more than `size` bytes, which `value` has; both types asked for are plain data.
    let done = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, name, std::ptr::from_mut(value).cast(), &raw mut size)
    };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn pidfd_of(socket: BorrowedFd) -> io::Result<OwnedFd> {
    const SO_PEERPIDFD: i32 = 77;
    let mut fd = -1;
    option(socket, SO_PEERPIDFD, &mut fd)?;
    // SAFETY: the kernel has just made this descriptor and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn we_are_at_home() {
        let (socket, _other) = UnixStream::pair().unwrap();
        let peer = Peer::of(socket.as_fd()).unwrap();
        assert!(peer.is_at_home() && peer.may_mount_as_we());
        // SAFETY: geteuid cannot fail.
        assert_eq!(peer.uid(), unsafe { libc::geteuid() });
    }
}
