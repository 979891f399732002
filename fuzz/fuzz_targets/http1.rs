//! A usual request is read in one way: the whole head at once, never in a beginning of it, and as
//! httparse and the crate `http` read it.
#![no_main]

use cloverleaf_http_bridge::http1::{MAX_BODY, MAX_HEAD, HeadError, parse_head};
use cloverleaf_http_bridge::{FieldValue, HeaderField, HttpHead};
use libfuzzer_sys::fuzz_target;

const FIELDS: [HeaderField; 4] =
    [HeaderField::AccessControlRequestHeaders, HeaderField::ContentLength, HeaderField::ContentType, HeaderField::Origin];

fuzz_target!(|data: &[u8]| {
    let Ok(head) = parse_head(data) else { return };
    assert!(head.length() <= MAX_HEAD.min(data.len()) && head.body_length() <= MAX_BODY);
    assert!(data[..head.length()].ends_with(b"\n"));
    for end in 0..head.length() {
        assert_eq!(parse_head(&data[..end]).err(), Some(HeadError::Incomplete));
    }
    let mut target = head.path().to_owned();
    if !head.query().is_empty() {
        target = [&target, "?", head.query()].concat();
    }
    let uri: http::Uri = target.parse().expect("the whole server understands the target");
    assert_eq!((uri.path(), uri.query().unwrap_or_default()), (head.path(), head.query()));
    for field in FIELDS {
        if let FieldValue::Single(value) = head.value(field) {
            assert!(http::HeaderValue::from_bytes(value).is_ok());
        }
    }
});
