//! Programs that know nothing of us, over a mount that lies where they look: on /proc, in a mount namespace of their own.

use pfs_tests::{eventually, root, state, Client, Mount, Target, TempDir};
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Output, Stdio};

/// Runs a shell script with the mount bound over /proc. Where mount namespaces are not allowed there is nothing to test.
fn over_proc(mount: &Mount, script: &str) -> Option<Output> {
    let allowed = Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|s| s.success());
    if !allowed {
        return None;
    }
    let script = format!("mount --bind {} /proc && {script}", mount.point().display());
    Some(Command::new("unshare").args(["-m", "timeout", "60", "sh", "-c", &script]).output().expect("unshare"))
}

fn said(output: Option<Output>, script: &str) -> Option<String> {
    let output = output?;
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {}: {err}", output.status);
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn procps_and_friends_find_everything() {
    let (mount, target) = (Mount::new(), Target::start("count", &[]));
    let pid = target.pid().to_string();
    for script in [
        "ps aux".to_string(),
        "ps -eLo pid,lwp,comm".to_string(),
        "top -b -n1 -w 200".to_string(),
        format!("pmap {pid} && echo {pid}"),
        "pgrep count".to_string(),
        format!("lsof -p {pid}"),
        format!("pstree -pl {pid}"),
    ] {
        let Some(text) = said(over_proc(&mount, &script), &script) else { return };
        assert!(text.contains(&pid), "{script}:\n{text}");
    }
}

#[test]
fn psutil_reads_every_process() {
    let (mount, target) = (Mount::new(), Target::start("count", &[]));
    let Some(path) = std::env::var_os("PFS_TEST_PYTHONPATH") else { return };
    let script = format!(
        "PYTHONPATH={} python3 -c '
import psutil
p = psutil.Process({})
print(p.name(), p.status(), p.num_threads(), p.memory_info().rss > 0, len(p.open_files()) >= 0, p.cmdline()[0] != \"\")
print(len([q.as_dict([\"pid\", \"name\", \"cpu_times\"]) for q in psutil.process_iter()]) > 2)'",
        path.to_string_lossy(),
        target.pid()
    );
    let Some(text) = said(over_proc(&mount, &script), "psutil") else { return };
    assert!(text.starts_with("count") && text.ends_with("True\n") && !text.contains("False"), "{text}");
}

#[test]
fn a_shell_holds_and_lets_go() {
    let (mount, target) = (Mount::new(), Target::start("count", &[]));
    let pid = target.pid();
    let script = format!(
        "cd {} && echo stop > {pid}/ctl && grep -q 'what=stop' {pid}/holders && grep -q '\"rip\"' {pid}/regs.json && \
         head -c 216 {pid}/regs | wc -c && echo run > {pid}/ctl && ! grep -q . {pid}/holders",
        mount.point().display()
    );
    let output = Command::new("timeout").args(["20", "sh", "-c", &script]).output().expect("sh");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "216");
    target.counts(16);
}

#[test]
fn a_process_writes_its_own_name() {
    let mount = Mount::new();
    let script = format!(
        "for i in 1 2 3 4 5 6 7 8 9; do printf name$i > {}/$$/comm && read n < /proc/$$/comm && [ $n = name$i ] || exit 1; done; \
         grep TracerPid /proc/$$/status",
        mount.point().display()
    );
    let output = Command::new("timeout").args(["20", "sh", "-c", &script]).output().expect("sh");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "TracerPid:\t0\n");
}

#[test]
fn a_process_that_ignores_sigtrap_is_not_made_to_forget_that() {
    let mount = Mount::new();
    // The call that would write the name is made by a step.
    let script = format!(
        "trap '' TRAP; ! printf name > {}/$$/comm 2>/dev/null && read n < /proc/$$/comm && [ $n = sh ] && \
         grep SigIgn /proc/$$/status",
        mount.point().display()
    );
    let output = Command::new("timeout").args(["20", "sh", "-c", &script]).output().expect("sh");
    assert!(output.status.success(), "{output:?}");
    let ignored = String::from_utf8_lossy(&output.stdout).trim().split('\t').nth(1).map(|f| u64::from_str_radix(f, 16));
    assert_eq!(ignored.unwrap().unwrap() >> (libc::SIGTRAP - 1) & 1, 1);
}

#[test]
fn a_process_writes_its_own_name_under_a_trace() {
    let (mount, client) = (Mount::new(), Client::new());
    let script = format!(
        "read go; for i in 1 2 3 4 5 6 7 8 9; do printf name$i > {}/$$/comm && read n < /proc/$$/comm && [ $n = name$i ] || exit 1; \
         done",
        mount.point().display()
    );
    let mut command = Command::new("timeout");
    let mut writer = command.args(["20", "sh", "-c", &script]).stdin(Stdio::piped()).spawn().expect("sh");
    let pid = || {
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", writer.id())).unwrap();
        children.trim().parse::<i32>().ok()
    };
    eventually("the shell is there", || pid().is_some_and(|p| mount.read(p, "comm") == Ok(b"sh\n".to_vec())));
    let seat = client.open(&mount.path(pid().unwrap(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace in all\ntrace out all").unwrap();
    writeln!(writer.stdin.take().unwrap(), "go").unwrap();
    let said = client.events(seat, usize::MAX);
    assert!(writer.wait().unwrap().success());
    assert!(said.len() > 100 && said.iter().any(|l| l.contains("\"write\"")));
}

/// A script with a directory of its own, `$D`, and whatever it started in the background ended by number.
fn daemon_script(mount: &Mount, body: &str) -> Option<String> {
    let dir = TempDir::new();
    let script =
        format!("D={}; trap 'kill $ours 2>/dev/null || true' EXIT; ours=; set -e; {body}", dir.path().display());
    said(over_proc(mount, &script), &script)
}

#[test]
fn programs_that_look_at_the_machine_see_it() {
    let (mount, target) = (Mount::new(), Target::start("count", &[]));
    let kernels = |file: &str, name: &str| {
        let text = std::fs::read_to_string(file).unwrap();
        text.lines().find_map(|l| l.strip_prefix(name)).unwrap().split_whitespace().next().unwrap().to_string()
    };
    let total = kernels("/proc/meminfo", "MemTotal:");
    let Some(free) = said(over_proc(&mount, "free"), "free") else { return };
    let shown = free.lines().find_map(|l| l.strip_prefix("Mem:")).unwrap();
    assert_eq!(shown.split_whitespace().next(), Some(&total[..]), "{free}");
    let run = |script: &str| said(over_proc(&mount, script), script).unwrap();
    let vmstat = run("vmstat");
    assert_eq!(vmstat.lines().count(), 3, "{vmstat}");
    let numbers = vmstat.lines().last().unwrap().split_whitespace();
    assert!(numbers.clone().count() >= 16 && numbers.clone().all(|n| n.parse::<u64>().is_ok()), "{vmstat}");
    let booted: u64 = kernels("/proc/stat", "btime ").parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let up: f64 = run("cat /proc/uptime").split(' ').next().unwrap().parse().unwrap();
    assert!((now - booted).abs_diff(up as u64) < 60, "{up} after {booted}");
    assert!(run("uptime").contains("load average"), "uptime");
    let w = run("w");
    assert!(w.contains("load average") && w.contains("USER"), "{w}");
    // Lines that begin with a number, the target's among them: a list, not an excuse.
    for script in ["ps aux", "top -b -n1 -w 200"] {
        let text = run(script);
        let pid = target.pid().to_string();
        let column = if script == "ps aux" { 1 } else { 0 };
        let lines = text.lines().filter(|l| l.split_whitespace().nth(column) == Some(&pid));
        assert_eq!(lines.count(), 1, "{script}:\n{text}");
        assert!(text.lines().count() > 10, "{script}:\n{text}");
    }
}

#[test]
fn a_daemon_is_started_found_and_stopped_by_its_files() {
    let mount = Mount::new();
    // It knows a daemon by /proc/<pid>/exe and stat.
    let script = "S='start-stop-daemon --pidfile '$D'/pid --exec /usr/bin/sleep'; \
        $S --start --background --make-pidfile -- 987654; \
        until $S --status; do :; done; ours=$(cat $D/pid); \
        if $S --start --background --make-pidfile -- 987654 >$D/said; then exit 3; fi; grep -q already $D/said; \
        tr '\\0' ' ' </proc/$ours/cmdline; readlink /proc/$ours/exe; \
        $S --stop --retry TERM/20 --remove-pidfile >$D/said; \
        if $S --status; then exit 4; fi; [ ! -e /proc/$ours/exe ]; echo stopped";
    let Some(said) = daemon_script(&mount, script) else { return };
    assert!(said.contains("sleep 987654") && said.ends_with("stopped\n"), "{said}");
}

#[test]
fn a_server_serves() {
    let mount = Mount::new();
    // Its clients are told the port by what it says; the answer is a page that it makes of its directory.
    let script = "cd $D; echo content >file; python3 -u -m http.server --bind 127.0.0.1 0 >$D/said 2>&1 & ours=$!; \
        cd /; until port=$(sed -n 's/.* port \\([0-9]*\\) .*/\\1/p' $D/said); [ \"$port\" ]; do kill -0 $ours; done; \
        python3 -c \"import urllib.request as u; print(u.urlopen('http://127.0.0.1:$port/file').read().decode())\"; \
        grep -q 'GET /file' $D/said; ls -l /proc/$ours/fd >$D/fds; grep -q socket: $D/fds; \
        kill $ours; wait $ours || true; [ ! -e /proc/$ours ]; echo stopped";
    let Some(said) = daemon_script(&mount, script) else { return };
    assert_eq!(said, "content\n\nstopped\n");
}

#[test]
fn a_message_bus_lets_its_clients_in() {
    let mount = Mount::new();
    if !["dbus-daemon", "dbus-send"].iter().all(|name| std::path::Path::new("/usr/bin").join(name).exists()) {
        eprintln!("no dbus-daemon or dbus-send: nothing tested");
        return;
    }
    // It asks /proc who its clients are.
    let script = "export DBUS_SESSION_BUS_ADDRESS=unix:path=$D/bus; \
        dbus-daemon --session --fork --print-pid=1 --address=unix:path=$D/bus >$D/pid; ours=$(cat $D/pid); \
        dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetConnectionUnixProcessID \
        string:org.freedesktop.DBus; kill $ours; while [ -e /proc/$ours/exe ] && ! grep -q 'State:.Z' /proc/$ours/status; do :; done; \
        echo $ours";
    let Some(said) = daemon_script(&mount, script) else { return };
    let pid = said.lines().last().unwrap();
    assert!(said.contains(&format!("uint32 {pid}")), "{said}");
}

/// Programs that watch the mounts (libmount, systemd) wait for POLLPRI. The process has a mount namespace of its own, so nobody
/// else changes it; the kernel's file is asked beside ours.
#[test]
fn a_change_of_the_mounts_wakes_who_polls() {
    if !root() {
        return;
    }
    let (mount, target) = (Mount::new(), Target::within("m", None, "remount", &[]));
    let pid = target.inner();
    let (ours, kernels) = (Client::new(), Client::new());
    let (told, quiet) = (libc::POLLIN | libc::POLLPRI | libc::POLLERR, libc::POLLIN);
    let mut changes = 0;
    let mut changed = || {
        changes += 1;
        target.set(7, changes);
        assert_eq!(target.line(), "changed");
    };
    for name in ["mounts", "mountinfo"] {
        let all = [(&ours, mount.path(pid, name)), (&kernels, format!("/proc/{pid}/{name}").into())];
        let all = all.map(|(client, path)| (client, client.open(&path, libc::O_RDONLY).unwrap()));
        for (client, fd) in all {
            assert_eq!(client.poll(fd, libc::POLLIN | libc::POLLPRI, 0), quiet, "{name}");
            client.begin_poll(fd, libc::POLLPRI, 60_000);
            eventually("it waits", || state(client.pid()) == 'S');
        }
        changed();
        for (client, fd) in all {
            assert_eq!(client.answer().unwrap().0 as i16, libc::POLLPRI | libc::POLLERR, "{name}");
            // Told once.
            assert_eq!(client.poll(fd, libc::POLLIN | libc::POLLPRI, 0), quiet, "{name}");
        }
        // While nobody waits.
        changed();
        for (client, fd) in all {
            assert_eq!(client.poll(fd, libc::POLLIN | libc::POLLPRI, 0), told, "{name}");
            assert_eq!(client.poll(fd, libc::POLLIN | libc::POLLPRI, 0), quiet, "{name}");
            client.close(fd);
        }
    }
}

/// A poll that would have waited but for an answer is still waited for by the daemon, which sees the next change before its client.
#[test]
fn a_change_of_the_mounts_is_told_to_the_poll_that_follows_it() {
    if !root() {
        return;
    }
    let (mount, target) = (Mount::new(), Target::within("m", None, "remount", &[]));
    let client = Client::new();
    let fd = client.open(&mount.path(target.inner(), "mounts"), libc::O_RDONLY).unwrap();
    for change in 1..=200 {
        target.set(7, change);
        assert_eq!(target.line(), "changed");
        let wait = if change % 2 == 0 { 0 } else { 60_000 };
        assert_eq!(client.poll(fd, libc::POLLPRI, wait), libc::POLLPRI | libc::POLLERR, "change {change}");
    }
}

/// Who makes a user namespace says by /proc which ids there are in it.
#[test]
fn user_namespaces_are_made_over_the_mount() {
    let mount = Mount::new();
    let within = |how: &str, what: &str| format!("unshare {how} sh -c 'cd /proc/self; {what}' 2>&1; echo $?");
    for script in [
        within("-Ur", "id -u; cat uid_map gid_map setgroups; ls fd"),
        within("-U", "cat setgroups; echo deny >setgroups; cat setgroups uid_map; id -u"),
        within("-U", "echo 0 0 1 >uid_map; id -u; wc -c <environ; readlink exe"),
    ] {
        let plain =
            Command::new("unshare").args(["-m", "timeout", "60", "sh", "-c", &script]).output().expect("unshare");
        let plain = String::from_utf8_lossy(&plain.stdout).into_owned();
        let Some(ours) = said(over_proc(&mount, &script), &script) else { return };
        assert_eq!(ours, plain, "{script}");
    }
}

/// The end of a child is told to its parent while that still waits for the answer to the message that brought it about.
#[test]
fn a_parent_that_kills_its_child_is_answered() {
    let mount = Mount::new();
    let kill = |file: &str| format!("sleep 60 & echo kill >/proc/$!/{file} || echo {file}; wait");
    let each = format!("for i in 1 2 3 4 5 6 7 8; do {}; {}; done 2>/dev/null", kill("ctl"), kill("note"));
    let script = format!("unshare -Ur sh -c '{each}'");
    let Some(text) = said(over_proc(&mount, &script), &script) else { return };
    assert_eq!(text, "");
}

/// The kernel makes what is below `net` anew for each who looks.
#[test]
fn an_open_file_keeps_its_times() {
    let mount = Mount::new();
    for name in ["net/dev", "net/stat/arp_cache", "net/stat"] {
        let path = mount.path(std::process::id() as i32, name);
        let file = fs::File::open(&path).unwrap();
        let times = |meta: fs::Metadata| [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
        let before = times(file.metadata().unwrap());
        eventually("the clock goes on", || times(fs::metadata(format!("/proc/self/{name}")).unwrap()) > before);
        assert_eq!(times(file.metadata().unwrap()), before, "{name}");
    }
}
