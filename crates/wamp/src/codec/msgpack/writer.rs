//! Writing MessagePack.

use super::super::TokenWriter;

/// Writes MessagePack to the end of a buffer.
///
/// The format has no lengths of 4 GiB and more. Messages are limited far below.
#[derive(Debug)]
pub struct MsgPackWriter<'b> {
    out: &'b mut Vec<u8>,
}

impl<'b> MsgPackWriter<'b> {
    /// Writes to the end of `out`.
    #[inline]
    pub fn new(out: &'b mut Vec<u8>) -> Self {
        MsgPackWriter { out }
    }

    #[inline]
    fn marked<const N: usize>(&mut self, mark: u8, bytes: [u8; N]) {
        self.out.push(mark);
        self.out.extend_from_slice(&bytes);
    }

    /// A length with the smallest of the markers for 8, 16 and 32 bits. `mark8` is `None` if the
    /// type has no form with 8.
    #[inline]
    fn length(&mut self, length: usize, mark8: Option<u8>, mark16: u8, mark32: u8) {
        if let (Ok(length), Some(mark8)) = (u8::try_from(length), mark8) {
            self.marked(mark8, [length]);
        } else if let Ok(length) = u16::try_from(length) {
            self.marked(mark16, length.to_be_bytes());
        } else {
            let length = u32::try_from(length).unwrap_or(u32::MAX);
            self.marked(mark32, length.to_be_bytes());
        }
    }

    fn negative(&mut self, value: i64) {
        if value >= -32 {
            self.out.push(value.to_be_bytes()[7]);
        } else if let Ok(value) = i8::try_from(value) {
            self.marked(0xd0, value.to_be_bytes());
        } else if let Ok(value) = i16::try_from(value) {
            self.marked(0xd1, value.to_be_bytes());
        } else if let Ok(value) = i32::try_from(value) {
            self.marked(0xd2, value.to_be_bytes());
        } else {
            self.marked(0xd3, value.to_be_bytes());
        }
    }
}

impl TokenWriter for MsgPackWriter<'_> {
    #[inline]
    fn null(&mut self) {
        self.out.push(0xc0);
    }

    #[inline]
    fn bool(&mut self, value: bool) {
        self.out.push(if value { 0xc3 } else { 0xc2 });
    }

    #[inline]
    fn unsigned(&mut self, value: u64) {
        match value {
            0..=0x7f => self.out.push(value.to_be_bytes()[7]),
            0x80..=0xff => self.marked(0xcc, [value.to_be_bytes()[7]]),
            0x100..=0xffff => self.marked(0xcd, (value as u16).to_be_bytes()),
            0x1_0000..=0xffff_ffff => self.marked(0xce, (value as u32).to_be_bytes()),
            _ => self.marked(0xcf, value.to_be_bytes()),
        }
    }

    #[inline]
    fn signed(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.unsigned(value),
            Err(_) => self.negative(value),
        }
    }

    fn float(&mut self, value: f64) {
        self.marked(0xcb, value.to_be_bytes());
    }

    #[inline]
    fn text(&mut self, value: &str) {
        match value.len() {
            length @ 0..=31 => self.out.push(0xa0 | length as u8),
            length => self.length(length, Some(0xd9), 0xda, 0xdb),
        }
        self.out.extend_from_slice(value.as_bytes());
    }

    fn binary(&mut self, value: &[u8]) {
        self.length(value.len(), Some(0xc4), 0xc5, 0xc6);
        self.out.extend_from_slice(value);
    }

    #[inline]
    fn list_start(&mut self, entries: usize) {
        match entries {
            0..=15 => self.out.push(0x90 | entries as u8),
            _ => self.length(entries, None, 0xdc, 0xdd),
        }
    }

    #[inline]
    fn list_end(&mut self) {}

    #[inline]
    fn map_start(&mut self, entries: usize) {
        match entries {
            0..=15 => self.out.push(0x80 | entries as u8),
            _ => self.length(entries, None, 0xde, 0xdf),
        }
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
