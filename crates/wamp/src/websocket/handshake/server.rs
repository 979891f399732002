//! The server side (RFC 6455, section 4.2): checks whether an HTTP request may become a WebSocket
//! connection.
//!
//! Independent of HTTP libraries. The caller decides about the origin, the subprotocol and
//! extensions ([`super::super::deflate::negotiation`]).

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, PAD};
use thiserror::Error;

use super::{VERSION, accept_key, list, single, token, visible};

/// Accepts keys whose last character has unused bits: some clients choose 22 random characters, and
/// the RFC requires only 16 bytes.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, PAD.with_decode_allow_trailing_bits(true));

/// The head of an HTTP request, as far as the handshake needs it.
pub trait UpgradeHead {
    /// The method, such as `GET`.
    fn method(&self) -> &str;

    /// Whether the version is HTTP/1.1, which allows an upgrade.
    fn is_http_1_1(&self) -> bool;

    /// The values of a header, one per line. Names are compared without regard to case.
    fn header<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]>;
}

/// A valid request, which can be answered with 101.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedUpgrade<'a> {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept_key: String,
    /// The offered subprotocols, in order of preference. The answer selects one of them or none.
    pub subprotocols: Vec<&'a str>,
    /// The origin of the page that opens the connection. Browsers always send it.
    pub origin: Option<&'a str>,
}

/// Errors of an opening handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HandshakeFault {
    /// The method is not GET.
    #[error("a WebSocket handshake is a GET request")]
    Method,
    /// The version is not HTTP/1.1.
    #[error("a WebSocket handshake takes HTTP/1.1")]
    HttpVersion,
    /// `Host` is missing or repeated.
    #[error("a request takes one Host header")]
    Host,
    /// `Upgrade: websocket` is missing. Most likely an ordinary request.
    #[error("this is a WebSocket endpoint: the request must have the header 'Upgrade: websocket'")]
    Upgrade,
    /// `Connection: Upgrade` is missing.
    #[error("a WebSocket handshake takes the header 'Connection: Upgrade'")]
    Connection,
    /// The WebSocket version is missing or not supported.
    #[error("this server speaks version {VERSION} of the WebSocket protocol alone")]
    Version,
    /// `Sec-WebSocket-Key` is not the base64 of 16 bytes.
    #[error("Sec-WebSocket-Key must stand once, with 16 bytes in base64")]
    Key,
    /// `Sec-WebSocket-Protocol` is not a list of tokens.
    #[error("Sec-WebSocket-Protocol must be a list of tokens")]
    Subprotocol,
    /// `Sec-WebSocket-Extensions` is not a list of extensions (detected when one is negotiated).
    #[error("Sec-WebSocket-Extensions must be a list of extensions")]
    Extensions,
    /// `Origin` is repeated or not ASCII.
    #[error("Origin must stand once at most, in ASCII")]
    Origin,
}

impl HandshakeFault {
    /// The status of the HTTP response.
    pub fn status(self) -> u16 {
        match self {
            Self::Method => 405,
            Self::HttpVersion => 505,
            Self::Upgrade | Self::Version => 426,
            Self::Host
            | Self::Connection
            | Self::Key
            | Self::Subprotocol
            | Self::Extensions
            | Self::Origin => 400,
        }
    }

    /// The header that the response must have: name and value.
    pub fn header(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Method => Some(("Allow", "GET")),
            Self::Upgrade => Some(("Upgrade", "websocket")),
            Self::Version => Some(("Sec-WebSocket-Version", VERSION)),
            Self::HttpVersion
            | Self::Host
            | Self::Connection
            | Self::Key
            | Self::Subprotocol
            | Self::Extensions
            | Self::Origin => None,
        }
    }
}

/// Checks an opening handshake (section 4.2.1).
///
/// # Errors
///
/// The first fault, in the order of [`HandshakeFault`].
pub fn accept(head: &impl UpgradeHead) -> Result<AcceptedUpgrade<'_>, HandshakeFault> {
    if head.method() != "GET" {
        return Err(HandshakeFault::Method);
    }
    if !head.is_http_1_1() {
        return Err(HandshakeFault::HttpVersion);
    }
    if single(head.header("host")).is_none_or(<[u8]>::is_empty) {
        return Err(HandshakeFault::Host);
    }
    if !lists(head, "upgrade", "websocket") {
        return Err(HandshakeFault::Upgrade);
    }
    if !lists(head, "connection", "upgrade") {
        return Err(HandshakeFault::Connection);
    }
    if single(head.header("sec-websocket-version")) != Some(VERSION.as_bytes()) {
        return Err(HandshakeFault::Version);
    }
    let key = key(head).ok_or(HandshakeFault::Key)?;
    let subprotocols = subprotocols(head)?;
    let origin = origin(head)?;
    Ok(AcceptedUpgrade { accept_key: accept_key(key), subprotocols, origin })
}

fn lists(head: &impl UpgradeHead, name: &'static str, entry: &str) -> bool {
    list(head.header(name)).any(|found| found.eq_ignore_ascii_case(entry.as_bytes()))
}

fn key(head: &impl UpgradeHead) -> Option<&str> {
    let key = visible(single(head.header("sec-websocket-key"))?)?;
    (LENIENT.decode(key).ok()?.len() == 16).then_some(key)
}

fn subprotocols(head: &impl UpgradeHead) -> Result<Vec<&str>, HandshakeFault> {
    list(head.header("sec-websocket-protocol"))
        .map(|entry| token(entry).ok_or(HandshakeFault::Subprotocol))
        .collect()
}

fn origin(head: &impl UpgradeHead) -> Result<Option<&str>, HandshakeFault> {
    if head.header("origin").next().is_none() {
        return Ok(None);
    }
    single(head.header("origin")).and_then(visible).map(Some).ok_or(HandshakeFault::Origin)
}

#[cfg(test)]
mod tests;
