//! UBJSON, draft 12, and BJData, draft 3: one grammar of markers with two byte orders.
//!
//! Reads everything, including optimized containers (one type for all entries, a number of
//! entries). Writes the smallest form, with containers that end with a bracket; floats always have
//! 64 bits. Bytes are a list whose type is `U`, in BJData `B`. docs/decisions/ubjson.md decides
//! which of the two formats a peer means by the name "ubjson".
//!
//! N-dimensional arrays and structures of arrays of BJData are not supported. Modules: `dialect`
//! (the differences), `cursor` (a position in the input), `container` (the start of lists and
//! maps), `reader`, `writer`.

mod container;
mod cursor;
mod dialect;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use container::MAX_BODILESS_ENTRIES;
pub use dialect::{BigEndian, Dialect, LittleEndian};
pub use reader::DialectReader;
pub use writer::DialectWriter;

/// Reads UBJSON.
pub type UbJsonReader<'a> = DialectReader<'a, BigEndian>;

/// Writes UBJSON.
pub type UbJsonWriter<'b> = DialectWriter<'b, BigEndian>;

/// Reads BJData.
pub type BjDataReader<'a> = DialectReader<'a, LittleEndian>;

/// Writes BJData.
pub type BjDataWriter<'b> = DialectWriter<'b, LittleEndian>;
