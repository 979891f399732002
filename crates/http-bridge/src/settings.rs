//! What an operator may choose for one caller or publisher. Where it is written is not known here.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use cloverleaf_wamp::origin::OriginRule;

use crate::head::{FieldValue, HeaderField, HttpHead};
use crate::signing_key::SigningKey;

/// The longest body where the operator sets no limit, in bytes: 16 MiB, the longest message that
/// RawSocket peers can take (advanced profile, "RawSocket Transport"), so that no longer call could
/// reach every kind of callee.
pub const MAX_BODY: usize = 16 << 20;

/// The longest distance between a timestamp and now where the operator says nothing: long enough
/// for clocks that nobody tends, short enough to make a recorded request useless soon.
pub const TIMESTAMP_DELTA_LIMIT: Duration = Duration::from_secs(300);

/// The settings of one caller or publisher.
#[derive(Debug)]
pub struct BridgeSettings {
    /// Whether each request is logged in detail, at the level debug.
    pub debug: bool,
    /// With what requests must be signed; none: unsigned requests are accepted.
    pub signed_with: Option<SigningKey>,
    /// The longest body, in bytes; none: [`MAX_BODY`].
    pub post_body_limit: Option<usize>,
    /// How far the timestamp of a request may be from now; none: any distance.
    pub timestamp_delta_limit: Option<Duration>,
    /// How many nonces of accepted requests are remembered at a time, such as
    /// [`MAX_NONCES`](crate::MAX_NONCES), so that no signed request is accepted twice; none:
    /// requests may be repeated.
    pub remembered_nonces: Option<usize>,
    /// From which addresses requests are accepted; none: from all.
    pub require_ip: Option<AddressFilter>,
    /// Whether requests are accepted over TLS only.
    pub require_tls: bool,
    /// Whether WAMP errors are answered with an HTTP status of their own instead of 200.
    pub error_status: bool,
    /// The web pages that may send requests and read the answers.
    pub allowed_origins: AllowedOrigins,
}

impl Default for BridgeSettings {
    fn default() -> Self {
        Self {
            debug: false,
            signed_with: None,
            post_body_limit: None,
            timestamp_delta_limit: Some(TIMESTAMP_DELTA_LIMIT),
            remembered_nonces: None,
            require_ip: None,
            require_tls: false,
            error_status: false,
            allowed_origins: AllowedOrigins::All,
        }
    }
}

impl BridgeSettings {
    /// The longest body that is accepted, in bytes.
    pub fn body_limit(&self) -> usize {
        self.post_body_limit.unwrap_or(MAX_BODY).min(MAX_BODY)
    }
}

/// The origins (RFC 6454) of web pages that may send requests and read the answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Those of every page.
    All,
    /// Those that a rule allows. Requests from pages of other origins are denied.
    Listed(OriginRule),
}

impl AllowedOrigins {
    /// Whether a request with this head is accepted. One without the header field `Origin` is: it
    /// does not come from a page of another origin. One with several is not: browsers send one.
    pub(crate) fn accept(&self, head: &impl HttpHead) -> bool {
        let Self::Listed(rule) = self else { return true };
        match head.value(HeaderField::Origin) {
            FieldValue::Absent => true,
            FieldValue::Single(origin) => {
                std::str::from_utf8(origin).is_ok_and(|origin| rule.allows(Some(origin)))
            }
            FieldValue::Repeated(_) => false,
        }
    }
}

impl FromIterator<String> for AllowedOrigins {
    /// `*` among the origins stands for all. `null` stands for pages from files and sandboxes.
    fn from_iter<I: IntoIterator<Item = String>>(origins: I) -> Self {
        let origins: Vec<_> = origins.into_iter().collect();
        if origins.iter().any(|origin| origin == "*") {
            return Self::All;
        }
        let allows_null = origins.iter().any(|origin| origin.eq_ignore_ascii_case("null"));
        Self::Listed(OriginRule::new(origins, allows_null))
    }
}

/// Decides from which addresses requests are accepted.
pub struct AddressFilter(Box<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl AddressFilter {
    /// Accepts the addresses for which `accepts` is true.
    pub fn new(accepts: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Box::new(accepts))
    }

    pub(crate) fn accepts(&self, address: IpAddr) -> bool {
        (self.0)(address)
    }
}

impl fmt::Debug for AddressFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressFilter")
    }
}
