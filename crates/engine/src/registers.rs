//! Registers of stopped threads.

use crate::error::Refusal;
pub use abi::user_regs::At;
use abi::user_regs::LinuxRegisters;
use kernel::ptrace::{self, RegSet, Tid};
use std::io;

/// A register file of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// One of the kernel's register sets, in its bytes.
    Set(RegSet),
    /// The eight debug registers, 8 bytes each (4 and 5 read as 0).
    Debug,
}

/// General registers in the kernel's order.
pub fn array_of(r: &libc::user_regs_struct) -> LinuxRegisters {
    [
        r.r15, r.r14, r.r13, r.r12, r.rbp, r.rbx, r.r11, r.r10, r.r9, r.r8, r.rax, r.rcx, r.rdx, r.rsi, r.rdi,
        r.orig_rax, r.rip, r.cs, r.eflags, r.rsp, r.ss, r.fs_base, r.gs_base, r.ds, r.es, r.fs, r.gs,
    ]
}

/// The other way round.
pub fn set_from(r: &mut libc::user_regs_struct, a: &LinuxRegisters) {
    [
        r.r15, r.r14, r.r13, r.r12, r.rbp, r.rbx, r.r11, r.r10, r.r9, r.r8, r.rax, r.rcx, r.rdx, r.rsi, r.rdi,
        r.orig_rax, r.rip, r.cs, r.eflags, r.rsp, r.ss, r.fs_base, r.gs_base, r.ds, r.es, r.fs, r.gs,
    ] = *a;
}

/// General registers of a thread in a ptrace stop.
pub fn general(tid: Tid) -> io::Result<LinuxRegisters> {
    ptrace::user_regs(tid).map(|regs| array_of(&regs))
}

/// Writes them. The kernel drops flags without a word that a program may not have.
pub fn set_general(tid: Tid, new: &LinuxRegisters) -> io::Result<()> {
    let old = ptrace::user_regs(tid)?;
    let mut regs = old;
    set_from(&mut regs, new);
    if regs.rip != old.rip && regs.orig_rax == old.orig_rax {
        // Or the kernel's restart of a call would move it back.
        regs.orig_rax = u64::MAX;
    }
    ptrace::change_user_regs(tid, &old, &regs)
}

/// The FXSAVE image of a thread in a ptrace stop, whatever its data model.
pub fn fxsave(tid: Tid) -> io::Result<Vec<u8>> {
    ptrace::regs(tid, fxsave_of(&ptrace::user_regs(tid)?))
}

/// Writes it.
pub fn set_fxsave(tid: Tid, image: &[u8]) -> io::Result<()> {
    ptrace::set_regs(tid, fxsave_of(&ptrace::user_regs(tid)?), image)
}

/// The set that holds the FXSAVE image of a thread with these registers.
pub(crate) fn fxsave_of(regs: &libc::user_regs_struct) -> RegSet {
    if ptrace::is_narrow(regs) {
        RegSet::Fxsave
    } else {
        RegSet::Float
    }
}

/// The eight debug registers of a thread in a ptrace stop (4 and 5 are 0).
pub fn debug(tid: Tid) -> io::Result<[u64; 8]> {
    let mut regs = [0; 8];
    for n in [0, 1, 2, 3, 6, 7] {
        regs[n] = ptrace::debug_reg(tid, n)?;
    }
    Ok(regs)
}

/// Writes them. Nothing is watched while they change: the kernel checks the control register against the addresses.
pub fn set_debug(tid: Tid, regs: &[u64; 8]) -> io::Result<()> {
    ptrace::set_debug_reg(tid, 7, 0)?;
    for n in [0, 1, 2, 3, 6, 7] {
        ptrace::set_debug_reg(tid, n, regs[n])?;
    }
    Ok(())
}

/// Reads a whole register file of a thread in a ptrace stop.
pub fn read(tid: Tid, which: Which) -> io::Result<Vec<u8>> {
    match which {
        Which::Set(set) => ptrace::regs(tid, set),
        Which::Debug => Ok(debug(tid)?.iter().flat_map(|value| value.to_ne_bytes()).collect()),
    }
}

