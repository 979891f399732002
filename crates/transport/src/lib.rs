//! Connections that carry messages: one future per connection, bounded in both directions.
//!
//! Received bytes become messages for a [`Peer`], and messages that are pushed into its
//! [`OutboundSender`] become bytes. This crate does not know what a message means. A server and a
//! client use the same code with the directions swapped.
//!
//! | module | purpose |
//! |---|---|
//! | [`connection`] | the future of one connection: read, decode, deliver; take, encode, write |
//! | [`handler`] | the interface between a connection and its session |
//! | [`outbound`] | the bounded queue between the router and a connection |
//! | [`framing`] | framing of messages in the byte stream: RawSocket or WebSocket |
//! | [`input_memory`] | the memory for unfinished messages of all connections |
//! | [`keepalive`] | keep-alive pings |
//! | [`wamp`] | the handler for WAMP messages |
//! | [`batched`] | the handler for batches of WAMP messages |
//! | [`echo`] | the handler that returns each message, for conformance tests |
//! | [`longpoll`] | a session without a connection, whose peer polls for its messages |
//! | [`detect`] | detects the protocol of a peer on a shared port |
//! | [`proxy_protocol`] | the client's address in the header of a proxy |
//! | [`rawsocket`], [`websocket`] | the opening handshakes |
//! | [`peer_info`] | what is known of the peer of a connection |
//! | [`stream`], [`listener`] | sockets |
//! | [`connections`] | the accepted connections of a process, counted |
//! | [`shutdown`] | the signal that something ends |
//! | [`arrivals`] | the number of reads of a thread |
//! | [`log_limit`] | log lines at most once a second |
//! | [`limits`] | every limit with its reason |

pub mod arrivals;
pub mod batched;
pub mod connection;
pub mod connections;
pub mod detect;
pub mod echo;
pub mod error;
pub mod framing;
pub mod handler;
pub mod input_memory;
pub mod keepalive;
pub mod limits;
pub mod listener;
pub mod log_limit;
pub mod longpoll;
pub mod outbound;
pub mod peer_info;
pub mod proxy_protocol;
pub mod rawsocket;
pub mod shutdown;
pub mod stream;
pub mod wamp;
pub mod websocket;

pub use batched::BatchedHandler;
pub use connection::Connection;
pub use connections::{ConnectionGuard, Connections, ListenerId};
pub use error::{CloseReason, TransportError};
pub use framing::{Framing, WebSocketServerOptions};
pub use handler::{Flow, Handler, Lifecycle};
pub use input_memory::InputMemory;
pub use keepalive::KeepAlive;
pub use limits::ConnectionLimits;
pub use outbound::{
    OutboundReceiver, OutboundSender, Overflow, Pushed, QueueMemory, Queued, SlowConsumer,
};
pub use peer_info::{ConnectionPeer, HttpInfo, PeerInfo, TlsInfo};
pub use stream::{AcceptedSocket, Stream};
pub use wamp::{
    ClientSide, Interception, Peer, ServerSide, Side, Undeliverable, WaitingMessage, WampHandler,
};
