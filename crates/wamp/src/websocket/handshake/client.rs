//! The client's side (RFC 6455, section 4.1): the request, and the response to it.
//!
//! Doesn't follow redirects and doesn't authenticate: whatever is not 101 is a fault that says what
//! the server answered.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::{VERSION, accept_key, list, single, visible};

/// The longest head of a response, in bytes. Far above what a server says to an upgrade, cookies
/// included, and little enough to be kept for every connection that opens.
pub const MAX_RESPONSE_HEAD: usize = 16 * 1024;

/// The most header lines of a response; what the parser keeps on the stack.
const MAX_HEADERS: usize = 64;

/// An opening handshake that a client sends.
#[derive(Debug, Clone, Copy)]
pub struct UpgradeRequest<'a> {
    /// The host, with the port unless it is the scheme's own.
    pub host: &'a str,
    /// Path and query, beginning with `/`.
    pub path: &'a str,
    /// 16 bytes from a random source, fresh for each connection.
    pub key: [u8; 16],
    /// The subprotocols the client speaks, best first.
    pub subprotocols: &'a [&'a str],
    /// Further headers, name and value, as `Origin`.
    pub headers: &'a [(&'a str, &'a str)],
}

/// A server's consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpgradeResponse<'a> {
    /// Bytes of the head; frames follow at once.
    pub consumed: usize,
    /// The subprotocol the server chose among those offered.
    pub subprotocol: Option<&'a str>,
}

/// A request that can't be written: a part has characters that would end it, or begin another.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{part} can't stand in a WebSocket handshake: {value:?}")]
pub struct InvalidRequest {
    /// Which part.
    pub part: &'static str,
    /// What it was to be.
    pub value: String,
}

/// Why a response does not open a connection.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResponseFault {
    /// No HTTP/1.1 response.
    #[error("the server's answer is no HTTP/1.1 response: {0}")]
    NotHttp(String),
    /// A head longer than [`MAX_RESPONSE_HEAD`].
    #[error("the head of the server's answer exceeds {MAX_RESPONSE_HEAD} bytes")]
    TooLong,
    /// Another status than 101.
    #[error("the server refuses the WebSocket handshake: {code} {reason}")]
    Refused {
        /// The status.
        code: u16,
        /// The server's word for it.
        reason: String,
    },
    /// A header is missing or says something else than it must.
    #[error("the server's answer must have the header '{0}'")]
    Header(&'static str),
    /// The answer to another key: not a WebSocket server, or a cache between.
    #[error("the server's Sec-WebSocket-Accept does not answer the key that was sent")]
    AcceptKey,
    /// A subprotocol that was not offered.
    #[error("the server chose a subprotocol that was not offered: {0:?}")]
    Subprotocol(String),
    /// An extension; none is offered.
    #[error("the server chose an extension, but none was offered")]
    Extension,
}

impl<'a> UpgradeRequest<'a> {
    /// The bytes of the request.
    ///
    /// # Errors
    ///
    /// A part that has no place in a head, such as a path with a space or line end.
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

    /// Reads the response at the start of `bytes`; `None` when more bytes are needed.
    ///
    /// # Errors
    ///
    /// Whatever makes it no consent to this request (section 4.1, the numbered list at its end).
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

/// The values of a header, one for each line it stands on.
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

/// Visible ASCII without a space: what a path or a host may be.
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
