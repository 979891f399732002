//! Writing UBJSON.

use std::marker::PhantomData;

use super::super::TokenWriter;
use super::dialect::Dialect;

/// Writes UBJSON or BJData to the end of a buffer.
#[derive(Debug)]
pub struct DialectWriter<'b, D> {
    out: &'b mut Vec<u8>,
    dialect: PhantomData<D>,
}

impl<'b, D: Dialect> DialectWriter<'b, D> {
    /// Writes to the end of `out`.
    #[inline]
    pub fn new(out: &'b mut Vec<u8>) -> Self {
        DialectWriter { out, dialect: PhantomData }
    }

    /// A marker and the bytes of a number, given in big-endian order.
    #[inline]
    fn marked<const N: usize>(&mut self, marker: u8, mut bytes: [u8; N]) {
        if D::BJDATA {
            bytes.reverse();
        }
        self.out.push(marker);
        self.out.extend_from_slice(&bytes);
    }

    /// An integer in the smallest signed type.
    #[inline]
    fn with_sign(&mut self, value: i64) {
        if let Ok(value) = i8::try_from(value) {
            self.marked(b'i', value.to_be_bytes());
        } else if let Ok(value) = i16::try_from(value) {
            self.marked(b'I', value.to_be_bytes());
        } else if let Ok(value) = i32::try_from(value) {
            self.marked(b'l', value.to_be_bytes());
        } else {
            self.marked(b'L', value.to_be_bytes());
        }
    }

    /// UBJSON writes integers beyond `i64` in decimal digits.
    #[cold]
    fn high_precision(&mut self, value: u64) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(value);
        self.out.push(b'H');
        self.raw_text(digits);
    }

    /// Text without a marker.
    #[inline]
    fn raw_text(&mut self, text: &str) {
        self.unsigned(text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }
}

impl<D: Dialect> TokenWriter for DialectWriter<'_, D> {
    #[inline]
    fn null(&mut self) {
        self.out.push(b'Z');
    }

    #[inline]
    fn bool(&mut self, value: bool) {
        self.out.push(if value { b'T' } else { b'F' });
    }

    #[inline]
    fn unsigned(&mut self, value: u64) {
        match value {
            0..=0xff => self.marked(b'U', [value as u8]),
            0x100..=0xffff if D::BJDATA => self.marked(b'u', (value as u16).to_be_bytes()),
            0x1_0000..=0xffff_ffff if D::BJDATA => {
                self.marked(b'm', (value as u32).to_be_bytes());
            }
            _ if D::BJDATA => self.marked(b'M', value.to_be_bytes()),
            _ => match i64::try_from(value) {
                Ok(value) => self.with_sign(value),
                Err(_) => self.high_precision(value),
            },
        }
    }

    #[inline]
    fn signed(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.unsigned(value),
            Err(_) => self.with_sign(value),
        }
    }

    fn float(&mut self, value: f64) {
        if D::BJDATA || value.is_finite() {
            self.marked(b'D', value.to_be_bytes());
        } else {
            // Draft 12, "Numeric": infinity and NaN are null in all cases.
            self.null();
        }
    }

    #[inline]
    fn text(&mut self, value: &str) {
        if let [character] = value.as_bytes() {
            self.out.extend_from_slice(&[b'C', *character]);
        } else {
            self.out.push(b'S');
            self.raw_text(value);
        }
    }

    fn binary(&mut self, value: &[u8]) {
        self.out.extend_from_slice(&[b'[', b'$', D::BYTE, b'#']);
        self.unsigned(value.len() as u64);
        self.out.extend_from_slice(value);
    }

    #[inline]
    fn list_start(&mut self, _entries: usize) {
        self.out.push(b'[');
    }

    #[inline]
    fn list_end(&mut self) {
        self.out.push(b']');
    }

    #[inline]
    fn map_start(&mut self, _entries: usize) {
        self.out.push(b'{');
    }

    #[inline]
    fn key(&mut self, key: &str) {
        self.raw_text(key);
    }

    #[inline]
    fn map_end(&mut self) {
        self.out.push(b'}');
    }

    #[inline]
    fn encoded(&mut self, value: &[u8]) {
        self.out.extend_from_slice(value);
    }
}
