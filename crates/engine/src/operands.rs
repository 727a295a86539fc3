//! Which bytes an instruction touches.

use abi::watch::Kind;
use iced_x86::{Decoder, DecoderOptions, Instruction, InstructionInfoFactory, OpAccess, Register, UsedMemory};
use kernel::ledger::Regs;
use kernel::ptrace::is_narrow;
use std::ops::Range;

/// The longest instruction.
pub const LONGEST: usize = 15;

/// Bytes that an instruction is taken to touch that does not say how many.
const UNKNOWN: u64 = 64;

fn decode(text: &[u8], regs: &Regs) -> Instruction {
    let bits = if is_narrow(regs) { 32 } else { 64 };
    Decoder::with_ip(bits, text, regs.rip, DecoderOptions::NONE).decode()
}

/// The bytes of an operand. Of a string instruction that repeats itself it is known only what it does at a time.
fn range(instruction: &Instruction, memory: &UsedMemory, regs: &Regs) -> Option<Range<u64>> {
    let start = memory.virtual_address(0, |register, _, _| value(regs, register))?;
    Some(start..start.saturating_add(size(instruction, memory)))
}

fn size(instruction: &Instruction, memory: &UsedMemory) -> u64 {
    let sizes = [memory.memory_size().size(), instruction.memory_size().size()];
    sizes.into_iter().find(|size| *size != 0).map_or(UNKNOWN, |size| size as u64)
}

fn writes(access: OpAccess) -> bool {
    use OpAccess::{CondWrite, ReadCondWrite, ReadWrite, Write};
    matches!(access, Write | CondWrite | ReadWrite | ReadCondWrite)
}

fn reads(access: OpAccess) -> bool {
    use OpAccess::{CondRead, Read, ReadCondWrite, ReadWrite};
    matches!(access, Read | CondRead | ReadWrite | ReadCondWrite)
}

/// What the instruction `text`, on which a thread with these registers stands, will write. It is known that `at` is the first byte
/// of some page that it writes, so that is among the answers.
pub fn written(text: &[u8], regs: &Regs, at: u64) -> Vec<Range<u64>> {
    let instruction = decode(text, regs);
    let mut factory = InstructionInfoFactory::new();
    let used = factory.info(&instruction).used_memory();
    let used = || used.iter().filter(|memory| writes(memory.access()));
    let longest = used().map(|memory| size(&instruction, memory)).max().unwrap_or(1);
    let mut ranges: Vec<_> = used().filter_map(|memory| range(&instruction, memory, regs)).collect();
    if !ranges.iter().any(|r| r.contains(&at)) {
        ranges.push(at..at.saturating_add(longest));
    }
    ranges
}

/// All that this instruction will touch, itself too. What only the processor knows is not among it: where vectors of addresses lead.
pub fn touched(text: &[u8], regs: &Regs) -> Vec<(Range<u64>, Kind)> {
    let instruction = decode(text, regs);
    let mut all = vec![(regs.rip..regs.rip.saturating_add(instruction.len() as u64), Kind::Exec)];
    let repeats = instruction.has_rep_prefix() || instruction.has_repne_prefix();
    let count = if is_narrow(regs) { regs.rcx & 0xffff_ffff } else { regs.rcx };
    if repeats && instruction.is_string_instruction() && count == 0 {
        return all;
    }
    let mut factory = InstructionInfoFactory::new();
    for memory in factory.info(&instruction).used_memory() {
        let kinds = [(Kind::Write, writes(memory.access())), (Kind::Read, reads(memory.access()))];
        let range = range(&instruction, memory, regs);
        all.extend(kinds.into_iter().filter(|(_, does)| *does).filter_map(|(kind, _)| Some((range.clone()?, kind))));
    }
    all
}

