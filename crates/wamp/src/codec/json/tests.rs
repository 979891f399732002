use super::super::tests::{agreed, assert_depth_is_bounded, assert_fails, pass};
use super::super::{Token, TokenReader, TokenWriter};
use super::{JsonReader, JsonWriter};
use crate::error::DecodeError;
use crate::limits::MAX_DEPTH;

fn scalar(input: &str) -> Token<'_> {
    let tokens = agreed::<JsonReader<'_>>(input.as_bytes()).unwrap();
    assert_eq!(tokens.len(), 1);
    tokens.into_iter().next().unwrap()
}

fn text(text: &str) -> Token<'_> {
    Token::Text(text.into())
}

#[test]
fn numbers_are_integers_where_they_fit_and_floats_otherwise() {
    for (input, token) in [
        ("18446744073709551615", Token::Unsigned(u64::MAX)),
        ("18446744073709551616", Token::Float(18_446_744_073_709_551_616.0)),
        ("-9223372036854775808", Token::Negative(i64::MIN)),
        ("-9223372036854775809", Token::Float(-9_223_372_036_854_775_809.0)),
        ("1.0", Token::Float(1.0)),
        ("1e2", Token::Float(100.0)),
        ("1E+2", Token::Float(100.0)),
        ("-12.5e-1", Token::Float(-1.25)),
        ("0.0", Token::Float(0.0)),
        ("0e0", Token::Float(0.0)),
        ("1e-400", Token::Float(0.0)),
        ("1.7976931348623157e308", Token::Float(f64::MAX)),
    ] {
        assert_eq!(scalar(input), token);
    }
    assert!(matches!(scalar("-0"), Token::Float(zero) if zero.is_sign_negative()));
}

/// The bytes that a reader passes on for `input`.
fn passed_on(input: &str) -> String {
    let mut reader = JsonReader::new(input.as_bytes());
    let span = reader.skip().unwrap();
    let rewritten = reader.rewritten(&span);
    String::from_utf8(rewritten.unwrap_or_else(|| input.as_bytes()[span].to_vec())).unwrap()
}

