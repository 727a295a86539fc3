//! The files of the flavour `solaris`, read by real clients about real processes, against the kernel's own /proc.

use abi::solaris::cred::{Credential, Privileges};
use abi::solaris::fdinfo::PrFdInfo;
use abi::solaris::numbers::*;
use abi::solaris::record::{Record, Timestruc};
use abi::solaris::records::*;
use abi::solaris::Model;
use flavours::solaris::nodes::{Row, Who, LWP, PROCESS};
use flavours::solaris::sigact::CAUGHT;
use libc::{EACCES, EAGAIN, ENOENT, EOVERFLOW, O_RDONLY, O_RDWR, O_WRONLY};
use pfs_tests::{eventually, kill, root, set_id_program, state, status_field, Client, Mount, Target, TempDir, NOBODY};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use Model::{Ilp32, Lp64};

fn solaris() -> Mount {
    Mount::of("solaris", "rw")
}

/// The whole of a file, in one read.
#[track_caller]
fn read_by(client: &Client, path: &Path) -> Result<Vec<u8>, i32> {
    let fd = client.open(path, O_RDONLY)?;
    let bytes = client.read(fd, 500_000);
    client.close(fd);
    bytes
}

/// The file as one structure that fills it.
#[track_caller]
fn take<R: Record>(model: Model, bytes: &[u8]) -> R {
    assert_eq!(bytes.len(), R::size(model), "{}", R::NAME);
    R::take(model, bytes).unwrap()
}

#[track_caller]
fn array<R: Record>(model: Model, bytes: &[u8]) -> Vec<R> {
    let head = PrHeader::take(model, bytes).unwrap();
    let (size, stride) = (PrHeader::size(model), head.pr_entsize as usize);
    assert_eq!(stride, model.stride(R::size(model)));
    assert_eq!(bytes.len(), size + stride * head.pr_nent as usize);
    bytes[size..].chunks(stride).map(|entry| R::take(model, entry).unwrap()).collect()
}

fn table<R: Record>(model: Model, bytes: &[u8]) -> Vec<R> {
    assert_eq!(bytes.len() % R::size(model), 0);
    bytes.chunks(R::size(model)).map(|entry| R::take(model, entry).unwrap()).collect()
}

fn text(chars: &[u8]) -> String {
    String::from_utf8(chars.split(|b| *b == 0).next().unwrap().to_vec()).unwrap()
}

/// Field `n` of the kernel's `stat`, as proc(5) counts them.
fn stat_field(pid: i32, n: usize) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(n - 3).unwrap().parse().unwrap()
}

#[test]
fn the_root_and_its_names() {
    let (mount, target, client) = (solaris(), Target::start("leaves", &[]), Client::new());
    let point = mount.point();
    let pid = target.pid();
    let stat = client.stat(point).unwrap();
    assert_eq!((stat.mode, stat.uid, stat.gid, stat.ino, stat.blksize), (libc::S_IFDIR | 0o555, 0, 0, 2, 512));
    let names: BTreeSet<String> =
        fs::read_dir(point).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().all(|n| n.bytes().all(|b| b.is_ascii_digit())), "{names:?}");
    assert!(names.contains(&pid.to_string()) && names.contains(&target.said), "{names:?}");
    let own = client.stat(&point.join("self")).unwrap();
    assert_eq!((own.mode, own.size, own.ino), (libc::S_IFLNK | 0o777, 0, 1));
    let dir = client.stat(&point.join(pid.to_string())).unwrap();
    assert_eq!((dir.mode, dir.nlink), (libc::S_IFDIR | 0o511, 5));
    assert_eq!(dir.size, 32 * (PROCESS.len() as u64 + 2));
    let exists = |name: &str| client.stat(&point.join(name)).map(|s| s.ino);
    assert_eq!(exists(&format!("00{pid}")), Ok(dir.ino));
    for name in ["x", "+1", "1x", "0x1", "99999999999999999999", "4194305", "status"] {
        assert_eq!(exists(name), Err(ENOENT), "{name}");
    }
    for name in ["nothing", "1", "..x"] {
        assert_eq!(exists(&format!("{pid}/{name}")), Err(ENOENT), "{name}");
    }
    let listed: Vec<String> =
        fs::read_dir(mount.path(pid, "")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(listed, PROCESS.iter().map(|r| r.name.to_string()).collect::<Vec<_>>());
    let exe = read_by(&client, &point.join("self/argv")).unwrap();
    assert!(exe.starts_with(b"/") && exe.ends_with(b"\0"), "{exe:?}");
}

/// Name, mode, size for readers of both models where it is a constant, whether it is a structure that 32-bit readers cannot have
/// of 64-bit processes.
const SIZES: &[(&str, u32, Option<[u64; 2]>, bool)] = &[
    ("as", 0o600, None, true),
    ("psinfo", 0o444, Some([416, 336]), false),
    ("lpsinfo", 0o444, Some([160, 120]), false),
    ("map", 0o400, None, true),
    ("rmap", 0o400, None, true),
    ("xmap", 0o400, None, true),
    ("cred", 0o400, None, false),
    ("sigact", 0o400, Some([2368, 2368]), true),
    ("auxv", 0o400, Some([448, 224]), true),
    ("usage", 0o444, Some([504, 256]), false),
    ("lusage", 0o444, Some([1072, 536]), false),
    ("pagedata", 0o400, None, true),
    ("priv", 0o400, Some([56, 56]), false),
    ("secflags", 0o400, Some([40, 40]), false),
    ("argv", 0o444, Some([4096, 4096]), false),
    ("cmdline", 0o444, Some([0, 0]), false),
    ("ldt", 0o400, Some([0, 0]), false),
];

