//! Structures written once: types of C with their widths in both models, and the macro that makes values, layouts, bytes
//! and readers of a list of fields.

use std::marker::PhantomData;

use crate::Model;

/// A type of a field: what its value is in Rust, and how it lies in memory.
pub trait Kind {
    /// Wide enough for both models.
    type Value: Clone + std::fmt::Debug + PartialEq;
    /// Bytes.
    fn size(model: Model) -> usize;
    /// What its offset is a multiple of.
    fn align(model: Model) -> usize;
    /// The value whose bytes are all zero.
    fn zero() -> Self::Value;
    /// Appends exactly [`Kind::size`] bytes. What the model has no room for is cut off, as an assignment in C does.
    fn put(value: &Self::Value, model: Model, out: &mut Vec<u8>);
    /// Reads the first [`Kind::size`] bytes; `None` if there are fewer. Padding and filler are not looked at.
    fn take(model: Model, bytes: &[u8]) -> Option<Self::Value>;
}

/// What a field of type `K` holds.
pub type Value<K> = <K as Kind>::Value;

/// A structure.
pub trait Record: Kind<Value = Self> + Default + Clone + std::fmt::Debug + PartialEq {
    /// Its name in C.
    const NAME: &'static str;
    /// Where its fields are.
    fn fields(model: Model) -> Vec<Field>;
}

/// Place of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name in C, which is also the name in Rust.
    pub name: &'static str,
    /// Bytes from the start of the structure.
    pub offset: usize,
    /// Bytes.
    pub len: usize,
}

/// The first `N` bytes.
pub(crate) fn head<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.first_chunk().copied()
}

/// Appends zeros up to a multiple of `align`, counted from `start`.
pub(crate) fn pad(out: &mut Vec<u8>, start: usize, align: usize) {
    out.resize(start + (out.len() - start).next_multiple_of(align), 0);
}

macro_rules! scalars {
    ($($doc:literal $name:ident: $value:ty = $wide:ty | $narrow:ty;)*) => { $(
        #[doc = $doc]
        #[derive(Debug)]
        pub struct $name;

        impl Kind for $name {
            type Value = $value;

            fn size(model: Model) -> usize {
                match model {
                    Model::Lp64 => size_of::<$wide>(),
                    Model::Ilp32 => size_of::<$narrow>(),
                }
            }

            fn align(model: Model) -> usize {
                Self::size(model).min(model.long())
            }

            fn zero() -> $value {
                0
            }

            fn put(value: &$value, model: Model, out: &mut Vec<u8>) {
                match model {
                    Model::Lp64 => out.extend((*value as $wide).to_le_bytes()),
                    Model::Ilp32 => out.extend((*value as $narrow).to_le_bytes()),
                }
            }

            fn take(model: Model, bytes: &[u8]) -> Option<$value> {
                Some(match model {
                    Model::Lp64 => <$wide>::from_le_bytes(head(bytes)?) as $value,
                    Model::Ilp32 => <$narrow>::from_le_bytes(head(bytes)?) as $value,
                })
            }
        }
    )* };
}

scalars! {
    "`char`, `uint8_t`." Char: u8 = u8 | u8;
    "`short`." Short: i16 = i16 | i16;
    "`ushort_t`." Ushort: u16 = u16 | u16;
    "`int`, `id_t`, `pid_t` and all other signed numbers of 32 bits." Int: i32 = i32 | i32;
    "`uid_t`, `gid_t`, `mode_t`, `uint32_t` and all other unsigned numbers of 32 bits." Uint: u32 = u32 | u32;
    "`long`, `clock_t`, `off_t`." Long: i64 = i64 | i32;
    "`ulong_t`." Ulong: u64 = u64 | u32;
    "`size_t`." Size: u64 = u64 | u32;
    "`uintptr_t` and pointers." Ptr: u64 = u64 | u32;
    "`offset_t`, `off64_t`." Offset: i64 = i64 | i64;
    "`uint64_t`, `ino64_t`, `secflagset_t`." U64: u64 = u64 | u64;
}

