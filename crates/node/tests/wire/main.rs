//! The plain router as a process, spoken to in raw octets.

#[path = "../lab/mod.rs"]
mod lab;

mod batched;
mod client_library;
mod command_line;
mod default_node;
mod deflate;
mod endpoints;
mod files;
mod formats;
mod http;
mod idle;
mod kept_events;
mod longpoll;
mod longpoll_sessions;
mod memory;
mod messages;
mod meta;
mod order;
mod rawsocket;
mod realm_template;
mod requests;
mod router;
mod short_way;
mod shutdown;
mod slow_consumer;
mod ubjson;
mod universal;
mod validation;
mod websocket;
mod websocket_options;
