//! What is written to `ctl` and `lwpctl`: one or more messages, each a long code and an operand (Solaris proc(4)).

use super::cred::{Credential, PrCred, Privileges};
use super::numbers::*;
use super::record::{pad, Kind, Long, Ptr, Ulong};
use super::records::{PrIoVec, PrWatch};
use super::regs::{FpRegisters, Registers};
use super::set::{FltSet, SigSet, SysSet};
use super::siginfo::Siginfo;
use super::xregs::XRegisters;
use super::Model;

/// A message with its operand. Whether the operand makes sense (a signal that exists, a mode that can be set) is for whoever
/// executes it to judge.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// PCNULL.
    Null,
    /// PCSTOP.
    Stop,
    /// PCDSTOP.
    DStop,
    /// PCWSTOP.
    WStop,
    /// PCTWSTOP: milliseconds; no limit for 0 and below.
    TWStop(i64),
    /// PCRUN: bits [`RUNS`].
    Run(u64),
    /// PCCSIG.
    CSig,
    /// PCCFAULT.
    CFault,
    /// PCSSIG: no signal if `signo` is 0.
    SSig(Box<Siginfo>),
    /// PCKILL: a signal.
    Kill(i64),
    /// PCUNKILL: a signal.
    UnKill(i64),
    /// PCSHOLD.
    SHold(SigSet),
    /// PCSTRACE.
    STrace(SigSet),
    /// PCSFAULT.
    SFault(FltSet),
    /// PCSENTRY.
    SEntry(SysSet),
    /// PCSEXIT.
    SExit(SysSet),
    /// PCSET: bits [`MODES`].
    Set(u64),
    /// PCUNSET: bits [`MODES`].
    UnSet(u64),
    /// PCSREG.
    SReg(Box<Registers>),
    /// PCSFPREG.
    SFpReg(Box<FpRegisters>),
    /// PCSXREG.
    SXReg(XRegisters),
    /// PCNICE: added to the nice value.
    Nice(i64),
    /// PCSVADDR: the new pc.
    SVAddr(u64),
    /// PCWATCH.
    Watch(PrWatch),
    /// PCAGENT: registers of the agent.
    Agent(Box<Registers>),
    /// PCREAD.
    Read(PrIoVec),
    /// PCWRITE.
    Write(PrIoVec),
    /// PCSCRED.
    SCred(PrCred),
    /// PCSPRIV.
    SPriv(Privileges),
    /// PCSZONE: a zone.
    SZone(i64),
    /// PCSCREDX.
    SCredX(Credential),
}

/// Why the rest of a write is not understood. To the writer each is EINVAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// A code that does not exist, or not on this machine (PCSASRS).
    Code(i64),
    /// The operand of this code is cut off, or is none that it can have.
    Operand(i64),
    /// Too few bytes for a code.
    Trailing,
}

/// The messages of a write, one by one. What comes before a mistake is well-formed and to be executed before the mistake is
/// reported; the mistake is the last that the iterator yields. Nothing written is no message.
#[derive(Clone, Debug)]
pub struct Messages<B> {
    model: Model,
    bytes: B,
    /// Bytes that have been read.
    at: usize,
}

impl<B: AsRef<[u8]>> Messages<B> {
    /// The messages in `bytes`, which a writer of `model` wrote.
    pub fn new(model: Model, bytes: B) -> Messages<B> {
        Messages { model, bytes, at: 0 }
    }

    /// True if none follows, and no mistake.
    pub fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.as_ref().get(self.at..).unwrap_or(&[])
    }

    /// The first message, and its size.
    fn message(&self) -> Result<(Message, usize), Malformed> {
        let (rest, long) = (self.rest(), self.model.long());
        let code = Long::take(self.model, rest).ok_or(Malformed::Trailing)?;
        let operand = rest.get(long..).unwrap_or(&[]);
        if name_in(CODES, code).is_none() || code == PCSASRS {
            return Err(Malformed::Code(code));
        }
        let (message, size) = read(code, self.model, operand).ok_or(Malformed::Operand(code))?;
        let padded = size.next_multiple_of(long);
        match self.model {
            _ if padded <= operand.len() => Ok((message, long + padded)),
            // The last message need not be padded. A part of the padding is no message that could follow.
            Model::Lp64 => Ok((message, long + size)),
            Model::Ilp32 => Err(Malformed::Operand(code)),
        }
    }
}

