//! Sessions: opening and ending them, and that no entry of them stays.
//!
//! Spec: basic profile "Sessions", "Session Establishment", "Session Closing"; advanced profile
//! "Feature Announcement".

use cloverleaf_auth::{AdmissionStep, ConnectionFacts, Joined, Joining, SessionReservation};
use cloverleaf_router::limits::SharedLimits;
use cloverleaf_router::{
    Admission, Admitted, Compatibility, Moment, Random, Realm, RealmSettings, Refusal, SessionFlow,
    SessionKey,
};
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::recorder::Recorder;
use cloverleaf_testkit::{Client, Lab, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{CLIENT, Feature, Features, ROUTER, ROUTER_META_API, RouterRoles};
use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::message::{
    Abort, Authenticate, ClientMessage, Hello, HelloDetails, RequestKind, RouterMessage, Welcome,
    WelcomeDetails,
};
use cloverleaf_wamp::payload::Encoded;
use cloverleaf_wamp::serializer::Serializer;

#[test]
fn welcome_has_the_identity_and_the_features() {
    let agent = Some("Cloverleaf-1".into());
    let mut lab = Lab::with(RealmSettings { agent: agent.clone(), ..settings() });
    let alice = lab.join("alice");
    let details = WelcomeDetails {
        roles: Some(ROUTER.with(ROUTER_META_API)),
        agent,
        realm: Some("realm1".into()),
        authid: Some("alice".into()),
        authrole: Some("anyone".into()),
        authmethod: Some("anonymous".into()),
        authprovider: Some("static".into()),
        authextra: Some(Encoded::EMPTY_DICTIONARY),
        x_call_timeout_unit: Some("ms".into()),
    };
    let session = lab.id(alice);
    assert_eq!(lab.welcome(alice), &Welcome { session, details: Box::new(details.clone()) });
    assert_eq!(lab.realm().session_count(), 1);
    assert_eq!(lab.realm().name(), "realm1");

    let unasked = Admitted { tells_agent: false, ..Admitted::from(Client::named("alice")) };
    let other = lab.attach(unasked).unwrap();
    let details = WelcomeDetails { agent: None, ..details };
    let session = lab.id(other);
    assert_eq!(lab.welcome(other), &Welcome { session, details: Box::new(details) });
}

#[test]
fn welcome_announces_the_extensions_of_this_router() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    let RouterRoles { broker, dealer } = lab.welcome(alice).details.roles.unwrap();
    let own = |features: Option<Features>| -> Vec<&str> {
        let names = features.unwrap().iter().map(Feature::name);
        names.filter(|name| name.starts_with('_')).collect()
    };
    assert_eq!(own(broker), ["_subscriber_groups", "_event_ttl"]);
    assert_eq!(
        own(dealer),
        [
            "_invoke_load",
            "_invoke_hash",
            "_invoke_sticky",
            "_invoke_all",
            "_call_concurrency",
            "_forced_reregistration",
        ]
    );
}

/// An id that its test releases.
#[derive(Debug)]
struct ReservedId(SessionId);

impl SessionReservation for ReservedId {
    fn session(&self) -> SessionId {
        self.0
    }
}

/// A client that an open listener has admitted.
fn admit(hello: &Hello, id: SessionId) -> Admitted {
    let connection = ConnectionFacts { transport: None, tells_agent: true };
    let admission = Admission::open();
    let selected = Joining::new(connection).hello(&admission, hello).unwrap();
    match selected.begin(ReservedId(id), [1, 2]) {
        AdmissionStep::Joined(Joined { admitted, .. }) => admitted,
        other => panic!("{other:?}"),
    }
}

#[test]
fn admitted_hello_opens_a_session_with_the_role_of_the_listener() {
    let details = HelloDetails { roles: Some(CLIENT), ..HelloDetails::default() };
    let hello = Hello { realm: "realm1".into(), details };
    let admitted = admit(&hello, SessionId::from_random(7));
    let mut lab = Lab::new();
    let refusal = Refusal::NoSuchRole { realm: "realm1".into(), role: "anonymous".into() };
    assert_eq!(lab.attach(admitted.clone()), Err(refusal.clone()));
    assert_eq!(refusal.abort(Compatibility::default()).reason, error_uri::NO_SUCH_ROLE);
    assert_eq!(lab.realm().session_count(), 0);

    let mut admitted = admitted;
    admitted.principal.authrole = "anyone".into();
    let peer = lab.attach(admitted).unwrap();
    assert_eq!(lab.welcome(peer).details.authrole.as_deref(), Some("anyone"));
}

