//! The one table of URIs that the router and the client library speak of failures with.
//!
//! Nowhere else in the project stands such a URI as text. Spec: basic profile "Basic Profile
//! URIs", advanced profile "Advanced Profile URIs"; the `crossbar.` one is what existing clients
//! know.

macro_rules! table {
    ($($(#[$doc:meta])* $name:ident = $uri:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $uri;)*

        /// Every URI of the table.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

table! {
    /// The text in the place of a URI is none, or one that only the router may use.
    INVALID_URI = "wamp.error.invalid_uri";
    /// Nobody has registered the procedure.
    NO_SUCH_PROCEDURE = "wamp.error.no_such_procedure";
    /// The procedure is registered and its policy lets nobody else in.
    PROCEDURE_ALREADY_EXISTS = "wamp.error.procedure_already_exists";
    /// The procedure is registered with another invocation policy; what Crossbar.io says then.
    PROCEDURE_EXISTS_WITH_OTHER_POLICY =
        "wamp.error.procedure_exists_with_different_invocation_policy";
    /// UNREGISTER of a registration that the session does not have.
    NO_SUCH_REGISTRATION = "wamp.error.no_such_registration";
    /// UNSUBSCRIBE of a subscription that the session does not have.
    NO_SUCH_SUBSCRIPTION = "wamp.error.no_such_subscription";
    /// Arguments that the procedure cannot take.
    INVALID_ARGUMENT = "wamp.error.invalid_argument";
    /// A procedure failed with an error that has no URI of its own.
    RUNTIME_ERROR = "wamp.error.runtime_error";
    /// The action is not allowed to the session's role.
    NOT_AUTHORIZED = "wamp.error.not_authorized";
    /// The decision whether the action is allowed could not be made.
    AUTHORIZATION_FAILED = "wamp.error.authorization_failed";
    /// The call was canceled, by its caller or because the callee left.
    CANCELED = "wamp.error.canceled";
    /// The call took longer than its timeout.
    TIMEOUT = "wamp.error.timeout";
    /// The callee cannot take the call at this moment.
    UNAVAILABLE = "wamp.error.unavailable";
    /// Every callee of the procedure has said so.
    NO_AVAILABLE_CALLEE = "wamp.error.no_available_callee";
    /// No such session in this realm.
    NO_SUCH_SESSION = "wamp.error.no_such_session";
    /// A testament with a scope that does not exist; as in Crossbar.io.
    TESTAMENT_ERROR = "wamp.error.testament_error";
    /// Nothing is kept of the subscription's events.
    HISTORY_UNAVAILABLE = "wamp.error.history_unavailable";
    /// The subscription was taken away by somebody else.
    UNSUBSCRIBED = "wamp.error.unsubscribed";
    /// The registration was taken away by somebody else.
    UNREGISTERED = "wamp.error.unregistered";
    /// The caller or publisher may not be disclosed.
    DISCLOSE_ME_DISALLOWED = "wamp.error.option_disallowed.disclose_me";
    /// An option with a value that this router does not offer.
    OPTION_NOT_ALLOWED = "wamp.error.option_not_allowed";
    /// The peer lacks a feature that the request needs.
    FEATURE_NOT_SUPPORTED = "wamp.error.feature_not_supported";
    /// The payload is larger than its receiver takes.
    PAYLOAD_SIZE_EXCEEDED = "wamp.error.payload_size_exceeded";
    /// No such realm on this router.
    NO_SUCH_REALM = "wamp.error.no_such_realm";
    /// The realm has no such role.
    NO_SUCH_ROLE = "wamp.error.no_such_role";
    /// None of the offered authentication methods can be used.
    NO_MATCHING_AUTH_METHOD = "wamp.error.no_matching_auth_method";
    /// The same, as Crossbar.io says it.
    NO_AUTH_METHOD = "wamp.error.no_auth_method";
    /// Wrong credentials, or nobody of that name; the two are told apart to nobody.
    AUTHENTICATION_DENIED = "wamp.error.authentication_denied";
    /// A message that may not be sent, or not now.
    PROTOCOL_VIOLATION = "wamp.error.protocol_violation";
    /// A table of the router that this request would grow is full.
    LIMIT_REACHED = "cloverleaf.error.limit_reached";
    /// The client left without a reason of its own.
    CLOSE_NORMAL = "wamp.close.normal";
    /// The session ends because its realm does.
    CLOSE_REALM = "wamp.close.close_realm";
    /// The answer to GOODBYE.
    GOODBYE_AND_OUT = "wamp.close.goodbye_and_out";
    /// The router shuts down.
    SYSTEM_SHUTDOWN = "wamp.close.system_shutdown";
    /// An administrator ended the session.
    KILLED = "wamp.close.killed";
    /// The peer reads more slowly than it is written to.
    SLOW_CONSUMER = "wamp.close.slow_consumer";
    /// The connection was lost; used by the client library towards its own application only.
    CONNECTION_LOST = "wamp.error.connection_lost";
    /// Every callee of the procedure is at its limit of concurrent calls.
    MAX_CONCURRENCY_REACHED = "crossbar.error.max_concurrency_reached";
}

#[cfg(test)]
mod tests {
    use super::ALL;
    use crate::uri::{Uri, UriRule};

    #[test]
    fn every_entry_is_a_strict_uri_and_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for uri in ALL {
            assert!(Uri::new(*uri, UriRule::Strict).is_ok(), "{uri}");
            assert!(seen.insert(*uri), "{uri} stands twice");
        }
    }
}
