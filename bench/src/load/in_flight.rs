//! The requests of one session that are not answered yet: their numbers, and when each was sent.

/// Requests in flight, numbered from 1 on as WAMP wants it.
#[derive(Debug)]
pub struct InFlight {
    /// When each was sent, by its number modulo the length, a power of two; 0 for none.
    sent: Box<[u64]>,
    last: u64,
    count: u64,
}

impl InFlight {
    /// Room for `most` requests in flight, and some more: a late answer must not keep its place
    /// from requests that come long after it.
    pub fn new(most: usize) -> Self {
        Self { sent: vec![0; (most.max(1) * 16).next_power_of_two()].into(), last: 0, count: 0 }
    }

    /// How many are in flight.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many places there are: [`InFlight::place`] is below.
    pub fn places(&self) -> usize {
        self.sent.len()
    }

    /// The place of a request, of those in flight its alone.
    #[inline]
    pub fn place(&self, request: u64) -> usize {
        request as usize & (self.sent.len() - 1)
    }

    /// The number of the next request, sent at `now` (above 0); none while its place is taken.
    #[inline]
    pub fn next(&mut self, now: u64) -> Option<u64> {
        let request = self.last + 1;
        let place = self.place(request);
        if self.sent[place] != 0 {
            return None;
        }
        self.sent[place] = now;
        self.last = request;
        self.count += 1;
        Some(request)
    }

    /// Takes a request that was answered out of those in flight; when it was sent. None when it
    /// is not in flight.
    #[inline]
    pub fn take(&mut self, request: u64) -> Option<u64> {
        let oldest = self.last.saturating_sub(self.sent.len() as u64);
        let place = self.place(request);
        if request > self.last || request <= oldest || self.sent[place] == 0 {
            return None;
        }
        self.count -= 1;
        Some(std::mem::take(&mut self.sent[place]))
    }
}

#[cfg(test)]
mod tests {
    use super::InFlight;

    #[test]
    fn a_request_is_answered_once() {
        let mut requests = InFlight::new(2);
        assert_eq!((requests.next(10), requests.next(20)), (Some(1), Some(2)));
        let taken = [2, 2, 1, 3, 0].map(|request| requests.take(request));
        assert_eq!(taken, [Some(20), None, Some(10), None, None]);
        assert_eq!(requests.count(), 0);
    }

    #[test]
    fn a_late_answer_is_waited_for_and_not_mistaken_for_another() {
        let mut requests = InFlight::new(1);
        let places = requests.places() as u64;
        assert_eq!(requests.next(5), Some(1));
        for request in 2..=places {
            assert_eq!((requests.next(6), requests.take(request)), (Some(request), Some(6)));
        }
        assert_eq!(requests.next(7), None);
        assert_eq!(requests.take(1), Some(5));
        assert_eq!(requests.next(8), Some(places + 1));
        assert_eq!(requests.take(1), None);
    }
}