impl<B: AsRef<[u8]>> Iterator for Messages<B> {
    type Item = Result<Message, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_empty() {
            return None;
        }
        let message = self.message();
        self.at = message.as_ref().map_or(self.bytes.as_ref().len(), |(_, size)| self.at + size);
        Some(message.map(|(message, _)| message))
    }
}

/// The operand at the start of `bytes`, and its size without padding.
fn read(code: i64, model: Model, bytes: &[u8]) -> Option<(Message, usize)> {
    /// Applies a variant to an operand of fixed size.
    fn fixed<K: Kind>(model: Model, bytes: &[u8], of: impl Fn(K::Value) -> Message) -> Option<(Message, usize)> {
        Some((of(K::take(model, bytes)?), K::size(model)))
    }
    let none = |message| Some((message, 0));
    match code {
        PCNULL => none(Message::Null),
        PCSTOP => none(Message::Stop),
        PCDSTOP => none(Message::DStop),
        PCWSTOP => none(Message::WStop),
        PCTWSTOP => fixed::<Long>(model, bytes, Message::TWStop),
        PCRUN => fixed::<Ulong>(model, bytes, Message::Run),
        PCCSIG => none(Message::CSig),
        PCCFAULT => none(Message::CFault),
        PCSSIG => fixed::<Siginfo>(model, bytes, |info| Message::SSig(Box::new(info))),
        PCKILL => fixed::<Long>(model, bytes, Message::Kill),
        PCUNKILL => fixed::<Long>(model, bytes, Message::UnKill),
        PCSHOLD => fixed::<SigSet>(model, bytes, Message::SHold),
        PCSTRACE => fixed::<SigSet>(model, bytes, Message::STrace),
        PCSFAULT => fixed::<FltSet>(model, bytes, Message::SFault),
        PCSENTRY => fixed::<SysSet>(model, bytes, Message::SEntry),
        PCSEXIT => fixed::<SysSet>(model, bytes, Message::SExit),
        PCSET => fixed::<Ulong>(model, bytes, Message::Set),
        PCUNSET => fixed::<Ulong>(model, bytes, Message::UnSet),
        PCSREG => fixed::<Registers>(model, bytes, |regs| Message::SReg(Box::new(regs))),
        PCSFPREG => fixed::<FpRegisters>(model, bytes, |regs| Message::SFpReg(Box::new(regs))),
        PCSXREG => {
            let size = XRegisters::size_of(bytes)?;
            Some((Message::SXReg(XRegisters::parse(bytes.get(..size)?)?), size))
        }
        PCNICE => fixed::<Long>(model, bytes, Message::Nice),
        PCSVADDR => fixed::<Ptr>(model, bytes, Message::SVAddr),
        PCWATCH => fixed::<PrWatch>(model, bytes, Message::Watch),
        PCAGENT => fixed::<Registers>(model, bytes, |regs| Message::Agent(Box::new(regs))),
        PCREAD => fixed::<PrIoVec>(model, bytes, Message::Read),
        PCWRITE => fixed::<PrIoVec>(model, bytes, Message::Write),
        PCSCRED => fixed::<PrCred>(model, bytes, Message::SCred),
        PCSPRIV => Privileges::take(bytes).map(|(privileges, size)| (Message::SPriv(privileges), size)),
        PCSZONE => fixed::<Long>(model, bytes, Message::SZone),
        PCSCREDX => Credential::take(bytes).map(|(credential, size)| (Message::SCredX(credential), size)),
        _ => None,
    }
}

