//! Values that not every format can represent. docs/decisions/transcoding.md is the table, and each
//! of its rows has a test here. `docs/decisions/traps.md#f17`.

use super::super::json::JsonReader;
use super::super::ubjson::MAX_BODILESS_ENTRIES;
use super::{Tree, decode, encode, hex, pass};
use crate::codec::transcode::transcode;
use crate::error::DecodeError;
use crate::limits::MAX_DEPTH;
use crate::serializer::Serializer::{self, BjData, Cbor, Json, MsgPack, UbJson};

fn transcoded(from: Serializer, value: &[u8], to: Serializer) -> Vec<u8> {
    let mut out = Vec::new();
    transcode(from, value, to, &mut out).unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
    out
}

/// The JSON of a value in hexadecimal digits.
#[track_caller]
fn assert_json(from: Serializer, digits: &str, json: &str) {
    let text = transcoded(from, &hex(digits), Json);
    assert_eq!(std::str::from_utf8(&text), Ok(json), "{digits} in {from}");
}

fn text(text: &str) -> Tree {
    Tree::Text(text.to_owned())
}

/// Asserts that a value is equal in every format, and after a round trip.
#[track_caller]
fn assert_survives(tree: &Tree) {
    for from in Serializer::ALL {
        for to in Serializer::ALL {
            let there = transcoded(from, &encode(from, tree), to);
            assert_eq!(decode(to, &there).as_ref(), Ok(tree), "{from} to {to}");
            assert_eq!(transcoded(to, &there, from), encode(from, tree), "{to} to {from}");
        }
    }
}

// === keys ===

#[test]
fn integer_keys_become_their_decimal_digits_in_another_format_and_stay_in_their_own() {
    let rows = [(MsgPack, "82 01 c0 ff c3"), (Cbor, "a2 01 f6 20 f5")];
    for (from, digits) in rows {
        assert_json(from, digits, r#"{"1":null,"-1":true}"#);
        assert_eq!(transcoded(from, &hex(digits), UbJson), b"{U\x011ZU\x02-1T}");
        assert_eq!(transcoded(from, &hex(digits), from), hex(digits));
    }
    assert_eq!(transcoded(MsgPack, &hex("8101c0"), Cbor), hex("a16131f6"), "the text \"1\"");
}

#[test]
fn keys_that_are_neither_text_nor_integers_are_refused() {
    let what = "a key must be text or an integer";
    for (from, digits) in [
        (MsgPack, "81c0c0"),
        (MsgPack, "81c3c0"),
        (MsgPack, "81ca00000000c0"),
        (MsgPack, "81c40161c0"),
        (MsgPack, "8190c0"),
        (Cbor, "a1f6f6"),
        (Cbor, "a1f5f6"),
        (Cbor, "a1f90000f6"),
        (Cbor, "a14161f6"),
        (Cbor, "a180f6"),
        (Cbor, "a1c24101f6"),
    ] {
        let offset = if digits.starts_with("a1c2") { 2 } else { 1 };
        for to in Serializer::ALL {
            let refused = transcode(from, &hex(digits), to, &mut Vec::new());
            assert_eq!(refused, Err(DecodeError::Malformed { offset, what }), "{digits} to {to}");
        }
    }
}

#[test]
fn duplicate_keys_are_kept_in_every_format() {
    let map = Tree::Map(vec![
        ("a".to_owned(), Tree::Unsigned(1)),
        ("b".to_owned(), Tree::Null),
        ("a".to_owned(), Tree::Unsigned(2)),
    ]);
    assert_survives(&map);
    // Also if two keys have become equal.
    assert_json(MsgPack, "82 01 01 a131 02", r#"{"1":1,"1":2}"#);
}

// === numbers ===

#[test]
fn integers_keep_all_their_digits_up_to_64_bits() {
    for number in [(1 << 53) - 1, 1 << 53, (1 << 53) + 1, i64::MAX as u64, 1 << 63, u64::MAX] {
        assert_survives(&Tree::Unsigned(number));
    }
    for number in [-(1 << 53) - 1, i64::MIN + 1, i64::MIN] {
        assert_survives(&Tree::Negative(number));
    }
    let large = encode(Json, &Tree::Unsigned((1 << 53) + 1));
    assert_eq!(large, b"9007199254740993", "whose reader may have 53 bits only");
}

#[test]
fn integers_beyond_64_bits_become_floats_in_another_format() {
    let float = Tree::Float(18_446_744_073_709_551_616.0);
    let least = Tree::Float(-18_446_744_073_709_551_616.0);
    let rows: [(Serializer, &[u8], &Tree); 6] = [
        (Json, b"18446744073709551616", &float),
        (UbJson, b"HU\x1418446744073709551616", &float),
        (BjData, b"HU\x1418446744073709551616", &float),
        (Cbor, &hex("c249010000000000000000"), &float),
        (Cbor, &hex("c349010000000000000000"), &least),
        (Cbor, &hex("3bffffffffffffffff"), &least),
    ];
    for (from, value, tree) in rows {
        for to in Serializer::ALL.into_iter().filter(|to| *to != from) {
            assert_eq!(transcoded(from, value, to), encode(to, tree), "{from} to {to}");
        }
        assert_eq!(transcoded(from, value, from), value);
    }
}

#[test]
fn numbers_that_no_float_holds_are_null_in_another_format_and_in_json() {
    let digits = format!("1{}", "0".repeat(400));
    let high_precision = [&b"HI\x01\x91"[..], digits.as_bytes()].concat();
    let bignum = [&hex("c258a0ff")[..], &[0; 159]].concat();
    let rows = [(Json, digits.into_bytes()), (UbJson, high_precision), (Cbor, bignum)];
    for (from, value) in rows {
        for to in Serializer::ALL {
            let own =
                if from == to && from != Json { value.clone() } else { encode(to, &Tree::Null) };
            assert_eq!(transcoded(from, &value, to), own, "{from} to {to}");
        }
    }
}

#[test]
fn nan_and_infinities_written_to_json_by_name_are_null_in_every_format() {
    let null = Tree::List(vec![Tree::Null; 3]);
    for to in Serializer::ALL {
        assert_eq!(transcoded(Json, b"[NaN,Infinity,-Infinity]", to), encode(to, &null), "{to}");
    }
}

#[test]
fn unpaired_surrogates_stay_in_json_and_are_replacement_characters_elsewhere() {
    let json = br#"{"\udc00":["a\ud800b"]}"#;
    let replaced = Tree::Map(vec![("\u{fffd}".to_owned(), Tree::List(vec![text("a\u{fffd}b")]))]);
    assert_eq!(transcoded(Json, json, Json), json);
    for to in [MsgPack, Cbor, UbJson, BjData] {
        assert_eq!(transcoded(Json, json, to), encode(to, &replaced), "{to}");
    }
}

#[test]
fn fractions_in_decimal_digits_become_the_nearest_float() {
    let value = b"HU\x163.14159265358979323846";
    assert_eq!(transcoded(UbJson, value, Json), b"3.141592653589793");
    assert_eq!(transcoded(UbJson, value, UbJson), value);
}

#[test]
fn floats_that_are_not_finite_are_null_in_json_and_ubjson_and_stay_elsewhere() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let value = Tree::Float(value);
        for from in [MsgPack, Cbor, BjData] {
            for to in [MsgPack, Cbor, BjData] {
                assert_eq!(transcoded(from, &encode(from, &value), to), encode(to, &value));
            }
            assert_eq!(transcoded(from, &encode(from, &value), Json), b"null");
            assert_eq!(transcoded(from, &encode(from, &value), UbJson), b"Z");
        }
        assert_eq!((encode(Json, &value), encode(UbJson, &value)), (b"null".into(), b"Z".into()));
    }
    // UBJSON does not allow them, but they are read.
    let infinity = hex("44 7ff0000000000000");
    assert_eq!(transcoded(UbJson, &infinity, Cbor), encode(Cbor, &Tree::Float(f64::INFINITY)));
}

