//! The sender of a progressive call.

use std::future::poll_fn;

use cloverleaf_wamp::message::{Call, CallOptions, CancelMode, ClientMessage};
use cloverleaf_wamp::payload::Payload;
use compact_str::CompactString;
use serde::Serialize;

use crate::arguments;
use crate::error::Error;
use crate::pending::RequestKey;
use crate::sent_request::ended;
use crate::session::Session;

/// Sends the parts of a progressive call that follow the first.
///
/// Dropping it before [`finish`](Self::finish) cancels the call, so that the callee does not
/// mistake half an upload for a whole one.
#[derive(Debug)]
#[must_use = "dropping it cancels the call"]
pub struct ProgressiveCall {
    session: Session,
    procedure: CompactString,
    /// None if the first part could not be sent, or the last part was sent.
    call: Option<RequestKey>,
}

impl ProgressiveCall {
    pub(super) const fn new(
        session: Session,
        procedure: CompactString,
        call: Option<RequestKey>,
    ) -> Self {
        Self { session, procedure, call }
    }

    /// Sends a part with positional arguments: a tuple, an array or a `Vec`. Waits while the link
    /// is congested.
    ///
    /// # Errors
    /// When an argument cannot be encoded, or the call has ended. The call's own future resolves to
    /// the reason.
    pub async fn send(&mut self, args: impl Serialize) -> Result<(), Error> {
        let payload = arguments::args(&self.session, &args)?;
        self.send_part(payload, true).await
    }

    /// Sends a part whose arguments are encoded already.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_payload(&mut self, payload: Payload) -> Result<(), Error> {
        self.send_part(payload, true).await
    }

    /// Marks the end of the call with an empty last part.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn finish(self) -> Result<(), Error> {
        self.finish_payload(Payload::EMPTY).await
    }

    /// Sends the last part.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn finish_with(self, args: impl Serialize) -> Result<(), Error> {
        let payload = arguments::args(&self.session, &args)?;
        self.finish_payload(payload).await
    }

    /// Sends a last part whose arguments are encoded already.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn finish_payload(mut self, payload: Payload) -> Result<(), Error> {
        self.send_part(payload, false).await?;
        self.call = None;
        Ok(())
    }

    async fn send_part(&self, payload: Payload, more_follow: bool) -> Result<(), Error> {
        let key = self.call.ok_or_else(ended)?;
        // The other options of the first part stay in effect (advanced profile, "Progressive Call
        // Invocations").
        let options =
            CallOptions { progress: more_follow.then_some(true), ..CallOptions::default() };
        let (request, procedure) = (key.request(), self.procedure.clone().into());
        let part = ClientMessage::Call(Call { request, options, procedure, payload });
        while !self.session.continue_call(key, part.clone())? {
            poll_fn(|context| self.session.shared().link.poll_room(context)).await;
        }
        Ok(())
    }
}

impl Drop for ProgressiveCall {
    fn drop(&mut self) {
        if let Some(key) = self.call {
            self.session.request_cancel(key, CancelMode::KillNoWait);
        }
    }
}
