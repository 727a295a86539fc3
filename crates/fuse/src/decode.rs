//! Requests from bytes. Total: any bytes give a request or a [`Bad`], never a panic.

use crate::abi::{self, op, InHeader};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request<'a> {
    /// Who asks for which node.
    pub header: InHeader,
    /// What is asked.
    pub op: Op<'a>,
}

/// Why bytes are no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// Shorter than a header, or the header's length is not that of the message: nobody can be answered.
    Header,
    /// The body does not fit the operation.
    Body {
        /// The request to answer with an error.
        unique: u64,
        /// Its operation code.
        opcode: u32,
    },
}

/// The operation of a request, with its arguments.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // One variant per opcode of linux/fuse.h.
pub enum Op<'a> {
    Lookup {
        name: &'a OsStr,
    },
    Forget {
        nlookup: u64,
    },
    BatchForget(Forgets<'a>),
    Getattr,
    Setattr(abi::SetattrIn),
    Readlink,
    /// CREATE: an open that would make a file.
    Create {
        name: &'a OsStr,
    },
    /// SYMLINK, MKNOD, MKDIR, LINK: whatever else would make a name.
    Make {
        name: &'a OsStr,
    },
    /// UNLINK and RMDIR.
    Remove {
        name: &'a OsStr,
    },
    /// RENAME and RENAME2.
    Rename {
        newdir: u64,
        name: &'a OsStr,
        newname: &'a OsStr,
    },
    Open {
        flags: u32,
    },
    Read(abi::ReadIn),
    Write(abi::WriteIn, &'a [u8]),
    Statfs,
    Release {
        fh: u64,
    },
    Flush,
    /// FSYNC and FSYNCDIR.
    Fsync,
    Init(abi::InitIn),
    Opendir {
        flags: u32,
    },
    Readdir(abi::ReadIn),
    Releasedir {
        fh: u64,
    },
    Access {
        mask: u32,
    },
    Interrupt {
        unique: u64,
    },
    Destroy,
    Ioctl(abi::IoctlIn, &'a [u8]),
    Poll(abi::PollIn),
    /// Only SEEK_DATA and SEEK_HOLE come here.
    Lseek,
    NotifyReply,
    /// Anything else; the kernel is told ENOSYS and does not ask again.
    Unsupported,
}

/// The pairs of a BATCH_FORGET.
#[derive(Clone, Debug, PartialEq)]
pub struct Forgets<'a>(&'a [u8]);

impl Iterator for Forgets<'_> {
    type Item = abi::ForgetOne;

    fn next(&mut self) -> Option<abi::ForgetOne> {
        let (one, rest) = abi::ForgetOne::read_from_prefix(self.0).ok()?;
        self.0 = rest;
        Some(one)
    }
}

/// True for operations that get no reply.
pub fn is_silent(opcode: u32) -> bool {
    matches!(opcode, op::FORGET | op::BATCH_FORGET | op::INTERRUPT | op::NOTIFY_REPLY)
}

/// Decodes one message as read from the device.
pub fn decode(bytes: &[u8]) -> Result<Request<'_>, Bad> {
    let (header, rest) = InHeader::read_from_prefix(bytes).map_err(|_| Bad::Header)?;
    if header.len as usize != bytes.len() {
        return Err(Bad::Header);
    }
    let extensions = usize::from(header.total_extlen) * 8;
    let body = rest.len().checked_sub(extensions).map(|end| Body(&rest[..end]));
    match body.and_then(|body| operation(header.opcode, body)) {
        Some(op) => Ok(Request { header, op }),
        None => Err(Bad::Body { unique: header.unique, opcode: header.opcode }),
    }
}

struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn take<T: FromBytes + KnownLayout + Immutable>(&mut self) -> Option<T> {
        let (value, rest) = T::read_from_prefix(self.0).ok()?;
        self.0 = rest;
        Some(value)
    }

    fn name(&mut self) -> Option<&'a OsStr> {
        let end = self.0.iter().position(|b| *b == 0)?;
        let name = OsStr::from_bytes(&self.0[..end]);
        self.0 = &self.0[end + 1..];
        Some(name)
    }

    fn data(&self, size: u32) -> Option<&'a [u8]> {
        self.0.get(..size as usize)
    }
}

