//! `prgregset_t` and `prfpregset_t`, to and from what Linux has.

use super::numbers::PSL_USERMASK;
use super::record::{head, Kind, Long, Ulong};
use super::Model;
pub use crate::user_regs::LinuxRegisters;

/// Indexes of a `prgregset_t` of LP64.
#[allow(missing_docs)]
pub mod amd64 {
    pub const R15: usize = 0;
    pub const R14: usize = 1;
    pub const R13: usize = 2;
    pub const R12: usize = 3;
    pub const R11: usize = 4;
    pub const R10: usize = 5;
    pub const R9: usize = 6;
    pub const R8: usize = 7;
    pub const RDI: usize = 8;
    pub const RSI: usize = 9;
    pub const RBP: usize = 10;
    pub const RBX: usize = 11;
    pub const RDX: usize = 12;
    pub const RCX: usize = 13;
    pub const RAX: usize = 14;
    pub const TRAPNO: usize = 15;
    pub const ERR: usize = 16;
    pub const RIP: usize = 17;
    pub const CS: usize = 18;
    pub const RFL: usize = 19;
    pub const RSP: usize = 20;
    pub const SS: usize = 21;
    pub const FS: usize = 22;
    pub const GS: usize = 23;
    pub const ES: usize = 24;
    pub const DS: usize = 25;
    pub const FSBASE: usize = 26;
    pub const GSBASE: usize = 27;

    /// Names by index.
    pub const NAMES: [&str; 28] = [
        "R15", "R14", "R13", "R12", "R11", "R10", "R9", "R8", "RDI", "RSI", "RBP", "RBX", "RDX", "RCX", "RAX",
        "TRAPNO", "ERR", "RIP", "CS", "RFL", "RSP", "SS", "FS", "GS", "ES", "DS", "FSBASE", "GSBASE",
    ];
}

/// Indexes of a `prgregset_t` of ILP32.
#[allow(missing_docs)]
pub mod i386 {
    pub const GS: usize = 0;
    pub const FS: usize = 1;
    pub const ES: usize = 2;
    pub const DS: usize = 3;
    pub const EDI: usize = 4;
    pub const ESI: usize = 5;
    pub const EBP: usize = 6;
    /// As the trap found it; the stack pointer is UESP.
    pub const ESP: usize = 7;
    pub const EBX: usize = 8;
    pub const EDX: usize = 9;
    pub const ECX: usize = 10;
    pub const EAX: usize = 11;
    pub const TRAPNO: usize = 12;
    pub const ERR: usize = 13;
    pub const EIP: usize = 14;
    pub const CS: usize = 15;
    pub const EFL: usize = 16;
    pub const UESP: usize = 17;
    pub const SS: usize = 18;

    /// Names by index.
    pub const NAMES: [&str; 19] = [
        "GS", "FS", "ES", "DS", "EDI", "ESI", "EBP", "ESP", "EBX", "EDX", "ECX", "EAX", "TRAPNO", "ERR", "EIP", "CS",
        "EFL", "UESP", "SS",
    ];
}

/// For each register of [`i386`], the one of [`amd64`] that it is the low half of. ESP always reads 0 and is ignored.
const WIDE: [Option<usize>; 19] = [
    Some(amd64::GS),
    Some(amd64::FS),
    Some(amd64::ES),
    Some(amd64::DS),
    Some(amd64::RDI),
    Some(amd64::RSI),
    Some(amd64::RBP),
    None,
    Some(amd64::RBX),
    Some(amd64::RDX),
    Some(amd64::RCX),
    Some(amd64::RAX),
    Some(amd64::TRAPNO),
    Some(amd64::ERR),
    Some(amd64::RIP),
    Some(amd64::CS),
    Some(amd64::RFL),
    Some(amd64::RSP),
    Some(amd64::SS),
];

