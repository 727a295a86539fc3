//! Options of a socket.

use crate::{pidfd, thread};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Since Linux 6.5.
const SO_PEERPIDFD: i32 = 77;

/// A socket that another process has as well: looked at, never changed.
pub struct Socket(Option<OwnedFd>);

impl Socket {
    /// None if it is not the socket with this inode.
    pub fn of(fd: OwnedFd, inode: u64) -> Option<Socket> {
        let socket = Socket(Some(fd));
        // First whether it is a socket at all: to be asked for its inode, a file might need us.
        socket.number(libc::SOL_SOCKET, libc::SO_TYPE).ok()?;
        let found = socket.0.as_ref().and_then(|fd| pidfd::inode(fd).ok())?;
        (found == inode).then_some(socket)
    }

    /// The value of an option, cut to `N` bytes; and how many there are.
    pub fn option<const N: usize>(&self, level: i32, name: i32) -> io::Result<([u8; N], usize)> {
        let fd = self.0.as_ref().ok_or_else(|| io::Error::from_raw_os_error(libc::EBADF))?;
        let (mut value, mut size) = ([0; N], N as libc::socklen_t);
        // SAFETY: the kernel writes no more than `size` bytes, which `value` has, and no more than it says in `size`.
        let rc = unsafe {
            libc::getsockopt(fd.as_raw_fd(), level, name, value.as_mut_ptr().cast::<libc::c_void>(), &raw mut size)
        };
        match rc {
            0 => Ok((value, (size as usize).min(N))),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// An option that is a number.
    pub fn number(&self, level: i32, name: i32) -> io::Result<i32> {
        self.option::<4>(level, name).map(|(bytes, _)| i32::from_ne_bytes(bytes))
    }

    /// SO_PEERCRED: the process that made the other end, or listened there; 0 for none, or one that is not to be seen here. ESRCH
    /// if it has ended (before Linux 6.5 that is not told).
    pub fn peer_pid(&self) -> io::Result<i32> {
        let (b, _) = self.option::<12>(libc::SOL_SOCKET, libc::SO_PEERCRED)?;
        let gone = || io::Error::from_raw_os_error(libc::ESRCH);
        match self.number(libc::SOL_SOCKET, SO_PEERPIDFD) {
            Ok(fd) => {
                // SAFETY: the kernel has just made this descriptor for us, and nobody else knows of it.
                let fd = unsafe { OwnedFd::from_raw_fd(fd) };
                if pidfd::wait_exit(&fd, 0) {
                    return Err(gone());
                }
            }
            Err(e) if e.raw_os_error() == Some(libc::ENOPROTOOPT) => {}
            Err(_) => return Err(gone()),
        }
        Ok(i32::from_ne_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// The address of the other end, as getpeername(2) has it.
    pub fn peer_name(&self) -> io::Result<Vec<u8>> {
        let fd = self.0.as_ref().ok_or_else(|| io::Error::from_raw_os_error(libc::EBADF))?;
        let mut address = [0u8; 128];
        let mut size = address.len() as libc::socklen_t;
        // SAFETY: the kernel writes no more than `size` bytes, which `address` has; they have no other form than bytes.
        let rc = unsafe { libc::getpeername(fd.as_raw_fd(), address.as_mut_ptr().cast(), &raw mut size) };
        match rc {
            0 => Ok(address[..(size as usize).min(address.len())].to_vec()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// SO_LINGER: whether, and how many seconds.
    pub fn linger(&self) -> io::Result<(i32, i32)> {
        let (b, _) = self.option::<8>(libc::SOL_SOCKET, libc::SO_LINGER)?;
        Ok((i32::from_ne_bytes([b[0], b[1], b[2], b[3]]), i32::from_ne_bytes([b[4], b[5], b[6], b[7]])))
    }
}

impl Drop for Socket {
    /// If the process has closed it meanwhile, this close may take as long as it lingers: nobody is to wait for that.
    fn drop(&mut self) {
        let lingers = self.linger().is_ok_and(|(on, _)| on != 0);
        let fd = self.0.take();
        if lingers {
            let _ = thread::start("pfs-linger", 64 << 10, move || drop(fd));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn options_of_a_socket() {
        let listener = OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
        let inode = pidfd::inode(&listener).unwrap();
        assert!(Socket::of(listener.try_clone().unwrap(), inode + 1).is_none());
        let file = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        let inode_of_file = pidfd::inode(&file).unwrap();
        assert!(Socket::of(file, inode_of_file).is_none());
        let socket = Socket::of(listener, inode).unwrap();
        assert_eq!(socket.number(libc::SOL_SOCKET, libc::SO_ACCEPTCONN).unwrap(), 1);
        assert_eq!(socket.number(libc::SOL_SOCKET, libc::SO_TYPE).unwrap(), libc::SOCK_STREAM);
        assert_eq!(socket.linger().unwrap(), (0, 0));
        let (name, size) = socket.option::<16>(libc::IPPROTO_TCP, libc::TCP_CONGESTION).unwrap();
        assert!(size > 0 && name[0].is_ascii_lowercase());
        assert!(socket.number(libc::SOL_SOCKET, 12345).is_err());
    }
}
