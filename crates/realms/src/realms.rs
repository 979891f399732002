//! The realms of a node by name: those of the configuration, and those that a template makes.
//!
//! A realm of the configuration exists until it is removed. A template makes a realm for the first
//! session that asks for its name, and the realm ends with its last session.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use cloverleaf_auth::{Admitted, Refusal, SessionReservation};
use cloverleaf_router::{Compatibility, SessionKey};
use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::realm_name::is_realm_name;
use cloverleaf_wamp::websocket::CloseCode;
use parking_lot::{Mutex, RwLock};
use slab::Slab;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::ports::{ConnectionQueue, Port};
use crate::realm_host::RealmHost;

/// The realms of a node by name.
#[derive(Debug, Default)]
pub struct Realms {
    configured: RwLock<BTreeMap<String, Arc<RealmHost>>>,
    template: RwLock<Option<Arc<Template>>>,
    /// The queues of connections without a session.
    unjoined: Mutex<Slab<ConnectionQueue>>,
}

/// The entry of a connection without a session; dropping it removes the entry.
#[derive(Debug)]
pub struct Unjoined {
    realms: Arc<Realms>,
    key: usize,
}

impl Drop for Unjoined {
    fn drop(&mut self) {
        self.realms.unjoined.lock().try_remove(self.key);
    }
}

/// Makes a realm with a given name.
type MakeRealm = dyn Fn(&str) -> Arc<RealmHost> + Send + Sync;

/// How a template makes realms, and how many.
pub struct TemplateRule {
    /// Makes a realm with a given name.
    pub make: Box<MakeRealm>,
    /// Maximum number of realms at once.
    pub max_realms: usize,
    /// The preset of the realms.
    pub compatibility: Compatibility,
}

/// A template and the realms that it has made.
#[derive(Debug)]
struct Template {
    rule: RwLock<TemplateRule>,
    /// The runtime of the tasks of its realms.
    runtime: Handle,
    made: Mutex<MadeRealms>,
}

#[derive(Debug, Default)]
struct MadeRealms {
    by_name: BTreeMap<String, TemplateRealm>,
    /// Realms that are not reachable by their names any more and still have members.
    ending: Vec<TemplateRealm>,
    /// The template was removed: it makes no realm any more.
    is_closed: bool,
}

/// A realm that a template has made, and the number of its sessions, joining ones included.
#[derive(Debug)]
struct TemplateRealm {
    host: Arc<RealmHost>,
    members: usize,
    /// The task of the realm.
    task: AbortHandle,
}

/// The realms that a realm of the configuration replaces.
#[derive(Debug, Default)]
pub struct Replaced {
    /// The realm of the configuration.
    pub configured: Option<Arc<RealmHost>>,
    /// The realm that the template has made.
    pub made: Option<Arc<RealmHost>>,
}

/// A session's membership in a realm. A realm of a template ends with its last membership.
#[derive(Debug)]
pub struct Membership {
    host: Arc<RealmHost>,
    /// The template that has made the realm, and the name of the realm in it.
    made_by: Option<(Arc<Template>, String)>,
}

/// The reserved id of a session that is joining, and its membership in the realm. Dropping it
/// releases both.
#[derive(Debug)]
pub struct ReservedSession {
    /// Dropped first: the last membership ends a realm of a template.
    id: ReservedId,
    membership: Membership,
}

/// A reserved id. Dropping it releases the id, unless the session was attached.
#[derive(Debug)]
struct ReservedId {
    host: Arc<RealmHost>,
    id: SessionId,
    is_attached: bool,
}

impl Realms {
    /// Adds a realm of the configuration. Returns the realms with this name that it replaces: the
    /// one of the configuration, and the one that the template has made. They stay until they are
    /// closed or their last sessions leave.
    pub fn insert(&self, name: &str, realm: Arc<RealmHost>) -> Replaced {
        // Held meanwhile, so that the template does not make a realm of this name.
        let mut all = self.configured.write();
        let configured = all.insert(name.to_owned(), realm);
        let template = self.template.read();
        let made = template.as_ref().and_then(|template| template.take_out(name));
        Replaced { configured, made }
    }

    /// Removes a realm of the configuration. Its sessions stay until it is closed.
    pub fn remove(&self, name: &str) -> Option<Arc<RealmHost>> {
        self.configured.write().remove(name)
    }

    /// Sets the rule for new realms; their tasks run on `runtime`. Realms of an earlier rule stay.
    pub fn set_template(&self, rule: TemplateRule, runtime: Handle) {
        let mut template = self.template.write();
        match &*template {
            Some(template) => *template.rule.write() = rule,
            None => *template = Some(Template::new(rule, runtime)),
        }
    }

