//! Acting in a caller's name gives what a process with those credentials gets.

mod common;

use common::{path, Actor, Program, Try, Who, CAP_SYS_PTRACE};
use kernel::creds::Creds;
use kernel::helper::Found;
use kernel::procfs::{self, Proc};
use std::os::unix::fs::PermissionsExt;

fn callers() -> Vec<Who> {
    vec![
        Who::root(),
        Who { without: Some(CAP_SYS_PTRACE), ..Who::root() },
        Who::user(1000),
        Who::user(1001),
        Who { groups: vec![4242], ..Who::user(1000) },
    ]
}

/// A copy of cat that runs as root whoever starts it.
fn set_uid_cat() -> (std::path::PathBuf, String) {
    let dir = std::env::temp_dir().join(format!("pfs-creds-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o755)).unwrap();
    let cat = dir.join("cat");
    std::fs::copy("/bin/cat", &cat).unwrap();
    std::fs::set_permissions(&cat, PermissionsExt::from_mode(0o4755)).unwrap();
    let name = cat.to_str().unwrap().to_owned();
    (dir, name)
}

#[test]
fn equal_to_a_real_process_in_every_cell() {
    let (dir, set_uid) = set_uid_cat();
    let plain = Program::cat(&Who::user(1000));
    let of_root = Program::cat(&Who::root());
    let closed = Actor::start(&Who::user(1000), &[]);
    let raised = Program::start(&set_uid, &Who::user(1000));
    std::fs::remove_dir_all(dir).unwrap();
    let status = Proc::open(raised.pid()).unwrap().status().unwrap();
    assert_eq!(procfs::numbers(procfs::field(&status, "Uid").unwrap())[..2], [1000, 0]);

    let targets = [("plain", plain.pid()), ("root", of_root.pid()), ("closed", closed.pid), ("set-uid", raised.pid())];
    let files = ["mem", "environ", "maps", "stat", "io"];
    let cells: Vec<(&str, u32, &str)> = targets.iter().flat_map(|(t, pid)| files.map(|f| (*t, *pid, f))).collect();
    let tries: Vec<Try> = cells
        .iter()
        .map(|(_, pid, f)| Try { path: path(format!("/proc/{pid}/{f}")), flags: libc::O_RDONLY, read: false })
        .collect();
    let mut denied = 0;
    for who in callers() {
        let actor = Actor::start(&who, &tries);
        let creds = Creds::of(actor.pid, who.uid, who.gid).unwrap();
        assert_eq!(creds.is_same(), who.uid == 0 && who.without.is_none());
        for ((target, pid, file), saw) in cells.iter().zip(&actor.saw) {
            let proc = Proc::open(*pid).unwrap();
            let errno = |r: std::io::Result<_>| r.map_or_else(|e| e.raw_os_error().unwrap(), |_| 0);
            let open = || procfs::openat(proc.dir(), &path(*file), libc::O_RDONLY);
            assert_eq!(errno(creds.act(open)), saw[0], "{who:?} opens {file} of {target}");
            assert_eq!(errno(creds.act_on(&proc, open)), saw[0], "{who:?} opens {file} of {target}, act_on");
            denied += i32::from(saw[0] != 0);
        }
    }
    assert!(denied > 10, "the matrix shows both answers");
}

#[test]
fn groups_count() {
    let file = std::env::temp_dir().join(format!("pfs-group-{}", std::process::id()));
    std::fs::write(&file, "x").unwrap();
    std::os::unix::fs::chown(&file, Some(0), Some(4242)).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
    for (groups, may) in [(vec![4242], true), (vec![4, 4243], false), (vec![], false)] {
        let who = Who { groups: groups.clone(), ..Who::user(1000) };
        let actor = Actor::start(&who, &[]);
        let creds = Creds::of(actor.pid, 1000, 1000).unwrap();
        assert_eq!(creds.groups(), groups);
        assert_eq!(creds.act(|| std::fs::read(&file)).is_ok(), may, "{groups:?}");
    }
    std::fs::remove_file(file).unwrap();
}

fn mine() -> Vec<u8> {
    let status = procfs::read_at(procfs::root(), c"thread-self/status").unwrap();
    let fields = ["Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff"];
    fields.map(|f| procfs::field(&status, f).unwrap().to_vec()).concat()
}

#[test]
fn the_thread_is_itself_again_after_all() {
    let actor = Actor::start(&Who { groups: vec![7], ..Who::user(1000) }, &[]);
    let creds = Creds::of(actor.pid, 1000, 1000).unwrap();
    let before = mine();
    creds
        .act(|| {
            assert_ne!(mine(), before);
            assert!(Creds::own().act(|| std::fs::read("/proc/1/environ")).is_err(), "no way up from inside");
            assert!(creds.act(|| Ok(())).is_ok());
            Ok(())
        })
        .unwrap();
    assert_eq!(mine(), before);
    let panicked = std::panic::catch_unwind(|| creds.act(|| -> std::io::Result<()> { panic!("inside") }));
    assert!(panicked.is_err());
    assert_eq!(mine(), before);
    assert!(std::fs::read("/proc/self/maps").is_ok() && std::fs::read("/proc/self/environ").is_ok());
    assert!(std::fs::File::open("/proc/self/mem").is_ok());
}

#[test]
fn no_caller_no_credentials() {
    let errno = |r: std::io::Result<Creds>| r.unwrap_err().raw_os_error().unwrap();
    assert_eq!(errno(Creds::of(0, 0, 0)), libc::ESRCH);
    assert_eq!(errno(Creds::of(std::process::id(), u32::MAX, 0)), libc::EACCES);
    assert_eq!(errno(Creds::of(std::process::id(), 0, u32::MAX)), libc::EACCES);
    assert_eq!(errno(Creds::of(u32::MAX, 0, 0)), libc::ENOENT);
}

#[test]
fn who_is_in_another_user_namespace_is_judged_there() {
    let plain = Program::cat(&Who::user(1000));
    let inside = Who { own_namespace: true, ..Who::user(1000) };
    let tries = |pid: u32| {
        ["mem", "environ", "maps", "stat"].map(|f| Try {
            path: path(format!("/proc/{pid}/{f}")),
            flags: libc::O_RDONLY,
            read: false,
        })
    };
    let actor = Actor::start(&inside, &tries(plain.pid()));
    let creds = Creds::of(actor.pid, 1000, 1000).unwrap();
    assert!(creds.is_foreign());
    assert_eq!(creds.effective(), 0);
    let proc = Proc::open(plain.pid()).unwrap();
    for (one, saw) in tries(plain.pid()).iter().zip(&actor.saw) {
        let got = creds.act_on(&proc, || procfs::openat(procfs::root(), &one.path, libc::O_RDONLY));
        assert_eq!(got.map_or_else(|e| e.raw_os_error().unwrap(), |_| 0), saw[0], "{:?}", one.path);
    }
    // In its own namespace it is itself.
    let within = Program::cat(&inside);
    let creds = Creds::of(within.pid(), 1000, 1000).unwrap();
    let target = Proc::open(within.pid()).unwrap();
    let open = || procfs::openat(target.dir(), c"mem", libc::O_RDONLY);
    assert!(creds.is_foreign() && creds.act_on(&target, open).is_ok());
    assert!(creds.act(open).is_ok());
    assert_eq!(creds.effective(), 0);
    let ids = |status: Vec<u8>| procfs::numbers(procfs::field(&status, "Uid").unwrap());
    let seen = creds.act(|| procfs::read_at(target.dir(), c"status")).unwrap();
    assert_eq!((ids(seen), ids(target.status().unwrap())), (vec![0; 4], vec![1000; 4]));
    let listed = creds.act(|| procfs::entries(target.dir(), c"fd")).unwrap();
    assert_eq!(listed, procfs::entries(target.dir(), c"fd").unwrap());
    let seen = creds.act(|| Found::at(target.dir(), c"maps")).unwrap().stat().unwrap();
    let same = procfs::fstatat(target.dir(), c"maps", false).unwrap();
    assert_eq!((seen.st_ino, seen.st_mode, seen.st_uid), (same.st_ino, same.st_mode, 1000));
    let other = Creds::of(actor.pid, 1000, 1000).unwrap();
    assert!(other.act_on(&target, open).is_err(), "a namespace beside it");
}

#[test]
fn our_own_process_is_closed_to_others() {
    let actor = Actor::start(&Who::user(1000), &[]);
    let creds = Creds::of(actor.pid, 1000, 1000).unwrap();
    let me = Proc::open(std::process::id()).unwrap();
    let maps = creds.act_on(&me, || procfs::openat(me.dir(), c"maps", libc::O_RDONLY));
    assert_eq!(maps.unwrap_err().raw_os_error(), Some(libc::EACCES));
}
