//! Sockets: addresses, found by inode in the tables of the process's own network namespace, and options. Addresses have the form and family
//! numbers of Solaris: `AF_UNIX` 1, `AF_INET` 2, `AF_INET6` 26.

use super::about::About;
use abi::solaris::fdinfo::Item;
use abi::solaris::numbers::{
    socket_type_out, PR_SO_ACCEPTCONN, PR_SO_BROADCAST, PR_SO_DEBUG, PR_SO_DONTROUTE, PR_SO_KEEPALIVE, PR_SO_OOBINLINE,
    PR_SO_REUSEADDR, PR_SO_REUSEPORT,
};
use kernel::pidfd;
use kernel::socket::Socket;

const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 26;

/// Tables of Internet sockets, which are all written alike, and the type of socket they have (Linux's number).
const TABLES: &[(&str, i32)] = &[
    ("net/tcp", libc::SOCK_STREAM),
    ("net/tcp6", libc::SOCK_STREAM),
    ("net/udp", libc::SOCK_DGRAM),
    ("net/udp6", libc::SOCK_DGRAM),
    ("net/raw", libc::SOCK_RAW),
    ("net/raw6", libc::SOCK_RAW),
];

/// Options that are on or off, and their bits.
const SWITCHES: &[(i32, u32)] = &[
    (libc::SO_DEBUG, PR_SO_DEBUG),
    (libc::SO_REUSEADDR, PR_SO_REUSEADDR),
    (libc::SO_REUSEPORT, PR_SO_REUSEPORT),
    (libc::SO_KEEPALIVE, PR_SO_KEEPALIVE),
    (libc::SO_DONTROUTE, PR_SO_DONTROUTE),
    (libc::SO_BROADCAST, PR_SO_BROADCAST),
    (libc::SO_OOBINLINE, PR_SO_OOBINLINE),
    (libc::SO_ACCEPTCONN, PR_SO_ACCEPTCONN),
];

/// What there is to know of the socket with this inode, which is descriptor `fd`; and the number of the process that has made the
/// other end, if the kernel keeps it (of AF_UNIX).
pub fn items(about: &About, fd: u32, inode: u64) -> (Vec<Item>, Option<i32>) {
    let mut items = named(about, inode);
    let Some(socket) = socket(about, fd, inode) else { return (items, None) };
    if let Ok(options) = options(&socket) {
        items.retain(|item| matches!(item, Item::Name(_) | Item::PeerName(_)));
        items.extend(unix_peer_name(&socket));
        items.extend(options);
    }
    let listens = socket.number(libc::SOL_SOCKET, libc::SO_ACCEPTCONN).is_ok_and(|on| on != 0);
    // One that listens has its own.
    (items, socket.peer_pid().ok().filter(|pid| *pid > 0 && !listens))
}

/// The name of the other end, as the table has those of this one.
fn unix_peer_name(socket: &Socket) -> Option<Item> {
    let address = socket.peer_name().ok()?;
    let (family, path) = address.split_first_chunk()?;
    if i32::from(u16::from_ne_bytes(*family)) != libc::AF_UNIX || path.is_empty() {
        return None;
    }
    let path = match path[0] {
        0 => path.iter().map(|b| if *b == 0 { b'@' } else { *b }).collect(),
        _ => path.split(|b| *b == 0).next().unwrap_or_default().to_vec(),
    };
    Some(Item::PeerName([&AF_UNIX.to_le_bytes()[..], &path, &[0]].concat()))
}

/// The socket itself, if the caller may have it, and if the descriptor is that socket still.
fn socket(about: &About, fd: u32, inode: u64) -> Option<Socket> {
    let proc = &about.target.proc;
    let pidfd = proc.pidfd().ok()?;
    let take = || pidfd::take(&pidfd, i32::try_from(fd).unwrap_or(-1));
    let taken = about.caller.creds().ok()?.act_really_on(proc, take).ok()?;
    Socket::of(taken, inode)
}

fn options(socket: &Socket) -> std::io::Result<Vec<Item>> {
    let number = |name: i32| socket.number(libc::SOL_SOCKET, name);
    let on = |name: &i32| number(*name).is_ok_and(|value| value != 0);
    let bits = SWITCHES.iter().filter(|(name, _)| on(name)).fold(0, |all, (_, bit)| all | bit);
    let mut items: Vec<Item> = (bits != 0).then_some(Item::Options(bits)).into_iter().collect();
    items.extend(socket_type_out(number(libc::SO_TYPE)?).map(Item::Type));
    let (lingers, seconds) = socket.linger()?;
    items.extend((lingers != 0).then_some(Item::Linger(lingers, seconds)));
    items.push(Item::SendBuffer(number(libc::SO_SNDBUF)?));
    items.push(Item::ReceiveBuffer(number(libc::SO_RCVBUF)?));
    if number(libc::SO_PROTOCOL)? == libc::IPPROTO_TCP {
        let (name, size) = socket.option::<16>(libc::IPPROTO_TCP, libc::TCP_CONGESTION)?;
        let name = name[..size].split(|b| *b == 0).next().unwrap_or_default().to_vec();
        items.push(Item::Congestion(name));
    }
    Ok(items)
}

