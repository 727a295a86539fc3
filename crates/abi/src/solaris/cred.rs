//! Credentials and privileges.

use super::record::{head, record, Array, Int, Uint};
use super::Model;

record! {
    /// Start of `cred`; operand of PCSCRED, which ignores the groups.
    pub struct PrCred = "prcred_t" {
        pr_euid, pr_ruid, pr_suid: Uint, "Effective, real, saved user.";
        pr_egid, pr_rgid, pr_sgid: Uint, "Effective, real, saved group.";
        pr_ngroups: Int, "Supplementary groups that follow.";
        pr_groups: Array<Uint, 1>, "The first of them.";
    }
}

/// A `prcred_t` with all its groups: the file `cred`, the operand of PCSCREDX. It is the same in both models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credential {
    /// Effective, real and saved user.
    pub users: [u32; 3],
    /// Effective, real and saved group.
    pub groups: [u32; 3],
    /// Supplementary groups.
    pub others: Vec<u32>,
}

/// Most supplementary groups that Linux has.
pub const NGROUPS_MAX: usize = 65536;

impl Credential {
    /// Bytes with `n` supplementary groups; there is always room for one.
    pub const fn size(n: usize) -> usize {
        28 + 4 * if n == 0 { 1 } else { n }
    }

    /// In memory.
    pub fn bytes(&self) -> Vec<u8> {
        let ids = self.users.iter().chain(&self.groups).copied();
        let words = ids.chain([self.others.len() as u32]).chain(self.others.iter().copied());
        let mut out: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        out.resize(Self::size(self.others.len()), 0);
        out
    }

    /// From the start of `bytes`, and how many they were. `None` if they are too few, or for a number of groups that cannot be.
    pub fn take(bytes: &[u8]) -> Option<(Credential, usize)> {
        let word = |i: usize| Some(u32::from_le_bytes(head(bytes.get(4 * i..)?)?));
        let n = word(6)? as usize;
        if n > NGROUPS_MAX || bytes.len() < Self::size(n) {
            return None;
        }
        let cred = Credential {
            users: [word(0)?, word(1)?, word(2)?],
            groups: [word(3)?, word(4)?, word(5)?],
            others: (7..7 + n).map(word).collect::<Option<_>>()?,
        };
        Some((cred, Self::size(n)))
    }
}

record! {
    /// Start of `priv`.
    pub struct PrPriv = "prpriv_t" {
        pr_nsets: Uint, "Sets: [`PRIV_SETS`](super::numbers::PRIV_SETS).";
        pr_setsize: Uint, "32-bit words of a set.";
        pr_infosize: Uint, "Bytes of the records behind the sets.";
        pr_sets: Array<Uint, 1>, "The first word of the first set.";
    }
}

record! {
    /// The record behind the sets: flags of the process.
    pub struct PrivInfo = "priv_info_uint_t" {
        priv_info_type: Uint, "[`PRIV_INFO_FLAGS`](super::numbers::PRIV_INFO_FLAGS).";
        priv_info_size: Uint, "Bytes of this record.";
        val: Uint, "Bits [`PRIV_FLAGS`](super::numbers::PRIV_FLAGS).";
    }
}

/// Bytes before the sets.
const SETS: usize = 12;

/// A `prpriv_t` with all its sets and records: the file `priv`, the operand of PCSPRIV. It is the same in both models. In a
/// set, privilege 0 is the **highest** bit of the first word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Privileges {
    nsets: u32,
    setsize: u32,
    words: Vec<u32>,
    info: Vec<u8>,
}

impl Privileges {
    /// The effective, inheritable, permitted and limit set as lists of privilege numbers, each set of `setsize` words, and
    /// the flags. Numbers that do not fit are left out.
    pub fn new(setsize: u32, sets: [&[u32]; 4], flags: u32) -> Privileges {
        let width = setsize as usize;
        let mut words = vec![0; 4 * width];
        for (i, set) in sets.iter().enumerate() {
            for n in set.iter().filter(|n| **n / 32 < setsize) {
                words[i * width + (n / 32) as usize] |= 1 << (31 - n % 32);
            }
        }
        let (priv_info_type, priv_info_size) = (super::numbers::PRIV_INFO_FLAGS, 12);
        let info = PrivInfo { priv_info_type, priv_info_size, val: flags }.bytes(Model::Lp64);
        Privileges { nsets: 4, setsize, words, info }
    }

    /// Words for each of `n` privileges, with the spare room that Solaris leaves.
    pub const fn setsize_for(n: u32) -> u32 {
        (n + 10) / 32 + 1
    }

    /// Number of sets.
    pub fn nsets(&self) -> u32 {
        self.nsets
    }

    /// Words of a set.
    pub fn setsize(&self) -> u32 {
        self.setsize
    }

    /// Members of set `i`; none if there is no such set.
    pub fn set(&self, i: usize) -> impl Iterator<Item = u32> + '_ {
        let width = self.setsize as usize;
        let words = i.checked_mul(width).and_then(|at| self.words.get(at..)?.get(..width)).unwrap_or(&[]);
        let bits = words.iter().flat_map(|word| (0..32).rev().map(move |bit| word >> bit & 1 == 1));
        (0..).zip(bits).filter(|(_, member)| *member).map(|(n, _)| n)
    }

    /// Flags of the process, if the records are nothing else than that.
    pub fn flags(&self) -> Option<u32> {
        let info = PrivInfo::take(Model::Lp64, &self.info)?;
        let size = self.info.len() == 12 && info.priv_info_size == 12;
        (size && info.priv_info_type == super::numbers::PRIV_INFO_FLAGS).then_some(info.val)
    }

    /// The records behind the sets.
    pub fn info(&self) -> &[u8] {
        &self.info
    }

    /// In memory.
    pub fn bytes(&self) -> Vec<u8> {
        let head = [self.nsets, self.setsize, self.info.len() as u32];
        let mut out: Vec<u8> = head.iter().chain(&self.words).copied().flat_map(u32::to_le_bytes).collect();
        out.extend(&self.info);
        out
    }

    /// From the start of `bytes`, and how many they were; `None` if they are too few. The numbers of sets and words are
    /// as the writer gave them.
    pub fn take(bytes: &[u8]) -> Option<(Privileges, usize)> {
        let word = |i: usize| Some(u32::from_le_bytes(head(bytes.get(4 * i..)?)?));
        let (nsets, setsize, infosize) = (word(0)?, word(1)?, word(2)? as usize);
        let words = usize::try_from(u64::from(nsets) * u64::from(setsize)).ok()?;
        let infos = words.checked_mul(4)?.checked_add(SETS)?;
        let end = infos.checked_add(infosize)?;
        let info = bytes.get(infos..end)?.to_vec();
        let words = (3..3 + words).map(word).collect::<Option<_>>()?;
        Some((Privileges { nsets, setsize, words, info }, end))
    }
}
