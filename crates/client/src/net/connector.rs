//! Establishes the connections of one session: the first one, and a new one after each loss.

use cloverleaf_transport::OutboundSender;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::ClientMessage;
use compact_str::CompactString;
use tokio::time::sleep;

use super::link::SocketLink;
use super::opening::{RouterConnection, UnjoinedConnection, new_queue};
use super::peer::{JoinResult, SocketPeer};
use super::reconnect::{Delays, Reconnect};
use super::target::Target;
use crate::driver::Driver;
use crate::error::Error;
use crate::session::Session;

/// Connects and joins, with the settings of one session.
#[derive(Debug)]
pub(super) struct Connector {
    target: Target,
    realm: CompactString,
    reconnect: Option<Reconnect>,
    pub(super) session: Session,
    pub(super) link: SocketLink,
}

/// A connection on which the session has joined its realm.
#[derive(Debug)]
pub(super) struct JoinedConnection {
    pub(super) connection: RouterConnection,
    /// The queue of outgoing messages.
    pub(super) outbound: OutboundSender<ClientMessage>,
}

impl Connector {
    /// Connects and joins for the first time, and creates the session.
    pub(super) async fn open(
        mut target: Target,
        realm: CompactString,
        reconnect: Option<Reconnect>,
    ) -> Result<(Self, Driver, JoinedConnection), Error> {
        let unjoined = UnjoinedConnection::with(&target).await?;
        let serializer = unjoined.serializer();
        // The session encodes values in this format, so later connections prefer it.
        target.serializers.sort_by_key(|offered| *offered != serializer);
        let link = SocketLink::default();
        let (session, driver) = Session::unjoined(link.clone(), serializer);
        let connector = Self { target, realm, reconnect, session, link };
        let joined = connector.join(unjoined).await?;
        Ok((connector, driver, joined))
    }

    async fn join(&self, unjoined: UnjoinedConnection) -> Result<JoinedConnection, Error> {
        let (outbound, receiver) = new_queue();
        let peer = SocketPeer {
            session: self.session.clone(),
            link: self.link.clone(),
            outbound: outbound.clone(),
            join_result: JoinResult::default(),
            reconnects: self.reconnect.is_some(),
        };
        match unjoined.join(&self.realm, peer, receiver).await {
            Ok(connection) => Ok(JoinedConnection { connection, outbound }),
            Err(Error::Connect(what)) => {
                let text = format!("joining '{}' at {} failed: {what}", self.realm, self.target);
                Err(Error::Connect(text.into()))
            }
            Err(refusal) => Err(refusal),
        }
    }

    async fn reconnect_once(&self) -> Result<JoinedConnection, Error> {
        let unjoined = UnjoinedConnection::with(&self.target).await?;
        self.join(unjoined).await
    }

    /// Reconnects after a loss. Returns the connection, and fresh delays for restoring
    /// registrations and subscriptions.
    pub(super) async fn replace(&self) -> Result<(JoinedConnection, Delays), Error> {
        let Some(reconnect) = &self.reconnect else {
            return Err(Error::Closed(error_uri::CONNECTION_LOST.into()));
        };
        tracing::warn!(router = %self.target, "connection lost, reconnecting");
        let mut delays = reconnect.delays();
        let mut last = Error::Closed(error_uri::CONNECTION_LOST.into());
        while let Some(delay) = delays.next(rand::random()) {
            sleep(delay).await;
            match self.reconnect_once().await {
                Ok(joined) => {
                    tracing::info!(router = %self.target, "reconnected");
                    return Ok((joined, reconnect.delays()));
                }
                Err(error) if is_temporary(&error) => {
                    tracing::debug!(router = %self.target, %error, "reconnect attempt failed");
                    last = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }
}

/// Whether a later attempt may succeed: the router is unreachable or shutting down. Any other
/// refusal is final.
fn is_temporary(error: &Error) -> bool {
    matches!(error, Error::Connect(_)) || error.uri() == Some(error_uri::SYSTEM_SHUTDOWN)
}
