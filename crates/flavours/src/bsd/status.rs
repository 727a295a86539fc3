//! `status`: one line about the process, and `cmdline`: its arguments (both in procfs_status.c).
//!
//! * The start is known to a clock tick, and so are the times spent.
//! * The word for what a process sleeps on is that of a BSD where the kernel's function is known to mean the same, else the function
//!   itself, as long as the reader may know it; `nochan` for what runs or may not be known.
//! * A jail is a pid namespace below that of the kernel's /proc. Its name is that of the namespace, `pid:[N]`.
//! * The first group is the effective one, as in a BSD's list of groups.

use super::level::{Rules, StatusLine};
use super::look::Look;
use super::{ctl, ioctl};
use kernel::procfs;
use kernel::{host, machine, tty};
use std::ffi::CString;
use tree::{Errno, Result};

/// Seconds and microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Time(i64, u32);

impl Time {
    fn of_nanos(nanos: u64) -> Time {
        Time((nanos / 1_000_000_000) as i64, (nanos % 1_000_000_000 / 1000) as u32)
    }
}

/// What the line tells.
#[derive(Clone, Debug, Default)]
struct Line {
    comm: Vec<u8>,
    pid: u32,
    ppid: u32,
    pgid: u32,
    sid: u32,
    /// Major and minor number of the controlling terminal.
    tty: Option<(u32, u32)>,
    /// Its name.
    tty_name: Option<Vec<u8>>,
    leader: bool,
    start: Time,
    user: Time,
    system: Time,
    wmesg: Vec<u8>,
    euid: u32,
    ruid: u32,
    egid: u32,
    rgid: u32,
    groups: Vec<u32>,
    jail: Vec<u8>,
}

/// Content of `status`.
pub fn status(look: &Look) -> Result<Vec<u8>> {
    Ok(format(look.rules, &line(look)?))
}

/// Content of `cmdline`: the arguments as they now are, each ended by a NUL; nothing of a thread of the kernel.
pub fn cmdline(look: &Look) -> Result<Vec<u8>> {
    look.about.plain(b"cmdline")
}

fn line(look: &Look) -> Result<Line> {
    let text = look.about.plain(b"stat")?;
    let stat = procfs::Stat::parse(&text).ok_or(Errno(libc::EIO))?;
    let status = look.status()?;
    let number = |n| stat.number(n).unwrap_or(0);
    let [ruid, euid, ..] = status.ids("Uid");
    let [rgid, egid, ..] = status.ids("Gid");
    let (sec, nsec) = machine::wall(machine::ticks(number(22)));
    let tty = tty::device(number(7) as u32);
    let pid = look.about.target.proc.pid();
    let sid = number(6) as u32;
    let controller = if look.rules.controller_is_parent() { ctl::controller(look.about.target) } else { None };
    Ok(Line {
        comm: stat.comm.to_vec(),
        pid,
        ppid: controller.or(stat.ppid()).unwrap_or(0),
        pgid: number(5) as u32,
        sid: if is_there(sid) { sid } else { 0 },
        tty,
        tty_name: tty.and_then(tty::name),
        leader: sid == pid,
        start: Time(sec, nsec / 1000),
        user: Time::of_nanos(machine::ticks(number(14))),
        system: Time::of_nanos(machine::ticks(number(15))),
        wmesg: match stat.state {
            b't' if ioctl::is_stopped(look.about.target) => STOPPED.to_vec(),
            b'R' | b'T' | b't' => NOT_ASLEEP.to_vec(),
            // It runs, as far as it knows: it has asked us.
            _ if look.about.caller.tid == pid => NOT_ASLEEP.to_vec(),
            _ => wmesg(&look.about.read(b"wchan").unwrap_or_default()),
        },
        euid,
        ruid,
        egid,
        rgid,
        groups: procfs::numbers(status.field("Groups")),
        jail: jail(look),
    })
}

/// False for the number of a session whose leader has ended, reaped or not.
fn is_there(pid: u32) -> bool {
    let stat = CString::new(format!("{pid}/stat")).ok().and_then(|path| procfs::read_at(procfs::root(), &path).ok());
    let stat = stat.as_deref().and_then(procfs::Stat::parse);
    stat.is_some_and(|s| !matches!(s.state, b'Z' | b'X') || s.number(20).unwrap_or(0) > 1)
}

