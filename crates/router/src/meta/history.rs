//! Events that were kept: `wamp.subscription.get_events`.
//!
//! Two forms are understood. The specification's has the subscription as its only positional
//! argument and tells events in the order in which they came, unless asked otherwise; they are the
//! positional results. Crossbar.io's has a second argument, the number of events, and tells the
//! latest first; its one result is their list.
//!
//! An answer has a largest size. So many events as were asked for are told or none; without a
//! number, as many as fit, and the keyword result `more` says that there are others.
//! Spec: advanced profile "Event History".

use cloverleaf_wamp::codec::{EncodeError, TokenWriter};
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::Options as _;
use cloverleaf_wamp::payload::{Encoded, Payload};
use cloverleaf_wamp::serializer::Serializer;
use serde::{Deserialize, Serialize};

use super::MetaCall;
use super::subscription::subscription_id;
use crate::authorization::Action;
use crate::broker::{Past, Query};
use crate::failure::RequestFailure;
use crate::limits::MAX_TOLD_HISTORY_BYTES;
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::wall_clock::Timestamp;

#[derive(Deserialize)]
struct Asked {
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
    pub(super) fn get_events(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = subscription_id(meta)?;
        let details = self.broker.details(id).ok_or(RequestFailure::UnknownSubscription(id))?;
        self.authorize_pattern(meta.from, Action::Subscribe, details.pattern)?;
        let history = self.broker.history(id).ok_or(RequestFailure::HistoryUnavailable(id))?;
        let limit: Option<u64> = meta.optional(1)?;
        let query = query(meta, limit)?;
        let Some(session) = self.sessions.at(meta.from) else { return Ok(Payload::EMPTY) };
        let Told { events, more } = Told::of(history.query(&query, session.party()));
        if more && query.limit.is_some() {
            return Err(RequestFailure::EventsTooLarge);
        }
        let serializer = meta.call.payload.serializer().unwrap_or(Serializer::Json);
        let written = write(&events, limit.is_some(), serializer);
        let written = written.map_err(|error| meta.refused(&error.to_string()))?;
        let more = more.then(|| Encoded::from_value(serializer, &More { more })).transpose();
        let more = more.map_err(|error| meta.refused(&error.to_string()))?;
        Payload::from_encoded(Some(written), more).map_err(|error| meta.refused(&error.to_string()))
    }
}

/// What is told at once.
struct Told<'a> {
    events: Vec<&'a Past>,
    /// Others did not fit.
    more: bool,
}

impl<'a> Told<'a> {
    /// The first events that fit, and one in any case.
    fn of(all: impl Iterator<Item = &'a Past>) -> Self {
        let (mut events, mut bytes) = (Vec::new(), 0);
        for past in all {
            bytes += past.size();
            if bytes > MAX_TOLD_HISTORY_BYTES && !events.is_empty() {
                return Self { events, more: true };
            }
            events.push(past);
        }
        Self { events, more: false }
    }
}

/// The keyword results.
#[derive(Serialize)]
struct More {
    more: bool,
}

fn query(meta: MetaCall<'_>, positional: Option<u64>) -> Result<Query, RequestFailure> {
    let asked: Asked = meta.kwargs()?;
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
    Ok(Query {
        reverse: asked.reverse.unwrap_or_else(|| positional.is_some()),
        limit: limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        from_time: time(asked.from_time)?,
        after_time: time(asked.after_time)?,
        before_time: time(asked.before_time)?,
        until_time: time(asked.until_time)?,
        topic: asked.topic.map(Into::into),
        from_publication: publication(asked.from_publication)?,
        after_publication: publication(asked.after_publication)?,
        before_publication: publication(asked.before_publication)?,
        until_publication: publication(asked.until_publication)?,
    })
}

/// The positional results.
fn write(
    events: &[&Past],
    as_crossbar: bool,
    serializer: Serializer,
) -> Result<Encoded, EncodeError> {
    Encoded::composed(serializer, |writer| {
        if as_crossbar {
            writer.list_start(1);
        }
        writer.list_start(events.len());
        events.iter().try_for_each(|past| tell(past, as_crossbar, serializer, writer))?;
        writer.list_end();
        if as_crossbar {
            writer.list_end();
        }
        Ok(())
    })
}

/// One event. `as_crossbar` also says the time as a number, and which arguments there were not.
fn tell(
    past: &Past,
    as_crossbar: bool,
    serializer: Serializer,
    writer: &mut dyn TokenWriter,
) -> Result<(), EncodeError> {
    let event = &past.event;
    let payload = event.payload.to_format(serializer)?;
    let more = if as_crossbar { 1 + 2 - payload.entries() } else { 0 };
    writer.map_start(5 + payload.entries() + more);
    writer.key("timestamp");
    writer.text(&past.at.text());
    writer.key("subscription");
    writer.unsigned(event.subscription.number());
    writer.key("publication");
    writer.unsigned(event.publication.number());
    writer.key("topic");
    writer.text(&past.topic);
    writer.key("details");
    writer.map_start(event.details.entries());
    event.details.write(serializer, &mut &mut *writer)?;
    writer.map_end();
    payload.write_entries(writer);
    if as_crossbar {
        writer.key("time_ns");
        writer.unsigned(u64::try_from(past.at.micros()).unwrap_or_default().saturating_mul(1_000));
    }
    if as_crossbar && payload.args().is_none() {
        writer.key("args");
        writer.list_start(0);
        writer.list_end();
    }
    if as_crossbar && payload.kwargs().is_none() {
        writer.key("kwargs");
        writer.null();
    }
    writer.map_end();
    Ok(())
}
