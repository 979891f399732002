//! permessage-deflate (RFC 7692): compression, decompression and negotiation.
//!
//! | module | purpose |
//! |---|---|
//! | [`negotiation`] | the offers of a client and the answer of a server |
//! | [`deflater`] | compresses messages |
//! | [`inflater`] | decompresses messages piece by piece |
//!
//! The first frame of a message shows whether it is compressed ([`super::frame`]). The receiver
//! gives the inflater its limit.

use std::fmt;

pub mod deflater;
pub mod inflater;
pub mod negotiation;

pub use deflater::Deflater;
pub use inflater::Inflater;
pub use negotiation::{DeflateAgreement, DeflateOptions};

/// The end of each compressed message, which is not sent (RFC 7692, sections 7.2.1 and 7.2.2): the
/// empty stored block of a flush without its first bits.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// The LZ77 window of a compressed message: the logarithm of its size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 256 bytes.
    pub const MIN: Self = Self(8);
    /// 32 KiB, the default.
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

/// The memory of a deflater beside its window, 1 to 9 (zlib's `memLevel`).
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
    /// zlib's default.
    fn default() -> Self {
        Self(8)
    }
}

#[cfg(test)]
mod tests;
