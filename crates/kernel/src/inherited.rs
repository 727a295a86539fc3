//! What the daemon has from whoever happened to start it, and would die of while it serves others.

/// Each with whether more than the highest that we may set without a right is wanted. Of the descriptors it is not: what share of
/// them a user has goes by that.
const LIMITS: [(libc::__rlimit_resource_t, bool); 9] = [
    (libc::RLIMIT_NOFILE, false),
    (libc::RLIMIT_FSIZE, true),
    (libc::RLIMIT_CPU, true),
    (libc::RLIMIT_AS, true),
    (libc::RLIMIT_DATA, true),
    (libc::RLIMIT_STACK, true),
    (libc::RLIMIT_NPROC, true),
    (libc::RLIMIT_MEMLOCK, true),
    (libc::RLIMIT_SIGPENDING, true),
];

/// Raises the limits as far as allowed, and does nothing at the signals of those that stay: a line of the log that is not written
/// is no reason to end. The ends of children are told again, for the starter may have ignored those of his. To be called before
/// another process is made, which keeps what it finds.
pub fn shed() {
    for (resource, all) in LIMITS {
        raise(resource, all);
    }
    // SAFETY: zeroed plain data filled in before use; the handler touches nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        // Not SIG_IGN, which a program that we start would inherit.
        action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        for signal in [libc::SIGXFSZ, libc::SIGXCPU] {
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
    }
}

extern "C" fn nothing(_: libc::c_int) {}

fn raise(resource: libc::__rlimit_resource_t, all: bool) {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the structure lives through the calls.
    unsafe {
        if all && libc::setrlimit(resource, &limit) == 0 {
            return;
        }
        if libc::getrlimit(resource, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(resource, &limit);
        }
    }
}
