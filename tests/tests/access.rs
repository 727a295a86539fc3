//! access(2) and utimensat(2) here and in the kernel's /proc, side by side.

use flavours::linux::own::PROCESS;
use pfs_tests::{bounded, inside, root, Client, Mount, Target, TempDir, NOBODY, PATIENCE};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// The answers to each of the eight questions.
fn answers(client: &Client, path: &Path) -> Vec<Result<(), i32>> {
    (0..8).map(|mask| client.access(path, mask)).collect()
}

#[test]
fn the_answers_are_the_kernels() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let targets = [Target::start("count", &[]), Target::start_as(NOBODY, "count", &[])];
    let clients = [Client::new(), Client::of_user(NOBODY), Client::of_user(1000)];
    let (mut cells, mut wrong) = (0, Vec::new());
    for (client, who) in clients.iter().zip(["root", "nobody", "1000"]) {
        for pid in targets.iter().map(Target::pid) {
            let mut names = vec![String::new(), pid.to_string()];
            for dir in [pid.to_string(), format!("{pid}/task"), format!("{pid}/task/{pid}")] {
                // Links lead out of the file system.
                let plain = |kind: u32| kind != u32::from(libc::DT_LNK);
                let entries = client.list(&Path::new("/proc").join(&dir)).unwrap();
                let entries = entries.iter().filter(|(name, _, kind)| name != ".." && plain(*kind));
                names.extend(entries.map(|(name, ..)| format!("{dir}/{name}")));
            }
            for name in names {
                let kernels = answers(client, &Path::new("/proc").join(&name));
                let ours = answers(client, &mount.point().join(&name));
                cells += 1;
                if kernels != ours {
                    wrong.push(format!("{who} {name}: {ours:?} instead of {kernels:?}"));
                }
            }
        }
    }
    assert!(cells > 300, "{cells}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nobody_executes_a_file_of_ours() {
    if !root() {
        return;
    }
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    for row in PROCESS {
        let path = mount.path(target.pid(), row.name);
        assert_eq!(client.access(&path, libc::R_OK | libc::W_OK), Ok(()), "{}", row.name);
        assert_eq!(client.access(&path, libc::X_OK), Err(libc::EACCES), "{}", row.name);
    }
}

/// What one sees of a process: kinds of calls on its directory and files, each with its answer.
const LOOKS: &str = "
import os, sys
def answer(f, *a):
    try:
        r = f(*a)
        return r if isinstance(r, bool) else 'ok'
    except OSError as e:
        return e.strerror
base, pid = sys.argv[1:]
print('listed', pid in os.listdir(base))
for name in ['', '/status', '/task', '/task/' + pid, '/environ']:
    p = base + '/' + pid + name
    calls = [os.stat, lambda p: os.close(os.open(p, os.O_RDONLY))]
    # That it is no directory is said before anybody is asked.
    calls += [] if name in ['/status', '/environ'] else [os.listdir, os.chdir]
    print(name, *(answer(f, p) for f in calls), *(os.access(p, m) for m in (os.F_OK, os.R_OK, os.X_OK)))
";

#[test]
fn what_is_hidden_is_what_the_kernel_hides() {
    if !root() || !inside("what_is_hidden_is_what_the_kernel_hides", &["unshare", "-m", "--propagation", "private"]) {
        return;
    }
    let (kernels, target) = (TempDir::new(), Target::start("count", &[]));
    // Of the group 0, the kernel's default, by either list of groups; of another; of none; and root who may trace nobody.
    let people: [&[&str]; 5] = [
        &["--reuid=65534", "--regid=0", "--clear-groups"],
        &["--reuid=65534", "--regid=65534", "--groups=0"],
        &["--reuid=65534", "--regid=65534", "--groups=77"],
        &["--reuid=65534", "--regid=65534", "--clear-groups"],
        &["--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"],
    ];
    let mut wrong = Vec::new();
    for options in ["hidepid=1", "hidepid=2", "hidepid=4", "hidepid=1,gid=77", "hidepid=2,gid=77"] {
        let mut command = Command::new("mount");
        command.args(["-t", "proc", "-o", options, "proc"]).arg(kernels.path());
        assert!(command.status().unwrap().success());
        let mount = Mount::of("linux", options);
        for who in people {
            // A kernel thread has nothing that anybody may trace.
            for pid in [target.pid(), 2] {
                let looks = |base: &Path| {
                    let mut command = Command::new("setpriv");
                    command.args(who).args(["/usr/bin/python3", "-c", LOOKS]).arg(base).arg(pid.to_string());
                    let out = bounded(&mut command, PATIENCE);
                    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
                    String::from_utf8(out.stdout).unwrap()
                };
                let (theirs, ours) = (looks(kernels.path()), looks(mount.point()));
                if theirs != ours {
                    wrong.push(format!("{options} {who:?} {pid}:\n{ours}instead of\n{theirs}"));
                }
            }
        }
        drop(mount);
        assert!(Command::new("umount").arg(kernels.path()).status().unwrap().success());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What touch(1) says when this user sets the times to now, or to a time.
fn touched(uid: u32, path: &Path) -> Vec<String> {
    let says = |how: &[&str]| {
        let mut command = Command::new("touch");
        command.args(["-c", "-h"]).args(how).arg(path).env("LC_ALL", "C").uid(uid).gid(uid);
        let out = bounded(&mut command, PATIENCE);
        let said = String::from_utf8_lossy(&out.stderr).trim().rsplit(": ").next().unwrap_or_default().to_owned();
        format!("{:?} {said}", out.status.code())
    };
    vec![says(&["-d", "@5"]), says(&["-a", "-d", "@5"]), says(&[])]
}

#[test]
fn times_are_set_by_who_may() {
    if !root() {
        return;
    }
    let (mount, target) = (Mount::new(), Target::start_as(NOBODY, "count", &[]));
    let pid = target.pid();
    for uid in [1000, NOBODY, 0] {
        let names = ["uptime", "sys/kernel/ostype"].map(String::from).into_iter();
        let names = names.chain(["", "/status", "/comm", "/fd", "/cwd", "/task"].map(|name| format!("{pid}{name}")));
        for name in names.chain([format!("{pid}/task/{pid}"), format!("{pid}/task/{pid}/status")]) {
            let kernels = touched(uid, &Path::new("/proc").join(&name));
            assert_eq!(touched(uid, &mount.point().join(&name)), kernels, "{uid} {name}");
        }
        // Ours have the times of the directory.
        let directory = touched(uid, &Path::new("/proc").join(pid.to_string()));
        for row in PROCESS {
            assert_eq!(touched(uid, &mount.path(pid, row.name)), directory, "{uid} {}", row.name);
        }
    }
    let status = Command::new("touch").args(["-c", "-d", "@5"]).arg(mount.path(pid, "status")).status();
    assert!(status.unwrap().success());
    assert_eq!(std::fs::metadata(mount.path(pid, "status")).unwrap().mtime(), 5);
    let read_only = mount.beside_as("ro", "linux", "ro").join(pid.to_string());
    for name in ["", "status", "ctl"] {
        assert!(touched(0, &read_only.join(name))[0].contains("Read-only"), "{name}");
    }
}
