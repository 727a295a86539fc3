//! Layouts against a table that is not made from them, and what may be put into registers.

use super::dbreg::{DbReg, DbReg32};
use super::reg::{meant, shown, Reg, Reg32, PSL_C};
use super::*;
use crate::record::{Kind, Record};
use crate::user_regs::linux::{CS, EFLAGS, FS_BASE, GS, ORIG_RAX, R15, RAX, RIP, RSP};
use crate::user_regs::{At, LinuxRegisters};
use crate::Model;
use proptest::prelude::*;
use std::fmt::Write;

fn layout<R: Record>(machine: &str, model: Model) -> String {
    let name = R::NAME.strip_prefix("struct ").unwrap();
    let mut text = format!("{name} {machine} sizeof {}\n", <R as Kind>::size(model));
    for field in R::fields(model) {
        writeln!(text, "{name} {machine} {} {} {}", field.name, field.offset, field.len).unwrap();
    }
    text
}

#[test]
fn layouts() {
    let ours = [
        layout::<Reg>("amd64", Model::Lp64),
        layout::<Reg32>("i386", Model::Ilp32),
        layout::<DbReg>("amd64", Model::Lp64),
        layout::<DbReg32>("i386", Model::Ilp32),
    ];
    let table: Vec<&str> =
        include_str!("layout.txt").lines().filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    assert_eq!(ours.concat().lines().collect::<Vec<_>>(), table);
    let sizes = |m| [reg::size(m), fpreg::size(m), dbreg::size(m)];
    assert_eq!([sizes(Machine::Amd64), sizes(Machine::I386)], [[176, 512, 128], [76, 176, 32]]);
}

/// Every register has a value that tells its place.
fn linux() -> LinuxRegisters {
    let mut regs: LinuxRegisters = std::array::from_fn(|i| 0x1_0000_0100 + i as u64);
    (regs[CS], regs[EFLAGS], regs[GS]) = (0x33, 0x246, 0x63);
    regs
}

#[test]
fn general_registers_by_their_places() {
    let word = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let wide = reg::bytes(&linux(), Machine::Amd64);
    assert_eq!([0, 112, 136, 160].map(|at| word(&wide, at)), [R15, RAX, RIP, RSP].map(|i| linux()[i]));
    assert_eq!((word(&wide, 144), word(&wide, 152), wide[126], word(&wide, 120) as u32), (0x33, 0x246, 0x63, 0));
    let narrow = reg::bytes(&linux(), Machine::I386);
    let word = |at: usize| u32::from_le_bytes(narrow[at..at + 4].try_into().unwrap());
    assert_eq!([40, 52, 56, 60, 64, 72, 24].map(word), [0x10a, 0x110, 0x33, 0x246, 0x113, 0x63, 0]);
    for machine in [Machine::Amd64, Machine::I386] {
        assert_eq!(reg::of_bytes(&reg::bytes(&linux(), machine), machine, &linux()), Ok(linux()));
    }
}

#[test]
fn what_may_be_put_into_general_registers() {
    let old = linux();
    let with = |at: usize, bytes: &[u8]| {
        let mut image = reg::bytes(&old, Machine::Amd64);
        image[at..at + bytes.len()].copy_from_slice(bytes);
        reg::of_bytes(&image, Machine::Amd64, &old)
    };
    assert_eq!(with(136, &[1, 2, 3, 4, 5, 6, 7, 0]).unwrap()[RIP], 0x0007_0605_0403_0201);
    assert_eq!(with(152, &0x3246u64.to_le_bytes()), Err(Refused), "I/O privilege");
    assert_eq!(with(152, &0x046u64.to_le_bytes()), Err(Refused), "no interrupts");
    assert_eq!(with(152, &0xffff_0000_0000_0b47u64.to_le_bytes()).unwrap()[EFLAGS], 0xb47);
    assert_eq!(with(144, &0x10u64.to_le_bytes()), Err(Refused), "the kernel's code");
    let kept = with(120, &[0xff; 16]).unwrap();
    assert_eq!((kept[GS], kept[FS_BASE], kept[ORIG_RAX]), (old[GS], old[FS_BASE], old[ORIG_RAX]));
    assert_eq!(reg::of_bytes(&[0; 175], Machine::Amd64, &old), Err(Refused));
}

#[test]
fn system_calls_as_a_bsd_shows_them() {
    let mut regs = linux();
    (regs[RAX], regs[ORIG_RAX]) = (-38i64 as u64, 39);
    let entry = shown(&regs, At::Entry, Machine::Amd64);
    assert_eq!((entry[RAX], meant(&entry, &regs, At::Entry)), (39, regs));
    let mut other = entry;
    other[RAX] = 102;
    assert_eq!(
        {
            let m = meant(&other, &regs, At::Entry);
            (m[RAX], m[ORIG_RAX])
        },
        (-38i64 as u64, 102)
    );
    for (rax, machine, shows, carry) in [
        (-2i64 as u64, Machine::Amd64, 2, 1),
        (0xffff_fffe, Machine::I386, 2, 1),
        (0xffff_fffe, Machine::Amd64, 0xffff_fffe, 0),
        (-4095i64 as u64, Machine::Amd64, 4095, 1),
        (-4096i64 as u64, Machine::Amd64, -4096i64 as u64, 0),
        (7, Machine::Amd64, 7, 0),
    ] {
        for flags in [0x246, 0x247] {
            (regs[RAX], regs[EFLAGS]) = (rax, flags);
            let exit = shown(&regs, At::Exit, machine);
            assert_eq!((exit[RAX], exit[EFLAGS] & PSL_C), (shows, carry));
            let back = meant(&exit, &regs, At::Exit);
            assert_eq!(back[EFLAGS], flags);
            assert_eq!(shown(&back, At::Exit, machine), exit);
        }
    }
    assert_eq!(shown(&regs, At::Outside, Machine::Amd64), regs);
}

