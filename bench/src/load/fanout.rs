//! Publications: publishers send to one topic, and each subscriber must receive every event of each
//! publisher once and in order.
//!
//! A publisher keeps a window of publications that not all subscribers have received. So no queue
//! of the router overflows, and the rate is that of delivery.

use cloverleaf_wamp::ids::RequestId;
use cloverleaf_wamp::message::{ClientMessage, Subscribe, SubscribeOptions};
use cloverleaf_wamp::uri::{MatchPolicy, UncheckedUri};

use super::connections::MessageHandler;
use super::course::TimedLoad;
use super::opening::{read, unexpected};
use super::output::Outputs;
use super::reading::{LoadMessage, Stamp};
use super::tally::Tally;
use super::writing;

/// The topic.
const TOPIC: &str = "bench.fanout.topic";

/// SUBSCRIBE to the topic of the load, as the first request of a session.
pub fn subscribe(policy: MatchPolicy) -> ClientMessage {
    let pattern = match policy {
        MatchPolicy::Exact => TOPIC,
        MatchPolicy::Prefix => "bench.fanout",
        MatchPolicy::Wildcard => "bench..topic",
    };
    ClientMessage::Subscribe(Subscribe {
        request: RequestId::from_random(0),
        options: SubscribeOptions { match_policy: Some(policy), ..SubscribeOptions::default() },
        topic: UncheckedUri::new(pattern),
    })
}

/// A publication that not all subscribers have received.
#[derive(Debug, Clone, Copy, Default)]
struct WindowEntry {
    sent: u64,
    /// Subscribers that have not received it.
    missing: u64,
}

/// A session that publishes. Its publications are numbered from 1.
#[derive(Debug)]
struct Publisher {
    connection: usize,
    last: u64,
    /// Number of publications that all subscribers have received. They are the first ones, since
    /// events arrive in order.
    delivered: u64,
    /// The publications of the window, by their number modulo its length.
    window: Box<[WindowEntry]>,
}

impl Publisher {
    fn in_flight(&self) -> u64 {
        self.last - self.delivered
    }

    #[inline]
    fn publication(&mut self, number: u64) -> &mut WindowEntry {
        let place = number % self.window.len() as u64;
        &mut self.window[place as usize]
    }
}

/// The load of publications.
#[derive(Debug)]
pub struct FanoutLoad {
    publishers: Vec<Publisher>,
    subscribers: usize,
    /// Index of the subscriber of each connection.
    subscriber_of: Vec<Option<usize>>,
    /// The next number that each subscriber expects of each publisher.
    expected: Vec<u64>,
    text: String,
    tally: Tally,
    stopped: bool,
}

impl FanoutLoad {
    /// A load of open sessions; the subscribers have subscribed. `payload` is the length of the
    /// text in each event, in bytes.
    pub fn new(publishers: &[usize], subscribers: &[usize], window: usize, payload: usize) -> Self {
        let most = subscribers.iter().max().map_or(0, |most| most + 1);
        let mut subscriber_of = vec![None; most];
        for (number, subscriber) in subscribers.iter().enumerate() {
            subscriber_of[*subscriber] = Some(number);
        }
        let publisher = |&connection| Publisher {
            connection,
            last: 0,
            delivered: 0,
            window: vec![WindowEntry::default(); window.max(1)].into(),
        };
        Self {
            publishers: publishers.iter().map(publisher).collect(),
            subscribers: subscribers.len(),
            subscriber_of,
            expected: vec![1; subscribers.len() * publishers.len()],
            text: "x".repeat(payload),
            tally: Tally::default(),
            stopped: false,
        }
    }

    /// Publishes until the window is full, but only once half of it is empty. Several publications
    /// then leave with one write, as those of a busy publisher do.
    #[inline]
    fn refill(&mut self, number: usize, outputs: &mut Outputs) {
        let publisher = &mut self.publishers[number];
        let window = publisher.window.len() as u64;
        if publisher.in_flight() > window / 2 || self.stopped {
            return;
        }
        while publisher.in_flight() < window {
            publisher.last += 1;
            let last = publisher.last;
            let missing = self.subscribers as u64;
            *publisher.publication(last) = WindowEntry { sent: outputs.now(), missing };
            outputs.send(publisher.connection, |serializer, out| {
                writing::publish(serializer, out, TOPIC, number as u64, last, &self.text);
            });
        }
    }

