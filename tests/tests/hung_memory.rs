//! A target's memory may come from a file system that does not answer: who touches it waits, and nobody else.

use pfs_tests::{eventually, root, state, Client, Mount, Target};

const RIP: u64 = 128;

/// The kernel reads the instruction that is to be stepped, for who steps: the step is refused then.
#[test]
fn a_step_into_a_page_that_does_not_come_holds_up_nobody_else() {
    if !root() {
        return;
    }
    let (mount, other, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    let holes: Vec<Target> = (0..2).map(|_| Target::start("hole", &["later", "nobody"])).collect();
    for hole in &holes {
        let address = hole.numbers()[0];
        mount.ctl(hole.pid(), "stop").unwrap();
        let regs = client.open(&mount.path(hole.pid(), "regs"), libc::O_RDWR).unwrap();
        client.write_at(regs, RIP, &address.to_ne_bytes()).unwrap();
        client.close(regs);
        let stepper = Client::new();
        let ctl = stepper.open(&mount.path(hole.pid(), "ctl"), libc::O_RDWR).unwrap();
        stepper.begin_write(ctl, "step");
        for _ in 0..3 {
            mount.ctl(other.pid(), "stop").unwrap();
            other.stands(16);
            mount.ctl(other.pid(), "run").unwrap();
            other.counts(16);
        }
        assert_eq!(stepper.answer(), Err(libc::EIO));
        assert_eq!(state(hole.pid()), 't');
        // Of this one no call of ours can be made; to look at it, its memory is not touched.
        assert!(!mount.read(hole.pid(), "holders").unwrap().is_empty());
        mount.ctl(hole.pid(), "run").unwrap();
        eventually("it waits for its page", || state(hole.pid()) == 'D');
    }
    for mut hole in holes {
        // The page will never come: the process ends of that.
        hole.go();
        hole.end();
    }
}
