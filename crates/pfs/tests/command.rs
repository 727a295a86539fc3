//! The command as a user runs it: what it says, its exit codes, and real mounts.

mod common;

use common::{Bench, Process};
use pfs::control::{Answer, Conn, Request};
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{symlink, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn wrong_command_lines_exit_2() {
    let bench = Bench::new();
    bench.run(&["mount"]).fails(2, &["DIR"]);
    bench.run(&["frobnicate"]).fails(2, &["frobnicate"]);
    bench.run(&["mount", "-o", "bogus", "p"]).fails(2, &["bogus", "hidepid=0|1|2|4"]);
}

#[test]
fn failures_exit_1_and_name_the_remedy() {
    let bench = Bench::new();
    bench.dir("p");
    std::fs::write(bench.dir("d").join("file"), "").unwrap();
    bench.run(&["mount", "none"]).fails(1, &["mount none", "no such directory", "mkdir none"]);
    bench.run(&["mount", "d/file"]).fails(1, &["mount d/file", "not a directory"]);
    bench.run(&["mount", "-t", "vms", "p"]).fails(1, &["mount p", "unknown flavour", "known are", "linux"]);
    bench.run(&["umount", "p"]).fails(1, &["umount p", "not one of our mounts"]);
    bench.run(&["umount", "/proc"]).fails(1, &["not one of our mounts", "but proc"]);
    // Others may have mounts.
    let said = bench.run(&["umount", "none"]).fails(1, &["umount none: no such directory: "]).err();
    assert!(said.contains(" no mounts") || said.contains(": mounted are "), "{said}");
    for command in ["mount", "umount"] {
        let script =
            format!("mkdir gone && cd gone && rmdir ../gone && exec {} {command} .", env!("CARGO_BIN_EXE_pfs"));
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &script])
            .env("PFS_RUNTIME_DIR", bench.runtime())
            .current_dir(bench.runtime().parent().unwrap());
        common::Done(shell.output().unwrap()).fails(1, &["the current directory has been removed: cd"]);
    }
    bench.run(&["daemon"]).fails(1, &["pfs mount"]);
    assert!(bench.daemon().is_none());
}

