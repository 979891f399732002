//! Requests that an authorizer decides on: parked, in the order of their session, for a limited
//! time.
//!
//! | module | tests |
//! |---|---|
//! | `fixture` | none: a realm with an authorizer |
//! | `bounds` | limits of parked messages, independent requests, timeouts |
//!
//! Spec: advanced profile "Authorization".

mod bounds;
mod fixture;

use cloverleaf_router::authorization::Action;
use cloverleaf_router::limits::MAX_PARKED_PER_SESSION;
use cloverleaf_router::{Decision, Permission, RealmSettings, Role, SessionFlow, Verdict};
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Client, Lab, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    Abort, CallOptions, ClientMessage, RequestKind, RouterMessage, SubscribeOptions,
};
use cloverleaf_wamp::uri::MatchPolicy;

use crate::fixture::{ALLOW, Fixture, busy, denied, publish};

#[test]
fn question_names_session_action_and_pattern() {
    let mut fixture = Fixture::new();
    let guest = fixture.guest;
    fixture.lab.send(guest, client::subscribe_pattern(1, MatchPolicy::Prefix, "com."));
    fixture.lab.send(guest, client::register(2, "com.b"));
    fixture.lab.send(guest, publish(3));
    fixture.lab.send(guest, client::call(4, "com.c", NOTHING));
    let asked = fixture.questions().into_iter().map(|question| {
        assert_eq!(question.authid, "guest");
        (question.action, question.uri, question.policy)
    });
    let expected = [
        (Action::Subscribe, "com.", MatchPolicy::Prefix),
        (Action::Register, "com.b", MatchPolicy::Exact),
        (Action::Publish, "com.a", MatchPolicy::Exact),
        (Action::Call, "com.c", MatchPolicy::Exact),
    ];
    assert!(asked.eq(expected.map(|(action, uri, policy)| (action, uri.to_owned(), policy))));
    assert_eq!(fixture.received(), []);
}

#[test]
fn parked_request_is_served_when_it_is_allowed() {
    let mut fixture = Fixture::new();
    fixture.serve();
    let ticket = fixture.ask(client::call(1, "com.a", args([1])));
    assert_eq!(fixture.lab.received(fixture.host), []);
    fixture.lab.decided(ticket, ALLOW);
    assert_eq!(fixture.lab.received(fixture.host), [router::invocation(1, 1, args([1]))]);
    fixture.lab.send(fixture.host, client::yielded(1, args([2])));
    assert_eq!(fixture.received(), [router::result(1, args([2]))]);
}

#[test]
fn denied_requests_are_answered_like_those_of_static_rules() {
    let mut fixture = Fixture::new();
    let guest = fixture.guest;
    fixture.lab.send(guest, client::call(1, "com.a", NOTHING));
    fixture.lab.send(guest, client::register(2, "com.a"));
    fixture.lab.send(guest, publish(3));
    fixture.lab.send(guest, client::publish(4, "com.a", NOTHING));
    fixture.lab.send(guest, client::subscribe(5, "com.a"));
    for ticket in fixture.tickets() {
        fixture.lab.decided(ticket, Decision::Deny);
    }
    let expected = [
        denied(RequestKind::Call, 1, "session not authorized to call procedure 'com.a'"),
        denied(RequestKind::Register, 2, "session not authorized to register procedure 'com.a'"),
        denied(RequestKind::Publish, 3, "session not authorized to publish to topic 'com.a'"),
        denied(RequestKind::Subscribe, 5, "session not authorized to subscribe to topic 'com.a'"),
    ];
    assert_eq!(fixture.received(), expected);
}

