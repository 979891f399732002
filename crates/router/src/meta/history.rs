//! Stored events: `wamp.subscription.get_events`.
//!
//! There are two forms. In the specification's form the subscription is the only positional
//! argument, the events come in the order of publication unless requested otherwise, and they are
//! the positional results. In Crossbar.io's form the second argument is the number of events, the
//! latest event comes first, and the one result is a list. A realm with the preset `crossbar`
//! always answers in the second form. Spec: advanced profile "Event History".

use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use serde::Deserialize;

use super::MetaCall;
use super::subscription::subscription_id;
use crate::authorization::Action;
use crate::broker::{Bounds, EventFilter, EventsForm, HistoryQuery, HistoryRequest};
use crate::failure::RequestFailure;
use crate::jobs::listing::ListingKind;
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::wall_clock::Timestamp;

/// The keyword arguments.
#[derive(Deserialize)]
struct Keywords {
    reverse: Option<bool>,
    limit: Option<u64>,
    from_time: Option<String>,
    after_time: Option<String>,
    before_time: Option<String>,
    until_time: Option<String>,
    topic: Option<String>,
    from_publication: Option<u64>,
    after_publication: Option<u64>,
    before_publication: Option<u64>,
    until_publication: Option<u64>,
}

impl<O: Outbox> Realm<O> {
    pub(super) fn get_events(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Option<Payload>, RequestFailure> {
        let id = subscription_id(meta)?;
        let details = self.broker.details(id).ok_or(RequestFailure::UnknownSubscription(id))?;
        self.authorize_pattern(meta.from, Action::Subscribe, details.pattern, None)?;
        let positional: Option<u64> =
            meta.positional(1).map(|limit| meta.read("limit", &limit)).transpose()?;
        let default_limit = self.settings.compatibility.default_history_limit();
        let is_list = positional.is_some() || default_limit.is_some();
        let form = if is_list { EventsForm::OneList } else { EventsForm::Positional };
        let mut query = query(meta, positional, form)?;
        let is_limit_asked = query.limit.is_some();
        query.limit = query.limit.or(default_limit);
        self.check_listings(meta.from)?;
        let Some(session) = self.sessions.at(meta.from) else { return Ok(None) };
        let reading = HistoryQuery::new(HistoryRequest {
            caller: session.identity(),
            request: meta.call.reference(),
            subscription: id,
            realm: self.settings.name.clone(),
            form,
            serializer: meta.call.payload.serializer().unwrap_or(Serializer::Json),
            query,
            is_limit_asked,
        });
        match self.broker.begin_reading(id, reading)? {
            Some(reading) => self.list(meta, ListingKind::Events(reading)),
            None => {
                self.count_listing(meta.from);
                self.wait_if_busy(meta.from);
                Ok(None)
            }
        }
    }
}

fn query(
    meta: MetaCall<'_>,
    positional: Option<u64>,
    form: EventsForm,
) -> Result<EventFilter, RequestFailure> {
    let asked: Keywords = meta.kwargs()?;
    let time = |text: Option<String>| {
        let time = text.as_deref().map(|text| {
            Timestamp::parse(text).ok_or_else(|| meta.refused("a time must be written as RFC 3339"))
        });
        time.transpose()
    };
    let publication = |number: Option<u64>| {
        let id = number.map(|number| {
            PublicationId::new(number).ok_or_else(|| meta.refused("a publication must be an id"))
        });
        id.transpose()
    };
    let limit = positional.or(asked.limit);
    if limit == Some(0) {
        return Err(meta.refused("limit must be 1 or more"));
    }
    Ok(EventFilter {
        reverse: asked.reverse.unwrap_or(form == EventsForm::OneList),
        limit: limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        from_time: time(asked.from_time)?,
        after_time: time(asked.after_time)?,
        before_time: time(asked.before_time)?,
        until_time: time(asked.until_time)?,
        topic: asked.topic.map(Into::into),
        bounds: Bounds {
            from: publication(asked.from_publication)?,
            after: publication(asked.after_publication)?,
            before: publication(asked.before_publication)?,
            until: publication(asked.until_publication)?,
        },
    })
}
