//! Registrations and subscriptions that are made and removed while calls are in flight.
//!
//! Each session has several URIs: every second one is a procedure, the others are topics. Each URI
//! has one request in flight: register, unregister, register …

use std::fmt::Write;

use cloverleaf_wamp::ids::{RegistrationId, RequestId, SubscriptionId};
use cloverleaf_wamp::message::{
    ClientMessage, Register, RegisterOptions, Subscribe, SubscribeOptions, Unregister, Unsubscribe,
};
use cloverleaf_wamp::uri::UncheckedUri;

use super::connections::MessageHandler;
use super::course::TimedLoad;
use super::in_flight::RequestsInFlight;
use super::opening::{read, unexpected};
use super::output::Outputs;
use super::reading::LoadMessage;
use super::rpc::RpcLoad;
use super::tally::Tally;
use super::writing;

/// A URI that is registered or subscribed in turn.
#[derive(Debug)]
struct ChurnedUri {
    uri: UncheckedUri,
    is_procedure: bool,
    /// The id of its registration or subscription, while it has one.
    id: Option<u64>,
}

/// A session with its URIs.
#[derive(Debug)]
struct Churner {
    connection: usize,
    places: Vec<ChurnedUri>,
    requests: RequestsInFlight,
    /// Index of the URI of each request in flight.
    about: Box<[usize]>,
}

impl Churner {
    fn new(number: usize, connection: usize, uris: usize) -> Self {
        let place = |place| {
            let mut uri = String::new();
            // Writing to a String can't fail.
            let _ = write!(uri, "bench.churn.{number}.{place}");
            ChurnedUri { uri: UncheckedUri::new(uri), is_procedure: place % 2 == 0, id: None }
        };
        let requests = RequestsInFlight::new(uris);
        let about = vec![0; requests.places()].into();
        Self { connection, places: (0..uris).map(place).collect(), requests, about }
    }

    /// Sends the next request for one of the URIs.
    fn ask(&mut self, place: usize, outputs: &mut Outputs) {
        let Some(number) = self.requests.next(outputs.now()) else { return };
        self.about[self.requests.place(number)] = place;
        let Some(request) = RequestId::new(number) else { return };
        let message = self.places[place].next(request);
        outputs.send(self.connection, |serializer, out| {
            writing::message(serializer, out, &message);
        });
    }
}

impl ChurnedUri {
    fn next(&self, request: RequestId) -> ClientMessage {
        if self.is_procedure {
            match self.id.and_then(RegistrationId::new) {
                Some(registration) => {
                    ClientMessage::Unregister(Unregister { request, registration })
                }
                None => ClientMessage::Register(Register {
                    request,
                    options: RegisterOptions::default(),
                    procedure: self.uri.clone(),
                }),
            }
        } else {
            match self.id.and_then(SubscriptionId::new) {
                Some(subscription) => {
                    ClientMessage::Unsubscribe(Unsubscribe { request, subscription })
                }
                None => ClientMessage::Subscribe(Subscribe {
                    request,
                    options: SubscribeOptions::default(),
                    topic: self.uri.clone(),
                }),
            }
        }
    }
}

/// The load of requests that change tables, with calls beside them.
#[derive(Debug)]
pub struct ChurnLoad {
    churners: Vec<Churner>,
    /// Index of the churner of each connection.
    churner_of: Vec<Option<usize>>,
    calls: RpcLoad,
    tally: Tally,
    stopped: bool,
}

impl ChurnLoad {
    /// A load of open sessions with `uris` URIs each, beside `calls`.
    pub fn new(sessions: &[usize], uris: usize, calls: RpcLoad) -> Self {
        let most = sessions.iter().max().map_or(0, |most| most + 1);
        let mut churner_of = vec![None; most];
        for (number, session) in sessions.iter().enumerate() {
            churner_of[*session] = Some(number);
        }
        let churner = |(number, &connection)| Churner::new(number, connection, uris);
        Self {
            churners: sessions.iter().enumerate().map(churner).collect(),
            churner_of,
            calls,
            tally: Tally::default(),
            stopped: false,
        }
    }