/// For each register of [`LinuxRegisters`] the one of [`amd64`]; orig_rax is in no `prgregset_t`.
const LINUX: [Option<usize>; 27] = [
    Some(amd64::R15),
    Some(amd64::R14),
    Some(amd64::R13),
    Some(amd64::R12),
    Some(amd64::RBP),
    Some(amd64::RBX),
    Some(amd64::R11),
    Some(amd64::R10),
    Some(amd64::R9),
    Some(amd64::R8),
    Some(amd64::RAX),
    Some(amd64::RCX),
    Some(amd64::RDX),
    Some(amd64::RSI),
    Some(amd64::RDI),
    None,
    Some(amd64::RIP),
    Some(amd64::CS),
    Some(amd64::RFL),
    Some(amd64::RSP),
    Some(amd64::SS),
    Some(amd64::FSBASE),
    Some(amd64::GSBASE),
    Some(amd64::DS),
    Some(amd64::ES),
    Some(amd64::FS),
    Some(amd64::GS),
];

/// General registers by the indexes of [`amd64`], whatever the target. Bytes of ILP32 have the low halves of those that
/// [`i386`] knows; read from such bytes, the others are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers(pub [u64; 28]);

impl Registers {
    /// From Linux's. Number and error of the last trap are not among them, and 0.
    pub fn of_linux(linux: &LinuxRegisters) -> Registers {
        let mut regs = Registers::default();
        for (value, index) in linux.iter().zip(LINUX) {
            if let Some(to) = index.and_then(|i| regs.0.get_mut(i)) {
                *to = *value;
            }
        }
        regs
    }

    /// For Linux: `old`, which the target has, with what PCSREG may set. That is all but:
    ///
    /// * flags outside [`PSL_USERMASK`];
    /// * in a 64-bit target CS, SS, DS and ES;
    /// * in a 32-bit target the bases, which follow from the selectors, and CS and SS if what is asked for is no selector
    ///   of a program;
    /// * orig_rax, which has no place here.
    ///
    /// Other selectors that are none of a program become 0.
    pub fn to_linux(&self, target: Model, old: &LinuxRegisters) -> LinuxRegisters {
        let mut new = *old;
        for (to, index) in new.iter_mut().zip(LINUX) {
            let Some((index, value)) = index.and_then(|i| Some((i, *self.0.get(i)?))) else { continue };
            let selector = value & 0xffff;
            let of_program = selector & 3 == 3;
            *to = match (index, target) {
                (amd64::RFL, _) => *to & !PSL_USERMASK | value & PSL_USERMASK,
                (amd64::CS | amd64::SS | amd64::DS | amd64::ES, Model::Lp64) => *to,
                (amd64::FSBASE | amd64::GSBASE, Model::Ilp32) => *to,
                (amd64::CS | amd64::SS, Model::Ilp32) if !of_program => *to,
                (amd64::CS | amd64::SS | amd64::DS | amd64::ES | amd64::FS | amd64::GS, _) => {
                    if of_program {
                        selector
                    } else {
                        0
                    }
                }
                (_, Model::Lp64) => value,
                (_, Model::Ilp32) => value & 0xffff_ffff,
            };
        }
        new
    }
}

impl Kind for Registers {
    type Value = Self;

    fn size(model: Model) -> usize {
        match model {
            Model::Lp64 => 8 * 28,
            Model::Ilp32 => 4 * 19,
        }
    }

    fn align(model: Model) -> usize {
        model.long()
    }

    fn zero() -> Self {
        Self::default()
    }

    fn put(value: &Self, model: Model, out: &mut Vec<u8>) {
        match model {
            Model::Lp64 => value.0.iter().for_each(|r| Ulong::put(r, model, out)),
            Model::Ilp32 => WIDE.iter().for_each(|wide| {
                let register = wide.and_then(|i| value.0.get(i)).copied().unwrap_or(0);
                Ulong::put(&register, model, out);
            }),
        }
    }

    fn take(model: Model, bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..Self::size(model))?;
        let mut regs = Registers::default();
        let values = bytes.chunks_exact(Long::size(model)).map(|word| Ulong::take(model, word));
        for (i, value) in values.enumerate() {
            let index = if model == Model::Lp64 { Some(i) } else { WIDE.get(i).copied().flatten() };
            if let Some(to) = index.and_then(|i| regs.0.get_mut(i)) {
                *to = value?;
            }
        }
        Some(regs)
    }
}

/// Bytes of an FXSAVE image (PTRACE_GETFPREGS).
pub const FXSAVE: usize = 512;
/// Where what processor and kernel keep for themselves begins in it.
const FXSAVE_END: usize = 416;
/// Bytes of the image of FNSAVE of 32 bits.
const FNSAVE: usize = 108;

