//! The tree and the texts of the flavours `bsd44` and `freebsd`, release by release, as real clients see them of real processes.

use libc::{
    EACCES, EBADF, EFBIG, EINVAL, EIO, EISDIR, EMSGSIZE, ENOENT, EOPNOTSUPP, EPERM, EROFS, ESRCH, O_CREAT, O_RDONLY,
    O_RDWR, O_TRUNC, O_WRONLY,
};
use pfs_tests::bsd::{at, is_pseudofs, names, All, LEVELS};
use pfs_tests::{copy_program, kill, program, root, state, status_field, Client, Target, TempDir, NOBODY};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const DT_DIR: u32 = 4;
const DT_LNK: u32 = 10;

fn errno<T>(result: std::io::Result<T>) -> Option<i32> {
    result.err().map(|e| e.raw_os_error().unwrap())
}

fn text(bytes: Result<Vec<u8>, i32>) -> String {
    String::from_utf8(bytes.unwrap()).unwrap()
}

/// The nodes of each release, in the order of its listing, with those of a thread of the kernel marked.
fn listing(level: &str) -> Vec<&'static str> {
    let since_5 = |names: &[&'static str]| names.to_vec();
    match level {
        "44a" | "44b" => vec!["file", "mem", "regs", "fpregs", "status"],
        "2" => vec!["file", "mem", "regs", "fpregs", "status", "map", "etype"],
        "4" => vec!["mem", "regs", "fpregs", "dbregs", "status", "map", "etype", "cmdline", "rlimit", "file"],
        "5" => since_5(&["file", "status", "rlimit", "regs", "mem", "map", "fpregs", "etype", "dbregs", "cmdline"]),
        _ => since_5(&[
            "file", "osrel", "status", "rlimit", "regs", "mem", "map", "fpregs", "etype", "dbregs", "cmdline",
        ]),
    }
}

/// `ctl`, `note` and `notepg` have tests of their own.
fn without_messages(names: Vec<String>) -> Vec<String> {
    names.into_iter().filter(|n| !["ctl", "note", "notepg"].contains(&&n[..])).collect()
}

fn mode_of(name: &str) -> u32 {
    match name {
        "file" => libc::S_IFLNK | 0o444,
        "mem" | "regs" | "fpregs" | "dbregs" | "osrel" => libc::S_IFREG | 0o600,
        _ => libc::S_IFREG | 0o444,
    }
}

#[test]
fn t01_the_root_lists_processes_and_curproc() {
    let (all, target, client) = (All::new(""), Target::start("count", &[]), Client::new());
    for (level, point) in all.each() {
        let entries = client.list(point).unwrap();
        let names: Vec<&str> = entries.iter().map(|(name, ..)| &name[..]).collect();
        assert_eq!(names[..2], [".", ".."]);
        let curproc = if is_pseudofs(level) { names.len() - 1 } else { 2 };
        assert_eq!(names[curproc], "curproc", "{level}");
        assert_eq!(entries[curproc].2, if level == "44a" { DT_DIR } else { DT_LNK }, "{level}");
        let pids: Vec<u32> = names[2..].iter().filter_map(|n| n.parse().ok()).collect();
        assert_eq!(pids.len(), names.len() - 3, "{level}: {names:?}");
        assert!(pids.windows(2).all(|pair| pair[0] > pair[1]), "{level}: the newest is first: {pids:?}");
        assert!(pids.contains(&(target.pid() as u32)) && pids.contains(&(client.pid() as u32)));
        for (name, ino, kind) in &entries[2..] {
            if name != "curproc" {
                assert_eq!(*kind, DT_DIR, "{level} {name}");
            }
            // Others come and go meanwhile.
            if name == "curproc" || name == &target.pid().to_string() {
                assert_eq!(client.stat(&point.join(name)).unwrap().ino, *ino, "{level} {name}");
            }
        }
        let directory = point.join(target.pid().to_string());
        for (name, ino, _) in client.list(&directory).unwrap() {
            assert_eq!(client.stat(&directory.join(&name)).unwrap().ino, ino, "{level} {name}");
        }
    }
    let ino = |level, name: &str| client.stat(&all.of(level).join(name)).unwrap().ino;
    assert_eq!([ino("44a", "1"), ino("44b", "1"), ino("4", "1"), ino("10", "1")], [17, 34, 34, 400_000_001]);
    let (pid, mem) = (target.pid() as u64, format!("{}/mem", target.pid()));
    let expected = [((pid + 1) << 3) + 3, ((pid + 1) << 4) + 4, 1_100_000_000 + pid, 1_000_000_000 + pid];
    assert_eq!(["44a", "44b", "10", "12"].map(|level| ino(level, &mem)), expected);
    for (_, point) in all.each() {
        assert_eq!(client.stat(point).unwrap().ino, 2);
    }
}

#[test]
fn t02_leading_zeros_of_a_number_do_not_matter() {
    let (all, client) = (All::new(""), Client::new());
    for (level, point) in all.each() {
        let of = |name: String| client.stat(&point.join(name)).unwrap().ino;
        assert_eq!(of(format!("00{}", client.pid())), of(client.pid().to_string()), "{level}");
    }
}

#[test]
fn t03_what_is_no_process_is_not_there() {
    let (all, client, crowd) = (All::new(""), Client::new(), Target::start("count", &["2"]));
    let thread = pfs_tests::thread_states(crowd.pid()).iter().map(|(tid, _)| *tid).find(|tid| *tid != crowd.pid());
    let far = u64::from(crowd.pid() as u32) + 1_000_000_000;
    let pid = crowd.pid();
    for (level, point) in all.each() {
        for name in [
            "nobody".to_owned(),
            "self".to_owned(),
            format!("{far}"),
            format!("{}", u64::MAX),
            "0".to_owned(),
            "-1".to_owned(),
            format!("+{pid}"),
            format!("{pid}x"),
            thread.unwrap().to_string(),
            format!("{pid}/nothing"),
            format!("{pid}/.hidden"),
            "x".repeat(200),
        ] {
            assert_eq!(client.stat(&point.join(&name)).err(), Some(ENOENT), "{level} {name}");
        }
    }
}

