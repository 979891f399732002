//! Protection against replayed requests: remembers the signed requests that were accepted.
//!
//! A request is identified by its nonce and by its signature. The nonce alone is not enough: the
//! fields are signed without separators, so `seq=1&nonce=17` and `seq=11&nonce=7` have the same
//! signature. An attacker could replay a recorded request under another nonce.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, SystemTime};

use compact_str::format_compact;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::denial::Denial;
use crate::excerpt::excerpt;
use crate::request_auth::SignedRequest;
use crate::timestamp::SignatureTimestamp;

/// Maximum number of nonces that one caller or publisher remembers: more than 3,000 requests per
/// second over the default of 300 seconds, in less than 200 MB.
pub const MAX_NONCES: usize = 1_000_000;

/// Number of expired nonces that one request removes: more than the one that it adds, and few
/// enough to add no latency.
const REMOVED_PER_REQUEST: usize = 64;

/// The accepted requests of one bridge that could be replayed.
#[derive(Debug)]
pub(crate) struct ReplayGuard {
    /// Maximum distance of a timestamp from now. None: any distance, and nothing expires.
    timestamp_delta_limit: Option<Duration>,
    max_nonces: usize,
    accepted: Mutex<AcceptedRequests>,
}

impl ReplayGuard {
    /// Creates a table of at most `max_nonces` requests. Each expires with its timestamp.
    pub(crate) fn new(timestamp_delta_limit: Option<Duration>, max_nonces: usize) -> Self {
        Self { timestamp_delta_limit, max_nonces, accepted: Mutex::default() }
    }

    /// Accepts and remembers a request that is not a replay.
    ///
    /// # Errors
    ///
    /// [`Denial::FieldInvalid`] for a nonce or signature that was used before, [`Denial::Expired`]
    /// for a request that expires no later than an entry that was removed, and
    /// [`Denial::TooManyNonces`] when the table is full.
    pub(crate) fn accept(&self, signed: &SignedRequest<'_>, now: SystemTime) -> Result<(), Denial> {
        let request = AcceptedRequest {
            until: signed.timestamp.last_within(self.timestamp_delta_limit),
            nonce: digest_of(&signed.nonce),
            signature: digest_of(&signed.signature),
        };
        let mut accepted = self.accepted.lock();
        accepted.remove_expired(SignatureTimestamp::of(now));
        if accepted.last_removed.is_some_and(|removed| request.until <= removed) {
            return Err(Denial::Expired);
        }
        if accepted.contains(&request) {
            let nonce = excerpt(&signed.nonce);
            let reason = format_compact!("invalid nonce '{nonce}' (was used before)");
            return Err(Denial::FieldInvalid(reason));
        }
        if accepted.by_expiry.len() >= self.max_nonces {
            return Err(Denial::TooManyNonces);
        }
        accepted.insert(request);
        Ok(())
    }
}

/// An entry of the table. Ordered by expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct AcceptedRequest {
    /// The last moment at which the timestamp is accepted.
    until: SignatureTimestamp,
    nonce: u128,
    signature: u128,
}

/// The table of accepted requests, with an index for each kind of lookup.
#[derive(Debug, Default)]
struct AcceptedRequests {
    nonces: HashSet<u128>,
    signatures: HashSet<u128>,
    by_expiry: BTreeSet<AcceptedRequest>,
    /// The latest expiry of a removed entry. When the clock is set back, or requests overtake each
    /// other, `now` is smaller than before: a removed request must not be accepted again then.
    last_removed: Option<SignatureTimestamp>,
}

impl AcceptedRequests {
    fn contains(&self, request: &AcceptedRequest) -> bool {
        self.nonces.contains(&request.nonce) || self.signatures.contains(&request.signature)
    }

    fn insert(&mut self, request: AcceptedRequest) {
        self.nonces.insert(request.nonce);
        self.signatures.insert(request.signature);
        self.by_expiry.insert(request);
    }

