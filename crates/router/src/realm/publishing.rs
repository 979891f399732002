//! PUBLISH: whether it is allowed, what becomes of its event, and when it is acknowledged.
//!
//! Who hears the event is the broker's business.
//! Spec: basic profile "Publishing and Events"; advanced profile "Publisher Identification",
//! "Payload Passthru Mode".

use cloverleaf_wamp::error::ProtocolViolation;
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{Publish, Published, RouterMessage};

use super::Realm;
use super::requests::{announced, authorize, not_reserved};
use crate::authorization::{Action, Disclosed, Permission};
use crate::broker::{Publication, is_awaited};
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::session::{Session, SessionKey};
use crate::validation::Held;

impl<O: Outbox> Realm<O> {
    pub(super) fn publish(
        &mut self,
        from: SessionKey,
        publish: &Publish,
        now: Moment,
    ) -> Result<(), ProtocolViolation> {
        let Some(session) = self.sessions.at(from) else { return Ok(()) };
        if session.broker.is_in_flight(publish.request) {
            return Err(ProtocolViolation::RequestIdInUse(publish.request.number()));
        }
        let features = || session.roles.publisher;
        announced(publish.options.carried.as_deref(), &publish.payload, features)?;
        let outcome = self.check_publish(session, publish).and_then(|permission| {
            let id = PublicationId::from_random(self.random.bits());
            self.route_event(from, publish, id, permission, now)
        });
        // An unacknowledged PUBLISH fails silently.
        if publish.options.acknowledge == Some(true) {
            self.refuse(from, publish.reference(), outcome);
        }
        Ok(())
    }

    /// Keeps an event, acknowledges it and tells everybody who shall hear it.
    fn route_event(
        &mut self,
        from: SessionKey,
        publish: &Publish,
        id: PublicationId,
        (permission, disclosed): (Permission, bool),
        now: Moment,
    ) -> Result<(), RequestFailure> {
        let Some(session) = self.sessions.at(from) else { return Ok(()) };
        let trustlevel = permission.trustlevel;
        let publisher = Some(session.party());
        let publication = Publication { id, publisher, publish, disclosed, trustlevel, now };
        if self.broker.has_no_room_for(publish) {
            return Err(RequestFailure::StoreBusy);
        }
        if is_awaited(publish) {
            session.broker.check_awaited()?;
        }
        self.broker.retain(&publication)?;
        if is_awaited(publish) {
            let asked = self.broker.publish_asking(&self.sessions, &publication);
            let request = publish.reference();
            self.broker.await_acknowledgements(&mut self.sessions, from, request, id, asked, now);
            return Ok(());
        }
        let acknowledge = publish.options.acknowledge == Some(true);
        let published = || {
            let answer = Published { request: publish.request, publication: id };
            let _ = session.outbox.send(RouterMessage::Published(answer));
        };
        // Only what is stored is acknowledged behind its event, when it is safe.
        let waits = acknowledge && self.broker.stores(publish);
        if acknowledge && !waits {
            published();
        }
        match self.broker.publish(&self.sessions, &publication) {
            Some(ticket) if waits => {
                let (sessions, request) = (&mut self.sessions, publish.reference());
                self.broker.await_stored(sessions, ticket, from, request, id);
            }
            // It is larger than a history may be.
            None if waits => published(),
            _ => {}
        }
        Ok(())
    }

    /// Whether the publication is allowed and as its schema asks, and whether its publisher is
    /// disclosed.
    pub(crate) fn check_publish(
        &self,
        publisher: &Session<O>,
        publish: &Publish,
    ) -> Result<(Permission, bool), RequestFailure> {
        let topic = &publish.topic;
        topic.validate(self.settings.uri_rule).map_err(RequestFailure::InvalidUri)?;
        let role = self.settings.roles.get(publisher.role);
        not_reserved(role, topic)?;
        let permission = authorize(role, Action::Publish, topic)?;
        let carried = publish.options.carried.as_deref();
        let validation = &self.settings.validation;
        validation.check(permission.schemas, Held::Event, &publish.payload, carried)?;
        let wish = publish.options.disclose_me;
        let disclosed =
            permission.disclose_publisher.decide(wish).ok_or(RequestFailure::DisclosureRefused)?;
        Ok((permission, disclosed == Disclosed::Yes))
    }
}
