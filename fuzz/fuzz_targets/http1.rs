//! A usual request is read in one way: the whole head at once, never in a beginning of it, and as
//! httparse and the crate `http` read it.
#![no_main]

use cloverleaf_http_bridge::http1::{MAX_BODY, MAX_HEAD, NotUsual, parse};
use cloverleaf_http_bridge::{Connection, Field, Head, Value};
use libfuzzer_sys::fuzz_target;

const FIELDS: [Field; 4] =
    [Field::AccessControlRequestHeaders, Field::ContentLength, Field::ContentType, Field::Origin];

fuzz_target!(|data: &[u8]| {
    let connection = Connection::default();
    let Ok(head) = parse(data, connection) else { return };
    assert!(head.length() <= MAX_HEAD.min(data.len()) && head.body_length() <= MAX_BODY);
    assert!(data[..head.length()].ends_with(b"\n"));
    for end in 0..head.length() {
        assert_eq!(parse(&data[..end], connection).err(), Some(NotUsual::Incomplete));
    }
    let mut target = head.path().to_owned();
    if !head.query().is_empty() {
        target = [&target, "?", head.query()].concat();
    }
    let uri: http::Uri = target.parse().expect("the whole server understands the target");
    assert_eq!((uri.path(), uri.query().unwrap_or_default()), (head.path(), head.query()));
    for field in FIELDS {
        if let Value::Single(value) = head.value(field) {
            assert!(http::HeaderValue::from_bytes(value).is_ok());
        }
    }
});
