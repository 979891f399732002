//! The messages of the golden table with additions of the advanced profile to calls.

use cloverleaf_wamp::codec::transcode::transcode;
use cloverleaf_wamp::message::wire::decode_client;
use cloverleaf_wamp::message::{
    Call, CallOptions, CallResult, CalleeIdentity, CallerIdentity, Cancel, CancelMode,
    CancelOptions, ClientMessage, ErrorDetails, Interrupt, InterruptOptions, Invocation,
    InvocationDetails, InvocationError, InvokePolicy, OpenEnum, PassthruDetails, Register,
    RegisterOptions, RequestError, ResultDetails, RouterMessage, RunMode, Sharding, Yield,
    YieldOptions,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::MatchPolicy;

use super::Sent;
use super::values::{args, call, invocation_id, registration, request, session};

/// The message with this name. Its opaque values are in the format `s`.
pub(crate) fn message(name: &str, s: Serializer) -> Option<Sent> {
    asked(name, s)
        .or_else(|| registered(name))
        .map(Sent::Client)
        .or_else(|| answered(name, s).map(Sent::Client))
        .or_else(|| told(name, s).map(Sent::Router))
}

/// Passthru details and a binary. Only a decoder makes custom attributes, so they are taken from
/// the smallest message that has them.
fn passthru(s: Serializer, about: &str) -> (Option<Box<PassthruDetails>>, Payload) {
    let text = format!("[70,1,{about},[\"\\u0000AAEC/w==\"]]");
    let mut frame = Vec::new();
    transcode(Serializer::Json, text.as_bytes(), s, &mut frame).unwrap();
    let message = decode_client(s, &frame.into());
    let Ok(ClientMessage::Yield(answer)) = message else { panic!("{message:?}") };
    (answer.options.passthru, answer.payload)
}

fn asked(name: &str, s: Serializer) -> Option<ClientMessage> {
    let sharding = |rkey: Option<&str>, runmode| {
        Some(Box::new(Sharding { rkey: rkey.map(Into::into), runmode: Some(runmode) }))
    };
    let options = |sharding| CallOptions { sharding, ..CallOptions::default() };
    let cancel = |mode| {
        let options = CancelOptions { mode };
        ClientMessage::Cancel(Cancel { request: request(23), options })
    };
    let call: Call = match name {
        "call_part" => {
            let options = CallOptions {
                receive_progress: Some(true),
                progress: Some(true),
                ..options(sharding(Some("user 7"), RunMode::Partition.into()))
            };
            call(24, options, args(s, [2]))
        }
        "call_to_all" => call(25, options(sharding(None, RunMode::All.into())), Payload::EMPTY),
        "call_to_some" => {
            let unknown = OpenEnum::Unknown("some".into());
            call(26, options(sharding(Some(""), unknown)), Payload::EMPTY)
        }
        "passthru_call" => {
            let (passthru, payload) = passthru(
                s,
                r#"{"forward_for":[{"session":7,"authid":"r1","authrole":"rlink"}],
                    "transaction_hash":"0x1","ppt_scheme":"wamp","ppt_serializer":"cbor",
                    "ppt_cipher":"xsalsa20poly1305","ppt_keyid":"GTtQ37",
                    "_trace":{"parent":["00-4b",1,null]},"_x_7":false}"#,
            );
            call(
                27,
                CallOptions { timeout: Some(500), passthru, ..CallOptions::default() },
                payload,
            )
        }
        "cancel_skip" => return Some(cancel(Some(CancelMode::Skip.into()))),
        "cancel_kill" => return Some(cancel(Some(CancelMode::Kill.into()))),
        "cancel_unknown" => return Some(cancel(Some(OpenEnum::Unknown("abort".into())))),
        "cancel_plain" => return Some(cancel(None)),
        _ => return None,
    };
    Some(ClientMessage::Call(call))
}

