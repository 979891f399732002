//! Properties: written values are read unchanged, and all ways to read agree.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::cbor::CborReader;
use super::super::json::JsonReader;
use super::super::msgpack::MsgPackReader;
use super::super::transcode::transcode;
use super::super::ubjson::{BjDataReader, UbJsonReader};
use super::{Tree, agreed, decode, encode, pass};
use crate::codec::de::from_slice;
use crate::codec::ser::to_vec;
use crate::error::DecodeError;
use crate::serializer::Serializer;

/// Text that is not the JSON form of bytes, though it may begin like it.
fn texts() -> impl Strategy<Value = String> {
    let bytes =
        |text: &str| text.strip_prefix('\0').is_some_and(|rest| STANDARD.decode(rest).is_ok());
    prop_oneof![
        any::<String>(),
        "[a-z\"\\\\\u{0}-\u{1f}é🍀]{0,40}",
        "\u{0}[A-Za-z0-9+/=\u{0}\n]{0,9}"
    ]
    .prop_filter("is JSON's form of bytes", move |text| !bytes(text))
}

fn trees() -> impl Strategy<Value = Tree> {
    let finite = any::<f64>().prop_filter("is not finite", |value| value.is_finite());
    let leaves = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        any::<u64>().prop_map(Tree::Unsigned),
        (0_u32..64, any::<u64>()).prop_map(|(shift, value)| Tree::Unsigned(value >> shift)),
        (0_u32..63, i64::MIN..0).prop_map(|(shift, value)| Tree::Negative(value >> shift)),
        finite.prop_map(Tree::Float),
        texts().prop_map(Tree::Text),
        vec(any::<u8>(), 0..70).prop_map(Tree::Binary),
    ];
    leaves.prop_recursive(5, 40, 20, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Tree::List),
            vec((texts(), inner), 0..20).prop_map(Tree::Map),
        ]
    })
}

/// The value that an independent reader should see in the JSON text.
fn expected(tree: &Tree) -> serde_json::Value {
    match tree {
        Tree::Null => serde_json::Value::Null,
        Tree::Bool(value) => (*value).into(),
        Tree::Unsigned(value) => (*value).into(),
        Tree::Negative(value) => (*value).into(),
        Tree::Float(value) => (*value).into(),
        Tree::Text(value) => value.clone().into(),
        Tree::Binary(value) => format!("\0{}", STANDARD.encode(value)).into(),
        Tree::List(entries) => entries.iter().map(expected).collect(),
        Tree::Map(entries) => {
            entries.iter().map(|(key, value)| (key.clone(), expected(value))).collect()
        }
    }
}

/// Equal except for the last digit of floats, which the other reader may round differently.
fn alike(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (one, other) {
        (Number(one), Number(other)) if one.is_f64() && other.is_f64() => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= one.abs() * 1e-15
        }
        (Array(one), Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Object(one), Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| one.0 == other.0 && alike(one.1, other.1))
        }
        _ => one == other,
    }
}

/// Pieces of JSON in a mostly invalid order.
fn near_json() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        &b"["[..],
        b"]",
        b"{",
        b"}",
        b",",
        b":",
        b"\"",
        b"\"a\"",
        b"\"a\":",
        b"\\",
        b"\\n",
        b"\\u",
        b"\\u0000",
        b"\\ud83c",
        b"\\udf40",
        b"00e9",
        b"true",
        b"false",
        b"null",
        b"nul",
        b"0",
        b"-",
        b"1",
        b"18446744073709551615",
        b".",
        b".5",
        b"e",
        b"E+",
        b"e-2",
        b"e400",
        b" ",
        b"\n",
        b"\t",
        b"\x01",
        b"\x7f",
        b"\xc3",
        b"\xa9",
        b"\xc3\xa9",
        b"\xff",
        b"AAEC",
        b"[1,2]",
        b"{\"k\":1}",
    ]);
    prop_oneof![
        vec(pieces.clone(), 0..12).prop_map(|pieces| pieces.concat()),
        (vec(pieces.clone(), 0..6))
            .prop_map(|pieces| [b"\"", &pieces.concat()[..], b"\""].concat()),
        (vec(pieces, 0..8)).prop_map(|pieces| [b"[", &pieces.concat()[..], b"]"].concat()),
    ]
}

