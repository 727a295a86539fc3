//! Layouts against a table that is not made from them, and values that survive the way through bytes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::cred::*;
use super::fdinfo::*;
use super::record::*;
use super::records::*;
use super::regs::*;
use super::set::*;
use super::siginfo::*;
use super::xregs::*;
use super::*;

/// The bytes of any value.
pub fn image<K: Kind<Value = K>>(value: &K, model: Model) -> Vec<u8> {
    let mut out = Vec::new();
    K::put(value, model, &mut out);
    out
}

/// Offset and length, size and alignment, by model; `None` where the model has no such thing.
type Place = [Option<(usize, usize)>; 2];

fn table() -> BTreeMap<(&'static str, &'static str), Place> {
    let lines = include_str!("layout.txt").lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    let mut table = BTreeMap::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, field, rest @ ..] = words.as_slice() else { panic!("{line}") };
        let rest = match rest {
            [.., "C"] => continue,
            [rest @ .., "R"] => rest,
            rest => rest,
        };
        let name = name.trim_start_matches("struct_");
        let number = |i: usize| rest[i].parse().ok();
        let place = [0, 2].map(|i| Some((number(i)?, number(i + 1)?)));
        assert_eq!(rest.len(), 4, "{line}");
        assert_eq!(table.insert((name, *field), place), None, "{line}");
    }
    table
}

/// Checks and collects.
#[derive(Default)]
struct Checked(BTreeSet<(&'static str, &'static str)>);

impl Checked {
    fn check(&mut self, name: &'static str, field: &'static str, place: Place) {
        assert_eq!(table().get(&(name, field)), Some(&place), "{name} {field}");
        self.0.insert((name, field));
    }

    fn size<K: Kind>(&mut self, name: &'static str) {
        self.check(name, "sizeof", Model::ALL.map(|m| Some((K::size(m), K::align(m)))));
    }

    /// The fields of `R`, which lies at `start` of the structure.
    fn fields<R: Record>(&mut self, start: [usize; 2]) {
        let [wide, narrow] = Model::ALL.map(R::fields);
        for (w, n) in wide.iter().zip(&narrow) {
            // Filler of unions has no name in C.
            if R::NAME == "siginfo_t" && w.name.starts_with("si_pad") {
                continue;
            }
            let place =
                |f: &Field, start: usize| (w.len + n.len == 0 || f.len > 0).then_some((f.offset + start, f.len));
            self.check(R::NAME, w.name, [place(w, start[0]), place(n, start[1])]);
        }
    }

    fn record<R: Record>(&mut self) {
        self.fields::<R>([0, 0]);
        self.size::<R>(R::NAME);
        for model in Model::ALL {
            let zero = image::<R>(&R::default(), model);
            assert!(zero.len() == R::size(model) && zero.iter().all(|b| *b == 0), "{}", R::NAME);
            assert_eq!(R::take(model, &zero), Some(R::default()));
            assert_eq!(R::take(model, &zero[1..]), None);
        }
    }
}

#[test]
fn layouts() {
    let mut checked = Checked::default();
    checked.record::<LwpStatus>();
    checked.record::<PStatus>();
    checked.record::<LwpsInfo>();
    checked.record::<PsInfo>();
    checked.record::<PrHeader>();
    checked.record::<PrUsage>();
    checked.record::<PrMap>();
    checked.record::<PrXMap>();
    checked.record::<PrCred>();
    checked.record::<PrPriv>();
    checked.record::<PrivInfo>();
    checked.record::<PrSecFlags>();
    checked.record::<SigAction>();
    checked.record::<Stack>();
    checked.record::<Auxv>();
    checked.record::<PrWatch>();
    checked.record::<PrIoVec>();
    checked.record::<PrPageHeader>();
    checked.record::<PrAsMap>();
    checked.record::<PrFdInfo>();
    checked.record::<PrFdInfoCore>();
    checked.record::<PrLwpName>();
    checked.record::<PrUPanic>();
    checked.record::<Ssd>();
    checked.record::<PrXRegHeader>();
    checked.record::<PrXRegInfo>();
    checked.size::<Timestruc>("timestruc_t");
    checked.size::<SigSet>("sigset_t");
    checked.size::<FltSet>("fltset_t");
    checked.size::<SysSet>("sysset_t");
    checked.size::<Registers>("prgregset_t");
    checked.size::<FpRegisters>("prfpregset_t");
    checked.size::<Siginfo>("siginfo_t");
    for (i, field) in ["si_signo", "si_code", "si_errno"].into_iter().enumerate() {
        checked.check("siginfo_t", field, [Some((4 * i, 4)); 2]);
    }
    checked.fields::<SiUser>([16, 12]);
    checked.fields::<SiChild>([16, 12]);
    checked.fields::<SiFault>([16, 12]);
    checked.fields::<SiPoll>([16, 12]);
    checked.fields::<SiResource>([16, 12]);
    checked.fields::<SiProfile>([16, 12]);
    let unchecked: Vec<_> = table().into_keys().filter(|k| !checked.0.contains(k)).collect();
    assert_eq!(unchecked, []);
}

