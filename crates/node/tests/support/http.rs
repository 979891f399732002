//! An HTTP/1.1 client: sends requests as written and parses responses.

use std::fmt;

use super::ClientStream;

/// An HTTP/1.1 connection to a node.
#[derive(Debug)]
pub(crate) struct HttpClient {
    stream: ClientStream,
}

/// A response of a server. The names of the headers are in lower case.
#[derive(Debug)]
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl HttpClient {
    /// Uses this stream as an HTTP connection.
    pub(crate) const fn over(stream: ClientStream) -> Self {
        Self { stream }
    }

    /// The underlying stream.
    pub(crate) fn into_stream(self) -> ClientStream {
        self.stream
    }

    /// Sends a request, or a part of one, as written.
    pub(crate) fn send(&mut self, request: &str) {
        self.stream.send(request.as_bytes());
    }

    /// Sends a GET request and returns the response.
    pub(crate) fn get(&mut self, path: &str) -> HttpResponse {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        self.receive()
    }

    /// Posts JSON and returns the response.
    pub(crate) fn post(&mut self, path: &str, body: &str) -> HttpResponse {
        self.send(&post_request(path, body));
        self.receive()
    }

    /// Posts these octets without a content type and returns the response.
    pub(crate) fn post_octets(&mut self, path: &str, body: &[u8]) -> HttpResponse {
        let length = body.len();
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
        ));
        self.stream.send(body);
        self.receive()
    }

    /// Sends a request as written and returns the response.
    pub(crate) fn request(&mut self, request: &str) -> HttpResponse {
        self.send(request);
        self.receive()
    }

    /// Receives the next response.
    pub(crate) fn receive(&mut self) -> HttpResponse {
        let head = self.receive_head();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.map_or(0, |(_, length)| length.parse().expect("a length"));
        let body = self.stream.receive(length);
        HttpResponse { status: status.expect("a status line"), headers, body }
    }

    fn receive_head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let octet = self.stream.receive(1);
            assert!(
                !octet.is_empty(),
                "the connection ended after {:?}",
                head.escape_ascii().to_string()
            );
            head.extend(octet);
        }
        String::from_utf8(head).expect("an ASCII head")
    }

    /// Asserts that the server closes the connection without another response.
    pub(crate) fn receive_end(&mut self) {
        self.stream.receive_end();
    }

    /// Shuts down the writing half of the connection.
    pub(crate) fn shutdown_write(&mut self) {
        self.stream.shutdown_write();
    }
}

/// A POST request with a JSON body.
pub(crate) fn post_request(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

impl HttpResponse {
    /// The first header of this name, which is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The whole response without its date: status, headers and, after an empty line, the body.
impl fmt::Display for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        for (name, value) in self.headers.iter().filter(|(name, _)| name != "date") {
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "\n{}", self.text())
    }
}
