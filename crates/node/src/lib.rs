//! The program: it wires realms, listeners, the HTTP bridge, components and containers together.
//!
//! Everything here is wiring. Routing is in `cloverleaf-router`, bytes are in
//! `cloverleaf-transport`, HTTP requests get their meaning in `cloverleaf-http-bridge`.
//! A program that embeds the node registers its components and hands over to [`main`].
//!
//! | room | what it is for |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`components`] | `classname` in the configuration → a Rust component |
//! | `start` | from settings to a running node |
//! | `realms` | those that are there, named or made from a template |
//! | `realm_host` | how a realm runs: the lock, the clock, the deadlines |
//! | `program` | checks of a configuration against this program and its machine |
//! | `event_store` | between a realm and the file of its stored events |
//! | `memory` | what all connections may hold together |
//! | `schemas` | payloads held against JSON Schemas |
//! | `ports` | where a realm's messages go: a connection or a session in this process |
//! | `local` | sessions in this process |
//! | `peer` | a connection's session, from HELLO to the end |
//! | `listen` | listeners and their connections |
//! | `web` | HTTP: a path to its service |
//! | `container` | containers: processes of their own, supervised |
//! | `shutdown` | the end, in numbered phases |
//! | `signals` | what the process does when it gets a signal |
//! | `threads` | which thread a connection lives on, and when it sleeps |
//! | `tuning` | options that change how fast a node is and nothing of what it answers |
//! | `descriptors` | how many connections the process may have |
//! | `log` | how the log is written |

pub mod cli;
pub mod components;
mod container;
mod descriptors;
mod event_store;
mod listen;
mod local;
mod log;
mod memory;
mod meter;
mod peer;
mod ports;
mod program;
mod realm_host;
mod realms;
mod schemas;
mod shutdown;
mod signals;
mod start;
mod threads;
mod tuning;
mod web;

pub use cli::main;
pub use components::{Component, ComponentError, Components, Joined};