    /// Counts an event that a subscriber has received. Skipped events are lost; if one arrives
    /// later, it is out of order.
    #[inline]
    fn arrived(&mut self, subscriber: usize, stamp: Stamp, now: u64) {
        let publishers = self.publishers.len();
        let sender = stamp.sender as usize;
        let Some(publisher) = self.publishers.get_mut(sender) else {
            return self.tally.error(format!("an event of an unknown publisher: {stamp:?}"));
        };
        let expected = &mut self.expected[subscriber * publishers + sender];
        if stamp.number > publisher.last || stamp.text_len != self.text.len() {
            return self.tally.error(format!("an event that was not published: {stamp:?}"));
        }
        if stamp.number < *expected {
            return self.tally.error(format!("an event out of order or twice: {stamp:?}"));
        }
        for number in *expected..=stamp.number {
            let publication = publisher.publication(number);
            publication.missing -= 1;
            let WindowEntry { sent, missing } = *publication;
            publisher.delivered += u64::from(missing == 0);
            if number == stamp.number {
                self.tally.answered(sent, now);
            } else {
                self.tally.lost += 1;
            }
        }
        *expected = stamp.number + 1;
    }
}

impl MessageHandler for FanoutLoad {
    #[inline]
    fn received(&mut self, from: usize, message: &[u8], outputs: &mut Outputs) {
        let subscriber = self.subscriber_of.get(from).copied().flatten();
        match (read(from, message, outputs), subscriber) {
            (Ok(LoadMessage::Event { stamp }), Some(subscriber)) => {
                self.arrived(subscriber, stamp, outputs.now());
                self.refill(stamp.sender as usize % self.publishers.len(), outputs);
            }
            (other, _) => self.tally.error(unexpected(&other)),
        }
    }

    fn ended(&mut self, _: usize, why: &str) {
        self.tally.error(why);
    }
}

impl TimedLoad for FanoutLoad {
    fn start(&mut self, outputs: &mut Outputs) {
        outputs.look_at_clock();
        for number in 0..self.publishers.len() {
            self.refill(number, outputs);
        }
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn stop(&mut self) {
        self.stopped = true;
    }

    fn in_flight(&self) -> u64 {
        let windows = self.publishers.iter().flat_map(|publisher| &publisher.window);
        windows.map(|publication| publication.missing).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One publisher with a window of four, all sent, and two subscribers.
    fn four_published() -> FanoutLoad {
        let mut load = FanoutLoad::new(&[0], &[1, 2], 4, 0);
        load.count(true);
        load.start(&mut Outputs::default());
        load
    }

    fn receive(load: &mut FanoutLoad, subscriber: usize, numbers: &[u64]) {
        for &number in numbers {
            load.arrived(subscriber, Stamp { sender: 0, number, text_len: 0 }, 1);
        }
    }

    fn counted(load: &FanoutLoad) -> (u64, u64, u64, u64) {
        let Tally { latency, lost, errors, .. } = &load.tally;
        (latency.total(), *lost, *errors, load.in_flight())
    }

    #[test]
    fn a_publication_is_delivered_when_the_slowest_subscriber_has_it() {
        let mut load = four_published();
        receive(&mut load, 0, &[1, 2, 3, 4]);
        assert_eq!(load.publishers[0].delivered, 0);
        receive(&mut load, 1, &[1, 2]);
        assert_eq!(load.publishers[0].delivered, 2);
        assert_eq!(counted(&load), (6, 0, 0, 2));
    }

    #[test]
    fn skipped_events_are_lost_and_are_errors_when_they_come_late() {
        let mut load = four_published();
        receive(&mut load, 0, &[1, 4, 3]);
        assert_eq!(counted(&load), (2, 2, 1, 4));
    }

    #[test]
    fn repeated_and_unpublished_events_are_errors() {
        let mut load = four_published();
        receive(&mut load, 0, &[1, 1, 9]);
        assert_eq!(counted(&load), (1, 0, 2, 7));
    }

    #[test]
    fn the_window_is_refilled_when_half_of_it_is_empty() {
        let mut load = four_published();
        for number in 1..=2 {
            receive(&mut load, 0, &[number]);
            receive(&mut load, 1, &[number]);
            load.refill(0, &mut Outputs::default());
        }
        assert_eq!((load.publishers[0].last, load.in_flight()), (6, 8));
    }
}
