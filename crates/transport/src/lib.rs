//! Connections that carry messages: one future a peer, bounded in both directions.
//!
//! Bytes become messages for a [`Peer`], and what is pushed into its [`OutboundSender`] queue becomes
//! bytes. What a message means is not known here; a server's and a client's connection are the same
//! code with the directions swapped.
//!
//! | room | what it is for |
//! |---|---|
//! | [`connection`] | the future of one peer: read, decode, hand over; take, encode, write |
//! | [`outbound`] | the bounded queue between the router and a connection |
//! | [`framing`] | how messages stand in the byte stream: RawSocket or WebSocket |
//! | [`input_memory`] | what unfinished messages of all connections hold |
//! | [`keepalive`] | pings of our own, and peers that do not answer them |
//! | [`wamp`] | the handler that speaks WAMP |
//! | [`batched`] | the handler that speaks it in batches |
//! | [`echo`] | the handler that sends back what it gets, for conformance tests |
//! | [`longpoll`] | a session whose peer has no connection and comes for its messages |
//! | [`detect`] | what a peer of a shared port speaks |
//! | [`proxy_protocol`] | for whom a proxy connects |
//! | [`rawsocket`], [`websocket`] | the handshakes |
//! | [`peer_info`] | what is known of the peer of a connection |
//! | [`stream`], [`listener`] | sockets |
//! | [`arrivals`] | how often a thread has read something |
//! | [`log_limit`] | log lines at most once a second |
//! | [`limits`] | every number, with its reason |

pub mod arrivals;
pub mod batched;
pub mod connection;
pub mod detect;
pub mod echo;
pub mod error;
pub mod framing;
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
pub mod stream;
pub mod wamp;
pub mod websocket;

pub use batched::BatchedHandler;
pub use connection::{Connection, Flow, Handler};
pub use error::{CloseReason, TransportError};
pub use framing::{Framing, WebSocketServerOptions};
pub use input_memory::InputMemory;
pub use keepalive::KeepAlive;
pub use outbound::{
    OutboundReceiver, OutboundSender, Overflow, Pushed, QueueMemory, Queued, SlowConsumer,
};
pub use peer_info::{HttpInfo, PeerInfo};
pub use stream::{AcceptedSocket, Stream};
pub use wamp::{ClientSide, Peer, ServerSide, Side, Undeliverable, WaitingMessage, WampHandler};
