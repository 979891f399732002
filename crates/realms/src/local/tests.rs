//! Sessions in this process in a real realm: client library and router agree on each feature.

use std::sync::Arc;
use std::time::Duration;

use cloverleaf_client::Session;
use cloverleaf_router::{Permission, RealmSettings, Role};
use cloverleaf_wamp::features::CLIENT;
use cloverleaf_wamp::uri::UriPattern;
use tokio::task::AbortHandle;

use crate::local::{self, LocalIdentity};
use crate::realm_host::RealmHost;

mod calls;
mod endings;
mod events;
mod limits;
mod locks;
mod progressive;

/// The time after which a test fails.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// A realm whose sessions run on the runtime of the test.
struct TestRealm {
    realm: Arc<RealmHost>,
    task: AbortHandle,
}

impl Drop for TestRealm {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A realm in which every session has all permissions and the trust level 3.
fn realm() -> Arc<RealmHost> {
    let everything = UriPattern::from_starred("*").expect("a pattern");
    let permission = Permission { trustlevel: Some(3), disclose_callee: true, ..Permission::ALL };
    Arc::new(RealmHost::new(RealmSettings {
        roles: vec![Role::new("anyone", [(everything, permission)])],
        ..RealmSettings::named("realm1")
    }))
}

/// The identity of an internal session with all features.
const fn internal(authid: &str) -> LocalIdentity<'_> {
    LocalIdentity {
        authid,
        authrole: "anyone",
        roles: CLIENT,
        is_internal: true,
        has_independent_requests: false,
    }
}

/// The identity of a session that does not belong to the router, with all features.
const fn external(authid: &str) -> LocalIdentity<'_> {
    LocalIdentity { is_internal: false, ..internal(authid) }
}

impl TestRealm {
    fn new() -> Self {
        Self::of(realm())
    }

    fn of(realm: Arc<RealmHost>) -> Self {
        let task = tokio::spawn(Arc::clone(&realm).run()).abort_handle();
        Self { realm, task }
    }

    /// An internal session with all features.
    fn join(&self, authid: &str) -> Session {
        self.join_as(internal(authid))
    }

    /// A session that does not belong to the router.
    fn join_external(&self, authid: &str) -> Session {
        self.join_as(external(authid))
    }

    fn join_as(&self, identity: LocalIdentity<'_>) -> Session {
        let (session, driver) = local::join(&self.realm, identity).expect("the role exists");
        tokio::spawn(driver);
        session
    }

    /// Waits until `check` is true.
    async fn until(&self, check: impl Fn(&RealmHost) -> bool) {
        soon(async {
            while !check(&self.realm) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// Fails a test that hangs.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(TEST_TIMEOUT, future).await.expect("in time")
}
