//! What the lines say, as `drivers/README.md` tells: requests, and the answers to them.
//!
//! Not for what is done about a request. What wamp_async can't do is no request here, and so is
//! answered with a fault.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use wamp_async::{SerializerType, WampId};

use crate::behaviours::Behaviour;

/// One request; what it asks for is read once its number is known.
#[derive(Deserialize)]
pub(crate) struct Request {
    pub(crate) id: u64,
    pub(crate) session: String,
    #[serde(flatten)]
    pub(crate) deed: Value,
}

/// What is asked for.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub(crate) enum Deed {
    Join {
        url: String,
        #[serde(deserialize_with = "serializer")]
        serializer: SerializerType,
        realm: String,
    },
    Leave,
    Register {
        procedure: String,
        #[serde(flatten)]
        behaviour: Behaviour,
        #[serde(rename = "options")]
        _options: NoOptions,
    },
    Unregister {
        registration: WampId,
    },
    Call {
        procedure: String,
        #[serde(flatten)]
        payload: Payload,
        #[serde(rename = "options")]
        _options: NoOptions,
    },
    Subscribe {
        topic: String,
        #[serde(rename = "options")]
        _options: NoOptions,
    },
    Unsubscribe {
        subscription: WampId,
    },
    Events {
        subscription: WampId,
        count: usize,
    },
    Publish {
        topic: String,
        #[serde(flatten)]
        payload: Payload,
        options: PublishOptions,
    },
}

/// The arguments of a call or a publication.
#[derive(Deserialize)]
pub(crate) struct Payload {
    pub(crate) args: Vec<Value>,
    pub(crate) kwargs: Map<String, Value>,
}

/// The options of what takes none in wamp_async.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoOptions {}

/// The only option of a publication.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishOptions {
    #[serde(default)]
    pub(crate) acknowledge: bool,
}

fn serializer<'de, D: serde::Deserializer<'de>>(name: D) -> Result<SerializerType, D::Error> {
    match String::deserialize(name)?.as_str() {
        "json" => Ok(SerializerType::Json),
        "msgpack" => Ok(SerializerType::MsgPack),
        other => Err(serde::de::Error::custom(format!("wamp_async has no serializer {other}"))),
    }
}

/// How a request came out.
pub(crate) type Outcome = Result<Value, Failure>;

/// Why there is nothing to answer a request with.
pub(crate) enum Failure {
    /// The router, the callee or the library refused.
    Refused { uri: Option<String>, args: Vec<Value> },
    /// The driver doesn't know what to do.
    Fault(String),
}

/// Writes the answer to a request.
pub(crate) fn answer(id: u64, outcome: Outcome) {
    let answer = match outcome {
        Ok(ok) => json!({"id": id, "ok": ok}),
        Err(Failure::Refused { uri, args }) => {
            json!({"id": id, "error": {"uri": uri, "args": args, "kwargs": {}}})
        }
        Err(Failure::Fault(fault)) => json!({"id": id, "fault": fault}),
    };
    println!("{answer}");
}
