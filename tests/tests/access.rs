//! access(2) here and in the kernel's /proc, side by side.

use flavours::linux::own::PROCESS;
use pfs_tests::{root, Client, Mount, Target, NOBODY};
use std::path::Path;

/// The answers to each of the eight questions.
fn answers(client: &Client, path: &Path) -> Vec<Result<(), i32>> {
    (0..8).map(|mask| client.access(path, mask)).collect()
}

#[test]
fn the_answers_are_the_kernels() {
    if !root() {
        return;
    }
    let mount = Mount::new();
    let targets = [Target::start("count", &[]), Target::start_as(NOBODY, "count", &[])];
    let clients = [Client::new(), Client::of_user(NOBODY), Client::of_user(1000)];
    let (mut cells, mut wrong) = (0, Vec::new());
    for (client, who) in clients.iter().zip(["root", "nobody", "1000"]) {
        for pid in targets.iter().map(Target::pid) {
            let mut names = vec![String::new(), pid.to_string()];
            for dir in [pid.to_string(), format!("{pid}/task"), format!("{pid}/task/{pid}")] {
                // Links lead out of the file system.
                let plain = |kind: u32| kind != u32::from(libc::DT_LNK);
                let entries = client.list(&Path::new("/proc").join(&dir)).unwrap();
                let entries = entries.iter().filter(|(name, _, kind)| name != ".." && plain(*kind));
                names.extend(entries.map(|(name, ..)| format!("{dir}/{name}")));
            }
            for name in names {
                let kernels = answers(client, &Path::new("/proc").join(&name));
                let ours = answers(client, &mount.point().join(&name));
                cells += 1;
                if kernels != ours {
                    wrong.push(format!("{who} {name}: {ours:?} instead of {kernels:?}"));
                }
            }
        }
    }
    assert!(cells > 300, "{cells}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nobody_executes_a_file_of_ours() {
    if !root() {
        return;
    }
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    for row in PROCESS {
        let path = mount.path(target.pid(), row.name);
        assert_eq!(client.access(&path, libc::R_OK | libc::W_OK), Ok(()), "{}", row.name);
        assert_eq!(client.access(&path, libc::X_OK), Err(libc::EACCES), "{}", row.name);
    }
}
