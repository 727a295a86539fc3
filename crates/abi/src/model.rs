//! The two data models of C.

/// Widths of long and of pointers. A file has the format of its reader's model, not of the process it tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// 64-bit long and pointers (amd64).
    Lp64,
    /// 32-bit int, long and pointers (i386).
    Ilp32,
}

impl Model {
    /// Both.
    pub const ALL: [Model; 2] = [Model::Lp64, Model::Ilp32];

    /// `PR_MODEL_LP64` or `PR_MODEL_ILP32`, as `pr_dmodel` has it.
    pub const fn number(self) -> u8 {
        match self {
            Model::Lp64 => crate::solaris::numbers::PR_MODEL_LP64,
            Model::Ilp32 => crate::solaris::numbers::PR_MODEL_ILP32,
        }
    }

    /// The model that `number` stands for; `None` for `PR_MODEL_UNKNOWN` and the rest.
    pub fn of(number: u8) -> Option<Model> {
        Model::ALL.into_iter().find(|m| m.number() == number)
    }

    /// Bytes of a long, which are also those of a pointer and the highest alignment of an integer: i386 puts 8-byte
    /// integers at multiples of 4.
    pub const fn long(self) -> usize {
        match self {
            Model::Lp64 => 8,
            Model::Ilp32 => 4,
        }
    }

    /// Bytes from one entry of an array file (`lstatus`, `lpsinfo`, `lusage`) to the next. It is larger than the structure
    /// on purpose, so that programs go by `pr_entsize`.
    pub const fn stride(self, size: usize) -> usize {
        let unit = 2 * self.long();
        size.next_multiple_of(unit) + unit
    }
}
