//! Every message in every format, byte for byte.
//!
//! The table belongs to this repository. `vectors.rs` tests the specification's own vectors. Spec:
//! basic profile "Message Definitions", "Serializers", "Empty Arguments and Keyword Arguments";
//! advanced profile "Additional Messages".

use std::collections::BTreeSet;

use cloverleaf_wamp::serializer::Serializer;

#[allow(dead_code, reason = "each test uses a part of it")]
mod sample;

use sample::samples;

#[test]
fn every_message_is_written_as_in_the_table() {
    for sample in samples() {
        for serializer in Serializer::ALL {
            let written = sample.message(serializer).encode(serializer).unwrap();
            let (written, expected) = (shown(&written), shown(sample.bytes(serializer)));
            assert_eq!(written, expected, "{} in {serializer}", sample.name);
        }
    }
}

#[test]
fn every_message_is_read_as_in_the_table() {
    for sample in samples() {
        for serializer in Serializer::ALL {
            let message = sample.message(serializer);
            let read = message.decode_alike(serializer, sample.bytes(serializer));
            assert_eq!(read, Ok(message), "{} in {serializer}", sample.name);
        }
    }
}

#[test]
fn every_message_goes_from_one_format_to_another_as_in_the_table() {
    for sample in samples() {
        for (from, to) in pairs() {
            let message = sample.message(from).decode_alike(from, sample.bytes(from)).unwrap();
            let written = shown(&message.encode(to).unwrap());
            let expected = shown(sample.bytes(to));
            assert_eq!(written, expected, "{} from {from} to {to}", sample.name);
        }
    }
}

#[test]
fn the_table_contains_all_25_message_types() {
    let names: BTreeSet<&str> =
        samples().iter().map(|sample| sample.message(Serializer::Json).name()).collect();
    assert_eq!(names.len(), 25, "{names:?}");
}

fn pairs() -> impl Iterator<Item = (Serializer, Serializer)> {
    Serializer::ALL.into_iter().flat_map(|from| Serializer::ALL.map(|to| (from, to)))
}

/// Bytes in a form that makes differences readable.
fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.starts_with('[') => text.to_owned(),
        _ => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
