//! The language of `ctl` and `seat`: one command a line.

use abi::{fault, signal, syscall};
use engine::engine::{Change, Order};
use engine::seat::{Once, Seat};
use std::time::Duration;

/// A command, understood.
pub enum Word {
    /// For the engine.
    Order(Order),
    /// Send this signal to the process, by the rule of kill(2).
    Signal(i32),
    /// Nice value of all threads.
    Nice(i32),
}

/// Longest message.
pub const MESSAGE_MAX: usize = 64 << 10;

/// The commands of a message, which are all understood, each with the number of its line (from 1). It keeps the text: a command takes
/// many times the memory.
#[derive(Debug)]
pub struct Words {
    text: Box<str>,
    /// Where the next line begins.
    at: usize,
    line: usize,
    tid: Option<i32>,
}

impl Words {
    /// True if no command follows.
    pub fn is_empty(&self) -> bool {
        self.at > self.text.len()
    }
}

impl Iterator for Words {
    type Item = (usize, Word);

    fn next(&mut self) -> Option<(usize, Word)> {
        let line = self.text.get(self.at..)?.split('\n').next()?;
        self.at += line.len() + 1;
        self.line += 1;
        Some((self.line, command(line, self.tid).ok()?))
    }
}

/// The commands of a message. The error names the line; then nothing of the message is to be done.
pub fn parse(message: &[u8], tid: Option<i32>) -> Result<Words, String> {
    if message.len() > MESSAGE_MAX {
        return Err(format!("a message has at most {MESSAGE_MAX} bytes"));
    }
    let text = std::str::from_utf8(message).map_err(|_| "a message is text in UTF-8".to_string())?;
    let text = text.trim_end_matches(['\n', '\0']);
    for (i, line) in text.split('\n').enumerate() {
        command(line, tid).map_err(|why| format!("line {}: {why}", i + 1))?;
    }
    Ok(Words { text: text.into(), at: 0, line: 0, tid })
}

fn command(line: &str, tid: Option<i32>) -> Result<Word, String> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let Some((verb, args)) = words.split_first() else { return Err("empty".into()) };
    let alone =
        |order: Order| if args.is_empty() { Ok(Word::Order(order)) } else { Err(format!("{verb} takes no argument")) };
    match *verb {
        "stop" => alone(Order::Stop { tid, wait: true }),
        "attach" => alone(Order::Stop { tid, wait: false }),
        "run" | "start" => alone(Order::Run { tid }),
        "startstop" => alone(Order::RunUntil(Once::Note)),
        "startsyscall" => alone(Order::RunUntil(Once::Call)),
        "detach" => alone(Order::Detach),
        "nosig" => alone(Order::ClearSignal { tid }),
        "abort" => alone(Order::Abort { tid }),
        "hang" => alone(Order::Change(Box::new(|s| s.exec = true))),
        "nohang" => alone(Order::Change(Box::new(|s| s.exec = false))),
        "wait" | "waitstop" => wait(args),
        "step" => match args {
            [] => Ok(Word::Order(Order::Step { tid, n: 1 })),
            [n] => match n.parse() {
                Ok(n) if n > 0 => Ok(Word::Order(Order::Step { tid, n })),
                _ => Err(format!("step {n}: the number of instructions is 1 or more")),
            },
            _ => Err("step takes one number".into()),
        },
        "trace" => trace(args).map(|c| Word::Order(Order::Change(c))),
        "mode" => match args {
            ["stop"] => Ok(Word::Order(Order::Change(Box::new(|s| s.report = false)))),
            ["report"] => Ok(Word::Order(Order::Change(Box::new(|s| s.report = s.stream.is_some())))),
            _ => Err("mode is stop or report".into()),
        },
        "nice" => match args {
            [n] => match n.parse() {
                Ok(n) if (-20..=19).contains(&n) => Ok(Word::Nice(n)),
                _ => Err(format!("nice {n}: a nice value is -20 to 19")),
            },
            _ => Err("nice takes one number".into()),
        },
        "close" => match args {
            [n] => n.parse().map(|n| Word::Order(Order::Close(n))).map_err(|_| format!("close {n}: not a descriptor")),
            _ => Err("close takes one descriptor".into()),
        },
        "kill" if args.is_empty() => Ok(Word::Signal(libc::SIGKILL)),
        name => match signal::parse(name) {
            Some(n) if args.is_empty() => Ok(Word::Signal(n)),
            _ => Err(format!("unknown command {name:?}: stop, run, step, wait, trace, detach and others, or a signal")),
        },
    }
}

/// `wait [what] [timeout]`, in either order of absence.
fn wait(args: &[&str]) -> Result<Word, String> {
    let (mut event, mut timeout) = (None, None);
    for (i, arg) in args.iter().enumerate() {
        match (i, *arg) {
            (0, "stop") => {}
            (0, "sig" | "signal") => event = Some("signal"),
            (0, "fault") => event = Some("fault"),
            (0, "in" | "entry") => event = Some("entry"),
            (0, "out") => event = Some("exit"),
            (0, "fork") => event = Some("fork"),
            (0, "exec") => event = Some("exec"),
            (0, "exit") => event = Some("end"),
            (_, text) if timeout.is_none() && i + 1 == args.len() => timeout = Some(duration(text)?),
            (_, text) => {
                return Err(format!("wait {text}: stop, sig, fault, in, out, fork, exec or exit, then a time"))
            }
        }
    }
    Ok(Word::Order(Order::Await { event, timeout }))
}

