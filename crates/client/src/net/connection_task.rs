//! The task of a session: polls the connection and the driver, and reconnects.
//!
//! One task polls both, so that an invocation is read, run and answered without waking another
//! task.

use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::websocket::CloseCode;
use tokio::time::{Sleep, sleep};

use super::connector::{Connector, JoinedConnection};
use super::poll_together::poll_together;
use super::reconnect::Delays;
use crate::driver::Driver;
use crate::session::{BoxFuture, Session};

/// Maximum time for the router's answer to GOODBYE.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs a session to its end, over all of its connections.
pub(super) struct ConnectionTask {
    connector: Connector,
    driver: Driver,
    /// The session and its driver have ended.
    is_done: bool,
    /// Registers and subscribes again after a reconnect.
    restoring: Option<BoxFuture<()>>,
    goodbye_deadline: Option<Pin<Box<Sleep>>>,
}

impl ConnectionTask {
    pub(super) const fn new(connector: Connector, driver: Driver) -> Self {
        Self { connector, driver, is_done: false, restoring: None, goodbye_deadline: None }
    }

    /// Runs until the session has ended.
    pub(super) async fn run(mut self, joined: JoinedConnection) {
        let mut next = Some(joined);
        while let Some(mut joined) = next {
            poll_together(|context| self.poll_connection(&mut joined, context)).await;
            self.restoring = None;
            drop(joined);
            next = if self.session().closed().is_none() { self.replace().await } else { None };
        }
        if !self.is_done {
            // The driver stops running procedures and drops the registered ones.
            (&mut self.driver).await;
        }
    }

    const fn session(&self) -> &Session {
        &self.connector.session
    }

    /// Ready when the connection has ended.
    fn poll_connection(
        &mut self,
        joined: &mut JoinedConnection,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        if Pin::new(&mut joined.connection).poll(context).is_ready() {
            return Poll::Ready(());
        }
        if !self.is_done && Pin::new(&mut self.driver).poll(context).is_ready() {
            self.is_done = true;
            joined.outbound.close(CloseCode::NORMAL, "the session has ended");
        }
        if let Some(restoring) = &mut self.restoring
            && restoring.as_mut().poll(context).is_ready()
        {
            self.restoring = None;
        }
        if !self.is_done && self.connector.link.goodbye_sent() {
            self.poll_goodbye(context);
        }
        Poll::Pending
    }

    /// Ends the session when the router does not answer GOODBYE in time.
    fn poll_goodbye(&mut self, context: &mut Context<'_>) {
        let deadline =
            self.goodbye_deadline.get_or_insert_with(|| Box::pin(sleep(GOODBYE_TIMEOUT)));
        if deadline.as_mut().poll(context).is_ready() {
            self.session().close(error_uri::CLOSE_NORMAL);
        }
    }

    /// Reconnects and joins, or ends the session.
    async fn replace(&mut self) -> Option<JoinedConnection> {
        let Self { connector, driver, is_done, restoring, .. } = self;
        let mut attempts = pin!(connector.replace());
        let outcome = poll_fn(|context| {
            // The driver ends when the session is left or closed during a reconnect.
            if Pin::new(&mut *driver).poll(context).is_ready() {
                *is_done = true;
                return Poll::Ready(None);
            }
            attempts.as_mut().poll(context).map(Some)
        });
        match outcome.await? {
            Ok((joined, delays)) => {
                *restoring = Some(Box::pin(restore(connector.session.clone(), delays)));
                Some(joined)
            }
            Err(reason) => {
                connector.session.close(&reason.to_string());
                None
            }
        }
    }
}

impl Drop for ConnectionTask {
    /// Ends the session if the runtime drops the task early.
    fn drop(&mut self) {
        self.session().close("the runtime has ended");
        self.session().finished();
    }
}

/// Registers and subscribes again. Tries again after a refusal, which may be temporary: the router
/// may not have noticed yet that the old connection is lost.
async fn restore(session: Session, mut delays: Delays) {
    loop {
        let refusals = session.restore().await;
        if refusals.is_empty() {
            return;
        }
        for (uri, error) in &refusals {
            tracing::warn!(%uri, %error, "registration or subscription not restored");
        }
        sleep(delays.next_unlimited(rand::random())).await;
    }
}
