//! `osrel`: the release of the ABI that the process is served by, as a number: that of the note in its executable, 0 without one.
//! A number can be written in its place, which is told until the next exec, and changes nothing else.
//!
//! The executable is looked at in the memory of the process, where a program may have written over it.

use super::candebug::Claim;
use super::look::{Look, Subject};
use super::text::Snapshot;
use abi::Model;
use kernel::procfs::{self, Life};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use tree::{Attr, Caller, Errno, Handle, Node, Pending, Result};

/// Longest message.
const MESSAGE_MAX: usize = 64;
/// Most processes for which a number is remembered.
const REMEMBERED_MAX: usize = 1024;

/// The node.
pub struct OsRel(pub Subject);

impl Node for OsRel {
    fn attr(&self, _caller: &Caller) -> Result<Attr> {
        Err(Errno(libc::ENOENT))
    }

    fn open(&self, caller: &Caller, _flags: i32) -> Result<Arc<dyn Handle>> {
        let claim = Claim::open(&self.0, caller)?;
        Ok(Arc::new(Open { subject: self.0.clone(), claim, snapshot: Snapshot::default() }))
    }
}

struct Open {
    subject: Subject,
    claim: Claim,
    snapshot: Snapshot,
}

impl Open {
    fn read(&self, caller: &Caller, offset: u64, size: usize) -> Result<Vec<u8>> {
        let (_, space) = self.claim.enter(caller)?;
        let number = || written(&self.subject).unwrap_or_else(|| noted(&self.subject.look(caller), &space));
        self.snapshot.read(offset, size, || Ok(format!("{}\n", number()).into_bytes()))
    }

    fn write(&self, caller: &Caller, data: &[u8]) -> Result<usize> {
        let (_, space) = self.claim.enter(caller)?;
        let number = number(data)?;
        let mut all = WRITTEN.lock();
        let all = all.get_or_insert_default();
        all.retain(|_, (_, space)| lives(space));
        if all.len() >= REMEMBERED_MAX {
            return Err(Errno(libc::ENOSPC));
        }
        all.insert(self.subject.target.proc.life(), (number, space));
        Ok(data.len())
    }
}

impl Handle for Open {
    fn read(&self, caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        done.finish(self.read(caller, offset, size));
    }

    fn write(&self, caller: &Caller, _offset: u64, data: &[u8], done: Pending<usize>) {
        done.finish(self.write(caller, data));
    }
}

/// The number in a message: digits and then blanks, 0 without digits. EINVAL for others, and for more than 2^31 - 1.
fn number(message: &[u8]) -> Result<i32> {
    if message.len() > MESSAGE_MAX {
        return Err(Errno(libc::EMSGSIZE));
    }
    let digits = message.trim_ascii_end();
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(Errno(libc::EINVAL));
    }
    if digits.is_empty() {
        return Ok(0);
    }
    procfs::number(digits).ok_or(Errno(libc::EINVAL))
}

/// What was written, with the address space that the process had then: it is no more as soon as it runs another program.
static WRITTEN: Mutex<Option<HashMap<Life, (i32, OwnedFd)>>> = Mutex::new(None);

/// True as long as somebody runs in this address space. Nothing is mapped at 0, which is an error as long as there is anything.
fn lives(space: &OwnedFd) -> bool {
    !procfs::pread(space.as_fd(), 0, 1).is_ok_and(|bytes| bytes.is_empty())
}

fn written(subject: &Subject) -> Option<i32> {
    let mut all = WRITTEN.lock();
    let all = all.as_mut()?;
    let (number, space) = all.get(&subject.target.proc.life())?;
    if lives(space) {
        return Some(*number);
    }
    all.remove(&subject.target.proc.life());
    None
}

/// The number in the note of the executable, 0 if it has none.
fn noted(look: &Look, space: &OwnedFd) -> i32 {
    let auxv = look.about.read(b"auxv").unwrap_or_default();
    let model = look.about.target_model().unwrap_or(Model::Lp64);
    release(model, &auxv, |at, size| procfs::pread(space.as_fd(), at, size).ok()).unwrap_or(0)
}