#[test]
fn values_are_where_the_layout_says() {
    let info = PsInfo { pr_pid: 77, pr_fname: chars(b"sleep"), pr_argc: 2, pr_ttydev: u64::MAX, ..Default::default() };
    for (model, argc) in [(Model::Lp64, 236), (Model::Ilp32, 188)] {
        let bytes = info.bytes(model);
        assert_eq!((bytes[8], bytes[argc]), (77, 2));
        assert_eq!(PsInfo::take(model, &bytes), Some(info.clone()));
    }
    let bytes = LwpStatus { pr_flags: 1, pr_instr: 0xcc, ..Default::default() }.bytes(Model::Ilp32);
    assert_eq!((bytes[0], bytes[340]), (1, 0xcc));
    // Registers have their own conversion, also inside.
    let mut status = PStatus::default();
    status.pr_lwp.pr_reg.0[amd64::RIP] = 0x401000;
    assert_eq!(status.bytes(Model::Ilp32)[336 + 344 + 4 * i386::EIP..][..4], 0x401000u32.to_le_bytes());
    assert_eq!(status.bytes(Model::Lp64)[384 + 544 + 8 * amd64::RIP..][..8], 0x401000u64.to_le_bytes());
}

#[test]
fn what_ilp32_has_no_room_for_is_cut_off() {
    let map = PrMap { pr_vaddr: 0x7fff_1234_5678, pr_offset: 1 << 40, ..Default::default() };
    let bytes = map.bytes(Model::Ilp32);
    assert_eq!((&bytes[..4], &bytes[72..80]), (&0x1234_5678u32.to_le_bytes()[..], &(1u64 << 40).to_le_bytes()[..]));
    let dev = |pr_dev: u64| {
        let bytes = PrXMap { pr_dev, ..Default::default() }.bytes(Model::Ilp32);
        (u32::from_le_bytes(bytes[92..96].try_into().unwrap()), PrXMap::take(Model::Ilp32, &bytes).unwrap().pr_dev)
    };
    assert_eq!(dev(makedev(136, 3)), (136 << 18 | 3, makedev(136, 3)));
    assert_eq!([makedev(1 << 14, 0), makedev(0, 1 << 18), u64::MAX].map(dev), [(u32::MAX, u64::MAX); 3]);
}

#[test]
fn array_files() {
    for (model, strides) in [(Model::Lp64, [1312, 144, 528]), (Model::Ilp32, [808, 112, 264])] {
        let sizes = [LwpStatus::size(model), LwpsInfo::size(model), PrUsage::size(model)];
        assert_eq!(sizes.map(|s| model.stride(s)), strides);
        let entries = [1, 2, 3].map(|pr_lwpid| PrUsage { pr_lwpid, ..Default::default() });
        let file = array(model, &entries);
        let head = PrHeader::size(model);
        assert_eq!(PrHeader::take(model, &file), Some(PrHeader { pr_nent: 3, pr_entsize: strides[2] as i64 }));
        assert_eq!(file.len(), head + 3 * strides[2]);
        assert_eq!([0, 1, 2].map(|i| file[head + i * strides[2]]), [1, 2, 3]);
        assert_eq!(array::<LwpStatus>(model, &[]).len(), head);
    }
}

#[test]
fn tables_of_fixed_length() {
    let action = SigAction { sa_handler: 1, ..Default::default() };
    for model in Model::ALL {
        let file = sigact(model, &[SigAction::default(), action.clone()]);
        assert_eq!((file.len(), SigAction::take(model, &file[32..])), (2368, Some(action.clone())));
        let full = auxv(model, &vec![Auxv { a_type: 6, a_un: 4096 }; 30]);
        assert_eq!(full.len(), 28 * Auxv::size(model));
        assert_eq!(full[full.len() - Auxv::size(model)..], vec![0; Auxv::size(model)]);
    }
}

#[test]
fn page_data() {
    let map = PrAsMap { pr_vaddr: 0x1000, pr_pagesize: 4096, ..Default::default() };
    for (model, head, entry) in [(Model::Lp64, 32, 104), (Model::Ilp32, 16, 96)] {
        let file = pagedata(model, Timestruc::of_nanos(5), &[(map.clone(), vec![3; 9]), (map.clone(), vec![])]);
        assert_eq!(file.len(), head + entry + 16 + entry);
        let start = PrPageHeader::take(model, &file).unwrap();
        assert_eq!((start.pr_nmap, start.pr_npage, start.pr_tstamp.nsec), (2, 9, 5));
        assert_eq!(PrAsMap::take(model, &file[head..]).unwrap().pr_npage, 9);
        assert_eq!(file[head + entry..][..16], [[3; 8], [3, 0, 0, 0, 0, 0, 0, 0]].concat());
    }
}

