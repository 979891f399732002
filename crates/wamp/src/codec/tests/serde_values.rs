//! serde types in all formats.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::de::{DeserializeOwned, IgnoredAny, Visitor};
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Deserialize, Deserializer, Serialize};

use super::hex;
use crate::codec::de::from_slice;
use crate::codec::ser::{ValueError, to_vec, to_writer};
use crate::error::DecodeError;
use crate::serializer::Serializer;

/// Asserts the JSON of a value, and that every format returns the value.
#[track_caller]
fn assert_passes<T>(value: &T, json: &str)
where
    T: Serialize + DeserializeOwned + PartialEq + fmt::Debug,
{
    assert_eq!(String::from_utf8(to_vec(Serializer::Json, value).unwrap()).unwrap(), json);
    for serializer in Serializer::ALL {
        let encoding = to_vec(serializer, value).unwrap();
        assert_eq!(from_slice::<T>(serializer, &encoding).as_ref(), Ok(value), "{serializer}");
    }
}

fn shape(message: &str) -> ValueError {
    ValueError::Shape(message.to_owned())
}

fn from_json<T: DeserializeOwned>(json: &str) -> Result<T, ValueError> {
    from_slice(Serializer::Json, json.as_bytes())
}

/// Bytes that serialize as bytes.
#[derive(Debug, PartialEq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BytesVisitor;

        impl Visitor<'_> for BytesVisitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Bytes, E> {
                Ok(Bytes(text.into()))
            }
        }

        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Metres(u32);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(u64),
    Box(u8, u8),
    Named { name: String, sides: Option<u8> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    flag: bool,
    small: i8,
    large: u64,
    least: i64,
    ratio: f64,
    letter: char,
    text: String,
    bytes: Bytes,
    unit: Unit,
    nothing: Option<u8>,
    something: Option<Metres>,
    deep: Option<Option<Vec<u8>>>,
    pair: (u8, String),
    shapes: Vec<Shape>,
    table: BTreeMap<String, i32>,
}

#[test]
fn a_struct_of_everything_passes_through_every_format() {
    let value = Everything {
        flag: true,
        small: -128,
        large: u64::MAX,
        least: i64::MIN,
        ratio: 1.0,
        letter: '\u{1f340}',
        text: "a\"b".to_owned(),
        bytes: Bytes(vec![0, 1, 2]),
        unit: Unit,
        nothing: None,
        something: Some(Metres(7)),
        deep: Some(Some(vec![1])),
        pair: (1, "x".to_owned()),
        shapes: vec![
            Shape::Point,
            Shape::Circle(3),
            Shape::Box(1, 2),
            Shape::Named { name: "n".to_owned(), sides: None },
        ],
        table: [("a".to_owned(), 1), ("b".to_owned(), -1)].into(),
    };
    assert_passes(
        &value,
        "{\"flag\":true,\"small\":-128,\"large\":18446744073709551615,\
         \"least\":-9223372036854775808,\"ratio\":1.0,\"letter\":\"\u{1f340}\",\"text\":\"a\\\"b\",\
         \"bytes\":\"\\u0000AAEC\",\"unit\":null,\"nothing\":null,\"something\":7,\"deep\":[1],\
         \"pair\":[1,\"x\"],\"shapes\":[\"Point\",{\"Circle\":3},{\"Box\":[1,2]},\
         {\"Named\":{\"name\":\"n\",\"sides\":null}}],\"table\":{\"a\":1,\"b\":-1}}",
    );
}

#[test]
fn integers_of_128_bits_pass_when_64_are_enough() {
    assert_passes(&u128::from(u64::MAX), "18446744073709551615");
    assert_passes(&i128::from(i64::MIN), "-9223372036854775808");
    assert_passes(&i128::from(u64::MAX), "18446744073709551615");
    for serializer in Serializer::ALL {
        assert_eq!(
            to_vec(serializer, &(1_u128 << 64)),
            Err(shape("the integer 18446744073709551616 does not fit into 64 bits"))
        );
        assert_eq!(
            to_vec(serializer, &(i128::from(i64::MIN) - 1)),
            Err(shape("the integer -9223372036854775809 does not fit into 64 bits"))
        );
    }
}

