//! The front desk: a request in, a reply out.

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

/// What a path of the web server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Calls of procedures.
    Caller,
    /// Publications.
    Publisher,
}

/// One caller or publisher with its session.
#[derive(Debug)]
pub struct Bridge {
    session: Session,
    resource: Resource,
    settings: BridgeSettings,
    /// None where requests may be repeated.
    replays: Option<ReplayGuard>,
}

impl Bridge {
    /// A bridge that asks the router through `session`, which nobody needs to drive.
    pub fn new(session: Session, resource: Resource, settings: BridgeSettings) -> Self {
        let limit = settings.timestamp_delta_limit;
        let replays = settings.remembered_nonces.map(|max| ReplayGuard::new(limit, max));
        Self { session, resource, settings, replays }
    }

    /// The longest body that is accepted, in bytes; the listener reads no more than that.
    pub fn body_limit(&self) -> usize {
        self.settings.body_limit()
    }

    /// Begins to answer one request: looks at it whole and asks the router at once. The body of a
    /// request other than POST and PUT is not looked at. The signature's age is measured at `now`.
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
            "POST" | "PUT" => match self.ask(head, peer, body, now) {
                Ok(state) => (headers, state),
                Err(denial) => (headers, State::Answered(self.deny(&denial))),
            },
            "OPTIONS" => (headers.naming_methods(), State::Answered(StatusAndBody::EMPTY)),
            method => {
                let denial = Denial::Method(excerpt(method.as_bytes()));
                (headers.naming_methods(), State::Answered(self.deny(&denial)))
            }
        };
        ResponseFuture { bridge: self, headers: Some(headers), state }
    }

    fn ask(
        &self,
        head: &impl HttpHead,
        peer: RequestPeer,
        body: Result<Bytes, BodyError>,
        now: SystemTime,
    ) -> Result<State, Denial> {
        let body = checks::accept(head, peer, body, &self.settings, self.replays.as_ref(), now)?;
        Ok(match self.resource {
            Resource::Caller => {
                let envelope = Envelope::parse(&body)?;
                State::Calling(call::start(&self.session, envelope, &self.settings))
            }
            Resource::Publisher => {
                let envelope = Envelope::parse(&body)?;
                State::Publishing(publish::start(&self.session, envelope, &self.settings))
            }
        })
    }

    #[cold]
    fn deny_origin(&self) -> ResponseFuture<'_> {
        let headers = Some(ResponseHeaders::answering_foreign_page());
        let state = State::Answered(self.deny(&Denial::Origin));
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

/// The reply to one request, on its way. It waits for the router only; dropping it, because the
/// client has hung up, cancels the call.
#[derive(Debug)]
#[must_use = "dropping the answer cancels the call"]
pub struct ResponseFuture<'b> {
    bridge: &'b Bridge,
    headers: Option<ResponseHeaders>,
    state: State,
}

#[derive(Debug)]
enum State {
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
            State::Answered(answer) => std::mem::replace(answer, StatusAndBody::EMPTY),
            State::Calling(calling) => {
                call::answer(ready!(Pin::new(calling).poll(context)), settings)
            }
            State::Publishing(publishing) => {
                publish::answer(ready!(Pin::new(publishing).poll(context)), settings)
            }
        };
        let headers = this.headers.take().expect("an answer is polled to its end once");
        Poll::Ready(headers.with(answer))
    }
}
