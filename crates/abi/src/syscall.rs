//! System calls by name and number, and what is special about some of them.

use crate::syscall_args::BY_ARGUMENTS;
use crate::syscall_table::{I386, X86_64};

/// Which table a number belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abi {
    /// 64-bit calls (also x32, whose numbers carry bit 30).
    X86_64,
    /// 32-bit calls, by `int 0x80` or from 32-bit code.
    I386,
}

fn table(abi: Abi) -> &'static [(u16, &'static str)] {
    match abi {
        Abi::X86_64 => X86_64,
        Abi::I386 => I386,
    }
}

/// Number of a call of the 64-bit table, by name or decimal number.
pub fn parse(word: &str) -> Option<u64> {
    if let Ok(n) = word.parse::<u64>() {
        return (n < crate::set::SIZE as u64).then_some(n);
    }
    X86_64.iter().find(|(_, name)| *name == word).map(|(n, _)| *n as u64)
}

/// Name of a call; the number for what has none.
pub fn name(abi: Abi, nr: u64) -> String {
    let t = table(abi);
    match t.binary_search_by_key(&nr, |(n, _)| *n as u64) {
        Ok(i) => t[i].1.to_string(),
        Err(_) => nr.to_string(),
    }
}

/// How many arguments a call has; 6, which is as many as there can be, for one that is not known.
pub fn arguments(abi: Abi, nr: u64) -> usize {
    let name = name(abi, nr);
    let count = |name: &str| BY_ARGUMENTS.iter().position(|names| names.contains(&name));
    let wider = ["_time64", "64", "32"].iter().filter_map(|suffix| name.strip_suffix(suffix)).find_map(count);
    count(&name).or(wider).unwrap_or(BY_ARGUMENTS.len() - 1)
}

/// The number that sets use: that of the 64-bit call of the same name, so that one set serves both kinds of target.
pub fn set_number(abi: Abi, nr: u64) -> u64 {
    if abi == Abi::X86_64 {
        return nr & !(1 << 30);
    }
    let name = name(abi, nr);
    let same = |suffix: &str| name.strip_suffix(suffix).and_then(parse);
    // What the 64-bit table does not have is no call of that table: a number beyond it.
    parse(&name).or_else(|| same("_time64")).or_else(|| same("64")).or_else(|| same("32")).unwrap_or(1 << 32 | nr)
}

/// True for what a call returns that the kernel will make again, ERESTARTSYS to ERESTART_RESTARTBLOCK (-512 to -516): no program
/// ever sees it.
pub fn is_made_again(result: i64) -> bool {
    (-516..=-512).contains(&result)
}

/// The call by which the kernel restarts an interrupted one; programs never make it themselves.
pub fn is_restart(abi: Abi, nr: u64) -> bool {
    nr == if abi == Abi::I386 { 0 } else { 219 }
}

/// Calls that set the signal mask of the caller, or another one for as long as they wait.
pub fn changes_mask(abi: Abi, nr: u64) -> bool {
    let name = name(abi, nr);
    let set = ["rt_sigprocmask", "sigprocmask", "ssetmask", "rt_sigreturn", "sigreturn", "rt_sigsuspend", "sigsuspend"];
    let waits = ["ppoll", "pselect6", "epoll_pwait", "epoll_pwait2", "io_pgetevents", "io_uring_enter"];
    set.contains(&name.as_str()) || waits.contains(&name.strip_suffix("_time64").unwrap_or(&name))
}

/// Calls that a mere stop ends with EINTR although nothing happened to the program (linux-mechanisms.md 3.3). None: it does not;
/// empty: it does; else it does where one of these arguments is a socket or a FUSE file. 64-bit numbers.
pub fn stop_makes_eintr(nr: u64) -> Option<&'static [usize]> {
    match nr {
        // epoll_wait, epoll_pwait, epoll_pwait2, semop, semtimedop, rt_sigtimedwait, io_getevents, io_pgetevents,
        // io_uring_enter
        232 | 281 | 441 | 65 | 220 | 128 | 208 | 333 | 426 => Some(&[]),
        // select, pselect6, ppoll: only where the kernel could not write down the time that is left.
        23 | 270 | 271 => Some(&[]),
        // accept, accept4, connect, sendto, recvfrom, sendmsg, recvmsg, sendmmsg, recvmmsg: with a time-out set on the
        // socket. A second connect waits on for what the first began; only if time runs out it says EALREADY where the
        // first would have said EINPROGRESS (TCP).
        43 | 288 | 42 | 44 | 45 | 46 | 47 | 307 | 299 => Some(&[]),
        // read, write, readv, writev, pread64, pwrite64, preadv, pwritev, preadv2, pwritev2, and ioctl, by which clients of ours wait
        0 | 1 | 19 | 20 | 17 | 18 | 295 | 296 | 327 | 328 | 16 => Some(&[0]),
        // sendfile; splice, copy_file_range
        40 => Some(&[0, 1]),
        275 | 326 => Some(&[0, 2]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names() {
        assert_eq!(parse("getppid"), Some(110));
        assert_eq!(name(Abi::X86_64, 35), "nanosleep");
        assert_eq!(name(Abi::I386, 162), "nanosleep");
        assert_eq!(set_number(Abi::I386, 162), 35);
        assert_eq!([39, 3, 1, 9, 57, 4000].map(|nr| arguments(Abi::X86_64, nr)), [0, 1, 3, 6, 0, 6]);
        assert_eq!([20, 6, 3, 54, 199].map(|nr| arguments(Abi::I386, nr)), [0, 1, 3, 3, 0]);
        assert_eq!(set_number(Abi::I386, 420), 220);
        assert_eq!(set_number(Abi::I386, 199), parse("getuid").unwrap());
        assert_ne!(set_number(Abi::I386, 102), parse("getuid").unwrap());
        assert_eq!(name(Abi::X86_64, 999_999), "999999");
        assert!(is_restart(Abi::X86_64, 219) && is_restart(Abi::I386, 0));
    }
}
