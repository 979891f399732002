//! The realms of a node, by name: those of the configuration, which are always there, and those
//! that a template makes, which are there as long as anybody is in them.
//!
//! How one runs is `realm_host`'s.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use cloverleaf_config::is_realm_name;
use cloverleaf_router::{Compatibility, Refusal};
use cloverleaf_wamp::websocket::CloseCode;
use parking_lot::Mutex;
use slab::Slab;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::ports::Queue;
use crate::realm_host::RealmHost;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Realms {
    configured: BTreeMap<String, Arc<RealmHost>>,
    template: Option<Template>,
    /// The queues of connections without a session.
    unjoined: Mutex<Slab<Queue>>,
}

/// The entry of a connection without a session; dropping it removes the entry.
#[derive(Debug)]
pub(crate) struct Unjoined {
    realms: Arc<Realms>,
    key: usize,
}

impl Drop for Unjoined {
    fn drop(&mut self) {
        self.realms.unjoined.lock().try_remove(self.key);
    }
}

/// What makes a realm of a name.
type Make = dyn Fn(&str) -> Arc<RealmHost> + Send + Sync;

/// What makes realms, and how many at once.
struct Template {
    make: Box<Make>,
    max_realms: usize,
    /// The preset of the realms.
    compatibility: Compatibility,
    /// Where their tasks run.
    runtime: Handle,
    made: Mutex<BTreeMap<String, Made>>,
}

/// A realm that a template has made, and how many are in it or on their way.
struct Made {
    host: Arc<RealmHost>,
    members: usize,
    /// The task of the realm.
    task: AbortHandle,
}

/// A place in a realm. A realm that a template has made ends with the last one.
#[derive(Debug)]
pub(crate) struct Membership {
    host: Arc<RealmHost>,
    /// Where the realm ends, if it is a template's.
    ends_in: Option<(Arc<Realms>, String)>,
}

impl Realms {
    pub(crate) fn add(&mut self, name: &str, realm: Arc<RealmHost>) {
        self.configured.insert(name.to_owned(), realm);
    }

    /// From now on `make` is asked for realms that are not configured, for so many at once, all of
    /// this preset. Their tasks run on `runtime`.
    pub(crate) fn set_template(
        &mut self,
        max_realms: usize,
        compatibility: Compatibility,
        runtime: Handle,
        make: impl Fn(&str) -> Arc<RealmHost> + Send + Sync + 'static,
    ) {
        let (make, made) = (Box::new(make), Mutex::default());
        self.template = Some(Template { make, max_realms, compatibility, runtime, made });
    }

    /// A realm of the configuration.
    pub(crate) fn configured(&self, name: &str) -> Result<&Arc<RealmHost>, Refusal> {
        self.configured.get(name).ok_or_else(|| Refusal::NoSuchRealm(name.into()))
    }

    /// A place in a realm of this name, which is made now if a template may.
    pub(crate) fn enter(self: &Arc<Self>, name: &str) -> Result<Membership, Refusal> {
        let Some(template) = &self.template else {
            let host = Arc::clone(self.configured(name)?);
            return Ok(Membership { host, ends_in: None });
        };
        if let Some(host) = self.configured.get(name) {
            return Ok(Membership { host: Arc::clone(host), ends_in: None });
        }
        let host = template.enter(name)?;
        Ok(Membership { host, ends_in: Some((Arc::clone(self), name.to_owned())) })
    }

    /// Notes a connection that has no session.
    pub(crate) fn note_unjoined(self: &Arc<Self>, queue: &Queue) -> Unjoined {
        let key = self.unjoined.lock().insert(queue.clone());
        Unjoined { realms: Arc::clone(self), key }
    }

    /// The number of connections without a session.
    pub(crate) fn unjoined_count(&self) -> usize {
        self.unjoined.lock().len()
    }

    /// Ends the connections without a session: WebSockets with close code 1001.
    pub(crate) fn close_unjoined(&self, reason: &str) {
        for (_, queue) in self.unjoined.lock().iter() {
            queue.close(CloseCode::GOING_AWAY, reason);
        }
    }

    /// The preset of the realm of this name. For a name without a realm it is that of the template,
    /// or Crossbar.io's if any realm of the node has it.
    pub(crate) fn compatibility(&self, name: &str) -> Compatibility {
        if let Some(realm) = self.configured.get(name) {
            return realm.compatibility();
        }
        if let Some(template) = &self.template {
            return template.compatibility;
        }
        let is_crossbar = |realm: &Arc<RealmHost>| realm.compatibility() == Compatibility::Crossbar;
        match self.configured.values().any(is_crossbar) {
            true => Compatibility::Crossbar,
            false => Compatibility::Wamp,
        }
    }

    /// All that are there now.
    pub(crate) fn all(&self) -> Vec<Arc<RealmHost>> {
        let mut all: Vec<_> = self.configured.values().map(Arc::clone).collect();
        if let Some(template) = &self.template {
            all.extend(template.made.lock().values().map(|made| Arc::clone(&made.host)));
        }
        all
    }
}

