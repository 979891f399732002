//! Connections and handshakes from the view of a peer: bytes in, bytes out.

mod batching;
mod closing;
mod congestion;
mod deflate;
mod detecting;
mod echoing;
mod framing;
mod handshakes;
mod keepalive;
mod listening;
mod longpoll;
mod memory;
mod packing;
mod peer;
mod proxy_protocol;
mod unfinished;
mod waited_for;
mod websocket_options;
