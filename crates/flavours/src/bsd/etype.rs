//! `etype` (procfs_type.c): whose system calls the executable makes, as FreeBSD calls that: `Linux ELF64`, `Linux ELF32`, and `null`
//! for a thread of the kernel. Programs compare the whole line with names they know.

use super::look::Look;
use abi::Model;
use tree::Result;

/// The content.
pub fn etype(look: &Look) -> Result<Vec<u8>> {
    let name = match look.about.target_model() {
        Some(Model::Lp64) => "Linux ELF64",
        Some(Model::Ilp32) => "Linux ELF32",
        None if look.about.is_system() => "null",
        None => "Not Available",
    };
    Ok(format!("{name}\n").into_bytes())
}
