//! Tests of the bridge through its interface for HTTP servers, with a fake router.

mod caller;
mod cors;
mod lab;
mod publisher;
mod request;
mod signature;
