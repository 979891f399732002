//! Eligible receivers of a publication: black and white lists.
//!
//! Spec: advanced profile "Subscriber Black- and Whitelisting".

use cloverleaf_router::{Permission, Role};
use cloverleaf_testkit::messages::{NOTHING, client};
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::message::PublishOptions;
use cloverleaf_wamp::uri::UriPattern;

/// Four subscribers of `com.news`, one of which, `p`, is also the publisher.
struct Audience {
    lab: Lab,
    peers: [Peer; 4],
    published: u64,
}

const NAMES: [(&str, &str); 4] =
    [("p", "staff"), ("ann", "staff"), ("ben", "staff"), ("cat", "manager")];

impl Audience {
    fn gathered() -> Self {
        let everything = || [(UriPattern::from_starred("*").unwrap(), Permission::ALL)];
        let roles = ["staff", "manager"].map(|name| Role::new(name, everything()));
        let mut lab = Lab::with_roles(roles.into());
        let peers = NAMES.map(|(name, role)| lab.join_as(Client { role, ..Client::named(name) }));
        for peer in peers {
            lab.send(peer, client::subscribe(1, "com.news"));
            lab.received(peer);
        }
        Self { lab, peers, published: 1 }
    }

    fn ids(&self, places: &[usize]) -> Option<Vec<SessionId>> {
        Some(places.iter().map(|place| self.lab.id(self.peers[*place])).collect())
    }

    /// Publishes and returns the receivers.
    fn hears(&mut self, options: PublishOptions) -> Vec<&'static str> {
        self.published += 1;
        let publish = client::publish_with(self.published, options, "com.news", NOTHING);
        self.lab.send(self.peers[0], publish);
        let heard = self.peers.map(|peer| self.lab.received(peer).len());
        assert!(heard.iter().all(|events| *events <= 1));
        NAMES
            .iter()
            .zip(heard)
            .filter(|(_, events)| *events == 1)
            .map(|((name, _), _)| *name)
            .collect()
    }
}

fn names(names: &[&str]) -> Option<Vec<compact_str::CompactString>> {
    Some(names.iter().map(|name| (*name).into()).collect())
}

fn options() -> PublishOptions {
    PublishOptions::default()
}

#[test]
fn event_without_lists_reaches_all_but_the_publisher() {
    let mut audience = Audience::gathered();
    assert_eq!(audience.hears(options()), ["ann", "ben", "cat"]);
}

#[test]
fn excluded_sessions_authids_and_authroles_get_no_event() {
    let mut audience = Audience::gathered();
    let exclude = audience.ids(&[1, 3]);
    assert_eq!(audience.hears(PublishOptions { exclude, ..options() }), ["ben"]);
    let exclude_authid = names(&["ben", "nobody"]);
    assert_eq!(audience.hears(PublishOptions { exclude_authid, ..options() }), ["ann", "cat"]);
    let exclude_authrole = names(&["staff"]);
    assert_eq!(audience.hears(PublishOptions { exclude_authrole, ..options() }), ["cat"]);
}

#[test]
fn only_eligible_sessions_authids_and_authroles_get_the_event() {
    let mut audience = Audience::gathered();
    let eligible = audience.ids(&[1, 3]);
    assert_eq!(audience.hears(PublishOptions { eligible, ..options() }), ["ann", "cat"]);
    let eligible_authid = names(&["ben", "nobody"]);
    assert_eq!(audience.hears(PublishOptions { eligible_authid, ..options() }), ["ben"]);
    let eligible_authrole = names(&["manager"]);
    assert_eq!(audience.hears(PublishOptions { eligible_authrole, ..options() }), ["cat"]);
}

/// `docs/decisions/traps.md#f8`: by the letter, though other routers ignore such a list.
#[test]
fn empty_eligible_list_excludes_all_sessions() {
    let mut audience = Audience::gathered();
    let eligible = audience.ids(&[]);
    assert!(audience.hears(PublishOptions { eligible, ..options() }).is_empty());
    let eligible_authid = names(&[]);
    assert!(audience.hears(PublishOptions { eligible_authid, ..options() }).is_empty());
    let eligible_authrole = names(&[]);
    assert!(audience.hears(PublishOptions { eligible_authrole, ..options() }).is_empty());
}

#[test]
fn empty_exclude_list_excludes_no_session() {
    let mut audience = Audience::gathered();
    let lists = PublishOptions {
        exclude: audience.ids(&[]),
        exclude_authid: names(&[]),
        exclude_authrole: names(&[]),
        ..options()
    };
    assert_eq!(audience.hears(lists), ["ann", "ben", "cat"]);
}

/// `docs/decisions/traps.md#f8`.
#[test]
fn exclusion_beats_eligibility() {
    let mut audience = Audience::gathered();
    let (eligible, exclude) = (audience.ids(&[1, 2, 3]), audience.ids(&[1]));
    let lists = PublishOptions { eligible, exclude, ..options() };
    assert_eq!(audience.hears(lists), ["ben", "cat"]);
    let lists = PublishOptions {
        eligible_authid: names(&["ann", "cat"]),
        exclude_authrole: names(&["manager"]),
        ..options()
    };
    assert_eq!(audience.hears(lists), ["ann"]);
}

#[test]
fn all_eligible_lists_must_match() {
    let mut audience = Audience::gathered();
    let lists = PublishOptions {
        eligible: audience.ids(&[1, 2]),
        eligible_authid: names(&["ann", "cat"]),
        eligible_authrole: names(&["staff"]),
        ..options()
    };
    assert_eq!(audience.hears(lists), ["ann"]);
}

/// `docs/decisions/traps.md#f8`.
#[test]
fn the_publisher_stays_excluded_though_it_is_eligible() {
    let mut audience = Audience::gathered();
    let eligible = audience.ids(&[0, 1]);
    let lists = PublishOptions { eligible: eligible.clone(), ..options() };
    assert_eq!(audience.hears(lists), ["ann"]);
    let lists = PublishOptions { eligible, exclude_me: Some(false), ..options() };
    assert_eq!(audience.hears(lists), ["p", "ann"]);
}

#[test]
fn exclude_list_applies_to_a_publisher_with_exclude_me_false() {
    let mut audience = Audience::gathered();
    let lists =
        PublishOptions { exclude_me: Some(false), exclude_authid: names(&["p"]), ..options() };
    assert_eq!(audience.hears(lists), ["ann", "ben", "cat"]);
}