    fn remove_expired(&mut self, now: SignatureTimestamp) {
        for _ in 0..REMOVED_PER_REQUEST {
            let expired = self.by_expiry.first().copied().filter(|first| first.until < now);
            let Some(first) = expired else { return };
            self.by_expiry.remove(&first);
            self.nonces.remove(&first.nonce);
            self.signatures.remove(&first.signature);
            self.last_removed = self.last_removed.max(Some(first.until));
        }
    }
}

/// A digest of a text: the first 128 bits of SHA-256. Only the owner of the secret could construct
/// two signed requests with the same digest, and the second one is refused.
fn digest_of(text: &[u8]) -> u128 {
    let digest: [u8; 32] = Sha256::digest(text).into();
    digest.iter().take(16).fold(0, |number, &byte| number << 8 | u128::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Sends a request at `now` that was signed at `signed_at`, both in seconds.
    fn ask(replays: &ReplayGuard, now: u64, signed_at: u64, nonce: &str) -> Result<(), Denial> {
        let signature = format!("{signed_at} {nonce}").into_bytes().into();
        let timestamp = SignatureTimestamp::of(at(signed_at));
        replays.accept(
            &SignedRequest { timestamp, nonce: nonce.as_bytes().into(), signature },
            at(now),
        )
    }

    fn used(nonce: &str) -> Result<(), Denial> {
        let reason = format_compact!("invalid nonce '{nonce}' (was used before)");
        Err(Denial::FieldInvalid(reason))
    }

    #[test]
    fn a_nonce_is_remembered_as_long_as_its_timestamp_is_accepted() {
        let replays = ReplayGuard::new(Some(LIMIT), MAX_NONCES);
        assert_eq!(ask(&replays, 100, 105, "1"), Ok(()));
        assert_eq!(ask(&replays, 115, 105, "1"), used("1"));
        assert_eq!(ask(&replays, 115, 115, "1"), used("1"));
        assert_eq!(ask(&replays, 116, 116, "1"), Ok(()));
        assert_eq!(ask(&replays, 116, 116, "1"), used("1"));
    }

    #[test]
    fn a_removed_nonce_is_not_accepted_after_the_clock_is_set_back() {
        let replays = ReplayGuard::new(Some(LIMIT), MAX_NONCES);
        assert_eq!(ask(&replays, 100, 100, "1"), Ok(()));
        assert_eq!(ask(&replays, 111, 111, "2"), Ok(()));
        assert_eq!(ask(&replays, 110, 100, "1"), Err(Denial::Expired));
        assert_eq!(ask(&replays, 110, 101, "3"), Ok(()));
    }

    #[test]
    fn a_full_table_has_room_when_a_nonce_has_expired() {
        let replays = ReplayGuard::new(Some(LIMIT), 2);
        assert_eq!(ask(&replays, 100, 100, "1"), Ok(()));
        assert_eq!(ask(&replays, 100, 105, "2"), Ok(()));
        assert_eq!(ask(&replays, 110, 110, "3"), Err(Denial::TooManyNonces));
        assert_eq!(ask(&replays, 110, 110, "2"), used("2"));
        assert_eq!(ask(&replays, 111, 111, "3"), Ok(()));
        assert_eq!(ask(&replays, 111, 111, "4"), Err(Denial::TooManyNonces));
    }

    #[test]
    fn a_request_removes_a_limited_number_of_expired_nonces() {
        let replays = ReplayGuard::new(Some(LIMIT), 2 * REMOVED_PER_REQUEST);
        for number in 0..2 * REMOVED_PER_REQUEST {
            assert_eq!(ask(&replays, 100, 100, &number.to_string()), Ok(()));
        }
        assert_eq!(ask(&replays, 200, 200, "a"), Ok(()));
        assert_eq!(replays.accepted.lock().by_expiry.len(), REMOVED_PER_REQUEST + 1);
        assert_eq!(ask(&replays, 200, 200, "b"), Ok(()));
        assert_eq!(replays.accepted.lock().by_expiry.len(), 2);
    }

    #[test]
    fn without_a_timestamp_limit_nonces_never_expire() {
        let replays = ReplayGuard::new(None, MAX_NONCES);
        assert_eq!(ask(&replays, 100, 100, "1"), Ok(()));
        assert_eq!(ask(&replays, 9_000_000_000, 100, "1"), used("1"));
    }
}
