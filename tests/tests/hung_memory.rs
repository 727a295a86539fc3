//! A target's memory may come from a file system that does not answer: who touches it waits, and nobody else.

use pfs_tests::{eventually, root, state, Client, Mount, Target};

const RIP: u64 = 128;

/// It is about to run what lies in such a page: a step looks at the instruction first.
#[test]
fn a_step_into_a_page_that_does_not_come_holds_up_nobody_else() {
    if !root() {
        return;
    }
    let (mount, other, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let holes: Vec<Target> = (0..2).map(|_| Target::start("hole", &[])).collect();
    let steppers: Vec<Client> = holes.iter().map(|_| Client::new()).collect();
    for (hole, stepper) in holes.iter().zip(&steppers) {
        let address = hole.numbers()[0];
        mount.ctl(hole.pid(), "stop").unwrap();
        let regs = client.open(&mount.path(hole.pid(), "regs"), libc::O_RDWR).unwrap();
        client.write_at(regs, RIP, &address.to_ne_bytes()).unwrap();
        client.close(regs);
        let ctl = stepper.open(&mount.path(hole.pid(), "ctl"), libc::O_RDWR).unwrap();
        stepper.begin_write(ctl, "step");
        eventually("it waits for its page", || matches!(state(hole.pid()), 'D' | 'S'));
        for _ in 0..3 {
            mount.ctl(other.pid(), "stop").unwrap();
            other.stands(16);
            mount.ctl(other.pid(), "run").unwrap();
            other.counts(16);
        }
        // Of this one no call of ours can be made; to look at it, its memory is not touched.
        assert!(!mount.read(hole.pid(), "holders").unwrap().is_empty());
    }
    for hole in &holes {
        // The page will never come: the process ends of that.
        hole.go();
    }
    for (mut hole, stepper) in holes.into_iter().zip(&steppers) {
        let _ = stepper.answer();
        let _ = mount.ctl(hole.pid(), "run");
        hole.end();
    }
}
