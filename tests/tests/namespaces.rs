//! Pid and user namespaces: processes in them, and clients in them.

use pfs_tests::{eventually, field, kill, root, state, status_field, Client, Mount, Target, NOBODY};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Rights that a client has, by opening.
const CONTROL: [&str; 4] = ["ctl", "seat", "mem", "regs"];

fn text(client: &Client, path: &Path) -> Result<String, i32> {
    let fd = client.open(path, libc::O_RDONLY)?;
    let bytes = client.read(fd, 65536);
    client.close(fd);
    Ok(String::from_utf8(bytes?).unwrap())
}

/// Stops the process and lets it run, through `client`; word `i` is what it counts.
fn holds(mount: &Mount, client: &Client, target: &Target, pid: i32, i: usize) {
    let ctl = client.open(&mount.path(pid, "ctl"), libc::O_RDWR).unwrap();
    assert_eq!(client.write(ctl, "stop"), Ok(4));
    target.stands(i);
    assert_eq!(client.write(ctl, "run"), Ok(3));
    target.counts(i);
    client.close(ctl);
}

#[test]
fn a_process_in_a_pid_namespace_is_controlled_from_outside() {
    if !root() {
        return;
    }
    let (mount, client) = (Mount::new(), Client::new());
    let target = Target::within("p", None, "each", &["3"]);
    let pid = target.inner();
    // Number 1 inside. Its threads say their ids as they know them.
    assert_eq!(status_field(pid, "NSpid"), format!("{pid}\t1"));
    eventually("its threads run", || (0..3).all(|i| target.word(16 + i) > 0));
    assert_eq!(target.word(32), 1);
    holds(&mount, &client, &target, pid, 16);
    let ustat = String::from_utf8(mount.read(pid, "ustat.json").unwrap()).unwrap();
    assert_eq!(field(&ustat, "pid"), Some(&pid.to_string()[..]));
    // Its threads have numbers of the outside here.
    let mut tids = pfs_tests::thread_states(pid).into_iter().map(|(tid, _)| tid).collect::<Vec<_>>();
    tids.sort_unstable();
    for (i, tid) in tids.iter().enumerate() {
        mount.write(pid, &format!("task/{tid}/ctl"), "stop").unwrap();
        target.stands(16 + i);
        assert_eq!(mount.read(pid, &format!("task/{tid}/regs")).unwrap().len(), 216);
        mount.write(pid, &format!("task/{tid}/ctl"), "run").unwrap();
        target.counts(16 + i);
    }
    let seat = client.open(&mount.path(pid, "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace exit on").unwrap();
    // The first process of a namespace ignores what it does not handle, but not from outside.
    mount.ctl(pid, "kill").unwrap();
    let line = client.events(seat, 1).remove(0);
    assert_eq!((field(&line, "event"), field(&line, "signal")), (Some("end"), Some("SIGKILL")), "{line}");
}

#[test]
fn a_client_in_a_pid_namespace_is_itself_by_its_number_outside() {
    if !root() {
        return;
    }
    let (mount, target) = (Mount::new(), Target::start("count", &[]));
    // The mount lies over its /proc.
    let over = format!("pm{}", mount.point().display());
    let client = Client::within(&over, None);
    let pid = client.pid();
    for proc in [Path::new("/proc"), mount.point()] {
        let status = text(&client, &proc.join("self/status")).unwrap();
        let field = |name: &str| status.lines().find_map(|l| l.strip_prefix(name)).unwrap().trim().to_string();
        assert_eq!((field("Name:"), field("Pid:")), ("client-64".into(), pid.to_string()));
        assert_eq!(field("NSpid:"), format!("{pid}\t1"));
        let thread = text(&client, &proc.join("thread-self/stat")).unwrap();
        assert!(thread.starts_with(&format!("{pid} (client-64)")), "{thread}");
        // Who it is by its own number is somebody else there.
        let one = text(&client, &proc.join("1/stat"));
        assert!(one.is_ok_and(|stat| !stat.contains("client-64")));
        assert!(text(&client, &proc.join(format!("{}/stat", target.pid()))).is_ok());
    }
    // A pid namespace takes no rights away: they are those of its user.
    holds(&mount, &client, &target, target.pid(), 16);
    let own = client.open(Path::new("/proc/self/ctl"), libc::O_RDWR).unwrap();
    assert_eq!(client.write(own, "wait"), Err(libc::EDEADLK));
    assert_eq!(
        client.open(Path::new("/proc/self/regs"), libc::O_RDONLY).and_then(|fd| client.read(fd, 8)),
        Err(libc::EBUSY)
    );
    // And it can be seen who holds.
    let seat = client.open(&mount.path(target.pid(), "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace sig all").unwrap();
    let holders = String::from_utf8(mount.read(target.pid(), "holders").unwrap()).unwrap();
    assert!(holders.contains(&format!("kind=open pid={pid} uid=0")), "{holders}");
    client.kill();
    eventually("what it held is given back", || mount.read(target.pid(), "holders").unwrap().is_empty());
}

#[test]
fn an_ordinary_user_in_a_pid_namespace_gains_and_loses_nothing() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let (roots, own) = (Target::start("count", &[]), Target::start_as(NOBODY, "count", &[]));
    // Made by root; the client in it is user NOBODY.
    let client = Client::within(&format!("p:{NOBODY}"), None);
    for name in CONTROL {
        assert_eq!(client.open(&mount.path(roots.pid(), name), libc::O_RDWR), Err(libc::EACCES), "{name}");
    }
    holds(&mount, &client, &own, own.pid(), 16);
}

#[test]
fn a_user_namespace_gives_an_ordinary_user_nothing() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let (roots, own) = (Target::start("count", &[]), Target::start_as(NOBODY, "count", &[]));
    let (others, client) = (Target::start_as(1000, "count", &[]), Client::within("u", Some(NOBODY)));
    // It is 0 inside, with all capabilities.
    let status = text(&client, &mount.path(client.pid(), "status")).unwrap();
    assert!(status.contains("CapEff:\t000001ff"), "{status}");
    assert_eq!(status_field(client.pid(), "Uid").split('\t').next(), Some(&NOBODY.to_string()[..]));
    for target in [&roots, &own, &others] {
        // The kernel's own answer first: the same user outside of the namespace is closed to it, too.
        let kernels = client.open(Path::new(&format!("/proc/{}/mem", target.pid())), libc::O_RDWR);
        assert_eq!(kernels, Err(libc::EACCES));
        for name in CONTROL {
            assert_eq!(client.open(&mount.path(target.pid(), name), libc::O_RDWR), Err(libc::EACCES), "{name}");
        }
    }
    assert!(text(&client, &mount.path(roots.pid(), "environ")).is_err());
    assert!(text(&client, &mount.path(roots.pid(), "stat")).is_ok());
}