#[test]
fn t04_nothing_can_be_made_or_removed() {
    let (all, target, client) = (All::new(""), Target::start("count", &[]), Client::new());
    for (level, point) in all.each() {
        let pseudofs = is_pseudofs(level);
        let directory = point.join(target.pid().to_string());
        for dir in [point, &directory] {
            let make = Some(if pseudofs { EOPNOTSUPP } else { EIO });
            let remove = Some(if pseudofs { EOPNOTSUPP } else { EROFS });
            assert_eq!(errno(fs::create_dir(dir.join("new"))), make, "{level}");
            assert_eq!(errno(std::os::unix::fs::symlink("x", dir.join("new"))), make, "{level}");
            assert_eq!(errno(fs::hard_link(directory.join("status"), dir.join("new"))), make, "{level}");
            let create = if pseudofs { ENOENT } else { EROFS };
            assert_eq!(client.open(&dir.join("new"), O_CREAT | O_WRONLY), Err(create), "{level}");
            let there = if dir == point { "1" } else { "status" };
            assert_eq!(errno(fs::rename(dir.join(there), dir.join("new"))), remove, "{level}");
        }
        let removed = Some(if pseudofs { EOPNOTSUPP } else { EROFS });
        assert_eq!(errno(fs::remove_file(directory.join("status"))), removed, "{level}");
        assert_eq!(errno(fs::remove_dir(&directory)), removed, "{level}");
        assert_eq!(client.open(&directory, O_RDWR), Err(EISDIR), "{level}");
        // A shell's `>` truncates; all else that would change attributes is refused where it was.
        let mem = client.open(&directory.join("mem"), O_WRONLY | O_TRUNC);
        assert_eq!(mem.map(|fd| client.close(fd)), Ok(()), "{level}");
        let changed = errno(fs::set_permissions(directory.join("mem"), fs::Permissions::from_mode(0o777)));
        assert_eq!(changed, ["5", "10"].contains(&level).then_some(EOPNOTSUPP), "{level}");
        assert_eq!(client.stat(&directory.join("mem")).unwrap().mode, mode_of("mem"));
    }
}

