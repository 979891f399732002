//! Negotiation of permessage-deflate (RFC 7692, sections 5 and 7.1) in the header
//! `Sec-WebSocket-Extensions` (RFC 6455, section 9.1).
//!
//! A client may make several offers, in order of preference. The first acceptable one is accepted.
//! An offer with an unknown, repeated or invalid parameter is declined, like one of another
//! extension, and the connection continues without it. Only a header that is not a list of
//! extensions fails the handshake.

use std::borrow::Cow;
use std::fmt;

use super::{Deflater, Inflater, MemoryLevel, WindowBits};
use crate::websocket::handshake::is_token;
use crate::websocket::handshake::server::HandshakeFault;

/// The extension's name.
const NAME: &[u8] = b"permessage-deflate";

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// The compression settings of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeflateOptions {
    /// Asks clients not to refer to earlier messages.
    pub request_no_context_takeover: bool,
    /// The maximum window of clients. Offers of clients that do not support this request are
    /// declined.
    pub request_max_window_bits: Option<WindowBits>,
    /// The server does not refer to earlier messages, even if its client does not ask for that.
    pub no_context_takeover: bool,
    /// The maximum window of the server.
    pub max_window_bits: Option<WindowBits>,
    /// The memory level of the server.
    pub memory_level: MemoryLevel,
    /// The server compresses messages even if that does not make them shorter.
    pub every_message: bool,
}

/// An accepted offer. Its `Display` output is the value of the response header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeflateAgreement {
    server: SideParameters,
    client: SideParameters,
    memory_level: MemoryLevel,
    every_message: bool,
}

/// The parameters of the messages of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct SideParameters {
    no_context_takeover: bool,
    max_window_bits: Option<WindowBits>,
}

/// Accepts the first acceptable offer, if there is one.
///
/// # Errors
///
/// The header is not a list of extensions, even if that is after the accepted offer
/// ([`HandshakeFault::Extensions`]).
pub fn negotiate<'a>(
    lines: impl Iterator<Item = &'a [u8]>,
    options: &DeflateOptions,
) -> Result<Option<DeflateAgreement>, HandshakeFault> {
    let mut agreement = None;
    for line in lines {
        let mut rest = HeaderRest(line);
        while let Some(offer) = rest.next_extension()? {
            agreement = agreement.or_else(|| offer?.accept(options));
        }
    }
    Ok(agreement)
}

impl DeflateAgreement {
    /// The server's deflater.
    pub fn deflater(&self) -> Deflater {
        let window_bits = self.server.max_window_bits.unwrap_or(WindowBits::MAX);
        let keeps_context = !self.server.no_context_takeover;
        let deflater = Deflater::new(window_bits, keeps_context, self.memory_level);
        if self.every_message { deflater.compressing_every_message() } else { deflater }
    }

    /// Whether context takeover is off: for the server, for the client.
    pub const fn no_context_takeover(&self) -> [bool; 2] {
        [self.server.no_context_takeover, self.client.no_context_takeover]
    }

    /// The window of the server and of the client, including defaults.
    pub fn window_bits(&self) -> [WindowBits; 2] {
        [self.server, self.client].map(|side| side.max_window_bits.unwrap_or(WindowBits::MAX))
    }

    /// The memory level of the server's deflater.
    pub const fn memory_level(&self) -> MemoryLevel {
        self.memory_level
    }

    /// The server's inflater.
    pub const fn inflater(&self) -> Inflater {
        Inflater::new(!self.client.no_context_takeover)
    }
}

impl fmt::Display for DeflateAgreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("permessage-deflate")?;
        for (is_agreed, name) in [
            (self.server.no_context_takeover, SERVER_NO_CONTEXT_TAKEOVER),
            (self.client.no_context_takeover, CLIENT_NO_CONTEXT_TAKEOVER),
        ] {
            if is_agreed {
                write!(f, "; {name}")?;
            }
        }
        for (bits, name) in [
            (self.server.max_window_bits, SERVER_MAX_WINDOW_BITS),
            (self.client.max_window_bits, CLIENT_MAX_WINDOW_BITS),
        ] {
            if let Some(bits) = bits {
                write!(f, "; {name}={bits}")?;
            }
        }
        Ok(())
    }
}

/// A client's offer of permessage-deflate with its parameters.
#[derive(Default)]
struct Offer {
    server_no_context_takeover: Option<()>,
    /// A hint that is not needed: the server may ask any client for it.
    client_no_context_takeover: Option<()>,
    server_max_window_bits: Option<WindowBits>,
    client_max_window_bits: Option<WindowBits>,
}

