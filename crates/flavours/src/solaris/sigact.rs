//! `sigact`: what each signal does (proc(4), an array of `struct sigaction`). Signals are Linux's, 1 to 64, and the
//! entries after them the default.
//!
//! The kernel tells which signals are ignored and which are caught, but not by what: the handler's address is in no file. For a
//! caught signal `sa_handler` is [`CAUGHT`], with no flags and an empty mask.

use super::about::About;
use abi::solaris::records::{sigact, SigAction, SIGACT_ENTRIES};
use tree::Result;

/// `sa_handler` of a signal that is caught by a handler whose address is not known: an address that nothing is ever mapped at,
/// and none of the values SIG_DFL, SIG_IGN, SIG_HOLD and SIG_ERR.
pub const CAUGHT: u64 = 3;
/// `SIG_IGN`.
const IGNORED: u64 = 1;

/// `sigact`.
pub fn content(about: &About) -> Result<Vec<u8>> {
    about.fits()?;
    let status = about.status()?;
    let (ignored, caught) = (status.mask("SigIgn"), status.mask("SigCgt"));
    let action = |bit: u32| {
        let handler = match (ignored >> bit & 1, caught >> bit & 1) {
            (_, 1) => CAUGHT,
            (1, _) => IGNORED,
            _ => 0,
        };
        SigAction { sa_handler: handler, ..SigAction::default() }
    };
    let actions: Vec<SigAction> = (0..64).map(action).collect();
    Ok(sigact(about.model(), &actions))
}

/// Bytes of `sigact`.
pub fn size(about: &About) -> Result<u64> {
    Ok((SIGACT_ENTRIES * SigAction::size(about.model())) as u64)
}
