//! Replays: sending retained events to new subscribers.
//!
//! A subscriber may get more retained events than its queue holds, so they are sent as it reads,
//! topic by topic. What is published meanwhile is sent at once. A topic whose turn has not come is
//! sent before that, so that no event comes before the retained event of its topic. Spec: advanced
//! profile "Event Retention"; basic profile "Ordering Guarantees".

use std::collections::BTreeMap;

use cloverleaf_wamp::ids::SubscriptionId;
use cloverleaf_wamp::message::RouterMessage;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};
use compact_str::CompactString;

use super::Broker;
use super::outgoing::Stepped;
use super::publication::Publication;
use super::retention::Sequence;
use crate::deadline::Moment;
use crate::limits::MAX_REPLAYS_PER_SESSION;
use crate::outbox::Outbox;
use crate::session::{Session, SessionKey, Sessions};
use crate::work::{self, Work};

/// The replay of one subscription for one session.
#[derive(Debug)]
struct Replay {
    pattern: UriPattern,
    /// Events that were retained later were sent as usual events.
    begun: Sequence,
    /// The topic that was sent last.
    after: Option<CompactString>,
}

impl Replay {
    /// Whether the turn of a topic has not come.
    fn is_before(&self, topic: &str) -> bool {
        self.after.as_deref().is_none_or(|after| after < topic) && self.pattern.matches(topic)
    }

    fn named<'a>(&self, topic: &'a CompactString) -> Option<&'a CompactString> {
        Some(topic).filter(|_| self.pattern.policy() != MatchPolicy::Exact)
    }
}

/// The unfinished replays.
#[derive(Debug, Default)]
pub(super) struct Replays(BTreeMap<(SessionKey, SubscriptionId), Replay>);

impl Replays {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of(&self, session: SessionKey) -> impl Iterator<Item = SubscriptionId> + use<'_> {
        let begin = (session, SubscriptionId::from_random(0));
        let its = self.0.range(begin..).take_while(move |((key, _), _)| *key == session);
        its.map(|((_, id), _)| *id)
    }

    /// Ends the replay of a subscription that the session no longer has.
    pub(super) fn end(&mut self, session: SessionKey, id: SubscriptionId) {
        if !self.is_empty() {
            self.0.remove(&(session, id));
        }
    }
}

impl Broker {
    /// Sends retained events to a new subscriber, as many as it takes now. Returns whether more are
    /// left for [`Self::continue_replays`].
    pub(super) fn begin_replay<O: Outbox>(
        &mut self,
        session: &Session<O>,
        id: SubscriptionId,
        pattern: UriPattern,
        now: Moment,
        work: &mut Work,
    ) -> bool {
        let begun = self.retention.sequence();
        let mut replay = Replay { pattern, begun, after: None };
        let is_done = self.replay(session, id, &mut replay, now, work) == Stepped::Done;
        if !is_done {
            self.retention.replays.0.insert((session.key, id), replay);
        }
        !is_done
    }

    /// Whether a session has as many replays as it may.
    pub(crate) fn is_full_of_replays(&self, session: SessionKey) -> bool {
        self.retention.has_replays()
            && self.retention.replays.of(session).count() >= MAX_REPLAYS_PER_SESSION
    }

    /// Continues the replays of a session.
    pub(crate) fn continue_replays<O: Outbox>(
        &mut self,
        sessions: &Sessions<O>,
        key: SessionKey,
        now: Moment,
        work: &mut Work,
    ) -> Stepped {
        let Some(session) = sessions.at(key).filter(|session| !session.is_closing) else {
            return Stepped::Done;
        };
        loop {
            let next = self.retention.replays.of(key).next();
            let Some(id) = next else { break };
            let Some(mut replay) = self.retention.replays.0.remove(&(key, id)) else { break };
            let stepped = self.replay(session, id, &mut replay, now, work);
            if stepped != Stepped::Done {
                self.retention.replays.0.insert((key, id), replay);
                return stepped;
            }
        }
        Stepped::Done
    }

    fn replay<O: Outbox>(
        &self,
        session: &Session<O>,
        id: SubscriptionId,
        replay: &mut Replay,
        now: Moment,
        work: &mut Work,
    ) -> Stepped {
        let after = replay.after.take();
        let mut last = after.clone();
        let mut stepped = Stepped::Done;
        for (topic, retained) in self.retention.topics_behind(after.as_ref(), &replay.pattern) {
            if work.is_spent() {
                stepped = Stepped::More;
                break;
            }
            work.spend(work::ENTRY);
            if replay.pattern.matches(topic)
                && let Some(event) = retained.event_for(session, replay.begun, now)
            {
                if !session.outbox.has_room() {
                    stepped = Stepped::Waits;
                    break;
                }
                work.spend(work::EVENT);
                let event = event.event(id, replay.named(topic));
                let _ = session.outbox.send(RouterMessage::Event(event));
            }
            last = Some(topic.clone());
        }
        replay.after = last;
        stepped
    }

    /// Before a publication on a topic: sends its retained event in all replays where its turn has
    /// not come.
    pub(super) fn catch_up<O: Outbox>(
        &mut self,
        sessions: &Sessions<O>,
        topic: &str,
        now: Moment,
        work: &mut Work,
    ) {
        let Some(retained) = self.retention.topic(topic) else { return };
        let name = CompactString::from(topic);
        for ((key, id), replay) in &self.retention.replays.0 {
            work.spend(work::ENTRY);
            if replay.is_before(topic)
                && let Some(session) = sessions.at(*key)
                && let Some(event) = retained.event_for(session, replay.begun, now)
            {
                let event = event.event(*id, replay.named(&name));
                let _ = session.outbox.send(RouterMessage::Event(event));
            }
        }
        self.retention.set_caught_up(topic);
    }

    /// Retains the event of a publication.
    pub(super) fn retain<O: Outbox>(
        &mut self,
        sessions: &Sessions<O>,
        publication: &Publication,
        work: &mut Work,
    ) {
        if self.retention.has_replays() {
            let topic = publication.publish.topic.as_str();
            self.catch_up(sessions, topic, publication.accepted, work);
        }
        let publisher = publication.publisher.and_then(|key| sessions.at(key));
        self.retention.keep(publication, publisher.map(Session::identity));
    }
}
