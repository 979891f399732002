//! Whole configurations through the public face of the crate.

mod crossbar;
mod crossbar_permissions;
mod default_node;
mod endpoints;
mod given;
mod longpoll;
mod options;
mod permissions;
mod places;
mod program;
mod references;
mod seeds;
mod stores;
mod universal;
mod unsupported;
mod validate;
mod web;
mod without_effect;
