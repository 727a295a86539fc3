//! Links whose text is no path: stat(2) through them tells which namespace or socket it is.

use pfs_tests::{bounded, root, Client, Mount, Target, NOBODY, PATIENCE};
use std::net::TcpListener;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

/// What stat(1) says of what `path` leads to, and its exit code.
fn seen(path: &Path, format: &str) -> (String, Option<i32>) {
    let out = bounded(Command::new("stat").args(["-L", "-c", format]).arg(path), PATIENCE);
    (String::from_utf8_lossy(&out.stdout).trim().to_owned(), out.status.code())
}

#[test]
fn a_namespace_is_known_by_its_inode() {
    let (mount, target) = (Mount::new(), Target::start("count", &[]));
    let client = Client::new();
    for top in [format!("{}", target.pid()), format!("{0}/task/{0}", target.pid())] {
        let (ours, kernels) = (mount.point().join(&top).join("ns"), Path::new("/proc").join(&top).join("ns"));
        let names = client.list(&ours).unwrap();
        let names: Vec<&str> = names.iter().map(|(name, ..)| &name[..]).filter(|name| !name.starts_with('.')).collect();
        assert!(names.len() >= 8, "{names:?}");
        for name in names {
            let all = "%i %f %h %u %g %s %b %o";
            assert_eq!(seen(&ours.join(name), all), seen(&kernels.join(name), all), "{top}/ns/{name}");
            let text = client.read_link(&ours.join(name)).unwrap();
            assert_eq!(client.open(&ours.join(&text), libc::O_RDONLY), Err(libc::ENXIO), "{text}");
        }
        for name in ["net:[1]", "net:", ":", "net:[4026531840", "x"] {
            assert_eq!(client.stat(&ours.join(name)).err(), Some(libc::ENOENT), "{name}");
        }
    }
}

#[test]
fn a_socket_is_known_by_its_inode() {
    let (mount, client) = (Mount::new(), Client::new());
    let fds = mount.path(std::process::id() as i32, "fd");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let (unix, other) = UnixStream::pair().unwrap();
    let (pipe, _writer) = std::io::pipe().unwrap();
    // SAFETY: a new descriptor, owned by nobody else.
    let event = unsafe { OwnedFd::from_raw_fd(libc::eventfd(0, libc::EFD_CLOEXEC)) };
    let link = |fd: i32| fds.join(fd.to_string());
    for fd in [tcp.as_raw_fd(), unix.as_raw_fd(), other.as_raw_fd()] {
        let all = "%i %f %h %u %g %s %b %x";
        let kernels = seen(Path::new(&format!("/proc/{}/fd/{fd}", std::process::id())), all);
        assert_eq!(seen(&link(fd), all), kernels);
        assert_eq!(client.open(&link(fd), libc::O_RDWR), Err(libc::ENXIO));
        assert_eq!(client.access(&link(fd), libc::R_OK | libc::W_OK), Ok(()));
    }
    // By its name alone, when another link was looked at last; of two that have it, one is enough.
    let text = client.read_link(&link(unix.as_raw_fd())).unwrap();
    let copy: OwnedFd = unix.try_clone().unwrap().into();
    client.read_link(&link(tcp.as_raw_fd())).unwrap();
    let found = client.stat(&fds.join(&text)).unwrap();
    assert_eq!((found.mode & libc::S_IFMT, format!("socket:[{}]", found.ino)), (libc::S_IFSOCK, text.clone()));
    drop(unix);
    assert_eq!(client.stat(&fds.join(&text)).unwrap().ino, found.ino);
    drop(copy);
    assert_eq!(client.stat(&fds.join(&text)).err(), Some(libc::ENOENT));
    // What has no type shows as a regular file.
    let inode = seen(Path::new(&format!("/proc/{}/fd/{}", std::process::id(), event.as_raw_fd())), "%i %a").0;
    assert_eq!(seen(&link(event.as_raw_fd()), "%i %a %F").0, format!("{inode} regular empty file"));
    assert_eq!(client.open(&link(event.as_raw_fd()), libc::O_RDONLY), Err(libc::ENXIO));
    // To open it would be to wait for ever.
    assert_eq!(client.open(&link(pipe.as_raw_fd()), libc::O_RDONLY), Err(libc::ENOENT));
    let listed = client.list(&fds).unwrap();
    assert!(listed.iter().all(|(name, ..)| !name.contains(':')), "{listed:?}");
}

#[test]
fn who_may_not_read_the_link_finds_nothing_behind_it() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let (mine, his) = (Target::start("count", &[]), Target::start_as(NOBODY, "count", &[]));
    let (client, nobody) = (Client::new(), Client::of_user(NOBODY));
    let text = client.read_link(&mount.path(mine.pid(), "ns/net")).unwrap();
    let behind = |pid: i32| mount.path(pid, "ns").join(&text);
    assert!(client.stat(&behind(mine.pid())).is_ok() && client.stat(&behind(his.pid())).is_ok());
    assert!(nobody.stat(&behind(his.pid())).is_ok());
    assert_eq!(nobody.stat(&behind(mine.pid())).err(), Some(libc::EACCES));
    let unix = UnixStream::pair().unwrap();
    let fd = mount.path(std::process::id() as i32, &format!("fd/{}", unix.0.as_raw_fd()));
    let text = client.read_link(&fd).unwrap();
    assert!(client.stat(&fd.with_file_name(&text)).is_ok());
    assert_eq!(nobody.stat(&fd.with_file_name(&text)).err(), Some(libc::EACCES));
}

/// Programs that look for who is in a namespace, or has a socket.
#[test]
fn processes_are_found_by_namespace_and_by_socket() {
    if !root() {
        return;
    }
    let (mount, target) = (Mount::new(), Target::within("n", None, "count", &[]));
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, me) = (tcp.local_addr().unwrap().port(), std::process::id().to_string());
    let (_unix, inner) = (UnixStream::pair().unwrap(), target.inner().to_string());
    let over_proc = |script: &str| {
        let script = format!("mount --bind {} /proc && {script}", mount.point().display());
        let out = bounded(Command::new("unshare").args(["-m", "sh", "-c", &script]), PATIENCE);
        String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect::<Vec<String>>()
    };
    if over_proc("echo allowed").is_empty() {
        eprintln!("mount namespaces are refused here: nothing tested");
        return;
    }
    let found = over_proc(&format!("pgrep --ns {inner} --nslist net"));
    assert!(found.contains(&inner) && found.len() <= 2, "{found:?}");
    if !Path::new("/usr/bin/lsof").exists() {
        eprintln!("no lsof");
        return;
    }
    assert!(over_proc(&format!("lsof -nP -t -i :{port}")).contains(&me));
    assert!(over_proc(&format!("lsof -nP -t -a -U -p {me}")).contains(&me));
}
