//! The requests of the tests.
//!
//! Requests that wamp_async can't serve are missing, so they are answered with a fault.

use serde::Deserialize;
use serde_json::{Map, Value};
use wamp_async::{SerializerType, WampId};

use crate::behaviour::Behaviour;

/// A request of the tests.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub(crate) enum Command {
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

/// The options of requests that have none in wamp_async.
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
