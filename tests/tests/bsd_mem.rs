//! The memory of the flavours `bsd44` and `freebsd`, and who loses the right to it when.

use libc::{EACCES, EBUSY, EFAULT, EINVAL, EIO, ENODEV, ENOENT, EPERM, ESRCH, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY};
use pfs_tests::bsd::{at, flavour, is_pseudofs, All, LEVELS};
use pfs_tests::{
    eventually, inside, kill, program, root, set_id_program, state, status_field, Client, Target, TempDir, NOBODY,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// In a pid namespace of its own, with a first process that reaps.
const OWN_NUMBERS: &[&str] =
    &["unshare", "-p", "-f", "--kill-child", "--mount-proc", "sh", "-c", "\"$@\"; exit $?", "sh"];

fn file(point: &Path, target: &Target, name: &str) -> PathBuf {
    point.join(target.pid().to_string()).join(name)
}

#[test]
fn t14_memory_of_all_kinds() {
    for more in ["", "strict"] {
        let (all, target, client) = (All::new(more), Target::start("memory", &[]), Client::new());
        let [end, none, shared, private] = target.numbers()[..] else { panic!() };
        for (i, (level, point)) in all.each().enumerate() {
            let strict = more == "strict";
            let old = strict && level.starts_with("44");
            let unmapped = if old { EPERM } else { EFAULT };
            let fd = client.open(&file(point, &target, "mem"), O_RDWR).unwrap();
            assert_eq!(client.stat(&file(point, &target, "mem")).unwrap().size, 0, "{level}");
            let read = |at, size| client.read_at(fd, at, size);
            let write = |at, bytes: &[u8]| client.write_at(fd, at, bytes);
            assert_eq!(read(end + 4000, 96), Ok(vec![0x5a; 96]), "{level}");
            assert_eq!(read(end, 0), Ok(vec![]), "{level}");
            assert_eq!(read(end + 4096, 1), Err(unmapped), "{level} {more}");
            assert_eq!(write(end + 4096, &[1]), Err(unmapped), "{level} {more}");
            assert_eq!(read(0, 4096), Err(unmapped), "{level} {more}");
            // Into the hole.
            let across = if strict { Err(unmapped) } else { Ok(vec![0x5a; 96]) };
            assert_eq!(read(end + 4000, 4096), across, "{level} {more}");
            let across = if strict { Err(unmapped) } else { Ok(2) };
            assert_eq!(write(end + 4094, &[0x5a; 9]), across, "{level} {more}");
            // Protections do not matter.
            assert_eq!(read(none, 2), Ok(vec![0x77; 2]), "{level}");
            assert_eq!(write(private + i as u64, &[i as u8]), Ok(1), "{level}");
            assert_eq!(read(private + i as u64, 2), Ok(vec![i as u8, 0x66]), "{level}");
            // What is shared is written for all, if it can be written at all.
            assert_eq!(write(shared + 8, &[1; 8]), Err(unmapped), "{level} {more}");
            let maps = fs::read_to_string(format!("/proc/{}/maps", target.pid())).unwrap();
            let line = maps.lines().find(|l| l.contains(" rw-s ") && l.ends_with("/page")).unwrap();
            let page = u64::from_str_radix(line.split('-').next().unwrap(), 16).unwrap();
            let value = 0x0102_0304_0506_0700 + i as u64;
            assert_eq!(write(page + 16, &value.to_le_bytes()), Ok(8), "{level}");
            eventually("the target sees it", || target.word(1) == value);
            assert_eq!(read(shared + 8, 8), Ok(value.to_le_bytes().to_vec()), "{level}");
            // The ends of the address space, and of offsets.
            let behind = if old { Ok(vec![]) } else { Err(EFAULT) };
            assert_eq!(read(1 << 47, 16), behind, "{level} {more}");
            assert_eq!(read((1 << 63) - 4096, 16), behind, "{level} {more}");
            assert_eq!(read((1 << 63) - 1, 16), Err(EINVAL), "{level}");
            assert_eq!(write(1 << 47, &[1]), if old { Ok(0) } else { Err(EFAULT) }, "{level} {more}");
            let stack = maps.lines().find(|l| l.ends_with("[stack]")).unwrap();
            let top = u64::from_str_radix(stack.split(['-', ' ']).nth(1).unwrap(), 16).unwrap();
            assert_eq!(read(top - 8, 8), Ok(vec![0; 8]), "{level}");
            client.close(fd);
        }
    }
}

#[test]
fn t15_a_breakpoint_is_in_the_process_and_not_in_the_file() {
    let (all, client) = (All::new(""), Client::new());
    for (level, point) in all.each() {
        let target = Target::start("sled", &[]);
        let exe = fs::read(format!("/proc/{}/exe", target.pid())).unwrap();
        let fd = client.open(&file(point, &target, "mem"), O_RDWR).unwrap();
        let sled = target.numbers()[0];
        assert_eq!(client.read_at(fd, sled, 200), Ok(vec![0x90; 200]), "{level}");
        // Two bytes that do nothing, in the place of two nops, in a page that nobody may write.
        assert_eq!(client.write_at(fd, sled + 10, &[0x66, 0x90]), Ok(2), "{level}");
        target.counts(0);
        let twin = Target::of(Path::new(&format!("/proc/{}/exe", target.pid())), &[], None);
        let other = client.open(&file(point, &twin, "mem"), O_RDONLY).unwrap();
        assert_eq!(client.read_at(other, twin.numbers()[0], 200), Ok(vec![0x90; 200]), "{level}");
        // And one that ends it.
        assert_eq!(client.write_at(fd, sled + 20, &[0xcc]), Ok(1), "{level}");
        let mut target = target;
        let status = target.end();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGTRAP), "{level}");
        assert_eq!(fs::read(format!("/proc/{}/exe", twin.pid())).unwrap(), exe, "{level}");
        twin.counts(0);
        client.close(fd);
        client.close(other);
    }
}

