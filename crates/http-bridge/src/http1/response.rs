//! From a reply to bytes.

use crate::reply::Reply;

/// What becomes of the connection after a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It waits for the next request.
    Open,
    /// It ends.
    Close,
}

/// Appends the head of a reply; its body is to follow.
pub fn write(reply: &Reply, date: &str, after: After, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(reply.status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(reply.status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    for (name, value) in reply.headers.iter() {
        field(name.as_str(), value.as_bytes(), out);
    }
    if after == After::Close {
        field("connection", b"close", out);
    }
    field("content-length", itoa::Buffer::new().format(reply.body.len()).as_bytes(), out);
    field("date", date.as_bytes(), out);
    out.extend_from_slice(b"\r\n");
}

fn field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
