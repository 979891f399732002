//! The subscribers of one subscription, each with its delivery mode.
//!
//! Most subscribers get every event. Of a *group*, one member gets each event (an extension of this
//! router, like the shared subscriptions of MQTT). Subscribers with a *node key* share the events
//! that have a resource key: each resource belongs to one node (advanced profile, "Sharded
//! Subscription").

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use cloverleaf_wamp::message::SubscribeOptions;
use compact_str::CompactString;

use crate::failure::RequestFailure;
use crate::limits::MAX_MEMBERSHIP_BYTES;
use crate::outbox::Delivery;
use crate::rendezvous::RendezvousKey;
use crate::session::SessionKey;
use crate::work::{self, Work};

/// The delivery mode of a subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DeliveryMode {
    /// Every event.
    EveryEvent,
    /// The events whose turn it is in the group.
    Group(CompactString),
    /// Events whose resource belongs to the node, and events without a resource.
    Node(CompactString),
}

impl DeliveryMode {
    /// Bytes of the name of the group or node: at most [`MAX_MEMBERSHIP_BYTES`].
    pub(super) fn name_bytes(&self) -> u8 {
        match self {
            Self::EveryEvent => 0,
            Self::Group(name) | Self::Node(name) => u8::try_from(name.len()).unwrap_or(u8::MAX),
        }
    }

    /// The delivery mode that the options request.
    pub(crate) fn from_options(options: &SubscribeOptions) -> Result<Self, RequestFailure> {
        let refused = |text: &str| Err(RequestFailure::InvalidArgument(text.to_owned()));
        let (mode, name) = match (&options.group, &options.nkey) {
            (None, None) => return Ok(Self::EveryEvent),
            (Some(_), Some(_)) => {
                return refused("SUBSCRIBE.Options.group and nkey exclude each other");
            }
            (Some(group), None) => (Self::Group(group.clone()), group),
            (None, Some(node)) => (Self::Node(node.clone()), node),
        };
        if name.len() > MAX_MEMBERSHIP_BYTES {
            return refused("SUBSCRIBE.Options.group and nkey have 255 bytes at most");
        }
        Ok(mode)
    }
}

#[derive(Debug, Default)]
struct Group {
    members: Vec<SessionKey>,
    /// The index of the member that gets the next event.
    turn: usize,
}

/// Subscribers in groups and with node keys.
#[derive(Debug, Default)]
struct GroupedSubscribers {
    groups: BTreeMap<CompactString, Group>,
    nodes: BTreeMap<SessionKey, CompactString>,
}

/// The progress of [`Subscribers::deliver`]: subscribers before the cursor have had their turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SubscribersCursor {
    /// At the subscribers to every event behind this one.
    Plain(Option<SessionKey>),
    /// At the nodes behind this one. The event goes to the nodes of the owner, if it has one.
    Nodes { after: Option<SessionKey>, owner: Option<CompactString> },
    /// At the groups behind this one.
    Groups(Option<CompactString>),
}

impl Default for SubscribersCursor {
    fn default() -> Self {
        Self::Plain(None)
    }
}

/// The subscribers of one subscription.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    plain: BTreeSet<SessionKey>,
    special: Option<Box<GroupedSubscribers>>,
}