    /// Replaces the template by another one, which makes new realms from now on. Returns those that
    /// the old one has made: they stay until their last sessions leave.
    pub fn replace_template(&self, rule: TemplateRule, runtime: Handle) -> Vec<Arc<RealmHost>> {
        let replaced = self.template.write().replace(Template::new(rule, runtime));
        replaced.map(|template| template.close()).unwrap_or_default()
    }

    /// Makes no realms any more. Returns those that the template has made: they stay until their
    /// last sessions leave.
    pub fn remove_template(&self) -> Vec<Arc<RealmHost>> {
        let removed = self.template.write().take();
        removed.map(|template| template.close()).unwrap_or_default()
    }

    /// The realms that the template has made.
    pub fn made(&self) -> Vec<Arc<RealmHost>> {
        self.template.read().as_ref().map(|template| template.hosts()).unwrap_or_default()
    }

    /// A realm of the configuration.
    ///
    /// # Errors
    /// When no realm has this name.
    pub fn configured(&self, name: &str) -> Result<Arc<RealmHost>, Refusal> {
        let realm = self.configured.read().get(name).map(Arc::clone);
        realm.ok_or_else(|| Refusal::NoSuchRealm(name.into()))
    }

    /// Enters the realm with this name. The template makes it if it does not exist.
    ///
    /// # Errors
    /// When there is no such realm and the template cannot make it.
    pub fn enter(&self, name: &str) -> Result<Membership, Refusal> {
        // Held until the end, so that no realm of this name is configured meanwhile.
        let configured = self.configured.read();
        if let Some(host) = configured.get(name) {
            return Ok(Membership { host: Arc::clone(host), made_by: None });
        }
        loop {
            let template = self.template.read().as_ref().map(Arc::clone);
            let template = template.ok_or_else(|| Refusal::NoSuchRealm(name.into()))?;
            // None: it was removed meanwhile, and there may be another one now.
            if let Some(host) = template.enter(name)? {
                return Ok(Membership { host, made_by: Some((template, name.to_owned())) });
            }
        }
    }

    /// Reserves a session id in the realm of this name, which is made now if a template may.
    ///
    /// # Errors
    /// When there is no such realm and none can be made, or the realm takes no session now.
    pub fn reserve(&self, name: &str) -> Result<ReservedSession, Refusal> {
        let membership = self.enter(name)?;
        let host = Arc::clone(&membership.host);
        let id = host.reserve_session_id()?;
        Ok(ReservedSession { id: ReservedId { host, id, is_attached: false }, membership })
    }

    /// Adds a connection without a session.
    pub fn note_unjoined(self: &Arc<Self>, queue: &ConnectionQueue) -> Unjoined {
        let key = self.unjoined.lock().insert(queue.clone());
        Unjoined { realms: Arc::clone(self), key }
    }

    /// The number of connections without a session.
    pub fn unjoined_count(&self) -> usize {
        self.unjoined.lock().len()
    }

    /// Ends the connections without a session: WebSockets with close code 1001.
    pub fn close_unjoined(&self, reason: &str) {
        for (_, queue) in self.unjoined.lock().iter() {
            queue.close(CloseCode::GOING_AWAY, reason);
        }
    }

    /// The preset of the realm with this name. For a name without a realm it is that of the
    /// template, or `crossbar` if any realm of the node has it.
    pub fn compatibility(&self, name: &str) -> Compatibility {
        let configured = self.configured.read();
        if let Some(realm) = configured.get(name) {
            return realm.compatibility();
        }
        if let Some(template) = &*self.template.read() {
            return template.rule.read().compatibility;
        }
        let is_crossbar = |realm: &Arc<RealmHost>| realm.compatibility() == Compatibility::Crossbar;
        match configured.values().any(is_crossbar) {
            true => Compatibility::Crossbar,
            false => Compatibility::Wamp,
        }
    }

    /// All realms that exist now.
    pub fn all(&self) -> Vec<Arc<RealmHost>> {
        let mut all: Vec<_> = self.configured.read().values().map(Arc::clone).collect();
        all.extend(self.made());
        all
    }
}

impl Template {
    fn new(rule: TemplateRule, runtime: Handle) -> Arc<Self> {
        Arc::new(Self { rule: RwLock::new(rule), runtime, made: Mutex::default() })
    }

    /// Adds a member to the realm of this name. None if the template was removed.
    fn enter(&self, name: &str) -> Result<Option<Arc<RealmHost>>, Refusal> {
        let mut made = self.made.lock();
        if made.is_closed {
            return Ok(None);
        }
        if let Some(realm) = made.by_name.get_mut(name) {
            realm.members += 1;
            return Ok(Some(Arc::clone(&realm.host)));
        }
        if !is_realm_name(name) {
            return Err(Refusal::NoRealmName(name.into()));
        }
        let rule = self.rule.read();
        if made.by_name.len() >= rule.max_realms {
            return Err(Refusal::TooManyRealms(name.into()));
        }
        let host = (rule.make)(name);
        let task = self.runtime.spawn(Arc::clone(&host).run()).abort_handle();
        made.by_name
            .insert(name.to_owned(), TemplateRealm { host: Arc::clone(&host), members: 1, task });
        Ok(Some(host))
    }

