//! The transports and serializers of the matrix, and sessions over them.

use std::fmt;

use cloverleaf_client::{Client, Serializer, Session};

use crate::longpoll;

/// How a session reaches the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    WebSocket,
    Tcp,
    Unix,
    LongPoll,
    InProcess,
}

/// A transport with a serializer; for the session in the process, it is that of the other side.
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

/// Where the router listens.
#[derive(Debug)]
pub(crate) struct Addresses {
    web: String,
    tcp: String,
    unix: String,
}

impl Addresses {
    /// From three words: `127.0.0.1:40001 127.0.0.1:40002 /path/to/router.sock`.
    pub(crate) fn from_line(line: &str) -> Self {
        let mut words = line.split_whitespace().map(str::to_owned);
        let mut next = || words.next().expect("three addresses");
        Self { web: next(), tcp: next(), unix: next() }
    }
}

impl Attachment {
    /// The whole matrix.
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

    /// Whom it speaks to: somebody in the process with another's serializer, everybody else with
    /// somebody whose messages have to be transcoded.
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

    /// A session that has joined.
    pub(crate) async fn open(self, addresses: &Addresses, in_process: &Session) -> Session {
        let url = match self.transport {
            Transport::InProcess => return in_process.clone(),
            Transport::LongPoll => return longpoll::join(&addresses.web, self.serializer).await,
            Transport::WebSocket => format!("ws://{}/ws", addresses.web),
            Transport::Tcp => format!("tcp://{}", addresses.tcp),
            Transport::Unix => format!("unix:{}", addresses.unix),
        };
        let client = Client::new(&url).expect("an address").serializer(self.serializer);
        client.connect().await.expect("the router opens a session")
    }
}