impl Offer {
    /// Adds a parameter. `None` if the offer must be declined because of it (section 7.1).
    fn with(mut self, name: &[u8], value: Option<&[u8]>) -> Option<Self> {
        let name = std::str::from_utf8(name).ok()?;
        let was_there = match (name, value) {
            (SERVER_NO_CONTEXT_TAKEOVER, None) => {
                self.server_no_context_takeover.replace(()).is_some()
            }
            (CLIENT_NO_CONTEXT_TAKEOVER, None) => {
                self.client_no_context_takeover.replace(()).is_some()
            }
            (SERVER_MAX_WINDOW_BITS, Some(value)) => {
                self.server_max_window_bits.replace(window_bits(value)?).is_some()
            }
            // Without a value it only means that the server may ask for a window.
            (CLIENT_MAX_WINDOW_BITS, value) => {
                let bits = value.map_or(Some(WindowBits::MAX), window_bits)?;
                self.client_max_window_bits.replace(bits).is_some()
            }
            _ => return None,
        };
        (!was_there).then_some(self)
    }

    fn accept(self, options: &DeflateOptions) -> Option<DeflateAgreement> {
        let client_max_window_bits = match options.request_max_window_bits {
            Some(requested) => Some(requested.min(self.client_max_window_bits?)),
            None => None,
        };
        let server_max_window_bits =
            [self.server_max_window_bits, options.max_window_bits].into_iter().flatten().min();
        let asked = self.server_no_context_takeover.is_some();
        Some(DeflateAgreement {
            server: SideParameters {
                no_context_takeover: asked || options.no_context_takeover,
                max_window_bits: server_max_window_bits,
            },
            client: SideParameters {
                no_context_takeover: options.request_no_context_takeover,
                max_window_bits: client_max_window_bits,
            },
            memory_level: options.memory_level,
            every_message: options.every_message,
        })
    }
}

/// A number from 8 to 15 without leading zeros (section 7.1.2).
fn window_bits(value: &[u8]) -> Option<WindowBits> {
    match value {
        [b'1', digit @ b'0'..=b'5'] => WindowBits::new(10 + (digit - b'0')),
        [digit @ b'8'..=b'9'] => WindowBits::new(digit - b'0'),
        _ => None,
    }
}

/// The rest of a header line.
struct HeaderRest<'a>(&'a [u8]);

impl<'a> HeaderRest<'a> {
    /// The next entry of the list: an offer of this extension, or `Some(None)` for one to decline.
    /// `None` at the end.
    fn next_extension(&mut self) -> Result<Option<Option<Offer>>, HandshakeFault> {
        // Entries may be empty (RFC 9110, section 5.6.1).
        while self.takes(b',') {}
        if self.0.is_empty() {
            return Ok(None);
        }
        let mut offer = (self.token()? == NAME).then(Offer::default);
        while self.takes(b';') {
            let name = self.token()?;
            let value = if self.takes(b'=') { Some(self.value()?) } else { None };
            offer = offer.and_then(|offer| offer.with(name, value.as_deref()));
        }
        if self.0.is_empty() || self.takes(b',') {
            Ok(Some(offer))
        } else {
            Err(HandshakeFault::Extensions)
        }
    }

    /// Skips this byte and white space around it. Returns whether it was there.
    fn takes(&mut self, byte: u8) -> bool {
        self.0 = self.0.trim_ascii_start();
        let Some((first, rest)) = self.0.split_first() else { return false };
        if *first == byte {
            self.0 = rest.trim_ascii_start();
        }
        *first == byte
    }

    fn token(&mut self) -> Result<&'a [u8], HandshakeFault> {
        let end = self.0.iter().position(|byte| !is_token(byte)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest.trim_ascii_start();
        if token.is_empty() { Err(HandshakeFault::Extensions) } else { Ok(token) }
    }

    /// A token, or a quoted string that contains one (RFC 6455, section 9.1).
    fn value(&mut self) -> Result<Cow<'a, [u8]>, HandshakeFault> {
        let Some(mut rest) = self.0.strip_prefix(b"\"") else { return self.token().map(Cow::from) };
        let mut value = Vec::new();
        loop {
            rest = match rest {
                [b'"', rest @ ..] if !value.is_empty() => {
                    self.0 = rest.trim_ascii_start();
                    return Ok(Cow::from(value));
                }
                [b'\\', byte, rest @ ..] | [byte, rest @ ..] if is_token(byte) => {
                    value.push(*byte);
                    rest
                }
                _ => return Err(HandshakeFault::Extensions),
            };
        }
    }
}
