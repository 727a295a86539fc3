//! The pfs command.
fn main() {}