    fn leave(&self, name: &str, host: &Arc<RealmHost>) {
        let mut made = self.made.lock();
        let MadeRealms { by_name, ending, .. } = &mut *made;
        let is_left = |realm: &TemplateRealm| Arc::ptr_eq(&realm.host, host);
        if let Some(realm) = by_name.get_mut(name).filter(|realm| is_left(realm)) {
            if realm.has_lost_last_member() {
                by_name.remove(name);
            }
        } else if let Some(index) = ending.iter().position(is_left)
            && ending[index].has_lost_last_member()
        {
            ending.swap_remove(index);
        }
    }

    /// Makes the realm of this name unreachable. It ends with its last member.
    fn take_out(&self, name: &str) -> Option<Arc<RealmHost>> {
        let mut made = self.made.lock();
        let realm = made.by_name.remove(name)?;
        let host = Arc::clone(&realm.host);
        made.ending.push(realm);
        Some(host)
    }

    /// Makes no realm any more. Returns those that it has made.
    fn close(&self) -> Vec<Arc<RealmHost>> {
        self.made.lock().is_closed = true;
        self.hosts()
    }

    fn hosts(&self) -> Vec<Arc<RealmHost>> {
        self.made.lock().by_name.values().map(|made| Arc::clone(&made.host)).collect()
    }
}

impl TemplateRealm {
    /// Removes a member. Ends the task of the realm and returns true if it was the last one.
    fn has_lost_last_member(&mut self) -> bool {
        self.members -= 1;
        if self.members == 0 {
            self.task.abort();
        }
        self.members == 0
    }
}

impl fmt::Debug for TemplateRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateRule").field("max_realms", &self.max_realms).finish_non_exhaustive()
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
        if let Some((template, name)) = &self.made_by {
            template.leave(name, &self.host);
        }
    }
}

impl SessionReservation for ReservedSession {
    fn session(&self) -> SessionId {
        self.id.id
    }
}

impl ReservedSession {
    /// The realm of the session.
    pub fn realm(&self) -> &RealmHost {
        &self.membership
    }

    /// Opens the session.
    ///
    /// # Errors
    /// The realm is closed or does not have the role.
    pub fn attach(
        mut self,
        admitted: Admitted,
        port: Port,
    ) -> Result<(Membership, SessionKey), Refusal> {
        // The realm releases the id, whether it opens the session or not.
        self.id.is_attached = true;
        let key = self.membership.attach(admitted, port)?;
        Ok((self.membership, key))
    }
}