/// A session whose leader has ended has none, though nobody has waited for it.
#[test]
fn t08_the_leader_of_a_session_that_has_ended() {
    let all = All::new("");
    let mut command = std::process::Command::new("setsid");
    let mut leader =
        command.args(["sh", "-c", "sleep 100 & echo $!"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(leader.stdout.take().unwrap()), &mut line).unwrap();
    let member: i32 = line.trim().parse().unwrap();
    pfs_tests::eventually("the leader has ended", || state(leader.id() as i32) == 'Z');
    // SAFETY: no memory is taken.
    assert_eq!(unsafe { libc::getsid(member) }, leader.id() as i32);
    for (level, point) in all.each() {
        let status = text(Client::new().read_file(&point.join(member.to_string()).join("status")));
        assert_eq!(status.split(' ').nth(4), Some("0"), "{level}: {status}");
    }
    kill(member, libc::SIGKILL);
    leader.wait().unwrap();
}

#[test]
fn statfs_tells_what_the_releases_told() {
    let (all, _target) = (All::new(""), Target::start("count", &[]));
    let most: u64 = fs::read_to_string("/proc/sys/kernel/pid_max").unwrap().trim().parse().unwrap();
    for (level, point) in all.each() {
        let path = std::ffi::CString::new(point.to_str().unwrap()).unwrap();
        // SAFETY: plain data, filled in by the call; a path that ends in 0.
        let (told, s) = unsafe {
            let mut s: libc::statvfs = std::mem::zeroed();
            (libc::statvfs(path.as_ptr(), &mut s), s)
        };
        assert_eq!((told, s.f_bsize, s.f_blocks, s.f_bfree, s.f_bavail), (0, 4096, 1, 0, 0), "{level}");
        if is_pseudofs(level) {
            assert_eq!((s.f_files, s.f_ffree), (1, 0), "{level}");
        } else {
            assert_eq!(s.f_files, most, "{level}");
            assert!((2..20_000).contains(&(s.f_files - s.f_ffree)), "{level}: {}", s.f_ffree);
        }
    }
}

#[test]
fn t05_curproc_is_who_looks() {
    let (all, client) = (All::new(""), Client::new());
    for (level, point) in all.each() {
        let curproc = point.join("curproc");
        if level == "44a" {
            let own = client.stat(&point.join(client.pid().to_string())).unwrap();
            let seen = client.stat(&curproc).unwrap();
            assert_eq!((seen.ino, seen.mode), (own.ino, own.mode));
            assert_ne!(std::os::unix::fs::MetadataExt::ino(&fs::metadata(&curproc).unwrap()), own.ino);
            assert!(text(client.read_file(&curproc.join("status"))).contains(&format!(" {} ", client.pid())));
            continue;
        }
        let read = |path: &Path| fs::read_link(path).unwrap().to_str().unwrap().to_owned();
        let me = std::process::id().to_string();
        assert_eq!(read(&curproc), me, "{level}");
        assert_eq!(std::thread::scope(|s| s.spawn(|| read(&curproc)).join().unwrap()), me, "{level}");
        assert_eq!(client.read_link(&curproc), Ok(client.pid().to_string()), "{level}");
        let size = if is_pseudofs(level) { 0 } else { client.pid().to_string().len() as u64 };
        let stat = client.stat(&curproc).unwrap();
        assert_eq!((stat.mode, stat.size, stat.uid, stat.ino), (libc::S_IFLNK | 0o444, size, 0, 3), "{level}");
        assert!(client.read_link(&curproc.join("file")).unwrap().ends_with("/client-64"), "{level}");
        assert_eq!(
            client.read_link(&curproc.join("file")),
            client.read_link(&point.join(client.pid().to_string()).join("file"))
        );
    }
}

#[test]
fn t06_modes_owners_and_sizes() {
    if !root() {
        return;
    }
    let (all, client) = (All::new(""), Client::new());
    let (own, other) = (Target::start("count", &[]), Target::start_as(NOBODY, "count", &[]));
    // "x", no groups, real ids 2, effective ids 1.
    let changed = Target::start("person", &["78", "0", "ids"]);
    for (level, point) in all.each() {
        for (target, uid) in [(&own, 0), (&other, NOBODY)] {
            let directory = point.join(target.pid().to_string());
            assert_eq!(without_messages(names(&client, &directory).unwrap()), listing(level), "{level}");
            for name in listing(level) {
                let stat = client.stat(&directory.join(name)).unwrap();
                assert_eq!((stat.mode, stat.uid, stat.gid, stat.nlink), (mode_of(name), uid, uid, 1), "{level} {name}");
                let shows = ["44b", "2", "4"].contains(&level);
                let size = match name {
                    "regs" => 176,
                    "fpregs" => 512,
                    "dbregs" => 128,
                    "file" => client.read_link(&directory.join(name)).unwrap().len() as u64,
                    _ => 0,
                };
                assert_eq!(stat.size, if shows { size } else { 0 }, "{level} {name}");
            }
            let stat = client.stat(&directory).unwrap();
            let nlink = match level {
                "44a" | "44b" => 2,
                "2" | "4" => names(&client, &directory).unwrap().len() as u64 + 2,
                _ => 1,
            };
            assert_eq!(
                (stat.mode, stat.uid, stat.nlink, stat.blksize),
                (libc::S_IFDIR | 0o555, uid, nlink, 4096),
                "{level}"
            );
        }
        let directory = point.join(changed.pid().to_string());
        let owner = if is_pseudofs(level) { 2 } else { 1 };
        for name in names(&client, &directory).unwrap() {
            let stat = client.stat(&directory.join(&name)).unwrap();
            let closed: &[&str] = match level {
                "44a" | "44b" | "2" => &["mem", "regs", "fpregs"],
                "4" => &["mem", "regs", "fpregs", "dbregs", "ctl"],
                _ => &["mem", "regs", "fpregs", "dbregs", "ctl", "osrel"],
            };
            let kept = if closed.contains(&&name[..]) { 0 } else { 0o777 };
            assert_eq!(stat.mode & 0o777 & !kept, 0, "{level} {name}");
            if ["ctl", "note", "notepg"].contains(&&name[..]) {
                assert_eq!(stat.mode & 0o777, 0o200 & kept, "{level} {name}");
            } else if kept != 0 {
                assert_eq!(stat.mode, mode_of(&name), "{level} {name}");
            }
            let owner = if level == "4" && name == "mem" { 0 } else { owner };
            assert_eq!(stat.uid, owner, "{level} {name}");
        }
    }
}

#[test]
fn t06_a_thread_of_the_kernel_has_few_files() {
    if !root() || status_field(2, "Name") != "kthreadd" {
        return;
    }
    let (all, client) = (All::new(""), Client::new());
    for (level, point) in all.each() {
        let expected: &[&str] = match level {
            "44a" | "44b" | "2" => &["mem", "status"],
            "4" => &["mem", "status", "cmdline", "rlimit"],
            _ => &["status", "rlimit", "etype", "cmdline"],
        };
        assert_eq!(without_messages(names(&client, &point.join("2")).unwrap()), expected, "{level}");
        for name in listing(level).into_iter().filter(|name| !expected.contains(name)) {
            assert_eq!(client.stat(&point.join("2").join(name)).err(), Some(ENOENT), "{level} {name}");
        }
        let status = text(client.read_file(&point.join("2/status")));
        assert!(status.starts_with("kthreadd 2 0 0 0 "), "{level}: {status}");
        if expected.contains(&"cmdline") {
            assert_eq!(client.read_file(&point.join("2/cmdline")), Ok(vec![]), "{level}");
        }
        if is_pseudofs(level) {
            assert_eq!(text(client.read_file(&point.join("2/etype"))), "null\n", "{level}");
        }
    }
}

/// Notes are for everybody who sees the process, and each write is judged; strictly, for who may debug it, from release 5 on.
#[test]
fn t07_notes_of_another_users_process() {
    if !root() {
        return;
    }
    let (target, stranger) = (Target::start("siglog", &[]), Client::of_user(NOBODY));
    // Its ids have changed: no file of the debugger's kind is left.
    let changed = Target::start("person", &["78", "0", "ids"]);
    for (more, strict) in [("", false), ("strict", true)] {
        let all = All::new(more);
        for (level, point) in all.each() {
            let directory = point.join(target.pid().to_string());
            let hidden = strict && is_pseudofs(level);
            let listed = names(&stranger, &directory).unwrap();
            for name in ["note", "notepg"] {
                let path = directory.join(name);
                assert_eq!(listed.iter().any(|n| n == name), !hidden, "{level} {more} {name}");
                assert_eq!(stranger.stat(&path).map(|s| s.mode).ok(), (!hidden).then_some(0o100_200), "{level} {more}");
                match stranger.open(&path, O_WRONLY) {
                    Err(e) if hidden => assert_eq!(e, ENOENT, "{level} {name}"),
                    Err(e) => assert_eq!((e, strict), (EACCES, true), "{level} {name}"),
                    Ok(fd) => {
                        assert!(!strict, "{level} {name}");
                        // He is of the same group himself.
                        let (note, result) = if name == "note" { ("usr1", Err(EPERM)) } else { ("winch", Ok(5)) };
                        assert_eq!(stranger.write(fd, note), result, "{level} {name}");
                        assert_eq!(stranger.write(fd, "x"), Err(EINVAL), "{level} {name}");
                        stranger.close(fd);
                    }
                }
                assert!(stranger.open(&path, O_RDONLY).is_err(), "{level} {name}");
                let own = stranger.stat(&point.join(changed.pid().to_string()).join(name)).map(|s| s.mode & 0o777);
                assert_eq!(own, if hidden { Err(ENOENT) } else { Ok(0o200) }, "{level} {more} {name}");
            }
        }
    }
    assert_eq!(target.word(0), 0);
    // The rule of kill(2): the real user is enough, though he may not debug it.
    let mount = at("10", "");
    let real = Client::of_user(2);
    let note = real.open(&mount.path(changed.pid(), "note"), O_WRONLY).unwrap();
    assert_eq!(real.write(note, "kill"), Ok(4));
    let mut changed = changed;
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&changed.end()), Some(libc::SIGKILL));
}