#[test]
fn a_session_id_that_is_taken_is_drawn_again() {
    let mut draws = [7, 7, 7, 8].into_iter();
    let random = Random::new(move || draws.next().unwrap_or(9));
    let mut realm = Realm::new(settings(), random);
    let mut join = || -> SessionKey {
        realm
            .attach(Admitted::from(Client::named("alice")), Recorder::default(), Moment::default())
            .unwrap()
    };
    let (first, second) = (join(), join());
    assert_eq!([first, second].map(|key| key.id().number()), [8, 9]);
}

#[test]
fn reserved_session_id_is_the_id_of_the_session_and_of_no_other() {
    let mut draws = [7, 7, 8, 8, 9].into_iter();
    let random = Random::new(move || draws.next().unwrap_or(10));
    let mut realm = Realm::new(settings(), random);
    let reserved = realm.reserve_session_id().unwrap();
    let other = realm.reserve_session_id().unwrap();
    assert_ne!(reserved, other);
    assert_eq!((realm.joining_count(), realm.session_count()), (2, 0));
    let admitted = Admitted { session: Some(reserved), ..Client::named("alice").into() };
    let key = realm.attach(admitted, Recorder::default(), Moment::default()).unwrap();
    assert_eq!(key.id(), reserved);
    realm.release_session_id(reserved);
    assert_eq!((realm.joining_count(), realm.session_count()), (1, 1));
    realm.release_session_id(other);
    realm.detach(key, Moment::default());
    assert!(realm.is_empty());
}

#[test]
fn refused_session_releases_its_reserved_id() {
    let mut realm = Realm::new(settings(), Random::new(|| 7));
    let session = Some(realm.reserve_session_id().unwrap());
    assert!(!realm.is_empty());
    let client = Client { role: "unknown", ..Client::named("alice") };
    let admitted = Admitted { session, ..client.into() };
    assert!(realm.attach(admitted, Recorder::default(), Moment::default()).is_err());
    assert!(realm.is_empty());
}

#[test]
fn reserved_session_ids_are_limited() {
    let mut draws = 0;
    let random = Random::new(move || {
        draws += 2;
        draws
    });
    let mut realm = Realm::<Recorder>::new(settings(), random);
    let ids: Vec<SessionId> = (0..SharedLimits::DEFAULT.max_joining_sessions)
        .map(|_| realm.reserve_session_id().unwrap())
        .collect();
    let refusal = Refusal::TooManyJoining("realm1".into());
    assert_eq!(realm.reserve_session_id(), Err(refusal.clone()));
    assert_eq!(refusal.reason(Compatibility::Wamp), error_uri::UNAVAILABLE);
    realm.release_session_id(ids[0]);
    assert!(realm.reserve_session_id().is_ok());
    realm.close(error_uri::CLOSE_REALM);
    assert_eq!(realm.reserve_session_id(), Err(Refusal::RealmClosed("realm1".into())));
}

/// A peer that takes the bytes of a number in the wrong order must find out at WELCOME.
/// A peer that reads the bytes of a number in the wrong order must notice that in WELCOME.
#[test]
fn session_id_that_is_valid_in_both_byte_orders_is_drawn_again() {
    let mut draws = [0x0012_3456_789a_1eff, 0x0012_3456_789a_bcde].into_iter();
    let random = Random::new(move || draws.next().unwrap_or(9));
    let mut realm = Realm::new(settings(), random);
    let admitted = Admitted::from(Client::named("alice"));
    let key = realm.attach(admitted, Recorder::default(), Moment::default()).unwrap();
    assert_eq!(key.id().number(), 0x0012_3456_789a_bcdf);
}

#[test]
fn goodbye_is_answered_and_the_connection_may_open_another_session() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    let next = lab.submit(alice, client::goodbye(error_uri::CLOSE_NORMAL));
    assert_eq!(next, SessionFlow::Left);
    assert_eq!(lab.received(alice), [router::goodbye(error_uri::GOODBYE_AND_OUT)]);
    assert!(lab.realm().is_empty());
}

