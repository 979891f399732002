//! Tests of whole configurations through the public API of the crate.

mod crossbar;
mod crossbar_permissions;
mod default_node;
mod endpoints;
mod environment;
mod fixtures;
mod limits;
mod locations;
mod longpoll;
mod options;
mod permissions;
mod references;
mod seeds;
mod stores;
mod universal;
mod unsupported;
mod validate;
mod web;
mod without_effect;