#[test]
fn t07_what_another_user_sees() {
    if !root() {
        return;
    }
    let (all, target, stranger) = (All::new(""), Target::start("count", &[]), Client::of_user(NOBODY));
    let own = Target::start_as(NOBODY, "count", &[]);
    for (level, point) in all.each() {
        let directory = point.join(target.pid().to_string());
        let seen = without_messages(names(&stranger, &directory).unwrap());
        let near = ["mem", "regs", "fpregs", "dbregs", "osrel"];
        let expected: Vec<&str> = match is_pseudofs(level) {
            true => listing(level).into_iter().filter(|name| !near.contains(name)).collect(),
            false => listing(level),
        };
        assert_eq!(seen, expected, "{level}");
        for name in near.into_iter().filter(|name| listing(level).contains(name)) {
            for mode in [O_RDONLY, O_WRONLY, O_RDWR] {
                let error = if is_pseudofs(level) { ENOENT } else { EACCES };
                assert_eq!(stranger.open(&directory.join(name), mode), Err(error), "{level} {name}");
            }
            assert_eq!(
                stranger.stat(&directory.join(name)).err(),
                is_pseudofs(level).then_some(ENOENT),
                "{level} {name}"
            );
            // His own is open to him.
            let fd = stranger.open(&point.join(own.pid().to_string()).join(name), O_RDWR);
            stranger.close(fd.unwrap_or_else(|e| panic!("{level} {name}: {e}")));
        }
        if listing(level).contains(&"map") {
            let map = stranger.open(&directory.join("map"), O_RDONLY).unwrap();
            assert_eq!(stranger.read(map, 100_000), Err(EPERM), "{level}");
            stranger.close(map);
            assert!(!stranger.read_file(&point.join(own.pid().to_string()).join("map")).unwrap().is_empty());
        }
        assert_eq!(stranger.read_link(&directory.join("file")), Ok("unknown".into()), "{level}");
        for name in ["status", "etype", "rlimit", "cmdline"].into_iter().filter(|name| listing(level).contains(name)) {
            assert!(!stranger.read_file(&directory.join(name)).unwrap().is_empty(), "{level} {name}");
            assert_eq!(stranger.open(&directory.join(name), O_WRONLY), Err(EACCES), "{level} {name}");
        }
    }
}

#[test]
fn what_is_only_read_is_not_written() {
    if !root() {
        return;
    }
    let (all, target, client) = (All::new(""), Target::start("count", &[]), Client::new());
    for (level, point) in all.each() {
        let status = client.open(&point.join(target.pid().to_string()).join("status"), O_RDWR).unwrap();
        let error = if is_pseudofs(level) { EBADF } else { EOPNOTSUPP };
        assert_eq!(client.write(status, "x"), Err(error), "{level}");
        client.close(status);
    }
}

/// A line of `status` as this release would show the process, but for the words about times and sleep, which are `*`.
fn expected_status(level: &str, target: &Target, name: &[u8], groups: u32, tty: Option<&str>, leads: bool) -> String {
    let pid = target.pid();
    let me = std::process::id();
    // SAFETY: no memory is taken.
    let (pgid, sid) = unsafe { (libc::getpgid(pid), libc::getsid(pid)) };
    let escaped: String = match is_pseudofs(level) {
        true if name.is_empty() => "\\000".into(),
        true => name
            .iter()
            .map(|b| if (33..127).contains(b) && *b != b'\\' { (*b as char).into() } else { format!("\\{b:03o}") })
            .collect(),
        false => name.iter().map(|b| *b as char).collect(),
    };
    let number = tty.map(|name| {
        let dev = std::os::unix::fs::MetadataExt::rdev(&fs::metadata(Path::new("/dev").join(name)).unwrap());
        format!("{},{}", libc::major(dev), libc::minor(dev))
    });
    let terminal = match level {
        "10" | "12" | "14" => tty.unwrap_or("-").to_owned(),
        _ => number.unwrap_or("-1,-1".into()),
    };
    let flags = match (tty.is_some(), leads) {
        (true, true) => "ctty,sldr",
        (true, false) => "ctty",
        (false, true) => "sldr",
        (false, false) => "noflags",
    };
    let comma = if level == "44a" { " " } else { "," };
    let list = |most: usize| {
        let all = [0].into_iter().chain((0..groups).map(|n| 1000 + n)).take(most);
        all.map(|gid| format!("{comma}{gid}")).collect::<String>()
    };
    let credentials = match level {
        "44a" => format!("0 0{}", list(16)),
        "44b" | "2" => format!("0{}", list(16)),
        "4" | "5" => format!("0 0 0{} -", list(16)),
        _ => format!("0 0 0{} -", list(1024)),
    };
    let times = [format!("*{comma}*"), format!("*{comma}*"), format!("*{comma}*")].join(" ");
    format!("{escaped} {pid} {me} {pgid} {sid} {terminal} {flags} {times} pause {credentials}\n")
}

