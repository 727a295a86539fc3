//! A process id used again: what was opened of the dead process never reaches the next one.

use pfs_tests::{eventually, field, inside, root, state, status_field, Client, Mount, Target};

/// In a pid namespace of its own, numbers can be given by choice without disturbing anybody. Its first process, a shell, reaps
/// what is left behind.
const OWN_NUMBERS: &[&str] =
    &["unshare", "-p", "-f", "--kill-child", "--mount-proc", "sh", "-c", "\"$@\"; exit $?", "sh"];

fn gone<T: std::fmt::Debug>(what: &str, result: Result<T, i32>) {
    assert!(matches!(result, Err(libc::ESRCH | libc::ESTALE | libc::ENOENT)), "{what}: {result:?}");
}

fn pidfd(mount: &Mount, pid: i32) -> String {
    let ustat = String::from_utf8(mount.read(pid, "ustat.json").unwrap()).unwrap();
    field(&ustat, "pidfd").unwrap().to_string()
}

/// Ends the process and starts another with its number.
fn replace(old: Target) -> Target {
    let pid = old.pid();
    let mut old = old;
    pfs_tests::kill(pid, libc::SIGKILL);
    old.end();
    assert_eq!(state(pid), '-');
    let new = Target::within(&format!("={pid}"), None, "each", &["2"]);
    assert_eq!(new.inner(), pid);
    new
}

#[test]
fn open_files_of_the_dead_do_not_reach_the_next_owner_of_the_number() {
    if !root() || !inside("open_files_of_the_dead_do_not_reach_the_next_owner_of_the_number", OWN_NUMBERS) {
        return;
    }
    let (mount, client, old) = (Mount::new(), Client::new(), Target::start("signals", &[]));
    let pid = old.pid();
    let open = |name: &str, flags: i32| client.open(&mount.path(pid, name), flags).unwrap();
    let rw = libc::O_RDWR;
    let names = ["ctl", "seat", "mem", "regs", "fpregs", "xregs", "dbregs"];
    let fds = names.map(|name| open(name, rw));
    let [ctl, seat, mem, ..] = fds;
    let of_thread = ["ctl", "mem", "regs"].map(|name| open(&format!("task/{pid}/{name}"), rw));
    let (wait, json) = (open("wait", libc::O_RDONLY), open("regs.json", libc::O_RDONLY));
    let notes = ["note", "notepg"].map(|name| open(name, libc::O_WRONLY));
    let (stat, comm) = (open("stat", libc::O_RDONLY), open("comm", libc::O_RDONLY));
    let directory = std::fs::File::open(mount.path(pid, ".")).unwrap();
    let life = format!("{pid}:{}", pidfd(&mount, pid));
    let alive = |name: &str| client.open(&mount.point().join(name).join("ctl"), rw).map(|fd| client.close(fd));
    assert_eq!(alive(&life), Ok(()));
    client.write(seat, "mode report\ntrace exit on").unwrap();
    // Dead and not yet replaced, and then replaced: the answers are the same.
    client.write(ctl, "stop").unwrap();
    let new = replace(old);

    for (name, fd) in names.iter().zip(fds).filter(|(name, _)| name.ends_with("regs")) {
        gone(name, client.read_at(fd, 0, 8));
        gone(name, client.write_at(fd, 0, &[0; 8]));
    }
    gone("regs.json", client.read(json, 100));
    for word in
        ["stop", "run", "step", "wait", "kill", "usr1", "nice 5", "close 0", "trace sig all", "attach", "detach"]
    {
        gone(word, client.write(ctl, word));
        gone(word, client.write(seat, word));
        gone(word, client.write(of_thread[0], word));
    }
    for mem in [mem, of_thread[1]] {
        gone("mem", client.read_at(mem, 0x1000, 8));
        gone("mem", client.write_at(mem, 0x1000, b"x"));
    }
    gone("task/regs", client.read_at(of_thread[2], 0, 8));
    for note in notes {
        gone("note", client.write(note, "kill"));
    }
    gone("stat", client.read_at(stat, 0, 100));
    gone("comm", client.read_at(comm, 0, 100));
    let link = format!("/proc/self/fd/{}/stat", std::os::fd::AsRawFd::as_raw_fd(&directory));
    let through = std::fs::read_to_string(link).map_err(|e| e.raw_os_error().unwrap());
    gone("the open directory", through);
    // The streams tell of the end, once, and are at their end.
    for fd in [seat, wait] {
        let events = client.events(fd, usize::MAX);
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(field(&events[0], "event"), Some("end"), "{events:?}");
    }
    assert_eq!(client.open(&mount.point().join(&life), libc::O_RDONLY), Err(libc::ENOENT));
    assert_eq!(alive(&life), Err(libc::ENOENT));

    // The new one: untouched so far, and there under its number and its own life.
    assert_eq!(status_field(pid, "TracerPid"), "0");
    for i in [16, 17] {
        new.counts(i);
    }
    let holders = String::from_utf8(mount.read(pid, "holders").unwrap()).unwrap();
    assert_eq!(holders, "");
    let shown = String::from_utf8(mount.read(pid, "stat").unwrap()).unwrap();
    assert!(shown.starts_with(&format!("{pid} (each-64)")), "{shown}");
    let next = format!("{pid}:{}", pidfd(&mount, pid));
    assert_ne!(next, life);
    assert_eq!(alive(&next), Ok(()));
    mount.ctl(pid, "stop").unwrap();
    new.stands(16);
    gone("a word to the dead one", client.write(ctl, "run"));
    for fd in fds.into_iter().chain(of_thread).chain([wait, json]) {
        client.close(fd);
    }
    // The last close of the dead one's files lets nothing go that the new one is held by.
    new.stands(16);
    mount.ctl(pid, "run").unwrap();
    new.counts(16);
}

