//! Where the events of a realm's histories outlive the process.
//!
//! Between the realm, which gives away records under its lock, and the store, whose own thread says
//! when they are safe.

use std::sync::{Arc, OnceLock, Weak};

use cloverleaf_config::settings::{Store, StorePlace};
use cloverleaf_event_store::{EventStore, History, StoreError};
use cloverleaf_router::{RealmSettings, Ticket};
use cloverleaf_wamp::uri::UriPattern;

use crate::realm_host::RealmHost;

/// The realm that is told, once it is there.
pub(crate) type Told = Arc<OnceLock<Weak<RealmHost>>>;

/// See the [module](self).
#[derive(Debug)]
struct KeptEvents {
    store: EventStore,
    /// In the order of the store's histories.
    patterns: Vec<UriPattern>,
}

impl cloverleaf_router::EventStore for KeptEvents {
    fn has_room(&self) -> bool {
        self.store.has_room()
    }

    fn keep(&mut self, pattern: &UriPattern, record: Vec<u8>) -> Ticket {
        let history = self.patterns.iter().position(|other| other == pattern);
        Ticket(self.store.append(history.unwrap_or(usize::MAX), record))
    }
}

/// Opens the file of a store, if it has one, and gives the realm what was kept before.
pub(crate) fn open(
    store: Option<&Store>,
    mut settings: RealmSettings,
) -> Result<(RealmSettings, Told), StoreError> {
    let told = Told::default();
    let Some(Store { place: StorePlace::File(path), event_history, .. }) = store else {
        return Ok((settings, told));
    };
    let history = |rule: &cloverleaf_config::settings::StoreRule| History {
        name: format!("{}:{}", rule.pattern.policy().name(), rule.pattern.as_str()),
        limit: rule.limit,
    };
    let histories: Vec<History> = event_history.iter().map(history).collect();
    let realm = Arc::clone(&told);
    let (store, records) = EventStore::open(path, &histories, move |number, outcome| {
        if let Some(realm) = realm.get().and_then(Weak::upgrade) {
            realm.stored(Ticket(number), outcome);
        }
    })?;
    for (history, records) in settings.histories.iter_mut().zip(records) {
        history.records = records;
    }
    let patterns = event_history.iter().map(|rule| rule.pattern.clone()).collect();
    settings.event_store = Some(Box::new(KeptEvents { store, patterns }));
    Ok((settings, told))
}