/// What the process is jailed in, `-` if in nothing: the host's name there, or the pid namespace, by release. `?` for what the reader
/// may not know.
fn jail(look: &Look) -> Vec<u8> {
    let nested = look.status().is_ok_and(|status| procfs::numbers(status.field("NSpid")).len() > 1);
    if !nested {
        return b"-".to_vec();
    }
    let namespace = || look.about.act(|dir| procfs::readlinkat(dir, c"ns/pid"));
    let host = || {
        let namespace = look.about.act(|dir| procfs::openat(dir, c"ns/uts", libc::O_RDONLY)).ok()?;
        host::name_in(namespace).ok().filter(|name| !name.is_empty())
    };
    let host = if look.rules.status_line() == StatusLine::Jail { host() } else { None };
    let name = host.or_else(|| namespace().ok()).unwrap_or_else(|| b"?".to_vec());
    // A name is what root in there says.
    name.iter().map(|b| if b.is_ascii_graphic() { *b } else { b'?' }).collect()
}

/// What is said of a process that stands on an event.
const STOPPED: &[u8] = b"stopevent";
/// What is said of a process that does not sleep.
const NOT_ASLEEP: &[u8] = b"nochan";

/// Functions in which the kernel lets a thread sleep, by their beginnings, and what a BSD calls that.
const SLEEPS: [(&str, &str); 24] = [
    ("do_wait", "wait"),
    ("kernel_wait4", "wait"),
    ("hrtimer_nanosleep", "nanslp"),
    ("do_nanosleep", "nanslp"),
    // A sleep that was broken off and goes on leaves no function of its own, as the only call that does.
    ("do_syscall_64", "nanslp"),
    ("do_int80_emulation", "nanslp"),
    ("poll_schedule_timeout", "select"),
    ("do_select", "select"),
    ("do_sys_poll", "select"),
    ("do_poll", "select"),
    ("anon_pipe_read", "piperd"),
    ("pipe_read", "piperd"),
    ("anon_pipe_write", "pipewr"),
    ("pipe_write", "pipewr"),
    ("n_tty_read", "ttyin"),
    ("n_tty_write", "ttyout"),
    ("futex", "umtxn"),
    ("__futex", "umtxn"),
    ("do_epoll_wait", "kqread"),
    ("ep_poll", "kqread"),
    ("sigsuspend", "pause"),
    ("__do_sys_pause", "pause"),
    ("inet_csk_accept", "accept"),
    ("__skb_wait_for_more_packets", "sbwait"),
];

/// The word for what a process sleeps on, from the kernel's `wchan`.
fn wmesg(wchan: &[u8]) -> Vec<u8> {
    let function = wchan.trim_ascii();
    if function.is_empty() || function == b"0" {
        return NOT_ASLEEP.to_vec();
    }
    let known = SLEEPS.iter().find(|(begins, _)| function.starts_with(begins.as_bytes()));
    known.map_or_else(|| function.to_vec(), |(_, word)| word.as_bytes().to_vec())
}

/// The command name. Where a release escapes it: as three octal digits of the byte (FreeBSD on x86 made eleven of those from 128
/// on).
fn comm(rules: Rules, name: &[u8]) -> Vec<u8> {
    let name = &name[..name.len().min(rules.comm_max())];
    if !rules.escapes_comm() {
        return name.to_vec();
    }
    let escaped = name.iter().flat_map(|b| match b {
        33..=126 if *b != b'\\' => vec![*b],
        _ => format!("\\{b:03o}").into_bytes(),
    });
    let escaped: Vec<u8> = escaped.collect();
    // The first byte was written before the end was looked for.
    if escaped.is_empty() {
        b"\\000".to_vec()
    } else {
        escaped
    }
}

fn format(rules: Rules, line: &Line) -> Vec<u8> {
    let form = rules.status_line();
    let within = if form == StatusLine::Readme { ' ' } else { ',' };
    let mut out = comm(rules, &line.comm);
    let mut field = |text: &[u8]| {
        out.push(b' ');
        out.extend(text);
    };
    for number in [line.pid, line.ppid, line.pgid, line.sid] {
        field(number.to_string().as_bytes());
    }
    match (form, line.tty) {
        (StatusLine::TtyName, None) => field(b"-"),
        (StatusLine::TtyName, Some(_)) if line.tty_name.is_some() => {
            field(line.tty_name.as_deref().unwrap_or_default())
        }
        (_, Some((major, minor))) => field(format!("{major},{minor}").as_bytes()),
        (_, None) => field(b"-1,-1"),
    }
    field(match (line.tty.is_some(), line.leader) {
        (true, true) => b"ctty,sldr",
        (true, false) => b"ctty",
        (false, true) => b"sldr",
        (false, false) => b"noflags",
    });
    for Time(seconds, micros) in [line.start, line.user, line.system] {
        field(format!("{seconds}{within}{micros}").as_bytes());
    }
    field(&line.wmesg);
    let groups = [line.egid].into_iter().chain(line.groups.iter().copied()).take(rules.groups_max());
    let groups: String = groups.map(|gid| format!("{within}{gid}")).collect();
    let Line { euid, ruid, egid, rgid, .. } = line;
    match form {
        StatusLine::Readme => field(format!("{euid} {egid}{groups}").as_bytes()),
        StatusLine::Commas => field(format!("{euid}{groups}").as_bytes()),
        StatusLine::Jail | StatusLine::TtyName => {
            field(format!("{euid} {ruid} {rgid}{groups}").as_bytes());
            field(&line.jail);
        }
    }
    out.push(b'\n');
    out
}

