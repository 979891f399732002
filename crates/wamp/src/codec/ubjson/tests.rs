use super::super::tests::{agreed, assert_depth_is_bounded, assert_fails, pass};
use super::super::{Token, TokenKind, TokenReader, TokenWriter};
use super::{BjDataReader, MAX_BODILESS_ENTRIES, UbJsonReader, UbJsonWriter};
use crate::error::DecodeError;

#[track_caller]
fn assert_ubjson(input: &[u8], tokens: &[Token<'_>]) {
    assert_eq!(agreed::<UbJsonReader<'_>>(input).as_deref(), Ok(tokens), "{input:02x?}");
}

#[track_caller]
fn assert_bjdata(input: &[u8], tokens: &[Token<'_>]) {
    assert_eq!(agreed::<BjDataReader<'_>>(input).as_deref(), Ok(tokens), "{input:02x?}");
}

fn malformed(offset: usize, what: &'static str) -> DecodeError {
    DecodeError::Malformed { offset, what }
}

/// A list of these tokens.
fn list<'a>(entries: &[Token<'a>]) -> Vec<Token<'a>> {
    [&[Token::ListStart], entries, &[Token::ListEnd]].concat()
}

/// A map of these tokens.
fn map<'a>(entries: &[Token<'a>]) -> Vec<Token<'a>> {
    [&[Token::MapStart], entries, &[Token::MapEnd]].concat()
}

fn numbers(numbers: &[u64]) -> Vec<Token<'static>> {
    numbers.iter().copied().map(Token::Unsigned).collect()
}

fn key(key: &str) -> Token<'_> {
    Token::Key(key.into())
}

fn text(text: &str) -> Token<'_> {
    Token::Text(text.into())
}

#[test]
fn numbers_are_read_in_every_form() {
    for (input, token) in [
        (&b"i\x80"[..], Token::Negative(-128)),
        (b"i\x07", Token::Unsigned(7)),
        (b"U\xff", Token::Unsigned(255)),
        (b"I\x01\x02", Token::Unsigned(0x102)),
        (b"I\xff\xfe", Token::Negative(-2)),
        (b"l\x00\x00\x01\x02", Token::Unsigned(0x102)),
        (b"l\xff\xff\xff\xfe", Token::Negative(-2)),
        (b"L\x01\x02\x03\x04\x05\x06\x07\x08", Token::Unsigned(0x0102_0304_0506_0708)),
        (b"L\x80\x00\x00\x00\x00\x00\x00\x00", Token::Negative(i64::MIN)),
        (b"d\x3f\xc0\x00\x00", Token::Float(1.5)),
        (b"D\x3f\xf8\x00\x00\x00\x00\x00\x00", Token::Float(1.5)),
        (b"D\x7f\xf0\x00\x00\x00\x00\x00\x00", Token::Float(f64::INFINITY)),
    ] {
        assert_ubjson(input, &[token]);
    }
}

#[test]
fn numbers_of_bjdata_begin_with_their_lowest_byte() {
    for (input, token) in [
        (&b"i\x80"[..], Token::Negative(-128)),
        (b"U\xff", Token::Unsigned(255)),
        (b"B\xff", Token::Unsigned(255)),
        (b"I\x02\x01", Token::Unsigned(0x102)),
        (b"u\xff\xfe", Token::Unsigned(0xfeff)),
        (b"l\xfe\xff\xff\xff", Token::Negative(-2)),
        (b"m\xfe\xff\xff\xff", Token::Unsigned(0xffff_fffe)),
        (b"L\x08\x07\x06\x05\x04\x03\x02\x01", Token::Unsigned(0x0102_0304_0506_0708)),
        (b"M\xff\xff\xff\xff\xff\xff\xff\xff", Token::Unsigned(u64::MAX)),
        (b"h\x00\x3e", Token::Float(1.5)),
        (b"d\x00\x00\xc0\x3f", Token::Float(1.5)),
        (b"D\x00\x00\x00\x00\x00\x00\xf8\x3f", Token::Float(1.5)),
        (b"D\x00\x00\x00\x00\x00\x00\xf0\x7f", Token::Float(f64::INFINITY)),
    ] {
        assert_bjdata(input, &[token]);
    }
}