#[test]
fn denied_and_parked_requests_change_no_id_no_table_and_draw_no_random_number() {
    let mut fixture = Fixture::new();
    fixture.serve();
    let last_drawn = fixture.lab.last_publication();
    let requests = || {
        [
            client::call(1, "com.a", NOTHING),
            client::register(2, "com.b"),
            publish(3),
            client::subscribe(4, "com.b"),
        ]
    };
    for decision in [Decision::Deny, Decision::Failed] {
        requests().into_iter().for_each(|request| fixture.lab.send(fixture.guest, request));
        for ticket in fixture.tickets() {
            assert_eq!(fixture.received(), []);
            fixture.lab.decided(ticket, decision);
            assert_eq!(fixture.received().len(), 1);
        }
    }
    // Parked, and dropped with the session.
    requests().into_iter().for_each(|request| fixture.lab.send(fixture.guest, request));
    fixture.lab.disconnect(fixture.guest);
    assert_eq!(fixture.lab.received(fixture.host), []);
    assert_eq!(fixture.lab.last_publication(), last_drawn);
    assert_eq!(fixture.lab.realm().calls_in_flight(), 0);
    // The next ids are those behind the ids of the host.
    fixture.lab.send(fixture.host, client::register(3, "com.b"));
    fixture.lab.send(fixture.host, client::subscribe(4, "com.b"));
    let expected = [router::registered(3, 2), router::subscribed(4, 2)];
    assert_eq!(fixture.lab.received(fixture.host), expected);
}

#[test]
fn denied_call_of_a_meta_procedure_has_no_effect() {
    let mut fixture = Fixture::new();
    let host = fixture.lab.id(fixture.host).number();
    let ticket = fixture.ask(client::call(1, "wamp.session.kill", args([host])));
    fixture.lab.decided(ticket, Decision::Deny);
    assert_eq!(fixture.lab.realm().session_count(), 2);
    let ticket = fixture.ask(client::call(2, "wamp.session.count", NOTHING));
    fixture.lab.decided(ticket, ALLOW);
    assert_eq!(fixture.received()[1..], [router::result(2, args([2]))]);
}

#[test]
fn permission_must_allow_the_action_that_was_asked_for() {
    let mut fixture = Fixture::new();
    let ticket = fixture.ask(client::call(1, "com.a", NOTHING));
    fixture.lab.decided(ticket, Decision::Allow(Permission { call: false, ..Permission::ALL }));
    let text = "session not authorized to call procedure 'com.a'";
    assert_eq!(fixture.received(), [denied(RequestKind::Call, 1, text)]);
}

#[test]
fn later_messages_of_the_session_wait_and_other_sessions_do_not() {
    let mut fixture = Fixture::new();
    fixture.serve();
    let guest = fixture.guest;
    fixture.lab.send(guest, client::call(1, "com.a", args([1])));
    fixture.lab.send(guest, client::unsubscribe(2, 77));
    fixture.lab.send(guest, client::call(3, "com.a", args([3])));
    let tickets = fixture.tickets();
    // The later decision comes first.
    fixture.lab.decided(tickets[1], ALLOW);
    let other = fixture.lab.join("other");
    fixture.lab.send(other, client::call(1, "com.a", args(["other"])));
    let served = fixture.lab.received(fixture.host);
    assert_eq!(served, [router::invocation(1, 1, args(["other"]))]);
    assert_eq!(fixture.received(), []);
    fixture.lab.decided(tickets[0], ALLOW);
    let served = fixture.lab.received(fixture.host);
    let expected = [router::invocation(2, 1, args([1])), router::invocation(3, 1, args([3]))];
    assert_eq!(served, expected);
    let [RouterMessage::Error(error)] = &fixture.received()[..] else { panic!("one answer") };
    assert_eq!(error.error, error_uri::NO_SUCH_SUBSCRIPTION);
}

#[test]
fn other_session_of_the_same_role_is_not_delayed() {
    let mut fixture = Fixture::new();
    fixture.serve();
    fixture.ask(client::call(1, "com.a", args([1])));
    let other = fixture.lab.join_as(Client { role: "guest", ..Client::named("other") });
    fixture.lab.send(other, client::call(1, "com.a", args([2])));
    let ticket = fixture.tickets()[0];
    fixture.lab.decided(ticket, ALLOW);
    let served = fixture.lab.received(fixture.host);
    assert_eq!(served, [router::invocation(1, 1, args([2]))]);
}

