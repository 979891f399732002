//! Groups of rarely used entries, each behind one pointer.
//!
//! The router passes on [`PassthruDetails`] by moving its pointer. Spec: advanced profile "Payload
//! Passthru Mode", "Caller Identification", "Sharded Registration"; basic profile "Extensibility".

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
    /// Attributes that the router passes on unchanged: from CALL to INVOCATION, YIELD to RESULT,
    /// PUBLISH to EVENT and ERROR to ERROR.
    PassthruDetails "the message" {
        /// The routers that the message passed.
        forward_for: ForwardFor,
        /// A hash by which the application tracks the message.
        transaction_hash: CompactString,
        /// Payload passthru: the scheme of the payload.
        ppt_scheme: CompactString,
        /// Payload passthru: the serializer of the content.
        ppt_serializer: CompactString,
        /// Payload passthru: the cipher.
        ppt_cipher: CompactString,
        /// Payload passthru: the id of the key.
        ppt_keyid: CompactString,
        /// Legacy passthru: the encryption algorithm.
        enc_algo: EncAlgo,
        /// Legacy passthru: the key.
        enc_key: CompactString,
        /// Legacy passthru: the serializer of the content.
        enc_serializer: CompactString,
    } with {
        /// Attributes of the application or of another implementation.
        custom: CustomAttributes,
    }
}

impl PassthruDetails {
    /// Whether the payload is opaque to the router (advanced profile, "Payload Passthru Mode").
    pub fn uses_passthru(&self) -> bool {
        self.ppt_scheme.as_ref().is_some_and(|scheme| !scheme.is_empty())
    }

    /// Whether Arguments is one binary, the legacy form of passthru.
    pub const fn is_transparent(&self) -> bool {
        self.enc_algo.is_some()
    }
}

options! {
    /// The identity of the caller, if disclosed.
    CallerIdentity "INVOCATION" {
        /// The caller's session.
        caller: SessionId,
        /// The caller's authid.
        caller_authid: CompactString,
        /// The caller's authrole.
        caller_authrole: CompactString,
    }
}

options! {
    /// The identity of the callee, if disclosed.
    CalleeIdentity "RESULT" {
        /// The callee's session.
        callee: SessionId,
        /// The callee's authid.
        callee_authid: CompactString,
        /// The callee's authrole.
        callee_authrole: CompactString,
    }
}

options! {
    /// The selection among several callees.
    Sharding "CALL" {
        /// The resource of the call. Calls with the same resource go to the same callee.
        rkey: CompactString,
        /// Whether one callee or all callees are called.
        runmode: OpenEnum<RunMode>,
    }
}

/// Custom attributes: keys of an underscore and at least three of `[a-z0-9_]`, at most
/// [`MAX_CUSTOM_ATTRIBUTES`] of them. The values stay encoded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CustomAttributes(Vec<(CompactString, Encoded)>);

impl CustomAttributes {
    /// The value of an attribute.
    pub fn at(&self, key: &str) -> Option<&Encoded> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Sets an attribute.
    pub fn insert(&mut self, key: &str, value: Encoded) -> Result<(), InvalidAttribute> {
        if !Self::has_key(key) {
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

/// Why an attribute cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidAttribute {
    /// The key has not the form of a custom attribute.
    #[error("'{0}' is no custom attribute: those are '_' and three or more of a-z, 0-9 and '_'")]
    Key(CompactString),
    /// The message already has the maximum number of attributes.
    #[error("a message has at most {MAX_CUSTOM_ATTRIBUTES} custom attributes")]
    TooMany,
}

impl OptionGroup for CustomAttributes {
    fn has_key(key: &str) -> bool {
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