#[test]
fn t36_an_exec_of_a_set_id_program_ends_all_access() {
    if !root() {
        return;
    }
    let dir = TempDir::new();
    let suid = set_id_program(&dir, "suid").to_str().unwrap().to_owned();
    for (more, lost) in [("", [EPERM; 8]), ("strict", [EPERM, EPERM, EPERM, EPERM, EIO, EIO, EIO, EIO])] {
        let (all, client) = (All::new(more), Client::of_user(NOBODY));
        let target = Target::start_as(NOBODY, "execs", &["self", &suid]);
        let names = |level: &str| match level {
            "44a" | "44b" => vec!["mem", "regs", "fpregs"],
            "2" => vec!["mem", "regs", "fpregs", "map"],
            "4" => vec!["mem", "regs", "fpregs", "dbregs", "map"],
            "5" => vec!["mem", "regs", "fpregs", "dbregs", "map"],
            _ => vec!["mem", "regs", "fpregs", "dbregs", "map", "osrel"],
        };
        let open = |name: &str, point: &Path| {
            let mode = if name == "map" { O_RDONLY } else { O_RDWR };
            client.open(&file(point, &target, name), mode).unwrap()
        };
        let fds: Vec<Vec<(&str, i32)>> = all
            .each()
            .map(|(level, point)| names(level).into_iter().map(|name| (name, open(name, point))).collect())
            .collect();
        let address = {
            let maps = fs::read_to_string(format!("/proc/{}/maps", target.pid())).unwrap();
            u64::from_str_radix(maps.split('-').next().unwrap(), 16).unwrap()
        };
        for fds in &fds {
            assert_eq!(client.read_at(fds[0].1, address, 4), Ok(b"\x7fELF".to_vec()));
        }
        target.go();
        target.counts(0);
        assert_eq!(target.word(1), 1, "it has its owner's rights");
        for ((level, fds), lost) in LEVELS.iter().zip(&fds).zip(lost) {
            for (name, fd) in fds {
                // The map is there for everybody; its content is not.
                let lost = if *name == "map" { EPERM } else { lost };
                assert_eq!(
                    client.read_at(*fd, if *name == "mem" { address } else { 0 }, 100),
                    Err(lost),
                    "{more} {level} {name}"
                );
                if *name != "map" {
                    assert_eq!(client.write_at(*fd, 0, b"1"), Err(lost), "{more} {level} {name}");
                }
            }
        }
        for (level, point) in all.each() {
            for name in names(level).into_iter().filter(|name| *name != "map") {
                let error = if is_pseudofs(level) { ENOENT } else { EACCES };
                assert_eq!(client.open(&file(point, &target, name), O_RDONLY), Err(error), "{level} {name}");
            }
        }
        target.counts(0);
    }
}

