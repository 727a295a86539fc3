//! The flavour `linux` against the kernel's /proc.

mod common;

use common::{attempt, path, Actor, Outcome, Program, Try, Who};
use kernel::procfs::{self, Proc};
use pfs_flavours::linux::Linux;
use pfs_flavours::Options;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::mpsc;
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Flavour, Handle, Keep, Node, Pending, SetAttr};

#[test]
fn helper() {
    common::helper();
}

fn me() -> Caller {
    // SAFETY: no pointers.
    Caller::new(unsafe { libc::gettid() } as u32, 0, 0)
}

fn engine() -> engine::Engine {
    static ENGINE: std::sync::OnceLock<engine::Engine> = std::sync::OnceLock::new();
    ENGINE.get_or_init(|| engine::Engine::start().unwrap()).clone()
}

fn root(options: Options) -> Arc<dyn Node> {
    Linux::new(options, engine()).root()
}

fn find(root: &Arc<dyn Node>, caller: &Caller, path: &str) -> Result<Arc<dyn Node>, Errno> {
    path.split('/').try_fold(root.clone(), |node, name| node.lookup(caller, OsStr::new(name)))
}

fn read(handle: &Arc<dyn Handle>, caller: &Caller, offset: u64, size: usize) -> Result<Vec<u8>, Errno> {
    let (tx, rx) = mpsc::channel();
    handle.read(caller, offset, size, Pending::new(move |r| tx.send(r).unwrap()));
    rx.recv().unwrap()
}

fn write(handle: &Arc<dyn Handle>, caller: &Caller, data: &[u8]) -> Result<usize, Errno> {
    let (tx, rx) = mpsc::channel();
    handle.write(caller, 0, data, Pending::new(move |r| tx.send(r).unwrap()));
    rx.recv().unwrap()
}

fn content(node: &Arc<dyn Node>, caller: &Caller) -> Result<Vec<u8>, Errno> {
    let handle = node.open(caller, libc::O_RDONLY)?;
    let mut all = Vec::new();
    loop {
        let more = read(&handle, caller, all.len() as u64, 131072)?;
        if more.is_empty() {
            return Ok(all);
        }
        all.extend(more);
    }
}

/// What the kernel says, for comparison: the number of links of the root counts processes.
fn kernel_attr(at: &CStr) -> Option<Attr> {
    let s = procfs::fstatat(procfs::root(), at, false).ok()?;
    Some(Attr {
        ino: s.st_ino,
        mode: s.st_mode,
        nlink: s.st_nlink as u32,
        uid: s.st_uid,
        gid: s.st_gid,
        size: s.st_size as u64,
        blocks: s.st_blocks as u64,
        blksize: s.st_blksize as u32,
        rdev: s.st_rdev as u32,
        atime: (s.st_atime, s.st_atime_nsec as u32),
        mtime: (s.st_mtime, s.st_mtime_nsec as u32),
        ctime: (s.st_ctime, s.st_ctime_nsec as u32),
    })
}

/// Compares the tree from `node`, whose path is `at`, with the kernel's; collects the paths of all files.
fn walk(node: &Arc<dyn Node>, caller: &Caller, at: &str, deep: &dyn Fn(&str) -> bool, seen: &mut Vec<(String, u32)>) {
    let here = path(at);
    let attr = node.attr(caller).unwrap_or_else(|e| panic!("{at}: {e:?}"));
    let expect = kernel_attr(&here).expect(at);
    // An inode that the kernel forgot in between is made anew, with a new time and sometimes a new number.
    let close = |a: (i64, u32), b: (i64, u32)| (a.0 - b.0).abs() <= 1;
    assert!(
        close(attr.mtime, expect.mtime) && close(attr.atime, expect.atime) && close(attr.ctime, expect.ctime),
        "{at}"
    );
    let lasting = |a: &Attr| Attr { ino: 0, atime: (0, 0), mtime: (0, 0), ctime: (0, 0), ..a.clone() };
    assert_eq!(lasting(&attr), lasting(&expect), "{at}");
    let same = || node.attr(caller).unwrap().ino == kernel_attr(&here).unwrap().ino;
    assert!(attr.ino == expect.ino || same(), "{at}");
    seen.push((at.to_owned(), attr.mode & libc::S_IFMT));
    match attr.mode & libc::S_IFMT {
        libc::S_IFLNK => {
            let expect = procfs::readlinkat(procfs::root(), &here).map_err(Errno::from);
            assert_eq!(node.readlink(caller), expect, "{at}");
        }
        libc::S_IFDIR => {
            let expect = procfs::entries(procfs::root(), &here).map_err(Errno::from);
            let got = node.readdir(caller);
            assert_eq!(got.as_ref().err(), expect.as_ref().err(), "{at}");
            let (Ok(mut expect), Ok(mut got)) = (expect, got) else { return };
            expect.retain(|e| !is_ours(at, &e.name));
            got.retain(|e| !is_ours(at, &e.name));
            let names = |n: &mut dyn Iterator<Item = Vec<u8>>| n.collect::<Vec<_>>();
            assert_eq!(
                names(&mut got.iter().map(|e| e.name.clone())),
                names(&mut expect.iter().map(|e| e.name.clone())),
                "{at}"
            );
            for (got, expect) in got.iter().zip(&expect) {
                assert_eq!(got.kind, expect.kind, "{at}");
                let name = String::from_utf8(got.name.clone()).unwrap();
                let child = if at == "." { name.clone() } else { format!("{at}/{name}") };
                if deep(&child) {
                    let node = node.lookup(caller, OsStr::new(&name)).unwrap_or_else(|e| panic!("{child}: {e:?}"));
                    walk(&node, caller, &child, deep, seen);
                }
            }
        }
        _ => {}
    }
}

