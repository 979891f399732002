//! Tests of sessions without sockets. The test plays the router.

mod calls;
mod events;
mod lab;
mod options;
mod procedures;
mod progressive_calls;
mod progressive_results;
mod revocation;
