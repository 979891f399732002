//! The table of what can be wrong with a request before the router is asked.
//!
//! Texts are those that clients of Crossbar.io's REST bridge know and may compare.

use std::fmt;

use compact_str::CompactString;
use http::StatusCode;
use thiserror::Error;

/// Why a request is denied; its text is the `error` of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Denial {
    /// AR400: a request over a plain connection where TLS is required, or with a broken head.
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
    /// AR450: a parameter of Content-Type that is broken, given twice, or another charset.
    #[error("Non-accepted request encoding, must be UTF-8.")]
    Charset,
    /// AR451: the body is not UTF-8.
    #[error("Non-decodable request body, was not UTF-8.")]
    NotUtf8,
    /// AR452: another media type.
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
    /// AR460: nobody has this key.
    #[error("REST bridge signature key not valid.")]
    Key,
    /// AR461: a field of a signed request is missing.
    #[error("REST bridge signature was invalid (missing mandatory field - {0}).")]
    FieldMissing(&'static str),
    /// AR462: a field of a signed request is malformed, or its nonce was used before.
    #[error("REST bridge signature was invalid ({0}).")]
    FieldInvalid(CompactString),
    /// AR463: a header field that may stand once stands more often.
    #[error("Multiple versions of the same header is not allowed.")]
    RepeatedHeader,
    /// AR464: the timestamp is too far from now.
    #[error("Request expired, too old timestamp.")]
    Expired,
    /// AR465: the body is not as long as announced, or was given up while it came.
    #[error("Body length ({read}) is different to Content-Length header ({announced}).")]
    LengthDiffers {
        /// The length of the body, in bytes.
        read: usize,
        /// What Content-Length says.
        announced: u64,
    },
    /// AR466: requests from this address are not accepted.
    #[error("Request denied based on IP address.")]
    Address,
    /// AR467: no further nonce can be remembered for now.
    #[error("Too many signed requests, no further nonce can be remembered for now.")]
    TooManyNonces,
    /// AR468: requests from pages of this origin are not accepted.
    #[error("Request denied based on its origin.")]
    Origin,
}

/// How long a body that is too long is, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// So many bytes.
    Bytes(u64),
    /// Nobody has announced it, and the rest was not read.
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
    /// The status of the answer.
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

    /// The code by which logs and documentation name it.
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
