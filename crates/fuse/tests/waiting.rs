//! Clients that wait, and everything that may happen to them meanwhile.

mod common;

use common::{client, client_of, fork, Act, Client, Mount, SMALL, SOON};
use pfs_fuse as fuse;
use std::ffi::CString;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::Arc;
use std::time::{Duration, Instant};

const WAIT: Act = Act::Write(b"wait");

fn waiting(m: &Mount) -> Client {
    let c = client(&m.path("ctl"), WAIT);
    m.hear("write");
    c
}

#[test]
fn a_parked_request_is_answered_later() {
    let m = Mount::new();
    let mut writer = waiting(&m);
    let mut reader = client(&m.path("wait"), Act::Read);
    m.hear("read");
    let mut asker = client(&m.path("io"), Act::Ioctl(0x7102));
    m.hear("ioctl");
    assert_eq!(m.session().parked(), 3);
    m.toy.writes.lock().pop().unwrap().finish(Ok(4));
    assert_eq!(writer.exit(), 0);
    m.toy.reads.lock().pop().unwrap().finish(Ok(vec![1; 500]));
    assert_eq!(reader.exit(), 0);
    m.toy.ioctls.lock().pop().unwrap().finish(Err(tree::Errno(libc::ESRCH)));
    assert_eq!(asker.exit(), libc::ESRCH);
    assert_eq!(m.session().parked(), 0);
}

#[test]
fn a_signal_ends_the_wait_at_once() {
    let m = Mount::new();
    for act in [WAIT, Act::Read, Act::Ioctl(0x7102)] {
        let (file, said) = match act {
            Act::Read => ("wait", "read"),
            Act::Ioctl(_) => ("io", "ioctl"),
            Act::Write(_) => ("ctl", "write"),
        };
        let mut c = client(&m.path(file), act);
        m.hear(said);
        let before = Instant::now();
        c.kill(libc::SIGUSR1);
        assert_eq!(c.exit(), libc::EINTR);
        assert!(before.elapsed() < Duration::from_millis(500));
        if said != "ioctl" {
            m.hear("cancelled");
        }
        assert_eq!(m.session().parked(), 0);
    }
}

/// Signals that come in every moment of a request, before it is read and after it was answered too.
#[test]
fn interrupts_race_with_requests() {
    let m = Mount::new();
    for i in 0..300u64 {
        let mut c = client(&m.path("wait"), Act::Read);
        let until = Instant::now() + Duration::from_micros(i * 7);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        c.kill(libc::SIGTERM);
        c.status();
        m.toy.reads.lock().clear();
    }
    assert_eq!(m.session().parked(), 0);
    assert_eq!(fs::read(m.path("small")).unwrap(), SMALL);
}

#[test]
fn a_waiting_write_stops_nobody_else() {
    let m = Mount::new();
    let mut first = waiting(&m);
    assert!(["S", "D"].contains(&first.state().to_string().as_str()));
    m.sh("printf x 1<>$M/ctl");
    m.sh("echo x >$M/ctl");
    m.sh("echo x >>$M/ctl");
    m.sh("stat $M/ctl; head -c 12 $M/ctl; chmod 600 $M/ctl");
    let mut second = waiting(&m);
    m.sh("echo x >$M/ctl");

    // The same open file: a child shares it with its parent.
    let path = CString::new(m.path("ctl").to_str().unwrap()).unwrap();
    let mut shared = fork(|| {
        let mut buf = [0u8; 100];
        // SAFETY: system calls with valid pointers.
        unsafe {
            let fd = libc::open(path.as_ptr(), libc::O_RDWR);
            let mut pipe = [0; 2];
            libc::pipe(pipe.as_mut_ptr());
            let child = libc::fork();
            if child == 0 {
                libc::close(pipe[0]);
                libc::write(fd, b"wait".as_ptr().cast(), 4);
                libc::_exit(0);
            }
            // Read and write until killed, so some of it happens while the child waits.
            let until = 400;
            for i in 0..until {
                if libc::read(fd, buf.as_mut_ptr().cast(), 100) < 0 || libc::write(fd, b"y".as_ptr().cast(), 1) != 1 {
                    return 1;
                }
                if i > 100 {
                    libc::usleep(1000);
                }
            }
            // Ends the child, which must be waiting still.
            if libc::waitpid(child, std::ptr::null_mut(), libc::WNOHANG) != 0 {
                return 2;
            }
            libc::kill(child, libc::SIGKILL);
            libc::waitpid(child, std::ptr::null_mut(), 0);
            0
        }
    });
    m.hear("write");
    assert_eq!(shared.exit(), 0);
    m.hear("cancelled");
    for done in m.toy.writes.lock().drain(..) {
        done.finish(Ok(4));
    }
    assert_eq!((first.exit(), second.exit()), (0, 0));
}

