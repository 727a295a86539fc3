//! Lines of the control socket, in both directions.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pfs::control::{decode, encode, Answer, Request};

/// What is understood can be said again, and means the same.
macro_rules! again {
    ($kind:ty, $line:expr) => {
        if let Ok(understood) = decode::<$kind>($line) {
            // It may have become longer than a line may be: texts grow when they are escaped.
            if let Ok(said) = encode(&understood) {
                let (end, text) = said.split_last().expect("a line has an end");
                assert_eq!(*end, b'\n');
                assert!(!text.contains(end));
                assert_eq!(decode::<$kind>(text).as_ref(), Ok(&understood));
            }
        }
    };
}

fuzz_target!(|line: &[u8]| {
    again!(Request, line);
    again!(Answer, line);
});
