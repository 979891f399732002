//! Static permissions, the errors of denied requests, and disclosure.
//!
//! Spec: advanced profile "Authorization", "Caller Identification", "Publisher Identification"; the
//! precedence of rules is a decision of this project.

use cloverleaf_router::authorization::Action;
use cloverleaf_router::{Disclosure, Permission, RefusedPattern, Role};
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    CallOptions, CallerIdentity, ClientMessage, EventDetails, InvocationDetails, PublishOptions,
    RequestKind, RouterMessage,
};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};

fn role(name: &str, rules: &[(&str, Permission)]) -> Role {
    let rules = rules.iter().map(|(uri, rule)| (UriPattern::from_starred(uri).unwrap(), *rule));
    Role::new(name, rules)
}

/// A lab with a `guest` under these rules and a `host` with every right.
fn guest_and_host(rules: &[(&str, Permission)]) -> (Lab, Peer, Peer) {
    let mut lab =
        Lab::with_roles(vec![role("guest", rules), role("host", &[("*", Permission::ALL)])]);
    let guest = lab.join_as(Client { role: "guest", ..Client::named("guest") });
    let host = lab.join_as(Client { role: "host", ..Client::named("host") });
    (lab, guest, host)
}

fn not_authorized(kind: RequestKind, number: u64, text: &str) -> RouterMessage {
    router::refused(kind, number, error_uri::NOT_AUTHORIZED, text)
}

const NONE: Permission = Permission {
    call: false,
    register: false,
    publish: false,
    subscribe: false,
    ..Permission::ALL
};

#[test]
fn request_without_a_rule_is_refused() {
    for rules in [&[][..], &[("com.*", NONE)]] {
        let (mut lab, guest, _) = guest_and_host(rules);
        lab.send(guest, client::call(1, "com.a", NOTHING));
        lab.send(guest, client::register(2, "com.a"));
        lab.send(guest, client::publish_with(3, client::acknowledged(), "com.a", NOTHING));
        lab.send(guest, client::subscribe(4, "com.a"));
        assert_eq!(
            lab.received(guest),
            [
                (RequestKind::Call, 1, "session not authorized to call procedure 'com.a'"),
                (RequestKind::Register, 2, "session not authorized to register procedure 'com.a'"),
                (RequestKind::Publish, 3, "session not authorized to publish to topic 'com.a'"),
                (RequestKind::Subscribe, 4, "session not authorized to subscribe to topic 'com.a'"),
            ]
            .map(|(kind, number, text)| not_authorized(kind, number, text))
        );
    }
}

#[test]
fn each_action_is_allowed_on_its_own() {
    let (mut lab, guest, host) = guest_and_host(&[
        ("com.call", Permission { call: true, ..NONE }),
        ("com.register", Permission { register: true, ..NONE }),
        ("com.publish", Permission { publish: true, ..NONE }),
        ("com.subscribe", Permission { subscribe: true, ..NONE }),
    ]);
    lab.send(host, client::register(1, "com.call"));
    lab.send(host, client::subscribe(2, "com.publish"));
    lab.received(host);
    lab.send(guest, client::call(1, "com.call", NOTHING));
    lab.send(guest, client::register(2, "com.register"));
    lab.send(guest, client::publish(3, "com.publish", NOTHING));
    let publication = lab.last_publication();
    lab.send(guest, client::subscribe(4, "com.subscribe"));
    assert_eq!(lab.received(guest), [router::registered(2, 2), router::subscribed(4, 2)]);
    assert_eq!(
        lab.received(host),
        [router::invocation(1, 1, NOTHING), router::event(1, publication, NOTHING)]
    );
}

#[test]
fn exact_rules_precede_wildcards_and_wildcards_precede_prefixes() {
    let yes = Permission { subscribe: true, ..NONE };
    let (mut lab, guest, _) = guest_and_host(&[
        ("*", yes),
        ("com.*", yes),
        ("com.a.*", NONE),
        ("com.*.open", yes),
        ("com.*.shut", NONE),
        ("com.b.open", NONE),
        ("com.b.shut", yes),
    ]);
    let allowed = ["org.x", "com.x", "com.a.open", "com.b.shut", "com.c.open", "com.a", "com.shut"];
    let denied = ["com.a.x", "com.b.open", "com.c.shut"];
    for (number, topic) in (1..).zip(allowed) {
        lab.send(guest, client::subscribe(number, topic));
        assert_eq!(lab.received(guest), [router::subscribed(number, number)], "{topic}");
    }
    for (number, topic) in (20..).zip(denied) {
        lab.send(guest, client::subscribe(number, topic));
        let text = format!("session not authorized to subscribe to topic '{topic}'");
        assert_eq!(lab.received(guest), [not_authorized(RequestKind::Subscribe, number, &text)]);
    }
}

