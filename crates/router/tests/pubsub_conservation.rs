//! Conservation of publications: after any operations of publishers, subscribers and administrators
//! every acknowledged PUBLISH has been answered once, no peer gets an event without a subscription,
//! nothing follows the end of a session, and when all have left no table keeps an entry.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cloverleaf_router::SessionFlow;
use cloverleaf_testkit::messages::{NOTHING, args, args_and_kwargs, client};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{Feature, Features};
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{
    ClientMessage, PublishOptions, RequestKind, RouterMessage, SubscribeOptions, Unsubscribed,
};
use cloverleaf_wamp::uri::MatchPolicy::{self, Exact, Prefix, Wildcard};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof, proptest};
use serde_json::json;

const TOPICS: [&str; 3] = ["com.a", "com.b", "com.a.b"];
const PATTERNS: [(MatchPolicy, &str); 4] =
    [(Exact, "com.a"), (Exact, "com.b"), (Prefix, "com."), (Wildcard, "com..b")];

/// One operation.
#[derive(Debug, Clone, Copy)]
enum Step {
    Join { answers: bool },
    Disconnect,
    Goodbye,
    Read { is_congested: bool },
    Subscribe { pattern: usize, mode: u8, get_retained: bool },
    Unsubscribe { which: usize },
    Publish { topic: usize, is_empty: bool, options: [bool; 4] },
    Acknowledge { which: usize },
    Kill { session: usize },
    Remove { session: usize, which: usize },
    Testament { topic: usize, retain: bool },
    Pass { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let mode = 0_u8..4;
    prop_oneof![
        3 => any::<bool>().prop_map(|answers| Step::Join { answers }),
        1 => any::<bool>()
            .prop_map(|rudely| if rudely { Step::Disconnect } else { Step::Goodbye }),
        1 => any::<bool>().prop_map(|is_congested| Step::Read { is_congested }),
        6 => (0..PATTERNS.len(), mode, any::<bool>()).prop_map(
            |(pattern, mode, get_retained)| Step::Subscribe { pattern, mode, get_retained }
        ),
        2 => any::<usize>().prop_map(|which| Step::Unsubscribe { which }),
        8 => (0..TOPICS.len(), any::<bool>(), any::<[bool; 4]>())
            .prop_map(|(topic, is_empty, options)| Step::Publish { topic, is_empty, options }),
        6 => any::<usize>().prop_map(|which| Step::Acknowledge { which }),
        1 => any::<usize>().prop_map(|session| Step::Kill { session }),
        1 => any::<[usize; 2]>().prop_map(|[session, which]| Step::Remove { session, which }),
        2 => (0..TOPICS.len(), any::<bool>())
            .prop_map(|(topic, retain)| Step::Testament { topic, retain }),
        2 => (0_u64..40).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

/// A peer and its knowledge.
struct Actor {
    peer: Peer,
    is_open: bool,
    requests: u64,
    subscriptions: BTreeSet<u64>,
    unsubscribing: BTreeMap<u64, u64>,
    /// Its PUBLISH requests that are not answered.
    waiting: BTreeSet<u64>,
    owed: Vec<PublicationId>,
}

impl Actor {
    fn new(peer: Peer) -> Self {
        Self {
            peer,
            is_open: true,
            requests: 0,
            subscriptions: BTreeSet::new(),
            unsubscribing: BTreeMap::new(),
            waiting: BTreeSet::new(),
            owed: Vec::new(),
        }
    }

    fn next_request(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    fn hear(&mut self, message: &RouterMessage) {
        assert!(self.is_open, "nothing follows the end of a session, not {message:?}");
        match message {
            RouterMessage::Subscribed(answer) => {
                self.subscriptions.insert(answer.subscription.number());
            }
            RouterMessage::Event(event) => {
                assert!(self.subscriptions.contains(&event.subscription.number()));
                if event.details.x_acknowledged_delivery == Some(true) {
                    self.owed.push(event.publication);
                }
            }
            RouterMessage::Unsubscribed(Unsubscribed::Answer(request)) => {
                let id = self.unsubscribing.remove(&request.number()).unwrap();
                assert!(self.subscriptions.remove(&id));
            }
            RouterMessage::Unsubscribed(Unsubscribed::Revocation(details)) => {
                assert!(self.subscriptions.remove(&details.subscription.unwrap().number()));
            }
            RouterMessage::Published(answer) => self.answered(answer.request.number()),
            RouterMessage::Error(error) if error.request.kind() == RequestKind::Publish => {
                self.answered(error.request.id().number());
            }
            RouterMessage::Goodbye(_) => self.is_open = false,
            RouterMessage::Result(_) | RouterMessage::Error(_) => {}
            other => panic!("unexpected: {other:?}"),
        }
    }

    fn answered(&mut self, request: u64) {
        assert!(self.waiting.remove(&request), "PUBLISH {request} is answered once");
    }
}

struct World {
    lab: Lab,
    actors: Vec<Actor>,
}

impl World {
    fn take(&mut self, who: usize, step: Step) {
        match step {
            Step::Join { answers } => return self.join(answers),
            Step::Pass { seconds } => {
                self.lab.pass(Duration::from_secs(seconds));
                return self.look();
            }
            _ => {}
        }
        let open: Vec<usize> = (0..self.actors.len()).filter(|n| self.actors[*n].is_open).collect();
        if open.is_empty() {
            return;
        }
        let who = open[who % open.len()];
        let peer = self.actors[who].peer;
        match step {
            Step::Disconnect => {
                self.lab.disconnect(peer);
                self.actors[who].is_open = false;
            }
            Step::Goodbye => {
                let goodbye = client::goodbye(error_uri::CLOSE_NORMAL);
                assert_eq!(self.lab.submit(peer, goodbye), SessionFlow::Left);
            }
            Step::Read { is_congested } => {
                let state = if is_congested { OutboxState::Dropping } else { OutboxState::Reading };
                self.lab.set_state(peer, state);
            }
            Step::Kill { session } => {
                let id = self.lab.id(self.actors[open[session % open.len()]].peer).number();
                self.send(who, client::call(1, "wamp.session.kill", args([id])));
            }
            Step::Remove { session, which } => {
                let victim = &self.actors[open[session % open.len()]];
                let subscriptions: Vec<_> = victim.subscriptions.iter().copied().collect();
                if let Some(id) = subscriptions.get(which % subscriptions.len().max(1)) {
                    let arguments = args((*id, self.lab.id(victim.peer).number()));
                    let procedure = "wamp.subscription.remove_subscriber";
                    self.send(who, client::call(1, procedure, arguments));
                }
            }
            Step::Testament { topic, retain } => {
                let arguments = json!([TOPICS[topic], ["bye"]]);
                let options = json!({"publish_options": {"retain": retain}});
                let payload = args_and_kwargs(arguments, options);
                self.send(who, client::call(1, "wamp.session.add_testament", payload));
            }
            other => self.request(who, other),
        }
        self.look();
    }

    fn join(&mut self, answers: bool) {
        let mut client = Client::named("actor");
        // A subscriber without subscription revocation would not know its subscriptions.
        let mut features = Features::of(&[Feature::SubscriptionRevocation]);
        if answers {
            features.insert(Feature::AcknowledgedEventDelivery);
        }
        client.roles.subscriber = Some(features);
        self.actors.push(Actor::new(self.lab.join_as(client)));
    }

    fn request(&mut self, who: usize, step: Step) {
        let actor = &mut self.actors[who];
        let number = actor.next_request();
        let message = match step {
            Step::Subscribe { pattern, mode, get_retained } => {
                let (policy, text) = PATTERNS[pattern];
                let options = SubscribeOptions {
                    match_policy: Some(policy),
                    get_retained: Some(get_retained),
                    group: (mode == 1).then(|| "g".into()),
                    nkey: (mode > 1).then(|| format!("node{mode}").into()),
                    ..SubscribeOptions::default()
                };
                client::subscribe_with(number, options, text)
            }
            Step::Unsubscribe { which } => {
                let held: Vec<_> = actor.subscriptions.iter().copied().collect();
                let Some(id) = held.get(which % held.len().max(1)) else { return };
                actor.unsubscribing.insert(number, *id);
                client::unsubscribe(number, *id)
            }
            Step::Publish { topic, is_empty, options: [asks, retain, hears, shards] } => {
                actor.waiting.insert(number);
                let options = PublishOptions {
                    x_acknowledged_delivery: Some(asks),
                    retain: Some(retain),
                    exclude_me: Some(!hears),
                    rkey: shards.then(|| "resource".into()),
                    ..client::acknowledged()
                };
                let payload = if is_empty { NOTHING } else { args([number]) };
                client::publish_with(number, options, TOPICS[topic], payload)
            }
            Step::Acknowledge { which } => {
                if actor.owed.is_empty() {
                    return;
                }
                let publication = actor.owed.swap_remove(which % actor.owed.len());
                client::event_received(publication)
            }
            other => panic!("{other:?} is no request"),
        };
        self.send(who, message);
    }

    fn send(&mut self, who: usize, message: ClientMessage) {
        self.lab.send(self.actors[who].peer, message);
    }

    /// All peers read their messages.
    fn look(&mut self) {
        for actor in &mut self.actors {
            for message in self.lab.received(actor.peer) {
                actor.hear(&message);
            }
        }
    }
}

proptest! {
    #[test]
    fn every_publication_is_answered_once_and_nothing_stays(
        peers in vec(any::<bool>(), 1..5),
        story in vec((any::<usize>(), step()), 0..150),
    ) {
        let mut world = World { lab: Lab::new(), actors: Vec::new() };
        for answers in peers {
            world.join(answers);
        }
        for (who, step) in story {
            world.take(who, step);
        }
        // Everything that waits ends in time.
        world.lab.pass(Duration::from_secs(60));
        world.look();
        assert_eq!(world.lab.realm().next_deadline(), None);
        assert!(world.lab.realm().is_acknowledged());
        for actor in &world.actors {
            assert!(!actor.is_open || actor.waiting.is_empty(), "{:?}", actor.waiting);
            world.lab.disconnect(actor.peer);
        }
        assert!(world.lab.realm().is_empty());
    }
}