/// Draft 12, "High-Precision".
#[test]
fn numbers_in_digits_are_integers_where_64_bits_hold_them_and_else_the_nearest_float() {
    for (digits, token) in [
        ("0", Token::Unsigned(0)),
        ("18446744073709551615", Token::Unsigned(u64::MAX)),
        ("-9223372036854775808", Token::Negative(i64::MIN)),
        ("18446744073709551616", Token::Float(18_446_744_073_709_551_616.0)),
        ("-9223372036854775809", Token::Float(-9_223_372_036_854_775_809.0)),
        ("0.12345678901234567890", Token::Float(0.123_456_789_012_345_68)),
        ("-1.93E+190", Token::Float(-1.93e190)),
        ("4.9406564584124654E-324", Token::Float(5e-324)),
    ] {
        let input = [&b"HU"[..], &[digits.len() as u8], digits.as_bytes()].concat();
        assert_ubjson(&input, std::slice::from_ref(&token));
        assert_bjdata(&input, &[token]);
    }
    assert_ubjson(b"HU\x051e400", &[Token::Null]);
    let what = "a high-precision number must be written as in JSON";
    for digits in ["", "-", "NaN", "Infinity", "+1", "01", "1.", "1 ", "0x1", "null", "1,5"] {
        let input = [&b"HU"[..], &[digits.len() as u8], digits.as_bytes()].concat();
        assert_fails::<UbJsonReader<'_>>(&input, &malformed(3, what));
    }
}

#[test]
fn text_is_read_with_every_length_and_a_char_is_text() {
    let four = text("\u{1f340}");
    for input in [
        &b"Si\x04\xf0\x9f\x8d\x80"[..],
        b"SU\x04\xf0\x9f\x8d\x80",
        b"SI\x00\x04\xf0\x9f\x8d\x80",
        b"Sl\x00\x00\x00\x04\xf0\x9f\x8d\x80",
        b"SL\x00\x00\x00\x00\x00\x00\x00\x04\xf0\x9f\x8d\x80",
    ] {
        assert_ubjson(input, std::slice::from_ref(&four));
    }
    for input in [&b"Su\x02\x00ab"[..], b"Sm\x02\x00\x00\x00ab", b"SI\x02\x00ab"] {
        assert_bjdata(input, &[text("ab")]);
    }
    assert_ubjson(b"SU\x00", &[text("")]);
    assert_ubjson(b"C;", &[text(";")]);
}

#[test]
fn lists_are_read_in_all_three_forms() {
    let one_two = list(&numbers(&[1, 2]));
    assert_ubjson(b"[U\x01U\x02]", &one_two);
    assert_ubjson(b"[#i\x02U\x01U\x02", &one_two);
    assert_ubjson(b"[#I\x00\x02U\x01I\x00\x02", &one_two);
    assert_ubjson(b"[$i#U\x02\x01\x02", &one_two);
    assert_ubjson(b"[$I#U\x02\x00\x01\x00\x02", &one_two);
    assert_bjdata(b"[$I#u\x02\x00\x01\x00\x02\x00", &one_two);
    assert_bjdata(b"[$M#U\x01\x01\x00\x00\x00\x00\x00\x00\x00", &list(&numbers(&[1])));
    assert_bjdata(b"[$U#U\x02\x01\x02", &one_two);
    assert_ubjson(b"[]", &list(&[]));
    assert_ubjson(b"[#U\x00", &list(&[]));
    assert_ubjson(b"[$L#U\x00", &list(&[]));
    assert_ubjson(b"[$S#U\x02U\x02abU\x00", &list(&[text("ab"), text("")]));
    assert_ubjson(b"[$C#U\x02ab", &list(&[text("a"), text("b")]));
    assert_ubjson(b"[$H#U\x01U\x0215", &list(&numbers(&[15])));
    assert_ubjson(b"[$d#U\x01\x3f\xc0\x00\x00", &list(&[Token::Float(1.5)]));
    assert_ubjson(b"[$T#U\x02", &list(&[Token::Bool(true), Token::Bool(true)]));
    assert_ubjson(
        b"[[$Z#U\x01T]",
        &[list(&[])[..1].to_vec(), list(&[Token::Null]), vec![Token::Bool(true), Token::ListEnd]]
            .concat(),
    );
}

#[test]
fn maps_are_read_in_all_three_forms() {
    let entries = map(&[key("a"), Token::Unsigned(1), key(""), Token::Unsigned(2)]);
    assert_ubjson(b"{U\x01aU\x01U\x00U\x02}", &entries);
    assert_ubjson(b"{#U\x02i\x01aU\x01U\x00U\x02", &entries);
    assert_ubjson(b"{$U#U\x02I\x00\x01a\x01U\x00\x02", &entries);
    assert_bjdata(b"{$u#U\x02u\x01\x00a\x01\x00U\x00\x02\x00", &entries);
    assert_ubjson(b"{}", &map(&[]));
    assert_ubjson(b"{#U\x00", &map(&[]));
    assert_ubjson(b"{$Z#i\x01i\x04name", &map(&[key("name"), Token::Null]));
}

