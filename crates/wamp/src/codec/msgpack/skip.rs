//! Skips MessagePack without making tokens: the router does this with every payload.
//!
//! Accepts and rejects exactly what the reader does, with the same errors.

use smallvec::SmallVec;

use super::cursor::{MsgPackContainer, MsgPackCursor};
use crate::error::DecodeError;

/// Skips the value at the cursor, inside `depth` lists and maps. Returns the offset after it.
pub(super) fn skip_value(
    mut cursor: MsgPackCursor<'_>,
    depth: usize,
) -> Result<usize, DecodeError> {
    let mut outer = SmallVec::<[MsgPackContainer; 8]>::new();
    let mut frame = MsgPackContainer { left: 1, map: false };
    loop {
        while frame.left == 0 {
            let Some(around) = outer.pop() else { return Ok(cursor.position) };
            frame = around;
        }
        let first = if frame.at_key() { cursor.key()? } else { cursor.value()? };
        frame.left -= 1;
        if let Some(inner) = skip_item(&mut cursor, first, depth + outer.len())? {
            outer.push(frame);
            frame = inner;
        }
    }
}

/// Skips the rest of an skip_item after its first byte. Skips only the start of a list or map.
#[inline]
fn skip_item(
    cursor: &mut MsgPackCursor<'_>,
    first: u8,
    depth: usize,
) -> Result<Option<MsgPackContainer>, DecodeError> {
    match first {
        0x00..=0x7f | 0xe0..=0xff | 0xc0..=0xc3 => {}
        0x80..=0x8f => return cursor.begin(usize::from(first & 0x0f), true, depth).map(Some),
        0x90..=0x9f => return cursor.begin(usize::from(first & 0x0f), false, depth).map(Some),
        0xa0..=0xbf => drop(cursor.utf8(usize::from(first & 0x1f))?),
        0xcc | 0xd0 => drop(cursor.bytes(1)?),
        0xcd | 0xd1 => drop(cursor.bytes(2)?),
        0xca | 0xce | 0xd2 => drop(cursor.bytes(4)?),
        0xcb | 0xcf | 0xd3 => drop(cursor.bytes(8)?),
        0xc4..=0xc9 | 0xd4..=0xdf => return skip_sized(cursor, first, depth),
    }
    Ok(None)
}

/// Skips an skip_item whose length is announced or implied by its type.
fn skip_sized(
    cursor: &mut MsgPackCursor<'_>,
    first: u8,
    depth: usize,
) -> Result<Option<MsgPackContainer>, DecodeError> {
    match first {
        0xc4..=0xc6 => {
            let length = cursor.length(first - 0xc4)?;
            cursor.bytes(length)?;
        }
        0xc7..=0xc9 => {
            let length = cursor.length(first - 0xc7)?;
            cursor.extension(length)?;
        }
        0xd4..=0xd8 => cursor.extension(1 << (first - 0xd4))?,
        0xd9..=0xdb => {
            let length = cursor.length(first - 0xd9)?;
            cursor.utf8(length)?;
        }
        0xdc | 0xdd => {
            let entries = cursor.length(first - 0xdb)?;
            return cursor.begin(entries, false, depth).map(Some);
        }
        _ => {
            let entries = cursor.length(first - 0xdd)?;
            return cursor.begin(entries, true, depth).map(Some);
        }
    }
    Ok(None)
}
