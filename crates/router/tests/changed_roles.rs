//! Other roles for a realm that is in use.
//!
//! The session of a role that stays is not disturbed; that of a removed role ends with GOODBYE.
//! Spec: basic profile "Session Closing".

use std::time::Duration;

use cloverleaf_router::limits::{GOODBYE_TIMEOUT_MILLIS, WORK_PER_STEP};
use cloverleaf_router::{
    Admitted, Compatibility, Permission, Principal, RealmSettings, Refusal, Role, SessionFlow,
};
use cloverleaf_testkit::asking::refusal;
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::CLIENT;
use cloverleaf_wamp::message::RouterMessage;
use cloverleaf_wamp::uri::UriPattern;
use serde_json::json;

/// A role with all rights for these patterns.
fn role(name: &str, patterns: &[&str]) -> Role {
    let patterns = patterns.iter().map(|text| UriPattern::from_starred(text).unwrap());
    Role::new(name, patterns.map(|pattern| (pattern, Permission::ALL)))
}

fn roles(names: &[&str]) -> Vec<Role> {
    names.iter().map(|name| role(name, &["*"])).collect()
}

fn join(lab: &mut Lab, role: &'static str) -> Peer {
    lab.join_as(Client { role, ..Client::named(role) })
}

fn removed(role: &str) -> RouterMessage {
    let message = format!("the role '{role}' was removed from the realm");
    router::goodbye_saying(error_uri::KILLED, &message)
}

#[test]
fn session_of_a_role_that_stays_gets_its_new_permissions_with_the_next_message() {
    let mut lab = Lab::with_roles(vec![role("staff", &["com.*"])]);
    let (callee, caller) = (join(&mut lab, "staff"), join(&mut lab, "staff"));
    lab.send(callee, client::register(1, "com.add"));
    lab.send(callee, client::subscribe(2, "com.news"));
    lab.received(callee);
    lab.set_roles(vec![role("staff", &["com.add", "org.*"])]);
    assert_eq!(lab.received(callee), []);
    let text = "session not authorized to call procedure 'com.sub'";
    let refused = lab.ask(caller, "com.sub", json!([])).unwrap_err();
    assert_eq!(refused, refusal(error_uri::NOT_AUTHORIZED, text).unwrap_err());
    lab.send(caller, client::subscribe(1, "org.news"));
    let received = lab.received(caller);
    assert!(matches!(received.as_slice(), [RouterMessage::Subscribed(_)]), "{received:?}");
    // The registration and the subscription of before are still there.
    lab.send(caller, client::call(2, "com.add", NOTHING));
    let received = lab.received(callee);
    assert!(matches!(received.as_slice(), [RouterMessage::Invocation(_)]), "{received:?}");
}

#[test]
fn session_of_a_removed_role_gets_goodbye_and_others_stay() {
    let mut lab = Lab::with_roles(roles(&["admin", "staff", "guest"]));
    let [admin, staff, guest] = ["admin", "staff", "guest"].map(|role| join(&mut lab, role));
    lab.send(guest, client::register(1, "com.add"));
    lab.received(guest);
    lab.send(admin, client::subscribe(1, "wamp.session.on_leave"));
    lab.received(admin);
    lab.set_roles(roles(&["staff", "admin"]));
    assert_eq!(lab.received(guest), [removed("guest")]);
    assert_eq!(lab.received(staff), []);
    assert_eq!(lab.ask(staff, "wamp.session.count", json!([])), Ok(json!([2])));
    let left = lab.received(admin);
    assert!(matches!(left.as_slice(), [RouterMessage::Event(_)]), "on_leave: {left:?}");
    let text = "no callee registered for procedure <com.add>";
    let unknown = refusal(error_uri::NO_SUCH_PROCEDURE, text);
    assert_eq!(lab.ask(staff, "com.add", json!([])), unknown);
}

#[test]
fn goodbye_of_a_removed_role_has_the_reason_of_the_preset() {
    for (compatibility, reason) in [
        (Compatibility::Wamp, error_uri::KILLED),
        (Compatibility::Crossbar, error_uri::CLOSE_NORMAL),
    ] {
        let roles = roles(&["guest"]);
        let mut lab = Lab::with(RealmSettings { roles, compatibility, ..settings() });
        let guest = join(&mut lab, "guest");
        lab.set_roles(Vec::new());
        let message = "the role 'guest' was removed from the realm";
        assert_eq!(lab.received(guest), [router::goodbye_saying(reason, message)]);
    }
}

