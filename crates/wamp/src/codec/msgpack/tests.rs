use super::super::tests::{agreed, assert_depth_is_bounded, assert_fails, hex, pass};
use super::super::{Token, TokenReader};
use super::MsgPackReader;
use crate::error::DecodeError;

fn assert_scalar(input: &str, expected: &Token<'_>) {
    let bytes = hex(input);
    assert_eq!(agreed::<MsgPackReader<'_>>(&bytes).as_deref(), Ok(&[expected.clone()][..]));
}

#[test]
fn numbers_are_read_in_every_form() {
    for (input, token) in [
        ("7f", Token::Unsigned(127)),
        ("cc01", Token::Unsigned(1)),
        ("cd0001", Token::Unsigned(1)),
        ("ce00000001", Token::Unsigned(1)),
        ("cf0000000000000001", Token::Unsigned(1)),
        ("d001", Token::Unsigned(1)),
        ("d10001", Token::Unsigned(1)),
        ("d200000001", Token::Unsigned(1)),
        ("d30000000000000001", Token::Unsigned(1)),
        ("e0", Token::Negative(-32)),
        ("d0ff", Token::Negative(-1)),
        ("d1ffff", Token::Negative(-1)),
        ("d2ffffffff", Token::Negative(-1)),
        ("d3ffffffffffffffff", Token::Negative(-1)),
        ("ca3fc00000", Token::Float(1.5)),
        ("cb3ff8000000000000", Token::Float(1.5)),
        ("ca7f800000", Token::Float(f64::INFINITY)),
    ] {
        assert_scalar(input, &token);
    }
}

#[test]
fn text_and_bytes_are_read_with_every_length() {
    for input in ["a2c3bc", "d902c3bc", "da0002c3bc", "db00000002c3bc"] {
        assert_scalar(input, &Token::Text("\u{fc}".into()));
    }
    for input in ["c402c328", "c50002c328", "c600000002c328"] {
        assert_scalar(input, &Token::Binary((&[0xc3, 0x28]).into()));
    }
}

#[test]
fn extensions_are_null() {
    for input in [
        "d40100",
        "d5010000",
        "d60100000000",
        "d7ff0000000000000000",
        "d80100000000000000000000000000000000",
        "c7000c",
        "c7020cffff",
        "c800020cffff",
        "c9000000020cffff",
    ] {
        assert_scalar(input, &Token::Null);
    }
}

#[test]
fn lists_and_maps_are_read_with_every_length() {
    let list = [Token::ListStart, Token::Unsigned(1), Token::ListEnd];
    for input in ["9101", "dc000101", "dd0000000101"] {
        assert_eq!(agreed::<MsgPackReader<'_>>(&hex(input)).as_deref(), Ok(&list[..]));
    }
    let map = [Token::MapStart, Token::Key("a".into()), Token::Unsigned(1), Token::MapEnd];
    for input in ["81a16101", "de0001a16101", "df00000001a16101"] {
        assert_eq!(agreed::<MsgPackReader<'_>>(&hex(input)).as_deref(), Ok(&map[..]));
    }
}

#[test]
fn keys_that_are_integers_are_their_decimal_digits() {
    for (input, key) in [
        ("810001", "0"),
        ("81cfffffffffffffffff01", "18446744073709551615"),
        ("81d3800000000000000001", "-9223372036854775808"),
        ("81d90161 01", "a"),
    ] {
        let bytes = hex(input);
        let tokens = agreed::<MsgPackReader<'_>>(&bytes).unwrap();
        assert_eq!(tokens[1], Token::Key(key.into()));
    }
}

#[test]
fn other_keys_and_the_unused_byte_are_malformed() {
    let key = "a key must be text or an integer";
    let unused = "the byte 0xc1 is never used";
    for (input, offset, what) in [
        ("81c001", 1, key),
        ("81c301", 1, key),
        ("81ca0000000001", 1, key),
        ("81c4016101", 1, key),
        ("819001", 1, key),
        ("818001", 1, key),
        ("81d4010001", 1, key),
        ("82a16101 9001", 4, key),
        ("c1", 0, unused),
        ("92 01 c1", 2, unused),
        ("81c101", 1, key),
    ] {
        let error = DecodeError::Malformed { offset, what };
        assert_fails::<MsgPackReader<'_>>(&hex(input), &error);
    }
}

#[test]
fn text_that_is_not_utf8_is_refused_in_values_and_keys() {
    for (input, offset) in
        [("a1ff", 1), ("92 a161 a2c328", 4), ("81a18001", 2), ("d902c0af", 2), ("a3eda080", 1)]
    {
        assert_fails::<MsgPackReader<'_>>(&hex(input), &DecodeError::NotUtf8(offset));
    }
}

#[test]
fn lengths_beyond_the_input_are_truncated() {
    for input in [
        "",
        "91",
        "9201",
        "8101a1",
        "81a161",
        "82a16101",
        "d9",
        "d9ff61",
        "da00",
        "daffff61",
        "db00",
        "dbffffffff61",
        "c4",
        "c4ff00",
        "c5ffff00",
        "c6ffffffff00",
        "ddffffffff",
        "ddffffffff01",
        "dfffffffff",
        "dfffffffff0101",
        "de0002a16101",
        "dcffff0000",
        "cd00",
        "ca00",
        "cb00",
        "cf00",
        "d3",
        "d4",
        "d401",
        "d8010000",
        "c7ff00",
        "c8ffff00",
        "c9ffffffff00",
    ] {
        let bytes = hex(input);
        assert_fails::<MsgPackReader<'_>>(&bytes, &DecodeError::Truncated(bytes.len()));
    }
}

#[test]
fn a_value_cut_anywhere_is_truncated() {
    let whole =
        hex("85 a161 95 01 ccff cb3ff8000000000000 00 c0 a162 d9036e6f6e a163 c40100 a164 \
                     81 a161 90 a165 d40100");
    for length in 0..whole.len() {
        let part = &whole[..length];
        assert_eq!(pass::<MsgPackReader<'_>>(part), Err(DecodeError::Truncated(length)));
    }
    assert!(agreed::<MsgPackReader<'_>>(&whole).is_ok());
}

#[test]
fn bytes_after_the_value_are_trailing() {
    for (input, offset) in [("0000", 1), ("90c1", 1), ("9101a0", 2), ("8080", 1)] {
        assert_fails::<MsgPackReader<'_>>(&hex(input), &DecodeError::TrailingBytes(offset));
    }
}

#[test]
fn skipping_returns_the_span_of_each_value() {
    let input = hex("94 30 81a16191 01 d9027878 cb0000000000000000");
    let mut reader = MsgPackReader::new(&input);
    assert_eq!(reader.next(), Ok(Token::ListStart));
    assert_eq!(reader.skip(), Ok(1..2));
    assert_eq!(reader.skip(), Ok(2..7));
    assert_eq!(reader.skip(), Ok(7..11));
    assert_eq!(reader.skip(), Ok(11..20));
    let error = DecodeError::Malformed { offset: 20, what: "a value must come here" };
    assert_eq!(reader.skip(), Err(error));
    assert_eq!(reader.next(), Ok(Token::ListEnd));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn the_depth_is_limited() {
    let read = |input: &[u8]| agreed::<MsgPackReader<'_>>(input).map(drop);
    assert_depth_is_bounded(read, [&hex("91"), &hex("01"), &[]]);
    assert_depth_is_bounded(read, [&hex("81a161"), &hex("01"), &[]]);
}
