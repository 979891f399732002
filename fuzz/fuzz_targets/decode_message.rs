//! A decoded message is equal after it was encoded again, in any format.
#![no_main]

use bytes::Bytes;
use cloverleaf_fuzz::take_serializer;
use cloverleaf_wamp::message::wire::WireMessage;
use cloverleaf_wamp::message::{ClientMessage, RouterMessage};
use cloverleaf_wamp::serializer::Serializer;
use libfuzzer_sys::fuzz_target;

fn check<M: WireMessage + PartialEq + std::fmt::Debug>(serializer: Serializer, frame: &Bytes) {
    let Ok(message) = M::decode(serializer, frame) else { return };
    for other in Serializer::ALL {
        let mut out = Vec::new();
        message.encode(other, &mut out).expect("a payload of a message has a form in any format");
        let again = M::decode(other, &out.into()).expect("what was encoded can be decoded");
        if other == serializer {
            assert_eq!(again, message);
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((serializer, frame)) = take_serializer(data) else { return };
    let frame = Bytes::copy_from_slice(frame);
    check::<ClientMessage>(serializer, &frame);
    check::<RouterMessage>(serializer, &frame);
});
