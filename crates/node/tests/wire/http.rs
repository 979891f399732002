//! The HTTP bridge and other web services: calls, publications, unusual and malformed requests.

use crate::router::{cancelable_callee, router};
use crate::support::process::peak_resident_bytes;
use crate::support::{CallPair, HttpClient, RawPeer as _, post_request};

const CALL: &str = r#"{"procedure":"com.example.echo","args":["hi"],"kwargs":{"loud":true}}"#;

/// A response of the bridge with its headers and this body.
fn bridged(status: u16, body: &str) -> String {
    let length = body.len();
    format!(
        "{status}\ncontent-type: application/json; charset=UTF-8\n\
         cache-control: no-store,no-cache,must-revalidate,max-age=0\nvary: Origin\n\
         access-control-allow-origin: *\naccess-control-allow-credentials: true\n\
         content-length: {length}\n\n{body}"
    )
}

/// The body of a response to a denied request.
fn denied(text: &str) -> String {
    format!(r#"{{"error": "{text}", "args": [], "kwargs": {{}}}}"#)
}

#[test]
fn call_reaches_its_callee_and_the_result_comes_back() {
    let node = router();
    let mut callee = cancelable_callee(&node, "com.example.echo");
    let mut http = node.http();
    for (invocation, path) in [(1, "/call"), (2, "/deep/call"), (3, "/call/")] {
        http.send(&post_request(path, CALL));
        assert_eq!(callee.receive(), format!(r#"[68,{invocation},1,{{}},["hi"],{{"loud":true}}]"#));
        callee.send(&format!(r#"[70,{invocation},{{}},["hi"],{{"loud":false}}]"#));
        let body = r#"{"args":["hi"],"kwargs":{"loud":false}}"#;
        assert_eq!(http.receive().to_string(), bridged(200, body), "at {path}");
    }
}

#[test]
fn publication_reaches_its_subscriber() {
    let node = router();
    let mut subscriber = cancelable_callee(&node, "com.example.echo");
    subscriber.obtain_id(r#"[32,2,{},"com.example.topic"]"#);
    let body = r#"{"topic":"com.example.topic","args":[1,"two"]}"#;
    let answer = node.http().post("/publish", body);
    let event = subscriber.receive();
    let publication = event.strip_prefix("[36,1,").and_then(|event| event.split(',').next());
    let publication = publication.expect("a publication id");
    assert_eq!(event, format!(r#"[36,1,{publication},{{}},[1,"two"]]"#));
    assert_eq!(answer.to_string(), bridged(200, &format!(r#"{{"id":{publication}}}"#)));
}

#[test]
fn client_that_disconnects_cancels_its_call() {
    let node = router();
    let mut callee = cancelable_callee(&node, "com.example.echo");
    let mut http = node.http();
    http.send(&post_request("/call", CALL));
    assert_eq!(callee.receive(), r#"[68,1,1,{},["hi"],{"loud":true}]"#);
    drop(http);
    assert_eq!(callee.receive(), r#"[69,1,{"mode":"killnowait","reason":"wamp.error.canceled"}]"#);
    // The late result is dropped and is no protocol violation.
    callee.send("[70,1,{}]");
    assert_eq!(callee.request(r#"[64,2,{},"com.example.other"]"#), "[65,2,2]");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let node = router();
    let mut callee = cancelable_callee(&node, "com.example.echo");
    let mut http = node.http();
    let info = "GET /info HTTP/1.1\r\nHost: localhost\r\n\r\n";
    http.send(&[&post_request("/call", CALL), info, &post_request("/call", CALL)].concat());
    for (invocation, result) in [(1, "first"), (2, "second")] {
        let expected = format!(r#"[68,{invocation},1,{{}},["hi"],{{"loud":true}}]"#);
        assert_eq!(callee.receive(), expected);
        callee.send(&format!(r#"[70,{invocation},{{}},["{result}"]]"#));
        assert_eq!(http.receive().text(), format!(r#"{{"args":["{result}"]}}"#));
        if invocation == 1 {
            assert_eq!(http.receive().text(), r#"{"name":"test","ports":[1,2]}"#);
        }
    }
}

#[test]
fn body_may_arrive_in_chunks_and_after_100_continue() {
    let node = router();
    let missing =
        denied("Request body was valid JSON, but not well formed (missing key 'procedure').");
    let mut http = node.http();
    http.send(
        "POST /call HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
         1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
    );
    assert_eq!(http.receive().to_string(), bridged(400, &missing));
    let request = post_request("/call", "{}").replace("Host", "Expect: 100-continue\r\nHost");
    let (head, body) = request.split_at(request.len() - 2);
    http.send(head);
    assert_eq!(http.receive().to_string(), "100\n\n");
    http.send(body);
    assert_eq!(http.receive().to_string(), bridged(400, &missing));
}

#[test]
fn truncated_or_malformed_body_is_denied() {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    let chunked = "POST /call HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let malformed = "Malformed request to the REST bridge.";
    for (request, text) in [
        (
            post_request("/call", "{}").replace("Length: 2", "Length: 200"),
            "Body length (2) is different to Content-Length header (200).",
        ),
        (format!("{chunked}10\r\n{{}}"), malformed),
        (format!("{chunked}zz\r\n{{}}\r\n0\r\n\r\n"), malformed),
    ] {
        let mut http = node.http();
        http.send(&request);
        http.shutdown_write();
        let answer = http.receive();
        assert_eq!((answer.status, answer.text()), (400, denied(text)), "to {request}");
        http.receive_end();
        bystanders.call();
    }
}

#[test]
fn malformed_http_is_refused_and_the_connection_closes() {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    let head = "POST /call HTTP/1.1\r\nHost: localhost\r\n";
    for (what, request, status) in [
        ("garbage", "\0\u{1}\r\n\r\n".to_owned(), 400),
        ("no version", "POST /call\r\n\r\n".to_owned(), 400),
        ("another version", head.replace("1.1", "2.0"), 400),
        ("two lengths", format!("{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"), 400),
        ("a length below zero", format!("{head}Content-Length: -2\r\n\r\n{{}}"), 400),
        ("a space before the colon", format!("{head}Content-Length : 2\r\n\r\n{{}}"), 400),
        ("a folded header", format!("{head}X: a\r\n b\r\n\r\n"), 400),
        ("an unknown transfer coding", format!("{head}Transfer-Encoding: gzip\r\n\r\n"), 400),
        ("a header without end", format!("{head}X: {}", "y".repeat(600_000)), 431),
        ("headers without end", format!("{head}{}", "X: y\r\n".repeat(2_000)), 431),
        ("a long path", format!("GET /{} HTTP/1.1\r\n\r\n", "y".repeat(70_000)), 431),
    ] {
        let mut http = node.http();
        http.send(&request);
        let answer = http.receive();
        let expected = format!("{status}\nconnection: close\ncontent-length: 0\n\n");
        assert_eq!(answer.to_string(), expected, "to {what}");
        http.receive_end();
        bystanders.call();
    }
}

/// A request head of `length` bytes; its last header field is padded.
fn head(length: usize) -> String {
    let start = "GET /info HTTP/1.1\r\nHost: localhost\r\nCookie: ";
    let end = "\r\n\r\n";
    format!("{start}{}{end}", "y".repeat(length - start.len() - end.len()))
}

#[test]
fn request_head_is_limited_to_64_kib() {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    let mut http = node.http();
    for length in [20_000, 40_000, 1 << 16] {
        assert_eq!(http.request(&head(length)).status, 200, "{length} bytes");
    }
    for (what, request) in [
        ("a head of one byte more", head((1 << 16) + 1)),
        ("390 kB of headers", head(390_000)),
        ("390 kB of headers without end", head(390_000).trim_end().to_owned()),
        (
            "390 kB of headers of a call",
            post_request("/call", CALL)
                .replace("Host", &format!("Cookie: {}\r\nHost", "y".repeat(390_000))),
        ),
    ] {
        let mut http = node.http();
        http.send(&request);
        assert_eq!(http.receive().status, 431, "{what}");
        http.receive_end();
        bystanders.call();
    }
}

#[test]
fn endless_request_heads_take_bounded_memory() {
    /// Bytes for each head: above the buffer of the router, and far below the bytes sent.
    const MOST_OF_A_HEAD: u64 = 256 << 10;
    const CLIENTS: u64 = 100;
    let node = router();
    assert_eq!(node.http().get("/info").status, 200);
    let before = peak_resident_bytes(node.id());
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| node.http()).collect();
    for client in &mut clients {
        client.send(head(390_000).trim_end());
    }
    for client in &mut clients {
        assert_eq!(client.receive().status, 431);
    }
    let grown = peak_resident_bytes(node.id()) - before;
    assert!(grown < CLIENTS * MOST_OF_A_HEAD, "{CLIENTS} heads have taken {grown} bytes");
}

#[test]
fn cors_preflight_request_is_answered() {
    let node = router();
    let answer = node.http().request(
        "OPTIONS /call HTTP/1.1\r\nHost: localhost\r\nOrigin: https://page.example\r\n\
         Access-Control-Request-Method: POST\r\n\
         Access-Control-Request-Headers: content-type\r\n\r\n",
    );
    assert_eq!(
        answer.to_string(),
        "200\ncontent-type: application/json; charset=UTF-8\n\
         cache-control: no-store,no-cache,must-revalidate,max-age=0\nvary: Origin\n\
         access-control-allow-origin: https://page.example\n\
         access-control-allow-credentials: true\naccess-control-allow-headers: content-type\n\
         allow: POST,PUT,OPTIONS\naccess-control-allow-methods: POST,PUT,OPTIONS\n\
         content-length: 0\n\n"
    );
}

#[test]
fn other_methods_are_not_allowed() {
    let node = router();
    let mut http = node.http();
    let answer = http.get("/call");
    let text = denied("Method not accepted by the REST bridge. (GET not allowed, only POST, PUT)");
    assert_eq!((answer.status, answer.text()), (405, text));
    assert_eq!(answer.header("allow"), Some("POST,PUT,OPTIONS"));
    for path in ["/info", "/index.html"] {
        assert_eq!(http.post(path, "{}").status, 405, "at {path}");
    }
}

#[test]
fn json_and_redirect_services_answer_at_their_paths() {
    let node = router();
    let mut http = node.http();
    let rows = [
        (
            "/info",
            "200\ncontent-type: application/json; charset=UTF-8\naccess-control-allow-origin: *\n\
             cache-control: no-store, no-cache, must-revalidate, max-age=0\ncontent-length: 29\n\n\
             {\"name\":\"test\",\"ports\":[1,2]}",
        ),
        (
            "/deep/info",
            "200\ncontent-type: application/json; charset=UTF-8\naccess-control-allow-origin: *\n\
             content-length: 3\n\n[1]",
        ),
        ("/old", "302\nlocation: https://example.com/new\ncontent-length: 0\n\n"),
        (
            "/deep/nothing",
            "404\ncontent-type: text/plain; charset=utf-8\ncontent-length: 32\n\n\
             Nothing is served at this path.\n",
        ),
        (
            "/deep",
            "404\ncontent-type: text/plain; charset=utf-8\ncontent-length: 32\n\n\
             Nothing is served at this path.\n",
        ),
    ];
    for (path, answer) in rows {
        assert_eq!(http.get(path).to_string(), answer, "at {path}");
    }
}

/// The server answers as soon as the head is complete.
#[test]
fn request_head_may_arrive_octet_by_octet() {
    let node = router();
    let mut http: HttpClient = node.http();
    for octet in "GET /info HTTP/1.1\r\nHost: localhost\r\n\r\n".chars() {
        http.send(&octet.to_string());
    }
    assert_eq!(http.receive().status, 200);
}

/// RFC 9112 section 3.2.
#[test]
fn request_without_host_is_refused_and_the_connection_stays_open() {
    let node = router();
    let mut http = node.http();
    http.send("POST /call HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
    let answer = http.receive();
    assert_eq!(answer.status, 400);
    assert_eq!(answer.text(), "A request must have one header Host.\n");
    http.send("POST /call HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}");
    assert_eq!(http.receive().status, 400);
}

/// RFC 9112 section 3.2, for every version and at every path.
#[test]
fn request_with_two_hosts_is_refused_and_the_connection_stays_open() {
    let node = router();
    let mut http = node.http();
    for path in ["/call", "/page.txt", "/lp/open", "/info", "/old", "/deep/nothing"] {
        for (version, hosts) in [
            ("1.1", "Host: a\r\nHost: a\r\n"),
            ("1.1", "Host: a\r\nX: y\r\nhost: b\r\n"),
            ("1.0", "Connection: keep-alive\r\nHost: a\r\nHost: a\r\n"),
        ] {
            http.send(&format!(
                "POST {path} HTTP/{version}\r\n{hosts}Content-Length: 2\r\n\r\n{{}}"
            ));
            let answer = http.receive();
            assert_eq!(answer.status, 400, "{hosts:?} at {path}");
            assert_eq!(answer.text(), "A request must have one header Host.\n", "at {path}");
        }
    }
}

#[test]
fn retained_publication_reaches_later_subscribers() {
    let node = router();
    let kept = r#"{"topic":"com.example.kept","args":["kept"],"options":{"retain":true}}"#;
    let published = node.http().post("/publish", kept);
    let id = published.text();
    let id = id.strip_prefix(r#"{"id":"#).and_then(|id| id.strip_suffix('}')).expect("an id");
    let mut late = node.join();
    late.obtain_id(r#"[32,1,{"get_retained":true},"com.example.kept"]"#);
    assert_eq!(late.receive(), format!(r#"[36,1,{id},{{"retained":true}},["kept"]]"#));
}