#[test]
fn answers_of_a_callee_do_not_wait_behind_its_parked_request() {
    let mut fixture = Fixture::new();
    let ticket = fixture.ask(client::register(1, "com.g"));
    fixture.lab.decided(ticket, ALLOW);
    fixture.lab.send(fixture.host, client::call(1, "com.g", NOTHING));
    fixture.ask(publish(2));
    fixture.lab.send(fixture.guest, client::yielded(1, args([1])));
    assert_eq!(fixture.lab.received(fixture.host), [router::result(1, args([1]))]);
}

#[test]
fn failed_authorizer_is_not_a_denial() {
    let mut fixture = Fixture::new();
    let ticket = fixture.ask(client::call(1, "com.a", NOTHING));
    fixture.lab.decided(ticket, Decision::Failed);
    let text = "the authorizer could not decide on the request";
    let expected = router::refused(RequestKind::Call, 1, error_uri::AUTHORIZATION_FAILED, text);
    assert_eq!(fixture.received(), [expected]);
}

#[test]
fn immediate_verdict_parks_nothing_and_keeps_the_order() {
    let mut fixture = Fixture::new();
    fixture.serve();
    let parked = fixture.ask(client::call(1, "com.a", args([1])));
    fixture.authorizer.set_verdict(Verdict::Allow(Permission::ALL));
    fixture.lab.send(fixture.guest, client::call(2, "com.a", args([2])));
    assert_eq!(fixture.lab.received(fixture.host), []);
    fixture.lab.decided(parked, ALLOW);
    assert_eq!(fixture.lab.received(fixture.host).len(), 2);
    fixture.lab.send(fixture.guest, client::call(3, "com.a", args([3])));
    let served = fixture.lab.received(fixture.host);
    assert_eq!(served, [router::invocation(3, 1, args([3]))]);
    fixture.authorizer.set_verdict(Verdict::Deny);
    fixture.lab.send(fixture.guest, client::call(4, "com.a", args([4])));
    let text = "session not authorized to call procedure 'com.a'";
    assert_eq!(fixture.received(), [denied(RequestKind::Call, 4, text)]);
}

#[test]
fn session_that_leaves_drops_its_messages_and_withdraws_its_questions() {
    for end in ["disconnect", "abort", "kill"] {
        let mut fixture = Fixture::new();
        fixture.serve();
        let first = fixture.ask(publish(1));
        let second = fixture.ask(client::call(2, "com.a", NOTHING));
        fixture.lab.send(fixture.guest, client::unsubscribe(3, 1));
        fixture.lab.decided(second, ALLOW);
        match end {
            "disconnect" => fixture.lab.disconnect(fixture.guest),
            "abort" => {
                let abort = ClientMessage::Abort(Abort::new("com.error", "enough"));
                assert_eq!(fixture.lab.submit(fixture.guest, abort), SessionFlow::Close);
            }
            _ => {
                let guest = fixture.lab.id(fixture.guest).number();
                let kill = client::call(3, "wamp.session.kill", args([guest]));
                fixture.lab.send(fixture.host, kill);
                fixture.lab.received(fixture.host);
            }
        }
        assert_eq!(fixture.authorizer.take_withdrawn(), [first]);
        fixture.lab.decided(first, ALLOW);
        assert_eq!(fixture.lab.received(fixture.host), [], "after {end}");
        assert_eq!(fixture.lab.realm().calls_in_flight(), 0);
        fixture.lab.disconnect(fixture.host);
        fixture.lab.disconnect(fixture.guest);
        assert!(fixture.lab.realm().is_empty(), "after {end}");
    }
}