impl Message {
    /// Its code.
    pub fn code(&self) -> i64 {
        match self {
            Message::Null => PCNULL,
            Message::Stop => PCSTOP,
            Message::DStop => PCDSTOP,
            Message::WStop => PCWSTOP,
            Message::TWStop(_) => PCTWSTOP,
            Message::Run(_) => PCRUN,
            Message::CSig => PCCSIG,
            Message::CFault => PCCFAULT,
            Message::SSig(_) => PCSSIG,
            Message::Kill(_) => PCKILL,
            Message::UnKill(_) => PCUNKILL,
            Message::SHold(_) => PCSHOLD,
            Message::STrace(_) => PCSTRACE,
            Message::SFault(_) => PCSFAULT,
            Message::SEntry(_) => PCSENTRY,
            Message::SExit(_) => PCSEXIT,
            Message::Set(_) => PCSET,
            Message::UnSet(_) => PCUNSET,
            Message::SReg(_) => PCSREG,
            Message::SFpReg(_) => PCSFPREG,
            Message::SXReg(_) => PCSXREG,
            Message::Nice(_) => PCNICE,
            Message::SVAddr(_) => PCSVADDR,
            Message::Watch(_) => PCWATCH,
            Message::Agent(_) => PCAGENT,
            Message::Read(_) => PCREAD,
            Message::Write(_) => PCWRITE,
            Message::SCred(_) => PCSCRED,
            Message::SPriv(_) => PCSPRIV,
            Message::SZone(_) => PCSZONE,
            Message::SCredX(_) => PCSCREDX,
        }
    }

    /// True if a writer of ILP32 cannot say this of a target of LP64 (EOVERFLOW): it has addresses or registers in it.
    pub fn has_width_of_target(&self) -> bool {
        matches!(self.code(), PCSSIG | PCSREG | PCSFPREG | PCSXREG | PCSVADDR | PCWATCH | PCAGENT | PCREAD | PCWRITE)
    }

    /// Appends the message, padded so that another may follow. `out` starts with a message.
    pub fn put(&self, model: Model, out: &mut Vec<u8>) {
        let start = out.len();
        Long::put(&self.code(), model, out);
        match self {
            Message::Null | Message::Stop | Message::DStop | Message::WStop | Message::CSig | Message::CFault => {}
            Message::TWStop(n) | Message::Kill(n) | Message::UnKill(n) | Message::Nice(n) | Message::SZone(n) => {
                Long::put(n, model, out);
            }
            Message::Run(bits) | Message::Set(bits) | Message::UnSet(bits) => Ulong::put(bits, model, out),
            Message::SSig(info) => info.put(model, out),
            Message::SHold(set) | Message::STrace(set) | Message::SFault(set) => SigSet::put(set, model, out),
            Message::SEntry(set) | Message::SExit(set) => SysSet::put(set, model, out),
            Message::SReg(regs) | Message::Agent(regs) => Registers::put(regs, model, out),
            Message::SFpReg(regs) => FpRegisters::put(regs, model, out),
            Message::SXReg(regs) => out.extend(regs.bytes()),
            Message::SVAddr(address) => Ptr::put(address, model, out),
            Message::Watch(area) => area.put(model, out),
            Message::Read(what) | Message::Write(what) => what.put(model, out),
            Message::SCred(cred) => cred.put(model, out),
            Message::SPriv(privileges) => out.extend(privileges.bytes()),
            Message::SCredX(cred) => out.extend(cred.bytes()),
        }
        pad(out, start, model.long());
    }

