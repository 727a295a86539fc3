//! `regs`: general registers, `struct reg` of `<machine/reg.h>`. Number and error of the last trap are 0, and selectors of data are not
//! written. In a system call that the process is stopped in, its number is in rax before it, and behind it an error as a positive
//! number with the carry flag; with `-o syscallregs=raw` they show what is there.

use super::registers::{Failure, Form, Kind};
use abi::bsd::reg;
use abi::user_regs::At;
use engine::registers;
use kernel::ptrace::Tid;

/// The file.
pub static REGS: Kind = Kind { size: reg::size, read, write, runs: super::Rules::reads_running_regs };

fn place(form: Form, at: At) -> At {
    if form.raw {
        At::Outside
    } else {
        at
    }
}

fn read(tid: Tid, form: Form, at: At) -> std::io::Result<Vec<u8>> {
    let shown = reg::shown(&registers::general(tid)?, place(form, at), form.of);
    Ok(reg::bytes(&shown, form.machine))
}

fn write(tid: Tid, form: Form, at: At, image: &[u8]) -> Result<(), Failure> {
    let (old, at) = (registers::general(tid)?, place(form, at));
    let new = reg::of_bytes(image, form.machine, &reg::shown(&old, at, form.of))?;
    Ok(registers::set_general(tid, &reg::meant(&new, &old, at))?)
}
