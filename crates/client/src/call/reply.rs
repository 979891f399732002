//! What a call is answered: the whole result, or a part of it.

use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::message::{CalleeIdentity, PassthruDetails, ResultDetails};
use cloverleaf_wamp::payload::Payload;
use serde::de::DeserializeOwned;

use crate::attributes;
use crate::error::Error;
use crate::part_queue::Part;
use crate::passthru::Passthru;

/// What a procedure returned, or one of the parts that it sent before.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    payload: Payload,
    /// What was said beside it; there only where something was.
    details: Option<Box<ResultDetails>>,
}

impl Reply {
    pub(crate) fn new(payload: Payload, details: ResultDetails) -> Self {
        let is_plain = details.callee.is_none() && details.passthru.is_none();
        Self { payload, details: (!is_plain).then(|| Box::new(details)) }
    }

    /// The one positional result.
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let (value,) = self.payload.decode_args()?;
        Ok(value)
    }

    /// All positional results: a tuple, an array or a `Vec`.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(self.payload.decode_args()?)
    }

    /// The keyword results: a struct or a map.
    pub fn kwargs<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(self.payload.decode_kwargs()?)
    }

    /// The results as they came.
    pub fn into_payload(self) -> Payload {
        self.payload
    }

    /// The callee's session, where it is disclosed.
    pub fn callee(&self) -> Option<SessionId> {
        self.identity()?.callee
    }

    /// Who the callee is, where it is disclosed.
    pub fn callee_authid(&self) -> Option<&str> {
        self.identity()?.callee_authid.as_deref()
    }

    /// The callee's role, where it is disclosed.
    pub fn callee_authrole(&self) -> Option<&str> {
        self.identity()?.callee_authrole.as_deref()
    }

    /// A custom attribute that the callee sent along, such as `_trace`.
    pub fn attribute<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        Ok(attributes::read(self.passthru_details(), key)?)
    }

    /// Results that only the two ends can read; none where they are plain.
    pub fn passthru(&self) -> Result<Option<Passthru>, Error> {
        Ok(Passthru::of(&self.payload, self.passthru_details())?)
    }

    /// What went with the result.
    pub fn passthru_details(&self) -> Option<&PassthruDetails> {
        self.details.as_ref()?.passthru.as_deref()
    }

    fn identity(&self) -> Option<&CalleeIdentity> {
        self.details.as_ref()?.callee.as_deref()
    }
}

impl Part for Reply {
    fn size(&self) -> usize {
        let details = self.details.as_ref();
        let held = |details: &ResultDetails| {
            size_of::<ResultDetails>() + cloverleaf_wamp::message::Options::size(details)
        };
        self.payload.size() + details.map_or(0, |details| held(details))
    }
}
