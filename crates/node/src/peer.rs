//! A connection's session as the router sees it: joining, joined, and joining again after GOODBYE.
//!
//! Spec: basic profile "Sessions" and "Protocol Violations".

use std::sync::Arc;

use cloverleaf_router::{Admission, Next, SessionKey};
use cloverleaf_transport::{CloseReason, Flow, Outbound, Peer, ServerSide, Undeliverable};
use cloverleaf_wamp::error::{DecodeError, ProtocolViolation};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    Abort, ClientMessage, Hello, RequestError, RequestRef, RouterMessage,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::websocket::CloseCode;

use crate::log::Quoted;
use crate::ports::Port;
use crate::realm_host::{RealmHost, Realms};

#[derive(Debug)]
enum Stage {
    Joining,
    Joined(Arc<RealmHost>, SessionKey),
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct RouterPeer {
    realms: Arc<Realms>,
    admission: Arc<Admission>,
    outbound: Outbound<RouterMessage>,
    /// Where the peer comes from, for the log.
    from: String,
    stage: Stage,
}

impl RouterPeer {
    pub(crate) fn new(
        realms: Arc<Realms>,
        admission: Arc<Admission>,
        outbound: Outbound<RouterMessage>,
        from: String,
    ) -> Self {
        Self { realms, admission, outbound, from, stage: Stage::Joining }
    }

    /// HELLO: the client joins or is refused.
    fn join(&mut self, hello: &Hello) -> Flow {
        let joined =
            self.admission.admit(hello, [rand::random(), rand::random()]).and_then(|admitted| {
                let realm = Arc::clone(self.realms.named(&admitted.realm)?);
                let key = realm.attach(admitted, Port::Wire(self.outbound.clone()))?;
                Ok((realm, key))
            });
        match joined {
            Ok((realm, key)) => {
                let agent = hello.details.agent.as_deref().unwrap_or("an unnamed client");
                tracing::debug!(
                    "session {} joined '{}' from {}: {}",
                    key.id(),
                    Quoted(hello.realm.as_str()),
                    self.from,
                    Quoted(agent)
                );
                self.stage = Stage::Joined(realm, key);
                Flow::Continue
            }
            Err(refusal) => {
                let why = refusal.to_string();
                tracing::info!("a client from {} was refused: {}", self.from, Quoted(&why));
                self.abort(refusal.abort())
            }
        }
    }

    /// Tells the peer and closes.
    fn abort(&self, abort: Abort) -> Flow {
        let reason = abort.reason.to_string();
        let _ = self.outbound.push(RouterMessage::Abort(abort));
        Flow::Close(CloseCode::PROTOCOL_ERROR, reason)
    }

    fn violation(&mut self, text: &str) -> Flow {
        tracing::info!("the peer at {} violates the protocol: {text}", self.from);
        let abort = Abort::new(error_uri::PROTOCOL_VIOLATION, text);
        self.leave();
        self.abort(abort)
    }

    /// A client that can't take its WELCOME knows of no session and would wait for ever.
    fn unwelcome(&mut self, uri: &str, reason: &Undeliverable) -> RouterMessage {
        tracing::info!("WELCOME can't be sent to {}: {reason}", self.from);
        self.leave();
        self.outbound.close("the client can't take its WELCOME");
        RouterMessage::Abort(Abort::new(uri, reason.to_string()))
    }

    fn leave(&mut self) {
        if let Stage::Joined(realm, key) = std::mem::replace(&mut self.stage, Stage::Joining) {
            realm.detach(key);
        }
    }
}

impl Peer<ServerSide> for RouterPeer {
    fn handle_message(&mut self, message: ClientMessage) -> Flow {
        match (&self.stage, message) {
            // ABORT is never answered; the client is going.
            (_, ClientMessage::Abort(_)) => {
                self.leave();
                Flow::Close(CloseCode::NORMAL, "the client aborted".to_owned())
            }
            (Stage::Joined(realm, key), message) => match realm.handle_message(*key, message) {
                Next::Continue => Flow::Continue,
                Next::Left => {
                    self.stage = Stage::Joining;
                    Flow::Continue
                }
                Next::Close => {
                    tracing::info!("session {} from {} was aborted", key.id(), self.from);
                    self.stage = Stage::Joining;
                    Flow::Close(CloseCode::PROTOCOL_ERROR, "the session was aborted".to_owned())
                }
            },
            (Stage::Joining, ClientMessage::Hello(hello)) => self.join(&hello),
            (Stage::Joining, other) => {
                let violation = ProtocolViolation::BeforeHello(other.name());
                self.violation(&violation.to_string())
            }
        }
    }

    fn handle_undecodable(&mut self, error: &DecodeError) -> Flow {
        self.violation(&error.to_string())
    }

    fn handle_undeliverable(
        &mut self,
        message: RouterMessage,
        reason: &Undeliverable,
    ) -> Option<RouterMessage> {
        let uri = match reason {
            Undeliverable::NoForm(_) => error_uri::INVALID_ARGUMENT,
            Undeliverable::TooLong { .. } => error_uri::PAYLOAD_SIZE_EXCEEDED,
        };
        let explanation = Payload::from_text(&reason.to_string());
        let failure = |request: RequestRef| {
            let payload = explanation.clone();
            Some(RouterMessage::Error(RequestError::new(request, uri, payload)))
        };
        match message {
            RouterMessage::Result(result) => failure(result.reference()),
            RouterMessage::Error(error) => failure(error.request),
            RouterMessage::Invocation(invocation) => {
                if let Stage::Joined(realm, key) = &self.stage {
                    realm.fail_invocation(*key, invocation.error(uri, explanation));
                }
                None
            }
            RouterMessage::Welcome(_) => Some(self.unwelcome(uri, reason)),
            // The sentence for people is what makes it long.
            RouterMessage::Abort(abort) if abort.details.message.is_some() => {
                Some(RouterMessage::Abort(Abort { details: Default::default(), ..abort }))
            }
            other => {
                tracing::info!("{} to {} is dropped: {reason}", other.name(), self.from);
                None
            }
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Joined(..))
    }

    fn closed(&mut self, reason: &CloseReason) {
        if let Stage::Joined(_, key) = &self.stage {
            tracing::debug!("session {} from {} ended: {reason}", key.id(), self.from);
        }
        self.leave();
    }
}
