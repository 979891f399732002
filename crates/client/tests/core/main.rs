//! Sessions without sockets: what the application does, what is sent, what the router says.

mod calls;
mod desk;
mod events;
mod options;
mod parts;
mod procedures;
mod results;
mod revocation;