/// Floating-point registers as an FXSAVE image of 64 bits. Bytes of ILP32 have the x87 registers as an FNSAVE image and xmm0 to
/// xmm7; read from such bytes, the rest is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FpRegisters {
    /// The image; from byte 416 on it is 0.
    pub image: [u8; FXSAVE],
    /// Status word of the x87 at the last exception.
    pub status: u32,
    /// mxcsr at the last exception.
    pub xstatus: u32,
}

impl Default for FpRegisters {
    fn default() -> Self {
        FpRegisters { image: [0; FXSAVE], status: 0, xstatus: 0 }
    }
}

/// Copies `from` to `at`, as far as there is room.
fn set(out: &mut [u8], at: usize, from: &[u8]) {
    out.iter_mut().skip(at).zip(from).for_each(|(to, from)| *to = *from);
}

impl FpRegisters {
    /// From an FXSAVE image, which may be the start of an XSAVE area; `None` if there are fewer than 512 bytes. The two
    /// words about the last exception are the present ones.
    pub fn of_fxsave(image: &[u8]) -> Option<FpRegisters> {
        let mut regs = FpRegisters { image: head(image)?, ..FpRegisters::default() };
        regs.image.iter_mut().skip(FXSAVE_END).for_each(|b| *b = 0);
        (regs.status, regs.xstatus) = (u32::from(regs.half(2)), regs.word(24));
        Some(regs)
    }

    /// The FXSAVE image for the target, of which `old` is the present one: what is the processor's and the kernel's own stays,
    /// and in a 32-bit target, which has no xmm8 to xmm15, these too.
    pub fn to_fxsave(&self, target: Model, old: &[u8; FXSAVE]) -> [u8; FXSAVE] {
        let end = if target == Model::Lp64 { FXSAVE_END } else { 288 };
        let mut image = *old;
        image.iter_mut().zip(self.image).take(end).for_each(|(to, from)| *to = from);
        // mxcsr_mask tells what this processor can do.
        image.iter_mut().zip(old).skip(28).take(4).for_each(|(to, from)| *to = *from);
        image
    }

    fn half(&self, at: usize) -> u16 {
        self.image.get(at..).and_then(head).map_or(0, u16::from_le_bytes)
    }

    fn word(&self, at: usize) -> u32 {
        self.image.get(at..).and_then(head).map_or(0, u32::from_le_bytes)
    }

    /// Bytes of st(i), which are 10.
    fn st(&self, i: usize) -> &[u8] {
        self.image.get(32 + 16 * i..).and_then(|s| s.get(..10)).unwrap_or(&[])
    }

    /// Two bits a register, counted as the processor does and not from the top of the stack: 0 valid, 1 zero, 2 special, 3 empty.
    /// FXSAVE tells only whether it is empty; the rest is in the register.
    fn tags(&self) -> u16 {
        let (top, full) = (usize::from(self.half(2) >> 11 & 7), self.half(4));
        (0..8).fold(0, |tags, register| {
            let number = self.st((register + 8 - top) % 8);
            let (mantissa, rest) = number.split_at(number.len().min(8));
            let exponent = rest.first_chunk().map_or(0, |b| u16::from_le_bytes(*b) & 0x7fff);
            let tag = match exponent {
                _ if full >> register & 1 == 0 => 3,
                0 if mantissa.iter().all(|b| *b == 0) => 1,
                1..0x7fff if mantissa.last().is_some_and(|b| b & 0x80 != 0) => 0,
                _ => 2,
            };
            tags | tag << (2 * register)
        })
    }

    /// The image that FNSAVE makes. Its selectors are 0: in 64-bit mode the processor keeps none.
    fn fnsave(&self) -> [u8; FNSAVE] {
        /// What FNSAVE writes beside a word of 16 bits.
        const UPPER: u32 = 0xffff_0000;
        let words = [
            UPPER | u32::from(self.half(0)),
            UPPER | u32::from(self.half(2)),
            UPPER | u32::from(self.tags()),
            self.word(8),
            u32::from(self.half(6) & 0x7ff) << 16,
            self.word(16),
            UPPER,
        ];
        let mut out = [0; FNSAVE];
        set(&mut out, 0, &words.map(u32::to_le_bytes).concat());
        (0..8).for_each(|i| set(&mut out, 28 + 10 * i, self.st(i)));
        out
    }

