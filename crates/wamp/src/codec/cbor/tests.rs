use super::super::tests::{agreed, assert_depth_is_bounded, assert_fails, hex, pass};
use super::super::{Token, TokenReader};
use super::CborReader;
use crate::error::DecodeError;
use crate::limits::MAX_DEPTH;

fn assert_scalar(input: &str, expected: &Token<'_>) {
    let bytes = hex(input);
    assert_eq!(agreed::<CborReader<'_>>(&bytes).as_deref(), Ok(&[expected.clone()][..]), "{input}");
}

/// RFC 8949 appendix A, and integers in longer forms than they need.
#[test]
fn numbers_are_read_in_every_form() {
    for (input, token) in [
        ("1903e8", Token::Unsigned(1000)),
        ("1801", Token::Unsigned(1)),
        ("190001", Token::Unsigned(1)),
        ("1a00000001", Token::Unsigned(1)),
        ("1b0000000000000001", Token::Unsigned(1)),
        ("3863", Token::Negative(-100)),
        ("3b0000000000000000", Token::Negative(-1)),
        ("3b7fffffffffffffff", Token::Negative(i64::MIN)),
        ("3b8000000000000000", Token::Float(-9_223_372_036_854_775_809.0)),
        ("3bffffffffffffffff", Token::Float(-18_446_744_073_709_551_616.0)),
        ("f90000", Token::Float(0.0)),
        ("f93c00", Token::Float(1.0)),
        ("f93e00", Token::Float(1.5)),
        ("f97bff", Token::Float(65_504.0)),
        ("f90001", Token::Float(5.960_464_477_539_063e-8)),
        ("f90400", Token::Float(0.000_061_035_156_25)),
        ("f9c400", Token::Float(-4.0)),
        ("f97c00", Token::Float(f64::INFINITY)),
        ("f9fc00", Token::Float(f64::NEG_INFINITY)),
        ("fa47c35000", Token::Float(100_000.0)),
        ("fa7f7fffff", Token::Float(3.402_823_466_385_288_6e38)),
        ("fb7e37e43c8800759c", Token::Float(1e300)),
        ("fbc010666666666666", Token::Float(-4.1)),
    ] {
        assert_scalar(input, &token);
    }
    for input in ["f97e00", "fa7fc00000", "fb7ff8000000000000"] {
        let bytes = hex(input);
        assert!(matches!(CborReader::new(&bytes).next(), Ok(Token::Float(nan)) if nan.is_nan()));
    }
    let zero = hex("f98000");
    let zero = CborReader::new(&zero).next();
    assert!(matches!(zero, Ok(Token::Float(zero)) if zero == 0.0 && zero.is_sign_negative()));
}

#[test]
fn undefined_is_null_and_other_simple_values_are_refused() {
    assert_scalar("f6", &Token::Null);
    assert_scalar("f7", &Token::Null);
    for (input, offset) in
        [("e0", 0), ("f3", 0), ("f818", 0), ("f8ff", 0), ("f800", 0), ("81f8ff", 1)]
    {
        let error = DecodeError::Malformed { offset, what: "a simple value without a meaning" };
        assert_fails::<CborReader<'_>>(&hex(input), &error);
    }
}

#[test]
fn text_and_bytes_are_read_with_every_length() {
    for input in [
        "62c3bc",
        "7802c3bc",
        "790002c3bc",
        "7a00000002c3bc",
        "7b0000000000000002c3bc",
        "7f62c3bcff",
        "7f6062c3bc60ff",
    ] {
        assert_scalar(input, &Token::Text("\u{fc}".into()));
    }
    for input in ["420102", "5f420102ff", "5f4101405801 02ff", "5f41014102ff"] {
        assert_scalar(input, &Token::Binary((&[1, 2]).into()));
    }
    assert_scalar("7f657374726561646d696e67ff", &Token::Text("streaming".into()));
    assert_scalar("5fff", &Token::Binary((&[]).into()));
    assert_scalar("7fff", &Token::Text("".into()));
}

#[test]
fn lists_and_maps_are_read_with_every_length() {
    let one = Token::Unsigned(1);
    let list = [Token::ListStart, one.clone(), Token::ListStart, Token::ListEnd, Token::ListEnd];
    for input in
        ["820180", "98020180", "990002019fff", "9f019fffff", "9f0180ff", "9b0000000000000002019fff"]
    {
        assert_eq!(agreed::<CborReader<'_>>(&hex(input)).as_deref(), Ok(&list[..]), "{input}");
    }
    let map = [Token::MapStart, Token::Key("a".into()), one, Token::MapEnd];
    for input in ["a1616101", "b801616101", "bf616101ff", "bf7f6161ff01ff"] {
        assert_eq!(agreed::<CborReader<'_>>(&hex(input)).as_deref(), Ok(&map[..]), "{input}");
    }
}

#[test]
fn tags_before_values_and_keys_are_skipped() {
    let key = |key: &'static str| Token::Key(key.into());
    assert_scalar("c11a514b67b0", &Token::Unsigned(1_363_896_240));
    assert_scalar(
        "c074323031332d30332d32315432303a30343a30305a",
        &Token::Text("2013-03-21T20:04:00Z".into()),
    );
    assert_scalar("d9d9f7c1d818f6", &Token::Null);
    let map = hex("c0a1c1616182c201d74100");
    let tokens = [
        Token::MapStart,
        key("a"),
        Token::ListStart,
        Token::Unsigned(1),
        Token::Binary((&[0]).into()),
        Token::ListEnd,
        Token::MapEnd,
    ];
    assert_eq!(agreed::<CborReader<'_>>(&map).as_deref(), Ok(&tokens[..]));
    assert_eq!(pass::<CborReader<'_>>(&map), Ok(0..map.len()));
    let mut many = vec![0xc1; MAX_DEPTH];
    assert_fails::<CborReader<'_>>(&many, &DecodeError::Truncated(MAX_DEPTH));
    many.push(0x01);
    assert_eq!(agreed::<CborReader<'_>>(&many).as_deref(), Ok(&[Token::Unsigned(1)][..]));
}

/// RFC 8949 section 3.4.3: tags 2 and 3 before big-endian bytes.
#[test]
fn bignums_are_integers_where_64_bits_hold_them_and_else_floats() {
    for (input, token) in [
        ("c240", Token::Unsigned(0)),
        ("c24101", Token::Unsigned(1)),
        ("c24a0000ffffffffffffffff", Token::Unsigned(u64::MAX)),
        ("c25f41014100ff", Token::Unsigned(256)),
        ("d9d9f7c24101", Token::Unsigned(1)),
        ("c340", Token::Negative(-1)),
        ("c3487fffffffffffffff", Token::Negative(i64::MIN)),
        ("c348ffffffffffffffff", Token::Float(-18_446_744_073_709_551_616.0)),
        ("c249010000000000000000", Token::Float(18_446_744_073_709_551_616.0)),
        ("c349010000000000000000", Token::Float(-18_446_744_073_709_551_616.0)),
        // Halfway between two floats, and a little more.
        ("c249010000000000000800", Token::Float(18_446_744_073_709_551_616.0)),
        ("c249010000000000000801", Token::Float(18_446_744_073_709_555_712.0)),
    ] {
        assert_scalar(input, &token);
    }
    let largest = format!("c25880{}{}", "ff".repeat(6), "00".repeat(122));
    assert_scalar(&largest, &Token::Float(((1_u64 << 48) - 1) as f64 * 2_f64.powi(976)));
    for input in
        [format!("c25881 01{}", "00".repeat(128)), format!("c259ffff{}", "ff".repeat(65_535))]
    {
        assert_scalar(&input, &Token::Null);
    }
    // After another tag they are bytes.
    assert_scalar("c2d74101", &Token::Binary((&[1]).into()));
}

#[test]
fn keys_that_are_integers_are_their_decimal_digits() {
    for (input, key) in [
        ("a10001", "0"),
        ("a11bffffffffffffffff01", "18446744073709551615"),
        ("a12001", "-1"),
        ("a13bffffffffffffffff01", "-18446744073709551616"),
        ("bf3818 01 ff", "-25"),
    ] {
        let bytes = hex(input);
        let tokens = agreed::<CborReader<'_>>(&bytes).unwrap();
        assert_eq!(tokens[1], Token::Key(key.into()));
    }
}

#[test]
fn malformed_items_are_rejected_at_their_offset() {
    let key = "a key must be text or an integer";
    let ended = "a break with nothing to end";
    let reserved = "reserved additional information";
    let chunk = "a chunk must be of its string's type, with its length";
    for (input, offset, what) in [
        ("a1f601", 1, key),
        ("a1f501", 1, key),
        ("a1f93c0001", 1, key),
        ("a1416101", 1, key),
        ("a18001", 1, key),
        ("bfa001ff", 1, key),
        ("a1c1f600", 2, key),
        ("ff", 0, ended),
        ("81ff", 1, ended),
        ("8201ff", 2, ended),
        ("a1ff00", 1, ended),
        ("a161 61ff", 3, ended),
        ("bf6161ff", 3, ended),
        ("c1ff", 1, ended),
        ("9fc1ff", 2, ended),
        ("bfc1ff00", 2, ended),
        ("1c", 0, reserved),
        ("1d", 0, reserved),
        ("1e", 0, reserved),
        ("1f", 0, reserved),
        ("3f", 0, reserved),
        ("df00", 0, reserved),
        ("fc", 0, reserved),
        ("fe", 0, reserved),
        ("5c", 0, reserved),
        ("819c", 1, reserved),
        ("bd", 0, reserved),
        ("7f00ff", 1, chunk),
        ("7f4161ff", 1, chunk),
        ("5f6161ff", 1, chunk),
        ("7f7f6161ffff", 1, chunk),
        ("5fc14100ff", 1, chunk),
        ("5f4100f6ff", 3, chunk),
    ] {
        let error = DecodeError::Malformed { offset, what };
        assert_fails::<CborReader<'_>>(&hex(input), &error);
    }
}

#[test]
fn text_that_is_not_utf8_is_refused_in_values_keys_and_each_chunk() {
    for (input, offset) in [
        ("61ff", 1),
        ("82616162c328", 4),
        ("a1618001", 2),
        ("7f61c361bcff", 2),
        ("7f62c3bc61bcff", 5),
    ] {
        assert_fails::<CborReader<'_>>(&hex(input), &DecodeError::NotUtf8(offset));
    }
}

#[test]
fn lengths_beyond_the_input_are_truncated() {
    for input in [
        "",
        "81",
        "8201",
        "a10161",
        "a16161",
        "a261 6101",
        "18",
        "1900",
        "1a000000",
        "1b00",
        "f93c",
        "fa00",
        "fb00",
        "61",
        "78ff61",
        "79ffff61",
        "7affffffff61",
        "7bffffffffffffffff61",
        "5bffffffffffffffff00",
        "9affffffff00",
        "9bffffffffffffffff00",
        "bb7fffffffffffffff0000",
        "bb8000000000000000",
        "bbffffffffffffffff",
        "9f",
        "9f01",
        "bf",
        "bf616101",
        "bf6161",
        "7f",
        "7f6161",
        "5f",
        "5f41",
        "c1",
        "d9d9",
        "f8",
        "7f7bffffffffffffffff61",
    ] {
        let bytes = hex(input);
        assert_fails::<CborReader<'_>>(&bytes, &DecodeError::Truncated(bytes.len()));
    }
}

#[test]
fn a_value_cut_anywhere_is_truncated() {
    let whole =
        hex("bf 6161 83 01 18ff fb3ff8000000000000 7f6162 6163ff c1f6 6163 a1 01 9f 5f4100ff ff \
                     6164 f93c00 ff");
    for length in 0..whole.len() {
        let part = &whole[..length];
        assert_eq!(pass::<CborReader<'_>>(part), Err(DecodeError::Truncated(length)));
    }
    assert!(agreed::<CborReader<'_>>(&whole).is_ok());
}

#[test]
fn bytes_after_the_value_are_trailing() {
    for (input, offset) in [("0000", 1), ("80ff", 1), ("8101a0", 2), ("9fff00", 2), ("f6c1", 1)] {
        assert_fails::<CborReader<'_>>(&hex(input), &DecodeError::TrailingBytes(offset));
    }
}

#[test]
fn too_many_nested_tags_are_too_deep() {
    let tags = |count: usize| [vec![0xc1; count], vec![0x01]].concat();
    assert_eq!(CborReader::new(&tags(MAX_DEPTH)).skip(), Ok(0..MAX_DEPTH + 1));
    assert_eq!(CborReader::new(&tags(100_000)).skip(), Err(DecodeError::TooDeep));
    assert_eq!(CborReader::new(&tags(100_000)).next(), Err(DecodeError::TooDeep));
}

#[test]
fn skipping_returns_the_span_of_each_value_with_its_tags() {
    let input = hex("9f 1830 a1616181 01 c1627878 7f6178ff ff");
    let mut reader = CborReader::new(&input);
    assert_eq!(reader.next(), Ok(Token::ListStart));
    assert_eq!(reader.skip(), Ok(1..3));
    assert_eq!(reader.skip(), Ok(3..8));
    assert!(reader.peek().is_ok());
    assert_eq!(reader.skip(), Ok(8..12));
    assert_eq!(reader.skip(), Ok(12..16));
    let error = DecodeError::Malformed { offset: 16, what: "a value must come here" };
    assert_eq!(reader.skip(), Err(error));
    assert_eq!(reader.next(), Ok(Token::ListEnd));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn the_depth_is_limited() {
    let read = |input: &[u8]| agreed::<CborReader<'_>>(input).map(drop);
    assert_depth_is_bounded(read, [&hex("81"), &hex("01"), &[]]);
    assert_depth_is_bounded(read, [&hex("a16161"), &hex("01"), &[]]);
    assert_depth_is_bounded(read, [&hex("9f"), &hex("01"), &hex("ff")]);
    assert_depth_is_bounded(read, [&hex("bf6161c1"), &hex("01"), &hex("ff")]);
}
