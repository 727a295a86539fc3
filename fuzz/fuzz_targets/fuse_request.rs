//! Requests of the FUSE device.

#![no_main]

use fuse::decode::{decode, Bad, Op};
use libfuzzer_sys::fuzz_target;

const HEADER: usize = std::mem::size_of::<fuse::abi::InHeader>();

fuzz_target!(|bytes: &[u8]| {
    // The length is in the header: without it being right nothing behind it would ever be reached.
    let mut bytes = bytes.to_vec();
    if bytes.len() >= HEADER && bytes[HEADER - 1] & 1 == 0 {
        let length = bytes.len() as u32;
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
    }
    match decode(&bytes) {
        Ok(request) => {
            assert_eq!(request.header.len as usize, bytes.len());
            match request.op {
                Op::Write(arg, data) => assert_eq!(arg.size as usize, data.len()),
                Op::BatchForget(all) => {
                    let most = (bytes.len() - HEADER) / std::mem::size_of::<fuse::abi::ForgetOne>();
                    assert!(all.count() <= most);
                }
                Op::Lookup { name } | Op::Make { name } | Op::Remove { name } => assert!(name.len() < bytes.len()),
                Op::Ioctl(_, data) => assert!(data.len() < bytes.len()),
                _ => {}
            }
        }
        // Nobody to be answered.
        Err(Bad::Header) => {
            assert!(bytes.len() < HEADER || u32::from_ne_bytes(bytes[..4].try_into().unwrap()) as usize != bytes.len())
        }
        Err(Bad::Body { .. }) => assert!(bytes.len() >= HEADER),
    }
});