#[test]
fn root_in_a_user_namespace_has_lost_its_rights_outside() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let (roots, others) = (Target::start("count", &[]), Target::start_as(NOBODY, "count", &[]));
    // Root outside, too, but without capabilities there.
    let client = Client::within("u", None);
    for target in [&roots, &others] {
        let kernels = client.open(Path::new(&format!("/proc/{}/mem", target.pid())), libc::O_RDWR);
        assert_eq!(kernels, Err(libc::EACCES));
        for name in CONTROL {
            assert_eq!(client.open(&mount.path(target.pid(), name), libc::O_RDWR), Err(libc::EACCES), "{name}");
        }
        target.counts(16);
    }
}

#[test]
fn a_user_namespace_gives_no_right_to_signal() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    // Each has a process group of its own.
    let targets = [Target::start("group", &[]), Target::start_as(1000, "group", &[])];
    let clients = [Client::within("u", Some(NOBODY)), Client::within("o", Some(NOBODY)), Client::within("u", None)];
    for (i, client) in clients.iter().enumerate() {
        // Of root's processes kill(2) asks only whose they are.
        for target in &targets[usize::from(i == 2)..] {
            for file in ["note", "notepg"] {
                let fd = client.open(&mount.path(target.pid(), file), libc::O_WRONLY).unwrap();
                let who = status_field(client.pid(), "Uid");
                assert_eq!(client.write(fd, "usr1"), Err(libc::EPERM), "{file} of {}, by {who}", target.pid());
            }
        }
    }
    for target in &targets {
        mount.write(target.pid(), "notepg", "usr1").unwrap();
        eventually("all have root's note", || (0..3).all(|i| target.word(i) > 0));
        assert_eq!([0, 1, 2].map(|i| target.word(i)), [1; 3]);
    }
}

