//! Directory entries as getdents64(2) gives them.

#![no_main]

use kernel::procfs::parse_dirents;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut all = Vec::new();
    parse_dirents(bytes, &mut all);
    // An entry has a head of 19 bytes and at least a name of one.
    assert!(all.len() <= bytes.len() / 20);
    for entry in all {
        assert!(!entry.name.is_empty() && !entry.name.contains(&0));
        assert!(entry.name != b"." && entry.name != b"..");
        assert_eq!(entry.kind & !0xff000, 0);
    }
});
