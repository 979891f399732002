//! The plain router as a process, spoken to in raw octets.

#[path = "../lab/mod.rs"]
mod lab;

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
mod files;
mod files_confined;
mod formats;
mod http;
mod idle;
mod lenient;
mod log;
mod longpoll;
mod longpoll_sessions;
mod memory;
mod messages;
mod meta;
mod order;
mod origins;
mod presets;
mod public_examples;
mod rawsocket;
mod realm_template;
mod refusals;
mod requests;
mod router;
mod short_way;
mod shutdown;
mod signals;
mod slow_consumer;
mod ubjson;
mod universal;
mod validation;
mod websocket;
mod websocket_options;