#[test]
fn floats_stay_floats_also_without_a_fraction_and_become_longer_but_not_other() {
    for value in [1.0, -0.0, 1e300, 5e-324, -1.1] {
        assert_survives(&Tree::Float(value));
    }
    for (from, digits) in [(Cbor, "f93e00"), (Cbor, "fa3fc00000"), (MsgPack, "ca3fc00000")] {
        for to in Serializer::ALL.into_iter().filter(|to| *to != from) {
            assert_eq!(transcoded(from, &hex(digits), to), encode(to, &Tree::Float(1.5)));
        }
    }
    assert_eq!(transcoded(BjData, b"h\x00\x3e", UbJson), encode(UbJson, &Tree::Float(1.5)));
    assert_json(MsgPack, "ca3dcccccd", "0.10000000149011612");
}

// === text and bytes ===

/// Advanced profile, "Binary support in JSON".
#[test]
fn bytes_are_base64_behind_a_nul_in_json_and_bytes_everywhere_else() {
    let bytes = hex("10e3ff9053075c526f5fc06d4fe37cdb");
    let json = br#""\u0000EOP/kFMHXFJvX8BtT+N82w==""#;
    assert_survives(&Tree::Binary(bytes.clone()));
    for to in [MsgPack, Cbor, UbJson, BjData] {
        assert_eq!(transcoded(Json, json, to), encode(to, &Tree::Binary(bytes.clone())));
    }
    assert_survives(&Tree::Binary(Vec::new()));
}

#[test]
fn text_that_begins_with_nul_and_is_no_base64_behind_it_is_text_in_every_format() {
    for after in ["AAE", "A", "AA E", "AAEC=", "-_-_", "\0", "caf\u{e9}", "socket name", "AAEC\n"] {
        assert_survives(&text(&format!("\0{after}")));
        assert_survives(&Tree::Map(vec![(format!("\0{after}"), Tree::Null)]));
    }
}