#[test]
fn modes_and_sizes_in_both_models() {
    let (mount, clients) = (solaris(), [Client::new(), Client::of_32_bits()]);
    let targets = [(Target::start("shows", &["wait"]), Lp64), (Target::start32("shows", &["wait"]), Ilp32)];
    for (target, of) in &targets {
        for (client, model) in clients.iter().zip(Model::ALL) {
            for (name, mode, sizes, wide) in SIZES {
                let path = mount.path(target.pid(), name);
                let what = format!("{name} of {of:?} for {model:?}");
                let stat = client.stat(&path).unwrap();
                assert_eq!((stat.mode, stat.nlink, stat.blksize), (libc::S_IFREG | mode, 1, 512), "{what}");
                assert_eq!(stat.blocks, stat.size.div_ceil(512), "{what}");
                if let Some(sizes) = sizes {
                    assert_eq!(stat.size, sizes[usize::from(model == Ilp32)], "{what}");
                }
                let read = read_by(client, &path);
                if *wide && model == Ilp32 && *of == Lp64 {
                    assert_eq!(read, Err(EOVERFLOW), "{what}");
                } else if *name == "as" {
                    assert_eq!(read, Ok(vec![]), "{what}");
                } else {
                    let length = read.unwrap().len() as u64;
                    let free = matches!(*name, "argv" | "cmdline");
                    assert!(free || length == stat.size, "{what}: {length} of {}", stat.size);
                }
            }
            let info: PsInfo = take(model, &read_by(client, &mount.path(target.pid(), "psinfo")).unwrap());
            assert_eq!(info.pr_dmodel, of.number());
            assert_eq!(info.pr_size == 0, model == Ilp32 && *of == Lp64, "{info:?}");
        }
    }
    let forced = Mount::of("solaris", "model=ilp32");
    let stat = clients[0].stat(&forced.path(targets[0].0.pid(), "psinfo")).unwrap();
    assert_eq!(stat.size, 336);
    assert_eq!(read_by(&clients[0], &forced.path(targets[0].0.pid(), "map")), Err(EOVERFLOW));
    let refused = mount.pfs(&["mount", "-o", "model=lp64", "/"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no data models"), "{refused:?}");
}

#[test]
fn psinfo_is_what_the_kernel_knows() {
    if !root() {
        return;
    }
    let (mount, client, stranger) = (solaris(), Client::new(), Client::of_user(1000));
    let mine = Target::start("shows", &["wait", "b  c"]);
    let others = Target::start_as(NOBODY, "shows", &["wait"]);
    let small = Target::start32("shows", &["wait"]);
    for target in [&mine, &others, &small] {
        let pid = target.pid();
        let info: PsInfo = take(Lp64, &read_by(&client, &mount.path(pid, "psinfo")).unwrap());
        assert_eq!((info.pr_pid, info.pr_nlwp, info.pr_nzomb, info.pr_flag), (pid, 1, 0, SMSACCT));
        assert_eq!(
            [info.pr_ppid as u64, info.pr_pgid as u64, info.pr_sid as u64],
            [4, 5, 6].map(|n| stat_field(pid, n))
        );
        let uids = status_field(pid, "Uid");
        assert_eq!(
            format!("{}\t{}", info.pr_uid, info.pr_euid),
            uids.split('\t').take(2).collect::<Vec<_>>().join("\t")
        );
        assert_eq!(info.pr_size, stat_field(pid, 23) / 1024);
        assert_eq!(info.pr_rssize, stat_field(pid, 24) * 4);
        assert_eq!(text(&info.pr_fname), "shows!");
        let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        let joined = arguments.trim_end_matches('\0').replace('\0', " ");
        assert_eq!(text(&info.pr_psargs), joined[..joined.len().min(79)]);
        assert_eq!(info.pr_argc as usize, arguments.matches('\0').count());
        assert_eq!((info.pr_contract, info.pr_ttydev == PRNODEV), (-1, stat_field(pid, 7) == 0));
        let numbers = target.numbers();
        assert_eq!((info.pr_argv, info.pr_envp), (numbers[9], numbers[10]));
        let lwp = &info.pr_lwp;
        assert_eq!((lwp.pr_lwpid, lwp.pr_state, lwp.pr_sname), (pid, SSLEEP, b'S'));
        assert_eq!((text(&lwp.pr_clname), lwp.pr_nice, lwp.pr_bindpset), ("TS".into(), 20, -1));
        let pause = if target.pid() == small.pid() { 29 } else { libc::SYS_pause as i16 };
        assert_eq!(lwp.pr_syscall, pause + 1);
        let began = client.stat(&mount.path(pid, "psinfo")).unwrap().mtime as i64;
        assert_eq!((info.pr_start.sec, lwp.pr_start.sec, lwp.pr_start.nsec), (began, began, 0));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
        assert!((now - 240..=now + 1).contains(&began));
        // Who may not look into it sees no addresses.
        let shown: PsInfo = take(Lp64, &read_by(&stranger, &mount.path(pid, "psinfo")).unwrap());
        assert_eq!((shown.pr_argv, shown.pr_envp, shown.pr_lwp.pr_syscall, shown.pr_argc), (0, 0, 0, info.pr_argc));
    }
}

#[test]
fn psinfo_of_all_kinds() {
    if !root() {
        return;
    }
    let (mount, client) = (solaris(), Client::new());
    let of = |pid: i32| -> PsInfo { take(Lp64, &read_by(&client, &mount.path(pid, "psinfo")).unwrap()) };
    let many = Target::start("count", &["3"]);
    let info = of(many.pid());
    assert_eq!((info.pr_nlwp, info.pr_lwp.pr_lwpid), (3, many.pid()));
    assert_eq!((info.pr_lwp.pr_state, info.pr_lwp.pr_sname), (SRUN, b'R'));

    let leaves = Target::start("leaves", &[]);
    let zombie = leaves.numbers()[0] as i32;
    let info = of(zombie);
    assert_eq!((info.pr_nlwp, info.pr_pid, info.pr_ppid, info.pr_wstat), (0, zombie, leaves.pid(), 0));
    assert_eq!((info.pr_lwp.pr_state, info.pr_lwp.pr_sname), (SZOMB, b'Z'));
    assert_eq!((info.pr_ttydev, info.pr_lwp.pr_bindpro, info.pr_lwp.pr_bindpset), (PRNODEV, -1, -1));
    assert_eq!((info.pr_start.sec, text(&info.pr_fname), text(&info.pr_psargs)), (0, String::new(), String::new()));

    let headless = Target::start("headless", &[]);
    let info = of(headless.pid());
    assert_eq!((info.pr_nlwp, info.pr_nzomb), (1, 1));
    assert_ne!(info.pr_lwp.pr_lwpid, headless.pid());
    let all: Vec<LwpsInfo> = array(Lp64, &read_by(&client, &mount.path(headless.pid(), "lpsinfo")).unwrap());
    let states: Vec<(i32, u8)> = all.iter().map(|l| (l.pr_lwpid, l.pr_sname)).collect();
    assert_eq!(states, [(headless.pid(), b'Z'), (info.pr_lwp.pr_lwpid, b'R')]);
    let dead = mount.path(headless.pid(), &format!("lwp/{}", headless.pid()));
    let listed: Vec<_> = fs::read_dir(&dead).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(listed, ["lwpsinfo"]);
    assert_eq!(client.stat(&dead.join("lwpusage")).err(), Some(ENOENT));
    assert!(client.stat(&dead.join("lwpsinfo")).is_ok());

    // Of a zombie process no lwp is left, for who has opened it before either.
    let ending = Target::start("sleeper", &[]);
    let open =
        client.open(&mount.path(ending.pid(), &format!("lwp/{}/lwpsinfo", ending.pid())), libc::O_RDONLY).unwrap();
    assert!(client.read_at(open, 0, 4096).is_ok());
    kill(ending.pid(), libc::SIGKILL);
    eventually("it has ended", || state(ending.pid()) == 'Z');
    assert_eq!(client.read_at(open, 0, 4096), Err(ENOENT));

    // The daemon's own process, which has no secrets here.
    let stranger = Client::of_user(1000);
    let info: PsInfo = take(Lp64, &read_by(&stranger, &mount.path(mount.daemon(), "psinfo")).unwrap());
    assert_eq!((text(&info.pr_fname), info.pr_argv, info.pr_argc), ("pfs".into(), 0, 2));
    assert_eq!(client.open(&mount.path(mount.daemon(), "psinfo"), O_WRONLY).is_ok(), root());
    assert_eq!(read_by(&stranger, &mount.path(mount.daemon(), "map")), Err(EACCES));

    if status_field(2, "Name") == "kthreadd" {
        let info = of(2);
        assert_eq!((info.pr_flag, text(&info.pr_psargs), info.pr_argc), (SSYS | SMSACCT, "kthreadd".into(), 0));
        assert_eq!((text(&info.pr_lwp.pr_clname), text(&info.pr_lwp.pr_name)), ("SYS".into(), "kthreadd".into()));
        for name in ["as", "map", "rmap", "xmap", "pagedata"] {
            assert_eq!(read_by(&client, &mount.path(2, name)), Ok(vec![]), "{name}");
        }
        assert_eq!(fs::read_dir(mount.path(2, "object")).unwrap().count(), 0);
        assert_eq!(read_by(&client, &mount.path(2, "argv")), Ok(b"kthreadd\0".to_vec()));
        let fd = client.open(&mount.path(2, "as"), O_RDWR).unwrap();
        assert_eq!(client.write_at(fd, 4096, b"x"), Err(libc::EIO));
        let fd = client.open(&mount.path(2, "psinfo"), O_RDONLY).unwrap();
        assert_eq!(client.poll(fd, libc::POLLIN, 0), libc::POLLERR);
    }
}

#[test]
fn lwps_and_their_use_of_resources() {
    let (mount, target, client) = (solaris(), Target::start("each", &["3", "spin"]), Client::new());
    let pid = target.pid();
    eventually("it has used time", || stat_field(pid, 14) + stat_field(pid, 15) >= 20);
    let file = |name: &str| read_by(&client, &mount.path(pid, name)).unwrap();
    let tids: Vec<i32> = {
        let mut all: Vec<i32> = fs::read_dir(format!("/proc/{pid}/task"))
            .unwrap()
            .map(|e| e.unwrap().file_name().to_str().unwrap().parse().unwrap())
            .collect();
        all.sort_unstable();
        all
    };
    let listed: Vec<i32> = fs::read_dir(mount.path(pid, "lwp"))
        .unwrap()
        .map(|e| e.unwrap().file_name().to_str().unwrap().parse().unwrap())
        .collect();
    assert_eq!(listed, tids);
    let dir = client.stat(&mount.path(pid, "lwp")).unwrap();
    assert_eq!((dir.mode & 0o777, dir.nlink, dir.size), (0o555, tids.len() as u64 + 2, (tids.len() as u64 + 2) * 16));
    let lwps: Vec<LwpsInfo> = array(Lp64, &file("lpsinfo"));
    assert_eq!(lwps.iter().map(|l| l.pr_lwpid).collect::<Vec<_>>(), tids);
    let nanos = |t: &abi::solaris::record::Timestruc| t.sec * 1_000_000_000 + t.nsec;
    let usages: Vec<PrUsage> = array(Lp64, &file("lusage"));
    assert_eq!(usages.iter().map(|u| u.pr_lwpid).collect::<Vec<_>>(), [&[0], &tids[..]].concat());
    let usage: PrUsage = take(Lp64, &file("usage"));
    assert_eq!((usage.pr_lwpid, usage.pr_count), (0, tids.len() as i32));
    let cpu = |u: &PrUsage| nanos(&u.pr_utime) + nanos(&u.pr_stime);
    assert!(cpu(&usage) >= 200_000_000, "{usage:?}");
    assert!(cpu(&usage) >= usages.iter().map(cpu).sum(), "{usage:?} {usages:?}");
    for u in usages.iter().skip(1).chain([&usage]) {
        assert!(nanos(&u.pr_tstamp) > nanos(&u.pr_create), "{u:?}");
        let parts = cpu(u) + nanos(&u.pr_slptime) + nanos(&u.pr_wtime);
        // Ticks of processor time may run ahead of the rest.
        assert!((parts - nanos(&u.pr_rtime)).abs() <= 30_000_000 * tids.len() as i64, "{u:?}");
    }
    for tid in &tids {
        let dir = format!("lwp/{tid}");
        let info: LwpsInfo = take(Lp64, &file(&format!("{dir}/lwpsinfo")));
        assert_eq!((info.pr_lwpid, text(&info.pr_name)), (*tid, String::new()));
        let usage: PrUsage = take(Lp64, &file(&format!("{dir}/lwpusage")));
        assert_eq!((usage.pr_lwpid, usage.pr_count), (*tid, 1));
        let names: Vec<_> = fs::read_dir(mount.path(pid, &dir)).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, LWP.iter().map(|r| r.name).collect::<Vec<_>>());
        assert_eq!(client.stat(&mount.path(pid, &dir)).unwrap().size, 32 * (LWP.len() as u64 + 2));
        assert_eq!(fs::read_dir(mount.path(pid, &format!("{dir}/templates"))).unwrap().count(), 0);
    }
    for name in ["agent", "1", "x", "0"] {
        assert_eq!(client.stat(&mount.path(pid, &format!("lwp/{name}"))).err(), Some(ENOENT), "{name}");
    }
    assert!(client.stat(&mount.path(pid, &format!("lwp/00{pid}"))).is_ok());
}

#[test]
fn names_of_lwps() {
    let (mount, target, client) = (solaris(), Target::start("each", &["2"]), Client::new());
    let tid = target.word(33) as i32;
    let path = mount.path(target.pid(), &format!("lwp/{tid}/lwpname"));
    let comm = || fs::read_to_string(format!("/proc/{}/task/{tid}/comm", target.pid())).unwrap();
    let name = read_by(&client, &path).unwrap();
    assert_eq!((name.len(), text(&name) + "\n"), (32, comm()));
    let fd = client.open(&path, O_RDWR).unwrap();
    assert_eq!(client.write(fd, "worker"), Ok(6));
    assert_eq!(comm(), "worker\n");
    assert_eq!(client.write(fd, "a name of more than 15"), Ok(22));
    assert_eq!(comm(), "a name of more \n");
    assert_eq!(client.write(fd, "0123456789012345678901234567890123"), Err(libc::EIO));
    assert_eq!(client.write(fd, "a\tb"), Err(libc::EINVAL));
    target.counts(17);
}

#[test]
fn maps_are_the_kernels() {
    let client = Client::new();
    for (target, model) in [(Target::start("shows", &["wait"]), Lp64), (Target::start32("shows", &["wait"]), Ilp32)] {
        let mount = solaris();
        let pid = target.pid();
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
        let lines: Vec<&str> = maps.lines().filter(|l| !l.ends_with("[vsyscall]")).collect();
        let map: Vec<PrMap> = table(Lp64, &read_by(&client, &mount.path(pid, "map")).unwrap());
        let xmap: Vec<PrXMap> = table(Lp64, &read_by(&client, &mount.path(pid, "xmap")).unwrap());
        let rmap: Vec<PrMap> = table(Lp64, &read_by(&client, &mount.path(pid, "rmap")).unwrap());
        assert_eq!([map.len(), xmap.len(), rmap.len()], [lines.len(); 3], "{model:?}");
        let executable = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
        for (line, (m, x)) in lines.iter().zip(map.iter().zip(&xmap)) {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            assert_eq!(format!("{:08x}-{:08x}", m.pr_vaddr, m.pr_vaddr + m.pr_size), words[0]);
            let bits =
                [(MA_READ, 'r'), (MA_WRITE, 'w'), (MA_EXEC, 'x')]
                    .map(|(b, c)| if m.pr_mflags & b != 0 { c } else { '-' });
            let shared = if m.pr_mflags & MA_SHARED != 0 { 's' } else { 'p' };
            assert_eq!(format!("{}{shared}", bits.iter().collect::<String>()), words[1]);
            assert_eq!(m.pr_offset, i64::from_str_radix(words[2], 16).unwrap());
            assert_eq!((m.pr_vaddr, m.pr_size, &m.pr_mapname), (x.pr_vaddr, x.pr_size, &x.pr_mapname));
            assert_eq!(m.pr_mflags & MA_STACK != 0, line.ends_with("[stack]"));
            assert_eq!(m.pr_mflags & MA_BREAK != 0, line.ends_with("[heap]"));
            let named = words.get(5).is_some_and(|p| p.starts_with('/')) && !line.contains("SYSV");
            assert_eq!(m.pr_mflags & MA_ANON == 0, named, "{line}");
            assert_eq!(text(&m.pr_mapname).is_empty(), !named, "{line}");
            assert_eq!(x.pr_dev == PRNODEV, !named, "{line}");
            if named {
                assert_eq!(x.pr_ino.to_string(), words[4]);
                let exe = Path::new(words[5]) == executable;
                assert_eq!(text(&m.pr_mapname) == "a.out", exe, "{line}");
                let same = fs::metadata(mount.path(pid, "object").join(text(&m.pr_mapname))).unwrap();
                assert_eq!(same.len(), fs::metadata(words[5]).unwrap().len());
            }
        }
        let numbers = target.numbers();
        let page = xmap.iter().find(|m| m.pr_vaddr == numbers[0]).unwrap();
        assert_eq!((page.pr_size, page.pr_rss, page.pr_anon, page.pr_hatpagesize), (4096, 1, 1, 4096));
        let shared = map.iter().find(|m| m.pr_vaddr == numbers[8]).unwrap();
        assert_eq!((shared.pr_shmid as u64, shared.pr_mflags & MA_SHM), (numbers[7], MA_SHM));
        let stack = |maps: &[PrMap]| maps.iter().find(|m| m.pr_mflags & MA_STACK != 0).unwrap().pr_size;
        assert!(stack(&rmap) > stack(&map));
    }
}

#[test]
fn the_address_space() {
    let (mount, target, client) = (solaris(), Target::start("shows", &[]), Client::new());
    let page = target.numbers()[0];
    let fd = client.open(&mount.path(target.pid(), "as"), O_RDWR).unwrap();
    assert_eq!(client.read_at(fd, page + 4000, 500), Ok(vec![0x5a; 96]));
    assert_eq!(client.read_at(fd, page + 4096, 1), Ok(vec![]));
    assert_eq!(client.read_at(fd, 0, 1), Ok(vec![]));
    assert_eq!(client.write_at(fd, page + 4095, b"xy"), Ok(1));
    assert_eq!(client.write_at(fd, page + 4096, b"y"), Err(libc::EIO));
    assert_eq!(client.read_at(fd, page + 4094, 9), Ok(b"\x5ax".to_vec()));
    let stat = client.stat(&mount.path(target.pid(), "as")).unwrap();
    assert_eq!(stat.size, stat_field(target.pid(), 23));
    target.counts(0);
}

#[test]
fn an_exec_gives_another_address_space() {
    let (mount, target, client) = (solaris(), Target::start("execs", &["self", "/proc/self/exe"]), Client::new());
    let fd = client.open(&mount.path(target.pid(), "as"), O_RDONLY).unwrap();
    let map = client.open(&mount.path(target.pid(), "map"), O_RDONLY).unwrap();
    let before: Vec<PrMap> = table(Lp64, &client.read_at(map, 0, 100_000).unwrap());
    target.go();
    eventually("the new program runs", || target.word(0) > 0);
    let after: Vec<PrMap> = table(Lp64, &client.read_at(map, 0, 100_000).unwrap());
    assert_ne!(before[0].pr_vaddr, after[0].pr_vaddr);
    assert_eq!(client.read_at(fd, after[0].pr_vaddr, 4).unwrap(), b"\x7fELF");
}

#[test]
fn credentials_privileges_and_signals() {
    if !root() {
        return;
    }
    let (mount, client, target) = (solaris(), Client::new(), Target::start_as(NOBODY, "shows", &["wait"]));
    let file = |name: &str| read_by(&client, &mount.path(target.pid(), name)).unwrap();
    let (cred, size) = Credential::take(&file("cred")).unwrap();
    assert_eq!((cred.users, cred.groups), ([NOBODY; 3], [NOBODY; 3]));
    assert_eq!(size, file("cred").len());
    let groups: Vec<u32> = status_field(target.pid(), "Groups").split(' ').filter_map(|g| g.parse().ok()).collect();
    assert_eq!(cred.others, groups);
    let (own, _) = Privileges::take(&file("priv")).unwrap();
    assert_eq!((own.nsets(), own.flags(), own.set(PRIV_EFFECTIVE).count()), (4, Some(0), 0));
    let limit = u64::from_str_radix(&status_field(target.pid(), "CapBnd"), 16).unwrap();
    assert_eq!(own.set(PRIV_LIMIT).fold(0, |all, n| all | 1u64 << n), limit);
    let actions: Vec<SigAction> = table(Lp64, &file("sigact"));
    let handler = |signal: i32| actions[signal as usize - 1].sa_handler;
    assert_eq!([libc::SIGUSR1, libc::SIGUSR2, libc::SIGTERM, 74].map(handler), [1, CAUGHT, 0, 0]);
    let flags: PrSecFlags = take(Lp64, &file("secflags"));
    assert_eq!((flags.pr_version, flags.pr_effective >> PROC_SEC_NOEXECSTACK & 1), (1, 1));
    let auxv: Vec<Auxv> = table(Lp64, &file("auxv"));
    let value = |kind: i32| auxv.iter().find(|a| a.a_type == kind).map(|a| a.a_un);
    assert_eq!([6, 2000, 2001, 2002, 2003, 4].map(value), [4096, 65534, 65534, 65534, 65534, 56].map(Some));
    let space = client.open(&mount.path(target.pid(), "as"), O_RDONLY).unwrap();
    let name = client.read_at(space, value(2014).unwrap(), 200).unwrap();
    assert!(text(&name).ends_with("shows-64"), "{name:?}");
}

#[test]
fn descriptors_objects_and_paths() {
    let (mount, target, client) = (solaris(), Target::start("shows", &["wait"]), Client::new());
    let pid = target.pid();
    let [_, file, dir, pipe, tcp, unix, port, ..] = target.numbers()[..] else { panic!("{}", target.said) };
    let names = |dir: &str| -> Vec<String> {
        let all = fs::read_dir(mount.path(pid, dir)).unwrap();
        all.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    };
    let numbers: Vec<u64> = names("fd").iter().map(|n| n.parse().unwrap()).collect();
    assert!(numbers.is_sorted() && [file, dir, pipe, tcp, unix].iter().all(|n| numbers.contains(n)), "{numbers:?}");
    assert_eq!(names("fd"), names("fdinfo"));
    let at = |dir: &str, n: u64| mount.path(pid, &format!("{dir}/{n}"));
    let passwd = fs::read("/etc/passwd").unwrap();
    let stat = client.stat(&at("fd", file)).unwrap();
    assert_eq!((stat.mode, stat.size), (libc::S_IFREG | 0o444, passwd.len() as u64));
    assert_eq!(fs::read(at("fd", file)).unwrap(), passwd);
    let stat = client.stat(&at("fd", dir)).unwrap();
    assert_eq!((stat.mode & libc::S_IFMT, stat.size, stat.nlink), (libc::S_IFLNK, 0, 1));
    assert_eq!(fs::read(at("fd", dir).join("passwd")).unwrap(), passwd);
    assert_eq!(client.stat(&at("fd", pipe)).unwrap().mode & 0o7777, 0);
    assert_eq!(client.open(&at("fd", pipe), O_RDONLY), Err(EACCES));
    assert_eq!(client.stat(&at("fd", tcp)).unwrap().mode, libc::S_IFSOCK);
    assert!(client.open(&at("fd", tcp), O_RDONLY).is_err());
    assert_eq!(client.stat(&at("fd", 99999)).err(), Some(ENOENT));
    assert_eq!(client.stat(&at("fdinfo", 99999)).err(), Some(ENOENT));

    let info = |n: u64| {
        let bytes = read_by(&client, &at("fdinfo", n)).unwrap();
        assert_eq!(bytes.len() as u64, client.stat(&at("fdinfo", n)).unwrap().size);
        let mut padded = bytes.clone();
        padded.resize(bytes.len().max(200), 0);
        (PrFdInfo::take(Lp64, &padded).unwrap(), items(&bytes[PRFDINFO_ITEMS..]))
    };
    let (record, found) = info(file);
    let meta = fs::metadata("/etc/passwd").unwrap();
    use std::os::unix::fs::MetadataExt;
    assert_eq!((record.pr_fd as u64, record.pr_mode, record.pr_ino), (file, meta.mode(), meta.ino()));
    assert_eq!((record.pr_size, record.pr_offset, record.pr_uid), (meta.len() as i64, 5, 0));
    assert_eq!((record.pr_fileflags & 0xff, record.pr_fdflags), (8, 1));
    assert_eq!((record.pr_locktype, record.pr_lockpid, record.pr_rmajor), (F_UNLCK, -1, u32::MAX));
    assert_eq!(found, [(PR_PATHNAME, b"/etc/passwd\0".to_vec())]);
    let (record, found) = info(tcp);
    assert_eq!((record.pr_mode & libc::S_IFMT, record.pr_offset, record.pr_rmajor), (libc::S_IFSOCK, -1, 0));
    let name = [&[2, 0][..], &(port as u16).to_be_bytes(), &[127, 0, 0, 1], &[0; 8]].concat();
    let listens = PR_SO_ACCEPTCONN.to_le_bytes().to_vec();
    let stream = SOCK_STREAM.to_le_bytes().to_vec();
    assert_eq!(found[0], (PR_SOCKETNAME, name));
    assert_eq!(found[1..3], [(PR_SOCKOPTS_BOOL_OPTS, listens), (PR_SOCKOPT_TYPE, stream)]);
    let (_, found) = info(unix);
    assert!(found[0].1.starts_with(format!("\x01\0@pfs-test-{pid}").as_bytes()), "{found:?}");
    let (record, found) = info(pipe);
    assert_eq!((record.pr_mode & libc::S_IFMT, record.pr_offset), (libc::S_IFIFO, -1));
    assert_eq!(found, []);

    let link = |name: &str| fs::read_link(mount.path(pid, name)).map_err(|e| e.raw_os_error().unwrap());
    assert_eq!(link(&format!("path/{file}")).unwrap(), Path::new("/etc/passwd"));
    assert_eq!(link(&format!("path/{pipe}")), Err(ENOENT));
    assert_eq!(link("path/root").unwrap(), Path::new("/"));
    let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    assert_eq!(link("path/a.out").unwrap(), exe);
    assert_eq!(link("cwd"), Ok(fs::read_link(format!("/proc/{pid}/cwd")).unwrap()));
    let objects = names("object");
    let paths = names("path");
    assert_eq!((&objects[0][..], &paths[0][..], &paths[1][..]), ("a.out", "root", "cwd"));
    assert_eq!(paths.len(), 2 + numbers.len() + objects.len());
    for object in &objects {
        let path = link(&format!("path/{object}")).unwrap();
        assert_eq!(fs::read(mount.path(pid, "object").join(object)).unwrap(), fs::read(path).unwrap(), "{object}");
        assert_eq!(client.open(&mount.path(pid, "object").join(object), O_RDWR), Err(EACCES));
    }
    assert_eq!(names("contracts"), Vec::<String>::new());
}

/// What a process has set of its sockets; it is not told, and they end as they would have.
#[test]
fn options_of_sockets() {
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    let (mount, client) = (solaris(), Client::new());
    let one = |n: i32, kind: u32| {
        let bytes = read_by(&client, &mount.path(std::process::id() as i32, &format!("fdinfo/{n}"))).unwrap();
        items(&bytes[PRFDINFO_ITEMS..]).into_iter().find(|(k, _)| *k == kind).map(|(_, bytes)| bytes)
    };
    let set = |fd: i32, option: i32, value: &[i32]| {
        let size = std::mem::size_of_val(value) as u32;
        // SAFETY: the kernel reads `size` bytes of the value.
        let rc = unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, option, value.as_ptr().cast(), size) };
        assert_eq!(rc, 0);
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut ours = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut theirs, _) = listener.accept().unwrap();
    let n = ours.as_raw_fd();
    set(n, libc::SO_KEEPALIVE, &[1]);
    set(n, libc::SO_OOBINLINE, &[1]);
    set(n, libc::SO_LINGER, &[1, 300]);
    set(n, libc::SO_SNDBUF, &[30_000]);
    set(n, libc::SO_RCVBUF, &[40_000]);
    assert_eq!(one(n, PR_SOCKOPTS_BOOL_OPTS).unwrap(), (PR_SO_KEEPALIVE | PR_SO_OOBINLINE).to_le_bytes());
    assert_eq!(one(n, PR_SOCKOPT_LINGER).unwrap(), [1i32.to_le_bytes(), 300i32.to_le_bytes()].concat());
    // Linux takes it twice.
    assert_eq!(one(n, PR_SOCKOPT_SNDBUF).unwrap(), 60_000i32.to_le_bytes());
    assert_eq!(one(n, PR_SOCKOPT_RCVBUF).unwrap(), 80_000i32.to_le_bytes());
    let usual = fs::read("/proc/sys/net/ipv4/tcp_congestion_control").unwrap();
    assert!(one(n, PR_SOCKOPT_TCP_CONGESTION).unwrap().starts_with(usual.trim_ascii()));
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let n = udp.as_raw_fd();
    set(n, libc::SO_BROADCAST, &[1]);
    set(n, libc::SO_REUSEADDR, &[1]);
    assert_eq!(one(n, PR_SOCKOPTS_BOOL_OPTS).unwrap(), (PR_SO_BROADCAST | PR_SO_REUSEADDR).to_le_bytes());
    assert_eq!(one(n, PR_SOCKOPT_TYPE).unwrap(), 1i32.to_le_bytes());
    assert_eq!(one(n, PR_SOCKOPT_TCP_CONGESTION), None);
    // Nobody else has it open.
    ours.write_all(b"end").unwrap();
    drop(ours);
    let mut all = Vec::new();
    theirs.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"end");
}