fn operation(opcode: u32, mut body: Body<'_>) -> Option<Op<'_>> {
    Some(match opcode {
        op::LOOKUP => Op::Lookup { name: body.name()? },
        op::FORGET => Op::Forget { nlookup: body.take::<abi::ForgetIn>()?.nlookup },
        op::BATCH_FORGET => {
            let count = body.take::<abi::BatchForgetIn>()?.count as usize;
            Op::BatchForget(Forgets(body.0.get(..count.checked_mul(size_of::<abi::ForgetOne>())?)?))
        }
        op::GETATTR => Op::Getattr,
        op::LSEEK => Op::Lseek,
        op::SETATTR => Op::Setattr(body.take()?),
        op::READLINK => Op::Readlink,
        op::SYMLINK => Op::Make { name: body.name()? },
        op::MKNOD => {
            body.take::<abi::MknodIn>()?;
            Op::Make { name: body.name()? }
        }
        op::MKDIR => {
            body.take::<abi::MkdirIn>()?;
            Op::Make { name: body.name()? }
        }
        op::LINK => {
            body.take::<abi::LinkIn>()?;
            Op::Make { name: body.name()? }
        }
        op::CREATE => {
            body.take::<abi::CreateIn>()?;
            Op::Create { name: body.name()? }
        }
        op::UNLINK | op::RMDIR => Op::Remove { name: body.name()? },
        op::RENAME => {
            let newdir = body.take::<abi::RenameIn>()?.newdir;
            Op::Rename { newdir, name: body.name()?, newname: body.name()? }
        }
        op::RENAME2 => {
            let newdir = body.take::<abi::Rename2In>()?.newdir;
            Op::Rename { newdir, name: body.name()?, newname: body.name()? }
        }
        op::OPEN => Op::Open { flags: body.take::<abi::OpenIn>()?.flags },
        op::OPENDIR => Op::Opendir { flags: body.take::<abi::OpenIn>()?.flags },
        op::READ => Op::Read(body.take()?),
        op::READDIR => Op::Readdir(body.take()?),
        op::WRITE => {
            let arg: abi::WriteIn = body.take()?;
            Op::Write(arg, body.data(arg.size)?)
        }
        op::STATFS => Op::Statfs,
        op::RELEASE => Op::Release { fh: body.take::<abi::ReleaseIn>()?.fh },
        op::RELEASEDIR => Op::Releasedir { fh: body.take::<abi::ReleaseIn>()?.fh },
        op::FLUSH => Op::Flush,
        op::FSYNC | op::FSYNCDIR => Op::Fsync,
        op::INIT => Op::Init(body.take()?),
        op::ACCESS => Op::Access { mask: body.take::<abi::AccessIn>()?.mask },
        op::INTERRUPT => Op::Interrupt { unique: body.take::<abi::InterruptIn>()?.unique },
        op::DESTROY => Op::Destroy,
        op::IOCTL => {
            let arg: abi::IoctlIn = body.take()?;
            Op::Ioctl(arg, body.data(arg.in_size)?)
        }
        op::POLL => Op::Poll(body.take()?),
        op::NOTIFY_REPLY => Op::NotifyReply,
        _ => Op::Unsupported,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zerocopy::IntoBytes;

    fn message(opcode: u32, body: &[u8]) -> Vec<u8> {
        let header = InHeader { len: (40 + body.len()) as u32, opcode, unique: 8, nodeid: 1, ..Default::default() };
        [header.as_bytes(), body].concat()
    }

    /// One valid message of each shape.
    fn valid() -> Vec<Vec<u8>> {
        let write = abi::WriteIn { size: 5, ..Default::default() };
        let ioctl = abi::IoctlIn { in_size: 4, ..Default::default() };
        let batch = abi::BatchForgetIn { count: 2, dummy: 0 };
        let mut all = vec![
            message(op::LOOKUP, b"name\0"),
            message(op::WRITE, &[write.as_bytes(), b"hello"].concat()),
            message(op::IOCTL, &[ioctl.as_bytes(), &[1, 2, 3, 4]].concat()),
            message(op::BATCH_FORGET, &[batch.as_bytes(), &[7; 32]].concat()),
            message(op::RENAME, &[&[0; 8][..], b"a\0b\0"].concat()),
            message(op::RENAME2, &[&[0; 16][..], b"a\0b\0"].concat()),
            message(op::CREATE, &[&[0; 16][..], b"a\0"].concat()),
            message(op::MKDIR, &[&[0; 8][..], b"a\0"].concat()),
            message(op::SYMLINK, b"a\0b\0"),
        ];
        all.extend((0..60).map(|opcode| message(opcode, &[0; 128])));
        all
    }

    #[test]
    fn valid_messages_are_understood() {
        for bytes in valid() {
            assert!(decode(&bytes).is_ok(), "{bytes:?}");
        }
        let bytes = &valid()[1];
        assert!(matches!(decode(bytes).unwrap().op, Op::Write(_, b"hello")));
        let bytes = &valid()[3];
        let Op::BatchForget(all) = decode(bytes).unwrap().op else { panic!("no batch") };
        assert_eq!(all.count(), 2);
    }

    #[test]
    fn short_bodies_are_bad() {
        let body = |opcode| Err(Bad::Body { unique: 8, opcode });
        assert_eq!(decode(&message(op::LOOKUP, b"no end")), body(op::LOOKUP));
        assert_eq!(decode(&message(op::READ, &[0; 39])), body(op::READ));
        let huge = abi::WriteIn { size: u32::MAX, ..Default::default() };
        assert_eq!(decode(&message(op::WRITE, huge.as_bytes())), body(op::WRITE));
        let huge = abi::BatchForgetIn { count: u32::MAX, dummy: 0 };
        assert_eq!(decode(&message(op::BATCH_FORGET, huge.as_bytes())), body(op::BATCH_FORGET));
        assert_eq!(decode(&[0; 39]), Err(Bad::Header));
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn any_body(opcode in 0u32..60, extlen in 0u16..20, body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut bytes = message(opcode, &body);
            bytes[36..38].copy_from_slice(&extlen.to_ne_bytes());
            if let Ok(Request { op: Op::BatchForget(all), .. }) = decode(&bytes) {
                prop_assert!(all.count() <= body.len() / 16);
            }
        }

        #[test]
        fn mutated(which in 0usize..69, cut in 0usize..200, at in 0usize..200, byte in any::<u8>(), fix in any::<bool>()) {
            let mut bytes = valid().swap_remove(which);
            bytes.truncate(bytes.len().saturating_sub(cut));
            let len = bytes.len();
            if len > 0 {
                bytes[at % len] = byte;
            }
            if fix && len >= 4 {
                bytes[..4].copy_from_slice(&(len as u32).to_ne_bytes());
            }
            let _ = decode(&bytes);
        }
    }
}
