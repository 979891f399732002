//! Converts one value to another format, in time linear in its length.
//!
//! The first pass validates the value and counts the entries of each list and map. JSON, UBJSON and
//! CBOR of indefinite length show the count only at the end; msgpack and CBOR need it at the start.
//! The second pass writes. Nothing is written if the value is invalid.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::{Token, TokenReader, TokenWriter};
use crate::error::DecodeError;
use crate::serializer::Serializer;
use crate::{with_token_reader, with_token_writer};

/// The number of entries of each list and map, in the order of their starts.
type ElementCounts = SmallVec<[u32; 16]>;

/// Appends `value`, encoded in `from`, to `out` in the format `to`.
///
/// If the formats are equal, copies the bytes, without white space around them in JSON, or the
/// bytes of [`TokenReader::rewritten`]. Appends nothing if the value is invalid.
pub fn transcode(
    from: Serializer,
    value: &[u8],
    to: Serializer,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    if from == to {
        return splice(from, value, out);
    }
    with_token_writer!(to, W => transcode_into(from, value, &mut W::new(out)))
}

/// Writes `value`, encoded in `from`, token by token.
///
/// Writes nothing if the value is invalid.
pub fn transcode_into<W: TokenWriter>(
    from: Serializer,
    value: &[u8],
    writer: &mut W,
) -> Result<(), DecodeError> {
    with_token_reader!(from, R => transcode_tokens::<R<'_>, W>(value, writer))
}

fn splice(format: Serializer, value: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let value = with_token_reader!(format, R => only_value::<R<'_>>(value))?;
    out.extend_from_slice(&value);
    Ok(())
}

fn only_value<'a, R: TokenReader<'a>>(input: &'a [u8]) -> Result<Cow<'a, [u8]>, DecodeError> {
    let mut reader = R::new(input);
    let span = reader.skip()?;
    let rewritten = reader.rewritten(&span);
    reader.finish()?;
    Ok(rewritten.map_or_else(|| Cow::Borrowed(&input[span]), Cow::Owned))
}

fn transcode_tokens<'a, R: TokenReader<'a>, W: TokenWriter>(
    value: &'a [u8],
    writer: &mut W,
) -> Result<(), DecodeError> {
    let mut counts = count_entries(R::new(value))?.into_iter();
    let mut count = || counts.next().unwrap_or_default() as usize;
    let mut reader = R::new(value);
    let mut depth = 0_usize;
    loop {
        let token = reader.next()?;
        match token {
            Token::ListStart | Token::MapStart => depth += 1,
            Token::ListEnd | Token::MapEnd => depth -= 1,
            _ => {}
        }
        write_token(writer, &token, &mut count);
        if depth == 0 {
            return Ok(());
        }
    }
}

fn count_entries<'a, R: TokenReader<'a>>(mut reader: R) -> Result<ElementCounts, DecodeError> {
    let mut counts = ElementCounts::new();
    let mut open = SmallVec::<[usize; 8]>::new();
    loop {
        match reader.next()? {
            Token::ListEnd => drop(open.pop()),
            // A key and a value are one entry.
            Token::MapEnd => open.pop().into_iter().for_each(|map| counts[map] /= 2),
            token => {
                if let Some(&innermost) = open.last() {
                    counts[innermost] = counts[innermost].saturating_add(1);
                }
                if matches!(token, Token::ListStart | Token::MapStart) {
                    open.push(counts.len());
                    counts.push(0);
                }
            }
        }
        if open.is_empty() {
            reader.finish()?;
            return Ok(counts);
        }
    }
}

#[inline]
fn write_token<W: TokenWriter>(
    writer: &mut W,
    token: &Token<'_>,
    mut entries: impl FnMut() -> usize,
) {
    match token {
        Token::Null => writer.null(),
        Token::Bool(value) => writer.bool(*value),
        Token::Unsigned(value) => writer.unsigned(*value),
        Token::Negative(value) => writer.signed(*value),
        Token::Float(value) => writer.float(*value),
        Token::Text(value) => writer.text(value),
        Token::Binary(value) => writer.binary(value),
        Token::ListStart => writer.list_start(entries()),
        Token::ListEnd => writer.list_end(),
        Token::MapStart => writer.map_start(entries()),
        Token::Key(key) => writer.key(key),
        Token::MapEnd => writer.map_end(),
    }
}