impl Subscribers {
    pub(super) fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.special.is_none()
    }

    /// Adds a subscriber, or changes its delivery mode. Returns whether it is new.
    pub(super) fn insert(&mut self, session: SessionKey, mode: DeliveryMode) -> bool {
        let was_member = self.remove(session);
        match mode {
            DeliveryMode::EveryEvent => {
                self.plain.insert(session);
            }
            DeliveryMode::Group(name) => {
                let special = self.special.get_or_insert_default();
                special.groups.entry(name).or_default().members.push(session);
            }
            DeliveryMode::Node(key) => {
                self.special.get_or_insert_default().nodes.insert(session, key);
            }
        }
        !was_member
    }

    /// Removes a subscriber. Returns whether it was one.
    pub(super) fn remove(&mut self, session: SessionKey) -> bool {
        if self.plain.remove(&session) {
            return true;
        }
        let Some(special) = &mut self.special else { return false };
        let mut was_member = special.nodes.remove(&session).is_some();
        special.groups.retain(|_, group| {
            if let Some(place) = group.members.iter().position(|member| *member == session) {
                group.members.remove(place);
                was_member = true;
                if place < group.turn {
                    group.turn -= 1;
                }
            }
            !group.members.is_empty()
        });
        if special.groups.is_empty() && special.nodes.is_empty() {
            self.special = None;
        }
        was_member
    }

    /// The number of subscribers.
    pub(super) fn len(&self) -> usize {
        let special = self.special.as_ref().map_or(0, |special| {
            let in_groups: usize = special.groups.values().map(|group| group.members.len()).sum();
            special.nodes.len() + in_groups
        });
        self.plain.len() + special
    }

    /// Calls `found` with the subscribers behind the cursor, which is moved, until the work is
    /// spent: subscribers to every event, nodes, then groups, each in the order of keys or names.
    /// Returns whether there are no more.
    pub(super) fn next_members(
        &self,
        cursor: &mut SubscribersCursor,
        work: &mut Work,
        mut found: impl FnMut(SessionKey),
    ) -> bool {
        if let SubscribersCursor::Plain(after) = cursor {
            for member in self.plain.range((behind(after.as_ref()), Bound::Unbounded)) {
                if work.is_spent() {
                    return false;
                }
                work.spend(work::ENTRY);
                *after = Some(*member);
                found(*member);
            }
            *cursor = SubscribersCursor::Nodes { after: None, owner: None };
        }
        let Some(special) = &self.special else { return true };
        if let SubscribersCursor::Nodes { after, .. } = cursor {
            for member in special.nodes.range((behind(after.as_ref()), Bound::Unbounded)) {
                if work.is_spent() {
                    return false;
                }
                work.spend(work::ENTRY);
                *after = Some(*member.0);
                found(*member.0);
            }
            *cursor = SubscribersCursor::Groups(None);
        }
        if let SubscribersCursor::Groups(after) = cursor {
            let from = behind(after.as_ref());
            for (name, group) in special.groups.range((from, Bound::Unbounded)) {
                if work.is_spent() {
                    return false;
                }
                work.spend_entries(group.members.len());
                *after = Some(name.clone());
                group.members.iter().for_each(|member| found(*member));
            }
        }
        true
    }

    /// Offers an event to the subscribers behind the cursor, which is moved, until the work is
    /// spent. `offer` returns the delivery, or `None` for a subscriber that may not receive the
    /// event. Returns whether there are no more.
    pub(super) fn deliver(
        &mut self,
        resource: Option<&str>,
        cursor: &mut SubscribersCursor,
        work: &mut Work,
        mut offer: impl FnMut(SessionKey) -> Option<Delivery>,
    ) -> bool {
        if let SubscribersCursor::Plain(after) = cursor {
            let all = work::entries(self.plain.len());
            if after.is_none() && all <= work.left() {
                // The usual case, without a test of the work for each.
                for member in &self.plain {
                    offer(*member);
                }
                work.spend(all);
            } else if !deliver_some(&self.plain, after, work, &mut offer) {
                return false;
            }
            let Some(special) = &self.special else { return true };
            let owner = resource.and_then(|resource| special.owner(RendezvousKey::of(resource)));
            *cursor = SubscribersCursor::Nodes { after: None, owner };
        }
        self.special.as_mut().is_none_or(|special| special.deliver(cursor, work, offer))
    }
}

/// The range behind an entry, or from the beginning.
fn behind<T: Clone>(after: Option<&T>) -> Bound<T> {
    after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.clone()))
}

/// Returns whether there are no more.
#[cold]
fn deliver_some(
    members: &BTreeSet<SessionKey>,
    after: &mut Option<SessionKey>,
    work: &mut Work,
    offer: &mut impl FnMut(SessionKey) -> Option<Delivery>,
) -> bool {
    for member in members.range((behind(after.as_ref()), Bound::Unbounded)) {
        if work.is_spent() {
            return false;
        }
        work.spend(work::ENTRY);
        *after = Some(*member);
        offer(*member);
    }
    true
}

impl GroupedSubscribers {
    fn deliver(
        &mut self,
        cursor: &mut SubscribersCursor,
        work: &mut Work,
        mut offer: impl FnMut(SessionKey) -> Option<Delivery>,
    ) -> bool {
        if let SubscribersCursor::Nodes { after, owner } = cursor {
            let from = behind(after.as_ref());
            for (member, node) in self.nodes.range((from, Bound::Unbounded)) {
                if work.is_spent() {
                    return false;
                }
                work.spend(work::ENTRY);
                *after = Some(*member);
                if owner.as_ref().is_none_or(|owner| owner == node) {
                    offer(*member);
                }
            }
            *cursor = SubscribersCursor::Groups(None);
        }
        let SubscribersCursor::Groups(after) = cursor else { return true };
        let from = behind(after.as_ref());
        for (name, group) in self.groups.range_mut((from, Bound::Unbounded)) {
            if work.is_spent() {
                return false;
            }
            *after = Some(name.clone());
            work.spend(group.deliver(&mut offer));
        }
        true
    }

    /// The node that owns a resource.
    fn owner(&self, resource: RendezvousKey) -> Option<CompactString> {
        self.nodes.values().max_by_key(|node| resource.nearness(RendezvousKey::of(node))).cloned()
    }
}

impl Group {
    /// Offers an event to one member after the other, until one takes it. Returns the work that was
    /// done.
    fn deliver(&mut self, offer: &mut impl FnMut(SessionKey) -> Option<Delivery>) -> u32 {
        let count = self.members.len();
        for step in 0..count {
            let place = (self.turn + step) % count;
            if offer(self.members[place]).is_some_and(Delivery::is_taken) {
                self.turn = (place + 1) % count;
                return work::entries(step + 1);
            }
        }
        work::entries(count)
    }
}
