//! The sessions of a realm: identity, features, and their state in broker and dealer.
//!
//! Broker and dealer keep the state of a session in its record here, so that detaching a session
//! visits nothing but its own entries. That is why `session`, `broker` and `dealer` name each
//! other: the record is made of types of the two, and both look sessions up.

use std::cell::Cell;

pub use cloverleaf_auth::{Principal, TransportDetails};
use cloverleaf_wamp::features::ClientRoles;
use cloverleaf_wamp::ids::{IdSequence, SessionId};
use foldhash::{HashMap, HashSet};
use slab::Slab;

use crate::broker;
use crate::dealer;
use crate::limits::SessionLimits;
pub use crate::session_key::SessionKey;
use crate::testament::Testaments;

/// One session.
#[derive(Debug)]
pub(crate) struct Session<O> {
    pub(crate) key: SessionKey,
    pub(crate) principal: Principal,
    pub(crate) roles: ClientRoles,
    /// The index of its role in the settings of the realm.
    pub(crate) role: usize,
    /// For the meta API.
    pub(crate) transport: Option<Box<TransportDetails>>,
    /// It belongs to the router itself: the meta API can't kill it, and it can't pause.
    pub(crate) is_internal: bool,
    /// Its requests do not wait behind each other for the decisions of the authorizer.
    pub(crate) has_independent_requests: bool,
    pub(crate) outbox: O,
    /// GOODBYE was sent to it, or its connection is being closed: only its own GOODBYE is handled.
    pub(crate) is_closing: bool,
    pub(crate) broker: broker::BrokerState,
    pub(crate) dealer: dealer::DealerState,
    pub(crate) testaments: Option<Box<Testaments>>,
    /// It has missed an event, and that was published.
    pub(crate) is_slow: Cell<bool>,
    /// The request ids that it has used, where they must follow each other.
    pub(crate) requests: IdSequence,
    /// The number of its calls that jobs answer.
    pub(crate) listings: u16,
    /// Its peer was told to wait and has not been resumed.
    pub(crate) reading_paused: bool,
}

/// The key and the principal of a session, for eligibility and disclosure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity<'a> {
    pub(crate) key: SessionKey,
    pub(crate) principal: &'a Principal,
}

impl<O> Session<O> {
    /// Its key and principal.
    pub(crate) const fn identity(&self) -> Identity<'_> {
        Identity { key: self.key, principal: &self.principal }
    }
}

/// All sessions of one realm.
#[derive(Debug)]
pub(crate) struct Sessions<O> {
    table: Slab<Session<O>>,
    /// The place of each session in the table.
    ids: HashMap<SessionId, u32>,
    /// The limits of each of the realm's roles, in the order of [`Session::role`].
    limits: Vec<SessionLimits>,
    /// Ids of sessions that are joining.
    reserved: HashSet<SessionId>,
    /// The number of internal sessions.
    internal: usize,
}

/// The number of open sessions of a realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionCounts {
    /// Sessions that belong to the router itself.
    pub internal: usize,
    /// All sessions.
    pub total: usize,
}

impl<O> Default for Sessions<O> {
    fn default() -> Self {
        Self {
            table: Slab::new(),
            ids: HashMap::default(),
            limits: Vec::new(),
            reserved: HashSet::default(),
            internal: 0,
        }
    }
}

impl<O> Sessions<O> {
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
            && self.ids.is_empty()
            && self.internal == 0
            && self.reserved.is_empty()
    }

    pub(crate) fn counts(&self) -> SessionCounts {
        SessionCounts { internal: self.internal, total: self.table.len() }
    }

    /// Adds the session that `make` builds for a new key.
    pub(crate) fn insert(
        &mut self,
        id: SessionId,
        make: impl FnOnce(SessionKey) -> Session<O>,
    ) -> SessionKey {
        let entry = self.table.vacant_entry();
        // 2^32 sessions do not fit into memory.
        let key = SessionKey { place: entry.key() as u32, id };
        let session = entry.insert(make(key));
        self.internal += usize::from(session.is_internal);
        self.ids.insert(id, key.place);
        key
    }

    pub(crate) fn at(&self, key: SessionKey) -> Option<&Session<O>> {
        self.table.get(key.place as usize).filter(|session| session.key == key)
    }

    /// Applies the limits of the realm's roles, in the order of [`Session::role`].
    pub(crate) fn set_limits(&mut self, limits: Vec<SessionLimits>) {
        self.limits = limits;
    }

    /// The limits of sessions with this role.
    pub(crate) fn limits(&self, role: usize) -> &SessionLimits {
        self.limits.get(role).unwrap_or(&SessionLimits::DEFAULT)
    }

    /// A session and its limits.
    pub(crate) fn with_limits_mut(
        &mut self,
        key: SessionKey,
    ) -> Option<(&mut Session<O>, &SessionLimits)> {
        let session = self.table.get_mut(key.place as usize).filter(|held| held.key == key)?;
        let limits = self.limits.get(session.role).unwrap_or(&SessionLimits::DEFAULT);
        Some((session, limits))
    }

    pub(crate) fn at_mut(&mut self, key: SessionKey) -> Option<&mut Session<O>> {
        self.table.get_mut(key.place as usize).filter(|session| session.key == key)
    }

    pub(crate) fn remove(&mut self, key: SessionKey) -> Option<Session<O>> {
        self.at(key)?;
        self.ids.remove(&key.id);
        let session = self.table.try_remove(key.place as usize)?;
        self.internal -= usize::from(session.is_internal);
        Some(session)
    }

    /// The first session at or behind `place`, and the place behind that session.
    pub(crate) fn next_from(&self, place: usize) -> Option<(&Session<O>, usize)> {
        let places = place..self.table.capacity();
        places.into_iter().find_map(|place| Some((self.table.get(place)?, place + 1)))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Session<O>> {
        self.table.iter().map(|(_, session)| session)
    }

    /// The session with this id.
    pub(crate) fn with_id(&self, id: SessionId) -> Option<&Session<O>> {
        self.ids.get(&id).and_then(|place| self.table.get(*place as usize))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session<O>> {
        self.table.iter_mut().map(|(_, session)| session)
    }

    /// Whether an open session or one that is joining has the id.
    pub(crate) fn has_id(&self, id: SessionId) -> bool {
        self.ids.contains_key(&id) || self.reserved.contains(&id)
    }

    /// The number of reserved ids.
    pub(crate) fn reserved(&self) -> usize {
        self.reserved.len()
    }

    /// Reserves an id for a session that is joining.
    pub(crate) fn reserve(&mut self, id: SessionId) {
        self.reserved.insert(id);
    }

    /// Releases a reserved id. Returns whether it was reserved.
    pub(crate) fn release(&mut self, id: SessionId) -> bool {
        self.reserved.remove(&id)
    }
}
