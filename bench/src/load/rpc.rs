//! Calls: each caller keeps a number of them in flight, and a callee answers with the same
//! arguments. Every result is compared with its call.

use cloverleaf_wamp::ids::RequestId;
use cloverleaf_wamp::message::{ClientMessage, InvokePolicy, Register, RegisterOptions, code};
use cloverleaf_wamp::uri::UncheckedUri;

use super::connections::MessageHandler;
use super::course::TimedLoad;
use super::in_flight::RequestsInFlight;
use super::opening::{read, unexpected};
use super::output::Outputs;
use super::reading::{LoadMessage, Stamp};
use super::tally::Tally;
use super::writing;

/// The procedure.
pub const PROCEDURE: &str = "bench.procedure";

/// REGISTER of the load's procedure, as the first request of a session.
pub fn register(invoke: InvokePolicy) -> ClientMessage {
    ClientMessage::Register(Register {
        request: RequestId::from_random(0),
        options: RegisterOptions { invoke: Some(invoke.into()), ..RegisterOptions::default() },
        procedure: UncheckedUri::new(PROCEDURE),
    })
}

/// A session that calls.
#[derive(Debug)]
struct Caller {
    connection: usize,
    calls: RequestsInFlight,
}

/// The role of a connection in the load.
#[derive(Debug, Clone, Copy)]
enum ConnectionRole {
    None,
    Caller(usize),
    Callee,
}

/// The load of calls.
#[derive(Debug)]
pub struct RpcLoad {
    callers: Vec<Caller>,
    roles: Vec<ConnectionRole>,
    /// Calls in flight of each caller.
    in_flight: u64,
    text: String,
    /// Message code of the callees' answers: YIELD, or RESULT without a router.
    answer: u64,
    tally: Tally,
    stopped: bool,
}

impl RpcLoad {
    /// A load of open sessions; the callees have registered [`PROCEDURE`]. `payload` is the length
    /// of the text in each call, in bytes.
    pub fn new(callers: &[usize], callees: &[usize], in_flight: usize, payload: usize) -> Self {
        let most = callers.iter().chain(callees).max().map_or(0, |most| most + 1);
        let mut roles = vec![ConnectionRole::None; most];
        for (number, caller) in callers.iter().enumerate() {
            roles[*caller] = ConnectionRole::Caller(number);
        }
        for callee in callees {
            roles[*callee] = ConnectionRole::Callee;
        }
        Self {
            callers: callers
                .iter()
                .map(|&connection| Caller { connection, calls: RequestsInFlight::new(in_flight) })
                .collect(),
            roles,
            in_flight: in_flight as u64,
            text: "x".repeat(payload),
            answer: code::YIELD,
            tally: Tally::default(),
            stopped: false,
        }
    }

    /// Changes the load to run without a router: the callee receives CALL and answers RESULT.
    #[must_use]
    pub fn without_router(self) -> Self {
        Self { answer: code::RESULT, ..self }
    }

    /// Sends calls until the wanted number is in flight.
    #[inline]
    fn refill(&mut self, number: usize, outputs: &mut Outputs) {
        let Caller { connection, calls } = &mut self.callers[number];
        while calls.count() < self.in_flight && !self.stopped {
            let Some(request) = calls.next(outputs.now()) else { return };
            outputs.send(*connection, |serializer, out| {
                writing::call(serializer, out, PROCEDURE, number as u64, request, &self.text);
            });
        }
    }

    #[inline]
    fn answered(&mut self, number: usize, message: Result<LoadMessage<'_>, String>, now: u64) {
        match message {
            Ok(LoadMessage::Result { request, stamp }) => {
                let sender = number as u64;
                let right = Stamp { sender, number: request, text_len: self.text.len() };
                match self.callers[number].calls.take(request) {
                    Some(sent) if stamp == right => self.tally.answered(sent, now),
                    Some(_) => self.tally.error(format!("call {request} was answered {stamp:?}")),
                    None => self.tally.error(format!("call {request} was not in flight")),
                }
            }
            Ok(LoadMessage::Error { request, uri }) => {
                self.callers[number].calls.take(request);
                self.tally.error(format!("a call failed: {uri}"));
            }
            other => self.tally.error(unexpected(&other)),
        }
    }
}

impl MessageHandler for RpcLoad {
    #[inline]
    fn received(&mut self, from: usize, message: &[u8], outputs: &mut Outputs) {
        let message = read(from, message, outputs);
        match (self.roles[from], message) {
            (ConnectionRole::Caller(number), message) => {
                self.answered(number, message, outputs.now());
                self.refill(number, outputs);
            }
            (_, Ok(LoadMessage::Invocation { request, args })) => {
                outputs.send(from, |serializer, out| {
                    writing::answer(serializer, out, self.answer, request, args);
                });
            }
            (_, other) => self.tally.error(unexpected(&other)),
        }
    }

    fn ended(&mut self, _: usize, why: &str) {
        self.tally.error(why);
    }
}

impl TimedLoad for RpcLoad {
    fn start(&mut self, outputs: &mut Outputs) {
        outputs.look_at_clock();
        for number in 0..self.callers.len() {
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
        self.callers.iter().map(|caller| caller.calls.count()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One caller with two calls in flight, each with a text of four octets.
    fn two_calls() -> RpcLoad {
        let mut load = RpcLoad::new(&[0], &[1], 2, 4);
        load.count(true);
        load.start(&mut Outputs::default());
        load
    }

    fn result(request: u64, stamp: (u64, u64, usize)) -> LoadMessage<'static> {
        let (sender, number, text_len) = stamp;
        LoadMessage::Result { request, stamp: Stamp { sender, number, text_len } }
    }

    /// Numbers of answers, errors and calls in flight after these messages.
    fn counted(messages: Vec<LoadMessage<'_>>) -> (u64, u64, u64) {
        let mut load = two_calls();
        for message in messages {
            load.answered(0, Ok(message), 9);
        }
        (load.tally.latency.total(), load.tally.errors, load.in_flight())
    }

    #[test]
    fn results_in_any_order_are_answers() {
        assert_eq!(counted(vec![result(2, (0, 2, 4)), result(1, (0, 1, 4))]), (2, 0, 0));
    }

    #[test]
    fn the_result_of_another_call_is_an_error() {
        for stamp in [(1, 1, 4), (0, 2, 4), (0, 1, 5)] {
            assert_eq!(counted(vec![result(1, stamp)]), (0, 1, 1), "{stamp:?}");
        }
    }

    #[test]
    fn repeated_and_unrequested_results_are_errors() {
        let twice = vec![result(1, (0, 1, 4)), result(1, (0, 1, 4)), result(9, (0, 9, 4))];
        assert_eq!(counted(twice), (1, 2, 1));
    }

    #[test]
    fn a_failed_call_is_an_error_and_leaves_flight() {
        let failed = LoadMessage::Error { request: 2, uri: "a.b".into() };
        assert_eq!(counted(vec![failed]), (0, 1, 1));
    }
}