fn registered(name: &str) -> Option<ClientMessage> {
    let invoke = |policy: InvokePolicy| RegisterOptions {
        invoke: Some(policy.into()),
        ..RegisterOptions::default()
    };
    let (number, options, procedure) = match name {
        "register_limited" => {
            let options = RegisterOptions {
                match_policy: Some(MatchPolicy::Wildcard),
                concurrency: Some(16),
                force_reregister: Some(true),
                disclose_caller: Some(true),
                forward_timeout: Some(true),
                ..invoke(InvokePolicy::Load)
            };
            (2, options, "com..add")
        }
        "register_hash" => (3, invoke(InvokePolicy::Hash), "com.example.add"),
        "register_sticky" => (4, invoke(InvokePolicy::Sticky), "com.example.add"),
        "register_all" => {
            let options = RegisterOptions {
                concurrency: Some(0),
                force_reregister: Some(false),
                ..invoke(InvokePolicy::All)
            };
            (5, options, "com.example.add")
        }
        "register_unknown" => {
            let invoke = Some(OpenEnum::Unknown("whoever".into()));
            (6, RegisterOptions { invoke, ..RegisterOptions::default() }, "com.example.add")
        }
        _ => return None,
    };
    let register = Register { request: request(number), options, procedure: procedure.into() };
    Some(ClientMessage::Register(register))
}

fn answered(name: &str, s: Serializer) -> Option<ClientMessage> {
    let request = invocation_id(2);
    Some(match name {
        "yield_part" => {
            let about = r#"{"ppt_scheme":"wamp","ppt_serializer":"flatbuffers","_trace":"x"}"#;
            let (passthru, payload) = passthru(s, about);
            let options = YieldOptions { progress: Some(true), passthru };
            ClientMessage::Yield(Yield { request, options, payload })
        }
        "passthru_error" => {
            let about = r#"{"forward_for":[],"ppt_scheme":"wamp","_abc":{}}"#;
            let (passthru, payload) = passthru(s, about);
            let (details, error) = (ErrorDetails { passthru }, "com.example.error".into());
            ClientMessage::Error(InvocationError { request, details, error, payload })
        }
        _ => return None,
    })
}

fn told(name: &str, s: Serializer) -> Option<RouterMessage> {
    Some(match name {
        "result_part" => {
            let (passthru, payload) = passthru(s, r#"{"ppt_scheme":"mqtt","_trace":1}"#);
            let callee = CalleeIdentity {
                callee: Some(session(77)),
                callee_authid: Some("ann".into()),
                callee_authrole: Some("host".into()),
            };
            let details =
                ResultDetails { progress: Some(true), callee: Some(Box::new(callee)), passthru };
            RouterMessage::Result(CallResult { request: request(23), details, payload })
        }
        "call_error" => {
            let about = r#"{"transaction_hash":"0x1","ppt_scheme":"wamp","_trace":[1.5]}"#;
            let (passthru, payload) = passthru(s, about);
            let request = call(23, CallOptions::default(), Payload::EMPTY).reference();
            let error = RequestError::new(request, "com.example.error", payload);
            RouterMessage::Error(RequestError { details: ErrorDetails { passthru }, ..error })
        }
        "invocation_part" => {
            let (passthru, payload) = passthru(
                s,
                r#"{"forward_for":[{"session":7}],"transaction_hash":"0x1","ppt_scheme":"wamp",
                    "ppt_serializer":"cbor","ppt_cipher":"aes256gcm","ppt_keyid":"k",
                    "_trace":{"a":[]}}"#,
            );
            let caller = CallerIdentity { caller: Some(session(77)), ..CallerIdentity::default() };
            let details = InvocationDetails {
                procedure: Some("com.example.add2".into()),
                timeout: Some(500),
                receive_progress: Some(true),
                progress: Some(true),
                trustlevel: Some(3),
                caller: Some(Box::new(caller)),
                passthru,
            };
            let (request, registration) = (invocation_id(2), registration(65_535));
            RouterMessage::Invocation(Invocation { request, registration, details, payload })
        }
        "interrupt_killnowait" => {
            let options = InterruptOptions {
                mode: Some(CancelMode::KillNoWait),
                reason: Some("wamp.error.timeout".into()),
            };
            RouterMessage::Interrupt(Interrupt { request: invocation_id(2), options })
        }
        _ => return None,
    })
}