/// Whether an independent reader accepts the JSON. Numbers that are too large and unpaired
/// surrogates count as accepted.
fn is_json(input: &[u8]) -> bool {
    let ignored = serde_json::from_slice::<serde::de::IgnoredAny>(input);
    std::str::from_utf8(input).is_ok() && ignored.is_ok()
}

/// Pieces of UBJSON and BJData in a mostly invalid order.
fn near_ubjson() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        &b"["[..],
        b"]",
        b"{",
        b"}",
        b"$",
        b"#",
        b"#U\x02",
        b"$U#U\x02",
        b"$B#U\x02",
        b"$[#U\x01",
        b"${#i\x01",
        b"$Z#U\xff",
        b"$N#I\x7f\xff",
        b"$S#U\x01",
        b"U\x01a",
        b"SU\x01a",
        b"HU\x0212",
        b"Cx",
        b"Z",
        b"T",
        b"N",
        b"i\xff",
        b"I\x01\x02",
        b"u\x01\x02",
        b"m\x01\x02\x03\x04",
        b"D\x3f\xf8\x00\x00\x00\x00\x00\x00",
        b"h\x00\x3e",
        b"\x01",
        b"\xff",
    ]);
    prop_oneof![
        vec(pieces.clone(), 0..12).prop_map(|pieces| pieces.concat()),
        vec(pieces.clone(), 0..8).prop_map(|pieces| [b"[", &pieces.concat()[..], b"]"].concat()),
        vec(pieces, 0..8).prop_map(|pieces| [b"{U\x01k", &pieces.concat()[..], b"}"].concat()),
    ]
}

