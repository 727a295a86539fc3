//! Sets of signals, faults and system calls, and the language they are written in.

/// Highest member plus one.
pub const SIZE: usize = 512;

/// A set of numbers from 0 to 511.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Set([u64; SIZE / 64]);

impl Default for Set {
    fn default() -> Self {
        Set::EMPTY
    }
}

impl std::ops::BitOr for Set {
    type Output = Set;

    /// Whatever is in one of them.
    fn bitor(self, other: Set) -> Set {
        Set(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }
}

impl Set {
    /// No member.
    pub const EMPTY: Set = Set([0; SIZE / 64]);
    /// Every number.
    pub const ALL: Set = Set([u64::MAX; SIZE / 64]);

    /// True if `n` is a member; numbers beyond the end are in no set but [`Set::ALL`].
    pub fn has(&self, n: u64) -> bool {
        match self.0.get(usize::try_from(n / 64).unwrap_or(usize::MAX)) {
            Some(word) => word >> (n % 64) & 1 == 1,
            None => *self == Set::ALL,
        }
    }

    /// Adds `n`; no effect beyond the end.
    pub fn add(&mut self, n: u64) {
        if let Some(word) = self.0.get_mut((n / 64) as usize) {
            *word |= 1 << (n % 64);
        }
    }

    /// Removes `n`.
    pub fn remove(&mut self, n: u64) {
        if let Some(word) = self.0.get_mut((n / 64) as usize) {
            *word &= !(1 << (n % 64));
        }
    }

    /// True without members.
    pub fn is_empty(&self) -> bool {
        *self == Set::EMPTY
    }

    /// Members in rising order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        (0..SIZE as u64).filter(|n| self.has(*n))
    }

    /// The set after `words` were applied to it: `+x` adds and `-x` removes; `all` and `none` start over; a bare name as
    /// the first word starts from the empty set. The set is unchanged if a word is unknown: the word is the error.
    pub fn apply<'w>(&self, words: &[&'w str], number: impl Fn(&str) -> Option<u64>) -> Result<Set, &'w str> {
        let mut set = *self;
        for (i, word) in words.iter().enumerate() {
            match (*word, word.as_bytes().first()) {
                ("all", _) => set = Set::ALL,
                ("none", _) => set = Set::EMPTY,
                (_, Some(b'-')) => set.remove(number(&word[1..]).ok_or(*word)?),
                (_, Some(b'+')) => set.add(number(&word[1..]).ok_or(*word)?),
                _ => {
                    if i == 0 {
                        set = Set::EMPTY;
                    }
                    set.add(number(word).ok_or(*word)?);
                }
            }
        }
        Ok(set)
    }

    /// The set in its own language: `all`, `none`, or the shorter of `a b c` and `all -d -e`.
    pub fn show(&self, name: impl Fn(u64) -> String) -> String {
        if *self == Set::ALL {
            return "all".into();
        }
        let members: Vec<u64> = self.iter().collect();
        match members.len() {
            0 => "none".into(),
            n if n > SIZE / 2 => {
                let out = (0..SIZE as u64).filter(|n| !self.has(*n)).map(|n| format!(" -{}", name(n)));
                format!("all{}", out.collect::<String>())
            }
            _ => members.into_iter().map(name).collect::<Vec<_>>().join(" "),
        }
    }
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{{{}}}", self.show(|n| n.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(w: &str) -> Option<u64> {
        w.parse().ok()
    }

    #[test]
    fn the_language() {
        let one = Set::EMPTY.apply(&["+1", "+2", "-1"], n).unwrap();
        assert_eq!(one.show(|n| n.to_string()), "2");
        assert_eq!(one.apply(&["7", "8"], n).unwrap().show(|n| n.to_string()), "7 8");
        assert_eq!(one.apply(&["all", "-3"], n).unwrap().show(|n| n.to_string()), "all -3");
        assert_eq!(one.apply(&["none"], n).unwrap(), Set::EMPTY);
        assert_eq!(one.apply(&["5", "bogus"], n), Err("bogus"));
        assert!(Set::ALL.has(9999) && !one.has(9999));
    }
}