#[cfg(test)]
mod tests {
    use super::super::level::Level::{self, *};
    use super::*;

    fn text(level: Level, line: &Line) -> String {
        String::from_utf8(format(Rules { level, strict: false, raw_syscall_regs: false }, line)).unwrap()
    }

    /// The process that the README of 1993 shows.
    fn readme() -> Line {
        Line {
            comm: b"cat".to_vec(),
            pid: 446,
            ppid: 439,
            pgid: 400,
            sid: 81,
            tty: Some((12, 0)),
            tty_name: Some(b"ttyp0".to_vec()),
            start: Time(748_620_684, 270_000),
            system: Time(0, 20_000),
            wmesg: NOT_ASLEEP.to_vec(),
            euid: 11,
            ruid: 12,
            egid: 20,
            rgid: 30,
            groups: vec![20, 0, 21, 117],
            jail: b"-".to_vec(),
            ..Line::default()
        }
    }

    #[test]
    fn the_line_of_each_release() {
        let line = readme();
        assert_eq!(
            text(Bsd44a, &line),
            "cat 446 439 400 81 12,0 ctty 748620684 270000 0 0 0 20000 nochan 11 20 20 20 0 21 117\n"
        );
        let commas = "cat 446 439 400 81 12,0 ctty 748620684,270000 0,0 0,20000 nochan 11,20,20,0,21,117\n";
        assert_eq!([Bsd44b, F2].map(|level| text(level, &line)), [commas; 2]);
        let jail = "cat 446 439 400 81 12,0 ctty 748620684,270000 0,0 0,20000 nochan 11 12 30,20,20,0,21,117 -\n";
        assert_eq!([F4, F5].map(|level| text(level, &line)), [jail; 2]);
        let named = jail.replace("12,0", "ttyp0");
        assert_eq!([F10, F12, F14].map(|level| text(level, &line)), [&named[..]; 3]);
    }

    #[test]
    fn a_line_without_terminal_and_groups() {
        let line =
            Line { tty: None, tty_name: None, groups: vec![], leader: true, jail: b"pid:[7]".to_vec(), ..readme() };
        assert!(text(Bsd44a, &line).contains(" -1,-1 sldr ") && text(Bsd44a, &line).ends_with(" nochan 11 20 20\n"));
        assert!(text(Bsd44b, &line).ends_with(" nochan 11,20\n"));
        assert!(text(F10, &line).contains(" 81 - sldr ") && text(F10, &line).ends_with(" 11 12 30,20 pid:[7]\n"));
        // A terminal without a name has its numbers.
        assert!(text(F10, &Line { tty_name: None, ..readme() }).contains(" 81 12,0 ctty "));
        assert!(text(F4, &Line { leader: false, ..line }).contains(" -1,-1 noflags "));
        assert!(text(F4, &Line { leader: true, ..readme() }).contains(" 12,0 ctty,sldr "));
    }

    #[test]
    fn names_of_hostile_commands() {
        let odd = Line { comm: b"a b\\\xc3\n".to_vec(), ..readme() };
        assert!(text(F10, &odd).starts_with("a\\040b\\134\\303\\012 446 "));
        let raw = |level| format(Rules { level, strict: false, raw_syscall_regs: false }, &odd);
        assert!([Bsd44a, Bsd44b, F2, F4].into_iter().all(|level| raw(level).starts_with(b"a b\\\xc3\n 446 ")));
        let long = Line { comm: vec![b'x'; 64], ..readme() };
        assert_eq!([Bsd44b, F4].map(|level| text(level, &long).find(' ')), [Some(16), Some(19)]);
        let none = Line { comm: vec![], ..readme() };
        assert!(text(F10, &none).starts_with("\\000 446 ") && text(F4, &none).starts_with(" 446 "));
    }

    #[test]
    fn many_groups_are_cut() {
        let line = Line { groups: (1..=2000).collect(), ..readme() };
        assert_eq!([Bsd44b, F4, F10].map(|l| text(l, &line).matches(',').count()), [20, 20, 1027]);
    }

    #[test]
    fn words_for_sleeps() {
        let words =
            [&b"do_wait"[..], b"futex_wait_queue", b"do_syscall_64", b"0", b"", b"some_driver_sleep\n"].map(wmesg);
        assert_eq!(words, [&b"wait"[..], b"umtxn", b"nanslp", b"nochan", b"nochan", b"some_driver_sleep"]);
    }
}
