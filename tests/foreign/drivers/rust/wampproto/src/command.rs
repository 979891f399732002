//! The requests of the tests.
//!
//! They are served in `session`.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, de};
use wampproto::messages::types::Value;
use wampproto::transports::rawsocket::SerializerID;

use crate::behaviour::Behaviour;

/// Options, details and keyword arguments in wampproto's form.
pub(crate) type Dict = HashMap<String, Value>;

/// A request of the tests.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub(crate) enum Command {
    Join {
        url: String,
        #[serde(deserialize_with = "serializer")]
        serializer: SerializerID,
        realm: String,
    },
    Leave,
    Left,
    Register {
        procedure: String,
        #[serde(flatten)]
        behaviour: Behaviour,
        options: Dict,
    },
    Unregister {
        registration: i64,
    },
    Interrupted {
        registration: i64,
    },
    Call {
        procedure: String,
        #[serde(flatten)]
        payload: Payload,
        options: Dict,
        name: Option<String>,
    },
    Cancel {
        name: String,
        mode: String,
    },
    Subscribe {
        topic: String,
        options: Dict,
    },
    Unsubscribe {
        subscription: i64,
    },
    Events {
        subscription: i64,
        count: usize,
    },
    Publish {
        topic: String,
        #[serde(flatten)]
        payload: Payload,
        options: Dict,
    },
}

/// The arguments of a call or a publication.
#[derive(Deserialize)]
pub(crate) struct Payload {
    pub(crate) args: Vec<Value>,
    pub(crate) kwargs: Dict,
}

fn serializer<'de, D: Deserializer<'de>>(name: D) -> Result<SerializerID, D::Error> {
    match String::deserialize(name)?.as_str() {
        "json" => Ok(SerializerID::JSON),
        "msgpack" => Ok(SerializerID::MSGPACK),
        "cbor" => Ok(SerializerID::CBOR),
        other => Err(de::Error::custom(format!("wampproto has no serializer {other}"))),
    }
}
