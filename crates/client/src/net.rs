//! Sessions over sockets: WebSocket over TCP, RawSocket over TCP and over Unix sockets.
//!
//! ```no_run
//! # async fn example() -> Result<(), cloverleaf_client::Error> {
//! use cloverleaf_client::{Args, Client, Failure, Reconnect};
//!
//! async fn add(Args((a, b)): Args<(i64, i64)>) -> Result<i64, Failure> {
//!     a.checked_add(b).ok_or_else(|| Failure::invalid_argument("the sum is too large"))
//! }
//!
//! let session = Client::new("ws://127.0.0.1:8080/ws")?
//!     .realm("realm1")
//!     .reconnect(Reconnect::default())
//!     .connect()
//!     .await?;
//! session.register("com.example.add2", add).await?;
//! let sum: i64 = session.call("com.example.add2").args((2, 3)).await?.value()?;
//! assert_eq!(sum, 5);
//! session.leave()?;
//! session.ended().await;
//! # Ok(())
//! # }
//! ```
//!
//! One tokio task runs the connection and the session's procedures. The procedures run concurrently
//! on one thread at a time. A long computation belongs in another task or thread.
//!
//! | module | purpose |
//! |---|---|
//! | [`target`] | the address of a router, and the protocol to speak |
//! | `opening` | socket, handshake, HELLO and WELCOME |
//! | `link` | from the session to the queue of the current connection |
//! | `peer` | from the connection to the session |
//! | `connector` | establishes the connections of one session |
//! | `connection_task` | the task: polls the connection and the driver, reconnects |
//! | `poll_together` | wake-ups between the parts of the task |
//! | [`reconnect`] | the delays between reconnect attempts |

use cloverleaf_wamp::serializer::Serializer;
use compact_str::CompactString;

use crate::error::Error;
use crate::session::Session;

mod connection_task;
mod connector;
mod link;
mod opening;
mod peer;
mod poll_together;
pub mod reconnect;
pub mod target;

pub use reconnect::Reconnect;
pub use target::{Target, TargetEndpoint, TargetProtocol};

use connection_task::ConnectionTask;
use connector::Connector;

/// Builds a session with a router; see the [module](self) for an example.
#[derive(Debug, Clone)]
#[must_use = "nothing is connected before `connect` is awaited"]
pub struct Client {
    target: Target,
    realm: CompactString,
    reconnect: Option<Reconnect>,
}

impl Client {
    /// A client of the router at an address: `ws://host[:port]/path` (WebSocket), `tcp://host:port`
    /// or `unix:/path/to/socket` (RawSocket), `unix:@name` for an abstract Unix socket.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] when the address is malformed.
    pub fn new(address: &str) -> Result<Self, Error> {
        address.parse().map(Self::at)
    }

    /// A client of the router at a [`Target`].
    pub const fn at(target: Target) -> Self {
        Self { target, realm: CompactString::const_new("realm1"), reconnect: None }
    }

    /// The realm to join; `realm1` by default.
    pub fn realm(mut self, realm: impl Into<CompactString>) -> Self {
        self.realm = realm.into();
        self
    }

    /// The only serializer to use. By default RawSocket uses msgpack; WebSocket offers all
    /// serializers, msgpack first, and the router chooses.
    pub fn serializer(mut self, serializer: Serializer) -> Self {
        self.target.serializers = vec![serializer];
        self
    }

    /// The maximum length of a received message, in bytes; 16 MiB by default. RawSocket supports
    /// powers of two only and rounds down.
    pub const fn max_message(mut self, bytes: usize) -> Self {
        self.target.max_message = bytes;
        self
    }

    /// Reconnects when the connection is lost. Off by default; see [`Reconnect`].
    pub const fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = Some(reconnect);
        self
    }

    /// Connects, joins the realm anonymously, and spawns the session's task on the current tokio
    /// runtime. A failed attempt is not repeated: only a session that has joined reconnects.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`], with the address in its text, when the router cannot be reached or does
    /// not answer in time; [`Error::Wamp`] when the router answers HELLO with ABORT.
    pub async fn connect(self) -> Result<Session, Error> {
        let Self { target, realm, reconnect } = self;
        let (connector, driver, joined) = Connector::open(target, realm, reconnect).await?;
        let session = connector.session.clone();
        tokio::spawn(ConnectionTask::new(connector, driver).run(joined));
        Ok(session)
    }
}
