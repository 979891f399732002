//! Calls, their answers, and the loss of a side.
//!
//! Spec: basic profile "Remote Procedure Calls", "Registering and Unregistering", "Calling and
//! Invocations", "Caller Leaving During an RPC Invocation", "Callee Leaving During an RPC
//! Invocation", "Structure".

use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::InvocationId;
use cloverleaf_wamp::message::{
    CallOptions, CallResult, CancelMode, EncAlgo, InvocationDetails, InvocationError,
    PassthruDetails, RequestKind, ResultDetails, RouterMessage, YieldOptions,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;

/// A caller, and a callee that has registered `com.add`.
fn caller_and_callee(callee: Client) -> (Lab, Peer, Peer) {
    let mut lab = Lab::new();
    let (caller, callee) = (lab.join("caller"), lab.join_as(callee));
    lab.send(callee, client::register(1, "com.add"));
    assert_eq!(lab.received(callee), [router::registered(1, 1)]);
    (lab, caller, callee)
}

fn refused(number: u64, error: &str, text: &str) -> RouterMessage {
    router::refused(RequestKind::Call, number, error, text)
}

#[test]
fn a_call_reaches_its_callee_and_the_answer_its_caller() {
    let (mut lab, caller, callee) = caller_and_callee(Client::basic("callee"));
    lab.send(caller, client::call(7, "com.add", args([2, 3])));
    assert_eq!(lab.received(callee), [router::invocation(1, 1, args([2, 3]))]);
    assert_eq!(lab.received(caller), []);
    lab.send(callee, client::yielded(1, args([5])));
    assert_eq!(lab.received(caller), [router::result(7, args([5]))]);
    assert_eq!(lab.received(callee), []);
}

#[test]
fn arguments_pass_as_they_were_written() {
    let (mut lab, caller, callee) = caller_and_callee(Client::basic("callee"));
    let names = [("name", "\u{1f340}")].into_iter().collect::<std::collections::BTreeMap<_, _>>();
    let payloads = [
        NOTHING,
        Payload::from_args(Serializer::MsgPack, &(1.5, "x", true)).unwrap(),
        Payload::from_args_and_kwargs(Serializer::Cbor, &[1], &names).unwrap(),
    ];
    for (number, payload) in (1..).zip(payloads) {
        lab.send(caller, client::call(number, "com.add", payload.clone()));
        assert_eq!(lab.received(callee), [router::invocation(number, 1, payload.clone())]);
        lab.send(callee, client::yielded(number, payload.clone()));
        assert_eq!(lab.received(caller), [router::result(number, payload)]);
    }
}

#[test]
fn forwarded_options_reach_the_other_side() {
    let (mut lab, caller, callee) = caller_and_callee(Client::basic("callee"));
    let options = CallOptions {
        passthru: Some(Box::new(PassthruDetails {
            transaction_hash: Some("0x1".into()),
            enc_algo: Some(EncAlgo::Cryptobox),
            enc_key: Some("key".into()),
            enc_serializer: Some("cbor".into()),
            ..PassthruDetails::default()
        })),
        ..CallOptions::default()
    };
    lab.send(caller, client::call_with(1, options, "com.add", args(["sealed"])));
    let details = InvocationDetails {
        passthru: Some(Box::new(PassthruDetails {
            transaction_hash: Some("0x1".into()),
            enc_algo: Some(EncAlgo::Cryptobox),
            enc_key: Some("key".into()),
            enc_serializer: Some("cbor".into()),
            ..PassthruDetails::default()
        })),
        ..InvocationDetails::default()
    };
    assert_eq!(lab.received(callee), [router::invocation_with(1, 1, details, args(["sealed"]))]);
    let options = YieldOptions {
        passthru: Some(Box::new(PassthruDetails {
            enc_algo: Some(EncAlgo::Xbr),
            enc_key: Some("other".into()),
            enc_serializer: Some("json".into()),
            ..PassthruDetails::default()
        })),
        ..YieldOptions::default()
    };
    lab.send(callee, client::yield_with(1, options, args(["opened"])));
    let [RouterMessage::Result(CallResult { details, .. })] = &lab.received(caller)[..] else {
        panic!("one RESULT");
    };
    let expected = ResultDetails {
        passthru: Some(Box::new(PassthruDetails {
            enc_algo: Some(EncAlgo::Xbr),
            enc_key: Some("other".into()),
            enc_serializer: Some("json".into()),
            ..PassthruDetails::default()
        })),
        ..ResultDetails::default()
    };
    assert_eq!(details, &expected);
}

#[test]
fn a_failure_of_the_callee_reaches_the_caller_with_its_uri_and_arguments() {
    let (mut lab, caller, callee) = caller_and_callee(Client::basic("callee"));
    lab.send(caller, client::call(1, "com.add", NOTHING));
    lab.send(callee, client::failure(1, "com.error.odd", args(["odd", "numbers"])));
    let failed = router::failed(RequestKind::Call, 1, "com.error.odd", args(["odd", "numbers"]));
    assert_eq!(lab.received(caller), [failed]);
}

#[test]
fn invalid_error_uri_of_a_callee_is_replaced() {
    let (mut lab, caller, callee) = caller_and_callee(Client::basic("callee"));
    lab.send(caller, client::call(1, "com.add", NOTHING));
    lab.send(callee, client::failure(1, "what a mess", args(["odd"])));
    let failed = router::failed(RequestKind::Call, 1, error_uri::INVALID_URI, args(["odd"]));
    assert_eq!(lab.received(caller), [failed]);
}

#[test]
fn call_without_a_registration_is_refused() {
    let mut lab = Lab::new();
    let caller = lab.join("caller");
    lab.send(caller, client::call(1, "com.nothing", NOTHING));
    let text = "no callee registered for procedure <com.nothing>";
    assert_eq!(lab.received(caller), [refused(1, error_uri::NO_SUCH_PROCEDURE, text)]);
}

#[test]
fn a_procedure_is_registered_once_also_for_its_own_callee() {
    let (mut lab, other, callee) = caller_and_callee(Client::named("callee"));
    let text = "procedure <com.add> is already registered, with the invocation policy 'single'";
    for (number, peer) in [(1, other), (2, callee)] {
        lab.send(peer, client::register(number, "com.add"));
        let error = error_uri::PROCEDURE_ALREADY_EXISTS;
        let refusal = router::refused(RequestKind::Register, number, error, text);
        assert_eq!(lab.received(peer), [refusal]);
    }
}

#[test]
fn unregistered_procedure_can_be_registered_again() {
    let (mut lab, caller, callee) = caller_and_callee(Client::named("callee"));
    lab.send(callee, client::unregister(2, 1));
    assert_eq!(lab.received(callee), [router::unregistered(2)]);
    lab.send(caller, client::call(1, "com.add", NOTHING));
    let text = "no callee registered for procedure <com.add>";
    assert_eq!(lab.received(caller), [refused(1, error_uri::NO_SUCH_PROCEDURE, text)]);
    lab.send(caller, client::register(2, "com.add"));
    assert_eq!(lab.received(caller), [router::registered(2, 2)]);
}

#[test]
fn unregister_of_a_foreign_registration_is_refused() {
    let (mut lab, other, callee) = caller_and_callee(Client::named("callee"));
    let refusal = |number, id| {
        let text = format!("this session has no registration {id}");
        let error = error_uri::NO_SUCH_REGISTRATION;
        router::refused(RequestKind::Unregister, number, error, &text)
    };
    lab.send(other, client::unregister(1, 1));
    assert_eq!(lab.received(other), [refusal(1, 1)]);
    lab.send(callee, client::unregister(2, 5));
    assert_eq!(lab.received(callee), [refusal(2, 5)]);
    lab.send(callee, client::unregister(3, 1));
    lab.send(callee, client::unregister(4, 1));
    assert_eq!(lab.received(callee), [router::unregistered(3), refusal(4, 1)]);
}

#[test]
fn invocation_before_unregister_can_still_be_answered() {
    let (mut lab, caller, callee) = caller_and_callee(Client::named("callee"));
    lab.send(caller, client::call(1, "com.add", NOTHING));
    lab.send(callee, client::unregister(2, 1));
    lab.send(callee, client::yielded(1, args([1])));
    assert_eq!(lab.received(caller), [router::result(1, args([1]))]);
}

#[test]
fn a_session_may_call_itself() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    lab.send(alice, client::register(1, "com.add"));
    lab.send(alice, client::call(2, "com.add", args([1])));
    lab.send(alice, client::yielded(1, args([2])));
    assert_eq!(
        lab.received(alice),
        [
            router::registered(1, 1),
            router::invocation(1, 1, args([1])),
            router::result(2, args([2]))
        ]
    );
    lab.send(alice, client::call(3, "com.add", args([1])));
    lab.disconnect(alice);
    assert!(lab.realm().is_empty());
}

