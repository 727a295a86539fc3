//! Who may come near a process: the rule of the release, with the ids of who asks, and that of the kernel. Both must allow it, at open
//! and at each use, to who uses a file and to who opened it: so neither an inherited descriptor nor one that a program of more rights
//! is made to write to leads anywhere.

use super::level::Predicate;
use super::look::{Look, Subject};
use crate::right::{may_control, Right, User};
use engine::seat::Check;
use kernel::creds::Creds;
use kernel::procfs;
use std::ffi::CString;
use std::os::fd::OwnedFd;
use tree::{Caller, Errno, Result};

const CAP_SYS_PTRACE: u32 = 19;

/// The ids of one who wants to come near.
#[derive(Clone, Debug, Default)]
struct Who {
    /// What the superuser is there: may trace all.
    privileged: bool,
    /// Real, effective and saved user.
    users: [u32; 3],
    /// Effective and supplementary groups.
    groups: Vec<u32>,
}

impl Who {
    /// Of a thread with these credentials. For the privileged no more is looked up.
    fn of(tid: u32, creds: &Creds) -> Who {
        if creds.effective() >> CAP_SYS_PTRACE & 1 == 1 {
            return Who { privileged: true, ..Who::default() };
        }
        let path = CString::new(format!("{tid}/status")).unwrap_or_default();
        let status = procfs::read_at(procfs::root(), &path).unwrap_or_default();
        let numbers = |name| procfs::numbers(procfs::field(&status, name).unwrap_or_default());
        // One that cannot be seen is nobody: no process has this number.
        let users = numbers("Uid").first_chunk().copied().unwrap_or([u32::MAX; 3]);
        let groups = numbers("Gid").into_iter().skip(1).take(1).chain(numbers("Groups")).collect();
        Who { privileged: false, users, groups }
    }

    /// The rule of the release.
    fn passes(&self, look: &Look, own: bool) -> Result<bool> {
        if self.privileged || look.rules.predicate() == Predicate::ModeBits {
            return Ok(true);
        }
        let status = look.status()?;
        let [ruid, euid, suid, _] = status.ids("Uid");
        let [rgid, egid, sgid, _] = status.ids("Gid");
        let [_, user, _] = self.users;
        Ok(match look.rules.predicate() {
            Predicate::ModeBits => true,
            Predicate::CheckIo => self.users == [ruid; 3] && !look.is_sugid()?,
            Predicate::CanDebug if own => true,
            Predicate::CanDebug => {
                let mut groups = procfs::numbers(status.field("Groups"));
                groups.extend([rgid, egid, sgid]);
                let all = groups.iter().all(|gid| self.groups.contains(gid));
                all && [ruid, euid, suid] == [user; 3] && !look.is_sugid()?
            }
        })
    }
}

/// The right to come near one process, of one who opened a file.
pub struct Claim {
    subject: Subject,
    right: Right,
    opener: Who,
}

impl Claim {
    /// EPERM if the caller may not, EBUSY if nobody can: a thread of the kernel. ENOENT if the process has ended.
    pub fn open(subject: &Subject, caller: &Caller) -> Result<Claim> {
        let right = Right::open(&subject.target, caller).map_err(|e| match e.0 {
            libc::EACCES => Errno(libc::EPERM),
            libc::ESRCH => Errno(libc::ENOENT),
            _ => e,
        })?;
        let own = right.user(caller).is_ok_and(|user| user.own);
        let opener = Who::of(caller.tid, caller.creds()?);
        if !opener.passes(&subject.look(caller), own)? {
            return Err(Errno(libc::EPERM));
        }
        Ok(Claim { subject: subject.clone(), right, opener })
    }

    /// Asks again, in the names of who uses the file and of who opened it; tells who uses it. The errors of the release for a process
    /// that has ended and for a right that was lost.
    pub fn check(&self, caller: &Caller) -> Result<User> {
        self.enter(caller).map(|(user, _)| user)
    }

    /// As [`Claim::check`], with the address space that the process has now, which was opened to ask.
    pub fn enter(&self, caller: &Caller) -> Result<(User, OwnedFd)> {
        let rules = self.subject.rules;
        self.asked(caller).map_err(|e| match e.0 {
            libc::ENOENT | libc::ESRCH => rules.gone(),
            libc::EACCES | libc::EPERM => rules.lost(),
            _ => e,
        })
    }

    fn asked(&self, caller: &Caller) -> Result<(User, OwnedFd)> {
        let look = self.subject.look(caller);
        look.there()?;
        let (user, memory) = self.right.enter(caller)?;
        let allowed = Who::of(caller.tid, &user.creds).passes(&look, user.own)?;
        let opener = self.right.is_of(&user.creds) || self.opener.passes(&look, false)?;
        if allowed && opener {
            Ok((user, memory))
        } else {
            Err(Errno(libc::EPERM))
        }
    }

    /// What is to be asked when this use of the file is over, or comes to what it waited for: nobody's request is at hand then.
    pub fn pass(&self, caller: &Caller, user: &User) -> Pass {
        Pass {
            subject: self.subject.clone(),
            user: user.clone(),
            who: Who::of(caller.tid, &user.creds),
            opener: Some(self.opener.clone()).filter(|_| !self.right.is_of(&user.creds)),
            opener_check: self.right.giver().check,
        }
    }

    /// The kernel's part of it.
    pub fn right(&self) -> &Right {
        &self.right
    }
}

/// The right of one who uses a file, as it is later.
pub struct Pass {
    subject: Subject,
    user: User,
    who: Who,
    /// If he had other credentials.
    opener: Option<Who>,
    opener_check: Option<Check>,
}

impl Pass {
    /// True if he, and who opened the file, may still come near the process.
    pub fn holds(&self) -> bool {
        let Subject { target, .. } = &self.subject;
        let opener_may = self.opener_check.as_ref().is_none_or(|check| check.holds(&target.proc));
        if !opener_may || may_control(target, &self.user.creds).is_err() {
            return false;
        }
        // Nobody's question, so in our own name.
        let ourselves = Caller::new(std::process::id(), 0, 0);
        let look = self.subject.look(&ourselves);
        let passes = |who: &Who, own| who.passes(&look, own).unwrap_or(false);
        passes(&self.who, self.user.own) && self.opener.as_ref().is_none_or(|opener| passes(opener, false))
    }
}

/// One who asks for what a process has mapped, with his rights as they were then.
pub struct Asker {
    creds: Creds,
    who: Who,
}

impl Asker {
    /// The caller.
    pub fn of(caller: &Caller) -> Result<Asker> {
        let creds = caller.creds()?.clone();
        Ok(Asker { who: Who::of(caller.tid, &creds), creds })
    }

    /// EPERM if he may not know. `own`: he is of the process. Before FreeBSD 5 everybody may, but for what the kernel says.
    pub fn may_look(&self, look: &Look, own: bool) -> Result<()> {
        let proc = &look.about.target.proc;
        let seen = self.creds.act_on(proc, || procfs::readlinkat(proc.dir(), c"exe"));
        let refused = seen.is_err_and(|e| matches!(e.raw_os_error(), Some(libc::EACCES | libc::EPERM)));
        let may = look.rules.predicate() != Predicate::CanDebug || self.who.passes(look, own)?;
        if may && !refused {
            Ok(())
        } else {
            Err(Errno(libc::EPERM))
        }
    }
}

/// True if the caller may come near: what decides whether he sees a file in FreeBSD 5 and later.
pub fn candebug(subject: &Subject, caller: &Caller) -> bool {
    Claim::open(subject, caller).is_ok()
}
