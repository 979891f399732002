//! Writing CBOR.

use super::super::TokenWriter;

/// Writes CBOR to the end of a buffer.
#[derive(Debug)]
pub struct CborWriter<'b> {
    out: &'b mut Vec<u8>,
}

impl<'b> CborWriter<'b> {
    /// Writes to the end of `out`.
    #[inline]
    pub fn new(out: &'b mut Vec<u8>) -> Self {
        CborWriter { out }
    }

    /// The shortest head with this major type and argument (RFC 8949 section 4.2.1).
    #[inline]
    fn head(&mut self, major: u8, argument: u64) {
        let major = major << 5;
        match argument {
            0..=23 => self.out.push(major | argument as u8),
            24..=0xff => self.out.extend_from_slice(&[major | 24, argument as u8]),
            0x100..=0xffff => self.wide(major | 25, (argument as u16).to_be_bytes()),
            0x1_0000..=0xffff_ffff => self.wide(major | 26, (argument as u32).to_be_bytes()),
            _ => self.wide(major | 27, argument.to_be_bytes()),
        }
    }

    #[inline]
    fn wide<const N: usize>(&mut self, first: u8, argument: [u8; N]) {
        self.out.push(first);
        self.out.extend_from_slice(&argument);
    }
}

impl TokenWriter for CborWriter<'_> {
    #[inline]
    fn null(&mut self) {
        self.out.push(0xf6);
    }

    #[inline]
    fn bool(&mut self, value: bool) {
        self.out.push(if value { 0xf5 } else { 0xf4 });
    }

    #[inline]
    fn unsigned(&mut self, value: u64) {
        self.head(0, value);
    }

    #[inline]
    fn signed(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.unsigned(value),
            // -1 - value, which in two's complement is all bits turned around.
            Err(_) => self.head(1, (!value).cast_unsigned()),
        }
    }

    fn float(&mut self, value: f64) {
        self.wide(0xfb, value.to_be_bytes());
    }

    #[inline]
    fn text(&mut self, value: &str) {
        self.head(3, value.len() as u64);
        self.out.extend_from_slice(value.as_bytes());
    }

    fn binary(&mut self, value: &[u8]) {
        self.head(2, value.len() as u64);
        self.out.extend_from_slice(value);
    }

    #[inline]
    fn list_start(&mut self, entries: usize) {
        self.head(4, entries as u64);
    }

    #[inline]
    fn list_end(&mut self) {}

    #[inline]
    fn map_start(&mut self, entries: usize) {
        self.head(5, entries as u64);
    }

    #[inline]
    fn key(&mut self, key: &str) {
        self.text(key);
    }

    #[inline]
    fn map_end(&mut self) {}

    #[inline]
    fn encoded(&mut self, value: &[u8]) {
        self.out.extend_from_slice(value);
    }
}
