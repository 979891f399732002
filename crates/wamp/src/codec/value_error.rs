//! Errors of serde values.

use crate::error::DecodeError;

/// A serde value cannot be encoded, or bytes cannot be decoded as a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The bytes are invalid in their format.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The value has another shape than the type, or has no encoding.
    #[error("{0}")]
    Shape(String),
}

impl serde::ser::Error for ValueError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Shape(message.to_string())
    }
}

impl serde::de::Error for ValueError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Shape(message.to_string())
    }
}
