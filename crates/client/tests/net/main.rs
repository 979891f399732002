//! Tests of sessions over real sockets, with a small router of their own.

mod events;
mod joining;
mod leaving;
mod limits;
mod procedures;
mod reconnecting;
mod router;
mod scenario;
