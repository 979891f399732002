//! The checks before a body is decoded, in this order: Content-Type, Content-Length, length of the
//! body, signature, IP address, TLS, and whether a signed request is a replay.

use std::time::SystemTime;

use bytes::Bytes;

use crate::body_error::BodyError;
use crate::denial::{BodyLength, Denial};
use crate::excerpt::excerpt;
use crate::head::{FieldValue, HeaderField, HttpHead};
use crate::peer::RequestPeer;
use crate::replays::ReplayGuard;
use crate::request_auth::{check_signed, check_unsigned};
use crate::settings::BridgeSettings;

/// Checks everything but the method and returns the body.
pub(crate) fn accept(
    head: &impl HttpHead,
    peer: RequestPeer,
    body: Result<Bytes, BodyError>,
    settings: &BridgeSettings,
    replays: Option<&ReplayGuard>,
    now: SystemTime,
) -> Result<Bytes, Denial> {
    if let Some(value) = single(head, HeaderField::ContentType)? {
        content_type(value)?;
    }
    let body = length(head, body, settings.body_limit())?;
    match &settings.signed_with {
        None => {
            check_unsigned(head.query(), settings, now)?;
            connection(peer, settings)?;
        }
        Some(signed_with) => {
            let signed = check_signed(head.query(), &body, signed_with, settings, now)?;
            connection(peer, settings)?;
            replays.map_or(Ok(()), |replays| replays.accept(&signed, now))?;
        }
    }
    Ok(body)
}

/// The value of a header field that must not be repeated.
fn single(head: &impl HttpHead, field: HeaderField) -> Result<Option<&[u8]>, Denial> {
    match head.value(field) {
        FieldValue::Absent => Ok(None),
        FieldValue::Single(value) => Ok(Some(value)),
        FieldValue::Repeated(_) => Err(Denial::RepeatedHeader),
    }
}

/// Accepts `application/json`. A parameter `charset` must be UTF-8; other parameters are ignored.
fn content_type(value: &[u8]) -> Result<(), Denial> {
    let mut elements = value.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let media_type = elements.next().unwrap_or_default();
    if !media_type.eq_ignore_ascii_case(b"application/json") {
        let given = excerpt(&media_type.to_ascii_lowercase());
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

/// Splits `name=value`, where the value may be quoted.
fn parameter(element: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = element.iter().position(|&byte| byte == b'=')?;
    let (name, value) = (element[..equals].trim_ascii(), element[equals + 1..].trim_ascii());
    let value = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value);
    (!value.contains(&b'=')).then_some((name, value))
}

fn is_utf8(charset: &[u8]) -> bool {
    charset.eq_ignore_ascii_case(b"utf-8") || charset.eq_ignore_ascii_case(b"utf8")
}

/// The body, if its length agrees with Content-Length and with the limit.
fn length(
    head: &impl HttpHead,
    body: Result<Bytes, BodyError>,
    accepted: usize,
) -> Result<Bytes, Denial> {
    let announced = single(head, HeaderField::ContentLength)?.map(announced_length).transpose()?;
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

/// Checks whether the peer may send requests.
fn connection(peer: RequestPeer, settings: &BridgeSettings) -> Result<(), Denial> {
    address(peer, settings)?;
    if settings.require_tls && !peer.is_tls { Err(Denial::Malformed) } else { Ok(()) }
}

/// A filter refuses peers without an IP address.
fn address(peer: RequestPeer, settings: &BridgeSettings) -> Result<(), Denial> {
    match &settings.require_ip {
        Some(filter) if !peer.ip.is_some_and(|ip| filter.accepts(ip)) => Err(Denial::Address),
        _ => Ok(()),
    }
}