#[test]
fn a_client_keeps_its_rights_within_its_user_namespace() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let (client, stranger) = (Client::within("u", Some(NOBODY)), Client::of_user(1000));
    let pid = client.pid();
    // Itself is the process that is surely in its namespace.
    let mem = client.open(&mount.path(pid, "mem"), libc::O_RDONLY).unwrap();
    assert_eq!(client.read(mem, 1), Err(libc::EFAULT));
    for name in CONTROL {
        assert!(client.open(&mount.path(pid, name), libc::O_RDWR).is_ok(), "{name}");
        assert_eq!(stranger.open(&mount.path(pid, name), libc::O_RDWR), Err(libc::EACCES), "{name}");
    }
}

#[test]
fn a_process_in_a_user_namespace_is_controlled_by_root_and_its_owner() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let target = Target::within("u", Some(NOBODY), "count", &[]);
    let pid = target.inner();
    assert_ne!(
        std::fs::read_link(format!("/proc/{pid}/ns/user")).unwrap(),
        std::fs::read_link("/proc/self/ns/user").unwrap()
    );
    let (roots, owner, stranger) = (Client::new(), Client::of_user(NOBODY), Client::of_user(1000));
    let neighbour = Client::within("u", Some(NOBODY));
    for (client, expect) in [(&roots, true), (&owner, true), (&stranger, false), (&neighbour, false)] {
        let kernels = client.open(Path::new(&format!("/proc/{pid}/mem")), libc::O_RDWR);
        assert_eq!(kernels.is_ok(), expect);
        for name in CONTROL {
            let got = client.open(&mount.path(pid, name), libc::O_RDWR);
            assert_eq!(got.is_ok(), expect, "{name}: {got:?}");
            assert!(expect || got == Err(libc::EACCES), "{name}: {got:?}");
            got.map(|fd| client.close(fd)).ok();
        }
    }
    holds(&mount, &roots, &target, pid, 16);
    holds(&mount, &owner, &target, pid, 16);
    assert_eq!(state(pid), 'R');
}

#[test]
fn both_namespaces_at_once() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let target = Target::within("up", Some(NOBODY), "count", &[]);
    let pid = target.inner();
    assert_eq!(status_field(pid, "NSpid"), format!("{pid}\t1"));
    holds(&mount, &Client::of_user(NOBODY), &target, pid, 16);
    holds(&mount, &Client::new(), &target, pid, 16);
    let client = Client::within("up", Some(NOBODY));
    let own = text(&client, &mount.point().join("self/stat")).unwrap();
    assert!(own.starts_with(&format!("{} (client-64)", client.pid())), "{own}");
    assert_eq!(client.open(&mount.path(pid, "ctl"), libc::O_RDWR), Err(libc::EACCES));
}

/// Since Linux 6.14 each pid namespace has numbers of its own.
fn numbers_are_limited_by_namespace() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map(|n| n.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(14))
}

