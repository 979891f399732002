//! The failures of correct requests: the one table from failure to ERROR.

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{RegistrationId, SessionId, SubscriptionId};
use cloverleaf_wamp::message::{InvokePolicy, RequestError, RequestRef, RouterMessage};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::uri::{InvalidUri, UncheckedUri};
use compact_str::CompactString;
use thiserror::Error;

use crate::action::Action;
use crate::limits::MAX_HISTORY_ANSWER_BYTES;

fn first_component(uri: &UncheckedUri) -> &str {
    uri.as_str().split('.').next().unwrap_or_default()
}

/// Why a correct request can't be served. The client gets ERROR, and the session goes on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum RequestFailure {
    #[error("{0}")]
    InvalidUri(InvalidUri),
    #[error(
        "{} with restricted {} URI '{}': only the router may use what begins with '{}'",
        .0.name(), .0.phrase().1, .1, first_component(.1)
    )]
    ReservedUri(Action, UncheckedUri),
    #[error("{0}")]
    NotAuthorized(String),
    #[error("{0}")]
    AuthorizationFailed(&'static str),
    #[error("too many requests wait for authorization")]
    AuthorizerBusy,
    #[error("this session asks to be disclosed (disclose_me); its role forbids it")]
    DisclosureRefused,
    #[error("no callee registered for procedure <{0}>")]
    NoSuchProcedure(UncheckedUri),
    #[error(
        "procedure <{procedure}> is already registered, with the invocation policy '{}'",
        policy.name()
    )]
    ProcedureAlreadyExists { procedure: CompactString, policy: InvokePolicy, uri: &'static str },
    #[error("this session has no registration {0}")]
    NoSuchRegistration(RegistrationId),
    #[error("this session has no subscription {0}")]
    NoSuchSubscription(SubscriptionId),
    #[error("the callee's queue is full")]
    CalleeCongested,
    #[error("callee disconnected from in-flight request")]
    CalleeGone,
    #[error("every callee of the procedure has as many calls as it takes, and none may wait")]
    MaxConcurrencyReached,
    #[error("this session has reached its largest number of {0}")]
    LimitReached(&'static str),
    #[error("{0} has reached its largest number of {1}")]
    RealmLimitReached(&'static str, &'static str),
    #[error("{0}")]
    InvalidArgument(String),
    #[error("{0}: the arguments hold more than {1} bytes")]
    ArgumentsTooLarge(&'static str, usize),
    #[error("scope must be destroyed or detached")]
    InvalidScope,
    #[error("'{option}' must be {expected}, not '{given:.100}'")]
    UnknownWord { option: &'static str, expected: &'static str, given: CompactString },
    #[error("{0}")]
    FeatureNotSupported(&'static str),
    #[error("no session {0} is in this realm")]
    NoSuchSession(SessionId),
    #[error("no registration {0} is in this realm")]
    UnknownRegistration(RegistrationId),
    #[error("no subscription {0} is in this realm")]
    UnknownSubscription(SubscriptionId),
    #[error("the store of events is busy; the event was not published")]
    StoreBusy,
    #[error("this session has published more than its subscribers could be sent meanwhile")]
    PublisherBusy,
    #[error("this session has as many answers of the router in progress as it may")]
    CallerBusy,
    #[error("this realm has as many answers of the router in progress as it may")]
    RealmBusy,
    #[error("the router is shutting down")]
    RouterEnds,
    #[error("{0}")]
    NotStored(String),
    #[error("some subscribers have not acknowledged the event")]
    NotAcknowledged,
    #[error("session {0} has no subscription {1}")]
    NoSubscriber(SessionId, SubscriptionId),
    #[error("session {0} has no registration {1}")]
    NoCallee(SessionId, RegistrationId),
    #[error("nothing is kept of the events of subscription {0}")]
    HistoryUnavailable(SubscriptionId),
    #[error(
        "so many events hold more than {MAX_HISTORY_ANSWER_BYTES} bytes; ask for fewer at once"
    )]
    EventsTooLarge,
    #[error("the payload of the {what} is not as its schema asks: {reason}")]
    InvalidPayload { what: &'static str, reason: String },
    #[error("the payload of the {0} has a schema to follow, and can't be looked into")]
    SealedPayload(&'static str),
    #[error("the payload of the {what} has a schema to follow, and holds more than {limit} bytes")]
    PayloadTooLarge { what: &'static str, limit: usize },
}

impl RequestFailure {
    /// The authorizer has failed.
    pub(crate) const AUTHORIZER_FAILED: Self =
        Self::AuthorizationFailed("the authorizer could not decide on the request");

    /// The authorizer has not answered in time.
    pub(crate) const AUTHORIZATION_TIMEOUT: Self =
        Self::AuthorizationFailed("the authorizer has not decided in time");

    pub(crate) fn denied(action: Action, uri: &str) -> Self {
        let (verb, object) = action.phrase();
        Self::NotAuthorized(format!("session not authorized to {verb} {object} '{uri}'"))
    }

    pub(crate) const fn uri(&self) -> &'static str {
        match self {
            Self::InvalidUri(_) | Self::ReservedUri(..) => error_uri::INVALID_URI,
            Self::NotAuthorized(_) => error_uri::NOT_AUTHORIZED,
            Self::AuthorizationFailed(_) => error_uri::AUTHORIZATION_FAILED,
            Self::DisclosureRefused => error_uri::DISCLOSE_ME_DISALLOWED,
            Self::NoSuchProcedure(_) => error_uri::NO_SUCH_PROCEDURE,
            Self::ProcedureAlreadyExists { uri, .. } => uri,
            Self::NoSuchRegistration(_) | Self::UnknownRegistration(_) | Self::NoCallee(..) => {
                error_uri::NO_SUCH_REGISTRATION
            }
            Self::NoSuchSubscription(_) | Self::UnknownSubscription(_) | Self::NoSubscriber(..) => {
                error_uri::NO_SUCH_SUBSCRIPTION
            }
            Self::CalleeCongested
            | Self::AuthorizerBusy
            | Self::StoreBusy
            | Self::PublisherBusy
            | Self::CallerBusy
            | Self::RealmBusy
            | Self::NotStored(_) => error_uri::UNAVAILABLE,
            Self::NotAcknowledged => error_uri::TIMEOUT,
            Self::CalleeGone | Self::RouterEnds => error_uri::CANCELED,
            Self::MaxConcurrencyReached => error_uri::MAX_CONCURRENCY_REACHED,
            Self::LimitReached(_) | Self::RealmLimitReached(..) => error_uri::LIMIT_REACHED,
            Self::InvalidArgument(_)
            | Self::UnknownWord { .. }
            | Self::InvalidPayload { .. }
            | Self::SealedPayload(_) => error_uri::INVALID_ARGUMENT,
            Self::FeatureNotSupported(_) => error_uri::FEATURE_NOT_SUPPORTED,
            Self::NoSuchSession(_) => error_uri::NO_SUCH_SESSION,
            Self::HistoryUnavailable(_) => error_uri::HISTORY_UNAVAILABLE,
            Self::EventsTooLarge | Self::PayloadTooLarge { .. } | Self::ArgumentsTooLarge(..) => {
                error_uri::PAYLOAD_SIZE_EXCEEDED
            }
            Self::InvalidScope => error_uri::TESTAMENT_ERROR,
        }
    }

    /// The ERROR for the client.
    pub(crate) fn answer(&self, request: RequestRef) -> RouterMessage {
        RouterMessage::Error(RequestError::new(
            request,
            self.uri(),
            Payload::from_text(&self.to_string()),
        ))
    }
}
