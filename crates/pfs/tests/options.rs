//! The words after `-o`.

use flavours::bsd::Level;
use pfs::options::{DataModel, HidePid, Options};
use proptest::prelude::*;

#[test]
fn every_option() {
    assert_eq!(Options::parse("").unwrap(), Options::default());
    assert_eq!(Options::parse("ro").unwrap().ro, Some(true));
    assert_eq!(Options::parse("ro,rw").unwrap().ro, Some(false));
    let all = Options::parse("allow_other,,uid=0,gid=4294967294,hidepid=2").unwrap();
    assert_eq!(all.allow_other, Some(true));
    assert_eq!(all.uid, Some(0));
    assert_eq!(all.gid, Some(u32::MAX - 1));
    assert_eq!(all.hidepid, Some(HidePid::Invisible));
    assert_eq!(Options::parse("no_allow_other").unwrap().allow_other, Some(false));
}

#[test]
fn hidepid_by_number_and_name() {
    for (number, name) in [("0", "off"), ("1", "noaccess"), ("2", "invisible"), ("4", "ptraceable")] {
        let by_number = Options::parse(&format!("hidepid={number}")).unwrap();
        assert_eq!(by_number, Options::parse(&format!("hidepid={name}")).unwrap());
        assert_eq!(by_number.hidepid.unwrap().number().to_string(), number);
    }
}

#[test]
fn models_are_shown_as_they_are_read() {
    for (word, model) in [("opener", DataModel::Opener), ("lp64", DataModel::Lp64), ("ilp32", DataModel::Ilp32)] {
        let options = Options::parse(&format!("rw,model={word}")).unwrap();
        assert_eq!(options.model, Some(model));
        assert_eq!(Options::parse(&options.to_string()).unwrap(), options);
    }
    assert_eq!([DataModel::Opener, DataModel::Lp64].map(|m| m.forced().is_some()), [false, true]);
}

#[test]
fn options_of_the_bsds_are_shown_as_they_are_read() {
    for level in Level::ALL {
        for rest in ["", ",strict,syscallregs=raw", ",no_strict,syscallregs=bsd"] {
            let options = Options::parse(&format!("rw,level={}{rest}", level.word())).unwrap();
            assert_eq!(options.level.as_deref(), Some(level.word()));
            assert_eq!(Options::parse(&options.to_string()).unwrap(), options);
        }
    }
    assert_eq!(Options::parse("strict=4"), Options::parse("level=4,strict"));
    let merged = Options::merge(&["level=4,strict", "level=10,syscallregs=raw"].map(|o| Options::parse(o).unwrap()));
    assert_eq!(merged, Options::parse("level=10,strict,syscallregs=raw").unwrap());
}

#[test]
fn wrong_words_name_the_right_ones() {
    for (list, part) in [
        ("bogus", "valid options: ro, rw, allow_other"),
        ("ro=1", "ro takes no value"),
        ("uid", "needs a value"),
        ("uid=", "uid=: not a number"),
        ("uid=-1", "not a number"),
        ("uid=+1", "not a number"),
        ("gid=4294967295", "not a number"),
        ("hidepid=3", "not one of 0"),
        ("model", "needs a value"),
        ("model=64", "not one of opener, lp64, ilp32"),
        ("level", "needs a value"),
        ("level=3", "level=3: not one of 44a, 44b, 2, 4, 5, 10, 12, 14"),
        ("strict=3", "strict=3: not one of 44a, 44b, 2, 4, 5, 10, 12, 14"),
        ("no_strict=4", "no_strict takes no value"),
        ("syscallregs=x", "not one of bsd, raw"),
        ("RO", "unknown option \"RO\""),
    ] {
        let said = Options::parse(list).unwrap_err();
        assert!(said.contains(part), "{list}: {said}");
    }
}

#[test]
fn later_lists_win() {
    let merged = Options::merge(&[Options::parse("ro,uid=1").unwrap(), Options::parse("rw,gid=2").unwrap()]);
    assert_eq!(merged, Options::parse("rw,uid=1,gid=2").unwrap());
}

proptest! {
    #[test]
    fn no_list_panics(list in ".{0,200}") {
        let _ = Options::parse(&list);
    }

    #[test]
    fn shown_is_understood(ro: Option<bool>, other: Option<bool>, uid in proptest::option::of(0..u32::MAX),
                           gid in proptest::option::of(0..u32::MAX)) {
        let given = Options { ro, allow_other: other, uid, gid, ..Options::default() };
        let mut back = Options::parse(&given.to_string()).unwrap();
        if ro.is_none() {
            prop_assert_eq!(back.ro.take(), Some(false));
        }
        prop_assert_eq!(back, given);
    }
}
