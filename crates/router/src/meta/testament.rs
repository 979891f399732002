//! Meta procedures `wamp.session.add_testament` and `flush_testaments`.
//!
//! Spec: advanced profile "Session Testament".

use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::heap_size::HeapSize as _;
use cloverleaf_wamp::ids::{PublicationId, RequestId};
use cloverleaf_wamp::message::{PassthruDetails, Publish, PublishOptions};
use cloverleaf_wamp::payload::Payload;

use super::{MetaCall, value};
use crate::broker::{NewPublication, Publication};
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::session::Identity;
use crate::testament::{Testament, TestamentScope};

impl<O: Outbox> Realm<O> {
    pub(super) fn add_testament(&mut self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let scope = self.testament_scope(meta)?;
        let publish = testament(meta)?;
        let Some(session) = self.sessions.at(meta.from) else { return Ok(Payload::EMPTY) };
        // A session may leave no testament that it may not publish.
        self.check_publish(session.role, &publish, None)?;
        let passthru = publish.options.passthru.as_deref();
        if passthru.is_some_and(PassthruDetails::uses_passthru)
            && !session.roles.publisher_has(Feature::PayloadPassthruMode)
        {
            return Err(RequestFailure::FeatureNotSupported(
                "ppt_scheme: HELLO has not announced payload_passthru_mode for the publisher",
            ));
        }
        let id = PublicationId::from_random(self.random.bits());
        let testament = Testament { id, publish };
        let bytes = testament.total_size();
        if self.testament_bytes + bytes > self.settings.limits.max_testament_bytes {
            return Err(RequestFailure::RealmLimitReached("this realm", "testaments"));
        }
        if let Some((session, limits)) = self.sessions.with_limits_mut(meta.from) {
            session.testaments.get_or_insert_default().add(scope, testament, limits)?;
            self.testament_bytes += bytes;
        }
        if self.settings.compatibility.has_testament_results() {
            return Ok(value(id.number()));
        }
        Ok(value(()))
    }

    pub(super) fn flush_testaments(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Payload, RequestFailure> {
        let scope = self.testament_scope(meta)?;
        let session = self.sessions.at_mut(meta.from);
        let testaments = session.and_then(|session| session.testaments.as_mut());
        let (flushed, bytes) = testaments.map_or((0, 0), |testaments| {
            let before = testaments.bytes();
            (testaments.flush(scope), before - testaments.bytes())
        });
        self.testament_bytes -= bytes;
        if self.settings.compatibility.has_testament_results() {
            return Ok(value(flushed));
        }
        Ok(value(()))
    }

    /// The argument `scope`; `destroyed` if absent.
    fn testament_scope(&self, meta: MetaCall<'_>) -> Result<TestamentScope, RequestFailure> {
        let Some(name) = meta.optional::<String>("scope")? else {
            return Ok(TestamentScope::Destroyed);
        };
        TestamentScope::from_name(&name).ok_or_else(|| {
            if self.settings.compatibility.has_testament_error() {
                return RequestFailure::InvalidScope;
            }
            meta.refused("scope must be 'detached' or 'destroyed'")
        })
    }

    /// Publishes a testament of a session that has ended, with its identity and its rights.
    pub(crate) fn publish_testament(
        &mut self,
        gone: Identity<'_>,
        role: usize,
        testament: Testament,
        now: Moment,
    ) {
        let Testament { id, publish } = testament;
        let Ok((permission, disclosed)) = self.check_publish(role, &publish, None) else { return };
        let publication = Publication::new(NewPublication {
            id,
            source: gone.key,
            publisher: Some(gone),
            publish,
            disclosed,
            trustlevel: permission.trustlevel,
            now,
            at: self.time_of_events(),
        });
        if self.broker.check_retained(&publication, gone).is_ok() {
            self.publish_accepted(publication, now);
        }
    }
}

/// The publication that the arguments describe: `topic`, `args`, `kwargs` and `publish_options`.
fn testament(meta: MetaCall<'_>) -> Result<Publish, RequestFailure> {
    let topic: String = meta.required("topic")?;
    let payload = Payload::from_encoded(meta.argument("args")?, meta.argument("kwargs")?)
        .map_err(|error| meta.refused(&error.to_string()))?;
    let options = match meta.argument("publish_options")? {
        Some(options) => options
            .to_options::<PublishOptions>()
            .map_err(|error| meta.refused(&error.to_string()))?,
        None => PublishOptions::default(),
    };
    let request = RequestId::new(1).ok_or_else(|| meta.refused("no request"))?;
    Ok(Publish { request, options: Box::new(options), topic: topic.into(), payload })
}