#[test]
fn goodbye_ends_the_session_behind_its_parked_messages() {
    let mut fixture = Fixture::new();
    fixture.serve();
    let ticket = fixture.ask(publish(1));
    let goodbye = client::goodbye(error_uri::CLOSE_NORMAL);
    assert_eq!(fixture.lab.submit(fixture.guest, goodbye), SessionFlow::Wait);
    assert_eq!(fixture.lab.take_wait(fixture.guest), (0, true));
    // A message behind GOODBYE counts no more.
    assert_eq!(fixture.lab.submit(fixture.guest, publish(2)), SessionFlow::Wait);
    assert_eq!((fixture.received(), fixture.lab.resumed(fixture.guest)), (vec![], 0));
    assert_eq!(fixture.lab.flow(fixture.guest), SessionFlow::Continue);
    fixture.lab.decided(ticket, ALLOW);
    let publication = fixture.lab.last_publication();
    let expected = [router::published(1, publication), router::goodbye(error_uri::GOODBYE_AND_OUT)];
    assert_eq!(fixture.received(), expected);
    assert_eq!(fixture.lab.resumed(fixture.guest), 1);
    assert_eq!(fixture.lab.flow(fixture.guest), SessionFlow::Left);
    let event = router::event(1, publication, args([1]));
    assert_eq!(fixture.lab.received(fixture.host), [event]);
    fixture.lab.disconnect(fixture.host);
    assert!(fixture.lab.realm().is_empty());
}

#[test]
fn requests_that_fail_for_another_reason_are_not_asked_about() {
    let mut fixture = Fixture::new();
    let guest = fixture.guest;
    fixture.lab.send(guest, client::call(1, "com a", NOTHING));
    fixture.lab.send(guest, client::register(2, "wamp.own"));
    fixture.lab.send(guest, client::subscribe(3, ""));
    assert_eq!(fixture.questions(), []);
    let answers = fixture.received();
    let errors = answers.iter().map(|answer| match answer {
        RouterMessage::Error(error) => error.error.as_str(),
        other => panic!("{other:?}"),
    });
    assert!(errors.eq([error_uri::INVALID_URI; 3]));
}

#[test]
fn violation_in_a_parked_message_aborts_the_session_and_closes_its_connection() {
    let mut fixture = Fixture::new();
    let call = || CallOptions { progress: Some(true), ..CallOptions::default() };
    let ticket = fixture.ask(client::call_with(1, call(), "com.a", NOTHING));
    fixture.ask(publish(2));
    fixture.lab.decided(ticket, ALLOW);
    let received = fixture.received();
    let [RouterMessage::Abort(abort)] = &received[..] else { panic!("{received:?}") };
    assert_eq!(abort.reason, error_uri::PROTOCOL_VIOLATION);
    let closed = fixture.lab.closed(fixture.guest);
    assert_eq!(closed.as_deref(), Some(error_uri::PROTOCOL_VIOLATION));
    fixture.lab.disconnect(fixture.host);
    assert!(fixture.lab.realm().is_empty());
}

#[test]
fn strict_request_ids_are_checked_when_a_message_arrives() {
    let strict = RealmSettings { strict_request_ids: true, ..settings() };
    let mut fixture = Fixture::with(strict, |_| {});
    let first = fixture.ask(publish(1));
    fixture.lab.send(fixture.guest, client::unsubscribe(2, 77));
    assert_eq!(fixture.lab.submit(fixture.guest, publish(4)), SessionFlow::Close);
    let received = fixture.received();
    assert!(matches!(received[..], [RouterMessage::Abort(_)]));
    assert_eq!(fixture.authorizer.take_withdrawn(), [first]);
}

#[test]
fn refused_request_uses_up_its_strict_request_id() {
    let strict = RealmSettings { strict_request_ids: true, ..settings() };
    let mut fixture = Fixture::with(strict, |admitted| admitted.is_internal = true);
    let limit = MAX_PARKED_PER_SESSION as u64;
    for number in 1..=limit {
        fixture.lab.send(fixture.guest, publish(number));
    }
    fixture.lab.send(fixture.guest, publish(limit + 1));
    assert_eq!(fixture.received(), [busy(RequestKind::Publish, limit + 1)]);
    let tickets = fixture.tickets();
    fixture.lab.decided(tickets[0], Decision::Deny);
    fixture.received();
    let next = fixture.ask(publish(limit + 2));
    for ticket in tickets.into_iter().skip(1).chain([next]) {
        fixture.lab.decided(ticket, ALLOW);
    }
    assert_eq!(fixture.received().len() as u64, limit);
}

