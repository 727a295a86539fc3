//! One open file of the kernel's /proc.

use super::readiness::{self, Wake};
use crate::target::{act_for_reader, in_cgroups_of, Target};
use kernel::creds::Creds;
use kernel::helper::Carried;
use kernel::procfs;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI16, Ordering::SeqCst};
use std::sync::Arc;
use tree::{Caller, Errno, Handle, Pending, Result};

/// What poll(2) is asked for.
const ALL: i16 = libc::POLLIN | libc::POLLOUT | libc::POLLPRI | libc::POLLRDNORM | libc::POLLWRNORM;

/// Bits that `mounts` and the like tell once for each change.
const TOLD_ONCE: i16 = libc::POLLPRI | libc::POLLERR;

/// An open file of the kernel's, and who to act on when it is read: some files judge at each transfer.
pub struct KernelHandle {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    file: OwnedFd,
    target: Option<Target>,
    path: CString,
    /// A change that the kernel has told one of our polls and that no client has been told; POLLPRI, POLLERR.
    seen: AtomicI16,
    /// Somebody has waited for it in poll(2).
    awaited: AtomicBool,
}

impl KernelHandle {
    /// `file` has O_NONBLOCK, whatever its client's has.
    pub fn new(file: OwnedFd, target: Option<Target>, path: CString) -> KernelHandle {
        let (seen, awaited) = (AtomicI16::new(0), AtomicBool::new(false));
        KernelHandle { inner: Arc::new(Inner { file, target, path, seen, awaited }) }
    }
}

/// In whose name it is read or written.
struct Asker {
    tid: u32,
    creds: Creds,
}

impl Asker {
    fn of(caller: &Caller) -> Result<Asker> {
        Ok(Asker { tid: caller.tid, creds: caller.creds()?.clone() })
    }
}

impl Inner {
    fn read(&self, who: &Asker, offset: u64, size: usize) -> Result<Vec<u8>> {
        self.act(who, || procfs::pread(self.file.as_fd(), offset, size))
    }

    fn act<T: Carried>(&self, who: &Asker, f: impl FnOnce() -> io::Result<T>) -> Result<T> {
        Ok(match &self.target {
            Some(target) => in_cgroups_of(who.tid, &self.path, || who.creds.act_on(&target.proc, f)),
            None => act_for_reader(who.tid, &who.creds, &self.path, f),
        }?)
    }

    fn is_public(&self) -> bool {
        self.target.as_ref().is_some_and(|t| t.is_public(&self.path))
    }

    fn write(&self, who: &Asker, offset: u64, data: &[u8]) -> Result<usize> {
        self.act(who, || procfs::pwrite(self.file.as_fd(), offset, data))
    }

    fn would_wait(&self) -> bool {
        // No file of a process makes its reader wait.
        self.target.is_none() && self.ready().is_ok_and(|ready| ready & (libc::POLLIN | libc::POLLRDNORM) == 0)
    }

    fn ready(&self) -> io::Result<i16> {
        let [ready] = procfs::poll([(self.file(), ALL)], 0)?;
        self.has_seen(ready);
        Ok(ready)
    }

    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// A poll has told these bits.
    pub fn has_seen(&self, bits: i16) {
        self.seen.fetch_or(bits & TOLD_ONCE, SeqCst);
    }
}

impl Handle for KernelHandle {
    fn read(&self, caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        if self.inner.is_public() {
            let read = || procfs::pread(self.inner.file.as_fd(), offset, size);
            done.finish(in_cgroups_of(caller.tid, &self.inner.path, read).map_err(Errno::from));
            return;
        }
        match Asker::of(caller) {
            Ok(who) if !caller.nonblock && self.inner.would_wait() => park(self.inner.clone(), who, offset, size, done),
            who => {
                let found = who.and_then(|who| self.inner.read(&who, offset, size));
                if found == Err(Errno(libc::EAGAIN)) && self.inner.awaited.load(SeqCst) {
                    readiness::emptied(&self.inner, libc::POLLIN | libc::POLLRDNORM);
                }
                done.finish(found);
            }
        }
    }

    fn write(&self, caller: &Caller, offset: u64, data: &[u8], done: Pending<usize>) {
        done.finish(Asker::of(caller).and_then(|who| self.inner.write(&who, offset, data)));
    }

