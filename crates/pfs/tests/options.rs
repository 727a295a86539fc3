//! The words after `-o`.

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
