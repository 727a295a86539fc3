//! `auxv`: the auxiliary vector that the program was started with (proc(4), an array of `auxv_t`), in the types of Solaris.
//!
//! `AT_PHDR` to `AT_ENTRY` and `AT_RANDOM` are the same in both systems. Users and groups, platform, hardware capabilities and the
//! name of the executable have types of their own there. The bits of the capabilities are Linux's. `AT_SECURE` is the set-id bit
//! of `AT_SUN_AUXFLAGS`. What Solaris has no type for (`AT_CLKTCK`, `AT_SYSINFO_EHDR`, `AT_RSEQ_*` …) is left out.

use super::about::About;
use abi::solaris::records::{auxv, Auxv, AUXV_ENTRIES};
use abi::solaris::Model;
use tree::Result;

/// Types: Linux, Solaris.
const TYPES: &[(u64, i32)] = &[
    (2, 2),     // AT_EXECFD
    (3, 3),     // AT_PHDR
    (4, 4),     // AT_PHENT
    (5, 5),     // AT_PHNUM
    (6, 6),     // AT_PAGESZ
    (7, 7),     // AT_BASE
    (8, 8),     // AT_FLAGS
    (9, 9),     // AT_ENTRY
    (11, 2001), // AT_UID, the real one: AT_SUN_RUID
    (12, 2000), // AT_EUID: AT_SUN_UID
    (13, 2003), // AT_GID, the real one: AT_SUN_RGID
    (14, 2002), // AT_EGID: AT_SUN_GID
    (15, 2008), // AT_PLATFORM: AT_SUN_PLATFORM
    (16, 2009), // AT_HWCAP: AT_SUN_HWCAP
    (23, 2017), // AT_SECURE: AT_SUN_AUXFLAGS, whose lowest bit is AF_SUN_SETUGID
    (25, 25),   // AT_RANDOM
    (26, 2023), // AT_HWCAP2: AT_SUN_HWCAP2
    (31, 2014), // AT_EXECFN: AT_SUN_EXECNAME
];

/// `auxv`.
pub fn content(about: &About) -> Result<Vec<u8>> {
    about.fits()?;
    let own = about.target_model().unwrap_or(Model::Lp64);
    // A system process was started with none.
    let bytes = if about.is_system() { Vec::new() } else { about.read(b"auxv")? };
    let entries: Vec<Auxv> = translate(own, &bytes).collect();
    Ok(auxv(about.model(), &entries))
}

/// The value of one type of Solaris'.
pub fn value(about: &About, kind: i32) -> Option<u64> {
    let own = about.target_model()?;
    let bytes = about.read(b"auxv").ok()?;
    let found = translate(own, &bytes).find(|a| a.a_type == kind);
    found.map(|a| a.a_un)
}

fn translate(own: Model, bytes: &[u8]) -> impl Iterator<Item = Auxv> + '_ {
    let word = |b: &[u8]| b.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
    let pairs = bytes.chunks_exact(2 * own.long()).map(move |pair| {
        let (kind, value) = pair.split_at(own.long());
        (word(kind), word(value))
    });
    pairs.take_while(|(kind, _)| *kind != 0).filter_map(|(kind, value)| {
        let (_, a_type) = TYPES.iter().find(|(linux, _)| *linux == kind)?;
        Some(Auxv { a_type: *a_type, a_un: value })
    })
}

/// Bytes of `auxv`.
pub fn size(about: &About) -> Result<u64> {
    Ok((AUXV_ENTRIES * Auxv::size(about.model())) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_translated_in_both_widths() {
        let narrow: Vec<u8> =
            [33u32, 9, 6, 4096, 31, 0xffff_f000, 0, 0, 6, 1].iter().flat_map(|n| n.to_le_bytes()).collect();
        let found: Vec<(i32, u64)> = translate(Model::Ilp32, &narrow).map(|a| (a.a_type, a.a_un)).collect();
        assert_eq!(found, [(6, 4096), (2014, 0xffff_f000)]);
        let wide: Vec<u8> = [11u64, 7, 12, 8].iter().flat_map(|n| n.to_le_bytes()).collect();
        let found: Vec<(i32, u64)> = translate(Model::Lp64, &wide[..31]).map(|a| (a.a_type, a.a_un)).collect();
        assert_eq!(found, [(2001, 7)]);
    }
}
