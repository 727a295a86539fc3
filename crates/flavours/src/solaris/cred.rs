//! `cred`, `priv`, `secflags`: who the process is and what it may (proc(4), `prcred_t`, `prpriv_t`, `prsecflags_t`).
//!
//! * Privileges are the capabilities of Linux, by their numbers: effective, inheritable, permitted, and as the limit the
//!   bounding set. The flags of `priv` are 0.
//! * `secflags`: ASLR by the machine's setting and the personality, no mapping at 0 by the machine's setting, and whether
//!   the stack now mapped is not executable. The first two are inherited; the last each program decides for itself.

use super::about::About;
use crate::mapping;
use abi::solaris::cred::{Credential, Privileges};
use abi::solaris::numbers::{PROC_SEC_ASLR, PROC_SEC_FORBIDNULLMAP, PROC_SEC_NOEXECSTACK, PRSECFLAGS_VERSION};
use abi::solaris::records::PrSecFlags;
use abi::solaris::Model;
use kernel::procfs;
use std::ffi::CStr;
use tree::Result;

/// Words of a set: one bit for each capability that there can be.
const SETSIZE: u32 = Privileges::setsize_for(41);
/// `ADDR_NO_RANDOMIZE` of personality(2).
const ADDR_NO_RANDOMIZE: u64 = 0x0004_0000;

/// `cred`.
pub fn cred(about: &About) -> Result<Vec<u8>> {
    let status = about.status()?;
    let [ruid, euid, suid, _] = status.ids("Uid");
    let [rgid, egid, sgid, _] = status.ids("Gid");
    let others = procfs::numbers(status.field("Groups"));
    Ok(Credential { users: [euid, ruid, suid], groups: [egid, rgid, sgid], others }.bytes())
}

/// Bytes of `cred`.
pub fn cred_size(about: &About) -> Result<u64> {
    Ok(Credential::size(procfs::numbers(about.status()?.field("Groups")).len()) as u64)
}

/// `priv`.
pub fn privileges(about: &About) -> Result<Vec<u8>> {
    let status = about.status()?;
    let sets = ["CapEff", "CapInh", "CapPrm", "CapBnd"].map(|name| {
        let mask = status.mask(name);
        (0..64).filter(|n| mask >> n & 1 == 1).collect::<Vec<u32>>()
    });
    let [effective, inheritable, permitted, limit] = &sets;
    Ok(Privileges::new(SETSIZE, [effective, inheritable, permitted, limit], 0).bytes())
}

/// Bytes of `priv`.
pub fn privileges_size(_about: &About) -> Result<u64> {
    Ok(Privileges::new(SETSIZE, [&[]; 4], 0).bytes().len() as u64)
}

/// `secflags`.
pub fn secflags(about: &About) -> Result<Vec<u8>> {
    let setting = |path: &CStr| {
        let text = procfs::read_at(procfs::root(), path).unwrap_or_default();
        std::str::from_utf8(&text).ok().and_then(|t| t.trim().parse::<u64>().ok()).unwrap_or(0) > 0
    };
    let text = about.read(b"personality")?;
    let text = std::str::from_utf8(&text).unwrap_or_default().trim();
    let personality = u64::from_str_radix(text, 16).unwrap_or(0);
    let bit = |number: u32| 1u64 << number;
    let mut inherit = 0;
    if setting(c"sys/kernel/randomize_va_space") && personality & ADDR_NO_RANDOMIZE == 0 {
        inherit |= bit(PROC_SEC_ASLR);
    }
    if setting(c"sys/vm/mmap_min_addr") {
        inherit |= bit(PROC_SEC_FORBIDNULLMAP);
    }
    let stack = mapping::read(about)?.into_iter().find(|m| m.path == b"[stack]");
    let noexec = stack.is_some_and(|m| !m.exec);
    let flags = PrSecFlags {
        pr_version: PRSECFLAGS_VERSION,
        pr_effective: inherit | if noexec { bit(PROC_SEC_NOEXECSTACK) } else { 0 },
        pr_inherit: inherit,
        pr_lower: 0,
        pr_upper: bit(PROC_SEC_ASLR) | bit(PROC_SEC_FORBIDNULLMAP) | bit(PROC_SEC_NOEXECSTACK),
        ..PrSecFlags::default()
    };
    Ok(flags.bytes(about.model()))
}

/// Bytes of `secflags`, in both models.
pub fn secflags_size(_about: &About) -> Result<u64> {
    Ok(PrSecFlags::size(Model::Lp64) as u64)
}
