//! Programs that know nothing of us, over a mount that lies where they look: on /proc, in a mount namespace of their own.

use pfs_tests::{eventually, Client, Mount, Target};
use std::fs;
use std::io::Write;
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
