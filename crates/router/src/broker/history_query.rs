//! Queries for stored events: from the events of a subscription to the answer of
//! `wamp.subscription.get_events`.
//!
//! Events of a history in memory are visited in steps. An event store visits its own, without the
//! realm's lock. The size of an answer is limited: if a number of events was requested, that many
//! are returned or none; otherwise as many as fit, and the keyword result `more` tells that there
//! are others. Spec: advanced profile "Event History".

use std::ops::ControlFlow;
use std::sync::Arc;

use cloverleaf_wamp::codec::TokenWriter;
use cloverleaf_wamp::heap_size::HeapSize;
use cloverleaf_wamp::ids::SubscriptionId;
use cloverleaf_wamp::message::{Event, Options as _, RequestRef};
use cloverleaf_wamp::payload::{EncodeError, Encoded, Payload};
use cloverleaf_wamp::serializer::Serializer;
use compact_str::CompactString;
use serde::Serialize;

use super::history::{Bounds, EventFilter, StoredEvent};
use super::record;
use crate::failure::RequestFailure;
use crate::limits::MAX_HISTORY_ANSWER_BYTES;
use crate::session::{Identity, Principal, SessionKey};
use crate::wall_clock::Timestamp;
use crate::work::{self, Work};

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventsForm {
    /// The events are the positional results.
    Positional,
    /// The only positional result is a list of the events, as with Crossbar.io.
    OneList,
}

/// The events that match a query and that its session may receive.
#[derive(Debug)]
pub(super) struct Selection {
    query: EventFilter,
    /// Whether the query has a limit; otherwise an answer may have fewer events.
    is_limit_asked: bool,
    session: SessionKey,
    principal: Principal,
    events: Vec<Selected>,
    bytes: usize,
    /// Further events did not fit.
    more: bool,
}

/// A selected event.
#[derive(Debug)]
struct Selected {
    at: Timestamp,
    topic: CompactString,
    event: Arc<Event>,
}

impl Selection {
    pub(super) const fn query(&self) -> &EventFilter {
        &self.query
    }

    pub(super) const fn is_reverse(&self) -> bool {
        self.query.reverse
    }

    /// Adds an event that matches; breaks when no more are needed. The first event is added
    /// whatever its size.
    pub(super) fn offer(&mut self, stored: &StoredEvent) -> ControlFlow<()> {
        if self.query.limit.is_some_and(|limit| self.events.len() >= limit) {
            return ControlFlow::Break(());
        }
        let identity = Identity { key: self.session, principal: &self.principal };
        if !self.query.is_met_by(stored) || !stored.eligibility.allows(identity) {
            return ControlFlow::Continue(());
        }
        self.bytes += stored.total_size();
        if self.bytes > MAX_HISTORY_ANSWER_BYTES && !self.events.is_empty() {
            self.more = true;
            return ControlFlow::Break(());
        }
        let StoredEvent { at, topic, event, .. } = stored;
        self.events.push(Selected { at: *at, topic: topic.clone(), event: Arc::clone(event) });
        ControlFlow::Continue(())
    }
}

/// A query for the events of a subscription, while it is answered.
#[derive(Debug)]
pub struct HistoryQuery {
    pub(super) caller: SessionKey,
    pub(super) request: RequestRef,
    subscription: SubscriptionId,
    realm: CompactString,
    form: EventsForm,
    serializer: Serializer,
    pub(super) selection: Selection,
    /// Encoded events, in the order of the selection.
    written: Vec<Encoded>,
}

/// The parts of a query.
#[derive(Debug)]
pub(crate) struct HistoryRequest<'a> {
    pub(crate) caller: Identity<'a>,
    pub(crate) request: RequestRef,
    pub(crate) subscription: SubscriptionId,
    pub(crate) realm: CompactString,
    pub(crate) form: EventsForm,
    pub(crate) serializer: Serializer,
    pub(crate) query: EventFilter,
    /// Whether the query has a limit.
    pub(crate) is_limit_asked: bool,
}

/// The answer to a [`HistoryQuery`].
#[derive(Debug)]
pub struct HistoryAnswer {
    pub(crate) caller: SessionKey,
    pub(crate) request: RequestRef,
    pub(crate) outcome: Result<Payload, RequestFailure>,
}

/// Without the events.
impl HeapSize for HistoryQuery {
    fn heap_size(&self) -> usize {
        let Selection { query, principal, .. } = &self.selection;
        let Principal { authid, authrole, authmethod, authprovider } = principal;
        let topic = query.topic.as_ref().map_or(0, |topic| topic.len());
        let texts = [&self.realm, authid, authrole, authmethod, authprovider];
        topic + texts.iter().map(|text| text.len()).sum::<usize>()
    }
}

impl HistoryQuery {
    pub(crate) fn new(asked: HistoryRequest<'_>) -> Self {
        let HistoryRequest {
            caller, request, subscription, realm, form, serializer, query, ..
        } = asked;
        let selection = Selection {
            query,
            is_limit_asked: asked.is_limit_asked,
            session: caller.key,
            principal: caller.principal.clone(),
            events: Vec::new(),
            bytes: 0,
            more: false,
        };
        let written = Vec::new();
        Self {
            caller: caller.key,
            request,
            subscription,
            realm,
            form,
            serializer,
            selection,
            written,
        }
    }

    /// The bounds of the query.
    pub const fn bounds(&self) -> &Bounds {
        &self.selection.query.bounds
    }

