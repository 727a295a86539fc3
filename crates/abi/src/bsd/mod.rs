//! What the process file systems of the BSDs have in binary form: registers as `<machine/reg.h>` of FreeBSD has them, on amd64 and on
//! i386, and the ioctls of `<sys/pioctl.h>`. Values in, bytes out, and back.

pub mod dbreg;
pub mod fpreg;
pub mod pioctl;
pub mod reg;

#[cfg(test)]
mod tests;

/// Machine in whose form registers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// With registers of 64 bits.
    Amd64,
    /// With registers of 32 bits.
    I386,
}

/// What is refused to be put into registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;
