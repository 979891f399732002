//! The differences between the WAMP specification and Crossbar.io that a deployed client could
//! notice.
//!
//! One value with two presets. Each effect is one method here, so that the table of the
//! documentation (`docs/migration.md`) has a row or two for each method.

use cloverleaf_auth::RefusalUris;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::CallTimeoutUnit;

/// The preset of a realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compatibility {
    /// Crossbar.io's behaviour. The default of a node with a configuration file.
    Crossbar,
    /// The specification's behaviour. The default of a node without a configuration file.
    #[default]
    Wamp,
}

impl Compatibility {
    /// Whether `wamp.session.on_leave` carries the session id alone: `[session]`. Otherwise it is
    /// `[session, authid, authrole]` (advanced profile, "Session Meta API").
    pub(crate) const fn on_leave_is_id_only(self) -> bool {
        matches!(self, Self::Crossbar)
    }

    /// The number of events that `wamp.subscription.get_events` returns by default, if it always
    /// returns one list, the latest event first. Otherwise its second argument decides, and without
    /// one the form is the specification's (advanced profile, "Event History").
    pub(crate) const fn default_history_limit(self) -> Option<usize> {
        match self {
            Self::Crossbar => Some(10),
            Self::Wamp => None,
        }
    }

    /// Whether `wamp.session.kill_by_authrole` returns the ids of the killed sessions. Otherwise it
    /// returns their number (advanced profile, "Session Meta API").
    pub(crate) const fn kill_by_authrole_lists_ids(self) -> bool {
        matches!(self, Self::Crossbar)
    }

    /// Whether `wamp.session.add_testament` returns the publication id of the testament and
    /// `flush_testaments` the number of flushed testaments. Otherwise both return null (advanced
    /// profile, "Session Testament").
    pub(crate) const fn has_testament_results(self) -> bool {
        matches!(self, Self::Crossbar)
    }

    /// Whether an unknown scope of a testament is `wamp.error.testament_error`. Otherwise it is
    /// `wamp.error.invalid_argument`.
    pub(crate) const fn has_testament_error(self) -> bool {
        matches!(self, Self::Crossbar)
    }

    /// Whether `wamp.session.on_stats` names the session by its ids and counts from event to event.
    /// Otherwise it has the details of the session and counts since it has joined.
    pub(crate) const fn stats_are_per_cycle(self) -> bool {
        matches!(self, Self::Crossbar)
    }

    /// The unit of CALL.Options.timeout and INVOCATION.Details.timeout, unless the realm's settings
    /// name one (advanced profile, "Call Timeouts").
    pub const fn call_timeout_unit(self) -> CallTimeoutUnit {
        match self {
            Self::Crossbar => CallTimeoutUnit::Seconds,
            Self::Wamp => CallTimeoutUnit::Milliseconds,
        }
    }

    /// The URI and the text of the ERROR for a call that timed out. Internal sessions get that of
    /// [`Compatibility::Wamp`] in every realm.
    pub(crate) const fn call_timeout_error(self) -> (&'static str, &'static str) {
        match self {
            Self::Crossbar => (error_uri::CANCELED, "timeout reached"),
            Self::Wamp => (error_uri::TIMEOUT, "the call timed out"),
        }
    }

    /// Whether the caller gets no answer after a CANCEL without a mode where no callee can be
    /// interrupted. Otherwise it gets ERROR (advanced profile, "Call Canceling").
    ///
    /// Autobahn|JS forgets a call that it cancels so, and takes any answer for a violation.
    pub(crate) const fn plain_cancel_is_silent(self) -> bool {
        matches!(self, Self::Crossbar)
    }

    /// Whether `disclose_me` is ignored where the permission says `disclose: false`. Otherwise the
    /// request is refused (advanced profile, "Caller Identification").
    pub(crate) const fn ignores_disclose_me(self) -> bool {
        matches!(self, Self::Crossbar)
    }

    /// The URI of the ERROR for REGISTER of a procedure that is registered with another shared
    /// policy (advanced profile, "Shared Registration").
    pub(crate) const fn other_policy_error(self) -> &'static str {
        match self {
            Self::Crossbar => error_uri::PROCEDURE_EXISTS_WITH_OTHER_POLICY,
            Self::Wamp => error_uri::PROCEDURE_ALREADY_EXISTS,
        }
    }

    /// The reason of the GOODBYE that answers a client's (basic profile, "Session Closing").
    pub(crate) const fn goodbye_reply_reason(self) -> &'static str {
        match self {
            Self::Crossbar => error_uri::CLOSE_NORMAL,
            Self::Wamp => error_uri::GOODBYE_AND_OUT,
        }
    }

    /// The default reason of the GOODBYE to a killed session (advanced profile, "Session Meta
    /// API").
    pub(crate) const fn kill_reason(self) -> &'static str {
        match self {
            Self::Crossbar => error_uri::CLOSE_NORMAL,
            Self::Wamp => error_uri::KILLED,
        }
    }
}

/// The reasons of the ABORT for clients that are refused (advanced profile, "Authentication
/// Methods").
impl From<Compatibility> for RefusalUris {
    fn from(preset: Compatibility) -> Self {
        match preset {
            Compatibility::Crossbar => Self::CROSSBAR,
            Compatibility::Wamp => Self::WAMP,
        }
    }
}
