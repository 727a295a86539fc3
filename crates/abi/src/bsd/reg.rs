//! `struct reg`: general registers.

use super::{Machine, Refused};
use crate::record::{record, Uint, Ushort, U64};
use crate::user_regs::linux::{
    CS, DS, EFLAGS, ES, FS, GS, ORIG_RAX, R10, R11, R12, R13, R14, R15, R8, R9, RAX, RBP, RBX, RCX, RDI, RDX, RIP, RSI,
    RSP, SS,
};
use crate::user_regs::{At, LinuxRegisters};
use crate::Model;

record! {
    /// General registers of amd64. The bases of fs and gs have no place in it.
    pub struct Reg = "struct reg" {
        r_r15, r_r14, r_r13, r_r12, r_r11, r_r10, r_r9, r_r8: U64, "By its name.";
        r_rdi, r_rsi, r_rbp, r_rbx, r_rdx, r_rcx: U64, "By its name.";
        r_rax: U64, "In a system call: its number, then its result.";
        r_trapno: Uint, "Number of the last trap: 0.";
        r_fs, r_gs: Ushort, "Selector.";
        r_err: Uint, "Error of the last trap: 0.";
        r_es, r_ds: Ushort, "Selector.";
        r_rip: U64, "Where it goes on.";
        r_cs: U64, "Selector.";
        r_rflags: U64, "Flags.";
        r_rsp: U64, "Stack.";
        r_ss: U64, "Selector.";
    }
}

record! {
    /// General registers of i386, `struct reg32` of amd64.
    pub struct Reg32 = "struct reg32" {
        r_fs, r_es, r_ds: Uint, "Selector.";
        r_edi, r_esi, r_ebp: Uint, "By its name.";
        r_isp: Uint, "The kernel's stack: 0.";
        r_ebx, r_edx, r_ecx: Uint, "By its name.";
        r_eax: Uint, "In a system call: its number, then its result.";
        r_trapno: Uint, "Number of the last trap: 0.";
        r_err: Uint, "Error of the last trap: 0.";
        r_eip: Uint, "Where it goes on.";
        r_cs: Uint, "Selector.";
        r_eflags: Uint, "Flags.";
        r_esp: Uint, "Stack.";
        r_ss: Uint, "Selector.";
        r_gs: Uint, "Selector.";
    }
}

/// Flags that a program may change: carry, parity, half carry, zero, sign, trap, direction, overflow, nested task, resume, alignment
/// check, identification.
pub const PSL_USERCHANGE: u64 = 0x0025_4dd5;
/// Carry.
pub const PSL_C: u64 = 1;

/// What of Linux's registers a BSD would show elsewhere: the number of a system call in rax, and behind it an error as a positive number
/// with the carry flag set.
pub fn shown(linux: &LinuxRegisters, at: At, machine: Machine) -> LinuxRegisters {
    let mut regs = *linux;
    match at {
        At::Outside => {}
        At::Entry => regs[RAX] = regs[ORIG_RAX],
        At::Exit => match error(regs[RAX], machine) {
            Some(errno) => {
                regs[RAX] = errno;
                regs[EFLAGS] |= PSL_C;
            }
            None => regs[EFLAGS] &= !PSL_C,
        },
        At::Exec => regs[RAX] = 0,
    }
    regs
}

/// Linux's registers, of which `shown` is to be shown next; `old` are those that there are.
pub fn meant(shown: &LinuxRegisters, old: &LinuxRegisters, at: At) -> LinuxRegisters {
    let mut regs = *shown;
    match at {
        At::Outside => {}
        At::Entry => (regs[RAX], regs[ORIG_RAX]) = (old[RAX], shown[RAX]),
        At::Exit => {
            if shown[EFLAGS] & PSL_C != 0 {
                regs[RAX] = shown[RAX].wrapping_neg();
            }
            // Linux has no result in it.
            regs[EFLAGS] = shown[EFLAGS] & !PSL_C | old[EFLAGS] & PSL_C;
        }
        At::Exec => regs[RAX] = old[RAX],
    }
    regs
}

/// The error that the result of a call is.
fn error(rax: u64, machine: Machine) -> Option<u64> {
    let result = match machine {
        Machine::Amd64 => rax as i64,
        Machine::I386 => i64::from(rax as i32),
    };
    (-4095..0).contains(&result).then_some(result.unsigned_abs())
}

/// Bytes of the structure.
pub fn size(machine: Machine) -> usize {
    match machine {
        Machine::Amd64 => Reg::size(Model::Lp64),
        Machine::I386 => Reg32::size(Model::Ilp32),
    }
}

