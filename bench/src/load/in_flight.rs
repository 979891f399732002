//! The unanswered requests of one session: their numbers and times.

/// Requests in flight, numbered from 1 as WAMP requires.
#[derive(Debug)]
pub struct RequestsInFlight {
    /// The time of each request, by its number modulo the length, which is a power of two; 0 for
    /// none.
    sent: Box<[u64]>,
    last: u64,
    count: u64,
}

impl RequestsInFlight {
    /// Room for `most` requests in flight and some more: the place of a late answer must not block
    /// much later requests.
    pub fn new(most: usize) -> Self {
        Self { sent: vec![0; (most.max(1) * 16).next_power_of_two()].into(), last: 0, count: 0 }
    }

    /// Number of requests in flight.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Number of places: [`RequestsInFlight::place`] returns less.
    pub fn places(&self) -> usize {
        self.sent.len()
    }

    /// The place of a request, which no other request in flight has.
    #[inline]
    pub fn place(&self, request: u64) -> usize {
        request as usize & (self.sent.len() - 1)
    }

    /// The number of the next request, sent at `now` (above 0); `None` while its place is used.
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

    /// Removes an answered request and returns its time; `None` if it is not in flight.
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
    use super::RequestsInFlight;

    #[test]
    fn a_request_is_answered_once() {
        let mut requests = RequestsInFlight::new(2);
        assert_eq!((requests.next(10), requests.next(20)), (Some(1), Some(2)));
        let taken = [2, 2, 1, 3, 0].map(|request| requests.take(request));
        assert_eq!(taken, [Some(20), None, Some(10), None, None]);
        assert_eq!(requests.count(), 0);
    }

    #[test]
    fn a_late_answer_is_awaited_and_not_taken_for_another() {
        let mut requests = RequestsInFlight::new(1);
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
