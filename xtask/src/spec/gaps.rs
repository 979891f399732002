//! The reasons for sections of the specification that code or tests do not cite. An entry that is
//! no longer needed is a fault: the change that implements the section removes it.

use std::fmt;

use super::sections::Profile;

/// A section that code or tests do not cite, and the reason.
#[derive(Debug)]
pub(crate) struct Gap {
    pub(crate) profile: Profile,
    pub(crate) title: &'static str,
    pub(crate) why: Why,
    /// One sentence.
    pub(crate) reason: &'static str,
}

/// The kind of a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It will be built.
    Planned,
    /// It is omitted on purpose.
    NotPlanned,
    /// It has no requirements for a router or a client library.
    NothingToDo,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Planned => "planned",
            Self::NotPlanned => "not planned",
            Self::NothingToDo => "nothing to do",
        })
    }
}

const fn basic(title: &'static str, why: Why, reason: &'static str) -> Gap {
    Gap { profile: Profile::Basic, title, why, reason }
}

const fn advanced(title: &'static str, why: Why, reason: &'static str) -> Gap {
    Gap { profile: Profile::Advanced, title, why, reason }
}

/// The reasons, in the specification's order.
pub(crate) const GAPS: &[Gap] = &[
    basic("WAMP Basic Profile", Why::NothingToDo, "It introduces the protocol."),
    basic("Basic vs Advanced Profile", Why::NothingToDo, "It says why there are two profiles."),
    basic("Introduction", Why::NothingToDo, "It is not normative."),
    basic("Protocol Overview", Why::NothingToDo, "It is not normative."),
    basic("Design Aspects", Why::NothingToDo, "It is not normative."),
    basic("Building Blocks", Why::NothingToDo, "It names the three sections that follow."),
    basic("Identifiers", Why::NothingToDo, "It is the title above the sections on URIs and ids."),
    basic("Transports", Why::NothingToDo, "The sections on each transport have its requirements."),
    basic(
        "Extension Messages",
        Why::NothingToDo,
        "It permits messages of one's own and asks for none.",
    ),
    basic("Security Model", Why::NothingToDo, "It introduces the sections that follow."),
    basic(
        "Transport Encryption and Integrity",
        Why::Planned,
        "Listeners and the client library speak no TLS so far.",
    ),
    basic(
        "Router Authentication",
        Why::Planned,
        "A client that verifies a certificate comes with TLS.",
    ),
    basic("Client Authentication", Why::Planned, "Certificates of clients come with TLS."),
    basic(
        "Routers are trusted",
        Why::NothingToDo,
        "It tells applications what a router could do to them.",
    ),
    advanced("WAMP Advanced Profile", Why::NothingToDo, "It introduces the profile."),
    advanced("Meta API", Why::NothingToDo, "It is the title above the sections that follow."),
    advanced("Advanced RPC", Why::NothingToDo, "It is the title above the sections that follow."),
    advanced(
        "Advanced PubSub",
        Why::NothingToDo,
        "It is the title above the sections that follow.",
    ),
    advanced(
        "Authentication Methods",
        Why::Planned,
        "The router sends no CHALLENGE so far; the only method is anonymous.",
    ),
    advanced("Ticket-based Authentication", Why::Planned, "The only method is anonymous so far."),
    advanced(
        "Challenge Response Authentication",
        Why::Planned,
        "The only method is anonymous so far.",
    ),
    advanced(
        "Salted Challenge Response Authentication",
        Why::Planned,
        "The only method is anonymous so far.",
    ),
    advanced(
        "Cryptosign-based Authentication",
        Why::Planned,
        "The only method is anonymous so far.",
    ),
    advanced("Client Authentication", Why::Planned, "It comes with cryptosign."),
    advanced("TLS Channel Binding", Why::Planned, "It comes with cryptosign and TLS."),
    advanced("Router Authentication", Why::Planned, "It comes with cryptosign."),
    advanced(
        "Trustroots and Certificates",
        Why::NotPlanned,
        "It chains certificates of a form of their own to a blockchain; keys will be listed.",
    ),
    advanced(
        "Remote Attestation",
        Why::NotPlanned,
        "It judges the hardware of clients; no peer speaks it.",
    ),
    advanced("Example Message Exchanges", Why::NothingToDo, "It shows examples."),
    advanced("Dynamic Authentication API", Why::NothingToDo, "The section is empty."),
    advanced(
        "Advanced Security Features",
        Why::NothingToDo,
        "It introduces the sections that follow.",
    ),
    advanced("Payload End-to-End Encryption", Why::NothingToDo, "The section is empty."),
    advanced(
        "Advanced Transports and Serializers",
        Why::NothingToDo,
        "It names the sections that follow.",
    ),
    advanced("Multiplexed Transport", Why::NothingToDo, "It specifies no such transport."),
    advanced(
        "WAMP Interfaces",
        Why::NotPlanned,
        "Payloads are validated against JSON Schemas of the configuration, not against those of an IDL.",
    ),
    advanced(
        "WAMP IDL",
        Why::NotPlanned,
        "Payloads are validated against JSON Schemas of the configuration, not against those of an IDL.",
    ),
    advanced(
        "Interface Catalogs",
        Why::NotPlanned,
        "They are archives of schemas, for which the router has no use.",
    ),
    advanced("Interface Reflection", Why::NotPlanned, "It is a sketch that no peer speaks."),
    advanced("Router-to-Router Links", Why::NothingToDo, "It defines no message and no option."),
];
