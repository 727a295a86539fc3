//! What a client sees that nobody keeps waiting.

mod common;

use common::{Mount, BIG, MANY, SMALL};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::sync::atomic::Ordering::SeqCst;

fn errno<T>(result: std::io::Result<T>) -> i32 {
    result.err().and_then(|e| e.raw_os_error()).unwrap_or(0)
}

#[test]
fn reads_and_offsets() {
    let m = Mount::new();
    assert_eq!(fs::read(m.path("small")).unwrap(), SMALL);
    let file = File::open(m.path("small")).unwrap();
    let mut buf = [0; 5];
    assert_eq!(file.read_at(&mut buf, 6).unwrap(), 5);
    assert_eq!(&buf, b"world");
    assert_eq!(file.read_at(&mut buf, 10).unwrap(), 2);
    assert_eq!(file.read_at(&mut buf, 12).unwrap(), 0);
    assert_eq!(file.read_at(&mut buf, 1 << 40).unwrap(), 0);
    let meta = fs::metadata(m.path("small")).unwrap();
    assert_eq!((meta.mode(), meta.mtime(), meta.mtime_nsec()), (0o100600, 5, 6));
    assert_eq!(m.sh("head -c 3 $M/small; wc -c <$M/small"), "hel12\n");
}

#[test]
fn big_reads_come_whole() {
    let m = Mount::new();
    let mut file = File::open(m.path("big")).unwrap();
    let all: Vec<u8> = (0..BIG).map(|i| (i % 251) as u8).collect();
    let mut buf = vec![0; 1 << 20];
    assert!(file.read(&mut buf).unwrap() >= (1 << 20) - 8192);
    file.seek(SeekFrom::Start(0)).unwrap();
    let mut got = vec![];
    file.read_to_end(&mut got).unwrap();
    assert!(got == all);
}

#[test]
fn directories() {
    let m = Mount::new();
    let names = |path| -> Vec<String> {
        fs::read_dir(m.path(path)).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    };
    let all = names("many");
    assert_eq!(all.len(), MANY);
    assert_eq!(all[4039], format!("entry-{:039}", 4039));
    assert_eq!(m.sh("ls -a $M/many | wc -l"), format!("{}\n", MANY + 2));
    assert!(m.sh("ls -la $M/many | tail -n 1").contains("entry-"));

    // One snapshot while reading; a new one after rewinddir.
    let c = std::ffi::CString::new(m.path("many").to_str().unwrap()).unwrap();
    let before = m.toy.readdirs.load(SeqCst);
    // SAFETY: a directory stream used by this thread alone.
    unsafe {
        let dir = libc::opendir(c.as_ptr());
        assert!(!dir.is_null());
        let count = || std::iter::from_fn(|| Some(libc::readdir(dir)).filter(|e| !e.is_null())).count();
        assert_eq!(count(), MANY + 2);
        assert_eq!(m.toy.readdirs.load(SeqCst), before + 1);
        libc::rewinddir(dir);
        assert_eq!(count(), MANY + 2);
        assert_eq!(m.toy.readdirs.load(SeqCst), before + 2);
        libc::closedir(dir);
    }
}