#[test]
fn role_that_has_static_rules_by_now_is_not_served_by_an_earlier_decision() {
    for is_decided_before in [true, false] {
        let mut fixture = Fixture::new();
        fixture.serve();
        let call = fixture.ask(client::call(1, "com.a", NOTHING));
        let subscribe = fixture.ask(client::subscribe(2, "com.a"));
        if is_decided_before {
            fixture.lab.decided(subscribe, ALLOW);
        }
        let mut roles = settings().roles;
        roles.push(Role::new("guest", []));
        fixture.lab.begin_set_roles(roles);
        fixture.lab.decided(call, ALLOW);
        fixture.lab.decided(subscribe, ALLOW);
        let expected = [
            denied(RequestKind::Call, 1, "session not authorized to call procedure 'com.a'"),
            denied(
                RequestKind::Subscribe,
                2,
                "session not authorized to subscribe to topic 'com.a'",
            ),
        ];
        assert_eq!(fixture.received(), expected);
        assert_eq!(fixture.lab.received(fixture.host), []);
    }
}

#[test]
fn shutdown_answers_parked_calls() {
    let mut fixture = Fixture::new();
    fixture.serve();
    fixture.ask(client::call(1, "com.a", NOTHING));
    assert_eq!(fixture.lab.realm().calls_in_flight(), 1);
    fixture.lab.end_calls();
    let text = "the router is shutting down";
    let expected = router::refused(RequestKind::Call, 1, error_uri::CANCELED, text);
    assert_eq!(fixture.received(), [expected]);
    assert_eq!(fixture.lab.realm().calls_in_flight(), 0);
    // Nothing is parked any more.
    fixture.lab.send(fixture.guest, client::call(2, "com.a", NOTHING));
    let expected = router::refused(RequestKind::Call, 2, error_uri::CANCELED, text);
    assert_eq!(fixture.received(), [expected]);
}

#[test]
fn parked_messages_of_a_closing_session_are_dropped() {
    let mut fixture = Fixture::new();
    fixture.serve();
    let ticket = fixture.ask(publish(1));
    fixture.lab.close(error_uri::SYSTEM_SHUTDOWN);
    fixture.lab.received(fixture.host);
    fixture.lab.decided(ticket, ALLOW);
    assert_eq!(fixture.lab.received(fixture.host), []);
    assert_eq!(fixture.received(), [router::goodbye(error_uri::SYSTEM_SHUTDOWN)]);
}

#[test]
fn realm_without_an_authorizer_denies_everything_to_the_role() {
    let mut lab = Lab::with_roles(vec![Role::with_authorizer("guest")]);
    let guest = lab.join_as(Client { role: "guest", ..Client::named("guest") });
    lab.send(guest, client::call(1, "com.a", NOTHING));
    let text = "session not authorized to call procedure 'com.a'";
    assert_eq!(lab.received(guest), [denied(RequestKind::Call, 1, text)]);
}

#[test]
fn testaments_are_denied_where_an_authorizer_decides_on_publications() {
    let mut fixture = Fixture::new();
    let arguments = args(("com.a", ["a"], (), ()));
    let ticket = fixture.ask(client::call(1, "wamp.session.add_testament", arguments));
    fixture.lab.decided(ticket, ALLOW);
    let received = fixture.received();
    let [RouterMessage::Error(error)] = &received[..] else { panic!("{received:?}") };
    assert_eq!(error.error, error_uri::NOT_AUTHORIZED);
}

#[test]
fn disclosure_follows_the_permission_of_the_decision() {
    let mut fixture = Fixture::new();
    let options = SubscribeOptions::default();
    fixture.lab.send(fixture.host, client::subscribe_with(1, options, "com.a"));
    fixture.lab.received(fixture.host);
    let ticket = fixture.ask(client::publish(1, "com.a", NOTHING));
    let permission = Permission { trustlevel: Some(7), ..Permission::ALL };
    fixture.lab.decided(ticket, Decision::Allow(permission));
    let received = fixture.lab.received(fixture.host);
    let [RouterMessage::Event(event)] = &received[..] else { panic!("{received:?}") };
    assert_eq!(event.details.trustlevel, Some(7));
}
