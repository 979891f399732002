//! The meta API: procedures that the router answers, events that it publishes.
//!
//! A meta procedure is not a registration: its calls are answered by the router, under the same
//! authorization as any other call. The size of its arguments is limited before they are decoded,
//! and none of them is compared with each session or registration more than once.
//!
//! | module | purpose |
//! |---|---|
//! | `session` | `wamp.session.*`: counting, listing, killing |
//! | `details` | the details of one session |
//! | `testament` | `wamp.session.add_testament`, `flush_testaments` |
//! | `registration` | `wamp.registration.*` |
//! | `subscription` | `wamp.subscription.*` |
//! | `directory` | what these two share |
//! | `history` | `wamp.subscription.get_events` |
//! | `listing` | long answers, collected in steps |
//! | `events` | meta events |
//! | `statistics` | `wamp.session.on_stats` |
//! | `payloads` | results and event arguments |
//!
//! Spec: advanced profile "Session Meta API", "Registration Meta API", "Subscriptions Meta API",
//! "Session Testament", "Event History".

use cloverleaf_wamp::message::Call;
use cloverleaf_wamp::payload::{Encoded, Payload};
use serde::de::DeserializeOwned;

use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::limits::{MAX_META_ARGUMENT_BYTES, MAX_REASON_TEXT_BYTES, SessionLimits};
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::session::SessionKey;

mod details;
mod directory;
mod events;
mod history;
mod listing;
mod payloads;
mod registration;
mod session;
mod statistics;
mod subscription;
mod testament;

use payloads::{value, values};
pub use statistics::{Metered, SessionStats, StatsCycle, Traffic};

macro_rules! procedures {
    ($($(#[$doc:meta])* $name:ident = $uri:literal ($($parameter:literal),*);)*) => {
        /// A meta procedure.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum MetaProcedure { $($(#[$doc])* $name),* }

        impl MetaProcedure {
            /// The procedure with this URI.
            pub(crate) fn named(uri: &str) -> Option<Self> {
                match uri { $($uri => Some(Self::$name),)* _ => None }
            }

            const fn uri(self) -> &'static str {
                match self { $(Self::$name => $uri),* }
            }

            /// The names of its positional arguments, as in Crossbar.io. Each may be a keyword
            /// argument instead.
            const fn parameters(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($parameter),*]),* }
            }
        }
    };
}

procedures! {
    CountSessions = "wamp.session.count" ("filter_authroles");
    ListSessions = "wamp.session.list" ("filter_authroles");
    GetSession = "wamp.session.get" ("session_id");
    KillSession = "wamp.session.kill" ("session_id", "reason", "message");
    KillByAuthid = "wamp.session.kill_by_authid" ("authid", "reason", "message");
    KillByAuthrole = "wamp.session.kill_by_authrole" ("authrole", "reason", "message");
    /// Not in Crossbar.io; `reason` and `message` are keyword arguments only.
    KillAll = "wamp.session.kill_all" ();
    AddTestament =
        "wamp.session.add_testament" ("topic", "args", "kwargs", "publish_options", "scope");
    FlushTestaments = "wamp.session.flush_testaments" ("scope");
    ListRegistrations = "wamp.registration.list" ("session_id");
    LookupRegistration = "wamp.registration.lookup" ("procedure", "options");
    MatchRegistration = "wamp.registration.match" ("procedure");
    GetRegistration = "wamp.registration.get" ("registration_id");
    ListCallees = "wamp.registration.list_callees" ("registration_id");
    CountCallees = "wamp.registration.count_callees" ("registration_id");
    /// As in Crossbar.io.
    RemoveCallee = "wamp.registration.remove_callee" ("registration_id", "callee_id", "reason");
    ListSubscriptions = "wamp.subscription.list" ("session_id");
    LookupSubscription = "wamp.subscription.lookup" ("topic", "options");
    MatchSubscriptions = "wamp.subscription.match" ("topic");
    GetSubscription = "wamp.subscription.get" ("subscription_id");
    ListSubscribers = "wamp.subscription.list_subscribers" ("subscription_id");
    CountSubscribers = "wamp.subscription.count_subscribers" ("subscription_id");
    /// As in Crossbar.io.
    RemoveSubscriber =
        "wamp.subscription.remove_subscriber" ("subscription_id", "subscriber_id", "reason");
    /// `history` reads its further arguments.
    GetEvents = "wamp.subscription.get_events" ("subscription_id");
}

impl MetaProcedure {
    /// The most bytes that its arguments may hold, as they were written. They are decoded while
    /// the realm is locked.
    const fn max_bytes(self, limits: &SessionLimits) -> usize {
        match self {
            Self::AddTestament => limits.max_testament_bytes + MAX_META_ARGUMENT_BYTES,
            _ => MAX_META_ARGUMENT_BYTES,
        }
    }
}

/// The largest number of positional arguments of a meta procedure.
const MAX_POSITIONAL: usize = 5;

/// A call of a meta procedure.
#[derive(Debug, Clone, Copy)]
struct MetaCall<'a> {
    from: SessionKey,
    procedure: MetaProcedure,
    call: &'a Call,
    /// The first positional arguments.
    positional: &'a [Option<Encoded>; MAX_POSITIONAL],
    now: Moment,
}

