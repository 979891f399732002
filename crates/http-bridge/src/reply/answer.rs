//! Status and body of a reply.
//!
//! Bodies of success are compact. Bodies of failure are `{"error": …, "args": […], "kwargs": {…}}`
//! with a space after each colon and comma, as clients of Crossbar.io's REST bridge know them.

use bytes::Bytes;
use cloverleaf_client::{Error, Failure};
use cloverleaf_wamp::codec::json::JsonWriter;
use cloverleaf_wamp::codec::transcode::transcode_into;
use cloverleaf_wamp::codec::{TokenKind, TokenReader, TokenWriter as _};
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::payload::{Encoded, Payload};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::with_token_reader;
use http::StatusCode;

use crate::denial::Denial;
use crate::status;

/// What a client gets to read that can do nothing about the fault.
const INTERNAL: &str = "Sorry, Cloverleaf has encountered a problem.";

/// What a client gets to read while the router shuts down or its realm is gone.
const ENDED: &str = "The session of the HTTP bridge has ended.";

/// The body of a reply to a procedure that returned nothing.
const NO_RESULT: &[u8] = br#"{"args":[null]}"#;

/// What is written around args, and before kwargs where there are some. Where the results are JSON
/// with args, the body is as long as reckoned with these and never moved.
const AROUND_ARGS: usize = r#"{"args":}"#.len();
const BEFORE_KWARGS: usize = r#","kwargs":"#.len();

/// What is written around the three parts of a failure.
const AROUND_FAILURE: usize = r#"{"error":"","args":[],"kwargs":{}}"#.len();

/// Status and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Success with nothing to say.
    pub(crate) const EMPTY: Self = Self { status: StatusCode::OK, body: Bytes::new() };

    /// What a procedure returned: `{"args":[…],"kwargs":{…}}` without the one that is empty. A
    /// procedure that returned nothing at all has one result, null, as for a caller in Python.
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

    /// A WAMP error, or a fault of the bridge.
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

    /// A request that the router was not asked.
    pub(crate) fn of_denial(denial: &Denial) -> Self {
        Self::failed(denial.status(), &denial.to_string(), &Payload::EMPTY)
    }

    fn of_failure(status: StatusCode, failure: &Failure) -> Self {
        Self::failed(status, &failure.uri, &failure.payload)
    }

    fn internal(fault: &dyn std::error::Error) -> Self {
        tracing::error!("the HTTP bridge cannot answer a request: {fault}");
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
    let present = |part: &&Encoded| !is_empty(part);
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

/// JSON is taken as its sender wrote it; of other formats bytes become WAMP's convention for them.
fn write(writer: &mut JsonWriter<'_>, value: &Encoded) -> Result<(), DecodeError> {
    match value.serializer() {
        Serializer::Json => writer.encoded(value.bytes()),
        other => transcode_into(other, value.bytes(), writer)?,
    }
    Ok(())
}

/// Whether a list or map has no entries.
fn is_empty(value: &Encoded) -> bool {
    with_token_reader!(value.serializer(), R => ends_at_once::<R<'_>>(value.bytes()))
}

fn ends_at_once<'a, R: TokenReader<'a>>(value: &'a [u8]) -> bool {
    let mut reader = R::new(value);
    matches!(reader.peek(), Ok(TokenKind::List | TokenKind::Map))
        && reader.next().is_ok()
        && reader.peek() == Ok(TokenKind::End)
}

/// JSON with one space after each colon and comma and no other white space.
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

    fn body(answer: &Answer) -> (u16, &str) {
        (answer.status.as_u16(), std::str::from_utf8(&answer.body).expect("text"))
    }

    #[test]
    fn spaces_stand_after_colons_and_commas_outside_of_strings_only() {
        let text = |json: &str| String::from_utf8(spaced(json.as_bytes())).expect("text");
        assert_eq!(text(r#"{"a":[1,2],"b":{}}"#), r#"{"a": [1, 2], "b": {}}"#);
        assert_eq!(text("[ 1 ,\n\t2 ]"), "[1, 2]");
        assert_eq!(text(r#"["a:b, c","\",:","\\",1]"#), r#"["a:b, c", "\",:", "\\", 1]"#);
    }

    #[test]
    fn a_fault_of_the_bridge_is_told_without_details() {
        let answer = Answer::of_error(&Error::Connect("10.0.0.1 refused".into()), false);
        let expected = concat!(
            r#"{"error": "wamp.error.runtime_error", "#,
            r#""args": ["Sorry, Cloverleaf has encountered a problem."], "kwargs": {}}"#
        );
        assert_eq!(body(&answer), (500, expected));
    }

    #[test]
    fn empty_results_are_left_out_in_every_format() {
        for serializer in Serializer::ALL {
            let entries = std::collections::BTreeMap::from([("a", 1)]);
            let results = Payload::from_args_and_kwargs(serializer, &[0_u8; 0], &entries);
            let answer = Answer::of_results(&results.expect("a payload"));
            assert_eq!(body(&answer), (200, r#"{"kwargs":{"a":1}}"#), "{serializer}");
        }
    }

    #[test]
    fn no_results_are_one_null_in_every_format() {
        for serializer in Serializer::ALL {
            let no_entries = std::collections::BTreeMap::<String, u8>::new();
            let results = Payload::from_args_and_kwargs(serializer, &[0_u8; 0], &no_entries);
            let answer = Answer::of_results(&results.expect("a payload"));
            assert_eq!(body(&answer), (200, r#"{"args":[null]}"#), "{serializer}");
        }
        assert_eq!(body(&Answer::of_results(&Payload::EMPTY)), (200, r#"{"args":[null]}"#));
    }
}
