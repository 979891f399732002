//! Rendezvous hashing: which of several places a resource key belongs to.
//!
//! Spec: advanced profile "Sharded Registration", "Sharded Subscription".

use cloverleaf_wamp::ids::SessionId;

/// The hash of a resource key, of a node or of a session. Equal texts have equal keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RendezvousKey(u64);

impl RendezvousKey {
    /// The key of a text (FNV-1a).
    pub(crate) fn of(text: &str) -> Self {
        let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(text.bytes().fold(0xcbf2_9ce4_8422_2325, fold))
    }

    /// The key of a session.
    pub(crate) const fn of_session(id: SessionId) -> Self {
        Self(id.number())
    }

    /// The weight of a key at a place: the key belongs to the place with the largest weight
    /// (rendezvous hashing). A place that comes or goes moves only the keys that belong to it.
    pub(crate) const fn nearness(self, place: Self) -> u64 {
        let mut bits = self.0 ^ place.0.rotate_left(32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }
}
