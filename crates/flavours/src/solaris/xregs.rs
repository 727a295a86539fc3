//! `xregs`: the extended registers of an lwp that stands, and what PCSXREG makes of them (proc(4), `prxregset_t`). EBUSY for an
//! lwp that runs. On a processor without XSAVE the file is empty, and PCSXREG says EINVAL.

use super::about::About;
use super::nodes::Content;
use super::stops::view;
use abi::solaris::xregs::{Component, XRegisters};
use engine::lwp::{Rewrite, Shown};
use engine::process::lwps::Stand;
use engine::registers::Which;
use kernel::ptrace::RegSet;
use kernel::xstate::xstate;
use std::sync::{mpsc, OnceLock};
use tree::{Errno, Result};

/// Where Linux says in the area which components are in use.
const XCR0: usize = 464;

fn components() -> &'static [Component] {
    static ALL: OnceLock<Vec<Component>> = OnceLock::new();
    ALL.get_or_init(|| {
        let places = xstate().map_or(&[][..], |x| &x.places);
        places.iter().map(|p| Component { number: p.number, offset: p.offset, size: p.size }).collect()
    })
}

fn xcr0(area: &[u8]) -> Option<u64> {
    let bytes = area.get(XCR0..XCR0 + 8)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// `xregs`.
pub const XREGS: Content = |about| {
    about.fits()?;
    if xstate().is_none() {
        return Ok(Vec::new());
    }
    let tid = about.target.tid.ok_or(Errno(libc::ENOENT))? as i32;
    let shown = view(about.target, Shown::One(tid));
    if !shown.lwps.iter().any(|l| l.tid == tid && l.stand != Stand::Runs) {
        return Err(Errno(libc::EBUSY));
    }
    let (tx, rx) = mpsc::channel();
    let way = about.target.shared.engine.target(about.target.proc.clone());
    way.read_regs(None, Some(tid), Which::Set(RegSet::Xstate), move |area| drop(tx.send(area)));
    let area = rx.recv().map_err(|_| Errno(libc::EIO))?.map_err(|refusal| super::ctl::told(&refusal))?;
    let regs = xcr0(&area).and_then(|xcr0| XRegisters::of_xsave(&area, xcr0, components()));
    Ok(regs.ok_or(Errno(libc::EIO))?.bytes())
};

/// `st_size` of `xregs`: the same for every lwp.
pub fn size(_: &About) -> Result<u64> {
    let regs = xstate().and_then(|x| {
        let end = x.places.iter().map(|p| p.offset + p.size).max().unwrap_or(0);
        XRegisters::of_xsave(&vec![0; end.max(576)], x.xcr0, components())
    });
    Ok(regs.map_or(0, |regs| regs.size() as u64))
}

/// PCSXREG.
pub fn rewrite(new: XRegisters) -> Rewrite {
    Box::new(move |area| {
        let known = xcr0(area).ok_or(libc::EINVAL)?;
        if new.apply(area, known, components()) {
            Ok(())
        } else {
            Err(libc::EINVAL)
        }
    })
}
