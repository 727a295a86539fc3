//! `stat` and `status`: a process chooses its name, and so a part of both.

#![no_main]

use kernel::procfs::{field, numbers, Stat};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for name in ["Uid", "Groups", "CapEff", "State", ""] {
        if let Some(value) = field(bytes, name) {
            assert!(!value.contains(&b'\n'));
            assert!(numbers(value).len() <= value.len().div_ceil(2));
        }
    }
    let Some(stat) = Stat::parse(bytes) else { return };
    assert!(stat.comm.len() + 2 < bytes.len());
    assert_eq!(stat.field(3).and_then(|f| f.first()), Some(&stat.state));
    for n in [0, 2, 4, 5, 22, 39, 52, 53, usize::MAX] {
        if let (Some(number), Some(text)) = (stat.number(n), stat.field(n)) {
            assert!(number == 0 || !text.is_empty());
        }
    }
    assert_eq!(stat.start(), stat.number(22));
    let _ = stat.ppid();
    // The same with a name that has every character a name may be chosen from.
    let mut chosen = b"1 (".to_vec();
    chosen.extend(&bytes[..bytes.len().min(15)]);
    chosen.extend(b") S 7 ");
    let stat = Stat::parse(&chosen).expect("no name makes a stat unreadable");
    assert_eq!((stat.pid, stat.state, stat.ppid()), (1, b'S', Some(7)));
    assert_eq!(stat.comm, &bytes[..bytes.len().min(15)]);
});
