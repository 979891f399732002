//! Status and body of a response.
//!
//! A successful body is compact JSON. The body of an error is `{"error": …, "args": […], "kwargs":
//! {…}}` with a space after each colon and comma, as Crossbar.io's REST bridge writes it.

use bytes::Bytes;
use cloverleaf_client::{Error, Failure};
use cloverleaf_wamp::codec::TokenWriter as _;
use cloverleaf_wamp::codec::json::JsonWriter;
use cloverleaf_wamp::codec::transcode::transcode_into;
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::payload::{Encoded, Payload};
use cloverleaf_wamp::serializer::Serializer;
use http::StatusCode;

use crate::denial::Denial;
use crate::status;

/// The text of an internal error. It contains no details: the client cannot fix the fault.
const INTERNAL: &str = "Sorry, Cloverleaf has encountered a problem.";

/// The text while the router shuts down or after its realm was removed.
const ENDED: &str = "The session of the HTTP bridge has ended.";

/// The body for a procedure without a result.
const NO_RESULT: &[u8] = br#"{"args":[null]}"#;

/// Bytes around args, and before kwargs if there are any. For JSON results with args, the capacity
/// computed from these is exact, so the buffer never grows.
const AROUND_ARGS: usize = r#"{"args":}"#.len();
const BEFORE_KWARGS: usize = r#","kwargs":"#.len();

/// Bytes around the three members of an error.
const AROUND_FAILURE: usize = r#"{"error":"","args":[],"kwargs":{}}"#.len();

/// Status and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatusAndBody {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl StatusAndBody {
    /// Success with an empty body.
    pub(crate) const EMPTY: Self = Self { status: StatusCode::OK, body: Bytes::new() };

    /// The results of a call: `{"args":[…],"kwargs":{…}}`, where an empty member is left out. A
    /// procedure without a result is answered with one null, as a caller in Python sees it.
    pub(crate) fn of_results(results: &Payload) -> Self {
        match results_body(results) {
            Ok(body) => Self { status: StatusCode::OK, body: body.into() },
            Err(fault) => Self::internal(&fault),
        }
    }

    /// `{"id":…}`
    pub(crate) fn of_publication(publication: PublicationId) -> Self {
        let mut body = Vec::new();
        let mut writer = JsonWriter::new(&mut body);
        writer.map_start(1);
        writer.key("id");
        writer.unsigned(publication.number());
        writer.map_end();
        Self { status: StatusCode::OK, body: body.into() }
    }

    /// A WAMP error, the end of the session, or an internal error.
    pub(crate) fn of_error(error: &Error, error_status: bool) -> Self {
        match error {
            Error::Wamp(failure) if error_status => {
                Self::of_failure(status::of_error(&failure.uri), failure)
            }
            Error::Wamp(failure) => Self::of_failure(StatusCode::OK, failure),
            Error::Closed(_) => {
                let failure = Failure::unavailable(ENDED);
                Self::of_failure(StatusCode::SERVICE_UNAVAILABLE, &failure)
            }
            Error::Connect(_) | Error::Value(_) => Self::internal(error),
        }
    }

    /// A request that was denied before the router was asked.
    pub(crate) fn of_denial(denial: &Denial) -> Self {
        Self::failed(denial.status(), &denial.to_string(), &Payload::EMPTY)
    }

    fn of_failure(status: StatusCode, failure: &Failure) -> Self {
        Self::failed(status, &failure.uri, &failure.payload)
    }

    fn internal(fault: &dyn std::error::Error) -> Self {
        tracing::debug!(reason = %fault, "HTTP bridge request failed");
        let payload = Payload::from_text(INTERNAL);
        Self::failed(StatusCode::INTERNAL_SERVER_ERROR, error_uri::RUNTIME_ERROR, &payload)
    }

    fn failed(status: StatusCode, error: &str, payload: &Payload) -> Self {
        match failure_body(error, payload) {
            Ok(body) => Self { status, body: spaced(&body).into() },
            Err(fault) => Self::internal(&fault),
        }
    }
}

