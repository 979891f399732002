//! The bridge as an HTTP server sees it, over a router that answers by heart.

mod caller;
mod cors;
mod lab;
mod publisher;
mod request;
mod signature;
