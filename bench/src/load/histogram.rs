//! A log-linear histogram of times: every value keeps about two digits, and the memory does not
//! depend on the number of values.

/// Sub-buckets of each power of two, as a power of two: the error is at most 1/64 of the value.
const SUB_BITS: u32 = 6;

const SUB_BUCKETS: usize = 1 << SUB_BITS;

/// Values below `SUB_BUCKETS` are exact; each greater power of two has its own row.
const ROWS: usize = 64 - SUB_BITS as usize + 1;

/// Counts of values in nanoseconds.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Box<[u64]>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; ROWS * SUB_BUCKETS].into(), total: 0, max: 0 }
    }
}

impl Histogram {
    /// Counts one value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.total += 1;
        self.max = self.max.max(value);
    }

    /// Number of values.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The greatest value.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The value that `part` (0 to 1) of all values do not exceed; 0 if there are none.
    pub fn quantile(&self, part: f64) -> u64 {
        let wanted = ((self.total as f64 * part).ceil() as u64).max(1);
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return greatest_in(place).min(self.max);
            }
        }
        self.max
    }
}

/// The bucket of a value: the row of its power of two, and the bits after the highest one.
#[inline]
fn bucket(value: u64) -> usize {
    let row = (u64::BITS - value.leading_zeros()).saturating_sub(SUB_BITS);
    let within = if row == 0 { value } else { (value >> (row - 1)) - SUB_BUCKETS as u64 };
    row as usize * SUB_BUCKETS + within as usize
}

/// The greatest value of a bucket.
fn greatest_in(bucket: usize) -> u64 {
    let (row, within) = (bucket / SUB_BUCKETS, (bucket % SUB_BUCKETS) as u64);
    match row {
        0 => within,
        row => (((SUB_BUCKETS as u64 + within + 1) as u128) << (row - 1)).saturating_sub(1) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::{Histogram, ROWS, SUB_BUCKETS, bucket, greatest_in};

    #[test]
    fn a_bucket_is_at_most_a_sixty_fourth_of_its_values_wide() {
        for shift in 0..64 {
            for value in [1_u64 << shift, (1 << shift) + (1 << shift) / 3, (1 << shift) - 1] {
                let greatest = greatest_in(bucket(value));
                assert!(greatest >= value && greatest - value <= value / 64, "{value}: {greatest}");
            }
        }
        assert_eq!(bucket(u64::MAX), ROWS * SUB_BUCKETS - 1);
    }

    #[test]
    fn buckets_follow_each_other() {
        for place in 1..ROWS * SUB_BUCKETS {
            assert_eq!(bucket(greatest_in(place - 1) + 1), place);
        }
    }

    #[test]
    fn a_quantile_is_the_value_that_its_share_does_not_exceed() {
        let mut histogram = Histogram::default();
        (1..=50).for_each(|value| histogram.record(value));
        let found = [0.0, 0.5, 0.9, 0.99, 1.0].map(|part| histogram.quantile(part));
        assert_eq!(found, [1, 25, 45, 50, 50]);
    }

    #[test]
    fn an_empty_histogram_is_zero() {
        let histogram = Histogram::default();
        assert_eq!((histogram.quantile(0.5), histogram.max(), histogram.total()), (0, 0, 0));
    }
}
