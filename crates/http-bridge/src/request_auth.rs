//! Verifies signed requests: the fields in the query string, and the signature over them and the
//! body.
//!
//! `signature` is the URL-safe base64 of HMAC-SHA256 over key, timestamp, seq, nonce and body,
//! concatenated. A signature authenticates the sender; it does not prevent a replay, which
//! [`replays`](crate::replays) does.

use std::borrow::Cow;
use std::time::SystemTime;

use compact_str::format_compact;
use subtle::ConstantTimeEq as _;

use crate::denial::Denial;
use crate::excerpt::excerpt;
use crate::query::SignatureFields;
use crate::settings::BridgeSettings;
use crate::signing_key::SigningKey;
use crate::timestamp::SignatureTimestamp;

/// Maximum length of `seq` or `nonce`, in characters. Crossbar.io uses Python's `int`, which
/// accepts this many digits by default.
const MAX_INTEGER: usize = 4300;

/// The fields that identify a correctly signed request.
#[derive(Debug)]
pub(crate) struct SignedRequest<'q> {
    pub(crate) timestamp: SignatureTimestamp,
    pub(crate) nonce: Cow<'q, [u8]>,
    pub(crate) signature: Cow<'q, [u8]>,
}

/// Checks the fields that are present, if no signature is required.
pub(crate) fn check_unsigned(
    query: &str,
    settings: &BridgeSettings,
    now: SystemTime,
) -> Result<(), Denial> {
    let fields = SignatureFields::parse(query);
    if let Some(timestamp) = &fields.timestamp {
        check_timestamp(timestamp, settings, now)?;
    }
    if let Some(seq) = &fields.seq {
        check_integer("sequence number", seq)?;
    }
    fields.nonce.iter().try_for_each(|nonce| check_integer("nonce", nonce))
}

/// Checks that all fields are present and that the signature is valid.
pub(crate) fn check_signed<'q>(
    query: &'q str,
    body: &[u8],
    signed_with: &SigningKey,
    settings: &BridgeSettings,
    now: SystemTime,
) -> Result<SignedRequest<'q>, Denial> {
    let fields = SignatureFields::parse(query);
    let missing = |text| move || Denial::FieldMissing(text);
    let key = fields.key.ok_or_else(missing("'key' field missing"))?;
    let no_timestamp = "signed request required, but mandatory 'timestamp' field missing";
    let sent_at = fields.timestamp.ok_or_else(missing(no_timestamp))?;
    let timestamp = check_timestamp(&sent_at, settings, now)?;
    let seq = fields.seq.ok_or_else(missing("'seq' field missing"))?;
    check_integer("sequence number", &seq)?;
    let nonce = fields.nonce.ok_or_else(missing("'nonce' field missing"))?;
    check_integer("nonce", &nonce)?;
    let signature = fields.signature.ok_or_else(missing("'signature' field missing"))?;
    if !signed_with.is_named(&key) {
        return Err(Denial::Key);
    }
    let expected = signed_with.sign([&key, &sent_at, &seq, &nonce, body]);
    let is_valid = bool::from(expected.ct_eq(&*signature));
    if is_valid { Ok(SignedRequest { timestamp, nonce, signature }) } else { Err(Denial::Secret) }
}

fn check_timestamp(
    text: &[u8],
    settings: &BridgeSettings,
    now: SystemTime,
) -> Result<SignatureTimestamp, Denial> {
    let Some(timestamp) = SignatureTimestamp::parse(text) else {
        let text = excerpt(text);
        return Err(Denial::FieldInvalid(format_compact!(
            "invalid timestamp '{text}' (must be UTC/ISO-8601, e.g. '2011-10-14T16:59:51.123Z')"
        )));
    };
    let distance = timestamp.distance(now);
    let expired = settings.timestamp_delta_limit.is_some_and(|limit| distance > limit);
    if expired { Err(Denial::Expired) } else { Ok(timestamp) }
}

fn check_integer(name: &str, text: &[u8]) -> Result<(), Denial> {
    if is_integer(text) {
        return Ok(());
    }
    let text = excerpt(text);
    Err(Denial::FieldInvalid(format_compact!("invalid {name} '{text}' (must be an integer)")))
}

/// Whether Python's `int` accepts the text as a decimal integer: surrounding white space, a sign,
/// leading zeros and single underscores between digits are allowed. The value is not used; the
/// signature covers the text as sent.
fn is_integer(text: &[u8]) -> bool {
    if text.len() > MAX_INTEGER {
        return false;
    }
    let is_run = |run: &[u8]| !run.is_empty() && run.iter().all(u8::is_ascii_digit);
    if is_run(text) {
        return true;
    }
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'\x0b';
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    let digits = match &text[start..end] {
        [b'+' | b'-', digits @ ..] => digits,
        digits => digits,
    };
    digits.split(|byte| *byte == b'_').all(is_run)
}
