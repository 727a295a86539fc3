//! Messages to the kernel that answer no request.

use crate::abi::{code, NotifyInvalEntryOut, NotifyPollOut};
use crate::channel::Channel;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::Weak;
use zerocopy::IntoBytes;

/// Sends notifications for a session; does not keep the session alive.
#[derive(Clone)]
pub struct Notifier(pub(crate) Weak<Channel>);

impl Notifier {
    /// Tells the kernel that the readiness of the open file behind poll handle `kh` may have changed.
    pub fn poll(&self, kh: u64) -> io::Result<()> {
        self.send(code::POLL, NotifyPollOut { kh }.as_bytes(), &[])
    }

    /// Makes the kernel forget that `name` is in directory `parent` (a node id). Not to be called from a handler: the
    /// kernel waits for the directory's lock, which a client in a lookup holds.
    pub fn inval_entry(&self, parent: u64, name: &OsStr) -> io::Result<()> {
        let head = NotifyInvalEntryOut { parent, namelen: name.len() as u32, flags: 0 };
        let name = [name.as_bytes(), &[0]].concat();
        self.send(code::INVAL_ENTRY, head.as_bytes(), &name)
    }

    fn send(&self, code: i32, a: &[u8], b: &[u8]) -> io::Result<()> {
        let channel = self.0.upgrade().ok_or(io::ErrorKind::NotConnected)?;
        channel.notify(code, a, b)
    }
}