fn results_body(results: &Payload) -> Result<Vec<u8>, DecodeError> {
    let present = |part: &&Encoded| !part.has_no_entries();
    let (args, kwargs) = (results.args().filter(present), results.kwargs().filter(present));
    if args.is_none() && kwargs.is_none() {
        return Ok(NO_RESULT.to_vec());
    }
    let mut body = Vec::with_capacity(results_length(results));
    let mut writer = JsonWriter::new(&mut body);
    writer.map_start(2);
    if let Some(args) = args {
        writer.key("args");
        write(&mut writer, args)?;
    }
    if let Some(kwargs) = kwargs {
        writer.key("kwargs");
        write(&mut writer, kwargs)?;
    }
    writer.map_end();
    Ok(body)
}

fn results_length(results: &Payload) -> usize {
    let kwargs = if results.kwargs().is_some() { BEFORE_KWARGS } else { 0 };
    AROUND_ARGS + kwargs + results.size()
}

fn failure_body(error: &str, payload: &Payload) -> Result<Vec<u8>, DecodeError> {
    let mut body = Vec::with_capacity(AROUND_FAILURE + error.len() + payload.size());
    let mut writer = JsonWriter::new(&mut body);
    writer.map_start(3);
    writer.key("error");
    writer.text(error);
    writer.key("args");
    match payload.args() {
        Some(args) => write(&mut writer, args)?,
        None => writer.encoded(b"[]"),
    }
    writer.key("kwargs");
    match payload.kwargs() {
        Some(kwargs) => write(&mut writer, kwargs)?,
        None => writer.encoded(b"{}"),
    }
    writer.map_end();
    Ok(body)
}

/// Writes a value as JSON. A JSON value is copied unchanged. In other formats, byte strings become
/// WAMP's JSON convention for bytes.
fn write(writer: &mut JsonWriter<'_>, value: &Encoded) -> Result<(), DecodeError> {
    match value.serializer() {
        Serializer::Json => writer.encoded(value.bytes()),
        other => transcode_into(other, value.bytes(), writer)?,
    }
    Ok(())
}

/// Reformats JSON: one space after each colon and comma, no other white space.
fn spaced(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() + json.len() / 4);
    let (mut in_string, mut escaped) = (false, false);
    for &byte in json {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' if !in_string => continue,
            b'"' if !escaped => in_string = !in_string,
            _ => {}
        }
        escaped = byte == b'\\' && !escaped;
        out.push(byte);
        if !in_string && matches!(byte, b':' | b',') {
            out.push(b' ');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(answer: &StatusAndBody) -> (u16, &str) {
        (answer.status.as_u16(), std::str::from_utf8(&answer.body).expect("text"))
    }

    #[test]
    fn spaces_are_added_after_colons_and_commas_outside_of_strings() {
        let text = |json: &str| String::from_utf8(spaced(json.as_bytes())).expect("text");
        assert_eq!(text(r#"{"a":[1,2],"b":{}}"#), r#"{"a": [1, 2], "b": {}}"#);
        assert_eq!(text("[ 1 ,\n\t2 ]"), "[1, 2]");
        assert_eq!(text(r#"["a:b, c","\",:","\\",1]"#), r#"["a:b, c", "\",:", "\\", 1]"#);
    }

    #[test]
    fn an_internal_error_reveals_no_details() {
        let answer = StatusAndBody::of_error(&Error::Connect("10.0.0.1 refused".into()), false);
        let expected = concat!(
            r#"{"error": "wamp.error.runtime_error", "#,
            r#""args": ["Sorry, Cloverleaf has encountered a problem."], "kwargs": {}}"#
        );
        assert_eq!(body(&answer), (500, expected));
    }

    #[test]
    fn empty_args_are_left_out_in_every_format() {
        for serializer in Serializer::ALL {
            let entries = std::collections::BTreeMap::from([("a", 1)]);
            let results = Payload::from_args_and_kwargs(serializer, &[0_u8; 0], &entries);
            let answer = StatusAndBody::of_results(&results.expect("a payload"));
            assert_eq!(body(&answer), (200, r#"{"kwargs":{"a":1}}"#), "{serializer}");
        }
    }

    #[test]
    fn a_missing_result_is_one_null_in_every_format() {
        for serializer in Serializer::ALL {
            let no_entries = std::collections::BTreeMap::<String, u8>::new();
            let results = Payload::from_args_and_kwargs(serializer, &[0_u8; 0], &no_entries);
            let answer = StatusAndBody::of_results(&results.expect("a payload"));
            assert_eq!(body(&answer), (200, r#"{"args":[null]}"#), "{serializer}");
        }
        assert_eq!(body(&StatusAndBody::of_results(&Payload::EMPTY)), (200, r#"{"args":[null]}"#));
    }
}
