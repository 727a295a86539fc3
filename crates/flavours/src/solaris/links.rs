//! `cwd`, `root`, and what leads somewhere in `fd/` and `path/`.
//!
//! Solaris follows `cwd` and `root` without a text: readlink(2) gives an empty string there. A link here is followed by its text,
//! so that is the path. Of a directory without one (unlinked), and where the reader's paths are not those of the process (another
//! root, another mount namespace), it is the kernel's link in /proc, by which the directory is reached all the same.

use super::about::About;
use crate::target::Target;
use kernel::procfs;
use std::ffi::CString;
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Handle, Node, Result};

/// `cwd` or `root`.
pub struct Directory {
    /// Whose.
    pub target: Target,
    /// Name of the link, here and in the kernel's /proc.
    pub name: &'static str,
}

impl Node for Directory {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn readlink(&self, caller: &Caller) -> Result<Vec<u8>> {
        leading(&About::new(&self.target, caller), self.name)
    }

    fn open(&self, _caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        Err(Errno(libc::ELOOP))
    }
}

/// The text of the kernel's link `name`, relative to the process directory.
fn text(about: &About, name: &str) -> Result<Vec<u8>> {
    let path = CString::new(name).map_err(|_| Errno(libc::ENOENT))?;
    about.act(|dir| procfs::readlinkat(dir, &path))
}

/// True for a path; false for what the kernel writes in place of one.
pub fn is_path(text: &[u8]) -> bool {
    text.starts_with(b"/") && !text.ends_with(b" (deleted)")
}

/// The path that the kernel's link leads to; ENOENT if there is none.
pub fn path(about: &About, name: &str) -> Result<Vec<u8>> {
    Some(text(about, name)?).filter(|t| is_path(t)).ok_or(Errno(libc::ENOENT))
}

/// True unless the reader is known to find something else by a path of the process's: with another root than the machine's, or in
/// another mount namespace.
fn paths_are_shared(about: &About) -> bool {
    let own = |name: &str| CString::new(format!("{}/{name}", about.caller.tid)).unwrap_or_default();
    let root = procfs::readlinkat(procfs::root(), &own("root"));
    let namespaces =
        (about.act(|dir| procfs::namespace(dir, c"ns/mnt")), procfs::namespace(procfs::root(), &own("ns/mnt")));
    let elsewhere = matches!(namespaces, (Ok(theirs), Ok(ours)) if theirs != ours);
    root.map_or(true, |root| root == b"/") && !elsewhere
}

/// A text that leads where the kernel's link leads, in any case.
pub fn leading(about: &About, name: &str) -> Result<Vec<u8>> {
    let text = text(about, name)?;
    if is_path(&text) && paths_are_shared(about) {
        return Ok(text);
    }
    Ok(format!("{}/{name}", about.kernels()).into_bytes())
}