/// The structure, from Linux's registers.
pub fn bytes(linux: &LinuxRegisters, machine: Machine) -> Vec<u8> {
    let r = |i: usize| linux[i];
    match machine {
        Machine::Amd64 => Reg {
            r_r15: r(R15),
            r_r14: r(R14),
            r_r13: r(R13),
            r_r12: r(R12),
            r_r11: r(R11),
            r_r10: r(R10),
            r_r9: r(R9),
            r_r8: r(R8),
            r_rdi: r(RDI),
            r_rsi: r(RSI),
            r_rbp: r(RBP),
            r_rbx: r(RBX),
            r_rdx: r(RDX),
            r_rcx: r(RCX),
            r_rax: r(RAX),
            r_trapno: 0,
            r_fs: r(FS) as u16,
            r_gs: r(GS) as u16,
            r_err: 0,
            r_es: r(ES) as u16,
            r_ds: r(DS) as u16,
            r_rip: r(RIP),
            r_cs: r(CS),
            r_rflags: r(EFLAGS),
            r_rsp: r(RSP),
            r_ss: r(SS),
        }
        .bytes(Model::Lp64),
        Machine::I386 => {
            let r = |i: usize| linux[i] as u32;
            Reg32 {
                r_fs: r(FS),
                r_es: r(ES),
                r_ds: r(DS),
                r_edi: r(RDI),
                r_esi: r(RSI),
                r_ebp: r(RBP),
                r_isp: 0,
                r_ebx: r(RBX),
                r_edx: r(RDX),
                r_ecx: r(RCX),
                r_eax: r(RAX),
                r_trapno: 0,
                r_err: 0,
                r_eip: r(RIP),
                r_cs: r(CS),
                r_eflags: r(EFLAGS),
                r_esp: r(RSP),
                r_ss: r(SS),
                r_gs: r(GS),
            }
            .bytes(Model::Ilp32)
        }
    }
}

/// Linux's registers with what the structure says; those that have no place in it, trap and error, and the selectors of data are as in
/// `old`. Refused for flags that a program may not change, and for a code selector of the kernel's.
pub fn of_bytes(bytes: &[u8], machine: Machine, old: &LinuxRegisters) -> Result<LinuxRegisters, Refused> {
    let mut new = *old;
    let mut set = |all: &[(usize, u64)]| all.iter().for_each(|(i, value)| new[*i] = *value);
    let (flags, cs) = match machine {
        Machine::Amd64 => {
            let reg = Reg::take(Model::Lp64, bytes).ok_or(Refused)?;
            set(&[
                (R15, reg.r_r15),
                (R14, reg.r_r14),
                (R13, reg.r_r13),
                (R12, reg.r_r12),
                (R11, reg.r_r11),
                (R10, reg.r_r10),
                (R9, reg.r_r9),
                (R8, reg.r_r8),
                (RDI, reg.r_rdi),
                (RSI, reg.r_rsi),
                (RBP, reg.r_rbp),
                (RBX, reg.r_rbx),
                (RDX, reg.r_rdx),
                (RCX, reg.r_rcx),
                (RAX, reg.r_rax),
                (RIP, reg.r_rip),
                (RSP, reg.r_rsp),
                (SS, reg.r_ss),
            ]);
            (reg.r_rflags & 0xffff_ffff, reg.r_cs)
        }
        Machine::I386 => {
            let reg = Reg32::take(Model::Ilp32, bytes).ok_or(Refused)?;
            let narrow = [
                (RDI, reg.r_edi),
                (RSI, reg.r_esi),
                (RBP, reg.r_ebp),
                (RBX, reg.r_ebx),
                (RDX, reg.r_edx),
                (RCX, reg.r_ecx),
                (RAX, reg.r_eax),
                (RIP, reg.r_eip),
                (RSP, reg.r_esp),
                (SS, reg.r_ss),
            ];
            // What was not written keeps what the kernel has above the 32 bits.
            set(&narrow.map(|(i, value)| (i, if old[i] as u32 == value { old[i] } else { value.into() })));
            (reg.r_eflags.into(), reg.r_cs.into())
        }
    };
    let changed = flags ^ (old[EFLAGS] & 0xffff_ffff);
    if changed & !PSL_USERCHANGE != 0 || cs & 3 != 3 {
        return Err(Refused);
    }
    (new[EFLAGS], new[CS]) = (flags, cs);
    Ok(new)
}