#[test]
fn denied_unacknowledged_publication_fails_silently() {
    let (mut lab, guest, host) = guest_and_host(&[("com.*", NONE)]);
    lab.send(host, client::subscribe(1, "com.a"));
    lab.received(host);
    lab.send(guest, client::publish(1, "com.a", NOTHING));
    let no = PublishOptions { acknowledge: Some(false), ..PublishOptions::default() };
    lab.send(guest, client::publish_with(2, no, "com.a", NOTHING));
    assert_eq!(lab.received(guest), []);
    assert_eq!(lab.received(host), []);
}

#[test]
fn denied_call_reaches_no_callee() {
    let (mut lab, guest, host) = guest_and_host(&[("com.a", NONE)]);
    lab.send(host, client::register(1, "com.a"));
    lab.received(host);
    lab.send(guest, client::call(1, "com.a", NOTHING));
    assert_eq!(lab.received(host), []);
}

#[test]
fn denial_does_not_disclose_whether_a_procedure_exists() {
    let (mut lab, guest, host) = guest_and_host(&[("com.*", NONE)]);
    lab.send(guest, client::call(1, "com.a", NOTHING));
    let before = lab.received(guest);
    lab.send(host, client::register(1, "com.a"));
    lab.send(guest, client::call(1, "com.a", NOTHING));
    assert_eq!(lab.received(guest), before);
}

#[test]
fn only_the_trusted_role_may_use_the_reserved_namespace() {
    let (mut lab, guest, _) = guest_and_host(&[("*", Permission::ALL)]);
    let trusted = lab.join_as(Client { role: "trusted", ..Client::named("inside") });
    lab.send(trusted, client::register(1, "wamp.example.count"));
    lab.send(guest, client::subscribe(1, "wamp.session.on_join"));
    lab.send(trusted, client::publish(2, "wamp.session.on_join", NOTHING));
    let publication = lab.last_publication();
    lab.send(guest, client::call(2, "wamp.example.count", NOTHING));
    assert_eq!(
        lab.received(trusted),
        [router::registered(1, 1), router::invocation(1, 1, NOTHING)]
    );
    assert_eq!(
        lab.received(guest),
        [router::subscribed(1, 1), router::event(1, publication, NOTHING)]
    );
}

// === disclosure ===

fn call_wishing(number: u64, disclose_me: Option<bool>) -> ClientMessage {
    let options = CallOptions { disclose_me, ..CallOptions::default() };
    client::call_with(number, options, "com.a", NOTHING)
}

fn publish_wishing(number: u64, disclose_me: Option<bool>) -> ClientMessage {
    let options = PublishOptions { disclose_me, ..client::acknowledged() };
    client::publish_with(number, options, "com.a", NOTHING)
}

fn refusal(kind: RequestKind) -> RouterMessage {
    let text = "this session asks to be disclosed (disclose_me); its role forbids it";
    router::refused(kind, 1, error_uri::DISCLOSE_ME_DISALLOWED, text)
}

/// A rule and a request to be disclosed: disclosed, not disclosed, or refused.
const DISCLOSURES: [(Disclosure, Option<bool>, Option<bool>); 9] = [
    (Disclosure::OnRequest, None, Some(false)),
    (Disclosure::OnRequest, Some(false), Some(false)),
    (Disclosure::OnRequest, Some(true), Some(true)),
    (Disclosure::Always, None, Some(true)),
    (Disclosure::Always, Some(false), Some(true)),
    (Disclosure::Always, Some(true), Some(true)),
    (Disclosure::Never, None, Some(false)),
    (Disclosure::Never, Some(false), Some(false)),
    (Disclosure::Never, Some(true), None),
];