/// The host name, limits of IPC, settings of the network and limits of processes are those of whoever looks, as in the kernel's
/// /proc; what it changes, it changes for itself.
#[test]
fn who_looks_sees_and_changes_its_own() {
    if !root() {
        return;
    }
    let (mount, outside) = (Mount::new(), Client::new());
    let (flags, kernels) = (libc::O_RDONLY, |name: &str| Path::new("/proc").join(name));
    for (space, name, value) in [
        ("h", "sys/kernel/hostname", "inner\n"),
        ("i", "sys/kernel/msgmni", "1234\n"),
        ("n", "sys/net/ipv4/ip_forward", "1\n"),
        ("p", "sys/vm/memfd_noexec", "1\n"),
        ("p", "sys/kernel/pid_max", "5000\n"),
    ] {
        if name.ends_with("pid_max") && !numbers_are_limited_by_namespace() || !kernels(name).exists() {
            continue;
        }
        let (inside, ours) = (Client::within(space, None), mount.point().join(name));
        let before = text(&outside, &kernels(name)).unwrap();
        assert_ne!(before, value, "{name}");
        // One open file, two readers.
        let (there, here) = (inside.open(&ours, libc::O_RDWR).unwrap(), outside.open(&ours, flags).unwrap());
        assert_eq!(inside.write(there, value), Ok(value.len()), "{name}");
        assert_eq!(text(&inside, &ours), Ok(value.into()), "{name}");
        assert_eq!(text(&inside, &kernels(name)), Ok(value.into()), "{name}");
        assert_eq!(text(&outside, &ours).as_ref(), Ok(&before), "{name}");
        assert_eq!(outside.read(here, 100).as_deref(), Ok(before.as_bytes()), "{name}");
        assert_eq!(text(&outside, &kernels(name)), Ok(before), "{name}");
    }
    // Its network has no device but its own, and so has our directory.
    let inside = Client::within("n", None);
    for dir in ["sys/net/ipv4/conf/eth0", "sys/net/ipv4/conf/lo", "sysvipc/msg"] {
        let same = |client: &Client| {
            let stats = [kernels(dir), mount.point().join(dir)].map(|path| client.stat(&path).map(|_| ()));
            assert_eq!(stats[0], stats[1], "{dir}");
        };
        same(&inside);
        same(&outside);
    }
}

/// Who reads in a pid namespace of his own, without the right to enter it: the kernel judges him there.
#[test]
fn who_may_change_nothing_there_changes_nothing() {
    if !root() || !numbers_are_limited_by_namespace() {
        return;
    }
    let (mount, name) = (Mount::new(), "sys/kernel/pid_max");
    for space in [format!("p:{NOBODY}"), "pu".to_owned(), "po".to_owned()] {
        let client = Client::within(&space, (!space.contains(':')).then_some(NOBODY));
        let (ours, kernels) = (mount.point().join(name), Path::new("/proc").join(name));
        assert_eq!(text(&client, &ours), text(&client, &kernels), "{space}");
        let open = [&ours, &kernels].map(|path| client.open(path, libc::O_WRONLY).map(|_| ()));
        assert_eq!(open[0], open[1], "{space}");
    }
}

/// Paths of control groups begin where those of whoever looks do.
#[test]
fn control_groups_are_named_as_the_reader_names_them() {
    let some = |text: &str| text.lines().any(|line| !line.ends_with(":/"));
    if !root() || !some(&std::fs::read_to_string("/proc/self/cgroup").unwrap()) {
        return;
    }
    let mount = Mount::new();
    // Other mounts come and go meanwhile.
    let seen = |client: &Client, path: &Path| {
        let all = text(client, path)?;
        let lines = all.lines().filter(|line| !path.ends_with("mountinfo") || line.contains(" - cgroup"));
        Ok::<_, i32>(lines.map(|line| format!("{line}\n")).collect::<String>())
    };
    for space in ["c".to_owned(), format!("c:{NOBODY}"), "cu".to_owned(), "x".to_owned()] {
        let client = Client::within(&space, None);
        for pid in [client.pid(), mount.daemon()] {
            for name in
                ["cgroup", "cpuset", "mountinfo"].into_iter().flat_map(|n| [n.into(), format!("task/{pid}/{n}")])
            {
                let kernels = seen(&client, &Path::new("/proc").join(pid.to_string()).join(&name));
                // The daemon shows less of itself than the kernel does.
                let ours = seen(&client, &mount.path(pid, &name));
                if pid == client.pid() || ours.is_ok() {
                    assert_eq!(ours, kernels, "{name} of {pid} in {space}");
                }
                assert!(name != "cgroup" || ours.is_ok_and(|text| some(&text) == (space == "x")));
            }
        }
    }
}