/// Our own files, `mem` among them, stand beside the kernel's and are tested for themselves.
fn is_ours(at: &str, name: &[u8]) -> bool {
    let rows = match at.split('/').collect::<Vec<_>>()[..] {
        [pid] if is_number(pid) => pfs_flavours::linux::own::PROCESS,
        [_, "task", _] => pfs_flavours::linux::own::THREAD,
        _ => return false,
    };
    rows.iter().any(|row| row.name.as_bytes() == name)
}

fn walk_process(pid: u32) -> Vec<(String, u32)> {
    let (root, caller, mut seen) = (root(Options::default()), me(), Vec::new());
    let at = pid.to_string();
    let node = find(&root, &caller, &at).unwrap();
    walk(&node, &caller, &at, &|_| true, &mut seen);
    seen
}

#[test]
fn a_process_with_threads_is_the_kernels() {
    let child = Program::threads();
    let seen = walk_process(child.pid());
    let threads = Proc::open(child.pid()).unwrap().tasks().unwrap();
    assert!(threads.len() >= 4);
    for tid in &threads {
        assert!(seen.iter().any(|(p, _)| *p == format!("{}/task/{tid}/stat", child.pid())));
    }
    let (root, caller) = (root(Options::default()), me());
    for file in [
        "auxv",
        "cgroup",
        "cmdline",
        "comm",
        "coredump_filter",
        "environ",
        "gid_map",
        "limits",
        "loginuid",
        "maps",
        "mountinfo",
        "mounts",
        "mountstats",
        "oom_adj",
        "oom_score_adj",
        "personality",
        "setgroups",
        "uid_map",
        "syscall",
        "wchan",
        "stack",
        "fdinfo/0",
        "ns/mnt",
        "attr/current",
        "net/dev_mcast",
        "timers",
    ] {
        let at = format!("{}/{file}", child.pid());
        let Ok(expect) = procfs::fstatat(procfs::root(), &path(at.clone()), false) else { continue };
        if expect.st_mode & libc::S_IFMT == libc::S_IFLNK {
            continue;
        }
        let expect = procfs::read_at(procfs::root(), &path(at.clone())).map_err(Errno::from);
        let got = find(&root, &caller, &at).and_then(|n| content(&n, &caller));
        assert_eq!(got, expect, "{at}");
    }
    // Not listed, but there, as in the kernel.
    let last = threads.last().unwrap().to_string();
    assert!(!root.readdir(&caller).unwrap().iter().any(|e| e.name == last.as_bytes()));
    assert!(find(&root, &caller, &format!("{last}/stat")).is_ok());
}

