//! A schema for tests, with which nothing has to be read.

use std::sync::Arc;

use cloverleaf_router::{PayloadSchema, Schema};
use cloverleaf_wamp::payload::Payload;

/// The positional arguments are whole numbers.
#[derive(Debug)]
pub struct Numbers;

impl Numbers {
    /// What [`Numbers`] says of anything else.
    pub const REASON: &'static str = "not all are numbers";

    /// As the schema of a permission.
    pub fn schema() -> Schema {
        Some(Arc::new(Self))
    }
}

impl PayloadSchema for Numbers {
    fn check(&self, payload: &Payload) -> Result<(), String> {
        match payload.decode_args::<Vec<u64>>() {
            Ok(_) => Ok(()),
            Err(_) => Err(Self::REASON.to_owned()),
        }
    }
}
