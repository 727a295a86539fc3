//! What `ctl` and `seat` share: carrying out a message command by command.

use super::words::{self, Word, Words};
use crate::right::{send_signal, Right, User};
use crate::target::Target;
use crate::underway::Underway;
use engine::engine::{Giver, Order, Seated};
use engine::Refusal;
use parking_lot::Mutex;
use std::sync::Arc;
use tree::{Caller, Errno, Pending};

/// Why the last command of an open file failed, as a sentence; what a read of `ctl` returns.
pub type LastError = Arc<Mutex<String>>;

/// A message being carried out: commands in order, the first failure ends it.
struct Script {
    target: Target,
    seated: Seated,
    giver: Giver,
    user: User,
    left: Mutex<Words>,
    underway: Arc<Underway>,
    error: LastError,
    length: usize,
    done: Pending<usize>,
}

/// Carries out a message on behalf of `caller`, who has been checked. Answers when the last command is done.
pub fn carry_out(
    target: &Target,
    seated: Seated,
    right: &Right,
    caller: &Caller,
    message: &[u8],
    error: &LastError,
    done: Pending<usize>,
) {
    error.lock().clear();
    let words = match words::parse(message, target.tid.map(|t| t as i32)) {
        Ok(words) => words,
        Err(why) => {
            *error.lock() = why;
            done.finish(Err(Errno(if message.len() > words::MESSAGE_MAX { libc::EMSGSIZE } else { libc::EINVAL })));
            return;
        }
    };
    let user = match right.user(caller) {
        Ok(user) => user,
        Err(e) => {
            let why = match e.0 {
                libc::ESRCH | libc::ENOENT => "the process has ended",
                _ => "you may not control this process",
            };
            *error.lock() = format!("{}: {why}", target.proc.pid());
            done.finish(Err(e));
            return;
        }
    };
    let script = Arc::new(Script {
        target: target.clone(),
        seated,
        giver: right.giver_for(&user),
        user,
        left: Mutex::new(words),
        underway: Underway::of(&done),
        error: error.clone(),
        length: message.len(),
        done,
    });
    script.next();
}

impl Script {
    fn next(self: Arc<Self>) {
        loop {
            if self.done.is_over() {
                return;
            }
            let word = self.left.lock().next();
            let Some((line, word)) = word else {
                self.done.finish(Ok(self.length));
                return;
            };
            let result = match word {
                Word::Order(order) => return self.order(line, order),
                Word::Signal(signal) => self.signal(signal),
                Word::Nice(nice) => self.nice(nice),
            };
            if let Err(refusal) = result {
                return self.fail(line, &refusal);
            }
        }
    }

    fn fail(&self, line: usize, refusal: &Refusal) {
        *self.error.lock() = if line > 1 { format!("line {line}: {refusal}") } else { refusal.to_string() };
        self.done.finish(Err(Errno(refusal.errno)));
    }

    fn order(self: Arc<Self>, line: usize, mut order: Order) {
        if self.user.own {
            // The caller waits in this very write, so it cannot stand before it is answered.
            let pid = self.target.proc.pid();
            match &mut order {
                Order::Stop { wait, .. } => {
                    *wait = false;
                    self.done.finish(Ok(self.length));
                }
                Order::Await { .. } | Order::RunUntil(_) | Order::Step { .. } | Order::Close(_) => {
                    let text = format!("{pid}: a process cannot wait for itself");
                    return self.fail(line, &Refusal::new(libc::EDEADLK, text));
                }
                _ => {}
            }
        }
        let script = self.clone();
        let answer = Box::new(move |result: std::result::Result<(), Refusal>| match result {
            Ok(()) => script.next(),
            Err(refusal) => script.fail(line, &refusal),
        });
        let way = self.target.shared.engine.target(self.target.proc.clone());
        self.underway.give(|| way.order(self.seated, self.giver.clone(), order, answer));
    }

    fn signal(&self, signal: i32) -> std::result::Result<(), Refusal> {
        if self.left.lock().is_empty() {
            // The end of a child interrupts whoever has brought it about, before he is answered.
            self.done.shield();
        }
        send_signal(&self.target, &self.user.creds, signal)
    }

    fn nice(&self, nice: i32) -> std::result::Result<(), Refusal> {
        let pid = self.target.proc.pid() as i32;
        let os = |e: std::io::Error| Refusal::os("set the nice value of", pid, &e);
        let tids = match self.target.tid {
            Some(tid) => vec![tid],
            None => self.target.proc.tasks().map_err(os)?,
        };
        let all = || tids.iter().try_for_each(|tid| kernel::thread::set_nice(*tid as i32, nice));
        self.user.creds.act_on(&self.target.proc, all).map_err(os)
    }
}
