//! Paths of an HTTP listener that are added, changed and removed.

use serde_json::{Value, json};

use cloverleaf_client::net::Client;

use crate::clients::{Http, Load, register_add};
use crate::fixture::{
    TestNode, any_port, caller, join, page, rawsocket, realm, session_count, wait_for_sessions, web,
};

fn transports(paths: Value) -> [Value; 2] {
    [rawsocket(any_port(1)), web(any_port(2), paths)]
}

#[tokio::test]
async fn path_is_added_and_removed_under_load() {
    let realms = [realm("realm1")];
    let without = || transports(json!({"call": caller("realm1")}));
    let with = || transports(json!({"call": caller("realm1"), "more": page("more")}));
    let mut node = TestNode::start(&realms, &without()).await;
    let mut load = Load::start(&node).await;
    for _ in 0..3 {
        load.call_over_http(node.address(1)).await;
    }
    // One connection on the fast path and one that has left it.
    let mut fast = Http::connect(node.address(1)).await;
    assert_eq!(fast.call("com.add", json!([1, 2])).await.0, 200);
    let mut slow = Http::connect(node.address(1)).await;
    assert_eq!(slow.get("/more").await.0, 404);
    for _ in 0..5 {
        node.apply(&realms, &with()).await.unwrap();
        assert_eq!(slow.get("/more").await, (200, r#""more""#.to_owned()));
        assert_eq!(fast.call("com.add", json!([1, 2])).await.0, 200);
        load.go_on().await;
        node.apply(&realms, &without()).await.unwrap();
        assert_eq!(slow.get("/more").await.0, 404);
        assert_eq!(fast.call("com.add", json!([1, 2])).await.0, 200);
        load.go_on().await;
    }
    assert_eq!(fast.get("/more").await.0, 404);
    // The load has three sessions, the caller has kept its own one.
    assert_eq!(session_count(load.session()).await, 4);
    load.finish().await;
}

#[tokio::test]
async fn keep_alive_connections_see_each_change_of_a_path() {
    let realms = [realm("realm1"), realm("realm2")];
    let at = |service: Value| transports(json!({"call": service, "fast": caller("realm1")}));
    let mut node = TestNode::start(&realms, &at(caller("realm1"))).await;
    let callee = node.join(0).await;
    register_add(&callee).await;
    let mut http = Http::connect(node.address(1)).await;
    let sum = (200, r#"{"args":[3]}"#.to_owned());
    assert_eq!(http.call("com.add", json!([1, 2])).await, sum);

    // Another realm, which has no callee.
    node.apply(&realms, &at(caller("realm2"))).await.unwrap();
    http.call_nothing("com.add").await;
    // Another service, for which the connection leaves the fast path.
    node.apply(&realms, &at(page("a page"))).await.unwrap();
    assert_eq!(http.get("/call").await, (200, r#""a page""#.to_owned()));
    // And the first one again.
    node.apply(&realms, &at(caller("realm1"))).await.unwrap();
    assert_eq!(http.call("com.add", json!([1, 2])).await, sum);
    // Options of the listener.
    let mut options = at(caller("realm1"));
    options[1]["options"] = json!({"hsts": true});
    node.apply(&realms, &options).await.unwrap();
    assert_eq!(http.call("com.add", json!([1, 2])).await, sum);
    // The sessions of replaced callers have left.
    wait_for_sessions(&callee, 3).await;
    node.wait_for_connections(2).await;
}

#[tokio::test]
async fn request_in_flight_is_answered_by_the_service_that_has_it() {
    let realms = [realm("realm1")];
    let mut node = TestNode::start(&realms, &transports(json!({"call": caller("realm1")}))).await;
    let session = node.join(0).await;
    let (invoked, mut invocations) = tokio::sync::mpsc::unbounded_channel();
    let (answer, answers) = tokio::sync::watch::channel(false);
    let wait = move || {
        let (invoked, mut answers) = (invoked.clone(), answers.clone());
        async move {
            invoked.send(()).expect("the test waits");
            answers.wait_for(|is_given| *is_given).await.expect("the test goes on");
            Ok::<_, cloverleaf_client::Failure>("done")
        }
    };
    session.register("com.wait", wait).await.expect("registered");
    // On the fast path, and with hyper.
    let [mut fast, mut slow] =
        [Http::connect(node.address(1)).await, Http::connect(node.address(1)).await];
    assert_eq!(slow.get("/other").await.0, 404);
    for http in [&mut fast, &mut slow] {
        let body = json!({"procedure": "com.wait"});
        http.send(crate::clients::post_request("/call", &body).as_bytes()).await;
        invocations.recv().await.expect("an invocation");
    }
    node.apply(&realms, &transports(json!({"other": page("new")}))).await.unwrap();
    answer.send(true).unwrap();
    for http in [&mut fast, &mut slow] {
        assert_eq!(http.receive().await, (200, r#"{"args":["done"]}"#.to_owned()));
        assert_eq!(http.get("/other").await, (200, r#""new""#.to_owned()));
        assert_eq!(http.get("/call").await.0, 404);
    }
    // The session of the caller has left with its last request.
    wait_for_sessions(&session, 1).await;
}

#[tokio::test]
async fn long_poll_and_websocket_sessions_survive_a_change_of_another_path() {
    let realms = [realm("realm1")];
    let with = |value: &str| {
        let deep = json!({"type": "path", "paths": {"lp": {"type": "longpoll"}, "x": page(value)}});
        transports(json!({"lp": {"type": "longpoll"}, "ws": {"type": "websocket"}, "deep": deep,
            "x": page(value), "/": page(value)}))
    };
    let mut node = TestNode::start(&realms, &with("old")).await;
    let publisher = node.join(0).await;
    let websocket = Client::new(&format!("ws://{}/ws", node.address(1))).unwrap();
    let websocket = join(websocket, "realm1").await;
    let mut events = websocket.subscribe("com.news").await.unwrap();
    let mut http = Http::connect(node.address(1)).await;
    let mut sessions = Vec::new();
    for path in ["/lp", "/deep/lp"] {
        let session = open_longpoll(&mut http, path).await;
        let subscribe = json!([32, 1, {}, "com.news"]);
        assert_eq!(http.post(&format!("{session}/send"), &subscribe).await.0, 204);
        assert_eq!(http.post(&format!("{session}/receive"), &json!({})).await.0, 200);
        sessions.push(session);
    }
    assert_eq!(session_count(&publisher).await, 4);

    node.apply(&realms, &with("new")).await.unwrap();
    for path in ["/x", "/deep/x", "/"] {
        assert_eq!(http.get(path).await, (200, r#""new""#.to_owned()), "{path}");
    }
    publisher.publish("com.news").args(("news",)).send().await.unwrap();
    assert!(events.next().await.is_some());
    for session in sessions {
        let (status, body) = http.post(&format!("{session}/receive"), &json!({})).await;
        assert_eq!(status, 200);
        assert!(body.ends_with(r#",{},["news"]]"#), "{body}");
    }
}

/// Opens a long-poll session and joins `realm1`. Returns the path of the session.
async fn open_longpoll(http: &mut Http, path: &str) -> String {
    let protocols = json!({"protocols": ["wamp.2.json"]});
    let (status, body) = http.post(&format!("{path}/open"), &protocols).await;
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let session = format!("{path}/{}", body["transport"].as_str().unwrap());
    let hello = json!([1, "realm1", {"roles": {"subscriber": {}}}]);
    assert_eq!(http.post(&format!("{session}/send"), &hello).await.0, 204);
    assert_eq!(http.post(&format!("{session}/receive"), &json!({})).await.0, 200);
    session
}

#[tokio::test]
async fn long_poll_sessions_of_a_changed_path_or_a_removed_listener_end() {
    let realms = [realm("realm1")];
    let with = |timeout: u32| {
        let options = json!({"request_timeout": timeout});
        transports(json!({"lp": {"type": "longpoll", "options": options}, "x": page("x")}))
    };
    let mut node = TestNode::start(&realms, &with(10)).await;
    let other = node.join(0).await;
    let mut http = Http::connect(node.address(1)).await;
    let session = open_longpoll(&mut http, "/lp").await;
    assert_eq!(session_count(&other).await, 2);
    node.apply(&realms, &with(11)).await.unwrap();
    assert_eq!(http.post(&format!("{session}/receive"), &json!({})).await.0, 404);
    wait_for_sessions(&other, 1).await;
    open_longpoll(&mut http, "/lp").await;
    assert_eq!(session_count(&other).await, 2);
    node.apply(&realms, &with(11)[..1]).await.unwrap();
    http.receive_end().await;
    wait_for_sessions(&other, 1).await;
}
