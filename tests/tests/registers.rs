//! Registers and steps, of 64-bit and 32-bit programs.

use pfs_tests::{eventually, state, status_field, Client, Mount, Target};

const RIP: usize = 16;
const RAX: usize = 10;
const ORIG_RAX: usize = 15;

fn at(regs: &[u8], i: usize) -> u64 {
    u64::from_ne_bytes(regs[8 * i..8 * i + 8].try_into().unwrap())
}

/// A stopped target on its sled, and the client that stopped it, with `ctl` and `regs` open.
fn on_the_sled(mount: &Mount, args: &[&str]) -> (Target, Client, i32, i32) {
    let (target, client) = (Target::start("sled", args), Client::new());
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    let regs = client.open(&mount.path(target.pid(), "regs"), libc::O_RDWR).unwrap();
    target.counts(0);
    client.write(ctl, "stop").unwrap();
    (target, client, ctl, regs)
}

#[test]
fn the_general_registers_have_the_kernels_size() {
    let mount = Mount::new();
    for (target, size) in [(Target::start("count", &[]), 216), (Target::start32("count", &[]), 68)] {
        assert_eq!(mount.read(target.pid(), "regs").unwrap().len(), size, "of a running process");
        mount.ctl(target.pid(), "stop").unwrap();
        assert_eq!(mount.read(target.pid(), "regs").unwrap().len(), size);
        mount.ctl(target.pid(), "run").unwrap();
        target.counts(16);
    }
}

#[test]
fn what_was_written_is_read_and_used() {
    let mount = Mount::new();
    let (target, client, ctl, regs) = on_the_sled(&mount, &[]);
    let before = client.read_at(regs, 0, 216).unwrap();
    let other = target.numbers()[1];
    let (at_pc, at_orig) = (8 * RIP as u64, 8 * ORIG_RAX as u64);
    assert_eq!(client.write_at(regs, at_orig, &u64::MAX.to_ne_bytes()), Ok(8));
    assert_eq!(client.write_at(regs, at_pc, &other.to_ne_bytes()), Ok(8));
    assert_eq!(client.write_at(regs, 8 * RAX as u64, &0x1234_5678_9abc_u64.to_ne_bytes()), Ok(8));
    let after = client.read_at(regs, 0, 216).unwrap();
    assert_eq!((at(&after, RIP), at(&after, RAX)), (other, 0x1234_5678_9abc));
    for i in (0..27).filter(|i| ![RIP, RAX, ORIG_RAX].contains(i)) {
        assert_eq!(at(&before, i), at(&after, i), "register {i}");
    }
    // rax back: the program may have something in it.
    client.write_at(regs, 8 * RAX as u64, &at(&before, RAX).to_ne_bytes()).unwrap();
    client.write(ctl, "run").unwrap();
    target.counts(1);
    target.stands(0);
}

#[test]
fn a_value_that_a_register_cannot_have_changes_no_other() {
    const FS_BASE: usize = 21;
    let mount = Mount::new();
    let (target, client, ctl, regs) = on_the_sled(&mount, &[]);
    let before = client.read_at(regs, 0, 216).unwrap();
    let mut image = before.clone();
    image[0] ^= 1;
    image[8 * FS_BASE..][..8].copy_from_slice(&(1u64 << 63).to_ne_bytes());
    assert_eq!(client.write_at(regs, 0, &image), Err(libc::EIO));
    assert_eq!(client.read_at(regs, 0, 216).unwrap(), before);
    client.write(ctl, "run").unwrap();
    target.counts(0);
}

#[test]
fn a_register_read_at_its_place_is_that_of_now() {
    let mount = Mount::new();
    let (target, client, ctl, regs) = on_the_sled(&mount, &[]);
    let sled = target.numbers()[0];
    client.write_at(regs, 8 * RIP as u64, &sled.to_ne_bytes()).unwrap();
    for steps in 0..5 {
        assert_eq!(client.read_at(regs, 8 * RIP as u64, 8).unwrap(), (sled + steps).to_ne_bytes(), "{steps} steps");
        client.write(ctl, "step").unwrap();
    }
    client.write(ctl, "run").unwrap();
    target.counts(0);
}