/// Of an AF_UNIX socket the kernel keeps who has made the other end.
#[test]
fn the_other_end_of_a_unix_socket() {
    use std::os::fd::AsRawFd;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::os::unix::process::CommandExt;
    let (mount, client, dir) = (solaris(), Client::new(), TempDir::new());
    let own = std::process::id() as i32;
    let of = |pid: i32, n: i32| {
        let bytes = read_by(&client, &mount.path(pid, &format!("fdinfo/{n}"))).unwrap();
        let record = PrFdInfo::take(Lp64, &bytes).unwrap();
        let peer = items(&bytes[PRFDINFO_ITEMS..]).into_iter().find(|(k, _)| *k == PR_PEERSOCKNAME);
        // It ends with a NUL and padding.
        let address = |bytes: Vec<u8>| bytes[..bytes.iter().rposition(|b| *b != 0).unwrap() + 1].to_vec();
        (record.pr_peerpid, record.pr_peername, peer.map(|(_, bytes)| address(bytes)))
    };
    let none = abi::solaris::record::chars(b"");
    let comm = fs::read(format!("/proc/{own}/comm")).unwrap();
    let name = abi::solaris::record::chars(comm.trim_ascii_end());
    let path = dir.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let ours = UnixStream::connect(&path).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    let address = [&1u16.to_le_bytes()[..], path.to_str().unwrap().as_bytes()].concat();
    assert_eq!(of(own, listener.as_raw_fd()), (-1, none, None));
    assert_eq!(of(own, ours.as_raw_fd()), (own, name, Some(address)));
    assert_eq!(of(own, theirs.as_raw_fd()), (own, name, None));
    let lone = std::os::unix::net::UnixDatagram::unbound().unwrap();
    assert_eq!(of(own, lone.as_raw_fd()), (-1, none, None));
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = std::net::TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
    assert_eq!(of(own, tcp.as_raw_fd()).0, -1);
    // One that has ended has no number any more.
    let mut gone = std::process::Command::new("cat");
    let connect = move || UnixStream::connect(&path).map(drop);
    // SAFETY: it is made before any other thread of the child's, and what it makes ends with the exec.
    let mut gone = unsafe { gone.pre_exec(connect) }.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let (from, _) = listener.accept().unwrap();
    assert_eq!(of(own, from.as_raw_fd()).0, gone.id() as i32);
    gone.kill().unwrap();
    gone.wait().unwrap();
    assert_eq!(of(own, from.as_raw_fd()), (-1, none, None));
}

