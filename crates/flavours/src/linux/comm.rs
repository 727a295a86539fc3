//! Writing `comm`. The kernel lets only a process itself write it, and it judges by who executes the write; so a process that
//! writes its own name here is made to call prctl(PR_SET_NAME) itself. The writer's thread waits in this very write: it is
//! asked to stop first, answered then, and stands before it has run one instruction of its own.

use super::handle::KernelHandle;
use crate::target::Target;
use engine::Refusal;
use tree::{Caller, Errno, Handle, Pending, Result};

/// An open `comm`.
pub struct Comm {
    /// The kernel's file.
    pub kernel: KernelHandle,
    /// Whose name it is.
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
        let tid = self.target.tid.unwrap_or(self.target.proc.pid());
        let length = data.len();
        let way = self.target.shared.engine.target(self.target.proc.clone());
        if tid == caller.tid {
            // Its stop shows as an interrupt of this request, which must not end it.
            done.shield();
            let answer = done.clone();
            let asked = move |result: std::result::Result<(), Refusal>| {
                answer.finish(result.map(|()| length).map_err(|r| Errno(r.errno)));
            };
            way.set_name(tid as i32, name, Box::new(asked), Box::new(|_| {}));
        } else {
            let named = move |result: std::result::Result<(), Refusal>| {
                done.finish(result.map(|()| length).map_err(|r| Errno(r.errno)));
            };
            way.set_name(tid as i32, name, Box::new(|_| {}), Box::new(named));
        }
    }

    fn poll(&self, caller: &Caller, wake: Option<Box<dyn FnOnce() + Send>>) -> Result<u32> {
        self.kernel.poll(caller, wake)
    }
}
