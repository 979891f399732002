//! The transports and serializers of the matrix, and sessions over them.

use std::fmt;

use cloverleaf_client::{Client, Serializer, Session};

use crate::longpoll;

/// The transport of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    WebSocket,
    Tcp,
    Unix,
    LongPoll,
    InProcess,
}

/// A transport with a serializer. For the session in the process, it is the serializer of the other
/// session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attachment {
    transport: Transport,
    serializer: Serializer,
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::WebSocket => "websocket",
            Transport::Tcp => "tcp",
            Transport::Unix => "unix",
            Transport::LongPoll => "longpoll",
            Transport::InProcess => "in-process",
        };
        write!(f, "{transport}-{}", self.serializer.name())
    }
}

/// The router of the matrix: its addresses, and the session in its process.
#[derive(Debug)]
pub(crate) struct Router {
    web: String,
    tcp: String,
    unix: String,
    in_process: Session,
}

impl Router {
    /// From three addresses: `127.0.0.1:40001 127.0.0.1:40002 /path/to/router.sock`.
    pub(crate) fn at(line: &str, in_process: Session) -> Self {
        let mut words = line.split_whitespace().map(str::to_owned);
        let mut next = || words.next().expect("three addresses");
        Self { web: next(), tcp: next(), unix: next(), in_process }
    }
}

impl Attachment {
    /// All attachments.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let transports = [
            Transport::WebSocket,
            Transport::Tcp,
            Transport::Unix,
            Transport::LongPoll,
            Transport::InProcess,
        ];
        let with_all = |transport| {
            Serializer::DEFAULT.into_iter().map(move |serializer| Self { transport, serializer })
        };
        transports.into_iter().flat_map(with_all)
    }

    /// The attachment of the other session. The session in the process talks to each serializer;
    /// every other one talks to a session whose messages have to be transcoded.
    pub(crate) fn counterpart(self) -> Self {
        let serializer = match (self.transport, self.serializer) {
            (Transport::InProcess, serializer) => serializer,
            (_, Serializer::MsgPack) => Serializer::Json,
            _ => Serializer::MsgPack,
        };
        let transport = match self.transport {
            Transport::Unix => Transport::WebSocket,
            _ => Transport::Unix,
        };
        Self { transport, serializer }
    }

    /// The attachment of a session that may end: this one, unless it is the one in the process.
    pub(crate) fn for_visitors(self) -> Self {
        if self.transport == Transport::InProcess { self.counterpart() } else { self }
    }

    /// Opens a session, which has joined.
    pub(crate) async fn open(self, router: &Router) -> Session {
        let url = match self.transport {
            Transport::InProcess => return router.in_process.clone(),
            Transport::LongPoll => return longpoll::join(&router.web, self.serializer).await,
            Transport::WebSocket => format!("ws://{}/ws", router.web),
            Transport::Tcp => format!("tcp://{}", router.tcp),
            Transport::Unix => format!("unix:{}", router.unix),
        };
        let client = Client::new(&url).expect("an address").serializer(self.serializer);
        client.connect().await.expect("the router opens a session")
    }
}
