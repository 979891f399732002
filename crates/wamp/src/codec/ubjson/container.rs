//! What follows the opening bracket of a list or map (draft 12, "Optimized Format").
//!
//! ```text
//! [ … ]              each entry has its marker, a closing bracket ends the list
//! [#<count> …        … so many entries end it
//! [$<type>#<count> … … and none of them has a marker
//! ```

use super::cursor::{Cursor, unexpected};
use super::dialect::Dialect;
use crate::error::DecodeError;

/// The most entries of lists that have one type without a body (`[$Z#…`, null, true or false) in
/// one message. They take no bytes, so that nothing else would bound what a message of twenty bytes
/// becomes in another format; with this, it grows by a third of a megabyte at most.
pub const MAX_BODILESS_ENTRIES: usize = 65_536;

/// [`Frame::left`] where a closing bracket ends the container.
const UNCOUNTED: usize = usize::MAX;

/// A list or map that has begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// How many entries are still to come.
    left: usize,
    /// The type of all values; none where each has its marker.
    pub(super) item: Option<u8>,
    pub(super) map: bool,
    /// Whether the value of a key comes next.
    pub(super) after_key: bool,
}

/// What an opening bracket turns out to begin.
pub(super) enum Opened<'a> {
    Container(Frame),
    Bytes(&'a [u8]),
}

impl Frame {
    /// Reads what follows the opening bracket. `bodiless` is how many entries without a body may
    /// still come.
    #[inline]
    pub(super) fn open<'a, D: Dialect>(
        cursor: &mut Cursor<'a, D>,
        map: bool,
        bodiless: &mut usize,
    ) -> Result<Opened<'a>, DecodeError> {
        let item = if cursor.passes(b'$') { Some(type_of_entries(cursor)?) } else { None };
        if !cursor.passes(b'#') {
            return match item {
                None => Ok(Opened::Container(Self::new(UNCOUNTED, item, map))),
                Some(_) => Err(uncounted(cursor)),
            };
        }
        let offset = cursor.position;
        let count = cursor.length()?;
        match item {
            Some(b'N') if map => Err(malformed(offset, "a map of keys without values")),
            // No-ops are passed over, however many they are.
            Some(b'N') => Ok(Opened::Container(Self::new(0, item, map))),
            Some(byte) if byte == D::BYTE && !map => cursor.bytes(count).map(Opened::Bytes),
            _ => {
                let least = least_size(item) + if map { 2 } else { 0 };
                if least == 0 {
                    *bodiless = bodiless.checked_sub(count).ok_or_else(|| too_many(offset))?;
                } else if count > (cursor.input.len() - cursor.position) / least {
                    return Err(cursor.truncated());
                }
                Ok(Opened::Container(Self::new(count, item, map)))
            }
        }
    }

    #[inline]
    const fn new(left: usize, item: Option<u8>, map: bool) -> Self {
        Self { left, item, map, after_key: false }
    }

    /// The bracket that ends the container, where a bracket does.
    #[inline]
    pub(super) fn end_mark(self) -> Option<u8> {
        match self.left {
            UNCOUNTED => Some(if self.map { b'}' } else { b']' }),
            _ => None,
        }
    }

    /// Whether so many entries have come as were announced.
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
fn type_of_entries<D: Dialect>(cursor: &mut Cursor<'_, D>) -> Result<u8, DecodeError> {
    let offset = cursor.position;
    let [item] = cursor.fixed()?;
    match item {
        b'Z' | b'N' | b'T' | b'F' | b'i' | b'U' | b'I' | b'l' | b'L' | b'd' | b'D' | b'H'
        | b'C' | b'S' | b'[' | b'{' => Ok(item),
        b'u' | b'm' | b'M' | b'h' | b'B' if D::BJDATA => Ok(item),
        _ => Err(unexpected::<D>(offset, item, "a type must be the marker of a value")),
    }
}

/// The bytes that a value of this type takes at least. What follows from it for a number of entries
/// is why no announced number is believed.
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
fn uncounted<D: Dialect>(cursor: &Cursor<'_, D>) -> DecodeError {
    match cursor.ahead() {
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
