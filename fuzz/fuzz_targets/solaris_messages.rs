//! Writes to `ctl` and `lwpctl` of the `solaris` flavour. The first byte chooses the data model of the writer.

#![no_main]

use abi::solaris::message::{Message, Messages};
use abi::solaris::Model;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((wide, bytes)) = data.split_first() else { return };
    let model = if wide & 1 == 1 { Model::Lp64 } else { Model::Ilp32 };
    let read: Vec<_> = Messages::new(model, bytes).collect();
    assert_eq!(read.is_empty(), bytes.is_empty());
    // Each message has a code, and a mistake is the last there is.
    assert!(read.len() <= bytes.len().div_ceil(model.long()));
    assert!(read.iter().rev().skip(1).all(Result::is_ok));

    // What is understood can be said again, and means the same.
    let messages: Vec<Message> = read.into_iter().flatten().collect();
    let said = Message::write(model, &messages);
    assert_eq!(said.len() % model.long(), 0);
    let again: Result<Vec<_>, _> = Messages::new(model, &said).collect();
    assert_eq!(again, Ok(messages));
});
