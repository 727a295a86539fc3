//! `struct fpreg`: floating-point registers. On amd64 an FXSAVE image; on i386 an FNSAVE image with the status word of the last
//! exception.

use super::{Machine, Refused};
use crate::record::Kind;
use crate::solaris::regs::{FpRegisters, FXSAVE};
use crate::Model;

/// Bytes of an FNSAVE image.
const FNSAVE: usize = 108;
/// Bytes of the structure of i386: the image, the status word, and 64 of padding.
const NARROW: usize = 176;

/// Bytes of the structure.
pub fn size(machine: Machine) -> usize {
    match machine {
        Machine::Amd64 => FXSAVE,
        Machine::I386 => NARROW,
    }
}

/// The image of another model, which has FNSAVE at its start too.
fn narrow(regs: &FpRegisters) -> Vec<u8> {
    let mut out = Vec::new();
    FpRegisters::put(regs, Model::Ilp32, &mut out);
    out
}

/// The structure, from the FXSAVE image of a thread; what processor and kernel keep for themselves behind the registers is 0.
pub fn bytes(fxsave: &[u8], machine: Machine) -> Result<Vec<u8>, Refused> {
    let regs = FpRegisters::of_fxsave(fxsave).ok_or(Refused)?;
    Ok(match machine {
        Machine::Amd64 => regs.image.to_vec(),
        Machine::I386 => {
            let mut out = narrow(&regs);
            out.truncate(FNSAVE);
            out.extend(regs.status.to_le_bytes());
            out.resize(NARROW, 0);
            out
        }
    })
}

/// The FXSAVE image with what the structure says; `old` is the present one. The mask of mxcsr is the processor's.
pub fn of_bytes(bytes: &[u8], machine: Machine, old: &[u8]) -> Result<Vec<u8>, Refused> {
    let old: &[u8; FXSAVE] = old.first_chunk().ok_or(Refused)?;
    let new = match machine {
        Machine::Amd64 => {
            let mut regs = FpRegisters::of_fxsave(bytes).ok_or(Refused)?;
            // A bit of mxcsr that the processor does not have would be refused by the kernel.
            let word =
                |image: &[u8], at: usize| image.get(at..).and_then(|b| b.first_chunk()).map(|b| u32::from_le_bytes(*b));
            let (mxcsr, mask) = (word(bytes, 24).ok_or(Refused)?, word(old, 28).ok_or(Refused)?);
            // 0 stands for the mask of the first processors that had one.
            let mask = if mask == 0 { 0xffbf } else { mask };
            regs.image[24..28].copy_from_slice(&(mxcsr & mask).to_le_bytes());
            regs.to_fxsave(Model::Lp64, old)
        }
        Machine::I386 => {
            let mut image = narrow(&FpRegisters::of_fxsave(old).ok_or(Refused)?);
            let (to, from) = (image.get_mut(..FNSAVE).ok_or(Refused)?, bytes.get(..FNSAVE).ok_or(Refused)?);
            to.copy_from_slice(from);
            FpRegisters::take(Model::Ilp32, &image).ok_or(Refused)?.to_fxsave(Model::Ilp32, old)
        }
    };
    Ok(new.to_vec())
}
