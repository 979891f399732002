//! Parts of dictionaries that are rarely there, each behind one pointer.
//!
//! What a message carries through the router untouched is one part, so that passing it on is moving
//! a pointer. Spec: advanced profile "Payload Passthru Mode", "Caller Identification", "Sharded
//! Registration"; basic profile "Extensibility".

use compact_str::CompactString;
use thiserror::Error;

use super::{EncAlgo, FieldReader, ForwardFor, OpenEnum, OptionGroup, Options, RunMode, options};
use crate::codec::{TokenReader, TokenWriter};
use crate::error::DecodeError;
use crate::heap_size::HeapSize;
use crate::ids::SessionId;
use crate::limits::MAX_CUSTOM_ATTRIBUTES;
use crate::payload::{EncodeError, Encoded, write_encoded};
use crate::serializer::Serializer;

options! {
    /// What goes with a message from CALL to INVOCATION, YIELD to RESULT, PUBLISH to EVENT and
    /// ERROR to ERROR. The router passes it on as it came.
    PassthruDetails "the message" {
        /// Routers that the message passed.
        forward_for: ForwardFor,
        /// A hash that the application follows the message with.
        transaction_hash: CompactString,
        /// Payload passthru: the scheme that the payload follows.
        ppt_scheme: CompactString,
        /// Payload passthru: the format inside.
        ppt_serializer: CompactString,
        /// Payload passthru: how the payload is encrypted.
        ppt_cipher: CompactString,
        /// Payload passthru: with which key.
        ppt_keyid: CompactString,
        /// Legacy passthru: how the payload is encrypted.
        enc_algo: EncAlgo,
        /// Legacy passthru: with which key.
        enc_key: CompactString,
        /// Legacy passthru: the format inside.
        enc_serializer: CompactString,
    } with {
        /// Attributes of the application or of another implementation.
        custom: CustomAttributes,
    }
}

impl PassthruDetails {
    /// Whether the payload is one that only the two ends can read (advanced profile, "Payload
    /// Passthru Mode").
    pub fn uses_passthru(&self) -> bool {
        self.ppt_scheme.as_ref().is_some_and(|scheme| !scheme.is_empty())
    }

    /// Whether one binary stands in the place of the arguments, the older form of the same.
    pub const fn is_transparent(&self) -> bool {
        self.enc_algo.is_some()
    }
}

options! {
    /// Who calls, where that is disclosed.
    CallerIdentity "INVOCATION" {
        /// The caller's session.
        caller: SessionId,
        /// Who the caller is.
        caller_authid: CompactString,
        /// The caller's role.
        caller_authrole: CompactString,
    }
}

options! {
    /// Who has answered, where that is disclosed.
    CalleeIdentity "RESULT" {
        /// The callee's session.
        callee: SessionId,
        /// Who the callee is.
        callee_authid: CompactString,
        /// The callee's role.
        callee_authrole: CompactString,
    }
}

options! {
    /// Which of several callees a call is for.
    Sharding "CALL" {
        /// The resource that the call is about; calls about the same one go to the same callee.
        rkey: CompactString,
        /// To one callee or to all.
        runmode: OpenEnum<RunMode>,
    }
}

/// Attributes that no specification defines: keys of an underscore and at least three of
/// `[a-z0-9_]`, at most [`MAX_CUSTOM_ATTRIBUTES`] of them, each with its value as it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CustomAttributes(Vec<(CompactString, Encoded)>);

impl CustomAttributes {
    /// The value of an attribute.
    pub fn at(&self, key: &str) -> Option<&Encoded> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Adds an attribute, or gives it another value.
    pub fn insert(&mut self, key: &str, value: Encoded) -> Result<(), InvalidAttribute> {
        if !Self::knows(key) {
            return Err(InvalidAttribute::Key(key.into()));
        }
        if let Some((_, earlier)) = self.0.iter_mut().find(|(name, _)| name == key) {
            *earlier = value;
        } else if self.0.len() < MAX_CUSTOM_ATTRIBUTES {
            self.0.push((key.into(), value));
        } else {
            return Err(InvalidAttribute::TooMany);
        }
        Ok(())
    }
}

/// Why something is not taken as a custom attribute.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidAttribute {
    /// The key is one that the specification keeps for itself.
    #[error("'{0}' is no custom attribute: those are '_' and three or more of a-z, 0-9 and '_'")]
    Key(CompactString),
    /// There are as many as a message may have.
    #[error("a message has at most {MAX_CUSTOM_ATTRIBUTES} custom attributes")]
    TooMany,
}

impl OptionGroup for CustomAttributes {
    fn knows(key: &str) -> bool {
        let is_word = |rest: &[u8]| {
            rest.len() >= 3
                && rest.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        };
        matches!(key.as_bytes(), [b'_', rest @ ..] if is_word(rest))
    }
}

impl Options for CustomAttributes {
    const MESSAGE: &'static str = "the message";

    fn set<'f, R: TokenReader<'f>>(
        &mut self,
        key: &str,
        field: &mut FieldReader<'_, 'f, R>,
    ) -> Result<(), DecodeError> {
        let value = field.encoded()?;
        self.insert(key, value)
            .map_err(|_| DecodeError::TooManyAttributes { message: field.message })
    }

    fn entries(&self) -> usize {
        self.0.len()
    }

    fn write<W: TokenWriter>(
        &self,
        serializer: Serializer,
        writer: &mut W,
    ) -> Result<(), EncodeError> {
        self.0.iter().try_for_each(|(key, value)| {
            writer.key(key);
            write_encoded(value, serializer, writer)
        })
    }
}

impl HeapSize for CustomAttributes {
    fn heap_size(&self) -> usize {
        let entries = self.0.iter().map(|(key, value)| key.len() + value.heap_size());
        self.0.capacity() * size_of::<(CompactString, Encoded)>() + entries.sum::<usize>()
    }
}