    /// Takes over an FNSAVE image.
    fn set_fnsave(&mut self, fnsave: &[u8]) -> Option<()> {
        let word = |i: usize| Some(u32::from_le_bytes(head(fnsave.get(4 * i..)?)?));
        let tags = word(2)?;
        let full = (0..8).filter(|i| tags >> (2 * i) & 3 != 3).fold(0u8, |full, i| full | 1 << i);
        let words = [word(0)? as u16, word(1)? as u16, u16::from(full), (word(4)? >> 16) as u16 & 0x7ff];
        set(&mut self.image, 0, &words.map(u16::to_le_bytes).concat());
        set(&mut self.image, 8, &word(3)?.to_le_bytes());
        set(&mut self.image, 16, &word(5)?.to_le_bytes());
        for i in 0..8 {
            set(&mut self.image, 32 + 16 * i, fnsave.get(28 + 10 * i..38 + 10 * i)?);
        }
        Some(())
    }
}

impl Kind for FpRegisters {
    type Value = Self;

    fn size(model: Model) -> usize {
        match model {
            Model::Lp64 => 528,
            Model::Ilp32 => 380,
        }
    }

    fn align(model: Model) -> usize {
        match model {
            Model::Lp64 => 16,
            Model::Ilp32 => 4,
        }
    }

    fn zero() -> Self {
        Self::default()
    }

    fn put(value: &Self, model: Model, out: &mut Vec<u8>) {
        let end = out.len() + Self::size(model);
        match model {
            Model::Lp64 => {
                out.extend(&value.image);
                out.extend([value.status, value.xstatus].map(u32::to_le_bytes).concat());
            }
            // Registers that were never filled in are zero in either model, and not an image of empty ones.
            Model::Ilp32 if *value == Self::default() => {}
            Model::Ilp32 => {
                out.extend(value.fnsave());
                out.extend([value.status, value.word(24), value.xstatus, 0, 0].map(u32::to_le_bytes).concat());
                out.extend(value.image.iter().skip(160).take(8 * 16));
            }
        }
        out.resize(end, 0);
    }

