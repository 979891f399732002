//! Compact JSON. Characters outside of ASCII are not escaped.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::TokenWriter;
use super::string::plain_run;

/// Writes JSON to the end of a buffer.
#[derive(Debug)]
pub struct JsonWriter<'b> {
    out: &'b mut Vec<u8>,
    /// Whether a comma must precede the next value.
    comma: bool,
}

impl<'b> JsonWriter<'b> {
    /// Writes to the end of `out`.
    #[inline]
    pub fn new(out: &'b mut Vec<u8>) -> Self {
        JsonWriter { out, comma: false }
    }

    /// Writes the separator before a value or key.
    #[inline]
    fn separate(&mut self) {
        if self.comma {
            self.out.push(b',');
        }
        self.comma = true;
    }

    #[inline]
    fn raw(&mut self, value: &[u8]) {
        self.separate();
        self.out.extend_from_slice(value);
    }

    #[inline]
    fn begin(&mut self, bracket: u8) {
        self.separate();
        self.out.push(bracket);
        self.comma = false;
    }

    #[inline]
    fn end(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.comma = true;
    }

    #[inline]
    fn string(&mut self, value: &str) {
        self.out.push(b'"');
        let bytes = value.as_bytes();
        let mut position = 0;
        loop {
            let (end, _) = plain_run(bytes, position);
            self.out.extend_from_slice(&bytes[position..end]);
            let Some(&special) = bytes.get(end) else { break };
            self.escape(special);
            position = end + 1;
        }
        self.out.push(b'"');
    }

    fn escape(&mut self, byte: u8) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let letter = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => {
                let digits = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
                self.out.extend_from_slice(b"\\u00");
                return self.out.extend_from_slice(&digits);
            }
        };
        self.out.extend_from_slice(&[b'\\', letter]);
    }
}

impl TokenWriter for JsonWriter<'_> {
    #[inline]
    fn null(&mut self) {
        self.raw(b"null");
    }

    #[inline]
    fn bool(&mut self, value: bool) {
        self.raw(if value { b"true" } else { b"false" });
    }

    #[inline]
    fn unsigned(&mut self, value: u64) {
        self.raw(itoa::Buffer::new().format(value).as_bytes());
    }

    #[inline]
    fn signed(&mut self, value: i64) {
        self.raw(itoa::Buffer::new().format(value).as_bytes());
    }

    fn float(&mut self, value: f64) {
        if value.is_finite() {
            self.raw(zmij::Buffer::new().format_finite(value).as_bytes());
        } else {
            self.null();
        }
    }

    #[inline]
    fn text(&mut self, value: &str) {
        self.separate();
        self.string(value);
    }

    fn binary(&mut self, value: &[u8]) {
        /// A multiple of three bytes, so that pieces have no padding.
        const PIECE: usize = 768;
        self.raw(b"\"\\u0000");
        let mut base64 = [0; PIECE / 3 * 4];
        for piece in value.chunks(PIECE) {
            let length = STANDARD.encode_slice(piece, &mut base64).unwrap_or_default();
            self.out.extend_from_slice(&base64[..length]);
        }
        self.out.push(b'"');
    }

    #[inline]
    fn list_start(&mut self, _entries: usize) {
        self.begin(b'[');
    }

    #[inline]
    fn list_end(&mut self) {
        self.end(b']');
    }

    #[inline]
    fn map_start(&mut self, _entries: usize) {
        self.begin(b'{');
    }

    #[inline]
    fn key(&mut self, key: &str) {
        self.separate();
        self.string(key);
        self.out.push(b':');
        self.comma = false;
    }

    #[inline]
    fn map_end(&mut self) {
        self.end(b'}');
    }

    #[inline]
    fn encoded(&mut self, value: &[u8]) {
        self.raw(value);
    }
}
