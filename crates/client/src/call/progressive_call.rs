//! Making a call in parts.

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

/// Sends the parts of a call that follow the first. Dropped before [`finish`](Self::finish), it
/// cancels the call: half an upload must not look like a whole one.
#[derive(Debug)]
#[must_use = "dropping it cancels the call"]
pub struct ProgressiveCall {
    session: Session,
    procedure: CompactString,
    /// None when the call could not be made, or its last part is sent.
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

    /// Sends a part with these positional arguments: a tuple, an array or a `Vec`. Waits while the
    /// router does not read what it is sent.
    ///
    /// # Errors
    /// When the call has ended: its own future says how.
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

    /// Says with an empty part that no other one follows.
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
        // Every other option stays as the first part said (advanced profile, "Progressive Call
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
            self.session.ask_to_cancel(key, CancelMode::KillNoWait);
        }
    }
}
