//! What a procedure returns.

use cloverleaf_wamp::message::PassthruDetails;
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use serde::Serialize;

use crate::attributes;
use crate::error::Failure;
use crate::passthru::Passthru;

/// A result with several positional values or with keywords, and what goes with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub(crate) payload: Payload,
    pub(crate) passthru: Option<Box<PassthruDetails>>,
}

impl Answer {
    /// Several positional results (a tuple, an array or a `Vec`).
    pub fn args<A: Serialize>(args: &A) -> Result<Self, Failure> {
        Ok(Self::payload(Payload::from_args(Serializer::Json, args)?))
    }

    /// Positional and keyword results.
    pub fn args_and_kwargs<A: Serialize, K: Serialize>(
        args: &A,
        kwargs: &K,
    ) -> Result<Self, Failure> {
        Ok(Self::payload(Payload::from_args_and_kwargs(Serializer::Json, args, kwargs)?))
    }

    /// A payload as it is.
    pub const fn payload(payload: Payload) -> Self {
        Self { payload, passthru: None }
    }

    /// Results that only the caller can read.
    pub fn passthru(passthru: Passthru) -> Result<Self, Failure> {
        let mut details = None;
        let payload = passthru.into_message(Serializer::Json, &mut details)?;
        Ok(Self { payload, passthru: details })
    }

    /// Adds a custom attribute, such as `_trace`, that goes to the caller beside the results.
    pub fn attribute(mut self, key: &str, value: &impl Serialize) -> Result<Self, Failure> {
        attributes::insert(&mut self.passthru, Serializer::Json, key, value)?;
        Ok(self)
    }
}

/// What a procedure may return on success.
pub trait IntoAnswer {
    /// The results as arguments, written in the session's format.
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
