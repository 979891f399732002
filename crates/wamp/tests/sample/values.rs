//! The messages of the golden table as values.

use cloverleaf_wamp::features::{ClientRoles, Feature, Features, RouterRoles};
use cloverleaf_wamp::ids::{
    InvocationId, MAX_ID, PublicationId, RegistrationId, RequestId, SessionId, SubscriptionId,
};
use cloverleaf_wamp::message::{
    Abort, Authenticate, Call, CallOptions, CallResult, CallerIdentity, Cancel, CancelMode,
    CancelOptions, Challenge, ClientMessage, EncAlgo, Event, EventDetails, Goodbye, GoodbyeDetails,
    Hello, HelloDetails, Interrupt, InterruptOptions, Invocation, InvocationDetails,
    InvocationError, InvokePolicy, PassthruDetails, Publish, PublishOptions, Published, Register,
    RegisterOptions, Registered, RequestError, ResultDetails, RouterMessage, Subscribe,
    SubscribeOptions, Subscribed, Unregister, Unregistered, UnregisteredDetails, Unsubscribe,
    Unsubscribed, UnsubscribedDetails, Welcome, WelcomeDetails, Yield, YieldOptions,
};
use cloverleaf_wamp::payload::{Encoded, Payload};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::MatchPolicy;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Sent, rpc};

pub(super) fn request(number: u64) -> RequestId {
    RequestId::new(number).unwrap()
}

pub(super) fn invocation_id(number: u64) -> InvocationId {
    InvocationId::new(number).unwrap()
}

pub(super) fn registration(number: u64) -> RegistrationId {
    RegistrationId::new(number).unwrap()
}

fn subscription(number: u64) -> SubscriptionId {
    SubscriptionId::new(number).unwrap()
}

pub(super) fn session(number: u64) -> SessionId {
    SessionId::new(number).unwrap()
}

fn publication(number: u64) -> PublicationId {
    PublicationId::new(number).unwrap()
}

pub(super) fn args(s: Serializer, args: impl Serialize) -> Payload {
    Payload::from_args(s, &args).unwrap()
}

fn args_and_kwargs(s: Serializer, args: impl Serialize, kwargs: &Value) -> Payload {
    Payload::from_args_and_kwargs(s, &args, kwargs).unwrap()
}

fn encoded(s: Serializer, value: &Value) -> Encoded {
    Encoded::from_value(s, value).unwrap()
}

/// The message with this name. Its opaque values are in the format `s`.
pub(crate) fn message(name: &str, s: Serializer) -> Sent {
    session_message(name, s)
        .or_else(|| topic_message(name, s))
        .or_else(|| caller_message(name, s))
        .or_else(|| callee_message(name, s))
        .or_else(|| rpc::message(name, s))
        .unwrap_or_else(|| panic!("no message is named {name}"))
}

fn session_message(name: &str, s: Serializer) -> Option<Sent> {
    Some(match name {
        "hello" => Sent::Client(ClientMessage::Hello(hello(s))),
        "welcome" => Sent::Router(RouterMessage::Welcome(welcome(s))),
        "abort" => Sent::Router(RouterMessage::Abort(Abort::new("wamp.error.no_such_realm", "no"))),
        "challenge" => {
            let extra = encoded(s, &json!({"nonce": "x"}));
            Sent::Router(RouterMessage::Challenge(Challenge { authmethod: "ticket".into(), extra }))
        }
        "authenticate" => {
            let extra = encoded(s, &json!({}));
            let answer = Authenticate { signature: "geheim".into(), extra };
            Sent::Client(ClientMessage::Authenticate(answer))
        }
        "goodbye" => {
            let details = GoodbyeDetails { message: Some("bye".into()) };
            let goodbye = Goodbye { details, reason: "wamp.close.normal".into() };
            Sent::Client(ClientMessage::Goodbye(goodbye))
        }
        "goodbye_plain" => {
            Sent::Router(RouterMessage::Goodbye(Goodbye::new("wamp.close.goodbye_and_out")))
        }
        _ => return None,
    })
}

