//! The registers of the flavours `bsd44` and `freebsd`: in the forms of both machines, when and where they are read and written.

use libc::{EBUSY, EINVAL, O_RDONLY, O_RDWR, O_WRONLY};
use pfs_tests::bsd::{at, is_pseudofs, All};
use pfs_tests::{eventually, field, kill, state, status_field, Client, Target};
use std::path::{Path, PathBuf};

/// Offsets in `struct reg` of amd64.
const R15: usize = 0;
const RDI: usize = 64;
const RAX: usize = 112;
const RIP: usize = 136;
const CS: usize = 144;
const RFLAGS: usize = 152;
const C: u64 = 1;

fn word(image: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(image[at..at + 8].try_into().unwrap())
}

fn put(image: &mut [u8], at: usize, value: u64) {
    image[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// Debug registers that watch nothing; the processor's status has bits that are always set.
fn unwatched() -> Vec<u8> {
    let mut image = vec![0; 128];
    put(&mut image, 48, 0xffff_0ff0);
    image
}

fn file(point: &Path, target: &Target, name: &str) -> PathBuf {
    point.join(target.pid().to_string()).join(name)
}

#[test]
fn t16_registers_of_a_process_that_runs() {
    let (all, target, client) = (All::new(""), Target::start("count", &[]), Client::new());
    let narrow = Target::start32("count", &[]);
    for (level, point) in all.each() {
        for (name, size) in [("regs", 176), ("fpregs", 512)] {
            for target in [&target, &narrow] {
                let fd = client.open(&file(point, target, name), O_RDWR).unwrap();
                let read = client.read(fd, 1000);
                match is_pseudofs(level) {
                    true => assert_eq!(read, Err(EBUSY), "{level} {name}"),
                    false => assert_eq!(read.map(|image| image.len()), Ok(size), "{level} {name}"),
                }
                assert_eq!(client.write_at(fd, 0, &[0; 8]), Err(EBUSY), "{level} {name}");
                client.close(fd);
            }
        }
        if level > "44b" || level.len() < 3 {
            continue;
        }
        assert_eq!(client.stat(&file(point, &target, "dbregs")).err(), Some(libc::ENOENT));
    }
    for level in ["4", "5", "10", "12", "14"] {
        let fd = client.open(&file(all.of(level), &target, "dbregs"), O_RDWR).unwrap();
        assert_eq!(client.read(fd, 1000), Ok(unwatched()), "{level}");
        assert_eq!(client.write_at(fd, 0, &[0; 8]), Err(EBUSY), "{level}");
        client.close(fd);
    }
    // Who reads his own waits in that very read.
    for (level, point) in all.each().filter(|(level, _)| *level != "44a") {
        let fd = client.open(&point.join("curproc/regs"), O_RDONLY).unwrap();
        assert_eq!(client.read(fd, 1000), Err(EBUSY), "{level}");
        client.close(fd);
    }
    target.counts(16);
    narrow.counts(16);
    eventually("nobody traces it", || status_field(target.pid(), "TracerPid") == "0");
}

/// What the offset does, once a process is stopped so.
fn offsets(level: &str, strict: bool, point: &Path, target: &Target) {
    let client = Client::new();
    let fd = client.open(&file(point, target, "regs"), O_RDWR).unwrap();
    let image = client.read(fd, 1000).unwrap();
    assert_eq!(image.len(), 176, "{level}");
    let turns_over = strict && !is_pseudofs(level);
    assert_eq!(client.read(fd, 176), Ok(if turns_over { image.clone() } else { vec![] }), "{level}: in turn");
    client.seek(fd, 0).unwrap();
    assert_eq!(client.read(fd, 176), Ok(image.clone()), "{level}: from the start");
    let [rip, start] = [RIP, R15].map(|at| image[at..at + 8].to_vec());
    let (inside, behind) = match level {
        "44a" | "44b" => (Ok(rip), Err(EINVAL)),
        "2" | "4" => (Ok(start.clone()), Ok(start.clone())),
        _ => (Ok(vec![]), Ok(vec![])),
    };
    assert_eq!(client.read_at(fd, RIP as u64, 8), inside, "{level}");
    assert_eq!(client.read_at(fd, 177, 8), behind, "{level}");
    assert_eq!(client.read_at(fd, 1 << 40, 8), behind, "{level}");
    assert_eq!(client.read_at(fd, 0, 8), Ok(start), "{level}: a prefix");
    // The same bytes again change nothing, also those of a part.
    assert_eq!(client.write_at(fd, 0, &image), Ok(176), "{level}");
    let part = client.write_at(fd, RIP as u64, &image[RIP..RIP + 8]);
    match level {
        "44a" | "44b" => assert_eq!(part, Ok(8), "{level}"),
        // It went to r15.
        "2" | "4" => assert_eq!(part, Ok(8), "{level}"),
        _ => assert_eq!(part, Ok(0), "{level}"),
    }
    client.write_at(fd, 0, &image[..8]).unwrap();
    client.seek(fd, 0).unwrap();
    assert_eq!(client.read(fd, 1000).unwrap(), image, "{level}");
    // More than there is.
    assert_eq!(client.write_at(fd, 0, &[&image[..], &[7; 50]].concat()), Ok(176), "{level}");
}

#[test]
fn t17_offsets_in_registers_of_a_stopped_process() {
    let target = Target::start("sled", &[]);
    target.counts(0);
    for (more, strict) in [("", false), ("strict", true)] {
        let all = All::new(more);
        kill(target.pid(), libc::SIGSTOP);
        eventually("it is stopped", || state(target.pid()) == 'T');
        for (level, point) in all.each() {
            offsets(level, strict, point, &target);
            // Let go in a job-control stop, it passes to where it stands without a tracer.
            eventually("it is stopped", || ['T', 't'].contains(&state(target.pid())));
        }
        kill(target.pid(), libc::SIGCONT);
        target.counts(0);
        all.mount.ctl(target.pid(), "stop").unwrap();
        for (level, point) in all.each() {
            offsets(level, strict, point, &target);
        }
        all.mount.ctl(target.pid(), "run").unwrap();
        target.counts(0);
    }
}

#[test]
fn t18_what_may_be_written_into_registers() {
    let all = All::new("");
    for (level, point) in all.each() {
        let (target, client) = (Target::start("sled", &[]), Client::new());
        let other = target.numbers()[1];
        target.counts(0);
        kill(target.pid(), libc::SIGSTOP);
        eventually("it is stopped", || state(target.pid()) == 'T');
        let fd = client.open(&file(point, &target, "regs"), O_RDWR).unwrap();
        let image = client.read_at(fd, 0, 176).unwrap();
        let with = |at: usize, value: u64| {
            let mut image = image.clone();
            put(&mut image, at, value);
            client.write_at(fd, 0, &image)
        };
        let flags = word(&image, RFLAGS);
        assert_eq!(with(RFLAGS, flags | 0x3000), Err(EINVAL), "{level}: I/O privilege");
        assert_eq!(with(RFLAGS, flags & !0x200), Err(EINVAL), "{level}: no interrupts");
        assert_eq!(with(CS, 0x10), Err(EINVAL), "{level}: the kernel's code");
        assert_eq!(client.read_at(fd, 0, 176).unwrap(), image, "{level}: nothing is changed by what is refused");
        assert_eq!(with(RFLAGS, (flags ^ C) | 1 << 40), Ok(176), "{level}");
        assert_eq!(word(&client.read_at(fd, 0, 176).unwrap(), RFLAGS), flags ^ C, "{level}");
        assert_eq!(with(RFLAGS, flags), Ok(176));
        // A short write lies over the rest.
        assert_eq!(client.write_at(fd, 0, &0x1234_5678u64.to_le_bytes()), Ok(8), "{level}");
        let now = client.read_at(fd, 0, 176).unwrap();
        assert_eq!((word(&now, R15), &now[8..]), (0x1234_5678, &image[8..]), "{level}");
        assert_eq!(with(RIP, other), Ok(176), "{level}");
        kill(target.pid(), libc::SIGCONT);
        target.counts(1);
        target.stands(0);
        eventually("nobody traces it", || status_field(target.pid(), "TracerPid") == "0");
    }
}

#[test]
fn narrow_registers_of_narrow_processes() {
    let (all, wide_reader, narrow_reader) = (All::new(""), Client::new(), Client::of_32_bits());
    let (wide, narrow) = (Target::start("count", &[]), Target::start32("count", &[]));
    for target in [&wide, &narrow] {
        target.counts(16);
        kill(target.pid(), libc::SIGSTOP);
        eventually("it is stopped", || state(target.pid()) == 'T');
    }
    for (level, point) in all.each() {
        let names = ["regs", "fpregs", "dbregs"]
            .into_iter()
            .filter(|name| *name != "dbregs" || !["44a", "44b", "2"].contains(&level));
        for (name, sizes) in names.zip([[176, 76], [512, 176], [128, 32]]) {
            let read = |client: &Client, target: &Target| {
                let fd = client.open(&file(point, target, name), O_RDWR).unwrap();
                let read = client.read(fd, 1000);
                client.close(fd);
                read
            };
            assert_eq!(read(&wide_reader, &wide).map(|r| r.len()), Ok(sizes[0]), "{level} {name}");
            assert_eq!(read(&wide_reader, &narrow).map(|r| r.len()), Ok(sizes[0]), "{level} {name}");
            assert_eq!(read(&narrow_reader, &narrow).map(|r| r.len()), Ok(sizes[1]), "{level} {name}");
            assert_eq!(read(&narrow_reader, &wide), Err(EINVAL), "{level} {name}");
        }
        // The same registers in both forms.
        let read = |client: &Client| {
            let fd = client.open(&file(point, &narrow, "regs"), O_RDWR).unwrap();
            (client.read(fd, 1000).unwrap(), fd)
        };
        let ((amd64, _), (i386, fd)) = (read(&wide_reader), read(&narrow_reader));
        let at = |at: usize| u64::from(u32::from_le_bytes(i386[at..at + 4].try_into().unwrap()));
        let pairs = [(52, RIP), (40, RAX), (12, RDI), (60, RFLAGS), (64, 160)];
        for (narrow, wide) in pairs {
            assert_eq!(at(narrow), word(&amd64, wide) & 0xffff_ffff, "{level} at {narrow}");
        }
        // What was read is written, and another value of edi as well.
        let mut other = i386.clone();
        other[12..16].copy_from_slice(&0xdead_beef_u32.to_le_bytes());
        assert_eq!(narrow_reader.write_at(fd, 0, &other), Ok(76), "{level}");
        assert_eq!(read(&narrow_reader).0, other, "{level}");
        assert_eq!(word(&read(&wide_reader).0, RDI) & 0xffff_ffff, 0xdead_beef, "{level}");
        assert_eq!(narrow_reader.write_at(fd, 0, &i386), Ok(76), "{level}");
    }
    for target in [&wide, &narrow] {
        kill(target.pid(), libc::SIGCONT);
        target.counts(16);
    }
}

#[test]
fn t19_floating_point_registers_are_the_programs() {
    let all = All::new("");
    for (level, point) in all.each() {
        for bits in [64, 32] {
            let (target, client) = match bits {
                64 => (Target::start("floats", &[]), Client::new()),
                _ => (Target::start32("floats", &[]), Client::of_32_bits()),
            };
            target.counts(0);
            kill(target.pid(), libc::SIGSTOP);
            eventually("it is stopped", || state(target.pid()) == 'T');
            let fd = client.open(&file(point, &target, "fpregs"), O_RDWR).unwrap();
            let mut image = client.read_at(fd, 0, 512).unwrap();
            // 1.5 and 2.5 with 80 bits.
            let (old, new) = ([0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0x3f], [0, 0, 0, 0, 0, 0, 0, 0xa0, 0, 0x40]);
            let st0 = if bits == 64 { 32 } else { 28 };
            assert_eq!(image[st0..st0 + 10], old, "{level} {bits}");
            image[st0..st0 + 10].copy_from_slice(&new);
            if bits == 64 {
                assert_eq!(image[160 + 16..160 + 32], [0x11; 16], "{level}");
                image[160 + 16..160 + 32].copy_from_slice(&[0x22; 16]);
            }
            assert_eq!(client.write_at(fd, 0, &image), Ok(image.len()), "{level} {bits}");
            assert_eq!(client.read_at(fd, 0, 512).unwrap(), image, "{level} {bits}");
            kill(target.pid(), libc::SIGCONT);
            target.go();
            let half = if bits == 64 { "2222222222222222" } else { "1111111111111111" };
            assert_eq!(target.line(), format!("4004000000000000 {half} {half}"), "{level} {bits}");
        }
    }
}

#[test]
fn t20_debug_registers_watch_while_the_process_is_held() {
    let all = All::new("");
    for (level, point) in all.each().filter(|(level, _)| !["44a", "44b", "2"].contains(level)) {
        let (target, client) = (Target::start("sled", &[]), Client::new());
        target.counts(0);
        let seat = client.open(&all.mount.path(target.pid(), "seat"), O_RDWR).unwrap();
        client.write(seat, "trace sig TRAP\nstop").unwrap();
        let fd = client.open(&file(point, &target, "dbregs"), O_RDWR).unwrap();
        let mut image = [0u8; 128];
        let mut refused = |at: usize, value: u64, control: u64| {
            image = [0; 128];
            put(&mut image, at, value);
            put(&mut image, 56, control);
            assert_eq!(client.write_at(fd, 0, &image), Err(EINVAL), "{level} {control:#x}");
        };
        refused(0, 0xffff_8000_0000_0000, 1);
        refused(0, 0x7fff_ffff_f000, 1);
        refused(0, 0x1000, 0x0002_0001);
        refused(0, 0x1000, 1 << 32);
        assert_eq!(client.read_at(fd, 0, 128), Ok(unwatched()), "{level}");
        // Where the sled begins, to be run through.
        let sled = target.numbers()[0];
        image = [0; 128];
        put(&mut image, 0, sled);
        put(&mut image, 56, 1);
        assert_eq!(client.write_at(fd, 0, &image), Ok(128), "{level}");
        let read = client.read_at(fd, 0, 128).unwrap();
        assert_eq!((word(&read, 0), word(&read, 56) & 3), (sled, 1), "{level}");
        client.write(seat, "run").unwrap();
        client.write(seat, "wait sig").unwrap();
        let regs = client.open(&file(point, &target, "regs"), O_RDONLY).unwrap();
        assert_eq!(word(&client.read_at(regs, 0, 176).unwrap(), RIP), sled, "{level}");
        let events = client.events(seat, 1);
        assert!(events.iter().any(|e| field(e, "signal") == Some("SIGTRAP")), "{level}: {events:?}");
        assert_eq!(word(&client.read_at(fd, 0, 128).unwrap(), 48) & 1, 1, "{level}: the status tells which");
        assert_eq!(client.write_at(fd, 0, &[0; 128]), Ok(128), "{level}");
        client.write(seat, "nosig\nrun").unwrap();
        target.counts(0);
    }
}

#[test]
fn t20_debug_registers_of_narrow_processes() {
    let (mount, target) = (at("10", ""), Target::start32("sled", &[]));
    target.counts(0);
    kill(target.pid(), libc::SIGSTOP);
    eventually("it is stopped", || state(target.pid()) == 'T');
    for (client, size, long) in [(Client::new(), 128, 8), (Client::of_32_bits(), 32, 4)] {
        let fd = client.open(&mount.path(target.pid(), "dbregs"), O_RDWR).unwrap();
        let mut image = vec![0; size];
        // Eight bytes.
        image[7 * long..7 * long + 4].copy_from_slice(&0x0009_0001u32.to_le_bytes());
        assert_eq!(client.write_at(fd, 0, &image), Err(EINVAL));
        // Four bytes.
        image[7 * long..7 * long + 4].copy_from_slice(&0x000d_0001u32.to_le_bytes());
        assert_eq!(client.write_at(fd, 0, &image), Ok(size));
        // Nobody holds it: it is let go without.
        let now = client.read_at(fd, 0, size).unwrap();
        assert!(now[7 * long..].iter().all(|b| *b == 0), "{now:?}");
    }
    kill(target.pid(), libc::SIGCONT);
    target.counts(0);
}

#[test]
fn t28_system_calls_are_shown_where_a_bsd_has_them() {
    let all = All::new("");
    let raw = all.mount.beside_as("raw", "freebsd", "syscallregs=raw");
    for (level, point) in all.each() {
        let (target, client) = (Target::start("busy", &["10"]), Client::new());
        let ctl = client.open(&all.mount.path(target.pid(), "ctl"), O_RDWR).unwrap();
        client.write(ctl, "stop").unwrap();
        target.go();
        let regs = |point: &Path| {
            let fd = client.open(&file(point, &target, "regs"), O_RDONLY).unwrap();
            let image = client.read(fd, 176).unwrap();
            client.close(fd);
            image
        };
        let call = |at: &Path| {
            client.write(ctl, "startsyscall").unwrap();
            let image = regs(at);
            (word(&image, RAX) as i64, word(&image, RFLAGS) & C)
        };
        let set = |at: usize, value: u64, flags: u64| {
            let mut image = regs(point);
            put(&mut image, at, value);
            let kept = word(&image, RFLAGS) & !C;
            put(&mut image, RFLAGS, kept | flags);
            let fd = client.open(&file(point, &target, "regs"), O_WRONLY).unwrap();
            assert_eq!(client.write_at(fd, 0, &image), Ok(176));
            client.close(fd);
        };
        assert_eq!(call(point).0, libc::SYS_getppid, "{level}");
        assert_eq!(word(&regs(&raw), RAX) as i64, -i64::from(libc::ENOSYS));
        assert_eq!(call(point), (std::process::id().into(), 0), "{level}");
        // close of no file fails.
        assert_eq!(call(point).0, libc::SYS_close, "{level}");
        assert_eq!(call(point), (libc::EBADF.into(), C), "{level}");
        assert_eq!(word(&regs(&raw), RAX) as i64, -i64::from(libc::EBADF));
        // Another call than was made, another result, and an error in place of a result: three strange rounds.
        assert_eq!(call(point).0, libc::SYS_getppid, "{level}");
        set(RAX, libc::SYS_getpid as u64, 0);
        assert_eq!(call(point), (target.pid().into(), 0), "{level}");
        call(point);
        call(point);
        call(point);
        assert_eq!(call(point).0, std::process::id().into(), "{level}");
        set(RAX, 777, 0);
        assert_eq!(word(&regs(&raw), RAX), 777, "{level}");
        call(point);
        call(point);
        call(point);
        call(point);
        set(RAX, libc::EPERM as u64, C);
        assert_eq!(word(&regs(&raw), RAX) as i64, -i64::from(libc::EPERM), "{level}");
        assert_eq!((word(&regs(point), RAX), word(&regs(point), RFLAGS) & C), (libc::EPERM as u64, C), "{level}");
        client.write(ctl, "run").unwrap();
        target.counts(2);
        assert_eq!((target.word(0), target.word(1)), (10, 3), "{level}");
    }
}
