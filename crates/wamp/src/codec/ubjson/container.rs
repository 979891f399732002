//! The start of a list or map after its bracket (draft 12, "Optimized Format").
//!
//! ```text
//! [ … ]              each entry has its marker, a closing bracket ends the list
//! [#<count> …        … it ends after this number of entries
//! [$<type>#<count> … … and no entry has a marker
//! ```

use super::cursor::{UbJsonCursor, unexpected};
use super::dialect::Dialect;
use crate::error::DecodeError;

/// The maximum number of entries without a body in one message: entries of lists of one type
/// without one (`[$Z#…`, null, true or false). They take no bytes, so the size of a message does
/// not limit its size in another format. With this limit it grows by at most a third of a megabyte.
pub const MAX_BODILESS_ENTRIES: usize = 65_536;

/// [`UbJsonContainer::left`] if a closing bracket ends the container.
const UNCOUNTED: usize = usize::MAX;

/// A list or map that has begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct UbJsonContainer {
    /// The number of remaining entries.
    left: usize,
    /// The type of all values. `None` if each has its marker.
    pub(super) item: Option<u8>,
    pub(super) map: bool,
    /// Whether the next item is the value of a key.
    pub(super) after_key: bool,
}

/// The value that an opening bracket begins.
pub(super) enum OpenedValue<'a> {
    Container(UbJsonContainer),
    Bytes(&'a [u8]),
}

impl UbJsonContainer {
    /// Reads the rest of the start after the bracket. `bodiless` is the number of entries without a
    /// body that may still follow.
    #[inline]
    pub(super) fn open<'a, D: Dialect>(
        cursor: &mut UbJsonCursor<'a, D>,
        map: bool,
        bodiless: &mut usize,
    ) -> Result<OpenedValue<'a>, DecodeError> {
        let item = if cursor.skip_byte(b'$') { Some(type_of_entries(cursor)?) } else { None };
        if !cursor.skip_byte(b'#') {
            return match item {
                None => Ok(OpenedValue::Container(Self::new(UNCOUNTED, item, map))),
                Some(_) => Err(uncounted(cursor)),
            };
        }
        let offset = cursor.position;
        let count = cursor.length()?;
        match item {
            Some(b'N') if map => Err(malformed(offset, "a map of keys without values")),
            // No-ops are skipped, whatever their number.
            Some(b'N') => Ok(OpenedValue::Container(Self::new(0, item, map))),
            Some(byte) if byte == D::BYTE && !map => cursor.bytes(count).map(OpenedValue::Bytes),
            _ => {
                let least = least_size(item) + if map { 2 } else { 0 };
                if least == 0 {
                    *bodiless = bodiless.checked_sub(count).ok_or_else(|| too_many(offset))?;
                } else if count > (cursor.input.len() - cursor.position) / least {
                    return Err(cursor.truncated());
                }
                Ok(OpenedValue::Container(Self::new(count, item, map)))
            }
        }
    }

    #[inline]
    const fn new(left: usize, item: Option<u8>, map: bool) -> Self {
        Self { left, item, map, after_key: false }
    }

    /// The closing bracket, if the container ends with one.
    #[inline]
    pub(super) fn end_mark(self) -> Option<u8> {
        match self.left {
            UNCOUNTED => Some(if self.map { b'}' } else { b']' }),
            _ => None,
        }
    }

    /// Whether all announced entries were read.
    #[inline]
    pub(super) fn is_complete(self) -> bool {
        self.left == 0
    }

    /// Counts a value.
    #[inline]
    pub(super) fn advance(&mut self) {
        self.after_key = false;
        if self.left != UNCOUNTED {
            self.left -= 1;
        }
    }
}

/// The type after `$`.
fn type_of_entries<D: Dialect>(cursor: &mut UbJsonCursor<'_, D>) -> Result<u8, DecodeError> {
    let offset = cursor.position;
    let [item] = cursor.fixed()?;
    match item {
        b'Z' | b'N' | b'T' | b'F' | b'i' | b'U' | b'I' | b'l' | b'L' | b'd' | b'D' | b'H'
        | b'C' | b'S' | b'[' | b'{' => Ok(item),
        b'u' | b'm' | b'M' | b'h' | b'B' if D::BJDATA => Ok(item),
        _ => Err(unexpected::<D>(offset, item, "a type must be the marker of a value")),
    }
}

/// The minimum number of bytes of a value of this type. It limits the announced numbers of entries.
const fn least_size(item: Option<u8>) -> usize {
    match item {
        Some(b'Z' | b'N' | b'T' | b'F') => 0,
        Some(b'I' | b'u' | b'h' | b'S' | b'H') => 2,
        Some(b'l' | b'm' | b'd') => 4,
        Some(b'L' | b'M' | b'D') => 8,
        _ => 1,
    }
}

#[cold]
fn uncounted<D: Dialect>(cursor: &UbJsonCursor<'_, D>) -> DecodeError {
    match cursor.peek_byte() {
        Some(_) => malformed(cursor.position, "a type must be followed by a number of entries"),
        None => cursor.truncated(),
    }
}

#[cold]
const fn too_many(offset: usize) -> DecodeError {
    malformed(offset, "too many entries without bytes of their own")
}

#[cold]
const fn malformed(offset: usize, what: &'static str) -> DecodeError {
    DecodeError::Malformed { offset, what }
}
