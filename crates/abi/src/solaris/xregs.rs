//! `prxregset_t`: extended registers, as XSAVE keeps them.

use super::numbers::*;
use super::record::{record, Filler, Uint};
use super::Model;

record! {
    /// Start of `xregs`; operand of PCSXREG.
    pub struct PrXRegHeader = "prxregset_hdr_t" {
        pr_type: Uint, "[`PR_TYPE_XSAVE`].";
        pr_size: Uint, "Bytes in all.";
        pr_flags: Uint, "Zero.";
        pr_pad: Filler<Uint, 4, 4>, "Zero.";
        pr_ninfo: Uint, "Records that follow.";
    }
}

record! {
    /// Place of a block.
    pub struct PrXRegInfo = "prxregset_info_t" {
        pri_type: Uint, "What it is: [`XREG_BLOCKS`].";
        pri_flags: Uint, "Zero.";
        pri_size: Uint, "Bytes.";
        pri_offset: Uint, "Bytes from the start of the header.";
    }
}

/// Where this processor keeps a component in the standard format of XSAVE (CPUID leaf 13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its bit in xcr0.
    pub number: u32,
    /// Bytes from the start of the area.
    pub offset: usize,
    /// Bytes.
    pub size: usize,
}

/// A kind of block.
struct Block {
    kind: u32,
    /// Bytes, always.
    size: usize,
    /// What its offset is a multiple of.
    align: usize,
    /// The component it is, if it is one.
    component: Option<u32>,
}

/// All kinds, in the order in which they are laid out.
const BLOCKS: [Block; 6] = [
    Block { kind: PRX_INFO_XCR, size: 32, align: 8, component: None },
    Block { kind: PRX_INFO_XSAVE, size: XSAVE, align: 16, component: None },
    Block { kind: PRX_INFO_YMM, size: 256, align: 16, component: Some(2) },
    Block { kind: PRX_INFO_OPMASK, size: 64, align: 8, component: Some(5) },
    Block { kind: PRX_INFO_ZMM, size: 512, align: 16, component: Some(6) },
    Block { kind: PRX_INFO_HI_ZMM, size: 1024, align: 16, component: Some(7) },
];

/// Legacy area and header of XSAVE.
const XSAVE: usize = 512 + 64;
/// XSTATE_BV in it: the components that are not as after a reset.
const XSTATE_BV: usize = 512;
const HEADER: usize = 32;
const INFO: usize = 16;

/// A `prxregset_t`: blocks by their kinds, each of the size of its kind and there once at most. The same in both models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XRegisters {
    blocks: Vec<(u32, Vec<u8>)>,
}

/// The block of `size` bytes at `at`.
fn part(bytes: &[u8], at: usize, size: usize) -> Option<&[u8]> {
    bytes.get(at..)?.get(..size)
}

/// The number of 64 bits at `at`.
fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(super::record::head(bytes.get(at..)?)?))
}

impl XRegisters {
    /// From an XSAVE area in the standard format (PTRACE_GETREGSET of NT_X86_XSTATE) and xcr0, which Linux has in it at byte
    /// 464. Components of xcr0 that Solaris does not know, or that `components` does not place in the area, are left out.
    /// `None` if the area is shorter than its fixed part.
    pub fn of_xsave(area: &[u8], xcr0: u64, components: &[Component]) -> Option<XRegisters> {
        let mut fixed = area.get(..XSAVE)?.to_vec();
        // What processor and kernel keep for themselves.
        fixed.iter_mut().take(512).skip(416).for_each(|b| *b = 0);
        fixed.iter_mut().skip(XSTATE_BV + 8).for_each(|b| *b = 0);
        let state = long(area, XSTATE_BV)?;
        let mut blocks = Vec::new();
        let mut known = 3;
        for block in &BLOCKS {
            let Some(number) = block.component else { continue };
            let place = components.iter().find(|c| c.number == number && c.size == block.size);
            let found = place.and_then(|c| part(area, c.offset, block.size)).filter(|_| xcr0 >> number & 1 == 1);
            if let Some(bytes) = found {
                known |= 1 << number;
                // What is as after a reset need not have been written to the area.
                let bytes = if state >> number & 1 == 1 { bytes.to_vec() } else { vec![0; block.size] };
                blocks.push((block.kind, bytes));
            }
        }
        let state = (state & known).to_le_bytes();
        fixed.iter_mut().skip(XSTATE_BV).zip(state).for_each(|(to, from)| *to = from);
        let mut xcr = xcr0.to_le_bytes().to_vec();
        xcr.resize(32, 0);
        blocks.splice(0..0, [(PRX_INFO_XCR, xcr), (PRX_INFO_XSAVE, fixed)]);
        Some(XRegisters { blocks })
    }

