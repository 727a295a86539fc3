//! What is true of the whole machine: clocks, pages, processors, memory.

use crate::procfs;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;

const NANOS: u64 = 1_000_000_000;

fn clock(id: libc::clockid_t) -> u64 {
    // SAFETY: all-zero is a valid timespec.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: `time` lives through the call, which cannot fail for the clocks that are asked here.
    unsafe { libc::clock_gettime(id, &mut time) };
    time.tv_sec as u64 * NANOS + time.tv_nsec as u64
}

fn conf(name: libc::c_int, otherwise: u64) -> u64 {
    // SAFETY: no pointers.
    let value = unsafe { libc::sysconf(name) };
    u64::try_from(value).ok().filter(|v| *v > 0).unwrap_or(otherwise)
}

/// Most descriptors that this process can have.
pub fn descriptors() -> u64 {
    conf(libc::_SC_OPEN_MAX, 1024)
}

/// So many descriptors at least, of those that this process can have, are for what gives others back: for orders by which processes
/// run, and for the control socket.
const RESERVE: u64 = 64;

/// EMFILE if no more descriptors are to be taken that are kept. The kernel gives the lowest number that is free, so a new one tells.
pub fn spare_descriptors() -> io::Result<()> {
    let most = descriptors();
    // SAFETY: no pointers; the new descriptor is closed at once, and nobody else knows it.
    let lowest = unsafe {
        let fd = libc::fcntl(procfs::root().as_raw_fd(), libc::F_DUPFD_CLOEXEC, 0);
        if fd >= 0 {
            libc::close(fd);
        }
        u64::try_from(fd).unwrap_or(most)
    };
    match lowest + RESERVE.min(most / 8) >= most {
        true => Err(io::Error::from_raw_os_error(libc::EMFILE)),
        false => Ok(()),
    }
}

/// Bytes of a page.
pub fn page() -> u64 {
    static PAGE: OnceLock<u64> = OnceLock::new();
    *PAGE.get_or_init(|| conf(libc::_SC_PAGESIZE, 4096))
}

/// Nanoseconds of so many clock ticks, in which the kernel's /proc counts.
pub fn ticks(n: u64) -> u64 {
    static TICK: OnceLock<u64> = OnceLock::new();
    n.saturating_mul(*TICK.get_or_init(|| NANOS / conf(libc::_SC_CLK_TCK, 100)))
}

/// Processors on line when this was first asked.
pub fn processors() -> u64 {
    static ONLINE: OnceLock<u64> = OnceLock::new();
    *ONLINE.get_or_init(|| conf(libc::_SC_NPROCESSORS_ONLN, 1))
}

/// Pages of memory when this was first asked.
pub fn pages() -> u64 {
    static PAGES: OnceLock<u64> = OnceLock::new();
    *PAGES.get_or_init(|| conf(libc::_SC_PHYS_PAGES, 1))
}

/// Nanoseconds since boot, sleep of the machine included: the clock of start times.
pub fn since_boot() -> u64 {
    clock(libc::CLOCK_BOOTTIME)
}

/// Seconds and nanoseconds since the epoch.
pub fn now() -> (i64, u32) {
    split(clock(libc::CLOCK_REALTIME))
}

/// When it was so many nanoseconds after boot, in seconds and nanoseconds since the epoch. To milliseconds, so that the same
/// moment is told in the same words each time.
pub fn wall(after_boot: u64) -> (i64, u32) {
    const MILLI: u64 = 1_000_000;
    split((booted() + MILLI / 2) / MILLI * MILLI + after_boot)
}

/// When the machine was started, in nanoseconds since the epoch.
fn booted() -> u64 {
    const CLOSE: u64 = 20_000;
    let mut best = (u64::MAX, 0);
    // Who is kept from the processor between the looks at both clocks looks again.
    for _ in 0..5 {
        let (before, wall, after) = (since_boot(), clock(libc::CLOCK_REALTIME), since_boot());
        best = best.min((after - before, wall.saturating_sub(before)));
        if best.0 < CLOSE {
            break;
        }
    }
    best.1
}

fn split(nanos: u64) -> (i64, u32) {
    ((nanos / NANOS) as i64, (nanos % NANOS) as u32)
}

/// Most processes there can be.
pub fn processes_max() -> u64 {
    let text = procfs::read_at(procfs::root(), c"sys/kernel/pid_max").unwrap_or_default();
    std::str::from_utf8(&text).ok().and_then(|t| t.trim().parse().ok()).unwrap_or(32768)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_agree() {
        let (then, _) = wall(since_boot());
        assert!((now().0 - then).abs() <= 1);
        assert_eq!(ticks(100) % NANOS, 0);
        assert!(page().is_power_of_two() && processors() > 0 && pages() > 1000 && processes_max() > 100);
    }
}