#[test]
fn what_may_be_put_into_debug_registers() {
    let image = |control: u64, address: u64| {
        let mut regs = [0; 8];
        (regs[0], regs[7]) = (address, control);
        dbreg::bytes(&regs, Machine::Amd64)
    };
    let refused = |control, address, narrow| dbreg::of_bytes(&image(control, address), Machine::Amd64, narrow).is_err();
    assert_eq!(
        dbreg::of_bytes(&image(0x000d_0001, 0x1000), Machine::Amd64, false).unwrap(),
        [0x1000, 0, 0, 0, 0, 0, 0, 0xd_0001]
    );
    assert!(refused(0x0002_0000, 0, false), "I/O");
    assert!(refused(0x2000_0000, 0, false), "I/O of the fourth");
    assert!(!refused(0x0009_0001, 0x1000, false) && refused(0x0009_0001, 0x1000, true), "eight bytes");
    assert!(refused(1, 0xffff_8000_0000_0000, false) && !refused(4, 0xffff_8000_0000_0000, false), "the kernel's");
    assert!(refused(1, 0x1_0000_0000, true) && !refused(1, 0x1_0000_0000, false));
    assert!(refused(1 << 32, 0, false));
    let mut status = image(0, 0);
    status[6 * 8 + 4] = 1;
    assert!(dbreg::of_bytes(&status, Machine::Amd64, false).is_err());
}

#[test]
fn floating_point_registers_of_both_machines() {
    let mut fxsave = [0u8; 512];
    fxsave[..6].copy_from_slice(&[0x7f, 3, 1, 0, 0xff, 0]);
    fxsave[24..32].copy_from_slice(&[0x80, 0x1f, 0, 0, 0xff, 0xff, 0, 0]);
    fxsave[32..42].fill(0x3f);
    fxsave[160..176].fill(0x11);
    fxsave[464..].fill(9);
    let wide = fpreg::bytes(&fxsave, Machine::Amd64).unwrap();
    assert_eq!((&wide[..416], &wide[416..]), (&fxsave[..416], &[0; 96][..]));
    assert_eq!(fpreg::of_bytes(&wide, Machine::Amd64, &fxsave).unwrap(), fxsave);
    let mut all = wide.clone();
    all[24..32].fill(0xff);
    assert_eq!(fpreg::of_bytes(&all, Machine::Amd64, &fxsave).unwrap()[24..32], [0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0]);
    let narrow = fpreg::bytes(&fxsave, Machine::I386).unwrap();
    assert_eq!((narrow.len(), &narrow[28..38], narrow[108], &narrow[112..]), (176, &[0x3f; 10][..], 1, &[0; 64][..]));
    let mut other = narrow.clone();
    other[28] = 0x40;
    let set = fpreg::of_bytes(&other, Machine::I386, &fxsave).unwrap();
    assert_eq!((set[32], &set[33..42], &set[160..176]), (0x40, &[0x3f; 9][..], &[0x11; 16][..]));
    assert_eq!(fpreg::bytes(&fxsave[1..], Machine::Amd64), Err(Refused));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), old in proptest::collection::vec(any::<u8>(), 512)) {
        for machine in [Machine::Amd64, Machine::I386] {
            let _ = reg::of_bytes(&bytes, machine, &linux());
            let _ = fpreg::of_bytes(&bytes, machine, &old);
            let _ = dbreg::of_bytes(&bytes, machine, false);
        }
    }
}

#[test]
fn ioctls() {
    use super::pioctl::{Pioc, ProcfsStatus};
    let status = [layout::<ProcfsStatus>("amd64", Model::Lp64), layout::<ProcfsStatus>("i386", Model::Ilp32)].concat();
    let table: Vec<&str> =
        include_str!("pioctl.txt").lines().filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    assert_eq!(status.lines().collect::<Vec<_>>(), table);
    for (last, which) in [(1, Pioc::Bis), (2, Pioc::Bic), (3, Pioc::Sfl), (5, Pioc::Cont)] {
        let forms = [0x7000, 0x2000_7000, 0x8000_7000, 0x2004_7000].map(|form| Pioc::of(form + last));
        assert_eq!(forms, [Some(which); 4]);
        assert_eq!([0x4000_7000, 0x8004_7000, 0x7100, 0xffff_7000].map(|form| Pioc::of(form + last)), [None; 4]);
    }
    let told = [0x8020_7004, 0x8014_7004, 0x8020_7006, 0x8014_7006, 0x8004_7007].map(Pioc::of);
    let (wide, narrow) = (Model::Lp64, Model::Ilp32);
    assert_eq!(
        told,
        [Pioc::Wait(wide), Pioc::Wait(narrow), Pioc::Status(wide), Pioc::Status(narrow), Pioc::Gfl].map(Some)
    );
    assert_eq!([0x4020_7004, 0x4014_7006, 0x4004_7007, 0x8018_7004, 0x7004, 0x7000, 0].map(Pioc::of), [None; 7]);
}
