//! Whole configurations through the public face of the crate.

mod default_node;
mod endpoints;
mod given;
mod longpoll;
mod options;
mod permissions;
mod places;
mod references;
mod seeds;
mod stores;
mod universal;
mod unsupported;
mod validate;
mod web;
mod without_effect;