fn value(regs: &Regs, register: Register) -> Option<u64> {
    let whole = match register.full_register() {
        Register::RAX => regs.rax,
        Register::RBX => regs.rbx,
        Register::RCX => regs.rcx,
        Register::RDX => regs.rdx,
        Register::RSI => regs.rsi,
        Register::RDI => regs.rdi,
        Register::RBP => regs.rbp,
        Register::RSP => regs.rsp,
        Register::R8 => regs.r8,
        Register::R9 => regs.r9,
        Register::R10 => regs.r10,
        Register::R11 => regs.r11,
        Register::R12 => regs.r12,
        Register::R13 => regs.r13,
        Register::R14 => regs.r14,
        Register::R15 => regs.r15,
        Register::FS => return Some(regs.fs_base),
        Register::GS => return Some(regs.gs_base),
        Register::CS | Register::DS | Register::ES | Register::SS => return Some(0),
        // Of a vector of addresses, for one.
        _ => return None,
    };
    Some(match register.size() {
        8 => whole,
        4 => whole & 0xffff_ffff,
        2 => whole & 0xffff,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regs(cs: u64) -> Regs {
        Regs {
            r15: 0,
            r14: 0,
            r13: 0,
            r12: 0,
            rbp: 0,
            rbx: 0,
            r11: 0,
            r10: 0,
            r9: 0,
            r8: 0,
            rax: 0x10_0000,
            rcx: 3,
            rdx: 0,
            rsi: 0,
            rdi: 0x2_0000_3000,
            orig_rax: u64::MAX,
            rip: 0x40_0000,
            cs,
            eflags: 0,
            rsp: 0x7000,
            ss: 0,
            fs_base: 0x9000,
            gs_base: 0,
            ds: 0,
            es: 0,
            fs: 0,
            gs: 0,
        }
    }

    #[track_caller]
    fn writes(text: &[u8], at: u64, expected: Range<u64>) {
        assert_eq!(written(text, &regs(0x33), at), vec![expected]);
    }

    #[test]
    fn operands() {
        // mov %al,(%rdi); mov %ax,(%rdi); mov %eax,(%rdi); mov %rax,(%rdi)
        writes(&[0x88, 0x07], 0x2_0000_3000, 0x2_0000_3000..0x2_0000_3001);
        writes(&[0x66, 0x89, 0x07], 0x2_0000_3000, 0x2_0000_3000..0x2_0000_3002);
        writes(&[0x89, 0x07], 0x2_0000_3000, 0x2_0000_3000..0x2_0000_3004);
        writes(&[0x48, 0x89, 0x07], 0x2_0000_3000, 0x2_0000_3000..0x2_0000_3008);
        // lock addl $1,8(%rdi,%rcx,4)
        writes(&[0xf0, 0x83, 0x44, 0x8f, 0x08, 0x01], 0x2_0000_3014, 0x2_0000_3014..0x2_0000_3018);
        // movups %xmm0,-8(%rdi), into whose second page it runs
        writes(&[0x0f, 0x11, 0x47, 0xf8], 0x2_0000_3000, 0x2_0000_2ff8..0x2_0000_3008);
        // incl %fs:(%rax); incl 0x100(%rip)
        writes(&[0x64, 0xff, 0x00], 0x10_9000, 0x10_9000..0x10_9004);
        writes(&[0xff, 0x05, 0x00, 0x01, 0x00, 0x00], 0x40_0106, 0x40_0106..0x40_010a);
    }

    #[test]
    fn what_no_operand_says() {
        // push %rax; call; rep stosb, one of them
        writes(&[0x50], 0x6ff8, 0x6ff8..0x7000);
        writes(&[0xe8, 0, 0, 0, 0], 0x6ff8, 0x6ff8..0x7000);
        writes(&[0xf3, 0xaa], 0x2_0000_3000, 0x2_0000_3000..0x2_0000_3001);
        // Reads, and what is no instruction: the kernel knows better.
        writes(&[0x8b, 0x07], 0x5000, 0x5000..0x5001);
        writes(&[0x06], 0x5000, 0x5000..0x5001);
        writes(&[], 0x5000, 0x5000..0x5001);
        writes(&[0xf0; 15], u64::MAX, u64::MAX..u64::MAX);
    }

    #[test]
    fn narrow_programs() {
        // mov %eax,(%edi): the lower half counts; push %eax
        assert_eq!(written(&[0x89, 0x07], &regs(0x23), 0x3000), vec![0x3000..0x3004]);
        assert_eq!(written(&[0x50], &regs(0x23), 0x6ffc), vec![0x6ffc..0x7000]);
    }

    #[test]
    fn all_that_is_touched() {
        let touches = |text: &[u8], expected: &[(u64, u64, Kind)]| {
            let mut all = touched(text, &regs(0x33));
            assert_eq!(all.remove(0), (0x40_0000..0x40_0000 + text.len() as u64, Kind::Exec));
            let all: Vec<_> = all.into_iter().map(|(r, kind)| (r.start, r.end - r.start, kind)).collect();
            assert_eq!(all, expected, "{text:x?}");
        };
        let (at, read, write) = (0x2_0000_3000, Kind::Read, Kind::Write);
        // mov (%rdi),%eax; mov %eax,(%rdi); incl (%rdi)
        touches(&[0x8b, 0x07], &[(at, 4, read)]);
        touches(&[0x89, 0x07], &[(at, 4, write)]);
        touches(&[0xff, 0x07], &[(at, 4, write), (at, 4, read)]);
        // lea (%rdi),%rax; nopl (%rdi); prefetcht0 (%rdi); nop
        touches(&[0x48, 0x8d, 0x07], &[]);
        touches(&[0x0f, 0x1f, 0x07], &[]);
        touches(&[0x0f, 0x18, 0x0f], &[]);
        touches(&[0x90], &[]);
        // pop %rax; ret; movups (%rdi),%xmm0; mov %fs:(%rax),%eax
        touches(&[0x58], &[(0x7000, 8, read)]);
        touches(&[0xc3], &[(0x7000, 8, read)]);
        touches(&[0x0f, 0x10, 0x07], &[(at, 16, read)]);
        touches(&[0x64, 0x8b, 0x00], &[(0x10_9000, 4, read)]);
        // rep stosb; with nothing left to do nothing is touched
        touches(&[0xf3, 0xaa], &[(at, 1, write)]);
        let none = Regs { rcx: 0, ..regs(0x33) };
        assert_eq!(touched(&[0xf3, 0xaa], &none).len(), 1);
    }
}
