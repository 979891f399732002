//! What a scenario finds: two sessions and a URI; and what is read out of what it gets.

use cloverleaf_client::{Error, Event, Session};

/// What a scenario is about.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) here: Session,
    pub(crate) there: Session,
    pub(crate) uri: String,
}

impl Stage {
    pub(crate) fn new(here: &Session, there: &Session, number: usize) -> Self {
        let uri = format!("com.example.s{number}");
        Self { here: here.clone(), there: there.clone(), uri }
    }
}

pub(crate) fn id_of(session: &Session) -> u64 {
    session.welcome().expect("it has joined").session.number()
}

/// The only argument.
pub(crate) fn text_of(event: Option<Event>) -> String {
    event.expect("an event").args::<(String,)>().expect("a text").0
}

/// The URI of what has failed.
pub(crate) fn uri_of<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    let failure = answer.expect_err("it has to fail");
    failure.uri().unwrap_or_else(|| panic!("{failure}")).to_owned()
}
