//! The daemon is killed at arbitrary moments: its targets live on, and none stays stopped.

use pfs_tests::{eventually, state, status_field, thread_states, Client, Mount, Target};
use std::time::Duration;

#[test]
fn targets_outlive_the_daemon() {
    let kills: u64 = std::env::var("PFS_TEST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(50);
    let mount = Mount::new();
    let targets = [
        (Target::start("count", &["3"]), 16, "stop\nrun\nstop\nrun\nstop"),
        (Target::start("sled", &[]), 0, "stop\nrun\nattach\nrun"),
        (Target::start("busy", &["1"]), 2, "trace in all\nstop\nrun\ntrace in none\ntrace sig all\nstop\nrun\nstop"),
        (Target::start("parent", &[]), 0, ""),
    ];
    targets[2].0.go();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..kills {
        let clients: Vec<(Client, i32)> = targets
            .iter()
            .map(|(target, _, _)| {
                let client = Client::new();
                let fd = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
                (client, fd)
            })
            .collect();
        let child = targets[3].0.numbers()[0] as i32;
        let child_ctl = clients[3].0.open(&mount.path(child, "ctl"), libc::O_RDWR).unwrap();
        clients[0].0.begin_write(clients[0].1, &[targets[0].2; 20].join("\n"));
        clients[1].0.begin_write(clients[1].1, &[targets[1].2; 20].join("\n"));
        clients[2].0.begin_write(clients[2].1, &[targets[2].2; 20].join("\n"));
        clients[3].0.begin_write(child_ctl, &["stop\nrun"; 50].join("\n"));
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_micros(random % 20_000));
        mount.kill_daemon();
        for (target, word, _) in &targets {
            assert!(!"-ZX".contains(state(target.pid())), "round {round}: a target died");
            eventually("it is let go", || status_field(target.pid(), "TracerPid") == "0");
            eventually("no thread stands", || thread_states(target.pid()).iter().all(|t| "RS".contains(t.1)));
            target.counts(*word);
        }
        drop(clients);
        mount.again();
    }
    assert_eq!([1, 2, 3, 4].map(|i| targets[3].0.word(i)), [0; 4], "the parent was told");
}
