//! Giving a thread another name. The kernel lets only a process itself do it, and it judges by who executes the call; so the thread is
//! made to call prctl(PR_SET_NAME) itself.

use crate::target::Target;
use engine::Refusal;
use tree::{Caller, Errno, Pending};

/// Names the thread that `target` is about, the first one if it is about a process; answers `length`. A caller that
/// names itself waits in this very request: it is asked to stop first, answered then, and stands before it has run one
/// instruction of its own.
pub fn set_name(target: &Target, caller: &Caller, name: [u8; 16], length: usize, done: Pending<usize>) {
    let tid = target.tid.unwrap_or(target.proc.pid());
    let way = target.shared.engine.target(target.proc.clone());
    let answer = move |done: Pending<usize>| {
        move |result: std::result::Result<(), Refusal>| {
            done.finish(result.map(|()| length).map_err(|r| Errno(r.errno)));
        }
    };
    if tid == caller.tid {
        // Its stop shows as an interrupt of this request, which must not end it.
        done.shield();
        way.set_name(tid as i32, name, Box::new(answer(done)), Box::new(|_| {}));
    } else {
        way.set_name(tid as i32, name, Box::new(|_| {}), Box::new(answer(done)));
    }
}
