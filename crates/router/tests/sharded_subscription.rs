//! Sharded subscriptions: the events about one resource go to one node.
//!
//! Spec: advanced profile "Sharded Subscription", a sketch of two keys; their behaviour is a
//! decision of this project. An event without a resource key goes to every node.

use std::collections::{BTreeMap, BTreeSet};

use cloverleaf_testkit::messages::{NOTHING, client, router};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::message::{PublishOptions, SubscribeOptions};

/// A publisher, and nodes that subscribe to `com.sensor`.
struct Cluster {
    lab: Lab,
    publisher: Peer,
    members: Vec<(&'static str, Peer)>,
}

impl Cluster {
    fn of(members: &[(&'static str, Option<&str>)]) -> Self {
        let mut lab = Lab::new();
        let publisher = lab.join("publisher");
        let mut cluster = Self { lab, publisher, members: Vec::new() };
        for (name, node) in members {
            cluster.add(name, *node);
        }
        cluster
    }

    fn add(&mut self, name: &'static str, node: Option<&str>) {
        let peer = self.lab.join(name);
        let nkey = node.map(Into::into);
        let options = SubscribeOptions { nkey, ..SubscribeOptions::default() };
        self.lab.send(peer, client::subscribe_with(1, options, "com.sensor"));
        assert_eq!(self.lab.received(peer), [router::subscribed(1, 1)]);
        self.members.push((name, peer));
    }

    /// Publishes and returns the receivers.
    fn hears(&mut self, options: PublishOptions) -> Vec<&'static str> {
        self.lab.send(self.publisher, client::publish_with(1, options, "com.sensor", NOTHING));
        let event = router::event(1, self.lab.last_publication(), NOTHING);
        let mut heard = Vec::new();
        for (name, peer) in &self.members {
            match self.lab.received(*peer).as_slice() {
                [] => {}
                [received] if *received == event => heard.push(*name),
                other => panic!("{name} got {other:?}"),
            }
        }
        heard
    }

    /// The receivers of the events about each of a hundred resources.
    fn owners(&mut self) -> BTreeMap<usize, Vec<&'static str>> {
        (0..100).map(|number| (number, self.hears(about(&format!("sn{number}"))))).collect()
    }
}

fn about(resource: &str) -> PublishOptions {
    PublishOptions { rkey: Some(resource.into()), ..PublishOptions::default() }
}

const THREE: [(&str, Option<&str>); 3] =
    [("a", Some("node1")), ("b", Some("node2")), ("c", Some("node3"))];

#[test]
fn events_of_a_resource_go_to_the_same_node() {
    let mut cluster = Cluster::of(&THREE);
    let owners = cluster.owners();
    assert_eq!(cluster.owners(), owners);
    assert!(owners.values().all(|owner| owner.len() == 1));
    let all: BTreeSet<_> = owners.into_values().flatten().collect();
    assert_eq!(all, BTreeSet::from(["a", "b", "c"]));
}

#[test]
fn node_keeps_its_resources_over_a_restart() {
    let [a, b, c] = THREE;
    assert_eq!(Cluster::of(&[a, b, c]).owners(), Cluster::of(&[c, a, b]).owners());
}

#[test]
fn leaving_node_hands_over_its_own_resources_only() {
    let mut cluster = Cluster::of(&THREE);
    let before = cluster.owners();
    let (_, left) = cluster.members.remove(1);
    cluster.lab.disconnect(left);
    let after = cluster.owners();
    for (resource, owner) in &before {
        if *owner == ["b"] {
            assert!(after[resource] == ["a"] || after[resource] == ["c"], "{resource}");
        } else {
            assert_eq!(after[resource], *owner, "{resource}");
        }
    }
    cluster.add("b", Some("node2"));
    assert_eq!(cluster.owners(), before);
}

#[test]
fn event_without_a_resource_goes_to_every_node() {
    let mut cluster = Cluster::of(&THREE);
    assert_eq!(cluster.hears(PublishOptions::default()), ["a", "b", "c"]);
}

#[test]
fn subscriber_without_a_node_key_gets_every_event() {
    let mut cluster = Cluster::of(&[("a", Some("node1")), ("b", Some("node2")), ("p", None)]);
    assert!(cluster.owners().values().all(|owner| owner.len() == 2 && owner[1] == "p"));
}

#[test]
fn sessions_of_one_node_get_the_same_events() {
    let mut cluster = Cluster::of(&[("a", Some("n1")), ("b", Some("n1")), ("c", Some("n2"))]);
    let owners: BTreeSet<_> = cluster.owners().into_values().collect();
    assert_eq!(owners, BTreeSet::from([vec!["a", "b"], vec!["c"]]));
}

#[test]
fn event_that_the_owner_can_not_get_goes_to_no_other_node() {
    let mut cluster = Cluster::of(&THREE);
    let [owner] = cluster.hears(about("sn1"))[..] else { panic!("one owner") };
    let exclude_authid = Some(vec![owner.into()]);
    assert_eq!(cluster.hears(PublishOptions { exclude_authid, ..about("sn1") }), [""; 0]);
    let (_, peer) = *cluster.members.iter().find(|(name, _)| *name == owner).unwrap();
    cluster.lab.set_state(peer, OutboxState::Dropping);
    assert_eq!(cluster.hears(about("sn1")), [""; 0]);
}

#[test]
fn sharding_is_announced() {
    let cluster = Cluster::of(&[]);
    let roles = cluster.lab.welcome(cluster.publisher).details.roles.unwrap();
    assert!(roles.broker.unwrap().has(Feature::ShardedSubscription));
    let misspelled = Feature::from_name("shareded_subscriptions");
    assert_eq!(misspelled, Some(Feature::ShardedSubscription));
}
