//! The roles and features that the two sides of a session announce.
//!
//! HELLO.Details.roles and WELCOME.Details.roles as sets. Unknown features are ignored, as the
//! specification requires. Spec: basic profile "Session Establishment", advanced profile "Feature
//! Announcement".

macro_rules! features {
    ($($(#[$doc:meta])* $name:ident = $text:literal $(| $other:literal)?;)*) => {
        /// A feature of the advanced profile, or one of this router.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Feature { $($(#[$doc])* $name),* }

        impl Feature {
            /// Every known feature.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// The feature with this name. Old spellings are accepted.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text $(| $other)? => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

features! {
    /// Progressive call results.
    ProgressiveCallResults = "progressive_call_results";
    /// Progressive call invocations.
    ProgressiveCallInvocations = "progressive_call_invocations";
    /// CANCEL and INTERRUPT.
    CallCanceling = "call_canceling" | "call_cancelling";
    /// CALL.Options.timeout.
    CallTimeout = "call_timeout";
    /// A call to an unavailable callee goes to another callee.
    CallReroute = "call_reroute";
    /// CALL.Options.disclose_me.
    CallerIdentification = "caller_identification";
    /// INVOCATION.Details.trustlevel.
    CallTrustlevels = "call_trustlevels";
    /// Registrations by prefix and wildcard.
    PatternBasedRegistration = "pattern_based_registration";
    /// Several callees behind one procedure.
    SharedRegistration = "shared_registration";
    /// A resource key selects one of several callees, or all are called.
    ShardedRegistration = "sharded_registration";
    /// UNREGISTERED with request 0, sent after `wamp.registration.remove_callee`.
    RegistrationRevocation = "registration_revocation";
    /// `wamp.registration.*`.
    RegistrationMetaApi = "registration_meta_api";
    /// `wamp.session.*`.
    SessionMetaApi = "session_meta_api";
    /// `wamp.session.add_testament` and `flush_testaments`.
    TestamentMetaApi = "testament_meta_api";
    /// Subscriptions by prefix and wildcard.
    PatternBasedSubscription = "pattern_based_subscription";
    /// A resource key selects one of several subscribers. The specification misspells the name.
    ShardedSubscription = "sharded_subscription" | "shareded_subscriptions";
    /// Lists of receivers in PUBLISH.Options.
    SubscriberBlackwhiteListing = "subscriber_blackwhite_listing";
    /// PUBLISH.Options.exclude_me.
    PublisherExclusion = "publisher_exclusion";
    /// PUBLISH.Options.disclose_me.
    PublisherIdentification = "publisher_identification";
    /// EVENT.Details.trustlevel.
    PublicationTrustlevels = "publication_trustlevels";
    /// PUBLISH.Options.retain.
    EventRetention = "event_retention";
    /// `wamp.subscription.get_events`.
    EventHistory = "event_history";
    /// UNSUBSCRIBED with request 0, sent after `wamp.subscription.remove_subscriber`.
    SubscriptionRevocation = "subscription_revocation";
    /// `wamp.subscription.*`.
    SubscriptionMetaApi = "subscription_meta_api";
    /// EVENT_RECEIVED.
    AcknowledgedEventDelivery = "x_acknowledged_event_delivery";
    /// Payloads that are opaque to the router.
    PayloadPassthruMode = "payload_passthru_mode";
    /// Opaque payloads, legacy form.
    PayloadTransparency = "payload_transparency";
    /// Encrypted opaque payloads, legacy form.
    PayloadEncryptionCryptobox = "payload_encryption_cryptobox";
    /// REGISTER.Options.invoke `load`; this router's own.
    InvokeLoad = "_invoke_load";
    /// REGISTER.Options.invoke `hash`; this router's own.
    InvokeHash = "_invoke_hash";
    /// REGISTER.Options.invoke `sticky`; this router's own.
    InvokeSticky = "_invoke_sticky";
    /// REGISTER.Options.invoke `all`; this router's own.
    InvokeAll = "_invoke_all";
    /// REGISTER.Options.concurrency; this router's own.
    CallConcurrency = "_call_concurrency";
    /// SUBSCRIBE.Options.group; this router's own.
    SubscriberGroups = "_subscriber_groups";
    /// REGISTER.Options.force_reregister; as with Crossbar.io.
    ForcedReregistration = "_forced_reregistration";
    /// PUBLISH.Options.ttl; this router's own.
    EventTtl = "_event_ttl";
}

/// A set of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Features(u64);

impl Features {
    /// No feature.
    pub const NONE: Self = Self(0);

    /// The set of these features.
    pub const fn of(features: &[Feature]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < features.len() {
            bits |= 1 << features[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    /// The set without the other one's features.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// The union of both sets.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Adds a feature.
    pub const fn insert(&mut self, feature: Feature) {
        self.0 |= 1 << feature as u8;
    }

    /// Whether the set contains the feature.
    pub const fn has(self, feature: Feature) -> bool {
        self.0 & (1 << feature as u8) != 0
    }

    /// The features of the set, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Feature> + Clone {
        Feature::ALL.iter().copied().filter(move |feature| self.has(*feature))
    }
}

/// The roles that a client takes, each with its features (HELLO.Details.roles).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientRoles {
    /// Publishes events.
    pub publisher: Option<Features>,
    /// Receives events.
    pub subscriber: Option<Features>,
    /// Calls procedures.
    pub caller: Option<Features>,
    /// Answers calls.
    pub callee: Option<Features>,
}

impl ClientRoles {
    /// Whether there is at least one role, which HELLO requires.
    pub const fn any(self) -> bool {
        self.publisher.is_some()
            || self.subscriber.is_some()
            || self.caller.is_some()
            || self.callee.is_some()
    }

    /// Whether the callee role has this feature.
    pub fn callee_has(self, feature: Feature) -> bool {
        self.callee.is_some_and(|features| features.has(feature))
    }

    /// Whether the caller role has this feature.
    pub fn caller_has(self, feature: Feature) -> bool {
        self.caller.is_some_and(|features| features.has(feature))
    }

    /// Whether the subscriber role has this feature.
    pub fn subscriber_has(self, feature: Feature) -> bool {
        self.subscriber.is_some_and(|features| features.has(feature))
    }

    /// Whether the publisher role has this feature.
    pub fn publisher_has(self, feature: Feature) -> bool {
        self.publisher.is_some_and(|features| features.has(feature))
    }

    /// Whether the callee accepts progressive call invocations. Requires that it can be interrupted
    /// (advanced profile, "Progressive Call Invocations").
    pub fn callee_takes_progressive_calls(self) -> bool {
        self.callee_has(Feature::ProgressiveCallInvocations)
            && self.callee_has(Feature::CallCanceling)
    }
}

/// The roles of a router (WELCOME.Details.roles).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RouterRoles {
    /// Routes events.
    pub broker: Option<Features>,
    /// Routes calls.
    pub dealer: Option<Features>,
}

impl RouterRoles {
    /// The union of the features of each role.
    #[must_use]
    pub fn with(self, others: Self) -> Self {
        let both = |one: Option<Features>, other: Option<Features>| match (one, other) {
            (Some(one), Some(other)) => Some(one.with(other)),
            (one, other) => one.or(other),
        };
        Self { broker: both(self.broker, others.broker), dealer: both(self.dealer, others.dealer) }
    }
}

/// The features that this router implements in every realm.
pub const ROUTER: RouterRoles = RouterRoles {
    broker: Some(Features::of(&[
        Feature::PatternBasedSubscription,
        Feature::ShardedSubscription,
        Feature::SubscriberBlackwhiteListing,
        Feature::PublisherExclusion,
        Feature::PublisherIdentification,
        Feature::PublicationTrustlevels,
        Feature::EventRetention,
        Feature::SubscriptionRevocation,
        Feature::AcknowledgedEventDelivery,
        Feature::PayloadPassthruMode,
        Feature::PayloadTransparency,
        Feature::PayloadEncryptionCryptobox,
        Feature::SubscriberGroups,
        Feature::EventTtl,
    ])),
    dealer: Some(Features::of(&[
        Feature::ProgressiveCallResults,
        Feature::ProgressiveCallInvocations,
        Feature::CallCanceling,
        Feature::CallTimeout,
        Feature::CallReroute,
        Feature::CallerIdentification,
        Feature::CallTrustlevels,
        Feature::PatternBasedRegistration,
        Feature::SharedRegistration,
        Feature::ShardedRegistration,
        Feature::RegistrationRevocation,
        Feature::PayloadPassthruMode,
        Feature::PayloadTransparency,
        Feature::PayloadEncryptionCryptobox,
        Feature::InvokeLoad,
        Feature::InvokeHash,
        Feature::InvokeSticky,
        Feature::InvokeAll,
        Feature::CallConcurrency,
        Feature::ForcedReregistration,
    ])),
};

/// The features that it adds in a realm with the meta API.
pub const ROUTER_META_API: RouterRoles = RouterRoles {
    broker: Some(Features::of(&[Feature::SessionMetaApi, Feature::SubscriptionMetaApi])),
    dealer: Some(Features::of(&[
        Feature::SessionMetaApi,
        Feature::RegistrationMetaApi,
        Feature::TestamentMetaApi,
    ])),
};

/// The features that the client library of this project implements.
pub const CLIENT: ClientRoles = ClientRoles {
    publisher: Some(Features::of(&[
        Feature::ShardedSubscription,
        Feature::SubscriberBlackwhiteListing,
        Feature::PublisherExclusion,
        Feature::PublisherIdentification,
        Feature::PayloadPassthruMode,
    ])),
    subscriber: Some(Features::of(&[
        Feature::PatternBasedSubscription,
        Feature::ShardedSubscription,
        Feature::PublisherIdentification,
        Feature::PublicationTrustlevels,
        Feature::SubscriptionRevocation,
        Feature::AcknowledgedEventDelivery,
        Feature::PayloadPassthruMode,
    ])),
    caller: Some(Features::of(&[
        Feature::ProgressiveCallResults,
        Feature::ProgressiveCallInvocations,
        Feature::CallCanceling,
        Feature::CallTimeout,
        Feature::CallerIdentification,
        Feature::ShardedRegistration,
        Feature::PayloadPassthruMode,
    ])),
    callee: Some(Features::of(&[
        Feature::ProgressiveCallResults,
        Feature::ProgressiveCallInvocations,
        Feature::CallCanceling,
        Feature::CallTimeout,
        Feature::CallReroute,
        Feature::CallerIdentification,
        Feature::CallTrustlevels,
        Feature::PatternBasedRegistration,
        Feature::SharedRegistration,
        Feature::ShardedRegistration,
        Feature::RegistrationRevocation,
        Feature::PayloadPassthruMode,
    ])),
};

/// The features of a session of the HTTP bridge. It calls and publishes for HTTP clients, which get
/// one JSON reply.
pub const HTTP_BRIDGE: ClientRoles = ClientRoles {
    publisher: Some(Features::of(&[
        Feature::SubscriberBlackwhiteListing,
        Feature::PublisherExclusion,
    ])),
    subscriber: None,
    caller: Some(Features::of(&[
        Feature::CallCanceling,
        Feature::CallTimeout,
        Feature::CallerIdentification,
    ])),
    callee: None,
};

#[cfg(test)]
mod tests {
    use super::{Feature, Features};

    #[test]
    fn every_feature_has_a_unique_name_and_bit() {
        for feature in Feature::ALL {
            assert_eq!(Feature::from_name(feature.name()), Some(*feature));
            let set = Features::of(&[*feature]);
            assert_eq!(set.iter().collect::<Vec<_>>(), [*feature]);
        }
    }

    #[test]
    fn the_old_spelling_of_canceling_is_understood() {
        assert_eq!(Feature::from_name("call_cancelling"), Some(Feature::CallCanceling));
        assert_eq!(Feature::from_name("time_travel"), None);
    }
}
