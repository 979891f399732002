//! Sending a result in parts.

use std::future::poll_fn;

use super::{Answer, FromInvocation, IntoAnswer, Invocation};
use crate::error::Failure;
use crate::progressive_invocation::{InvocationGuard, ProgressiveInvocation};

/// Sends parts of the result while the procedure runs, where the caller takes them, and knows when
/// nobody waits for the result any more. A parameter of a procedure; see the
/// [module](crate::procedure).
#[derive(Debug, Clone)]
pub struct Progress {
    exchange: ProgressiveInvocation,
    is_wanted: bool,
}

impl Progress {
    /// Whether the caller takes parts. It does when it has asked for them, and all between
    /// understand that.
    pub const fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// Whether the procedure has ended or was given up.
    pub fn is_over(&self) -> bool {
        self.exchange.is_over()
    }

    /// Sends a part: one positional value, or an [`Answer`]. Waits while the router does not read
    /// what it is sent. Says whether it was sent; it is not when nobody wants it.
    ///
    /// # Errors
    /// When the procedure has ended or was given up, the value has no form, or the session has
    /// ended.
    pub async fn send(&self, part: impl IntoAnswer) -> Result<bool, Failure> {
        let Some(part) = self.prepare(part)? else { return Ok(false) };
        while !self.offer(part.clone())? {
            let link = &self.exchange.session.shared().link;
            poll_fn(|context| link.poll_room(context)).await;
        }
        Ok(true)
    }

    /// The same without waiting, for threads of their own.
    ///
    /// # Errors As [`send`](Self::send), and with `wamp.error.unavailable` when the router does not
    /// read what it is sent; the part can be sent again.
    pub fn try_send(&self, part: impl IntoAnswer) -> Result<bool, Failure> {
        let Some(part) = self.prepare(part)? else { return Ok(false) };
        if self.offer(part)? {
            return Ok(true);
        }
        Err(Failure::unavailable("the router does not read what it is sent fast enough"))
    }

    /// The part to be sent; none when nobody wants it.
    fn prepare(&self, part: impl IntoAnswer) -> Result<Option<Answer>, Failure> {
        if self.is_over() {
            return Err(over());
        }
        if !self.is_wanted {
            return Ok(None);
        }
        part.into_answer(self.exchange.session.shared().serializer).map(Some)
    }

    /// Whether the part was taken.
    fn offer(&self, part: Answer) -> Result<bool, Failure> {
        let ProgressiveInvocation { session, key } = &self.exchange;
        Ok(session.yield_part(*key, part).ok_or_else(over)??)
    }
}

impl FromInvocation for Progress {
    fn from_invocation(invocation: &mut Invocation) -> Result<Self, Failure> {
        let Invocation { session, request, lifetime, .. } = invocation;
        // Also where the caller takes no parts the procedure may ask whether it was given up.
        let lifetime = lifetime.get_or_insert_with(|| {
            let key = session.shared().state.lock().inbox.progressive.begin(*request, false);
            InvocationGuard(ProgressiveInvocation { session: session.clone(), key })
        });
        Ok(Self { exchange: lifetime.0.clone(), is_wanted: invocation.wants_progress })
    }
}

fn over() -> Failure {
    Failure::canceled("nobody waits for the result any more")
}