/// The encoding of a value with a few changed bytes.
fn damaged(serializer: Serializer) -> impl Strategy<Value = Vec<u8>> {
    let damage = vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (trees(), damage).prop_map(move |(tree, damage)| {
        let mut bytes = encode(serializer, &tree);
        for (index, byte) in damage {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn written_values_are_read_unchanged(tree in trees()) {
        for serializer in Serializer::ALL {
            let encoding = encode(serializer, &tree);
            prop_assert_eq!(decode(serializer, &encoding), Ok(tree.clone()));
        }
    }

    #[test]
    fn transcoding_equals_writing_in_the_other_format(tree in trees()) {
        for from in Serializer::ALL {
            let encoding = encode(from, &tree);
            for to in Serializer::ALL {
                let mut out = Vec::new();
                prop_assert_eq!(transcode(from, &encoding, to, &mut out), Ok(()));
                prop_assert_eq!(out, encode(to, &tree));
            }
        }
    }

    /// All formats can represent these values. Other values have their own tests.
    #[test]
    fn a_value_survives_any_chain_of_transcodings(
        tree in trees(),
        chain in vec(prop::sample::select(Serializer::ALL.to_vec()), 1..12),
    ) {
        let mut value = encode(chain[0], &tree);
        for hop in chain.windows(2) {
            let mut out = Vec::new();
            prop_assert_eq!(transcode(hop[0], &value, hop[1], &mut out), Ok(()));
            value = out;
        }
        prop_assert_eq!(decode(chain[chain.len() - 1], &value), Ok(tree));
    }

    #[test]
    fn a_list_cut_anywhere_is_truncated(tree in trees()) {
        let list = Tree::List(vec![tree]);
        for serializer in Serializer::ALL {
            let encoding = encode(serializer, &list);
            for length in (0..encoding.len()).rev().step_by(7) {
                let error = decode(serializer, &encoding[..length]);
                prop_assert_eq!(error, Err(DecodeError::Truncated(length)));
            }
        }
    }

    #[test]
    fn an_independent_reader_sees_the_same_json(tree in trees()) {
        let encoding = encode(Serializer::Json, &tree);
        let value: serde_json::Value = serde_json::from_slice(&encoding).unwrap();
        prop_assert!(alike(&value, &expected(&tree)), "{value} {:?}", expected(&tree));
    }

    #[test]
    fn an_independent_writer_is_read_the_same(tree in trees()) {
        let value = expected(&tree);
        let pretty = serde_json::to_vec_pretty(&value).unwrap();
        let last_keys_win = decode(Serializer::Json, &pretty).unwrap();
        prop_assert!(alike(&expected(&last_keys_win), &value));
    }

    #[test]
    fn json_is_accepted_exactly_when_an_independent_reader_accepts_it(input in near_json()) {
        let theirs = serde_json::from_slice::<serde_json::Value>(&input);
        match decode(Serializer::Json, &input) {
            Ok(tree) => match theirs {
                Ok(theirs) => prop_assert!(alike(&theirs, &expected(&tree))),
                Err(_) => prop_assert!(is_json(&input)),
            },
            Err(error) => prop_assert!(!is_json(&input), "{error}"),
        }
    }

    #[test]
    fn rewritten_json_has_finite_numbers_only(input in near_json()) {
        let mut out = Vec::new();
        if transcode(Serializer::Json, &input, Serializer::Json, &mut out).is_ok() {
            let theirs = serde_json::from_slice::<serde_json::Value>(&out);
            let refused = theirs.err().map(|error| error.to_string()).unwrap_or_default();
            prop_assert!(refused.is_empty() || refused.contains("hex escape"), "{refused}");
        }
    }

    #[test]
    fn damaged_json_is_accepted_exactly_when_an_independent_reader_accepts_it(
        input in damaged(Serializer::Json),
    ) {
        prop_assert_eq!(agreed::<JsonReader<'_>>(&input).is_ok(), is_json(&input));
    }

    #[test]
    fn all_readers_agree_on_damaged_input(
        msgpack in damaged(Serializer::MsgPack),
        cbor in damaged(Serializer::Cbor),
        ubjson in damaged(Serializer::UbJson),
        bjdata in damaged(Serializer::BjData),
        optimized in near_ubjson(),
        bytes in vec(any::<u8>(), 0..40),
    ) {
        drop(agreed::<UbJsonReader<'_>>(&ubjson));
        drop(agreed::<BjDataReader<'_>>(&bjdata));
        for input in [&optimized, &bytes] {
            drop(agreed::<UbJsonReader<'_>>(input));
            drop(agreed::<BjDataReader<'_>>(input));
        }
        drop(agreed::<MsgPackReader<'_>>(&msgpack));
        drop(agreed::<CborReader<'_>>(&cbor));
        drop(agreed::<MsgPackReader<'_>>(&bytes));
        drop(agreed::<CborReader<'_>>(&bytes));
        drop(agreed::<JsonReader<'_>>(&bytes));
    }

    #[test]
    fn readable_values_can_be_transcoded_and_read_again(
        msgpack in damaged(Serializer::MsgPack),
        cbor in damaged(Serializer::Cbor),
        ubjson in damaged(Serializer::UbJson),
        bjdata in near_ubjson(),
    ) {
        for (from, input) in [
            (Serializer::MsgPack, msgpack),
            (Serializer::Cbor, cbor),
            (Serializer::UbJson, ubjson),
            (Serializer::UbJson, bjdata.clone()),
            (Serializer::BjData, bjdata),
        ] {
            let mut out = Vec::new();
            match transcode(from, &input, Serializer::Json, &mut out) {
                Ok(()) => prop_assert!(pass::<JsonReader<'_>>(&out).is_ok()),
                Err(error) => {
                    prop_assert_eq!(decode(from, &input), Err(error));
                    prop_assert!(out.is_empty());
                }
            }
        }
    }

    #[test]
    fn json_values_pass_through_serde_in_every_format(tree in trees()) {
        let value = expected(&tree);
        for serializer in Serializer::ALL {
            let encoding = to_vec(serializer, &value).unwrap();
            if serializer != Serializer::Json {
                prop_assert_eq!(from_slice(serializer, &encoding), Ok(value.clone()));
            }
            prop_assert!(decode(serializer, &encoding).is_ok());
        }
    }
}
