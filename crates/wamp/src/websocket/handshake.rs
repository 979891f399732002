//! The opening handshake (RFC 6455, section 4): the parts of both sides.
//!
//! [`server`] checks a parsed request. [`client`] writes the request and reads the response. A
//! server negotiates extensions in [`super::deflate::negotiation`]; the client offers none.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

pub mod client;
pub mod server;

/// The protocol version.
pub const VERSION: &str = "13";

/// The suffix of a key before it is hashed (section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The value of `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key`.
pub fn accept_key(key: &str) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

/// The non-empty entries of a comma-separated header, over all its lines, trimmed.
fn list<'a>(lines: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    lines
        .flat_map(|line| line.split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty())
}

/// The value of a header that occurs once. `None` if it is absent or repeated.
fn single<'a>(mut lines: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    let line = lines.next()?;
    lines.next().is_none().then(|| line.trim_ascii())
}

/// Whether a byte is allowed in a token (RFC 9110, section 5.6.2).
pub(super) fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

/// The text of a token (RFC 9110, section 5.6.2).
fn token(bytes: &[u8]) -> Option<&str> {
    if bytes.is_empty() || !bytes.iter().all(is_token) {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}

/// The text of a header value that consists of visible ASCII and spaces.
fn visible(bytes: &[u8]) -> Option<&str> {
    if !bytes.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}
