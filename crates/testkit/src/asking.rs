//! Calls of the router's own procedures, and received events, as JSON values.
//!
//! For the meta API: the ids of publications and the order of dictionary keys do not matter there.
//!
//! # Panics
//! Every function panics if a peer was sent anything other than the expected message.

use cloverleaf_wamp::message::RouterMessage;
use cloverleaf_wamp::payload::Payload;
use serde_json::Value;

use crate::lab::{Lab, Peer};
use crate::messages::{args, args_and_kwargs, client};

/// The positional results of a call, or the URI and the text of its error.
pub type Answer = Result<Value, (String, String)>;

/// The request id of every call; each has ended before the next one begins.
const CALL: u64 = 1 << 40;

impl Lab {
    /// Calls a meta procedure with a list of arguments.
    #[expect(clippy::needless_pass_by_value, reason = "json! is written in the place")]
    pub fn ask(&mut self, from: Peer, procedure: &str, positional: Value) -> Answer {
        self.ask_raw(from, procedure, args(&positional))
    }

    /// Calls a meta procedure with a list and a dictionary of arguments.
    #[expect(clippy::needless_pass_by_value, reason = "json! is written in the place")]
    pub fn ask_with(
        &mut self,
        from: Peer,
        procedure: &str,
        positional: Value,
        keyword: Value,
    ) -> Answer {
        self.ask_raw(from, procedure, args_and_kwargs(&positional, &keyword))
    }

    /// Calls a meta procedure with arguments in any format.
    pub fn ask_raw(&mut self, from: Peer, procedure: &str, payload: Payload) -> Answer {
        self.send(from, client::call(CALL, procedure, payload));
        let received = self.received(from);
        let [answer] = received.as_slice() else { panic!("one answer, not {received:?}") };
        match answer {
            RouterMessage::Result(result) => {
                assert_eq!(result.request.number(), CALL);
                assert_eq!(result.payload.kwargs(), None);
                Ok(list(&result.payload))
            }
            RouterMessage::Error(error) => {
                assert_eq!(error.request.id().number(), CALL);
                let [text] = error.payload.decode_args().expect("an error says one text");
                Err((error.error.to_string(), text))
            }
            other => panic!("a call is not answered with {other:?}"),
        }
    }

    /// The events that a peer was sent since the last call: the subscription of each, and its
    /// positional arguments.
    pub fn heard(&mut self, peer: Peer) -> Vec<(u64, Value)> {
        let told = |message: RouterMessage| match message {
            RouterMessage::Event(event) => {
                assert_eq!(event.payload.kwargs(), None);
                (event.subscription.number(), list(&event.payload))
            }
            other => panic!("an event, not {other:?}"),
        };
        self.received(peer).into_iter().map(told).collect()
    }
}

/// The answer of a refused call.
pub fn refusal(uri: &str, text: &str) -> Answer {
    Err((uri.to_owned(), text.to_owned()))
}

fn list(payload: &Payload) -> Value {
    payload.decode_args().expect("a value of JSON")
}