/// `5`, `5s`, `250ms`, `0.5`.
fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text}: a time is a number of seconds, like 5, 0.5s or 250ms");
    let (number, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(n), _) => (n, 0.001),
        (None, Some(n)) => (n, 1.0),
        (None, None) => (text, 1.0),
    };
    let seconds = number.parse::<f64>().map_err(|_| bad())? * unit;
    Duration::try_from_secs_f64(seconds).map_err(|_| bad())
}

fn trace(args: &[&str]) -> Result<Change, String> {
    let Some((kind, words)) = args.split_first() else {
        return Err("trace what? sig, fault, in, out, fork, exec, exit or job".into());
    };
    let switch = || match words {
        ["on"] => Ok(true),
        ["off"] => Ok(false),
        _ => Err(format!("trace {kind} is on or off")),
    };
    type Number = fn(&str) -> Option<u64>;
    let (number, set): (Number, fn(&mut Seat) -> &mut abi::set::Set) = match *kind {
        "sig" => (|w| signal::parse(w).map(|n| n as u64), |s| &mut s.signals),
        "fault" => (|w| fault::parse(w).map(u64::from), |s| &mut s.faults),
        "in" => (syscall::parse, |s| &mut s.entries),
        "out" => (syscall::parse, |s| &mut s.exits),
        "fork" => return switch().map(|on| Box::new(move |s: &mut Seat| s.fork = on) as Change),
        "exec" => return switch().map(|on| Box::new(move |s: &mut Seat| s.exec = on) as Change),
        "exit" => return switch().map(|on| Box::new(move |s: &mut Seat| s.end = on) as Change),
        "job" => return switch().map(|on| Box::new(move |s: &mut Seat| s.job = on) as Change),
        other => return Err(format!("trace {other}: sig, fault, in, out, fork, exec, exit or job")),
    };
    if words.is_empty() {
        return Err(format!("trace {kind}: which? all, none, +name -name"));
    }
    // The words must be known before anything is changed; they are applied to the set as it is then.
    abi::set::Set::EMPTY.apply(words, number).map_err(|w| format!("trace {kind}: unknown name {w:?}"))?;
    let words: Vec<String> = words.iter().map(|w| w.to_string()).collect();
    Ok(Box::new(move |seat| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let set = set(seat);
        if let Ok(new) = set.apply(&words, number) {
            *set = new;
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_word() {
        let page = include_str!("../../../../docs/man/procfs-linux.5");
        for line in [
            "stop",
            "run",
            "start",
            "startstop",
            "startsyscall",
            "step",
            "step 12",
            "hang",
            "nohang",
            "attach",
            "detach",
            "kill",
            "int",
            "SIGUSR1",
            "rtmin+2",
            "9",
            "nosig",
            "abort",
            "nice 5",
            "nice -5",
            "close 3",
            "wait",
            "waitstop",
            "wait exit 5s",
            "wait 250ms",
            "wait sig",
            "trace sig +int -alrm",
            "trace in all",
            "trace out none",
            "trace fault fltbpt",
            "trace fork on",
            "trace exec off",
            "trace exit on",
            "mode report",
            "mode stop",
        ] {
            assert!(parse(line.as_bytes(), None).is_ok(), "{line}");
            let verb = line.split(' ').next().unwrap_or_default();
            assert!(signal::parse(verb).is_some() || page.contains(verb), "the manual page lacks {verb}");
        }
    }

    #[test]
    fn commands_come_in_order() {
        let mut words = parse(b"stop\n9\nnice 5\nrun\n\n", None).unwrap();
        for line in 1..=4 {
            assert!(!words.is_empty());
            let (at, word) = words.next().unwrap();
            let known = match line {
                1 => matches!(word, Word::Order(Order::Stop { .. })),
                2 => matches!(word, Word::Signal(9)),
                3 => matches!(word, Word::Nice(5)),
                _ => matches!(word, Word::Order(Order::Run { .. })),
            };
            assert!(known && at == line);
        }
        assert!(words.is_empty() && words.next().is_none());
    }

    #[test]
    fn errors_name_the_line() {
        let said = |m: &str| parse(m.as_bytes(), None).err().unwrap();
        assert!(said("stop\nfrobnicate\nrun").starts_with("line 2: unknown command \"frobnicate\": stop, run"));
        assert!(said("trace sig +nosuch").contains("nosuch"));
        assert!(said("").contains("empty"));
        for bad in
            ["step 0", "step x", "nice 99", "close x", "wait forever", "trace", "trace sig", "stop now", "wait 1 2"]
        {
            assert!(parse(bad.as_bytes(), None).is_err(), "{bad}");
        }
        assert!(parse(&[0xff, 0xfe], None).is_err());
    }

    proptest! {
        #[test]
        fn no_message_panics(m in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&m, None);
        }

        #[test]
        fn no_words_panic(m in "(stop|wait|trace|step|nice|close|sig|in|out|[+-]?[a-z0-9.]{0,9}| |\n){0,12}") {
            let _ = parse(m.as_bytes(), Some(1));
        }
    }
}
