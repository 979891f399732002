//! Range requests, where `ServeDir` differs from RFC 9110 (sections 13.1.5, 14.1 and 14.2).

use hyper::header::{CONTENT_RANGE, ETAG, HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE};
use hyper::{HeaderMap, Method, Request, Response};

const UNIT: &str = "bytes";
const WHOLE_FILE: HeaderValue = HeaderValue::from_static("bytes=0-");

/// The decision on the first response to a request for a part of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RangeVerdict {
    /// Sends it.
    Final,
    /// Asks again, with this `Range`.
    Again(Option<HeaderValue>),
}

/// The `Range` to serve a request with. None where it does not apply: methods other than GET, and
/// units other than bytes.
pub(super) fn understood<B>(request: &Request<B>) -> Option<HeaderValue> {
    let range = request.headers().get(RANGE).filter(|_| *request.method() == Method::GET)?;
    let (unit, set) = range.to_str().ok()?.split_once('=')?;
    if !unit.eq_ignore_ascii_case(UNIT) {
        return None;
    }
    let set = canonical(set).unwrap_or_else(|| set.to_owned());
    HeaderValue::from_str(&format!("{UNIT}={set}")).ok()
}

/// A range without leading zeros and with numbers of at most 64 bits. None if it is another kind of
/// range set.
fn canonical(set: &str) -> Option<String> {
    let (first, last) = set.split_once('-')?;
    Some(format!("{}-{}", number(first)?, number(last)?))
}

/// Larger numbers than `u64::MAX` are that number, which is larger than every file.
fn number(digits: &str) -> Option<String> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.is_empty() {
        return Some(String::new());
    }
    Some(digits.parse().unwrap_or(u64::MAX).to_string())
}

/// Judges the answer to a request for `range`, which came from [`understood`].
pub(super) fn judge<B>(
    conditions: &HeaderMap,
    range: &HeaderValue,
    response: &Response<B>,
) -> RangeVerdict {
    let headers = response.headers();
    // Only answers about a range, 206 and 416, have it.
    let Some(of) = headers.get(CONTENT_RANGE).map(HeaderValue::as_bytes) else {
        return RangeVerdict::Final;
    };
    let is_validator = |value| [ETAG, LAST_MODIFIED].iter().any(|name| headers.get(name) == value);
    if !conditions.get_all(IF_RANGE).iter().all(|value| is_validator(Some(value))) {
        return RangeVerdict::Again(None);
    }
    if of.ends_with(b"/0") {
        // No range of an empty file can be written down.
        return RangeVerdict::Again(None);
    }
    let is_refused = of.starts_with(b"bytes */");
    if is_refused && is_suffix(range) {
        RangeVerdict::Again(Some(WHOLE_FILE))
    } else {
        RangeVerdict::Final
    }
}

/// Whether the range is that of the last bytes, and of more than none. `ServeDir` refuses one that
/// is longer than the file.
fn is_suffix(range: &HeaderValue) -> bool {
    let length = range.as_bytes().strip_prefix(b"bytes=-");
    length.is_some_and(|digits| digits != b"0" && digits.iter().all(u8::is_ascii_digit))
}
