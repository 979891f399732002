//! What the two sides of a session announce to each other.
//!
//! HELLO.Details.roles and WELCOME.Details.roles as sets. A feature that nobody here knows is
//! ignored, as the specification asks. Spec: basic profile "Session Establishment", advanced
//! profile "Feature Announcement".

macro_rules! features {
    ($($(#[$doc:meta])* $name:ident = $text:literal $(| $other:literal)?;)*) => {
        /// A feature of the advanced profile that this implementation knows by name.
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

            /// The feature with this name; old spellings are understood.
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
    /// Results in parts.
    ProgressiveCallResults = "progressive_call_results";
    /// CANCEL and INTERRUPT.
    CallCanceling = "call_canceling" | "call_cancelling";
    /// CALL.Options.timeout.
    CallTimeout = "call_timeout";
    /// CALL.Options.disclose_me.
    CallerIdentification = "caller_identification";
    /// Registrations by prefix and wildcard.
    PatternBasedRegistration = "pattern_based_registration";
    /// Several callees behind one procedure.
    SharedRegistration = "shared_registration";
    /// Subscriptions by prefix and wildcard.
    PatternBasedSubscription = "pattern_based_subscription";
    /// Lists of receivers in PUBLISH.Options.
    SubscriberBlackwhiteListing = "subscriber_blackwhite_listing";
    /// PUBLISH.Options.exclude_me.
    PublisherExclusion = "publisher_exclusion";
    /// PUBLISH.Options.disclose_me.
    PublisherIdentification = "publisher_identification";
    /// UNREGISTERED with request 0.
    RegistrationRevocation = "registration_revocation";
    /// UNSUBSCRIBED with request 0.
    SubscriptionRevocation = "subscription_revocation";
    /// Payloads that the router does not look into.
    PayloadPassthruMode = "payload_passthru_mode";
}

/// A set of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Features(u32);

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

    /// Adds one.
    pub const fn insert(&mut self, feature: Feature) {
        self.0 |= 1 << feature as u8;
    }

    /// Whether the set has it.
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
    /// Whether at least one role is taken, as HELLO must.
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
}

/// The roles of a router (WELCOME.Details.roles).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RouterRoles {
    /// Routes events.
    pub broker: Option<Features>,
    /// Routes calls.
    pub dealer: Option<Features>,
}

/// What this router offers: exactly what it does.
pub const ROUTER: RouterRoles = RouterRoles {
    broker: Some(Features::of(&[
        Feature::PatternBasedSubscription,
        Feature::SubscriberBlackwhiteListing,
        Feature::PublisherExclusion,
        Feature::PublisherIdentification,
    ])),
    dealer: Some(Features::of(&[
        Feature::CallCanceling,
        Feature::CallTimeout,
        Feature::CallerIdentification,
        Feature::PatternBasedRegistration,
        Feature::SharedRegistration,
    ])),
};

/// What the client library of this project announces.
pub const CLIENT: ClientRoles = ClientRoles {
    publisher: Some(Features::of(&[
        Feature::SubscriberBlackwhiteListing,
        Feature::PublisherExclusion,
        Feature::PublisherIdentification,
    ])),
    subscriber: Some(Features::of(&[
        Feature::PatternBasedSubscription,
        Feature::PublisherIdentification,
    ])),
    caller: Some(Features::of(&[
        Feature::CallCanceling,
        Feature::CallTimeout,
        Feature::CallerIdentification,
    ])),
    callee: Some(Features::of(&[
        Feature::CallCanceling,
        Feature::CallerIdentification,
        Feature::PatternBasedRegistration,
        Feature::SharedRegistration,
    ])),
};

#[cfg(test)]
mod tests {
    use super::{Feature, Features};

    #[test]
    fn every_feature_is_found_by_its_name_and_fits_the_set() {
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
