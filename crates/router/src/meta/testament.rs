//! What a session leaves behind to be said: `wamp.session.add_testament`, `flush_testaments`.
//!
//! Spec: advanced profile "Session Testament".

use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::{PublicationId, RequestId};
use cloverleaf_wamp::message::{Carried, Publish, PublishOptions};
use cloverleaf_wamp::payload::{Encoded, Payload};
use serde::Deserialize;

use super::{MetaCall, value};
use crate::broker::Publication;
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::session::Session;
use crate::testament::Scope;

#[derive(Deserialize)]
struct Wanted {
    scope: Option<String>,
}

impl Wanted {
    fn scope(&self, meta: MetaCall<'_>) -> Result<Scope, RequestFailure> {
        let name = self.scope.as_deref().unwrap_or("destroyed");
        Scope::from_name(name)
            .ok_or_else(|| meta.refused("scope must be 'detached' or 'destroyed'"))
    }
}

impl<O: Outbox> Realm<O> {
    pub(super) fn add_testament(&mut self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let wanted: Wanted = meta.kwargs()?;
        let scope = wanted.scope(meta)?;
        let publish = testament(meta)?;
        let Some(session) = self.sessions.at(meta.from) else { return Ok(Payload::EMPTY) };
        // What may not be said now may not be left behind either.
        self.check_publish(session, &publish)?;
        let carried = publish.options.carried.as_deref();
        if carried.is_some_and(Carried::uses_passthru)
            && !session.roles.publisher_has(Feature::PayloadPassthruMode)
        {
            return Err(RequestFailure::FeatureNotSupported(
                "ppt_scheme: HELLO has not announced payload_passthru_mode for the publisher",
            ));
        }
        if let Some(session) = self.sessions.at_mut(meta.from) {
            session.testaments.get_or_insert_default().add(scope, publish)?;
        }
        Ok(value(()))
    }

    pub(super) fn flush_testaments(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Payload, RequestFailure> {
        let wanted: Wanted = meta.kwargs()?;
        let scope = wanted.scope(meta)?;
        let session = self.sessions.at_mut(meta.from);
        if let Some(testaments) = session.and_then(|session| session.testaments.as_mut()) {
            testaments.flush(scope);
        }
        Ok(value(()))
    }

    /// Publishes what a session has left behind, under its name and with its rights.
    pub(super) fn publish_testaments(&mut self, gone: &mut Session<O>, now: Moment) {
        let testaments = gone.testaments.take().map(|testaments| *testaments).unwrap_or_default();
        for publish in testaments.into_all() {
            let Ok((permission, disclosed)) = self.check_publish(gone, &publish) else { continue };
            let publication = Publication {
                id: PublicationId::from_random(self.random.bits()),
                publisher: Some(gone.party()),
                publish: &publish,
                disclosed,
                trustlevel: permission.trustlevel,
                now,
            };
            if self.broker.retain(&publication).is_ok() {
                let _ = self.broker.publish(&self.sessions, &publication);
            }
        }
        self.broker.pressure.forget(gone.key);
    }
}

/// The event that the arguments describe: topic, args, kwargs, and `publish_options`.
fn testament(meta: MetaCall<'_>) -> Result<Publish, RequestFailure> {
    let refused = |error: DecodeError| meta.refused(&error.to_string());
    let given = &meta.call.payload;
    let values = given.args().map(Encoded::first_entries::<3>).transpose().map_err(refused)?;
    let [topic, args, kwargs] = values.unwrap_or_default();
    let topic = topic.ok_or_else(|| meta.refused("the topic is missing"))?;
    let topic: String = topic.to_value().map_err(|error| meta.refused(&error.to_string()))?;
    let payload = Payload::from_encoded(present(args), present(kwargs))
        .map_err(|error| meta.refused(&error.to_string()))?;
    let options = match given.kwargs() {
        Some(kwargs) => kwargs.field("publish_options").map_err(refused)?,
        None => None,
    };
    let options = match present(options) {
        Some(options) => options.to_options::<PublishOptions>().map_err(refused)?,
        None => PublishOptions::default(),
    };
    let request = RequestId::new(1).ok_or_else(|| meta.refused("no request"))?;
    Ok(Publish { request, options: Box::new(options), topic: topic.into(), payload })
}

/// The value, unless it is null.
fn present(value: Option<Encoded>) -> Option<Encoded> {
    value.filter(|value| value.to_value::<()>().is_err())
}