#[test]
fn second_answer_is_dropped() {
    let (mut lab, caller, callee) = caller_and_callee(Client::named("callee"));
    lab.send(caller, client::call(1, "com.add", NOTHING));
    lab.send(callee, client::yielded(1, args([1])));
    lab.send(callee, client::yielded(1, args([2])));
    lab.send(callee, client::failure(1, "com.error.late", NOTHING));
    assert_eq!(lab.received(caller), [router::result(1, args([1]))]);
    assert_eq!(lab.received(callee), [router::invocation(1, 1, NOTHING)]);
}

#[test]
fn answers_may_come_in_another_order_than_the_calls() {
    let (mut lab, caller, callee) = caller_and_callee(Client::named("callee"));
    for number in 1..=3 {
        lab.send(caller, client::call(number, "com.add", args([number])));
    }
    for number in [2, 3, 1] {
        lab.send(callee, client::yielded(number, args([number * 10])));
    }
    assert_eq!(
        lab.received(caller),
        [
            router::result(2, args([20])),
            router::result(3, args([30])),
            router::result(1, args([10]))
        ]
    );
}

#[test]
fn a_request_id_may_be_used_again_once_it_is_answered() {
    let (mut lab, caller, callee) = caller_and_callee(Client::named("callee"));
    for round in 1..=2 {
        lab.send(caller, client::call(5, "com.add", NOTHING));
        lab.send(callee, client::yielded(round, args([round])));
        assert_eq!(lab.received(caller), [router::result(5, args([round]))]);
    }
}