#[test]
fn a_runtime_directory_open_to_others_is_refused() {
    let bench = Bench::new();
    bench.dir("p");
    let run = bench.dir("run");
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o755)).unwrap();
    // To close a directory that all use, as /tmp, would be no remedy.
    bench.run(&["mount", "p"]).fails(1, &["open to other users: name another directory by PFS_RUNTIME_DIR"]);
    if !rustix::process::geteuid().is_root() {
        let top = run.parent().unwrap();
        std::fs::create_dir(top.join("pfs")).unwrap();
        std::fs::set_permissions(top.join("pfs"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut mount = bench.pfs(&["mount", "p"]);
        mount.env_remove("PFS_RUNTIME_DIR").env("XDG_RUNTIME_DIR", top);
        common::Done(mount.output().unwrap()).fails(1, &["open to other users: chmod 700"]);
    }
    bench.run(&["status"]).fails(1, &["open to other users"]);
    std::fs::remove_dir(&run).unwrap();
    symlink(bench.dir("elsewhere"), &run).unwrap();
    bench.run(&["mount", "p"]).fails(1, &["not a directory"]);
    std::fs::remove_file(&run).unwrap();
}

#[test]
fn without_a_daemon_there_are_no_mounts() {
    let bench = Bench::new();
    // Other tests may have killed their daemons.
    let said = bench.run(&["status"]).ok().out();
    assert!(said.lines().all(|line| line == "no mounts" || line.contains("is dead")), "{said}");
    let status = bench.status();
    assert!(status["daemon"].is_null() && status["mounts"].as_array().unwrap().is_empty());
    bench.run(&["shutdown"]).ok();
    assert!(!bench.runtime().exists());
}

#[test]
fn manual_and_completions_come_from_the_definition() {
    let bench = Bench::new();
    bench.run(&["man", "man"]).ok();
    let page = std::fs::read_to_string(bench.runtime().with_file_name("man").join("pfs-mount.1")).unwrap();
    assert!(page.contains("hidepid"), "{page}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(bench.run(&["completions", shell]).ok().out().contains("umount"));
    }
}

#[test]
fn mount_status_umount() {
    let bench = Bench::new();
    let dir = bench.dir("p q");
    let mounted = bench.run(&["mount", "--json", "-o", "ro", "p q"]).ok().json();
    assert_eq!(mounted["mounted"].as_str(), dir.canonicalize().unwrap().to_str());
    assert_eq!(mounted["flavour"], "linux");
    // It answers: nothing to wait for.
    std::fs::read_dir(&dir).unwrap().count();
    let daemon = bench.daemon().unwrap();
    assert_eq!(mounted["daemon"], daemon.pid.as_raw_nonzero().get());

    let status = bench.status();
    assert_eq!(status["mounts"][0]["dev"], mounted["dev"]);
    assert_eq!(status["mounts"][0]["options"]["ro"], true);
    assert!(bench.run(&["status"]).ok().out().contains("p q"));
    bench.run(&["mount", "p q"]).fails(1, &["already mounted", "pfs umount"]);

    let done = bench.run(&["umount", "--json", "p q/"]).ok().json();
    assert_eq!(done["unmounted"], mounted["mounted"]);
    assert!(!bench.mounted(&dir));
    daemon.wait_end();
    assert!(!bench.runtime().join("control").exists());
}

#[test]
fn of_several_umounts_one_does_it() {
    let bench = Bench::new();
    bench.dir("p");
    for _ in 0..10 {
        bench.run(&["mount", "p"]).ok();
        let all: Vec<_> = (0..6).map(|_| bench.pfs(&["umount", "p"]).stderr(Stdio::piped()).spawn().unwrap()).collect();
        let all: Vec<_> = all.into_iter().map(|child| common::Done(child.wait_with_output().unwrap())).collect();
        assert_eq!(all.iter().filter(|done| done.0.status.success()).count(), 1);
        for late in all.into_iter().filter(|done| !done.0.status.success()) {
            assert!(
                late.err().contains("not mounted any more") || late.err().contains("not one of our mounts"),
                "{}",
                late.err()
            );
        }
    }
}

#[test]
fn the_second_mount_joins_the_daemon() {
    let bench = Bench::new();
    let (a, b) = (bench.dir("a"), bench.dir("b"));
    let first = bench.run(&["mount", "--json", "a"]).ok().json();
    let second = bench.run(&["mount", "--json", "b"]).ok().json();
    assert_eq!(first["daemon"], second["daemon"]);
    assert_ne!(first["dev"], second["dev"]);
    let daemon = bench.daemon().unwrap();
    bench.run(&["umount", "a"]).ok();
    assert!(!bench.mounted(&a) && bench.mounted(&b));
    bench.run(&["umount", "b"]).ok();
    daemon.wait_end();
}

#[test]
fn mounts_at_the_same_time_start_one_daemon() {
    let bench = Bench::new();
    let names: Vec<String> = (0..6).map(|i| format!("p{i}")).collect();
    for name in &names {
        bench.dir(name);
    }
    let running: Vec<_> = names
        .iter()
        .map(|name| {
            bench.pfs(&["mount", "--json", name]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut daemons: Vec<_> = running
        .into_iter()
        .map(|c| common::Done(c.wait_with_output().unwrap()).ok().json()["daemon"].clone())
        .collect();
    daemons.dedup();
    assert_eq!(daemons.len(), 1);
    assert_eq!(bench.status()["mounts"].as_array().unwrap().len(), names.len());
}

#[test]
fn mount_and_umount_in_turn_never_miss_each_other() {
    // Each umount ends the daemon, and the next mount meets it while it ends.
    let bench = Bench::new();
    bench.dir("p");
    for _ in 0..20 {
        bench.run(&["mount", "p"]).ok();
        bench.run(&["umount", "p"]).ok();
    }
}

#[test]
fn a_killed_daemon_is_replaced() {
    let bench = Bench::new();
    let dir = bench.dir("p");
    bench.run(&["mount", "p"]).ok();
    let daemon = bench.daemon().unwrap();
    daemon.signal(Signal::KILL);
    daemon.wait_end();
    assert!(bench.runtime().join("control").exists());
    let said = bench.run(&["status"]).ok().out();
    assert!(said.contains("is dead") && said.contains(&format!("pfs umount {}", dir.display())), "{said}");
    let status = bench.status();
    assert!(status["dead"].as_array().unwrap().iter().any(|dead| dead["dir"].as_str() == dir.to_str()), "{status}");

    let again = bench.run(&["mount", "p"]).ok();
    assert!(again.err().contains("a daemon that died"), "{}", again.err());
    std::fs::read_dir(&dir).unwrap().count();
    bench.run(&["umount", "p"]).ok();
    assert!(!bench.mounted(&dir));
}

#[test]
fn what_a_killed_daemon_left_can_be_unmounted() {
    let bench = Bench::new();
    let dir = bench.dir("p");
    bench.run(&["mount", "p"]).ok();
    let daemon = bench.daemon().unwrap();
    daemon.signal(Signal::KILL);
    daemon.wait_end();
    bench.run(&["umount", "p"]).ok();
    assert!(!bench.mounted(&dir));
}

#[test]
fn sigterm_unmounts_everything() {
    let bench = Bench::new();
    let (a, b) = (bench.dir("a"), bench.dir("b"));
    bench.run(&["mount", "a"]).ok();
    bench.run(&["mount", "b"]).ok();
    let daemon = bench.daemon().unwrap();
    daemon.signal(Signal::TERM);
    daemon.wait_end();
    assert!(!bench.mounted(&a) && !bench.mounted(&b));
}

#[test]
fn shutdown_unmounts_everything_even_in_use() {
    let bench = Bench::new();
    let dir = bench.dir("p");
    bench.run(&["mount", "p"]).ok();
    let daemon = bench.daemon().unwrap();
    let open = std::fs::File::open(&dir).unwrap();
    bench.run(&["umount", "p"]).fails(1, &["umount p", "in use", "--lazy"]);
    let said = bench.run(&["shutdown", "--json"]).ok().json();
    assert_eq!(said["unmounted"], 1);
    daemon.wait_end();
    assert!(!bench.mounted(&dir));
    drop(open);
}

#[test]
fn a_lazy_umount_gives_back_at_once() {
    let bench = Bench::new();
    let dir = bench.dir("p");
    bench.run(&["mount", "p"]).ok();
    let daemon = bench.daemon().unwrap();
    let open = std::fs::File::open(&dir).unwrap();
    bench.run(&["umount", "--lazy", "p"]).ok();
    daemon.wait_end();
    drop(open);
}

#[test]
fn an_umount_by_others_ends_the_daemon() {
    let bench = Bench::new();
    let dir = bench.dir("p");
    bench.run(&["mount", "p"]).ok();
    let daemon = bench.daemon().unwrap();
    pfs::mounts::unmount(&dir.canonicalize().unwrap(), false).unwrap();
    daemon.wait_end();
}

#[test]
fn in_the_foreground() {
    let bench = Bench::new();
    let dir = bench.dir("p");
    bench.dir("q");
    let mut child = bench
        .pfs(&["mount", "--foreground", "--json", "p"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("\"mounted\""), "{line}");
    bench.run(&["mount", "--foreground", "q"]).fails(1, &["runs already", "pfs shutdown"]);
    Process::open(child.id() as i32).signal(Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!bench.mounted(&dir));
}

/// FUSE names the clients of a mount by numbers of who mounts: a daemon to which they mean others must not serve it.
#[test]
fn a_daemon_in_other_namespaces_is_not_joined() {
    let bench = Bench::new();
    let (outer, inner) = (bench.dir("p"), bench.dir("q"));
    bench.run(&["mount", "p"]).ok();
    let daemon = bench.daemon().unwrap();
    let within = |space: &[&str], program: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(space).args(program).current_dir(outer.parent().unwrap()).stdin(Stdio::null());
        common::Done(command.env("PFS_RUNTIME_DIR", bench.runtime()).output().unwrap())
    };
    let pfs = env!("CARGO_BIN_EXE_pfs");
    for space in [&["-pf", "--mount-proc"][..], &["-Urpf", "--mount-proc"], &["-Ur"], &["-p"]] {
        if !within(space, &["true"]).0.status.success() {
            eprintln!("unshare {space:?} is refused here: nothing tested");
            continue;
        }
        for args in [&[pfs, "mount", "q"][..], &[pfs, "status"], &[pfs, "shutdown"]] {
            within(space, args).fails(1, &["pid and user namespaces", "PFS_RUNTIME_DIR"]);
        }
        assert!(!bench.mounted(&inner) && bench.mounted(&outer));
        assert_eq!(bench.daemon().unwrap().pid, daemon.pid);
    }
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // A daemon of its own is there for it; and the copy of the outer mount can be taken away.
    let own = "export PFS_RUNTIME_DIR=$PWD/own && $0 mount q && readlink q/self && $0 shutdown";
    let said = within(&["-pf", "--mount-proc"], &["sh", "-c", own, pfs]).ok().out();
    assert!(said.lines().next().is_some_and(|n| n.parse::<u32>().unwrap() < 100), "{said}");
    within(&["-pf", "--mount-proc"], &[pfs, "umount", "p"]).ok();
    std::fs::read_dir(&outer).unwrap().count();
    // Where /proc shows the processes of another namespace, none is known.
    let blind = "PFS_RUNTIME_DIR=$PWD/blind $0 mount q";
    within(&["-pf"], &["sh", "-c", blind, pfs]).fails(1, &["cannot start the daemon"]);
    assert!(!bench.mounted(&inner));
}

#[test]
fn a_busy_daemon_says_so() {
    let bench = Bench::new();
    let dir = bench.dir("p");
    bench.dir("q");
    bench.run(&["mount", "p"]).ok();
    let idle = [(); 64].map(|()| UnixStream::connect(bench.runtime().join("control")).unwrap());
    for args in [&["status"][..], &["shutdown"], &["mount", "q"]] {
        bench.run(args).fails(1, &["too many connections", "try again"]);
    }
    assert!(bench.mounted(&dir));
    bench.run(&["umount", "p"]).fails(1, &["p is unmounted", "too many connections"]);
    assert!(!bench.mounted(&dir));
    drop(idle);
}

#[test]
fn a_mount_that_gets_the_number_of_one_that_goes_stays() {
    // Between the umount and what is said of it to the daemon, another mount takes the number of the device.
    let bench = Bench::new();
    let b = bench.dir("b");
    let front = bench.dir("front");
    std::fs::set_permissions(&front, std::fs::Permissions::from_mode(0o700)).unwrap();
    bench.dir("a");
    bench.dir("c");
    bench.run(&["mount", "c"]).ok();
    let between = UnixListener::bind(front.join("control")).unwrap();
    for _ in 0..20 {
        let a_dev = bench.run(&["mount", "--json", "a"]).ok().json()["dev"].clone();
        let umount = bench.pfs(&["umount", "a"]).env("PFS_RUNTIME_DIR", &front).spawn().unwrap();
        let asks = between.accept().unwrap().0;
        let daemon = UnixStream::connect(bench.runtime().join("control")).unwrap();
        let (mut to_daemon, mut to_command) = (&daemon, &asks);
        let (mut from_command, mut from_daemon) = (BufReader::new(&asks), BufReader::new(&daemon));
        let mut line = String::new();
        let mut b_dev = None;
        while from_command.read_line(&mut line).is_ok_and(|n| n > 0) {
            if line.contains("\"op\":\"end\"") {
                b_dev = Some(bench.run(&["mount", "--json", "b"]).ok().json()["dev"].clone());
            }
            to_daemon.write_all(line.as_bytes()).unwrap();
            line.clear();
            from_daemon.read_line(&mut line).unwrap();
            to_command.write_all(line.as_bytes()).unwrap();
            line.clear();
        }
        common::Done(umount.wait_with_output().unwrap()).ok();
        std::fs::read_dir(&b).unwrap().count();
        bench.run(&["umount", "b"]).ok();
        if b_dev == Some(a_dev) {
            return;
        }
    }
    eprintln!("other mounts took the number each time: nothing tested");
}

#[test]
fn what_cannot_be_said_fails_nothing() {
    let bench = Bench::new();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let said = bench.pfs(&["mount", "none"]).stderr(full()).output().unwrap();
    assert_eq!(said.status.code(), Some(1));
    let said = common::Done(bench.pfs(&["status"]).stdout(full()).output().unwrap());
    said.fails(1, &["cannot write the answer"]);
    for args in [&["--help"][..], &["--version"], &["help", "mount"]] {
        let said = common::Done(bench.pfs(args).stdout(full()).output().unwrap());
        said.fails(1, &["cannot write the answer"]);
        assert!(bench.run(args).ok().out().starts_with(if args[0] == "--version" { "pfs " } else { "" }));
    }

    let (a, b) = (bench.dir("a"), bench.dir("b"));
    let mut child =
        bench.pfs(&["mount", "--foreground", "--json", "a"]).stdout(Stdio::piped()).stderr(full()).spawn().unwrap();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut String::new()).unwrap();
    bench.run(&["mount", "b"]).ok();
    std::fs::read_dir(&b).unwrap().count();
    bench.run(&["umount", "b"]).ok();
    bench.run(&["umount", "a"]).ok();
    Process::open(child.id() as i32).wait_end();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!bench.mounted(&a));
}

#[test]
fn the_log_says_when_and_why() {
    let bench = Bench::new();
    let log = || std::fs::read_to_string(bench.runtime().join("daemon.log")).unwrap();
    let dir = bench.dir("p");
    let end = |how: &dyn Fn(&Process), says: &str| {
        bench.run(&["mount", "p"]).ok();
        let daemon = bench.daemon().unwrap();
        how(&daemon);
        daemon.wait_end();
        assert!(log().contains(says), "{says}: {}", log());
    };
    end(&|_| drop(bench.run(&["umount", "p"]).ok()), "/p: gone: unmounted\n");
    end(&|_| drop(bench.run(&["shutdown"]).ok()), "/p: gone: pfs shutdown\n");
    end(&|d| d.signal(Signal::HUP), "/p: gone: SIGHUP\n");
    let lazy = |_: &Process| {
        let open = std::fs::File::open(&dir).unwrap();
        bench.run(&["umount", "--lazy", "p"]).ok();
        drop(open);
    };
    end(&lazy, "/p: gone: pfs umount --lazy\n");
    for line in log().lines() {
        let time = line.split(' ').next().unwrap();
        assert!(time.len() == 20 && time.starts_with("20") && time.ends_with('Z'), "{line}");
    }
    bench.run(&["mount", "p"]).ok();
    let daemon = bench.daemon().unwrap();
    daemon.signal(Signal::USR1);
    std::fs::read_dir(&dir).unwrap().count();
    assert_eq!(bench.daemon().unwrap().pid, daemon.pid);
    // The tracer has the log open, and says so before it ends.
    daemon.signal(Signal::KILL);
    let until = Instant::now() + Duration::from_secs(20);
    while !log().contains("the daemon was killed") {
        assert!(Instant::now() < until, "{}", log());
        std::thread::yield_now();
    }
}

#[test]
fn an_umount_in_another_namespace_leaves_the_others() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not root: nothing tested");
        return;
    }
    let bench = Bench::new();
    let dir = bench.dir("p").canonicalize().unwrap();
    bench.run(&["mount", "p"]).ok();
    let pfs = env!("CARGO_BIN_EXE_pfs");
    for lazy in ["", "--lazy"] {
        let script = format!("mount --make-rprivate / && {pfs} umount --json {lazy} {}", dir.display());
        let mut command = std::process::Command::new("unshare");
        command.args(["-m", "sh", "-c", &script]).env("PFS_RUNTIME_DIR", bench.runtime());
        let said = common::Done(command.output().unwrap()).ok();
        assert!(said.err().contains("still mounted in another mount namespace"), "{}", said.err());
        assert_eq!(said.json()["still_mounted_elsewhere"], true);
        assert!(bench.mounted(&dir) && std::fs::read_dir(&dir).unwrap().count() > 0);
    }
    let said = bench.run(&["umount", "--json", "p"]).ok();
    assert_eq!((said.err(), said.json()["still_mounted_elsewhere"].as_bool()), (String::new(), Some(false)));
}