#[test]
fn keys_are_text_integers_booleans_and_unit_variants() {
    assert_passes(&BTreeMap::from([(-1_i8, 1_u8), (2, 2)]), r#"{"-1":1,"2":2}"#);
    assert_passes(&BTreeMap::from([(u64::MAX, ())]), r#"{"18446744073709551615":null}"#);
    assert_passes(&BTreeMap::from([(false, 0_u8), (true, 1)]), r#"{"false":0,"true":1}"#);
    assert_passes(&BTreeMap::from([('x', 0_u8)]), r#"{"x":0}"#);
    assert_passes(&BTreeMap::from([(Metres(1), 0_u8)]), r#"{"1":0}"#);
    assert_passes(&BTreeMap::from([(Some(1_u8), 0_u8)]), r#"{"1":0}"#);
    assert_passes(&BTreeMap::from([(Shape::Point, 0_u8)]), r#"{"Point":0}"#);
    let error = shape("a map key must be text, an integer or a boolean");
    for serializer in Serializer::ALL {
        assert_eq!(to_vec(serializer, &BTreeMap::from([((), 0)])), Err(error.clone()));
        assert_eq!(to_vec(serializer, &BTreeMap::from([([1], 0)])), Err(error.clone()));
        assert_eq!(
            to_vec(serializer, &BTreeMap::from([(Shape::Box(1, 1), 0)])),
            Err(error.clone())
        );
    }
    let digits = from_json::<HashMap<u8, u8>>(r#"{"x":1}"#);
    assert_eq!(digits, Err(shape("invalid type: string \"x\", expected u8")));
}

/// A list and a map of unknown length.
struct Streamed;

impl Serialize for Streamed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct List(u8);
        impl Serialize for List {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut list = serializer.serialize_seq(None)?;
                for level in 0..self.0 {
                    list.serialize_element(&Self(level))?;
                }
                list.end()
            }
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("none", &List(0))?;
        map.serialize_entry("two", &List(2))?;
        map.serialize_entry("text", "x")?;
        map.end()
    }
}

#[test]
fn entries_are_buffered_where_their_unknown_number_comes_first() {
    for (serializer, expected) in [
        (Serializer::Json, br#"{"none":[],"two":[[],[[]]],"text":"x"}"#.to_vec()),
        (Serializer::MsgPack, hex("83 a46e6f6e65 90 a374776f 92 90 91 90 a474657874 a178")),
        (Serializer::Cbor, hex("a3 646e6f6e65 80 6374776f 82 80 81 80 6474657874 6178")),
    ] {
        assert_eq!(to_vec(serializer, &Streamed), Ok(expected));
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flattened {
    id: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

#[test]
fn flattened_structs_and_untagged_enums_pass_through_every_format() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Loose {
        Number(i64),
        Text(String),
        Many(Vec<Self>),
        Open { open: bool },
    }
    let rest = BTreeMap::from([("x".to_owned(), serde_json::json!({"y": [1, -1, 1.5, null]}))]);
    assert_passes(&Flattened { id: 1, rest }, r#"{"id":1,"x":{"y":[1,-1,1.5,null]}}"#);
    let many = vec![Loose::Number(-1), Loose::Text("t".to_owned()), Loose::Open { open: true }];
    assert_passes(&Loose::Many(many), r#"[-1,"t",{"open":true}]"#);
}

#[test]
fn a_wrong_number_of_announced_entries_is_an_error() {
    struct Liar;
    impl Serialize for Liar {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut list = serializer.serialize_seq(Some(2))?;
            list.serialize_element(&1)?;
            list.end()
        }
    }
    for serializer in Serializer::ALL {
        let mut out = b"before".to_vec();
        let error = to_writer(serializer, &[Liar], &mut out);
        assert_eq!(error, Err(shape("2 entries were announced and 1 serialized")));
        assert_eq!(out, b"before");
    }
}

#[test]
fn a_tuple_requires_its_exact_number_of_entries() {
    for serializer in Serializer::ALL {
        let two = to_vec(serializer, &(1, 2)).unwrap();
        assert_eq!(from_slice(serializer, &two), Ok((1_u8, 2_u8)));
        assert_eq!(
            from_slice::<(u8,)>(serializer, &two),
            Err(shape("invalid length 2, expected a list of 1"))
        );
        assert_eq!(
            from_slice::<(u8, u8, u8)>(serializer, &two),
            Err(shape("invalid length 2, expected a tuple of size 3"))
        );
        assert_eq!(
            from_slice::<[u8; 3]>(serializer, &two),
            Err(shape("invalid length 2, expected an array of length 3"))
        );
    }
}

#[test]
fn bytes_are_not_text_and_text_is_not_bytes() {
    for serializer in Serializer::ALL {
        let bytes = to_vec(serializer, &Bytes(b"abc".to_vec())).unwrap();
        let text = to_vec(serializer, "abc").unwrap();
        assert_eq!(from_slice(serializer, &bytes), Ok(Bytes(b"abc".to_vec())));
        assert_eq!(from_slice(serializer, &bytes), Ok(b"abc".to_vec()));
        assert_eq!(
            from_slice::<String>(serializer, &bytes),
            Err(shape("invalid type: byte array, expected a string"))
        );
        assert_eq!(
            from_slice::<Bytes>(serializer, &text),
            Err(shape("invalid type: string \"abc\", expected bytes"))
        );
    }
}

#[test]
fn text_and_bytes_without_escapes_are_borrowed() {
    for serializer in Serializer::ALL {
        let encoding = to_vec(serializer, &("plain", 1)).unwrap();
        assert_eq!(from_slice::<(&str, u8)>(serializer, &encoding), Ok(("plain", 1)));
    }
    assert!(from_slice::<&str>(Serializer::Json, br#""\n""#).is_err());
    assert_eq!(from_slice::<&[u8]>(Serializer::MsgPack, &hex("c402ff00")), Ok(&[0xff, 0][..]));
}

#[test]
fn unknown_fields_are_skipped_but_must_be_valid() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct One {
        one: u8,
    }
    assert_eq!(from_json(r#"{"x":[{"y":"\n"}],"one":1,"z":null}"#), Ok(One { one: 1 }));
    let error = DecodeError::Malformed { offset: 6, what: "a value must come here" };
    assert_eq!(from_json::<One>(r#"{"x":[}],"one":1}"#), Err(error.into()));
    assert_eq!(from_json::<One>("{}"), Err(shape("missing field `one`")));
    let ignored = from_json::<(Option<IgnoredAny>, Option<IgnoredAny>)>("[1,[2]]");
    assert_eq!(ignored, Ok((Some(IgnoredAny), Some(IgnoredAny))));
}

#[test]
fn enums_are_text_or_a_map_of_one_entry() {
    assert_eq!(from_json(r#"{"Point":null}"#), Ok(Shape::Point));
    let one_entry = shape("an enum variant must be a map of one entry");
    assert_eq!(from_json::<Shape>("{}"), Err(one_entry.clone()));
    assert_eq!(from_json::<Shape>(r#"{"Circle":1,"Point":null}"#), Err(one_entry));
    let error = shape("an enum must be text or a map of one entry");
    assert_eq!(from_json::<Shape>("[1]"), Err(error.clone()));
    assert_eq!(from_json::<Shape>("1"), Err(error));
    assert_eq!(
        from_json::<Shape>(r#""Circle""#),
        Err(shape("invalid type: unit variant, expected newtype variant"))
    );
    assert_eq!(
        from_json::<Shape>(r#""Line""#),
        Err(shape("unknown variant `Line`, expected one of `Point`, `Circle`, `Box`, `Named`"))
    );
}

#[test]
fn bytes_after_a_value_are_rejected() {
    assert_eq!(from_json::<u8>("1 2"), Err(DecodeError::TrailingBytes(2).into()));
    let error = from_slice::<u8>(Serializer::MsgPack, &hex("01c0"));
    assert_eq!(error, Err(DecodeError::TrailingBytes(1).into()));
}

#[test]
fn numbers_convert_only_without_loss() {
    assert_eq!(from_json::<f64>("3"), Ok(3.0));
    assert_eq!(from_json::<u8>("256"), Err(shape("invalid value: integer `256`, expected u8")));
    assert_eq!(
        from_json::<u8>("1.0"),
        Err(shape("invalid type: floating point `1.0`, expected u8"))
    );
    assert_eq!(from_json::<i128>("-1"), Ok(-1));
    assert_eq!(
        from_json::<u8>("-0"),
        Err(shape("invalid type: floating point `-0.0`, expected u8"))
    );
}

#[test]
fn nesting_is_bounded_by_the_reader() {
    let deep = vec![0x91; 100_000];
    let error = from_slice::<serde_json::Value>(Serializer::MsgPack, &deep);
    assert_eq!(error, Err(DecodeError::TooDeep.into()));
}