#[test]
fn registers_of_a_running_process_are_not_written() {
    let (mount, target, client) = (Mount::new(), Target::start("count", &[]), Client::new());
    for name in ["regs", "fpregs", "xregs", "dbregs"] {
        let fd = client.open(&mount.path(target.pid(), name), libc::O_RDWR).unwrap();
        let image = client.read_at(fd, 0, 8192).unwrap();
        assert_eq!(client.write_at(fd, 0, &image[..8]), Err(libc::EBUSY), "{name}");
    }
    target.counts(16);
}

#[test]
fn floating_point_and_extended_registers_read_back() {
    let mount = Mount::new();
    let (target, client, ctl, _) = on_the_sled(&mount, &[]);
    // xmm7 in both layouts.
    let at = 160 + 7 * 16;
    for (name, least) in [("fpregs", 512), ("xregs", 576)] {
        let fd = client.open(&mount.path(target.pid(), name), libc::O_RDWR).unwrap();
        let mut image = client.read_at(fd, 0, 16384).unwrap();
        assert!(image.len() >= least, "{name}: {}", image.len());
        image[at..at + 16].copy_from_slice(&[least as u8 + 7; 16]);
        if name == "xregs" {
            // The SSE part is in use.
            image[512] |= 2;
        }
        assert_eq!(client.write_at(fd, 0, &image), Ok(image.len()), "{name}");
        let again = client.read_at(fd, 0, 16384).unwrap();
        assert_eq!(again[at..at + 16], image[at..at + 16], "{name}");
    }
    client.write(ctl, "run").unwrap();
    target.counts(0);
}

#[test]
fn the_upper_halves_of_wide_registers_read_back_and_are_used() {
    let mount = Mount::new();
    let (target, client) = (Target::start("ymm", &[]), Client::new());
    if target.said == "none" {
        eprintln!("no AVX here: nothing tested");
        return;
    }
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    let xregs = client.open(&mount.path(target.pid(), "xregs"), libc::O_RDWR).unwrap();
    client.write(ctl, "stop").unwrap();
    let mut image = client.read_at(xregs, 0, 16384).unwrap();
    // The header at 512 says what is in use; the upper halves of the sixteen begin at 576 in the standard layout.
    let (low, high) = (160 + 7 * 16, 576 + 7 * 16);
    assert_eq!(image[512] & 4, 4, "the upper halves are not in use");
    assert_eq!((&image[low..low + 16], &image[high..high + 16]), (&[0x11; 16][..], &[0x22; 16][..]));
    image[low..low + 16].copy_from_slice(&[0x33; 16]);
    image[high..high + 16].copy_from_slice(&[0x44; 16]);
    assert_eq!(client.write_at(xregs, 0, &image), Ok(image.len()));
    assert_eq!(client.read_at(xregs, high as u64, 16).unwrap(), [0x44; 16]);
    client.write(ctl, "run").unwrap();
    eventually("the program sees them", || target.word(2) == 0x3333_3333_3333_3333);
    eventually("the program sees them", || target.word(3) == 0x4444_4444_4444_4444);
    target.counts(0);
}

#[test]
fn a_step_is_exactly_one_instruction() {
    let mount = Mount::new();
    let (target, client, ctl, regs) = on_the_sled(&mount, &[]);
    let sled = target.numbers()[0];
    client.write_at(regs, 8 * RIP as u64, &sled.to_ne_bytes()).unwrap();
    let pc = || at(&client.read_at(regs, 0, 216).unwrap(), RIP);
    for (steps, place) in [("step", 1), ("step 1", 2), ("step 10", 12), ("step 100", 112), ("step 88", 200)] {
        client.write(ctl, steps).unwrap();
        assert_eq!(pc(), sled + place, "{steps}");
    }
    assert_eq!(state(target.pid()), 't');
    target.stands(0);
    client.write(ctl, "run").unwrap();
    target.counts(0);
}

/// The processor sets it for a step, and pushf shows it.
#[test]
fn the_trap_flag_of_steps_is_not_for_the_program() {
    let mount = Mount::new();
    for how in [&[][..], &["alarm"]] {
        for start in [Target::start, Target::start32] {
            let (target, client) = (start("flags", how), Client::new());
            let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
            for n in 1..=150 {
                let rounds = target.word(0);
                client.write(ctl, &format!("stop\nstep {n}\nrun")).unwrap_or_else(|e| panic!("{how:?} {n}: {e}"));
                eventually("it goes on", || target.word(0) > rounds + 2);
            }
            assert_eq!(target.word(1), 0, "{how:?}");
            assert_eq!(target.word(2) > 0, !how.is_empty());
        }
    }
}

