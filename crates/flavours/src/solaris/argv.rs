//! `argv` and `cmdline`: the arguments as they now are, each ended by a NUL (illumos). At most [`MOST`] bytes. A system
//! process has no arguments: `argv` is its name, `cmdline` is empty.

use super::about::About;
use tree::Result;

/// Most bytes of either.
pub const MOST: usize = 4096;
/// `st_size` of the `argv` of a system process.
const MOST_OF_SYSTEM: u64 = 80;

/// `argv`.
pub fn argv(about: &About) -> Result<Vec<u8>> {
    if about.is_system() {
        return Ok([about.stat()?.stat()?.comm, b"\0"].concat());
    }
    cmdline(about)
}

/// `st_size` of `argv`, whatever its length.
pub fn argv_size(about: &About) -> Result<u64> {
    Ok(if about.is_system() { MOST_OF_SYSTEM } else { MOST as u64 })
}

/// `cmdline`.
pub fn cmdline(about: &About) -> Result<Vec<u8>> {
    let mut text = about.plain(b"cmdline")?;
    text.truncate(MOST);
    Ok(text)
}
