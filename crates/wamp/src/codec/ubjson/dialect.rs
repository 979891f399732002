//! The differences of UBJSON and BJData, as types.

use std::fmt::Debug;

/// UBJSON or BJData.
pub trait Dialect: Debug {
    /// Whether this is BJData: little-endian, with unsigned and half-precision numbers (`u`, `m`,
    /// `M`, `h`), bytes (`B`), and floats that are not finite.
    const BJDATA: bool;

    /// The type of a list that represents bytes.
    const BYTE: u8;
}

/// UBJSON: "all numeric values be written in Big-Endian order" (draft 12, "Data Format").
#[derive(Debug)]
pub enum BigEndian {}

impl Dialect for BigEndian {
    const BJDATA: bool = false;
    const BYTE: u8 = b'U';
}

/// BJData: "all numeric values must be written in the Little-Endian order" (draft 3, "Format
/// overview").
#[derive(Debug)]
pub enum LittleEndian {}

impl Dialect for LittleEndian {
    const BJDATA: bool = true;
    const BYTE: u8 = b'B';
}