#[test]
fn a_mount_that_is_bound_goes_on() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not root: nothing tested");
        return;
    }
    let bench = Bench::new();
    let (dir, bound) = (bench.dir("p"), bench.dir("q").canonicalize().unwrap());
    bench.run(&["mount", "p"]).ok();
    let daemon = bench.daemon().unwrap();
    rustix::mount::mount_bind(&dir, &bound).unwrap();
    let said = bench.run(&["umount", "p"]).ok();
    assert!(said.err().contains(&format!("still mounted on {0}: pfs umount {0}", bound.display())), "{}", said.err());
    assert!(std::fs::read_dir(&bound).unwrap().count() > 0);
    bench.run(&["umount", "q"]).ok();
    daemon.wait_end();
}

#[test]
fn a_mount_while_the_daemon_ends_is_the_next_ones() {
    // Somebody in its place who has answered hello, and ends before he takes the mount.
    for answer in [None, Some(Answer::Stopping)] {
        let bench = Bench::new();
        let dir = bench.dir("p");
        let run = bench.dir("run");
        std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o700)).unwrap();
        let listener = UnixListener::bind(run.join("control")).unwrap();
        let socket = run.join("control");
        let ends = std::thread::spawn(move || {
            let mut conn = Conn::new(listener.accept().unwrap().0, Duration::from_secs(20)).unwrap();
            assert_eq!(conn.receive::<Request>().unwrap(), Some(Request::Hello));
            conn.send(&Answer::Hello { pid: 1, version: "0".into() }, None).unwrap();
            conn.receive::<Request>().unwrap();
            if let Some(answer) = answer {
                conn.send(&answer, None).unwrap();
            }
            std::fs::remove_file(&socket).unwrap();
        });
        bench.run(&["mount", "p"]).ok();
        ends.join().unwrap();
        assert!(std::fs::read_dir(&dir).unwrap().count() > 0);
    }
}