    /// A write of several messages.
    pub fn write(model: Model, messages: &[Message]) -> Vec<u8> {
        let mut out = Vec::new();
        messages.iter().for_each(|m| m.put(model, &mut out));
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::xregs::Component;
    use super::*;

    /// Code, and bytes of the operand in both models where they are fixed.
    const SIZES: [(i64, [usize; 2]); 28] = [
        (PCNULL, [0, 0]),
        (PCSTOP, [0, 0]),
        (PCDSTOP, [0, 0]),
        (PCWSTOP, [0, 0]),
        (PCTWSTOP, [8, 4]),
        (PCRUN, [8, 4]),
        (PCCSIG, [0, 0]),
        (PCCFAULT, [0, 0]),
        (PCSSIG, [256, 128]),
        (PCKILL, [8, 4]),
        (PCUNKILL, [8, 4]),
        (PCSHOLD, [16, 16]),
        (PCSTRACE, [16, 16]),
        (PCSFAULT, [16, 16]),
        (PCSENTRY, [64, 64]),
        (PCSEXIT, [64, 64]),
        (PCSET, [8, 4]),
        (PCUNSET, [8, 4]),
        (PCSREG, [224, 76]),
        (PCSFPREG, [528, 380]),
        (PCNICE, [8, 4]),
        (PCSVADDR, [8, 4]),
        (PCWATCH, [24, 16]),
        (PCAGENT, [224, 76]),
        (PCREAD, [24, 12]),
        (PCWRITE, [24, 12]),
        (PCSCRED, [32, 32]),
        (PCSZONE, [8, 4]),
    ];

    fn longs(model: Model, numbers: &[i64]) -> Vec<u8> {
        let mut out = Vec::new();
        numbers.iter().for_each(|n| Long::put(n, model, &mut out));
        out
    }

    fn all(model: Model, bytes: &[u8]) -> Vec<Result<Message, Malformed>> {
        Messages::new(model, bytes).collect()
    }

    fn xregs() -> XRegisters {
        let mut area: Vec<u8> = (0..832u32).map(|i| i as u8).collect();
        area[512..576].fill(0);
        area[512] = 7;
        XRegisters::of_xsave(&area, 7, &[Component { number: 2, offset: 576, size: 256 }]).unwrap()
    }

    #[test]
    fn every_code_takes_its_operand() {
        for (code, sizes) in SIZES {
            for (model, size) in Model::ALL.into_iter().zip(sizes) {
                let mut bytes = longs(model, &[code]);
                let operand: Vec<u8> = (0..size).map(|i| (i % 251) as u8 + 1).collect();
                bytes.extend(&operand);
                let read = all(model, &bytes);
                assert!(matches!(read.as_slice(), [Ok(m)] if m.code() == code), "{code} {model:?} {read:?}");
                if size > 0 {
                    assert_eq!(all(model, &bytes[..bytes.len() - 1]), [Err(Malformed::Operand(code))]);
                }
                // Another begins right behind.
                bytes.extend(longs(model, &[PCNULL]));
                assert_eq!(all(model, &bytes).len(), 2);
                assert_eq!(all(model, &bytes)[1], Ok(Message::Null));
                bytes.pop();
                assert_eq!(all(model, &bytes)[1], Err(Malformed::Trailing));
            }
        }
        let fixed = SIZES.map(|(code, _)| code);
        let others = [PCSXREG, PCSASRS, PCSPRIV, PCSCREDX];
        assert!(CODES.iter().all(|(_, code)| fixed.contains(code) != others.contains(code)));
    }

    #[test]
    fn operands_mean_what_they_say() {
        for model in Model::ALL {
            let long = |code, n| match all(model, &longs(model, &[code, n])).as_slice() {
                [Ok(message)] => message.clone(),
                other => panic!("{other:?}"),
            };
            assert_eq!(long(PCTWSTOP, 2000), Message::TWStop(2000));
            assert_eq!(long(PCTWSTOP, -1), Message::TWStop(-1));
            assert_eq!(long(PCRUN, 5), Message::Run(PRCSIG | PRSTEP));
            assert_eq!(long(PCKILL, 9), Message::Kill(9));
            assert_eq!(long(PCUNKILL, -9), Message::UnKill(-9));
            assert_eq!(long(PCSET, 0x20_0000), Message::Set(PR_RLC as u64));
            assert_eq!(long(PCUNSET, 0xff0_0000), Message::UnSet(PR_MODES as u64));
            assert_eq!(long(PCNICE, -5), Message::Nice(-5));
            assert_eq!(long(PCSZONE, 0), Message::SZone(0));
            let high = 0x8000_0000u32 as i32;
            assert_eq!(
                long(PCSVADDR, high.into()),
                Message::SVAddr(if model == Model::Lp64 { high as u64 } else { 1 << 31 })
            );

            let mut sets = longs(model, &[PCSENTRY]);
            sets.extend([2; 64]);
            sets.extend(longs(model, &[PCSFAULT]));
            sets.extend([1; 16]);
            let (calls, faults) =
                (SysSet::from_iter((0..64).map(|i| 8 * i + 2)), FltSet::from_iter((0..16).map(|i| 8 * i + 1)));
            assert_eq!(all(model, &sets), [Ok(Message::SEntry(calls)), Ok(Message::SFault(faults))]);

            let area = PrWatch { pr_vaddr: 0x1000, pr_size: 8, pr_wflags: WA_WRITE, pr_pad: () };
            let mut watch = longs(model, &[PCWATCH, 0x1000, 8]);
            watch.extend([2, 0, 0, 0, 0xff, 0, 0, 0]);
            assert_eq!(all(model, &watch), [Ok(Message::Watch(area))]);
            let what = PrIoVec { pio_base: 1, pio_len: 2, pio_offset: 3 };
            assert_eq!(all(model, &longs(model, &[PCREAD, 1, 2, 3])), [Ok(Message::Read(what.clone()))]);
            assert_eq!(all(model, &longs(model, &[PCWRITE, 1, 2, 3])), [Ok(Message::Write(what))]);
            let cred = PrCred { pr_euid: 1, pr_sgid: 6, pr_ngroups: -1, ..Default::default() };
            let mut bytes = longs(model, &[PCSCRED]);
            bytes.extend([1, 0, 0, 0, 0, 6, u32::MAX, 0].map(u32::to_le_bytes).concat());
            assert_eq!(all(model, &bytes), [Ok(Message::SCred(cred))]);
        }
    }

    #[test]
    fn several_in_one_write() {
        for model in Model::ALL {
            assert_eq!(all(model, &[]), []);
            let attach = longs(model, &[PCDSTOP, PCTWSTOP, 2000]);
            assert_eq!(all(model, &attach), [Ok(Message::DStop), Ok(Message::TWStop(2000))]);
            for bad in [32, -1, 1000, PCSASRS] {
                let bytes = longs(model, &[PCRUN, 0, bad, PCNULL]);
                assert_eq!(all(model, &bytes), [Ok(Message::Run(0)), Err(Malformed::Code(bad))]);
            }
            let cut = longs(model, &[PCNULL, PCKILL]);
            assert_eq!(all(model, &cut), [Ok(Message::Null), Err(Malformed::Operand(PCKILL))]);
            assert_eq!(all(model, &[1, 0, 0]), [Err(Malformed::Trailing)]);
        }
        // The high half counts.
        assert_eq!(all(Model::Lp64, &longs(Model::Lp64, &[1 << 32])), [Err(Malformed::Code(1 << 32))]);
    }

    #[test]
    fn padding_may_be_left_off_at_the_end_of_lp64() {
        let cred = Message::SCredX(Credential { users: [1; 3], groups: [2; 3], others: vec![3, 4, 5, 6] });
        let wide = Message::write(Model::Lp64, &[cred.clone(), Message::Null]);
        assert_eq!(wide.len(), 8 + 44 + 4 + 8);
        assert_eq!(all(Model::Lp64, &wide), [Ok(cred.clone()), Ok(Message::Null)]);
        assert_eq!(all(Model::Lp64, &wide[..8 + 44]), [Ok(cred.clone())]);
        assert_eq!(all(Model::Lp64, &wide[..8 + 44 + 4]), [Ok(cred.clone())]);
        assert_eq!(all(Model::Lp64, &wide[..8 + 44 + 3]), [Ok(cred.clone()), Err(Malformed::Trailing)]);
        assert_eq!(all(Model::Lp64, &wide[..8 + 43]), [Err(Malformed::Operand(PCSCREDX))]);

        // An operand whose size is no multiple of 4: one byte of unknown records.
        let head = [4u32, 1, 1, 0, 0, 0, 0].map(u32::to_le_bytes).concat();
        for (model, padded) in [(Model::Lp64, 32), (Model::Ilp32, 32)] {
            let mut bytes = longs(model, &[PCSPRIV]);
            let code = bytes.len();
            bytes.extend(&head);
            bytes.push(7);
            assert_eq!(matches!(all(model, &bytes)[0], Ok(Message::SPriv(_))), model == Model::Lp64);
            bytes.resize(code + padded, 0);
            bytes.extend(longs(model, &[PCNULL]));
            let read = all(model, &bytes);
            assert!(
                matches!(read.as_slice(), [Ok(Message::SPriv(p)), Ok(Message::Null)] if p.info() == [7]),
                "{read:?}"
            );
        }
    }

    #[test]
    fn operands_of_any_size() {
        for model in Model::ALL {
            let none = Credential { users: [1, 2, 3], groups: [4, 5, 6], others: vec![] };
            let bytes = Message::write(model, &[Message::SCredX(none.clone()), Message::WStop]);
            assert_eq!(bytes.len(), 2 * model.long() + 32);
            assert_eq!(all(model, &bytes), [Ok(Message::SCredX(none)), Ok(Message::WStop)]);
            let mut negative = bytes;
            negative[model.long() + 24..][..4].fill(0xff);
            assert_eq!(all(model, &negative), [Err(Malformed::Operand(PCSCREDX))]);

            let privileges = Privileges::new(3, [&[1], &[2], &[3], &[95]], PRIV_AWARE);
            let messages = [Message::SPriv(privileges), Message::SXReg(xregs()), Message::CSig];
            let bytes = Message::write(model, &messages);
            assert_eq!(all(model, &bytes), messages.map(Ok));
            let mut huge = longs(model, &[PCSPRIV]);
            huge.extend([0xff; 12]);
            assert_eq!(all(model, &huge), [Err(Malformed::Operand(PCSPRIV))]);
            for size in [0u32, 31, 32, 33, u32::MAX] {
                let mut bytes = longs(model, &[PCSXREG]);
                bytes.extend([1, size, 0, 0, 0, 0, 0, 1, 0, 0].map(u32::to_le_bytes).concat());
                assert_eq!(all(model, &bytes), [Err(Malformed::Operand(PCSXREG))]);
            }
        }
    }

    #[test]
    fn what_a_narrow_writer_cannot_say() {
        assert!(Message::SVAddr(0).has_width_of_target() && Message::SXReg(xregs()).has_width_of_target());
        assert!(!Message::Kill(9).has_width_of_target() && !Message::SEntry(SysSet::FULL).has_width_of_target());
    }

    /// A message of any code, as what `bytes` mean as its operand.
    fn any_message(model: Model) -> impl Strategy<Value = Message> {
        let fixed = (0..SIZES.len(), proptest::collection::vec(any::<u8>(), 528)).prop_map(move |(i, bytes)| {
            read(SIZES[i].0, model, &bytes).map(|(message, _)| message).unwrap_or(Message::Null)
        });
        let ids = (any::<[u32; 6]>(), proptest::collection::vec(any::<u32>(), 0..20)).prop_map(|(ids, others)| {
            let [a, b, c, d, e, f] = ids;
            Message::SCredX(Credential { users: [a, b, c], groups: [d, e, f], others })
        });
        let sets = (0u32..5, proptest::collection::vec(0u32..150, 0..9), any::<u32>())
            .prop_map(|(setsize, set, flags)| Message::SPriv(Privileges::new(setsize, [&set, &[], &set, &[7]], flags)));
        prop_oneof![8 => fixed, 1 => ids, 1 => sets, 1 => Just(Message::SXReg(xregs()))]
    }

    fn writes() -> impl Strategy<Value = (Model, Vec<Message>)> {
        prop_oneof![Just(Model::Lp64), Just(Model::Ilp32)]
            .prop_flat_map(|model| (Just(model), proptest::collection::vec(any_message(model), 0..6)))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read((model, messages) in writes()) {
            let bytes = Message::write(model, &messages);
            prop_assert_eq!(bytes.len() % model.long(), 0);
            let read: Result<Vec<_>, _> = Messages::new(model, &bytes).collect();
            prop_assert_eq!(read, Ok(messages));
        }

        #[test]
        fn a_cut_loses_no_message_before_it((model, messages) in writes(), cut in any::<prop::sample::Index>()) {
            let bytes = Message::write(model, &messages);
            let at = cut.index(bytes.len() + 1);
            for (i, read) in Messages::new(model, &bytes[..at]).enumerate() {
                match read {
                    Ok(message) => prop_assert_eq!(&message, &messages[i]),
                    Err(_) => prop_assert!(Message::write(model, &messages[..i]).len() != at),
                }
            }
        }

        #[test]
        fn no_bytes_panic(codes in proptest::collection::vec((0u8..33, any::<[u8; 9]>()), 0..40), wide in any::<bool>()) {
            let model = if wide { Model::Lp64 } else { Model::Ilp32 };
            let bytes: Vec<u8> = codes.iter().flat_map(|(code, rest)| [&longs(model, &[*code as i64])[..], rest].concat()).collect();
            for start in 0..bytes.len().min(8) {
                let read = all(model, &bytes[start..]);
                prop_assert!(read.iter().rev().skip(1).all(Result::is_ok));
            }
        }
    }
}
