//! Messages that can't be sent to the peer, and the messages that replace them.

use cloverleaf_transport::{Undeliverable, log_limited};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{Features, RouterRoles};
use cloverleaf_wamp::message::{
    Abort, Cancel, CancelMode, CancelOptions, ClientMessage, Goodbye, RequestError, RequestRef,
    RouterMessage, Welcome,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::websocket::CloseCode;

use super::{PeerStage, RouterPeer};

impl RouterPeer {
    /// The replacement for a message that can't be sent, if any.
    pub(super) fn replace(
        &mut self,
        message: RouterMessage,
        reason: &Undeliverable,
    ) -> Option<RouterMessage> {
        let uri = match reason {
            Undeliverable::NotEncodable(_) => error_uri::INVALID_ARGUMENT,
            Undeliverable::TooLong { .. } => error_uri::PAYLOAD_SIZE_EXCEEDED,
        };
        let explanation = Payload::from_text(&reason.to_string());
        let failure = |request: RequestRef| RequestError::new(request, uri, explanation.clone());
        match message {
            RouterMessage::Result(result) if result.details.progress == Some(true) => {
                self.cut(failure(result.reference()));
                None
            }
            RouterMessage::Result(result) => {
                Some(RouterMessage::Error(failure(result.reference())))
            }
            RouterMessage::Error(error) => Some(RouterMessage::Error(failure(error.request))),
            RouterMessage::Invocation(invocation) => {
                if let PeerStage::Joined(realm, key) = &self.stage
                    && self.is_welcomed()
                {
                    realm.fail_invocation(*key, invocation.error(uri, explanation));
                }
                None
            }
            // The features make it long. A client with such a limit can do without their names.
            RouterMessage::Welcome(mut welcome) if announces_features(&welcome) => {
                welcome.details.roles = Some(RouterRoles {
                    broker: Some(Features::NONE),
                    dealer: Some(Features::NONE),
                });
                Some(RouterMessage::Welcome(welcome))
            }
            message @ (RouterMessage::Welcome(_) | RouterMessage::Challenge(_)) => {
                Some(self.abort_joining(message.name(), uri, reason))
            }
            // The explanation for humans makes it long.
            RouterMessage::Abort(abort) if abort.details.message.is_some() => {
                Some(RouterMessage::Abort(Abort { details: Default::default(), ..abort }))
            }
            RouterMessage::Goodbye(goodbye) if goodbye.details.message.is_some() => {
                Some(RouterMessage::Goodbye(Goodbye { details: Default::default(), ..goodbye }))
            }
            RouterMessage::Event(_) => {
                self.drop_event(reason);
                None
            }
            other => {
                log_limited!(
                    info,
                    "message dropped",
                    peer = %self.attachment,
                    session = self.session(),
                    message = other.name(),
                    %reason
                );
                None
            }
        }
    }

    /// Ends a connection whose WELCOME or CHALLENGE can't be sent: its client would wait for ever.
    fn abort_joining(
        &mut self,
        message: &'static str,
        uri: &str,
        reason: &Undeliverable,
    ) -> RouterMessage {
        log_limited!(
            info,
            "session refused",
            peer = %self.attachment,
            transport = self.attachment.peer.transport.name(),
            reason = format_args!("{message} can't be sent: {reason}")
        );
        self.leave();
        let closing = format!("the client can't take its {message}");
        self.outbound.close(CloseCode::NORMAL, &closing);
        RouterMessage::Abort(Abort::new(uri, reason.to_string()))
    }

    /// Ends a call of which a progressive result can't be sent, as if its caller had canceled it.
    fn cut(&mut self, error: RequestError) {
        if let PeerStage::Joined(realm, key) = &self.stage
            && self.is_welcomed()
        {
            let options = CancelOptions { mode: Some(CancelMode::KillNoWait.into()) };
            let cancel = Cancel { request: error.request.id(), options };
            let _ = realm.handle_message(*key, ClientMessage::Cancel(cancel));
            self.write_hook.get_or_insert_default().cut_results.cut(error);
        }
    }

    /// Counts an event that can't be sent. The first one is logged.
    fn drop_event(&mut self, reason: &Undeliverable) {
        self.dropped_events += 1;
        if self.dropped_events == 1 {
            log_limited!(
                info,
                "event dropped",
                peer = %self.attachment,
                session = self.session(),
                %reason
            );
        }
    }
}

fn announces_features(welcome: &Welcome) -> bool {
    let some = |features: Option<Features>| features.is_some_and(|all| all != Features::NONE);
    welcome.details.roles.is_some_and(|roles| some(roles.broker) || some(roles.dealer))
}
