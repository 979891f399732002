//! Reading CBOR.
//!
//! What every item passes through is always inlined, as in JSON's reader.

use std::borrow::Cow;
use std::ops::Range;

use smallvec::SmallVec;

use super::super::{Token, TokenKind, TokenReader};
use super::number::{bignum, half, negative};
use crate::error::DecodeError;
use crate::limits::MAX_DEPTH;

/// The byte that ends lists, maps, text and bytes of indefinite length (RFC 8949 section 3.2.1).
const BREAK: u8 = 0xff;

/// [`Frame::left`] where the length is indefinite: even, and more than any input has.
const UNCOUNTED: usize = usize::MAX - 1;

/// [`Head::major`] of the bytes of a bignum, whose tag has been passed over.
const BIGNUM: u8 = 8;
const NEGATIVE_BIGNUM: u8 = 9;

/// A list or map that has begun.
#[derive(Debug, Clone, Copy)]
struct Frame {
    /// How many values are still to come; in a map each entry counts twice, so that an even
    /// number means that a key comes next. Counts down from [`UNCOUNTED`] where a break ends it.
    left: usize,
    map: bool,
    indefinite: bool,
}

/// What stands at the reader's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Value,
    Key,
    /// The end of the innermost list or map.
    End,
    /// The outermost value has ended.
    Nothing,
}

/// The head of an item (RFC 8949 section 3).
#[derive(Debug, Clone, Copy)]
struct Head {
    /// Where it begins.
    offset: usize,
    /// The major type, 0 to 7; or one of the two that tags make of bytes.
    major: u8,
    /// The additional information, 0 to 31.
    info: u8,
    /// What the additional information says or announces.
    argument: u64,
}

impl Head {
    #[inline]
    fn indefinite(self) -> bool {
        self.info == 31
    }
}

/// Reads CBOR.
#[derive(Debug)]
pub struct CborReader<'a> {
    input: &'a [u8],
    position: usize,
    started: bool,
    stack: SmallVec<[Frame; 8]>,
}

impl<'a> TokenReader<'a> for CborReader<'a> {
    #[inline]
    fn new(input: &'a [u8]) -> Self {
        CborReader { input, position: 0, started: false, stack: SmallVec::new() }
    }

    #[inline]
    fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        match self.place() {
            Place::Value => self.value(),
            Place::Key => self.key_head().and_then(|head| self.key(head)).map(Token::Key),
            Place::End => Ok(self.end()),
            Place::Nothing => Err(DecodeError::TrailingBytes(self.position)),
        }
    }

    #[inline]
    fn peek(&mut self) -> Result<TokenKind, DecodeError> {
        match self.place() {
            Place::Value => {}
            Place::Key => return Ok(TokenKind::Text),
            Place::End => return Ok(TokenKind::End),
            Place::Nothing => return Err(DecodeError::TrailingBytes(self.position)),
        }
        let position = self.position;
        let head = self.untagged_head();
        self.position = position;
        match head?.major {
            2 => Ok(TokenKind::Binary),
            3 => Ok(TokenKind::Text),
            4 => Ok(TokenKind::List),
            5 => Ok(TokenKind::Map),
            _ => Ok(TokenKind::Scalar),
        }
    }

    #[inline]
    fn skip(&mut self) -> Result<Range<usize>, DecodeError> {
        let (start, depth) = (self.position, self.stack.len());
        if self.place() != Place::Value {
            return Err(malformed(start, "a value must come here"));
        }
        loop {
            match self.place() {
                Place::Value => drop(self.value()?),
                Place::Key => self.pass_key()?,
                Place::End | Place::Nothing => drop(self.end()),
            }
            if self.stack.len() == depth {
                return Ok(start..self.position);
            }
        }
    }

    fn finish(&mut self) -> Result<(), DecodeError> {
        if self.place() != Place::Nothing {
            Err(self.truncated())
        } else if self.position < self.input.len() {
            Err(DecodeError::TrailingBytes(self.position))
        } else {
            Ok(())
        }
    }
}

impl<'a> CborReader<'a> {
    #[inline(always)]
    fn place(&self) -> Place {
        match self.stack.last() {
            Some(frame) if self.ends(*frame) => Place::End,
            Some(frame) if frame.map && frame.left.is_multiple_of(2) => Place::Key,
            None if self.started => Place::Nothing,
            _ => Place::Value,
        }
    }

    /// Whether the innermost list or map ends here; a map never does before a value.
    #[inline]
    fn ends(&self, frame: Frame) -> bool {
        if !frame.indefinite {
            return frame.left == 0;
        }
        let whole = !frame.map || frame.left.is_multiple_of(2);
        whole && self.input.get(self.position) == Some(&BREAK)
    }

