//! From a reply to bytes.

use http::StatusCode;

use crate::reply::{Reply, write_field};

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
    status_line(reply.status, out);
    reply.headers.write(out);
    if after == After::Close {
        write_field("connection", b"close", out);
    }
    let mut length = itoa::Buffer::new();
    write_field("content-length", length.format(reply.body.len()).as_bytes(), out);
    write_field("date", date.as_bytes(), out);
    out.extend_from_slice(b"\r\n");
}

fn status_line(status: StatusCode, out: &mut Vec<u8>) {
    if status == StatusCode::OK {
        return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    let reason = status.canonical_reason().unwrap_or_default();
    for part in ["HTTP/1.1 ", status.as_str(), " ", reason, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}
