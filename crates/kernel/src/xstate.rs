//! Which extended registers this processor has and the kernel uses, and where XSAVE keeps them.

use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
use std::sync::OnceLock;

/// A component of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its bit in xcr0.
    pub number: u32,
    /// Bytes from the start of the area, in the standard format.
    pub offset: usize,
    /// Bytes.
    pub size: usize,
}

/// The extended state.
#[derive(Clone, Debug)]
pub struct Xstate {
    /// Components in use.
    pub xcr0: u64,
    /// Places of those that are not in the first 576 bytes.
    pub places: Vec<Place>,
}

/// The extended state of this processor; None if it has no XSAVE, or the kernel does not use it.
pub fn xstate() -> Option<&'static Xstate> {
    static XSTATE: OnceLock<Option<Xstate>> = OnceLock::new();
    XSTATE.get_or_init(read).as_ref()
}

#[allow(unused_unsafe)] // Newer compilers know that every x86-64 has this instruction.
fn read() -> Option<Xstate> {
    const OSXSAVE: u32 = 1 << 27;
    const LEAF: u32 = 13;
    // SAFETY: every x86-64 has cpuid.
    let (basic, most) = unsafe { (__cpuid(1), __cpuid(0).eax) };
    if basic.ecx & OSXSAVE == 0 || most < LEAF {
        return None;
    }
    // SAFETY: OSXSAVE says that the instruction is there and may be used.
    let xcr0 = unsafe { xcr0() };
    let place = |number: u32| {
        // SAFETY: the leaf is there.
        let leaf = unsafe { __cpuid_count(LEAF, number) };
        Place { number, offset: leaf.ebx as usize, size: leaf.eax as usize }
    };
    let places = (2..63).filter(|n| xcr0 >> n & 1 == 1).map(place).filter(|p| p.size > 0).collect();
    Some(Xstate { xcr0, places })
}

#[target_feature(enable = "xsave")]
unsafe fn xcr0() -> u64 {
    // SAFETY: register 0 is there where the instruction is.
    unsafe { _xgetbv(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_do_not_overlap() {
        let Some(state) = xstate() else { return };
        assert_eq!(state.xcr0 & 3, 3);
        let mut places = state.places.clone();
        places.sort_by_key(|p| p.offset);
        let mut end = 576;
        for place in places {
            assert!(place.offset >= end, "{place:?} begins before {end}");
            end = place.offset + place.size;
        }
    }
}
