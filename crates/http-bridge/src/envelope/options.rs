//! The options in a body. Unknown options are ignored.

use bytes::Bytes;
use cloverleaf_wamp::codec::json::JsonReader;
use cloverleaf_wamp::codec::{TokenKind, TokenReader as _};
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::message::{CallOptions, FieldReader, Options as _, PublishOptions};
use cloverleaf_wamp::payload::Encoded;

/// The options that a resource supports.
pub trait BodyOptions: Default {
    /// The member of the body that contains the URI.
    const URI_KEY: &'static str;

    /// Reads the value of one option, or skips it.
    ///
    /// # Errors
    /// When the value has the wrong type.
    fn read_option<'f>(
        &mut self,
        name: &str,
        reader: &mut JsonReader<'f>,
        options: &'f Bytes,
    ) -> Result<(), DecodeError>;
}

impl BodyOptions for CallOptions {
    const URI_KEY: &'static str = "procedure";

    fn read_option<'f>(
        &mut self,
        name: &str,
        reader: &mut JsonReader<'f>,
        options: &'f Bytes,
    ) -> Result<(), DecodeError> {
        match name {
            "timeout" | "disclose_me" => {
                self.set(name, &mut FieldReader::over_json::<Self>(reader, options))
            }
            _ => reader.skip().map(drop),
        }
    }
}

impl BodyOptions for PublishOptions {
    const URI_KEY: &'static str = "topic";

    fn read_option<'f>(
        &mut self,
        name: &str,
        reader: &mut JsonReader<'f>,
        options: &'f Bytes,
    ) -> Result<(), DecodeError> {
        match name {
            "exclude_me" | "retain" | "forward_for" => {
                self.set(name, &mut FieldReader::over_json::<Self>(reader, options))
            }
            "exclude" | "exclude_authid" | "exclude_authrole" | "eligible" | "eligible_authid"
            | "eligible_authrole" => match reader.peek()? {
                TokenKind::List | TokenKind::Map => {
                    self.set(name, &mut FieldReader::over_json::<Self>(reader, options))
                }
                _ => set_list_of_one(self, name, Encoded::read_json(reader, options)?.bytes()),
            },
            _ => reader.skip().map(drop),
        }
    }
}

/// Accepts a single entry instead of a list, as Autobahn does.
fn set_list_of_one(
    options: &mut PublishOptions,
    name: &str,
    entry: &[u8],
) -> Result<(), DecodeError> {
    let list: Bytes = match entry {
        b"null" => return Ok(()),
        entry => [b"[", entry, b"]"].concat().into(),
    };
    let mut reader = JsonReader::new(&list);
    options.set(name, &mut FieldReader::over_json::<PublishOptions>(&mut reader, &list))
}
