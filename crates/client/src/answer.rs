//! The values that a procedure returns.

use cloverleaf_wamp::message::PassthruDetails;
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use serde::Serialize;

use crate::attributes;
use crate::error::Failure;
use crate::passthru::Passthru;

/// The result of a procedure: several positional values, keyword values or custom attributes.
///
/// A procedure with a single positional result returns the value itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub(crate) payload: Payload,
    pub(crate) passthru: Option<Box<PassthruDetails>>,
}

impl Answer {
    /// Positional results: a tuple, an array or a `Vec`.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    pub fn args<A: Serialize>(args: &A) -> Result<Self, Failure> {
        Ok(Self::payload(Payload::from_args(Serializer::Json, args)?))
    }

    /// Positional and keyword results; the latter are a struct or a map.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    pub fn args_and_kwargs<A: Serialize, K: Serialize>(
        args: &A,
        kwargs: &K,
    ) -> Result<Self, Failure> {
        Ok(Self::payload(Payload::from_args_and_kwargs(Serializer::Json, args, kwargs)?))
    }

    /// Results that are encoded already.
    pub const fn payload(payload: Payload) -> Self {
        Self { payload, passthru: None }
    }

    /// An opaque payload that only the caller can read. Spec: advanced profile "Payload Passthru
    /// Mode".
    ///
    /// # Errors
    /// When the payload cannot be encoded.
    pub fn passthru(passthru: Passthru) -> Result<Self, Failure> {
        let mut details = None;
        let payload = passthru.into_message(Serializer::Json, &mut details)?;
        Ok(Self { payload, passthru: details })
    }

    /// Adds a custom attribute for the caller, such as `_trace`.
    ///
    /// # Errors
    /// When the key is invalid or the value cannot be encoded.
    pub fn attribute(mut self, key: &str, value: &impl Serialize) -> Result<Self, Failure> {
        attributes::insert(&mut self.passthru, Serializer::Json, key, value)?;
        Ok(self)
    }
}

/// A type that a procedure may return on success.
pub trait IntoAnswer {
    /// Encodes the results in the session's format.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    fn into_answer(self, serializer: Serializer) -> Result<Answer, Failure>;
}

impl IntoAnswer for Answer {
    fn into_answer(self, _: Serializer) -> Result<Answer, Failure> {
        Ok(self)
    }
}

impl<T: Serialize> IntoAnswer for T {
    fn into_answer(self, serializer: Serializer) -> Result<Answer, Failure> {
        Ok(Answer::payload(Payload::from_args(serializer, &(self,))?))
    }
}