#[test]
fn our_own_process_is_the_kernels() {
    let caller = me();
    let root = root(Options::default());
    for file in ["cmdline", "environ", "exe", "limits", "cgroup", "task"] {
        let at = format!("{}/{file}", std::process::id());
        let node = find(&root, &caller, &at).unwrap();
        let (got, expect) = (node.attr(&caller).unwrap(), kernel_attr(&path(at.clone())).unwrap());
        assert_eq!((got.mode, got.uid, got.nlink, got.size), (expect.mode, expect.uid, expect.nlink, expect.size));
    }
    assert_eq!(
        find(&root, &caller, "self").unwrap().readlink(&caller).unwrap(),
        caller.pid().unwrap().to_string().into_bytes()
    );
    let text = format!("{}/task/{}", std::process::id(), caller.tid);
    assert_eq!(find(&root, &caller, "thread-self").unwrap().readlink(&caller).unwrap(), text.into_bytes());
    let nobody = Caller::new(0, 0, 0);
    assert_eq!(find(&root, &caller, "self").unwrap().readlink(&nobody), Err(Errno(libc::ENOENT)));
    let own = |name: &str| find(&root, &caller, &format!("{}/{name}", std::process::id())).unwrap();
    assert_eq!(own("exe").readlink(&caller).unwrap(), std::env::current_exe().unwrap().into_os_string().into_vec());
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_digit())
}

#[test]
fn the_root_is_the_kernels() {
    let (root, caller) = (root(Options::default()), me());
    let attr = root.attr(&caller).unwrap();
    let expect = kernel_attr(c".").unwrap();
    assert_eq!((attr.ino, attr.mode, attr.uid, attr.size), (expect.ino, expect.mode, expect.uid, expect.size));
    let fixed = |all: Vec<procfs::Dirent>| -> Vec<_> {
        all.into_iter().map(|e| (e.name, e.ino, e.kind)).filter(|e| !e.0.iter().all(u8::is_ascii_digit)).collect()
    };
    let ours: Vec<_> = root.readdir(&caller).unwrap();
    let ours = ours.into_iter().map(|e| procfs::Dirent { name: e.name, ino: e.ino, kind: e.kind }).collect();
    let ours = fixed(ours);
    assert_eq!(ours, fixed(procfs::entries(procfs::root(), c".").unwrap()));
    let mut seen = Vec::new();
    for (name, _, _) in ours {
        let name = String::from_utf8(name).unwrap();
        if matches!(name.as_str(), "self" | "thread-self") {
            continue;
        }
        let node = find(&root, &caller, &name).unwrap();
        // Entries of bus/pci, irq and sys come and go with no process of ours.
        walk(&node, &caller, &name, &|_| true, &mut seen);
    }
    assert!(seen.len() > 300, "{}", seen.len());
    for file in [
        "cmdline",
        "config.gz",
        "consoles",
        "devices",
        "dma",
        "execdomains",
        "filesystems",
        "iomem",
        "ioports",
        "misc",
        "modules",
        "partitions",
        "swaps",
        "version",
        "sys/kernel/ostype",
        "sys/kernel/random/boot_id",
    ] {
        let Ok(expect) = procfs::read_at(procfs::root(), &path(file)) else { continue };
        assert_eq!(content(&find(&root, &caller, file).unwrap(), &caller).unwrap(), expect, "{file}");
    }
    assert_eq!(find(&root, &caller, "mounts").unwrap().readlink(&caller).unwrap(), b"self/mounts");
    assert_eq!(find(&root, &caller, "version/x").err(), Some(Errno(libc::ENOTDIR)));
}

/// Opens and reads everything as the actors did, through nodes.
fn through_nodes(root: &Arc<dyn Node>, caller: &Caller, one: &str, flags: i32, with_read: bool) -> Outcome {
    let node = match find(root, caller, one) {
        Ok(node) => node,
        Err(e) => return [e.0, 0],
    };
    let handle = match node.open(caller, flags) {
        Ok(handle) => handle,
        Err(e) => return [e.0, 0],
    };
    if !with_read {
        return [0, 0];
    }
    [0, read(&handle, caller, 0, 1).err().map_or(0, |e| e.0)]
}

fn compare_opens(files: &[String], who: &Who) -> (usize, Vec<String>) {
    let mut tries = Vec::new();
    let mut list = Vec::new();
    for file in files {
        for flags in [libc::O_RDONLY, libc::O_WRONLY, libc::O_RDWR] {
            let with_read = flags == libc::O_RDONLY && !file.ends_with("kmsg") && !file.ends_with("kcore");
            let flags = flags | libc::O_NONBLOCK;
            tries.push(Try { path: path(format!("/proc/{file}")), flags, read: with_read });
            list.push((file.as_str(), flags, with_read));
        }
    }
    let actor = Actor::start(who, &tries);
    let (root, caller) = (root(Options::default()), actor.caller());
    let mut differ = Vec::new();
    for ((file, flags, with_read), saw) in list.iter().zip(&actor.saw) {
        let got = through_nodes(&root, &caller, file, *flags, *with_read);
        if got != *saw {
            differ.push(format!("{file} flags {flags:#o}: process {saw:?}, node {got:?}"));
        }
    }
    (actor.saw.iter().filter(|saw| saw[0] != 0).count(), differ)
}

