//! The key that requests are signed with.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// The length of a signature, in bytes: padded base64 of a SHA-256 digest (32 bytes).
pub(crate) const SIGNATURE_LENGTH: usize = 44;

/// The name and the secret of a signing key. `Debug` does not print the secret.
#[derive(Clone)]
pub struct SigningKey {
    key: String,
    /// HMAC-SHA256, initialized with the secret.
    hmac: Hmac<Sha256>,
}

impl SigningKey {
    /// A key from the name that requests carry and the secret that they do not carry.
    pub fn new(key: impl Into<String>, secret: &str) -> Self {
        let hmac = Hmac::new_from_slice(secret.as_bytes());
        Self { key: key.into(), hmac: hmac.expect("HMAC takes secrets of any length") }
    }

    /// Whether a request names this key. Takes the same time wherever the names differ.
    pub(crate) fn is_named(&self, key: &[u8]) -> bool {
        self.key.as_bytes().ct_eq(key).into()
    }

    /// The signature over the concatenation of `parts`, as URL-safe base64.
    pub(crate) fn sign(&self, parts: [&[u8]; 5]) -> [u8; SIGNATURE_LENGTH] {
        let mut hmac = self.hmac.clone();
        parts.iter().for_each(|part| hmac.update(part));
        let mut signature = [0; SIGNATURE_LENGTH];
        let written = URL_SAFE.encode_slice(hmac.finalize().into_bytes(), &mut signature);
        debug_assert_eq!(written, Ok(SIGNATURE_LENGTH));
        signature
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("key", &self.key).field("secret", &"***").finish()
    }
}
