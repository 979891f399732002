//! A schema for tests, built without a schema language.

use std::sync::Arc;

use cloverleaf_router::{PayloadSchema, Schema};
use cloverleaf_wamp::payload::Payload;

/// Accepts whole numbers as positional arguments only.
#[derive(Debug)]
pub struct Numbers;

impl Numbers {
    /// The reason for which [`Numbers`] rejects anything else.
    pub const REASON: &'static str = "not all are numbers";

    /// The schema for a permission.
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
