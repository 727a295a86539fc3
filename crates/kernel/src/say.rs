//! Words on standard error, which is a terminal or the log. They never fail the work: nobody may read it any more, or it is full.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::time::{Duration, SystemTime};

/// Says a line.
pub fn line(what: fmt::Arguments<'_>) {
    // One write, so that it stays one line among those of others.
    let _ = std::io::stderr().write_all(format!("{what}\n").as_bytes());
}

/// Says a line, from a signal handler: without locks, memory or waiting.
pub(crate) fn line_in_handler(what: &str) {
    let mut text = Line { bytes: [0; 160], len: 0 };
    let _ = writeln!(text, "{} {what}", now());
    let mut out = libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one pollfd, and `len` bytes that have been written; both live through the calls.
    unsafe {
        if libc::poll(&mut out, 1, 0) == 1 && out.revents & libc::POLLOUT != 0 {
            libc::write(libc::STDERR_FILENO, text.bytes.as_ptr().cast(), text.len);
        }
    }
}

struct Line {
    bytes: [u8; 160],
    len: usize,
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.len..self.len + text.len()).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

/// A time, shown as RFC 3339 does, in UTC.
#[derive(Clone, Copy, Debug)]
pub struct Utc(u64);

/// Now.
pub fn now() -> Utc {
    Utc(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d: Duration| d.as_secs()))
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        // Counted from 1 March of the year 0, a year's leap day is its last, and 400 years are a cycle.
        let days = days + 719_468;
        let (cycle, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = 400 * cycle + year + carry;
        let (h, m, s) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::Utc;

    #[test]
    fn times() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(Utc(seconds).to_string(), text);
        }
    }
}
