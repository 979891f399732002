//! The sessions of a realm: who they are, what they can do, what they hold.
//!
//! What a session holds in broker and dealer is kept by those rooms in the record here, so that
//! leaving touches nothing but the session's own things.

use std::cell::Cell;

pub use cloverleaf_auth::{Principal, TransportDetails};
use cloverleaf_wamp::features::ClientRoles;
use cloverleaf_wamp::ids::{IdSequence, SessionId};
use foldhash::{HashMap, HashSet};
use slab::Slab;

use crate::broker;
use crate::dealer;
use crate::testament::Testaments;

/// Names one session of one realm to the host. It stays harmless after the session has ended: the
/// place may be taken again, the id is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    place: u32,
    id: SessionId,
}

impl SessionKey {
    /// A key for tests of single parts.
    #[doc(hidden)]
    pub const fn of_tests(id: SessionId) -> Self {
        Self { place: 0, id }
    }

    /// The session's id on the wire.
    pub const fn id(self) -> SessionId {
        self.id
    }
}

/// One session.
#[derive(Debug)]
pub(crate) struct Session<O> {
    pub(crate) key: SessionKey,
    pub(crate) principal: Principal,
    pub(crate) roles: ClientRoles,
    /// Which of the realm's roles decides what it may do.
    pub(crate) role: usize,
    /// Told by the meta API.
    pub(crate) transport: Option<Box<TransportDetails>>,
    /// Belongs to the router itself: nobody may end it.
    pub(crate) is_internal: bool,
    /// Its requests do not wait behind each other for the decisions of the authorizer.
    pub(crate) has_independent_requests: bool,
    pub(crate) outbox: O,
    /// GOODBYE was sent to it: nothing but its own GOODBYE counts any more.
    pub(crate) is_closing: bool,
    pub(crate) broker: broker::BrokerState,
    pub(crate) dealer: dealer::DealerState,
    pub(crate) testaments: Option<Box<Testaments>>,
    /// It has missed an event, and that has been told of.
    pub(crate) is_slow: Cell<bool>,
    /// The numbers of its requests, where they must follow each other.
    pub(crate) requests: IdSequence,
    /// Its calls that are answered by jobs.
    pub(crate) listings: u16,
    /// Its peer was told to wait and has not been resumed.
    pub(crate) reading_paused: bool,
}

/// Who somebody is, as far as eligibility and disclosure ask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity<'a> {
    pub(crate) key: SessionKey,
    pub(crate) principal: &'a Principal,
}

impl<O> Session<O> {
    /// Who it is.
    pub(crate) const fn identity(&self) -> Identity<'_> {
        Identity { key: self.key, principal: &self.principal }
    }
}

/// All sessions of one realm.
#[derive(Debug)]
pub(crate) struct Sessions<O> {
    table: Slab<Session<O>>,
    /// Where each one stands.
    ids: HashMap<SessionId, u32>,
    /// Ids of sessions that are joining.
    reserved: HashSet<SessionId>,
}

impl<O> Default for Sessions<O> {
    fn default() -> Self {
        Self { table: Slab::new(), ids: HashMap::default(), reserved: HashSet::default() }
    }
}

impl<O> Sessions<O> {
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty() && self.ids.is_empty() && self.reserved.is_empty()
    }

    /// Adds what `make` builds around the key of the new session.
    pub(crate) fn insert(
        &mut self,
        id: SessionId,
        make: impl FnOnce(SessionKey) -> Session<O>,
    ) -> SessionKey {
        let entry = self.table.vacant_entry();
        // `limits::MAX_SESSIONS` is far below 2^32.
        let key = SessionKey { place: entry.key() as u32, id };
        entry.insert(make(key));
        self.ids.insert(id, key.place);
        key
    }

    pub(crate) fn at(&self, key: SessionKey) -> Option<&Session<O>> {
        self.table.get(key.place as usize).filter(|session| session.key == key)
    }

    pub(crate) fn at_mut(&mut self, key: SessionKey) -> Option<&mut Session<O>> {
        self.table.get_mut(key.place as usize).filter(|session| session.key == key)
    }

    pub(crate) fn remove(&mut self, key: SessionKey) -> Option<Session<O>> {
        self.at(key)?;
        self.ids.remove(&key.id);
        self.table.try_remove(key.place as usize)
    }

    /// The first session at this place or behind it, and the place behind that.
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