    fn take(model: Model, bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..Self::size(model))?;
        let word = |at: usize| Some(u32::from_le_bytes(head(bytes.get(at..)?)?));
        let mut regs = FpRegisters::default();
        match model {
            Model::Lp64 => {
                set(&mut regs.image, 0, bytes.get(..FXSAVE_END)?);
                (regs.status, regs.xstatus) = (word(512)?, word(516)?);
            }
            Model::Ilp32 if bytes.iter().all(|b| *b == 0) => {}
            Model::Ilp32 => {
                regs.set_fnsave(bytes.get(..FNSAVE)?)?;
                set(&mut regs.image, 24, &word(112)?.to_le_bytes());
                set(&mut regs.image, 160, bytes.get(128..256)?);
                (regs.status, regs.xstatus) = (word(108)?, word(116)?);
            }
        }
        Some(regs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every register has a value that tells its place.
    fn linux() -> LinuxRegisters {
        let mut regs: LinuxRegisters = std::array::from_fn(|i| 0x1_0000_0100 + i as u64);
        // cs eflags ss ds es fs gs
        for (i, value) in [(17, 0x33), (18, 0x246), (20, 0x2b), (23, 0), (24, 0), (25, 0), (26, 0)] {
            regs[i] = value;
        }
        regs
    }

    #[test]
    fn general_registers_by_their_names() {
        let regs = Registers::of_linux(&linux());
        let expect = |name: &str| match name {
            "TRAPNO" | "ERR" => 0,
            "CS" => 0x33,
            "RFL" => 0x246,
            "SS" => 0x2b,
            "DS" | "ES" | "FS" | "GS" => 0,
            _ => {
                let order =
                    "R15 R14 R13 R12 RBP RBX R11 R10 R9 R8 RAX RCX RDX RSI RDI - RIP CS RFL RSP SS FSBASE GSBASE";
                0x1_0000_0100 + order.split(' ').position(|n| n == name).unwrap() as u64
            }
        };
        assert_eq!(regs.0.to_vec(), amd64::NAMES.map(expect));
        let narrow = Registers::take(Model::Ilp32, &crate::solaris::tests::image(&regs, Model::Ilp32)).unwrap();
        for (i, name) in amd64::NAMES.iter().enumerate() {
            let gone = matches!(*name, "R8" | "R9" | "FSBASE" | "GSBASE") || name.starts_with("R1");
            assert_eq!(narrow.0[i], if gone { 0 } else { regs.0[i] & 0xffff_ffff }, "{name}");
        }
        let bytes = crate::solaris::tests::image(&regs, Model::Ilp32);
        let at = |i: usize| u32::from_le_bytes(bytes[4 * i..4 * i + 4].try_into().unwrap());
        assert_eq!((at(i386::EIP), at(i386::UESP), at(i386::ESP)), (0x110, 0x113, 0));
        assert_eq!((at(i386::EAX), at(i386::EFL), at(i386::SS)), (0x10a, 0x246, 0x2b));
        assert_eq!(i386::NAMES[i386::UESP], "UESP");
    }

    #[test]
    fn what_may_be_set() {
        let old = linux();
        let same = Registers::of_linux(&old);
        assert_eq!(same.to_linux(Model::Lp64, &old), old);
        let mut all = Registers([u64::MAX; 28]);
        all.0[amd64::GS] = 0x10;
        let new = all.to_linux(Model::Lp64, &old);
        // orig_rax cs ss ds es as they were
        assert_eq!([15, 17, 20, 23, 24].map(|i| new[i]), [15, 17, 20, 23, 24].map(|i| old[i]));
        assert_eq!(new[18], 0x4_4fd7);
        assert_eq!((new[25], new[26], new[21], new[16]), (0xffff, 0, u64::MAX, u64::MAX));
        all.0[amd64::CS] = 0;
        all.0[amd64::SS] = 0x7b;
        let new = all.to_linux(Model::Ilp32, &old);
        assert_eq!((new[17], new[20], new[21], new[16]), (0x33, 0x7b, old[21], 0xffff_ffff));
    }

    #[test]
    fn floating_point_as_fnsave_has_it() {
        let mut image = [0; FXSAVE];
        set(&mut image, 0, &[0x7f, 3, 0, 6 << 3, 0b1100_0001, 0, 0x34, 0xf2]);
        set(&mut image, 8, &0x1_2345_6789u64.to_le_bytes());
        set(&mut image, 16, &0xabcdu64.to_le_bytes());
        set(&mut image, 24, &[0x80, 0x1f, 0, 0, 0xff, 0xff, 2, 0]);
        // The top is register 6: st(0) is register 6 (1.0), st(1) register 7 (zero), st(2) register 0 (infinity).
        set(&mut image, 32, &[0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f]);
        set(&mut image, 64, &[0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x7f]);
        set(&mut image, 160, &[0x11; 256]);
        image[FXSAVE_END..].fill(7);
        let regs = FpRegisters::of_fxsave(&image).unwrap();
        let bytes = crate::solaris::tests::image(&regs, Model::Ilp32);
        let at = |i: usize| u32::from_le_bytes(bytes[4 * i..4 * i + 4].try_into().unwrap());
        assert_eq!([at(0), at(1)], [0xffff_037f, 0xffff_3000]);
        assert_eq!(at(2), 0xffff_0000 | 0b01_00_11_11_11_11_11_10);
        assert_eq!([at(3), at(4), at(5), at(6)], [0x2345_6789, 0x0234_0000, 0xabcd, 0xffff_0000]);
        assert_eq!(bytes[28..38], [0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f]);
        assert_eq!([at(27), at(28), at(29), at(30)], [0x3000, 0x1f80, 0x1f80, 0]);
        assert_eq!((&bytes[128..256], &bytes[256..]), (&[0x11; 128][..], &[0; 124][..]));

        let back = FpRegisters::take(Model::Ilp32, &bytes).unwrap();
        assert_eq!(back.image[..6], image[..6]);
        let set = back.to_fxsave(Model::Ilp32, &image);
        assert_eq!(set[8..16], 0x2345_6789u64.to_le_bytes());
        assert_eq!((&set[24..], set[7]), (&image[24..], 2));
        assert_eq!(regs.to_fxsave(Model::Lp64, &image), image);
    }
}