impl Drop for ReservedId {
    fn drop(&mut self) {
        if !self.is_attached {
            self.host.release_session_id(self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use cloverleaf_router::{Compatibility, RealmSettings, Refusal};
    use tokio::runtime::Handle;

    use super::{Realms, TemplateRule};
    use crate::realm_host::RealmHost;

    fn host(name: &str) -> Arc<RealmHost> {
        Arc::new(RealmHost::new(RealmSettings::named(name)))
    }

    /// Two realms at once.
    fn rule(make: impl Fn(&str) -> Arc<RealmHost> + Send + Sync + 'static) -> TemplateRule {
        TemplateRule { make: Box::new(make), max_realms: 2, compatibility: Compatibility::Wamp }
    }

    /// A template, and the number of realms that it has made.
    fn template() -> (Arc<Realms>, Arc<AtomicUsize>) {
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let realms = Arc::new(Realms::default());
        realms.insert("configured", host("configured"));
        let make = move |name: &str| {
            count.fetch_add(1, Ordering::Relaxed);
            host(name)
        };
        realms.set_template(rule(make), Handle::current());
        (realms, made)
    }

    #[tokio::test]
    async fn realm_of_the_template_is_shared_and_ends_with_its_last_session() {
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
    async fn configured_realm_is_not_made_by_the_template_and_stays() {
        let (realms, made) = template();
        drop(realms.enter("configured").unwrap());
        assert_eq!((realms.all().len(), made.load(Ordering::Relaxed)), (1, 0));
    }

    #[tokio::test]
    async fn realms_of_the_template_are_limited() {
        let (realms, _) = template();
        let (a, _b) = (realms.enter("realm-a").unwrap(), realms.enter("realm-b").unwrap());
        let refusal = realms.enter("realm-c").unwrap_err();
        assert_eq!(refusal, Refusal::TooManyRealms("realm-c".into()));
        drop(a);
        assert!(realms.enter("realm-c").is_ok());
    }

    #[tokio::test]
    async fn template_refuses_names_that_no_realm_can_have() {
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
    async fn name_without_a_realm_has_the_preset_of_the_template_or_of_the_node() {
        let preset = |compatibility| {
            let settings = RealmSettings { compatibility, ..RealmSettings::named("a") };
            Arc::new(RealmHost::new(settings))
        };
        let realms = Arc::new(Realms::default());
        assert_eq!(realms.compatibility("other"), Compatibility::Wamp);
        realms.insert("wamp", preset(Compatibility::Wamp));
        assert_eq!(realms.compatibility("other"), Compatibility::Wamp);
        realms.insert("crossbar", preset(Compatibility::Crossbar));
        assert_eq!(realms.compatibility("wamp"), Compatibility::Wamp);
        assert_eq!(realms.compatibility("crossbar"), Compatibility::Crossbar);
        assert_eq!(realms.compatibility("other"), Compatibility::Crossbar);
        realms.set_template(rule(host), Handle::current());
        assert_eq!(realms.compatibility("other"), Compatibility::Wamp);
        assert_eq!(realms.compatibility("crossbar"), Compatibility::Crossbar);
    }

    #[tokio::test]
    async fn removed_template_returns_its_realms_and_makes_no_other() {
        let (realms, made) = template();
        let member = realms.enter("realm-a").unwrap();
        let removed = realms.template.read().as_ref().map(Arc::clone).unwrap();
        let hosts = realms.remove_template();
        assert!(matches!(hosts.as_slice(), [host] if Arc::ptr_eq(host, &member.host)));
        assert!(removed.enter("realm-b").unwrap().is_none(), "of a session that was about to join");
        let refusal = realms.enter("realm-a").unwrap_err();
        assert_eq!(refusal, Refusal::NoSuchRealm("realm-a".into()));
        // Another template makes another realm of the name; the old one ends with its sessions.
        realms.set_template(rule(host), Handle::current());
        let other = realms.enter("realm-a").unwrap();
        assert!(!Arc::ptr_eq(&other.host, &member.host));
        drop(member);
        assert_eq!((realms.made().len(), made.load(Ordering::Relaxed)), (1, 1));
        assert!(removed.hosts().is_empty());
    }

    #[tokio::test]
    async fn replaced_template_returns_its_realms_and_the_other_one_makes_realms() {
        let (realms, made) = template();
        let member = realms.enter("realm-a").unwrap();
        let hosts = realms.replace_template(rule(host), Handle::current());
        assert!(matches!(hosts.as_slice(), [host] if Arc::ptr_eq(host, &member.host)));
        let other = realms.enter("realm-a").unwrap();
        assert!(!Arc::ptr_eq(&other.host, &member.host));
        drop(member);
        assert_eq!((realms.made().len(), made.load(Ordering::Relaxed)), (1, 1));
    }

    #[test]
    fn realm_can_be_entered_while_the_template_is_replaced() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let realms = Realms::default();
        realms.set_template(rule(host), runtime.handle().clone());
        std::thread::scope(|scope| {
            let entering = scope.spawn(|| {
                for _ in 0..10_000 {
                    drop(realms.enter("realm-a").unwrap());
                }
            });
            while !entering.is_finished() {
                realms.replace_template(rule(host), runtime.handle().clone());
            }
            entering.join().unwrap();
        });
    }

    #[tokio::test]
    async fn configured_realm_replaces_the_one_that_the_template_has_made() {
        let (realms, made) = template();
        let member = realms.enter("realm-a").unwrap();
        let configured = host("realm-a");
        let replaced = realms.insert("realm-a", Arc::clone(&configured));
        assert!(replaced.configured.is_none());
        assert!(replaced.made.is_some_and(|made| Arc::ptr_eq(&made, &member.host)));
        assert!(Arc::ptr_eq(&realms.enter("realm-a").unwrap().host, &configured));
        assert_eq!((realms.all().len(), realms.made().len()), (2, 0));
        // The template may make another one later, which the members of the old one don't leave.
        realms.remove("realm-a");
        let other = realms.enter("realm-a").unwrap();
        assert!(!Arc::ptr_eq(&other.host, &member.host));
        drop(member);
        assert_eq!((realms.made().len(), made.load(Ordering::Relaxed)), (1, 2));
        drop(other);
        assert_eq!(realms.made().len(), 0);
    }

    #[test]
    fn only_configured_realms_exist_without_a_template() {
        let realms = Arc::new(Realms::default());
        realms.insert("configured", host("configured"));
        assert!(realms.enter("configured").is_ok());
        let refusal = realms.enter("other").unwrap_err();
        assert_eq!(refusal, Refusal::NoSuchRealm("other".into()));
    }
}