#[test]
fn descriptors_are_opened_anew_within_their_mode() {
    if !root() {
        return;
    }
    let (mount, target, owner) = (solaris(), Target::start_as(NOBODY, "shows", &["wait"]), Client::of_user(NOBODY));
    let at = |n: usize| mount.path(target.pid(), &format!("fd/{}", target.numbers()[n]));
    let (file, scratch) = (at(1), at(11));
    assert_eq!(owner.open(&file, O_WRONLY), Err(EACCES));
    let mount_link = mount.path(target.pid(), &format!("path/{}", target.numbers()[11]));
    assert_eq!(fs::read_link(mount_link).map_err(|e| e.raw_os_error()), Err(Some(ENOENT)));
    assert_eq!(owner.stat(&scratch).unwrap().mode, libc::S_IFREG | 0o600);
    let fd = owner.open(&scratch, O_RDWR).unwrap();
    assert_eq!(owner.read(fd, 100), Ok(b"scratch".to_vec()));
    assert_eq!(owner.write_at(fd, 7, b" more"), Ok(5));
    assert_eq!(fs::read(format!("/proc/{}/fd/{}", target.pid(), target.numbers()[11])).unwrap(), b"scratch more");
    owner.open(&scratch, O_WRONLY | libc::O_TRUNC).unwrap();
    assert_eq!(owner.stat(&scratch).unwrap().size, 0);
    // Another user's descriptors are closed to him, by whatever name.
    let other = Client::of_user(1000);
    assert_eq!(other.open(&scratch, O_RDONLY), Err(EACCES));
    assert_eq!(other.stat(&scratch).err(), Some(EACCES));
    assert_eq!(other.stat(&mount.path(target.pid(), "object/a.out")).err(), Some(EACCES));
}