#[test]
fn client_of_a_removed_role_that_answers_goodbye_may_join_again() {
    let mut lab = Lab::with_roles(roles(&["staff", "guest"]));
    let guest = join(&mut lab, "guest");
    lab.set_roles(roles(&["staff"]));
    lab.received(guest);
    assert_eq!(lab.submit(guest, client::goodbye(error_uri::GOODBYE_AND_OUT)), SessionFlow::Left);
    assert_eq!(lab.closed(guest), None);
    assert_eq!(lab.realm().next_deadline(), None);
    join(&mut lab, "staff");
}

#[test]
fn client_of_a_removed_role_that_does_not_answer_loses_its_connection() {
    let mut lab = Lab::with_roles(roles(&["guest"]));
    let guest = join(&mut lab, "guest");
    lab.set_roles(Vec::new());
    lab.pass(Duration::from_millis(GOODBYE_TIMEOUT_MILLIS - 1));
    assert_eq!(lab.closed(guest), None);
    lab.pass(Duration::from_millis(1));
    assert!(lab.closed(guest).is_some());
    lab.disconnect(guest);
    assert!(lab.realm().is_empty());
}

#[test]
fn internal_session_of_a_removed_role_ends_too() {
    let mut lab = Lab::with_roles(roles(&["bridge"]));
    let principal = Principal {
        authid: "caller".into(),
        authrole: "bridge".into(),
        authmethod: "local".into(),
        authprovider: "node".into(),
    };
    let admitted = Admitted { is_internal: true, ..Admitted::new("realm1", principal, CLIENT) };
    let internal = lab.attach(admitted).unwrap();
    lab.set_roles(Vec::new());
    assert_eq!(lab.received(internal), [removed("bridge")]);
    assert_eq!(lab.realm().session_count(), 0);
}

#[test]
fn no_session_joins_with_a_removed_role_until_it_is_back() {
    let mut lab = Lab::with_roles(roles(&["guest"]));
    lab.set_roles(Vec::new());
    let admitted = || Admitted::from(Client { role: "guest", ..Client::named("late") });
    let refused = lab.attach(admitted()).map(drop);
    assert!(matches!(refused, Err(Refusal::NoSuchRole { .. })), "{refused:?}");
    lab.set_roles(roles(&["guest"]));
    assert!(lab.attach(admitted()).is_ok());
}

#[test]
fn trusted_role_of_the_router_is_never_removed() {
    let mut lab = Lab::with_roles(roles(&["guest"]));
    let trusted = join(&mut lab, "trusted");
    lab.set_roles(Vec::new());
    assert_eq!(lab.received(trusted), []);
    assert_eq!(lab.ask(trusted, "wamp.session.count", json!([])), Ok(json!([1])));
}

#[test]
fn sessions_of_a_role_that_is_back_before_they_have_ended_stay() {
    let mut lab = Lab::with_roles(roles(&["guest"]));
    let guest = join(&mut lab, "guest");
    lab.begin_set_roles(Vec::new());
    lab.begin_set_roles(roles(&["guest"]));
    lab.work();
    assert_eq!(lab.received(guest), []);
    lab.send(guest, client::publish(1, "com.news", args([1])));
}

#[test]
fn very_many_sessions_of_a_removed_role_end_in_bounded_steps() {
    let mut lab = Lab::with_roles(roles(&["staff", "guest"]));
    let guests: Vec<Peer> = (0..WORK_PER_STEP).map(|_| join(&mut lab, "guest")).collect();
    let staff = join(&mut lab, "staff");
    lab.begin_set_roles(roles(&["staff"]));
    assert!(lab.work_done() <= 50, "{}", lab.work_done());
    // What is not ended yet may do nothing.
    let flow = lab.begin(guests[0], client::call(1, "wamp.session.count", NOTHING));
    assert_eq!(flow, SessionFlow::Continue);
    let received = lab.received(guests[0]);
    assert!(matches!(received.as_slice(), [RouterMessage::Error(_)]), "{received:?}");
    let mut steps = 0;
    while lab.step() {
        steps += 1;
        assert!(lab.work_done() <= WORK_PER_STEP + 50, "{}", lab.work_done());
    }
    assert!(steps > 1);
    assert_eq!(lab.realm().session_count(), 1);
    for guest in guests {
        assert_eq!(lab.received(guest), [removed("guest")]);
    }
    lab.send(staff, client::publish(1, "com.news", NOTHING));
}
