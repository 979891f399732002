//! The same values in all formats, byte for byte.

use super::{Tree, decode, encode, hex};
use crate::codec::transcode::transcode;
use crate::serializer::Serializer;

/// A value, its JSON text, and its MessagePack, CBOR, UBJSON and BJData in hexadecimal digits.
type Row = (Tree, &'static str, &'static str, &'static str, &'static str, &'static str);

fn text(text: &str) -> Tree {
    Tree::Text(text.to_owned())
}

fn map(entries: &[(&str, Tree)]) -> Tree {
    Tree::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
}

fn scalars() -> Vec<Row> {
    vec![
        (Tree::Null, "null", "c0", "f6", "5a", "5a"),
        (Tree::Bool(false), "false", "c2", "f4", "46", "46"),
        (Tree::Bool(true), "true", "c3", "f5", "54", "54"),
        (
            Tree::Float(1.0),
            "1.0",
            "cb3ff0000000000000",
            "fb3ff0000000000000",
            "443ff0000000000000",
            "44000000000000f03f",
        ),
        (
            Tree::Float(-0.0),
            "-0.0",
            "cb8000000000000000",
            "fb8000000000000000",
            "448000000000000000",
            "440000000000000080",
        ),
        (
            Tree::Float(1.1),
            "1.1",
            "cb3ff199999999999a",
            "fb3ff199999999999a",
            "443ff199999999999a",
            "449a9999999999f13f",
        ),
        (
            Tree::Float(1e300),
            "1e+300",
            "cb7e37e43c8800759c",
            "fb7e37e43c8800759c",
            "447e37e43c8800759c",
            "449c7500883ce4377e",
        ),
        (
            Tree::Float(-5e-324),
            "-5e-324",
            "cb8000000000000001",
            "fb8000000000000001",
            "448000000000000001",
            "440100000000000080",
        ),
    ]
}

fn integers() -> Vec<Row> {
    vec![
        (Tree::Unsigned(0), "0", "00", "00", "5500", "5500"),
        (Tree::Unsigned(23), "23", "17", "17", "5517", "5517"),
        (Tree::Unsigned(24), "24", "18", "1818", "5518", "5518"),
        (Tree::Unsigned(127), "127", "7f", "187f", "557f", "557f"),
        (Tree::Unsigned(128), "128", "cc80", "1880", "5580", "5580"),
        (Tree::Unsigned(255), "255", "ccff", "18ff", "55ff", "55ff"),
        (Tree::Unsigned(256), "256", "cd0100", "190100", "490100", "750001"),
        (Tree::Unsigned(65_535), "65535", "cdffff", "19ffff", "6c0000ffff", "75ffff"),
        (Tree::Unsigned(65_536), "65536", "ce00010000", "1a00010000", "6c00010000", "6d00000100"),
        (
            Tree::Unsigned(4_294_967_295),
            "4294967295",
            "ceffffffff",
            "1affffffff",
            "4c00000000ffffffff",
            "6dffffffff",
        ),
        (
            Tree::Unsigned(1 << 32),
            "4294967296",
            "cf0000000100000000",
            "1b0000000100000000",
            "4c0000000100000000",
            "4d0000000001000000",
        ),
        (
            Tree::Unsigned(u64::MAX),
            "18446744073709551615",
            "cfffffffffffffffff",
            "1bffffffffffffffff",
            "4855143138343436373434303733373039353531363135",
            "4dffffffffffffffff",
        ),
        (Tree::Negative(-1), "-1", "ff", "20", "69ff", "69ff"),
        (Tree::Negative(-24), "-24", "e8", "37", "69e8", "69e8"),
        (Tree::Negative(-25), "-25", "e7", "3818", "69e7", "69e7"),
        (Tree::Negative(-32), "-32", "e0", "381f", "69e0", "69e0"),
        (Tree::Negative(-33), "-33", "d0df", "3820", "69df", "69df"),
        (Tree::Negative(-128), "-128", "d080", "387f", "6980", "6980"),
        (Tree::Negative(-129), "-129", "d1ff7f", "3880", "49ff7f", "497fff"),
        (Tree::Negative(-32_768), "-32768", "d18000", "397fff", "498000", "490080"),
        (Tree::Negative(-32_769), "-32769", "d2ffff7fff", "398000", "6cffff7fff", "6cff7fffff"),
        (
            Tree::Negative(-2_147_483_648),
            "-2147483648",
            "d280000000",
            "3a7fffffff",
            "6c80000000",
            "6c00000080",
        ),
        (
            Tree::Negative(-2_147_483_649),
            "-2147483649",
            "d3ffffffff7fffffff",
            "3a80000000",
            "4cffffffff7fffffff",
            "4cffffff7fffffffff",
        ),
        (
            Tree::Negative(i64::MIN),
            "-9223372036854775808",
            "d38000000000000000",
            "3b7fffffffffffffff",
            "4c8000000000000000",
            "4c0000000000000080",
        ),
    ]
}

fn strings() -> Vec<Row> {
    let bytes = |bytes: &[u8]| Tree::Binary(bytes.to_vec());
    vec![
        (text(""), r#""""#, "a0", "60", "535500", "535500"),
        (text("wamp"), r#""wamp""#, "a477616d70", "6477616d70", "53550477616d70", "53550477616d70"),
        (
            text("\u{fc}\u{1f340}"),
            "\"\u{fc}\u{1f340}\"",
            "a6c3bcf09f8d80",
            "66c3bcf09f8d80",
            "535506c3bcf09f8d80",
            "535506c3bcf09f8d80",
        ),
        (
            text("\"\\\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}"),
            "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\u{7f}\"",
            "aa225c080c0a0d09011f7f",
            "6a225c080c0a0d09011f7f",
            "53550a225c080c0a0d09011f7f",
            "53550a225c080c0a0d09011f7f",
        ),
        (bytes(b""), r#""\u0000""#, "c400", "40", "5b2455235500", "5b2442235500"),
        (
            bytes(&[0x10, 0x3e, 0xff]),
            r#""\u0000ED7/""#,
            "c403103eff",
            "43103eff",
            "5b2455235503103eff",
            "5b2442235503103eff",
        ),
        (bytes(&[0xff]), r#""\u0000/w==""#, "c401ff", "41ff", "5b2455235501ff", "5b2442235501ff"),
    ]
}

fn lists_and_maps() -> Vec<Row> {
    let call = map(&[("args", Tree::List(vec![Tree::Unsigned(2), Tree::Unsigned(3)]))]);
    let nested = Tree::List(vec![Tree::List(vec![]), map(&[]), Tree::Null]);
    let two = map(&[("a", nested.clone()), ("", Tree::Bool(true))]);
    vec![
        (Tree::List(vec![]), "[]", "90", "80", "5b5d", "5b5d"),
        (map(&[]), "{}", "80", "a0", "7b7d", "7b7d"),
        (
            call,
            r#"{"args":[2,3]}"#,
            "81a461726773920203",
            "a16461726773820203",
            "7b5504617267735b550255035d7d",
            "7b5504617267735b550255035d7d",
        ),
        (nested, "[[],{},null]", "939080c0", "8380a0f6", "5b5b5d7b7d5a5d", "5b5b5d7b7d5a5d"),
        (
            two,
            r#"{"a":[[],{},null],"":true}"#,
            "82a161939080c0a0c3",
            "a261618380a0f660f5",
            "7b5501615b5b5d7b7d5a5d5500547d",
            "7b5501615b5b5d7b7d5a5d5500547d",
        ),
    ]
}

#[test]
fn values_are_written_and_read_as_in_the_table_and_transcoded_into_each_other() {
    let rows = [scalars(), integers(), strings(), lists_and_maps()].concat();
    for (tree, json, msgpack, cbor, ubjson, bjdata) in rows {
        let json = json.as_bytes().to_vec();
        let encodings = [json, hex(msgpack), hex(cbor), hex(ubjson), hex(bjdata)];
        for (from, encoding) in Serializer::ALL.into_iter().zip(&encodings) {
            assert_eq!(&encode(from, &tree), encoding, "{tree:?} in {from}");
            assert_eq!(decode(from, encoding), Ok(tree.clone()), "{from}");
            for (to, expected) in Serializer::ALL.into_iter().zip(&encodings) {
                let mut out = b"before".to_vec();
                assert_eq!(transcode(from, encoding, to, &mut out), Ok(()));
                assert_eq!(out, [b"before", &expected[..]].concat(), "{from} to {to}");
            }
        }
    }
}

/// Lengths on both sides of each boundary, with their encoded heads.
#[test]
fn lengths_are_written_in_the_smallest_form() {
    let texts = [
        (31, "bf", "781f"),
        (32, "d920", "7820"),
        (255, "d9ff", "78ff"),
        (256, "da0100", "790100"),
        (65_535, "daffff", "79ffff"),
        (65_536, "db00010000", "7a00010000"),
    ];
    let lists = [
        (15, "9f", "8f"),
        (16, "dc0010", "90"),
        (23, "dc0017", "97"),
        (24, "dc0018", "9818"),
        (65_535, "dcffff", "99ffff"),
        (65_536, "dd00010000", "9a00010000"),
    ];
    let maps = [
        (15, "8f", "af"),
        (16, "de0010", "b0"),
        (24, "de0018", "b818"),
        (65_536, "df00010000", "ba00010000"),
    ];
    let binaries =
        [(255, "c4ff", "58ff"), (256, "c50100", "590100"), (65_536, "c600010000", "5a00010000")];
    let check = |tree: Tree, msgpack: &str, cbor: &str| {
        for (serializer, head) in [(Serializer::MsgPack, msgpack), (Serializer::Cbor, cbor)] {
            let encoding = encode(serializer, &tree);
            assert!(encoding.starts_with(&hex(head)), "{head} in {serializer}");
            assert_eq!(decode(serializer, &encoding), Ok(tree.clone()));
        }
    };
    for (length, msgpack, cbor) in texts {
        check(Tree::Text("x".repeat(length)), msgpack, cbor);
    }
    for (length, msgpack, cbor) in lists {
        check(Tree::List(vec![Tree::Null; length]), msgpack, cbor);
    }
    for (length, msgpack, cbor) in maps {
        check(Tree::Map(vec![("k".to_owned(), Tree::Null); length]), msgpack, cbor);
    }
    for (length, msgpack, cbor) in binaries {
        check(Tree::Binary(vec![7; length]), msgpack, cbor);
    }
}