#[test]
fn a_mount_that_looks_at_itself_does_not_wait() {
    let (mount, client) = (solaris(), Client::new());
    let path = |name: &str| mount.path(client.pid(), name);
    let own = client.open(&path("psinfo"), O_RDONLY).unwrap();
    let dir = client.open(&path("lwp"), O_RDONLY | libc::O_DIRECTORY).unwrap();
    assert_eq!(client.stat(&path(&format!("fd/{own}"))).unwrap().mode & libc::S_IFMT, libc::S_IFREG);
    assert_eq!(client.open(&path(&format!("fd/{own}")), O_RDONLY), Err(EACCES));
    assert!(read_by(&client, &path(&format!("fdinfo/{own}"))).is_ok());
    assert_eq!(client.stat(&path(&format!("fd/{dir}/{}", client.pid()))).unwrap().mode & libc::S_IFMT, libc::S_IFDIR);
}

/// The tagged items behind a `prfdinfo_t`.
fn items(bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let (mut at, mut all) = (0, Vec::new());
    while word(at) != 0 {
        let size = word(at) as usize;
        all.push((word(at + 4), bytes[at + 8..at + size].to_vec()));
        at += size;
    }
    assert_eq!((word(at + 4), bytes.len()), (PR_TYPE_END, at + 8));
    for (kind, payload) in &mut all {
        if *kind == PR_PATHNAME {
            let end = payload.iter().position(|b| *b == 0).unwrap();
            payload.truncate(end + 1);
        }
    }
    all
}