#[test]
fn the_daemon_keeps_nothing_of_its_starter() {
    let bench = Bench::new();
    bench.dir("p");
    // `output` reads to the end of the pipes, which a daemon with them open would put off; and the directory it was
    // started in is free.
    bench.run(&["mount", "p"]).ok();
    let pid = bench.daemon().unwrap().pid.as_raw_nonzero();
    assert_eq!(std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap().to_str(), Some("/"));
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap();
    assert_eq!(session, pid.to_string());
}

#[test]
fn the_daemon_dies_of_no_limit_of_its_starter() {
    let bench = Bench::new();
    let (dir, run) = (bench.dir("p"), bench.dir("run"));
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mount = |limits: &str| {
        // The first line of the daemon crosses the limit of files.
        std::fs::write(run.join("daemon.log"), [b'\n'; 1024]).unwrap();
        let script = format!("trap '' CHLD; {limits}; exec {} mount p", env!("CARGO_BIN_EXE_pfs"));
        let mut command = Command::new("bash");
        command.args(["-c", &script]).env("PFS_RUNTIME_DIR", &run).current_dir(dir.parent().unwrap());
        common::Done(command.output().unwrap()).ok();
        assert!(std::fs::read_dir(&dir).unwrap().count() > 0);
        bench.daemon().unwrap()
    };
    let daemon = mount("ulimit -Sf 1 -St 1 -Sv 4000000 -Sd 4000000 -Ss 1024 -Sl 0 -Sn 64");
    let log = std::fs::read_to_string(run.join("daemon.log")).unwrap();
    assert!(log.contains("/p: mounted"), "{log}");
    let pid = daemon.pid.as_raw_nonzero().get();
    for pid in [pid.to_string(), child_of(pid)] {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let kinds =
            ["cpu time", "file size", "address space", "data size", "stack size", "locked memory", "open files"];
        for kind in kinds {
            let line = limits.lines().find(|line| line.contains(kind)).unwrap();
            let mut words = line[25..].split_whitespace();
            assert_eq!(words.next(), words.next(), "{pid}: {line}");
        }
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let has = |kind: &str, signal: i32| {
            let set = status.lines().find_map(|line| line.strip_prefix(kind)).unwrap().trim();
            u64::from_str_radix(set, 16).unwrap() & 1 << (signal - 1) != 0
        };
        assert!(has("SigCgt:", libc::SIGXFSZ) && has("SigCgt:", libc::SIGXCPU), "{pid}: {status}");
        assert!(!has("SigIgn:", libc::SIGCHLD), "{pid}: {status}");
    }
    bench.run(&["umount", "p"]).ok();
    daemon.wait_end();
    // What may not be raised costs lines of the log.
    let daemon = mount("ulimit -f 1");
    bench.run(&["umount", "p"]).ok();
    daemon.wait_end();
}

