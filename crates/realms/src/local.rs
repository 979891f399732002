//! Sessions in this process: a client whose link to the router is a function call.

use std::sync::{Arc, OnceLock, Weak};

use cloverleaf_auth::{Admitted, Principal, Refusal};
use cloverleaf_client::{Driver, Link, SendError, Serializer, Session};
use cloverleaf_router::{SessionFlow, SessionKey};
use cloverleaf_wamp::features::ClientRoles;
use cloverleaf_wamp::message::ClientMessage;

use crate::ports::Port;
use crate::realm_host::RealmHost;

/// The way from a session in this process to its realm.
#[derive(Debug)]
struct LocalLink {
    realm: Weak<RealmHost>,
    /// Set before anybody outside can send.
    key: Arc<OnceLock<SessionKey>>,
}

impl Link for LocalLink {
    fn send(&self, message: ClientMessage) -> Result<(), SendError> {
        match (self.realm.upgrade(), self.key.get()) {
            (Some(realm), Some(key)) => match realm.handle_message(*key, message).next {
                SessionFlow::Continue | SessionFlow::Left => Ok(()),
                // A session in this process can't wait; a queue twice as full refuses events.
                SessionFlow::Wait => {
                    realm.take_wait(*key);
                    Ok(())
                }
                SessionFlow::Close => Err(SendError::Closed),
            },
            _ => Err(SendError::Closed),
        }
    }
}

impl Drop for LocalLink {
    fn drop(&mut self) {
        if let (Some(realm), true) = (self.realm.upgrade(), self.key.get().is_some()) {
            realm.count_local(false);
        }
    }
}

/// Joins a realm from inside. The driver has to be polled. `roles` is what whoever holds the
/// session does with it.
pub fn join(
    realm: &Arc<RealmHost>,
    realm_name: &str,
    authid: &str,
    role: &str,
    roles: ClientRoles,
) -> Result<(Session, Driver), Refusal> {
    let key = Arc::new(OnceLock::new());
    let link = LocalLink { realm: Arc::downgrade(realm), key: Arc::clone(&key) };
    // Whoever calls through the HTTP bridge speaks JSON, so that nothing is transcoded.
    let (session, driver) = Session::new(link, Serializer::Json);
    let principal = Principal {
        authid: authid.into(),
        authrole: role.into(),
        authmethod: "local".into(),
        authprovider: "node".into(),
    };
    let admitted = Admitted { is_internal: true, ..Admitted::new(realm_name, principal, roles) };
    let attached = realm.attach(admitted, Port::Local(session.clone()))?;
    realm.count_local(true);
    let _ = key.set(attached);
    Ok((session, driver))
}

#[cfg(test)]
mod tests;