/// Equal but for numbers in the places of `*`.
fn matches(pattern: &str, line: &str) -> bool {
    let mut rest = line;
    for (i, part) in pattern.split('*').enumerate() {
        if i > 0 {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        }
        match rest.strip_prefix(part) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.is_empty()
}

#[test]
fn t08_status_of_each_release() {
    if !root() {
        return;
    }
    let (all, client) = (All::new(""), Client::new());
    for (hex, name, groups, more) in [
        ("78", &b"x"[..], "0", &[][..]),
        ("6120625cc3", b"a b\\\xc3", "1", &["leader"][..]),
        ("702920522028", b"p) R (", "20", &["tty"][..]),
        ("", b"", "3", &[][..]),
    ] {
        let target = Target::start("person", &[&[hex, groups], more].concat());
        pfs_tests::eventually("it sleeps", || {
            fs::read_to_string(format!("/proc/{}/wchan", target.pid())).unwrap().contains("pause")
        });
        let tty = Some(&target.said[..]).filter(|name| !name.is_empty());
        for (level, point) in all.each() {
            let line = client.read_file(&point.join(target.pid().to_string()).join("status")).unwrap();
            let line: String = line.iter().map(|b| *b as char).collect();
            let expected = expected_status(level, &target, name, groups.parse().unwrap(), tty, !more.is_empty());
            assert!(matches(&expected, &line), "{level}:\n{expected}{line}");
        }
    }
    // Since when, in seconds since the epoch; and what runs, who asks and what is stopped does not sleep.
    let running = Target::start("count", &[]);
    let stopped = Target::start("person", &["78", "0"]);
    pfs_tests::kill(stopped.pid(), libc::SIGSTOP);
    pfs_tests::eventually("it is stopped", || state(stopped.pid()) == 'T');
    for who in [running.pid().to_string(), "curproc".to_owned(), stopped.pid().to_string()] {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let line = text(client.read_file(&all.of("10").join(who).join("status")));
        let fields: Vec<&str> = line.split(' ').collect();
        let began: u64 = fields[7].split(',').next().unwrap().parse().unwrap();
        assert!(now.abs_diff(began) < 60, "{line} at {now}");
        assert_eq!(fields[10], "nochan", "{line}");
    }
}

/// A stop breaks off the sleep of a process, which then goes on under another name in the kernel.
#[test]
fn t08_status_of_a_sleep_that_was_broken_off() {
    let (mount, client) = (at("4", "rw"), Client::new());
    let mut sleep = Command::new("sleep").arg("1000").spawn().unwrap();
    let dir = mount.point().join(sleep.id().to_string());
    let says = || {
        let line = text(client.read_file(&dir.join("status")));
        line.split(' ').nth(10).unwrap().to_owned()
    };
    pfs_tests::eventually("it sleeps", || says() == "nanslp");
    let regs = client.open(&dir.join("regs"), O_RDONLY).unwrap();
    assert_eq!(client.read(regs, 176).map(|bytes| bytes.len()), Ok(176));
    pfs_tests::eventually("it sleeps again", || ["nanslp", "do_syscall_64"].contains(&&says()[..]));
    let again = says();
    sleep.kill().unwrap();
    sleep.wait().unwrap();
    assert_eq!(again, "nanslp");
}

#[test]
fn t08_status_tells_the_jail() {
    if !root() || !std::process::Command::new("unshare").args(["-pfu", "true"]).status().is_ok_and(|s| s.success()) {
        return;
    }
    let (all, client, stranger) = (All::new(""), Client::new(), Client::of_user(NOBODY));
    let target = Target::within("ph", None, "count", &[]);
    let namespace = fs::read_link(format!("/proc/{}/ns/pid", target.inner())).unwrap();
    for (level, point) in all.each().filter(|(level, _)| !["44a", "44b", "2"].contains(level)) {
        let path = point.join(target.inner().to_string()).join("status");
        let jail = if ["4", "5"].contains(&level) { "jailed" } else { namespace.to_str().unwrap() };
        assert_eq!(text(client.read_file(&path)).trim_end().rsplit(' ').next(), Some(jail), "{level}");
        assert!(text(stranger.read_file(&path)).ends_with(" ?\n"), "{level}");
    }
}

#[test]
fn t09_status_at_any_offset() {
    let (all, target, client) = (All::new(""), Target::start("person", &["78", "0"]), Client::new());
    pfs_tests::eventually("it sleeps", || state(target.pid()) == 'S');
    for (level, point) in all.each() {
        let path = point.join(target.pid().to_string()).join("status");
        let whole = client.read_file(&path).unwrap();
        let fd = client.open(&path, O_RDONLY).unwrap();
        let mut bytes = Vec::new();
        loop {
            let part = client.read(fd, 1).unwrap();
            if part.is_empty() {
                break;
            }
            bytes.extend(part);
        }
        assert_eq!(bytes, whole, "{level}");
        let length = whole.len() as u64;
        for offset in [length, length + 1, 1 << 40, (1 << 63) - 101] {
            assert_eq!(client.read_at(fd, offset, 100), Ok(vec![]), "{level} at {offset}");
        }
        // What would end behind the last offset there is does not come to us.
        for offset in [(1 << 63) - 1, 1 << 63, u64::MAX] {
            assert_eq!(client.read_at(fd, offset, 100), Err(EINVAL), "{level} at {offset}");
        }
        assert_eq!(client.read_at(fd, length - 5, 3).unwrap(), whole[whole.len() - 5..whole.len() - 2], "{level}");
        client.close(fd);
    }
}

#[test]
fn t10_rlimit_in_order() {
    let (all, target, client) = (All::new(""), Target::start("count", &[]), Client::new());
    let limits = [
        ("cpu", libc::RLIMIT_CPU),
        ("fsize", libc::RLIMIT_FSIZE),
        ("data", libc::RLIMIT_DATA),
        ("stack", libc::RLIMIT_STACK),
        ("core", libc::RLIMIT_CORE),
        ("rss", libc::RLIMIT_RSS),
        ("memlock", libc::RLIMIT_MEMLOCK),
        ("nproc", libc::RLIMIT_NPROC),
        ("nofile", libc::RLIMIT_NOFILE),
        ("vmem", libc::RLIMIT_AS),
    ];
    // Limits only go down: who is not root cannot go back.
    let expected = |lower_most: bool| {
        let mut lines = Vec::new();
        for (i, (name, which)) in limits.iter().enumerate() {
            let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            let old: *mut libc::rlimit = &mut now;
            // SAFETY: `now` lives through the call.
            assert_eq!(unsafe { libc::prlimit(target.pid(), *which, std::ptr::null(), old) }, 0);
            let most = if lower_most { now.rlim_max.min(1 << (13 + i)) } else { now.rlim_max };
            let limit = libc::rlimit { rlim_cur: most.min(1 << (12 + i)), rlim_max: most };
            // SAFETY: a limit of a process of ours, from plain data.
            assert_eq!(unsafe { libc::prlimit(target.pid(), *which, &limit, std::ptr::null_mut()) }, 0, "{name}");
            let shown = |n: u64| if n == libc::RLIM_INFINITY { "-1".to_owned() } else { n.to_string() };
            lines.push(format!("{name} {} {}\n", shown(limit.rlim_cur), shown(limit.rlim_max)));
        }
        lines.insert(9, "sbsize -1 -1\n".into());
        for name in ["npts", "swap", "kqueues", "umtx"] {
            lines.push(format!("{name} -1 -1\n"));
        }
        lines
    };
    for lower_most in [false, true] {
        let lines = expected(lower_most);
        assert_eq!(lines.iter().any(|l| l.starts_with("cpu") && l.ends_with(" -1\n")), !lower_most);
        for (level, count) in [("4", 11), ("5", 11), ("10", 13), ("12", 15), ("14", 15)] {
            let path = all.of(level).join(target.pid().to_string()).join("rlimit");
            assert_eq!(text(client.read_file(&path)), lines[..count].concat(), "{level}");
        }
    }
}

#[test]
fn t11_etype() {
    let (all, client) = (All::new(""), Client::new());
    let (wide, narrow) = (Target::start("count", &[]), Target::start32("count", &[]));
    for (level, point) in all.each().filter(|(level, _)| listing(level).contains(&"etype")) {
        let of = |target: &Target| text(client.read_file(&point.join(target.pid().to_string()).join("etype")));
        assert_eq!((&of(&wide)[..], &of(&narrow)[..]), ("Linux ELF64\n", "Linux ELF32\n"), "{level}");
    }
    let strict = at("4", "strict");
    let fd = client.open(&strict.path(wide.pid(), "etype"), O_RDONLY).unwrap();
    assert_eq!(client.read_at(fd, 3, 20), Ok(vec![]), "only from the start");
    assert_eq!(client.read_at(fd, 0, 5), Ok(b"Linux".to_vec()));
}

#[test]
fn t12_osrel() {
    if !root() {
        return;
    }
    let (mount, client) = (at("10", ""), Client::new());
    let target = Target::start("execs", &["self", &program("count", 64).to_string_lossy()]);
    let path = mount.path(target.pid(), "osrel");
    // What file(1) and readelf(1) tell of the program.
    let notes = std::process::Command::new("readelf").arg("-n").arg(program("execs", 64)).output().unwrap();
    let notes = String::from_utf8(notes.stdout).unwrap();
    let version = notes.lines().find_map(|l| l.trim().strip_prefix("OS: Linux, ABI: ")).unwrap();
    let parts: Vec<u32> = version.split('.').map(|n| n.parse().unwrap()).collect();
    let noted = format!("{}\n", parts[0] * 1_000_000 + parts[1] * 1000 + parts[2]);
    assert_eq!(text(client.read_file(&path)), noted);

    let fd = client.open(&path, O_RDWR).unwrap();
    for (message, result, then) in [
        ("1", Ok(1), "1\n"),
        ("12\n", Ok(3), "12\n"),
        (" 1", Err(EINVAL), "12\n"),
        ("-1", Err(EINVAL), "12\n"),
        ("2147483647", Ok(10), "2147483647\n"),
        ("2147483648", Err(EINVAL), "2147483647\n"),
        ("9999999999", Err(EINVAL), "2147483647\n"),
        ("\n", Ok(1), "0\n"),
        ("1004000 \t\n", Ok(10), "1004000\n"),
    ] {
        assert_eq!(client.write(fd, message), result, "{message:?}");
        assert_eq!(text(client.read_file(&path)), then, "{message:?}");
    }
    assert_eq!(client.write(fd, &"1".repeat(65)), Err(EMSGSIZE));
    // Another mount tells the same; another program has another number.
    let other = mount.beside_as("other", "freebsd", "level=14");
    assert_eq!(text(client.read_file(&other.join(target.pid().to_string()).join("osrel"))), "1004000\n");
    target.go();
    target.counts(16);
    assert_ne!(text(client.read_file(&path)), "1004000\n");
    let narrow = Target::start32("count", &[]);
    assert!(text(client.read_file(&mount.path(narrow.pid(), "osrel"))).ends_with("000\n"));
}

/// As gdb scans a line of `map`: `%lx %lx %d %d %lx %s`.
fn gdb_scans(line: &str) -> Option<(u64, u64, String)> {
    let words: Vec<&str> = line.split(' ').filter(|w| !w.is_empty()).collect();
    let hex = |word: &str| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok();
    let [start, end, resident, private, object, prot, ..] = words[..] else { return None };
    resident.parse::<i32>().ok().zip(private.parse::<i32>().ok()).zip(hex(object))?;
    Some((hex(start)?, hex(end)?, prot.to_owned()))
}

/// As gcore scans one: twelve fields and no more.
fn gcore_scans(line: &str) -> Option<(u64, u64, String)> {
    let words: Vec<&str> = line.split(' ').collect();
    let numbers = [6, 7].iter().all(|i| words.get(*i).is_some_and(|w| w.parse::<u32>().is_ok()));
    let words_too = words.get(8)?.starts_with("0x")
        && ["COW", "NCOW"].contains(words.get(9)?)
        && ["NC", "NNC"].contains(words.get(10)?)
        && ["default", "vnode", "swap", "device", "none"].contains(words.get(11)?);
    gdb_scans(line).filter(|_| words.len() == 12 && numbers && words_too)
}

#[test]
fn t13_map_is_what_the_kernel_has_mapped() {
    let (all, target, client) = (All::new(""), Target::start("mappings", &["5000"]), Client::new());
    let maps = fs::read_to_string(format!("/proc/{}/maps", target.pid())).unwrap();
    let kernels: Vec<(u64, u64, String)> = maps
        .lines()
        .filter(|line| !line.contains("[vsyscall]"))
        .map(|line| {
            let (range, rest) = line.split_once(' ').unwrap();
            let (from, to) = range.split_once('-').unwrap();
            let hex = |text| u64::from_str_radix(text, 16).unwrap();
            (hex(from), hex(to), rest[..3].to_owned())
        })
        .collect();
    assert!(kernels.len() > 5000);
    for (level, point) in all.each().filter(|(level, _)| listing(level).contains(&"map")) {
        let path = point.join(target.pid().to_string()).join("map");
        let map = text(client.read_file(&path));
        if level == "2" {
            let columns = |line: &str| gdb_scans(&line.replacen(" r", " 0x1 r", 1).replacen(" ---", " 0x1 ---", 1));
            assert_eq!(map.lines().map(|l| columns(l).map(|c| c.2)).collect::<Vec<_>>().len(), kernels.len());
            continue;
        }
        let scan = if level == "4" { gcore_scans } else { gdb_scans };
        let scanned: Vec<_> = map.lines().map(|l| scan(l).unwrap_or_else(|| panic!("{level}: {l}"))).collect();
        assert_eq!(scanned, kernels, "{level}");
        let fields = match level {
            "4" => 12,
            "5" => 13,
            _ => 15,
        };
        assert!(map.lines().all(|line| line.split(' ').count() == fields), "{level}");
        let program = map.lines().find(|l| l.contains(" vnode")).unwrap();
        assert_eq!(program.contains("/mappings-64"), level != "4", "{level}: {program}");
        // In pieces it is the same.
        let fd = client.open(&path, O_RDONLY).unwrap();
        let mut pieces = client.read(fd, 100).unwrap();
        while let Some(piece) = Some(client.read(fd, 60_001).unwrap()).filter(|p| !p.is_empty()) {
            pieces.extend(piece);
        }
        let pieces = String::from_utf8(pieces).unwrap();
        assert_eq!(without_pages(&pieces), without_pages(&map), "{level}");
        client.close(fd);
    }
}

/// Lines of `map` without the numbers of pages: whoever else runs the same program shares some of them for a while.
fn without_pages(map: &str) -> Vec<String> {
    let steady = |line: &str| {
        let fields = line.split(' ').enumerate().filter(|(i, _)| ![2, 3].contains(i));
        fields.map(|(_, field)| field).collect::<Vec<_>>().join(" ")
    };
    map.lines().map(steady).collect()
}

#[test]
fn t13_strictly_map_is_read_at_once_or_cut() {
    let (target, client) = (Target::start("mappings", &["5000"]), Client::new());
    for level in ["2", "4"] {
        let mount = at(level, "strict");
        let fd = client.open(&mount.path(target.pid(), "map"), O_RDONLY).unwrap();
        for size in [100, 8192, 65536] {
            assert_eq!(client.read_at(fd, 0, size), Err(EFBIG), "{level} {size}");
        }
        let map = client.read_at(fd, 0, 1_000_000).unwrap();
        assert!(map.len() > 128 << 10 && map.ends_with(b"\n"), "{level}");
        assert_eq!(client.read_at(fd, 10, 1_000_000), Ok(vec![]), "{level}");
        // Numbers of pages may change in between.
        pfs_tests::eventually("exactly as much as there is fits", || {
            let map = client.read_at(fd, 0, 1_000_000).unwrap();
            client.read_at(fd, 0, map.len()) == Ok(map)
        });
    }
    let cut = at("10", "strict");
    assert_eq!(client.read_file(&cut.path(target.pid(), "map")).unwrap().len(), 128 << 10);
    let whole = at("14", "strict");
    assert!(client.read_file(&whole.path(target.pid(), "map")).unwrap().len() > 128 << 10);
}

#[test]
fn a_narrow_reader_sees_no_addresses_that_he_has_no_room_for() {
    let (all, client) = (All::new(""), Client::of_32_bits());
    let (wide, narrow) = (Target::start("count", &[]), Target::start32("count", &[]));
    for (level, point) in all.each().filter(|(level, _)| is_pseudofs(level)) {
        let read = |target: &Target| client.read_file(&point.join(target.pid().to_string()).join("map"));
        assert_eq!(read(&wide), Err(EOPNOTSUPP), "{level}");
        assert!(text(read(&narrow)).lines().all(|line| line.split(' ').nth(4) == Some("0x0")), "{level}");
    }
}

#[test]
fn cmdline_is_the_arguments_as_they_are() {
    let (all, target, client) = (All::new(""), Target::start("person", &["78", "0", "a b", ""]), Client::new());
    for (level, point) in all.each().filter(|(level, _)| listing(level).contains(&"cmdline")) {
        let cmdline = text(client.read_file(&point.join(target.pid().to_string()).join("cmdline")));
        assert!(cmdline.ends_with("/person-64\x0078\x000\0a b\0\0"), "{level}: {cmdline:?}");
    }
}

#[test]
fn file_leads_to_the_program() {
    if !root() {
        return;
    }
    let dir = TempDir::new();
    let copy = dir.path().join("a program");
    copy_program(&program("count", 64), &copy);
    let all = All::new("");
    let (mut target, client) = (Target::of(&copy, &[], None), Client::new());
    let exe = fs::read_link(format!("/proc/{}/exe", target.pid())).unwrap();
    let strict = at("10", "strict");
    assert_eq!(client.read_link(&strict.path(target.pid(), "file")).unwrap(), exe.to_str().unwrap());
    for (level, point) in all.each() {
        let path = point.join(target.pid().to_string()).join("file");
        assert_eq!(client.read_link(&path).unwrap(), exe.to_str().unwrap(), "{level}");
        assert_eq!(fs::read(&path).unwrap(), fs::read(&exe).unwrap(), "{level}");
    }
    fs::remove_file(&exe).unwrap();
    for (level, point) in all.each() {
        let path = point.join(target.pid().to_string()).join("file");
        assert_eq!(client.read_link(&path), Ok("unknown".into()), "{level}");
    }
    assert_eq!(client.read_link(&strict.path(target.pid(), "file")), Err(ENOENT));
    kill(target.pid(), libc::SIGKILL);
    target.end();
}

#[test]
fn what_has_ended_is_not_there() {
    let (all, client) = (All::new(""), Client::new());
    let parent = Target::start("leaves", &[]);
    let zombie = parent.numbers()[0];
    assert_eq!(state(zombie as i32), 'Z');
    let headless = Target::start("headless", &[]);
    for (level, point) in all.each() {
        assert_eq!(client.stat(&point.join(zombie.to_string())).err(), Some(ENOENT), "{level}");
        let listed = names(&client, point).unwrap();
        assert!(!listed.contains(&zombie.to_string()), "{level}");
        // The first thread has ended, the process has not.
        assert!(listed.contains(&headless.pid().to_string()), "{level}");
        let directory = point.join(headless.pid().to_string());
        assert_eq!(without_messages(names(&client, &directory).unwrap()).len(), listing(level).len(), "{level}");
        assert!(text(client.read_file(&directory.join("status"))).starts_with("headless-64 "), "{level}");
    }
}

#[test]
fn the_files_of_a_process_die_with_it() {
    for (more, errors) in [("", [ESRCH; 8]), ("strict", [EINVAL, EINVAL, EINVAL, EINVAL, EIO, EIO, EIO, EIO])] {
        let (all, client, mut target) = (All::new(more), Client::new(), Target::start("count", &[]));
        let open =
            |point: &Path, name: &str| client.open(&point.join(target.pid().to_string()).join(name), O_RDONLY).unwrap();
        let fds: Vec<Vec<(&str, i32)>> = all
            .each()
            .map(|(level, point)| {
                let files = listing(level).into_iter().filter(|name| *name != "file");
                files.map(|name| (name, open(point, name))).collect()
            })
            .collect();
        let directories: Vec<_> =
            all.each().map(|(_, point)| fs::File::open(point.join(target.pid().to_string())).unwrap()).collect();
        kill(target.pid(), libc::SIGKILL);
        pfs_tests::eventually("it has ended", || state(target.pid()) == 'Z');
        for reaped in [false, true] {
            if reaped {
                target.end();
            }
            for ((level, fds), error) in LEVELS.iter().zip(&fds).zip(errors) {
                for (name, fd) in fds {
                    assert_eq!(client.read_at(*fd, 0, 100), Err(error), "{more} {level} {name} {reaped}");
                }
            }
            for (level, point) in all.each() {
                assert_eq!(client.stat(&point.join(target.pid().to_string())).err(), Some(ENOENT), "{level}");
            }
            for directory in &directories {
                let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(directory));
                let listed = fs::read_dir(link).and_then(|all| all.collect::<Result<Vec<_>, _>>());
                assert!(matches!(errno(listed), Some(libc::ESTALE | ENOENT)), "{more}");
            }
        }
    }
}

