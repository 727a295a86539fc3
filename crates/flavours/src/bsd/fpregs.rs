//! `fpregs`: floating-point registers, `struct fpreg` of `<machine/reg.h>`.

use super::registers::{Failure, Form, Kind};
use abi::bsd::fpreg;
use abi::user_regs::At;
use engine::registers;
use kernel::ptrace::Tid;

/// The file.
pub static FPREGS: Kind = Kind { size: fpreg::size, read, write, runs: super::Rules::reads_running_regs };

fn read(tid: Tid, form: Form, _at: At) -> std::io::Result<Vec<u8>> {
    fpreg::bytes(&registers::fxsave(tid)?, form.machine).map_err(|_| std::io::Error::from_raw_os_error(libc::EIO))
}

fn write(tid: Tid, form: Form, _at: At, image: &[u8]) -> Result<(), Failure> {
    let new = fpreg::of_bytes(image, form.machine, &registers::fxsave(tid)?)?;
    Ok(registers::set_fxsave(tid, &new)?)
}