#[test]
fn t37_a_set_id_program_does_not_write_into_itself() {
    if !root() {
        return;
    }
    let (dir, all) = (TempDir::new(), All::new(""));
    let complains = set_id_program(&dir, "complains").to_str().unwrap().to_owned();
    for (level, point) in all.each() {
        let mem = point.join("curproc/mem");
        let target = Target::start_as(NOBODY, "stderr", &[mem.to_str().unwrap(), &complains]);
        target.go();
        target.counts(0);
        assert_eq!(target.word(3), 1, "{level}: it has its owner's rights");
        assert_eq!([1, 2, 4].map(|i| target.word(i)), [EPERM as u64, EPERM as u64, 1], "{level}");
    }
    // One that stays as it is may.
    let plain = program("complains", 64);
    for (level, point) in all.each() {
        let mem = point.join("curproc/mem");
        let target = Target::start("stderr", &[mem.to_str().unwrap(), plain.to_str().unwrap()]);
        target.go();
        target.counts(0);
        assert_eq!([1, 2, 4].map(|i| target.word(i)), [0, 0, 0], "{level}");
    }
}

#[test]
fn t38_descriptors_of_the_dead_do_not_reach_the_next_owner_of_the_number() {
    if !root() || !inside("t38_descriptors_of_the_dead_do_not_reach_the_next_owner_of_the_number", OWN_NUMBERS) {
        return;
    }
    let (all, client, mut old) = (All::new(""), Client::new(), Target::start("sled", &[]));
    let pid = old.pid();
    let names = |level: &str| match flavour(level) {
        "bsd44" => vec!["mem", "regs", "fpregs", "status"],
        _ => vec!["mem", "regs", "fpregs", "status", "map", "etype"],
    };
    let fds: Vec<(String, i32)> = all
        .each()
        .flat_map(|(level, point)| names(level).into_iter().map(move |name| (level, point, name)))
        .map(|(level, point, name)| {
            let mode = if ["mem", "regs", "fpregs"].contains(&name) { O_RDWR } else { O_RDONLY };
            (format!("{level} {name}"), client.open(&file(point, &old, name), mode).unwrap())
        })
        .collect();
    let osrel = client.open(&file(all.of("10"), &old, "osrel"), O_RDWR).unwrap();
    assert_eq!(client.write(osrel, "77"), Ok(2));
    kill(pid, libc::SIGKILL);
    old.end();
    let new = Target::within(&format!("={pid}"), None, "sled", &[]);
    assert_eq!(new.inner(), pid);
    let sled = new.numbers()[0];
    for (name, fd) in &fds {
        assert_eq!(client.read_at(*fd, if name.ends_with("mem") { sled } else { 0 }, 8), Err(ESRCH), "{name}");
        if name.ends_with("mem") {
            assert_eq!(client.write_at(*fd, sled, &[0xcc; 8]), Err(ESRCH), "{name}");
        }
        if name.ends_with("regs") {
            assert_eq!(client.write_at(*fd, 0, &[0; 8]), Err(ESRCH), "{name}");
        }
    }
    assert_eq!(client.read_at(osrel, 0, 8), Err(ESRCH));
    let other = client.read_file(&all.of("10").join(pid.to_string()).join("osrel")).unwrap();
    assert_ne!(other, b"77\n", "what was written of the dead");
    new.counts(0);
    for (level, point) in all.each() {
        let status = String::from_utf8(client.read_file(&point.join(pid.to_string()).join("status")).unwrap()).unwrap();
        assert!(status.starts_with(&format!("sled-64 {pid} ")), "{level}: {status}");
    }
}

