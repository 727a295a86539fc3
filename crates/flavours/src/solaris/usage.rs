//! `usage`, `lusage`, `lwpusage`: times and counts (proc(4), `prusage_t`).
//!
//! * `pr_utime` and `pr_stime` are counted in clock ticks; `pr_wtime`, the wait for a processor, is exact. What is left of the
//!   elapsed time is `pr_slptime`: faults, locks and stops are not told apart from other sleep, so `pr_tftime`, `pr_dftime`,
//!   `pr_kftime`, `pr_ltime`, `pr_stoptime` are 0. Time in traps is in `pr_stime`, so `pr_ttime` is 0.
//! * `pr_inblk`, `pr_oublk`, `pr_ioch` are 0 for whoever the kernel does not tell them. A block is 512 bytes.
//! * Not counted by the kernel, 0: `pr_nswap`, `pr_msnd`, `pr_mrcv`, `pr_sigs`, `pr_sysc`; also `pr_term`, so `pr_rtime` of a
//!   zombie is its time on a processor, and `pr_slptime` 0.
//! * Of lwps that have ended, the kernel keeps the sums but not the number: `pr_count` counts the living. The first entry of
//!   `lusage` has `pr_count` 0 and of the times only `pr_utime` and `pr_stime`, and the sum of these as `pr_rtime`: more they
//!   have lived, but how long nobody knows.

use super::about::About;
use super::psinfo::{array_size, lwps};
use crate::target::Target;
use abi::solaris::record::Timestruc;
use abi::solaris::records::{array, PrUsage};
use kernel::machine;
use kernel::procfs;
use tree::Result;

/// What is counted of one lwp or of a process; times in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sum {
    lwps: u64,
    elapsed: u64,
    user: u64,
    system: u64,
    waited: u64,
    minor: u64,
    major: u64,
    voluntary: u64,
    involuntary: u64,
    inblk: u64,
    oublk: u64,
    chars: u64,
}

impl Sum {
    fn add(&mut self, one: &Sum) {
        let pairs = [
            (&mut self.lwps, one.lwps),
            (&mut self.elapsed, one.elapsed),
            (&mut self.user, one.user),
            (&mut self.system, one.system),
            (&mut self.waited, one.waited),
            (&mut self.minor, one.minor),
            (&mut self.major, one.major),
            (&mut self.voluntary, one.voluntary),
            (&mut self.involuntary, one.involuntary),
            (&mut self.inblk, one.inblk),
            (&mut self.oublk, one.oublk),
            (&mut self.chars, one.chars),
        ];
        for (to, from) in pairs {
            *to = to.saturating_add(from);
        }
    }

    fn record(&self, lwpid: i32, create: u64, now: u64) -> PrUsage {
        let slept = self.elapsed.saturating_sub(self.user.saturating_add(self.system).saturating_add(self.waited));
        PrUsage {
            pr_lwpid: lwpid,
            pr_count: self.lwps as i32,
            pr_tstamp: Timestruc::of_nanos(now),
            pr_create: Timestruc::of_nanos(create),
            pr_rtime: Timestruc::of_nanos(self.elapsed),
            pr_utime: Timestruc::of_nanos(self.user),
            pr_stime: Timestruc::of_nanos(self.system),
            pr_slptime: Timestruc::of_nanos(slept),
            pr_wtime: Timestruc::of_nanos(self.waited),
            pr_minf: self.minor,
            pr_majf: self.major,
            pr_inblk: self.inblk,
            pr_oublk: self.oublk,
            pr_vctx: self.voluntary,
            pr_ictx: self.involuntary,
            pr_ioch: self.chars,
            ..PrUsage::default()
        }
    }
}

/// What the kernel counts of an lwp, or in `stat` and `io` of a process, of all its lwps, the dead too. And when it began.
fn counted(about: &About, now: u64) -> Result<(Sum, u64)> {
    let stat = about.stat()?.stat()?;
    let number = |n| stat.number(n).unwrap_or(0);
    let began = machine::ticks(number(22));
    let io = about.read(b"io").unwrap_or_default();
    let io = |name| procfs::field(&io, name).and_then(|f| std::str::from_utf8(f).ok()?.parse().ok()).unwrap_or(0u64);
    let sum = Sum {
        elapsed: now.saturating_sub(began),
        user: machine::ticks(number(14)),
        system: machine::ticks(number(15)),
        minor: number(10),
        major: number(12),
        inblk: io("read_bytes") / 512,
        oublk: io("write_bytes") / 512,
        chars: io("rchar").saturating_add(io("wchar")),
        ..Sum::default()
    };
    Ok((sum, began))
}

