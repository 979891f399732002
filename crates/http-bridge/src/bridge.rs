//! The entry point of the bridge: from a request to the future of its response.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::Bytes;
use cloverleaf_client::{CallFuture, PublishFuture, Session};

use crate::body_error::BodyError;
use crate::checks;
use crate::denial::Denial;
use crate::envelope::Envelope;
use crate::excerpt::excerpt;
use crate::head::HttpHead;
use crate::peer::RequestPeer;
use crate::replays::ReplayGuard;
use crate::response::{BridgeResponse, ResponseHeaders, StatusAndBody};
use crate::settings::BridgeSettings;
use crate::{call, publish};

/// The type of a path of the web server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// POST calls a procedure.
    Caller,
    /// POST publishes an event.
    Publisher,
}

/// A caller or publisher path with its session.
#[derive(Debug)]
pub struct Bridge {
    session: Session,
    resource: Resource,
    settings: BridgeSettings,
    /// None if replayed requests are accepted.
    replays: Option<ReplayGuard>,
}

impl Bridge {
    /// Creates a bridge that calls and publishes through `session`. The driver of the session need
    /// not be polled: the bridge registers no procedures.
    pub fn new(session: Session, resource: Resource, settings: BridgeSettings) -> Self {
        let limit = settings.timestamp_delta_limit;
        let replays = settings.remembered_nonces.map(|max| ReplayGuard::new(limit, max));
        Self { session, resource, settings, replays }
    }

    /// Maximum length of a body, in bytes. The HTTP server stops reading above it.
    pub fn body_limit(&self) -> usize {
        self.settings.body_limit()
    }

    /// Checks a request and sends it to the router at once. The returned future waits for the
    /// outcome. The body of methods other than POST and PUT is ignored. `now` is the time for
    /// checking the age of a signature.
    pub fn handle(
        &self,
        head: &impl HttpHead,
        peer: RequestPeer,
        body: Result<Bytes, BodyError>,
        now: SystemTime,
    ) -> ResponseFuture<'_> {
        if !self.settings.allowed_origins.accept(head) {
            return self.deny_origin();
        }
        let headers = ResponseHeaders::answering(head, &self.settings.allowed_origins);
        let (headers, state) = match head.method() {
            "POST" | "PUT" => match self.start(head, peer, body, now) {
                Ok(state) => (headers, state),
                Err(denial) => (headers, ResponseState::Answered(self.deny(&denial))),
            },
            "OPTIONS" => (headers.naming_methods(), ResponseState::Answered(StatusAndBody::EMPTY)),
            method => {
                let denial = Denial::Method(excerpt(method.as_bytes()));
                (headers.naming_methods(), ResponseState::Answered(self.deny(&denial)))
            }
        };
        ResponseFuture { bridge: self, headers: Some(headers), state }
    }

    fn start(
        &self,
        head: &impl HttpHead,
        peer: RequestPeer,
        body: Result<Bytes, BodyError>,
        now: SystemTime,
    ) -> Result<ResponseState, Denial> {
        let body = checks::accept(head, peer, body, &self.settings, self.replays.as_ref(), now)?;
        Ok(match self.resource {
            Resource::Caller => {
                let envelope = Envelope::parse(&body)?;
                ResponseState::Calling(call::start(&self.session, envelope, &self.settings))
            }
            Resource::Publisher => {
                let envelope = Envelope::parse(&body)?;
                ResponseState::Publishing(publish::start(&self.session, envelope, &self.settings))
            }
        })
    }

    #[cold]
    fn deny_origin(&self) -> ResponseFuture<'_> {
        let headers = Some(ResponseHeaders::answering_foreign_page());
        let state = ResponseState::Answered(self.deny(&Denial::Origin));
        ResponseFuture { bridge: self, headers, state }
    }

    #[cold]
    fn deny(&self, denial: &Denial) -> StatusAndBody {
        if self.settings.debug {
            tracing::debug!(code = denial.code(), reason = ?denial.to_string(), "request denied");
        }
        StatusAndBody::of_denial(denial)
    }
}

impl Drop for Bridge {
    /// The session leaves its realm.
    fn drop(&mut self) {
        // An error means that it has left already.
        let _ = self.session.leave();
    }
}

/// Resolves to the response of one request. Waits for the router only. Dropping it, because the
/// client has closed its connection, cancels the call.
#[derive(Debug)]
#[must_use = "dropping the future cancels the call"]
pub struct ResponseFuture<'b> {
    bridge: &'b Bridge,
    headers: Option<ResponseHeaders>,
    state: ResponseState,
}

#[derive(Debug)]
enum ResponseState {
    Answered(StatusAndBody),
    Calling(CallFuture),
    Publishing(PublishFuture),
}

impl Future for ResponseFuture<'_> {
    type Output = BridgeResponse;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<BridgeResponse> {
        let this = &mut *self;
        let settings = &this.bridge.settings;
        let answer = match &mut this.state {
            ResponseState::Answered(answer) => std::mem::replace(answer, StatusAndBody::EMPTY),
            ResponseState::Calling(future) => {
                call::answer(ready!(Pin::new(future).poll(context)), settings)
            }
            ResponseState::Publishing(future) => {
                publish::answer(ready!(Pin::new(future).poll(context)), settings)
            }
        };
        let headers = this.headers.take().expect("a future is not polled after its end");
        Poll::Ready(headers.with(answer))
    }
}
