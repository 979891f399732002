//! The titles of the sections of the WAMP specification of June 2026, which is not part of this
//! repository. `cargo xtask spec-coverage --specification <checkout>` compares them.
//!
//! Not for reasons why a section is not followed: those are in [`super::gaps`].

use std::fmt;

/// One of the two parts of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Profile {
    Basic,
    Advanced,
}

impl Profile {
    pub(crate) const ALL: [Self; 2] = [Self::Basic, Self::Advanced];

    /// Its folder under `rfc/text`, and the word before "profile" in citations.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Advanced => "advanced",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} profile", self.word())
    }
}

/// One file of the specification and the titles in it, in the specification's order.
#[derive(Debug)]
pub(crate) struct SpecFile {
    pub(crate) profile: Profile,
    /// Its name in the profile's folder, without `.md`.
    pub(crate) file: &'static str,
    pub(crate) titles: &'static [&'static str],
}

/// The deepest level of headings that count as sections: two, except in files whose sections
/// contain several rules, and in one whose sections only group a table.
pub(crate) fn depth(profile: Profile, file: &str) -> usize {
    match (profile, file) {
        (Profile::Basic, "building_blocks") | (Profile::Advanced, "authentication_cryptosign") => 3,
        (Profile::Advanced, "uris") => 1,
        _ => 2,
    }
}

const fn basic(file: &'static str, titles: &'static [&'static str]) -> SpecFile {
    SpecFile { profile: Profile::Basic, file, titles }
}

const fn advanced(file: &'static str, titles: &'static [&'static str]) -> SpecFile {
    SpecFile { profile: Profile::Advanced, file, titles }
}

/// Every section, in the specification's order. A title is unique in its profile.
pub(crate) const PAGES: &[SpecFile] = &[
    basic(
        "introduction",
        &[
            "WAMP Basic Profile",
            "Basic vs Advanced Profile",
            "Introduction",
            "Protocol Overview",
            "Design Aspects",
        ],
    ),
    basic(
        "building_blocks",
        &[
            "Building Blocks",
            "Identifiers",
            "URIs",
            "IDs",
            "Serializers",
            "Transports",
            "WebSocket Transport",
            "Transport and Session Lifetime",
            "Protocol Errors",
        ],
    ),
    basic(
        "messages",
        &[
            "Messages",
            "Extensibility",
            "No Polymorphism",
            "Structure",
            "Message Definitions",
            "Message Codes and Direction",
            "Extension Messages",
            "Empty Arguments and Keyword Arguments",
        ],
    ),
    basic("sessions", &["Sessions", "Session Establishment", "Session Closing"]),
    basic(
        "publish_subscribe",
        &["Publish and Subscribe", "Subscribing and Unsubscribing", "Publishing and Events"],
    ),
    basic(
        "remote_procedure_call",
        &[
            "Remote Procedure Calls",
            "Registering and Unregistering",
            "Calling and Invocations",
            "Caller Leaving During an RPC Invocation",
            "Callee Leaving During an RPC Invocation",
        ],
    ),
    basic(
        "security_model",
        &[
            "Security Model",
            "Ordering Guarantees",
            "Transport Encryption and Integrity",
            "Router Authentication",
            "Client Authentication",
            "Routers are trusted",
        ],
    ),
    basic("uri_reference", &["Basic Profile URIs"]),
    advanced("introduction", &["WAMP Advanced Profile"]),
    advanced("features", &["Feature Announcement"]),
    advanced("messages", &["Additional Messages"]),
    advanced("meta_api", &["Meta API"]),
    advanced("meta_api_sessions", &["Session Meta API"]),
    advanced("meta_api_registrations", &["Registration Meta API"]),
    advanced("meta_api_subscriptions", &["Subscriptions Meta API"]),
    advanced("rpc", &["Advanced RPC"]),
    advanced("rpc_progressive_call_results", &["Progressive Call Results"]),
    advanced("rpc_progressive_call_invocations", &["Progressive Call Invocations"]),
    advanced("rpc_call_timeout", &["Call Timeouts"]),
    advanced("rpc_call_canceling", &["Call Canceling"]),
    advanced("rpc_call_rerouting", &["Call Re-Routing"]),
    advanced("rpc_caller_identification", &["Caller Identification"]),
    advanced("rpc_call_trustlevels", &["Call Trust Levels"]),
    advanced("rpc_pattern_based_registration", &["Pattern-based Registrations"]),
    advanced("rpc_shared_registration", &["Shared Registration"]),
    advanced("rpc_sharded_registration", &["Sharded Registration"]),
    advanced("rpc_registration_revocation", &["Registration Revocation"]),
    advanced("pubsub", &["Advanced PubSub"]),
    advanced("pubsub_subscriber_blackwhite_listing", &["Subscriber Black- and Whitelisting"]),
    advanced("pubsub_publisher_exclusion", &["Publisher Exclusion"]),
    advanced("pubsub_publisher_identification", &["Publisher Identification"]),
    advanced("pubsub_publication_trustlevels", &["Publication Trust Levels"]),
    advanced("pubsub_pattern_based_subscription", &["Pattern-based Subscription"]),
    advanced("pubsub_sharded_subscription", &["Sharded Subscription"]),
    advanced("pubsub_event_history", &["Event History"]),
    advanced("pubsub_event_retention", &["Event Retention"]),
    advanced("pubsub_subscription_revocation", &["Subscription Revocation"]),
    advanced("pubsub_testament", &["Session Testament"]),
    advanced("authentication", &["Authentication Methods"]),
    advanced("authentication_ticket", &["Ticket-based Authentication"]),
    advanced("authentication_cra", &["Challenge Response Authentication"]),
    advanced("authentication_scram", &["Salted Challenge Response Authentication"]),
    advanced(
        "authentication_cryptosign",
        &[
            "Cryptosign-based Authentication",
            "Client Authentication",
            "TLS Channel Binding",
            "Router Authentication",
            "Trustroots and Certificates",
            "Remote Attestation",
            "Example Message Exchanges",
        ],
    ),
    advanced("authentication_dynamic", &["Dynamic Authentication API"]),
    advanced("authorization", &["Authorization"]),
    advanced("security_features", &["Advanced Security Features"]),
    advanced("payload_passthru_mode", &["Payload Passthru Mode"]),
    advanced("e2e_encryption", &["Payload End-to-End Encryption"]),
    advanced("transports", &["Advanced Transports and Serializers"]),
    advanced("transport_rawsocket", &["RawSocket Transport"]),
    advanced("transport_batched_websocket", &["Message Batching"]),
    advanced("transport_http_longpoll", &["HTTP Longpoll Transport"]),
    advanced("serialization_binary_json", &["Binary support in JSON"]),
    advanced("transport_multiplexed", &["Multiplexed Transport"]),
    advanced("interfaces", &["WAMP Interfaces"]),
    advanced("interface_idl", &["WAMP IDL"]),
    advanced("interface_catalogs", &["Interface Catalogs"]),
    advanced("interface_reflection", &["Interface Reflection"]),
    advanced("router_to_router_links", &["Router-to-Router Links"]),
    advanced("uris", &["Advanced Profile URIs"]),
];

#[cfg(test)]
mod tests {
    use super::{PAGES, Profile};

    #[test]
    fn a_title_names_one_section_of_its_profile() {
        for profile in Profile::ALL {
            let pages = PAGES.iter().filter(|page| page.profile == profile);
            let mut titles: Vec<&str> = pages.flat_map(|page| page.titles).copied().collect();
            let all = titles.len();
            titles.sort_unstable();
            titles.dedup();
            assert_eq!(titles.len(), all, "{profile}");
        }
    }
}
