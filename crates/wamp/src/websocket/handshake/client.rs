//! The client side (RFC 6455, section 4.1): request and response.
//!
//! Does not follow redirects and does not authenticate: every status but 101 is a fault with the
//! answer of the server.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::{VERSION, accept_key, list, single, visible};

/// The maximum head of a response, in bytes. Far above a usual response with cookies, and small
/// enough to be buffered for every opening connection.
pub const MAX_RESPONSE_HEAD: usize = 16 * 1024;

/// The maximum number of header lines of a response, which the parser keeps on the stack.
const MAX_HEADERS: usize = 64;

/// The opening handshake of a client.
#[derive(Debug, Clone, Copy)]
pub struct UpgradeRequest<'a> {
    /// The host. With a port, unless it is the default of the scheme.
    pub host: &'a str,
    /// Path and query, beginning with `/`.
    pub path: &'a str,
    /// 16 bytes from a random source, fresh for each connection.
    pub key: [u8; 16],
    /// The subprotocols of the client, in order of preference.
    pub subprotocols: &'a [&'a str],
    /// Additional headers such as `Origin`, name and value.
    pub headers: &'a [(&'a str, &'a str)],
}

/// The response of a server that accepts the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpgradeResponse<'a> {
    /// The length of the head, in bytes. Frames follow it.
    pub consumed: usize,
    /// The subprotocol that the server selected among those offered.
    pub subprotocol: Option<&'a str>,
}

/// A request cannot be written, because a part of it contains characters that would end it or begin
/// another part.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{part} can't stand in a WebSocket handshake: {value:?}")]
pub struct InvalidRequest {
    /// The part.
    pub part: &'static str,
    /// Its value.
    pub value: String,
}

/// Errors of a response.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResponseFault {
    /// The answer is no HTTP/1.1 response.
    #[error("the server's answer is no HTTP/1.1 response: {0}")]
    NotHttp(String),
    /// The head exceeds [`MAX_RESPONSE_HEAD`].
    #[error("the head of the server's answer exceeds {MAX_RESPONSE_HEAD} bytes")]
    TooLong,
    /// The status is not 101.
    #[error("the server refuses the WebSocket handshake: {code} {reason}")]
    Refused {
        /// The status.
        code: u16,
        /// The reason phrase.
        reason: String,
    },
    /// A header is missing or has a wrong value.
    #[error("the server's answer must have the header '{0}'")]
    Header(&'static str),
    /// The answer is for another key: the server speaks no WebSocket, or a cache answered.
    #[error("the server's Sec-WebSocket-Accept does not answer the key that was sent")]
    AcceptKey,
    /// The server selected a subprotocol that was not offered.
    #[error("the server chose a subprotocol that was not offered: {0:?}")]
    Subprotocol(String),
    /// The server selected an extension. The client offers none.
    #[error("the server chose an extension, but none was offered")]
    Extension,
}

impl<'a> UpgradeRequest<'a> {
    /// Encodes the request.
    ///
    /// # Errors
    ///
    /// A part contains characters that are not allowed in a head, such as a path with a space or
    /// line end.
    pub fn encode(&self) -> Result<Vec<u8>, InvalidRequest> {
        let mut out = String::new();
        let line = |out: &mut String, name: &str, value: &str| {
            out.extend([name, ": ", value, "\r\n"]);
        };
        let path = checked("the path", self.path, is_target)?;
        out.extend(["GET ", path, " HTTP/1.1\r\n"]);
        line(&mut out, "Host", checked("the host", self.host, is_target)?);
        line(&mut out, "Upgrade", "websocket");
        line(&mut out, "Connection", "Upgrade");
        line(&mut out, "Sec-WebSocket-Key", &self.encoded_key());
        line(&mut out, "Sec-WebSocket-Version", VERSION);
        for subprotocol in self.subprotocols {
            checked("a subprotocol", subprotocol, is_token)?;
        }
        if !self.subprotocols.is_empty() {
            line(&mut out, "Sec-WebSocket-Protocol", &self.subprotocols.join(", "));
        }
        for (name, value) in self.headers {
            let name = checked("a header's name", name, is_token)?;
            line(&mut out, name, checked("a header's value", value, is_value)?);
        }
        out.push_str("\r\n");
        Ok(out.into_bytes())
    }