#[test]
fn numbers_that_are_not_finite_are_null() {
    let long = format!("1{}", "0".repeat(400));
    let numbers = ["1e309", "-1e309", "1.8e308", "1e99999999999999999999", &long];
    for input in numbers.into_iter().chain(["NaN", "Infinity", "-Infinity"]) {
        assert_eq!(scalar(input), Token::Null, "{input}");
        assert_eq!(passed_on(input), "null", "{input}");
        let list = agreed::<JsonReader<'_>>(b"[1,null,2]").unwrap();
        let spaced = format!("[1, {input} ,2]");
        assert_eq!(agreed::<JsonReader<'_>>(spaced.as_bytes()), Ok(list), "{input}");
    }
}

#[test]
fn only_numbers_that_are_not_finite_are_rewritten() {
    let long = format!("-9{}.5E+1", "9".repeat(400));
    for (input, expected) in [
        ("[NaN,NaN]".to_owned(), "[null,null]"),
        ("{ \"a\" : -Infinity , \"b\":[Infinity]}".to_owned(), "{ \"a\" : null , \"b\":[null]}"),
        (format!("[{long},-0.0e0,1E400]"), "[null,-0.0e0,null]"),
        (
            r#"["NaN","\"Infinity\"","\ud800",1e400,{"NaN":true}]"#.to_owned(),
            r#"["NaN","\"Infinity\"","\ud800",null,{"NaN":true}]"#,
        ),
        (
            r#"[1.50,18446744073709551616,"\/\ud800"]"#.to_owned(),
            r#"[1.50,18446744073709551616,"\/\ud800"]"#,
        ),
    ] {
        assert_eq!(passed_on(&input), expected);
    }
}

#[test]
fn each_value_is_rewritten_on_its_own() {
    let input = b"[NaN,1]";
    let mut reader = JsonReader::new(input);
    assert_eq!(reader.next(), Ok(Token::ListStart));
    let span = reader.skip().unwrap();
    assert_eq!(reader.rewritten(&span), Some(b"null".to_vec()));
    let span = reader.skip().unwrap();
    assert_eq!(reader.rewritten(&span), None);
}

#[test]
fn escapes_are_resolved() {
    for (input, expected) in [
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u0041\u00e9\u20AC""#, "A\u{e9}\u{20ac}"),
        (r#""\ud83c\udf40 \uD83C\uDF40""#, "\u{1f340} \u{1f340}"),
        (
            r#""a long text before \n and a long text after""#,
            "a long text before \n and a long text after",
        ),
        (r#""\u0001\u0000""#, "\u{1}\0"),
        ("\"\u{7f}\u{80}\u{10ffff}\"", "\u{7f}\u{80}\u{10ffff}"),
    ] {
        assert_eq!(scalar(input), text(expected));
    }
}

#[test]
fn unpaired_surrogates_are_read_as_replacement_characters_and_passed_on() {
    for (input, expected) in [
        (r#""\ud83c""#, "\u{fffd}"),
        (r#""\udf40""#, "\u{fffd}"),
        (r#""\ud83c\n""#, "\u{fffd}\n"),
        (r#""\ud83cx\udf40""#, "\u{fffd}x\u{fffd}"),
        (r#""\udf40\ud83c""#, "\u{fffd}\u{fffd}"),
        (r#""\ud83c\ud83c\udf40""#, "\u{fffd}\u{1f340}"),
        (r#""\ud83c\u0041""#, "\u{fffd}A"),
        (r#""\u0000\ud83cAEC""#, "\0\u{fffd}AEC"),
    ] {
        assert_eq!(scalar(input), text(expected), "{input}");
        assert_eq!(passed_on(input), input);
        let key = format!("{{{input}:1}}");
        let tokens = agreed::<JsonReader<'_>>(key.as_bytes()).unwrap();
        assert_eq!(tokens[1], Token::Key(expected.into()), "{input}");
    }
}

#[test]
fn an_unpaired_surrogate_is_reported_for_its_text_only() {
    let mut reader = JsonReader::new(br#"["a","\ud800","\ufffd","\ud83c\udf40"]"#);
    reader.next().unwrap();
    let replaced = [(); 4].map(|()| {
        reader.next().unwrap();
        reader.has_replaced()
    });
    assert_eq!(replaced, [false, true, false, false]);
}

/// Spec: advanced profile "Binary support in JSON".
#[test]
fn a_string_of_nul_and_base64_is_bytes_and_any_other_is_text() {
    for (input, expected) in [
        (r#""\u0000""#, &b""[..]),
        (r#""\u0000AAEC""#, &[0, 1, 2]),
        (r#""\u0000\/w==""#, &[0xff]),
        (r#""\u0000\u0041A==""#, &[0]),
    ] {
        assert_eq!(scalar(input), Token::Binary(expected.into()));
    }
    for (input, expected) in [
        (r#""\u0000AAE""#, "\0AAE"),
        (r#""\u0000AA E""#, "\0AA E"),
        (r#""\u0000-_-_""#, "\0-_-_"),
        (r#""\u0000\u0000""#, "\0\0"),
        (r#""x\u0000AAEC""#, "x\0AAEC"),
        (r#""\\u0000AAEC""#, "\\u0000AAEC"),
    ] {
        assert_eq!(scalar(input), text(expected));
    }
}

#[test]
fn a_key_is_never_bytes() {
    let tokens = agreed::<JsonReader<'_>>(br#"{"\u0000AAEC":1}"#).unwrap();
    assert_eq!(tokens[1], Token::Key("\0AAEC".into()));
}

#[test]
fn white_space_may_stand_around_every_token_and_is_no_part_of_a_value() {
    let input = " \t\r\n{ \"a\" : [ 1 , {} , [ ] ] , \"a\" : null }\n ";
    let tokens = agreed::<JsonReader<'_>>(input.as_bytes()).unwrap();
    let compact = agreed::<JsonReader<'_>>(br#"{"a":[1,{},[]],"a":null}"#).unwrap();
    assert_eq!(tokens, compact);
    assert_eq!(pass::<JsonReader<'_>>(input.as_bytes()), Ok(4..input.len() - 2));
}

#[test]
fn skipping_returns_the_span_of_each_value() {
    let input = br#"[48, {"a":[1]} ,"x\"y",-1.5e3]"#;
    let mut reader = JsonReader::new(input);
    assert_eq!(reader.next(), Ok(Token::ListStart));
    assert_eq!(reader.skip(), Ok(1..3));
    assert_eq!(reader.skip(), Ok(5..14));
    assert_eq!(reader.skip(), Ok(16..22));
    assert_eq!(reader.skip(), Ok(23..29));
    let error = DecodeError::Malformed { offset: 29, what: "a value must come here" };
    assert_eq!(reader.skip(), Err(error));
    assert_eq!(reader.next(), Ok(Token::ListEnd));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn grammar_violations_are_malformed_at_their_offset() {
    let value = "a value must come here";
    let key = "a key must come here";
    let comma = "a comma or an end must come here";
    let digit = "a number wants a digit here";
    for (input, offset, what) in [
        ("[1,]", 3, value),
        ("[,1]", 1, value),
        ("]", 0, value),
        ("[}", 1, value),
        ("[1}", 2, comma),
        ("[1 2]", 3, comma),
        ("[01]", 1, "a number begins with 0"),
        ("[-]", 2, digit),
        ("[1.]", 3, digit),
        ("[1.e1]", 3, digit),
        ("[1e]", 3, digit),
        ("[1e+]", 4, digit),
        ("[.5]", 1, value),
        ("[+1]", 1, value),
        ("[0x10]", 2, comma),
        ("[nan]", 1, value),
        ("[Nan]", 1, value),
        ("[infinity]", 1, value),
        ("[Infinite]", 1, value),
        ("[inf]", 1, value),
        ("[-NaN]", 2, digit),
        ("[+Infinity]", 1, value),
        ("[-Inf]", 1, value),
        ("{NaN:1}", 1, key),
        ("[nul]", 1, value),
        ("[True]", 1, value),
        ("['a']", 1, value),
        ("[\u{a0}1]", 1, value),
        ("\u{feff}1", 0, value),
        ("{1:2}", 1, key),
        ("{\"a\":1,}", 7, key),
        ("{,}", 1, key),
        ("{]", 1, key),
        ("{\"a\":1]", 6, comma),
        ("{\"a\"}", 4, "a colon must come here"),
        ("{\"a\",1}", 4, "a colon must come here"),
        ("{\"a\":}", 5, value),
        ("[/* */1]", 1, value),
        ("[\"\t\"]", 2, "a control character must be escaped"),
        ("[\"long enough for a word\u{1f}\"]", 24, "a control character must be escaped"),
        ("[\"\0\"]", 2, "a control character must be escaped"),
        (r#"["\x41"]"#, 2, "unknown escape"),
        (r#"["\u12g4"]"#, 2, "\\u wants four hexadecimal digits"),
        (r#"["\u+123"]"#, 2, "\\u wants four hexadecimal digits"),
        (r#"["\ud83c\u12g4"]"#, 8, "\\u wants four hexadecimal digits"),
        (r#"["\ud83c\x41"]"#, 8, "unknown escape"),
    ] {
        assert_fails::<JsonReader<'_>>(input.as_bytes(), &DecodeError::Malformed { offset, what });
    }
}

#[test]
fn text_that_is_not_utf8_is_refused_in_values_and_keys() {
    for (input, offset) in [
        (&b"[\"\xff\"]"[..], 2),
        (b"[\"ok\",\"\xc3\"]", 7),
        (b"{\"\x80\":1}", 2),
        (b"[\"\xed\xa0\x80\"]", 2),
        (b"[\"\xc0\x80\"]", 2),
        (b"[\"a text of more than eight bytes \xf5\"]", 2),
        (b"[\"\\n\xff\"]", 2),
    ] {
        assert_fails::<JsonReader<'_>>(input, &DecodeError::NotUtf8(offset));
    }
}

#[test]
fn a_value_cut_anywhere_is_truncated() {
    let whole = r#" {"k\u00e9\ud83c\udf40":[true,false,null,-1.5e+3,{"a":{}}],"é":["\u0000AAEC",NaN,"\ud800",-Infinity]}"#;
    for length in 0..whole.len() {
        let part = &whole.as_bytes()[..length];
        assert_eq!(pass::<JsonReader<'_>>(part), Err(DecodeError::Truncated(length)));
    }
    assert!(agreed::<JsonReader<'_>>(whole.as_bytes()).is_ok());
}

#[test]
fn bytes_after_the_value_are_trailing() {
    for (input, offset) in [("[] []", 3), ("1 2", 2), ("{}x", 2), ("null,", 4), ("[]\0", 2)] {
        assert_fails::<JsonReader<'_>>(input.as_bytes(), &DecodeError::TrailingBytes(offset));
    }
}

#[test]
fn the_depth_is_limited() {
    let read = |input: &[u8]| agreed::<JsonReader<'_>>(input).map(drop);
    assert_depth_is_bounded(read, [b"[", b"1", b"]"]);
    assert_depth_is_bounded(read, [b"{\"a\":", b"1", b"}"]);
}

#[test]
fn lists_in_maps_at_the_maximum_depth_keep_their_kind() {
    let levels = MAX_DEPTH / 2;
    let input = format!("{}1{}", "[{\"a\":".repeat(levels), "}]".repeat(levels));
    assert!(agreed::<JsonReader<'_>>(input.as_bytes()).is_ok());
    let crossed = format!("{}1{}", "[{\"a\":".repeat(levels), "]}".repeat(levels));
    assert!(agreed::<JsonReader<'_>>(crossed.as_bytes()).is_err());
}

#[test]
fn a_reader_that_has_ended_stays_at_the_end() {
    let mut reader = JsonReader::new(b"1");
    assert_eq!(reader.finish(), Err(DecodeError::Truncated(1)));
    assert_eq!(reader.next(), Ok(Token::Unsigned(1)));
    assert_eq!(reader.finish(), Ok(()));
    assert_eq!(reader.next(), Err(DecodeError::Truncated(1)));
}

#[test]
fn long_bytes_are_one_base64_text() {
    let bytes: Vec<u8> = (0..=255).cycle().take(2000).collect();
    let mut out = Vec::new();
    JsonWriter::new(&mut out).binary(&bytes);
    assert_eq!(agreed::<JsonReader<'_>>(&out).unwrap(), [Token::Binary(bytes.into())]);
}

#[test]
fn encoded_values_are_separated_like_others() {
    let mut out = Vec::new();
    let mut writer = JsonWriter::new(&mut out);
    writer.list_start(0);
    writer.encoded(b"[1]");
    writer.map_start(0);
    writer.key("a\"");
    writer.encoded(b"{}");
    writer.key("b");
    writer.signed(-1);
    writer.map_end();
    writer.encoded(b"2");
    writer.list_end();
    assert_eq!(String::from_utf8(out).unwrap(), r#"[[1],{"a\"":{},"b":-1},2]"#);
}