    /// The session that has sent the query.
    pub const fn caller(&self) -> SessionKey {
        self.caller
    }

    /// Whether the latest event is visited first.
    pub const fn is_reverse(&self) -> bool {
        self.selection.query.reverse
    }

    /// Visits a record of the event store; breaks when no more are needed.
    ///
    /// # Errors
    /// The bytes are not a record of this crate.
    pub fn visit(&mut self, bytes: &[u8]) -> Result<ControlFlow<()>, UnreadableRecord> {
        let stored = record::read(bytes, self.subscription).ok_or(UnreadableRecord)?;
        Ok(self.selection.offer(&stored))
    }

    /// The answer, when all records were visited or the store has failed.
    pub fn answer(mut self, outcome: Result<(), &str>) -> HistoryAnswer {
        let (caller, request) = (self.caller, self.request);
        let outcome = match outcome {
            Ok(()) => {
                let mut work = Work::unbounded();
                self.write(&mut work).and_then(|_| self.take_results())
            }
            Err(why) => Err(RequestFailure::NotStored(why.to_owned())),
        };
        HistoryAnswer { caller, request, outcome }
    }

    /// Drops the events that were selected and encoded.
    pub(super) fn restart(&mut self) {
        let Selection { events, bytes, more, .. } = &mut self.selection;
        (*events, *bytes, *more) = (Vec::new(), 0, false);
        self.written = Vec::new();
    }

    /// Encodes the selected events, as far as the work allows. Returns whether all are encoded.
    pub(super) fn write(&mut self, work: &mut Work) -> Result<bool, RequestFailure> {
        if self.selection.more && self.selection.is_limit_asked {
            return Err(RequestFailure::EventsTooLarge);
        }
        while let Some(stored) = self.selection.events.get(self.written.len()) {
            if work.is_spent() {
                return Ok(false);
            }
            work.spend(work::EVENT);
            work.spend_bytes(stored.event.payload.size());
            let written =
                Encoded::compose(self.serializer, |writer| self.write_event(stored, writer));
            self.written.push(written.map_err(failure)?);
        }
        Ok(true)
    }

    /// The results. The encoded events are taken out.
    pub(super) fn take_results(&mut self) -> Result<Payload, RequestFailure> {
        let (form, serializer) = (self.form, self.serializer);
        let written = std::mem::take(&mut self.written);
        let args = Encoded::compose(serializer, |writer| {
            if form == EventsForm::OneList {
                writer.list_start(1);
            }
            writer.list_start(written.len());
            written.iter().for_each(|event| writer.encoded(event.bytes()));
            writer.list_end();
            if form == EventsForm::OneList {
                writer.list_end();
            }
            Ok(())
        });
        let args = args.map_err(failure)?;
        let more = self
            .selection
            .more
            .then(|| Encoded::from_value(serializer, &HistoryKeywords { more: true }));
        let more = more.transpose().map_err(failure)?;
        Payload::from_encoded(Some(args), more).map_err(failure)
    }

    /// Encodes one event with the keys of the specification and those of Crossbar.io. The publisher
    /// is null unless it is disclosed.
    fn write_event(
        &self,
        stored: &Selected,
        writer: &mut dyn TokenWriter,
    ) -> Result<(), EncodeError> {
        let event = &stored.event;
        let payload = event.payload.to_format(self.serializer)?;
        let details = &event.details;
        let arguments = if self.form == EventsForm::OneList { 2 } else { payload.entries() };
        writer.map_start(10 + arguments);
        writer.key("timestamp");
        writer.text(&stored.at.text());
        writer.key("subscription");
        writer.unsigned(event.subscription.number());
        writer.key("publication");
        writer.unsigned(event.publication.number());
        writer.key("topic");
        writer.text(&stored.topic);
        writer.key("details");
        writer.map_start(details.entries());
        details.write(self.serializer, &mut &mut *writer)?;
        writer.map_end();
        writer.key("time_ns");
        let micros = u64::try_from(stored.at.micros()).unwrap_or_default();
        writer.unsigned(micros.saturating_mul(1_000));
        writer.key("realm");
        writer.text(&self.realm);
        writer.key("session_id");
        match details.publisher {
            Some(session) => writer.unsigned(session.number()),
            None => writer.null(),
        }
        for (key, name) in
            [("authid", &details.publisher_authid), ("authrole", &details.publisher_authrole)]
        {
            writer.key(key);
            match name {
                Some(name) => writer.text(name),
                None => writer.null(),
            }
        }
        payload.write_entries(writer);
        if self.form == EventsForm::OneList {
            write_absent(&payload, writer);
        }
        writer.map_end();
        Ok(())
    }
}

/// Absent arguments as clients of Crossbar.io expect them.
fn write_absent(payload: &Payload, writer: &mut dyn TokenWriter) {
    if payload.args().is_none() {
        writer.key("args");
        writer.list_start(0);
        writer.list_end();
    }
    if payload.kwargs().is_none() {
        writer.key("kwargs");
        writer.null();
    }
}

fn failure(error: impl std::fmt::Display) -> RequestFailure {
    RequestFailure::InvalidArgument(format!("the events can't be written: {error}"))
}

/// The record can't be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record has an unknown format")]
pub struct UnreadableRecord;

/// The keyword results.
#[derive(Serialize)]
struct HistoryKeywords {
    more: bool,
}
