//! Checks of SUBSCRIBE and UNSUBSCRIBE; the broker serves them.
//!
//! Spec: basic profile "Subscribing and Unsubscribing"; advanced profile "Pattern-based
//! Subscription".

use cloverleaf_wamp::message::{Subscribe, Unsubscribe};

use super::Realm;
use crate::authorization::Action;
use crate::broker::{DeliveryMode, SubscribeRequest};
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::jobs::Job;
use crate::outbox::Outbox;
use crate::parking::Decided;
use crate::session::SessionKey;

impl<O: Outbox> Realm<O> {
    pub(super) fn subscribe(
        &mut self,
        from: SessionKey,
        subscribe: &Subscribe,
        decided: Option<&Decided>,
        now: Moment,
    ) {
        let checked = self.check_subscribe(from, subscribe, decided);
        if let Err(failure) = &checked {
            let policy = subscribe.options.match_policy.unwrap_or_default();
            let topic = &subscribe.topic;
            self.report_refused_pattern(from, Action::Subscribe, topic, policy, failure);
        }
        let outcome = checked.and_then(|wish| {
            let at = (now, self.clock.now());
            let Some(subscriber) = self.sessions.with_limits_mut(from) else {
                return Ok((Vec::new(), false));
            };
            self.broker.subscribe(subscriber, wish, at, &mut self.work)
        });
        let outcome = outcome.map(|(changes, has_more_retained)| {
            self.publish_subscription_changes(from, &changes, now);
            if has_more_retained {
                self.jobs.push(Job::Replays(from));
                self.wait_if_busy(from);
            }
        });
        self.answer_failure(from, subscribe.reference(), outcome);
    }

    fn check_subscribe(
        &self,
        from: SessionKey,
        subscribe: &Subscribe,
        decided: Option<&Decided>,
    ) -> Result<SubscribeRequest, RequestFailure> {
        let options = &subscribe.options;
        let policy = options.match_policy.unwrap_or_default();
        let pattern = subscribe
            .topic
            .check_pattern(policy, self.settings.uri_rule)
            .map_err(RequestFailure::InvalidUri)?;
        self.authorize_pattern(from, Action::Subscribe, &pattern, decided)?;
        let mode = DeliveryMode::from_options(options)?;
        let (request, get_retained) = (subscribe.request, options.get_retained == Some(true));
        Ok(SubscribeRequest { request, pattern, mode, get_retained })
    }

    pub(super) fn unsubscribe(&mut self, from: SessionKey, unsubscribe: &Unsubscribe, now: Moment) {
        let Some(session) = self.sessions.at_mut(from) else { return };
        let (request, id) = (unsubscribe.request, unsubscribe.subscription);
        let outcome = self.broker.unsubscribe(session, request, id);
        let outcome = outcome.map(|changes| self.publish_subscription_changes(from, &changes, now));
        self.answer_failure(from, unsubscribe.reference(), outcome);
    }
}
