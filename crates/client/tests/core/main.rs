//! Sessions without sockets: what the application does, what is sent, what the router says.

mod calls;
mod events;
mod lab;
mod options;
mod procedures;
mod progressive_calls;
mod progressive_results;
mod revocation;
