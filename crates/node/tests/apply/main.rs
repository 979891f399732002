//! A node in this process that gets other settings while clients use it.

#[path = "../support/temp_directory.rs"]
mod temp_directory;

mod blocking;
mod clients;
mod components;
mod connections;
mod failures;
mod fixture;
mod limits;
mod listeners;
mod paths;
mod realms;
mod roles;