#[test]
fn opens_end_as_for_a_real_process() {
    let child = Program::cat(&Who::user(65534));
    let of_root = Program::threads();
    let mut files = Vec::new();
    for pid in [child.pid(), of_root.pid()] {
        let all = walk_process(pid);
        files.extend(all.into_iter().filter(|(_, kind)| *kind == libc::S_IFREG).map(|(p, _)| p));
    }
    let (root, caller) = (root(Options::default()), me());
    for e in root.readdir(&caller).unwrap() {
        let name = String::from_utf8(e.name).unwrap();
        if e.kind == libc::S_IFREG && !is_number(&name) {
            files.push(name);
        }
    }
    files.retain(|f| f != "sysrq-trigger");
    assert!(files.len() > 200);
    for who in [Who::root(), Who::user(65534), Who { gid: 65534, ..Who::user(1000) }] {
        let (denied, differ) = compare_opens(&files, &who);
        assert!(differ.is_empty(), "{who:?}:\n{}", differ.join("\n"));
        assert!(denied > 50, "{who:?}: {denied}");
    }
}

#[test]
fn the_daemons_own_process_gives_others_nothing_more() {
    let files = ["maps", "mem", "environ", "fd", "stat", "status", "cmdline", "task/../maps", "smaps", "auxv", "root"];
    let pid = std::process::id();
    let actor = Actor::start(&Who::user(1000), &[]);
    let (root, caller) = (root(Options::default()), actor.caller());
    for file in files {
        let got = through_nodes(&root, &caller, &format!("{pid}/{file}"), libc::O_RDONLY, true);
        let public = matches!(file, "stat" | "status" | "cmdline");
        assert_eq!(got == [0, 0], public, "{file}: {got:?}");
    }
    let dir = find(&root, &caller, &pid.to_string()).unwrap();
    assert!(dir.readdir(&caller).unwrap().iter().any(|e| e.name == b"stat"));
    for name in ["fd", "map_files"] {
        let node = dir.lookup(&caller, OsStr::new(name)).unwrap();
        assert_eq!(node.readdir(&caller), Err(Errno(libc::EACCES)), "{name}");
        assert!(node.lookup(&caller, OsStr::new("0")).is_err(), "{name}");
    }
    for name in ["cwd", "exe", "root"] {
        assert_eq!(
            dir.lookup(&caller, OsStr::new(name)).unwrap().readlink(&caller),
            Err(Errno(libc::EACCES)),
            "{name}"
        );
    }
}

#[test]
fn a_dead_process_is_gone_for_good() {
    let mut child = Program::threads();
    let (root, caller) = (root(Options::default()), me());
    let inode = Proc::open(child.pid()).unwrap().pidfd_inode().unwrap();
    let (plain, life) = (child.pid().to_string(), format!("{}:{inode}", child.pid()));
    assert_eq!(find(&root, &caller, &format!("{}:{}", child.pid(), inode + 1)).err(), Some(Errno(libc::ENOENT)));
    let dir = find(&root, &caller, &plain).unwrap();
    let again = find(&root, &caller, &life).unwrap();
    assert_eq!(dir.identity(), again.identity());
    assert_eq!(dir.attr(&caller).unwrap().ino, again.attr(&caller).unwrap().ino);
    let tid = Proc::open(child.pid()).unwrap().tasks().unwrap()[1];
    let names = ["stat", "fd", "exe", "mem", "task", "environ"];
    let nodes: Vec<_> = names.iter().map(|n| find(&root, &caller, &format!("{life}/{n}")).unwrap()).collect();
    let thread = find(&root, &caller, &format!("{plain}/task/{tid}")).unwrap();
    let of_thread = find(&root, &caller, &format!("{plain}/task/{tid}/stat")).unwrap();
    assert_eq!(thread.keep(), Keep::Never);
    let handle = nodes[0].open(&caller, libc::O_RDONLY).unwrap();
    let kernels = procfs::openat(Proc::open(child.pid()).unwrap().dir(), c"stat", libc::O_RDONLY).unwrap();
    child.end();

    let gone = Errno(libc::ESTALE);
    for node in nodes.iter().chain([&dir, &again, &thread, &of_thread]) {
        assert_eq!(node.attr(&caller), Err(gone));
    }
    for node in [&nodes[0], &nodes[3], &nodes[5], &of_thread] {
        assert_eq!(node.open(&caller, libc::O_RDONLY).err(), Some(gone));
    }
    assert_eq!(nodes[1].readdir(&caller), Err(gone));
    assert_eq!(nodes[2].readlink(&caller), Err(gone));
    assert_eq!(nodes[4].lookup(&caller, OsStr::new("1")).err(), Some(gone));
    assert_eq!(dir.lookup(&caller, OsStr::new("stat")).err(), Some(gone));
    assert_eq!(dir.readdir(&caller), Err(gone));
    assert_eq!(thread.lookup(&caller, OsStr::new("stat")).err(), Some(gone));
    for name in [&plain, &life] {
        assert_eq!(find(&root, &caller, name).err(), Some(Errno(libc::ENOENT)));
    }
    use std::os::fd::AsFd;
    let expect = procfs::pread(kernels.as_fd(), 0, 100).map_err(Errno::from);
    assert_eq!(read(&handle, &caller, 0, 100), expect);
    assert_eq!(expect, Err(Errno(libc::ESRCH)));
}

