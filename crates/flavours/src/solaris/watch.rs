//! Watched areas: PCWATCH, and the file `watch`.
//!
//! Solaris protects pages and can watch any number of bytes. Here what is asked for is covered by the first of these that can:
//!
//! 1. The processor's four watch registers (those of all threads alike): one covers 1, 2, 4 or 8 aligned bytes of data, or one byte
//!    of instructions; reading takes two a piece, since the processor can only be asked for all accesses and for writes. It traps
//!    behind an access to data; execution is told before or after, as asked, where the instruction begins in the area.
//! 2. Pages protected by userfaultfd(2): writing to areas of any size, told before or after, in anonymous and shared memory.
//!
//! 3. A look at each instruction before it is made: all the rest (reading and execution of any size, writing to private mappings of
//!    files, data before the access). All threads go step by step then, for all areas of the process.
//!
//! The first two are gone when the daemon is, and the third leaves nothing behind. A protection made with mprotect(2) would stay, and
//! the program would die of it later. What else differs:
//!
//! * With registers, `si_addr` is the first byte of the first piece that was touched. An instruction that reads and writes the same
//!   piece counts as a write, also for an area that is watched for reading only, which is not told of it.
//! * Protected are the pages that are there at PCWATCH: what is mapped there later, or dropped with madvise(2), is not watched until
//!   the next PCWATCH. An area in which nothing is mapped is looked at, if registers do not cover it.
//! * While a page is open for one thread's step no other thread runs. It is open to all while a call of the kernel's writes
//!   to it, until that call has ended; for a child that vfork(2) lent the memory; for a process that shares the memory
//!   otherwise; and for writes to `as`. What else is written to it meanwhile is not told.
//! * What the kernel writes in a call is told at the end of the call, with si_trapafter, where it begins in an area or has changed it.
//! * ENOSYS: the kernel is older than 6.4. EPERM: it gives us no userfaultfd (`vm.unprivileged_userfaultfd`, `/dev/userfaultfd`).
//!   EBUSY: the process has one of its own there, or ignores SIGTRAP. If it begins to later, pages on which it would have to step
//!   are watched no more.
//! * A touch of a register's piece by the kernel is told at the end of the call, too; so is the store of a signal frame.
//!   A daemon without privilege is told of none where `kernel.perf_event_paranoid` is above 1.
//! * A thread that blocks SIGTRAP is told of when it stops the next time, or no longer blocks it; several touches are one then. One
//!   that blocks or ignores it and is not traced is told of its writes to pages behind them: told before, they would be made
//!   again and again.
//! * EPERM or EACCES: the kernel gives us no watch registers.
//! * A look sees nothing that the kernel touches in a call. EBUSY: the process ignores SIGTRAP; one that begins to later is watched no
//!   more until the next PCWATCH.
//! * The program's own handler, if the fault is not traced, sees the codes of Linux: TRAP_HWBKPT.

use super::about::About;
use super::ctl::wraps;
use super::nodes::Content;
use super::stops::view;
use abi::solaris::numbers::{WA_EXEC, WA_READ, WA_WRITE};
use abi::solaris::records::PrWatch;
use abi::solaris::Model;
use engine::lwp::{LwpOrder, Shown};
use engine::watch::Area;
use tree::{Errno, Result};

/// The end of the address space of a program of this model.
fn limit(model: Model) -> u64 {
    match model {
        Model::Lp64 => 0x7fff_ffff_f000,
        Model::Ilp32 => 0xffff_e000,
    }
}

/// PCWATCH. The bits of `pr_wflags` are those of [`Area`]. EINVAL for an area that wraps in the writer's words; of one that is to be
/// removed the size does not matter.
pub fn order(area: &PrWatch, writer: Model, target: Model) -> Result<LwpOrder> {
    let area = Area { start: area.pr_vaddr, size: area.pr_size, flags: area.pr_wflags };
    if area.flags & (WA_READ | WA_WRITE | WA_EXEC) != 0 && wraps(writer, area.start, area.size) {
        return Err(Errno(libc::EINVAL));
    }
    Ok(LwpOrder::Watch(area, limit(target)))
}

fn areas(about: &About) -> Vec<Area> {
    view(about.target, Shown::Speaker).seat.map(|s| s.areas).unwrap_or_default()
}

/// `watch`: an array of `prwatch_t`, in rising order of addresses.
pub const WATCH: Content = |about| {
    about.fits_space()?;
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
