//! Credentials of a caller, and acting with them.
//!
//! A thread takes the caller's groups, effective ids and effective capabilities, does the one thing the caller asked
//! for, and takes its own back. All by raw system calls: the libc wrappers would change every thread of the process.
//! Real and saved ids stay ours, so nobody but ourselves may signal the thread meanwhile, and the permitted
//! capabilities stay ours, so the way back is open.
//!
//! A caller in another user namespace is weaker than its ids look from ours (the kernel wants equal namespaces besides equal uids),
//! and its capabilities count only there. No thread can enter it, so a process does what it asks for ([`crate::helper`]), which has
//! exactly its credentials.
//!
//! Three places where we would be judged more kindly than the caller itself, and what is done:
//! * A thread may always look into its own process, so into the daemon's own it is a copy of us that looks ([`Creds::act_on`]).
//! * While access(2) runs, the header's uid is the real one but /proc still shows the effective capabilities: if the
//!   ids differ, the capabilities do not count.
//! * Keys are found by the real uid and in the keyring of a session, which stay ours: [`Creds::act_without_keys`].

use crate::helper::{self, Carried};
use crate::procfs::{self, Proc};
use crate::{apart, pidfd};
use std::cell::Cell;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};

/// Capability numbers as in capabilities(7), those this module itself needs.
const CAP_DAC_OVERRIDE: u32 = 1;
const CAP_KILL: u32 = 5;
const CAP_SETGID: u32 = 6;
const CAP_SETUID: u32 = 7;
const CAP_SYS_ADMIN: u32 = 21;

/// Who acts for a caller whose user namespace we cannot enter: an id that no account has and whose value is not -1 ("leave
/// alone").
const STRANGER: u32 = 0xffff_fffd;
/// Leaves an id alone.
const KEEP: u32 = u32::MAX;
/// What the kernel shows for an id that our user namespace has no number for.
const OVERFLOW_ID: u32 = 65534;

/// What the kernel would judge the caller by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creds {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    effective: u64,
    home: Home,
}

/// How a caller relates to us.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Home {
    /// Same ids, same capabilities, same user namespace: acting for it needs nothing.
    Same,
    /// Our user namespace.
    Ours,
    /// Another user namespace.
    Foreign {
        /// None if it cannot be known.
        space: Option<UserNs>,
        /// Effective capabilities there.
        effective: u64,
    },
}

/// A user namespace, which is kept so that its number stays its own.
#[derive(Clone, Debug)]
struct UserNs {
    inode: u64,
    door: Arc<OwnedFd>,
}

impl UserNs {
    /// That of the thread whose /proc directory this is.
    fn of(dir: BorrowedFd) -> io::Result<UserNs> {
        let door = procfs::openat(dir, c"ns/user", libc::O_RDONLY)?;
        Ok(UserNs { inode: procfs::fstat(door.as_fd())?.st_ino, door: Arc::new(door) })
    }