#[test]
fn caller_disclosure_follows_permission_and_request() {
    for (disclose_caller, wish, expected) in DISCLOSURES {
        let (mut lab, guest, host) =
            guest_and_host(&[("com.a", Permission { disclose_caller, ..Permission::ALL })]);
        lab.send(host, client::register(1, "com.a"));
        lab.received(host);
        lab.send(guest, call_wishing(1, wish));
        let details = |disclosed: bool| InvocationDetails {
            caller: disclosed.then(|| {
                Box::new(CallerIdentity {
                    caller: Some(lab.id(guest)),
                    caller_authid: Some("guest".into()),
                    caller_authrole: Some("guest".into()),
                })
            }),
            ..InvocationDetails::default()
        };
        let invocation =
            expected.map(|disclosed| router::invocation_with(1, 1, details(disclosed), NOTHING));
        let refused = expected.is_none().then(|| refusal(RequestKind::Call));
        assert_eq!(lab.received(host), Vec::from_iter(invocation), "{disclose_caller:?} {wish:?}");
        assert_eq!(lab.received(guest), Vec::from_iter(refused), "{disclose_caller:?} {wish:?}");
    }
}

/// Some clients request disclosure with each call, and could otherwise not call the meta API.
#[test]
fn meta_procedure_knows_the_caller_and_accepts_disclose_me() {
    let hidden = Permission { disclose_caller: Disclosure::Never, ..Permission::ALL };
    let (mut lab, guest, _) = guest_and_host(&[("*", hidden)]);
    let wish = CallOptions { disclose_me: Some(true), ..CallOptions::default() };
    lab.send(guest, client::call_with(1, wish, "wamp.session.count", NOTHING));
    assert_eq!(lab.received(guest), [router::result(1, args([2]))]);
}

#[test]
fn publisher_disclosure_follows_permission_and_request() {
    for (disclose_publisher, wish, expected) in DISCLOSURES {
        let (mut lab, guest, host) =
            guest_and_host(&[("com.a", Permission { disclose_publisher, ..Permission::ALL })]);
        lab.send(host, client::subscribe(1, "com.a"));
        lab.received(host);
        lab.send(guest, publish_wishing(1, wish));
        let publication = lab.last_publication();
        let details = |disclosed: bool| EventDetails {
            publisher: disclosed.then(|| lab.id(guest)),
            publisher_authid: disclosed.then(|| "guest".into()),
            publisher_authrole: disclosed.then(|| "guest".into()),
            ..EventDetails::default()
        };
        let event = expected
            .map(|disclosed| router::event_with(1, publication, details(disclosed), NOTHING));
        let answer = match expected {
            Some(_) => router::published(1, publication),
            None => refusal(RequestKind::Publish),
        };
        let case = format!("{disclose_publisher:?} {wish:?}");
        assert_eq!(lab.received(host), Vec::from_iter(event), "{case}");
        assert_eq!(lab.received(guest), [answer], "{case}");
    }
}

#[test]
fn exact_permission_does_not_cover_a_prefix_of_the_same_text() {
    let (mut lab, guest, host) = guest_and_host(&[("com.a", Permission::ALL)]);
    lab.send(guest, client::subscribe_pattern(1, MatchPolicy::Prefix, "com.a"));
    lab.send(guest, client::register_pattern(2, MatchPolicy::Prefix, "com.a"));
    assert_eq!(
        lab.received(guest),
        [
            not_authorized(
                RequestKind::Subscribe,
                1,
                "session not authorized to subscribe to topic 'com.a'"
            ),
            not_authorized(
                RequestKind::Register,
                2,
                "session not authorized to register procedure 'com.a'"
            ),
        ]
    );
    lab.send(host, client::publish(1, "com.abc.secret", NOTHING));
    assert_eq!(lab.received(guest), []);
}

#[test]
fn prefix_registration_does_not_match_meta_procedures() {
    let (mut lab, guest, host) = guest_and_host(&[("*", Permission::ALL)]);
    lab.send(guest, client::register_pattern(1, MatchPolicy::Prefix, ""));
    lab.received(guest);
    lab.send(host, client::call(1, "wamp.example.count", NOTHING));
    let text = "no callee registered for procedure <wamp.example.count>";
    assert_eq!(
        lab.received(host),
        [router::refused(RequestKind::Call, 1, error_uri::NO_SUCH_PROCEDURE, text)]
    );
    assert_eq!(lab.received(guest), []);
}