/// A little-endian word of at most 8 bytes.
fn word(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let word = bytes.get(at..at.checked_add(size)?)?;
    Some(word.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
}

/// From the program headers that the vector points to, of which `read` reads memory.
fn release(model: Model, auxv: &[u8], read: impl Fn(u64, usize) -> Option<Vec<u8>>) -> Option<i32> {
    const AT_PHDR: u64 = 3;
    const AT_PHNUM: u64 = 5;
    const PT_LOAD: u64 = 1;
    const PT_NOTE: u64 = 4;
    const PT_PHDR: u64 = 6;
    const NOTES_MAX: u64 = 4096;
    let long = model.long();
    let entry = |kind| {
        let mut pairs = auxv.chunks_exact(2 * long);
        pairs.find_map(|pair| (word(pair, 0, long)? == kind).then(|| word(pair, long, long))?)
    };
    // Size of a program header and of a file header; offset, address and length of a segment in its header.
    let (size, head, [offset_at, address_at, length_at]) = match model {
        Model::Lp64 => (56, 64, [8, 16, 32]),
        Model::Ilp32 => (32, 52, [4, 8, 16]),
    };
    let (at, count) = (entry(AT_PHDR)?, entry(AT_PHNUM)?.min(64) as usize);
    let headers = read(at, count * size)?;
    let segments = || headers.chunks_exact(size);
    let of = |header: &[u8], field| word(header, field, long);
    let kind = |header: &[u8]| word(header, 0, 4);
    // The headers are a segment themselves, or follow the file header in the one that begins with the file.
    let themselves =
        segments().find(|s| kind(s) == Some(PT_PHDR)).and_then(|s| Some(at.wrapping_sub(of(s, address_at)?)));
    let first = || segments().find(|s| kind(s) == Some(PT_LOAD) && of(s, offset_at) == Some(0));
    let moved = themselves.or_else(|| Some(at.wrapping_sub(head).wrapping_sub(of(first()?, address_at)?)))?;
    segments().filter(|s| kind(s) == Some(PT_NOTE)).find_map(|s| {
        let length = of(s, length_at)?.min(NOTES_MAX);
        abi_tag(&read(moved.wrapping_add(of(s, address_at)?), length as usize)?)
    })
}

/// From a list of notes: that of GNU which names the oldest kernel, a.b.c as a * 10^6 + b * 10^3 + c.
fn abi_tag(mut notes: &[u8]) -> Option<i32> {
    const NT_GNU_ABI_TAG: u64 = 1;
    loop {
        let (name_size, size) = (word(notes, 0, 4)? as usize, word(notes, 4, 4)? as usize);
        let name = notes.get(12..12usize.checked_add(name_size)?)?;
        let from = 12usize.checked_add(name_size.checked_next_multiple_of(4)?)?;
        let content = notes.get(from..from.checked_add(size)?)?;
        if name == b"GNU\0" && word(notes, 8, 4)? == NT_GNU_ABI_TAG {
            let part = |i: usize| word(content, 4 * i, 4);
            let number =
                part(1)?.checked_mul(1_000_000)?.checked_add(part(2)?.checked_mul(1000)?)?.checked_add(part(3)?)?;
            return i32::try_from(number).ok();
        }
        notes = notes.get(from.checked_add(size.checked_next_multiple_of(4)?)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages() {
        let ok = [&b"1"[..], b"1\n", b"2147483647", b"", b"\n", b"007 \t\n"];
        assert_eq!(ok.map(number), [Ok(1), Ok(1), Ok(i32::MAX), Ok(0), Ok(0), Ok(7)]);
        for bad in [&b" 1"[..], b"-1", b"+1", b"2147483648", b"9999999999", b"1 2", b"x", b"1\0"] {
            assert_eq!(number(bad), Err(Errno(libc::EINVAL)), "{bad:?}");
        }
        assert_eq!(number(&[b'1'; 65]), Err(Errno(libc::EMSGSIZE)));
    }

    fn note(name: &[u8], kind: u32, content: &[u32]) -> Vec<u8> {
        let mut out = [name.len() as u32, 4 * content.len() as u32, kind].map(u32::to_le_bytes).concat();
        out.extend(name);
        out.resize(out.len().next_multiple_of(4), 0);
        content.iter().for_each(|n| out.extend(n.to_le_bytes()));
        out
    }

    #[test]
    fn notes_of_executables() {
        let notes =
            [note(b"GNU\0", 3, &[1, 2]), note(b"xy\0", 1, &[0, 9, 9, 9]), note(b"GNU\0", 1, &[0, 3, 2, 10])].concat();
        assert_eq!(abi_tag(&notes), Some(3_002_010));
        assert_eq!(abi_tag(&note(b"GNU\0", 1, &[0, u32::MAX, 0, 0])), None);
        for cut in 0..notes.len() {
            let _ = abi_tag(&notes[..cut]);
        }
        assert_eq!(abi_tag(&[0xff; 64]), None);

        // A file mapped at 0x1000: its header, one program header for the file and one for the notes.
        let header = |kind: u64, offset: u64, address: u64, length: u64| {
            [kind, offset, address, 0, length, length, 8].iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>()
        };
        let file = [vec![0; 64], header(1, 0, 0, 500), header(4, 176, 176, notes.len() as u64), notes].concat();
        let auxv: Vec<u8> = [3u64, 0x1040, 4, 56, 5, 2, 0, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
        let read = |at: u64, size: usize| {
            let at = at.checked_sub(0x1000)? as usize;
            file.get(at..at + size).map(<[u8]>::to_vec)
        };
        assert_eq!(release(Model::Lp64, &auxv, read), Some(3_002_010));
        assert_eq!(release(Model::Lp64, &auxv, |_, _| None), None);
        assert_eq!(release(Model::Ilp32, &auxv, read), None);
        assert_eq!(release(Model::Lp64, &[], read), None);
    }
}
