//! `struct dbreg`: debug registers.

use super::{Machine, Refused};
use crate::record::{record, Array, Uint, U64};
use crate::Model;

record! {
    /// Debug registers of amd64: 0 to 3 addresses, 6 status, 7 control; the others are 0.
    pub struct DbReg = "struct dbreg" {
        dr: Array<U64, 16>, "By number.";
    }
}

record! {
    /// Debug registers of i386, `struct dbreg32` of amd64.
    pub struct DbReg32 = "struct dbreg32" {
        dr: Array<Uint, 8>, "By number.";
    }
}

/// Where the user's part of an address space ends.
const USER_END: [u64; 2] = [0x7fff_ffff_f000, 0xffff_f000];

/// Bytes of the structure.
pub fn size(machine: Machine) -> usize {
    match machine {
        Machine::Amd64 => DbReg::size(Model::Lp64),
        Machine::I386 => DbReg32::size(Model::Ilp32),
    }
}

/// The structure, from the eight registers.
pub fn bytes(regs: &[u64; 8], machine: Machine) -> Vec<u8> {
    match machine {
        Machine::Amd64 => {
            let mut dr = [0; 16];
            dr[..8].copy_from_slice(regs);
            DbReg { dr }.bytes(Model::Lp64)
        }
        Machine::I386 => DbReg32 { dr: regs.map(|r| r as u32) }.bytes(Model::Ilp32),
    }
}

/// The eight registers that the structure says. Refused: the kind of access 2 (which is I/O), eight bytes in a program of 32 bits, an
/// address in use that is not the user's, and upper halves of status or control that are not 0. `narrow`: of a program of 32 bits.
pub fn of_bytes(bytes: &[u8], machine: Machine, narrow: bool) -> Result<[u64; 8], Refused> {
    let mut regs = [0; 8];
    match machine {
        Machine::Amd64 => {
            regs.copy_from_slice(DbReg::take(Model::Lp64, bytes).ok_or(Refused)?.dr.first_chunk::<8>().ok_or(Refused)?)
        }
        Machine::I386 => regs = DbReg32::take(Model::Ilp32, bytes).ok_or(Refused)?.dr.map(u64::from),
    }
    let control = regs[7];
    if control >> 32 != 0 || regs[6] >> 32 != 0 {
        return Err(Refused);
    }
    for (n, address) in regs.iter().take(4).enumerate() {
        let (access, length) = (control >> (16 + 4 * n) & 3, control >> (18 + 4 * n) & 3);
        let enabled = control >> (2 * n) & 3 != 0;
        if access == 2 || (narrow && length == 2) || (enabled && *address >= USER_END[usize::from(narrow)]) {
            return Err(Refused);
        }
    }
    (regs[4], regs[5]) = (0, 0);
    Ok(regs)
}
