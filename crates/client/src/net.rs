//! Sessions over sockets: WebSocket over TCP, RawSocket over TCP and Unix sockets.
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
//! One task carries the connection and runs the session's procedures, side by side and on one
//! thread at a time: a procedure that computes for long should hand its work to another task or
//! thread.
//!
//! | room | what it is for |
//! |---|---|
//! | [`target`] | where a router is and how it is spoken to |
//! | `opening` | socket, handshake, HELLO and WELCOME |
//! | `link` | the session's way into the connection's queue |
//! | `peer` | the connection's way into the session |
//! | `connector` | the connections of one session, one after the other |
//! | `carrier` | the task: carries the connection, runs the procedures |
//! | `turn` | its wake-ups by itself |
//! | [`reconnect`] | how often and how patiently |

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
pub use target::{Endpoint, Protocol, Target};

use connection_task::ConnectionTask;
use connector::Connector;

/// A session that has not been opened yet; see the [module](self).
#[derive(Debug, Clone)]
#[must_use = "nothing is connected before `connect` is awaited"]
pub struct Client {
    target: Target,
    realm: CompactString,
    reconnect: Option<Reconnect>,
}

impl Client {
    /// A router at an address: `ws://host[:port]/path` (WebSocket), `tcp://host:port` or
    /// `unix:/path/to/socket` (RawSocket), `unix:@name` for a name of the abstract namespace.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] with a sentence that says what is wrong with the address.
    pub fn new(address: &str) -> Result<Self, Error> {
        address.parse().map(Self::at)
    }

    /// A router at a target that is given in its parts.
    pub const fn at(target: Target) -> Self {
        Self { target, realm: CompactString::const_new("realm1"), reconnect: None }
    }

    /// The realm to join; `realm1` unless told otherwise.
    pub fn realm(mut self, realm: impl Into<CompactString>) -> Self {
        self.realm = realm.into();
        self
    }

    /// The one serializer to use. Otherwise RawSocket uses msgpack, and WebSocket offers all,
    /// msgpack first, for the router to choose.
    pub fn serializer(mut self, serializer: Serializer) -> Self {
        self.target.serializers = vec![serializer];
        self
    }

    /// The longest message to take from the router, in bytes; 16 MiB unless told otherwise.
    /// RawSocket knows powers of two and rounds down.
    pub const fn max_message(mut self, bytes: usize) -> Self {
        self.target.max_message = bytes;
        self
    }

    /// A lost connection is replaced: see [`Reconnect`].
    pub const fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = Some(reconnect);
        self
    }

    /// Connects and joins the realm, anonymously. The session is carried by a task on the current
    /// tokio runtime until it ends. Not repeated when it fails: only a session that has joined
    /// reconnects.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] when the router can't be reached or does not answer in time, with a
    /// sentence that names the address; [`Error::Wamp`] when it answers with ABORT.
    pub async fn connect(self) -> Result<Session, Error> {
        let Self { target, realm, reconnect } = self;
        let (connector, driver, joined) = Connector::open(target, realm, reconnect).await?;
        let session = connector.session.clone();
        tokio::spawn(ConnectionTask::new(connector, driver).run(joined));
        Ok(session)
    }
}
