//! Skipping CBOR without making tokens: the router does this with every payload.
//!
//! Accepts and rejects exactly what the reader does, with the same errors.

use smallvec::SmallVec;

use super::cursor::{CborContainer, CborCursor, CborHead, simple};
use crate::error::DecodeError;

/// Skips the value at the cursor, inside `depth` lists and maps. Returns the offset after it.
pub(super) fn skip_value(mut cursor: CborCursor<'_>, depth: usize) -> Result<usize, DecodeError> {
    let mut outer = SmallVec::<[CborContainer; 8]>::new();
    let mut frame = CborContainer::ONE_VALUE;
    loop {
        while cursor.ends(frame) {
            cursor.position += usize::from(frame.indefinite);
            let Some(around) = outer.pop() else { return Ok(cursor.position) };
            frame = around;
        }
        let is_key = frame.at_key();
        frame.left -= 1;
        if let Some(inner) = skip_item(&mut cursor, is_key, depth + outer.len())? {
            outer.push(frame);
            frame = inner;
        }
    }
}

/// Skips an item, or the start of a list or map. Decides by the first byte where that contains the
/// argument: decoding a head takes three times as long.
#[inline(always)]
fn skip_item(
    cursor: &mut CborCursor<'_>,
    is_key: bool,
    depth: usize,
) -> Result<Option<CborContainer>, DecodeError> {
    let Some(&first) = cursor.input.get(cursor.position) else { return Err(cursor.truncated()) };
    let argument = first & 0x1f;
    match first {
        // Text of up to 23 bytes; integers.
        0x60..=0x77 => {
            cursor.position += 1;
            cursor.utf8(argument.into())?;
        }
        0x00..=0x17 | 0x20..=0x37 => cursor.position += 1,
        _ if is_key => skip_by_head(cursor, is_key, depth).map(drop)?,
        // False, true, null; a float of 64 bits.
        0xf4..=0xf6 => cursor.position += 1,
        0xfb => {
            cursor.position += 1;
            cursor.bytes(8)?;
        }
        0x80..=0x97 => {
            cursor.position += 1;
            return cursor.begin_counted(argument.into(), false, depth).map(Some);
        }
        0xa0..=0xb7 => {
            cursor.position += 1;
            return cursor.begin_counted(argument.into(), true, depth).map(Some);
        }
        _ => return skip_by_head(cursor, is_key, depth),
    }
    Ok(None)
}

#[inline(never)]
fn skip_by_head(
    cursor: &mut CborCursor<'_>,
    is_key: bool,
    depth: usize,
) -> Result<Option<CborContainer>, DecodeError> {
    let head = if is_key { cursor.key_head()? } else { cursor.untagged_head()? };
    match head.major {
        0 | 1 => {}
        2 | 3 if head.indefinite() => skip_chunks(cursor, head)?,
        2 => drop(cursor.binary_chunk(head)?),
        3 => drop(cursor.text_chunk(head)?),
        4 => return cursor.begin(head, false, depth).map(Some),
        5 => return cursor.begin(head, true, depth).map(Some),
        7 => drop(simple(head)?),
        _ => drop(cursor.bignum(head)?),
    }
    Ok(None)
}

/// Skips text or bytes of indefinite length.
#[cold]
fn skip_chunks(cursor: &mut CborCursor<'_>, whole: CborHead) -> Result<(), DecodeError> {
    while let Some(chunk) = cursor.chunk_head(whole)? {
        match whole.major {
            3 => drop(cursor.text_chunk(chunk)?),
            _ => drop(cursor.binary_chunk(chunk)?),
        }
    }
    Ok(())
}
