//! Bytes: as values at any depth, and as opaque payloads.
//!
//! Spec: advanced profile "Binary support in JSON", "Payload Passthru Mode".

use std::collections::BTreeMap;
use std::fmt;

use cloverleaf_client::{Answer, Args, Error, Failure, Invocation, Kwargs, Passthru};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::stage::Stage;

/// Bytes; serde would treat a `Vec<u8>` as a list of numbers.
#[derive(Debug, Clone, PartialEq)]
struct Binary(Vec<u8>);

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OnlyBytes;

        impl Visitor<'_> for OnlyBytes {
            type Value = Binary;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Binary, E> {
                Ok(Binary(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(OnlyBytes)
    }
}

/// A structure that contains bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Parcel {
    label: String,
    content: Binary,
    pieces: Vec<Binary>,
    by_name: BTreeMap<String, Vec<Self>>,
}

impl Parcel {
    fn new(label: &str) -> Self {
        let all = Binary((0..=255).collect());
        let lengths = [0, 1, 2, 3, 31, 32, 255, 256];
        Self {
            label: label.to_owned(),
            content: all,
            pieces: lengths.map(|length| Binary(vec![0xff; length])).to_vec(),
            by_name: BTreeMap::new(),
        }
    }

    fn with(self, other: Self) -> Self {
        Self { by_name: BTreeMap::from([("ü".to_owned(), vec![other])]), ..self }
    }
}

/// Positional arguments and keyword arguments.
type Parcels = ((Binary, Parcel), Parcel);

fn parcels() -> Parcels {
    let mut innermost = Parcel::new("innermost");
    innermost.pieces.push(Binary(vec![0xff; 65_536]));
    let outer = Parcel::new("outer").with(Parcel::new("inner").with(innermost));
    ((Binary(b"\0\"\\/\n".to_vec()), outer), Parcel::new("by name"))
}

pub(super) async fn bytes_arrive_as_bytes(stage: Stage) {
    // Decoding fails if they do not arrive as bytes.
    let echo = async |Args(args): Args<(Binary, Parcel)>, Kwargs(kwargs): Kwargs<Parcel>| {
        Answer::args_and_kwargs(&args, &kwargs)
    };
    stage.there.register(stage.uri.as_str(), echo).await.expect("REGISTERED");
    let (args, kwargs) = parcels();
    let call = stage.here.call(stage.uri.as_str()).args_and_kwargs(&args, &kwargs);
    let reply = call.await.expect("RESULT");
    let came = (reply.args().expect("bytes"), reply.kwargs().expect("bytes"));
    assert_eq!(came, parcels());

    let mut events = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    let publishing = stage.here.publish(stage.uri.as_str()).args_and_kwargs(&args, &kwargs);
    publishing.await.expect("PUBLISHED");
    let event = events.next().await.expect("an event");
    let came = (event.args().expect("bytes"), event.kwargs().expect("bytes"));
    assert_eq!(came, parcels());
}

fn opaque() -> Passthru {
    let bytes: Vec<u8> = (0..=255).collect();
    Passthru::new("x_mine", bytes).serializer("custom").cipher("rot13").keyid("k1")
}

pub(super) async fn opaque_payloads_pass_through_unchanged(stage: Stage) {
    let echo = async |invocation: Invocation| {
        let came = invocation.passthru()?.ok_or_else(|| Failure::runtime("it came open"))?;
        Answer::passthru(came)
    };
    stage.there.register(stage.uri.as_str(), echo).await.expect("REGISTERED");
    let reply = stage.here.call(stage.uri.as_str()).passthru(opaque()).await.expect("RESULT");
    assert_eq!(reply.passthru().expect("bytes"), Some(opaque()));

    let mut events = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    let publishing = stage.here.publish(stage.uri.as_str()).passthru(opaque());
    publishing.await.expect("PUBLISHED");
    let event = events.next().await.expect("an event");
    assert_eq!(event.passthru().expect("bytes"), Some(opaque()));
}

pub(super) async fn opaque_errors_pass_through_unchanged(stage: Stage) {
    let fails = async || {
        let failure = Failure::new("com.example.error.secret").with_passthru(opaque())?;
        Err::<(), _>(failure)
    };
    stage.there.register(stage.uri.as_str(), fails).await.expect("REGISTERED");
    match stage.here.call(stage.uri.as_str()).await {
        Err(Error::Wamp(failure)) => {
            assert_eq!(failure.uri, "com.example.error.secret");
            assert_eq!(failure.passthru().expect("bytes"), Some(opaque()));
        }
        other => panic!("{other:?}"),
    }
}
