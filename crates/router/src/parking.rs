//! Messages that wait for a decision of the authorizer, in the order of their session.
//!
//! Every question is asked when its message arrives, so that the decisions on several messages of
//! one session overlap. The messages are handled in the order in which they arrived, each when its
//! decision is there. A session whose requests are independent has one lane for each request; any
//! other session has one lane for all. `docs/decisions/authorization.md` gives the reasons.

use std::collections::{BTreeMap, VecDeque};

use cloverleaf_wamp::heap_size::HeapSize as _;
use cloverleaf_wamp::ids::RequestId;
use cloverleaf_wamp::message::{
    ClientMessage, Register, RegisterOptions, Subscribe, SubscribeOptions,
};
use cloverleaf_wamp::uri::{MatchPolicy, UncheckedUri};
use foldhash::HashMap;

use crate::authorization::{Action, Permission, Verdict};
use crate::authorizer::{Authorizer, DecisionTicket, Question};
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::limits::{
    AUTHORIZATION_TIMEOUT_MILLIS, MAX_PARKED_BYTES, MAX_PARKED_BYTES_PER_SESSION,
    MAX_PARKED_INDEPENDENT, MAX_PARKED_PER_SESSION,
};
use crate::session::SessionKey;

/// The outcome of authorization by the authorizer.
pub(crate) type Decided = Result<Permission, RequestFailure>;

/// The messages of a session that keep their order among each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LaneId {
    /// All messages of the session.
    Session,
    /// One call: its parts and its CANCEL. Only where requests are independent.
    Call(RequestId),
    /// Any other request, by a number of the realm's. Only where requests are independent.
    Request(u64),
}

#[derive(Debug)]
struct ParkedMessage {
    message: ClientMessage,
    bytes: usize,
    /// Whether this is the first CALL of a call.
    begins_call: bool,
    state: ParkedState,
}

/// A message that is to be parked.
#[derive(Debug)]
pub(crate) struct Unparked {
    pub(crate) message: ClientMessage,
    /// Whether this is the first CALL of a call.
    pub(crate) begins_call: bool,
}

#[derive(Debug)]
enum ParkedState {
    /// The authorizer has not decided.
    Asked(DecisionTicket),
    /// Handled when the messages before it have been; with the outcome, if a question was asked.
    Ready(Option<Box<Decided>>),
}

#[derive(Debug, Default)]
struct Lane {
    messages: VecDeque<ParkedMessage>,
    /// The lane is in [`ParkedSession::ready`].
    is_ready: bool,
}

impl Lane {
    fn begins_ready(&self) -> bool {
        self.messages.front().is_some_and(|parked| matches!(parked.state, ParkedState::Ready(_)))
    }

    /// The CALL with this request that begins a call.
    fn call_mut(&mut self, request: RequestId) -> Option<&mut ParkedMessage> {
        let is_it = |parked: &&mut ParkedMessage| {
            parked.begins_call
                && matches!(&parked.message, ClientMessage::Call(call) if call.request == request)
        };
        self.messages.iter_mut().find(is_it)
    }
}

/// The parked messages of one session.
#[derive(Debug)]
struct ParkedSession {
    lanes: BTreeMap<LaneId, Lane>,
    /// Lanes whose first message can be handled.
    ready: VecDeque<LaneId>,
    /// A job handles them.
    is_scheduled: bool,
    messages: usize,
    bytes: usize,
    max_messages: usize,
    /// GOODBYE has arrived behind the parked messages.
    ends: bool,
}

impl ParkedSession {
    const fn new(is_independent: bool) -> Self {
        let max_messages =
            if is_independent { MAX_PARKED_INDEPENDENT } else { MAX_PARKED_PER_SESSION };
        Self {
            lanes: BTreeMap::new(),
            ready: VecDeque::new(),
            is_scheduled: false,
            messages: 0,
            bytes: 0,
            max_messages,
            ends: false,
        }
    }

    fn make_ready(&mut self, id: LaneId) {
        if let Some(lane) = self.lanes.get_mut(&id)
            && lane.begins_ready()
            && !std::mem::replace(&mut lane.is_ready, true)
        {
            self.ready.push_back(id);
        }
    }
}