impl MetaCall<'_> {
    /// The argument with this name, positional or keyword. `None` if it is absent or null.
    ///
    /// # Errors
    /// [`RequestFailure::InvalidArgument`] if it is given twice.
    fn argument(&self, name: &str) -> Result<Option<Encoded>, RequestFailure> {
        let index = self.procedure.parameters().iter().position(|parameter| *parameter == name);
        let positional = index.and_then(|index| self.positional(index));
        let keyword = match self.call.payload.kwargs() {
            Some(kwargs) => {
                let value = kwargs.field(name);
                value.map_err(|error| self.refused(&error.to_string()))?.filter(is_present)
            }
            None => None,
        };
        if positional.is_some() && keyword.is_some() {
            return Err(self.refused(&format!("argument '{name}' is given twice")));
        }
        Ok(positional.or(keyword))
    }

    /// The positional argument at `index`; `None` if it is absent or null.
    fn positional(&self, index: usize) -> Option<Encoded> {
        self.positional.get(index).cloned().flatten().filter(is_present)
    }

    /// The decoded argument with this name; `None` if it is absent or null.
    fn optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, RequestFailure> {
        self.argument(name)?.map(|value| self.read(name, &value)).transpose()
    }

    /// Decodes an argument.
    fn read<T: DeserializeOwned>(&self, name: &str, value: &Encoded) -> Result<T, RequestFailure> {
        let refused = |error| self.refused(&format!("argument '{name}' can't be read: {error}"));
        value.to_value().map_err(refused)
    }

    /// The decoded argument with this name, which is required.
    fn required<T: DeserializeOwned>(&self, name: &str) -> Result<T, RequestFailure> {
        self.optional(name)?.ok_or_else(|| self.refused(&format!("argument '{name}' is missing")))
    }

    /// The argument with this name, which is required and an id.
    fn id<T>(&self, name: &str, new: impl FnOnce(u64) -> Option<T>) -> Result<T, RequestFailure> {
        new(self.required(name)?)
            .ok_or_else(|| self.refused(&format!("argument '{name}' must be between 1 and 2^53")))
    }

    /// The argument with this name, a text for people; `None` if it is absent or null.
    fn text(&self, name: &str) -> Result<Option<String>, RequestFailure> {
        let text: Option<String> = self.optional(name)?;
        if text.as_ref().is_some_and(|text| text.len() > MAX_REASON_TEXT_BYTES) {
            let why = format!("argument '{name}' is longer than {MAX_REASON_TEXT_BYTES} bytes");
            return Err(self.refused(&why));
        }
        Ok(text)
    }

    /// The keyword arguments.
    fn kwargs<T: DeserializeOwned>(&self) -> Result<T, RequestFailure> {
        self.call.payload.decode_kwargs().map_err(|error| self.refused(&error.to_string()))
    }

    fn refused(&self, why: &str) -> RequestFailure {
        // The text may repeat the argument, whose length the client chooses.
        RequestFailure::InvalidArgument(format!("{}: {why:.200}", self.procedure.uri()))
    }
}

/// Whether a value is not null.
fn is_present(value: &Encoded) -> bool {
    value.to_value::<()>().is_err()
}

impl<O: Outbox> Realm<O> {
    /// Answers a call of a meta procedure. Returns the result, or `None` if it comes later.
    pub(crate) fn call_meta(
        &mut self,
        from: SessionKey,
        procedure: MetaProcedure,
        call: &Call,
        now: Moment,
    ) -> Result<Option<Payload>, RequestFailure> {
        let Some(caller) = self.sessions.at(from) else { return Ok(None) };
        let limit = procedure.max_bytes(self.sessions.limits(caller.role));
        if call.payload.size() > limit {
            return Err(RequestFailure::ArgumentsTooLarge(procedure.uri(), limit));
        }
        let positional = match call.payload.args() {
            Some(args) => args.first_items().map_err(|error| {
                RequestFailure::InvalidArgument(format!("{}: {error}", procedure.uri()))
            })?,
            None => Default::default(),
        };
        let meta = MetaCall { from, procedure, call, positional: &positional, now };
        match procedure {
            MetaProcedure::CountSessions => self.count_sessions(meta),
            MetaProcedure::ListSessions => self.list_sessions(meta),
            MetaProcedure::GetSession => self.get_session(meta).map(Some),
            MetaProcedure::KillSession => self.kill_session(meta).map(Some),
            MetaProcedure::KillByAuthid => self.kill_by_authid(meta),
            MetaProcedure::KillByAuthrole => self.kill_by_authrole(meta),
            MetaProcedure::KillAll => self.kill_all(meta),
            MetaProcedure::AddTestament => self.add_testament(meta).map(Some),
            MetaProcedure::FlushTestaments => self.flush_testaments(meta).map(Some),
            MetaProcedure::ListRegistrations => self.list_registrations(meta),
            MetaProcedure::LookupRegistration => self.lookup_registration(meta).map(Some),
            MetaProcedure::MatchRegistration => self.match_registration(meta).map(Some),
            MetaProcedure::GetRegistration => self.get_registration(meta).map(Some),
            MetaProcedure::ListCallees => self.list_callees(meta),
            MetaProcedure::CountCallees => self.count_callees(meta).map(Some),
            MetaProcedure::RemoveCallee => self.remove_callee(meta).map(Some),
            MetaProcedure::ListSubscriptions => self.list_subscriptions(meta),
            MetaProcedure::LookupSubscription => self.lookup_subscription(meta).map(Some),
            MetaProcedure::MatchSubscriptions => self.match_subscriptions(meta),
            MetaProcedure::GetSubscription => self.get_subscription(meta).map(Some),
            MetaProcedure::ListSubscribers => self.list_subscribers(meta),
            MetaProcedure::CountSubscribers => self.count_subscribers(meta).map(Some),
            MetaProcedure::RemoveSubscriber => self.remove_subscriber(meta).map(Some),
            MetaProcedure::GetEvents => self.get_events(meta),
        }
    }
}
