//! Parts of an event that the router forwards unchanged, and passthru payloads. Messages are
//! written as on the wire, where they must come out unchanged.
//!
//! Spec: advanced profile "Payload Passthru Mode"; basic profile "Extensibility" (custom
//! attributes); `docs/decisions/traps.md#f16` (the older form, with a binary in the place of the
//! arguments).

use cloverleaf_router::{HistorySettings, RealmSettings, SessionFlow};
use cloverleaf_testkit::asking::refusal;
use cloverleaf_testkit::messages::{args, client, router};
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{Feature, Features};
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::wire::{decode_client, encode_router};
use cloverleaf_wamp::message::{ClientMessage, RouterMessage, SubscribeOptions};
use cloverleaf_wamp::payload::copy_frame;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};
use serde_json::json;

/// A client with payload passthru as publisher and subscriber.
fn able(name: &'static str) -> Client {
    let mut client = Client::named(name);
    let passthru = Some(Features::of(&[Feature::PayloadPassthruMode]));
    client.roles.publisher = passthru;
    client.roles.subscriber = passthru;
    client
}

/// PUBLISH to `com.secret`, written in JSON.
fn publish(options: &str, payload: &str) -> ClientMessage {
    let text = format!(r#"[16,1,{options},"com.secret"{payload}]"#);
    decode_client(Serializer::Json, &copy_frame(text.as_bytes())).unwrap()
}

fn as_json(message: &RouterMessage) -> String {
    let mut out = Vec::new();
    encode_router(message, Serializer::Json, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn event(id: u64, publication: PublicationId, details: &str, payload: &str) -> String {
    format!("[36,{id},{},{details}{payload}]", publication.number())
}

fn subscribe(lab: &mut Lab, peer: Peer, options: SubscribeOptions) {
    lab.send(peer, client::subscribe_with(1, options, "com.secret"));
    lab.received(peer);
}

fn heard(lab: &mut Lab, peer: Peer) -> Vec<String> {
    lab.received(peer).iter().map(as_json).collect()
}

const PASSTHRU: &str =
    r#"{"ppt_scheme":"x_mine","ppt_serializer":"custom","ppt_cipher":"rot13","ppt_keyid":"k1"}"#;
const BINARY: &str = r#",["\u0000AAEC"]"#;

#[test]
fn passthru_payload_reaches_subscribers_with_the_feature_only() {
    let mut lab = Lab::new();
    let [publisher, ann] = ["publisher", "ann"].map(|name| lab.join_as(able(name)));
    let basic = lab.join_as(Client::basic("basic"));
    for subscriber in [ann, basic] {
        subscribe(&mut lab, subscriber, SubscribeOptions::default());
    }
    lab.send(publisher, publish(PASSTHRU, BINARY));
    let expected = event(1, lab.last_publication(), PASSTHRU, BINARY);
    assert_eq!(heard(&mut lab, ann), [expected]);
    assert_eq!(heard(&mut lab, basic), [""; 0]);
    lab.send(publisher, publish("{}", ",[1]"));
    let expected = event(1, lab.last_publication(), "{}", ",[1]");
    let both = [ann, basic].map(|subscriber| heard(&mut lab, subscriber));
    assert_eq!(both, [vec![expected.clone()], vec![expected]]);
}

#[test]
fn unannounced_passthru_aborts_the_publisher_and_reaches_no_subscriber() {
    let mut lab = Lab::new();
    let ann = lab.join_as(able("ann"));
    subscribe(&mut lab, ann, SubscribeOptions::default());
    let mut other_role = Client::named("publisher");
    other_role.roles.subscriber = able("").roles.subscriber;
    for client in [Client::basic("publisher"), other_role] {
        let publisher = lab.join_as(client);
        assert_eq!(lab.submit(publisher, publish(PASSTHRU, BINARY)), SessionFlow::Close);
        let text = "ppt_scheme: HELLO has not announced payload_passthru_mode for this role";
        assert_eq!(lab.received(publisher), [router::violation(text)]);
        assert_eq!(heard(&mut lab, ann), [""; 0]);
    }
}

#[test]
fn empty_ppt_scheme_of_a_publication_is_no_passthru() {
    let mut lab = Lab::new();
    let [publisher, ann] = ["publisher", "ann"].map(|name| lab.join_as(Client::basic(name)));
    subscribe(&mut lab, ann, SubscribeOptions::default());
    let options = r#"{"ppt_scheme":""}"#;
    lab.send(publisher, publish(options, ",[1]"));
    assert_eq!(heard(&mut lab, ann), [event(1, lab.last_publication(), options, ",[1]")]);
}

#[test]
fn group_member_with_payload_passthru_gets_the_event() {
    let mut lab = Lab::new();
    let publisher = lab.join_as(able("publisher"));
    let workers = [Client::basic("basic"), able("able")].map(|client| {
        let worker = lab.join_as(client);
        let options = SubscribeOptions { group: Some("g".into()), ..SubscribeOptions::default() };
        subscribe(&mut lab, worker, options);
        worker
    });
    for _ in 0..2 {
        lab.send(publisher, publish(PASSTHRU, BINARY));
        let expected = event(1, lab.last_publication(), PASSTHRU, BINARY);
        assert_eq!(workers.map(|worker| heard(&mut lab, worker)), [vec![], vec![expected]]);
    }
}

#[test]
fn retained_passthru_event_reaches_subscribers_with_the_feature_only() {
    let mut lab = Lab::new();
    let publisher = lab.join_as(able("publisher"));
    lab.send(publisher, publish(r#"{"retain":true}"#, ",[1]"));
    let retaining = PASSTHRU.replacen('{', r#"{"retain":true,"#, 1);
    lab.send(publisher, publish(&retaining, BINARY));
    let publication = lab.last_publication();
    let details = PASSTHRU.replacen('{', r#"{"retained":true,"#, 1);
    for (client, expected) in [
        (able("able"), vec![event(1, publication, &details, BINARY)]),
        (Client::basic("basic"), vec![]),
    ] {
        let late = lab.join_as(client);
        let options = SubscribeOptions { get_retained: Some(true), ..SubscribeOptions::default() };
        lab.send(late, client::subscribe_with(1, options, "com.secret"));
        assert_eq!(heard(&mut lab, late)[1..], expected);
    }
}

#[test]
fn history_returns_passthru_events() {
    let pattern = UriPattern::new("com.secret", MatchPolicy::Exact, UriRule::Loose).unwrap();
    let histories = vec![HistorySettings::new(pattern, 9)];
    let mut lab = Lab::with(RealmSettings { histories, ..settings() });
    let publisher = lab.join_as(able("publisher"));
    lab.send(publisher, publish(PASSTHRU, BINARY));
    let publication = lab.last_publication().number();
    lab.send(publisher, client::call(2, "wamp.subscription.get_events", args([1])));
    let told = format!(
        r#"[50,2,{{}},[{{"timestamp":"2026-01-01T00:00:00.000Z","subscription":1,"publication":{publication},"topic":"com.secret","details":{PASSTHRU},"time_ns":1767225600000000000,"realm":"realm1","session_id":null,"authid":null,"authrole":null,"args":["\u0000AAEC"]}}]]"#
    );
    assert_eq!(heard(&mut lab, publisher), [told]);
}

#[test]
fn passthru_testament_needs_the_announced_feature() {
    let options = json!({"publish_options": {"ppt_scheme": "x_mine"}});
    let arguments = json!(["com.secret", ["\u{0}AAEC"], null]);
    let add = "wamp.session.add_testament";
    let mut lab = Lab::new();
    let able = lab.join_as(able("able"));
    assert_eq!(lab.ask_with(able, add, arguments.clone(), options.clone()), Ok(json!([null])));
    let basic = lab.join_as(Client::basic("basic"));
    let text = "ppt_scheme: HELLO has not announced payload_passthru_mode for the publisher";
    let refused = refusal(error_uri::FEATURE_NOT_SUPPORTED, text);
    assert_eq!(lab.ask_with(basic, add, arguments, options), refused);
}

/// `docs/decisions/traps.md#f16`: the element after the topic decides on the form.
#[test]
fn binary_in_place_of_the_arguments_is_forwarded() {
    let mut lab = Lab::new();
    let [publisher, ann] = ["publisher", "ann"].map(|name| lab.join_as(Client::basic(name)));
    subscribe(&mut lab, ann, SubscribeOptions::default());
    let options = r#"{"enc_algo":"cryptobox","enc_key":"k","enc_serializer":"json"}"#;
    let binary = r#","\u0000AAEC""#;
    lab.send(publisher, publish(options, binary));
    assert_eq!(heard(&mut lab, ann), [event(1, lab.last_publication(), options, binary)]);
}

/// `docs/decisions/traps.md#f16`: a binary without `enc_algo` must be announced, or it is a
/// violation.
#[test]
fn binary_without_enc_algo_needs_the_announced_feature() {
    let mut lab = Lab::new();
    let ann = lab.join_as(Client::basic("ann"));
    subscribe(&mut lab, ann, SubscribeOptions::default());
    let binary = r#","\u0000AAEC""#;
    for feature in [Feature::PayloadTransparency, Feature::PayloadEncryptionCryptobox] {
        let mut client = Client::basic("publisher");
        client.roles.publisher = Some(Features::of(&[feature]));
        let publisher = lab.join_as(client);
        for options in ["{}", r#"{"enc_algo":null}"#] {
            lab.send(publisher, publish(options, binary));
            assert_eq!(heard(&mut lab, ann), [event(1, lab.last_publication(), "{}", binary)]);
        }
    }
    let mut other_role = Client::basic("publisher");
    other_role.roles.subscriber = Some(Features::of(&[Feature::PayloadTransparency]));
    for client in [able("publisher"), other_role] {
        let publisher = lab.join_as(client);
        assert_eq!(lab.submit(publisher, publish("{}", binary)), SessionFlow::Close);
        let text = "a binary in the place of the arguments: there is no enc_algo, and HELLO has not \
                    announced payload_transparency for this role";
        assert_eq!(lab.received(publisher), [router::violation(text)]);
        assert_eq!(heard(&mut lab, ann), [""; 0]);
    }
}

#[test]
fn extension_attributes_of_a_publication_are_forwarded() {
    let mut lab = Lab::new();
    let [publisher, ann] = ["publisher", "ann"].map(|name| lab.join_as(Client::basic(name)));
    subscribe(&mut lab, ann, SubscribeOptions::default());
    for (options, details) in [
        (r#"{"_trace":"00-1","_my_tags":[1,{"a":null}]}"#, None),
        (r#"{"transaction_hash":"0x1"}"#, None),
        (r#"{"forward_for":[{"session":1,"authid":"r1","authrole":"router"}]}"#, None),
        // Keys that are not custom attributes are ignored.
        (r#"{"_ab":1,"__A_b":2,"unheard_of":3,"x_own":4}"#, Some("{}")),
    ] {
        lab.send(publisher, publish(options, ",[1]"));
        let details = details.unwrap_or(options);
        assert_eq!(heard(&mut lab, ann), [event(1, lab.last_publication(), details, ",[1]")]);
    }
}
