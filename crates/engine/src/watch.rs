//! Watched areas of a process by the rules of Solaris proc(4), PCWATCH: which there are, how the processor's watch registers and
//! protected pages cover them, and what an access means that these tell of. Pure.

use abi::watch::Kind;
use std::collections::BTreeMap;
use std::ops::Range;

/// Watch execution (WA_EXEC).
pub const EXEC: i32 = 1;
/// Watch writing (WA_WRITE).
pub const WRITE: i32 = 2;
/// Watch reading (WA_READ).
pub const READ: i32 = 4;
/// The trap comes behind the instruction (WA_TRAPAFTER).
pub const AFTER: i32 = 8;

/// Watch registers of the processor.
pub const REGISTERS: usize = 4;

/// Bytes of a page.
pub(crate) const PAGE: u64 = 4096;
/// Pages that may be watched in all; one area may ask for twice as many, and then does not get them.
const PAGES: u64 = 10_000;
/// Areas that may be watched in one process. At each change all are looked at.
const AREAS: usize = 4096;

/// A watched area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Address of the first byte.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// [`EXEC`], [`WRITE`], [`READ`], [`AFTER`].
    pub flags: i32,
}

impl Area {
    fn has(&self, flag: i32) -> bool {
        self.flags & flag != 0
    }

    pub(crate) fn end(&self) -> u64 {
        self.start + self.size
    }

    /// First page, and the one behind the last.
    pub(crate) fn pages(&self) -> (u64, u64) {
        (self.start / PAGE, self.end().div_ceil(PAGE))
    }

    /// What registers cover its data, but no more than one piece beyond those there are.
    fn data(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut at = self.start;
        while at < self.end() && pieces.len() <= REGISTERS {
            let left = self.end() - at;
            let size = [8, 4, 2, 1].into_iter().find(|s| at % s == 0 && *s <= left).unwrap_or(1);
            pieces.push(Piece { at, size, access: Access::Write });
            if self.has(READ) {
                pieces.push(Piece { at, size, access: Access::Any });
            }
            at += size;
        }
        pieces
    }
}

/// What one watch register looks for. What is only read cannot be told to the processor: it takes a register for all accesses
/// and one for writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Execution of an instruction that begins there.
    Exec,
    /// Writing.
    Write,
    /// Reading and writing.
    Any,
}

/// What one watch register covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Address, a multiple of the size.
    pub at: u64,
    /// 1, 2, 4 or 8 bytes.
    pub size: u64,
    /// What it looks for.
    pub access: Access,
}

/// How areas are covered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// By the watch registers of each thread.
    pub pieces: Vec<Piece>,
    /// By pages that are protected from writing.
    pub pages: Vec<Area>,
    /// By a look at each instruction.
    pub looks: bool,
}

/// What writing to these bytes touches of these areas, of which the lowest byte counts.
pub fn written(areas: &[Area], bytes: &[Range<u64>]) -> Option<Hit> {
    first(areas.iter(), bytes.iter(), Kind::Write)
}

/// The lowest byte that these areas and bytes share.
fn first<'a>(
    areas: impl Iterator<Item = &'a Area>,
    bytes: impl Iterator<Item = &'a Range<u64>> + Clone,
    kind: Kind,
) -> Option<Hit> {
    let pairs = areas.flat_map(|area| bytes.clone().map(move |touched| (area, touched)));
    let touched = pairs.filter(|(area, t)| t.start < area.end() && area.start < t.end);
    let (addr, after) = touched.map(|(area, t)| (area.start.max(t.start), area.has(AFTER))).min()?;
    Some(Hit { addr, kind, after })
}

/// An access to a watched area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The first watched byte that was touched, as exactly as the registers tell: the first of its piece.
    pub addr: u64,
    /// How.
    pub kind: Kind,
    /// The area asks for the trap behind the instruction.
    pub after: bool,
}

/// The watched areas of a process; no two share a byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    all: BTreeMap<u64, Area>,
    /// Pages with a watched byte.
    pages: u64,
}

impl Areas {
    /// True if nothing is watched.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Watches nothing any more.
    pub fn clear(&mut self) {
        *self = Areas::default();
    }

