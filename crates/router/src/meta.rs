//! What a realm tells of itself: procedures that the router answers, events that it publishes.
//!
//! A meta procedure is no registration: a call of one is answered at once, under the same rules of
//! authorization as any other call.
//!
//! | room | what it is for |
//! |---|---|
//! | `session` | who is there, and ending sessions |
//! | `testament` | what a session leaves behind to be said |
//! | `registration` | who answers what |
//! | `subscription` | who listens to what |
//! | `history` | events that were kept |
//! | `events` | what the router publishes |
//! | `statistics` | what sessions receive and send |
//!
//! Spec: advanced profile "Session Meta API", "Registration Meta API", "Subscriptions Meta API",
//! "Session Testament", "Event History".

use std::fmt;

use cloverleaf_wamp::message::Call;
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use serde::de::DeserializeOwned;

use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::session::SessionKey;

mod events;
mod history;
mod registration;
mod session;
mod statistics;
mod subscription;
mod testament;

pub use statistics::{Metered, SessionStats, Traffic};

macro_rules! procedures {
    ($($(#[$doc:meta])* $name:ident = $uri:literal;)*) => {
        /// A procedure of the router.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Procedure { $($(#[$doc])* $name),* }

        impl Procedure {
            /// The procedure of this name.
            pub(crate) fn named(uri: &str) -> Option<Self> {
                match uri { $($uri => Some(Self::$name),)* _ => None }
            }

            const fn uri(self) -> &'static str {
                match self { $(Self::$name => $uri),* }
            }
        }
    };
}

procedures! {
    CountSessions = "wamp.session.count";
    ListSessions = "wamp.session.list";
    GetSession = "wamp.session.get";
    KillSession = "wamp.session.kill";
    KillByAuthid = "wamp.session.kill_by_authid";
    KillByAuthrole = "wamp.session.kill_by_authrole";
    KillAll = "wamp.session.kill_all";
    AddTestament = "wamp.session.add_testament";
    FlushTestaments = "wamp.session.flush_testaments";
    ListRegistrations = "wamp.registration.list";
    LookupRegistration = "wamp.registration.lookup";
    MatchRegistration = "wamp.registration.match";
    GetRegistration = "wamp.registration.get";
    ListCallees = "wamp.registration.list_callees";
    CountCallees = "wamp.registration.count_callees";
    /// As in Crossbar.io.
    RemoveCallee = "wamp.registration.remove_callee";
    ListSubscriptions = "wamp.subscription.list";
    LookupSubscription = "wamp.subscription.lookup";
    MatchSubscriptions = "wamp.subscription.match";
    GetSubscription = "wamp.subscription.get";
    ListSubscribers = "wamp.subscription.list_subscribers";
    CountSubscribers = "wamp.subscription.count_subscribers";
    /// As in Crossbar.io.
    RemoveSubscriber = "wamp.subscription.remove_subscriber";
    GetEvents = "wamp.subscription.get_events";
}

/// No procedure of the router takes more positional arguments.
const MOST_ARGUMENTS: usize = 3;

/// A call of a procedure of the router.
#[derive(Debug, Clone, Copy)]
struct MetaCall<'a> {
    from: SessionKey,
    procedure: Procedure,
    call: &'a Call,
    now: Moment,
}

impl MetaCall<'_> {
    /// The positional argument at one of the first places; none where it is absent or null.
    fn optional<T: DeserializeOwned>(&self, place: usize) -> Result<Option<T>, RequestFailure> {
        let Some(args) = self.call.payload.args() else { return Ok(None) };
        let refused = |error: &dyn fmt::Display| {
            self.refused(&format!("argument {place} can't be read: {error}"))
        };
        let values = args.first_entries::<MOST_ARGUMENTS>().map_err(|error| refused(&error))?;
        match values.get(place) {
            Some(Some(value)) => value.to_value().map_err(|error| refused(&error)),
            _ => Ok(None),
        }
    }

    /// A positional argument that must be there.
    fn required<T: DeserializeOwned>(&self, place: usize, what: &str) -> Result<T, RequestFailure> {
        self.optional(place)?
            .ok_or_else(|| self.refused(&format!("argument {place}, the {what}, is missing")))
    }

    /// A positional argument that is an id.
    fn id<T>(
        &self,
        place: usize,
        new: impl FnOnce(u64) -> Option<T>,
        what: &str,
    ) -> Result<T, RequestFailure> {
        new(self.required(place, what)?).ok_or_else(|| {
            self.refused(&format!("argument {place}, the {what}, must be between 1 and 2^53"))
        })
    }

    /// The keyword arguments.
    fn kwargs<T: DeserializeOwned>(&self) -> Result<T, RequestFailure> {
        self.call.payload.decode_kwargs().map_err(|error| self.refused(&error.to_string()))
    }

    fn refused(&self, why: &str) -> RequestFailure {
        // It may repeat the argument, which is as long as the client likes.
        RequestFailure::InvalidArgument(format!("{}: {why:.200}", self.procedure.uri()))
    }
}

/// One result.
fn value<T: serde::Serialize>(value: T) -> Payload {
    Payload::from_args(Serializer::Json, &(value,)).unwrap_or_default()
}

/// Several results, or the arguments of an event: a tuple.
fn values<T: serde::Serialize>(values: &T) -> Payload {
    Payload::from_args(Serializer::Json, values).unwrap_or_default()
}

impl<O: Outbox> Realm<O> {
    /// Answers a call of a procedure of the router.
    pub(crate) fn call_meta(
        &mut self,
        from: SessionKey,
        procedure: Procedure,
        call: &Call,
        now: Moment,
    ) -> Result<Payload, RequestFailure> {
        let meta = MetaCall { from, procedure, call, now };
        match procedure {
            Procedure::CountSessions => self.count_sessions(meta),
            Procedure::ListSessions => self.list_sessions(meta),
            Procedure::GetSession => self.get_session(meta),
            Procedure::KillSession => self.kill_session(meta),
            Procedure::KillByAuthid => self.kill_by_authid(meta),
            Procedure::KillByAuthrole => self.kill_by_authrole(meta),
            Procedure::KillAll => self.kill_all(meta),
            Procedure::AddTestament => self.add_testament(meta),
            Procedure::FlushTestaments => self.flush_testaments(meta),
            Procedure::ListRegistrations => self.list_registrations(meta),
            Procedure::LookupRegistration => self.lookup_registration(meta),
            Procedure::MatchRegistration => self.match_registration(meta),
            Procedure::GetRegistration => self.get_registration(meta),
            Procedure::ListCallees => self.list_callees(meta),
            Procedure::CountCallees => self.count_callees(meta),
            Procedure::RemoveCallee => self.remove_callee(meta),
            Procedure::ListSubscriptions => self.list_subscriptions(meta),
            Procedure::LookupSubscription => self.lookup_subscription(meta),
            Procedure::MatchSubscriptions => self.match_subscriptions(meta),
            Procedure::GetSubscription => self.get_subscription(meta),
            Procedure::ListSubscribers => self.list_subscribers(meta),
            Procedure::CountSubscribers => self.count_subscribers(meta),
            Procedure::RemoveSubscriber => self.remove_subscriber(meta),
            Procedure::GetEvents => self.get_events(meta),
        }
    }
}