#[test]
fn t40_mem_opened_by_one_alone() {
    for level in LEVELS {
        let (mount, target) = (at(level, ""), Target::start("count", &[]));
        let (one, two) = (Client::new(), Client::new());
        let path = mount.path(target.pid(), "mem");
        let alone = if is_pseudofs(level) { None } else { Some(EBUSY) };
        let open = |client: &Client, flags: i32| client.open(&path, flags);
        for writing in [O_WRONLY, O_RDWR] {
            // A writer keeps an exclusive one out, a reader does not.
            let reader = open(&one, O_RDONLY).unwrap();
            let writer = open(&one, writing).unwrap();
            assert_eq!(open(&two, writing | O_EXCL).map(|fd| two.close(fd)).err(), alone, "{level}");
            one.close(writer);
            let exclusive = open(&two, writing | O_EXCL);
            // It keeps all other writers out, and no readers.
            assert_eq!(open(&one, writing).map(|fd| one.close(fd)).err(), alone, "{level}");
            assert_eq!(open(&one, writing | O_EXCL).map(|fd| one.close(fd)).err(), alone, "{level}");
            one.close(open(&one, O_RDONLY).unwrap());
            one.close(open(&one, O_RDONLY | O_EXCL).unwrap());
            two.close(exclusive.unwrap());
            one.close(open(&one, writing).unwrap());
            one.close(reader);
        }
        // The end of a client is a close.
        open(&one, O_RDWR | O_EXCL).unwrap();
        one.kill();
        eventually("its descriptors are closed", || open(&two, O_RDWR | O_EXCL).map(|fd| two.close(fd)).is_ok());
        assert_eq!(two.read_at(open(&two, O_RDONLY).unwrap(), 0, 1), Err(EFAULT), "{level}");
    }
}

/// FUSE tells of a close when it is over. Who opens then finds nobody in his way all the same.
#[test]
fn t40_a_close_is_over_when_it_returns() {
    let (mount, target) = (at("4", ""), Target::start("count", &[]));
    let path = mount.path(target.pid(), "mem");
    let open = |flags: i32| {
        let mut options = fs::OpenOptions::new();
        options.read(flags & O_RDWR != 0).write(true);
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags & O_EXCL).open(&path)
    };
    let (over, pid) = (AtomicBool::new(false), target.pid());
    std::thread::scope(|scope| {
        // Others keep the daemon busy.
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let _ = fs::read(mount.path(pid, "status"));
                }
            });
        }
        let results: Vec<_> =
            (0..2000).map(|i| open(if i % 3 == 0 { O_RDWR } else { O_RDWR | O_EXCL }).is_ok()).collect();
        over.store(true, Ordering::Relaxed);
        assert_eq!(results.iter().filter(|ok| !**ok).count(), 0, "of {}", results.len());
    });
    // Who is in the way stays there, and however many wait for him, others are served meanwhile.
    let alone = open(O_WRONLY | O_EXCL).unwrap();
    let begun = Instant::now();
    assert_eq!(open(O_WRONLY).unwrap_err().raw_os_error(), Some(EBUSY));
    assert!(begun.elapsed() < Duration::from_secs(1));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    assert_eq!(open(O_WRONLY).unwrap_err().raw_os_error(), Some(EBUSY));
                    std::thread::yield_now();
                }
            });
        }
        let begun = Instant::now();
        (0..20).for_each(|_| assert!(!fs::read(mount.path(pid, "status")).unwrap().is_empty()));
        over.store(true, Ordering::Relaxed);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    });
    drop(alone);
}

#[test]
fn t41_memory_is_not_mapped() {
    let (all, target) = (All::new(""), Target::start("count", &[]));
    for (level, point) in all.each() {
        let mapper = Target::start("mapfile", &[file(point, &target, "mem").to_str().unwrap()]);
        let numbers: Vec<i32> = mapper.numbers().into_iter().map(|n| n as i32).collect();
        assert_eq!(numbers, [ENODEV, 0, libc::SIGBUS], "{level}");
    }
    target.counts(16);
}

#[test]
fn memory_of_the_next_program_of_the_same_user() {
    let all = All::new("");
    for (level, point) in all.each() {
        let client = Client::new();
        let target = Target::start("execs", &["self", "/proc/self/exe"]);
        let fd = client.open(&file(point, &target, "mem"), O_RDONLY).unwrap();
        let start = || {
            let maps = fs::read_to_string(format!("/proc/{}/maps", target.pid())).unwrap();
            u64::from_str_radix(maps.split('-').next().unwrap(), 16).unwrap()
        };
        assert_eq!(client.read_at(fd, start(), 4), Ok(b"\x7fELF".to_vec()), "{level}");
        target.go();
        eventually("the new program runs", || target.word(0) > 0);
        assert_eq!(client.read_at(fd, start(), 4), Ok(b"\x7fELF".to_vec()), "{level}: a descriptor is of the process");
    }
}