fn hello(s: Serializer) -> Hello {
    let roles = ClientRoles {
        publisher: Some(Features::of(&[Feature::PublisherExclusion])),
        callee: Some(Features::of(&[Feature::CallCanceling, Feature::SharedRegistration])),
        ..ClientRoles::default()
    };
    let details = HelloDetails {
        roles: Some(roles),
        agent: Some("Tester-1".into()),
        authmethods: Some(vec!["ticket".into(), "anonymous".into()]),
        authid: Some("joe".into()),
        authextra: Some(encoded(s, &json!({"a": [1, null]}))),
    };
    Hello { realm: "com.example.realm".into(), details }
}

fn welcome(s: Serializer) -> Welcome {
    let roles = RouterRoles {
        broker: Some(Features::of(&[Feature::PatternBasedSubscription])),
        dealer: Some(Features::of(&[Feature::CallTimeout])),
    };
    let details = WelcomeDetails {
        roles: Some(roles),
        agent: Some("Router-1".into()),
        realm: Some("com.example.realm".into()),
        authid: Some("joe".into()),
        authrole: Some("guest".into()),
        authmethod: Some("anonymous".into()),
        authprovider: Some("static".into()),
        authextra: Some(encoded(s, &json!({}))),
        x_call_timeout_unit: Some("s".into()),
    };
    Welcome { session: session(MAX_ID), details: Box::new(details) }
}

fn topic_message(name: &str, s: Serializer) -> Option<Sent> {
    let client = |message| Some(Sent::Client(message));
    let router = |message| Some(Sent::Router(message));
    match name {
        "publish" => client(ClientMessage::Publish(Publish {
            request: request(255),
            options: Box::new(publish_options()),
            topic: "com.example.topic".into(),
            payload: args(s, (1.5, -1)),
        })),
        "publish_plain" => client(ClientMessage::Publish(Publish {
            request: request(256),
            options: Box::default(),
            topic: "com.example.topic".into(),
            payload: Payload::EMPTY,
        })),
        "published" => router(RouterMessage::Published(Published {
            request: request(255),
            publication: publication(1 << 32),
        })),
        "subscribe" => client(ClientMessage::Subscribe(Subscribe {
            request: request(24),
            options: SubscribeOptions {
                match_policy: Some(MatchPolicy::Wildcard),
                get_retained: Some(true),
                ..SubscribeOptions::default()
            },
            topic: "com..topic".into(),
        })),
        "subscribed" => router(RouterMessage::Subscribed(Subscribed {
            request: request(24),
            subscription: subscription(128),
        })),
        "unsubscribe" => client(ClientMessage::Unsubscribe(Unsubscribe {
            request: request(25),
            subscription: subscription(128),
        })),
        "unsubscribed" => router(RouterMessage::Unsubscribed(Unsubscribed::Answer(request(25)))),
        "subscription_revoked" => {
            let details = UnsubscribedDetails {
                subscription: Some(subscription(128)),
                reason: Some("com.example.reason".into()),
            };
            router(RouterMessage::Unsubscribed(Unsubscribed::Revocation(details)))
        }
        "event" => router(RouterMessage::Event(event(s).into())),
        "sealed_event" => {
            let details = EventDetails {
                passthru: Some(Box::new(PassthruDetails {
                    enc_algo: Some(EncAlgo::Mqtt),
                    enc_key: Some("k".into()),
                    enc_serializer: Some("json".into()),
                    ..PassthruDetails::default()
                })),
                ..EventDetails::default()
            };
            let details = Box::new(details);
            let (subscription, publication) = (subscription(128), publication(7));
            let payload = sealed(s);
            let event = Event { subscription, publication, details, payload };
            router(RouterMessage::Event(event.into()))
        }
        "event_received" => client(ClientMessage::EventReceived(publication(1 << 32))),
        _ => None,
    }
}