#[test]
fn writes_truncation_and_append() {
    let m = Mount::new();
    let sunk = || std::mem::take(&mut *m.toy.sunk.lock());
    let mut file = OpenOptions::new().write(true).open(m.path("sink")).unwrap();
    file.write_all(b"one").unwrap();
    file.write_all_at(b"two", 50).unwrap();
    assert_eq!(sunk(), [(0, b"one".to_vec()), (50, b"two".to_vec())]);
    m.sh("echo three >$M/sink");
    assert_eq!(sunk(), [(0, b"three\n".to_vec())]);
    assert_eq!(m.toy.set.lock().pop().unwrap().size, Some(0));
    m.sh("echo four >>$M/sink");
    assert_eq!(sunk(), [(100, b"four\n".to_vec())]);
    assert!(m.toy.set.lock().is_empty());
    file.write_all(&vec![7; 2 << 20]).unwrap();
    assert_eq!(sunk().iter().map(|(_, d)| d.len()).sum::<usize>(), 2 << 20);
    fs::set_permissions(m.path("sink"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(m.toy.set.lock().pop().unwrap().mode, Some(0o640));
    m.sh("chown 5:6 $M/sink; sync $M/sink");
    let set = m.toy.set.lock().pop().unwrap();
    assert_eq!((set.uid, set.gid), (Some(5), Some(6)));
}

#[test]
fn links() {
    let m = Mount::new();
    assert_eq!(fs::read_link(m.path("link")).unwrap().to_str(), Some("small"));
    assert_eq!(fs::read(m.path("link")).unwrap(), SMALL);
    assert_eq!(errno(fs::read_link(m.path("small"))), libc::EINVAL);
}

#[test]
fn nothing_can_be_made_or_removed() {
    let m = Mount::new();
    assert_eq!(errno(File::create(m.path("new"))), libc::ENOENT);
    assert_eq!(errno(fs::create_dir(m.path("new"))), libc::ENOENT);
    assert_eq!(errno(std::os::unix::fs::symlink("x", m.path("new"))), libc::ENOENT);
    assert_eq!(errno(fs::hard_link(m.path("small"), m.path("new"))), libc::ENOENT);
    assert_eq!(errno(fs::remove_file(m.path("small"))), libc::EPERM);
    assert_eq!(errno(fs::remove_dir(m.path("many"))), libc::EPERM);
    assert_eq!(errno(fs::rename(m.path("small"), m.path("new"))), libc::ENOENT);
    assert_eq!(errno(fs::rename(m.path("small"), m.path("sink"))), libc::EPERM);
    assert_eq!(errno(fs::metadata(m.path("none"))), libc::ENOENT);
    assert_eq!(errno(File::open(m.path("eaccess"))), libc::EACCES);
    // An existing file may be opened with O_CREAT, but not with O_EXCL.
    assert_eq!(errno(OpenOptions::new().create(true).append(true).open(m.path("sink"))), 0);
    assert_eq!(errno(OpenOptions::new().create_new(true).write(true).open(m.path("sink"))), libc::EEXIST);
    let tmp = OpenOptions::new().write(true).custom_flags(libc::O_TMPFILE).open(m.dir());
    assert_eq!(errno(tmp), libc::EOPNOTSUPP);
    assert_eq!(m.sh("stat -f -c '%s %l' $M; test -r $M/small"), "4096 255\n");
}

/// What the kernel says of an open file's path after another lookup of it: "(deleted)" if that gave another inode.
fn after_lookup(m: &Mount, name: &str) -> (bool, usize) {
    let file = File::open(m.path(name)).unwrap();
    let before = m.toy.lookups.load(SeqCst);
    fs::metadata(m.path(name)).unwrap();
    fs::metadata(m.path(name)).unwrap();
    let lookups = m.toy.lookups.load(SeqCst) - before;
    let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
    (path.to_str().unwrap().ends_with("(deleted)"), lookups)
}

#[test]
fn names_are_kept_as_asked() {
    let m = Mount::new();
    fs::metadata(m.path("name")).unwrap();
    let before = m.toy.attrs.load(SeqCst);
    let (_, lookups) = after_lookup(&m, "name");
    assert_eq!((lookups, m.toy.attrs.load(SeqCst) - before), (0, 2));
    assert_eq!(after_lookup(&m, "never"), (false, 2));
    let (new, lookups) = after_lookup(&m, "fresh");
    assert!(new && lookups >= 2);
    let ino = |name| fs::metadata(m.path(name)).unwrap().ino();
    assert_eq!(ino("fresh"), ino("fresh"));
    // A shell in a directory that is looked up each time still knows where it is.
    let said = m.sh("cd $M/neverdir; ls $M/neverdir >/dev/null; stat $M/neverdir >/dev/null; pwd -P; cat small");
    assert_eq!(said, format!("{}\nhello world\n", m.path("neverdir").display()));
}

#[test]
fn a_node_that_died_is_looked_up_again() {
    let m = Mount::new();
    assert_eq!(fs::read(m.path("reborn")).unwrap(), SMALL);
    let old = File::open(m.path("reborn")).unwrap();
    m.toy.reborn.fetch_add(1, SeqCst);
    assert_eq!(fs::metadata(m.path("reborn")).unwrap().len(), 0);
    assert_eq!(fs::read(m.path("reborn")).unwrap(), SMALL);
    assert_eq!(errno(old.metadata()), libc::ESTALE);
}

#[test]
fn a_panic_is_eio_and_nobody_is_stuck() {
    let m = Mount::new();
    for _ in 0..20 {
        assert_eq!(errno(fs::read(m.path("panic"))), libc::EIO);
        assert_eq!(errno(fs::write(m.path("panic"), "x")), libc::EIO);
        assert_eq!(errno(File::open(m.path("open-panic"))), libc::EIO);
    }
    assert_eq!(fs::read(m.path("small")).unwrap(), SMALL);
    assert_eq!(m.session().parked(), 0);
    // An errno the kernel would refuse.
    assert_eq!(errno(fs::read(m.path("badno"))), libc::EIO);
}

#[test]
fn ioctls() {
    let m = Mount::new();
    let file = File::open(m.path("io")).unwrap();
    let mut word = 0x0102_0304u32;
    // SAFETY: _IOWR('q', 3, u32) with a u32 behind it.
    unsafe {
        assert_eq!(libc::ioctl(file.as_raw_fd(), 0x7101, 42), 42);
        assert_eq!(libc::ioctl(file.as_raw_fd(), 0xc004_7103, &mut word), 3);
        assert_eq!(word, 0x0203_0405);
        let dir = File::open(m.path("many")).unwrap();
        assert_eq!(libc::ioctl(dir.as_raw_fd(), 0xc004_7103, &mut word), 3);
        assert_eq!(word, 0x0304_0506);
    }
}

#[test]
fn open_files_are_released() {
    let m = Mount::new();
    for _ in 0..100 {
        drop(File::open(m.path("small")).unwrap());
    }
    let until = std::time::Instant::now() + common::SOON;
    while m.toy.open.load(SeqCst) > 0 {
        assert!(std::time::Instant::now() < until);
        std::thread::yield_now();
    }
}

#[test]
fn many_threads_at_once() {
    let m = Mount::new();
    std::thread::scope(|s| {
        for t in 0..8 {
            let m = m.dir();
            s.spawn(move || {
                for i in 0..500 {
                    assert_eq!(fs::read(m.join("small")).unwrap(), SMALL);
                    assert_eq!(fs::read(m.join("fresh")).unwrap(), SMALL);
                    fs::metadata(m.join(format!("many/entry-{}", (i * t) % 700))).unwrap();
                }
            });
        }
    });
    assert_eq!(fs::read(m.path("neverdir/small")).unwrap(), SMALL);
    assert!(m.session().threads() <= 16, "{}", m.session().threads());
}
