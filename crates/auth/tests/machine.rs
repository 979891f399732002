//! The admission machine with a method that challenges and one that decides late.
//!
//! Each attempt to join has one outcome at most, and its session id is released unless it joins.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use cloverleaf_auth::{
    AdmissionStep, AdmissionTicket, Challenged, ConnectionFacts, Deciding, Joined, Joining,
    MethodAnswer, Refusal, SessionReservation,
};
use cloverleaf_testkit::auth::{SECRET, Tickets, accept, admission, principal};
use cloverleaf_wamp::features::CLIENT;
use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::message::{Authenticate, Hello, HelloDetails};
use cloverleaf_wamp::payload::Encoded;
use proptest::prelude::*;

/// The session ids that are reserved.
type Ids = Rc<RefCell<BTreeSet<u64>>>;

/// A reserved id. Dropping it releases the id.
#[derive(Debug)]
struct Reserved {
    ids: Ids,
    id: SessionId,
}

impl Reserved {
    fn new(ids: &Ids, number: u64) -> Self {
        assert!(ids.borrow_mut().insert(number), "the id is free");
        Self { ids: Rc::clone(ids), id: SessionId::new(number).expect("an id") }
    }
}

impl SessionReservation for Reserved {
    fn session(&self) -> SessionId {
        self.id
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        assert!(self.ids.borrow_mut().remove(&self.id.number()), "an id is released once");
    }
}

fn authenticate(signature: &str) -> Authenticate {
    Authenticate { signature: signature.into(), extra: Encoded::EMPTY_DICTIONARY }
}

/// The state of a client after HELLO with this method.
fn begin(method: &str, tickets: &Tickets, reserved: Reserved) -> AdmissionStep<Reserved> {
    let admission = admission(tickets);
    let details = HelloDetails {
        roles: Some(CLIENT),
        authmethods: Some(vec![method.into()]),
        authid: Some("alice".into()),
        ..HelloDetails::default()
    };
    let hello = Hello { realm: "realm1".into(), details };
    let joining = Joining::new(ConnectionFacts { transport: None, tells_agent: true });
    let selected = joining.hello(&admission, &hello).expect("a method");
    assert_eq!(selected.realm(), "realm1");
    selected.begin(reserved, [0, 0])
}

fn challenged(step: AdmissionStep<Reserved>) -> Challenged<Reserved> {
    match step {
        AdmissionStep::Challenged(challenged, challenge) => {
            assert_eq!(challenge.extra, Encoded::EMPTY_DICTIONARY);
            challenged
        }
        other => panic!("{other:?}"),
    }
}

fn deciding(step: AdmissionStep<Reserved>) -> Deciding<Reserved> {
    match step {
        AdmissionStep::Deciding(deciding) => deciding,
        other => panic!("{other:?}"),
    }
}

fn joined(step: AdmissionStep<Reserved>) -> Joined<Reserved> {
    match step {
        AdmissionStep::Joined(joined) => joined,
        other => panic!("{other:?}"),
    }
}

fn refused(step: AdmissionStep<Reserved>) -> Refusal {
    match step {
        AdmissionStep::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

/// A client after HELLO, the reserved ids and the open tickets.
fn attempt(method: &str) -> (AdmissionStep<Reserved>, Ids, Tickets) {
    let (ids, tickets) = (Ids::default(), Tickets::default());
    let step = begin(method, &tickets, Reserved::new(&ids, 7));
    assert_eq!(ids.borrow().len(), 1, "the id is reserved at HELLO");
    (step, ids, tickets)
}

fn take(tickets: &Tickets) -> AdmissionTicket {
    tickets.pop().expect("a ticket")
}

/// The client of a state that waits is not woken.
fn idle() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Counts how often it is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn right_answer_to_the_challenge_joins_with_the_reserved_id() {
    let (step, ids, _) = attempt("secret");
    let joined = joined(challenged(step).authenticate(&authenticate(SECRET)));
    assert_eq!(joined.admitted.session, Some(joined.reservation.session()));
    assert_eq!(joined.admitted.principal, principal("anonymous"));
    assert_eq!(ids.borrow().len(), 1);
    drop(joined);
    assert!(ids.borrow().is_empty());
}

#[test]
fn wrong_answer_to_the_challenge_is_refused_and_releases_the_id() {
    let (step, ids, _) = attempt("secret");
    let refusal = refused(challenged(step).authenticate(&authenticate("wrong")));
    assert_eq!(refusal, Refusal::AuthenticationDenied);
    assert!(ids.borrow().is_empty());
}

#[test]
fn method_may_challenge_again_or_ask_after_the_answer() {
    let (step, ids, tickets) = attempt("secret");
    let again = challenged(challenged(step).authenticate(&authenticate("again")));
    let waiting = deciding(again.authenticate(&authenticate("ask")));
    assert!(take(&tickets).decide(tickets.challenge()));
    let third = challenged(waiting.poll_decision(&idle()));
    drop(joined(third.authenticate(&authenticate(SECRET))));
    assert!(ids.borrow().is_empty());
}

#[test]
fn challenged_client_that_is_late_or_leaves_releases_the_id() {
    let (step, ids, _) = attempt("secret");
    assert_eq!(challenged(step).time_out(), Refusal::JoinTimedOut);
    assert!(ids.borrow().is_empty());
    let (step, ids, _) = attempt("secret");
    challenged(step).cancel();
    assert!(ids.borrow().is_empty());
}

#[test]
fn late_decision_wakes_the_client_and_joins() {
    let (step, ids, tickets) = attempt("late");
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let waiting = deciding(deciding(step).poll_decision(&Context::from_waker(&waker)));
    let ticket = take(&tickets);
    assert!(!ticket.is_cancelled());
    let decider = std::thread::spawn(move || ticket.decide(accept("user")));
    assert!(decider.join().expect("no panic"));
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    let joined = joined(waiting.poll_decision(&idle()));
    assert_eq!(joined.admitted.principal, principal("user"));
    assert_eq!(ids.borrow().len(), 1);
}

#[test]
fn ticket_that_is_dropped_refuses_the_client() {
    let (step, ids, tickets) = attempt("late");
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let waiting = deciding(deciding(step).poll_decision(&Context::from_waker(&waker)));
    drop(take(&tickets));
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert_eq!(refused(waiting.poll_decision(&idle())), Refusal::AuthenticationFailed);
    assert!(ids.borrow().is_empty());
}

#[test]
fn client_that_leaves_cancels_the_ticket_and_wakes_the_decider() {
    let (step, ids, tickets) = attempt("late");
    let mut ticket = take(&tickets);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    assert_eq!(ticket.poll_cancelled(&Context::from_waker(&waker)), Poll::Pending);
    deciding(step).cancel();
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert_eq!(ticket.poll_cancelled(&idle()), Poll::Ready(()));
    assert!(ids.borrow().is_empty());
    assert!(!ticket.decide(accept("user")), "too late");
}

#[test]
fn decision_that_takes_too_long_is_refused_and_cancels_the_ticket() {
    let (step, ids, tickets) = attempt("late");
    assert_eq!(deciding(step).time_out(), Refusal::JoinTimedOut);
    assert!(take(&tickets).is_cancelled());
    assert!(ids.borrow().is_empty());
}

/// One thing that happens to a client that joins, or to its decider.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Authenticate(&'static str),
    Accept,
    Deny,
    Challenge,
    AskAgain,
    DropTicket,
    Poll,
    TimeOut,
    Cancel,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        2 => prop_oneof![Just("again"), Just("ask"), Just(SECRET), Just("wrong")]
            .prop_map(Happening::Authenticate),
        1 => Just(Happening::Accept),
        1 => Just(Happening::Deny),
        2 => Just(Happening::Challenge),
        2 => Just(Happening::AskAgain),
        1 => Just(Happening::DropTicket),
        4 => Just(Happening::Poll),
        1 => Just(Happening::TimeOut),
        1 => Just(Happening::Cancel),
    ]
}

