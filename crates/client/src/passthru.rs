//! Payloads that only the two ends can read: encrypted, or in a format that the router lacks.
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
//! This library takes the bytes along with what is said about them, and neither encrypts nor
//! decrypts. Spec: advanced profile "Payload Passthru Mode".

use std::fmt;

use cloverleaf_wamp::codec::ser::ValueError;
use cloverleaf_wamp::message::PassthruDetails;
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use compact_str::CompactString;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// See the [module](self).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passthru {
    /// What the payload follows: `wamp` for encryption between the ends, `mqtt`, or `x_…`.
    pub scheme: CompactString,
    /// The format of the bytes when they are decrypted.
    pub serializer: Option<CompactString>,
    /// How they are encrypted.
    pub cipher: Option<CompactString>,
    /// With which key.
    pub keyid: Option<CompactString>,
    /// The payload.
    pub bytes: Vec<u8>,
}

impl Passthru {
    /// Bytes that follow a scheme.
    pub fn new(scheme: impl Into<CompactString>, bytes: impl Into<Vec<u8>>) -> Self {
        let (scheme, bytes) = (scheme.into(), bytes.into());
        Self { scheme, serializer: None, cipher: None, keyid: None, bytes }
    }

    /// The format of the bytes when they are decrypted.
    #[must_use]
    pub fn serializer(self, name: impl Into<CompactString>) -> Self {
        Self { serializer: Some(name.into()), ..self }
    }

    /// How the bytes are encrypted.
    #[must_use]
    pub fn cipher(self, name: impl Into<CompactString>) -> Self {
        Self { cipher: Some(name.into()), ..self }
    }

    /// The key that they are encrypted with.
    #[must_use]
    pub fn keyid(self, keyid: impl Into<CompactString>) -> Self {
        Self { keyid: Some(keyid.into()), ..self }
    }

    /// The bytes as the only argument, and what is said about them among the options.
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
        Payload::from_args(format, &(Binary(bytes),))
    }

    /// What came in this mode; none where the arguments are plain.
    pub(crate) fn of(
        payload: &Payload,
        passthru: Option<&PassthruDetails>,
    ) -> Result<Option<Self>, ValueError> {
        let Some(passthru) = passthru.filter(|passthru| passthru.uses_passthru()) else {
            return Ok(None);
        };
        let (Binary(bytes),) = payload.decode_args()?;
        Ok(Some(Self {
            scheme: passthru.ppt_scheme.clone().unwrap_or_default(),
            serializer: passthru.ppt_serializer.clone(),
            cipher: passthru.ppt_cipher.clone(),
            keyid: passthru.ppt_keyid.clone(),
            bytes,
        }))
    }
}

/// Bytes, where a `Vec<u8>` is a list of numbers to serde.
struct Binary(Vec<u8>);

impl Serialize for Binary {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Binary;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Binary, E> {
                Ok(Binary(bytes.to_vec()))
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Binary, E> {
                Ok(Binary(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use cloverleaf_wamp::payload::Payload;
    use cloverleaf_wamp::serializer::Serializer;

    use super::Passthru;

    #[test]
    fn bytes_and_what_is_said_about_them_come_out_as_they_went_in_in_every_format() {
        for format in Serializer::ALL {
            let sealed = Passthru::new("wamp", [0, 255, 7]).serializer("cbor").keyid("k1");
            let mut passthru = None;
            let payload = sealed.clone().into_message(format, &mut passthru).unwrap();
            let found = Passthru::of(&payload, passthru.as_deref()).unwrap();
            assert_eq!(found, Some(sealed), "{format}");
        }
    }

    #[test]
    fn plain_arguments_are_not_in_this_mode_and_arguments_that_are_no_bytes_are_a_fault() {
        let plain = Payload::from_args(Serializer::Cbor, &("text",)).unwrap();
        assert_eq!(Passthru::of(&plain, None), Ok(None));
        let mut passthru = None;
        let _ = Passthru::new("mqtt", []).into_message(Serializer::Cbor, &mut passthru);
        assert!(Passthru::of(&plain, passthru.as_deref()).is_err());
    }
}
