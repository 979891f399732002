//! Opaque payloads: encrypted end to end, or in a format that the router does not support.
//!
//! ```no_run
//! # type Done = Result<(), Box<dyn std::error::Error>>;
//! # async fn example(session: cloverleaf_client::Session) -> Done {
//! # fn seal(_: &str) -> Vec<u8> { Vec::new() }
//! use cloverleaf_client::Passthru;
//!
//! let sealed = Passthru::new("wamp", seal("secret")).serializer("cbor").cipher("aes256gcm");
//! let reply = session.call("com.example.vault").passthru(sealed).await?;
//! if let Some(sealed) = reply.passthru()? {
//!     println!("{} bytes under key {:?}", sealed.bytes.len(), sealed.keyid);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! This library transports the bytes with their description; the application encrypts and decrypts
//! them. Spec: advanced profile "Payload Passthru Mode".

use std::fmt;

use cloverleaf_wamp::codec::ser::ValueError;
use cloverleaf_wamp::message::PassthruDetails;
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use compact_str::CompactString;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A payload that the router passes on without decoding it, with its description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passthru {
    /// The scheme: `wamp` for end-to-end encryption, `mqtt`, or `x_…`.
    pub scheme: CompactString,
    /// The format of the decrypted bytes.
    pub serializer: Option<CompactString>,
    /// The encryption algorithm.
    pub cipher: Option<CompactString>,
    /// The id of the encryption key.
    pub keyid: Option<CompactString>,
    /// The payload.
    pub bytes: Vec<u8>,
}

impl Passthru {
    /// A payload of this scheme.
    pub fn new(scheme: impl Into<CompactString>, bytes: impl Into<Vec<u8>>) -> Self {
        let (scheme, bytes) = (scheme.into(), bytes.into());
        Self { scheme, serializer: None, cipher: None, keyid: None, bytes }
    }

    /// Sets the format of the decrypted bytes.
    #[must_use]
    pub fn serializer(self, name: impl Into<CompactString>) -> Self {
        Self { serializer: Some(name.into()), ..self }
    }

    /// Sets the encryption algorithm.
    #[must_use]
    pub fn cipher(self, name: impl Into<CompactString>) -> Self {
        Self { cipher: Some(name.into()), ..self }
    }

    /// Sets the id of the encryption key.
    #[must_use]
    pub fn keyid(self, keyid: impl Into<CompactString>) -> Self {
        Self { keyid: Some(keyid.into()), ..self }
    }

    /// Encodes the bytes as the only argument and adds the description to the options or details.
    pub(crate) fn into_message(
        self,
        format: Serializer,
        passthru: &mut Option<Box<PassthruDetails>>,
    ) -> Result<Payload, ValueError> {
        let Self { scheme, serializer, cipher, keyid, bytes } = self;
        let passthru = passthru.get_or_insert_default();
        passthru.ppt_scheme = Some(scheme);
        passthru.ppt_serializer = serializer;
        passthru.ppt_cipher = cipher;
        passthru.ppt_keyid = keyid;
        Payload::from_args(format, &(ByteString(bytes),))
    }

    /// Reads a received payload; none if the message is not in passthru mode.
    pub(crate) fn of(
        payload: &Payload,
        passthru: Option<&PassthruDetails>,
    ) -> Result<Option<Self>, ValueError> {
        let Some(passthru) = passthru.filter(|passthru| passthru.uses_passthru()) else {
            return Ok(None);
        };
        let (ByteString(bytes),) = payload.decode_args()?;
        Ok(Some(Self {
            scheme: passthru.ppt_scheme.clone().unwrap_or_default(),
            serializer: passthru.ppt_serializer.clone(),
            cipher: passthru.ppt_cipher.clone(),
            keyid: passthru.ppt_keyid.clone(),
            bytes,
        }))
    }
}

/// A byte string. Serde would treat a `Vec<u8>` as a list of numbers.
struct ByteString(Vec<u8>);

impl Serialize for ByteString {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for ByteString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByteStringVisitor;

        impl Visitor<'_> for ByteStringVisitor {
            type Value = ByteString;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<ByteString, E> {
                Ok(ByteString(bytes.to_vec()))
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<ByteString, E> {
                Ok(ByteString(bytes))
            }
        }
        deserializer.deserialize_byte_buf(ByteStringVisitor)
    }
}

#[cfg(test)]
mod tests {
    use cloverleaf_wamp::payload::Payload;
    use cloverleaf_wamp::serializer::Serializer;

    use super::Passthru;

    #[test]
    fn bytes_and_description_survive_a_round_trip_in_every_format() {
        for format in Serializer::ALL {
            let sealed = Passthru::new("wamp", [0, 255, 7]).serializer("cbor").keyid("k1");
            let mut passthru = None;
            let payload = sealed.clone().into_message(format, &mut passthru).unwrap();
            let found = Passthru::of(&payload, passthru.as_deref()).unwrap();
            assert_eq!(found, Some(sealed), "{format}");
        }
    }

    #[test]
    fn plain_arguments_are_no_passthru_and_passthru_without_bytes_is_an_error() {
        let plain = Payload::from_args(Serializer::Cbor, &("text",)).unwrap();
        assert_eq!(Passthru::of(&plain, None), Ok(None));
        let mut passthru = None;
        let _ = Passthru::new("mqtt", []).into_message(Serializer::Cbor, &mut passthru);
        assert!(Passthru::of(&plain, passthru.as_deref()).is_err());
    }
}
