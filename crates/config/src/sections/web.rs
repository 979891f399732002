//! Web transports: HTTP with services at its paths.

use std::time::Duration;

use super::ids::{Ids, TYPE_AND_ID};
use super::limits::{LISTENER_LIMITS, ListenerLimits};
use super::listening_endpoint::{self, ListeningEndpoint};
use super::web_service::{WebPath, paths};
use crate::options::{keys, options};
use crate::section::{COOKIE, Section, SectionKeys, SectionOptions};

pub(crate) static WEB_TRANSPORT: SectionKeys =
    SectionKeys::closed("a web transport", TransportKeys::ALL)
        .with(&[TYPE_AND_ID, &MISPLACED_KEYS]);

pub(crate) static WEB_OPTIONS: SectionKeys = SectionKeys::closed("web options", WebOptions::KEYS);

keys! {
    /// The keys of a web transport.
    const KEYS: TransportKeys = { endpoint, limits, options, paths };
}

/// The keys that services have, and not the transport.
pub(crate) const MISPLACED_KEYS: [&str; 2] = [COOKIE, "auth"];

/// A transport of type `web`.
#[derive(Debug, Clone, PartialEq)]
pub struct WebTransport {
    /// The id.
    pub id: String,
    /// The endpoint to listen on.
    pub endpoint: ListeningEndpoint,
    /// The limits of connections.
    pub limits: ListenerLimits,
    /// The options of HTTP connections.
    pub options: WebOptions,
    /// The services at their paths, in the order of the file.
    pub paths: Vec<WebPath>,
}

options! {
    /// The options of a web transport.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct WebOptions {
        /// Whether each request is logged.
        access_log: bool = false, Section::flag;
        /// Whether answers to failed requests contain internal details.
        display_tracebacks: bool = false, Section::flag_without_effect;
        /// Whether responses ask browsers to use only TLS (RFC 6797).
        hsts: bool = false, Section::flag;
        /// How long browsers use only TLS.
        hsts_max_age: Duration = Duration::from_secs(31_536_000), hsts_max_age;
        /// How long a client may be idle; none: the listener's default.
        client_timeout: Option<Duration> = None, client_timeout;
    }
}

/// The longest time that a client may be idle, in seconds: a day.
const MAX_CLIENT_TIMEOUT: u64 = 86_400;

/// Reads a web transport.
pub(crate) fn transport(mut section: Section<'_>, id: String) -> Option<WebTransport> {
    section.narrow(&WEB_TRANSPORT);
    let endpoint = listening_endpoint::listening(&mut section, KEYS.endpoint);
    let limits = section.options(KEYS.limits, &LISTENER_LIMITS);
    let options = section.options(KEYS.options, &WEB_OPTIONS);
    let paths =
        section.required(KEYS.paths).map(|field| paths(&field, &mut Ids::new("webservice")));
    refuse_misplaced(&mut section);
    section.finish();
    Some(WebTransport { id, endpoint: endpoint?, limits, options, paths: paths? })
}

/// Refuses keys of a service that are given to the transport.
pub(crate) fn refuse_misplaced(section: &mut Section<'_>) {
    for key in MISPLACED_KEYS {
        if let Some(field) = section.optional(key) {
            field.fault(format!(
                "'{key}' does not belong here: give it to the services of type 'websocket'"
            ));
        }
    }
}

fn hsts_max_age(section: &mut Section<'_>, key: &'static str, default: Duration) -> Duration {
    let seconds = section.number_up_to(key, &(0..=u64::from(u32::MAX)), default.as_secs());
    Duration::from_secs(seconds)
}

fn client_timeout(
    section: &mut Section<'_>,
    key: &'static str,
    _: Option<Duration>,
) -> Option<Duration> {
    let seconds = section.non_null(key)?.number(&(1..=MAX_CLIENT_TIMEOUT))?;
    Some(Duration::from_secs(seconds))
}