impl Template {
    fn enter(&self, name: &str) -> Result<Arc<RealmHost>, Refusal> {
        let mut made = self.made.lock();
        if let Some(realm) = made.get_mut(name) {
            realm.members += 1;
            return Ok(Arc::clone(&realm.host));
        }
        if !is_realm_name(name) {
            return Err(Refusal::NoRealmName(name.into()));
        }
        if made.len() >= self.max_realms {
            return Err(Refusal::TooManyRealms(name.into()));
        }
        let host = (self.make)(name);
        let task = self.runtime.spawn(Arc::clone(&host).run()).abort_handle();
        made.insert(name.to_owned(), Made { host: Arc::clone(&host), members: 1, task });
        Ok(host)
    }

    fn leave(&self, name: &str) {
        let mut made = self.made.lock();
        let Some(realm) = made.get_mut(name) else { return };
        realm.members -= 1;
        if realm.members == 0 {
            realm.task.abort();
            made.remove(name);
        }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("max_realms", &self.max_realms).finish_non_exhaustive()
    }
}

impl Deref for Membership {
    type Target = RealmHost;

    fn deref(&self) -> &RealmHost {
        &self.host
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        if let Some((realms, name)) = &self.ends_in
            && let Some(template) = &realms.template
        {
            template.leave(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use cloverleaf_router::{Compatibility, RealmSettings, Refusal};
    use tokio::runtime::Handle;

    use super::Realms;
    use crate::realm_host::RealmHost;

    fn host(name: &str) -> Arc<RealmHost> {
        Arc::new(RealmHost::new(RealmSettings::named(name)))
    }

    /// Two realms at once, and how many have been made.
    fn template() -> (Arc<Realms>, Arc<AtomicUsize>) {
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let mut realms = Realms::default();
        realms.add("configured", host("configured"));
        realms.set_template(2, Compatibility::Wamp, Handle::current(), move |name| {
            count.fetch_add(1, Ordering::Relaxed);
            host(name)
        });
        (Arc::new(realms), made)
    }

    #[tokio::test]
    async fn a_realm_of_the_template_is_one_for_all_who_are_in_it_and_ends_with_the_last() {
        let (realms, made) = template();
        let (one, other) = (realms.enter("realm-a").unwrap(), realms.enter("realm-a").unwrap());
        assert!(Arc::ptr_eq(&one.host, &other.host));
        drop(one);
        assert_eq!(realms.all().len(), 2);
        drop(other);
        assert_eq!((realms.all().len(), made.load(Ordering::Relaxed)), (1, 1));
        let again = realms.enter("realm-a").unwrap();
        assert_eq!((realms.all().len(), made.load(Ordering::Relaxed)), (2, 2));
        drop(again);
    }

    #[tokio::test]
    async fn what_is_configured_is_not_made_and_stays() {
        let (realms, made) = template();
        drop(realms.enter("configured").unwrap());
        assert_eq!((realms.all().len(), made.load(Ordering::Relaxed)), (1, 0));
    }

    #[tokio::test]
    async fn there_are_only_so_many_at_once() {
        let (realms, _) = template();
        let (a, _b) = (realms.enter("realm-a").unwrap(), realms.enter("realm-b").unwrap());
        let refusal = realms.enter("realm-c").unwrap_err();
        assert_eq!(refusal, Refusal::TooManyRealms("realm-c".into()));
        drop(a);
        assert!(realms.enter("realm-c").is_ok());
    }

    #[tokio::test]
    async fn what_no_configuration_could_name_is_not_made() {
        let (realms, made) = template();
        let long = "x".repeat(256);
        for name in ["*", "ü", "ab", "1st", "com tenant", long.as_str()] {
            let refusal = realms.enter(name).unwrap_err();
            assert_eq!(refusal, Refusal::NoRealmName(name.into()));
            assert_eq!(refusal.reason(Compatibility::default()), "wamp.error.invalid_uri");
        }
        assert_eq!(made.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_name_without_a_realm_has_the_preset_of_the_template_or_of_the_node() {
        let preset = |compatibility| {
            let settings = RealmSettings { compatibility, ..RealmSettings::named("a") };
            Arc::new(RealmHost::new(settings))
        };
        let mut realms = Realms::default();
        assert_eq!(realms.compatibility("other"), Compatibility::Wamp);
        realms.add("wamp", preset(Compatibility::Wamp));
        assert_eq!(realms.compatibility("other"), Compatibility::Wamp);
        realms.add("crossbar", preset(Compatibility::Crossbar));
        assert_eq!(realms.compatibility("wamp"), Compatibility::Wamp);
        assert_eq!(realms.compatibility("crossbar"), Compatibility::Crossbar);
        assert_eq!(realms.compatibility("other"), Compatibility::Crossbar);
        realms.set_template(2, Compatibility::Wamp, Handle::current(), host);
        assert_eq!(realms.compatibility("other"), Compatibility::Wamp);
        assert_eq!(realms.compatibility("crossbar"), Compatibility::Crossbar);
    }

    #[test]
    fn without_a_template_there_is_what_is_configured() {
        let mut realms = Realms::default();
        realms.add("configured", host("configured"));
        let realms = Arc::new(realms);
        assert!(realms.enter("configured").is_ok());
        let refusal = realms.enter("other").unwrap_err();
        assert_eq!(refusal, Refusal::NoSuchRealm("other".into()));
    }
}