/// JSON cannot represent such text: readers take it for bytes.
#[test]
fn text_of_a_nul_and_base64_becomes_bytes_on_its_way_through_json_and_only_there() {
    for (after, bytes) in [("", &b""[..]), ("AAEC", &[0, 1, 2]), ("/w==", &[0xff])] {
        let value = text(&format!("\0{after}"));
        for from in [MsgPack, Cbor, UbJson, BjData] {
            for to in [MsgPack, Cbor, UbJson, BjData] {
                assert_eq!(transcoded(from, &encode(from, &value), to), encode(to, &value));
            }
            let json = transcoded(from, &encode(from, &value), Json);
            assert_eq!(decode(Json, &json), Ok(Tree::Binary(bytes.to_vec())));
        }
    }
    // A key is text, whatever its content.
    assert_survives(&Tree::Map(vec![("\0AAEC".to_owned(), Tree::Null)]));
}

#[test]
fn text_that_is_not_utf8_is_refused_in_every_format() {
    for (from, value) in [
        (Json, hex("22ff22")),
        (MsgPack, hex("a1ff")),
        (Cbor, hex("61ff")),
        (UbJson, hex("535501ff")),
        (BjData, hex("43ff")),
    ] {
        for to in Serializer::ALL {
            let refused = transcode(from, &value, to, &mut Vec::new());
            assert!(matches!(refused, Err(DecodeError::NotUtf8(_))), "{from} to {to}: {refused:?}");
        }
    }
}

// === values of a single format ===

#[test]
fn cbor_tags_are_left_out_and_their_content_stays() {
    assert_json(Cbor, "c0 6a323032362d31312d3237", r#""2026-11-27""#);
    assert_json(Cbor, "c1 fb3ff8000000000000", "1.5");
    assert_json(Cbor, "c4 82 21 196ab3", "[-2,27315]");
    assert_json(Cbor, "d9d9f7 a1 c0 6161 d820 6162", r#"{"a":"b"}"#);
    assert_eq!(transcoded(Cbor, &hex("c161 61"), Cbor), hex("c16161"));
}

#[test]
fn cbor_undefined_is_null_and_simple_values_without_a_meaning_are_refused() {
    assert_json(Cbor, "82 f7 f6", "[null,null]");
    for digits in ["f0", "f8ff"] {
        let what = "a simple value without a meaning";
        let refused = transcode(Cbor, &hex(digits), Json, &mut Vec::new());
        assert_eq!(refused, Err(DecodeError::Malformed { offset: 0, what }));
    }
}

#[test]
fn msgpack_extensions_are_null() {
    assert_json(MsgPack, "93 d40000 d6ff00000000 c7020cffff", "[null,null,null]");
    assert_eq!(transcoded(MsgPack, &hex("d40000"), UbJson), b"Z");
    assert_eq!(transcoded(MsgPack, &hex("d40000"), MsgPack), hex("d40000"));
}

#[test]
fn ubjson_lists_with_a_type_are_lists_chars_are_text_and_no_ops_are_nothing() {
    let json = |value: &[u8]| String::from_utf8(transcoded(UbJson, value, Json)).unwrap();
    assert_eq!(json(b"[$I#U\x02\x01\x02\xff\xfe"), "[258,-2]");
    assert_eq!(json(b"{$S#U\x01U\x01aU\x02bc"), r#"{"a":"bc"}"#);
    assert_eq!(json(b"[NCxN]"), r#"["x"]"#);
    assert_eq!(json(b"[$N#U\xff"), "[]");
    // Bytes have no type in UBJSON: this is a list and bytes.
    assert_eq!(json(b"[$U#U\x03\x00\x01\x02"), r#""\u0000AAEC""#);
    let bjdata = transcoded(BjData, b"[$U#U\x03\x00\x01\x02", Json);
    assert_eq!(bjdata, b"[0,1,2]", "BJData tells them apart");
}

#[test]
fn ubjson_lists_of_entries_without_bytes_are_limited() {
    let nulls = |count: usize| [b"[$Z#l", &(count as u32).to_be_bytes()[..]].concat();
    let json = transcoded(UbJson, &nulls(MAX_BODILESS_ENTRIES), Json);
    assert_eq!(json.len(), "null,".len() * MAX_BODILESS_ENTRIES + 1);
    assert!(pass::<JsonReader<'_>>(&json).is_ok());
    for to in Serializer::ALL {
        let refused = transcode(UbJson, &nulls(MAX_BODILESS_ENTRIES + 1), to, &mut Vec::new());
        assert!(matches!(refused, Err(DecodeError::Malformed { .. })), "{refused:?}");
    }
}

#[test]
fn the_deepest_nesting_is_the_same_in_every_format() {
    let nested = |levels: usize| (0..levels).fold(Tree::Null, |tree, _| Tree::List(vec![tree]));
    assert_survives(&nested(MAX_DEPTH));
    for from in Serializer::ALL {
        for to in Serializer::ALL {
            let value = encode(from, &nested(MAX_DEPTH + 1));
            let refused = transcode(from, &value, to, &mut Vec::new());
            assert_eq!(refused, Err(DecodeError::TooDeep), "{from} to {to}");
        }
    }
}
