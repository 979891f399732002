//! Connections and handshakes as a peer sees them: bytes in, bytes out.

mod closing;
mod congestion;
mod deflate;
mod framing;
mod handshakes;
mod keepalive;
mod listening;
mod manners;
mod packing;
mod peer;
