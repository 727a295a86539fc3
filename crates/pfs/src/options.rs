//! Mount options: the words after `-o`.

use flavours::bsd::Level;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who sees whose processes, with the meaning of proc(5)'s option of the same name.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HidePid {
    /// Everybody sees everything that the modes allow.
    #[default]
    Off,
    /// The directories of other users' processes are visible but closed.
    NoAccess,
    /// The directories of other users' processes are invisible.
    Invisible,
    /// Only processes that the caller may trace are visible.
    Ptraceable,
}

impl HidePid {
    fn parse(word: &str) -> Option<HidePid> {
        Some(match word {
            "0" | "off" => HidePid::Off,
            "1" | "noaccess" => HidePid::NoAccess,
            "2" | "invisible" => HidePid::Invisible,
            "4" | "ptraceable" => HidePid::Ptraceable,
            _ => return None,
        })
    }

    /// The number proc(5) gives it.
    pub fn number(self) -> u8 {
        match self {
            HidePid::Off => 0,
            HidePid::NoAccess => 1,
            HidePid::Invisible => 2,
            HidePid::Ptraceable => 4,
        }
    }
}

/// In which data model the structures are that are read, for flavours that have structures.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DataModel {
    /// In that of each reader.
    #[default]
    Opener,
    /// With 64-bit long and pointers for everybody.
    Lp64,
    /// With 32-bit long and pointers for everybody.
    Ilp32,
}

impl DataModel {
    fn parse(word: &str) -> Option<DataModel> {
        Some(match word {
            "opener" => DataModel::Opener,
            "lp64" => DataModel::Lp64,
            "ilp32" => DataModel::Ilp32,
            _ => return None,
        })
    }

    /// The model for everybody; none if each has its own.
    pub fn forced(self) -> Option<abi::solaris::Model> {
        match self {
            DataModel::Opener => None,
            DataModel::Lp64 => Some(abi::solaris::Model::Lp64),
            DataModel::Ilp32 => Some(abi::solaris::Model::Ilp32),
        }
    }
}

/// What the register files show of a system call that a thread stands in, for flavours of BSD.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SyscallRegs {
    /// Number, result and carry flag where a BSD has them.
    #[default]
    Bsd,
    /// What is in the registers.
    Raw,
}

impl SyscallRegs {
    fn parse(word: &str) -> Option<SyscallRegs> {
        Some(match word {
            "bsd" => SyscallRegs::Bsd,
            "raw" => SyscallRegs::Raw,
            _ => return None,
        })
    }
}

/// Mount options as given; `None` where nothing was said.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Options {
    /// Read only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ro: Option<bool>,
    /// Other users may enter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_other: Option<bool>,
    /// Only the processes of this user are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Members of this group see everything, whatever `hidepid` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// Who sees whose processes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidepid: Option<HidePid>,
    /// In which data model structures are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<DataModel>,
    /// The release whose files are shown, by a word of [`flavours::bsd::Level`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Errors and limits as that release had them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
    /// What registers show of system calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syscallregs: Option<SyscallRegs>,
}

const VALID: &str = "ro, rw, allow_other, no_allow_other, uid=N, gid=N, \
                     hidepid=0|1|2|4 (or off, noaccess, invisible, ptraceable), model=opener|lp64|ilp32, \
                     level=L, strict[=L], no_strict, syscallregs=bsd|raw";