/// What the tables say of it: names, type, whether it listens. Nothing if it is in none of them.
fn named(about: &About, inode: u64) -> Vec<Item> {
    let unix = about.read(b"net/unix").unwrap_or_default();
    if let Some(items) = lines(&unix).find_map(|words| of_unix(&words, inode)) {
        return items;
    }
    let find = |(name, kind): &(&str, i32)| {
        let table = about.read(name.as_bytes()).unwrap_or_default();
        let found = lines(&table).find_map(|words| of_internet(&words, inode, *kind));
        found
    };
    TABLES.iter().find_map(find).unwrap_or_default()
}

fn lines(table: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    table.split(|b| *b == b'\n').map(|line| line.split(|b| *b == b' ').filter(|w| !w.is_empty()).collect())
}

fn is(word: Option<&&[u8]>, inode: u64) -> bool {
    word.and_then(|w| std::str::from_utf8(w).ok()?.parse::<u64>().ok()) == Some(inode)
}

fn hex(word: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()
}

/// `num: refs protocol flags type state inode path`
fn of_unix(words: &[&[u8]], inode: u64) -> Option<Vec<Item>> {
    const LISTENS: u32 = 0x1_0000;
    if !is(words.get(6), inode) {
        return None;
    }
    let mut items = Vec::new();
    if let Some(path) = words.get(7..).filter(|w| !w.is_empty()) {
        let path = path.join(&b' ');
        items.push(Item::Name([&AF_UNIX.to_le_bytes()[..], &path, &[0]].concat()));
    }
    if hex(words[3]).is_some_and(|flags| flags & LISTENS != 0) {
        items.push(Item::Options(PR_SO_ACCEPTCONN));
    }
    items.extend(hex(words[4]).and_then(|kind| socket_type_out(kind as i32)).map(Item::Type));
    Some(items)
}

/// `n: local:port remote:port state queues timer retransmits uid timeout inode …`
fn of_internet(words: &[&[u8]], inode: u64, kind: i32) -> Option<Vec<Item>> {
    const LISTENS: u32 = 10;
    if !is(words.get(9), inode) {
        return None;
    }
    let mut items = Vec::new();
    let (local, _) = address(words[1])?;
    items.push(Item::Name(local));
    if let Some((peer, true)) = address(words[2]) {
        items.push(Item::PeerName(peer));
    }
    if kind == libc::SOCK_STREAM && hex(words[3]) == Some(LISTENS) {
        items.push(Item::Options(PR_SO_ACCEPTCONN));
    }
    items.extend(socket_type_out(kind).map(Item::Type));
    Some(items)
}

/// A `sockaddr_in` or `sockaddr_in6` from `address:port`, each word of the address as the kernel has it in memory; and whether it
/// names anything.
fn address(text: &[u8]) -> Option<(Vec<u8>, bool)> {
    let colon = text.iter().position(|b| *b == b':')?;
    let (host, port) = (&text[..colon], hex(&text[colon + 1..])? as u16);
    let mut bytes = Vec::new();
    for word in host.chunks(8) {
        bytes.extend(hex(word)?.to_ne_bytes());
    }
    let named = port != 0 || bytes.iter().any(|b| *b != 0);
    let out = match bytes.len() {
        4 => [&AF_INET.to_le_bytes()[..], &port.to_be_bytes(), &bytes, &[0; 8]].concat(),
        // Flow, address, scope, source.
        16 => [&AF_INET6.to_le_bytes()[..], &port.to_be_bytes(), &[0; 4], &bytes, &[0; 8]].concat(),
        _ => return None,
    };
    Some((out, named))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &[u8] =
        b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        \x20  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 77 1 0 100\n\
        \x20  1: 0100007F:1F90 0200007F:0050 01 00000000:00000000 00:00000000 00000000  1000        0 78 1 0 100\n";
    const UNIX: &[u8] = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
        0000000000000000: 00000002 00000000 00010000 0001 01    79 /run/a b\n\
        0000000000000000: 00000002 00000000 00000000 0002 01    80\n";

    #[test]
    fn tables_of_sockets() {
        let tcp = |inode| lines(TCP).find_map(|w| of_internet(&w, inode, libc::SOCK_STREAM)).unwrap_or_default();
        let local = b"\x02\0\x1f\x90\x7f\0\0\x01\0\0\0\0\0\0\0\0".to_vec();
        let peer = b"\x02\0\0\x50\x7f\0\0\x02\0\0\0\0\0\0\0\0".to_vec();
        assert_eq!(tcp(77), [Item::Name(local.clone()), Item::Options(PR_SO_ACCEPTCONN), Item::Type(2)]);
        assert_eq!(tcp(78), [Item::Name(local), Item::PeerName(peer), Item::Type(2)]);
        assert_eq!(tcp(1), []);
        let unix = |inode| lines(UNIX).find_map(|w| of_unix(&w, inode)).unwrap_or_default();
        assert_eq!(
            unix(79),
            [Item::Name(b"\x01\0/run/a b\0".to_vec()), Item::Options(PR_SO_ACCEPTCONN), Item::Type(2)]
        );
        assert_eq!(unix(80), [Item::Type(1)]);
        let (six, named) = address(b"00000000000000000000000001000000:0016").unwrap();
        assert_eq!((six.len(), &six[..4], six[23], named), (32, &[26, 0, 0, 22][..], 1, true));
        for table in [TCP, UNIX] {
            for cut in 0..table.len() {
                lines(&table[..cut]).for_each(|w| drop((of_unix(&w, 79), of_internet(&w, 77, 1))));
            }
        }
    }
}