    /// Every capability there comes with it. EPERM if we may not.
    fn enter(&self) -> io::Result<()> {
        // SAFETY: no pointers.
        match unsafe { libc::setns(self.door.as_raw_fd(), libc::CLONE_NEWUSER) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl PartialEq for UserNs {
    fn eq(&self, other: &UserNs) -> bool {
        self.inode == other.inode
    }
}

impl Eq for UserNs {}

/// This process as it was when credentials were first asked for.
struct Own {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    caps: Caps,
    user_ns: u64,
}

impl Own {
    fn switches(&self) -> bool {
        has(self.caps.effective, CAP_SETUID) && has(self.caps.effective, CAP_SETGID)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Caps {
    effective: u64,
    permitted: u64,
    inheritable: u64,
}

fn has(set: u64, cap: u32) -> bool {
    set & (1 << cap) != 0
}

fn denied() -> io::Error {
    io::Error::from_raw_os_error(libc::EACCES)
}

static OWN: OnceLock<Own> = OnceLock::new();

fn own() -> &'static Own {
    OWN.get_or_init(|| Own {
        // SAFETY: no pointers, cannot fail.
        uid: unsafe { libc::geteuid() },
        // SAFETY: as above.
        gid: unsafe { libc::getegid() },
        groups: raw::groups().unwrap_or_default(),
        caps: raw::capget(0).unwrap_or(Caps { effective: 0, permitted: 0, inheritable: 0 }),
        user_ns: procfs::namespace(procfs::root(), c"self/ns/user").unwrap_or(0),
    })
}

thread_local! {
    /// The ids and capabilities this thread acts with, if they are not its own.
    static ACTING: Cell<Option<(u32, u32, u64)>> = const { Cell::new(None) };
    /// The thread whose credentials this thread read last, and its /proc directory: who asks, asks again.
    static LAST: Cell<Option<(u32, OwnedFd)>> = const { Cell::new(None) };
}

/// True if process `pid`, of our user namespace, has CAP_SYS_ADMIN, or neither have we.
pub(crate) fn mounts_as_we(pid: u32) -> bool {
    !has(own().caps.effective, CAP_SYS_ADMIN)
        || raw::capget(pid as i32).is_ok_and(|caps| has(caps.effective, CAP_SYS_ADMIN))
}

impl Creds {
    /// Reads the credentials of thread `tid`, whose file-system ids the front end saw as `uid` and `gid`. ESRCH for
    /// thread 0 (not visible from here), EACCES for ids that our user namespace has no number for.
    pub fn of(tid: u32, uid: u32, gid: u32) -> io::Result<Creds> {
        if tid == 0 {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        if uid == u32::MAX || gid == u32::MAX {
            return Err(denied());
        }
        if let Some((_, dir)) = LAST.take().filter(|(last, _)| *last == tid) {
            match Creds::from_dir(dir.as_fd(), tid, uid, gid) {
                // The number may be another thread's now.
                Err(e) if e.raw_os_error() == Some(libc::ESRCH) => {}
                other => {
                    LAST.set(Some((tid, dir)));
                    return other;
                }
            }
        }
        let name = CString::new(tid.to_string()).expect("digits");
        let dir = procfs::openat(procfs::root(), &name, libc::O_PATH | libc::O_DIRECTORY)?;
        let creds = Creds::from_dir(dir.as_fd(), tid, uid, gid)?;
        LAST.set(Some((tid, dir)));
        Ok(creds)
    }

    fn from_dir(dir: BorrowedFd, tid: u32, uid: u32, gid: u32) -> io::Result<Creds> {
        let own = own();
        let caps = raw::capget(tid as i32)?;
        // Asked last and through the descriptor: if it answers, the number was not given away when capget used it.
        let user_ns = match procfs::namespace(dir, c"ns/user") {
            Err(e) if e.raw_os_error() == Some(libc::ESRCH) => return Err(e),
            other => other.unwrap_or(0),
        };
        let ours = user_ns == own.user_ns && user_ns != 0;
        let alike = uid == own.uid && gid == own.gid && caps.effective == own.caps.effective;
        // Groups need not be compared if no file mode binds either of us.
        if ours && alike && has(own.caps.effective, CAP_DAC_OVERRIDE) {
            return Ok(Creds { uid, gid, groups: vec![], effective: caps.effective, home: Home::Same });
        }
        let home = if ours { Home::Ours } else { Home::Foreign { space: UserNs::of(dir).ok(), effective: 0 } };
        Creds::from_status(dir, uid, gid, home)
    }

    fn from_status(dir: BorrowedFd, uid: u32, gid: u32, mut home: Home) -> io::Result<Creds> {
        let bad = || io::Error::from_raw_os_error(libc::EIO);
        let status = procfs::read_at(dir, c"status")?;
        let mut groups = procfs::numbers(procfs::field(&status, "Groups").ok_or_else(bad)?);
        let shown = procfs::field(&status, "CapEff").and_then(|v| std::str::from_utf8(v).ok());
        let mut effective = u64::from_str_radix(shown.ok_or_else(bad)?, 16).map_err(|_| bad())?;
        let fsuid = procfs::numbers(procfs::field(&status, "Uid").ok_or_else(bad)?).get(3).copied();
        if fsuid != Some(uid) && (uid != 0 || home != Home::Ours) {
            effective = 0;
        }
        if let Home::Foreign { effective: there, .. } = &mut home {
            *there = std::mem::take(&mut effective);
            groups.retain(|g| *g != OVERFLOW_ID);
        }
        Ok(Creds { uid, gid, groups, effective, home })
    }

    /// Credentials of this process, as they were when credentials were first asked for.
    pub fn own() -> Creds {
        let own = own();
        Creds {
            uid: own.uid,
            gid: own.gid,
            groups: own.groups.clone(),
            effective: own.caps.effective,
            home: Home::Same,
        }
    }

    /// True if thread `tid`, which had these credentials, seems to have them still: one call instead of the several that
    /// [`Creds::of`] takes. What a process gives up besides capabilities stays with what it has opened, as with any file.
    pub fn are_still_of(&self, tid: u32) -> bool {
        let effective = match self.home {
            Home::Foreign { effective, .. } => effective,
            _ => self.effective,
        };
        tid != 0 && raw::capget(tid as i32).is_ok_and(|caps| caps.effective == effective)
    }

    /// File-system uid.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// File-system gid.
    pub fn gid(&self) -> u32 {
        self.gid
    }

    /// Supplementary groups. Empty for a caller that [`is_same`](Creds::is_same): they are not read, no file mode binds it.
    pub fn groups(&self) -> &[u32] {
        &self.groups
    }

    /// Effective capabilities that count in our user namespace, bit `1 << CAP_*`.
    pub fn effective(&self) -> u64 {
        self.effective
    }

    /// True if file modes do not bind the caller (CAP_DAC_OVERRIDE in our user namespace).
    pub fn overrides_modes(&self) -> bool {
        has(self.effective, CAP_DAC_OVERRIDE)
    }

    /// True if the caller has our own ids, capabilities and user namespace: what we may, it may.
    pub fn is_same(&self) -> bool {
        self.home == Home::Same
    }

    /// True if the caller's user namespace is not ours, or cannot be read.
    pub fn is_foreign(&self) -> bool {
        matches!(self.home, Home::Foreign { .. })
    }

    /// Runs `f` with these credentials, in this thread or, for a caller of another user namespace, in a copy of this process that
    /// ends with it. Where that namespace cannot be entered it runs as a stranger: an unused id, no groups, no capabilities.
    /// EACCES if we are not privileged and the caller has another uid than we.
    pub fn act<T: Carried>(&self, f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match &self.home {
            Home::Same => f(),
            Home::Ours => self.switched(false, f),
            Home::Foreign { space: Some(space), effective } => self.abroad(space, *effective, f),
            Home::Foreign { space: None, .. } => Creds::stranger().switched(false, f),
        }
    }

    /// Like [`act`](Creds::act), always in a copy of this process: with the real ids too, and in the pid namespace that the children
    /// of this thread are in.
    pub fn act_in_copy<T: Carried>(&self, f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match &self.home {
            Home::Foreign { space: Some(space), effective } => self.abroad(space, *effective, f),
            Home::Foreign { space: None, .. } => Creds::stranger().copied(f),
            Home::Same | Home::Ours => self.copied(f),
        }
    }

    /// The same with no keys of ours at hand: the kernel shows what keys its reader has, by his real uid and his session's keyring.
    pub fn act_without_keys<T: Carried>(&self, f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.act_in_copy(|| helper::leave_keys().and_then(|()| f()))
    }

    fn copied<T: Carried>(&self, f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if ACTING.get().is_some() {
            return Err(denied());
        }
        let own = own();
        helper::run(|| self.be(own).map_err(|_| denied()), f)
    }

    fn stranger() -> Creds {
        Creds { uid: STRANGER, gid: STRANGER, groups: vec![], effective: 0, home: Home::Ours }
    }

    /// In this thread, with the real ids too, by which ptrace(2) goes. EACCES for a caller of another user namespace, and for our own
    /// process as in [`act_on`](Creds::act_on).
    pub fn act_really_on<T>(&self, target: &Proc, f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.home {
            Home::Same => f(),
            Home::Ours if !apart::ours(target.tgid()?) => self.switched(true, f),
            _ => Err(denied()),
        }
    }

    /// Like [`act`](Creds::act) for an `f` that touches nothing but `target`. If that is our own process, a copy of it runs `f`, which
    /// the kernel judges as any other.
    pub fn act_on<T: Carried>(&self, target: &Proc, f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.home == Home::Same || !apart::ours(target.tgid()?) {
            return self.act(f);
        }
        self.act_in_copy(f)
    }

    /// EPERM unless kill(2) lets these credentials signal `target`. To be asked before a signal is sent in a caller's name: the
    /// real uid of a thread that acts for him stays ours, and kill(2) is content with that. (SIGCONT within a session, which
    /// kill(2) lets pass, is judged as any other signal.)
    pub fn may_signal(&self, target: &Proc) -> io::Result<()> {
        let may = match &self.home {
            Home::Same => true,
            Home::Ours => {
                let status = target.status()?;
                let uids = procfs::numbers(procfs::field(&status, "Uid").unwrap_or_default());
                // Real and saved.
                has(self.effective, CAP_KILL) || [0, 2].iter().any(|i| uids.get(*i) == Some(&self.uid))
            }
            Home::Foreign { .. } => return self.act_on(target, || pidfd::send_signal(&target.pidfd()?, 0)),
        };
        if may {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(libc::EPERM))
        }
    }

    fn abroad<T: Carried>(&self, space: &UserNs, effective: u64, f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let own = own();
        let alike = (self.uid, self.gid) == (own.uid, own.gid);
        if ACTING.get().is_some() || !own.switches() && !alike {
            return Err(denied());
        }
        let become_it =
            || self.move_to(own, space, effective).or_else(|_| Creds::stranger().be(own)).map_err(|_| denied());
        helper::run(become_it, f)
    }

    /// Takes these credentials and this user namespace for good. The ids first: not all of them have a number there.
    fn move_to(&self, own: &Own, space: &UserNs, effective: u64) -> io::Result<()> {
        self.be_called(own)?;
        raw::capset(Caps { effective: own.caps.permitted, ..own.caps })?;
        space.enter()?;
        raw::capset(Caps { effective, permitted: effective, inheritable: 0 })
    }

    /// Takes these credentials for good.
    fn be(&self, own: &Own) -> io::Result<()> {
        self.be_called(own)?;
        let effective = self.effective & own.caps.permitted;
        raw::capset(Caps { effective, permitted: effective, inheritable: 0 })
    }

    /// Takes all ids, the real and saved ones too. An unprivileged daemon has no others than its own.
    fn be_called(&self, own: &Own) -> io::Result<()> {
        if own.switches() {
            raw::capset(Caps { effective: own.caps.permitted, ..own.caps })?;
            raw::keep_caps()?;
            raw::setgroups(&self.groups)?;
            raw::setresgid([self.gid; 3])?;
            raw::setresuid([self.uid; 3])?;
        } else if (self.uid, self.gid) != (own.uid, own.gid) {
            return Err(denied());
        }
        Ok(())
    }

    fn switched<T>(&self, real: bool, f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let own = own();
        let want = (self.uid, self.gid, self.effective & own.caps.permitted);
        match ACTING.get() {
            Some(now) if now == want && !real => return f(),
            Some(_) => return Err(denied()),
            None => {}
        }
        if !own.switches() && self.uid != own.uid {
            return Err(denied());
        }
        let back = Back { own, ids: own.switches(), real };
        ACTING.set(Some(want));
        self.take(own, want.2, real).map_err(|_| denied())?;
        let result = f();
        drop(back);
        result
    }

    fn take(&self, own: &Own, effective: u64, real: bool) -> io::Result<()> {
        if own.switches() {
            // Without it, leaving uid 0 empties the permitted set of a daemon that is not root itself.
            raw::keep_caps()?;
            raw::setgroups(&self.groups)?;
            raw::setresgid([if real { self.gid } else { KEEP }, self.gid, KEEP])?;
            raw::setresuid([if real { self.uid } else { KEEP }, self.uid, KEEP])?;
        }
        raw::capset(Caps { effective, ..own.caps })
    }
}

/// Gives the thread its own credentials back, after a panic too.
struct Back {
    own: &'static Own,
    ids: bool,
    real: bool,
}

impl Drop for Back {
    fn drop(&mut self) {
        if self.restore().is_err() {
            // A thread that keeps a caller's credentials would judge the next caller by them.
            std::process::abort();
        }
        ACTING.set(None);
        apart::watch_daemon();
    }
}

impl Back {
    fn restore(&self) -> io::Result<()> {
        if self.ids {
            raw::capset(Caps { effective: self.own.caps.permitted, ..self.own.caps })?;
            raw::setresuid([if self.real { self.own.uid } else { KEEP }, self.own.uid, KEEP])?;
            raw::setresgid([if self.real { self.own.gid } else { KEEP }, self.own.gid, KEEP])?;
            raw::setgroups(&self.own.groups)?;
        }
        raw::capset(self.own.caps)
    }
}

/// System calls on the credentials of this thread alone.
mod raw {
    use super::Caps;
    use std::io;

    const VERSION_3: u32 = 0x2008_0522;

    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }

    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Half {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }

    fn check(result: i64) -> io::Result<i64> {
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(result)
    }

    pub fn capget(tid: i32) -> io::Result<Caps> {
        let mut header = Header { version: VERSION_3, pid: tid };
        let mut halves = [Half::default(); 2];
        // SAFETY: version 3 reads one header and writes two halves; both live through the call.
        check(unsafe { libc::syscall(libc::SYS_capget, &mut header, halves.as_mut_ptr()) })?;
        let whole = |pick: fn(&Half) -> u32| u64::from(pick(&halves[0])) | u64::from(pick(&halves[1])) << 32;
        Ok(Caps {
            effective: whole(|h| h.effective),
            permitted: whole(|h| h.permitted),
            inheritable: whole(|h| h.inheritable),
        })
    }

    pub fn capset(caps: Caps) -> io::Result<()> {
        let mut header = Header { version: VERSION_3, pid: 0 };
        let half = |shift: u32| Half {
            effective: (caps.effective >> shift) as u32,
            permitted: (caps.permitted >> shift) as u32,
            inheritable: (caps.inheritable >> shift) as u32,
        };
        let halves = [half(0), half(32)];
        // SAFETY: version 3 reads one header and two halves; both live through the call.
        check(unsafe { libc::syscall(libc::SYS_capset, &mut header, halves.as_ptr()) })?;
        Ok(())
    }

    pub fn groups() -> io::Result<Vec<u32>> {
        let mut list = vec![0u32; 65536];
        // SAFETY: `list` has room for the most groups there can be.
        let n = check(unsafe { libc::syscall(libc::SYS_getgroups, list.len(), list.as_mut_ptr()) })?;
        list.truncate(n as usize);
        Ok(list)
    }

    pub fn setgroups(groups: &[u32]) -> io::Result<()> {
        // SAFETY: `groups` is readable for its length.
        check(unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) })?;
        Ok(())
    }

    /// Real, effective (and file-system) and saved gid.
    pub fn setresgid([real, effective, saved]: [u32; 3]) -> io::Result<()> {
        // SAFETY: no pointers.
        check(unsafe { libc::syscall(libc::SYS_setresgid, real, effective, saved) })?;
        Ok(())
    }

    /// Real, effective (and file-system) and saved uid.
    pub fn setresuid([real, effective, saved]: [u32; 3]) -> io::Result<()> {
        // SAFETY: no pointers.
        check(unsafe { libc::syscall(libc::SYS_setresuid, real, effective, saved) })?;
        Ok(())
    }

    pub fn keep_caps() -> io::Result<()> {
        // SAFETY: no pointers.
        check(unsafe { libc::syscall(libc::SYS_prctl, libc::PR_SET_KEEPCAPS, 1, 0, 0, 0) })?;
        Ok(())
    }
}
