//! The errors of a request that are found before the router is asked.
//!
//! The texts are those of Crossbar.io's REST bridge: clients may compare them.

use std::fmt;

use compact_str::CompactString;
use http::StatusCode;
use thiserror::Error;

/// The reason why a request is denied. Its text is the `error` member of the response.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Denial {
    /// AR400: TLS is required and the connection is not encrypted, or the head is malformed.
    #[error("Malformed request to the REST bridge.")]
    Malformed,
    /// AR405: a method other than POST, PUT and OPTIONS.
    #[error("Method not accepted by the REST bridge. ({0} not allowed, only POST, PUT)")]
    Method(CompactString),
    /// AR413: the body is too long.
    #[error("Request too long. ({length} is longer than accepted {accepted})")]
    TooLong {
        /// Its length.
        length: BodyLength,
        /// The longest that is accepted, in bytes.
        accepted: usize,
    },
    /// AR450: a parameter of Content-Type is malformed or repeated, or the charset is not UTF-8.
    #[error("Non-accepted request encoding, must be UTF-8.")]
    Charset,
    /// AR451: the body is not UTF-8.
    #[error("Non-decodable request body, was not UTF-8.")]
    NotUtf8,
    /// AR452: the media type is not `application/json`.
    #[error("Non-accepted content type. (must be one of 'application/json', not '{0}')")]
    ContentType(CompactString),
    /// AR453: the body is not JSON.
    #[error("Request body was invalid JSON.")]
    NotJson,
    /// AR454: the body is no dict, or a member of it has the wrong type.
    #[error("Request body was valid JSON, but not well formed ({0}).")]
    NotWellFormed(CompactString),
    /// AR455: the body lacks a member.
    #[error("Request body was valid JSON, but not well formed (missing key '{0}').")]
    MissingKey(&'static str),
    /// AR459: the signature is wrong.
    #[error("REST bridge signature secret not valid.")]
    Secret,
    /// AR460: the key is unknown.
    #[error("REST bridge signature key not valid.")]
    Key,
    /// AR461: a field of a signed request is missing.
    #[error("REST bridge signature was invalid (missing mandatory field - {0}).")]
    FieldMissing(&'static str),
    /// AR462: a field of a signed request is malformed, or its nonce was used before.
    #[error("REST bridge signature was invalid ({0}).")]
    FieldInvalid(CompactString),
    /// AR463: a header field is repeated that must not be.
    #[error("Multiple versions of the same header is not allowed.")]
    RepeatedHeader,
    /// AR464: the timestamp is too far from now.
    #[error("Request expired, too old timestamp.")]
    Expired,
    /// AR465: the length of the body differs from Content-Length, or reading it was stopped early.
    #[error("Body length ({read}) is different to Content-Length header ({announced}).")]
    LengthDiffers {
        /// The length of the body, in bytes.
        read: usize,
        /// The value of Content-Length.
        announced: u64,
    },
    /// AR466: the IP address is not allowed.
    #[error("Request denied based on IP address.")]
    Address,
    /// AR467: the table of nonces is full.
    #[error("Too many signed requests, no further nonce can be remembered for now.")]
    TooManyNonces,
    /// AR468: the origin of the web page is not allowed.
    #[error("Request denied based on its origin.")]
    Origin,
}

/// The length of a body above the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// The length in bytes.
    Bytes(u64),
    /// Unknown: there was no Content-Length, and the rest of the body was not read.
    Unknown,
}

impl fmt::Display for BodyLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(length) => length.fmt(f),
            Self::Unknown => f.write_str("the body"),
        }
    }
}

impl Denial {
    /// The HTTP status code of the response.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Secret | Self::Key => StatusCode::UNAUTHORIZED,
            Self::Origin => StatusCode::FORBIDDEN,
            Self::TooManyNonces => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The error code for logs and documentation.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "AR400",
            Self::Method(_) => "AR405",
            Self::TooLong { .. } => "AR413",
            Self::Charset => "AR450",
            Self::NotUtf8 => "AR451",
            Self::ContentType(_) => "AR452",
            Self::NotJson => "AR453",
            Self::NotWellFormed(_) => "AR454",
            Self::MissingKey(_) => "AR455",
            Self::Secret => "AR459",
            Self::Key => "AR460",
            Self::FieldMissing(_) => "AR461",
            Self::FieldInvalid(_) => "AR462",
            Self::RepeatedHeader => "AR463",
            Self::Expired => "AR464",
            Self::LengthDiffers { .. } => "AR465",
            Self::Address => "AR466",
            Self::TooManyNonces => "AR467",
            Self::Origin => "AR468",
        }
    }
}
