//! Step "TLS". The router does not encrypt connections yet: each passes as it is.

use super::incoming::Incoming;

/// How the connections of a listener are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Not at all.
    None,
}

/// Begins encryption.
pub(super) fn encrypt(incoming: Incoming, encryption: Encryption) -> Incoming {
    match encryption {
        Encryption::None => incoming,
    }
}

#[cfg(test)]
mod tests {
    use super::{Encryption, encrypt};
    use crate::accept::test_client::incoming;

    #[tokio::test]
    async fn connection_that_is_not_encrypted_passes_as_it_is() {
        for (encryption, sent) in [(Encryption::None, b"hello")] {
            let (_client, incoming, connections) = incoming(sent).await;
            let peer = incoming.peer.clone();
            let mut passed = encrypt(incoming, encryption);
            let mut received = [0; 5];
            passed.stream.read_exact(&mut received).await.unwrap();
            assert_eq!((&received, passed.peer), (sent, peer));
            assert_eq!(connections.of_threads(), [1]);
        }
    }
}
