//! Typed wrappers over what Linux offers. Nearly all `unsafe` of the project is here.

pub mod creds;
pub mod procfs;
