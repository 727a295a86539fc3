//! The language of `ctl`: what anybody writes.

#![no_main]

use flavours::linux::words::{parse, MESSAGE_MAX};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: &[u8]| {
    let tid = message.first().filter(|b| *b & 1 == 1).map(|b| i32::from(*b));
    match parse(message, tid) {
        Ok(words) => {
            assert!(message.len() <= MESSAGE_MAX);
            // One command a line, numbered as they come.
            let text = std::str::from_utf8(message).expect("only text is understood");
            let lines = text.trim_end_matches(['\n', '\0']).split('\n').count();
            assert!(words.map(|(line, _)| line).eq(1..=lines));
        }
        // A sentence of one line that can be shown, whatever was written.
        Err(why) => assert!(!why.is_empty() && !why.contains('\n'), "{why:?}"),
    }
});
