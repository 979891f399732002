//! The opening handshake (RFC 6455, section 4): what both sides share.
//!
//! [`server`] judges a request that somebody else has read; [`client`] writes the request and reads
//! the response. A server may agree on an extension elsewhere ([`super::deflate::negotiation`]);
//! the client offers none.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

pub mod client;
pub mod server;

/// The one version there is.
pub const VERSION: &str = "13";

/// What a server appends to a key before hashing it (section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What `Sec-WebSocket-Accept` must say to the `Sec-WebSocket-Key` `key`.
pub fn accept_key(key: &str) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

/// The entries of a comma-separated header, over all its lines, without white space and without
/// empty ones.
fn list<'a>(lines: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    lines
        .flat_map(|line| line.split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty())
}

/// The value of a header that stands once; `None` when it is missing or stands twice.
fn single<'a>(mut lines: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    let line = lines.next()?;
    lines.next().is_none().then(|| line.trim_ascii())
}

/// Whether a byte may stand in a token (RFC 9110, section 5.6.2).
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

/// The text of a header's value, when it is nothing but visible ASCII and spaces.
fn visible(bytes: &[u8]) -> Option<&str> {
    if !bytes.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}
