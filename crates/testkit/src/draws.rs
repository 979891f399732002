//! Random bits from a seed: every run draws the same bits, and the last draw can be read again.
//!
//! Not for secrets and not for statistics.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cloverleaf_router::Random;

/// The distance between two states of the generator (SplitMix64).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A seeded generator; its clones share one state.
#[derive(Clone)]
pub struct Draws(Arc<AtomicU64>);

impl Draws {
    /// A generator before its first draw.
    pub fn from_seed(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed)))
    }

    /// The next 64 bits.
    pub fn next_bits(&self) -> u64 {
        self.0.fetch_add(STEP, Ordering::Relaxed);
        self.last_bits()
    }

    /// The bits that were drawn last.
    pub fn last_bits(&self) -> u64 {
        let mut bits = self.0.load(Ordering::Relaxed);
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// The generator as the source of a realm.
    pub fn source(&self) -> Random {
        let draws = self.clone();
        Random::new(move || draws.next_bits())
    }
}

impl fmt::Debug for Draws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Draws")
    }
}

#[cfg(test)]
mod tests {
    use super::Draws;

    #[test]
    fn the_same_seed_draws_the_same_and_the_last_draw_is_remembered() {
        let (first, second) = (Draws::from_seed(7), Draws::from_seed(7));
        let drawn: Vec<u64> = (0..4).map(|_| first.next_bits()).collect();
        assert_eq!(drawn, (0..4).map(|_| second.next_bits()).collect::<Vec<_>>());
        assert_eq!(first.last_bits(), drawn[3]);
        assert_ne!(drawn[0], drawn[1]);
    }
}
