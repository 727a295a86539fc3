//! The order that a write waits for, and the client who gives up waiting.

use engine::engine::Ticket;
use parking_lot::Mutex;
use std::sync::Arc;
use tree::Pending;

/// The last order that was given on behalf of one write.
pub struct Underway {
    /// How many were given, and the way to cancel the last.
    last: Mutex<(usize, Option<Ticket>)>,
    done: Pending<usize>,
}

impl Underway {
    /// For the write that `done` answers: when its client gives up, the order under way is cancelled.
    pub fn of(done: &Pending<usize>) -> Arc<Underway> {
        let underway = Arc::new(Underway { last: Mutex::default(), done: done.clone() });
        let hook = Arc::downgrade(&underway);
        done.on_cancel(move || {
            let ticket = hook.upgrade().and_then(|underway| underway.last.lock().1.take());
            if let Some(ticket) = ticket {
                ticket.cancel();
            }
        });
        underway
    }

    /// Gives an order. Its answer may come, and the next order be given, in the tracer thread before this returns.
    pub fn give(&self, order: impl FnOnce() -> Ticket) {
        let begun = {
            let mut last = self.last.lock();
            last.0 += 1;
            last.0
        };
        let ticket = order();
        {
            let mut last = self.last.lock();
            if last.0 == begun {
                last.1 = Some(ticket.clone());
            }
        }
        // Who gave up before the ticket was there found none.
        if self.done.is_over() {
            ticket.cancel();
        }
    }
}