#[test]
fn a_process_that_has_changed_its_ids_is_closed_to_its_user() {
    if !root() {
        return;
    }
    let (all, client) = (All::new(""), Client::of_user(1));
    let target = Target::start("person", &["78", "0", "ids"]);
    eventually("its ids have changed", || status_field(target.pid(), "Uid").starts_with("2\t1\t1"));
    for (level, point) in all.each() {
        for name in ["mem", "regs"] {
            let error = if is_pseudofs(level) { ENOENT } else { EACCES };
            assert_eq!(client.open(&file(point, &target, name), O_RDONLY), Err(error), "{level} {name}");
        }
        assert!(!client.read_file(&file(point, &target, "status")).unwrap().is_empty(), "{level}");
    }
}

/// More groups than the caller has: the kernel does not mind, FreeBSD from 5 on does.
#[test]
fn groups_of_the_process_must_be_the_callers() {
    if !root() {
        return;
    }
    let all = All::new("");
    let client = Client::of_user(NOBODY);
    let target = Target::of(Path::new(&in_groups()), &[program("count", 64).to_str().unwrap()], None);
    assert_eq!(status_field(target.pid(), "Groups"), "1000 1001");
    for (level, point) in all.each() {
        let opened = client.open(&file(point, &target, "mem"), O_RDONLY).map(|fd| client.close(fd));
        assert_eq!(opened.err(), is_pseudofs(level).then_some(ENOENT), "{level}");
    }
}

fn in_groups() -> String {
    program("grouped", 64).to_str().unwrap().to_owned()
}

#[test]
fn t42_readers_of_all_while_processes_come_and_go() {
    if !root() || !inside("t42_readers_of_all_while_processes_come_and_go", OWN_NUMBERS) {
        return;
    }
    const READERS: usize = 20;
    let all = All::new("");
    let script = "while :; do /bin/true & (exec /bin/true); (exec /bin/echo x >/dev/null); wait; done";
    let mut shell = Command::new("sh").args(["-c", script]).spawn().unwrap();
    let (over, files) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for reader in 0..READERS {
            let (over, files) = (&over, &files);
            let (_, point) = all.each().nth(reader % LEVELS.len()).unwrap();
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let Ok(pids) = fs::read_dir(point) else { continue };
                    let newest = pids.flatten().map(|e| e.file_name().into_string().unwrap());
                    for pid in newest.filter(|n| n.parse::<u32>().is_ok()).take(3) {
                        let Ok(names) = fs::read_dir(point.join(&pid)) else { continue };
                        for name in names.flatten().map(|e| e.file_name().into_string().unwrap()) {
                            let path = point.join(&pid).join(&name);
                            if name == "file" {
                                let _ = fs::read_link(&path);
                                continue;
                            }
                            if name == "mem" || ["ctl", "note", "notepg"].contains(&&name[..]) {
                                continue;
                            }
                            let Ok(bytes) = fs::read(&path) else { continue };
                            if name == "status" {
                                let text = String::from_utf8_lossy(&bytes).into_owned();
                                assert_eq!(text.split(' ').nth(1), Some(&pid[..]), "{}: {text}", path.display());
                            }
                            files.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end && shell.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(50));
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(shell.try_wait().unwrap().is_none(), "the shell lives");
    assert!(!['t', 'T'].contains(&state(shell.id() as i32)));
    shell.kill().unwrap();
    shell.wait().unwrap();
    assert!(files.load(Ordering::Relaxed) > 100, "{files:?}");
}

/// What is not held is let go, whatever a client asked for last.
#[test]
fn whoever_looked_has_left_nothing() {
    let (all, target) = (All::new(""), Target::start("count", &[]));
    let client = Client::new();
    for (_, point) in all.each() {
        for name in ["regs", "fpregs", "status", "mem"] {
            let fd = client.open(&file(point, &target, name), O_RDONLY).unwrap();
            let _ = client.read_at(fd, 0, 100);
        }
    }
    client.kill();
    eventually("nobody traces it", || status_field(target.pid(), "TracerPid") == "0");
    target.counts(16);
}
