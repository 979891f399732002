//! CBOR, RFC 8949. Reads every well-formed item. Writes the shortest form with definite lengths;
//! floats always have 64 bits.
//!
//! Tags are skipped and their content is read, except for bignums, which are numbers. `undefined`
//! reads as null. Undefined simple values are rejected.

mod cursor;
mod number;
mod reader;
mod skip;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use number::half;
pub use reader::CborReader;
pub use writer::CborWriter;
