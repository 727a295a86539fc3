//! The agent lwp: `lwp/agent`, its directory under another name as long as there is one, and `spymaster`, which tells who made it.
//!
//! The agent is a real thread of the process (see the engine's `agent`). Differences from Solaris: a process that is stopped by
//! job control, or that filters its system calls, gets none (EBUSY). If the file system goes away while there is an agent, the agent ends by itself.

use super::about::About;
use super::nodes::Content;
use super::psinfo;
use super::stops::view;
use crate::target::Target;
use abi::solaris::record::Timestruc;
use abi::solaris::records::PsInfo;
use abi::solaris::Model;
use engine::lwp::Shown;
use kernel::machine;
use kernel::procfs::Proc;
use std::sync::{mpsc, Arc};
use tree::{Caller, Errno, Result};

/// The lwp that `lwp/agent` is; ENOENT if there is none.
pub fn tid(target: &Target) -> Result<u32> {
    let agent = view(target, Shown::Speaker).agent.ok_or(Errno(libc::ENOENT))?;
    Ok(agent.0 as u32)
}

/// To be called before somebody is told this of an lwp. If it is ENOENT and the lwp was the agent, the others can be run from now on: the kernel
/// shows a thread as gone a moment before it reports its end. Not to be called in the tracer thread.
pub fn gone(target: &Target, told: &Errno) {
    let (Some(tid), Errno(libc::ENOENT)) = (target.tid, told) else { return };
    let (tx, rx) = mpsc::channel::<()>();
    let way = target.shared.engine.target(target.proc.clone());
    way.when_no_agent(tid as i32, move || drop(tx));
    let _ = rx.recv();
}

/// `spymaster`: the `psinfo` of the agent's creator at that time, with the time of the creation in `pr_time`. Empty for any other
/// lwp.
pub const SPYMASTER: Content = |about| Ok(spymaster(about).map_or(Vec::new(), |info| info.bytes(about.model())));

/// `st_size` of `spymaster`.
pub fn spymaster_size(about: &About) -> Result<u64> {
    Ok(spymaster(about).map_or(0, |_| PsInfo::size(about.model()) as u64))
}

fn spymaster(about: &About) -> Option<PsInfo> {
    let tid = about.target.tid? as i32;
    let (agent, note) = view(about.target, Shown::One(tid)).agent?;
    PsInfo::take(Model::Lp64, &note).filter(|_| agent == tid)
}

/// What is remembered of the thread that makes an agent.
pub fn note(target: &Target, maker: &Caller) -> Vec<u8> {
    let mut info = creator(target, maker).unwrap_or_default();
    let (sec, nsec) = machine::now();
    info.pr_time = Timestruc { sec, nsec: i64::from(nsec) };
    info.bytes(Model::Lp64)
}

fn creator(target: &Target, maker: &Caller) -> Option<PsInfo> {
    let proc = Arc::new(Proc::open(maker.pid().ok()?).ok()?);
    let own = Target { proc, tid: None, shared: target.shared.clone() };
    let info = psinfo::psinfo(&About::in_model(&own, maker, Model::Lp64)).ok()?;
    PsInfo::take(Model::Lp64, &info)
}
