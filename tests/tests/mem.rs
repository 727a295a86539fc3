//! The address space: reads and writes at offsets, faults, and the end of an image.

use pfs_tests::{eventually, Client, Mount, Target};
use std::path::Path;

#[test]
fn text_is_read_and_written_at_its_address() {
    let (mount, target, client) = (Mount::new(), Target::start("sled", &[]), Client::new());
    let mem = client.open(&mount.path(target.pid(), "mem"), libc::O_RDWR).unwrap();
    let sled = target.numbers()[0];
    assert_eq!(client.read_at(mem, sled, 200).unwrap(), vec![0x90; 200]);
    // Two bytes that do nothing, in the place of two nops, in a page that nobody may write.
    assert_eq!(client.write_at(mem, sled + 10, &[0x66, 0x90]), Ok(2));
    assert_eq!(client.read_at(mem, sled + 9, 4).unwrap(), [0x90, 0x66, 0x90, 0x90]);
    target.counts(0);
    // Neither the file nor another process of it is changed.
    let twin = Target::of(Path::new(&format!("/proc/{}/exe", target.pid())), &[], None);
    let path = mount.path(twin.pid(), "mem");
    let mem = client.open(&path, libc::O_RDONLY).unwrap();
    assert_eq!(client.read_at(mem, twin.numbers()[0], 200).unwrap(), vec![0x90; 200]);
}

#[test]
fn a_hole_is_a_short_count_and_then_a_fault() {
    let (mount, target, client) = (Mount::new(), Target::start("sled", &[]), Client::new());
    let mem = client.open(&mount.path(target.pid(), "mem"), libc::O_RDWR).unwrap();
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", target.pid())).unwrap();
    let range = |line: &str| {
        let (from, rest) = line.split_once('-').unwrap();
        let hex = |text: &str| u64::from_str_radix(text, 16).unwrap();
        (hex(from), hex(rest.split(' ').next().unwrap()))
    };
    let ranges: Vec<(u64, u64)> = maps.lines().filter(|l| !l.contains("[v")).map(range).collect();
    let stack = range(maps.lines().find(|l| l.ends_with("[stack]")).unwrap());
    assert!(ranges.iter().all(|r| r.0 != stack.1));
    assert_eq!(client.read_at(mem, stack.1 - 100, 4096).unwrap().len(), 100);
    assert_eq!(client.read_at(mem, stack.1, 4096), Err(libc::EFAULT));
    assert_eq!(client.write_at(mem, stack.1, &[1]), Err(libc::EFAULT));
    assert_eq!(client.read_at(mem, 0, 1), Err(libc::EFAULT));
    target.counts(0);
}

#[test]
fn an_image_that_is_gone_is_esrch() {
    let (mount, mut target, client) =
        (Mount::new(), Target::start("execs", &["self", "/proc/self/exe"]), Client::new());
    let old = client.open(&mount.path(target.pid(), "mem"), libc::O_RDWR).unwrap();
    target.go();
    eventually("the new program runs", || target.word(0) > 0);
    assert_eq!(client.read_at(old, 0x1000, 1), Err(libc::ESRCH));
    assert_eq!(client.write_at(old, 0x1000, &[0]), Err(libc::ESRCH));
    let new = client.open(&mount.path(target.pid(), "mem"), libc::O_RDWR).unwrap();
    assert_eq!(client.read_at(new, 0, 1), Err(libc::EFAULT));
    mount.ctl(target.pid(), "kill").unwrap();
    target.end();
    assert_eq!(client.read_at(new, 0, 1), Err(libc::ESRCH));
}