    /// The block of a kind.
    pub fn block(&self, kind: u32) -> Option<&[u8]> {
        self.blocks.iter().find(|(k, _)| *k == kind).map(|(_, bytes)| bytes.as_slice())
    }

    /// xcr0, if it is given.
    pub fn xcr0(&self) -> Option<u64> {
        long(self.block(PRX_INFO_XCR)?, 0)
    }

    /// Bytes of [`XRegisters::bytes`].
    pub fn size(&self) -> usize {
        HEADER + self.blocks.iter().map(|(_, bytes)| INFO + bytes.len()).sum::<usize>()
    }

    /// In memory: header, records, blocks. All sizes are multiples of 16, so that each block is aligned.
    pub fn bytes(&self) -> Vec<u8> {
        let model = Model::Lp64;
        let (size, ninfo) = (self.size(), self.blocks.len());
        let mut out = Vec::with_capacity(size);
        let (pr_type, pr_size, pr_ninfo) = (PR_TYPE_XSAVE, size as u32, ninfo as u32);
        PrXRegHeader { pr_type, pr_size, pr_ninfo, ..PrXRegHeader::default() }.put(model, &mut out);
        let mut offset = HEADER + INFO * ninfo;
        for (kind, bytes) in &self.blocks {
            let (pri_size, pri_offset) = (bytes.len() as u32, offset as u32);
            PrXRegInfo { pri_type: *kind, pri_flags: 0, pri_size, pri_offset }.put(model, &mut out);
            offset += bytes.len();
        }
        self.blocks.iter().for_each(|(_, bytes)| out.extend(bytes));
        out
    }

    /// Bytes that an operand of PCSXREG says it has, from its header; `None` if there is no whole header. It may be less
    /// than the header.
    pub fn size_of(bytes: &[u8]) -> Option<usize> {
        usize::try_from(PrXRegHeader::take(Model::Lp64, bytes)?.pr_size).ok()
    }

    /// Reads an operand of PCSXREG, which is all of `bytes`; `None` for whatever the format does not allow. Blocks may come in
    /// any order and overlap; of two of a kind the last holds. Whether the processor can have the content is not judged.
    pub fn parse(bytes: &[u8]) -> Option<XRegisters> {
        let model = Model::Lp64;
        let header = PrXRegHeader::take(model, bytes)?;
        let pad = bytes.get(12..28)?;
        let plain = header.pr_type == PR_TYPE_XSAVE && header.pr_flags == 0 && pad.iter().all(|b| *b == 0);
        if !plain || header.pr_size as usize != bytes.len() || header.pr_ninfo == 0 {
            return None;
        }
        let end = usize::try_from(u64::from(header.pr_ninfo) * INFO as u64).ok()?.checked_add(HEADER)?;
        let mut regs = XRegisters::default();
        for record in bytes.get(HEADER..end)?.chunks_exact(INFO) {
            let info = PrXRegInfo::take(model, record)?;
            let block = BLOCKS.iter().find(|b| b.kind == info.pri_type)?;
            let (size, offset) = (info.pri_size as usize, info.pri_offset as usize);
            if info.pri_flags != 0 || size != block.size || offset % block.align != 0 || offset < end {
                return None;
            }
            let content = part(bytes, offset, size)?.to_vec();
            regs.blocks.retain(|(kind, _)| *kind != block.kind);
            regs.blocks.push((block.kind, content));
        }
        let order = |kind: u32| BLOCKS.iter().position(|b| b.kind == kind);
        regs.blocks.sort_by_key(|(kind, _)| order(*kind));
        Some(regs)
    }

    /// Puts the blocks into the XSAVE area of the target, which it has at present. False, and the area may be changed in
    /// part, for what this processor does not have: another xcr0, a component that is not placed in the area, a header with a
    /// component that is not in xcr0 or with more than XSTATE_BV in it. Components that are given are in force afterwards
    /// unless the header is given, too, and says no.
    pub fn apply(&self, area: &mut [u8], xcr0: u64, components: &[Component]) -> bool {
        self.try_apply(area, xcr0, components).is_some()
    }

