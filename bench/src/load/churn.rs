//! Registrations and subscriptions that come and go, while calls go on beside them.
//!
//! Each session has some URIs, every second one of them a procedure and the others topics, and
//! for each of them one request in flight: register, unregister, register …

use std::fmt::Write;

use cloverleaf_wamp::ids::{RegistrationId, RequestId, SubscriptionId};
use cloverleaf_wamp::message::{
    ClientMessage, Register, RegisterOptions, Subscribe, SubscribeOptions, Unregister, Unsubscribe,
};
use cloverleaf_wamp::uri::UncheckedUri;

use super::connections::Handler;
use super::course::Load;
use super::in_flight::InFlight;
use super::opening::{read, told};
use super::output::Outputs;
use super::reading::Message;
use super::rpc::Rpc;
use super::tally::Tally;
use super::writing;

/// A URI that comes and goes.
#[derive(Debug)]
struct Place {
    uri: UncheckedUri,
    is_procedure: bool,
    /// Its registration or subscription, while there is one.
    id: Option<u64>,
}

/// A session with its URIs.
#[derive(Debug)]
struct Churner {
    connection: usize,
    places: Vec<Place>,
    requests: InFlight,
    /// Which URI a request in flight is about.
    about: Box<[usize]>,
}

impl Churner {
    fn new(number: usize, connection: usize, uris: usize) -> Self {
        let place = |place| {
            let mut uri = String::new();
            // A String takes everything.
            let _ = write!(uri, "bench.churn.{number}.{place}");
            Place { uri: UncheckedUri::new(uri), is_procedure: place % 2 == 0, id: None }
        };
        let requests = InFlight::new(uris);
        let about = vec![0; requests.places()].into();
        Self { connection, places: (0..uris).map(place).collect(), requests, about }
    }

    /// Sends what comes next for one of the URIs.
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

impl Place {
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

/// The load of requests that change tables, and the calls beside them.
#[derive(Debug)]
pub struct Churn {
    churners: Vec<Churner>,
    /// Which churner a connection is.
    churner_of: Vec<Option<usize>>,
    calls: Rpc,
    tally: Tally,
    stopped: bool,
}

impl Churn {
    /// A load on sessions that are open, each with `uris` URIs, beside `calls`.
    pub fn new(sessions: &[usize], uris: usize, calls: Rpc) -> Self {
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

    /// What the calls beside have counted.
    pub fn calls(&mut self) -> &Tally {
        self.calls.tally()
    }

    fn answered(
        &mut self,
        number: usize,
        message: &Result<Message<'_>, String>,
        now: u64,
    ) -> Option<usize> {
        let churner = &mut self.churners[number];
        let (request, id) = match message {
            Ok(Message::Answer { request, id }) => (*request, Some(*id)),
            Ok(Message::Error { request, .. }) => (*request, None),
            _ => {
                self.tally.error(told(message));
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
            None => self.tally.error(told(message)),
        }
        Some(place)
    }
}

impl Handler for Churn {
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

impl Load for Churn {
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
    fn load() -> Churn {
        let mut load = Churn::new(&[0], 2, Rpc::new(&[], &[], 0, 0));
        load.count(true);
        load.start(&mut Outputs::default());
        load
    }

    fn next(load: &Churn) -> [&'static str; 2] {
        let request = RequestId::from_random(0);
        [0, 1].map(|place| load.churners[0].places[place].next(request).name())
    }

    #[test]
    fn what_was_granted_is_given_back_and_asked_for_again() {
        let mut load = load();
        assert_eq!(next(&load), ["REGISTER", "SUBSCRIBE"]);
        for request in [1, 2] {
            let granted = Ok(Message::Answer { request, id: 5 });
            assert_eq!(load.answered(0, &granted, 9), Some(request as usize - 1));
        }
        assert_eq!(next(&load), ["UNREGISTER", "UNSUBSCRIBE"]);
        load.churners[0].ask(0, &mut Outputs::default());
        load.answered(0, &Ok(Message::Answer { request: 3, id: 0 }), 9);
        assert_eq!(next(&load), ["REGISTER", "UNSUBSCRIBE"]);
        assert_eq!((load.tally.latency.total(), load.tally.errors, load.in_flight()), (3, 0, 0));
    }

    #[test]
    fn a_refusal_and_an_answer_that_nobody_asked_for_are_errors() {
        let mut load = load();
        let refused = Ok(Message::Error { request: 1, uri: "a.b".into() });
        assert_eq!(load.answered(0, &refused, 9), Some(0));
        assert_eq!(load.answered(0, &Ok(Message::Answer { request: 7, id: 5 }), 9), None);
        assert_eq!((load.tally.latency.total(), load.tally.errors, load.in_flight()), (0, 2, 1));
    }
}
