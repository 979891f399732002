//! Errors of serde values.

use crate::error::DecodeError;

/// A serde value and its encoding don't fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The bytes are not valid in their format.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The value is of another shape than the type, or has no encoding.
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