#[test]
fn a_waiting_client_can_be_stopped_killed_and_traced() {
    let m = Mount::new();
    let mut stopped = waiting(&m);
    stopped.kill(libc::SIGSTOP);
    m.hear("cancelled");
    stopped.until_state("T");
    stopped.kill(libc::SIGCONT);
    assert_eq!(stopped.exit(), libc::EINTR);

    let mut killed = waiting(&m);
    killed.kill(libc::SIGKILL);
    assert!(libc::WIFSIGNALED(killed.status()));
    m.hear("cancelled");

    let mut traced = waiting(&m);
    // SAFETY: ptrace of our own child by one thread.
    unsafe {
        let none = std::ptr::null_mut::<libc::c_void>();
        assert_eq!(libc::ptrace(libc::PTRACE_SEIZE, traced.0, none, none), 0);
        assert_eq!(libc::ptrace(libc::PTRACE_INTERRUPT, traced.0, none, none), 0);
        m.hear("cancelled");
        let mut status = 0;
        assert_eq!(libc::waitpid(traced.0, &mut status, 0), traced.0);
        assert!(libc::WIFSTOPPED(status));
        assert_eq!(traced.state(), 't');
        assert_eq!(libc::ptrace(libc::PTRACE_DETACH, traced.0, none, none), 0);
    }
    assert_eq!(traced.exit(), libc::EINTR);
    assert_eq!(m.session().parked(), 0);
}

#[test]
fn a_hundred_waiting_clients() {
    let m = Mount::new();
    let mut all: Vec<Client> = (0..100).map(|_| client(&m.path("wait"), Act::Read)).collect();
    for _ in 0..100 {
        m.hear("read");
    }
    assert_eq!(m.session().parked(), 100);
    let before = Instant::now();
    for _ in 0..100 {
        m.toy.lookups.load(SeqCst);
        assert_eq!(fs::read(m.path("small")).unwrap(), SMALL);
    }
    assert!(before.elapsed() < Duration::from_secs(2));
    assert!(m.session().threads() <= 16, "{}", m.session().threads());
    assert_eq!(m.session().cancel_all(), 100);
    for c in &mut all {
        assert_eq!(c.exit(), libc::EINTR);
    }
}

/// Handlers that block their thread: others are served until the limit, and interrupts beyond it.
#[test]
fn handlers_that_block() {
    let m = Mount::new();
    let many = fuse::session::LIMIT - 4;
    let mut all: Vec<Client> = (0..many).map(|_| client(&m.path("hang"), Act::Read)).collect();
    for _ in 0..many {
        m.hear("hang");
    }
    assert_eq!(fs::read(m.path("small")).unwrap(), SMALL);
    assert!(m.session().threads() > many);
    all.extend((0..20).map(|_| client(&m.path("hang"), Act::Read)));
    for _ in 0..3 {
        m.hear("hang");
    }
    // Served or queued, open or read: each can be killed, except inside an open that no thread is left for.
    for c in &mut all[..20] {
        c.kill(libc::SIGUSR1);
        assert_eq!(c.exit(), libc::EINTR);
    }
    let last = all.last_mut().unwrap();
    last.kill(libc::SIGKILL);
    last.status();
    m.unhang();
    let len = all.len();
    for c in &mut all[20..len - 1] {
        assert_eq!(c.exit(), 0);
    }
    // Idle threads leave once something comes by.
    let until = Instant::now() + SOON;
    while m.session().threads() > 6 {
        assert!(Instant::now() < until, "{} threads stay", m.session().threads());
        fs::read(m.path("small")).unwrap();
    }
}

