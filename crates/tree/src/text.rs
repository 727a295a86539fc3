//! Files that are a text (or record) made once per open file.

use crate::{Caller, Handle, Pending};

/// The part of `content` that a read of `size` bytes at `offset` gets; every generated file is cut by this function.
pub fn slice(content: &[u8], offset: u64, size: usize) -> &[u8] {
    let from = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
    let to = from.saturating_add(size).min(content.len());
    &content[from..to]
}

/// An open file whose whole content was made when it was opened.
pub struct Text(pub Vec<u8>);

impl Handle for Text {
    fn read(&self, _caller: &Caller, offset: u64, size: usize, done: Pending<Vec<u8>>) {
        done.finish(Ok(slice(&self.0, offset, size).to_vec()));
    }
}

#[cfg(test)]
mod tests {
    use super::slice;

    #[test]
    fn slices_stay_inside() {
        assert_eq!(slice(b"hello", 1, 3), b"ell");
        assert_eq!(slice(b"hello", 4, 30), b"o");
        assert_eq!(slice(b"hello", 5, 1), b"");
        assert_eq!(slice(b"hello", u64::MAX, usize::MAX), b"");
    }
}
