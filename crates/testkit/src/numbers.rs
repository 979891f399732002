//! A payload schema for tests that needs no schema file.

use std::any::Any;
use std::sync::Arc;

use cloverleaf_router::{PayloadSchema, Schema};
use cloverleaf_wamp::payload::Payload;

/// Accepts integers as positional arguments.
#[derive(Debug)]
pub struct Numbers;

impl Numbers {
    /// The fault that [`Numbers`] reports.
    pub const REASON: &'static str = "not all are numbers";

    /// The schema as a permission holds it.
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

    fn is_equal(&self, other: &dyn PayloadSchema) -> bool {
        (other as &dyn Any).is::<Self>()
    }
}
