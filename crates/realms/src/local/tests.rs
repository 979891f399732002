//! Sessions of the process meet in a real realm: whether the client library and the router mean the
//! same by each feature.

use std::sync::Arc;
use std::time::Duration;

use cloverleaf_client::Session;
use cloverleaf_router::{Permission, RealmSettings, Role};
use cloverleaf_wamp::features::{CLIENT, ClientRoles};
use cloverleaf_wamp::uri::UriPattern;
use tokio::task::AbortHandle;

use crate::local;
use crate::realm_host::RealmHost;

mod calls;
mod events;
mod locks;
mod parts;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A realm whose sessions are carried by the test's runtime.
struct Place {
    realm: Arc<RealmHost>,
    clock: AbortHandle,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.clock.abort();
    }
}

/// A realm in which everybody may do everything, and whose trust in them is 3.
fn realm() -> Arc<RealmHost> {
    let everything = UriPattern::from_starred("*").expect("a pattern");
    let permission = Permission { trustlevel: Some(3), disclose_callee: true, ..Permission::ALL };
    Arc::new(RealmHost::new(RealmSettings {
        roles: vec![Role::new("anyone", [(everything, permission)])],
        ..RealmSettings::named("realm1")
    }))
}

impl Place {
    fn new() -> Self {
        let realm = realm();
        let clock = tokio::spawn(Arc::clone(&realm).run()).abort_handle();
        Self { realm, clock }
    }

    fn join(&self, authid: &str) -> Session {
        self.join_as(authid, CLIENT)
    }

    fn join_as(&self, authid: &str, roles: ClientRoles) -> Session {
        let joined = local::join(&self.realm, "realm1", authid, "anyone", roles);
        let (session, driver) = joined.expect("the role exists");
        tokio::spawn(driver);
        session
    }
}

/// Fails a test that hangs.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}
