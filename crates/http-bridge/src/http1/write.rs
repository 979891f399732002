//! Writes the head of a response.

use http::StatusCode;

use crate::response::{BridgeResponse, write_field};

/// Whether a connection stays open after a response (RFC 9112 section 9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persistence {
    /// The connection waits for the next request.
    KeepAlive,
    /// The connection is closed.
    Close,
}

/// Appends the head of a response to `out`. The caller sends the body behind it.
pub fn write_head(
    response: &BridgeResponse,
    date: &str,
    persistence: Persistence,
    out: &mut Vec<u8>,
) {
    write_status_line(response.status, out);
    response.headers.write(out);
    if persistence == Persistence::Close {
        write_field("connection", b"close", out);
    }
    let mut length = itoa::Buffer::new();
    write_field("content-length", length.format(response.body.len()).as_bytes(), out);
    write_field("date", date.as_bytes(), out);
    out.extend_from_slice(b"\r\n");
}

fn write_status_line(status: StatusCode, out: &mut Vec<u8>) {
    if status == StatusCode::OK {
        return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    let reason = status.canonical_reason().unwrap_or_default();
    for part in ["HTTP/1.1 ", status.as_str(), " ", reason, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::http1::parse_head;
    use crate::response::ResponseHeaders;
    use crate::settings::AllowedOrigins;

    fn written(status: StatusCode, body: &'static str, persistence: Persistence) -> String {
        let request = b"POST /call HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
        let head = parse_head(request).expect("a complete head");
        let listed = AllowedOrigins::from_iter(["https://a".to_owned()]);
        let headers = ResponseHeaders::answering(&head, &listed);
        let response =
            BridgeResponse { status, headers, body: Bytes::from_static(body.as_bytes()) };
        let mut out = Vec::new();
        write_head(&response, "Sun, 06 Nov 1994 08:49:37 GMT", persistence, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_head_has_status_length_date_and_persistence() {
        let always = "content-type: application/json; charset=UTF-8\r\n\
                      cache-control: no-store,no-cache,must-revalidate,max-age=0\r\n\
                      vary: Origin\r\n";
        let date = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";
        assert_eq!(
            written(StatusCode::OK, "{}", Persistence::KeepAlive),
            format!("HTTP/1.1 200 OK\r\n{always}content-length: 2\r\n{date}")
        );
        assert_eq!(
            written(StatusCode::PAYLOAD_TOO_LARGE, "", Persistence::Close),
            format!(
                "HTTP/1.1 413 Payload Too Large\r\n{always}connection: close\r\n\
                 content-length: 0\r\n{date}"
            )
        );
    }
}
