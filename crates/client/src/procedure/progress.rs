//! A procedure's parameter that sends progressive results.

use std::future::poll_fn;
use std::sync::Arc;

use super::invocation::{FromInvocation, Invocation};
use crate::answer::{Answer, IntoAnswer};
use crate::error::Failure;
use crate::progressive_invocation::{InvocationGuard, ProgressiveInvocation};

/// Sends progressive results while the procedure runs, and tells whether the invocation is over. A
/// parameter of a procedure; see the [module](crate::procedure).
#[derive(Debug, Clone)]
pub struct Progress {
    invocation: ProgressiveInvocation,
    is_wanted: bool,
}

impl Progress {
    /// Whether the caller receives progressive results: it has asked for them, and caller and
    /// router support them.
    pub const fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// Whether the procedure has ended or its call was canceled.
    pub fn is_over(&self) -> bool {
        self.invocation.is_over()
    }

    /// Sends a progressive result: one positional value, or an [`Answer`]. Waits while the link is
    /// congested. Returns false, and sends nothing, if the caller did not ask for progressive
    /// results.
    ///
    /// # Errors
    /// When the procedure has ended, its call was canceled, the session has ended, or the value
    /// cannot be encoded.
    pub async fn send(&self, part: impl IntoAnswer) -> Result<bool, Failure> {
        let Some(part) = self.prepare(part)? else { return Ok(false) };
        while !self.offer(part.clone())? {
            let host = &self.invocation.host;
            poll_fn(|context| host.poll_room(context)).await;
        }
        Ok(true)
    }

    /// Sends a progressive result without waiting, for use in threads.
    ///
    /// # Errors
    /// As [`send`](Self::send), and `wamp.error.unavailable` when the link is congested; the result
    /// can be sent again later.
    pub fn try_send(&self, part: impl IntoAnswer) -> Result<bool, Failure> {
        let Some(part) = self.prepare(part)? else { return Ok(false) };
        if self.offer(part)? {
            return Ok(true);
        }
        Err(Failure::unavailable("the router does not read what it is sent fast enough"))
    }

    /// Encodes a result; none if the caller does not receive progressive results.
    fn prepare(&self, part: impl IntoAnswer) -> Result<Option<Answer>, Failure> {
        if self.is_over() {
            return Err(over());
        }
        if !self.is_wanted {
            return Ok(None);
        }
        part.into_answer(self.invocation.host.serializer()).map(Some)
    }

    /// Sends a result. Returns false when the link is congested.
    fn offer(&self, part: Answer) -> Result<bool, Failure> {
        let ProgressiveInvocation { host, key } = &self.invocation;
        Ok(host.send_progress(*key, part).ok_or_else(over)??)
    }
}

impl FromInvocation for Progress {
    fn from_invocation(invocation: &mut Invocation) -> Result<Self, Failure> {
        let Invocation { host, request, guard, .. } = invocation;
        // `is_over` works for callers without progressive results too, so track the invocation.
        let guard = guard.get_or_insert_with(|| {
            let key = host.begin(*request);
            InvocationGuard(ProgressiveInvocation { host: Arc::clone(host), key })
        });
        Ok(Self { invocation: guard.0.clone(), is_wanted: invocation.wants_progress })
    }
}

fn over() -> Failure {
    Failure::canceled("the call has ended")
}
