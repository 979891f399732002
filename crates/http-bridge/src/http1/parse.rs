//! Parses the head of a request.

use std::mem::MaybeUninit;

use httparse::{Header, Status};

use crate::head::{FieldValue, HeaderField, HttpHead};

/// Maximum length of a head, in bytes: browsers and proxies stay below 8 KiB.
pub const MAX_HEAD: usize = 16 << 10;

/// Maximum number of header fields. A browser behind two proxies sends about twenty.
pub const MAX_FIELDS: usize = 32;

/// Maximum length of a body, in bytes. Longer ones are streamed by hyper.
pub const MAX_BODY: usize = 64 << 10;

/// The reason why bytes are not a head for the fast path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadError {
    /// The head is incomplete: more bytes are needed to decide.
    Incomplete,
    /// The request is malformed or unusual. hyper handles it.
    NeedsHyper,
}

/// The head of a request, borrowed from the read buffer.
#[derive(Debug)]
pub struct Http1Head<'b> {
    method: &'b str,
    path: &'b str,
    query: &'b str,
    fields: HeadFields<'b>,
    length: usize,
}

/// The header fields of a request. None of them is repeated.
#[derive(Debug, Default)]
struct HeadFields<'b> {
    access_control_request_headers: FieldValue<'b>,
    content_length: FieldValue<'b>,
    content_type: FieldValue<'b>,
    host: FieldValue<'b>,
    origin: FieldValue<'b>,
    body_length: usize,
}

impl<'b> Http1Head<'b> {
    /// The part of the request target before the question mark.
    pub const fn path(&self) -> &'b str {
        self.path
    }

    /// The length of the head, in bytes.
    pub const fn length(&self) -> usize {
        self.length
    }

    /// The length of the body behind the head, in bytes; at most [`MAX_BODY`].
    pub const fn body_length(&self) -> usize {
        self.fields.body_length
    }
}

impl HttpHead for Http1Head<'_> {
    fn method(&self) -> &str {
        self.method
    }

    fn query(&self) -> &str {
        self.query
    }

    fn value(&self, field: HeaderField) -> FieldValue<'_> {
        match field {
            HeaderField::AccessControlRequestHeaders => self.fields.access_control_request_headers,
            HeaderField::ContentLength => self.fields.content_length,
            HeaderField::ContentType => self.fields.content_type,
            HeaderField::Origin => self.fields.origin,
        }
    }
}

/// Parses the head of a request at the beginning of `bytes`.
///
/// # Errors
/// [`HeadError::Incomplete`] when more bytes are needed, [`HeadError::NeedsHyper`] for a request
/// that the fast path does not serve.
pub fn parse_head(bytes: &[u8]) -> Result<Http1Head<'_>, HeadError> {
    let mut header_buffer = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(bytes, &mut header_buffer) {
        Ok(Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(Status::Partial) if bytes.len() <= MAX_HEAD => return Err(HeadError::Incomplete),
        _ => return Err(HeadError::NeedsHyper),
    };
    let httparse::Request { method, path, version, headers } = request;
    let (Some(method @ ("POST" | "PUT" | "OPTIONS")), Some(target), Some(1)) =
        (method, path, version)
    else {
        return Err(HeadError::NeedsHyper);
    };
    let (Some(fields), true) = (HeadFields::read(headers), is_origin_form(target)) else {
        return Err(HeadError::NeedsHyper);
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(Http1Head { method, path, query, fields, length })
}

/// Whether a target has origin form (RFC 9112 section 3.2.1) and only characters of RFC 3986.
fn is_origin_form(target: &str) -> bool {
    target.starts_with('/') && target.bytes().all(|byte| IS_PLAIN[byte as usize])
}

/// The characters that are allowed in paths and queries.
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

impl<'b> HeadFields<'b> {
    /// Reads the header fields. None if one of them needs hyper: the connection must stay open, and
    /// the body must be framed by Content-Length.
    fn read(headers: &[Header<'b>]) -> Option<Self> {
        let mut fields = Self::default();
        for &Header { name, value } in headers {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            let field = match name.len() {
                2 if is("te") => return None,
                4 if is("host") => &mut fields.host,
                6 if is("expect") => return None,
                6 if is("origin") => &mut fields.origin,
                7 if is("upgrade") || is("trailer") => return None,
                10 if is("connection") && !value.eq_ignore_ascii_case(b"keep-alive") => {
                    return None;
                }
                12 if is("content-type") => &mut fields.content_type,
                14 if is("content-length") => {
                    fields.body_length = decimal(value)?;
                    &mut fields.content_length
                }
                17 if is("transfer-encoding") => return None,
                30 if is("access-control-request-headers") => {
                    &mut fields.access_control_request_headers
                }
                _ => continue,
            };
            if std::mem::replace(field, FieldValue::Single(value)) != FieldValue::Absent {
                return None;
            }
        }
        let is_usual = fields.host != FieldValue::Absent && fields.body_length <= MAX_BODY;
        is_usual.then_some(fields)
    }
}

/// Parses a decimal number of at most nine digits, without a sign.
fn decimal(text: &[u8]) -> Option<usize> {
    const MOST_DIGITS: usize = 9;
    let is_number = !text.is_empty() && text.len() <= MOST_DIGITS;
    (is_number && text.iter().all(u8::is_ascii_digit))
        .then(|| text.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}
