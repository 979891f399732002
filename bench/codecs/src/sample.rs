//! The messages that are decoded and encoded, and what the compared crates make of them.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use cloverleaf_wamp::codec::transcode::transcode;
use cloverleaf_wamp::serializer::Serializer;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

pub(crate) const REQUEST: u64 = 7_814_135;
pub(crate) const REGISTRATION: u64 = 9_823_526;
pub(crate) const PUBLICATION: u64 = 4_429_313_566;

/// A payload by name: its JSON text.
pub(crate) fn payloads() -> [(&'static str, String); 2] {
    let reading =
        |n: u32| format!(r#"{{"sensor":"north-{n}","celsius":{}.25,"valid":true}}"#, 10 + n % 20);
    let readings: Vec<String> = (1..=21).map(reading).collect();
    [("2 integers", "[13,3]".to_owned()), ("1 KiB", format!("[[{}]]", readings.join(",")))]
}

/// JSON text in another format.
pub(crate) fn in_format(serializer: Serializer, json: &str) -> Bytes {
    let mut out = Vec::new();
    transcode(Serializer::Json, json.as_bytes(), serializer, &mut out).expect("the sample is JSON");
    out.into()
}

/// The options of CALL and PUBLISH that the router reads, as a serde type. The codecs of this
/// repository read these and the remaining ones.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct RequestOptions {
    pub(crate) timeout: Option<u64>,
    pub(crate) receive_progress: Option<bool>,
    pub(crate) progress: Option<bool>,
    pub(crate) acknowledge: Option<bool>,
    pub(crate) exclude_me: Option<bool>,
    pub(crate) disclose_me: Option<bool>,
    pub(crate) retain: Option<bool>,
    pub(crate) rkey: Option<String>,
    pub(crate) ppt_scheme: Option<String>,
    pub(crate) ppt_serializer: Option<String>,
}

/// The details of INVOCATION, RESULT and EVENT, as a serde type.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Details {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) procedure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) progress: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) receive_progress: Option<bool>,
}

impl Details {
    /// The number of entries that are present.
    pub(crate) fn entries(&self) -> u32 {
        u32::from(self.procedure.is_some())
            + u32::from(self.progress.is_some())
            + u32::from(self.receive_progress.is_some())
    }
}

/// A decoded CALL or PUBLISH: the head is typed, the payload is a slice of the frame.
#[derive(Debug)]
pub(crate) struct Request<P> {
    pub(crate) request: u64,
    pub(crate) options: RequestOptions,
    pub(crate) uri: CompactString,
    pub(crate) args: Option<P>,
    pub(crate) kwargs: Option<P>,
}

/// Why a frame is no CALL and no PUBLISH.
#[derive(Debug)]
pub(crate) enum Fault {
    Syntax,
    Arity,
    Type,
    Code,
    Id,
    TrailingBytes,
}

/// Checks the head as the router does: the code, the range of the id, the number of elements.
pub(crate) fn check(code: u64, request: u64, elements: usize) -> Result<(), Fault> {
    if code != 48 && code != 16 {
        return Err(Fault::Code);
    }
    if request > 1 << 53 {
        return Err(Fault::Id);
    }
    if (4..=6).contains(&elements) { Ok(()) } else { Err(Fault::Arity) }
}

/// An event as a router keeps it: encoded once, for all subscribers.
#[derive(Debug, Default)]
pub(crate) struct SharedEvent {
    pub(crate) details: Box<Details>,
    encoded: OnceLock<Bytes>,
}

impl SharedEvent {
    /// Appends the event, which `encode` writes the first time.
    pub(crate) fn write(
        self: &Arc<Self>,
        capacity: usize,
        out: &mut Vec<u8>,
        encode: impl FnOnce(&Details, &mut Vec<u8>),
    ) {
        let encoded = self.encoded.get_or_init(|| {
            let mut event = Vec::with_capacity(capacity);
            encode(&self.details, &mut event);
            event.into()
        });
        out.extend_from_slice(encoded);
    }
}
