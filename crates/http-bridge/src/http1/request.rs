//! From bytes to the head of a usual request.

use std::mem::MaybeUninit;
use std::net::IpAddr;

use http::HeaderName;
use httparse::{Header, Status};

use crate::head::{Connection, Head};

/// The longest head, in bytes: browsers and proxies stay below 8 KiB.
pub const MAX_HEAD: usize = 16 << 10;

/// The most header fields. A browser behind two proxies sends about twenty.
pub const MAX_FIELDS: usize = 32;

/// The longest body, in bytes. A longer one is worth a whole server's care.
pub const MAX_BODY: usize = 64 << 10;

/// Room for the header fields of one request.
pub type Fields<'b> = [MaybeUninit<Header<'b>>; MAX_FIELDS];

/// Room in which nothing stands yet.
pub const fn no_fields<'b>() -> Fields<'b> {
    [const { MaybeUninit::uninit() }; MAX_FIELDS]
}

/// What bytes are.
#[derive(Debug)]
pub enum Parsed<'f, 'b> {
    /// The beginning of a head.
    Incomplete,
    /// Nothing that is read here.
    Unusual,
    /// The head of a usual request.
    Usual(WireHead<'f, 'b>),
}

/// The head of a usual request, as it stands in what was read.
#[derive(Debug)]
pub struct WireHead<'f, 'b> {
    method: &'b str,
    path: &'b str,
    query: &'b str,
    fields: &'f [Header<'b>],
    length: usize,
    body_length: usize,
    connection: Connection,
}

impl<'b> WireHead<'_, 'b> {
    /// What stands before the question mark of the target.
    pub const fn path(&self) -> &'b str {
        self.path
    }

    /// Its own length, in bytes.
    pub const fn length(&self) -> usize {
        self.length
    }

    /// How many bytes follow that belong to it; at most [`MAX_BODY`].
    pub const fn body_length(&self) -> usize {
        self.body_length
    }
}

impl Head for WireHead<'_, '_> {
    fn method(&self) -> &str {
        self.method
    }

    fn query(&self) -> &str {
        self.query
    }

    fn headers(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        let name = name.as_str();
        let named = self.fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
        named.map(|field| field.value)
    }

    fn peer_ip(&self) -> Option<IpAddr> {
        self.connection.peer_ip
    }

    fn is_tls(&self) -> bool {
        self.connection.is_tls
    }
}

/// Reads the head of a request that came on `connection`, with its header fields in `fields`.
pub fn parse<'f, 'b>(
    bytes: &'b [u8],
    connection: Connection,
    fields: &'f mut Fields<'b>,
) -> Parsed<'f, 'b> {
    let mut request = httparse::Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(bytes, fields) {
        Ok(Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(Status::Partial) if bytes.len() <= MAX_HEAD => return Parsed::Incomplete,
        _ => return Parsed::Unusual,
    };
    let httparse::Request { method, path, version, headers } = request;
    let (Some(method @ ("POST" | "PUT" | "OPTIONS")), Some(target), Some(1)) =
        (method, path, version)
    else {
        return Parsed::Unusual;
    };
    let (Some(body_length), true) = (body_length(headers), is_origin_form(target)) else {
        return Parsed::Unusual;
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Parsed::Usual(WireHead {
        method,
        path,
        query,
        fields: headers,
        length,
        body_length,
        connection,
    })
}

/// RFC 9112 section 3.2.1, with the characters of RFC 3986 alone.
fn is_origin_form(target: &str) -> bool {
    target.starts_with('/') && target.bytes().all(|byte| IS_PLAIN[byte as usize])
}

/// The characters that stand in paths and queries as they are.
const IS_PLAIN: [bool; 256] = {
    let plain = b"-._~%!$&'()*+,;=:@/?";
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < plain.len() {
        table[plain[at] as usize] = true;
        at += 1;
    }
    table
};

/// How long the body is, unless one of the fields makes the request unusual: the fields about the
/// connection and the framing are those of a request that is followed by another one.
fn body_length(fields: &[Header<'_>]) -> Option<usize> {
    let (mut hosts, mut lengths, mut body_length) = (0, 0, 0);
    for Header { name, value } in fields {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name.len() {
            2 if is("te") => return None,
            4 if is("host") => hosts += 1,
            6 if is("expect") => return None,
            7 if is("upgrade") || is("trailer") => return None,
            10 if is("connection") && !value.eq_ignore_ascii_case(b"keep-alive") => return None,
            14 if is("content-length") => {
                lengths += 1;
                body_length = decimal(value)?;
            }
            17 if is("transfer-encoding") => return None,
            _ => {}
        }
    }
    (hosts == 1 && lengths <= 1 && body_length <= MAX_BODY).then_some(body_length)
}

/// Digits alone, and not too many of them.
fn decimal(text: &[u8]) -> Option<usize> {
    const MOST_DIGITS: usize = 9;
    let is_number = !text.is_empty() && text.len() <= MOST_DIGITS;
    (is_number && text.iter().all(u8::is_ascii_digit))
        .then(|| text.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}