#[test]
fn lists_and_maps_may_be_the_type_of_entries() {
    let of_one = |number| list(&numbers(&[number]));
    let both = list(&[of_one(1), of_one(2)].concat());
    assert_ubjson(b"[$[#U\x02U\x01]U\x02]", &both);
    assert_ubjson(b"[$[#U\x02#U\x01U\x01$i#U\x01\x02", &both);
    let entry = [vec![key("a")], map(&[key("b"), Token::Bool(false)])].concat();
    assert_ubjson(b"{${#U\x01U\x01aU\x01bF}", &map(&entry));
    // The type of the inner list replaces its bracket: these are bytes.
    assert_ubjson(b"[$[#U\x01$U#U\x02ab", &list(&[Token::Binary(b"ab"[..].into())]));
}

#[test]
fn bytes_are_a_list_whose_type_is_the_byte() {
    let bytes = |bytes: &'static [u8]| [Token::Binary(bytes.into())];
    assert_ubjson(b"[$U#U\x02\x00\xff", &bytes(b"\x00\xff"));
    assert_ubjson(b"[$U#I\x00\x01]", &bytes(b"]"));
    assert_ubjson(b"[$U#U\x00", &bytes(b""));
    assert_bjdata(b"[$B#U\x02\x00\xff", &bytes(b"\x00\xff"));
    assert_bjdata(b"[$B#m\x01\x00\x00\x00]", &bytes(b"]"));
    let mut reader = UbJsonReader::new(b"[$U#U\x02ab");
    assert_eq!(reader.peek(), Ok(TokenKind::Binary));
    assert_eq!(reader.skip(), Ok(0..8));
    assert_eq!(reader.finish(), Ok(()));
}

/// Draft 12, "No-Op": skipped, and only to occur in a container.
#[test]
fn no_ops_in_lists_and_maps_are_skipped_and_not_counted() {
    assert_ubjson(b"[NNU\x01NU\x02NN]", &list(&numbers(&[1, 2])));
    assert_ubjson(b"[#U\x02NU\x01NNU\x02", &list(&numbers(&[1, 2])));
    assert_ubjson(b"[[#U\x00N]", &list(&list(&[])));
    assert_ubjson(b"{NU\x01aNU\x01N}", &map(&[key("a"), Token::Unsigned(1)]));
    assert_ubjson(b"[$N#L\x7f\xff\xff\xff\xff\xff\xff\xff", &list(&[]));
    let value = "a value must come here";
    assert_fails::<UbJsonReader<'_>>(b"N", &malformed(0, value));
    assert_fails::<UbJsonReader<'_>>(b"NU\x01", &malformed(0, value));
    assert_fails::<UbJsonReader<'_>>(b"U\x01N", &DecodeError::TrailingBytes(2));
    assert_fails::<UbJsonReader<'_>>(
        b"{$N#U\x01U\x01a",
        &malformed(4, "a map of keys without values"),
    );
}

#[test]
fn grammar_violations_in_ubjson_are_malformed_at_their_offset() {
    let value = "a value must come here";
    let length = "a length must come here";
    let negative = "a length must not be negative";
    let entry = "a type must be the marker of a value";
    let number = "a type must be followed by a number of entries";
    for (input, offset, what) in [
        (&b"]"[..], 0, value),
        (b"}", 0, value),
        (b"a", 0, value),
        (b"\x00", 0, value),
        (b"[}", 1, value),
        (b"[#U\x01]", 4, value),
        (b"[U\x01,U\x02]", 3, value),
        (b"{U\x01a}", 4, value),
        (b"{]", 1, length),
        (b"{SU\x01aU\x01}", 1, length),
        (b"{CaU\x01}", 1, length),
        (b"Sd\x00\x00\x00\x00", 1, length),
        (b"SSU\x01", 1, length),
        (b"[#T", 2, length),
        (b"[#[U\x01]U\x01", 2, length),
        (b"Si\xff", 1, negative),
        (b"{l\x80\x00\x00\x00", 1, negative),
        (b"[#i\xff", 2, negative),
        (b"[$U#L\xff\xff\xff\xff\xff\xff\xff\xff", 4, negative),
        (b"[$]#U\x01", 2, entry),
        (b"[$$#U\x01", 2, entry),
        (b"[$x#U\x01", 2, entry),
        (b"[$U]", 3, number),
        (b"[$UU\x01U\x01]", 3, number),
    ] {
        assert_fails::<UbJsonReader<'_>>(input, &malformed(offset, what));
    }
}

