//! PCSCRED, PCSCREDX and PCSPRIV: who the process is to be, and what it may.
//!
//! Two judge. Whether the writer may ask for it is Solaris's rule: the privilege to set ids, which is CAP_SETUID and CAP_SETGID
//! here, and every capability there is to make a process root for a writer none of whose ids is 0. Whether the process can is
//! the kernel's: each thread makes the calls itself, with what it may (EPERM), and loses capabilities as with setresuid(2). So a
//! process without privilege can change between its own ids only, whoever asks. A process in another user namespace counts its ids
//! in its own way: EPERM.
//!
//! Privileges are the capabilities (see `priv`). Only a thread itself can change its own, and no more than give them up: PCSPRIV
//! is accepted if it changes nothing, else EPERM.

use super::about::About;
use super::cred;
use crate::right::User;
use crate::target::Target;
use abi::solaris::cred::{Credential, Privileges};
use engine::identity::Ids;
use kernel::procfs;
use std::ffi::CString;
use tree::{Errno, Result};

const SETGID: u32 = 6;
const SETUID: u32 = 7;
const EPERM: Errno = Errno(libc::EPERM);
const EINVAL: Errno = Errno(libc::EINVAL);

/// The ids of PCSCRED (without groups) or PCSCREDX. EINVAL for one that no user or group can have.
pub fn ids(new: &Credential, with_groups: bool) -> Result<Ids> {
    let [euid, ruid, suid] = new.users;
    let [egid, rgid, sgid] = new.groups;
    let others = with_groups.then(|| new.others.clone());
    let all = new.users.iter().chain(&new.groups).chain(others.iter().flatten());
    // Which means "as it is" in the kernel's calls.
    if all.copied().any(|id| id == u32::MAX) {
        return Err(EINVAL);
    }
    Ok(Ids { users: [ruid, euid, suid], groups: [rgid, egid, sgid], others })
}

/// EPERM unless the writer, who is thread `tid`, may give the process these ids.
pub fn may_set(target: &Target, user: &User, tid: u32, ids: &Ids) -> Result<()> {
    let all = all_capabilities();
    let zero = ids.users.contains(&0) && !own_ids(tid).contains(&0);
    let needed = if zero { all } else { 1 << SETGID | 1 << SETUID };
    let ours = procfs::namespace(procfs::root(), c"self/ns/user").ok();
    let theirs = target.proc.user_ns().ok();
    let may = !user.creds.is_foreign() && user.creds.effective() & needed == needed && ours == theirs;
    if may {
        Ok(())
    } else {
        Err(EPERM)
    }
}

/// Real, effective and saved user of a thread.
fn own_ids(tid: u32) -> Vec<u32> {
    let path = CString::new(format!("{tid}/status")).unwrap_or_default();
    let status = procfs::read_at(procfs::root(), &path).unwrap_or_default();
    procfs::numbers(procfs::field(&status, "Uid").unwrap_or_default()).into_iter().take(3).collect()
}

fn all_capabilities() -> u64 {
    let text = procfs::read_at(procfs::root(), c"sys/kernel/cap_last_cap").unwrap_or_default();
    let last: u32 = std::str::from_utf8(&text).ok().and_then(|t| t.trim().parse().ok()).unwrap_or(63);
    !0 >> (63 - last.min(63))
}

/// PCSPRIV: EINVAL for what is no `prpriv_t` of this system, EPERM for what would change something.
pub fn privileges(about: &About, new: &Privileges) -> Result<()> {
    let (now, _) = Privileges::take(&cred::privileges(about)?).ok_or(EINVAL)?;
    let flags = if new.info().is_empty() { now.flags() } else { new.flags() };
    if (new.nsets(), new.setsize()) != (now.nsets(), now.setsize()) || flags.is_none() {
        return Err(EINVAL);
    }
    if flags == now.flags() && (0..4).all(|i| new.set(i).eq(now.set(i))) {
        Ok(())
    } else {
        Err(EPERM)
    }
}
