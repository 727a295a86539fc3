//! The order that a request waits for, and the client who gives up waiting.

use engine::engine::Ticket;
use parking_lot::Mutex;
use std::sync::Arc;
use tree::Pending;

/// The last order that was given on behalf of one request.
pub struct Underway<T = usize> {
    /// How many were given, and the way to cancel the last.
    last: Mutex<(usize, Option<Ticket>)>,
    done: Pending<T>,
}

impl<T: Send + 'static> Underway<T> {
    /// For the request that `done` answers: when its client gives up, the order under way is cancelled.
    pub fn of(done: &Pending<T>) -> Arc<Underway<T>> {
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
