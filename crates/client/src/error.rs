//! What can go wrong: [`enum@Error`] as a caller sees it, [`Failure`] as a procedure tells it.

use std::fmt;

use cloverleaf_wamp::codec::ser::ValueError;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use compact_str::CompactString;
use serde::Serialize;
use thiserror::Error;

use crate::link::SendError;

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
            SendError::Congested => Self::Wamp(Box::new(Failure {
                uri: error_uri::UNAVAILABLE.into(),
                payload: Payload::from_text(&error.to_string()),
            })),
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
}

impl Failure {
    /// A failure without explanations.
    pub fn new(uri: impl Into<CompactString>) -> Self {
        Self { uri: uri.into(), payload: Payload::EMPTY }
    }

    /// `wamp.error.runtime_error` with a text.
    pub fn runtime(text: &str) -> Self {
        Self { uri: error_uri::RUNTIME_ERROR.into(), payload: Payload::from_text(text) }
    }

    /// `wamp.error.invalid_argument` with a text.
    pub fn invalid_argument(text: &str) -> Self {
        Self { uri: error_uri::INVALID_ARGUMENT.into(), payload: Payload::from_text(text) }
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
