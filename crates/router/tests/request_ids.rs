//! Request ids: in any order, or without gaps in a strict realm.
//!
//! Spec: basic profile "IDs", "Protocol Errors"; `docs/decisions/traps.md#f1`.

use cloverleaf_router::{RealmSettings, SessionFlow};
use cloverleaf_testkit::messages::{NOTHING, client, router};
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::features::{Feature, Features};
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{CallOptions, ClientMessage, RouterMessage};

const OUT_OF_ORDER: &str = "requests must be numbered 1, 2, 3 \u{2026} within a session";

fn strict() -> (Lab, Peer) {
    let mut lab =
        Lab::with(RealmSettings { strict_request_ids: true, meta_api: false, ..settings() });
    let alice = lab.join("alice");
    (lab, alice)
}

fn assert_violation(lab: &mut Lab, from: Peer, message: ClientMessage) {
    let text = format!("{message:?}");
    assert_eq!(lab.submit(from, message), SessionFlow::Close, "{text}");
    assert_eq!(lab.received(from).last(), Some(&router::violation(OUT_OF_ORDER)), "{text}");
}

/// One request of each kind.
fn requests(number: u64) -> [ClientMessage; 6] {
    [
        client::call(number, "com.a", NOTHING),
        client::publish(number, "com.a", NOTHING),
        client::subscribe(number, "com.a"),
        client::unsubscribe(number, 1),
        client::register(number, "com.a"),
        client::unregister(number, 1),
    ]
}

#[test]
fn loose_realm_takes_request_ids_in_any_order() {
    let settings = RealmSettings::named("realm1");
    assert!(!settings.strict_request_ids);
}

#[test]
fn strict_realm_counts_all_requests_of_a_session_together() {
    let (mut lab, alice) = strict();
    for (number, place) in (1..).zip([2, 4, 1, 0, 3, 5, 2, 2]) {
        lab.send(alice, requests(number)[place].clone());
    }
    let bob = lab.join("bob");
    lab.send(bob, client::subscribe(1, "com.a"));
    assert_eq!(lab.received(bob), [router::subscribed(1, 2)]);
}

#[test]
fn strict_realm_aborts_on_gaps_and_repetitions() {
    for wrong in [0, 1, 2, 4, 99] {
        for place in 0..6 {
            let (mut lab, alice) = strict();
            lab.send(alice, client::subscribe(1, "com.b"));
            lab.send(alice, client::publish(2, "com.b", NOTHING));
            assert_violation(&mut lab, alice, requests(wrong)[place].clone());
            assert!(lab.realm().is_empty());
        }
    }
    for request in requests(2).into_iter().chain(requests(0)) {
        let (mut lab, alice) = strict();
        assert_violation(&mut lab, alice, request);
    }
}

/// Clients of the first drafts of the specification count from 0.
#[test]
fn a_request_with_the_number_0_is_answered_unless_the_realm_is_strict() {
    let mut lab = Lab::with(RealmSettings { meta_api: false, ..settings() });
    let mut counting_parts = Client::named("bob");
    let progress = Features::of(&[Feature::ProgressiveCallInvocations, Feature::CallCanceling]);
    counting_parts.roles.caller = Some(progress);
    for client in [Client::named("alice"), counting_parts] {
        let peer = lab.join_as(client);
        lab.send(peer, client::register(0, "com.a"));
        lab.send(peer, client::call(0, "com.a", NOTHING));
        let received = lab.received(peer);
        let [RouterMessage::Registered(registered), RouterMessage::Invocation(_)] = &received[..]
        else {
            panic!("{received:?}")
        };
        assert_eq!(registered.request.number(), 0);
        let registration = registered.registration.number();
        lab.send(peer, client::yielded(1, NOTHING));
        assert_eq!(lab.received(peer), [router::result(0, NOTHING)]);
        lab.send(peer, client::unregister(0, registration));
        assert_eq!(lab.received(peer), [router::unregistered(0)]);

        lab.send(peer, client::subscribe(0, "com.a"));
        let received = lab.received(peer);
        let [RouterMessage::Subscribed(subscribed)] = &received[..] else { panic!("{received:?}") };
        assert_eq!(subscribed.request.number(), 0);
        lab.send(peer, client::unsubscribe(0, subscribed.subscription.number()));
        lab.send(peer, client::publish_with(0, client::acknowledged(), "com.a", NOTHING));
        let published = router::published(0, lab.last_publication());
        assert_eq!(lab.received(peer), [router::unsubscribed(0), published]);
        lab.disconnect(peer);
    }
    assert!(lab.realm().is_empty());
}

#[test]
fn a_request_with_the_number_0_can_be_refused_and_canceled() {
    let mut lab = Lab::new();
    let (caller, callee) = (lab.join("caller"), lab.join("callee"));
    lab.send(callee, client::register(0, "com.a"));
    lab.received(callee);
    lab.send(caller, client::call(0, "com.a", NOTHING));
    lab.send(caller, client::cancel(0, None));
    assert_eq!(lab.received(caller), [router::canceled(0)]);
    lab.send(caller, client::call(0, "com.a", NOTHING));
    assert_eq!(lab.submit(caller, client::call(0, "com.a", NOTHING)), SessionFlow::Close, "in use");
    let other = lab.join("other");
    lab.send(other, client::subscribe(0, "no uri"));
    let received = lab.received(other);
    let [RouterMessage::Error(error)] = &received[..] else { panic!("{received:?}") };
    assert_eq!(error.request.id().number(), 0);
}

#[test]
fn failed_request_uses_up_its_id() {
    let (mut lab, alice) = strict();
    lab.send(alice, client::subscribe(1, "no uri"));
    lab.send(alice, client::unsubscribe(2, 7));
    lab.send(alice, client::publish(3, "wamp.a", NOTHING));
    lab.send(alice, client::subscribe(4, "com.a"));
    assert_eq!(lab.received(alice).last(), Some(&router::subscribed(4, 1)));
}

#[test]
fn messages_that_are_not_requests_use_up_no_id() {
    let (mut lab, alice) = strict();
    let bob = lab.join("bob");
    lab.send(bob, client::register(1, "com.a"));
    lab.send(alice, client::call(1, "com.a", NOTHING));
    lab.send(alice, client::cancel(1, None));
    lab.send(alice, client::cancel(77, None));
    lab.send(alice, client::event_received(PublicationId::new(5).unwrap()));
    lab.send(bob, client::yielded(1, NOTHING));
    lab.received(alice);
    lab.send(alice, client::subscribe(2, "com.a"));
    assert_eq!(lab.received(alice), [router::subscribed(2, 1)]);
}

#[test]
fn parts_of_a_call_share_its_request_id() {
    let (mut lab, _) = strict();
    let mut client = Client::named("caller");
    let progress = Features::of(&[Feature::ProgressiveCallInvocations, Feature::CallCanceling]);
    client.roles.caller = Some(progress);
    let caller = lab.join_as(client);
    client.roles.callee = Some(progress);
    let callee = lab.join_as(Client { name: "callee", ..client });
    lab.send(callee, client::register(1, "com.upload"));
    let part = |progress| CallOptions { progress: Some(progress), ..CallOptions::default() };
    lab.send(caller, client::call_with(1, part(true), "com.upload", NOTHING));
    lab.send(caller, client::subscribe(2, "com.a"));
    lab.send(caller, client::call_with(1, part(false), "com.upload", NOTHING));
    lab.send(caller, client::subscribe(3, "com.b"));
    let expected = [router::subscribed(2, 1), router::subscribed(3, 2)];
    assert_eq!(lab.received(caller), expected);
}