/// Files whose content does not change from one look to the next.
const STEADY: [&str; 12] = [
    "auxv",
    "cmdline",
    "comm",
    "environ",
    "gid_map",
    "limits",
    "loginuid",
    "maps",
    "oom_score_adj",
    "personality",
    "setgroups",
    "uid_map",
];

/// What one opens of a process's files, and finds in them.
fn looks(client: &Client, dir: &Path, names: &[(String, u64, u32)]) -> Vec<String> {
    let mut all = Vec::new();
    for (name, _, kind) in names {
        let path = dir.join(name);
        let mut put = |what: &str, seen: String| all.push(format!("{name} {what}: {seen}"));
        put("is", format!("{:?}", client.stat(&path).map(|s| (s.mode, s.uid, s.gid))));
        match kind {
            4 => {
                let mut names =
                    client.list(&path).map(|all| all.into_iter().map(|(name, ..)| name).collect::<Vec<_>>());
                // The kernel shows these two of a directory that it refuses then.
                names = names.map(|all| all.into_iter().filter(|name| !matches!(&name[..], "." | "..")).collect());
                put("lists", format!("{names:?}"));
                for link in names.unwrap_or_default().iter().filter(|_| matches!(&name[..], "fd" | "ns")) {
                    put(link, format!("{:?}", client.read_link(&path.join(link))));
                }
            }
            10 => put("leads", format!("{:?}", client.read_link(&path))),
            _ => {
                for flags in [libc::O_RDONLY, libc::O_RDWR] {
                    let opened = client.open(&path, flags);
                    put(&flags.to_string(), format!("{:?}", opened.map(|_| ())));
                    let Ok(fd) = opened else { continue };
                    if flags == libc::O_RDONLY && (STEADY.contains(&&name[..]) || name == "status") {
                        let said = client.read(fd, 65536).map(|b| String::from_utf8_lossy(&b).into_owned());
                        let ids = |l: &&str| name != "status" || l.contains("id:") || l.starts_with("Groups:");
                        put("says", format!("{:?}", said.map(|s| s.lines().filter(ids).collect::<String>())));
                    }
                    client.close(fd);
                }
            }
        }
    }
    all
}

/// Whoever is in another user namespace gets from every file what he gets from the kernel's.
#[test]
fn a_user_namespace_sees_what_the_kernel_shows_it() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let first = Client::within("o", Some(NOBODY));
    let inside = format!("@{}", first.pid());
    let clients = [
        first,
        Client::within(&inside, Some(NOBODY)),
        Client::within("o", Some(NOBODY)),
        Client::within("u", Some(NOBODY)),
        Client::within("u", None),
        Client::within("o", Some(1000)),
    ];
    let outside = [Client::new(), Client::of_user(NOBODY), Client::of_user(1000)];
    let pids = || clients.iter().chain(&outside).map(Client::pid).chain([1]);
    let mut open = 0;
    for client in &clients[1..] {
        let thread = format!("{0}/task/{0}", client.pid());
        for dir in pids().map(|pid| pid.to_string()).chain([thread]) {
            let kernels = Path::new("/proc").join(&dir);
            let mut names = client.list(&kernels).unwrap();
            // Ours is another file.
            names.retain(|(name, ..)| !matches!(&name[..], "." | ".." | "mem"));
            let (theirs, ours) = (looks(client, &kernels, &names), looks(client, &mount.point().join(&dir), &names));
            for (theirs, ours) in theirs.iter().zip(&ours) {
                assert_eq!(ours, theirs, "{dir} seen by {}", status_field(client.pid(), "Uid"));
            }
            assert_eq!(ours.len(), theirs.len());
            open += theirs.iter().filter(|line| line.starts_with("environ 0: Ok")).count();
        }
        // The daemon shows less of itself than the kernel does.
        assert_eq!(client.open(&mount.path(mount.daemon(), "environ"), libc::O_RDONLY), Err(libc::EACCES));
    }
    // Each sees himself, and one of them his neighbour.
    assert_eq!(open, 5 * 2 + 1);
}

