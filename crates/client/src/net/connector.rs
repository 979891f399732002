//! Makes the connections of one session, the first and those that replace a lost one.

use cloverleaf_transport::Outbound;
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

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Connector {
    target: Target,
    realm: CompactString,
    reconnect: Option<Reconnect>,
    pub(super) session: Session,
    pub(super) link: SocketLink,
}

/// A connection that has joined.
#[derive(Debug)]
pub(super) struct JoinedConnection {
    pub(super) connection: RouterConnection,
    /// Its queue.
    pub(super) outbound: Outbound<ClientMessage>,
}

impl Connector {
    /// Connects and joins for the first time, and makes the session.
    pub(super) async fn open(
        mut target: Target,
        realm: CompactString,
        reconnect: Option<Reconnect>,
    ) -> Result<(Self, Driver, JoinedConnection), Error> {
        let unjoined = UnjoinedConnection::with(&target).await?;
        let serializer = unjoined.serializer();
        // Values will be written in it, so it is the best one for later connections too.
        target.serializers.sort_by_key(|offered| *offered != serializer);
        let link = SocketLink::default();
        let (session, driver) = Session::unjoined(link.clone(), serializer);
        let connector = Self { target, realm, reconnect, session, link };
        let joined = connector.join(unjoined).await?;
        Ok((connector, driver, joined))
    }

    async fn join(&self, unjoined: UnjoinedConnection) -> Result<JoinedConnection, Error> {
        let (outbound, outlet) = new_queue();
        let peer = SocketPeer {
            session: self.session.clone(),
            link: self.link.clone(),
            outbound: outbound.clone(),
            join_result: JoinResult::default(),
            reconnects: self.reconnect.is_some(),
        };
        match unjoined.join(&self.realm, peer, outlet).await {
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

    /// Replaces a lost connection, with patience. The delays that were not needed are returned
    /// beside it.
    pub(super) async fn replace(&self) -> Result<(JoinedConnection, Delays), Error> {
        let Some(reconnect) = &self.reconnect else {
            return Err(Error::Closed(error_uri::CONNECTION_LOST.into()));
        };
        tracing::warn!("the connection to {} was lost and is being replaced", self.target);
        let mut delays = reconnect.delays();
        let mut last = Error::Closed(error_uri::CONNECTION_LOST.into());
        while let Some(delay) = delays.next(rand::random()) {
            sleep(delay).await;
            match self.reconnect_once().await {
                Ok(joined) => {
                    tracing::info!("connected to {} again", self.target);
                    return Ok((joined, reconnect.delays()));
                }
                Err(error) if is_temporary(&error) => {
                    tracing::debug!("the connection is not replaced yet: {error}");
                    last = error;
                }
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }
}

/// A router that can't be reached or shuts down may be back soon; one that refuses means it.
fn is_temporary(error: &Error) -> bool {
    matches!(error, Error::Connect(_)) || error.uri() == Some(error_uri::SYSTEM_SHUTDOWN)
}