#[test]
fn a_mount_that_is_read_only_is_not_written() {
    let (mount, client, target) = (at("10", "ro"), Client::new(), Target::start("count", &[]));
    assert_eq!(client.open(&mount.path(target.pid(), "mem"), O_RDWR), Err(EROFS));
    assert!(client.open(&mount.path(target.pid(), "mem"), O_RDONLY).is_ok());
}

#[test]
fn options_of_other_flavours_are_refused_with_the_right_ones() {
    let (mount, dir) = (at("10", ""), TempDir::new());
    for (flavour, options, said) in [
        ("freebsd", "level=3", "not one of 44a, 44b, 2, 4, 5, 10, 12, 14"),
        ("freebsd", "level=44a", "one of 2, 4, 5, 10, 12, 14"),
        ("bsd44", "level=4", "one of 44a, 44b"),
        ("linux", "level=4", "leave out -o level="),
        ("solaris", "strict", "leave out -o strict"),
        ("linux", "syscallregs=raw", "leave out -o syscallregs="),
        ("freebsd", "syscallregs=x", "not one of bsd, raw"),
        ("freebsd", "model=lp64", "leave out -o model="),
        ("freebsd", "strict=1", "not one of 44a, 44b, 2, 4, 5, 10, 12, 14"),
        ("freebsd", "strict=44a", "one of 2, 4, 5, 10, 12, 14"),
    ] {
        let out = mount.pfs(&["mount", "-t", flavour, "-o", options, dir.path().to_str().unwrap()]);
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success() && error.contains(said), "{flavour} {options}: {error}");
    }
}