/// A question without an answer.
#[derive(Debug)]
struct OpenQuestion {
    session: SessionKey,
    lane: LaneId,
    deadline: Moment,
}

/// The authorizer of a realm and the messages that wait for its decisions.
#[derive(Debug)]
pub(crate) struct Parking {
    authorizer: Box<dyn Authorizer>,
    last_ticket: u64,
    last_lane: u64,
    sessions: HashMap<SessionKey, ParkedSession>,
    /// All have the same time to be answered, so the first one has the earliest deadline.
    questions: BTreeMap<DecisionTicket, OpenQuestion>,
    bytes: usize,
    /// How many of the messages begin a call.
    calls: usize,
    /// The realm is being closed: nothing more is parked.
    is_ending: bool,
}

/// Whether a parked session is to be worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Schedule {
    /// A job has to be pushed for it.
    Push,
    /// Nothing can be done, or its job is there.
    Keep,
}

impl Parking {
    pub(crate) fn new(authorizer: Box<dyn Authorizer>) -> Self {
        Self {
            authorizer,
            last_ticket: 0,
            last_lane: 0,
            sessions: HashMap::default(),
            questions: BTreeMap::new(),
            bytes: 0,
            calls: 0,
            is_ending: false,
        }
    }

    /// Whether the realm is being closed.
    pub(crate) const fn is_ending(&self) -> bool {
        self.is_ending
    }

    /// The realm is being closed: nothing more is parked.
    pub(crate) const fn begin_ending(&mut self) {
        self.is_ending = true;
    }

    /// The lane of a message.
    pub(crate) const fn lane(&mut self, is_independent: bool, message: &ClientMessage) -> LaneId {
        match message {
            _ if !is_independent => LaneId::Session,
            ClientMessage::Call(call) => LaneId::Call(call.request),
            ClientMessage::Cancel(cancel) => LaneId::Call(cancel.request),
            _ => {
                self.last_lane += 1;
                LaneId::Request(self.last_lane)
            }
        }
    }

    /// Whether any message of the session is parked.
    pub(crate) fn has(&self, session: SessionKey) -> bool {
        self.sessions.contains_key(&session)
    }

    /// Whether a message of this lane has to wait behind another one.
    pub(crate) fn is_occupied(&self, session: SessionKey, lane: LaneId) -> bool {
        self.sessions.get(&session).is_some_and(|parked| parked.lanes.contains_key(&lane))
    }

    /// Whether the CALL that begins the call of this number is parked.
    pub(crate) fn has_call(
        &mut self,
        session: SessionKey,
        lane: LaneId,
        request: RequestId,
    ) -> bool {
        let lane = self.sessions.get_mut(&session).and_then(|parked| parked.lanes.get_mut(&lane));
        lane.is_some_and(|lane| lane.call_mut(request).is_some())
    }

    /// Whether GOODBYE has arrived behind parked messages.
    pub(crate) fn ends(&self, session: SessionKey) -> bool {
        self.sessions.get(&session).is_some_and(|parked| parked.ends)
    }

    /// GOODBYE has arrived behind parked messages.
    pub(crate) fn end_behind(&mut self, session: SessionKey) {
        if let Some(parked) = self.sessions.get_mut(&session) {
            parked.ends = true;
        }
    }

    /// Whether a session has to pause until decisions come. One that is paused goes on when half
    /// of its messages are gone.
    pub(crate) fn is_full(&self, session: SessionKey, is_paused: bool) -> bool {
        let share = if is_paused { 2 } else { 1 };
        self.sessions.get(&session).is_some_and(|parked| {
            parked.ends
                || parked.messages >= parked.max_messages / share
                || parked.bytes >= MAX_PARKED_BYTES_PER_SESSION / share
        })
    }

    /// Whether a message can be parked. A session that can pause may have twice as many: those
    /// that its connection had read already.
    pub(crate) fn has_room(
        &self,
        session: SessionKey,
        message: &ClientMessage,
        can_pause: bool,
    ) -> bool {
        if self.bytes.saturating_add(parked_size(message)) > MAX_PARKED_BYTES {
            return false;
        }
        let share = if can_pause { 2 } else { 1 };
        self.sessions.get(&session).is_none_or(|parked| {
            parked.messages < parked.max_messages * share
                && parked.bytes < MAX_PARKED_BYTES_PER_SESSION * share
        })
    }

