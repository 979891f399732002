//! Checks of PUBLISH, and when it is acknowledged; the broker delivers the event.
//!
//! Spec: basic profile "Publishing and Events"; advanced profile "Publisher Identification",
//! "Payload Passthru Mode".

use cloverleaf_wamp::error::ProtocolViolation;
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{Publish, Published, RouterMessage};

use super::Realm;
use super::requests::{authorize, check_announced, check_not_reserved};
use crate::authorization::{Action, Disclosed, Permission};
use crate::broker::{AcknowledgementMode, NewPublication, Publication};
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::parking::Decided;
use crate::session::SessionKey;
use crate::validation::PayloadKind;
use crate::wall_clock::Timestamp;

impl<O: Outbox> Realm<O> {
    pub(super) fn publish(
        &mut self,
        from: SessionKey,
        publish: Publish,
        decided: Option<&Decided>,
        now: Moment,
    ) -> Result<(), ProtocolViolation> {
        let Some(session) = self.sessions.at(from) else { return Ok(()) };
        if session.broker.is_in_flight(publish.request) {
            return Err(ProtocolViolation::RequestIdInUse(publish.request.number()));
        }
        let features = || session.roles.publisher;
        check_announced(publish.options.passthru.as_deref(), &publish.payload, features)?;
        let role = session.role;
        let (request, mode) = (publish.reference(), AcknowledgementMode::of(&publish.options));
        let outcome = self
            .check_publish(role, &publish, decided)
            .and_then(|permission| self.route_event(from, publish, permission, mode, now));
        // An unacknowledged PUBLISH fails silently.
        if mode != AcknowledgementMode::Unacknowledged {
            self.answer_failure(from, request, outcome);
        }
        Ok(())
    }

    /// Accepts a publication, and delivers it now or behind earlier ones of its session.
    fn route_event(
        &mut self,
        from: SessionKey,
        publish: Publish,
        (permission, disclosed): (Permission, bool),
        mode: AcknowledgementMode,
        now: Moment,
    ) -> Result<(), RequestFailure> {
        let (id, at) = (PublicationId::from_random(self.random.bits()), self.time_of_events());
        let Some(session) = self.sessions.at(from) else { return Ok(()) };
        let limits = self.sessions.limits(session.role);
        if (session.is_internal && self.broker.is_full_of_outgoing(from, limits))
            || self.broker.has_no_memory_for_outgoing()
        {
            return Err(RequestFailure::PublisherBusy);
        }
        let request = publish.reference();
        if mode == AcknowledgementMode::ByReceivers {
            session.broker.check_awaited(limits)?;
            self.broker.check_awaited()?;
        }
        let mut publication = Publication::new(NewPublication {
            id,
            source: from,
            publisher: Some(session.identity()),
            publish,
            disclosed,
            trustlevel: permission.trustlevel,
            now,
            at,
        });
        self.broker.check_retained(&publication, session.identity())?;
        let is_acknowledged = mode != AcknowledgementMode::Unacknowledged;
        let answered = is_acknowledged.then_some(request.id());
        self.broker.store(&mut self.sessions, &mut publication, answered)?;
        match mode {
            AcknowledgementMode::Unacknowledged => {}
            AcknowledgementMode::ByReceivers => publication.ask_receivers(request),
            AcknowledgementMode::ByRouter if publication.waits_for_store() => {
                publication.answer_later(request);
            }
            AcknowledgementMode::ByRouter => {
                if let Some(session) = self.sessions.at(from) {
                    let answer = Published { request: request.id(), publication: id };
                    let _ = session.outbox.send(RouterMessage::Published(answer));
                }
            }
        }
        self.broker.publish(&mut self.sessions, publication, now, &mut self.work);
        if self.broker.has_outgoing() {
            self.wait_if_busy(from);
        }
        Ok(())
    }

    /// The time of day for stored events. The clock is not read where no events are stored.
    pub(crate) fn time_of_events(&mut self) -> Timestamp {
        if self.broker.has_histories() { self.clock.now() } else { Timestamp::default() }
    }

    /// The permission for a publication of a session with this role, if the payload matches its
    /// schema, and whether the publisher is disclosed.
    pub(crate) fn check_publish(
        &self,
        role: usize,
        publish: &Publish,
        decided: Option<&Decided>,
    ) -> Result<(Permission, bool), RequestFailure> {
        let topic = &publish.topic;
        topic.validate(self.settings.uri_rule).map_err(RequestFailure::InvalidUri)?;
        let role = self.settings.roles.get(role);
        check_not_reserved(role, Action::Publish, topic)?;
        let permission = authorize(role, Action::Publish, topic, decided)?;
        let passthru = publish.options.passthru.as_deref();
        let validation = &self.settings.validation;
        validation.check(permission.schemas, PayloadKind::Event, &publish.payload, passthru)?;
        let (wish, compatibility) = (publish.options.disclose_me, self.settings.compatibility);
        let disclosed = permission.disclose_publisher.decide(wish, compatibility);
        let disclosed = disclosed.ok_or(RequestFailure::DisclosureRefused)?;
        Ok((permission, disclosed == Disclosed::Yes))
    }
}
