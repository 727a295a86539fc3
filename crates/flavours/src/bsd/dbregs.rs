//! `dbregs`: debug registers, `struct dbreg` of `<machine/reg.h>`. What they watch, they watch as long as somebody holds the process, by
//! whatever flavour: when it is let go nobody would take the trap, and they are cleared.

use super::registers::{Failure, Form, Kind};
use abi::bsd::{dbreg, Machine};
use abi::user_regs::At;
use engine::registers;
use kernel::ptrace::Tid;

/// The file.
pub static DBREGS: Kind = Kind { size: dbreg::size, read, write, runs: |_| true };

fn read(tid: Tid, form: Form, _at: At) -> std::io::Result<Vec<u8>> {
    Ok(dbreg::bytes(&registers::debug(tid)?, form.machine))
}

fn write(tid: Tid, form: Form, _at: At, image: &[u8]) -> Result<(), Failure> {
    let new = dbreg::of_bytes(image, form.machine, form.of == Machine::I386)?;
    Ok(registers::set_debug(tid, &new)?)
}