/// The process that a thread of `pid` has made.
fn child_of(pid: i32) -> String {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let all: String =
        tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).unwrap()).collect();
    all.split_whitespace().next().expect("no child").to_owned()
}

#[test]
fn a_full_disk_is_no_reason_not_to_mount() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not root: nothing tested");
        return;
    }
    let bench = Bench::new();
    let (dir, run) = (bench.dir("p"), bench.dir("run"));
    // Names have room there, and contents have not.
    let script = format!(
        "mount -t tmpfs -o size=4k,mode=700 tmpfs $PFS_RUNTIME_DIR && printf x >$PFS_RUNTIME_DIR/full && {0} mount p && ls p && {0} umount p",
        env!("CARGO_BIN_EXE_pfs")
    );
    let mut command = Command::new("unshare");
    command.args(["-m", "timeout", "60", "sh", "-c", &script]).env("PFS_RUNTIME_DIR", &run);
    let said = common::Done(command.current_dir(dir.parent().unwrap()).output().unwrap()).ok();
    assert!(said.out().contains("cpuinfo"), "{}", said.err());
}

#[test]
fn why_a_daemon_does_not_start_is_said() {
    let bench = Bench::new();
    bench.dir("p");
    let run = bench.dir("run");
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::create_dir(run.join("control")).unwrap();
    bench.run(&["mount", "p"]).fails(1, &["mount p: cannot start the daemon: cannot remove the stale", "control"]);
}