/// `docs/decisions/traps.md#f10`.
#[test]
fn goodbye_is_answered_whatever_its_reason() {
    let mut lab = Lab::new();
    for reason in ["wamp.error.close_realm", "wamp.error.goodbye_and_out", "no uri at all", ""] {
        let alice = lab.join("alice");
        assert_eq!(lab.submit(alice, client::goodbye(reason)), SessionFlow::Left);
        assert_eq!(lab.received(alice), [router::goodbye(error_uri::GOODBYE_AND_OUT)]);
    }
}

#[test]
fn an_abort_ends_the_session_and_is_never_answered() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    let abort = ClientMessage::Abort(Abort::new("com.example.enough", "enough"));
    assert_eq!(lab.submit(alice, abort), SessionFlow::Close);
    assert_eq!(lab.received(alice), []);
    assert!(lab.realm().is_empty());
}

#[test]
fn a_second_hello_aborts_the_session() {
    let mut lab = Lab::new();
    let (alice, bob) = (lab.join("alice"), lab.join("bob"));
    assert_eq!(lab.submit(alice, client::hello()), SessionFlow::Close);
    let text = "HELLO was sent on a session that is already open";
    assert_eq!(lab.received(alice), [router::violation(text)]);
    assert_eq!(lab.received(bob), []);
    assert_eq!(lab.realm().session_count(), 1);
}

#[test]
fn authenticate_without_a_challenge_aborts_the_session() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    let extra = Encoded::from_value(Serializer::Json, &serde_json::json!({})).unwrap();
    let answer = ClientMessage::Authenticate(Authenticate { signature: "x".into(), extra });
    assert_eq!(lab.submit(alice, answer), SessionFlow::Close);
    let text = "AUTHENTICATE may not be sent at this point of the session";
    assert_eq!(lab.received(alice), [router::violation(text)]);
}

#[test]
fn messages_after_the_end_of_a_session_are_not_served() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    assert_eq!(lab.submit(alice, client::hello()), SessionFlow::Close);
    lab.received(alice);
    let late = [client::subscribe(1, "com.a"), client::call(2, "com.a", NOTHING), client::hello()];
    for message in late {
        assert_eq!(lab.submit(alice, message), SessionFlow::Close);
    }
    lab.disconnect(alice);
    lab.abort(alice, Abort::new(error_uri::PROTOCOL_VIOLATION, "late"));
    assert_eq!(lab.received(alice), []);
    assert!(lab.realm().is_empty());
}

#[test]
fn key_of_an_ended_session_does_not_reach_its_successor() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    lab.disconnect(alice);
    let bob = lab.join("bob");
    assert_eq!(lab.submit(alice, client::subscribe(1, "com.a")), SessionFlow::Close);
    lab.disconnect(alice);
    assert_eq!(lab.received(bob), []);
    assert_eq!(lab.realm().session_count(), 1);
}

#[test]
fn ended_session_loses_its_registrations_and_subscriptions() {
    let mut lab = Lab::new();
    let (alice, bob) = (lab.join("alice"), lab.join("bob"));
    lab.send(alice, client::register(1, "com.add"));
    lab.send(alice, client::subscribe(2, "com.news"));
    lab.received(alice);
    lab.disconnect(alice);

    lab.send(bob, client::call(1, "com.add", NOTHING));
    let text = "no callee registered for procedure <com.add>";
    let refusal = router::refused(RequestKind::Call, 1, error_uri::NO_SUCH_PROCEDURE, text);
    assert_eq!(lab.received(bob), [refusal]);
    lab.send(bob, client::publish(2, "com.news", NOTHING));
    assert_eq!(lab.received(alice), []);
    lab.disconnect(bob);
    assert!(lab.realm().is_empty());
}

#[test]
fn closing_realm_sends_goodbye_once_and_waits_for_the_answers() {
    let mut lab = Lab::new();
    let (alice, bob) = (lab.join("alice"), lab.join("bob"));
    lab.close(error_uri::CLOSE_REALM);
    lab.close(error_uri::SYSTEM_SHUTDOWN);
    for peer in [alice, bob] {
        assert_eq!(lab.received(peer), [router::goodbye(error_uri::CLOSE_REALM)]);
    }
    assert_eq!(lab.submit(alice, client::goodbye(error_uri::GOODBYE_AND_OUT)), SessionFlow::Left);
    assert_eq!(lab.received(alice), []);
    lab.disconnect(bob);
    assert!(lab.realm().is_empty());
}

