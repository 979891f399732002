//! Sessions in this process: a client whose link to the router is a function call.
//!
//! A session accepts messages up to its [`InboundLimits`], which are those of a connection's queue:
//! above them an event follows the slow-consumer policy of the session's role, and an invocation is
//! refused. The bytes of its events count in the memory of the process like those of any other
//! event; its invocations are bounded by the limits of the session alone.
//!
//! The session ends with GOODBYE, with its [`LocalDriver`], or when the router ends it. Its realm
//! then keeps nothing of it.
//!
//! | module | purpose |
//! |---|---|
//! | `pause` | a session that the realm has told to wait |

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll};

use cloverleaf_auth::{Admitted, Principal, Refusal};
use cloverleaf_client::{
    Driver, EventOverflow, InboundLimits, Link, SendError, Serializer, Session,
};
use cloverleaf_router::{SessionFlow, SessionKey};
use cloverleaf_transport::SlowConsumer;
use cloverleaf_wamp::features::ClientRoles;
use cloverleaf_wamp::message::ClientMessage;

use crate::ports::{LocalPort, Port};
use crate::realm_host::RealmHost;

mod pause;

use pause::LocalPause;

/// The identity of a session in this process.
#[derive(Debug, Clone, Copy)]
pub struct LocalIdentity<'a> {
    /// Its authid.
    pub authid: &'a str,
    /// Its role in the realm.
    pub authrole: &'a str,
    /// The WAMP roles and features that it announces.
    pub roles: ClientRoles,
    /// Whether it belongs to the router itself. The meta API lists internal sessions and never ends
    /// them, and the realm never pauses them: it refuses what it cannot accept.
    pub is_internal: bool,
    /// Whether its requests are independent of each other, as those of the HTTP bridge. Each waits
    /// for the authorizer on its own; otherwise later ones wait behind it.
    pub has_independent_requests: bool,
}

/// Sends the messages of a session to its realm.
#[derive(Debug)]
struct LocalLink {
    realm: Weak<RealmHost>,
    /// Set before the session is returned.
    key: Arc<OnceLock<SessionKey>>,
    /// None for an internal session.
    pause: Option<Arc<LocalPause>>,
}

impl LocalLink {
    fn joined(&self) -> Option<(Arc<RealmHost>, SessionKey)> {
        Some((self.realm.upgrade()?, *self.key.get()?))
    }
}

impl Link for LocalLink {
    fn send(&self, message: ClientMessage) -> Result<(), SendError> {
        if let Some(pause) = &self.pause
            && pause.refuses(&message)
        {
            return Err(SendError::Congested);
        }
        let Some((realm, key)) = self.joined() else { return Err(SendError::Closed) };
        match realm.handle_message(key, message).next {
            SessionFlow::Continue | SessionFlow::Left => Ok(()),
            SessionFlow::Wait => {
                let wait = realm.take_wait(key);
                // An internal session does not wait: its events may be dropped, and the realm
                // refuses its requests.
                if let Some(pause) = &self.pause {
                    pause.begin(wait);
                }
                Ok(())
            }
            SessionFlow::Close => Err(SendError::Closed),
        }
    }

    fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        self.pause.as_ref().map_or(Poll::Ready(()), |pause| pause.poll(context))
    }

    fn room_returned(&self) {
        if let Some((realm, key)) = self.joined() {
            realm.handle_room(key);
        }
    }

    fn events_lost(&self) {
        if let Some((realm, key)) = self.joined() {
            tracing::warn!(
                realm = %realm.name(),
                session = %key.id(),
                internal = true,
                "session reads too slowly and misses events"
            );
            realm.handle_loss(key);
        }
    }
}

/// Runs the procedures of a session in this process; ready when the session has ended. Dropping it
/// ends the session.
#[derive(Debug)]
#[must_use = "procedures run only while the driver is polled"]
pub struct LocalDriver {
    driver: Driver,
    session: Session,
    realm: Weak<RealmHost>,
    key: SessionKey,
    pause: Option<Arc<LocalPause>>,
}

impl LocalDriver {
    /// Removes the session from its realm, unless GOODBYE has done so.
    fn detach(&self) {
        if let Some(realm) = self.realm.upgrade() {
            realm.detach(self.key);
        }
        if let Some(pause) = &self.pause {
            pause.end();
        }
    }
}

impl Future for LocalDriver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let polled = Pin::new(&mut self.driver).poll(context);
        if polled.is_ready() {
            self.detach();
        }
        polled
    }
}

impl Drop for LocalDriver {
    fn drop(&mut self) {
        self.session.close("the driver of the session has ended");
        self.detach();
    }
}

/// Leaves its session when it is dropped. Other handles of the session do not keep it open.
#[derive(Debug)]
pub struct OwnedSession(pub Session);

impl Drop for OwnedSession {
    fn drop(&mut self) {
        // A session that has ended has left already.
        let _ = self.0.leave();
    }
}

/// Opens a session in a realm. The driver has to be polled.
///
/// # Errors
/// When the realm refuses the session: it has no such role, is full, or has been closed.
pub fn join(
    realm: &Arc<RealmHost>,
    identity: LocalIdentity<'_>,
) -> Result<(Session, LocalDriver), Refusal> {
    join_with(realm, identity, InboundLimits::default())
}

/// [`join`] with limits other than the default ones. The policy for slow consumers is that of the
/// role.
fn join_with(
    realm: &Arc<RealmHost>,
    identity: LocalIdentity<'_>,
    limits: InboundLimits,
) -> Result<(Session, LocalDriver), Refusal> {
    let LocalIdentity { authid, authrole, roles, is_internal, has_independent_requests } = identity;
    let key = Arc::new(OnceLock::new());
    let pause: Option<Arc<LocalPause>> = (!is_internal).then(Arc::default);
    let (weak, link_key) = (Arc::downgrade(realm), Arc::clone(&key));
    let link = LocalLink { realm: Weak::clone(&weak), key: link_key, pause: pause.clone() };
    let limits = InboundLimits { overflow: overflow(realm, identity), ..limits };
    // Callers through the HTTP bridge send JSON, so nothing is transcoded.
    let (session, driver) = Session::with_limits(link, Serializer::Json, limits);
    let principal = Principal {
        authid: authid.into(),
        authrole: authrole.into(),
        authmethod: "local".into(),
        authprovider: "node".into(),
    };
    let admitted = Admitted {
        is_internal,
        has_independent_requests,
        ..Admitted::new(realm.name(), principal, roles)
    };
    let resumed = pause.as_ref().map(|pause| pause.signal());
    let port = LocalPort { session: session.clone(), resumed };
    let attached = realm.attach(admitted, Port::Local(Arc::new(port)))?;
    let _ = key.set(attached);
    let driver =
        LocalDriver { driver, session: session.clone(), realm: weak, key: attached, pause };
    Ok((session, driver))
}

/// What happens to events for a session above its limits. The router does not end its own sessions:
/// their events are dropped instead.
fn overflow(realm: &RealmHost, identity: LocalIdentity<'_>) -> EventOverflow {
    match realm.slow_consumer(identity.authrole).unwrap_or_default() {
        SlowConsumer::BlockPublisher => EventOverflow::BlockPublisher,
        SlowConsumer::Disconnect if !identity.is_internal => EventOverflow::CloseSession,
        SlowConsumer::Disconnect | SlowConsumer::DropEvents => EventOverflow::DropEvents,
    }
}

#[cfg(test)]
mod tests;