    /// The figures of the calls.
    pub fn calls(&mut self) -> &Tally {
        self.calls.tally()
    }

    fn answered(
        &mut self,
        number: usize,
        message: &Result<LoadMessage<'_>, String>,
        now: u64,
    ) -> Option<usize> {
        let churner = &mut self.churners[number];
        let (request, id) = match message {
            Ok(LoadMessage::Answer { request, id }) => (*request, Some(*id)),
            Ok(LoadMessage::Error { request, .. }) => (*request, None),
            _ => {
                self.tally.error(unexpected(message));
                return None;
            }
        };
        let Some(sent) = churner.requests.take(request) else {
            self.tally.error(format!("request {request} was not in flight"));
            return None;
        };
        let place = churner.about[churner.requests.place(request)];
        match id {
            Some(id) => {
                churner.places[place].id = (id != 0).then_some(id);
                self.tally.answered(sent, now);
            }
            None => self.tally.error(unexpected(message)),
        }
        Some(place)
    }
}

impl MessageHandler for ChurnLoad {
    fn received(&mut self, from: usize, message: &[u8], outputs: &mut Outputs) {
        let Some(number) = self.churner_of.get(from).copied().flatten() else {
            return self.calls.received(from, message, outputs);
        };
        let message = read(from, message, outputs);
        if let Some(place) = self.answered(number, &message, outputs.now())
            && !self.stopped
        {
            self.churners[number].ask(place, outputs);
        }
    }

    fn ended(&mut self, _: usize, why: &str) {
        self.tally.error(why);
    }
}

impl TimedLoad for ChurnLoad {
    fn start(&mut self, outputs: &mut Outputs) {
        self.calls.start(outputs);
        for churner in &mut self.churners {
            for place in 0..churner.places.len() {
                churner.ask(place, outputs);
            }
        }
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn count(&mut self, counting: bool) {
        self.tally.counting = counting;
        self.calls.count(counting);
    }

    fn stop(&mut self) {
        self.stopped = true;
        self.calls.stop();
    }

    fn in_flight(&self) -> u64 {
        let requests: u64 = self.churners.iter().map(|churner| churner.requests.count()).sum();
        requests + self.calls.in_flight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One session with a procedure and a topic.
    fn load() -> ChurnLoad {
        let mut load = ChurnLoad::new(&[0], 2, RpcLoad::new(&[], &[], 0, 0));
        load.count(true);
        load.start(&mut Outputs::default());
        load
    }

    fn next(load: &ChurnLoad) -> [&'static str; 2] {
        let request = RequestId::from_random(0);
        [0, 1].map(|place| load.churners[0].places[place].next(request).name())
    }

    #[test]
    fn each_granted_request_is_followed_by_its_opposite() {
        let mut load = load();
        assert_eq!(next(&load), ["REGISTER", "SUBSCRIBE"]);
        for request in [1, 2] {
            let granted = Ok(LoadMessage::Answer { request, id: 5 });
            assert_eq!(load.answered(0, &granted, 9), Some(request as usize - 1));
        }
        assert_eq!(next(&load), ["UNREGISTER", "UNSUBSCRIBE"]);
        load.churners[0].ask(0, &mut Outputs::default());
        load.answered(0, &Ok(LoadMessage::Answer { request: 3, id: 0 }), 9);
        assert_eq!(next(&load), ["REGISTER", "UNSUBSCRIBE"]);
        assert_eq!((load.tally.latency.total(), load.tally.errors, load.in_flight()), (3, 0, 0));
    }

    #[test]
    fn refusals_and_unexpected_answers_are_errors() {
        let mut load = load();
        let refused = Ok(LoadMessage::Error { request: 1, uri: "a.b".into() });
        assert_eq!(load.answered(0, &refused, 9), Some(0));
        assert_eq!(load.answered(0, &Ok(LoadMessage::Answer { request: 7, id: 5 }), 9), None);
        assert_eq!((load.tally.latency.total(), load.tally.errors, load.in_flight()), (0, 2, 1));
    }
}
