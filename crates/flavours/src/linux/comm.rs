//! Writing `comm`. The kernel lets only a process itself write it, and it judges by who executes the write; so a process that
//! writes its own name here is made to set it itself, see [`rename`](crate::rename).

use super::handle::KernelHandle;
use crate::rename::set_name;
use crate::target::Target;
use tree::{Caller, Handle, Pending, Result};

/// An open `comm`.
pub struct Comm {
    /// The kernel's file.
    pub kernel: KernelHandle,
    /// The thread whose name it is.
    pub target: Target,
}

/// Bytes of a name that the kernel keeps (TASK_COMM_LEN - 1).
const NAME_MAX: usize = 15;

impl Handle for Comm {
    fn read(&self, caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        self.kernel.read(caller, offset, size, done);
    }

    fn write(&self, caller: &Caller, offset: u64, data: &[u8], done: Pending<usize>) {
        if caller.pid().ok() != self.target.proc.tgid().ok() {
            // The kernel's own answer to strangers.
            self.kernel.write(caller, offset, data, done);
            return;
        }
        let mut name = [0; NAME_MAX + 1];
        let kept = data.len().min(NAME_MAX);
        name[..kept].copy_from_slice(&data[..kept]);
        set_name(&self.target, caller, name, data.len(), done);
    }

    fn poll(&self, caller: &Caller, wake: Option<Box<dyn FnOnce() + Send>>) -> Result<u32> {
        self.kernel.poll(caller, wake)
    }
}
