//! A position in CBOR, and the parts of items that reading and skipping share.

use std::borrow::Cow;

use super::super::Token;
use super::super::cursor::Cursor;
use super::number::{bignum, half};
use crate::error::DecodeError;
use crate::limits::MAX_DEPTH;

/// The byte that ends lists, maps, text and bytes of indefinite length (RFC 8949 section 3.2.1).
const BREAK: u8 = 0xff;

/// [`CborContainer::left`] of an indefinite length: even, and more than any input has.
const UNCOUNTED: usize = usize::MAX - 1;

/// [`CborHead::major`] of the bytes of a bignum, whose tag has been read.
const BIGNUM: u8 = 8;
const NEGATIVE_BIGNUM: u8 = 9;

/// A list or map that has begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct CborContainer {
    /// The number of remaining values. Each entry of a map counts twice, so an even number means
    /// that a key is next. Counts down from [`UNCOUNTED`] if a break ends the container.
    pub(super) left: usize,
    pub(super) map: bool,
    pub(super) indefinite: bool,
}

/// The head of an item (RFC 8949 section 3).
#[derive(Debug, Clone, Copy)]
pub(super) struct CborHead {
    /// The offset of the item.
    pub(super) offset: usize,
    /// The major type, 0 to 7, or one of the two for bignums.
    pub(super) major: u8,
    /// The additional information, 0 to 31.
    info: u8,
    /// The argument, in the additional information or after it.
    pub(super) argument: u64,
}

impl CborHead {
    #[inline]
    pub(super) fn indefinite(self) -> bool {
        self.info == 31
    }
}

/// CBOR, as the format of a [`Cursor`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Cbor {}

/// A position in CBOR.
pub(super) type CborCursor<'a> = Cursor<'a, Cbor>;

impl CborContainer {
    /// One value outside of lists and maps.
    pub(super) const ONE_VALUE: Self = Self { left: 1, map: false, indefinite: false };

    /// Whether the next item, if any, is a key.
    #[inline]
    pub(super) fn at_key(self) -> bool {
        self.map && self.left.is_multiple_of(2)
    }
}

impl<'a> CborCursor<'a> {
    /// Whether the innermost list or map ends here. A map does not end before a value.
    #[inline]
    pub(super) fn ends(&self, frame: CborContainer) -> bool {
        if !frame.indefinite {
            return frame.left == 0;
        }
        let whole = !frame.map || frame.at_key();
        whole && self.input.get(self.position) == Some(&BREAK)
    }

    /// The head of the next item that is not a tag.
    #[inline(always)]
    pub(super) fn untagged_head(&mut self) -> Result<CborHead, DecodeError> {
        let head = self.head()?;
        if head.major == 6 { self.tagged_head(head) } else { Ok(head) }
    }

    /// The head of the item after a tag. Tags may be nested. Their number is limited, because
    /// another peer's reader may recurse into each.
    #[cold]
    fn tagged_head(&mut self, mut tag: CborHead) -> Result<CborHead, DecodeError> {
        for _ in 0..MAX_DEPTH {
            let head = self.head()?;
            match (head.major, tag.argument) {
                (6, _) => tag = head,
                (2, 2) => return Ok(CborHead { major: BIGNUM, ..head }),
                (2, 3) => return Ok(CborHead { major: NEGATIVE_BIGNUM, ..head }),
                _ => return Ok(head),
            }
        }
        Err(DecodeError::TooDeep)
    }

    #[inline(always)]
    fn head(&mut self) -> Result<CborHead, DecodeError> {
        let offset = self.position;
        let [first] = self.fixed::<1>()?;
        let (major, info) = (first >> 5, first & 0x1f);
        let argument = if info < 24 { info.into() } else { self.argument(major, info)? };
        Ok(CborHead { offset, major, info, argument })
    }

    /// The argument that follows the initial byte.
    fn argument(&mut self, major: u8, info: u8) -> Result<u64, DecodeError> {
        let offset = self.position - 1;
        match info {
            24 => Ok(u8::from_be_bytes(self.fixed()?).into()),
            25 => Ok(u16::from_be_bytes(self.fixed()?).into()),
            26 => Ok(u32::from_be_bytes(self.fixed()?).into()),
            27 => Ok(u64::from_be_bytes(self.fixed()?)),
            31 if matches!(major, 2..=5) => Ok(0),
            31 if major == 7 => Err(malformed(offset, "a break with nothing to end")),
            _ => Err(malformed(offset, "reserved additional information")),
        }
    }

