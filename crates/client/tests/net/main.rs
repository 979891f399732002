//! Sessions over real sockets, towards a small router that is made for these tests.

mod events;
mod joining;
mod leaving;
mod limits;
mod procedures;
mod reconnecting;
mod router;
mod scenario;