    fn poll(&self, _caller: &Caller, wake: Option<Wake>) -> Result<u32> {
        let ready = self.inner.ready()?;
        if self.inner.awaited.load(SeqCst) {
            readiness::settle(&self.inner);
        }
        if let Some(wake) = wake {
            self.inner.awaited.store(true, SeqCst);
            readiness::wait(&self.inner, ALL & !ready | TOLD_ONCE, wake);
        }
        let told = ready | self.inner.seen.swap(0, SeqCst);
        Ok(u32::from(told as u16))
    }
}

impl Drop for KernelHandle {
    fn drop(&mut self) {
        if self.inner.awaited.load(SeqCst) {
            readiness::forget(&self.inner);
        }
    }
}

/// A read that has to wait (of kmsg, that is) gets a thread of its own, so it takes none that others need; the thread
/// ends as soon as the client gives up. Files whose poll is never ready though they have content are read at once.
fn park(file: Arc<Inner>, who: Asker, offset: u64, size: usize, done: Pending<Vec<u8>>) {
    let cancelled = match procfs::event() {
        Ok(event) => Arc::new(event),
        Err(e) => {
            done.finish(Err(e.into()));
            return;
        }
    };
    let hook = cancelled.clone();
    done.on_cancel(move || procfs::signal(hook.as_fd()));
    let answer = done.clone();
    let waiter = kernel::thread::start("kmsg-read", 128 << 10, move || {
        while !done.is_over() {
            let fds = [(file.file.as_fd(), libc::POLLIN | libc::POLLRDNORM), (cancelled.as_fd(), libc::POLLIN)];
            match procfs::poll(fds, -1) {
                Ok([_, cancel]) if cancel != 0 => return,
                Ok([0, _]) => {}
                Ok(_) => match file.read(&who, offset, size) {
                    // Another was faster.
                    Err(Errno(libc::EAGAIN)) => {}
                    found => drop(done.finish(found)),
                },
                Err(e) if e.raw_os_error() == Some(libc::EINTR) => {}
                Err(e) => {
                    done.finish(Err(e.into()));
                }
            }
        }
    });
    if waiter.is_err() {
        answer.finish(Err(Errno(libc::EAGAIN)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::sync::mpsc;

    #[test]
    fn a_waiting_read_ends_by_content_or_by_giving_up() {
        let (rx, mut tx) = io::pipe().unwrap();
        let handle = KernelHandle::new(rx.into(), None, c"kmsg".into());
        let caller = Caller::new(std::process::id(), 0, 0);
        let (said, told) = mpsc::channel();
        let start = || {
            let said = said.clone();
            let done = Pending::new(move |r| said.send(r).unwrap());
            handle.read(&caller, 0, 10, done.clone());
            done
        };
        let given_up = start();
        given_up.cancel();
        assert_eq!(told.recv().unwrap(), Err(Errno(libc::EINTR)));
        let waiting = start();
        assert!(!waiting.is_over());
        tx.write_all(b"line").unwrap();
        assert_eq!(told.recv().unwrap(), Ok(b"line".to_vec()));
        tx.write_all(b"more").unwrap();
        assert!(start().is_over());
        assert_eq!(told.recv().unwrap(), Ok(b"more".to_vec()));
    }

    #[test]
    fn who_does_not_wait_is_told_by_each_edge() {
        let (rx, mut tx) = io::pipe().unwrap();
        let path = CString::new(format!("thread-self/fd/{}", rx.as_raw_fd())).unwrap();
        let file = procfs::openat(procfs::root(), &path, libc::O_RDONLY | libc::O_NONBLOCK).unwrap();
        let handle = KernelHandle::new(file, None, c"kmsg".into());
        let caller = Caller::new(std::process::id(), 0, 0).by(libc::O_NONBLOCK);
        let (said, told) = mpsc::channel();
        let read = || {
            let said = said.clone();
            handle.read(&caller, 0, 10, Pending::new(move |r| said.send(r).unwrap()));
            told.recv().unwrap()
        };
        let (woke, woken) = mpsc::channel();
        for round in 0..3 {
            assert_eq!(read(), Err(Errno(libc::EAGAIN)));
            tx.write_all(b"line").unwrap();
            if round > 0 {
                woken.recv().unwrap();
            }
            let woke = woke.clone();
            let ready = handle.poll(&caller, Some(Box::new(move || woke.send(()).unwrap()))).unwrap();
            assert_ne!(ready & libc::POLLIN as u32, 0);
            assert_eq!(read(), Ok(b"line".to_vec()));
            assert!(woken.try_recv().is_err());
        }
    }
}
