//! What a client looks at next: the view of the lwp that has just come to a stop, made before it is asked for.
//!
//! A debugger that has waited for a stop reads how the lwp stands. The tracer thread makes that view on its own account when it
//! has nothing else to do, which saves the reader a way to it and back. The view is true until the tracer thread does anything
//! at all, and then forgotten.

use crate::lwp::{Shown, View};
use crate::tracer::Key;
use kernel::ptrace::Tid;
use parking_lot::Mutex;

/// Whose view is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped {
    pub key: Key,
    pub flavour: &'static str,
    /// The lwp whose stop was waited for; None: the one that speaks for the process.
    pub tid: Option<Tid>,
}

impl Stopped {
    pub fn shown(&self) -> Shown {
        self.tid.map_or(Shown::Speaker, Shown::One)
    }
}

/// The one view that is made beforehand.
#[derive(Default)]
pub(crate) struct Glance {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    made: Option<(Stopped, View)>,
    /// How many more to make before somebody looks.
    worth: u8,
}

/// Of several stops that a client waits for it may look at the last one only.
const WORTH: u8 = 4;

impl Glance {
    /// The view, if it shows what is asked for.
    pub fn of(&self, key: Key, flavour: &str, which: Shown) -> Option<View> {
        let mut inner = self.inner.lock();
        let (of, view) = inner.made.as_ref()?;
        let tid = view.lwps.first()?.tid;
        let same = match which {
            Shown::All => false,
            Shown::Speaker => view.speaker == Some(tid),
            Shown::One(one) => one == tid,
        };
        let view = (of.key == key && of.flavour == flavour && same).then(|| view.clone())?;
        inner.worth = WORTH;
        Some(view)
    }

    /// Somebody looks: it may be worth while to have the next one ready.
    pub fn missed(&self) {
        self.inner.lock().worth = WORTH;
    }

    /// Keeps what `make` makes, if somebody may look at it.
    pub fn keep(&self, of: Stopped, make: impl FnOnce() -> View) {
        let mut inner = self.inner.lock();
        if inner.worth > 0 {
            inner.worth -= 1;
            inner.made = Some((of, make()));
        }
    }

    /// To be called before anything is done that may change what is shown.
    pub fn forget(&self) {
        self.inner.lock().made = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lwp::LwpView;
    use crate::process::lwps::Stand;

    #[test]
    fn a_view_is_for_whom_it_was_made() {
        let stand = LwpView {
            tid: 7,
            stand: Stand::Requested,
            directed: false,
            stepping: false,
            vfork: None,
            signal: 0,
            since: 1,
            inside: None,
        };
        let view = |speaker| View { speaker, lwps: vec![stand.clone()], ..View::default() };
        let (glance, of) = (Glance::default(), Stopped { key: (5, 1), flavour: "a", tid: Some(7) });
        glance.keep(of, || unreachable!("nobody has looked"));
        glance.missed();
        glance.keep(of, || view(Some(5)));
        assert!(glance.of((5, 1), "a", Shown::One(7)).is_some());
        for (key, flavour, which) in [
            ((5, 2), "a", Shown::One(7)),
            ((5, 1), "b", Shown::One(7)),
            ((5, 1), "a", Shown::One(5)),
            ((5, 1), "a", Shown::All),
            ((5, 1), "a", Shown::Speaker),
        ] {
            assert!(glance.of(key, flavour, which).is_none());
        }
        glance.keep(of, || view(Some(7)));
        assert!(glance.of((5, 1), "a", Shown::Speaker).is_some());
        glance.forget();
        assert!(glance.of((5, 1), "a", Shown::One(7)).is_none());
        for _ in 0..WORTH {
            glance.keep(of, View::default);
        }
        glance.keep(of, || unreachable!("nobody looks any more"));
    }
}
