//! The test vectors of the WAMP project for routers.
//!
//! They are not part of this repository: the environment variable `WAMP_VECTORS` names the folder
//! `testsuite` of a checkout of the specification. Without it this test passes and says so.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::message::RouterMessage;
use cloverleaf_wamp::message::wire::{decode_client, encode_router};
use cloverleaf_wamp::serializer::Serializer;
use serde_json::{Value, json};

/// The files below a folder, in order.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// A message of a client as on the wire.
fn sent(message: &Value) -> Value {
    let [request, options, topic, args] =
        ["request_id", "options", "topic", "args"].map(|name| &message[name]);
    match message["type"].as_str() {
        Some("SUBSCRIBE") => json!([32, request, options, topic]),
        Some("PUBLISH") => json!([16, request, options, topic, args]),
        other => panic!("{other:?} is not known to this test"),
    }
}

/// A message of the router as on the wire; ids that the router chooses are compared by name.
fn expected(message: &Value) -> Value {
    match message["type"].as_str() {
        Some("SUBSCRIBED") => json!([33, message["request_id"], "subscription"]),
        Some("EVENT") => {
            json!([36, "subscription", "publication", message["details"], message["args"]])
        }
        other => panic!("{other:?} is not known to this test"),
    }
}

/// A message that the router has sent, in the same form.
fn received(message: &RouterMessage) -> Value {
    let mut text = Vec::new();
    encode_router(message, Serializer::Json, &mut text).expect("JSON");
    let mut message: Value = serde_json::from_slice(&text).expect("JSON");
    match message[0].as_u64() {
        Some(33) => message[2] = "subscription".into(),
        Some(36) => {
            message[1] = "subscription".into();
            message[2] = "publication".into();
        }
        _ => {}
    }
    message
}

fn play(scene: &Value) {
    let mut lab = Lab::new();
    let name = |value: &Value| value.as_str().expect("a name").to_owned();
    let sessions = scene["sessions"].as_array().expect("sessions");
    let ids = sessions.iter().map(|session| name(&session["session_id"]));
    let peers: BTreeMap<String, Peer> = ids.map(|id| (id, lab.join("a session"))).collect();
    let mut inboxes: BTreeMap<Peer, Vec<Value>> = BTreeMap::new();
    for step in scene["sequence"].as_array().expect("a sequence") {
        if let Some(peer) = peers.get(&name(&step["from"])) {
            let text = serde_json::to_vec(&sent(&step["message"])).expect("JSON");
            let message = decode_client(Serializer::Json, &text.into()).expect("a message");
            lab.send(*peer, message);
            continue;
        }
        let peer = peers[&name(&step["to"])];
        let inbox = inboxes.entry(peer).or_default();
        inbox.extend(lab.received(peer).iter().map(received));
        assert!(!inbox.is_empty(), "nothing has come: {step}");
        assert_eq!(inbox.remove(0), expected(&step["message"]), "{step}");
    }
    for peer in peers.into_values() {
        let rest = inboxes.remove(&peer).unwrap_or_default();
        assert_eq!((rest, lab.received(peer)), (Vec::new(), Vec::new()), "nothing more comes");
    }
}

#[test]
fn multi_session_test_vectors_pass() {
    let folder = PathBuf::from(std::env::var_os("WAMP_VECTORS").unwrap_or_default());
    if !folder.is_dir() {
        eprintln!("\n*** SKIPPED: no WAMP test vectors (WAMP_VECTORS says where) ***\n");
        return;
    }
    let mut scenes = Vec::new();
    files(&folder.join("multisession"), &mut scenes);
    assert!(!scenes.is_empty(), "{} has no scenes in it", folder.display());
    for file in scenes {
        play(&serde_json::from_slice(&fs::read(&file).expect("a file")).expect("JSON"));
    }
}