/// `dev_t`; the value is the one of LP64, see [`makedev`]. ILP32 has 14 bits of major number above 18 bits of minor
/// number; what does not fit becomes [`PRNODEV`](crate::solaris::numbers::PRNODEV).
#[derive(Debug)]
pub struct Dev;

/// A `dev_t`: major number in the high, minor number in the low 32 bits.
pub const fn makedev(major: u32, minor: u32) -> u64 {
    (major as u64) << 32 | minor as u64
}

impl Kind for Dev {
    type Value = u64;

    fn size(model: Model) -> usize {
        model.long()
    }

    fn align(model: Model) -> usize {
        model.long()
    }

    fn zero() -> u64 {
        0
    }

    fn put(value: &u64, model: Model, out: &mut Vec<u8>) {
        let (major, minor) = (value >> 32, value & 0xffff_ffff);
        let narrow = if major < 1 << 14 && minor < 1 << 18 { major << 18 | minor } else { u64::MAX };
        Ulong::put(if model == Model::Lp64 { value } else { &narrow }, model, out);
    }

    fn take(model: Model, bytes: &[u8]) -> Option<u64> {
        let value = Ulong::take(model, bytes)?;
        Some(match (model, value as u32) {
            (Model::Lp64, _) => value,
            (Model::Ilp32, u32::MAX) => u64::MAX,
            (Model::Ilp32, narrow) => makedev(narrow >> 18, narrow & 0x3_ffff),
        })
    }
}

/// `char[N]`, padded with NUL.
pub type Chars<const N: usize> = Array<Char, N>;

/// The first bytes of `text` as a `char[N]`, of which the last is NUL.
pub fn chars<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut field = [0; N];
    for (to, from) in field.iter_mut().zip(text).take(N.saturating_sub(1)) {
        *to = *from;
    }
    field
}

/// `K[N]`.
#[derive(Debug)]
pub struct Array<K, const N: usize>(PhantomData<K>);

impl<K: Kind, const N: usize> Kind for Array<K, N> {
    type Value = [K::Value; N];

    fn size(model: Model) -> usize {
        N * K::size(model)
    }

    fn align(model: Model) -> usize {
        K::align(model)
    }

    fn zero() -> Self::Value {
        std::array::from_fn(|_| K::zero())
    }

    fn put(value: &Self::Value, model: Model, out: &mut Vec<u8>) {
        value.iter().for_each(|v| K::put(v, model, out));
    }

    fn take(model: Model, bytes: &[u8]) -> Option<Self::Value> {
        let mut value = Self::zero();
        for (i, v) in value.iter_mut().enumerate() {
            *v = K::take(model, bytes.get(i * K::size(model)..)?)?;
        }
        Some(value)
    }
}

/// Zeros: `LP64` or `ILP32` elements of `K`, according to the model.
#[derive(Debug)]
pub struct Filler<K, const LP64: usize, const ILP32: usize>(PhantomData<K>);

impl<K: Kind, const LP64: usize, const ILP32: usize> Kind for Filler<K, LP64, ILP32> {
    type Value = ();

    fn size(model: Model) -> usize {
        match model {
            Model::Lp64 => LP64 * K::size(model),
            Model::Ilp32 => ILP32 * K::size(model),
        }
    }

    fn align(model: Model) -> usize {
        K::align(model)
    }

    fn zero() {}

    fn put((): &(), model: Model, out: &mut Vec<u8>) {
        out.resize(out.len() + Self::size(model), 0);
    }

    fn take(model: Model, bytes: &[u8]) -> Option<()> {
        (bytes.len() >= Self::size(model)).then_some(())
    }
}

/// `timestruc_t`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestruc {
    /// Seconds.
    pub sec: i64,
    /// Nanoseconds, below 1 000 000 000.
    pub nsec: i64,
}

impl Timestruc {
    /// A time given in nanoseconds.
    pub const fn of_nanos(nanos: u64) -> Timestruc {
        Timestruc { sec: (nanos / 1_000_000_000) as i64, nsec: (nanos % 1_000_000_000) as i64 }
    }
}

impl Kind for Timestruc {
    type Value = Self;

    fn size(model: Model) -> usize {
        2 * model.long()
    }

    fn align(model: Model) -> usize {
        model.long()
    }

    fn zero() -> Self {
        Self::default()
    }