/// The same of an lwp, with what only an lwp has.
fn of_lwp(about: &About, now: u64) -> Result<(Sum, u64)> {
    let (mut sum, began) = counted(about, now)?;
    let status = about.status()?;
    if !about.zombie()? {
        sum.lwps = 1;
    }
    let waited = about.plain(b"schedstat").unwrap_or_default();
    let waited = waited.split(|b| b.is_ascii_whitespace()).nth(1);
    sum.waited = waited.and_then(|w| std::str::from_utf8(w).ok()?.parse().ok()).unwrap_or(0);
    sum.voluntary = status.number("voluntary_ctxt_switches");
    sum.involuntary = status.number("nonvoluntary_ctxt_switches");
    Ok((sum, began))
}

/// The living lwps: number, counts, start.
fn living(about: &About, now: u64) -> Result<Vec<(u32, Sum, u64)>> {
    let mut all = Vec::new();
    for tid in lwps(about)? {
        let target = Target { tid: Some(tid), ..about.target.clone() };
        // One that has ended meanwhile is left out.
        if let Ok((sum, began)) = of_lwp(&About::new(&target, about.caller), now) {
            if sum.lwps > 0 {
                all.push((tid, sum, began));
            }
        }
    }
    Ok(all)
}

/// `usage`.
pub fn usage(about: &About) -> Result<Vec<u8>> {
    let now = machine::since_boot();
    let (counted, began) = counted(about, now)?;
    let mut sum = Sum { elapsed: 0, ..counted };
    let mut alive = 0u64;
    if !about.zombie()? {
        for (_, one, _) in living(about, now)? {
            alive = alive.saturating_add(one.user.saturating_add(one.system));
            // Of these the kernel keeps no sum itself.
            let Sum { lwps, elapsed, waited, voluntary, involuntary, .. } = one;
            sum.add(&Sum { lwps, elapsed, waited, voluntary, involuntary, ..Sum::default() });
        }
    }
    let dead = counted.user.saturating_add(counted.system).saturating_sub(alive);
    sum.elapsed = sum.elapsed.saturating_add(dead);
    Ok(sum.record(0, began, now).bytes(about.model()))
}

/// `lusage`: first the sum of the dead, then the living.
pub fn lusage(about: &About) -> Result<Vec<u8>> {
    let now = machine::since_boot();
    let living = living(about, now)?;
    let (all, began) = counted(about, now)?;
    let mut alive = Sum::default();
    living.iter().for_each(|(_, one, _)| alive.add(one));
    // The kernel divides the time of a process otherwise than that of its lwps: what is left is never more than it has.
    let time = |of: &Sum| of.user.saturating_add(of.system);
    let left = time(&all).saturating_sub(time(&alive));
    let user = all.user.saturating_sub(alive.user).min(left);
    let mut dead = Sum {
        user,
        system: all.system.saturating_sub(alive.system).min(left - user),
        minor: all.minor.saturating_sub(alive.minor),
        major: all.major.saturating_sub(alive.major),
        inblk: all.inblk.saturating_sub(alive.inblk),
        oublk: all.oublk.saturating_sub(alive.oublk),
        chars: all.chars.saturating_sub(alive.chars),
        ..Sum::default()
    };
    dead.elapsed = time(&dead);
    let mut entries = vec![dead.record(0, began, now)];
    entries.extend(living.iter().map(|(tid, one, began)| one.record(*tid as i32, *began, now)));
    Ok(array(about.model(), &entries))
}

/// `lwpusage`.
pub fn lwpusage(about: &About) -> Result<Vec<u8>> {
    let now = machine::since_boot();
    let (sum, began) = of_lwp(about, now)?;
    let lwpid = about.target.tid.unwrap_or_default() as i32;
    Ok(sum.record(lwpid, began, now).bytes(about.model()))
}

/// Bytes of `usage` and `lwpusage`.
pub fn usage_size(about: &About) -> Result<u64> {
    Ok(PrUsage::size(about.model()) as u64)
}

/// Bytes of `lusage`.
pub fn lusage_size(about: &About) -> Result<u64> {
    let living = about.status()?.number("Threads").saturating_sub(u64::from(about.leader_is_dead()?));
    Ok(array_size(about.model(), PrUsage::size(about.model()), living + 1))
}
