//! Watched areas: PCWATCH, and the file `watch`.
//!
//! Solaris protects pages and can watch any number of bytes; here the processor's four watch registers do it (those of all threads
//! alike), which are gone when the daemon is. What differs:
//!
//! * One register covers 1, 2, 4 or 8 aligned bytes of data, or one byte of instructions. Reading takes two registers a piece, since
//!   the processor can only be asked for all accesses and for writes. What takes more than there are is refused with E2BIG.
//! * The processor traps behind an access to data: without WA_TRAPAFTER, WA_READ and WA_WRITE are refused with ENOTSUP. Execution
//!   is told before or after, as asked, where the instruction begins in the area.
//! * `si_addr` is the first byte of the first piece that was touched. An instruction that reads and writes the same piece counts as
//!   a write, also for an area that is watched for reading only, which is not told of it.
//! * A touch by the kernel in a system call is told at the end of the call, which has succeeded; so is the store of a signal frame.
//!   A daemon without privilege is told of none where `kernel.perf_event_paranoid` is above 1.
//! * A thread that blocks SIGTRAP is told of when it stops the next time, or no longer blocks it; several touches are one then.
//! * EPERM or EACCES: the kernel gives us no watch registers.
//! * The program's own handler, if the fault is not traced, sees the codes of Linux: TRAP_HWBKPT.

use super::about::About;
use super::nodes::Content;
use super::stops::view;
use abi::solaris::records::PrWatch;
use abi::solaris::Model;
use engine::lwp::{LwpOrder, Shown};
use engine::watch::Area;
use tree::Result;

/// The end of the address space of a program of this model.
fn limit(model: Model) -> u64 {
    match model {
        Model::Lp64 => 0x7fff_ffff_f000,
        Model::Ilp32 => 0xffff_e000,
    }
}

/// PCWATCH. The bits of `pr_wflags` are those of [`Area`].
pub fn order(area: &PrWatch, target: Model) -> LwpOrder {
    let area = Area { start: area.pr_vaddr, size: area.pr_size, flags: area.pr_wflags };
    LwpOrder::Watch(area, limit(target))
}

fn areas(about: &About) -> Vec<Area> {
    view(about.target, Shown::Speaker).seat.map(|s| s.areas).unwrap_or_default()
}

/// `watch`: an array of `prwatch_t`, in rising order of addresses.
pub const WATCH: Content = |about| {
    about.fits()?;
    let mut all = Vec::new();
    for Area { start, size, flags } in areas(about) {
        let entry = PrWatch { pr_vaddr: start, pr_size: size, pr_wflags: flags, ..PrWatch::default() };
        all.extend(entry.bytes(about.model()));
    }
    Ok(all)
};

/// `st_size` of `watch`.
pub fn size(about: &About) -> Result<u64> {
    Ok((areas(about).len() * PrWatch::size(about.model())) as u64)
}
