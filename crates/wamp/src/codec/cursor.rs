//! A position in a binary format, and the steps that all of them share.

use std::marker::PhantomData;

use super::next_item::NextItem;
use crate::error::DecodeError;

/// A position in the binary format `F`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a, F> {
    pub(super) input: &'a [u8],
    pub(super) position: usize,
    format: PhantomData<F>,
}

impl<'a, F> Cursor<'a, F> {
    #[inline]
    pub(super) const fn new(input: &'a [u8]) -> Self {
        Cursor { input, position: 0, format: PhantomData }
    }

    /// Text of `length` bytes.
    #[inline]
    pub(super) fn utf8(&mut self, length: usize) -> Result<&'a str, DecodeError> {
        let offset = self.position;
        let text = simdutf8::basic::from_utf8(self.bytes(length)?);
        text.map_err(|_| DecodeError::NotUtf8(offset))
    }

    #[inline]
    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let rest = &self.input[self.position..];
        let Some(bytes) = rest.get(..length) else { return Err(self.truncated()) };
        self.position += length;
        Ok(bytes)
    }

    #[inline]
    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let rest = &self.input[self.position..];
        let Some(bytes) = rest.first_chunk() else { return Err(self.truncated()) };
        self.position += N;
        Ok(*bytes)
    }

    /// Checks that the outermost value has ended before `next`, and the input with it.
    pub(super) fn finish(&self, next: NextItem) -> Result<(), DecodeError> {
        if next != NextItem::Nothing {
            Err(self.truncated())
        } else if self.position < self.input.len() {
            Err(DecodeError::TrailingBytes(self.position))
        } else {
            Ok(())
        }
    }

    #[cold]
    pub(super) fn truncated(&self) -> DecodeError {
        DecodeError::Truncated(self.input.len())
    }
}
