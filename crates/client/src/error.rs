//! What can go wrong: [`enum@Error`] as a caller sees it, [`Failure`] as a procedure tells it.

use std::fmt;

use cloverleaf_wamp::codec::ser::ValueError;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::PassthruDetails;
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use compact_str::CompactString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::attributes;
use crate::link::SendError;
use crate::passthru::Passthru;

/// Why a request did not succeed.
#[derive(Debug, Clone, Error)]
pub enum Error {
    /// The router or the callee answered with an ERROR, or the router refused the session (ABORT).
    #[error("{0}")]
    Wamp(Box<Failure>),
    /// The session has ended or its connection is lost; what was not answered stays unanswered.
    #[error("the session is closed: {0}")]
    Closed(CompactString),
    /// The connection could not be made.
    #[error("{0}")]
    Connect(CompactString),
    /// Arguments could not be written, or an answer not be read as the wanted type.
    #[error("{0}")]
    Value(#[from] ValueError),
}

impl Error {
    /// The URI of an ERROR or ABORT, if it was one.
    pub fn uri(&self) -> Option<&str> {
        match self {
            Self::Wamp(failure) => Some(&failure.uri),
            Self::Closed(_) | Self::Connect(_) | Self::Value(_) => None,
        }
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Closed => Self::Closed(error_uri::CONNECTION_LOST.into()),
            SendError::Congested => Self::Wamp(Box::new(Failure::unavailable(&error.to_string()))),
        }
    }
}

/// A failure with a name: what a procedure returns instead of a result, and what its caller gets.
///
/// Any [`std::error::Error`] becomes one by `?`, named `wamp.error.runtime_error` with its text as
/// the only argument.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// What went wrong.
    pub uri: CompactString,
    /// Explanations.
    pub payload: Payload,
    /// What goes with them.
    pub passthru: Option<Box<PassthruDetails>>,
}

impl Failure {
    /// A failure without explanations.
    pub fn new(uri: impl Into<CompactString>) -> Self {
        Self { uri: uri.into(), payload: Payload::EMPTY, passthru: None }
    }

    /// A failure that a text explains.
    pub fn with_text(uri: impl Into<CompactString>, text: &str) -> Self {
        Self { payload: Payload::from_text(text), ..Self::new(uri) }
    }

    /// `wamp.error.runtime_error` with a text.
    pub fn runtime(text: &str) -> Self {
        Self::with_text(error_uri::RUNTIME_ERROR, text)
    }

    /// `wamp.error.invalid_argument` with a text.
    pub fn invalid_argument(text: &str) -> Self {
        Self::with_text(error_uri::INVALID_ARGUMENT, text)
    }

    /// `wamp.error.unavailable` with a text: this callee can't take the call now. Where others have
    /// registered the procedure, the router asks one of them, and the caller does not notice
    /// (advanced profile, "Call Re-Routing").
    pub fn unavailable(text: &str) -> Self {
        Self::with_text(error_uri::UNAVAILABLE, text)
    }

    /// `wamp.error.timeout` with a text: for a procedure that watches its time itself (see
    /// [`forward_timeout`](crate::register::RegisterBuilder::forward_timeout)).
    pub fn timeout(text: &str) -> Self {
        Self::with_text(error_uri::TIMEOUT, text)
    }

    /// `wamp.error.canceled` with a text.
    pub fn canceled(text: &str) -> Self {
        Self::with_text(error_uri::CANCELED, text)
    }

    /// Explains the failure with positional arguments (a tuple, an array or a `Vec`).
    pub fn with_args<A: Serialize>(mut self, args: &A) -> Result<Self, ValueError> {
        self.payload = Payload::from_args(Serializer::Json, args)?;
        Ok(self)
    }

    /// Explains the failure with positional and keyword arguments.
    pub fn with_args_and_kwargs<A: Serialize, K: Serialize>(
        mut self,
        args: &A,
        kwargs: &K,
    ) -> Result<Self, ValueError> {
        self.payload = Payload::from_args_and_kwargs(Serializer::Json, args, kwargs)?;
        Ok(self)
    }

    /// Explains the failure with what only the caller can read.
    pub fn with_passthru(mut self, passthru: Passthru) -> Result<Self, ValueError> {
        self.payload = passthru.into_message(Serializer::Json, &mut self.passthru)?;
        Ok(self)
    }

    /// Adds a custom attribute, such as `_trace`.
    pub fn with_attribute(mut self, key: &str, value: &impl Serialize) -> Result<Self, ValueError> {
        attributes::insert(&mut self.passthru, Serializer::Json, key, value)?;
        Ok(self)
    }

    /// A custom attribute that came along.
    pub fn attribute<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ValueError> {
        attributes::read(self.passthru.as_deref(), key)
    }

    /// Explanations that only the two ends can read; none where they are plain.
    pub fn passthru(&self) -> Result<Option<Passthru>, ValueError> {
        Passthru::of(&self.payload, self.passthru.as_deref())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)?;
        match (self.payload.decode_args::<(String,)>(), self.payload.kwargs()) {
            (Ok((text,)), None) => write!(f, ": {text}"),
            _ if self.payload == Payload::EMPTY => Ok(()),
            _ => write!(f, ": {:?}", self.payload),
        }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::runtime(&error.to_string())
    }
}
