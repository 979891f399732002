//! Passes the router's messages to the session. One peer per connection, from HELLO to its end.

use std::sync::{Arc, OnceLock};

use cloverleaf_transport::{
    ClientSide, CloseReason, Flow, Lifecycle, OutboundSender, Peer, Undeliverable,
};
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{Abort, ClientMessage, Goodbye, RouterMessage};
use cloverleaf_wamp::websocket::CloseCode;

use super::link::SocketLink;
use crate::error::{Error, Failure};
use crate::session::Session;

/// The result of joining, shared with the connector that waits for it.
pub(super) type JoinResult = Arc<OnceLock<Result<(), Error>>>;

/// The receiver of one connection's messages and events.
#[derive(Debug)]
pub(super) struct SocketPeer {
    pub(super) session: Session,
    pub(super) link: SocketLink,
    pub(super) outbound: OutboundSender<ClientMessage>,
    pub(super) join_result: JoinResult,
    /// Whether the session reconnects after a loss.
    pub(super) reconnects: bool,
}

impl SocketPeer {
    fn has_joined(&self) -> bool {
        matches!(self.join_result.get(), Some(Ok(())))
    }

    /// Handles the answer to HELLO.
    fn join(&self, message: RouterMessage) -> Flow {
        match message {
            RouterMessage::Welcome(welcome) => {
                self.session.joined(welcome, || self.link.attach(self.outbound.clone()));
                let _ = self.join_result.set(Ok(()));
                Flow::Continue
            }
            RouterMessage::Abort(abort) => {
                let text = abort.details.message.unwrap_or_default();
                self.refused(Failure::with_text(abort.reason, &text));
                Flow::Close(CloseCode::NORMAL, "the router refuses the session".to_owned())
            }
            RouterMessage::Challenge(challenge) => {
                let text = format!("the router asks for '{}'", challenge.authmethod);
                self.abort(error_uri::NO_MATCHING_AUTH_METHOD, &text)
            }
            other => {
                let text = format!("the router answers HELLO with {}", other.name());
                self.abort(error_uri::PROTOCOL_VIOLATION, &text)
            }
        }
    }

    fn refused(&self, failure: Failure) {
        let _ = self.join_result.set(Err(Error::Wamp(Box::new(failure))));
    }

    /// Sends ABORT and ends the session.
    fn abort(&self, uri: &str, text: &str) -> Flow {
        // Fails only if the connection is closed, which makes ABORT unnecessary.
        let _ = self.outbound.push(ClientMessage::Abort(Abort::new(uri, text)));
        if self.has_joined() {
            self.session.close(text);
        } else {
            self.refused(Failure::with_text(uri, text));
        }
        Flow::Close(CloseCode::PROTOCOL_ERROR, text.to_owned())
    }

    /// Whether the message is the GOODBYE of a router that shuts down, to which the session
    /// reconnects as after a lost connection.
    fn goes_away(&self, message: &RouterMessage) -> bool {
        matches!(message, RouterMessage::Goodbye(goodbye)
            if goodbye.reason == error_uri::SYSTEM_SHUTDOWN)
            && self.reconnects
            && !self.link.goodbye_sent()
    }
}

impl Peer<ClientSide> for SocketPeer {
    fn handle_message(&mut self, message: RouterMessage) -> Flow {
        if !self.has_joined() {
            return self.join(message);
        }
        if self.goes_away(&message) {
            let answer = Goodbye::new(error_uri::GOODBYE_AND_OUT);
            let _ = self.outbound.push(ClientMessage::Goodbye(answer));
            return Flow::Close(CloseCode::NORMAL, "the router shuts down".to_owned());
        }
        self.session.handle_message(message);
        Flow::Continue
    }

    fn handle_undecodable(&mut self, error: &DecodeError) -> Flow {
        let text = format!("what the router sent is no message: {error}");
        self.abort(error_uri::PROTOCOL_VIOLATION, &text)
    }

    fn handle_undeliverable(
        &mut self,
        message: ClientMessage,
        reason: &Undeliverable,
    ) -> Option<ClientMessage> {
        let uri = match reason {
            Undeliverable::NotEncodable(_) => error_uri::INVALID_ARGUMENT,
            Undeliverable::TooLong { .. } => error_uri::PAYLOAD_SIZE_EXCEEDED,
        };
        tracing::debug!(message = message.name(), %reason, "message not sent");
        if !self.has_joined() {
            let text = format!("{} can't be sent: {reason}", message.name());
            let _ = self.join_result.set(Err(Error::Connect(text.into())));
        }
        self.session.handle_undeliverable(&message, Failure::with_text(uri, &reason.to_string()))
    }
}

impl Lifecycle for SocketPeer {
    type Message = ClientMessage;

    fn is_open(&self) -> bool {
        self.has_joined()
    }

    fn closed(&mut self, reason: &CloseReason) {
        if !self.has_joined() {
            let text = format!("the connection ended before the session was open: {reason}");
            let _ = self.join_result.set(Err(Error::Connect(text.into())));
            return;
        }
        let text = match reason {
            CloseReason::Lost(_) => reason.to_string(),
            _ => format!("the connection was lost: {reason}"),
        };
        if self.reconnects {
            self.session.lost(&text);
        } else {
            self.session.close(&text);
        }
    }
}