#[test]
fn writes_reach_the_process() {
    let child = Program::cat(&Who::root());
    let (root, caller) = (root(Options::default()), me());
    for (file, text, shown) in [("oom_score_adj", "500", "500\n"), ("coredump_filter", "0x21", "00000021\n")] {
        let node = find(&root, &caller, &format!("{}/{file}", child.pid())).unwrap();
        node.setattr(&caller, &SetAttr { size: Some(0), ..SetAttr::default() }).unwrap();
        let handle = node.open(&caller, libc::O_RDWR).unwrap();
        assert_eq!(write(&handle, &caller, text.as_bytes()), Ok(text.len()));
        assert_eq!(read(&handle, &caller, 0, 100).unwrap(), shown.as_bytes());
        let kernels = std::fs::read_to_string(format!("/proc/{}/{file}", child.pid())).unwrap();
        assert_eq!(kernels, shown);
        assert_eq!(write(&handle, &caller, b"nonsense"), Err(Errno(libc::EINVAL)));
        let stranger = Actor::start(&Who::user(1000), &[]);
        let caller = stranger.caller();
        assert_eq!(node.open(&caller, libc::O_RDWR).err(), Some(Errno(libc::EACCES)));
        let cut = SetAttr { size: Some(0), ..SetAttr::default() };
        assert_eq!(node.setattr(&caller, &cut), Err(Errno(libc::EACCES)));
        let chmod = SetAttr { mode: Some(0o666), ..SetAttr::default() };
        assert_eq!(node.setattr(&caller, &chmod), Err(Errno(libc::EPERM)));
        assert_eq!(node.access(&caller, libc::R_OK), Ok(()));
        assert_eq!(node.access(&caller, libc::W_OK), Err(Errno(libc::EACCES)));
    }
    let chmod = SetAttr { mode: Some(0o666), ..SetAttr::default() };
    let node = find(&root, &caller, &format!("{}/stat", child.pid())).unwrap();
    assert_eq!(node.setattr(&caller, &chmod), Err(Errno(libc::EPERM)));

    let ro = crate::root(Options { ro: true, ..Options::default() });
    let node = find(&ro, &caller, &format!("{}/oom_score_adj", child.pid())).unwrap();
    assert_eq!(node.open(&caller, libc::O_RDWR).err(), Some(Errno(libc::EROFS)));
    assert_eq!(node.setattr(&caller, &chmod), Err(Errno(libc::EROFS)));
    assert_eq!(node.access(&caller, libc::W_OK), Err(Errno(libc::EROFS)));
    assert!(node.open(&caller, libc::O_RDONLY).is_ok());
}

