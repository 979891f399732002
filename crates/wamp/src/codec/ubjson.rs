//! UBJSON, draft 12, and BJData, draft 3: one grammar of markers, two orders of bytes.
//!
//! Everything is read, optimized containers included (a type for all entries, a number of them);
//! written is the smallest form of everything, with containers that end with a mark (floats always
//! with 64 bits). Bytes are a list whose type is `U`, in BJData `B`. Which of the two a peer means
//! by the name "ubjson" is decided in docs/decisions/ubjson.md.
//!
//! Not read: N-dimensional arrays and structures of arrays of BJData. The rooms: `dialect` (what
//! differs), `cursor` (a place in the input), `container` (what follows the bracket), `reader`,
//! `writer`.

mod container;
mod cursor;
mod dialect;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use container::MAX_BODILESS_ENTRIES;
pub use dialect::{BigEndian, Dialect, LittleEndian};
pub use reader::Reader;
pub use writer::Writer;

/// Reads UBJSON.
pub type UbJsonReader<'a> = Reader<'a, BigEndian>;

/// Writes UBJSON.
pub type UbJsonWriter<'b> = Writer<'b, BigEndian>;

/// Reads BJData.
pub type BjDataReader<'a> = Reader<'a, LittleEndian>;

/// Writes BJData.
pub type BjDataWriter<'b> = Writer<'b, LittleEndian>;