/// Bytes as Arguments. No public constructor makes such a payload, so it is taken from the smallest
/// message that has it.
fn sealed(s: Serializer) -> Payload {
    let frame: &[u8] = match s {
        Serializer::Json => br#"[70,1,{"enc_algo":"mqtt"},"\u0000AAEC/w=="]"#,
        Serializer::MsgPack => b"\x94\x46\x01\x81\xa8enc_algo\xa4mqtt\xc4\x04\x00\x01\x02\xff",
        Serializer::Cbor => b"\x84\x18\x46\x01\xa1\x68enc_algo\x64mqtt\x44\x00\x01\x02\xff",
        Serializer::UbJson => b"[UFU\x01{U\x08enc_algoSU\x04mqtt}[$U#U\x04\x00\x01\x02\xff]",
        Serializer::BjData => b"[UFU\x01{U\x08enc_algoSU\x04mqtt}[$B#U\x04\x00\x01\x02\xff]",
    };
    let message =
        cloverleaf_wamp::message::wire::decode_client(s, &bytes::Bytes::from_static(frame));
    let Ok(ClientMessage::Yield(answer)) = message else { panic!("{message:?}") };
    answer.payload
}

fn publish_options() -> PublishOptions {
    PublishOptions {
        acknowledge: Some(true),
        exclude_me: Some(false),
        exclude: Some(vec![session(1), session(300)]),
        exclude_authid: Some(vec!["a".into()]),
        exclude_authrole: Some(Vec::new()),
        eligible: Some(Vec::new()),
        eligible_authid: Some(vec!["b".into(), "c".into()]),
        eligible_authrole: Some(vec!["d".into()]),
        disclose_me: Some(true),
        retain: Some(false),
        passthru: Some(Box::new(PassthruDetails {
            transaction_hash: Some("0x1".into()),
            ..PassthruDetails::default()
        })),
        ..PublishOptions::default()
    }
}

fn event(s: Serializer) -> Event {
    let details = EventDetails {
        topic: Some("com.a.topic".into()),
        publisher: Some(session(77)),
        publisher_authid: Some("joe".into()),
        publisher_authrole: Some("guest".into()),
        retained: Some(true),
        x_acknowledged_delivery: Some(true),
        passthru: Some(Box::new(PassthruDetails {
            transaction_hash: Some("0x1".into()),
            ..PassthruDetails::default()
        })),
        ..EventDetails::default()
    };
    Event {
        subscription: subscription(128),
        publication: publication(1 << 32),
        details: Box::new(details),
        payload: args_and_kwargs(s, [0_u8; 0], &json!({"a": {"b": [true, false]}})),
    }
}

pub(super) fn call(number: u64, options: CallOptions, payload: Payload) -> Call {
    Call { request: request(number), options, procedure: "com.example.add2".into(), payload }
}

