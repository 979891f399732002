//! Batches whose sender has to wait in the middle of one.

use std::sync::Arc;

use cloverleaf_transport::{
    BatchedHandler, CloseReason, Flow, Handler as _, Peer, ServerSide, Undeliverable,
};
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::message::{ClientMessage, RouterMessage};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::websocket::{CloseCode, MessageKind};
use parking_lot::Mutex;

/// Keeps the names of what it has taken, and wants to be waited for after each PUBLISH.
#[derive(Clone, Default)]
struct Slow(Arc<Mutex<Vec<&'static str>>>);

impl Peer<ServerSide> for Slow {
    fn handle_message(&mut self, message: ClientMessage) -> Flow {
        self.0.lock().push(message.name());
        if matches!(message, ClientMessage::Publish(_)) { Flow::Wait } else { Flow::Continue }
    }

    fn handle_undecodable(&mut self, error: &DecodeError) -> Flow {
        Flow::Close(CloseCode::PROTOCOL_ERROR, error.to_string())
    }

    fn handle_undeliverable(
        &mut self,
        _: RouterMessage,
        _: &Undeliverable,
    ) -> Option<RouterMessage> {
        None
    }

    fn is_open(&self) -> bool {
        true
    }

    fn closed(&mut self, _: &CloseReason) {}
}

const PUBLISH: &str = r#"[16,1,{},"com.example.topic"]"#;
const GOODBYE: &str = r#"[6,{},"wamp.close.normal"]"#;

fn received(batch: &[&str]) -> (BatchedHandler<ServerSide, Slow>, Slow, Flow) {
    let peer = Slow::default();
    let mut handler = BatchedHandler::new(Serializer::Json, peer.clone());
    let batch: String = batch.iter().map(|message| format!("{message}\u{1e}")).collect();
    let flow = handler.receive(Some(MessageKind::Text), batch.as_bytes());
    (handler, peer, flow)
}

#[test]
fn what_is_left_of_a_batch_waits_with_its_sender() {
    let (mut handler, peer, flow) = received(&[GOODBYE, PUBLISH, PUBLISH, GOODBYE]);
    assert_eq!((flow, peer.0.lock().len()), (Flow::Wait, 2));
    assert_eq!((handler.resume(), peer.0.lock().len()), (Flow::Wait, 3));
    assert_eq!((handler.resume(), peer.0.lock().len()), (Flow::Continue, 4));
    assert_eq!(handler.resume(), Flow::Continue);
    assert_eq!(*peer.0.lock(), ["GOODBYE", "PUBLISH", "PUBLISH", "GOODBYE"]);
}

#[test]
fn a_batch_that_ends_with_a_wait_leaves_nothing() {
    let (mut handler, peer, flow) = received(&[PUBLISH]);
    assert_eq!((flow, handler.resume()), (Flow::Wait, Flow::Continue));
    assert_eq!(*peer.0.lock(), ["PUBLISH"]);
}

#[test]
fn what_is_no_message_is_noticed_behind_a_wait_too() {
    let (mut handler, peer, flow) = received(&[PUBLISH, "nonsense"]);
    assert_eq!(flow, Flow::Wait);
    assert!(matches!(handler.resume(), Flow::Close(..)));
    assert_eq!(*peer.0.lock(), ["PUBLISH"]);
}
