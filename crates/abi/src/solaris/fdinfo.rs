//! What there is to know of an open descriptor.

use super::numbers::*;
use super::record::{record, Char, Chars, Filler, Int, Offset, Short, Uint, U64};
use super::Model;

record! {
    /// Start of `fdinfo/<n>`. What is unknown is -1 in `pr_uid`, `pr_gid`, `pr_size`, `pr_offset`, `pr_lockpid`,
    /// `pr_locksysid` and `pr_peerpid`, and `F_UNLCK` in `pr_locktype`: [`PrFdInfo::unknown`].
    pub struct PrFdInfo = "prfdinfo_t" {
        pr_fd: Int, "Descriptor.";
        pr_mode: Uint, "Type and permissions, as stat(2) gives them.";
        pr_ino: U64, "Inode.";
        pr_size, pr_offset: Offset, "Size; file offset.";
        pr_uid, pr_gid: Uint, "Owner; group.";
        pr_major, pr_minor, pr_rmajor, pr_rminor: Uint, "Device it is on; device it is.";
        pr_fileflags, pr_fdflags: Int, "Flags it was opened with; 1 if it is closed on exec.";
        pr_locktype: Short, "Type of a record lock: 1 for reading, 2 for writing, 3 none.";
        pr_lockpid, pr_locksysid: Int, "Process and system that hold the lock.";
        pr_peerpid: Int, "Process at the other end.";
        pr_filler: Filler<Int, 25, 25>, "Zero.";
        pr_peername: Chars<16>, "Name of the process at the other end.";
        pr_misc: Filler<Char, 0, 0>, "Here the [`Item`]s begin.";
    }
}

/// A record behind a `prfdinfo_t`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Path, without NUL.
    Path(Vec<u8>),
    /// Local `sockaddr`.
    Name(Vec<u8>),
    /// `sockaddr` of the peer.
    PeerName(Vec<u8>),
    /// Socket options that are on, bits [`SOCKOPTS`].
    Options(u32),
    /// `struct linger`: whether, and how many seconds.
    Linger(i32, i32),
    /// Bytes of the send buffer.
    SendBuffer(i32),
    /// Bytes of the receive buffer.
    ReceiveBuffer(i32),
    /// Next hop of IPv4, as in the packet.
    NextHop([u8; 4]),
    /// Next hop of IPv6.
    NextHop6([u8; 16]),
    /// Type of the socket: [`SOCKET_TYPES`].
    Type(i32),
    /// Name of the TCP congestion algorithm, without NUL.
    Congestion(Vec<u8>),
}

impl PrFdInfo {
    /// Descriptor `fd`, of which nothing else is known.
    pub fn unknown(fd: i32) -> PrFdInfo {
        PrFdInfo {
            pr_fd: fd,
            pr_size: -1,
            pr_offset: -1,
            pr_uid: u32::MAX,
            pr_gid: u32::MAX,
            pr_locktype: F_UNLCK,
            pr_lockpid: -1,
            pr_locksysid: -1,
            pr_peerpid: -1,
            ..PrFdInfo::default()
        }
    }

    /// The file: the items follow `pr_peername` at once, without the padding that LP64 has at the end of the structure.
    pub fn file(&self, model: Model, items: &[Item]) -> Vec<u8> {
        let mut out = self.bytes(model);
        out.truncate(PRFDINFO_ITEMS);
        for item in items {
            let (kind, payload) = item.parts();
            let size = 8 + payload.len().next_multiple_of(4);
            let end = out.len() + size;
            out.extend((size as u32).to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend(payload);
            out.resize(end, 0);
        }
        out.extend(0u32.to_le_bytes());
        out.extend(PR_TYPE_END.to_le_bytes());
        out
    }
}

impl Item {
    fn parts(&self) -> (u32, Vec<u8>) {
        let int = |n: &i32| n.to_le_bytes().to_vec();
        let string = |s: &[u8]| [s, &[0]].concat();
        match self {
            Item::Path(path) => (PR_PATHNAME, string(path)),
            Item::Name(addr) => (PR_SOCKETNAME, addr.clone()),
            Item::PeerName(addr) => (PR_PEERSOCKNAME, addr.clone()),
            Item::Options(bits) => (PR_SOCKOPTS_BOOL_OPTS, bits.to_le_bytes().to_vec()),
            Item::Linger(on, seconds) => (PR_SOCKOPT_LINGER, [on.to_le_bytes(), seconds.to_le_bytes()].concat()),
            Item::SendBuffer(n) => (PR_SOCKOPT_SNDBUF, int(n)),
            Item::ReceiveBuffer(n) => (PR_SOCKOPT_RCVBUF, int(n)),
            Item::NextHop(addr) => (PR_SOCKOPT_IP_NEXTHOP, addr.to_vec()),
            Item::NextHop6(addr) => (PR_SOCKOPT_IPV6_NEXTHOP, addr.to_vec()),
            Item::Type(n) => (PR_SOCKOPT_TYPE, int(n)),
            Item::Congestion(name) => (PR_SOCKOPT_TCP_CONGESTION, string(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_follow_the_name_of_the_peer() {
        for model in Model::ALL {
            let file = PrFdInfo::unknown(3).file(model, &[Item::Path(b"/etc".to_vec()), Item::Linger(1, 9)]);
            assert_eq!(
                file[196..],
                *b"\x10\0\0\0\0\0\0\0/etc\0\0\0\0\x10\0\0\0\x04\0\0\0\x01\0\0\0\x09\0\0\0\0\0\0\0\xff\xff\xff\xff"
            );
            assert_eq!(file[16..24], [0xff; 8]);
        }
    }
}