#[test]
fn without_capabilities_one_has_ones_own_in_a_user_namespace() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let target = Target::within("o", Some(NOBODY), "count", &[]);
    let pid = target.inner();
    let client = Client::within(&format!("@{pid}"), Some(NOBODY));
    let same = |pid: i32| std::fs::read_link(format!("/proc/{pid}/ns/user")).unwrap();
    assert_eq!(same(pid), same(client.pid()));
    assert_eq!(status_field(client.pid(), "CapEff"), "0000000000000000");
    let own = |name: &str| mount.path(client.pid(), name);
    // Its own files, to be changed.
    let put = |name: &str, text: &str| {
        let fd = client.open(&own(name), libc::O_WRONLY).unwrap();
        assert_eq!(client.write(fd, text), Ok(text.len()), "{name}");
        client.close(fd);
    };
    put("oom_score_adj", "500");
    put("comm", "renamed");
    assert_eq!(text(&client, &own("comm")).as_deref(), Ok("renamed\n"));
    assert_eq!(std::fs::read_to_string(format!("/proc/{}/oom_score_adj", client.pid())).unwrap(), "500\n");
    assert_eq!(client.open(&own("stack"), libc::O_RDONLY).and_then(|fd| client.read(fd, 100)), Err(libc::EACCES));
    // Another process of its own, to be controlled.
    holds(&mount, &client, &target, pid, 16);
    let seat = client.open(&mount.path(pid, "seat"), libc::O_RDWR).unwrap();
    assert!(client.write(seat, "mode report\ntrace sig all").is_ok());
    let mem = client.open(&mount.path(pid, "mem"), libc::O_RDONLY).unwrap();
    let maps = text(&client, &mount.path(pid, "maps")).unwrap();
    let start = u64::from_str_radix(maps.split('-').next().unwrap(), 16).unwrap();
    client.seek(mem, start).unwrap();
    assert_eq!(client.read(mem, 4).as_deref(), Ok(&b"\x7fELF"[..]));
    let note = client.open(&mount.path(pid, "note"), libc::O_WRONLY).unwrap();
    assert_eq!(client.write(note, "cont"), Ok(4));
    // Nobody else's.
    let stranger = Client::within("o", Some(1000));
    for name in CONTROL {
        assert_eq!(stranger.open(&mount.path(pid, name), libc::O_RDWR), Err(libc::EACCES), "{name}");
    }
}

/// The right is asked for by the tracer too, at an exec.
#[test]
fn a_seat_from_within_a_user_namespace_outlives_an_exec() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let target = Target::within("o", Some(NOBODY), "execs", &["self", "/proc/self/exe"]);
    let pid = target.inner();
    let client = Client::within(&format!("@{pid}"), Some(NOBODY));
    let seat = client.open(&mount.path(pid, "seat"), libc::O_RDWR).unwrap();
    client.write(seat, "mode report\ntrace exec on").unwrap();
    target.go();
    let line = client.events(seat, 1).remove(0);
    assert_eq!(field(&line, "event"), Some("exec"), "{line}");
    target.counts(0);
    assert_eq!(client.write(seat, "stop"), Ok(4));
    target.stands(0);
}

/// Processes that the daemon, or its tracer, has made for one request each.
fn helpers(mount: &Mount) -> Vec<i32> {
    let children = |pid: i32| {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        tasks
            .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
            .flat_map(|line| line.split_whitespace().map(|n| n.parse().unwrap()).collect::<Vec<i32>>())
            .collect::<Vec<_>>()
    };
    children(mount.daemon())
}

