//! The control protocol: garbage is refused, never believed, never fatal.

mod common;

use common::Bench;
use pfs::control::{decode, encode, Answer, BadLine, Conn, MountRequest, Request, LINE_LIMIT};
use pfs::mounts::Dev;
use proptest::prelude::*;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

fn request(dir: Vec<u8>) -> Request {
    Request::Mount(MountRequest {
        flavour: "linux".into(),
        dir: OsString::from_vec(dir).into(),
        dev: Dev { major: 0, minor: 7 },
        options: Default::default(),
    })
}

proptest! {
    #[test]
    fn bytes_never_panic(line in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode::<Request>(&line);
        let _ = decode::<Answer>(&line);
    }

    #[test]
    fn near_misses_never_panic(at in 0usize..80, byte: u8) {
        let mut line = encode(&request(b"/p".to_vec())).unwrap();
        line.pop();
        let at = at % line.len();
        line[at] = byte;
        let _ = decode::<Request>(&line);
    }

    #[test]
    fn any_path_survives(dir in proptest::collection::vec(1u8.., 1..100)) {
        let line = encode(&request(dir.clone())).unwrap();
        prop_assert_eq!(line.iter().filter(|&&b| b == b'\n').count(), 1);
        prop_assert_eq!(decode::<Request>(&line[..line.len() - 1]).unwrap(), request(dir));
    }
}

#[test]
fn another_version_is_named() {
    assert_eq!(decode::<Request>(br#"{"v":2,"op":"hello"}"#), Err(BadLine::Version(2)));
    let said = BadLine::Version(2).to_string();
    assert!(said.contains("version 2") && said.contains("this is 1"), "{said}");
    assert!(matches!(decode::<Request>(br#"{"op":"hello"}"#), Err(BadLine::Garbage(_))));
}

#[test]
fn a_line_too_long_is_not_sent() {
    assert!(encode(&request(vec![b'x'; LINE_LIMIT])).is_err());
}

#[test]
fn a_descriptor_travels_with_its_line() {
    let (a, b) = UnixStream::pair().unwrap();
    let (mut a, mut b) = (Conn::new(a, PATIENCE).unwrap(), Conn::new(b, PATIENCE).unwrap());
    let (mut near, far) = UnixStream::pair().unwrap();
    // Longer than one read of the receiver.
    let long = request(vec![b'd'; 10_000]);
    a.send(&long, Some(far.as_fd())).unwrap();
    drop(far);
    assert_eq!(b.receive::<Request>().unwrap(), Some(long));
    UnixStream::from(b.take_fd().unwrap()).write_all(b"here").unwrap();
    let mut said = String::new();
    near.read_to_string(&mut said).unwrap();
    assert_eq!(said, "here");
    assert!(b.take_fd().is_none());
}

#[test]
fn an_endless_line_is_refused() {
    let (mut a, b) = UnixStream::pair().unwrap();
    let writer = std::thread::spawn(move || while a.write_all(&[b'x'; 4096]).is_ok() {});
    let mut b = Conn::new(b, PATIENCE).unwrap();
    let said = b.receive::<Request>().unwrap_err().to_string();
    assert!(said.contains("longer than"), "{said}");
    drop(b);
    writer.join().unwrap();
}

#[test]
fn the_daemon_survives_garbage() {
    let bench = Bench::new();
    let dir = bench.dir("p");
    bench.run(&["mount", "p"]).ok();
    let socket = bench.runtime().join("control");
    for garbage in [
        &b"\n"[..],
        b"GET / HTTP/1.1\r\n\r\n",
        b"{\"v\":1,\"op\":\"mount\"}\n",
        b"{\"v\":99,\"op\":\"hello\"}\n",
        b"{\"v\":1,\"op\":\"end\",\"dev\":\"x\"}\n",
        b"\xff\xfe\n",
        &[[b'['; 5000].as_slice(), b"\n"].concat(),
    ] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.write_all(garbage).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = String::new();
        // A connection closed with unread bytes is reset: as good an end as any.
        let _ = stream.read_to_string(&mut said);
        assert!(said.is_empty() || said.contains("\"answer\":\"error\""), "{said}");
    }
    // Well formed, but without the descriptor it needs.
    let mut conn = Conn::new(UnixStream::connect(&socket).unwrap(), PATIENCE).unwrap();
    let said = conn.ask(&request(b"/p".to_vec()), None).unwrap_err().to_string();
    assert!(said.contains("without /dev/fuse"), "{said}");
    // With another one.
    let null = std::fs::File::open("/dev/null").unwrap();
    let said = conn.ask(&request(b"/p".to_vec()), Some(null.as_fd())).unwrap_err().to_string();
    assert!(said.contains("without /dev/fuse"), "{said}");
    assert!(bench.mounted(&dir));
    bench.run(&["umount", "p"]).ok();
}

/// Who may not mount has his descriptor from somebody else, who may be in other namespaces.
#[test]
fn root_without_capabilities_hands_no_mount_to_the_daemon() {
    const CLIENT: &str = "import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
socket.send_fds(s, [sys.argv[2].encode()], [os.open('/dev/fuse', os.O_RDWR)])
print(s.recv(9999))";
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let bench = Bench::new();
    bench.dir("p");
    bench.run(&["mount", "p"]).ok();
    let line = encode(&request(b"/q".to_vec())).unwrap();
    for (capabilities, expected) in [("-sys_admin", "without CAP_SYS_ADMIN"), ("+sys_admin", "mounted")] {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--bounding-set", capabilities, "--inh-caps", capabilities, "python3", "-c", CLIENT]);
        command.arg(bench.runtime().join("control")).arg(std::str::from_utf8(&line).unwrap());
        let out = command.output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout);
        assert!(said.contains(expected), "{said}{}", String::from_utf8_lossy(&out.stderr));
    }
}
