//! WAMP over RawSocket.

use cloverleaf_wamp::rawsocket::announced;
use cloverleaf_wamp::serializer::Serializer;

use super::auth::{Auth, auth};
use super::ids::TYPE_AND_ID;
use super::limits::{LISTENER_LIMITS, ListenerLimits};
use super::listening_endpoint::{self, ListeningEndpoint};
use super::serializers::serializers;
use super::slow_consumer::{SlowConsumerPolicy, slow_consumer};
use super::websocket::MAX_MESSAGE_SIZE;
use crate::options::{keys, options};
use crate::section::{DEBUG, Section, SectionKeys, SectionOptions};

pub(crate) static RAWSOCKET_TRANSPORT: SectionKeys =
    SectionKeys::closed("a rawsocket transport", TransportKeys::ALL).with(RAWSOCKET_SERVICE_KEYS);

pub(crate) static UNIVERSAL_RAWSOCKET: SectionKeys =
    SectionKeys::closed("the rawsocket of a universal transport", &[]).with(RAWSOCKET_SERVICE_KEYS);

const RAWSOCKET_SERVICE_KEYS: &[&[&str]] = &[TYPE_AND_ID, RawSocketService::KEYS, &[DEBUG]];

pub(crate) static RAWSOCKET_OPTIONS: SectionKeys =
    SectionKeys::closed("rawsocket options", &[MESSAGE_SIZE]);

keys! {
    /// The keys of a transport, beside those of its service.
    const KEYS: TransportKeys = { endpoint, limits };
}

const OPTIONS: &str = "options";
const MESSAGE_SIZE: &str = "max_message_size";

/// A transport of type `rawsocket`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawSocketTransport {
    /// The id.
    pub id: String,
    /// The endpoint to listen on.
    pub endpoint: ListeningEndpoint,
    /// The limits of connections.
    pub limits: ListenerLimits,
    /// The serializers that clients may choose; never empty.
    pub serializers: Vec<Serializer>,
    /// The longest message that is accepted, in bytes; none: the transport's default.
    pub max_message_size: Option<u32>,
    /// The authentication methods.
    pub auth: Auth,
    /// What happens to events for slow consumers whose role has no policy.
    pub slow_consumer: SlowConsumerPolicy,
}

options! {
    /// The RawSocket part of a universal transport.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RawSocketService {
        /// The serializers that clients may choose; never empty.
        serializers: Vec<Serializer> = Serializer::DEFAULT.to_vec(), serializers;
        /// The longest message that is accepted, in bytes; none: the transport's default.
        max_message_size as OPTIONS: Option<u32> = None, max_message_size;
        /// The authentication methods.
        auth: Auth = Auth::default(), auth;
        /// What happens to events for slow consumers whose role has no policy.
        slow_consumer: SlowConsumerPolicy = SlowConsumerPolicy::default(), slow_consumer;
    }
}

/// Reads a transport of type `rawsocket`.
pub(crate) fn transport(mut section: Section<'_>, id: String) -> Option<RawSocketTransport> {
    section.narrow(&RAWSOCKET_TRANSPORT);
    section.debug();
    let endpoint = listening_endpoint::listening(&mut section, KEYS.endpoint);
    let limits = section.options(KEYS.limits, &LISTENER_LIMITS);
    let RawSocketService { serializers, max_message_size, auth, slow_consumer } = service(section);
    Some(RawSocketTransport {
        id,
        endpoint: endpoint?,
        limits,
        serializers,
        max_message_size,
        auth,
        slow_consumer,
    })
}

/// Reads the keys that a rawsocket transport and the part of a universal transport share.
pub(crate) fn service(mut section: Section<'_>) -> RawSocketService {
    section.accepted(&[DEBUG]);
    let service = RawSocketService::read(&mut section);
    section.finish();
    service
}

/// Reads the options, which have only the longest message.
pub(crate) fn max_message_size(
    section: &mut Section<'_>,
    key: &'static str,
    _: Option<u32>,
) -> Option<u32> {
    let mut options = section.section(key, &RAWSOCKET_OPTIONS)?;
    let size = options.optional(MESSAGE_SIZE);
    options.finish();
    let field = size?;
    let size = field.number(&(1..=MAX_MESSAGE_SIZE))?;
    let announced = announced(size as usize);
    if announced != size as usize {
        field
            .warn(format!("RawSocket can't announce this length; the transport takes {announced}"));
    }
    Some(size)
}
