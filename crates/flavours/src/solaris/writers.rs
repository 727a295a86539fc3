//! Who has files of a process open for writing: what exclusive opens and the last close go by. Counted over all files and mounts
//! of the flavour.

use super::NAME;
use crate::exclusive::is_exclusive;
use crate::right::Right;
use crate::target::Target;
use engine::engine::Giver;
use engine::lwp::LwpOrder;
use kernel::procfs::{Life, Proc};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tree::{closes, Caller, Errno, Result};

static WRITERS: Mutex<Option<HashMap<Life, Vec<Writer>>>> = Mutex::new(None);

struct Writer {
    right: Arc<Right>,
    /// Opened by the process itself: counts for nobody.
    own: bool,
}

/// One file open for writing; dropping it closes it.
pub struct Writing {
    target: Target,
    right: Arc<Right>,
}

/// Records an open with these flags; None for one that does not write, and of a system process, to which nobody has a right. EBUSY
/// if it is to be exclusive and others write. Writers who have lost their right by an exec do not count.
pub fn open(target: &Target, right: Option<&Arc<Right>>, caller: &Caller, flags: i32) -> Result<Option<Writing>> {
    let Some(right) = right.filter(|_| flags & libc::O_ACCMODE != libc::O_RDONLY) else { return Ok(None) };
    let own = right.user(caller)?.own;
    let exclusive = !own && is_exclusive(caller);
    if exclusive && !others(target).is_empty() {
        closes::settle();
    }
    // The kernel may take its time to judge, and the tracer thread asks who writes: not under the lock.
    let lost: Vec<Arc<Right>> = match exclusive {
        true => others(target).into_iter().filter(|right| !right.holds()).collect(),
        false => Vec::new(),
    };
    let mut writers = WRITERS.lock();
    let list = writers.get_or_insert_default().entry(target.proc.life()).or_default();
    if exclusive && list.iter().any(|w| !w.own && !lost.iter().any(|right| Arc::ptr_eq(right, &w.right))) {
        return Err(Errno(libc::EBUSY));
    }
    list.push(Writer { right: right.clone(), own });
    Ok(Some(Writing { target: target.clone(), right: right.clone() }))
}

/// The rights by which others than the process itself write.
fn others(target: &Target) -> Vec<Arc<Right>> {
    let writers = WRITERS.lock();
    let list = writers.as_ref().and_then(|all| all.get(&target.proc.life()));
    list.into_iter().flatten().filter(|w| !w.own).map(|w| w.right.clone()).collect()
}

impl Drop for Writing {
    fn drop(&mut self) {
        let life = self.target.proc.life();
        let last = {
            let mut writers = WRITERS.lock();
            let Some(all) = writers.as_mut() else { return };
            let Some(list) = all.get_mut(&life) else { return };
            let closed = list.iter().position(|w| Arc::ptr_eq(&w.right, &self.right));
            let own = closed.is_some_and(|at| list.swap_remove(at).own);
            let others = list.iter().any(|w| !w.own);
            if list.is_empty() {
                all.remove(&life);
            }
            !own && !others
        };
        if last {
            let way = self.target.shared.engine.target(self.target.proc.clone());
            way.message(NAME, giver(self.right.giver()), None, LwpOrder::LastClose, Box::new(|_| {}));
        }
    }
}

/// For the engine's record: who gives an order, and that it matters who writes.
pub fn giver(giver: Giver) -> Giver {
    let open = |proc: &Arc<Proc>| {
        let writers = WRITERS.lock();
        let list = writers.as_ref().and_then(|all| all.get(&proc.life()));
        list.is_some_and(|list| list.iter().any(|w| !w.own))
    };
    Giver { writers: Some(Arc::new(open)), ..giver }
}