    /// Asks the authorizer.
    pub(crate) fn ask(&mut self, question: &Question<'_>) -> (DecisionTicket, Verdict) {
        self.last_ticket += 1;
        let ticket = DecisionTicket(self.last_ticket);
        (ticket, self.authorizer.ask(ticket, question))
    }

    /// Parks a message until a question is answered.
    pub(crate) fn park_asked(
        &mut self,
        session: SessionKey,
        lane: LaneId,
        unparked: Unparked,
        ticket: DecisionTicket,
        now: Moment,
    ) {
        let deadline = now.plus_millis(AUTHORIZATION_TIMEOUT_MILLIS);
        self.questions.insert(ticket, OpenQuestion { session, lane, deadline });
        self.push(session, lane, unparked, ParkedState::Asked(ticket));
    }

    /// Parks a message behind others of its lane.
    pub(crate) fn park_ready(
        &mut self,
        session: SessionKey,
        lane: LaneId,
        unparked: Unparked,
        decided: Option<Decided>,
    ) {
        self.push(session, lane, unparked, ParkedState::Ready(decided.map(Box::new)));
    }

    fn push(&mut self, session: SessionKey, lane: LaneId, unparked: Unparked, state: ParkedState) {
        let Unparked { message, begins_call } = unparked;
        let bytes = parked_size(&message);
        self.bytes += bytes;
        self.calls += usize::from(begins_call);
        let is_independent = lane != LaneId::Session;
        let parked =
            self.sessions.entry(session).or_insert_with(|| ParkedSession::new(is_independent));
        parked.messages += 1;
        parked.bytes += bytes;
        let lane = parked.lanes.entry(lane).or_default();
        lane.messages.push_back(ParkedMessage { message, bytes, begins_call, state });
    }

    /// Answers a question; one that is not open any more is ignored. The session, if it has to be
    /// scheduled.
    pub(crate) fn decide(
        &mut self,
        ticket: DecisionTicket,
        outcome: impl FnOnce(&ClientMessage) -> Decided,
    ) -> Option<SessionKey> {
        let OpenQuestion { session, lane, .. } = self.questions.remove(&ticket)?;
        let parked = self.sessions.get_mut(&session)?;
        let messages = &mut parked.lanes.get_mut(&lane)?.messages;
        let is_it = |parked: &&mut ParkedMessage| matches!(parked.state, ParkedState::Asked(asked) if asked == ticket);
        let asked = messages.iter_mut().find(is_it)?;
        asked.state = ParkedState::Ready(Some(Box::new(outcome(&asked.message))));
        parked.make_ready(lane);
        (self.schedule(session) == Schedule::Push).then_some(session)
    }

    /// Fails the parked CALL that a further part or a CANCEL belongs to, since there is no room for
    /// that message.
    pub(crate) fn fail_call(
        &mut self,
        session: SessionKey,
        lane: LaneId,
        request: RequestId,
        failure: RequestFailure,
    ) -> Schedule {
        let Some(parked) = self.sessions.get_mut(&session) else { return Schedule::Keep };
        let call = parked.lanes.get_mut(&lane).and_then(|lane| lane.call_mut(request));
        let Some(call) = call else { return Schedule::Keep };
        let failed = ParkedState::Ready(Some(Box::new(Err(failure))));
        if let ParkedState::Asked(ticket) = std::mem::replace(&mut call.state, failed) {
            self.questions.remove(&ticket);
            self.authorizer.withdraw(ticket);
        }
        parked.make_ready(lane);
        self.schedule(session)
    }

    /// Whether a session has messages that can be handled and no job for that. It is taken to have
    /// one from now on.
    pub(crate) fn schedule(&mut self, session: SessionKey) -> Schedule {
        if let Some(parked) = self.sessions.get_mut(&session)
            && !parked.ready.is_empty()
            && !std::mem::replace(&mut parked.is_scheduled, true)
        {
            return Schedule::Push;
        }
        Schedule::Keep
    }