#[test]
fn a_byte_for_each_page() {
    let (mount, target, client) = (solaris(), Target::start("shows", &["wait"]), Client::new());
    let path = mount.path(target.pid(), "pagedata");
    let size = client.stat(&path).unwrap().size as usize;
    let fd = client.open(&path, O_RDONLY).unwrap();
    assert_eq!(client.read(fd, size - 1), Err(libc::E2BIG));
    // Every read gives it all.
    let _ = client.read(fd, size).unwrap();
    let bytes = client.read(fd, size + 100).unwrap();
    assert_eq!(bytes.len(), size);
    let head = PrPageHeader::take(Lp64, &bytes).unwrap();
    let map: Vec<PrMap> = table(Lp64, &read_by(&client, &mount.path(target.pid(), "map")).unwrap());
    assert_eq!(head.pr_nmap as usize, map.len());
    let (mut at, mut pages) = (PrPageHeader::size(Lp64), 0);
    for m in &map {
        let entry = PrAsMap::take(Lp64, &bytes[at..]).unwrap();
        assert_eq!((entry.pr_vaddr, entry.pr_npage, &entry.pr_mapname), (m.pr_vaddr, m.pr_size / 4096, &m.pr_mapname));
        assert_eq!(entry.pr_mflags & (MA_BREAK | MA_STACK), 0);
        let start = at + PrAsMap::size(Lp64);
        if m.pr_vaddr == target.numbers()[0] {
            assert_eq!(bytes[start], PG_HWMAPPED | PG_REFERENCED | PG_MODIFIED);
        }
        pages += entry.pr_npage;
        at = start + (entry.pr_npage as usize).next_multiple_of(8);
    }
    assert_eq!((at, pages as i64), (size, head.pr_npage));
}

