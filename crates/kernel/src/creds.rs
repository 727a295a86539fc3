//! Credentials of a caller, and acting with them.

use std::io;

/// What the kernel would judge the caller by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creds {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    effective: u64,
}

impl Creds {
    /// Reads the credentials of thread `tid`, whose file-system ids the front end saw as `uid` and `gid`.
    pub fn of(_tid: u32, uid: u32, gid: u32) -> io::Result<Creds> {
        Ok(Creds { uid, gid, groups: vec![], effective: 0 })
    }
    /// Runs `f` with these credentials in this thread.
    pub fn act<T>(&self, f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        f()
    }
    /// Supplementary groups.
    pub fn groups(&self) -> &[u32] {
        &self.groups
    }
    /// True if file modes do not bind the caller (CAP_DAC_OVERRIDE in our user namespace).
    pub fn overrides_modes(&self) -> bool {
        self.effective & 2 != 0
    }
}
