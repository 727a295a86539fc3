//! `<sys/pioctl.h>` of FreeBSD 3 to 12: numbers and structures of the ioctls on `mem`.
//!
//! BSD and Linux put the direction of the argument into different bits. Those without an argument in memory are known by all the
//! numbers they ever had; those that answer with one only by that of Linux, for the kernel would not copy the answer out.

use crate::record::{record, Int, Kind, Ulong};
use crate::Model;

/// A new program.
pub const S_EXEC: u64 = 0x01;
/// A signal.
pub const S_SIG: u64 = 0x02;
/// A system call begins.
pub const S_SCE: u64 = 0x04;
/// A system call ends.
pub const S_SCX: u64 = 0x08;
/// A core file is about to be written.
pub const S_CORE: u64 = 0x10;
/// The process ends.
pub const S_EXIT: u64 = 0x20;
/// All of these.
pub const S_ALLSTOPS: u64 = 0x3f;

/// The last close changes nothing.
pub const PF_LINGER: u8 = 0x01;
/// Events stay asked for when the ids of the process change.
pub const PF_ISUGID: u8 = 0x02;
/// Children begin with the same events and flags.
pub const PF_FORK: u8 = 0x04;

record! {
    /// What PIOCSTATUS and PIOCWAIT tell.
    pub struct ProcfsStatus = "struct procfs_status" {
        state: Int, "0 in a stop of these, else 1.";
        flags: Int, "`PF_` flags.";
        events: Ulong, "Events that stop.";
        why: Int, "The event that it is stopped on; 0 for none.";
        val: Ulong, "What belongs to it.";
    }
}

/// An ioctl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pioc {
    /// PIOCBIS: these events stop as well.
    Bis,
    /// PIOCBIC: these do not any more.
    Bic,
    /// PIOCSFL: these are the flags.
    Sfl,
    /// PIOCWAIT: wait for a stop and tell of it, in the form of this model.
    Wait(Model),
    /// PIOCCONT: post a signal, unless it is 0, and go on.
    Cont,
    /// PIOCSTATUS: tell of the stop.
    Status(Model),
    /// PIOCGFL: tell the flags.
    Gfl,
}

impl Pioc {
    /// The ioctl of this number.
    pub fn of(number: u32) -> Option<Pioc> {
        // As _IO of Linux; of 1997; with a length of 0 in FreeBSD 4; as an int in FreeBSD 7.
        const BY_VALUE: [u32; 4] = [0, 0x2000_0000, 0x8000_0000, 0x2004_0000];
        /// Read, in Linux's form.
        const READ: u32 = 2 << 30;
        let (form, which) = (number & 0xffff_0000, number & 0xffff);
        match which {
            0x7001 if BY_VALUE.contains(&form) => Some(Pioc::Bis),
            0x7002 if BY_VALUE.contains(&form) => Some(Pioc::Bic),
            0x7003 if BY_VALUE.contains(&form) => Some(Pioc::Sfl),
            0x7005 if BY_VALUE.contains(&form) => Some(Pioc::Cont),
            0x7007 if form == READ | 4 << 16 => Some(Pioc::Gfl),
            0x7004 | 0x7006 => {
                let size = |model| READ | (<ProcfsStatus as Kind>::size(model) as u32) << 16;
                let model = Model::ALL.into_iter().find(|model| form == size(*model))?;
                Some(if which == 0x7004 { Pioc::Wait(model) } else { Pioc::Status(model) })
            }
            _ => None,
        }
    }
}