    /// In rising order of addresses.
    pub fn iter(&self) -> impl Iterator<Item = Area> + '_ {
        self.all.values().copied()
    }

    /// Carries out one PCWATCH in an address space that ends at `limit`; the error is an errno.
    ///
    /// Without a kind of access the area that starts there is removed, if there is one. The same range again gets other flags.
    /// EINVAL: unknown flags, no bytes, a range that wraps, or one that shares bytes with an area that is not the same. E2BIG:
    /// too many pages or areas. What lies beyond `limit` is left out without a word.
    pub fn change(&mut self, area: Area, limit: u64) -> Result<(), i32> {
        let Area { start, mut size, flags } = area;
        let removal = flags & !AFTER == 0;
        if removal {
            size = 0;
        }
        let end = start.checked_add(size).ok_or(libc::EINVAL)?;
        if flags & !(EXEC | WRITE | READ | AFTER) != 0 || (size == 0 && !removal) {
            return Err(libc::EINVAL);
        }
        if removal {
            if let Some(area) = self.all.remove(&start) {
                self.pages -= self.own_pages(&area);
            }
            return Ok(());
        }
        if start >= limit {
            return Ok(());
        }
        let area = Area { start, size: end.min(limit) - start, flags };
        let (first, behind) = area.pages();
        if behind - first > 2 * PAGES {
            return Err(libc::E2BIG);
        }
        let below = self.all.range(..area.end()).next_back().map(|(_, a)| *a);
        let touched = below.filter(|a| a.end() > start);
        if touched.is_some_and(|a| (a.start, a.size) != (start, area.size)) {
            return Err(libc::EINVAL);
        }
        if !self.all.contains_key(&start) {
            let pages = self.pages + self.own_pages(&area);
            if self.all.len() == AREAS || pages > PAGES {
                return Err(libc::E2BIG);
            }
            self.pages = pages;
        }
        self.all.insert(start, area);
        Ok(())
    }

    /// Pages of this area, which is none of these, in which no other begins or ends.
    fn own_pages(&self, area: &Area) -> u64 {
        let (first, behind) = area.pages();
        let below = self.all.range(..area.start).next_back().map_or(0, |(_, a)| a.pages().1);
        let above = self.all.range(area.start..).next().map_or(behind, |(_, a)| a.pages().0);
        behind.min(above).saturating_sub(first.max(below))
    }

    /// How the areas are covered: by watch registers what they can tell, as far as they go; by protected pages what is watched for
    /// writing only, where memory is of the kind (`pageable`). Where both together do not suffice, all are, without these, by a look
    /// at each instruction.
    pub fn plan(&self, pageable: impl Fn(&Area) -> bool) -> Plan {
        self.covered(pageable).unwrap_or_else(|| self.looked_at())
    }

    /// The plan that needs nothing but steps.
    pub fn looked_at(&self) -> Plan {
        Plan { looks: !self.is_empty(), ..Plan::default() }
    }

    /// None: other data than pages cover is to be told before the access, but the processor traps behind it; or it takes more than
    /// [`REGISTERS`].
    fn covered(&self, pageable: impl Fn(&Area) -> bool) -> Option<Plan> {
        let mut plan = Plan::default();
        let mut either = Vec::new();
        for area in self.all.values() {
            if area.has(EXEC) {
                let bytes = (area.start..area.end()).take(REGISTERS + 1);
                plan.pieces.extend(bytes.map(|at| Piece { at, size: 1, access: Access::Exec }));
            }
            if area.has(WRITE) && !area.has(READ) && pageable(area) {
                either.push(*area);
            } else if area.has(WRITE) || area.has(READ) {
                if !area.has(AFTER) {
                    return None;
                }
                plan.pieces.extend(area.data());
            }
            if plan.pieces.len() > REGISTERS {
                return None;
            }
        }
        for area in either {
            let pieces = area.data();
            if area.has(AFTER) && plan.pieces.len() + pieces.len() <= REGISTERS {
                plan.pieces.extend(pieces);
            } else {
                plan.pages.push(area);
            }
        }
        Some(plan)
    }

    /// What an instruction touches that is about to be made: writing counts before reading, and that before its own execution.
    pub fn touched(&self, all: &[(Range<u64>, Kind)]) -> Option<Hit> {
        let flags = [(Kind::Write, WRITE), (Kind::Read, READ), (Kind::Exec, EXEC)];
        flags.into_iter().find_map(|(kind, flag)| {
            let areas = self.all.values().filter(|a| a.has(flag));
            first(areas, all.iter().filter(|(_, k)| *k == kind).map(|(range, _)| range), kind)
        })
    }

    /// True if such a touch is still to be told of.
    pub fn watches(&self, hit: &Hit) -> bool {
        let area = self.all.range(..=hit.addr).next_back().filter(|(_, a)| hit.addr < a.end());
        let flag = match hit.kind {
            Kind::Read => READ,
            Kind::Write => WRITE,
            Kind::Exec => EXEC,
        };
        area.is_some_and(|(_, a)| a.has(flag))
    }

    /// What one instruction, or one system call, has done that touched these pieces. Of several things that it did, a write counts
    /// before a read, and that before the execution itself.
    pub fn hit(&self, touched: &[Piece]) -> Option<Hit> {
        let flags =
            |at: u64| self.all.range(..=at).next_back().filter(|(_, a)| at < a.end()).map_or(0, |(_, a)| a.flags);
        let written = |at: u64| touched.iter().any(|p| p.access == Access::Write && p.at == at);
        let first = |kind: Kind, flag: i32, counts: &dyn Fn(&Piece) -> bool| {
            let hits = touched.iter().filter(|p| counts(p) && flags(p.at) & flag != 0);
            let at = hits.map(|p| p.at).min()?;
            Some(Hit { addr: at, kind, after: flags(at) & AFTER != 0 })
        };
        first(Kind::Write, WRITE, &|p| p.access == Access::Write)
            .or_else(|| first(Kind::Read, READ, &|p| p.access == Access::Any && !written(p.at)))
            .or_else(|| first(Kind::Exec, EXEC, &|p| p.access == Access::Exec))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 0x7fff_ffff_f000;

    fn area(start: u64, size: u64, flags: i32) -> Area {
        Area { start, size, flags }
    }

    fn areas(all: &[(u64, u64, i32)]) -> Areas {
        let mut areas = Areas::default();
        for (start, size, flags) in all {
            assert_eq!(areas.change(area(*start, *size, *flags), LIMIT), Ok(()));
        }
        areas
    }

    fn shape(areas: &Areas) -> Vec<(u64, u64, i32)> {
        areas.iter().map(|a| (a.start, a.size, a.flags)).collect()
    }

    #[test]
    fn areas_come_change_and_go() {
        let mut a = areas(&[(0x2000, 8, WRITE), (0x1000, 4, READ | AFTER), (0x1004, 4, EXEC)]);
        assert_eq!(shape(&a), [(0x1000, 4, READ | AFTER), (0x1004, 4, EXEC), (0x2000, 8, WRITE)]);
        // The same range: other flags.
        assert_eq!(a.change(area(0x2000, 8, EXEC | AFTER), LIMIT), Ok(()));
        assert_eq!(shape(&a)[2], (0x2000, 8, EXEC | AFTER));
        // Removal asks for the start only, and of what is not there takes nothing away.
        for (start, size, flags) in [(0x2001, 8, 0), (0x2000, 77, AFTER), (0x2000, 0, 0), (0x1004, u64::MAX, 0)] {
            assert_eq!(a.change(area(start, size, flags), LIMIT), Ok(()));
        }
        assert_eq!(shape(&a), [(0x1000, 4, READ | AFTER)]);
        a.clear();
        assert!(a.is_empty());
    }

    #[test]
    fn what_is_no_area_is_refused() {
        let mut a = areas(&[(0x1000, 8, WRITE)]);
        for (start, size, flags) in [
            (0x2000, 0, WRITE),
            (0x2000, 8, 0x10),
            (0x2000, 8, WRITE | 0x20),
            (0x2000, 8, i32::MIN),
            (u64::MAX, 2, READ),
            (u64::MAX - 7, 8, READ),
            (0x0fff, 2, WRITE),
            (0x1007, 1, WRITE),
            (0x1000, 4, WRITE),
            (0x1000, 9, WRITE),
            (0x0800, 0x1000, WRITE),
        ] {
            assert_eq!(a.change(area(start, size, flags), LIMIT), Err(libc::EINVAL), "{start:#x} {size} {flags}");
        }
        assert_eq!(a.change(area(0x0ff8, 8, WRITE), LIMIT), Ok(()));
        assert_eq!(a.change(area(0x1008, 1, WRITE), LIMIT), Ok(()));
        assert_eq!(a.iter().count(), 3);
    }

    #[test]
    fn areas_end_where_memory_does() {
        let mut a = Areas::default();
        assert_eq!(a.change(area(LIMIT, 8, WRITE), LIMIT), Ok(()));
        assert_eq!(a.change(area(u64::MAX - 8, 8, WRITE), LIMIT), Ok(()));
        assert!(a.is_empty());
        assert_eq!(a.change(area(LIMIT - 4, 8, WRITE), LIMIT), Ok(()));
        assert_eq!(shape(&a), [(LIMIT - 4, 4, WRITE)]);
    }

    #[test]
    fn there_is_an_end_to_pages() {
        let mut a = Areas::default();
        let page = |n: u64| n * PAGE;
        assert_eq!(a.change(area(0, page(20_001), WRITE), LIMIT), Err(libc::E2BIG));
        assert_eq!(a.change(area(0, page(20_000), WRITE), LIMIT), Err(libc::E2BIG));
        assert_eq!(a.change(area(0, page(9_999), WRITE), LIMIT), Ok(()));
        // Two areas in one page count once.
        assert_eq!(a.change(area(page(9_999), 1, WRITE), LIMIT), Ok(()));
        assert_eq!(a.change(area(page(9_999) + 8, 1, WRITE), LIMIT), Ok(()));
        assert_eq!(a.change(area(page(10_000), 1, WRITE), LIMIT), Err(libc::E2BIG));
        assert_eq!(a.iter().count(), 3);
        assert_eq!(a.change(area(0, page(9_999), READ), LIMIT), Ok(()));
        // What is taken away makes room, but for a page that others share.
        assert_eq!(a.change(area(page(9_999), 0, 0), LIMIT), Ok(()));
        assert_eq!(a.change(area(page(10_000), 1, WRITE), LIMIT), Err(libc::E2BIG));
        assert_eq!(a.change(area(page(9_999) + 8, 0, 0), LIMIT), Ok(()));
        assert_eq!(a.change(area(page(10_000), 1, WRITE), LIMIT), Ok(()));
    }

    #[test]
    fn there_is_an_end_to_areas() {
        let mut a = Areas::default();
        for n in 0..AREAS as u64 {
            assert_eq!(a.change(area(2 * n, 1, WRITE), LIMIT), Ok(()));
        }
        assert_eq!(a.change(area(1, 1, WRITE), LIMIT), Err(libc::E2BIG));
        assert_eq!(a.change(area(0, 1, READ), LIMIT), Ok(()));
        assert_eq!(a.change(area(0, 0, 0), LIMIT), Ok(()));
        assert_eq!(a.change(area(1, 1, WRITE), LIMIT), Ok(()));
    }

    #[test]
    fn pages_are_counted_once() {
        let mut a = Areas::default();
        let all = [(10, 4086), (0, 1), (4096, 1), (5000, 4000), (20_480, 8192), (9100, 4), (16_384, 1), (28_671, 1)];
        let counted = |a: &Areas| {
            let pages = |area: Area| area.pages().0..area.pages().1;
            a.iter().flat_map(pages).collect::<std::collections::BTreeSet<u64>>().len() as u64
        };
        for (start, size) in all {
            let _ = a.change(area(start, size, WRITE), LIMIT);
            assert_eq!(a.pages, counted(&a), "with {start}");
        }
        for (start, _) in all {
            let _ = a.change(area(start, 0, 0), LIMIT);
            assert_eq!(a.pages, counted(&a), "without {start}");
        }
        assert!(a.is_empty() && a.pages == 0);
    }

    /// What registers cover where pages cannot; None: each instruction is to be looked at.
    fn registers(areas: &Areas) -> Option<Vec<Piece>> {
        let plan = areas.plan(|_| false);
        assert!(!plan.looks || plan == areas.looked_at());
        (!plan.looks).then_some(plan.pieces)
    }

    #[test]
    fn pages_cover_what_registers_cannot() {
        // Starts that are covered by registers, and by pages.
        let plan = |all: &[(u64, u64, i32)], pageable: fn(&Area) -> bool| {
            let plan = areas(all).covered(pageable)?;
            let starts = |starts: &mut dyn Iterator<Item = u64>| {
                let mut starts: Vec<u64> = starts.collect();
                starts.dedup();
                starts
            };
            Some((starts(&mut plan.pieces.iter().map(|p| p.at)), starts(&mut plan.pages.iter().map(|a| a.start))))
        };
        let all: fn(&Area) -> bool = |_| true;
        let upper: fn(&Area) -> bool = |a| a.start >= 0x2000;
        assert_eq!(plan(&[(0x1000, 8, WRITE | AFTER)], all), Some((vec![0x1000], vec![])));
        // Before the access, or too large.
        assert_eq!(plan(&[(0x1000, 8, WRITE)], all), Some((vec![], vec![0x1000])));
        assert_eq!(plan(&[(0x1001, 12, WRITE)], all), Some((vec![], vec![0x1001])));
        assert_eq!(plan(&[(0x1000, 33, WRITE | AFTER)], all), Some((vec![], vec![0x1000])));
        assert_eq!(plan(&[(0x1000, 40_000_000, WRITE | AFTER)], all), Some((vec![], vec![0x1000])));
        // What only registers can tell comes first, wherever it lies.
        let mixed = [(0x1000, 24, WRITE | AFTER), (0x2000, 16, READ | AFTER)];
        assert_eq!(plan(&mixed, all), Some((vec![0x2000, 0x2008], vec![0x1000])));
        assert_eq!(plan(&mixed, |_| false), None);
        let kinds = [(0x1000, 24, WRITE | AFTER), (0x2000, 16, WRITE | AFTER)];
        assert_eq!(plan(&kinds, upper), Some((vec![0x1000, 0x1008, 0x1010], vec![0x2000])));
        assert_eq!(plan(&kinds, |_| false), None);
        // Two kinds of one area.
        assert_eq!(plan(&[(0x1000, 2, WRITE | EXEC)], all), Some((vec![0x1000, 0x1001], vec![0x1000])));
        assert_eq!(plan(&[(0x1000, 5, WRITE | EXEC)], all), None);
        // Reading is not for pages.
        assert_eq!(plan(&[(0x1000, 8, READ | WRITE)], all), None);
        assert_eq!(plan(&[(0x1000, 64, READ | WRITE | AFTER)], all), None);
        assert_eq!(plan(&[(0x1000, 8, WRITE)], upper), None);
    }

    #[test]
    fn the_lowest_byte_of_what_is_written_counts() {
        let all = [area(0x1000, 8, WRITE), area(0x1010, 0x3000, WRITE | AFTER)];
        let hit = |bytes: &[(u64, u64)]| {
            let bytes: Vec<Range<u64>> = bytes.iter().map(|(start, end)| *start..*end).collect();
            written(&all, &bytes).map(|h| (h.addr, h.after))
        };
        assert_eq!(hit(&[(0x0ff8, 0x1000)]), None);
        assert_eq!(hit(&[(0x0ff8, 0x1001)]), Some((0x1000, false)));
        assert_eq!(hit(&[(0x1007, 0x1009)]), Some((0x1007, false)));
        assert_eq!(hit(&[(0x1008, 0x1010)]), None);
        assert_eq!(hit(&[(0x1008, 0x1018)]), Some((0x1010, true)));
        assert_eq!(hit(&[(0x2000, 0x2008), (0x1004, 0x1005)]), Some((0x1004, false)));
        assert_eq!(hit(&[(0x1000, 0x1000), (0x400f, 0x4010), (0x4010, 0x5000)]), Some((0x400f, true)));
        assert_eq!(hit(&[]), None);
    }

    #[test]
    fn registers_cover_areas_exactly() {
        let sizes =
            |start, size, flags| registers(&areas(&[(start, size, flags)])).map(|p| p.iter().map(|p| p.size).collect());
        let ok = |sizes: &[u64]| Some(sizes.to_vec());
        for size in [1, 2, 4, 8] {
            assert_eq!(sizes(0x1000, size, WRITE | AFTER), ok(&[size]));
        }
        assert_eq!(sizes(0x1000, 12, WRITE | AFTER), ok(&[8, 4]));
        assert_eq!(sizes(0x1002, 12, WRITE | AFTER), ok(&[2, 4, 4, 2]));
        assert_eq!(sizes(0x1007, 12, WRITE | AFTER), ok(&[1, 8, 2, 1]));
        assert_eq!(sizes(0x1000, 32, WRITE | AFTER), ok(&[8, 8, 8, 8]));
        assert_eq!(sizes(0x1000, 16, READ | AFTER), ok(&[8, 8, 8, 8]));
        assert_eq!(sizes(0x1000, 3, EXEC), ok(&[1, 1, 1]));
        for (start, size, flags) in [(0x1001, 12, WRITE), (0x1000, 33, WRITE), (0x1000, 17, READ), (0x1000, 5, EXEC)] {
            assert_eq!(sizes(start, size, flags | AFTER), None);
        }
        assert_eq!(sizes(0x1000, 40_000_000, WRITE | AFTER), None);
        assert_eq!(sizes(0x1000, 8, WRITE), None);
        assert_eq!(sizes(0x1000, 8, READ | EXEC), None);
        let both = areas(&[(0x1000, 8, WRITE | AFTER), (0x2000, 32, WRITE | AFTER)]);
        assert_eq!(registers(&both), None);
    }

    #[test]
    fn what_an_instruction_is_about_to_touch() {
        let a = areas(&[(0x1000, 64, READ), (0x1040, 64, WRITE | AFTER), (0x2000, 100, EXEC)]);
        let hit = |all: &[(u64, u64, Kind)]| {
            let all: Vec<_> = all.iter().map(|(at, size, kind)| (*at..at + size, *kind)).collect();
            a.touched(&all).map(|h| (h.addr, h.kind, h.after))
        };
        use Kind::{Exec, Read, Write};
        assert_eq!(hit(&[(0x4000, 4, Exec), (0x1008, 8, Read)]), Some((0x1008, Read, false)));
        assert_eq!(hit(&[(0x1008, 8, Write)]), None);
        assert_eq!(hit(&[(0x103c, 8, Read), (0x103c, 8, Write)]), Some((0x1040, Write, true)));
        assert_eq!(hit(&[(0x1ffe, 4, Exec)]), Some((0x2000, Exec, false)));
        assert_eq!(hit(&[(0x2000, 4, Exec), (0x0fff, 2, Read)]), Some((0x1000, Read, false)));
        assert_eq!(hit(&[(0x2000, 4, Read), (0x1080, 4, Write)]), None);
    }

    #[test]
    fn a_read_is_an_access_that_wrote_nothing() {
        let piece = |at, access| Piece { at, size: 8, access };
        let (any, write) = (piece(0x1000, Access::Any), piece(0x1000, Access::Write));
        let kind = |flags, touched: &[Piece]| areas(&[(0x1000, 8, flags)]).hit(touched).map(|h| h.kind);
        assert_eq!(kind(READ | AFTER, &[any]), Some(Kind::Read));
        assert_eq!(kind(READ | AFTER, &[write, any]), None);
        assert_eq!(kind(READ | WRITE | AFTER, &[write, any]), Some(Kind::Write));
        assert_eq!(kind(READ | WRITE | AFTER, &[any]), Some(Kind::Read));
        assert_eq!(kind(WRITE | AFTER, &[write]), Some(Kind::Write));
        assert_eq!(kind(WRITE | AFTER, &[]), None);
    }

    #[test]
    fn the_first_byte_and_the_first_kind_count() {
        let a = areas(&[(0x1000, 12, WRITE | AFTER), (0x2000, 1, EXEC), (0x3000, 1, EXEC | AFTER)]);
        let write = |at, size| Piece { at, size, access: Access::Write };
        let exec = |at| Piece { at, size: 1, access: Access::Exec };
        assert_eq!(
            a.hit(&[write(0x1008, 4), write(0x1000, 8), exec(0x2000)]),
            Some(Hit { addr: 0x1000, kind: Kind::Write, after: true })
        );
        assert_eq!(a.hit(&[write(0x1008, 4)]).map(|h| h.addr), Some(0x1008));
        assert_eq!(a.hit(&[exec(0x2000)]), Some(Hit { addr: 0x2000, kind: Kind::Exec, after: false }));
        assert_eq!(a.hit(&[exec(0x3000)]), Some(Hit { addr: 0x3000, kind: Kind::Exec, after: true }));
        // A register that watches for an area that is gone.
        assert_eq!(a.hit(&[write(0x4000, 8)]), None);
    }
}
