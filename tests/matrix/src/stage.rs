//! The sessions and the URI of a scenario, and helpers that read its results.

use std::fmt::Debug;
use std::sync::Arc;

use cloverleaf_client::{Error, Event, Session};

use crate::attachments::{Attachment, Router};

/// A session and its attachment.
#[derive(Debug)]
pub(crate) struct End {
    attachment: Attachment,
    session: Session,
}

impl End {
    pub(crate) async fn open(attachment: Attachment, router: &Router) -> Self {
        Self { attachment, session: attachment.open(router).await }
    }
}

/// The sessions and the URI of a scenario.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) here: Session,
    pub(crate) there: Session,
    pub(crate) uri: String,
    router: Arc<Router>,
    visitors: Attachment,
}

impl Stage {
    pub(crate) fn new(router: &Arc<Router>, here: &End, there: &End, number: usize) -> Self {
        Self {
            here: here.session.clone(),
            there: there.session.clone(),
            uri: format!("com.example.s{number}"),
            router: Arc::clone(router),
            visitors: here.attachment.for_visitors(),
        }
    }

    /// Opens a further session, attached as `here` unless that is in the process. It may end.
    pub(crate) async fn visitor(&self) -> Session {
        self.visitors.open(&self.router).await
    }
}

pub(crate) fn id_of(session: &Session) -> u64 {
    session.welcome().expect("it has joined").session.number()
}

/// The only argument of an event.
pub(crate) fn text_of(event: Option<Event>) -> String {
    event.expect("an event").args::<(String,)>().expect("a text").0
}

/// The URI of an error.
pub(crate) fn uri_of<T: Debug>(answer: Result<T, Error>) -> String {
    let failure = answer.expect_err("it has to fail");
    failure.uri().unwrap_or_else(|| panic!("{failure}")).to_owned()
}
