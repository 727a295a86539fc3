//! `file`: a link to the executable. There is one way only to tell where that is, and it is for who may look into the process: for
//! all others, and where the executable was removed, the text is `unknown`.
//!
//! In 4.4BSD this is the executable itself, in the place of a file; a file of another file system cannot be in this one, so it is a
//! link there too.

use super::look::{Look, Subject};
use kernel::procfs;
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Handle, Node, Result};

/// The node.
pub struct File(pub Subject);

/// The text of the link.
fn text(look: &Look) -> Result<Vec<u8>> {
    let path = look.about.act(|dir| procfs::readlinkat(dir, c"exe"));
    match path {
        Ok(path) if path.starts_with(b"/") && !path.ends_with(b" (deleted)") => Ok(path),
        _ => look.rules.no_path().map(<[u8]>::to_vec),
    }
}

/// Its length, where a release shows that.
pub fn size(look: &Look) -> u64 {
    text(look).map_or(0, |text| text.len() as u64)
}

impl Node for File {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn readlink(&self, caller: &Caller) -> Result<Vec<u8>> {
        text(&self.0.look(caller))
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::ELOOP))
    }
}
