//! Registrations and subscriptions of a lost connection that are not restored on the next one yet.

use std::collections::VecDeque;
use std::sync::Arc;

use cloverleaf_wamp::ids::{RegistrationId, SubscriptionId};
use foldhash::HashMap;

use crate::registration_entry::RegistrationEntry;
use crate::subscription_entry::SubscriptionEntry;

/// Entries in the order of their old ids. Acknowledgements arrive in this order, so a search from
/// the front finds its entry at once.
#[derive(Debug, Default)]
pub(crate) struct ToRestore {
    pub(super) registrations: VecDeque<Arc<RegistrationEntry>>,
    pub(super) subscriptions: VecDeque<Arc<SubscriptionEntry>>,
}

impl ToRestore {
    /// Moves all entries out of the tables of a lost connection.
    pub(super) fn take_from(
        &mut self,
        procedures: &mut HashMap<RegistrationId, Arc<RegistrationEntry>>,
        subscriptions: &mut HashMap<SubscriptionId, Vec<Arc<SubscriptionEntry>>>,
    ) {
        self.registrations.extend(procedures.drain().map(|(_, entry)| entry));
        self.subscriptions.extend(subscriptions.drain().flat_map(|(_, entries)| entries));
        self.registrations.make_contiguous().sort_by_key(|entry| entry.id());
        self.subscriptions.make_contiguous().sort_by_key(|entry| entry.id());
    }

    /// Removes an entry. Returns whether it was present.
    pub(crate) fn remove_registration(&mut self, entry: &Arc<RegistrationEntry>) -> bool {
        remove(&mut self.registrations, entry)
    }

    /// Removes an entry. Returns whether it was present.
    pub(crate) fn remove_subscription(&mut self, entry: &Arc<SubscriptionEntry>) -> bool {
        remove(&mut self.subscriptions, entry)
    }
}

fn remove<T>(entries: &mut VecDeque<Arc<T>>, entry: &Arc<T>) -> bool {
    let position = entries.iter().position(|other| Arc::ptr_eq(other, entry));
    position.and_then(|position| entries.remove(position)).is_some()
}