/// One user's requests that hang have a share of the threads, and wait for each other beyond it.
#[test]
fn one_user_has_a_share_of_the_threads() {
    // SAFETY: geteuid cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return eprintln!("not root: nothing tested");
    }
    const ONE: Option<u32> = Some(65534);
    let m = Mount::open_to(true);
    let hang = m.path("hang");
    let mut all: Vec<Client> = (0..fuse::session::LIMIT + 20).map(|_| client_of(ONE, &hang, Act::Read)).collect();
    for _ in 0..fuse::session::SHARE {
        m.hear("hang");
    }
    // The others, before he is refused and after.
    for user in [None, Some(1000), Some(1001)] {
        assert_eq!(client_of(user, &m.path("small"), Act::Read).exit(), 0, "{user:?}");
    }
    let (mut over, until) = (0, Instant::now() + SOON);
    while over < 20 {
        assert!(Instant::now() < until, "{over} are refused");
        all.retain_mut(|c| {
            let ended = c.ended();
            // By open(2) or by read(2).
            assert!(matches!(ended, None | Some(200 | libc::EAGAIN)), "{ended:?}");
            over += ended.iter().count();
            ended.is_none()
        });
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(m.session().threads() < fuse::session::SHARE + 16, "{}", m.session().threads());
    assert!(m.heard.try_recv().is_err(), "more than his share");
    for user in [None, Some(1000)] {
        assert_eq!(client_of(user, &m.path("small"), Act::Read).exit(), 0, "{user:?}");
    }
    // Who is gone has his thread still.
    let mut first = client(&hang, Act::Read);
    m.hear("hang");
    first.kill(libc::SIGUSR1);
    assert_eq!(first.exit(), libc::EINTR);
    m.unhang();
    let served = all.iter_mut().map(Client::exit).filter(|exit| *exit == 0).count();
    assert!(served >= fuse::session::SHARE, "{served}");
    assert_eq!(client_of(ONE, &m.path("small"), Act::Read).exit(), 0);
}

#[test]
fn unmount_answers_everyone() {
    let mut m = Mount::new();
    let mut all: Vec<Client> = (0..5).map(|_| client(&m.path("wait"), Act::Read)).collect();
    for _ in 0..5 {
        m.hear("read");
    }
    let dir = m.dir().to_owned();
    fuse::umount(&dir).unwrap();
    let session = m.session.take().unwrap();
    assert!(!session.wait_for(Duration::from_millis(20)));
    assert_eq!(session.cancel_all(), 5);
    session.wait();
    for c in &mut all {
        assert_eq!(c.exit(), libc::EINTR);
    }
    assert_eq!(m.toy.unmounted.load(SeqCst), 1);
    assert_eq!(m.toy.open.load(SeqCst), 0);
    assert!(fuse::umount(&dir).is_err());
    assert!(fs::read_dir(&dir).unwrap().next().is_none());
}

#[test]
fn an_idle_unmount_ends_the_session() {
    let mut m = Mount::new();
    assert_eq!(fs::read(m.path("small")).unwrap(), SMALL);
    fuse::umount(m.dir()).unwrap();
    m.session.take().unwrap().wait();
    assert_eq!(m.toy.unmounted.load(SeqCst), 1);
}

#[test]
fn abort_frees_everyone() {
    let mut m = Mount::new();
    let mut c = client(&m.path("wait"), Act::Read);
    m.hear("read");
    let file = File::open(m.path("small")).unwrap();
    let before = Instant::now();
    m.session.take().unwrap().abort();
    assert_eq!(c.exit(), libc::EINTR);
    let gone = |r: std::io::Result<Vec<u8>>| r.unwrap_err().raw_os_error();
    let until = Instant::now() + SOON;
    while gone(fs::read(m.path("small"))) != Some(libc::ENOTCONN) {
        assert!(Instant::now() < until);
    }
    assert!(before.elapsed() < Duration::from_secs(1));
    assert_eq!(m.toy.unmounted.load(SeqCst), 1);
    assert_eq!(m.toy.open.load(SeqCst), 0);
    drop(file);
}