/// Whoever rules a user namespace can signal who works there in his name: that costs him his answer, and nobody anything else.
#[test]
fn who_works_in_a_user_namespace_can_be_stopped_and_killed() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let (daemon, standing) = (mount.daemon(), helpers(&mount));
    let (client, outside) = (Client::within("u", Some(NOBODY)), Client::new());
    let own = mount.path(client.pid(), "environ");
    for signal in [libc::SIGSTOP, libc::SIGKILL] {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            /// The thread ends with the test, however that ends.
            struct Over<'a>(&'a AtomicBool);
            impl Drop for Over<'_> {
                fn drop(&mut self) {
                    self.0.store(true, SeqCst);
                }
            }
            let _over = Over(&over);
            scope.spawn(|| {
                while !over.load(SeqCst) {
                    for pid in helpers(&mount).into_iter().filter(|pid| !standing.contains(pid)) {
                        kill(pid, signal);
                    }
                }
            });
            let mut failed = 0;
            eventually("ten are hit", || {
                match client.open(&own, libc::O_RDONLY) {
                    Ok(fd) => client.close(fd),
                    Err(e) => {
                        assert_eq!(e, libc::EIO);
                        failed += 1;
                    }
                }
                // Others are served as ever.
                assert!(text(&outside, &mount.path(outside.pid(), "environ")).is_ok());
                failed == 10
            });
        });
        assert!(text(&client, &own).is_ok());
    }
    assert_eq!((mount.daemon(), helpers(&mount)), (daemon, standing));
}

/// A daemon that is killed leaves nobody at work there, not even one who has been stopped.
#[test]
fn who_works_in_a_user_namespace_ends_with_the_daemon() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let (standing, client) = (helpers(&mount), Client::within("u", Some(NOBODY)));
    let own = mount.path(client.pid(), "environ");
    std::thread::scope(|scope| {
        let kills = scope.spawn(|| {
            let mut stopped = None;
            eventually("one is stopped", || {
                stopped = helpers(&mount).into_iter().filter(|pid| !standing.contains(pid)).find(|pid| {
                    let one_of_his = status_field(*pid, "Uid").starts_with(&NOBODY.to_string());
                    one_of_his && {
                        kill(*pid, libc::SIGSTOP);
                        state(*pid) == 'T'
                    }
                });
                stopped.is_some()
            });
            mount.kill_daemon();
            eventually("it has ended", || stopped.is_some_and(|pid| matches!(state(pid), '-' | 'Z')));
        });
        while !kills.is_finished() {
            let _ = client.open(&own, libc::O_RDONLY).map(|fd| client.close(fd));
        }
    });
}

#[test]
fn the_processes_of_the_daemon_are_shown_as_the_kernel_shows_them() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let daemon = mount.daemon();
    let threads = std::fs::read_dir(format!("/proc/{daemon}/task")).unwrap();
    let children = threads.filter_map(|t| std::fs::read_to_string(t.ok()?.path().join("children")).ok());
    let tracer = children.collect::<String>().trim().parse().unwrap();
    for (client, same) in [(Client::within("u", None), false), (Client::of_user(NOBODY), false), (Client::new(), true)]
    {
        for pid in [daemon, tracer] {
            for name in ["stat", "schedstat", "wchan", "sched", "status", "io", "maps", "environ", "syscall"] {
                let kernels = text(&client, &Path::new("/proc").join(pid.to_string()).join(name)).map(drop);
                assert_eq!(text(&client, &mount.path(pid, name)).map(drop), kernels, "{pid} {name}");
            }
            // Where code and stack are, which only who may trace it is told.
            let places = |dir: &Path| {
                let stat = text(&client, &dir.join(pid.to_string()).join("stat")).unwrap();
                let fields = stat.rsplit(") ").next().unwrap().split(' ').map(String::from);
                fields.skip(23).take(3).collect::<Vec<_>>()
            };
            assert_eq!(places(mount.point()), places(Path::new("/proc")));
            assert!(same || client.open(&mount.path(pid, "mem"), libc::O_RDWR).is_err());
        }
    }
}
