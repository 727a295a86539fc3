//! Who may still control a process behind an exec, asked once for each kind of credentials.
//!
//! In the name of who is in another user namespace a process of its own asks (`kernel::helper`), and whoever rules there can keep it
//! from answering. So that is asked outside the tracer thread: only the process that has made the exec waits for the answer, where the
//! exec has left it, and whoever waits for that.

use crate::seat::Check;
use kernel::creds::Creds;
use kernel::procfs::Proc;
use parking_lot::{Condvar, Mutex};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::Arc;

/// Most processes that are judged at once.
const MOST: usize = 64;

const STACK: usize = 256 << 10;

/// What has been answered so far.
#[derive(Default)]
pub(crate) struct Verdicts(Vec<(Creds, bool)>);

impl Verdicts {
    fn known(&self, creds: &Creds) -> Option<bool> {
        self.0.iter().find(|(known, _)| known == creds).map(|(_, may)| *may)
    }

    /// True if who is asked about may still control the process.
    pub fn ask(&mut self, check: &Check, proc: &Arc<Proc>) -> bool {
        check.names.iter().all(|creds| {
            self.known(creds).unwrap_or_else(|| {
                let may = (check.may)(proc, creds);
                self.0.push((creds.clone(), may));
                may
            })
        })
    }

    /// Those of the checks that the tracer thread is not to make, name by name.
    pub fn open<'a>(&self, checks: impl Iterator<Item = &'a Check>) -> Vec<Check> {
        let mut open: Vec<Check> = Vec::new();
        for (check, creds) in checks.flat_map(|check| check.names.iter().map(move |creds| (check, creds))) {
            let asked = !creds.is_foreign() || self.known(creds).is_some();
            if !asked && open.iter().all(|other| other.names[..] != [creds.clone()]) {
                open.push(Check { names: vec![creds.clone()], may: check.may.clone() });
            }
        }
        open
    }
}

struct Case {
    proc: Arc<Proc>,
    checks: Vec<Check>,
    verdicts: Verdicts,
    tell: Option<Box<dyn FnOnce(Verdicts) + Send>>,
}

impl Case {
    fn judge(mut self) {
        for check in &self.checks {
            self.verdicts.ask(check, &self.proc);
        }
    }
}

impl Drop for Case {
    /// Whoever cannot be asked about may not: somebody waits for an answer in any case.
    fn drop(&mut self) {
        let mut verdicts = std::mem::take(&mut self.verdicts);
        let unknown = verdicts.open(self.checks.iter()).into_iter().flat_map(|check| check.names);
        verdicts.0.extend(unknown.map(|creds| (creds, false)));
        if let Some(tell) = self.tell.take() {
            tell(verdicts);
        }
    }
}

/// The way to the thread that hands out what is to be asked.
pub(crate) struct Judge(Sender<Case>);

impl Judge {
    pub fn start() -> std::io::Result<Judge> {
        let (tx, cases) = mpsc::channel();
        kernel::thread::start("pfs-judge", STACK, move || hand_out(&cases))?;
        Ok(Judge(tx))
    }

    /// Makes these checks; `tell` is called with the answers, in another thread.
    pub fn ask(
        &self,
        proc: Arc<Proc>,
        checks: Vec<Check>,
        verdicts: Verdicts,
        tell: impl FnOnce(Verdicts) + Send + 'static,
    ) {
        let _ = self.0.send(Case { proc, checks, verdicts, tell: Some(Box::new(tell)) });
    }
}

fn hand_out(cases: &Receiver<Case>) {
    let turns = Arc::new(Turns::default());
    while let Ok(case) = cases.recv() {
        let turn = turns.take();
        let judge = move || {
            case.judge();
            drop(turn);
        };
        let _ = kernel::thread::start("pfs-judge", STACK, judge);
    }
}

#[derive(Default)]
struct Turns {
    taken: Mutex<usize>,
    free: Condvar,
}

struct Turn(Arc<Turns>);

impl Turns {
    fn take(self: &Arc<Turns>) -> Turn {
        let mut taken = self.taken.lock();
        self.free.wait_while(&mut taken, |taken| *taken == MOST);
        *taken += 1;
        Turn(self.clone())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.0.taken.lock() -= 1;
        self.0.free.notify_one();
    }
}
