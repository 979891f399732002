//! The method `anonymous` through the machine.

use cloverleaf_wamp::features::CLIENT;
use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::message::{Hello, HelloDetails};

use super::{Admission, Admitted, Anonymous};
use crate::anonymous::random_authid;
use crate::machine::{AdmissionStep, ConnectionFacts, Joined, Joining, SessionReservation};
use crate::refusal::{Refusal, RefusalUris};

/// An id that nothing releases.
#[derive(Debug)]
struct ReservedId;

impl SessionReservation for ReservedId {
    fn session(&self) -> SessionId {
        SessionId::from_random(41)
    }
}

fn hello(authmethods: &[&str]) -> Hello {
    let authmethods = authmethods.iter().map(|method| (*method).into()).collect();
    let details = HelloDetails {
        roles: Some(CLIENT),
        authmethods: Some(authmethods),
        ..HelloDetails::default()
    };
    Hello { realm: "realm1".into(), details }
}

fn admit(admission: &Admission, hello: &Hello, random: [u64; 2]) -> Result<Admitted, Refusal> {
    let joining = Joining::new(ConnectionFacts { transport: None, tells_agent: false });
    match joining.hello(admission, hello)?.begin(ReservedId, random) {
        AdmissionStep::Joined(Joined { admitted, .. }) => Ok(admitted),
        AdmissionStep::Refused(refusal) => Err(refusal),
        other => panic!("anonymous clients are decided on at once: {other:?}"),
    }
}

#[test]
fn listener_without_auth_admits_everyone_as_anonymous() {
    let admitted = admit(&Admission::open(), &hello(&[]), [1, 2]).unwrap();
    assert_eq!(admitted.realm, "realm1");
    assert_eq!(admitted.principal.authrole, "anonymous");
    assert_eq!(admitted.principal.authid, random_authid([1, 2]));
}

#[test]
fn admitted_client_is_complete() {
    let admitted = admit(&Admission::open(), &hello(&["anonymous"]), [1, 2]).unwrap();
    assert_eq!(admitted.session, Some(SessionId::from_random(41)));
    assert_eq!((admitted.roles, admitted.tells_agent), (CLIENT, false));
    assert_eq!(admitted.principal.authmethod, "anonymous");
    assert_eq!(admitted.principal.authprovider, "static");
}

#[test]
fn listener_can_choose_realm_role_and_name() {
    let anonymous = Anonymous {
        realm: Some("public".into()),
        role: Some("guest".into()),
        authid: Some("visitor".into()),
    };
    let admission = Admission::default().with_method(anonymous);
    for requested in ["public", ""] {
        let hello = Hello { realm: requested.into(), ..hello(&["ticket", "anonymous"]) };
        let admitted = admit(&admission, &hello, [0, 0]).unwrap();
        assert_eq!(admitted.realm, "public");
        assert_eq!(admitted.principal.authrole, "guest");
        assert_eq!(admitted.principal.authid, "visitor");
    }
}

#[test]
fn client_that_requests_another_realm_than_the_configured_one_is_refused() {
    let anonymous = Anonymous { realm: Some("secret".into()), ..Anonymous::default() };
    let admission = Admission::default().with_method(anonymous);
    let refusal = admit(&admission, &hello(&[]), [0, 0]).unwrap_err();
    assert_eq!(refusal, Refusal::OtherRealm("realm1".into()));
    assert!(!refusal.to_string().contains("secret"), "{refusal}");
}

#[test]
fn client_that_requests_no_realm_is_refused_where_none_is_configured() {
    let hello = Hello { realm: "".into(), ..hello(&[]) };
    let refusal = admit(&Admission::open(), &hello, [0, 0]).unwrap_err();
    assert_eq!(refusal, Refusal::NoRealm);
}

#[test]
fn methods_that_the_listener_does_not_have_are_refused() {
    let refusal = Refusal::NoMatchingAuthMethod(vec!["ticket".into()]);
    assert_eq!(admit(&Admission::open(), &hello(&["ticket"]), [0, 0]), Err(refusal));
    let refusal = Refusal::NoMatchingAuthMethod(Vec::new());
    assert_eq!(admit(&Admission::default(), &hello(&[]), [0, 0]), Err(refusal));
}

#[test]
fn refusal_is_short_however_long_the_hello_was() {
    let long = "x".repeat(1_000);
    let refusals = [
        admit(&Admission::open(), &hello(&vec![long.as_str(); 50]), [0, 0]).unwrap_err(),
        Refusal::NoSuchRealm(long.as_str().into()),
        Refusal::NoSuchRole { realm: long.as_str().into(), role: long.as_str().into() },
    ];
    let lengths = refusals.map(|refusal| refusal.to_string().len());
    assert!(lengths.iter().all(|length| *length < 1_200), "{lengths:?}");
    assert!(lengths[1] < 150 && lengths[2] < 250, "{lengths:?}");
}

#[test]
fn realm_whose_name_is_not_a_uri_is_refused_as_such() {
    let hello = Hello { realm: "realm 1".into(), ..hello(&[]) };
    let refusal = admit(&Admission::open(), &hello, [0, 0]).unwrap_err();
    assert_eq!(refusal.reason(RefusalUris::CROSSBAR), "wamp.error.invalid_uri");
    assert_eq!(refusal.to_string(), "'realm 1' is not a valid URI");
}

#[test]
fn client_without_a_role_is_refused() {
    let hello = Hello { realm: "realm1".into(), details: HelloDetails::default() };
    assert_eq!(admit(&Admission::open(), &hello, [0, 0]), Err(Refusal::NoRoles));
}
