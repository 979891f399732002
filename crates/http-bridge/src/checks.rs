//! What a request must fulfil before its body is read, in the order in which it is checked:
//! Content-Type, Content-Length, length, signature, address, TLS, and of what was signed whether it
//! comes for the first time.

use std::time::SystemTime;

use bytes::Bytes;
use cloverleaf_wamp::excerpt::Excerpt;
use compact_str::{CompactString, ToCompactString as _};

use crate::bridge::BodyError;
use crate::denial::{BodyLength, Denial};
use crate::head::{Field, Head, Value};
use crate::replays::Replays;
use crate::request_auth::{check_signed, check_unsigned};
use crate::settings::BridgeSettings;

/// The most characters of a peer's text that an answer repeats; enough to recognize it.
const MAX_REPEATED_CHARS: usize = 100;

/// Checks all but the method and gives the body.
pub(crate) fn accept(
    head: &impl Head,
    body: Result<Bytes, BodyError>,
    settings: &BridgeSettings,
    replays: Option<&Replays>,
    now: SystemTime,
) -> Result<Bytes, Denial> {
    if let Some(value) = single(head, Field::ContentType)? {
        content_type(value)?;
    }
    let body = length(head, body, settings.body_limit())?;
    match &settings.signed_with {
        None => {
            check_unsigned(head.query(), settings, now)?;
            connection(head, settings)?;
        }
        Some(signed_with) => {
            let signed = check_signed(head.query(), &body, signed_with, settings, now)?;
            connection(head, settings)?;
            replays.map_or(Ok(()), |replays| replays.accept(&signed, now))?;
        }
    }
    Ok(body)
}

/// The peer's text as an answer repeats it.
pub(crate) fn repeated(text: &[u8]) -> CompactString {
    let text = String::from_utf8_lossy(text);
    Excerpt::new(&text, MAX_REPEATED_CHARS).to_compact_string()
}

/// The value of a header field that may stand once only.
fn single(head: &impl Head, field: Field) -> Result<Option<&[u8]>, Denial> {
    match head.value(field) {
        Value::Absent => Ok(None),
        Value::Single(value) => Ok(Some(value)),
        Value::Repeated(_) => Err(Denial::RepeatedHeader),
    }
}

/// `application/json`, with parameters of which only the charset UTF-8 means something.
fn content_type(value: &[u8]) -> Result<(), Denial> {
    let mut elements = value.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let media_type = elements.next().unwrap_or_default();
    if !media_type.eq_ignore_ascii_case(b"application/json") {
        let given = repeated(&media_type.to_ascii_lowercase());
        return Err(Denial::ContentType(given));
    }
    parameters(elements)
}

fn parameters<'v>(elements: impl Iterator<Item = &'v [u8]> + Clone) -> Result<(), Denial> {
    let mut rest = elements.filter(|element| !element.is_empty());
    while let Some(element) = rest.next() {
        let (name, value) = parameter(element).ok_or(Denial::Charset)?;
        let is_same = |other| parameter(other).is_some_and(|(o, _)| o.eq_ignore_ascii_case(name));
        let accepted = !name.eq_ignore_ascii_case(b"charset") || is_utf8(value);
        if !accepted || rest.clone().any(is_same) {
            return Err(Denial::Charset);
        }
    }
    Ok(())
}

/// `name=value`, with a value that may be in quotation marks.
fn parameter(element: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = element.iter().position(|&byte| byte == b'=')?;
    let (name, value) = (element[..equals].trim_ascii(), element[equals + 1..].trim_ascii());
    let value = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value);
    (!value.contains(&b'=')).then_some((name, value))
}

fn is_utf8(charset: &[u8]) -> bool {
    charset.eq_ignore_ascii_case(b"utf-8") || charset.eq_ignore_ascii_case(b"utf8")
}

/// The body, if it is as long as announced and not too long.
fn length(
    head: &impl Head,
    body: Result<Bytes, BodyError>,
    accepted: usize,
) -> Result<Bytes, Denial> {
    let announced = single(head, Field::ContentLength)?.map(announced_length).transpose()?;
    let too_long = |length| Denial::TooLong { length, accepted };
    match (body, announced) {
        (Ok(body), Some(announced)) if body.len() as u64 != announced => {
            Err(Denial::LengthDiffers { read: body.len(), announced })
        }
        (Ok(body), _) if body.len() > accepted => {
            Err(too_long(BodyLength::Bytes(body.len() as u64)))
        }
        (Ok(body), _) => Ok(body),
        (Err(BodyError::TooLong), Some(announced)) => Err(too_long(BodyLength::Bytes(announced))),
        (Err(BodyError::TooLong), None) => Err(too_long(BodyLength::Unknown)),
        (Err(BodyError::Incomplete { read }), Some(announced)) => {
            Err(Denial::LengthDiffers { read, announced })
        }
        (Err(BodyError::Incomplete { .. }), None) => Err(Denial::Malformed),
    }
}

fn announced_length(value: &[u8]) -> Result<u64, Denial> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| digits);
    text.and_then(|text| text.parse().ok()).ok_or(Denial::Malformed)
}

/// Whether requests are accepted over this connection.
fn connection(head: &impl Head, settings: &BridgeSettings) -> Result<(), Denial> {
    address(head, settings)?;
    if settings.require_tls && !head.is_tls() { Err(Denial::Malformed) } else { Ok(()) }
}

/// A peer without an address is none of those that are accepted.
fn address(head: &impl Head, settings: &BridgeSettings) -> Result<(), Denial> {
    match &settings.require_ip {
        Some(filter) if !head.peer_ip().is_some_and(|ip| filter.accepts(ip)) => {
            Err(Denial::Address)
        }
        _ => Ok(()),
    }
}
