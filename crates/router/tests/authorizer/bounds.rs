//! Limits of parked messages, independent requests, timeouts.

use std::time::Duration;

use cloverleaf_router::Decision;
use cloverleaf_router::SessionFlow;
use cloverleaf_router::limits::{MAX_PARKED_BYTES_PER_SESSION, MAX_PARKED_PER_SESSION};
use cloverleaf_testkit::messages::{NOTHING, args, client, router, text};
use cloverleaf_testkit::{Client, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{ClientRoles, Feature, Features};
use cloverleaf_wamp::message::{
    CallOptions, CancelMode, ClientMessage, RequestKind, RouterMessage,
};

use crate::fixture::{ALLOW, Fixture, TIMEOUT, busy, denied, publish, timed_out};

#[test]
fn undecided_request_fails_after_its_timeout_and_a_late_decision_is_ignored() {
    let mut fixture = Fixture::new();
    fixture.serve();
    let first = fixture.ask(client::call(1, "com.a", NOTHING));
    fixture.lab.pass(Duration::from_secs(1));
    let second = fixture.ask(publish(2));
    fixture.lab.pass(TIMEOUT - Duration::from_millis(1_001));
    assert_eq!(fixture.received(), []);
    fixture.lab.pass(Duration::from_millis(1));
    assert_eq!(fixture.received(), [timed_out(RequestKind::Call, 1)]);
    fixture.lab.pass(Duration::from_secs(1));
    assert_eq!(fixture.received(), [timed_out(RequestKind::Publish, 2)]);
    assert_eq!(fixture.authorizer.take_withdrawn(), [first, second]);
    fixture.lab.decided(first, ALLOW);
    fixture.lab.decided(second, ALLOW);
    assert_eq!((fixture.received(), fixture.lab.received(fixture.host)), (vec![], vec![]));
    assert_eq!(fixture.lab.realm().next_deadline(), None);
}

#[test]
fn session_with_a_full_queue_pauses_until_half_of_it_is_handled() {
    let mut fixture = Fixture::new();
    let guest = fixture.guest;
    let limit = MAX_PARKED_PER_SESSION as u64;
    for number in 1..limit {
        fixture.lab.send(guest, publish(number));
    }
    assert_eq!(fixture.lab.submit(guest, publish(limit)), SessionFlow::Wait);
    assert_eq!(fixture.lab.take_wait(guest), (0, true));
    let tickets = fixture.tickets();
    for ticket in &tickets[..tickets.len() / 2] {
        assert_eq!(fixture.lab.resumed(guest), 0);
        fixture.lab.decided(*ticket, ALLOW);
    }
    assert_eq!(fixture.lab.resumed(guest), 0);
    fixture.lab.decided(tickets[tickets.len() / 2], ALLOW);
    assert_eq!(fixture.lab.resumed(guest), 1);
    fixture.lab.send(guest, publish(limit + 1));
}

#[test]
fn session_with_many_parked_bytes_pauses() {
    let mut fixture = Fixture::new();
    let large = text(&"x".repeat(MAX_PARKED_BYTES_PER_SESSION));
    let message = client::publish_with(1, client::acknowledged(), "com.a", large);
    assert_eq!(fixture.lab.submit(fixture.guest, message), SessionFlow::Wait);
    let ticket = fixture.tickets()[0];
    fixture.lab.decided(ticket, ALLOW);
    assert_eq!((fixture.received().len(), fixture.lab.resumed(fixture.guest)), (1, 1));
}

#[test]
fn paused_session_that_is_killed_is_resumed_to_answer_goodbye() {
    let mut fixture = Fixture::new();
    for number in 1..=MAX_PARKED_PER_SESSION as u64 {
        let _ = fixture.lab.submit(fixture.guest, publish(number));
    }
    assert_eq!(fixture.lab.resumed(fixture.guest), 0);
    let id = fixture.lab.id(fixture.guest).number();
    fixture.lab.send(fixture.host, client::call(1, "wamp.session.kill", args([id])));
    assert_eq!(fixture.lab.resumed(fixture.guest), 1);
    assert!(matches!(fixture.received()[..], [RouterMessage::Goodbye(_)]));
    let goodbye = client::goodbye(error_uri::GOODBYE_AND_OUT);
    assert_eq!(fixture.lab.submit(fixture.guest, goodbye), SessionFlow::Left);
}

#[test]
fn messages_beyond_twice_the_limit_are_refused() {
    let mut fixture = Fixture::new();
    let limit = 2 * MAX_PARKED_PER_SESSION as u64;
    for number in 1..=limit {
        let _ = fixture.lab.submit(fixture.guest, publish(number));
    }
    let _ = fixture.lab.submit(fixture.guest, publish(limit + 1));
    let _ = fixture.lab.submit(fixture.guest, client::publish(limit + 2, "com.a", NOTHING));
    assert_eq!(fixture.received(), [busy(RequestKind::Publish, limit + 1)]);
}

#[test]
fn internal_session_is_refused_at_the_limit_and_each_call_is_answered_once() {
    let mut fixture = Fixture::with(settings(), |admitted| admitted.is_internal = true);
    fixture.serve();
    let limit = MAX_PARKED_PER_SESSION as u64;
    for number in 1..=limit {
        fixture.lab.send(fixture.guest, client::call(number, "com.a", NOTHING));
    }
    let tickets = fixture.tickets();
    fixture.lab.send(fixture.guest, client::call(limit + 1, "com.a", NOTHING));
    fixture.lab.send(fixture.guest, client::subscribe(limit + 2, "com.a"));
    let refused = [busy(RequestKind::Call, limit + 1), busy(RequestKind::Subscribe, limit + 2)];
    assert_eq!(fixture.received(), refused);
    // A CANCEL without room fails its call, in its turn.
    fixture.lab.send(fixture.guest, client::cancel(2, Some(CancelMode::Skip)));
    assert_eq!(fixture.authorizer.take_withdrawn(), [tickets[1]]);
    assert_eq!(fixture.received(), []);
    fixture.lab.decided(tickets[0], ALLOW);
    assert_eq!(fixture.received(), [busy(RequestKind::Call, 2)]);
    assert_eq!(fixture.lab.received(fixture.host).len(), 1);
}

/// A guest that can't pause and has as many parked messages as it may, behind a call in flight at
/// its callee. The number of the next request.
fn full_behind_a_progressive_call() -> (Fixture, Peer, u64) {
    let all = Some(Features::of(Feature::ALL));
    let roles = ClientRoles { publisher: all, subscriber: all, caller: all, callee: all };
    let mut fixture = Fixture::with(settings(), |admitted| {
        (admitted.roles, admitted.is_internal) = (roles, true);
    });
    let callee = fixture.lab.join_as(Client { roles, ..Client::named("callee") });
    fixture.lab.send(callee, client::register(1, "com.p"));
    let ticket = fixture.ask(part(1, true));
    fixture.lab.decided(ticket, ALLOW);
    let limit = MAX_PARKED_PER_SESSION as u64;
    fixture.lab.send(fixture.guest, publish(2));
    // A part of the call waits behind the publication.
    fixture.lab.send(fixture.guest, part(1, true));
    for number in 3..=limit {
        fixture.lab.send(fixture.guest, publish(number));
    }
    fixture.lab.received(callee);
    assert_eq!(fixture.received(), []);
    (fixture, callee, limit + 1)
}

fn part(number: u64, progress: bool) -> ClientMessage {
    let options = CallOptions { progress: Some(progress), ..CallOptions::default() };
    client::call_with(number, options, "com.p", NOTHING)
}

#[test]
fn part_without_room_ends_its_call_in_flight() {
    let (mut fixture, callee, next) = full_behind_a_progressive_call();
    fixture.lab.send(fixture.guest, part(1, false));
    assert_eq!(fixture.received(), [busy(RequestKind::Call, 1)]);
    assert!(matches!(fixture.lab.received(callee)[..], [RouterMessage::Interrupt(_)]));
    // Neither the parked part nor one that comes later begins a new call.
    fixture.lab.send(fixture.guest, part(1, false));
    for ticket in fixture.tickets() {
        fixture.lab.decided(ticket, Decision::Deny);
    }
    assert_eq!(fixture.received().len() as u64, next - 2);
    assert_eq!(fixture.lab.received(callee), []);
    assert_eq!(fixture.lab.realm().calls_in_flight(), 0);
}

#[test]
fn cancel_without_room_ends_its_call_in_flight() {
    let (mut fixture, callee, _) = full_behind_a_progressive_call();
    fixture.lab.send(fixture.guest, client::cancel(1, Some(CancelMode::KillNoWait)));
    assert_eq!(fixture.received(), [router::canceled(1)]);
    assert!(matches!(fixture.lab.received(callee)[..], [RouterMessage::Interrupt(_)]));
    for ticket in fixture.tickets() {
        fixture.lab.decided(ticket, Decision::Deny);
    }
    assert_eq!(fixture.lab.realm().calls_in_flight(), 0);
}

#[test]
fn independent_requests_do_not_wait_for_each_other() {
    let mut fixture = Fixture::independent();
    fixture.serve();
    let first = fixture.ask(client::call(1, "com.a", args([1])));
    let second = fixture.ask(client::call(2, "com.a", args([2])));
    fixture.lab.send(fixture.guest, client::unsubscribe(3, 77));
    assert_eq!(fixture.received().len(), 1);
    fixture.lab.decided(second, ALLOW);
    let served = fixture.lab.received(fixture.host);
    assert_eq!(served, [router::invocation(1, 1, args([2]))]);
    fixture.lab.decided(first, ALLOW);
    let served = fixture.lab.received(fixture.host);
    assert_eq!(served, [router::invocation(2, 1, args([1]))]);
}

#[test]
fn cancel_of_an_independent_call_waits_behind_it() {
    let mut fixture = Fixture::independent();
    fixture.serve();
    let ticket = fixture.ask(client::call(1, "com.a", NOTHING));
    fixture.lab.send(fixture.guest, client::cancel(1, Some(CancelMode::KillNoWait)));
    assert_eq!(fixture.received(), []);
    fixture.lab.decided(ticket, ALLOW);
    assert_eq!(fixture.received(), [router::canceled(1)]);
    let sent = fixture.lab.received(fixture.host);
    assert!(matches!(sent[..], [RouterMessage::Invocation(_), RouterMessage::Interrupt(_)]));
}

#[test]
fn parts_of_a_progressive_call_need_one_decision() {
    for is_independent in [false, true] {
        let all = Some(Features::of(Feature::ALL));
        let roles = ClientRoles { publisher: all, subscriber: all, caller: all, callee: all };
        let mut fixture = Fixture::with(settings(), |admitted| {
            admitted.roles = roles;
            admitted.has_independent_requests = is_independent;
        });
        let callee = fixture.lab.join_as(Client { roles, ..Client::named("callee") });
        fixture.lab.send(callee, client::register(1, "com.p"));
        let part = |progress| CallOptions { progress: Some(progress), ..CallOptions::default() };
        for (payload, progress) in [(1, true), (2, true), (3, false)] {
            let call = client::call_with(1, part(progress), "com.p", args([payload]));
            fixture.lab.send(fixture.guest, call);
        }
        let tickets = fixture.tickets();
        assert_eq!(tickets.len(), 1);
        fixture.lab.received(callee);
        fixture.lab.decided(tickets[0], ALLOW);
        assert_eq!(fixture.lab.received(callee).len(), 3);
        // A part that arrives later needs none, nor does one of a call that was denied.
        for (number, decision) in [(2, ALLOW), (3, Decision::Deny)] {
            let open = client::call_with(number, part(true), "com.p", args([1]));
            let ticket = fixture.ask(open);
            fixture.lab.decided(ticket, decision);
            let last = client::call_with(number, part(false), "com.p", args([2]));
            fixture.lab.send(fixture.guest, last);
            assert_eq!(fixture.questions(), []);
        }
        assert_eq!(fixture.lab.received(callee).len(), 2);
        let text = "session not authorized to call procedure 'com.p'";
        assert_eq!(fixture.received(), [denied(RequestKind::Call, 3, text)]);
    }
}

#[test]
fn released_messages_are_handled_in_steps() {
    let mut fixture = Fixture::new();
    fixture.serve();
    let count = MAX_PARKED_PER_SESSION as u64 - 1;
    (1..=count).for_each(|number| fixture.lab.send(fixture.guest, publish(number)));
    let tickets = fixture.tickets();
    for ticket in &tickets[1..] {
        fixture.lab.begin_decided(*ticket, ALLOW);
    }
    fixture.lab.begin_decided(tickets[0], ALLOW);
    assert!(fixture.lab.step_of(200));
    let handled = fixture.received().len() as u64;
    assert!(handled > 0 && handled < count, "{handled}");
    fixture.lab.work();
    assert_eq!(fixture.received().len() as u64, count - handled);
    assert_eq!(fixture.lab.received(fixture.host).len() as u64, count);
}
