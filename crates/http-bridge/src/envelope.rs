//! From the JSON body to a URI, raw arguments and options.
//!
//! ```text
//! {"procedure": "com.example.add2", "args": [2, 3], "kwargs": {}, "options": {"timeout": 500}}
//! ```
//!
//! The arguments stay slices of the body, unless the body is much longer. Numbers that are not
//! finite become null. What is null, false, zero or empty counts as absent, whatever type it has
//! (some languages write an empty dictionary as `[]`), a member that stands twice counts where it
//! stands last, and members of other names are passed over.

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

/// What a body asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope<O> {
    /// The procedure or topic; whether it is a URI is for the router to say.
    pub uri: CompactString,
    /// The arguments.
    pub payload: Payload,
    /// The options that the resource honours.
    pub options: O,
}

impl<O: BodyOptions> Envelope<O> {
    /// Reads a body.
    ///
    /// # Errors
    /// When it is not UTF-8, not JSON, no dictionary, or has no or ill-typed members, checked in
    /// this order.
    pub fn parse(body: &Bytes) -> Result<Self, Denial> {
        let members = Members::read(body, O::URI_KEY).map_err(|_| undecodable(body))?;
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

/// JSON is UTF-8, so that only a body that is no JSON must be looked at for it.
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

/// Null, false, zero or empty.
fn is_falsy(json: &[u8]) -> bool {
    match json {
        b"null" | b"false" | b"0" | b"\"\"" => true,
        [b'[', inner @ .., b']'] | [b'{', inner @ .., b'}'] => inner.trim_ascii().is_empty(),
        _ => false,
    }
}

/// The members of a body that mean something, of whatever types they are.
#[derive(Debug, Default)]
struct Members {
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

impl Members {
    /// Reads the whole body; none if it is JSON but no dictionary.
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
            // A string by which WAMP means bytes, or with unpaired surrogates.
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