impl Options {
    /// Parses a list separated by commas. Empty words are skipped; of words that contradict each other the last wins.
    pub fn parse(list: &str) -> Result<Options, String> {
        let mut options = Options::default();
        for word in list.split(',').filter(|w| !w.is_empty()) {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word, None),
            };
            match (name, value) {
                ("ro", None) => options.ro = Some(true),
                ("rw", None) => options.ro = Some(false),
                ("allow_other", None) => options.allow_other = Some(true),
                ("no_allow_other", None) => options.allow_other = Some(false),
                ("strict", None) => options.strict = Some(true),
                ("no_strict", None) => options.strict = Some(false),
                ("uid", Some(v)) => options.uid = Some(id(word, v)?),
                ("gid", Some(v)) => options.gid = Some(id(word, v)?),
                ("hidepid", Some(v)) => {
                    let meant = HidePid::parse(v);
                    options.hidepid = Some(meant.ok_or_else(|| {
                        format!("{word}: not one of 0 (off), 1 (noaccess), 2 (invisible), 4 (ptraceable)")
                    })?);
                }
                ("model", Some(v)) => {
                    let meant = DataModel::parse(v);
                    options.model = Some(meant.ok_or_else(|| format!("{word}: not one of opener, lp64, ilp32"))?);
                }
                ("level" | "strict", Some(v)) => {
                    match Level::of_word(v) {
                        Some(level) => options.level = Some(level.word().to_owned()),
                        None => return Err(format!("{word}: not one of {}", words(&Level::ALL))),
                    }
                    if name == "strict" {
                        options.strict = Some(true);
                    }
                }
                ("syscallregs", Some(v)) => {
                    let meant = SyscallRegs::parse(v);
                    options.syscallregs = Some(meant.ok_or_else(|| format!("{word}: not one of bsd, raw"))?);
                }
                ("ro" | "rw" | "allow_other" | "no_allow_other" | "no_strict", Some(_)) => {
                    return Err(format!("option {name} takes no value"));
                }
                ("uid" | "gid" | "hidepid" | "model" | "level" | "syscallregs", None) => {
                    return Err(format!("option {name} needs a value; valid options: {VALID}"));
                }
                _ => return Err(format!("unknown option {word:?}; valid options: {VALID}")),
            }
        }
        Ok(options)
    }

    /// Several `-o` as one: what was said later wins.
    pub fn merge(lists: &[Options]) -> Options {
        lists.iter().fold(Options::default(), |a, b| Options {
            ro: b.ro.or(a.ro),
            allow_other: b.allow_other.or(a.allow_other),
            uid: b.uid.or(a.uid),
            gid: b.gid.or(a.gid),
            hidepid: b.hidepid.or(a.hidepid),
            model: b.model.or(a.model),
            level: b.level.clone().or(a.level),
            strict: b.strict.or(a.strict),
            syscallregs: b.syscallregs.or(a.syscallregs),
        })
    }
}

/// The words of levels, in a list.
pub fn words(levels: &[Level]) -> String {
    levels.iter().map(|level| level.word()).collect::<Vec<_>>().join(", ")
}

fn id(word: &str, value: &str) -> Result<u32, String> {
    // u32::MAX is (uid_t)-1, "no user" to every system call.
    match value.parse() {
        Ok(n) if n != u32::MAX && value.bytes().all(|b| b.is_ascii_digit()) => Ok(n),
        _ => Err(format!("{word}: not a number from 0 to {}", u32::MAX - 1)),
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.ro == Some(true) { "ro" } else { "rw" })?;
        match self.allow_other {
            Some(true) => f.write_str(",allow_other")?,
            Some(false) => f.write_str(",no_allow_other")?,
            None => {}
        }
        if let Some(uid) = self.uid {
            write!(f, ",uid={uid}")?;
        }
        if let Some(gid) = self.gid {
            write!(f, ",gid={gid}")?;
        }
        if let Some(h) = self.hidepid {
            write!(f, ",hidepid={}", h.number())?;
        }
        match self.model {
            Some(DataModel::Opener) => f.write_str(",model=opener")?,
            Some(DataModel::Lp64) => f.write_str(",model=lp64")?,
            Some(DataModel::Ilp32) => f.write_str(",model=ilp32")?,
            None => {}
        }
        if let Some(level) = &self.level {
            write!(f, ",level={level}")?;
        }
        match self.strict {
            Some(true) => f.write_str(",strict")?,
            Some(false) => f.write_str(",no_strict")?,
            None => {}
        }
        match self.syscallregs {
            Some(SyscallRegs::Bsd) => f.write_str(",syscallregs=bsd"),
            Some(SyscallRegs::Raw) => f.write_str(",syscallregs=raw"),
            None => Ok(()),
        }
    }
}