    fn try_apply(&self, area: &mut [u8], xcr0: u64, components: &[Component]) -> Option<()> {
        if self.xcr0().is_some_and(|x| x != xcr0) {
            return None;
        }
        let mut state = long(area, XSTATE_BV)?;
        let given = self.block(PRX_INFO_XSAVE);
        if let Some(fixed) = given {
            let said = long(fixed, XSTATE_BV)?;
            if said & !xcr0 != 0 || fixed.iter().skip(XSTATE_BV + 8).any(|b| *b != 0) {
                return None;
            }
            let known = BLOCKS.iter().filter_map(|b| b.component).fold(3, |known, number| known | 1u64 << number);
            state = state & !known | said;
            // Up to what is the kernel's own; mxcsr_mask is the processor's.
            for (at, (to, from)) in area.iter_mut().zip(fixed).take(416).enumerate() {
                if !(28..32).contains(&at) {
                    *to = *from;
                }
            }
        }
        for block in &BLOCKS {
            let (Some(number), Some(bytes)) = (block.component, self.block(block.kind)) else { continue };
            let place = components.iter().find(|c| c.number == number && c.size == block.size)?;
            if xcr0 >> number & 1 == 0 {
                return None;
            }
            area.get_mut(place.offset..)?.get_mut(..block.size)?.copy_from_slice(bytes);
            if given.is_none() {
                state |= 1 << number;
            }
        }
        area.get_mut(XSTATE_BV..)?.get_mut(..8)?.copy_from_slice(&state.to_le_bytes());
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: [Component; 4] = [
        Component { number: 2, offset: 576, size: 256 },
        Component { number: 5, offset: 1088, size: 64 },
        Component { number: 6, offset: 1152, size: 512 },
        Component { number: 7, offset: 1664, size: 1024 },
    ];

    fn area() -> Vec<u8> {
        let mut area: Vec<u8> = (0..2688u32).map(|i| (i / 64) as u8 + 1).collect();
        area[512..520].copy_from_slice(&0x2e7u64.to_le_bytes());
        area[520..576].fill(0);
        area
    }

    #[test]
    fn every_block_has_its_place() {
        let regs = XRegisters::of_xsave(&area(), 0x2e7, &PLACES).unwrap();
        let bytes = regs.bytes();
        assert_eq!(bytes.len(), 32 + 6 * 16 + 32 + 576 + 256 + 64 + 512 + 1024);
        let infos: Vec<_> = bytes[32..128].chunks(16).map(|i| PrXRegInfo::take(Model::Lp64, i).unwrap()).collect();
        let list: Vec<_> = infos.iter().map(|i| (i.pri_type, i.pri_size, i.pri_offset)).collect();
        assert_eq!(list, [(1, 32, 128), (2, 576, 160), (3, 256, 736), (4, 64, 992), (5, 512, 1056), (6, 1024, 1568)]);
        assert_eq!(bytes[736..992], area()[576..832]);
        // Component 9 has no block, so the header does not tell of it either.
        assert_eq!(bytes[160 + 512..160 + 520], 0xe7u64.to_le_bytes());
        assert_eq!(XRegisters::size_of(&bytes), Some(bytes.len()));
        assert_eq!(XRegisters::parse(&bytes), Some(regs.clone()));

        let mut old = area();
        old[..416].fill(9);
        old[576..2688].fill(9);
        assert!(regs.apply(&mut old, 0x2e7, &PLACES));
        assert_eq!(old[832..1088], [9; 256]);
        assert_eq!((&old[..28], &old[576..832], &old[1088..]), (&area()[..28], &area()[576..832], &area()[1088..]));
        assert_eq!((&old[28..32], long(&old, 512)), (&[9; 4][..], Some(0x2e7)));
    }

    #[test]
    fn a_processor_with_less() {
        let regs = XRegisters::of_xsave(&area()[..832], 7, &PLACES).unwrap();
        assert_eq!(regs.size(), 32 + 3 * 16 + 32 + 576 + 256);
        assert_eq!(regs.block(PRX_INFO_ZMM), None);
        let mut small = area()[..832].to_vec();
        assert!(regs.apply(&mut small, 7, &PLACES));
        assert!(!XRegisters::of_xsave(&area(), 0x2e7, &PLACES).unwrap().apply(&mut small, 7, &PLACES));
        assert_eq!(XRegisters::of_xsave(&area()[..575], 7, &PLACES), None);
        // Not written by the processor: as after a reset.
        let mut unused = area();
        unused[512] = 3;
        let regs = XRegisters::of_xsave(&unused, 7, &PLACES).unwrap();
        assert_eq!(regs.block(PRX_INFO_YMM), Some(&[0; 256][..]));
    }

    #[test]
    fn what_the_format_does_not_allow() {
        let good = XRegisters::of_xsave(&area(), 7, &PLACES).unwrap().bytes();
        for (at, value) in [
            (0, 2u32),
            (4, good.len() as u32 - 1),
            (8, 1),
            (12, 1),
            (24, 1),
            (28, 0),
            (28, u32::MAX),
            (32, 9),
            (36, 1),
            (40, 31),
            (44, 16),
            (44, 84),
            (44, !7),
        ] {
            let mut bad = good.clone();
            bad[at..at + 4].copy_from_slice(&value.to_le_bytes());
            assert_eq!(XRegisters::parse(&bad), None, "{value} at {at}");
        }
        assert_eq!(XRegisters::parse(&good[..31]), None);
        assert!(XRegisters::parse(&good).is_some());
    }
}
