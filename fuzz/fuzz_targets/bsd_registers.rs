//! Writes to `regs`, `fpregs` and `dbregs` of the flavours of BSD. The first byte chooses whose form, the rest is what was there and what is
//! written.

#![no_main]

use abi::bsd::reg::{self, PSL_USERCHANGE};
use abi::bsd::{dbreg, fpreg, Machine};
use abi::user_regs::linux::{CS, EFLAGS};
use abi::user_regs::LinuxRegisters;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else { return };
    let machine = if which & 1 == 1 { Machine::Amd64 } else { Machine::I386 };
    let mut old: LinuxRegisters = [0x10; 27];
    (old[CS], old[EFLAGS]) = (0x33, 0x246);
    if let Ok(new) = reg::of_bytes(bytes, machine, &old) {
        // What a program may not have, it did not get; and what was put in is what is shown.
        assert_eq!((new[EFLAGS] ^ old[EFLAGS]) & !PSL_USERCHANGE & 0xffff_ffff, 0);
        assert_eq!(new[CS] & 3, 3);
        let shown = reg::bytes(&new, machine);
        assert_eq!(reg::of_bytes(&shown, machine, &new), Ok(new));
    }
    if let Ok(regs) = dbreg::of_bytes(bytes, machine, which & 2 == 2) {
        assert_eq!((regs[4], regs[5], regs[6] >> 32, regs[7] >> 32), (0, 0, 0, 0));
    }
    if let Some((old, new)) = bytes.split_at_checked(512) {
        let _ = fpreg::of_bytes(new, machine, old);
    }
});