// === patterns under an exact permission ===

const SUBSCRIBING: Permission = Permission { subscribe: true, ..NONE };
const REGISTERING: Permission = Permission { register: true, ..NONE };

fn subscribe(number: u64, policy: MatchPolicy, topic: &str) -> ClientMessage {
    client::subscribe_pattern(number, policy, topic)
}

fn reported(role: &str, action: Action, uri: &str, policy: MatchPolicy) -> RefusedPattern {
    RefusedPattern { role: role.into(), action, uri: uri.into(), policy }
}

#[test]
fn refused_pattern_is_reported_once_per_permission() {
    let rules = [("com.a", SUBSCRIBING), ("com.b", REGISTERING), ("com.c", NONE)];
    let (mut lab, guest, _) = guest_and_host(&rules);
    let other = lab.join_as(Client { role: "guest", ..Client::named("other") });
    let requests = [
        subscribe(1, MatchPolicy::Prefix, "com.a"),
        client::register_pattern(2, MatchPolicy::Prefix, "com.b"),
        subscribe(3, MatchPolicy::Prefix, "com.a"),
    ];
    for peer in [guest, other] {
        for request in &requests {
            lab.send(peer, request.clone());
        }
        let kinds = [RequestKind::Subscribe, RequestKind::Register, RequestKind::Subscribe];
        let refused = |message: &RouterMessage| match message {
            RouterMessage::Error(error) => (error.request.kind(), error.error.to_string()),
            other => panic!("an ERROR, not {other:?}"),
        };
        let received: Vec<_> = lab.received(peer).iter().map(refused).collect();
        assert_eq!(received, kinds.map(|kind| (kind, error_uri::NOT_AUTHORIZED.to_owned())));
    }
    let reports = [
        reported("guest", Action::Subscribe, "com.a", MatchPolicy::Prefix),
        reported("guest", Action::Register, "com.b", MatchPolicy::Prefix),
    ];
    assert_eq!(lab.take_refused_patterns(), reports);
    assert_eq!(lab.take_refused_patterns(), []);
}

#[test]
fn other_refusals_are_not_reported() {
    let (mut lab, guest, host) = guest_and_host(&[("com.a", REGISTERING), ("com.b", NONE)]);
    lab.send(guest, subscribe(1, MatchPolicy::Prefix, "com.a"));
    lab.send(guest, subscribe(2, MatchPolicy::Prefix, "com.b"));
    lab.send(guest, subscribe(3, MatchPolicy::Prefix, "com.x"));
    lab.send(guest, client::subscribe(4, "com.a"));
    lab.send(guest, client::register_pattern(5, MatchPolicy::Prefix, "com a"));
    lab.send(host, subscribe(1, MatchPolicy::Prefix, "com.a"));
    assert_eq!(lab.received(guest).len(), 5);
    assert_eq!(lab.take_refused_patterns(), []);
}

/// It matches no other URI.
#[test]
fn a_wildcard_without_an_empty_component_needs_the_permission_for_its_uri() {
    let rules = [("com.a", Permission { register: true, ..SUBSCRIBING }), ("com.b.*", SUBSCRIBING)];
    let (mut lab, guest, _) = guest_and_host(&rules);
    lab.send(guest, subscribe(1, MatchPolicy::Wildcard, "com.a"));
    lab.send(guest, subscribe(2, MatchPolicy::Wildcard, "com.b.c"));
    lab.send(guest, client::register_pattern(3, MatchPolicy::Wildcard, "com.a"));
    assert_eq!(
        lab.received(guest),
        [router::subscribed(1, 1), router::subscribed(2, 2), router::registered(3, 1)]
    );
    let text = "session not authorized to subscribe to topic 'com.c'";
    lab.send(guest, subscribe(4, MatchPolicy::Wildcard, "com.c"));
    assert_eq!(lab.received(guest), [not_authorized(RequestKind::Subscribe, 4, text)]);
    assert_eq!(lab.take_refused_patterns(), []);
}
