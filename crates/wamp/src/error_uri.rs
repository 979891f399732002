//! The table of all error and close URIs that the router and the client library use.
//!
//! No other file contains such a URI as text. Spec: basic profile "Basic Profile URIs", advanced
//! profile "Advanced Profile URIs". The `crossbar.` URI is one that existing clients know.

macro_rules! table {
    ($($(#[$doc:meta])* $name:ident = $uri:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $uri;)*

        /// Every URI of the table.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

table! {
    /// The text is not a URI, or only the router may use it.
    INVALID_URI = "wamp.error.invalid_uri";
    /// The procedure is not registered.
    NO_SUCH_PROCEDURE = "wamp.error.no_such_procedure";
    /// The procedure is registered and its invocation policy allows no further callee.
    PROCEDURE_ALREADY_EXISTS = "wamp.error.procedure_already_exists";
    /// The procedure is registered with another invocation policy; the URI of Crossbar.io.
    PROCEDURE_EXISTS_WITH_OTHER_POLICY =
        "wamp.error.procedure_exists_with_different_invocation_policy";
    /// UNREGISTER of a registration that the session does not have.
    NO_SUCH_REGISTRATION = "wamp.error.no_such_registration";
    /// UNSUBSCRIBE of a subscription that the session does not have.
    NO_SUCH_SUBSCRIPTION = "wamp.error.no_such_subscription";
    /// The procedure does not accept the arguments.
    INVALID_ARGUMENT = "wamp.error.invalid_argument";
    /// A procedure failed with an error that has no URI of its own.
    RUNTIME_ERROR = "wamp.error.runtime_error";
    /// The session's role does not permit the action.
    NOT_AUTHORIZED = "wamp.error.not_authorized";
    /// Whether the action is permitted could not be determined.
    AUTHORIZATION_FAILED = "wamp.error.authorization_failed";
    /// The caller canceled the call, or the callee left.
    CANCELED = "wamp.error.canceled";
    /// The call took longer than its timeout.
    TIMEOUT = "wamp.error.timeout";
    /// The callee cannot accept the call at the moment.
    UNAVAILABLE = "wamp.error.unavailable";
    /// All callees of the procedure have answered that they are unavailable.
    NO_AVAILABLE_CALLEE = "wamp.error.no_available_callee";
    /// The session does not exist in this realm.
    NO_SUCH_SESSION = "wamp.error.no_such_session";
    /// The scope of the testament does not exist; as in Crossbar.io.
    TESTAMENT_ERROR = "wamp.error.testament_error";
    /// The subscription has no event history.
    HISTORY_UNAVAILABLE = "wamp.error.history_unavailable";
    /// An administrator or the router revoked the subscription.
    UNSUBSCRIBED = "wamp.error.unsubscribed";
    /// An administrator or the router revoked the registration.
    UNREGISTERED = "wamp.error.unregistered";
    /// Disclosing the caller or publisher is not allowed.
    DISCLOSE_ME_DISALLOWED = "wamp.error.option_disallowed.disclose_me";
    /// The router does not support this value of an option.
    OPTION_NOT_ALLOWED = "wamp.error.option_not_allowed";
    /// The request needs a feature that the peer does not support.
    FEATURE_NOT_SUPPORTED = "wamp.error.feature_not_supported";
    /// The payload exceeds the limit of its receiver.
    PAYLOAD_SIZE_EXCEEDED = "wamp.error.payload_size_exceeded";
    /// The realm does not exist on this router.
    NO_SUCH_REALM = "wamp.error.no_such_realm";
    /// The role does not exist in the realm.
    NO_SUCH_ROLE = "wamp.error.no_such_role";
    /// The router accepts none of the offered authentication methods.
    NO_MATCHING_AUTH_METHOD = "wamp.error.no_matching_auth_method";
    /// The URI of Crossbar.io for [`NO_MATCHING_AUTH_METHOD`].
    NO_AUTH_METHOD = "wamp.error.no_auth_method";
    /// Authentication failed. The error does not show whether the authid exists.
    AUTHENTICATION_DENIED = "wamp.error.authentication_denied";
    /// Authentication could not be completed: the authenticator failed or did not decide in time.
    AUTHENTICATION_FAILED = "wamp.error.authentication_failed";
    /// The message is not allowed, or not in this state of the session.
    PROTOCOL_VIOLATION = "wamp.error.protocol_violation";
    /// The request would exceed a limit of the router's tables.
    LIMIT_REACHED = "cloverleaf.error.limit_reached";
    /// The client closed the session without a specific reason.
    CLOSE_NORMAL = "wamp.close.normal";
    /// The realm is being closed.
    CLOSE_REALM = "wamp.close.close_realm";
    /// The answer to GOODBYE.
    GOODBYE_AND_OUT = "wamp.close.goodbye_and_out";
    /// The router is shutting down.
    SYSTEM_SHUTDOWN = "wamp.close.system_shutdown";
    /// An administrator killed the session.
    KILLED = "wamp.close.killed";
    /// The peer reads too slowly: its queue is full.
    SLOW_CONSUMER = "wamp.close.slow_consumer";
    /// The connection was lost. The client library uses it towards its own application only.
    CONNECTION_LOST = "wamp.error.connection_lost";
    /// All callees of the procedure are at their limit of concurrent calls.
    MAX_CONCURRENCY_REACHED = "crossbar.error.max_concurrency_reached";
}

#[cfg(test)]
mod tests {
    use super::ALL;
    use crate::uri::{Uri, UriRule};

    #[test]
    fn every_entry_is_a_strict_uri_and_unique() {
        let mut seen = std::collections::BTreeSet::new();
        for uri in ALL {
            assert!(Uri::new(*uri, UriRule::Strict).is_ok(), "{uri}");
            assert!(seen.insert(*uri), "{uri} stands twice");
        }
    }
}
