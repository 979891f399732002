//! The router that most tests use, and calls in flight.

use crate::support::{
    ClientStream, HttpClient, JSON, NodeProcess, RawPeer as _, RawSocketPeer, post_request,
};

/// The program under test.
pub(crate) const CLOVERLEAF: &str = env!("CARGO_BIN_EXE_cloverleaf");

/// Message limit of the small transports in bytes: enough for HELLO.
pub(crate) const SMALL: usize = 1024;

/// An open realm, a realm without the role `anonymous`, and one transport of every kind. The system
/// chooses the ports.
const CONFIG: &str = r#"{
  "version": 2,
  "workers": [{
    "type": "router",
    "realms": [
      {"name": "realm1", "options": {"compatibility": "wamp"}, "roles": [{"name": "anonymous", "permissions": [
        {"uri": "", "match": "prefix", "allow":
          {"call": true, "register": true, "publish": true, "subscribe": true}},
        {"uri": "com.example.secret", "match": "exact", "allow": {}}
      ]}]},
      {"name": "members", "roles": [{"name": "member", "permissions": []}]}
    ],
    "transports": [
      {"type": "web", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
       "paths": {
         "/": {"type": "static", "directory": "web", "options": {"cache_timeout": 60}},
         "files": {"type": "static", "directory": "web"},
         "ws": {"type": "websocket"},
         "small": {"type": "websocket", "options": {"max_message_size": 1024}},
         "strict": {"type": "websocket", "serializers": ["json"], "options": {
            "allowed_origins": ["https://*.example.com"], "allow_null_origin": false,
            "enable_webstatus": false}},
         "lp": {"type": "longpoll"},
         "call": {"type": "caller", "realm": "realm1", "role": "anonymous"},
         "publish": {"type": "publisher", "realm": "realm1", "role": "anonymous"},
         "info": {"type": "json", "value": {"name": "test", "ports": [1, 2]},
                  "options": {"allow_cross_origin": true, "discourage_caching": true}},
         "old": {"type": "redirect", "url": "https://example.com/new"},
         "deep": {"type": "path", "paths": {
            "info": {"type": "json", "value": [1]},
            "call": {"type": "caller", "realm": "realm1", "role": "anonymous"}}}
       }},
      {"type": "rawsocket", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}},
      {"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}},
      {"type": "rawsocket", "endpoint": {"type": "unix", "path": "small.sock"},
       "serializers": ["json"], "options": {"max_message_size": 1024}},
      {"type": "rawsocket", "endpoint": {"type": "unix", "path": "long.sock"},
       "auth": {"anonymous": {"type": "static", "authid": "LONG_AUTHID"}}},
      {"type": "rawsocket", "endpoint": {"type": "unix", "path": "bjdata.sock"},
       "serializers": ["bjdata"]},
      {"type": "websocket", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}}
    ]
  }]
}"#;

/// Starts a node with a transport of every kind.
pub(crate) fn router() -> NodeProcess {
    router_with(r#""compatibility": "wamp""#)
}

/// Starts that node with other options of the open realm.
pub(crate) fn router_with(options: &str) -> NodeProcess {
    let directory = crate::support::TempDirectory::new();
    directory.write("web/index.html", "<h1>front</h1>");
    directory.write("web/page.txt", "a page");
    directory.write("web/empty.txt", "");
    directory.write("web/below/index.html", "<h1>below</h1>");
    let config = CONFIG.replace("LONG_AUTHID", &"x".repeat(512));
    let config = config.replace(r#""compatibility": "wamp""#, options);
    NodeProcess::start_in(CLOVERLEAF, directory, &config)
}

/// A callee that announces `call_canceling` and has registered `procedure`. It may subscribe, too.
pub(crate) fn cancelable_callee(node: &NodeProcess, procedure: &str) -> RawSocketPeer {
    let mut callee = node.rawsocket(JSON);
    let hello =
        r#"[1,"realm1",{"roles":{"callee":{"features":{"call_canceling":true}},"subscriber":{}}}]"#;
    assert!(callee.request(hello).starts_with("[2,"));
    callee.obtain_id(&format!(r#"[64,1,{{}},"{procedure}"]"#));
    callee
}

/// A call of `com.example.slow` in flight: returns its callee, which has received the invocation,
/// and its caller, which is connected by `caller`.
pub(crate) fn call_in_flight(
    node: &NodeProcess,
    caller: ClientStream,
) -> (RawSocketPeer, RawSocketPeer) {
    let mut callee = node.join();
    let mut caller = RawSocketPeer::open(caller, JSON);
    caller.join();
    callee.obtain_id(r#"[64,1,{},"com.example.slow"]"#);
    caller.send(r#"[48,1,{},"com.example.slow"]"#);
    assert_eq!(callee.receive(), "[68,1,1,{}]");
    (callee, caller)
}

/// A call of `com.example.slow` over HTTP in flight: returns its callee, which has received the
/// invocation, and its caller.
pub(crate) fn http_call_in_flight(node: &NodeProcess) -> (RawSocketPeer, HttpClient) {
    let mut callee = node.join();
    callee.obtain_id(r#"[64,1,{},"com.example.slow"]"#);
    let mut http = node.http();
    http.send(&post_request("/call", r#"{"procedure":"com.example.slow"}"#));
    assert_eq!(callee.receive(), "[68,1,1,{}]");
    (callee, http)
}
