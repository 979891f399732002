//! Decodes the JSON body into a URI, raw arguments and options.
//!
//! ```text
//! {"procedure": "com.example.add2", "args": [2, 3], "kwargs": {}, "options": {"timeout": 500}}
//! ```
//!
//! The arguments stay slices of the body, unless the body is much longer. As in Crossbar.io, the
//! reader is lenient:
//!
//! - A member that is null, false, zero or empty counts as absent, whatever its type. Some
//!   languages write an empty dictionary as `[]`.
//! - If a member is repeated, the last one counts. Unknown members are ignored.
//! - Numbers that are not finite become null.

use bytes::Bytes;
use cloverleaf_client::Payload;
use cloverleaf_wamp::codec::json::JsonReader;
use cloverleaf_wamp::codec::{Token, TokenKind, TokenReader as _};
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::payload::{Encoded, slice_frame};
use compact_str::{CompactString, ToCompactString as _, format_compact};

mod options;

pub use options::BodyOptions;

use crate::denial::Denial;

/// A decoded body.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope<O> {
    /// The procedure or topic. The router checks whether it is a valid URI.
    pub uri: CompactString,
    /// The arguments.
    pub payload: Payload,
    /// The options that the resource supports.
    pub options: O,
}

impl<O: BodyOptions> Envelope<O> {
    /// Decodes a body.
    ///
    /// # Errors
    /// In this order: the body is not UTF-8, not JSON, not an object; a member is missing or has
    /// the wrong type.
    pub fn parse(body: &Bytes) -> Result<Self, Denial> {
        let members = BodyMembers::read(body, O::URI_KEY).map_err(|_| undecodable(body))?;
        let members = members.ok_or_else(|| Denial::NotWellFormed("must be a dict".into()))?;
        let uri = match members.uri {
            UriMember::Text(uri) => uri,
            UriMember::Missing => return Err(Denial::MissingKey(O::URI_KEY)),
            UriMember::NoText => return Err(wrong(O::URI_KEY, "a string")),
        };
        let args = members.args.filter(|args| !is_falsy(args.bytes()));
        let kwargs = members.kwargs.filter(|kwargs| !is_falsy(kwargs.bytes()));
        let payload = Payload::from_encoded(args, kwargs)
            .map_err(|fault| Denial::NotWellFormed(fault.to_compact_string()))?;
        let options = members.options.filter(|options| !is_falsy(options));
        let options = options.map_or_else(|| Ok(O::default()), |options| read_options(&options))?;
        Ok(Self { uri, payload, options })
    }
}

/// The JSON reader accepts UTF-8 only, so the encoding is checked after it has failed.
#[cold]
fn undecodable(body: &[u8]) -> Denial {
    match simdutf8::basic::from_utf8(body) {
        Ok(_) => Denial::NotJson,
        Err(_) => Denial::NotUtf8,
    }
}

#[cold]
fn wrong(member: &str, expected: &str) -> Denial {
    Denial::NotWellFormed(format_compact!("{member} must be {expected}"))
}

/// Whether a value is null, false, zero or empty, and so counts as absent.
fn is_falsy(json: &[u8]) -> bool {
    match json {
        b"null" | b"false" | b"0" | b"\"\"" => true,
        [b'[', inner @ .., b']'] | [b'{', inner @ .., b'}'] => inner.trim_ascii().is_empty(),
        _ => false,
    }
}

/// The known members of a body. Their types are not checked yet, except for the URI.
#[derive(Debug, Default)]
struct BodyMembers {
    uri: UriMember,
    args: Option<Encoded>,
    kwargs: Option<Encoded>,
    options: Option<Bytes>,
}

#[derive(Debug, Default)]
enum UriMember {
    #[default]
    Missing,
    NoText,
    Text(CompactString),
}

impl BodyMembers {
    /// Reads the whole body; none if it is JSON but not an object.
    fn read(body: &Bytes, uri_key: &str) -> Result<Option<Self>, DecodeError> {
        let mut reader = JsonReader::new(body);
        if reader.peek()? != TokenKind::Map {
            reader.skip()?;
            return reader.finish().map(|()| None);
        }
        let mut members = Self::default();
        reader.next()?;
        while let Token::Key(key) = reader.next()? {
            match &*key {
                "args" => members.args = Some(Encoded::read_json(&mut reader, body)?),
                "kwargs" => members.kwargs = Some(Encoded::read_json(&mut reader, body)?),
                "options" => members.options = Some(slice_frame(body, reader.skip()?)),
                key if key == uri_key => members.uri = UriMember::read(&mut reader)?,
                _ => {
                    reader.skip()?;
                }
            }
        }
        reader.finish().map(|()| Some(members))
    }
}

impl UriMember {
    fn read(reader: &mut JsonReader<'_>) -> Result<Self, DecodeError> {
        if reader.peek()? != TokenKind::Text {
            return reader.skip().map(|_| Self::NoText);
        }
        match reader.next()? {
            Token::Text(uri) if !reader.has_replaced() => Ok(Self::Text(CompactString::new(uri))),
            // WAMP's convention for bytes, or a string with unpaired surrogates.
            _ => Ok(Self::NoText),
        }
    }
}

fn read_options<O: BodyOptions>(json: &Bytes) -> Result<O, Denial> {
    if json.first() != Some(&b'{') {
        return Err(wrong("options", "an object"));
    }
    read_each_option(json).map_err(|fault| match fault {
        DecodeError::WrongType { field, expected, .. } => {
            wrong(&format_compact!("options.{field}"), expected)
        }
        fault => Denial::NotWellFormed(fault.to_compact_string()),
    })
}

fn read_each_option<O: BodyOptions>(json: &Bytes) -> Result<O, DecodeError> {
    let mut reader = JsonReader::new(json);
    let mut options = O::default();
    reader.next()?;
    while let Token::Key(name) = reader.next()? {
        options.read_option(&name, &mut reader, json)?;
    }
    Ok(options)
}