    fn put(value: &Self, model: Model, out: &mut Vec<u8>) {
        Long::put(&value.sec, model, out);
        Long::put(&value.nsec, model, out);
    }

    fn take(model: Model, bytes: &[u8]) -> Option<Self> {
        Some(Timestruc { sec: Long::take(model, bytes)?, nsec: Long::take(model, bytes.get(model.long()..)?)? })
    }
}

/// A structure as a list of `names: Type, "meaning";`. It becomes a struct of plain values with `Default` (all zero) and with
/// `size`, `align`, `bytes`, `put` and `take`; offsets follow from the types by the rules of C.
macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $name:ident = $c:literal {
            $( $($field:ident),+ : $kind:ty, $doc:literal; )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $( #[doc = $doc] pub $field: $crate::record::Value<$kind>, )+ )*
        }

        impl Default for $name {
            fn default() -> Self {
                $name { $( $( $field: <$kind as $crate::record::Kind>::zero(), )+ )* }
            }
        }

        impl $name {
            /// Bytes of the structure.
            pub fn size(model: $crate::Model) -> usize {
                <Self as $crate::record::Kind>::size(model)
            }

            /// Alignment of the structure.
            pub fn align(model: $crate::Model) -> usize {
                <Self as $crate::record::Kind>::align(model)
            }

            /// The structure in memory.
            pub fn bytes(&self, model: $crate::Model) -> Vec<u8> {
                let mut out = Vec::with_capacity(Self::size(model));
                self.put(model, &mut out);
                out
            }

            /// Appends the structure.
            pub fn put(&self, model: $crate::Model, out: &mut Vec<u8>) {
                <Self as $crate::record::Kind>::put(self, model, out);
            }

            /// Reads the structure from the start of `bytes`; `None` if they are too few.
            pub fn take(model: $crate::Model, bytes: &[u8]) -> Option<Self> {
                <Self as $crate::record::Kind>::take(model, bytes)
            }
        }

        impl $crate::record::Kind for $name {
            type Value = Self;

            fn size(model: $crate::Model) -> usize {
                let mut end: usize = 0;
                $( $(
                    let _ = stringify!($field);
                    end = end.next_multiple_of(<$kind as $crate::record::Kind>::align(model));
                    end += <$kind as $crate::record::Kind>::size(model);
                )+ )*
                end.next_multiple_of(<Self as $crate::record::Kind>::align(model))
            }

            fn align(model: $crate::Model) -> usize {
                1 $( .max(<$kind as $crate::record::Kind>::align(model)) )*
            }

            fn zero() -> Self {
                Self::default()
            }

            fn put(value: &Self, model: $crate::Model, out: &mut Vec<u8>) {
                let start = out.len();
                $( $(
                    $crate::record::pad(out, start, <$kind as $crate::record::Kind>::align(model));
                    <$kind as $crate::record::Kind>::put(&value.$field, model, out);
                )+ )*
                $crate::record::pad(out, start, <Self as $crate::record::Kind>::align(model));
            }

            fn take(model: $crate::Model, bytes: &[u8]) -> Option<Self> {
                let bytes = bytes.get(..Self::size(model))?;
                let mut end: usize = 0;
                $( $(
                    end = end.next_multiple_of(<$kind as $crate::record::Kind>::align(model));
                    let $field = <$kind as $crate::record::Kind>::take(model, bytes.get(end..)?)?;
                    end += <$kind as $crate::record::Kind>::size(model);
                )+ )*
                let _ = end;
                Some($name { $( $( $field, )+ )* })
            }
        }

        impl $crate::record::Record for $name {
            const NAME: &'static str = $c;

            fn fields(model: $crate::Model) -> Vec<$crate::record::Field> {
                let mut end: usize = 0;
                let mut fields = Vec::new();
                $( $(
                    let offset = end.next_multiple_of(<$kind as $crate::record::Kind>::align(model));
                    let len = <$kind as $crate::record::Kind>::size(model);
                    fields.push($crate::record::Field { name: stringify!($field), offset, len });
                    end = offset + len;
                )+ )*
                let _ = end;
                fields
            }
        }
    };
}
pub(crate) use record;