#[test]
fn calls_of_a_lost_callee_end_with_the_text_that_clients_know() {
    let (mut lab, caller, callee) = caller_and_callee(Client::named("callee"));
    lab.send(caller, client::call(1, "com.add", NOTHING));
    lab.send(caller, client::call(2, "com.add", NOTHING));
    lab.disconnect(callee);
    let text = "callee disconnected from in-flight request";
    assert_eq!(
        lab.received(caller),
        [refused(1, error_uri::CANCELED, text), refused(2, error_uri::CANCELED, text)]
    );
}

#[test]
fn goodbye_and_abort_of_a_callee_end_its_calls() {
    for last_words in [client::goodbye(error_uri::CLOSE_NORMAL), client::hello()] {
        let (mut lab, caller, callee) = caller_and_callee(Client::named("callee"));
        lab.send(caller, client::call(1, "com.add", NOTHING));
        let _ = lab.submit(callee, last_words);
        assert_eq!(lab.received(caller), [router::callee_gone(1)]);
    }
}

#[test]
fn callee_of_a_lost_caller_is_interrupted_and_its_answer_dropped() {
    let (mut lab, caller, callee) = caller_and_callee(Client::named("callee"));
    lab.send(caller, client::call(1, "com.add", NOTHING));
    lab.disconnect(caller);
    assert_eq!(
        lab.received(callee),
        [
            router::invocation(1, 1, NOTHING),
            router::interrupt(1, CancelMode::KillNoWait, error_uri::CANCELED)
        ]
    );
    lab.send(callee, client::yielded(1, args([1])));
    lab.send(callee, client::failure(1, error_uri::CANCELED, NOTHING));
    assert_eq!(lab.received(callee), []);
}

