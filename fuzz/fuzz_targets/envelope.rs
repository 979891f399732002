//! What a body of the HTTP bridge asks for can be written as a body again, and is then the same.
#![no_main]

use std::fmt::Debug;

use bytes::Bytes;
use cloverleaf_http_bridge::envelope::{BodyOptions, Envelope};
use cloverleaf_wamp::codec::TokenWriter;
use cloverleaf_wamp::codec::json::JsonWriter;
use cloverleaf_wamp::message::{CallOptions, Options, PublishOptions};
use cloverleaf_wamp::payload::Encoded;
use cloverleaf_wamp::serializer::Serializer;
use libfuzzer_sys::fuzz_target;

fn written<O: BodyOptions + Options>(envelope: &Envelope<O>) -> Bytes {
    let mut body = Vec::new();
    let mut writer = JsonWriter::new(&mut body);
    writer.map_start(4);
    writer.key(O::URI_KEY);
    writer.text(&envelope.uri);
    for (key, value) in [("args", envelope.payload.args()), ("kwargs", envelope.payload.kwargs())] {
        writer.key(key);
        writer.encoded(value.map_or(b"null", Encoded::bytes));
    }
    writer.key("options");
    writer.map_start(envelope.options.entries());
    envelope.options.write(Serializer::Json, &mut writer).expect("JSON has a form in JSON");
    writer.map_end();
    writer.map_end();
    body.into()
}

fn assert_survives<O: BodyOptions + Options + Debug + PartialEq>(body: &Bytes) {
    if let Ok(envelope) = Envelope::<O>::parse(body) {
        assert_eq!(Envelope::parse(&written(&envelope)), Ok(envelope));
    }
}

fuzz_target!(|data: &[u8]| {
    let body = Bytes::copy_from_slice(data);
    assert_survives::<CallOptions>(&body);
    assert_survives::<PublishOptions>(&body);
});
