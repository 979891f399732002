//! The plain router as a process, spoken to in raw octets.

#[path = "../lab/mod.rs"]
mod lab;

mod batched;
mod command_line;
mod default_node;
mod deflate;
mod endpoints;
mod files;
mod formats;
mod http;
mod idle;
mod memory;
mod messages;
mod rawsocket;
mod requests;
mod router;
mod short_way;
mod shutdown;
mod slow_consumer;
mod websocket;
mod websocket_options;
