//! Encodes the messages of the load into a buffer.
//!
//! The frequent messages CALL, YIELD and PUBLISH are written as tokens of `cloverleaf-wamp`; all
//! others are its messages.

use cloverleaf_wamp::codec::TokenWriter;
use cloverleaf_wamp::codec::cbor::CborWriter;
use cloverleaf_wamp::codec::json::JsonWriter;
use cloverleaf_wamp::codec::msgpack::MsgPackWriter;
use cloverleaf_wamp::codec::ubjson::{BjDataWriter, UbJsonWriter};
use cloverleaf_wamp::features::{ClientRoles, Feature, Features};
use cloverleaf_wamp::message::wire::encode_client;
use cloverleaf_wamp::message::{ClientMessage, Goodbye, Hello, HelloDetails, code};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::UncheckedUri;

/// Runs `$write` with the writer of a serializer.
macro_rules! with_writer {
    ($serializer:expr, $out:expr, $write:expr) => {
        match $serializer {
            Serializer::Json => $write(&mut JsonWriter::new($out)),
            Serializer::MsgPack => $write(&mut MsgPackWriter::new($out)),
            Serializer::Cbor => $write(&mut CborWriter::new($out)),
            Serializer::UbJson => $write(&mut UbJsonWriter::new($out)),
            Serializer::BjData => $write(&mut BjDataWriter::new($out)),
        }
    };
}

/// CALL of `uri`, with the arguments `[sender, request, text]`.
#[inline]
pub fn call(
    serializer: Serializer,
    out: &mut Vec<u8>,
    uri: &str,
    sender: u64,
    request: u64,
    text: &str,
) {
    with_writer!(serializer, out, |w: &mut _| stamped(w, code::CALL, uri, sender, request, text));
}

/// PUBLISH to `uri`, without acknowledgement, with the arguments `[sender, request, text]`.
#[inline]
pub fn publish(
    serializer: Serializer,
    out: &mut Vec<u8>,
    uri: &str,
    sender: u64,
    request: u64,
    text: &str,
) {
    with_writer!(serializer, out, |w: &mut _| stamped(
        w,
        code::PUBLISH,
        uri,
        sender,
        request,
        text
    ));
}

/// Answers an invocation with its arguments: YIELD, or RESULT without a router.
#[inline]
pub fn answer(serializer: Serializer, out: &mut Vec<u8>, code: u64, request: u64, args: &[u8]) {
    with_writer!(serializer, out, |w: &mut _| answered(w, code, request, args));
}

#[inline]
fn stamped<W: TokenWriter>(w: &mut W, code: u64, uri: &str, sender: u64, request: u64, text: &str) {
    w.list_start(5);
    w.unsigned(code);
    w.unsigned(request);
    w.map_start(0);
    w.map_end();
    w.text(uri);
    w.list_start(3);
    w.unsigned(sender);
    w.unsigned(request);
    w.text(text);
    w.list_end();
    w.list_end();
}

#[inline]
fn answered<W: TokenWriter>(w: &mut W, code: u64, request: u64, args: &[u8]) {
    w.list_start(4);
    w.unsigned(code);
    w.unsigned(request);
    w.map_start(0);
    w.map_end();
    w.encoded(args);
    w.list_end();
}

/// The features that the load announces: those of a usual client, so that a join has its usual
/// cost.
const ROLES: ClientRoles = ClientRoles {
    publisher: Some(Features::of(&[
        Feature::SubscriberBlackwhiteListing,
        Feature::PublisherExclusion,
        Feature::PublisherIdentification,
    ])),
    subscriber: Some(Features::of(&[
        Feature::PatternBasedSubscription,
        Feature::PublisherIdentification,
    ])),
    caller: Some(Features::of(&[
        Feature::CallCanceling,
        Feature::CallTimeout,
        Feature::CallerIdentification,
    ])),
    callee: Some(Features::of(&[
        Feature::CallCanceling,
        Feature::CallerIdentification,
        Feature::PatternBasedRegistration,
        Feature::SharedRegistration,
    ])),
};

/// HELLO of an anonymous session.
pub fn hello(realm: &str) -> ClientMessage {
    let details = HelloDetails {
        roles: Some(ROLES),
        agent: Some(concat!("cloverleaf-bench ", env!("CARGO_PKG_VERSION")).into()),
        authmethods: Some(vec!["anonymous".into()]),
        ..HelloDetails::default()
    };
    ClientMessage::Hello(Hello { realm: UncheckedUri::new(realm), details })
}

/// GOODBYE.
pub fn goodbye() -> ClientMessage {
    ClientMessage::Goodbye(Goodbye::new("wamp.close.close_realm"))
}

/// Any other message.
pub fn message(serializer: Serializer, out: &mut Vec<u8>, message: &ClientMessage) {
    // Encoding fails only for a payload in another format, and these messages have none.
    let written = encode_client(message, serializer, out);
    debug_assert!(written.is_ok(), "a message without a payload has a form in every format");
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use cloverleaf_wamp::message::wire::decode_client;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("JSON is text")
    }

    #[test]
    fn the_messages_of_the_load_follow_the_protocol() {
        let json = Serializer::Json;
        let call = written(|out| call(json, out, "a.b", 2, 7, "four"));
        assert_eq!(call, r#"[48,7,{},"a.b",[2,7,"four"]]"#);
        let publish = written(|out| publish(json, out, "a.b", 2, 7, "four"));
        assert_eq!(publish, r#"[16,7,{},"a.b",[2,7,"four"]]"#);
        let answer = written(|out| answer(json, out, code::YIELD, 7, b"[1,2]"));
        assert_eq!(answer, "[70,7,{},[1,2]]");
    }

    #[test]
    fn a_router_decodes_the_messages_in_every_format() {
        for serializer in Serializer::ALL {
            let mut out = Vec::new();
            call(serializer, &mut out, "a.b", 2, 7, "four");
            let decoded = decode_client(serializer, &Bytes::from(out)).expect("a message");
            let ClientMessage::Call(call) = decoded else { panic!("{decoded:?}") };
            let args: (u64, u64, String) = call.payload.decode_args().expect("the arguments");
            assert_eq!((call.request.number(), args), (7, (2, 7, "four".to_owned())));
        }
    }
}