#[test]
fn hidepid_closes_or_hides() {
    let (mine, others) = (Program::cat(&Who::user(1000)), Program::cat(&Who::user(1001)));
    let actor = Actor::start(&Who::user(1000), &[]);
    let member = Actor::start(&Who { groups: vec![77], ..Who::user(1000) }, &[]);
    let listed = |root: &Arc<dyn Node>, caller: &Caller| -> BTreeSet<String> {
        root.readdir(caller).unwrap().into_iter().map(|e| String::from_utf8(e.name).unwrap()).collect()
    };
    let (me_, them) = (mine.pid().to_string(), others.pid().to_string());
    for hidepid in [0, 1, 2, 4] {
        let root = root(Options { hidepid, gid: Some(77), ..Options::default() });
        let caller = actor.caller();
        let (dir, stat) = (find(&root, &caller, &them), find(&root, &caller, &format!("{them}/stat")));
        let all = listed(&root, &caller);
        assert!(all.contains(&me_) && all.contains("version") && all.contains("self"));
        assert_eq!(all.contains(&them), hidepid < 2, "{hidepid}");
        fn errno<T>(r: Result<T, Errno>) -> Option<i32> {
            r.err().map(|e| e.0)
        }
        let expect = match hidepid {
            0 => (None, None),
            1 => (None, Some(libc::EPERM)),
            _ => (Some(libc::ENOENT), Some(libc::ENOENT)),
        };
        assert_eq!((errno(dir), errno(stat)), expect, "{hidepid}");
        assert!(find(&root, &caller, &format!("{me_}/stat")).is_ok());

        // What another caller looked up is no way around.
        let remembered = find(&root, &me(), &format!("{them}/stat")).unwrap();
        assert_eq!(errno(remembered.open(&caller, libc::O_RDONLY)), expect.1, "{hidepid}");
        let dir = find(&root, &me(), &them).unwrap();
        assert_eq!(errno(dir.readdir(&caller)), expect.1, "{hidepid}");
        assert_eq!(errno(dir.attr(&caller)), expect.0, "{hidepid}");

        let by_group = find(&root, &member.caller(), &format!("{them}/stat"));
        assert_eq!(by_group.is_ok(), hidepid != 4, "{hidepid}");
        assert!(find(&root, &me(), &format!("{them}/stat")).is_ok());
    }
    let only = root(Options { uid: Some(1000), ..Options::default() });
    let all = listed(&only, &me());
    assert!(all.contains(&me_) && !all.contains(&them) && !all.contains("1"));
    assert_eq!(find(&only, &me(), &them).err(), Some(Errno(libc::ENOENT)));
}

#[test]
fn a_waiting_read_ends_when_the_client_gives_up() {
    let (root, caller) = (root(Options::default()), me());
    let Ok(handle) = find(&root, &caller, "kmsg").and_then(|n| n.open(&caller, libc::O_RDONLY)) else { return };
    // Only if there is nothing to read: the log is not ours to consume.
    if handle.poll(&caller, None).unwrap() & libc::POLLIN as u32 != 0 {
        return;
    }
    let (tx, rx) = mpsc::channel();
    let done = Pending::new(move |r: Result<Vec<u8>, Errno>| tx.send(r).unwrap());
    handle.read(&caller, 0, 100, done.clone());
    done.cancel();
    assert_eq!(rx.recv().unwrap(), Err(Errno(libc::EINTR)));
}

#[test]
fn names_that_leave_the_tree_do_not_exist() {
    let (root, caller) = (root(Options::default()), me());
    let dir = find(&root, &caller, "1").unwrap();
    let sub = find(&root, &caller, "1/fd").unwrap();
    for node in [&root, &dir, &sub] {
        for name in ["", ".", "..", "../1", "a/b", "stat\0x"] {
            assert_eq!(node.lookup(&caller, OsStr::new(name)).err(), Some(Errno(libc::ENOENT)), "{name:?}");
        }
        assert_eq!(node.lookup(&caller, OsStr::new(&"x".repeat(300))).err(), Some(Errno(libc::ENAMETOOLONG)));
    }
    for name in
        ["01", "+1", "0", "4294967296", "99999999999999999999", "1:", ":1", "1:x", "1:0", "1:18446744073709551616"]
    {
        assert_eq!(root.lookup(&caller, OsStr::new(name)).err(), Some(Errno(libc::ENOENT)), "{name:?}");
    }
    let _ = attempt(c"/proc/self/stat", libc::O_RDONLY, true);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_name_gets_an_answer(name in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        "[0-9]{1,12}(:[0-9]{0,22})?".prop_map(String::into_bytes),
        "(self|task|fd|ns|\\.){0,3}/?".prop_map(String::into_bytes),
    ]) {
        let (root, caller) = (root(Options::default()), me());
        let name = OsStr::from_bytes(&name);
        let nodes = ["1", "1/task", "1/task/1", "1/fd", "sys", "version"];
        for node in nodes.iter().map(|n| find(&root, &caller, n).unwrap()).chain([root.clone()]) {
            if let Ok(found) = node.lookup(&caller, name) {
                let _ = found.attr(&caller);
            }
        }
    }
}
