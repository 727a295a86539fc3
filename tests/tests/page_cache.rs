//! What reads a file by way of the page cache gets nothing: a mapping, splice(2), sendfile(2).

use libc::{EFAULT, EINVAL, O_RDONLY, O_RDWR};
use pfs_tests::{Client, Mount, Target};

const WAYS: [(char, i32); 3] = [('s', EINVAL), ('f', EINVAL), ('m', EFAULT)];

#[test]
fn nobody_waits_for_an_event_in_the_page_cache() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    for (name, flags) in [("wait", O_RDONLY), ("seat", O_RDWR), ("ctl", O_RDWR)] {
        for (way, error) in WAYS {
            let fd = client.open(&mount.path(target.pid(), name), flags).unwrap();
            assert_eq!(client.cached(way, fd, 0), Err(error), "{name} {way}");
            client.close(fd);
        }
    }
    // A read is what it was.
    let seat = client.open(&mount.path(target.pid(), "seat"), O_RDWR).unwrap();
    client.write(seat, "trace sig +usr1\nusr1").unwrap();
    assert_eq!(client.events(seat, 1).len(), 1);
}

#[test]
fn memory_is_not_kept_in_the_page_cache() {
    let (mount, target, client) = (Mount::new(), Target::start("sled", &[]), Client::new());
    let fd = client.open(&mount.path(target.pid(), "mem"), O_RDWR).unwrap();
    let at = target.numbers()[0];
    let was = client.read_at(fd, at, 8).unwrap();
    // The kernel takes the end of the write for the size of the file, and what is below for content.
    assert_eq!(client.write_at(fd, at, &was), Ok(8));
    for (way, error) in WAYS {
        let from = if way == 'm' { at & !4095 } else { at };
        assert_eq!(client.cached(way, fd, from), Err(error), "{way}");
    }
    assert_eq!(client.read_at(fd, at, 8), Ok(was));
}

#[test]
fn a_file_has_no_holes_and_no_direct_io() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    for name in ["status", "comm", "holders", "mem"] {
        let path = mount.path(target.pid(), name);
        let file = std::fs::File::open(&path).unwrap();
        for whence in [libc::SEEK_DATA, libc::SEEK_HOLE] {
            // SAFETY: no memory is involved.
            let moved = unsafe { libc::lseek(std::os::fd::AsRawFd::as_raw_fd(&file), 0, whence) };
            let error = std::io::Error::last_os_error().raw_os_error();
            assert_eq!((moved, error), (-1, Some(EINVAL)), "{name}");
        }
        assert_eq!(client.open(&path, O_RDONLY | libc::O_DIRECT), Err(EINVAL), "{name}");
    }
}
