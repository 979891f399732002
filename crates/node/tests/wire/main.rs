//! The router as a process, spoken to in raw octets.

#[path = "../support/mod.rs"]
mod support;

mod access_log;
mod batched;
mod client_library;
mod command_line;
mod crossbar_config;
mod default_node;
mod deflate;
mod endpoints;
mod event_store;
mod event_store_faults;
mod fast_path;
mod fast_path_connections;
mod http;
mod http_timeouts;
mod lenient;
mod limits;
mod log;
mod longpoll;
mod longpoll_sessions;
mod malformed_messages;
mod memory;
mod messages;
mod meta;
mod order;
mod origins;
mod presets;
mod public_examples;
mod rawsocket;
mod realm_template;
mod refusal_log;
mod requests;
mod router;
mod shutdown;
mod signals;
mod slow_consumer;
mod static_files;
mod static_files_confined;
mod ubjson;
mod universal_transport;
mod validation;
mod websocket;
mod websocket_options;
