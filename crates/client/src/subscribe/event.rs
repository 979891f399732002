//! An event, and what is said about it.

use cloverleaf_wamp::ids::{PublicationId, SessionId};
use cloverleaf_wamp::message::{PassthruDetails, SharedEvent};
use cloverleaf_wamp::payload::Payload;
use serde::de::DeserializeOwned;

use crate::attributes;
use crate::error::Error;
use crate::passthru::Passthru;

/// An event as the subscriber sees it.
#[derive(Debug, Clone)]
pub struct Event(SharedEvent);

impl Event {
    pub(super) const fn new(event: SharedEvent) -> Self {
        Self(event)
    }

    /// The topic, where the subscription is a pattern.
    pub fn topic(&self) -> Option<&str> {
        self.0.details.topic.as_deref()
    }

    /// The publication's number.
    pub fn publication(&self) -> PublicationId {
        self.0.publication
    }

    /// The publisher's session, where it is disclosed.
    pub fn publisher(&self) -> Option<SessionId> {
        self.0.details.publisher
    }

    /// Who the publisher is, where it is disclosed.
    pub fn publisher_authid(&self) -> Option<&str> {
        self.0.details.publisher_authid.as_deref()
    }

    /// The publisher's role, where it is disclosed.
    pub fn publisher_authrole(&self) -> Option<&str> {
        self.0.details.publisher_authrole.as_deref()
    }

    /// Whether the event was kept, and was published before there was this subscription.
    pub fn is_retained(&self) -> bool {
        self.0.details.retained == Some(true)
    }

    /// How far the router trusts the publication, from 0, where it says so.
    pub fn trustlevel(&self) -> Option<u64> {
        self.0.details.trustlevel
    }

    /// The positional arguments: a tuple, an array or a `Vec`.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(self.0.payload.decode_args()?)
    }

    /// The keyword arguments: a struct or a map.
    pub fn kwargs<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(self.0.payload.decode_kwargs()?)
    }

    /// The arguments as they came.
    pub fn payload(&self) -> &Payload {
        &self.0.payload
    }

    /// A custom attribute that the publisher sent along, such as `_trace`.
    pub fn attribute<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        Ok(attributes::read(self.passthru_details(), key)?)
    }

    /// Arguments that only publisher and subscriber can read; none where they are plain.
    pub fn passthru(&self) -> Result<Option<Passthru>, Error> {
        Ok(Passthru::of(&self.0.payload, self.passthru_details())?)
    }

    /// What went with the event.
    pub fn passthru_details(&self) -> Option<&PassthruDetails> {
        self.0.details.passthru.as_deref()
    }
}
