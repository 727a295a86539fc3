//! Watched areas: PCWATCH, and the file `watch`.

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
