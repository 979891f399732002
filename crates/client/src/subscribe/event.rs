//! A received event.

use cloverleaf_wamp::ids::{PublicationId, SessionId};
use cloverleaf_wamp::message::{PassthruDetails, SharedEvent};
use cloverleaf_wamp::payload::Payload;
use serde::de::DeserializeOwned;

use crate::attributes;
use crate::error::Error;
use crate::passthru::Passthru;

/// A received event: details and arguments.
#[derive(Debug, Clone)]
pub struct Event(SharedEvent);

impl Event {
    pub(super) const fn new(event: SharedEvent) -> Self {
        Self(event)
    }

    /// The topic; present for pattern-based subscriptions.
    pub fn topic(&self) -> Option<&str> {
        self.0.details.topic.as_deref()
    }

    /// The publication id.
    pub fn publication(&self) -> PublicationId {
        self.0.publication
    }

    /// The publisher's session id, if disclosed.
    pub fn publisher(&self) -> Option<SessionId> {
        self.0.details.publisher
    }

    /// The publisher's authid, if disclosed.
    pub fn publisher_authid(&self) -> Option<&str> {
        self.0.details.publisher_authid.as_deref()
    }

    /// The publisher's role, if disclosed.
    pub fn publisher_authrole(&self) -> Option<&str> {
        self.0.details.publisher_authrole.as_deref()
    }

    /// Whether this is a retained event, published before the subscription. Spec: advanced profile
    /// "Event Retention".
    pub fn is_retained(&self) -> bool {
        self.0.details.retained == Some(true)
    }

    /// The trust level that the router has assigned to the publication, from 0. Spec: advanced
    /// profile "Publication Trust Levels".
    pub fn trustlevel(&self) -> Option<u64> {
        self.0.details.trustlevel
    }

    /// The positional arguments: a tuple, an array or a `Vec`.
    ///
    /// # Errors
    /// When the arguments have other types.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(self.0.payload.decode_args()?)
    }

    /// The keyword arguments: a struct or a map.
    ///
    /// # Errors
    /// When the arguments have other types.
    pub fn kwargs<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(self.0.payload.decode_kwargs()?)
    }

    /// The arguments as they were received, not decoded.
    pub fn payload(&self) -> &Payload {
        &self.0.payload
    }

    /// A custom attribute that the publisher has sent, such as `_trace`.
    ///
    /// # Errors
    /// When the attribute has another type.
    pub fn attribute<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        Ok(attributes::read(self.passthru_details(), key)?)
    }

    /// The opaque payload of an event in payload passthru mode; none for a plain event.
    ///
    /// # Errors
    /// When the event is in passthru mode and its argument is not a single byte string.
    pub fn passthru(&self) -> Result<Option<Passthru>, Error> {
        Ok(Passthru::of(&self.0.payload, self.passthru_details())?)
    }

    /// The details that the router passes on from the publisher: passthru options and custom
    /// attributes.
    pub fn passthru_details(&self) -> Option<&PassthruDetails> {
        self.0.details.passthru.as_deref()
    }
}