#[test]
fn waits_for_the_dead_are_over_before_the_number_is_used_again() {
    if !root() || !inside("waits_for_the_dead_are_over_before_the_number_is_used_again", OWN_NUMBERS) {
        return;
    }
    let (mount, mut old) = (Mount::new(), Target::start("count", &[]));
    for _ in 0..5 {
        let clients = [Client::new(), Client::new(), Client::new()];
        let pid = match old.inner() {
            0 => old.pid(),
            inner => inner,
        };
        let open = |i: usize, name: &str, flags: i32| clients[i].open(&mount.path(pid, name), flags).unwrap();
        let [ctl, exit, seat] = [0, 1, 2].map(|i| open(i, "seat", libc::O_RDWR));
        clients[2].write(seat, "mode report\ntrace exit on").unwrap();
        clients[0].begin_write(ctl, "wait");
        clients[1].begin_write(exit, "wait exit");
        clients[2].begin_read(seat, 1000);
        pfs_tests::kill(pid, libc::SIGKILL);
        old.end();
        let new = Target::within(&format!("={pid}"), None, "count", &[]);
        assert_eq!(new.inner(), pid);
        assert_eq!(clients[0].answer(), Err(libc::ESRCH));
        // ESRCH if it came after the end.
        let exit = clients[1].answer();
        assert!(exit == Ok((9, vec![])) || exit == Err(libc::ESRCH), "{exit:?}");
        let line = String::from_utf8(clients[2].answer().unwrap().1).unwrap();
        assert_eq!((field(&line, "event"), field(&line, "signal")), (Some("end"), Some("SIGKILL")), "{line}");
        eventually("nobody traces it", || status_field(pid, "TracerPid") == "0");
        new.counts(16);
        mount.ctl(pid, "stop").unwrap();
        new.stands(16);
        mount.ctl(pid, "run").unwrap();
        old = new;
    }
}

/// A process that does nothing but wait for its end, with this number or (0) any.
fn waiting(number: i32) -> i32 {
    let wanted = [number];
    // SAFETY: all-zero is a valid clone_args.
    let mut how: libc::clone_args = unsafe { std::mem::zeroed() };
    how.exit_signal = libc::SIGCHLD as u64;
    if number != 0 {
        (how.set_tid, how.set_tid_size) = (wanted.as_ptr() as u64, 1);
    }
    // SAFETY: `how` and what it points to live through the call; the child makes plain system calls only.
    unsafe {
        let pid = libc::syscall(libc::SYS_clone3, &raw mut how, size_of::<libc::clone_args>()) as i32;
        if pid == 0 {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            loop {
                libc::pause();
            }
        }
        assert!(pid > 0, "clone3: {}", std::io::Error::last_os_error());
        pid
    }
}

fn end(pid: i32) {
    pfs_tests::kill(pid, libc::SIGKILL);
    // SAFETY: a null pointer is allowed.
    assert_eq!(unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) }, pid);
}

/// A tick, in which the kernel counts when a process began, is long enough for two.
#[test]
fn owners_of_a_number_in_one_tick_are_told_apart() {
    if !root() || !inside("owners_of_a_number_in_one_tick_are_told_apart", OWN_NUMBERS) {
        return;
    }
    let (mount, client) = (Mount::new(), Client::new());
    let began = |pid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.split(' ').nth(21).unwrap().parse::<u64>().unwrap()
    };
    let mut pid = waiting(0);
    let mut alike = 0;
    // On a busy machine it takes many attempts to be that quick; what is asked holds for all of them.
    for _ in 0..400 {
        let (before, name) = (began(pid), format!("{pid}:{}", pidfd(&mount, pid)));
        let seat = client.open(&mount.path(pid, "seat"), libc::O_RDWR).unwrap();
        client.write(seat, "mode report\ntrace exit on").unwrap();
        mount.ctl(pid, "stop").unwrap();
        end(pid);
        pid = waiting(pid);
        alike += i32::from(began(pid) == before);
        assert_eq!(String::from_utf8(mount.read(pid, "holders").unwrap()).unwrap(), "");
        assert_ne!(state(pid), 't');
        assert_eq!(client.open(&mount.point().join(name).join("ctl"), libc::O_RDWR), Err(libc::ENOENT));
        gone("a word to the dead one", client.write(seat, "stop"));
        assert_ne!(state(pid), 't');
        mount.ctl(pid, "stop").unwrap();
        assert_eq!(state(pid), 't');
        client.close(seat);
        assert_eq!(state(pid), 't');
        mount.ctl(pid, "run").unwrap();
        if alike == 40 {
            break;
        }
    }
    end(pid);
}