    #[inline]
    fn end(&mut self) -> Token<'a> {
        let Some(frame) = self.stack.pop() else { return Token::Null };
        self.position += usize::from(frame.indefinite);
        if frame.map { Token::MapEnd } else { Token::ListEnd }
    }

    /// A scalar, or the start of a list or map.
    #[inline(always)]
    fn value(&mut self) -> Result<Token<'a>, DecodeError> {
        match self.stack.last_mut() {
            Some(frame) => frame.left -= 1,
            None => self.started = true,
        }
        let head = self.untagged_head()?;
        match head.major {
            0 => Ok(Token::Unsigned(head.argument)),
            1 => Ok(negative(head.argument)),
            2 => self.binary(head).map(Token::Binary),
            3 => self.text(head).map(Token::Text),
            4 => self.begin(head, false),
            5 => self.begin(head, true),
            7 => simple(head),
            _ => self.bignum(head),
        }
    }

    #[inline]
    fn key_head(&mut self) -> Result<Head, DecodeError> {
        if let Some(frame) = self.stack.last_mut() {
            frame.left -= 1;
        }
        let head = self.untagged_head()?;
        match head.major {
            0 | 1 | 3 => Ok(head),
            _ => Err(malformed(head.offset, "a key must be text or an integer")),
        }
    }

    #[inline]
    fn key(&mut self, head: Head) -> Result<Cow<'a, str>, DecodeError> {
        match head.major {
            0 => Ok(head.argument.to_string().into()),
            1 => Ok((-1 - i128::from(head.argument)).to_string().into()),
            _ => self.text(head),
        }
    }

    #[inline]
    fn pass_key(&mut self) -> Result<(), DecodeError> {
        let head = self.key_head()?;
        if head.major == 3 { self.text(head).map(drop) } else { Ok(()) }
    }

    /// The head of the next item that is not a tag.
    #[inline(always)]
    fn untagged_head(&mut self) -> Result<Head, DecodeError> {
        let head = self.head()?;
        if head.major == 6 { self.tagged_head(head) } else { Ok(head) }
    }

    /// The head of the item behind a tag. Tags may stand before tags; the reader of another peer
    /// may descend into each of them, so only so many may.
    #[cold]
    fn tagged_head(&mut self, mut tag: Head) -> Result<Head, DecodeError> {
        for _ in 0..MAX_DEPTH {
            let head = self.head()?;
            match (head.major, tag.argument) {
                (6, _) => tag = head,
                (2, 2) => return Ok(Head { major: BIGNUM, ..head }),
                (2, 3) => return Ok(Head { major: NEGATIVE_BIGNUM, ..head }),
                _ => return Ok(head),
            }
        }
        Err(DecodeError::TooDeep)
    }

    #[inline(always)]
    fn head(&mut self) -> Result<Head, DecodeError> {
        let offset = self.position;
        let [first] = self.fixed::<1>()?;
        let (major, info) = (first >> 5, first & 0x1f);
        let argument = if info < 24 { info.into() } else { self.argument(major, info)? };
        Ok(Head { offset, major, info, argument })
    }

    /// The argument after an initial byte that does not hold it.
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

    #[inline(always)]
    fn begin(&mut self, head: Head, map: bool) -> Result<Token<'a>, DecodeError> {
        if self.stack.len() == MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        let values = if head.indefinite() { UNCOUNTED } else { self.values(head, map)? };
        self.stack.push(Frame { left: values, map, indefinite: head.indefinite() });
        Ok(if map { Token::MapStart } else { Token::ListStart })
    }

    /// How many values come; each is a byte at least, so that a number above what is left cannot
    /// be true.
    #[inline]
    fn values(&self, head: Head, map: bool) -> Result<usize, DecodeError> {
        let values = head.argument.saturating_mul(if map { 2 } else { 1 });
        let left = self.input.len() - self.position;
        usize::try_from(values).ok().filter(|&n| n <= left).ok_or_else(|| self.truncated())
    }

    #[inline]
    fn text(&mut self, head: Head) -> Result<Cow<'a, str>, DecodeError> {
        if head.indefinite() {
            self.text_of_chunks(head).map(Cow::Owned)
        } else {
            self.text_chunk(head).map(Cow::Borrowed)
        }
    }

    fn text_of_chunks(&mut self, head: Head) -> Result<String, DecodeError> {
        let mut text = String::new();
        while let Some(chunk) = self.chunk_head(head)? {
            text.push_str(self.text_chunk(chunk)?);
        }
        Ok(text)
    }

    #[inline]
    fn text_chunk(&mut self, head: Head) -> Result<&'a str, DecodeError> {
        let offset = self.position;
        simdutf8::basic::from_utf8(self.bytes(head.argument)?)
            .map_err(|_| DecodeError::NotUtf8(offset))
    }

    fn binary(&mut self, head: Head) -> Result<Cow<'a, [u8]>, DecodeError> {
        if !head.indefinite() {
            return self.bytes(head.argument).map(Cow::Borrowed);
        }
        let mut binary = Vec::new();
        while let Some(chunk) = self.chunk_head(head)? {
            binary.extend_from_slice(self.bytes(chunk.argument)?);
        }
        Ok(Cow::Owned(binary))
    }

    #[cold]
    fn bignum(&mut self, head: Head) -> Result<Token<'a>, DecodeError> {
        let integer = self.binary(Head { major: 2, ..head })?;
        Ok(bignum(&integer, head.major == NEGATIVE_BIGNUM))
    }

    /// The head of the next chunk of text or bytes of indefinite length, if there is one more.
    fn chunk_head(&mut self, whole: Head) -> Result<Option<Head>, DecodeError> {
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

    #[inline]
    fn bytes(&mut self, length: u64) -> Result<&'a [u8], DecodeError> {
        let rest = &self.input[self.position..];
        let bytes = usize::try_from(length).ok().and_then(|length| rest.get(..length));
        let Some(bytes) = bytes else { return Err(self.truncated()) };
        self.position += bytes.len();
        Ok(bytes)
    }

    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let rest = &self.input[self.position..];
        let Some(bytes) = rest.first_chunk() else { return Err(self.truncated()) };
        self.position += N;
        Ok(*bytes)
    }

    #[cold]
    fn truncated(&self) -> DecodeError {
        DecodeError::Truncated(self.input.len())
    }
}

/// Major type 7: floats and simple values (RFC 8949 section 3.3).
fn simple(head: Head) -> Result<Token<'static>, DecodeError> {
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
fn malformed(offset: usize, what: &'static str) -> DecodeError {
    DecodeError::Malformed { offset, what }
}
