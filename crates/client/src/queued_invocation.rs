//! An invocation between the session and the driver.

use cloverleaf_wamp::message::{Invocation, Options as _};

use crate::progressive_invocation::InvocationKey;

/// A received INVOCATION whose procedure has not been started.
#[derive(Debug)]
pub(crate) struct QueuedInvocation {
    pub(crate) message: Invocation,
    /// The key of a progressive invocation.
    pub(crate) progressive: Option<InvocationKey>,
    /// Bytes of details and arguments.
    pub(crate) size: usize,
}

impl QueuedInvocation {
    pub(crate) fn new(message: Invocation, progressive: Option<InvocationKey>) -> Self {
        let size = message.details.size() + message.payload.size();
        Self { message, progressive, size }
    }
}