/// Offset and size of rip (64-bit) or eip (32-bit), and of orig_rax or orig_eax, in the general set.
fn layout(len: usize) -> Option<(usize, usize, usize)> {
    match len {
        216 => Some((128, 120, 8)),
        68 => Some((48, 44, 4)),
        _ => None,
    }
}

/// Writes `data` at `offset` of a register file; the rest keeps its value, and all does if the kernel refuses one. EINVAL beyond
/// the end.
pub fn write(tid: Tid, which: Which, offset: usize, data: &[u8]) -> Result<(), Refusal> {
    let os = |e: io::Error| Refusal::os("write registers of", tid, &e);
    let mut image = read(tid, which).map_err(os)?;
    let end = offset.checked_add(data.len()).filter(|end| *end <= image.len());
    let Some(end) = end else {
        return Err(Refusal::new(libc::EINVAL, format!("{tid}: a register file has {} bytes", image.len())));
    };
    let before = image.clone();
    image[offset..end].copy_from_slice(data);
    match which {
        Which::Set(set) => {
            if set == RegSet::General {
                keep_pc(&before, &mut image);
            }
            let undo = |_: &io::Error| drop(ptrace::set_regs(tid, set, &before));
            ptrace::set_regs(tid, set, &image).inspect_err(undo).map_err(os)
        }
        Which::Debug => {
            // The control register last: the kernel checks it against the addresses.
            for n in [0, 1, 2, 3, 6, 7] {
                let at = n * 8..n * 8 + 8;
                if before[at.clone()] != image[at.clone()] {
                    let mut word = [0; 8];
                    word.copy_from_slice(&image[at]);
                    ptrace::set_debug_reg(tid, n, u64::from_ne_bytes(word)).map_err(os)?;
                }
            }
            Ok(())
        }
    }
}

/// A new program counter at a stop inside a system call would be moved back by the kernel's restart; saying that there is no
/// call (orig_rax = -1) prevents it. A client that writes orig_rax itself knows what it does.
fn keep_pc(before: &[u8], image: &mut [u8]) {
    if let Some((pc, orig, size)) = layout(image.len()) {
        if before[pc..pc + size] != image[pc..pc + size] && before[orig..orig + size] == image[orig..orig + size] {
            image[orig..orig + size].fill(0xff);
        }
    }
}

/// Names of `user_regs_struct`'s 27 members, in order.
pub const NAMES64: [&str; 27] = [
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax",
    "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
];

/// Names of the 32-bit set's 17 members, in order.
pub const NAMES32: [&str; 17] = [
    "ebx", "ecx", "edx", "esi", "edi", "ebp", "eax", "ds", "es", "fs", "gs", "orig_eax", "eip", "cs", "eflags", "esp",
    "ss",
];

/// Names and values of a general set in either data model.
pub fn named(image: &[u8]) -> Vec<(&'static str, u64)> {
    let word = |chunk: &[u8]| {
        let mut w = [0; 8];
        w[..chunk.len()].copy_from_slice(chunk);
        u64::from_ne_bytes(w)
    };
    match image.len() {
        216 => NAMES64.into_iter().zip(image.chunks(8).map(word)).collect(),
        68 => NAMES32.into_iter().zip(image.chunks(4).map(word)).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_pc_ends_the_call() {
        let before = vec![0u8; 216];
        let mut image = before.clone();
        image[128] = 1;
        keep_pc(&before, &mut image);
        assert_eq!(image[120..128], [0xff; 8]);
        let mut untouched = before.clone();
        untouched[0] = 1;
        keep_pc(&before, &mut untouched);
        assert_eq!(untouched[120..128], [0; 8]);
    }

    #[test]
    fn names_fit_the_layouts() {
        assert_eq!(named(&[0; 216]).len(), 27);
        assert_eq!(named(&[0; 216])[16].0, "rip");
        assert_eq!(named(&[0; 68])[12].0, "eip");
        assert_eq!(std::mem::offset_of!(libc::user_regs_struct, rip), 128);
        assert_eq!(std::mem::offset_of!(libc::user_regs_struct, orig_rax), 120);
        assert!(named(&[0; 3]).is_empty());
    }
}