#[test]
fn markers_of_bjdata_in_ubjson_have_their_own_error() {
    for (input, offset) in [
        (&b"u\x00\x01"[..], 0),
        (b"[U\x01m\x00\x00\x00\x01]", 3),
        (b"[M", 1),
        (b"[h", 1),
        (b"[B\x01]", 1),
        (b"Su\x01\x00a", 1),
        (b"{m\x01\x00\x00\x00a", 1),
        (b"[#M", 2),
        (b"[$u#U\x01", 2),
        (b"[$B#U\x01a", 2),
    ] {
        assert_fails::<UbJsonReader<'_>>(input, &DecodeError::BjData(offset));
        assert_ne!(agreed::<BjDataReader<'_>>(input), Err(DecodeError::BjData(offset)));
    }
    // Elsewhere than at markers they have no meaning.
    assert_ubjson(b"[SU\x05umMhBCu]", &list(&[text("umMhB"), text("u")]));
}

#[test]
fn text_that_is_not_utf8_is_refused_in_values_keys_and_chars() {
    for (input, offset) in [
        (&b"SU\x01\xff"[..], 3),
        (b"[CaC\x80]", 4),
        (b"{U\x02\xc3\x28T}", 3),
        (b"[$C#U\x02a\xc3", 7),
        (b"[$S#U\x01U\x03\xed\xa0\x80", 8),
    ] {
        assert_fails::<UbJsonReader<'_>>(input, &DecodeError::NotUtf8(offset));
    }
}

#[test]
fn lengths_beyond_the_input_are_truncated() {
    for input in [
        &b""[..],
        b"U",
        b"I\x00",
        b"l\x00\x00",
        b"L\x00\x00\x00\x00\x00\x00\x00",
        b"d\x00",
        b"D\x00",
        b"C",
        b"S",
        b"SU",
        b"SU\x02a",
        b"SL\x7f\xff\xff\xff\xff\xff\xff\xffa",
        b"HU\x021",
        b"[",
        b"[N",
        b"[U\x01",
        b"[$",
        b"[$U",
        b"[$U#",
        b"[$U#U",
        b"[$U#L\x7f\xff\xff\xff\xff\xff\xff\xff\x00",
        b"[#U\x02U\x01",
        b"[#L\x7f\xff\xff\xff\xff\xff\xff\xffU\x01",
        b"[$i#L\x7f\xff\xff\xff\xff\xff\xff\xff\x01",
        b"[$D#U\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        b"[$[#U\x02]",
        b"[$S#U\x02U\x00U",
        b"{",
        b"{U\x01",
        b"{U\x01a",
        b"{U\x01aT",
        b"{#U\x01U\x01a",
        b"{$Z#U\x02U\x01a",
        b"{$Z#L\x7f\xff\xff\xff\xff\xff\xff\xffU\x01a",
    ] {
        assert_fails::<UbJsonReader<'_>>(input, &DecodeError::Truncated(input.len()));
    }
    let largest = b"[$i#M\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    assert_fails::<BjDataReader<'_>>(largest, &DecodeError::Truncated(largest.len()));
}

#[test]
fn a_value_cut_anywhere_is_truncated() {
    let whole = b"{U\x01a[U\x01NI\x00\x01D\x3f\xf8\x00\x00\x00\x00\x00\x00CxZ]i\x01b[$U#U\x02ab\
                  U\x01c[#U\x03HU\x0215SU\x03non[]U\x01d{$S#U\x01U\x01xU\x01y]}";
    let whole = [&whole[..whole.len() - 2], b"}"].concat();
    for length in 0..whole.len() {
        assert_eq!(
            pass::<UbJsonReader<'_>>(&whole[..length]),
            Err(DecodeError::Truncated(length)),
            "{length}"
        );
    }
    assert!(agreed::<UbJsonReader<'_>>(&whole).is_ok());
}

#[test]
fn bytes_after_the_value_are_trailing() {
    for (input, offset) in
        [(&b"ZZ"[..], 1), (b"[]]", 2), (b"[#U\x00]", 4), (b"[$U#U\x01ab", 7), (b"{}N", 2)]
    {
        assert_fails::<UbJsonReader<'_>>(input, &DecodeError::TrailingBytes(offset));
    }
}

#[test]
fn skipping_returns_the_span_of_each_value() {
    let mut reader = UbJsonReader::new(b"[U\x30N{U\x01a[T]}CxSU\x02xx[$U#U\x01aN]");
    assert_eq!(reader.next(), Ok(Token::ListStart));
    assert_eq!(reader.skip(), Ok(1..3));
    assert_eq!(reader.skip(), Ok(4..12));
    assert_eq!(reader.skip(), Ok(12..14));
    assert_eq!(reader.skip(), Ok(14..19));
    assert_eq!(reader.skip(), Ok(19..26));
    assert_eq!(reader.skip(), Err(malformed(27, "a value must come here")));
    assert_eq!(reader.next(), Ok(Token::ListEnd));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn a_value_without_a_marker_of_its_own_can_be_ignored_but_not_kept() {
    let at_value = || {
        let mut reader = UbJsonReader::new(b"{${#U\x01U\x01aU\x01bF}");
        assert_eq!(reader.next(), Ok(Token::MapStart));
        assert_eq!(reader.next(), Ok(key("a")));
        reader
    };
    let kept = at_value().skip();
    assert_eq!(kept, Err(malformed(9, "a value that is passed on must have its own marker")));
    let mut reader = at_value();
    assert_eq!(reader.ignore(), Ok(()));
    assert_eq!(reader.next(), Ok(Token::MapEnd));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn the_depth_is_limited() {
    let read = |input: &[u8]| agreed::<UbJsonReader<'_>>(input).map(drop);
    assert_depth_is_bounded(read, [b"[", b"T", b"]"]);
    assert_depth_is_bounded(read, [b"{U\x01a", b"T", b"}"]);
    assert_depth_is_bounded(read, [b"[#U\x01", b"T", b""]);
    assert_depth_is_bounded(read, [b"{#U\x01U\x01a", b"T", b""]);
    let typed = |levels| [b"[", &b"$[#U\x01".repeat(levels)[..], b"]"].concat();
    assert_eq!(read(&typed(crate::limits::MAX_DEPTH - 1)), Ok(()));
    assert_eq!(read(&typed(crate::limits::MAX_DEPTH)), Err(DecodeError::TooDeep));
    assert_eq!(read(&typed(100_000)), Err(DecodeError::TooDeep));
}

/// `[$Z#` and a number are lists of that length without any bytes.
#[test]
fn entries_without_bytes_are_limited_in_total() {
    let nulls = |count: usize| [b"[$Z#l", &(count as u32).to_be_bytes()[..]].concat();
    let most = nulls(MAX_BODILESS_ENTRIES);
    let tokens = agreed::<UbJsonReader<'_>>(&most).map(|tokens| tokens.len());
    assert_eq!(tokens, Ok(MAX_BODILESS_ENTRIES + 2));
    let what = "too many entries without bytes of their own";
    for input in [
        nulls(MAX_BODILESS_ENTRIES + 1),
        b"[$T#l\x7f\xff\xff\xff".to_vec(),
        b"[$F#L\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec(),
    ] {
        assert_fails::<UbJsonReader<'_>>(&input, &malformed(4, what));
    }
    let many_lists = [&b"["[..], &b"[$T#U\xff".repeat(1000), b"]"].concat();
    assert_eq!(
        agreed::<UbJsonReader<'_>>(&many_lists),
        Err(malformed(1 + 6 * (MAX_BODILESS_ENTRIES / 255) + 4, what))
    );
    let keys = [&b"{$Z#I\x10\x00"[..], &b"U\x01a".repeat(4096)].concat();
    assert!(agreed::<UbJsonReader<'_>>(&keys).is_ok());
}

#[test]
fn lengths_are_written_in_the_smallest_form() {
    for (length, head) in [
        (1, &b"Cx"[..]),
        (2, b"SU\x02"),
        (255, b"SU\xff"),
        (256, b"SI\x01\x00"),
        (32_767, b"SI\x7f\xff"),
        (32_768, b"Sl\x00\x00\x80\x00"),
    ] {
        let mut out = Vec::new();
        UbJsonWriter::new(&mut out).text(&"x".repeat(length));
        assert!(out.starts_with(head), "{length}");
        assert_eq!(out.len(), head.len() + length - usize::from(length == 1));
    }
}