/// These are its registers at the entry of such a call too.
#[test]
fn a_step_behind_a_call_that_would_have_changed_the_mask_and_does_not_exist_is_one_instruction() {
    let mount = Mount::new();
    let (target, client, ctl, regs) = on_the_sled(&mount, &[]);
    let sled = target.numbers()[0];
    let image = client.read_at(regs, 0, 216).unwrap();
    let set = |n: usize, value: u64| client.write_at(regs, 8 * n as u64, &value.to_ne_bytes()).unwrap();
    set(RIP, sled);
    set(RAX, -libc::ENOSYS as u64);
    set(ORIG_RAX, libc::SYS_rt_sigsuspend as u64);
    client.write(ctl, "step").unwrap();
    assert_eq!(at(&client.read_at(regs, 0, 216).unwrap(), RIP), sled + 1);
    client.write_at(regs, 0, &image).unwrap();
    client.write(ctl, "run").unwrap();
    target.counts(0);
}

#[test]
fn a_step_leaves_a_blocked_sigtrap_blocked() {
    let mount = Mount::new();
    let (target, client, ctl, regs) = on_the_sled(&mount, &["blocked"]);
    let mask = status_field(target.pid(), "SigBlk");
    assert_eq!(mask, "0000000000000010");
    client.write_at(regs, 8 * RIP as u64, &target.numbers()[0].to_ne_bytes()).unwrap();
    client.write(ctl, "step 50").unwrap();
    assert_eq!(at(&client.read_at(regs, 0, 216).unwrap(), RIP), target.numbers()[0] + 50);
    assert_eq!(status_field(target.pid(), "SigBlk"), mask);
    client.write(ctl, "run").unwrap();
    target.counts(0);
    assert_eq!(status_field(target.pid(), "SigBlk"), mask);
}

#[test]
fn a_new_pc_inside_a_sleeping_call_takes_effect_exactly() {
    let (mount, target, client) = (Mount::new(), Target::start("signals", &[]), Client::new());
    eventually("it sleeps", || state(target.pid()) == 'S');
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    let regs = client.open(&mount.path(target.pid(), "regs"), libc::O_RDWR).unwrap();
    client.write(ctl, "stop").unwrap();
    let pc = at(&client.read_at(regs, 0, 216).unwrap(), RIP);
    // To where the call returns: without the kernel's restart the program goes on behind it, as if it had returned.
    client.write_at(regs, 8 * RIP as u64, &pc.to_ne_bytes()).unwrap();
    client.write_at(regs, 8 * RAX as u64, &7u64.to_ne_bytes()).unwrap();
    client.write(ctl, "step").unwrap();
    let after = client.read_at(regs, 0, 216).unwrap();
    assert_ne!(at(&after, RIP), pc - 2, "the call was restarted");
    assert!((pc..pc + 16).contains(&at(&after, RIP)), "{:#x} after {pc:#x}", at(&after, RIP));
    client.write(ctl, "run").unwrap();
    mount.ctl(target.pid(), "usr1").unwrap();
    eventually("it lives", || target.word(128 + 10) == 1);
}

#[test]
fn debug_registers_read_back_and_are_cleared() {
    let mount = Mount::new();
    let (target, client, ctl, _) = on_the_sled(&mount, &[]);
    let fd = client.open(&mount.path(target.pid(), "dbregs"), libc::O_RDWR).unwrap();
    let image = client.read_at(fd, 0, 128).unwrap();
    assert_eq!(image.len(), 64);
    assert!(image[..32].iter().all(|b| *b == 0), "{image:?}");
    let address = target.numbers()[1].to_ne_bytes();
    assert_eq!(client.write_at(fd, 8, &address), Ok(8));
    assert_eq!(client.read_at(fd, 8, 8).unwrap(), address);
    assert_eq!(client.write_at(fd, 8, &[0; 8]), Ok(8));
    client.write(ctl, "run").unwrap();
    target.counts(0);
}

#[test]
fn steps_pass_over_system_calls() {
    let (mount, target, client) = (Mount::new(), Target::start("busy", &["3"]), Client::new());
    let ctl = client.open(&mount.path(target.pid(), "ctl"), libc::O_RDWR).unwrap();
    client.write(ctl, "stop").unwrap();
    target.go();
    client.write(ctl, "step 3000").unwrap();
    client.write(ctl, "run").unwrap();
    eventually("it has made its rounds", || target.word(0) == 3);
}
