//! permessage-deflate (RFC 7692): messages made smaller, made whole again, and what both sides
//! agree on before.
//!
//! | room | what it is for |
//! |---|---|
//! | [`negotiation`] | offers of a client, the answer of a server |
//! | [`deflater`] | a message to its compressed form |
//! | [`inflater`] | the compressed form, piece by piece, to the message |
//!
//! Where a compressed message begins is said by its first frame ([`super::frame`]); what it may
//! grow to is the receiver's business, which gives the inflater its limit.

use std::fmt;

pub mod deflater;
pub mod inflater;
pub mod negotiation;

pub use deflater::Deflater;
pub use inflater::Inflater;
pub use negotiation::{DeflateAgreement, DeflateOptions};

/// What ends each compressed message and is not sent (RFC 7692, sections 7.2.1 and 7.2.2): the
/// empty stored block of a flush, without its first bits.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// How far back a compressed message may refer, as the logarithm of the distance in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 256 bytes.
    pub const MIN: Self = Self(8);
    /// 32 KiB; what holds unless something else is agreed on.
    pub const MAX: Self = Self(15);

    /// The window with this logarithm, 8 to 15.
    pub fn new(bits: u8) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&bits).then_some(Self(bits))
    }

    /// The logarithm.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How much memory a deflater takes beside its window, 1 to 9 (zlib's `memLevel`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MemoryLevel(u8);

impl MemoryLevel {
    /// The memory level of this number, 1 to 9.
    pub fn new(level: u8) -> Option<Self> {
        (1..=9).contains(&level).then_some(Self(level))
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for MemoryLevel {
    /// zlib's own.
    fn default() -> Self {
        Self(8)
    }
}

#[cfg(test)]
mod tests;
