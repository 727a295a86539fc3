//! The command as a user runs it: what it says, its exit codes, and real mounts.

mod common;

use common::{Bench, Process};
use rustix::process::Signal;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{symlink, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

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
    bench.run(&["umount", "none"]).fails(1, &["umount none"]);
    bench.run(&["daemon"]).fails(1, &["pfs mount"]);
    assert!(bench.daemon().is_none());
}

#[test]
fn a_runtime_directory_open_to_others_is_refused() {
    let bench = Bench::new();
    bench.dir("p");
    let run = bench.dir("run");
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o755)).unwrap();
    bench.run(&["mount", "p"]).fails(1, &["open to other users", "chmod 700"]);
    bench.run(&["status"]).fails(1, &["open to other users"]);
    std::fs::remove_dir(&run).unwrap();
    symlink(bench.dir("elsewhere"), &run).unwrap();
    bench.run(&["mount", "p"]).fails(1, &["not a directory"]);
    std::fs::remove_file(&run).unwrap();
}

#[test]
fn without_a_daemon_there_are_no_mounts() {
    let bench = Bench::new();
    assert_eq!(bench.run(&["status"]).ok().out(), "no mounts\n");
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
    assert_eq!(bench.run(&["status"]).ok().out(), "no mounts\n");

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
