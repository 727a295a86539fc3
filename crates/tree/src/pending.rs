//! A request that may be answered later, by anyone, once.

use crate::{Errno, Result};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};

type Answer<T> = Box<dyn FnOnce(Result<T>) + Send>;
type Hook = Box<dyn FnOnce() + Send>;

struct Slot<T> {
    answer: Option<Answer<T>>,
    on_cancel: Option<Hook>,
    shielded: bool,
}

/// The right to answer one request. Clones share it: the first answer counts, later ones are dropped without effect. A
/// request whose last clone is dropped unanswered is answered EIO, so no client waits for a lost reply.
pub struct Pending<T> {
    slot: Arc<Inner<T>>,
}

struct Inner<T>(Mutex<Slot<T>>);

/// A way to cancel a request without keeping it alive; what a front end holds of a request in progress.
pub struct WeakPending<T>(Weak<Inner<T>>);

impl<T> WeakPending<T> {
    /// As [`Pending::cancel`], if the request is still in progress.
    pub fn cancel(&self) {
        if let Some(slot) = self.0.upgrade() {
            Pending { slot }.cancel();
        }
    }

    /// As [`Pending::is_over`].
    pub fn is_over(&self) -> bool {
        self.0.upgrade().is_none_or(|slot| Pending { slot }.is_over())
    }
}

impl<T> Drop for Inner<T> {
    fn drop(&mut self) {
        if let Some(answer) = self.0.get_mut().answer.take() {
            answer(Err(Errno(libc::EIO)));
        }
    }
}

impl<T> Clone for Pending<T> {
    fn clone(&self) -> Self {
        Pending { slot: self.slot.clone() }
    }
}

impl<T> Pending<T> {
    /// `answer` is called exactly once, in whatever thread finishes the request.
    pub fn new(answer: impl FnOnce(Result<T>) + Send + 'static) -> Self {
        Pending {
            slot: Arc::new(Inner(Mutex::new(Slot {
                answer: Some(Box::new(answer)),
                on_cancel: None,
                shielded: false,
            }))),
        }
    }

    /// For whoever may cancel the request but not answer it.
    pub fn downgrade(&self) -> WeakPending<T> {
        WeakPending(Arc::downgrade(&self.slot))
    }

    /// Answers the request. True if this was the answer that counted.
    pub fn finish(&self, result: Result<T>) -> bool {
        let (answer, _hook) = {
            let mut slot = self.slot.0.lock();
            (slot.answer.take(), slot.on_cancel.take())
        };
        match answer {
            Some(answer) => {
                answer(result);
                true
            }
            None => false,
        }
    }

    /// Asks for `hook` to be called if the client gives up (not called after an answer). Replaces an earlier hook. If
    /// the request was answered already, the hook is dropped.
    pub fn on_cancel(&self, hook: impl FnOnce() + Send + 'static) {
        let mut slot = self.slot.0.lock();
        if slot.answer.is_some() {
            slot.on_cancel = Some(Box::new(hook));
        }
    }

    /// From now on [`Pending::cancel`] has no effect: for a request that is answered in a moment whatever the client does.
    pub fn shield(&self) {
        self.slot.0.lock().shielded = true;
    }

    /// The client gave up: answers EINTR, then runs the hook.
    pub fn cancel(&self) {
        let (answer, hook) = {
            let mut slot = self.slot.0.lock();
            if slot.shielded {
                return;
            }
            (slot.answer.take(), slot.on_cancel.take())
        };
        if let Some(answer) = answer {
            answer(Err(Errno(libc::EINTR)));
            if let Some(hook) = hook {
                hook();
            }
        }
    }

    /// True once answered or cancelled.
    pub fn is_over(&self) -> bool {
        self.slot.0.lock().answer.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn first_answer_counts_and_a_lost_one_is_eio() {
        let (tx, rx) = mpsc::channel();
        let p = Pending::new(move |r: Result<u32>| tx.send(r).unwrap());
        let q = p.clone();
        assert!(p.finish(Ok(1)));
        assert!(!q.finish(Ok(2)));
        q.cancel();
        assert_eq!(rx.recv().unwrap(), Ok(1));

        let (tx, rx) = mpsc::channel();
        let lost = Pending::new(move |r: Result<u32>| tx.send(r).unwrap());
        let weak = lost.downgrade();
        drop(lost);
        weak.cancel();
        assert_eq!(rx.recv().unwrap(), Err(Errno(libc::EIO)));
    }

    #[test]
    fn cancel_is_eintr_and_runs_the_hook_once() {
        let (tx, rx) = mpsc::channel();
        let hooked = tx.clone();
        let p = Pending::new(move |r: Result<u32>| tx.send(format!("{r:?}")).unwrap());
        p.on_cancel(move || hooked.send("hook".into()).unwrap());
        p.cancel();
        p.cancel();
        let said: Vec<String> = rx.try_iter().collect();
        assert_eq!(said, ["Err(Errno(4))", "hook"]);
    }
}