#[test]
fn clients_that_do_not_answer_the_goodbye_of_a_closing_realm_lose_their_connections() {
    let mut lab = Lab::new();
    let (alice, bob) = (lab.join("alice"), lab.join("bob"));
    // No session is closing yet.
    lab.close_connections(error_uri::CLOSE_REALM);
    assert_eq!((lab.closed(alice), lab.closed(bob)), (None, None));
    lab.close(error_uri::CLOSE_REALM);
    assert_eq!(lab.submit(alice, client::goodbye(error_uri::GOODBYE_AND_OUT)), SessionFlow::Left);
    assert_eq!(lab.closed(bob), None);
    lab.close_connections(error_uri::CLOSE_REALM);
    assert_eq!(lab.closed(alice), None);
    assert_eq!(lab.closed(bob).as_deref(), Some(error_uri::CLOSE_REALM));
}

#[test]
fn closed_realm_refuses_joins() {
    let mut lab = Lab::new();
    lab.close(error_uri::CLOSE_REALM);
    let refusal = lab.attach(Client::named("late").into()).unwrap_err();
    assert_eq!(refusal, Refusal::RealmClosed("realm1".into()));
    assert_eq!(refusal.abort(Compatibility::default()).reason, error_uri::SYSTEM_SHUTDOWN);
    assert_eq!(lab.realm().session_count(), 0);
}

/// A realm that closes while `caller` has a call at `callee`, which also subscribes to `com.news`.
fn closing_in_the_middle() -> (Lab, [cloverleaf_testkit::Peer; 2]) {
    let mut lab = Lab::new();
    let (caller, callee) = (lab.join("caller"), lab.join("callee"));
    lab.send(callee, client::register(1, "com.slow"));
    lab.send(callee, client::subscribe(2, "com.news"));
    lab.send(caller, client::call(1, "com.slow", NOTHING));
    lab.close(error_uri::CLOSE_REALM);
    lab.received(caller);
    lab.received(callee);
    (lab, [caller, callee])
}

/// `docs/decisions/traps.md#f10`.
#[test]
fn requests_after_the_goodbye_of_the_router_are_ignored() {
    let (mut lab, [caller, callee]) = closing_in_the_middle();
    lab.send(caller, client::call(2, "com.slow", NOTHING));
    lab.send(caller, client::publish_with(3, client::acknowledged(), "com.news", NOTHING));
    lab.send(caller, client::hello());
    lab.send(callee, client::yielded(1, args([1])));
    lab.send(callee, client::yielded(99, args([1])));
    assert_eq!(lab.received(caller), []);
    assert_eq!(lab.received(callee), []);
}

#[test]
fn nothing_follows_the_goodbye_of_the_router() {
    let (mut lab, [caller, callee]) = closing_in_the_middle();
    lab.abort(callee, Abort::new(error_uri::PROTOCOL_VIOLATION, "bytes that are no message"));
    lab.disconnect(caller);
    let nothing: [RouterMessage; 0] = [];
    assert_eq!(lab.received(caller), nothing);
    assert_eq!(lab.received(callee), nothing);
}

#[test]
fn caller_that_ends_during_the_close_interrupts_no_callee() {
    let (mut lab, [caller, callee]) = closing_in_the_middle();
    assert_eq!(lab.submit(caller, client::goodbye(error_uri::GOODBYE_AND_OUT)), SessionFlow::Left);
    assert_eq!(lab.submit(callee, client::goodbye(error_uri::GOODBYE_AND_OUT)), SessionFlow::Left);
    assert_eq!(lab.received(caller), []);
    assert_eq!(lab.received(callee), []);
    assert!(lab.realm().is_empty());
}

#[test]
fn time_that_passes_in_an_empty_realm_does_nothing() {
    let mut realm = Realm::<Recorder>::new(settings(), Random::new(|| 1));
    realm.handle_timeout(Moment::default().plus_millis(u64::MAX));
    assert_eq!(realm.next_deadline(), None);
}
