//! `lwpname`: the name of an lwp (illumos), 32 bytes, padded with NUL. Written: at most 31 characters, with a NUL or without;
//! more are EIO, others than printable ASCII EINVAL. The lwp is made to set its name itself, for which it stands for a moment.
//!
//! Linux keeps 15 characters and drops the rest. A thread always has a name; that of the first is also `pr_fname`.

use super::about::{gone, About};
use super::nodes::{refused, right, valid};
use super::stops;
use super::writers::{self, Writing};
use crate::rename::set_name;
use crate::right::Right;
use crate::target::Target;
use parking_lot::Mutex;
use std::sync::Arc;
use tree::{slice, Attr, Caller, Errno, Handle, Node, Pending, Result, SetAttr};

/// Bytes of the file.
const SIZE: usize = 32;

/// The node.
pub struct LwpName(pub Target);

impl Node for LwpName {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, flags: i32) -> Result<Arc<dyn Handle>> {
        let right = right(&self.0, caller)?.map(Arc::new);
        let writing = writers::open(&self.0, right.as_ref(), caller, flags)?;
        Ok(Arc::new(Open { target: self.0.clone(), right, writing: Mutex::new(writing), seen: stops::Seen::default() }))
    }

    fn setattr(&self, _caller: &Caller, _set: &SetAttr) -> Result<()> {
        Err(Errno(libc::ENOSYS))
    }
}

struct Open {
    target: Target,
    right: Option<Arc<Right>>,
    writing: Mutex<Option<Writing>>,
    seen: stops::Seen,
}

impl Open {
    fn read(&self, caller: &Caller) -> Result<Vec<u8>> {
        valid(self.right.as_deref(), caller)?;
        let mut name = About::new(&self.target, caller).plain(b"comm")?;
        if name.last() == Some(&b'\n') {
            name.pop();
        }
        name.resize(SIZE, 0);
        Ok(name)
    }

    /// The name that is written, as Linux keeps it.
    fn name(&self, caller: &Caller, data: &[u8]) -> Result<[u8; 16]> {
        valid(self.right.as_deref(), caller)?;
        if !self.target.proc.alive() {
            return Err(gone(std::io::Error::from_raw_os_error(libc::ESRCH)));
        }
        name(data)
    }
}

fn name(data: &[u8]) -> Result<[u8; 16]> {
    let text = data.split(|b| *b == 0).next().unwrap_or_default();
    if text.len() >= SIZE || data.len() > SIZE {
        return Err(Errno(libc::EIO));
    }
    if !text.iter().all(|b| matches!(b, b' '..=b'~')) {
        return Err(Errno(libc::EINVAL));
    }
    Ok(abi::solaris::record::chars(text))
}

impl Handle for Open {
    fn read(&self, caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        done.finish(self.read(caller).map(|name| slice(&name, offset, size).to_vec()));
    }

    fn write(&self, caller: &Caller, _offset: u64, data: &[u8], done: Pending<usize>) {
        match self.name(caller, data).map_err(refused) {
            Ok(name) => set_name(&self.target, caller, name, data.len(), done),
            Err(e) => drop(done.finish(Err(e))),
        }
    }

    fn poll(&self, caller: &Caller, wake: Option<Box<dyn FnOnce() + Send>>) -> Result<u32> {
        stops::poll(&self.target, self.right.as_deref(), caller, &self.seen, wake)
    }

    fn release(&self) {
        drop(self.writing.lock().take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_printable() {
        assert_eq!(name(b"worker 1").unwrap(), *b"worker 1\0\0\0\0\0\0\0\0");
        assert_eq!(name(b"a name of twenty char").unwrap(), *b"a name of twent\0");
        assert_eq!(name(&[b'a'; 31]).unwrap(), *b"aaaaaaaaaaaaaaa\0");
        assert_eq!(name(&[b'a'; 32]), Err(Errno(libc::EIO)));
        assert!(name(b"").is_ok());
        assert_eq!(name(b"a\n"), Err(Errno(libc::EINVAL)));
        let padded: Vec<u8> = [&[b'a'; 31][..], &[0]].concat();
        assert!(name(&padded).is_ok());
    }
}
