//! The options of one caller or publisher, independent of the configuration format.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use cloverleaf_wamp::origin::OriginRule;

use crate::head::{FieldValue, HeaderField, HttpHead};
use crate::signing_key::SigningKey;

/// Default and upper limit for the length of a body, in bytes: 16 MiB, the longest message that
/// RawSocket supports (advanced profile, "RawSocket Transport"). A longer call could not reach
/// every callee.
pub const MAX_BODY: usize = 16 << 20;

/// Default of [`BridgeSettings::timestamp_delta_limit`]: long enough for clocks that are not
/// synchronized, short enough to make a recorded request useless soon.
pub const TIMESTAMP_DELTA_LIMIT: Duration = Duration::from_secs(300);

/// The options of one caller or publisher.
#[derive(Debug)]
pub struct BridgeSettings {
    /// Whether each request is logged with its arguments, at the level debug.
    pub debug: bool,
    /// The key that requests must be signed with. None: unsigned requests are accepted.
    pub signed_with: Option<SigningKey>,
    /// Maximum length of a body, in bytes. None: [`MAX_BODY`].
    pub post_body_limit: Option<usize>,
    /// Maximum distance between the timestamp of a request and now. None: any distance.
    pub timestamp_delta_limit: Option<Duration>,
    /// Maximum number of remembered nonces, such as [`MAX_NONCES`](crate::MAX_NONCES); a signed
    /// request with a remembered nonce is refused. None: replayed requests are accepted.
    pub remembered_nonces: Option<usize>,
    /// The IP addresses from which requests are accepted. None: all.
    pub require_ip: Option<AddressFilter>,
    /// Whether TLS is required.
    pub require_tls: bool,
    /// Whether WAMP errors have their own HTTP status codes instead of 200.
    pub error_status: bool,
    /// The origins of web pages that may send requests and read the responses.
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
    /// Maximum length of a body, in bytes.
    pub fn body_limit(&self) -> usize {
        self.post_body_limit.unwrap_or(MAX_BODY).min(MAX_BODY)
    }
}

/// The origins (RFC 6454) of web pages that may send requests and read the responses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// All origins.
    All,
    /// The origins that a rule allows. Requests from other origins are denied.
    Listed(OriginRule),
}

impl AllowedOrigins {
    /// Whether a request is accepted. A request without the header field `Origin` is: it does not
    /// come from a page of another origin. A request with several is not: browsers send one.
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
    /// `*` allows all origins; `null` allows pages from files and sandboxes.
    fn from_iter<I: IntoIterator<Item = String>>(origins: I) -> Self {
        let origins: Vec<_> = origins.into_iter().collect();
        if origins.iter().any(|origin| origin == "*") {
            return Self::All;
        }
        let allows_null = origins.iter().any(|origin| origin.eq_ignore_ascii_case("null"));
        Self::Listed(OriginRule::new(origins, allows_null))
    }
}

/// A filter for the IP addresses of peers.
pub struct AddressFilter(Box<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl AddressFilter {
    /// Creates a filter that accepts the addresses for which `accepts` returns true.
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