#[test]
fn calls_of_a_lost_session_end_in_the_order_of_their_ids() {
    let (mut lab, caller, callee) = caller_and_callee(Client::named("callee"));
    for number in 1..=50 {
        lab.send(caller, client::call(number, "com.add", NOTHING));
    }
    lab.received(callee);
    lab.disconnect(caller);
    let interrupts = (1..=50)
        .map(|number| router::interrupt(number, CancelMode::KillNoWait, error_uri::CANCELED));
    assert_eq!(lab.received(callee), Vec::from_iter(interrupts));

    let caller = lab.join("caller");
    for number in 1..=50 {
        lab.send(caller, client::call(number, "com.add", NOTHING));
    }
    lab.disconnect(callee);
    assert_eq!(lab.received(caller), Vec::from_iter((1..=50).map(router::callee_gone)));
}

#[test]
fn callee_without_call_canceling_is_not_notified_of_a_lost_caller() {
    let (mut lab, caller, callee) = caller_and_callee(Client::basic("callee"));
    lab.send(caller, client::call(1, "com.add", NOTHING));
    assert_eq!(lab.received(callee), [router::invocation(1, 1, NOTHING)]);
    lab.disconnect(caller);
    lab.send(callee, client::yielded(1, args([1])));
    assert_eq!(lab.received(callee), []);
}

#[test]
fn a_callee_whose_queue_is_full_is_unavailable_until_it_reads_again() {
    let (mut lab, caller, callee) = caller_and_callee(Client::named("callee"));
    lab.set_state(callee, OutboxState::Dropping);
    lab.send(caller, client::call(1, "com.add", NOTHING));
    let text = "the callee's queue is full";
    assert_eq!(lab.received(caller), [refused(1, error_uri::UNAVAILABLE, text)]);

    lab.set_state(callee, OutboxState::Reading);
    lab.send(caller, client::call(2, "com.add", NOTHING));
    lab.send(callee, client::yielded(1, args([1])));
    assert_eq!(lab.received(callee), [router::invocation(1, 1, NOTHING)]);
    assert_eq!(lab.received(caller), [router::result(2, args([1]))]);
}

#[test]
fn closed_callee_fails_the_call_at_once() {
    let (mut lab, caller, callee) = caller_and_callee(Client::named("callee"));
    lab.set_state(callee, OutboxState::Closed);
    lab.send(caller, client::call(1, "com.add", NOTHING));
    assert_eq!(lab.received(caller), [router::callee_gone(1)]);
    lab.disconnect(callee);
    assert_eq!(lab.received(caller), []);
}

#[test]
fn a_caller_that_reads_slowly_still_gets_its_answers() {
    let (mut lab, caller, callee) = caller_and_callee(Client::named("callee"));
    lab.set_state(caller, OutboxState::Dropping);
    lab.send(caller, client::call(1, "com.add", NOTHING));
    lab.send(callee, client::yielded(1, args([1])));
    assert_eq!(lab.received(caller), [router::result(1, args([1]))]);
}

#[test]
fn invocation_that_the_host_can_not_send_ends_its_call() {
    let (mut lab, caller, callee) = caller_and_callee(Client::basic("callee"));
    lab.send(caller, client::call(7, "com.add", args([2, 3])));
    lab.received(callee);
    let failure = |number: u64| {
        let request = InvocationId::new(number).expect("an id");
        InvocationError::new(request, error_uri::PAYLOAD_SIZE_EXCEEDED, Payload::EMPTY)
    };
    lab.fail_invocation(callee, failure(40));
    assert_eq!((lab.received(callee), lab.received(caller)), (vec![], vec![]));
    lab.fail_invocation(callee, failure(1));
    let error = router::failed(RequestKind::Call, 7, error_uri::PAYLOAD_SIZE_EXCEEDED, NOTHING);
    assert_eq!(lab.received(caller), [error]);
    assert_eq!(lab.received(callee), []);
}