    /// Begins a list or map inside `depth` others.
    #[inline(always)]
    pub(super) fn begin(
        &self,
        head: CborHead,
        map: bool,
        depth: usize,
    ) -> Result<CborContainer, DecodeError> {
        if !head.indefinite() {
            return self.begin_counted(head.argument, map, depth);
        }
        if depth == MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        Ok(CborContainer { left: UNCOUNTED, map, indefinite: true })
    }

    /// Begins a list or map of `entries` entries inside `depth` others. Each value takes at least
    /// one byte, so a number above the remaining bytes cannot be true.
    #[inline(always)]
    pub(super) fn begin_counted(
        &self,
        entries: u64,
        map: bool,
        depth: usize,
    ) -> Result<CborContainer, DecodeError> {
        if depth == MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        let values = entries.saturating_mul(if map { 2 } else { 1 });
        let rest = self.input.len() - self.position;
        match usize::try_from(values) {
            Ok(left) if left <= rest => Ok(CborContainer { left, map, indefinite: false }),
            _ => Err(self.truncated()),
        }
    }

    /// The head of the next key: text or an integer.
    #[inline]
    pub(super) fn key_head(&mut self) -> Result<CborHead, DecodeError> {
        let head = self.untagged_head()?;
        match head.major {
            0 | 1 | 3 => Ok(head),
            _ => Err(malformed(head.offset, "a key must be text or an integer")),
        }
    }

    #[inline]
    pub(super) fn text(&mut self, head: CborHead) -> Result<Cow<'a, str>, DecodeError> {
        if head.indefinite() {
            self.text_of_chunks(head).map(Cow::Owned)
        } else {
            self.text_chunk(head).map(Cow::Borrowed)
        }
    }

    fn text_of_chunks(&mut self, head: CborHead) -> Result<String, DecodeError> {
        let mut text = String::new();
        while let Some(chunk) = self.chunk_head(head)? {
            text.push_str(self.text_chunk(chunk)?);
        }
        Ok(text)
    }

    #[inline]
    pub(super) fn text_chunk(&mut self, head: CborHead) -> Result<&'a str, DecodeError> {
        let length = self.size(head)?;
        self.utf8(length)
    }

    #[inline]
    pub(super) fn binary_chunk(&mut self, head: CborHead) -> Result<&'a [u8], DecodeError> {
        let length = self.size(head)?;
        self.bytes(length)
    }

    /// The argument of text or bytes: their length.
    #[inline]
    fn size(&self, head: CborHead) -> Result<usize, DecodeError> {
        usize::try_from(head.argument).map_err(|_| self.truncated())
    }

    pub(super) fn binary(&mut self, head: CborHead) -> Result<Cow<'a, [u8]>, DecodeError> {
        if !head.indefinite() {
            return self.binary_chunk(head).map(Cow::Borrowed);
        }
        let mut binary = Vec::new();
        while let Some(chunk) = self.chunk_head(head)? {
            binary.extend_from_slice(self.binary_chunk(chunk)?);
        }
        Ok(Cow::Owned(binary))
    }

    #[cold]
    pub(super) fn bignum(&mut self, head: CborHead) -> Result<Token<'a>, DecodeError> {
        let integer = self.binary(CborHead { major: 2, ..head })?;
        Ok(bignum(&integer, head.major == NEGATIVE_BIGNUM))
    }

    /// The head of the next chunk of text or bytes of indefinite length. `None` at the end.
    pub(super) fn chunk_head(&mut self, whole: CborHead) -> Result<Option<CborHead>, DecodeError> {
        if self.input.get(self.position) == Some(&BREAK) {
            self.position += 1;
            return Ok(None);
        }
        let head = self.head()?;
        if head.major == whole.major && !head.indefinite() {
            Ok(Some(head))
        } else {
            Err(malformed(head.offset, "a chunk must be of its string's type, with its length"))
        }
    }
}

/// Major type 7: floats and simple values (RFC 8949 section 3.3).
pub(super) fn simple(head: CborHead) -> Result<Token<'static>, DecodeError> {
    match (head.info, head.argument) {
        (20, _) => Ok(Token::Bool(false)),
        (21, _) => Ok(Token::Bool(true)),
        (22 | 23, _) => Ok(Token::Null),
        (25, bits) => Ok(Token::Float(half(bits as u16))),
        (26, bits) => Ok(Token::Float(f32::from_bits(bits as u32).into())),
        (27, bits) => Ok(Token::Float(f64::from_bits(bits))),
        _ => Err(malformed(head.offset, "a simple value without a meaning")),
    }
}

#[cold]
pub(super) fn malformed(offset: usize, what: &'static str) -> DecodeError {
    DecodeError::Malformed { offset, what }
}
