//! `ustat.json`: everything a summary needs, in one read.

use crate::target::Target;
use kernel::procfs::{self, Stat};
use serde_json::{json, Value};
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Handle, Node, Result, Text};

/// The node.
pub struct Ustat(pub Target);

impl Node for Ustat {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        if flags & libc::O_ACCMODE != libc::O_RDONLY {
            return Err(Errno(libc::EACCES));
        }
        let mut text = summary(&self.0, caller)?.to_string();
        text.push('\n');
        Ok(Arc::new(Text(text.into_bytes())))
    }
}

/// Times in clock ticks as the kernel counts them, memory in bytes, ids as numbers. What the caller may not see, or what a
/// kernel thread does not have, is null.
fn summary(target: &Target, caller: &Caller) -> Result<Value> {
    let creds = caller.creds()?;
    let read = |name: &std::ffi::CStr| {
        let path = target.path(name.to_bytes())?;
        creds.act_on(&target.proc, || procfs::read_at(target.proc.dir(), &path)).ok()
    };
    let link = |name: &std::ffi::CStr| {
        let path = target.path(name.to_bytes())?;
        let text = creds.act_on(&target.proc, || procfs::readlinkat(target.proc.dir(), &path)).ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    };
    let bytes = read(c"stat").ok_or(Errno(libc::ESTALE))?;
    let stat = Stat::parse(&bytes).ok_or(Errno(libc::ESTALE))?;
    let status = read(c"status").unwrap_or_default();
    let field = |name: &str| procfs::field(&status, name).map(|f| String::from_utf8_lossy(f).trim().to_string());
    let bytes_of = |name: &str| -> Option<u64> {
        let kib: u64 = field(name)?.split_whitespace().next()?.parse().ok()?;
        kib.checked_mul(1024)
    };
    let ids = |name: &str| procfs::numbers(procfs::field(&status, name).unwrap_or_default());
    let number = |name: &str| field(name).and_then(|f| f.parse::<u64>().ok());
    let argv = read(c"cmdline").map(|c| {
        let c = c.strip_suffix(b"\0").unwrap_or(&c);
        c.split(|b| *b == 0).map(|a| String::from_utf8_lossy(a).into_owned()).collect::<Vec<_>>()
    });
    let held = target.shared.engine.target(target.proc.clone()).held_now();
    let threads = held.as_ref().map(|h| {
        let shown = h.threads.iter().map(|t| json!({"tid": t.tid, "state": t.state, "signal": t.signal}));
        shown.collect::<Vec<_>>()
    });
    let seats = held.as_ref().map(|h| {
        let shown = h.seats.iter().map(|s| {
            json!({"flavour": s.flavour, "standing": s.standing, "pid": s.opener.pid, "uid": s.opener.uid, "what": s.what})
        });
        shown.collect::<Vec<_>>()
    });
    Ok(json!({
        "pid": target.proc.pid(),
        "tid": target.tid,
        "pidfd": target.proc.pidfd_inode().ok(),
        "comm": String::from_utf8_lossy(stat.comm),
        "state": (stat.state as char).to_string(),
        "ppid": stat.ppid(),
        "pgrp": stat.number(5),
        "session": stat.number(6),
        "tracer": number("TracerPid"),
        "uid": ids("Uid"),
        "gid": ids("Gid"),
        "groups": ids("Groups"),
        "nthreads": stat.number(20),
        "nice": String::from_utf8_lossy(stat.field(19).unwrap_or_default()).parse::<i64>().ok(),
        "start": stat.start(),
        "utime": stat.number(14),
        "stime": stat.number(15),
        "minflt": stat.number(10),
        "majflt": stat.number(12),
        "processor": stat.number(39),
        "vsize": bytes_of("VmSize"),
        "rss": bytes_of("VmRSS"),
        "swap": bytes_of("VmSwap"),
        "voluntary_switches": number("voluntary_ctxt_switches"),
        "involuntary_switches": number("nonvoluntary_ctxt_switches"),
        "argv": argv,
        "exe": link(c"exe"),
        "cwd": link(c"cwd"),
        "root": link(c"root"),
        "seats": seats,
        "threads": threads,
    }))
}