fn caller_message(name: &str, s: Serializer) -> Option<Sent> {
    let client = |message| Some(Sent::Client(message));
    let router = |message| Some(Sent::Router(message));
    match name {
        "call" => {
            let options = CallOptions {
                timeout: Some(60_000),
                receive_progress: Some(false),
                progress: Some(false),
                disclose_me: Some(true),
                passthru: Some(Box::new(PassthruDetails {
                    transaction_hash: Some("0x1".into()),
                    ..PassthruDetails::default()
                })),
                ..CallOptions::default()
            };
            let payload = args_and_kwargs(s, [2, 3], &json!({"verbose": false}));
            client(ClientMessage::Call(call(23, options, payload)))
        }
        "sealed_call" => {
            let options = CallOptions {
                passthru: Some(Box::new(PassthruDetails {
                    enc_algo: Some(EncAlgo::Cryptobox),
                    enc_key: Some("k".into()),
                    enc_serializer: Some("cbor".into()),
                    ..PassthruDetails::default()
                })),
                ..CallOptions::default()
            };
            client(ClientMessage::Call(call(9, options, sealed(s))))
        }
        "cancel" => client(ClientMessage::Cancel(Cancel {
            request: request(23),
            options: CancelOptions { mode: Some(CancelMode::KillNoWait.into()) },
        })),
        "result" => router(RouterMessage::Result(CallResult {
            request: request(23),
            details: ResultDetails { progress: Some(true), ..ResultDetails::default() },
            payload: args(s, [5]),
        })),
        "sealed_result" => router(RouterMessage::Result(CallResult {
            request: request(23),
            details: ResultDetails {
                passthru: Some(Box::new(PassthruDetails {
                    enc_algo: Some(EncAlgo::Xbr),
                    enc_key: Some("k".into()),
                    enc_serializer: Some("msgpack".into()),
                    ..PassthruDetails::default()
                })),
                ..ResultDetails::default()
            },
            payload: sealed(s),
        })),
        "request_error" => {
            let (options, topic) = (SubscribeOptions::default(), "".into());
            let subscribe = Subscribe { request: request(65_536), options, topic };
            router(RouterMessage::Error(RequestError::new(
                subscribe.reference(),
                "wamp.error.invalid_uri",
                args(s, ["'' is not a valid URI"]),
            )))
        }
        _ => None,
    }
}

fn callee_message(name: &str, s: Serializer) -> Option<Sent> {
    let client = |message| Some(Sent::Client(message));
    let router = |message| Some(Sent::Router(message));
    match name {
        "register" => client(ClientMessage::Register(Register {
            request: request(1),
            options: RegisterOptions {
                match_policy: Some(MatchPolicy::Prefix),
                invoke: Some(InvokePolicy::RoundRobin.into()),
                ..RegisterOptions::default()
            },
            procedure: "com.example.".into(),
        })),
        "registered" => router(RouterMessage::Registered(Registered {
            request: request(1),
            registration: registration(65_535),
        })),
        "unregister" => client(ClientMessage::Unregister(Unregister {
            request: request(2),
            registration: registration(65_535),
        })),
        "unregistered" => router(RouterMessage::Unregistered(Unregistered::Answer(request(2)))),
        "registration_revoked" => {
            let details = UnregisteredDetails {
                registration: Some(registration(65_535)),
                reason: Some("com.example.reason".into()),
            };
            router(RouterMessage::Unregistered(Unregistered::Revocation(details)))
        }
        "invocation" => router(RouterMessage::Invocation(invocation(s))),
        "interrupt" => router(RouterMessage::Interrupt(Interrupt {
            request: invocation_id(1),
            options: InterruptOptions {
                mode: Some(CancelMode::Kill),
                reason: Some("wamp.error.canceled".into()),
            },
        })),
        "yielded" => client(ClientMessage::Yield(Yield {
            request: invocation_id(1),
            options: YieldOptions { progress: Some(false), ..YieldOptions::default() },
            payload: args(s, [5]),
        })),
        "invocation_error" => client(ClientMessage::Error(InvocationError::new(
            invocation_id(1),
            "com.example.error",
            args_and_kwargs(s, ["Stra\u{df}e"], &json!({"code": -33})),
        ))),
        _ => None,
    }
}

fn invocation(s: Serializer) -> Invocation {
    let details = InvocationDetails {
        procedure: Some("com.example.add2".into()),
        caller: Some(Box::new(CallerIdentity {
            caller: Some(session(77)),
            caller_authid: Some("joe".into()),
            caller_authrole: Some("guest".into()),
        })),
        timeout: Some(1_000),
        receive_progress: Some(true),
        progress: Some(false),
        passthru: Some(Box::new(PassthruDetails {
            transaction_hash: Some("0x1".into()),
            ..PassthruDetails::default()
        })),
        ..InvocationDetails::default()
    };
    Invocation {
        request: invocation_id(1),
        registration: registration(65_535),
        details,
        payload: args_and_kwargs(s, [2, 3], &json!({"verbose": false})),
    }
}
