//! Signed requests that were accepted before, remembered so that none of them is accepted again.
//!
//! A request is known by its nonce and by its signature: the fields are signed one behind the
//! other without anything between, so that whoever has recorded `seq=1&nonce=17` can make
//! `seq=11&nonce=7` of it, another nonce under the same signature.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, SystemTime};

use compact_str::format_compact;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::denial::Denial;
use crate::excerpt::excerpt;
use crate::request_auth::Signed;
use crate::timestamp::Timestamp;

/// How many nonces one caller or publisher remembers at a time: those of more than 3,000 requests
/// per second over the usual 300 seconds, in less than 200 MB.
pub const MAX_NONCES: usize = 1_000_000;

/// How many expired nonces a request forgets: more than the one that it adds, and so few that
/// nobody waits for it.
const FORGOTTEN_AT_ONCE: usize = 64;

/// The requests that one bridge has accepted and could still be sent again.
#[derive(Debug)]
pub(crate) struct ReplayGuard {
    /// How far a timestamp may be from now; none: any distance, and nothing is ever forgotten.
    timestamp_delta_limit: Option<Duration>,
    max_nonces: usize,
    accepted: Mutex<Accepted>,
}

impl ReplayGuard {
    /// Remembers at most `max_nonces` requests at a time, each until its timestamp is too old.
    pub(crate) fn new(timestamp_delta_limit: Option<Duration>, max_nonces: usize) -> Self {
        Self { timestamp_delta_limit, max_nonces, accepted: Mutex::default() }
    }

    /// Accepts a request that is the first with its nonce, and remembers it.
    ///
    /// # Errors
    ///
    /// [`Denial::FieldInvalid`] for a request with a nonce that was used before,
    /// [`Denial::Expired`] for one that could be among those that are already forgotten, and
    /// [`Denial::TooManyNonces`] where no further one can be remembered.
    pub(crate) fn accept(&self, signed: &Signed<'_>, now: SystemTime) -> Result<(), Denial> {
        let request = Request {
            until: signed.timestamp.last_within(self.timestamp_delta_limit),
            nonce: mark(&signed.nonce),
            signature: mark(&signed.signature),
        };
        let mut accepted = self.accepted.lock();
        accepted.forget_before(Timestamp::of(now));
        if accepted.forgotten.is_some_and(|forgotten| request.until <= forgotten) {
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

/// What is remembered of a request, in the order of expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    /// The last moment at which its timestamp is accepted.
    until: Timestamp,
    nonce: u128,
    signature: u128,
}

/// The same requests three times, as they are looked for.
#[derive(Debug, Default)]
struct Accepted {
    nonces: HashSet<u128>,
    signatures: HashSet<u128>,
    by_expiry: BTreeSet<Request>,
    /// The latest expiry that was forgotten. Clocks that are set back, and requests that overtake
    /// each other, make `now` smaller than it was: what is forgotten must not come back then.
    forgotten: Option<Timestamp>,
}

impl Accepted {
    fn contains(&self, request: &Request) -> bool {
        self.nonces.contains(&request.nonce) || self.signatures.contains(&request.signature)
    }

    fn insert(&mut self, request: Request) {
        self.nonces.insert(request.nonce);
        self.signatures.insert(request.signature);
        self.by_expiry.insert(request);
    }

    fn forget_before(&mut self, now: Timestamp) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            let expired = self.by_expiry.first().copied().filter(|first| first.until < now);
            let Some(first) = expired else { return };
            self.by_expiry.remove(&first);
            self.nonces.remove(&first.nonce);
            self.signatures.remove(&first.signature);
            self.forgotten = self.forgotten.max(Some(first.until));
        }
    }
}

/// Stands for a text of any length. Two texts with the same mark can only be made by somebody who
/// can sign both, and then the second is refused.
fn mark(text: &[u8]) -> u128 {
    let digest: [u8; 32] = Sha256::digest(text).into();
    digest.iter().take(16).fold(0, |mark, &byte| mark << 8 | u128::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Asks at this second for a request that was signed then, with this nonce.
    fn ask(replays: &ReplayGuard, now: u64, signed_at: u64, nonce: &str) -> Result<(), Denial> {
        let signature = format!("{signed_at} {nonce}").into_bytes().into();
        let timestamp = Timestamp::of(at(signed_at));
        replays.accept(&Signed { timestamp, nonce: nonce.as_bytes().into(), signature }, at(now))
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
    fn what_is_forgotten_does_not_come_back_with_a_clock_that_is_set_back() {
        let replays = ReplayGuard::new(Some(LIMIT), MAX_NONCES);
        assert_eq!(ask(&replays, 100, 100, "1"), Ok(()));
        assert_eq!(ask(&replays, 111, 111, "2"), Ok(()));
        assert_eq!(ask(&replays, 110, 100, "1"), Err(Denial::Expired));
        assert_eq!(ask(&replays, 110, 101, "3"), Ok(()));
    }

    #[test]
    fn a_full_table_has_room_again_when_a_nonce_has_expired() {
        let replays = ReplayGuard::new(Some(LIMIT), 2);
        assert_eq!(ask(&replays, 100, 100, "1"), Ok(()));
        assert_eq!(ask(&replays, 100, 105, "2"), Ok(()));
        assert_eq!(ask(&replays, 110, 110, "3"), Err(Denial::TooManyNonces));
        assert_eq!(ask(&replays, 110, 110, "2"), used("2"));
        assert_eq!(ask(&replays, 111, 111, "3"), Ok(()));
        assert_eq!(ask(&replays, 111, 111, "4"), Err(Denial::TooManyNonces));
    }

    #[test]
    fn a_request_forgets_some_of_many_at_a_time() {
        let replays = ReplayGuard::new(Some(LIMIT), 2 * FORGOTTEN_AT_ONCE);
        for number in 0..2 * FORGOTTEN_AT_ONCE {
            assert_eq!(ask(&replays, 100, 100, &number.to_string()), Ok(()));
        }
        assert_eq!(ask(&replays, 200, 200, "a"), Ok(()));
        assert_eq!(replays.accepted.lock().by_expiry.len(), FORGOTTEN_AT_ONCE + 1);
        assert_eq!(ask(&replays, 200, 200, "b"), Ok(()));
        assert_eq!(replays.accepted.lock().by_expiry.len(), 2);
    }

    #[test]
    fn without_a_limit_of_timestamps_nothing_is_forgotten() {
        let replays = ReplayGuard::new(None, MAX_NONCES);
        assert_eq!(ask(&replays, 100, 100, "1"), Ok(()));
        assert_eq!(ask(&replays, 9_000_000_000, 100, "1"), used("1"));
    }
}