#[test]
fn what_is_left_of_the_dead() {
    let (mount, mut target, client) = (solaris(), Target::start("shows", &["wait"]), Client::new());
    let (pid, leaves) = (target.pid(), Target::start("leaves", &[]));
    let zombie = leaves.numbers()[0] as i32;
    let listed: Vec<_> = fs::read_dir(mount.path(zombie, "")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(listed, ["psinfo", "usage", "argv", "cmdline"]);
    for row in PROCESS {
        let stat = client.stat(&mount.path(zombie, row.name));
        assert_eq!(stat.is_ok(), matches!(row.name, "psinfo" | "usage"), "{}: {stat:?}", row.name);
    }
    let usage: PrUsage = take(Lp64, &read_by(&client, &mount.path(zombie, "usage")).unwrap());
    assert_eq!((usage.pr_count, usage.pr_rtime.sec), (0, 0));
    let mut busy = std::process::Command::new("sh")
        .args(["-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"])
        .spawn()
        .unwrap();
    let own = busy.id() as i32;
    eventually("it has ended", || state(own) == 'Z');
    let usage: PrUsage = take(Lp64, &read_by(&client, &mount.path(own, "usage")).unwrap());
    let nanos = |t: Timestruc| t.sec * 1_000_000_000 + t.nsec;
    assert!(nanos(usage.pr_rtime) > 0, "{usage:?}");
    assert_eq!(nanos(usage.pr_rtime), nanos(usage.pr_utime) + nanos(usage.pr_stime));
    assert_eq!(nanos(usage.pr_slptime), 0);
    busy.wait().unwrap();

    let open: Vec<(&str, i32)> = ["psinfo", "usage", "map", "as", "cred", "lpsinfo", "fdinfo/0", "pagedata"]
        .iter()
        .map(|name| (*name, client.open(&mount.path(pid, name), O_RDONLY).unwrap()))
        .collect();
    let waiter = Client::new();
    let waits = waiter.open(&mount.path(pid, "psinfo"), O_RDONLY).unwrap();
    let bits = libc::POLLIN | libc::POLLRDNORM;
    assert_eq!(waiter.poll(waits, libc::POLLIN | libc::POLLRDNORM | libc::POLLPRI, 0), bits);
    waiter.begin_poll(waits, 0, 50_000);
    eventually("it waits", || state(waiter.pid()) == 'S');
    kill(pid, libc::SIGKILL);
    // A zombie counts as dead, and the waiter is told.
    assert_eq!(waiter.answer().unwrap().0 as i16, libc::POLLHUP);
    target.end();
    for (name, fd) in open {
        assert_eq!(client.read_at(fd, 0, 10_000), Err(ENOENT), "{name}");
        assert_eq!(client.poll(fd, libc::POLLIN, 0), libc::POLLHUP, "{name}");
    }
    assert_eq!(client.stat(&mount.path(pid, "")).err(), Some(ENOENT));
    assert_eq!(client.stat(&mount.path(pid, "psinfo")).err(), Some(ENOENT));
}

#[test]
fn a_set_id_exec_invalidates() {
    if !root() {
        return;
    }
    let dir = TempDir::new();
    let suid = set_id_program(&dir, "suid");
    let target = Target::start_as(NOBODY, "execs", &["self", suid.to_str().unwrap()]);
    let (mount, owner) = (solaris(), Client::of_user(NOBODY));
    let path = |name: &str| mount.path(target.pid(), name);
    let private: Vec<i32> = ["as", "map", "cred", "fdinfo/0"].map(|n| owner.open(&path(n), O_RDONLY).unwrap()).to_vec();
    let public: Vec<i32> = ["psinfo", "lusage", "argv"].map(|n| owner.open(&path(n), O_RDONLY).unwrap()).to_vec();
    target.go();
    target.counts(0);
    for fd in private {
        assert_eq!(owner.read_at(fd, 0, 100), Err(EAGAIN));
        assert_eq!(owner.poll(fd, libc::POLLIN, 0), libc::POLLERR);
    }
    for fd in public {
        assert!(!owner.read_at(fd, 0, 100).unwrap().is_empty());
    }
    assert_eq!(owner.open(&path("as"), O_RDONLY), Err(EACCES));
}

/// Open flags, and whether they read and write.
const MODES: &[(&str, i32, bool, bool)] =
    &[("r", O_RDONLY, true, false), ("w", O_WRONLY, false, true), ("rw", O_RDWR, true, true)];

/// Everything that can be opened, with its mode and who may.
fn rows() -> Vec<(String, &'static Row)> {
    let own = PROCESS.iter().map(|row| (row.name.to_string(), row));
    own.chain(LWP.iter().map(|row| (format!("lwp/PID/{}", row.name), row))).collect()
}

#[test]
fn the_files_that_anyone_may_read() {
    let documented = ["psinfo", "lpsinfo", "usage", "lusage", "lwp", "argv", "cmdline", "lwpsinfo", "lwpusage"];
    let made: Vec<&str> = rows().iter().filter(|(_, row)| row.who == Who::Anyone).map(|(_, row)| row.name).collect();
    assert_eq!(made, documented);
    for (_, row) in rows() {
        assert!(row.who == Who::Anyone || row.mode & 0o077 == 0 || row.name == "lwpname", "{}", row.name);
    }
}

/// First the permission of the mode, then the right to control; root has both, but not of zombies. Files of control judge in
/// their own way, which other tests look at.
#[test]
fn every_file_in_every_mode_for_everybody() {
    if !root() {
        return;
    }
    let dir = TempDir::new();
    let suid = set_id_program(&dir, "suid");
    let plain = Target::start_as(NOBODY, "count", &[]);
    let raised = Target::start_as(NOBODY, "execs", &["self", suid.to_str().unwrap()]);
    raised.go();
    raised.counts(0);
    let leaves = Target::start_as(NOBODY, "leaves", &[]);
    let mut targets = vec![("plain", plain.pid(), NOBODY), ("set-uid", raised.pid(), NOBODY)];
    targets.push(("zombie", leaves.numbers()[0] as i32, NOBODY));
    if status_field(2, "Name") == "kthreadd" {
        targets.push(("system", 2, 0));
    }
    let clients = [
        ("owner", NOBODY, Client::of_user(NOBODY)),
        ("other", 1000, Client::of_user(1000)),
        ("root", 0, Client::new()),
    ];
    let mount = solaris();
    let (mut cells, mut wrong) = (0, Vec::new());
    for (kind, pid, of) in &targets {
        for (who, uid, client) in &clients {
            for (name, row) in rows() {
                // What is about control is judged there.
                let control = ["status", "lstatus", "lwpstatus", "watch", "xregs", "spymaster"];
                if row.keep == tree::Keep::Fresh || control.contains(&row.name) {
                    continue;
                }
                let name = name.replace("PID", &pid.to_string());
                for (mode, flags, reads, writes) in MODES {
                    let bits = (row.mode >> if uid == of { 6 } else { 0 }) & 7;
                    let permitted = *uid == 0 || (!reads || bits & 4 != 0) && (!writes || bits & 2 != 0);
                    let right = row.who == Who::Anyone || *uid == 0 || *uid == *of && *kind == "plain";
                    let there = *kind != "zombie" || matches!(&name[..], "psinfo" | "usage");
                    let expect: &[i32] = match row.mode & libc::S_IFMT {
                        _ if !there => &[ENOENT],
                        // The kernel says so by itself, if it comes so far.
                        libc::S_IFDIR | libc::S_IFLNK if *writes => &[libc::EISDIR, EACCES],
                        // Only who may read a link comes to its end.
                        libc::S_IFLNK if right => &[0],
                        libc::S_IFDIR | libc::S_IFREG if permitted && right => &[0],
                        _ => &[EACCES],
                    };
                    let got = match client.open(&mount.path(*pid, &name), *flags) {
                        Ok(fd) => {
                            client.close(fd);
                            0
                        }
                        Err(e) => e,
                    };
                    cells += 1;
                    if !expect.contains(&got) {
                        wrong.push(format!("{kind}, {who}, {name}, {mode}: {got}, not {expect:?}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cells > 300, "{cells}");
}

#[test]
fn processes_are_hidden_as_the_mount_says() {
    if !root() {
        return;
    }
    let (own, other) = (Target::start_as(NOBODY, "shows", &["wait"]), Target::start("shows", &["wait"]));
    let nobody = Client::of_user(NOBODY);
    let sees = |mount: &Mount, client: &Client| {
        [&own, &other].map(|target| client.stat(&mount.path(target.pid(), "psinfo")).map(|s| s.size))
    };
    let hidden = Mount::of("solaris", "hidepid=2");
    assert_eq!(sees(&hidden, &nobody), [Ok(416), Err(ENOENT)]);
    assert_eq!(sees(&hidden, &Client::new()), [Ok(416), Ok(416)]);
    let his = Mount::of("solaris", "uid=65534");
    assert_eq!(sees(&his, &Client::new()), [Ok(416), Err(ENOENT)]);
    let listed: Vec<String> =
        fs::read_dir(his.point()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert!(listed.contains(&own.pid().to_string()) && !listed.contains(&other.pid().to_string()), "{listed:?}");
}

#[test]
fn a_read_only_mount_changes_nothing() {
    let (mount, target, client) = (Mount::of("solaris", "ro"), Target::start("shows", &["wait"]), Client::new());
    assert_eq!(client.open(&mount.path(target.pid(), "as"), O_RDWR), Err(libc::EROFS));
    let name = format!("lwp/{}/lwpname", target.pid());
    assert_eq!(client.open(&mount.path(target.pid(), &name), O_WRONLY), Err(libc::EROFS));
    assert!(client.open(&mount.path(target.pid(), "as"), O_RDONLY).is_ok());
}

#[test]
fn what_cannot_be_written_or_changed() {
    let (mount, target, client) = (solaris(), Target::start("shows", &["wait"]), Client::new());
    let path = mount.path(target.pid(), "psinfo");
    if root() {
        // The mode does not bind root; the file does.
        let fd = client.open(&path, O_RDWR).unwrap();
        assert_eq!(client.write(fd, "x"), Err(libc::EBADF));
    }
    assert_eq!(client.open(&path, O_WRONLY | libc::O_TRUNC), Err(libc::ENOSYS));
    assert_eq!(client.open(&path, O_RDONLY | libc::O_CREAT), client.open(&path, O_RDONLY).map(|fd| fd - 1));
    assert_eq!(client.open(&path, O_RDONLY | libc::O_CREAT | libc::O_EXCL), Err(libc::EEXIST));
    let errno = |r: std::io::Result<()>| r.err().and_then(|e| e.raw_os_error());
    let new = mount.path(target.pid(), "new");
    assert_eq!(client.open(&new, O_RDONLY | libc::O_CREAT), Err(EACCES));
    assert_eq!(errno(fs::create_dir(&new)), Some(libc::ENOSYS));
    assert_eq!(errno(fs::remove_file(&path)), Some(libc::ENOSYS));
    assert_eq!(errno(fs::rename(&path, &new)), Some(libc::ENOSYS));
    assert_eq!(errno(std::os::unix::fs::symlink("x", &new)), Some(libc::ENOSYS));
    // The kernel makes EPERM of it.
    assert_eq!(errno(fs::hard_link(&path, &new)), Some(libc::EPERM));
    assert_eq!(errno(fs::set_permissions(&path, fs::Permissions::from_mode(0o777))), Some(libc::ENOSYS));
}
