//! Connects a realm to the file of its stored events.
//!
//! The realm hands records over under its lock. The threads of the store report later whether they
//! are stored, and answer queries.

use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};

use cloverleaf_router::{
    EventStore, HistoryId, HistoryQuery, RealmSettings, Record, StoreTicket, publication_of,
};
use cloverleaf_store as store;
pub use cloverleaf_store::{StoreError, catches_panics, check};
use cloverleaf_store::{StoreObserver, StoreReport, WriteOutcome};
use cloverleaf_transport::log_limited;
use cloverleaf_wamp::ids::PublicationId;

use crate::realm_host::RealmHost;
use cloverleaf_wamp::excerpt::Excerpt;

/// Maximum number of damaged records that are logged one by one. The others are only counted.
const MAX_DAMAGED_LOGGED: usize = 100;

/// The realm of a store. Empty until [`set`](Self::set) is called, since the store is opened first.
#[derive(Debug, Clone, Default)]
pub struct RealmLink(Arc<OnceLock<Weak<RealmHost>>>);

impl RealmLink {
    /// Sets the realm. Only the first call counts.
    pub fn set(&self, realm: &Arc<RealmHost>) {
        let _ = self.0.set(Arc::downgrade(realm));
    }

    fn get(&self) -> Option<Arc<RealmHost>> {
        self.0.get().and_then(Weak::upgrade)
    }
}

/// The event store of a realm.
#[derive(Debug)]
struct StoredEvents {
    store: store::RecordStore,
    link: RealmLink,
    realm: String,
}

impl EventStore for StoredEvents {
    fn has_room(&self) -> bool {
        self.store.has_room()
    }

    fn append(&mut self, history: HistoryId, record: Record) -> StoreTicket {
        let Record { publication, bytes } = record;
        StoreTicket(
            self.store.append(history.0, store::StoredRecord { id: publication.number(), bytes }),
        )
    }

    fn note_dropped(&mut self) {
        log_limited!(
            warn,
            "publication dropped",
            realm = %Excerpt::for_log(&self.realm),
            reason = "the event store takes no more at the moment"
        );
    }

    fn read(&mut self, history: HistoryId, query: HistoryQuery) -> bool {
        let request = StoreQuery { query, link: self.link.clone(), realm: self.realm.clone() };
        self.store.read(history.0, Box::new(request)).is_ok()
    }
}

/// A query of stored events.
struct StoreQuery {
    query: HistoryQuery,
    link: RealmLink,
    realm: String,
}

impl store::ReadRequest for StoreQuery {
    fn places(
        &self,
        all: Range<u64>,
        place: &mut dyn FnMut(u64) -> Option<u64>,
    ) -> Option<Range<u64>> {
        self.query.bounds().places(all, |publication: PublicationId| place(publication.number()))
    }

    fn is_reverse(&self) -> bool {
        self.query.is_reverse()
    }

    fn is_wanted(&self) -> bool {
        self.link.get().is_some_and(|realm| realm.has_session(self.query.caller()))
    }

    fn visit(&mut self, record: &[u8]) -> ControlFlow<()> {
        self.query.visit(record).unwrap_or_else(|error| {
            log_limited!(
                warn,
                "stored event skipped",
                realm = %Excerpt::for_log(&self.realm),
                reason = %error
            );
            ControlFlow::Continue(())
        })
    }

    fn finish(self: Box<Self>, outcome: Result<(), &str>) {
        if let Some(realm) = self.link.get() {
            realm.finish_history_query(self.query.answer(outcome));
        }
    }
}

/// Reports the outcome of writes to the realm, and the state of the store to the log.
struct StoreWatch {
    link: RealmLink,
    realm: String,
    path: PathBuf,
    damaged: std::sync::atomic::AtomicUsize,
}

impl StoreObserver for StoreWatch {
    fn stored(&self, up_to: u64, outcome: WriteOutcome<'_>) {
        if let Some(realm) = self.link.get() {
            realm.stored(StoreTicket(up_to), outcome);
        }
    }

    fn report(&self, report: StoreReport<'_>) {
        let (realm, path) = (Excerpt::for_log(&self.realm), self.path.display());
        match report {
            StoreReport::Repairing { percent } => log_limited!(
                info,
                "event store was not closed and is being checked",
                %realm,
                %path,
                percent
            ),
            StoreReport::Damaged { history, place } => {
                let damaged = self.damaged.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if damaged < MAX_DAMAGED_LOGGED {
                    tracing::error!(%realm, %path, history, place, "stored event damaged");
                }
            }
            StoreReport::Missing { history, place, count } => {
                let damaged = self.damaged.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if damaged < MAX_DAMAGED_LOGGED {
                    tracing::error!(%realm, %path, history, place, count, "stored events missing");
                }
            }
            StoreReport::Checked { records, damaged: 0, missing: 0 } => {
                tracing::info!(%realm, %path, events = records, "event store checked");
            }
            StoreReport::Checked { records, damaged, missing } => tracing::error!(
                %realm,
                %path,
                events = records,
                damaged,
                missing,
                "event store damaged"
            ),
            StoreReport::Unreadable { reason } => log_limited!(
                warn,
                "event store can't be read",
                %realm,
                %path,
                reason
            ),
            StoreReport::Stopped { reason, lost } => tracing::error!(
                %realm,
                %path,
                reason,
                lost,
                "event store stopped"
            ),
            StoreReport::Restarted => tracing::warn!(%realm, %path, "event store works again"),
        }
    }
}

/// The file in which a realm stores its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventStoreFile {
    /// The file.
    pub path: PathBuf,
    /// The size of the cache, in bytes.
    pub cache_bytes: usize,
}

/// Opens the event store of a realm and adds it to the settings of the realm.
///
/// # Errors
/// When the file cannot be used.
pub fn open(
    file: &EventStoreFile,
    mut settings: RealmSettings,
) -> Result<(RealmSettings, RealmLink), StoreError> {
    let link = RealmLink::default();
    let EventStoreFile { path, cache_bytes } = file;
    let realm = settings.name.to_string();
    let histories = settings.histories.iter().map(|history| store::HistoryLimits {
        name: format!("{}:{}", history.pattern.policy().name(), history.pattern.as_str()),
        max_records: history.max_events as u64,
        max_bytes: history.max_bytes as u64,
    });
    let histories: Vec<_> = histories.collect();
    let watch = StoreWatch {
        link: link.clone(),
        realm: realm.clone(),
        path: path.clone(),
        damaged: Default::default(),
    };
    let id_of = |record: &[u8]| publication_of(record).map(|publication| publication.number());
    let store = store::RecordStore::open(path, &histories, *cache_bytes, id_of, watch)?;
    let events = StoredEvents { store, link: link.clone(), realm };
    settings.event_store = Some(Box::new(events));
    Ok((settings, link))
}
