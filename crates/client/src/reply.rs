//! The reply to a call: a progressive result or the final one.

use cloverleaf_wamp::heap_size::HeapSize;
use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::message::{CalleeIdentity, PassthruDetails, ResultDetails};
use cloverleaf_wamp::payload::Payload;
use serde::de::DeserializeOwned;

use crate::attributes;
use crate::error::Error;
use crate::passthru::Passthru;

/// The final result of a call, or one of its progressive results.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    payload: Payload,
    /// RESULT.Details; none if they contain neither the callee's identity nor attributes.
    details: Option<Box<ResultDetails>>,
}

impl Reply {
    pub(crate) fn new(payload: Payload, details: ResultDetails) -> Self {
        let is_plain = details.callee.is_none() && details.passthru.is_none();
        Self { payload, details: (!is_plain).then(|| Box::new(details)) }
    }

    /// The only positional result.
    ///
    /// # Errors
    /// When the results cannot be read as one value of this type.
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let (value,) = self.payload.decode_args()?;
        Ok(value)
    }

    /// All positional results: a tuple, an array or a `Vec`.
    ///
    /// # Errors
    /// When the results have other types.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(self.payload.decode_args()?)
    }

    /// The keyword results: a struct or a map.
    ///
    /// # Errors
    /// When the results have other types.
    pub fn kwargs<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(self.payload.decode_kwargs()?)
    }

    /// The results as they were received, not decoded.
    pub fn into_payload(self) -> Payload {
        self.payload
    }

    /// The callee's session id, if disclosed.
    pub fn callee(&self) -> Option<SessionId> {
        self.identity()?.callee
    }

    /// The callee's authid, if disclosed.
    pub fn callee_authid(&self) -> Option<&str> {
        self.identity()?.callee_authid.as_deref()
    }

    /// The callee's role, if disclosed.
    pub fn callee_authrole(&self) -> Option<&str> {
        self.identity()?.callee_authrole.as_deref()
    }

    /// A custom attribute that the callee has sent, such as `_trace`.
    ///
    /// # Errors
    /// When the attribute has another type.
    pub fn attribute<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        Ok(attributes::read(self.passthru_details(), key)?)
    }

    /// The opaque payload of a result in payload passthru mode; none for a plain result.
    ///
    /// # Errors
    /// When the result is in passthru mode and is not a single byte string.
    pub fn passthru(&self) -> Result<Option<Passthru>, Error> {
        Ok(Passthru::of(&self.payload, self.passthru_details())?)
    }

    /// The details that the router passes on from the callee: passthru options and custom
    /// attributes.
    pub fn passthru_details(&self) -> Option<&PassthruDetails> {
        self.details.as_ref()?.passthru.as_deref()
    }

    fn identity(&self) -> Option<&CalleeIdentity> {
        self.details.as_ref()?.callee.as_deref()
    }
}

impl HeapSize for Reply {
    fn heap_size(&self) -> usize {
        self.payload.heap_size() + self.details.heap_size()
    }
}