#[test]
fn poll_and_wake() {
    let m = Mount::new();
    let file = File::open(m.path("poll")).unwrap();
    let mut fds = libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid pollfd.
    assert_eq!(unsafe { libc::poll(&mut fds, 1, 0) }, 0);
    std::thread::scope(|s| {
        let waiter = s.spawn(move || {
            // SAFETY: one valid pollfd.
            let n = unsafe { libc::poll(&mut fds, 1, 10_000) };
            (n, fds.revents)
        });
        m.hear("polled");
        let mut ready = m.toy.ready.lock();
        ready.0 = true;
        let wake = ready.1.take().unwrap();
        drop(ready);
        wake();
        assert_eq!(waiter.join().unwrap(), (1, libc::POLLIN));
    });
}

#[test]
fn a_lone_client_that_is_stuck_stops_nobody() {
    let m = Mount::new();
    let (small, hang) = (m.path("small"), m.path("hang"));
    // Served by one thread in the end, which the last read blocks.
    let stuck = std::thread::spawn(move || {
        for _ in 0..2000 {
            assert_eq!(fs::read(&small).unwrap(), SMALL);
        }
        File::open(hang).unwrap().read(&mut [0; 10]).unwrap()
    });
    m.hear("hang");
    let before = Instant::now();
    assert_eq!(fs::read(m.path("small")).unwrap(), SMALL);
    assert!(before.elapsed() < Duration::from_millis(500));
    m.unhang();
    assert_eq!(stuck.join().unwrap(), b"free".len());
}

#[test]
fn a_name_can_be_invalidated() {
    let m = Mount::new();
    fs::metadata(m.path("name")).unwrap();
    let before = m.toy.attrs.load(SeqCst);
    m.session().notifier().inval_entry(1, "name".as_ref()).unwrap();
    fs::metadata(m.path("name")).unwrap();
    // For the lookup and for the call.
    assert_eq!(m.toy.attrs.load(SeqCst), before + 2);
}

/// Threads that serve a mount in this process: their scheduling class, and how many CPUs they may use.
fn servers() -> Vec<(i32, i32)> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok());
    let serves = |tid: &i32| fs::read_to_string(format!("/proc/self/task/{tid}/comm")).is_ok_and(|c| c == "pfs-fuse\n");
    // SAFETY: the set is zeroed plain data that outlives the calls.
    let place = |tid: i32| unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        let class = libc::sched_getscheduler(tid);
        libc::sched_getaffinity(tid, std::mem::size_of_val(&set), &mut set);
        (class, libc::CPU_COUNT(&set))
    };
    tasks.filter(serves).map(place).collect()
}

/// Whoever serves a lone client comes to its CPU, in the idle class, and is brought back: when the client goes, and when others want
/// that CPU.
#[test]
fn who_serves_a_lone_client_comes_back() {
    let m = Mount::new();
    let path = m.path("small");
    assert_eq!(fs::read(&path).unwrap(), SMALL);
    let home = servers();
    assert!(!home.is_empty() && home.iter().all(|server| *server == home[0]), "{home:?}");
    for hogs in [0, 2] {
        let over = Arc::new(AtomicBool::new(false));
        let hog = |cpu: usize| {
            let over = over.clone();
            std::thread::spawn(move || {
                kernel::thread::move_to_cpu(0, cpu).unwrap();
                while !over.load(SeqCst) {}
            })
        };
        let hogs: Vec<_> = (0..hogs).map(hog).collect();
        // Now here, now there, so that whoever serves it has to follow.
        for turn in 0..6 {
            let _ = kernel::thread::move_to_cpu(0, turn % 2);
            for _ in 0..400 {
                assert_eq!(fs::read(&path).unwrap(), SMALL);
            }
        }
        over.store(true, SeqCst);
        hogs.into_iter().for_each(|hog| hog.join().unwrap());
        let until = Instant::now() + Duration::from_secs(20);
        while servers().iter().any(|server| *server != home[0]) {
            assert!(Instant::now() < until, "{:?}, not {:?}", servers(), home[0]);
            std::thread::yield_now();
        }
    }
}