    /// The job of a session stops before everything that can be handled is.
    pub(crate) fn unschedule(&mut self, session: SessionKey) {
        if let Some(parked) = self.sessions.get_mut(&session) {
            parked.is_scheduled = false;
        }
    }

    /// Takes out the next message that can be handled, with the outcome of its question.
    pub(crate) fn take_ready(
        &mut self,
        session: SessionKey,
    ) -> Option<(ClientMessage, Option<Box<Decided>>)> {
        let parked = self.sessions.get_mut(&session)?;
        let id = *parked.ready.front()?;
        let lane = parked.lanes.get_mut(&id)?;
        let ParkedMessage { message, bytes, begins_call, state } = lane.messages.pop_front()?;
        let ParkedState::Ready(decided) = state else { return None };
        self.calls -= usize::from(begins_call);
        self.bytes -= bytes;
        parked.messages -= 1;
        parked.bytes -= bytes;
        if !lane.begins_ready() {
            lane.is_ready = false;
            parked.ready.pop_front();
        }
        if lane.messages.is_empty() {
            parked.lanes.remove(&id);
        }
        Some((message, decided))
    }

    /// Removes a session that has no parked message any more. Whether it was removed, and whether
    /// its GOODBYE is next.
    pub(crate) fn finish(&mut self, session: SessionKey) -> Option<bool> {
        let parked = self.sessions.get(&session)?;
        if parked.messages > 0 {
            return None;
        }
        self.sessions.remove(&session).map(|parked| parked.ends)
    }

    /// Drops the messages of a session that has left. Returns how many there were.
    pub(crate) fn forget(&mut self, session: SessionKey) -> usize {
        let Some(parked) = self.sessions.remove(&session) else { return 0 };
        self.bytes -= parked.bytes;
        for message in parked.lanes.into_values().flat_map(|lane| lane.messages) {
            if let ParkedState::Asked(ticket) = message.state {
                self.questions.remove(&ticket);
                self.authorizer.withdraw(ticket);
            }
            self.calls -= usize::from(message.begins_call);
        }
        parked.messages
    }

    /// The deadline of the question that was asked first.
    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        self.questions.first_key_value().map(|(_, question)| question.deadline)
    }

    /// Takes back the question that was asked first, if its time is over or `all` are to end.
    pub(crate) fn withdraw_due(&mut self, now: Moment, all: bool) -> Option<DecisionTicket> {
        let (ticket, question) = self.questions.first_key_value()?;
        let ticket = *ticket;
        if !all && question.deadline > now {
            return None;
        }
        self.authorizer.withdraw(ticket);
        Some(ticket)
    }

    /// How many parked messages begin a call.
    pub(crate) const fn calls(&self) -> usize {
        self.calls
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.questions.is_empty() && self.bytes == 0 && self.calls == 0
    }
}

/// The action, URI and match policy of a request that is authorized.
pub(crate) fn requested(message: &ClientMessage) -> Option<(Action, &UncheckedUri, MatchPolicy)> {
    match message {
        ClientMessage::Call(call) => Some((Action::Call, &call.procedure, MatchPolicy::Exact)),
        ClientMessage::Publish(publish) => {
            Some((Action::Publish, &publish.topic, MatchPolicy::Exact))
        }
        ClientMessage::Register(Register { options, procedure, .. }) => {
            Some((Action::Register, procedure, options.match_policy.unwrap_or_default()))
        }
        ClientMessage::Subscribe(Subscribe { options, topic, .. }) => {
            Some((Action::Subscribe, topic, options.match_policy.unwrap_or_default()))
        }
        _ => None,
    }
}

/// Bytes that a parked message holds.
fn parked_size(message: &ClientMessage) -> usize {
    let own = match message {
        ClientMessage::Call(_) | ClientMessage::Publish(_) => message.heap_size(),
        ClientMessage::Register(_) => size_of::<RegisterOptions>() + message.heap_size(),
        ClientMessage::Subscribe(_) => size_of::<SubscribeOptions>() + message.heap_size(),
        _ => 0,
    };
    size_of::<ParkedMessage>() + own
}
