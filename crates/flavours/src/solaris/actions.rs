//! What a process does with its signals, as far as it can be asked: a thread that stands makes the call for us. Nothing is
//! remembered, since a program may change it whenever it runs.

use crate::target::Target;
use abi::solaris::numbers::action_flags_out;
use abi::solaris::records::SigAction;
use abi::solaris::set::SigSet;
use engine::dispositions::Disposition;
use std::sync::mpsc;

/// The dispositions of these signals, in their order; None for a process of which no thread stands where it can be asked. It
/// waits for the tracer thread and the calls, about 15 us for each signal; so it is not to be called there.
pub fn ask(target: &Target, signals: impl IntoIterator<Item = i32>) -> Option<Vec<SigAction>> {
    let (tx, rx) = mpsc::channel();
    let way = target.shared.engine.target(target.proc.clone());
    way.dispositions(signals.into_iter().collect(), move |found| drop(tx.send(found)));
    Some(rx.recv().ok()??.into_iter().map(action).collect())
}

fn action(d: Disposition) -> SigAction {
    SigAction {
        sa_flags: action_flags_out(d.flags),
        sa_handler: d.handler,
        sa_mask: SigSet::of_bits(d.mask),
        ..SigAction::default()
    }
}