/// The client as its connection keeps it.
enum ClientState {
    Challenged(Challenged<Reserved>),
    Deciding(Deciding<Reserved>),
    Joined(Joined<Reserved>),
    Over,
}

/// The client after a step, and whether the step was an outcome.
fn after(step: AdmissionStep<Reserved>) -> (ClientState, bool) {
    match step {
        AdmissionStep::Challenged(challenged, _) => (ClientState::Challenged(challenged), false),
        AdmissionStep::Deciding(deciding) => (ClientState::Deciding(deciding), false),
        AdmissionStep::Joined(joined) => (ClientState::Joined(joined), true),
        AdmissionStep::Refused(_) => (ClientState::Over, true),
    }
}

/// The client after something has happened to it, and whether that was an outcome.
fn happen(state: ClientState, happening: Happening) -> (ClientState, bool) {
    match (state, happening) {
        (ClientState::Challenged(state), Happening::Authenticate(signature)) => {
            after(state.authenticate(&authenticate(signature)))
        }
        (ClientState::Deciding(state), Happening::Poll) => after(state.poll_decision(&idle())),
        (ClientState::Challenged(state), Happening::TimeOut) => {
            let _ = state.time_out();
            (ClientState::Over, true)
        }
        (ClientState::Deciding(state), Happening::TimeOut) => {
            let _ = state.time_out();
            (ClientState::Over, true)
        }
        (_, Happening::Cancel) => (ClientState::Over, false),
        (state, _) => (state, false),
    }
}

proptest! {
    #[test]
    fn attempt_has_one_outcome_and_releases_its_id(
        starts_late in any::<bool>(),
        happenings in prop::collection::vec(happening(), 0..24),
    ) {
        let (ids, tickets) = (Ids::default(), Tickets::default());
        let method = if starts_late { "late" } else { "secret" };
        let (mut state, mut is_over) = after(begin(method, &tickets, Reserved::new(&ids, 7)));
        let mut outcomes = u32::from(is_over);
        for happening in happenings {
            let ticket = tickets.pop();
            if let Some(ticket) = ticket {
                let waits = matches!(state, ClientState::Deciding(_));
                prop_assert_eq!(ticket.is_cancelled(), !waits);
                let answer = match happening {
                    Happening::Accept => Some(accept("user")),
                    Happening::Deny => Some(MethodAnswer::Deny(Refusal::AuthenticationDenied)),
                    Happening::Challenge => Some(tickets.challenge()),
                    Happening::AskAgain => Some(tickets.ask()),
                    _ => None,
                };
                match (answer, happening) {
                    (Some(answer), _) => prop_assert_eq!(ticket.decide(answer), waits),
                    (None, Happening::DropTicket) => drop(ticket),
                    (None, _) => tickets.push(ticket),
                }
            }
            (state, is_over) = happen(state, happening);
            outcomes += u32::from(is_over);
            let holds = !matches!(state, ClientState::Over);
            prop_assert_eq!(ids.borrow().len(), usize::from(holds));
        }
        prop_assert!(outcomes <= 1);
        if let ClientState::Joined(joined) = &state {
            prop_assert_eq!(joined.admitted.session, Some(joined.reservation.session()));
        }
        drop(state);
        prop_assert!(ids.borrow().is_empty());
    }
}