#[test]
fn credentials_and_privileges() {
    let mut cred = Credential { users: [1, 2, 3], groups: [4, 5, 6], others: vec![] };
    assert_eq!(cred.bytes().len(), 32);
    cred.others = vec![7, 8];
    let bytes = cred.bytes();
    assert_eq!((bytes.len(), Credential::take(&bytes)), (36, Some((cred, 36))));
    assert_eq!(Credential::take(&bytes[..35]), None);
    assert_eq!(PrCred::take(Model::Lp64, &bytes).unwrap().pr_groups, [7]);
    let mut many = bytes;
    many[24..28].fill(0xff);
    assert_eq!(Credential::take(&many), None);

    assert_eq!([41, 87, 85, 86].map(Privileges::setsize_for), [2, 4, 3, 4]);
    let privs = Privileges::new(2, [&[0, 33], &[], &[40], &[64]], numbers::PRIV_AWARE);
    let bytes = privs.bytes();
    assert_eq!(bytes.len(), 12 + 4 * 2 * 4 + 12);
    // The highest bit is the first.
    assert_eq!(bytes[12..20], [0, 0, 0, 0x80, 0, 0, 0, 0x40]);
    assert_eq!(
        [0, 1, 2, 3, 4].map(|i| privs.set(i).collect::<Vec<_>>()),
        [vec![0, 33], vec![], vec![40], vec![], vec![]]
    );
    assert_eq!(privs.flags(), Some(numbers::PRIV_AWARE));
    assert_eq!(Privileges::take(&bytes), Some((privs, bytes.len())));
    assert_eq!(Privileges::take(&bytes[..bytes.len() - 1]), None);
    assert_eq!(Privileges::take(&[0xff; 64]), None);
}

#[test]
fn sets_start_at_one() {
    let set: SigSet = [0, 1, 9, 33, 128, 129, u64::MAX].into_iter().collect();
    assert_eq!(set.0, [0x101, 1, 0, 1 << 31]);
    assert_eq!(set.iter().collect::<Vec<_>>(), [1, 9, 33, 128]);
    assert!(!set.has(0) && !SigSet::FULL.has(0) && !SigSet::FULL.has(129));
    assert_eq!((set.bits(), SigSet::of_bits(1 << 63 | 1).iter().collect::<Vec<_>>()), (0x1_0000_0101, vec![1, 64]));
    let mut calls = SysSet::FULL;
    calls.remove(512);
    assert_eq!(calls.0[15], u32::MAX >> 1);
}

/// What was read once reads the same from its own bytes.
fn stable<K: Kind<Value = K> + std::fmt::Debug + PartialEq>(given: &[u8]) {
    for model in Model::ALL {
        let Some(value) = K::take(model, given) else { continue };
        let again = image::<K>(&value, model);
        assert_eq!(again.len(), K::size(model));
        assert_eq!(K::take(model, &again), Some(value));
    }
}

proptest! {
    #[test]
    fn values_survive(bytes in proptest::collection::vec(any::<u8>(), 0..2048), code in -8i32..8, signo in 0i32..32) {
        stable::<PStatus>(&bytes);
        stable::<PsInfo>(&bytes);
        stable::<PrUsage>(&bytes);
        stable::<PrMap>(&bytes);
        stable::<PrXMap>(&bytes);
        stable::<PrCred>(&bytes);
        stable::<PrSecFlags>(&bytes);
        stable::<SigAction>(&bytes);
        stable::<Auxv>(&bytes);
        stable::<PrWatch>(&bytes);
        stable::<PrIoVec>(&bytes);
        stable::<PrAsMap>(&bytes);
        stable::<PrFdInfo>(&bytes);
        stable::<PrFdInfoCore>(&bytes);
        stable::<Registers>(&bytes);
        stable::<FpRegisters>(&bytes);
        stable::<SysSet>(&bytes);
        let info = [&signo.to_le_bytes()[..], &code.to_le_bytes(), &bytes].concat();
        stable::<Siginfo>(&info);
        let linux = [&signo.to_le_bytes()[..], &[0; 4], &code.to_le_bytes(), &bytes].concat();
        // Of a fault that has no code here, Linux is told that the kernel knows: that reads as another.
        if let Some(read) = Siginfo::of_linux(&linux, 1).filter(|r| r.code != numbers::SI_NOINFO) {
            let again = Siginfo::of_linux(&read.to_linux(), 1);
            prop_assert_eq!(again.map(|a| (a.signo, a.code)), Some((read.signo, read.code)));
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..8, small in 0u32..9) {
        let mut bytes = bytes;
        for word in bytes.chunks_exact_mut(4).take(at) {
            word.copy_from_slice(&small.to_le_bytes());
        }
        for (parsed, said) in [
            Credential::take(&bytes).map(|(c, n)| (c.bytes(), n)),
            Privileges::take(&bytes).map(|(p, n)| (p.bytes(), n)),
        ].into_iter().flatten() {
            prop_assert_eq!(parsed.len(), said);
        }
        let _ = XRegisters::parse(&bytes);
        let _ = XRegisters::of_xsave(&bytes, 7, &[Component { number: 2, offset: usize::MAX, size: 256 }]);
    }

    #[test]
    fn sets_are_numbers(numbers in proptest::collection::btree_set(1u64..=512, 0..40)) {
        let set: SysSet = numbers.iter().copied().collect();
        prop_assert_eq!(set.iter().collect::<BTreeSet<_>>(), numbers);
        stable::<SysSet>(&image::<SysSet>(&set, Model::Lp64));
    }
}