    /// Parses the response at the start of `bytes`. `None` if more bytes are needed.
    ///
    /// # Errors
    ///
    /// The response does not accept this request (section 4.1, the numbered list at its end).
    pub fn read_response(
        &self,
        bytes: &[u8],
    ) -> Result<Option<UpgradeResponse<'a>>, ResponseFault> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let head = &bytes[..bytes.len().min(MAX_RESPONSE_HEAD)];
        let consumed = match response.parse(head) {
            Ok(httparse::Status::Complete(consumed)) => consumed,
            Ok(httparse::Status::Partial) if bytes.len() < MAX_RESPONSE_HEAD => return Ok(None),
            Ok(httparse::Status::Partial) => return Err(ResponseFault::TooLong),
            Err(error) => return Err(ResponseFault::NotHttp(error.to_string())),
        };
        self.check(&response)?;
        let subprotocol = self.chosen_subprotocol(&response)?;
        Ok(Some(UpgradeResponse { consumed, subprotocol }))
    }

    fn encoded_key(&self) -> String {
        STANDARD.encode(self.key)
    }

    fn check(&self, response: &httparse::Response<'_, '_>) -> Result<(), ResponseFault> {
        if response.version != Some(1) {
            return Err(ResponseFault::NotHttp("its version is not 1.1".to_owned()));
        }
        if response.code != Some(101) {
            let reason = response.reason.unwrap_or_default().to_owned();
            return Err(ResponseFault::Refused { code: response.code.unwrap_or_default(), reason });
        }
        let upgrade = single(values(response, "Upgrade")).unwrap_or_default();
        if !upgrade.eq_ignore_ascii_case(b"websocket") {
            return Err(ResponseFault::Header("Upgrade: websocket"));
        }
        let mut connection = list(values(response, "Connection"));
        if !connection.any(|entry| entry.eq_ignore_ascii_case(b"upgrade")) {
            return Err(ResponseFault::Header("Connection: Upgrade"));
        }
        let accept = single(values(response, "Sec-WebSocket-Accept"))
            .ok_or(ResponseFault::Header("Sec-WebSocket-Accept"))?;
        if accept != accept_key(&self.encoded_key()).as_bytes() {
            return Err(ResponseFault::AcceptKey);
        }
        match list(values(response, "Sec-WebSocket-Extensions")).next() {
            Some(_) => Err(ResponseFault::Extension),
            None => Ok(()),
        }
    }

    fn chosen_subprotocol(
        &self,
        response: &httparse::Response<'_, '_>,
    ) -> Result<Option<&'a str>, ResponseFault> {
        let mut lines = values(response, "Sec-WebSocket-Protocol");
        let Some(chosen) = lines.next() else { return Ok(None) };
        let chosen = chosen.trim_ascii();
        let offered = self.subprotocols.iter().find(|offered| offered.as_bytes() == chosen);
        match (offered, lines.next()) {
            (Some(offered), None) => Ok(Some(offered)),
            _ => Err(ResponseFault::Subprotocol(String::from_utf8_lossy(chosen).into_owned())),
        }
    }
}

/// The values of a header, one per line.
fn values<'b>(
    response: &'b httparse::Response<'_, '_>,
    name: &'static str,
) -> impl Iterator<Item = &'b [u8]> {
    response
        .headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value)
}

fn checked<'v>(
    part: &'static str,
    value: &'v str,
    is_valid: impl FnOnce(&str) -> bool,
) -> Result<&'v str, InvalidRequest> {
    if is_valid(value) {
        return Ok(value);
    }
    Err(InvalidRequest { part, value: value.to_owned() })
}

/// Whether the text is visible ASCII without a space, as a path or host must be.
fn is_target(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_token(text: &str) -> bool {
    super::token(text.as_bytes()).is_some()
}

fn is_value(text: &str) -> bool {
    visible(text.as_bytes()).is_some()
}

#[cfg(test)]
mod tests;
