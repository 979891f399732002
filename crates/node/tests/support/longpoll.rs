//! A long-poll session that sends all its requests over one connection.

use serde_json::Value;

use super::{ClientStream, HttpClient, HttpResponse, RawPeer};

/// An open long-poll session.
#[derive(Debug)]
pub(crate) struct LongPollPeer {
    http: HttpClient,
    /// The path of the session.
    path: String,
}

impl LongPollPeer {
    /// Opens a session of the service at `path` with this protocol.
    pub(crate) fn open(stream: ClientStream, path: &str, protocol: &str) -> Self {
        let mut http = HttpClient::over(stream);
        let opened =
            http.post(&format!("{path}/open"), &format!(r#"{{"protocols":["{protocol}"]}}"#));
        assert_eq!(opened.status, 200, "{opened}");
        let opened: Value = serde_json::from_slice(&opened.body).expect("JSON");
        assert_eq!(opened["protocol"], protocol);
        let path = format!("{path}/{}", opened["transport"].as_str().expect("an id"));
        Self { http, path }
    }

    /// The path of the session.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Posts to `/send`, `/receive` or `/close` of the session, named by `what`.
    pub(crate) fn post(&mut self, what: &str, body: &[u8]) -> HttpResponse {
        self.http.post_octets(&format!("{}/{what}", self.path), body)
    }

    /// Receives until a response is not 204, and returns that response.
    fn poll(&mut self) -> HttpResponse {
        loop {
            let response = self.post("receive", b"");
            if response.status != 204 {
                return response;
            }
        }
    }
}

impl RawPeer for LongPollPeer {
    /// Sends a message. That the router refuses it is no failure of the test.
    fn send_octets(&mut self, message: &[u8]) {
        let answer = self.post("send", message);
        assert!(matches!(answer.status, 204 | 400 | 404), "{answer}");
    }

    fn receive_octets(&mut self) -> Vec<u8> {
        let response = self.poll();
        assert_eq!(response.status, 200, "a message was expected, not {response}");
        response.body
    }

    fn receive_end(&mut self) {
        let response = self.poll();
        assert_eq!(response.status, 404, "the end of the session was expected, not {response}");
    }
}
