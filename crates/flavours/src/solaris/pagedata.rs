//! `pagedata`: a byte for each page of the process (proc(4), `prpageheader_t`, `prasmap_t`). Every read gives it all, whatever the
//! offset; E2BIG if it does not fit into the buffer. A system process: empty.
//!
//! `PG_HWMAPPED` is exact. The other bits are an upper bound, since nothing is put into the process to find out more: a
//! page without `PG_REFERENCED` was not touched and one without `PG_MODIFIED` not written, but one with the bit only may have
//! been, since the process began and not since the last read of this file. (Pages of shared files that the kernel took
//! out of memory have no bits, whatever happened to them before.)

use super::about::About;
use super::maps::Names;
use super::nodes::{right, valid, PIECE};
use super::stops;
use crate::mapping::{self, Mapping};
use crate::right::Right;
use crate::target::Target;
use abi::solaris::numbers::{MA_SHARED, MA_WRITE, PG_HWMAPPED, PG_MODIFIED, PG_REFERENCED};
use abi::solaris::record::{chars, Timestruc};
use abi::solaris::records::{pagedata, PrAsMap, PrPageHeader};
use abi::solaris::Model;
use kernel::{machine, procfs};
use parking_lot::Mutex;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Handle, Node, Pending, Result};

/// More than this is not put together.
const MOST: u64 = 256 << 20;

/// The node.
pub struct PageData(pub Target);

impl Node for PageData {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        let right = right(&self.0, caller)?;
        let model = super::about::model_for(&self.0, caller);
        Ok(Arc::new(Open {
            target: self.0.clone(),
            model,
            right,
            rest: Mutex::default(),
            seen: stops::Seen::default(),
        }))
    }
}

/// Bytes of `pagedata`; 0 for whoever may not know.
pub fn size(about: &About) -> Result<u64> {
    match mapping::read(about) {
        Ok(all) => Ok(total(about.model(), &all)),
        Err(Errno(libc::EACCES | libc::EPERM)) => Ok(0),
        Err(e) => Err(e),
    }
}

fn total(model: Model, all: &[Mapping]) -> u64 {
    if all.is_empty() {
        return 0;
    }
    let pages = |m: &Mapping| (m.size() / machine::page()).next_multiple_of(8);
    let each = PrAsMap::size(model) as u64;
    all.iter().fold(PrPageHeader::size(model) as u64, |sum, m| sum.saturating_add(each + pages(m)))
}

struct Open {
    target: Target,
    model: Model,
    right: Option<Right>,
    /// What is left of a read that comes in pieces: where the next begins, and the whole.
    rest: Mutex<Option<(u64, Vec<u8>)>>,
    seen: stops::Seen,
}

impl Open {
    fn read(&self, caller: &Caller, offset: u64, size: usize) -> Result<Vec<u8>> {
        valid(self.right.as_ref(), caller)?;
        let rest = self.rest.lock().take();
        let whole = match rest.filter(|(next, _)| *next == offset) {
            Some((_, rest)) if size < PIECE && rest.len() > size => return Err(Errno(libc::E2BIG)),
            Some((_, rest)) => rest,
            None => self.content(caller, size)?,
        };
        let to = size.min(whole.len());
        if to < whole.len() {
            let rest = whole[to..].to_vec();
            *self.rest.lock() = Some((offset.saturating_add(to as u64), rest));
        }
        Ok(whole[..to].to_vec())
    }

    fn content(&self, caller: &Caller, size: usize) -> Result<Vec<u8>> {
        let about = About::in_model(&self.target, caller, self.model);
        if about.zombie()? {
            return Err(Errno(libc::ENOENT));
        }
        about.fits_space()?;
        let all = mapping::read(&about)?;
        let total = total(self.model, &all);
        if total > MOST || size < PIECE && total > size as u64 {
            return Err(Errno(libc::E2BIG));
        }
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let names = Names::read(&about);
        let file = about.act(|dir| procfs::openat(dir, c"pagemap", libc::O_RDONLY))?;
        let map = |m: &Mapping| {
            let record = PrAsMap {
                pr_vaddr: m.start,
                pr_mapname: chars(&names.of(m).unwrap_or_default()),
                pr_offset: m.offset as i64,
                pr_mflags: m.flags(),
                pr_pagesize: machine::page() as i32,
                pr_shmid: m.pr_shmid(),
                ..PrAsMap::default()
            };
            Ok((record, pages(&about, &file, m)?))
        };
        let mappings: Vec<_> = all.iter().map(map).collect::<Result<_>>()?;
        Ok(pagedata(self.model, Timestruc::of_nanos(machine::since_boot()), &mappings))
    }
}

/// The bytes of a mapping.
fn pages(about: &About, pagemap: &OwnedFd, mapping: &Mapping) -> Result<Vec<u8>> {
    let page = machine::page();
    let count = mapping.size() / page;
    let shared_writable = mapping.flags() & (MA_SHARED | MA_WRITE) == MA_SHARED | MA_WRITE;
    let mut out = Vec::with_capacity(count as usize);
    while (out.len() as u64) < count {
        let from = mapping.start / page + out.len() as u64;
        let most = (count - out.len() as u64).min(65536) as usize;
        let part = about.act(|_| procfs::pread(pagemap.as_fd(), from * 8, most * 8))?;
        if part.len() < 8 {
            // The mapping is gone meanwhile.
            out.resize(count as usize, 0);
            break;
        }
        out.extend(part.chunks_exact(8).map(|entry| {
            let entry = entry.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
            bits(entry, shared_writable)
        }));
    }
    Ok(out)
}

/// From an entry of the kernel's `pagemap`: bit 63 present, 62 swapped, 61 of a file or shared.
fn bits(entry: u64, shared_writable: bool) -> u8 {
    let (present, swapped, file) = (entry >> 63 & 1 == 1, entry >> 62 & 1 == 1, entry >> 61 & 1 == 1);
    let mut bits = 0;
    if present {
        bits |= PG_HWMAPPED;
    }
    if present || swapped {
        bits |= PG_REFERENCED;
        if !file || shared_writable {
            bits |= PG_MODIFIED;
        }
    }
    bits
}

impl Handle for Open {
    fn read(&self, caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        done.finish(self.read(caller, offset, size));
    }

    fn poll(&self, caller: &Caller, wake: Option<Box<dyn FnOnce() + Send>>) -> Result<u32> {
        stops::poll(&self.target, self.right.as_ref(), caller, &self.seen, wake)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_of_pages() {
        let (present, swapped, file) = (1 << 63, 1 << 62, 1 << 61);
        assert_eq!(bits(0, true), 0);
        assert_eq!(bits(present | file, false), PG_HWMAPPED | PG_REFERENCED);
        assert_eq!(bits(present | file, true), PG_HWMAPPED | PG_REFERENCED | PG_MODIFIED);
        assert_eq!(bits(present, false), PG_HWMAPPED | PG_REFERENCED | PG_MODIFIED);
        assert_eq!(bits(swapped, false), PG_REFERENCED | PG_MODIFIED);
    }
}
