//! Errors: [`enum@Error`] is returned to the application, [`Failure`] by a procedure.

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

/// The reason why a request or connection attempt failed.
#[derive(Debug, Clone, Error)]
pub enum Error {
    /// The router or the callee answered with an ERROR, or the router refused the session (ABORT).
    #[error("{0}")]
    Wamp(Box<Failure>),
    /// The session has ended or its connection is lost. The request may have been executed.
    #[error("the session is closed: {0}")]
    Closed(CompactString),
    /// The connection could not be established.
    #[error("{0}")]
    Connect(CompactString),
    /// Arguments could not be encoded, or a result could not be decoded as the wanted type.
    #[error("{0}")]
    Value(#[from] ValueError),
}

impl Error {
    /// The error URI of an ERROR or ABORT message; none for other errors.
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

/// A WAMP error: a procedure returns it instead of a result, and the caller receives it.
///
/// `?` converts any [`std::error::Error`] into `wamp.error.runtime_error` with the error's text as
/// the only argument.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The error URI.
    pub uri: CompactString,
    /// Arguments that explain the error.
    pub payload: Payload,
    /// Passthru options and custom attributes.
    pub passthru: Option<Box<PassthruDetails>>,
}

impl Failure {
    /// A failure without arguments.
    pub fn new(uri: impl Into<CompactString>) -> Self {
        Self { uri: uri.into(), payload: Payload::EMPTY, passthru: None }
    }

    /// A failure with a text as the only argument.
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

    /// `wamp.error.unavailable` with a text: this callee cannot take the call now. The router sends
    /// the call to another callee of a shared registration, if any (advanced profile, "Call
    /// Re-Routing").
    pub fn unavailable(text: &str) -> Self {
        Self::with_text(error_uri::UNAVAILABLE, text)
    }

    /// `wamp.error.timeout` with a text, for a procedure that enforces call timeouts itself (see
    /// [`forward_timeout`](crate::register::RegisterBuilder::forward_timeout)).
    pub fn timeout(text: &str) -> Self {
        Self::with_text(error_uri::TIMEOUT, text)
    }

    /// `wamp.error.canceled` with a text.
    pub fn canceled(text: &str) -> Self {
        Self::with_text(error_uri::CANCELED, text)
    }

    /// Sets positional arguments: a tuple, an array or a `Vec`.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    pub fn with_args<A: Serialize>(mut self, args: &A) -> Result<Self, ValueError> {
        self.payload = Payload::from_args(Serializer::Json, args)?;
        Ok(self)
    }

    /// Sets positional and keyword arguments; the latter are a struct or a map.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    pub fn with_args_and_kwargs<A: Serialize, K: Serialize>(
        mut self,
        args: &A,
        kwargs: &K,
    ) -> Result<Self, ValueError> {
        self.payload = Payload::from_args_and_kwargs(Serializer::Json, args, kwargs)?;
        Ok(self)
    }

    /// Sets an opaque payload that only the caller can read. Spec: advanced profile "Payload
    /// Passthru Mode".
    ///
    /// # Errors
    /// When the payload cannot be encoded.
    pub fn with_passthru(mut self, passthru: Passthru) -> Result<Self, ValueError> {
        self.payload = passthru.into_message(Serializer::Json, &mut self.passthru)?;
        Ok(self)
    }

    /// Adds a custom attribute for the caller, such as `_trace`.
    ///
    /// # Errors
    /// When the key is invalid or the value cannot be encoded.
    pub fn with_attribute(mut self, key: &str, value: &impl Serialize) -> Result<Self, ValueError> {
        attributes::insert(&mut self.passthru, Serializer::Json, key, value)?;
        Ok(self)
    }

    /// A custom attribute that the callee has sent.
    ///
    /// # Errors
    /// When the attribute has another type.
    pub fn attribute<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ValueError> {
        attributes::read(self.passthru.as_deref(), key)
    }

    /// The opaque payload of an error in payload passthru mode; none for a plain error.
    ///
    /// # Errors
    /// When the error is in passthru mode and its argument is not a single byte string.
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
